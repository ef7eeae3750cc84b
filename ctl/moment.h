/* ctl/moment.h - when a command is to be carried out: now, or at a time that a person gives. */
#ifndef CTL_MOMENT_H_
#define CTL_MOMENT_H_

#include "base/err.h"
#include "base/when.h"

/* "now": @at is "". A time without a zone is one of the zone of here. */
int moment_take(const char *text, char at[WHEN_TEXT_SIZE], struct err *err);
/* On the terminal, as patronictl asks; @action: "switchover". */
int moment_ask(const char *action, char at[WHEN_TEXT_SIZE], struct err *err);

#endif /* CTL_MOMENT_H_ */
