/* tests/unit/test_plan.c - what a plan says, compared with every loss that can happen.
 *
 * Claim: each row of a layout's table tells the worst of the losses of its size, and the layout
 * survives what was wished for; an impossible wish names one that is possible. Method: for every
 * wish in reach and each of its layouts, every subset of nodes is lost once and its votes counted.
 */
#include "tests/lib/death.h"

#include <stdlib.h>

#include "ctl/plan.h"

static struct plan planned(struct plan_wish wish)
{
    struct err err = {0};
    struct plan plan;
    if (plan_make(&wish, &plan, &err) < 0) {
        fail_msg("refused: %s", err.msg);
    }
    return plan;
}

/* --- Every loss there is --- */

struct left {
    unsigned votes;
    unsigned databases;
};

static struct left after(const struct plan_layout *l, unsigned lost)
{
    struct left left = {0};
    for (size_t i = 0; i < l->node_count; i++) {
        if ((lost & (1U << i)) == 0) {
            left.votes += l->nodes[i].votes ? 1 : 0;
            left.databases += l->nodes[i].is_database ? 1 : 0;
        }
    }
    return left;
}

/* The nodes at the site of node @i. */
static unsigned site_of(const struct plan_layout *l, size_t i)
{
    unsigned site = 0;
    for (size_t j = 0; j < l->node_count; j++) {
        site |= strcmp(l->nodes[i].site, l->nodes[j].site) == 0 ? 1U << j : 0;
    }
    return site;
}

/* Does the set of lost nodes consist of whole sites and of witnesses, and of how many? */
static bool is_of_sites(const struct plan_layout *l, unsigned lost, unsigned *sites,
                        unsigned *outside)
{
    *sites = 0;
    *outside = 0;
    for (size_t i = 0; i < l->node_count; i++) {
        unsigned site = site_of(l, i);
        if ((lost & site) != 0 && (lost & site) != site) {
            return false;
        }
        bool first = (site & ((1U << i) - 1)) == 0;
        if ((lost & site) == site && first) {
            *(l->nodes[i].is_database ? sites : outside) += 1;
        }
    }
    return true;
}

struct worst {
    unsigned votes;
    unsigned databases;
};

/* Lose every subset; remember the worst for each size of loss. */
static void lose_all(const struct plan_layout *l, bool by_sites,
                     struct worst worst[PLAN_NODES_MAX + 1][PLAN_NODES_MAX + 1])
{
    memset(worst, 0xff, sizeof(struct worst) * (PLAN_NODES_MAX + 1) * (PLAN_NODES_MAX + 1));
    for (unsigned lost = 0; lost < 1U << l->node_count; lost++) {
        unsigned sites = 0;
        unsigned nodes = (unsigned)__builtin_popcount(lost);
        if (by_sites && !is_of_sites(l, lost, &sites, &nodes)) {
            continue;
        }
        struct left left = after(l, lost);
        struct worst *w = &worst[sites][nodes];
        w->votes = left.votes < w->votes ? left.votes : w->votes;
        w->databases = left.databases < w->databases ? left.databases : w->databases;
    }
}

static void check_table(const struct plan_layout *l, bool by_sites)
{
    static struct worst worst[PLAN_NODES_MAX + 1][PLAN_NODES_MAX + 1];
    lose_all(l, by_sites, worst);
    for (size_t i = 0; i < l->loss_count; i++) {
        const struct plan_loss *loss = &l->losses[i];
        const struct worst *w = &worst[loss->sites][loss->nodes];
        assert_int_equal(loss->votes_left, w->votes);
        assert_int_equal(loss->databases_left, w->databases);
        assert_int_equal(loss->works, 2 * w->votes > l->votes);
        assert_int_equal(loss->spare, loss->works ? w->votes - l->quorum : 0);
    }
    /* What is not in the table is worse than a row that does not work. */
    for (unsigned sites = 0; sites <= PLAN_NODES_MAX; sites++) {
        for (unsigned nodes = 0; nodes <= PLAN_NODES_MAX; nodes++) {
            if (worst[sites][nodes].votes == UINT32_MAX || (sites == 0 && nodes == 0)) {
                continue; /* no such loss */
            }
            bool shown = false;
            bool worse = false;
            for (size_t i = 0; i < l->loss_count; i++) {
                const struct plan_loss *loss = &l->losses[i];
                shown = shown || (loss->sites == sites && loss->nodes == nodes);
                worse = worse || (!loss->works && loss->sites <= sites && loss->nodes <= nodes);
            }
            assert_true(shown || worse);
        }
    }
}

static void check_layout(const struct plan *plan, const struct plan_layout *l)
{
    struct left all = after(l, 0);
    unsigned limit = l->set_max_voters != 0 ? l->set_max_voters : PLAN_VOTES_DEFAULT;
    assert_int_equal(all.votes, l->votes);
    assert_int_equal(all.databases, l->databases);
    assert_int_equal(l->databases + l->witnesses, l->node_count);
    assert_int_equal(l->node_count - l->votes, l->non_voters);
    assert_true(l->votes <= limit);
    assert_true(limit <= (plan->wish.votes_max != 0 ? plan->wish.votes_max : PLAN_VOTES_MAX) ||
                l->set_max_voters == 0);
    /* A database without a vote is one that the daemon would not give a vote to. */
    assert_true(l->non_voters == 0 || l->votes == limit);
    assert_true(l->node_count <= PLAN_NODES_MAX);
    for (size_t i = 0; i < l->node_count; i++) {
        assert_true(l->nodes[i].is_database || l->nodes[i].votes);
        for (size_t j = 0; j < i; j++) {
            assert_string_not_equal(l->nodes[i].name, l->nodes[j].name);
        }
    }
    check_table(l, plan->wish.by_sites);
}

/* Whole sites or nodes: any @survive of them leave a majority and a database. */
static void check_wish(const struct plan *plan, const struct plan_layout *l)
{
    for (unsigned lost = 0; lost < 1U << l->node_count; lost++) {
        unsigned sites = 0;
        unsigned nodes = (unsigned)__builtin_popcount(lost);
        if (plan->wish.by_sites && !is_of_sites(l, lost, &sites, &nodes)) {
            continue;
        }
        struct left left = after(l, lost);
        if (sites + nodes <= plan->wish.survive) {
            assert_true(2 * left.votes > l->votes);
            assert_true(left.databases > 0);
        }
        if (!plan->wish.by_sites && nodes <= l->survives) {
            assert_true(2 * left.votes > l->votes);
        }
    }
}

/* The number after the first @option of @text. */
static unsigned number_after(const char *text, const char *option)
{
    const char *at = strstr(text, option);
    return at != NULL ? (unsigned)strtoul(at + strlen(option), NULL, 10) : 0;
}

static void what_is_near_is_possible(const char *why)
{
    const char *near = strstr(why, "nearest: ");
    assert_non_null(near);
    bool by_sites = strncmp(near, "nearest: --sites ", strlen("nearest: --sites ")) == 0;
    struct plan_wish wish = {
        .by_sites = by_sites,
        .sites = number_after(near, "--sites "),
        .databases = number_after(near, by_sites ? "--databases-per-site " : "--databases "),
        .survive = number_after(near, by_sites ? "--survive-sites " : "--survive "),
    };
    struct plan plan = planned(wish);
    assert_true(plan.layout_count > 0);
}

static unsigned try_wish(struct plan_wish wish)
{
    struct err err = {0};
    struct plan plan;
    int rc = plan_make(&wish, &plan, &err);
    if (rc < 0) {
        assert_int_equal(rc, ERR_REFUSED);
        assert_null(strstr(err.msg, "...")); /* it fits */
        what_is_near_is_possible(err.msg);
        return 0;
    }
    for (size_t i = 0; i < plan.layout_count; i++) {
        check_layout(&plan, &plan.layouts[i]);
        check_wish(&plan, &plan.layouts[i]);
    }
    return 1;
}

static void any_nodes(void **state)
{
    (void)state;
    unsigned possible = 0;
    for (unsigned max = 0; max <= PLAN_VOTES_MAX; max++) {
        for (unsigned databases = 0; databases <= PLAN_NODES_MAX + 2; databases++) {
            for (unsigned survive = 0; survive <= 7; survive++) {
                possible += try_wish((struct plan_wish){
                    .databases = databases, .survive = survive, .votes_max = max});
            }
        }
    }
    /* D databases survive up to min(D - 1, (limit - 1) / 2). */
    unsigned expected = 0;
    for (unsigned max = 0; max <= PLAN_VOTES_MAX; max++) {
        unsigned limit = max != 0 ? max : PLAN_VOTES_MAX;
        for (unsigned databases = 1; databases <= PLAN_NODES_MAX; databases++) {
            unsigned most = (limit - 1) / 2;
            expected += 1 + (most < databases - 1 ? most : databases - 1);
        }
    }
    assert_int_equal(possible, expected);
}

static void any_sites(void **state)
{
    (void)state;
    unsigned possible = 0;
    for (unsigned row = 0; row < 10 * 11 * 10 * 11; row++) {
        possible += try_wish((struct plan_wish){.by_sites = true,
                                                .votes_max = row % 10,
                                                .sites = row / 10 % 11,
                                                .databases = row / 110 % 10,
                                                .survive = row / 1100});
    }
    assert_true(possible > 200);
}

/* No layout with fewer votes outside would do, so the cheapest one is. */
static void a_witness_less_would_not_survive(void **state)
{
    (void)state;
    for (unsigned sites = 2; sites <= 6; sites++) {
        for (unsigned survive = 1; survive < sites; survive++) {
            struct plan_wish wish = {
                .by_sites = true, .sites = sites, .databases = 1, .survive = survive};
            struct plan plan;
            if (plan_make(&wish, &plan, NULL) < 0 || plan.layouts[0].witnesses == 0) {
                continue;
            }
            const struct plan_layout *l = &plan.layouts[0];
            unsigned left = (sites - survive) + l->witnesses - 1;
            assert_true(2 * left <= l->votes - 1);
        }
    }
}

/* --- The layouts of the manual --- */

static void three_databases_survive_two_losses_with_two_witnesses(void **state)
{
    (void)state;
    struct plan plan = planned((struct plan_wish){.databases = 3, .survive = 2});
    assert_int_equal(plan.layout_count, 1);
    const struct plan_layout *l = &plan.layouts[0];
    assert_int_equal(l->votes, 5);
    assert_int_equal(l->quorum, 3);
    assert_int_equal(l->witnesses, 2);
    assert_int_equal(l->set_max_voters, 0);
    assert_string_equal(l->nodes[0].name, "pg1");
    assert_string_equal(l->nodes[4].name, "w2");
}

static void three_sites_survive_two_with_five_votes_or_with_nine(void **state)
{
    (void)state;
    struct plan plan =
        planned((struct plan_wish){.by_sites = true, .sites = 3, .databases = 2, .survive = 2});
    assert_int_equal(plan.layout_count, 2);
    const struct plan_layout *cheap = &plan.layouts[0];
    assert_string_equal(cheap->name, "cheapest");
    assert_int_equal(cheap->votes, 5);
    assert_int_equal(cheap->witnesses, 2);
    assert_int_equal(cheap->non_voters, 3);
    assert_int_equal(cheap->set_max_voters, 5);
    const struct plan_layout *full = &plan.layouts[1];
    assert_string_equal(full->name, "full");
    assert_int_equal(full->votes, 9);
    assert_int_equal(full->witnesses, 3);
    assert_int_equal(full->non_voters, 0);
    assert_int_equal(full->set_max_voters, 9);
}

static void what_is_impossible_is_refused_with_the_reason(void **state)
{
    (void)state;
    static const struct {
        struct plan_wish wish;
        const char *why;
    } rows[] = {
        {{.databases = 2, .survive = 2},
         "2 databases can not survive the loss of 2 nodes: no PostgreSQL might be left; nearest: "
         "--databases 2 --survive 1, or --databases 3 --survive 2"},
        {{.databases = 6, .survive = 5},
         "surviving the loss of 5 nodes takes 11 votes, and raft.max_voters is 9 at most; nearest: "
         "--databases 6 --survive 4"},
        {{.databases = 5, .survive = 4, .votes_max = 7},
         "surviving the loss of 4 nodes takes 9 votes, and --max-voters is 7; nearest: --databases "
         "5 --survive 3, or --max-voters 9"},
        {{.databases = 17, .survive = 1},
         "a cluster has at most 16 members; nearest: --databases 16 --survive 1"},
        {{.by_sites = true, .sites = 3, .databases = 2, .survive = 3},
         "3 sites can not survive the loss of 3: no PostgreSQL would be left; nearest: --sites 3 "
         "--databases-per-site 2 --survive-sites 2"},
        {{.by_sites = true, .sites = 6, .databases = 1, .survive = 5},
         "surviving 5 of 6 sites takes 11 votes with one in each site, and raft.max_voters is 9 at "
         "most; nearest: --sites 6 --databases-per-site 1 --survive-sites 4"},
        {{.by_sites = true, .sites = 3, .databases = 2, .survive = 2, .votes_max = 3},
         "surviving 2 of 3 sites takes 5 votes with one in each site, and --max-voters is 3; "
         "nearest: --sites 3 --databases-per-site 2 --survive-sites 1, or --max-voters 5"},
        {{.by_sites = true, .sites = 4, .databases = 4, .survive = 2},
         "16 databases and 1 witnesses are 17 members, and a cluster has at most 16; nearest: "
         "--sites 4 --databases-per-site 4 --survive-sites 1"},
        {{.by_sites = true, .sites = 1, .databases = 3, .survive = 0},
         "one site can not survive itself; nearest: --databases 3 --survive 1"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err err = {0};
        struct plan plan;
        assert_int_equal(plan_make(&rows[i].wish, &plan, &err), ERR_REFUSED);
        assert_string_equal(err.msg, rows[i].why);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(three_databases_survive_two_losses_with_two_witnesses),
        cmocka_unit_test(three_sites_survive_two_with_five_votes_or_with_nine),
        cmocka_unit_test(what_is_impossible_is_refused_with_the_reason),
        cmocka_unit_test(a_witness_less_would_not_survive),
        cmocka_unit_test(any_nodes),
        cmocka_unit_test(any_sites),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
