/* tests/unit/test_pgraft_open.c - opening and closing: every setting that makes no sense is an
 * error that names it, a store closes in every phase, and answers everybody when it does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "tests/lib/hosts.h"

static struct hosts hosts;

/* Whoever is alone is elected at once, or nearly. */
static void quick(struct pgraft_settings *settings, size_t host)
{
    (void)host;
    settings->heartbeat_ms = 20;
    settings->election_timeout_ms = 100;
}

static int setup(void **state)
{
    (void)state;
    hosts_open(&hosts, 3);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    hosts_close(&hosts);
    return 0;
}

/* Of host 0, alone. */
static struct pgraft_settings settings_of_one(void)
{
    struct pgraft_settings s;
    pgraft_settings_init(&s);
    s.scope = "test";
    s.name = hosts.at[0].name;
    s.listen = hosts.at[0].address;
    s.directory = hosts.at[0].directory;
    return s;
}

static void assert_refused(const struct pgraft_settings *s, int code, const char *part)
{
    struct pgraft *store = NULL;
    struct pgraft_error error = {0};
    int got = pgraft_open(s, &store, &error);
    if (got != code || strstr(error.message, part) == NULL) {
        print_error("%d, \"%s\" where %d with \"%s\" was to be said\n", got, error.message, code,
                    part);
    }
    if (got == 0) {
        pgraft_close(store);
    }
    assert_int_equal(got, code);
    assert_int_equal(error.code, code);
    assert_non_null(strstr(error.message, part));
    assert_null(store);
    assert_int_equal(pgraft_open(s, &store, NULL), code); /* again, and who does not ask why */
}

static void settings_that_make_no_sense_are_named(void **state)
{
    (void)state;
    static char long_name[300];
    memset(long_name, 'x', sizeof(long_name) - 1);
    struct pgraft_settings s = settings_of_one();
    s.size = 8;
    assert_refused(&s, PGRAFT_ERR_VERSION, "pgraft_settings_init");
#define REFUSED(field, value, code, part) \
    do {                                  \
        s = settings_of_one();            \
        s.field = value;                  \
        assert_refused(&s, code, part);   \
    } while (0)
    REFUSED(scope, "", PGRAFT_ERR_INVALID, "scope");
    REFUSED(scope, NULL, PGRAFT_ERR_INVALID, "scope");
    REFUSED(scope, long_name, PGRAFT_ERR_INVALID, "scope");
    REFUSED(space, NULL, PGRAFT_ERR_INVALID, "space");
    REFUSED(space, long_name, PGRAFT_ERR_INVALID, "space");
    REFUSED(site, long_name, PGRAFT_ERR_INVALID, "site");
    REFUSED(directory, "", PGRAFT_ERR_INVALID, "directory");
    REFUSED(directory, NULL, PGRAFT_ERR_INVALID, "directory");
    REFUSED(name, "", PGRAFT_ERR_INVALID, "name");
    REFUSED(name, NULL, PGRAFT_ERR_INVALID, "name");
    REFUSED(name, "two words", PGRAFT_ERR_INVALID, "name");
    REFUSED(name, long_name, PGRAFT_ERR_INVALID, "name");
    REFUSED(kind, (enum pgraft_kind)7, PGRAFT_ERR_INVALID, "kind");
    REFUSED(data, (enum pgraft_data)7, PGRAFT_ERR_INVALID, "data");
    REFUSED(listen, NULL, PGRAFT_ERR_INVALID, "address");
    REFUSED(listen, "nowhere", PGRAFT_ERR_INVALID, "port");
    REFUSED(advertise, "nowhere", PGRAFT_ERR_INVALID, "port");
    REFUSED(peers, "pg1", PGRAFT_ERR_INVALID, "\"=\"");
    REFUSED(peers, "n1=127.0.0.1:1,n1=127.0.0.1:2", PGRAFT_ERR_INVALID, "twice");
    REFUSED(peers, "n2=127.0.0.1:1,n3=127.0.0.1:1", PGRAFT_ERR_INVALID, "one address");
    REFUSED(peers, "n2=127.0.0.1:1,n3=127.0.0.1:2", PGRAFT_ERR_INVALID, "n1");
    REFUSED(data_peers, "pg1", PGRAFT_ERR_INVALID, "\"=\"");
    REFUSED(heartbeat_ms, 0, PGRAFT_ERR_INVALID, "heartbeat");
    REFUSED(election_timeout_ms, 10, PGRAFT_ERR_INVALID, "election");
    REFUSED(lease_ms, 100, PGRAFT_ERR_INVALID, "lease");
    REFUSED(lease_ms, 2649, PGRAFT_ERR_INVALID, "= 2650 ms");
    REFUSED(voters_max, 0, PGRAFT_ERR_INVALID, "voters_max");
    REFUSED(voters_max, 100, PGRAFT_ERR_INVALID, "voters_max");
    REFUSED(ca_file, "/nowhere/ca.pem", PGRAFT_ERR_INVALID, "together");
#undef REFUSED
    s = settings_of_one(); /* far hosts, and a lease that would do for near ones */
    s.election_timeout_ms = 1000;
    s.lease_ms = 4399;
    assert_refused(&s, PGRAFT_ERR_INVALID, "+ reconnect 500 + kill budget 500 = 4400 ms");
    s = settings_of_one();
    s.secret_file = "/nowhere/secret";
    s.ca_file = s.cert_file = s.key_file = "/nowhere/pem";
    assert_refused(&s, PGRAFT_ERR_INVALID, "one of them");
}

static void write_file(const char *path, const char *text, mode_t mode)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, mode), 0);
}

static void the_world_may_be_in_the_way(void **state)
{
    (void)state;
    struct pgraft_settings s = settings_of_one();
    s.listen = "192.0.2.1:7400"; /* nobody's: a network for documents */
    assert_refused(&s, PGRAFT_ERR_INVALID, "there is no secret");
    s.insecure = true;
    assert_refused(&s, PGRAFT_ERR_SYSTEM, "192.0.2.1:7400");
    s = settings_of_one();
    s.listen = "no-such-host.invalid:7400";
    s.insecure = true;
    assert_refused(&s, PGRAFT_ERR_INVALID, "no-such-host.invalid");
    s = settings_of_one();
    s.directory = "/no/such/parent/dir";
    assert_refused(&s, PGRAFT_ERR_NOT_FOUND, "/no/such/parent/dir");
    s.directory = "/proc/self/status";
    assert_refused(&s, PGRAFT_ERR_SYSTEM, "/proc/self/status");
    s = settings_of_one();
    s.secret_file = "/nowhere/secret";
    assert_refused(&s, PGRAFT_ERR_NOT_FOUND, "/nowhere/secret");
    char secret[320];
    (void)snprintf(secret, sizeof(secret), "%s", scratch_path(&hosts.scratch, "secret"));
    s.secret_file = secret;
    write_file(secret, "short\n", 0600);
    assert_refused(&s, PGRAFT_ERR_INVALID, secret);
    s = settings_of_one();
    s.ca_file = s.cert_file = s.key_file = "/nowhere/pem";
    assert_refused(&s, PGRAFT_ERR_NOT_FOUND, "/nowhere/pem");
}

static void on_event(void *ctx, const struct pgraft_event *event)
{
    bool *told = ctx;
    *told = *told || (event->kind == PGRAFT_EVENT_SECRET && event->level == PGRAFT_LEVEL_WARN &&
                      strstr(event->text, "chmod") != NULL);
}

static void a_secret_that_others_can_read_is_told(void **state)
{
    (void)state;
    char secret[320];
    bool told = false;
    (void)snprintf(secret, sizeof(secret), "%s", scratch_path(&hosts.scratch, "secret"));
    write_file(secret, "0123456789abcdef0123456789abcdef\n", 0644);
    struct pgraft_settings s = settings_of_one();
    struct pgraft *store = NULL;
    struct pgraft_error error = {0};
    s.secret_file = secret;
    s.on_event = on_event;
    s.ctx = &told;
    assert_int_equal(pgraft_open(&s, &store, &error), 0);
    (void)pgraft_dispatch(store);
    assert_true(told);
    told = false;
    assert_int_equal(pgraft_reload_keys(store, &error), 0);
    (void)pgraft_dispatch(store);
    assert_true(told);
    write_file(secret, "short\n", 0600);
    assert_int_equal(pgraft_reload_keys(store, &error), PGRAFT_ERR_INVALID);
    assert_non_null(strstr(error.message, secret));
    pgraft_close(store);
}

static void a_port_or_a_directory_is_used_by_one(void **state)
{
    (void)state;
    struct pgraft_settings s = settings_of_one();
    struct pgraft *store = NULL;
    assert_int_equal(pgraft_open(&s, &store, NULL), 0);
    struct pgraft_settings other = settings_of_one();
    other.directory = hosts.at[1].directory;
    assert_refused(&other, PGRAFT_ERR_SYSTEM, hosts.at[0].address);
    other = settings_of_one();
    other.listen = hosts.at[1].address;
    assert_refused(&other, PGRAFT_ERR_LOCKED, "in use by");
    pgraft_close(store);
    /* What was refused has left nothing behind that is in the way. */
    other.directory = hosts.at[1].directory;
    assert_int_equal(pgraft_open(&other, &store, NULL), 0);
    pgraft_close(store);
}

static void a_directory_of_something_else_is_left_alone(void **state)
{
    (void)state;
    char path[160];
    assert_int_equal(mkdir(hosts.at[0].directory, 0700), 0);
    (void)snprintf(path, sizeof(path), "%s/store", hosts.at[0].directory);
    assert_int_equal(mkdir(path, 0700), 0);
    (void)snprintf(path, sizeof(path), "%s/store/data.mdb", hosts.at[0].directory);
    static char foreign[32768]; /* shorter ones are what a crash may leave of a new store */
    memset(foreign, 'x', sizeof(foreign) - 1);
    write_file(path, foreign, 0600);
    struct pgraft_settings s = settings_of_one();
    assert_refused(&s, PGRAFT_ERR_REFUSED, "not a store");
    (void)snprintf(path, sizeof(path), "%s/store/VERSION", hosts.at[0].directory);
    write_file(path, "somebody's\n", 0600);
    assert_refused(&s, PGRAFT_ERR_REFUSED, "VERSION");
}

/* ---- closing ---- */

static void in_a_loop(void **state)
{
    (void)state;
    hosts.count = 1;
    hosts.settings = quick;
    (void)snprintf(hosts.peers, sizeof(hosts.peers), "%s=%s", hosts.at[0].name,
                   hosts.at[0].address);
    for (int i = 0; i < 50; i++) {
        char value[16];
        (void)snprintf(value, sizeof(value), "%d", i);
        hosts_start(&hosts, 0);
        if (i % 5 != 0) { /* sometimes it closes before it was anything */
            struct heard put = hosts_put(&hosts, 0, "round", value);
            assert_int_equal(put.status, 0);
            assert_string_equal(hosts_get(&hosts, 0, "round").value, value);
        }
        hosts_stop(&hosts, 0);
    }
}

struct pending {
    struct heard put;
    struct heard get;
    struct heard status;
    struct heard keep;
    struct heard change;
    struct heard forget;
    int watch_end;
    size_t watch_calls;
};

static void on_changes(void *ctx, const struct pgraft_changes *changes)
{
    struct pending *p = ctx;
    assert_int_equal(p->watch_end, 0); /* nothing comes after the end */
    p->watch_end = changes->status;
    p->watch_calls++;
}

static void ask_everything(struct pgraft *store, struct pending *p)
{
    static const struct pgraft_hold hold = {.lease = 7, .grant = 1, .renew_for_ms = 60000};
    struct pgraft_call call = hosts_call(&p->put, 60000);
    assert_int_equal(pgraft_put(store, text_slice("k"), text_slice("v"), 0, &call, NULL, NULL), 0);
    call = hosts_call(&p->get, 60000);
    assert_int_equal(pgraft_get(store, text_slice("k"), &call, NULL, NULL), 0);
    call = hosts_call(&p->status, 60000);
    assert_int_equal(pgraft_status(store, true, &call, NULL, NULL), 0);
    call = hosts_call(&p->keep, 60000);
    assert_int_equal(pgraft_lease_keep(store, 12345, &call, NULL, NULL), 0);
    call = hosts_call(&p->change, 60000);
    assert_int_equal(pgraft_member_change(store, PGRAFT_MEMBER_DEMOTE, "nobody", &call, NULL, NULL),
                     0);
    call = hosts_call(&p->forget, 60000);
    assert_int_equal(pgraft_form_forget(store, &call, NULL, NULL), 0);
    struct pgraft_watch watch = {.span = {.kind = PGRAFT_PREFIX}, .changed = on_changes, .ctx = p};
    assert_int_equal(pgraft_watch(store, &watch, NULL, NULL), 0);
    assert_int_equal(pgraft_lease_hold(store, &hold, NULL), 0);
    assert_int_equal(pgraft_publish(store, text_slice("soft"), NULL), 0);
}

static void assert_all_answered(const struct pending *p)
{
    const struct heard *all[] = {&p->put, &p->get, &p->status, &p->keep, &p->change, &p->forget};
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        assert_true(all[i]->done);
        bool sound = all[i]->status == 0 || all[i]->message[0] != '\0';
        assert_true(sound);
    }
    bool put = p->put.status == 0 || p->put.status == PGRAFT_ERR_CLOSED ||
               p->put.status == PGRAFT_ERR_CANCELED;
    assert_true(put);
    assert_int_equal(p->watch_end, PGRAFT_ERR_CLOSED);
}

/* Forming, waiting for two others who never come. */
static void while_it_waits_for_others(void **state)
{
    (void)state;
    struct pending p = {.watch_calls = 0};
    hosts_start(&hosts, 0);
    struct heard s = hosts_status(&hosts, 0, true);
    assert_int_equal(s.phase, PGRAFT_FORMING);
    ask_everything(hosts.at[0].store, &p);
    hosts_stop(&hosts, 0);
    assert_all_answered(&p);
    assert_int_equal(p.put.status, PGRAFT_ERR_CLOSED); /* it was sent to nobody */
}

/* At whatever moment: closed a little later each time, before, during and after the switch from
 * formation to a member. */
static void at_any_moment(void **state)
{
    (void)state;
    hosts.count = 1;
    hosts.settings = quick;
    (void)snprintf(hosts.peers, sizeof(hosts.peers), "%s=%s", hosts.at[0].name,
                   hosts.at[0].address);
    for (int i = 0; i < 30; i++) {
        struct pending p = {.watch_calls = 0};
        (void)snprintf(hosts.at[0].directory, sizeof(hosts.at[0].directory), "%s/moment%d",
                       hosts.scratch.dir, i);
        hosts_start(&hosts, 0);
        ask_everything(hosts.at[0].store, &p);
        struct timespec pause = {.tv_nsec = (long)i * 700 * 1000};
        (void)nanosleep(&pause, NULL);
        if (i % 3 == 0) {
            (void)pgraft_dispatch(hosts.at[0].store);
        }
        hosts_stop(&hosts, 0);
        assert_all_answered(&p);
    }
}

/* A member without its majority: what was sent may have been stored. */
static void while_nobody_agrees(void **state)
{
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        hosts_start(&hosts, i);
    }
    for (size_t i = 0; i < 3; i++) {
        hosts_until_ready(&hosts, i, 3);
    }
    hosts_stop(&hosts, 1);
    hosts_stop(&hosts, 2);
    struct pending p = {.watch_calls = 0};
    ask_everything(hosts.at[0].store, &p);
    hosts_stop(&hosts, 0);
    assert_all_answered(&p);
}

/* ---- what a callback asks while the store closes ---- */

struct again {
    struct pgraft *store;
    int answered;
    int refused;
};

static void on_put(void *ctx, const struct pgraft_result *result)
{
    struct again *a = ctx;
    struct pgraft_watch watch = {
        .span = {.kind = PGRAFT_PREFIX}, .changed = on_changes, .ctx = NULL};
    struct pgraft_call call = {.done = on_put, .ctx = a};
    a->answered++;
    assert_int_equal(result->status, PGRAFT_ERR_CLOSED);
    if (pgraft_put(a->store, text_slice("k"), text_slice("v"), 0, &call, NULL, NULL) ==
        PGRAFT_ERR_CLOSED) {
        a->refused++;
    }
    assert_int_equal(pgraft_watch(a->store, &watch, NULL, NULL), PGRAFT_ERR_CLOSED);
    assert_int_equal(pgraft_publish(a->store, text_slice("x"), NULL), PGRAFT_ERR_CLOSED);
    pgraft_cancel(a->store, 1);
    pgraft_unwatch(a->store, 1);
    pgraft_lease_let_go(a->store, 1);
}

static void what_comes_too_late_is_refused(void **state)
{
    (void)state;
    hosts_start(&hosts, 0); /* waits for two others */
    struct again a = {.store = hosts.at[0].store};
    struct pgraft_call call = {.timeout_ms = 60000, .done = on_put, .ctx = &a};
    for (int i = 0; i < 100; i++) {
        assert_int_equal(
            pgraft_put(a.store, text_slice("k"), text_slice("v"), 0, &call, NULL, NULL), 0);
    }
    hosts_stop(&hosts, 0);
    assert_int_equal(a.answered, 100);
    assert_int_equal(a.refused, 100);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(settings_that_make_no_sense_are_named),
        TEST(the_world_may_be_in_the_way),
        TEST(a_secret_that_others_can_read_is_told),
        TEST(a_port_or_a_directory_is_used_by_one),
        TEST(a_directory_of_something_else_is_left_alone),
        TEST(in_a_loop),
        TEST(while_it_waits_for_others),
        TEST(at_any_moment),
        TEST(while_nobody_agrees),
        TEST(what_comes_too_late_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
