/* daemon/http_switch.c - POST /switchover and /failover, DELETE /switchover.
 *
 *   judged by the newest view --> the key `failover`, if the leader is still that one
 *       --> at once: the store is watched until the role is elsewhere, or the time is over --> told
 *       --> for later: told at once
 *
 * What is done is the primary's business (docs/switchover.md): here a wish is written, by whichever
 * node is asked, and what comes of it is read. Texts and codes are Patroni's (patroni_switch.h,
 * switch_outcome.h), also that they are no JSON. */
#include <string.h>

#include "base/cleanup.h"
#include "base/cli.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/must.h"
#include "config/scalar.h"
#include "daemon/http_internal.h"
#include "daemon/patroni_switch.h"
#include "daemon/switch_outcome.h"
#include "supervisor/keys.h"

#define NOT_WRITTEN "failed to write failover key into DCS"

/* One wish, from the question to the answer. */
struct switching {
    struct http_request *r;
    struct keys keys;
    struct buf value; /* of the key */
    bool is_scheduled;
    bool is_for_resume;
    struct switch_progress progress;
    uint64_t wait_ms;     /* the client's own; 0: as Patroni waits */
    uint64_t store_watch; /* 0: none is open */
    uv_timer_t *timer;    /* NULL: none */
};

static void free_switching(void *state)
{
    struct switching *s = state;
    buf_close(&s->value);
    mem_free(s);
}

/* ---- waiting ---- */

static void ended(struct http_request *r)
{
    struct switching *s = r->state;
    if (s->store_watch != 0) {
        pgraft_unwatch(r->http->store, s->store_watch);
        s->store_watch = 0;
    }
    if (s->timer != NULL) {
        s->timer->data = r->http;
        uv_close((uv_handle_t *)s->timer, http_free_handle);
        s->timer = NULL;
    }
}

static void finish(struct switching *s, const struct switch_outcome *outcome)
{
    ended(s->r);
    http_say(s->r, outcome->status, outcome->text);
}

static void give_up(struct switching *s, uint64_t waited_ms)
{
    struct switch_outcome late;
    switch_judge_late(&s->progress, (waited_ms + 999) / 1000, &late);
    finish(s, &late);
}

/* Before the time is over: nobody here will hear of it any more. */
static void lose_sight(struct switching *s)
{
    give_up(s, http_now_ms() - s->r->began_ms);
}

static void on_time(uv_timer_t *timer)
{
    const struct http_request *r = timer->data;
    struct switching *s = r->state;
    give_up(s, s->wait_ms);
}

static void take_change(struct switching *s, const struct pgraft_change *change)
{
    enum key key = KEY_LIFE;
    const struct pgraft_pair *pair = &change->pair;
    const void *bytes = change->is_delete ? NULL : pair->value.bytes;
    if (!keys_find(&s->keys, pair->key, &key)) {
        return;
    }
    if (key == KEY_LEADER) {
        switch_leader_changed(&s->progress, bytes, pair->value.size);
    } else if (key == KEY_HISTORY) {
        switch_history_changed(&s->progress, bytes, pair->value.size);
    } else if (key == KEY_FAILOVER) {
        switch_wish_changed(&s->progress, bytes);
    }
}

static void on_changes(void *ctx, const struct pgraft_changes *c)
{
    struct switching *s = ctx;
    struct switch_outcome outcome = {.status = 0};
    if (c->status != 0) {
        /* What was put stands. */
        s->store_watch = c->status == ERR_COMPACTED ? s->store_watch : 0;
        lose_sight(s);
        return;
    }
    for (size_t i = 0; i < c->count && outcome.status == 0; i++) {
        take_change(s, &c->changes[i]);
        bool is_whole = i + 1 == c->count || c->changes[i + 1].revision != c->changes[i].revision;
        if (is_whole) {
            switch_judge_progress(&s->progress, &outcome);
        }
    }
    if (outcome.status != 0) {
        finish(s, &outcome);
    }
}

static void wait_from(struct switching *s, uint64_t revision)
{
    struct http_request *r = s->r;
    struct pgraft_error error = {0};
    struct pgraft_watch watch = {
        .span = {.kind = PGRAFT_PREFIX, .key = keys_prefix(&s->keys)},
        .from_revision = revision,
        .changed = on_changes,
        .ctx = s,
    };
    uv_timer_t *timer = mem_zalloc(sizeof(*timer));
    int rc = uv_timer_init(r->http->loop, timer);
    MUST(rc == 0);
    http_handle_opened(r->http);
    timer->data = r;
    s->timer = timer;
    rc = uv_timer_start(timer, on_time, s->wait_ms, 0);
    MUST(rc == 0);
    if (pgraft_watch(r->http->store, &watch, &s->store_watch, &error) != 0) {
        lose_sight(s);
    }
}

/* ---- writing ---- */

static void say_why(struct http_request *r, const char *what, const struct pgraft_result *result)
{
    CLEANUP(buf_close) struct buf text = {0};
    bool says_more = result->message[0] != '\0';
    buf_printf(&text, "%s: %s", what, says_more ? result->message : err_text(result->status));
    http_say(r, 503, buf_text(&text));
}

static void not_written(struct http_request *r, const struct pgraft_result *result)
{
    say_why(r, NOT_WRITTEN, result);
}

/* Of what may have been applied, or may still be, nobody must be told that it has failed. */
static void perhaps_written(struct http_request *r, const struct pgraft_result *result,
                            const char *unknown)
{
    say_why(r, err_may_be_applied(result->status) ? unknown : NOT_WRITTEN, result);
}

static void written(struct http_request *r, const struct pgraft_result *result)
{
    struct switching *s = r->state;
    if (result->status != 0) {
        perhaps_written(
            r, result,
            s->progress.is_failover ? "Failover status unknown" : "Switchover status unknown");
        return;
    }
    if (!result->succeeded) {
        http_say(r, 412, "leader name does not match");
        return;
    }
    if (s->is_scheduled) {
        http_say(r, 202, "Switchover scheduled");
        return;
    }
    if (s->is_for_resume) {
        http_say(r, 202, "Failover is carried out when the cluster is resumed");
        return;
    }
    const struct pgraft_pair *leader = http_got(result, 1);
    const struct pgraft_pair *config = http_got(result, 2);
    if (leader != NULL) {
        switch_leader_changed(&s->progress, leader->value.bytes, leader->value.size);
    }
    s->progress.from = s->progress.leader;
    if (s->wait_ms == 0) {
        s->wait_ms = 1000 * switch_wait_s(config != NULL ? config->value.bytes : NULL,
                                          config != NULL ? config->value.size : 0);
    }
    wait_from(s, result->revision + 1);
}

/* A wish to leave somebody is put only while that one leads. */
static void write_key(struct switching *s, const struct row_failover *wish)
{
    struct http_request *r = s->r;
    const struct pgraft_compare same = {.key = keys_slice(&s->keys, KEY_LEADER),
                                        .target = PGRAFT_VALUE,
                                        .relation = PGRAFT_EQUAL,
                                        .value = {wish->leader.text, strlen(wish->leader.text)}};
    row_failover_encode(wish, &s->value);
    const struct pgraft_op ops[] = {
        {.kind = PGRAFT_OP_PUT,
         .span = {.kind = PGRAFT_KEY, .key = keys_slice(&s->keys, KEY_FAILOVER)},
         .value = {buf_text(&s->value), s->value.size}},
        {.kind = PGRAFT_OP_GET,
         .span = {.kind = PGRAFT_KEY, .key = keys_slice(&s->keys, KEY_LEADER)}},
        {.kind = PGRAFT_OP_GET,
         .span = {.kind = PGRAFT_KEY, .key = keys_slice(&s->keys, KEY_CONFIG)}},
    };
    const struct pgraft_txn txn = {.compares = &same,
                                   .compare_count = name_is_set(&wish->leader) ? 1 : 0,
                                   .then_ops = ops,
                                   .then_count = ARRAY_LEN(ops)};
    struct pgraft_error error = {0};
    struct pgraft_call call = http_call(r, written);
    int code = pgraft_txn(r->http->store, &txn, &call, &r->asked, &error);
    if (code == 0) {
        http_asked(r, code, &error);
    } else {
        not_written(r, &(struct pgraft_result){.status = code, .message = error.message});
    }
}

/* ---- what is asked for ---- */

/* Patroni passes over what it does not know: a time whose name is misspelt would mean "at once".
 * False: it was refused. */
static bool knows_all(struct http_request *r)
{
    static const struct json_in_field known[] = {
        {.name = "leader"},       {.name = "candidate"},        {.name = "member"},
        {.name = "scheduled_at"}, {.name = "accept_data_loss"}, {.name = "timeout_ms"}};
    const char *name = NULL;
    json_t *value = NULL;
    if (MHD_get_connection_values(r->mhd, MHD_GET_ARGUMENT_KIND, NULL, NULL) > 0) {
        http_say(r, 400, "what is wanted stands in the body: there are no parameters here");
        return false;
    }
    json_object_foreach(r->json, name, value)
    {
        size_t at = 0;
        while (at < ARRAY_LEN(known) && strcmp(known[at].name, name) != 0) {
            at++;
        }
        if (at == ARRAY_LEN(known)) {
            struct err err = {0};
            err_set(&err, ERR_INVALID, "%s: there is no such member here", cli_quoted(name).text);
            json_in_hint(known, ARRAY_LEN(known), name, &err);
            http_say(r, 400, err.msg);
            return false;
        }
    }
    return true;
}

/* A member that is null is not given. False: it is no text, and that is answered. */
static bool take_text(struct http_request *r, const char *name, const char **ret_text)
{
    CLEANUP(buf_close) struct buf text = {0};
    const json_t *value = json_object_get(r->json, name);
    if (value == NULL || json_is_null(value)) {
        return true;
    }
    if (!json_is_string(value)) {
        buf_printf(&text, "%s: a text is expected", name);
        http_say(r, 400, buf_text(&text));
        return false;
    }
    *ret_text = json_string_value(value);
    return true;
}

static bool take_wait(struct http_request *r, uint64_t *ret_ms)
{
    const json_t *value = json_object_get(r->json, "timeout_ms");
    json_int_t ms = json_integer_value(value);
    if (value != NULL && !json_is_null(value) && (ms < 1 || ms > HTTP_TIMEOUT_MS_MAX)) {
        http_say(r, 400, "timeout_ms: must be 1 to 600000");
        return false;
    }
    *ret_ms = (uint64_t)ms;
    return true;
}

/* Patroni's tools write a truth as a text, too. */
static bool take_truth(struct http_request *r, const char *name, bool *ret_truth)
{
    CLEANUP(buf_close) struct buf text = {0};
    const json_t *value = json_object_get(r->json, name);
    *ret_truth = json_is_true(value);
    bool is_good =
        value == NULL || json_is_null(value) || json_is_boolean(value) ||
        (json_is_string(value) && scalar_bool(json_string_value(value), ret_truth, NULL) == 0);
    if (!is_good) {
        buf_printf(&text, "%s: true or false is expected", name);
        http_say(r, 400, buf_text(&text));
    }
    return is_good;
}

static void begin(struct http_request *r, bool is_failover)
{
    struct switch_request request = {.is_failover = is_failover};
    uint64_t wait_ms = 0;
    const struct cluster_view *view = http_patroni_view(r);
    if (view == NULL) {
        http_fail_status(r, 503, ERR_REFUSED, "this node supervises no PostgreSQL");
        return;
    }
    if (!knows_all(r) || !take_text(r, "leader", &request.leader) ||
        !take_text(r, "member", &request.candidate) ||
        !take_text(r, "candidate", &request.candidate) ||
        !take_text(r, "scheduled_at", &request.scheduled_at) ||
        !take_truth(r, "accept_data_loss", &request.accepts_loss) || !take_wait(r, &wait_ms)) {
        return;
    }
    struct switch_verdict verdict;
    switch_judge(&request, view, clock_wall_ms(clock_system()), &verdict);
    if (verdict.status != 0) {
        http_say(r, verdict.status, verdict.text);
        return;
    }
    struct switching *s = mem_zalloc(sizeof(*s));
    s->r = r;
    http_keys(r, &s->keys);
    s->is_scheduled = verdict.wish.is_scheduled;
    s->is_for_resume = view->is_paused;
    /* One that says whom to leave is a switchover, and told as one. */
    s->progress.is_failover = is_failover && !name_is_set(&verdict.wish.leader);
    s->progress.is_standby = view->is_standby_cluster;
    s->progress.candidate = verdict.wish.candidate;
    s->wait_ms = wait_ms;
    r->state = s;
    r->free_state = free_switching;
    r->ended = ended;
    write_key(s, &verdict.wish);
}

void http_switchover(struct http_request *r)
{
    begin(r, false);
}

void http_failover(struct http_request *r)
{
    begin(r, true);
}

/* ---- taken back ---- */

static void tell_deleted(struct http_request *r, const struct pgraft_result *result,
                         const char *what)
{
    if (result->status != 0) {
        perhaps_written(r, result, "it is not known whether the switchover was deleted");
    } else if (!result->succeeded) {
        http_say(r, 409, "the scheduled switchover has changed meanwhile, or is being carried out");
    } else {
        http_say(r, 200, what);
    }
}

static void deleted(struct http_request *r, const struct pgraft_result *result)
{
    tell_deleted(r, result, "scheduled switchover deleted");
}

/* One that accepts a loss of data, and waits for the end of a pause or for its candidate. */
static void deleted_failover(struct http_request *r, const struct pgraft_result *result)
{
    tell_deleted(r, result, "waiting failover deleted");
}

static void found(struct http_request *r, const struct pgraft_result *result)
{
    struct keys keys;
    struct row_failover wish = {.is_scheduled = false};
    if (result->status != 0) {
        not_written(r, result);
        return;
    }
    const struct pgraft_pair *pair = http_got(result, 0);
    bool is_there =
        pair != NULL && row_failover_decode(pair->value.bytes, pair->value.size, &wish, NULL) == 0;
    if (!is_there || !(wish.is_scheduled || wish.accepts_loss)) {
        http_say(r, 404, "no switchover is scheduled");
        return;
    }
    http_keys(r, &keys);
    const struct pgraft_compare same = {.key = keys_slice(&keys, KEY_FAILOVER),
                                        .target = PGRAFT_MOD_REVISION,
                                        .relation = PGRAFT_EQUAL,
                                        .number = pair->mod_revision};
    const struct pgraft_op drop = {.kind = PGRAFT_OP_DELETE,
                                   .span = {.kind = PGRAFT_KEY, .key = same.key}};
    const struct pgraft_txn txn = {
        .compares = &same, .compare_count = 1, .then_ops = &drop, .then_count = 1};
    struct pgraft_error error = {0};
    struct pgraft_call call = http_call(r, wish.is_scheduled ? deleted : deleted_failover);
    http_asked(r, pgraft_txn(r->http->store, &txn, &call, &r->asked, &error), &error);
}

void http_switchover_delete(struct http_request *r)
{
    struct keys keys;
    struct pgraft_error error = {0};
    if (!http_take_parameters(r)) {
        return;
    }
    struct pgraft_call call = http_call(r, found);
    http_keys(r, &keys);
    int code =
        pgraft_get(r->http->store, keys_slice(&keys, KEY_FAILOVER), &call, &r->asked, &error);
    http_asked(r, code, &error);
}
