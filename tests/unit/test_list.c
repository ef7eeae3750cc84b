/* tests/unit/test_list.c - links stay a ring in both directions, whatever is done to them.
 *
 * After every step the whole list is compared with an array of what must be on it. The struct that
 * is linked has its link in the middle and is aligned more strictly than a list head is, so that a
 * walk that takes the head for a member is seen by the sanitizers. */
#include "tests/lib/death.h"

#include "base/list.h"
#include "base/mem.h"

struct job {
    char name;
    _Alignas(
        32) char wide[64]; /* more than malloc() gives, and all that gcc's checked stack keeps to */
    struct list link;
    int tail;
};

enum { JOBS = 6 };

struct bench {
    struct list list;
    struct list other;
    struct job jobs[JOBS]; /* a, b, c, ... */
};

static void bench_init(struct bench *b)
{
    memset(b, 0, sizeof(*b));
    list_init(&b->list);
    list_init(&b->other);
    for (size_t i = 0; i < JOBS; i++) {
        b->jobs[i].name = (char)('a' + i);
        list_init(&b->jobs[i].link);
    }
}

/* Put the jobs named in @names on @list. */
static void bench_fill(struct bench *b, struct list *list, const char *names)
{
    for (; *names != '\0'; names++) {
        list_push_back(list, &b->jobs[*names - 'a'].link);
    }
}

/* The list holds the jobs named in @names, in this order, and is a ring both ways. */
static void expect(const struct list *list, const char *names)
{
    size_t count = strlen(names);
    assert_int_equal(list_empty(list), count == 0);
    assert_int_equal(list_count(list), count);
    size_t at = 0;
    LIST_FOR_EACH (struct job, job, list, link) {
        assert_true(at < count);
        assert_int_equal(job->name, names[at]);
        assert_ptr_equal(job->link.prev->next, &job->link);
        assert_ptr_equal(job->link.next->prev, &job->link);
        at++;
    }
    assert_int_equal(at, count);
    for (struct list *back = list->prev; back != list; back = back->prev) {
        at--;
        assert_int_equal(CONTAINER_OF(back, struct job, link)->name, names[at]);
    }
    assert_int_equal(at, 0);
}

static void a_new_list_is_empty(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b);
    expect(&b.list, "");
    assert_null(list_pop_front(&b.list));
    expect(&b.list, "");
}

static void push_back_keeps_the_order_and_push_front_turns_it(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b);
    list_push_back(&b.list, &b.jobs[0].link);
    expect(&b.list, "a");
    list_push_back(&b.list, &b.jobs[1].link);
    expect(&b.list, "ab");
    list_push_front(&b.list, &b.jobs[2].link);
    expect(&b.list, "cab");
    list_push_front(&b.list, &b.jobs[3].link);
    expect(&b.list, "dcab");
    list_push_back(&b.list, &b.jobs[4].link);
    expect(&b.list, "dcabe");
}

static void the_first_can_be_pushed_to_either_end(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b);
    list_push_front(&b.list, &b.jobs[0].link);
    expect(&b.list, "a");
}

static void any_member_can_be_removed(void **state)
{
    (void)state;
    static const char *const left[] = {"bcd", "acd", "abd", "abc"};
    for (size_t i = 0; i < ARRAY_LEN(left); i++) {
        struct bench b;
        bench_init(&b);
        bench_fill(&b, &b.list, "abcd");
        list_remove(&b.jobs[i].link);
        expect(&b.list, left[i]);
        assert_true(list_empty(&b.jobs[i].link));
        list_remove(&b.jobs[i].link); /* twice is harmless */
        expect(&b.list, left[i]);
        list_push_back(&b.other, &b.jobs[i].link); /* and it may go elsewhere */
        assert_int_equal(list_count(&b.other), 1);
        expect(&b.list, left[i]);
    }
}

static void pop_front_takes_the_first_until_nothing_is_left(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b);
    bench_fill(&b, &b.list, "abc");
    static const char *const left[] = {"bc", "c", ""};
    for (size_t i = 0; i < ARRAY_LEN(left); i++) {
        assert_ptr_equal(list_pop_front(&b.list), &b.jobs[i].link);
        assert_true(list_empty(&b.jobs[i].link));
        expect(&b.list, left[i]);
    }
    assert_null(list_pop_front(&b.list));
}

static void splice_moves_everything_to_the_end(void **state)
{
    (void)state;
    static const struct {
        const char *to;
        const char *from;
        const char *both;
    } rows[] = {
        {"", "", ""},       {"a", "", "a"},   {"abc", "", "abc"},     {"", "a", "a"},
        {"", "abc", "abc"}, {"a", "b", "ab"}, {"ab", "cde", "abcde"}, {"cde", "ab", "cdeab"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct bench b;
        bench_init(&b);
        bench_fill(&b, &b.list, rows[i].to);
        bench_fill(&b, &b.other, rows[i].from);
        list_splice_back(&b.list, &b.other);
        expect(&b.list, rows[i].both);
        expect(&b.other, "");
        list_push_back(&b.other, &b.jobs[5].link); /* both go on working */
        expect(&b.other, "f");
        list_splice_back(&b.other, &b.list);
        expect(&b.list, "");
        assert_int_equal(list_count(&b.other), strlen(rows[i].both) + 1);
    }
}

static void being_on_a_list_and_pushed_again_is_a_bug(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b);
    bench_fill(&b, &b.list, "ab");
    for (size_t i = 0; i < 2; i++) {
        ASSERT_DIES("list_empty(link)", list_push_back(&b.list, &b.jobs[i].link));
        ASSERT_DIES("list_empty(link)", list_push_front(&b.list, &b.jobs[i].link));
        ASSERT_DIES("list_empty(link)", list_push_back(&b.other, &b.jobs[i].link));
        ASSERT_DIES("list_empty(link)", list_push_front(&b.other, &b.jobs[i].link));
    }
    ASSERT_DIES("list_empty(link)", list_push_back(&b.other, &b.list)); /* a list with members */
    expect(&b.list, "ab");
}

static void a_link_that_was_never_initialized_is_not_pushed(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b);
    struct list zeroed = {NULL, NULL};
    ASSERT_DIES("list_empty(link)", list_push_back(&b.list, &zeroed));
}

static void a_list_is_not_spliced_to_itself(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b);
    bench_fill(&b, &b.list, "ab");
    ASSERT_DIES("to != from", list_splice_back(&b.list, &b.list));
    ASSERT_DIES("to != from", list_splice_back(&b.other, &b.other));
}

static void a_walk_can_stop_and_skip_and_nest(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b);
    bench_fill(&b, &b.list, "abcd");
    bench_fill(&b, &b.other, "ef");
    char seen[64];
    size_t count = 0;
    LIST_FOR_EACH (struct job, job, &b.list, link) {
        if (job->name == 'b') {
            continue;
        }
        if (job->name == 'd') {
            break;
        }
        seen[count++] = job->name;
        LIST_FOR_EACH (struct job, inner, &b.other, link) {
            seen[count++] = inner->name;
        }
    }
    seen[count] = '\0';
    assert_string_equal(seen, "aefcef");
}

static void a_walk_over_an_empty_list_does_nothing(void **state)
{
    (void)state;
    struct list alone; /* with nothing around it that a member could be read from */
    list_init(&alone);
    LIST_FOR_EACH (struct job, job, &alone, link) {
        fail_msg("saw %c", job->name);
    }
    LIST_FOR_EACH_SAFE (struct job, job, &alone, link) {
        fail_msg("saw %c", job->name);
    }
}

static void a_safe_walk_survives_the_removal_of_any_members(void **state)
{
    (void)state;
    for (unsigned removed = 0; removed < 1U << JOBS; removed++) {
        struct bench b;
        bench_init(&b);
        bench_fill(&b, &b.list, "abcdef");
        char seen[JOBS + 1] = "";
        char left[JOBS + 1] = "";
        size_t count = 0;
        LIST_FOR_EACH_SAFE (struct job, job, &b.list, link) {
            seen[count++] = job->name;
            if ((removed >> (job->name - 'a') & 1) != 0) {
                list_remove(&job->link);
            } else {
                left[strlen(left)] = job->name;
            }
        }
        assert_string_equal(seen, "abcdef");
        expect(&b.list, left);
    }
}

static void a_safe_walk_may_free_or_move_its_members(void **state)
{
    (void)state;
    struct item {
        int number;
        struct list link;
    };
    struct list list;
    struct list odd;
    list_init(&list);
    list_init(&odd);
    for (int i = 0; i < 9; i++) {
        struct item *item = mem_zalloc(sizeof(*item));
        item->number = i;
        list_init(&item->link);
        list_push_back(&list, &item->link);
    }
    LIST_FOR_EACH_SAFE (struct item, item, &list, link) {
        list_remove(&item->link);
        if (item->number % 2 != 0) {
            list_push_front(&odd, &item->link);
        } else {
            mem_free(item);
        }
    }
    assert_true(list_empty(&list));
    int next = 7;
    LIST_FOR_EACH_SAFE (struct item, item, &odd, link) {
        assert_int_equal(item->number, next);
        next -= 2;
        list_remove(&item->link);
        mem_free(item);
    }
    assert_int_equal(next, -1);
    assert_true(list_empty(&odd));
}

static uint32_t next_random(uint32_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 17;
    *seed ^= *seed << 5;
    return *seed;
}

/* Take the character at @at out of its text; NULL: it is in none. */
static void cut(char *at)
{
    if (at != NULL) {
        memmove(at, at + 1, strlen(at));
    }
}

static void any_sequence_of_steps_equals_two_plain_texts(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b);
    struct list *const lists[] = {&b.list, &b.other};
    char names[2][JOBS + 1] = {"", ""};
    uint32_t seed = 20261120;
    for (int step = 0; step < 20000; step++) {
        struct job *job = &b.jobs[next_random(&seed) % JOBS];
        size_t which = next_random(&seed) % 2;
        char *text = names[which];
        char one[2] = {job->name, '\0'};
        char *places[] = {strchr(names[0], *one), strchr(names[1], *one)};
        bool on_none = places[0] == NULL && places[1] == NULL;
        uint32_t action = next_random(&seed) % 16;
        if (action < 5 && on_none) {
            list_push_back(lists[which], &job->link);
            text[strlen(text) + 1] = '\0';
            text[strlen(text)] = *one;
        } else if (action < 10 && on_none) {
            list_push_front(lists[which], &job->link);
            memmove(text + 1, text, strlen(text) + 1);
            text[0] = *one;
        } else if (action < 13) {
            list_remove(&job->link);
            cut(places[0]);
            cut(places[1]);
        } else if (action < 15) {
            struct list *first = list_pop_front(lists[which]);
            assert_int_equal(first == NULL, *text == '\0');
            if (first != NULL) {
                assert_int_equal(CONTAINER_OF(first, struct job, link)->name, *text);
                cut(text);
            }
        } else {
            list_splice_back(lists[which], lists[1 - which]);
            memcpy(text + strlen(text), names[1 - which], strlen(names[1 - which]) + 1);
            names[1 - which][0] = '\0';
        }
        expect(&b.list, names[0]);
        expect(&b.other, names[1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_list_is_empty),
        cmocka_unit_test(push_back_keeps_the_order_and_push_front_turns_it),
        cmocka_unit_test(the_first_can_be_pushed_to_either_end),
        cmocka_unit_test(any_member_can_be_removed),
        cmocka_unit_test(pop_front_takes_the_first_until_nothing_is_left),
        cmocka_unit_test(splice_moves_everything_to_the_end),
        cmocka_unit_test(being_on_a_list_and_pushed_again_is_a_bug),
        cmocka_unit_test(a_link_that_was_never_initialized_is_not_pushed),
        cmocka_unit_test(a_list_is_not_spliced_to_itself),
        cmocka_unit_test(a_walk_can_stop_and_skip_and_nest),
        cmocka_unit_test(a_walk_over_an_empty_list_does_nothing),
        cmocka_unit_test(a_safe_walk_survives_the_removal_of_any_members),
        cmocka_unit_test(a_safe_walk_may_free_or_move_its_members),
        cmocka_unit_test(any_sequence_of_steps_equals_two_plain_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
