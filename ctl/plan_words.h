/* ctl/plan_words.h - a plan in words and tables. */
#ifndef CTL_PLAN_WORDS_H_
#define CTL_PLAN_WORDS_H_

#include "base/buf.h"
#include "ctl/output.h"
#include "ctl/plan.h"

/* TSV: the nodes of all layouts. JSON and YAML: everything. */
void plan_print(struct buf *out, enum output_format format, const struct plan *plan);

#endif /* CTL_PLAN_WORDS_H_ */
