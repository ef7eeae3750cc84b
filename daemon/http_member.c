/* daemon/http_member.c - changing the members and the leader, and forming by an operator's word.
 *
 * Who is meant is looked up first, the change is asked for, and what has come of it is told. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/must.h"
#include "daemon/http_raft.h"

#define NAME_MAX_SIZE 128
#define ADDRESS_MAX_SIZE 512

struct change {
    enum pgraft_change_kind kind;
    bool is_transfer;
    char name[NAME_MAX_SIZE];
    uint64_t id;
    char address[ADDRESS_MAX_SIZE]; /* PGRAFT_MEMBER_ADD, and: */
    enum pgraft_kind role;          /* 0: any */
};

static bool take_member(struct http_request *r, bool is_needed, struct change **ret)
{
    const char *word = NULL;
    const struct json_in_field fields[] = {{"member", JSON_IN_TEXT, &word, NULL}};
    if (!http_take(r, fields, ARRAY_LEN(fields))) {
        return false;
    }
    if ((word == NULL && is_needed) || (word != NULL && strlen(word) >= NAME_MAX_SIZE)) {
        http_fail(r, ERR_INVALID, "member is needed: a name or an id");
        return false;
    }
    struct change *change = mem_zalloc(sizeof(*change));
    (void)snprintf(change->name, sizeof(change->name), "%s", word != NULL ? word : "");
    r->state = change;
    r->free_state = mem_free;
    *ret = change;
    return true;
}

/* ---- what has come of it ---- */

static void told(struct http_request *r, const struct pgraft_result *result)
{
    const struct change *change = r->state;
    const struct pgraft_status *s = result->state;
    if (result->status != 0) {
        http_fail_result(r, result);
        return;
    }
    json_put_open(&r->out, NULL, '{');
    if (change->is_transfer) {
        json_put_text(&r->out, "leader", s->leader != 0 ? s->leader_name : NULL);
    } else {
        const struct pgraft_member *m = http_find_member(s, change->name);
        if (m != NULL) {
            http_put_member(&r->out, "member", s, m);
        } else {
            json_put_null(&r->out, "member");
        }
    }
    json_put_close(&r->out, '}');
    http_answer(r, 200);
}

static void changed(struct http_request *r, const struct pgraft_result *result)
{
    const struct change *change = r->state;
    if (result->status != 0) {
        http_fail_result(r, result);
        return;
    }
    if (!change->is_transfer && change->kind == PGRAFT_MEMBER_REMOVE) {
        json_put_open(&r->out, NULL, '{');
        json_put_id(&r->out, "removed", change->id);
        json_put_close(&r->out, '}');
        http_answer(r, 200);
        return;
    }
    http_ask_status(r, told);
}

/* ---- asking for it ---- */

static void ask(struct http_request *r, const struct change *change)
{
    struct pgraft_error error = {0};
    struct pgraft_call call = http_call(r, changed);
    struct pgraft *store = r->http->store;
    int code = 0;
    if (change->is_transfer) {
        code = pgraft_transfer(store, change->id, &call, &r->asked, &error);
    } else if (change->kind == PGRAFT_MEMBER_REMOVE) {
        code = pgraft_member_remove(store, change->id, &call, &r->asked, &error);
    } else if (change->kind == PGRAFT_MEMBER_ADD) {
        struct pgraft_newcomer newcomer = {
            .name = change->name, .address = change->address, .kind = change->role};
        code = pgraft_member_add(store, &newcomer, &call, &r->asked, &error);
    } else {
        code = pgraft_member_change(store, change->kind, change->name, &call, &r->asked, &error);
    }
    http_asked(r, code, &error);
}

static void found(struct http_request *r, const struct pgraft_result *result)
{
    struct change *change = r->state;
    if (result->status != 0) {
        http_fail_result(r, result);
        return;
    }
    const struct pgraft_status *s = result->state;
    const struct pgraft_member *m = http_find_member(s, change->name);
    bool is_change = !change->is_transfer;
    bool is_new = is_change && change->kind == PGRAFT_MEMBER_ADD;
    bool may_be_new = is_new || (is_change && change->kind == PGRAFT_MEMBER_REPLACE);
    /* An id that is no member's any more may have been removed by who asks, a moment ago. */
    bool may_be_gone = is_change && change->kind == PGRAFT_MEMBER_REMOVE && m == NULL &&
                       json_in_id(change->name, &change->id);
    if (s->phase != PGRAFT_MEMBER) {
        http_fail(r, ERR_CLOSED, "this node is no member of a cluster: %s", s->text);
        return;
    }
    if (m == NULL && !may_be_new && !may_be_gone) {
        http_fail(r, ERR_NOT_FOUND, "no member has the name or the id %s", change->name);
        return;
    }
    if (m != NULL && !is_new) {
        change->id = m->id;
        (void)snprintf(change->name, sizeof(change->name), "%s", m->name);
    }
    ask(r, change);
}

static void change_member(struct http_request *r, enum pgraft_change_kind kind)
{
    struct change *change = NULL;
    if (take_member(r, true, &change)) {
        change->kind = kind;
        http_ask_status(r, found);
    }
}

static bool read_role(const char *word, enum pgraft_kind *ret)
{
    bool is_witness = word != NULL && strcmp(word, "witness") == 0;
    *ret = is_witness ? PGRAFT_WITNESS : word != NULL ? PGRAFT_DATABASE : (enum pgraft_kind)0;
    return word == NULL || is_witness || strcmp(word, "voter") == 0;
}

/* Nodes come by themselves; this is for one that does not find a member. */
void http_member_add(struct http_request *r)
{
    const char *name = NULL;
    const char *address = NULL;
    const char *role = NULL;
    enum pgraft_kind kind = PGRAFT_DATABASE;
    const struct json_in_field fields[] = {
        {"name", JSON_IN_TEXT, &name, NULL},
        {"address", JSON_IN_TEXT, &address, NULL},
        {"role", JSON_IN_TEXT, &role, NULL},
    };
    if (!http_take(r, fields, ARRAY_LEN(fields))) {
        return;
    }
    if (name == NULL || address == NULL || strlen(name) >= NAME_MAX_SIZE ||
        strlen(address) >= ADDRESS_MAX_SIZE) {
        http_fail(r, ERR_INVALID, "name and address are needed: of a node, and of its peers' port");
        return;
    }
    if (!read_role(role, &kind)) {
        http_fail(r, ERR_INVALID, "role: \"voter\" or \"witness\"");
        return;
    }
    struct change *change = mem_zalloc(sizeof(*change));
    change->kind = PGRAFT_MEMBER_ADD;
    change->role = kind;
    (void)snprintf(change->name, sizeof(change->name), "%s", name);
    (void)snprintf(change->address, sizeof(change->address), "%s", address);
    r->state = change;
    r->free_state = mem_free;
    http_ask_status(r, found);
}

void http_member_remove(struct http_request *r)
{
    change_member(r, PGRAFT_MEMBER_REMOVE);
}

void http_member_promote(struct http_request *r)
{
    change_member(r, PGRAFT_MEMBER_PROMOTE);
}

void http_member_demote(struct http_request *r)
{
    change_member(r, PGRAFT_MEMBER_DEMOTE);
}

void http_member_replace(struct http_request *r)
{
    change_member(r, PGRAFT_MEMBER_REPLACE);
}

void http_transfer(struct http_request *r)
{
    struct change *change = NULL;
    if (!take_member(r, false, &change)) {
        return;
    }
    change->is_transfer = true;
    if (change->name[0] == '\0') {
        ask(r, change);
    } else {
        http_ask_status(r, found);
    }
}

/* ---- forming ---- */

static void waits(struct http_request *r, const struct pgraft_result *result)
{
    if (result->status != 0) {
        http_fail_result(r, result);
        return;
    }
    const char *text = result->state->text;
    json_put_open(&r->out, NULL, '{');
    json_put_text(&r->out, "note", text[0] != '\0' ? text : NULL);
    json_put_close(&r->out, '}');
    http_answer(r, 200);
}

static void formed(struct http_request *r, const struct pgraft_result *result)
{
    if (result->status != 0) {
        http_fail_result(r, result);
        return;
    }
    http_ask_status(r, waits);
}

/* The names, with commas between them; false: it was refused. */
static bool join_names(struct http_request *r, json_t *names, struct buf *out)
{
    for (size_t i = 0; i < json_array_size(names); i++) {
        const char *name = json_string_value(json_array_get(names, i));
        bool good = name != NULL && name[0] != '\0' && strchr(name, ',') == NULL;
        if (!good || out->size > 1024) {
            http_fail(r, ERR_INVALID, "without: must be an array of names");
            return false;
        }
        buf_printf(out, "%s%s", i > 0 ? "," : "", name);
    }
    return true;
}

void http_form(struct http_request *r)
{
    json_t *without = NULL;
    const struct json_in_field fields[] = {{"without", JSON_IN_ARRAY, &without, NULL}};
    struct buf names = {0};
    if (!http_take(r, fields, ARRAY_LEN(fields))) {
        return;
    }
    if (without == NULL) {
        http_fail(r, ERR_INVALID, "without is needed: an array of names");
    } else if (join_names(r, without, &names)) {
        struct pgraft_error error = {0};
        struct pgraft_call call = http_call(r, formed);
        http_asked(r,
                   pgraft_form_without(r->http->store, buf_text(&names), &call, &r->asked, &error),
                   &error);
    }
    buf_close(&names);
}

void http_forget(struct http_request *r)
{
    struct pgraft_error error = {0};
    if (!http_take(r, NULL, 0)) {
        return;
    }
    struct pgraft_call call = http_call(r, formed);
    http_asked(r, pgraft_form_forget(r->http->store, &call, &r->asked, &error), &error);
}
