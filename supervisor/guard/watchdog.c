/* supervisor/guard/watchdog.c - speaks the kernel's watchdog interface, or to a FIFO in its place.
 *
 * A FIFO takes the same bytes, one for each feed and 'V' before the close, and no ioctl: whoever
 * reads it plays the device. That is how it is tested where there is none. */
#include "supervisor/guard/watchdog.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/watchdog.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/must.h"

#define NS_PER_SECOND UINT64_C(1000000000)
#define FEEDS_PER_TIMEOUT 3

/* Safe sums: what comes from outside may be anything. */
bool watchdog_fits(const struct watchdog *dog, uint64_t now_ns, uint64_t deadline_ns)
{
    uint64_t left_ns = deadline_ns > now_ns ? deadline_ns - now_ns : 0;
    return dog->timeout_ns <= left_ns && dog->margin_ns <= left_ns - dog->timeout_ns;
}

uint64_t watchdog_next_ns(const struct watchdog *dog, uint64_t now_ns, uint64_t deadline_ns)
{
    if (dog->fd < 0 || !watchdog_fits(dog, now_ns, deadline_ns)) {
        return WATCHDOG_NEVER;
    }
    uint64_t latest = deadline_ns - dog->timeout_ns - dog->margin_ns;
    if (dog->last_ns != 0 && latest <= dog->last_ns) {
        return WATCHDOG_NEVER;
    }
    if (dog->last_ns == 0) {
        return now_ns;
    }
    /* The last moment is used too: the machine is not to be reset earlier than it has to be. */
    uint64_t regular = dog->last_ns + dog->timeout_ns / FEEDS_PER_TIMEOUT;
    uint64_t next = regular < latest ? regular : latest;
    return next > now_ns ? next : now_ns;
}

uint64_t watchdog_look_ns(const struct watchdog *dog, uint64_t now_ns)
{
    uint64_t step_ns = dog->timeout_ns / FEEDS_PER_TIMEOUT;
    if (dog->fd < 0 || dog->last_ns == 0 || now_ns < dog->last_ns || step_ns == 0) {
        return WATCHDOG_NEVER;
    }
    return now_ns + step_ns - (now_ns - dog->last_ns) % step_ns;
}

/* The device's own timeout is in whole seconds and may be another than the one asked for. */
static int set_timeout(struct watchdog *dog)
{
    int seconds = (int)(dog->timeout_ns / NS_PER_SECOND);
    if (seconds < 1) {
        return EINVAL;
    }
    if (ioctl(dog->fd, WDIOC_SETTIMEOUT, &seconds) != 0 &&
        ioctl(dog->fd, WDIOC_GETTIMEOUT, &seconds) != 0) {
        return errno;
    }
    uint64_t real_ns = (uint64_t)seconds * NS_PER_SECOND;
    if (seconds < 1 || real_ns > dog->timeout_ns) {
        return ERANGE; /* it would reset the machine too late */
    }
    dog->timeout_ns = real_ns;
    return 0;
}

static bool is_device(const struct watchdog *dog)
{
    struct stat info;
    return fstat(dog->fd, &info) == 0 && S_ISCHR(info.st_mode);
}

int watchdog_arm(struct watchdog *dog)
{
    if (dog->mode == WATCHDOG_OFF || dog->fd >= 0) {
        return 0;
    }
    dog->fd = open(dog->device, O_WRONLY | O_CLOEXEC | O_NONBLOCK);
    if (dog->fd < 0) {
        return errno;
    }
    int error = is_device(dog) ? set_timeout(dog) : 0;
    dog->last_ns = 0;
    if (error != 0) {
        watchdog_disarm(dog);
    }
    return error;
}

int watchdog_retime(struct watchdog *dog, uint64_t timeout_ns, uint64_t margin_ns, uint64_t now_ns)
{
    dog->timeout_ns = timeout_ns;
    dog->margin_ns = margin_ns;
    if (dog->fd < 0) {
        return 0;
    }
    int error = is_device(dog) ? set_timeout(dog) : 0;
    return error != 0 ? error : watchdog_feed(dog, now_ns);
}

int watchdog_feed(struct watchdog *dog, uint64_t now_ns)
{
    MUST(dog->fd >= 0);
    dog->last_ns = now_ns;
    return write(dog->fd, "1", 1) == 1 ? 0 : errno;
}

void watchdog_disarm(struct watchdog *dog)
{
    if (dog->fd < 0) {
        return;
    }
    ssize_t ignored = write(dog->fd, "V", 1); /* the magic close; a device without it resets */
    (void)ignored;
    (void)close(dog->fd);
    dog->fd = -1;
    dog->last_ns = 0;
}

bool watchdog_mode_of(const char *word, enum watchdog_mode *ret_mode)
{
    static const char *const words[] = {
        [WATCHDOG_OFF] = "off",
        [WATCHDOG_AUTOMATIC] = "automatic",
        [WATCHDOG_REQUIRED] = "required",
    };
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (strcmp(word, words[i]) == 0) {
            *ret_mode = (enum watchdog_mode)i;
            return true;
        }
    }
    return false;
}
