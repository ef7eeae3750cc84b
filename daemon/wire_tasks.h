/* daemon/wire_tasks.h - the supervisor, behind what HTTP has a node do. */
#ifndef DAEMON_WIRE_TASKS_H_
#define DAEMON_WIRE_TASKS_H_

#include "daemon/http.h"
#include "supervisor/supervisor.h"

/* @supervisor outlives the HTTP side. A reload is what SIGHUP is, sent by this program to itself.
 */
struct http_tasks wire_tasks(struct supervisor *supervisor);

#endif /* DAEMON_WIRE_TASKS_H_ */
