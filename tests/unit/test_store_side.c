/* tests/unit/test_store_side.c - the store's side of the supervisor on three real nodes, each a
 * process of its own: an election by the advisor grants the role to exactly one, who renews it,
 * writes as its holder and lets go; one that is cut off, or frozen, is at its end before another is
 * granted; one that is started again goes on, and nothing of its earlier life comes late.
 *
 * PostgreSQL is a few numbers here. All times are CLOCK_BOOTTIME, which all processes share, so the
 * test knows true time where the nodes do not. */
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "supervisor/proof.h"
#include "supervisor/store_side.h"
#include "supervisor/sync_set.h"
#include "supervisor/timing_profile.h"
#include "tests/lib/hosts.h"
#include "tests/lib/lease_time.h"

#define NODES 3
#define WAIT_MS 30000
#define LSN 5000

/* What a node and the test tell each other. */
struct desk {
    /* by the test */
    bool stop;
    bool nofailover;
    bool release;             /* the role, once */
    bool stretches;           /* its lease, as before an upgrade */
    bool hangs;               /* the supervisor: it decides nothing any more */
    bool cut;                 /* from all others */
    bool late;                /* send what an earlier life may have left */
    struct guard_grant found; /* in the page of a guard that has lived on */
    /* by the node */
    bool is_up;
    bool has_looked;
    struct lease_facts first; /* of its first look */
    uint64_t looked_ms;
    struct store_facts store;
    struct lease_facts lease;
    enum lease_stage stage;
    struct guard_grant page;
    uint64_t seen_epoch; /* of the newest grant that was seen to stand, ... */
    uint64_t seen_ms;    /* ... first here */
    int late_status;
    uint64_t claims;
    bool has_own_time; /* again, by a change of this life */
};

struct shared {
    struct desk at[NODES];
};

struct node {
    struct host *host;
    struct desk *desk;
    struct store_side side;
    struct supervisor_settings settings;
    struct facts facts; /* what is not of the store's side in it stays from look to look */
    struct own_tags tags;
    bool is_cut;
};

static struct hosts hosts;
static struct shared *shared;
static pid_t children[NODES];
static struct node node; /* of a child */

static uint64_t boot_ms(void)
{
    return clock_boot_ms(clock_system());
}

/* ---- a node ---- */

static uint64_t advise(void *ctx, const struct pgraft_view *view,
                       struct pgraft_transaction *transaction)
{
    (void)ctx;
    return store_side_advise(&node.side, view, transaction);
}

static void with_advisor(struct pgraft_settings *settings, size_t host)
{
    (void)host;
    settings->advise = advise;
    settings->lease_ms = 2000;
    settings->heartbeat_ms = 50;
    settings->election_timeout_ms = 300;
}

static void node_open(size_t at)
{
    memset(&node, 0, sizeof(node));
    node.host = &hosts.at[at];
    node.desk = &shared->at[at];
    struct timing_wish wish = {.profile = FAILOVER_FAST};
    node.settings.times = timing_from(&wish).times;
    node.settings.sync_mode = SYNC_QUORUM;
    node.settings.sync_nodes = 1;
    node.settings.check_timeline = true;
    bool fits = store_side_init(&node.side, "/service/", "test", node.host->name);
    assert_true(fits);
    hosts.settings = with_advisor;
    hosts_start(&hosts, at);
    struct store_view_owner nobody = {.changed = NULL};
    store_side_open(&node.side, node.host->store, &nobody);
    lease_hold_adopt(&node.side.hold, &node.desk->found);
    node.tags = (struct own_tags){.is_database = true, .failover_priority = 1};
    node.facts.pg = (struct pg_facts){.process = PG_RUNNING,
                                      .role = ROLE_STANDBY,
                                      .data = DATA_USABLE,
                                      .copy = 100 + at,
                                      .conninfo_empty = FACT_YES,
                                      .receiver = RECEIVER_GONE,
                                      .end = {.is_known = true, .timeline = 1, .lsn = LSN}};
}

/* A standby seals itself when it is told to, and otherwise has all that the primary has. */
static void be_standby(const struct store_facts *s)
{
    struct pg_facts *pg = &node.facts.pg;
    const struct history_row *newest = history_newest(s);
    bool seals = s->order_epoch > s->grant_epoch;
    bool follows = !seals && newest != NULL && s->lease_stands && newest->epoch == s->grant_epoch;
    pg->role = ROLE_STANDBY;
    node.facts.guard.promoted_epoch = 0;
    if (!seals && !follows) {
        return;
    }
    pg->sealed_epoch = seals ? s->order_epoch : pg->sealed_epoch;
    pg->end.timeline = follows ? newest->timeline : pg->end.timeline;
    pg->upstream = follows ? s->holder : (struct facts_name){.text = ""};
    pg->receiver = follows ? RECEIVER_LIVES : RECEIVER_GONE;
    pg->follows_epoch = follows ? s->grant_epoch : 0;
    pg->conninfo_empty = follows ? FACT_NO : FACT_YES;
    pg->receiver_gone_twice = pg->end_after_seal = seals;
}

static void record(const struct store_facts *s, uint64_t now_ms)
{
    struct holder_timeline what = {
        .row = {.epoch = s->grant_epoch,
                .timeline = s->grant_timeline,
                .parent = node.facts.pg.end.timeline,
                .switch_lsn = LSN},
        .system_id = 7450012345678901234,
        .copy = node.facts.pg.copy,
        .inherited = sync_inherit(&node.facts),
        .reason = "of a test",
        .stamp = "2026-11-21T15:00:00Z",
    };
    if (s->history_count > 0) { /* of this grant it is not, whatever PostgreSQL says */
        struct holder_timeline older = what;
        older.row.timeline--;
        assert_false(holder_timeline(&node.side.holder, &node.side.view, now_ms, &older));
    }
    (void)holder_timeline(&node.side.holder, &node.side.view, now_ms, &what);
}

static void be_primary(const struct store_facts *s, uint64_t now_ms)
{
    const struct history_row *newest = history_newest(s);
    struct sync_value value = {.is_known = true, .epoch = s->grant_epoch, .count = 1};
    value.primary = (struct sync_copy){.name = node.side.self, .copy = node.facts.pg.copy};
    if (newest == NULL || newest->epoch != s->grant_epoch) {
        record(s, now_ms);
        return;
    }
    node.facts.pg.end.timeline = newest->timeline;
    node.facts.pg.role = ROLE_PRIMARY;
    node.facts.guard.promoted_epoch = s->grant_epoch;
    value.sets[0].needed = 1;
    for (size_t i = 0; i < NODES; i++) {
        if (&hosts.at[i] != node.host) {
            struct sync_copy *copy = &value.sets[0].at[value.sets[0].count];
            (void)snprintf(copy->name.text, sizeof(copy->name.text), "%s", hosts.at[i].name);
            copy->copy = 100 + i;
            value.sets[0].count++;
        }
    }
    if (s->sync.epoch == s->grant_epoch && s->sync.count == 1 &&
        sync_set_equal(&s->sync.sets[0], &value.sets[0])) {
        return; /* published */
    }
    (void)holder_sync(&node.side.holder, &node.side.view, now_ms, &value, s->sync_revision);
}

static void on_late(void *ctx, const struct pgraft_result *result)
{
    struct desk *desk = ctx;
    desk->late_status = result->status != 0 ? result->status : 1;
}

/* As an earlier life would have sent it, before it was killed. */
static void release_late(uint64_t sequence)
{
    struct pgraft_session session = {.client = node.side.holder.client,
                                     .sequence = sequence,
                                     .since = node.side.holder.since,
                                     .acked = sequence};
    struct pgraft_call call = {.session = &session, .done = on_late, .ctx = node.desk};
    (void)pgraft_lease_release(node.host->store, KEYS_PRIMARY_LEASE, node.side.holder.epoch, &call,
                               NULL, NULL);
}

static void obey(uint64_t now_ms)
{
    struct desk *desk = node.desk;
    node.tags.nofailover = desk->nofailover;
    if (desk->cut != node.is_cut) {
        node.is_cut = desk->cut;
        struct rlimit files = {.rlim_cur = desk->cut ? 3 : 1024, .rlim_max = 4096};
        (void)setrlimit(RLIMIT_NOFILE, &files); /* no connection comes about any more */
        if (node.is_cut) {
            hosts_break_connections();
        }
    }
    if (desk->release && lease_hold_let_go(&node.side.hold) &&
        lease_hold_release(&node.side.hold, now_ms)) {
        node.facts.pg.role = ROLE_STANDBY;
        desk->release = false;
    }
    desk->has_own_time |= lease_time_turn(&node.side, desk->stretches, now_ms);
    if (desk->late) {
        desk->late = false;
        release_late(node.side.holder.sequence - 1);
    }
}

static void tell_desk(const struct store_facts *s, const struct lease_facts *lease, uint64_t now_ms)
{
    struct desk *desk = node.desk;
    desk->first = desk->has_looked ? desk->first : *lease;
    desk->has_looked = true;
    desk->store = *s;
    desk->lease = *lease;
    desk->stage = node.side.hold.stage;
    desk->claims += node.side.holder.kind == HOLDER_CLAIM && desk->claims == 0 ? 1 : 0;
    lease_hold_grant(&node.side.hold, &node.settings.times, 0, &desk->page);
    if (s->lease_stands && s->grant_epoch != desk->seen_epoch) {
        desk->seen_epoch = s->grant_epoch;
        desk->seen_ms = now_ms;
    }
    desk->is_up = s->initialized != FACT_UNKNOWN;
    desk->looked_ms = now_ms;
}

static void turn(void)
{
    uint64_t now_ms = boot_ms();
    struct facts *f = &node.facts;
    obey(now_ms);
    store_side_tick(&node.side, now_ms, &node.settings);
    store_side_facts(&node.side, now_ms, &node.settings, f);
    if (!node.desk->hangs) {
        if (f->lease.epoch != 0) {
            lease_hold_renew(&node.side.hold, now_ms, node.settings.times.renew_ms);
        }
        if (f->lease.remaining_ms > 0 && f->lease.epoch == f->store.grant_epoch) {
            be_primary(&f->store, now_ms);
        } else {
            be_standby(&f->store);
        }
        store_side_say(&node.side, now_ms, f, &node.tags, "{}");
    }
    tell_desk(&f->store, &f->lease, now_ms);
}

static _Noreturn void live(size_t at)
{
    node_open(at);
    while (!node.desk->stop) {
        struct pollfd fd = {.fd = pgraft_fd(node.host->store), .events = POLLIN};
        (void)poll(&fd, 1, 10);
        (void)pgraft_dispatch(node.host->store);
        turn();
    }
    pgraft_close(node.host->store);
    store_side_close(&node.side);
    _exit(0);
}

/* ---- the test's side ---- */

/* @found: NULL, or what the guard's page says. */
static void start_with(size_t at, const struct guard_grant *found)
{
    bool nofailover = shared->at[at].nofailover;
    memset(&shared->at[at], 0, sizeof(shared->at[at]));
    shared->at[at].nofailover = nofailover;
    shared->at[at].found = found != NULL ? *found : (struct guard_grant){.epoch = 0};
    (void)fflush(NULL);
    children[at] = fork();
    assert_true(children[at] >= 0);
    if (children[at] == 0) {
        live(at);
    }
}

static void end(size_t at)
{
    int status = 0;
    if (children[at] > 0) {
        (void)kill(children[at], SIGKILL);
        (void)waitpid(children[at], &status, 0);
    }
    children[at] = 0;
}

static void pause_ms(uint64_t ms)
{
    struct timespec pause = {.tv_sec = (time_t)(ms / 1000),
                             .tv_nsec = (long)((ms % 1000) * NS_PER_MS)};
    (void)nanosleep(&pause, NULL);
}

static volatile struct desk *desk(size_t at)
{
    return &shared->at[at];
}

/* It has published a set of its own: what it inherited may list itself. */
static bool has_own_set(size_t at)
{
    const struct sync_value *value = &shared->at[at].store.sync;
    bool is_own = value->epoch == shared->at[at].lease.epoch && value->count == 1 &&
                  value->sets[0].count == NODES - 1;
    for (uint32_t i = 0; is_own && i < NODES - 1; i++) {
        is_own = value->sets[0].at[i].copy != 100 + at;
    }
    return is_own;
}

/* Who holds the lease by its own words, now; NODES: nobody. */
static size_t holder_now(void)
{
    for (size_t i = 0; i < NODES; i++) {
        volatile struct desk *d = desk(i);
        if (d->stage == LEASE_HELD && d->lease.remaining_ms > 0 && has_own_set(i)) {
            return i;
        }
    }
    return NODES;
}

/* Holds with an epoch above @above, has recorded its timeline and published its set, and all of
 * those that @see it do. */
static size_t wait_holder(uint64_t above, unsigned see)
{
    uint64_t until_ms = boot_ms() + WAIT_MS;
    while (boot_ms() < until_ms) {
        size_t at = holder_now();
        bool all = at < NODES && desk(at)->lease.epoch > above;
        for (size_t i = 0; all && i < NODES; i++) {
            volatile struct desk *d = desk(i);
            all =
                (see >> i & 1) == 0 ||
                (d->store.lease_stands && d->store.grant_epoch == desk(at)->lease.epoch &&
                 d->store.initialized == FACT_YES && d->store.sync.epoch == desk(at)->lease.epoch &&
                 d->store.sync_revision == desk(at)->store.sync_revision);
        }
        if (all) {
            return at;
        }
        pause_ms(5);
    }
    for (size_t i = 0; i < NODES; i++) {
        volatile struct desk *d = desk(i);
        (void)fprintf(stderr, "n%zu: stage %d epoch %lu left %lu, grant %lu order %lu stands %d\n",
                      i + 1, (int)d->stage, (unsigned long)d->lease.epoch,
                      (unsigned long)d->lease.remaining_ms, (unsigned long)d->store.grant_epoch,
                      (unsigned long)d->store.order_epoch, (int)d->store.lease_stands);
    }
    fail_msg("nobody holds the lease");
    return NODES;
}

static int open_all(void **state)
{
    (void)state;
    shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(shared != MAP_FAILED);
    hosts_open(&hosts, NODES);
    for (size_t i = 0; i < NODES; i++) {
        start_with(i, NULL);
    }
    return 0;
}

static int close_all(void **state)
{
    (void)state;
    for (size_t i = 0; i < NODES; i++) {
        end(i);
    }
    hosts_close(&hosts);
    (void)munmap(shared, sizeof(*shared));
    return 0;
}

/* The page of the library in that process, as a guard has it. */
static uint64_t page_deadline_ns(size_t at)
{
    return desk(at)->page.deadline_ns;
}

static void one_is_granted_the_role_and_renews_it(void **state)
{
    (void)state;
    size_t at = wait_holder(0, 7);
    uint64_t epoch = desk(at)->lease.epoch;
    uint64_t until_ms = boot_ms() + 3000; /* longer than the lease */
    uint64_t deadline_ns = desk(at)->page.deadline_ns;
    while (boot_ms() < until_ms) {
        for (size_t i = 0; i < NODES; i++) {
            assert_int_equal(desk(i)->store.grant_epoch, epoch);
            assert_true(i == at || desk(i)->lease.epoch == 0);
        }
        assert_true(desk(at)->lease.remaining_ms > 0);
        assert_true(desk(at)->page.deadline_ns >= deadline_ns);
        deadline_ns = desk(at)->page.deadline_ns;
        pause_ms(5);
    }
    assert_string_equal(shared->at[at].store.holder.text, hosts.at[at].name);
    assert_int_equal(desk(at)->store.history_count, 1);
    assert_int_equal(desk(at)->store.holder_copy, 100 + at);
    assert_int_equal(desk(at)->page.promote_epoch, 0);
}

static void a3_who_lets_go_is_followed_by_another_at_once(void **state)
{
    (void)state;
    size_t first = wait_holder(0, 7);
    uint64_t epoch = desk(first)->lease.epoch;
    desk(first)->nofailover = true;
    pause_ms(300); /* all have heard of it */
    uint64_t at_ms = boot_ms();
    desk(first)->release = true;
    size_t second = wait_holder(epoch, 7);
    assert_int_not_equal(second, first);
    assert_true(desk(second)->seen_ms - at_ms < 1500); /* no lease was waited for */
    assert_int_equal(desk(first)->lease.epoch, 0);
    assert_int_equal(desk(first)->page.epoch, 0);
    assert_int_equal(desk(second)->store.history_count, 2);
    assert_true(desk(second)->store.history[1].timeline > desk(second)->store.history[0].timeline);
}

/* All its processes are gone, nobody says so: its lease runs out, then there is an election. */
static void a3_a_lost_host_costs_its_lease_and_little_more(void **state)
{
    (void)state;
    size_t first = wait_holder(0, 7);
    uint64_t epoch = desk(first)->lease.epoch;
    uint64_t deadline_ns = page_deadline_ns(first);
    uint64_t at_ms = boot_ms();
    end(first);
    desk(first)->stage = LEASE_NOT_MINE; /* it can not say so any more */
    size_t second = wait_holder(epoch, 7U & ~(1U << first));
    uint64_t took_ms = desk(second)->seen_ms - at_ms;
    print_message("# granted after %u ms\n", (unsigned)took_ms);
    assert_true(deadline_ns <= desk(second)->seen_ms * NS_PER_MS);
    assert_true(took_ms < 2000 + 2000); /* the lease, and what a busy machine takes */
}

static void a1_who_is_cut_off_is_at_its_end_before_another_is_granted(void **state)
{
    (void)state;
    size_t first = wait_holder(0, 7);
    uint64_t epoch = desk(first)->lease.epoch;
    desk(first)->cut = true;
    size_t second = wait_holder(epoch, 7U & ~(1U << first));
    assert_int_not_equal(second, first);
    /* It wants the lease all the time, and looks every 10 ms. */
    assert_true(boot_ms() - desk(first)->looked_ms < 2000);
    assert_int_equal(desk(first)->lease.remaining_ms, 0);
    for (size_t i = 0; i < NODES; i++) {
        assert_true(i == first || page_deadline_ns(first) <= desk(i)->seen_ms * NS_PER_MS);
    }
    desk(first)->cut = false;
    uint64_t until_ms = boot_ms() + WAIT_MS;
    while (desk(first)->store.grant_epoch == epoch && boot_ms() < until_ms) {
        pause_ms(10);
    }
    pause_ms(500);
    assert_int_equal(desk(first)->lease.epoch, 0);
    assert_int_equal(holder_now(), second);
}

static void a1_who_hangs_or_is_frozen_loses_the_lease(void **state)
{
    (void)state;
    size_t first = wait_holder(0, 7);
    uint64_t epoch = desk(first)->lease.epoch;
    desk(first)->hangs = true; /* its library lives on: nobody asks it to renew */
    size_t second = wait_holder(epoch, 7);
    assert_int_not_equal(second, first);
    assert_true(page_deadline_ns(first) <= desk(second)->seen_ms * NS_PER_MS);
    desk(first)->hangs = false;
    pause_ms(700);
    epoch = desk(second)->lease.epoch;
    (void)kill(children[second], SIGSTOP);
    size_t third = NODES;
    uint64_t until_ms = boot_ms() + WAIT_MS;
    while (third == NODES && boot_ms() < until_ms) {
        for (size_t i = 0; i < NODES; i++) {
            third = i != second && desk(i)->lease.epoch > epoch && desk(i)->lease.remaining_ms > 0
                        ? i
                        : third;
        }
        pause_ms(5);
    }
    (void)kill(children[second], SIGCONT);
    assert_int_not_equal(third, NODES);
    assert_true(page_deadline_ns(second) <= desk(third)->seen_ms * NS_PER_MS);
    assert_int_equal(wait_holder(epoch, 7), third);
}

static void a3_who_is_started_again_goes_on_and_nothing_comes_late(void **state)
{
    (void)state;
    size_t at = wait_holder(0, 7);
    uint64_t epoch = desk(at)->lease.epoch;
    end(at);
    struct guard_grant page = shared->at[at].page;
    start_with(at, &page);
    size_t again = wait_holder(epoch - 1, 7);
    if (desk(again)->lease.epoch != epoch) {
        print_message("# the machine was too slow: the lease had run out\n");
        return;
    }
    assert_int_equal(again, at);
    assert_int_equal(desk(at)->claims, 1);
    assert_int_equal(desk(at)->first.epoch, epoch); /* before it has read anything */
    assert_true(desk(at)->first.remaining_ms > 0);
    desk(at)->late = true; /* a release of the life before arrives now */
    uint64_t until_ms = boot_ms() + WAIT_MS;
    while (desk(at)->late_status == 0 && boot_ms() < until_ms) {
        pause_ms(5);
    }
    assert_int_equal(desk(at)->late_status, PGRAFT_ERR_EXPIRED);
    pause_ms(300);
    assert_int_equal(desk(at)->lease.epoch, epoch);
    assert_true(desk(at)->store.lease_stands);
}

/* A life makes it longer and is killed; the next one takes it back, and keeps no deadline. */
static void a8_a_longer_lease_is_taken_back_by_the_next_life(void **state)
{
    (void)state;
    size_t at = wait_holder(0, 7);
    desk(at)->stretches = true;
    while (desk(at)->lease.remaining_ms < 5000) {
        pause_ms(5);
    }
    end(at);
    const struct guard_grant page = shared->at[at].page;
    start_with(at, &page);
    while (!desk(at)->has_own_time) {
        pause_ms(5);
        assert_true(boot_ms() < page.deadline_ns / NS_PER_MS + WAIT_MS);
    }
    pause_ms(LEASE_TIME_LONG_MS); /* the leader forgets no time that it has counted before */
    uint64_t epoch = desk(at)->lease.epoch;
    uint64_t at_ms = boot_ms();
    end(at);
    desk(at)->stage = LEASE_NOT_MINE;
    size_t second = wait_holder(epoch, 7U & ~(1U << at));
    assert_true(page.deadline_ns <= page_deadline_ns(at));
    assert_true(page_deadline_ns(at) <= desk(second)->seen_ms * NS_PER_MS);
    assert_true(desk(second)->seen_ms - at_ms < 2000 + 2000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(one_is_granted_the_role_and_renews_it, open_all, close_all),
        cmocka_unit_test_setup_teardown(a3_who_lets_go_is_followed_by_another_at_once, open_all,
                                        close_all),
        cmocka_unit_test_setup_teardown(a3_a_lost_host_costs_its_lease_and_little_more, open_all,
                                        close_all),
        cmocka_unit_test_setup_teardown(a1_who_is_cut_off_is_at_its_end_before_another_is_granted,
                                        open_all, close_all),
        cmocka_unit_test_setup_teardown(a1_who_hangs_or_is_frozen_loses_the_lease, open_all,
                                        close_all),
        cmocka_unit_test_setup_teardown(a3_who_is_started_again_goes_on_and_nothing_comes_late,
                                        open_all, close_all),
        cmocka_unit_test_setup_teardown(a8_a_longer_lease_is_taken_back_by_the_next_life, open_all,
                                        close_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
