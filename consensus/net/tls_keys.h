/* consensus/net/tls_keys.h - what a node shows of itself and accepts of others: secrets,
 * certificates, or nothing.
 *
 * Loaded once, never changed, shared by sessions; the last one to let go frees it. */
#ifndef CONSENSUS_NET_TLS_KEYS_H_
#define CONSENSUS_NET_TLS_KEYS_H_

#include <gnutls/gnutls.h>
#include <stdbool.h>

#include "consensus/net/net.h"
#include "consensus/net/secret_file.h"

struct net_keys {
    enum net_security_kind kind;
    bool insecure;
    bool any_name;
    unsigned int holders;
    struct secret_keys secrets;
    gnutls_psk_client_credentials_t psk_client;
    gnutls_psk_server_credentials_t psk_server;
    gnutls_certificate_credentials_t certificates;
    gnutls_priority_t priority;
};

/* What is spoken, as a priority string of GnuTLS. @has_aes: the processor has instructions for it.
 */
enum tls_trust { TLS_PSK, TLS_CERTIFICATES };
const char *tls_priority(enum tls_trust trust, bool has_aes);

void tls_keys_hold(struct net_keys *keys);
void tls_keys_let_go(struct net_keys *keys); /* accepts NULL */

/* The key of this name, NULL: not one of ours. */
const struct secret_key *tls_keys_find(const struct net_keys *keys, const char *name);
/* Would the certificate, in DER, be accepted now? */
bool tls_keys_accept(const struct net_keys *keys, const gnutls_datum_t *certificate);

#endif /* CONSENSUS_NET_TLS_KEYS_H_ */
