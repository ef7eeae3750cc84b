/* tests/http/http_hosts.c - a few nodes of libpgraft with their HTTP sides, in one process, for the
 * tests in Python.
 *
 *     http_hosts NODES [--user U --password P] [--allow A]... [--allow-members yes] [--listen HOST]
 *                [--blank] [--ciphers LIST]
 *                [--certfile F --keyfile F --cafile F --verify none|optional|required]
 *                [--connections N] [--views yes]
 *
 * Prints "NAME SOCKET PORT" for each node and "ready" when they have formed. Then takes words on
 * stdin, one a line, and answers "done": "stop NODE", "start NODE" (the store and its HTTP side),
 * "task NODE refuse WHY" (the next task is), "task NODE fail WHY" or "task NODE done" (the restart
 * that is under way has), "tasks NODE" (prints what was begun since), "reload NODE", "view NODE
 * NAME [WORD]..." (with --views: it tells what tests/lib/view_kit.h tells as NAME, and goes on
 * telling it; the words are those of show_word()),
 * "freeze MS" (the leader's consensus thread stands still, by the time of "done"), "stall MS" (the
 * loop that has all HTTP sides stands still, from "done" on), "end". The end of stdin ends it too.
 */
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/must.h"
#include "config/ciphers.h"
#include "daemon/http.h"
#include "supervisor/cluster_view.h"
#include "tests/lib/hosts.h"
#include "tests/lib/view_kit.h"

struct node {
    struct http *http;
    struct http_settings settings;
    char socket[128];
    char listen[64];
    char api_url[64];
    uv_poll_t store_poll;
    bool polls;
    struct view_board *board;
    char refuses[160]; /* "": nothing */
    char fails[160];
    int restart;       /* how it has ended; ERR_BUSY: it has not */
    bool is_scheduled; /* a restart for later */
    struct buf begun;
};

static struct {
    uv_loop_t loop;
    struct hosts hosts;
    struct node at[HOSTS_MAX];
    struct http_settings common;
    struct secret password;
    const char *allow[8];
    const char *host;
    struct buf priorities;
    bool blank;
    bool views;
    bool ending;
    uv_poll_t words;
    char line[256];
    size_t line_size;
    atomic_ullong frozen_until_ms;
    atomic_bool is_frozen;
} all;

static void on_store(uv_poll_t *poll, int status, int events)
{
    const struct host *h = poll->data;
    (void)status;
    (void)events;
    (void)pgraft_dispatch(h->store);
}

static void start(size_t i)
{
    struct node *node = &all.at[i];
    struct err err = {0};
    hosts_start(&all.hosts, i);
    int code = http_open(&node->settings, &all.loop, all.hosts.at[i].store, &node->http, &err);
    if (code != 0) {
        (void)printf("failed %s\n", err.msg);
        (void)fflush(stdout);
    }
    MUST(code == 0);
    int rc = uv_poll_init(&all.loop, &node->store_poll, pgraft_fd(all.hosts.at[i].store));
    MUST(rc == 0);
    node->store_poll.data = &all.hosts.at[i];
    rc = uv_poll_start(&node->store_poll, UV_READABLE, on_store);
    MUST(rc == 0);
    node->polls = true;
}

static void stop(size_t i)
{
    struct node *node = &all.at[i];
    if (node->http == NULL) {
        return;
    }
    http_stop(node->http);
    (void)uv_poll_stop(&node->store_poll);
    uv_close((uv_handle_t *)&node->store_poll, NULL);
    hosts_stop(&all.hosts, i);
    http_close(node->http);
    node->http = NULL;
}

static void print_node(size_t i)
{
    const struct node *node = &all.at[i];
    (void)printf("%s %s %u\n", all.hosts.at[i].name, http_socket(node->http),
                 http_port(node->http));
}

/* ---- tasks: what was asked for is written down ---- */

static int may_begin(struct node *node, struct err *err)
{
    char why[sizeof(node->refuses)];
    memcpy(why, node->refuses, sizeof(why));
    node->refuses[0] = '\0';
    return why[0] != '\0' ? err_set(err, ERR_REFUSED, "%s", why) : 0;
}

static int on_restart(void *ctx, uint64_t timeout_ms, uint64_t *ret_id, struct err *err)
{
    struct node *node = ctx;
    int code = may_begin(node, err);
    if (code == 0) {
        *ret_id = 7;
        node->restart = ERR_BUSY;
        buf_printf(&node->begun, " restart:%llu", (unsigned long long)timeout_ms);
    }
    return code;
}

static int on_ended(void *ctx, uint64_t id, struct err *err)
{
    const struct node *node = ctx;
    MUST(id == 7);
    return node->restart == 0 ? 0 : err_set(err, node->restart, "%s", node->fails);
}

/* On disk with the next word of the test; a second one while it is there is refused. */
static int on_restart_later(void *ctx, const struct restart_order *order, uint64_t *ret_id,
                            struct err *err)
{
    struct node *node = ctx;
    int code = may_begin(node, err);
    if (code == 0 && node->is_scheduled) {
        code = err_set(err, ERR_EXISTS, "Another restart is already scheduled");
    }
    if (code == 0) {
        *ret_id = 7;
        node->restart = ERR_BUSY;
        node->is_scheduled = true;
        buf_printf(&node->begun, " later:%s:%s:%s:%d:%llu", order->at, order->role, order->version,
                   order->only_pending, (unsigned long long)order->timeout_ms);
    }
    return code;
}

static int on_restart_never(void *ctx, uint64_t *ret_id, struct err *err)
{
    struct node *node = ctx;
    int code = may_begin(node, err);
    if (code == 0 && !node->is_scheduled) {
        code = err_set(err, ERR_NOT_FOUND, "no restarts are scheduled");
    }
    if (code == 0) {
        *ret_id = 7;
        node->restart = ERR_BUSY;
        node->is_scheduled = false;
        buf_str(&node->begun, " never");
    }
    return code;
}

static int on_reinitialize(void *ctx, bool force, bool from_leader, struct err *err)
{
    struct node *node = ctx;
    int code = may_begin(node, err);
    if (code == 0) {
        buf_printf(&node->begun, " reinitialize:%d:%d", force, from_leader);
    }
    return code;
}

static int on_keep_copy(void *ctx, struct err *err)
{
    struct node *node = ctx;
    if (node->begun.size == 0) {
        return err_set(err, ERR_NOT_FOUND, "no reinitialize is pending");
    }
    return may_begin(node, err);
}

static void on_reload(void *ctx)
{
    struct node *node = ctx;
    buf_str(&node->begun, " reload");
}

/* What this node goes by: it is known of "ttl" alone, and "later" is never answered. */
static int on_explain(void *ctx, const char *name, http_explain_cb done, void *owner,
                      struct err *err)
{
    struct node *node = ctx;
    CLEANUP(buf_close) struct buf out = {0};
    struct err none = {0};
    buf_printf(&node->begun, " explain:%s", name != NULL ? name : "-");
    if (name != NULL && strcmp(name, "busy") == 0) {
        return err_set(err, ERR_BUSY, "4 such questions are under way");
    }
    if (name != NULL && strcmp(name, "later") == 0) {
        return 0;
    }
    bool is_known = name == NULL || strcmp(name, "ttl") == 0;
    buf_str(&out, "{\"settings\":[]}");
    if (!is_known) {
        (void)err_set(&none, ERR_NOT_FOUND, "there is no setting \"%s\"", name);
    }
    done(owner, is_known ? NULL : &none, &out);
    return 0;
}

static void on_forget(void *ctx, void *owner)
{
    struct node *node = ctx;
    MUST(owner != NULL);
    buf_str(&node->begun, " forgotten");
}

static void take_task(struct node *node, const char *what)
{
    const char *why = strchr(what, ' ') != NULL ? strchr(what, ' ') + 1 : "";
    if (strncmp(what, "refuse ", 7) == 0) {
        (void)snprintf(node->refuses, sizeof(node->refuses), "%s", why);
    } else {
        (void)snprintf(node->fails, sizeof(node->fails), "%s", why);
        node->restart = strncmp(what, "fail ", 5) == 0 ? ERR_REFUSED : 0;
    }
}

static void settings_of(size_t i)
{
    struct node *node = &all.at[i];
    node->settings = all.common;
    node->settings.scope = "test";
    node->settings.space = "/service/";
    node->settings.name = all.hosts.at[i].name;
    node->settings.voters_max = 7;
    (void)snprintf(node->socket, sizeof(node->socket), "%s/%s.sock", all.hosts.scratch.dir,
                   all.hosts.at[i].name);
    (void)snprintf(node->listen, sizeof(node->listen), "%s:0", all.host);
    node->settings.sockets[0] = "/nowhere/at/all.sock";
    node->settings.sockets[1] = node->socket;
    node->settings.listen = node->listen;
    node->settings.explain =
        (struct http_explain){.begin = on_explain, .forget = on_forget, .ctx = node};
    if (all.views) {
        node->board = view_board_create(true);
        node->settings.board = node->board;
        node->settings.tasks = (struct http_tasks){.restart = on_restart,
                                                   .ended = on_ended,
                                                   .restart_later = on_restart_later,
                                                   .restart_never = on_restart_never,
                                                   .kept = on_ended,
                                                   .reinitialize = on_reinitialize,
                                                   .keep_copy = on_keep_copy,
                                                   .reload = on_reload,
                                                   .ctx = node};
    }
}

/* ---- words ---- */

/* "behind=64", as "behind" and what stands behind it. */
static void show_value(struct cluster_view *view, const char *name, const char *value)
{
    if (strcmp(name, "sync") == 0) {
        view_kit_sync(view, SYNC_ON, value);
    } else if (strcmp(name, "quorum") == 0) {
        view_kit_sync(view, SYNC_QUORUM, value);
    } else if (strcmp(name, "level") == 0) {
        view->level = strtoul(value, NULL, 10);
    } else if (strcmp(name, "out") == 0) { /* by an operator's fence */
        struct view_member *m = view_kit_member(view, value);
        m->is_fenced = m->never_leads = true;
        view_text_set(m->fence, sizeof(m->fence), "fenced by a test");
    } else if (strcmp(name, "behind") == 0) {
        view->self.replayed.lsn -= strtoul(value, NULL, 10);
    } else if (strcmp(name, "ahead") == 0) { /* whoever it streams from */
        view->self.latest_end = (struct view_lsn){true, VIEW_KIT_LSN + strtoul(value, NULL, 10)};
    } else if (strcmp(name, "state") == 0) { /* by Patroni's number */
        view->self.state = (enum view_state)(strtol(value, NULL, 10) + 1);
    } else if (strcmp(name, "role") == 0) {
        while (strcmp(view_role_name(view->self.role), value) != 0) {
            view->self.role = (enum view_role)((view->self.role + 1) % (VIEW_PROMOTED + 1));
        }
    } else if (strcmp(name, "gone") == 0) {
        view_kit_member(view, value)->is_fresh = false;
    } else if (strcmp(name, "blind") == 0) { /* nothing is known of what it has */
        struct view_member *m = view_kit_member(view, value);
        m->received.is_known = m->replayed.is_known = false;
    } else if (strcmp(name, "true") == 0) {
        view_kit_tag(&view->self.tags, value, "true", VIEW_TAG_BOOL);
    } else {
        view_kit_tag(&view->self.tags, name, value, VIEW_TAG_TEXT);
    }
}

static void show_restart(struct view_restart *restart)
{
    restart->is_pending = true;
    restart->reason_count = 1;
    view_text_set(restart->reasons[0].parameter, sizeof(restart->reasons[0].parameter),
                  "max_connections");
    view_text_set(restart->reasons[0].old_value, sizeof(restart->reasons[0].old_value), "100");
    view_text_set(restart->reasons[0].new_value, sizeof(restart->reasons[0].new_value), "101");
}

/* One that is due later. */
static void show_later(struct view_restart *restart)
{
    view_text_set(restart->schedule, sizeof(restart->schedule), "2126-12-01T04:00:00+01:00");
    restart->only_pending = true;
}

static void show_word(struct cluster_view *view, char *word)
{
    char *value = strchr(word, '=');
    if (value != NULL) {
        *value = '\0';
        show_value(view, word, value + 1);
    } else if (strcmp(word, "failsafe") == 0) {
        view->failsafe_is_wanted = true;
    } else if (strcmp(word, "paused") == 0) {
        view->is_paused = true;
    } else if (strcmp(word, "alone") == 0) {
        view->has_quorum = false;
    } else if (strcmp(word, "fenced") == 0) {
        view->self.serves_writes = false;
    } else if (strcmp(word, "starting") == 0) {
        view->self.state = VIEW_STARTING;
    } else if (strcmp(word, "silent") == 0) {
        view->self.sql_answers = false;
    } else if (strcmp(word, "archive") == 0) {
        view->self.flow = VIEW_ARCHIVE;
    } else if (strcmp(word, "pending") == 0) {
        show_restart(&view->self.restart);
        show_restart(&view_kit_member(view, view->name.text)->restart);
    } else if (strcmp(word, "later") == 0) {
        show_later(&view->self.restart);
        show_later(&view_kit_member(view, view->name.text)->restart);
    } else if (strcmp(word, "lost") == 0) { /* the lease is */
        view->self.lease_until_boot_ms = 0;
    } else if (strcmp(word, "leaderless") == 0) {
        memset(&view->leader, 0, sizeof(view->leader));
    } else if (strcmp(word, "lonely") == 0) { /* pg1 is the only member */
        view->member_count = 1;
    } else if (strcmp(word, "scheduled") == 0) {
        view_text_set(view->switchover_at, sizeof(view->switchover_at),
                      "2126-12-01T04:00:00+01:00");
        view->switchover_from = view->leader;
        view_text_set(view->switchover_to.text, sizeof(view->switchover_to.text), "pg2");
    } else {
        MUST(strcmp(word, "standbys") == 0); /* the cluster follows another one */
        view->is_standby_cluster = true;
        view->self.role = view->self.role == VIEW_PRIMARY ? VIEW_STANDBY_LEADER : VIEW_REPLICA;
    }
}

/* It is of an hour hence, so that it does not get old while a test looks at it; or it is "old". */
static void show_view(size_t i, const char *words)
{
    static struct cluster_view view;
    bool is_old = false;
    char text[sizeof(all.line)];
    char *rest = NULL;
    uint64_t hence_ms = clock_boot_ms(clock_system()) + 3600 * MS_PER_S;
    view_text_set(text, sizeof(text), words);
    view_kit_fill(&view, strtok_r(text, " ", &rest));
    for (char *word = strtok_r(NULL, " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest)) {
        if (strcmp(word, "old") == 0) {
            is_old = true;
        } else {
            show_word(&view, word);
        }
    }
    if (view.member_count > 1) {
        view_kit_member(&view, view.name.text)->tags = view.self.tags;
    }
    view.self.lease_until_boot_ms = view.self.lease_until_boot_ms > 0 ? hence_ms : 0;
    uint64_t since_ms = 3600 * MS_PER_S + VIEW_STALE_MS + 1;
    view_board_publish(all.at[i].board, &view, is_old ? hence_ms - since_ms : hence_ms);
}

static void rest(uint64_t ms)
{
    struct timespec pause = {.tv_sec = (time_t)(ms / MS_PER_S),
                             .tv_nsec = (long)(ms % MS_PER_S * NS_PER_MS)};
    (void)nanosleep(&pause, NULL);
}

static void freeze(uint64_t ms)
{
    atomic_store(&all.frozen_until_ms, clock_mono_ms(clock_system()) + ms);
    while (!atomic_load(&all.is_frozen)) {
        rest(1);
    }
}

static void end(void)
{
    for (size_t i = 0; i < all.hosts.count; i++) {
        stop(i);
    }
    uv_close((uv_handle_t *)&all.words, NULL);
    all.ending = true;
}

static void obey(const char *line)
{
    unsigned long i = strtoul(line + strcspn(line, " "), NULL, 10) - 1;
    struct err err = {0};
    uint64_t stall_ms = 0;
    bool known = i < all.hosts.count;
    if (strncmp(line, "stop ", 5) == 0 && known) {
        stop(i);
    } else if (strncmp(line, "start ", 6) == 0 && known) {
        start(i);
        print_node(i);
    } else if (strncmp(line, "reload ", 7) == 0 && known) {
        int code = http_reload(all.at[i].http, &all.at[i].settings, &err);
        (void)printf(code == 0 ? "reloaded\n" : "refused %s\n", err.msg);
    } else if (strncmp(line, "view ", 5) == 0 && known && all.views) {
        show_view(i, strchr(line + 5, ' ') + 1);
    } else if (strncmp(line, "task ", 5) == 0 && known) {
        take_task(&all.at[i], strchr(line + 5, ' ') + 1);
    } else if (strncmp(line, "tasks ", 6) == 0 && known) {
        (void)printf("begun%s\n", buf_text(&all.at[i].begun));
        buf_clear(&all.at[i].begun);
    } else if (strncmp(line, "freeze ", 7) == 0) {
        freeze(i + 1);
    } else if (strncmp(line, "stall ", 6) == 0) {
        stall_ms = i + 1;
    } else if (strcmp(line, "end") == 0) {
        end();
    }
    (void)printf("done\n");
    (void)fflush(stdout);
    rest(stall_ms);
}

static void on_words(uv_poll_t *poll, int status, int events)
{
    (void)poll;
    (void)events;
    ssize_t got = status == 0 ? read(STDIN_FILENO, all.line + all.line_size,
                                     sizeof(all.line) - 1 - all.line_size)
                              : 0;
    if (got <= 0) {
        end();
        return;
    }
    all.line_size += (size_t)got;
    all.line[all.line_size] = '\0';
    char *newline = NULL;
    while (!all.ending && (newline = strchr(all.line, '\n')) != NULL) {
        *newline = '\0';
        obey(all.line);
        all.line_size -= (size_t)(newline + 1 - all.line);
        memmove(all.line, newline + 1, all.line_size + 1);
    }
}

/* ---- options ---- */

static enum http_verify verify_of(const char *word)
{
    return strcmp(word, "required") == 0   ? HTTP_VERIFY_REQUIRED
           : strcmp(word, "optional") == 0 ? HTTP_VERIFY_OPTIONAL
                                           : HTTP_VERIFY_NONE;
}

static void take_option(const char *name, const char *value)
{
    struct http_settings *s = &all.common;
    if (strcmp(name, "--user") == 0) {
        s->user = value;
    } else if (strcmp(name, "--password") == 0) {
        secret_set(&all.password, value, strlen(value));
        s->password = &all.password;
    } else if (strcmp(name, "--allow") == 0) {
        MUST(s->allowlist_count < ARRAY_LEN(all.allow));
        all.allow[s->allowlist_count] = value;
        s->allowlist_count++;
        s->allowlist = all.allow;
    } else if (strcmp(name, "--allow-members") == 0) {
        s->allow_members = true;
    } else if (strcmp(name, "--ciphers") == 0) {
        int code = ciphers_translate(value, &all.priorities, NULL);
        MUST(code == 0);
        s->priorities = buf_text(&all.priorities);
    } else if (strcmp(name, "--views") == 0) {
        all.views = true;
    } else if (strcmp(name, "--listen") == 0) {
        all.host = value;
    } else if (strcmp(name, "--certfile") == 0) {
        s->certfile = value;
    } else if (strcmp(name, "--keyfile") == 0) {
        s->keyfile = value;
    } else if (strcmp(name, "--cafile") == 0) {
        s->cafile = value;
    } else if (strcmp(name, "--verify") == 0) {
        s->verify = verify_of(value);
    } else {
        MUST(strcmp(name, "--connections") == 0);
        s->connections_max = (uint32_t)strtoul(value, NULL, 10);
    }
}

static uint64_t on_advise(void *ctx, const struct pgraft_view *view,
                          struct pgraft_transaction *transaction)
{
    (void)ctx;
    (void)view;
    (void)transaction;
    while (clock_mono_ms(clock_system()) < atomic_load(&all.frozen_until_ms)) {
        atomic_store(&all.is_frozen, true);
        rest(10);
    }
    atomic_store(&all.is_frozen, false);
    return 50;
}

static void store_settings(struct pgraft_settings *settings, size_t host)
{
    settings->api_url = all.at[host].api_url;
    settings->advise = on_advise;
    if (all.blank) {
        static char peers[128];
        (void)snprintf(peers, sizeof(peers), "n1=%s,n9=127.0.0.1:9", all.hosts.at[host].address);
        settings->peers = peers; /* n9 never comes */
    }
}

int main(int argc, char **argv)
{
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)signal(SIGPIPE, SIG_IGN);
    MUST(argc >= 2);
    all.host = "127.0.0.1";
    for (int i = 2; i < argc; i++) {
        if (strcmp(argv[i], "--blank") == 0) {
            all.blank = true;
            continue;
        }
        MUST(i + 1 < argc);
        take_option(argv[i], argv[i + 1]);
        i++;
    }
    int rc = uv_loop_init(&all.loop);
    MUST(rc == 0);
    hosts_open(&all.hosts, strtoul(argv[1], NULL, 10));
    all.hosts.settings = store_settings;
    for (size_t i = 0; i < all.hosts.count; i++) {
        settings_of(i);
        (void)snprintf(all.at[i].api_url, sizeof(all.at[i].api_url), "http://%s:%zu", all.host,
                       8008 + i);
        start(i);
        print_node(i);
    }
    for (size_t i = 0; !all.blank && i < all.hosts.count; i++) {
        hosts_until_ready(&all.hosts, i, all.hosts.count);
    }
    (void)printf("ready\n");
    (void)fflush(stdout);
    rc = uv_poll_init(&all.loop, &all.words, STDIN_FILENO);
    MUST(rc == 0);
    rc = uv_poll_start(&all.words, UV_READABLE, on_words);
    MUST(rc == 0);
    (void)uv_run(&all.loop, UV_RUN_DEFAULT);
    rc = uv_loop_close(&all.loop);
    MUST(rc == 0);
    for (size_t i = 0; i < all.hosts.count; i++) {
        view_board_destroy(all.at[i].board);
    }
    hosts_close(&all.hosts);
    secret_close(&all.password);
    buf_close(&all.priorities);
    return 0;
}
