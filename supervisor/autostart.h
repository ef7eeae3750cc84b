/* supervisor/autostart.h - does the distribution start the PostgreSQL of a data directory by
 * itself, at boot (safety B3)?
 *
 * Looks at files and asks no program: for a thread, or the start of a program. */
#ifndef SUPERVISOR_AUTOSTART_H_
#define SUPERVISOR_AUTOSTART_H_

#include <stdbool.h>

#include "base/buf.h"

/* False: nothing of that kind is there. Else append a sentence for people, with the file that says
 * it and what to do. @root: what /etc and /usr are below; NULL or "": "/". What can not be read
 * says nothing. */
bool autostart_find(const char *root, const char *data_dir, struct buf *out);

#endif /* SUPERVISOR_AUTOSTART_H_ */
