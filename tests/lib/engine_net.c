/* tests/lib/engine_net.c - the wire, the disks and the eternal truths behind engine_net.h. */
#include "tests/lib/engine_net.h"

#include <string.h>

#include "base/mem.h"
#include "base/must.h"

/* One write under way: entries from @from on, or an install. */
struct net_write {
    struct list link;
    uint64_t number;
    struct net_log log; /* log.first: truncate from here */
    bool installs;
    struct store_snapshot snapshot;
};

/* --- logs --- */

static void log_truncate(struct net_log *log, uint64_t from)
{
    MUST(from >= log->first);
    while (log->count > 0 && log->first + log->count > from) {
        log->count--;
        buf_close(&log->at[log->count].data);
    }
}

static void log_append(struct net_log *log, uint64_t term, uint8_t type, const void *data,
                       size_t size)
{
    log->at = mem_grow(log->at, log->count + 1, sizeof(*log->at));
    struct net_entry *entry = &log->at[log->count];
    *entry = (struct net_entry){.term = term, .type = type};
    buf_append(&entry->data, data, size);
    log->count++;
}

static void log_trim(struct net_log *log, uint64_t first)
{
    size_t gone = (size_t)(first - log->first);
    MUST(gone <= log->count);
    for (size_t i = 0; i < gone; i++) {
        buf_close(&log->at[i].data);
    }
    if (gone > 0) {
        memmove(log->at, log->at + gone, (log->count - gone) * sizeof(*log->at));
    }
    log->count -= gone;
    log->first = first;
}

static void log_close(struct net_log *log)
{
    log_truncate(log, log->first);
    mem_free(log->at);
    *log = (struct net_log){0};
}

/* NULL: not there. */
static const struct net_entry *log_get(const struct net_log *log, uint64_t index)
{
    bool there = index >= log->first && index - log->first < log->count;
    return there ? &log->at[index - log->first] : NULL;
}

static uint64_t disk_last(const struct net_disk *disk)
{
    return disk->log.first + disk->log.count - 1;
}

static void snapshot_set(struct store_snapshot *snapshot, const struct peer_snapshot *to)
{
    snapshot->index = to->index;
    snapshot->term = to->term;
    snapshot->conf_index = to->conf_index;
    buf_clear(&snapshot->conf);
    buf_append(&snapshot->conf, to->conf, to->conf_size);
}

/* --- the truths --- */

static void check_committed(struct net *net, const struct store_entry *entry)
{
    const struct net_entry *known = log_get(&net->committed, entry->index);
    if (known == NULL && entry->index < net->committed.first) {
        return; /* nobody remembers */
    }
    if (known == NULL) {
        if (entry->index != net->committed.first + net->committed.count) {
            log_truncate(&net->committed, net->committed.first); /* behind a snapshot */
            net->committed.first = entry->index;
        }
        log_append(&net->committed, entry->term, entry->type, entry->data, entry->size);
        return;
    }
    MUST(known->term == entry->term); /* two nodes have applied different entries */
    MUST(known->type == entry->type);
    MUST(known->data.size == entry->size);
    MUST(memcmp(known->data.bytes, entry->data, entry->size) == 0);
}

static void check_leader(struct net *net, const struct net_node *n)
{
    if (n->engine == NULL || engine_role(n->engine) != ENGINE_LEADER) {
        return;
    }
    size_t term = (size_t)engine_term(n->engine);
    if (term >= net->leaders_count) {
        net->leaders = mem_grow(net->leaders, term + 1, sizeof(*net->leaders));
        memset(net->leaders + net->leaders_count, 0,
               (term + 1 - net->leaders_count) * sizeof(*net->leaders));
        net->leaders_count = term + 1;
    }
    MUST(net->leaders[term] == 0 || net->leaders[term] == n->id); /* two leaders in one term */
    net->leaders[term] = n->id;
}

/* What @n says it has stays durable, whatever of its writes is carried out from now on. */
static void check_stored(const struct net_node *n, uint64_t last)
{
    MUST(last <= disk_last(&n->disk));
    LIST_FOR_EACH (const struct net_write, w, &n->writes, link) {
        MUST(w->installs || w->log.first > last);
    }
}

static void check_message(const struct net_node *n, const struct peer_message *m)
{
    const struct store_hard *hard = &n->disk.hard;
    switch (m->kind) {
        case PEER_VOTE:
            MUST(m->term == hard->term + (m->vote.pre_vote ? 1 : 0));
            MUST(m->vote.pre_vote || hard->vote == n->id);
            return;
        case PEER_VOTE_RESULT:
            MUST(m->vote_result.pre_vote || m->term == hard->term);
            MUST(m->vote_result.pre_vote || !m->vote_result.granted || hard->vote == m->to);
            return;
        case PEER_APPEND_RESULT:
            MUST(m->term == hard->term);
            if (m->append_result.rejected == 0) {
                check_stored(n, m->append_result.last_index);
            }
            return;
        case PEER_APPEND:
        case PEER_TIMEOUT_NOW:
        case PEER_SNAPSHOT:
            MUST(m->term == hard->term);
            return;
        case PEER_CHUNK:
        case PEER_CHUNK_RESULT:
        case PEER_READ_INDEX:
        case PEER_READ_INDEX_RESULT:
        case PEER_KEEP_ALIVE:
        case PEER_KEEP_ALIVE_RESULT:
        case PEER_SOFT:
        case PEER_SOFT_RESULT:
        case PEER_HELLO:
        case PEER_HELLO_RESULT:
        case PEER_JOIN:
        case PEER_JOIN_RESULT:
        case PEER_FORM_HELLO:
        case PEER_FORM_PROPOSAL:
        case PEER_ASK:
        case PEER_ANSWER:
            break;
    }
    UNREACHABLE("an engine sends no others");
}

/* --- the sink --- */

static void write_hard(void *ctx, const struct store_hard *hard)
{
    struct net_node *n = ctx;
    MUST(hard->term >= n->disk.hard.term);
    bool revoted = hard->term == n->disk.hard.term && n->disk.hard.vote != 0;
    MUST(!revoted || hard->vote == n->disk.hard.vote); /* a vote is not taken back */
    n->disk.hard = *hard;
    buf_char(&n->journal, 'H');
}

static struct net_write *new_write(struct net_node *n)
{
    struct net_write *w = mem_zalloc(sizeof(*w));
    list_init(&w->link);
    n->number++;
    w->number = n->number;
    list_push_back(&n->writes, &w->link);
    return w;
}

static uint64_t write_entries(void *ctx, uint64_t from, const struct store_entry *entries,
                              size_t count)
{
    struct net_node *n = ctx;
    MUST(count > 0);
    struct net_write *w = new_write(n);
    w->log.first = from;
    for (size_t i = 0; i < count; i++) {
        MUST(entries[i].index == from + i);
        log_append(&w->log, entries[i].term, entries[i].type, entries[i].data, entries[i].size);
    }
    buf_char(&n->journal, 'E');
    return w->number;
}

static uint64_t install(void *ctx, const struct peer_snapshot *snapshot)
{
    struct net_node *n = ctx;
    struct net_write *w = new_write(n);
    w->installs = true;
    snapshot_set(&w->snapshot, snapshot);
    buf_char(&n->journal, 'I');
    return w->number;
}

static void send_packet(void *ctx, const struct peer_message *message)
{
    static const char letters[] = {
        [PEER_APPEND] = 'A',      [PEER_APPEND_RESULT] = 'R', [PEER_VOTE] = 'V',
        [PEER_VOTE_RESULT] = 'v', [PEER_TIMEOUT_NOW] = 'T',   [PEER_SNAPSHOT] = 'S'};
    struct net_node *n = ctx;
    MUST(message->from == n->id);
    MUST(message->to > 0);
    check_message(n, message);
    struct net_packet *p = mem_zalloc(sizeof(*p));
    list_init(&p->link);
    peer_message_copy(&p->message, message, &p->bytes);
    n->net->sent[message->kind]++;
    list_push_back(&n->net->packets, &p->link);
    buf_char(&n->journal, letters[message->kind]);
}

static void want_snapshot(void *ctx, uint64_t member)
{
    struct net_node *n = ctx;
    n->wanted_for = member;
    buf_char(&n->journal, 'W');
}

static void fatal(void *ctx, const struct err *err)
{
    struct net_node *n = ctx;
    n->fatals++;
    n->fatal = *err;
}

/* --- nodes --- */

struct net_node *net_node(struct net *net, uint64_t id)
{
    MUST(id > 0);
    MUST(id <= NET_NODES);
    return &net->nodes[id - 1];
}

struct engine *net_engine(struct net *net, uint64_t id)
{
    return net_node(net, id)->engine;
}

void net_roles(const char *roles, struct members *out)
{
    static const char *const names[MEMBERS_MAX] = {"n1",  "n2",  "n3",  "n4",  "n5",  "n6",
                                                   "n7",  "n8",  "n9",  "n10", "n11", "n12",
                                                   "n13", "n14", "n15", "n16"};
    *out = (struct members){0};
    for (size_t i = 0; roles[i] != '\0'; i++) {
        MUST(i < MEMBERS_MAX);
        if (roles[i] != '-') {
            enum member_role role = roles[i] == 'v'   ? MEMBER_VOTER
                                    : roles[i] == 's' ? MEMBER_STANDBY
                                                      : MEMBER_SPARE;
            out->at[out->count] = (struct member){.id = i + 1, .role = role, .info = names[i]};
            out->count++;
        }
    }
}

struct peer_entry net_command(uint64_t term)
{
    return (struct peer_entry){.term = term, .type = ENTRY_COMMAND, .data = "command", .size = 7};
}

struct peer_entry net_change(struct net *net, uint64_t term, const char *roles)
{
    MUST(net->changes_count < ARRAY_LEN(net->changes));
    struct buf *bytes = &net->changes[net->changes_count];
    net->changes_count++;
    struct members members;
    net_roles(roles, &members);
    members_encode(&members, bytes);
    return (struct peer_entry){
        .term = term, .type = ENTRY_CHANGE, .data = bytes->bytes, .size = bytes->size};
}

void net_disk_append(struct net *net, uint64_t id, const struct peer_entry *entry)
{
    struct net_disk *disk = &net_node(net, id)->disk;
    log_append(&disk->log, entry->term, entry->type, entry->data, entry->size);
    disk->hard.term = entry->term > disk->hard.term ? entry->term : disk->hard.term;
}

void net_disk_trim(struct net *net, uint64_t id, uint64_t index, uint64_t first)
{
    struct net_disk *disk = &net_node(net, id)->disk;
    struct peer_snapshot to = {.index = index};
    for (uint64_t i = disk->log.first; i <= index; i++) {
        const struct net_entry *entry = log_get(&disk->log, i);
        MUST(entry != NULL);
        to.term = entry->term;
        if (entry->type == ENTRY_CHANGE) {
            to.conf_index = i;
            to.conf = entry->data.bytes;
            to.conf_size = entry->data.size;
        }
    }
    MUST(to.conf_index > 0);
    snapshot_set(&disk->snapshot, &to);
    log_trim(&disk->log, first);
    disk->applied = index;
}

void net_prepare(struct net *net, const char *roles)
{
    *net = (struct net){.now_ms = 1000, .committed = {.first = 1}};
    list_init(&net->packets);
    list_init(&net->seen);
    for (size_t i = 0; i < NET_NODES; i++) {
        struct net_node *n = &net->nodes[i];
        *n = (struct net_node){.net = net, .id = i + 1, .disk = {.log = {.first = 1}}};
        list_init(&n->writes);
    }
    struct members members;
    net_roles(roles, &members);
    struct peer_entry first = net_change(net, 1, roles);
    for (size_t i = 0; i < members.count && members.at[i].id <= NET_NODES; i++) {
        net_disk_append(net, members.at[i].id, &first);
    }
}

void net_open(struct net *net, const char *roles)
{
    net_prepare(net, roles);
    struct members members;
    net_roles(roles, &members);
    for (size_t i = 0; i < members.count; i++) {
        if (members.at[i].role != MEMBER_SPARE) {
            net_boot(net, members.at[i].id);
        }
    }
}

static void write_free(struct net_write *w)
{
    list_remove(&w->link);
    log_close(&w->log);
    buf_close(&w->snapshot.conf);
    mem_free(w);
}

static void packet_free(struct net_packet *p)
{
    list_remove(&p->link);
    buf_close(&p->bytes);
    mem_free(p);
}

static void packets_free(struct list *packets)
{
    while (!list_empty(packets)) {
        packet_free(CONTAINER_OF(packets->next, struct net_packet, link));
    }
}

void net_crash(struct net *net, uint64_t id)
{
    struct net_node *n = net_node(net, id);
    engine_destroy(n->engine);
    n->engine = NULL;
    while (!list_empty(&n->writes)) {
        write_free(CONTAINER_OF(n->writes.next, struct net_write, link));
    }
}

void net_boot(struct net *net, uint64_t id)
{
    struct net_node *n = net_node(net, id);
    MUST(n->engine == NULL);
    struct engine_settings settings = {.id = id,
                                       .seed = (uint32_t)(id * 7919 + net->now_ms),
                                       .election_timeout_ms = NET_ELECTION_MS,
                                       .heartbeat_ms = NET_BEAT_MS,
                                       .inflight_entries_max = 64};
    struct engine_sink sink = {.ctx = n,
                               .write_hard = write_hard,
                               .write_entries = write_entries,
                               .install = install,
                               .send = send_packet,
                               .want_snapshot = want_snapshot,
                               .fatal = fatal};
    n->engine = engine_create(&settings, &sink);
    struct net_disk *disk = &n->disk;
    struct store_image image = {.hard = disk->hard,
                                .snapshot = disk->snapshot,
                                .applied_index = disk->applied,
                                .log_first = disk->log.first,
                                .log_last = disk_last(disk),
                                .content = store_batch_create(1)};
    for (size_t i = 0; i < disk->log.count; i++) {
        struct net_entry *at = &disk->log.at[i];
        struct store_entry entry = {.index = disk->log.first + i,
                                    .term = at->term,
                                    .type = at->type,
                                    .data = at->data.bytes,
                                    .size = at->data.size};
        store_batch_add_entry(image.content, &entry);
    }
    struct store_hard hard;
    if (engine_hard_before_start(&image, id, &hard)) {
        write_hard(n, &hard);
    }
    engine_start(n->engine, net->now_ms, &image, &hard);
    check_leader(net, n);
    store_batch_destroy(image.content);
}

void net_close(struct net *net)
{
    packets_free(&net->packets);
    packets_free(&net->seen);
    for (size_t i = 0; i < NET_NODES; i++) {
        struct net_node *n = &net->nodes[i];
        net_crash(net, n->id);
        log_close(&n->disk.log);
        buf_close(&n->disk.snapshot.conf);
        buf_close(&n->journal);
    }
    for (size_t i = 0; i < net->changes_count; i++) {
        buf_close(&net->changes[i]);
    }
    mem_free(net->leaders);
    log_close(&net->committed);
}

/* --- what moves --- */

static void carry_out(struct net_node *n, struct net_write *w)
{
    struct net_disk *disk = &n->disk;
    if (w->installs) {
        struct store_snapshot *to = &w->snapshot;
        struct peer_snapshot at = {.index = to->index,
                                   .term = to->term,
                                   .conf_index = to->conf_index,
                                   .conf = to->conf.bytes,
                                   .conf_size = to->conf.size};
        snapshot_set(&disk->snapshot, &at);
        log_truncate(&disk->log, disk->log.first);
        disk->log.first = to->index + 1;
        disk->applied = to->index;
        return;
    }
    log_truncate(&disk->log, w->log.first);
    MUST(disk_last(disk) + 1 == w->log.first);
    for (size_t i = 0; i < w->log.count; i++) {
        struct net_entry *entry = &w->log.at[i];
        log_append(&disk->log, entry->term, entry->type, entry->data.bytes, entry->data.size);
    }
}

void net_finish(struct net *net, uint64_t id, size_t count)
{
    struct net_node *n = net_node(net, id);
    uint64_t number = 0;
    bool installed = false;
    while (count > 0 && !list_empty(&n->writes)) {
        struct net_write *w = CONTAINER_OF(n->writes.next, struct net_write, link);
        carry_out(n, w);
        number = w->number;
        installed = installed || w->installs;
        write_free(w);
        count--;
    }
    if (number > 0) {
        engine_written(n->engine, net->now_ms, number);
    }
    if (installed) {
        engine_applied(n->engine, net->now_ms, n->disk.applied);
    }
}

static bool deliver(struct net *net)
{
    struct list *link = list_pop_front(&net->packets);
    if (link == NULL) {
        return false;
    }
    struct net_packet *p = CONTAINER_OF(link, struct net_packet, link);
    struct net_node *to = net_node(net, p->message.to);
    if (to->engine != NULL && !to->cut_off && !net_node(net, p->message.from)->cut_off) {
        engine_receive(to->engine, net->now_ms, &p->message);
        check_leader(net, to);
    }
    packet_free(p);
    return true;
}

static void apply(struct net_node *n)
{
    struct store_entry entry;
    while (engine_next_committed(n->engine, n->disk.applied, &entry) != NULL) {
        check_stored(n, entry.index);
        check_committed(n->net, &entry);
        n->disk.applied = entry.index;
        engine_applied(n->engine, n->net->now_ms, entry.index);
    }
}

/* What the core does with chunks happens at once here. */
static bool ship(struct net_node *n)
{
    struct members members;
    uint64_t conf_index = engine_committed_members(n->engine, &members);
    uint64_t to = n->wanted_for;
    bool leads = engine_role(n->engine) == ENGINE_LEADER;
    if (!n->net->ships || to == 0 || !leads || conf_index > n->disk.applied) {
        return false;
    }
    n->wanted_for = 0;
    struct buf conf = {0};
    members_encode(&members, &conf);
    struct peer_message m = {.kind = PEER_SNAPSHOT,
                             .from = n->id,
                             .to = to,
                             .term = engine_term(n->engine),
                             .snapshot = {.index = n->disk.applied,
                                          .term = engine_entry_term(n->engine, n->disk.applied),
                                          .conf_index = conf_index,
                                          .conf = conf.bytes,
                                          .conf_size = conf.size}};
    engine_stamp(n->engine, n->net->now_ms, &m.stamp);
    send_packet(n, &m);
    buf_close(&conf);
    return true;
}

void net_settle(struct net *net)
{
    bool busy = true;
    while (busy) {
        busy = false;
        for (size_t i = 0; i < NET_NODES; i++) {
            struct net_node *n = &net->nodes[i];
            if (n->engine == NULL) {
                continue;
            }
            if (!n->disk_stopped && !list_empty(&n->writes)) {
                net_finish(net, n->id, SIZE_MAX);
                busy = true;
            }
            apply(n);
            busy = ship(n) || busy;
        }
        busy = deliver(net) || busy;
    }
}

static void tick(struct net_node *n)
{
    engine_tick(n->engine, n->net->now_ms);
    check_leader(n->net, n);
}

void net_run(struct net *net, uint64_t ms)
{
    uint64_t end = net->now_ms + ms;
    while (net->now_ms < end) {
        uint64_t next = end;
        for (size_t i = 0; i < NET_NODES; i++) {
            struct engine *e = net->nodes[i].engine;
            uint64_t wish = e != NULL ? engine_next_tick_ms(e, net->now_ms) : UINT64_MAX;
            MUST(wish > net->now_ms);
            next = wish < next ? wish : next;
        }
        net->now_ms = next;
        for (size_t i = 0; i < NET_NODES; i++) {
            if (net->nodes[i].engine != NULL) {
                tick(&net->nodes[i]);
            }
        }
        net_settle(net);
    }
}

void net_tick(struct net *net, uint64_t id, uint64_t ms)
{
    net->now_ms += ms;
    tick(net_node(net, id));
}

uint64_t net_elect(struct net *net)
{
    for (int tries = 0; tries < 100; tries++) {
        for (size_t i = 0; i < NET_NODES; i++) {
            const struct net_node *n = &net->nodes[i];
            if (n->engine != NULL && !n->cut_off && engine_is_established(n->engine)) {
                return n->id;
            }
        }
        net_run(net, NET_BEAT_MS);
    }
    UNREACHABLE("ten seconds elect a leader");
}

/* --- peers played by hand --- */

void net_say(struct net *net, const struct peer_message *message)
{
    struct net_node *to = net_node(net, message->to);
    engine_receive(to->engine, net->now_ms, message);
    check_leader(net, to);
}

static struct peer_stamp next_stamp(struct net *net, uint64_t term)
{
    net->round++;
    return (struct peer_stamp){.term = term, .round = net->round, .sent_ms = net->now_ms};
}

void net_append(struct net *net, uint64_t from, uint64_t to, uint64_t term,
                const struct peer_append *append)
{
    struct peer_message m = {.kind = PEER_APPEND,
                             .from = from,
                             .to = to,
                             .term = term,
                             .stamp = next_stamp(net, term),
                             .append = *append};
    net_say(net, &m);
}

void net_answer(struct net *net, uint64_t from, uint64_t to, uint64_t term,
                struct peer_append_result result)
{
    struct peer_message m = {.kind = PEER_APPEND_RESULT,
                             .from = from,
                             .to = to,
                             .term = term,
                             .stamp = next_stamp(net, term),
                             .append_result = result};
    net_say(net, &m);
}

/* Every question for a vote that is on its way to a peer without an engine is answered yes. */
static bool grant_all(struct net *net, uint64_t id)
{
    const struct peer_message *ask = NULL;
    bool granted = false;
    while ((ask = net_take(net, PEER_VOTE, 0)) != NULL) {
        if (ask->from == id && net_node(net, ask->to)->engine == NULL) {
            struct peer_message yes = {
                .kind = PEER_VOTE_RESULT,
                .from = ask->to,
                .to = id,
                .term = ask->term,
                .vote_result = {.granted = true, .pre_vote = ask->vote.pre_vote}};
            net_say(net, &yes);
            granted = true;
        }
    }
    return granted;
}

void net_win(struct net *net, uint64_t id)
{
    struct engine *e = net_node(net, id)->engine;
    for (uint64_t tries = 0; tries < 4 * NET_ELECTION_MS; tries++) {
        net_tick(net, id, 1);
        while (engine_role(e) == ENGINE_CANDIDATE && grant_all(net, id)) {
        }
        if (engine_role(e) == ENGINE_LEADER) {
            return;
        }
    }
    UNREACHABLE("nobody is against it");
}

void net_alone(struct net *net, const char *roles)
{
    net_prepare(net, roles);
    net_boot(net, 1);
}

void net_lead(struct net *net, const char *roles)
{
    net_alone(net, roles);
    net_win(net, 1);
    net_agree(net, 1);
    MUST(engine_is_established(net_engine(net, 1)));
    MUST(engine_term(net_engine(net, 1)) == 2);
    MUST(engine_commit(net_engine(net, 1)) == 2);
}

int net_submit(struct net *net, uint64_t id, size_t count)
{
    int code = 0;
    for (size_t i = 0; i < count && code == 0; i++) {
        struct peer_entry entry = net_command(0);
        code = engine_submit(net_engine(net, id), net->now_ms, &entry, 1, NULL);
    }
    return code;
}

void net_has(struct net *net, uint64_t from, uint64_t to, uint64_t last)
{
    net_answer(net, from, to, engine_term(net_engine(net, to)),
               (struct peer_append_result){.last_index = last});
}

void net_all_have(struct net *net, uint64_t id, uint64_t silent)
{
    struct members members;
    engine_members(net_engine(net, id), &members);
    for (size_t i = 0; i < members.count; i++) {
        members.at[i].info = NULL; /* lives in the engine, until the next call */
        uint64_t peer = members.at[i].id;
        if (peer != id && peer != silent && members.at[i].role != MEMBER_SPARE) {
            net_has(net, peer, id, engine_last(net_engine(net, id)));
        }
    }
}

void net_agree(struct net *net, uint64_t id)
{
    net_finish(net, id, SIZE_MAX);
    net_all_have(net, id, 0);
    net_settle(net);
}

/* --- the wire --- */

const struct peer_message *net_take(struct net *net, enum peer_kind kind, uint64_t to)
{
    LIST_FOR_EACH (struct net_packet, p, &net->packets, link) {
        if (p->message.kind == kind && (to == 0 || p->message.to == to)) {
            list_remove(&p->link);
            list_push_back(&net->seen, &p->link);
            return &p->message;
        }
    }
    return NULL;
}

void net_drop(struct net *net)
{
    packets_free(&net->packets);
}

const char *net_journal(struct net *net, uint64_t id)
{
    return buf_text(&net_node(net, id)->journal);
}
