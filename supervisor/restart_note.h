/* supervisor/restart_note.h - a restart that is for later, in a file beside the store.
 *
 * So that it is not forgotten when this program becomes another one, or ends while PostgreSQL runs
 * on. It is this node's own: no other one, and no store, knows of it but by what this node says. */
#ifndef SUPERVISOR_RESTART_NOTE_H_
#define SUPERVISOR_RESTART_NOTE_H_

#include "base/err.h"
#include "supervisor/restart_order.h"

#define RESTART_NOTE_FILE "restart-later"

/* No file is none. ERR_CORRUPT: it can not be read, and @later is none. */
int restart_note_read(const char *state_dir, struct restart_later *later, struct err *err);
/* Durable. None takes the file away. */
int restart_note_write(const char *state_dir, const struct restart_later *later, struct err *err);

#endif /* SUPERVISOR_RESTART_NOTE_H_ */
