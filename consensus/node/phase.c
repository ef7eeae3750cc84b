/* consensus/node/phase.c - from a data directory to a core: by way of formation if there is no
 * cluster yet.
 *
 *   open --> has a cluster --> core --> member
 *        '-> has none --> form --(formed: read the disk again)--> core --> member
 *                              '-(found one)--> core --(asks for its place)--> member */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/must.h"
#include "consensus/node/node.h"
#include "consensus/node/whose.h"

static bool has_cluster(const uint8_t *id)
{
    static const uint8_t none[CLUSTER_ID_SIZE];
    return memcmp(id, none, CLUSTER_ID_SIZE) != 0;
}

/* ---- disk ---- */

static void on_store_fatal(void *ctx, const struct err *err)
{
    node_fatal(ctx, err);
}

static void on_store_thread(void *ctx)
{
    node_raise_thread(ctx, NODE_PRIORITY_STORE);
}

static int open_store(struct node *n, struct store_image *ret_image, struct err *err)
{
    CLEANUP(mem_freep) char *path = mem_printf("%s/store", n->settings.directory);
    if (mkdir(n->settings.directory, 0700) != 0 && errno != EEXIST) {
        return err_errno(err, errno, "%s", n->settings.directory);
    }
    struct store_settings settings = {.path = path,
                                      .limit_bytes = n->settings.user.limit_bytes,
                                      .on_fatal = on_store_fatal,
                                      .on_thread = on_store_thread,
                                      .ctx = n};
    int code = store_open(&settings, &n->store, ret_image, err);
    return code;
}

/* A directory is this cluster's from the first start on. An older one is noted now; on a full disk
 * the next start does it. */
static int check_whose(const struct node *n, const struct store_image *image, struct err *err)
{
    const struct node_settings *s = &n->settings;
    const struct whose ours = {.scope = s->scope, .space = s->space};
    int said = image->identity.node_id != 0 ? whose_check(s->directory, &ours, err) : 0;
    if (said != 0) {
        return said < 0 ? said : 0;
    }
    int code = whose_note(s->directory, &ours, err);
    return code == ERR_NO_SPACE ? 0 : code;
}

static void on_store(uv_poll_t *handle, int status, int events)
{
    (void)status;
    (void)events;
    node_woken(handle->data);
    drain_store(handle->data);
}

static int watch_store(struct node *n, struct err *err)
{
    int rv = uv_poll_init(&n->loop, &n->store_poll, store_fd(n->store));
    n->store_watched = rv == 0;
    n->store_poll.data = n;
    rv = rv != 0 ? rv : uv_poll_start(&n->store_poll, UV_READABLE, on_store);
    return rv == 0 ? 0 : err_errno(err, -rv, "uv_poll");
}

/* ---- the core ---- */

static void on_core_fatal(void *ctx, const struct err *err)
{
    node_fatal(ctx, err);
}

static struct core_settings core_settings_of(struct node *n)
{
    const struct pgraft_settings *user = &n->settings.user;
    struct core_settings s = core_settings_default(n->node_id, (uint32_t)node_random());
    s.election_timeout_ms = user->election_timeout_ms;
    s.heartbeat_ms = user->heartbeat_ms;
    s.machine.hub = n->hub;
    s.place_leadership = true;
    s.me = n->settings.me;
    s.wants_vote = user->wants_vote;
    s.voters_max = user->voters_max;
    s.lease_ms = user->lease_ms;
    s.replace_after_ms = user->replace_after_ms != 0 ? user->replace_after_ms : UINT64_MAX / 4;
    s.advisor = advice_of(n);
    return s;
}

static void greet_all(struct node *n)
{
    struct net_peer_stats peer;
    for (size_t i = 0; net_peer_stats(n->net, i, &peer); i++) {
        if (peer.up && peer.id != 0) {
            core_greet(n->core, node_now_ms(), peer.id);
        }
    }
}

static int start_core(struct node *n, const struct store_image *image, struct err *err)
{
    int code = core_may_start(image, err);
    if (code == ERR_REFUSED) {
        err_wrap(err,
                 "%s: this node must not go on under its identity; put the directory away and "
                 "start again: the node joins as a new member",
                 n->settings.directory);
    }
    if (code != 0) {
        return code;
    }
    n->settings.me.id = n->node_id;
    struct core_settings settings = core_settings_of(n);
    n->core = core_create(&settings, node_now_ms(), image, on_core_fatal, n);
    if (has_cluster(image->identity.cluster_id)) {
        memcpy(n->cluster_id, image->identity.cluster_id, CLUSTER_ID_SIZE);
        n->has_cluster = true;
    }
    return 0;
}

/* The core is there: what waited for it goes on. */
static void begin_core(struct node *n)
{
    if (n->has_cluster) {
        net_set_cluster(n->net, n->cluster_id);
    }
    greet_all(n);
    phase_connect(n);
    watchers_open(n);
    core_allow_moves(n->core, !n->moves_forbidden);
    if (n->published.size > 0) {
        (void)core_publish(n->core, node_now_ms(), n->published.bytes, n->published.size);
    }
    LIST_FOR_EACH (struct hold, hold, &n->holds, link) {
        core_hold(n->core, node_now_ms(), &hold->wish);
    }
    n->switching = false;
    n->poke_now = true;
}

/* ---- formation ---- */

static int start_form(struct node *n, const struct store_image *image, struct err *err)
{
    struct form_settings s = form_settings_default();
    memcpy(s.name, n->settings.me.name, sizeof(s.name));
    memcpy(s.site, n->settings.me.site, sizeof(s.site));
    s.kind = n->settings.me.kind;
    s.list = n->settings.list;
    s.asks = n->settings.data_peers;
    s.pgdata = (enum form_pgdata)n->settings.user.data;
    s.adopt = n->settings.user.adopt;
    s.node_id = n->node_id;
    s.seed = node_random();
    return form_create(&s, node_now_ms(), image, &n->form, err);
}

static void add_peer(struct net_peer *list, size_t *count, const struct net_peer *peer)
{
    for (size_t i = 0; i < *count; i++) {
        if (strcmp(list[i].name, peer->name) == 0) {
            return;
        }
    }
    if (*count < NET_PEERS_MAX) {
        list[*count] = *peer;
        (*count)++;
    }
}

static void add_list(const struct node *n, const struct form_list *from, struct net_peer *list,
                     size_t *count)
{
    for (size_t i = 0; i < from->count; i++) {
        const struct form_listed *at = &from->at[i];
        struct net_peer peer = {.name = at->name, .address = at->address};
        if (strcmp(at->name, n->settings.me.name) != 0) {
            add_peer(list, count, &peer);
        }
    }
}

/* Members by their ids; while this node has no place, whoever it was told of. */
void phase_connect(struct node *n)
{
    struct net_peer list[NET_PEERS_MAX];
    struct member_info infos[MEMBERS_MAX];
    size_t count = 0;
    bool is_member = false;
    if (n->core != NULL) {
        struct members members;
        engine_members(core_engine(n->core), &members);
        for (size_t i = 0; i < members.count; i++) {
            bool readable = member_info_decode(members.at[i].info, &infos[i], NULL) == 0;
            is_member = is_member || members.at[i].id == n->node_id;
            if (!readable || members.at[i].id == n->node_id) {
                continue;
            }
            struct net_peer peer = {
                .id = members.at[i].id, .name = infos[i].name, .address = infos[i].address};
            add_peer(list, &count, &peer);
        }
    }
    if (!is_member || n->phase != PGRAFT_MEMBER) {
        add_list(n, &n->settings.list, list, &count);
        add_list(n, &n->settings.data_peers, list, &count);
    }
    for (size_t i = 0; i < ARRAY_LEN(n->guests); i++) {
        const struct node_guest *guest = &n->guests[i];
        struct net_peer peer = {.name = guest->name, .address = guest->address};
        if (guest->until_ms != 0) {
            add_peer(list, &count, &peer);
        }
    }
    net_set_peers(n->net, list, count);
}

static void close_store(struct node *n, uv_close_cb closed)
{
    if (n->store_watched) { /* not yet, if opening failed before that */
        n->store_watched = false;
        (void)uv_poll_stop(&n->store_poll);
        uv_close((uv_handle_t *)&n->store_poll, closed);
    }
    store_close(n->store);
    n->store = NULL;
}

/* Who empties the directory of a node that runs takes away what it has promised and formed: what is
 * there now is another disk. */
static int check_same_disk(const struct node *n, const struct store_image *image, struct err *err)
{
    if (image->identity.node_id == n->node_id) {
        return 0;
    }
    return err_set(err, ERR_CORRUPT,
                   "%s was emptied or replaced while this node ran; empty it and start again: the "
                   "node joins as a new member",
                   n->settings.directory);
}

/* The disk says now what was formed, or found: begin with that. The poll handle of the store has
 * to be gone before the next one: so it is closed here and made again when the loop has let go. */
static void on_poll_closed(uv_handle_t *handle)
{
    struct node *n = handle->data;
    struct store_image image = {0};
    struct err err = {0};
    int code = open_store(n, &image, &err);
    code = code != 0 ? code : check_same_disk(n, &image, &err);
    code = code != 0 ? code : start_core(n, &image, &err);
    store_image_close(&image);
    code = code != 0 ? code : watch_store(n, &err);
    if (code != 0) {
        node_fatal(n, &err);
        return;
    }
    begin_core(n);
    node_turn(n); /* nothing else may come to wake the loop: a cluster of one has no peers */
}

static void switch_to_core(struct node *n)
{
    struct form_found found;
    n->switching = true;
    if (form_found(n->form, &found)) {
        memcpy(n->cluster_id, found.cluster_id, CLUSTER_ID_SIZE);
        n->has_cluster = true;
    }
    bool formed = form_state(n->form) == FORM_FORMED;
    if (formed) {
        struct buf advice = {0};
        form_advise(n->settings.list.count, &advice);
        node_say(n, PGRAFT_EVENT_PHASE, PGRAFT_LEVEL_INFO, "", 0, "the cluster is formed%s%s",
                 advice.size > 0 ? "; " : "", buf_text(&advice));
        buf_close(&advice);
    }
    node_set_phase(n, PGRAFT_JOINING, formed ? "" : "found a cluster, asks for a place in it");
    form_destroy(n->form);
    n->form = NULL;
    close_store(n, on_poll_closed);
}

/* Leaders tell others why they are not let in, and nobody tells the leader. */
void phase_own_refusal(const struct node *n, char *out, size_t size)
{
    struct members members;
    struct member_info info;
    const struct engine *engine = core_engine(n->core);
    engine_members(engine, &members);
    out[0] = '\0';
    for (size_t i = 0; i < members.count && engine_role(engine) == ENGINE_LEADER; i++) {
        bool is_me = members.at[i].id == n->node_id;
        if (!is_me || member_info_decode(members.at[i].info, &info, NULL) != 0) {
            continue;
        }
        const struct member_info *me = &n->settings.me;
        if (info.kind != me->kind) {
            (void)snprintf(
                out, size,
                "%s is a %s in this cluster and was started as a %s: start it as it was, "
                "or let a new node take its place",
                info.name, member_kind_name(info.kind), member_kind_name(me->kind));
        }
    }
}

void phase_turn(struct node *n)
{
    struct store_batch *batch = form_next_batch(n->form);
    if (batch != NULL) {
        store_submit(n->store, batch);
    }
    struct form_message out;
    while (form_next_message(n->form, &out)) {
        (void)net_send_to(n->net, out.name, out.address, &out.message);
    }
    enum form_state state = form_state(n->form);
    if (state == FORM_FORMED || state == FORM_JOIN) {
        switch_to_core(n);
        return;
    }
    struct buf text = {0};
    form_say(n->form, &text);
    node_set_phase(n, state == FORM_REFUSED ? PGRAFT_REFUSED : PGRAFT_FORMING, buf_text(&text));
    buf_close(&text);
}

int phase_open(struct node *n, struct err *err)
{
    struct store_image image = {0};
    int code = open_store(n, &image, err);
    if (code != 0) {
        return code;
    }
    code = check_whose(n, &image, err);
    if (code != 0) {
        store_image_close(&image);
        return code;
    }
    n->node_id = image.identity.node_id != 0 ? image.identity.node_id : node_random() | 1;
    bool member = has_cluster(image.identity.cluster_id);
    if (!member) {
        code = start_form(n, &image, err);
        n->node_id = code == 0 ? form_node_id(n->form) : n->node_id;
    } else {
        code = start_core(n, &image, err);
    }
    store_image_close(&image);
    code = code != 0 ? code : watch_store(n, err);
    return code;
}

void phase_begin(struct node *n)
{
    if (n->core != NULL) {
        node_set_phase(n, PGRAFT_JOINING, "");
        begin_core(n);
    } else {
        phase_connect(n);
    }
}

void phase_close(struct node *n)
{
    form_destroy(n->form);
    core_destroy(n->core);
    n->form = NULL;
    n->core = NULL;
    if (n->store != NULL) {
        close_store(n, NULL);
    }
}
