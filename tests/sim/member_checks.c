/* tests/sim/member_checks.c - what must hold of the membership: one change at a time, nobody who
 * was removed comes back or disturbs, and nobody asks for the vote that was taken from it.
 *
 * Keeps what is committed as whoever knows most knows it, and the changes that lie in each log. */
#include <string.h>

#include "tests/sim/sim.h"

/* A follower that heard its leader so lately is not to be disturbed. */

static struct sim_log *log_of(struct sim *sim, const struct sim_node *n)
{
    return &sim->roll.log[n - sim->nodes];
}

bool member_was_removed(const struct sim *sim, uint64_t id)
{
    for (size_t i = 0; i < sim->roll.removed_count; i++) {
        if (sim->roll.removed[i].id == id) {
            return true;
        }
    }
    return false;
}

/* --- changes in the logs ---------------------------------------------------------------------- */

static void cut_log(struct sim_log *log, uint64_t from)
{
    while (log->count > 0 && log->index[log->count - 1] >= from) {
        log->count--;
    }
}

static void add_change(struct sim_log *log, const struct store_entry *entry)
{
    cut_log(log, entry->index);
    if (log->count == SIM_CHANGES_KEPT) { /* the oldest is committed long since */
        log->count--;
        memmove(log->index, log->index + 1, log->count * sizeof(log->index[0]));
        memmove(log->term, log->term + 1, log->count * sizeof(log->term[0]));
    }
    log->index[log->count] = entry->index;
    log->term[log->count] = entry->term;
    log->count++;
    log->news = true;
}

static void add_entries(struct sim_log *log, const struct store_batch *batch)
{
    struct store_entry entry;
    size_t at = 0;
    while (store_batch_next_entry(batch, &at, &entry)) {
        if (entry.type == ENTRY_CHANGE) {
            add_change(log, &entry);
        }
    }
}

void member_check_start(struct sim *sim, const struct sim_node *n, const struct store_image *image)
{
    struct sim_log *log = log_of(sim, n);
    log->count = 0;
    log->committed = 0;
    log->told = false;
    log->life = 0;
    add_entries(log, image->content);
}

void member_check_batch(struct sim *sim, const struct sim_node *n, const struct store_batch *batch)
{
    struct sim_log *log = log_of(sim, n);
    if (batch->truncate_from != 0) {
        cut_log(log, batch->truncate_from);
    }
    if (batch->has_snapshot) {
        log->count = 0;
    }
    add_entries(log, batch);
}

static bool is_chosen(const struct sim *sim, uint64_t index, uint64_t term)
{
    return index < sim->chosen_room && sim->chosen[index].term == term;
}

/* One change at a time: what is behind the first that nobody knows committed is no change. */
static void check_log(struct sim *sim, const struct sim_node *n, struct sim_log *log)
{
    size_t open = 0;
    for (size_t i = 0; i < log->count; i++) {
        open += is_chosen(sim, log->index[i], log->term[i]) ? 0 : 1;
    }
    if (open > 1) {
        sim_violation(sim, "n%u has %u changes of the membership that are not committed, up to %u",
                      (unsigned)n->id, (unsigned)open, (unsigned)log->index[log->count - 1]);
    }
    log->news = false;
}

/* --- what is committed ------------------------------------------------------------------------ */

static const struct member *find(const struct members *members, uint64_t id)
{
    for (size_t i = 0; i < members->count; i++) {
        if (members->at[i].id == id) {
            return &members->at[i];
        }
    }
    return NULL;
}

static void note_removed(struct sim *sim, uint64_t id, uint64_t index, uint64_t term)
{
    struct sim_roll *known = &sim->roll;
    struct sim_node *n = &sim->nodes[SIM_SLOT(id)];
    bool lives = n->id == id && !operator_is_dead(sim, n);
    sim->counts.living_removed += lives && sim->operator.plays ? 1 : 0;
    sim->counts.gone_removed += !lives && sim->operator.plays ? 1 : 0;
    sim_say(sim, "n%u was removed", (unsigned)id);
    if (known->removed_count < SIM_REMOVED_MAX) {
        known->removed[known->removed_count] =
            (struct sim_removed){.id = id, .index = index, .term = term};
        known->removed_count++;
    }
}

static void note_role(struct sim *sim, const struct sim_member *before, const struct member *now)
{
    struct sim_operator *op = &sim->operator;
    size_t slot = (size_t)SIM_SLOT(before->id);
    bool had = before->role == MEMBER_VOTER;
    bool has = now->role == MEMBER_VOTER;
    if (had && !has) {
        sim->counts.demotions += op->plays ? 1 : 0;
        op->demoted[slot] = before->id;
    } else if (!had && has && op->demoted[slot] == before->id) {
        sim->counts.votes_again += op->plays ? 1 : 0;
        op->demoted[slot] = 0;
    }
}

/* A voter that does not live must not be in the way of a change (safety D4). */
static bool has_silent_voter(const struct sim *sim)
{
    for (size_t i = 0; i < sim->roll.count; i++) {
        const struct sim_member *m = &sim->roll.at[i];
        const struct sim_node *n = &sim->nodes[SIM_SLOT(m->id)];
        if (m->role == MEMBER_VOTER && (n->id != m->id || operator_is_dead(sim, n))) {
            return true;
        }
    }
    return false;
}

static void note_members(struct sim *sim, const struct sim_node *n, const struct members *members,
                         uint64_t index)
{
    struct sim_roll *known = &sim->roll;
    uint64_t term = engine_term(core_engine(n->core));
    sim->counts.changes_past_silent += sim->joins && has_silent_voter(sim) ? 1 : 0;
    for (size_t i = 0; i < known->count; i++) {
        const struct member *m = find(members, known->at[i].id);
        if (m == NULL) {
            note_removed(sim, known->at[i].id, index, term);
        } else {
            note_role(sim, &known->at[i], m);
        }
    }
    known->index = index;
    known->count = members->count;
    for (size_t i = 0; i < members->count; i++) {
        known->at[i] = (struct sim_member){.id = members->at[i].id, .role = members->at[i].role};
        if (sim->joins && member_was_removed(sim, members->at[i].id)) {
            sim_violation(sim, "n%u was removed, and is a member again",
                          (unsigned)members->at[i].id);
        }
    }
}

/* --- of a node -------------------------------------------------------------------------------- */

static void note_log(struct sim_log *log, const struct sim_node *n, const struct engine *e)
{
    struct members members;
    engine_members(e, &members);
    log->change = engine_newest_change(e);
    log->member = n->id;
    log->voters = 0;
    for (size_t i = 0; i < members.count; i++) {
        if (members.at[i].role == MEMBER_VOTER) {
            log->voter[log->voters] = members.at[i].id;
            log->voters++;
        }
    }
}

static void note_vote(const struct sim_node *n, struct sim_log *log, const struct members *members)
{
    const struct member *me = find(members, n->id);
    log->has_vote = me != NULL && me->role == MEMBER_VOTER;
    log->had_vote = log->has_vote ? n->life : log->had_vote;
}

/* Whoever was removed has not the entry that says so, and nobody who has it votes for it. */
static void check_leads(struct sim *sim, const struct sim_node *n, uint64_t term)
{
    for (size_t i = 0; i < sim->roll.removed_count; i++) {
        const struct sim_removed *removed = &sim->roll.removed[i];
        if (removed->id == n->id && removed->term < term) {
            sim_violation(sim, "n%u leads term %u, and was removed by term %u", (unsigned)n->id,
                          (unsigned)term, (unsigned)removed->term);
        }
    }
}

static void check_told(struct sim *sim, const struct sim_node *n, struct sim_log *log)
{
    if (log->told || core_refused(n->core, NULL) != CORE_REMOVED) {
        return;
    }
    log->told = true;
    sim->counts.told_removed++;
    sim_say(sim, "n%u knows that it was removed", (unsigned)n->id);
    if (!member_was_removed(sim, n->id)) {
        sim_violation(sim, "n%u says that it was removed, and nobody did", (unsigned)n->id);
    }
}

void member_check_node(struct sim *sim, struct sim_node *n)
{
    const struct engine *e = core_engine(n->core);
    struct sim_log *log = log_of(sim, n);
    if (engine_newest_change(e) != log->change || log->member != n->id) {
        note_log(log, n, e);
    }
    if (log->news) {
        check_log(sim, n, log);
    }
    struct members members;
    uint64_t committed = engine_committed_members(e, &members);
    if (committed != log->committed) {
        log->committed = committed;
        note_vote(n, log, &members);
        if (committed > sim->roll.index && committed <= engine_commit(e)) {
            note_members(sim, n, &members, committed);
        }
    }
    if (engine_role(e) == ENGINE_LEADER) {
        check_leads(sim, n, engine_term(e));
    }
    check_told(sim, n, log);
}

void member_check_sent(struct sim *sim, const struct sim_node *n, const struct peer_message *m)
{
    if (n->core == NULL || m->from != n->id) {
        return;
    }
    struct sim_log *log = log_of(sim, n);
    log->life = m->life;
    if (log->told) {
        sim_violation(sim, "n%u knows that it was removed, and says kind %d to n%u",
                      (unsigned)n->id, (int)m->kind, (unsigned)m->to);
    }
    if (m->kind == PEER_JOIN && m->join.subject == n->id && m->join.wish == JOIN_IN &&
        m->join.wants_vote && !m->join.at_once && log->had_vote == n->life && !log->has_vote) {
        sim_violation(sim, "n%u asks for the vote that was taken from it", (unsigned)n->id);
    }
}

/* --- who was removed -------------------------------------------------------------------------- */

static bool knows_removal(const struct sim *sim, const struct sim_node *n, uint64_t id)
{
    for (size_t i = 0; i < sim->roll.removed_count; i++) {
        const struct sim_removed *removed = &sim->roll.removed[i];
        if (removed->id == id && removed->index <= sim->roll.log[n - sim->nodes].committed) {
            return true;
        }
    }
    return false;
}

void member_receive(struct sim *sim, struct sim_node *n, const struct peer_message *m)
{
    const struct engine *e = core_engine(n->core);
    uint64_t now_ms = sim_local_ms(sim, n);
    uint64_t term = engine_term(e);
    bool leads = engine_role(e) == ENGINE_LEADER;
    bool follows = engine_leader(e) != 0 && engine_leader(e) != n->id &&
                   engine_silence_ms(e, now_ms) < sim->election_ms;
    core_receive(n->core, now_ms, m);
    if (!leads && !follows) {
        return;
    }
    bool disturbed = engine_term(e) != term || (leads && engine_role(e) != ENGINE_LEADER);
    if (disturbed && knows_removal(sim, n, m->from)) {
        sim_violation(sim, "n%u, which was removed, disturbs n%u in term %u by kind %d",
                      (unsigned)m->from, (unsigned)n->id, (unsigned)term, (int)m->kind);
    }
}

bool member_may_lose(const struct sim *sim, size_t voters)
{
    for (size_t i = 0; i < sim->nodes_count; i++) {
        const struct sim_log *log = &sim->roll.log[i];
        if (log->member != sim->nodes[i].id || log->change < sim->roll.index) {
            continue;
        }
        for (size_t v = 0; v < log->voters; v++) {
            size_t slot = SIM_SLOT(log->voter[v]);
            const struct sim_node *n = &sim->nodes[slot];
            /* A founder that has not heard that the cluster is formed waits for who formed it. */
            bool knows = sim->roll.log[slot].member == n->id;
            if (n->id != log->voter[v] || !knows || operator_is_dead(sim, n) ||
                restore_is_old(sim, n)) {
                return false;
            }
        }
        if (log->voters < voters) {
            return false;
        }
    }
    return true;
}
