/* tests/lib/core_kit.c - cores on a wire and on disks that a test moves by hand. */
#include "tests/lib/core_kit.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/must.h"
#include "proto/kv_codec.h"

#define ROWS_BYTES 2000 /* small, so that a snapshot takes several chunks */
#define START_MS 10000

struct packet {
    struct list link;
    struct peer_message message;
    struct buf bytes;
};

struct answer {
    struct list link;
    struct core_done done;
};

/* What one node said of a term or of an index; every other must say the same. */
struct fact {
    struct list link;
    bool is_leader; /* @at is a term, and @id led in it; else an index */
    uint64_t at;
    uint64_t id;
    struct hash128 chain;
};

/* --- checks ----------------------------------------------------------------------------------- */

static struct fact *find_fact(struct core_kit *kit, bool is_leader, uint64_t at)
{
    LIST_FOR_EACH (struct fact, f, &kit->facts, link) {
        if (f->is_leader == is_leader && f->at == at) {
            return f;
        }
    }
    return NULL;
}

static void note_fact(struct core_kit *kit, struct fact said)
{
    const struct fact *known = find_fact(kit, said.is_leader, said.at);
    if (known != NULL) {
        MUST(known->id == said.id);
        MUST(memcmp(&known->chain, &said.chain, sizeof(said.chain)) == 0);
        return;
    }
    struct fact *f = mem_dup(&said, sizeof(said));
    list_init(&f->link);
    list_push_front(&kit->facts, &f->link);
}

static void check(struct ck_node *n)
{
    const struct engine *e = core_engine(n->core);
    if (engine_role(e) == ENGINE_LEADER) {
        note_fact(n->kit, (struct fact){.is_leader = true, .at = engine_term(e), .id = n->id});
    }
    struct machine_status status;
    machine_status(core_machine(n->core), &status);
    if (status.index > 0) {
        note_fact(n->kit, (struct fact){.at = status.index, .chain = status.chain});
    }
    uint64_t now_ms = n->kit->now_ms + n->offset_ms;
    MUST(core_next_tick_ms(n->core, now_ms) > now_ms);
}

/* --- nodes and their disks -------------------------------------------------------------------- */

struct ck_node *ck_node(struct core_kit *kit, uint64_t id)
{
    MUST(id >= 1);
    MUST(id <= CK_NODES);
    return &kit->nodes[id - 1];
}

struct core *ck_core(struct core_kit *kit, uint64_t id)
{
    struct core *core = ck_node(kit, id)->core;
    MUST(core != NULL);
    return core;
}

static uint64_t local_ms(const struct ck_node *n)
{
    return n->kit->now_ms + n->offset_ms;
}

static void on_fatal(void *ctx, const struct err *err)
{
    struct ck_node *n = ctx;
    if (n->may_fail) {
        n->fatal = *err;
        return;
    }
    (void)fprintf(stderr, "node %u: %s\n", (unsigned)n->id, err->msg);
    UNREACHABLE("no test of the kit ends a core");
}

static enum member_role role_of(char letter)
{
    return letter == 'v' ? MEMBER_VOTER : letter == 's' ? MEMBER_STANDBY : MEMBER_SPARE;
}

/* Entry 1 is the same on every member. */
static void format_disk(struct ck_node *n, const struct buf *conf)
{
    struct store_batch *batch = store_batch_create(1);
    batch->has_identity = true;
    batch->identity = (struct store_identity){.node_id = n->id};
    if (conf != NULL) {
        batch->has_hard = true;
        batch->hard.term = 1;
        struct store_entry first = {
            .index = 1, .term = 1, .type = ENTRY_CHANGE, .data = conf->bytes, .size = conf->size};
        store_batch_add_entry(batch, &first);
    }
    n->disk = store_double_create();
    store_double_submit(n->disk, batch);
    (void)store_double_commit(n->disk, 1);
}

void ck_prepare(struct core_kit *kit, const char *roles)
{
    *kit = (struct core_kit){.now_ms = START_MS};
    list_init(&kit->packets);
    list_init(&kit->seen);
    list_init(&kit->answers);
    list_init(&kit->facts);
    MUST(strlen(roles) <= CK_NODES);
    struct members members = {.count = 0};
    for (uint64_t id = 1; id <= CK_NODES; id++) {
        struct ck_node *n = ck_node(kit, id);
        n->kit = kit;
        n->id = id;
        (void)snprintf(n->info, sizeof(n->info), "n%u", (unsigned)id);
        if (id <= strlen(roles) && roles[id - 1] != '-') {
            members.at[members.count] =
                (struct member){.id = id, .role = role_of(roles[id - 1]), .info = n->info};
            members.count++;
        }
    }
    struct buf conf = {0};
    members_encode(&members, &conf);
    for (size_t i = 0; i < members.count; i++) {
        format_disk(ck_node(kit, members.at[i].id), &conf);
    }
    buf_close(&conf);
}

void ck_open(struct core_kit *kit, const char *roles)
{
    ck_prepare(kit, roles);
    for (size_t i = 0; roles[i] != '\0'; i++) {
        if (roles[i] == 'v' || roles[i] == 's') {
            ck_boot(kit, i + 1);
        }
    }
}

void ck_boot(struct core_kit *kit, uint64_t id)
{
    struct ck_node *n = ck_node(kit, id);
    MUST(n->core == NULL);
    if (n->disk == NULL) {
        format_disk(n, NULL);
    }
    n->starts++;
    struct core_settings settings =
        core_settings_default(id, (uint32_t)(id * 7919 + n->starts * 104729));
    settings.election_timeout_ms = CK_ELECTION_MS;
    settings.heartbeat_ms = CK_BEAT_MS;
    if (kit->tune != NULL) {
        kit->tune(&settings, kit->tune_ctx);
    }
    struct store_image image;
    store_double_load(n->disk, &image);
    n->core = core_create(&settings, local_ms(n), &image, on_fatal, n);
    store_image_close(&image);
    ck_turn(kit, id);
}

void ck_small_log(struct core_settings *settings, void *ctx)
{
    (void)ctx;
    settings->compact_entries = 20;
    settings->trailing_entries = 2;
    settings->flush_after_ms = 50;
}

static void close_readers(struct ck_node *n)
{
    for (size_t i = 0; i < CK_READERS; i++) {
        store_double_reader_close(n->readers[i]);
        n->readers[i] = NULL;
        n->ships[i] = 0;
    }
}

void ck_crash(struct core_kit *kit, uint64_t id)
{
    struct ck_node *n = ck_node(kit, id);
    core_destroy(n->core);
    n->core = NULL;
    n->flush_at_ms = 0;
    n->told_full = false;
    close_readers(n);
    if (n->disk != NULL) {
        store_double_crash(n->disk, 0);
    }
}

static void free_packets(struct list *packets)
{
    LIST_FOR_EACH_SAFE (struct packet, p, packets, link) {
        list_remove(&p->link);
        buf_close(&p->bytes);
        mem_free(p);
    }
}

void ck_close(struct core_kit *kit)
{
    for (uint64_t id = 1; id <= CK_NODES; id++) {
        ck_crash(kit, id);
        store_double_destroy(ck_node(kit, id)->disk);
    }
    free_packets(&kit->packets);
    free_packets(&kit->seen);
    LIST_FOR_EACH_SAFE (struct answer, a, &kit->answers, link) {
        buf_close(&a->done.result);
        mem_free(a);
    }
    LIST_FOR_EACH_SAFE (struct fact, f, &kit->facts, link) {
        mem_free(f);
    }
}

/* --- what a core wants ------------------------------------------------------------------------ */

static void put_on_wire(struct ck_node *n, const struct peer_message *message)
{
    MUST(message->kind < CK_KINDS);
    n->kit->sent[message->kind]++;
    struct packet *p = mem_zalloc(sizeof(*p));
    list_init(&p->link);
    peer_message_copy(&p->message, message, &p->bytes);
    list_push_back(&n->kit->packets, &p->link);
}

static void note_answer(struct core_kit *kit, const struct core_done *done)
{
    MUST(ck_answer(kit, done->ticket) == NULL);
    struct answer *a = mem_zalloc(sizeof(*a));
    list_init(&a->link);
    a->done = *done;
    list_push_back(&kit->answers, &a->link);
}

static size_t reader_of(const struct ck_node *n, uint64_t ship)
{
    size_t slot = 0;
    while (slot < CK_READERS && n->ships[slot] != ship) {
        slot++;
    }
    MUST(slot < CK_READERS); /* the core has no more ships than that */
    return slot;
}

static void carry_out_wish(struct ck_node *n, const struct core_wish *wish)
{
    size_t slot = reader_of(n, wish->kind == ROWS_OPEN ? 0 : wish->ship);
    if (wish->kind == ROWS_CLOSE) {
        store_double_reader_close(n->readers[slot]);
        n->readers[slot] = NULL;
        n->ships[slot] = 0;
        return;
    }
    if (wish->kind == ROWS_OPEN) {
        n->readers[slot] = store_double_reader_open(n->disk);
        n->ships[slot] = wish->ship;
    }
    struct core_rows answer = {.ship = wish->ship};
    if (n->reads_cut > 0) {
        n->reads_cut--;
        answer.status = ERR_EXPIRED;
        core_rows_read(n->core, local_ms(n), &answer);
        core_turn(n->core, local_ms(n));
        return;
    }
    answer.rows = store_double_reader_next(n->readers[slot], ROWS_BYTES, &answer.last);
    answer.applied_index = store_double_reader_applied(n->readers[slot]);
    core_rows_read(n->core, local_ms(n), &answer);
    core_turn(n->core, local_ms(n));
}

/* What lies ready for disk, wire and owner. */
static void take_all(struct ck_node *n)
{
    for (struct store_batch *b = core_next_batch(n->core); b != NULL;
         b = core_next_batch(n->core)) {
        store_double_submit(n->disk, b);
        n->batches++;
    }
    struct peer_message message;
    while (core_next_message(n->core, &message)) {
        put_on_wire(n, &message);
    }
    struct core_done done;
    while (core_next_done(n->core, &done)) {
        note_answer(n->kit, &done);
    }
}

void ck_turn(struct core_kit *kit, uint64_t id)
{
    struct ck_node *n = ck_node(kit, id);
    core_turn(n->core, local_ms(n));
    struct core_wish wish;
    while (core_next_wish(n->core, &wish)) {
        take_all(n);
        carry_out_wish(n, &wish);
    }
    take_all(n);
    check(n);
}

/* --- what moves ------------------------------------------------------------------------------- */

void ck_finish(struct core_kit *kit, uint64_t id, size_t count)
{
    struct ck_node *n = ck_node(kit, id);
    size_t may = store_double_may_commit(n->disk);
    uint64_t sequence = store_double_commit(n->disk, may < count ? may : count);
    if (sequence > 0) {
        core_durable(n->core, local_ms(n), sequence);
        ck_turn(kit, id);
    }
}

void ck_set_full(struct core_kit *kit, uint64_t id, bool is_full)
{
    store_double_set_full(ck_node(kit, id)->disk, is_full);
}

/* As the store: the queue stands still, or there is space again. */
static bool tell_space(struct ck_node *n)
{
    if (n->core == NULL || n->disk_stopped) {
        return false;
    }
    bool stands = store_double_waiting(n->disk) > store_double_may_commit(n->disk);
    bool is_full = stands || (n->told_full && store_double_is_full(n->disk));
    if (is_full == n->told_full) {
        return false;
    }
    n->told_full = is_full;
    core_space(n->core, local_ms(n), is_full ? ERR_NO_SPACE : 0);
    ck_turn(n->kit, n->id);
    return true;
}

static bool flush(struct ck_node *n)
{
    bool waits = n->core != NULL && !n->disk_stopped && store_double_may_commit(n->disk) > 0;
    if (!waits) {
        n->flush_at_ms = 0;
        return false;
    }
    if (n->disk_ms > 0 && n->flush_at_ms == 0) {
        n->flush_at_ms = n->kit->now_ms + n->disk_ms;
    }
    if (n->kit->now_ms < n->flush_at_ms) {
        return false;
    }
    n->flush_at_ms = 0;
    ck_finish(n->kit, n->id, SIZE_MAX);
    return true;
}

void ck_say(struct core_kit *kit, const struct peer_message *message)
{
    const struct ck_node *to = ck_node(kit, message->to);
    core_receive(to->core, local_ms(to), message);
    ck_turn(kit, to->id);
}

static bool deliver(struct core_kit *kit)
{
    struct list *link = list_pop_front(&kit->packets);
    if (link == NULL) {
        return false;
    }
    struct packet *p = CONTAINER_OF(link, struct packet, link);
    const struct ck_node *to = ck_node(kit, p->message.to);
    bool is_lost = kit->is_lost != NULL && kit->is_lost(&p->message, kit->lost_ctx);
    is_lost = is_lost || to->cut_off || ck_node(kit, p->message.from)->cut_off;
    if (to->core != NULL && !is_lost) {
        ck_say(kit, &p->message);
    }
    buf_close(&p->bytes);
    mem_free(p);
    return true;
}

void ck_settle(struct core_kit *kit)
{
    bool busy = true;
    while (busy) {
        busy = false;
        for (size_t i = 0; i < CK_NODES; i++) {
            busy = flush(&kit->nodes[i]) || busy;
            busy = tell_space(&kit->nodes[i]) || busy;
        }
        busy = deliver(kit) || busy;
    }
}

static uint64_t next_event_ms(const struct ck_node *n)
{
    if (n->core == NULL) {
        return UINT64_MAX;
    }
    uint64_t next = core_next_tick_ms(n->core, local_ms(n)) - n->offset_ms;
    return n->flush_at_ms != 0 && n->flush_at_ms < next ? n->flush_at_ms : next;
}

void ck_run(struct core_kit *kit, uint64_t ms)
{
    ck_settle(kit);
    uint64_t end = kit->now_ms + ms;
    while (kit->now_ms < end) {
        uint64_t next = end;
        for (size_t i = 0; i < CK_NODES; i++) {
            uint64_t wish = next_event_ms(&kit->nodes[i]);
            next = wish < next ? wish : next;
        }
        kit->now_ms = next;
        for (size_t i = 0; i < CK_NODES; i++) {
            struct ck_node *n = &kit->nodes[i];
            if (n->core != NULL) {
                core_tick(n->core, local_ms(n));
                ck_turn(kit, n->id);
            }
        }
        ck_settle(kit);
    }
}

void ck_tick(struct core_kit *kit, uint64_t id, uint64_t ms)
{
    kit->now_ms += ms;
    struct ck_node *n = ck_node(kit, id);
    core_tick(n->core, local_ms(n));
    ck_turn(kit, id);
}

uint64_t ck_leader(struct core_kit *kit)
{
    uint64_t id = 0;
    uint64_t term = 0;
    for (size_t i = 0; i < CK_NODES; i++) {
        const struct ck_node *n = &kit->nodes[i];
        const struct engine *e = n->core != NULL && !n->cut_off ? core_engine(n->core) : NULL;
        if (e != NULL && engine_role(e) == ENGINE_LEADER && engine_term(e) > term) {
            id = n->id;
            term = engine_term(e);
        }
    }
    return id;
}

uint64_t ck_elect(struct core_kit *kit)
{
    for (int tries = 0; tries < 100; tries++) {
        uint64_t id = ck_leader(kit);
        if (id != 0 && engine_is_established(core_engine(ck_core(kit, id)))) {
            return id;
        }
        ck_run(kit, CK_BEAT_MS);
    }
    UNREACHABLE("ten seconds elect a leader");
}

void ck_lead(struct core_kit *kit, uint64_t id)
{
    for (int tries = 0; tries < 20; tries++) {
        uint64_t leader = ck_elect(kit);
        if (leader == id) {
            return;
        }
        (void)core_transfer(ck_core(kit, leader), local_ms(ck_node(kit, leader)), id, NULL);
        ck_turn(kit, leader);
        ck_run(kit, CK_ELECTION_MS);
    }
    UNREACHABLE("a healthy voter takes leadership over");
}

/* --- messages by hand ------------------------------------------------------------------------- */

const struct peer_message *ck_take(struct core_kit *kit, enum peer_kind kind, uint64_t to)
{
    LIST_FOR_EACH (struct packet, p, &kit->packets, link) {
        if (p->message.kind == kind && (to == 0 || p->message.to == to)) {
            list_remove(&p->link);
            list_push_back(&kit->seen, &p->link);
            return &p->message;
        }
    }
    return NULL;
}

void ck_drop(struct core_kit *kit)
{
    free_packets(&kit->packets);
}

/* --- requests --------------------------------------------------------------------------------- */

uint64_t ck_command(struct core_kit *kit, uint64_t id, const struct kv_command *command)
{
    struct buf bytes = {0};
    struct err err = {0};
    int code = kv_command_encode(command, &bytes, &err);
    MUST(code == 0);
    kit->tickets++;
    core_propose(ck_core(kit, id), local_ms(ck_node(kit, id)), kit->tickets, bytes.bytes,
                 bytes.size);
    buf_close(&bytes);
    ck_turn(kit, id);
    return kit->tickets;
}

uint64_t ck_put(struct core_kit *kit, uint64_t id, const char *key, const char *value)
{
    struct kv_command command = {
        .kind = KV_OP,
        .op = {.kind = KV_OP_PUT, .put = {.key = kv_text(key), .value = kv_text(value)}}};
    return ck_command(kit, id, &command);
}

void ck_put_and_wait(struct core_kit *kit, const char *key)
{
    uint64_t ticket = ck_put(kit, ck_elect(kit), key, "1");
    ck_run(kit, 2 * CK_BEAT_MS);
    MUST(ck_status(kit, ticket) == 0);
}

uint64_t ck_read(struct core_kit *kit, uint64_t id)
{
    kit->tickets++;
    core_read(ck_core(kit, id), local_ms(ck_node(kit, id)), kit->tickets);
    ck_turn(kit, id);
    return kit->tickets;
}

const struct core_done *ck_answer(struct core_kit *kit, uint64_t ticket)
{
    LIST_FOR_EACH (struct answer, a, &kit->answers, link) {
        if (a->done.ticket == ticket) {
            return &a->done;
        }
    }
    return NULL;
}

int ck_status(struct core_kit *kit, uint64_t ticket)
{
    const struct core_done *done = ck_answer(kit, ticket);
    return done != NULL ? done->status : CK_NO_ANSWER;
}

bool ck_has(struct core_kit *kit, uint64_t id, const char *key, const char *value)
{
    struct kv_pair pair;
    bool found = machine_get(core_machine(ck_core(kit, id)), kv_text(key), &pair);
    if (!found || value == NULL) {
        return !found && value == NULL;
    }
    return kv_slice_equal(pair.value, kv_text(value));
}
