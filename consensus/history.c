/* consensus/history.c - a ring of events that grows up to its bound. */
#include "consensus/history.h"

#include "base/mem.h"
#include "base/must.h"

#define ROOM_MIN 64

void history_init(struct history *history, size_t events_max, size_t bytes_max, uint64_t revision)
{
    MUST(events_max > 0);
    *history = (struct history){
        .events_max = events_max, .bytes_max = bytes_max, .oldest_revision = revision + 1};
}

static struct history_event *slot(const struct history *history, uint64_t position)
{
    return &history->ring[position & (history->room - 1)];
}

const struct history_event *history_at(const struct history *history, uint64_t position)
{
    MUST(position >= history->first);
    MUST(position < history->end);
    return slot(history, position);
}

static void hold(struct history *history, struct record *record)
{
    if (record != NULL) {
        if (record->history_references == 0) {
            history->bytes += record_size(record);
        }
        record->history_references++;
        (void)record_ref(record);
    }
}

static void let_go(struct history *history, struct record *record)
{
    if (record != NULL) {
        MUST(record->history_references > 0);
        record->history_references--;
        if (record->history_references == 0) {
            history->bytes -= record_size(record);
        }
        record_unref(record);
    }
}

static void set_room(struct history *history, size_t room)
{
    struct history_event *ring = mem_array(room, sizeof(*ring));
    for (uint64_t position = history->first; position < history->end; position++) {
        ring[position & (room - 1)] = *slot(history, position);
    }
    mem_free(history->ring);
    history->ring = ring;
    history->room = room;
}

void history_add(struct history *history, const struct history_event *event)
{
    MUST(event->now != NULL || event->before != NULL);
    MUST(event->revision >= history->oldest_revision);
    if (history->end - history->first == history->room) {
        set_room(history, history->room > 0 ? 2 * history->room : ROOM_MIN);
    }
    hold(history, event->now);
    hold(history, event->before);
    *slot(history, history->end) = *event;
    history->end++;
    history->bytes += sizeof(*event);
}

/* All events of the oldest revision kept. */
static void drop_oldest(struct history *history)
{
    uint64_t revision = slot(history, history->first)->revision;
    while (history->first < history->end && slot(history, history->first)->revision == revision) {
        const struct history_event *event = slot(history, history->first);
        let_go(history, event->now);
        let_go(history, event->before);
        history->bytes -= sizeof(*event);
        history->first++;
    }
    history->oldest_revision = revision + 1;
}

void history_trim(struct history *history)
{
    while (history->end - history->first > history->events_max ||
           history->bytes > history->bytes_max) {
        if (history->first == history->end ||
            slot(history, history->first)->revision == slot(history, history->end - 1)->revision) {
            return;
        }
        drop_oldest(history);
    }
}

void history_forget(struct history *history, uint64_t revision)
{
    while (history->first < history->end && slot(history, history->first)->revision <= revision) {
        drop_oldest(history);
    }
    if (history->oldest_revision <= revision) {
        history->oldest_revision = revision + 1;
    }
}

void history_cut(struct history *history, uint64_t revision, size_t bytes)
{
    while (history->first < history->end && history->bytes > bytes &&
           slot(history, history->first)->revision <= revision) {
        drop_oldest(history);
    }
    size_t room = history->room;
    while (room > ROOM_MIN && 4 * (history->end - history->first) <= room) {
        room /= 2;
    }
    if (room < history->room) {
        set_room(history, room);
    }
}

uint64_t history_find(const struct history *history, uint64_t revision)
{
    uint64_t low = history->first;
    uint64_t high = history->end;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (slot(history, middle)->revision < revision) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

void history_close(struct history *history)
{
    while (history->first < history->end) {
        drop_oldest(history);
    }
    mem_free(history->ring);
    *history = (struct history){0};
}
