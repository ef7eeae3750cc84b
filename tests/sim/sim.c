/* tests/sim/sim.c - virtual time, the nodes in it, and the ways between them.
 *
 * Owns the heap of events and carries out what a core asks for: batches go to its disk, messages
 * onto the net, wishes to a reader of its disk. What goes wrong, and who asks for what, is decided
 * elsewhere. */
#include "tests/sim/sim.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/must.h"

#define ROWS_BYTES 2000 /* small, so that a snapshot takes several chunks */

void sim_say(struct sim *sim, const char *fmt, ...)
{
    if (sim->trace == NULL && !sim->wish.hashed) {
        return; /* nobody listens */
    }
    char line[512];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(line, sizeof(line), fmt, args);
    va_end(args);
    trace_line(sim, line);
    if (sim->trace != NULL) {
        (void)fprintf(sim->trace, "%9.3f %s\n", (double)sim->now_ns / 1e6, line);
    }
}

void sim_violation(struct sim *sim, const char *fmt, ...)
{
    if (sim->violation[0] != '\0') {
        return;
    }
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(sim->violation, sizeof(sim->violation), fmt, args);
    va_end(args);
    sim_say(sim, "VIOLATION %s", sim->violation);
}

/* --- the heap --- */

static bool before(const struct sim_event *a, const struct sim_event *b)
{
    return a->at_ns < b->at_ns || (a->at_ns == b->at_ns && a->order < b->order);
}

static void heap_push(struct sim *sim, struct sim_event *event)
{
    if (sim->heap_count == sim->heap_room) {
        sim->heap_room = sim->heap_room > 0 ? sim->heap_room * 2 : 256;
        sim->heap = mem_grow(sim->heap, sim->heap_room, sizeof(struct sim_event *));
    }
    size_t at = sim->heap_count;
    sim->heap_count++;
    while (at > 0 && before(event, sim->heap[(at - 1) / 2])) {
        sim->heap[at] = sim->heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    sim->heap[at] = event;
}

static struct sim_event *heap_pop(struct sim *sim)
{
    struct sim_event *first = sim->heap[0];
    sim->heap_count--;
    struct sim_event *last = sim->heap[sim->heap_count];
    size_t at = 0;
    while (2 * at + 1 < sim->heap_count) {
        size_t child = 2 * at + 1;
        if (child + 1 < sim->heap_count && before(sim->heap[child + 1], sim->heap[child])) {
            child++;
        }
        if (!before(sim->heap[child], last)) {
            break;
        }
        sim->heap[at] = sim->heap[child];
        at = child;
    }
    sim->heap[at] = last;
    return first;
}

static struct sim_event *event_at(struct sim *sim, uint64_t at_ns, enum sim_event_kind kind,
                                  uint32_t node)
{
    struct sim_event *event = sim->idle;
    if (event != NULL) {
        sim->idle = event->next_idle;
    } else {
        event = mem_zalloc(sizeof(*event));
    }
    sim->order++;
    event->at_ns = at_ns > sim->now_ns ? at_ns : sim->now_ns;
    event->order = sim->order;
    event->kind = kind;
    event->node = node;
    event->life = 0;
    return event;
}

void sim_schedule(struct sim *sim, uint64_t at_ns, enum sim_event_kind kind, uint32_t node)
{
    struct sim_event *event = event_at(sim, at_ns, kind, node);
    bool of_node =
        kind == EVENT_TICK || kind == EVENT_DISK || kind == EVENT_RESTART || kind == EVENT_RESUME;
    event->life = of_node ? sim->nodes[node].life : 0;
    heap_push(sim, event);
}

/* It keeps the room of its message. */
static void event_done(struct sim *sim, struct sim_event *event)
{
    event->next_idle = sim->idle;
    sim->idle = event;
}

/* --- time of a node --- */

uint64_t sim_local_ms(const struct sim *sim, const struct sim_node *n)
{
    return n->offset_ms + (uint64_t)((double)sim->now_ns / 1e6 * n->rate);
}

static void schedule_tick(struct sim *sim, struct sim_node *n)
{
    uint64_t now_ms = sim_local_ms(sim, n);
    uint64_t next_ms =
        n->form != NULL ? form_next_tick_ms(n->form, now_ms) : core_next_tick_ms(n->core, now_ms);
    double wait_ms = (double)(next_ms - now_ms) / n->rate;
    uint64_t at_ns = sim->now_ns + (uint64_t)(wait_ms * 1e6) + 1;
    if (n->tick_at_ns > sim->now_ns && n->tick_at_ns <= at_ns) {
        return; /* an earlier one is on its way, and will look again */
    }
    n->tick_at_ns = at_ns;
    sim_schedule(sim, at_ns, EVENT_TICK, (uint32_t)(n - sim->nodes));
}

/* --- what a core wants --- */

/* How long does the disk take for a term or a vote (safety E1)? */
static void note_vote(const struct sim *sim, struct sim_node *n, const struct store_batch *b)
{
    if (b->has_hard && n->vote_sequence == 0) {
        n->vote_sequence = b->sequence;
        n->vote_at_ns = sim->now_ns;
    }
}

static void count_votes(struct sim *sim, struct sim_node *n, uint64_t durable)
{
    if (n->vote_sequence != 0 && n->vote_sequence <= durable) {
        sim->counts.slow_votes += sim->now_ns - n->vote_at_ns > sim->election_ms * NS_MS ? 1 : 0;
        n->vote_sequence = 0;
    }
}

static void start_flush(struct sim *sim, struct sim_node *n)
{
    if (n->disk_busy || (store_double_waiting(n->disk) == 0 && !n->told_full)) {
        return;
    }
    n->disk_busy = true;
    bool stalled = store_double_may_commit(n->disk) == 0; /* it tries again, or looks for space */
    double ms = stalled ? 100 : random_exp(&sim->random, n->disk_ms);
    ms = n->hang_ms > 0 ? n->hang_ms : ms;
    n->hang_ms = 0;
    n->flush_at_ns = sim->now_ns + (uint64_t)(ms * 1e6);
    sim_schedule(sim, n->flush_at_ns, EVENT_DISK, (uint32_t)(n - sim->nodes));
}

/* As the store: once when its queue stands still, once when there is space again. */
static void tell_space(struct sim *sim, struct sim_node *n)
{
    bool is_full = store_double_is_full(n->disk);
    bool stands = is_full && store_double_waiting(n->disk) > 0;
    bool says = stands || (n->told_full && is_full);
    if (says == n->told_full) {
        return;
    }
    n->told_full = says;
    sim->counts.stalls += says ? 1 : 0;
    sim_say(sim, "n%u: the disk %s", (unsigned)n->id, says ? "is full" : "has space again");
    core_space(n->core, sim_local_ms(sim, n), says ? ERR_NO_SPACE : 0);
}

static void send_one(struct sim *sim, size_t a, size_t b, const struct peer_message *message,
                     uint64_t delay_ns)
{
    struct sim_event *event = event_at(sim, sim->now_ns + delay_ns, EVENT_MESSAGE, (uint32_t)b);
    if (!sim->faults.reorder) {
        if (event->at_ns < sim->link_free_ns[a][b]) {
            event->at_ns = sim->link_free_ns[a][b];
        }
        sim->link_free_ns[a][b] = event->at_ns;
    }
    peer_message_copy(&event->message, wire_carry(sim, message), &event->bytes);
    heap_push(sim, event);
}

static uint64_t draw_delay_ns(struct sim *sim)
{
    double ms = 0.3 + random_exp(&sim->random, 0.7);
    if (!sim->healed && random_chance(&sim->random, sim->faults.tail)) {
        ms += random_exp(&sim->random, sim->faults.slow_ms);
    }
    return (uint64_t)(ms * 1e6);
}

void sim_send(struct sim *sim, const struct sim_node *from, size_t to,
              const struct peer_message *message)
{
    size_t slot = (size_t)(from - sim->nodes);
    if (!told_sends(sim, from, to, message)) {
        return;
    }
    sim->counts.messages++;
    if (!restore_is_old(sim, from)) {
        raft_check_message(sim, message);
    }
    member_check_sent(sim, from, message);
    if (message->kind == PEER_SNAPSHOT) {
        truth_check_snapshot(sim, from, &message->snapshot);
    }
    sim->counts.lease_passed_on +=
        message->kind == PEER_KEEP_ALIVE && message->keep_alive.passed_on ? 1 : 0;
    bool forms = message->kind == PEER_FORM_HELLO || message->kind == PEER_FORM_PROPOSAL;
    if ((message->kind >= PEER_CHUNK && !forms) || message->kind == PEER_SNAPSHOT) {
        sim_say(sim, "n%u -> n%u: kind %d term %u ship %llx number %u", (unsigned)from->id,
                (unsigned)message->to, (int)message->kind, (unsigned)message->term,
                (unsigned long long)message->chunk.ship, (unsigned)message->chunk.number);
    }
    if (message->kind == PEER_VOTE || message->kind == PEER_VOTE_RESULT) {
        sim_say(sim, "n%u -> n%u: %s term %u pre %d granted %d", (unsigned)from->id,
                (unsigned)message->to, message->kind == PEER_VOTE ? "asks for a vote" : "votes",
                (unsigned)message->term,
                message->kind == PEER_VOTE ? message->vote.pre_vote : message->vote_result.pre_vote,
                message->kind == PEER_VOTE_RESULT && message->vote_result.granted);
    }
    if (sim->cut[slot][to] || (!sim->healed && random_chance(&sim->random, sim->faults.drop))) {
        sim->counts.lost++;
        return;
    }
    send_one(sim, slot, to, message, draw_delay_ns(sim));
    if (!sim->healed && sim->faults.reorder && random_chance(&sim->random, sim->faults.duplicate)) {
        sim->counts.duplicated++;
        double late_ms = random_exp(&sim->random, random_chance(&sim->random, 0.7) ? 300 : 5000);
        send_one(sim, slot, to, message, draw_delay_ns(sim) + (uint64_t)(late_ms * 1e6));
    }
}

static size_t reader_slot(const struct sim_node *n, uint64_t ship)
{
    size_t slot = 0;
    while (slot < 8 && n->reader_names[slot] != ship) {
        slot++;
    }
    return slot;
}

static void read_rows(struct sim *sim, struct sim_node *n, size_t slot)
{
    bool last = false;
    struct store_double_reader *reader = n->readers[slot];
    if (!sim->healed && random_chance(&sim->cut_dice, 0.05)) {
        struct core_rows cut = {.ship = n->reader_names[slot], .status = ERR_EXPIRED};
        sim->counts.reads_cut++; /* as the store does with one that stays open too long */
        core_rows_read(n->core, sim_local_ms(sim, n), &cut);
        return;
    }
    struct store_batch *rows = store_double_reader_next(reader, ROWS_BYTES, &last);
    struct core_rows answer = {.ship = n->reader_names[slot],
                               .rows = rows,
                               .last = last,
                               .applied_index = store_double_reader_applied(reader)};
    core_rows_read(n->core, sim_local_ms(sim, n), &answer);
}

static void carry_out_wish(struct sim *sim, struct sim_node *n, const struct core_wish *wish)
{
    size_t slot = reader_slot(n, wish->kind == ROWS_OPEN ? 0 : wish->ship);
    if (slot == 8) {
        if (wish->kind != ROWS_CLOSE) {
            struct core_rows answer = {.ship = wish->ship, .status = ERR_BUSY};
            core_rows_read(n->core, sim_local_ms(sim, n), &answer);
        }
        return;
    }
    if (wish->kind == ROWS_OPEN) {
        n->readers[slot] = store_double_reader_open(n->disk);
        n->reader_names[slot] = wish->ship;
    }
    if (wish->kind == ROWS_CLOSE) {
        store_double_reader_close(n->readers[slot]);
        n->readers[slot] = NULL;
        n->reader_names[slot] = 0;
        return;
    }
    read_rows(sim, n, slot);
}

static void check_batch(struct sim *sim, const struct sim_node *n, const struct store_batch *b)
{
    member_check_batch(sim, n, b);
    if (b->has_snapshot) {
        struct peer_snapshot snapshot = {.index = b->snapshot.index,
                                         .term = b->snapshot.term,
                                         .conf_index = b->snapshot.conf_index,
                                         .conf = b->snapshot.conf.bytes,
                                         .conf_size = b->snapshot.conf.size};
        truth_check_snapshot(sim, n, &snapshot);
    }
}

void sim_after(struct sim *sim, struct sim_node *n)
{
    if (!told_turn(sim, n)) {
        (void)restore_ends(sim, n);
        return;
    }
    core_turn(n->core, sim_local_ms(sim, n));
    bool busy = true;
    while (busy && sim->violation[0] == '\0') {
        busy = false;
        for (struct store_batch *b = core_next_batch(n->core); b != NULL;
             b = core_next_batch(n->core)) {
            sim->counts.batches++;
            sim->counts.compactions += b->trim_below != 0 ? 1 : 0;
            sim->counts.installs += b->stage == STAGE_COMMIT ? 1 : 0;
            note_vote(sim, n, b);
            check_batch(sim, n, b);
            told_batch(sim, n, b);
            store_double_submit(n->disk, b);
        }
        struct peer_message message;
        while (core_next_message(n->core, &message)) {
            sim->counts.full_yields += message.kind == PEER_TIMEOUT_NOW && n->told_full ? 1 : 0;
            MUST(message.to >= 1);
            sim_send(sim, n, (size_t)SIM_SLOT(message.to), &message);
        }
        struct core_wish wish;
        while (core_next_wish(n->core, &wish)) {
            carry_out_wish(sim, n, &wish);
            core_turn(n->core, sim_local_ms(sim, n));
            busy = true;
        }
        struct core_done done;
        while (core_next_done(n->core, &done)) {
            clients_done(sim, n, &done);
            calm_done(sim, n, &done);
            buf_close(&done.result);
        }
    }
    raft_check_node(sim, n);
    check_node(sim, n);
    member_check_node(sim, n);
    lease_check(sim, n);
    soft_check(sim, n);
    told_judge(sim, n);
    trace_node(sim, n);
    if (restore_ends(sim, n) || faults_dies_now(sim, n)) {
        return;
    }
    sim_go_on(sim, n);
}

void sim_go_on(struct sim *sim, struct sim_node *n)
{
    start_flush(sim, n);
    schedule_tick(sim, n);
}

struct sim_node *sim_leader(struct sim *sim)
{
    struct sim_node *best = NULL;
    for (size_t i = 0; i < sim->nodes_count; i++) {
        struct sim_node *n = &sim->nodes[i];
        bool leads = n->core != NULL && !n->paused && !out_is(sim, i) && told_leads(sim, n);
        if (leads && (best == NULL || n->term > best->term)) {
            best = n;
        }
    }
    return best;
}

/* --- events --- */

/* A well net does not keep what was sent long ago: each such message would count as a sign of life
 * of a node that is gone, and put off that another one takes its place. */
#define STRAYS_MS 2000

static bool is_stray(const struct sim *sim, const struct sim_event *event)
{
    return event->kind == EVENT_MESSAGE && sim->healed && event->order <= sim->heal_order &&
           sim->now_ns > sim->heal_at_ns + STRAYS_MS * NS_MS;
}

static void on_node_event(struct sim *sim, struct sim_event *event)
{
    struct sim_node *n = &sim->nodes[event->node];
    if (event->kind == EVENT_RESTART) {
        if (event->life == n->life && n->core == NULL && n->form == NULL &&
            !out_is_down(sim, event->node)) {
            world_start_node(sim, n);
        }
        return;
    }
    bool down = n->core == NULL && n->form == NULL;
    bool void_event =
        down || is_stray(sim, event) || (event->kind != EVENT_MESSAGE && event->life != n->life) ||
        (event->kind == EVENT_MESSAGE && event->message.to != n->id && event->message.to != 0) ||
        (event->kind == EVENT_MESSAGE && out_breaks(sim, event));
    if (void_event) {
        return;
    }
    if (n->paused && event->kind != EVENT_RESUME) {
        /* The kernel goes on while the process stands: it finds everything when it wakes up. */
        struct sim_event *later = event_at(sim, n->paused_until_ns + 1, event->kind, event->node);
        later->life = event->life;
        if (event->kind == EVENT_MESSAGE) {
            peer_message_copy(&later->message, &event->message, &later->bytes);
        }
        heap_push(sim, later);
        return;
    }
    if (n->form != NULL) {
        form_act(sim, n, event);
        return;
    }
    uint64_t now_ms = sim_local_ms(sim, n);
    switch ((int)event->kind) {
        case EVENT_TICK:
            core_tick(n->core, now_ms);
            break;
        case EVENT_MESSAGE:
            form_asked(sim, n, &event->message);
            told_hears(sim, n, &event->message);
            operator_hear(sim, &event->message);
            member_receive(sim, n, &event->message);
            break;
        case EVENT_DISK: {
            if (!n->disk_busy || sim->now_ns < n->flush_at_ns || faults_write_fails(sim, n)) {
                return; /* ... or it healed, and was done before */
            }
            n->disk_busy = false;
            uint64_t sequence = store_double_commit(n->disk, store_double_may_commit(n->disk));
            if (sequence > 0) {
                count_votes(sim, n, sequence);
                told_durable(sim, n, sequence);
                core_durable(n->core, now_ms, sequence);
            }
            tell_space(sim, n);
            break;
        }
        case EVENT_RESUME:
            n->paused = false;
            clients_woken(sim, n); /* who asks first, the clock or a client? */
            break;
        default:
            UNREACHABLE("only events of a node come here");
    }
    sim_after(sim, n);
}

static void on_event(struct sim *sim, struct sim_event *event)
{
    switch (event->kind) {
        case EVENT_CLIENT:
            clients_act(sim, event->node);
            return;
        case EVENT_WATCH:
            watchers_act(sim, event->node);
            return;
        case EVENT_SOFT:
            soft_act(sim);
            return;
        case EVENT_BURDEN:
            burden_act(sim);
            return;
        case EVENT_LEASE:
            lease_act(sim, event->node);
            return;
        case EVENT_FAULT:
            faults_strike(sim);
            return;
        case EVENT_ADMIN:
            raft_check_logs(sim);
            restore_copies(sim);
            members_act(sim);
            return;
        case EVENT_HEAL:
            faults_heal(sim);
            return;
        case EVENT_END:
            calm_act(sim);
            return;
        case EVENT_LED:
            out_check_led(sim);
            return;
        case EVENT_TICK:
        case EVENT_MESSAGE:
        case EVENT_DISK:
        case EVENT_RESTART:
        case EVENT_RESUME:
            on_node_event(sim, event);
            return;
    }
}

int sim_live(struct sim *sim, uint64_t seed, const struct sim_wish *wish, FILE *trace)
{
    *sim = (struct sim){.seed = seed, .wish = *wish, .random = {seed}, .trace = trace};
    sim->cut_dice = (struct test_random){seed * UINT64_C(0x9fb21c651e98df25)};
    trace_open(sim);
    world_draw(sim);
    while (!sim->over && sim->violation[0] == '\0') {
        MUST(sim->heap_count > 0);
        struct sim_event *event = heap_pop(sim);
        sim->now_ns = event->at_ns;
        sim->counts.events++;
        trace_event(sim, event);
        on_event(sim, event);
        event_done(sim, event);
    }
    return sim->violation[0] == '\0' ? 0 : -1;
}

void sim_close(struct sim *sim)
{
    for (size_t i = 0; i < SIM_NODES; i++) {
        struct sim_node *n = &sim->nodes[i];
        core_destroy(n->core);
        watch_hub_destroy(n->hub);
        for (size_t r = 0; r < 8; r++) {
            store_double_reader_close(n->readers[r]);
        }
        store_double_destroy(n->disk);
    }
    while (sim->heap_count > 0) {
        event_done(sim, heap_pop(sim));
    }
    while (sim->idle != NULL) {
        struct sim_event *event = sim->idle;
        sim->idle = event->next_idle;
        buf_close(&event->bytes);
        mem_free(event);
    }
    mem_free(sim->heap);
    wire_close(sim);
    form_close(sim);
    restore_close(sim);
    soft_book_close(sim);
    check_close(sim);
    truth_close(sim);
    clients_close(sim);
}
