/* ctl/cmd_secret.c - secret generate: the secret that all nodes of a cluster share. */
#include "base/cleanup.h"
#include "base/cli.h"
#include "ctl/cmd.h"
#include "ctl/file_put.h"
#include "ctl/random_text.h"

#define SECRET_BYTES 32

int cmd_secret_generate(const struct cli_call *call, struct err *err)
{
    const char *path = cli_value(call, "output");
    bool force = cli_given(call, "force");
    if (force && path == NULL) {
        return cli_usage(call, err, "--force is of use with --output FILE only");
    }
    CLEANUP(buf_close) struct buf text = {0};
    int rc = cmd_uses_only(call, CMD_USES_NONE, err);
    if (rc == 0) {
        rc = random_text(&text, SECRET_BYTES, err);
    }
    if (rc < 0) {
        return rc;
    }
    buf_char(&text, '\n');
    if (path == NULL) {
        return cli_put(&text, err);
    }
    rc = file_put(path, &text, force, err);
    if (rc == ERR_EXISTS) {
        return err_set(err, ERR_EXISTS,
                       "%s is there already, and nodes may be using it; --force replaces it", path);
    }
    return rc;
}
