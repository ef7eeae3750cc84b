/* supervisor/config_key.c - who writes the key `config`, when, and how. */
#include "supervisor/config_key.h"

#include <string.h>

#include "base/log.h"
#include "base/must.h"

#define TURN_MS 5000 /* how much longer than the one before each waits */
#define AGAIN_MS 1000
#define TIMEOUT_MS 2000

/* ---- pure ---- */

enum config_key_step config_key_next(const struct config_key_facts *f)
{
    if (!f->is_current || !f->is_absent || !f->may_write) {
        return CONFIG_KEY_NOTHING;
    }
    if (f->has_begun || f->knows) {
        bool is_turn = f->is_holder || f->absent_ms >= (f->rank + UINT64_C(1)) * TURN_MS;
        return f->knows && is_turn ? CONFIG_KEY_RESTORE : CONFIG_KEY_NOTHING;
    }
    return f->absent_ms >= UINT64_C(1) * f->rank * TURN_MS ? CONFIG_KEY_CREATE : CONFIG_KEY_NOTHING;
}

static bool is_one(const struct roster_member *m)
{
    return m->is_database && m->is_voter;
}

bool config_key_rank(const struct roster *roster, uint32_t *ret_rank)
{
    const struct roster_member *self = roster_of(roster, roster->self);
    uint32_t rank = 0;
    if (self == NULL || !is_one(self)) {
        return false;
    }
    for (uint32_t i = 0; i < roster->count; i++) {
        const struct roster_member *m = &roster->at[i];
        rank += is_one(m) && strcmp(m->name.text, self->name.text) < 0 ? 1 : 0;
    }
    *ret_rank = rank;
    return true;
}

/* ---- the write ---- */

void config_key_open(struct config_key *k, struct pgraft *store, const struct keys *keys,
                     const char *first)
{
    memset(k, 0, sizeof(*k));
    k->store = store;
    k->keys = keys;
    buf_str(&k->first, first);
}

void config_key_close(struct config_key *k)
{
    buf_close(&k->good);
    buf_close(&k->first);
}

void config_key_good(struct config_key *k, const char *text)
{
    buf_clear(&k->good);
    buf_str(&k->good, text);
    k->knows = true;
}

static void on_done(void *ctx, const struct pgraft_result *result)
{
    struct config_key *k = ctx;
    k->is_asking = false;
    if (result->status != 0 || !result->succeeded) {
        return; /* somebody else has, or nobody knows: it is read, or tried again */
    }
    if (k->step == CONFIG_KEY_CREATE) {
        log_info("config", "the key config was made from bootstrap.dcs",
                 LOG_STR("value", buf_text(&k->first)));
    } else {
        log_warn("config", "the key config was deleted, and was put back as it was known here",
                 LOG_STR("value", buf_text(&k->good)));
    }
}

/* Only if it is not there; a beginning also only if the cluster has not begun. */
static void write_key(struct config_key *k, enum config_key_step step, uint64_t now_ms)
{
    bool creates = step == CONFIG_KEY_CREATE;
    const char *text = creates ? buf_text(&k->first) : buf_text(&k->good);
    struct pgraft_compare compares[2] = {
        {.key = keys_slice(k->keys, KEY_CONFIG),
         .target = PGRAFT_EXISTS,
         .relation = PGRAFT_EQUAL,
         .number = 0},
        {.key = keys_slice(k->keys, KEY_HISTORY),
         .target = PGRAFT_EXISTS,
         .relation = PGRAFT_EQUAL,
         .number = 0},
    };
    struct pgraft_op put = {.kind = PGRAFT_OP_PUT,
                            .span = {.kind = PGRAFT_KEY, .key = keys_slice(k->keys, KEY_CONFIG)},
                            .value = {text, strlen(text)}};
    struct pgraft_txn txn = {
        .compares = compares, .compare_count = creates ? 2 : 1, .then_ops = &put, .then_count = 1};
    struct pgraft_call call = {.timeout_ms = TIMEOUT_MS, .done = on_done, .ctx = k};
    k->step = step;
    k->again_ms = now_ms + AGAIN_MS;
    k->is_asking = pgraft_txn(k->store, &txn, &call, NULL, NULL) == 0;
}

void config_key_tick(struct config_key *k, const struct store_view *view, bool is_current,
                     uint64_t now_ms)
{
    const struct store_rows *rows = &view->rows;
    bool is_absent = view->is_read && !rows->row[KEY_CONFIG].is_there;
    if (is_absent != k->is_absent) {
        k->is_absent = is_absent;
        k->absent_since_ms = now_ms;
    }
    struct config_key_facts f = {
        .is_current = is_current && view->is_read,
        .is_absent = is_absent,
        .has_begun = rows->row[KEY_HISTORY].is_there || rows->row[KEY_INITIALIZE].is_there,
        .knows = k->knows,
        .is_holder = store_view_is_mine(view),
        .absent_ms = now_ms - k->absent_since_ms,
    };
    f.may_write = config_key_rank(&view->roster, &f.rank);
    enum config_key_step step = config_key_next(&f);
    if (step != CONFIG_KEY_NOTHING && !k->is_asking && now_ms >= k->again_ms) {
        write_key(k, step, now_ms);
    }
}
