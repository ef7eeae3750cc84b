/* supervisor/holder.h - what the holder of the primary's lease writes: one thing after the other.
 *
 *   asked --> answered: it is known what became of it --> this node has applied that --> idle
 *     ^  |
 *     '--'  nobody knows: the very same request again, which is done at most once
 *
 * Every write compares that the lease of this grant still stands and that what it replaces is what
 * its author has read, so nothing late brings anything back. Until it is known what became of one,
 * holder_is_pending() is true, and what was read may be older than that (facts.h: sync_pending).
 *
 * Lives. A daemon that is killed may leave a request on its way, and be started again before it
 * arrives; even a release, which would end the lease under the hands of the new life. So all writes
 * of one epoch go under one client's number, numbered by CLOCK_BOOTTIME: from a request on which
 * the store has seen, it refuses every lower number. A life that finds the lease given already
 * claims it first, and acts as its holder only when the claim was answered. A host that was started
 * anew counts from zero, is refused, and lets the lease run out.
 *
 * Same thread and life as store_view.h. */
#ifndef SUPERVISOR_HOLDER_H_
#define SUPERVISOR_HOLDER_H_

#include "base/buf.h"
#include "supervisor/store_view.h"

enum holder_kind {
    HOLDER_NOTHING,
    HOLDER_CLAIM,
    HOLDER_TIMELINE,
    HOLDER_SYNC,
    HOLDER_WISH,
    HOLDER_TIME, /* the lease has another time to live */
    HOLDER_RELEASE,
};

enum holder_outcome {
    HOLDER_NONE,    /* nothing was asked of it in this epoch */
    HOLDER_PENDING, /* nobody knows yet */
    HOLDER_DONE,
    HOLDER_REFUSED, /* it was not done and will not be: something had changed, or this life may not
                       speak for the lease */
};

#define HOLDER_PUTS_MAX 4
#define HOLDER_COMPARES_MAX 6
#define HOLDER_MESSAGE_SIZE 256

struct holder_ask;

struct holder {
    struct pgraft *store;
    const struct keys *keys;
    void (*changed)(void *ctx); /* an outcome is known */
    void *ctx;
    uint64_t ttl_ms; /* of the newest such request */
    /* the epoch it writes for */
    uint64_t epoch, grant, member;
    bool may_write; /* false: an earlier life may have something under way, and was not outvoted */
    uint64_t draws; /* clients that were used up in it */
    uint64_t client, since, sequence;
    /* the newest request */
    enum holder_kind kind;
    enum holder_outcome outcome;
    struct holder_ask *ask; /* in flight */
    uint64_t again_ms;
    uint64_t revision; /* answered: what this node must have applied before it is no news */
    bool is_settling;
    struct pgraft_compare compares[HOLDER_COMPARES_MAX];
    size_t compare_count;
    struct pgraft_op puts[HOLDER_PUTS_MAX];
    struct buf values[HOLDER_PUTS_MAX];
    size_t put_count;
    char message[HOLDER_MESSAGE_SIZE]; /* of what was refused */
};

void holder_open(struct holder *r, struct pgraft *store, const struct keys *keys,
                 void (*changed)(void *ctx), void *ctx);
/* After pgraft_close(). */
void holder_close(struct holder *r);

/* From now on it writes for @epoch, which was granted as the entry @grant to the member @member.
 * @is_found: perhaps to an earlier life, so it writes nothing but a claim before that is done. What
 * was pending for another epoch is not waited for any more: its compares see to it. */
void holder_begin(struct holder *r, uint64_t epoch, uint64_t grant, uint64_t member, bool is_found);

/* Each: false, and nothing has happened: something else is pending, or the view is not of this
 * epoch. A release may be asked for at any time; what was pending is void then. */
bool holder_claim(struct holder *r, const struct store_view *view, uint64_t now_ms);

struct holder_timeline {
    struct history_row row;
    uint64_t system_id;
    uint64_t copy;               /* of the data directory that is primary */
    struct sync_value inherited; /* sync_inherit() */
    const char *reason;
    const char *stamp; /* CLOCK_WALL, for people */
};
bool holder_timeline(struct holder *r, const struct store_view *view, uint64_t now_ms,
                     const struct holder_timeline *what);
/* Of the leader of a standby cluster that has had no primary of its own yet: whose data it follows.
 */
bool holder_remote(struct holder *r, const struct store_view *view, uint64_t now_ms,
                   uint64_t system_id);
/* @revision: sync_plan's, of what it replaces. */
bool holder_sync(struct holder *r, const struct store_view *view, uint64_t now_ms,
                 const struct sync_value *publish, uint64_t revision);
/* An operator's wish for another primary, if it still is what was read: put again as @wish, or
 * dropped, NULL. */
bool holder_wish(struct holder *r, const struct store_view *view, uint64_t now_ms,
                 const struct row_failover *wish);
/* A longer time at any moment; a shorter one only when nothing here counts with more
 * (docs/leases.md, lease_hold_may_shorten()). */
bool holder_time(struct holder *r, const struct store_view *view, uint64_t now_ms, uint64_t ttl_ms);
/* Not one process of this PostgreSQL is left, and this program will not act for the epoch any more
 * (safety A3). */
bool holder_release(struct holder *r, uint64_t now_ms);

/* Asks again, and sees what has been applied. */
void holder_tick(struct holder *r, const struct store_view *view, uint64_t now_ms);

bool holder_is_pending(const struct holder *r);
/* Of the newest request of @kind in this epoch, if nothing else was asked for since. */
enum holder_outcome holder_outcome(const struct holder *r, enum holder_kind kind);

#endif /* SUPERVISOR_HOLDER_H_ */
