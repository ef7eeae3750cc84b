/* supervisor/holder.c - the writes of a holder: each decided before the next. */
#include "supervisor/holder.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/must.h"

#define TIMEOUT_MS 2000
#define AGAIN_MS 50
#define DRAWS_MAX 8

/* One call of the library; outlives the request if that is not waited for any more. */
struct holder_ask {
    struct holder *holder; /* NULL: nobody waits */
    uint64_t request;
};

void holder_open(struct holder *r, struct pgraft *store, const struct keys *keys,
                 void (*changed)(void *ctx), void *ctx)
{
    memset(r, 0, sizeof(*r));
    r->store = store;
    r->keys = keys;
    r->changed = changed;
    r->ctx = ctx;
}

void holder_close(struct holder *r)
{
    MUST(r->ask == NULL);
    for (size_t i = 0; i < HOLDER_PUTS_MAX; i++) {
        buf_close(&r->values[i]);
    }
}

/* ---- who speaks ---- */

/* The same in every life of this member, and no other: splitmix64's step over both. */
static uint64_t mix(uint64_t a, uint64_t b)
{
    uint64_t x = a ^ (b + UINT64_C(0x9e3779b97f4a7c15) + (a << 6) + (a >> 2));
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

static void draw_client(struct holder *r)
{
    r->client = mix(mix(mix(r->member, r->epoch), r->grant), r->draws) | 1;
}

static void drop_ask(struct holder *r)
{
    if (r->ask != NULL) {
        r->ask->holder = NULL; /* freed by its answer, which comes in any case */
        pgraft_cancel(r->store, r->ask->request);
        r->ask = NULL;
    }
}

void holder_begin(struct holder *r, uint64_t epoch, uint64_t grant, uint64_t member, bool is_found)
{
    drop_ask(r);
    r->epoch = epoch;
    r->grant = grant;
    r->member = member;
    r->may_write = !is_found;
    r->draws = 0;
    r->since = grant;
    r->kind = HOLDER_NOTHING;
    r->outcome = HOLDER_NONE;
    r->is_settling = false;
    draw_client(r);
}

/* Grows with every request of this life, and with time: above all of an earlier life. */
static void number(struct holder *r)
{
    uint64_t now_us = clock_ns(clock_system(), CLOCK_BOOT) / 1000;
    r->sequence = now_us > r->sequence ? now_us : r->sequence + 1;
}

/* ---- asking ---- */

static void settle(struct holder *r, enum holder_outcome outcome, const char *message)
{
    r->outcome = outcome;
    r->may_write = r->may_write || (r->kind == HOLDER_CLAIM && outcome == HOLDER_DONE);
    r->is_settling = true;
    (void)snprintf(r->message, sizeof(r->message), "%s", message);
    if (r->changed != NULL) {
        r->changed(r->ctx);
    }
}

/* The store does not remember this client, so neither what an earlier life has under way. In this
 * life: another client, which is new to it. */
static bool draws_another(struct holder *r)
{
    if (r->kind == HOLDER_CLAIM || r->draws >= DRAWS_MAX) {
        return false;
    }
    struct pgraft_figures figures;
    pgraft_figures(r->store, &figures);
    r->draws++;
    r->since = figures.applied_index;
    draw_client(r);
    return true;
}

static void answered(struct holder *r, const struct pgraft_result *result)
{
    r->revision = result->revision;
    if (!result->decided) {
        return; /* again, as it is: holder_tick() */
    }
    if (result->status == PGRAFT_ERR_EXPIRED && draws_another(r)) {
        return; /* its compares tell whether the first one was done */
    }
    bool is_gone = r->kind == HOLDER_RELEASE && (result->status == PGRAFT_ERR_NOT_FOUND ||
                                                 result->status == PGRAFT_ERR_CONFLICT);
    if ((result->status == 0 && result->succeeded) || is_gone) {
        settle(r, HOLDER_DONE, "");
    } else if (result->status == PGRAFT_ERR_QUOTA || result->status == PGRAFT_ERR_NO_SPACE) {
        number(r); /* this number has its answer for ever: the next one, later */
    } else {
        settle(r, HOLDER_REFUSED,
               result->status == 0 ? "what it was to replace has changed" : result->message);
    }
}

static void on_done(void *ctx, const struct pgraft_result *result)
{
    struct holder_ask *ask = ctx;
    struct holder *r = ask->holder;
    mem_free(ask);
    if (r != NULL) {
        r->ask = NULL;
        answered(r, result);
    }
}

static void send(struct holder *r, uint64_t now_ms)
{
    struct holder_ask *ask = mem_zalloc(sizeof(*ask));
    struct pgraft_session session = {
        .client = r->client, .sequence = r->sequence, .since = r->since, .acked = r->sequence};
    struct pgraft_call call = {
        .timeout_ms = TIMEOUT_MS, .session = &session, .done = on_done, .ctx = ask};
    struct pgraft_txn txn = {.compares = r->compares,
                             .compare_count = r->compare_count,
                             .then_ops = r->puts,
                             .then_count = r->put_count,
                             .holder_lease = KEYS_PRIMARY_LEASE,
                             .holder_epoch = r->epoch,
                             .is_essential = true};
    struct pgraft_error error = {.code = 0};
    ask->holder = r;
    r->again_ms = now_ms + AGAIN_MS;
    int code =
        r->kind == HOLDER_RELEASE ? pgraft_lease_release(r->store, KEYS_PRIMARY_LEASE, r->epoch,
                                                         &call, &ask->request, &error)
        : r->kind == HOLDER_TIME  ? pgraft_lease_change(r->store, KEYS_PRIMARY_LEASE, r->epoch,
                                                        r->ttl_ms, &call, &ask->request, &error)
                                  : pgraft_txn(r->store, &txn, &call, &ask->request, &error);
    if (code == 0) {
        r->ask = ask;
        return;
    }
    mem_free(ask);
    if (!pgraft_may_retry(code)) {
        settle(r, HOLDER_REFUSED, error.message);
    }
}

static void start(struct holder *r, enum holder_kind kind, uint64_t now_ms)
{
    r->kind = kind;
    r->outcome = HOLDER_PENDING;
    r->is_settling = false;
    r->message[0] = '\0';
    number(r);
    send(r, now_ms);
}

/* ---- what is compared, and written ---- */

static void compare(struct holder *r, enum key key, enum pgraft_target target, uint64_t number)
{
    MUST(r->compare_count < HOLDER_COMPARES_MAX);
    r->compares[r->compare_count] = (struct pgraft_compare){.key = keys_slice(r->keys, key),
                                                            .target = target,
                                                            .relation = PGRAFT_EQUAL,
                                                            .number = number};
    r->compare_count++;
}

/* The place for the value; ended by put_end(). */
static struct buf *put_begin(struct holder *r)
{
    MUST(r->put_count < HOLDER_PUTS_MAX);
    struct buf *value = &r->values[r->put_count];
    buf_clear(value);
    return value;
}

static void put_end(struct holder *r, enum key key)
{
    const struct buf *value = &r->values[r->put_count];
    r->puts[r->put_count] =
        (struct pgraft_op){.kind = PGRAFT_OP_PUT,
                           .span = {.kind = PGRAFT_KEY, .key = keys_slice(r->keys, key)},
                           .value = {buf_text(value), value->size}};
    r->put_count++;
}

/* The lease of this very grant stands: its key was made with it, and goes with it. */
static bool begin(struct holder *r, const struct store_view *view, bool is_claim)
{
    const struct store_rows *rows = &view->rows;
    if (holder_is_pending(r) || !(r->may_write || is_claim) || r->epoch == 0 ||
        !store_view_is_mine(view) || rows->grant.epoch != r->epoch) {
        return false;
    }
    r->compare_count = 0;
    r->put_count = 0;
    compare(r, KEY_LEADER, PGRAFT_CREATE_REVISION, rows->row[KEY_LEADER].create_revision);
    return true;
}

bool holder_claim(struct holder *r, const struct store_view *view, uint64_t now_ms)
{
    if (!begin(r, view, true)) {
        return false;
    }
    row_life_encode(&view->rows.grant.holder, r->member, r->epoch, now_ms, put_begin(r));
    put_end(r, KEY_LIFE);
    start(r, HOLDER_CLAIM, now_ms);
    return true;
}

static void put_history(struct holder *r, const struct store_rows *rows,
                        const struct holder_timeline *what)
{
    struct row_history *all = mem_dup(&rows->history, sizeof(rows->history));
    struct row_timeline entry = {.row = what->row, .node = rows->grant.holder};
    (void)snprintf(entry.reason, sizeof(entry.reason), "%s", what->reason);
    (void)snprintf(entry.stamp, sizeof(entry.stamp), "%s", what->stamp);
    row_history_add(all, &entry);
    row_history_encode(all, put_begin(r));
    put_end(r, KEY_HISTORY);
    mem_free(all);
}

bool holder_timeline(struct holder *r, const struct store_view *view, uint64_t now_ms,
                     const struct holder_timeline *what)
{
    const struct store_rows *rows = &view->rows;
    uint32_t count = rows->history.count;
    bool is_recorded = count > 0 && rows->history.at[count - 1].row.epoch >= what->row.epoch;
    bool is_older = count > 0 && what->row.timeline < rows->grant.timeline; /* decide.c ends it */
    bool is_other = rows->system_id != 0 && rows->system_id != what->system_id;
    if (what->row.epoch != r->epoch || is_recorded || is_older || is_other ||
        what->system_id == 0 || store_rows_is_spoilt(rows) || !begin(r, view, false)) {
        return false;
    }
    static const enum key replaced[] = {KEY_GRANT, KEY_HISTORY, KEY_SYNC, KEY_INITIALIZE};
    for (size_t i = 0; i < ARRAY_LEN(replaced); i++) {
        compare(r, replaced[i], PGRAFT_MOD_REVISION, rows->row[replaced[i]].mod_revision);
    }
    put_history(r, rows, what);
    row_sync_encode(&what->inherited, put_begin(r));
    put_end(r, KEY_SYNC);
    struct row_grant grant = rows->grant;
    grant.copy = what->copy;
    row_grant_encode(&grant, put_begin(r));
    put_end(r, KEY_GRANT);
    if (rows->system_id == 0) {
        row_initialize_encode(what->system_id, put_begin(r));
        put_end(r, KEY_INITIALIZE);
    }
    start(r, HOLDER_TIMELINE, now_ms);
    return true;
}

bool holder_remote(struct holder *r, const struct store_view *view, uint64_t now_ms,
                   uint64_t system_id)
{
    const struct store_rows *rows = &view->rows;
    if (!rows->grant.is_standby || rows->system_id != 0 || system_id == 0 ||
        store_rows_is_spoilt(rows) || !begin(r, view, false)) {
        return false;
    }
    compare(r, KEY_GRANT, PGRAFT_MOD_REVISION, rows->row[KEY_GRANT].mod_revision);
    compare(r, KEY_INITIALIZE, PGRAFT_MOD_REVISION, rows->row[KEY_INITIALIZE].mod_revision);
    row_initialize_encode(system_id, put_begin(r));
    put_end(r, KEY_INITIALIZE);
    start(r, HOLDER_TIMELINE, now_ms);
    return true;
}

bool holder_sync(struct holder *r, const struct store_view *view, uint64_t now_ms,
                 const struct sync_value *publish, uint64_t revision)
{
    if (publish->epoch != r->epoch || !begin(r, view, false)) {
        return false;
    }
    compare(r, KEY_SYNC, PGRAFT_MOD_REVISION, revision);
    row_sync_encode(publish, put_begin(r));
    put_end(r, KEY_SYNC);
    start(r, HOLDER_SYNC, now_ms);
    return true;
}

bool holder_wish(struct holder *r, const struct store_view *view, uint64_t now_ms,
                 const struct row_failover *wish)
{
    if (!begin(r, view, false)) {
        return false;
    }
    compare(r, KEY_FAILOVER, PGRAFT_MOD_REVISION, view->rows.row[KEY_FAILOVER].mod_revision);
    if (wish != NULL) {
        row_failover_encode(wish, put_begin(r));
        put_end(r, KEY_FAILOVER);
    } else {
        r->puts[0] = (struct pgraft_op){
            .kind = PGRAFT_OP_DELETE,
            .span = {.kind = PGRAFT_KEY, .key = keys_slice(r->keys, KEY_FAILOVER)}};
        r->put_count = 1;
    }
    start(r, HOLDER_WISH, now_ms);
    return true;
}

bool holder_time(struct holder *r, const struct store_view *view, uint64_t now_ms, uint64_t ttl_ms)
{
    if (!begin(r, view, false)) {
        return false;
    }
    r->ttl_ms = ttl_ms;
    start(r, HOLDER_TIME, now_ms);
    return true;
}

bool holder_release(struct holder *r, uint64_t now_ms)
{
    bool is_on_its_way = r->kind == HOLDER_RELEASE && holder_is_pending(r);
    if (r->epoch == 0 || !r->may_write || is_on_its_way) {
        return is_on_its_way;
    }
    drop_ask(r); /* and its number is below the release's */
    start(r, HOLDER_RELEASE, now_ms);
    return true;
}

/* ---- afterwards ---- */

void holder_tick(struct holder *r, const struct store_view *view, uint64_t now_ms)
{
    if (r->is_settling && view->revision >= r->revision) {
        r->is_settling = false;
    }
    if (r->outcome == HOLDER_PENDING && r->ask == NULL && now_ms >= r->again_ms) {
        send(r, now_ms);
    }
}

bool holder_is_pending(const struct holder *r)
{
    return r->outcome == HOLDER_PENDING || r->is_settling;
}

enum holder_outcome holder_outcome(const struct holder *r, enum holder_kind kind)
{
    return r->kind == kind ? r->outcome : HOLDER_NONE;
}
