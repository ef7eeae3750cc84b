/* daemon/patroni_schedule.h - the time of a command that is to be carried out later. Pure; statuses
 * and texts are Patroni's. */
#ifndef DAEMON_PATRONI_SCHEDULE_H_
#define DAEMON_PATRONI_SCHEDULE_H_

#include <stddef.h>
#include <stdint.h>

#include "base/when.h"

/* @text: as it was sent; NULL: it was no text. 0, or the status of a refusal, and @why. */
unsigned schedule_judge(const char *text, const char *action, uint64_t wall_ms,
                        char at[WHEN_TEXT_SIZE], char *why, size_t why_size);

#endif /* DAEMON_PATRONI_SCHEDULE_H_ */
