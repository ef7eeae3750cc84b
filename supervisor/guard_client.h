/* supervisor/guard_client.h - pgraftd's side of the guard.
 *
 * Starts a guard or finds one that a former pgraftd left, writes the page, sends requests and reads
 * events. Nothing waits: the socket is non-blocking and its descriptor fits any loop. One client,
 * one thread; no allocation. The guard is a child of whoever started it, and outlives it. */
#ifndef SUPERVISOR_GUARD_CLIENT_H_
#define SUPERVISOR_GUARD_CLIENT_H_

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "supervisor/guard_page.h"
#include "supervisor/guard_wire.h"

struct guard_client {
    int fd; /* poll it for reading; -1: not connected */
    int page_fd;
    struct guard_page *page;
    uint32_t last_id;
};

#define GUARD_OPTIONS_MAX 16

struct guard_place {
    char *guard;          /* path of pgraft-guard */
    const char *data_dir; /* all paths are absolute */
    const char *program;  /* of postgres */
    const char *socket;
    char *const *more; /* further options as they stand, ends in NULL; or NULL */
};

/* A client that is connected to nothing, with a page that grants nothing. */
int guard_client_init(struct guard_client *client, struct err *err);
void guard_client_close(struct guard_client *client);

/* Start a guard; it says hello by an event of kind GUARD_STATE. */
int guard_client_spawn(struct guard_client *client, const struct guard_place *place, pid_t *ret_pid,
                       struct err *err);
/* Connect to the guard at @socket. ERR_NOT_FOUND: none is there; start one. */
int guard_client_attach(struct guard_client *client, const char *socket, struct err *err);

/* Seen by the guard the next time it looks, at the latest at the deadline that it knew before. */
void guard_client_grant(struct guard_client *client, const struct guard_grant *grant);

/* Send @request, with @fd beside it unless that is -1 (it stays the caller's). Its id is chosen
 * here and told. ERR_BUSY: the guard reads nothing, ERR_CLOSED: it is gone, ERR_TOO_LARGE. */
int guard_client_send(struct guard_client *client, struct guard_request *request, int fd,
                      uint32_t *ret_id, struct err *err);
/* A request without words. */
int guard_client_ask(struct guard_client *client, uint16_t kind, uint64_t epoch, uint64_t how,
                     uint32_t *ret_id, struct err *err);
/* Add a word to a start: arguments first, then variables. False: too many. */
bool guard_request_add_argument(struct guard_request *request, char *word);
bool guard_request_add_variable(struct guard_request *request, char *word);

/* 1: an event; 0: none now; ERR_CLOSED: the guard is gone, and PostgreSQL with it. */
int guard_client_receive(struct guard_client *client, struct guard_event *ret_event,
                         struct err *err);

#endif /* SUPERVISOR_GUARD_CLIENT_H_ */
