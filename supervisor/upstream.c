/* supervisor/upstream.c - one question to the primary, and what follows from it. */
#include "supervisor/upstream.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/must.h"

#define SEGMENT_DIGITS 16
#define PER_XLOG_ID (UINT64_C(1) << 32)

enum column {
    RECOVERY,
    TIMELINE,
    CHECKPOINT_TIMELINE,
    SYSTEM_ID,
    SEGMENT_SIZE,
    OLDEST,
    SLOT,
    COLUMNS
};

/* With no function that the user of pg_rewind may not call. A name of a slot needs no quoting. */
const char *upstream_sql(const char *slot, char out[UPSTREAM_SQL_SIZE])
{
    int size = snprintf(
        out, UPSTREAM_SQL_SIZE,
        "SELECT q.r, CASE WHEN NOT q.r"
        " THEN substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8) END,"
        " c.timeline_id, s.system_identifier,"
        " (SELECT setting FROM pg_show_all_settings() WHERE name = 'wal_segment_size'),"
        " (SELECT min(substr(name, 9)) FROM pg_ls_dir('pg_wal', true, false) AS name"
        " WHERE name ~ '^[0-9A-F]{24}$'),"
        " %s OR EXISTS (SELECT FROM pg_get_replication_slots() AS o WHERE o.slot_name = '%s'"
        " AND o.slot_type = 'physical' AND NOT o.active AND o.wal_status IS DISTINCT FROM 'lost')"
        " FROM (SELECT pg_is_in_recovery() AS r) AS q, pg_control_checkpoint() AS c,"
        " pg_control_system() AS s",
        slot == NULL ? "true" : "false", slot == NULL ? "" : slot);
    MUST(size > 0 && size < UPSTREAM_SQL_SIZE);
    return out;
}

/* "0000000100000003", the end of a WAL file's name: which segment it is, of @size bytes. */
static bool parse_segment(const char *text, uint64_t size, uint64_t *ret_segment)
{
    char lsn[SEGMENT_DIGITS + 2];
    uint64_t both;
    if (text == NULL || strlen(text) != SEGMENT_DIGITS) {
        return false;
    }
    memcpy(lsn, text, SEGMENT_DIGITS / 2);
    lsn[SEGMENT_DIGITS / 2] = '/';
    memcpy(lsn + SEGMENT_DIGITS / 2 + 1, text + SEGMENT_DIGITS / 2, SEGMENT_DIGITS / 2 + 1);
    if (!pg_text_lsn(lsn, &both)) {
        return false;
    }
    *ret_segment = (both >> 32) * (PER_XLOG_ID / size) + (both & UINT32_MAX);
    return true;
}

int upstream_parse(const struct pg_rows *rows, struct upstream_seen *ret_seen, struct err *err)
{
    struct upstream_seen seen = {.timeline = 0};
    bool in_recovery = true;
    uint64_t timeline = 0;
    bool is_read =
        rows->columns == COLUMNS && rows->count == 1 &&
        pg_text_bool(pg_rows_text(rows, 0, RECOVERY), &in_recovery) &&
        pg_text_u64(pg_rows_text(rows, 0, CHECKPOINT_TIMELINE), &timeline) &&
        timeline <= UINT32_MAX && pg_text_u64(pg_rows_text(rows, 0, SYSTEM_ID), &seen.system_id) &&
        pg_text_u64(pg_rows_text(rows, 0, SEGMENT_SIZE), &seen.segment_size) &&
        seen.segment_size > 0 && seen.segment_size <= PER_XLOG_ID &&
        parse_segment(pg_rows_text(rows, 0, OLDEST), seen.segment_size, &seen.oldest_segment) &&
        pg_text_bool(pg_rows_text(rows, 0, SLOT), &seen.has_slot) &&
        (in_recovery || pg_text_timeline(pg_rows_text(rows, 0, TIMELINE), &seen.timeline));
    if (!is_read) {
        return err_set(err, ERR_PROTOCOL, "PostgreSQL answered something else than it was asked");
    }
    seen.is_primary = !in_recovery;
    seen.checkpoint_timeline = (uint32_t)timeline;
    *ret_seen = seen;
    return 0;
}

void upstream_fill(const struct upstream_seen *seen, const struct position *end,
                   struct return_facts *out)
{
    out->primary_ready = FACT_UNKNOWN;
    out->has_upstream_wal = FACT_UNKNOWN;
    out->has_slot = FACT_UNKNOWN;
    if (!seen->is_primary) {
        return;
    }
    out->primary_ready = seen->checkpoint_timeline == seen->timeline ? FACT_YES : FACT_NO;
    out->has_slot = seen->has_slot ? FACT_YES : FACT_NO;
    if (end->is_known) {
        bool has = end->lsn / seen->segment_size >= seen->oldest_segment;
        out->has_upstream_wal = has ? FACT_YES : FACT_NO;
    }
}

/* ---- the look ---- */

static void tell(struct upstream_look *look, const struct upstream_seen *seen,
                 const struct pg_failure *failure)
{
    upstream_cb on_seen = TAKE(look->on_seen);
    if (on_seen != NULL) {
        on_seen(look, seen, failure);
    }
}

static void rows_cb(struct pg_link *link, const struct pg_rows *rows,
                    const struct pg_failure *failure)
{
    struct upstream_look *look = CONTAINER_OF(link, struct upstream_look, link);
    struct upstream_seen seen;
    struct pg_failure strange = {.err.code = 0};
    if (rows == NULL) {
        tell(look, NULL, failure);
    } else if (upstream_parse(rows, &seen, &strange.err) != 0) {
        tell(look, NULL, &strange);
    } else {
        tell(look, &seen, NULL);
    }
}

static void change_cb(struct pg_link *link)
{
    struct upstream_look *look = CONTAINER_OF(link, struct upstream_look, link);
    struct pg_failure failure = link->failure;
    if (look->on_seen == NULL) {
        return; /* it has answered */
    }
    if (link->state == PG_LINK_READY &&
        pg_link_ask(link, look->sql, look->answer_ms, rows_cb, &failure.err) == 0) {
        return;
    }
    pg_link_drop(link);
    tell(look, NULL, &failure);
}

int upstream_look_start(struct upstream_look *look, uv_loop_t *loop, const struct pg_place *place,
                        const char *slot, upstream_cb on_seen, struct err *err)
{
    *look = (struct upstream_look){.owner = look->owner, .on_seen = on_seen};
    look->answer_ms = place->connect_ms;
    (void)upstream_sql(slot, look->sql);
    int r = pg_link_open(&look->link, loop, place, err);
    if (r == 0) {
        look->link.on_change = change_cb;
        pg_link_connect(&look->link);
    }
    return r;
}

static void closed_cb(struct pg_link *link)
{
    struct upstream_look *look = CONTAINER_OF(link, struct upstream_look, link);
    if (look->on_closed != NULL) {
        look->on_closed(look);
    }
}

void upstream_look_close(struct upstream_look *look, upstream_closed_cb on_closed)
{
    look->on_seen = NULL;
    look->on_closed = on_closed;
    pg_link_close(&look->link, closed_cb);
}
