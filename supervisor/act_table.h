/* supervisor/act_table.h - which sequence carries an action out. */
#ifndef SUPERVISOR_ACT_TABLE_H_
#define SUPERVISOR_ACT_TABLE_H_

#include "supervisor/act.h"

/* False: it is done at once by whoever decides, or there is nothing to do. */
bool act_has_sequence(const struct decision *d);
/* act_begin() for the decision of @act's order. */
void act_carry_out(struct act *act);
/* A sequence that only has PostgreSQL read its configuration again, as the order has it. */
void act_reload(struct act *act);
/* A sequence that only looks at the data directory. */
void act_look(struct act *act);

/* Another program works in the data directory meanwhile. */
bool act_is_work_inside(const struct decision *d);
/* The same thing is to be done. */
bool act_is_same(const struct decision *a, const struct decision *b);

#endif /* SUPERVISOR_ACT_TABLE_H_ */
