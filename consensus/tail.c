/* consensus/tail.c - a ring of entries that doubles when it is full. */
#include "consensus/tail.h"

#include "base/mem.h"
#include "base/must.h"

#define ROOM_MIN 64

static struct tail_entry *place(const struct tail *t, uint64_t index)
{
    size_t offset = (size_t)(index - t->first);
    return &t->ring[(t->head + offset) & (t->room - 1)];
}

void tail_reset(struct tail *t, uint64_t first, uint64_t before_term)
{
    MUST(first > 0);
    tail_truncate(t, t->first);
    t->first = first;
    t->before_term = before_term;
    t->head = 0;
}

void tail_close(struct tail *t)
{
    tail_truncate(t, t->first);
    mem_free(t->ring);
    *t = (struct tail){0};
}

uint64_t tail_last(const struct tail *t)
{
    return t->first + t->count - 1;
}

bool tail_has(const struct tail *t, uint64_t index)
{
    return index >= t->first && index - t->first < t->count;
}

const struct tail_entry *tail_get(const struct tail *t, uint64_t index)
{
    return tail_has(t, index) ? place(t, index) : NULL;
}

uint64_t tail_term(const struct tail *t, uint64_t index)
{
    if (index + 1 == t->first) {
        return t->before_term;
    }
    return tail_has(t, index) ? place(t, index)->term : 0;
}

static void set_room(struct tail *t, size_t room)
{
    struct tail_entry *ring = mem_array(room, sizeof(*ring));
    for (size_t i = 0; i < t->count; i++) {
        ring[i] = *place(t, t->first + i);
    }
    mem_free(t->ring);
    t->ring = ring;
    t->room = room;
    t->head = 0;
}

void tail_append(struct tail *t, uint64_t term, uint8_t type, const void *data, size_t size)
{
    MUST(t->first > 0);
    MUST(term > 0);
    MUST(t->count == 0 || term >= tail_term(t, tail_last(t))); /* terms never go down in a log */
    if (t->count == t->room) {
        set_room(t, t->room > 0 ? t->room * 2 : ROOM_MIN);
    }
    t->count++;
    *place(t, tail_last(t)) =
        (struct tail_entry){.term = term, .type = type, .size = size, .data = mem_dup(data, size)};
    t->bytes += size;
}

static void drop(struct tail *t, uint64_t index)
{
    struct tail_entry *entry = place(t, index);
    t->bytes -= entry->size;
    mem_free(entry->data);
    *entry = (struct tail_entry){0};
}

void tail_truncate(struct tail *t, uint64_t from)
{
    MUST(from >= t->first);
    while (t->count > 0 && tail_last(t) >= from) {
        drop(t, tail_last(t));
        t->count--;
    }
}

void tail_trim(struct tail *t, uint64_t first)
{
    MUST(first <= tail_last(t) + 1);
    while (t->first < first) {
        t->before_term = place(t, t->first)->term;
        drop(t, t->first);
        t->head = (t->head + 1) & (t->room - 1);
        t->first++;
        t->count--;
    }
    size_t room = t->room;
    while (room > ROOM_MIN && 4 * t->count <= room) {
        room /= 2;
    }
    if (room < t->room) {
        set_room(t, room);
    }
}
