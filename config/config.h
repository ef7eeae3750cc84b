/* config/config.h - what a node is told to be: plain values, and where each of them came from.
 *
 * config_load() reads the file (or a directory of files), the environment and the flags, lays each
 * on the one before, and checks everything; what is wrong comes out as a list, all of it at once.
 * Afterwards nothing has to be parsed again: durations are milliseconds, sizes bytes, addresses
 * "host:port". The rows behind it stand in config/settings.c. Knows nothing of the network and of
 * PostgreSQL; reads files only where it says so. */
#ifndef CONFIG_CONFIG_H_
#define CONFIG_CONFIG_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/secret.h"
#include "config/problems.h"

#define CONFIG_FILE_DEFAULT "/etc/pgraft/pgraft.yml"
#define CONFIG_RUN_DIR "/run/pgraft" /* of control sockets */
#define CONFIG_PEERS_MAX 9           /* a cluster has no more voters */
#define CONFIG_PEERS_PORT 7400
#define CONFIG_HTTP_PORT 8008
#define CONFIG_PG_PORT 5432

enum config_role {
    CONFIG_ROLE_UNKNOWN, /* who only looks at a file need not know */
    CONFIG_VOTER,
    CONFIG_WITNESS,
};

enum config_profile { CONFIG_LAN, CONFIG_WAN };
enum config_verify { CONFIG_VERIFY_NONE, CONFIG_VERIFY_OPTIONAL, CONFIG_VERIFY_REQUIRED };
enum config_log_type { CONFIG_LOG_PLAIN, CONFIG_LOG_JSON };
enum config_tokens { CONFIG_TOKENS_ORIGINAL, CONFIG_TOKENS_MINIMAL, CONFIG_TOKENS_PRODUCTONLY };

struct config_list {
    char **at;
    size_t count;
};

/* Peers (name, address), headers, loggers (module, level): in the order in which they came. */
struct config_pairs {
    struct config_pair {
        char *key;
        char *value;
    } * at;
    size_t count;
};

struct config_login {
    char *username;
    struct secret password;
};

/* Text that is not set is NULL. */
struct config_raft {
    char *listen;              /* the host may be "*" */
    char *advertise;           /* always set: the address that peers use */
    char *data_dir;            /* always set */
    struct config_pairs peers; /* name, address; this node is among them */
    char *secret_file;         /* this, or cafile, certfile and keyfile, or insecure */
    char *cafile;
    char *certfile;
    char *keyfile;
    bool insecure;
    char *site;
    bool auto_replace;
    uint64_t replace_after_ms;
    uint64_t max_voters;
    uint64_t quota_bytes; /* what clients may store */
    uint64_t limit_bytes; /* what the store may take on disk */
    int profile;          /* enum config_profile */
    uint64_t election_timeout_ms;
    uint64_t heartbeat_interval_ms;
};

struct config_restapi {
    char *listen; /* NULL: no HTTP */
    char *connect_address;
    struct config_login authentication;
    char *certfile;
    char *keyfile;
    struct secret keyfile_password;
    char *cafile;
    char *ciphers;
    int verify_client; /* enum config_verify */
    struct config_list allowlist;
    bool allowlist_include_members;
    struct config_pairs http_extra_headers;
    struct config_pairs https_extra_headers;
    int server_tokens; /* enum config_tokens */
};

/* What pgraftctl asks with; the socket is the daemon's too. */
struct config_ctl {
    char *socket; /* NULL: config_sockets() says where */
    struct config_login authentication;
    bool insecure;
    char *cacert;
    char *certfile;
    char *keyfile;
    struct secret keyfile_password;
};

struct config_log {
    int type; /* enum config_log_type */
    char *level;
    char *dir; /* NULL: stderr */
    uint64_t mode;
    uint64_t file_size_bytes;
    uint64_t file_num;
    struct config_pairs loggers; /* module, level */
};

/* Who connects to PostgreSQL. */
struct config_user {
    char *username;
    struct secret password;
    char *sslmode;
    char *sslkey;
    struct secret sslpassword;
    char *sslcert;
    char *sslrootcert;
    char *sslcrl;
    char *sslcrldir;
    char *sslnegotiation;
    char *gssencmode;
    char *channel_binding;
};

/* What may differ by role: for all, then for one. */
enum config_for { CONFIG_FOR_ALL, CONFIG_FOR_PRIMARY, CONFIG_FOR_REPLICA, CONFIG_FOR_LEADER };
#define CONFIG_FOR_COUNT 4

/* The names of programs, where they are other ones. */
struct config_programs {
    char *pg_ctl;
    char *initdb;
    char *pg_controldata;
    char *pg_basebackup;
    char *postgres;
    char *pg_isready;
    char *pg_rewind;
};

/* A section of create_replica_methods or of bootstrap.method (config/methods.h). */
struct config_methods {
    struct config_method {
        char *name;
        char *command; /* NULL: only in what has errors */
        struct config_pairs arguments;
        bool no_params;
        bool no_leader;
        bool keep_data;
        char *said_no_leader; /* as written; or NULL */
        char *said_keep_data;
        bool keeps_recovery; /* of a bootstrap: keep_existing_recovery_conf */
        bool has_recovery;   /* ... recovery_conf is there, maybe empty */
        struct config_pairs recovery;
    } * at;
    size_t count;
};

struct config_postgresql {
    char *listen; /* "10.0.0.1,127.0.0.1:5432"; config_listen() takes it apart */
    char *connect_address;
    char *proxy_address;
    char *data_dir;
    char *config_dir; /* set if data_dir is */
    char *bin_dir;    /* NULL: supervisor/pg_find.h looks for it */
    struct config_programs bin_name;
    char *custom_conf;
    char *pgpass; /* set if raft.data_dir is */
    struct config_user superuser;
    struct config_user replication;
    struct config_user rewind_user;
    struct config_pairs parameters[CONFIG_FOR_COUNT];
    struct config_list pg_hba[CONFIG_FOR_COUNT];
    struct config_list pg_ident[CONFIG_FOR_COUNT];
    struct config_pairs recovery_conf;
    struct config_pairs basebackup; /* options of pg_basebackup; the value may be "" */
    struct config_pairs rewind;     /* of pg_rewind */
    struct config_list create_replica_methods;
    struct config_methods methods; /* no row of the table, as those of a bootstrap */
    bool use_pg_rewind;
    bool clone_after_rewind; /* remove_data_directory_on_rewind_failure */
    bool clone_diverged;     /* remove_data_directory_on_diverged_timelines */
    bool use_unix_socket;
    bool use_unix_socket_repl;
    uint64_t pg_ctl_timeout_ms;
    char *krbsrvname;
    char *database;
    char *pre_promote;
    char *before_stop;
    char *on_start;
    char *on_stop;
    char *on_restart;
    char *on_reload;
    char *on_role_change;
};

/* Users that a new cluster gets beside those. */
struct config_accounts {
    struct config_account {
        char *name;
        struct secret password;
        char *options; /* "CREATEDB, CREATEROLE"; may be "" */
    } * at;
    size_t count;
};

struct config_bootstrap {
    char *dcs; /* the first value of the key `config`, as JSON */
    char *method;
    struct config_methods methods; /* the one that @method names; none: initdb */
    struct config_pairs initdb;    /* options */
    struct config_list pg_hba;
    char *post_bootstrap;
    struct config_accounts users;
};

enum config_watchdog_mode {
    CONFIG_WATCHDOG_OFF,
    CONFIG_WATCHDOG_AUTOMATIC,
    CONFIG_WATCHDOG_REQUIRED
};

struct config_watchdog {
    int mode; /* enum config_watchdog_mode */
    char *device;
    int64_t safety_margin_s; /* -1: half of what there is */
    char *driver;
};

/* What all nodes share: the key `config`, see config/dynamic.h. */
struct config_dynamic {
    uint64_t ttl_ms;
    uint64_t loop_wait_ms;
    uint64_t retry_timeout_ms;
    int failover;      /* enum failover_profile */
    uint64_t lease_ms; /* 0: by `failover` */
    uint64_t lag_on_failover_bytes;
    int64_t lag_on_syncnode_bytes; /* -1: any */
    uint64_t max_timelines_history;
    bool check_timeline;
    uint64_t primary_start_timeout_ms;
    uint64_t primary_stop_timeout_ms;
    uint64_t primary_race_backoff_ms;
    int synchronous_mode; /* 0 off, 1 on, 2 quorum */
    bool synchronous_mode_strict;
    uint64_t synchronous_node_count;
    bool failsafe_mode;
    bool pause;
    uint64_t member_slots_ttl_ms;
    bool use_slots;
    char *slots; /* these three as JSON */
    char *ignore_slots;
    char *standby_cluster;
    struct {        /* what stands in it */
        char *host; /* several with commas */
        uint64_t port;
        char *slot;
        char *restore_command;
        char *cleanup_command;
        char *delay;
    } standby;
};

enum config_origin_kind {
    CONFIG_UNSET,
    CONFIG_DEFAULT,
    CONFIG_DERIVED, /* from other settings, as the row says */
    CONFIG_GIVEN,   /* in a file, a variable or a flag */
};

/* What another source said, which counts less. */
struct config_hidden {
    char *value; /* NULL: a secret, or no single value */
    char *source;
    unsigned line;
};

/* Where a value came from. */
struct config_origin {
    enum config_origin_kind kind;
    char *source;  /* of CONFIG_GIVEN: a file, "PGRAFT_SCOPE", "--scope" */
    unsigned line; /* 0: the source has no lines */
    unsigned column;
    struct config_hidden *hidden; /* of CONFIG_GIVEN: what it hides, the nearest first */
    size_t hidden_count;
};

#define CONFIG_ROWS_MAX 192

struct config {
    enum config_role role;
    char *scope;
    char *namespace_path; /* begins and ends with "/" */
    char *name;
    bool has_postgresql; /* a section of this name is there and not empty */
    struct config_raft raft;
    struct config_restapi restapi;
    struct config_ctl ctl;
    struct config_log log;
    struct config_postgresql postgresql;
    struct config_bootstrap bootstrap;
    struct config_pairs tags; /* as written; config_tags() says what they mean */
    struct config_watchdog watchdog;
    struct config_dynamic dynamic;                 /* only in what config_dynamic_load() has made */
    struct config_origin origins[CONFIG_ROWS_MAX]; /* in the order of the rows */
};

struct config_flag {
    const char *name; /* "data-dir" */
    const char *value;
};

struct config_input {
    enum config_role role;
    bool guess_role;  /* of an unknown one: who has a section for PostgreSQL is a voter */
    const char *path; /* a file or a directory; NULL: PGRAFT_CONFIGURATION, or the default file if
                         there is one */
    const char *const *environment; /* "NAME=value", NULL at the end; may be NULL */
    const struct config_flag *flags;
    size_t flag_count;
};

/* Fill @out, which is zeroed or closed, and add what is wrong to @problems. ERR_INVALID: there is
 * an error among them; @out then holds what could be read (enough for pgraftctl to find its node),
 * and is to be closed all the same. Reads the configuration itself and no other file. */
int config_load(const struct config_input *input, struct config *out, struct problems *problems);
/* Look at the files that a valid configuration names, as the user who will run the node: are they
 * there, readable, and private where they have to be? */
void config_check_files(const struct config *config, struct problems *problems);
/* Also right for CLEANUP(). */
void config_close(struct config *config);

/* Append "pg1=10.0.0.1:7400,pg2=..." for form_list_parse(). */
void config_peers_text(const struct config *config, struct buf *out);

/* Where the control socket is: the first that can be made (pgraftd) or is there (pgraftctl). Given
 * by ctl.socket, else below /run/pgraft, else in the data directory. Append to the two buffers; one
 * stays empty when there is no such place. A path may be too long for a socket: who makes it says
 * so. */
void config_sockets(const struct config *config, struct buf *first, struct buf *second);

/* --- Tags --- */

struct config_tags {
    bool nofailover;
    int failover_priority; /* below 1 if @nofailover */
    bool nosync;
    int sync_priority;
    bool clonefrom;
    bool noloadbalance;
    bool nostream;
    const char *replicatefrom; /* NULL: the primary */
};

void config_tags(const struct config *config, struct config_tags *ret_tags);
/* Append them as Patroni shows them, `{"clonefrom": true, "dc": "fra"}`: those of its own that are
 * off are left out, all others are there. */
void config_tags_json(const struct config *config, struct buf *out);

/* --- What a user sees of it --- */

/* Append the whole configuration as YAML that loads again, each value with where it came from; only
 * secrets are shown as ***. */
void config_show(const struct config *config, struct buf *out);
/* Append a commented file to begin with. */
void config_template(struct buf *out);

/* --- Reload --- */

struct config_changes {
    size_t taken_over;
    size_t need_restart;
};

/* Append one line for each difference: "log.level: info -> debug, taken over" or "raft.listen:
 * a:1 -> b:1, needs a restart". */
struct config_changes config_diff(const struct config *running, const struct config *fresh,
                                  struct buf *out);
/* Give @running what @fresh has where no restart is needed; @fresh gets the old values. */
void config_take_over(struct config *running, struct config *fresh);

#endif /* CONFIG_CONFIG_H_ */
