/* daemon/prom.h - Prometheus's text format as it is written, straight into a buffer.
 *
 *     # HELP pgraft_term Term of the raft.
 *     # TYPE pgraft_term gauge
 *     pgraft_term{scope="demo",name="pg1"} 7
 *
 * A name has one head, and all its samples follow it. Pure: values are handed in. */
#ifndef DAEMON_PROM_H_
#define DAEMON_PROM_H_

#include <stdint.h>

#include "base/buf.h"

struct prom {
    struct buf *out;
    const char *labels; /* of every sample, as prom_label() has written them */
};

/* What one name has in its head. */
struct prom_head {
    const char *name;
    const char *type; /* "gauge", "counter", "histogram" */
    const char *help;
    const char *values; /* what its numbers stand for, as a comment; NULL: they are numbers */
};

/* Append NAME="VALUE" to labels, escaped. */
void prom_label(struct buf *labels, const char *name, const char *value);

void prom_put_head(const struct prom *p, const struct prom_head *head);
void prom_put_sample(const struct prom *p, const char *name, int64_t value);
void prom_put_unsigned(const struct prom *p, const char *name, uint64_t value);
/* In seconds. */
void prom_put_us(const struct prom *p, const char *name, uint64_t us);
/* The same, of one of several things: a label of its own says which. */
void prom_put_sample_of(const struct prom *p, const char *name, const char *label, const char *of,
                        int64_t value);
void prom_put_us_of(const struct prom *p, const char *name, const char *label, const char *of,
                    uint64_t us);

#endif /* DAEMON_PROM_H_ */
