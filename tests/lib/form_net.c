/* tests/lib/form_net.c - virtual nodes, disks and messages for formation. */
#include "tests/lib/form_net.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/must.h"

static const char all[] = "pg1=h1:1,pg2=h2:1,pg3=h3:1,pg4=h4:1";
static const char *const lists[] = {"", "pg1=h1:1", "pg1=h1:1,pg2=h2:1",
                                    "pg1=h1:1,pg2=h2:1,pg3=h3:1", all};

static uint64_t draw(struct net *net, uint64_t below)
{
    net->seed ^= net->seed << 13;
    net->seed ^= net->seed >> 7;
    net->seed ^= net->seed << 17;
    return net->seed % below;
}

static void broken(struct net *net, const char *what, size_t node)
{
    if (net->broken[0] == '\0') {
        (void)snprintf(net->broken, sizeof(net->broken), "step %llu, pg%zu: %s",
                       (unsigned long long)net->steps, node + 1, what);
    }
}

/* --- what is on disk --- */

static bool has_cluster(const struct store_image *image)
{
    static const uint8_t none[CLUSTER_ID_SIZE];
    return memcmp(image->identity.cluster_id, none, CLUSTER_ID_SIZE) != 0;
}

/* What is durable; what waits goes on waiting. */
static void peek(const struct net_node *n, struct store_image *ret_image)
{
    struct store_double *copy = store_double_clone(n->disk);
    store_double_load(copy, ret_image);
    store_double_destroy(copy);
}

static bool was_promised(const struct net *net, uint64_t id, const uint8_t *cluster_id)
{
    for (size_t i = 0; i < net->promises_count; i++) {
        if (net->promises[i].id == id &&
            memcmp(net->promises[i].cluster_id, cluster_id, CLUSTER_ID_SIZE) == 0) {
            return true;
        }
    }
    return false;
}

static bool same(const struct form_proposal *a, const struct form_proposal *b)
{
    struct form_key x;
    struct form_key y;
    form_proposal_key(a, &x);
    form_proposal_key(b, &y);
    return form_key_equal(&x, &y);
}

/* The proposer of @p has given its durable word that it is nothing any more. */
static bool was_cancelled(const struct net *net, const struct form_proposal *p)
{
    for (size_t i = 0; i < net->count; i++) {
        const struct net_node *n = &net->nodes[i];
        if (n->id == p->at[0].id && (n->durable.floor > p->number || n->member)) {
            return true;
        }
    }
    return false;
}

/* A node has found or written what is durable now. */
static void note_durable(struct net *net, size_t node)
{
    struct net_node *n = &net->nodes[node];
    struct store_image image;
    struct form_record now;
    peek(n, &image);
    int code = form_record_load(&image, &now, NULL);
    MUST(code == 0);
    bool member = has_cluster(&image);
    store_image_close(&image);
    const struct form_record *was = &n->durable;
    bool changed =
        was->promised && !member && (!now.promised || !same(&was->promise, &now.promise));
    if (changed && now.promised &&
        (now.promise.at[0].id != was->promise.at[0].id ||
         now.promise.number <= was->promise.number)) {
        broken(net, "a promise became another", node);
    }
    struct form_proposal before = was->promise;
    n->durable = now;
    if (changed && !n->forgets && !was_cancelled(net, &before)) {
        broken(net, "a promise went away", node);
    }
    n->forgets = false;
    if (now.promised && !was_promised(net, n->id, now.promise.cluster_id)) {
        MUST(net->promises_count < NET_PROMISES);
        struct net_promise *p = &net->promises[net->promises_count];
        p->id = n->id;
        memcpy(p->cluster_id, now.promise.cluster_id, CLUSTER_ID_SIZE);
        net->promises_count++;
    }
}

/* What is said is durable. */
static void check_message(struct net *net, size_t node, const struct peer_message *m)
{
    const struct net_node *n = &net->nodes[node];
    struct store_image image;
    struct form_record disk;
    peek(n, &image);
    int code = form_record_load(&image, &disk, NULL);
    MUST(code == 0);
    bool member = has_cluster(&image);
    bool true_id = image.identity.node_id == m->from;
    store_image_close(&image);
    struct form_key key;
    if (disk.promised) {
        form_proposal_key(&disk.promise, &key);
    }
    const struct peer_form_hello *h = &m->form_hello;
    bool honest = m->kind == PEER_FORM_PROPOSAL ? disk.promised : h->floor <= disk.floor || member;
    if (m->kind == PEER_FORM_HELLO && h->standing == FORM_PROMISED) {
        honest = honest && disk.promised && h->number == key.number &&
                 memcmp(h->cluster_id, key.cluster_id, CLUSTER_ID_SIZE) == 0;
    }
    if (m->kind == PEER_FORM_HELLO && h->standing == FORM_MEMBER) {
        honest = honest && member;
    }
    if (!honest || !true_id) {
        broken(net, "a message says what is not durable", node);
    }
}

static void check_cluster(struct net *net, size_t node, const struct store_image *image,
                          const struct store_entry *first)
{
    for (size_t i = 0; i < net->clusters; i++) {
        if (memcmp(net->cluster_ids[i], image->identity.cluster_id, CLUSTER_ID_SIZE) == 0) {
            if (net->entries[i].size != first->size ||
                memcmp(net->entries[i].bytes, first->data, first->size) != 0) {
                broken(net, "another entry 1 of the same cluster", node);
            }
            return;
        }
    }
    MUST(net->clusters < ARRAY_LEN(net->entries));
    memcpy(net->cluster_ids[net->clusters], image->identity.cluster_id, CLUSTER_ID_SIZE);
    buf_append(&net->entries[net->clusters], first->data, first->size);
    net->clusters++;
}

/* No two disks that exist belong to different clusters. */
static void check_neighbours(struct net *net, size_t node, const struct store_image *image)
{
    for (size_t i = 0; i < net->count; i++) {
        const struct net_node *other = &net->nodes[i];
        struct store_image theirs;
        peek(other, &theirs);
        if (has_cluster(&theirs) &&
            memcmp(theirs.identity.cluster_id, image->identity.cluster_id, CLUSTER_ID_SIZE) != 0) {
            broken(net, "two clusters", node);
        }
        store_image_close(&theirs);
    }
}

/* A machine of its own is over, and a member begins. */
static void become_member(struct net *net, size_t node, const struct store_image *image)
{
    struct net_node *n = &net->nodes[node];
    struct store_entry first;
    size_t at = 0;
    struct store_row row;
    size_t row_at = 0;
    if (!store_batch_next_entry(image->content, &at, &first) || first.index != 1 ||
        first.term != 1 || first.type != ENTRY_CHANGE || image->hard.term != 1 ||
        image->hard.vote != 0 || image->log_last != 1 || image->identity.node_id != n->id) {
        broken(net, "a member without entry 1, term 1 or itself", node);
        return;
    }
    if (store_batch_next_row(image->content, &row_at, &row)) {
        broken(net, "a member that keeps a promise", node);
    }
    check_cluster(net, node, image, &first);
    int code = members_decode(first.data, first.size, &n->members, &n->members_bytes, NULL);
    MUST(code == 0);
    struct member_info info = {.id = 0};
    bool listed = false;
    for (size_t i = 0; i < n->members.count; i++) {
        code = member_info_decode(n->members.at[i].info, &info, NULL);
        MUST(code == 0);
        MUST(info.id == n->members.at[i].id);
        if (!was_promised(net, info.id, image->identity.cluster_id)) {
            broken(net, "a cluster without the promises of all", node);
        }
        if (info.id == n->id) {
            n->me.info = info;
            listed = true;
        }
    }
    if (!listed) {
        broken(net, "a member of a cluster that does not list it", node);
    }
    memcpy(n->me.cluster_id, image->identity.cluster_id, CLUSTER_ID_SIZE);
    n->me.members = &n->members;
    form_destroy(n->form);
    n->form = NULL;
    n->member = true;
}

/* --- nodes --- */

static void put(struct net *net, size_t to, const struct peer_message *message, uint64_t due_ms)
{
    MUST(net->letters_count < NET_LETTERS);
    struct net_letter *letter = &net->letters[net->letters_count];
    *letter = (struct net_letter){.to = to, .due_ms = due_ms};
    peer_message_copy(&letter->message, message, &letter->bytes);
    net->letters_count++;
}

static size_t by_name(const struct net *net, const char *name)
{
    size_t node = 0;
    while (node < net->count && strcmp(net->nodes[node].name, name) != 0) {
        node++;
    }
    return node;
}

void net_after(struct net *net, size_t node)
{
    struct net_node *n = &net->nodes[node];
    struct store_batch *batch = form_next_batch(n->form);
    if (batch != NULL) {
        MUST(form_next_batch(n->form) == NULL);
        net->batches++;
        store_double_submit(n->disk, batch);
    }
    struct form_message m;
    while (form_next_message(n->form, &m)) {
        size_t to = by_name(net, m.name);
        check_message(net, node, &m.message);
        if (to < net->count && !n->cut) {
            put(net, to, &m.message, net->now_ms);
        }
    }
    if (form_state(n->form) == FORM_FORMED) {
        struct store_image image;
        peek(n, &image);
        become_member(net, node, &image);
        check_neighbours(net, node, &image);
        store_image_close(&image);
    }
}

void net_start(struct net *net, size_t node)
{
    struct net_node *n = &net->nodes[node];
    MUST(n->form == NULL);
    MUST(!n->member);
    n->up_at_ms = 0;
    note_durable(net, node);
    struct store_image image;
    store_double_load(n->disk, &image);
    if (has_cluster(&image)) {
        become_member(net, node, &image);
        check_neighbours(net, node, &image);
        store_image_close(&image);
        return;
    }
    struct form_settings s = form_settings_default();
    memcpy(s.name, n->name, sizeof(n->name));
    s.kind = n->kind;
    s.pgdata = n->pgdata;
    s.adopt = n->adopt;
    s.node_id = n->id;
    s.seed = n->id * 77 + net->steps;
    int code = form_list_parse(n->list, &s.list, NULL);
    MUST(code == 0);
    code = n->asks != NULL ? form_list_parse(n->asks, &s.asks, NULL) : 0;
    MUST(code == 0);
    code = form_create(&s, net->now_ms, &image, &n->form, NULL);
    MUST(code == 0);
    store_image_close(&image);
    net_after(net, node);
}

static void name_node(struct net *net, size_t node)
{
    struct net_node *n = &net->nodes[node];
    (void)snprintf(n->name, sizeof(n->name), "pg%zu", node + 1);
    n->id = 0x1000 * (node + 1) + n->wiped;
    n->disk = store_double_create();
    memset(&n->durable, 0, sizeof(n->durable));
}

void net_open(struct net *net, size_t count, const char *list)
{
    memset(net, 0, sizeof(*net));
    MUST(count <= NET_NODES);
    net->count = count;
    net->now_ms = 1000;
    for (size_t i = 0; i < count; i++) {
        struct net_node *n = &net->nodes[i];
        n->list = list != NULL ? list : lists[count];
        n->kind = MEMBER_DATABASE;
        name_node(net, i);
    }
}

void net_close(struct net *net)
{
    for (size_t i = 0; i < net->count; i++) {
        form_destroy(net->nodes[i].form);
        store_double_destroy(net->nodes[i].disk);
        buf_close(&net->nodes[i].members_bytes);
    }
    while (net->letters_count > 0) {
        net_letter_lose(net, 0);
    }
    for (size_t i = 0; i < ARRAY_LEN(net->entries); i++) {
        buf_close(&net->entries[i]);
    }
}

void net_crash(struct net *net, size_t node, bool survives, bool wiped, uint64_t down_ms)
{
    struct net_node *n = &net->nodes[node];
    if (n->up_at_ms != 0) {
        return;
    }
    form_destroy(n->form);
    n->form = NULL;
    n->member = false;
    store_double_crash(n->disk, survives ? store_double_waiting(n->disk) : 0);
    if (wiped) {
        store_double_destroy(n->disk);
        n->wiped++;
        name_node(net, node);
    }
    n->up_at_ms = net->now_ms + down_ms;
    if (down_ms == 0) {
        net_start(net, node);
    }
}

/* --- messages --- */

void net_letter_lose(struct net *net, size_t at)
{
    if (at < net->letters_count) {
        buf_close(&net->letters[at].bytes);
        net->letters_count--;
        memmove(net->letters + at, net->letters + at + 1,
                (net->letters_count - at) * sizeof(net->letters[0]));
    }
}

void net_letter_hold(struct net *net, size_t at, uint64_t ms)
{
    if (at < net->letters_count) {
        net->letters[at].due_ms = net->now_ms + ms;
    }
}

void net_letter_double(struct net *net, size_t at, uint64_t ms)
{
    if (at < net->letters_count) {
        put(net, net->letters[at].to, &net->letters[at].message, net->now_ms + ms);
    }
}

static void deliver(struct net *net, size_t at)
{
    struct net_letter letter = net->letters[at];
    net->letters_count--;
    memmove(net->letters + at, net->letters + at + 1,
            (net->letters_count - at) * sizeof(net->letters[0]));
    struct net_node *n = &net->nodes[letter.to];
    if (n->member && !n->cut) {
        struct peer_message answer;
        struct buf bytes = {0};
        size_t back = (size_t)(letter.message.from / 0x1000) - 1;
        if (form_answer(&n->me, &letter.message, &answer, &bytes)) {
            put(net, back, &answer, net->now_ms);
        }
        buf_close(&bytes);
    } else if (n->form != NULL && !n->cut) {
        form_receive(n->form, net->now_ms, &letter.message);
        net_after(net, letter.to);
    }
    buf_close(&letter.bytes);
}

/* --- time --- */

static bool step_disk(struct net *net)
{
    size_t from = net->seed != 0 ? (size_t)draw(net, net->count) : 0;
    for (size_t i = 0; i < net->count; i++) {
        size_t node = (from + i) % net->count;
        struct net_node *n = &net->nodes[node];
        if (n->form != NULL && store_double_waiting(n->disk) > 0) {
            uint64_t sequence = store_double_commit(n->disk, 1);
            note_durable(net, node);
            form_durable(n->form, net->now_ms, sequence);
            net_after(net, node);
            return true;
        }
    }
    return false;
}

static bool step_letter(struct net *net)
{
    size_t from =
        net->seed != 0 && net->letters_count > 0 ? (size_t)draw(net, net->letters_count) : 0;
    for (size_t i = 0; i < net->letters_count; i++) {
        size_t at = (from + i) % net->letters_count;
        if (net->letters[at].due_ms <= net->now_ms) {
            deliver(net, at);
            return true;
        }
    }
    return false;
}

static void step_time(struct net *net)
{
    net->now_ms += 100;
    for (size_t i = 0; i < net->count; i++) {
        struct net_node *n = &net->nodes[i];
        if (n->up_at_ms != 0 && n->up_at_ms <= net->now_ms) {
            net_start(net, i);
        }
        if (n->form != NULL && form_next_tick_ms(n->form, net->now_ms - 1) <= net->now_ms) {
            form_tick(n->form, net->now_ms);
            net_after(net, i);
        }
    }
}

void net_step(struct net *net)
{
    net->steps++;
    uint64_t what = net->seed != 0 ? draw(net, 8) : 0;
    bool done = what < 4 && step_letter(net);
    done = done || (what < 7 && step_disk(net));
    done = done || step_letter(net);
    if (!done) {
        step_time(net);
    }
}

void net_run(struct net *net, uint64_t ms)
{
    uint64_t end_ms = net->now_ms + ms;
    while (net->now_ms < end_ms && net->broken[0] == '\0') {
        net_step(net);
    }
}

bool net_all_formed(const struct net *net)
{
    for (size_t i = 0; i < net->count; i++) {
        const struct net_node *n = &net->nodes[i];
        if (!n->member ||
            memcmp(n->me.cluster_id, net->nodes[0].me.cluster_id, CLUSTER_ID_SIZE) != 0) {
            return false;
        }
    }
    return true;
}

bool net_run_formed(struct net *net, uint64_t ms)
{
    uint64_t end_ms = net->now_ms + ms;
    while (net->now_ms < end_ms && net->broken[0] == '\0' && !net_all_formed(net)) {
        net_step(net);
    }
    return net_all_formed(net);
}
