/* ctl/plan.c - votes counted and placed.
 *
 * By sites: with S sites of v votes each and w votes outside, the loss of K sites leaves
 * (S - K) v + w. That is a majority of S v + w exactly when w > (2K - S) v. */
#include "ctl/plan.h"

#include <stdio.h>
#include <string.h>

#include "base/must.h"

static unsigned quorum_of(unsigned votes)
{
    return votes / 2 + 1;
}

static unsigned votes_limit(const struct plan_wish *wish)
{
    return wish->votes_max != 0 ? wish->votes_max : PLAN_VOTES_MAX;
}

/* --- A layout's nodes --- */

static struct plan_node *add_node(struct plan_layout *l, const char *prefix, unsigned number)
{
    MUST(l->node_count < PLAN_NODES_MAX);
    struct plan_node *node = &l->nodes[l->node_count++];
    int length = snprintf(node->name, sizeof(node->name), "%s%u", prefix, number);
    MUST(length > 0 && length < (int)sizeof(node->name));
    return node;
}

static void set_site(struct plan_node *node, const char *prefix, unsigned number)
{
    int length = snprintf(node->site, sizeof(node->site), "%s%u", prefix, number);
    MUST(length > 0 && length < (int)sizeof(node->site));
}

static void count_votes(struct plan_layout *l)
{
    for (size_t i = 0; i < l->node_count; i++) {
        const struct plan_node *node = &l->nodes[i];
        MUST(node->votes || node->is_database);
        l->votes += node->votes ? 1 : 0;
        l->databases += node->is_database ? 1 : 0;
        l->witnesses += node->is_database ? 0 : 1;
        l->non_voters += node->votes ? 0 : 1;
    }
    MUST(l->votes > 0);
    MUST(l->votes <= PLAN_VOTES_MAX);
    l->quorum = quorum_of(l->votes);
    l->survives = l->votes - l->quorum;
    /* Beyond this many votes a database gets none, so where one is to have none it is the number.
     */
    bool is_default =
        l->non_voters > 0 ? l->votes == PLAN_VOTES_DEFAULT : l->votes <= PLAN_VOTES_DEFAULT;
    l->set_max_voters = is_default ? 0 : l->votes;
}

static void add_loss(struct plan_layout *l, struct plan_loss loss)
{
    MUST(l->loss_count < PLAN_LOSSES_MAX);
    loss.works = loss.votes_left >= l->quorum;
    loss.spare = loss.works ? loss.votes_left - l->quorum : 0;
    l->losses[l->loss_count++] = loss;
}

/* --- Databases anywhere --- */

static int refuse_databases(const struct plan_wish *wish, struct err *err)
{
    unsigned votes = 2 * wish->survive + 1;
    unsigned survive = (votes_limit(wish) - 1) / 2;
    unsigned databases = wish->databases < PLAN_NODES_MAX ? wish->databases : PLAN_NODES_MAX;
    survive = wish->survive < survive ? wish->survive : survive;
    survive = survive < databases ? survive : databases - 1;
    char nearest[96];
    (void)snprintf(nearest, sizeof(nearest), "nearest: --databases %u --survive %u", databases,
                   survive);
    if (wish->databases > PLAN_NODES_MAX) {
        return err_set(err, ERR_REFUSED, "a cluster has at most %d members; %s", PLAN_NODES_MAX,
                       nearest);
    }
    if (votes > PLAN_VOTES_MAX) {
        return err_set(err, ERR_REFUSED,
                       "surviving the loss of %u nodes takes %u votes, and raft.max_voters is %d "
                       "at most; %s",
                       wish->survive, votes, PLAN_VOTES_MAX, nearest);
    }
    if (votes > votes_limit(wish)) {
        return err_set(err, ERR_REFUSED,
                       "surviving the loss of %u nodes takes %u votes, and --max-voters is %u; %s, "
                       "or --max-voters %u",
                       wish->survive, votes, wish->votes_max, nearest, votes);
    }
    return err_set(err, ERR_REFUSED,
                   "%u database%s can not survive the loss of %u nodes: no PostgreSQL might be "
                   "left; %s, or --databases %u --survive %u",
                   wish->databases, wish->databases == 1 ? "" : "s", wish->survive, nearest,
                   wish->survive + 1, wish->survive);
}

static int plan_databases(const struct plan_wish *wish, struct plan *plan, struct err *err)
{
    unsigned needed = 2 * wish->survive + 1;
    unsigned limit = votes_limit(wish);
    if (wish->survive >= wish->databases || wish->databases > PLAN_NODES_MAX || needed > limit) {
        return refuse_databases(wish, err);
    }
    if (wish->votes_max == 0) {
        limit = needed > PLAN_VOTES_DEFAULT ? needed : PLAN_VOTES_DEFAULT;
    }
    struct plan_layout *l = &plan->layouts[plan->layout_count++];
    l->name = "nodes";
    for (unsigned i = 0; i < wish->databases; i++) {
        struct plan_node *node = add_node(l, "pg", i + 1);
        node->is_database = true;
        node->votes = i < limit;
    }
    for (unsigned i = wish->databases; i < needed; i++) {
        add_node(l, "w", i - wish->databases + 1)->votes = true;
    }
    count_votes(l);
    MUST(l->survives >= wish->survive);
    for (unsigned lost = 1; lost <= l->survives + 1; lost++) {
        unsigned databases = l->databases > lost ? l->databases - lost : 0;
        add_loss(l, (struct plan_loss){
                        .nodes = lost, .votes_left = l->votes - lost, .databases_left = databases});
    }
    return 0;
}

/* --- Databases in sites --- */

/* Votes outside that let the cluster survive @lost of @sites with @each votes. */
static unsigned votes_outside(unsigned sites, unsigned lost, unsigned each)
{
    return 2 * lost >= sites ? (2 * lost - sites) * each + 1 : 0;
}

static unsigned votes_in_all(const struct plan_wish *wish, unsigned each)
{
    return wish->sites * each + votes_outside(wish->sites, wish->survive, each);
}

static unsigned nodes_in_all(const struct plan_wish *wish, unsigned each)
{
    return wish->sites * wish->databases + votes_outside(wish->sites, wish->survive, each);
}

static bool is_possible(const struct plan_wish *wish, unsigned each)
{
    return wish->survive < wish->sites && votes_in_all(wish, each) <= votes_limit(wish) &&
           nodes_in_all(wish, each) <= PLAN_NODES_MAX;
}

/* What a loss of that size leaves; the table stops where one more of anything is too much. */
static void add_site_losses(struct plan_layout *l, const struct plan_wish *wish)
{
    for (unsigned sites = 0; sites <= wish->sites; sites++) {
        for (unsigned outside = sites == 0 ? 1 : 0; outside <= l->witnesses; outside++) {
            unsigned left = l->votes - sites * l->votes_per_site - outside;
            bool less_works = (sites == 0 || left + l->votes_per_site >= l->quorum) &&
                              (outside == 0 || left + 1 >= l->quorum);
            if (left < l->quorum && !less_works) {
                continue;
            }
            add_loss(l,
                     (struct plan_loss){.nodes = outside,
                                        .sites = sites,
                                        .votes_left = left,
                                        .databases_left = (wish->sites - sites) * wish->databases});
        }
    }
}

static void add_site_layout(struct plan *plan, const char *name, unsigned each)
{
    const struct plan_wish *wish = &plan->wish;
    struct plan_layout *l = &plan->layouts[plan->layout_count++];
    l->name = name;
    l->votes_per_site = each;
    for (unsigned i = 0; i < wish->sites * wish->databases; i++) {
        struct plan_node *node = add_node(l, "pg", i + 1);
        set_site(node, "site", i / wish->databases + 1);
        node->is_database = true;
        node->votes = i % wish->databases < each;
    }
    unsigned outside = votes_outside(wish->sites, wish->survive, each);
    for (unsigned i = 0; i < outside; i++) {
        struct plan_node *node = add_node(l, "w", i + 1);
        set_site(node, "outside", i + 1);
        node->votes = true;
    }
    count_votes(l);
    while (l->survives_sites < wish->sites &&
           l->votes - (l->survives_sites + 1) * each >= l->quorum) {
        l->survives_sites++;
    }
    MUST(l->survives_sites >= wish->survive);
    add_site_losses(l, wish);
}

static int refuse_sites(const struct plan_wish *wish, struct err *err)
{
    if (wish->sites < 2) {
        return err_set(err, ERR_REFUSED,
                       "one site can not survive itself; nearest: --databases %u --survive %u",
                       wish->databases, wish->databases > 2 ? (wish->databases - 1) / 2 : 0);
    }
    struct plan_wish near = *wish;
    near.survive = wish->survive < wish->sites ? wish->survive : wish->sites - 1;
    while (near.survive > 0 && !is_possible(&near, 1)) {
        near.survive--;
    }
    for (; !is_possible(&near, 1) && near.sites > 2; near.sites--) {
    }
    while (!is_possible(&near, 1) && near.databases > 1) {
        near.databases--;
    }
    char nearest[128] = "nearest: --databases 1 --survive 0"; /* --max-voters 1 leaves no more */
    bool found = is_possible(&near, 1);
    (void)snprintf(nearest, found ? sizeof(nearest) : 0,
                   "nearest: --sites %u --databases-per-site %u --survive-sites %u", near.sites,
                   near.databases, near.survive);
    if (wish->survive >= wish->sites) {
        return err_set(err, ERR_REFUSED,
                       "%u sites can not survive the loss of %u: no PostgreSQL would be left; %s",
                       wish->sites, wish->survive, nearest);
    }
    unsigned votes = votes_in_all(wish, 1);
    if (votes > PLAN_VOTES_MAX) {
        return err_set(err, ERR_REFUSED,
                       "surviving %u of %u sites takes %u votes with one in each site, and "
                       "raft.max_voters is %d at most; %s",
                       wish->survive, wish->sites, votes, PLAN_VOTES_MAX, nearest);
    }
    if (nodes_in_all(wish, 1) > PLAN_NODES_MAX) {
        return err_set(err, ERR_REFUSED,
                       "%u databases and %u witnesses are %u members, and a cluster has at most "
                       "%d; %s",
                       wish->sites * wish->databases,
                       nodes_in_all(wish, 1) - wish->sites * wish->databases, nodes_in_all(wish, 1),
                       PLAN_NODES_MAX, nearest);
    }
    return err_set(
        err, ERR_REFUSED,
        "surviving %u of %u sites takes %u votes with one in each site, and --max-voters "
        "is %u; %s, or --max-voters %u",
        wish->survive, wish->sites, votes, wish->votes_max, nearest, votes);
}

static int plan_sites(const struct plan_wish *wish, struct plan *plan, struct err *err)
{
    if (wish->sites < 2 || !is_possible(wish, 1)) {
        return refuse_sites(wish, err);
    }
    add_site_layout(plan, "cheapest", 1);
    unsigned each = wish->databases;
    if (each > 1 && !is_possible(wish, each)) {
        plan->full_votes = votes_in_all(wish, each);
    }
    while (each > 1 && !is_possible(wish, each)) {
        each--;
    }
    if (each > 1) {
        add_site_layout(plan, each == wish->databases ? "full" : "fullest", each);
    }
    return 0;
}

int plan_make(const struct plan_wish *wish, struct plan *ret_plan, struct err *err)
{
    /* Far beyond what is possible, and small enough to be multiplied. */
    const unsigned most = 1000;
    if (wish->databases == 0 || wish->databases > most || wish->survive > most ||
        wish->votes_max > PLAN_VOTES_MAX ||
        (wish->by_sites && (wish->sites == 0 || wish->sites > most))) {
        return err_set(err, ERR_REFUSED,
                       "at least one database, at most %d members and %d votes; nearest: "
                       "--databases 3 --survive 1",
                       PLAN_NODES_MAX, PLAN_VOTES_MAX);
    }
    struct plan plan = {.wish = *wish};
    int rc = wish->by_sites ? plan_sites(wish, &plan, err) : plan_databases(wish, &plan, err);
    if (rc == 0) {
        *ret_plan = plan;
    }
    return rc;
}
