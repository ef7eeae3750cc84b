/* ctl/cmd_show_config.c - show-config: what all nodes go by, as it is in the store. */
#include "base/cleanup.h"
#include "base/cli.h"
#include "ctl/cmd.h"
#include "ctl/config.h"
#include "ctl/shared_config.h"
#include "ctl/told.h"

int cmd_show_config(const struct cli_call *call, struct err *err)
{
    CLEANUP(ctl_close) struct ctl ctl = {0};
    CLEANUP(buf_close) struct buf out = {0};
    CLEANUP(ask_version_close) struct ask_version version = {.value = NULL};
    json_auto_t *view = NULL;
    if (output_format(call) == OUTPUT_TSV) {
        return cli_usage(call, err, "the configuration is printed as yaml or json only");
    }
    int rc = ctl_open(call, &ctl, err);
    rc = rc < 0 ? rc : shared_config_get(call, ctl.ask, &version, &view, err);
    if (rc < 0) {
        return rc;
    }
    shared_config_print(&out, output_format(call), version.value);
    rc = cli_put(&out, err);
    return rc < 0 ? rc : told_end(call, view);
}
