/* ctl/cmd_remove.c - remove: patronictl empties the store of a cluster; here nothing is, and it is
 * said why, and how a cluster is given up instead.
 *
 * The store is the nodes' own. Were its keys deleted while nodes live, epochs would begin anew
 * beside promises of standbys and marks of guards that name the old ones, and a primary would lose
 * its lease. So no question is asked whose answer could make that happen. */
#include <string.h>

#include "base/cleanup.h"
#include "base/cli.h"
#include "ctl/cluster_view.h"
#include "ctl/cmd.h"
#include "ctl/config.h"
#include "ctl/output.h"
#include "ctl/patroni_rows.h"
#include "ctl/told.h"

/* As `list --all` shows it: witnesses have a part of the state, too. */
static int show(const struct cli_call *call, json_t *view, struct err *err)
{
    CLEANUP(buf_close) struct buf out = {0};
    const struct patroni_list list = {.view = view, .format = output_format(call), .all = true};
    patroni_list_put(&out, &list);
    return cli_put(&out, err);
}

/* "; db1 leads it" */
static void put_leader(struct buf *out, json_t *view)
{
    json_t *members = told_members(view);
    for (size_t i = 0; i < json_array_size(members); i++) {
        json_t *member = json_array_get(members, i);
        if (patroni_is_leader(member)) {
            buf_printf(out, "; %s leads it now", cli_quoted(view_text(member, "name")).text);
            return;
        }
    }
}

int cmd_remove(const struct cli_call *call, struct err *err)
{
    CLEANUP(ctl_close) struct ctl ctl = {0};
    CLEANUP(buf_close) struct buf leader = {0};
    json_auto_t *view = NULL;
    int rc = ctl_open(call, &ctl, err);
    rc = rc < 0 ? rc : told_get(ctl.ask, &view, err);
    rc = rc < 0 ? rc : told_check_clusters(call, view, err);
    rc = rc < 0 ? rc : show(call, view, err);
    if (rc < 0) {
        return rc;
    }
    put_leader(&leader, view);
    return err_set(
        err, ERR_REFUSED,
        "nothing was removed%s: the cluster's state is in the raft.data_dir of each "
        "node; stop pgraftd on all of them, then delete that on each (docs/pgraftctl.md)",
        buf_text(&leader));
}
