/* daemon/http_config.c - GET, PATCH and PUT of /config: the key `config`, that all nodes go by.
 *
 *   GET:         read --> told                        without a majority: this node's copy
 *   PATCH, PUT:  read --> judged --> written --> told
 *
 * What is written is what the rules made of what was read (http_config_rules.h), and only if that
 * is still there; a PUT without If-Match asks for nothing. */
#include <inttypes.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "daemon/http_config_rules.h"
#include "daemon/http_internal.h"
#include "supervisor/keys.h"
#include "supervisor/level.h"

/* So long a reader waits for a majority to confirm that what is told is the newest. */
#define CONFIRM_MS 1000

/* One change, from the question to the answer. */
struct change {
    struct keys keys;
    json_t *body;
    char *if_match;
    bool replaces;
    struct buf text; /* what is being written */
};

static void free_change(void *state)
{
    struct change *c = state;
    json_decref(c->body);
    mem_free(c->if_match);
    buf_close(&c->text);
    mem_free(c);
}

/* What the store has read; @copy holds the text. */
static struct config_stored stored_of(const struct pgraft_result *result, struct buf *copy)
{
    if (result->ops[0].pair_count == 0) {
        return (struct config_stored){.text = NULL};
    }
    const struct pgraft_pair *pair = &result->ops[0].pairs[0];
    buf_append(copy, pair->value.bytes, pair->value.size);
    return (struct config_stored){.text = buf_text(copy), .revision = pair->mod_revision};
}

static void tell(struct http_request *r, const char *text, uint64_t revision)
{
    buf_str(&r->out, text);
    r->etag = revision;
    http_answer(r, 200);
}

static void ask(struct http_request *r, struct pgraft_call call)
{
    struct keys keys;
    struct pgraft_error error = {0};
    http_keys(r, &keys);
    int code = pgraft_get(r->http->store, keys_slice(&keys, KEY_CONFIG), &call, &r->asked, &error);
    http_asked(r, code, &error);
}

/* ---- reading ---- */

static void told(struct http_request *r, const struct pgraft_result *result)
{
    CLEANUP(buf_close) struct buf copy = {0};
    CLEANUP(buf_close) struct buf why = {0};
    if (result->status != 0) {
        http_fail_result(r, result);
        return;
    }
    struct config_stored stored = stored_of(result, &copy);
    json_auto_t *read = config_stored_read(&stored, &why);
    if (read == NULL) {
        http_fail_status(r, 502, ERR_NOT_FOUND, buf_text(&why));
        return;
    }
    tell(r, stored.text, stored.revision);
}

static void got(struct http_request *r, const struct pgraft_result *result)
{
    if (result->status == ERR_NO_QUORUM || result->status == ERR_TIMEOUT) {
        struct pgraft_call call = http_call(r, told);
        call.local = true; /* it may be old, and is what this node goes by */
        ask(r, call);
        return;
    }
    told(r, result);
}

void http_config_get(struct http_request *r)
{
    struct pgraft_call call = http_call(r, got);
    call.timeout_ms = call.timeout_ms < CONFIRM_MS ? call.timeout_ms : CONFIRM_MS;
    ask(r, call);
}

/* ---- changing ---- */

static void written(struct http_request *r, const struct pgraft_result *result)
{
    const struct change *c = r->state;
    if (result->status != 0) {
        http_fail_result(r, result);
    } else if (!result->succeeded) {
        http_fail(r, ERR_CONFLICT,
                  "somebody else has changed the configuration meanwhile: read it again");
    } else {
        tell(r, buf_text(&c->text), result->revision);
    }
}

/* @revision: only if this is still its last change; 0: whatever is there. */
static void write_key(struct http_request *r, const struct change *c, uint64_t revision)
{
    struct pgraft_slice key = keys_slice(&c->keys, KEY_CONFIG);
    struct pgraft_compare unchanged = {
        .key = key, .target = PGRAFT_MOD_REVISION, .relation = PGRAFT_EQUAL, .number = revision};
    struct pgraft_op put = {.kind = PGRAFT_OP_PUT,
                            .span = {.kind = PGRAFT_KEY, .key = key},
                            .value = {buf_text(&c->text), c->text.size}};
    struct pgraft_txn txn = {.compares = &unchanged,
                             .compare_count = revision != 0 ? 1 : 0,
                             .then_ops = &put,
                             .then_count = 1};
    struct pgraft_error error = {0};
    struct pgraft_call call = http_call(r, written);
    http_asked(r, pgraft_txn(r->http->store, &txn, &call, &r->asked, &error), &error);
}

static void judge(struct http_request *r, const struct pgraft_result *result)
{
    CLEANUP(buf_close) struct buf copy = {0};
    CLEANUP(config_verdict_close) struct config_verdict verdict = {0};
    struct change *c = r->state;
    if (result->status != 0) {
        http_fail_result(r, result);
        return;
    }
    struct config_stored stored = stored_of(result, &copy);
    const struct cluster_view *view = http_patroni_view(r);
    const struct config_wish wish = {.body = c->body,
                                     .replaces = c->replaces,
                                     .if_match = c->if_match,
                                     .level = view != NULL ? view->level : LEVEL_STANDBY};
    config_judge(&wish, &stored, &verdict);
    if (verdict.status != 200) {
        http_fail_status(r, verdict.status, verdict.code, buf_text(&verdict.text));
    } else if (verdict.is_same) {
        tell(r, stored.text, stored.revision);
    } else {
        buf_str(&c->text, buf_text(&verdict.text));
        write_key(r, c, verdict.needs_unchanged ? stored.revision : 0);
    }
}

static void begin(struct http_request *r, bool replaces)
{
    const char *if_match = MHD_lookup_connection_value(r->mhd, MHD_HEADER_KIND, "If-Match");
    if (!http_take_parameters(r)) {
        return;
    }
    struct change *c = mem_zalloc(sizeof(*c));
    http_keys(r, &c->keys);
    c->body = json_incref(r->json);
    c->if_match = if_match != NULL ? mem_strdup(if_match) : NULL;
    c->replaces = replaces;
    r->state = c;
    r->free_state = free_change;
    ask(r, http_call(r, judge));
}

void http_config_patch(struct http_request *r)
{
    begin(r, false);
}

void http_config_put(struct http_request *r)
{
    begin(r, true);
}
