/* ctl/cmd_history.c - history: the timelines of the cluster, and who began them. */
#include "base/cleanup.h"
#include "base/cli.h"
#include "ctl/cmd.h"
#include "ctl/config.h"
#include "ctl/output.h"
#include "ctl/patroni_rows.h"
#include "ctl/told.h"

static int history_once(const struct cli_call *call, struct ctl *ctl, const void *wish,
                        struct err *err)
{
    CLEANUP(buf_close) struct buf out = {0};
    json_auto_t *view = NULL;
    (void)wish; /* it has none */
    int rc = told_get(ctl->ask, &view, err);
    rc = rc < 0 ? rc : told_check_clusters(call, view, err);
    if (rc < 0) {
        return rc;
    }
    patroni_history_put(&out, output_format(call), view);
    rc = cli_put(&out, err);
    return rc < 0 ? rc : told_end(call, view);
}

int cmd_history(const struct cli_call *call, struct err *err)
{
    return told_repeat(call, history_once, NULL, err);
}
