/* daemon/patroni_path.c - which of Patroni's paths is meant, and what its parameters say. */
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "daemon/patroni.h"

#define BYTES_MAX 9e18

static const struct {
    const char *name;
    enum patroni_path path;
    bool has_more; /* what comes behind it does not count */
} paths[] = {
    {"", PATRONI_PRIMARY, false},
    {"primary", PATRONI_PRIMARY, false},
    {"master", PATRONI_PRIMARY, false},
    {"read-write", PATRONI_PRIMARY, false},
    {"leader", PATRONI_LEADER, false},
    {"standby-leader", PATRONI_STANDBY_LEADER, false},
    {"standby_leader", PATRONI_STANDBY_LEADER, false},
    {"replica", PATRONI_REPLICA, false},
    {"read-only", PATRONI_READ_ONLY, false},
    {"sync", PATRONI_SYNC, false},
    {"synchronous", PATRONI_SYNC, false},
    {"read-only-sync", PATRONI_READ_ONLY_SYNC, false},
    {"read-only-synchronous", PATRONI_READ_ONLY_SYNC, false},
    {"quorum", PATRONI_QUORUM, false},
    {"read-only-quorum", PATRONI_READ_ONLY_QUORUM, false},
    {"async", PATRONI_ASYNC, false},
    {"asynchronous", PATRONI_ASYNC, false},
    {"health", PATRONI_HEALTH, false},
    {"liveness", PATRONI_LIVENESS, true},
    {"readiness", PATRONI_READINESS, true},
    {"patroni", PATRONI_STATUS, true},
    {"cluster", PATRONI_CLUSTER, true},
    {"history", PATRONI_HISTORY, true},
    {"config", PATRONI_CONFIG, true},
    {"metrics", PATRONI_METRICS, true},
    {"switchover", PATRONI_SWITCHOVER, true},
    {"failover", PATRONI_FAILOVER, true},
    {"restart", PATRONI_RESTART, true},
    {"reload", PATRONI_RELOAD, true},
    {"reinitialize", PATRONI_REINITIALIZE, true},
    {"failsafe", PATRONI_FAILSAFE, true},
};

enum patroni_path patroni_path(const char *path)
{
    const char *first = path + strspn(path, "/");
    size_t length = strcspn(first, "/");
    if (first == path) {
        return PATRONI_NONE;
    }
    bool has_more = first[length + strspn(first + length, "/")] != '\0';
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        if (strlen(paths[i].name) == length && strncmp(paths[i].name, first, length) == 0) {
            return has_more && !paths[i].has_more ? PATRONI_NONE : paths[i].path;
        }
    }
    return PATRONI_NONE;
}

const char *patroni_value(const struct patroni_query *query, const char *key)
{
    for (size_t i = 0; i < query->count; i++) {
        if (strcmp(query->at[i].key, key) == 0) {
            return query->at[i].value;
        }
    }
    return NULL;
}

bool patroni_bytes(const char *text, uint64_t *ret_bytes)
{
    static const struct {
        const char *unit;
        double bytes;
    } units[] = {{"", 1},         {"B", 1},           {"kB", 1024},
                 {"MB", 1048576}, {"GB", 1073741824}, {"TB", 1099511627776}};
    const char *digits = text + strspn(text, " ");
    size_t length = strspn(digits, "0123456789.");
    char *end = NULL;
    double number = length > 0 ? strtod(digits, &end) : 0;
    if (length == 0 || end != digits + length) {
        return false;
    }
    const char *unit = end + strspn(end, " ");
    size_t size = strcspn(unit, " ");
    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        bool fits = strlen(units[i].unit) == size && strncmp(units[i].unit, unit, size) == 0;
        double bytes = number * units[i].bytes + 0.5; /* rounded when it is cut */
        if (fits && unit[size + strspn(unit + size, " ")] == '\0' && bytes < BYTES_MAX) {
            *ret_bytes = (uint64_t)bytes;
            return true;
        }
    }
    return false;
}
