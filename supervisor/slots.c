/* supervisor/slots.c - slots that are there against slots that should be. */
#include "supervisor/slots.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/must.h"

#define SEGMENT_BYTES ((uint32_t)16 << 20) /* where it is not known */

enum column {
    C_RECOVERY,
    C_REPLAY,
    C_CHECKPOINT,
    C_NAME,
    C_PHYSICAL,
    C_ACTIVE,
    C_TEMPORARY,
    C_XMIN,
    C_RESTART,
    C_LOST,
    COLUMNS
};

const char *slots_sql(void)
{
    return "SELECT q.r, pg_last_wal_replay_lsn(),"
           " CASE WHEN q.r THEN false ELSE c.timeline_id <> ('x' ||"
           " substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8))::bit(32)::int END,"
           " s.slot_name, s.slot_type = 'physical', s.active, s.temporary, s.xmin IS NOT NULL,"
           " s.restart_lsn, coalesce(s.wal_status = 'lost', false)"
           " FROM (SELECT pg_is_in_recovery() AS r) AS q, pg_control_checkpoint() AS c"
           " LEFT JOIN pg_get_replication_slots() AS s ON true";
}

/* ---- reading ---- */

static bool parse_row(const struct pg_rows *rows, uint32_t at, struct slot_row *row)
{
    const char *name = pg_rows_text(rows, at, C_NAME);
    const char *lsn = pg_rows_text(rows, at, C_RESTART);
    *row = (struct slot_row){.is_holding = lsn != NULL};
    if (strlen(name) >= sizeof(row->name)) {
        return false;
    }
    (void)snprintf(row->name, sizeof(row->name), "%s", name);
    return pg_text_bool(pg_rows_text(rows, at, C_PHYSICAL), &row->is_physical) &&
           pg_text_bool(pg_rows_text(rows, at, C_ACTIVE), &row->is_active) &&
           pg_text_bool(pg_rows_text(rows, at, C_TEMPORARY), &row->is_temporary) &&
           pg_text_bool(pg_rows_text(rows, at, C_XMIN), &row->has_xmin) &&
           pg_text_bool(pg_rows_text(rows, at, C_LOST), &row->is_lost) &&
           (lsn == NULL || pg_text_lsn(lsn, &row->lsn));
}

int slots_parse(const struct pg_rows *rows, struct slots_seen *seen, struct err *err)
{
    memset(seen, 0, sizeof(*seen));
    const char *replay = rows->count > 0 ? pg_rows_text(rows, 0, C_REPLAY) : NULL;
    bool is_read = rows->columns == COLUMNS && rows->count > 0 &&
                   pg_text_bool(pg_rows_text(rows, 0, C_RECOVERY), &seen->in_recovery) &&
                   pg_text_bool(pg_rows_text(rows, 0, C_CHECKPOINT), &seen->wants_checkpoint) &&
                   (replay == NULL || pg_text_lsn(replay, &seen->replay_lsn));
    for (uint32_t i = 0; is_read && i < rows->count; i++) {
        if (pg_rows_text(rows, i, C_NAME) == NULL) {
            continue;
        }
        if (seen->count == SLOTS_MAX) {
            seen->has_more = true;
            break;
        }
        is_read = parse_row(rows, i, &seen->at[seen->count]);
        seen->count++;
    }
    return is_read
               ? 0
               : err_set(err, ERR_PROTOCOL, "PostgreSQL answered something else than it was asked");
}

/* ---- the book ---- */

static uint64_t *time_of(struct slots_book *book, const char *name, uint64_t now_ms)
{
    for (uint32_t i = 0; i < book->count; i++) {
        if (strcmp(book->at[i].name, name) == 0) {
            return &book->at[i].at_ms;
        }
    }
    if (book->count == SLOTS_MAX) {
        return NULL; /* nothing is dropped whose time is not known */
    }
    (void)snprintf(book->at[book->count].name, SLOTS_NAME_SIZE, "%s", name);
    book->at[book->count].at_ms = now_ms;
    return &book->at[book->count++].at_ms;
}

static void forget_gone(struct slots_book *book, const struct slots_seen *seen)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < book->count; i++) {
        bool is_there = false;
        for (uint32_t k = 0; k < seen->count; k++) {
            is_there = is_there || strcmp(seen->at[k].name, book->at[i].name) == 0;
        }
        if (is_there) {
            book->at[kept++] = book->at[i];
        }
    }
    book->count = kept;
}

/* ---- what is to be done ---- */

static const struct slots_member *member_of(const struct slots_input *input, const char *name)
{
    for (uint32_t i = 0; i < input->member_count; i++) {
        if (strcmp(input->members[i].name, name) == 0) {
            return &input->members[i];
        }
    }
    return NULL;
}

static bool is_there(const struct slots_seen *seen, const char *name)
{
    for (uint32_t i = 0; i < seen->count; i++) {
        if (strcmp(seen->at[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

/* The names that the configuration gives, asked for once a look. */
struct permanent {
    uint32_t count;
    char at[SLOTS_PERMANENT_MAX][SLOTS_NAME_SIZE];
};

static bool is_permanent(const struct permanent *permanent, const char *name)
{
    for (uint32_t i = 0; i < permanent->count; i++) {
        if (strcmp(permanent->at[i], name) == 0) {
            return true;
        }
    }
    return false;
}

/* With a time of nothing slots are where they are needed now, and nowhere else. */
static bool is_kept_here(const struct slots_input *input, const struct slots_member *member)
{
    bool is_heirs = input->is_heir && (input->is_primary || input->ttl_ms > 0);
    return input->is_wanted && (is_heirs || member->is_fed);
}

/* NULL: it stays. */
static const char *why_drop(const struct slots_input *input, const struct slots_seen *seen,
                            const struct slot_row *row, const struct slots_member *member,
                            bool is_named, uint64_t idle_ms)
{
    bool is_over = idle_ms >= input->ttl_ms;
    if (row->is_active || row->is_temporary || !row->is_physical || seen->has_more) {
        return NULL;
    }
    if (member == NULL && is_named) {
        bool stays = input->is_primary || input->is_paused;
        return is_over && !stays ? "it is the primary's alone, and nobody has used it" : NULL;
    }
    if (member == NULL) {
        bool is_kept = input->is_kept != NULL && input->is_kept(input->ctx, row);
        bool stays = is_kept || input->is_paused || !input->is_wanted || !input->is_heir;
        return is_over && !stays ? "it is no member's, and nobody has used it" : NULL;
    }
    if (!is_kept_here(input, member)) {
        return "slots are not wanted here";
    }
    if (row->is_lost || !row->is_holding) {
        return "the WAL that it was to hold is gone";
    }
    if (row->has_xmin && seen->in_recovery) {
        return "it holds old rows back, and nobody streams by it";
    }
    bool is_used = member->is_here && member->has_data;
    return is_over && !is_used ? "its member has been away for too long" : NULL;
}

/* Where the member is, as far as this node has it; 0: it stays where it is. */
static uint64_t advance_to(const struct slots_input *input, const struct slots_seen *seen,
                           const struct slot_row *row, const struct slots_member *member)
{
    uint64_t segment = input->segment_size != 0 ? input->segment_size : SEGMENT_BYTES;
    if (row->is_active || row->is_temporary || !row->is_physical || !row->is_holding ||
        row->is_lost || !member->is_here || !member->has_data || !member->end_known) {
        return 0;
    }
    uint64_t to = member->end_lsn;
    if (seen->in_recovery && to > seen->replay_lsn) {
        to = seen->replay_lsn;
    }
    return to / segment > row->lsn / segment ? to : 0;
}

static void plan(struct slots_plan *out, enum slots_step step, const char *name, uint64_t lsn,
                 const char *why)
{
    *out = (struct slots_plan){.step = step, .lsn = lsn, .why = why};
    (void)snprintf(out->name, sizeof(out->name), "%s", name);
}

/* Behind the @count that are there already; how many there are then. */
static uint32_t plan_permanent(const struct slots_input *input, const struct slots_seen *seen,
                               const struct permanent *permanent, struct slots_plan *out,
                               uint32_t count, uint32_t max)
{
    for (uint32_t i = 0; i < permanent->count && count < max; i++) {
        const char *name = permanent->at[i];
        bool is_due = input->is_primary && !seen->has_more && member_of(input, name) == NULL;
        if (is_due && !is_there(seen, name)) {
            plan(&out[count++], SLOTS_CREATE, name, 0, "the configuration names it");
        }
    }
    return count;
}

uint32_t slots_plan(struct slots_book *book, const struct slots_input *input,
                    const struct slots_seen *seen, uint64_t now_ms, struct slots_plan *out,
                    uint32_t max)
{
    uint32_t count = 0;
    struct permanent permanent = {.count = 0};
    forget_gone(book, seen);
    if (input->permanent != NULL) {
        permanent.count = input->permanent(input->ctx, permanent.at);
    }
    for (uint32_t i = 0; i < seen->count && count < max; i++) {
        const struct slot_row *row = &seen->at[i];
        const struct slots_member *member = member_of(input, row->name);
        uint64_t *at_ms = time_of(book, row->name, now_ms);
        bool is_used = row->is_active || (member != NULL && member->is_here && member->has_data);
        if (at_ms == NULL) {
            continue;
        }
        *at_ms = is_used ? now_ms : *at_ms;
        const char *why = why_drop(input, seen, row, member, is_permanent(&permanent, row->name),
                                   now_ms - *at_ms);
        uint64_t to = why == NULL && member != NULL && is_kept_here(input, member)
                          ? advance_to(input, seen, row, member)
                          : 0;
        if (why != NULL) {
            plan(&out[count++], SLOTS_DROP, row->name, 0, why);
        } else if (to != 0) {
            plan(&out[count++], SLOTS_ADVANCE, row->name, to, "its member is there already");
        }
    }
    for (uint32_t i = 0; i < input->member_count && count < max; i++) {
        const struct slots_member *m = &input->members[i];
        bool is_due = m->is_here && m->name[0] != '\0' && is_kept_here(input, m);
        if (is_due && !seen->has_more && !is_there(seen, m->name)) {
            plan(&out[count++], SLOTS_CREATE, m->name, 0, "a member needs it");
        }
    }
    return plan_permanent(input, seen, &permanent, out, count, max);
}

/* The names hold nothing but a to z, digits and underscores, or came out of PostgreSQL, which has
 * no others. */
const char *slots_plan_sql(const struct slots_plan *plan, char out[SLOTS_SQL_SIZE])
{
    int size = 0;
    MUST(plan->name[strspn(plan->name, "abcdefghijklmnopqrstuvwxyz0123456789_")] == '\0');
    switch (plan->step) {
        case SLOTS_CREATE:
            size = snprintf(out, SLOTS_SQL_SIZE,
                            "SELECT pg_create_physical_replication_slot('%s', true)", plan->name);
            break;
        case SLOTS_ADVANCE:
            size = snprintf(out, SLOTS_SQL_SIZE,
                            "SELECT pg_replication_slot_advance('%s', '%" PRIX32 "/%" PRIX32 "')",
                            plan->name, (uint32_t)(plan->lsn >> 32), (uint32_t)plan->lsn);
            break;
        case SLOTS_DROP:
            size =
                snprintf(out, SLOTS_SQL_SIZE, "SELECT pg_drop_replication_slot('%s')", plan->name);
            break;
    }
    MUST(size > 0 && size < SLOTS_SQL_SIZE);
    return out;
}
