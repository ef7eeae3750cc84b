/* supervisor/store_rows.c - rows to facts. */
#include "supervisor/store_rows.h"

#include <stdio.h>

#include "base/must.h"

void store_rows_close(struct store_rows *rows)
{
    buf_close(&rows->config);
}

static int decode_leader(struct store_rows *rows, const struct pgraft_pair *pair, struct err *err)
{
    size_t size = pair->value.size;
    if (pair->lease != KEYS_PRIMARY_LEASE) {
        return err_set(err, ERR_INVALID, "leader: somebody has put it by hand: delete it");
    }
    if (size == 0 || size >= sizeof(rows->leader.text) ||
        memchr(pair->value.bytes, '\0', size) != NULL) {
        return err_set(err, ERR_INVALID, "leader: a name is expected");
    }
    memset(&rows->leader, 0, sizeof(rows->leader));
    memcpy(rows->leader.text, pair->value.bytes, size);
    return 0;
}

static int decode_config(struct store_rows *rows, const struct pgraft_pair *pair, struct err *err)
{
    buf_clear(&rows->config);
    if (pair->value.size > ROW_CONFIG_BYTES_MAX) {
        return err_set(err, ERR_TOO_LARGE, "config: more than %zu bytes", ROW_CONFIG_BYTES_MAX);
    }
    buf_append(&rows->config, pair->value.bytes, pair->value.size);
    return row_config_decode(pair->value.bytes, pair->value.size, &rows->paused, err);
}

static int decode(struct store_rows *rows, enum key key, const struct pgraft_pair *pair,
                  struct err *err)
{
    const void *bytes = pair->value.bytes;
    size_t size = pair->value.size;
    switch (key) {
        case KEY_LEADER:
            return decode_leader(rows, pair, err);
        case KEY_INITIALIZE:
            return row_initialize_decode(bytes, size, &rows->system_id, err);
        case KEY_CONFIG:
            return decode_config(rows, pair, err);
        case KEY_HISTORY:
            return row_history_decode(bytes, size, &rows->history, err);
        case KEY_SYNC:
            return row_sync_decode(bytes, size, &rows->sync, err);
        case KEY_FAILOVER:
            return row_failover_decode(bytes, size, &rows->failover, err);
        case KEY_GRANT:
            return row_grant_decode(bytes, size, &rows->grant, err);
        case KEY_ORDER:
            return row_order_decode(bytes, size, &rows->order, err);
        case KEY_HOLD:
        case KEY_LIFE:
            return 0; /* that it is there says everything */
    }
    UNREACHABLE("every key has a row");
}

/* Nothing of what was there before is left. */
static void forget(struct store_rows *rows, enum key key)
{
    switch (key) {
        case KEY_LEADER:
            memset(&rows->leader, 0, sizeof(rows->leader));
            return;
        case KEY_INITIALIZE:
            rows->system_id = 0;
            return;
        case KEY_CONFIG:
            buf_clear(&rows->config);
            rows->paused = FACT_NO;
            return;
        case KEY_HISTORY:
            rows->history.count = 0;
            return;
        case KEY_SYNC:
            memset(&rows->sync, 0, sizeof(rows->sync));
            return;
        case KEY_FAILOVER:
            memset(&rows->failover, 0, sizeof(rows->failover));
            return;
        case KEY_GRANT:
            memset(&rows->grant, 0, sizeof(rows->grant));
            return;
        case KEY_ORDER:
            memset(&rows->order, 0, sizeof(rows->order));
            return;
        case KEY_HOLD:
        case KEY_LIFE:
            return;
    }
    UNREACHABLE("every key has a row");
}

static bool is_unsound(const struct store_rows *rows, enum key key)
{
    return rows->row[key].is_there && !rows->row[key].is_sound;
}

/* The record of the first timeline writes all three, so one that is missing was deleted since. */
static bool is_initialize_lost(const struct store_rows *rows)
{
    return rows->row[KEY_HISTORY].is_there && rows->system_id == 0;
}

static bool is_sync_lost(const struct store_rows *rows)
{
    bool has_begun = rows->row[KEY_HISTORY].is_there || rows->system_id != 0;
    return is_unsound(rows, KEY_SYNC) || (has_begun && !rows->row[KEY_SYNC].is_there);
}

/* The first that can not be read is the one that is told. */
static void find_trouble(struct store_rows *rows, enum key key, const struct err *err)
{
    if (err->code != 0) {
        (void)snprintf(rows->trouble, sizeof(rows->trouble), "the key %s can not be read: %s",
                       keys_name(key), err->msg);
        return;
    }
    for (int i = 0; i < KEYS; i++) {
        if (is_unsound(rows, (enum key)i)) {
            return; /* what is told still holds, or was of another one */
        }
    }
    bool is_lost = is_initialize_lost(rows) || is_sync_lost(rows);
    (void)snprintf(rows->trouble, sizeof(rows->trouble), "%s",
                   !is_lost                   ? ""
                   : is_initialize_lost(rows) ? "the key initialize was deleted"
                                              : "the key sync was deleted: nothing is provable");
}

bool store_rows_take(struct store_rows *rows, enum key key, const struct pgraft_pair *pair)
{
    struct store_row *row = &rows->row[key];
    uint64_t revision = pair != NULL ? pair->mod_revision : 0;
    bool is_same = row->is_there == (pair != NULL) && row->mod_revision == revision;
    if (is_same && (pair == NULL || row->lease == pair->lease)) {
        if (pair == NULL && key == KEY_CONFIG) {
            rows->paused = FACT_NO; /* seen for the first time: there is none */
        }
        return false;
    }
    struct err err = {0};
    forget(rows, key);
    *row = (struct store_row){.is_there = pair != NULL};
    if (pair != NULL) {
        row->create_revision = pair->create_revision;
        row->mod_revision = pair->mod_revision;
        row->lease = pair->lease;
        row->is_sound = decode(rows, key, pair, &err) == 0;
        if (!row->is_sound && key != KEY_CONFIG) {
            forget(rows, key);
        }
    }
    find_trouble(rows, key, &err);
    return true;
}

bool store_rows_lease_stands(const struct store_rows *rows)
{
    const struct store_row *leader = &rows->row[KEY_LEADER];
    return leader->is_there && leader->lease == KEYS_PRIMARY_LEASE;
}

bool store_rows_is_spoilt(const struct store_rows *rows)
{
    return is_initialize_lost(rows) || is_unsound(rows, KEY_LEADER) ||
           is_unsound(rows, KEY_INITIALIZE) || is_unsound(rows, KEY_HISTORY) ||
           is_unsound(rows, KEY_GRANT) || is_unsound(rows, KEY_ORDER);
}

static enum fact initialized(const struct store_rows *rows)
{
    if (store_rows_is_spoilt(rows)) {
        return FACT_UNKNOWN;
    }
    return rows->row[KEY_INITIALIZE].is_there && rows->system_id != 0 ? FACT_YES : FACT_NO;
}

static bool is_wish(const struct store_rows *rows)
{
    const struct row_failover *wish = &rows->failover;
    bool is_of_another = name_is_set(&wish->leader) && !name_is(&wish->leader, &rows->grant.holder);
    return rows->row[KEY_FAILOVER].is_there && rows->row[KEY_FAILOVER].is_sound &&
           !wish->is_scheduled && !is_of_another;
}

struct facts_name store_rows_wanted(const struct store_rows *rows)
{
    return is_wish(rows) ? rows->failover.candidate : (struct facts_name){.text = ""};
}

bool store_rows_accepts_loss(const struct store_rows *rows)
{
    return is_wish(rows) && rows->failover.accepts_loss && name_is_set(&rows->failover.candidate);
}

struct facts_name store_rows_unwanted(const struct store_rows *rows)
{
    return is_wish(rows) ? rows->failover.leader : (struct facts_name){.text = ""};
}

bool store_rows_wants_switchover(const struct store_rows *rows, const struct facts_name *self)
{
    return is_wish(rows) && store_rows_lease_stands(rows) && name_is(&rows->grant.holder, self) &&
           !name_is(&rows->failover.candidate, self);
}

static void fill_history(const struct store_rows *rows, struct store_facts *out)
{
    uint32_t count = rows->history.count;
    uint32_t first = count > FACTS_HISTORY_MAX ? count - FACTS_HISTORY_MAX : 0;
    for (uint32_t i = first; i < count; i++) {
        out->history[out->history_count] = rows->history.at[i].row;
        out->history_count++;
    }
}

void store_rows_facts(const struct store_rows *rows, struct store_facts *out)
{
    memset(out, 0, sizeof(*out));
    out->initialized = initialized(rows);
    out->paused = is_unsound(rows, KEY_CONFIG) ? FACT_UNKNOWN : rows->paused;
    out->held = rows->row[KEY_HOLD].is_there ? FACT_YES : FACT_NO;
    out->lease_stands = store_rows_lease_stands(rows);
    out->grant_epoch = rows->grant.epoch;
    out->grant_timeline = rows->grant.timeline;
    out->grant_is_standby = rows->grant.is_standby;
    out->holder = rows->grant.holder;
    out->holder_copy = rows->grant.copy;
    out->order_epoch = rows->order.epoch;
    out->sync = rows->sync;
    if (is_sync_lost(rows)) {
        /* Something was published, and nobody can say what: nothing is provable. */
        memset(&out->sync, 0, sizeof(out->sync));
        out->sync.is_known = true;
    }
    out->sync_revision = rows->row[KEY_SYNC].mod_revision;
    fill_history(rows, out);
}
