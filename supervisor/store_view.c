/* supervisor/store_view.c - read, watch, and again when the watch has lost the thread. */
#include "supervisor/store_view.h"

#include "base/clock.h"
#include "base/must.h"

#define READ_TIMEOUT_MS 2000
#define READS (KEYS + 1) /* each of the keys, and all fences */
#define AGAIN_MS 200
#define STATUS_MS 250 /* how often the majority and the roster are asked for */
#define TURNING_MS 10000
#define PROGRESS_MS 250 /* news without a change: what was answered meanwhile has been applied */

static void tell(struct store_view *view)
{
    if (view->owner.changed != NULL) {
        view->owner.changed(view->owner.ctx);
    }
}

void store_view_open(struct store_view *view, struct pgraft *store, const struct keys *keys,
                     const struct store_view_owner *owner)
{
    memset(view, 0, sizeof(*view));
    view->store = store;
    view->keys = keys;
    view->owner = *owner;
}

void store_view_close(struct store_view *view)
{
    store_rows_close(&view->rows);
}

/* ---- changes ---- */

static void on_changes(void *ctx, const struct pgraft_changes *changes)
{
    struct store_view *view = ctx;
    if (changes->status != 0) {
        view->is_watching = false; /* what it had is right up to its revision; it is read again */
        view->again_ms = view->now_ms;
        return;
    }
    bool is_news = changes->revision > view->revision;
    for (size_t i = 0; i < changes->count; i++) {
        const struct pgraft_change *change = &changes->changes[i];
        const struct pgraft_pair *pair = change->is_delete ? NULL : &change->pair;
        enum key key = KEY_LEADER;
        struct facts_name name;
        if (keys_find(view->keys, change->pair.key, &key)) {
            (void)store_rows_take(&view->rows, key, pair);
        } else if (keys_find_answer(view->keys, change->pair.key, &name)) {
            answer_take(&view->answers, &name, pair, clock_boot_ms(clock_system()));
        } else if (keys_find_fence(view->keys, change->pair.key, &name)) {
            fence_take(&view->fences, &name, pair != NULL ? pair->value.bytes : NULL,
                       pair != NULL ? pair->value.size : 0);
        }
    }
    view->revision = is_news ? changes->revision : view->revision;
    if (is_news || changes->count > 0) {
        tell(view);
    }
}

static void watch(struct store_view *view)
{
    struct pgraft_watch wish = {
        .span = {.kind = PGRAFT_PREFIX, .key = keys_prefix(view->keys)},
        .from_revision = view->revision + 1,
        .progress_ms = PROGRESS_MS,
        .changed = on_changes,
        .ctx = view,
    };
    view->is_watching = pgraft_watch(view->store, &wish, &view->watch, NULL) == 0;
}

/* ---- reading ---- */

/* All that there are, behind the keys. */
static void read_fences(struct store_view *view, const struct pgraft_op_result *op)
{
    view->fences.count = 0;
    for (size_t i = 0; i < op->pair_count; i++) {
        const struct pgraft_pair *pair = &op->pairs[i];
        struct facts_name name;
        if (keys_find_fence(view->keys, pair->key, &name)) {
            fence_take(&view->fences, &name, pair->value.bytes, pair->value.size);
        }
    }
}

static void on_read(void *ctx, const struct pgraft_result *result)
{
    struct store_view *view = ctx;
    view->is_reading = false;
    if (result->status != 0 || result->op_count != READS || result->revision < view->revision) {
        view->again_ms = view->now_ms + AGAIN_MS;
        return;
    }
    for (int i = 0; i < KEYS; i++) {
        const struct pgraft_op_result *op = &result->ops[i];
        (void)store_rows_take(&view->rows, (enum key)i, op->pair_count > 0 ? op->pairs : NULL);
    }
    read_fences(view, &result->ops[KEYS]);
    view->revision = result->revision;
    if (!view->is_read) {
        view->is_read = true;
        bool is_sound = !view->rows.row[KEY_GRANT].is_there || view->rows.row[KEY_GRANT].is_sound;
        view->found_epoch = is_sound ? view->rows.grant.epoch : UINT64_MAX;
    }
    watch(view);
    tell(view);
}

static void read_all(struct store_view *view)
{
    struct pgraft_op reads[READS];
    char fences[KEYS_FENCE_SIZE];
    for (int i = 0; i < KEYS; i++) {
        reads[i] = (struct pgraft_op){
            .kind = PGRAFT_OP_GET,
            .span = {.kind = PGRAFT_KEY, .key = keys_slice(view->keys, (enum key)i)},
            .limit = 1,
        };
    }
    reads[KEYS] = (struct pgraft_op){
        .kind = PGRAFT_OP_GET,
        .span = {.kind = PGRAFT_PREFIX, .key = keys_fences(view->keys, fences)},
    };
    struct pgraft_txn txn = {.then_ops = reads, .then_count = READS};
    struct pgraft_call call = {.timeout_ms = READ_TIMEOUT_MS, .done = on_read, .ctx = view};
    view->is_reading = pgraft_txn(view->store, &txn, &call, NULL, NULL) == 0;
    view->again_ms = view->now_ms + AGAIN_MS;
}

/* ---- the majority, and the roster ---- */

static void take_member(struct roster *roster, const struct pgraft_member *m)
{
    bool is_one = m->id != 0 && (m->role == PGRAFT_VOTER || m->role == PGRAFT_NON_VOTER);
    if (!is_one || roster->count == FACTS_MEMBERS_MAX || strlen(m->name) >= FACTS_NAME_SIZE) {
        return;
    }
    struct roster_member *out = &roster->at[roster->count];
    memset(out, 0, sizeof(*out));
    out->id = m->id;
    memcpy(out->name.text, m->name, strlen(m->name));
    out->is_database = m->kind == PGRAFT_DATABASE;
    out->is_voter = m->role == PGRAFT_VOTER;
    roster->count++;
}

static bool is_same_roster(const struct roster *a, const struct roster *b)
{
    bool is_same = a->self == b->self && a->count == b->count;
    for (uint32_t i = 0; is_same && i < a->count; i++) {
        const struct roster_member *x = &a->at[i];
        const struct roster_member *y = &b->at[i];
        is_same = x->id == y->id && name_is(&x->name, &y->name) &&
                  x->is_database == y->is_database && x->is_voter == y->is_voter;
    }
    return is_same;
}

static void on_status(void *ctx, const struct pgraft_result *result)
{
    struct store_view *view = ctx;
    const struct pgraft_status *s = result->state;
    view->is_asking = false;
    if (result->status != 0 || s == NULL) {
        return;
    }
    view->has_quorum = s->phase == PGRAFT_MEMBER && s->has_quorum;
    view->quorum_age_ms = s->quorum_age_ms;
    view->quorum_at_ms = view->asked_ms;
    if (s->phase != PGRAFT_MEMBER) {
        return;
    }
    bool is_raised = s->feature_level != view->level;
    view->level = s->feature_level;
    struct roster roster;
    memset(&roster, 0, sizeof(roster));
    roster.self = s->id;
    for (size_t i = 0; i < s->member_count; i++) {
        take_member(&roster, &s->members[i]);
    }
    if (is_raised || !is_same_roster(&roster, &view->roster)) {
        view->roster = roster;
        tell(view);
    }
}

static void ask(struct store_view *view)
{
    struct pgraft_call call = {.timeout_ms = READ_TIMEOUT_MS, .done = on_status, .ctx = view};
    view->asked_ms = view->now_ms;
    view->is_asking = pgraft_status(view->store, false, &call, NULL, NULL) == 0;
}

/* Between an order to seal and the record of the new primary's timeline the store's leadership
 * stays where it is; not for ever, for an election may wait for days. */
static void keep_leader(struct store_view *view)
{
    const struct store_rows *rows = &view->rows;
    uint32_t count = rows->history.count;
    uint64_t recorded = count > 0 ? rows->history.at[count - 1].row.epoch : 0;
    uint64_t newest = rows->order.epoch > rows->grant.epoch ? rows->order.epoch : rows->grant.epoch;
    if (newest != view->turning_epoch) {
        view->turning_epoch = newest;
        view->turning_ms = view->now_ms;
    }
    bool forbids = newest > recorded && view->now_ms - view->turning_ms < TURNING_MS;
    if (forbids != view->forbids_moves) {
        view->forbids_moves = forbids;
        pgraft_allow_moves(view->store, !forbids);
    }
}

void store_view_tick(struct store_view *view, uint64_t now_ms)
{
    MUST(now_ms >= view->now_ms);
    view->now_ms = now_ms;
    if (!view->is_watching && !view->is_reading && now_ms >= view->again_ms) {
        read_all(view);
    }
    if (!view->is_asking && (view->asked_ms == 0 || now_ms - view->asked_ms >= STATUS_MS)) {
        ask(view);
    }
    keep_leader(view);
}

bool store_view_is_turning(const struct store_view *view)
{
    return view->forbids_moves;
}

/* ---- facts ---- */

void store_view_facts(const struct store_view *view, uint64_t now_ms, uint64_t current_ms,
                      struct store_facts *out)
{
    bool pending = out->sync_pending;
    store_rows_facts(&view->rows, out);
    out->sync_pending = pending;
    out->level = view->level;
    if (!view->is_read) {
        out->initialized = out->paused = out->held = FACT_UNKNOWN;
        return;
    }
    uint64_t since_ms = now_ms - view->quorum_at_ms;
    bool is_heard = view->has_quorum && view->quorum_age_ms <= current_ms &&
                    since_ms <= current_ms - view->quorum_age_ms;
    out->is_current = is_heard ? FACT_YES : FACT_NO;
}

bool store_view_is_mine(const struct store_view *view)
{
    const struct roster_member *self = roster_of(&view->roster, view->roster.self);
    const struct row_grant *grant = &view->rows.grant;
    return self != NULL && store_rows_lease_stands(&view->rows) && grant->member == self->id &&
           name_is(&grant->holder, &self->name) && name_is(&view->rows.leader, &self->name);
}
