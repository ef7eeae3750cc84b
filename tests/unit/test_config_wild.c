/* tests/unit/test_config_wild.c - files that a cat wrote: a good one, changed at random.
 *
 * Claim: whatever the bytes are, loading ends with a configuration or with lines that a terminal
 * can take, nothing leaks, nothing is read beyond its end (the sanitizers watch), and what loads
 * without an error can be shown and loads again to the same values. One seed, the same files in
 * every run; PGRAFT_CONFIG_SEED=N takes another. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/must.h"
#include "config/settings.h"
#include "config/yaml_tree.h"
#include "tests/lib/config_kit.h"
#include "tests/lib/random.h"

#define FILES 3000
#define CHANGES_MAX 6

static const char good[] =
    "scope: demo\n"
    "name: w1\n"
    "defaults: &d {site: fra}\n"
    "raft:\n"
    "  <<: *d\n"
    "  listen: '*:7400'\n"
    "  peers:\n"
    "    - pg1=10.0.0.2:7400\n"
    "    - w1: 10.0.0.1\n"
    "  secret_file: /etc/pgraft/key\n"
    "  quota: 64MiB\n"
    "  election_timeout: 0.5\n"
    "restapi:\n"
    "  listen: 10.0.0.1\n"
    "  authentication: {username: admin, password: 'hunter2'}\n"
    "  allowlist: [10.0.0.0/8, \"::1\"]\n"
    "  http_extra_headers: {X-A: b, 'X-B': \"c d\"}\n"
    "etcd3: {hosts: [a]}\n"
    "log: {level: WARNING, mode: 0640, loggers: {raft: debug}}\n"
    "postgresql:\n"
    "  create_replica_methods: [basebackup, x]\n"
    "  x: {command: true}\n"
    "  parameters: {a: 1}\n";

static const char *const tokens[] = {
    "&a ",
    "*a",
    "*d",
    "<<: ",
    "{",
    "}",
    "[",
    "]",
    ": ",
    "- ",
    "\n",
    "\n  ",
    "'",
    "\"",
    "!!str ",
    "!x ",
    "|\n",
    ">\n",
    "#",
    "? ",
    "~",
    "null",
    "---\n",
    "...\n",
    "%",
    "@",
    "raft:",
    "peers:",
    "a=b",
    ",",
    "\t",
    "\x1b",
    "\xff",
    "\xc3\xa9",
    "0",
    "-1",
    "99999999999",
    "1e9",
    "500ms",
    "\\x41",
    "*:1",
    "[::1]:1",
    "listen: ",
    "name: ",
    "self_addr: a\n",
    "\xef\xbb\xbf",
    "=",
    "x: &x [*x]\n",
};

/* Replace @cut bytes at @at by @size bytes. */
static void splice(struct buf *text, size_t at, size_t cut, const char *bytes, size_t size)
{
    CLEANUP(buf_close) struct buf out = {0};
    buf_append(&out, text->bytes, at);
    buf_append(&out, bytes, size);
    buf_append(&out, text->bytes + at + cut, text->size - at - cut);
    buf_clear(text);
    buf_append(text, out.bytes, out.size);
}

static void change(struct test_random *r, struct buf *text)
{
    size_t at = random_below(r, text->size + 1);
    size_t rest = text->size - at;
    size_t cut = random_below(r, rest < 30 ? rest + 1 : 30);
    char byte = (char)random_u64(r);
    const char *token = tokens[random_below(r, ARRAY_LEN(tokens))];
    switch (random_below(r, 5)) {
        case 0:
            splice(text, at, rest > 0 ? 1 : 0, &byte, 1);
            return;
        case 1:
            splice(text, at, cut, "", 0);
            return;
        case 2:
            splice(text, at, 0, token, strlen(token));
            return;
        case 3:
            splice(text, at, cut, token, strlen(token));
            return;
        default: {
            CLEANUP(mem_freep) char *piece = mem_dup(text->bytes + at, cut + 1);
            splice(text, random_below(r, text->size + 1), 0, piece, cut);
        }
    }
}

static void check_lines(const char *said)
{
    for (; *said != '\0'; said++) {
        assert_true((unsigned char)*said >= 0x20 || *said == '\n');
        assert_int_not_equal(*said, 0x7f);
    }
}

/* What is shown of @k loads to the same values, those of the secrets aside. */
static void check_shown(const struct config_kit *k)
{
    CLEANUP(buf_close) struct buf shown = {0};
    config_show(&k->config, &shown);
    CLEANUP(config_kit_close) struct config_kit again = {.text = buf_text(&shown)};
    (void)config_kit_load(&again);
    for (size_t i = 0; k->result == 0 && i < settings_count; i++) {
        assert_int_equal(again.result, 0);
        assert_true(settings[i].kind == SETTING_SECRET ||
                    setting_equal(&settings[i], &k->config, &again.config));
    }
}

static void test_wild_files(void **state)
{
    (void)state;
    const char *seed = getenv("PGRAFT_CONFIG_SEED");
    struct test_random r = {.state = seed != NULL ? strtoull(seed, NULL, 10) : 1};
    size_t loaded = 0;
    for (size_t i = 0; i < FILES; i++) {
        CLEANUP(buf_close) struct buf text = {0};
        buf_str(&text, good);
        size_t changes = 1 + random_below(&r, CHANGES_MAX);
        for (size_t c = 0; c < changes; c++) {
            change(&r, &text);
        }
        CLEANUP(tree_close) struct tree tree = {0};
        CLEANUP(problems_close) struct problems problems = {0};
        const struct tree_node *root = tree_parse(&tree, "f", text.bytes, text.size, &problems);
        assert_true(root != NULL || problems_count(&problems, PROBLEM_ERROR) == 1);
        CLEANUP(config_kit_close) struct config_kit k = {.text = buf_text(&text)};
        (void)config_kit_load(&k);
        check_lines(buf_text(&k.said));
        check_shown(&k);
        loaded += k.result == 0 ? 1 : 0;
    }
    /* The changes are neither all deadly nor all harmless. */
    assert_in_range(loaded, FILES / 50, FILES / 2);
}

/* Values that are strange and not YAML's fault. */
static void test_wild_values(void **state)
{
    (void)state;
    struct test_random r = {.state = 2};
    for (size_t i = 0; i < FILES; i++) {
        const struct setting *setting = &settings[random_below(&r, settings_count)];
        CLEANUP(buf_close) struct buf variable = {0};
        char name[SETTINGS_VARIABLE_MAX];
        buf_printf(&variable, "%s=", setting_variable(setting, "PGRAFT_", name));
        size_t count = random_below(&r, 8);
        for (size_t t = 0; t < count; t++) {
            buf_str(&variable, tokens[random_below(&r, ARRAY_LEN(tokens))]);
        }
        CLEANUP(config_kit_close)
        struct config_kit k = {.text = CONFIG_KIT_GOOD, .variables = {buf_text(&variable)}};
        (void)config_kit_load(&k);
        check_lines(buf_text(&k.said));
        check_shown(&k);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wild_files),
        cmocka_unit_test(test_wild_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
