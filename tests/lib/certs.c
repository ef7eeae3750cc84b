/* tests/lib/certs.c - certificates by GnuTLS, so that no test needs a program to make them. */
#include "tests/lib/certs.h"

#include <gnutls/gnutls.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/must.h"

#define YEAR_S (365L * 24 * 3600)

static unsigned int serial;

static gnutls_x509_privkey_t new_key(void)
{
    gnutls_x509_privkey_t key = NULL;
    int rc = gnutls_x509_privkey_init(&key);
    MUST(rc == 0);
    rc = gnutls_x509_privkey_generate(key, GNUTLS_PK_ECDSA,
                                      GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0);
    MUST(rc == 0);
    return key;
}

static gnutls_x509_crt_t new_crt(gnutls_x509_privkey_t key, const char *cn, long from_s,
                                 long until_s)
{
    gnutls_x509_crt_t crt = NULL;
    int rc = gnutls_x509_crt_init(&crt);
    MUST(rc == 0);
    rc = gnutls_x509_crt_set_version(crt, 3);
    MUST(rc == 0);
    unsigned char number[4] = {1, 0, 0, (unsigned char)++serial};
    rc = gnutls_x509_crt_set_serial(crt, number, sizeof(number));
    MUST(rc == 0);
    rc = gnutls_x509_crt_set_activation_time(crt, time(NULL) + from_s);
    MUST(rc == 0);
    rc = gnutls_x509_crt_set_expiration_time(crt, time(NULL) + until_s);
    MUST(rc == 0);
    rc = gnutls_x509_crt_set_key(crt, key);
    MUST(rc == 0);
    if (cn != NULL) {
        rc = gnutls_x509_crt_set_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0, cn,
                                           (unsigned int)strlen(cn));
        MUST(rc == 0);
    }
    return crt;
}

static void write_pem(const char *path, const gnutls_datum_t *pem)
{
    FILE *file = fopen(path, "we");
    MUST(file != NULL);
    size_t written = fwrite(pem->data, 1, pem->size, file);
    MUST(written == pem->size);
    int rc = fclose(file);
    MUST(rc == 0);
}

static void write_crt(gnutls_x509_crt_t crt, const char *path)
{
    gnutls_datum_t pem = {0};
    int rc = gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_PEM, &pem);
    MUST(rc == 0);
    write_pem(path, &pem);
    gnutls_free(pem.data);
}

void certs_ca_open(struct certs_ca *ca, const char *name)
{
    ca->key = new_key();
    ca->crt = new_crt(ca->key, name, -YEAR_S, YEAR_S);
    int rc = gnutls_x509_crt_set_ca_status(ca->crt, 1);
    MUST(rc == 0);
    rc = gnutls_x509_crt_set_key_usage(ca->crt, GNUTLS_KEY_KEY_CERT_SIGN);
    MUST(rc == 0);
    rc = gnutls_x509_crt_sign2(ca->crt, ca->crt, ca->key, GNUTLS_DIG_SHA256, 0);
    MUST(rc == 0);
}

void certs_ca_close(struct certs_ca *ca)
{
    gnutls_x509_crt_deinit(ca->crt);
    gnutls_x509_privkey_deinit(ca->key);
}

void certs_ca_write(const struct certs_ca *ca, const char *path)
{
    write_crt(ca->crt, path);
}

void certs_write(const struct certs_ca *ca, const struct certs_wish *wish, const char *cert_path,
                 const char *key_path)
{
    gnutls_x509_privkey_t key = new_key();
    gnutls_x509_crt_t crt = new_crt(key, wish->cn, wish->from_s, wish->until_s);
    int rc = 0;
    if (wish->dns != NULL) {
        rc = gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_DNSNAME, wish->dns,
                                                  (unsigned int)strlen(wish->dns), GNUTLS_FSAN_SET);
        MUST(rc == 0);
    }
    if (wish->only_server) {
        rc = gnutls_x509_crt_set_key_purpose_oid(crt, GNUTLS_KP_TLS_WWW_SERVER, 0);
        MUST(rc == 0);
    }
    rc = gnutls_x509_crt_sign2(crt, ca->crt, ca->key, GNUTLS_DIG_SHA256, 0);
    MUST(rc == 0);
    write_crt(crt, cert_path);
    gnutls_datum_t pem = {0};
    rc = wish->password == NULL
             ? gnutls_x509_privkey_export2(key, GNUTLS_X509_FMT_PEM, &pem)
             : gnutls_x509_privkey_export2_pkcs8(key, GNUTLS_X509_FMT_PEM, wish->password,
                                                 GNUTLS_PKCS_PBES2_AES_128, &pem);
    MUST(rc == 0);
    write_pem(key_path, &pem);
    gnutls_free(pem.data);
    gnutls_x509_crt_deinit(crt);
    gnutls_x509_privkey_deinit(key);
}
