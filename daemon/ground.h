/* daemon/ground.h - what a node stands on: the directory of its store, the addresses of its
 * host.
 */
#ifndef DAEMON_GROUND_H_
#define DAEMON_GROUND_H_

#include "base/buf.h"
#include "base/err.h"

/* Make @path and the directories above it that are missing, for their owner only; 0: this process
 * can use it. */
int ground_make_dir(const char *path, struct err *err);

/* Append @address for bind(): a host of "*" becomes [::], which takes IPv4 as well, or 0.0.0.0
 * where the kernel has no IPv6. */
void ground_listen(const char *address, struct buf *out);

#endif /* DAEMON_GROUND_H_ */
