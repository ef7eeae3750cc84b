/* tests/unit/test_card.c - what a member shows of itself, there and back; and what the store adds
 * to a view. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "supervisor/card.h"
#include "supervisor/view_store.h"
#include "tests/lib/facts_kit.h"
#include "tests/lib/random.h"

static struct view_member a_member(void)
{
    struct view_member m;
    memset(&m, 0, sizeof(m));
    m.state = VIEW_CREATING_REPLICA;
    m.flow = VIEW_ARCHIVE;
    m.port = 5432;
    m.received = (struct view_lsn){.is_known = true, .lsn = 0x4000060};
    m.tags.count = 2;
    m.restart.is_pending = true;
    m.restart.reason_count = 1;
    m.restart.timeout_ms = 30000;
    m.decision.wall_ms = 1793600000000;
    view_text_set(m.site, sizeof(m.site), "fra");
    view_text_set(m.api_url, sizeof(m.api_url), "http://10.0.0.1:8008/patroni");
    view_text_set(m.host, sizeof(m.host), "10.0.0.1");
    view_text_set(m.tags.at[0].key, sizeof(m.tags.at[0].key), "clonefrom");
    view_text_set(m.tags.at[0].value, sizeof(m.tags.at[0].value), "true");
    m.tags.at[0].kind = VIEW_TAG_BOOL;
    view_text_set(m.tags.at[1].key, sizeof(m.tags.at[1].key), "rack \"7\"");
    view_text_set(m.restart.schedule, sizeof(m.restart.schedule), "2026-12-01T04:00:00+01:00");
    view_text_set(m.restart.reasons[0].parameter, sizeof(m.restart.reasons[0].parameter),
                  "max_connections");
    view_text_set(m.restart.reasons[0].old_value, sizeof(m.restart.reasons[0].old_value), "100");
    view_text_set(m.restart.reasons[0].new_value, sizeof(m.restart.reasons[0].new_value), "101");
    view_text_set(m.decision.rule, sizeof(m.decision.rule), "come-back");
    view_text_set(m.decision.action, sizeof(m.decision.action), "return");
    view_text_set(m.decision.text, sizeof(m.decision.text), "there is no data yet");
    view_text_set(m.note, sizeof(m.note), "clone: 120/4711 kB (2%)");
    view_text_set(m.weaker, sizeof(m.weaker), "role app: synchronous_commit=off, 1 session");
    return m;
}

static void a_card_is_read_as_it_was_written(void **state)
{
    (void)state;
    struct view_member m = a_member();
    struct view_member again;
    char text[WORDS_CARD_SIZE];
    memset(&again, 0, sizeof(again));
    card_encode(&m, text);
    assert_true(card_decode(text, &again));
    assert_memory_equal(&m, &again, sizeof(m));
}

static void a_long_one_leaves_out_what_matters_least(void **state)
{
    (void)state;
    struct view_member m = a_member();
    struct view_member again;
    char text[WORDS_CARD_SIZE];
    m.restart.reason_count = VIEW_REASONS_MAX;
    for (uint32_t i = 0; i < VIEW_REASONS_MAX; i++) {
        memset(m.restart.reasons[i].parameter, 'p', sizeof(m.restart.reasons[i].parameter) - 1);
        memset(m.restart.reasons[i].new_value, 'n', sizeof(m.restart.reasons[i].new_value) - 1);
    }
    memset(&again, 0, sizeof(again));
    card_encode(&m, text);
    assert_true(card_decode(text, &again));
    assert_true(again.restart.is_pending);
    assert_int_equal(again.restart.reason_count, 0);
    assert_int_equal(again.tags.count, 2);
    m.tags.count = VIEW_TAGS_MAX;
    for (uint32_t i = 0; i < VIEW_TAGS_MAX; i++) {
        memset(m.tags.at[i].key, 'k', sizeof(m.tags.at[i].key) - 1);
        memset(m.tags.at[i].value, '"', sizeof(m.tags.at[i].value) - 1);
    }
    card_encode(&m, text);
    assert_true(card_decode(text, &again));
    assert_int_equal(again.tags.count, 0);
    assert_string_equal(again.host, "10.0.0.1");
}

static void what_can_not_be_read_is_left_out(void **state)
{
    (void)state;
    struct view_member m = a_member();
    struct view_member before = m;
    struct test_random chance = {11};
    char text[WORDS_CARD_SIZE];
    assert_false(card_decode("", &m));
    assert_false(card_decode("{}", &m));
    assert_false(card_decode("[1]", &m));
    assert_memory_equal(&m, &before, sizeof(m));
    assert_true(
        card_decode("{\"version\":7,\"port\":70000,\"host\":5,\"tags\":[1,{\"key\":\"a\"}],"
                    "\"received\":-1,\"state\":\"dancing\"}",
                    &m));
    assert_int_equal(m.port, 0);
    assert_string_equal(m.host, "10.0.0.1");
    assert_int_equal(m.state, VIEW_CREATING_REPLICA);
    assert_int_equal(m.tags.count, 1);
    card_encode(&before, text);
    for (size_t i = 0; text[i] != '\0'; i++) {
        char kept = text[i];
        text[i] = (char)(1 + random_below(&chance, 255));
        (void)card_decode(text, &m);
        text[i] = kept;
    }
}

static void the_store_and_the_cards_make_up_a_view(void **state)
{
    (void)state;
    struct store_side *side = mem_zalloc(sizeof(*side));
    struct cluster_view *view = mem_zalloc(sizeof(*view));
    struct words words;
    struct buf text = {0};
    struct view_member m = a_member();
    assert_true(store_side_init(side, "/service/", "demo", "pg1"));
    side->table.with_cards = true;
    side->view.roster.count = 1;
    side->view.roster.at[0] =
        (struct roster_member){.id = 7, .name = kit_name(2), .is_database = true};
    side->view.rows.system_id = 7450012345678901234;
    side->view.rows.history.count = 1;
    side->view.rows.history.at[0] =
        (struct row_timeline){.row = {.epoch = 5, .timeline = 6, .parent = 4, .switch_lsn = 4000},
                              .reason = "no recovery target specified",
                              .stamp = "2026-11-21T15:00:00Z",
                              .node = kit_name(1)};
    side->view.quorum_at_ms = 9900;
    side->view.quorum_age_ms = 50;
    view->member_count = 2;
    view->members[0].name = kit_name(1);
    view->members[1].name = kit_name(2);
    memset(&words, 0, sizeof(words));
    words.facts = kit_member(2);
    card_encode(&m, words.card);
    assert_int_equal(words_encode(&words, &text), 0);
    struct pgraft_soft soft = {.member = 7, .age_ms = 10, .bytes = {text.bytes, text.size}};
    words_table_hear(&side->table, 10000, &soft);
    view_take_store(view, side, 10000, 1793600000500);
    assert_int_equal(view->quorum_age_ms, 150);
    assert_int_equal(view->dcs_last_seen, 1793600000);
    assert_true(view->system_identifier == 7450012345678901234);
    assert_int_equal(view->history_count, 1);
    assert_int_equal(view->history[0].timeline, 4);
    assert_int_equal(view->history[0].lsn, 4000);
    assert_string_equal(view->history[0].leader.text, "pg1");
    assert_int_equal(view->members[0].port, 0);
    assert_int_equal(view->members[1].port, 5432);
    assert_string_equal(view->members[1].decision.node.text, "pg2");
    assert_int_equal(view->election.wall_ms, 0); /* this node leads nobody */
    advisor_close(&side->advisor);
    buf_close(&text);
    mem_free(view);
    mem_free(side);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_card_is_read_as_it_was_written),
        cmocka_unit_test(a_long_one_leaves_out_what_matters_least),
        cmocka_unit_test(what_can_not_be_read_is_left_out),
        cmocka_unit_test(the_store_and_the_cards_make_up_a_view),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
