/* consensus/net/address.c - addresses of sockets, by getaddrinfo() that is told not to ask anybody.
 */
#include "consensus/net/address.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"

int address_split(const char *text, struct address_parts *ret, struct err *err)
{
    const char *colon = strrchr(text, ':');
    size_t digits = colon != NULL ? strspn(colon + 1, "0123456789") : 0;
    if (digits == 0 || digits > 5 || colon[1 + digits] != '\0') {
        return err_set(err, ERR_INVALID, "\"%s\" does not end in a port: \"host:7400\"", text);
    }
    unsigned long port = strtoul(colon + 1, NULL, 10);
    const char *host = text;
    size_t size = (size_t)(colon - text);
    if (size > 2 && host[0] == '[' && host[size - 1] == ']') {
        host++;
        size -= 2;
    } else if (size > 0 && (host[0] == '[' || memchr(host, ':', size) != NULL)) {
        return err_set(err, ERR_INVALID,
                       "\"%s\": an IPv6 address stands in brackets: \"[::1]:7400\"", text);
    }
    if (size == 0 || size >= sizeof(ret->host) || port > 65535) {
        return err_set(err, ERR_INVALID, "\"%s\" has no host, or no such port", text);
    }
    memcpy(ret->host, host, size);
    ret->host[size] = '\0';
    (void)snprintf(ret->port, sizeof(ret->port), "%lu", port);
    return 0;
}

bool address_numeric(const struct address_parts *parts, struct sockaddr_storage *ret)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    if (getaddrinfo(parts->host, parts->port, &hints, &found) != 0) {
        return false;
    }
    MUST(found->ai_addrlen <= sizeof(*ret));
    memset(ret, 0, sizeof(*ret));
    memcpy(ret, found->ai_addr, found->ai_addrlen);
    freeaddrinfo(found);
    return true;
}

/* The IPv4 address that an IPv6 one may hold. */
static bool is_mapped(const struct sockaddr *address, struct in_addr *ret)
{
    if (address->sa_family != AF_INET6) {
        return false;
    }
    struct sockaddr_in6 six;
    memcpy(&six, address, sizeof(six));
    memcpy(ret, six.sin6_addr.s6_addr + 12, sizeof(*ret));
    return IN6_IS_ADDR_V4MAPPED(&six.sin6_addr);
}

bool address_is_loopback(const struct sockaddr *address)
{
    struct in_addr four;
    if (address->sa_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, address, sizeof(in));
        four = in.sin_addr;
    } else if (!is_mapped(address, &four)) {
        struct sockaddr_in6 six;
        memcpy(&six, address, sizeof(six));
        return address->sa_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&six.sin6_addr);
    }
    return ntohl(four.s_addr) >> 24 == IN_LOOPBACKNET;
}

bool address_parts_are_loopback(const struct address_parts *parts)
{
    struct sockaddr_storage numeric;
    if (address_numeric(parts, &numeric)) {
        return address_is_loopback((const struct sockaddr *)&numeric);
    }
    return strcmp(parts->host, "localhost") == 0;
}

const char *address_host_text(const struct sockaddr *address, char out[ADDRESS_TEXT_SIZE])
{
    struct in_addr four;
    if (is_mapped(address, &four)) {
        MUST(inet_ntop(AF_INET, &four, out, ADDRESS_TEXT_SIZE) != NULL);
        return out;
    }
    socklen_t size =
        address->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
    if (getnameinfo(address, size, out, ADDRESS_TEXT_SIZE, NULL, 0, NI_NUMERICHOST) != 0) {
        (void)snprintf(out, ADDRESS_TEXT_SIZE, "?");
    }
    return out;
}

const char *address_text(const struct sockaddr *address, char out[ADDRESS_TEXT_SIZE])
{
    char host[ADDRESS_TEXT_SIZE];
    (void)address_host_text(address, host);
    /* The port stands at one place in both families. */
    struct sockaddr_in any;
    memcpy(&any, address, sizeof(any));
    bool six = strchr(host, ':') != NULL;
    (void)snprintf(out, ADDRESS_TEXT_SIZE, "%s%.70s%s:%u", six ? "[" : "", host, six ? "]" : "",
                   ntohs(any.sin_port));
    return out;
}
