/* consensus/net/address.h - addresses of sockets as text and back; looks up no name. */
#ifndef CONSENSUS_NET_ADDRESS_H_
#define CONSENSUS_NET_ADDRESS_H_

#include <stdbool.h>
#include <sys/socket.h>

#include "base/err.h"

/* "[" IPv6 with scope "]:port" and the NUL. */
#define ADDRESS_TEXT_SIZE 80
#define ADDRESS_HOST_SIZE 256

struct address_parts {
    char host[ADDRESS_HOST_SIZE]; /* without brackets */
    char port[6];
};

/* "host:port", "[::1]:port". Port 0 is allowed. ERR_INVALID. */
int address_split(const char *text, struct address_parts *ret, struct err *err);
/* An address in numbers; false: it is a name. */
bool address_numeric(const struct address_parts *parts, struct sockaddr_storage *ret);
/* 127.0.0.0/8, ::1, and these as mapped into IPv6. */
bool address_is_loopback(const struct sockaddr *address);
/* What can not leave this host: loopback in numbers, or the name localhost. */
bool address_parts_are_loopback(const struct address_parts *parts);
/* "10.0.0.1:7400", "[fe80::1]:7400"; an IPv4 address mapped into IPv6 as the first. Returns @out.
 */
const char *address_text(const struct sockaddr *address, char out[ADDRESS_TEXT_SIZE]);
/* The same without the port. */
const char *address_host_text(const struct sockaddr *address, char out[ADDRESS_TEXT_SIZE]);

#endif /* CONSENSUS_NET_ADDRESS_H_ */
