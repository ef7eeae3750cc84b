/* base/secret.h - bytes that must not be seen: passwords and keys.
 *
 * The type has no printf conversion and the log knows it only as `***` (LOG_SECRET). The bytes are
 * kept out of core dumps where the kernel allows it and wiped when it is closed. Whoever needs the
 * bytes says so by name: secret_reveal(). A fork()ed child has a copy until it execs. */
#ifndef BASE_SECRET_H_
#define BASE_SECRET_H_

#include <stdbool.h>
#include <stddef.h>

/* A zeroed struct is an empty secret. The fields are nobody's business but secret.c's. */
struct secret {
    char *hidden;
    size_t size;
    size_t mapped;
};

#define SECRET_MASK "***"

/* Copies @bytes, replacing what was there; they are followed by a NUL that does not count. A size
 * of 0 makes it empty. The caller wipes its own copy. */
void secret_set(struct secret *s, const void *bytes, size_t size);
/* It holds at least one byte. */
bool secret_is_set(const struct secret *s);
size_t secret_size(const struct secret *s);
/* The bytes themselves, "" when empty; valid until the secret is set or closed. */
const char *secret_reveal(const struct secret *s);
/* Takes the same time wherever the first difference is; tells lengths apart at once. */
bool secret_equals(const struct secret *a, const struct secret *b);
/* Wipe and free; also right for CLEANUP(secret_close). */
void secret_close(struct secret *s);

#endif /* BASE_SECRET_H_ */
