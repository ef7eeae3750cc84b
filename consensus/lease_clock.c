/* consensus/lease_clock.c - leases by id, and those that may run out by time. */
#include "consensus/lease_clock.h"

#include "base/mem.h"
#include "base/must.h"

static bool earlier(const struct lease_time *a, const struct lease_time *b)
{
    /* Ties by id: what is proposed first must not depend on the way the heap came about. */
    return a->until_ms < b->until_ms || (a->until_ms == b->until_ms && a->id < b->id);
}

static void set(struct lease_clock *clock, size_t place, struct lease_time *time)
{
    clock->heap[place] = time;
    time->place = place;
}

static void rise(struct lease_clock *clock, size_t place, struct lease_time *time)
{
    while (place > 0 && earlier(time, clock->heap[(place - 1) / 2])) {
        set(clock, place, clock->heap[(place - 1) / 2]);
        place = (place - 1) / 2;
    }
    set(clock, place, time);
}

static void sink(struct lease_clock *clock, size_t place, struct lease_time *time)
{
    while (2 * place + 1 < clock->heap_count) {
        size_t child = 2 * place + 1;
        if (child + 1 < clock->heap_count && earlier(clock->heap[child + 1], clock->heap[child])) {
            child++;
        }
        if (!earlier(clock->heap[child], time)) {
            break;
        }
        set(clock, place, clock->heap[child]);
        place = child;
    }
    set(clock, place, time);
}

static void heap_add(struct lease_clock *clock, struct lease_time *time)
{
    if (clock->heap_count == clock->heap_room) {
        clock->heap_room = clock->heap_room > 0 ? 2 * clock->heap_room : 16;
        clock->heap = mem_grow(clock->heap, clock->heap_room, sizeof(struct lease_time *));
    }
    clock->heap_count++;
    rise(clock, clock->heap_count - 1, time);
}

static void heap_take(struct lease_clock *clock, const struct lease_time *time)
{
    size_t place = time->place;
    MUST(place < clock->heap_count);
    MUST(clock->heap[place] == time);
    clock->heap_count--;
    if (place == clock->heap_count) {
        return;
    }
    struct lease_time *last = clock->heap[clock->heap_count];
    sink(clock, place, last);
    rise(clock, last->place, last);
}

struct lease_time *lease_clock_find(const struct lease_clock *clock, uint64_t id)
{
    uint8_t key[ID_KEY_SIZE];
    id_key_write(key, id);
    struct omap_item *item = omap_find(&clock->times, kv_slice(key, sizeof(key)));
    return item != NULL ? CONTAINER_OF(item, struct lease_time, item) : NULL;
}

void lease_clock_run(struct lease_clock *clock, uint64_t id, uint64_t generation, uint64_t until_ms)
{
    struct lease_time *time = lease_clock_find(clock, id);
    if (time == NULL) {
        time = mem_zalloc(sizeof(*time));
        time->id = id;
        id_key_write(time->id_key, id);
        time->item = (struct omap_item){.key = time->id_key, .key_size = ID_KEY_SIZE};
        omap_insert(&clock->times, &time->item);
        time->until_ms = until_ms;
        heap_add(clock, time);
    }
    time->generation = generation;
    if (until_ms > time->until_ms) {
        time->until_ms = until_ms;
        if (time->ending_index == 0) {
            sink(clock, time->place, time);
        }
    }
}

void lease_clock_remove(struct lease_clock *clock, uint64_t id)
{
    struct lease_time *time = lease_clock_find(clock, id);
    if (time == NULL) {
        return;
    }
    if (time->ending_index == 0) {
        heap_take(clock, time);
    }
    omap_remove(&clock->times, &time->item);
    mem_free(time);
}

void lease_clock_end(struct lease_clock *clock, uint64_t id, uint64_t index)
{
    struct lease_time *time = lease_clock_find(clock, id);
    if (time == NULL) {
        return;
    }
    if (time->ending_index == 0) {
        heap_take(clock, time);
    }
    time->ending_index = index;
}

void lease_clock_go_on(struct lease_clock *clock, uint64_t id, uint64_t index)
{
    struct lease_time *time = lease_clock_find(clock, id);
    if (time == NULL || time->ending_index != index) {
        return; /* gone, or a later entry ends it */
    }
    time->ending_index = 0;
    heap_add(clock, time);
}

const struct lease_time *lease_clock_first(const struct lease_clock *clock)
{
    return clock->heap_count > 0 ? clock->heap[0] : NULL;
}

void lease_clock_clear(struct lease_clock *clock)
{
    struct omap_at at;
    struct omap_item *item = omap_seek(&clock->times, kv_slice(NULL, 0), &at);
    while (item != NULL) {
        struct lease_time *time = CONTAINER_OF(item, struct lease_time, item);
        item = omap_next(&at);
        mem_free(time);
    }
    omap_close(&clock->times);
    mem_free(clock->heap);
    *clock = (struct lease_clock){0};
}
