/* proto/peer_codec_internal.h - the parts of the codec of messages; for peer_codec*.c alone. */
#ifndef PROTO_PEER_CODEC_INTERNAL_H_
#define PROTO_PEER_CODEC_INTERNAL_H_

#include "proto/kv_wire.h"
#include "proto/peer.pb-c.h"
#include "proto/peer_codec.h"

typedef Pgraft__Peer__Message wire_message;

/* The part of one message while it is encoded. */
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
    Pgraft__Peer__Soft soft;
    Pgraft__Peer__Hello hello;
    Pgraft__Peer__HelloResult hello_result;
    Pgraft__Peer__Join join;
    Pgraft__Peer__JoinResult join_result;
    Pgraft__Peer__FormHello form_hello;
    Pgraft__Peer__FormProposal form_proposal;
    Pgraft__Peer__Ask ask;
    Pgraft__Peer__Answer answer;
};

/* The field of the oneof is made ready and chosen. */
#define WIRE_PART(kind, KIND)                                             \
    (pgraft__peer__##kind##__init(&part->kind), wire->kind = &part->kind, \
     wire->body_case = PGRAFT__PEER__MESSAGE__BODY_##KIND)

int peer_too_many(const char *what, size_t count, size_t max, struct err *err);

/* peer_codec_raft.c: what Raft says. Lists come from @arena. */
void peer_raft_write(struct arena *arena, const struct peer_message *in, union wire_part *part,
                     wire_message *wire);
int peer_raft_read(struct arena *arena, const wire_message *wire, struct peer_message *out,
                   struct err *err);

/* peer_codec_beside.c: what is said beside Raft. */
void peer_beside_write(struct arena *arena, const struct peer_message *in, union wire_part *part,
                       wire_message *wire);
int peer_beside_read(struct arena *arena, const wire_message *wire, struct peer_message *out,
                     struct err *err);

#endif /* PROTO_PEER_CODEC_INTERNAL_H_ */
