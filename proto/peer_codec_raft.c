/* proto/peer_codec_raft.c - appends, votes and snapshots, between the plain structs and the
 * protobuf ones. */
#include "base/must.h"
#include "proto/peer_codec_internal.h"

/* ---- lists ---- */

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
        return peer_too_many("append.entries", in->n_entries, PEER_ENTRIES_MAX, err);
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
        return peer_too_many("chunk.rows", in->n_rows, PEER_ROWS_MAX, err);
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

static void write_raft(struct arena *arena, const struct peer_message *in, union wire_part *part,
                       wire_message *wire)
{
    switch ((int)in->kind) {
        case PEER_APPEND:
            (void)WIRE_PART(append, APPEND);
            part->append.prev_index = in->append.prev_index;
            part->append.prev_term = in->append.prev_term;
            part->append.commit = in->append.commit;
            part->append.urgent = in->append.urgent;
            part->append.stored = in->append.stored;
            write_entries(arena, &in->append, &part->append);
            return;
        case PEER_APPEND_RESULT:
            (void)WIRE_PART(append_result, APPEND_RESULT);
            part->append_result.rejected = in->append_result.rejected;
            part->append_result.last_index = in->append_result.last_index;
            part->append_result.disk = (uint32_t)in->append_result.disk;
            return;
        case PEER_VOTE:
            (void)WIRE_PART(vote, VOTE);
            part->vote.last_index = in->vote.last_index;
            part->vote.last_term = in->vote.last_term;
            part->vote.disrupt_leader = in->vote.disrupt_leader;
            part->vote.pre_vote = in->vote.pre_vote;
            return;
        case PEER_VOTE_RESULT:
            (void)WIRE_PART(vote_result, VOTE_RESULT);
            part->vote_result.granted = in->vote_result.granted;
            part->vote_result.pre_vote = in->vote_result.pre_vote;
            part->vote_result.silence_ms = in->vote_result.silence_ms;
            return;
        default:
            MUST(in->kind == PEER_TIMEOUT_NOW);
            (void)WIRE_PART(timeout_now, TIMEOUT_NOW);
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
            (void)WIRE_PART(snapshot, SNAPSHOT);
            part->snapshot.index = in->snapshot.index;
            part->snapshot.term = in->snapshot.term;
            part->snapshot.conf_index = in->snapshot.conf_index;
            part->snapshot.conf = wire_data(kv_slice(in->snapshot.conf, in->snapshot.conf_size));
            part->snapshot.staged = in->snapshot.staged;
            part->snapshot.gone = wire_data(kv_slice(in->snapshot.gone, in->snapshot.gone_size));
            return;
        case PEER_CHUNK:
            (void)WIRE_PART(chunk, CHUNK);
            part->chunk.ship = in->chunk.ship;
            part->chunk.number = in->chunk.number;
            part->chunk.last = in->chunk.last;
            write_rows(arena, &in->chunk, &part->chunk);
            return;
        default:
            MUST(in->kind == PEER_CHUNK_RESULT);
            (void)WIRE_PART(chunk_result, CHUNK_RESULT);
            part->chunk_result.ship = in->chunk_result.ship;
            part->chunk_result.number = in->chunk_result.number;
            return;
    }
}

void peer_raft_write(struct arena *arena, const struct peer_message *in, union wire_part *part,
                     wire_message *wire)
{
    if (in->kind == PEER_SNAPSHOT || in->kind == PEER_CHUNK || in->kind == PEER_CHUNK_RESULT) {
        write_snapshot(arena, in, part, wire);
    } else {
        write_raft(arena, in, part, wire);
    }
}

/* ---- decoding ---- */

static int read_append(struct arena *arena, const Pgraft__Peer__Append *in,
                       struct peer_message *out, struct err *err)
{
    out->kind = PEER_APPEND;
    out->append.prev_index = in->prev_index;
    out->append.prev_term = in->prev_term;
    out->append.commit = in->commit;
    out->append.urgent = in->urgent;
    out->append.stored = in->stored;
    int rv = wire_no_unknown(&in->base, "append", err);
    return rv != 0 ? rv : read_entries(arena, in, &out->append, err);
}

static int read_append_result(const Pgraft__Peer__AppendResult *in, struct peer_message *out,
                              struct err *err)
{
    out->kind = PEER_APPEND_RESULT;
    out->append_result = (struct peer_append_result){
        .rejected = in->rejected, .last_index = in->last_index, .disk = (enum peer_disk)in->disk};
    int rv = wire_no_unknown(&in->base, "append_result", err);
    return rv != 0 ? rv : wire_enum(in->disk, PEER_DISK_FULL + 1, "append_result.disk", err);
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
                                           .staged = in->staged,
                                           .gone = in->gone.data,
                                           .gone_size = in->gone.len};
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

int peer_raft_read(struct arena *arena, const wire_message *wire, struct peer_message *out,
                   struct err *err)
{
    switch ((int)wire->body_case) {
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
        default:
            return read_chunk_result(wire->chunk_result, out, err);
    }
}
