/* tests/lib/net_kit.c - nodes and strangers on one loop. */
#include "tests/lib/net_kit.h"

#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/must.h"
#include "consensus/net/address.h"

#define FILES_MAX 32
#define PULSE_MS 5

static char paths[FILES_MAX][320];
static size_t path_count;

/* ---- what nodes see ---- */

/* Its place among those that are up; their count: it is not. */
static size_t find_up(const struct kit_node *node, uint64_t id)
{
    size_t at = 0;
    while (at < node->ids_up_count && node->ids_up[at] != id) {
        at++;
    }
    return at;
}

/* What an owner may do inside any callback. */
static void maybe_give_up(struct kit_node *node)
{
    if (node->gives_up && node->net != NULL) {
        net_set_peers(node->net, NULL, 0);
    }
}

static void on_message(void *ctx, const struct peer_message *message)
{
    struct kit_node *node = ctx;
    MUST(find_up(node, message->from) < node->ids_up_count);
    maybe_give_up(node);
    node->messages++;
    node->from = message->from;
    node->term = message->term;
    for (size_t i = 0; message->kind == PEER_APPEND && i < message->append.count; i++) {
        node->bytes += message->append.entries[i].size;
    }
}

static void on_up(void *ctx, const struct net_node *peer)
{
    struct kit_node *node = ctx;
    MUST(find_up(node, peer->id) == node->ids_up_count);
    MUST(node->ids_up_count < NET_PEERS_MAX);
    node->ids_up[node->ids_up_count++] = peer->id;
    maybe_give_up(node);
    node->ups++;
    node->up_id = peer->id;
}

static void on_down(void *ctx, const struct net_node *peer)
{
    struct kit_node *node = ctx;
    size_t at = find_up(node, peer->id);
    MUST(at < node->ids_up_count);
    node->ids_up[at] = node->ids_up[--node->ids_up_count];
    maybe_give_up(node);
    node->downs++;
    node->down_id = peer->id;
}

static void on_event(void *ctx, const struct net_event *event)
{
    struct kit_node *node = ctx;
    MUST(event->text[0] != '\0');
    maybe_give_up(node);
    if (node->event_count == KIT_EVENTS_MAX) {
        return;
    }
    struct kit_event *kept = &node->events[node->event_count++];
    *kept = (struct kit_event){
        .kind = event->kind, .told = event->told, .node_id = event->node_id, .more = event->more};
    (void)snprintf(kept->name, sizeof(kept->name), "%s", event->name);
    (void)snprintf(kept->address, sizeof(kept->address), "%s", event->address);
    (void)snprintf(kept->text, sizeof(kept->text), "%s", event->text);
}

static int admit(void *ctx, const struct net_node *peer, struct err *err)
{
    const struct kit_node *node = ctx;
    if (node->not_admitted != NULL && strcmp(node->not_admitted, peer->name) == 0) {
        return err_set(err, ERR_REFUSED, "it was removed from the cluster");
    }
    return 0;
}

static const struct net_callbacks callbacks = {.on_message = on_message,
                                               .on_up = on_up,
                                               .on_down = on_down,
                                               .on_event = on_event,
                                               .admit = admit};

/* ---- the kit ---- */

static void watchdog_cb(uv_timer_t *timer)
{
    struct kit *kit = timer->data;
    kit->late = true;
}

static void describe(struct kit *kit, size_t i)
{
    struct kit_node *node = &kit->nodes[i];
    *node = (struct kit_node){.kit = kit};
    /* An address of its own, so that its port is still free when it comes back: whoever dials on
     * this host does so from 127.0.0.1, and other test programs have other numbers. */
    unsigned int number = (unsigned int)getpid();
    (void)snprintf(node->listen, sizeof(node->listen), "127.%u.%u.%zu:0", 1 + number / 256 % 128,
                   number % 256, i + 2);
    node->settings.listen[0] = node->listen;
    node->settings.limits = net_limits_default();
    node->settings.seed = i + 1;
    struct preface *self = &node->settings.self;
    self->node_id = 10 * (i + 1);
    self->instance = 1000 * (i + 1);
    (void)snprintf(self->namespace, sizeof(self->namespace), "/service/");
    (void)snprintf(self->scope, sizeof(self->scope), "demo");
    (void)snprintf(self->name, sizeof(self->name), "n%zu", i);
    node->security.kind = NET_SECRET;
    node->security.secret_file = kit_file(kit, "secret", KIT_SECRET "\n");
}

static void pulse_cb(uv_timer_t *timer)
{
    (void)timer; /* conditions are looked at after each turn */
}

void kit_open(struct kit *kit)
{
    memset(kit, 0, sizeof(*kit));
    path_count = 0;
    const struct sigaction ignore = {.sa_handler = SIG_IGN};
    int rc = sigaction(SIGPIPE, &ignore, NULL);
    MUST(rc == 0);
    scratch_init(&kit->scratch);
    rc = uv_loop_init(&kit->loop);
    MUST(rc == 0);
    rc = uv_timer_init(&kit->loop, &kit->watchdog);
    MUST(rc == 0);
    kit->watchdog.data = kit;
    rc = uv_timer_init(&kit->loop, &kit->pulse);
    MUST(rc == 0);
    rc = uv_timer_start(&kit->pulse, pulse_cb, PULSE_MS, PULSE_MS);
    MUST(rc == 0);
    for (size_t i = 0; i < KIT_NODES_MAX; i++) {
        describe(kit, i);
    }
}

void kit_close(struct kit *kit)
{
    for (size_t i = 0; i < KIT_NODES_MAX; i++) {
        if (kit->nodes[i].net != NULL) {
            kit_stop(&kit->nodes[i]);
        }
    }
    uv_close((uv_handle_t *)&kit->watchdog, NULL);
    uv_close((uv_handle_t *)&kit->pulse, NULL);
    int rc = uv_run(&kit->loop, UV_RUN_DEFAULT);
    assert_int_equal(rc, 0);
    rc = uv_loop_close(&kit->loop);
    assert_int_equal(rc, 0);
    scratch_close(&kit->scratch);
}

const char *kit_file(struct kit *kit, const char *name, const char *text)
{
    const char *path = scratch_path(&kit->scratch, name);
    FILE *file = fopen(path, "we");
    MUST(file != NULL);
    (void)fputs(text, file);
    int rc = fclose(file);
    MUST(rc == 0);
    rc = chmod(path, S_IRUSR | S_IWUSR);
    MUST(rc == 0);
    for (size_t i = 0; i < path_count; i++) {
        if (strcmp(paths[i], path) == 0) {
            return paths[i];
        }
    }
    MUST(path_count < FILES_MAX);
    (void)snprintf(paths[path_count], sizeof(paths[0]), "%s", path);
    return paths[path_count++];
}

void kit_watch(struct kit *kit)
{
    kit->late = false;
    int rc = uv_timer_start(&kit->watchdog, watchdog_cb, KIT_DEADLINE_MS, 0);
    MUST(rc == 0);
}

void kit_turn(struct kit *kit)
{
    (void)uv_run(&kit->loop, UV_RUN_ONCE);
}

int kit_try_start(struct kit_node *node, const char *address, struct err *err)
{
    struct net_keys *keys = NULL;
    struct net_callbacks mine = callbacks;
    mine.ctx = node;
    node->settings.listen[0] = address;
    node->ids_up_count = 0;
    node->settings.self.instance++;
    if (node->settings.self.address[0] == '\0') {
        (void)snprintf(node->settings.self.address, sizeof(node->settings.self.address),
                       "127.0.0.1:1");
    }
    int rv = net_keys_load(&node->security, &keys, NULL, err);
    return rv != 0 ? rv
                   : net_start(&node->kit->loop, &node->settings, keys, &mine, &node->net, err);
}

void kit_start(struct kit_node *node)
{
    struct err err = {0};
    if (kit_try_start(node, node->listen, &err) != 0 ||
        net_settings_check(&node->settings, &node->security, &err) != 0) {
        fail_msg("%s: %s", node->settings.self.name, err.msg);
    }
    (void)snprintf(node->listen, sizeof(node->listen), "%s", net_listen_address(node->net, 0));
    (void)snprintf(node->settings.self.address, sizeof(node->settings.self.address), "%s",
                   node->listen);
}

static void stopped_cb(void *ctx)
{
    bool *stopped = ctx;
    *stopped = true;
}

void kit_stop(struct kit_node *node)
{
    bool stopped = false;
    net_stop(node->net, stopped_cb, &stopped);
    KIT_WAIT(node->kit, stopped);
    node->net = NULL;
}

void kit_peers(struct kit_node *node, unsigned int who, bool by_id)
{
    struct net_peer peers[KIT_NODES_MAX];
    size_t count = 0;
    for (size_t i = 0; i < KIT_NODES_MAX; i++) {
        const struct kit_node *other = &node->kit->nodes[i];
        if ((who & 1U << i) != 0) {
            peers[count++] = (struct net_peer){.id = by_id ? other->settings.self.node_id : 0,
                                               .name = other->settings.self.name,
                                               .address = other->listen};
        }
    }
    net_set_peers(node->net, peers, count);
}

int kit_send_bytes(struct kit_node *from, const struct kit_node *to, uint64_t number, size_t size)
{
    char *bytes = mem_zalloc(size);
    struct peer_entry entry = {.term = 1, .type = 1, .data = bytes, .size = size};
    struct peer_message message = {.kind = PEER_APPEND,
                                   .from = from->settings.self.node_id,
                                   .to = to->settings.self.node_id,
                                   .life = 1,
                                   .term = number};
    if (size > 0) {
        message.append = (struct peer_append){.count = 1, .entries = &entry};
    }
    int rv = net_send(from->net, &message);
    mem_free(bytes);
    return rv;
}

int kit_send(struct kit_node *from, const struct kit_node *to, uint64_t number)
{
    return kit_send_bytes(from, to, number, 0);
}

const struct kit_event *kit_find(const struct kit_node *node, enum net_event_kind kind)
{
    for (size_t i = 0; i < node->event_count; i++) {
        if (node->events[i].kind == kind) {
            return &node->events[i];
        }
    }
    return NULL;
}

unsigned int kit_count(const struct kit_node *node, enum net_event_kind kind)
{
    unsigned int count = 0;
    for (size_t i = 0; i < node->event_count; i++) {
        count += node->events[i].kind == kind;
    }
    return count;
}

void kit_forget(struct kit_node *node)
{
    node->event_count = 0;
    node->ups = 0;
    node->downs = 0;
    node->messages = 0;
    node->bytes = 0;
}

bool kit_stats(const struct kit_node *node, const struct kit_node *of, struct net_peer_stats *out)
{
    for (size_t i = 0; net_peer_stats(node->net, i, out); i++) {
        if (out->id == of->settings.self.node_id) {
            return true;
        }
    }
    return false;
}

void kit_tell_all(const struct kit *kit)
{
    for (size_t i = 0; i < KIT_NODES_MAX; i++) {
        const struct kit_node *node = &kit->nodes[i];
        print_message("%s: ups=%u downs=%u messages=%u\n", node->settings.self.name, node->ups,
                      node->downs, node->messages);
        for (size_t j = 0; j < node->event_count; j++) {
            const struct kit_event *e = &node->events[j];
            print_message("   %s%s %s at %s: %s\n", net_event_name(e->kind),
                          e->told ? " (told)" : "", e->name, e->address, e->text);
        }
    }
}

/* ---- strangers ---- */

static void stranger_alloc_cb(uv_handle_t *handle, size_t suggested, uv_buf_t *ret)
{
    struct kit_stranger *s = handle->data;
    (void)suggested;
    *ret = uv_buf_init(s->room, sizeof(s->room));
}

static void stranger_read_cb(uv_stream_t *stream, ssize_t got, const uv_buf_t *bytes)
{
    struct kit_stranger *s = stream->data;
    if (got < 0) {
        s->ended = true;
    } else {
        buf_append(&s->got, bytes->base, (size_t)got);
    }
}

static void stranger_connect_cb(uv_connect_t *request, int status)
{
    struct kit_stranger *s = request->data;
    if (status != 0) {
        s->ended = true;
        return;
    }
    s->connected = true;
    int rc = uv_read_start((uv_stream_t *)&s->tcp, stranger_alloc_cb, stranger_read_cb);
    MUST(rc == 0);
}

void stranger_connect(struct kit *kit, struct kit_stranger *s, const char *address)
{
    *s = (struct kit_stranger){.kit = kit};
    struct address_parts parts;
    struct sockaddr_storage to;
    int rc = address_split(address, &parts, NULL);
    MUST(rc == 0);
    bool numeric = address_numeric(&parts, &to);
    MUST(numeric);
    rc = uv_tcp_init(&kit->loop, &s->tcp);
    MUST(rc == 0);
    s->tcp.data = s;
    s->connect.data = s;
    rc = uv_tcp_connect(&s->connect, &s->tcp, (const struct sockaddr *)&to, stranger_connect_cb);
    MUST(rc == 0);
    KIT_WAIT(kit, s->connected || s->ended);
}

void stranger_say(struct kit_stranger *s, const void *bytes, size_t size)
{
    uv_buf_t all = uv_buf_init(NULL, 0);
    union {
        const void *in;
        char *out;
    } text = {.in = bytes};
    all.base = text.out;
    all.len = size;
    int written = uv_try_write((uv_stream_t *)&s->tcp, &all, 1);
    assert_true(written == (int)size || written == UV_EPIPE || written == UV_ECONNRESET);
}

static void stranger_closed_cb(uv_handle_t *handle)
{
    struct kit_stranger *s = handle->data;
    s->closed++;
}

static void await_closed(struct kit_stranger *s, unsigned int handles)
{
    KIT_WAIT(s->kit, s->closed == handles);
    buf_close(&s->got);
}

void stranger_close(struct kit_stranger *s)
{
    unsigned int handles = 0;
    if (s->serves) {
        uv_close((uv_handle_t *)&s->server, stranger_closed_cb);
        handles++;
    }
    if (s->connected || !s->serves) {
        uv_close((uv_handle_t *)&s->tcp, stranger_closed_cb);
        handles++;
    }
    await_closed(s, handles);
}

void stranger_reset(struct kit_stranger *s)
{
    int rc = uv_tcp_close_reset(&s->tcp, stranger_closed_cb);
    MUST(rc == 0);
    await_closed(s, 1);
}

static void stranger_accept_cb(uv_stream_t *server, int status)
{
    struct kit_stranger *s = server->data;
    MUST(status == 0);
    if (s->connected) {
        return; /* the others wait */
    }
    int rc = uv_tcp_init(&s->kit->loop, &s->tcp);
    MUST(rc == 0);
    s->tcp.data = s;
    rc = uv_accept(server, (uv_stream_t *)&s->tcp);
    MUST(rc == 0);
    s->connected = true;
    rc = uv_read_start((uv_stream_t *)&s->tcp, stranger_alloc_cb, stranger_read_cb);
    MUST(rc == 0);
}

const char *stranger_listen(struct kit *kit, struct kit_stranger *s)
{
    *s = (struct kit_stranger){.kit = kit, .serves = true};
    struct sockaddr_in at = {.sin_family = AF_INET};
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int rc = uv_tcp_init(&kit->loop, &s->server);
    MUST(rc == 0);
    s->server.data = s;
    rc = uv_tcp_bind(&s->server, (const struct sockaddr *)&at, 0);
    MUST(rc == 0);
    rc = uv_listen((uv_stream_t *)&s->server, 4, stranger_accept_cb);
    MUST(rc == 0);
    struct sockaddr_storage name;
    int size = sizeof(name);
    rc = uv_tcp_getsockname(&s->server, (struct sockaddr *)&name, &size);
    MUST(rc == 0);
    char text[ADDRESS_TEXT_SIZE];
    (void)snprintf(s->address, sizeof(s->address), "%.60s",
                   address_text((const struct sockaddr *)&name, text));
    return s->address;
}
