/* ctl/cmd_watch.c - kv watch: events in order, none twice, none left out, whatever breaks.
 *
 * A connection that breaks is made again, at another node if there are several, from the revision
 * after the last one that was printed whole. Events of a revision that goes on in the next line are
 * kept until it is whole. The first connection has to succeed; so does the wish itself. */
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/cli.h"
#include "base/must.h"
#include "ctl/bytes.h"
#include "ctl/cluster_view.h"
#include "ctl/cmd.h"
#include "ctl/cmd_kv.h"
#include "ctl/config.h"
#include "ctl/output.h"

#define PROGRESS_MS 5000
#define SILENCES 3 /* so many times that without a word: the connection is dead */
#define LINE_SIZE_MAX ((size_t)64 * 1024 * 1024)
#define PAUSE_MS_MIN 100
#define PAUSE_MS_MAX 2000

struct watch_state {
    const struct cli_call *call;
    enum output_format format;
    struct buf line;      /* what has come of one */
    json_t *held;         /* events of a revision that is not whole */
    uint64_t next;        /* the first revision that is still of interest; 0: not known yet */
    uint64_t progress_ms; /* how often the node gives word */
    uint64_t left;        /* events to print before we end */
    bool started;         /* this connection stands */
    bool ever;            /* some did */
    bool done;
    struct err err; /* of code 0: none */
};

static const struct output_column event_columns[] = OUTPUT_COLUMNS(
    {"revision", NULL, OUTPUT_NUMBER}, {"type", NULL, OUTPUT_TEXT}, {"key", NULL, OUTPUT_TEXT},
    {"key_base64", NULL, OUTPUT_TEXT}, {"value", NULL, OUTPUT_TEXT},
    {"value_base64", NULL, OUTPUT_TEXT}, {"version", NULL, OUTPUT_NUMBER},
    {"lease", NULL, OUTPUT_TEXT}, {"previous", NULL, OUTPUT_NESTED});

/* --- Printing --- */

static void put_row(struct watch_state *w, json_t *event, struct buf *out)
{
    static const struct {
        const char *from;
        const char *to;
    } members[] = {{"mod_revision", "revision"}, {"version", "version"}, {"lease", "lease"}};
    json_t *pair = json_object_get(event, "pair");
    json_t *previous = json_object_get(event, "previous");
    json_auto_t *row = json_object();
    bytes_copy(row, pair, "key");
    bytes_copy(row, pair, "value");
    for (size_t i = 0; i < ARRAY_LEN(members); i++) {
        json_t *value = json_object_get(pair, members[i].from);
        cmd_set(row, members[i].to, value != NULL ? json_incref(value) : json_null());
    }
    cmd_set(row, "type", json_string(view_text(event, "type")));
    cmd_set(row, "previous", previous != NULL ? json_incref(previous) : json_null());
    output_stream_row(out, w->format, event_columns, row);
}

/* "12 put motd hello" */
static void put_line(json_t *event, struct buf *out)
{
    json_t *pair = json_object_get(event, "pair");
    CLEANUP(buf_close) struct buf key = {0};
    CLEANUP(buf_close) struct buf value = {0};
    bytes_show(pair, "key", &key);
    bytes_show(pair, "value", &value);
    buf_printf(out, "%" JSON_INTEGER_FORMAT " ", view_number(pair, "mod_revision"));
    output_text(out, view_text(event, "type"));
    buf_char(out, ' ');
    output_text(out, buf_text(&key));
    if (strcmp(view_text(event, "type"), "put") == 0) {
        buf_char(out, ' ');
        output_text(out, buf_text(&value));
    }
    buf_char(out, '\n');
}

static int print_events(struct watch_state *w, json_t *events)
{
    CLEANUP(buf_close) struct buf out = {0};
    for (size_t i = 0; i < json_array_size(events) && w->left > 0; i++, w->left--) {
        json_t *event = json_array_get(events, i);
        if (w->format == OUTPUT_PRETTY) {
            put_line(event, &out);
        } else {
            put_row(w, event, &out);
        }
    }
    w->done = w->left == 0;
    return cli_put(&out, &w->err);
}

/* --- Lines --- */

static int take_events(struct watch_state *w, json_t *body)
{
    int rc = json_array_extend(w->held, json_object_get(body, "events"));
    if (rc != 0) {
        return err_set(&w->err, ERR_PROTOCOL, "a line of events has none");
    }
    if (json_is_true(json_object_get(body, "more"))) {
        return 0;
    }
    w->next = (uint64_t)view_number(body, "revision") + 1;
    rc = print_events(w, w->held);
    (void)json_array_clear(w->held);
    return rc;
}

static int take_error(struct watch_state *w, json_t *error)
{
    json_t *oldest = json_object_get(error, "oldest_revision");
    if (strcmp(view_text(error, "code"), err_name(ERR_COMPACTED)) == 0) {
        return err_set(&w->err, ERR_COMPACTED,
                       "revision %" PRIu64 " is no longer kept, the oldest is %" JSON_INTEGER_FORMAT
                       ": read the keys again and watch from there",
                       w->next, json_integer_value(oldest));
    }
    return err_set(&w->err, ERR_CLOSED, "%s", view_text(error, "message"));
}

/* 0, or nonzero when this connection is of no further use. */
static int take_line(struct watch_state *w, const char *text, size_t size)
{
    json_auto_t *line = json_loadb(text, size, 0, NULL);
    json_t *start = json_object_get(line, "start");
    json_t *progress = json_object_get(line, "progress");
    json_t *events = json_object_get(line, "events");
    json_t *error = json_object_get(line, "error");
    if (start != NULL) {
        w->started = true;
        w->ever = true;
        uint64_t next = (uint64_t)view_number(start, "revision") + 1;
        w->next = w->next > 0 ? w->next : next;
        return 0;
    }
    if (progress != NULL) {
        uint64_t next = (uint64_t)view_number(progress, "revision") + 1;
        w->next = next > w->next ? next : w->next;
        return 0;
    }
    if (events != NULL) {
        return take_events(w, events) < 0 || w->done;
    }
    return error != NULL ? take_error(w, error)
                         : err_set(&w->err, ERR_PROTOCOL, "a line that is not of a watch");
}

static int take_piece(void *context, const char *bytes, size_t size)
{
    struct watch_state *w = context;
    int rc = 0;
    while (rc == 0 && size > 0) {
        const char *end = memchr(bytes, '\n', size);
        size_t taken = end != NULL ? (size_t)(end - bytes) + 1 : size;
        buf_append(&w->line, bytes, taken);
        bytes += taken;
        size -= taken;
        if (end != NULL) {
            rc = take_line(w, w->line.bytes, w->line.size);
            buf_clear(&w->line);
        } else if (w->line.size > LINE_SIZE_MAX) {
            rc = err_set(&w->err, ERR_TOO_LARGE, "a line of the watch is too large");
        }
    }
    return rc;
}

/* --- Connections --- */

static int watch_once(struct watch_state *w, struct ask *ask, json_t *body)
{
    struct err err = {0};
    w->started = false;
    w->err = (struct err){0};
    buf_clear(&w->line);
    (void)json_array_clear(w->held);
    cmd_set(body, "from_revision", json_integer((json_int_t)w->next));
    ask_restart_clock(ask);
    const struct ask_stream stream = {
        .method = "POST",
        .path = "/pgraft/v1/kv/watch",
        .body = body,
        .sink = {.piece_cb = take_piece, .context = w, .silence_ms = SILENCES * w->progress_ms},
    };
    int rc = ask_stream(ask, &stream, &err);
    if (w->done) {
        return 0;
    }
    if (w->err.code != 0) {
        return w->err.code;
    }
    w->err = rc < 0 ? err : (struct err){.code = ERR_CLOSED, .msg = "the node has ended the watch"};
    return w->err.code;
}

/* It is worth another connection. */
static bool may_come_back(const struct watch_state *w)
{
    return w->ever && err_may_retry(w->err.code);
}

static int watch_for_ever(struct watch_state *w, struct ask *ask, json_t *body, struct err *err)
{
    int pause_ms = PAUSE_MS_MIN;
    bool told = false;
    int rc = 0;
    while ((rc = watch_once(w, ask, body)) < 0 && may_come_back(w)) {
        told = told && !w->started;
        if (!told) {
            cmd_warn(w->call, "%s; trying again from revision %" PRIu64, w->err.msg, w->next);
            told = true;
        }
        pause_ms = w->started ? PAUSE_MS_MIN : pause_ms;
        (void)poll(NULL, 0, pause_ms);
        pause_ms = pause_ms * 2 < PAUSE_MS_MAX ? pause_ms * 2 : PAUSE_MS_MAX;
    }
    return rc < 0 ? err_set(err, rc, "%s", w->err.msg) : 0;
}

static int take_options(struct watch_state *w, json_t *body, struct err *err)
{
    const char *progress = cli_value(w->call, "progress");
    struct err why = {0};
    if (progress != NULL && cmd_duration(progress, 100, 60000, &w->progress_ms, &why) < 0) {
        return cli_usage(w->call, err, "--progress: %s", why.msg);
    }
    int rc = kv_span(w->call, body, err);
    if (rc == 0) {
        rc = cmd_number(w->call, "rev", 1, INT64_MAX, &w->next, err);
    }
    return rc < 0 ? rc : cmd_number(w->call, "limit", 1, UINT64_MAX, &w->left, err);
}

int cmd_kv_watch(const struct cli_call *call, struct err *err)
{
    CLEANUP(ctl_close) struct ctl ctl = {0};
    json_auto_t *body = json_object();
    struct watch_state w = {.call = call,
                            .format = output_format(call),
                            .progress_ms = PROGRESS_MS,
                            .left = UINT64_MAX};
    int rc = take_options(&w, body, err);
    if (rc == 0) {
        rc = ctl_open(call, &ctl, err);
    }
    if (rc < 0) {
        return rc;
    }
    cmd_set(body, "previous", json_boolean(cli_given(call, "previous")));
    cmd_set(body, "progress_ms", json_integer((json_int_t)w.progress_ms));
    CLEANUP(buf_close) struct buf head = {0};
    output_stream_head(&head, w.format, event_columns);
    rc = cli_put(&head, err);
    w.held = json_array();
    if (rc == 0) {
        rc = watch_for_ever(&w, ctl.ask, body, err);
    }
    json_decref(w.held);
    buf_close(&w.line);
    return rc;
}
