/* proto/preface.h - what two ends of a connection tell each other before any message: who they are,
 * or why it will not do.
 *
 * A connection between nodes begins with PREFACE_MAGIC from both sides, inside TLS where there is
 * TLS; then come frames (proto/frame.h), the first byte of whose body is an enum link_frame:
 *
 *   both     PREFACE    who I am
 *   both     WELCOME    I have nothing against you; a message may follow
 *   or       REFUSAL    reason and text; nothing follows. At any time.
 *   then     MESSAGE (proto/peer_codec.h), PING and PONG with 8 bytes that come back, CLUSTER with
 *            the 16 bytes of a cluster id that has come to be known, BYE: I close this connection
 */
#ifndef PROTO_PREFACE_H_
#define PROTO_PREFACE_H_

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "proto/member.h"
#include "proto/peer.h"

/* Not the beginning of TLS, of HTTP or of any text, and another after a transfer as text. */
#define PREFACE_MAGIC "\x89pgraft\n"
#define PREFACE_MAGIC_SIZE 8

/* The version of what members say to each other that this program speaks, and the oldest that it
 * still understands. */
#define PREFACE_PROTOCOL 1
#define PREFACE_PROTOCOL_OLDEST 1

#define PREFACE_NAMESPACE_MAX 255
#define PREFACE_SCOPE_MAX 255
#define PREFACE_REASON_TEXT_MAX 255
/* No preface and no refusal takes more, with the byte before it. */
#define PREFACE_BODY_MAX 2048

enum link_frame {
    LINK_FRAME_PREFACE = 1,
    LINK_FRAME_WELCOME,
    LINK_FRAME_REFUSAL,
    LINK_FRAME_MESSAGE,
    LINK_FRAME_PING,
    LINK_FRAME_PONG,
    LINK_FRAME_CLUSTER,
    LINK_FRAME_BYE,
};

struct preface {
    uint32_t protocol; /* the newest that is spoken */
    uint32_t oldest;   /* the oldest that is understood */
    char namespace[PREFACE_NAMESPACE_MAX + 1];
    char scope[PREFACE_SCOPE_MAX + 1];
    uint8_t cluster_id[PEER_CLUSTER_ID_SIZE]; /* all zero: of no cluster yet */
    uint64_t node_id;
    uint64_t instance; /* random, another in every start: tells a restart from a copy */
    char name[MEMBER_NAME_MAX + 1];
    char address[MEMBER_ADDRESS_MAX + 1]; /* where the node wants to be reached */
};

/* On the wire: never renumber. */
enum refusal_reason {
    REFUSAL_OTHER = 0, /* the text says it */
    REFUSAL_PROTOCOL = 1,
    REFUSAL_NAMESPACE,
    REFUSAL_SCOPE,
    REFUSAL_CLUSTER,
    REFUSAL_SAME_ID,
    REFUSAL_CERTIFICATE_NAME,
    REFUSAL_NOT_ADMITTED,
    REFUSAL_GARBAGE,
    REFUSAL_TOO_LARGE,
    REFUSAL_DEADLINE,
    REFUSAL_TOO_MANY,
    REFUSAL_PLAIN,     /* the one who refuses wants TLS */
    REFUSAL_KEYS_GONE, /* secret or certificate are not accepted any more */
};

struct refusal {
    uint32_t reason; /* enum refusal_reason, or one that a newer version knows */
    char text[PREFACE_REASON_TEXT_MAX + 1];
};

/* 0, or ERR_INVALID with the field: what a node may say of itself. */
int preface_check(const struct preface *preface, struct err *err);

/* Append the body of a frame to @out, behind the byte that says what it is. @preface passes
 * preface_check(); bytes of a refusal's text that are not printable become '?'. */
void preface_encode(const struct preface *preface, struct buf *out);
void refusal_encode(const struct refusal *refusal, struct buf *out);

/* What stands behind that byte. Strict: ERR_PROTOCOL, ERR_TOO_LARGE or ERR_VERSION with the place;
 * but a preface whose protocol is newer than ours may hold what we do not know, so that its version
 * can be told. @ret is untouched on failure. */
int preface_decode(const void *bytes, size_t size, struct preface *ret, struct err *err);
int refusal_decode(const void *bytes, size_t size, struct refusal *ret, struct err *err);

#endif /* PROTO_PREFACE_H_ */
