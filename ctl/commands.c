/* ctl/commands.c - the command table of pgraftctl; a new command is a new row, in order of names.
 */
#include "ctl/commands.h"

#include "base/version.h"
#include "ctl/checks.h"
#include "ctl/chosen.h"
#include "ctl/cmd.h"
#include "ctl/config.h"
#include "ctl/output.h"
#include "ctl/told.h"

static const struct cli_option plan_options[] = {
    {.name = "databases", .value = "N", .help = "hosts that run PostgreSQL"},
    {.name = "survive", .value = "N", .help = "how many nodes may fail at the same time"},
    {.name = "sites", .value = "N", .help = "data centres that hold databases"},
    {.name = "databases-per-site",
     .value = "N",
     .help = "hosts that run PostgreSQL in each of them"},
    {.name = "survive-sites", .value = "N", .help = "how many whole data centres may fail"},
    {.name = "max-voters", .value = "N", .help = "stay with this raft.max_voters; up to 9"},
    {.name = "write-configs", .value = "DIR", .help = "write the configuration of every node, too"},
    {.name = "layout",
     .value = "LAYOUT",
     .choices = CLI_CHOICES("nodes", "cheapest", "full", "fullest"),
     .help = "whose files to write, when there are two; default: the first"},
    {.name = "scope", .value = "NAME", .help = "name of the cluster in them; default: demo"},
    {.name = "address",
     .value = "ADDRESS",
     .list = true,
     .help = "the host of one node in them, as NAME=HOST"},
    {.name = "address-pattern",
     .value = "PATTERN",
     .help = "the hosts of all others, with {name}, {site} or {n} in it: 10.0.0.{n}"},
    {.name = "force", .help = "write into a directory that is not empty; its secret is kept"},
    {.name = NULL},
};

/* Options that several commands share. */
#define KEY_ARGUMENT                     \
    {                                    \
        .name = "KEY", .help = "the key" \
    }
#define SPAN_ARGUMENT                                                           \
    {                                                                           \
        .name = "KEY", .optional = true, .help = "the key, or where keys begin" \
    }
#define SPAN_OPTIONS                                                                          \
    {.name = "prefix", .letter = 'p', .help = "all keys that begin with KEY"},                \
    {                                                                                         \
        .name = "end", .value = "KEY", .help = "all keys from KEY up to and without this one" \
    }
#define SERIALIZABLE                                                            \
    {                                                                           \
        .name = "serializable",                                                 \
        .help = "from this node's memory, which may be behind; needs no quorum" \
    }
#define LEASE_OPTION                                                                   \
    {                                                                                  \
        .name = "lease", .value = "LEASE", .help = "the key goes away with this lease" \
    }
#define PREVIOUS                                                 \
    {                                                            \
        .name = "previous", .help = "show what was there before" \
    }
#define LEASE_ARGUMENT                                                     \
    {                                                                      \
        .name = "LEASE", .help = "the lease, as it was shown when granted" \
    }
#define CLUSTER_ARGUMENT                                                                           \
    {                                                                                              \
        .name = "CLUSTER", .optional = true, .many = true, .help = "refuse to tell of another one" \
    }
#define SWITCH_OPTIONS                                                                   \
    {.name = "candidate", .value = "NAME", .help = "who is to be primary"},              \
        {.name = "dry-run", .help = "say what is in the way of it, and how to mend it"}, \
    {                                                                                    \
        .name = "force", .help = "do not ask"                                            \
    }
#define MEMBERS_ARGUMENTS                                                                \
    {.name = "CLUSTER", .optional = true, .help = "refuse to change another one's"},     \
    {                                                                                    \
        .name = "MEMBER", .optional = true, .many = true, .help = "these, by their name" \
    }
#define ROLE_OPTION                                                                           \
    {                                                                                         \
        .name = "role", .letter = 'r', .value = "ROLE", .choices = CLI_CHOICES(CHOSEN_ROLES), \
        .help = "only members with this role"                                                 \
    }
#define FORCE_OPTION                          \
    {                                         \
        .name = "force", .help = "do not ask" \
    }
#define ONE_CLUSTER                                                                   \
    {                                                                                 \
        .name = "CLUSTER", .optional = true, .help = "refuse to change another one's" \
    }
#define MEMBER_ARGUMENT                            \
    {                                              \
        .name = "MEMBER", .help = "its name or id" \
    }

static const struct cli_option adopt_options[] = {
    {.name = "from-patroni", .value = "FILE", .help = "the configuration of Patroni on this host"},
    {.name = "output",
     .letter = 'o',
     .value = "FILE",
     .help = "where to write pgraft's; default: /etc/pgraft/pgraft.yml"},
    {.name = "peers",
     .value = "LIST",
     .help = "NAME=HOST:PORT,... of all nodes; default: the hosts of Patroni's members, port 7400"},
    {.name = "secret-file",
     .value = "FILE",
     .help = "what all peers share; default: /etc/pgraft/secret"},
    {.name = "dynamic",
     .value = "FILE",
     .help = "the dynamic configuration, if Patroni does not run: patroni.dynamic.json"},
    {.name = "dry-run", .help = "say what is in the way of it, and how to mend it"},
    {.name = NULL},
};

static const struct cli_command commands[] = {
    {
        .name = "adopt",
        .summary = "Check whether a cluster of Patroni's can be taken over, and write its file.",
        .options = adopt_options,
        .example = "pgraftctl adopt --from-patroni /etc/patroni/config.yml --dry-run",
        .run = cmd_adopt,
    },
    {
        .name = "check",
        .summary = "Say whether anything is amiss, and how to mend it; also as a plugin of Nagios.",
        .arguments = CLI_ARGUMENTS(CLUSTER_ARGUMENT),
        .options = CLI_OPTIONS(
            {.name = "nagios",
             .help = "one line with figures; status 0 well, 1 warning, 2 critical, 3 unknown"},
            {.name = "check",
             .value = "NAME",
             .list = true,
             .choices = CLI_CHOICES(CHECK_NAMES),
             .help = "only this, and others so given; default: all of them"},
            {.name = "warning-lag",
             .value = "SIZE",
             .help = "of a standby that is as far behind; default: 64MB"},
            {.name = "critical-lag", .value = "SIZE", .help = "... default: 1GB"},
            {.name = "warning-free",
             .value = "SIZE",
             .help = "of a data directory with less room; default: 2GB"},
            {.name = "critical-free", .value = "SIZE", .help = "... default: 512MB"},
            TOLD_WATCH_OPTIONS),
        .example = "pgraftctl check --nagios --check primary --check lag --critical-lag 256MB",
        .run = cmd_check,
    },
    CLI_COMPLETION_COMMAND("pgraftctl"),
    {
        .name = "config explain",
        .summary = "Say what a setting is on each node, where it comes from, and what it hides.",
        .arguments = CLI_ARGUMENTS(
            {.name = "NAME",
             .help = "a parameter of PostgreSQL, or a setting: max_connections, ttl, raft.listen"}),
        .options = CLI_OPTIONS(
            {.name = "member", .letter = 'm', .value = "NAME", .help = "this one only"}),
        .example = "pgraftctl config explain max_connections",
        .run = cmd_config_explain,
    },
    {
        .name = "config generate",
        .summary = "Print a commented configuration to begin with.",
        .example = "pgraftctl config generate > pgraft.yml",
        .run = cmd_config_generate,
    },
    {
        .name = "config show",
        .summary = "Show the whole configuration of a node and where each value comes from.",
        .example = "pgraftctl config show -c /etc/pgraft/pgraft.yml",
        .run = cmd_config_show,
    },
    {
        .name = "demote-cluster",
        .summary = "Shut the primary down and have the whole cluster follow another one.",
        .arguments = CLI_ARGUMENTS(ONE_CLUSTER),
        .options = CLI_OPTIONS(
            {.name = "host",
             .value = "HOST",
             .help = "where the other one's primary listens; several with commas"},
            {.name = "port", .value = "PORT", .help = "... at this port (default: 5432)"},
            {.name = "restore-command",
             .value = "COMMAND",
             .help = "what brings its WAL out of an archive"},
            {.name = "primary-slot-name",
             .value = "SLOT",
             .help = "a replication slot that is there for it"},
            FORCE_OPTION),
        .example = "pgraftctl demote-cluster --host 10.1.0.1 --port 5432",
        .run = cmd_demote_cluster,
    },
    {
        .name = "dsn",
        .summary = "Print how to connect to PostgreSQL.",
        .arguments = CLI_ARGUMENTS(CLUSTER_ARGUMENT),
        .options =
            CLI_OPTIONS({.name = "role",
                         .letter = 'r',
                         .value = "ROLE",
                         .choices = CLI_CHOICES("leader", "primary", "standby-leader", "replica",
                                                "standby", "any"),
                         .help = "a member with this role; default: leader"},
                        {.name = "member", .letter = 'm', .value = "NAME", .help = "this member"},
                        {.name = "read-write", .help = "all of them: libpq looks for the primary"},
                        {.name = "read-only",
                         .help = "all of them: libpq (14 and later) looks for a standby first"},
                        {.name = "uri", .help = "as postgresql://"}),
        .example = "pgraftctl dsn --read-write",
        .run = cmd_dsn,
    },
    {
        .name = "edit-config",
        .summary = "Change the configuration that all nodes share.",
        .arguments = CLI_ARGUMENTS(
            {.name = "CLUSTER", .optional = true, .help = "refuse to change another one's"}),
        .options = CLI_OPTIONS(
            {.name = "set",
             .letter = 's',
             .value = "SETTING",
             .list = true,
             .help = "KEY.PATH=VALUE, the value in YAML: ttl=20, slots={a: {type: physical}}; no "
                     "value, or null: delete it"},
            {.name = "pg",
             .letter = 'p',
             .value = "SETTING",
             .list = true,
             .help =
                 "NAME=VALUE of a parameter of PostgreSQL: as -s postgresql.parameters.NAME=VALUE"},
            {.name = "apply",
             .value = "FILE",
             .help = "merge what is in this file, YAML or JSON, null deletes; - is standard input"},
            {.name = "replace",
             .value = "FILE",
             .help = "put what is in this file in the place of all there is; - is standard input"},
            {.name = "quiet", .letter = 'q', .help = "do not show what changes"},
            {.name = "force", .help = "do not ask"}),
        .example = "pgraftctl edit-config --pg max_connections=200",
        .run = cmd_edit_config,
    },
    {
        .name = "events",
        .summary = "Print what has happened to PostgreSQL at a node.",
        .options = CLI_OPTIONS(
            {.name = "follow", .letter = 'F', .help = "go on until it is ended"},
            {.name = "limit", .value = "N", .help = "of the past only the last so many"}),
        .example = "pgraftctl events --follow",
        .run = cmd_events,
    },
    {
        .name = "failover",
        .summary = "Make a named member the primary, also where there is none.",
        .arguments = CLI_ARGUMENTS(
            {.name = "CLUSTER", .optional = true, .help = "refuse to change another one's"}),
        .options = CLI_OPTIONS(
            SWITCH_OPTIONS,
            {.name = "accept-data-loss",
             .help = "also with data that were restored there by hand, or that lack what was "
                     "acknowledged: that is given up, and the others are rewound or cloned"}),
        .example = "pgraftctl failover --candidate pg2",
        .run = cmd_failover,
    },
    {
        .name = "fence",
        .summary = "Have a node hold no role of PostgreSQL, until it is unfenced.",
        .arguments = CLI_ARGUMENTS({.name = "NODE",
                                    .help = "if it is the primary: after a "
                                            "switchover to another one"}),
        .options = CLI_OPTIONS(
            {.name = "reason", .value = "TEXT", .help = "shown wherever the fence is"},
            {.name = "accept-no-candidate",
             .help = "also where nobody else could take over from the primary meanwhile"},
            {.name = "accept-write-stop",
             .help = "also where commits have to wait for a standby and no other is there"},
            FORCE_OPTION),
        .example = "pgraftctl fence pg2 --reason disk",
        .run = cmd_fence,
    },
    {
        .name = "flush",
        .summary = "Drop what waits: restarts of members for later, a switchover, a failover.",
        .arguments =
            CLI_ARGUMENTS(MEMBERS_ARGUMENTS, {.name = "TARGET",
                                              .choices = CLI_CHOICES("restart", "switchover"),
                                              .help = "what to drop"}),
        .options = CLI_OPTIONS(ROLE_OPTION, FORCE_OPTION),
        .example = "pgraftctl flush demo switchover",
        .run = cmd_flush,
    },
    CLI_HELP_COMMAND("pgraftctl"),
    {
        .name = "history",
        .summary = "List the timelines of the cluster, and who began them.",
        .arguments = CLI_ARGUMENTS(CLUSTER_ARGUMENT),
        .options = CLI_OPTIONS(TOLD_WATCH_OPTIONS),
        .example = "pgraftctl history",
        .run = cmd_history,
    },
    {
        .name = "kv compact",
        .summary = "Forget what the keys were up to a revision.",
        .arguments = CLI_ARGUMENTS({.name = "REVISION", .help = "the last one to forget"}),
        .example = "pgraftctl kv compact 880",
        .run = cmd_kv_compact,
    },
    {
        .name = "kv del",
        .summary = "Delete a key, or many.",
        .arguments = CLI_ARGUMENTS(SPAN_ARGUMENT),
        .options = CLI_OPTIONS(SPAN_OPTIONS, PREVIOUS),
        .example = "pgraftctl kv del --prefix /service/old/",
        .run = cmd_kv_delete,
    },
    {
        .name = "kv get",
        .summary = "Read a key.",
        .arguments = CLI_ARGUMENTS(KEY_ARGUMENT),
        .options = CLI_OPTIONS({.name = "rev", .value = "N", .help = "as it was at this revision"},
                               SERIALIZABLE,
                               {.name = "raw", .help = "the bytes of the value, and nothing else"}),
        .example = "pgraftctl kv get /service/demo/leader",
        .run = cmd_kv_get,
    },
    {
        .name = "kv put",
        .summary = "Write a key.",
        .arguments = CLI_ARGUMENTS(
            KEY_ARGUMENT,
            {.name = "VALUE", .optional = true, .help = "its value; default: standard input"}),
        .options = CLI_OPTIONS(LEASE_OPTION, PREVIOUS),
        .example = "pgraftctl kv put motd hello",
        .run = cmd_kv_put,
    },
    {
        .name = "kv range",
        .summary = "Read many keys.",
        .arguments = CLI_ARGUMENTS(SPAN_ARGUMENT),
        .options =
            CLI_OPTIONS(SPAN_OPTIONS,
                        {.name = "after",
                         .value = "KEY",
                         .help = "only those behind this key: to go on after a cut answer"},
                        {.name = "limit", .value = "N", .help = "at most so many"},
                        {.name = "keys-only", .help = "without the values"},
                        {.name = "count-only", .help = "only how many there are"}, SERIALIZABLE),
        .example = "pgraftctl kv range --prefix /service/demo/",
        .run = cmd_kv_range,
    },
    {
        .name = "kv txn",
        .summary = "Compare keys, and change keys if the compares hold, all at once.",
        .arguments = CLI_ARGUMENTS(
            {.name = "FILE",
             .optional = true,
             .help = "a JSON object with if, then and else as in docs/http.md; default: standard "
                     "input. Exit status 1 when the compares did not hold"}),
        .example = "pgraftctl kv txn swap.json",
        .run = cmd_kv_txn,
    },
    {
        .name = "kv watch",
        .summary = "Print every change of keys, without gaps, until it is ended.",
        .arguments = CLI_ARGUMENTS(SPAN_ARGUMENT),
        .options = CLI_OPTIONS(
            SPAN_OPTIONS,
            {.name = "rev", .value = "N", .help = "from this revision on; default: from now on"},
            {.name = "limit", .value = "N", .help = "end after so many changes"},
            {.name = "progress",
             .value = "SECONDS",
             .help = "how often the node gives word when nothing happens; three times without, and "
                     "the watch connects again; default: 5"},
            PREVIOUS),
        .example = "pgraftctl kv watch --prefix /service/demo/ --rev 880",
        .run = cmd_kv_watch,
    },
    {
        .name = "lease grant",
        .summary = "Grant a lease: keys put with it go away when it is not kept alive.",
        .arguments = CLI_ARGUMENTS(
            {.name = "TTL",
             .help = "how long it lives: 30s, 500ms, 5min; a number alone is seconds"}),
        .options = CLI_OPTIONS({.name = "lease", .value = "LEASE", .help = "give it this id"}),
        .example = "pgraftctl lease grant 30s",
        .run = cmd_lease_grant,
    },
    {
        .name = "lease keepalive",
        .summary = "Keep a lease alive until this command is ended.",
        .arguments = CLI_ARGUMENTS(LEASE_ARGUMENT),
        .options = CLI_OPTIONS({.name = "once", .help = "renew it once and end"}),
        .example = "pgraftctl lease keepalive 9f3c5f0a7be14d02",
        .run = cmd_lease_keepalive,
    },
    {
        .name = "lease list",
        .summary = "List the leases.",
        .example = "pgraftctl lease list",
        .run = cmd_lease_list,
    },
    {
        .name = "lease revoke",
        .summary = "End a lease and delete its keys.",
        .arguments = CLI_ARGUMENTS(LEASE_ARGUMENT),
        .example = "pgraftctl lease revoke 9f3c5f0a7be14d02",
        .run = cmd_lease_revoke,
    },
    {
        .name = "lease show",
        .summary = "Show a lease with its keys.",
        .arguments = CLI_ARGUMENTS(LEASE_ARGUMENT),
        .example = "pgraftctl lease show 9f3c5f0a7be14d02",
        .run = cmd_lease_show,
    },
    {
        .name = "list",
        .summary = "List the databases of the cluster, with role, state and lag in MB.",
        .arguments = CLI_ARGUMENTS(CLUSTER_ARGUMENT),
        .options = CLI_OPTIONS(
            {.name = "all", .letter = 'a', .help = "witnesses, too, and the sites"},
            {.name = "extended",
             .help = "restarts that are pending or due, and tags, also if none"},
            {.name = "timestamp", .help = "with the time above it"}, TOLD_WATCH_OPTIONS),
        .example = "pgraftctl list --all",
        .run = cmd_list,
    },
    {
        .name = "member add",
        .summary = "Bring in a node that does not find the cluster by itself.",
        .arguments = CLI_ARGUMENTS({.name = "NAME", .help = "the node's"},
                                   {.name = "ADDRESS", .help = "where it listens for its peers"}),
        .options = CLI_OPTIONS({.name = "role",
                                .value = "ROLE",
                                .help = "voter or witness: refuse if it runs as the other"}),
        .example = "pgraftctl member add pg4 10.0.0.6:7400",
        .run = cmd_member_add,
    },
    {
        .name = "member demote",
        .summary = "Take the vote from a member.",
        .arguments = CLI_ARGUMENTS(MEMBER_ARGUMENT),
        .example = "pgraftctl member demote pg3",
        .run = cmd_member_change,
    },
    {
        .name = "member list",
        .summary = "List the members.",
        .options = CLI_OPTIONS(TOLD_WATCH_OPTIONS),
        .example = "pgraftctl member list --format tsv",
        .run = cmd_member_list,
    },
    {
        .name = "member promote",
        .summary = "Give a member a vote.",
        .arguments = CLI_ARGUMENTS(MEMBER_ARGUMENT),
        .example = "pgraftctl member promote pg4",
        .run = cmd_member_change,
    },
    {
        .name = "member remove",
        .summary = "Remove a member for good.",
        .arguments = CLI_ARGUMENTS(MEMBER_ARGUMENT),
        .example = "pgraftctl member remove pg3",
        .run = cmd_member_remove,
    },
    {
        .name = "member replace",
        .summary = "Let the new node take the place of its lost namesake now.",
        .arguments = CLI_ARGUMENTS(MEMBER_ARGUMENT),
        .example = "pgraftctl member replace pg2",
        .run = cmd_member_change,
    },
    {
        .name = "member transfer",
        .summary = "Hand the leadership of the store over.",
        .arguments = CLI_ARGUMENTS({.name = "MEMBER",
                                    .optional = true,
                                    .help = "who shall lead; default: whoever is best"}),
        .example = "pgraftctl member transfer pg3",
        .run = cmd_member_transfer,
    },
    {
        .name = "pause",
        .summary = "Stop automatic changes of the primary, until resume.",
        .arguments = CLI_ARGUMENTS(ONE_CLUSTER),
        .options =
            CLI_OPTIONS({.name = "wait", .help = "until every database node says that it knows"}),
        .example = "pgraftctl pause --wait",
        .run = cmd_pause,
    },
    {
        .name = "plan",
        .summary = "Say how many votes survive what, where they belong, and write configurations.",
        .options = plan_options,
        .example = "pgraftctl plan --databases 3 --survive 2 --write-configs cluster",
        .run = cmd_plan,
    },
    {
        .name = "promote-cluster",
        .summary = "Have a cluster that follows another one choose a primary of its own.",
        .arguments = CLI_ARGUMENTS(ONE_CLUSTER),
        .options = CLI_OPTIONS(FORCE_OPTION),
        .example = "pgraftctl promote-cluster",
        .run = cmd_promote_cluster,
    },
    {
        .name = "query",
        .summary = "Run SQL on one member and print the rows.",
        .arguments = CLI_ARGUMENTS(
            {.name = "CLUSTER", .optional = true, .help = "refuse to ask another one"}),
        .options = CLI_OPTIONS(
            {.name = "command",
             .letter = 'c',
             .takes_letter = true,
             .value = "SQL",
             .help = "what to run; several statements are one transaction"},
            {.name = "file",
             .letter = 'f',
             .takes_letter = true,
             .value = "FILE",
             .help = "run what is in this file; - is standard input"},
            {.name = "dbname",
             .letter = 'd',
             .value = "NAME",
             .help = "the database; default: as libpq has it"},
            {.name = "username",
             .letter = 'U',
             .value = "NAME",
             .help = "the role in the database; default: as libpq has it"},
            {.name = "password", .help = "ask for its password; else libpq looks for one"},
            {.name = "role",
             .letter = 'r',
             .value = "ROLE",
             .choices = CLI_CHOICES(CHOSEN_ROLES),
             .help = "a member with this role; default: leader"},
            {.name = "member", .letter = 'm', .value = "NAME", .help = "this member"},
            {.name = "delimiter", .value = "TEXT", .help = "between the columns of tsv"},
            TOLD_WATCH_OPTIONS),
        .example = "pgraftctl query --role replica --command \"TABLE pg_stat_wal_receiver\"",
        .run = cmd_query,
    },
    {
        .name = "raft",
        .summary = "Show every member of the store in full.",
        .options = CLI_OPTIONS(
            {.name = "health",
             .help = "ask each member for a confirmed read; exit status 1 if one is not healthy"},
            TOLD_WATCH_OPTIONS),
        .example = "pgraftctl raft --health",
        .run = cmd_raft,
    },
    {
        .name = "raft forget",
        .summary = "Make a blank node forget whom it has promised itself to.",
        .options =
            CLI_OPTIONS({.name = "proposer-is-destroyed",
                         .help = "its data directory is gone for good; see docs/formation.md"}),
        .example = "pgraftctl raft forget --proposer-is-destroyed",
        .run = cmd_forget,
    },
    {
        .name = "raft form",
        .summary = "Form the cluster without a listed node that never comes.",
        .options = CLI_OPTIONS(
            {.name = "without", .value = "NAME", .list = true, .help = "the node to do without"},
            {.name = "with-all", .help = "take it back: wait for all of them"}),
        .example = "pgraftctl raft form --without pg3",
        .run = cmd_form,
    },
    {
        .name = "recover",
        .summary = "Go on with what one node has left, when a majority is lost for good.",
        .arguments =
            CLI_ARGUMENTS({.name = "DIR",
                           .optional = true,
                           .many = true,
                           .help = "the data directory to go on with, of a node that does not "
                                   "run; more of them are compared with it"}),
        .options = CLI_OPTIONS(
            {.name = "show", .help = "say what each directory holds, and change nothing"},
            {.name = "yes", .help = "do not ask; needed where there is no terminal"},
            {.name = "accept-loss",
             .help = "although another directory holds more, or can not be read"},
            {.name = "i-have-fenced",
             .value = "NODE",
             .list = true,
             .help = "the PostgreSQL of this lost node is down and stays down"}),
        .example = "pgraftctl recover /var/lib/pgraft/demo/w1 /mnt/w2/demo/w2",
        .run = cmd_recover,
    },
    {
        .name = "reinit",
        .summary = "Discard a standby's data and clone them anew.",
        .arguments = CLI_ARGUMENTS(MEMBERS_ARGUMENTS),
        .options =
            CLI_OPTIONS({.name = "from-leader", .help = "copy the primary, no standby"},
                        {.name = "wait", .help = "until it runs again"},
                        {.name = "force", .help = "do not ask; begin anew what is under way"}),
        .example = "pgraftctl reinit demo pg3 --wait",
        .run = cmd_reinit,
    },
    {
        .name = "reload",
        .summary = "Have pgraftd read its configuration again, as SIGHUP does.",
        .arguments = CLI_ARGUMENTS(MEMBERS_ARGUMENTS),
        .options = CLI_OPTIONS(ROLE_OPTION, FORCE_OPTION),
        .example = "pgraftctl reload demo pg2",
        .run = cmd_reload,
    },
    {
        .name = "remove",
        .summary = "Say how a cluster is given up; nothing is removed by a command.",
        .arguments = CLI_ARGUMENTS({.name = "CLUSTER", .help = "which one"}),
        .example = "pgraftctl remove demo",
        .run = cmd_remove,
    },
    {
        .name = "report",
        .summary = "Write a bundle for support: all there is to know, without secrets.",
        .options = CLI_OPTIONS(
            {.name = "output",
             .letter = 'o',
             .value = "FILE",
             .help = "the archive; default: pgraft-report-TIME.tar. Nothing is written over"},
            {.name = "directory", .value = "DIR", .help = "a new directory instead of an archive"},
            {.name = "log-kib",
             .value = "N",
             .help = "so much from the end of each file of the log; default: 256; 0: none"}),
        .example = "pgraftctl report -c /etc/pgraft/pgraft.yml",
        .run = cmd_report,
    },
    {
        .name = "restart",
        .summary = "Restart PostgreSQL; the primary in place, after the standbys.",
        .arguments = CLI_ARGUMENTS(MEMBERS_ARGUMENTS),
        .options = CLI_OPTIONS(
            ROLE_OPTION, {.name = "any", .help = "one of them, whichever"},
            {.name = "pending", .help = "only where a restart is pending"},
            {.name = "pg-version", .value = "VERSION", .help = "only where PostgreSQL is older"},
            {.name = "scheduled",
             .value = "TIME",
             .help = "\"now\", or when: 2026-12-01T04:00+01:00; without a zone in that of here"},
            {.name = "rolling",
             .help = "the whole cluster, one at a time, in the order that its parameters ask for; "
                     "a switchover in the place of the primary's restart"},
            {.name = "dry-run", .help = "only say in which order"}, FORCE_OPTION),
        .example = "pgraftctl restart demo --rolling --pending",
        .run = cmd_restart,
    },
    {
        .name = "resume",
        .summary = "End a pause.",
        .arguments = CLI_ARGUMENTS(ONE_CLUSTER),
        .options =
            CLI_OPTIONS({.name = "wait", .help = "until every database node says that it knows"}),
        .example = "pgraftctl resume --wait",
        .run = cmd_resume,
    },
    {
        .name = "secret generate",
        .summary = "Make the secret that all nodes of a cluster share.",
        .options = CLI_OPTIONS({.name = "output",
                                .letter = 'o',
                                .value = "FILE",
                                .help = "write it there, readable by its owner only"},
                               {.name = "force", .help = "replace the file"}),
        .example = "pgraftctl secret generate --output secret",
        .run = cmd_secret_generate,
    },
    {
        .name = "show-config",
        .summary = "Show the configuration that all nodes share.",
        .arguments = CLI_ARGUMENTS(CLUSTER_ARGUMENT),
        .example = "pgraftctl show-config",
        .run = cmd_show_config,
    },
    {
        .name = "snapshot restore",
        .summary = "Make a node of a new cluster from a saved file; others join it.",
        .arguments = CLI_ARGUMENTS({.name = "FILE", .help = "the file"}),
        .options =
            CLI_OPTIONS({.name = "data-dir",
                         .value = "DIR",
                         .help = "its data directory: empty, or not there; default: of --config"},
                        {.name = "name", .value = "NAME", .help = "its name; default: of --config"},
                        {.name = "address",
                         .value = "ADDRESS",
                         .help = "where peers reach it, HOST:PORT; default: of --config"},
                        {.name = "site", .value = "NAME", .help = "its data centre"},
                        {.name = "voter", .help = "it will run with --voter"},
                        {.name = "witness", .help = "it will run with --witness"}),
        .example = "pgraftctl snapshot restore demo.snapshot --config /etc/pgraft/pgraft.yml",
        .run = cmd_snapshot_restore,
    },
    {
        .name = "snapshot save",
        .summary = "Save the state of a node to a file.",
        .arguments = CLI_ARGUMENTS({.name = "FILE", .help = "the file to write"}),
        .options = CLI_OPTIONS({.name = "force", .help = "replace the file"}),
        .example = "pgraftctl snapshot save demo.snapshot",
        .run = cmd_snapshot_save,
    },
    {
        .name = "snapshot status",
        .summary = "Check a saved file and say what is in it.",
        .arguments = CLI_ARGUMENTS({.name = "FILE", .help = "the file"}),
        .example = "pgraftctl snapshot status demo.snapshot",
        .run = cmd_snapshot_status,
    },
    {
        .name = "status",
        .summary = "Say how the cluster is: healthy or not, who leads, who is missing.",
        .options = CLI_OPTIONS(TOLD_WATCH_OPTIONS),
        .example = "pgraftctl status -w 5",
        .run = cmd_status,
    },
    {
        .name = "switchover",
        .summary = "Have another member take over from the primary, now or later.",
        .arguments = CLI_ARGUMENTS(
            {.name = "CLUSTER", .optional = true, .help = "refuse to change another one's"}),
        .options = CLI_OPTIONS(
            {.name = "leader", .value = "NAME", .help = "refuse if another one is the primary"},
            {.name = "primary", .value = "NAME", .help = "the same"},
            {.name = "scheduled",
             .value = "TIME",
             .help = "\"now\", or when: 2026-12-01T04:00+01:00; without a zone in that of here"},
            SWITCH_OPTIONS),
        .example = "pgraftctl switchover --candidate pg2 --dry-run",
        .run = cmd_switchover,
    },
    {
        .name = "topology",
        .summary = "List the databases below whom they replicate from.",
        .arguments = CLI_ARGUMENTS(CLUSTER_ARGUMENT),
        .options = CLI_OPTIONS(TOLD_WATCH_OPTIONS),
        .example = "pgraftctl topology -w 5",
        .run = cmd_topology,
    },
    {
        .name = "unfence",
        .summary = "Take a fence back: the node may be made primary again.",
        .arguments = CLI_ARGUMENTS({.name = "NODE", .help = "by its name"}),
        .example = "pgraftctl unfence pg2",
        .run = cmd_unfence,
    },
    {
        .name = "upgrade",
        .summary = "Have the node on this host become the pgraftd that is installed now.",
        .example = "pgraftctl upgrade",
        .run = cmd_upgrade,
    },
    {
        .name = "version",
        .summary = "Print the version of this program, and of what runs in the cluster.",
        .arguments = CLI_ARGUMENTS(
            {.name = "CLUSTER", .optional = true, .help = "of its members, too"},
            {.name = "MEMBER", .optional = true, .many = true, .help = "only of these"}),
        .example = "pgraftctl version demo",
        .run = cmd_version,
    },
    {
        .name = "why",
        .summary = "Say what each node and the election decided last, and why.",
        .arguments = CLI_ARGUMENTS({.name = "NODE",
                                    .optional = true,
                                    .help = "only what this one decided; or \"election\""}),
        .options = CLI_OPTIONS(TOLD_WATCH_OPTIONS),
        .example = "pgraftctl why pg1",
        .run = cmd_why,
    },
    {.name = NULL},
};

static const struct cli_option options[] = {
    CTL_OPTIONS,
    OUTPUT_OPTION,
    {.name = NULL},
};

const struct cli_program pgraftctl = {
    .name = "pgraftctl",
    .version = PGRAFT_VERSION,
    .summary = "Ask and command the nodes of a pgraft cluster.",
    .notes =
        "Those that talk to a node find the one on this host by themselves, or take --endpoint.",
    .exit_statuses =
        "0 done, 1 refused (reason on stderr), 2 usage, 3 outcome unknown, 4 no quorum",
    .misused = cmd_check_misused,
    .options = options,
    .commands = commands,
};
