/* supervisor/act_seal.c - a standby cuts itself off and follows anew, and the set of synchronous
 * standbys of a primary changes: all by files that are read again. */
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "supervisor/act_parts.h"
#include "supervisor/pg_rows.h"

static void ended(struct act *a)
{
    act_end(a);
}

/* ---- the seal (safety C1) ---- */

static void cut(struct act_order *o)
{
    o->config.is_primary = false;
    o->config.has_sync = false;
    memset(&o->config.upstream, 0, sizeof(o->config.upstream));
}

static int work_cut_files(struct act_order *o, struct err *err)
{
    cut(o);
    int code = work_put_config(o, err);
    return code != 0 ? code : pg_files_clean_auto(&o->setup->files, NULL, err);
}

/* What does not run can not be seen to be cut off. So its files name nobody and have the fence
 * before it promises anything: a start by hand must not acknowledge to an older primary. Of what
 * runs only the note is read again: a whole look runs a program. */
int work_seal_note(struct act_order *o, struct err *err)
{
    const char *data_dir = o->setup->files.data_dir;
    bool is_absent = o->facts.pg.process == PG_ABSENT;
    bool is_copy = false;
    int code = 0;
    if (is_absent) {
        code = work_cut_files(o, err);
    }
    code = code != 0 ? code : pg_note_seal(data_dir, o->decision.epoch, err);
    if (code != 0 || is_absent) {
        return code != 0 ? code : work_look(o, err);
    }
    return pg_note_read(data_dir, &o->home.note, &is_copy, err);
}

static int work_cut(struct act_order *o, struct err *err)
{
    cut(o);
    return work_reload(o, err);
}

static void found_receiver(struct act *a)
{
    if (act_failed(a)) {
        return;
    }
    if (!pg_text_u64(a->said, &a->order.pid)) {
        act_end(a); /* it is gone by itself */
        return;
    }
    act_do(a, "end receiver", work_end_process, ended);
}

/* What runs is cut off next, whatever else is seen of it by then. */
static void noted(struct act *a)
{
    const struct pg_facts *pg = &a->order.facts.pg;
    if (act_failed(a)) {
        return;
    }
    if (pg->process == PG_RUNNING && pg->role == ROLE_STANDBY && a->order.postmaster != 0) {
        a->order.decision.seal = SEAL_EMPTY_CONNINFO;
        act_do(a, "cut off", work_cut, ended);
    } else {
        act_end(a);
    }
}

/* ---- what refuses to read its files (seal.h) ---- */

static void ends(struct act *a)
{
    if (!act_failed(a)) {
        act_until_down(a, ended);
    }
}

/* In order, so that it need not recover; but others wait for its answer. */
static void files_cut(struct act *a)
{
    if (!act_failed(a)) {
        uint64_t how = a->order.failures > 0 ? GUARD_KILL : GUARD_FAST;
        act_ask(a, GUARD_STOP, 0, how, GUARD_DONE, ends);
    }
}

/* What is only to be looked at once more is the observer's: it is asked to hurry. */
void act_seal(struct act *a)
{
    switch (a->order.decision.seal) {
        case SEAL_NOTE:
            act_do(a, "seal", work_seal_note, noted);
            return;
        case SEAL_EMPTY_CONNINFO:
            act_do(a, "cut off", work_cut, ended);
            return;
        case SEAL_STOP:
            act_do(a, "cut off", work_cut_files, files_cut);
            return;
        case SEAL_END_RECEIVER:
            act_query(a, "SELECT pid FROM pg_stat_get_wal_receiver() WHERE pid IS NOT NULL",
                      found_receiver);
            return;
        case SEAL_DONE:
        case SEAL_LOOK_AGAIN:
        case SEAL_READ_END:
            act_end(a);
            return;
    }
    UNREACHABLE("every step of a seal is named above");
}

/* ---- following ---- */

static int work_follow(struct act_order *o, struct err *err)
{
    if (name_is_set(&o->source.name) && o->source.host[0] == '\0' && o->leads) {
        return err_set(err, ERR_BUSY, "another standby_cluster was configured just now");
    }
    if (name_is_set(&o->source.name) && o->source.host[0] == '\0') {
        return err_set(err, ERR_NOT_FOUND, "%s has not said yet where it listens",
                       o->source.name.text);
    }
    o->config.is_primary = false;
    o->config.has_sync = false;
    o->config.upstream = o->source;
    return work_reload(o, err);
}

void act_follow(struct act *a)
{
    act_do(a, "follow", work_follow, ended);
}

/* ---- synchronous standbys (safety C4) ---- */

/* Commits that wait are looked at again when a standby answers, and with all of them waiting there
 * is nothing new to answer to: a little WAL is written. That itself waits for nobody. Once when all
 * have read their configuration, as a rule, and again for those that took longer. */
#define NUDGE_SQL                                              \
    "SELECT set_config('synchronous_commit', 'local', true), " \
    "pg_logical_emit_message(true, 'pgraft', '')"
static const uint64_t nudge_after_ms[] = {5, 20, 100};

static void nudge(struct act *a);

/* What comes of the last one is no matter: the set is applied. */
static void nudged(struct act *a)
{
    if (a->order.round == ARRAY_LEN(nudge_after_ms)) {
        a->err.code = 0;
        act_end(a);
    } else if (!act_failed(a)) {
        act_pause(a, nudge_after_ms[a->order.round], nudge);
    }
}

static void nudge(struct act *a)
{
    a->order.round++;
    act_query(a, NUDGE_SQL, nudged);
}

static void applied(struct act *a)
{
    bool is_waited_for = a->order.config.sync.needed > 0;
    if (act_failed(a)) {
        return;
    }
    if (is_waited_for) {
        nudged(a);
    } else {
        act_end(a);
    }
}

int work_sync(struct act_order *o, struct err *err)
{
    o->config.is_primary = true;
    o->needs_lease = true;
    o->is_reloaded = true;
    return work_reload(o, err);
}

void act_apply_sync(struct act *a)
{
    struct act_order *o = &a->order;
    char text[SYNC_TEXT_SIZE];
    bool is_first = o->setup->settings.sync_mode == SYNC_ON;
    if (!sync_text_of_set(&o->decision.sync.apply, is_first, text)) {
        (void)err_set(&a->err, ERR_TOO_LARGE, "the names of the synchronous standbys are too long");
        act_end(a);
        return;
    }
    struct sync_text goal = sync_text_parse(text);
    enum sync_move move = sync_force_next(&o->force, &goal);
    if (move == SYNC_MOVE_GOAL) {
        o->config.has_sync = true;
        o->config.sync = o->decision.sync.apply;
    } else if (move == SYNC_MOVE_BETWEEN) {
        o->config.has_sync = true;
        o->config.sync = (struct sync_set){
            .needed = 1, .count = 1, .at = {{.name = {.text = SYNC_BETWEEN_NAME}}}};
    } else {
        act_end(a); /* on its way: the next look sees how far */
        return;
    }
    if (move == SYNC_MOVE_GOAL && o->config.sync.needed > 0) {
        pg_link_connect(&a->link); /* it takes a moment, while the files are written */
    }
    act_do(a, "synchronous standbys", work_sync, move == SYNC_MOVE_GOAL ? applied : ended);
}
