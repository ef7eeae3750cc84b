/* consensus/net/tls.c - GnuTLS between two buffers, and its errors in an operator's words. */
#include "consensus/net/tls.h"

#include <errno.h>
#include <gnutls/x509.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/must.h"

/* Certificate chains are the longest there is to a handshake. */
#define HANDSHAKE_BYTES_MAX ((size_t)32 * 1024)

/* ---- bytes from and to the socket ---- */

static ssize_t pull(gnutls_transport_ptr_t transport, void *into, size_t size)
{
    struct tls *tls = transport;
    if (tls->in_size == 0) {
        gnutls_transport_set_errno(tls->session, EAGAIN);
        return -1;
    }
    size = size < tls->in_size ? size : tls->in_size;
    memcpy(into, tls->in, size);
    tls->in += size;
    tls->in_size -= size;
    return (ssize_t)size;
}

static int pull_waits(gnutls_transport_ptr_t transport, unsigned int ms)
{
    (void)ms;
    const struct tls *tls = transport;
    return tls->in_size > 0;
}

static ssize_t push(gnutls_transport_ptr_t transport, const void *bytes, size_t size)
{
    struct tls *tls = transport;
    buf_append(tls->out, bytes, size);
    return (ssize_t)size;
}

/* ---- opening, closing ---- */

static int set_up(struct tls *tls)
{
    gnutls_session_t session = tls->session;
    int rc = gnutls_priority_set(session, tls->keys->priority);
    if (rc == 0 && tls->keys->kind == NET_CERTIFICATES) {
        rc = gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, tls->keys->certificates);
        if (!tls->dials) {
            gnutls_certificate_server_set_request(session, GNUTLS_CERT_REQUIRE);
            /* Do not name our CA: the other side would show nothing instead of what is wrong. */
            gnutls_certificate_send_x509_rdn_sequence(session, 1);
        }
    } else if (rc == 0 && tls->dials) {
        rc = gnutls_credentials_set(session, GNUTLS_CRD_PSK, tls->keys->psk_client);
    } else if (rc == 0) {
        rc = gnutls_credentials_set(session, GNUTLS_CRD_PSK, tls->keys->psk_server);
    }
    gnutls_session_set_ptr(session, tls->keys);
    gnutls_handshake_set_max_packet_length(session, HANDSHAKE_BYTES_MAX);
    gnutls_transport_set_ptr(session, tls);
    gnutls_transport_set_pull_function(session, pull);
    gnutls_transport_set_pull_timeout_function(session, pull_waits);
    gnutls_transport_set_push_function(session, push);
    return rc;
}

int tls_open(struct tls *tls, struct net_keys *keys, bool dials, struct buf *out,
             struct fault *fault)
{
    *tls = (struct tls){.keys = keys, .out = out, .dials = dials};
    tls_keys_hold(keys);
    if (keys->kind == NET_PLAIN) {
        tls->ready = true;
        return 0;
    }
    /* No tickets: connections are few and long. */
    unsigned int flags = GNUTLS_NONBLOCK | GNUTLS_NO_TICKETS | GNUTLS_NO_SIGNAL;
    int rc = gnutls_init(&tls->session, flags | (dials ? GNUTLS_CLIENT : GNUTLS_SERVER));
    if (rc == 0) {
        rc = set_up(tls);
    }
    return rc == 0 ? 0 : fault_set(fault, NET_TLS_FAILED, "TLS: %s", gnutls_strerror(rc));
}

void tls_close(struct tls *tls)
{
    if (tls->session != NULL) {
        gnutls_deinit(tls->session);
    }
    tls_keys_let_go(tls->keys);
    *tls = (struct tls){0};
}

void tls_feed(struct tls *tls, const void *bytes, size_t size)
{
    MUST(tls->in_size == 0);
    tls->in = bytes;
    tls->in_size = size;
}

/* ---- what went wrong ---- */

static int told_by_alert(const struct tls *tls, struct fault *fault)
{
    gnutls_alert_description_t alert = gnutls_alert_get(tls->session);
    switch ((int)alert) {
        case GNUTLS_A_UNKNOWN_PSK_IDENTITY:
        case GNUTLS_A_DECRYPT_ERROR:
            fault_set(fault, NET_WRONG_SECRET,
                      "the other side does not accept the secret of this node: the first line of "
                      "raft.secret_file has to be in the file of the other side, too");
            break;
        case GNUTLS_A_CERTIFICATE_EXPIRED:
            fault_set(fault, NET_EXPIRED_CERTIFICATE,
                      "the other side says that the certificate of this node is not valid at this "
                      "time: renew it, or set the clocks");
            break;
        case GNUTLS_A_UNKNOWN_CA:
        case GNUTLS_A_BAD_CERTIFICATE:
        case GNUTLS_A_UNSUPPORTED_CERTIFICATE:
        case GNUTLS_A_CERTIFICATE_REVOKED:
        case GNUTLS_A_CERTIFICATE_REQUIRED:
            fault_set(fault, NET_WRONG_CERTIFICATE,
                      "the other side does not accept the certificate of this node (%s): both need "
                      "certificates of the CA that both have",
                      gnutls_alert_get_name(alert));
            break;
        case GNUTLS_A_INSUFFICIENT_SECURITY:
            fault_set(fault, NET_NOT_TLS,
                      "the other side speaks plain text (raft.insecure), this one TLS: give both "
                      "the same secret or certificates");
            break;
        case GNUTLS_A_HANDSHAKE_FAILURE:
        case GNUTLS_A_MISSING_EXTENSION:
            fault_set(fault, NET_TLS_FAILED,
                      "one side has a secret and the other one certificates: give both the same "
                      "(%s)",
                      gnutls_alert_get_name(alert));
            break;
        default:
            fault_set(fault, NET_TLS_FAILED, "the other side ended TLS: %s",
                      gnutls_alert_get_name(alert));
            break;
    }
    fault->told = true;
    return -1;
}

static int explain(const struct tls *tls, int rc, struct fault *fault)
{
    switch (rc) {
        case GNUTLS_E_FATAL_ALERT_RECEIVED:
            return told_by_alert(tls, fault);
        case GNUTLS_E_UNEXPECTED_PACKET_LENGTH:
        case GNUTLS_E_UNEXPECTED_PACKET:
        case GNUTLS_E_UNSUPPORTED_VERSION_PACKET:
        case GNUTLS_E_RECORD_LIMIT_REACHED:
            return fault_set(fault, NET_TLS_FAILED,
                             "the other side does not keep to TLS 1.3, or is no node of pgraft: %s",
                             gnutls_strerror(rc));
        case GNUTLS_E_INSUFFICIENT_CREDENTIALS:
            return fault_set(fault, NET_TLS_FAILED,
                             "one side has a secret and the other one certificates: give both the "
                             "same");
        case GNUTLS_E_NO_CERTIFICATE_FOUND:
        case GNUTLS_E_CERTIFICATE_REQUIRED:
            return fault_set(fault, NET_WRONG_CERTIFICATE,
                             "the other side shows no certificate: give it one of the CA that this "
                             "node has");
        default:
            return fault_set(fault, NET_TLS_FAILED, "TLS: %s", gnutls_strerror(rc));
    }
}

/* What GnuTLS makes of it when find_secret() of tls_keys.c knows no key of that name. */
static bool lacks_secret(const struct tls *tls, int rc)
{
    return tls->keys->kind == NET_SECRET && !tls->dials && rc == GNUTLS_E_SRP_PWD_ERROR;
}

static int failed(struct tls *tls, int rc, struct fault *fault)
{
    if (rc == GNUTLS_E_FATAL_ALERT_RECEIVED) {
        return told_by_alert(tls, fault);
    }
    if (lacks_secret(tls, rc)) {
        (void)gnutls_alert_send(tls->session, GNUTLS_AL_FATAL, GNUTLS_A_UNKNOWN_PSK_IDENTITY);
        return fault_set(
            fault, NET_WRONG_SECRET,
            "the other side has another secret: raft.secret_file has to be the same on "
            "all nodes");
    }
    (void)gnutls_alert_send_appropriate(tls->session, rc); /* it is going to be closed anyway */
    return explain(tls, rc, fault);
}

/* ---- certificates ---- */

static int judge_certificate(struct tls *tls, struct fault *fault)
{
    gnutls_typed_vdata_st purpose = {.type = GNUTLS_DT_KEY_PURPOSE_OID};
    union {
        const char *in;
        unsigned char *out;
    } oid = {.in = tls->dials ? GNUTLS_KP_TLS_WWW_SERVER : GNUTLS_KP_TLS_WWW_CLIENT};
    purpose.data = oid.out;
    unsigned int status = GNUTLS_CERT_INVALID;
    int rc = gnutls_certificate_verify_peers(tls->session, &purpose, 1, &status);
    if (rc == 0 && status == 0) {
        return 0;
    }
    gnutls_datum_t text = {0};
    if (rc == 0) {
        (void)gnutls_certificate_verification_status_print(status, GNUTLS_CRT_X509, &text, 0);
    }
    const char *why = text.data != NULL ? (const char *)text.data : gnutls_strerror(rc);
    bool dated = (status & (GNUTLS_CERT_EXPIRED | GNUTLS_CERT_NOT_ACTIVATED)) != 0 &&
                 (status & (GNUTLS_CERT_SIGNER_NOT_FOUND | GNUTLS_CERT_SIGNATURE_FAILURE)) == 0;
    if (dated) {
        fault_set(fault, NET_EXPIRED_CERTIFICATE,
                  "the certificate of the other side is not valid at this time: renew it there, or "
                  "set the clocks (%s)",
                  why);
    } else if ((status & GNUTLS_CERT_PURPOSE_MISMATCH) != 0) {
        fault_set(fault, NET_WRONG_CERTIFICATE,
                  "the certificate of the other side is not for this use: nodes are clients and "
                  "servers, so it needs both purposes, or none (%s)",
                  why);
    } else {
        fault_set(fault, NET_WRONG_CERTIFICATE,
                  "the certificate of the other side is not of the CA that this one trusts (%s)",
                  why);
    }
    gnutls_free(text.data);
    gnutls_alert_description_t alert = dated ? GNUTLS_A_CERTIFICATE_EXPIRED
                                       : (status & GNUTLS_CERT_SIGNER_NOT_FOUND) != 0
                                           ? GNUTLS_A_UNKNOWN_CA
                                           : GNUTLS_A_BAD_CERTIFICATE;
    (void)gnutls_alert_send(tls->session, GNUTLS_AL_FATAL, alert);
    return -1;
}

/* The first label of a DNS name is @name. */
static bool begins_with_label(const char *dns, const char *name)
{
    size_t size = strlen(name);
    return strncasecmp(dns, name, size) == 0 && (dns[size] == '\0' || dns[size] == '.');
}

static bool crt_names(gnutls_x509_crt_t crt, const char *name, struct buf *ret_names)
{
    char dns[MEMBER_ADDRESS_MAX + 1];
    size_t size = sizeof(dns);
    bool found = false;
    if (gnutls_x509_crt_get_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0, 0, dns, &size) == 0) {
        found = strcasecmp(dns, name) == 0;
        buf_printf(ret_names, "CN %s", dns);
    }
    for (unsigned int i = 0; i < 64 && !found; i++) {
        size = sizeof(dns) - 1;
        int type = gnutls_x509_crt_get_subject_alt_name(crt, i, dns, &size, NULL);
        if (type == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE) {
            break;
        }
        if (type == GNUTLS_SAN_DNSNAME && size < sizeof(dns)) {
            dns[size] = '\0';
            found = begins_with_label(dns, name);
            buf_printf(ret_names, "%s%s", ret_names->size > 0 ? ", " : "", dns);
        }
    }
    return found;
}

static const gnutls_datum_t *shown_certificate(const struct tls *tls)
{
    unsigned int count = 0;
    const gnutls_datum_t *chain = gnutls_certificate_get_peers(tls->session, &count);
    return count > 0 ? chain : NULL;
}

bool tls_names(const struct tls *tls, const char *name, struct buf *ret_names)
{
    if (tls->keys->kind != NET_CERTIFICATES || tls->keys->any_name) {
        return true;
    }
    const gnutls_datum_t *shown = shown_certificate(tls);
    gnutls_x509_crt_t crt = NULL;
    if (shown == NULL || gnutls_x509_crt_init(&crt) != 0) {
        return false;
    }
    bool found = gnutls_x509_crt_import(crt, shown, GNUTLS_X509_FMT_DER) == 0 &&
                 crt_names(crt, name, ret_names);
    gnutls_x509_crt_deinit(crt);
    return found;
}

bool tls_still_accepted(const struct tls *tls, const struct net_keys *keys)
{
    if (tls->keys->kind != keys->kind) {
        return false;
    }
    if (keys->kind == NET_PLAIN) {
        return true;
    }
    if (keys->kind == NET_CERTIFICATES) {
        const gnutls_datum_t *shown = shown_certificate(tls);
        return shown != NULL && tls_keys_accept(keys, shown);
    }
    /* The one who dials uses its first; the other one knows by which name it was asked. */
    const char *name =
        tls->dials ? tls->keys->secrets.at[0].name : gnutls_psk_server_get_username(tls->session);
    return name != NULL && tls_keys_find(keys, name) != NULL;
}

/* ---- work ---- */

int tls_handshake(struct tls *tls, struct fault *fault)
{
    if (tls->ready) {
        return 1;
    }
    int rc = 0;
    do {
        rc = gnutls_handshake(tls->session);
    } while (rc == GNUTLS_E_INTERRUPTED || rc == GNUTLS_E_WARNING_ALERT_RECEIVED);
    if (rc == GNUTLS_E_AGAIN) {
        return 0;
    }
    if (rc != 0) {
        return failed(tls, rc, fault);
    }
    if (tls->keys->kind == NET_CERTIFICATES && judge_certificate(tls, fault) != 0) {
        return -1;
    }
    tls->ready = true;
    return 1;
}

ptrdiff_t tls_read(struct tls *tls, void *into, struct fault *fault)
{
    MUST(tls->ready);
    if (tls->session == NULL) {
        size_t size = tls->in_size < TLS_READ_MAX ? tls->in_size : TLS_READ_MAX;
        memcpy(into, tls->in, size);
        tls->in += size;
        tls->in_size -= size;
        return (ptrdiff_t)size;
    }
    ssize_t got = 0;
    do {
        got = gnutls_record_recv(tls->session, into, TLS_READ_MAX);
    } while (got == GNUTLS_E_INTERRUPTED || got == GNUTLS_E_WARNING_ALERT_RECEIVED);
    if (got > 0) {
        return got;
    }
    if (got == GNUTLS_E_AGAIN) {
        return 0;
    }
    if (got == 0) {
        return fault_set(fault, NET_DOWN, "the other side has closed the connection");
    }
    return failed(tls, (int)got, fault);
}

int tls_write(struct tls *tls, const void *bytes, size_t size, struct fault *fault)
{
    MUST(tls->ready);
    if (tls->session == NULL) {
        buf_append(tls->out, bytes, size);
        return 0;
    }
    const char *at = bytes;
    while (size > 0) {
        ssize_t taken = gnutls_record_send(tls->session, at, size);
        if (taken < 0) {
            return fault_set(fault, NET_TLS_FAILED, "TLS: %s", gnutls_strerror((int)taken));
        }
        at += taken;
        size -= (size_t)taken;
    }
    return 0;
}

void tls_say_plain(struct buf *out)
{
    static const unsigned char alert[] = {
        0x15, 0x03, 0x03, 0x00, 0x02, GNUTLS_AL_FATAL, GNUTLS_A_INSUFFICIENT_SECURITY};
    buf_append(out, alert, sizeof(alert));
}
