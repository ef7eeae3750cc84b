/* ctl/cmd_kv.c - kv get, range, put, delete, txn, compact. */
#include "ctl/cmd_kv.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/must.h"
#include "ctl/bytes.h"
#include "ctl/cluster_view.h"
#include "ctl/cmd.h"
#include "ctl/config.h"
#include "ctl/file_put.h"
#include "ctl/progress.h"
#include "proto/kv.h"

#define UNKNOWN "whether it was done is not known: look before it is repeated"
#define INPUT_SIZE_MAX ((size_t)4 * 1024 * 1024)

/* --- Showing pairs --- */

static const struct output_column pair_columns[] =
    OUTPUT_COLUMNS({"key", NULL, OUTPUT_TEXT}, {"key_base64", NULL, OUTPUT_TEXT},
                   {"value", NULL, OUTPUT_TEXT}, {"value_base64", NULL, OUTPUT_TEXT},
                   {"create_revision", NULL, OUTPUT_NUMBER}, {"mod_revision", NULL, OUTPUT_NUMBER},
                   {"version", NULL, OUTPUT_NUMBER}, {"lease", NULL, OUTPUT_TEXT});
/* For the eye. */
static const struct output_column shown_columns[] =
    OUTPUT_COLUMNS({"shown_key", "Key", OUTPUT_TEXT}, {"shown_value", "Value", OUTPUT_TEXT},
                   {"mod_revision", "Revision", OUTPUT_NUMBER},
                   {"version", "Version", OUTPUT_NUMBER}, {"lease", "Lease", OUTPUT_TEXT});

static json_t *row_of(json_t *pair)
{
    static const char *const numbers[] = {"create_revision", "mod_revision", "version", "lease"};
    json_t *row = json_object();
    CLEANUP(buf_close) struct buf key = {0};
    CLEANUP(buf_close) struct buf value = {0};
    bytes_copy(row, pair, "key");
    bytes_copy(row, pair, "value");
    bytes_show(pair, "key", &key);
    bytes_show(pair, "value", &value);
    cmd_set(row, "shown_key", json_stringn(buf_text(&key), key.size));
    cmd_set(row, "shown_value", json_stringn(buf_text(&value), value.size));
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        json_t *number = json_object_get(pair, numbers[i]);
        cmd_set(row, numbers[i], number != NULL ? json_incref(number) : json_null());
    }
    return row;
}

static const struct output_column *columns_for(const struct cli_call *call)
{
    return output_format(call) == OUTPUT_PRETTY ? shown_columns : pair_columns;
}

int kv_print_pairs(const struct cli_call *call, const char *title, json_t *pairs, struct err *err)
{
    json_auto_t *rows = json_array();
    for (size_t i = 0; i < json_array_size(pairs); i++) {
        int rc = json_array_append_new(rows, row_of(json_array_get(pairs, i)));
        MUST(rc == 0);
    }
    return cmd_print(call, title, columns_for(call), rows, err);
}

int kv_print_pair(const struct cli_call *call, json_t *pair, struct err *err)
{
    json_auto_t *row = row_of(pair);
    return cmd_print(call, NULL, columns_for(call), row, err);
}

/* --- What is asked for --- */

int kv_span(const struct cli_call *call, json_t *body, struct err *err)
{
    const char *key = cli_argument(call, 0);
    const char *end = cli_value(call, "end");
    bool prefix = cli_given(call, "prefix");
    if (prefix && end != NULL) {
        return cli_usage(call, err, "either --prefix or --end");
    }
    if (key == NULL && end == NULL && !prefix) {
        return cli_usage(call, err, "name a key; --prefix without one means all there are");
    }
    const char *name = prefix ? "prefix" : end != NULL ? "from" : "key";
    if (key != NULL || prefix) {
        bytes_set(body, name, key != NULL ? key : "", key != NULL ? strlen(key) : 0);
    }
    if (end != NULL) {
        bytes_set(body, "end", end, strlen(end));
    }
    return 0;
}

static void add_flag(const struct cli_call *call, json_t *body, const char *option,
                     const char *member)
{
    if (cli_given(call, option)) {
        cmd_set(body, member, json_true());
    }
}

int kv_lease_option(const struct cli_call *call, json_t *body, struct err *err)
{
    const char *text = cli_value(call, "lease");
    char id[CMD_ID_SIZE];
    if (text == NULL) {
        return 0;
    }
    int rc = cmd_id(call, text, id, err);
    if (rc == 0) {
        cmd_set(body, "lease", json_string(id));
    }
    return rc;
}

int kv_change(const struct cli_call *call, struct ask *ask, const char *path, json_t *body,
              json_t **ret_answer, struct err *err)
{
    progress_begin(call->command->name, UNKNOWN);
    int rc = ask_post(ask, ASK_WRITE, path, body, ret_answer, err);
    progress_end();
    return rc;
}

/* Ask the cluster that @call means. */
static int post(const struct cli_call *call, enum ask_kind kind, const char *path, json_t *body,
                json_t **ret_answer, struct err *err)
{
    CLEANUP(ctl_close) struct ctl ctl = {0};
    int rc = ctl_open(call, &ctl, err);
    if (kind == ASK_READ) {
        return rc < 0 ? rc : ask_post(ctl.ask, kind, path, body, ret_answer, err);
    }
    progress_begin(call->command->name, UNKNOWN);
    rc = rc < 0 ? rc : ask_post(ctl.ask, kind, path, body, ret_answer, err);
    progress_end();
    return rc;
}

/* --- Reading --- */

int cmd_kv_get(const struct cli_call *call, struct err *err)
{
    json_auto_t *body = json_object();
    json_auto_t *answer = NULL;
    const char *key = cli_argument(call, 0);
    uint64_t revision = 0;
    if (cli_given(call, "raw") && cli_given(call, "format")) {
        return cli_usage(call, err, "either --raw or --format");
    }
    int rc = cmd_number(call, "rev", 1, INT64_MAX, &revision, err);
    if (rc < 0) {
        return rc;
    }
    bytes_set(body, "key", key, strlen(key));
    add_flag(call, body, "serializable", "serializable");
    if (revision > 0) {
        cmd_set(body, "revision", json_integer((json_int_t)revision));
    }
    rc = post(call, ASK_READ, "/pgraft/v1/kv/get", body, &answer, err);
    if (rc < 0) {
        return rc;
    }
    json_t *pair = json_object_get(answer, "pair");
    if (!json_is_object(pair)) {
        return err_set(err, ERR_NOT_FOUND, "there is no key %s at revision %" JSON_INTEGER_FORMAT,
                       cli_quoted(key).text,
                       revision > 0 ? (json_int_t)revision : view_number(answer, "revision"));
    }
    if (!cli_given(call, "raw")) {
        return kv_print_pair(call, pair, err);
    }
    CLEANUP(buf_close) struct buf value = {0};
    if (!bytes_get(pair, "value", &value)) {
        return err_set(err, ERR_PROTOCOL, "the node's answer has no value");
    }
    return cli_put(&value, err);
}

int cmd_kv_range(const struct cli_call *call, struct err *err)
{
    json_auto_t *body = json_object();
    json_auto_t *answer = NULL;
    uint64_t limit = 0;
    int rc = kv_span(call, body, err);
    if (rc == 0) {
        rc = cmd_number(call, "limit", 1, INT64_MAX, &limit, err);
    }
    if (rc < 0) {
        return rc;
    }
    cmd_set(body, "limit", json_integer((json_int_t)limit));
    add_flag(call, body, "keys-only", "keys_only");
    add_flag(call, body, "count-only", "count_only");
    add_flag(call, body, "serializable", "serializable");
    const char *after = cli_value(call, "after");
    if (after != NULL) {
        bytes_set(body, "after", after, strlen(after));
    }
    rc = post(call, ASK_READ, "/pgraft/v1/kv/range", body, &answer, err);
    if (rc < 0) {
        return rc;
    }
    if (cli_given(call, "count-only")) {
        static const struct output_column columns[] = OUTPUT_COLUMNS(
            {"revision", "Revision", OUTPUT_NUMBER}, {"count", "Keys", OUTPUT_NUMBER});
        return cmd_print(call, NULL, columns, answer, err);
    }
    rc = kv_print_pairs(call, NULL, json_object_get(answer, "pairs"), err);
    if (rc == 0 && json_is_true(json_object_get(answer, "more"))) {
        cmd_warn(call,
                 "there are %" JSON_INTEGER_FORMAT " keys; --after KEY goes on after the last one",
                 view_number(answer, "count"));
    }
    return rc;
}

/* --- Writing --- */

/* The value off the command line, or all of stdin. */
static int take_value(const struct cli_call *call, json_t *body, struct err *err)
{
    const char *value = cli_argument(call, 1);
    if (value != NULL) {
        bytes_set(body, "value", value, strlen(value));
        return 0;
    }
    CLEANUP(buf_close) struct buf input = {0};
    int rc = file_get_fd(STDIN_FILENO, "standard input", KV_VALUE_MAX, &input, err);
    if (rc == 0) {
        bytes_set(body, "value", buf_text(&input), input.size);
    }
    return rc;
}

int cmd_kv_put(const struct cli_call *call, struct err *err)
{
    json_auto_t *body = json_object();
    json_auto_t *answer = NULL;
    const char *key = cli_argument(call, 0);
    bytes_set(body, "key", key, strlen(key));
    add_flag(call, body, "previous", "previous");
    int rc = kv_lease_option(call, body, err);
    if (rc == 0) {
        rc = take_value(call, body, err);
    }
    if (rc == 0) {
        rc = post(call, ASK_WRITE, "/pgraft/v1/kv/put", body, &answer, err);
    }
    if (rc < 0) {
        return rc;
    }
    CLEANUP(buf_close) struct buf was = {0};
    json_t *previous = json_object_get(answer, "previous");
    if (json_is_object(previous)) {
        buf_str(&was, ", was ");
        bytes_show(previous, "value", &was);
    }
    return cmd_say(call, answer, err, "revision %" JSON_INTEGER_FORMAT "%s",
                   view_number(answer, "revision"), buf_text(&was));
}

int cmd_kv_delete(const struct cli_call *call, struct err *err)
{
    json_auto_t *body = json_object();
    json_auto_t *answer = NULL;
    int rc = kv_span(call, body, err);
    add_flag(call, body, "previous", "previous");
    if (rc == 0) {
        rc = post(call, ASK_WRITE, "/pgraft/v1/kv/delete", body, &answer, err);
    }
    if (rc < 0) {
        return rc;
    }
    json_t *previous = json_object_get(answer, "previous");
    json_int_t deleted = view_number(answer, "deleted");
    if (json_array_size(previous) > 0 && output_format(call) == OUTPUT_PRETTY) {
        rc = kv_print_pairs(call, "Deleted", previous, err);
    }
    return rc < 0 ? rc
                  : cmd_say(call, answer, err,
                            "revision %" JSON_INTEGER_FORMAT ", %" JSON_INTEGER_FORMAT
                            " key%s deleted",
                            view_number(answer, "revision"), deleted, deleted == 1 ? "" : "s");
}

int cmd_kv_compact(const struct cli_call *call, struct err *err)
{
    json_auto_t *body = json_object();
    json_auto_t *answer = NULL;
    uint64_t revision = 0;
    struct err why = {0};
    if (cmd_count(cli_argument(call, 0), 1, INT64_MAX, &revision, &why) < 0) {
        return cli_usage(call, err, "REVISION %s", why.msg);
    }
    cmd_set(body, "revision", json_integer((json_int_t)revision));
    int rc = post(call, ASK_REPEAT, "/pgraft/v1/kv/compact", body, &answer, err);
    return rc < 0 ? rc
                  : cmd_say(call, answer, err, "revisions up to %" JSON_INTEGER_FORMAT " are gone",
                            view_number(answer, "compacted"));
}

/* --- Transactions --- */

static json_t *read_request(const struct cli_call *call, struct err *err)
{
    const char *path = cli_argument(call, 0);
    bool is_stdin = path == NULL || strcmp(path, "-") == 0;
    CLEANUP(buf_close) struct buf text = {0};
    int rc = is_stdin ? file_get_fd(STDIN_FILENO, "standard input", INPUT_SIZE_MAX, &text, err)
                      : file_get(path, INPUT_SIZE_MAX, &text, err);
    if (rc < 0) {
        return NULL;
    }
    json_error_t wrong;
    json_t *body = json_loadb(buf_text(&text), text.size, JSON_REJECT_DUPLICATES, &wrong);
    if (!json_is_object(body)) {
        (void)err_set(
            err, ERR_INVALID, "%s:%d:%d: %s", is_stdin ? "standard input" : path,
            body == NULL ? wrong.line : 1, body == NULL ? wrong.column : 1,
            body == NULL ? wrong.text : "not an object with \"if\", \"then\" and \"else\"");
        json_decref(body);
        return NULL;
    }
    return body;
}

int cmd_kv_txn(const struct cli_call *call, struct err *err)
{
    enum output_format format = output_format(call);
    if (cli_given(call, "format") && format != OUTPUT_JSON && format != OUTPUT_YAML) {
        return cli_usage(call, err, "what a transaction does is printed as json or yaml only");
    }
    struct err why = {0};
    json_auto_t *body = read_request(call, &why);
    json_auto_t *answer = NULL;
    if (body == NULL) {
        return err_set(err, why.code, "%s", why.msg);
    }
    int rc = post(call, ASK_WRITE, "/pgraft/v1/kv/txn", body, &answer, err);
    if (rc < 0) {
        return rc;
    }
    CLEANUP(buf_close) struct buf out = {0};
    bool held = json_is_true(json_object_get(answer, "succeeded"));
    output_document(&out, format == OUTPUT_YAML ? OUTPUT_YAML : OUTPUT_JSON, answer);
    rc = cli_put(&out, err);
    return rc < 0 || held ? rc : 1;
}
