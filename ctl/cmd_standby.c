/* ctl/cmd_standby.c - demote-cluster and promote-cluster: the whole cluster follows another one, or
 * has a primary of its own again.
 *
 *   looked at --> shown and confirmed --> `standby_cluster` put in or taken out, if nobody has
 *       changed the configuration meanwhile --> waited for, until PostgreSQL is what it is to be
 *
 * Texts and options are patronictl's. What was written and is not there in time is no success. */
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/cli.h"
#include "base/clock.h"
#include "ctl/cluster_view.h"
#include "ctl/cmd.h"
#include "ctl/config.h"
#include "ctl/member_ask.h"
#include "ctl/output.h"
#include "ctl/patroni_rows.h"
#include "ctl/progress.h"
#include "ctl/prompt.h"
#include "ctl/shared_config.h"
#include "ctl/told.h"

#define WAIT_MS 60000 /* unless --timeout says so: a shutdown may take as long */
#define ASK_MS 2000   /* one member */
#define AGAIN_MS 200
#define PORT_MAX 65535
#define SECTION "standby_cluster"

struct changing {
    const struct cli_call *call;
    struct ctl ctl;
    json_t *view;
    json_t *section; /* NULL: there is to be a primary */
};

static void changing_close(struct changing *c)
{
    json_decref(c->view);
    json_decref(c->section);
    ctl_close(&c->ctl);
}

static const char *verb(const struct changing *c)
{
    return c->section != NULL ? "demote" : "promote";
}

static const char *noun(const struct changing *c)
{
    return c->section != NULL ? "demotion" : "promotion";
}

static bool may_ask(const struct changing *c)
{
    return !cli_given(c->call, "force");
}

/* ---- what is wanted ---- */

/* As the nodes read it: without a host and a command there is none. */
static bool is_standby(json_t *document)
{
    json_t *section = json_object_get(document, SECTION);
    const char *host = json_string_value(json_object_get(section, "host"));
    const char *command = json_string_value(json_object_get(section, "restore_command"));
    return (host != NULL && host[0] != '\0') || (command != NULL && command[0] != '\0');
}

static void put_option(struct changing *c, const char *option, const char *key)
{
    const char *value = cli_value(c->call, option);
    if (value != NULL) {
        cmd_set(c->section, key, json_string(value));
    }
}

static int make_section(struct changing *c, struct err *err)
{
    const char *port = cli_value(c->call, "port");
    uint64_t number = 0;
    c->section = json_object();
    put_option(c, "host", "host");
    put_option(c, "primary-slot-name", "primary_slot_name");
    put_option(c, "restore-command", "restore_command");
    if (port != NULL && cmd_count(port, 1, PORT_MAX, &number, NULL) < 0) {
        return cli_usage(c->call, err, "--port: %s is no port", cli_quoted(port).text);
    }
    if (port != NULL) {
        cmd_set(c->section, "port", json_integer((json_int_t)number));
    }
    json_auto_t *like = json_pack("{s:O}", SECTION, c->section);
    return is_standby(like) ? 0
                            : cli_usage(c->call, err,
                                        "at least --host or --restore-command is needed: whom the "
                                        "cluster is to follow");
}

/* ---- looking and asking ---- */

static int show(const struct changing *c, const char *title, struct err *err)
{
    CLEANUP(buf_close) struct buf out = {0};
    const struct patroni_list list = {.view = c->view, .format = OUTPUT_PRETTY};
    buf_str(&out, title);
    patroni_list_put(&out, &list);
    return cli_put(&out, err);
}

static int confirm(const struct changing *c, struct err *err)
{
    CLEANUP(buf_close) struct buf question = {0};
    bool yes = false;
    buf_printf(&question, "Are you sure you want to %s ", verb(c));
    output_text(&question, view_text(c->view, "scope"));
    buf_str(&question, " cluster?");
    int rc = may_ask(c) ? prompt_confirm(buf_text(&question), &yes, err) : 0;
    return rc < 0 || yes || !may_ask(c) ? rc
                                        : err_set(err, ERR_REFUSED, "Aborted cluster %s", noun(c));
}

/* ---- doing it ---- */

/* Of what was confirmed: whoever changes the configuration meanwhile may have meant the same. */
static int change(struct changing *c, const struct ask_version *version, struct err *err)
{
    json_auto_t *wanted = json_deep_copy(version->value);
    if (c->section != NULL) {
        cmd_set(wanted, SECTION, json_incref(c->section));
    } else if (json_object_size(wanted) > 1) {
        (void)json_object_del(wanted, SECTION);
    } else {
        cmd_set(wanted, SECTION, json_object()); /* nothing at all is not taken */
    }
    return shared_config_put(c->ctl.ask, version, wanted, err);
}

/* By its own word: who was granted it is not yet what it is to be. */
static bool is_there(struct changing *c)
{
    CLEANUP(ask_closep) struct ask *ask = NULL;
    json_auto_t *told = NULL;
    json_t *leader = told_member(c->view, view_text(c->view, "leader"));
    bool is_answered = leader != NULL &&
                       member_ask_open(&c->ctl, c->view, leader, ASK_MS, &ask, NULL) == 0 &&
                       ask_get(ask, "/patroni", &told, NULL) == 0;
    const char *role = is_answered ? view_text(told, "role") : "";
    return strcmp(role, c->section != NULL ? "standby_leader" : "primary") == 0 &&
           strcmp(view_text(told, "state"), "running") == 0;
}

static int wait_for_it(struct changing *c, struct err *err)
{
    uint64_t most_ms = cli_given(c->call, "timeout") ? c->ctl.timeout_ms : WAIT_MS;
    uint64_t until_ms = clock_mono_ms(clock_system()) + most_ms;
    bool is = false;
    struct err why = {0};
    progress_begin(c->section != NULL ? "demote-cluster" : "promote-cluster",
                   "the change is written and goes on without this program: pgraftctl list shows "
                   "who leads");
    while (!is && clock_mono_ms(clock_system()) < until_ms) {
        is = told_again(c->ctl.ask, &c->view, &why) == 0 && is_there(c);
        if (!is) {
            (void)poll(NULL, 0, AGAIN_MS);
        }
    }
    progress_end();
    return is ? 0
              : err_set(err, ERR_TIMEOUT,
                        "it is written, but the cluster has no %s within %g s: see why, and list",
                        c->section != NULL ? "standby leader" : "primary", (double)most_ms / 1000);
}

static int check(const struct changing *c, json_t *document, struct err *err)
{
    if (is_standby(document) == (c->section != NULL)) {
        return err_set(err, ERR_REFUSED, "Cluster is already in the required state");
    }
    if (view_text(c->view, "leader")[0] == '\0') {
        return err_set(err, ERR_REFUSED, "Cluster has no leader, %s is not possible", noun(c));
    }
    return shared_config_is_paused(document)
               ? err_set(
                     err, ERR_REFUSED,
                     "Cluster is paused, %s is not possible: nobody changes roles, resume first",
                     noun(c))
               : 0;
}

static int run(struct changing *c, struct err *err)
{
    CLEANUP(ask_version_close) struct ask_version version = {.value = NULL};
    int rc = ctl_open(c->call, &c->ctl, err);
    rc = rc < 0 ? rc : shared_config_get(c->call, c->ctl.ask, &version, &c->view, err);
    rc = rc < 0 ? rc : check(c, version.value, err);
    rc = rc < 0 ? rc : show(c, "Current cluster topology\n", err);
    rc = rc < 0 ? rc : confirm(c, err);
    rc = rc < 0 ? rc : change(c, &version, err);
    rc = rc < 0 ? rc : wait_for_it(c, err);
    return rc < 0 ? rc
                  : show(c,
                         c->section != NULL ? "Success: cluster follows another one\n"
                                            : "Success: cluster has a primary\n",
                         err);
}

/* ---- the commands ---- */

static int check_words(const struct cli_call *call, const char *name, struct err *err)
{
    return cli_given(call, "format")
               ? cli_usage(call, err, "\"%s\" has no use for option \"--format\"", name)
               : 0;
}

int cmd_demote_cluster(const struct cli_call *call, struct err *err)
{
    CLEANUP(changing_close) struct changing c = {.call = call};
    int rc = check_words(call, "demote-cluster", err);
    rc = rc != 0 ? rc : make_section(&c, err);
    return rc != 0 ? rc : run(&c, err);
}

int cmd_promote_cluster(const struct cli_call *call, struct err *err)
{
    CLEANUP(changing_close) struct changing c = {.call = call};
    int rc = check_words(call, "promote-cluster", err);
    return rc != 0 ? rc : run(&c, err);
}
