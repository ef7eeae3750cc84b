/* supervisor/task.h - what an operator has this node do with its PostgreSQL: a restart, or a new
 * copy of the data.
 *
 *   refused, or begun --> a wish among the facts, for decide() --> done, failed, or too late
 *
 * Pure. One at a time, and never for later: what could not be begun within its time is given up, so
 * that it is not done at a moment when nobody thinks of it any more. It says what is wanted;
 * whether that may be done now is what the rules say each time they are asked. */
#ifndef SUPERVISOR_TASK_H_
#define SUPERVISOR_TASK_H_

#include "supervisor/facts.h"

#define TASK_TEXT_SIZE 320

enum task_kind { TASK_RESTART, TASK_CLONE };
enum task_end { TASK_NONE, TASK_RUNS, TASK_DONE, TASK_FAILED };

struct task_book {
    uint64_t id; /* of the newest, of all lives of this node; 0: there was none in this one */
    enum task_kind kind;
    bool was_clone; /* as it was asked for; a clone ends with a start */
    enum task_end end;
    uint64_t began_ms;
    uint64_t timeout_ms; /* of its start, for the primary; 0: as the configuration says */
    uint64_t epoch;      /* of the lease under which a restart was asked for; 0: a standby's */
    uint64_t down_ms;    /* since when PostgreSQL is down for it; 0: it was not yet */
    bool is_torn;        /* the old copy is gone, or is being taken apart */
    bool was_up;         /* of a clone: PostgreSQL ran when it was asked for */
    bool from_leader;
    char why[TASK_TEXT_SIZE]; /* of a failure */
};

/* False: it may not begin, and @why says so, in Patroni's words where it has some. */
bool task_may_restart(const struct task_book *book, const struct facts *f,
                      char why[TASK_TEXT_SIZE]);
/* @force: a clone that is under way does not count, for it begins anew. Nothing else is forced. */
bool task_may_clone(const struct task_book *book, const struct facts *f, bool force,
                    char why[TASK_TEXT_SIZE]);

void task_restart(struct task_book *book, uint64_t now_ms, uint64_t timeout_ms,
                  const struct facts *f);
void task_clone(struct task_book *book, uint64_t now_ms, bool from_leader);
/* True: the clone that was to begin does not. False: there is none, or @why: it has begun. Where
 * PostgreSQL @is_stopping for it, or has stopped, it is started again, also during a pause. */
bool task_cancel_clone(struct task_book *book, uint64_t now_ms, const struct facts *f,
                       bool is_stopping, char why[TASK_TEXT_SIZE]);

/* As who asked for it is told: a clone that was given up has failed, for @why, though what was
 * stopped for it starts again, or runs. */
enum task_end task_outcome(const struct task_book *book);

/* With each look, before decide(): what becomes of it by these facts, and what is wished. */
void task_step(struct task_book *book, uint64_t now_ms, struct facts *f);
/* The new copy is complete. PostgreSQL is started with it, also during a pause. */
void task_cloned(struct task_book *book, uint64_t now_ms);
/* PostgreSQL ended by itself when it was to start, or could not be started at all: @how. */
void task_died(struct task_book *book, const char *how);

#endif /* SUPERVISOR_TASK_H_ */
