/* ctl/http.h - one node, asked over HTTP: by its socket or its URL, with a deadline for everything.
 *
 * No proxy, no redirection, no netrc, HTTP/1.1 alone: what is asked for is done, or one line says
 * why not. The message names the node, what happened, and what to look at. Whether a request that
 * failed may have been carried out all the same is part of the code: ERR_TIMEOUT says so, other
 * codes say that it was not. */
#ifndef CTL_HTTP_H_
#define CTL_HTTP_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/secret.h"

#define HTTP_BODY_MAX ((size_t)16 * 1024 * 1024) /* of an answer */

/* Where the node is: a socket, or a URL without a path. */
struct http_place {
    const char *socket; /* NULL: by its URL */
    const char *url;    /* "http://127.0.1.4:8008"; of a socket: NULL */
};

/* Texts may be NULL. */
struct http_access {
    const char *user;
    const struct secret *password;
    const char *cacert;
    const char *cert;
    const char *key;
    const struct secret *key_password;
    bool insecure; /* believe any certificate */
};

struct http;

/* Nothing is sent yet. Both are copied. */
struct http *http_open(const struct http_place *place, const struct http_access *access);
/* Accepts NULL. */
void http_close(struct http *http);
/* For CLEANUP(). */
void http_closep(struct http **http);
/* The socket or the URL, for messages. */
const char *http_name(const struct http *http);

struct http_request {
    const char *method;   /* "GET", "POST", "PUT" */
    const char *path;     /* "/raft" */
    const char *body;     /* of all but a GET */
    const char *if_match; /* the tag of what it is meant for; NULL: of whatever is there */
    uint64_t timeout_ms;  /* for everything; of a stream: until its answer begins */
    uint64_t connect_ms;  /* of that, until it is connected */
    uint64_t told_ms;     /* what the user said it was, for messages; 0: timeout_ms */
    bool changes;         /* it is no use to say "nothing happened" when it may have */
};

#define HTTP_TAG_SIZE 64

struct http_answer {
    int status;
    struct buf body;
    char tag[HTTP_TAG_SIZE]; /* the header ETag; "" */
};

/* 0 when there is an answer, whatever it says. */
int http_ask(struct http *http, const struct http_request *request, struct http_answer *ret_answer,
             struct err *err);

/* 0: go on; else: enough. */
typedef int (*http_piece_cb)(void *context, const char *bytes, size_t size);

struct http_sink {
    http_piece_cb piece_cb;
    void *context;
    uint64_t silence_ms; /* so long without a byte, and the connection counts as broken */
};

/* Read an answer of any length: what comes with status 200 goes to @sink, another answer into
 * @ret_answer. 0 when the node has ended it in order, or the sink has enough; ERR_CLOSED when the
 * connection broke. */
int http_stream(struct http *http, const struct http_request *request, const struct http_sink *sink,
                struct http_answer *ret_answer, struct err *err);

#endif /* CTL_HTTP_H_ */
