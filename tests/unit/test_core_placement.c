/* tests/unit/test_core_placement.c - leadership leaves the primary's host and a slow disk, once in
 * 30 s and not against the owner's will, in clusters moved by hand.
 *
 * Leadership that a test moves itself counts as a move; so each begins with whoever is elected. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/must.h"
#include "tests/lib/core_kit.h"

#define PAUSE_MS ((uint64_t)PLACEMENT_PAUSE_MS)
/* Beats until a new fact has had its effect. */
#define SOON_MS (10 * CK_BEAT_MS)

static void tune(struct core_settings *settings, void *ctx)
{
    (void)ctx;
    settings->place_leadership = true;
}

static uint64_t open_placed(struct core_kit *kit, const char *roles)
{
    ck_prepare(kit, roles);
    kit->tune = tune;
    for (size_t i = 0; roles[i] != '\0'; i++) {
        ck_boot(kit, i + 1);
    }
    uint64_t leader = ck_elect(kit);
    ck_run(kit, SOON_MS);
    return leader;
}

/* A lease for longer than any test, as the host @holder's. */
static void grant(struct core_kit *kit, uint64_t holder, bool is_protected)
{
    struct kv_command command = {
        .kind = KV_OP,
        .system = true,
        .op = {
            .kind = KV_OP_LEASE,
            .grant = {
                .id = 1, .ttl_ms = 3600 * 1000, .is_protected = is_protected, .holder = holder}}};
    uint64_t ticket = ck_command(kit, ck_leader(kit), &command);
    ck_settle(kit);
    assert_int_equal(ck_status(kit, ticket), 0);
}

static uint64_t moves(struct core_kit *kit)
{
    uint64_t sum = 0;
    for (uint64_t id = 1; id <= CK_NODES; id++) {
        uint64_t of_one = 0;
        if (ck_node(kit, id)->core != NULL) {
            (void)core_placement(ck_core(kit, id), &of_one);
        }
        sum += of_one;
    }
    return sum;
}

static uint64_t lowest_but(uint64_t a, uint64_t b)
{
    uint64_t id = 1;
    while (id == a || id == b) {
        id++;
    }
    return id;
}

static void leadership_leaves_the_primarys_host_once_in_30_s(void **state)
{
    (void)state;
    struct core_kit kit;
    uint64_t first = open_placed(&kit, "vvv");
    uint64_t term = engine_term(core_engine(ck_core(&kit, first)));
    ck_run(&kit, 2 * PAUSE_MS);
    assert_int_equal(moves(&kit), 0); /* there is no primary */
    grant(&kit, first, true);
    uint64_t moved_ms = kit.now_ms;
    ck_run(&kit, SOON_MS);
    uint64_t second = ck_leader(&kit);
    assert_int_equal(second, lowest_but(first, 0));
    assert_int_equal(moves(&kit), 1);
    assert_int_equal(engine_term(core_engine(ck_core(&kit, second))), term + 1);

    core_slow_disk(ck_core(&kit, second), true);
    ck_run(&kit, moved_ms + PAUSE_MS - kit.now_ms - 1);
    assert_int_equal(ck_leader(&kit), second);
    assert_int_equal(moves(&kit), 1);
    ck_run(&kit, SOON_MS);
    assert_int_equal(ck_leader(&kit), lowest_but(first, second));
    assert_int_equal(moves(&kit), 2);
    ck_run(&kit, 2 * PAUSE_MS); /* and is well placed there */
    assert_int_equal(moves(&kit), 2);
    ck_close(&kit);
}

/* Who becomes the leader by an election has been told of the move. */
static void the_pause_holds_when_leaders_change(void **state)
{
    (void)state;
    struct core_kit kit;
    uint64_t first = open_placed(&kit, "vvvvv");
    grant(&kit, first, true);
    uint64_t moved_ms = kit.now_ms;
    ck_run(&kit, SOON_MS);
    uint64_t second = ck_leader(&kit);
    assert_int_not_equal(second, first);
    ck_crash(&kit, second);
    uint64_t third = ck_elect(&kit);
    core_slow_disk(ck_core(&kit, third), true);
    ck_run(&kit, moved_ms + PAUSE_MS - kit.now_ms - 1);
    assert_int_equal(ck_leader(&kit), third);
    ck_run(&kit, SOON_MS);
    assert_int_not_equal(ck_leader(&kit), third);
    assert_int_not_equal(ck_leader(&kit), first);
    ck_close(&kit);
}

/* Its clock began after the move, and it knows of it all the same. */
static void a_host_that_has_just_started_is_told_of_the_move(void **state)
{
    (void)state;
    struct core_kit kit;
    uint64_t first = open_placed(&kit, "vvv");
    grant(&kit, first, true);
    ck_run(&kit, SOON_MS);
    uint64_t second = ck_leader(&kit);
    uint64_t third = lowest_but(first, second);
    ck_crash(&kit, third);
    ck_run(&kit, SOON_MS);
    ck_node(&kit, third)->offset_ms = (uint64_t)0 - kit.now_ms + 1;
    ck_boot(&kit, third);
    ck_run(&kit, 3 * CK_BEAT_MS);
    ck_tick(&kit, second, CK_BEAT_MS);
    const struct peer_message *told = ck_take(&kit, PEER_SOFT, third);
    assert_non_null(told);
    assert_true(told->soft.moved);
    assert_true(told->soft.moved_age_ms > kit.now_ms + ck_node(&kit, third)->offset_ms);
    ck_say(&kit, told);
    const struct peer_message *knows = ck_take(&kit, PEER_SOFT_RESULT, second);
    assert_non_null(knows);
    assert_true(knows->soft.moved);
    ck_close(&kit);
}

static void nothing_moves_while_the_owner_forbids_it(void **state)
{
    (void)state;
    struct core_kit kit;
    uint64_t leader = open_placed(&kit, "vvv");
    core_allow_moves(ck_core(&kit, leader), false);
    grant(&kit, leader, true);
    core_slow_disk(ck_core(&kit, leader), true);
    ck_run(&kit, 2 * PAUSE_MS);
    assert_int_equal(ck_leader(&kit), leader);
    core_allow_moves(ck_core(&kit, leader), true);
    ck_run(&kit, SOON_MS);
    assert_int_not_equal(ck_leader(&kit), leader);
    assert_int_equal(moves(&kit), 1);
    ck_close(&kit);
}

static void an_ordinary_lease_or_no_wish_for_it_moves_nothing(void **state)
{
    (void)state;
    struct core_kit kit;
    uint64_t leader = open_placed(&kit, "vvv");
    grant(&kit, leader, false);
    ck_run(&kit, SOON_MS);
    assert_int_equal(ck_leader(&kit), leader);
    ck_close(&kit);

    ck_open(&kit, "vvv"); /* place_leadership is not set */
    leader = ck_elect(&kit);
    grant(&kit, leader, true);
    core_slow_disk(ck_core(&kit, leader), true);
    ck_run(&kit, SOON_MS);
    assert_int_equal(ck_leader(&kit), leader);
    assert_int_equal(moves(&kit), 0);
    ck_close(&kit);
}

static void leadership_leaves_a_slow_disk(void **state)
{
    (void)state;
    struct core_kit kit;
    uint64_t leader = open_placed(&kit, "vvv");
    core_slow_disk(ck_core(&kit, leader), true);
    ck_run(&kit, SOON_MS);
    assert_int_equal(ck_leader(&kit), lowest_but(leader, 0));
    assert_int_equal(moves(&kit), 1);
    ck_close(&kit);
}

/* --- how the holder is heard --- */

/* A second of keep-alives of @holder's, a beat apart, as @from brings them to @leader. */
static void keep_alive(struct core_kit *kit, uint64_t holder, uint64_t from, uint64_t leader)
{
    struct peer_message m = {.kind = PEER_KEEP_ALIVE, .from = from, .to = leader};
    m.keep_alive = (struct peer_keep_alive){
        .holder = holder, .lease = 1, .epoch = 1, .passed_on = from != holder};
    for (unsigned i = 0; i < 10; i++) {
        m.keep_alive.name++;
        ck_say(kit, &m);
        ck_run(kit, CK_BEAT_MS);
    }
}

static void leadership_goes_to_who_hears_the_primary_directly(void **state)
{
    (void)state;
    struct core_kit kit;
    uint64_t leader = open_placed(&kit, "vvvvv");
    uint64_t holder = lowest_but(leader, 0);
    uint64_t relay = leader == 5 ? 4 : 5;
    grant(&kit, holder, true);
    keep_alive(&kit, holder, holder, leader);
    keep_alive(&kit, holder, relay, leader); /* not for long enough yet */
    keep_alive(&kit, holder, holder, leader);
    keep_alive(&kit, holder, relay, leader);
    assert_int_equal(moves(&kit), 0);
    assert_int_equal(ck_leader(&kit), leader);
    keep_alive(&kit, holder, relay, leader);
    assert_int_equal(moves(&kit), 1);
    assert_int_equal(ck_leader(&kit), relay);
    ck_close(&kit);
}

/* --- not to these --- */

/* Without the voter with the lowest id it is the other's turn. */
static void expect_not(struct core_kit *kit, uint64_t leader, uint64_t unfit)
{
    grant(kit, leader, true);
    ck_run(kit, SOON_MS);
    assert_int_equal(ck_leader(kit), lowest_but(leader, unfit));
    assert_int_equal(moves(kit), 1);
    ck_close(kit);
}

static void not_to_a_disk_whose_owner_calls_it_slow(void **state)
{
    (void)state;
    struct core_kit kit;
    uint64_t leader = open_placed(&kit, "vvv");
    uint64_t unfit = lowest_but(leader, 0);
    core_slow_disk(ck_core(&kit, unfit), true);
    ck_run(&kit, SOON_MS);
    expect_not(&kit, leader, unfit);
}

static void not_to_a_disk_that_is_writing_for_long(void **state)
{
    (void)state;
    struct core_kit kit;
    uint64_t leader = open_placed(&kit, "vvv");
    uint64_t unfit = lowest_but(leader, 0);
    ck_node(&kit, unfit)->disk_stopped = true;
    (void)ck_put(&kit, leader, "a", "1");
    ck_run(&kit, SOON_MS);
    expect_not(&kit, leader, unfit);
}

static void not_to_a_full_disk(void **state)
{
    (void)state;
    struct core_kit kit;
    uint64_t leader = open_placed(&kit, "vvv");
    uint64_t unfit = lowest_but(leader, 0);
    ck_set_full(&kit, unfit, true);
    (void)ck_put(&kit, leader, "a", "1");
    ck_run(&kit, SOON_MS);
    assert_true(ck_node(&kit, unfit)->told_full);
    expect_not(&kit, leader, unfit);
}

static void not_to_a_member_that_is_silent(void **state)
{
    (void)state;
    struct core_kit kit;
    uint64_t leader = open_placed(&kit, "vvv");
    uint64_t unfit = lowest_but(leader, 0);
    ck_node(&kit, unfit)->cut_off = true;
    ck_run(&kit, SOON_MS);
    expect_not(&kit, leader, unfit);
}

static void not_to_a_standby(void **state)
{
    (void)state;
    struct core_kit kit;
    uint64_t leader = open_placed(&kit, "svvv");
    expect_not(&kit, leader, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(leadership_leaves_the_primarys_host_once_in_30_s),
        cmocka_unit_test(the_pause_holds_when_leaders_change),
        cmocka_unit_test(a_host_that_has_just_started_is_told_of_the_move),
        cmocka_unit_test(nothing_moves_while_the_owner_forbids_it),
        cmocka_unit_test(an_ordinary_lease_or_no_wish_for_it_moves_nothing),
        cmocka_unit_test(leadership_leaves_a_slow_disk),
        cmocka_unit_test(leadership_goes_to_who_hears_the_primary_directly),
        cmocka_unit_test(not_to_a_disk_whose_owner_calls_it_slow),
        cmocka_unit_test(not_to_a_disk_that_is_writing_for_long),
        cmocka_unit_test(not_to_a_full_disk),
        cmocka_unit_test(not_to_a_member_that_is_silent),
        cmocka_unit_test(not_to_a_standby),
    };
    return cmocka_run_group_tests_name("core_placement", tests, NULL, NULL);
}
