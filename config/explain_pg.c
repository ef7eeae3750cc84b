/* config/explain_pg.c - a parameter of PostgreSQL, from what is built in up to the postmaster's
 * arguments.
 *
 *   built in < files of the user's < pgraft's defaults < parameters, of the shared configuration
 * and of this node's, by role < what is pgraft's own < ALTER SYSTEM < arguments of the postmaster
 *
 * Whether a layer may set it, and to what, is asked of supervisor/pg_settings.h itself, so that
 * nothing is explained by another rule than it is made by. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/must.h"
#include "config/explain_parts.h"
#include "config/settings.h"
#include "supervisor/pg_rules.h"

#define MAJOR_IF_UNKNOWN 18
#define VERSION_OF_A_MAJOR 10000

struct asking {
    const struct explain_input *input;
    const struct pg_origin *origin; /* NULL: PostgreSQL has not said anything of it */
    const struct pg_rule *rule;     /* NULL: whoever likes sets it */
    unsigned major;
    struct explained *out;
    bool is_set;                /* by a configuration */
    enum pg_layer layer;        /* that is looked at */
    const char *candidate;      /* what the configurations come to, so far */
    struct pg_settings verdict; /* of the newest candidate; the text lives in it */
};

/* ---- the configurations' parameters ---- */

static void each(const struct config_pairs *pairs, enum pg_layer layer, enum config_for role,
                 explain_pair_cb call, void *ctx)
{
    for (size_t i = 0; i < pairs->count; i++) {
        call(ctx, layer, role, &pairs->at[i]);
    }
}

void explain_each_pair(const struct explain_input *input, explain_pair_cb call, void *ctx)
{
    const struct config_postgresql *shared = &input->dynamic->postgresql;
    const struct config_postgresql *local = &input->local->postgresql;
    each(&shared->parameters[CONFIG_FOR_ALL], PG_LAYER_SHARED, CONFIG_FOR_ALL, call, ctx);
    each(&local->parameters[CONFIG_FOR_ALL], PG_LAYER_LOCAL, CONFIG_FOR_ALL, call, ctx);
    for (int role = CONFIG_FOR_ALL + 1; role < CONFIG_FOR_COUNT; role++) {
        each(&shared->parameters[role], PG_LAYER_SHARED_ROLE, (enum config_for)role, call, ctx);
        each(&local->parameters[role], PG_LAYER_LOCAL_ROLE, (enum config_for)role, call, ctx);
    }
    each(&shared->recovery_conf, PG_LAYER_SHARED_RECOVERY, CONFIG_FOR_ALL, call, ctx);
    each(&local->recovery_conf, PG_LAYER_LOCAL_RECOVERY, CONFIG_FOR_ALL, call, ctx);
}

static const char *layer_name(enum pg_layer layer, enum config_for role)
{
    static const char *const names[PG_LAYER_COUNT] = {
        [PG_LAYER_SHARED] = "shared parameters",
        [PG_LAYER_LOCAL] = "local parameters",
        [PG_LAYER_SHARED_RECOVERY] = "shared recovery_conf",
        [PG_LAYER_LOCAL_RECOVERY] = "local recovery_conf",
    };
    static const char *const of_role[][CONFIG_FOR_COUNT] = {
        {"", "shared parameters_primary", "shared parameters_replica",
         "shared parameters_standby_leader"},
        {"", "local parameters_primary", "local parameters_replica",
         "local parameters_standby_leader"},
    };
    return names[layer] != NULL ? names[layer] : of_role[layer == PG_LAYER_LOCAL_ROLE][role];
}

/* Where this node's file says it. */
static char *local_where(const struct explain_input *input, enum pg_layer layer,
                         enum config_for role)
{
    static const char *const paths[CONFIG_FOR_COUNT] = {
        "postgresql.parameters", "postgresql.parameters_primary", "postgresql.parameters_replica",
        "postgresql.parameters_standby_leader"};
    const char *path = layer == PG_LAYER_LOCAL_RECOVERY ? "postgresql.recovery_conf" : paths[role];
    size_t row = setting_index(path);
    return row < settings_count
               ? explain_place(input->local->origins[row].source, input->local->origins[row].line)
               : NULL;
}

static bool is_shared(enum pg_layer layer)
{
    return layer == PG_LAYER_SHARED || layer == PG_LAYER_SHARED_ROLE ||
           layer == PG_LAYER_SHARED_RECOVERY;
}

/* The name that this pair sets is the one that is asked for; PostgreSQL's versions differ. */
static bool is_meant(const struct asking *a, const char *key)
{
    CLEANUP(mem_freep) char *lower = mem_strdup(key);
    for (char *at = lower; *at != '\0'; at++) {
        *at = *at >= 'A' && *at <= 'Z' ? (char)(*at - 'A' + 'a') : *at;
    }
    return strcasecmp(lower, a->out->name) == 0 ||
           strcasecmp(pg_name_in(lower, a->major), a->out->name) == 0 ||
           (strcmp(lower, "wal_keep_segments") == 0 && strcmp(a->out->name, "wal_keep_size") == 0);
}

/* Why it does not count; NULL: it does, and the verdict has its value. */
static char *why_not(struct asking *a, enum pg_layer layer, const struct config_pair *pair)
{
    const struct pg_pair one = {.name = pair->key, .value = pair->value};
    struct pg_settings_input input = {.major = a->major, .is_primary = true};
    struct pg_settings verdict = {.count = 0};
    input.layers[layer] = (struct pg_pairs){.at = &one, .count = 1};
    pg_settings_make(&input, &verdict);
    const char *warning = verdict.warning_count > 0 ? verdict.warnings[0].text : NULL;
    bool is_ours = a->rule != NULL && a->rule->kind == PG_RULE_OURS;
    bool is_converted = strcmp(a->out->name, "wal_keep_size") == 0 && warning != NULL &&
                        strncmp(warning, "wal_keep_segments", 17) == 0;
    char *why = NULL;
    if (warning != NULL && !is_converted) {
        why = mem_strdup(warning);
    } else if (is_ours) {
        why = mem_strdup("pgraft sets it to that anyway");
    } else {
        pg_settings_close(&a->verdict);
        a->verdict = verdict;
        return NULL;
    }
    pg_settings_close(&verdict);
    return why;
}

static void take_pair(void *ctx, enum pg_layer layer, enum config_for role,
                      const struct config_pair *pair)
{
    struct asking *a = ctx;
    enum config_for now = a->input->is_primary ? CONFIG_FOR_PRIMARY : CONFIG_FOR_REPLICA;
    if (!is_meant(a, pair->key)) {
        return;
    }
    char *where =
        is_shared(layer) ? explain_shared_where(a->input) : local_where(a->input, layer, role);
    const char *name = layer_name(layer, role);
    a->is_set = true;
    if (role != CONFIG_FOR_ALL && role != now) {
        explain_add(a->out, name, where, pair->value, "this node has another role now");
        return;
    }
    CLEANUP(mem_freep) char *why = why_not(a, layer, pair);
    if (why != NULL) {
        explain_add(a->out, name, where, pair->value, why);
        return;
    }
    a->candidate = pg_settings_get(&a->verdict, a->out->name);
    a->candidate = a->candidate != NULL ? a->candidate : pair->value;
    explain_add(a->out, name, where, a->candidate, NULL);
}

/* What only a new cluster would begin with. */
static void add_first(const struct asking *a)
{
    CLEANUP(mem_freep) char *path = mem_printf("postgresql.parameters.%s", a->out->name);
    explain_add_first(a->input, path, a->out);
}

/* ---- the files ---- */

enum file { FILE_USERS, FILE_OURS, FILE_AUTO };

static const char *name_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

static enum file file_of(const struct asking *a, const char *path)
{
    const char *custom = a->input->local->postgresql.custom_conf;
    if (strcmp(name_of(path), "postgresql.auto.conf") == 0) {
        return FILE_AUTO;
    }
    bool is_users = custom != NULL && strcmp(custom, path) == 0;
    return strcmp(name_of(path), "postgresql.conf") == 0 && !is_users ? FILE_OURS : FILE_USERS;
}

static const char *users_layer(const struct asking *a, const char *path)
{
    const char *custom = a->input->local->postgresql.custom_conf;
    bool is_base = strcmp(name_of(path), "postgresql.base.conf") == 0;
    bool is_custom = custom != NULL && strcmp(custom, path) == 0;
    return is_base ? "postgresql.base.conf" : is_custom ? "custom_conf" : "included file";
}

/* A line that waits for a restart is an error to PostgreSQL, and none to us. */
static const char *error_of(const struct pg_origin_line *line)
{
    bool waits = line->error != NULL && strcmp(line->error, "setting could not be applied") == 0;
    return waits ? NULL : line->error;
}

static void add_users_files(const struct asking *a)
{
    for (size_t i = 0; a->origin != NULL && i < a->origin->line_count; i++) {
        const struct pg_origin_line *line = &a->origin->lines[i];
        if (file_of(a, line->file) == FILE_USERS) {
            explain_add(a->out, users_layer(a, line->file), explain_place(line->file, line->line),
                        line->value, error_of(line));
        }
    }
}

static void add_alter_system(const struct asking *a)
{
    bool is_argument = a->rule != NULL && a->rule->is_argument;
    bool is_ours = a->rule != NULL && a->rule->kind == PG_RULE_OURS;
    for (size_t i = 0; a->origin != NULL && i < a->origin->line_count; i++) {
        const struct pg_origin_line *line = &a->origin->lines[i];
        if (file_of(a, line->file) == FILE_AUTO) {
            explain_add(a->out, "ALTER SYSTEM", explain_place(line->file, line->line), line->value,
                        is_argument ? "the postmaster is given it as an argument, which wins"
                        : is_ours   ? "it is pgraft's, which takes this out again"
                                    : error_of(line));
        }
    }
}

static const struct pg_origin_line *own_line(const struct asking *a)
{
    const struct pg_origin_line *found = NULL;
    for (size_t i = 0; a->origin != NULL && i < a->origin->line_count; i++) {
        const struct pg_origin_line *line = &a->origin->lines[i];
        found = file_of(a, line->file) == FILE_OURS ? line : found;
    }
    return found;
}

/* ---- what is pgraft's ---- */

/* What the primary's WAL asks of a standby is more than the shared configuration says. */
static bool is_raised(const struct asking *a, const struct pg_origin_line *own)
{
    static const char *const names[] = {"max_connections", "max_worker_processes",
                                        "max_wal_senders", "max_prepared_transactions",
                                        "max_locks_per_transaction"};
    const char *said = a->candidate != NULL ? a->candidate
                       : a->rule != NULL    ? a->rule->value
                                            : NULL;
    bool is_one = false;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        is_one = is_one || strcmp(names[i], a->out->name) == 0;
    }
    return is_one && !a->input->is_primary && own != NULL && said != NULL &&
           strtoull(own->value, NULL, 10) > strtoull(said, NULL, 10);
}

static void add_ours(const struct asking *a)
{
    const struct pg_origin_line *own = own_line(a);
    const char *running = a->origin != NULL ? a->origin->running : NULL;
    if (a->rule != NULL && a->rule->kind == PG_RULE_OURS) {
        CLEANUP(mem_freep)
        char *where = a->rule->instead != NULL ? mem_printf("see %s", a->rule->instead) : NULL;
        explain_add(a->out, "pgraft", TAKE(where),
                    a->rule->value != NULL ? a->rule->value
                    : own != NULL          ? own->value
                                           : running,
                    NULL);
    } else if (is_raised(a, own)) {
        explain_add(a->out, "pgraft",
                    mem_strdup("a standby needs at least as much as its primary has had"),
                    own->value, NULL);
    } else if (own != NULL && a->rule == NULL && !a->is_set) {
        explain_add(a->out, "pgraft", explain_place(own->file, own->line), own->value, NULL);
    }
}

/* What PostgreSQL has from where nothing else is known of. */
static void add_other_sources(const struct asking *a)
{
    static const char *const sources[][2] = {{"environment variable", "environment"},
                                             {"command line", "argument"},
                                             {"override", "PostgreSQL"}};
    bool is_known = a->rule != NULL && (a->rule->is_argument || a->rule->kind == PG_RULE_OURS);
    for (size_t i = 0; a->origin != NULL && i < ARRAY_LEN(sources); i++) {
        bool is_it = strcmp(a->origin->source, sources[i][0]) == 0;
        if (is_it && !is_known) {
            explain_add(a->out, sources[i][1], mem_strdup(sources[i][0]), a->origin->running, NULL);
        }
    }
}

/* ---- the whole ---- */

static const char *change_of(const struct asking *a)
{
    static const char *const contexts[][2] = {
        {"internal", "nothing: it was decided when PostgreSQL was built, or by initdb"},
        {"postmaster", "a restart of PostgreSQL"},
    };
    bool is_ours = a->rule != NULL && a->rule->kind == PG_RULE_OURS;
    for (size_t i = 0; a->origin != NULL && i < ARRAY_LEN(contexts); i++) {
        if (strcmp(a->origin->context, contexts[i][0]) == 0) {
            return contexts[i][1];
        }
    }
    return is_ours ? "pgraft itself" : "a reload of PostgreSQL, which pgraft does by itself";
}

/* An argument wins over the files for as long as it runs, so PostgreSQL does not know that it
 * waits. */
static bool waits(const struct asking *a)
{
    bool is_argument = a->rule != NULL && a->rule->is_argument && a->rule->kind != PG_RULE_OURS;
    const char *running = a->origin != NULL ? a->origin->running : NULL;
    return (a->origin != NULL && a->origin->waits) ||
           (is_argument && running != NULL && a->out->value != NULL &&
            strcmp(running, a->out->value) != 0);
}

static void put_running(const struct asking *a)
{
    struct explained shown = {.name = a->out->name};
    if (a->origin == NULL) {
        return;
    }
    if (a->origin->running == NULL) {
        a->out->note = mem_strdup(
            "sessions of pgraft have a value of their own (ALTER ROLE, ALTER "
            "DATABASE, or it asks for one), so what others have is not told");
        return;
    }
    explain_add(&shown, "", NULL, a->origin->running, NULL); /* without the secrets in it */
    a->out->running = TAKE(shown.layers[0].value);
    shown.name = NULL;
    explained_close(&shown);
}

int explain_parameter(const struct explain_input *input, struct explained *out)
{
    struct asking a = {.input = input, .out = out, .major = MAJOR_IF_UNKNOWN};
    if (!input->has_postgresql) {
        return ERR_REFUSED;
    }
    if (input->origins != NULL) {
        a.origin = pg_origin_of(input->origins, out->name);
        a.major =
            input->origins->version > 0 ? input->origins->version / VERSION_OF_A_MAJOR : a.major;
    }
    if (a.origin != NULL) { /* as it writes it: DateStyle */
        mem_free(out->name);
        out->name = mem_strdup(a.origin->name);
    }
    a.rule = pg_rule_of(out->name);
    out->kind = EXPLAIN_POSTGRESQL;
    if (a.origin != NULL && a.origin->built_in != NULL) {
        explain_add(out, "built in", mem_printf("PostgreSQL %u", a.major), a.origin->built_in,
                    NULL);
    }
    add_users_files(&a);
    if (a.rule != NULL && a.rule->kind != PG_RULE_OURS) {
        explain_add(out, "pgraft's default", mem_strdup("the same on all nodes"), a.rule->value,
                    NULL);
    }
    add_first(&a);
    explain_each_pair(input, take_pair, &a);
    add_ours(&a);
    add_alter_system(&a);
    add_other_sources(&a);
    bool is_one = a.origin != NULL || a.rule != NULL || a.is_set;
    (void)explain_settle(out);
    put_running(&a);
    out->waits = waits(&a);
    out->change = change_of(&a);
    pg_settings_close(&a.verdict);
    return is_one ? 0 : ERR_NOT_FOUND;
}
