/* daemon/wire_tasks.c - one call for another. */
#include "daemon/wire_tasks.h"

#include <signal.h>
#include <unistd.h>

static int restart(void *ctx, uint64_t timeout_ms, uint64_t *ret_id, struct err *err)
{
    return supervisor_restart(ctx, timeout_ms, ret_id, err);
}

static int ended(void *ctx, uint64_t id, struct err *err)
{
    return supervisor_task_ended(ctx, id, err);
}

static int restart_later(void *ctx, const struct restart_order *order, uint64_t *ret_id,
                         struct err *err)
{
    return supervisor_restart_later(ctx, order, ret_id, err);
}

static int restart_never(void *ctx, uint64_t *ret_id, struct err *err)
{
    return supervisor_restart_never(ctx, ret_id, err);
}

static int kept(void *ctx, uint64_t id, struct err *err)
{
    return supervisor_restart_kept(ctx, id, err);
}

static int reinitialize(void *ctx, bool force, bool from_leader, struct err *err)
{
    return supervisor_reinitialize(ctx, force, from_leader, err);
}

static int keep_copy(void *ctx, struct err *err)
{
    return supervisor_keep_copy(ctx, err);
}

/* The loop takes it up in a later turn: nothing changes under the request that asked for it. */
static void reload(void *ctx)
{
    (void)ctx;
    (void)kill(getpid(), SIGHUP);
}

struct http_tasks wire_tasks(struct supervisor *supervisor)
{
    return (struct http_tasks){.restart = restart,
                               .ended = ended,
                               .restart_later = restart_later,
                               .restart_never = restart_never,
                               .kept = kept,
                               .reinitialize = reinitialize,
                               .keep_copy = keep_copy,
                               .reload = reload,
                               .ctx = supervisor};
}
