/* supervisor/weak.c - the server's synchronous_commit, those of roles and databases, and how many
 * sessions go by each. */
#include "supervisor/weak.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/must.h"
#include "base/utf8.h"

enum column { C_SERVER, C_ROLE, C_DATABASE, C_VALUE, C_SESSIONS, C_COUNT, COLUMNS };

/* Room for "; and 18446744073709551615 more". */
#define MORE_SIZE 32

/* PostgreSQL's order (process_settings()): a role in a database, a role, a database, all, and then
 * the server's own value, which is not seen from here where one of the others hides it. Our own
 * sessions do not count: the one commit that we make asks for its own. */
const char *weak_sql(void)
{
    return "WITH told AS (SELECT s.setrole AS role, s.setdatabase AS base,"
           " lower(substr(c.t, 20)) AS value,"
           " (s.setrole <> 0)::int * 2 + (s.setdatabase <> 0)::int AS rank"
           " FROM pg_db_role_setting AS s, unnest(s.setconfig) AS c(t)"
           " WHERE c.t LIKE 'synchronous\\_commit=%'"
           " UNION ALL SELECT 0, 0, setting, -1 FROM pg_show_all_settings()"
           " WHERE name = 'synchronous_commit' AND source IN"
           " ('default', 'environment variable', 'configuration file', 'command line')),"
           " lives AS (SELECT DISTINCT ON (a.pid) t.role, t.base, t.rank"
           " FROM pg_stat_get_activity(NULL) AS a JOIN told AS t"
           " ON (t.role = 0 OR t.role = a.usesysid) AND (t.base = 0 OR t.base = a.datid)"
           " WHERE a.backend_type = 'client backend' AND a.application_name <> 'pgraft'"
           " ORDER BY a.pid, t.rank DESC)"
           " SELECT t.rank < 0, r.rolname, d.datname,"
           " CASE WHEN t.value IN ('false', 'no', '0') THEN 'off' ELSE t.value END, (SELECT "
           "count(*) FROM lives AS l"
           " WHERE l.rank = t.rank AND l.role = t.role AND l.base = t.base) AS sessions,"
           " count(*) OVER () FROM told AS t"
           " LEFT JOIN pg_roles AS r ON r.oid = t.role LEFT JOIN pg_database AS d ON d.oid = t.base"
           " WHERE t.value NOT IN ('on', 'remote_apply', 'true', 'yes', '1')"
           " AND (t.role = 0 OR r.rolcanlogin)"
           " ORDER BY t.rank, sessions DESC, 2, 3 LIMIT 8";
}

static void take_name(const struct pg_rows *rows, uint32_t row, uint32_t column, char *out,
                      size_t size)
{
    const char *text = pg_rows_text(rows, row, column);
    text = text != NULL ? text : "";
    (void)snprintf(out, size, "%s", utf8_is_text(text, strlen(text)) ? text : "(not UTF-8)");
}

static bool parse_row(const struct pg_rows *rows, uint32_t at, struct weak_row *row)
{
    take_name(rows, at, C_ROLE, row->role, sizeof(row->role));
    take_name(rows, at, C_DATABASE, row->database, sizeof(row->database));
    take_name(rows, at, C_VALUE, row->value, sizeof(row->value));
    return pg_text_bool(pg_rows_text(rows, at, C_SERVER), &row->is_server) &&
           pg_text_u64(pg_rows_text(rows, at, C_SESSIONS), &row->sessions) && row->value[0] != '\0';
}

int weak_parse(const struct pg_rows *rows, struct weak_seen *ret_seen, struct err *err)
{
    struct weak_seen seen = {.count = 0};
    bool is_read = rows->columns == COLUMNS && rows->count <= WEAK_MAX;
    for (uint32_t i = 0; is_read && i < rows->count; i++) {
        is_read = parse_row(rows, i, &seen.at[i]) &&
                  pg_text_u64(pg_rows_text(rows, i, C_COUNT), &seen.count);
        seen.kept++;
    }
    if (!is_read || seen.count < seen.kept) {
        return err_set(err, ERR_PROTOCOL, "PostgreSQL answered something else than it was asked");
    }
    *ret_seen = seen;
    return 0;
}

/* ---- for people ---- */

static void put_whose(struct buf *out, const struct weak_row *row)
{
    if (row->is_server) {
        buf_str(out, "the server");
    } else if (row->role[0] == '\0' && row->database[0] == '\0') {
        buf_str(out, "all roles");
    } else if (row->role[0] == '\0') {
        buf_printf(out, "database %s", row->database);
    } else {
        buf_printf(out, "role %s", row->role);
        if (row->database[0] != '\0') {
            buf_printf(out, " (database %s)", row->database);
        }
    }
}

void weak_text(const struct weak_seen *seen, bool with_sessions, size_t size, struct buf *out)
{
    size_t before = out->size;
    MUST(size > MORE_SIZE);
    for (uint32_t i = 0; i < seen->kept; i++) {
        const struct weak_row *row = &seen->at[i];
        CLEANUP(buf_close) struct buf one = {0};
        buf_str(&one, i > 0 ? "; " : "");
        put_whose(&one, row);
        buf_printf(&one, ": synchronous_commit=%s", row->value);
        if (with_sessions) {
            buf_printf(&one, ", %" PRIu64 " session%s", row->sessions,
                       row->sessions == 1 ? "" : "s");
        }
        bool is_last = i + 1 == seen->count;
        size_t room = is_last ? size : size - MORE_SIZE;
        if (out->size - before + one.size >= room) {
            buf_printf(out, "%s%" PRIu64 " more", i > 0 ? "; and " : "", seen->count - i);
            return;
        }
        buf_append(out, buf_text(&one), one.size);
    }
    if (seen->count > seen->kept) {
        buf_printf(out, "; and %" PRIu64 " more", seen->count - seen->kept);
    }
}
