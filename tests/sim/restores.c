/* tests/sim/restores.c - the disk of a node is put back to what it was some time ago.
 *
 * Copies are taken now and then. While a node is down its disk may be replaced by one: either the
 * files show it (safety D5: another inode, another machine), or they do not, as when a virtual
 * machine is set back block by block. Then its peers must notice, as far as they can:
 *
 *   a peer that remembers more than the copy, answers in time --> the node is refused, and gone
 *   nobody who knows better has answered before it acts       --> it is taken away before it can do
 *                                                                 harm, and counted apart
 *   the copy says all that the disk said                      --> nothing was forgotten, it goes on
 *
 * Who knows better is decided by told.c, from what was said and written, and not by the memory
 * under test. The second case is the one that the design gives up on: its operator is told to let a
 * restored host join anew, and here this is what he does. */
#include "tests/sim/restores.h"

#include "consensus/peer_memory.h"
#include "tests/sim/sim.h"

#define PAUSE_NS (10000 * NS_MS) /* between two lost disks */
#define AGAIN_MAX 20             /* starts of a copy that was refused */
#define AGAIN_MS 200             /* the longest time between them */

void restore_draw(struct sim *sim)
{
    struct sim_restores *all = &sim->restores;
    all->dice = (struct test_random){sim->seed * UINT64_C(0xe7037ed1a0b428db)};
    all->plays = sim->faults.membership && sim->faults.crashes && random_chance(&all->dice, 0.8);
    all->copy_chance = random_chance(&all->dice, 0.5) ? 0.03 : 0.3;
}

static struct sim_restore *of(struct sim *sim, const struct sim_node *n)
{
    return &sim->restores.of[n - sim->nodes];
}

bool restore_is_old(const struct sim *sim, const struct sim_node *n)
{
    return sim->restores.of[n - sim->nodes].forgot;
}

void restore_copies(struct sim *sim)
{
    struct sim_restores *all = &sim->restores;
    for (size_t i = 0; all->plays && !sim->healed && i < sim->nodes_count; i++) {
        struct sim_node *n = &sim->nodes[i];
        struct sim_restore *r = &all->of[i];
        if (n->core == NULL || r->restored || !random_chance(&all->dice, all->copy_chance)) {
            continue;
        }
        store_double_destroy(r->copy);
        r->copy = store_double_clone(n->disk);
        r->copy_id = n->id;
    }
}

void restore_close(struct sim *sim)
{
    for (size_t i = 0; i < SIM_NODES; i++) {
        store_double_destroy(sim->restores.of[i].copy);
    }
}

void restore_discarded(struct sim *sim, const struct sim_node *n)
{
    struct sim_restore *r = of(sim, n);
    store_double_destroy(r->copy);
    *r = (struct sim_restore){0};
}

/* --- putting one back --- */

/* Does @copy say less than @disk: of terms, votes, entries? */
static bool says_less(struct store_double *copy, struct store_double *disk)
{
    struct store_image old;
    struct store_image new;
    store_double_load(copy, &old);
    store_double_load(disk, &new);
    bool same_hard = old.hard.term == new.hard.term &&old.hard.vote == new.hard.vote;
    bool same_log = old.log_last == new.log_last &&store_double_durable_term(copy, old.log_last) ==
                    store_double_durable_term(disk, new.log_last);
    store_image_close(&old);
    store_image_close(&new);
    return !same_hard || !same_log;
}

void restore_from_elsewhere(struct sim *sim, struct sim_node *n)
{
    struct sim_restore *r = of(sim, n);
    r->moved = true;
    r->restored = true;
    store_double_set_moved(n->disk, "restored from elsewhere"); /* found out at its start */
}

void restore_strikes(struct sim *sim, struct sim_node *n)
{
    struct sim_restore *r = of(sim, n);
    struct test_random *dice = &sim->restores.dice;
    bool lately = sim->wiped_at_ns != 0 && sim->now_ns - sim->wiped_at_ns < PAUSE_NS;
    if (r->copy == NULL || r->copy_id != n->id || r->restored || sim->healed || lately ||
        !random_chance(dice, 0.9) || !faults_may_lose_one(sim)) {
        return;
    }
    sim->wiped_at_ns = sim->now_ns;
    r->restored = true;
    r->starts_again = random_chance(dice, 0.7) ? 1 + random_below(dice, AGAIN_MAX) : 0;
    r->forgot = says_less(r->copy, n->disk);
    store_double_set_full(r->copy, store_double_is_full(n->disk));
    store_double_destroy(n->disk);
    n->disk = r->copy;
    r->copy = NULL;
    bool shows = random_chance(dice, 0.25);
    sim_say(sim, "n%u: the disk is an old copy%s%s", (unsigned)n->id, shows ? ", and shows it" : "",
            r->forgot ? "" : ", of what it was");
    if (shows) {
        restore_from_elsewhere(sim, n);
        return;
    }
    sim->counts.restores_harmless += r->forgot ? 0 : 1;
}

void restore_started(struct sim *sim, struct sim_node *n, const struct store_image *image,
                     uint32_t seed)
{
    struct sim_restore *r = of(sim, n);
    if (r->moved) {
        sim_violation(sim, "n%u starts from files of elsewhere", (unsigned)n->id);
    }
    if (r->is_barred) {
        sim_violation(sim, "n%u starts, and its disk says that it was refused", (unsigned)n->id);
    }
    r->life = peer_life(image->identity.incarnation + 1, seed);
    if (r->restored) {
        r->lives[r->lives_count % SIM_COPY_LIVES] = r->life;
        r->lives_count++;
    }
    r->started_ms = sim_local_ms(sim, n);
    r->may_speak = false;
    r->told_old = false;
    r->unseen = false;
    r->led_term = 0;
    r->votes_term = 0;
    r->going_sequence = 0;
    for (size_t i = 0; i < SIM_NODES; i++) {
        r->fine[i] = 0;
        r->fine_before[i] = 0;
        /* What a copy remembers of others is old, too: nothing is asked of it. */
        r->kept[i] = r->restored ? (struct sim_told){0} : r->kept[i];
        r->heard[i] = r->kept[i];
        r->heard[i].must_not_be_fine = 0;
    }
}

void restore_barred(struct sim *sim, const struct sim_node *n)
{
    const struct sim_restore *r = of(sim, n);
    sim->counts.restores_moved += r->moved ? 1 : 0;
    sim->counts.restores_barred += r->is_barred ? 1 : 0;
    if (!r->moved && !r->is_barred) {
        sim_violation(sim, "n%u may not start, and nobody has refused it", (unsigned)n->id);
    }
}

/* --- the end --- */

/* Nobody has put the directory away: the next start, by the service manager, is a few moments
 * later. The process may have died before its refusal was on the disk, time and again. */
static bool starts_again(struct sim *sim, struct sim_node *n)
{
    struct sim_restore *r = of(sim, n);
    if (r->starts_again == 0 || sim->healed) {
        return false;
    }
    r->starts_again--;
    sim->counts.restores_again++;
    size_t waiting = store_double_waiting(n->disk);
    if (random_chance(&sim->restores.dice, 0.2) && store_double_may_commit(n->disk) == waiting) {
        (void)store_double_commit(n->disk, waiting);
        r->is_barred = true;
    } else {
        store_double_crash(n->disk, 0);
    }
    faults_restart(sim, n, random_below(&sim->restores.dice, AGAIN_MS));
    return true;
}

bool restore_ends(struct sim *sim, struct sim_node *n)
{
    struct sim_restore *r = of(sim, n);
    bool refused = r->restored && core_refused(n->core, NULL) == CORE_OLD_COPY;
    if (!refused && !r->unseen) {
        return false;
    }
    if (refused && !r->unseen && starts_again(sim, n)) {
        return true;
    }
    sim->counts.restores_refused += refused ? 1 : 0;
    sim->counts.restores_unseen += refused ? 0 : 1;
    sim_say(sim, "n%u is an old copy: %s", (unsigned)n->id,
            refused ? "refused" : "nobody saw it, it is taken away");
    faults_retire(sim, n);
    return true;
}
