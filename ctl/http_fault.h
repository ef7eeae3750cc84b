/* ctl/http_fault.h - why a request got no answer, in the user's words; for ctl/http.c alone. */
#ifndef CTL_HTTP_FAULT_H_
#define CTL_HTTP_FAULT_H_

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct http_fault {
    int code;           /* of libcurl */
    int os_errno;       /* of the connection, 0: unknown */
    const char *detail; /* libcurl's own words, may be "" */
    const char *name;   /* of the node */
    bool is_socket;
    bool sent; /* some of the request has left */
    bool changes;
    uint64_t timeout_ms;
};

/* Fill @err and return its code. */
int http_fault(const struct http_fault *fault, struct err *err);

#endif /* CTL_HTTP_FAULT_H_ */
