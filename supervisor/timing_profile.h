/* supervisor/timing_profile.h - one knob for all times: how fast is a failover?
 *
 * Pure (safety A5). From `failover`, `lease_ms` and Patroni's `ttl` to the lease, and from the
 * lease to everything that hangs on it; with the sentences that the log and `config explain` show.
 * The lease is the smaller of what the file's ttl and the profile say, for every Patroni file in
 * the world says ttl: 30. */
#ifndef SUPERVISOR_TIMING_PROFILE_H_
#define SUPERVISOR_TIMING_PROFILE_H_

#include "supervisor/facts.h"

enum failover_profile { FAILOVER_UNSET, FAILOVER_FAST, FAILOVER_BALANCED, FAILOVER_PATIENT };

/* 0: not set, or not measured. */
struct timing_wish {
    enum failover_profile profile;
    uint64_t lease_ms;
    uint64_t ttl_s;
    uint64_t heartbeat_ms; /* of the store, as it runs: what a lease has to outlast */
    uint64_t election_timeout_ms;
};

#define TIMING_SENTENCE_SIZE 256

struct timing_result {
    struct supervisor_times times;
    char sentence[TIMING_SENTENCE_SIZE]; /* where the lease comes from */
    char warning[TIMING_SENTENCE_SIZE];  /* "": it is as long as was asked for */
};

struct timing_result timing_from(const struct timing_wish *wish);

/* The times of a node under a lease that was granted with @lease_ms. A changed configuration takes
 * effect with the next grant: until then what hangs on the lease goes by the one that stands, not
 * by what is configured. @times: those that are; their beats are the store's, and stay. */
struct supervisor_times timing_for_lease(const struct supervisor_times *times, uint64_t lease_ms);

/* The machine's watchdog under a lease: how long the machine lives after a feed, and how long
 * before the lease's end that is over. @safety_margin_s is Patroni's: -1 is half of the lease. Both
 * together leave a fifth of the lease for the way of a keep-alive, if need be at the margin's cost:
 * a device's timeout is of whole seconds. */
struct timing_watchdog {
    uint64_t timeout_ms;
    uint64_t margin_ms;
};
struct timing_watchdog timing_watchdog(uint64_t lease_ms, int64_t safety_margin_s);

/* "fast", "balanced", "patient"; false: another word. */
bool timing_profile_parse(const char *text, enum failover_profile *ret);

#endif /* SUPERVISOR_TIMING_PROFILE_H_ */
