/* ctl/founded.h - what `recover` and `snapshot restore` say in the same words. */
#ifndef CTL_FOUNDED_H_
#define CTL_FOUNDED_H_

#include <stdint.h>

#include "base/err.h"
#include "consensus/machine.h"
#include "storage/batch.h"

/* A cluster's id as it is shown everywhere. */
#define FOUNDED_ID_SIZE (2 * CLUSTER_ID_SIZE + 1)
const char *founded_id(const uint8_t id[CLUSTER_ID_SIZE], char out[FOUNDED_ID_SIZE]);
/* One that no other cluster has. */
int founded_draw(uint8_t id[CLUSTER_ID_SIZE], struct err *err);
/* For CLEANUP(). */
void founded_machinep(struct machine **machine);

#endif /* CTL_FOUNDED_H_ */
