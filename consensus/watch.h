/* consensus/watch.h - who wants to know about which keys, from which revision on.
 *
 * The state machine tells the hub of every event; watchers are pulled from: the hub says who has
 * something to fetch (watch_hub_ready), watch_pull() fetches it. Per watcher: every event of its
 * keys, in order, once, whole revisions at a time, none left out. Where the events it needs are no
 * longer kept it is told so, once and for all, with the oldest revision that still is; it reads the
 * state anew and watches from there.
 *
 * Delivery is this node's affair and the history (history.h) this node's memory: nothing here is in
 * the replicated state. One hub outlives the machines that a node goes through when it installs
 * snapshots. */
#ifndef CONSENSUS_WATCH_H_
#define CONSENSUS_WATCH_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "consensus/record.h"
#include "proto/kv.h"

#define WATCH_HISTORY_EVENTS 32768
#define WATCH_HISTORY_BYTES ((size_t)4 * 1024 * 1024)

struct watch_hub;
struct watch;

struct watch_hub *watch_hub_create(size_t events_max, size_t bytes_max);
/* Closes the watchers that are left. Accepts NULL. */
void watch_hub_destroy(struct watch_hub *hub);
/* Forget what happened up to @revision as long as more than @bytes are kept, but nothing that a
 * watcher has still to fetch. Returns how many bytes that were. */
size_t watch_hub_cut(struct watch_hub *hub, uint64_t revision, size_t bytes);

/* ---- for watchers ---- */

struct watch_options {
    struct kv_span span;    /* sound (kv_check.h); copied */
    uint64_t from_revision; /* the first one of interest; 0: the next */
    bool no_puts;
    bool no_deletes;
    bool want_previous;
    void *owner;
};

struct watch_event {
    uint64_t revision;
    bool is_delete;
    bool has_previous;
    struct kv_pair pair; /* of a deletion: the key alone */
    struct kv_pair previous;
};

enum watch_outcome {
    WATCH_EVENTS,    /* here they are; ask again */
    WATCH_IDLE,      /* nothing more: there is no event up to `revision` that was not fetched */
    WATCH_COMPACTED, /* a gap: events before `oldest_revision` are gone */
};

/* What it points to lives until the hub or its machine are called again. */
struct watch_batch {
    const struct watch_event *events;
    size_t count;
    uint64_t revision; /* all events up to here are in this batch or were in one before: what a
                          progress notice says, and where to resume, plus one */
    uint64_t oldest_revision;
};

struct watch *watch_open(struct watch_hub *hub, const struct watch_options *options);
/* Accepts NULL. */
void watch_close(struct watch *watch);
void *watch_owner(const struct watch *watch);

/* Fetch what has come, about @bytes_max of it, but at least one whole revision. */
enum watch_outcome watch_pull(struct watch *watch, size_t bytes_max, struct watch_batch *ret_batch);
/* A watcher with something to fetch, the one that waits longest; NULL: none. */
struct watch *watch_hub_ready(const struct watch_hub *hub);

uint64_t watch_hub_revision(const struct watch_hub *hub);
/* Events from this revision on are kept. */
uint64_t watch_hub_oldest(const struct watch_hub *hub);
size_t watch_hub_count(const struct watch_hub *hub);

/* What happened to @key after @revision first: true if something did, then *ret_before is what it
 * was until then, NULL if there was no such key. Only for revisions from watch_hub_oldest() - 1 on.
 */
bool watch_hub_first_change(const struct watch_hub *hub, struct kv_slice key, uint64_t revision,
                            const struct record **ret_before);

/* ---- for the state machine; all accept a hub of NULL ---- */

/* @now NULL: deleted; @before NULL: created. */
void watch_hub_event(struct watch_hub *hub, uint64_t revision, struct record *now,
                     struct record *before);
void watch_hub_end_revision(struct watch_hub *hub, uint64_t revision);
void watch_hub_compact(struct watch_hub *hub, uint64_t revision);
/* The state is another one, of @revision, and how it came about is not known here. */
void watch_hub_reset(struct watch_hub *hub, uint64_t revision);

#endif /* CONSENSUS_WATCH_H_ */
