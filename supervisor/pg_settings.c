/* supervisor/pg_settings.c - layer upon layer, and at last what is ours. */
#include "supervisor/pg_settings.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/must.h"
#include "supervisor/pg_rules.h"
#include "supervisor/sync_force.h"

#define SEGMENT_MB 16

struct making {
    const struct pg_settings_input *input;
    struct pg_settings *out;
};

bool pg_settings_is_ours(const char *name)
{
    const struct pg_rule *rule = pg_rule_of(name);
    return rule != NULL && rule->kind == PG_RULE_OURS;
}

/* --- The result --- */

/* Where @name is, or belongs. */
static size_t place_of(const struct pg_settings *settings, const char *name)
{
    size_t at = 0;
    while (at < settings->count && strcmp(settings->at[at].name, name) < 0) {
        at++;
    }
    return at;
}

static bool is_at(const struct pg_settings *settings, size_t at, const char *name)
{
    return at < settings->count && strcmp(settings->at[at].name, name) == 0;
}

static struct pg_setting *set(struct pg_settings *settings, const char *name, const char *value)
{
    size_t at = place_of(settings, name);
    if (!is_at(settings, at, name)) {
        settings->at = mem_grow(settings->at, settings->count + 1, sizeof(*settings->at));
        memmove(settings->at + at + 1, settings->at + at,
                (settings->count - at) * sizeof(*settings->at));
        settings->at[at] = (struct pg_setting){.name = mem_strdup(name)};
        settings->count++;
    }
    char *copy = mem_strdup(value);
    mem_free(settings->at[at].value);
    settings->at[at].value = copy;
    return &settings->at[at];
}

const char *pg_settings_get(const struct pg_settings *settings, const char *name)
{
    size_t at = place_of(settings, name);
    return is_at(settings, at, name) ? settings->at[at].value : NULL;
}

void pg_settings_close(struct pg_settings *settings)
{
    for (size_t i = 0; i < settings->count; i++) {
        mem_free(settings->at[i].name);
        mem_free(settings->at[i].value);
    }
    for (size_t i = 0; i < settings->warning_count; i++) {
        mem_free(settings->warnings[i].name);
        mem_free(settings->warnings[i].text);
    }
    mem_free(settings->at);
    mem_free(settings->warnings);
    *settings = (struct pg_settings){0};
}

/* Once for each name. */
static void warn(const struct making *m, const char *name, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static void warn(const struct making *m, const char *name, const char *fmt, ...)
{
    struct pg_settings *out = m->out;
    for (size_t i = 0; i < out->warning_count; i++) {
        if (strcmp(out->warnings[i].name, name) == 0) {
            return;
        }
    }
    char text[400];
    va_list args;
    va_start(args, fmt);
    int length = vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    MUST(length > 0);
    out->warnings = mem_grow(out->warnings, out->warning_count + 1, sizeof(*out->warnings));
    out->warnings[out->warning_count++] =
        (struct pg_warning){.name = mem_strdup(name), .text = mem_printf("%s: %s", name, text)};
}

/* --- What others set --- */

/* Files say "hot_standby: on" by habit. */
static bool is_meant_anyway(const struct pg_rule *rule, const char *value)
{
    const struct pg_rule flag = {.kind = PG_RULE_BOOL};
    char written[PG_RULE_TEXT];
    return rule->value != NULL &&
           (strcmp(rule->value, value) == 0 ||
            (pg_rule_takes(&flag, value, written) && strcmp(rule->value, written) == 0));
}

/* A rule stands for this name: it is ours, or shared. */
static void take_ruled(const struct making *m, enum pg_layer layer, const struct pg_rule *rule,
                       const char *value)
{
    char written[PG_RULE_TEXT];
    char words[PG_RULE_WORDS];
    if (rule->kind == PG_RULE_OURS && is_meant_anyway(rule, value)) {
        return;
    }
    if (rule->kind == PG_RULE_OURS) {
        warn(m, rule->name, "is set by pgraft%s%s; what the configuration says is ignored",
             rule->instead != NULL ? ", see " : "", rule->instead != NULL ? rule->instead : "");
    } else if (layer != PG_LAYER_SHARED) {
        warn(m, rule->name,
             "has to be the same on all nodes, so only parameters of the shared configuration set "
             "it; %s is ignored",
             value);
    } else if (!pg_rule_takes(rule, value, written)) {
        warn(m, rule->name, "can not be \"%s\", but %s; the default, %s, is used", value,
             pg_rule_expects(rule, words), rule->value);
    } else {
        (void)set(m->out, rule->name, written);
    }
}

/* wal_keep_segments, which 13 does not know any more. */
static void take_segments(const struct making *m, enum pg_layer layer, const char *value)
{
    char *end = NULL;
    unsigned long count = strtoul(value, &end, 10);
    if (end == value || *end != '\0' || count > 1000000) {
        warn(m, "wal_keep_segments", "can not be \"%s\"; it is ignored", value);
        return;
    }
    CLEANUP(mem_freep) char *size = mem_printf("%luMB", count * SEGMENT_MB);
    warn(m, "wal_keep_segments", "is wal_keep_size since PostgreSQL 13: %s is used", size);
    if (pg_settings_get(m->out, "wal_keep_size") == NULL) {
        take_ruled(m, layer, pg_rule_of("wal_keep_size"), size);
    }
}

/* True: this server has it. */
static bool is_known(const struct making *m, const char *name)
{
    unsigned since = 0;
    unsigned major = m->input->major;
    enum pg_name verdict = pg_name_check(name, major, m->input->known, &since);
    const char *guess = pg_name_guess(name, m->input->known);
    switch (verdict) {
        case PG_NAME_FINE:
            return true;
        case PG_NAME_NEWER:
            warn(m, name, "PostgreSQL has it since version %u, this is %u; it is ignored", since,
                 major);
            return false;
        case PG_NAME_GONE:
            warn(m, name, "PostgreSQL has it no more since version %u; it is ignored", since);
            return false;
        case PG_NAME_NONE:
            warn(m, name, "PostgreSQL %u has no such parameter, ignored%s%s%s", major,
                 guess != NULL ? "; did you mean " : "", guess != NULL ? guess : "",
                 guess != NULL ? "?" : "");
            return false;
        case PG_NAME_WRONG:
            warn(m, name, "this is no name of a parameter, ignored");
            return false;
    }
    UNREACHABLE("every verdict has a case");
}

static void take(const struct making *m, enum pg_layer layer, const struct pg_pair *pair)
{
    CLEANUP(mem_freep) char *lower = mem_strdup(pair->name);
    for (char *at = lower; *at != '\0'; at++) {
        *at = *at >= 'A' && *at <= 'Z' ? (char)(*at - 'A' + 'a') : *at;
    }
    const struct pg_rule *rule = pg_rule_of(lower);
    if (rule != NULL) {
        take_ruled(m, layer, rule, pair->value);
        return;
    }
    if (strcmp(lower, "wal_keep_segments") == 0) {
        take_segments(m, layer, pair->value);
        return;
    }
    const char *name = pg_name_in(lower, m->input->major);
    if (is_known(m, name)) {
        (void)set(m->out, name, pair->value);
    }
}

/* --- What is ours --- */

/* Waiting for nobody is not waiting: who needs somebody and can not name him has the fence. */
static const char *sync_names(const struct pg_settings_input *input, char out[SYNC_TEXT_SIZE])
{
    const struct sync_set *wanted = input->is_primary ? input->sync : NULL;
    bool is_named = wanted != NULL && sync_text_of_set(wanted, input->sync_first, out);
    return is_named ? out : SYNC_FENCE_VALUE;
}

/* With less than the control file asks for a standby does not start, or stops replaying. */
static void raise_to_needs(const struct making *m)
{
    const struct pg_needs *needs = &m->input->needs;
    const struct {
        const char *name;
        uint64_t least;
    } rows[] = {
        {"max_connections", needs->max_connections},
        {"max_worker_processes", needs->max_worker_processes},
        {"max_wal_senders", needs->max_wal_senders},
        {"max_prepared_transactions", needs->max_prepared_transactions},
        {"max_locks_per_transaction", needs->max_locks_per_transaction},
    };
    for (size_t i = 0; !m->input->is_primary && i < ARRAY_LEN(rows); i++) {
        const char *value = pg_settings_get(m->out, rows[i].name);
        MUST(value != NULL); /* a rule has a default */
        if (rows[i].least > strtoull(value, NULL, 10)) {
            CLEANUP(mem_freep) char *least = mem_printf("%" PRIu64, rows[i].least);
            set(m->out, rows[i].name, least)->is_raised = true;
        }
    }
}

static void set_given(const struct making *m, const char *name, const char *value)
{
    if (value != NULL) {
        (void)set(m->out, name, value);
    }
}

static void set_ours(const struct making *m)
{
    const struct pg_settings_input *input = m->input;
    char sync[SYNC_TEXT_SIZE];
    CLEANUP(mem_freep) char *port = mem_printf("%u", input->port != 0 ? input->port : PG_PORT);
    for (size_t i = 0; i < pg_rules_count; i++) {
        const struct pg_rule *rule = &pg_rules[i];
        bool keeps = rule->kind != PG_RULE_OURS && pg_settings_get(m->out, rule->name) != NULL;
        if (!keeps) {
            set_given(m, rule->name, rule->value);
        }
    }
    set_given(m, "synchronous_standby_names", sync_names(input, sync));
    set_given(m, "listen_addresses", input->listen_addresses);
    set_given(m, "port", port);
    set_given(m, "cluster_name", input->scope);
    set_given(m, "primary_conninfo",
              input->primary_conninfo != NULL ? input->primary_conninfo : "");
    set_given(m, "primary_slot_name",
              input->primary_slot_name != NULL ? input->primary_slot_name : "");
    if (pg_settings_get(m->out, "hba_file") == NULL) {
        set_given(m, "hba_file", input->hba_file);
    }
    if (pg_settings_get(m->out, "ident_file") == NULL) {
        set_given(m, "ident_file", input->ident_file);
    }
    set_given(m, "hot_standby_feedback", input->feedback ? "on" : NULL);
    raise_to_needs(m);
}

void pg_settings_make(const struct pg_settings_input *input, struct pg_settings *out)
{
    const struct making m = {.input = input, .out = out};
    MUST(out->count == 0);
    for (size_t layer = 0; layer < PG_LAYER_COUNT; layer++) {
        for (size_t i = 0; i < input->layers[layer].count; i++) {
            take(&m, (enum pg_layer)layer, &input->layers[layer].at[i]);
        }
    }
    set_ours(&m);
    for (size_t i = 0; i < out->count; i++) {
        const struct pg_rule *rule = pg_rule_of(out->at[i].name);
        out->at[i].is_argument = rule != NULL && rule->is_argument;
    }
}
