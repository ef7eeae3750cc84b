/* supervisor/answer.c - what members answer through the store: a book of it, and one's own. */
#include "supervisor/answer.h"

#include "base/cleanup.h"

#define COUNTS_MS 500 /* some heartbeats: soft state was here meanwhile */
#define TIMEOUT_MS 1000
#define FOLLOWS_MAX 4 /* entries of one epoch */
#define FOLLOWS_AGAIN_MS 20

/* ---- the book ---- */

static struct answer *place_of(struct answer_book *book, const struct facts_name *name)
{
    for (uint32_t i = 0; i < book->count; i++) {
        if (name_is(&book->at[i].name, name)) {
            return &book->at[i];
        }
    }
    if (book->count == FACTS_MEMBERS_MAX) {
        return NULL;
    }
    struct answer *made = &book->at[book->count++];
    *made = (struct answer){.name = *name};
    return made;
}

void answer_take(struct answer_book *book, const struct facts_name *name,
                 const struct pgraft_pair *pair, uint64_t now_ms)
{
    struct answer *a = place_of(book, name);
    uint64_t revision = pair != NULL ? pair->mod_revision : 0;
    struct words words;
    if (a == NULL || a->revision == revision) {
        return;
    }
    a->revision = revision;
    a->at_ms = now_ms;
    a->is_sound = pair != NULL &&
                  words_decode(pair->value.bytes, pair->value.size, false, &words, NULL) == 0 &&
                  name_is(&words.facts.name, name);
    if (a->is_sound) {
        a->facts = words.facts;
    }
}

static const struct member_facts *said_by(const struct answer_book *book,
                                          const struct member_facts *m)
{
    for (uint32_t i = 0; i < book->count; i++) {
        const struct answer *a = &book->at[i];
        bool is_its = a->is_sound && name_is(&a->name, &m->name) && m->is_fresh && m->is_database &&
                      m->has_data && m->copy != 0 && a->facts.copy == m->copy &&
                      a->facts.has_data && a->facts.end.is_known;
        if (is_its) {
            return &a->facts;
        }
    }
    return NULL;
}

void answer_seals(const struct answer_book *book, const struct store_facts *store,
                  struct member_facts *members, uint32_t count)
{
    for (uint32_t i = 0; i < count && store->order_epoch > store->grant_epoch; i++) {
        struct member_facts *m = &members[i];
        const struct member_facts *said = said_by(book, m);
        if (said != NULL && said->sealed_epoch == store->order_epoch &&
            m->sealed_epoch < store->order_epoch) {
            m->sealed_epoch = said->sealed_epoch;
            m->end = said->end;
            m->left = said->left;
            m->process = said->process;
            m->role = said->role;
            m->config_reads = said->config_reads == FACT_NO ? FACT_NO : m->config_reads;
            m->follows_epoch = m->cascades_epoch = m->primary_epoch = 0;
        }
    }
}

void answer_follows(const struct answer_book *book, const struct store_facts *store,
                    uint64_t now_ms, struct member_facts *members, uint32_t count)
{
    for (uint32_t i = 0; i < book->count && store->lease_stands; i++) {
        const struct answer *a = &book->at[i];
        struct member_facts *m = NULL;
        for (uint32_t k = 0; k < count; k++) {
            m = name_is(&members[k].name, &a->name) ? &members[k] : m;
        }
        const struct member_facts *said = m != NULL ? said_by(book, m) : NULL;
        if (said == NULL || said->follows_epoch != store->grant_epoch || store->grant_epoch == 0 ||
            now_ms - a->at_ms > COUNTS_MS) {
            continue;
        }
        m->process = said->process;
        m->role = said->role;
        m->follows_epoch = said->follows_epoch;
        if (!m->end.is_known || position_compare(&said->end, &m->end) > 0) {
            m->end = said->end;
        }
    }
}

/* ---- one's own ---- */

void answering_open(struct answering *a, struct pgraft *store, const struct keys *keys)
{
    *a = (struct answering){.store = store, .keys = keys};
}

/* What became of it is no matter: soft state says the same. */
static void done_cb(void *ctx, const struct pgraft_result *result)
{
    struct answering *a = ctx;
    (void)result;
    a->is_pending = false;
}

static bool put(struct answering *a, const struct member_facts *own)
{
    char key[KEYS_ANSWER_SIZE];
    struct words words = {.facts = *own};
    CLEANUP(buf_close) struct buf bytes = {0};
    struct pgraft_call call = {.timeout_ms = TIMEOUT_MS, .done = done_cb, .ctx = a};
    if (words_encode(&words, &bytes) != 0) {
        return false;
    }
    struct pgraft_slice value = {bytes.bytes, bytes.size};
    a->is_pending = pgraft_put(a->store, keys_answer(a->keys, &own->name, key), value, 0, &call,
                               NULL, NULL) == 0;
    return a->is_pending;
}

static bool is_sealed_anew(const struct answering *a, const struct store_facts *store,
                           const struct member_facts *own)
{
    return store->order_epoch > store->grant_epoch && own->sealed_epoch == store->order_epoch &&
           own->end.is_known && a->sealed_epoch != own->sealed_epoch;
}

/* Also again, when it has come further: the first time may be too early to be of use. */
static bool follows_anew(const struct answering *a, uint64_t now_ms,
                         const struct store_facts *store, const struct member_facts *own)
{
    bool is_first = a->follows_epoch != own->follows_epoch;
    bool is_further = a->follows_count < FOLLOWS_MAX && own->end.is_known &&
                      position_compare(&own->end, &a->follows_end) > 0 &&
                      now_ms - a->follows_ms >= FOLLOWS_AGAIN_MS;
    return own->follows_epoch != 0 && own->follows_epoch == store->grant_epoch &&
           own->end.is_known && (is_first || is_further);
}

void answering_say(struct answering *a, uint64_t now_ms, const struct store_facts *store,
                   bool is_synchronous, const struct member_facts *own)
{
    if (a->is_pending || !own->is_database) {
        return;
    }
    if (is_sealed_anew(a, store, own) && put(a, own)) {
        a->sealed_epoch = own->sealed_epoch;
    } else if (is_synchronous && follows_anew(a, now_ms, store, own) && put(a, own)) {
        a->follows_count = a->follows_epoch == own->follows_epoch ? a->follows_count + 1 : 1;
        a->follows_epoch = own->follows_epoch;
        a->follows_end = own->end;
        a->follows_ms = now_ms;
    }
}
