/* daemon/explain.c - one connection for each question, up to four at a time. */
#include "daemon/explain.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/must.h"
#include "config/explain.h"
#include "daemon/json_put.h"
#include "supervisor/pg_link.h"
#include "supervisor/pg_origin.h"

#define ASKING_MAX 4
#define CONNECT_MS 1500
#define ANSWER_MS 2500
#define SQLSTATE_NO_RIGHT "42501"

struct asking {
    struct list link;
    struct explain *explain;
    struct pg_link pg;
    char *name; /* NULL: all of them */
    bool with_lines;
    bool is_answered;
    bool is_known; /* @origins is an answer */
    struct pg_origins origins;
    char **names; /* that PostgreSQL knows, where @name is none */
    size_t name_count;
    struct err why; /* it did not answer */
    http_explain_cb done;
    void *owner;
};

/* ---- telling ---- */

static bool is_primary(const struct explain *e, const struct asking *a)
{
    const struct cluster_view *view = view_board_read(e->board);
    return a->is_known && a->origins.version > 0 ? !a->origins.in_recovery
                                                 : view != NULL && view->self.role == VIEW_PRIMARY;
}

static void fill_input(const struct asking *a, struct explain_input *out)
{
    const struct explain *e = a->explain;
    const struct pg_setup *setup = wire_config_setup(e->shared);
    *out = (struct explain_input){.local = e->shared->config,
                                  .dynamic = wire_config_dynamic(e->shared),
                                  .shared = wire_config_text(e->shared),
                                  .revision = setup->settings.config_revision,
                                  .is_guess = setup->settings.is_guess,
                                  .has_postgresql = setup->tags.is_database,
                                  .is_primary = is_primary(e, a),
                                  .origins = a->is_known ? &a->origins : NULL,
                                  .lease_ms = setup->settings.times.lease_ms};
}

static void put_layer(struct buf *out, const struct explain_layer *layer)
{
    json_put_open(out, NULL, '{');
    json_put_text(out, "layer", layer->layer);
    json_put_text(out, "value", layer->value);
    json_put_text(out, "where", layer->where);
    json_put_text(out, "state", layer->state);
    json_put_text(out, "why", layer->why);
    json_put_close(out, '}');
}

static void put_setting(struct buf *out, const struct explained *x)
{
    static const char *const kinds[] = {
        [EXPLAIN_POSTGRESQL] = "postgresql", [EXPLAIN_SHARED] = "shared", [EXPLAIN_NODE] = "node"};
    json_put_open(out, NULL, '{');
    json_put_text(out, "name", x->name);
    json_put_text(out, "kind", kinds[x->kind]);
    json_put_text(out, "value", x->value);
    json_put_text(out, "from", x->from);
    json_put_text(out, "running", x->running);
    json_put_bool(out, "pending_restart", x->waits);
    json_put_text(out, "change", x->change);
    json_put_text(out, "note", x->note);
    json_put_open(out, "layers", '[');
    for (size_t i = 0; i < x->layer_count; i++) {
        put_layer(out, &x->layers[i]);
    }
    json_put_close(out, ']');
    json_put_close(out, '}');
}

static int put_one(const struct explain_input *input, const struct asking *a, const char *name,
                   struct buf *out, struct err *err)
{
    struct explained x = {.name = NULL};
    const struct explain_names known = {.at = (const char *const *)a->names,
                                        .count = a->name_count};
    int code = explain_setting(input, name, &known, &x, err);
    if (code == 0) {
        put_setting(out, &x);
    }
    explained_close(&x);
    return code;
}

static int put_all(const struct explain_input *input, const struct asking *a, struct buf *out,
                   struct err *err)
{
    CLEANUP(buf_close) struct buf names = {0};
    size_t count = explain_all(input, &names);
    const char *at = buf_text(&names);
    for (size_t i = 0; i < count; i++, at += strlen(at) + 1) {
        int code = put_one(input, a, at, out, err);
        if (code != 0 && code != ERR_NOT_FOUND) { /* a parameter that this version does not have */
            return code;
        }
    }
    return 0;
}

static void answer(struct asking *a)
{
    CLEANUP(buf_close) struct buf out = {0};
    struct explain_input input;
    struct err err = {.code = 0};
    http_explain_cb done = TAKE(a->done);
    a->is_answered = true;
    if (done == NULL) {
        return; /* nobody is there any more */
    }
    fill_input(a, &input);
    json_put_open(&out, NULL, '{');
    json_put_text(&out, "name", a->explain->shared->config->name);
    json_put_text(&out, "role",
                  !input.has_postgresql ? NULL
                  : input.is_primary    ? "primary"
                                        : "replica");
    json_put_text(&out, "trouble", a->why.code != 0 ? a->why.msg : NULL);
    json_put_open(&out, "settings", '[');
    int code =
        a->name != NULL ? put_one(&input, a, a->name, &out, &err) : put_all(&input, a, &out, &err);
    json_put_close(&out, ']');
    json_put_close(&out, '}');
    if (code == ERR_NOT_FOUND && a->why.code != 0) {
        CLEANUP(mem_freep) char *text = mem_strdup(err.msg);
        code = err_set(&err, ERR_REFUSED, "%s; PostgreSQL can not be asked whether it has one: %s",
                       text, a->why.msg);
    }
    done(a->owner, code != 0 ? &err : NULL, &out);
}

/* ---- asking ---- */

static void closed_cb(struct pg_link *link)
{
    struct asking *a = link->owner;
    list_remove(&a->link);
    a->explain->count--;
    for (size_t i = 0; i < a->name_count; i++) {
        mem_free(a->names[i]);
    }
    mem_free(a->names);
    mem_free(a->name);
    pg_origins_close(&a->origins);
    mem_free(a);
}

static void finish(struct asking *a, const struct err *why)
{
    if (a->is_answered) {
        return;
    }
    if (why != NULL) {
        a->why = *why;
    }
    answer(a);
    pg_link_close(&a->pg, closed_cb);
}

static void names_cb(struct pg_link *link, const struct pg_rows *rows,
                     const struct pg_failure *failure)
{
    struct asking *a = link->owner;
    if (rows != NULL && rows->columns == 1) {
        a->names = mem_array(rows->count, sizeof(*a->names));
        for (uint32_t i = 0; i < rows->count; i++) {
            const char *name = pg_rows_text(rows, i, 0);
            a->names[i] = mem_strdup(name != NULL ? name : "");
        }
        a->name_count = rows->count;
    }
    finish(a, failure != NULL ? &failure->err : NULL);
}

static void ask(struct asking *a);

static void origins_cb(struct pg_link *link, const struct pg_rows *rows,
                       const struct pg_failure *failure)
{
    struct asking *a = link->owner;
    struct err err = {.code = 0};
    if (failure != NULL && a->with_lines && strcmp(failure->sqlstate, SQLSTATE_NO_RIGHT) == 0) {
        a->with_lines = false;
        ask(a);
        return;
    }
    if (failure != NULL) {
        finish(a, &failure->err);
        return;
    }
    int code = pg_origin_parse(rows, a->with_lines, &a->origins, &err);
    a->is_known = code == 0;
    bool is_unknown = code == 0 && a->name != NULL && a->origins.count == 0;
    if (is_unknown) {
        code = pg_link_ask(&a->pg, pg_origin_names_sql(), ANSWER_MS, names_cb, &err);
    }
    if (!is_unknown || code != 0) {
        finish(a, code != 0 ? &err : NULL);
    }
}

static void ask(struct asking *a)
{
    CLEANUP(buf_close) struct buf sql = {0};
    struct err err = {.code = 0};
    pg_origin_sql(a->name, a->with_lines, &sql);
    if (pg_link_ask(&a->pg, buf_text(&sql), ANSWER_MS, origins_cb, &err) != 0) {
        finish(a, &err);
    }
}

static void change_cb(struct pg_link *link)
{
    struct asking *a = link->owner;
    if (link->state == PG_LINK_READY) {
        ask(a);
    } else {
        finish(a, &link->failure.err);
    }
}

/* As the supervisor reaches it. */
static int open_link(struct asking *a, struct err *err)
{
    const struct pg_setup *setup = wire_config_setup(a->explain->shared);
    const struct pg_place place = {.host = setup->reach_host,
                                   .port = (uint16_t)setup->port,
                                   .user = setup->superuser.username,
                                   .database = setup->database,
                                   .passfile = setup->passfile,
                                   .application_name = "pgraft_explain",
                                   .tls = &setup->superuser,
                                   .connect_ms = CONNECT_MS,
                                   .statement_ms = ANSWER_MS,
                                   .pause_min_ms = CONNECT_MS,
                                   .pause_max_ms = CONNECT_MS};
    return pg_link_open(&a->pg, a->explain->loop, &place, err);
}

/* Nothing of PostgreSQL's is asked for, or there is none here. */
static void answer_at_once(struct explain *e, const char *name, http_explain_cb done, void *owner)
{
    struct asking a = {.explain = e, .done = done, .owner = owner};
    CLEANUP(mem_freep) char *copy = name != NULL ? mem_strdup(name) : NULL;
    a.name = copy;
    answer(&a);
}

static int begin(void *ctx, const char *name, http_explain_cb done, void *owner, struct err *err)
{
    struct explain *e = ctx;
    bool is_ours = name != NULL && explain_is_ours(name);
    if (is_ours || !wire_config_setup(e->shared)->tags.is_database) {
        answer_at_once(e, name, done, owner);
        return 0;
    }
    if (e->count == ASKING_MAX) {
        return err_set(err, ERR_BUSY, "%d such questions are under way", ASKING_MAX);
    }
    struct asking *a = mem_zalloc(sizeof(*a));
    *a = (struct asking){.explain = e, .with_lines = true, .done = done, .owner = owner};
    int code = open_link(a, err);
    if (code != 0) {
        mem_free(a);
        return code;
    }
    a->name = name != NULL ? mem_strdup(name) : NULL;
    a->pg.owner = a;
    a->pg.on_change = change_cb;
    list_init(&a->link);
    list_push_back(&e->asking, &a->link);
    e->count++;
    pg_link_connect(&a->pg);
    return 0;
}

/* Its connection ends by itself, soon. */
static void forget(void *ctx, void *owner)
{
    struct explain *e = ctx;
    LIST_FOR_EACH (struct asking, a, &e->asking, link) {
        if (a->owner == owner) {
            a->done = NULL;
        }
    }
}

void explain_open(struct explain *e, uv_loop_t *loop, const struct wire_config *shared,
                  struct view_board *board)
{
    *e = (struct explain){.loop = loop, .shared = shared, .board = board};
    list_init(&e->asking);
}

struct http_explain explain_door(struct explain *e)
{
    return (struct http_explain){.begin = begin, .forget = forget, .ctx = e};
}

void explain_close(struct explain *e)
{
    if (e->loop == NULL) {
        return;
    }
    LIST_FOR_EACH (struct asking, a, &e->asking, link) {
        a->done = NULL;
        finish(a, NULL);
    }
}
