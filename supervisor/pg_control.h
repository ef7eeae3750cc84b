/* supervisor/pg_control.h - what PostgreSQL's control file says of its own state.
 *
 * A pure parser of the file's bytes, for PostgreSQL 13 to 18 on 64-bit machines: no I/O. It
 * believes nothing whose checksum is wrong: the file is written in place, and a reader may meet
 * half of it. */
#ifndef SUPERVISOR_PG_CONTROL_H_
#define SUPERVISOR_PG_CONTROL_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* So many bytes from the file's beginning are enough. */
#define PG_CONTROL_BYTES 512

/* PostgreSQL's own numbers (DBState). */
enum pg_control_state {
    PG_CONTROL_STARTUP = 0,
    PG_CONTROL_SHUT_DOWN = 1,
    PG_CONTROL_SHUT_DOWN_IN_RECOVERY = 2,
    PG_CONTROL_SHUTTING_DOWN = 3,
    PG_CONTROL_CRASH_RECOVERY = 4,
    PG_CONTROL_ARCHIVE_RECOVERY = 5,
    PG_CONTROL_IN_PRODUCTION = 6, /* out of recovery; also what a primary that crashed leaves */
};

struct pg_control {
    uint64_t system_id;
    uint32_t version;         /* of the file's layout: 1300, 1700, 1800 */
    uint32_t catalog_version; /* tells the major version */
    uint32_t state;           /* enum pg_control_state */
    uint32_t timeline;        /* the newest that it knows of */
    uint64_t checkpoint_lsn;
    uint64_t redo_lsn;
    uint64_t min_recovery_lsn; /* 0 unless it has to replay so far to be consistent */
    uint32_t mark;             /* another number after each change of the file */
};

enum pg_control_error {
    PG_CONTROL_OK = 0,
    PG_CONTROL_SHORT,   /* too few bytes */
    PG_CONTROL_UNKNOWN, /* the layout of a PostgreSQL that this program does not know */
    PG_CONTROL_TORN,    /* wrong checksum: being written, or damaged; read it again */
};

enum pg_control_error pg_control_parse(const void *bytes, size_t size,
                                       struct pg_control *ret_control);
/* "in archive recovery", as pg_controldata says it. */
const char *pg_control_state_text(uint32_t state);
const char *pg_control_error_text(enum pg_control_error error);

#endif /* SUPERVISOR_PG_CONTROL_H_ */
