/* supervisor/guard/watchdog.h - the machine's own watchdog, fed only as long as the lease allows
 * it.
 *
 * watch.c says for which lease. It resets the machine when the guard hangs together with pgraftd
 * while this node is primary. Each feed lets the machine live for one timeout more, so none is
 * given that would reach beyond the deadline less the safety margin. While this node is no primary
 * the device is closed. */
#ifndef SUPERVISOR_GUARD_WATCHDOG_H_
#define SUPERVISOR_GUARD_WATCHDOG_H_

#include <stdbool.h>
#include <stdint.h>

enum watchdog_mode { WATCHDOG_OFF, WATCHDOG_AUTOMATIC, WATCHDOG_REQUIRED };

struct watchdog {
    enum watchdog_mode mode;
    const char *device;
    uint64_t timeout_ns; /* a device may make it less */
    uint64_t margin_ns;
    int fd;           /* -1: closed */
    uint64_t last_ns; /* when it was fed last; 0: never */
};

#define WATCHDOG_NEVER UINT64_MAX

/* Whether the machine may be fed now: pure. Where it may not, opening the device would have it
 * reset. */
bool watchdog_fits(const struct watchdog *dog, uint64_t now_ns, uint64_t deadline_ns);
/* When to feed next: pure. WATCHDOG_NEVER: not any more, for this deadline. */
uint64_t watchdog_next_ns(const struct watchdog *dog, uint64_t now_ns, uint64_t deadline_ns);
/* ... and when to ask for the deadline again all the same, it may have been moved since: pure. */
uint64_t watchdog_look_ns(const struct watchdog *dog, uint64_t now_ns);
/* Open, set the timeout. 0: it can be relied on, or is off; else an errno. */
int watchdog_arm(struct watchdog *dog);
/* Another lease is served from now on: an open one gets its timeout, and is fed. 0 or an errno; it
 * can not be relied on then. */
int watchdog_retime(struct watchdog *dog, uint64_t timeout_ns, uint64_t margin_ns, uint64_t now_ns);
/* Feed it; 0 or an errno. */
int watchdog_feed(struct watchdog *dog, uint64_t now_ns);
/* Once nothing of PostgreSQL is left: the machine is to live on without us. */
void watchdog_disarm(struct watchdog *dog);
bool watchdog_mode_of(const char *word, enum watchdog_mode *ret_mode);

#endif /* SUPERVISOR_GUARD_WATCHDOG_H_ */
