/* supervisor/pg_conninfo.h - how a node is reached: connection strings, passwords, slots, and the
 * line of pg_hba.conf that lets somebody in.
 *
 * Pure texts. A password stands in none of them but that of the password file. */
#ifndef SUPERVISOR_PG_CONNINFO_H_
#define SUPERVISOR_PG_CONNINFO_H_

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

/* What a user of PostgreSQL connects with, as Patroni's `authentication` has it; NULL: not set. */
struct pg_login {
    const char *username;
    const char *password; /* for the password file alone */
    const char *sslmode;
    const char *sslkey;
    const char *sslpassword;
    const char *sslcert;
    const char *sslrootcert;
    const char *sslcrl;
    const char *sslcrldir;      /* since 14 */
    const char *sslnegotiation; /* since 17 */
    const char *gssencmode;
    const char *channel_binding;
};

struct pg_conninfo {
    unsigned major;   /* of the library that reads it; parameters that it has not are left out */
    const char *host; /* a host, several with commas, or the directory of a socket */
    unsigned port;
    const char *database; /* NULL: none, as for replication */
    const char *application_name;
    const char *passfile;
    const char *krbsrvname;
    const char *target_session_attrs;
    const struct pg_login *login;
};

/* Append "host=10.0.0.2 port=5432 user=replicator ...". For replication ssl, GSS and channel
 * binding are asked for as far as they can be had ("prefer") where nothing is said. */
void pg_conninfo_print(const struct pg_conninfo *conninfo, struct buf *out);

/* Append the lines of a password file: every user for every host, so that it does not change with
 * the primary. Logins without a password are left out. */
void pg_passfile_print(const struct pg_login *const *logins, size_t count, struct buf *out);

#define PG_SLOT_SIZE 64

/* The replication slot of a member, named as Patroni names it: "pg-1.Example" becomes
 * "pg_1_example". Returns @out. */
const char *pg_slot_name(const char *member, char out[PG_SLOT_SIZE]);

/* Append the line that allows @username to replicate from @address, "10.0.0.2" or "fd00::2". */
void pg_hba_line(const char *username, const char *address, bool ssl, struct buf *out);

#endif /* SUPERVISOR_PG_CONNINFO_H_ */
