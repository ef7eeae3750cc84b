/* config/dynamic_settings.c - the table of what all nodes share: the key `config`. */
#include <stdint.h>

#include "base/must.h"
#include "config/settings.h"

#define AT(member) offsetof(struct config, dynamic.member)
#define CHOICES(...) ((const char *const[]){__VA_ARGS__, NULL})
#define SECOND UINT64_C(1000)
#define DAY (86400 * SECOND)
#define NODES_MAX 16

// clang-format off
const struct setting dynamic_settings[] = {
    {"ttl", SETTING_DURATION, AT(ttl_ms), .fallback = "30s", .min = SECOND, .max = DAY,
     .help = "the lease of the primary is not longer than this; it is the smaller one of this and "
             "what failover says"},
    {"failover", SETTING_CHOICE, AT(failover), .fallback = "default",
     .choices = CHOICES("default", "fast", "balanced", "patient"),
     .help = "how fast the primary is replaced: a lease of 2, 5 or 15 s; the default is balanced"},
    {"lease_ms", SETTING_NUMBER, AT(lease_ms), .fallback = "0", .min = SECOND,
     .max = 3600 * SECOND, .or_zero = true,
     .help = "the lease itself, in milliseconds, in place of failover: 1000 to 3600000; 0: by that"},
    {"loop_wait", SETTING_DURATION, AT(loop_wait_ms), .fallback = "10s", .min = SECOND, .max = DAY,
     .help = "no effect: nothing waits for a loop"},
    {"retry_timeout", SETTING_DURATION, AT(retry_timeout_ms), .fallback = "10s", .min = SECOND,
     .max = DAY,
     .help = "no effect: the lease bounds everything"},
    {"maximum_lag_on_failover", SETTING_SIZE, AT(lag_on_failover_bytes), .fallback = "1048576",
     .max = INT64_MAX,
     .help = "a standby that is further behind is not chosen"},
    {"maximum_lag_on_syncnode", SETTING_INTEGER, AT(lag_on_syncnode_bytes), .fallback = "-1",
     .max = INT64_MAX,
     .help = "a standby that is further behind does not become synchronous; -1: any; accepted, not "
             "used yet"},
    {"check_timeline", SETTING_BOOL, AT(check_timeline), .fallback = "true",
     .help = "a standby of an older timeline is not chosen; Patroni has to be asked for that"},
    {"max_timelines_history", SETTING_NUMBER, AT(max_timelines_history), .fallback = "0",
     .max = 1000000,
     .help = "so many rows of the history are kept; no effect: 100 are"},
    {"synchronous_mode", SETTING_CHOICE, AT(synchronous_mode), .fallback = "off",
     .choices = CHOICES("off", "on", "quorum"),
     .help = "commits wait for standbys: for named ones, or for a number of them"},
    {"synchronous_mode_strict", SETTING_BOOL, AT(synchronous_mode_strict), .fallback = "false",
     .help = "... also when there are none; without it the primary goes on alone then, and nobody "
             "can take over from it until a standby is back"},
    {"synchronous_node_count", SETTING_NUMBER, AT(synchronous_node_count), .fallback = "1",
     .min = 1, .max = NODES_MAX,
     .help = "for so many"},
    {"failsafe_mode", SETTING_BOOL, AT(failsafe_mode), .fallback = "false",
     .help = "a primary that reaches every member goes on without a quorum; accepted, not used "
             "yet"},
    {"pause", SETTING_BOOL, AT(pause), .fallback = "false",
     .help = "nothing changes its role by itself"},
    {"primary_start_timeout", SETTING_DURATION, AT(primary_start_timeout_ms), .fallback = "300s",
     .max = DAY, .alias = "master_start_timeout",
     .help = "how long a primary that crashed may take to start in place, and a new one to recover "
             "before it is primary, where another one could be primary at once; 0: another takes "
             "over at once, if there is one"},
    {"primary_stop_timeout", SETTING_DURATION, AT(primary_stop_timeout_ms), .fallback = "0",
     .max = DAY, .alias = "master_stop_timeout",
     .help = "no effect: the lease bounds a stop"},
    {"primary_race_backoff", SETTING_DURATION, AT(primary_race_backoff_ms), .fallback = "0",
     .max = DAY,
     .help = "no effect: there is no race"},
    {"member_slots_ttl", SETTING_DURATION, AT(member_slots_ttl_ms), .fallback = "30min",
     .max = 365 * DAY,
     .help = "how long the replication slot of a member that is away is kept"},
    {"slots", SETTING_JSON, AT(slots), .alias = "permanent_slots permanent_replication_slots",
     .help = "replication slots that the primary has whoever reads them: physical ones are made, "
             "logical ones are left alone where they are, and made by nobody yet"},
    {"ignore_slots", SETTING_JSON, AT(ignore_slots),
     .help = "replication slots that are left alone"},
    {"standby_cluster", SETTING_JSON, AT(standby_cluster),
     .help = "the whole cluster follows another one, and nobody in it is primary (standby-cluster.md)"},
    {"standby_cluster.host", SETTING_TEXT, AT(standby.host),
     .help = "where its primary listens; several with commas: the one that takes writes"},
    {"standby_cluster.port", SETTING_NUMBER, AT(standby.port), .fallback = "5432", .min = 1,
     .max = 65535,
     .help = "... and at which port"},
    {"standby_cluster.primary_slot_name", SETTING_TEXT, AT(standby.slot),
     .help = "a replication slot that is there, and that somebody else keeps; none without it"},
    {"standby_cluster.restore_command", SETTING_TEXT, AT(standby.restore_command),
     .help = "restore_command of the standby leader, which may do without a host by it"},
    {"standby_cluster.archive_cleanup_command", SETTING_TEXT, AT(standby.cleanup_command),
     .help = "archive_cleanup_command of the standby leader"},
    {"standby_cluster.recovery_min_apply_delay", SETTING_TEXT, AT(standby.delay),
     .help = "how far behind the standby leader replays, as in 5min"},
    {"postgresql.use_slots", SETTING_BOOL, AT(use_slots), .fallback = "true",
     .help = "each member has a replication slot on every node that may become the primary"},
};
// clang-format on

const size_t dynamic_settings_count = ARRAY_LEN(dynamic_settings);
