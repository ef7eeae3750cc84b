/* daemon/wire_http.h - the HTTP side of a node, as its configuration wants it. */
#ifndef DAEMON_WIRE_HTTP_H_
#define DAEMON_WIRE_HTTP_H_

#include <uv.h>

#include "base/err.h"
#include "config/config.h"
#include "daemon/http.h"

/* What http_settings point to, beside the configuration itself. A zeroed struct is closed. */
struct wire_http {
    struct http_settings settings;
    struct http_header *headers;
    struct buf sockets[2];
    struct buf priorities; /* restapi.ciphers, for GnuTLS */
};

/* Fill it in from @config, which outlives it or the next call. */
void wire_http_fill(struct wire_http *wire, const struct config *config);
void wire_http_close(struct wire_http *wire);

#endif /* DAEMON_WIRE_HTTP_H_ */
