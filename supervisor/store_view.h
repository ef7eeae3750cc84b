/* supervisor/store_view.h - this node's picture of the store: read once, then followed.
 *
 *   READ --> WATCH --> (changes, whole revisions at a time) --> facts
 *     ^        |
 *     '--------'  the history does not reach back far enough any more ("compacted")
 *
 * The first read is one that a majority has confirmed: a daemon that was started again does not act
 * on what its own disk remembers. From then on facts are what this node has applied, which may be
 * behind; is_current says whether a majority was heard lately. Beside the keys it keeps the roster.
 *
 * One thread: the one that dispatches. No timer of its own: whoever owns it calls
 * store_view_tick(), every 100 ms or so. It must live until after pgraft_close(). */
#ifndef SUPERVISOR_STORE_VIEW_H_
#define SUPERVISOR_STORE_VIEW_H_

#include "supervisor/answer.h"
#include "supervisor/fence.h"
#include "supervisor/roster.h"
#include "supervisor/store_rows.h"

struct store_view_owner {
    /* Something that facts are made from has changed. NULL: nobody is told. */
    void (*changed)(void *ctx);
    void *ctx;
};

struct store_view {
    struct pgraft *store;
    const struct keys *keys;
    struct store_view_owner owner;
    struct store_rows rows;
    struct answer_book answers; /* that came since it has been watching */
    struct fence_book fences;
    struct roster roster;
    uint64_t level;       /* the feature level in force, as it was told last; 0: not known yet */
    uint64_t revision;    /* everything up to here is in @rows */
    bool is_read;         /* once, since the start */
    uint64_t found_epoch; /* what had been granted when it was read first: perhaps to an earlier
                             life of this program */
    bool is_reading;
    bool is_watching;
    uint64_t watch;
    uint64_t again_ms; /* a read that failed: not before */
    bool is_asking;
    uint64_t asked_ms;
    bool has_quorum;
    uint64_t quorum_age_ms; /* at ... */
    uint64_t quorum_at_ms;
    uint64_t now_ms;        /* of the last tick */
    uint64_t turning_ms;    /* since when an order, or a grant, has been the newest */
    uint64_t turning_epoch; /* ... which it is */
    bool forbids_moves;     /* leadership of the store stays where it is (safety A6) */
};

void store_view_open(struct store_view *view, struct pgraft *store, const struct keys *keys,
                     const struct store_view_owner *owner);
/* After pgraft_close(). */
void store_view_close(struct store_view *view);

/* CLOCK_BOOTTIME. */
void store_view_tick(struct store_view *view, uint64_t now_ms);

/* @current_ms: a majority that was heard within it is heard. sync_pending stays as it is. */
void store_view_facts(const struct store_view *view, uint64_t now_ms, uint64_t current_ms,
                      struct store_facts *out);

/* From an order to seal to the record of the new primary's timeline; not for ever, for that may
 * take days. */
bool store_view_is_turning(const struct store_view *view);

/* This node, under this very id, is the one that was granted the role, and the lease stands. */
bool store_view_is_mine(const struct store_view *view);

#endif /* SUPERVISOR_STORE_VIEW_H_ */
