/* ctl/http_fault.c - libcurl's codes translated: who could not be reached, why, what to look at. */
#include "ctl/http_fault.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include <curl/curl.h>

/* The request may have arrived: what is the outcome? */
static int lost(const struct http_fault *f, const char *what, struct err *err)
{
    if (f->sent && f->changes) {
        return err_set(err, ERR_TIMEOUT,
                       "%s %s; the request may have been carried out, or may still be", f->name,
                       what);
    }
    return err_set(err, ERR_CLOSED, "%s %s", f->name, what);
}

static int not_connected(const struct http_fault *f, struct err *err)
{
    if (f->os_errno == EACCES || f->os_errno == EPERM) {
        return err_set(err, ERR_DENIED, "%s: permission denied; %s", f->name,
                       f->is_socket ? "it is for root and the user that runs pgraftd"
                                    : "something on this host forbids the connection");
    }
    if (f->os_errno == 0) {
        return err_set(err, ERR_CLOSED, "no node answers at %s: %s", f->name,
                       f->detail[0] != '\0' ? f->detail : "no connection");
    }
    const char *why = f->os_errno == ECONNREFUSED ? "connection refused"
                      : f->os_errno == ENOENT     ? "there is no such socket"
                                                  : strerrordesc_np(f->os_errno);
    return err_set(err, ERR_CLOSED, "no node answers at %s: %s; is pgraftd running?", f->name,
                   why != NULL ? why : "no connection");
}

static int timed_out(const struct http_fault *f, struct err *err)
{
    uint64_t tenths = (f->timeout_ms + 50) / 100;
    char what[96];
    (void)snprintf(what, sizeof(what), "%s within %" PRIu64 ".%" PRIu64 " s",
                   f->sent ? "gave no answer" : "took no connection", tenths / 10, tenths % 10);
    return lost(f, what, err);
}

static int certificate(const struct http_fault *f, struct err *err)
{
    return err_set(err, ERR_DENIED,
                   "%s: its certificate can not be verified (%s); --cacert names the authority, "
                   "--insecure does without",
                   f->name, f->detail[0] != '\0' ? f->detail : "no reason given");
}

int http_fault(const struct http_fault *f, struct err *err)
{
    switch (f->code) {
        case CURLE_COULDNT_CONNECT:
            return not_connected(f, err);
        case CURLE_COULDNT_RESOLVE_HOST:
            return err_set(err, ERR_CLOSED,
                           "no node answers at %s: the name of the host is not known", f->name);
        case CURLE_ABORTED_BY_CALLBACK: /* a stream has dried up (http.c) */
            return lost(f, "has fallen silent", err);
        case CURLE_OPERATION_TIMEDOUT:
            return timed_out(f, err);
        case CURLE_PEER_FAILED_VERIFICATION:
            return certificate(f, err);
        case CURLE_SSL_CONNECT_ERROR:
            return err_set(err, ERR_CLOSED, "%s: no TLS session (%s)", f->name, f->detail);
        case CURLE_SSL_CACERT_BADFILE:
            return err_set(err, ERR_INVALID, "--cacert: no such file, or no certificate in it");
        case CURLE_SSL_CERTPROBLEM:
            return err_set(err, ERR_INVALID,
                           "--cert, --key: no such file, or not what it should be");
        case CURLE_GOT_NOTHING:
        case CURLE_SEND_ERROR:
        case CURLE_RECV_ERROR:
        case CURLE_PARTIAL_FILE:
            return lost(f, "closed the connection before it had answered", err);
        case CURLE_UNSUPPORTED_PROTOCOL:
        case CURLE_WEIRD_SERVER_REPLY:
            return err_set(err, ERR_PROTOCOL, "what listens at %s does not speak HTTP", f->name);
        default:
            return lost(f, f->detail[0] != '\0' ? f->detail : "could not be asked", err);
    }
}
