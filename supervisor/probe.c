/* supervisor/probe.c - two statements and their columns.
 *
 * PostgreSQL 13 to 18. Functions that fail in the wrong role stand behind a CASE: they are
 * volatile, so none is evaluated that is not reached. Times are microseconds, so that no format has
 * to be read. */
#include "supervisor/probe.h"

#include <inttypes.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"

#define UPSTREAM_MARK "pgraft/"
#define US(expression) "(extract(epoch from " expression ")*1000000)::bigint"

enum watch_column {
    W_RECOVERY,
    W_VERSION,
    W_STARTED,
    W_INSERT,
    W_FLUSH,
    W_TIMELINE,
    W_CONTROL_TIMELINE,
    W_RECEIVE,
    W_REPLAY,
    W_PAUSED,
    W_REPLAYED_AT,
    W_RECEIVERS,
    W_RECEIVER_STATUS,
    W_RECEIVER_TIMELINE,
    W_CONNINFO,
    W_SYNC_NAMES,
    W_DOOR_WAITS,
    W_RECEIVER_END,
    W_SENDER_PID,
    W_SENDER_NAME,
    W_SENDER_STATE,
    W_SENDER_STARTED,
    W_SENDER_FLUSH,
    W_SENDER_REPLAY,
    W_SENDER_PRIORITY,
    W_SENDER_SYNC,
    W_SENDER_USER,
    W_SENDER_ADDRESS,
    W_COLUMNS,
};

enum door_column {
    D_RECOVERY,
    D_VERSION,
    D_PID,
    D_STARTED,
    D_SESSION,
    D_LOADED,
    D_SYSTEM_ID,
    D_LSN,
    D_FSYNC,
    D_SYNC_NAMES,
    D_CONNINFO,
    D_PENDING,
    D_PENDING_NAMES,
    D_RUNNING,
    D_MAY_SEE_FILES,
    D_COLUMNS,
};

enum files_column { F_FILE, F_LINE, F_ERROR, F_NAME, F_COLUMNS };

/* What it was given as an argument and people may change (pg_pending.h). */
#define ARGUMENTS                                                                        \
    "'wal_level', 'max_connections', 'max_wal_senders', 'max_replication_slots',"        \
    " 'max_worker_processes', 'max_prepared_transactions', 'max_locks_per_transaction'," \
    " 'track_commit_timestamp', 'wal_log_hints'"

const char *probe_watch_sql(uint64_t door_pid, char out[PROBE_SQL_SIZE])
{
    int size = snprintf(
        out, PROBE_SQL_SIZE,
        "SELECT w.*, s.pid, s.application_name, s.state, " US("s.backend_start")
        ", s.flush_lsn, s.replay_lsn, s.sync_priority, s.sync_state,"
        /* By the cache of roles that each session has: the name in the view would be a join. */
        " pg_get_userbyid(s.usesysid), s.client_addr FROM (SELECT"
        " q.r, current_setting('server_version_num') AS v,"
        " " US("pg_postmaster_start_time()") " AS t,"
        " CASE WHEN NOT q.r THEN pg_current_wal_insert_lsn() END AS i,"
        " CASE WHEN NOT q.r THEN pg_current_wal_flush_lsn() END AS f,"
        " CASE WHEN NOT q.r THEN substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8) END AS l,"
        " greatest(c.timeline_id, e.min_recovery_end_timeline) AS c,"
        " pg_last_wal_receive_lsn() AS rl, pg_last_wal_replay_lsn() AS pl,"
        " CASE WHEN pg_is_in_recovery() THEN pg_is_wal_replay_paused() END AS p,"
        " CASE WHEN q.r THEN " US("pg_last_xact_replay_timestamp()") " END AS pt,"
        /* Whoever may not see the processes sees none: that is no answer. */
        " CASE WHEN pg_has_role('pg_read_all_stats', 'USAGE') THEN"
        " (SELECT count(*) FROM pg_stat_get_activity(NULL) AS a"
        " WHERE a.backend_type = 'walreceiver') END AS n,"
        " wr.status AS ws, wr.received_tli AS wt,"
        " current_setting('primary_conninfo') AS ci,"
        " current_setting('synchronous_standby_names') AS sn,"
        " (SELECT bool_or(a.wait_event = 'SyncRep') FROM pg_stat_get_activity(%" PRIu64 ") AS a) AS d,"
        " wr.latest_end_lsn AS le"
        " FROM (SELECT pg_is_in_recovery() AS r) AS q, pg_control_checkpoint() AS c, pg_control_recovery() AS e,"
        " pg_stat_get_wal_receiver() AS wr) AS w"
        " LEFT JOIN pg_stat_replication AS s ON true",
        door_pid);
    MUST(size > 0 && size < PROBE_SQL_SIZE);
    return out;
}

const char *probe_door_sql(void)
{
    return "SELECT pg_is_in_recovery(), current_setting('server_version_num'), pg_backend_pid(),"
           " " US("pg_postmaster_start_time()") ", " US("a.backend_start") ","
           " " US("pg_conf_load_time()") ", s.system_identifier,"
           " CASE WHEN NOT pg_is_in_recovery() THEN pg_current_wal_insert_lsn() END,"
           " current_setting('fsync')::bool, current_setting('synchronous_standby_names'),"
           " current_setting('primary_conninfo'), p.count, p.names, p.running,"
           " has_function_privilege('pg_show_all_file_settings()', 'EXECUTE')"
           " FROM pg_stat_get_activity(pg_backend_pid()) AS a, pg_control_system() AS s,"
           " (SELECT count(*) FILTER (WHERE pending_restart) AS count,"
           " string_agg(name, ', ') FILTER (WHERE pending_restart) AS names,"
           " string_agg(CASE WHEN pending_restart THEN '*' ELSE '' END || name || '='"
           " || coalesce(current_setting(name, true), setting, ''), E'\\n') AS running"
           " FROM pg_show_all_settings() WHERE pending_restart OR name IN (" ARGUMENTS ")) AS p";
}

/* Entries of two kinds keep nothing else from being applied: a value that can not be taken or asks
 * for a restart, and a line that was removed whose parameter asks for one; that has neither file
 * nor name. These texts are not translated. */
const char *probe_files_sql(void)
{
    return "SELECT sourcefile, sourceline, error, name FROM pg_show_all_file_settings()"
           " WHERE error IS NOT NULL AND error <> 'setting could not be applied'"
           " AND error NOT LIKE 'parameter \"%\" cannot be changed without restarting the server'"
           " ORDER BY seqno LIMIT 1";
}

/* ---- reading ---- */

static void copy_text(char *out, size_t size, const char *text)
{
    (void)snprintf(out, size, "%s", text != NULL ? text : "");
}

/* Null leaves @value as it is; false: it is something else. */
static bool read_u64(const struct pg_rows *rows, uint32_t row, uint32_t column, uint64_t *value)
{
    const char *text = pg_rows_text(rows, row, column);
    return text == NULL || pg_text_u64(text, value);
}

static bool read_u32(const struct pg_rows *rows, uint32_t row, uint32_t column, uint32_t *value)
{
    uint64_t wide = *value;
    if (!read_u64(rows, row, column, &wide) || wide > UINT32_MAX) {
        return false;
    }
    *value = (uint32_t)wide;
    return true;
}

static bool read_bool(const struct pg_rows *rows, uint32_t row, uint32_t column, bool *value)
{
    const char *text = pg_rows_text(rows, row, column);
    return text == NULL || pg_text_bool(text, value);
}

/* @known: whether there was one. */
static bool read_lsn(const struct pg_rows *rows, uint32_t row, uint32_t column, bool *known,
                     uint64_t *value)
{
    const char *text = pg_rows_text(rows, row, column);
    *known = text != NULL;
    return text == NULL || pg_text_lsn(text, value);
}

void probe_upstream_parse(const char *conninfo, struct probe_upstream *ret_upstream)
{
    struct probe_upstream up = {.is_set = conninfo != NULL && conninfo[0] != '\0'};
    PQconninfoOption *options = up.is_set ? PQconninfoParse(conninfo, NULL) : NULL;
    for (const PQconninfoOption *o = options; o != NULL && o->keyword != NULL; o++) {
        if (o->val == NULL) {
            continue;
        }
        if (strcmp(o->keyword, "host") == 0) {
            copy_text(up.host, sizeof(up.host), o->val);
        } else if (strcmp(o->keyword, "port") == 0) {
            copy_text(up.port, sizeof(up.port), o->val);
        } else if (strcmp(o->keyword, "fallback_application_name") == 0 &&
                   strncmp(o->val, UPSTREAM_MARK, strlen(UPSTREAM_MARK)) == 0) {
            const char *name = o->val + strlen(UPSTREAM_MARK);
            const char *slash = strrchr(name, '/');
            size_t length = slash != NULL ? (size_t)(slash - name) : 0;
            if (length > 0 && length < FACTS_NAME_SIZE && pg_text_u64(slash + 1, &up.epoch)) {
                memcpy(up.name.text, name, length);
                up.is_ours = true;
            }
        }
    }
    PQconninfoFree(options);
    *ret_upstream = up;
}

bool probe_upstream_word(const struct facts_name *name, uint64_t epoch, char *out, size_t size)
{
    int length = snprintf(out, size, UPSTREAM_MARK "%s/%" PRIu64, name->text, epoch);
    return length > 0 && (size_t)length < size;
}

static bool parse_sender(const struct pg_rows *rows, uint32_t row, struct probe_sender *sender)
{
    copy_text(sender->name, sizeof(sender->name), pg_rows_text(rows, row, W_SENDER_NAME));
    copy_text(sender->state, sizeof(sender->state), pg_rows_text(rows, row, W_SENDER_STATE));
    copy_text(sender->sync_state, sizeof(sender->sync_state),
              pg_rows_text(rows, row, W_SENDER_SYNC));
    copy_text(sender->user, sizeof(sender->user), pg_rows_text(rows, row, W_SENDER_USER));
    copy_text(sender->address, sizeof(sender->address), pg_rows_text(rows, row, W_SENDER_ADDRESS));
    return read_u64(rows, row, W_SENDER_PID, &sender->pid) &&
           read_u64(rows, row, W_SENDER_STARTED, &sender->started_us) &&
           read_lsn(rows, row, W_SENDER_FLUSH, &sender->flush_known, &sender->flush_lsn) &&
           read_lsn(rows, row, W_SENDER_REPLAY, &sender->replay_known, &sender->replay_lsn) &&
           read_u32(rows, row, W_SENDER_PRIORITY, &sender->priority);
}

/* The rows differ in their last columns alone: one for each walsender, or one without any. */
static bool parse_senders(const struct pg_rows *rows, struct probe_watch *w)
{
    for (uint32_t row = 0; row < rows->count; row++) {
        if (pg_rows_text(rows, row, W_SENDER_PID) == NULL) {
            continue;
        }
        if (w->sender_count == PROBE_SENDERS_MAX) {
            w->has_more_senders = true;
        } else if (!parse_sender(rows, row, &w->senders[w->sender_count++])) {
            return false;
        }
    }
    return true;
}

static bool parse_watch(const struct pg_rows *rows, struct probe_watch *w)
{
    bool is_primary;
    bool has_flush;
    const char *timeline = pg_rows_text(rows, 0, W_TIMELINE);
    copy_text(w->receiver_status, sizeof(w->receiver_status),
              pg_rows_text(rows, 0, W_RECEIVER_STATUS));
    copy_text(w->sync_names, sizeof(w->sync_names), pg_rows_text(rows, 0, W_SYNC_NAMES));
    probe_upstream_parse(pg_rows_text(rows, 0, W_CONNINFO), &w->upstream);
    bool is_read = pg_text_bool(pg_rows_text(rows, 0, W_RECOVERY), &w->in_recovery) &&
                   read_u32(rows, 0, W_VERSION, &w->version) &&
                   pg_text_u64(pg_rows_text(rows, 0, W_STARTED), &w->started_us) &&
                   read_lsn(rows, 0, W_INSERT, &is_primary, &w->insert_lsn) &&
                   read_lsn(rows, 0, W_FLUSH, &has_flush, &w->end.lsn) &&
                   read_u32(rows, 0, W_CONTROL_TIMELINE, &w->control_timeline) &&
                   read_lsn(rows, 0, W_RECEIVE, &w->receive_known, &w->receive_lsn) &&
                   read_lsn(rows, 0, W_REPLAY, &w->replay_known, &w->replay_lsn) &&
                   read_bool(rows, 0, W_PAUSED, &w->is_paused) &&
                   read_u64(rows, 0, W_REPLAYED_AT, &w->replayed_us) &&
                   pg_rows_text(rows, 0, W_RECEIVERS) != NULL &&
                   read_u32(rows, 0, W_RECEIVERS, &w->receiver_count) &&
                   read_u32(rows, 0, W_RECEIVER_TIMELINE, &w->receiver_timeline) &&
                   read_bool(rows, 0, W_DOOR_WAITS, &w->door_waits) &&
                   read_lsn(rows, 0, W_RECEIVER_END, &w->sender_end_known, &w->sender_end_lsn);
    if (!is_read || is_primary == w->in_recovery || has_flush != is_primary) {
        return false;
    }
    w->end.is_known = is_primary;
    return !is_primary || pg_text_timeline(timeline, &w->end.timeline);
}

int probe_watch_parse(const struct pg_rows *rows, struct probe_watch *ret_watch, struct err *err)
{
    struct probe_watch w = {.version = 0};
    if (rows->columns != W_COLUMNS || rows->count == 0 || !parse_watch(rows, &w) ||
        !parse_senders(rows, &w)) {
        return err_set(err, ERR_PROTOCOL, "PostgreSQL answered something else than it was asked");
    }
    *ret_watch = w;
    return 0;
}

int probe_door_parse(const struct pg_rows *rows, struct probe_door *ret_door, struct err *err)
{
    struct probe_door d = {.version = 0};
    bool has_lsn;
    bool is_read = rows->columns == D_COLUMNS && rows->count == 1 &&
                   pg_text_bool(pg_rows_text(rows, 0, D_RECOVERY), &d.in_recovery) &&
                   read_u32(rows, 0, D_VERSION, &d.version) &&
                   pg_text_u64(pg_rows_text(rows, 0, D_PID), &d.pid) &&
                   pg_text_u64(pg_rows_text(rows, 0, D_STARTED), &d.started_us) &&
                   pg_text_u64(pg_rows_text(rows, 0, D_SESSION), &d.session_us) &&
                   pg_text_u64(pg_rows_text(rows, 0, D_LOADED), &d.loaded_us) &&
                   pg_text_u64(pg_rows_text(rows, 0, D_SYSTEM_ID), &d.system_id) &&
                   read_lsn(rows, 0, D_LSN, &has_lsn, &d.lsn) &&
                   read_bool(rows, 0, D_FSYNC, &d.is_fsync_on) &&
                   read_u32(rows, 0, D_PENDING, &d.pending_restart) &&
                   read_bool(rows, 0, D_MAY_SEE_FILES, &d.may_see_files);
    if (!is_read) {
        return err_set(err, ERR_PROTOCOL, "PostgreSQL answered something else than it was asked");
    }
    copy_text(d.sync_names, sizeof(d.sync_names), pg_rows_text(rows, 0, D_SYNC_NAMES));
    copy_text(d.pending_names, sizeof(d.pending_names), pg_rows_text(rows, 0, D_PENDING_NAMES));
    copy_text(d.running, sizeof(d.running), pg_rows_text(rows, 0, D_RUNNING));
    probe_upstream_parse(pg_rows_text(rows, 0, D_CONNINFO), &d.upstream);
    *ret_door = d;
    return 0;
}

bool probe_door_is_its_own(const struct probe_door *door, uint64_t wall_us)
{
    return door->loaded_us > door->session_us && door->loaded_us <= wall_us;
}

void probe_files_parse(const struct pg_rows *rows, char out[PG_CONFIG_WRONG_SIZE])
{
    out[0] = '\0';
    if (rows->columns != F_COLUMNS || rows->count == 0) {
        return;
    }
    const char *file = pg_rows_text(rows, 0, F_FILE);
    const char *line = pg_rows_text(rows, 0, F_LINE);
    const char *error = pg_rows_text(rows, 0, F_ERROR);
    const char *name = pg_rows_text(rows, 0, F_NAME);
    (void)snprintf(out, PG_CONFIG_WRONG_SIZE, "%s%s%s%s%s%s%s", file != NULL ? file : "",
                   file != NULL ? ":" : "", line != NULL ? line : "", line != NULL ? ": " : "",
                   error != NULL ? error : "", name != NULL ? ": " : "", name != NULL ? name : "");
}

/* ---- the door ---- */

enum probe_door_state probe_door_state(const struct pg_failure *failure)
{
    const char *code = failure->sqlstate;
    if (failure->err.code == 0) {
        return DOOR_OPEN;
    }
    if (failure->err.code == ERR_TIMEOUT) {
        return DOOR_SILENT;
    }
    if (failure->err.code == ERR_CANCELED) {
        return DOOR_UNKNOWN;
    }
    if (code[0] == '\0') { /* libpq says it: it was asked for a password, and has none */
        return failure->err.code == ERR_DENIED ? DOOR_REFUSED : DOOR_SHUT;
    }
    if (strncmp(code, "57P", 3) == 0) {
        return DOOR_NOT_YET;
    }
    return strncmp(code, "53", 2) == 0 ? DOOR_FULL : DOOR_REFUSED;
}

const char *probe_door_text(enum probe_door_state state)
{
    static const char *const texts[] = {
        [DOOR_UNKNOWN] = "not looked yet",       [DOOR_OPEN] = "takes connections",
        [DOOR_NOT_YET] = "starts or stops",      [DOOR_FULL] = "has no connection left",
        [DOOR_REFUSED] = "refuses this program", [DOOR_SHUT] = "does not listen",
        [DOOR_SILENT] = "does not answer",
    };
    return texts[state];
}
