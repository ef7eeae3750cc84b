/* ctl/switch_answer.h - what a node's answer to a wish for a switchover or a failover, or for the
 * end of one, means: done, nothing was begun, or nobody knows. Pure. */
#ifndef CTL_SWITCH_ANSWER_H_
#define CTL_SWITCH_ANSWER_H_

#include <stdbool.h>

/* 0: done, or scheduled. ERR_REFUSED: it is not, and nothing comes of it. ERR_NO_QUORUM: the same,
 * for the wish could not be written. ERR_TIMEOUT: something was begun, perhaps. @had_quorum: as the
 * node said before. */
int switch_answer_code(int status, const char *text, bool had_quorum);

#endif /* CTL_SWITCH_ANSWER_H_ */
