/* consensus/net/secret_file.h - the file that makes a node a member: one secret, or two while it is
 * changed; and the keys that come of them.
 *
 * A line is a secret. Empty lines and those that begin with '#' are none. New connections are
 * opened with the first, and both are accepted. The secret itself never leaves this file: TLS gets
 * a key that HKDF-SHA256 has made of it, and a name of that key which says nothing about either. */
#ifndef CONSENSUS_NET_SECRET_FILE_H_
#define CONSENSUS_NET_SECRET_FILE_H_

#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/secret.h"

#define SECRET_KEY_SIZE 32
#define SECRET_KEY_NAME_SIZE 32 /* "pgraft1-" and 16 hexadecimal digits, and the NUL */
#define SECRET_KEYS_MAX 2
#define SECRET_LENGTH_MIN 16

struct secret_key {
    struct secret key;
    char name[SECRET_KEY_NAME_SIZE];
};

struct secret_keys {
    size_t count;
    struct secret_key at[SECRET_KEYS_MAX];
};

/* ERR_NOT_FOUND, ERR_DENIED, ERR_INVALID: nothing in it, too short, too many; the secret is in no
 * message. That others may read the file is appended to @warnings, which may be NULL. */
int secret_file_read(const char *path, struct secret_keys *ret, struct buf *warnings,
                     struct err *err);
/* What stands in such a file; @where is for messages. */
int secret_file_parse(const char *text, size_t size, const char *where, struct secret_keys *ret,
                      struct err *err);
void secret_keys_close(struct secret_keys *keys);

#endif /* CONSENSUS_NET_SECRET_FILE_H_ */
