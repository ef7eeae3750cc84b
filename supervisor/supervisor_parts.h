/* supervisor/supervisor_parts.h - the supervisor from the inside, for the files that make it up. */
#ifndef SUPERVISOR_SUPERVISOR_PARTS_H_
#define SUPERVISOR_SUPERVISOR_PARTS_H_

#include "supervisor/act_parts.h"
#include "supervisor/act_table.h"
#include "supervisor/callback_run.h"
#include "supervisor/config_key.h"
#include "supervisor/config_note.h"
#include "supervisor/damage.h"
#include "supervisor/door_trouble.h"
#include "supervisor/kill_budget.h"
#include "supervisor/lease_low.h"
#include "supervisor/observe.h"
#include "supervisor/refused.h"
#include "supervisor/restart_order.h"
#include "supervisor/source.h"
#include "supervisor/starts.h"
#include "supervisor/store_side.h"
#include "supervisor/stuck.h"
#include "supervisor/supervisor.h"
#include "supervisor/task.h"
#include "supervisor/timing_check.h"
#include "supervisor/upkeep.h"
#include "supervisor/upstream.h"
#include "supervisor/view_events.h"

#define CRASHES_KEPT 8
#define ACT_ADDRESS_SIZE 64

/* supervisor_upgrade.c: this program is to become another one. */
struct supervisor_upgrade {
    enum { UPGRADE_NONE, UPGRADE_ASKED, UPGRADE_CHANGING, UPGRADE_WAITING, UPGRADE_READY } stage;
    uint64_t asked_ms;
    uint64_t lease_ms; /* its time as granted */
    const char *why;   /* what it waits for */
    supervisor_upgrade_cb ready;
    void *owner;
};

/* supervisor_measure.c: are host, disk and network fast enough? */
struct supervisor_measure {
    uint64_t due_ms;  /* of the tick; 0: it runs */
    uint64_t late_ms; /* how late it was at most since the last look */
    uint64_t look_at_ms;
    uint32_t looks;
    bool is_asking;
    struct pgraft_figures figures; /* of the last look that knew of commits */
    struct timing_book book;
};

/* supervisor_scripts.c: an operator's programs. */
struct supervisor_scripts {
    struct callback_run run;
    struct callbacks_past past;
    char *environment[ACT_VARIABLES_MAX];
    uint32_t reloads;     /* PostgreSQL was told of a new configuration */
    bool has_news;        /* there is one that it was not told of; the first of a life is none */
    bool tells_reload;    /* the sequence under way does */
    bool restarts;        /* what goes down now is a restart that was asked for */
    bool was_stopped;     /* what is down was shut down in order, by this program */
    uint64_t asked_epoch; /* for which pre_promote has said ... */
    enum pre_promote answer;
    uint64_t begun_ms;          /* it runs since; 0: it does not */
    uint64_t declines_until_ms; /* this node asks not to be chosen */
};

/* supervisor_later.c: a restart for later. */
struct supervisor_later {
    struct restart_later wanted;  /* its time is "": none */
    char refused[VIEW_TEXT_SIZE]; /* why it could not be begun just now, or "" */
    uint64_t number;              /* of the newest change */
    uint64_t kept;                /* the last one that is on disk */
    uint64_t failed;              /* ... that could not be written, and why */
    struct err err;
    bool is_due;
    uint64_t again_ms;
    struct later_job *job; /* under way */
};

struct supervisor {
    const struct pg_setup *setup;        /* what sequences read */
    const struct pg_setup *next_setup;   /* newer, as soon as none runs; or NULL */
    struct supervisor_settings wanted;   /* of the newest: what elections go by */
    struct supervisor_settings settings; /* the same with the times of the lease that was granted
                                            last: what this node goes by */
    uv_loop_t *loop;
    struct pgraft *store;
    struct view_board *board;
    struct store_side side;
    bool supervises; /* a PostgreSQL; else a witness */
    bool is_open;

    uv_timer_t tick;
    struct facts facts; /* of the last look */
    struct decision decision;
    bool has_decision;

    /* PostgreSQL and its guard */
    struct observe observe;
    struct door_trouble door; /* why it can not be connected to */
    char *data_dir;           /* the observer's own copies: a setup may go away */
    char *helper;
    struct guard_client guard;
    bool is_guard_asked;     /* for the first time */
    bool is_guard_greeted;   /* it has said its state */
    bool is_guard_found;     /* one of an earlier life */
    uint64_t guard_pid;      /* 0: not known */
    struct kill_budget ends; /* of PostgreSQL, how long they took */
    char ends_trouble[KILL_BUDGET_TEXT_SIZE];
    bool is_guard_checked; /* whether it is the installed program */
    uint32_t guard_asked;  /* to become that; 0: it was not */
    bool is_swept;         /* since the guard is gone: nothing of PostgreSQL runs */
    uint64_t postmaster;
    bool died;              /* nobody asked for its end */
    uint64_t stop_asked_of; /* the postmaster that this program has asked to stop last; 0: none */
    uint64_t ended_epoch;   /* facts.h */
    bool was_up;            /* it had started before */
    struct starts_book starts;
    struct start_watch start_watch;
    bool is_start_watched;           /* the one of now, or the last ... */
    bool has_start_read;             /* ... and it has come to its data */
    char unwatched[ERR_MSG_MAX];     /* why starts can not be watched, or "" */
    char start_trouble[ERR_MSG_MAX]; /* why it does not come up, or "" */
    uint64_t unread_since_ms; /* nothing runs, and the end of its WAL is not known; 0: it is */
    char unread_trouble[ERR_MSG_MAX]; /* why that can not be read, or "" */
    uint64_t primary_epoch;           /* for which @primary_copy was last seen to be primary */
    uint64_t primary_copy;
    bool has_assumed; /* observe_assume_published() */
    uint64_t assumed_ms;
    uint64_t crashed_ms[CRASHES_KEPT];
    uint32_t crash_next;

    /* the data directory */
    struct home_ask ask;
    bool is_asking_id;
    uint64_t id_again_ms;
    struct home home;
    char home_told[ERR_MSG_MAX]; /* what the log has of it */
    bool has_home;
    bool is_home_stale;
    uint64_t home_looked_ms;
    uint64_t made_ms; /* until when an initdb ran here; 0: never in this life */

    /* the key config (supervisor_config.c) */
    struct supervisor_config_owner config_owner;
    struct config_key config_key;
    uint64_t config_seen; /* the revision that was looked at last */
    char config_trouble[ERR_MSG_MAX];
    char reload_trouble[VIEW_TEXT_SIZE]; /* of this node's own file; or "" */
    struct config_note kept;             /* the last good value, as it is in a file or is to be */
    bool is_note_due;
    uint64_t note_again_ms;
    struct keep_job *keep_job; /* under way */
    bool is_reload_due;        /* what runs was not told of the newest yet */
    bool is_reloading;
    uint64_t reload_again_ms;
    struct view_restart restart; /* what waits for one */
    uint64_t restart_door_ms;    /* of the answer that says so */
    const struct pg_setup *restart_setup;

    /* what is being done */
    struct act act;
    bool is_looking_home;
    struct act_config config; /* what stands in the file, as far as this life has written it */
    uint64_t not_before_ms;
    uint64_t again_ms;       /* what was done last is not done again before */
    uint64_t begin_after_ms; /* an initdb */
    bool adopts;             /* this life was asked to */
    uint32_t failures;
    struct decision done; /* the last that was carried out */
    char trouble[ERR_MSG_MAX];
    enum action trouble_of; /* what failed; ACTION_WAIT: nothing that is decided */

    /* coming back */
    struct return_facts back;
    uint64_t back_epoch; /* of the primary that was asked */
    struct upstream_look *look;
    struct source_book source;
    struct stuck_book stuck;
    struct damage_book damage;
    uint64_t damage_told;               /* of which copy it was said */
    enum damage_wait damage_wait_told;  /* since it last streamed */
    enum fact config_reads;             /* of PostgreSQL, by its last start or reload */
    char config_says[ERR_MSG_MAX];      /* ... and why it can not */
    bool is_blind_told;                 /* that nobody may see whether it would read it */
    char load_trouble[ERR_MSG_MAX];     /* why it would not, or did not, read it again; or "" */
    enum fact is_let_in;                /* by whom it follows, for replication */
    struct supervisor_resolve *resolve; /* under way */
    char resolved_name[ACT_HOST_SIZE];
    char resolved_address[ACT_ADDRESS_SIZE];
    uint64_t resolved_ms;
    struct refused_look *refused_look;
    uint64_t refused_again_ms;
    uint64_t follows_ms;          /* when it last streamed, or had no reason to */
    char refused[VIEW_TEXT_SIZE]; /* why it does not replicate, or "" */
    uint64_t look_again_ms;
    uint64_t kept_copy, kept_epoch;
    uint64_t method_epoch; /* of the primary for which a copy was made last ... */
    uint32_t method_next;  /* ... and by which of create_replica_methods the next one begins */
    char upstream_host[ACT_ADDRESS_SIZE]; /* of the look */
    uint32_t remote_at;                   /* which of several hosts of another cluster is asked */
    struct position waits_at;             /* for the archive: where it stood still ... */
    uint64_t waits_since_ms;              /* ... since then */
    uint64_t wish_refused;                /* revision of the switchover that was given up */
    uint64_t wish_failed;                 /* revision of the one that it was not stopped for ... */
    char wish_why[ERR_MSG_MAX];           /* ... because of this */
    uint64_t wish_seen, wish_seen_ms; /* the newest one's revision, and when it was first seen */
    uint64_t wish_epoch;              /* the epoch that somebody wanted to end */
    uint64_t absent_ms;               /* since when it is seen to be down; 0: it is not */
    uint64_t killing_since_ms;        /* since when it is being killed; 0: it is not */
    uint64_t signal_since_ms;         /* since when standby.signal is to be written; 0: it is not */
    uint64_t restart_since_ms; /* since when it is to go on in place; 0: it runs, or is not */
    uint64_t restart_epoch;    /* ... under this one */
    const char *signal_error;  /* why the guard can not write standby.signal, or NULL */
    struct position had;       /* the end of the WAL when it was known last, of ... */
    uint64_t had_copy;
    uint64_t stopping_since_ms; /* since when it is stopping; 0: it is not */
    uint64_t starting_ms;       /* since when PostgreSQL is starting; 0: it is not */

    struct task_book task; /* an operator's */
    struct supervisor_later later;

    struct upkeep upkeep;
    char weaker[VIEW_TEXT_SIZE]; /* who asks for less, as it was told last; or "" */

    struct supervisor_scripts scripts;
    struct supervisor_measure measure;
    struct lease_low lease_low;
    struct supervisor_upgrade upgrade;
    uint64_t shortens; /* the epoch whose lease is being given its own time again; 0: none */
    uint64_t shorten_again_ms;

    /* its view */
    struct cluster_view *view;
    struct view_events_past past;
    uint64_t published_ms;
    bool has_news; /* since then */
    char card[WORDS_CARD_SIZE];

    /* its end */
    bool is_stopping;
    uint64_t stopping_ms;
    uint64_t down_ms; /* when something was last seen to run, of a program that stops */
    supervisor_cb on_stopped;
    void *stop_owner;
    bool is_closing;
    supervisor_cb on_closed;
    void *close_owner;
    int open_parts;
};

uint64_t supervisor_now_ms(void);
/* Look again, soon. */
void supervisor_soon(struct supervisor *s);

/* supervisor_facts.c: all of s->facts. */
void supervisor_gather(struct supervisor *s, uint64_t now_ms);
/* For how long what was decided before has not come to its end: a kill, standby.signal, a start. */
void supervisor_gather_waits(struct supervisor *s, uint64_t now_ms, struct facts *facts);
/* A new primary is on its way, and clients wait: what nothing tells of is looked at often. By the
 * facts of the last look. */
bool supervisor_is_in_haste(const struct supervisor *s);
/* This life has not been here for long enough to have heard all that are well. */
bool supervisor_is_new_here(const struct supervisor *s, uint64_t now_ms);
/* Where the member of this name listens, by its own words. False: it has not said. */
bool supervisor_place_of(const struct supervisor *s, const struct facts_name *name,
                         struct act_upstream *out);

/* supervisor_guard.c */
void supervisor_meet_guard(struct supervisor *s, bool may_start);
void supervisor_guard_event(struct supervisor *s, const struct guard_event *event);
/* Of a start that is watched only PostgreSQL itself may open something in pg_wal, until it has. */
bool supervisor_spares_wal(struct observe *observe);
/* A start as a standby that is due waits until this program is out of pg_wal. */
bool supervisor_wants_quiet(const struct supervisor *s, uint64_t now_ms);
/* Starts can not be watched: once for each reason. */
void supervisor_tell_unwatched(struct supervisor *s, const struct err *err);
/* The lease as it is now into the page. */
void supervisor_write_page(struct supervisor *s);
uint32_t supervisor_crashes(const struct supervisor *s, uint64_t now_ms);

/* supervisor_do.c: what was decided. */
/* What is to be said of its data directory, or "". */
void supervisor_home_amiss(const struct supervisor *s, char out[ERR_MSG_MAX]);
void supervisor_carry_out(struct supervisor *s, uint64_t now_ms);
void supervisor_act_done(struct act *act);
bool supervisor_act_is_wanted(const struct act *act);
/* It was looked at before it was known that the cluster's data are others. */
bool supervisor_is_home_doubtful(const struct supervisor *s);

/* supervisor_keep.c: the last good value of the key config, in a file. */
void supervisor_keep_open(struct supervisor *s);
void supervisor_keep_good(struct supervisor *s, const char *text, uint64_t revision);
/* The key has another value that can not be used. */
void supervisor_keep_bad(struct supervisor *s, uint64_t revision);
void supervisor_keep_tick(struct supervisor *s, uint64_t now_ms);
void supervisor_keep_close(struct supervisor *s);

/* supervisor_task.c: what an operator has asked for, and what becomes of it. */
void supervisor_gather_task(struct supervisor *s, uint64_t now_ms, struct facts *facts);
void supervisor_show_task(const struct supervisor *s, struct view_task *out);

/* It supervises a PostgreSQL, and goes on to; else ERR_REFUSED. */
int supervisor_takes_orders(const struct supervisor *s, struct err *err);
/* supervisor_later.c: an operator's restart for later, in a file, and begun when it is due. */
void supervisor_later_open(struct supervisor *s);
void supervisor_later_tick(struct supervisor *s, uint64_t now_ms);
void supervisor_later_close(struct supervisor *s);
void supervisor_show_later(const struct supervisor *s, struct view_restart *out);

/* supervisor_back.c: what a node that comes back has to know: of itself, and asked of the primary.
 */
void supervisor_gather_back(struct supervisor *s, uint64_t now_ms);
/* restore_command is set. */
bool supervisor_has_archive(const struct supervisor *s);
void supervisor_look_upstream(struct supervisor *s, uint64_t now_ms);
/* Of "a,b,c" the host that is asked now; whatever has no comma stays. */
void supervisor_one_host(const struct supervisor *s, char *hosts);

/* supervisor_config.c: what the key config says, and PostgreSQL is told. */
void supervisor_follow_config(struct supervisor *s, uint64_t now_ms);
const struct pg_setup *supervisor_newest(const struct supervisor *s);
/* Why the key config, or its lease, is not in force on this node as it stands there; "": it is. */
const char *supervisor_config_amiss(const struct supervisor *s);
/* True: a sequence has begun, by which PostgreSQL reads its configuration again. */
bool supervisor_reload(struct supervisor *s, uint64_t now_ms);
void supervisor_reloaded(struct supervisor *s, uint64_t now_ms);
/* What waits for a restart of PostgreSQL. */
void supervisor_find_pending(struct supervisor *s);

/* supervisor_do.c: what a sequence works from. */
void supervisor_fill_order(struct supervisor *s, struct act_order *order);
/* supervisor_resolve.c: the address of @host, "10.0.0.1" or "pg1.example"; false: not known yet, it
 * is being looked up. */
bool supervisor_address_of(struct supervisor *s, const char *host, char out[ACT_ADDRESS_SIZE]);
void supervisor_resolve_close(struct supervisor *s);
/* supervisor_refused.c: why this node does not stream, asked of the primary. */
void supervisor_look_refused(struct supervisor *s, uint64_t now_ms);
/* supervisor_upkeep.c */
void supervisor_keep_house(struct supervisor *s, uint64_t now_ms);
/* As the primary: begins, or drops, an operator's wish for another one. */
void supervisor_keep_wish(struct supervisor *s, uint64_t now_ms);
/* The sequence for it is under way. */
bool supervisor_hands_over(const struct supervisor *s);
/* It was dropped, or begun anew, and the store does not show that yet. */
bool supervisor_answers_wish(const struct supervisor *s);
/* A slot that the configuration names; @ctx: the supervisor. What PostgreSQL was asked comes later,
 * and the setup of then may be gone. */
bool supervisor_keeps_slot(void *ctx, const struct slot_row *row);
/* The physical slots that it wants made; how many. */
uint32_t supervisor_permanent_slots(void *ctx, char out[SLOTS_PERMANENT_MAX][SLOTS_NAME_SIZE]);

/* supervisor_scripts.c */
void supervisor_scripts_open(struct supervisor *s);
/* After a look: the callbacks that are due by it. */
void supervisor_call_due(struct supervisor *s);
void supervisor_gather_scripts(struct supervisor *s, uint64_t now_ms, struct facts *facts);
/* A sequence has ended. True: it was pre_promote's, and its answer is known now. */
bool supervisor_pre_promoted(struct supervisor *s, uint64_t now_ms);
/* As its words have them now. */
struct own_tags supervisor_own_tags(const struct supervisor *s, uint64_t now_ms);
/* Of a program that stops: it has been down for @down_ms. */
bool supervisor_scripts_are_over(const struct supervisor *s, uint64_t down_ms);

/* supervisor_measure.c. The tick is to run after so long; it runs now. */
void supervisor_tick_due(struct supervisor *s, uint64_t after_ms);
void supervisor_tick_ran(struct supervisor *s);
void supervisor_measure_tick(struct supervisor *s, uint64_t now_ms);

/* supervisor_guard_new.c */
void supervisor_renew_guard(struct supervisor *s);
/* One of its events is perhaps the answer. */
void supervisor_guard_renewed(struct supervisor *s, const struct guard_event *event);
/* supervisor_upgrade.c */
void supervisor_upgrade_tick(struct supervisor *s, uint64_t now_ms);

/* supervisor_tell.c: words to the others, a view for people. */
/* One sentence: what is being made, and how far it is; or what keeps it from going on; or what is
 * amiss with the key config here. */
void supervisor_note(const struct supervisor *s, char out[VIEW_TEXT_SIZE]);
void supervisor_tell(struct supervisor *s, uint64_t now_ms, bool is_new);

#endif /* SUPERVISOR_SUPERVISOR_PARTS_H_ */
