/* ctl/endpoint.h - which node to ask: what the user wrote, or the only one on this host. */
#ifndef CTL_ENDPOINT_H_
#define CTL_ENDPOINT_H_

#include <stddef.h>

#include "base/err.h"

struct endpoint {
    char *socket; /* or */
    char *url;    /* "http://[::1]:8008": scheme, host and port, nothing behind it */
};

/* "http://HOST", "https://HOST:PORT", "HOST", "HOST:PORT" (8008 unless said), "/PATH" or
 * "unix:PATH". */
int endpoint_parse(const char *text, struct endpoint *ret_endpoint, struct err *err);
/* The only socket of @run_dir. Of several the only one behind which somebody listens; else
 * ERR_USAGE, and the message lists them. ERR_NOT_FOUND: there is none. */
int endpoint_find(const char *run_dir, struct endpoint *ret_endpoint, struct err *err);
void endpoint_close(struct endpoint *endpoint);

#endif /* CTL_ENDPOINT_H_ */
