/* daemon/wire_pg.c - from a configuration to what the supervisor is to make of it. */
#include "daemon/wire_pg.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/must.h"
#include "config/methods.h"
#include "config/settings.h"
#include "daemon/wire_tags.h"
#include "supervisor/autostart.h"
#include "supervisor/pg_find.h"
#include "supervisor/pg_note.h"

#define CRASHES_MAX 3
#define SUPERUSER "postgres"
#define DATABASE "postgres"
#define NO_CONFIG "{}"

bool wire_pg_supervises(const struct config *config)
{
    return config->role == CONFIG_VOTER && config->has_postgresql &&
           config->postgresql.data_dir != NULL;
}

/* ---- programs of ours ---- */

/* Beside this one, in a tree that was built or in one that was installed. */
static char *find_program(const char *name)
{
    static const char *const places[] = {"/../supervisor/", "/../libexec/pgraft/",
                                         "/../lib/pgraft/", "/"};
    char self[4096];
    ssize_t size = readlink("/proc/self/exe", self, sizeof(self) - 1);
    self[size > 0 ? size : 0] = '\0';
    char *slash = strrchr(self, '/');
    if (slash != NULL) {
        *slash = '\0';
    }
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        CLEANUP(mem_freep) char *path = mem_printf("%s%s%s", self, places[i], name);
        char whole[PATH_MAX];
        if (access(path, X_OK) == 0 && realpath(path, whole) != NULL) {
            return mem_strdup(whole);
        }
    }
    return NULL;
}

static int find_programs(struct wire_pg *w, struct err *err)
{
    w->guard = find_program("pgraft-guard");
    w->helper = find_program("pgraft-helper");
    w->setup.guard = w->guard;
    w->setup.helper = w->helper;
    return w->guard != NULL && w->helper != NULL
               ? 0
               : err_set(err, ERR_NOT_FOUND,
                         "pgraft-guard and pgraft-helper are not where pgraftd is installed");
}

/* ---- addresses ---- */

/* "10.0.0.1:5432", "[::1]:5432" in two; the port it had, or @port. */
static unsigned split(const char *address, unsigned port, struct buf *host)
{
    const char *colon = strrchr(address, ':');
    bool has_port = colon != NULL && strchr(colon, ']') == NULL;
    size_t size = has_port ? (size_t)(colon - address) : strlen(address);
    for (size_t i = 0; i < size; i++) {
        if (address[i] != '[' && address[i] != ']') {
            buf_char(host, address[i]);
        }
    }
    return has_port ? (unsigned)strtoul(colon + 1, NULL, 10) : port;
}

/* This program reaches it by the first address it listens at. */
static void reach(struct wire_pg *w)
{
    const char *listen = buf_text(&w->listen);
    size_t size = strcspn(listen, ",");
    if (listen[0] == '\0' || listen[0] == '*' || strncmp(listen, "0.0.0.0", size) == 0) {
        buf_str(&w->reach_host, "127.0.0.1");
    } else {
        buf_append(&w->reach_host, listen, size);
    }
}

static void fill_places(struct wire_pg *w, const struct config *c)
{
    struct pg_setup *s = &w->setup;
    const char *connect = c->postgresql.connect_address;
    s->port = config_listen(&w->view, &w->listen);
    reach(w);
    s->host_port = s->port;
    if (connect != NULL) {
        s->host_port = split(connect, s->port, &w->host);
    } else {
        buf_str(&w->host, buf_text(&w->reach_host));
    }
    s->listen = w->listen.size > 0 ? buf_text(&w->listen) : "127.0.0.1";
    s->reach_host = buf_text(&w->reach_host);
    s->host = buf_text(&w->host);
}

/* use_unix_socket: by the first directory that the configuration names; what PostgreSQL was built
 * with is not known here. */
static void reach_by_socket(struct wire_pg *w)
{
    const char *directories = NULL;
    for (size_t layer = 0; layer < PG_LAYER_COUNT; layer++) {
        const struct pg_pairs *pairs = &w->standby.layers[layer];
        for (size_t i = 0; i < pairs->count; i++) {
            bool is_it = strcasecmp(pairs->at[i].name, "unix_socket_directories") == 0;
            directories = is_it ? pairs->at[i].value : directories;
        }
    }
    if (w->view.postgresql.use_unix_socket && directories != NULL && directories[0] == '/') {
        buf_clear(&w->reach_host);
        buf_append(&w->reach_host, directories, strcspn(directories, ", "));
        w->setup.reach_host = buf_text(&w->reach_host);
    }
}

/* ---- lists ---- */

static struct pg_pairs pairs_of(const struct config_pairs *from, struct pg_pair **ret_all)
{
    *ret_all = (struct pg_pair *)mem_array(from->count + 1, sizeof(**ret_all));
    for (size_t i = 0; i < from->count; i++) {
        (*ret_all)[i] = (struct pg_pair){.name = from->at[i].key, .value = from->at[i].value};
    }
    return (struct pg_pairs){.at = *ret_all, .count = from->count};
}

/* Those of its own section a new cluster has anyway. */
static struct pg_accounts first_users(const struct config *c, struct pg_account **ret_all)
{
    const struct config_accounts *from = &c->bootstrap.users;
    *ret_all = (struct pg_account *)mem_array(from->count + 1, sizeof(**ret_all));
    for (size_t i = 0; i < from->count; i++) {
        const struct config_account *user = &from->at[i];
        (*ret_all)[i] = (struct pg_account){
            .name = user->name,
            .password = secret_is_set(&user->password) ? secret_reveal(&user->password) : NULL,
            .options = user->options};
    }
    return (struct pg_accounts){.at = *ret_all, .count = from->count};
}

/* ---- ways to new data ---- */

/* Its section may stand in the node's file or in the shared configuration, wherever the list does.
 */
static void fill_method(const struct config_method *m, struct pg_method *out,
                        struct pg_pair **ret_arguments)
{
    out->command = m->command;
    out->arguments = pairs_of(&m->arguments, ret_arguments);
    out->no_params = m->no_params;
    out->no_leader = m->no_leader;
    out->keep_data = m->keep_data;
    out->said_no_leader = m->said_no_leader;
    out->said_keep_data = m->said_keep_data;
}

static void fill_methods(struct wire_pg *w, const struct config *c)
{
    const struct config_list *names = &w->view.postgresql.create_replica_methods;
    w->methods = (struct pg_method *)mem_zalloc((names->count + 1) * sizeof(*w->methods));
    w->method_arguments =
        (struct pg_pair **)mem_zalloc((names->count + 1) * sizeof(*w->method_arguments));
    w->method_count = names->count;
    for (size_t i = 0; i < names->count; i++) {
        const char *name = names->at[i];
        const struct config_method *m = methods_find(&c->postgresql.methods, name);
        m = m != NULL ? m : methods_find(&w->dynamic.postgresql.methods, name);
        w->methods[i] =
            (struct pg_method){.name = name, .is_basebackup = strcmp(name, METHOD_BASEBACKUP) == 0};
        if (!w->methods[i].is_basebackup && m != NULL) {
            fill_method(m, &w->methods[i], &w->method_arguments[i]);
        }
    }
    w->setup.replica_methods = (struct pg_methods){.at = w->methods, .count = names->count};
}

static void fill_bootstrap(struct wire_pg *w, const struct config *c)
{
    const struct config_methods *methods = &c->bootstrap.methods;
    if (methods->count == 0) {
        return;
    }
    const struct config_method *m = &methods->at[0];
    w->setup.bootstrap =
        (struct pg_bootstrap){.name = m->name,
                              .command = m->command,
                              .arguments = pairs_of(&m->arguments, &w->bootstrap_arguments),
                              .no_params = m->no_params,
                              .keeps_recovery = m->keeps_recovery,
                              .has_recovery = m->has_recovery,
                              .recovery = pairs_of(&m->recovery, &w->bootstrap_recovery)};
}

static struct pg_lines lines_of(const struct config_list *list)
{
    return (struct pg_lines){.at = (const char *const *)list->at, .count = list->count};
}

static void fill_role(const struct wire_pg *w, const struct config_layers *layers,
                      enum config_for role, struct pg_setup_role *out)
{
    memcpy(out->layers, layers->layers, sizeof(out->layers));
    out->hba = lines_of(config_hba(&w->view, role));
    out->ident = lines_of(config_ident(&w->view, role));
}

/* ---- the whole ---- */

static bool is_given(const struct config *c, const char *path)
{
    size_t row = setting_index(path);
    MUST(row < settings_count);
    return c->origins[row].kind == CONFIG_GIVEN;
}

void wire_pg_beats(const struct config *c, uint64_t *ret_heartbeat_ms,
                   uint64_t *ret_election_timeout_ms)
{
    CLEANUP(problems_close) struct problems problems = {0};
    CLEANUP(config_close) struct config dynamic = {0};
    struct config view;
    struct timing_wish wish;
    (void)config_dynamic_load("bootstrap.dcs", c->bootstrap.dcs, &dynamic, &problems);
    config_effective(c, &dynamic, &view);
    config_timing(&view, &wish);
    *ret_heartbeat_ms = c->raft.heartbeat_interval_ms;
    *ret_election_timeout_ms = c->raft.election_timeout_ms;
    if (c->raft.profile == CONFIG_LAN && !is_given(c, "raft.election_timeout") &&
        !is_given(c, "raft.heartbeat_interval")) {
        struct supervisor_times times = timing_from(&wish).times;
        *ret_heartbeat_ms = times.heartbeat_ms;
        *ret_election_timeout_ms = times.election_timeout_ms;
    }
}

static void fill_policy(struct wire_pg *w, const struct config *c)
{
    struct supervisor_settings *policy = &w->setup.settings;
    struct timing_wish wish;
    struct config_tags tags;
    config_policy(&w->view, policy);
    config_timing(&w->view, &wish);
    wire_pg_beats(c, &wish.heartbeat_ms, &wish.election_timeout_ms);
    struct timing_result timing = timing_from(&wish);
    policy->times = timing.times;
    policy->crashes_max = CRASHES_MAX;
    memcpy(w->times_warning, timing.warning, sizeof(w->times_warning));
    w->setup.times_warning = w->times_warning;
    if (!policy->is_guess) {
        log_info("supervisor", "times", LOG_STR("text", timing.sentence));
    }
    if (!policy->is_guess && w->times_warning[0] != '\0') {
        log_warn("config", "the key config", LOG_STR("text", w->times_warning));
    }
    config_tags(c, &tags);
    w->setup.tags = (struct own_tags){.is_database = wire_pg_supervises(c),
                                      .nofailover = tags.nofailover,
                                      .nosync = tags.nosync,
                                      .failover_priority = tags.failover_priority,
                                      .clonefrom = tags.clonefrom,
                                      .nostream = tags.nostream};
    bool is_other = tags.replicatefrom != NULL && strcmp(tags.replicatefrom, c->name) != 0;
    view_text_set(w->setup.tags.replicatefrom.text, sizeof(w->setup.tags.replicatefrom.text),
                  is_other ? tags.replicatefrom : "");
    wire_tags(c, &w->setup.shown_tags);
    w->setup.failsafe_mode = w->view.dynamic.failsafe_mode;
}

static void fill_users(struct wire_pg *w)
{
    struct pg_setup *s = &w->setup;
    config_login(&w->view.postgresql.superuser, &s->superuser);
    config_login(&w->view.postgresql.replication, &s->replication);
    config_login(&w->view.postgresql.rewind_user, &s->rewind);
    if (s->superuser.username == NULL) {
        s->superuser.username = SUPERUSER;
    }
    if (s->replication.username == NULL) {
        s->replication = s->superuser;
    }
}

static void fill_scripts(struct wire_pg *w)
{
    struct pg_setup *s = &w->setup;
    const struct config_postgresql *pg = &w->view.postgresql;
    s->pre_promote = pg->pre_promote;
    s->before_stop = pg->before_stop;
    s->callbacks[CALLBACK_ON_START] = pg->on_start;
    s->callbacks[CALLBACK_ON_STOP] = pg->on_stop;
    s->callbacks[CALLBACK_ON_RESTART] = pg->on_restart;
    s->callbacks[CALLBACK_ON_RELOAD] = pg->on_reload;
    s->callbacks[CALLBACK_ON_ROLE_CHANGE] = pg->on_role_change;
}

/* Above all that the node's own file says, as with Patroni. */
static void fill_leader(struct wire_pg *w, const struct config *c)
{
    const struct config_dynamic *d = &w->view.dynamic;
    const struct pg_pair own[] = {{"restore_command", d->standby.restore_command},
                                  {"archive_cleanup_command", d->standby.cleanup_command},
                                  {"recovery_min_apply_delay", d->standby.delay}};
    config_layers_make(c, &w->dynamic, CONFIG_FOR_LEADER, &w->leader);
    struct pg_pairs *last = &w->leader.layers[PG_LAYER_LOCAL_RECOVERY];
    w->leader_pairs =
        (struct pg_pair *)mem_array(last->count + ARRAY_LEN(own), sizeof(*w->leader_pairs));
    size_t count = 0;
    for (size_t i = 0; i < last->count; i++) {
        w->leader_pairs[count++] = last->at[i];
    }
    for (size_t i = 0; i < ARRAY_LEN(own); i++) {
        if (own[i].value != NULL && own[i].value[0] != '\0') {
            w->leader_pairs[count++] = own[i];
        }
    }
    *last = (struct pg_pairs){.at = w->leader_pairs, .count = count};
    fill_role(w, &w->leader, CONFIG_FOR_LEADER, &w->setup.leader);
    bool has_slot = d->standby.slot != NULL && d->standby.slot[0] != '\0';
    bool has_host = d->standby.host != NULL && d->standby.host[0] != '\0';
    w->setup.remote = (struct pg_remote){.host = has_host ? d->standby.host : NULL,
                                         .port = (unsigned)d->standby.port,
                                         .slot = has_slot ? d->standby.slot : NULL};
}

static void fill_postgresql(struct wire_pg *w, const struct config *c)
{
    struct pg_setup *s = &w->setup;
    const struct config_postgresql *pg = &w->view.postgresql;
    s->files = (struct pg_files){
        .data_dir = pg->data_dir, .config_dir = pg->config_dir, .custom_conf = pg->custom_conf};
    s->passfile = pg->pgpass;
    s->bin_dir = pg->bin_dir;
    s->programs = (struct pg_programs){.postgres = pg->bin_name.postgres,
                                       .initdb = pg->bin_name.initdb,
                                       .basebackup = pg->bin_name.pg_basebackup,
                                       .rewind = pg->bin_name.pg_rewind};
    s->krbsrvname = pg->krbsrvname;
    s->environment = environ;
    s->database = pg->database != NULL ? pg->database : DATABASE;
    s->peers = buf_text(&w->peers);
    fill_places(w, c);
    fill_users(w);
    config_layers_make(c, &w->dynamic, CONFIG_FOR_REPLICA, &w->standby);
    config_layers_make(c, &w->dynamic, CONFIG_FOR_PRIMARY, &w->primary);
    reach_by_socket(w);
    fill_role(w, &w->standby, CONFIG_FOR_REPLICA, &s->standby);
    fill_role(w, &w->primary, CONFIG_FOR_PRIMARY, &s->primary);
    fill_leader(w, c);
    s->first_users = first_users(c, &w->first_users);
    s->initdb = pairs_of(&c->bootstrap.initdb, &w->initdb);
    s->basebackup = pairs_of(&pg->basebackup, &w->basebackup);
    s->rewind_options = pairs_of(&pg->rewind, &w->rewind);
    fill_methods(w, c);
    fill_bootstrap(w, c);
    s->post_bootstrap = c->bootstrap.post_bootstrap;
    fill_scripts(w);
    s->first_hba = lines_of(&c->bootstrap.pg_hba);
}

/* Of an automatic one that is not there nobody has to hear at each promotion. Its times go by the
 * lease: the guard is told of them when it is armed (act_life.c). */
static void fill_watchdog(struct wire_pg *w, const struct config *c)
{
    static const char *const modes[] = {[CONFIG_WATCHDOG_OFF] = "off",
                                        [CONFIG_WATCHDOG_AUTOMATIC] = "automatic",
                                        [CONFIG_WATCHDOG_REQUIRED] = "required"};
    const struct config_watchdog *dog = &c->watchdog;
    w->setup.watchdog_margin_s = dog->safety_margin_s;
    bool is_absent = dog->mode == CONFIG_WATCHDOG_AUTOMATIC && access(dog->device, F_OK) != 0;
    if (dog->mode == CONFIG_WATCHDOG_OFF || is_absent) {
        return;
    }
    size_t count = 0;
    w->guard_options[count++] = mem_printf("--watchdog=%s", modes[dog->mode]);
    w->guard_options[count++] = mem_printf("--watchdog-device=%s", dog->device);
    w->setup.guard_options = w->guard_options;
}

static void fill_slots(struct wire_pg *w)
{
    const struct config_dynamic *dynamic = &w->view.dynamic;
    w->setup.use_slots = dynamic->use_slots;
    w->setup.slots_ttl_ms = dynamic->member_slots_ttl_ms;
    w->setup.permanent_slots = dynamic->slots;
    w->setup.ignored_slots = dynamic->ignore_slots;
}

int wire_pg_fill(struct wire_pg *w, const struct config *c, const struct wire_shared *shared,
                 struct problems *problems, struct err *err)
{
    memset(w, 0, sizeof(*w));
    if (config_dynamic_load(shared->name, shared->text, &w->dynamic, problems) != 0) {
        return err_set(err, ERR_INVALID, "%s has errors", shared->name);
    }
    config_effective(c, &w->dynamic, &w->view);
    struct pg_setup *s = &w->setup;
    s->settings.is_guess = shared->is_guess;
    s->settings.config_revision = shared->revision;
    s->first_config = c->bootstrap.dcs != NULL ? c->bootstrap.dcs : NO_CONFIG;
    const char *at =
        c->restapi.connect_address != NULL ? c->restapi.connect_address : c->restapi.listen;
    if (at != NULL && at[0] != '*') {
        buf_printf(&w->api_url, "%s://%s/patroni", c->restapi.certfile != NULL ? "https" : "http",
                   at);
    }
    config_peers_text(c, &w->peers);
    s->state_dir = c->raft.data_dir;
    s->scope = c->scope;
    s->name = c->name;
    s->site = c->raft.site != NULL ? c->raft.site : "";
    s->api_url = buf_text(&w->api_url);
    fill_policy(w, c);
    if (!s->tags.is_database) {
        return 0;
    }
    fill_postgresql(w, c);
    fill_slots(w);
    fill_watchdog(w, c);
    return find_programs(w, err);
}

/* Data that are to be adopted are refused then (supervisor/act_adopt.c). Ours may be somebody's
 * primary by now, so that is no reason not to begin. */
static void warn_of_others(const char *data_dir)
{
    CLEANUP(buf_close) struct buf who = {0};
    if (autostart_find(NULL, data_dir, &who)) {
        log_warn("daemon", "PostgreSQL is not pgraft's alone", LOG_STR("text", buf_text(&who)));
    }
}

void wire_pg_note(struct wire_pg *w, struct pgraft_settings *store)
{
    struct pg_dir_found found;
    struct pg_note note;
    bool is_copy = false;
    struct err err = {.code = 0};
    if (!w->setup.tags.is_database || pg_find_dir(w->setup.files.data_dir, &found, &err) != 0) {
        return;
    }
    bool is_data = found.kind == PG_DIR_DATA;
    int code = is_data ? pg_note_read(w->setup.files.data_dir, &note, &is_copy, &err) : 0;
    if (code != ERR_NOT_FOUND) {
        warn_of_others(w->setup.files.data_dir);
    }
    if (!is_data) {
        return;
    }
    store->data = code == ERR_NOT_FOUND ? PGRAFT_DATA_FOREIGN : PGRAFT_DATA_NOTED;
    if (code == 0 && note.peers[0] != '\0') {
        buf_str(&w->data_peers, note.peers);
        store->data_peers = buf_text(&w->data_peers);
    } else if (code != 0 && code != ERR_NOT_FOUND) {
        log_warn("daemon", "the note in the data directory can not be read", LOG_ERR(&err));
    }
}

void wire_pg_close(struct wire_pg *w)
{
    config_layers_close(&w->standby);
    config_layers_close(&w->primary);
    config_layers_close(&w->leader);
    mem_free(w->leader_pairs);
    buf_close(&w->listen);
    buf_close(&w->reach_host);
    buf_close(&w->host);
    buf_close(&w->peers);
    buf_close(&w->api_url);
    mem_free(w->guard);
    mem_free(w->helper);
    mem_free(w->first_users);
    mem_free(w->initdb);
    mem_free(w->basebackup);
    mem_free(w->rewind);
    for (size_t i = 0; i < w->method_count; i++) {
        mem_free(w->method_arguments[i]);
    }
    mem_free(w->methods);
    mem_free(w->method_arguments);
    mem_free(w->bootstrap_arguments);
    mem_free(w->bootstrap_recovery);
    for (size_t i = 0; i < ARRAY_LEN(w->guard_options); i++) {
        mem_free(w->guard_options[i]);
    }
    buf_close(&w->data_peers);
    config_close(&w->dynamic);
    memset(w, 0, sizeof(*w));
}
