/* tests/unit/test_sync_force.c - when a value of synchronous_standby_names is proved to be in force
 * in every process (safety C4), and when it is not. tests/observe does the same with real ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/must.h"
#include "supervisor/sync_force.h"

#define START_US 1000
#define FENCE SYNC_FENCE_VALUE
#define BETWEEN SYNC_BETWEEN_VALUE

static void values_are_taken_apart(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint32_t needed;
        uint32_t count;
        bool is_priority;
        bool lists_all;
    } good[] = {
        {"", 0, 0, false, false},
        {"  ", 0, 0, false, false},
        {"pg2", 1, 1, true, false},
        {" pg2 , \"pg 3\" ", 1, 2, true, false},
        {"2 (pg2,pg3)", 2, 2, true, false},
        {"FIRST 1 (pg2,pg3)", 1, 2, true, false},
        {"any 2(\"pg2\", \"pg3\",pg4)", 2, 3, false, false},
        {"*", 1, 1, true, true},
        {"ANY 1 (\"*\")", 1, 1, false, true},
        {"first", 1, 1, true, false}, /* a standby of that name */
    };
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        struct sync_text t = sync_text_parse(good[i].text);
        assert_true(t.is_valid);
        assert_int_equal(t.needed, good[i].needed);
        assert_int_equal(t.count, good[i].count);
        assert_int_equal(t.is_priority, good[i].is_priority);
        assert_int_equal(t.lists_all, good[i].lists_all);
    }
    static const char *const bad[] = {"ANY 1 (", "ANY 1 ()", "ANY 0 (a)",  "a,",    ",a",
                                      "\"a",     "\"\"",     "ANY 1 (a)b", "a b c", "ANY 1 (a b)"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_false(sync_text_parse(bad[i]).is_valid);
    }
    assert_string_equal(sync_text_parse("\"a\"\"b\"").names[0].text, "a\"b");
}

static struct sync_set make_set(uint32_t needed, uint32_t count)
{
    struct sync_set set = {.needed = needed, .count = count};
    for (uint32_t i = 0; i < count; i++) {
        (void)snprintf(set.at[i].name.text, FACTS_NAME_SIZE, "pg%u", i + 2);
        set.at[i].copy = 100 + i;
    }
    return set;
}

static void sets_are_written_and_read_back(void **state)
{
    (void)state;
    char text[SYNC_TEXT_SIZE];
    struct sync_set set = make_set(1, 2);
    assert_true(sync_text_of_set(&set, false, text));
    assert_string_equal(text, "ANY 1 (\"pg2\",\"pg3\")");
    struct sync_text parsed = sync_text_parse(text);
    assert_true(parsed.is_valid && parsed.needed == 1 && parsed.count == 2);
    assert_false(parsed.is_priority);
    assert_true(sync_text_of_set(&set, true, text));
    assert_string_equal(text, "FIRST 1 (\"pg2\",\"pg3\")");
    parsed = sync_text_parse(text);
    assert_true(parsed.is_valid && parsed.needed == 1 && parsed.count == 2 && parsed.is_priority);
    set = make_set(0, 0);
    assert_true(sync_text_of_set(&set, false, text));
    assert_string_equal(text, "");
    set = make_set(1, 0);
    assert_false(sync_text_of_set(&set, false, text));
    set = make_set(1, 1);
    memcpy(set.at[0].name.text, "a\"b", sizeof("a\"b"));
    assert_false(sync_text_of_set(&set, false, text));
}

/* ---- the book ---- */

static struct probe_door door_at(uint64_t us, const char *value)
{
    struct probe_door door = {
        .started_us = START_US, .session_us = us, .loaded_us = us - 1, .lsn = us};
    (void)snprintf(door.sync_names, sizeof(door.sync_names), "%s", value);
    return door;
}

static struct probe_watch watch_of(const struct sync_force_book *book, const char *value)
{
    struct probe_watch watch = {.started_us = book->server_us, .insert_lsn = 77};
    (void)snprintf(watch.sync_names, sizeof(watch.sync_names), "%s", value);
    return watch;
}

static struct probe_sender *add(struct probe_watch *watch, const char *name, uint32_t priority)
{
    struct probe_sender *s = &watch->senders[watch->sender_count++];
    s->started_us = START_US + 1;
    s->flush_known = true;
    s->priority = priority;
    (void)snprintf(s->name, sizeof(s->name), "%s", name);
    (void)snprintf(s->state, sizeof(s->state), "streaming");
    return s;
}

/* @value is in force since the start. */
static void begin_with(struct sync_force_book *book, const char *value)
{
    struct probe_door door = door_at(START_US + 10, value);
    door.loaded_us = START_US - 1;
    sync_force_begin(book);
    sync_force_door(book, &door);
    assert_int_equal(book->proof, SYNC_PROOF_HOLDS);
}

/* From @from to @to, with one walsender of @name that shows @priority: the proof. */
static enum sync_proof step(const char *from, const char *to, const char *name, uint32_t priority)
{
    struct sync_force_book book;
    begin_with(&book, from);
    struct probe_door door = door_at(START_US + 100, to);
    sync_force_door(&book, &door);
    struct probe_watch watch = watch_of(&book, to);
    (void)add(&watch, name, priority);
    sync_force_watch(&book, &watch);
    return book.proof;
}

static void steps_of_one_walsender(void **state)
{
    (void)state;
    static const struct {
        const char *from;
        const char *to;
        const char *name;
        uint32_t priority;
        enum sync_proof proof;
    } cases[] = {
        /* the fence is lifted: nobody was released by it */
        {FENCE, "ANY 1 (pg2)", "pg2", 0, SYNC_PROOF_HOLDS},
        {FENCE, "ANY 1 (pg2)", "pg2", 1, SYNC_PROOF_HOLDS},
        /* who is no longer listed has to show it */
        {"ANY 1 (pg2,pg3)", "ANY 1 (pg2)", "pg3", 1, SYNC_PROOF_WAIT},
        {"ANY 1 (pg2,pg3)", "ANY 1 (pg2)", "pg3", 0, SYNC_PROOF_HOLDS},
        {"ANY 1 (pg2,pg3)", FENCE, "PG3", 1, SYNC_PROOF_WAIT},
        {"ANY 1 (pg2,pg3)", BETWEEN, "pg3", 0, SYNC_PROOF_HOLDS},
        {"*", "ANY 1 (pg2)", "anybody", 1, SYNC_PROOF_WAIT},
        /* who waits for no fewer may be behind */
        {"ANY 1 (pg2,pg3)", "ANY 1 (pg2,pg3,pg4)", "pg2", 1, SYNC_PROOF_HOLDS},
        {"ANY 2 (pg2,pg3)", "ANY 1 (pg2,pg3)", "pg2", 1, SYNC_PROOF_HOLDS},
        /* more acknowledgements look like fewer */
        {"ANY 1 (pg2,pg3)", "ANY 2 (pg2,pg3)", "pg2", 1, SYNC_PROOF_BETWEEN},
        {BETWEEN, "ANY 2 (pg2,pg3)", "pg2", 1, SYNC_PROOF_HOLDS},
        {BETWEEN, "ANY 2 (pg2,pg3)", "pg2", 0, SYNC_PROOF_HOLDS},
        {"FIRST 1 (pg3,pg2)", "ANY 2 (pg2,pg3)", "pg2", 1, SYNC_PROOF_HOLDS}, /* 2, by the old */
        {"FIRST 1 (pg3,pg2)", "ANY 2 (pg2,pg3)", "pg2", 2, SYNC_PROOF_WAIT},
        /* who was never listed is nobody's business */
        {"ANY 1 (pg2)", "ANY 1 (pg3)", "pg_receivewal", 0, SYNC_PROOF_HOLDS},
        /* off: whatever still waits, waits for more */
        {"ANY 1 (pg2)", "", "pg2", 1, SYNC_PROOF_HOLDS},
        /* on: the flag has to be shown */
        {"", "ANY 1 (pg2)", "pg2", 1, SYNC_PROOF_BETWEEN},
        {"", BETWEEN, "pg2", 0, SYNC_PROOF_WAIT},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(step(cases[i].from, cases[i].to, cases[i].name, cases[i].priority),
                         cases[i].proof);
    }
}

static void who_can_not_release_yet_will_look_first(void **state)
{
    (void)state;
    for (int kind = 0; kind < 4; kind++) {
        struct sync_force_book book;
        begin_with(&book, "ANY 1 (pg2,pg3)");
        struct probe_door door = door_at(START_US + 100, "ANY 1 (pg2)");
        sync_force_door(&book, &door);
        struct probe_watch watch = watch_of(&book, "ANY 1 (pg2)");
        struct probe_sender *s = add(&watch, "pg3", 1);
        if (kind == 0) {
            (void)snprintf(s->state, sizeof(s->state), "catchup");
        } else if (kind == 1) {
            s->started_us = START_US + 101; /* forked after the door */
        } else if (kind == 2) {
            s->flush_known = false; /* streams, and shows no priority */
            s->priority = 0;
        }
        sync_force_watch(&book, &watch);
        assert_int_equal(book.proof, kind < 2 ? SYNC_PROOF_HOLDS : SYNC_PROOF_WAIT);
    }
}

static void waiting_commit_shows_the_flag(void **state)
{
    (void)state;
    struct sync_force_book book;
    begin_with(&book, "");
    struct probe_door door = door_at(START_US + 100, BETWEEN);
    sync_force_door(&book, &door);
    assert_true(sync_force_wants_commit(&book));
    struct probe_watch watch = watch_of(&book, BETWEEN);
    sync_force_watch(&book, &watch);
    assert_int_equal(book.proof, SYNC_PROOF_WAIT);
    watch.door_waits = true;
    sync_force_watch(&book, &watch);
    assert_int_equal(book.proof, SYNC_PROOF_HOLDS);
    assert_int_equal(book.lsn, 77);
    assert_false(sync_force_wants_commit(&book));
    door = door_at(START_US + 200, "ANY 2 (pg2,pg3)");
    sync_force_door(&book, &door);
    assert_false(
        sync_force_wants_commit(&book)); /* it would be acknowledged, or not, by pg2 and pg3 */
    watch = watch_of(&book, "ANY 2 (pg2,pg3)");
    sync_force_watch(&book, &watch);
    assert_int_equal(book.proof, SYNC_PROOF_HOLDS);
}

/* Switched off and on again: a walsender may have read neither. */
static void what_was_before_the_empty_value_is_not_forgotten(void **state)
{
    (void)state;
    struct sync_force_book book;
    begin_with(&book, "ANY 1 (pg2,pg3)");
    struct probe_door door = door_at(START_US + 100, "");
    sync_force_door(&book, &door);
    struct probe_watch watch = watch_of(&book, "");
    (void)add(&watch, "pg3", 1);
    sync_force_watch(&book, &watch);
    assert_int_equal(book.proof, SYNC_PROOF_HOLDS);
    door = door_at(START_US + 200, BETWEEN);
    sync_force_door(&book, &door);
    watch = watch_of(&book, BETWEEN);
    watch.door_waits = true;
    struct probe_sender *s = add(&watch, "pg3", 1);
    sync_force_watch(&book, &watch);
    assert_int_equal(book.proof, SYNC_PROOF_WAIT);
    s->priority = 0;
    sync_force_watch(&book, &watch);
    assert_int_equal(book.proof, SYNC_PROOF_HOLDS);
}

static void nothing_is_known_of_before(void **state)
{
    (void)state;
    struct sync_force_book book;
    sync_force_begin(&book);
    struct probe_door door = door_at(START_US + 100, "ANY 1 (pg2)");
    sync_force_door(&book, &door);
    struct probe_watch watch = watch_of(&book, "ANY 1 (pg2)");
    (void)add(&watch, "pg2", 1);
    sync_force_watch(&book, &watch);
    assert_int_equal(book.proof, SYNC_PROOF_BETWEEN);
    door = door_at(START_US + 200, FENCE);
    sync_force_door(&book, &door);
    watch = watch_of(&book, FENCE);
    (void)add(&watch, "pg2", 0);
    sync_force_watch(&book, &watch);
    assert_int_equal(book.proof, SYNC_PROOF_WAIT);
    watch.door_waits = true;
    sync_force_watch(&book, &watch);
    assert_int_equal(book.proof, SYNC_PROOF_HOLDS);

    struct sync_text texts[] = {sync_text_parse("ANY 1 (pg2)"), sync_text_parse(FENCE)};
    sync_force_begin(&book);
    sync_force_assume(&book, texts, ARRAY_LEN(texts));
    door = door_at(START_US + 100, "ANY 1 (pg2)");
    sync_force_door(&book, &door);
    watch = watch_of(&book, "ANY 1 (pg2)");
    (void)add(&watch, "pg2", 1);
    sync_force_watch(&book, &watch);
    assert_int_equal(book.proof, SYNC_PROOF_HOLDS);
}

static void other_values_and_other_postmasters_undo_it(void **state)
{
    (void)state;
    struct sync_force_book book;
    begin_with(&book, "ANY 1 (pg2)");
    struct probe_watch watch = watch_of(&book, "ANY 1 (pg9)"); /* somebody reloads */
    sync_force_watch(&book, &watch);
    assert_int_equal(book.proof, SYNC_PROOF_WAIT);
    begin_with(&book, "ANY 1 (pg2)");
    struct probe_door door = door_at(START_US + 100, "ANY 1 (pg2)");
    door.started_us = START_US + 50;
    sync_force_door(&book, &door);
    assert_int_equal(book.proof, SYNC_PROOF_WAIT);
    assert_true(book.is_former_unknown);
    begin_with(&book, "ANY 1 (pg2)");
    watch = watch_of(&book, "ANY 1 (pg2)");
    watch.started_us++;
    door = door_at(START_US + 100, FENCE);
    sync_force_door(&book, &door);
    sync_force_watch(&book, &watch);
    assert_int_equal(book.proof, SYNC_PROOF_WAIT);
}

static void see(struct sync_force_book *book, uint64_t us, const char *value)
{
    struct probe_door door = door_at(START_US + us, value);
    sync_force_door(book, &door);
}

/* GET /primary goes by it. */
static void the_fence_is_lifted_once(void **state)
{
    (void)state;
    struct sync_force_book book;
    begin_with(&book, FENCE);
    assert_false(book.is_lifted);
    see(&book, 100, BETWEEN);
    struct probe_watch watch = watch_of(&book, BETWEEN);
    sync_force_watch(&book, &watch);
    assert_int_equal(book.proof, SYNC_PROOF_HOLDS);
    assert_false(book.is_lifted); /* not by a step between: nobody is released by it */
    see(&book, 200, "ANY 1 (pg2,pg3)");
    assert_false(book.is_lifted); /* one session alone */
    watch = watch_of(&book, "ANY 1 (pg2,pg3)");
    sync_force_watch(&book, &watch);
    assert_true(book.is_lifted);
    see(&book, 300, "ANY 1 (pg2)"); /* a change of the set, by whatever way */
    assert_int_equal(book.proof, SYNC_PROOF_WAIT);
    assert_true(book.is_lifted);
    see(&book, 400, BETWEEN);
    watch = watch_of(&book, BETWEEN);
    sync_force_watch(&book, &watch);
    assert_true(book.is_lifted);
    watch = watch_of(&book, FENCE); /* it comes back */
    sync_force_watch(&book, &watch);
    assert_false(book.is_lifted);
    begin_with(&book, "");
    assert_true(book.is_lifted);
    see(&book, 500, FENCE);
    assert_false(book.is_lifted);
    begin_with(&book, "");
    struct probe_door other = door_at(START_US + 600, "");
    other.started_us++; /* nothing is known of another PostgreSQL */
    sync_force_door(&book, &other);
    assert_false(book.is_lifted);
}

static void facts_follow_from_proof_and_store(void **state)
{
    (void)state;
    struct sync_force_book book;
    struct sync_set set;
    struct sync_value value = {.is_known = true, .count = 2};
    value.sets[0] = make_set(1, 2);
    value.sets[1] = make_set(0, 0);
    static const struct {
        const char *text;
        enum sync_force force;
    } cases[] = {
        {FENCE, FORCE_FENCE},
        {BETWEEN, FORCE_HALFWAY},
        {"ANY 1 (pg2,pg3)", FORCE_OURS},
        {"", FORCE_OURS},
        {"ANY 1 (pg3,pg2)", FORCE_FOREIGN}, /* not as we write it */
        {"ANY 2 (pg2,pg3)", FORCE_FOREIGN},
        {"*", FORCE_FOREIGN},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        begin_with(&book, cases[i].text);
        assert_int_equal(sync_force_of(&book, &value, &set), cases[i].force);
    }
    begin_with(&book, "ANY 1 (pg2,pg3)");
    assert_int_equal(sync_force_of(&book, &value, &set), FORCE_OURS);
    assert_int_equal(set.at[1].copy, 101);
    struct probe_door door = door_at(START_US + 100, "");
    sync_force_door(&book, &door);
    assert_int_equal(sync_force_of(&book, &value, &set), FORCE_UNKNOWN);
}

/* A text holds no copies. Who was cloned anew has taken the place of the copy before for good, so
 * it is the newest of the sets that have these names. */
static void c3_of_sets_with_the_same_names_it_is_the_newest(void **state)
{
    (void)state;
    struct sync_force_book book;
    struct sync_set set;
    struct sync_value value = {.is_known = true, .count = 3};
    value.sets[0] = value.sets[1] = make_set(1, 2);
    value.sets[1].at[1].copy = 201;
    value.sets[2] = make_set(1, 1);
    begin_with(&book, "ANY 1 (pg2,pg3)");
    assert_int_equal(sync_force_of(&book, &value, &set), FORCE_OURS);
    assert_int_equal(set.at[1].copy, 201);
    begin_with(&book, "ANY 1 (pg2)");
    assert_int_equal(sync_force_of(&book, &value, &set), FORCE_OURS);
    assert_int_equal(set.count, 1);
}

/* So a primary is that was adopted, or that somebody has set anew: its commits wait for nobody, and
 * nothing is what was published. Else its set could never be begun. */
static void nothing_published_is_nobody_waited_for(void **state)
{
    (void)state;
    struct sync_force_book book;
    struct sync_set set;
    struct sync_value value = {.is_known = true};
    begin_with(&book, "");
    assert_int_equal(sync_force_of(&book, &value, &set), FORCE_OURS);
    assert_int_equal(set.needed, 0);
    value.is_known = false; /* nothing was ever recorded */
    assert_int_equal(sync_force_of(&book, &value, &set), FORCE_FOREIGN);
    value = (struct sync_value){.is_known = true, .count = 1, .sets = {make_set(1, 2)}};
    assert_int_equal(sync_force_of(&book, &value, &set), FORCE_FOREIGN);
    value.count = 0; /* on the way to the first set: its names, of copies that nobody knows */
    begin_with(&book, "ANY 1 (pg2)");
    assert_int_equal(sync_force_of(&book, &value, &set), FORCE_OURS);
    assert_true(set.needed == 1 && set.count == 1 && set.at[0].copy == 0);
    assert_string_equal(set.at[0].name.text, "pg2");
    begin_with(&book, "ANY 2 (pg2)");
    assert_int_equal(sync_force_of(&book, &value, &set), FORCE_FOREIGN);
    begin_with(&book, "*");
    assert_int_equal(sync_force_of(&book, &value, &set), FORCE_FOREIGN);
}

static void way_to_a_value(void **state)
{
    (void)state;
    static const struct {
        const char *from;
        const char *to;
        enum sync_move move;
    } cases[] = {
        {FENCE, "ANY 1 (pg2)", SYNC_MOVE_GOAL},
        {FENCE, "ANY 2 (pg2,pg3)", SYNC_MOVE_GOAL},
        {FENCE, FENCE, SYNC_MOVE_NONE},
        {BETWEEN, "ANY 2 (pg2,pg3)", SYNC_MOVE_GOAL},
        {"ANY 1 (pg2,pg3)", "ANY 1 (pg2,pg3,pg4)", SYNC_MOVE_GOAL},
        {"ANY 1 (pg2)", "ANY 1 (pg3)", SYNC_MOVE_GOAL},
        {"ANY 2 (pg2,pg3)", "ANY 1 (pg3)", SYNC_MOVE_GOAL},
        {"ANY 1 (pg2)", "", SYNC_MOVE_GOAL},
        {"", "", SYNC_MOVE_NONE},
        {"", "ANY 1 (pg2)", SYNC_MOVE_BETWEEN},
        {"ANY 1 (pg2,pg3)", "ANY 2 (pg2,pg3)", SYNC_MOVE_BETWEEN},
        {"ANY 1 (pg2)", "ANY 2 (pg3,pg4)", SYNC_MOVE_GOAL},
        {"*", "ANY 2 (pg2,pg3)", SYNC_MOVE_BETWEEN},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct sync_force_book book;
        struct sync_text goal = sync_text_parse(cases[i].to);
        begin_with(&book, cases[i].from);
        assert_int_equal(sync_force_next(&book, &goal), cases[i].move);
        /* Whoever goes straight there is never told afterwards that he should not have. */
        if (cases[i].move == SYNC_MOVE_GOAL) {
            assert_int_not_equal(step(cases[i].from, cases[i].to, "pg2", 1), SYNC_PROOF_BETWEEN);
            assert_int_not_equal(step(cases[i].from, cases[i].to, "pg3", 1), SYNC_PROOF_BETWEEN);
        }
    }
    struct sync_force_book book;
    struct sync_text goal = sync_text_parse("ANY 1 (pg2)");
    sync_force_begin(&book);
    assert_int_equal(sync_force_next(&book, &goal), SYNC_MOVE_WAIT);
    struct probe_door door = door_at(START_US + 100, "ANY 1 (pg3)");
    sync_force_door(&book, &door);
    assert_int_equal(sync_force_next(&book, &goal), SYNC_MOVE_BETWEEN);
    door = door_at(START_US + 200, BETWEEN);
    sync_force_door(&book, &door);
    assert_int_equal(sync_force_next(&book, &goal), SYNC_MOVE_WAIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_taken_apart),
        cmocka_unit_test(sets_are_written_and_read_back),
        cmocka_unit_test(steps_of_one_walsender),
        cmocka_unit_test(who_can_not_release_yet_will_look_first),
        cmocka_unit_test(waiting_commit_shows_the_flag),
        cmocka_unit_test(what_was_before_the_empty_value_is_not_forgotten),
        cmocka_unit_test(nothing_is_known_of_before),
        cmocka_unit_test(other_values_and_other_postmasters_undo_it),
        cmocka_unit_test(the_fence_is_lifted_once),
        cmocka_unit_test(facts_follow_from_proof_and_store),
        cmocka_unit_test(c3_of_sets_with_the_same_names_it_is_the_newest),
        cmocka_unit_test(nothing_published_is_nobody_waited_for),
        cmocka_unit_test(way_to_a_value),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
