/* consensus/net/tls.h - one connection's TLS: bytes in, bytes out, no socket.
 *
 * What came from the socket is shown by tls_feed() and consumed to its end by tls_handshake() and
 * tls_read(); what has to go there is appended to the buffer that tls_open() was given. With keys
 * of NET_PLAIN everything passes as it is. */
#ifndef CONSENSUS_NET_TLS_H_
#define CONSENSUS_NET_TLS_H_

#include <gnutls/gnutls.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "consensus/net/fault.h"
#include "consensus/net/tls_keys.h"

/* As much as tls_read() gives at once. */
#define TLS_READ_MAX 16384

struct tls {
    struct net_keys *keys;
    gnutls_session_t session; /* NULL: plain text */
    struct buf *out;
    const char *in; /* not read yet */
    size_t in_size;
    bool dials;
    bool ready; /* what is read and written now is protected */
};

/* @tls and @out stay where they are until tls_close(). 0 or -1 with @fault. */
int tls_open(struct tls *tls, struct net_keys *keys, bool dials, struct buf *out,
             struct fault *fault);
/* Accepts a zeroed struct. */
void tls_close(struct tls *tls);

/* The bytes stay there until they are consumed; there is nothing left from before. */
void tls_feed(struct tls *tls, const void *bytes, size_t size);
/* 1: done, 0: more bytes are needed, -1: @fault, and the other side is told by what is in @out. */
int tls_handshake(struct tls *tls, struct fault *fault);
/* How many bytes came into the TLS_READ_MAX at @into; 0: more are needed; -1: @fault. */
ptrdiff_t tls_read(struct tls *tls, void *into, struct fault *fault);
/* All of @bytes is taken. */
int tls_write(struct tls *tls, const void *bytes, size_t size, struct fault *fault);

/* Tells the other side, which speaks TLS, that this one does not: an alert in plain text. */
void tls_say_plain(struct buf *out);

/* Does the other side's certificate name @name: its CN, a DNS name, or the first label of one? True
 * where names need not be checked. */
bool tls_names(const struct tls *tls, const char *name, struct buf *ret_names);
/* Would @keys accept what the other side has shown? */
bool tls_still_accepted(const struct tls *tls, const struct net_keys *keys);

#endif /* CONSENSUS_NET_TLS_H_ */
