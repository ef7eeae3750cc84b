/* ctl/cmd_lease.c - lease grant, keepalive, revoke, list, show. */
#include <inttypes.h>
#include <poll.h>

#include "base/cleanup.h"
#include "base/cli.h"
#include "base/must.h"
#include "ctl/bytes.h"
#include "ctl/cluster_view.h"
#include "ctl/cmd.h"
#include "ctl/cmd_kv.h"
#include "ctl/config.h"
#include "ctl/progress.h"
#include "proto/kv.h"

/* Leases of a list that are asked about one by one. */
#define SHOWN_MAX 100

static const struct output_column lease_columns[] =
    OUTPUT_COLUMNS({"lease", "Lease", OUTPUT_TEXT}, {"ttl_ms", "Time to live", OUTPUT_MS},
                   {"remaining_ms", "Remaining", OUTPUT_MS}, {"key_count", "Keys", OUTPUT_NUMBER},
                   {"holder", "Holder", OUTPUT_TEXT}, {"protected", "Protected", OUTPUT_BOOL},
                   {"epoch", "Epoch", OUTPUT_NUMBER}, {"renewable", "Renewable", OUTPUT_BOOL},
                   {"granted_index", NULL, OUTPUT_NUMBER});
static const struct output_column one_lease_columns[] = OUTPUT_COLUMNS(
    {"lease", "Lease", OUTPUT_TEXT}, {"ttl_ms", "Time to live", OUTPUT_MS},
    {"remaining_ms", "Remaining", OUTPUT_MS}, {"key_count", "Keys", OUTPUT_NUMBER},
    {"holder", "Holder", OUTPUT_TEXT}, {"protected", "Protected", OUTPUT_BOOL},
    {"epoch", "Epoch", OUTPUT_NUMBER}, {"renewable", "Renewable", OUTPUT_BOOL},
    {"granted_index", "Granted at", OUTPUT_NUMBER}, {"keys", "Attached", OUTPUT_TEXT});

int cmd_lease_grant(const struct cli_call *call, struct err *err)
{
    CLEANUP(ctl_close) struct ctl ctl = {0};
    json_auto_t *body = json_object();
    json_auto_t *answer = NULL;
    uint64_t ttl_ms = 0;
    struct err why = {0};
    if (cmd_duration(cli_argument(call, 0), KV_LEASE_TTL_MS_MIN, KV_LEASE_TTL_MS_MAX, &ttl_ms,
                     &why) < 0) {
        return cli_usage(call, err, "TTL: %s", why.msg);
    }
    cmd_set(body, "ttl_ms", json_integer((json_int_t)ttl_ms));
    int rc = kv_lease_option(call, body, err);
    if (rc == 0) {
        rc = ctl_open(call, &ctl, err);
    }
    if (rc == 0) {
        rc = kv_change(call, ctl.ask, "/pgraft/v1/lease/grant", body, &answer, err);
    }
    return rc < 0 ? rc : cmd_say(call, answer, err, "%s", view_text(answer, "lease"));
}

/* Every third of its time, until it is over. */
static int keep_on(const struct cli_call *call, struct ask *ask, json_t *body, struct err *err)
{
    for (;;) {
        json_auto_t *answer = NULL;
        ask_restart_clock(ask);
        int rc = ask_post(ask, ASK_REPEAT, "/pgraft/v1/lease/keepalive", body, &answer, err);
        if (rc < 0) {
            return rc;
        }
        json_int_t ttl_ms = view_number(answer, "ttl_ms");
        rc = cmd_say(call, answer, err, "%s renewed for %" JSON_INTEGER_FORMAT " ms",
                     view_text(answer, "lease"), ttl_ms);
        if (rc < 0 || cli_given(call, "once")) {
            return rc;
        }
        json_int_t pause_ms = ttl_ms / 3 < 3600000 ? ttl_ms / 3 : 3600000;
        (void)poll(NULL, 0, pause_ms > 10 ? (int)pause_ms : 10);
    }
}

static int keep_alive(const struct cli_call *call, struct ask *ask, json_t *body, struct err *err)
{
    progress_begin(NULL, "nobody renews it any more: it ends when its time is over");
    int rc = keep_on(call, ask, body, err);
    progress_end();
    return rc;
}

/* A body with the lease of the first argument, and the cluster to ask. */
static int begin(const struct cli_call *call, json_t *body, struct ctl *ctl, struct err *err)
{
    char id[CMD_ID_SIZE];
    int rc = cmd_id(call, cli_argument(call, 0), id, err);
    if (rc == 0) {
        cmd_set(body, "lease", json_string(id));
        rc = ctl_open(call, ctl, err);
    }
    return rc;
}

int cmd_lease_keepalive(const struct cli_call *call, struct err *err)
{
    CLEANUP(ctl_close) struct ctl ctl = {0};
    json_auto_t *body = json_object();
    int rc = begin(call, body, &ctl, err);
    return rc < 0 ? rc : keep_alive(call, ctl.ask, body, err);
}

int cmd_lease_revoke(const struct cli_call *call, struct err *err)
{
    CLEANUP(ctl_close) struct ctl ctl = {0};
    json_auto_t *body = json_object();
    json_auto_t *answer = NULL;
    int rc = begin(call, body, &ctl, err);
    if (rc == 0) {
        rc = kv_change(call, ctl.ask, "/pgraft/v1/lease/revoke", body, &answer, err);
    }
    json_int_t deleted = view_number(answer, "deleted");
    return rc < 0 ? rc
                  : cmd_say(call, answer, err,
                            "revoked, %" JSON_INTEGER_FORMAT
                            " key%s deleted, revision %" JSON_INTEGER_FORMAT,
                            deleted, deleted == 1 ? "" : "s", view_number(answer, "revision"));
}

/* For the eye: "a, b" in place of objects with a member of either name. */
static void show_keys(json_t *lease)
{
    json_t *keys = json_object_get(lease, "keys");
    json_t *names = json_array();
    for (size_t i = 0; i < json_array_size(keys); i++) {
        CLEANUP(buf_close) struct buf name = {0};
        bytes_show(json_array_get(keys, i), "key", &name);
        int rc = json_array_append_new(names, json_stringn(buf_text(&name), name.size));
        MUST(rc == 0);
    }
    cmd_set(lease, "keys", names);
}

int cmd_lease_show(const struct cli_call *call, struct err *err)
{
    CLEANUP(ctl_close) struct ctl ctl = {0};
    json_auto_t *body = json_object();
    json_auto_t *answer = NULL;
    int rc = begin(call, body, &ctl, err);
    if (rc == 0) {
        rc = ask_post(ctl.ask, ASK_READ, "/pgraft/v1/lease/show", body, &answer, err);
    }
    if (rc == 0 && output_format(call) == OUTPUT_PRETTY) {
        show_keys(answer);
    }
    return rc < 0 ? rc : cmd_print(call, NULL, one_lease_columns, answer, err);
}

/* Only the leader counts: who follows lists without the time that is left, and passes on what is
 * asked of one lease. What can not be had stays unknown. */
static void fill_in_remaining(struct ask *ask, json_t *leases)
{
    size_t i = 0;
    size_t asked = 0;
    json_t *lease = NULL;
    json_array_foreach(leases, i, lease)
    {
        if (json_is_integer(json_object_get(lease, "remaining_ms")) || asked == SHOWN_MAX) {
            continue;
        }
        json_auto_t *body = json_object();
        json_auto_t *answer = NULL;
        struct err why = {0};
        cmd_set(body, "lease", json_string(view_text(lease, "lease")));
        asked++;
        int rc = ask_post(ask, ASK_READ, "/pgraft/v1/lease/show", body, &answer, &why);
        json_t *left = rc == 0 ? json_object_get(answer, "remaining_ms") : NULL;
        if (json_is_integer(left)) {
            cmd_set(lease, "remaining_ms", json_incref(left));
        } else if (rc != 0 && rc != ERR_NOT_FOUND) {
            return; /* nobody leads: the next one would cost as much time */
        }
    }
}

int cmd_lease_list(const struct cli_call *call, struct err *err)
{
    CLEANUP(ctl_close) struct ctl ctl = {0};
    json_auto_t *body = json_object();
    json_auto_t *answer = NULL;
    int rc = ctl_open(call, &ctl, err);
    if (rc == 0) {
        rc = ask_post(ctl.ask, ASK_READ, "/pgraft/v1/lease/list", body, &answer, err);
    }
    if (rc < 0) {
        return rc;
    }
    json_t *leases = json_object_get(answer, "leases");
    if (!json_is_array(leases)) {
        return err_set(err, ERR_PROTOCOL, "%s: its answer has no leases", ask_node(ctl.ask));
    }
    fill_in_remaining(ctl.ask, leases);
    return cmd_print(call, "Leases", lease_columns, leases, err);
}
