/* proto/peer_codec.c - messages between members, between the plain structs and the protobuf ones.
 */
#include "proto/peer_codec.h"

#include "base/cleanup.h"
#include "base/must.h"
#include "proto/kv_wire.h"
#include "proto/peer.pb-c.h"

/* What decoding may cost beyond the bytes of a message: the structs of as many entries or rows as
 * one may have. */
#define STRUCTS_SLACK ((size_t)PEER_ROWS_MAX * 160)

typedef Pgraft__Peer__Message wire_message;

/* The parts of one message while it is encoded. */
union wire_part {
    Pgraft__Peer__Append append;
    Pgraft__Peer__AppendResult append_result;
    Pgraft__Peer__Vote vote;
    Pgraft__Peer__VoteResult vote_result;
    Pgraft__Peer__TimeoutNow timeout_now;
    Pgraft__Peer__Snapshot snapshot;
    Pgraft__Peer__Chunk chunk;
    Pgraft__Peer__ChunkResult chunk_result;
    Pgraft__Peer__ReadIndex read_index;
    Pgraft__Peer__KeepAlive keep_alive;
    Pgraft__Peer__KeepAliveResult keep_alive_result;
};

void peer_decoder_close(struct peer_decoder *decoder)
{
    arena_close(&decoder->arena);
}

/* ---- lists ---- */

static int too_many(const char *what, size_t count, size_t max, struct err *err)
{
    return err_set(err, ERR_TOO_LARGE, "%s: %zu, at most %zu", what, count, max);
}

static void write_entries(struct arena *arena, const struct peer_append *in,
                          Pgraft__Peer__Append *out)
{
    Pgraft__Peer__Entry *entries = arena_array(arena, in->count, sizeof(*entries));
    out->entries = arena_array(arena, in->count, sizeof(*out->entries));
    out->n_entries = in->count;
    for (size_t i = 0; i < in->count; i++) {
        const struct peer_entry *entry = &in->entries[i];
        pgraft__peer__entry__init(&entries[i]);
        entries[i].term = entry->term;
        entries[i].type = entry->type;
        entries[i].data = wire_data(kv_slice(entry->data, entry->size));
        out->entries[i] = &entries[i];
    }
}

static int read_entries(struct arena *arena, const Pgraft__Peer__Append *in,
                        struct peer_append *out, struct err *err)
{
    if (in->n_entries > PEER_ENTRIES_MAX) {
        return too_many("append.entries", in->n_entries, PEER_ENTRIES_MAX, err);
    }
    struct peer_entry *entries = arena_array(arena, in->n_entries, sizeof(*entries));
    if (entries == NULL) {
        return wire_unpack_error(arena, "append", err);
    }
    for (size_t i = 0; i < in->n_entries; i++) {
        const Pgraft__Peer__Entry *entry = in->entries[i];
        int rv = wire_no_unknown(&entry->base, "append.entry", err);
        rv = rv != 0 ? rv : wire_enum(entry->type, UINT8_MAX + 1, "append.entry.type", err);
        if (rv != 0) {
            return rv;
        }
        entries[i] = (struct peer_entry){.term = entry->term,
                                         .type = (uint8_t)entry->type,
                                         .data = entry->data.data,
                                         .size = entry->data.len};
    }
    out->entries = in->n_entries > 0 ? entries : NULL;
    out->count = in->n_entries;
    return 0;
}

static void write_rows(struct arena *arena, const struct peer_chunk *in, Pgraft__Peer__Chunk *out)
{
    Pgraft__Peer__Row *rows = arena_array(arena, in->count, sizeof(*rows));
    out->rows = arena_array(arena, in->count, sizeof(*out->rows));
    out->n_rows = in->count;
    for (size_t i = 0; i < in->count; i++) {
        const struct peer_row *row = &in->rows[i];
        pgraft__peer__row__init(&rows[i]);
        rows[i].key = wire_data(kv_slice(row->key, row->key_size));
        rows[i].value = wire_data(kv_slice(row->value, row->value_size));
        out->rows[i] = &rows[i];
    }
}

static int read_row(const Pgraft__Peer__Row *in, struct peer_row *out, struct err *err)
{
    if (in->key.len == 0 || in->key.len > PEER_ROW_KEY_MAX) {
        return err_set(err, ERR_PROTOCOL, "chunk.row.key: %zu bytes, must be 1 to %d", in->key.len,
                       PEER_ROW_KEY_MAX);
    }
    *out = (struct peer_row){in->key.data, in->key.len, in->value.data, in->value.len};
    /* A row whose value is no bytes is there all the same; NULL would take it away. */
    out->value = in->value.data != NULL ? (const void *)in->value.data : "";
    return wire_no_unknown(&in->base, "chunk.row", err);
}

static int read_rows(struct arena *arena, const Pgraft__Peer__Chunk *in, struct peer_chunk *out,
                     struct err *err)
{
    if (in->n_rows > PEER_ROWS_MAX) {
        return too_many("chunk.rows", in->n_rows, PEER_ROWS_MAX, err);
    }
    struct peer_row *rows = arena_array(arena, in->n_rows, sizeof(*rows));
    if (rows == NULL) {
        return wire_unpack_error(arena, "chunk", err);
    }
    for (size_t i = 0; i < in->n_rows; i++) {
        int rv = read_row(in->rows[i], &rows[i], err);
        if (rv != 0) {
            return rv;
        }
    }
    out->rows = in->n_rows > 0 ? rows : NULL;
    out->count = in->n_rows;
    return 0;
}

/* ---- encoding ---- */

/* The field of the oneof is made ready and chosen. */
#define PART(kind, KIND)                                                  \
    (pgraft__peer__##kind##__init(&part->kind), wire->kind = &part->kind, \
     wire->body_case = PGRAFT__PEER__MESSAGE__BODY_##KIND)

static void write_raft(struct arena *arena, const struct peer_message *in, union wire_part *part,
                       wire_message *wire)
{
    switch ((int)in->kind) {
        case PEER_APPEND:
            (void)PART(append, APPEND);
            part->append.prev_index = in->append.prev_index;
            part->append.prev_term = in->append.prev_term;
            part->append.commit = in->append.commit;
            write_entries(arena, &in->append, &part->append);
            return;
        case PEER_APPEND_RESULT:
            (void)PART(append_result, APPEND_RESULT);
            part->append_result.rejected = in->append_result.rejected;
            part->append_result.last_index = in->append_result.last_index;
            return;
        case PEER_VOTE:
            (void)PART(vote, VOTE);
            part->vote.last_index = in->vote.last_index;
            part->vote.last_term = in->vote.last_term;
            part->vote.disrupt_leader = in->vote.disrupt_leader;
            part->vote.pre_vote = in->vote.pre_vote;
            return;
        case PEER_VOTE_RESULT:
            (void)PART(vote_result, VOTE_RESULT);
            part->vote_result.granted = in->vote_result.granted;
            part->vote_result.pre_vote = in->vote_result.pre_vote;
            part->vote_result.silence_ms = in->vote_result.silence_ms;
            return;
        default:
            MUST(in->kind == PEER_TIMEOUT_NOW);
            (void)PART(timeout_now, TIMEOUT_NOW);
            part->timeout_now.last_index = in->timeout_now.last_index;
            part->timeout_now.last_term = in->timeout_now.last_term;
            return;
    }
}

static void write_snapshot(struct arena *arena, const struct peer_message *in,
                           union wire_part *part, wire_message *wire)
{
    switch ((int)in->kind) {
        case PEER_SNAPSHOT:
            (void)PART(snapshot, SNAPSHOT);
            part->snapshot.index = in->snapshot.index;
            part->snapshot.term = in->snapshot.term;
            part->snapshot.conf_index = in->snapshot.conf_index;
            part->snapshot.conf = wire_data(kv_slice(in->snapshot.conf, in->snapshot.conf_size));
            part->snapshot.staged = in->snapshot.staged;
            return;
        case PEER_CHUNK:
            (void)PART(chunk, CHUNK);
            part->chunk.ship = in->chunk.ship;
            part->chunk.number = in->chunk.number;
            part->chunk.last = in->chunk.last;
            write_rows(arena, &in->chunk, &part->chunk);
            return;
        default:
            MUST(in->kind == PEER_CHUNK_RESULT);
            (void)PART(chunk_result, CHUNK_RESULT);
            part->chunk_result.ship = in->chunk_result.ship;
            part->chunk_result.number = in->chunk_result.number;
            return;
    }
}

static void write_lease(const struct peer_message *in, union wire_part *part, wire_message *wire)
{
    if (in->kind == PEER_KEEP_ALIVE) {
        (void)PART(keep_alive, KEEP_ALIVE);
        part->keep_alive.holder = in->keep_alive.holder;
        part->keep_alive.name = in->keep_alive.name;
        part->keep_alive.lease = in->keep_alive.lease;
        part->keep_alive.grant = in->keep_alive.grant;
        part->keep_alive.epoch = in->keep_alive.epoch;
        part->keep_alive.passed_on = in->keep_alive.passed_on;
        part->keep_alive.urgent = in->keep_alive.urgent;
        return;
    }
    (void)PART(keep_alive_result, KEEP_ALIVE_RESULT);
    part->keep_alive_result.holder = in->keep_alive_result.holder;
    part->keep_alive_result.name = in->keep_alive_result.name;
    part->keep_alive_result.lease = in->keep_alive_result.lease;
    part->keep_alive_result.status = in->keep_alive_result.status;
    part->keep_alive_result.ttl_ms = in->keep_alive_result.ttl_ms;
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
            write_raft(arena, in, part, wire);
            return;
        case PEER_SNAPSHOT:
        case PEER_CHUNK:
        case PEER_CHUNK_RESULT:
            write_snapshot(arena, in, part, wire);
            return;
        case PEER_READ_INDEX:
        case PEER_READ_INDEX_RESULT:
            (void)PART(read_index, READ_INDEX);
            part->read_index.question = in->read_index.question;
            part->read_index.index = in->read_index.index;
            part->read_index.is_result = in->kind == PEER_READ_INDEX_RESULT;
            return;
        case PEER_KEEP_ALIVE:
        case PEER_KEEP_ALIVE_RESULT:
            write_lease(in, part, wire);
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
    if (message->stamp.term != 0) {
        pgraft__peer__stamp__init(&stamp);
        stamp.term = message->stamp.term;
        stamp.round = message->stamp.round;
        stamp.sent_ms = message->stamp.sent_ms;
        wire.stamp = &stamp;
    }
    if (message->kind == PEER_APPEND && message->append.count > PEER_ENTRIES_MAX) {
        return too_many("append.entries", message->append.count, PEER_ENTRIES_MAX, err);
    }
    if (message->kind == PEER_CHUNK && message->chunk.count > PEER_ROWS_MAX) {
        return too_many("chunk.rows", message->chunk.count, PEER_ROWS_MAX, err);
    }
    write_part(&arena, message, &part, &wire);
    size_t size = pgraft__peer__message__get_packed_size(&wire);
    if (size > PEER_MESSAGE_BYTES_MAX) {
        return too_many("message: bytes", size, PEER_MESSAGE_BYTES_MAX, err);
    }
    wire_pack(&wire.base, out);
    return 0;
}

/* ---- decoding ---- */

static int read_append(struct arena *arena, const Pgraft__Peer__Append *in,
                       struct peer_message *out, struct err *err)
{
    out->kind = PEER_APPEND;
    out->append.prev_index = in->prev_index;
    out->append.prev_term = in->prev_term;
    out->append.commit = in->commit;
    int rv = wire_no_unknown(&in->base, "append", err);
    return rv != 0 ? rv : read_entries(arena, in, &out->append, err);
}

static int read_append_result(const Pgraft__Peer__AppendResult *in, struct peer_message *out,
                              struct err *err)
{
    out->kind = PEER_APPEND_RESULT;
    out->append_result =
        (struct peer_append_result){.rejected = in->rejected, .last_index = in->last_index};
    return wire_no_unknown(&in->base, "append_result", err);
}

static int read_vote(const Pgraft__Peer__Vote *in, struct peer_message *out, struct err *err)
{
    out->kind = PEER_VOTE;
    out->vote = (struct peer_vote){.last_index = in->last_index,
                                   .last_term = in->last_term,
                                   .disrupt_leader = in->disrupt_leader,
                                   .pre_vote = in->pre_vote};
    return wire_no_unknown(&in->base, "vote", err);
}

static int read_vote_result(const Pgraft__Peer__VoteResult *in, struct peer_message *out,
                            struct err *err)
{
    out->kind = PEER_VOTE_RESULT;
    out->vote_result = (struct peer_vote_result){
        .granted = in->granted, .pre_vote = in->pre_vote, .silence_ms = in->silence_ms};
    return wire_no_unknown(&in->base, "vote_result", err);
}

static int read_timeout_now(const Pgraft__Peer__TimeoutNow *in, struct peer_message *out,
                            struct err *err)
{
    out->kind = PEER_TIMEOUT_NOW;
    out->timeout_now =
        (struct peer_timeout_now){.last_index = in->last_index, .last_term = in->last_term};
    return wire_no_unknown(&in->base, "timeout_now", err);
}

static int read_snapshot(const Pgraft__Peer__Snapshot *in, struct peer_message *out,
                         struct err *err)
{
    out->kind = PEER_SNAPSHOT;
    out->snapshot = (struct peer_snapshot){.index = in->index,
                                           .term = in->term,
                                           .conf_index = in->conf_index,
                                           .conf = in->conf.data,
                                           .conf_size = in->conf.len,
                                           .staged = in->staged};
    return wire_no_unknown(&in->base, "snapshot", err);
}

static int read_chunk(struct arena *arena, const Pgraft__Peer__Chunk *in, struct peer_message *out,
                      struct err *err)
{
    out->kind = PEER_CHUNK;
    out->chunk = (struct peer_chunk){.ship = in->ship, .number = in->number, .last = in->last};
    int rv = wire_no_unknown(&in->base, "chunk", err);
    return rv != 0 ? rv : read_rows(arena, in, &out->chunk, err);
}

static int read_chunk_result(const Pgraft__Peer__ChunkResult *in, struct peer_message *out,
                             struct err *err)
{
    out->kind = PEER_CHUNK_RESULT;
    out->chunk_result = (struct peer_chunk_result){.ship = in->ship, .number = in->number};
    return wire_no_unknown(&in->base, "chunk_result", err);
}

static int read_read_index(const Pgraft__Peer__ReadIndex *in, struct peer_message *out,
                           struct err *err)
{
    out->kind = in->is_result ? PEER_READ_INDEX_RESULT : PEER_READ_INDEX;
    out->read_index = (struct peer_read_index){.question = in->question, .index = in->index};
    return wire_no_unknown(&in->base, "read_index", err);
}

static int read_keep_alive(const Pgraft__Peer__KeepAlive *in, struct peer_message *out,
                           struct err *err)
{
    out->kind = PEER_KEEP_ALIVE;
    out->keep_alive = (struct peer_keep_alive){.holder = in->holder,
                                               .name = in->name,
                                               .lease = in->lease,
                                               .grant = in->grant,
                                               .epoch = in->epoch,
                                               .passed_on = in->passed_on,
                                               .urgent = in->urgent};
    return wire_no_unknown(&in->base, "keep_alive", err);
}

static int read_keep_alive_result(const Pgraft__Peer__KeepAliveResult *in, struct peer_message *out,
                                  struct err *err)
{
    out->kind = PEER_KEEP_ALIVE_RESULT;
    out->keep_alive_result = (struct peer_keep_alive_result){.holder = in->holder,
                                                             .name = in->name,
                                                             .lease = in->lease,
                                                             .status = in->status,
                                                             .ttl_ms = in->ttl_ms};
    return wire_no_unknown(&in->base, "keep_alive_result", err);
}

static int read_part(struct arena *arena, const wire_message *wire, struct peer_message *out,
                     struct err *err)
{
    switch (wire->body_case) {
        case PGRAFT__PEER__MESSAGE__BODY_APPEND:
            return read_append(arena, wire->append, out, err);
        case PGRAFT__PEER__MESSAGE__BODY_APPEND_RESULT:
            return read_append_result(wire->append_result, out, err);
        case PGRAFT__PEER__MESSAGE__BODY_VOTE:
            return read_vote(wire->vote, out, err);
        case PGRAFT__PEER__MESSAGE__BODY_VOTE_RESULT:
            return read_vote_result(wire->vote_result, out, err);
        case PGRAFT__PEER__MESSAGE__BODY_TIMEOUT_NOW:
            return read_timeout_now(wire->timeout_now, out, err);
        case PGRAFT__PEER__MESSAGE__BODY_SNAPSHOT:
            return read_snapshot(wire->snapshot, out, err);
        case PGRAFT__PEER__MESSAGE__BODY_CHUNK:
            return read_chunk(arena, wire->chunk, out, err);
        case PGRAFT__PEER__MESSAGE__BODY_CHUNK_RESULT:
            return read_chunk_result(wire->chunk_result, out, err);
        case PGRAFT__PEER__MESSAGE__BODY_READ_INDEX:
            return read_read_index(wire->read_index, out, err);
        case PGRAFT__PEER__MESSAGE__BODY_KEEP_ALIVE:
            return read_keep_alive(wire->keep_alive, out, err);
        case PGRAFT__PEER__MESSAGE__BODY_KEEP_ALIVE_RESULT:
            return read_keep_alive_result(wire->keep_alive_result, out, err);
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
        return too_many("message: bytes", size, PEER_MESSAGE_BYTES_MAX, err);
    }
    arena_reset(&decoder->arena, size + STRUCTS_SLACK);
    ProtobufCAllocator allocator = wire_allocator(&decoder->arena);
    const wire_message *wire = pgraft__peer__message__unpack(&allocator, size, bytes);
    if (wire == NULL) {
        return wire_unpack_error(&decoder->arena, "message", err);
    }
    struct peer_message message = {.from = wire->from, .to = wire->to, .term = wire->term};
    int rv = wire_no_unknown(&wire->base, "message", err);
    if (rv == 0 && wire->stamp != NULL) {
        message.stamp = (struct peer_stamp){.term = wire->stamp->term,
                                            .round = wire->stamp->round,
                                            .sent_ms = wire->stamp->sent_ms};
        rv = wire_no_unknown(&wire->stamp->base, "stamp", err);
    }
    rv = rv != 0 ? rv : read_part(&decoder->arena, wire, &message, err);
    if (rv == 0) {
        *ret_message = message;
    }
    return rv;
}
