/* daemon/wire_http.h - the HTTP side of a node, as its configuration wants it. */
#ifndef DAEMON_WIRE_HTTP_H_
#define DAEMON_WIRE_HTTP_H_

#include "config/config.h"
#include "daemon/http.h"

/* Settings and all that they point to: a configuration may be freed, and the old one go on. */
struct wire_http;

/* Who the node is and where it listens is @config's, all else @api's, which is its own or that of a
 * newer file. Board, upgrade and tasks are left to be set. */
struct wire_http *wire_http_create(const struct config *config, const struct config_restapi *api);
struct http_settings *wire_http_settings(struct wire_http *wire);
/* Accepts NULL. */
void wire_http_destroy(struct wire_http *wire);

#endif /* DAEMON_WIRE_HTTP_H_ */
