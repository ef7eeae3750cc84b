/* supervisor/act_scripts.c - the programs of an operator that a sequence waits for:
 * postgresql.pre_promote and postgresql.before_stop.
 *
 * Each has its time, after which it is ended with all that it has started: clients wait meanwhile,
 * and nobody else may be primary. What ends the sequence ends it too. A pre_promote that fails, or
 * takes too long, forbids the promotion (decide.c); of a before_stop the log says what came of it,
 * and no more. Those that nobody waits for are callback_run.c's. */
#include <inttypes.h>
#include <stdio.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/must.h"
#include "supervisor/act_parts.h"

#define BEFORE_STOP_MS 20000 /* of the 60 s of a stop, of which a checkpoint takes up to 15 */

/* By a shell, as people write it: "/path/script --with words". */
static void run(struct act *a, const char *name, const char *command, uint64_t limit_ms,
                act_next next)
{
    char *words[] = {mem_strdup("/usr/bin/env"),
                     mem_printf("PGRAFT_EPOCH=%" PRIu64, a->order.facts.store.grant_epoch),
                     mem_printf("PGRAFT_NAME=%s", a->order.setup->name),
                     mem_strdup("/bin/sh"),
                     mem_strdup("-c"),
                     mem_strdup(command),
                     mem_strdup(name),
                     NULL};
    log_info("supervisor", "script begins", LOG_STR("script", name), LOG_STR("command", command));
    a->program_name = name;
    act_run_script(a, name, words, limit_ms, next);
    for (size_t i = 0; words[i] != NULL; i++) {
        mem_free(words[i]);
    }
}

/* ---- before a promotion ---- */

static void has_answered(struct act *a)
{
    act_end(a);
}

/* Half of the time after which somebody who stands still on its way to be primary is given up. */
void act_pre_promote(struct act *a)
{
    const struct act_order *o = &a->order;
    MUST(o->setup->pre_promote != NULL);
    run(a, "pre_promote", o->setup->pre_promote, o->facts.settings.times.start_max_ms / 2,
        has_answered);
}

/* ---- before a stop ---- */

static void stop_is_free(struct act *a)
{
    if (a->err.code != 0) {
        log_warn("supervisor", "before_stop failed",
                 LOG_STR("text", "PostgreSQL is stopped all the same"), LOG_ERR(&a->err));
        a->err = (struct err){.code = 0};
    } else {
        log_info("supervisor", "script done", LOG_STR("script", "before_stop"));
    }
    act_next next = a->then;
    a->then = NULL;
    next(a);
}

void act_before_stop(struct act *a, act_next next)
{
    const char *command = a->order.setup->before_stop;
    if (command == NULL) {
        next(a);
        return;
    }
    a->then = next;
    run(a, "before_stop", command, BEFORE_STOP_MS, stop_is_free);
}
