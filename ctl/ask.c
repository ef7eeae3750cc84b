/* ctl/ask.c - one question, one answer: from whichever node gives it, within the time there is. */
#include "ctl/ask.h"

#include <inttypes.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/must.h"
#include "config/merge.h"
#include "ctl/random_text.h"

#define PAUSE_MS 100      /* between two rounds */
#define MARGIN_MS_MAX 500 /* what a node's answer may take on its way */
#define CLIENT_BYTES 8

struct ask {
    struct http **nodes;
    size_t node_count;
    size_t current;
    size_t untried; /* of this round, the one that is asked included */
    uint64_t timeout_ms;
    uint64_t deadline_ms;
    char *scope;
    json_t *error;
    struct buf client; /* our id, once we write */
    uint64_t since;
    uint64_t sequence;
};

/* One question. */
struct question {
    const char *method;
    const char *path;
    json_t *body; /* of a POST or a PUT */
    enum ask_kind kind;
    const char *if_match;
    char *ret_tag; /* HTTP_TAG_SIZE bytes; NULL: of no interest */
};

struct ask *ask_open(const struct ask_options *options)
{
    MUST(options->endpoint_count > 0);
    MUST(options->timeout_ms > 0);
    struct ask *ask = mem_zalloc(sizeof(*ask));
    ask->nodes = mem_array(options->endpoint_count, sizeof(struct http *));
    for (size_t i = 0; i < options->endpoint_count; i++) {
        const struct endpoint *e = &options->endpoints[i];
        const struct http_place place = {.socket = e->socket, .url = e->url};
        ask->nodes[ask->node_count++] = http_open(&place, &options->access);
    }
    ask->untried = ask->node_count;
    ask->timeout_ms = options->timeout_ms;
    ask->scope = options->scope != NULL ? mem_strdup(options->scope) : NULL;
    ask_restart_clock(ask);
    return ask;
}

void ask_close(struct ask *ask)
{
    if (ask == NULL) {
        return;
    }
    for (size_t i = 0; i < ask->node_count; i++) {
        http_close(ask->nodes[i]);
    }
    mem_free(ask->nodes);
    mem_free(ask->scope);
    json_decref(ask->error);
    buf_close(&ask->client);
    mem_free(ask);
}

void ask_closep(struct ask **ask)
{
    ask_close(*ask);
    *ask = NULL;
}

const char *ask_scope(const struct ask *ask)
{
    return ask->scope;
}

void ask_restart_clock(struct ask *ask)
{
    ask->deadline_ms = clock_mono_ms(clock_system()) + ask->timeout_ms;
}

uint64_t ask_left_ms(const struct ask *ask)
{
    uint64_t now = clock_mono_ms(clock_system());
    return ask->deadline_ms > now ? ask->deadline_ms - now : 0;
}

const char *ask_node(const struct ask *ask)
{
    return http_name(ask->nodes[ask->current]);
}

json_t *ask_error(const struct ask *ask)
{
    return ask->error;
}

/* --- One attempt --- */

/* Of the time that is left: who swallows everything must leave some for the others. */
static uint64_t share_ms(const struct ask *ask)
{
    uint64_t share = ask_left_ms(ask) / ask->untried;
    return share > 0 ? share : 1;
}

/* What the node is told, so that its answer comes before we give up. */
static uint64_t nodes_ms(uint64_t left)
{
    uint64_t margin = left / 10 < MARGIN_MS_MAX ? left / 10 : MARGIN_MS_MAX;
    return left > margin ? left - margin : 1;
}

static bool is_put(const struct question *q)
{
    return strcmp(q->method, "PUT") == 0;
}

/* A body that is a document has no room for anything else. */
static char *path_of(const struct question *q, uint64_t left)
{
    return is_put(q) ? mem_printf("%s?timeout_ms=%" PRIu64, q->path, nodes_ms(left))
                     : mem_strdup(q->path);
}

static char *text_of(const struct question *q, uint64_t left)
{
    if (q->body == NULL) {
        return NULL;
    }
    if (is_put(q)) {
        return config_document_text(q->body);
    }
    int rc = json_object_set_new(q->body, "timeout_ms", json_integer((json_int_t)nodes_ms(left)));
    MUST(rc == 0);
    char *text = json_dumps(q->body, JSON_COMPACT);
    MUST(text != NULL);
    return text;
}

static int ask_once(struct ask *ask, const struct question *q, json_t **ret_answer, struct err *err)
{
    /* What changes something is asked of the next one only when this one can not do it any more. */
    uint64_t left = q->kind == ASK_READ ? share_ms(ask) : ask_left_ms(ask);
    CLEANUP(mem_freep) char *body = text_of(q, left);
    CLEANUP(mem_freep) char *path = path_of(q, left);
    const struct http_request request = {
        .method = q->method,
        .path = path,
        .body = body,
        .if_match = q->if_match,
        .timeout_ms = left > 0 ? left : 1,
        .connect_ms = share_ms(ask),
        .told_ms = ask->timeout_ms,
        .changes = q->kind != ASK_READ,
    };
    json_decref(ask->error);
    ask->error = NULL;
    struct http_answer answer = {0};
    int rc = http_ask(ask->nodes[ask->current], &request, &answer, err);
    if (rc == 0) {
        rc = ask_read_answer(&answer, ask_node(ask), ret_answer, &ask->error, err);
        buf_close(&answer.body);
    }
    if (rc == 0 && q->ret_tag != NULL) {
        memcpy(q->ret_tag, answer.tag, HTTP_TAG_SIZE);
    }
    return rc;
}

/* --- Until it is answered --- */

/* Another node may do better. */
static bool is_worth_another(int code)
{
    return code == ERR_CLOSED || code == ERR_NO_QUORUM || code == ERR_NOT_LEADER ||
           code == ERR_LOST_LEADER || code == ERR_BUSY || code == ERR_TIMEOUT;
}

/* So may the same node, in a moment. */
static bool will_pass(int code)
{
    return code == ERR_NOT_LEADER || code == ERR_LOST_LEADER || code == ERR_BUSY;
}

static int ask_until(struct ask *ask, const struct question *q, json_t **ret_answer,
                     struct err *err)
{
    struct err unknown = {0}; /* an attempt that may have been carried out */
    struct err last = {0};
    ask->untried = ask->node_count;
    int rc = ask_once(ask, q, ret_answer, &last);
    for (size_t tried = 1; rc < 0 && is_worth_another(rc); tried++) {
        if (err_may_be_applied(rc) && q->kind != ASK_READ && unknown.code == 0) {
            unknown = last;
        }
        if (tried % ask->node_count == 0) {
            if (!will_pass(rc) || ask_left_ms(ask) <= PAUSE_MS) {
                break;
            }
            (void)poll(NULL, 0, PAUSE_MS);
        }
        if (ask_left_ms(ask) == 0) {
            break;
        }
        ask->current = (ask->current + 1) % ask->node_count;
        ask->untried = ask->node_count - tried % ask->node_count;
        rc = ask_once(ask, q, ret_answer, &last);
    }
    if (rc < 0 && unknown.code != 0 && err_may_retry(rc)) {
        last = unknown; /* what came later says nothing about it */
    }
    return rc == 0 ? 0 : err_set(err, last.code, "%s", last.msg);
}

int ask_get(struct ask *ask, const char *path, json_t **ret_answer, struct err *err)
{
    const struct question q = {.method = "GET", .path = path, .kind = ASK_READ};
    return ask_until(ask, &q, ret_answer, err);
}

int ask_get_best(struct ask *ask, const char *path, bool (*is_good)(json_t *answer),
                 json_t **ret_answer, struct err *err)
{
    json_auto_t *second = NULL;
    size_t second_at = 0;
    for (size_t asked = 0; asked < ask->node_count; asked++) {
        json_auto_t *answer = NULL;
        int rc = ask_get(ask, path, &answer, second == NULL ? err : NULL);
        if (rc < 0 && second == NULL) {
            return rc;
        }
        if (rc == 0 && is_good(answer)) {
            *ret_answer = json_incref(answer);
            return 0;
        }
        if (rc == 0 && second == NULL) {
            second = json_incref(answer);
            second_at = ask->current;
        }
        ask->current = (ask->current + 1) % ask->node_count;
    }
    ask->current = second_at;
    *ret_answer = json_incref(second);
    return 0;
}

/* Who we are, from the first write on. */
static int introduce(struct ask *ask, struct err *err)
{
    if (ask->client.size > 0) {
        return 0;
    }
    json_auto_t *answer = NULL;
    int rc = ask_get(ask, "/pgraft/v1/since", &answer, err);
    if (rc == 0) {
        ask->since = (uint64_t)json_integer_value(json_object_get(answer, "since"));
        rc = random_text(&ask->client, CLIENT_BYTES, err);
    }
    return rc;
}

int ask_post(struct ask *ask, enum ask_kind kind, const char *path, json_t *body,
             json_t **ret_answer, struct err *err)
{
    if (kind == ASK_WRITE) {
        int rc = introduce(ask, err);
        if (rc < 0) {
            return rc;
        }
        ask->sequence++;
        json_t *request = json_pack("{s:s, s:I, s:I}", "client", buf_text(&ask->client), "sequence",
                                    (json_int_t)ask->sequence, "since", (json_int_t)ask->since);
        rc = json_object_set_new(body, "request", request);
        MUST(rc == 0);
    }
    const struct question q = {.method = "POST", .path = path, .body = body, .kind = kind};
    return ask_until(ask, &q, ret_answer, err);
}

int ask_get_version(struct ask *ask, const char *path, struct ask_version *ret_version,
                    struct err *err)
{
    struct ask_version got = {.value = NULL};
    const struct question q = {.method = "GET", .path = path, .kind = ASK_READ, .ret_tag = got.tag};
    int rc = ask_until(ask, &q, &got.value, err);
    if (rc == 0) {
        *ret_version = got;
    }
    return rc;
}

void ask_version_close(struct ask_version *version)
{
    json_decref(version->value);
    version->value = NULL;
}

int ask_put(struct ask *ask, const char *path, json_t *body, const char *tag, json_t **ret_answer,
            struct err *err)
{
    const struct question q = {
        .method = "PUT", .path = path, .body = body, .kind = ASK_REPEAT, .if_match = tag};
    return ask_until(ask, &q, ret_answer, err);
}

static int words_once(struct ask *ask, const struct http_request *request, struct ask_said *said,
                      struct err *err)
{
    struct http_answer answer = {0};
    json_decref(ask->error);
    ask->error = NULL;
    int rc = http_ask(ask->nodes[ask->current], request, &answer, err);
    if (rc == 0 && buf_text(&answer.body)[0] == '{') {
        json_auto_t *nothing = NULL;
        rc = ask_read_answer(&answer, ask_node(ask), &nothing, &ask->error, err);
        rc = rc == 0 ? err_set(err, ERR_PROTOCOL, "%s answers with an object", ask_node(ask)) : rc;
        if (rc == ERR_PROTOCOL && answer.status >= 500) {
            /* Something in between: the node may have heard of it. */
            rc = err_set(err, ERR_TIMEOUT,
                         "%s answers %d, and not as a node of pgraft does: it may have been done",
                         ask_node(ask), answer.status);
        }
    } else if (rc == 0) {
        said->status = answer.status;
        buf_append(&said->text, answer.body.bytes, answer.body.size);
    }
    buf_close(&answer.body);
    return rc;
}

int ask_words(struct ask *ask, const char *path, json_t *body, uint64_t timeout_ms,
              struct ask_said *said, struct err *err)
{
    CLEANUP(mem_freep) char *text = body != NULL ? json_dumps(body, JSON_COMPACT) : NULL;
    int rc = ERR_CLOSED;
    for (size_t tried = 0; tried < ask->node_count; tried++) {
        ask->untried = ask->node_count - tried;
        const struct http_request request = {.method = body != NULL ? "POST" : "DELETE",
                                             .path = path,
                                             .body = text,
                                             .timeout_ms = timeout_ms,
                                             .connect_ms = share_ms(ask),
                                             .told_ms = timeout_ms,
                                             .changes = true};
        rc = words_once(ask, &request, said, err);
        if (rc == 0 || !is_worth_another(rc) || err_may_be_applied(rc)) {
            break;
        }
        ask->current = (ask->current + 1) % ask->node_count;
    }
    return rc;
}

/* Has the caller seen anything of it? Then another node must not begin anew. */
struct flow {
    const struct http_sink *sink;
    bool began;
};

static int flow_piece(void *context, const char *bytes, size_t size)
{
    struct flow *flow = context;
    flow->began = true;
    return flow->sink->piece_cb(flow->sink->context, bytes, size);
}

static int stream_once(struct ask *ask, const struct http_request *request, struct flow *flow,
                       struct err *err)
{
    const struct http_sink sink = {
        .piece_cb = flow_piece, .context = flow, .silence_ms = flow->sink->silence_ms};
    struct http_answer answer = {0};
    json_decref(ask->error);
    ask->error = NULL;
    int rc = http_stream(ask->nodes[ask->current], request, &sink, &answer, err);
    if (rc == 0 && answer.status != 200) {
        json_auto_t *nothing = NULL;
        rc = ask_read_answer(&answer, ask_node(ask), &nothing, &ask->error, err);
    }
    buf_close(&answer.body);
    return rc;
}

int ask_stream(struct ask *ask, const struct ask_stream *stream, struct err *err)
{
    CLEANUP(mem_freep)
    char *text = stream->body != NULL ? json_dumps(stream->body, JSON_COMPACT) : NULL;
    struct flow flow = {.sink = &stream->sink};
    int rc = ERR_CLOSED;
    for (size_t tried = 0; tried < ask->node_count && !flow.began; tried++) {
        ask->untried = ask->node_count - tried;
        uint64_t share = share_ms(ask);
        const struct http_request request = {.method = stream->method,
                                             .path = stream->path,
                                             .body = text,
                                             .timeout_ms = share,
                                             .connect_ms = share,
                                             .told_ms = ask->timeout_ms};
        rc = stream_once(ask, &request, &flow, err);
        if (rc == 0 || !is_worth_another(rc)) {
            break;
        }
        ask->current = (ask->current + 1) % ask->node_count;
    }
    return rc;
}
