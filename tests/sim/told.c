/* tests/sim/told.c - who told whom what, and what follows from it for old copies of a disk.
 *
 * A book for each node of what it has heard of the others since it found their hello fine, written
 * from the messages that reached it; and of what it must remember over a crash, written from the
 * batches that carry rows of its state. The memory under test is never asked. By this book:
 *
 *   - a hello that says less than its listener knows is never found fine, and that of an honest
 *     node never says less
 *   - a node that was told that it is an old copy falls silent at once
 *   - before all other voters have answered, or an election timeout has passed, no node votes, asks
 *     for votes, answers a leader or, as the sole voter, leads
 *   - who is elected has the votes of a majority without those of lives that it knows to be old
 *   - what a leader says it has on its own disk is there
 *
 * An old copy acts when it votes, asks for votes or answers a leader. If that is said to somebody
 * who knows better it must have no effect. Else nobody has seen it in time (restores.c). */
#include <string.h>

#include "consensus/peer_memory.h"
#include "tests/sim/sim.h"

static struct sim_restore *of(struct sim *sim, const struct sim_node *n)
{
    return &sim->restores.of[n - sim->nodes];
}

static struct sim_told *heard_of(struct sim *sim, const struct sim_node *n, uint64_t id)
{
    struct sim_told *t = &of(sim, n)->heard[SIM_SLOT(id)];
    if (id > t->id) {
        *t = (struct sim_told){.id = id}; /* who was there before does not come back */
    }
    return id == t->id ? t : NULL;
}

/* --- what is known --- */

/* By what no start of a copy can change: this holds for all of them. */
static bool knows_more(const struct sim_told *t, uint64_t life, const struct peer_hello *hello)
{
    if (t->life == 0 || t->life == life) {
        return false;
    }
    bool same_term = hello->start_term == t->term;
    return t->is_old || hello->clear_life >> 32 < t->clear_life >> 32 ||
           hello->start_counter < t->counter || hello->start_term < t->term ||
           (same_term && t->vote != 0 && t->vote != hello->start_vote) ||
           (same_term && t->acked > hello->start_last);
}

static bool knows_better(const struct sim_told *t, uint64_t life, const struct peer_hello *hello)
{
    bool earlier = t->life != 0 && t->life != life && life >> 32 <= t->life >> 32;
    return earlier || knows_more(t, life, hello);
}

static bool is_member(const struct sim_node *n, uint64_t id)
{
    struct members members;
    engine_members(core_engine(n->core), &members);
    for (size_t i = 0; i < members.count; i++) {
        if (members.at[i].id == id) {
            return true;
        }
    }
    return false;
}

static void know(struct sim_told *t, const struct sim_node *n, const struct sim_told *more)
{
    struct sim_told before = *t;
    t->counter = more->counter > t->counter ? more->counter : t->counter;
    t->clear_life = more->clear_life > t->clear_life ? more->clear_life : t->clear_life;
    if (more->term > t->term) {
        t->term = more->term;
        t->vote = 0;
        t->acked = 0;
    }
    if (more->term == t->term) {
        t->vote = t->vote == 0 ? more->vote : t->vote;
        t->acked = more->acked > t->acked ? more->acked : t->acked;
    }
    bool news = before.term != t->term || before.vote != t->vote || before.acked != t->acked;
    t->lasts = t->lasts || (news && is_member(n, t->id));
}

static bool is_of_copy(const struct sim_restore *r, uint64_t life)
{
    for (size_t i = 0; i < r->lives_count && i < SIM_COPY_LIVES; i++) {
        if (r->lives[i] == life) {
            return true;
        }
    }
    return false;
}

static void hear_hello(struct sim *sim, const struct sim_node *n, struct sim_told *t,
                       const struct peer_message *m)
{
    const struct sim_node *from = &sim->nodes[SIM_SLOT(m->from)];
    /* What holds for all starts of a copy holds until one of them is clear. */
    t->is_old = t->is_old && !of(sim, from)->was_clear;
    struct sim_told known = *t;
    known.is_old = t->is_old && is_of_copy(of(sim, from), m->life);
    bool better = knows_better(&known, m->life, &m->hello);
    t->must_not_be_fine = better ? m->life : 0;
    /* A late hello of an honest node says as little, and there is no second start of it. */
    bool is_copy = from->id == m->from && of(sim, from)->life == m->life && of(sim, from)->restored;
    bool all_starts = is_copy && !of(sim, from)->was_clear;
    t->is_old = t->is_old || (all_starts && knows_more(t, m->life, &m->hello));
    t->greeted = m->life;
    t->hello = m->hello;
    t->hello.name = NULL;
    if (better && from->id == m->from && of(sim, from)->life == m->life &&
        !of(sim, from)->restored) {
        sim_violation(sim, "n%u, honest, greets n%u and says less than it has told before",
                      (unsigned)m->from, (unsigned)n->id);
    }
}

static void hear_vote(struct sim *sim, const struct sim_node *n, const struct sim_told *t,
                      const struct peer_message *m)
{
    struct sim_restore *r = of(sim, n);
    if (m->vote_result.pre_vote || !m->vote_result.granted ||
        (t != NULL && t->must_not_be_fine == m->life)) {
        return;
    }
    if (m->term > r->votes_term) {
        r->votes_term = m->term;
        memset(r->votes, 0, sizeof(r->votes));
    }
    if (m->term == r->votes_term) {
        r->votes[SIM_SLOT(m->from)] = m->from;
    }
}

/* Whoever lives in a slot now takes no word back of who was there before. */
static void note_fine(struct sim_restore *r, uint64_t from, bool fine)
{
    size_t slot = SIM_SLOT(from);
    if (fine && r->fine[slot] != from) {
        r->fine_before[slot] = r->fine[slot];
        r->fine[slot] = from;
    } else if (!fine) {
        r->fine[slot] = r->fine[slot] == from ? 0 : r->fine[slot];
        r->fine_before[slot] = r->fine_before[slot] == from ? 0 : r->fine_before[slot];
    }
}

static bool says_fine(const struct sim_restore *r, uint64_t id)
{
    return r->fine[SIM_SLOT(id)] == id || r->fine_before[SIM_SLOT(id)] == id;
}

static void hear_verdict(struct sim *sim, const struct sim_node *n, const struct peer_message *m)
{
    struct sim_restore *r = of(sim, n);
    if (m->hello_result.life != r->life) {
        return;
    }
    enum hello_verdict verdict = (enum hello_verdict)m->hello_result.verdict;
    note_fine(r, m->from, verdict == HELLO_FINE);
    r->told_old = r->told_old || verdict == HELLO_OLD_LIFE || verdict == HELLO_OLD_COUNTER ||
                  verdict == HELLO_OLD_TERM || verdict == HELLO_OLD_LOG;
}

void told_hears(struct sim *sim, const struct sim_node *n, const struct peer_message *m)
{
    if (m->from == 0 || m->life == 0 || m->to != n->id || m->from == n->id) {
        return;
    }
    struct sim_told *t = heard_of(sim, n, m->from);
    struct sim_told more = {.term = m->term, .clear_life = m->life};
    switch ((int)m->kind) {
        case PEER_HELLO:
            if (t != NULL) {
                hear_hello(sim, n, t, m);
            }
            return;
        case PEER_HELLO_RESULT:
            hear_verdict(sim, n, m);
            return;
        case PEER_APPEND:
            more.acked = m->append.stored;
            break;
        case PEER_APPEND_RESULT:
            more.acked = m->append_result.rejected == 0 ? m->append_result.last_index : 0;
            break;
        case PEER_VOTE:
            if (m->vote.pre_vote) {
                return; /* of a term that nobody is in, and no vote */
            }
            more.vote = m->from;
            break;
        case PEER_VOTE_RESULT:
            hear_vote(sim, n, t, m);
            if (m->vote_result.pre_vote) {
                return;
            }
            more.vote = m->vote_result.granted ? n->id : 0;
            break;
        default:
            return;
    }
    /* Of a life whose hello was fine, and if none has greeted since. */
    if (t != NULL && t->life == m->life && t->greeted == m->life) {
        know(t, n, &more);
    }
}

/* --- what is remembered over a crash --- */

void told_batch(struct sim *sim, const struct sim_node *n, const struct store_batch *b)
{
    struct sim_restore *r = of(sim, n);
    bool rows = b->applied_index != 0 && (b->stage == STAGE_NONE || b->stage == STAGE_COMMIT);
    if (!rows || r->going_sequence != 0) {
        return;
    }
    r->going_sequence = b->sequence;
    memcpy(r->going, r->heard, sizeof(r->going));
    for (size_t i = 0; i < SIM_NODES; i++) {
        struct sim_told *t = &r->going[i];
        t->lasts = t->lasts && is_member(n, t->id); /* its removal may not be committed yet */
    }
}

void told_durable(struct sim *sim, const struct sim_node *n, uint64_t sequence)
{
    struct sim_restore *r = of(sim, n);
    if (r->going_sequence == 0 || sequence < r->going_sequence) {
        return;
    }
    r->going_sequence = 0;
    for (size_t i = 0; i < SIM_NODES; i++) {
        r->kept[i] = r->going[i].lasts ? r->going[i] : (struct sim_told){.id = r->going[i].id};
    }
}

/* --- what is said --- */

/* A verdict on a hello that reached the sender; now it is what must be remembered. */
static void say_verdict(struct sim *sim, const struct sim_node *from, const struct peer_message *m)
{
    struct sim_told *t = heard_of(sim, from, m->to);
    if (t == NULL || m->hello_result.verdict != HELLO_FINE) {
        return;
    }
    if (t->must_not_be_fine == m->hello_result.life) {
        sim_violation(sim, "n%u tells n%u that its hello is fine, and was told more than it says",
                      (unsigned)from->id, (unsigned)m->to);
    }
    if (t->greeted == m->hello_result.life) {
        struct sim_told more = {.counter = t->hello.counter,
                                .clear_life = t->hello.clear_life,
                                .term = t->hello.start_term,
                                .vote = t->hello.start_vote};
        t->life = t->greeted;
        know(t, from, &more);
    }
}

/* What an old copy must not do: it may have promised somebody else, and forgotten it. */
static bool acts(const struct peer_message *m)
{
    switch ((int)m->kind) {
        case PEER_VOTE:
        case PEER_APPEND_RESULT:
        case PEER_APPEND:
        case PEER_SNAPSHOT:
        case PEER_TIMEOUT_NOW:
            return true;
        case PEER_VOTE_RESULT:
            return m->vote_result.granted;
        default:
            return false;
    }
}

static bool is_known_old(struct sim *sim, const struct sim_node *from, size_t to, uint64_t id)
{
    const struct sim_node *n = &sim->nodes[to];
    const struct sim_restore *r = of(sim, from);
    if (n->core == NULL || n->id != id) {
        return false;
    }
    const struct sim_told *t = heard_of(sim, n, from->id);
    return t != NULL && knows_better(t, r->life, &r->hello);
}

bool told_sends(struct sim *sim, const struct sim_node *from, size_t to,
                const struct peer_message *m)
{
    struct sim_restore *r = of(sim, from);
    if (from->core == NULL || m->life == 0) {
        return true; /* a form's */
    }
    if (r->unseen) {
        return false;
    }
    if (m->kind == PEER_HELLO) {
        r->hello = m->hello;
        r->hello.name = NULL;
    } else if (m->kind == PEER_HELLO_RESULT) {
        say_verdict(sim, from, m);
    } else if (m->kind == PEER_APPEND && m->append.stored > 0 &&
               store_double_durable_term(from->disk, m->append.stored) == 0) {
        sim_violation(sim, "n%u says that it has entry %u on disk, and has not", (unsigned)from->id,
                      (unsigned)m->append.stored);
    }
    if (core_refused(from->core, NULL) != CORE_WELCOME) {
        sim_violation(sim, "n%u is refused, and speaks", (unsigned)from->id);
    }
    if (acts(m) && !r->may_speak) {
        sim_violation(sim, "n%u acts before it can know that its disk is no old copy",
                      (unsigned)from->id);
    }
    r->unseen = r->forgot && acts(m) && !is_known_old(sim, from, to, m->to);
    return !r->unseen;
}

/* --- after each event --- */

/* Before its turn, when the node itself decides it. */
bool told_turn(struct sim *sim, const struct sim_node *n)
{
    struct sim_restore *r = of(sim, n);
    if (r->may_speak) {
        return true;
    }
    struct members members;
    engine_members(core_engine(n->core), &members);
    bool all = true;
    bool votes = false;
    size_t others = 0;
    for (size_t i = 0; i < members.count; i++) {
        uint64_t id = members.at[i].id;
        votes = votes || (members.at[i].role == MEMBER_VOTER && id == n->id);
        bool asked = members.at[i].role == MEMBER_VOTER && id != n->id;
        others += asked ? 1 : 0;
        all = all && (!asked || says_fine(r, id));
    }
    r->may_speak = (all && others > 0) || sim_local_ms(sim, n) - r->started_ms >= sim->election_ms;
    r->was_clear = r->was_clear || (r->restored && r->may_speak);
    /* A sole voter needs to send nothing to act. */
    bool alone = votes && others == 0 && core_refused(n->core, NULL) == CORE_WELCOME;
    r->unseen = r->unseen || (r->may_speak && r->forgot && alone);
    return !r->unseen;
}

bool told_leads(const struct sim *sim, const struct sim_node *n)
{
    return sim->restores.of[n - sim->nodes].may_speak &&
           engine_role(core_engine(n->core)) == ENGINE_LEADER;
}

static void check_elected(struct sim *sim, const struct sim_node *n, uint64_t term)
{
    const struct sim_restore *r = of(sim, n);
    struct members members;
    engine_members(core_engine(n->core), &members);
    size_t voters = 0;
    size_t votes = 0;
    for (size_t i = 0; i < members.count; i++) {
        uint64_t id = members.at[i].id;
        bool given = id == n->id || (r->votes_term == term && r->votes[SIM_SLOT(id)] == id);
        voters += members.at[i].role == MEMBER_VOTER ? 1 : 0;
        votes += members.at[i].role == MEMBER_VOTER && given ? 1 : 0;
    }
    if (votes < voters / 2 + 1) {
        sim_violation(sim, "n%u leads term %u by %u votes of %u voters that it may count",
                      (unsigned)n->id, (unsigned)term, (unsigned)votes, (unsigned)voters);
    }
}

void told_judge(struct sim *sim, const struct sim_node *n)
{
    struct sim_restore *r = of(sim, n);
    const struct engine *e = core_engine(n->core);
    if (r->told_old && core_refused(n->core, NULL) == CORE_WELCOME) {
        sim_violation(sim, "n%u was told that it is an old copy, and goes on", (unsigned)n->id);
    }
    if (told_leads(sim, n) && r->led_term != engine_term(e)) {
        r->led_term = engine_term(e);
        check_elected(sim, n, r->led_term);
    }
}
