/* ctl/checks_put.c - verdicts printed: a list for a person, a line with figures for a plugin. */
#include <inttypes.h>
#include <string.h>

#include "base/cleanup.h"
#include "ctl/checks.h"
#include "ctl/cluster_view.h"
#include "ctl/output.h"
#include "ctl/patroni_rows.h"
#include "ctl/told.h"

static bool is_well(json_t *check)
{
    return strcmp(view_text(check, "state"), check_state_name(CHECK_OK)) == 0;
}

void checks_put(struct buf *out, json_t *checks)
{
    size_t i = 0;
    json_t *check = NULL;
    json_array_foreach(checks, i, check)
    {
        bool good = is_well(check);
        buf_printf(out, "%s %-9s  %s%s%s\n", good ? "✔" : "✘", view_text(check, "check"),
                   good ? "" : view_text(check, "state"), good ? "" : ": ",
                   view_text(check, "text"));
        if (!good) {
            buf_printf(out, "             %s\n", view_text(check, "remedy"));
        }
    }
}

/* ---- figures ---- */

/* "lag_pg1", or in quotes, as the guidelines want it where it has something else in it. */
static void put_label(struct buf *out, const char *what, const char *name)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
    bool quotes = name[strspn(name, plain)] != '\0';
    buf_printf(out, "%s%s%s%s", quotes ? " '" : " ", what, name[0] != '\0' ? "_" : "",
               name[0] == '\'' ? "'" : "");
    for (const char *at = name; *at != '\0'; at++) {
        bool fits = (unsigned char)*at >= ' ' && *at != '=' && *at != '|' && *at != '\'';
        buf_char(out, fits ? *at : '_');
    }
    buf_str(out, quotes ? "'=" : "=");
}

static void put_lags(struct buf *out, const struct check_facts *facts)
{
    size_t i = 0;
    json_t *member = NULL;
    json_int_t most = -1;
    bool is_known = true;
    CLEANUP(buf_close) struct buf each = {0};
    json_array_foreach(told_members(facts->view), i, member)
    {
        json_t *lag = json_object_get(member, "lag");
        if (patroni_is_leader(member) || patroni_is_witness(member)) {
            continue;
        }
        put_label(&each, "lag", view_text(member, "name"));
        if (json_is_integer(lag)) {
            most = json_integer_value(lag) > most ? json_integer_value(lag) : most;
            buf_printf(&each, "%" JSON_INTEGER_FORMAT "B;%" PRIu64 ";%" PRIu64 ";0",
                       json_integer_value(lag), facts->limits.lag_warning,
                       facts->limits.lag_critical);
        } else {
            buf_str(&each, "U");
            is_known = false;
        }
    }
    if (most >= 0 && is_known) {
        buf_printf(out, " lag=%" JSON_INTEGER_FORMAT "B;%" PRIu64 ";%" PRIu64 ";0", most,
                   facts->limits.lag_warning, facts->limits.lag_critical);
    } else if (each.size > 0) {
        buf_str(out, " lag=U");
    }
    buf_str(out, buf_text(&each));
}

static void put_rooms(struct buf *out, const struct check_facts *facts)
{
    const char *name = NULL;
    json_t *self = NULL;
    json_object_foreach(facts->selves, name, self)
    {
        json_t *room = json_object_get(self, "free_bytes");
        if (json_is_integer(room)) { /* "N:" is amiss below N */
            put_label(out, "free", name);
            buf_printf(out, "%" JSON_INTEGER_FORMAT "B;%" PRIu64 ":;%" PRIu64 ":;0",
                       json_integer_value(room), facts->limits.free_warning,
                       facts->limits.free_critical);
        }
    }
}

static void put_figures(struct buf *out, const struct check_facts *facts)
{
    json_t *raft = facts->raft;
    if (facts->view != NULL) {
        put_lags(out, facts);
    }
    buf_printf(out, " members=%zu missing=%zu;;;0 can_lose=%" JSON_INTEGER_FORMAT ";1:;;0",
               json_array_size(json_object_get(raft, "members")),
               json_array_size(json_object_get(raft, "missing")), view_number(raft, "can_lose"));
    buf_printf(out, " store=%" JSON_INTEGER_FORMAT "B;;;0;%" JSON_INTEGER_FORMAT,
               view_number(raft, "used_bytes"), view_number(raft, "quota_bytes"));
    put_rooms(out, facts);
}

/* ---- the line ---- */

/* What stands behind a "|" is figures, and there is one line. */
static void put_plain(struct buf *out, const char *text)
{
    CLEANUP(buf_close) struct buf shown = {0};
    output_text(&shown, text);
    for (const char *at = buf_text(&shown); *at != '\0'; at++) {
        buf_char(out, *at == '|' ? '/' : *at);
    }
}

/* "lag: pg2 is 2.0 GiB behind", the worst first. */
static void put_amiss(struct buf *out, json_t *checks)
{
    static const enum check_state order[] = {CHECK_CRITICAL, CHECK_WARNING, CHECK_UNKNOWN};
    const char *before = "";
    for (size_t k = 0; k < sizeof(order) / sizeof(order[0]); k++) {
        size_t i = 0;
        json_t *check = NULL;
        json_array_foreach(checks, i, check)
        {
            if (strcmp(view_text(check, "state"), check_state_name(order[k])) == 0) {
                buf_printf(out, "%s%s: ", before, view_text(check, "check"));
                put_plain(out, view_text(check, "text"));
                before = "; ";
            }
        }
    }
}

/* What was looked at, if all is well. */
static void put_well(struct buf *out, json_t *checks)
{
    size_t i = 0;
    json_t *check = NULL;
    json_array_foreach(checks, i, check)
    {
        buf_printf(out, "%s%s: ", i > 0 ? "; " : "", view_text(check, "check"));
        put_plain(out, view_text(check, "text"));
    }
}

void checks_put_nagios(struct buf *out, const struct check_facts *facts, json_t *checks)
{
    enum check_state state = checks_state(checks);
    buf_printf(out, "PGRAFT %s - ", check_state_name(state));
    put_plain(out, view_text(facts->raft, "scope"));
    buf_str(out, ": ");
    if (state == CHECK_OK) {
        put_well(out, checks);
    } else {
        put_amiss(out, checks);
    }
    buf_str(out, " |");
    put_figures(out, facts);
    buf_char(out, '\n');
}

void checks_put_nagios_failed(struct buf *out, enum check_state state, const char *why)
{
    buf_printf(out, "PGRAFT %s - ", check_state_name(state));
    put_plain(out, why);
    buf_char(out, '\n');
}
