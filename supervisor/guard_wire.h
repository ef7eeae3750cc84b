/* supervisor/guard_wire.h - what pgraftd asks of the guard, and what the guard tells.
 *
 * One message is one packet of a SOCK_SEQPACKET socket pair: a head, eight-byte numbers, and for a
 * request a block of strings. Both ends are of this machine, but after an upgrade they may be of
 * two versions: the head carries one, and numbers are added at the end only, so that a short
 * message of an older end reads as zeros. Descriptors go along as SCM_RIGHTS. Nothing here
 * allocates. */
#ifndef SUPERVISOR_GUARD_WIRE_H_
#define SUPERVISOR_GUARD_WIRE_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GUARD_WIRE_VERSION 1
#define GUARD_MESSAGE_MAX 32768 /* bytes, strings included */
#define GUARD_WORDS_MAX 256     /* arguments and variables of one start */

// clang-format off
#define GUARD_REQUEST_MAP(X)                                                                      \
    X(GUARD_HELLO,         1, "hello")         /* first word of a new pgraftd; carries the page */ \
    X(GUARD_ARM,           2, "arm")           /* confirm the epoch that the page shows */         \
    X(GUARD_START,         3, "start")         /* a postmaster, as a standby */                    \
    X(GUARD_START_PRIMARY, 4, "start-primary") /* restart in place as primary, under an epoch */   \
    X(GUARD_PROMOTE,       5, "promote")       /* under an epoch */                                \
    X(GUARD_STOP,          6, "stop")          /* in one of the ways below */                      \
    X(GUARD_ADOPT,         7, "adopt")         /* a postmaster that runs; epoch 0: a standby */    \
    X(GUARD_STATUS,        8, "status")                                                           \
    X(GUARD_WATCH,         9, "watch")         /* how = 0: hands off, PGDATA is being worked on */ \
    X(GUARD_UPGRADE,      10, "upgrade")       /* exec of the program in the first string */       \
    X(GUARD_QUIT,         11, "quit")          /* when nothing runs */                             \
    X(GUARD_LEAVE,        12, "leave")         /* an adopted postmaster goes on, the guard ends */

#define GUARD_EVENT_MAP(X)                                                                        \
    X(GUARD_DONE,         64, "done")          /* the request was carried out, or is under way */  \
    X(GUARD_REFUSED,      65, "refused")       /* it was not; nothing has changed */               \
    X(GUARD_STARTED,      66, "started")       /* a postmaster runs */                             \
    X(GUARD_DIED,         67, "died")          /* the postmaster has ended, by itself or not */    \
    X(GUARD_ENDED,        68, "ended")         /* no process of this PostgreSQL is left */         \
    X(GUARD_PROMOTED,     69, "promoted")      /* out of recovery, standby.signal is synced */     \
    X(GUARD_FOREIGN,      70, "foreign")       /* somebody else started a PostgreSQL here */       \
    X(GUARD_WARNING,      71, "warning")                                                          \
    X(GUARD_STATE,        72, "state")         /* the answer to a status */

/* Why something was refused, ended, or is warned of. */
#define GUARD_REASON_MAP(X)                                                                       \
    X(GUARD_FINE,          0, "none")                                                             \
    X(GUARD_LATE,          1, "too little of the lease is left")                                  \
    X(GUARD_NO_GRANT,      2, "the page does not allow this epoch to become primary")             \
    X(GUARD_NOT_ARMED,     3, "the epoch was not armed first")                                    \
    X(GUARD_NO_PAGE,       4, "there is no readable page")                                        \
    X(GUARD_RUNS,          5, "a PostgreSQL runs already in this data directory")                 \
    X(GUARD_RUNS_NOT,      6, "no PostgreSQL runs that the guard holds")                          \
    X(GUARD_IN_WORK,       7, "an earlier request is still being carried out")                    \
    X(GUARD_WRONG,         8, "the request is not one that the guard understands")                \
    X(GUARD_IS_PRIMARY,    9, "this PostgreSQL is a primary: an epoch is needed")                 \
    X(GUARD_IS_STANDBY,   10, "this PostgreSQL is not a primary")                                 \
    X(GUARD_SYSTEM,       11, "a system call failed")                                             \
    X(GUARD_FILES,        12, "a file of the data directory could not be read or written")        \
    X(GUARD_NO_WATCHDOG,  13, "the watchdog is required and can not be used")                     \
    X(GUARD_HANDS_OFF,    14, "the data directory is being worked on")                            \
    X(GUARD_BY_DEADLINE,  15, "the deadline has passed")                                          \
    X(GUARD_BY_REQUEST,   16, "it was asked for")                                                 \
    X(GUARD_BY_DEATH,     17, "the postmaster has ended")                                         \
    X(GUARD_BY_UNGRANTED, 18, "it left recovery without a grant")                                 \
    X(GUARD_BY_LEFTOVER,  19, "processes without a postmaster were left over")                    \
    X(GUARD_UNLOCKED,     20, "memory could not be locked")                                       \
    X(GUARD_UNHURRIED,    21, "no raised priority is permitted")                                  \
    X(GUARD_FILES_HANG,   22, "the data directory does not answer")                               \
    X(GUARD_STUCK,        23, "killed processes hang in the kernel; they can not acknowledge")    \
    X(GUARD_EVENTS_LOST,  24, "events were dropped, because nobody read them")                    \
    X(GUARD_NO_CGROUP,    25, "the control group can not be used")                                \
    X(GUARD_PAGE_UNSEALED, 26, "the page is not a sealed memory file of one page")                \
    X(GUARD_NO_UPGRADE,   27, "the new program does not take over this one's state")              \
    X(GUARD_UNWATCHED,    28, "the watchdog can not be fed")                                       \
    X(GUARD_NO_SECOND,    29, "the second that outlives the guard can not be started")           \
    X(GUARD_BRIEF,        30, "too little of the lease is left for the watchdog")                  \
    X(GUARD_QUITTING,     31, "the guard was told to end")                                        \
    X(GUARD_IS_CHILD,     32, "this PostgreSQL is a child of the guard, and ends with it")
// clang-format on

enum guard_kind {
#define GUARD_ENUM(code, value, text) code = (value),
    GUARD_REQUEST_MAP(GUARD_ENUM) GUARD_EVENT_MAP(GUARD_ENUM)
};

enum guard_reason { GUARD_REASON_MAP(GUARD_ENUM) };
#undef GUARD_ENUM

/* How to stop: PostgreSQL's three ways, and ours. */
enum guard_stop { GUARD_SMART, GUARD_FAST, GUARD_IMMEDIATE, GUARD_KILL };

struct guard_request {
    uint16_t kind; /* of GUARD_REQUEST_MAP */
    uint32_t id;   /* comes back in the answer; 0 is none */
    uint64_t epoch;
    uint64_t how; /* enum guard_stop; for GUARD_WATCH 0 or 1 */
    /* Of GUARD_ARM: the machine's watchdog under this lease; 0: as the guard was told last. */
    uint64_t watchdog_timeout_ns;
    uint64_t watchdog_margin_ns;
    /* Of a start: the program's path is the first argument. Both lists end in a NULL. */
    size_t argument_count;
    size_t variable_count;
    char *words[GUARD_WORDS_MAX + 2];
};

/* What the guard is doing. */
enum guard_phase {
    GUARD_IDLE,    /* nothing of ours runs */
    GUARD_PREPARE, /* files are looked at and written before a start or an adoption */
    GUARD_LAUNCH,  /* the postmaster is being executed */
    GUARD_RUN,
    GUARD_END, /* everything is being ended */
};

struct guard_event {
    uint16_t kind; /* of GUARD_EVENT_MAP */
    uint32_t id;   /* of the request that this answers, 0: none */
    uint64_t at_ns;
    uint64_t reason;
    uint64_t error; /* errno behind it, 0: none */
    uint64_t pid;   /* of the postmaster */
    uint64_t wait_status;
    uint64_t epoch;       /* that this PostgreSQL serves, or served */
    uint64_t armed_epoch; /* confirmed last */
    uint64_t deadline_ns; /* that applies; 0: none does */
    uint64_t timeline;
    uint64_t system_id;
    uint64_t pg_state; /* enum pg_control_state */
    uint64_t phase;    /* enum guard_phase */
    uint64_t is_primary;
    uint64_t is_adopted;
    uint64_t ended_count; /* processes that were killed */
    uint64_t stuck_count; /* of them, left in uninterruptible sleep */
    uint64_t took_ns;
    uint64_t is_hands_off;
    uint64_t is_signal_synced; /* standby.signal is there, durably; 0: not, or not known */
};

/* Write the message into @out of @room bytes and return its size, 0 if it does not fit. */
size_t guard_request_encode(const struct guard_request *request, void *out, size_t room);
size_t guard_event_encode(const struct guard_event *event, void *out, size_t room);
/* False: not a message of ours. The words of @ret_request point into @bytes. */
bool guard_request_decode(void *bytes, size_t size, struct guard_request *ret_request);
bool guard_event_decode(const void *bytes, size_t size, struct guard_event *ret_event);

const char *guard_kind_text(uint16_t kind);
const char *guard_reason_text(uint64_t reason);
const char *guard_phase_text(uint64_t phase);

#endif /* SUPERVISOR_GUARD_WIRE_H_ */
