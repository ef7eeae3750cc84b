/* base/secret.c - pages of their own for bytes that must not be seen.
 *
 * Whole pages, because that is the grain at which the kernel leaves memory out of a core dump, and
 * because nothing else is then wiped or kept out with it. */
#include "base/secret.h"

#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/must.h"

#define SECRET_SIZE_MAX ((size_t)1024 * 1024)

static size_t whole_pages(size_t size)
{
    long page = sysconf(_SC_PAGESIZE);
    MUST(page > 0);
    return (size + (size_t)page - 1) / (size_t)page * (size_t)page;
}

void secret_set(struct secret *s, const void *bytes, size_t size)
{
    MUST(size <= SECRET_SIZE_MAX); /* who reads it from outside sets a far lower limit */
    struct secret next = {0};
    if (size > 0) {
        next.mapped = whole_pages(size + 1);
        next.hidden =
            mmap(NULL, next.mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (next.hidden == MAP_FAILED) {
            must_fail("out of memory", __FILE__, __LINE__); /* as in base/mem.h */
        }
        /* A kernel without it leaves the secret in core dumps: no reason to do without a password.
         */
        (void)madvise(next.hidden, next.mapped, MADV_DONTDUMP);
        memcpy(next.hidden, bytes, size); /* the NUL is there: the pages came zeroed */
        next.size = size;
    }
    secret_close(s); /* only now: @bytes may be its own */
    *s = next;
}

bool secret_is_set(const struct secret *s)
{
    return s->size > 0;
}

size_t secret_size(const struct secret *s)
{
    return s->size;
}

const char *secret_reveal(const struct secret *s)
{
    return s->size > 0 ? s->hidden : "";
}

bool secret_equals(const struct secret *a, const struct secret *b)
{
    if (a->size != b->size) {
        return false; /* a length is no secret */
    }
    volatile unsigned char difference = 0; /* volatile: no leaving early, however clever */
    for (size_t i = 0; i < a->size; i++) {
        difference = (unsigned char)(difference | (a->hidden[i] ^ b->hidden[i]));
    }
    return difference == 0;
}

void secret_close(struct secret *s)
{
    if (s == NULL || s->mapped == 0) {
        return;
    }
    explicit_bzero(s->hidden, s->mapped);
    int rc = munmap(s->hidden, s->mapped);
    MUST(rc == 0);
    *s = (struct secret){0};
}
