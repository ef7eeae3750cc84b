/* supervisor/supervisor.h - one node's supervisor: observe, decide, act, and look again.
 *
 *      observe.h ──┐                       ┌── sequences (act.h)
 *      store_side.h├── facts ── decide() ──┼── the lease: renewed, or not
 *      act_home.h ─┘                       ├── the guard's page
 *                                          └── words to the others, a view for people
 *
 * On every event, and on a slow tick behind. It never waits: what hangs becomes a fact. A witness
 * has one too, which only listens, speaks and advises.
 *
 *     supervisor_create(setup, space)        before pgraft_open()
 *     settings.advise = supervisor_advise
 *     supervisor_open(s, loop, store, board)
 *     supervisor_stop(s) -> on_stopped       PostgreSQL is down, the lease given back
 *     supervisor_close(s) -> on_closed       while the loop runs
 *     pgraft_close(); supervisor_destroy(s)
 *
 * One loop, one thread, which also dispatches the store; but supervisor_advise() runs on the
 * library's thread. */
#ifndef SUPERVISOR_SUPERVISOR_H_
#define SUPERVISOR_SUPERVISOR_H_

#include <uv.h>

#include "consensus/pgraft.h"
#include "supervisor/cluster_view.h"
#include "supervisor/pg_setup.h"
#include "supervisor/restart_order.h"

struct supervisor;
typedef void (*supervisor_cb)(void *owner);

/* Who reads the key `config` for it: what may stand in there is not this layer's to know. */
struct supervisor_config_owner {
    /* It is another one than before: in here supervisor_configure() or supervisor_refuse_config()
     * is called. */
    void (*changed)(void *ctx, const char *text, uint64_t revision);
    /* Nobody reads @setup any more. */
    void (*released)(void *ctx, const struct pg_setup *setup);
    void *ctx;
};

/* NULL: a name is too long. @setup outlives it, or until it was released; what `config` says is in
 * there as a guess until then. */
struct supervisor *supervisor_create(const struct pg_setup *setup, const char *space);
/* A data directory that was there before pgraft is taken over (safety D2): by an operator's word
 * alone. */
void supervisor_adopt(struct supervisor *s);
/* Before supervisor_open(). */
void supervisor_follow(struct supervisor *s, const struct supervisor_config_owner *owner);
/* From now on this. Settings and times count at once, a lease with the next grant; what a sequence
 * reads changes when the one under way has ended, and PostgreSQL is told to read its files again.
 */
void supervisor_configure(struct supervisor *s, const struct pg_setup *setup);
/* The value of @revision can not be used: the last good one stays. */
void supervisor_refuse_config(struct supervisor *s, uint64_t revision, const char *why);
/* What of this node's file could not be taken over by the last reload; "": nothing. */
void supervisor_note_reload(struct supervisor *s, const char *trouble);
uint64_t supervisor_advise(struct supervisor *s, const struct pgraft_view *view,
                           struct pgraft_transaction *transaction);
int supervisor_open(struct supervisor *s, uv_loop_t *loop, struct pgraft *store,
                    struct view_board *board, struct err *err);
/* End PostgreSQL in order, give the lease back. @on_stopped is called once, later. */
void supervisor_stop(struct supervisor *s, supervisor_cb on_stopped, void *owner);
/* An operator's tasks, one at a time. ERR_REFUSED: not now, and why. A restart of PostgreSQL, of
 * the primary in place: @timeout_ms, what its start may take before another one takes over; 0: as
 * the configuration says. */
int supervisor_restart(struct supervisor *s, uint64_t timeout_ms, uint64_t *ret_id,
                       struct err *err);
/* ERR_BUSY: the restart of this id is under way; 0: it is done; else why it has failed. */
int supervisor_task_ended(const struct supervisor *s, uint64_t id, struct err *err);
/* A restart for later, one at a time: it is in force at once, and @ret_number tells when it is on
 * disk, too. ERR_EXISTS: another one is scheduled. */
int supervisor_restart_later(struct supervisor *s, const struct restart_order *order,
                             uint64_t *ret_number, struct err *err);
/* ... is not to be done after all. ERR_NOT_FOUND: there is none. */
int supervisor_restart_never(struct supervisor *s, uint64_t *ret_number, struct err *err);
/* ERR_BUSY: this change is being written; 0: a new life of this program would know of it; else why
 * it would not. A restart that can not be written is not in force. */
int supervisor_restart_kept(const struct supervisor *s, uint64_t number, struct err *err);
/* A standby's data are discarded and cloned anew. @force: also while they are. */
int supervisor_reinitialize(struct supervisor *s, bool force, bool from_leader, struct err *err);
/* It is not to be done after all. ERR_NOT_FOUND: nobody asked for it; ERR_REFUSED: it has begun. */
int supervisor_keep_copy(struct supervisor *s, struct err *err);
/* This program is to become another one, and PostgreSQL goes on meanwhile (safety A8): the lease is
 * made longer, where this node has it. @ready is called once, later, unless
 * supervisor_upgrade_end() came first: @err says why not, or NULL: supervisor_close() now; @left_ms
 * is what is left of the lease, 0: this node has none. One at a time. */
typedef void (*supervisor_upgrade_cb)(void *owner, const struct err *err, uint64_t left_ms);
void supervisor_upgrade(struct supervisor *s, supervisor_upgrade_cb ready, void *owner);
void supervisor_upgrade_end(struct supervisor *s);
/* @on_closed is called once, later. What still runs goes on under its guard. */
void supervisor_close(struct supervisor *s, supervisor_cb on_closed, void *owner);
/* After pgraft_close(). Accepts NULL. */
void supervisor_destroy(struct supervisor *s);

#endif /* SUPERVISOR_SUPERVISOR_H_ */
