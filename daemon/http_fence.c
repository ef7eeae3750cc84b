/* daemon/http_fence.c - POST /pgraft/v1/fence and /pgraft/v1/unfence.
 *
 *   judged by the newest view (fence_judge.h) --> who leads, as a majority has it? not this node
 * --> the key, if that is still so --> told
 *
 * The lease of the primary's role and a fence exclude each other: the key is put only while the
 * lease is somebody else's or nobody's, and a grant is committed only while who is chosen has no
 * such key (supervisor/advisor.h). So a fence that was answered holds from then on, also where this
 * node's own view is old. */
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/must.h"
#include "daemon/fence_judge.h"
#include "daemon/http_internal.h"
#include "proto/member.h"
#include "supervisor/fence.h"
#include "supervisor/keys.h"

struct fencing {
    struct keys keys;
    struct fence fence;
    char key[KEYS_FENCE_SIZE];
    struct buf value;
};

static void free_fencing(void *state)
{
    struct fencing *f = state;
    buf_close(&f->value);
    mem_free(f);
}

static struct fencing *begin(struct http_request *r, const char *member)
{
    struct fencing *f = mem_zalloc(sizeof(*f));
    (void)snprintf(f->fence.name.text, sizeof(f->fence.name.text), "%s", member);
    http_keys(r, &f->keys);
    (void)keys_fence(&f->keys, &f->fence.name, f->key);
    r->state = f;
    r->free_state = free_fencing;
    return f;
}

static struct pgraft_slice key_of(const struct fencing *f)
{
    return (struct pgraft_slice){f->key, strlen(f->key)};
}

/* @was: it was so before, and nothing has changed. */
static void say(struct http_request *r, bool is_fenced, bool was)
{
    const struct fencing *f = r->state;
    json_put_open(&r->out, NULL, '{');
    json_put_text(&r->out, "member", f->fence.name.text);
    json_put_bool(&r->out, "fenced", is_fenced);
    json_put_bool(&r->out, "was", was);
    json_put_close(&r->out, '}');
    http_answer(r, 200);
}

/* ---- fence ---- */

static void put(struct http_request *r, const struct pgraft_result *result)
{
    if (result->status != 0) {
        http_fail_result(r, result);
    } else if (!result->succeeded) {
        http_fail(r, ERR_CONFLICT,
                  "another primary was chosen, or somebody else has fenced it, in "
                  "this very moment: ask again");
    } else {
        say(r, true, false);
    }
}

static bool is_value(const struct pgraft_pair *pair, const char *text)
{
    size_t size = strlen(text);
    return pair != NULL && pair->value.size == size && memcmp(pair->value.bytes, text, size) == 0;
}

static void found(struct http_request *r, const struct pgraft_result *result)
{
    struct fencing *f = r->state;
    const struct pgraft_pair *leader = http_got(result, 0);
    if (result->status != 0) {
        http_fail_result(r, result);
        return;
    }
    if (is_value(leader, f->fence.name.text)) {
        http_fail(r, ERR_REFUSED,
                  "%s is the primary: its role has to go elsewhere first, which pgraftctl fence "
                  "does",
                  f->fence.name.text);
        return;
    }
    if (http_got(result, 1) != NULL) {
        say(r, true, true);
        return;
    }
    fence_encode(&f->fence, &f->value);
    const struct pgraft_compare same[] = {
        {.key = keys_slice(&f->keys, KEY_LEADER),
         .target = PGRAFT_MOD_REVISION,
         .relation = PGRAFT_EQUAL,
         .number = leader != NULL ? leader->mod_revision : 0},
        {.key = key_of(f), .target = PGRAFT_EXISTS, .relation = PGRAFT_EQUAL},
    };
    const struct pgraft_op op = {.kind = PGRAFT_OP_PUT,
                                 .span = {.kind = PGRAFT_KEY, .key = key_of(f)},
                                 .value = {buf_text(&f->value), f->value.size}};
    const struct pgraft_txn txn = {.compares = same,
                                   .compare_count = ARRAY_LEN(same),
                                   .then_ops = &op,
                                   .then_count = 1,
                                   .is_essential = true};
    struct pgraft_error error = {0};
    struct pgraft_call call = http_call(r, put);
    http_asked(r, pgraft_txn(r->http->store, &txn, &call, &r->asked, &error), &error);
}

static void look(struct http_request *r)
{
    struct fencing *f = r->state;
    const struct pgraft_op ops[] = {
        {.kind = PGRAFT_OP_GET,
         .span = {.kind = PGRAFT_KEY, .key = keys_slice(&f->keys, KEY_LEADER)}},
        {.kind = PGRAFT_OP_GET, .span = {.kind = PGRAFT_KEY, .key = key_of(f)}},
    };
    const struct pgraft_txn txn = {.then_ops = ops, .then_count = ARRAY_LEN(ops)};
    struct pgraft_error error = {0};
    struct pgraft_call call = http_call(r, found);
    http_asked(r, pgraft_txn(r->http->store, &txn, &call, &r->asked, &error), &error);
}

/* One line for people; false: it was refused. */
static bool take_line(struct http_request *r, const char *name, const char *text, char *out,
                      size_t size)
{
    bool is_line = strlen(text) < size;
    for (const char *at = text; *at != '\0'; at++) {
        is_line = is_line && (unsigned char)*at >= ' ' && *at != '\x7f';
    }
    if (!is_line) {
        http_fail(r, ERR_INVALID, "%s: a line of less than %zu bytes is expected", name, size);
        return false;
    }
    (void)snprintf(out, size, "%s", text);
    return true;
}

static bool take_member(struct http_request *r, const char *member)
{
    struct err err = {0};
    if (member == NULL) {
        http_fail(r, ERR_INVALID, "member is needed");
    } else if (member_name_check(member, &err) != 0) {
        http_fail(r, err.code, "member: %s", err.msg);
    } else {
        return true;
    }
    return false;
}

void http_fence(struct http_request *r)
{
    const char *why = "";
    const char *by = "";
    bool is_check = false;
    struct fence_request request = {.member = NULL};
    const struct json_in_field fields[] = {
        {"member", JSON_IN_TEXT, &request.member, NULL},
        {"why", JSON_IN_TEXT, &why, NULL},
        {"by", JSON_IN_TEXT, &by, NULL},
        {"check", JSON_IN_BOOL, &is_check, NULL},
        {"accept_no_candidate", JSON_IN_BOOL, &request.may_lack_candidate, NULL},
        {"accept_write_stop", JSON_IN_BOOL, &request.may_stop_writes, NULL},
    };
    struct err err = {0};
    const struct cluster_view *view = http_patroni_view(r);
    if (!http_take(r, fields, ARRAY_LEN(fields)) || !take_member(r, request.member)) {
        return;
    }
    if (view == NULL) {
        http_fail(r, ERR_REFUSED, "this node supervises no PostgreSQL");
        return;
    }
    struct fencing *f = begin(r, request.member);
    if (!take_line(r, "why", why, f->fence.why, sizeof(f->fence.why)) ||
        !take_line(r, "by", by, f->fence.by, sizeof(f->fence.by))) {
        return;
    }
    const struct view_member *m = view_member_named(view, request.member);
    bool was = m != NULL && m->is_fenced;
    int code = was ? 0 : fence_judge(&request, view, &err);
    if (code != 0) {
        http_fail(r, code, "%s", err.msg);
    } else if (is_check) {
        say(r, was, was);
    } else {
        (void)clock_stamp(clock_wall_ms(clock_system()) * NS_PER_MS, f->fence.at);
        look(r);
    }
}

/* ---- unfence ---- */

static void removed(struct http_request *r, const struct pgraft_result *result)
{
    if (result->status != 0) {
        http_fail_result(r, result);
        return;
    }
    say(r, false, result->op_count == 0 || result->ops[0].count == 0);
}

/* Also of who is no member any more, or not again yet: a fence is by name. */
void http_unfence(struct http_request *r)
{
    const char *member = NULL;
    const struct json_in_field fields[] = {{"member", JSON_IN_TEXT, &member, NULL}};
    struct pgraft_error error = {0};
    if (!http_take(r, fields, ARRAY_LEN(fields)) || !take_member(r, member)) {
        return;
    }
    struct pgraft_span span = {.kind = PGRAFT_KEY, .key = key_of(begin(r, member))};
    struct pgraft_call call = http_call(r, removed);
    http_asked(r, pgraft_delete(r->http->store, &span, &call, &r->asked, &error), &error);
}
