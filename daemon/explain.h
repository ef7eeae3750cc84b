/* daemon/explain.h - where the settings of this node come from, for POST /pgraft/v1/config/explain.
 *
 *   asked --> a connection to PostgreSQL of its own --> its answer, or why there is none --> told
 *
 * The supervisor has no part in it: neither its connections nor its time are used, so that a file
 * that hangs holds up nothing but this answer. What does not need PostgreSQL is told also when that
 * does not answer. One loop, one thread. */
#ifndef DAEMON_EXPLAIN_H_
#define DAEMON_EXPLAIN_H_

#include <uv.h>

#include "base/list.h"
#include "daemon/http.h"
#include "daemon/wire_config.h"
#include "supervisor/cluster_view.h"

struct explain {
    uv_loop_t *loop;
    const struct wire_config *shared; /* with this node's own configuration */
    struct view_board *board;
    struct list asking;
    size_t count;
};

void explain_open(struct explain *e, uv_loop_t *loop, const struct wire_config *shared,
                  struct view_board *board);
/* For http_settings. */
struct http_explain explain_door(struct explain *e);
/* Nobody is told any more; then the loop has to run until it has nothing left to do. A zeroed one
 * is closed. */
void explain_close(struct explain *e);

#endif /* DAEMON_EXPLAIN_H_ */
