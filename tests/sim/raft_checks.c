/* tests/sim/raft_checks.c - Raft's own promises, seen from outside: who voted for whom, what
 * leaders do to their logs, and on which disks a committed entry lies.
 *
 * checks.c judges what a cluster's users would notice; this file what makes them safe, so that a
 * broken rule shows before it has done any harm. */
#include "tests/sim/sim.h"

/* One vote a term and identity, over all its lives (I4). */
void raft_check_message(struct sim *sim, const struct peer_message *m)
{
    if (m->kind != PEER_VOTE_RESULT || m->vote_result.pre_vote || !m->vote_result.granted) {
        return;
    }
    struct sim_raft *r = &sim->raft[SIM_SLOT(m->from)];
    bool same = r->voter == m->from && r->vote_term == m->term;
    if (same && r->vote != m->to) {
        sim_violation(sim, "n%u votes for n%u in term %u, and has voted for n%u", (unsigned)m->from,
                      (unsigned)m->to, (unsigned)m->term, (unsigned)r->vote);
    }
    if (r->voter == m->from && r->vote_term > m->term) {
        sim_violation(sim, "n%u votes in term %u after term %u", (unsigned)m->from,
                      (unsigned)m->term, (unsigned)r->vote_term);
    }
    r->voter = m->from;
    r->vote_term = m->term;
    r->vote = m->to;
}

/* A leader has everything that leaders before it have committed (Raft, 5.4). */
static void check_complete(struct sim *sim, const struct sim_node *n, const struct engine *e)
{
    uint64_t last = engine_last(e);
    for (uint64_t index = engine_first(e); index < sim->chosen_room; index++) {
        const struct sim_chosen *at = &sim->chosen[index];
        bool before = at->term != 0 && at->seen_term < engine_term(e);
        if (before && (index > last || engine_entry_term(e, index) != at->term)) {
            sim_violation(sim, "n%u leads term %u without entry %u of term %u", (unsigned)n->id,
                          (unsigned)engine_term(e), (unsigned)index, (unsigned)at->term);
            return;
        }
    }
}

/* Copies of an entry of an older term prove nothing: what a leader commits ends with one of its own
 * (Raft, 5.4.2). */
static void check_own_term(struct sim *sim, const struct sim_node *n, const struct engine *e,
                           uint64_t before)
{
    uint64_t commit = engine_known_commit(e);
    if (commit > before && engine_entry_term(e, commit) != engine_term(e)) {
        sim_violation(sim, "n%u leads term %u and has committed entry %u by copies of term %u",
                      (unsigned)n->id, (unsigned)engine_term(e), (unsigned)commit,
                      (unsigned)engine_entry_term(e, commit));
    }
}

/* A leader only appends. */
static void check_leader_log(struct sim *sim, const struct sim_node *n, const struct engine *e)
{
    struct sim_raft *r = &sim->raft[n - sim->nodes];
    bool leads = told_leads(sim, n);
    bool same = leads && r->leads_term == engine_term(e) && r->leads_life == n->life;
    if (leads && !same) {
        check_complete(sim, n, e);
    }
    uint64_t last = engine_last(e);
    if (same &&
        (last < r->leads_last || engine_entry_term(e, r->leads_last) != r->leads_last_term)) {
        sim_violation(sim, "n%u leads term %u and has lost entry %u", (unsigned)n->id,
                      (unsigned)engine_term(e), (unsigned)r->leads_last);
    }
    if (same) {
        check_own_term(sim, n, e, r->leads_commit);
    }
    r->leads_commit = engine_known_commit(e);
    r->leads_term = leads ? engine_term(e) : 0;
    r->leads_life = n->life;
    r->leads_last = last;
    r->leads_last_term = engine_entry_term(e, last);
}

/* What a leader commits lies on the disks of a majority. A wiped disk had it, for all we know. */
static void check_durable(struct sim *sim, const struct sim_node *n, const struct engine *e,
                          uint64_t index)
{
    struct members members;
    engine_members(e, &members);
    uint64_t term = engine_entry_term(e, index);
    size_t voters = 0;
    size_t have = 0;
    for (size_t i = 0; i < members.count; i++) {
        const struct sim_node *v = &sim->nodes[SIM_SLOT(members.at[i].id)];
        if (members.at[i].role != MEMBER_VOTER) {
            continue;
        }
        uint64_t there = store_double_durable_term(v->disk, index);
        voters++;
        bool lost = v->id != members.at[i].id || restore_is_old(sim, v);
        have += lost || there == term || there == STORE_DOUBLE_GONE ? 1 : 0;
    }
    if (have < voters / 2 + 1) {
        sim_violation(sim, "n%u has committed entry %u, which %u of %u voters have on disk",
                      (unsigned)n->id, (unsigned)index, (unsigned)have, (unsigned)voters);
    }
}

void raft_check_node(struct sim *sim, const struct sim_node *n)
{
    const struct engine *e = core_engine(n->core);
    check_leader_log(sim, n, e);
    uint64_t commit = engine_commit(e);
    if (engine_role(e) == ENGINE_LEADER && commit > n->commit && commit >= engine_first(e)) {
        check_durable(sim, n, e, commit); /* those before it lie below it on the same disks */
    }
}

static void check_pair(struct sim *sim, const struct sim_node *a, const struct sim_node *b)
{
    const struct engine *ea = core_engine(a->core);
    const struct engine *eb = core_engine(b->core);
    uint64_t low = engine_first(ea) > engine_first(eb) ? engine_first(ea) : engine_first(eb);
    uint64_t high = engine_last(ea) < engine_last(eb) ? engine_last(ea) : engine_last(eb);
    bool matched = false;
    for (uint64_t index = high; index >= low && index > 0; index--) {
        bool equal = engine_entry_term(ea, index) == engine_entry_term(eb, index);
        if (matched && !equal) {
            sim_violation(sim, "the logs of n%u and n%u match above entry %u and not there",
                          (unsigned)a->id, (unsigned)b->id, (unsigned)index);
            return;
        }
        matched = matched || equal;
    }
}

/* Two logs that have an entry in common have everything before it in common. */
void raft_check_logs(struct sim *sim)
{
    for (size_t i = 0; i < sim->nodes_count; i++) {
        for (size_t j = i + 1; j < sim->nodes_count; j++) {
            if (sim->nodes[i].core != NULL && sim->nodes[j].core != NULL) {
                check_pair(sim, &sim->nodes[i], &sim->nodes[j]);
            }
        }
    }
}
