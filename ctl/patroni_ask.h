/* ctl/patroni_ask.h - what a running Patroni says of its cluster, over its REST API.
 *
 * Only GETs, which Patroni lets everybody do: nothing is changed, and no password is sent. */
#ifndef CTL_PATRONI_ASK_H_
#define CTL_PATRONI_ASK_H_

#include <jansson.h>

#include "base/err.h"
#include "ctl/http.h"

struct patroni_told {
    json_t *node;    /* GET /patroni; NULL: it was not told */
    json_t *cluster; /* GET /cluster */
    json_t *dynamic; /* GET /config */
};

/* Into @told, which is empty: as far as it comes. ERR_CLOSED and others of http.h: nobody answers;
 * ERR_INVALID: what answers is no Patroni, or has no configuration stored. */
int patroni_ask(struct http *http, uint64_t timeout_ms, struct patroni_told *told, struct err *err);
/* For CLEANUP(). */
void patroni_told_close(struct patroni_told *told);

#endif /* CTL_PATRONI_ASK_H_ */
