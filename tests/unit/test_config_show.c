/* tests/unit/test_config_show.c - what a user sees of a configuration: shown, templates, changes,
 * and the table in the manual. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/must.h"
#include "config/reload.h"
#include "config/settings.h"
#include "tests/lib/config_kit.h"
#include "tests/lib/scratch.h"

static const char text[] =
    "scope: 'no'\n"
    "name: '123'\n"
    "raft:\n"
    "  listen: '*'\n"
    "  peers: [123=pg1.example.org, w1=10.0.0.2:7400]\n"
    "  insecure: true\n"
    "  quota: 3MiB\n"
    "restapi:\n"
    "  authentication: {username: 'a \"b\\c', password: hunter2}\n"
    "  keyfile_password: hunter3\n"
    "  certfile: /a b\n"
    "  keyfile: /c\n"
    "  allowlist: ['10.0.0.0/8', '::1']\n"
    "  http_extra_headers: {X-A: 'b: c', X-B: 'yes'}\n"
    "ctl: {keyfile_password: hunter4}\n"
    "log: {loggers: {raft: debug}, mode: 0640, file_size: 12345}\n"
    "postgresql:\n"
    "  listen: '*'\n"
    "  data_dir: /srv/pg\n"
    "  authentication: {superuser: {password: hunter5}}\n"
    "  parameters: {a.b: 'c: #\\', work_mem: 1MB}\n"
    "  pg_hba: ['local all \"a b\" peer']\n"
    "  basebackup: [verbose, {max-rate: 100M}]\n"
    "bootstrap:\n"
    "  dcs: {pause: no, slots: {a: {type: physical}}, ignore_slots: [{name: "
    "\"\\u00e4\\\\\\\"\"}],\n"
    "        postgresql: {parameters: {x.y: '5', z.z: ~}}}\n"
    "tags: {nofailover: 'yes', dc: '1'}\n"
    "watchdog: {safety_margin: -1}\n";

static void test_what_is_shown_loads_again(void **state)
{
    (void)state;
    CLEANUP(config_kit_close)
    struct config_kit k = {.text = text, .variables = {"PGRAFT_LOG_LEVEL=debug"}};
    CLEANUP(buf_close) struct buf shown = {0};
    assert_int_equal(config_kit_load(&k)->result, 0);
    config_show(&k.config, &shown);
    /* Other readers of YAML are not to see a number or a truth in a name. */
    assert_non_null(strstr(buf_text(&shown), "scope: \"no\" "));
    assert_non_null(strstr(buf_text(&shown), "name: \"123\" "));
    CLEANUP(config_kit_close) struct config_kit again = {.text = buf_text(&shown)};
    assert_int_equal(config_kit_load(&again)->result, 0);
    for (size_t i = 0; i < settings_count; i++) {
        bool secret = settings[i].kind == SETTING_SECRET;
        if (!secret && !setting_equal(&settings[i], &k.config, &again.config)) {
            print_error("%s\n", settings[i].path);
        }
        assert_true(secret || setting_equal(&settings[i], &k.config, &again.config));
    }
}

static void test_secrets_are_not_shown(void **state)
{
    (void)state;
    CLEANUP(config_kit_close) struct config_kit k = {.text = text};
    CLEANUP(buf_close) struct buf shown = {0};
    (void)config_kit_load(&k);
    config_show(&k.config, &shown);
    assert_null(strstr(buf_text(&shown), "hunter"));
    assert_non_null(strstr(buf_text(&shown), "    password: \"***\" "));
}

static void test_every_value_tells_where_it_comes_from(void **state)
{
    (void)state;
    CLEANUP(config_kit_close)
    struct config_kit k = {.text = CONFIG_KIT_GOOD,
                           .variables = {"PGRAFT_LOG_LEVEL=debug"},
                           .flags = {{"site", "fra"}}};
    CLEANUP(buf_close) struct buf shown = {0};
    (void)config_kit_load(&k);
    config_show(&k.config, &shown);
    static const char *const lines[] = {
        "scope: demo                                      # PGRAFT_CONFIGURATION:1\n",
        "  advertise: 10.0.0.1:7400                       # default: raft.listen, or this",
        "  peers:                                         # PGRAFT_CONFIGURATION:6\n",
        "\n    - pg1=10.0.0.2:7400\n    - w1=10.0.0.1:7400\n",
        "  site: fra                                      # --site\n",
        "  quota: 64MiB                                   # default\n",
        "  # cafile is not set\n",
        "  level: debug                                   # PGRAFT_LOG_LEVEL\n",
    };
    for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
        assert_non_null(strstr(buf_text(&shown), lines[i]));
    }
}

/* --- The template --- */

static void test_the_template_is_a_good_file(void **state)
{
    (void)state;
    CLEANUP(buf_close) struct buf template = {0};
    config_template(&template);
    CLEANUP(config_kit_close) struct config_kit k = {.text = buf_text(&template)};
    assert_int_equal(config_kit_load(&k)->result, 0);
    assert_string_equal(buf_text(&k.said), "");
    for (const char *line = buf_text(&template); *line != '\0';) {
        size_t size = strcspn(line, "\n");
        assert_true(size <= 100);
        line += size + 1;
    }
}

/* Every key that is commented out can be used: all of them, without what excludes each other. */
static void test_what_the_template_comments_out_is_known(void **state)
{
    (void)state;
    CLEANUP(buf_close) struct buf template = {0};
    CLEANUP(buf_close) struct buf all = {0};
    config_template(&template);
    size_t keys = 0;
    for (const char *line = buf_text(&template); *line != '\0';) {
        size_t size = strcspn(line, "\n");
        size_t indent = strspn(line, " ");
        bool key = line[indent] == '#' && line[indent + 1] >= 'a' && line[indent + 1] <= 'z';
        if (key) {
            buf_printf(&all, "%.*s%.*s\n", (int)indent, line, (int)(size - indent - 1),
                       line + indent + 1);
        } else {
            buf_printf(&all, "%.*s\n", (int)size, line);
        }
        keys += key || (line[indent] >= 'a' && line[indent] <= 'z') ? 1 : 0;
        line += size + 1;
    }
    size_t headings = 13; /* sections, and authentication with its users */
    size_t rows = 0;
    for (size_t i = 0; i < settings_count; i++) {
        rows += settings[i].rare ? 0 : 1;
    }
    assert_int_equal(keys, rows + headings);
    CLEANUP(config_kit_close) struct config_kit k = {.text = buf_text(&all)};
    (void)config_kit_load(&k);
    static const char *const excluded[] = {
        ": raft.secret_file: peers use either a secret or certificates; remove one of them\n",
        ": restapi.authentication.username: goes together with restapi.authentication.password, ",
        ": ctl.authentication.username: goes together with ctl.authentication.password, which is ",
    };
    for (size_t i = 0; i < ARRAY_LEN(excluded); i++) {
        assert_non_null(strstr(buf_text(&k.said), excluded[i]));
    }
    assert_int_equal(k.problems.count, ARRAY_LEN(excluded));
}

/* --- Reload --- */

static void test_changes_are_told(void **state)
{
    (void)state;
    CLEANUP(config_kit_close) struct config_kit old = {.text = CONFIG_KIT_GOOD};
    CLEANUP(config_kit_close)
    struct config_kit new = {.text = CONFIG_KIT_GOOD
                             "  site: fra\n"
                             "log: {level: debug, loggers: {raft: debug}}\n"
                             "restapi: {listen: a, authentication: {username: a, password: b}}\n"};
    CLEANUP(buf_close) struct buf told = {0};
    (void)config_kit_load(&old);
    (void)config_kit_load(&new);
    struct config_changes changes = config_diff(&old.config, &new.config, &told);
    assert_string_equal(buf_text(&told),
                        "raft.site: not set -> fra, needs a restart\n"
                        "restapi.listen: not set -> a:8008, needs a restart\n"
                        "restapi.connect_address: not set -> a:8008, needs a restart\n"
                        "restapi.authentication.username: not set -> a, taken over\n"
                        "restapi.authentication.password: changed, taken over\n"
                        "ctl.authentication.username: not set -> a, taken over\n"
                        "ctl.authentication.password: changed, taken over\n"
                        "log.level: info -> debug, taken over\n"
                        "log.loggers: not set -> raft: debug, taken over\n");
    assert_int_equal(changes.taken_over, 6);
    assert_int_equal(changes.need_restart, 3);

    config_take_over(&old.config, &new.config);
    buf_clear(&told);
    changes = config_diff(&old.config, &new.config, &told);
    assert_int_equal(changes.need_restart, 3);
    assert_string_equal(old.config.log.level, "debug");
    assert_string_equal(new.config.log.level, "info"); /* the old values went the other way */
    assert_string_equal(secret_reveal(&old.config.restapi.authentication.password), "b");
    assert_null(old.config.raft.site);
    assert_null(old.config.restapi.listen);
    size_t row = setting_index("log.level");
    assert_int_equal(old.config.origins[row].kind, CONFIG_GIVEN);
    assert_int_equal(new.config.origins[row].kind, CONFIG_DEFAULT);

    const char *const level[] = {"log.level"};
    config_give_back(&old.config, &new.config, level, 1);
    assert_string_equal(old.config.log.level, "info");
    assert_int_equal(old.config.origins[row].kind, CONFIG_DEFAULT);
    assert_string_equal(secret_reveal(&old.config.restapi.authentication.password), "b");
}

static void test_nothing_changed(void **state)
{
    (void)state;
    CLEANUP(config_kit_close) struct config_kit a = {.text = text};
    CLEANUP(config_kit_close) struct config_kit b = {.text = text};
    CLEANUP(buf_close) struct buf told = {0};
    (void)config_kit_load(&a);
    (void)config_kit_load(&b);
    struct config_changes changes = config_diff(&a.config, &b.config, &told);
    assert_int_equal(changes.taken_over + changes.need_restart, 0);
    assert_string_equal(buf_text(&told), "");
}

/* --- The manual --- */

/* The row of docs/configuration.md for @setting. */
static void print_manual_row(const struct setting *setting, bool shared, struct buf *out)
{
    char variable[SETTINGS_VARIABLE_MAX];
    buf_printf(out, "| `%s` | %s", setting->path, setting->help);
    for (size_t i = 0; setting->choices != NULL && setting->choices[i] != NULL; i++) {
        buf_printf(out, "%s`%s`", i == 0 ? ": " : ", ", setting->choices[i]);
    }
    if (setting->fallback != NULL) {
        buf_printf(out, " | `%s` |", setting->fallback);
    } else {
        buf_printf(out, " | %s |",
                   setting->derived != NULL ? setting->derived
                   : setting->required      ? "**required**"
                                            : "");
    }
    if (shared) { /* neither a variable nor a flag says it */
        return;
    }
    buf_printf(out, " `%s`", setting_variable(setting, "PGRAFT_", variable));
    if (setting->flag != NULL) {
        buf_printf(out, " `--%s`", setting->flag);
    }
    buf_printf(out, " | %s |", setting->reload ? "reload" : "restart");
}

static size_t count_missing(const char *manual, const struct setting *table, size_t count,
                            bool shared)
{
    size_t missing = 0;
    for (size_t i = 0; i < count; i++) {
        CLEANUP(buf_close) struct buf row = {0};
        print_manual_row(&table[i], shared, &row);
        if (strstr(manual, buf_text(&row)) == NULL) {
            print_error("%s\n", buf_text(&row));
            missing++;
        }
    }
    return missing;
}

/* A row that is missing is printed as it has to stand there. */
static void test_the_manual_has_every_setting(void **state)
{
    (void)state;
    const char *root = getenv("PGRAFT_SOURCE_ROOT");
    assert_non_null(root);
    CLEANUP(mem_freep) char *path = mem_printf("%s/docs/configuration.md", root);
    CLEANUP(fclosep) FILE *file = fopen(path, "r");
    assert_non_null(file);
    CLEANUP(buf_close) struct buf manual = {0};
    scratch_drain(fileno(file), &manual);
    size_t missing = count_missing(buf_text(&manual), settings, settings_count, false);
    missing += count_missing(buf_text(&manual), dynamic_settings, dynamic_settings_count, true);
    assert_int_equal(missing, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_shown_loads_again),
        cmocka_unit_test(test_secrets_are_not_shown),
        cmocka_unit_test(test_every_value_tells_where_it_comes_from),
        cmocka_unit_test(test_the_template_is_a_good_file),
        cmocka_unit_test(test_what_the_template_comments_out_is_known),
        cmocka_unit_test(test_changes_are_told),
        cmocka_unit_test(test_nothing_changed),
        cmocka_unit_test(test_the_manual_has_every_setting),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
