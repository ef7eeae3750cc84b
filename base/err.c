/* base/err.c - the table of errors, read in every direction. */
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/must.h"

static const struct {
    int code;
    bool may_retry;
    bool may_be_applied;
    int exit_status;
    const char *name;
    const char *text;
} table[] = {
#define ERR_ROW(code, value, retry, applied, exit, text) {code, retry, applied, exit, #code, text},
    ERR_MAP(ERR_ROW)
#undef ERR_ROW
};

/* The exit status of "nobody knows whether it happened". */
#define EXIT_UNKNOWN 3

/* Values run from -1 without a hole (test_err.c), so the row of a code is known; -1 if it is no
 * code of ours. */
static int row_of(int code)
{
    if (code >= 0 || code < -(int)ARRAY_LEN(table)) {
        return -1;
    }
    int row = -code - 1;
    MUST(table[row].code == code);
    return row;
}

/* Show that a text was cut instead of ending it in the middle of a word as if that were all. */
static void mark_cut(char *msg, size_t size)
{
    static const char dots[] = "...";
    memcpy(msg + size - sizeof(dots), dots, sizeof(dots));
}

__attribute__((format(printf, 3, 0))) static size_t format_into(char *msg, size_t size,
                                                                const char *fmt, va_list args)
{
    int length = vsnprintf(msg, size, fmt, args);
    MUST(length >= 0); /* a bad conversion in @fmt */
    if ((size_t)length >= size) {
        mark_cut(msg, size);
        return size - 1;
    }
    return (size_t)length;
}

int err_set(struct err *err, int code, const char *fmt, ...)
{
    MUST(code < 0);
    if (err != NULL) {
        char msg[ERR_MSG_MAX]; /* apart, so that @err's own message may be an argument */
        va_list args;
        va_start(args, fmt);
        size_t length = format_into(msg, sizeof(msg), fmt, args);
        va_end(args);
        err->code = code;
        memcpy(err->msg, msg, length + 1);
    }
    return code;
}

static int code_of_errno(int errnum)
{
    switch (errnum) {
        case ENOSPC:
        case EDQUOT:
            return ERR_NO_SPACE;
        case EACCES:
        case EPERM:
            return ERR_DENIED;
        case ENOENT:
            return ERR_NOT_FOUND;
        case EEXIST:
            return ERR_EXISTS;
        case EIO:
            return ERR_IO;
        default:
            return ERR_SYSTEM;
    }
}

int err_errno(struct err *err, int errnum, const char *fmt, ...)
{
    char what[ERR_MSG_MAX];
    va_list args;
    va_start(args, fmt);
    (void)format_into(what, sizeof(what), fmt, args);
    va_end(args);
    const char *why =
        strerrordesc_np(errnum); /* unlike strerror(), the same in every thread and locale */
    if (why == NULL) {
        return err_set(err, code_of_errno(errnum), "%s: error %d", what, errnum);
    }
    return err_set(err, code_of_errno(errnum), "%s: %s", what, why);
}

const char *err_bind_hint(int errnum)
{
    switch (errnum) {
        case EADDRINUSE:
            return " (another process listens there)";
        case EADDRNOTAVAIL:
            return " (no address of this host)";
        case EACCES:
            return " (ports below 1024 take a privilege)";
        default:
            return "";
    }
}

void err_wrap(struct err *err, const char *fmt, ...)
{
    if (err == NULL) {
        return;
    }
    char context[ERR_MSG_MAX];
    va_list args;
    va_start(args, fmt);
    (void)format_into(context, sizeof(context), fmt, args);
    va_end(args);
    (void)err_set(err, err->code, "%s: %s", context, err->msg);
}

const char *err_name(int code)
{
    int row = row_of(code);
    return row >= 0 ? table[row].name : code == 0 ? "OK" : "ERR_UNKNOWN";
}

const char *err_text(int code)
{
    int row = row_of(code);
    return row >= 0 ? table[row].text : code == 0 ? "done" : "an error this version does not know";
}

bool err_may_retry(int code)
{
    int row = row_of(code);
    return row >= 0 && table[row].may_retry;
}

bool err_may_be_applied(int code)
{
    int row = row_of(code);
    return row >= 0 ? table[row].may_be_applied : code != 0;
}

int err_exit_status(int code)
{
    int row = row_of(code);
    return row >= 0 ? table[row].exit_status : code == 0 ? 0 : EXIT_UNKNOWN;
}
