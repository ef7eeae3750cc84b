/* consensus/node/drain.c - what comes from disk and net goes to the core, and what the core asks
 * for is carried out. */
#include <string.h>

#include "base/must.h"
#include "consensus/node/node.h"

/* Of rows in one message of a snapshot. */
#define ROWS_BYTES ((size_t)256 * 1024)

/* ---- snapshots that are read ---- */

static size_t reader_slot(const struct node *n, const uint64_t *list, uint64_t name)
{
    size_t slot = 0;
    while (slot < ARRAY_LEN(n->readers) && list[slot] != name) {
        slot++;
    }
    return slot;
}

static void rows_failed(struct node *n, uint64_t ship, int status)
{
    struct core_rows answer = {.ship = ship, .status = status};
    core_rows_read(n->core, node_now_ms(), &answer);
}

static void carry_out(struct node *n, const struct core_wish *wish)
{
    uint64_t ship = wish->kind == ROWS_OPEN ? 0 : wish->ship;
    size_t slot = reader_slot(n, n->reader_ships, ship);
    if (slot == ARRAY_LEN(n->readers)) {
        if (wish->kind != ROWS_CLOSE) {
            rows_failed(n, wish->ship, ERR_BUSY);
        }
        return;
    }
    switch (wish->kind) {
        case ROWS_OPEN:
            n->reader_ships[slot] = wish->ship;
            n->readers[slot] = store_reader_open(n->store);
            return;
        case ROWS_NEXT:
            store_reader_next(n->store, n->readers[slot], ROWS_BYTES);
            return;
        case ROWS_CLOSE:
            store_reader_close(n->store, n->readers[slot]);
            n->readers[slot] = 0;
            n->reader_ships[slot] = 0;
            return;
    }
    UNREACHABLE("every kind has a row");
}

static void on_rows(struct node *n, struct store_event *event)
{
    size_t slot = reader_slot(n, n->readers, event->reader);
    if (dumps_receive(n, event)) {
        return;
    }
    if (slot == ARRAY_LEN(n->readers) || n->core == NULL) {
        return; /* closed meanwhile */
    }
    if (event->status != 0) {
        rows_failed(n, n->reader_ships[slot], event->status);
        return;
    }
    if (event->rows == NULL && !event->is_last) {
        store_reader_next(n->store, event->reader, ROWS_BYTES); /* it is open */
        return;
    }
    struct core_rows answer = {.ship = n->reader_ships[slot],
                               .rows = event->rows,
                               .last = event->is_last,
                               .applied_index = event->applied_index};
    event->rows = NULL; /* the core's */
    core_rows_read(n->core, node_now_ms(), &answer);
}

/* ---- disk ---- */

static void on_space(struct node *n, const struct store_event *event)
{
    if (n->core != NULL) {
        core_space(n->core, node_now_ms(), event->status);
    }
    bool is_full = event->status != 0;
    (void)snprintf(n->no_space, sizeof(n->no_space), "%s", is_full ? event->err.msg : "");
    node_say(n, PGRAFT_EVENT_SPACE, is_full ? PGRAFT_LEVEL_ERROR : PGRAFT_LEVEL_INFO, "",
             is_full ? 1 : 0, "%s%s", is_full ? "the store can not be written: " : "",
             is_full ? event->err.msg : "the store has space again");
}

void drain_store(struct node *n)
{
    struct store_event event = {.kind = STORE_DURABLE};
    while (n->store != NULL && store_poll(n->store, &event)) {
        switch (event.kind) {
            case STORE_DURABLE:
                if (n->core != NULL) {
                    core_durable(n->core, node_now_ms(), event.sequence);
                } else if (n->form != NULL) {
                    form_durable(n->form, node_now_ms(), event.sequence);
                }
                break;
            case STORE_SPACE:
                on_space(n, &event);
                break;
            case STORE_READ:
                on_rows(n, &event);
                break;
        }
        store_event_close(&event);
    }
}

/* ---- messages ---- */

/* A node without a cluster asks one that has one. */
static void answer_form(struct node *n, const struct peer_message *in)
{
    struct members members;
    (void)engine_committed_members(core_engine(n->core), &members);
    struct form_member me = {.info = n->settings.me, .members = &members};
    memcpy(me.cluster_id, n->cluster_id, CLUSTER_ID_SIZE);
    struct peer_message answer;
    struct buf keep = {0};
    if (n->has_cluster && form_answer(&me, in, &answer, &keep)) {
        (void)net_send(n->net, &answer);
    }
    buf_close(&keep);
}

void drain_message(struct node *n, const struct peer_message *message)
{
    switch ((int)message->kind) {
        case PEER_ASK:
        case PEER_ANSWER:
            asks_receive(n, message);
            return;
        case PEER_FORM_HELLO:
        case PEER_FORM_PROPOSAL:
            if (n->form != NULL) {
                form_receive(n->form, node_now_ms(), message);
            } else if (n->core != NULL) {
                guests_hear(n, message);
                answer_form(n, message);
            }
            return;
        case PEER_JOIN:
            member_job_note_wish(n, &message->join);
            break;
        default:
            break;
    }
    if (n->core != NULL) {
        core_receive(n->core, node_now_ms(), message);
    }
}

/* ---- the core ---- */

static void tell(struct node *n)
{
    struct core_event event;
    while (core_next_event(n->core, &event)) {
        if (event.kind == CORE_EVENT_REFUSED) {
            node_say(n, PGRAFT_EVENT_REFUSED, PGRAFT_LEVEL_WARN, "", event.member, "%s",
                     event.text);
        } else if (event.kind == CORE_EVENT_NAME_TAKEN) {
            node_say(n, PGRAFT_EVENT_NAME_TAKEN, PGRAFT_LEVEL_WARN, "", event.member, "%s",
                     event.text);
        } else if (event.kind == CORE_EVENT_SHIP) {
            node_say(n, PGRAFT_EVENT_SHIP, PGRAFT_LEVEL_WARN, "", event.member, "%s", event.text);
        }
        /* The others: node.c looks by itself, and knows names. */
    }
}

static bool drain_once(struct node *n)
{
    bool busy = false;
    for (struct store_batch *b = core_next_batch(n->core); b != NULL;
         b = core_next_batch(n->core)) {
        store_submit(n->store, b);
    }
    struct peer_message message;
    while (core_next_message(n->core, &message)) {
        (void)net_send(n->net, &message); /* what is lost is sent again */
    }
    struct core_wish wish;
    while (core_next_wish(n->core, &wish)) {
        carry_out(n, &wish);
        busy = true;
    }
    struct core_done done;
    while (core_next_done(n->core, &done)) {
        jobs_core_done(n, &done);
        buf_close(&done.result);
        busy = true;
    }
    return busy;
}

void drain_core(struct node *n)
{
    /* What an answer brings about, the next command of a full queue for one, goes with this turn:
     * a few rounds, and the rest with the next. */
    for (int round = 0; round < 8; round++) {
        core_turn(n->core, node_now_ms());
        bool busy = drain_once(n);
        tell(n);
        if (n->poke_now) {
            jobs_poke(n, node_now_ms());
            busy = true;
        }
        if (!busy) {
            return;
        }
    }
    n->poke_now = true;
}
