/* supervisor/act_parts.h - work in threads that several sequences have, and their beginnings. */
#ifndef SUPERVISOR_ACT_PARTS_H_
#define SUPERVISOR_ACT_PARTS_H_

#include "supervisor/act.h"

/* For programs that talk to another host: one that is gone must not hold them for hours. */
#define ACT_CONNINFO_TIMES                                                            \
    " connect_timeout=10 keepalives_idle=10 keepalives_interval=5 keepalives_count=4" \
    " tcp_user_timeout=30000"

/* Write the configuration that order->config asks for: postgresql.conf, pg_hba.conf, passwords. */
int work_put_config(struct act_order *order, struct err *err);
/* The same, and have the postmaster read it; order->needs_lease: only while the lease lives. */
int work_reload(struct act_order *order, struct err *err);
/* The same of a primary whose commits are to wait for others than before, or are to be let go. */
int work_sync(struct act_order *order, struct err *err);
/* The first step of a seal: the durable promise. */
int work_seal_note(struct act_order *order, struct err *err);
/* postgresql.conf is whose it was, PostgreSQL has been told, and the note is gone. */
int work_give_back(struct act_order *order, struct err *err);
/* SIGTERM to order->pid, if that is one of this PostgreSQL. */
int work_end_process(struct act_order *order, struct err *err);
/* Look at the data directory again. */
int work_look(struct act_order *order, struct err *err);
/* ... while no sequence is under way, at the start and after a failure: what an initdb that was cut
 * off has left beside it, the password, is removed first. */
int work_look_anew(struct act_order *order, struct err *err);
int work_put_passwords(const struct pg_setup *setup, struct err *err);
/* End PostgreSQL without its guard, and the guard. */
int work_kill(struct act_order *order, struct err *err);
int work_keep_wal(struct act_order *order, struct err *err);
/* After an initdb: bootstrap.post_bootstrap is owed to what it has made, if there is one. */
int work_owe_bootstrap(struct act_order *order, struct err *err);

/* Which files of pg_wal are put aside before a rewind or a clone. */
struct keep_range {
    uint64_t first, last; /* segments, both included */
    uint64_t per_log;     /* segments for each step of the middle number; 0: all are taken */
};
struct keep_range keep_range_of(const struct facts *facts, uint32_t segment_size);
bool keep_is_wanted(const struct keep_range *range, const char *name);

/* Nothing is in the data directory any more; it is there, for its owner alone. */
int work_empty(const struct pg_setup *setup, struct err *err);

/* The guard confirms the epoch, and learns what its lease means for the machine's watchdog. */
void act_ask_arm(struct act *act, act_next next);
/* What the configuration says of what PostgreSQL is to be here now. */
const struct pg_setup_role *act_role(const struct act_order *order);
/* libpq's target_session_attrs, for one of several hosts; NULL: there is one. */
const char *act_session_attrs(const struct act_upstream *upstream);
/* Append "host=... application_name=..." by which this node follows @upstream. */
void act_conninfo(const struct act_order *order, const struct act_upstream *upstream,
                  struct buf *out);
/* What is made anew or rewound becomes this node's own again: its configuration, standby.signal,
 * its note; then the mark is taken away. */
int work_make_own(struct act_order *order, struct err *err);
/* The guard looks at the data directory again, and the sequence is over. */
void act_hands_on(struct act *act);
/* False: it has failed, for nobody knows where the primary listens. */
bool act_has_upstream(struct act *act);
/* The command for one segment, as PostgreSQL makes it of archive_command. */
void act_archive_command(const char *command, const char *segment, struct buf *out);
/* @text by a shell, as an operator's own way to fill the data directory; @name is for people. */
void act_run_method(struct act *act, const char *name, const char *text, act_next next);
/* Archive what waits for it, then @then. What fails is said in the log alone. */
void act_archive(struct act *act, act_next then);
/* What PostgreSQL and its programs are given of this program's environment, "NAME=value", NULL at
 * the end; borrowed. Nothing of PG*: what they are to know stands in their words. */
#define ACT_VARIABLES_MAX 8
void act_environment(const struct act_order *order, char *out[ACT_VARIABLES_MAX]);
/* "BIN/NAME"; free with mem_free. */
char *act_program_path(const struct act_order *order, const char *name);

/* Pure: where an adoption begins, or goes on, with what the guard has told. */
enum adopt_step {
    ADOPT_NOTE,  /* nothing runs */
    ADOPT_RESET, /* the guard holds it already */
    ADOPT_ARM,
    ADOPT_HOLD, /* the guard is to hold it */
};
enum adopt_step adopt_next(const struct facts *facts, const struct guard_seen *guard,
                           uint64_t epoch);

struct act_words;
/* The users of a new cluster. @is_restored: its data may have some already, who are changed. */
void act_users_sql(const struct pg_setup *setup, bool is_restored, struct buf *out);
/* A server for one session, which is its standard input. @config_file NULL: its own. */
void act_single_words(const struct act_order *order, const char *config_file, const char *database,
                      struct act_words *words);
/* bootstrap.pg_hba, where the roles have no lines of their own. */
int work_put_first_hba(const struct pg_setup *setup, struct err *err);
/* The step behind "hands off" of a cluster that begins with a restored backup. */
void act_restore(struct act *act);

/* Run bootstrap.post_bootstrap if it is owed, then @next; else the sequence ends, with PostgreSQL
 * down and its data discarded. */
void act_post_bootstrap(struct act *act, act_next next);

/* What is left of the lease is for a fast shutdown (safety A5). */
bool act_is_pressed(const struct facts *facts);
/* Clients write while its checkpoint is written, and nobody waits for its end. */
bool act_stop_has_time(const struct facts *facts);

/* Run postgresql.before_stop if there is one, whatever becomes of it, then @next. */
void act_before_stop(struct act *act, act_next next);

/* The beginnings, by action; supervisor/act_table.c chooses. */
void act_start_standby(struct act *act);
void act_start_primary(struct act *act);
void act_stop(struct act *act);
void act_kill(struct act *act);
void act_pre_promote(struct act *act);
void act_arm(struct act *act);
void act_promote(struct act *act);
void act_hand_over(struct act *act);
void act_adopt(struct act *act);
void act_leave(struct act *act);
void act_seal(struct act *act);
void act_follow(struct act *act);
void act_apply_sync(struct act *act);
void act_record(struct act *act);
void act_initdb(struct act *act);
void act_return(struct act *act);
void act_clone(struct act *act);
void act_rewind(struct act *act);
void act_keep_wal(struct act *act);

#endif /* SUPERVISOR_ACT_PARTS_H_ */
