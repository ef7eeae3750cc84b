/* tests/sim/main.c - pgraft-sim: many lives, or one of them again.
 *
 * Prints every seed that broke a promise, how often each thing happened over all lives, and as its
 * last line "N seeds, E events, V violations". A run of a thousand lives and more must be full of
 * life: a kind of event that never came, or too few writes, is a failure of the simulator and
 * counts as one. Every twentieth life is lived twice and must leave the same trace. */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cli.h"
#include "base/mem.h"
#include "base/version.h"
#include "tests/sim/sim.h"

#define FULL_RUN_SEEDS 2000
#define ACKED_MEDIAN_MIN 100
#define TWICE_EVERY 20

static uint64_t living_seed;

/* A crash, or a promise that the code itself found broken, is a violation like any other; its line
 * is on stderr already. */
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
    uint64_t violations;
    struct sim_counts sum;
    uint64_t *acked; /* of every life */
};

static struct sim_wish wish;

static struct hash128 live_once(struct sim *sim, uint64_t seed, FILE *trace)
{
    living_seed = seed;
    wish.hashed = trace == NULL && seed % TWICE_EVERY == 0;
    (void)sim_live(sim, seed, &wish, trace);
    return sim->trace_hash;
}

static void live(struct run *run, struct sim *sim, uint64_t seed, FILE *trace, uint64_t at)
{
    struct hash128 hash = live_once(sim, seed, trace);
    if (sim->violation[0] != '\0') {
        run->violations++;
        (void)printf("seed %" PRIu64 " at %.3f s: %s\n", seed, (double)sim->now_ns / 1e9,
                     sim->violation);
    }
#define ADD(name) run->sum.name += sim->counts.name;
    SIM_COUNTS(ADD)
#undef ADD
    run->acked[at] = sim->counts.writes_acked;
    sim_close(sim);
    if (wish.hashed) {
        struct hash128 again = live_once(sim, seed, NULL);
        if (!hash128_equal(&again, &hash)) {
            run->violations++;
            (void)printf("seed %" PRIu64 ": lived twice, it was another life\n", seed);
        }
        sim_close(sim);
    }
}

static int by_value(const void *a, const void *b)
{
    uint64_t x = 0;
    uint64_t y = 0;
    memcpy(&x, a, sizeof(x));
    memcpy(&y, b, sizeof(y));
    return x < y ? -1 : x > y ? 1 : 0;
}

static void empty(struct run *run, const char *what)
{
    run->violations++;
    (void)printf("empty lives: %s\n", what);
}

static void check_fullness(struct run *run, uint64_t seeds)
{
    qsort(run->acked, (size_t)seeds, sizeof(*run->acked), by_value);
    uint64_t median = run->acked[seeds / 2];
    (void)printf("writes acknowledged in a life: median %" PRIu64 "\n", median);
    if (seeds < FULL_RUN_SEEDS) {
        return;
    }
    if (median < ACKED_MEDIAN_MIN) {
        empty(run, "too few acknowledged writes");
    }
#define CHECK(name)              \
    if (run->sum.name == 0) {    \
        empty(run, "no " #name); \
    }
    SIM_COUNTS(CHECK)
#undef CHECK
}

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

static int run_lives(const struct cli_call *call, struct err *err)
{
    uint64_t one = 0;
    uint64_t from = 0;
    uint64_t seeds = 0;
    if (read_number(call, "seed", 0, &one, err) != 0 ||
        read_number(call, "from", 1, &from, err) != 0 ||
        read_number(call, "seeds", 100, &seeds, err) != 0 ||
        read_number(call, "voters", 0, &wish.voters, err) != 0 ||
        read_number(call, "seconds", 0, &wish.seconds, err) != 0) {
        return ERR_USAGE;
    }
    if (wish.voters > SIM_VOTERS_MAX) {
        return cli_usage(call, err, "--voters takes at most %d", SIM_VOTERS_MAX);
    }
    from = one != 0 ? one : from;
    seeds = one != 0 ? 1 : seeds;
    struct run run = {.acked = mem_array(seeds, sizeof(uint64_t))};
    struct sim *sim = mem_zalloc(sizeof(*sim));
    for (uint64_t i = 0; i < seeds; i++) {
        live(&run, sim, from + i, cli_given(call, "trace") ? stdout : NULL, i);
    }
#define SHOW(name) (void)printf("%s=%" PRIu64 " ", #name, run.sum.name);
    SIM_COUNTS(SHOW)
#undef SHOW
    (void)printf("\n");
    check_fullness(&run, seeds);
    (void)printf("%" PRIu64 " seeds, %" PRIu64 " events, %" PRIu64 " violations\n", seeds,
                 run.sum.events, run.violations);
    mem_free(run.acked);
    mem_free(sim);
    return run.violations == 0 ? 0 : 1;
}

static const struct cli_command lives = {
    .options = CLI_OPTIONS(
        {.name = "from", .value = "N", .help = "the first seed; default: 1"},
        {.name = "seed", .value = "N", .help = "this one life"},
        {.name = "seeds", .value = "K", .help = "how many lives; default: 100"},
        {.name = "voters", .value = "N", .help = "so many, whatever the seed"},
        {.name = "seconds", .value = "S", .help = "every life lasts so long, of virtual time"},
        {.name = "trace", .help = "tell each life event by event"}),
    .run = run_lives,
};

static const struct cli_command commands[] = {
    CLI_COMPLETION_COMMAND("pgraft-sim"),
    CLI_HELP_COMMAND("pgraft-sim"),
    {.name = NULL},
};

static const struct cli_program program = {
    .name = "pgraft-sim",
    .version = PGRAFT_VERSION,
    .summary = "Live simulated lives of a consensus cluster, each decided by one seed.",
    .exit_statuses = "0 every promise was kept, 1 not, 2 usage",
    .commands = commands,
    .alone = &lives,
};

int main(int argc, char **argv)
{
    struct sigaction action = {.sa_handler = on_abort};
    (void)sigaction(SIGABRT, &action, NULL);
#ifndef __SANITIZE_ADDRESS__ /* which has more to say about it */
    action.sa_flags = (int)SA_RESETHAND;
    (void)sigaction(SIGSEGV, &action, NULL);
#endif
    return cli_main(&program, argc, argv);
}
