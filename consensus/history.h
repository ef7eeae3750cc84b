/* consensus/history.h - the newest events of the store, in order, as many as fit.
 *
 * What a node keeps for watchers that come back; of no concern to the replicated state. Bounded by
 * number and by bytes, counting a record once that several events show. Whole revisions fall out at
 * the old end; only the newest one stays however large it is, so that a watcher that keeps up never
 * meets a gap. Events have positions, counted from the first there ever was. */
#ifndef CONSENSUS_HISTORY_H_
#define CONSENSUS_HISTORY_H_

#include <stddef.h>
#include <stdint.h>

#include "consensus/record.h"

struct history_event {
    uint64_t revision;
    struct record *now;    /* NULL: the key was deleted */
    struct record *before; /* NULL: there was no such key */
};

struct history {
    struct history_event *ring;
    size_t room;              /* of the ring: a power of two */
    uint64_t first;           /* position of the oldest event kept */
    uint64_t end;             /* position behind the newest */
    uint64_t oldest_revision; /* from here on all events are kept */
    size_t bytes;
    size_t events_max;
    size_t bytes_max;
};

/* Events after @revision are kept from now on. */
void history_init(struct history *history, size_t events_max, size_t bytes_max, uint64_t revision);
void history_close(struct history *history);

/* Takes references of its own. Revisions never go down. */
void history_add(struct history *history, const struct history_event *event);
/* The newest revision is complete: keep the bounds. */
void history_trim(struct history *history);
/* Forget all up to @revision. */
void history_forget(struct history *history, uint64_t revision);
/* Forget the oldest up to @revision as long as more than @bytes are kept, and give the room back.
 */
void history_cut(struct history *history, uint64_t revision, size_t bytes);

const struct history_event *history_at(const struct history *history, uint64_t position);
/* The position of the first event kept whose revision is not below @revision. */
uint64_t history_find(const struct history *history, uint64_t revision);

/* Whose key it is about. */
static inline struct kv_slice history_key(const struct history_event *event)
{
    return record_key(event->now != NULL ? event->now : event->before);
}

#endif /* CONSENSUS_HISTORY_H_ */
