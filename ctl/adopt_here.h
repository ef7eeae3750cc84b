/* ctl/adopt_here.h - what there is on this host for a take-over: the data directory, who starts its
 * PostgreSQL, the files. Looks, and changes nothing. */
#ifndef CTL_ADOPT_HERE_H_
#define CTL_ADOPT_HERE_H_

#include <stdbool.h>

#include "base/buf.h"

struct adopt_here {
    bool is_data;       /* a data directory of PostgreSQL, which we may read */
    bool is_noted;      /* it carries a note of pgraft's */
    bool runs;          /* its PostgreSQL */
    bool has_secret;    /* the file is there */
    bool has_output;    /* ... and so is this one, where ours is to be */
    struct buf starter; /* who starts it at boot, and how to end that; "" */
    struct buf why;     /* !is_data: why not */
};

struct adopt_places {
    const char *root; /* what /etc is below; NULL: "/" */
    const char *data_dir;
    const char *secret_file;
    const char *output;
    const char *file; /* Patroni's, after which its unit may be named */
};

void adopt_look(const struct adopt_places *places, struct adopt_here *out);
/* For CLEANUP(). */
void adopt_here_close(struct adopt_here *here);

#endif /* CTL_ADOPT_HERE_H_ */
