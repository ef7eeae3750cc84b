/* tests/unit/test_config.c - from text to values: every setting, who wins, what follows from what.
 *
 * What is refused, and how it is told, stands in test_config_errors.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/must.h"
#include "config/settings.h"
#include "tests/lib/config_kit.h"
#include "tests/lib/scratch.h"

/* --- The table --- */

static void test_the_table_is_sound(void **state)
{
    (void)state;
    for (size_t i = 0; i < settings_count; i++) {
        const struct setting *s = &settings[i];
        assert_int_equal(setting_index(s->path), i);
        assert_true(s->help != NULL && s->help[0] != '\0');
        assert_int_equal(s->flag != NULL, s->word != NULL);
        assert_int_equal(s->kind == SETTING_CHOICE, s->choices != NULL);
        assert_false(s->fallback != NULL && s->derived != NULL);
        assert_true(!s->required || s->flag != NULL); /* what is missing can be given by a flag */
        assert_true(!s->begin || s->example != NULL);
        bool address =
            s->kind == SETTING_ADDRESS || s->kind == SETTING_LISTEN || s->kind == SETTING_PG_LISTEN;
        assert_int_equal(s->port != 0, address || s->kind == SETTING_PEERS);
        for (size_t j = 0; j < i; j++) {
            char a[SETTINGS_VARIABLE_MAX];
            char b[SETTINGS_VARIABLE_MAX];
            assert_string_not_equal(setting_variable(s, NULL, a),
                                    setting_variable(&settings[j], NULL, b));
            assert_int_not_equal(s->offset, settings[j].offset);
            assert_true(s->flag == NULL || settings[j].flag == NULL ||
                        strcmp(s->flag, settings[j].flag) != 0);
        }
    }
}

/* Nothing of Patroni's own Raft may end up in ours. */
static void test_variables_are_named_after_the_path(void **state)
{
    (void)state;
    char name[SETTINGS_VARIABLE_MAX];
    const struct setting *listen = &settings[setting_index("raft.listen")];
    const struct setting *user = &settings[setting_index("restapi.authentication.username")];
    assert_string_equal(setting_variable(listen, "PGRAFT_", name), "PGRAFT_RAFT_LISTEN");
    assert_string_equal(setting_variable(user, "PATRONI_", name), "PATRONI_RESTAPI_USERNAME");
    for (size_t i = 0; i < settings_count; i++) {
        assert_false(settings[i].patroni && strncmp(settings[i].path, "raft.", 5) == 0);
    }
}

/* --- Values --- */

static void test_defaults(void **state)
{
    (void)state;
    CLEANUP(config_kit_close)
    struct config_kit k = {.text = CONFIG_KIT_GOOD, .role = CONFIG_WITNESS};
    assert_int_equal(config_kit_load(&k)->result, 0);
    assert_string_equal(buf_text(&k.said), "");
    const struct config *c = &k.config;
    assert_string_equal(c->scope, "demo");
    assert_string_equal(c->namespace_path, "/service/");
    assert_string_equal(c->name, "w1");
    assert_string_equal(c->raft.listen, "10.0.0.1:7400");
    assert_string_equal(c->raft.advertise, "10.0.0.1:7400");
    assert_string_equal(c->raft.data_dir, "/var/lib/pgraft/demo/w1");
    assert_false(c->raft.insecure);
    assert_true(c->raft.auto_replace);
    assert_int_equal(c->raft.replace_after_ms, 30000);
    assert_int_equal(c->raft.max_voters, 7);
    assert_int_equal(c->raft.quota_bytes, 64 << 20);
    assert_int_equal(c->raft.limit_bytes, 1 << 30);
    assert_int_equal(c->raft.election_timeout_ms, 500);
    assert_int_equal(c->raft.heartbeat_interval_ms, 100);
    assert_null(c->raft.site);
    assert_null(c->restapi.listen);
    assert_null(c->restapi.connect_address);
    assert_int_equal(c->restapi.verify_client, CONFIG_VERIFY_NONE);
    assert_int_equal(c->log.type, CONFIG_LOG_PLAIN);
    assert_string_equal(c->log.level, "info");
    assert_int_equal(c->log.mode, 0600);
    assert_int_equal(c->log.file_size_bytes, 25000000);
    assert_int_equal(c->log.file_num, 4);
    assert_false(c->has_postgresql);
}

static const char everything[] =
    "scope: demo\n"
    "namespace: prod/pg\n"
    "name: pg1\n"
    "raft:\n"
    "  listen: '*'\n"
    "  advertise: pg1.example.org\n"
    "  data_dir: /srv/pgraft\n"
    "  peers: {pg1: pg1.example.org, w1: '[fd00::1]:7401'}\n"
    "  cafile: /etc/ca\n"
    "  certfile: /etc/crt\n"
    "  keyfile: /etc/key\n"
    "  insecure: no\n"
    "  site: fra\n"
    "  auto_replace: off\n"
    "  replace_after: 2min\n"
    "  max_voters: 9\n"
    "  quota: 1GiB\n"
    "  limit: 16GiB\n"
    "  profile: wan\n"
    "  election_timeout: 1\n"
    "  heartbeat_interval: 250ms\n"
    "restapi:\n"
    "  listen: 0.0.0.0:8009\n"
    "  authentication: {username: admin, password: 12 34}\n"
    "  certfile: /etc/hcrt\n"
    "  keyfile: /etc/hkey\n"
    "  keyfile_password: kp\n"
    "  cafile: /etc/hca\n"
    "  ciphers: NORMAL:-VERS-ALL\n"
    "  verify_client: optional\n"
    "  allowlist: [10.0.0.0/8, pg1.example.org]\n"
    "  allowlist_include_members: true\n"
    "  http_extra_headers: {X-Frame-Options: SAMEORIGIN, X-A: 1}\n"
    "  https_extra_headers: {Strict-Transport-Security: max-age=1}\n"
    "  server_tokens: minimal\n"
    "ctl:\n"
    "  socket: /run/x.sock\n"
    "  insecure: true\n"
    "  cacert: /etc/cca\n"
    "log:\n"
    "  type: json\n"
    "  level: WARNING\n"
    "  dir: /var/log/pgraft\n"
    "  mode: 0640\n"
    "  file_size: 1MiB\n"
    "  file_num: 9\n"
    "  loggers: {supervisor: DEBUG, raft: error}\n"
    "postgresql:\n"
    "  listen: 10.0.0.1, [fd00::1]:5433\n"
    "  connect_address: 10.0.0.1:5433\n"
    "  proxy_address: 10.0.0.1:6432\n"
    "  data_dir: /srv/pg\n"
    "  config_dir: /etc/pg\n"
    "  bin_dir: /opt/pg/bin\n"
    "  bin_name: {pg_ctl: a, initdb: b, pg_controldata: c, pg_basebackup: d, postgres: e,\n"
    "             pg_isready: f, pg_rewind: g}\n"
    "  custom_conf: /etc/custom.conf\n"
    "  pgpass: /srv/pgpass\n"
    "  authentication:\n"
    "    superuser: &user\n"
    "      username: admin\n"
    "      password: hunter4\n"
    "      sslmode: verify-full\n"
    "      sslkey: /k\n"
    "      sslpassword: hunter5\n"
    "      sslcert: /c\n"
    "      sslrootcert: /r\n"
    "      sslcrl: /l\n"
    "      sslcrldir: /d\n"
    "      sslnegotiation: direct\n"
    "      gssencmode: disable\n"
    "      channel_binding: require\n"
    "    replication: {<<: *user, username: repl}\n"
    "    rewind: {<<: *user, username: rew}\n"
    "  parameters: &map {shared_buffers: 1GB, log_min_messages: off}\n"
    "  parameters_primary: {work_mem: 1MB}\n"
    "  parameters_replica: *map\n"
    "  parameters_standby_leader: *map\n"
    "  pg_hba: &lines [local all all peer, 'host all all 10.0.0.0/8 scram-sha-256']\n"
    "  pg_hba_primary: |\n"
    "    local all all trust\n"
    "\n"
    "    local a,b all trust\n"
    "  pg_hba_replica: *lines\n"
    "  pg_hba_standby_leader: *lines\n"
    "  pg_ident: *lines\n"
    "  pg_ident_primary: *lines\n"
    "  pg_ident_replica: *lines\n"
    "  pg_ident_standby_leader: *lines\n"
    "  recovery_conf: {restore_command: cp /a/%f %p}\n"
    "  basebackup: [verbose, {max-rate: 100M}, checkpoint: fast]\n"
    "  rewind: {debug: , sync-method: syncfs}\n"
    "  create_replica_methods: [basebackup]\n"
    "  use_pg_rewind: off\n"
    "  remove_data_directory_on_rewind_failure: no\n"
    "  remove_data_directory_on_diverged_timelines: no\n"
    "  use_unix_socket: yes\n"
    "  use_unix_socket_repl: yes\n"
    "  pg_ctl_timeout: 90\n"
    "  krbsrvname: pg\n"
    "  database: db\n"
    "  pre_promote: /a\n"
    "  before_stop: /b\n"
    "  callbacks: {on_start: c, on_stop: d, on_restart: e, on_reload: f, on_role_change: g h}\n"
    "bootstrap:\n"
    "  users: {clerk: {password: x, options: [createdb]}}\n"
    "  dcs: {ttl: 20, postgresql: {parameters: {max_connections: 200, a.b: 'yes'}}}\n"
    "  initdb: [data-checksums, {encoding: UTF8}]\n"
    "  pg_hba: *lines\n"
    "  post_init: /x\n"
    "  method: initdb\n"
    "tags: {nofailover: true, failover_priority: 0, dc: fra, rack: 7}\n"
    "watchdog: {mode: required, device: /dev/watchdog0, safety_margin: -1, driver: x}\n";

static void check_postgresql(const struct config_postgresql *pg)
{
    assert_string_equal(pg->listen, "10.0.0.1,[fd00::1]:5433");
    assert_string_equal(pg->connect_address, "10.0.0.1:5433");
    assert_string_equal(pg->bin_name.pg_rewind, "g");
    assert_string_equal(pg->superuser.username, "admin");
    assert_string_equal(secret_reveal(&pg->superuser.sslpassword), "hunter5");
    assert_string_equal(pg->replication.username, "repl");
    assert_string_equal(secret_reveal(&pg->replication.password), "hunter4");
    assert_string_equal(pg->rewind_user.channel_binding, "require");
    assert_string_equal(pg->parameters[CONFIG_FOR_ALL].at[1].key, "log_min_messages");
    assert_string_equal(pg->parameters[CONFIG_FOR_ALL].at[1].value, "off"); /* as written */
    assert_int_equal(pg->parameters[CONFIG_FOR_PRIMARY].count, 1);
    assert_string_equal(pg->pg_hba[CONFIG_FOR_ALL].at[1], "host all all 10.0.0.0/8 scram-sha-256");
    assert_int_equal(pg->pg_hba[CONFIG_FOR_PRIMARY].count, 2);
    assert_string_equal(pg->pg_hba[CONFIG_FOR_PRIMARY].at[1], "local a,b all trust");
    assert_string_equal(pg->recovery_conf.at[0].value, "cp /a/%f %p");
    assert_int_equal(pg->basebackup.count, 3);
    assert_string_equal(pg->basebackup.at[0].key, "verbose");
    assert_string_equal(pg->basebackup.at[2].value, "fast");
    assert_string_equal(pg->rewind.at[0].value, "");
    assert_false(pg->use_pg_rewind);
    assert_false(pg->clone_after_rewind);
    assert_false(pg->clone_diverged);
    assert_true(pg->use_unix_socket);
    assert_int_equal(pg->pg_ctl_timeout_ms, 90000);
    assert_string_equal(pg->on_role_change, "g h");
}

static void test_everything_can_be_set(void **state)
{
    (void)state;
    CLEANUP(config_kit_close) struct config_kit k = {.text = everything, .role = CONFIG_VOTER};
    assert_int_equal(config_kit_load(&k)->result, 0);
    for (const char *line = buf_text(&k.said); *line != '\0'; line += strcspn(line, "\n") + 1) {
        const char *none = strstr(line, ": no effect: ");
        bool is_expected = none != NULL && none < strchr(line, '\n');
        assert_true(is_expected || strncmp(line, "and ", 4) == 0);
    }
    const struct config *c = &k.config;
    assert_string_equal(c->namespace_path, "/prod/pg/");
    assert_string_equal(c->raft.listen, "*:7400");
    assert_string_equal(c->raft.advertise, "pg1.example.org:7400");
    assert_int_equal(c->raft.peers.count, 2);
    assert_string_equal(c->raft.peers.at[1].key, "w1");
    assert_string_equal(c->raft.peers.at[1].value, "[fd00::1]:7401");
    assert_false(c->raft.auto_replace);
    assert_int_equal(c->raft.replace_after_ms, 120000);
    assert_int_equal(c->raft.quota_bytes, 1 << 30);
    assert_true(c->raft.limit_bytes == UINT64_C(16) << 30);
    assert_int_equal(c->raft.profile, CONFIG_WAN);
    assert_int_equal(c->raft.election_timeout_ms, 1000);
    assert_int_equal(c->raft.heartbeat_interval_ms, 250);
    assert_string_equal(c->restapi.listen, "0.0.0.0:8009");
    assert_string_equal(c->restapi.connect_address, "pg1.example.org:8009");
    assert_string_equal(secret_reveal(&c->restapi.authentication.password), "12 34");
    assert_int_equal(c->restapi.verify_client, CONFIG_VERIFY_OPTIONAL);
    assert_int_equal(c->restapi.allowlist.count, 2);
    assert_string_equal(c->restapi.allowlist.at[1], "pg1.example.org");
    assert_true(c->restapi.allowlist_include_members);
    assert_string_equal(c->restapi.http_extra_headers.at[1].value, "1");
    assert_int_equal(c->restapi.server_tokens, CONFIG_TOKENS_MINIMAL);
    assert_string_equal(c->ctl.socket, "/run/x.sock");
    assert_string_equal(c->ctl.authentication.username, "admin"); /* as restapi's */
    assert_string_equal(secret_reveal(&c->ctl.authentication.password), "12 34");
    assert_string_equal(c->ctl.cacert, "/etc/cca");
    assert_string_equal(c->ctl.certfile, "/etc/hcrt");
    assert_int_equal(c->log.type, CONFIG_LOG_JSON);
    assert_string_equal(c->log.level, "warn");
    assert_int_equal(c->log.mode, 0640);
    assert_string_equal(c->log.loggers.at[0].key, "supervisor");
    assert_string_equal(c->log.loggers.at[0].value, "debug");
    assert_true(c->has_postgresql);
    check_postgresql(&c->postgresql);
    assert_string_equal(c->bootstrap.dcs,
                        "{\"ttl\": 20, \"postgresql\": {\"parameters\": "
                        "{\"max_connections\": 200, \"a.b\": \"yes\"}}}");
    assert_string_equal(c->bootstrap.initdb.at[0].key, "data-checksums");
    assert_string_equal(c->bootstrap.initdb.at[0].value, "");
    assert_string_equal(c->bootstrap.initdb.at[1].value, "UTF8");
    assert_string_equal(c->bootstrap.post_bootstrap, "/x"); /* by its older name */
    assert_string_equal(c->bootstrap.users.at[0].options, "CREATEDB");
    assert_int_equal(c->tags.count, 4);
    assert_int_equal(c->watchdog.mode, CONFIG_WATCHDOG_REQUIRED);
    assert_string_equal(c->watchdog.device, "/dev/watchdog0");
    assert_int_equal(c->watchdog.safety_margin_s, -1);
    for (size_t i = 0; i < settings_count; i++) { /* a new row has a line here, too */
        bool absent = strcmp(settings[i].path, "raft.secret_file") == 0 ||
                      strncmp(settings[i].path, "ctl.", 4) == 0 ||
                      strcmp(settings[i].path, "restapi.connect_address") == 0;
        assert_true(absent || c->origins[i].kind == CONFIG_GIVEN);
    }
}

static void test_peers_in_every_form(void **state)
{
    (void)state;
    static const char *const forms[] = {
        "[pg1=10.0.0.2:7400, w1=10.0.0.1]",   "'pg1=10.0.0.2:7400,w1=10.0.0.1:7400'",
        "\"pg1=10.0.0.2 , w1=10.0.0.1\"",     "{pg1: 10.0.0.2:7400, w1: 10.0.0.1:7400}",
        "[pg1: 10.0.0.2:7400, w1: 10.0.0.1]", "[{pg1: 10.0.0.2:7400}, w1=10.0.0.1]",
    };
    for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
        CLEANUP(mem_freep)
        char *text = mem_printf(
            "{scope: demo, name: w1, raft: {listen: 10.0.0.1, insecure: true, "
            "peers: %s}}",
            forms[i]);
        CLEANUP(config_kit_close) struct config_kit k = {.text = text};
        CLEANUP(buf_close) struct buf said = {0};
        assert_int_equal(config_kit_load(&k)->result, 0);
        config_peers_text(&k.config, &said);
        assert_string_equal(buf_text(&said), "pg1=10.0.0.2:7400,w1=10.0.0.1:7400");
    }
}

/* --- Who wins --- */

static const char *name_of(struct config_kit *k)
{
    (void)config_kit_load(k);
    return k->config.raft.site;
}

static void test_flags_win_over_variables_over_the_file(void **state)
{
    (void)state;
    static const char text[] = "raft: {site: file}\n";
    CLEANUP(config_kit_close) struct config_kit file = {.text = text};
    assert_string_equal(name_of(&file), "file");
    CLEANUP(config_kit_close)
    struct config_kit variable = {.text = text, .variables = {"PGRAFT_RAFT_SITE=variable"}};
    assert_string_equal(name_of(&variable), "variable");
    CLEANUP(config_kit_close)
    struct config_kit empty = {.text = text, .variables = {"PGRAFT_RAFT_SITE="}};
    assert_string_equal(name_of(&empty), "file"); /* set to nothing is not set */
    CLEANUP(config_kit_close)
    struct config_kit flag = {
        .text = text, .variables = {"PGRAFT_RAFT_SITE=variable"}, .flags = {{"site", "flag"}}};
    assert_string_equal(name_of(&flag), "flag");
    const struct config_origin *origin = &flag.config.origins[setting_index("raft.site")];
    assert_int_equal(origin->kind, CONFIG_GIVEN);
    assert_string_equal(origin->source, "--site");
}

static void test_pgraft_wins_over_patroni(void **state)
{
    (void)state;
    CLEANUP(config_kit_close)
    struct config_kit k = {.text = "scope: file\n",
                           .variables = {"PATRONI_NAME=p", "PGRAFT_SCOPE=ours",
                                         "PATRONI_SCOPE=theirs", "PATRONI_RAFT_DATA_DIR=/theirs",
                                         "PATRONI_RESTAPI_USERNAME=u", "PATRONI_LOG_LEVEL=DEBUG"}};
    (void)config_kit_load(&k);
    assert_string_equal(k.config.scope, "ours");
    assert_string_equal(k.config.name, "p");
    assert_string_equal(k.config.raft.data_dir, "/var/lib/pgraft/ours/p");
    assert_string_equal(k.config.restapi.authentication.username, "u");
    assert_string_equal(k.config.log.level, "debug");
}

/* Lists and maps in a variable, in Patroni's way of writing them and in YAML's. */
static void test_many_values_in_one_variable(void **state)
{
    (void)state;
    CLEANUP(config_kit_close)
    struct config_kit k = {
        .text = "restapi: {allowlist: [x, y, z], http_extra_headers: {A: b, C: d}}\n",
        .variables = {"PATRONI_RESTAPI_ALLOWLIST='10.0.0.1', \"::1\",host",
                      "PGRAFT_RESTAPI_HTTP_EXTRA_HEADERS='X-A': 'one, two', X-B: 2",
                      "PGRAFT_LOG_LOGGERS={raft: debug}"}};
    (void)config_kit_load(&k);
    const struct config_list *allowlist = &k.config.restapi.allowlist;
    assert_int_equal(allowlist->count, 3);
    assert_string_equal(allowlist->at[0], "10.0.0.1");
    assert_string_equal(allowlist->at[1], "::1");
    const struct config_pairs *headers = &k.config.restapi.http_extra_headers;
    assert_int_equal(headers->count, 2); /* the variable replaces the map */
    assert_string_equal(headers->at[0].key, "X-A");
    assert_string_equal(headers->at[0].value, "one, two");
    assert_int_equal(k.config.log.loggers.count, 1);
}

static void write_file(struct scratch *s, const char *name, const char *text)
{
    FILE *file = fopen(scratch_path(s, name), "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(scratch_path(s, name), 0600), 0);
}

static void test_a_directory_is_read_in_order(void **state)
{
    (void)state;
    CLEANUP(scratch_close) struct scratch s;
    CLEANUP(config_close) struct config config = {0};
    CLEANUP(problems_close) struct problems problems = {0};
    scratch_init(&s);
    const struct config_input input = {.path = s.dir};
    assert_int_equal(config_load(&input, &config, &problems), ERR_INVALID); /* nothing in it */
    config_close(&config);
    problems_close(&problems);
    write_file(&s, "b.yaml", "name: late\nraft: {listen: 10.0.0.1}\n");
    write_file(&s, "a.yml", "scope: demo\nname: early\nraft: {listen: 10.0.0.9, site: fra}\n");
    write_file(&s, "c.yml.old", "name: never\n");
    write_file(&s, ".d.yml", "name: never\n");
    (void)config_load(&input, &config, &problems);
    assert_string_equal(config.name, "late");
    assert_string_equal(config.scope, "demo");
    assert_string_equal(config.raft.listen, "10.0.0.1:7400");
    assert_string_equal(config.raft.site, "fra");
    const struct config_origin *origin = &config.origins[setting_index("name")];
    assert_string_equal(origin->source, scratch_path(&s, "b.yaml"));
    assert_int_equal(origin->line, 1);
}

/* --- What follows from what --- */

static void test_a_node_that_listens_everywhere(void **state)
{
    (void)state;
    CLEANUP(config_kit_close)
    struct config_kit k = {.text = CONFIG_KIT_GOOD,
                           .variables = {"PGRAFT_RAFT_LISTEN=*:9000", "PGRAFT_RESTAPI_LISTEN=*"}};
    assert_int_equal(config_kit_load(&k)->result, 0);
    assert_string_equal(k.config.raft.advertise, "10.0.0.1:7400");
    assert_string_equal(k.config.restapi.connect_address, "10.0.0.1:8008");
}

static void test_a_profile_moves_what_is_not_set(void **state)
{
    (void)state;
    CLEANUP(config_kit_close)
    struct config_kit k = {
        .text = CONFIG_KIT_GOOD,
        .variables = {"PGRAFT_RAFT_PROFILE=wan", "PGRAFT_RAFT_HEARTBEAT_INTERVAL=200ms",
                      "PGRAFT_RAFT_QUOTA=2GiB"}};
    assert_int_equal(config_kit_load(&k)->result, 0);
    assert_int_equal(k.config.raft.election_timeout_ms, 1000);
    assert_int_equal(k.config.raft.heartbeat_interval_ms, 200);
    assert_true(k.config.raft.limit_bytes == UINT64_C(16) << 30);
}

/* pgraftctl needs the way to its node, whatever else is wrong. */
static void test_what_can_be_read_is_there_after_a_failure(void **state)
{
    (void)state;
    CLEANUP(config_kit_close)
    struct config_kit k = {.text = "scope: demo\nname: pg1\nraft: {quota: x, profile: y}\n"};
    CLEANUP(buf_close) struct buf first = {0};
    CLEANUP(buf_close) struct buf second = {0};
    assert_int_equal(config_kit_load(&k)->result, ERR_INVALID);
    assert_int_equal(k.config.raft.quota_bytes, 64 << 20);
    config_sockets(&k.config, &first, &second);
    assert_string_equal(buf_text(&first), "/run/pgraft/demo-pg1.sock");
    assert_string_equal(buf_text(&second), "/var/lib/pgraft/demo/pg1/ctl.sock");
}

static void test_a_socket_has_two_places_or_the_one_given(void **state)
{
    (void)state;
#define LONG "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
    CLEANUP(config_kit_close)
    struct config_kit k = {
        .variables = {"PGRAFT_NAME=" LONG, "PGRAFT_SCOPE=" LONG, "PGRAFT_RAFT_DATA_DIR=/d"}};
    CLEANUP(buf_close) struct buf first = {0};
    CLEANUP(buf_close) struct buf second = {0};
    (void)config_kit_load(&k);
    config_sockets(&k.config, &first, &second);
    /* Too long for a socket: who makes it has to say so. */
    assert_string_equal(buf_text(&first), "/run/pgraft/" LONG "-" LONG ".sock");
    assert_string_equal(buf_text(&second), "/d/ctl.sock");
#undef LONG

    CLEANUP(config_kit_close)
    struct config_kit given = {.variables = {"PGRAFT_CTL_SOCKET=/s", "PGRAFT_RAFT_DATA_DIR=/d"}};
    buf_clear(&first);
    buf_clear(&second);
    (void)config_kit_load(&given);
    config_sockets(&given.config, &first, &second);
    assert_string_equal(buf_text(&first), "/s");
    assert_string_equal(buf_text(&second), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_table_is_sound),
        cmocka_unit_test(test_variables_are_named_after_the_path),
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_everything_can_be_set),
        cmocka_unit_test(test_peers_in_every_form),
        cmocka_unit_test(test_flags_win_over_variables_over_the_file),
        cmocka_unit_test(test_pgraft_wins_over_patroni),
        cmocka_unit_test(test_many_values_in_one_variable),
        cmocka_unit_test(test_a_directory_is_read_in_order),
        cmocka_unit_test(test_a_node_that_listens_everywhere),
        cmocka_unit_test(test_a_profile_moves_what_is_not_set),
        cmocka_unit_test(test_what_can_be_read_is_there_after_a_failure),
        cmocka_unit_test(test_a_socket_has_two_places_or_the_one_given),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
