/* supervisor/decide_explain.c - a decision in words. */
#include <inttypes.h>
#include <stdio.h>

#include "base/must.h"
#include "supervisor/decide.h"

#define REASON_SIZE 900

// clang-format off
static const char *const actions[ACTIONS] = {
    [ACTION_WAIT] = "wait", [ACTION_KILL] = "kill", [ACTION_STOP] = "stop", [ACTION_RELEASE] = "release",
    [ACTION_SEAL] = "seal", [ACTION_PRE_PROMOTE] = "pre-promote", [ACTION_ARM] = "arm", [ACTION_PROMOTE] = "promote",
    [ACTION_WRITE_SIGNAL] = "write-signal", [ACTION_RECORD] = "record", [ACTION_SYNC_SET] = "sync-set",
    [ACTION_HAND_OVER] = "hand-over", [ACTION_START_STANDBY] = "start-standby",
    [ACTION_START_PRIMARY] = "start-primary", [ACTION_START_GUARD] = "start-guard",
    [ACTION_ADOPT] = "adopt", [ACTION_INITDB] = "initdb", [ACTION_FOLLOW] = "follow",
    [ACTION_RETURN] = "return", [ACTION_LEAVE] = "leave",
};
static const char *const processes[] = {
    [PG_UNKNOWN] = "unknown", [PG_ABSENT] = "down", [PG_LEFT] = "left over", [PG_STARTING] = "starting",
    [PG_RUNNING] = "running", [PG_STOPPING] = "stopping",
};
static const char *const roles[] = {
    [ROLE_UNKNOWN] = "of unknown role", [ROLE_STANDBY] = "a standby", [ROLE_PRIMARY] = "a primary",
};
static const char *const guards[] = {
    [GUARD_UNKNOWN] = "unknown", [GUARD_GONE] = "gone", [GUARD_SILENT] = "silent", [GUARD_WELL] = "well",
};
// clang-format on

const char *action_name(enum action action)
{
    MUST((size_t)action < ARRAY_LEN(actions));
    return actions[action];
}

void decide_reason(const struct facts *f, const struct decision *d, char *out, size_t size)
{
    bool is_refused = f->pg.reload_refused;
    (void)snprintf(out, size, "%s: %s, because %s%s%s%s%s", d->rule, action_name(d->action), d->why,
                   is_refused ? "; PostgreSQL refuses its configuration: " : "",
                   is_refused ? f->pg.config_wrong : "", f->pg.unreachable[0] != '\0' ? "; " : "",
                   f->pg.unreachable);
}

void decide_explain(const struct facts *f, const struct decision *d, char *out, size_t size)
{
    char reason[REASON_SIZE];
    char lease[96] = "no lease";
    if (f->lease.epoch != 0) {
        (void)snprintf(lease, sizeof(lease), "lease of epoch %" PRIu64 " for %" PRIu64 " ms more",
                       f->lease.epoch, f->lease.remaining_ms);
    }
    decide_reason(f, d, reason, sizeof(reason));
    const char *primary = f->store.lease_stands ? f->store.holder.text : "nobody";
    (void)snprintf(out, size,
                   "%s (PostgreSQL %s, %s, timeline %" PRIu32 " at %" PRIX32 "/%" PRIX32
                   "; %s; sealed for %" PRIu64 ", order %" PRIu64
                   "; the role is granted to %s, epoch %" PRIu64 "; guard %s)",
                   reason, processes[f->pg.process], roles[f->pg.role], f->pg.end.timeline,
                   (uint32_t)(f->pg.end.lsn >> 32), (uint32_t)f->pg.end.lsn, lease,
                   f->pg.sealed_epoch, f->store.order_epoch, primary, f->store.grant_epoch,
                   guards[f->guard.state]);
}
