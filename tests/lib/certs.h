/* tests/lib/certs.h - a certificate authority for a test, and what it signs. */
#ifndef TESTS_LIB_CERTS_H_
#define TESTS_LIB_CERTS_H_

#include <gnutls/x509.h>
#include <stdbool.h>

struct certs_ca {
    gnutls_x509_privkey_t key;
    gnutls_x509_crt_t crt;
};

void certs_ca_open(struct certs_ca *ca, const char *name);
void certs_ca_close(struct certs_ca *ca);
void certs_ca_write(const struct certs_ca *ca, const char *path);

struct certs_wish {
    const char *cn;       /* NULL: none */
    const char *dns;      /* NULL: none */
    long from_s;          /* from now */
    long until_s;         /* from now */
    bool only_server;     /* it may not be a client's */
    const char *password; /* of the key; NULL: none */
};
/* A key and a certificate of @ca, as two PEM files. */
void certs_write(const struct certs_ca *ca, const struct certs_wish *wish, const char *cert_path,
                 const char *key_path);

#endif /* TESTS_LIB_CERTS_H_ */
