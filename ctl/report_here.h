/* ctl/report_here.h - what a report tells of this host: its limits and times, the configuration of
 * the node on it, the end of its log. */
#ifndef CTL_REPORT_HERE_H_
#define CTL_REPORT_HERE_H_

#include <stdint.h>

#include "config/config.h"
#include "ctl/bundle.h"

/* @config NULL: of no node. @log_bytes: of each file of the log so many, from its end. */
void report_here(struct bundle *bundle, const struct config *config, uint64_t log_bytes);

#endif /* CTL_REPORT_HERE_H_ */
