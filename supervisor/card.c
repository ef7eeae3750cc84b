/* supervisor/card.c - a member's part of a view as JSON. */
#include "supervisor/card.h"

#include "base/cleanup.h"
#include "base/must.h"
#include "supervisor/json.h"

#define CARD_VERSION 1
#define NUMBER_MAX ((uint64_t)INT64_MAX)
#define STATES (VIEW_CRASHED + 1)
#define FLOWS (VIEW_ARCHIVE + 1)

static const char *const kinds[] = {
    [VIEW_TAG_TEXT] = "text", [VIEW_TAG_BOOL] = "bool", [VIEW_TAG_NUMBER] = "number"};

/* ---- out ---- */

static void put(json_t *object, const char *name, json_t *value)
{
    MUST(value != NULL);
    int rv = json_object_set_new(object, name, value);
    MUST(rv == 0);
}

static json_t *made(json_t *value)
{
    MUST(value != NULL);
    return value;
}

static void append(json_t *array, json_t *value)
{
    int rv = json_array_append_new(array, made(value));
    MUST(rv == 0);
}

static void put_text(json_t *object, const char *name, const char *text)
{
    if (text[0] != '\0') {
        json_put_string(object, name, text);
    }
}

static void put_lsn(json_t *object, const char *name, const struct view_lsn *lsn)
{
    if (lsn->is_known && lsn->lsn <= NUMBER_MAX) {
        json_put_u64(object, name, lsn->lsn);
    }
}

static json_t *tag_json(const struct view_tag *tag)
{
    json_t *object = made(json_object());
    json_put_string(object, "key", tag->key);
    json_put_string(object, "value", tag->value);
    json_put_string(object, "kind", kinds[tag->kind]);
    return object;
}

static void put_tags(json_t *object, const struct view_tags *tags)
{
    MUST(tags->count <= VIEW_TAGS_MAX);
    json_t *all = made(json_array());
    for (uint32_t i = 0; i < tags->count; i++) {
        append(all, tag_json(&tags->at[i]));
    }
    put(object, "tags", all);
}

static json_t *restart_json(const struct view_restart *restart, bool with_reasons)
{
    json_t *object = made(json_object());
    json_t *reasons = made(json_array());
    MUST(restart->reason_count <= VIEW_REASONS_MAX);
    for (uint32_t i = 0; with_reasons && i < restart->reason_count; i++) {
        const struct view_reason *reason = &restart->reasons[i];
        json_t *one = made(json_object());
        json_put_string(one, "parameter", reason->parameter);
        json_put_string(one, "old", reason->old_value);
        json_put_string(one, "new", reason->new_value);
        append(reasons, one);
    }
    put(object, "pending", json_boolean(restart->is_pending));
    put(object, "reasons", reasons);
    put_text(object, "schedule", restart->schedule);
    put_text(object, "version", restart->version);
    put_text(object, "role", restart->role);
    put(object, "only_pending", json_boolean(restart->only_pending));
    if (restart->timeout_ms > 0 && restart->timeout_ms < NUMBER_MAX) {
        json_put_u64(object, "timeout_ms", restart->timeout_ms);
    }
    return object;
}

static void put_decision(json_t *object, const struct view_decision *decision)
{
    if (decision->wall_ms == 0) {
        return;
    }
    json_t *one = made(json_object());
    json_put_u64(one, "wall_ms", decision->wall_ms < NUMBER_MAX ? decision->wall_ms : NUMBER_MAX);
    json_put_string(one, "rule", decision->rule);
    json_put_string(one, "action", decision->action);
    json_put_string(one, "text", decision->text);
    put(object, "decision", one);
}

/* @parts: 2 all; 1 without the reasons of a restart; 0 without tags either. */
static void write_card(const struct view_member *m, int parts, struct buf *out)
{
    json_t *object = made(json_object());
    json_put_u64(object, "version", CARD_VERSION);
    json_put_string(object, "state", view_state_name(m->state));
    put_text(object, "flow", view_flow_name(m->flow));
    put_text(object, "site", m->site);
    put_text(object, "api_url", m->api_url);
    put_text(object, "host", m->host);
    json_put_u64(object, "port", m->port);
    put_lsn(object, "received", &m->received);
    put_lsn(object, "replayed", &m->replayed);
    if (parts > 0) {
        put_tags(object, &m->tags);
    }
    bool has_restart = m->restart.is_pending || m->restart.schedule[0] != '\0';
    if (has_restart) {
        put(object, "restart", restart_json(&m->restart, parts > 1));
    }
    put_decision(object, &m->decision);
    put_text(object, "note", m->note);
    put_text(object, "weaker", m->weaker);
    json_write(object, out);
}

void card_encode(const struct view_member *member, char out[WORDS_CARD_SIZE])
{
    out[0] = '\0';
    for (int parts = 2; parts >= 0 && out[0] == '\0'; parts--) {
        CLEANUP(buf_close) struct buf text = {0};
        write_card(member, parts, &text);
        if (text.size < WORDS_CARD_SIZE) {
            memcpy(out, buf_text(&text), text.size + 1);
        }
    }
}

/* ---- in ---- */

/* What is there and fits is taken; else @out stays as it is. */
static void take_text(const json_t *object, const char *name, char *out, size_t size)
{
    const char *text = json_string_value(json_object_get(object, name));
    if (text != NULL && strlen(text) < size) {
        view_text_set(out, size, text);
    }
}

static void take_lsn(const json_t *object, const char *name, struct view_lsn *out)
{
    const json_t *value = json_object_get(object, name);
    if (json_is_integer(value) && json_integer_value(value) >= 0) {
        *out = (struct view_lsn){.is_known = true, .lsn = (uint64_t)json_integer_value(value)};
    }
}

static void take_state(const json_t *object, struct view_member *out)
{
    char text[VIEW_URL_SIZE] = "";
    take_text(object, "state", text, sizeof(text));
    for (int i = 0; i < STATES; i++) {
        if (strcmp(text, view_state_name((enum view_state)i)) == 0) {
            out->state = (enum view_state)i;
        }
    }
    text[0] = '\0';
    take_text(object, "flow", text, sizeof(text));
    for (int i = 0; i < FLOWS; i++) {
        if (strcmp(text, view_flow_name((enum view_flow)i)) == 0) {
            out->flow = (enum view_flow)i;
        }
    }
}

static void take_tags(const json_t *object, struct view_tags *out)
{
    const json_t *all = json_object_get(object, "tags");
    out->count = 0;
    for (size_t i = 0; i < json_array_size(all) && out->count < VIEW_TAGS_MAX; i++) {
        const json_t *one = json_array_get(all, i);
        struct view_tag tag = {.kind = VIEW_TAG_TEXT};
        char kind[16] = "";
        take_text(one, "key", tag.key, sizeof(tag.key));
        take_text(one, "value", tag.value, sizeof(tag.value));
        take_text(one, "kind", kind, sizeof(kind));
        for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
            tag.kind = strcmp(kind, kinds[k]) == 0 ? (enum view_tag_kind)k : tag.kind;
        }
        if (tag.key[0] != '\0') {
            out->at[out->count] = tag;
            out->count++;
        }
    }
}

static void take_restart(const json_t *object, struct view_restart *out)
{
    const json_t *restart = json_object_get(object, "restart");
    const json_t *reasons = json_object_get(restart, "reasons");
    memset(out, 0, sizeof(*out));
    out->is_pending = json_is_true(json_object_get(restart, "pending"));
    out->only_pending = json_is_true(json_object_get(restart, "only_pending"));
    take_text(restart, "schedule", out->schedule, sizeof(out->schedule));
    take_text(restart, "version", out->version, sizeof(out->version));
    take_text(restart, "role", out->role, sizeof(out->role));
    json_int_t timeout_ms = json_integer_value(json_object_get(restart, "timeout_ms"));
    out->timeout_ms = timeout_ms > 0 ? (uint64_t)timeout_ms : 0;
    for (size_t i = 0; i < json_array_size(reasons) && out->reason_count < VIEW_REASONS_MAX; i++) {
        struct view_reason *reason = &out->reasons[out->reason_count];
        const json_t *one = json_array_get(reasons, i);
        take_text(one, "parameter", reason->parameter, sizeof(reason->parameter));
        take_text(one, "old", reason->old_value, sizeof(reason->old_value));
        take_text(one, "new", reason->new_value, sizeof(reason->new_value));
        out->reason_count++;
    }
}

static void take_decision(const json_t *object, struct view_decision *out)
{
    const json_t *one = json_object_get(object, "decision");
    json_int_t wall_ms = json_integer_value(json_object_get(one, "wall_ms"));
    if (wall_ms <= 0) {
        return;
    }
    memset(out, 0, sizeof(*out));
    out->wall_ms = (uint64_t)wall_ms;
    take_text(one, "rule", out->rule, sizeof(out->rule));
    take_text(one, "action", out->action, sizeof(out->action));
    take_text(one, "text", out->text, sizeof(out->text));
}

bool card_decode(const char *text, struct view_member *member)
{
    CLEANUP(json_closep)
    json_t *json = json_read(text, strlen(text), WORDS_CARD_SIZE, JSON_OBJECT, NULL);
    if (json_integer_value(json_object_get(json, "version")) < CARD_VERSION) {
        return false;
    }
    json_int_t port = json_integer_value(json_object_get(json, "port"));
    take_state(json, member);
    take_text(json, "site", member->site, sizeof(member->site));
    take_text(json, "api_url", member->api_url, sizeof(member->api_url));
    take_text(json, "host", member->host, sizeof(member->host));
    member->port = port > 0 && port <= UINT16_MAX ? (uint16_t)port : 0;
    take_lsn(json, "received", &member->received);
    take_lsn(json, "replayed", &member->replayed);
    take_tags(json, &member->tags);
    take_restart(json, &member->restart);
    take_decision(json, &member->decision);
    member->note[0] = '\0';
    take_text(json, "note", member->note, sizeof(member->note));
    member->weaker[0] = '\0';
    take_text(json, "weaker", member->weaker, sizeof(member->weaker));
    return true;
}
