/* daemon/http_auth.h - who may ask for what: a pure decision over what is known of a request. */
#ifndef DAEMON_HTTP_AUTH_H_
#define DAEMON_HTTP_AUTH_H_

#include <stdbool.h>

#include <sys/socket.h>

#include "base/secret.h"

enum http_rule {
    HTTP_OPEN,    /* everybody who may connect */
    HTTP_WRITE,   /* as a POST */
    HTTP_CONTROL, /* the control socket alone */
};

/* What is known of who asks. */
struct http_caller {
    bool is_control; /* it came through the control socket */
    bool is_owner;   /* its peer is root or the user that runs pgraftd */

    bool needs_certificate;  /* verify_client: required */
    bool checks_certificate; /* verify_client: optional or required */
    bool has_certificate;    /* that the authority has signed */

    bool checks_password;
    bool has_password; /* the request brought one */
    bool password_is_right;

    bool checks_address; /* there is an allowlist */
    bool address_is_listed;

    bool door_is_loopback;
    bool host_is_local;  /* the request's Host is an address or localhost, or missing */
    bool from_a_browser; /* it has an Origin */
};

enum http_verdict {
    HTTP_MAY,
    HTTP_MAY_NOT,
    HTTP_ASK_PASSWORD, /* 401: a password would help */
};

enum http_verdict http_judge(enum http_rule rule, const struct http_caller *caller,
                             const char **ret_reason);

/* "Basic ..." holds @user and @password; takes the same time wherever they differ. */
bool http_password_is_right(const char *authorization, const char *user,
                            const struct secret *password);
/* "127.0.0.1:8008", "[::1]", "localhost": no name that a stranger's server could answer for. */
bool http_host_is_local(const char *host);

bool http_address_is_loopback(const struct sockaddr *address);
/* @entry: an address, or a network as 10.0.0.0/8. Names match nothing here. */
bool http_address_matches(const struct sockaddr *address, const char *entry);

#endif /* DAEMON_HTTP_AUTH_H_ */
