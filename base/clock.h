/* base/clock.h - time as something that is handed in.
 *
 * Three clocks, for three questions, never mixed:
 *   mono  how long did it take?  timers and deadlines inside one process; stands still in suspend
 *   boot  may I still?           leases (safety A1): counts suspend too, so a node that slept knows
 *   wall  when was it?           for people: log lines and stamps; jumps at will, decides nothing
 *
 * Code that decides takes a time as an argument or a `struct clock *`; only programs call
 * clock_system(). */
#ifndef BASE_CLOCK_H_
#define BASE_CLOCK_H_

#include <stdint.h>

#define NS_PER_MS UINT64_C(1000000)
#define NS_PER_S UINT64_C(1000000000)
#define MS_PER_S UINT64_C(1000)

enum clock_kind { CLOCK_MONO, CLOCK_BOOT, CLOCK_WALL };

struct clock {
    uint64_t (*now_ns)(const struct clock *clock, enum clock_kind kind);
};

/* The machine's own clocks. */
const struct clock *clock_system(void);

static inline uint64_t clock_ns(const struct clock *clock, enum clock_kind kind)
{
    return clock->now_ns(clock, kind);
}

static inline uint64_t clock_mono_ms(const struct clock *clock)
{
    return clock->now_ns(clock, CLOCK_MONO) / NS_PER_MS;
}

static inline uint64_t clock_boot_ms(const struct clock *clock)
{
    return clock->now_ns(clock, CLOCK_BOOT) / NS_PER_MS;
}

static inline uint64_t clock_wall_ms(const struct clock *clock)
{
    return clock->now_ns(clock, CLOCK_WALL) / NS_PER_MS;
}

/* A clock that stands until it is told: for tests and the simulator. Set the fields, or advance it.
 */
struct clock_manual {
    struct clock clock;
    uint64_t mono_ns;
    uint64_t boot_ns;
    uint64_t wall_ns;
};

void clock_manual_init(struct clock_manual *manual, uint64_t wall_ns);
/* All three move on. */
void clock_manual_advance(struct clock_manual *manual, uint64_t by_ns);
/* The machine sleeps: boot and wall move on, mono stands. */
void clock_manual_suspend(struct clock_manual *manual, uint64_t for_ns);

/* "2026-11-20T22:17:03.412Z" and the NUL. */
#define CLOCK_STAMP_SIZE 32
const char *clock_stamp(uint64_t wall_ns, char out[CLOCK_STAMP_SIZE]);

#endif /* BASE_CLOCK_H_ */
