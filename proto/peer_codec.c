/* proto/peer_codec.c - messages between members as bytes and back: the envelope, and which part is
 * whose. */
#include "proto/peer_codec.h"

#include "base/cleanup.h"
#include "base/must.h"
#include "proto/peer_codec_internal.h"

/* What decoding may cost beyond the bytes of a message: the structs of as many entries or rows as
 * one may have. */
#define STRUCTS_SLACK ((size_t)PEER_ROWS_MAX * 160)

void peer_decoder_close(struct peer_decoder *decoder)
{
    arena_close(&decoder->arena);
}

int peer_too_many(const char *what, size_t count, size_t max, struct err *err)
{
    return err_set(err, ERR_TOO_LARGE, "%s: %zu, at most %zu", what, count, max);
}

static void write_part(struct arena *arena, const struct peer_message *in, union wire_part *part,
                       wire_message *wire)
{
    switch (in->kind) {
        case PEER_APPEND:
        case PEER_APPEND_RESULT:
        case PEER_VOTE:
        case PEER_VOTE_RESULT:
        case PEER_TIMEOUT_NOW:
        case PEER_SNAPSHOT:
        case PEER_CHUNK:
        case PEER_CHUNK_RESULT:
            peer_raft_write(arena, in, part, wire);
            return;
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
            peer_beside_write(arena, in, part, wire);
            return;
    }
    UNREACHABLE("every kind has a row");
}

int peer_encode(const struct peer_message *message, struct buf *out, struct err *err)
{
    CLEANUP(arena_close) struct arena arena = {0};
    arena_reset(&arena, STRUCTS_SLACK);
    union wire_part part;
    Pgraft__Peer__Stamp stamp;
    wire_message wire;
    pgraft__peer__message__init(&wire);
    wire.from = message->from;
    wire.to = message->to;
    wire.term = message->term;
    wire.life = message->life;
    if (message->stamp.term != 0) {
        pgraft__peer__stamp__init(&stamp);
        stamp.term = message->stamp.term;
        stamp.round = message->stamp.round;
        stamp.sent_ms = message->stamp.sent_ms;
        wire.stamp = &stamp;
    }
    if (message->kind == PEER_APPEND && message->append.count > PEER_ENTRIES_MAX) {
        return peer_too_many("append.entries", message->append.count, PEER_ENTRIES_MAX, err);
    }
    if ((message->kind == PEER_SOFT || message->kind == PEER_SOFT_RESULT) &&
        message->soft.count > PEER_SOFT_STATES_MAX) {
        return peer_too_many("soft.states", message->soft.count, PEER_SOFT_STATES_MAX, err);
    }
    if (message->kind == PEER_CHUNK && message->chunk.count > PEER_ROWS_MAX) {
        return peer_too_many("chunk.rows", message->chunk.count, PEER_ROWS_MAX, err);
    }
    write_part(&arena, message, &part, &wire);
    size_t size = pgraft__peer__message__get_packed_size(&wire);
    if (size > PEER_MESSAGE_BYTES_MAX) {
        return peer_too_many("message: bytes", size, PEER_MESSAGE_BYTES_MAX, err);
    }
    wire_pack(&wire.base, out);
    return 0;
}

static int read_part(struct arena *arena, const wire_message *wire, struct peer_message *out,
                     struct err *err)
{
    switch (wire->body_case) {
        case PGRAFT__PEER__MESSAGE__BODY_APPEND:
        case PGRAFT__PEER__MESSAGE__BODY_APPEND_RESULT:
        case PGRAFT__PEER__MESSAGE__BODY_VOTE:
        case PGRAFT__PEER__MESSAGE__BODY_VOTE_RESULT:
        case PGRAFT__PEER__MESSAGE__BODY_TIMEOUT_NOW:
        case PGRAFT__PEER__MESSAGE__BODY_SNAPSHOT:
        case PGRAFT__PEER__MESSAGE__BODY_CHUNK:
        case PGRAFT__PEER__MESSAGE__BODY_CHUNK_RESULT:
            return peer_raft_read(arena, wire, out, err);
        case PGRAFT__PEER__MESSAGE__BODY_READ_INDEX:
        case PGRAFT__PEER__MESSAGE__BODY_KEEP_ALIVE:
        case PGRAFT__PEER__MESSAGE__BODY_KEEP_ALIVE_RESULT:
        case PGRAFT__PEER__MESSAGE__BODY_SOFT:
        case PGRAFT__PEER__MESSAGE__BODY_HELLO:
        case PGRAFT__PEER__MESSAGE__BODY_HELLO_RESULT:
        case PGRAFT__PEER__MESSAGE__BODY_JOIN:
        case PGRAFT__PEER__MESSAGE__BODY_JOIN_RESULT:
        case PGRAFT__PEER__MESSAGE__BODY_FORM_HELLO:
        case PGRAFT__PEER__MESSAGE__BODY_FORM_PROPOSAL:
        case PGRAFT__PEER__MESSAGE__BODY_ASK:
        case PGRAFT__PEER__MESSAGE__BODY_ANSWER:
            return peer_beside_read(arena, wire, out, err);
        case PGRAFT__PEER__MESSAGE__BODY__NOT_SET:
        case _PGRAFT__PEER__MESSAGE__BODY__CASE_IS_INT_SIZE:
            return err_set(err, ERR_PROTOCOL, "message: of no kind");
    }
    UNREACHABLE("protobuf-c knows no other case");
}

int peer_decode(struct peer_decoder *decoder, const void *bytes, size_t size,
                struct peer_message *ret_message, struct err *err)
{
    if (size > PEER_MESSAGE_BYTES_MAX) {
        return peer_too_many("message: bytes", size, PEER_MESSAGE_BYTES_MAX, err);
    }
    arena_reset(&decoder->arena, size + STRUCTS_SLACK);
    ProtobufCAllocator allocator = wire_allocator(&decoder->arena);
    const wire_message *wire = pgraft__peer__message__unpack(&allocator, size, bytes);
    if (wire == NULL) {
        return wire_unpack_error(&decoder->arena, "message", err);
    }
    struct peer_message message = {
        .from = wire->from, .to = wire->to, .term = wire->term, .life = wire->life};
    int rv = wire_no_unknown(&wire->base, "message", err);
    if (rv == 0 && wire->stamp != NULL) {
        message.stamp = (struct peer_stamp){.term = wire->stamp->term,
                                            .round = wire->stamp->round,
                                            .sent_ms = wire->stamp->sent_ms};
        rv = wire_no_unknown(&wire->stamp->base, "stamp", err);
    }
    rv = rv != 0 ? rv : read_part(&decoder->arena, wire, &message, err);
    bool forms = message.kind == PEER_FORM_HELLO || message.kind == PEER_FORM_PROPOSAL;
    if (rv == 0 && message.life == 0 && !forms) {
        /* A life of 0 is nobody's: the core takes it for a part that is tested (safety D5). */
        rv = err_set(err, ERR_PROTOCOL, "message: of no life");
    }
    if (rv == 0) {
        *ret_message = message;
    }
    return rv;
}
