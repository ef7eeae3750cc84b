/* tests/cluster/certificates.c - writes a certificate authority and certificates of nodes.
 *
 * usage: certificates DIRECTORY NODE...
 *
 * A fresh authority as ca.pem, and of each node NODE.pem and NODE.key, which it has signed. */
#include <stdio.h>

#include "base/must.h"
#include "tests/lib/certs.h"

#define DAY_S (24 * 3600L)
#define VALID_S (30 * DAY_S) /* longer than what is warned of */

int main(int argc, char **argv)
{
    struct certs_ca ca;
    char cert[512];
    char key[512];
    MUST(argc > 2);
    certs_ca_open(&ca, argv[1]);
    (void)snprintf(cert, sizeof(cert), "%s/ca.pem", argv[1]);
    certs_ca_write(&ca, cert);
    for (int i = 2; i < argc; i++) {
        struct certs_wish wish = {.cn = argv[i], .from_s = -DAY_S, .until_s = VALID_S};
        (void)snprintf(cert, sizeof(cert), "%s/%s.pem", argv[1], argv[i]);
        (void)snprintf(key, sizeof(key), "%s/%s.key", argv[1], argv[i]);
        certs_write(&ca, &wish, cert, key);
    }
    certs_ca_close(&ca);
    return 0;
}
