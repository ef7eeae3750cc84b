/* config/explain.c - layers, and those of our own settings; explain_pg.c has PostgreSQL's. */
#include "config/explain.h"

#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include <jansson.h>

#include "base/cleanup.h"
#include "base/cli.h"
#include "base/mem.h"
#include "base/must.h"
#include "base/nearest.h"
#include "base/redact.h"
#include "config/explain_parts.h"
#include "config/merge.h"
#include "config/scalar.h"
#include "config/settings.h"

#define HINTS_MAX 3

/* ---- layers ---- */

/* What the setting is called may say that its value is a secret. */
static char *shown(const struct explained *out, const char *value)
{
    CLEANUP(buf_close) struct buf text = {0};
    if (value == NULL) {
        return NULL;
    }
    if (value[0] != '\0' && redact_is_secret(out->name, strlen(out->name))) {
        return mem_strdup(REDACT_MASK);
    }
    redact_text(value, &text);
    return mem_strdup(buf_text(&text));
}

void explain_add(struct explained *out, const char *layer, char *where, const char *value,
                 const char *why)
{
    out->layers = mem_grow(out->layers, out->layer_count + 1, sizeof(*out->layers));
    out->layers[out->layer_count++] =
        (struct explain_layer){.layer = layer,
                               .where = where,
                               .value = shown(out, value),
                               .state = why != NULL ? EXPLAIN_IGNORED : EXPLAIN_HIDDEN,
                               .why = why != NULL ? mem_strdup(why) : NULL};
}

const struct explain_layer *explain_settle(struct explained *out)
{
    for (size_t i = out->layer_count; i > 0; i--) {
        struct explain_layer *layer = &out->layers[i - 1];
        if (strcmp(layer->state, EXPLAIN_HIDDEN) == 0) {
            layer->state = EXPLAIN_COUNTS;
            out->from = layer->layer;
            mem_free(out->value);
            out->value = layer->value != NULL ? mem_strdup(layer->value) : NULL;
            return layer;
        }
    }
    return NULL;
}

void explained_close(struct explained *explained)
{
    for (size_t i = 0; i < explained->layer_count; i++) {
        mem_free(explained->layers[i].where);
        mem_free(explained->layers[i].value);
        mem_free(explained->layers[i].why);
    }
    mem_free(explained->layers);
    mem_free(explained->name);
    mem_free(explained->value);
    mem_free(explained->running);
    mem_free(explained->note);
    *explained = (struct explained){.name = NULL};
}

/* ---- places ---- */

char *explain_place(const char *source, unsigned line)
{
    if (source == NULL) {
        return NULL;
    }
    return line > 0 ? mem_printf("%s:%u", source, line) : mem_strdup(source);
}

/* Of a source of this node's configuration. */
static const char *source_layer(const char *source)
{
    bool is_variable = source != NULL &&
                       (strncmp(source, "PGRAFT_", 7) == 0 || strncmp(source, "PATRONI_", 8) == 0);
    bool is_option = source != NULL && strncmp(source, "--", 2) == 0;
    return is_variable ? "environment" : is_option ? "option" : "file";
}

char *explain_shared_where(const struct explain_input *input)
{
    return input->is_guess ? mem_strdup("bootstrap.dcs, until what is in the store is known")
                           : mem_printf("the key config, revision %" PRIu64, input->revision);
}

/* ---- the shared configuration ---- */

/* What it says, or what bootstrap.dcs says beside it; NULL: nothing. The caller's. */
static json_t *read_document(const char *text)
{
    json_t *document = text != NULL ? json_loads(text, 0, NULL) : NULL;
    if (document != NULL && !json_is_object(document)) {
        json_decref(document);
        return NULL;
    }
    return document;
}

/* What stands at "postgresql.parameters.a"; NULL: nothing. Borrowed. */
static json_t *find(json_t *document, const char *path)
{
    json_t *at = document;
    while (at != NULL && *path != '\0') {
        CLEANUP(mem_freep) char *key = mem_printf("%.*s", (int)strcspn(path, "."), path);
        at = json_object_get(at, key);
        path += strlen(key) + (path[strlen(key)] == '.' ? 1 : 0);
    }
    return json_is_null(at) ? NULL : at;
}

static char *text_of(json_t *value)
{
    return json_is_object(value) || json_is_array(value) ? config_document_text(value)
                                                         : config_scalar_text(value);
}

void explain_add_first(const struct explain_input *input, const char *path, struct explained *out)
{
    json_auto_t *first = read_document(input->local->bootstrap.dcs);
    json_t *value = input->is_guess ? NULL : find(first, path);
    if (value != NULL) {
        size_t row = setting_index("bootstrap.dcs");
        const struct config_origin *origin = &input->local->origins[row];
        CLEANUP(mem_freep) char *text = text_of(value);
        explain_add(out, "bootstrap.dcs", explain_place(origin->source, origin->line), text,
                    "only a new cluster begins with it; see pgraftctl edit-config");
    }
}

/* Under its name, or an older one. */
static json_t *find_shared(json_t *document, const struct setting *setting)
{
    json_t *value = find(document, setting->path);
    const char *at = setting->alias != NULL ? setting->alias : "";
    while (value == NULL && *at != '\0') {
        size_t size = strcspn(at, " ");
        CLEANUP(mem_freep) char *alias = mem_printf("%.*s", (int)size, at);
        value = find(document, alias);
        at += size + strspn(at + size, " ");
    }
    return value;
}

static bool sets_the_lease(const char *path)
{
    return strcmp(path, "ttl") == 0 || strcmp(path, "failover") == 0 ||
           strcmp(path, "lease_ms") == 0;
}

static void explain_shared(const struct explain_input *input, const struct setting *setting,
                           struct explained *out)
{
    CLEANUP(buf_close) struct buf value = {0};
    json_auto_t *document = read_document(input->shared);
    json_t *given = find_shared(document, setting);
    out->kind = EXPLAIN_SHARED;
    out->change = "pgraftctl edit-config, at once";
    explain_add(out, "built in", NULL, setting->fallback != NULL ? setting->fallback : "", NULL);
    explain_add_first(input, setting->path, out);
    if (given != NULL) {
        CLEANUP(mem_freep) char *text = text_of(given);
        explain_add(out, "shared", explain_shared_where(input), text, NULL);
    }
    (void)explain_settle(out);
    setting_print(setting, input->dynamic, &value);
    mem_free(out->value);
    out->value = shown(out, buf_text(&value)); /* as it was understood */
    if (sets_the_lease(setting->path) && input->lease_ms > 0) {
        out->note =
            mem_printf("%s; the lease comes to %" PRIu64 " ms", setting->help, input->lease_ms);
    } else {
        out->note = mem_strdup(setting->help);
    }
}

/* ---- a node's own ---- */

/* The farthest first. */
static void add_hidden(const struct config_origin *origin, struct explained *out)
{
    for (size_t i = origin->hidden_count; i > 0; i--) {
        const struct config_hidden *hidden = &origin->hidden[i - 1];
        explain_add(out, source_layer(hidden->source), explain_place(hidden->source, hidden->line),
                    hidden->value, NULL);
    }
}

static void explain_node(const struct explain_input *input, size_t row, struct explained *out)
{
    const struct setting *setting = &settings[row];
    const struct config_origin *origin = &input->local->origins[row];
    const struct config_origin *shared = &input->dynamic->origins[row];
    CLEANUP(buf_close) struct buf value = {0};
    CLEANUP(buf_close) struct buf common = {0};
    out->kind = EXPLAIN_NODE;
    out->change = setting->reload ? "a reload of pgraftd" : "a restart of pgraftd";
    out->note = mem_strdup(setting->help);
    setting_print(setting, input->local, &value);
    if (setting->fallback != NULL) {
        explain_add(out, "built in", NULL, setting->fallback, NULL);
    } else if (setting->derived != NULL) {
        bool is_it = origin->kind == CONFIG_DERIVED;
        explain_add(out, "built in", mem_strdup(setting->derived), is_it ? buf_text(&value) : NULL,
                    NULL);
    }
    if (setting->dynamic && shared->kind == CONFIG_GIVEN) {
        setting_print(setting, input->dynamic, &common);
        explain_add(out, "shared", explain_shared_where(input), buf_text(&common), NULL);
    }
    if (origin->kind == CONFIG_GIVEN) {
        add_hidden(origin, out);
        explain_add(out, source_layer(origin->source), explain_place(origin->source, origin->line),
                    buf_text(&value), NULL);
    }
    (void)explain_settle(out);
}

/* ---- names ---- */

static size_t shared_index(const char *name)
{
    for (size_t i = 0; i < dynamic_settings_count; i++) {
        const struct setting *setting = &dynamic_settings[i];
        const char *at = setting->alias != NULL ? setting->alias : "";
        bool is_it = strcmp(setting->path, name) == 0;
        while (!is_it && *at != '\0') {
            size_t size = strcspn(at, " ");
            is_it = strlen(name) == size && strncmp(at, name, size) == 0;
            at += size + strspn(at + size, " ");
        }
        if (is_it) {
            return i;
        }
    }
    return dynamic_settings_count;
}

bool explain_is_ours(const char *name)
{
    return shared_index(name) < dynamic_settings_count || setting_index(name) < settings_count;
}

struct words {
    const char **at;
    size_t count;
};

static void words_close(struct words *words)
{
    mem_free(words->at);
}

static void words_add(struct words *words, const char *word)
{
    words->at = mem_grow(words->at, words->count + 1, sizeof(*words->at));
    words->at[words->count++] = word;
}

static void words_drop(struct words *words, const char *word)
{
    size_t kept = 0;
    for (size_t i = 0; i < words->count; i++) {
        if (strcmp(words->at[i], word) != 0) {
            words->at[kept++] = words->at[i];
        }
    }
    words->count = kept;
}

/* "use_pg_rewind" of "postgresql.use_pg_rewind". */
static const char *with_this_end(const struct words *words, const char *name)
{
    for (size_t i = 0; i < words->count; i++) {
        const char *dot = strrchr(words->at[i], '.');
        if (dot != NULL && strcmp(dot + 1, name) == 0) {
            return words->at[i];
        }
    }
    return NULL;
}

static int refuse(const char *name, const struct explain_names *known, struct err *err)
{
    CLEANUP(words_close) struct words words = {0};
    CLEANUP(buf_close) struct buf hints = {0};
    for (size_t i = 0; i < dynamic_settings_count; i++) {
        words_add(&words, dynamic_settings[i].path);
    }
    for (size_t i = 0; i < settings_count; i++) {
        words_add(&words, settings[i].path);
    }
    for (size_t i = 0; known != NULL && i < known->count; i++) {
        words_add(&words, known->at[i]);
    }
    for (size_t i = 0; i < HINTS_MAX; i++) {
        const char *found = with_this_end(&words, name);
        found = found != NULL ? found : nearest(name, words.at, words.count);
        if (found == NULL) {
            break;
        }
        buf_printf(&hints, "%s%s", i == 0 ? "; did you mean " : " or ", found);
        words_drop(&words, found);
    }
    return err_set(err, ERR_NOT_FOUND, "there is no setting %s%s%s", cli_quoted(name).text,
                   buf_text(&hints), hints.size > 0 ? "?" : "");
}

int explain_setting(const struct explain_input *input, const char *name,
                    const struct explain_names *known, struct explained *out, struct err *err)
{
    size_t shared = shared_index(name);
    size_t row = setting_index(name);
    if (shared < dynamic_settings_count) {
        out->name = mem_strdup(dynamic_settings[shared].path);
        explain_shared(input, &dynamic_settings[shared], out);
        return 0;
    }
    out->name = mem_strdup(name);
    if (row < settings_count) {
        explain_node(input, row, out);
        return 0;
    }
    int code = explain_parameter(input, out);
    if (code == ERR_REFUSED) {
        return err_set(err, code, "this node supervises no PostgreSQL");
    }
    return code == 0 ? 0 : refuse(name, known, err);
}

/* ---- all of them ---- */

struct naming {
    const struct explain_input *input;
    struct buf *out;
    size_t count;
};

static void name_one(struct naming *n, const char *name)
{
    const char *at = buf_text(n->out);
    const char *end = at + n->out->size;
    while (at < end) {
        if (strcasecmp(at, name) == 0) {
            return;
        }
        at += strlen(at) + 1;
    }
    buf_append(n->out, name, strlen(name) + 1);
    n->count++;
}

static void name_pair(void *ctx, enum pg_layer layer, enum config_for role,
                      const struct config_pair *pair)
{
    (void)layer;
    (void)role;
    name_one(ctx, pair->key);
}

size_t explain_all(const struct explain_input *input, struct buf *out)
{
    struct naming n = {.input = input, .out = out};
    for (size_t i = 0; i < dynamic_settings_count; i++) {
        name_one(&n, dynamic_settings[i].path);
    }
    for (size_t i = 0; i < settings_count; i++) {
        if (input->local->origins[i].kind == CONFIG_GIVEN ||
            input->dynamic->origins[i].kind == CONFIG_GIVEN) {
            name_one(&n, settings[i].path);
        }
    }
    for (size_t i = 0; input->origins != NULL && i < input->origins->count; i++) {
        name_one(&n, input->origins->at[i].name);
    }
    if (input->has_postgresql) {
        explain_each_pair(input, name_pair, &n);
    }
    return n.count;
}
