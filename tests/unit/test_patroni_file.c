/* tests/unit/test_patroni_file.c - Patroni's file becomes ours: what is added, and that the rest
 * stays. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/must.h"
#include "ctl/patroni_file.h"

#define RAFT                         \
    "\nraft: # by pgraftctl adopt\n" \
    "  listen: \"10.0.0.1:7400\"\n"  \
    "  peers:\n"                     \
    "    - \"pg1=10.0.0.1:7400\"\n"
#define DCS                         \
    "  dcs: # by pgraftctl adopt\n" \
    "    ttl: 20\n"                 \
    "    postgresql:\n"             \
    "      parameters:\n"           \
    "        work_mem: \"8MB\"\n"

// clang-format off
static const struct {
    const char *text;
    const char *from;
    const char *to; /* NULL: refused */
} rows[] = {
    {"without a section bootstrap it gets one",
     "scope: main # a remark\nname: pg1",
     "scope: main # a remark\nname: pg1\n\nbootstrap:\n" DCS RAFT},
    {"what the store has takes the place of what it began with, and all else stays",
     "scope: main\nbootstrap:\n  # of the first day\n  dcs:\n    ttl: 30\n    loop_wait: 10\n\n  # and this\n  initdb:\n"
     "    - data-checksums\n\n# the rest\nname: pg1\n",
     "scope: main\nbootstrap:\n  # of the first day\n" DCS "\n  # and this\n  initdb:\n"
     "    - data-checksums\n\n# the rest\nname: pg1\n" RAFT},
    {"... also where it stands last",
     "name: pg1\nbootstrap:\n  initdb: [data-checksums]\n  dcs:\n    ttl: 30\n",
     "name: pg1\nbootstrap:\n  initdb: [data-checksums]\n" DCS RAFT},
    {"... or is not there",
     "bootstrap:\n  initdb: [data-checksums]\nname: pg1\n",
     "bootstrap:\n" DCS "  initdb: [data-checksums]\nname: pg1\n" RAFT},
    {"... as far to the right as its neighbours",
     "bootstrap:\n    dcs: {ttl: 30}\n    initdb: [data-checksums]\n",
     "bootstrap:\n    dcs: # by pgraftctl adopt\n      ttl: 20\n      postgresql:\n        parameters:\n"
     "          work_mem: \"8MB\"\n    initdb: [data-checksums]\n" RAFT},
    {"Patroni's own Raft goes",
     "raft:\n  self_addr: 10.0.0.1:2222\n  partner_addrs: []\nname: pg1\nbootstrap:\n  dcs: {}\n",
     "name: pg1\nbootstrap:\n" DCS RAFT},
    {"pgraft's stays, and is no affair of ours", "raft:\n  listen: 10.0.0.1:7400\n", NULL},
    {"what stands in braces can not be taken apart", "bootstrap: {dcs: {ttl: 30},\n  initdb: [data-checksums]}\n", NULL},
    {"nor what is named elsewhere", "bootstrap:\n  dcs: &a\n    ttl: 30\nctl: *a\n", NULL},
    {"what is no YAML is none of Patroni's either", "scope: [main\n", NULL},
    {"nor is a list", "- scope\n", NULL},
};
// clang-format on

static void a_file_is_changed_in_two_places(void **state)
{
    (void)state;
    json_auto_t *raft =
        json_pack("{s:s, s:[s]}", "listen", "10.0.0.1:7400", "peers", "pg1=10.0.0.1:7400");
    json_auto_t *dynamic =
        json_pack("{s:i, s:{s:{s:s}}}", "ttl", 20, "postgresql", "parameters", "work_mem", "8MB");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(buf_close) struct buf out = {0};
        struct err err = {0};
        const struct patroni_file file = {
            .name = "patroni.yml", .text = rows[i].from, .size = strlen(rows[i].from)};
        int rc = patroni_file_make(&file, raft, dynamic, &out, &err);
        if ((rc == 0) != (rows[i].to != NULL)) {
            fail_msg("\"%s\": %d %s", rows[i].text, rc, err.msg);
        }
        if (rc == 0 && strcmp(buf_text(&out), rows[i].to) != 0) {
            fail_msg("\"%s\":\n%s", rows[i].text, buf_text(&out));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_is_changed_in_two_places),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
