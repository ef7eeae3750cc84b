/* daemon/http_snapshot.c - the whole state as one stream, checked by sums (docs/http.md).
 *
 * A slice is asked of the store when the client has taken the one before, so that one slice is held
 * at a time however large the state is. */
#include <endian.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/crc32c.h"
#include "base/mem.h"
#include "daemon/http_internal.h"

#define TYPE "application/octet-stream"
#define SLICE_MS 10000
#define CONFIRM_MS 1000

struct taking {
    uint64_t dump; /* 0: none is open */
    uint64_t rows;
    uint64_t bytes;
    uint32_t crc;
    char cluster_id[33];
};

static void ask(struct http_request *r);

static void ended(struct http_request *r)
{
    struct taking *t = r->state;
    if (t->dump != 0) {
        pgraft_dump_end(r->http->store, t->dump);
        t->dump = 0;
    }
}

/* ---- the file ---- */

/* What was appended since @before counts. */
static void count(struct taking *t, const struct buf *out, size_t before)
{
    t->crc = crc32c_extend(t->crc, out->bytes + before, out->size - before);
    t->bytes += out->size - before;
}

static void put_u32(struct buf *out, uint32_t number)
{
    uint32_t little = htole32(number);
    buf_append(out, &little, sizeof(little));
}

static void put_head(struct http_request *r, struct buf *out, const struct pgraft_dump *dump)
{
    char stamp[CLOCK_STAMP_SIZE];
    const struct taking *t = r->state;
    const struct http_settings *s = &r->http->settings;
    buf_str(out, "pgraft-snapshot/1\n");
    json_put_open(out, NULL, '{');
    json_put_text(out, "cluster_id", t->cluster_id);
    json_put_text(out, "scope", s->scope);
    json_put_text(out, "namespace", s->space);
    json_put_text(out, "node", s->name);
    json_put_number(out, "term", dump->term);
    json_put_number(out, "index", dump->index);
    /* The row that says them has the shortest key: it is in the first slice, or nothing was ever
     * written and there is none. */
    json_put_number(out, "revision", dump->revision);
    json_put_number(out, "epoch", dump->epoch);
    json_put_text(out, "state_hash", dump->has_facts ? dump->state_hash : NULL);
    json_put_text(out, "created", clock_stamp(clock_ns(clock_system(), CLOCK_WALL), stamp));
    json_put_text(out, "version", pgraft_version());
    json_put_close(out, '}');
    buf_char(out, '\n');
}

static void put_row(struct buf *out, const struct pgraft_row *row)
{
    size_t before = out->size;
    put_u32(out, (uint32_t)row->key.size);
    put_u32(out, (uint32_t)row->value.size);
    buf_append(out, row->key.bytes, row->key.size);
    buf_append(out, row->value.bytes, row->value.size);
    put_u32(out, crc32c_extend(0, out->bytes + before, out->size - before));
}

static void put_end(const struct taking *t, struct buf *out_rows)
{
    char crc[9];
    CLEANUP(buf_close) struct buf line = {0}; /* what stands before it is no JSON */
    struct buf *out = &line;
    (void)snprintf(crc, sizeof(crc), "%08x", t->crc);
    json_put_open(out, NULL, '{');
    json_put_number(out, "rows", t->rows);
    json_put_number(out, "bytes", t->bytes);
    json_put_text(out, "crc32c", crc);
    json_put_close(out, '}');
    buf_char(out, '\n');
    buf_append(out_rows, line.bytes, line.size);
}

/* ---- slices ---- */

/* The client has taken everything: on to the next slice, unless one is on its way. */
static void drained(struct http_request *r)
{
    if (r->pending > 0) {
        return;
    }
    if (r->http->stopping) {
        http_stream_end(r, false);
        return;
    }
    ask(r);
}

static void put_slice(struct http_request *r, const struct pgraft_dump *dump)
{
    struct taking *t = r->state;
    struct buf *out = http_stream_out(r);
    size_t before = out->size;
    if (t->bytes == 0) {
        put_head(r, out, dump);
    }
    for (size_t i = 0; i < dump->row_count; i++) {
        put_row(out, &dump->rows[i]);
    }
    t->rows += dump->row_count;
    t->dump = dump->is_last ? 0 : dump->id;
    if (dump->is_last) {
        put_u32(out, UINT32_MAX);
    }
    count(t, out, before);
    if (dump->is_last) {
        put_end(t, out);
        http_stream_end(r, true);
    }
    http_stream_go(r);
}

static void sliced(struct http_request *r, const struct pgraft_result *result)
{
    struct taking *t = r->state;
    bool has_begun = r->stream != NULL;
    if (result->status != 0) {
        t->dump = 0;
        if (has_begun) {
            http_stream_end(r, false); /* without its end the file is none, and says so */
        } else {
            http_fail_result(r, result);
        }
        return;
    }
    if (!has_begun) {
        http_stream_begin(r, TYPE, drained);
    }
    put_slice(r, result->dump);
}

static void ask(struct http_request *r)
{
    struct taking *t = r->state;
    struct pgraft_error error = {0};
    struct pgraft_call call = http_call(r, sliced);
    call.timeout_ms = SLICE_MS;
    int code = pgraft_dump_next(r->http->store, t->dump, &call, &r->asked, &error);
    if (code == 0) {
        r->pending++;
    } else if (r->stream != NULL) {
        http_stream_end(r, false);
    } else {
        http_fail(r, code, "%s", error.message);
    }
}

/* What was answered anywhere by now is in it, if a majority can say so. */
static void confirmed(struct http_request *r, const struct pgraft_result *result)
{
    (void)result;
    ask(r);
}

static void looked(struct http_request *r, const struct pgraft_result *result)
{
    struct taking *t = r->state;
    if (result->status != 0) {
        http_fail_result(r, result);
        return;
    }
    const struct pgraft_status *s = result->state;
    if (s->phase != PGRAFT_MEMBER) {
        http_fail(r, ERR_CLOSED, "this node is no member of a cluster: %s", s->text);
        return;
    }
    (void)snprintf(t->cluster_id, sizeof(t->cluster_id), "%s", s->cluster_id);
    if (r->is_head) {
        http_answer_text(r, 200, TYPE);
        return;
    }
    struct pgraft_error error = {0};
    struct pgraft_call call = http_call(r, confirmed);
    call.timeout_ms = CONFIRM_MS;
    http_asked(r, pgraft_health(r->http->store, 0, &call, &r->asked, &error), &error);
}

void http_snapshot(struct http_request *r)
{
    struct pgraft_error error = {0};
    if (!http_take_parameters(r)) {
        return;
    }
    r->state = mem_zalloc(sizeof(struct taking));
    r->free_state = mem_free;
    r->ended = ended;
    struct pgraft_call call = http_call(r, looked);
    http_asked(r, pgraft_status(r->http->store, false, &call, &r->asked, &error), &error);
}
