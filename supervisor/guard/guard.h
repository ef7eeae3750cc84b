/* supervisor/guard/guard.h - all that the guard knows and holds, and the parts that work on it.
 *
 * One static struct, no heap, one thread. `state` is plain data that an upgrade hands on to the
 * next program; everything else is opened anew or carried over as a descriptor. Each part says what
 * it may touch; loop.c alone waits. */
#ifndef SUPERVISOR_GUARD_GUARD_H_
#define SUPERVISOR_GUARD_GUARD_H_

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "supervisor/guard/decide.h"
#include "supervisor/guard/errand.h"
#include "supervisor/guard/scan.h"
#include "supervisor/guard/watchdog.h"
#include "supervisor/guard_page.h"
#include "supervisor/guard_wire.h"
#include "supervisor/pg_control.h"

#define NS_PER_MS UINT64_C(1000000)
#define NS_PER_S UINT64_C(1000000000)

#define EVENTS_MAX 32 /* that wait for a pgraftd to read them */
#define KILL_BUDGET_MIN_NS (100 * NS_PER_MS)
#define ORPHAN_S 30 /* an idle guard without a pgraftd ends after so long */

struct guard_options {
    char data_dir[PATH_MAX];
    char program[PATH_MAX]; /* the postgres that START runs, for its id */
    char socket[PATH_MAX];  /* where another pgraftd finds this guard */
    char cgroup[PATH_MAX];  /* "": none */
    char watchdog_device[PATH_MAX];
    uint32_t watchdog_mode;
    uint64_t watchdog_timeout_ns;
    uint64_t watchdog_margin_ns;
};

/* The request that is being carried out in several steps; kind 0: none. */
struct guard_work {
    uint16_t kind;
    uint32_t id;
    uint64_t epoch;
    bool is_begun; /* its errand is under way or done */
};

struct guard_ending {
    enum guard_reason reason;
    uint64_t began_ns;
    uint64_t next_ns; /* when to scan again */
    uint32_t scans;
    uint32_t clean_scans; /* in a row */
    uint32_t ended_count;
    uint32_t stuck_count;
};

struct guard_state {
    enum guard_phase phase;
    pid_t postmaster; /* 0: none */
    bool is_adopted;  /* not a child: held by a pidfd */
    bool is_primary;  /* PROMOTED was told */
    bool is_hands_off;
    bool is_quitting;

    uint64_t bound_epoch; /* see struct guard_facts */
    uint64_t armed_epoch;
    uint64_t highest_epoch;
    uint64_t deadline_ns;
    uint64_t kill_budget_ns;
    uint64_t order_margin_ns;
    bool is_order_written;
    uint64_t nudged_ns;

    struct guard_work work;
    struct guard_ending ending;

    struct file_id data[SCAN_IDS];
    struct file_id program[SCAN_IDS];
    struct pg_control control;
    bool is_control_known;
    bool is_signal_known;
    bool is_signal_owed;
    bool is_left;           /* see struct guard_facts */
    bool is_baseline_known; /* baseline_mark is the file's while not out of recovery, or found so */
    uint32_t baseline_mark;
    bool is_found_primary; /* it was one when this guard first looked */
    pid_t foreign;         /* somebody else's postmaster, told already */
    bool is_leftover_suspected;
    bool has_looked;
    int files_error; /* the last one told */
    pid_t second;    /* see second.c; 0: none */

    struct guard_event events[EVENTS_MAX]; /* oldest first */
    uint32_t event_count;
    uint32_t events_lost;
};

struct guard {
    struct guard_options options;
    struct guard_state state;

    int proc_fd;
    int cgroup_fd;
    int driver_fd;  /* pgraftd, -1: none */
    bool has_hello; /* ... and it has shown its page */
    int listen_fd;
    int lock_fd;
    int signal_fd;
    int timer_fd;
    int inotify_fd;
    int pid_fd;    /* of an adopted postmaster */
    int launch_fd; /* of spawn_postmaster() */
    int log_fd;    /* for the next postmaster */
    int page_fd;
    struct guard_page *page; /* mapped read only; NULL: none */

    struct errand errand;
    struct watchdog watchdog;
    bool awaits_watch;        /* it is opened as soon as enough of the lease is left */
    uint64_t looked_ns;       /* when the last look began */
    bool has_changed;         /* something happened in the data directory since */
    uint64_t retry_ns;        /* no standby.signal is tried before */
    bool has_told_hang;       /* of the errand that is under way */
    uint64_t second_retry_ns; /* no other is made before */
    uint64_t alone_since_ns;
    bool has_to_exit;
    bool may_say; /* standard error is no file on a disk */

    struct guard_request start; /* its words lie in start_bytes */
    char start_bytes[GUARD_MESSAGE_MAX];
    char upgrade_path[PATH_MAX];
    uint32_t upgrade_id;
};

uint64_t guard_now_ns(void);
/* Read the page; the facts for decide.h. */
void guard_gather(struct guard *g, struct guard_facts *ret_facts);
struct scan_target guard_target(const struct guard *g);

/* loop.c - until there is nothing left to guard; the exit status. */
int guard_run(struct guard *g);

/* life.c - the postmaster's life: what follows a report, a death, an order. */
void life_begin_work(struct guard *g);
void life_launched(struct guard *g);
void life_died(struct guard *g, int wait_status);
void life_report(struct guard *g, const struct errand_report *report);
void life_fail(struct guard *g, enum guard_reason reason, int error);
void life_start_errand(struct guard *g, enum errand_kind kind);
void life_nudge(struct guard *g);
int life_signal(const struct guard *g, int number);
void life_unbind(struct guard *g);

/* end.c - ends every process. */
void end_begin(struct guard *g, enum guard_reason reason);
void end_sweep(struct guard *g);
#define CLEAN_SCANS 2 /* in a row: then none is left */

/* ask.c - one request of pgraftd; @fd came with it and is taken, -1: none. */
void ask_handle(struct guard *g, struct guard_request *request, int fd);

/* driver.c - the connection to pgraftd. */
int driver_listen(struct guard *g);
void driver_accept(struct guard *g);
void driver_receive(struct guard *g);
void driver_close(struct guard *g);
bool driver_take_page(struct guard *g, int fd);

/* watch.c - the machine's watchdog, for the lease that is served. */
/* Before an epoch is bound: open it. GUARD_FINE: it is open, or not required. */
enum guard_reason watch_begin(struct guard *g, const struct guard_facts *facts);
/* What an arming says of it holds from now on. */
enum guard_reason watch_told(struct guard *g, const struct guard_request *told,
                             const struct guard_facts *facts);
/* Around an exec: the epoch that is bound stays, with the watchdog or without. */
void watch_again(struct guard *g);
void watch_end(struct guard *g);
void watch_feed(struct guard *g, const struct guard_facts *facts);
/* When watch_feed() has to be called next; UINT64_MAX: never. */
uint64_t watch_wake_ns(const struct guard *g, const struct guard_facts *facts);

/* tell.c - events to pgraftd, and one line each to standard error. */
void tell(struct guard *g, uint16_t kind, enum guard_reason reason);
void tell_answer(struct guard *g, uint16_t kind, uint32_t id, enum guard_reason reason, int error);
void tell_error(struct guard *g, enum guard_reason reason, int error);
void tell_ended(struct guard *g, const struct guard_ending *ending, uint64_t epoch);
void tell_died(struct guard *g, int wait_status);
void tell_flush(struct guard *g);
void tell_forget_answers(struct guard *g);

/* footing.c - memory locked, priority raised, OOM killer told. */
void footing_take(struct guard *g);
void footing_inherit(void); /* by a child that is to be as punctual; without a word */

/* second.c - a child that ends PostgreSQL when the guard has died. */
void second_start(struct guard *g);
void second_stop(struct guard *g);
void second_learn(const struct guard *g); /* what it would have to look for */

/* upgrade.c - exec of itself with descriptors and state. */
#define UPGRADE_STATE_VERSION "1"
void upgrade_now(struct guard *g);
int upgrade_resume(struct guard *g, int state_fd);

#endif /* SUPERVISOR_GUARD_GUARD_H_ */
