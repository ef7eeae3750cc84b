/* daemon/http_raft.c - what this node knows of its cluster: /raft. */
#include "daemon/http_raft.h"

#include <inttypes.h>
#include <string.h>

#include "base/must.h"

/* Twice what the others have to say how they are; who does not is told from memory. */
#define ASK_MS 400

static bool is_reachable(const struct pgraft_member *m)
{
    return m->answered || m->is_there;
}

static void put_age(struct buf *out, const char *name, uint64_t age_ms)
{
    if (age_ms == UINT64_MAX) {
        json_put_null(out, name);
    } else {
        json_put_number(out, name, age_ms);
    }
}

static void put_empty_as_null(struct buf *out, const char *name, const char *text)
{
    json_put_text(out, name, text != NULL && text[0] != '\0' ? text : NULL);
}

/* ---- a member ---- */

static const char *role_of(const struct pgraft_member *m)
{
    switch (m->role) {
        case PGRAFT_VOTER:
            return m->kind == PGRAFT_WITNESS ? "witness" : "voter";
        case PGRAFT_NON_VOTER:
        case PGRAFT_SPARE:
            return "non-voter";
        case PGRAFT_STRANGER:
            return NULL;
    }
    UNREACHABLE("every role has a row");
}

/* NULL: it was never heard, and so did not say. */
static const char *kind_of(const struct pgraft_member *m)
{
    return m->id == 0 ? NULL : m->kind == PGRAFT_WITNESS ? "witness" : "database";
}

static uint64_t leaders_commit(const struct pgraft_status *status)
{
    uint64_t commit = 0;
    for (size_t i = 0; i < status->member_count; i++) {
        const struct pgraft_member *m = &status->members[i];
        if (m->answered && (m->is_leader || m->commit_index > commit)) {
            commit = m->commit_index;
        }
    }
    return commit;
}

static void put_numbers(struct buf *out, const struct pgraft_status *status,
                        const struct pgraft_member *m)
{
    static const char *const names[] = {"term",         "index",         "applied", "lag",
                                        "fsync_p99_ms", "round_trip_ms", "db_bytes"};
    if (!m->answered) {
        for (size_t i = 0; i < ARRAY_LEN(names); i++) {
            json_put_null(out, names[i]);
        }
        return;
    }
    uint64_t commit = leaders_commit(status);
    json_put_number(out, "term", m->term);
    json_put_number(out, "index", m->last_index);
    json_put_number(out, "applied", m->applied_index);
    json_put_number(out, "lag", commit > m->applied_index ? commit - m->applied_index : 0);
    json_put_fraction(out, "fsync_p99_ms", m->fsync_p99_us);
    json_put_fraction(out, "round_trip_ms", m->is_self ? 0 : m->round_trip_us);
    json_put_number(out, "db_bytes", m->store_bytes);
}

void http_put_member(struct buf *out, const char *name, const struct pgraft_status *status,
                     const struct pgraft_member *m)
{
    json_put_open(out, name, '{');
    json_put_id(out, "id", m->id);
    json_put_text(out, "name", m->name);
    json_put_text(out, "address", m->address);
    put_empty_as_null(out, "site", m->site);
    json_put_text(out, "kind", kind_of(m));
    json_put_text(out, "role", role_of(m));
    json_put_bool(out, "leader", m->is_leader);
    json_put_bool(out, "reachable", is_reachable(m));
    put_age(out, "last_contact_ms", m->is_self ? 0 : m->contact_age_ms);
    put_numbers(out, status, m);
    put_empty_as_null(out, "version", m->version);
    put_empty_as_null(out, "api_url", m->api_url);
    json_put_open(out, "errors", '[');
    if (m->error != NULL && m->error[0] != '\0') {
        json_put_text(out, NULL, m->error);
    }
    json_put_close(out, ']');
    json_put_close(out, '}');
}

const struct pgraft_member *http_find_member(const struct pgraft_status *status, const char *word)
{
    uint64_t id = 0;
    for (size_t i = 0; i < status->member_count; i++) {
        bool is_member = status->members[i].role != PGRAFT_STRANGER;
        if (is_member && strcmp(status->members[i].name, word) == 0) {
            return &status->members[i];
        }
    }
    for (size_t i = 0; json_in_id(word, &id) && i < status->member_count; i++) {
        bool is_member = status->members[i].role != PGRAFT_STRANGER;
        if (is_member && status->members[i].id == id) {
            return &status->members[i];
        }
    }
    return NULL;
}

/* ---- the cluster ---- */

static const char *state_of(enum pgraft_phase phase)
{
    switch (phase) {
        case PGRAFT_FORMING:
            return "forming";
        case PGRAFT_JOINING:
            return "joining";
        case PGRAFT_MEMBER:
            return "member";
        case PGRAFT_REMOVED:
            return "removed";
        case PGRAFT_REFUSED:
            return "refused";
    }
    UNREACHABLE("every phase has a row");
}

static void put_votes(struct buf *out, const struct pgraft_status *s)
{
    size_t voters = 0;
    for (size_t i = 0; i < s->member_count; i++) {
        voters += s->members[i].role == PGRAFT_VOTER ? 1 : 0;
    }
    json_put_bool(out, "quorum", s->has_quorum);
    put_age(out, "quorum_age_ms", s->quorum_age_ms);
    json_put_number(out, "voters", voters);
    json_put_number(out, "majority", voters > 0 ? voters / 2 + 1 : 0);
    json_put_number(out, "can_lose", s->can_lose > 0 ? (uint64_t)s->can_lose : 0);
    json_put_open(out, "missing", '[');
    for (size_t i = 0; i < s->member_count; i++) {
        if (!is_reachable(&s->members[i])) {
            json_put_text(out, NULL, s->members[i].name);
        }
    }
    json_put_close(out, ']');
}

static void put_store(struct buf *out, const struct pgraft_status *s)
{
    uint64_t commit = 0;
    uint64_t applied = 0;
    for (size_t i = 0; i < s->member_count; i++) {
        if (s->members[i].is_self) {
            commit = s->members[i].commit_index;
            applied = s->members[i].applied_index;
        }
    }
    json_put_number(out, "index", commit);
    json_put_number(out, "applied", applied);
    json_put_number(out, "revision", s->revision);
    json_put_number(out, "db_bytes", s->store_bytes);
    json_put_number(out, "quota_bytes", s->quota_bytes);
    json_put_number(out, "used_bytes", s->used_bytes);
    json_put_bool(out, "quota_alarm", s->quota_alarm);
    json_put_number(out, "feature_level", s->feature_level);
    json_put_number(out, "feature_level_known", PGRAFT_FEATURE_LEVEL);
}

static int by_name(const void *a, const void *b)
{
    const struct pgraft_member *const *x = a;
    const struct pgraft_member *const *y = b;
    return strcmp((*x)->name, (*y)->name);
}

static void put_members(struct buf *out, const struct pgraft_status *s)
{
    const struct pgraft_member *sorted[64];
    size_t count = s->member_count < ARRAY_LEN(sorted) ? s->member_count : ARRAY_LEN(sorted);
    for (size_t i = 0; i < count; i++) {
        sorted[i] = &s->members[i];
    }
    qsort(sorted, count, sizeof(*sorted), by_name);
    json_put_open(out, "members", '[');
    for (size_t i = 0; i < count; i++) {
        http_put_member(out, NULL, s, sorted[i]);
    }
    json_put_close(out, ']');
}

static void told(struct http_request *r, const struct pgraft_result *result)
{
    const struct pgraft_status *s = result->state;
    const struct http_settings *settings = &r->http->settings;
    struct buf *out = &r->out;
    if (result->status != 0) {
        http_fail_result(r, result);
        return;
    }
    json_put_open(out, NULL, '{');
    json_put_text(out, "scope", settings->scope);
    json_put_text(out, "namespace", settings->space);
    json_put_text(out, "name", settings->name);
    json_put_id(out, "id", s->id);
    json_put_text(out, "version", pgraft_version());
    json_put_text(out, "state", state_of(s->phase));
    put_empty_as_null(out, "note", s->text);
    put_empty_as_null(out, "cluster_id", s->cluster_id);
    json_put_number(out, "term", s->term);
    put_empty_as_null(out, "leader", s->leader != 0 ? s->leader_name : NULL);
    json_put_id(out, "leader_id", s->leader);
    put_votes(out, s);
    json_put_number(out, "max_voters", settings->voters_max);
    put_store(out, s);
    put_members(out, s);
    json_put_close(out, '}');
    http_answer(r, 200);
}

void http_ask_status(struct http_request *r,
                     void (*done)(struct http_request *r, const struct pgraft_result *result))
{
    struct pgraft_error error = {0};
    struct pgraft_call call = http_call(r, done);
    call.timeout_ms = call.timeout_ms < ASK_MS ? call.timeout_ms : ASK_MS;
    http_asked(r, pgraft_status(r->http->store, true, &call, &r->asked, &error), &error);
}

void http_raft(struct http_request *r)
{
    if (http_take_parameters(r)) {
        http_ask_status(r, told);
    }
}
