/* supervisor/view_watch.h - what the watch has read of PostgreSQL, as the part of a view that facts
 * do not know. Pure. */
#ifndef SUPERVISOR_VIEW_WATCH_H_
#define SUPERVISOR_VIEW_WATCH_H_

#include "supervisor/cluster_view.h"
#include "supervisor/probe.h"

/* After view_take_facts(), whose flow of WAL is narrowed down by it. */
void view_take_watch(struct view_self *self, const struct probe_watch *w);

#endif /* SUPERVISOR_VIEW_WATCH_H_ */
