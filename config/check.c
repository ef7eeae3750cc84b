/* config/check.c - rules between settings: what is missing, what contradicts itself, what is
 * hardly meant. */
#include "config/check.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/must.h"
#include "base/nearest.h"
#include "config/ciphers.h"
#include "config/patroni.h"
#include "config/scalar.h"
#include "config/unused.h"
#include "proto/timing.h"

#define LIMIT_QUOTAS_MIN 4
#define ELECTION_HEARTBEATS_MIN 3

/* --- Rows --- */

static size_t row_of(const char *path)
{
    size_t row = setting_index(path);
    MUST(row < settings_count);
    return row;
}

static bool is_given(const struct check *c, const char *path)
{
    return c->config->origins[row_of(path)].kind == CONFIG_GIVEN;
}

/* It has a value, or had one that was refused already. */
static bool is_there(const struct check *c, const char *path)
{
    size_t row = row_of(path);
    return c->failed[row] || c->config->origins[row].kind == CONFIG_GIVEN ||
           c->config->origins[row].kind == CONFIG_DERIVED;
}

void check_tell(const struct check *c, enum problem_level level, const char *path, const char *fmt,
                ...)
{
    char text[400];
    va_list args;
    va_start(args, fmt);
    int length = vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    MUST(length > 0);
    const struct config_origin *origin = &c->config->origins[row_of(path)];
    const struct tree_place file = {.source = c->source};
    const struct tree_place given = {
        .source = origin->source, .line = origin->line, .column = origin->column};
    problems_add(c->problems, level, is_given(c, path) ? &given : &file, "%s: %s", path, text);
}

/* --- What is missing --- */

static void tell_missing(const struct check *c, const struct setting *setting)
{
    char variable[SETTINGS_VARIABLE_MAX];
    (void)setting_variable(setting, "PGRAFT_", variable);
    check_tell(c, PROBLEM_ERROR, setting->path, "missing: %s; set it in the file, with %s or --%s",
               setting->help, variable, setting->flag);
}

static void check_required(const struct check *c)
{
    for (size_t i = 0; i < settings_count; i++) {
        if (settings[i].required && !is_there(c, settings[i].path)) {
            tell_missing(c, &settings[i]);
        }
    }
    bool wildcard = c->config->raft.listen != NULL && scalar_is_wildcard(c->config->raft.listen);
    if (wildcard && !is_there(c, "raft.advertise")) {
        check_tell(c, PROBLEM_ERROR, "raft.advertise",
                   "missing: this node listens everywhere, at which address do its peers find it?");
    }
}

static void check_role(const struct check *c)
{
    if (c->config->role == CONFIG_VOTER && !c->config->has_postgresql) {
        const struct tree_place file = {.source = c->source};
        problems_add(c->problems, PROBLEM_ERROR, &file,
                     "postgresql: missing: a voter runs a PostgreSQL and needs this section with "
                     "listen, connect_address, data_dir and authentication; a host without a "
                     "database is started with --witness");
    }
    if (c->config->role == CONFIG_VOTER && c->config->has_postgresql) {
        patroni_check_postgresql(c->root, c->problems);
    }
    if (c->config->role == CONFIG_WITNESS && c->config->has_postgresql) {
        const struct tree_place file = {.source = c->source};
        problems_add(c->problems, PROBLEM_NOTE, &file,
                     "postgresql: ignored: a witness runs no PostgreSQL");
    }
}

/* --- Addresses and peers --- */

static void check_own_entry(const struct check *c)
{
    const struct config *config = c->config;
    const struct config_pairs *peers = &config->raft.peers;
    if (peers->count == 0 || config->name == NULL) {
        return;
    }
    CLEANUP(mem_freep) const char **names = mem_array(peers->count, sizeof(*names));
    for (size_t i = 0; i < peers->count; i++) {
        names[i] = peers->at[i].key;
        if (strcmp(names[i], config->name) != 0) {
            continue;
        }
        if (config->raft.advertise != NULL &&
            strcmp(config->raft.advertise, peers->at[i].value) != 0) {
            check_tell(c, PROBLEM_WARNING, "raft.peers",
                       "%s has the address %s here, and tells its peers to use %s (raft.advertise)",
                       config->name, peers->at[i].value, config->raft.advertise);
        }
        return;
    }
    const char *guess = nearest(config->name, names, peers->count);
    CLEANUP(mem_freep)
    char *meant = guess != NULL ? mem_printf("; did you mean %s?", guess) : mem_strdup("");
    check_tell(c, PROBLEM_ERROR, "raft.peers", "this node's name, %s, is not in the list%s",
               config->name, meant);
}

static void check_addresses(const struct check *c)
{
    const struct config *config = c->config;
    static const char text[] = "nobody can connect to %s; name one address";
    if (config->raft.advertise != NULL && scalar_is_wildcard(config->raft.advertise)) {
        check_tell(c, PROBLEM_ERROR, "raft.advertise", text, config->raft.advertise);
    }
    if (config->restapi.connect_address != NULL &&
        scalar_is_wildcard(config->restapi.connect_address)) {
        check_tell(c, PROBLEM_ERROR, "restapi.connect_address", text,
                   config->restapi.connect_address);
    }
    if (config->raft.listen != NULL && config->restapi.listen != NULL &&
        strcmp(config->raft.listen, config->restapi.listen) == 0) {
        check_tell(c, PROBLEM_ERROR, "restapi.listen", "%s is the address of raft.listen",
                   config->restapi.listen);
    }
}

/* --- How peers trust each other --- */

static bool all_loopback(const struct config *config)
{
    bool all = config->raft.listen == NULL || scalar_is_loopback(config->raft.listen);
    for (size_t i = 0; i < config->raft.peers.count; i++) {
        all = all && scalar_is_loopback(config->raft.peers.at[i].value);
    }
    return all;
}

static void check_trust(const struct check *c)
{
    static const char *const tls[] = {"raft.cafile", "raft.certfile", "raft.keyfile"};
    bool secret = is_there(c, "raft.secret_file");
    size_t count = 0;
    for (size_t i = 0; i < ARRAY_LEN(tls); i++) {
        count += is_there(c, tls[i]) ? 1 : 0;
    }
    for (size_t i = 0; count > 0 && i < ARRAY_LEN(tls); i++) {
        if (!is_there(c, tls[i])) {
            check_tell(c, PROBLEM_ERROR, tls[i],
                       "missing: certificates need raft.cafile, raft.certfile and raft.keyfile");
        }
    }
    bool insecure = c->config->raft.insecure;
    if (secret && count > 0) {
        check_tell(c, PROBLEM_ERROR, "raft.secret_file",
                   "peers use either a secret or certificates; remove one of them");
    }
    if (insecure && (secret || count > 0)) {
        check_tell(c, PROBLEM_ERROR, "raft.insecure", "true contradicts %s; remove one of them",
                   secret ? "raft.secret_file" : "the certificates");
    } else if (insecure && !all_loopback(c->config)) {
        check_tell(c, PROBLEM_NOTE, "raft.insecure",
                   "whoever reaches a peer's port can read and write everything");
    }
    if (!secret && count == 0 && !insecure && !c->failed[row_of("raft.insecure")]) {
        check_tell(
            c, PROBLEM_ERROR, "raft.secret_file",
            "missing: peers trust each other by a secret (pgraftctl secret generate makes one) or "
            "by raft.cafile, certfile and keyfile; raft.insecure: true does without");
    }
}

/* --- Numbers --- */

/* Safety A5, as the library will ask for it: with the lease that it has unless told otherwise. */
static void check_times(const struct check *c)
{
    const struct config_raft *raft = &c->config->raft;
    struct timing timing = timing_of(TIMING_BALANCED);
    struct err err = {0};
    if (c->failed[row_of("raft.election_timeout")] ||
        c->failed[row_of("raft.heartbeat_interval")]) {
        return;
    }
    const char *path =
        is_given(c, "raft.election_timeout") ? "raft.election_timeout" : "raft.heartbeat_interval";
    timing.election_timeout_ms = raft->election_timeout_ms;
    timing.reconnect_ms = timing_reconnect_ms(raft->election_timeout_ms);
    timing.heartbeat_ms = raft->heartbeat_interval_ms;
    if (raft->election_timeout_ms < ELECTION_HEARTBEATS_MIN * raft->heartbeat_interval_ms) {
        CLEANUP(buf_close) struct buf least = {0};
        scalar_print_duration(ELECTION_HEARTBEATS_MIN * raft->heartbeat_interval_ms, &least);
        check_tell(c, PROBLEM_ERROR, path,
                   "an election timeout is at least three heartbeat intervals, %s here",
                   buf_text(&least));
    } else if (timing_check(&timing, &err) != 0) {
        check_tell(c, PROBLEM_ERROR, path, "%s", err.msg);
    }
}

static void check_numbers(const struct check *c)
{
    const struct config_raft *raft = &c->config->raft;
    check_times(c);
    if (!c->failed[row_of("raft.quota")] && !c->failed[row_of("raft.limit")] &&
        raft->limit_bytes < LIMIT_QUOTAS_MIN * raft->quota_bytes) {
        CLEANUP(buf_close) struct buf least = {0};
        scalar_print_size(LIMIT_QUOTAS_MIN * raft->quota_bytes, &least);
        check_tell(c, PROBLEM_ERROR, "raft.limit", "at least four times raft.quota, %s here",
                   buf_text(&least));
    }
}

/* --- HTTP --- */

static void check_login(const struct check *c, const char *username, const char *password)
{
    if (is_there(c, username) != is_there(c, password)) {
        const char *has = is_there(c, username) ? username : password;
        check_tell(c, PROBLEM_ERROR, has, "goes together with %s, which is missing",
                   has == username ? password : username);
    }
}

static void check_ciphers(const struct check *c)
{
    CLEANUP(buf_close) struct buf priorities = {0};
    struct err err = {0};
    const char *ciphers = c->config->restapi.ciphers;
    if (ciphers != NULL && ciphers_translate(ciphers, &priorities, &err) != 0) {
        check_tell(c, PROBLEM_ERROR, "restapi.ciphers", "%s", err.msg);
    }
}

static void check_http(const struct check *c)
{
    const struct config_restapi *restapi = &c->config->restapi;
    check_login(c, "restapi.authentication.username", "restapi.authentication.password");
    if (is_given(c, "ctl.authentication.username") || is_given(c, "ctl.authentication.password")) {
        check_login(c, "ctl.authentication.username", "ctl.authentication.password");
    }
    bool cert = is_there(c, "restapi.certfile");
    if (!cert && is_there(c, "restapi.keyfile")) {
        check_tell(c, PROBLEM_ERROR, "restapi.keyfile", "is of no use without restapi.certfile");
    }
    if (restapi->verify_client != CONFIG_VERIFY_NONE && !cert) {
        check_tell(c, PROBLEM_ERROR, "restapi.verify_client",
                   "clients show certificates over TLS only, and restapi.certfile is missing");
    }
    if (restapi->verify_client != CONFIG_VERIFY_NONE && !is_there(c, "restapi.cafile")) {
        check_tell(c, PROBLEM_ERROR, "restapi.verify_client",
                   "clients are checked against restapi.cafile, which is missing");
    }
    check_ciphers(c);
    if (c->config->role == CONFIG_VOTER && !is_there(c, "restapi.listen")) {
        check_tell(c, PROBLEM_NOTE, "restapi.listen",
                   "missing: this node answers no health check over HTTP");
    }
}

void check_all(const struct check *c)
{
    check_required(c);
    check_role(c);
    check_addresses(c);
    check_own_entry(c);
    check_trust(c);
    check_numbers(c);
    check_http(c);
    check_pg(c);
    check_unused(c);
}
