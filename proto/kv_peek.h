/* proto/kv_peek.h - what an encoded command is about, without decoding it.
 *
 * For whoever passes commands on and must treat a few of them differently. Only a hint: what a
 * command does, and whether it is sound, is known when it is decoded. */
#ifndef PROTO_KV_PEEK_H_
#define PROTO_KV_PEEK_H_

#include <stdbool.h>
#include <stddef.h>

struct kv_peek {
    bool system;        /* of the store or the supervisor */
    bool ends_lease;    /* KV_LEASE_END */
    bool changes_lease; /* KV_LEASE_CHANGE */
};

/* Any bytes; what is no command gives all false. */
struct kv_peek kv_peek(const void *bytes, size_t size);

#endif /* PROTO_KV_PEEK_H_ */
