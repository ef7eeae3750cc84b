/* tests/http/http_certs.c - writes certificates for the tests of TLS into a directory: of ca.pem
 * server, locked (its key has the password "sesame"), client, only-server and old; of another
 * authority stranger. */
#include <stdio.h>

#include "base/must.h"
#include "tests/lib/certs.h"

static void write_one(const struct certs_ca *ca, const char *directory, const char *name,
                      const struct certs_wish *wish)
{
    char cert[512];
    char key[512];
    (void)snprintf(cert, sizeof(cert), "%s/%s.pem", directory, name);
    (void)snprintf(key, sizeof(key), "%s/%s.key", directory, name);
    certs_write(ca, wish, cert, key);
}

int main(int argc, char **argv)
{
    struct certs_ca ours;
    struct certs_ca other;
    char path[512];
    const long hour_s = 3600;
    MUST(argc == 2);
    certs_ca_open(&ours, "ours");
    certs_ca_open(&other, "another");
    (void)snprintf(path, sizeof(path), "%s/ca.pem", argv[1]);
    certs_ca_write(&ours, path);
    struct certs_wish server = {.cn = "server", .dns = "localhost", .until_s = hour_s};
    struct certs_wish locked = server;
    locked.password = "sesame";
    struct certs_wish client = {.cn = "client", .until_s = hour_s};
    struct certs_wish only_server = {.cn = "only", .until_s = hour_s, .only_server = true};
    struct certs_wish old = {.cn = "old", .from_s = -2 * hour_s, .until_s = -hour_s};
    write_one(&ours, argv[1], "server", &server);
    write_one(&ours, argv[1], "locked", &locked);
    write_one(&ours, argv[1], "client", &client);
    write_one(&ours, argv[1], "only-server", &only_server);
    write_one(&ours, argv[1], "old", &old);
    write_one(&other, argv[1], "stranger", &client);
    certs_ca_close(&ours);
    certs_ca_close(&other);
    return 0;
}
