/* supervisor/advisor.c - what the raft leader's node knows, and what follows from it. */
#include "supervisor/advisor.h"

#include <stdio.h>

#include "base/must.h"

#define AGAIN_MS 100 /* while something waits for time to pass */
#define BUSY_MS 5    /* another thread is writing the settings */
#define BREAK_MS 2000

void advisor_open(struct advisor *a, const struct keys *keys)
{
    memset(a, 0, sizeof(*a));
    a->keys = keys;
    int rv = pthread_mutex_init(&a->lock, NULL);
    MUST(rv == 0);
}

void advisor_close(struct advisor *a)
{
    store_rows_close(&a->rows);
    (void)pthread_mutex_destroy(&a->lock);
}

void advisor_set(struct advisor *a, const struct advisor_input *input)
{
    (void)pthread_mutex_lock(&a->lock);
    a->input = *input;
    a->has_input = true;
    (void)pthread_mutex_unlock(&a->lock);
}

bool advisor_explain(struct advisor *a, struct advisor_told *out)
{
    (void)pthread_mutex_lock(&a->lock);
    *out = a->told;
    (void)pthread_mutex_unlock(&a->lock);
    return out->rule != NULL;
}

/* ---- the pure parts ---- */

void advisor_lift(struct election *e, const struct elect_facts *f, uint64_t given)
{
    bool begins = f->store.initialized == FACT_NO;
    bool is_late = (e->action == ELECT_ORDER || e->action == ELECT_GRANT) && e->epoch <= given;
    if (!is_late) {
        return;
    }
    e->epoch = given + 1;
    if (e->action == ELECT_GRANT && !begins) { /* all are sealed for an epoch that was used up */
        e->action = ELECT_ORDER;
        e->rule = "order-again";
        e->why = "a later epoch than that of the order was given to another lease";
        e->loss = LOSS_NONE;
    }
}

bool advisor_is_configured(const struct supervisor_settings *settings,
                           const struct store_rows *rows)
{
    return !settings->is_guess && settings->config_revision == rows->row[KEY_CONFIG].mod_revision;
}

bool advisor_begins_early(const struct elect_facts *f, uint64_t asked_for_ms)
{
    bool all = true;
    for (uint32_t i = 0; i < f->member_count; i++) {
        all = all && (f->members[i].is_fresh || !f->members[i].is_database);
    }
    return f->store.initialized == FACT_NO && !all && asked_for_ms < f->settings.times.patient_ms;
}

void advice_close(struct advice *advice)
{
    buf_close(&advice->value);
    buf_close(&advice->sync);
}

static void compare(struct advice *out, struct pgraft_slice key, enum pgraft_target target,
                    uint64_t number)
{
    size_t at = out->txn.compare_count;
    MUST(at < ADVICE_COMPARES_MAX);
    out->compares[at] = (struct pgraft_compare){
        .key = key, .target = target, .relation = PGRAFT_EQUAL, .number = number};
    out->txn.compare_count++;
}

static void operate(struct advice *out, const struct pgraft_op *op)
{
    MUST(out->txn.then_count < ADVICE_OPS_MAX);
    out->ops[out->txn.then_count] = *op;
    out->txn.then_count++;
}

static void put(struct advice *out, struct pgraft_slice key, struct pgraft_slice value,
                uint64_t lease)
{
    operate(out, &(struct pgraft_op){.kind = PGRAFT_OP_PUT,
                                     .span = {.kind = PGRAFT_KEY, .key = key},
                                     .value = value,
                                     .lease = lease});
}

static struct pgraft_slice text_of(const struct buf *b)
{
    return (struct pgraft_slice){buf_text(b), b->size};
}

static void make_order(const struct keys *keys, const struct election *e, struct advice *out)
{
    row_order_encode(&(struct row_order){.epoch = e->epoch}, &out->value);
    put(out, keys_slice(keys, KEY_ORDER), text_of(&out->value), 0);
}

static void make_grant(const struct keys *keys, const struct elect_facts *f, uint64_t member,
                       const struct election *e, struct advice *out)
{
    const struct member_facts *m = &f->members[e->chosen];
    MUST(!m->is_fenced);
    compare(out, keys_fence(keys, &m->name, out->fence), PGRAFT_EXISTS, 0);
    struct row_grant row = {.epoch = e->epoch,
                            .timeline = e->timeline,
                            .holder = m->name,
                            .member = member,
                            .copy = m->copy,
                            .lease_ms = f->settings.times.lease_ms,
                            .is_standby = e->is_standby,
                            .floor = e->floor,
                            .loss = e->loss,
                            .loss_bytes = e->loss_bytes,
                            .loss_age_ms = e->loss_age_ms};
    (void)snprintf(row.rule, sizeof(row.rule), "%s", e->rule);
    row_grant_encode(&row, &out->value);
    operate(out, &(struct pgraft_op){.kind = PGRAFT_OP_GRANT,
                                     .lease = KEYS_PRIMARY_LEASE,
                                     .ttl_ms = f->settings.times.lease_ms,
                                     .is_protected = true,
                                     .epoch = e->epoch,
                                     .holder = member});
    put(out, keys_slice(keys, KEY_LEADER),
        (struct pgraft_slice){m->name.text, strlen(m->name.text)}, KEYS_PRIMARY_LEASE);
    put(out, keys_slice(keys, KEY_GRANT), text_of(&out->value), 0);
}

void advice_make(const struct keys *keys, const struct store_rows *rows,
                 const struct elect_facts *f, const struct roster *roster, const struct election *e,
                 struct advice *out)
{
    memset(out, 0, sizeof(*out));
    out->txn.compares = out->compares;
    out->txn.then_ops = out->ops;
    static const enum key same[] = {KEY_GRANT, KEY_ORDER,   KEY_CONFIG,
                                    KEY_SYNC,  KEY_HISTORY, KEY_FAILOVER};
    for (size_t i = 0; i < ARRAY_LEN(same); i++) {
        compare(out, keys_slice(keys, same[i]), PGRAFT_MOD_REVISION,
                rows->row[same[i]].mod_revision);
    }
    compare(out, keys_slice(keys, KEY_LEADER), PGRAFT_EXISTS, 0);
    compare(out, keys_slice(keys, KEY_HOLD), PGRAFT_EXISTS, 0);
    if (e->action == ELECT_ORDER) {
        make_order(keys, e, out);
        return;
    }
    MUST(e->action == ELECT_GRANT);
    MUST(roster->count == f->member_count && e->chosen < roster->count);
    make_grant(keys, f, roster->at[e->chosen].id, e, out);
    if (rows->row[KEY_FAILOVER].is_there && !rows->failover.is_scheduled) {
        operate(out, &(struct pgraft_op){
                         .kind = PGRAFT_OP_DELETE,
                         .span = {.kind = PGRAFT_KEY, .key = keys_slice(keys, KEY_FAILOVER)}});
    }
    /* What commits have waited for is the other cluster's to say from now on, and whoever is
     * primary here after it has acknowledged nothing yet. */
    if (e->is_standby) {
        row_sync_encode(&(struct sync_value){.is_known = false}, &out->sync);
        put(out, keys_slice(keys, KEY_SYNC), text_of(&out->sync), 0);
    }
    /* What others have beyond it is given up: from now on only its own copy proves anything, also
     * where it does not come up with the role. */
    if (e->is_accepted) {
        const struct member_facts *m = &f->members[e->chosen];
        row_sync_encode(
            &(struct sync_value){
                .is_known = true, .epoch = e->epoch, .primary = {.name = m->name, .copy = m->copy}},
            &out->sync);
        put(out, keys_slice(keys, KEY_SYNC), text_of(&out->sync), 0);
    }
}

/* ---- on the consensus thread ---- */

/* 0, or in how many ms to try again. */
static uint64_t take_input(struct advisor *a)
{
    if (pthread_mutex_trylock(&a->lock) != 0) {
        return BUSY_MS;
    }
    bool has_input = a->has_input;
    a->known = a->input;
    (void)pthread_mutex_unlock(&a->lock);
    return has_input ? 0 : AGAIN_MS;
}

static void read_view(struct advisor *a, const struct pgraft_view *view, uint64_t now_ms)
{
    for (int i = 0; i < KEYS; i++) {
        struct pgraft_pair pair;
        bool found = pgraft_view_get(view, keys_slice(a->keys, (enum key)i), &pair);
        (void)store_rows_take(&a->rows, (enum key)i, found ? &pair : NULL);
    }
    struct elect_facts *f = &a->facts;
    store_rows_facts(&a->rows, &f->store);
    f->store.is_current = FACT_YES;
    f->store.level = pgraft_view_level(view);
    f->settings = a->known.settings;
    f->wanted = store_rows_wanted(&a->rows);
    f->accepts_loss = store_rows_accepts_loss(&a->rows);
    f->unwanted = store_rows_unwanted(&a->rows);
    f->member_count = 0;
    f->order_age_ms = now_ms - a->order_seen_ms;
}

static void read_words(struct advisor *a, const struct pgraft_view *view, uint64_t now_ms)
{
    struct pgraft_soft soft = {.member = 0};
    words_table_keep(&a->words, &a->known.roster);
    while (pgraft_view_soft_next(view, soft.member, &soft)) {
        words_table_hear(&a->words, now_ms, &soft);
    }
    words_table_members(&a->words, now_ms, &a->known.roster, a->known.settings.times.fresh_ms,
                        a->facts.members, &a->facts.member_count);
}

/* As the leader's state has it now, by name: what a member says of itself, or the roster's order of
 * arrival, has no part in it. */
static void read_fences(struct advisor *a, const struct pgraft_view *view)
{
    for (uint32_t i = 0; i < a->facts.member_count; i++) {
        struct member_facts *m = &a->facts.members[i];
        struct pgraft_pair pair;
        char key[KEYS_FENCE_SIZE];
        if (pgraft_view_get(view, keys_fence(a->keys, &m->name, key), &pair)) {
            fence_mark(m);
        }
    }
}

/* Of the order that stands; of what lies there from before nothing counts. */
static void read_answers(struct advisor *a, const struct pgraft_view *view, uint64_t now_ms)
{
    struct elect_facts *f = &a->facts;
    if (f->store.order_epoch <= f->store.grant_epoch) {
        return;
    }
    for (uint32_t i = 0; i < f->member_count; i++) {
        char key[KEYS_ANSWER_SIZE];
        struct pgraft_pair pair;
        bool found = f->members[i].is_database &&
                     pgraft_view_get(view, keys_answer(a->keys, &f->members[i].name, key), &pair);
        if (found) {
            answer_take(&a->answers, &f->members[i].name, &pair, now_ms);
        }
    }
    answer_seals(&a->answers, &f->store, f->members, f->member_count);
}

/* Who has not been asked for a while does not lead, or did not: its count begins anew. */
static void count_time(struct advisor *a, uint64_t now_ms)
{
    bool is_back = a->first_ms == 0 || now_ms - a->last_ms > BREAK_MS;
    uint64_t order = a->rows.order.epoch;
    a->first_ms = is_back ? now_ms : a->first_ms;
    a->level = is_back ? (struct level_wait){.level = 0} : a->level;
    if (is_back || a->order_seen != order) {
        a->order_seen = order;
        a->order_seen_ms = now_ms;
    }
    a->last_ms = now_ms;
}

bool advisor_keeps_grant(const struct advisor_told *told, const struct elect_facts *f)
{
    return told->rule != NULL && told->action == ELECT_GRANT &&
           told->epoch == f->store.grant_epoch && f->store.lease_stands && f->store.held == FACT_NO;
}

/* Once for every change of the answer. */
static void note(struct advisor *a, const struct election *e, uint64_t now_ms)
{
    bool is_same = a->last_rule == e->rule && a->last_epoch == e->epoch;
    bool is_trouble = a->rows.trouble[0] != '\0';
    if (is_same || (!is_trouble && advisor_keeps_grant(&a->told, &a->facts))) {
        return;
    }
    if (pthread_mutex_trylock(&a->lock) != 0) {
        return; /* with the next answer */
    }
    struct advisor_told *told = &a->told;
    *told = (struct advisor_told){
        .at_ms = now_ms, .rule = e->rule, .action = e->action, .epoch = e->epoch};
    if (is_trouble) {
        (void)snprintf(told->text, sizeof(told->text), "%s: %s", e->rule, a->rows.trouble);
    } else {
        elect_explain(&a->facts, e, told->text, sizeof(told->text));
    }
    (void)pthread_mutex_unlock(&a->lock);
    a->last_rule = e->rule;
    a->last_epoch = e->epoch;
}

static uint64_t commit(struct advisor *a, const struct election *e,
                       struct pgraft_transaction *transaction)
{
    struct advice advice;
    advice_make(a->keys, &a->rows, &a->facts, &a->known.roster, e, &advice);
    (void)pgraft_advise_txn(transaction, &advice.txn); /* else again, from what is there then */
    advice_close(&advice);
    return AGAIN_MS;
}

/* True: the feature level goes up now. The members are those of the newest list in the leader's
 * log, for the roster may be a moment behind it. */
static bool raise_level(struct advisor *a, const struct pgraft_view *view, uint64_t now_ms,
                        struct pgraft_transaction *transaction)
{
    uint64_t ids[FACTS_MEMBERS_MAX];
    uint32_t count = 0;
    uint64_t id = pgraft_view_member_next(view, 0);
    while (id != 0 && count < ARRAY_LEN(ids)) {
        ids[count] = id;
        count++;
        id = pgraft_view_member_next(view, id);
    }
    bool are_all = id == 0;
    uint64_t of_all = are_all ? level_of_all(&a->known.roster, a->facts.members, ids, count) : 0;
    uint64_t level = level_due(&a->level, now_ms, pgraft_view_level(view), of_all);
    return level != 0 && pgraft_advise_level(transaction, level) == 0;
}

uint64_t advisor_advise(struct advisor *a, const struct pgraft_view *view,
                        struct pgraft_transaction *transaction)
{
    uint64_t now_ms = pgraft_view_now_ms(view);
    uint64_t wait_ms = take_input(a);
    if (wait_ms != 0) {
        return wait_ms;
    }
    read_view(a, view, now_ms);
    count_time(a, now_ms);
    a->facts.order_age_ms = now_ms - a->order_seen_ms;
    read_words(a, view, now_ms); /* also while a lease stands: whose words go on is seen in time */
    read_answers(a, view, now_ms);
    read_fences(a, view);
    struct election e = elect(&a->facts);
    if (e.action == ELECT_GRANT && advisor_begins_early(&a->facts, now_ms - a->first_ms)) {
        e = (struct election){.action = ELECT_WAIT,
                              .rule = "begins-soon",
                              .why = "not all databases of the new cluster have spoken yet"};
    }
    advisor_lift(&e, &a->facts, pgraft_view_epoch(view));
    if (!advisor_is_configured(&a->facts.settings, &a->rows) &&
        (e.action == ELECT_ORDER || e.action == ELECT_GRANT)) {
        e = (struct election){.action = ELECT_WAIT,
                              .rule = "unconfigured",
                              .why = "the leader's node does not know the key config yet"};
    }
    note(a, &e, now_ms);
    if (e.action == ELECT_ORDER || e.action == ELECT_GRANT) {
        return commit(a, &e, transaction);
    }
    bool is_raised = raise_level(a, view, now_ms, transaction);
    return e.action == ELECT_WAIT || is_raised || a->level.level != 0 ? AGAIN_MS : 0;
}
