/* supervisor/pg_names.c - parameters that came or went between PostgreSQL 13 and 18. */
#include "supervisor/pg_names.h"

#include <string.h>

#include "base/must.h"
#include "base/nearest.h"

/* Those that can be set. @until: the first version without it, 0: none yet. */
// clang-format off
static const struct {
    const char *name;
    unsigned since;
    unsigned until;
} moved[] = {
    {"allow_alter_system", 17, 0},
    {"archive_library", 15, 0}, {"autovacuum_vacuum_max_threshold", 18, 0},
    {"autovacuum_worker_slots", 18, 0}, {"client_connection_check_interval", 14, 0},
    {"commit_timestamp_buffers", 17, 0}, {"compute_query_id", 14, 0},
    {"createrole_self_grant", 16, 0}, {"db_user_namespace", 0, 17},
    {"debug_discard_caches", 14, 0}, {"debug_io_direct", 16, 0},
    {"debug_logical_replication_streaming", 16, 0}, {"debug_parallel_query", 16, 0},
    {"default_toast_compression", 14, 0}, {"enable_async_append", 14, 0},
    {"enable_distinct_reordering", 18, 0}, {"enable_group_by_reordering", 17, 0},
    {"enable_memoize", 14, 0}, {"enable_presorted_aggregate", 16, 0},
    {"enable_self_join_elimination", 18, 0}, {"event_triggers", 17, 0},
    {"extension_control_path", 18, 0}, {"file_copy_method", 18, 0},
    {"force_parallel_mode", 0, 16}, {"gss_accept_delegation", 16, 0},
    {"huge_page_size", 14, 0}, {"icu_validation_level", 16, 0},
    {"idle_replication_slot_timeout", 18, 0}, {"idle_session_timeout", 14, 0},
    {"io_combine_limit", 17, 0}, {"io_max_combine_limit", 18, 0},
    {"io_max_concurrency", 18, 0}, {"io_method", 18, 0}, {"io_workers", 18, 0},
    {"log_lock_failures", 18, 0}, {"log_recovery_conflict_waits", 14, 0},
    {"log_startup_progress_interval", 15, 0}, {"max_active_replication_origins", 18, 0},
    {"max_notify_queue_pages", 17, 0}, {"max_parallel_apply_workers_per_subscription", 16, 0},
    {"md5_password_warnings", 18, 0}, {"min_dynamic_shared_memory", 14, 0},
    {"multixact_member_buffers", 17, 0}, {"multixact_offset_buffers", 17, 0},
    {"notify_buffers", 17, 0}, {"oauth_validator_libraries", 18, 0},
    {"old_snapshot_threshold", 0, 17}, {"operator_precedence_warning", 0, 14},
    {"promote_trigger_file", 0, 16}, {"recovery_init_sync_method", 14, 0},
    {"recovery_prefetch", 15, 0}, {"recursive_worktable_factor", 15, 0},
    {"remove_temp_files_after_crash", 14, 0}, {"reserved_connections", 16, 0},
    {"scram_iterations", 16, 0}, {"send_abort_for_crash", 16, 0},
    {"send_abort_for_kill", 16, 0}, {"serializable_buffers", 17, 0},
    {"ssl_crl_dir", 14, 0}, {"ssl_ecdh_curve", 0, 18}, {"ssl_groups", 18, 0},
    {"ssl_tls13_ciphers", 18, 0}, {"stats_fetch_consistency", 15, 0},
    {"stats_temp_directory", 0, 15}, {"subtransaction_buffers", 17, 0},
    {"summarize_wal", 17, 0}, {"sync_replication_slots", 17, 0},
    {"synchronized_standby_slots", 17, 0}, {"trace_connection_negotiation", 17, 0},
    {"trace_recovery_messages", 0, 17}, {"track_cost_delay_timing", 18, 0},
    {"track_wal_io_timing", 14, 0}, {"transaction_buffers", 17, 0},
    {"transaction_timeout", 17, 0}, {"vacuum_buffer_usage_limit", 16, 0},
    {"vacuum_cleanup_index_scale_factor", 0, 14}, {"vacuum_defer_cleanup_age", 0, 16},
    {"vacuum_failsafe_age", 14, 0}, {"vacuum_max_eager_freeze_failure_rate", 18, 0},
    {"vacuum_multixact_failsafe_age", 14, 0}, {"vacuum_truncate", 18, 0},
    {"wal_decode_buffer_size", 15, 0}, {"wal_keep_segments", 0, 13},
    {"wal_summary_keep_time", 17, 0},
};

/* The same thing under another name, which older files still have. */
static const struct {
    const char *old;
    const char *new;
    unsigned since;
} renamed[] = {
    {"force_parallel_mode", "debug_parallel_query", 16},
    {"ssl_ecdh_curve", "ssl_groups", 18},
    {"wal_keep_segments", "wal_keep_size", 13}, /* with another unit: pg_settings.c converts it */
};
// clang-format on

static bool is_name(const char *name)
{
    static const char first[] = "abcdefghijklmnopqrstuvwxyz_";
    static const char inside[] = "abcdefghijklmnopqrstuvwxyz_0123456789$.";
    size_t size = strlen(name);
    return size > 0 && size < 64 && strchr(first, name[0]) != NULL &&
           strspn(name, inside) == size && name[size - 1] != '.' && strstr(name, "..") == NULL;
}

enum pg_name pg_name_check(const char *name, unsigned major, const struct pg_known *known,
                           unsigned *ret_since)
{
    *ret_since = 0;
    if (!is_name(name)) {
        return PG_NAME_WRONG;
    }
    if (strchr(name, '.') != NULL) {
        return PG_NAME_FINE;
    }
    for (size_t i = 0; known != NULL && i < known->count; i++) {
        if (strcmp(known->at[i], name) == 0) {
            return PG_NAME_FINE;
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(moved); i++) {
        bool newer = moved[i].since > major;
        bool gone = moved[i].until != 0 && moved[i].until <= major;
        if (strcmp(moved[i].name, name) == 0 && (newer || gone)) {
            *ret_since = newer ? moved[i].since : moved[i].until;
            return newer ? PG_NAME_NEWER : PG_NAME_GONE;
        }
    }
    return known != NULL ? PG_NAME_NONE : PG_NAME_FINE;
}

const char *pg_name_in(const char *name, unsigned major)
{
    for (size_t i = 0; i < ARRAY_LEN(renamed); i++) {
        if (strcmp(renamed[i].old, name) == 0 && major >= renamed[i].since) {
            return renamed[i].new;
        }
        if (strcmp(renamed[i].new, name) == 0 && major < renamed[i].since) {
            return renamed[i].old;
        }
    }
    return name;
}

const char *pg_name_guess(const char *name, const struct pg_known *known)
{
    return known != NULL ? nearest(name, known->at, known->count) : NULL;
}
