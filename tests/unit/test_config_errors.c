/* tests/unit/test_config_errors.c - every way to be wrong, with the exact line that tells it.
 *
 * Each row is one configuration; what is said of it is compared as a whole, so nothing is told
 * twice and nothing is left out. "F" in an expected line stands for the name of the file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/must.h"
#include "tests/lib/config_kit.h"
#include "tests/lib/scratch.h"

struct row {
    const char *text;
    const char *says;
    enum config_role role;
};

/* @text with every line's leading "F:" written out. */
static void write_out(const char *text, struct buf *out)
{
    for (bool start = true; *text != '\0'; text++) {
        if (start && *text == 'F' && text[1] == ':') {
            buf_str(out, "PGRAFT_CONFIGURATION");
        } else {
            buf_char(out, *text);
        }
        start = *text == '\n';
    }
}

static void check_rows(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        CLEANUP(config_kit_close)
        struct config_kit k = {.text = rows[i].text, .role = rows[i].role};
        CLEANUP(buf_close) struct buf expected = {0};
        write_out(rows[i].says, &expected);
        (void)config_kit_load(&k);
        assert_string_equal(buf_text(&k.said), buf_text(&expected));
        assert_int_equal(k.result,
                         problems_count(&k.problems, PROBLEM_ERROR) > 0 ? ERR_INVALID : 0);
    }
}

/* --- Keys --- */

static const struct row keys[] = {
    {CONFIG_KIT_GOOD "  lisen: x\n", "F:9:3: raft.lisen: unknown key; did you mean listen?\n", 0},
    {CONFIG_KIT_GOOD "  frob: x\n", "F:9:3: raft.frob: unknown key\n", 0},
    {CONFIG_KIT_GOOD "  'a\\b\x1b': x\n",
     "F:9:7: not valid YAML: control characters are not allowed\n", 0},
    {CONFIG_KIT_GOOD "  \"a\\n\\e[1m\": x\n", "F:9:3: raft.\"a\\x0a\\x1b[1m\": unknown key\n", 0},
    {CONFIG_KIT_GOOD "  site: a\n  site: b\n", "F:10:3: raft.site: again, after line 9\n", 0},
    {"x-common: &c {site: fra, lisen: a}\n" CONFIG_KIT_GOOD "  <<: *c\n",
     "F:1:26: raft.lisen: unknown key; did you mean listen?\n", 0},
    {CONFIG_KIT_GOOD "rafft: {}\n", "F:9:1: rafft: unknown key; did you mean raft?\n", 0},
    {CONFIG_KIT_GOOD "name: again\n",
     "F:6:5: raft.peers: this node's name, again, is not in the list\n"
     "F:9:1: name: again, after line 2\n",
     0},
    {CONFIG_KIT_GOOD "rest_api: {}\nfrob: 1\n",
     "F:9:1: warning: rest_api: unknown key, ignored; did you mean restapi?\n"
     "F:10:1: warning: frob: unknown key, ignored\n",
     0},
    {CONFIG_KIT_GOOD "log: {levle: info, level: info, level: info, format: x}\n",
     "F:9:7: warning: log.levle: unknown key, ignored; did you mean level?\n"
     "F:9:33: warning: log.level: again, after line 9; this one counts\n"
     "F:9:54: note: log.format: no effect: lines have a form of their own, see log.type\n",
     0},
    {CONFIG_KIT_GOOD "restapi: 5\nlog: [a]\ntags: 5\nctl:\n",
     "F:9:10: restapi: has to be a map of keys, not one value\n"
     "F:10:6: log: has to be a map of keys, not a list\n"
     "F:11:7: tags: has to be a map, as in {a: b}\n",
     0},
    {"raft: []\n",
     "PGRAFT_CONFIGURATION: scope: missing: name of the cluster, the same on all its nodes; set it "
     "in the file, with PGRAFT_SCOPE or --scope\n"
     "PGRAFT_CONFIGURATION: name: missing: name of this node, no other node's; set it in the file, "
     "with PGRAFT_NAME or --name\n"
     "PGRAFT_CONFIGURATION: raft.listen: missing: address and port on which this node listens for "
     "its peers; set it in the file, with PGRAFT_RAFT_LISTEN or --listen\n"
     "PGRAFT_CONFIGURATION: raft.peers: missing: all nodes that form the cluster, NAME=ADDRESS, "
     "this one among them; the same on all of them; set it in the file, with PGRAFT_RAFT_PEERS or "
     "--peers\n"
     "PGRAFT_CONFIGURATION: raft.secret_file: missing: peers trust each other by a secret "
     "(pgraftctl secret generate makes one) or by raft.cafile, certfile and keyfile; "
     "raft.insecure: "
     "true does without\n"
     "F:1:7: raft: has to be a map of keys, not a list\n",
     0},
    {"- a\n", "F:1:1: a configuration is a map of sections, not a list\n", 0},
    {"text", "F:1:1: a configuration is a map of sections, not one value\n", 0},
};

static void test_keys(void **state)
{
    (void)state;
    check_rows(keys, ARRAY_LEN(keys));
}

/* What Patroni knows is known, what is misspelt there is a warning. */
static const struct row patronis[] = {
    {CONFIG_KIT_GOOD "thread_pool_size: 5\n"
                     "bootstrap:\n"
                     "  dcs:\n"
                     "    ttl: 30\n"
                     "    master_start_timeout: 5\n"
                     "    postgresql: {parameters: {anything: 1}, use_slots: true}\n"
                     "    standby_cluster: {host: a, create_replica_methods: [barman]}\n"
                     "  method: my_way\n"
                     "  my_way: {command: /bin/true}\n"
                     "  initdb: [data-checksums]\n"
                     "postgresql:\n"
                     "  listen: 10.0.0.1:5432\n"
                     "  create_replica_methods: [pgbackrest, basebackup]\n"
                     "  pgbackrest: {command: x}\n"
                     "  barman: {command: x}\n"
                     "  authentication: {superuser: {username: a, sslmode: require}}\n"
                     "  parameters: {shared_buffers: 1GB}\n"
                     "  callbacks: {on_start: /bin/true}\n"
                     "tags: {nofailover: true, my_tag: 1}\n"
                     "watchdog: {mode: 'off'}\n",
     "F:15:56: warning: bootstrap.dcs.standby_cluster.create_replica_methods: no effect: not used "
     "yet: pg_basebackup is\n"
     "F:9:19: note: thread_pool_size: no effect: nothing here waits for a thread\n",
     0},
    {CONFIG_KIT_GOOD
     "bootstrap:\n"
     "  dcs: {tttl: 30, postgresql: {paramters: {}}, standby_cluster: {host: b, hots: a}}\n"
     "  my_way: {}\n"
     "postgresql:\n"
     "  lisen: x\n"
     "  pgbackrest: {}\n"
     "  authentication: {superuser: {passwrd: hello}, admin: {}}\n"
     "  callbacks: {on_role_chnage: /a}\n"
     "watchdog: {device: /a, devise: b}\n",
     "F:10:9: warning: bootstrap.dcs.tttl: unknown key, ignored; did you mean ttl?\n"
     "F:10:32: warning: bootstrap.dcs.postgresql.paramters: unknown key, ignored; did you mean "
     "parameters?\n"
     "F:10:75: warning: bootstrap.dcs.standby_cluster.hots: unknown key, ignored; did you mean "
     "host?\n"
     "F:11:3: warning: bootstrap.my_way: unknown key, ignored\n"
     "F:13:3: warning: postgresql.lisen: unknown key, ignored; did you mean listen?\n"
     "F:14:3: warning: postgresql.pgbackrest: unknown key, ignored\n"
     "F:15:32: warning: postgresql.authentication.superuser.passwrd: unknown key, ignored; did you "
     "mean password?\n"
     "F:15:49: warning: postgresql.authentication.admin: unknown key, ignored\n"
     "F:16:15: warning: postgresql.callbacks.on_role_chnage: unknown key, ignored; did you mean "
     "on_role_change?\n"
     "F:17:24: warning: watchdog.devise: unknown key, ignored; did you mean device?\n",
     0},
    {CONFIG_KIT_GOOD "etcd3: {hosts: a}\nconsul: 5\n",
     "F:9:1: note: etcd3: ignored; the store is part of pgraft, see section raft\n"
     "F:10:1: note: consul: ignored; the store is part of pgraft, see section raft\n",
     0},
};

static void test_patronis_sections(void **state)
{
    (void)state;
    check_rows(patronis, ARRAY_LEN(patronis));
}

static void test_a_raft_section_of_patroni(void **state)
{
    (void)state;
    CLEANUP(config_kit_close)
    struct config_kit k = {
        .text =
            "scope: demo\n"
            "name: w1\n"
            "raft: {self_addr: a, partner_addrs: [b], data_dir: /theirs, password: secret}\n",
        .variables = {"PGRAFT_RAFT_LISTEN=10.0.0.1", "PGRAFT_RAFT_PEERS=w1=10.0.0.1",
                      "PGRAFT_RAFT_INSECURE=on"}};
    assert_int_equal(config_kit_load(&k)->result, 0);
    assert_string_equal(k.config.raft.data_dir, "/var/lib/pgraft/demo/w1");
    assert_string_equal(
        buf_text(&k.said),
        "PGRAFT_CONFIGURATION:3:1: note: raft: a section of Patroni's own Raft, ignored; pgraft's "
        "has listen and peers\n"
        "PGRAFT_RAFT_INSECURE: note: raft.insecure: whoever reaches a peer's port can read and "
        "write everything\n");
}

/* --- Values --- */

static const struct row values[] = {
    {CONFIG_KIT_GOOD "  site: a b\n",
     "F:9:9: raft.site: \"a b\" is no name: only letters, digits, '.', '_' and '-' can stand in "
     "it, "
     "and '.' and '-' not first\n",
     0},
    {CONFIG_KIT_GOOD "  site: ''\n", "F:9:9: raft.site: \"\" is no name: empty\n", 0},
    {CONFIG_KIT_GOOD "  site: [a]\n", "F:9:9: raft.site: has to be one value, not a list\n", 0},
    {CONFIG_KIT_GOOD "  site: {a: b}\n", "F:9:9: raft.site: has to be one value, not a map\n", 0},
    {CONFIG_KIT_GOOD "  site:\n", "", 0},
    {CONFIG_KIT_GOOD "  data_dir: data\n",
     "F:9:13: raft.data_dir: \"data\" is relative to nobody knows what; begin it with \"/\"\n", 0},
    {CONFIG_KIT_GOOD "  data_dir: \"/a\\nb\"\n", "F:9:13: raft.data_dir: \"/a\\x0ab\" is no path\n",
     0},
    {CONFIG_KIT_GOOD "  auto_replace: 1\n",
     "F:9:17: raft.auto_replace: \"1\" is neither true nor false\n", 0},
    {CONFIG_KIT_GOOD "  max_voters: 10\n",
     "F:9:15: raft.max_voters: 10 is too much: 9 is the most\n", 0},
    {CONFIG_KIT_GOOD "  max_voters: 0\n",
     "F:9:15: raft.max_voters: 0 is too little: 1 is the least\n", 0},
    {CONFIG_KIT_GOOD "  max_voters: -1\n", "F:9:15: raft.max_voters: \"-1\" is no whole number\n",
     0},
    {CONFIG_KIT_GOOD "  election_timeout: 500\n",
     "F:9:21: raft.election_timeout: 500 means 500s, which is too much: 1min is the most\n", 0},
    {CONFIG_KIT_GOOD "  replace_after: 9999ms\n",
     "F:9:18: raft.replace_after: 9999ms is too little: 10s is the least\n", 0},
    {CONFIG_KIT_GOOD "  quota: 64\n",
     "F:9:10: raft.quota: 64 means 64, which is too little: 1MiB is the least\n", 0},
    {CONFIG_KIT_GOOD "  quota: 64MB\n",
     "F:9:10: raft.quota: \"64MB\" is no size; write bytes, or a number with KiB, MiB or GiB: "
     "64MiB\n",
     0},
    {CONFIG_KIT_GOOD "  profile: wam\n",
     "F:9:12: raft.profile: can not be \"wam\"; did you mean wan?\n", 0},
    {CONFIG_KIT_GOOD "  profile: x\n",
     "F:9:12: raft.profile: can not be \"x\"; choose one of lan, wan\n", 0},
    {CONFIG_KIT_GOOD "namespace: a//b\n",
     "F:9:12: namespace: \"a//b\" is no namespace; it is made of words of letters, digits, '.', "
     "'_' "
     "and '-' with one '/' between them\n",
     0},
    {CONFIG_KIT_GOOD "log: {level: loud, mode: 640, dir: '', loggers: {a: 1, B: info}}\n",
     "F:9:14: log.level: \"loud\" is no log level: choose error, warn, info or debug (critical and "
     "warning are understood)\n"
     "F:9:26: log.mode: \"640\" is no mode of a file; write it as 0640\n"
     "F:9:36: log.dir: \"\" is no path\n"
     "F:9:50: log.loggers: a: \"1\" is no log level: choose error, warn, info or debug (critical "
     "and "
     "warning are understood)\n"
     "F:9:56: warning: log.loggers: B: no module has this name, ignored\n",
     0},
    {CONFIG_KIT_GOOD "restapi: {allowlist: {a: b}, http_extra_headers: [a]}\n",
     "F:9:22: restapi.allowlist: has to be a list, not a map\n"
     "F:9:50: restapi.http_extra_headers: has to be a map, not a list\n",
     0},
    {CONFIG_KIT_GOOD "restapi: {allowlist: [[a], ''], http_extra_headers: {'A B': c, D: \"e\\nf\", "
                     "G: [h]}}\n",
     "F:9:23: restapi.allowlist: has to be a list of hosts, not a list\n"
     "F:9:28: restapi.allowlist: \"\" is neither a host nor a network such as 10.0.0.0/8\n"
     "F:9:54: restapi.http_extra_headers: \"A B\" is no name of a header\n"
     "F:9:64: restapi.http_extra_headers: D: a header is one line\n"
     "F:9:75: restapi.http_extra_headers: G: has to be one value\n",
     0},
    {CONFIG_KIT_GOOD "restapi: {https_extra_headers: 'a'}\n",
     "F:9:32: restapi.https_extra_headers: a: has to be one value\n", 0},
    {CONFIG_KIT_GOOD "restapi: {https_extra_headers: '{{'}\n",
     "F:9:32: restapi.https_extra_headers: has to be a map, as in {a: b}\n", 0},
};

static void test_values(void **state)
{
    (void)state;
    check_rows(values, ARRAY_LEN(values));
}

#define HEAD "scope: demo\nname: w1\nraft:\n  listen: 10.0.0.1\n  secret_file: /k\n  "

static const struct row peers[] = {
    {HEAD
     "peers: [pg1, =10.0.0.1, 'a b=10.0.0.1', pg2=10.0.0.1:x, pg3=*, pg4=0.0.0.0, [x], pg5=]\n",
     "F:6:11: raft.peers: \"pg1\" is not NAME=ADDRESS, as in pg1=10.0.0.1:7400\n"
     "F:6:16: raft.peers: \"\": name: empty\n"
     "F:6:27: raft.peers: \"a b\": name: only letters, digits, '.', '_' and '-' can stand in it, "
     "and "
     "'.' and '-' not first\n"
     "F:6:43: raft.peers: pg2: \"10.0.0.1:x\" is no address: has to end in a port from 1 to 65535: "
     "\"host:7400\"\n"
     "F:6:59: raft.peers: pg3: \"*\": nobody can connect to \"*\"\n"
     "F:6:66: raft.peers: pg4: nobody can connect to 0.0.0.0:7400\n"
     "F:6:79: raft.peers: has to be a list of NAME=ADDRESS, not a list\n"
     "F:6:84: raft.peers: pg5: \"\" is no address: before the port stands a host name, an IPv4 "
     "address or, in brackets, an IPv6 address\n",
     0},
    {HEAD "peers: [w1=10.0.0.1, pg1=10.0.0.2, pg1=10.0.0.3, pg2=10.0.0.2:7400]\n",
     "F:6:38: raft.peers: pg1 is there twice\n"
     "F:6:52: raft.peers: pg1 and pg2 have the same address, 10.0.0.2:7400\n",
     0},
    {HEAD "peers: {w1: 10.0.0.1, w1: 10.0.0.2}\n", "F:6:25: raft.peers: w1 is there twice\n", 0},
    {HEAD "peers: {w1: [a]}\n", "F:6:11: raft.peers: w1: has to be one value\n", 0},
    {HEAD "peers: 'w1=10.0.0.1,'\n",
     "F:6:10: raft.peers: \"\" is not NAME=ADDRESS, as in pg1=10.0.0.1:7400\n", 0},
    {HEAD "peers: 'w1=a,b=b,c=c,d=d,e=e,f=f,g=g,h=h,i=i,j=j'\n",
     "F:6:10: raft.peers: more than 9; others join the cluster when it is there\n", 0},
    {HEAD "peers: [pg1=10.0.0.1, w2=10.0.0.2]\n",
     "F:6:10: raft.peers: this node's name, w1, is not in the list; did you mean w2?\n", 0},
    {HEAD "peers: [pg1=10.0.0.1, pg2=10.0.0.2]\n",
     "F:6:10: raft.peers: this node's name, w1, is not in the list\n", 0},
    {HEAD "peers: [w1=10.0.0.9]\n",
     "F:6:10: warning: raft.peers: w1 has the address 10.0.0.9:7400 here, and tells its peers to "
     "use "
     "10.0.0.1:7400 (raft.advertise)\n",
     0},
    {HEAD "advertise: ':1'\n  peers: [w1=10.0.0.9]\n",
     "F:6:14: raft.advertise: \":1\" is no address: before the port stands a host name, an IPv4 "
     "address or, in brackets, an IPv6 address\n",
     0},
    {"scope: demo\nname: pg11\nraft: {listen: a, insecure: on, peers: [pg1=127.0.0.1]}\n",
     "F:3:40: raft.peers: this node's name, pg11, is not in the list; did you mean pg1?\n"
     "F:3:29: note: raft.insecure: whoever reaches a peer's port can read and write everything\n",
     0},
};

static void test_peers(void **state)
{
    (void)state;
    check_rows(peers, ARRAY_LEN(peers));
}

/* --- Rules between settings --- */

#define PLAIN "scope: demo\nname: w1\nraft:\n  peers: w1=127.0.0.1\n  listen: 127.0.0.1\n"

static const struct row rules[] = {
    {PLAIN "  insecure: true\n", "", 0},
    {PLAIN "  insecure: maybe\n", "F:6:13: raft.insecure: \"maybe\" is neither true nor false\n",
     0},
    {PLAIN,
     "PGRAFT_CONFIGURATION: raft.secret_file: missing: peers trust each other by a secret "
     "(pgraftctl secret generate makes one) or by raft.cafile, certfile and keyfile; "
     "raft.insecure: "
     "true does without\n",
     0},
    {PLAIN "  insecure: true\n  secret_file: /k\n",
     "F:6:13: raft.insecure: true contradicts raft.secret_file; remove one of them\n", 0},
    {PLAIN "  cafile: /a\n  certfile: /b\n",
     "PGRAFT_CONFIGURATION: raft.keyfile: missing: certificates need raft.cafile, raft.certfile "
     "and "
     "raft.keyfile\n",
     0},
    {PLAIN "  {x}\n",
     "F:7:1: not valid YAML: could not find expected ':' (while scanning a simple key at line 6)\n",
     0},
    {PLAIN "  cafile: /a\n  certfile: /b\n  keyfile: /c\n  secret_file: /k\n",
     "F:9:16: raft.secret_file: peers use either a secret or certificates; remove one of them\n",
     0},
    {PLAIN "  cafile: /a\n  certfile: /b\n  keyfile: /c\n  insecure: true\n",
     "F:9:13: raft.insecure: true contradicts the certificates; remove one of them\n", 0},
    {PLAIN "  insecure: true\n  advertise: 0.0.0.0\n",
     "F:7:14: raft.advertise: nobody can connect to 0.0.0.0:7400; name one address\n"
     "F:4:10: warning: raft.peers: w1 has the address 127.0.0.1:7400 here, and tells its peers to "
     "use "
     "0.0.0.0:7400 (raft.advertise)\n",
     0},
    {"scope: demo\nname: w1\nraft: {peers: w2=127.0.0.1, listen: '*', secret_file: /k}\n",
     "PGRAFT_CONFIGURATION: raft.advertise: missing: this node listens everywhere, at which "
     "address "
     "do its peers find it?\n"
     "F:3:15: raft.peers: this node's name, w1, is not in the list; did you mean w2?\n",
     0},
    {PLAIN "  insecure: true\n  election_timeout: 299ms\n",
     "F:7:21: raft.election_timeout: an election timeout is at least three heartbeat intervals, "
     "300ms here\n",
     0},
    {PLAIN "  insecure: true\n  election_timeout: 2s\n",
     "F:7:21: raft.election_timeout: a lease of 5000 ms is too short for 3 x election timeout 2000 "
     "+ 4 x "
     "heartbeat 100 + reconnect 1000 + kill budget 500 = 7900 ms: set the lease to 7900 ms or "
     "more, "
     "or "
     "the election timeout to 1033 ms or less\n",
     0},
    {PLAIN "  insecure: true\n  election_timeout: 1171ms\n", "", 0},
    {PLAIN "  insecure: true\n  heartbeat_interval: 1s\n",
     "F:7:23: raft.heartbeat_interval: an election timeout is at least three heartbeat intervals, "
     "3s "
     "here\n",
     0},
    {PLAIN "  insecure: true\n  limit: 255MiB\n",
     "F:7:10: raft.limit: at least four times raft.quota, 256MiB here\n", 0},
    {PLAIN "  insecure: true\nrestapi: {listen: 127.0.0.1:7400}\n",
     "F:7:19: restapi.listen: 127.0.0.1:7400 is the address of raft.listen\n", 0},
    {PLAIN "  insecure: true\nrestapi: {listen: a, connect_address: '0.0.0.0'}\n",
     "F:7:39: restapi.connect_address: nobody can connect to 0.0.0.0:8008; name one address\n", 0},
    {PLAIN "  insecure: true\nrestapi: {authentication: {username: a}}\n",
     "F:7:38: restapi.authentication.username: goes together with restapi.authentication.password, "
     "which is missing\n",
     0},
    {PLAIN "  insecure: true\nctl: {authentication: {password: hunter2}}\n",
     "F:7:34: ctl.authentication.password: goes together with ctl.authentication.username, which "
     "is "
     "missing\n",
     0},
    {PLAIN "  insecure: true\nrestapi: {keyfile: /a}\n",
     "F:7:20: restapi.keyfile: is of no use without restapi.certfile\n", 0},
    {PLAIN "  insecure: true\nrestapi: {verify_client: required}\n",
     "F:7:26: restapi.verify_client: clients show certificates over TLS only, and restapi.certfile "
     "is "
     "missing\n"
     "F:7:26: restapi.verify_client: clients are checked against restapi.cafile, which is "
     "missing\n",
     0},
    {PLAIN "  insecure: true\n",
     "PGRAFT_CONFIGURATION: postgresql: missing: a voter runs a PostgreSQL and needs this section "
     "with listen, connect_address, data_dir and authentication; a host without a database is "
     "started with --witness\n"
     "PGRAFT_CONFIGURATION: note: restapi.listen: missing: this node answers no health check over "
     "HTTP\n",
     CONFIG_VOTER},
    {PLAIN "  insecure: true\nrestapi: {listen: a}\npostgresql: {data_dir: /a, listen: }\n",
     "F:8:13: postgresql.listen: missing: address and port on which PostgreSQL listens; a voter "
     "needs it\n"
     "F:8:13: postgresql.connect_address: missing: address and port under which others reach "
     "PostgreSQL; a voter needs it\n"
     "F:8:13: postgresql.authentication.replication.username: missing: who the standbys connect "
     "as; "
     "a voter needs it\n",
     CONFIG_VOTER},
    {PLAIN "  insecure: true\npostgresql: {listen: a}\n",
     "PGRAFT_CONFIGURATION: note: postgresql: ignored: a witness runs no PostgreSQL\n",
     CONFIG_WITNESS},
};

static void test_rules(void **state)
{
    (void)state;
    check_rows(rules, ARRAY_LEN(rules));
}

/* --- Sources --- */

static void test_variables_and_flags_name_themselves(void **state)
{
    (void)state;
    CLEANUP(config_kit_close)
    struct config_kit k = {.text = CONFIG_KIT_GOOD,
                           .variables = {"PGRAFT_RAFT_QUOTA=x", "PATRONI_LOG_LEVEL=loud"},
                           .flags = {{"site", "a b"}, {"data-dir", "relative/is/fine/here"}}};
    assert_int_equal(config_kit_load(&k)->result, ERR_INVALID);
    assert_string_equal(
        buf_text(&k.said),
        "--site: raft.site: \"a b\" is no name: only letters, digits, '.', '_' and '-' can stand "
        "in "
        "it, and '.' and '-' not first\n"
        "PGRAFT_RAFT_QUOTA: raft.quota: \"x\" is no size; write bytes, or a number with KiB, MiB "
        "or "
        "GiB: 64MiB\n"
        "PATRONI_LOG_LEVEL: log.level: \"loud\" is no log level: choose error, warn, info or debug "
        "(critical and warning are understood)\n");
}

static void test_unknown_variables(void **state)
{
    (void)state;
    CLEANUP(config_kit_close)
    struct config_kit k = {
        .text = CONFIG_KIT_GOOD,
        .variables = {"PGRAFT_POSTGRESQL_LISTEN=a", "PGRAFT_REPLICATION_SSLMODE=require",
                      "PGRAFT_RAFT_LISEN=x", "PGRAFT_RAFT_FROB=x", "PGRAFT_SOURCE_ROOT=/x",
                      "PGRAFT_PORT_7400_TCP=tcp://1", "PGRAFTCTL_ENDPOINT=x", "PATRONI_FROB=1"}};
    assert_int_equal(config_kit_load(&k)->result, 0);
    assert_string_equal(
        buf_text(&k.said),
        "PGRAFT_RAFT_LISEN: warning: unknown variable, ignored; did you mean PGRAFT_RAFT_LISTEN?\n"
        "PGRAFT_RAFT_FROB: warning: unknown variable, ignored\n");
}

/* Of more problems than a screen takes the first are shown, errors before warnings. */
static void test_at_most_twenty_are_shown(void **state)
{
    (void)state;
    CLEANUP(buf_close) struct buf text = {0};
    buf_str(&text, CONFIG_KIT_GOOD);
    for (int i = 0; i < 21; i++) {
        buf_printf(&text, "  zz%d: 1\n", i);
    }
    buf_str(&text, "zzz: 1\n");
    CLEANUP(config_kit_close) struct config_kit k = {.text = buf_text(&text)};
    (void)config_kit_load(&k);
    const char *last = strstr(buf_text(&k.said), "PGRAFT_CONFIGURATION:28:3: raft.zz19:");
    assert_non_null(last);
    assert_string_equal(strchr(last, '\n'), "\nand 2 more\n");
}

/* --- Files --- */

/* With a file of @size bytes and @mode as raft.secret_file, "level" and "what" are said of it, or
 * nothing when they are NULL. */
static void check_secret(int size, mode_t mode, const char *level, const char *what)
{
    CLEANUP(scratch_close) struct scratch s;
    scratch_init(&s);
    const char *path = scratch_path(&s, "secret");
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fprintf(file, "%*s", size, "") == size);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, mode), 0);
    CLEANUP(mem_freep) char *variable = mem_printf("PGRAFT_RAFT_SECRET_FILE=%s", path);
    CLEANUP(config_kit_close)
    struct config_kit k = {.text = CONFIG_KIT_GOOD, .variables = {variable}};
    assert_int_equal(config_kit_load(&k)->result, 0);
    config_check_files(&k.config, &k.problems);
    problems_print(&k.problems, &k.said);
    CLEANUP(buf_close) struct buf expected = {0};
    if (what != NULL) {
        buf_printf(&expected, "PGRAFT_RAFT_SECRET_FILE: %sraft.secret_file: %s: %s\n", level, path,
                   what);
    }
    assert_string_equal(buf_text(&k.said), buf_text(&expected));
}

static void test_a_secret_file(void **state)
{
    (void)state;
    check_secret(32, 0600, NULL, NULL);
    check_secret(32, 0640, NULL, NULL);
    check_secret(32, 0604, "warning: ", "open to everybody on this host (mode 0604); chmod o-rwx");
    check_secret(15, 0600, "", "too short for a secret");
    check_secret(0, 0600, "", "empty");
}

static void test_files_that_are_not_there(void **state)
{
    (void)state;
    CLEANUP(config_kit_close)
    struct config_kit k = {
        .text = CONFIG_KIT_GOOD "restapi: {certfile: /nonexistent/crt, cafile: /etc}\n",
        .variables = {"PGRAFT_RAFT_SECRET_FILE=/nonexistent/key"}};
    assert_int_equal(config_kit_load(&k)->result, 0);
    config_check_files(&k.config, &k.problems);
    problems_print(&k.problems, &k.said);
    assert_string_equal(
        buf_text(&k.said),
        "PGRAFT_RAFT_SECRET_FILE: raft.secret_file: /nonexistent/key: No such file or directory\n"
        "PGRAFT_CONFIGURATION:9:21: restapi.certfile: /nonexistent/crt: No such file or directory\n"
        "PGRAFT_CONFIGURATION:9:47: restapi.cafile: /etc: not a file\n");
}

static void test_a_file_with_a_password_for_all_to_read(void **state)
{
    (void)state;
    CLEANUP(scratch_close) struct scratch s;
    scratch_init(&s);
    const char *path = scratch_path(&s, "f.yml");
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(CONFIG_KIT_GOOD "postgresql:\n  authentication:\n    superuser:\n"
                                      "      password: hunter2\n",
                      file) >= 0);
    assert_int_equal(fclose(file), 0);
    static const mode_t modes[] = {0640, 0644};
    for (size_t i = 0; i < ARRAY_LEN(modes); i++) {
        assert_int_equal(chmod(path, modes[i]), 0);
        CLEANUP(config_close) struct config config = {0};
        CLEANUP(problems_close) struct problems problems = {0};
        CLEANUP(buf_close) struct buf said = {0};
        const struct config_input input = {.path = path};
        assert_int_equal(config_load(&input, &config, &problems), 0);
        problems_print(&problems, &said);
        CLEANUP(mem_freep)
        char *expected = mem_printf(
            "%s:12:7: warning: password: everybody on this host may read "
            "this file (mode 0644); chmod o-rwx\n",
            path);
        assert_string_equal(buf_text(&said), i == 0 ? "" : expected);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_patronis_sections),
        cmocka_unit_test(test_a_raft_section_of_patroni),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_peers),
        cmocka_unit_test(test_rules),
        cmocka_unit_test(test_variables_and_flags_name_themselves),
        cmocka_unit_test(test_unknown_variables),
        cmocka_unit_test(test_at_most_twenty_are_shown),
        cmocka_unit_test(test_a_secret_file),
        cmocka_unit_test(test_files_that_are_not_there),
        cmocka_unit_test(test_a_file_with_a_password_for_all_to_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
