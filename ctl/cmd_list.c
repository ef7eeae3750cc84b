/* ctl/cmd_list.c - list: the members of the cluster, as patronictl lists them. */
#include <stdio.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/cli.h"
#include "ctl/cmd.h"
#include "ctl/cmd_list.h"
#include "ctl/config.h"
#include "ctl/output.h"
#include "ctl/patroni_rows.h"
#include "ctl/told.h"

/* The local time, as patronictl prints it. */
static void put_timestamp(struct buf *out)
{
    time_t now = time(NULL);
    struct tm parts = {0};
    char text[32];
    if (localtime_r(&now, &parts) != NULL &&
        strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &parts) > 0) {
        buf_printf(out, "%s\n", text);
    }
}

static int list_once(const struct cli_call *call, struct ctl *ctl, const void *wanted,
                     struct err *err)
{
    const struct cmd_list *wish = wanted;
    json_auto_t *view = NULL;
    CLEANUP(buf_close) struct buf out = {0};
    int rc = told_get(ctl->ask, &view, err);
    rc = rc < 0 ? rc : told_check_clusters(call, view, err);
    if (rc < 0) {
        return rc;
    }
    if (wish->timestamp) {
        put_timestamp(&out);
    }
    const struct patroni_list list = {.view = view,
                                      .format = output_format(call),
                                      .topology = wish->topology,
                                      .extended = wish->extended,
                                      .all = wish->all};
    patroni_list_put(&out, &list);
    rc = cli_put(&out, err);
    return rc < 0 ? rc : told_end(call, view);
}

int cmd_list_run(const struct cli_call *call, const struct cmd_list *wish, struct err *err)
{
    return told_repeat(call, list_once, wish, err);
}

int cmd_list(const struct cli_call *call, struct err *err)
{
    const struct cmd_list wish = {.extended = cli_given(call, "extended"),
                                  .timestamp = cli_given(call, "timestamp"),
                                  .all = cli_given(call, "all")};
    return cmd_list_run(call, &wish, err);
}
