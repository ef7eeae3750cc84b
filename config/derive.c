/* config/derive.c - defaults that come from other settings. */
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/must.h"
#include "config/check.h"
#include "config/scalar.h"

#define LIMIT_BYTES_MIN (UINT64_C(1) << 30)
#define LIMIT_QUOTAS 8
#define LAN_ELECTION_MS 500
#define WAN_ELECTION_MS 1000

/* The row of @path still waits for a value: none was given, good or bad. */
static bool wants(const struct check *c, const char *path)
{
    size_t row = setting_index(path);
    MUST(row < settings_count);
    return c->config->origins[row].kind == CONFIG_UNSET && !c->failed[row];
}

static void is_derived(const struct check *c, const char *path)
{
    c->config->origins[setting_index(path)].kind = CONFIG_DERIVED;
}

static void derive_text(const struct check *c, const char *path, char **member, const char *text)
{
    if (text != NULL && wants(c, path)) {
        *member = mem_strdup(text);
        is_derived(c, path);
    }
}

static void derive_secret(const struct check *c, const char *path, struct secret *member,
                          const struct secret *from)
{
    if (secret_is_set(from) && wants(c, path)) {
        secret_set(member, secret_reveal(from), secret_size(from));
        is_derived(c, path);
    }
}

static void derive_number(const struct check *c, const char *path, uint64_t *member, uint64_t value)
{
    if (wants(c, path)) {
        *member = value;
        is_derived(c, path);
    }
}

/* This node's own address in the list of peers; NULL when it is not there. */
static const char *own_entry(const struct config *config)
{
    const struct config_pairs *peers = &config->raft.peers;
    for (size_t i = 0; config->name != NULL && i < peers->count; i++) {
        if (strcmp(peers->at[i].key, config->name) == 0) {
            return peers->at[i].value;
        }
    }
    return NULL;
}

static void derive_raft(const struct check *c)
{
    struct config *config = c->config;
    struct config_raft *raft = &config->raft;
    bool wildcard = raft->listen != NULL && scalar_is_wildcard(raft->listen);
    derive_text(c, "raft.advertise", &raft->advertise, wildcard ? own_entry(config) : raft->listen);
    if (config->scope != NULL && config->name != NULL) {
        CLEANUP(mem_freep)
        char *dir = mem_printf("/var/lib/pgraft/%s/%s", config->scope, config->name);
        derive_text(c, "raft.data_dir", &raft->data_dir, dir);
    }
    uint64_t limit_bytes = LIMIT_QUOTAS * raft->quota_bytes;
    derive_number(c, "raft.limit", &raft->limit_bytes,
                  limit_bytes > LIMIT_BYTES_MIN ? limit_bytes : LIMIT_BYTES_MIN);
    derive_number(c, "raft.election_timeout", &raft->election_timeout_ms,
                  raft->profile == CONFIG_WAN ? WAN_ELECTION_MS : LAN_ELECTION_MS);
}

/* The host of @address with the port of @other. */
static char *host_with_port(const char *address, const char *other)
{
    const char *host_end = strrchr(address, ':');
    const char *port = strrchr(other, ':');
    MUST(host_end != NULL);
    MUST(port != NULL);
    return mem_printf("%.*s%s", (int)(host_end - address), address, port);
}

static void derive_restapi(const struct check *c)
{
    struct config_restapi *restapi = &c->config->restapi;
    const char *advertise = c->config->raft.advertise;
    if (restapi->listen == NULL) {
        return;
    }
    if (!scalar_is_wildcard(restapi->listen)) {
        derive_text(c, "restapi.connect_address", &restapi->connect_address, restapi->listen);
    } else if (advertise != NULL) {
        CLEANUP(mem_freep) char *address = host_with_port(advertise, restapi->listen);
        derive_text(c, "restapi.connect_address", &restapi->connect_address, address);
    }
}

static void derive_ctl(const struct check *c)
{
    struct config_ctl *ctl = &c->config->ctl;
    const struct config_restapi *restapi = &c->config->restapi;
    derive_text(c, "ctl.authentication.username", &ctl->authentication.username,
                restapi->authentication.username);
    derive_secret(c, "ctl.authentication.password", &ctl->authentication.password,
                  &restapi->authentication.password);
    derive_text(c, "ctl.cacert", &ctl->cacert, restapi->cafile);
    derive_text(c, "ctl.certfile", &ctl->certfile, restapi->certfile);
    derive_text(c, "ctl.keyfile", &ctl->keyfile, restapi->keyfile);
    derive_secret(c, "ctl.keyfile_password", &ctl->keyfile_password, &restapi->keyfile_password);
}

static void derive_postgresql(const struct check *c)
{
    struct config_postgresql *pg = &c->config->postgresql;
    derive_text(c, "postgresql.config_dir", &pg->config_dir, pg->data_dir);
    if (c->config->raft.data_dir != NULL && c->config->has_postgresql) {
        CLEANUP(mem_freep) char *pgpass = mem_printf("%s/pgpass", c->config->raft.data_dir);
        derive_text(c, "postgresql.pgpass", &pg->pgpass, pgpass);
    }
}

void check_derive(const struct check *c)
{
    derive_raft(c);
    derive_restapi(c);
    derive_ctl(c);
    derive_postgresql(c);
}
