/* ctl/cmd_config.c - `config generate` and `config show`; no node is asked. */
#include "ctl/cmd.h"

#include <stdio.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "config/config.h"
#include "ctl/config.h"

int cmd_config_generate(const struct cli_call *call, struct err *err)
{
    CLEANUP(buf_close) struct buf text = {0};
    int rc = cmd_uses_only(call, CMD_USES_NONE, err);
    if (rc < 0) {
        return rc;
    }
    config_template(&text);
    return cli_put(&text, err);
}

/* Shows what can be shown also when something is wrong, and says so by its status. */
int cmd_config_show(const struct cli_call *call, struct err *err)
{
    CLEANUP(config_close) struct config config = {0};
    CLEANUP(problems_close) struct problems problems = {0};
    CLEANUP(buf_close) struct buf text = {0};
    CLEANUP(buf_close) struct buf wrong = {0};
    const char *path = cli_value(call, "config");
    const struct config_input input = {.path = path != NULL ? path : ctl_patroni_file(),
                                       .environment = (const char *const *)environ};
    int rc = cmd_uses_only(call, CMD_USES("config"), err);
    if (rc < 0) {
        return rc;
    }
    int loaded = config_load(&input, &config, &problems);
    problems_print(&problems, &wrong);
    (void)fputs(buf_text(&wrong), stderr); /* when this fails there is nobody to tell */
    config_show(&config, &text);
    rc = cli_put(&text, err);
    return rc != 0 || loaded == 0 ? rc : 1;
}
