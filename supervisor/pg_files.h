/* supervisor/pg_files.h - the files that PostgreSQL is run by, as they have to be.
 *
 * Each function makes one file so, durably, and says whether it had to; the second call does
 * nothing. The user's own postgresql.conf is kept: at the first time it becomes
 * postgresql.base.conf, which ours includes. A clone brings the files of the node that it was
 * copied from, if they stand in its data directory; what it does not bring is restored from copies
 * that stand there. */
#ifndef SUPERVISOR_PG_FILES_H_
#define SUPERVISOR_PG_FILES_H_

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "supervisor/pg_settings.h"

#define PG_FILES_BASE "postgresql.base.conf"
#define PG_FILES_BEFORE                                                       \
    "postgresql.conf.before-pgraft" /* somebody else's that ours has replaced \
                                     */
#define PG_FILES_BACKUP ".backup"   /* in the data directory, of files of the configuration */

struct pg_files {
    const char *data_dir;
    const char *config_dir;  /* where postgresql.conf is; NULL: in the data directory */
    const char *custom_conf; /* included in place of postgresql.base.conf; or NULL */
};

/* postgresql.conf. */
int pg_files_put_settings(const struct pg_files *files, const struct pg_settings *settings,
                          bool *ret_changed, struct err *err);

/* postgresql.conf is again what it was before ours: that of whoever looked after this PostgreSQL,
 * or the user's own. */
int pg_files_give_back(const struct pg_files *files, struct err *err);

/* pg_hba.conf and pg_ident.conf. @count 0: nothing was said, the file stays as it is. */
int pg_files_put_hba(const struct pg_files *files, const char *const *lines, size_t count,
                     bool *ret_changed, struct err *err);
int pg_files_put_ident(const struct pg_files *files, const char *const *lines, size_t count,
                       bool *ret_changed, struct err *err);

/* Take what is ours out of postgresql.auto.conf: what ALTER SYSTEM has set there would win over
 * postgresql.conf, over the fence too. While PostgreSQL runs it writes that file itself: what
 * somebody sets with ALTER SYSTEM in the very milliseconds of this may be lost, so nothing is
 * written where nothing is ours. */
int pg_files_clean_auto(const struct pg_files *files, bool *ret_changed, struct err *err);

/* ... and by what a restored directory was to recover. */
int pg_files_clean_recovery(const struct pg_files *files, struct err *err);

/* A password file at @path, 0600, with the directory above it made if it is missing. */
int pg_files_put_passfile(const char *path, const struct buf *text, bool *ret_changed,
                          struct err *err);

/* standby.signal is there and durable (safety B3), recovery.signal is not; or neither is. */
int pg_files_put_standby_signal(const struct pg_files *files, struct err *err);
int pg_files_remove_signals(const struct pg_files *files, struct err *err);

/* Copies of the user's base file, pg_hba.conf and pg_ident.conf into the data directory, where a
 * clone finds them. */
int pg_files_backup(const struct pg_files *files, bool *ret_changed, struct err *err);
/* After a clone: what is missing comes from those copies; what has none is made: empty, but
 * pg_hba.conf, which is an error. */
int pg_files_restore(const struct pg_files *files, bool *ret_changed, struct err *err);

#endif /* SUPERVISOR_PG_FILES_H_ */
