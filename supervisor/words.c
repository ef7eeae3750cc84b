/* supervisor/words.c - soft state, in and out. */
#include "supervisor/words.h"

#include <stdio.h>

#include "base/cleanup.h"
#include "base/must.h"
#include "supervisor/json.h"

#define RECENT_TIMES 4 /* a loss of the raft leader takes less */
#define WORDS_VERSION 1
#define NUMBER_MAX ((uint64_t)INT64_MAX)
/* An order goes above every epoch that anybody names: none may be the last there is. */
#define EPOCH_MAX (NUMBER_MAX / 2)

static const char *const kinds[] = {"witness", "database"};
static const char *const facts[] = {
    [FACT_UNKNOWN] = "unknown", [FACT_NO] = "no", [FACT_YES] = "yes"};
static const char *const discards[] = {
    [DISCARDS_NOT] = "no", [DISCARDS_ASKS] = "asks", [DISCARDS_DONE] = "done"};
static const char *const roles[] = {
    [ROLE_UNKNOWN] = "unknown", [ROLE_STANDBY] = "standby", [ROLE_PRIMARY] = "primary"};
static const char *const processes[] = {
    [PG_UNKNOWN] = "unknown",   [PG_ABSENT] = "absent",   [PG_LEFT] = "left",
    [PG_STARTING] = "starting", [PG_RUNNING] = "running", [PG_STOPPING] = "stopping"};

/* ---- out ---- */

static void put(json_t *object, const char *name, json_t *value)
{
    MUST(value != NULL);
    int rv = json_object_set_new(object, name, value);
    MUST(rv == 0);
}

static void put_position(json_t *object, const char *name, const struct position *at)
{
    if (!at->is_known || at->lsn > NUMBER_MAX) {
        return;
    }
    json_t *place = json_array();
    MUST(place != NULL);
    int rv = json_array_append_new(place, json_integer(at->timeline));
    MUST(rv == 0);
    rv = json_array_append_new(place, json_integer((json_int_t)at->lsn));
    MUST(rv == 0);
    put(object, name, place);
}

static void put_epoch(json_t *object, const char *name, uint64_t epoch)
{
    if (epoch != 0) {
        json_put_u64(object, name, epoch);
    }
}

static void put_flag(json_t *object, const char *name, bool is_set)
{
    if (is_set) {
        put(object, name, json_true());
    }
}

static void put_name(json_t *object, const char *name, const struct facts_name *value)
{
    if (name_is_set(value)) {
        json_put_string(object, name, value->text);
    }
}

/* Programs before the second one know of no levels, and say nothing. */
#define LEVEL_UNSAID 1

static void put_database(json_t *object, const struct member_facts *m)
{
    put(object, "data", json_boolean(m->has_data));
    json_put_hex(object, "copy", m->copy);
    json_put_string(object, "process", processes[m->process]);
    json_put_string(object, "role", roles[m->role]);
    json_put_string(object, "can_start", facts[m->can_start]);
    put_epoch(object, "follows", m->follows_epoch);
    put_epoch(object, "sealed", m->sealed_epoch);
    put_epoch(object, "primary", m->primary_epoch);
    put_position(object, "end", &m->end);
    put(object, "nofailover", json_boolean(m->nofailover));
    put(object, "nosync", json_boolean(m->nosync));
    put(object, "priority", json_integer(m->failover_priority));
    put_flag(object, "clonefrom", m->clonefrom);
    put_flag(object, "nostream", m->nostream);
    put_name(object, "replicatefrom", &m->replicatefrom);
    put_name(object, "upstream", &m->upstream);
    put_epoch(object, "cascades", m->cascades_epoch);
    put_flag(object, "bad_config", m->config_reads == FACT_NO);
    if (m->leaves) {
        put(object, "leaves", json_true());
    }
    if (m->to_replay <= NUMBER_MAX) {
        json_put_u64(object, "to_replay", m->to_replay);
    }
    put_position(object, "left", &m->left);
    if (m->discards != DISCARDS_NOT) {
        json_put_string(object, "discards", discards[m->discards]);
    }
    put_flag(object, "restored", m->is_restored);
}

int words_encode(const struct words *words, struct buf *out)
{
    const struct member_facts *m = &words->facts;
    json_t *object = json_object();
    MUST(object != NULL);
    json_put_u64(object, "version", WORDS_VERSION);
    json_put_u64(object, "beat", words->beat);
    json_put_string(object, "name", m->name.text);
    json_put_string(object, "kind", kinds[m->is_database]);
    put_position(object, "seen", &m->seen);
    json_put_u64(object, "seen_age_ms", m->seen_age_ms < NUMBER_MAX ? m->seen_age_ms : NUMBER_MAX);
    if (m->level > LEVEL_UNSAID) {
        json_put_u64(object, "level", m->level);
    }
    if (m->is_database) {
        put_database(object, m);
    }
    if (words->card[0] != '\0') {
        json_put_string(object, "card", words->card);
    }
    size_t before = out->size;
    json_write(object, out);
    return out->size - before <= PGRAFT_SOFT_MAX ? 0 : ERR_TOO_LARGE;
}

/* ---- in ---- */

static void take_position(struct json_take *t, const char *name, struct position *out)
{
    const json_t *value = json_take_any(t, name);
    if (value == NULL) {
        return;
    }
    const json_t *timeline = json_array_get(value, 0);
    const json_t *lsn = json_array_get(value, 1);
    json_int_t number = json_integer_value(timeline);
    if (json_array_size(value) != 2 || !json_is_integer(timeline) || !json_is_integer(lsn) ||
        number < 1 || number > UINT32_MAX || json_integer_value(lsn) < 0) {
        json_take_fail(t, name, "a timeline and a position are expected");
        return;
    }
    *out = (struct position){
        .is_known = true, .timeline = (uint32_t)number, .lsn = (uint64_t)json_integer_value(lsn)};
}

static void take_epoch(struct json_take *t, const char *name, uint64_t *out)
{
    if (json_take_any(t, name) != NULL) {
        json_take_number(t, name, EPOCH_MAX, out);
    }
}

static void take_fact(struct json_take *t, const char *name, enum fact *out)
{
    size_t at = 0;
    json_take_word(t, name, facts, ARRAY_LEN(facts), &at);
    *out = (enum fact)at;
}

/* What older versions do not say. */
static void take_flag(struct json_take *t, const char *name, bool *out)
{
    if (json_take_any(t, name) != NULL) {
        json_take_bool(t, name, out);
    }
}

static void take_name(struct json_take *t, const char *name, struct facts_name *out)
{
    if (json_take_any(t, name) != NULL) {
        json_take_text(t, name, out->text, sizeof(out->text));
    }
}

static void take_database(struct json_take *t, struct member_facts *m)
{
    size_t process = 0;
    size_t role = 0;
    size_t gives = DISCARDS_NOT;
    json_take_bool(t, "data", &m->has_data);
    json_take_id(t, "copy", &m->copy);
    json_take_word(t, "process", processes, ARRAY_LEN(processes), &process);
    json_take_word(t, "role", roles, ARRAY_LEN(roles), &role);
    take_fact(t, "can_start", &m->can_start);
    take_epoch(t, "follows", &m->follows_epoch);
    take_epoch(t, "sealed", &m->sealed_epoch);
    take_epoch(t, "primary", &m->primary_epoch);
    take_position(t, "end", &m->end);
    json_take_bool(t, "nofailover", &m->nofailover);
    json_take_bool(t, "nosync", &m->nosync);
    const json_t *priority = json_take_any(t, "priority");
    json_int_t number = json_integer_value(priority);
    if (!json_is_integer(priority) || number < INT32_MIN || number > INT32_MAX) {
        json_take_fail(t, "priority", "a number is expected");
    }
    take_flag(t, "clonefrom", &m->clonefrom);
    take_flag(t, "nostream", &m->nostream);
    take_name(t, "replicatefrom", &m->replicatefrom);
    take_name(t, "upstream", &m->upstream);
    take_epoch(t, "cascades", &m->cascades_epoch);
    bool is_bad = false;
    take_flag(t, "bad_config", &is_bad);
    m->config_reads = is_bad ? FACT_NO : FACT_UNKNOWN;
    if (json_take_any(t, "leaves") != NULL) {
        json_take_bool(t, "leaves", &m->leaves);
    }
    m->to_replay = TO_REPLAY_UNKNOWN;
    if (json_take_any(t, "to_replay") != NULL) {
        json_take_number(t, "to_replay", NUMBER_MAX, &m->to_replay);
    }
    take_position(t, "left", &m->left);
    if (json_take_any(t, "discards") != NULL) {
        json_take_word(t, "discards", discards, ARRAY_LEN(discards), &gives);
    }
    take_flag(t, "restored", &m->is_restored);
    m->discards = (enum discards)gives;
    m->process = (enum pg_process)process;
    m->role = (enum pg_role)role;
    m->failover_priority = (int32_t)number;
}

int words_decode(const void *bytes, size_t size, bool with_card, struct words *out, struct err *err)
{
    struct err why = {0};
    CLEANUP(json_closep) json_t *json = json_read(bytes, size, PGRAFT_SOFT_MAX, JSON_OBJECT, &why);
    if (json == NULL) {
        return err_set(err, why.code, "words: %s", why.msg);
    }
    struct words words = {.beat = 0};
    struct member_facts *m = &words.facts;
    struct json_take t;
    uint64_t version = 0;
    size_t kind = 0;
    json_take_begin(&t, json, "words");
    json_take_number(&t, "version", NUMBER_MAX, &version);
    if (t.err.code == 0 && version != WORDS_VERSION) {
        err_set(&t.err, ERR_VERSION, "words: of a version that this program does not know");
    }
    json_take_number(&t, "beat", NUMBER_MAX, &words.beat);
    json_take_text(&t, "name", m->name.text, sizeof(m->name.text));
    json_take_word(&t, "kind", kinds, ARRAY_LEN(kinds), &kind);
    take_position(&t, "seen", &m->seen);
    json_take_number(&t, "seen_age_ms", NUMBER_MAX, &m->seen_age_ms);
    m->level = LEVEL_UNSAID;
    if (json_take_any(&t, "level") != NULL) {
        json_take_number(&t, "level", NUMBER_MAX, &m->level);
    }
    m->is_database = kind == 1;
    if (m->is_database) {
        take_database(&t, m);
    }
    if (with_card && json_take_any(&t, "card") != NULL) {
        json_take_text(&t, "card", words.card, sizeof(words.card));
    }
    if (t.err.code == 0) {
        *out = words;
        return 0;
    }
    return err_set(err, t.err.code, "%s", t.err.msg);
}

/* ---- of the others ---- */

static struct words_heard *place_of(struct words_table *t, uint64_t member)
{
    struct words_heard *room = NULL;
    for (uint32_t i = 0; i < FACTS_MEMBERS_MAX; i++) {
        if (t->at[i].member == member) {
            return &t->at[i];
        }
        room = room == NULL && t->at[i].member == 0 ? &t->at[i] : room;
    }
    return room;
}

void words_table_see(struct words_table *t, uint64_t now_ms, const struct position *at)
{
    if (at->is_known && (!t->seen.is_known || position_compare(at, &t->seen) >= 0)) {
        t->seen = *at;
        t->seen_at_ms = now_ms;
    }
}

void words_table_hear(struct words_table *t, uint64_t now_ms, const struct pgraft_soft *soft)
{
    struct words_heard *h = place_of(t, soft->member);
    if (h == NULL || soft->bytes.size > sizeof(h->bytes)) {
        return;
    }
    bool is_new = h->member == 0;
    h->member = soft->member;
    h->heard_at_ms = now_ms;
    h->age_ms = soft->age_ms;
    bool is_same =
        !is_new && h->size == soft->bytes.size && memcmp(h->bytes, soft->bytes.bytes, h->size) == 0;
    if (!is_same) {
        uint64_t beat = h->words.beat;
        h->size = soft->bytes.size;
        memcpy(h->bytes, soft->bytes.bytes, h->size);
        h->is_sound = words_decode(h->bytes, h->size, t->with_cards, &h->words, NULL) == 0;
        h->beat_at_ms = is_new || h->words.beat != beat ? now_ms : h->beat_at_ms;
    }
    if (h->is_sound && h->words.facts.primary_epoch != 0 && !is_same) {
        words_table_see(t, now_ms, &h->words.facts.end);
    }
}

const struct words_heard *words_table_of(const struct words_table *t, uint64_t member)
{
    for (uint32_t i = 0; member != 0 && i < FACTS_MEMBERS_MAX; i++) {
        if (t->at[i].member == member) {
            return &t->at[i];
        }
    }
    return NULL;
}

static void fill_member(const struct words_heard *h, const struct roster_member *who,
                        uint64_t now_ms, uint64_t fresh_ms, struct member_facts *out)
{
    bool is_its = h != NULL && h->is_sound && name_is(&h->words.facts.name, &who->name);
    if (is_its) {
        *out = h->words.facts;
        uint64_t said_ms = now_ms - h->beat_at_ms; /* what stands in it was true then */
        uint64_t age_ms = h->age_ms + (now_ms - h->heard_at_ms);
        out->is_fresh = age_ms <= fresh_ms && said_ms <= WORDS_SILENT_MS;
        out->is_recent = age_ms <= RECENT_TIMES * fresh_ms && said_ms <= WORDS_SILENT_MS;
        out->seen_age_ms += said_ms > age_ms ? said_ms : age_ms;
    }
    out->name = who->name;
    out->is_voter = who->is_voter;
    out->is_database = who->is_database;
}

void words_table_keep(struct words_table *t, const struct roster *roster)
{
    for (uint32_t i = 0; i < FACTS_MEMBERS_MAX; i++) {
        if (t->at[i].member != 0 && roster_of(roster, t->at[i].member) == NULL) {
            memset(&t->at[i], 0, sizeof(t->at[i]));
        }
    }
}

void words_table_members(const struct words_table *t, uint64_t now_ms, const struct roster *roster,
                         uint64_t fresh_ms, struct member_facts *out, uint32_t *ret_count)
{
    MUST(roster->count <= FACTS_MEMBERS_MAX);
    for (uint32_t i = 0; i < roster->count; i++) {
        const struct roster_member *who = &roster->at[i];
        memset(&out[i], 0, sizeof(out[i]));
        fill_member(words_table_of(t, who->id), who, now_ms, fresh_ms, &out[i]);
    }
    *ret_count = roster->count;
}

void words_mark_own(struct member_facts *members, uint32_t count, const struct facts_name *self)
{
    for (uint32_t i = 0; i < count; i++) {
        if (name_is(&members[i].name, self)) {
            members[i].is_fresh = members[i].is_recent = true;
            members[i].primary_epoch = 0;
            members[i].level = PGRAFT_FEATURE_LEVEL;
        }
    }
}
