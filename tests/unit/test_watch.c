/* tests/unit/test_watch.c - every event of a watcher's keys, in order, once; or the word that there
 * is a gap. The random part compares watchers that come, lag and go with all that ever happened. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/must.h"
#include "tests/lib/kv_kit.h"

static struct kit kit;

static int setup(void **state)
{
    (void)state;
    kit_init(&kit);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    kit_close(&kit);
    return 0;
}

static struct watch *open_from(struct kv_span span, uint64_t revision)
{
    struct watch_options options = {.span = span, .from_revision = revision};
    return watch_open(kit.hub, &options);
}

/* What a pull brings, as "revision+key=value" and "revision-key". */
static const char *pull_some(struct watch *watch, size_t bytes_max)
{
    struct watch_batch batch;
    size_t size = 0;
    switch (watch_pull(watch, bytes_max, &batch)) {
        case WATCH_COMPACTED:
            (void)snprintf(kit.text, sizeof(kit.text), "compacted, oldest %llu",
                           (unsigned long long)batch.oldest_revision);
            return kit.text;
        case WATCH_IDLE:
            assert_int_equal(batch.count, 0);
            (void)snprintf(kit.text, sizeof(kit.text), "idle at %llu",
                           (unsigned long long)batch.revision);
            return kit.text;
        case WATCH_EVENTS:
            break;
    }
    assert_true(batch.count > 0);
    for (size_t i = 0; i < batch.count; i++) {
        const struct watch_event *event = &batch.events[i];
        int more = snprintf(kit.text + size, sizeof(kit.text) - size, "%s%llu%s%.*s%s%.*s",
                            i > 0 ? " " : "", (unsigned long long)event->revision,
                            event->is_delete ? "-" : "+", (int)event->pair.key.size,
                            (const char *)event->pair.key.bytes, event->is_delete ? "" : "=",
                            (int)event->pair.value.size, (const char *)event->pair.value.bytes);
        size += (size_t)more;
        assert_int_equal(event->pair.mod_revision, event->revision);
    }
    return kit.text;
}

static const char *pull(struct watch *watch)
{
    return pull_some(watch, SIZE_MAX);
}

static void a_watcher_hears_of_its_key_alone(void **state)
{
    (void)state;
    kit_ok(&kit, kv_put("/a", "0"));
    struct watch *watch = open_from(kv_one("/a"), 0);
    assert_string_equal(pull(watch), "idle at 1");
    kit_ok(&kit, kv_put("/b", "1"));
    kit_ok(&kit, kv_put("/a/b", "1"));
    assert_null(watch_hub_ready(kit.hub));
    assert_string_equal(pull(watch), "idle at 3");
    kit_ok(&kit, kv_put("/a", "2"));
    kit_ok(&kit, kv_delete("/a"));
    kit_ok(&kit, kv_put("/c", "2"));
    assert_ptr_equal(watch_hub_ready(kit.hub), watch);
    assert_string_equal(pull(watch), "4+/a=2 5-/a");
    assert_null(watch_hub_ready(kit.hub));
    assert_string_equal(pull(watch), "idle at 6");
}

static void spans_filters_and_starts(void **state)
{
    (void)state;
    kit_ok(&kit, kv_put("/a/1", "1"));
    kit_ok(&kit, kv_put("/b/1", "2"));
    kit_ok(&kit, kv_put("/a/2", "3"));
    kit_ok(&kit, kv_delete("/a/1"));
    assert_string_equal(pull(open_from(kv_prefix(""), 1)), "1+/a/1=1 2+/b/1=2 3+/a/2=3 4-/a/1");
    assert_string_equal(pull(open_from(kv_prefix("/a/"), 1)), "1+/a/1=1 3+/a/2=3 4-/a/1");
    assert_string_equal(pull(open_from(kv_prefix("/a/"), 2)), "3+/a/2=3 4-/a/1");
    assert_string_equal(pull(open_from(kv_from_to("/a/2", "/b/2"), 1)), "2+/b/1=2 3+/a/2=3");
    assert_string_equal(pull(open_from(kv_from_to("/a/2", ""), 3)), "3+/a/2=3");
    assert_string_equal(pull(open_from(kv_prefix("/a/"), 5)), "idle at 4");
    struct watch_options options = {.span = kv_prefix(""), .from_revision = 1, .no_puts = true};
    assert_string_equal(pull(watch_open(kit.hub, &options)), "4-/a/1");
    options = (struct watch_options){.span = kv_prefix(""), .from_revision = 3, .no_deletes = true};
    struct watch *puts = watch_open(kit.hub, &options);
    assert_string_equal(pull(puts), "3+/a/2=3");
    kit_ok(&kit, kv_delete("/a/2"));
    assert_string_equal(pull(puts), "idle at 5");
}

static void a_start_in_the_future_waits_for_it(void **state)
{
    (void)state;
    struct watch *watch = open_from(kv_one("a"), 3);
    kit_ok(&kit, kv_put("a", "1"));
    kit_ok(&kit, kv_put("a", "2"));
    assert_null(watch_hub_ready(kit.hub));
    kit_ok(&kit, kv_put("a", "3"));
    assert_string_equal(pull(watch), "3+a=3");
}

static void previous_pairs_on_request(void **state)
{
    (void)state;
    struct watch_options options = {.span = kv_one("a"), .from_revision = 1, .want_previous = true};
    struct watch *watch = watch_open(kit.hub, &options);
    kit_ok(&kit, kv_put("a", "1"));
    kit_ok(&kit, kv_put("a", "2"));
    kit_ok(&kit, kv_delete("a"));
    struct watch_batch batch;
    assert_int_equal(watch_pull(watch, SIZE_MAX, &batch), WATCH_EVENTS);
    assert_int_equal(batch.count, 3);
    assert_false(batch.events[0].has_previous);
    assert_true(kv_slice_equal(batch.events[1].previous.value, kv_text("1")));
    assert_true(kv_slice_equal(batch.events[2].previous.value, kv_text("2")));
    assert_true(batch.events[2].is_delete);
    assert_int_equal(batch.events[2].pair.value.size, 0);
}

/* A revision is delivered whole or not yet, and the batch says how far it reaches. */
static void batches_never_split_a_revision(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        const struct kv_op ops[] = {op_put("a", "x"), op_put("b", "x"), op_put("c", "x")};
        kit_ok(&kit, kv_if(NULL, 0, ops, 3, NULL, 0));
        kit_ok(&kit, kv_put("unwatched", ""));
    }
    struct watch *watch = open_from(kv_from_to("a", "d"), 1);
    struct watch *other = open_from(kv_one("a"), 1);
    static const uint64_t reached[] = {1, 3, 5};
    for (unsigned i = 0; i < 3; i++) {
        struct watch_batch batch;
        assert_ptr_equal(watch_hub_ready(kit.hub), i == 0 ? watch : other);
        assert_int_equal(watch_pull(watch, 1, &batch), WATCH_EVENTS);
        assert_int_equal(batch.count, 3);
        assert_int_equal(batch.events[0].revision, 2 * i + 1);
        assert_int_equal(batch.events[2].revision, 2 * i + 1);
        assert_int_equal(batch.revision, reached[i]);
        /* Who has fetched goes to the end of those that wait. */
    }
    assert_string_equal(pull(watch), "idle at 6");
    assert_string_equal(pull(other), "1+a=x 3+a=x 5+a=x");
}

static void a_gap_is_told_for_ever(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 5; i++) {
        kit_ok(&kit, kv_put("a", "x"));
    }
    struct watch *lagging = open_from(kv_one("a"), 2);
    struct watch *later = open_from(kv_one("a"), 5);
    struct watch *quiet = open_from(kv_one("b"), 0);
    kit_ok(&kit, kv_compact(4));
    assert_string_equal(pull(lagging), "compacted, oldest 5");
    kit_ok(&kit, kv_put("a", "y"));
    assert_string_equal(pull(lagging), "compacted, oldest 5");
    assert_string_equal(pull(later), "5+a=x 6+a=y");
    kit_ok(&kit, kv_compact(6));
    kit_ok(&kit, kv_put("b", "y"));
    assert_string_equal(pull(quiet), "7+b=y"); /* missed nothing */
    assert_string_equal(pull(open_from(kv_one("zzz"), 6)), "compacted, oldest 7");
    assert_string_equal(pull(open_from(kv_one("b"), 7)), "7+b=y");
    assert_string_equal(pull(open_from(kv_one("zzz"), 0)), "idle at 7");
}

static void what_is_old_is_let_go_when_nobody_waits_for_it(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 6; i++) {
        kit_ok(&kit, kv_put("a", "x"));
    }
    assert_int_equal(watch_hub_cut(kit.hub, 4, SIZE_MAX), 0); /* there is little */
    assert_int_equal(watch_hub_oldest(kit.hub), 1);
    struct watch *lagging = open_from(kv_one("a"), 3);
    assert_true(watch_hub_cut(kit.hub, 4, 0) > 0);
    assert_int_equal(watch_hub_oldest(kit.hub), 3); /* it waits for that */
    assert_string_equal(pull(lagging), "3+a=x 4+a=x 5+a=x 6+a=x");
    assert_true(watch_hub_cut(kit.hub, 4, 0) > 0);
    assert_int_equal(watch_hub_oldest(kit.hub), 5); /* what came lately stays, whatever its size */
    assert_int_equal(watch_hub_cut(kit.hub, 4, 0), 0);
    kit_ok(&kit, kv_put("a", "y"));
    assert_string_equal(pull(lagging), "7+a=y");
}

/* After a restart, or a snapshot: the events are gone, the watchers that had seen all are not. */
static void a_reload_keeps_whoever_was_up_to_date(void **state)
{
    (void)state;
    kit_ok(&kit, kv_put("a", "1"));
    struct watch *current = open_from(kv_one("a"), 0);
    struct watch *lagging = open_from(kv_one("a"), 1);
    struct watch *future = open_from(kv_one("a"), 4);
    kit_reload(&kit);
    assert_int_equal(watch_hub_oldest(kit.hub), 2);
    assert_string_equal(pull(lagging), "compacted, oldest 2");
    assert_string_equal(pull(open_from(kv_one("a"), 1)), "compacted, oldest 2");
    kit_ok(&kit, kv_put("a", "2"));
    assert_string_equal(pull(current), "2+a=2");
    kit_ok(&kit, kv_put("a", "3"));
    kit_ok(&kit, kv_put("a", "4"));
    assert_string_equal(pull(future), "4+a=4");

    /* Another machine, further on: what lies between was never seen here. */
    struct kit other;
    kit_init(&other);
    for (unsigned i = 0; i < 10; i++) {
        kit_ok(&other, kv_put("a", "other"));
    }
    kit_reload(&other);
    struct machine_options options = {.hub = kit.hub};
    struct machine *machine = machine_create(&options);
    struct watch *much_later = open_from(kv_one("a"), 11);
    assert_int_equal(kit_disk_load(&other.disk, machine, NULL), 0);
    assert_string_equal(pull(current), "compacted, oldest 11");
    assert_string_equal(pull(future), "compacted, oldest 11");
    assert_string_equal(pull(much_later), "idle at 10");
    assert_int_equal(watch_hub_revision(kit.hub), 10);
    machine_destroy(machine);
    kit_close(&other);
}

static void watchers_come_and_go(void **state)
{
    (void)state;
    struct watch *watches[30];
    static const char *const keys[] = {"a", "a", "ab", "b", ""};
    for (size_t i = 0; i < ARRAY_LEN(watches); i++) {
        struct kv_span span = i % 3 == 0   ? kv_prefix(keys[i % 5])
                              : i % 3 == 1 ? kv_from_to(keys[i % 5], "c")
                                           : kv_one(keys[i % 4]);
        struct watch_options options = {.span = span, .owner = &watches[i]};
        watches[i] = watch_open(kit.hub, &options);
        assert_ptr_equal(watch_owner(watches[i]), &watches[i]);
    }
    assert_int_equal(watch_hub_count(kit.hub), ARRAY_LEN(watches));
    kit_ok(&kit, kv_put("ab", "1"));
    for (size_t i = 0; i < ARRAY_LEN(watches); i += 2) {
        watch_close(watches[i]);
    }
    watch_close(NULL);
    size_t ready = 0;
    for (struct watch *watch = watch_hub_ready(kit.hub); watch != NULL;
         watch = watch_hub_ready(kit.hub)) {
        assert_string_equal(pull(watch), "1+ab=1");
        ready++;
    }
    assert_true(ready > 5);
    assert_int_equal(watch_hub_count(kit.hub), ARRAY_LEN(watches) / 2);
    /* The rest goes with the hub. */
}

/* ---- at random, against all that ever happened ---- */

enum { KEYS = 40, WATCHERS = 60, COMMANDS = 20000 };

struct happened {
    uint64_t revision;
    bool is_delete;
    char key[16];
    uint64_t number; /* the value */
};

struct observer {
    struct watch *watch;
    struct kv_span span;
    char from[16];
    char to[16];
    bool no_puts;
    uint64_t next_revision; /* what it has seen all before */
};

static struct happened *log_of_all;
static size_t log_count;
static uint64_t seed = 42;
static size_t counts[3]; /* pulls by outcome */

static uint64_t draw(uint64_t below)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (seed >> 11) % below;
}

static void draw_key(char key[16])
{
    (void)snprintf(key, 16, "/%c/%llu", (char)('a' + (char)draw(3)),
                   (unsigned long long)draw(KEYS));
}

static void note(uint64_t revision, bool is_delete, const char *key, uint64_t number)
{
    struct happened *event = &log_of_all[log_count];
    *event = (struct happened){.revision = revision, .is_delete = is_delete, .number = number};
    (void)snprintf(event->key, sizeof(event->key), "%.15s", key);
    log_count++;
}

static void random_command(uint64_t number)
{
    char keys[4][16];
    char value[32];
    (void)snprintf(value, sizeof(value), "%llu", (unsigned long long)number);
    if (draw(4) == 0) {
        draw_key(keys[0]);
        bool there = kit_value(&kit, keys[0]) != NULL;
        uint64_t revision = kit_ok(&kit, kv_delete(keys[0]))->revision;
        if (there) {
            note(revision, true, keys[0], 0);
        }
        return;
    }
    struct kv_op ops[4];
    size_t count = 0;
    size_t wanted = 1 + draw(4);
    for (size_t i = 0; i < wanted; i++) {
        draw_key(keys[count]);
        bool twice = false;
        for (size_t before = 0; before < count; before++) {
            twice |= strcmp(keys[before], keys[count]) == 0;
        }
        if (!twice) {
            ops[count] = op_put(keys[count], value);
            count++;
        }
    }
    uint64_t revision = kit_ok(&kit, kv_if(NULL, 0, ops, count, NULL, 0))->revision;
    for (size_t i = 0; i < count; i++) {
        note(revision, false, keys[i], number);
    }
}

static void observe(struct observer *observer)
{
    uint64_t revision = kit_revision(&kit);
    draw_key(observer->from);
    switch (draw(3)) {
        case 0:
            observer->span = kv_one(observer->from);
            break;
        case 1:
            observer->from[1 + draw(4)] = '\0';
            observer->span = kv_prefix(observer->from);
            break;
        default:
            (void)snprintf(observer->to, sizeof(observer->to), "/d");
            observer->span = kv_from_to(observer->from, observer->to);
            break;
    }
    observer->no_puts = draw(5) == 0;
    uint64_t back = draw(100);
    uint64_t from = draw(3) == 0 ? 0 : revision + 5 > back ? revision + 5 - back : 1;
    observer->next_revision = from == 0 ? revision + 1 : from;
    struct watch_options options = {
        .span = observer->span, .from_revision = from, .no_puts = observer->no_puts};
    observer->watch = watch_open(kit.hub, &options);
}

/* The next thing after position *at that @observer must hear of, up to @until. */
static const struct happened *expected(const struct observer *observer, size_t *at, uint64_t until)
{
    while (*at < log_count && log_of_all[*at].revision <= until) {
        const struct happened *event = &log_of_all[*at];
        (*at)++;
        if (event->revision >= observer->next_revision &&
            kv_span_holds(&observer->span, kv_text(event->key)) &&
            (event->is_delete || !observer->no_puts)) {
            return event;
        }
    }
    return NULL;
}

static void check_pull(struct observer *observer)
{
    struct watch_batch batch;
    size_t at = 0;
    while (at < log_count && log_of_all[at].revision < observer->next_revision) {
        at++;
    }
    enum watch_outcome outcome = watch_pull(observer->watch, draw(400), &batch);
    counts[outcome]++;
    if (outcome == WATCH_COMPACTED) {
        /* Never without need: something that it wanted, or asked for at the start, is gone. */
        assert_true(observer->next_revision < batch.oldest_revision);
        watch_close(observer->watch);
        observe(observer);
        return;
    }
    for (size_t i = 0; i < batch.count; i++) {
        const struct happened *event = expected(observer, &at, batch.revision);
        MUST(event != NULL); /* else it hears of more than happened */
        assert_int_equal(batch.events[i].revision, event->revision);
        assert_int_equal(batch.events[i].is_delete, event->is_delete);
        assert_true(kv_slice_equal(batch.events[i].pair.key, kv_text(event->key)));
        char value[32] = "";
        if (!event->is_delete) {
            (void)snprintf(value, sizeof(value), "%llu", (unsigned long long)event->number);
        }
        assert_true(kv_slice_equal(batch.events[i].pair.value, kv_text(value)));
    }
    assert_null(expected(observer, &at, batch.revision)); /* nothing was left out */
    if (batch.revision + 1 > observer->next_revision) {
        observer->next_revision = batch.revision + 1;
    }
}

static void no_gap_at_random(void **state)
{
    (void)state;
    static struct observer observers[WATCHERS];
    log_of_all = mem_array((size_t)4 * COMMANDS, sizeof(*log_of_all));
    log_count = 0;
    watch_hub_destroy(kit.hub);
    machine_destroy(kit.machine);
    kit.hub = watch_hub_create(60, 20000);
    struct machine_options options = {.hub = kit.hub};
    kit.machine = machine_create(&options);
    for (size_t i = 0; i < WATCHERS; i++) {
        observe(&observers[i]);
    }
    for (uint64_t number = 0; number < COMMANDS; number++) {
        random_command(number);
        if (draw(200) == 0) {
            kit_ok(&kit, kv_compact(kit_revision(&kit) - draw(20) * (kit_revision(&kit) > 20)));
        }
        for (uint64_t pulls = draw(6); pulls > 0; pulls--) {
            check_pull(&observers[draw(WATCHERS)]);
        }
        if (draw(20) == 0) {
            struct observer *observer = &observers[draw(WATCHERS)];
            watch_close(observer->watch);
            observe(observer);
        }
    }
    assert_true(counts[WATCH_EVENTS] > 1000);
    assert_true(counts[WATCH_IDLE] > 1000);
    assert_true(counts[WATCH_COMPACTED] > 100);
    mem_free(log_of_all);
}

#define KIT_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        KIT_TEST(a_watcher_hears_of_its_key_alone),
        KIT_TEST(spans_filters_and_starts),
        KIT_TEST(a_start_in_the_future_waits_for_it),
        KIT_TEST(previous_pairs_on_request),
        KIT_TEST(batches_never_split_a_revision),
        KIT_TEST(a_gap_is_told_for_ever),
        KIT_TEST(what_is_old_is_let_go_when_nobody_waits_for_it),
        KIT_TEST(a_reload_keeps_whoever_was_up_to_date),
        KIT_TEST(watchers_come_and_go),
        KIT_TEST(no_gap_at_random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
