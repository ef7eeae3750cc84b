/* ctl/cmd_dsn.c - dsn: how to connect to one member, or to whichever is the primary or a standby.
 *
 * A string with several hosts lets libpq look for the one that fits, so it stays right after a
 * failover: all databases stand in it, the likeliest first. */
#include <string.h>

#include "base/cleanup.h"
#include "base/cli.h"
#include "base/must.h"
#include "ctl/chosen.h"
#include "ctl/cluster_view.h"
#include "ctl/cmd.h"
#include "ctl/config.h"
#include "ctl/output.h"
#include "ctl/patroni_rows.h"
#include "ctl/told.h"

#define HOSTS_MAX 64

struct hosts {
    json_t *at[HOSTS_MAX];
    size_t count;
};

/* ---- whom ---- */

static bool is_unbalanced(json_t *member)
{
    return json_is_true(json_object_get(json_object_get(member, "tags"), "noloadbalance"));
}

/* Members of @view that tell where they listen: leaders, or the others, or all. */
static void collect(json_t *view, bool leaders, bool balanced, struct hosts *hosts)
{
    json_t *members = told_members(view);
    for (size_t i = 0; i < json_array_size(members) && hosts->count < HOSTS_MAX; i++) {
        json_t *member = json_array_get(members, i);
        bool out = patroni_is_witness(member) || view_text(member, "host")[0] == '\0' ||
                   patroni_is_leader(member) != leaders || (balanced && is_unbalanced(member));
        if (!out) {
            hosts->at[hosts->count] = member;
            hosts->count++;
        }
    }
}

static int find_one(const struct cli_call *call, json_t *view, struct hosts *ret_hosts,
                    struct err *err)
{
    const char *name = cli_value(call, "member");
    const char *role = cli_value(call, "role");
    struct hosts all = {.count = 0};
    role = role != NULL ? role : name != NULL ? "any" : "leader";
    collect(view, true, false, &all);
    collect(view, false, false, &all);
    for (size_t i = 0; i < all.count; i++) {
        bool is_named = name == NULL || strcmp(view_text(all.at[i], "name"), name) == 0;
        if (is_named && chosen_has_role(all.at[i], role)) {
            ret_hosts->at[0] = all.at[i];
            ret_hosts->count = 1;
            return 0;
        }
    }
    return err_set(err, ERR_REFUSED, "there is no member %s%s%s that tells where it listens",
                   name != NULL ? cli_quoted(name).text : "with role ",
                   name != NULL && strcmp(role, "any") != 0 ? " with role " : "",
                   name != NULL && strcmp(role, "any") == 0 ? "" : role);
}

/* ---- how ---- */

/* In a string of libpq a value with blanks, quotes or nothing in it stands in quotes. */
static void put_value(struct buf *out, const char *text)
{
    bool quote = text[0] == '\0' || strpbrk(text, " '\\\t") != NULL;
    buf_str(out, quote ? "'" : "");
    for (const char *at = text; *at != '\0'; at++) {
        buf_str(out, *at == '\'' || *at == '\\' ? "\\" : "");
        buf_char(out, *at);
    }
    buf_str(out, quote ? "'" : "");
}

static void put_keywords(struct buf *out, const struct hosts *hosts, const char *session)
{
    CLEANUP(buf_close) struct buf names = {0};
    buf_str(out, "host=");
    for (size_t i = 0; i < hosts->count; i++) {
        buf_printf(&names, "%s%s", i > 0 ? "," : "", view_text(hosts->at[i], "host"));
    }
    put_value(out, buf_text(&names));
    buf_str(out, " port=");
    for (size_t i = 0; i < hosts->count; i++) {
        buf_printf(out, "%s%" JSON_INTEGER_FORMAT, i > 0 ? "," : "",
                   view_number(hosts->at[i], "port"));
    }
    if (session != NULL) {
        buf_printf(out, " target_session_attrs=%s", session);
    }
}

/* What is no part of a host is written as %XX. */
static void put_uri_host(struct buf *out, const char *host)
{
    bool is_v6 = strchr(host, ':') != NULL;
    buf_str(out, is_v6 ? "[" : "");
    for (const char *at = host; *at != '\0'; at++) {
        unsigned char c = (unsigned char)*at;
        bool plain = strchr("-._~:", c) != NULL || (c >= '0' && c <= '9') ||
                     ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
        if (plain) {
            buf_char(out, *at);
        } else {
            buf_printf(out, "%%%02X", (unsigned)c);
        }
    }
    buf_str(out, is_v6 ? "]" : "");
}

static void put_uri(struct buf *out, const struct hosts *hosts, const char *session)
{
    buf_str(out, "postgresql://");
    for (size_t i = 0; i < hosts->count; i++) {
        buf_str(out, i > 0 ? "," : "");
        put_uri_host(out, view_text(hosts->at[i], "host"));
        buf_printf(out, ":%" JSON_INTEGER_FORMAT, view_number(hosts->at[i], "port"));
    }
    buf_char(out, '/');
    if (session != NULL) {
        buf_printf(out, "?target_session_attrs=%s", session);
    }
}

/* As it stands, for a shell to take; what could hurt a terminal is escaped all the same. */
static void put_line(struct buf *out, const char *dsn)
{
    bool plain = true;
    for (const char *at = dsn; *at != '\0'; at++) {
        plain = plain && *at >= ' ' && *at <= '~';
    }
    if (plain) {
        buf_str(out, dsn);
    } else {
        output_text(out, dsn);
    }
    buf_char(out, '\n');
}

/* ---- the command ---- */

static int find(const struct cli_call *call, json_t *view, struct hosts *ret_hosts,
                const char **ret_session, struct err *err)
{
    bool writes = cli_given(call, "read-write");
    bool reads = cli_given(call, "read-only");
    bool one = cli_given(call, "member") || cli_given(call, "role");
    if ((writes ? 1 : 0) + (reads ? 1 : 0) + (one ? 1 : 0) > 1) {
        return cli_usage(call, err,
                         "one of \"--read-write\", \"--read-only\" and \"--member\" or \"--role\"");
    }
    if (!writes && !reads) {
        return find_one(call, view, ret_hosts, err);
    }
    *ret_session = writes ? "read-write" : "prefer-standby";
    collect(view, writes, reads, ret_hosts);
    collect(view, !writes, false, ret_hosts);
    return ret_hosts->count > 0 ? 0 : err_set(err, ERR_REFUSED, "no member tells where it listens");
}

int cmd_dsn(const struct cli_call *call, struct err *err)
{
    CLEANUP(ctl_close) struct ctl ctl = {0};
    CLEANUP(buf_close) struct buf dsn = {0};
    json_auto_t *view = NULL;
    struct hosts hosts = {.count = 0};
    const char *session = NULL;
    int rc = ctl_open(call, &ctl, err);
    rc = rc < 0 ? rc : told_get(ctl.ask, &view, err);
    rc = rc < 0 ? rc : told_check_clusters(call, view, err);
    rc = rc < 0 ? rc : find(call, view, &hosts, &session, err);
    if (rc < 0) {
        return rc;
    }
    (cli_given(call, "uri") ? put_uri : put_keywords)(&dsn, &hosts, session);
    json_auto_t *document = json_pack("{s:s%}", "dsn", buf_text(&dsn), dsn.size);
    MUST(document != NULL);
    CLEANUP(buf_close) struct buf out = {0};
    if (output_format(call) == OUTPUT_PRETTY || output_format(call) == OUTPUT_TSV) {
        put_line(&out, buf_text(&dsn));
    } else {
        output_document(&out, output_format(call), document);
    }
    rc = cli_put(&out, err);
    return rc < 0 ? rc : told_end(call, view);
}
