/* tests/unit/test_switch_answer.c - what a node says of a switchover, and what is made of it: one
 * row for each of its answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/must.h"
#include "ctl/switch_answer.h"

static const struct {
    const char *label;
    int status;
    const char *text;
    bool had_quorum;
    int code;
} rows[] = {
    {"it is done", 200, "Successfully switched over to \"pg2\"", true, 0},
    {"it is scheduled", 202, "Switchover scheduled", true, 0},
    {"it is refused", 412, "leader name does not match", true, ERR_REFUSED},
    {"the primary has given it up", 503, "Switchover failed", true, ERR_REFUSED},
    {"of a failover, too", 503, "Failover failed", true, ERR_REFUSED},
    {"what was not written comes to nothing", 503,
     "failed to write failover key into DCS: this node is not the leader", true, ERR_REFUSED},
    {"... and without a quorum that is why", 503,
     "failed to write failover key into DCS: this node is not the leader", false, ERR_NO_QUORUM},
    {"... also where the node says so only now", 503,
     "failed to write failover key into DCS: no majority of the voters can be reached", true,
     ERR_NO_QUORUM},
    {"what may be written yet is not known", 503,
     "failed to write failover key into DCS: timed out; the request may still be applied", true,
     ERR_TIMEOUT},
    {"... nor is it without a quorum", 503,
     "failed to write failover key into DCS: timed out; the request may still be applied", false,
     ERR_TIMEOUT},
    {"no end of it in time", 503,
     "Switchover status unknown after 30 seconds; operation may still be in progress", true,
     ERR_TIMEOUT},
    {"somebody in between gave up", 504, "<html>Gateway Time-out</html>", true, ERR_TIMEOUT},
    {"somebody in between knows no such path", 404, "<html>Not Found</html>", true, ERR_REFUSED},
    {"an answer without a word", 503, "", true, ERR_TIMEOUT},
};

static void what_a_node_says_is_judged(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (switch_answer_code(rows[i].status, rows[i].text, rows[i].had_quorum) != rows[i].code) {
            print_message("# %s\n", rows[i].label);
        }
        assert_int_equal(switch_answer_code(rows[i].status, rows[i].text, rows[i].had_quorum),
                         rows[i].code);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_a_node_says_is_judged)};
    return cmocka_run_group_tests_name("switch_answer", tests, NULL, NULL);
}
