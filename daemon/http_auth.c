/* daemon/http_auth.c - who may ask for what: a pure decision over what is known of a request. */
#include "daemon/http_auth.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <strings.h>

#include "base/base64.h"
#include "base/buf.h"
#include "base/cleanup.h"

/* ---- the decision ---- */

static const char no_certificate[] = "client certificate required";

/* First match wins; the order is that of docs/http.md, which is Patroni's: where it comes from, the
 * certificate, the password. Each that is configured is asked for: none does instead of another.
 * Patroni's words stand in front of ours, since scripts look for them. */
enum http_verdict http_judge(enum http_rule rule, const struct http_caller *c,
                             const char **ret_reason)
{
    *ret_reason = "";
    if (c->is_control) {
        *ret_reason = "the control socket is for root and the user that runs pgraftd";
        return c->is_owner ? HTTP_MAY : HTTP_MAY_NOT;
    }
    if (c->needs_certificate && !c->has_certificate) {
        *ret_reason = no_certificate;
        return HTTP_MAY_NOT;
    }
    if (rule == HTTP_CONTROL) {
        *ret_reason = "only over the control socket";
        return HTTP_MAY_NOT;
    }
    if (rule == HTTP_OPEN) {
        return HTTP_MAY;
    }
    if (c->checks_address && !c->address_is_listed) {
        *ret_reason = "Access is denied: the address is not in restapi.allowlist";
        return HTTP_MAY_NOT;
    }
    if (c->checks_certificate && !c->has_certificate) {
        *ret_reason = no_certificate;
        return HTTP_MAY_NOT;
    }
    if (c->checks_password) {
        *ret_reason = c->has_password ? "not authenticated: the user or the password is wrong"
                                      : "no auth header received: a user and a password are needed";
        return c->password_is_right ? HTTP_MAY : HTTP_ASK_PASSWORD;
    }
    if (c->checks_certificate) {
        return HTTP_MAY;
    }
    if (!c->door_is_loopback) { /* whatever name it was asked by: this is what is to be mended */
        *ret_reason =
            "without restapi.authentication or client certificates this is only possible over the "
            "control socket, or where restapi listens on a loopback address: set one of them on "
            "all nodes and give --user or --cert, or ask on this node's host";
        return HTTP_MAY_NOT;
    }
    if (c->from_a_browser || !c->host_is_local) {
        *ret_reason =
            "without a password or certificates nothing is taken from web pages, nor "
            "under a name other than localhost";
        return HTTP_MAY_NOT;
    }
    return HTTP_MAY;
}

/* ---- what it is decided by ---- */

/* Into @out, which wipes what it held; @said too. */
static void hide(struct buf *said, struct secret *out)
{
    secret_set(out, buf_text(said), said->size);
    buf_wipe(said);
}

bool http_password_is_right(const char *authorization, const char *user,
                            const struct secret *password)
{
    if (authorization == NULL || strncasecmp(authorization, "Basic ", 6) != 0) {
        return false;
    }
    const char *digits = authorization + 6 + strspn(authorization + 6, " ");
    struct buf said = {0};
    struct buf wanted = {0};
    CLEANUP(secret_close) struct secret is = {0};
    CLEANUP(secret_close) struct secret should_be = {0};
    bool good = base64_decode(&said, digits, strlen(digits));
    buf_printf(&wanted, "%s:%s", user, secret_reveal(password));
    hide(&said, &is);
    hide(&wanted, &should_be);
    return secret_equals(&is, &should_be) && good;
}

bool http_host_is_local(const char *host)
{
    char name[256];
    struct in6_addr address;
    if (host == NULL) {
        return true;
    }
    bool in_brackets = host[0] == '[';
    size_t size = in_brackets ? strcspn(host, "]") : strcspn(host, ":");
    if (size >= sizeof(name)) {
        return false;
    }
    (void)snprintf(name, sizeof(name), "%.*s", (int)size, host);
    if (in_brackets) {
        return inet_pton(AF_INET6, name + 1, &address) == 1;
    }
    return name[0] == '\0' || strcasecmp(name, "localhost") == 0 ||
           inet_pton(AF_INET, name, &address) == 1;
}

/* As 16 bytes, IPv4 in its place within IPv6; false: neither. */
static bool bytes_of(const struct sockaddr *address, unsigned char out[16])
{
    memset(out, 0, 16);
    if (address->sa_family == AF_INET) {
        const struct sockaddr_in *in = (const void *)address;
        out[10] = 0xff;
        out[11] = 0xff;
        memcpy(out + 12, &in->sin_addr, 4);
        return true;
    }
    if (address->sa_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const void *)address;
        memcpy(out, &in6->sin6_addr, 16);
        return true;
    }
    return false;
}

bool http_address_is_loopback(const struct sockaddr *address)
{
    static const unsigned char one[16] = {[15] = 1};
    static const unsigned char net127[13] = {[10] = 0xff, [11] = 0xff, [12] = 127};
    unsigned char at[16];
    return bytes_of(address, at) &&
           (memcmp(at, one, sizeof(one)) == 0 || memcmp(at, net127, sizeof(net127)) == 0);
}

/* "10.0.0.0/8" as 16 bytes and how many bits of them count; false: it is none. */
static bool parse_network(const char *entry, unsigned char out[16], unsigned *ret_bits)
{
    char host[64];
    size_t size = strcspn(entry, "/");
    struct sockaddr_in in = {.sin_family = AF_INET};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
    if (size >= sizeof(host)) {
        return false;
    }
    (void)snprintf(host, sizeof(host), "%.*s", (int)size, entry);
    bool is_4 = inet_pton(AF_INET, host, &in.sin_addr) == 1;
    bool is_6 = !is_4 && inet_pton(AF_INET6, host, &in6.sin6_addr) == 1;
    unsigned most = is_4 ? 32 : 128;
    unsigned bits = most;
    if (entry[size] == '/') {
        const char *at = entry + size + 1;
        size_t digits = strspn(at, "0123456789");
        if (digits == 0 || digits > 3 || at[digits] != '\0') {
            return false;
        }
        bits = 0;
        for (size_t i = 0; i < digits; i++) {
            bits = bits * 10 + (unsigned)(at[i] - '0');
        }
    }
    *ret_bits = bits + 128 - most;
    return (is_4 || is_6) && bits <= most &&
           bytes_of(is_4 ? (struct sockaddr *)&in : (struct sockaddr *)&in6, out);
}

bool http_address_matches(const struct sockaddr *address, const char *entry)
{
    unsigned char at[16];
    unsigned char network[16];
    unsigned bits = 0;
    if (!bytes_of(address, at) || !parse_network(entry, network, &bits)) {
        return false;
    }
    bool same = memcmp(at, network, bits / 8) == 0;
    unsigned rest = bits % 8;
    if (same && rest != 0) {
        unsigned char mask = (unsigned char)(0xff << (8 - rest));
        same = ((at[bits / 8] ^ network[bits / 8]) & mask) == 0;
    }
    return same;
}
