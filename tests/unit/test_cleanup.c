/* tests/unit/test_cleanup.c - a resource goes away with its scope, once, unless handed over. */
#include "tests/lib/death.h"

#include "base/cleanup.h"
#include "base/mem.h"

static char order[8];
static size_t closed;

static void note(const char *name)
{
    order[closed++] = *name;
    order[closed] = '\0';
}

static void notep(const char **name)
{
    if (*name != NULL) {
        note(*name);
    }
}

static int forget(void **state)
{
    (void)state;
    closed = 0;
    order[0] = '\0';
    return 0;
}

static int leave_early(int how)
{
    CLEANUP(notep) const char *outer = "a";
    if (*outer != 'a' || how == 0) {
        return 0;
    }
    CLEANUP(notep) const char *second = "b";
    for (int i = 0; i < 2; i++) {
        CLEANUP(notep) const char *inner = "c";
        if (*inner != 'c' || how == 1) {
            continue;
        }
        if (*second != 'b' || how == 2) {
            break;
        }
        goto out;
    }
    return how;
out:
    return -1;
}

static void every_way_out_of_a_scope_cleans_up_in_reverse_order(void **state)
{
    static const char *const expected[] = {"a", "ccba", "cba", "cba"};
    for (int how = 0; how < (int)ARRAY_LEN(expected); how++) {
        (void)forget(state);
        (void)leave_early(how);
        assert_string_equal(order, expected[how]);
    }
}

static const char *hand_over(bool keep)
{
    CLEANUP(notep) const char *name = "n";
    if (keep) {
        return TAKE(name);
    }
    return NULL;
}

static void what_is_taken_is_not_cleaned_up(void **state)
{
    (void)state;
    assert_string_equal(hand_over(true), "n");
    assert_string_equal(order, "");
    assert_null(hand_over(false));
    assert_string_equal(order, "n");
}

static void take_yields_the_value_and_leaves_null(void **state)
{
    (void)state;
    struct {
        char *text;
    } owner = {mem_strdup("x")};
    char *before = owner.text;
    CLEANUP(mem_freep) char *text = TAKE(owner.text);
    assert_ptr_equal(text, before);
    assert_null(owner.text);
    assert_null(TAKE(owner.text)); /* again: nothing */
    void *any = TAKE(text);
    assert_null(text);
    mem_free(any);
}

static bool is_open(int fd)
{
    return fcntl(fd, F_GETFD) >= 0;
}

static int open_null(void)
{
    int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    return fd;
}

static void a_descriptor_is_closed_with_its_scope(void **state)
{
    (void)state;
    int seen = -1;
    {
        CLEANUP(closep) int fd = open_null();
        seen = fd;
        assert_true(is_open(seen));
    }
    assert_false(is_open(seen));
}

static void a_descriptor_that_is_taken_stays_open(void **state)
{
    (void)state;
    int kept = -1;
    {
        CLEANUP(closep) int fd = open_null();
        kept = take_fd(&fd);
        assert_int_equal(fd, -1);
        assert_int_equal(take_fd(&fd), -1); /* again: nothing */
    }
    assert_true(is_open(kept));
    closep(&kept);
}

static void closing_a_descriptor_twice_closes_nobody_elses(void **state)
{
    (void)state;
    int fd = open_null();
    int number = fd;
    closep(&fd);
    assert_int_equal(fd, -1);
    CLEANUP(closep) int other = open_null(); /* gets the number again */
    assert_int_equal(other, number);
    closep(&fd);
    assert_true(is_open(other));
}

static void no_descriptor_is_not_closed_and_errno_stays(void **state)
{
    (void)state;
    int fd = -1;
    errno = 0;
    closep(&fd);
    assert_int_equal(errno, 0); /* no close(-1) */
    assert_int_equal(fd, -1);
}

static void descriptor_zero_is_a_descriptor(void **state)
{
    (void)state;
    struct death d;
    if (death_fork(&d)) {
        int zero = 0;
        bool ready = dup2(STDERR_FILENO, zero) == zero;
        closep(&zero);
        _exit(ready && zero == -1 && !is_open(0) ? 0 : 1);
    }
    death_watch(&d);
    assert_int_equal(d.status, 0);
}

static void a_file_is_flushed_and_closed_with_its_scope(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(pipe2(ends, O_NONBLOCK | O_CLOEXEC), 0);
    {
        CLEANUP(fclosep) FILE *file = fdopen(ends[1], "w");
        assert_non_null(file);
        assert_int_equal(fputs("late", file), 1);
    }
    char text[8] = "";
    assert_int_equal(read(ends[0], text, sizeof(text) - 1), 4);
    assert_string_equal(text, "late");
    assert_false(is_open(ends[1]));
    (void)close(ends[0]);
}

static void no_file_is_fine_and_a_closed_one_is_forgotten(void **state)
{
    (void)state;
    FILE *file = NULL;
    fclosep(&file);
    file = fopen("/dev/null", "r");
    assert_non_null(file);
    fclosep(&file);
    assert_null(file);
    fclosep(&file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(every_way_out_of_a_scope_cleans_up_in_reverse_order, forget),
        cmocka_unit_test_setup(what_is_taken_is_not_cleaned_up, forget),
        cmocka_unit_test(take_yields_the_value_and_leaves_null),
        cmocka_unit_test(a_descriptor_is_closed_with_its_scope),
        cmocka_unit_test(a_descriptor_that_is_taken_stays_open),
        cmocka_unit_test(closing_a_descriptor_twice_closes_nobody_elses),
        cmocka_unit_test(no_descriptor_is_not_closed_and_errno_stays),
        cmocka_unit_test(descriptor_zero_is_a_descriptor),
        cmocka_unit_test(a_file_is_flushed_and_closed_with_its_scope),
        cmocka_unit_test(no_file_is_fine_and_a_closed_one_is_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
