/* tests/sim/outsiders.c - in part of the lives not everybody is well in the end: a random core that
 * has a majority is, the others stay down or cut off.
 *
 * Raft owes progress to any majority, and nothing may wait for one who never comes back. So what
 * the end of a life demands is demanded of the core alone, and a leader of it soon. Who may stay
 * out follows from every membership that may come into use: the committed one, and those in the
 * logs of all nodes, running or not. Where the membership changes one voter more must be there than
 * a majority needs, for the change that nobody but a message on its way knows of. */
#include "base/mem.h"
#include "consensus/form.h"
#include "tests/sim/sim.h"

#define LEADER_TIMEOUTS 10 /* election timeouts until there is a leader */
#define MEMBERSHIPS_MAX (2 * SIM_NODES + 1)

struct memberships {
    struct members at[MEMBERSHIPS_MAX];
    size_t count;
};

bool out_is(const struct sim *sim, size_t slot)
{
    return sim->out.state[slot] != OUT_NOT;
}

bool out_is_down(const struct sim *sim, size_t slot)
{
    return sim->out.state[slot] == OUT_DOWN;
}

/* What was on its way between one who stays out and the others is lost with the link: the late
 * copies of a leader's heartbeats would keep others from an election. */
bool out_breaks(const struct sim *sim, const struct sim_event *event)
{
    size_t from = (size_t)SIM_SLOT(event->message.from);
    return (out_is(sim, from) || out_is(sim, event->node)) && sim->cut[from][event->node];
}

/* --- the memberships that may come into use --- */

static void add_text(struct memberships *all, const void *bytes, size_t size)
{
    struct buf keep = {0};
    if (members_decode(bytes, size, &all->at[all->count], &keep, NULL) == 0) {
        all->count++;
    }
    buf_close(&keep);
}

/* Of a node that is down: the newest two of its log. False: it will not come back as who it was. */
static bool add_of_disk(struct memberships *all, const struct sim_node *n)
{
    struct store_double *copy = store_double_clone(n->disk);
    struct store_image image;
    store_double_load(copy, &image);
    struct store_entry entry;
    struct store_entry newest[2] = {{0}};
    size_t at = 0;
    while (image.content != NULL && store_batch_next_entry(image.content, &at, &entry)) {
        if (entry.type == ENTRY_CHANGE) {
            newest[0] = newest[1];
            newest[1] = entry;
        }
    }
    for (size_t i = 0; i < 2; i++) {
        if (newest[i].data != NULL) {
            add_text(all, newest[i].data, newest[i].size);
        }
    }
    bool returns = core_may_start(&image, NULL) == 0;
    store_image_close(&image);
    store_double_destroy(copy);
    return returns;
}

static void collect(struct sim *sim, struct memberships *all, bool away[SIM_NODES])
{
    const struct sim_truth *truth = &sim->use.truth;
    if (truth->memberships_count > 0) {
        const struct sim_membership *m = &truth->memberships[truth->memberships_count - 1];
        add_text(all, truth->members.bytes + m->at, m->size);
    }
    for (size_t i = 0; i < sim->nodes_count; i++) {
        const struct sim_node *n = &sim->nodes[i];
        bool is_old = sim->restores.of[i].restored; /* it finds that out any moment, or already */
        if (n->core == NULL) {
            away[i] = !add_of_disk(all, n) || operator_is_dead(sim, n) || is_old;
            continue;
        }
        engine_members(core_engine(n->core), &all->at[all->count]);
        all->count++;
        (void)engine_committed_members(core_engine(n->core), &all->at[all->count]);
        all->count++;
        away[i] = is_old;
    }
}

/* --- who stays out --- */

static bool is_enough(const struct sim *sim, const struct members *members,
                      const bool away[SIM_NODES])
{
    size_t voters = 0;
    size_t there = 0;
    for (size_t i = 0; i < members->count; i++) {
        size_t slot = (size_t)SIM_SLOT(members->at[i].id);
        bool votes = members->at[i].role == MEMBER_VOTER;
        bool lives = sim->nodes[slot].id == members->at[i].id && !away[slot];
        voters += votes ? 1 : 0;
        there += votes && lives ? 1 : 0;
    }
    return 2 * there > voters + (sim->faults.membership ? 1 : 0);
}

static bool are_enough(const struct sim *sim, const struct memberships *all,
                       const bool away[SIM_NODES])
{
    bool enough = true;
    for (size_t i = 0; i < all->count; i++) {
        enough = enough && is_enough(sim, &all->at[i], away);
    }
    return enough;
}

static bool somebody_forms(const struct sim *sim)
{
    bool forms = sim->chosen_count == 0 && sim->acked == 0;
    for (size_t i = 0; i < sim->nodes_count; i++) {
        forms = forms || sim->nodes[i].form != NULL || sim->nodes[i].blank;
    }
    return forms;
}

static void choose(struct sim *sim)
{
    struct test_random *r = &sim->out.random;
    struct memberships *all = mem_zalloc(sizeof(*all));
    bool away[SIM_NODES] = {false};
    collect(sim, all, away);
    size_t first = random_below(r, sim->nodes_count);
    for (size_t i = 0; i < sim->nodes_count; i++) {
        size_t slot = (first + i) % sim->nodes_count;
        bool was = away[slot];
        away[slot] = true;
        if (out_is(sim, slot) || !random_chance(r, 0.7) || !are_enough(sim, all, away)) {
            away[slot] = was;
            continue;
        }
        sim->out.state[slot] = random_chance(r, 0.4) ? OUT_DOWN : OUT_CUT;
        sim->counts.outsiders++;
    }
    mem_free(all);
}

/* Some of them hear what the others say; nobody hears them. */
static void cut_off(struct sim *sim)
{
    struct test_random *r = &sim->out.random;
    for (size_t a = 0; a < sim->nodes_count; a++) {
        bool hears = random_chance(r, 0.25);
        for (size_t b = 0; b < sim->nodes_count && out_is(sim, a); b++) {
            bool both = out_is(sim, b);
            sim->cut[a][b] = !both || random_chance(r, 0.5);
            sim->cut[b][a] = both ? sim->cut[b][a] : !hears;
        }
    }
}

void out_draw(struct sim *sim)
{
    sim->out.random = (struct test_random){sim->seed * UINT64_C(0xa0761d6478bd642f)};
    sim->out.plays = random_chance(&sim->out.random, 0.5);
}

/* Whose host died stays out in every life. */
static void bury(struct sim *sim)
{
    for (size_t i = 0; i < sim->nodes_count; i++) {
        bool is_dead = operator_is_dead(sim, &sim->nodes[i]);
        sim->out.state[i] = is_dead ? OUT_DOWN : sim->out.state[i];
    }
}

void out_heal(struct sim *sim)
{
    bury(sim);
    if (somebody_forms(sim)) {
        return;
    }
    if (sim->out.plays) {
        choose(sim);
        cut_off(sim);
    }
    bool some = false;
    uint64_t from_ns = sim->now_ns;
    for (size_t i = 0; i < sim->nodes_count; i++) {
        struct sim_node *n = &sim->nodes[i];
        some = some || out_is(sim, i);
        if (out_is_down(sim, i)) {
            faults_crash(sim, n);
        } else if (out_is(sim, i)) {
            sim_say(sim, "n%u stays cut off", (unsigned)n->id);
        } else {
            uint64_t back_ns = sim->now_ns + 10 * NS_MS;
            sim_schedule(sim, back_ns, EVENT_RESTART, (uint32_t)i);
            back_ns = n->paused ? n->paused_until_ns : back_ns;
            from_ns = back_ns > from_ns ? back_ns : from_ns;
            from_ns = n->disk_busy && n->flush_at_ns > from_ns ? n->flush_at_ns : from_ns;
        }
    }
    sim->counts.cores += some ? 1 : 0;
    sim_schedule(sim, from_ns + LEADER_TIMEOUTS * sim->election_ms * NS_MS, EVENT_LED, 0);
}

/* --- a leader, soon --- */

/* A snapshot for it may have been lost on its way just before all was well, and is sent anew when
 * the patience with the first is over. Until then it is enough that there is a leader; that writes
 * succeed is asked for in the end. */
static bool one_needs_a_snapshot(const struct sim *sim, const struct engine *e)
{
    struct members members;
    engine_members(e, &members);
    for (size_t i = 0; i < members.count; i++) {
        uint64_t id = members.at[i].id;
        bool waits = members.at[i].role == MEMBER_VOTER && !out_is(sim, (size_t)SIM_SLOT(id));
        if (waits && engine_match(e, id) + 1 < engine_first(e)) {
            return true;
        }
    }
    return false;
}

void out_note_leader(struct sim *sim, const struct sim_node *n)
{
    const struct engine *e = core_engine(n->core);
    if (!sim->healed || sim->out.led || out_is(sim, (size_t)(n - sim->nodes)) ||
        engine_role(e) != ENGINE_LEADER ||
        (!engine_is_established(e) && !one_needs_a_snapshot(sim, e))) {
        return;
    }
    bool newest = true;
    for (size_t i = 0; i < sim->nodes_count; i++) {
        newest = newest && (out_is(sim, i) || sim->nodes[i].term <= engine_term(e));
    }
    sim->out.led = newest;
}

static void tell(struct sim *sim, const struct sim_node *n)
{
    const struct engine *e = core_engine(n->core);
    struct members members;
    engine_members(e, &members);
    size_t voters = 0;
    for (size_t i = 0; i < members.count; i++) {
        voters += members.at[i].role == MEMBER_VOTER ? 1 : 0;
    }
    sim_say(sim, "n%u: %s term %u leader n%u last %u of term %u stored %u commit %u voters %u",
            (unsigned)n->id, out_is(sim, (size_t)(n - sim->nodes)) ? "out" : "well",
            (unsigned)engine_term(e), (unsigned)engine_leader(e), (unsigned)engine_last(e),
            (unsigned)engine_entry_term(e, engine_last(e)), (unsigned)engine_stored(e),
            (unsigned)engine_commit(e), (unsigned)voters);
}

void out_tell(struct sim *sim)
{
    for (size_t i = 0; i < sim->nodes_count; i++) {
        if (sim->nodes[i].core != NULL) {
            tell(sim, &sim->nodes[i]);
        }
    }
}

void out_check_led(struct sim *sim)
{
    if (!sim->out.led) {
        out_tell(sim);
        sim_violation(sim, "no leader within %d election timeouts after all was well",
                      LEADER_TIMEOUTS);
    }
}
