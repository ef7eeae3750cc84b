/* supervisor/task.c - one task: what it is refused for, and how it ends. */
#include "supervisor/task.h"

#include <inttypes.h>
#include <stdio.h>

#include "supervisor/proof.h"
#include "supervisor/return.h"

#define BEGIN_MAX_MS UINT64_C(120000)         /* before_stop and a shutdown before */
#define BEGIN_PRIMARY_MAX_MS UINT64_C(180000) /* ... and a checkpoint, while clients write */
#define CLONE_BEGIN_MAX_MS UINT64_C(300000)
#define START_GRACE_MS UINT64_C(5000) /* beside what the start may take */

static bool refuse(char why[TASK_TEXT_SIZE], const char *text)
{
    (void)snprintf(why, TASK_TEXT_SIZE, "%s", text);
    return false;
}

static bool is_under_way(const struct task_book *book, enum task_kind kind)
{
    return book->end == TASK_RUNS && book->kind == kind;
}

/* Who leads a standby cluster never does. */
static bool is_becoming_primary(const struct facts *f)
{
    bool is_it = (f->pg.role == ROLE_PRIMARY && f->guard.promoted_epoch == f->lease.epoch) ||
                 facts_leads_standby(f);
    return f->lease.epoch != 0 && f->pg.process != PG_ABSENT && !is_it;
}

/* ---- may it begin ---- */

static const char *not_to_restart(const struct facts *f)
{
    if (f->wish.stop) {
        return "this node is stopping";
    }
    if (f->pg.data == DATA_EMPTY || f->pg.data == DATA_BROKEN) {
        return "there is no PostgreSQL to restart: its data are not complete";
    }
    if (f->pg.data != DATA_USABLE || f->pg.is_noted != FACT_YES) {
        return "there is no PostgreSQL of this cluster to restart";
    }
    if (f->pg.process == PG_STARTING) {
        return "postgres is still starting";
    }
    if (f->pg.process != PG_RUNNING && f->pg.process != PG_ABSENT) {
        return "postgres is stopping";
    }
    return is_becoming_primary(f) ? "this node is just becoming the primary" : NULL;
}

bool task_may_restart(const struct task_book *book, const struct facts *f, char why[TASK_TEXT_SIZE])
{
    if (is_under_way(book, TASK_RESTART)) {
        return refuse(why, "restart already in progress");
    }
    if (is_under_way(book, TASK_CLONE)) {
        return refuse(why, "reinitialize already in progress");
    }
    const char *text = not_to_restart(f);
    if (text != NULL) {
        return refuse(why, text);
    }
    if (f->pg.config_wrong[0] != '\0') { /* it would not come up again */
        (void)snprintf(why, TASK_TEXT_SIZE, "PostgreSQL would refuse its configuration: %s",
                       f->pg.config_wrong);
        return false;
    }
    return true;
}

static const char *not_to_clone(const struct facts *f)
{
    if (f->wish.stop) {
        return "this node is stopping";
    }
    if (f->lease.epoch != 0 || f->pg.role == ROLE_PRIMARY ||
        (f->store.lease_stands && name_is(&f->store.holder, &f->self))) {
        return "I am the leader, can not reinitialize";
    }
    if (!return_has_primary(f)) {
        return "Cluster has no leader, can not reinitialize";
    }
    if (f->pg.data == DATA_UNKNOWN || f->pg.process == PG_UNKNOWN) {
        return "what there is of PostgreSQL is not known yet, can not reinitialize";
    }
    if (f->pg.data == DATA_FOREIGN || (f->pg.data == DATA_USABLE && f->pg.is_noted != FACT_YES)) {
        return "the data directory is not this cluster's, can not reinitialize";
    }
    if (f->pg.data == DATA_USABLE && f->pg.copy == f->store.holder_copy) {
        return "this very copy was granted the role, can not reinitialize";
    }
    if (f->pg.data == DATA_USABLE && proof_asks_for(f)) {
        return "synchronous commits may count on this copy, and discarded it could not prove them "
               "any more: have the primary do without it first (tag nosync: true, then reload), "
               "can not reinitialize";
    }
    return NULL;
}

bool task_may_clone(const struct task_book *book, const struct facts *f, bool force,
                    char why[TASK_TEXT_SIZE])
{
    bool is_torn = f->pg.data == DATA_EMPTY || f->pg.data == DATA_BROKEN;
    if (is_under_way(book, TASK_RESTART)) {
        return refuse(why, "restart already in progress");
    }
    if (!force && (is_under_way(book, TASK_CLONE) || is_torn)) {
        return refuse(why, "reinitialize already in progress");
    }
    const char *text = not_to_clone(f);
    return text == NULL || refuse(why, text);
}

/* ---- begun ---- */

/* The time since the host began makes it another one than those of an earlier life. */
static void begin(struct task_book *book, enum task_kind kind, uint64_t now_ms)
{
    *book = (struct task_book){.id = now_ms > book->id ? now_ms : book->id + 1,
                               .kind = kind,
                               .was_clone = kind == TASK_CLONE,
                               .end = TASK_RUNS,
                               .began_ms = now_ms};
}

void task_restart(struct task_book *book, uint64_t now_ms, uint64_t timeout_ms,
                  const struct facts *f)
{
    begin(book, TASK_RESTART, now_ms);
    book->epoch = f->lease.epoch;
    book->timeout_ms = timeout_ms;
}

void task_clone(struct task_book *book, uint64_t now_ms, bool from_leader)
{
    begin(book, TASK_CLONE, now_ms);
    book->from_leader = from_leader;
}

/* ---- what becomes of it ---- */

static void fail(struct task_book *book, const char *why)
{
    book->end = TASK_FAILED;
    (void)snprintf(book->why, sizeof(book->why), "%s", why);
}

/* The old copy is whole, and what was stopped for the new one runs again. */
static void give_up_clone(struct task_book *book, uint64_t now_ms, const struct facts *f,
                          bool is_stopping, const char *why)
{
    fail(book, why);
    if (book->was_up && (is_stopping || f->pg.process != PG_RUNNING)) {
        book->kind = TASK_RESTART;
        book->end = TASK_RUNS;
        book->began_ms = now_ms;
        book->down_ms = f->pg.process == PG_ABSENT ? now_ms : 0;
    }
}

bool task_cancel_clone(struct task_book *book, uint64_t now_ms, const struct facts *f,
                       bool is_stopping, char why[TASK_TEXT_SIZE])
{
    why[0] = '\0';
    if (!is_under_way(book, TASK_CLONE)) {
        return false;
    }
    if (book->is_torn) {
        return refuse(why, "the old copy is discarded already: it has to be cloned");
    }
    give_up_clone(book, now_ms, f, is_stopping, "reinitialize canceled");
    return true;
}

enum task_end task_outcome(const struct task_book *book)
{
    bool is_given_up = book->was_clone && book->kind == TASK_RESTART && book->why[0] != '\0';
    return is_given_up ? TASK_FAILED : book->end;
}

/* What its start may take, before the rules go on as if nobody had asked for it. */
static uint64_t start_max_ms(const struct task_book *book, const struct facts *f)
{
    uint64_t most_ms = f->settings.restart_max_ms > f->settings.times.start_max_ms
                           ? f->settings.restart_max_ms
                           : f->settings.times.start_max_ms;
    return (book->timeout_ms > 0 ? book->timeout_ms : most_ms) + START_GRACE_MS;
}

static void step_restart(struct task_book *book, uint64_t now_ms, struct facts *f)
{
    if (f->pg.process == PG_ABSENT && book->down_ms == 0) {
        book->down_ms = now_ms;
    }
    bool is_untouched = book->down_ms == 0 && f->pg.process == PG_RUNNING;
    uint64_t begin_max_ms = book->epoch != 0 ? BEGIN_PRIMARY_MAX_MS : BEGIN_MAX_MS;
    if (book->down_ms != 0 && f->pg.process == PG_RUNNING) {
        book->end = TASK_DONE;
    } else if (is_untouched && f->lease.epoch != book->epoch) {
        fail(book, "restart failed: the node's role has changed meanwhile");
    } else if (book->down_ms == 0 && now_ms - book->began_ms > begin_max_ms) {
        fail(book, "restart failed: it could not be begun in time");
    } else if (book->down_ms != 0 && now_ms - book->down_ms > start_max_ms(book, f)) {
        fail(book, "restart failed: PostgreSQL has not come up in time");
    }
    f->wish.restart = book->end == TASK_RUNS;
    if (f->wish.restart && book->timeout_ms > 0) {
        f->settings.restart_max_ms = book->timeout_ms;
    }
}

static void step_clone(struct task_book *book, uint64_t now_ms, struct facts *f)
{
    bool is_whole = f->pg.data == DATA_USABLE && f->pg.process == PG_RUNNING;
    bool is_torn = f->pg.data == DATA_EMPTY || f->pg.data == DATA_BROKEN;
    book->is_torn = is_torn || (book->is_torn && !is_whole); /* it may have been a rewind */
    book->was_up = book->was_up || f->pg.process == PG_RUNNING;
    if (f->lease.epoch != 0) {
        fail(book, "reinitialize given up: this node was granted the role of the primary");
    } else if (!book->is_torn && now_ms - book->began_ms > CLONE_BEGIN_MAX_MS) {
        give_up_clone(book, now_ms, f, false,
                      "reinitialize given up: it could not be begun in time");
    }
    f->wish.clone = is_under_way(book, TASK_CLONE);
    f->wish.restart = is_under_way(book, TASK_RESTART);
}

void task_step(struct task_book *book, uint64_t now_ms, struct facts *f)
{
    if (book->end != TASK_RUNS) {
        return;
    }
    if (f->wish.stop) {
        fail(book, "given up: this node is stopping");
    } else if (book->kind == TASK_RESTART) {
        step_restart(book, now_ms, f);
    } else {
        step_clone(book, now_ms, f);
    }
}

void task_cloned(struct task_book *book, uint64_t now_ms)
{
    if (is_under_way(book, TASK_CLONE)) {
        book->kind = TASK_RESTART;
        book->began_ms = book->down_ms = now_ms;
    }
}

void task_died(struct task_book *book, const char *how)
{
    if (is_under_way(book, TASK_RESTART) && book->down_ms != 0) {
        book->end = TASK_FAILED;
        (void)snprintf(book->why, sizeof(book->why), "restart failed: %s", how);
    }
}
