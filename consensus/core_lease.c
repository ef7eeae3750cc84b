/* consensus/core_lease.c - the leader's side of leases: who is still alive, and who has run out.
 *
 *   KEEP_ALIVE --> its time of receipt counts at once --> waits for a majority's echo of a later
 *   round (consensus/stamp.h) --> confirmed, if nothing speaks against it then
 *
 *   time over --> KV_LEASE_EXPIRE in the log --> applied: the lease is gone, on every node at once
 *
 * Rules here, each with its reason in docs/leases.md: A2 (no keep-alive against an expiry), A3 (the
 * full time since the last one received), A4 (a new leader's first sum), A6 (passing on). */
#include "base/mem.h"
#include "base/must.h"
#include "consensus/core_internal.h"
#include "consensus/lease_span.h"
#include "proto/kv_peek.h"

/* Keep-alives that wait for their round. Beyond it the oldest of all is dropped: it is sent anew
 * with the next heartbeat. */
#define ASKED_MAX 4096
/* Expiries of one turn; the others follow in the next. */
#define EXPIRE_TURN_MAX 64

/* A keep-alive that waits. */
struct asked {
    struct list link;
    struct peer_keep_alive ask;
    uint64_t from; /* who sent it, and gets the answer */
    uint64_t received_ms;
    uint64_t round; /* confirmed by an echo of a later one */
};

/* An entry that may end a lease, until it is applied. */
struct ending {
    struct list link;
    uint64_t lease;
    uint64_t index;
};

static void asked_free(struct core *c, struct asked *a)
{
    list_remove(&a->link);
    c->leases.asked_count--;
    mem_free(a);
}

/* --- a leadership and its clock --- */

void core_lease_reset(struct core *c)
{
    lease_clock_clear(&c->leases.clock);
    LIST_FOR_EACH_SAFE (struct asked, a, &c->leases.asked, link) {
        asked_free(c, a);
    }
    LIST_FOR_EACH_SAFE (struct ending, e, &c->leases.endings, link) {
        list_remove(&e->link);
        mem_free(e);
    }
    c->leases.counting = false;
}

static void run_from(struct core *c, const struct machine_lease *lease, uint64_t from_ms)
{
    uint64_t until_ms = from_ms + lease_leader_ms(lease->ttl_ms);
    lease_clock_run(&c->leases.clock, lease->id, lease->generation, until_ms);
}

/* Entries that end @lease (0: any) were in the log before it came into the clock (A2). */
static void note_endings(struct core *c, uint64_t lease)
{
    LIST_FOR_EACH (struct ending, e, &c->leases.endings, link) {
        if (lease == 0 || e->lease == lease) {
            lease_clock_end(&c->leases.clock, e->lease, e->index);
        }
    }
}

static bool is_of(const struct machine_lease *lease, const struct peer_keep_alive *ask)
{
    return lease->granted_index == ask->grant && lease->epoch == ask->epoch;
}

/* A3: time is counted from every keep-alive that was received, confirmed or not. Not while an entry
 * that may end the lease is in the log (A2): if it fails, answer() makes up for it. */
static void count(struct core *c, const struct peer_keep_alive *ask, uint64_t received_ms)
{
    struct machine_lease lease;
    const struct lease_time *time = lease_clock_find(&c->leases.clock, ask->lease);
    bool runs = time != NULL && time->ending_index == 0 &&
                machine_lease(c->machine, ask->lease, &lease) && is_of(&lease, ask) &&
                lease.marked_index == 0;
    if (c->leases.counting && runs) {
        run_from(c, &lease, received_ms);
    }
}

/* Only when every entry of earlier terms is applied does a leader know which leases there are, and
 * that none of them is ended by an entry of those terms (A2). Their holders may count from any time
 * at which another leader was followed (A4); those of this leadership's own grants and changes only
 * from their keep-alives, so that the full time runs from now. */
static void begin_counting(struct core *c)
{
    uint64_t established_at = engine_established_at(c->engine);
    if (c->leases.counting || !engine_is_established(c->engine) ||
        c->applied.index < established_at) {
        return;
    }
    c->leases.counting = true;
    uint64_t led_until_ms = engine_led_until_ms(c->engine);
    struct machine_lease lease = {0};
    while (machine_lease_next(c->machine, lease.id, &lease)) {
        run_from(c, &lease, lease.generation > established_at ? c->now_ms : led_until_ms);
    }
    note_endings(c, 0);
    LIST_FOR_EACH (struct asked, a, &c->leases.asked, link) {
        count(c, &a->ask, a->received_ms);
    }
}

/* The machine tells while it applies. */
void core_lease_event(struct core *c, enum machine_lease_event event,
                      const struct machine_lease *lease)
{
    if (!c->leases.counting) {
        return;
    }
    switch (event) {
        case MACHINE_LEASE_GRANTED:
            run_from(c, lease, c->now_ms);
            note_endings(c, lease->id);
            return;
        case MACHINE_LEASE_CHANGED:
            run_from(c, lease, c->now_ms);
            return;
        case MACHINE_LEASE_MARKED:
            return; /* refusal() looks at the mark */
        case MACHINE_LEASE_REMOVED:
            lease_clock_remove(&c->leases.clock, lease->id);
            return;
    }
    UNREACHABLE("every event has a row");
}

/* --- entries that end leases (A2) --- */

static void note_ending(struct core *c, uint64_t lease, uint64_t index)
{
    struct ending *e = mem_zalloc(sizeof(*e));
    list_init(&e->link);
    e->lease = lease;
    e->index = index;
    list_push_back(&c->leases.endings, &e->link);
    lease_clock_end(&c->leases.clock, lease, index);
}

void core_lease_proposed(struct core *c, uint64_t index, const void *bytes, size_t size)
{
    if (!kv_peek(bytes, size).ends_lease) {
        return;
    }
    struct kv_decoder decoder = {0};
    struct kv_command command;
    if (kv_command_decode(&decoder, bytes, size, &command, NULL) == 0) {
        note_ending(c, command.lease_end.id, index);
    }
    kv_decoder_close(&decoder);
}

void core_lease_applied(struct core *c, uint64_t index)
{
    while (!list_empty(&c->leases.endings)) {
        struct ending *e = CONTAINER_OF(c->leases.endings.next, struct ending, link);
        if (e->index > index) {
            return;
        }
        lease_clock_go_on(&c->leases.clock, e->lease, e->index);
        list_remove(&e->link);
        mem_free(e);
    }
}

static int propose_expiry(struct core *c, const struct lease_time *time)
{
    struct kv_command command = {.kind = KV_LEASE_END, .system = true};
    command.lease_end = (struct kv_lease_end){
        .kind = KV_LEASE_EXPIRE, .id = time->id, .generation = time->generation};
    struct buf bytes = {0};
    int code = kv_command_encode(&command, &bytes, NULL);
    MUST(code == 0);
    uint64_t index = engine_last(c->engine) + 1;
    struct peer_entry entry = {.type = ENTRY_COMMAND, .data = bytes.bytes, .size = bytes.size};
    code = engine_submit(c->engine, c->now_ms, &entry, 1, NULL);
    buf_close(&bytes);
    if (code == 0) {
        note_ending(c, time->id, index);
    }
    return code;
}

static void expire(struct core *c)
{
    for (size_t i = 0; i < EXPIRE_TURN_MAX; i++) {
        const struct lease_time *time = lease_clock_first(&c->leases.clock);
        if (time == NULL || time->until_ms > c->now_ms || propose_expiry(c, time) != 0) {
            return; /* refused while leadership is being handed over: the heir counts anew */
        }
    }
}

/* --- keep-alives --- */

/* The answer would be final, but an entry in the log may still decide otherwise: one that may end
 * the lease (A2), or its grant, which the holder can have applied before a leader with a slow disk.
 */
static bool is_undecided(const struct core *c, const struct asked *a)
{
    const struct lease_time *time = lease_clock_find(&c->leases.clock, a->ask.lease);
    bool is_ending = time != NULL && time->ending_index != 0;
    bool is_behind = a->ask.grant > c->applied.index && a->ask.grant <= engine_last(c->engine);
    return is_ending || is_behind;
}

/* Why a keep-alive whose round has passed is not confirmed; 0: it is, and *ret_lease tells. */
static int refusal(const struct core *c, const struct asked *a, struct machine_lease *ret_lease)
{
    if (!machine_lease(c->machine, a->ask.lease, ret_lease) || !is_of(ret_lease, &a->ask)) {
        return ERR_NOT_FOUND;
    }
    return ret_lease->marked_index != 0 ? ERR_REFUSED : 0;
}

static void answer(struct core *c, const struct asked *a)
{
    struct machine_lease lease = {0};
    int status = refusal(c, a, &lease);
    if (status == 0) {
        /* It came while the lease was not known yet, or was ending: it was not counted then. */
        run_from(c, &lease, a->received_ms);
    }
    struct peer_message m = {.kind = PEER_KEEP_ALIVE_RESULT,
                             .from = c->settings.id,
                             .to = a->from,
                             .term = engine_term(c->engine),
                             .keep_alive_result = {.holder = a->ask.holder,
                                                   .name = a->ask.name,
                                                   .lease = a->ask.lease,
                                                   .status = status,
                                                   .ttl_ms = status == 0 ? lease.ttl_ms : 0}};
    if (a->from == c->settings.id) {
        core_hold_result(c, &m.keep_alive_result);
    } else {
        core_send(c, &m);
    }
}

static void answer_asked(struct core *c)
{
    if (list_empty(&c->leases.asked)) {
        return;
    }
    struct members members;
    engine_members(c->engine, &members);
    struct stamp_proof proof =
        stamp_proven(&c->stamps, &members, c->settings.id, engine_round(c->engine), c->now_ms);
    bool hurry = false;
    LIST_FOR_EACH_SAFE (struct asked, a, &c->leases.asked, link) {
        if (proof.round <= a->round) {
            hurry = hurry || (a->ask.urgent && engine_beaten(c->engine) <= a->round);
            continue;
        }
        if (is_undecided(c, a)) {
            continue;
        }
        answer(c, a);
        asked_free(c, a);
    }
    if (hurry && !engine_beat(c->engine, c->now_ms, proof.round)) {
        c->beat_wanted = true;
    }
}

void core_lease_turn(struct core *c)
{
    if (!core_leads(c)) {
        return;
    }
    begin_counting(c);
    if (!c->leases.counting) {
        return;
    }
    answer_asked(c);
    expire(c);
}

static void take(struct core *c, uint64_t from, const struct peer_keep_alive *ask)
{
    if (ask->epoch != 0) {
        core_placement_heard_holder(c, ask->holder, from);
    }
    count(c, ask, c->now_ms);
    if (c->leases.asked_count == ASKED_MAX) {
        asked_free(c, CONTAINER_OF(c->leases.asked.next, struct asked, link));
    }
    struct asked *a = mem_zalloc(sizeof(*a));
    list_init(&a->link);
    a->ask = *ask;
    a->from = from;
    a->received_ms = c->now_ms;
    a->round = engine_round(c->engine); /* rounds up to here may have left before it came */
    list_push_back(&c->leases.asked, &a->link);
    c->leases.asked_count++;
}

/* A6: whoever knows a leader passes a holder's keep-alive on to it, once. The time in it is the
 * holder's own, so it does not matter how long the way is. */
static void pass_on(struct core *c, const struct peer_keep_alive *ask)
{
    uint64_t leader = engine_leader(c->engine);
    if (ask->passed_on || leader == 0 || leader == ask->holder || leader == c->settings.id) {
        return;
    }
    struct peer_message m = {.kind = PEER_KEEP_ALIVE,
                             .from = c->settings.id,
                             .to = leader,
                             .term = engine_term(c->engine),
                             .keep_alive = *ask};
    m.keep_alive.passed_on = true;
    core_send(c, &m);
}

void core_lease_ask(struct core *c, uint64_t from, const struct peer_keep_alive *ask)
{
    if (core_leads(c)) {
        take(c, from, ask);
    } else if (from != c->settings.id) {
        pass_on(c, ask);
    }
}

void core_lease_receive(struct core *c, const struct peer_message *m)
{
    if (m->kind == PEER_KEEP_ALIVE) {
        core_lease_ask(c, m->from, &m->keep_alive);
        return;
    }
    if (m->keep_alive_result.holder == c->settings.id) {
        core_hold_result(c, &m->keep_alive_result);
        return;
    }
    struct peer_message on = *m;
    on.from = c->settings.id;
    on.to = m->keep_alive_result.holder;
    core_send(c, &on);
}

int core_lease_left(const struct core *c, uint64_t now_ms, uint64_t id, uint64_t *ret_ms)
{
    if (!core_leads(c) || !c->leases.counting) {
        return ERR_NOT_LEADER;
    }
    const struct lease_time *time = lease_clock_find(&c->leases.clock, id);
    if (time == NULL) {
        return ERR_NOT_FOUND;
    }
    /* An entry that may end it counts when it is applied: it may be refused. */
    *ret_ms = time->until_ms > now_ms ? time->until_ms - now_ms : 0;
    return 0;
}

uint64_t core_lease_next_ms(const struct core *c)
{
    const struct lease_time *time = lease_clock_first(&c->leases.clock);
    return time != NULL ? time->until_ms : UINT64_MAX;
}

/* --- who holds one --- */

bool core_lease_holds(const struct core_holders *holders, uint64_t member)
{
    for (size_t i = 0; i < holders->count; i++) {
        if (holders->at[i] == member) {
            return true;
        }
    }
    return false;
}

void core_lease_holders(const struct core *c, bool only_protected, struct core_holders *out)
{
    *out = (struct core_holders){0};
    struct members members;
    engine_members(c->engine, &members);
    struct machine_lease lease = {0};
    while (out->count < members.count && machine_lease_next(c->machine, lease.id, &lease)) {
        bool counts =
            (lease.is_protected || !only_protected) && members_find(&members, lease.holder) != NULL;
        if (counts && !core_lease_holds(out, lease.holder)) {
            out->at[out->count] = lease.holder;
            out->count++;
        }
    }
}
