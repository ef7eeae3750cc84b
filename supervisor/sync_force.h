/* supervisor/sync_force.h - which synchronous_standby_names is in force, in every process of a
 * PostgreSQL (safety C4).
 *
 * Pure. A reload reaches each process when it looks for it, and no process tells what it has read.
 * What can be known, and why that is enough (docs/observe.md has the long form):
 *
 * - A commit waits if a flag in shared memory says so, whatever its own session believes. The
 *   checkpointer sets the flag when a value that is not empty has reached it.
 * - Only walsenders release who waits, each by its own value: one whose standby is not listed there
 *   releases nobody; who is listed anywhere counts by the priority that its own walsender
 * published. That priority is shown: it is the witness of what a walsender has read.
 * - A session that is forked after the postmaster has read the new value shows it; every process
 *   that was there before had its signal by then, and looks at it before it goes on to stream.
 *
 * So after a door (a new session) shows value T, an older value F can do no harm any more through a
 * walsender that does not stream, is younger than the door, is not listed in F, shows a priority
 * that it can have from T alone, or would wait for no fewer under F than under T. What is left can
 * not be told apart: then the value goes by a step between, which lists a standby that does not
 * exist. Under it nobody is released, every listed one shows priority 0, and a commit that waits
 * shows that the flag is set. */
#ifndef SUPERVISOR_SYNC_FORCE_H_
#define SUPERVISOR_SYNC_FORCE_H_

#include <stdbool.h>
#include <stdint.h>

#include "supervisor/facts.h"
#include "supervisor/probe.h"
#include "supervisor/sync_names.h"

#define SYNC_TEXT_NAMES_MAX 16
#define SYNC_FORMERS_MAX 8
#define SYNC_TEXT_SIZE 1024

/* A value of synchronous_standby_names, taken apart. */
struct sync_text {
    bool is_valid;    /* false: it is not such a value, or has too many names */
    bool lists_all;   /* a "*" is among the names */
    bool is_priority; /* FIRST */
    uint32_t needed;  /* 0: it is empty, and nobody waits */
    uint32_t count;
    struct facts_name names[SYNC_TEXT_NAMES_MAX];
};

struct sync_text sync_text_parse(const char *text);
/* The value for @set: "ANY 1 (\"pg2\",\"pg3\")", with @is_first "FIRST 1 (...)", or "" where nobody
 * is waited for. False: too long. */
bool sync_text_of_set(const struct sync_set *set, bool is_first, char out[SYNC_TEXT_SIZE]);
bool sync_text_equal(const struct sync_text *a, const struct sync_text *b);
bool sync_text_is_only(const struct sync_text *text, const char *name);

enum sync_proof {
    SYNC_PROOF_NONE,    /* nothing was seen of this PostgreSQL yet */
    SYNC_PROOF_WAIT,    /* on its way: look again */
    SYNC_PROOF_BETWEEN, /* can not be told from an older value: go by the step between */
    SYNC_PROOF_HOLDS,   /* every process has it */
};

struct sync_force_book {
    bool has_door;
    uint64_t server_us;  /* of the postmaster */
    uint64_t session_us; /* the first door that showed @now */
    uint64_t lsn;        /* the end of WAL when it was proved */
    struct sync_text now;
    enum sync_proof proof;
    enum fact waits; /* the flag is set: a commit waits */
    bool is_lifted;  /* another value than the fence was proved, and the fence was not seen since:
                        what  is on its way holds nobody up for longer than a moment */
    bool is_former_unknown; /* any value may have been in force before */
    uint32_t former_count;  /* those that may still be, somewhere */
    struct sync_text formers[SYNC_FORMERS_MAX];
};

/* Nothing is known of what was in force before. */
void sync_force_begin(struct sync_force_book *book);
/* After a restart of this program: these alone may be in force, as the store and the rule say that
 * a set is published before it is applied, and stands alone only once it was proved. */
void sync_force_assume(struct sync_force_book *book, const struct sync_text *texts, uint32_t count);
/* What a new session shows. */
void sync_force_door(struct sync_force_book *book, const struct probe_door *door);
/* What was asked after that session had answered. */
void sync_force_watch(struct sync_force_book *book, const struct probe_watch *watch);
/* Whether a commit in a session of the door is needed, which then waits for ever: it alone shows
 * that the flag is set. Only while nobody at all can acknowledge one. */
bool sync_force_wants_commit(const struct sync_force_book *book);

/* What is to be put into the configuration next, on the way to @goal. */
enum sync_move {
    SYNC_MOVE_NONE, /* @goal is in force */
    SYNC_MOVE_WAIT, /* what stands there is on its way */
    SYNC_MOVE_GOAL,
    SYNC_MOVE_BETWEEN, /* first SYNC_BETWEEN_VALUE */
};
enum sync_move sync_force_next(const struct sync_force_book *book, const struct sync_text *goal);

/* What that is for decide(): @published are the sets of the store. A value that is proved and has
 * the names of one of them is FORCE_OURS, and the newest of those; so is any list of names while no
 * set is published, but then its copies are not known (0); the fence is FORCE_FENCE; a step
 * between, and what can not be told apart without one, is FORCE_HALFWAY; what is on its way is
 * FORCE_UNKNOWN. */
enum sync_force sync_force_of(const struct sync_force_book *book,
                              const struct sync_value *published, struct sync_set *ret_set);

#endif /* SUPERVISOR_SYNC_FORCE_H_ */
