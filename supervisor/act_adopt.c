/* supervisor/act_adopt.c - a data directory that was there before pgraft is taken over, with the
 * PostgreSQL that runs on it, if one does: nothing is stopped or started (safety D2).
 *
 *   CHECK --> ARM --> ADOPT --> RESET --> NOTE      of a primary, which goes on under the lease
 *      '-------------> ADOPT --> RESET --> NOTE     of a standby
 *      '---------------------------------> NOTE     nothing runs
 *
 * What ALTER SYSTEM has set would win over what is ours for as long as the server runs; a clone has
 * its primary_conninfo there. The guard comes before the note: what carries the note and has no
 * guard is ended. Whatever is cut off is begun again.
 *
 * What was restored past pgraft is made a copy of the cluster when an operator wants it to be the
 * primary: nothing runs on it then, and only its note is written. */
#include <unistd.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/must.h"
#include "supervisor/act_parts.h"
#include "supervisor/autostart.h"
#include "supervisor/pg_lock.h"

static void ended(struct act *a)
{
    act_end(a);
}

/* At its next boot two would start one PostgreSQL, and one of them knows of no lease (safety B3).
 */
static int check_others(const struct act_order *o, struct err *err)
{
    CLEANUP(buf_close) struct buf who = {0};
    return autostart_find(NULL, o->setup->files.data_dir, &who)
               ? err_set(err, ERR_REFUSED, "the data directory is not adopted yet: %s",
                         buf_text(&who))
               : 0;
}

/* Another cluster's data are not taken for a replica's: their system identifier tells. */
static int work_check(struct act_order *o, struct err *err)
{
    int code = work_look(o, err);
    uint64_t wanted = o->ask.system_id;
    if (code != 0) {
        return code;
    }
    if (o->home.data != DATA_USABLE || o->home.system_id == 0) {
        return err_set(err, ERR_INVALID, "the data directory can not be adopted: %s",
                       o->home.why[0] != '\0' ? o->home.why : "its control file can not be read");
    }
    if (wanted != 0 && o->home.system_id != wanted) {
        return err_set(err, ERR_INVALID,
                       "the data directory can not be adopted: its system identifier is %llu, that "
                       "of this cluster is %llu",
                       (unsigned long long)o->home.system_id, (unsigned long long)wanted);
    }
    return o->home.is_noted == FACT_YES ? 0 : check_others(o, err);
}

static int work_note(struct act_order *o, struct err *err)
{
    if (o->home.is_noted != FACT_YES) {
        int code = home_note(o->setup, &o->ask, o->decision.epoch, err);
        if (code != 0) {
            return code;
        }
    }
    return work_look(o, err);
}

static void put_note(struct act *a)
{
    act_do(a, "note", work_note, ended);
}

/* One statement each: none of them runs in a transaction. */
static const char *const resets[] = {
    "ALTER SYSTEM RESET primary_conninfo",          "ALTER SYSTEM RESET primary_slot_name",
    "ALTER SYSTEM RESET synchronous_standby_names", "ALTER SYSTEM RESET restart_after_crash",
    "ALTER SYSTEM RESET recovery_target_timeline",
};

static bool is_held(const struct guard_seen *g)
{
    return g->state == GUARD_WELL && g->may_run && !g->is_foreign;
}

static bool is_primary(const struct facts *f)
{
    return f->pg.role == ROLE_PRIMARY;
}

enum adopt_step adopt_next(const struct facts *f, const struct guard_seen *g, uint64_t epoch)
{
    bool is_bound = f->guard.promoted_epoch == epoch || !is_primary(f);
    if (f->pg.process == PG_ABSENT) {
        return ADOPT_NOTE; /* there is nothing to hold */
    }
    if (is_held(g) && is_bound) {
        return ADOPT_RESET; /* an earlier try came so far, perhaps in an earlier life */
    }
    return is_primary(f) ? ADOPT_ARM : ADOPT_HOLD;
}

/* The note says that a guard is there: it is not written for what has slipped out of its hands. */
static void note_held(struct act *a)
{
    if (is_held(a->guard_seen)) {
        put_note(a);
        return;
    }
    (void)err_set(&a->err, ERR_CLOSED, "the guard does not hold it any more");
    act_end(a);
}

static void held(struct act *a)
{
    if (act_failed(a)) {
        return;
    }
    if (a->order.round < ARRAY_LEN(resets)) {
        act_query(a, resets[a->order.round++], held);
    } else {
        note_held(a);
    }
}

static void hold(struct act *a)
{
    uint64_t epoch = is_primary(&a->order.facts) ? a->order.decision.epoch : 0;
    act_ask(a, GUARD_ADOPT, epoch, 0, GUARD_STARTED, held);
}

static void armed(struct act *a)
{
    if (act_failed(a)) {
        return;
    }
    if (is_held(a->guard_seen)) {
        held(a); /* it goes on under the newer epoch */
    } else {
        hold(a);
    }
}

static void checked(struct act *a)
{
    uint64_t epoch = a->order.decision.epoch;
    if (act_failed(a)) {
        return;
    }
    a->order.round = 0;
    switch (adopt_next(&a->order.facts, a->guard_seen, epoch)) {
        case ADOPT_NOTE:
            put_note(a);
            return;
        case ADOPT_RESET:
            held(a);
            return;
        case ADOPT_ARM:
            act_ask_arm(a, armed);
            return;
        case ADOPT_HOLD:
            hold(a);
            return;
    }
    UNREACHABLE("every step is named above");
}

/* ---- what was restored past pgraft ---- */

/* Nobody has acknowledged anything to it: it is another copy than all that were known, whatever its
 * note says. Where the configuration knows the archive, what a restore has left of its own way to
 * it would win over that. */
static int work_take(struct act_order *o, struct err *err)
{
    const char *data_dir = o->setup->files.data_dir;
    CLEANUP(mem_freep) char *lock = mem_printf("%s/postmaster.pid", data_dir);
    int code = work_look(o, err);
    if (code == 0 && o->home.restored != RESTORED_FIT) {
        return err_set(err, ERR_REFUSED, "what was restored can not be taken over: %s",
                       o->home.why[0] != '\0' ? o->home.why : "it is not there any more");
    }
    code = code != 0 ? code : pg_lock_clear(lock, data_dir, err);
    if (code == 0 && access(lock, F_OK) == 0) {
        return err_set(err, ERR_LOCKED, "%s: a PostgreSQL that was started by hand runs on it",
                       lock);
    }
    code = code != 0 || !o->has_archive ? code : pg_files_clean_recovery(&o->setup->files, err);
    code = code != 0 ? code : home_note(o->setup, &o->ask, o->decision.epoch, err);
    return code != 0 ? code : work_look(o, err);
}

void act_adopt(struct act *a)
{
    if (a->order.facts.pg.restored != RESTORED_NOT) {
        act_do(a, "take over", work_take, ended);
        return;
    }
    act_do(a, "check", work_check, checked);
}
