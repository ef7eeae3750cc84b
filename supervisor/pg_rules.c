/* supervisor/pg_rules.c - the parameters that are ours, and those that all nodes share. */
#include "supervisor/pg_rules.h"

#include <errno.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/must.h"

#define BACKENDS_MAX 262143U
#define LOCKS_MAX 2147483647U
#define SIZE_MAX_MB 2147483647U

// clang-format off
const struct pg_rule pg_rules[] = {
    {"listen_addresses", PG_RULE_OURS, .instead = "postgresql.listen", .is_argument = true},
    {"port", PG_RULE_OURS, .instead = "postgresql.listen", .is_argument = true},
    {"cluster_name", PG_RULE_OURS, .instead = "scope", .is_argument = true},
    {"data_directory", PG_RULE_OURS, .instead = "postgresql.data_dir"},
    {"config_file", PG_RULE_OURS, .instead = "postgresql.config_dir"},
    {"hot_standby", PG_RULE_OURS, .value = "on", .is_argument = true},
    {"restart_after_crash", PG_RULE_OURS, .value = "off", .is_argument = true},
    {"synchronous_standby_names", PG_RULE_OURS, .instead = "synchronous_mode"},
    {"primary_conninfo", PG_RULE_OURS, .instead = "postgresql.authentication.replication"},
    {.name = "primary_slot_name", .kind = PG_RULE_OURS},
    {"promote_trigger_file", PG_RULE_OURS, .instead = "pgraftctl failover"},
    {"recovery_target", PG_RULE_OURS, .value = ""},
    {"recovery_target_lsn", PG_RULE_OURS, .value = ""},
    {"recovery_target_name", PG_RULE_OURS, .value = ""},
    {"recovery_target_time", PG_RULE_OURS, .value = ""},
    {"recovery_target_xid", PG_RULE_OURS, .value = ""},
    {"recovery_target_timeline", PG_RULE_OURS, .value = "latest"},
    {.name = "recovery_target_action", .kind = PG_RULE_OURS},
    {.name = "recovery_target_inclusive", .kind = PG_RULE_OURS},
    {.name = "standby_mode", .kind = PG_RULE_OURS}, /* of recovery_conf, before 12 */
    {"trigger_file", PG_RULE_OURS, .instead = "pgraftctl failover"},
    {"include", PG_RULE_OURS, .instead = "postgresql.custom_conf"},
    {"include_dir", PG_RULE_OURS, .instead = "postgresql.custom_conf"},
    {"include_if_exists", PG_RULE_OURS, .instead = "postgresql.custom_conf"},

    {"wal_level", PG_RULE_LEVEL, .value = "replica", .is_argument = true},
    {"max_connections", PG_RULE_NUMBER, .value = "100", .min = 25, .max = BACKENDS_MAX, .is_argument = true},
    {"max_wal_senders", PG_RULE_NUMBER, .value = "10", .min = 3, .max = BACKENDS_MAX, .is_argument = true},
    {"max_replication_slots", PG_RULE_NUMBER, .value = "10", .min = 4, .max = BACKENDS_MAX,
     .is_argument = true},
    {"max_worker_processes", PG_RULE_NUMBER, .value = "8", .min = 2, .max = BACKENDS_MAX,
     .is_argument = true},
    {"max_prepared_transactions", PG_RULE_NUMBER, .value = "0", .max = BACKENDS_MAX, .is_argument = true},
    {"max_locks_per_transaction", PG_RULE_NUMBER, .value = "64", .min = 32, .max = LOCKS_MAX,
     .is_argument = true},
    {"track_commit_timestamp", PG_RULE_BOOL, .value = "off", .is_argument = true},
    {"wal_log_hints", PG_RULE_BOOL, .value = "on", .is_argument = true},
    {"wal_keep_size", PG_RULE_SIZE, .value = "128MB", .min = 16, .max = SIZE_MAX_MB},
};
// clang-format on

const size_t pg_rules_count = ARRAY_LEN(pg_rules);

const struct pg_rule *pg_rule_of(const char *name)
{
    for (size_t i = 0; i < pg_rules_count; i++) {
        if (strcmp(pg_rules[i].name, name) == 0) {
            return &pg_rules[i];
        }
    }
    return NULL;
}

/* --- Values --- */

/* Digits, and what follows them; false: too many, or none. */
static bool read_number(const char *text, uint64_t *ret_value, const char **ret_rest)
{
    text += strspn(text, " ");
    char *end = NULL;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    *ret_value = (uint64_t)value;
    *ret_rest = end;
    return text[0] >= '0' && text[0] <= '9' && errno == 0;
}

static bool takes_number(const struct pg_rule *rule, const char *value, char out[PG_RULE_TEXT])
{
    uint64_t number = 0;
    const char *rest = NULL;
    if (!read_number(value, &number, &rest) || rest[strspn(rest, " ")] != '\0' ||
        number < rule->min || number > rule->max) {
        return false;
    }
    (void)snprintf(out, PG_RULE_TEXT, "%llu", (unsigned long long)number);
    return true;
}

/* PostgreSQL takes any beginning that is enough to tell them apart. */
static bool takes_bool(const char *value, char out[PG_RULE_TEXT])
{
    static const struct {
        const char *word;
        size_t least;
        const char *means;
    } words[] = {{"on", 2, "on"},  {"off", 2, "off"}, {"true", 1, "on"}, {"false", 1, "off"},
                 {"yes", 1, "on"}, {"no", 1, "off"},  {"1", 1, "on"},    {"0", 1, "off"}};
    size_t size = strlen(value);
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (size >= words[i].least && strncasecmp(words[i].word, value, size) == 0) {
            (void)snprintf(out, PG_RULE_TEXT, "%s", words[i].means);
            return true;
        }
    }
    return false;
}

static bool takes_level(const char *value, char out[PG_RULE_TEXT])
{
    static const struct {
        const char *word;
        const char *means;
    } words[] = {{"replica", "replica"},
                 {"hot_standby", "replica"},
                 {"archive", "replica"},
                 {"logical", "logical"}};
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (strcasecmp(words[i].word, value) == 0) {
            (void)snprintf(out, PG_RULE_TEXT, "%s", words[i].means);
            return true;
        }
    }
    return false;
}

/* A bare number is MB, the unit of wal_keep_size. */
static bool takes_size(const struct pg_rule *rule, const char *value, char out[PG_RULE_TEXT])
{
    static const struct {
        const char *unit;
        uint64_t multiply;
        uint64_t divide;
    } units[] = {{"", 1, 1},   {"B", 1, 1048576}, {"kB", 1, 1024},
                 {"MB", 1, 1}, {"GB", 1024, 1},   {"TB", 1048576, 1}};
    uint64_t number = 0;
    const char *rest = NULL;
    if (!read_number(value, &number, &rest) || number > UINT32_MAX * UINT64_C(1048576)) {
        return false;
    }
    rest += strspn(rest, " ");
    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        uint64_t mb = number / units[i].divide;
        bool fits = strcmp(rest, units[i].unit) == 0 && mb <= SIZE_MAX_MB / units[i].multiply;
        mb *= fits ? units[i].multiply : 1;
        if (fits && mb >= rule->min) {
            (void)snprintf(out, PG_RULE_TEXT, "%" PRIu64 "MB", mb);
            return true;
        }
    }
    return false;
}

bool pg_rule_takes(const struct pg_rule *rule, const char *value, char out[PG_RULE_TEXT])
{
    switch (rule->kind) {
        case PG_RULE_OURS:
            return false;
        case PG_RULE_NUMBER:
            return takes_number(rule, value, out);
        case PG_RULE_BOOL:
            return takes_bool(value, out);
        case PG_RULE_LEVEL:
            return takes_level(value, out);
        case PG_RULE_SIZE:
            return takes_size(rule, value, out);
    }
    UNREACHABLE("every kind has a case");
}

const char *pg_rule_expects(const struct pg_rule *rule, char out[PG_RULE_WORDS])
{
    const char *words = rule->kind == PG_RULE_BOOL    ? "on or off"
                        : rule->kind == PG_RULE_LEVEL ? "replica or logical"
                                                      : NULL;
    const char *unit = rule->kind == PG_RULE_SIZE ? "MB" : "";
    if (words != NULL) {
        (void)snprintf(out, PG_RULE_WORDS, "%s", words);
    } else {
        (void)snprintf(out, PG_RULE_WORDS, "%u%s to %u%s", rule->min, unit, rule->max, unit);
    }
    return out;
}
