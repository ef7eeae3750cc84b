/* tests/sim/operator.c - in some lives an operator takes members out, demotes them and lets them
 * in again, and some hosts die and never come back.
 *
 * There are witnesses, nodes that want no vote, and a limit of voters. The operator has one wish at
 * a time and asks any node, again and again: a leader takes the next step, another one passes the
 * wish on. What came of it is read from the membership that is committed (member_checks.c), because
 * answers are lost. Who was taken out runs on, until its host is rebuilt or for ever. */
#include "tests/sim/operator.h"

#include <string.h>

#include "tests/sim/sim.h"

#define WISH_MS_MIN 3000
#define WISH_MS_MAX 15000

/* A wish that takes a vote away may still be on its way for so long. */
#define LATE_MS 20000

/* --- the plan of a life ----------------------------------------------------------------------- */

void operator_draw(struct sim *sim)
{
    struct sim_operator *op = &sim->operator;
    op->random = (struct test_random){sim->seed * UINT64_C(0xc2b2ae3d27d4eb4f)};
    struct test_random *r = &op->random;
    op->voters_max = 7;
    op->plays = sim->joins && random_chance(r, 0.7);
    if (!op->plays) {
        return;
    }
    size_t nodes = sim->nodes_count;
    op->gone_max = nodes <= 4 ? 1 : 2;
    op->hosts_die = random_chance(r, 0.5);
    bool few = random_chance(r, 0.3);
    op->voters_max = few && sim->voters_at_start >= 3 ? (unsigned)sim->voters_at_start : 7;
    uint64_t witnesses = random_below(r, (nodes <= 4 ? 1 : 2) + 1);
    for (uint64_t i = 0; i < witnesses; i++) {
        op->witness[random_below(r, nodes)] = true;
    }
    for (size_t slot = sim->voters_at_start; slot < nodes; slot++) {
        op->wants_no_vote[slot] = !op->witness[slot] && random_chance(r, 0.3);
    }
}

bool operator_is_dead(const struct sim *sim, const struct sim_node *n)
{
    return sim->operator.dead[n - sim->nodes] == n->id;
}

/* Hosts whose member was taken out, or that died. */
static size_t gone(const struct sim *sim)
{
    size_t count = 0;
    for (size_t i = 0; i < sim->nodes_count; i++) {
        const struct sim_node *n = &sim->nodes[i];
        count += operator_is_dead(sim, n) || member_was_removed(sim, n->id) ? 1 : 0;
    }
    return count;
}

/* --- asking ----------------------------------------------------------------------------------- */

static bool takes_vote(const struct sim_operator *op)
{
    return op->asking && op->wish != JOIN_IN;
}

static void hear_answer(struct sim *sim, bool done, int status, const char *reason)
{
    struct sim_operator *op = &sim->operator;
    if (status < 0 && status != ERR_NOT_LEADER && status != ERR_BUSY) {
        sim->counts.wishes_refused++;
        sim->counts.wishes_sole_voter += strstr(reason, "leave one voter") != NULL ? 1 : 0;
        op->asking = random_chance(&op->random, 0.7);
    }
    if (done || (status < 0 && !op->asking)) {
        op->asking = false;
        sim_say(sim, "operator: wish %u about n%u: %s", op->wish, (unsigned)op->subject,
                done ? "done" : reason);
    }
}

static void ask(struct sim *sim)
{
    struct sim_operator *op = &sim->operator;
    struct sim_node *n = &sim->nodes[random_below(&op->random, sim->nodes_count)];
    const struct sim_node *to = &sim->nodes[random_below(&op->random, sim->nodes_count)];
    const struct sim_node *subject = &sim->nodes[SIM_SLOT(op->subject)];
    char text[MEMBER_TEXT_SIZE] = "";
    if (n->core == NULL || n->paused || (op->wish == JOIN_IN && subject->id != op->subject)) {
        return;
    }
    uint64_t life = sim->roll.log[n - sim->nodes].life;
    struct peer_join join = {.subject = op->subject,
                             .wisher = n->id,
                             .wish = (uint8_t)op->wish,
                             .wants_vote = true,
                             .at_once = op->wish == JOIN_IN,
                             .text = text};
    if (op->wish == JOIN_IN) {
        struct member_info info;
        join_describe(sim, subject, &info);
        (void)member_info_encode(&info, text);
    }
    op->asked_ns = takes_vote(op) ? sim->now_ns : op->asked_ns;
    if (engine_role(core_engine(n->core)) == ENGINE_LEADER) {
        struct err err = {0};
        int code = core_admit(n->core, sim_local_ms(sim, n), &join, &err);
        hear_answer(sim, code == 1, code < 0 ? code : 0, err.msg);
        sim_after(sim, n);
    } else if (n != to && life != 0 && core_refused(n->core, NULL) == CORE_WELCOME) {
        struct peer_message m = {
            .kind = PEER_JOIN, .from = n->id, .to = to->id, .life = life, .join = join};
        sim_send(sim, n, (size_t)(to - sim->nodes), &m);
    }
}

void operator_hear(struct sim *sim, const struct peer_message *m)
{
    struct sim_operator *op = &sim->operator;
    sim->counts.wishes_passed_on +=
        op->plays && m->kind == PEER_JOIN && m->join.passed_on && m->join.wish != JOIN_IN ? 1 : 0;
    if (m->kind != PEER_JOIN_RESULT || !op->asking || m->join_result.wisher != m->to ||
        m->join_result.subject != op->subject || m->join_result.wish != (uint8_t)op->wish) {
        return;
    }
    hear_answer(sim, m->join_result.done, m->join_result.status, m->join_result.reason);
}

/* --- what it wants ---------------------------------------------------------------------------- */

static void wish_for(struct sim *sim, enum join_wish wish, uint64_t id)
{
    struct sim_operator *op = &sim->operator;
    op->asking = true;
    op->wish = wish;
    op->subject = id;
    op->until_ns =
        sim->now_ns + (WISH_MS_MIN + random_below(&op->random, WISH_MS_MAX - WISH_MS_MIN)) * NS_MS;
    sim_say(sim, "operator: wish %u about n%u", (unsigned)wish, (unsigned)id);
}

static void think(struct sim *sim)
{
    struct sim_operator *op = &sim->operator;
    struct test_random *r = &op->random;
    const struct sim_roll *known = &sim->roll;
    if (known->count == 0 || !random_chance(r, 0.3)) {
        return;
    }
    const struct sim_member *m = &known->at[random_below(r, known->count)];
    size_t slot = (size_t)SIM_SLOT(m->id);
    bool lives = sim->nodes[slot].id == m->id && op->dead[slot] != m->id;
    if (lives && op->demoted[slot] == m->id && m->role == MEMBER_STANDBY) {
        op->invited[slot] = m->id;
        wish_for(sim, JOIN_IN, m->id);
    } else if (lives && m->role == MEMBER_VOTER && random_chance(r, 0.5)) {
        wish_for(sim, JOIN_DEMOTE, m->id);
    } else if (!lives || gone(sim) < op->gone_max) {
        wish_for(sim, JOIN_OUT, m->id);
    }
}

/* --- hosts ------------------------------------------------------------------------------------ */

bool operator_may_lose(const struct sim *sim)
{
    const struct sim_operator *op = &sim->operator;
    bool late = op->asked_ns != 0 && sim->now_ns - op->asked_ns < LATE_MS * NS_MS;
    return !op->plays || member_may_lose(sim, late || op->asking ? 4 : 3);
}

/* The host of a member burns down; or one that was taken out comes back as somebody else. */
static void change_host(struct sim *sim)
{
    struct sim_operator *op = &sim->operator;
    size_t slot = (size_t)random_below(&op->random, sim->nodes_count);
    struct sim_node *n = &sim->nodes[slot];
    if (n->core == NULL) {
        return;
    }
    if (member_was_removed(sim, n->id)) {
        if (random_chance(&op->random, 0.1)) {
            uint64_t id = n->id;
            faults_crash(sim, n);
            if (n->id == id) {
                faults_discard(sim, n);
            }
            sim->counts.rebuilt++;
        }
        return;
    }
    bool burns = op->hosts_die && random_chance(&op->random, 0.05) && gone(sim) < op->gone_max;
    if (burns && operator_may_lose(sim)) {
        sim_say(sim, "the host of n%u is no more", (unsigned)n->id);
        sim->counts.hosts_lost++;
        op->died_ns = sim->now_ns;
        op->dead[slot] = n->id;
        faults_crash(sim, n);
    }
}

void operator_act(struct sim *sim)
{
    struct sim_operator *op = &sim->operator;
    if (!op->plays || sim->healed) {
        return;
    }
    change_host(sim);
    if (op->asking && sim->now_ns > op->until_ns) {
        op->asking = false;
        sim->counts.wishes_given_up++;
    }
    /* Until leaders know of it: a vote that is taken away meanwhile may be the one too many. */
    bool fresh = op->died_ns != 0 && sim->now_ns - op->died_ns < 3000 * NS_MS;
    if (op->asking) {
        ask(sim);
    } else if (!fresh) {
        think(sim);
    }
}
