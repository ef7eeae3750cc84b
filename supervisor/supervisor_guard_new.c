/* supervisor/supervisor_guard_new.c - a guard of an earlier life becomes the program that is
 * installed now (docs/guard.md): by an exec of itself, under which PostgreSQL, its parent and the
 * deadline stay. It is asked when nothing else is asked of it, and refuses what does not take over
 * its state. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "base/mem.h"
#include "supervisor/supervisor_parts.h"

#define PROC_SIZE 40

/* What can not be seen is not replaced. */
static bool is_another(uint64_t pid, const char *path)
{
    char proc[PROC_SIZE];
    struct stat runs;
    struct stat installed;
    (void)snprintf(proc, sizeof(proc), "/proc/%llu/exe", (unsigned long long)pid);
    return stat(proc, &runs) == 0 && stat(path, &installed) == 0 &&
           (runs.st_ino != installed.st_ino || runs.st_dev != installed.st_dev);
}

void supervisor_renew_guard(struct supervisor *s)
{
    bool is_calm = s->is_guard_greeted && !s->act.is_running && s->upgrade.stage == UPGRADE_NONE &&
                   s->decision.action == ACTION_WAIT && s->facts.guard.state == GUARD_WELL;
    if (!s->is_guard_found || s->is_guard_checked || !is_calm || s->guard_pid == 0) {
        return;
    }
    s->is_guard_checked = true;
    if (!is_another(s->guard_pid, s->setup->guard)) {
        return;
    }
    struct err err = {.code = 0};
    char *path = mem_strdup(s->setup->guard);
    struct guard_request request = {.kind = GUARD_UPGRADE};
    (void)guard_request_add_argument(&request, path);
    int code = guard_client_send(&s->guard, &request, -1, &s->guard_asked, &err);
    mem_free(path);
    if (code != 0) {
        s->guard_asked = 0;
        log_warn("guard", "upgrade", LOG_ERR(&err));
    }
}

void supervisor_guard_renewed(struct supervisor *s, const struct guard_event *e)
{
    if (s->guard_asked == 0 || e->id != s->guard_asked) {
        return;
    }
    s->guard_asked = 0;
    if (e->kind == GUARD_DONE) {
        log_info("guard", "is the installed program now", LOG_U64("pid", s->guard_pid));
    } else {
        log_warn("guard", "goes on as the program that it was",
                 LOG_STR("reason", guard_reason_text(e->reason)));
    }
}
