/* ctl/prompt.h - a question on the terminal, as patronictl asks it. */
#ifndef CTL_PROMPT_H_
#define CTL_PROMPT_H_

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/secret.h"

/* "Primary [n1]: "; nothing but a line break is @preset, which may be "". The end of the input is
 * ERR_REFUSED. */
int prompt_text(const char *question, const char *preset, struct buf *ret_answer, struct err *err);
/* "... [y/N]: ". *ret_yes: whether it was confirmed; the end of the input is a no. */
int prompt_confirm(const char *question, bool *ret_yes, struct err *err);
/* A line that is not shown while it is typed: from the terminal, also where the standard input is
 * something else; from that where there is no terminal. The question goes to stderr. The end of the
 * input is ERR_REFUSED. */
int prompt_secret(const char *question, struct secret *ret_secret, struct err *err);

#endif /* CTL_PROMPT_H_ */
