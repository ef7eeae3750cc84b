/* daemon/wire_owner.c - from root to the owner of the data directory: PostgreSQL does not run as
 * root, and neither does what looks after it. */
#include <errno.h>
#include <grp.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "daemon/ground.h"
#include "daemon/wire_pg.h"
#include "supervisor/pg_find.h"

/* @path is there, and his. */
static int give(const char *path, const struct pg_owner *owner, struct err *err)
{
    int code = ground_make_dir(path, err);
    if (code == 0 && chown(path, owner->uid, owner->gid) != 0) {
        code = err_errno(err, errno, "%s can not be given to %s", path, owner->name);
    }
    return code;
}

int wire_pg_become_owner(const struct config *config, struct err *err)
{
    struct pg_owner owner;
    if (geteuid() != 0) {
        return 0;
    }
    int code = pg_find_owner(config->postgresql.data_dir, &owner, err);
    code = code != 0 ? code : give(config->postgresql.data_dir, &owner, err);
    code = code != 0 ? code : give(config->raft.data_dir, &owner, err);
    if (code != 0) {
        return code;
    }
    if (initgroups(owner.name, owner.gid) != 0 || setgid(owner.gid) != 0 ||
        setuid(owner.uid) != 0) {
        return err_errno(err, errno, "become the user %s", owner.name);
    }
    /* libpq, in here and in PostgreSQL, looks there for certificates, and gives a connection up
     * where it may not look. */
    if (setenv("HOME", owner.home, 1) != 0) {
        return err_errno(err, errno, "set HOME");
    }
    log_info("daemon", "runs as the owner of the data", LOG_STR("user", owner.name));
    return 0;
}
