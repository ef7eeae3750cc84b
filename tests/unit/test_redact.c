/* tests/unit/test_redact.c - what nobody may see goes, wherever it stands; what is none stays.
 *
 * In the rows the secret is always hush, in some spelling: no row may let any of it through. */
#include "tests/lib/death.h"

#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/redact.h"

static const struct {
    const char *text;
    const char *shown;
} rows[] = {
    /* connection strings */
    {"host=a password=hush port=5432", "host=a password=*** port=5432"},
    {"password = 'hu''sh \\' hush' x=1", "password = '***' x=1"},
    {"host=a password=hu,sh;h&u)s'h\"hush", "host=a password=***"},
    {"password=hu\\ sh sslmode=require", "password=*** sslmode=require"},
    {"sslpassword=hush", "sslpassword=***"},
    {"passfile=/run/pgpass sslkey=/a/key", "passfile=/run/pgpass sslkey=/a/key"},
    {"postgresql://me:hush@db:5432/x", "postgresql://me:***@db:5432/x"},
    {"http://me:hu@sh:hush@db/y", "http://me:***@db/y"},
    {"postgresql://db/x?user=me&password=hush", "postgresql://db/x?user=me&password=***"},
    {"http://me:hush", "http://me:***"}, /* cut off */
    {"http://10.0.0.1:8008/patroni", "http://10.0.0.1:8008/patroni"},
    {"postgresql://me@a:5432,b:5433/x", "postgresql://me@a:5432,b:5433/x"},
    {"http://[::1]:8008", "http://[::1]:8008"},
    /* YAML, JSON, variables, options */
    {"password: hush hush, hush\nttl: 30", "password: ***\nttl: 30"},
    {"  password: \"hu\\\"sh\"\nttl: 30", "  password: \"***\"\nttl: 30"},
    {"{\"password\": \"hush\", \"ttl\": 30}", "{\"password\": \"***\", \"ttl\": 30}"},
    {"{\"text\": \"{\\\"token\\\": \\\"hush\\\"}\", \"a\": 1}",
     "{\"text\": \"{\\\"token\\\": \\\"***\\\"}\", \"a\": 1}"},
    {"PGPASSWORD=hush psql -h a", "PGPASSWORD=*** psql -h a"},
    {"AWS_SECRET_ACCESS_KEY=hush wal-g", "AWS_SECRET_ACCESS_KEY=*** wal-g"},
    {"--repo1-cipher-pass=hush --stanza=demo", "--repo1-cipher-pass=*** --stanza=demo"},
    {"--password hush --host a", "--password *** --host a"},
    {"--password 'hush hush' --host a", "--password '***' --host a"},
    {"--no-password --host a", "--no-password --host a"},
    {"ldapbindpasswd=\"hush\" ldapserver=x", "ldapbindpasswd=\"***\" ldapserver=x"},
    {"ssl_passphrase_command = 'echo hush'", "ssl_passphrase_command = '***'"},
    {"Authorization: Basic aHVzaA==\nHost: a", "Authorization: ***\nHost: a"},
    /* SQL */
    {"ALTER ROLE me PASSWORD 'hush'; x", "ALTER ROLE me PASSWORD '***'; x"},
    {"ALTER ROLE me ENCRYPTED PASSWORD E'hush'", "ALTER ROLE me ENCRYPTED PASSWORD '***'"},
    {"password authentication failed for user \"me\"",
     "password authentication failed for user \"me\""},
    {"ALTER ROLE me PASSWORD NULL", "ALTER ROLE me PASSWORD NULL"},
    /* by their look */
    {"sent Bearer hush.hush-hush to a", "sent Bearer *** to a"},
    {"rolpassword SCRAM-SHA-256$4096:hush$hush:hush rest", "rolpassword SCRAM-SHA-256$*** rest"},
    {"scram-sha-256 is used", "scram-sha-256 is used"},
    {"md50123456789abcdef0123456789abcdef", "md5***"},
    {"-----BEGIN RSA PRIVATE KEY-----\nhush\nhush\n-----END RSA PRIVATE KEY-----\nx",
     "-----BEGIN RSA PRIVATE KEY-----***-----END RSA PRIVATE KEY-----\nx"},
    {"-----BEGIN PRIVATE KEY-----\nhush", "-----BEGIN PRIVATE KEY-----***"},
    /* none of these is one */
    {"password_encryption = 'scram-sha-256'", "password_encryption = 'scram-sha-256'"},
    {"key=/service/demo/leader", "key=/service/demo/leader"},
    {"raft.secret_file: /etc/pgraft/secret", "raft.secret_file: /etc/pgraft/secret"},
    {"max_connections = 100", "max_connections = 100"},
    {"password=", "password="},
    {"", ""},
};

static void what_nobody_may_see_goes(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(buf_close) struct buf out = {0};
        redact_text(rows[i].text, &out);
        assert_string_equal(buf_text(&out), rows[i].shown);
        assert_null(strstr(buf_text(&out), "hush"));
    }
}

/* Nothing that begins like one ends the reading, or is read past its end. */
static void every_beginning_of_them_is_taken(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        for (size_t size = 0; size <= strlen(rows[i].text); size++) {
            CLEANUP(buf_close) struct buf text = {0};
            CLEANUP(buf_close) struct buf out = {0};
            buf_append(&text, rows[i].text, size);
            redact_text(buf_text(&text), &out);
            if (strstr(buf_text(&out), "hush") != NULL) {
                fail_msg("%s", buf_text(&text));
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_nobody_may_see_goes),
        cmocka_unit_test(every_beginning_of_them_is_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
