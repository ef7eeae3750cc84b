/* base/err.h - one error vocabulary for every layer, the wire and pgraftctl's exit status.
 *
 * A code says what the caller can DO; the message says what happened and where. Functions return 0
 * or a negative ERR_*; `struct err *err` comes last and may be NULL. Values are part of the wire
 * and of the library's interface: add at the end, never renumber. Libraries return errors; programs
 * log them. */
#ifndef BASE_ERR_H_
#define BASE_ERR_H_

#include <stdbool.h>

/* retry: 1 = the same request may succeed later, or at another node, without anybody's help. */
/* applied: 1 = it may have taken effect, or may still take effect; read before trying again. */
/* exit: pgraftctl's exit status: 1 refused, 2 usage, 3 outcome unknown, 4 no quorum. */
// clang-format off
/*    code             value retry applied exit text                                              */
#define ERR_MAP(X)                                                                                 \
    X(ERR_INVALID,       -1, 0, 0, 2, "invalid argument")                                          \
    X(ERR_NOT_FOUND,     -2, 0, 0, 1, "not found")                                                 \
    X(ERR_CONFLICT,      -3, 0, 0, 1, "compare failed: the key has changed")                       \
    X(ERR_NOT_LEADER,    -4, 1, 0, 1, "this node is not the leader")                               \
    X(ERR_TIMEOUT,       -5, 1, 1, 3, "timed out; the request may still be applied")               \
    X(ERR_IO,            -6, 0, 0, 1, "storage I/O failed")                                        \
    X(ERR_NO_QUORUM,     -7, 1, 0, 4, "no majority of the voters can be reached")                  \
    X(ERR_BUSY,          -8, 1, 0, 1, "too many requests are waiting; try again")                  \
    X(ERR_CORRUPT,       -9, 0, 0, 1, "stored data fails its checksum")                            \
    X(ERR_NO_SPACE,     -10, 1, 0, 1, "the disk or the store's map is full")                       \
    X(ERR_QUOTA,        -11, 0, 0, 1, "the store's quota is used up")                              \
    X(ERR_EXISTS,       -12, 0, 0, 1, "already exists")                                            \
    X(ERR_EXPIRED,      -13, 0, 1, 3, "expired; the outcome of the request is unknown")            \
    X(ERR_COMPACTED,    -14, 0, 0, 1, "the revision asked for is no longer kept")                  \
    X(ERR_REFUSED,      -15, 0, 0, 1, "refused")                                                   \
    X(ERR_DENIED,       -16, 0, 0, 1, "not permitted")                                             \
    X(ERR_CANCELED,     -17, 0, 1, 3, "canceled; the request may still be applied")                \
    X(ERR_CLOSED,       -18, 1, 0, 1, "closed or shutting down")                                   \
    X(ERR_PROTOCOL,     -19, 0, 0, 1, "the other side does not keep to the protocol")              \
    X(ERR_VERSION,      -20, 0, 0, 1, "written or spoken by a newer version than this one")        \
    X(ERR_LOCKED,       -21, 0, 0, 1, "in use by another process")                                 \
    X(ERR_SYSTEM,       -22, 0, 0, 1, "a system call failed")                                      \
    X(ERR_TOO_LARGE,    -23, 0, 0, 1, "too large")                                                 \
    X(ERR_LOST_LEADER,  -24, 1, 1, 3, "the leader changed; the request may still be applied")      \
    X(ERR_USAGE,        -25, 0, 0, 2, "wrong usage")
// clang-format on

enum err_code {
#define ERR_ENUM(code, value, retry, applied, exit, text) code = (value),
    ERR_MAP(ERR_ENUM)
#undef ERR_ENUM
};

#define ERR_MSG_MAX 256

struct err {
    int code;              /* 0 or an enum err_code */
    char msg[ERR_MSG_MAX]; /* "commit: MDB_MAP_FULL: Environment mapsize limit reached" */
};

/* Fill @err, if it is not NULL, and return @code. A text that does not fit ends in "...". */
int err_set(struct err *err, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* The system's family: "@what: strerror(errnum)"; ENOSPC and EDQUOT become ERR_NO_SPACE, EACCES and
 * EPERM ERR_DENIED, ENOENT ERR_NOT_FOUND, EEXIST ERR_EXISTS, EIO ERR_IO, the others ERR_SYSTEM. */
int err_errno(struct err *err, int errnum, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* What people should know of a bind() that failed with @errnum, in brackets; or "". */
const char *err_bind_hint(int errnum);

/* Put "context: " before the message on the way up and keep its code. @err holds an error or is
 * NULL. */
void err_wrap(struct err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* What an operator or a program may know of a code. An unknown negative code, as a newer peer may
 * send, counts as not retryable, perhaps applied, and outcome unknown. */
const char *err_name(int code); /* "ERR_TIMEOUT"; 0: "OK" */
const char *err_text(int code);
bool err_may_retry(int code);
bool err_may_be_applied(int code);
int err_exit_status(int code); /* 0 for 0 */

#endif /* BASE_ERR_H_ */
