/* ctl/cmd_report.c - report: what somebody who helps from afar needs, without what he must not see.
 *
 * Everything is gathered in memory first: each node is asked itself, and what does not come is
 * named as missing, for a report is wanted most when something is broken. Then it is cleaned, and
 * written as a whole. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/cli.h"
#include "base/mem.h"
#include "base/version.h"
#include "ctl/bundle.h"
#include "ctl/cluster_view.h"
#include "ctl/cmd.h"
#include "ctl/config.h"
#include "ctl/explain.h"
#include "ctl/member_ask.h"
#include "ctl/output.h"
#include "ctl/patroni_rows.h"
#include "ctl/progress.h"
#include "ctl/report_here.h"
#include "ctl/shared_config.h"
#include "ctl/told.h"

#define LOG_KIB UINT64_C(256)
#define LOG_KIB_MAX UINT64_C(65536)
#define NOTHING_HERE "no configuration of a node on this host"

struct report {
    const struct cli_call *call;
    struct ctl ctl;
    struct bundle bundle;
    struct config local;
    bool has_local;
    json_t *view;
    time_t at;
    char scope[64];
};

static void report_close(struct report *r)
{
    json_decref(r->view);
    bundle_close(&r->bundle);
    config_close(&r->local);
    ctl_close(&r->ctl);
}

/* ---- the cluster ---- */

/* For the eye: what status, list, history and why print. */
static void add_words(struct report *r, json_t *raft)
{
    CLEANUP(buf_close) struct buf out = {0};
    const struct patroni_list list = {
        .view = r->view, .format = OUTPUT_PRETTY, .extended = true, .all = true};
    if (raft != NULL) {
        buf_printf(&out, "Cluster %s: ", r->scope);
        view_state(raft, &out);
        buf_str(&out, "\n\n");
    }
    if (r->view != NULL) {
        patroni_list_put(&out, &list);
        buf_char(&out, '\n');
        patroni_history_put(&out, OUTPUT_PRETTY, r->view);
    }
    bundle_text(&r->bundle, "cluster.txt", buf_text(&out));
}

static void add_cluster(struct report *r)
{
    struct err err = {0};
    json_auto_t *raft = NULL;
    CLEANUP(ask_version_close) struct ask_version shared = {.value = NULL};
    if (view_get(r->ctl.ask, &raft, &err) < 0) {
        bundle_lacks(&r->bundle, "raft.json, and all that the nodes tell", err.msg);
        return;
    }
    (void)snprintf(r->scope, sizeof(r->scope), "%s", view_text(raft, "scope"));
    bundle_json(&r->bundle, "raft.json", raft);
    ask_restart_clock(r->ctl.ask);
    if (told_get(r->ctl.ask, &r->view, &err) < 0) {
        bundle_lacks(&r->bundle, "view.json", err.msg);
    } else {
        bundle_json(&r->bundle, "view.json", r->view);
    }
    add_words(r, raft);
    ask_restart_clock(r->ctl.ask);
    if (ask_get_version(r->ctl.ask, "/config", &shared, &err) < 0) {
        bundle_lacks(&r->bundle, "shared-config.json", err.msg);
    } else {
        bundle_json(&r->bundle, "shared-config.json", shared.value);
    }
}

/* ---- each node ---- */

struct part {
    const char *name;
    const char *path; /* NULL: where its settings come from */
};

static void add_part(struct report *r, struct ask *ask, const struct part *part, size_t number,
                     const char *node)
{
    json_auto_t *told = NULL;
    struct err err = {0};
    CLEANUP(mem_freep) char *file = mem_printf("node%zu-%.32s-%s.json", number, node, part->name);
    ask_restart_clock(ask);
    int rc = part->path != NULL ? ask_get(ask, part->path, &told, &err)
                                : explain_ask(ask, NULL, &told, &err);
    if (rc < 0) {
        bundle_lacks(&r->bundle, file, err.msg);
    } else {
        bundle_json(&r->bundle, file, told);
    }
}

static void add_node(struct report *r, struct ask *ask, size_t number, const char *node)
{
    static const struct part parts[] = {{"status", "/patroni"},
                                        {"raft", "/raft"},
                                        {"events", "/pgraft/v1/events?after=0"},
                                        {"why", "/pgraft/v1/view"},
                                        {"config", NULL}};
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        add_part(r, ask, &parts[i], number, node);
    }
}

static void add_nodes(struct report *r)
{
    json_t *members = told_members(r->view);
    for (size_t i = 0; i < json_array_size(members); i++) {
        CLEANUP(ask_closep) struct ask *ask = NULL;
        json_t *member = json_array_get(members, i);
        const char *node = view_text(member, "name");
        struct err err = {0};
        if (member_ask_open(&r->ctl, r->view, member, r->ctl.timeout_ms, &ask, &err) < 0) {
            bundle_lacks(&r->bundle, node, err.msg);
        } else {
            add_node(r, ask, i + 1, node);
        }
    }
    if (json_array_size(members) == 0 && r->scope[0] != '\0') {
        add_node(r, r->ctl.ask, 1, "asked"); /* a cluster without PostgreSQL */
    }
}

/* ---- this host ---- */

/* Of -c FILE, or of the node that is here. Also one with errors: then they are in the report. */
static void read_local(struct report *r)
{
    CLEANUP(problems_close) struct problems problems = {0};
    CLEANUP(buf_close) struct buf wrong = {0};
    const char *path = cli_value(r->call, "config");
    path = path != NULL ? path : ctl_patroni_file();
    path = path != NULL ? path : ctl_node_file();
    if (path == NULL) {
        bundle_lacks(&r->bundle, "local-config.yml and the log of pgraftd", NOTHING_HERE);
        return;
    }
    const struct config_input input = {
        .guess_role = true, .path = path, .environment = (const char *const *)environ};
    (void)config_load(&input, &r->local, &problems);
    r->has_local = true;
    clean_learn_config(&r->bundle.clean, &r->local);
    problems_print(&problems, &wrong);
    if (wrong.size > 0) {
        bundle_text(&r->bundle, "local-config-problems.txt", buf_text(&wrong));
    }
}

/* ---- what it is ---- */

static void put_contents(const struct report *r, struct buf *out)
{
    buf_str(out, "It holds:\n");
    for (size_t i = 0; i < r->bundle.count; i++) {
        buf_printf(out, "  %s, %zu bytes\n", r->bundle.files[i].name, r->bundle.files[i].text.size);
    }
    buf_str(out,
            "Left out:\n"
            "  every password, secret, key and password of a connection: *** stands for each\n"
            "  values of the store's keys, what is in the databases, the log of PostgreSQL\n");
    for (const char *line = buf_text(&r->bundle.missing); *line != '\0';) {
        size_t size = strcspn(line, "\n");
        buf_printf(out, "  %.*s\n", (int)size, line);
        line += size + (line[size] == '\n' ? 1 : 0);
    }
}

static void add_readme(struct report *r, const char *stamp)
{
    CLEANUP(buf_close) struct buf out = {0};
    buf_printf(&out,
               "A report on the pgraft cluster \"%s\", made by pgraftctl " PGRAFT_VERSION
               " at %s.\n\n",
               r->scope, stamp);
    put_contents(r, &out);
    buf_printf(&out,
               "\nNames of hosts and users, addresses and paths are in it. Secrets were looked for "
               "by what they\nare called, by what they look like, and by their value where it is "
               "known here (%d bytes and\nmore). Look through it before you give it away.\n",
               CLEAN_SECRET_MIN);
    bundle_text(&r->bundle, "README.txt", buf_text(&out));
}

/* ---- the command ---- */

static void gather(struct report *r, uint64_t log_kib)
{
    clean_learn_environment(&r->bundle.clean, (const char *const *)environ);
    if (secret_is_set(&r->ctl.password)) {
        clean_learn(&r->bundle.clean, secret_reveal(&r->ctl.password));
    }
    read_local(r);
    if (r->ctl.ask != NULL) {
        add_cluster(r);
        add_nodes(r);
    }
    report_here(&r->bundle, r->has_local ? &r->local : NULL, log_kib * 1024);
}

static int write_out(struct report *r, const char *folder, struct err *err)
{
    CLEANUP(buf_close) struct buf out = {0};
    CLEANUP(mem_freep) char *file = mem_printf("%s.tar", folder);
    const char *dir = cli_value(r->call, "directory");
    const char *path = cli_value(r->call, "output");
    path = path != NULL ? path : file;
    int rc = dir != NULL ? bundle_write_directory(&r->bundle, dir, err)
                         : bundle_write_tar(&r->bundle, path, folder, (uint64_t)r->at, err);
    if (rc < 0) {
        return rc;
    }
    output_text(&out, dir != NULL ? dir : path);
    buf_str(&out, " is written.\n");
    put_contents(r, &out);
    return cli_put(&out, err);
}

int cmd_report(const struct cli_call *call, struct err *err)
{
    CLEANUP(report_close) struct report r = {.call = call, .at = time(NULL)};
    uint64_t log_kib = LOG_KIB;
    struct tm parts = {0};
    char stamp[32] = "";
    if (cli_given(call, "format")) {
        return cli_usage(call, err, "\"report\" has no use for option \"--format\"");
    }
    if (cli_given(call, "output") && cli_given(call, "directory")) {
        return cli_usage(call, err, "options \"--output\" and \"--directory\": only one of them");
    }
    int rc = cmd_number(call, "log-kib", 0, LOG_KIB_MAX, &log_kib, err);
    rc = rc < 0 ? rc : ctl_open(call, &r.ctl, err);
    if (rc == ERR_USAGE) {
        return rc;
    }
    if (rc < 0) {
        bundle_lacks(&r.bundle, "all that the nodes tell", err->msg);
    }
    if (gmtime_r(&r.at, &parts) != NULL) {
        (void)strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%SZ", &parts);
    }
    progress_begin("the report", "nothing was written");
    gather(&r, log_kib);
    progress_end();
    add_readme(&r, stamp);
    CLEANUP(mem_freep) char *folder = mem_printf("pgraft-report-%s", stamp);
    return write_out(&r, folder, err);
}
