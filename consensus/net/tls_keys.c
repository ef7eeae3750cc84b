/* consensus/net/tls_keys.c - secrets and certificates from their files into GnuTLS. */
#include "consensus/net/tls_keys.h"

#include <errno.h>
#include <gnutls/x509.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/must.h"

#define EXPIRES_SOON_S ((time_t)14 * 24 * 3600)

/* Safety E4: an external key is bound to suites with SHA-256, and needs a key exchange of its own
 * so that a secret that leaks later opens nothing that was recorded. */
#define PRIORITY_PSK "NORMAL:-VERS-ALL:+VERS-TLS1.3:-KX-ALL:+ECDHE-PSK:-CIPHER-ALL"
#define PRIORITY_CERTIFICATES "NORMAL:-VERS-ALL:+VERS-TLS1.3:-CIPHER-ALL"

/* The order of E4; where the processor has AES, that is the faster one, and first. */
static const char *const priorities[2][2] = {
    [TLS_PSK] = {PRIORITY_PSK ":+CHACHA20-POLY1305:+AES-128-GCM",
                 PRIORITY_PSK ":+AES-128-GCM:+CHACHA20-POLY1305"},
    [TLS_CERTIFICATES] = {PRIORITY_CERTIFICATES ":+CHACHA20-POLY1305:+AES-128-GCM:+AES-256-GCM",
                          PRIORITY_CERTIFICATES ":+AES-128-GCM:+AES-256-GCM:+CHACHA20-POLY1305"},
};

const char *tls_priority(enum tls_trust trust, bool has_aes)
{
    return priorities[trust][has_aes ? 1 : 0];
}

#if defined(__x86_64__) || defined(__i386__)
static bool has_aes(void)
{
    return __builtin_cpu_supports("aes") && __builtin_cpu_supports("pclmul");
}
#elif defined(__aarch64__)
static bool has_aes(void)
{
    return (getauxval(AT_HWCAP) & HWCAP_AES) != 0 && (getauxval(AT_HWCAP) & HWCAP_PMULL) != 0;
}
#else
static bool has_aes(void)
{
    return false;
}
#endif

static int err_gnutls(struct err *err, int rc, const char *what)
{
    return err_set(err, ERR_INVALID, "%s: %s", what, gnutls_strerror(rc));
}

void tls_keys_hold(struct net_keys *keys)
{
    keys->holders++;
}

void tls_keys_let_go(struct net_keys *keys)
{
    if (keys == NULL) {
        return;
    }
    MUST(keys->holders > 0);
    keys->holders--;
    if (keys->holders > 0) {
        return;
    }
    if (keys->psk_client != NULL) {
        gnutls_psk_free_client_credentials(keys->psk_client);
    }
    if (keys->psk_server != NULL) {
        gnutls_psk_free_server_credentials(keys->psk_server);
    }
    if (keys->certificates != NULL) {
        gnutls_certificate_free_credentials(keys->certificates);
    }
    if (keys->priority != NULL) {
        gnutls_priority_deinit(keys->priority);
    }
    secret_keys_close(&keys->secrets);
    mem_free(keys);
}

void net_keys_free(struct net_keys *keys)
{
    tls_keys_let_go(keys);
}

const struct secret_key *tls_keys_find(const struct net_keys *keys, const char *name)
{
    for (size_t i = 0; i < keys->secrets.count; i++) {
        if (strcmp(keys->secrets.at[i].name, name) == 0) {
            return &keys->secrets.at[i];
        }
    }
    return NULL;
}

bool tls_keys_accept(const struct net_keys *keys, const gnutls_datum_t *certificate)
{
    gnutls_x509_trust_list_t trusted = NULL;
    gnutls_certificate_get_trust_list(keys->certificates, &trusted);
    gnutls_x509_crt_t crt = NULL;
    if (trusted == NULL || gnutls_x509_crt_init(&crt) != 0) {
        return false;
    }
    unsigned int status = GNUTLS_CERT_INVALID;
    int rc = gnutls_x509_crt_import(crt, certificate, GNUTLS_X509_FMT_DER);
    if (rc == 0) {
        rc = gnutls_x509_trust_list_verify_crt(trusted, &crt, 1, 0, &status, NULL);
    }
    gnutls_x509_crt_deinit(crt);
    return rc == 0 && status == 0;
}

/* ---- secrets ---- */

/* The key that the other side asks for by its name; a session's own pointer is its keys (tls.c). */
static int find_secret(gnutls_session_t session, const gnutls_datum_t *name, gnutls_datum_t *ret)
{
    const struct net_keys *keys = gnutls_session_get_ptr(session);
    char text[SECRET_KEY_NAME_SIZE];
    if (name->size >= sizeof(text)) {
        return -1;
    }
    memcpy(text, name->data, name->size);
    text[name->size] = '\0';
    const struct secret_key *found = tls_keys_find(keys, text);
    if (found == NULL) {
        return -1;
    }
    ret->data = gnutls_malloc(SECRET_KEY_SIZE);
    if (ret->data == NULL) {
        return -1;
    }
    memcpy(ret->data, secret_reveal(&found->key), SECRET_KEY_SIZE);
    ret->size = SECRET_KEY_SIZE;
    return 0;
}

static int load_secret(struct net_keys *keys, const char *path, struct buf *warnings,
                       struct err *err)
{
    int rv = secret_file_read(path, &keys->secrets, warnings, err);
    if (rv != 0) {
        return rv;
    }
    int rc = gnutls_psk_allocate_client_credentials(&keys->psk_client);
    rc = rc != 0 ? rc : gnutls_psk_allocate_server_credentials(&keys->psk_server);
    if (rc != 0) {
        return err_gnutls(err, rc, "secret");
    }
    const struct secret_key *first = &keys->secrets.at[0];
    unsigned char copy[SECRET_KEY_SIZE];
    memcpy(copy, secret_reveal(&first->key), sizeof(copy));
    gnutls_datum_t key = {.data = copy, .size = sizeof(copy)};
    rc = gnutls_psk_set_client_credentials(keys->psk_client, first->name, &key, GNUTLS_PSK_KEY_RAW);
    explicit_bzero(copy, sizeof(copy));
    if (rc != 0) {
        return err_gnutls(err, rc, "secret");
    }
    gnutls_psk_set_server_credentials_function2(keys->psk_server, find_secret);
    return 0;
}

/* ---- certificates ---- */

static void warn_of_expiry(const char *path, time_t until, struct buf *warnings)
{
    time_t now = (time_t)(clock_ns(clock_system(), CLOCK_WALL) / NS_PER_S);
    if (warnings == NULL || until - now > EXPIRES_SOON_S) {
        return;
    }
    char stamp[CLOCK_STAMP_SIZE];
    (void)clock_stamp((uint64_t)(until > 0 ? until : 0) * NS_PER_S, stamp);
    buf_printf(warnings,
               until > now ? "certificate %s: expires at %s: renew it, and reload\n"
                           : "certificate %s: has expired at %s, no peer accepts it: renew it, and "
                             "reload\n",
               path, stamp);
}

/* The file is there and can be read: GnuTLS tells no difference. */
static int check_readable(const char *what, const char *path, struct err *err)
{
    return access(path, R_OK) == 0 ? 0 : err_errno(err, errno, "%s %s", what, path);
}

static int note_expiry(const struct net_keys *keys, const char *path, struct buf *warnings,
                       struct err *err)
{
    gnutls_x509_crt_t *chain = NULL;
    unsigned int count = 0;
    int rc = gnutls_certificate_get_x509_crt(keys->certificates, 0, &chain, &count);
    if (rc != 0) {
        return err_gnutls(err, rc, path);
    }
    for (unsigned int i = 0; i < count; i++) {
        if (i == 0) {
            warn_of_expiry(path, gnutls_x509_crt_get_expiration_time(chain[i]), warnings);
        }
        gnutls_x509_crt_deinit(chain[i]);
    }
    gnutls_free(chain);
    return 0;
}

static int load_certificates(struct net_keys *keys, const struct net_security *from,
                             struct buf *warnings, struct err *err)
{
    int rv = check_readable("CA file", from->ca, err);
    rv = rv != 0 ? rv : check_readable("certificate", from->cert, err);
    rv = rv != 0 ? rv : check_readable("key", from->key, err);
    if (rv != 0) {
        return rv;
    }
    int rc = gnutls_certificate_allocate_credentials(&keys->certificates);
    if (rc != 0) {
        return err_gnutls(err, rc, "certificates");
    }
    rc = gnutls_certificate_set_x509_trust_file(keys->certificates, from->ca, GNUTLS_X509_FMT_PEM);
    if (rc <= 0) {
        return err_set(err, ERR_INVALID, "CA file %s: holds no certificate in PEM: %s", from->ca,
                       gnutls_strerror(rc));
    }
    rc = gnutls_certificate_set_x509_key_file(keys->certificates, from->cert, from->key,
                                              GNUTLS_X509_FMT_PEM);
    if (rc < 0) {
        return err_set(err, ERR_INVALID,
                       "certificate %s and key %s: not PEM, or not made for each other: %s",
                       from->cert, from->key, gnutls_strerror(rc));
    }
    struct stat st;
    if (warnings != NULL && stat(from->key, &st) == 0 && (st.st_mode & (S_IRWXO | S_IWGRP)) != 0) {
        buf_printf(warnings,
                   "key %s: its mode is %04o, so others can read or change it: chmod 0600\n",
                   from->key, st.st_mode & 07777U);
    }
    return note_expiry(keys, from->cert, warnings, err);
}

int net_keys_load(const struct net_security *security, struct net_keys **ret, struct buf *warnings,
                  struct err *err)
{
    struct net_keys *keys = mem_zalloc(sizeof(*keys));
    keys->holders = 1;
    keys->kind = security->kind;
    keys->insecure = security->insecure;
    keys->any_name = security->any_name;
    int rv = 0;
    const char *priority = NULL;
    switch (security->kind) {
        case NET_SECRET:
            rv = load_secret(keys, security->secret_file, warnings, err);
            priority = tls_priority(TLS_PSK, has_aes());
            break;
        case NET_CERTIFICATES:
            rv = load_certificates(keys, security, warnings, err);
            priority = tls_priority(TLS_CERTIFICATES, has_aes());
            break;
        case NET_PLAIN:
            break;
    }
    if (rv == 0 && priority != NULL) {
        int rc = gnutls_priority_init(&keys->priority, priority, NULL);
        rv = rc != 0 ? err_gnutls(err, rc, "TLS: this machine's policy leaves nothing to use") : 0;
    }
    if (rv != 0) {
        tls_keys_let_go(keys);
        return rv;
    }
    *ret = keys;
    return 0;
}
