/* supervisor/start_watch.h - has a start of PostgreSQL come as far as its data?
 *
 * A postmaster reads its configuration, loads libraries, takes its ports and its shared memory, and
 * may end for any of them. Only then comes the startup process, and that one alone opens what is in
 * pg_wal. It may live for some milliseconds, too short for any look: so the kernel notes it, and
 * what it noted is read when PostgreSQL has ended. It says no more than that: what ended it then is
 * not known. So this program itself opens nothing there from before it is armed until PostgreSQL
 * has (supervisor_spares_wal()); a backup by hand would look the same. */
#ifndef SUPERVISOR_START_WATCH_H_
#define SUPERVISOR_START_WATCH_H_

#include <stdbool.h>

#include "base/err.h"

struct start_watch {
    bool is_open;
    int fd;
};

/* Fails where the kernel has no watch to give. */
int start_watch_open(struct start_watch *watch, struct err *err);
void start_watch_close(struct start_watch *watch);
/* Before a start; what was noted before is forgotten. Waits for the disk of @data_dir. */
int start_watch_arm(const struct start_watch *watch, const char *data_dir, struct err *err);
/* After its end. Waits for nothing. */
bool start_watch_take(const struct start_watch *watch);

#endif /* SUPERVISOR_START_WATCH_H_ */
