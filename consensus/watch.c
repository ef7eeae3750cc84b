/* consensus/watch.c - finding the watchers of an event, and the events of a watcher.
 *
 * A watcher is idle or ready. While idle it has fetched everything up to the hub's revision: each
 * event looks up who watches its key, so none that matters can have passed. The first one that does
 * makes it ready and notes the event's position; fetching walks the history from there, so what
 * lies between two events of a quiet watcher is never looked at. A ready watcher whose position has
 * fallen out of the history has a gap.
 *
 * Who watches a key: watchers of one key by that key; watchers of a prefix by the prefix, looked up
 * once per length of prefix in use; watchers of a range one by one. */
#include "consensus/watch.h"

#include <string.h>

#include "base/list.h"
#include "base/mem.h"
#include "base/must.h"
#include "consensus/history.h"

/* Watchers of the same key, or prefix. */
struct place {
    struct omap_item item;
    struct list watches;
    uint8_t bytes[];
};

struct watch_hub {
    struct history history;
    uint64_t revision;
    struct omap by_key;                   /* of struct place */
    struct omap by_prefix;                /* of struct place */
    uint32_t prefixes_of[KV_KEY_MAX + 1]; /* places by the length of their prefix */
    uint16_t lengths[KV_KEY_MAX + 1];     /* those in use */
    size_t length_count;
    struct list ranges; /* of struct watch */
    struct list ready;
    struct list all;
    size_t count;
    struct watch_event *events; /* of the batch that was fetched last */
    size_t events_room;
};

struct watch {
    struct list all_link;
    struct list ready_link;
    struct list place_link; /* in its place, or among the ranges */
    struct watch_hub *hub;
    struct place *place; /* NULL for ranges */
    struct watch_options options;
    uint64_t next_revision; /* the first not fetched; an idle one is at the hub's, at least */
    uint64_t position;      /* while ready: where the next event may be */
    bool is_compacted;
    uint8_t bytes[]; /* of the span */
};

struct watch_hub *watch_hub_create(size_t events_max, size_t bytes_max)
{
    struct watch_hub *hub = mem_zalloc(sizeof(*hub));
    history_init(&hub->history, events_max, bytes_max, 0);
    list_init(&hub->ranges);
    list_init(&hub->ready);
    list_init(&hub->all);
    return hub;
}

void watch_hub_destroy(struct watch_hub *hub)
{
    if (hub == NULL) {
        return;
    }
    LIST_FOR_EACH_SAFE (struct watch, watch, &hub->all, all_link) {
        watch_close(watch);
    }
    omap_close(&hub->by_key);
    omap_close(&hub->by_prefix);
    history_close(&hub->history);
    mem_free(hub->events);
    mem_free(hub);
}

/* ---- places ---- */

static struct place *place_of_item(struct omap_item *item)
{
    return item == NULL ? NULL : CONTAINER_OF(item, struct place, item);
}

static void list_lengths(struct watch_hub *hub)
{
    hub->length_count = 0;
    for (size_t length = 0; length <= KV_KEY_MAX; length++) {
        if (hub->prefixes_of[length] > 0) {
            hub->lengths[hub->length_count] = (uint16_t)length;
            hub->length_count++;
        }
    }
}

static struct place *place_enter(struct watch_hub *hub, struct omap *map, struct kv_slice key)
{
    struct place *place = place_of_item(omap_find(map, key));
    if (place != NULL) {
        return place;
    }
    place = mem_alloc(sizeof(*place) + key.size);
    if (key.size > 0) {
        memcpy(place->bytes, key.bytes, key.size);
    }
    place->item = (struct omap_item){.key = place->bytes, .key_size = (uint32_t)key.size};
    list_init(&place->watches);
    omap_insert(map, &place->item);
    if (map == &hub->by_prefix) {
        hub->prefixes_of[key.size]++;
        list_lengths(hub);
    }
    return place;
}

static void place_leave(struct watch_hub *hub, struct omap *map, struct place *place)
{
    if (!list_empty(&place->watches)) {
        return;
    }
    omap_remove(map, &place->item);
    if (map == &hub->by_prefix) {
        hub->prefixes_of[place->item.key_size]--;
        list_lengths(hub);
    }
    mem_free(place);
}

static struct omap *map_of(struct watch_hub *hub, enum kv_span_kind kind)
{
    return kind == KV_SPAN_KEY ? &hub->by_key : &hub->by_prefix;
}

static void watch_settle(struct watch *watch)
{
    struct watch_hub *hub = watch->hub;
    const struct kv_span *span = &watch->options.span;
    if (span->kind == KV_SPAN_RANGE) {
        list_push_back(&hub->ranges, &watch->place_link);
        return;
    }
    watch->place = place_enter(hub, map_of(hub, span->kind), span->key);
    list_push_back(&watch->place->watches, &watch->place_link);
}

/* ---- opening and closing ---- */

static void make_ready(struct watch *watch, uint64_t position)
{
    watch->position = position;
    list_push_back(&watch->hub->ready, &watch->ready_link);
}

static bool is_ready(const struct watch *watch)
{
    return !list_empty(&watch->ready_link);
}

/* It missed events that are gone: all that it will ever hear is that. */
static void make_compacted(struct watch *watch)
{
    watch->is_compacted = true;
    if (!is_ready(watch)) {
        make_ready(watch, 0);
    }
}

struct watch *watch_open(struct watch_hub *hub, const struct watch_options *options)
{
    const struct kv_span *span = &options->span;
    struct watch *watch = mem_zalloc(sizeof(*watch) + span->key.size + span->end.size);
    watch->hub = hub;
    watch->options = *options;
    if (span->key.size > 0) {
        memcpy(watch->bytes, span->key.bytes, span->key.size);
    }
    if (span->end.size > 0) {
        memcpy(watch->bytes + span->key.size, span->end.bytes, span->end.size);
    }
    watch->options.span.key = kv_slice(watch->bytes, span->key.size);
    watch->options.span.end = kv_slice(watch->bytes + span->key.size, span->end.size);
    list_init(&watch->all_link);
    list_init(&watch->ready_link);
    list_init(&watch->place_link);
    list_push_back(&hub->all, &watch->all_link);
    hub->count++;
    watch_settle(watch);

    uint64_t from = options->from_revision;
    watch->next_revision = from == 0 ? hub->revision + 1 : from;
    if (watch->next_revision <= hub->revision) {
        if (watch->next_revision < hub->history.oldest_revision) {
            make_compacted(watch);
        } else {
            make_ready(watch, history_find(&hub->history, watch->next_revision));
        }
    }
    return watch;
}

void watch_close(struct watch *watch)
{
    if (watch == NULL) {
        return;
    }
    struct watch_hub *hub = watch->hub;
    list_remove(&watch->all_link);
    list_remove(&watch->ready_link);
    list_remove(&watch->place_link);
    if (watch->place != NULL) {
        place_leave(hub, map_of(hub, watch->options.span.kind), watch->place);
    }
    MUST(hub->count > 0);
    hub->count--;
    mem_free(watch);
}

void *watch_owner(const struct watch *watch)
{
    return watch->options.owner;
}

/* ---- from the machine ---- */

static bool wants(const struct watch *watch, const struct history_event *event)
{
    return !watch->is_compacted && event->revision >= watch->next_revision &&
           !(event->now == NULL ? watch->options.no_deletes : watch->options.no_puts);
}

static void notify(const struct list *watches, const struct history_event *event, uint64_t position,
                   struct kv_slice key)
{
    LIST_FOR_EACH (struct watch, watch, watches, place_link) {
        if (!is_ready(watch) && wants(watch, event) &&
            (watch->place != NULL || kv_span_holds(&watch->options.span, key))) {
            make_ready(watch, position);
        }
    }
}

static void dispatch(struct watch_hub *hub, const struct history_event *event, uint64_t position)
{
    struct kv_slice key = history_key(event);
    const struct place *place = place_of_item(omap_find(&hub->by_key, key));
    if (place != NULL) {
        notify(&place->watches, event, position, key);
    }
    for (size_t i = 0; i < hub->length_count && hub->lengths[i] <= key.size; i++) {
        place = place_of_item(omap_find(&hub->by_prefix, kv_slice(key.bytes, hub->lengths[i])));
        if (place != NULL) {
            notify(&place->watches, event, position, key);
        }
    }
    notify(&hub->ranges, event, position, key);
}

void watch_hub_event(struct watch_hub *hub, uint64_t revision, struct record *now,
                     struct record *before)
{
    if (hub == NULL) {
        return;
    }
    MUST(revision == hub->revision + 1);
    struct history_event event = {.revision = revision, .now = now, .before = before};
    uint64_t position = hub->history.end;
    history_add(&hub->history, &event);
    if (hub->count > 0) {
        dispatch(hub, &event, position);
    }
}

void watch_hub_end_revision(struct watch_hub *hub, uint64_t revision)
{
    if (hub == NULL) {
        return;
    }
    MUST(revision == hub->revision + 1);
    hub->revision = revision;
    history_trim(&hub->history);
}

void watch_hub_compact(struct watch_hub *hub, uint64_t revision)
{
    if (hub != NULL) {
        MUST(revision <= hub->revision);
        history_forget(&hub->history, revision);
    }
}

size_t watch_hub_cut(struct watch_hub *hub, uint64_t revision, size_t bytes)
{
    const struct history *history = &hub->history;
    size_t before = history->bytes;
    LIST_FOR_EACH (struct watch, watch, &hub->ready, ready_link) {
        bool waits = !watch->is_compacted && watch->position >= history->first &&
                     watch->position < history->end;
        uint64_t next = waits ? history_at(history, watch->position)->revision : UINT64_MAX;
        revision = next <= revision ? next - 1 : revision;
    }
    history_cut(&hub->history, revision, bytes);
    return before - history->bytes;
}

void watch_hub_reset(struct watch_hub *hub, uint64_t revision)
{
    if (hub == NULL) {
        return;
    }
    LIST_FOR_EACH (struct watch, watch, &hub->all, all_link) {
        bool has_all = !is_ready(watch) && revision == hub->revision;
        if (!has_all && watch->next_revision <= revision) {
            make_compacted(watch);
        }
    }
    hub->revision = revision;
    size_t events_max = hub->history.events_max;
    size_t bytes_max = hub->history.bytes_max;
    history_close(&hub->history);
    history_init(&hub->history, events_max, bytes_max, revision);
}

/* ---- fetching ---- */

static void add_event(struct watch_hub *hub, size_t count, const struct watch *watch,
                      const struct history_event *event)
{
    if (count == hub->events_room) {
        hub->events_room = hub->events_room > 0 ? 2 * hub->events_room : 16;
        hub->events = mem_grow(hub->events, hub->events_room, sizeof(*hub->events));
    }
    struct watch_event *out = &hub->events[count];
    *out = (struct watch_event){.revision = event->revision, .is_delete = event->now == NULL};
    if (event->now != NULL) {
        out->pair = record_pair(event->now);
    } else {
        out->pair = (struct kv_pair){.key = history_key(event), .mod_revision = event->revision};
    }
    if (watch->options.want_previous && event->before != NULL) {
        out->has_previous = true;
        out->previous = record_pair(event->before);
    }
}

static size_t event_bytes(const struct watch_event *event)
{
    return sizeof(*event) + event->pair.key.size + event->pair.value.size +
           event->previous.value.size;
}

/* Fill the batch from the watcher's position on; true if nothing is left behind it. */
static bool collect(struct watch *watch, size_t bytes_max, struct watch_batch *batch)
{
    struct watch_hub *hub = watch->hub;
    size_t bytes = 0;
    uint64_t last_revision = 0;
    while (watch->position < hub->history.end) {
        const struct history_event *event = history_at(&hub->history, watch->position);
        if (bytes >= bytes_max && batch->count > 0 && event->revision != last_revision) {
            batch->revision = event->revision - 1;
            return false;
        }
        last_revision = event->revision;
        if (wants(watch, event) && kv_span_holds(&watch->options.span, history_key(event))) {
            add_event(hub, batch->count, watch, event);
            bytes += event_bytes(&hub->events[batch->count]);
            batch->count++;
        }
        watch->position++;
    }
    batch->revision = hub->revision;
    return true;
}

enum watch_outcome watch_pull(struct watch *watch, size_t bytes_max, struct watch_batch *ret_batch)
{
    struct watch_hub *hub = watch->hub;
    *ret_batch = (struct watch_batch){.oldest_revision = hub->history.oldest_revision};
    if (is_ready(watch) && watch->position < hub->history.first) {
        watch->is_compacted = true;
    }
    if (watch->is_compacted) {
        list_remove(&watch->ready_link);
        return WATCH_COMPACTED;
    }
    if (!is_ready(watch)) {
        ret_batch->revision = hub->revision;
        return WATCH_IDLE;
    }
    list_remove(&watch->ready_link);
    if (!collect(watch, bytes_max, ret_batch)) {
        list_push_back(&hub->ready, &watch->ready_link);
    }
    watch->next_revision = ret_batch->revision + 1;
    ret_batch->events = hub->events;
    return ret_batch->count > 0 ? WATCH_EVENTS : WATCH_IDLE;
}

struct watch *watch_hub_ready(const struct watch_hub *hub)
{
    return list_empty(&hub->ready) ? NULL : CONTAINER_OF(hub->ready.next, struct watch, ready_link);
}

uint64_t watch_hub_revision(const struct watch_hub *hub)
{
    return hub->revision;
}

uint64_t watch_hub_oldest(const struct watch_hub *hub)
{
    return hub->history.oldest_revision;
}

size_t watch_hub_count(const struct watch_hub *hub)
{
    return hub->count;
}

bool watch_hub_first_change(const struct watch_hub *hub, struct kv_slice key, uint64_t revision,
                            const struct record **ret_before)
{
    const struct history *history = &hub->history;
    MUST(revision + 1 >= history->oldest_revision);
    for (uint64_t position = history_find(history, revision + 1); position < history->end;
         position++) {
        const struct history_event *event = history_at(history, position);
        if (kv_slice_equal(history_key(event), key)) {
            *ret_before = event->before;
            return true;
        }
    }
    return false;
}
