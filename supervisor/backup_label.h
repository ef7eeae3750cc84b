/* supervisor/backup_label.h - where the recovery of a restored backup begins, by the file that says
 * so. Pure. */
#ifndef SUPERVISOR_BACKUP_LABEL_H_
#define SUPERVISOR_BACKUP_LABEL_H_

#include <stdbool.h>
#include <stdint.h>

#define BACKUP_LABEL_FILE "backup_label"

struct backup_label {
    uint64_t start_lsn; /* the first byte of WAL that it needs */
    uint32_t timeline;
};

/* False: @text is no such file, of PostgreSQL 11 or later. */
bool backup_label_parse(const char *text, struct backup_label *ret_label);

#endif /* SUPERVISOR_BACKUP_LABEL_H_ */
