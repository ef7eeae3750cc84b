/* daemon/http_config_rules.c - one refusal after the other, and the new text where there is none.
 */
#include "daemon/http_config_rules.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/cli.h"
#include "base/err.h"
#include "base/json_bound.h"
#include "base/mem.h"
#include "config/dynamic.h"
#include "config/merge.h"
#include "config/yaml_tree.h"
#include "daemon/json_in.h"
#include "supervisor/level.h"
#include "supervisor/pg_rules.h"

#define TAG_SIZE 24
#define BLANKS " \t"
/* What is stored was not always let in here: as the first value or by hand there may be whatever
 * the nodes take when they read it as YAML, which counts no keys. */
#define STORED_DEPTH_MAX TREE_DEPTH_MAX
#define STORED_VALUES_MAX ((size_t)3 * TREE_NODES_MAX)

/* ---- whether it is meant for what is there ---- */

bool config_tag_matches(const char *if_match, uint64_t revision)
{
    char tag[TAG_SIZE];
    (void)snprintf(tag, sizeof(tag), "\"%" PRIu64 "\"", revision);
    for (const char *at = if_match; *at != '\0';) {
        at += strspn(at, "," BLANKS);
        size_t size = strcspn(at, "," BLANKS);
        bool is_any = size == 1 && at[0] == '*';
        bool is_it = size == strlen(tag) && strncmp(at, tag, size) == 0;
        if (revision != 0 && (is_any || is_it)) {
            return true;
        }
        at += size;
    }
    return false;
}

json_t *config_stored_read(const struct config_stored *stored, struct buf *why)
{
    struct err err = {0};
    if (stored->text == NULL) {
        buf_str(why, "no configuration is stored: the key config is not there");
        return NULL;
    }
    json_t *read = json_in_parse_within(stored->text, strlen(stored->text), STORED_DEPTH_MAX,
                                        STORED_VALUES_MAX, &err);
    if (read == NULL) {
        buf_printf(why, "the key config is no object of JSON, replace it with PUT /config: %s",
                   err.msg);
    }
    return read;
}

/* ---- whether it may be there ---- */

/* The errors in one line. */
static void join(const struct problems *problems, struct buf *out)
{
    CLEANUP(buf_close) struct buf lines = {0};
    problems_print_level(problems, PROBLEM_ERROR, &lines);
    for (const char *line = buf_text(&lines); *line != '\0';) {
        size_t size = strcspn(line, "\n");
        buf_str(out, out->size > 0 ? "; " : "");
        buf_append(out, line, size);
        line += size + (line[size] == '\n' ? 1 : 0);
    }
}

static void refuse(struct config_verdict *v, unsigned status, int code)
{
    v->status = status;
    v->code = code;
}

static json_t *parameters_of(json_t *document)
{
    return json_object_get(json_object_get(document, "postgresql"), "parameters");
}

/* The parameters that the nodes have to agree on: of a value that can not be, each would take the
 * default instead. One that stood there before keeps nobody from changing another. */
static void judge_parameters(json_t *now, json_t *next, struct problems *problems)
{
    const struct tree_place nowhere = {.source = NULL};
    const char *name = NULL;
    json_t *value = NULL;
    json_object_foreach(parameters_of(next), name, value)
    {
        char written[PG_RULE_TEXT];
        char words[PG_RULE_WORDS];
        CLEANUP(mem_freep) char *lower = mem_strdup(name); /* as PostgreSQL takes it, and a node */
        for (char *at = lower; *at != '\0'; at++) {
            *at = *at >= 'A' && *at <= 'Z' ? (char)(*at - 'A' + 'a') : *at;
        }
        const struct pg_rule *rule = pg_rule_of(lower);
        json_t *before = json_object_get(parameters_of(now), name);
        bool is_judged = rule != NULL && rule->kind != PG_RULE_OURS && !json_is_null(value) &&
                         json_equal(before, value) == 0;
        if (!is_judged) {
            continue;
        }
        CLEANUP(mem_freep) char *text = config_scalar_text(value);
        if (!pg_rule_takes(rule, text, written)) {
            problems_add(problems, PROBLEM_ERROR, &nowhere,
                         "postgresql.parameters.%s: can not be %s, but %s", name,
                         cli_quoted(text).text, pg_rule_expects(rule, words));
        }
    }
}

static void judge_text(const struct config_stored *stored, json_t *now, json_t *next,
                       struct config_verdict *v)
{
    CLEANUP(problems_close) struct problems problems = {0};
    int code = config_dynamic_check(buf_text(&v->text), stored->text, &problems);
    judge_parameters(now, next, &problems);
    if (code != 0 || problems_count(&problems, PROBLEM_ERROR) > 0) {
        buf_clear(&v->text);
        join(&problems, &v->text);
        refuse(v, 400, ERR_INVALID);
    }
}

static bool is_bounded(const char *text)
{
    return json_is_bounded(text, strlen(text), JSON_IN_DEPTH_MAX, JSON_IN_VALUES_MAX);
}

/* Change by change it must not become more than a request, a PUT of all of it, may hold. What was
 * too large already may be made less. */
static void judge_size(const struct config_stored *stored, struct config_verdict *v)
{
    bool was_bounded = stored->text == NULL || is_bounded(stored->text);
    if (was_bounded && !is_bounded(buf_text(&v->text))) {
        buf_clear(&v->text);
        buf_printf(&v->text,
                   "the configuration would have more than %d keys and values, or be nested over "
                   "%d deep",
                   JSON_IN_VALUES_MAX, JSON_IN_DEPTH_MAX);
        refuse(v, 413, ERR_TOO_LARGE);
    }
}

static bool is_said(json_t *section, const char *name)
{
    json_t *value = json_object_get(section, name);
    const char *text = json_string_value(value);
    return value != NULL && !json_is_null(value) && (text == NULL || text[0] != '\0');
}

static bool is_standby(json_t *document)
{
    json_t *section = json_object_get(document, "standby_cluster");
    return is_said(section, "host") || is_said(section, "restore_command");
}

/* It would have an effect only later, when nobody thinks of it: with the last member's upgrade. */
static void judge_level(const struct config_wish *wish, json_t *now, json_t *next,
                        struct config_verdict *v)
{
    if (wish->level < LEVEL_STANDBY && is_standby(next) && !is_standby(now)) {
        buf_clear(&v->text);
        buf_printf(&v->text,
                   "standby_cluster: the feature level in force is %" PRIu64
                   ", and not every member knows of standby clusters (pgraftctl status says who "
                   "keeps it down)",
                   wish->level);
        refuse(v, 409, ERR_REFUSED);
    }
}

static void take_text(json_t *document, struct config_verdict *v)
{
    CLEANUP(mem_freep) char *text = config_document_text(document);
    buf_str(&v->text, text);
}

void config_judge(const struct config_wish *wish, const struct config_stored *stored,
                  struct config_verdict *ret_verdict)
{
    CLEANUP(buf_close) struct buf why = {0};
    struct config_verdict *v = ret_verdict;
    *v = (struct config_verdict){.status = 200};
    json_auto_t *now = config_stored_read(stored, &why);
    v->needs_unchanged = wish->if_match != NULL || !wish->replaces;
    if (json_object_size(wish->body) == 0) {
        buf_str(&v->text, "an object with at least one key is needed");
        refuse(v, 400, ERR_INVALID);
    } else if (wish->if_match != NULL && !config_tag_matches(wish->if_match, stored->revision)) {
        buf_printf(&v->text,
                   "the configuration is at revision %" PRIu64 ", not at that of If-Match",
                   stored->revision);
        refuse(v, 409, ERR_CONFLICT);
    } else if (now == NULL && !wish->replaces) {
        buf_str(&v->text, buf_text(&why));
        refuse(v, 503, ERR_REFUSED);
    } else {
        json_auto_t *next = wish->replaces ? json_incref(wish->body) : json_deep_copy(now);
        bool differs = wish->replaces ? now == NULL || json_equal(now, next) == 0
                                      : config_merge(next, wish->body);
        v->is_same = !differs;
        if (differs) {
            take_text(next, v);
            judge_text(stored, now, next, v);
            if (v->status == 200) {
                judge_size(stored, v);
            }
            if (v->status == 200) {
                judge_level(wish, now, next, v);
            }
        } else {
            buf_str(&v->text, stored->text);
        }
    }
}

void config_verdict_close(struct config_verdict *verdict)
{
    buf_close(&verdict->text);
}
