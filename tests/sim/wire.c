/* tests/sim/wire.c - what a message loses on the wire: some are encoded, decoded and delivered as
 * they came out.
 *
 * A field that the codec forgets would be missed by nobody if messages were only copied. In some
 * lives each message goes this way, in the others now and then one. */
#include "proto/peer_codec.h"
#include "tests/sim/sim.h"

#define CODED_EVERY 32
#define CODED_LIVES 25 /* in one of so many lives every message is coded */

const struct peer_message *wire_carry(struct sim *sim, const struct peer_message *message)
{
    bool all = sim->seed % CODED_LIVES == 3;
    if (!all && sim->counts.messages % CODED_EVERY != 0) {
        return message;
    }
    struct sim_wire *w = &sim->wire;
    struct err err = {0};
    buf_clear(&w->bytes);
    if (peer_encode(message, &w->bytes, &err) != 0 ||
        peer_decode(&w->decoder, w->bytes.bytes, w->bytes.size, &w->message, &err) != 0) {
        sim_violation(sim, "a message of kind %d does not go over the wire: %s", (int)message->kind,
                      err.msg);
        return message;
    }
    if (!wire_same(message, &w->message)) {
        sim_violation(sim, "a message of kind %d is another one when it comes off the wire",
                      (int)message->kind);
    }
    sim->counts.messages_coded++;
    return &w->message;
}

void wire_close(struct sim *sim)
{
    peer_decoder_close(&sim->wire.decoder);
    buf_close(&sim->wire.bytes);
}
