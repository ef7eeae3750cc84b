/* tests/sim/checks.c - what must hold after every event, and at the end of a life. */
#include <string.h>

#include "base/mem.h"
#include "base/must.h"
#include "tests/sim/sim.h"

/* The first node to reach an index fixes what is chosen there; all others must agree. Term and
 * index name an entry of the log; the machine's chain covers every command, every result and every
 * state before it. */
static struct sim_chosen *chosen_at(struct sim *sim, uint64_t index)
{
    if (index >= sim->chosen_room) {
        size_t room = sim->chosen_room > 0 ? sim->chosen_room * 2 : 1024;
        room = room > index ? room : index + 1;
        sim->chosen = mem_grow(sim->chosen, room, sizeof(*sim->chosen));
        memset(sim->chosen + sim->chosen_room, 0, (room - sim->chosen_room) * sizeof(*sim->chosen));
        sim->chosen_room = room;
    }
    return &sim->chosen[index];
}

static void check_committed(struct sim *sim, const struct sim_node *n, const struct engine *e,
                            uint64_t commit)
{
    uint64_t from = n->commit + 1 > engine_first(e) ? n->commit + 1 : engine_first(e);
    for (uint64_t index = from; index <= commit; index++) {
        struct sim_chosen *at = chosen_at(sim, index);
        uint64_t term = engine_entry_term(e, index);
        if (at->term == 0) {
            at->term = term;
            at->seen_term = engine_term(e);
        }
        if (at->term != term) {
            sim_violation(sim, "n%u committed an entry of term %u at %u, where one of term %u was",
                          (unsigned)n->id, (unsigned)term, (unsigned)index, (unsigned)at->term);
        }
    }
}

static void check_machine(struct sim *sim, const struct sim_node *n)
{
    struct machine_status status;
    machine_status(core_machine(n->core), &status);
    if (status.index == 0) {
        return;
    }
    struct sim_chosen *at = chosen_at(sim, status.index);
    struct hash128 nothing = {0, 0};
    if (hash128_equal(&at->chain, &nothing)) {
        at->chain = status.chain;
        at->state = status.hash;
    }
    if (!hash128_equal(&at->chain, &status.chain) || !hash128_equal(&at->state, &status.hash)) {
        sim_violation(sim, "n%u is in another state at %u", (unsigned)n->id,
                      (unsigned)status.index);
    }
}

void check_ack(struct sim *sim, uint64_t index)
{
    sim->acked = index > sim->acked ? index : sim->acked;
}

static void check_leader(struct sim *sim, const struct sim_node *n, uint64_t term)
{
    if (term >= sim->terms_room) {
        size_t room = sim->terms_room > 0 ? sim->terms_room * 2 : 64;
        room = room > term ? room : term + 1;
        sim->leader_of_term = mem_grow(sim->leader_of_term, room, sizeof(uint64_t));
        memset(sim->leader_of_term + sim->terms_room, 0,
               (room - sim->terms_room) * sizeof(uint64_t));
        sim->terms_room = room;
    }
    if (sim->leader_of_term[term] == 0) {
        sim->leader_of_term[term] = n->id;
        sim->counts.elections++;
        sim_say(sim, "n%u leads term %u", (unsigned)n->id, (unsigned)term);
    }
    if (sim->leader_of_term[term] != n->id) {
        sim_violation(sim, "two leaders in term %u: n%u and n%u", (unsigned)term,
                      (unsigned)sim->leader_of_term[term], (unsigned)n->id);
    }
}

void check_node(struct sim *sim, struct sim_node *n)
{
    const struct engine *e = core_engine(n->core);
    struct err err = {0};
    bool is_copy = sim->restores.of[n - sim->nodes].restored;
    if (core_refused(n->core, &err) == CORE_OLD_COPY && !is_copy) {
        sim_violation(sim, "n%u, honest: %s", (unsigned)n->id, err.msg);
    }
    uint64_t term = engine_term(e);
    uint64_t commit = engine_commit(e);
    uint64_t applied = core_applied(n->core);
    if (term < n->term) {
        sim_violation(sim, "the term of n%u went back from %u to %u", (unsigned)n->id,
                      (unsigned)n->term, (unsigned)term);
    }
    if (applied < n->applied) {
        sim_violation(sim, "n%u applied %u, and now %u", (unsigned)n->id, (unsigned)n->applied,
                      (unsigned)applied);
    }
    if (!engine_installing(e) && (applied > commit || applied > engine_stored(e) ||
                                  commit > engine_last(e) || engine_stored(e) > engine_last(e))) {
        sim_violation(sim, "n%u: applied %u commit %u stored %u last %u", (unsigned)n->id,
                      (unsigned)applied, (unsigned)commit, (unsigned)engine_stored(e),
                      (unsigned)engine_last(e));
    }
    if (told_leads(sim, n)) {
        check_leader(sim, n, term);
    }
    out_note_leader(sim, n);
    check_committed(sim, n, e, commit);
    truth_follow(sim, n);
    if (applied != n->applied) {
        check_machine(sim, n);
    }
    n->term = term;
    n->commit = commit > n->commit ? commit : n->commit;
    n->applied = applied;
}

static bool is_member(const struct members *members, uint64_t id)
{
    for (size_t i = 0; i < members->count; i++) {
        if (members->at[i].id == id) {
            return members->at[i].role != MEMBER_SPARE;
        }
    }
    return false;
}

/* The member that is furthest behind, if it is too far. */
static void find_straggler(const struct sim *sim, const struct sim_node *leader, char why[256])
{
    const struct engine *le = core_engine(leader->core);
    struct members members;
    engine_members(le, &members);
    uint64_t goal = core_applied(leader->core);
    for (size_t i = 0; i < sim->nodes_count; i++) {
        const struct sim_node *n = &sim->nodes[i];
        uint64_t applied = n->core != NULL ? core_applied(n->core) : 0;
        if (out_is(sim, i) || !is_member(&members, n->id) || applied + 20 >= goal) {
            continue;
        }
        const struct engine *e = n->core != NULL ? core_engine(n->core) : le;
        (void)snprintf(why, 256,
                       "n%u did not catch up: %u of %u; term %u leader n%u first %u last %u stored "
                       "%u commit %u installing %d; the leader's match %u",
                       (unsigned)n->id, (unsigned)applied, (unsigned)goal, (unsigned)engine_term(e),
                       (unsigned)engine_leader(e), (unsigned)engine_first(e),
                       (unsigned)engine_last(e), (unsigned)engine_stored(e),
                       (unsigned)engine_commit(e), engine_installing(e),
                       (unsigned)engine_match(le, n->id));
    }
}

/* What is still missing to a world that is well, "" if nothing is. */
static void find_missing(struct sim *sim, char why[256])
{
    why[0] = '\0';
    const struct sim_node *leader = sim_leader(sim);
    if (leader == NULL) {
        (void)snprintf(why, 256, "no leader after all was well");
    } else if (sim->acked <= sim->acked_at_heal) {
        (void)snprintf(why, 256, "no write was acknowledged after all was well");
    } else if (core_applied(leader->core) < sim->acked) {
        (void)snprintf(why, 256, "the leader has applied %u, %u was acknowledged",
                       (unsigned)core_applied(leader->core), (unsigned)sim->acked);
    } else if (join_missing(sim) != NULL) {
        (void)snprintf(why, 256, "%s after all was well", join_missing(sim));
    } else {
        find_straggler(sim, leader, why);
    }
}

bool check_is_well(struct sim *sim)
{
    char why[256];
    find_missing(sim, why);
    return why[0] == '\0' && leases_are_held(sim) && soft_is_well(sim);
}

void check_end(struct sim *sim)
{
    char why[256];
    find_missing(sim, why);
    if (why[0] != '\0') {
        out_tell(sim);
        sim_violation(sim, "%s", why);
    }
}

void check_close(struct sim *sim)
{
    mem_free(sim->chosen);
    mem_free(sim->leader_of_term);
}
