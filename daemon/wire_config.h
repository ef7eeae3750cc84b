/* daemon/wire_config.h - the setup that the supervisor goes by, made anew whenever the key `config`
 * or this node's file changes.
 *
 *   bootstrap.dcs (a guess) --> the key --> ... each a generation: a setup and all that it points
 * to
 *
 * A generation goes away when the supervisor reads it no more. What is wrong in the key is said,
 * line by line, and the last good generation stays.
 *
 * One thread: the loop's. */
#ifndef DAEMON_WIRE_CONFIG_H_
#define DAEMON_WIRE_CONFIG_H_

#include "config/config.h"
#include "daemon/wire_pg.h"
#include "supervisor/supervisor.h"

struct wire_generation;

struct wire_config {
    const struct config *config;
    struct supervisor *supervisor;
    struct wire_generation *newest; /* and those before it that are still read */
    struct buf text;                /* of the key, the last good one */
    bool is_known;                  /* there was one */
    uint64_t revision;              /* that was looked at last */
};

/* @config outlives it; it changes only by config_take_over() with wire_config_reload() behind. */
int wire_config_open(struct wire_config *w, const struct config *config, struct err *err);
/* The newest. */
const struct pg_setup *wire_config_setup(const struct wire_config *w);
/* What the nodes share, in the version that the newest goes by: read, and as text; NULL: nothing.
 */
const struct config *wire_config_dynamic(const struct wire_config *w);
const char *wire_config_text(const struct wire_config *w);
/* wire_pg_note() of it. */
void wire_config_note(struct wire_config *w, struct pgraft_settings *settings);
/* From now on @supervisor is told; before supervisor_open(). */
void wire_config_serve(struct wire_config *w, struct supervisor *supervisor);
/* The configuration was taken over from @old, which has its former values now: they are kept for as
 * long as something points to them, and @old is empty then. */
void wire_config_reload(struct wire_config *w, struct config *old);
/* When nobody reads any of it any more. A zeroed one is closed. */
void wire_config_close(struct wire_config *w);

#endif /* DAEMON_WIRE_CONFIG_H_ */
