/* supervisor/pg_lock.h - the lock files that a PostgreSQL leaves behind when its host dies.
 *
 * A postmaster refuses to start over a lock file whose process is alive. After the host's next
 * start that number is easily another one's, pgraftd's for example, and nobody would ever take the
 * file away. */
#ifndef SUPERVISOR_PG_LOCK_H_
#define SUPERVISOR_PG_LOCK_H_

#include "base/err.h"

/* Remove @path, a postmaster.pid or the lock file of a socket, if it is of the PostgreSQL of
 * @data_dir and its process is none that works in there. What is of somebody else stays. For
 * moments at which nothing of that PostgreSQL runs. */
int pg_lock_clear(const char *path, const char *data_dir, struct err *err);

/* The same for the sockets of @port in all of @socket_dirs, as unix_socket_directories has them;
 * NULL: in those that PostgreSQL has by default. */
int pg_lock_clear_sockets(const char *socket_dirs, unsigned port, const char *data_dir,
                          struct err *err);

#endif /* SUPERVISOR_PG_LOCK_H_ */
