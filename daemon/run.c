/* daemon/run.c - the composition root: one loop, the store, the supervisor, the signals, and
 * whoever is to be told.
 *
 *   start --> listening (READY) --> SIGHUP: configuration and keys again
 *                               '-> SIGTERM, SIGINT: leadership handed over, everything closed
 *
 * The loop of this thread never waits for anybody: the store has threads of its own, and is heard
 * through one descriptor. A second SIGTERM or SIGINT ends the process at once, also while the store
 * is closed and the loop stands: what was acknowledged is durable anyway. */
#include "daemon/run.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/must.h"
#include "base/version.h"
#include "config/reload.h"
#include "consensus/pgraft.h"
#include "daemon/explain.h"
#include "daemon/ground.h"
#include "daemon/node_log.h"
#include "daemon/notify.h"
#include "daemon/reap.h"
#include "daemon/upgrade.h"
#include "daemon/wire_config.h"
#include "daemon/wire_http.h"
#include "daemon/wire_pg.h"
#include "daemon/wire_tasks.h"
#include "supervisor/pg_link.h"
#include "supervisor/supervisor.h"

#define LOG_QUEUE_BYTES ((size_t)4 * 1024 * 1024)
#define LOG_STOP_MS 1000
#define LEAVES_MS 20 /* for the last answers */

struct run {
    struct config *config;
    const struct run_source *source;
    uv_loop_t loop;
    uv_poll_t store_poll;
    uv_signal_t on_term;
    uv_signal_t on_int;
    uv_signal_t on_hup;
    uv_timer_t leaves; /* for the new program */
    bool has_timer;
    struct upgrade upgrade;
    struct explain explain;
    struct reap reap;
    struct pgraft *store;
    struct http *http;
    struct wire_http *wire;
    struct wire_config shared; /* what PostgreSQL and the supervisor go by */
    struct supervisor *supervisor;
    struct view_board *board;
    bool supervises; /* the supervisor is open */
    bool watches;    /* the signals' handles are open */
    bool log_stays;  /* it is not where the configuration wants it */
};

/* ---- the store ---- */

static void on_event(void *ctx, const struct pgraft_event *event)
{
    (void)ctx;
    node_log_event(event);
    if (event->kind == PGRAFT_EVENT_PHASE || event->kind == PGRAFT_EVENT_ROLE ||
        event->kind == PGRAFT_EVENT_LEADER) {
        notify_status(event->text);
    }
}

/* On any thread; the library aborts the process afterwards. That this program is too old for the
 * cluster is no fault in it, of which a core should be left. */
static void on_fatal(void *ctx, const struct pgraft_error *error)
{
    (void)ctx;
    log_error("raft", "fatal", LOG_STR("text", error->message));
    notify_status(error->message);
    (void)log_stop(LOG_STOP_MS, NULL);
    if (error->code == PGRAFT_ERR_VERSION) {
        _exit(EXIT_FAILURE);
    }
}

/* On a thread of the library. */
static uint64_t advise(void *ctx, const struct pgraft_view *view,
                       struct pgraft_transaction *transaction)
{
    struct run *r = ctx;
    return supervisor_advise(r->supervisor, view, transaction);
}

static void on_store(uv_poll_t *handle, int status, int events)
{
    struct run *r = handle->data;
    (void)status;
    (void)events;
    (void)pgraft_dispatch(r->store);
}

/* What the settings of the library point to. */
struct places {
    struct buf listen;
    struct buf peers;
    struct buf api_url; /* where the node can be asked over HTTP, for the others to show */
};

static void places_close(struct places *p)
{
    buf_close(&p->listen);
    buf_close(&p->peers);
    buf_close(&p->api_url);
}

static void find_places(const struct config *c, struct places *out)
{
    const char *at =
        c->restapi.connect_address != NULL ? c->restapi.connect_address : c->restapi.listen;
    ground_listen(c->raft.listen, &out->listen);
    config_peers_text(c, &out->peers);
    if (at != NULL && at[0] != '*') {
        buf_printf(&out->api_url, "%s://%s", c->restapi.certfile != NULL ? "https" : "http", at);
    }
}

static void fill_settings(struct run *r, const struct places *places, struct pgraft_settings *s)
{
    const struct config *c = r->config;
    pgraft_settings_init(s);
    s->space = c->namespace_path;
    s->scope = c->scope;
    s->name = c->name;
    s->kind = c->role == CONFIG_WITNESS ? PGRAFT_WITNESS : PGRAFT_DATABASE;
    s->site = c->raft.site != NULL ? c->raft.site : "";
    s->listen = buf_text(&places->listen);
    s->advertise = c->raft.advertise;
    s->directory = c->raft.data_dir;
    s->peers = buf_text(&places->peers);
    s->api_url = buf_text(&places->api_url);
    s->secret_file = c->raft.secret_file;
    s->ca_file = c->raft.cafile;
    s->cert_file = c->raft.certfile;
    s->key_file = c->raft.keyfile;
    s->insecure = c->raft.insecure;
    uint64_t heartbeat_ms = 0;
    uint64_t election_timeout_ms = 0;
    wire_pg_beats(c, &heartbeat_ms, &election_timeout_ms);
    s->heartbeat_ms = (uint32_t)heartbeat_ms;
    s->election_timeout_ms = (uint32_t)election_timeout_ms;
    s->replace_after_ms = c->raft.auto_replace ? c->raft.replace_after_ms : 0;
    s->voters_max = (uint32_t)c->raft.max_voters;
    s->limit_bytes = c->raft.limit_bytes;
    s->quota_bytes = c->raft.quota_bytes;
    s->lease_ms = (uint32_t)wire_config_setup(&r->shared)->settings.times.lease_ms;
    s->on_event = on_event;
    s->on_fatal = on_fatal;
    s->advise = advise;
    s->ctx = r;
}

static int open_store(struct run *r, struct err *err)
{
    CLEANUP(places_close) struct places places = {.listen = {0}};
    struct pgraft_settings settings;
    struct pgraft_error error = {0};
    find_places(r->config, &places);
    fill_settings(r, &places, &settings);
    wire_config_note(&r->shared, &settings);
    settings.adopt = r->source->adopts;
    int code = ground_make_dir(r->config->raft.data_dir, err);
    if (code != 0) {
        return code;
    }
    code = pgraft_open(&settings, &r->store, &error);
    if (code != 0) {
        return err_set(err, code, "%s", error.message);
    }
    int rv = uv_poll_init(&r->loop, &r->store_poll, pgraft_fd(r->store));
    rv = rv != 0 ? rv : uv_poll_start(&r->store_poll, UV_READABLE, on_store);
    r->store_poll.data = r;
    return rv == 0 ? 0 : err_errno(err, -rv, "uv_poll");
}

/* What is known of PostgreSQL before the store is asked for elections. */
static int make_supervisor(struct run *r, struct err *err)
{
    int code = wire_config_open(&r->shared, r->config, err);
    if (code != 0) {
        return code;
    }
    const struct pg_setup *setup = wire_config_setup(&r->shared);
    r->board = view_board_create(setup->tags.is_database);
    r->supervisor = supervisor_create(setup, r->config->namespace_path);
    if (r->supervisor == NULL) {
        return err_set(err, ERR_TOO_LARGE, "namespace, scope or name is too long");
    }
    wire_config_serve(&r->shared, r->supervisor);
    if (r->source->adopts) {
        supervisor_adopt(r->supervisor);
    }
    return 0;
}

static int open_supervisor(struct run *r, struct err *err)
{
    int code = supervisor_open(r->supervisor, &r->loop, r->store, r->board, err);
    r->supervises = code == 0;
    return code;
}

static struct wire_http *make_wire(struct run *r)
{
    struct wire_http *wire = wire_http_create(r->config, &r->config->restapi);
    struct http_settings *settings = wire_http_settings(wire);
    settings->board = r->board;
    settings->upgrade = upgrade_door(&r->upgrade);
    settings->tasks = wire_tasks(r->supervisor);
    settings->explain = explain_door(&r->explain);
    return wire;
}

static int open_http(struct run *r, struct err *err)
{
    explain_open(&r->explain, &r->loop, &r->shared, r->board);
    r->wire = make_wire(r);
    if (r->config->ctl.socket == NULL) {
        ground_make_run_dir(CONFIG_RUN_DIR);
    }
    return http_open(wire_http_settings(r->wire), &r->loop, r->store, &r->http, err);
}

/* ---- signals ---- */

static void log_lines(const char *event, enum log_level level, const struct buf *text)
{
    for (const char *line = buf_text(text); *line != '\0';) {
        size_t size = strcspn(line, "\n");
        const struct log_field fields[] = {LOG_BYTES("text", line, size), LOG_END};
        if (log_is_on(level, "config")) {
            log_event(level, "config", event, fields);
        }
        line += size + (line[size] == '\n' ? 1 : 0);
    }
}

/* Each at its own level; true: one of them forbids the reload, and is the first in @trouble. */
static bool log_problems(const struct problems *problems, struct buf *trouble)
{
    static const struct {
        enum log_level level;
        const char *event;
    } rows[] = {
        [PROBLEM_ERROR] = {LOG_LEVEL_ERROR, "reload refused, nothing has changed"},
        [PROBLEM_WARNING] = {LOG_LEVEL_WARN, "reload"},
        [PROBLEM_NOTE] = {LOG_LEVEL_INFO, "reload"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(buf_close) struct buf text = {0};
        problems_print_level(problems, (enum problem_level)i, &text);
        log_lines(rows[i].event, rows[i].level, &text);
        if (i == PROBLEM_ERROR && text.size > 0) {
            buf_str(trouble, "reload refused: ");
            buf_append(trouble, buf_text(&text), strcspn(buf_text(&text), "\n"));
        }
    }
    return trouble->size > 0;
}

/* What could not be taken over, in the log; the first of it in @trouble, too. */
static void note_trouble(struct buf *trouble, const char *what, const char *why)
{
    log_error("config", what, LOG_STR("text", why));
    if (trouble->size == 0) {
        buf_printf(trouble, "%s; %s", why, what);
    }
}

static void reload_log(struct run *r, bool moves, struct buf *trouble)
{
    struct err err = {0};
    int code = moves ? node_log_open(r->config, &err) : node_log_levels(r->config, &err);
    r->log_stays = code != 0; /* the next reload tries it again */
    if (r->log_stays) {
        note_trouble(trouble, "the log stays where it is", err.msg);
        (void)node_log_levels(r->config, &err);
    }
}

/* Certificates that can not be used leave the former ones in force, and what was said of them: what
 * the node tells of itself has to be as it is. */
static void reload_http(struct run *r, struct config *former, struct buf *trouble)
{
    static const char *const of_tls[] = {"restapi.certfile",         "restapi.keyfile",
                                         "restapi.keyfile_password", "restapi.cafile",
                                         "restapi.ciphers",          "restapi.verify_client"};
    struct err err = {0};
    struct wire_http *wire = make_wire(r);
    if (http_reload(r->http, wire_http_settings(wire), &err) != 0) {
        note_trouble(trouble, "the former certificates of restapi stay in force", err.msg);
        config_give_back(r->config, former, of_tls, ARRAY_LEN(of_tls));
    }
    wire_http_destroy(r->wire);
    r->wire = wire;
}

static void take_over(struct run *r, struct config *fresh, struct buf *trouble)
{
    CLEANUP(buf_close) struct buf text = {0};
    struct pgraft_error error = {0};
    (void)config_diff(r->config, fresh, &text);
    if (text.size == 0) {
        buf_str(&text, "nothing has changed");
    }
    bool log_moves = r->log_stays || node_log_moves(r->config, fresh);
    config_take_over(r->config, fresh);
    reload_log(r, log_moves, trouble);
    log_lines("reloaded", LOG_LEVEL_INFO, &text);
    reload_http(r, fresh, trouble);
    wire_config_reload(&r->shared, fresh);
    if (pgraft_reload_keys(r->store, &error) != 0) {
        note_trouble(trouble, "peers' keys stay as they are", error.message);
    }
}

static void reload(struct run *r)
{
    CLEANUP(config_close) struct config fresh = {0};
    CLEANUP(problems_close) struct problems problems = {0};
    CLEANUP(buf_close) struct buf trouble = {0};
    int code = r->source->load(r->source->ctx, &fresh, &problems);
    if (!log_problems(&problems, &trouble) && code == 0) {
        take_over(r, &fresh, &trouble);
    }
    supervisor_note_reload(r->supervisor, buf_text(&trouble));
}

static void on_reload(uv_signal_t *handle, int number)
{
    (void)number;
    notify_reloading();
    log_reopen();
    reload(handle->data);
    notify_send("READY=1");
}

/* Not through the loop, and not the kernel's default, which process 1 does not have. */
static void on_hurry(int number)
{
    (void)number;
    _exit(1); /* a store survives that */
}

static void hurry_from_now_on(struct run *r)
{
    const struct sigaction at_once = {.sa_handler = on_hurry};
    (void)uv_signal_stop(&r->on_term);
    (void)uv_signal_stop(&r->on_int);
    (void)sigaction(SIGTERM, &at_once, NULL);
    (void)sigaction(SIGINT, &at_once, NULL);
}

static void on_leaves(uv_timer_t *handle)
{
    struct run *r = handle->data;
    r->source->relaunch->is_due = true;
    uv_stop(&r->loop);
}

/* PostgreSQL goes on under its guard. */
static void on_upgrade_ready(void *owner)
{
    struct run *r = owner;
    notify_reloading();
    notify_status("the new program begins");
    int rv = uv_timer_start(&r->leaves, on_leaves, LEAVES_MS, 0);
    MUST(rv == 0);
}

static int open_upgrade(struct run *r, struct err *err)
{
    int rv = uv_timer_init(&r->loop, &r->leaves);
    if (rv != 0) {
        return err_errno(err, -rv, "uv_timer");
    }
    r->has_timer = true;
    r->leaves.data = r;
    upgrade_open(&r->upgrade, &r->loop);
    r->upgrade.store = r->store;
    r->upgrade.supervisor = r->supervisor;
    r->upgrade.relaunch = r->source->relaunch;
    r->upgrade.ready = on_upgrade_ready;
    r->upgrade.owner = r;
    if (r->source->relaunch->failed.code != 0 && r->source->relaunch->path.size > 0) {
        log_error("daemon", "the new program could not be begun, this one goes on",
                  LOG_ERR(&r->source->relaunch->failed));
    }
    return 0;
}

static void on_stopped(void *owner)
{
    struct run *r = owner;
    uv_stop(&r->loop);
}

static void on_stop(uv_signal_t *handle, int number)
{
    struct run *r = handle->data;
    hurry_from_now_on(r);
    log_info("daemon", "stops", LOG_STR("signal", number == SIGTERM ? "TERM" : "INT"));
    notify_send("STOPPING=1\nSTATUS=stopping");
    (void)uv_timer_stop(&r->leaves);
    r->source->relaunch->is_due = false;
    supervisor_stop(r->supervisor, on_stopped, r);
}

static int watch_signals(struct run *r, struct err *err)
{
    uv_signal_t *const handles[] = {&r->on_term, &r->on_int, &r->on_hup};
    const int numbers[] = {SIGTERM, SIGINT, SIGHUP};
    int rv = 0;
    for (size_t i = 0; rv == 0 && i < ARRAY_LEN(handles); i++) {
        handles[i]->data = r;
        rv = uv_signal_init(&r->loop, handles[i]);
        rv = rv != 0 ? rv
                     : uv_signal_start(handles[i], numbers[i] == SIGHUP ? on_reload : on_stop,
                                       numbers[i]);
    }
    return rv == 0 ? 0 : err_errno(err, -rv, "uv_signal");
}

/* ---- the life ---- */

static void close_handle(void *handle, bool is_open)
{
    if (is_open) {
        uv_close(handle, NULL);
    }
}

/* In the order in which one needs the other: nothing new comes in, what waits is answered, the last
 * answers leave. */
static void close_all(struct run *r)
{
    if (r->http != NULL) {
        http_stop(r->http);
    }
    if (r->supervises) {
        supervisor_close(r->supervisor, on_stopped, r);
        (void)uv_run(&r->loop, UV_RUN_DEFAULT); /* until it is closed */
    }
    close_handle(&r->store_poll, r->store != NULL);
    pgraft_close(r->store);
    http_close(r->http);
    explain_close(&r->explain);
    upgrade_close(&r->upgrade);
    close_handle(&r->leaves, r->has_timer);
    close_handle(&r->on_term, r->watches);
    close_handle(&r->on_int, r->watches);
    close_handle(&r->on_hup, r->watches);
    /* To be told to reload ends a program that has no handler; ignored it stays until the next life
     * has one, and reads the configuration anyway. */
    (void)signal(SIGHUP, SIG_IGN);
    reap_close(&r->reap);
    (void)uv_run(&r->loop, UV_RUN_DEFAULT);
    supervisor_destroy(r->supervisor);
    view_board_destroy(r->board);
    wire_http_destroy(r->wire);
    wire_config_close(&r->shared);
}

static int serve(struct run *r, struct err *err)
{
    int code = watch_signals(r, err);
    r->watches = code == 0;
    code = code != 0 ? code : reap_open(&r->reap, &r->loop, err);
    code = code != 0 ? code : make_supervisor(r, err);
    code = code != 0 ? code : open_store(r, err);
    code = code != 0 ? code : open_supervisor(r, err);
    code = code != 0 ? code : open_upgrade(r, err);
    code = code != 0 ? code : open_http(r, err);
    if (code == 0) {
        const char *socket = http_socket(r->http);
        log_info("daemon", "listens", LOG_STR("node", r->config->name),
                 LOG_STR("cluster", r->config->scope), LOG_STR("peers", r->config->raft.listen),
                 LOG_STR("http", r->config->restapi.listen), LOG_STR("socket", socket),
                 LOG_STR("version", PGRAFT_VERSION));
        notify_send("READY=1\nSTATUS=looking for peers");
        (void)uv_run(&r->loop, UV_RUN_DEFAULT);
    }
    close_all(r);
    return code;
}

int daemon_run(struct config *config, const struct run_source *source, struct err *err)
{
    struct run *r = mem_zalloc(sizeof(*r));
    r->config = config;
    r->source = source;
    (void)signal(SIGPIPE, SIG_IGN);
    pg_link_forget_environment();
    int code = wire_pg_supervises(config) ? wire_pg_become_owner(config, err) : 0;
    code = code != 0 ? code : node_log_open(config, err);
    code = code != 0 ? code : log_start_writer(LOG_QUEUE_BYTES, err);
    if (code == 0) {
        int rv = uv_loop_init(&r->loop);
        MUST(rv == 0);
        code = serve(r, err);
        rv = uv_loop_close(&r->loop);
        MUST(rv == 0);
        if (code == 0) {
            log_info("daemon", "stopped", LOG_STR("node", config->name));
        } else if (config->log.dir != NULL) { /* else stderr has it from main() anyway */
            log_error("daemon", "can not start", LOG_ERR(err));
        }
    }
    (void)log_stop(LOG_STOP_MS, NULL);
    log_close();
    mem_free(r);
    return code;
}
