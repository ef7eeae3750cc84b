/* config/unused.c - keys of Patroni's that have no effect, as a table, and who is told.
 *
 * A file of Patroni's has to run as it is, so none of these is an error. But who relies on
 * what is missing here has to hear of it. A key that gets an effect loses its row here;
 * tests/unit/test_config_patroni.c holds the rows against the help of the settings. */
#include "config/unused.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/must.h"
#include "config/scalar.h"

#define FORMAT "lines have a form of their own, see log.type"
#define NO_THREADS "nothing here waits for a thread"
#define BY_LEASE "the lease bounds everything"

// clang-format off
const struct unused_key unused_keys[] = {
    {"thread_pool_size", NULL, false, NO_THREADS},
    {"thread_stack_size", NULL, false, NO_THREADS},
    {"citus", NULL, true, "Citus is not supported"},

    {"log.traceback_level", NULL, false, "there are no tracebacks"},
    {"log.format", NULL, false, FORMAT},
    {"log.dateformat", NULL, false, FORMAT},
    {"log.static_fields", NULL, false, FORMAT},
    {"log.max_queue_size", NULL, false, "the queue has a bound of its own"},
    {"log.deduplicate_heartbeat_logs", NULL, false, "a healthy cluster logs nothing at info"},

    {"restapi.request_queue_size", NULL, false, NO_THREADS},
    {"restapi.thread_pool_size", NULL, false, NO_THREADS},

    {"bootstrap.dcs.loop_wait", NULL, false, "nothing waits for a loop"},
    {"bootstrap.dcs.retry_timeout", NULL, false, BY_LEASE},
    {"bootstrap.dcs.primary_stop_timeout", "0", false, BY_LEASE},
    {"bootstrap.dcs.master_stop_timeout", "0", false, BY_LEASE},
    {"bootstrap.dcs.primary_race_backoff", "0", false, "there is no race"},
    {"bootstrap.dcs.max_timelines_history", "0", false, "100 rows are kept"},
    {"bootstrap.dcs.maximum_lag_on_syncnode", "-1", false, "not used yet"},
    {"bootstrap.dcs.failsafe_mode", "false", false, "not used yet; the store is on these hosts"},
    {"bootstrap.dcs.standby_cluster.create_replica_methods", "basebackup", true,
     "not used yet: pg_basebackup is"},

    {"postgresql.name", NULL, false, "the name of a node is `name`"},
    {"postgresql.proxy_address", NULL, false, "not used yet"},
    {"postgresql.bin_name.pg_ctl", "pg_ctl", false, "the guard does it"},
    {"postgresql.bin_name.pg_controldata", "pg_controldata", false, "the file is read"},
    {"postgresql.bin_name.pg_isready", "pg_isready", false, "PostgreSQL is asked"},
    {"postgresql.use_unix_socket_repl", "false", false, "not used yet: over TCP"},
    {"postgresql.pg_ctl_timeout", NULL, false,
     "a lease bounds a stop, and a start ends when it comes no further"},
    {"watchdog.driver", "default", false, "there is one kind"},
};
// clang-format on

const size_t unused_keys_count = ARRAY_LEN(unused_keys);

/* The value is the usual one, or a list of nothing else. */
static bool is_usual(const struct unused_key *key, const struct tree_node *node)
{
    const char *usual = key->usual;
    if (node->kind == TREE_LIST && node->count == 1) {
        node = node->entries[0].value;
    }
    bool flag = true;
    bool is_off = usual != NULL && strcmp(usual, "false") == 0 && node->kind == TREE_SCALAR &&
                  scalar_bool(node->text, &flag, NULL) == 0 && !flag;
    return node->kind == TREE_SCALAR && usual != NULL && (is_off || strcmp(node->text, usual) == 0);
}

static void look(const struct check *c, const struct unused_key *key, const char *path)
{
    const struct tree_node *node = tree_find(c->root, path);
    if (node != NULL && !tree_is_null(node) && !is_usual(key, node)) {
        problems_add(c->problems, key->is_missed ? PROBLEM_WARNING : PROBLEM_NOTE, &node->place,
                     "%s: no effect: %s", path, key->why);
    }
}

/* A witness ignores the whole section, which is told once. */
static bool is_foreign(const struct check *c, const char *path)
{
    static const char *const theirs[] = {"postgresql.", "bootstrap.", "watchdog."};
    bool foreign = false;
    for (size_t i = 0; i < ARRAY_LEN(theirs); i++) {
        foreign = foreign || strncmp(path, theirs[i], strlen(theirs[i])) == 0;
    }
    return foreign && c->config->role == CONFIG_WITNESS;
}

void check_unused(const struct check *c)
{
    for (size_t i = 0; i < unused_keys_count; i++) {
        const struct unused_key *key = &unused_keys[i];
        if (is_foreign(c, key->path)) {
            continue;
        }
        look(c, key, key->path);
        if (strncmp(key->path, "postgresql.", strlen("postgresql.")) == 0) {
            CLEANUP(mem_freep) char *shared = mem_printf("bootstrap.dcs.%s", key->path);
            look(c, key, shared);
        }
    }
}

const struct unused_key *unused_variable(const char *name)
{
    for (size_t i = 0; i < unused_keys_count; i++) {
        const struct setting like = {.path = unused_keys[i].path};
        char variable[SETTINGS_VARIABLE_MAX];
        if (strcmp(setting_variable(&like, NULL, variable), name) == 0) {
            return &unused_keys[i];
        }
    }
    return NULL;
}
