/* tests/unit/test_remains.c - may this directory go on as a cluster? One row for each situation. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "ctl/remains.h"

/* Directories are written "TERM.INDEX", with "?" behind it when it is doubtful, "*" when it is of
 * another cluster; "-" is one that can not be read. */
static struct remains parse(const char *text)
{
    struct remains r = {.dir = text};
    unsigned term = 0;
    unsigned index = 0;
    if (text[0] == '-') {
        (void)err_set(&r.failure, ERR_CORRUPT, "damaged");
        return r;
    }
    int fields = sscanf(text, "%u.%u", &term, &index);  // NOLINT(cert-err34-c): the rows below
    assert_int_equal(fields, 2);
    r.survivor.last_term = term;
    r.survivor.last_index = index;
    r.survivor.cluster_id[0] = strchr(text, '*') != NULL ? 2 : 1;
    r.survivor.doubt = strchr(text, '?') != NULL ? "a copy" : NULL;
    return r;
}

static const struct {
    const char *what;
    const char *chosen;
    const char *others[3];
    bool accept_loss;
    int code;
    const char *says;
} rows[] = {
    {"one alone goes on", "3.10", {NULL}, false, 0, NULL},
    {"... not one that can not be read", "-", {NULL}, true, ERR_CORRUPT, "damaged"},
    {"the best of three goes on", "3.10", {"3.9", "2.99"}, false, 0, NULL},
    {"as good as the other is good enough", "3.10", {"3.10"}, false, 0, NULL},
    {"a worse one does not",
     "3.10",
     {"3.9", "3.11"},
     false,
     ERR_REFUSED,
     "3.11 holds more (term 3"},
    {"... also when it has more entries",
     "3.10",
     {"4.2"},
     false,
     ERR_REFUSED,
     "4.2 holds more (term 4"},
    {"... unless that is what is wanted", "3.10", {"4.2"}, true, 0, NULL},
    {"one that can not be read may hold more",
     "3.10",
     {"3.9", "-"},
     false,
     ERR_REFUSED,
     "- can not be read"},
    {"... unless that is accepted", "3.10", {"-"}, true, 0, NULL},
    {"clusters are not compared",
     "3.10",
     {"3.9", "1.1*"},
     true,
     ERR_REFUSED,
     "of different clusters"},
    {"a doubtful one needs a word",
     "3.10?",
     {NULL},
     false,
     ERR_REFUSED,
     "3.10? is doubtful (a copy)"},
    {"... and has it", "3.10?", {"3.9"}, true, 0, NULL},
    {"a doubtful one beside it is only compared", "3.10", {"3.10?"}, false, 0, NULL},
};

static void each_situation(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct remains chosen = parse(rows[i].chosen);
        struct remains others[3];
        size_t count = 0;
        while (count < ARRAY_LEN(others) && rows[i].others[count] != NULL) {
            others[count] = parse(rows[i].others[count]);
            count++;
        }
        struct remains_word word = {.accept_loss = rows[i].accept_loss};
        struct err err = {0};
        int code = remains_check(&chosen, others, count, &word, &err);
        if (code != rows[i].code || (code != 0 && strstr(err.msg, rows[i].says) == NULL)) {
            fail_msg("%s: %d \"%s\"", rows[i].what, code, err.msg);
        }
    }
}

static void add_other(struct remains *r, const char *name, enum member_kind kind)
{
    struct member_info *info = &r->survivor.others[r->survivor.other_count++];
    (void)snprintf(info->name, sizeof(info->name), "%s", name);
    info->kind = kind;
}

static void databases_of_the_old_cluster_are_fenced(void **state)
{
    (void)state;
    static const char *const one[] = {"pg3"};
    static const char *const all[] = {"pg2", "pg3", "pg9"};
    struct err err = {0};
    struct remains chosen = parse("3.10");
    struct remains_word word = {.accept_loss = true}; /* which is no answer to this */
    add_other(&chosen, "w1", MEMBER_WITNESS);
    add_other(&chosen, "pg2", MEMBER_DATABASE);
    add_other(&chosen, "pg3", MEMBER_DATABASE);
    assert_int_equal(remains_check(&chosen, NULL, 0, &word, &err), ERR_REFUSED);
    assert_non_null(strstr(err.msg, "--i-have-fenced for each of pg2, pg3"));
    word.fenced = one;
    word.fenced_count = 1;
    assert_int_equal(remains_check(&chosen, NULL, 0, &word, &err), ERR_REFUSED);
    assert_non_null(strstr(err.msg, "--i-have-fenced for each of pg2"));
    assert_null(strstr(err.msg, "pg3"));
    word.fenced = all;
    word.fenced_count = 3;
    assert_int_equal(remains_check(&chosen, NULL, 0, &word, &err), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_situation),
        cmocka_unit_test(databases_of_the_old_cluster_are_fenced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
