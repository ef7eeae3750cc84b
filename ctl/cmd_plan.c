/* ctl/cmd_plan.c - plan: the wish off the command line, the layouts, and their files if wanted. */
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/cli.h"
#include "base/mem.h"
#include "base/must.h"
#include "ctl/cmd.h"
#include "ctl/file_put.h"
#include "ctl/output.h"
#include "ctl/plan.h"
#include "ctl/plan_config.h"
#include "ctl/plan_words.h"
#include "ctl/random_text.h"
#include "proto/member.h"

#define COUNT_MAX 1000
#define SECRET_BYTES 32
#define PASSWORD_BYTES 16
#define SECRETS_SIZE_MAX 4096

/* --- The wish --- */

static int take_counts(const struct cli_call *call, struct plan_wish *wish, struct err *err)
{
    bool by_sites = wish->by_sites;
    uint64_t databases = 0;
    uint64_t sites = 0;
    uint64_t survive = 0;
    uint64_t max = 0;
    const char *each = by_sites ? "databases-per-site" : "databases";
    const char *loss = by_sites ? "survive-sites" : "survive";
    int rc = cmd_number(call, each, 1, COUNT_MAX, &databases, err);
    if (rc == 0) {
        rc = cmd_number(call, loss, 0, COUNT_MAX, &survive, err);
    }
    if (rc == 0 && by_sites) {
        rc = cmd_number(call, "sites", 1, COUNT_MAX, &sites, err);
    }
    if (rc == 0) {
        rc = cmd_number(call, "max-voters", 1, PLAN_VOTES_MAX, &max, err);
    }
    wish->databases = (unsigned)databases;
    wish->sites = (unsigned)sites;
    wish->survive = (unsigned)survive;
    wish->votes_max = (unsigned)max;
    return rc;
}

static int take_wish(const struct cli_call *call, struct plan_wish *wish, struct err *err)
{
    bool by_sites = cli_given(call, "sites") || cli_given(call, "databases-per-site") ||
                    cli_given(call, "survive-sites");
    bool by_nodes = cli_given(call, "databases") || cli_given(call, "survive");
    if (by_sites && by_nodes) {
        return cli_usage(call, err,
                         "either --databases and --survive, or --sites, --databases-per-site and "
                         "--survive-sites");
    }
    bool whole = by_sites ? cli_given(call, "sites") && cli_given(call, "databases-per-site") &&
                                cli_given(call, "survive-sites")
                          : cli_given(call, "databases") && cli_given(call, "survive");
    if (!whole) {
        return cli_usage(call, err, "%s",
                         by_sites ? "give --sites, --databases-per-site and --survive-sites"
                                  : "give --databases and --survive");
    }
    wish->by_sites = by_sites;
    return take_counts(call, wish, err);
}

/* --- The files --- */

/* The cluster's secret, and what "passwords" holds. */
struct secrets {
    struct buf secret;
    struct buf superuser;
    struct buf replication;
    struct buf restapi;
};

static void secrets_close(struct secrets *s)
{
    struct buf *all[] = {&s->secret, &s->superuser, &s->replication, &s->restapi};
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        buf_wipe(all[i]);
    }
}

/* "name value" lines of an earlier plan. */
static void take_passwords(struct secrets *s, char *text)
{
    const struct {
        const char *name;
        struct buf *value;
    } rows[] = {{"superuser ", &s->superuser},
                {"replication ", &s->replication},
                {"restapi ", &s->restapi}};
    char *rest = NULL;
    for (char *line = strtok_r(text, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
            size_t length = strlen(rows[i].name);
            const char *value = line + length;
            bool plain = strspn(line, "abcdefghijklmnopqrstuvwxyz0123456789 ") == strlen(line);
            if (plain && strncmp(line, rows[i].name, length) == 0 && *value != '\0') {
                buf_clear(rows[i].value);
                buf_str(rows[i].value, value);
            }
        }
    }
}

/* What an earlier plan has left in @dir: nodes may be using it. */
static int read_secrets(struct secrets *s, const char *dir, struct err *err)
{
    CLEANUP(mem_freep) char *secret = mem_printf("%s/secret", dir);
    CLEANUP(mem_freep) char *passwords = mem_printf("%s/passwords", dir);
    CLEANUP(buf_wipe) struct buf text = {0};
    int rc = file_get(secret, SECRETS_SIZE_MAX, &s->secret, err);
    if (rc == 0 || rc == ERR_NOT_FOUND) {
        rc = file_get(passwords, SECRETS_SIZE_MAX, &text, err);
    }
    if (rc < 0 && rc != ERR_NOT_FOUND) {
        return rc;
    }
    if (text.size > 0) {
        take_passwords(s, text.bytes);
    }
    return 0;
}

static int make_secrets(struct secrets *s, struct err *err)
{
    int rc = 0;
    if (s->secret.size == 0) {
        rc = random_text(&s->secret, SECRET_BYTES, err);
        buf_char(&s->secret, '\n');
    }
    struct buf *passwords[] = {&s->superuser, &s->replication, &s->restapi};
    for (size_t i = 0; rc == 0 && i < ARRAY_LEN(passwords); i++) {
        rc = passwords[i]->size == 0 ? random_text(passwords[i], PASSWORD_BYTES, err) : 0;
    }
    return rc;
}

static void name_file(struct file_text *file, const char *name, const char *ending)
{
    int length = snprintf(file->name, sizeof(file->name), "%s%s", name, ending);
    MUST(length > 0 && (size_t)length < sizeof(file->name));
}

/* The texts of all files; the two secret ones first. */
static size_t fill_files(struct file_text *files, const struct secrets *s,
                         const struct plan_cluster *cluster)
{
    MUST(cluster->layout != NULL);
    name_file(&files[0], "secret", "");
    buf_append(&files[0].text, s->secret.bytes, s->secret.size);
    name_file(&files[1], "passwords", "");
    buf_printf(&files[1].text, "superuser %s\nreplication %s\nrestapi %s\n",
               buf_text(&s->superuser), buf_text(&s->replication), buf_text(&s->restapi));
    size_t count = 2;
    for (size_t i = 0; i < cluster->layout->node_count; i++, count++) {
        name_file(&files[count], cluster->layout->nodes[i].name, ".yml");
        plan_config(&files[count].text, cluster, i);
    }
    return count;
}

static int write_files(const char *dir, const struct plan_cluster *cluster, const struct secrets *s,
                       bool force, struct err *err)
{
    struct file_text files[PLAN_NODES_MAX + 2] = {{.name = ""}};
    size_t count = fill_files(files, s, cluster);
    int rc = file_put_dir(dir, files, count, force, err);
    for (size_t i = 0; i < count; i++) {
        buf_wipe(&files[i].text);
    }
    return rc;
}

static int layout_wanted(const struct cli_call *call, const struct plan *plan,
                         const struct plan_layout **ret_layout, struct err *err)
{
    const char *name = cli_value(call, "layout");
    for (size_t i = 0; i < plan->layout_count; i++) {
        if (name == NULL || strcmp(plan->layouts[i].name, name) == 0) {
            *ret_layout = &plan->layouts[i];
            return 0;
        }
    }
    return err_set(err, ERR_REFUSED, "this plan has no layout \"%s\"; it has \"%s\"%s%s%s", name,
                   plan->layouts[0].name, plan->layout_count > 1 ? " and \"" : "",
                   plan->layout_count > 1 ? plan->layouts[1].name : "",
                   plan->layout_count > 1 ? "\"" : "");
}

static int hosts_wanted(const struct cli_call *call, const struct plan_layout *layout,
                        struct plan_hosts *hosts, struct err *err)
{
    const char **named = NULL;
    size_t count = 0;
    const char *value = NULL;
    while ((value = cli_value_at(call, "address", count)) != NULL) {
        named = mem_grow(named, count + 1, sizeof(*named));
        named[count++] = value;
    }
    int rc = plan_hosts(layout, cli_value(call, "address-pattern"), named, count, hosts, err);
    mem_free(named);
    return rc;
}

static void say_what_is_next(struct buf *out, const struct cli_call *call, const char *dir,
                             const struct plan_cluster *cluster)
{
    const struct plan_layout *l = cluster->layout;
    MUST(l != NULL);
    buf_printf(out, "\nWrote %zu configurations (%s.yml to %s.yml), secret and passwords to ",
               l->node_count, l->nodes[0].name, l->nodes[l->node_count - 1].name);
    output_text(out, dir);
    buf_str(out, ".\n");
    if (cluster->hosts->invented) {
        buf_str(out,
                "The addresses in them are invented: edit them, or run this again with --force and "
                "--address-pattern or --address.\n");
    }
    if (!cli_given(call, "scope")) {
        buf_printf(out, "The cluster is called \"%s\"; --scope gives it another name.\n",
                   cluster->scope);
    }
    buf_str(out, "Each file says at its top where it belongs. Keep \"passwords\" for yourself.\n");
}

static int write_configs(const struct cli_call *call, const struct plan *plan, struct buf *out,
                         struct err *err)
{
    const char *dir = cli_value(call, "write-configs");
    const char *scope = cli_value(call, "scope");
    struct plan_cluster cluster = {.scope = scope != NULL ? scope : "demo"};
    struct plan_hosts hosts = {.invented = false};
    CLEANUP(secrets_close) struct secrets secrets = {0};
    if (member_name_check(cluster.scope, err) < 0) {
        err_wrap(err, "--scope");
        return ERR_INVALID;
    }
    int rc = layout_wanted(call, plan, &cluster.layout, err);
    if (rc == 0) {
        rc = hosts_wanted(call, cluster.layout, &hosts, err);
    }
    if (rc == 0 && cli_given(call, "force")) {
        rc = read_secrets(&secrets, dir, err);
    }
    if (rc == 0) {
        rc = make_secrets(&secrets, err);
    }
    if (rc < 0) {
        return rc;
    }
    cluster.hosts = &hosts;
    cluster.passwords = (struct plan_passwords){
        .superuser = buf_text(&secrets.superuser),
        .replication = buf_text(&secrets.replication),
        .restapi = buf_text(&secrets.restapi),
    };
    rc = write_files(dir, &cluster, &secrets, cli_given(call, "force"), err);
    if (rc == 0 && output_format(call) == OUTPUT_PRETTY) {
        say_what_is_next(out, call, dir, &cluster);
    }
    return rc;
}

int cmd_plan(const struct cli_call *call, struct err *err)
{
    static const char *const only_with_files[] = {"layout", "scope", "address", "address-pattern",
                                                  "force"};
    bool writes = cli_given(call, "write-configs");
    for (size_t i = 0; i < ARRAY_LEN(only_with_files); i++) {
        if (!writes && cli_given(call, only_with_files[i])) {
            return cli_usage(call, err, "--%s is of use with --write-configs only",
                             only_with_files[i]);
        }
    }
    struct plan_wish wish = {0};
    struct plan plan;
    int rc = cmd_uses_only(call, CMD_USES("format"), err);
    if (rc == 0) {
        rc = take_wish(call, &wish, err);
    }
    if (rc == 0) {
        rc = plan_make(&wish, &plan, err);
    }
    if (rc < 0) {
        return rc;
    }
    CLEANUP(buf_close) struct buf out = {0};
    plan_print(&out, output_format(call), &plan);
    if (writes) {
        rc = write_configs(call, &plan, &out, err);
    }
    return rc < 0 ? rc : cli_put(&out, err);
}
