/* tests/unit/test_edit_set.c - `key.path=value` of the command line, one row per case. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/must.h"
#include "config/merge.h"
#include "ctl/edit_set.h"

#define PG "postgresql.parameters."
#define BEFORE "{\"ttl\": 30, \"postgresql\": {\"parameters\": {\"work_mem\": \"4MB\"}}}"

static const struct {
    const char *prefix;
    const char *pair;
    const char *after;
} rows[] = {
    {"", "ttl=20", "{\"ttl\": 20, \"postgresql\": {\"parameters\": {\"work_mem\": \"4MB\"}}}"},
    {"", " ttl = '20' ",
     "{\"ttl\": \"20\", \"postgresql\": {\"parameters\": {\"work_mem\": \"4MB\"}}}"},
    {"", "ttl=", "{\"postgresql\": {\"parameters\": {\"work_mem\": \"4MB\"}}}"},
    {"", "ttl=null", "{\"postgresql\": {\"parameters\": {\"work_mem\": \"4MB\"}}}"},
    {"", "ttl=~ ", "{\"postgresql\": {\"parameters\": {\"work_mem\": \"4MB\"}}}"},
    {"", "ttl=NULL", "{\"postgresql\": {\"parameters\": {\"work_mem\": \"4MB\"}}}"},
    {"", "ttl=Null # gone", "{\"postgresql\": {\"parameters\": {\"work_mem\": \"4MB\"}}}"},
    {"", "ttl=# gone", "{\"postgresql\": {\"parameters\": {\"work_mem\": \"4MB\"}}}"},
    {"", "ttl=---", "{\"postgresql\": {\"parameters\": {\"work_mem\": \"4MB\"}}}"},
    {"", "ttl=nUll",
     "{\"ttl\": \"nUll\", \"postgresql\": {\"parameters\": {\"work_mem\": \"4MB\"}}}"},
    {"", "ttl='NULL'",
     "{\"ttl\": \"NULL\", \"postgresql\": {\"parameters\": {\"work_mem\": \"4MB\"}}}"},
    {PG, "work_mem=Null", "{\"ttl\": 30}"},
    {"", "pause=null", BEFORE},
    {"", "pause=on",
     "{\"ttl\": 30, \"postgresql\": {\"parameters\": {\"work_mem\": \"4MB\"}}, \"pause\": true}"},
    {"", "a.b.c=1.5",
     "{\"ttl\": 30, \"postgresql\": {\"parameters\": {\"work_mem\": \"4MB\"}}, \"a\": {\"b\": "
     "{\"c\": 1.5}}}"},
    {"", "ttl.b={c: [x, 2]}",
     "{\"ttl\": {\"b\": {\"c\": [\"x\", 2]}}, \"postgresql\": {\"parameters\": {\"work_mem\": "
     "\"4MB\"}}}"},
    {"", "a.b.c=", BEFORE},
    {"", "postgresql.parameters.work_mem=", "{\"ttl\": 30}"},
    {PG, "work_mem=8MB=x",
     "{\"ttl\": 30, \"postgresql\": {\"parameters\": {\"work_mem\": \"8MB=x\"}}}"},
    {PG, " auto_explain.log_min=1s",
     "{\"ttl\": 30, \"postgresql\": {\"parameters\": {\"work_mem\": \"4MB\", "
     "\"auto_explain.log_min\": \"1s\"}}}"},
    {"", "postgresql.parameters_primary.a.b=1",
     "{\"ttl\": 30, \"postgresql\": {\"parameters\": {\"work_mem\": \"4MB\"}, "
     "\"parameters_primary\": {\"a.b\": 1}}}"},
};

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        json_auto_t *document = json_loads(BEFORE, 0, NULL);
        struct err err = {0};
        print_message("# %s%s\n", rows[i].prefix, rows[i].pair);
        assert_int_equal(edit_set(document, rows[i].prefix, rows[i].pair, &err), 0);
        CLEANUP(mem_freep) char *text = config_document_text(document);
        assert_string_equal(text, rows[i].after);
    }
}

static void test_what_is_none(void **state)
{
    static const char *const pairs[] = {
        "ttl",   "=1",     " =1", "a..b=1",      ".a=1",   "a.=1",
        "a=[1,", "\xff=1", "",    "a=\"x\xff\"", "a=b: {", "a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q=1"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
        json_auto_t *document = json_loads(BEFORE, 0, NULL);
        struct err err = {0};
        print_message("# %zu\n", i);
        assert_int_equal(edit_set(document, "", pairs[i], &err), ERR_USAGE);
        assert_int_equal(strncmp(err.msg, "Invalid parameter setting \"", 27), 0);
        CLEANUP(mem_freep) char *text = config_document_text(document);
        assert_string_equal(text, BEFORE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_what_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
