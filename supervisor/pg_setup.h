/* supervisor/pg_setup.h - what the PostgreSQL of this node is to be, as its configuration has it.
 *
 * Plain values; all texts are the caller's and outlive the supervisor. */
#ifndef SUPERVISOR_PG_SETUP_H_
#define SUPERVISOR_PG_SETUP_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "supervisor/callbacks.h"
#include "supervisor/cluster_view.h"
#include "supervisor/facts.h"
#include "supervisor/own_words.h"
#include "supervisor/pg_conninfo.h"
#include "supervisor/pg_files.h"
#include "supervisor/pg_methods.h"
#include "supervisor/pg_settings.h"

struct pg_lines {
    const char *const *at;
    size_t count;
};

/* What differs by role. */
struct pg_setup_role {
    struct pg_pairs layers[PG_LAYER_COUNT];
    struct pg_lines hba; /* none: pg_hba.conf stays as it is */
    struct pg_lines ident;
};

/* The primary of another cluster. */
struct pg_remote {
    const char *host; /* several with commas; NULL: there is none */
    unsigned port;
    const char *slot; /* NULL: none is used */
};

/* Programs of PostgreSQL that have other names; NULL: they have not. */
struct pg_programs {
    const char *postgres;
    const char *initdb;
    const char *basebackup;
    const char *rewind;
};

/* A user that a new cluster gets. */
struct pg_account {
    const char *name;
    const char *password; /* NULL: none */
    const char *options;  /* "CREATEDB, CREATEROLE"; may be "" */
};

struct pg_accounts {
    const struct pg_account *at;
    size_t count;
};

struct pg_setup {
    const char *scope;
    const char *name;
    const char *site;    /* "" */
    const char *api_url; /* "" */
    struct supervisor_settings settings;
    struct own_tags tags;
    struct view_tags shown_tags; /* as an operator has written them */
    bool failsafe_mode;          /* as it is configured, for people to see */
    const char *times_warning;   /* why the lease is not as it was asked for; NULL or "": it is */
    const char *first_config;    /* what the key `config` begins with; JSON */
    const char *state_dir;       /* pgraftd's own; not inside of the data directory */

    /* From here on of a database alone. */
    struct pg_files files; /* data_dir and where its configuration is */
    const char *passfile;  /* written here */
    const char *bin_dir;   /* NULL: it is looked for */
    struct pg_programs programs;
    const char *guard; /* programs of ours */
    const char *helper;
    char *const *environment; /* of this program; ends in NULL */
    const char *peers;        /* for the note */
    const char *listen;       /* "10.0.0.1,127.0.0.1", "*" */
    unsigned port;
    const char *reach_host; /* how this program reaches it: an address, or a socket's directory */
    const char *host;       /* how the others do */
    unsigned host_port;
    const char *database;
    struct pg_login superuser;
    struct pg_login replication;
    struct pg_login rewind;
    const char *krbsrvname; /* NULL: libpq's */
    struct pg_setup_role standby;
    struct pg_setup_role primary;
    struct pg_setup_role leader;       /* a standby that leads a standby cluster */
    struct pg_remote remote;           /* whom it follows then */
    struct pg_accounts first_users;    /* of bootstrap, beside those above */
    struct pg_pairs initdb;            /* options, without "--"; the value may be "" */
    struct pg_pairs basebackup;        /* the same, of pg_basebackup */
    struct pg_methods replica_methods; /* in their order */
    struct pg_bootstrap bootstrap;     /* its command NULL: initdb */
    const char *post_bootstrap;        /* a command; or NULL */
    const char *pre_promote;           /* ... */
    const char *before_stop;
    const char *callbacks[CALLBACKS];
    struct pg_lines first_hba;      /* of bootstrap, where the roles have none */
    struct pg_pairs rewind_options; /* the same, of pg_rewind */
    bool use_slots;                 /* each member has a replication slot */
    uint64_t slots_ttl_ms;          /* how long that of a member that is away is kept */
    const char *permanent_slots;    /* JSON, of the configuration: an object by name; or NULL */
    const char *ignored_slots;      /* ... a list of what is left alone; or NULL */
    char *const *guard_options;     /* further ones of the guard, ends in NULL; or NULL */
    int64_t watchdog_margin_s;      /* watchdog.safety_margin */
};

#endif /* SUPERVISOR_PG_SETUP_H_ */
