/* consensus/node/peers.c - the net of a node: its keys, who comes and goes, and what an operator is
 * told of it. */
#include <string.h>

#include "consensus/node/node.h"

static struct net_security security_of(const struct node_settings *s)
{
    struct net_security security = {.kind = NET_PLAIN, .insecure = s->user.insecure};
    if (s->ca_file != NULL) {
        security.kind = NET_CERTIFICATES;
        security.ca = s->ca_file;
        security.cert = s->cert_file;
        security.key = s->key_file;
    } else if (s->secret_file != NULL) {
        security.kind = NET_SECRET;
        security.secret_file = s->secret_file;
    }
    return security;
}

int peers_load_keys(struct node *n, struct net_keys **ret, struct err *err)
{
    struct net_security security = security_of(&n->settings);
    struct buf warnings = {0};
    int code = net_keys_load(&security, ret, &warnings, err);
    for (char *line = warnings.bytes; code == 0 && line != NULL && *line != '\0';) {
        size_t size = strcspn(line, "\n");
        node_say(n, PGRAFT_EVENT_SECRET, PGRAFT_LEVEL_WARN, "", 0, "%.*s", (int)size, line);
        line += size + (line[size] == '\n' ? 1 : 0);
    }
    buf_close(&warnings);
    return code;
}

/* ---- who comes and goes ---- */

static void on_message(void *ctx, const struct peer_message *message)
{
    node_woken(ctx);
    drain_message(ctx, message);
}

static void on_up(void *ctx, const struct net_node *peer)
{
    struct node *n = ctx;
    node_woken(n);
    if (n->core != NULL) {
        core_greet(n->core, node_now_ms(), peer->id);
    }
    n->poke_now = true;
}

static void on_down(void *ctx, const struct net_node *peer)
{
    struct node *n = ctx;
    node_woken(n);
    jobs_lost_peer(n, peer->id);
}

static void on_event(void *ctx, const struct net_event *event)
{
    struct node *n = ctx;
    enum pgraft_event_kind kind = PGRAFT_EVENT_REFUSED;
    enum pgraft_level level = PGRAFT_LEVEL_WARN;
    if (event->kind == NET_UP) {
        kind = PGRAFT_EVENT_CONNECTED;
        level = PGRAFT_LEVEL_INFO;
    } else if (event->kind == NET_DOWN || event->kind == NET_SILENT) {
        kind = PGRAFT_EVENT_LOST;
    } else if (event->kind == NET_UNREACHABLE || event->kind == NET_UNRESOLVED) {
        kind = PGRAFT_EVENT_LOST;
        level = PGRAFT_LEVEL_INFO;
    }
    guests_note(n, event);
    bool named = event->name != NULL && event->name[0] != '\0';
    node_say(n, kind, level, named ? event->name : event->address, event->kind, "%s", event->text);
}

int peers_open(struct node *n, struct err *err)
{
    const struct net_callbacks callbacks = {.on_message = on_message,
                                            .on_up = on_up,
                                            .on_down = on_down,
                                            .on_event = on_event,
                                            .ctx = n};
    struct net_settings settings = {.listen = {n->settings.listen}, .limits = net_limits_default()};
    struct preface *self = &settings.self;
    settings.seed = node_random();
    self->instance = node_random() | 1;
    self->node_id = n->node_id;
    memcpy(self->cluster_id, n->cluster_id, sizeof(self->cluster_id));
    (void)snprintf(self->namespace, sizeof(self->namespace), "%s", n->settings.space);
    (void)snprintf(self->scope, sizeof(self->scope), "%s", n->settings.scope);
    (void)snprintf(self->name, sizeof(self->name), "%s", n->settings.me.name);
    (void)snprintf(self->address, sizeof(self->address), "%s", n->settings.me.address);
    struct net_security security = security_of(&n->settings);
    int code = net_settings_check(&settings, &security, err);
    struct net_keys *keys = NULL;
    code = code != 0 ? code : peers_load_keys(n, &keys, err);
    if (code != 0) {
        return code;
    }
    return net_start(&n->loop, &settings, keys, &callbacks, &n->net, err);
}
