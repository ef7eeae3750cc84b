/* supervisor/config_note.h - the last good value of the key `config`, beside the store.
 *
 * While a node runs it goes on by the last good value, whatever somebody puts there. One that is
 * started while the key is bad knows none, and all may have been. So the value is kept in a file,
 * with the revision that it had and the newest one that the key had while it was the last good one:
 * only if that is the key's revision still, it is known that no good one came in between. */
#ifndef SUPERVISOR_CONFIG_NOTE_H_
#define SUPERVISOR_CONFIG_NOTE_H_

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

#define CONFIG_NOTE_FILE "config-good"

struct config_note {
    uint64_t revision; /* of @text; 0: there is none */
    uint64_t seen;     /* the key's newest, @revision or that of a bad one since */
    struct buf text;
};

/* Accepts a zeroed one. */
void config_note_close(struct config_note *note);
/* No file is a note of nothing. ERR_CORRUPT: it can not be read, and @note is one of nothing. */
int config_note_read(const char *state_dir, struct config_note *note, struct err *err);
/* Durable. */
int config_note_write(const char *state_dir, const struct config_note *note, struct err *err);
/* It is the last good value before the bad one of @revision. */
bool config_note_fits(const struct config_note *note, uint64_t revision);

#endif /* SUPERVISOR_CONFIG_NOTE_H_ */
