/* base/redact.h - text that is shown to strangers, without the passwords and keys in it.
 *
 * By the names of things: whatever is called password, secret, token, passphrase and so on has its
 * value replaced by ***, in connection strings, URLs, YAML, JSON, SQL, options of programs and
 * variables; so have private keys, verifiers of passwords and headers of authentication, by their
 * look. What looks like one and is none is lost rather than shown: when in doubt it goes. Where a
 * secret stands alone, under no name, nothing here can know it: who knows its value looks for that
 * itself. Pure. */
#ifndef BASE_REDACT_H_
#define BASE_REDACT_H_

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

#define REDACT_MASK "***"

/* What is called @name is to be seen by nobody: "sslpassword", "repo1-cipher-pass", "PGPASSWORD";
 * but neither "passfile", which is a path, nor "password_encryption". */
bool redact_is_secret(const char *name, size_t size);
/* Append @text so. */
void redact_text(const char *text, struct buf *out);

#endif /* BASE_REDACT_H_ */
