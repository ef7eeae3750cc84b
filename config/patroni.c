/* config/patroni.c - Patroni's keys that are no setting, as a table. */
#include "config/patroni.h"

#include "base/must.h"

/* --- Keys --- */

#define DYNAMIC_POSTGRESQL_KEYS                                                               \
    "use_pg_rewind use_slots recovery_conf parameters parameters_primary parameters_replica " \
    "parameters_standby_leader pg_hba pg_hba_primary pg_hba_replica pg_hba_standby_leader "   \
    "pg_ident pg_ident_primary pg_ident_replica pg_ident_standby_leader bin_dir bin_name "    \
    "callbacks create_replica_method create_replica_methods basebackup rewind custom_conf "   \
    "remove_data_directory_on_rewind_failure remove_data_directory_on_diverged_timelines "    \
    "pre_promote before_stop use_unix_socket use_unix_socket_repl pg_ctl_timeout krbsrvname " \
    "database"

const struct patroni_level patroni_levels[] = {
    {"",
     "thread_pool_size thread_stack_size bootstrap postgresql watchdog tags citus raft restapi "
     "ctl log"},
    {"log",
     "traceback_level format dateformat static_fields max_queue_size "
     "deduplicate_heartbeat_logs"},
    {"restapi", "request_queue_size thread_pool_size"},
    {"bootstrap", "dcs method initdb pg_hba post_bootstrap post_init"},
    {"bootstrap.dcs",
     "ttl loop_wait retry_timeout maximum_lag_on_failover maximum_lag_on_syncnode "
     "max_timelines_history check_timeline primary_start_timeout primary_stop_timeout "
     "master_start_timeout master_stop_timeout primary_race_backoff synchronous_mode "
     "synchronous_mode_strict synchronous_node_count failsafe_mode pause member_slots_ttl slots "
     "permanent_slots permanent_replication_slots ignore_slots standby_cluster postgresql "
     "failover lease_ms"},
    {"bootstrap.dcs.standby_cluster",
     "host port primary_slot_name create_replica_method create_replica_methods restore_command "
     "archive_cleanup_command recovery_min_apply_delay"},
    {"bootstrap.dcs.postgresql", DYNAMIC_POSTGRESQL_KEYS},
    {"postgresql", DYNAMIC_POSTGRESQL_KEYS
     " name listen connect_address proxy_address data_dir config_dir pgpass authentication"},
    {"citus", "group database"},
};

const size_t patroni_levels_count = ARRAY_LEN(patroni_levels);

const char *const patroni_stores[] = {"etcd",      "etcd3",     "consul",
                                      "zookeeper", "exhibitor", "kubernetes"};
const size_t patroni_stores_count = ARRAY_LEN(patroni_stores);

/* --- What is missing --- */

static const struct {
    const char *path;
    const char *help;
} required[] = {
    {"postgresql.listen", "address and port on which PostgreSQL listens"},
    {"postgresql.connect_address", "address and port under which others reach PostgreSQL"},
    {"postgresql.data_dir", "the data directory of PostgreSQL"},
    {"postgresql.authentication.replication.username", "who the standbys connect as"},
};

void patroni_check_postgresql(const struct tree_node *root, struct problems *problems)
{
    const struct tree_node *section = tree_get(root, "postgresql");
    MUST(section != NULL);
    for (size_t i = 0; i < ARRAY_LEN(required); i++) {
        const struct tree_node *node = tree_find(root, required[i].path);
        if (node == NULL || tree_is_null(node)) {
            problems_add(problems, PROBLEM_ERROR, &section->place,
                         "%s: missing: %s; a voter needs it", required[i].path, required[i].help);
        }
    }
}
