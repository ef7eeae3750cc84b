/* ctl/random_text.c - the kernel's random bytes in digits. */
#include "ctl/random_text.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "base/must.h"

int random_fill(void *out, size_t size, struct err *err)
{
    unsigned char *at = out;
    size_t got = 0;
    while (got < size) {
        ssize_t more = getrandom(at + got, size - got, 0);
        if (more < 0 && errno != EINTR) {
            return err_errno(err, errno, "random bytes");
        }
        got += more > 0 ? (size_t)more : 0;
    }
    return 0;
}

int random_text(struct buf *out, size_t bytes, struct err *err)
{
    unsigned char drawn[RANDOM_BYTES_MAX];
    MUST(bytes <= sizeof(drawn));
    int code = random_fill(drawn, bytes, err);
    for (size_t i = 0; code == 0 && i < bytes; i++) {
        buf_printf(out, "%02x", (unsigned)drawn[i]);
    }
    explicit_bzero(drawn, sizeof(drawn));
    return code;
}
