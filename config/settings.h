/* config/settings.h - every setting as one row of a table.
 *
 * The table is all there is: reading, environment, flags, `config show`, `config generate`, reload
 * and docs/configuration.md go along it, and none of them can forget a row. A new setting is a new
 * row and its place in struct config. Rows of a section stand together, in the order in which they
 * are shown. */
#ifndef CONFIG_SETTINGS_H_
#define CONFIG_SETTINGS_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/config.h"
#include "config/yaml_tree.h"

enum setting_kind {               /* member of struct config   written as */
                    SETTING_TEXT, /* char *                    */
                    SETTING_NAME, /* char *                    a name: of the cluster, the node, the
                                     site */
                    SETTING_PATH, /* char *                    begins with "/" */
                    SETTING_NAMESPACE,  /* char *                    */
                    SETTING_ADDRESS,    /* char *                    host:port */
                    SETTING_LISTEN,     /* char *                    host:port, *:port */
                    SETTING_LEVEL,      /* char *                    of the log */
                    SETTING_SECRET,     /* struct secret             */
                    SETTING_BOOL,       /* bool                      */
                    SETTING_NUMBER,     /* uint64_t                  */
                    SETTING_DURATION,   /* uint64_t, ms              */
                    SETTING_SIZE,       /* uint64_t, bytes           */
                    SETTING_MODE,       /* uint64_t                  */
                    SETTING_CHOICE,     /* int, index into choices   */
                    SETTING_HOSTS,      /* struct config_list        hosts and networks */
                    SETTING_PEERS,      /* struct config_pairs       a list, a map, or
                                           "a=host:port,b=..." */
                    SETTING_HEADERS,    /* struct config_pairs       a map */
                    SETTING_LOGGERS,    /* struct config_pairs       a map */
                    SETTING_INTEGER,    /* int64_t */
                    SETTING_PG_LISTEN,  /* char *                    host,host:port */
                    SETTING_JSON,       /* char *                    anything, kept as JSON */
                    SETTING_WORDS,      /* struct config_list        names, "a,b" */
                    SETTING_LINES,      /* struct config_list        a list of lines */
                    SETTING_PARAMETERS, /* struct config_pairs      a map of PostgreSQL's */
                    SETTING_OPTIONS,    /* struct config_pairs       [a, {b: c}] or a map */
                    SETTING_TAGS,       /* struct config_pairs       a map of values */
                    SETTING_USERS,      /* struct config_accounts    a map of maps */
};

struct setting {
    const char *path; /* "raft.listen" */
    enum setting_kind kind;
    size_t offset;        /* in struct config */
    const char *fallback; /* the default, as one would write it; NULL: none */
    const char *derived;  /* where the default comes from when it is none of its own; or NULL */
    const char *example;  /* for the template, where there is no default */
    const char *const *choices;
    uint64_t min; /* of numbers, durations and sizes */
    uint64_t max;
    bool or_zero;         /* 0 is allowed below @min: it stands for "not set" */
    unsigned port;        /* of addresses: when none is written */
    bool required;        /* there is no running without it */
    bool begin;           /* in the template it is not commented out */
    const char *flag;     /* "listen"; NULL: none */
    const char *word;     /* of the flag: "ADDRESS" */
    bool patroni;         /* Patroni has it too: PATRONI_... is understood */
    const char *variable; /* "RESTAPI_USERNAME" where it is not made of the path */
    bool reload;          /* SIGHUP takes it over */
    bool database;        /* of a node with a PostgreSQL; nobody else is shown it */
    bool rare;            /* the template leaves it out */
    bool dynamic;         /* the key `config` may have it too; what the node says itself wins */
    const char *alias;    /* the paths of older names, with spaces between them */
    const char *help;
};

extern const struct setting settings[];
extern const size_t settings_count;

/* Those of the key `config`, with paths of their own; offsets in struct config too. */
extern const struct setting dynamic_settings[];
extern const size_t dynamic_settings_count;

#define SETTINGS_VARIABLE_MAX 64

/* "PGRAFT_RAFT_LISTEN", without the prefix when that is NULL. Returns @out. */
const char *setting_variable(const struct setting *setting, const char *prefix,
                             char out[SETTINGS_VARIABLE_MAX]);
/* The row of @path; settings_count when there is none. */
size_t setting_index(const char *path);

/* What @root has for a row, under its name or an older one; NULL: nothing. */
const struct tree_node *setting_find(const struct setting *setting, const struct tree_node *root);

/* The member of @config that a row is about. */
void *setting_member(const struct setting *setting, struct config *config);
const void *setting_value(const struct setting *setting, const struct config *config);

bool setting_is_pairs(const struct setting *setting);
bool setting_is_list(const struct setting *setting);
/* It has no value: text that is NULL, an empty list, a secret of no byte. */
bool setting_is_unset(const struct setting *setting, const struct config *config);
bool setting_equal(const struct setting *setting, const struct config *a, const struct config *b);
/* Free the value and leave an empty one. */
void setting_clear(const struct setting *setting, struct config *config);
/* Free what is in it. */
void setting_clear_pairs(struct config_pairs *pairs);
/* Exchange the values of two configurations. */
void setting_swap(const struct setting *setting, struct config *a, struct config *b);
/* Give @to the very value of @from, not a copy: one of them is not to be closed. */
void setting_borrow(const struct setting *setting, const struct config *from, struct config *to);
/* Append a scalar as one would write it; "***" for a secret; lists and maps with commas. */
void setting_print(const struct setting *setting, const struct config *config, struct buf *out);

#endif /* CONFIG_SETTINGS_H_ */
