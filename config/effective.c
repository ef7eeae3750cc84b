/* config/effective.c - what a node goes by, and the same in the supervisor's words. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/must.h"
#include "config/dynamic.h"
#include "config/dynamic_standby.h"
#include "config/settings.h"

/* A layer of parameters is not replaced but laid on the other. */
static bool is_layer(const struct setting *setting)
{
    return setting->kind == SETTING_PARAMETERS;
}

void config_effective(const struct config *local, const struct config *dynamic,
                      struct config *ret_view)
{
    *ret_view = *local;
    ret_view->dynamic = dynamic->dynamic;
    for (size_t i = 0; i < settings_count; i++) {
        bool wanted = settings[i].dynamic && !is_layer(&settings[i]) &&
                      local->origins[i].kind != CONFIG_GIVEN &&
                      dynamic->origins[i].kind == CONFIG_GIVEN;
        if (wanted) {
            setting_borrow(&settings[i], dynamic, ret_view);
            ret_view->origins[i] = dynamic->origins[i];
        }
    }
}

/* --- Parameters --- */

void config_layers_make(const struct config *local, const struct config *dynamic,
                        enum config_for role, struct config_layers *out)
{
    MUST(role != CONFIG_FOR_ALL);
    const struct config_pairs *const from[PG_LAYER_COUNT] = {
        [PG_LAYER_SHARED] = &dynamic->postgresql.parameters[CONFIG_FOR_ALL],
        [PG_LAYER_LOCAL] = &local->postgresql.parameters[CONFIG_FOR_ALL],
        [PG_LAYER_SHARED_ROLE] = &dynamic->postgresql.parameters[role],
        [PG_LAYER_LOCAL_ROLE] = &local->postgresql.parameters[role],
        [PG_LAYER_SHARED_RECOVERY] = &dynamic->postgresql.recovery_conf,
        [PG_LAYER_LOCAL_RECOVERY] = &local->postgresql.recovery_conf,
    };
    size_t count = 0;
    for (size_t i = 0; i < PG_LAYER_COUNT; i++) {
        count += from[i]->count;
    }
    *out = (struct config_layers){.all = mem_array(count, sizeof(struct pg_pair))};
    struct pg_pair *at = out->all;
    for (size_t i = 0; i < PG_LAYER_COUNT; i++) {
        out->layers[i] = (struct pg_pairs){.at = at, .count = from[i]->count};
        for (size_t n = 0; n < from[i]->count; n++) {
            *at++ = (struct pg_pair){.name = from[i]->at[n].key, .value = from[i]->at[n].value};
        }
    }
}

void config_layers_close(struct config_layers *layers)
{
    mem_free(layers->all);
    *layers = (struct config_layers){0};
}

/* --- Lines --- */

static const struct config_list *lines_for(const struct config_list *lists, enum config_for role)
{
    return lists[role].count > 0 ? &lists[role] : &lists[CONFIG_FOR_ALL];
}

const struct config_list *config_hba(const struct config *view, enum config_for role)
{
    return lines_for(view->postgresql.pg_hba, role);
}

const struct config_list *config_ident(const struct config *view, enum config_for role)
{
    return lines_for(view->postgresql.pg_ident, role);
}

/* --- Policy --- */

void config_policy(const struct config *view, struct supervisor_settings *ret_settings)
{
    static const enum sync_mode modes[] = {SYNC_OFF, SYNC_ON, SYNC_QUORUM};
    const struct config_dynamic *dynamic = &view->dynamic;
    MUST(dynamic->synchronous_mode >= 0 && (size_t)dynamic->synchronous_mode < ARRAY_LEN(modes));
    ret_settings->sync_mode = modes[dynamic->synchronous_mode];
    ret_settings->sync_strict = dynamic->synchronous_mode_strict;
    ret_settings->sync_nodes = (uint32_t)dynamic->synchronous_node_count;
    ret_settings->lag_bytes_max = dynamic->lag_on_failover_bytes;
    ret_settings->restart_max_ms = dynamic->primary_start_timeout_ms;
    ret_settings->check_timeline = dynamic->check_timeline;
    ret_settings->is_standby_cluster = dynamic_is_standby(dynamic);
    dynamic_remote_name(dynamic, &ret_settings->remote);
    ret_settings->may_rewind = view->postgresql.use_pg_rewind;
    ret_settings->may_clone =
        view->postgresql.clone_after_rewind && view->postgresql.clone_diverged;
}

void config_timing(const struct config *view, struct timing_wish *ret_wish)
{
    *ret_wish = (struct timing_wish){
        .profile = (enum failover_profile)view->dynamic.failover,
        .lease_ms = view->dynamic.lease_ms,
        .ttl_s = (view->dynamic.ttl_ms + 999) / 1000,
    };
}

/* --- Addresses and users --- */

unsigned config_listen(const struct config *config, struct buf *out)
{
    const char *listen = config->postgresql.listen;
    if (listen == NULL) {
        return CONFIG_PG_PORT;
    }
    const char *port = strrchr(listen, ':');
    MUST(port != NULL); /* config/assign_pg.c adds it */
    for (const char *at = listen; at < port; at++) {
        if (*at != '[' && *at != ']') {
            buf_char(out, *at);
        }
    }
    return (unsigned)strtoul(port + 1, NULL, 10);
}

static const char *reveal(const struct secret *secret)
{
    return secret_is_set(secret) ? secret_reveal(secret) : NULL;
}

void config_login(const struct config_user *user, struct pg_login *ret_login)
{
    *ret_login = (struct pg_login){
        .username = user->username,
        .password = reveal(&user->password),
        .sslmode = user->sslmode,
        .sslkey = user->sslkey,
        .sslpassword = reveal(&user->sslpassword),
        .sslcert = user->sslcert,
        .sslrootcert = user->sslrootcert,
        .sslcrl = user->sslcrl,
        .sslcrldir = user->sslcrldir,
        .sslnegotiation = user->sslnegotiation,
        .gssencmode = user->gssencmode,
        .channel_binding = user->channel_binding,
    };
}

const struct config_user *config_rewind_user(const struct config *config)
{
    const struct config_postgresql *pg = &config->postgresql;
    return pg->rewind_user.username != NULL ? &pg->rewind_user : &pg->superuser;
}
