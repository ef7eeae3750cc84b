/* daemon/http_watch.c - a watch as a stream of lines.
 *
 * The store's own watch stands behind it. When the client does not keep up the store's watch is
 * closed, and opened again at the next revision once the client has taken what waited: so nothing
 * is left out and nothing piles up, and if the history has gone on too far meanwhile the client is
 * told, as by any other watch. */
#include "base/mem.h"
#include "base/must.h"
#include "daemon/http_internal.h"

#define TYPE "application/x-ndjson"
#define PROGRESS_MS 5000
#define PROGRESS_MS_MIN 100
#define PROGRESS_MS_MAX 60000
/* A watch from now on waits so long for a majority to say what "now" is. */
#define CONFIRM_MS 1000
/* What may wait for the client before the store's watch is closed. */
#define AHEAD_MAX ((size_t)1024 * 1024)
/* Of a line, before it is cut. */
#define LINE_BYTES_MAX ((size_t)4 * 1024 * 1024)

struct watching {
    struct http_request *r;
    struct pgraft_watch wish; /* the keys are in @keys */
    struct buf keys;
    uint64_t store_watch; /* 0: none is open */
    uint64_t next_revision;
    uint64_t store_revision; /* when it began */
    bool started;            /* the first line is out */
};

static void free_watching(void *state)
{
    struct watching *w = state;
    buf_close(&w->keys);
    mem_free(w);
}

static void close_store_watch(struct watching *w)
{
    if (w->store_watch != 0) {
        pgraft_unwatch(w->r->http->store, w->store_watch);
        w->store_watch = 0;
    }
}

static void ended(struct http_request *r)
{
    close_store_watch(r->state);
}

/* ---- lines ---- */

static void put_error(struct watching *w, int code, const char *message,
                      const struct pgraft_result *more)
{
    struct buf *out = http_stream_out(w->r);
    json_put_open(out, NULL, '{');
    http_put_error(out, "error", code, message, more);
    json_put_close(out, '}');
    buf_char(out, '\n');
    http_stream_end(w->r, true);
}

static void put_revision(struct watching *w, const char *name, uint64_t revision)
{
    struct buf *out = http_stream_out(w->r);
    json_put_open(out, NULL, '{');
    json_put_open(out, name, '{');
    json_put_number(out, "revision", revision);
    if (!w->started) {
        json_put_text(out, "name", w->r->http->settings.name);
        w->started = true;
    }
    json_put_close(out, '}');
    json_put_close(out, '}');
    buf_char(out, '\n');
}

static void put_change(struct buf *out, const struct pgraft_change *change)
{
    json_put_open(out, NULL, '{');
    json_put_text(out, "type", change->is_delete ? "delete" : "put");
    if (change->is_delete) {
        json_put_open(out, "pair", '{');
        json_put_bytes(out, "key", change->pair.key.bytes, change->pair.key.size);
        json_put_number(out, "mod_revision", change->revision);
        json_put_close(out, '}');
    } else {
        http_put_pair(out, "pair", &change->pair, false);
    }
    if (change->has_previous) {
        http_put_pair(out, "previous", &change->previous, false);
    } else {
        json_put_null(out, "previous");
    }
    json_put_close(out, '}');
}

/* At most what it may become in JSON: every byte of text as \u0000. */
static size_t cost(const struct pgraft_change *change)
{
    return 512 + 6 * (change->pair.key.size + change->pair.value.size + change->previous.key.size +
                      change->previous.value.size);
}

/* One line, from @first on; returns where the next one begins. */
static size_t put_line(struct buf *out, const struct pgraft_changes *c, size_t first)
{
    size_t end = first + 1;
    size_t size = cost(&c->changes[first]);
    while (end < c->count && size + cost(&c->changes[end]) <= LINE_BYTES_MAX) {
        size += cost(&c->changes[end]);
        end++;
    }
    uint64_t last = c->changes[end - 1].revision;
    json_put_open(out, NULL, '{');
    json_put_open(out, "events", '{');
    json_put_number(out, "revision", end == c->count ? c->revision : last);
    json_put_bool(out, "more", end < c->count && c->changes[end].revision == last);
    json_put_open(out, "events", '[');
    for (size_t i = first; i < end; i++) {
        put_change(out, &c->changes[i]);
    }
    json_put_close(out, ']');
    json_put_close(out, '}');
    json_put_close(out, '}');
    buf_char(out, '\n');
    return end;
}

/* ---- the store's watch ---- */

static void on_changes(void *ctx, const struct pgraft_changes *c)
{
    struct watching *w = ctx;
    struct http_request *r = w->r;
    if (c->status != 0) {
        struct pgraft_result more = {.oldest_revision = c->oldest_revision};
        w->store_watch = c->status == ERR_COMPACTED ? w->store_watch : 0;
        close_store_watch(w);
        bool is_out = c->status == ERR_CLOSED && !r->http->stopping;
        put_error(
            w, c->status,
            is_out ? "this node was removed from the cluster, or refused: its status says why" : "",
            &more);
        return;
    }
    if (c->revision + 1 < w->next_revision) {
        return; /* this node is behind what the client has seen: nothing until it gets there */
    }
    if (!w->started) {
        put_revision(w, "start", w->next_revision - 1);
    }
    for (size_t i = 0; i < c->count;) {
        i = put_line(http_stream_out(r), c, i);
    }
    if (c->count == 0) {
        put_revision(w, "progress", c->revision);
    }
    w->next_revision = c->revision + 1;
    if (http_stream_size(r) > AHEAD_MAX) {
        close_store_watch(w); /* until the client has taken it */
    }
    http_stream_go(r);
}

static int open_store_watch(struct watching *w, struct pgraft_error *error)
{
    w->wish.from_revision = w->next_revision;
    return pgraft_watch(w->r->http->store, &w->wish, &w->store_watch, error);
}

/* The client has taken everything. */
static void drained(struct http_request *r)
{
    struct watching *w = r->state;
    struct pgraft_error error = {0};
    if (r->http->stopping) {
        put_error(w, ERR_CLOSED, "the node is stopping", NULL);
    } else if (w->store_watch == 0 && open_store_watch(w, &error) != 0) {
        put_error(w, error.code, error.message, NULL);
    }
}

/* ---- the request ---- */

static void own_keys(struct watching *w, const struct pgraft_span *span)
{
    buf_append(&w->keys, span->key.bytes, span->key.size);
    buf_append(&w->keys, span->end.bytes, span->end.size);
    w->wish.span = *span;
    w->wish.span.key.bytes = w->keys.bytes;
    w->wish.span.end.bytes = w->keys.bytes != NULL ? w->keys.bytes + span->key.size : NULL;
}

static void begin(struct http_request *r)
{
    struct watching *w = r->state;
    struct pgraft_error error = {0};
    if (w->next_revision == 0) {
        w->next_revision = w->store_revision + 1;
    }
    if (open_store_watch(w, &error) != 0) {
        http_fail(r, error.code, "%s", error.message);
        return;
    }
    http_stream_begin(r, TYPE, drained);
    if (w->store_revision + 1 >= w->next_revision) {
        put_revision(w, "start", w->next_revision - 1);
    }
}

/* Without a majority it begins where this node stands. */
static void confirmed(struct http_request *r, const struct pgraft_result *result)
{
    struct watching *w = r->state;
    if (result->status == 0) {
        w->store_revision = result->revision;
    }
    begin(r);
}

/* Where this node stands. "From now on" means behind everything that was answered by now, wherever
 * it was, so that has to be confirmed. */
static void looked(struct http_request *r, const struct pgraft_result *result)
{
    struct watching *w = r->state;
    if (result->status != 0) {
        http_fail_result(r, result);
        return;
    }
    const struct pgraft_status *s = result->state;
    if (s->phase != PGRAFT_MEMBER) {
        http_fail(r, ERR_CLOSED, "this node is no member of a cluster: %s", s->text);
        return;
    }
    w->store_revision = s->revision;
    if (w->next_revision != 0) {
        begin(r);
        return;
    }
    struct pgraft_error error = {0};
    struct pgraft_call call = http_call(r, confirmed);
    call.timeout_ms = CONFIRM_MS;
    http_asked(r, pgraft_health(r->http->store, 0, &call, &r->asked, &error), &error);
}

static void look(struct http_request *r, const struct pgraft_watch *wish)
{
    struct pgraft_error error = {0};
    struct watching *w = mem_zalloc(sizeof(*w));
    w->r = r;
    w->wish = *wish;
    w->wish.changed = on_changes;
    w->wish.ctx = w;
    w->next_revision = wish->from_revision;
    own_keys(w, &wish->span);
    r->state = w;
    r->free_state = free_watching;
    r->ended = ended;
    struct pgraft_call call = http_call(r, looked);
    http_asked(r, pgraft_status(r->http->store, false, &call, &r->asked, &error), &error);
}

void http_watch(struct http_request *r)
{
    struct http_span_in span = {0};
    struct pgraft_watch wish = {.from_revision = 0};
    bool puts = true;
    bool deletes = true;
    bool is_empty = false;
    uint64_t progress_ms = PROGRESS_MS;
    struct err err = {0};
    struct json_in_field fields[HTTP_SPAN_FIELDS + 5];
    http_span_fields(&span, fields);
    struct json_in_field *more = fields + HTTP_SPAN_FIELDS;
    more[0] = (struct json_in_field){"from_revision", JSON_IN_NUMBER, &wish.from_revision, NULL};
    more[1] = (struct json_in_field){"puts", JSON_IN_BOOL, &puts, NULL};
    more[2] = (struct json_in_field){"deletes", JSON_IN_BOOL, &deletes, NULL};
    more[3] = (struct json_in_field){"previous", JSON_IN_BOOL, &wish.want_previous, NULL};
    more[4] = (struct json_in_field){"progress_ms", JSON_IN_NUMBER, &progress_ms, NULL};
    if (!http_take(r, fields, ARRAY_LEN(fields))) {
        return;
    }
    if (progress_ms < PROGRESS_MS_MIN || progress_ms > PROGRESS_MS_MAX) {
        http_fail(r, ERR_INVALID, "progress_ms: must be %d to %d", PROGRESS_MS_MIN,
                  PROGRESS_MS_MAX);
        return;
    }
    if (http_span_make(&span, "", &r->arena, &wish.span, &is_empty, &err) != 0) {
        http_fail(r, err.code, "%s", err.msg);
        return;
    }
    if (!http_stream_has_room(r)) {
        http_fail(r, ERR_BUSY, "too many watches are open at this node");
        return;
    }
    wish.no_puts = !puts;
    wish.no_deletes = !deletes;
    wish.progress_ms = (uint32_t)progress_ms;
    look(r, &wish);
}
