/* ctl/ask.h - a cluster, asked in JSON (docs/http.md): the nodes that may be asked, and for how
 * long.
 *
 * An answer that is an error comes out as its code and message. A request that failed for reasons
 * that may pass is asked again, at the next node if there are several, until the time is up; a
 * write says who it is, so that it is done once. When the outcome is not known the code says so
 * (err_may_be_applied), whatever the last attempt brought. */
#ifndef CTL_ASK_H_
#define CTL_ASK_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "base/err.h"
#include "ctl/endpoint.h"
#include "ctl/http.h"

#define ASK_TIMEOUT_MS_MAX UINT64_C(600000)

struct ask;

struct ask_options {
    const struct endpoint *endpoints; /* at least one; copied */
    size_t endpoint_count;
    struct http_access access; /* lives as long as the struct ask */
    uint64_t timeout_ms;       /* of the whole command */
    const char *scope;         /* of the cluster that is meant; NULL: whichever it is; copied */
};

struct ask *ask_open(const struct ask_options *options);
void ask_close(struct ask *ask);
/* For CLEANUP(). */
void ask_closep(struct ask **ask);

/* The time starts again: for the next part of a long command. */
void ask_restart_clock(struct ask *ask);
uint64_t ask_left_ms(const struct ask *ask);
/* As the options had it. */
const char *ask_scope(const struct ask *ask);
/* The node that was asked last, for messages. */
const char *ask_node(const struct ask *ask);
/* What the last error that a node answered has in it, or NULL. */
json_t *ask_error(const struct ask *ask);

enum ask_kind {
    ASK_READ,   /* may be asked again as it is */
    ASK_REPEAT, /* changes something, and may be repeated as it is */
    ASK_WRITE,  /* changes something, once: "request" is added */
};

/* *ret_answer is the caller's. */
int ask_get(struct ask *ask, const char *path, json_t **ret_answer, struct err *err);
/* Of the first node whose answer @is_good; of the first that answers, if none's is. */
int ask_get_best(struct ask *ask, const char *path, bool (*is_good)(json_t *answer),
                 json_t **ret_answer, struct err *err);
/* Adds timeout_ms and, to a write, request. */
int ask_post(struct ask *ask, enum ask_kind kind, const char *path, json_t *body,
             json_t **ret_answer, struct err *err);
/* Something that others change, too, in the version that was read. */
struct ask_version {
    json_t *value;
    char tag[HTTP_TAG_SIZE]; /* "" if the node gives none */
};
/* For CLEANUP(). */
void ask_version_close(struct ask_version *version);
int ask_get_version(struct ask *ask, const char *path, struct ask_version *ret_version,
                    struct err *err);
/* @body in its place, if nobody has changed it since @tag was given: else ERR_CONFLICT, which is
 * also said when it was done by an earlier attempt of this call whose answer was lost. */
int ask_put(struct ask *ask, const char *path, json_t *body, const char *tag, json_t **ret_answer,
            struct err *err);

/* What is answered in words (docs/http.md: Patroni's commands), whatever they say. */
struct ask_said {
    int status;
    struct buf text;
};
/* Asked once, of the first node that can be reached; an answer that is an error of ours comes out
 * as such. @body has to be answered within @timeout_ms. */
int ask_words(struct ask *ask, const char *path, json_t *body, uint64_t timeout_ms,
              struct ask_said *said, struct err *err);

struct ask_stream {
    const char *method;
    const char *path;
    json_t *body; /* of a POST */
    struct http_sink sink;
};

/* A stream from the first node that begins one; one attempt at each. Once something has come the
 * caller alone knows from where to go on: the next call asks the next node. */
int ask_stream(struct ask *ask, const struct ask_stream *stream, struct err *err);

/* What a node answered, taken apart: 0 and the object, or the error that it is. */
int ask_read_answer(const struct http_answer *answer, const char *node, json_t **ret_answer,
                    json_t **ret_error, struct err *err);

#endif /* CTL_ASK_H_ */
