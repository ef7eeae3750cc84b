/* daemon/http_allow.h - the addresses behind the names of restapi.allowlist and behind the members
 * of the cluster (restapi.allowlist_include_members), kept up to date.
 *
 * A request is judged at once, so names are resolved beforehand: at the start, at a reload and
 * every half minute, one after the other on libuv's thread pool. A name that can not be resolved
 * keeps the addresses that it had, and is logged once. */
#ifndef DAEMON_HTTP_ALLOW_H_
#define DAEMON_HTTP_ALLOW_H_

#include <stdbool.h>

#include <sys/socket.h>

struct http;
struct http_allow;

/* Looks at the settings of @http, which lives until http_allow_close() and the end of its handles.
 */
struct http_allow *http_allow_open(struct http *http);
/* There are other settings now. */
void http_allow_reload(struct http_allow *allow);
/* Accepts NULL. What is under way is given up; the memory goes with the last handle. */
void http_allow_close(struct http_allow *allow);

/* Is only taken from those that are listed? */
bool http_allow_is_on(const struct http_allow *allow);
bool http_allow_has(const struct http_allow *allow, const struct sockaddr *peer);

#endif /* DAEMON_HTTP_ALLOW_H_ */
