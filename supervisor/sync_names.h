/* supervisor/sync_names.h - names that no standby may have: a commit that waits for one of them
 * waits until pgraftd puts another value in its place. */
#ifndef SUPERVISOR_SYNC_NAMES_H_
#define SUPERVISOR_SYNC_NAMES_H_

#define SYNC_FENCE_NAME "pgraft_fence"     /* safety B2 */
#define SYNC_BETWEEN_NAME "pgraft_between" /* of a step between two values (docs/observe.md) */
#define SYNC_FENCE_VALUE "ANY 1 (" SYNC_FENCE_NAME ")"
#define SYNC_BETWEEN_VALUE "ANY 1 (" SYNC_BETWEEN_NAME ")"

#endif /* SUPERVISOR_SYNC_NAMES_H_ */
