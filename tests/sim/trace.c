/* tests/sim/trace.c - 128 bits of everything that happened in a life.
 *
 * Two lives of one seed must be one life. What is compared is not a text that leaves most things
 * out: every event counts with its kind, its time and its node, a message with what it carries, and
 * behind it the state of the node that it came to, down to the hash of its machine. Only asked for
 * in lives that are lived twice: the others need not pay for it. */
#include <string.h>

#include "proto/peer_codec.h"
#include "tests/sim/sim.h"

void trace_open(struct sim *sim)
{
    sim->trace_hash = hash128_start(sim->seed);
}

void trace_line(struct sim *sim, const char *line)
{
    if (sim->wish.hashed) {
        hash128_bytes(&sim->trace_hash, line, strlen(line));
    }
}

static void take_message(struct sim *sim, const struct peer_message *m)
{
    struct err err = {0};
    buf_clear(&sim->wire.bytes);
    if (peer_encode(m, &sim->wire.bytes, &err) != 0) {
        sim_violation(sim, "a message that is on its way does not encode: %s", err.msg);
    }
    hash128_bytes(&sim->trace_hash, sim->wire.bytes.bytes, sim->wire.bytes.size);
}

void trace_event(struct sim *sim, const struct sim_event *event)
{
    if (!sim->wish.hashed) {
        return;
    }
    struct hash128 *hash = &sim->trace_hash;
    hash128_number(hash, event->at_ns);
    hash128_number(hash, event->order);
    hash128_number(hash, event->kind);
    hash128_number(hash, event->node);
    hash128_number(hash, event->life);
    if (event->kind == EVENT_MESSAGE) {
        take_message(sim, &event->message);
    }
}

void trace_node(struct sim *sim, const struct sim_node *n)
{
    if (!sim->wish.hashed) {
        return;
    }
    struct hash128 *hash = &sim->trace_hash;
    const struct engine *e = core_engine(n->core);
    struct machine_status status;
    machine_status(core_machine(n->core), &status);
    hash128_number(hash, n->id);
    hash128_number(hash, engine_term(e));
    hash128_number(hash, (uint64_t)engine_role(e));
    hash128_number(hash, engine_leader(e));
    hash128_number(hash, engine_last(e));
    hash128_number(hash, engine_stored(e));
    hash128_number(hash, engine_commit(e));
    hash128_number(hash, core_applied(n->core));
    hash128_number(hash, status.index);
    hash128_bytes(hash, &status.hash, sizeof(status.hash));
    hash128_bytes(hash, &status.chain, sizeof(status.chain));
}
