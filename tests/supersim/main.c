/* tests/supersim/main.c - pgraft-supersim: many lives, one of them again, or all that are bounded.
 *
 * Prints every seed that broke a promise, how often each thing happened over all lives, and as its
 * last line "N seeds, E events, V violations". In a full run a kind of event that never came is a
 * failure of the simulator. Every twentieth life is lived twice and must leave the same trace. */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cli.h"
#include "base/mem.h"
#include "base/version.h"
#include "tests/supersim/world.h"

#define FULL_RUN_SEEDS 1000
#define TWICE_EVERY 20
#define MODES 3         /* of the exhaustive run: asynchronous, strict, synchronous */
#define DEPTH 25        /* milestones from the first look of all nodes */
#define DEPTH_BETWEEN 6 /* ... between two faults */

static uint64_t living_seed;

static void on_abort(int signal_number)
{
    (void)signal_number;
    char line[64];
    int length = snprintf(line, sizeof(line), "seed %" PRIu64 ": aborted\n", living_seed);
    ssize_t ignored = write(STDOUT_FILENO, line, (size_t)length);
    (void)ignored;
    _exit(1);
}

struct run {
    uint64_t lives, violations, outage_ms_max;
    struct counts sum;
};

static void add(struct run *run, const struct sim *sim, const char *what)
{
    run->lives++;
    if (sim->violation[0] != '\0') {
        run->violations++;
        (void)printf("%s at %.3f s: %s\n", what, (double)sim->now / 1e6, sim->violation);
    }
    run->outage_ms_max = sim->outage_ms > run->outage_ms_max ? sim->outage_ms : run->outage_ms_max;
#define ADD(name) run->sum.name += sim->counts.name;
    COUNTS(ADD)
#undef ADD
}

static void live(struct run *run, struct sim *sim, uint64_t seed, FILE *trace)
{
    const struct sim_wish wish = {.exhaustive = false};
    char what[32];
    living_seed = seed;
    sim_live(sim, seed, &wish, trace);
    (void)snprintf(what, sizeof(what), "seed %" PRIu64, seed);
    add(run, sim, what);
    struct hash128 hash = sim->hash;
    if (seed % TWICE_EVERY == 0) {
        sim_live(sim, seed, &wish, NULL);
        if (!hash128_equal(&hash, &sim->hash)) {
            run->violations++;
            (void)printf("seed %" PRIu64 ": lived twice, it was another life\n", seed);
        }
    }
}

/* ---- all of a bounded kind ---- */

static void live_script(struct run *run, struct sim *sim, uint64_t mode,
                        const struct sim_wish *wish)
{
    char what[160];
    size_t used = (size_t)snprintf(what, sizeof(what), "mode %" PRIu64, mode);
    for (int i = 0; i < wish->step_count; i++) {
        const struct script_step *s = &wish->steps[i];
        used += (size_t)snprintf(what + used, sizeof(what) - used, ", %s %d at %" PRIu64,
                                 fault_name(s->fault), s->node, s->milestone);
    }
    living_seed = mode;
    sim_live(sim, mode, wish, NULL);
    add(run, sim, what);
}

#define MOVES_OF 3 /* nodes that a fault may strike */

/* Every second fault at every step after the first. */
static void live_pairs(struct run *run, struct sim *sim, uint64_t mode, struct sim_wish *wish)
{
    uint64_t first = wish->steps[0].milestone;
    wish->step_count = 2;
    for (int two = 0; two < fault_kinds() * MOVES_OF; two++) {
        for (uint64_t gap = 0; gap < DEPTH_BETWEEN; gap++) {
            wish->steps[1] = (struct script_step){
                .milestone = first + gap, .fault = two / MOVES_OF, .node = two % MOVES_OF};
            live_script(run, sim, mode, wish);
            if (sim->faults_done < 2) {
                break;
            }
        }
    }
}

/* Every fault at every milestone; and every pair of them, the first when all is well. */
static void live_all(struct run *run, struct sim *sim, uint64_t mode, bool pairs)
{
    struct sim_wish wish = {.exhaustive = true};
    live_script(run, sim, mode, &wish);
    uint64_t last = sim->milestones;
    for (int one = 0; one < fault_kinds() * MOVES_OF; one++) {
        wish.steps[0] = (struct script_step){.fault = one / MOVES_OF, .node = one % MOVES_OF};
        wish.step_count = 1;
        for (uint64_t at = 1; at <= (last < DEPTH ? last : DEPTH); at++) {
            wish.steps[0].milestone = at;
            live_script(run, sim, mode, &wish);
        }
        wish.steps[0].milestone = last;
        if (pairs && sim->faults_done > 0) {
            live_pairs(run, sim, mode, &wish);
        }
    }
}

/* ---- the program ---- */

static int read_number(const struct cli_call *call, const char *name, uint64_t standard,
                       uint64_t *ret, struct err *err)
{
    const char *text = cli_value(call, name);
    *ret = standard;
    if (text == NULL) {
        return 0;
    }
    char *end = NULL;
    errno = 0;
    uint64_t value = strtoull(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || value == 0 ||
        value > UINT64_C(1) << 48) {
        return cli_usage(call, err, "--%s takes a whole number from 1 on, not %s", name,
                         cli_quoted(text).text);
    }
    *ret = value;
    return 0;
}

static void show(struct run *run)
{
#define SHOW(name) (void)printf("%s=%" PRIu64 " ", #name, run->sum.name);
    COUNTS(SHOW)
#undef SHOW
    (void)printf("\nlongest wait for a primary after a heal: %" PRIu64 " ms\n", run->outage_ms_max);
}

static void check_fullness(struct run *run)
{
#define CHECK(name)                                  \
    if (run->sum.name == 0) {                        \
        run->violations++;                           \
        (void)printf("empty lives: no %s\n", #name); \
    }
    COUNTS(CHECK)
#undef CHECK
}

static int run_lives(const struct cli_call *call, struct err *err)
{
    uint64_t one = 0;
    uint64_t from = 0;
    uint64_t seeds = 0;
    if (read_number(call, "seed", 0, &one, err) != 0 ||
        read_number(call, "from", 1, &from, err) != 0 ||
        read_number(call, "seeds", 100, &seeds, err) != 0) {
        return ERR_USAGE;
    }
    from = one != 0 ? one : from;
    seeds = one != 0 ? 1 : seeds;
    struct run run = {.lives = 0};
    struct sim *sim = mem_zalloc(sizeof(*sim));
    bool is_exhaustive = cli_given(call, "exhaustive") || cli_given(call, "single");
    if (is_exhaustive) {
        for (uint64_t mode = 0; mode < MODES; mode++) {
            live_all(&run, sim, mode, cli_given(call, "exhaustive"));
        }
    }
    for (uint64_t i = 0; i < seeds && !is_exhaustive; i++) {
        live(&run, sim, from + i, cli_given(call, "trace") ? stdout : NULL);
    }
    show(&run);
    if (!is_exhaustive && seeds >= FULL_RUN_SEEDS) {
        check_fullness(&run);
    }
    (void)printf("%" PRIu64 " seeds, %" PRIu64 " events, %" PRIu64 " violations\n", run.lives,
                 run.sum.events, run.violations);
    sim_close(sim);
    mem_free(sim);
    return run.violations == 0 ? 0 : 1;
}

static const struct cli_command lives = {
    .options = CLI_OPTIONS(
        {.name = "from", .value = "N", .help = "the first seed; default: 1"},
        {.name = "seed", .value = "N", .help = "this one life"},
        {.name = "seeds", .value = "K", .help = "how many lives; default: 100"},
        {.name = "single", .help = "two databases and a witness: each fault at each step"},
        {.name = "exhaustive", .help = "... and every two faults one after the other"},
        {.name = "trace", .help = "tell each life event by event"}),
    .run = run_lives,
};

static const struct cli_command commands[] = {
    CLI_COMPLETION_COMMAND("pgraft-supersim"),
    CLI_HELP_COMMAND("pgraft-supersim"),
    {.name = NULL},
};

static const struct cli_program program = {
    .name = "pgraft-supersim",
    .version = PGRAFT_VERSION,
    .summary = "Live simulated lives of supervised PostgreSQLs, each decided by one seed.",
    .exit_statuses = "0 every promise was kept, 1 not, 2 usage",
    .commands = commands,
    .alone = &lives,
};

int main(int argc, char **argv)
{
    struct sigaction action = {.sa_handler = on_abort};
    (void)sigaction(SIGABRT, &action, NULL);
    return cli_main(&program, argc, argv);
}
