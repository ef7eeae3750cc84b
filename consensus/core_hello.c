/* consensus/core_hello.c - who is listened to, and whether this node may still speak as itself
 * (safety D5).
 *
 *   start:  the number of this start goes to the disk first; nothing leaves before it is durable
 *   hello:  to every member, again and again until it has answered "fine"
 *   until all other voters have answered so, or an election timeout has passed: no vote, no
 *   candidacy, and nothing is taken from a leader
 *   then it is clear: that goes to the disk, too, and everybody is greeted again with it
 *
 * A member whose hello was not heard yet is asked for it, and what it says is dropped until it
 * came. One that turns out to be an old copy is told so, and is never listened to again. If that is
 * this node, it falls silent for good: its owner discards the identity and joins as a new member.
 *
 * What peers told is kept in a row of the state table that is the core's own. It rides on writes
 * that happen anyway, so an idle cluster writes nothing, and what was told since the last one is
 * forgotten in a crash: the memory of the others, and their disks, must do then. */
#include <string.h>

#include "base/mem.h"
#include "base/must.h"
#include "consensus/core_internal.h"
#include "consensus/cursor.h"

static const char peers_key[] = "\0peers";
#define PEERS_KEY_SIZE 6

/* A node that hears of no leader greets again: it may have been removed, and nobody tells it. */
#define SILENCE_TIMEOUTS 2

_Static_assert(PEER_MEMORIES_MAX >= 2 * MEMBERS_MAX, "a table of members alone is never full");
_Static_assert(PEER_CLUSTER_ID_SIZE == CLUSTER_ID_SIZE, "one kind of cluster id");

/* --- the table --- */

struct core_peer *core_peer_find(struct core *c, uint64_t id)
{
    for (size_t i = 0; i < c->hello.count; i++) {
        if (c->hello.peers[i].memory.id == id) {
            return &c->hello.peers[i];
        }
    }
    return NULL;
}

/* Who makes room: the stranger that has been silent for the longest time. */
static struct core_peer *least_known(struct core *c)
{
    struct core_peer *least = NULL;
    struct members members;
    engine_members(c->engine, &members);
    for (size_t i = 0; i < c->hello.count; i++) {
        struct core_peer *p = &c->hello.peers[i];
        bool stranger = members_find(&members, p->memory.id) == NULL;
        if (stranger && (least == NULL || p->heard_ms < least->heard_ms)) {
            least = p;
        }
    }
    MUST(least != NULL); /* there is room for twice as many as can be members */
    return least;
}

static struct core_peer *peer_of(struct core *c, uint64_t id)
{
    struct core_hello *h = &c->hello;
    struct core_peer *p = core_peer_find(c, id);
    if (p != NULL) {
        return p;
    }
    p = h->count < CORE_PEERS_MAX ? &h->peers[h->count] : least_known(c);
    h->count += h->count < CORE_PEERS_MAX ? 1 : 0;
    *p = (struct core_peer){.memory = {.id = id}};
    return p;
}

/* --- on disk --- */

bool core_hello_owns_row(const struct store_row *row)
{
    return row->key_size == PEERS_KEY_SIZE && memcmp(row->key, peers_key, PEERS_KEY_SIZE) == 0;
}

int core_hello_load_row(struct core *c, const struct store_row *row, struct err *err)
{
    struct core_hello *h = &c->hello;
    struct peer_book book;
    int code = peer_book_decode(row->value, row->value_size, &book, err);
    if (code != 0) {
        return code;
    }
    for (size_t i = 0; i < book.count; i++) {
        h->peers[i] = (struct core_peer){.memory = book.memories[i]};
    }
    h->count = book.count;
    h->gone = book.gone;
    return 0;
}

/* Of members: what others said is forgotten. Of those that were removed, the id. */
void core_hello_save(struct core *c, struct store_batch *batch, bool always)
{
    struct core_hello *h = &c->hello;
    if (!h->news && !always) {
        return;
    }
    struct members members;
    engine_members(c->engine, &members);
    struct peer_book book = {.gone = h->gone};
    for (size_t i = 0; i < h->count; i++) {
        const struct peer_memory *m = &h->peers[i].memory;
        if (m->life != 0 && members_find(&members, m->id) != NULL) {
            book.memories[book.count] = *m;
            book.count++;
        }
    }
    struct buf value = {0};
    peer_book_encode(&book, &value);
    struct store_row row = {.key = peers_key,
                            .key_size = PEERS_KEY_SIZE,
                            .value = value.bytes,
                            .value_size = value.size};
    store_batch_add_row(batch, &row);
    buf_close(&value);
    h->news = false;
}

static void write_identity(struct core *c)
{
    struct store_batch *batch = core_batch(c);
    batch->has_identity = true;
    batch->identity = c->hello.identity;
    c->hard_sequence = batch->sequence; /* nothing leaves before it is durable */
}

/* --- a life --- */

void core_hello_start(struct core *c, const struct store_image *image)
{
    struct core_hello *h = &c->hello;
    MUST(core_may_start(image, NULL) == 0); /* the caller has asked */
    h->identity = image->identity;
    h->identity.node_id = c->settings.id;
    h->identity.incarnation++;
    h->life = peer_life(h->identity.incarnation, c->settings.seed);
    h->found_counter = image->batch_counter;
    h->started_ms = c->now_ms;
    write_identity(c);
    engine_allow_campaign(c->engine, false);
    engine_doubt(c->engine, true);
}

void core_hello_adopt(struct core *c, const uint8_t *cluster_id)
{
    static const uint8_t none[CLUSTER_ID_SIZE];
    struct core_hello *h = &c->hello;
    if (memcmp(h->identity.cluster_id, none, sizeof(none)) == 0 &&
        memcmp(cluster_id, none, sizeof(none)) != 0) {
        memcpy(h->identity.cluster_id, cluster_id, sizeof(none));
        write_identity(c);
    }
}

static void refuse(struct core *c, enum core_refusal refusal, const char *text)
{
    struct core_hello *h = &c->hello;
    if (h->refusal != CORE_WELCOME) {
        return;
    }
    h->refusal = refusal;
    (void)err_set(&h->why, ERR_REFUSED,
                  "this node is not a member any more: %s; put its directory away and start it "
                  "again to let it join as a new member",
                  text);
    core_drop_messages(c);
    core_propose_end(c);
    core_read_end(c);
    if (refusal == CORE_OLD_COPY) {
        core_start_refused(c, text);
    }
}

enum core_refusal core_refused(const struct core *c, struct err *err)
{
    const struct core_hello *h = &c->hello;
    if (h->refusal != CORE_WELCOME) {
        (void)err_set(err, h->why.code, "%s", h->why.msg);
    }
    return h->refusal;
}

/* --- saying hello --- */

void core_hello_membership(struct core *c, const void *conf, size_t size)
{
    struct core_hello *h = &c->hello;
    struct buf keep_old = {0};
    struct buf keep_new = {0};
    struct members before = {0};
    struct members after = {0};
    const struct buf *applied = &c->applied.conf;
    bool readable = (applied->size == 0 || members_decode(applied->bytes, applied->size, &before,
                                                          &keep_old, NULL) == 0) &&
                    members_decode(conf, size, &after, &keep_new, NULL) == 0;
    MUST(readable); /* W15: the engine let it pass */
    for (size_t i = 0; i < before.count; i++) {
        if (members_find(&after, before.at[i].id) == NULL) {
            h->news = gone_add(&h->gone, before.at[i].id) || h->news;
            core_event_members(c, &before.at[i], false);
        }
    }
    for (size_t i = 0; i < after.count; i++) {
        h->news = gone_take_back(&h->gone, after.at[i].id) || h->news;
        if (before.count > 0 && members_find(&before, after.at[i].id) == NULL) {
            core_event_members(c, &after.at[i], true);
        }
    }
    buf_close(&keep_old);
    buf_close(&keep_new);
}

void core_hello_tell_gone(const struct core *c, struct buf *out)
{
    const struct gone *gone = &c->hello.gone;
    for (size_t i = 0; i < gone->count; i++) {
        put_u64(out, gone->ids[i]);
    }
}

/* The state that a snapshot brings is one without them, and nothing in it says that they were
 * there. Committed removals, whoever tells of them; who is a member is none of them. */
void core_hello_hear_gone(struct core *c, const struct peer_message *m)
{
    struct cursor ids = {m->snapshot.gone, m->snapshot.gone_size};
    uint64_t id = 0;
    while (take_u64(&ids, &id)) {
        c->hello.news = (id != 0 && gone_add(&c->hello.gone, id)) || c->hello.news;
    }
}

bool core_hello_is_gone(const struct core *c, uint64_t id)
{
    struct members members;
    engine_members(c->engine, &members);
    return gone_has(&c->hello.gone, id) && members_find(&members, id) == NULL;
}

/* The newest membership that this node was seen to be in; and if one that is committed comes after
 * it without this node, it was removed. */
static void note_membership(struct core *c)
{
    struct core_hello *h = &c->hello;
    uint64_t newest = engine_newest_change(c->engine);
    struct members members;
    if (newest > h->member_at) {
        engine_members(c->engine, &members);
        h->member_at = members_find(&members, c->settings.id) != NULL ? newest : h->member_at;
    }
    uint64_t applied = c->applied.conf_index;
    if (applied > h->seen_conf && h->member_at != 0 && applied > h->member_at) {
        uint64_t committed = engine_committed_members(c->engine, &members);
        if (committed >= applied && members_find(&members, c->settings.id) == NULL) {
            refuse(c, CORE_REMOVED, peer_verdict_text(HELLO_REMOVED));
        }
    }
    h->seen_conf = applied;
}

/* Of durable batches, or a few less: a batch without content is not counted by the disk. A life
 * that is not clear does not count its own: the next one will not say them (start_note.h). */
static uint64_t counter(const struct core *c)
{
    if (!c->hello.may_vote) {
        return c->hello.found.start_counter;
    }
    uint64_t written =
        c->durable > c->hello.empty_batches ? c->durable - c->hello.empty_batches : 0;
    return c->hello.found_counter + written;
}

void core_hello_handed_out(struct core *c, const struct store_batch *batch)
{
    c->hello.empty_batches += store_batch_is_empty(batch) ? 1 : 0;
}

static void send_hello(struct core *c, struct core_peer *p)
{
    struct core_hello *h = &c->hello;
    struct peer_message m = {.kind = PEER_HELLO,
                             .from = c->settings.id,
                             .to = p->memory.id,
                             .term = engine_term(c->engine),
                             .hello = h->found};
    memcpy(m.hello.cluster_id, h->identity.cluster_id, CLUSTER_ID_SIZE);
    m.hello.name = c->settings.me.name;
    m.hello.counter = counter(c);
    m.hello.conf_index = h->member_at;
    p->greeted_ms = c->now_ms;
    p->has_greeted = true;
    core_send(c, &m);
}

void core_greet(struct core *c, uint64_t now_ms, uint64_t id)
{
    c->now_ms = now_ms > c->now_ms ? now_ms : c->now_ms;
    if (id == 0 || id == c->settings.id || c->hello.refusal != CORE_WELCOME) {
        return;
    }
    struct core_peer *p = peer_of(c, id);
    p->is_contact = true;
    p->told = false;
    send_hello(c, p);
}

static void send_verdict(struct core *c, uint64_t to, uint64_t life, enum hello_verdict verdict)
{
    struct peer_message m = {.kind = PEER_HELLO_RESULT,
                             .from = c->settings.id,
                             .to = to,
                             .term = engine_term(c->engine),
                             .hello_result = {.life = life, .verdict = (uint8_t)verdict}};
    memcpy(m.hello_result.cluster_id, c->hello.identity.cluster_id, CLUSTER_ID_SIZE);
    core_send(c, &m);
}

/* When this member is greeted next. */
static uint64_t greet_at_ms(const struct core *c, const struct core_peer *p)
{
    uint64_t timeout_ms = c->settings.election_timeout_ms;
    bool silent = engine_silence_ms(c->engine, c->now_ms) > SILENCE_TIMEOUTS * timeout_ms;
    if (p->told && !silent) {
        return UINT64_MAX;
    }
    uint64_t pause_ms = (p->told ? SILENCE_TIMEOUTS : 1) * timeout_ms;
    /* Who remembers more must hear of us in time. */
    pause_ms = c->hello.may_vote ? pause_ms : c->settings.heartbeat_ms;
    return p->has_greeted ? p->greeted_ms + pause_ms : 0;
}

static void greet_members(struct core *c, const struct members *members)
{
    struct core_hello *h = &c->hello;
    h->next_ms = c->now_ms + c->settings.election_timeout_ms;
    for (size_t i = 0; i < members->count; i++) {
        if (members->at[i].id == c->settings.id) {
            continue;
        }
        struct core_peer *p = peer_of(c, members->at[i].id);
        if (greet_at_ms(c, p) <= c->now_ms) {
            send_hello(c, p);
        }
        uint64_t due = greet_at_ms(c, p);
        h->next_ms = due < h->next_ms ? due : h->next_ms;
    }
}

/* Members must know of this life before an older copy of its disk comes back. */
static void greet_again(struct core *c)
{
    struct core_hello *h = &c->hello;
    for (size_t i = 0; i < h->count; i++) {
        h->peers[i].told = false;
        h->peers[i].has_greeted = false;
    }
    h->next_ms = c->now_ms;
}

/* May this node vote? Once it may, it may for the rest of its life. */
static void clear(struct core *c, const struct members *members)
{
    struct core_hello *h = &c->hello;
    bool all = true;
    size_t others = 0; /* voters that we know of; none: a new node, a sole voter, or an old copy of
                          one, and there is nobody whose answer would be enough */
    for (size_t i = 0; i < members->count; i++) {
        const struct member *m = &members->at[i];
        const struct core_peer *p = core_peer_find(c, m->id);
        bool other_voter = m->role == MEMBER_VOTER && m->id != c->settings.id;
        others += other_voter ? 1 : 0;
        all = all && (!other_voter || (p != NULL && p->told));
    }
    for (size_t i = 0; i < h->count; i++) {
        all = all && (!h->peers[i].is_contact || h->peers[i].told); /* a voter, for all we know */
    }
    /* A cluster that starts again without some of its members must elect a leader all the same. */
    bool waited = c->now_ms - h->started_ms >= c->settings.election_timeout_ms;
    if ((all && others > 0) || waited) {
        h->may_vote = true;
        engine_doubt(c->engine, false);
        engine_written(c->engine, c->now_ms, c->durable); /* core_durable() has held it back */
        core_start_clear(c);
        greet_again(c);
        core_disk_look(c);
    }
}

void core_hello_turn(struct core *c)
{
    struct core_hello *h = &c->hello;
    if (engine_newest_change(c->engine) > h->member_at || c->applied.conf_index > h->seen_conf) {
        note_membership(c);
    }
    if (h->refusal != CORE_WELCOME || (h->may_vote && c->now_ms < h->next_ms)) {
        return;
    }
    struct members members;
    engine_members(c->engine, &members);
    if (c->now_ms >= h->next_ms) {
        greet_members(c, &members);
    }
    if (!h->may_vote) {
        clear(c, &members);
    }
}

uint64_t core_hello_next_ms(const struct core *c)
{
    const struct core_hello *h = &c->hello;
    uint64_t clear_ms = h->started_ms + c->settings.election_timeout_ms;
    return !h->may_vote && clear_ms < h->next_ms ? clear_ms : h->next_ms;
}

/* --- hearing hello --- */

static bool other_cluster(const struct core *c, const uint8_t *cluster_id)
{
    static const uint8_t none[CLUSTER_ID_SIZE];
    const uint8_t *ours = c->hello.identity.cluster_id;
    bool both =
        memcmp(ours, none, sizeof(none)) != 0 && memcmp(cluster_id, none, sizeof(none)) != 0;
    return both && memcmp(ours, cluster_id, sizeof(none)) != 0;
}

/* It was a member by a membership that we know a later one than, without it; or it does not say so,
 * as an old copy of its disk would, and we remember. */
static bool was_removed(const struct core *c, const struct peer_message *m)
{
    struct members members;
    uint64_t committed = engine_committed_members(c->engine, &members);
    bool says_so = m->hello.conf_index != 0 && committed > m->hello.conf_index &&
                   members_find(&members, m->from) == NULL;
    return says_so || core_hello_is_gone(c, m->from);
}

static enum hello_verdict judge(struct core *c, const struct peer_message *m)
{
    if (other_cluster(c, m->hello.cluster_id)) {
        return HELLO_OTHER_CLUSTER;
    }
    if (was_removed(c, m)) {
        return HELLO_REMOVED;
    }
    struct core_peer *p = peer_of(c, m->from);
    enum hello_verdict verdict = peer_memory_judge(&p->memory, m);
    if (verdict != HELLO_FINE) {
        bool later = peer_life_is_later(m->life, p->memory.life);
        p->refusal = later ? verdict : p->refusal;
        p->refused_life = later ? m->life : p->refused_life;
        return verdict;
    }
    bool new_life = p->memory.life != m->life;
    c->hello.news = peer_memory_greeted(&p->memory, m) || c->hello.news;
    p->heard_ms = c->now_ms;
    if (new_life) {
        p->told = false;
        send_hello(c, p); /* it may not know us yet */
    }
    return HELLO_FINE;
}

static void hear_verdict(struct core *c, const struct peer_message *m)
{
    struct core_peer *p = core_peer_find(c, m->from);
    if (m->hello_result.life != c->hello.life || p == NULL ||
        other_cluster(c, m->hello_result.cluster_id)) {
        return; /* to an earlier life, or from nobody who knows */
    }
    switch ((enum hello_verdict)m->hello_result.verdict) {
        case HELLO_FINE:
            p->told = true;
            return;
        case HELLO_STRANGER:
            p->told = false;
            send_hello(c, p);
            return;
        case HELLO_OTHER_CLUSTER:
            return;
        case HELLO_REMOVED:
            refuse(c, CORE_REMOVED, peer_verdict_text(HELLO_REMOVED));
            return;
        case HELLO_OLD_LIFE:
        case HELLO_OLD_COUNTER:
        case HELLO_OLD_TERM:
        case HELLO_OLD_LOG:
            refuse(c, CORE_OLD_COPY,
                   peer_verdict_text((enum hello_verdict)m->hello_result.verdict));
            return;
    }
}

/* --- who is listened to --- */

/* Not to each of its messages. */
static void tell_sender(struct core *c, const struct peer_message *m, enum hello_verdict verdict)
{
    struct core_peer *p = peer_of(c, m->from);
    if (p->has_asked && c->now_ms - p->asked_ms < c->settings.heartbeat_ms) {
        return;
    }
    p->has_asked = true;
    p->asked_ms = c->now_ms;
    send_verdict(c, m->from, m->life, verdict);
}

/* The life of this message was judged, and it was fine. */
static bool is_known(struct core *c, const struct peer_message *m)
{
    struct core_peer *p = core_peer_find(c, m->from);
    if (m->life == 0) {
        return true;
    }
    if (p != NULL && p->memory.life == m->life) {
        p->heard_ms = c->now_ms;
        c->hello.news = peer_memory_hear(&p->memory, m, c->settings.id) || c->hello.news;
        return true;
    }
    bool earlier = p != NULL && p->memory.life != 0 && !peer_life_is_later(m->life, p->memory.life);
    if (!earlier) { /* who was refused and goes on talking has not heard of it: told again */
        bool refused = p != NULL && p->refused_life == m->life;
        tell_sender(c, m, refused ? p->refusal : HELLO_STRANGER);
    }
    return false;
}

/* Not everything may be answered before this node knows that it is no old copy. Not even to a
 * leader that has said "fine": a later one, which this node has voted for and forgotten, may not
 * have answered yet, and the earlier one would take our echo for a majority. */
static bool may_answer(const struct core *c, const struct peer_message *m)
{
    bool asks_for_vote = m->kind == PEER_VOTE || m->kind == PEER_TIMEOUT_NOW;
    bool from_leader = m->kind == PEER_APPEND || m->kind == PEER_SNAPSHOT || m->kind == PEER_CHUNK;
    return c->hello.may_vote || !(asks_for_vote || (from_leader && m->life != 0));
}

bool core_hello_receive(struct core *c, const struct peer_message *m)
{
    if (c->hello.refusal != CORE_WELCOME || m->from == 0 || m->from == c->settings.id ||
        m->to != c->settings.id) {
        return true;
    }
    if (m->kind == PEER_HELLO) {
        enum hello_verdict verdict = judge(c, m);
        send_verdict(c, m->from, m->life, verdict);
        if (verdict != HELLO_FINE) {
            core_event_refused(c, m->from, verdict);
        }
        return true;
    }
    if (m->kind == PEER_HELLO_RESULT) {
        hear_verdict(c, m);
        return true;
    }
    if (gone_has(&c->hello.gone, m->from) && core_hello_is_gone(c, m->from)) {
        /* It may not know, and can do harm: a call to lead that reached it late makes it ask for
         * votes in the leader's name. One that was removed before it knew of its place greets
         * nobody, and is told only here. */
        tell_sender(c, m, HELLO_REMOVED);
        return true;
    }
    return !is_known(c, m) || !may_answer(c, m);
}
