/* tests/unit/test_admit.c - wishes about the membership, one row per situation (safety D4). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/must.h"
#include "consensus/admit.h"

#define ALIVE_MS 1000
#define REPLACE_MS 30000

/* Members by letters: "v1 v2 s3 p4 w5", that is voter, standby, spare, witness with a vote; after
 * the id '-' is silent for 5 s, '=' for 60 s, '!' holds a lease, and '/2' has the name of pg2. The
 * first is the leader. */
struct row {
    const char *what;
    const char *members;
    const char *wish; /* "+4" in, "+4/2" in as pg2, "+w4" a witness, "x4" out, "d4" demote */
    bool no_vote, at_once;
    enum admit_action action;
    uint64_t id;
    const char *why; /* in the message; NULL: there is none */
};

// clang-format off
static const struct row rows[] = {
    /* joining */
    {"a new name is added as a spare",               "v1 v2 v3", "+4", 0, 0, ADMIT_ADD, 4, NULL},
    {"... which becomes a standby",                  "v1 v2 v3 p4", "+4", 0, 0, ADMIT_TO_STANDBY, 4, NULL},
    {"... which catches up and gets a vote",         "v1 v2 v3 s4", "+4", 0, 0, ADMIT_PROMOTE, 4, NULL},
    {"... and then all is done",                     "v1 v2 v3 v4", "+4", 0, 0, ADMIT_NOTHING, 0, NULL},
    {"one that wants no vote stays a standby",       "v1 v2 v3 s4", "+4", 1, 0, ADMIT_NOTHING, 0, NULL},
    {"... and is not robbed of one that it has",     "v1 v2 v3 v4", "+4", 1, 0, ADMIT_NOTHING, 0, NULL},
    {"an eighth database host waits for a vote",     "v1 v2 v3 v4 v5 v6 v7 s8", "+8", 0, 0, ADMIT_NOTHING, 0, "waits for a vote"},
    {"... and gets it when a voter has left",        "v1 v2 v3 v4 v5 v6 s8", "+8", 0, 0, ADMIT_PROMOTE, 8, NULL},
    {"a database host does not become a witness", "v1 v2 s3", "+w3", 1, 0, ADMIT_REFUSE, 0, "can not become a witness"},
    {"a new witness is added",                       "v1 v2", "+w3", 1, 0, ADMIT_ADD, 3, NULL},
    {"... and is never a member without a vote",     "v1 v2 v3 v4 v5 v6 v7", "+w8", 0, 0, ADMIT_REFUSE, 0, "a witness without a vote"},
    {"a voter that is a witness stays one, whatever it says", "v1 v2 w3", "+w3", 1, 0, ADMIT_NOTHING, 0, NULL},
    {"another address is written down",              "v1 v2 v3", "+3@", 0, 0, ADMIT_DESCRIBE, 3, NULL},
    {"a single node grows",                          "v1", "+2", 0, 0, ADMIT_ADD, 2, NULL},
    {"... to two voters",                            "v1 s2", "+2", 0, 0, ADMIT_PROMOTE, 2, NULL},
    {"a member that is renamed to a living one removes nobody", "v1 v2 v3", "+3/2", 0, 0, ADMIT_REFUSE, 0, "can not be renamed"},
    {"... nor one that is long gone",                "v1 v2= v3", "+3/2", 0, 0, ADMIT_REFUSE, 0, "can not be renamed"},
    /* replacing */
    {"a name in use is not taken over",              "v1 v2 v3", "+4/2", 0, 0, ADMIT_REFUSE, 0, "name pg2 is in use by h2:1 (last contact 0.1 s ago)"},
    {"... not even by an operator's word",           "v1 v2 v3", "+4/2", 0, 1, ADMIT_REFUSE, 0, "name pg2 is in use by h2:1 (last contact 0.1 s ago)"},
    {"... and not the leader's",                     "v1 v2 v3", "+4/1", 0, 1, ADMIT_REFUSE, 0, "name pg1 is in use"},
    {"one that is silent for a while may come back", "v1 v2- v3", "+4/2", 0, 0, ADMIT_REFUSE, 0, "replaced after 30.0 s"},
    {"... unless an operator knows that it will not", "v1 v2- v3", "+4/2", 0, 1, ADMIT_ADD, 4, NULL},
    {"one that is silent for long is replaced",      "v1 v2= v3", "+4/2", 0, 0, ADMIT_ADD, 4, NULL},
    {"... by a standby",                             "v1 v2= v3 p4/2", "+4/2", 0, 0, ADMIT_TO_STANDBY, 4, NULL},
    {"... by a voter",                               "v1 v2= v3 s4/2", "+4/2", 0, 0, ADMIT_PROMOTE, 4, NULL},
    {"... and then removed",                         "v1 v2= v3 v4/2", "+4/2", 0, 0, ADMIT_REMOVE, 2, NULL},
    {"one that came back half way is not removed",   "v1 v2 v3 v4/2", "+4/2", 0, 0, ADMIT_REFUSE, 0, "in use"},
    {"... and does not remove its heir",             "v1 v2 v3 v4/2", "+2/2", 0, 0, ADMIT_REFUSE, 0, "in use"},
    {"one that holds a lease is not replaced",       "v1 v2=! v3", "+4/2", 0, 0, ADMIT_REFUSE, 0, "still holds a lease"},
    {"... not even by an operator's word",           "v1 v2=! v3", "+4/2", 0, 1, ADMIT_REFUSE, 0, "still holds a lease"},
    {"... nor removed half way",                     "v1 v2=! v3 v4/2", "+4/2", 0, 0, ADMIT_REFUSE, 0, "still holds a lease"},
    {"of two voters none can be replaced",           "v1 v2=", "+4/2", 0, 1, ADMIT_REFUSE, 0, "of two voters both are needed"},
    {"without a majority nobody is replaced",        "v1 v2= v3-", "+4/2", 0, 1, ADMIT_REFUSE, 0, "no majority"},
    {"of five two may be gone",                      "v1 v2= v3= v4 v5", "+6/2", 0, 0, ADMIT_ADD, 6, NULL},
    {"... and are replaced one after the other",     "v1 v2= v3= v4 v5 v6/2", "+6/2", 0, 0, ADMIT_REMOVE, 2, NULL},
    {"a full cluster replaces a voter by a voter",   "v1 v2= v3 v4 v5 v6 v7 s8/2", "+8/2", 0, 0, ADMIT_PROMOTE, 8, NULL},
    {"a standby is replaced with one voter alone",   "v1 s2=", "+4/2", 1, 0, ADMIT_ADD, 4, NULL},
    {"... and removed, though its heir has no vote", "v1 s2= s4/2", "+4/2", 1, 0, ADMIT_REMOVE, 2, NULL},
    {"a voter is replaced by one that wants no vote", "v1 v2= v3 s4/2", "+4/2", 1, 0, ADMIT_REMOVE, 2, NULL},
    {"a witness is replaced by a witness",           "v1 v3 w2=", "+w4/2", 0, 0, ADMIT_ADD, 4, NULL},
    /* removing */
    {"a voter is removed",                           "v1 v2 v3", "x2", 0, 0, ADMIT_REMOVE, 2, NULL},
    {"... once",                                     "v1 v3", "x2", 0, 0, ADMIT_NOTHING, 0, NULL},
    {"a standby and a spare are removed",            "v1 s2", "x2", 0, 0, ADMIT_REMOVE, 2, NULL},
    {"a leader without a majority beside it stays",  "v1 v2- v3", "x1", 0, 0, ADMIT_REFUSE, 0, "no majority"},
    {"a leader that is to go hands over first",      "v1 s2 v3 v4", "x1", 0, 0, ADMIT_HAND_OVER, 3, NULL},
    {"two voters never become one",                  "v1 v2", "x2", 0, 0, ADMIT_REFUSE, 0, "recover"},
    {"no removal that leaves no majority",           "v1 v2 v3-", "x2", 0, 0, ADMIT_REFUSE, 0, "no majority"},
    {"a member that is gone can be removed",         "v1 v2 v3=", "x3", 0, 0, ADMIT_REMOVE, 3, NULL},
    {"a holder is not removed",                      "v1 v2! v3", "x2", 0, 0, ADMIT_REFUSE, 0, "switch over first"},
    /* demoting */
    {"a voter loses its vote",                       "v1 v2 v3", "d2", 0, 0, ADMIT_TO_STANDBY, 2, NULL},
    {"... once",                                     "v1 s2 v3", "d2", 0, 0, ADMIT_NOTHING, 0, NULL},
    {"... not of two",                               "v1 v2", "d2", 0, 0, ADMIT_REFUSE, 0, "recover"},
    {"a leader hands over before it",                "v1 v2 v3", "d1", 0, 0, ADMIT_HAND_OVER, 2, NULL},
    {"a witness never is a member without a vote",   "v1 v2 w3", "d3", 0, 0, ADMIT_REFUSE, 0, "is a witness"},
    /* what a newer version may ask */
    {"another wish is refused",                      "v1 v2 v3", "?2", 0, 0, ADMIT_REFUSE, 0, "does not know"},
};
// clang-format on

static void describe(struct member_info *info, unsigned int id, unsigned int name, bool witness)
{
    memset(info, 0, sizeof(*info));
    info->id = id;
    info->kind = witness ? MEMBER_WITNESS : MEMBER_DATABASE;
    (void)snprintf(info->name, sizeof(info->name), "pg%u", name);
    (void)snprintf(info->address, sizeof(info->address), "h%u:1", id);
}

/* One digit. */
static unsigned int digit(const char **at)
{
    MUST(**at >= '0' && **at <= '9');
    unsigned int value = (unsigned int)(**at - '0');
    (*at)++;
    return value;
}

static void read_member(const char **at, struct admit_member *m)
{
    char role = **at;
    (*at)++;
    unsigned int id = digit(at);
    unsigned int name = id;
    *m = (struct admit_member){.id = id, .silence_ms = 100};
    m->role = role == 's' ? MEMBER_STANDBY : role == 'p' ? MEMBER_SPARE : MEMBER_VOTER;
    for (; **at != ' ' && **at != '\0';) {
        char mark = **at;
        (*at)++;
        m->silence_ms = mark == '-' ? 5000 : mark == '=' ? 60000 : m->silence_ms;
        m->holds_lease = m->holds_lease || mark == '!';
        name = mark == '/' ? digit(at) : name;
    }
    describe(&m->info, id, name, role == 'w');
}

static void read_world(const char *text, struct admit_world *w)
{
    *w = (struct admit_world){
        .leader = 1, .alive_ms = ALIVE_MS, .replace_ms = REPLACE_MS, .voters_max = 7};
    while (*text != '\0') {
        read_member(&text, &w->at[w->count]);
        w->count++;
        text += *text == ' ' ? 1 : 0;
    }
    w->at[0].silence_ms = 0;
}

static void read_wish(const struct row *row, struct admit_wish *wish)
{
    const char *at = row->wish;
    char kind = *at;
    at++;
    bool witness = *at == 'w';
    at += witness ? 1 : 0;
    unsigned int id = digit(&at);
    unsigned int name = id;
    if (*at == '/') {
        at++;
        name = digit(&at);
    }
    *wish =
        (struct admit_wish){.subject = id, .wants_vote = !row->no_vote, .at_once = row->at_once};
    wish->wish = kind == '+'   ? JOIN_IN
                 : kind == 'x' ? JOIN_OUT
                 : kind == 'd' ? JOIN_DEMOTE
                               : (enum join_wish)99;
    describe(&wish->info, id, name, witness);
    if (*at == '@') {
        (void)snprintf(wish->info.address, sizeof(wish->info.address), "elsewhere:1");
    }
}

static void every_situation(void **state)
{
    (void)state;
    bool seen[ADMIT_HAND_OVER + 1] = {false};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct row *row = &rows[i];
        struct admit_world world;
        struct admit_wish wish;
        struct err err = {0};
        read_world(row->members, &world);
        read_wish(row, &wish);
        struct admit_step step = admit_next(&world, &wish, &err);
        bool says = row->why == NULL ? err.msg[0] == '\0' : strstr(err.msg, row->why) != NULL;
        bool same_id = row->id == 0 || row->id == step.id;
        if (step.action != row->action || !same_id || !says) {
            fail_msg("%s: action %d of %u: %s", row->what, (int)step.action, (unsigned)step.id,
                     err.msg);
        }
        seen[step.action] = true;
    }
    for (size_t i = 0; i < sizeof(seen); i++) {
        assert_true(seen[i]);
    }
}

/* Whatever is wished for, step by step: a majority is in contact all the time, two voters never
 * become one, and a wish comes to an end. */
static void every_wish_ends(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct admit_world w;
        struct admit_wish wish;
        read_world(rows[i].members, &w);
        read_wish(&rows[i], &wish);
        struct admit_step step = {.action = ADMIT_ADD};
        int steps = 0;
        while (step.action != ADMIT_NOTHING && step.action != ADMIT_REFUSE &&
               step.action != ADMIT_HAND_OVER) {
            struct err err = {0};
            step = admit_next(&w, &wish, &err);
            steps++;
            assert_in_range(steps, 1, 6);
            struct admit_member *m = &w.at[0];
            while (m < &w.at[w.count] && m->id != step.id) {
                m++;
            }
            if (step.action == ADMIT_ADD) {
                *m = (struct admit_member){
                    .id = wish.subject, .role = MEMBER_SPARE, .info = wish.info};
                w.count++;
            } else if (step.action == ADMIT_REMOVE) {
                assert_true(m->id != w.leader);
                memmove(m, m + 1, (size_t)(&w.at[w.count] - (m + 1)) * sizeof(*m));
                w.count--;
            } else if (step.action == ADMIT_DESCRIBE) {
                m->info = wish.info;
            } else if (step.action == ADMIT_TO_STANDBY || step.action == ADMIT_PROMOTE) {
                m->role = step.action == ADMIT_PROMOTE ? MEMBER_VOTER : MEMBER_STANDBY;
            }
            size_t voters = 0;
            size_t alive = 0;
            for (size_t k = 0; k < w.count; k++) {
                voters += w.at[k].role == MEMBER_VOTER ? 1 : 0;
                alive += w.at[k].role == MEMBER_VOTER && w.at[k].silence_ms <= ALIVE_MS ? 1 : 0;
            }
            assert_true(steps == 1 || alive > voters / 2);
        }
    }
}

static void the_wait_is_the_longest_of_three(void **state)
{
    (void)state;
    assert_int_equal(admit_replace_ms(1000, 0), 10000);
    assert_int_equal(admit_replace_ms(9000, 0), 27000);
    assert_int_equal(admit_replace_ms(9000, 60000), 60000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_situation),
        cmocka_unit_test(every_wish_ends),
        cmocka_unit_test(the_wait_is_the_longest_of_three),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
