/* supervisor/rows.c - values of the store, in and out. */
#include "supervisor/rows.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/must.h"
#include "supervisor/json.h"

/* Epochs and numbers of WAL are far below it; what is above is not ours. */
#define NUMBER_MAX ((uint64_t)INT64_MAX)

static const char *const losses[] = {
    [LOSS_NONE] = "none", [LOSS_BOUNDED] = "bounded", [LOSS_UNKNOWN] = "unknown"};

static json_t *object_new(void)
{
    json_t *object = json_object();
    MUST(object != NULL);
    return object;
}

static json_t *array_new(void)
{
    json_t *array = json_array();
    MUST(array != NULL);
    return array;
}

static void put_json(json_t *object, const char *name, json_t *value)
{
    int rv = json_object_set_new(object, name, value);
    MUST(rv == 0);
}

static void append_json(json_t *array, json_t *value)
{
    MUST(value != NULL);
    int rv = json_array_append_new(array, value);
    MUST(rv == 0);
}

static uint64_t clamp(uint64_t number)
{
    return number < NUMBER_MAX ? number : NUMBER_MAX;
}

/* ---- what the rows share ---- */

static void take_version(struct json_take *t)
{
    uint64_t version = 0;
    json_take_number(t, "version", NUMBER_MAX, &version);
    if (t->err.code == 0 && version != ROW_VERSION) {
        err_set(&t->err, ERR_VERSION, "%s: version %" PRIu64 ", and this program knows version %d",
                t->what, version, ROW_VERSION);
    }
}

static void take_u32(struct json_take *t, const char *name, uint32_t *out)
{
    uint64_t number = 0;
    json_take_number(t, name, UINT32_MAX, &number);
    *out = (uint32_t)number;
}

static void take_name(struct json_take *t, const char *name, struct facts_name *out)
{
    json_take_text(t, name, out->text, sizeof(out->text));
}

static void put_position(json_t *object, const char *name, const struct position *at)
{
    if (at->is_known) {
        json_t *position = object_new();
        json_put_u64(position, "timeline", at->timeline);
        json_put_u64(position, "lsn", at->lsn);
        put_json(object, name, position);
    }
}

static void take_position(struct json_take *t, const char *name, struct position *out)
{
    const json_t *value = json_take_any(t, name);
    if (value == NULL) {
        return;
    }
    struct json_take at;
    json_take_begin(&at, value, name);
    take_u32(&at, "timeline", &out->timeline);
    json_take_number(&at, "lsn", NUMBER_MAX, &out->lsn);
    out->is_known = at.err.code == 0;
    if (at.err.code != 0) {
        t->err = at.err;
    }
}

static int end(const struct json_take *t, struct err *err)
{
    return t->err.code == 0 ? 0 : err_set(err, t->err.code, "%s", t->err.msg);
}

/* ---- grant ---- */

/* An older program would promote whoever holds a grant. It does not know this version, reads
 * nothing of it, and nothing is begun by it. */
#define STANDBY_VERSION (ROW_VERSION + 1)

static void take_grant_version(struct json_take *t, struct row_grant *row)
{
    uint64_t version = 0;
    json_take_number(t, "version", NUMBER_MAX, &version);
    row->is_standby = version == STANDBY_VERSION;
    if (t->err.code == 0 && version != ROW_VERSION && version != STANDBY_VERSION) {
        err_set(&t->err, ERR_VERSION, "%s: version %" PRIu64 ", and this program knows version %d",
                t->what, version, STANDBY_VERSION);
    }
}

void row_grant_encode(const struct row_grant *row, struct buf *out)
{
    json_t *object = object_new();
    json_put_u64(object, "version", row->is_standby ? STANDBY_VERSION : ROW_VERSION);
    json_put_u64(object, "epoch", row->epoch);
    json_put_string(object, "holder", row->holder.text);
    json_put_hex(object, "member", row->member);
    json_put_hex(object, "copy", row->copy);
    json_put_u64(object, "timeline", row->timeline);
    json_put_u64(object, "lease_ms", row->lease_ms);
    json_put_string(object, "rule", row->rule);
    put_position(object, "floor", &row->floor);
    json_put_string(object, "loss", losses[row->loss]);
    json_put_u64(object, "loss_bytes", clamp(row->loss_bytes));
    json_put_u64(object, "loss_age_ms", clamp(row->loss_age_ms));
    json_write(object, out);
}

int row_grant_decode(const void *bytes, size_t size, struct row_grant *out, struct err *err)
{
    struct err why = {0};
    CLEANUP(json_closep) json_t *json = json_read(bytes, size, ROW_BYTES_MAX, JSON_OBJECT, &why);
    if (json == NULL) {
        return err_set(err, why.code, "grant: %s", why.msg);
    }
    struct row_grant row = {.epoch = 0};
    struct json_take t;
    size_t loss = 0;
    json_take_begin(&t, json, "grant");
    take_grant_version(&t, &row);
    json_take_number(&t, "epoch", NUMBER_MAX, &row.epoch);
    take_name(&t, "holder", &row.holder);
    json_take_id(&t, "member", &row.member);
    json_take_id(&t, "copy", &row.copy);
    take_u32(&t, "timeline", &row.timeline);
    json_take_number(&t, "lease_ms", NUMBER_MAX, &row.lease_ms);
    json_take_text(&t, "rule", row.rule, sizeof(row.rule));
    take_position(&t, "floor", &row.floor);
    json_take_word(&t, "loss", losses, ARRAY_LEN(losses), &loss);
    json_take_number(&t, "loss_bytes", NUMBER_MAX, &row.loss_bytes);
    json_take_number(&t, "loss_age_ms", NUMBER_MAX, &row.loss_age_ms);
    row.loss = (enum elect_loss)loss;
    if (row.epoch == 0 || !name_is_set(&row.holder)) {
        json_take_fail(&t, "epoch and holder", "both are somebody's");
    }
    if (t.err.code == 0) {
        *out = row;
    }
    return end(&t, err);
}

/* ---- order, hold, life ---- */

void row_order_encode(const struct row_order *row, struct buf *out)
{
    json_t *object = object_new();
    json_put_u64(object, "version", ROW_VERSION);
    json_put_u64(object, "epoch", row->epoch);
    json_write(object, out);
}

int row_order_decode(const void *bytes, size_t size, struct row_order *out, struct err *err)
{
    struct err why = {0};
    CLEANUP(json_closep) json_t *json = json_read(bytes, size, ROW_BYTES_MAX, JSON_OBJECT, &why);
    if (json == NULL) {
        return err_set(err, why.code, "order: %s", why.msg);
    }
    struct row_order row = {.epoch = 0};
    struct json_take t;
    json_take_begin(&t, json, "order");
    take_version(&t);
    json_take_number(&t, "epoch", NUMBER_MAX, &row.epoch);
    if (t.err.code == 0) {
        *out = row;
    }
    return end(&t, err);
}

void row_life_encode(const struct facts_name *name, uint64_t member, uint64_t epoch, uint64_t life,
                     struct buf *out)
{
    json_t *object = object_new();
    json_put_u64(object, "version", ROW_VERSION);
    json_put_string(object, "holder", name->text);
    json_put_hex(object, "member", member);
    json_put_u64(object, "epoch", epoch);
    json_put_u64(object, "life", clamp(life));
    json_write(object, out);
}

/* ---- initialize, failover, config ---- */

void row_initialize_encode(uint64_t system_id, struct buf *out)
{
    buf_printf(out, "%" PRIu64, system_id);
}

int row_initialize_decode(const void *bytes, size_t size, uint64_t *out, struct err *err)
{
    char text[24] = "";
    if (size >= sizeof(text)) {
        return err_set(err, ERR_INVALID, "initialize: more than 20 digits");
    }
    if (size > 0) {
        memcpy(text, bytes, size);
    }
    uint64_t id = 0;
    for (size_t i = 0; i < size; i++) {
        uint64_t digit = (uint64_t)(unsigned char)text[i] - '0';
        if (digit > 9 || __builtin_mul_overflow(id, 10, &id) ||
            __builtin_add_overflow(id, digit, &id)) {
            return err_set(err, ERR_INVALID, "initialize: digits of a 64-bit number are expected");
        }
    }
    *out = id;
    return 0;
}

void row_failover_encode(const struct row_failover *row, struct buf *out)
{
    json_t *object = object_new();
    if (name_is_set(&row->leader)) {
        json_put_string(object, "leader", row->leader.text);
    }
    if (name_is_set(&row->candidate)) {
        json_put_string(object, "member", row->candidate.text);
    }
    if (row->is_scheduled) {
        json_put_string(object, "scheduled_at", row->scheduled_at);
    }
    if (row->accepts_loss) {
        int rv = json_object_set_new(object, "accept_data_loss", json_true());
        MUST(rv == 0);
    }
    json_write(object, out);
}

int row_failover_decode(const void *bytes, size_t size, struct row_failover *out, struct err *err)
{
    struct err why = {0};
    CLEANUP(json_closep) json_t *json = json_read(bytes, size, ROW_BYTES_MAX, JSON_OBJECT, &why);
    if (json == NULL) {
        return err_set(err, why.code, "failover: %s", why.msg);
    }
    struct row_failover row = {.is_scheduled = false};
    struct json_take t;
    json_take_begin(&t, json, "failover");
    if (json_take_any(&t, "leader") != NULL) {
        take_name(&t, "leader", &row.leader);
    }
    if (json_take_any(&t, "member") != NULL) {
        take_name(&t, "member", &row.candidate);
    }
    row.is_scheduled = json_take_any(&t, "scheduled_at") != NULL;
    if (row.is_scheduled) {
        json_take_text(&t, "scheduled_at", row.scheduled_at, sizeof(row.scheduled_at));
    }
    if (json_take_any(&t, "accept_data_loss") != NULL) {
        json_take_bool(&t, "accept_data_loss", &row.accepts_loss);
    }
    if (t.err.code == 0) {
        *out = row;
    }
    return end(&t, err);
}

/* As the rest of the key is read (config/scalar.h): tools write a truth as a text, too. */
static enum fact truth_of(const json_t *value)
{
    static const char *const words[] = {"false", "true", "no", "yes", "off", "on"};
    const char *text = json_string_value(value);
    if (json_is_boolean(value)) {
        return json_is_true(value) ? FACT_YES : FACT_NO;
    }
    for (size_t i = 0; text != NULL && i < ARRAY_LEN(words); i++) {
        if (strcasecmp(text, words[i]) == 0) {
            return i % 2 == 1 ? FACT_YES : FACT_NO;
        }
    }
    return FACT_UNKNOWN;
}

int row_config_decode(const void *bytes, size_t size, enum fact *ret_paused, struct err *err)
{
    struct err why = {0};
    CLEANUP(json_closep)
    json_t *json = json_read(bytes, size, ROW_CONFIG_BYTES_MAX, JSON_OBJECT, &why);
    if (json == NULL) {
        return err_set(err, why.code, "config: %s", why.msg);
    }
    const json_t *pause = json_object_get(json, "pause");
    enum fact paused = pause == NULL || json_is_null(pause) ? FACT_NO : truth_of(pause);
    if (paused == FACT_UNKNOWN) {
        return err_set(err, ERR_INVALID, "config: pause: true or false is expected");
    }
    *ret_paused = paused;
    return 0;
}

/* ---- sync ---- */

static json_t *copy_json(const struct sync_copy *copy)
{
    json_t *object = object_new();
    json_put_string(object, "name", copy->name.text);
    json_put_hex(object, "copy", copy->copy);
    return object;
}

static json_t *set_json(const struct sync_set *set)
{
    json_t *object = object_new();
    json_t *copies = array_new();
    MUST(set->count <= SYNC_NAMES_MAX);
    for (uint32_t i = 0; i < set->count; i++) {
        append_json(copies, copy_json(&set->at[i]));
    }
    json_put_u64(object, "needed", set->needed);
    put_json(object, "copies", copies);
    return object;
}

/* Of an earlier set than the one at @s. */
static bool is_named_before(const struct sync_value *row, uint32_t s, const struct facts_name *name)
{
    for (uint32_t before = 0; before < s; before++) {
        for (uint32_t k = 0; k < row->sets[before].count; k++) {
            if (name_is(&row->sets[before].at[k].name, name)) {
                return true;
            }
        }
    }
    return false;
}

/* Patroni's readers see one list, and how many of it are not needed for an answer. */
static void put_for_patroni(json_t *object, const struct sync_value *row)
{
    struct buf names = {0};
    uint32_t quorum = 0;
    for (uint32_t s = 0; s < row->count; s++) {
        const struct sync_set *set = &row->sets[s];
        bool is_sound = set->needed <= set->count;
        quorum = is_sound && set->count - set->needed > quorum ? set->count - set->needed : quorum;
        for (uint32_t i = 0; i < set->count; i++) {
            if (!is_named_before(row, s, &set->at[i].name)) {
                buf_printf(&names, "%s%s", names.size > 0 ? "," : "", set->at[i].name.text);
            }
        }
    }
    const struct sync_copy *leader =
        row->heir_count > 0 ? &row->heirs[row->heir_count - 1] : &row->primary;
    json_put_string(object, "leader", leader->name.text);
    json_put_string(object, "sync_standby", buf_text(&names));
    json_put_u64(object, "quorum", quorum);
    buf_close(&names);
}

/* Left out where there are none, as in the values that knew of none. A program that does not know
 * them goes by what stands beside them, which is as true, and proves less. */
static void put_heirs(json_t *object, const struct sync_value *row)
{
    if (row->heir_count > 0) {
        json_t *heirs = array_new();
        for (uint32_t i = 0; i < row->heir_count; i++) {
            append_json(heirs, copy_json(&row->heirs[i]));
        }
        put_json(object, "heirs", heirs);
    }
}

void row_sync_encode(const struct sync_value *row, struct buf *out)
{
    MUST(row->count <= SYNC_SETS_MAX && row->heir_count <= SYNC_HEIRS_MAX);
    json_t *object = object_new();
    put_for_patroni(object, row);
    json_t *ours = object_new();
    json_put_u64(ours, "version", ROW_VERSION);
    if (row->is_known) {
        json_t *sets = array_new();
        for (uint32_t i = 0; i < row->count; i++) {
            append_json(sets, set_json(&row->sets[i]));
        }
        json_put_u64(ours, "epoch", row->epoch);
        put_json(ours, "primary", copy_json(&row->primary));
        put_json(ours, "sets", sets);
        put_heirs(ours, row);
    }
    put_json(object, "pgraft", ours);
    json_write(object, out);
}

static void take_copy(struct json_take *t, const char *what, const json_t *json,
                      struct sync_copy *out)
{
    struct json_take c;
    json_take_begin(&c, json, what);
    take_name(&c, "name", &out->name);
    json_take_id(&c, "copy", &out->copy);
    if (c.err.code != 0 && t->err.code == 0) {
        t->err = c.err;
    }
}

static void take_set(struct json_take *t, const json_t *json, struct sync_set *out)
{
    struct json_take s;
    json_take_begin(&s, json, "sync: set");
    take_u32(&s, "needed", &out->needed);
    const json_t *copies = json_take_any(&s, "copies");
    size_t count = json_array_size(copies);
    if (!json_is_array(copies) || count > SYNC_NAMES_MAX || out->needed > count) {
        json_take_fail(&s, "copies", "as many as are needed, and no more than there is room for");
    }
    for (size_t i = 0; s.err.code == 0 && i < count; i++) {
        take_copy(&s, "sync: copy", json_array_get(copies, i), &out->at[i]);
        out->count++;
    }
    if (s.err.code != 0 && t->err.code == 0) {
        t->err = s.err;
    }
}

static void take_heirs(struct json_take *t, struct sync_value *out)
{
    const json_t *heirs = json_take_any(t, "heirs");
    size_t count = json_array_size(heirs);
    if (heirs != NULL && (!json_is_array(heirs) || count > SYNC_HEIRS_MAX)) {
        json_take_fail(t, "heirs", "an array of no more than there is room for");
    }
    for (size_t i = 0; t->err.code == 0 && i < count; i++) {
        take_copy(t, "sync: heir", json_array_get(heirs, i), &out->heirs[i]);
        out->heir_count++;
    }
}

int row_sync_decode(const void *bytes, size_t size, struct sync_value *out, struct err *err)
{
    struct err why = {0};
    CLEANUP(json_closep) json_t *json = json_read(bytes, size, ROW_BYTES_MAX, JSON_OBJECT, &why);
    if (json == NULL) {
        return err_set(err, why.code, "sync: %s", why.msg);
    }
    struct sync_value row = {.is_known = false};
    struct json_take t;
    json_take_begin(&t, json_object_get(json, "pgraft"), "sync: pgraft");
    take_version(&t);
    const json_t *sets = json_take_any(&t, "sets");
    if (sets != NULL) {
        size_t count = json_array_size(sets);
        json_take_number(&t, "epoch", NUMBER_MAX, &row.epoch);
        take_copy(&t, "sync: primary", json_take_any(&t, "primary"), &row.primary);
        if (!json_is_array(sets) || count > SYNC_SETS_MAX) {
            json_take_fail(&t, "sets", "an array of at most three");
        }
        for (size_t i = 0; t.err.code == 0 && i < count; i++) {
            take_set(&t, json_array_get(sets, i), &row.sets[i]);
            row.count++;
        }
        take_heirs(&t, &row);
        row.is_known = true;
    }
    if (t.err.code == 0) {
        *out = row;
    }
    return end(&t, err);
}

/* ---- history ---- */

void row_history_add(struct row_history *row, const struct row_timeline *timeline)
{
    MUST(row->count <= ROW_HISTORY_MAX);
    if (row->count == ROW_HISTORY_MAX) {
        memmove(&row->at[0], &row->at[1], (ROW_HISTORY_MAX - 1) * sizeof(row->at[0]));
        row->count--;
    }
    row->at[row->count] = *timeline;
    row->count++;
}

/* [the timeline that ended, where, why, when, who began the new one, ours]: Patroni's five. */
void row_history_encode(const struct row_history *row, struct buf *out)
{
    json_t *all = array_new();
    MUST(row->count <= ROW_HISTORY_MAX);
    for (uint32_t i = 0; i < row->count; i++) {
        const struct row_timeline *at = &row->at[i];
        json_t *entry = array_new();
        json_t *ours = object_new();
        append_json(entry, json_integer(at->row.parent));
        append_json(entry, json_integer((json_int_t)clamp(at->row.switch_lsn)));
        json_t *reason = json_string(at->reason);
        append_json(entry, reason != NULL ? reason : json_string(""));
        append_json(entry, json_string(at->stamp));
        append_json(entry, json_string(at->node.text));
        json_put_u64(ours, "version", ROW_VERSION);
        json_put_u64(ours, "epoch", at->row.epoch);
        json_put_u64(ours, "timeline", at->row.timeline);
        append_json(entry, ours);
        append_json(all, entry);
    }
    json_write(all, out);
}

static void text_of(const json_t *entry, size_t at, char *out, size_t size)
{
    const char *text = json_string_value(json_array_get(entry, at));
    (void)snprintf(out, size, "%s", text != NULL ? text : "");
}

static bool number_of(const json_t *entry, size_t at, uint64_t max, uint64_t *out)
{
    const json_t *value = json_array_get(entry, at);
    json_int_t number = json_integer_value(value);
    *out = (uint64_t)number;
    return json_is_integer(value) && number >= 0 && (uint64_t)number <= max;
}

static int take_entry(const json_t *entry, struct row_timeline *out, struct err *err)
{
    uint64_t parent = 0;
    uint64_t lsn = 0;
    if (!json_is_array(entry) || json_array_size(entry) < 3 ||
        !number_of(entry, 0, UINT32_MAX - 1, &parent) || !number_of(entry, 1, NUMBER_MAX, &lsn)) {
        return err_set(err, ERR_INVALID, "history: an entry is [timeline, position, reason, ...]");
    }
    out->row = (struct history_row){
        .parent = (uint32_t)parent, .timeline = (uint32_t)parent + 1, .switch_lsn = lsn};
    text_of(entry, 2, out->reason, sizeof(out->reason));
    text_of(entry, 3, out->stamp, sizeof(out->stamp));
    text_of(entry, 4, out->node.text, sizeof(out->node.text));
    if (json_array_size(entry) < 6) {
        return 0; /* Patroni's */
    }
    struct json_take t;
    json_take_begin(&t, json_array_get(entry, 5), "history");
    take_version(&t);
    json_take_number(&t, "epoch", NUMBER_MAX, &out->row.epoch);
    take_u32(&t, "timeline", &out->row.timeline);
    return end(&t, err);
}

int row_history_decode(const void *bytes, size_t size, struct row_history *out, struct err *err)
{
    struct err why = {0};
    CLEANUP(json_closep) json_t *json = json_read(bytes, size, ROW_BYTES_MAX, JSON_ARRAY, &why);
    if (json == NULL) {
        return err_set(err, why.code, "history: %s", why.msg);
    }
    size_t count = json_array_size(json);
    size_t first = count > ROW_HISTORY_MAX ? count - ROW_HISTORY_MAX : 0;
    for (size_t i = 0; i < count; i++) { /* all are looked at before any is taken */
        struct row_timeline ignored = {.reason = ""};
        int code = take_entry(json_array_get(json, i), &ignored, err);
        if (code != 0) {
            return code;
        }
    }
    out->count = 0;
    for (size_t i = first; i < count; i++) {
        struct row_timeline entry = {.reason = ""};
        (void)take_entry(json_array_get(json, i), &entry, NULL); /* looked at above */
        out->at[out->count] = entry;
        out->count++;
    }
    return 0;
}
