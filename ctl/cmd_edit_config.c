/* ctl/cmd_edit_config.c - edit-config: the configuration that all nodes share, changed.
 *
 *   read --> --replace, --apply, --set, --pg; none of them: the editor --> shown as a diff
 *        --> confirmed --> written, if nobody else was faster
 *
 * What was typed in the editor and is not taken, whatever the reason, stays in a file: it may be
 * the work of an hour. Only who answers that it is not wanted loses it.
 *
 * Questions, texts and options are patronictl's. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/cli.h"
#include "base/mem.h"
#include "config/merge.h"
#include "ctl/cmd.h"
#include "ctl/config.h"
#include "ctl/diff.h"
#include "ctl/edit_set.h"
#include "ctl/editor.h"
#include "ctl/file_put.h"
#include "ctl/prompt.h"
#include "ctl/shared_config.h"
#include "ctl/yaml_in.h"

#define PARAMETERS "postgresql.parameters."

struct editing {
    const struct cli_call *call;
    json_t *wanted;
    struct buf by_hand; /* what has come of the editor; empty where it was not needed */
    bool is_declined;   /* by whoever was asked */
};

static void editing_close(struct editing *e)
{
    json_decref(e->wanted);
    buf_close(&e->by_hand);
}

static bool is_stdin(const char *file)
{
    return file != NULL && strcmp(file, "-") == 0;
}

/* ---- what is wanted ---- */

static int read_file(const char *file, json_t **ret_map, struct err *err)
{
    CLEANUP(buf_close) struct buf text = {0};
    const char *name = is_stdin(file) ? "standard input" : file;
    int rc = is_stdin(file) ? file_get_fd(STDIN_FILENO, name, YAML_IN_SIZE_MAX, &text, err)
                            : file_get(file, YAML_IN_SIZE_MAX, &text, err);
    return rc < 0 ? rc : yaml_in_map(name, buf_text(&text), text.size, ret_map, err);
}

static int lay_file(const char *file, json_t *document, struct err *err)
{
    json_auto_t *change = NULL;
    int rc = read_file(file, &change, err);
    if (rc == 0) {
        (void)config_merge(document, change);
    }
    return rc;
}

static int set_all(const struct cli_call *call, const char *option, const char *prefix,
                   json_t *document, struct err *err)
{
    const char *pair = NULL;
    int rc = 0;
    for (size_t i = 0; rc == 0 && (pair = cli_value_at(call, option, i)) != NULL; i++) {
        rc = edit_set(document, prefix, pair, err);
    }
    return rc;
}

static int change_by_options(const struct cli_call *call, json_t *document, struct err *err)
{
    const char *replace = cli_value(call, "replace");
    const char *apply = cli_value(call, "apply");
    int rc = 0;
    if (replace != NULL) {
        (void)json_object_clear(document);
        rc = lay_file(replace, document, err);
    }
    if (rc == 0 && apply != NULL) {
        rc = lay_file(apply, document, err);
    }
    rc = rc < 0 ? rc : set_all(call, "set", "", document, err);
    return rc < 0 ? rc : set_all(call, "pg", PARAMETERS, document, err);
}

static struct editor editor_here(void)
{
    struct ctl_surroundings around;
    ctl_surroundings(&around);
    return (struct editor){.command = around.editor, .dir = around.temporary_dir};
}

static int change_by_hand(struct editing *e, struct err *err)
{
    CLEANUP(buf_close) struct buf before = {0};
    CLEANUP(buf_close) struct buf after = {0};
    json_auto_t *edited = NULL;
    const struct editor editor = editor_here();
    shared_config_print(&before, OUTPUT_YAML, e->wanted);
    int rc = editor_run(&editor, buf_text(&before), &after, err);
    if (rc < 0 || strcmp(buf_text(&before), buf_text(&after)) == 0) {
        return rc;
    }
    buf_append(&e->by_hand, buf_text(&after), after.size);
    rc = yaml_in_map("the edited text", buf_text(&after), after.size, &edited, err);
    if (rc == 0) {
        json_decref(e->wanted);
        e->wanted = json_incref(edited);
    }
    return rc;
}

static int change(struct editing *e, struct err *err)
{
    const struct cli_call *call = e->call;
    bool by_options = cli_given(call, "set") || cli_given(call, "pg") || cli_given(call, "apply") ||
                      cli_given(call, "replace");
    return by_options ? change_by_options(call, e->wanted, err) : change_by_hand(e, err);
}

/* ---- whether it is wanted ---- */

static int show(json_t *before, json_t *after, struct err *err)
{
    CLEANUP(buf_close) struct buf old = {0};
    CLEANUP(buf_close) struct buf new = {0};
    CLEANUP(buf_close) struct buf diff = {0};
    struct ctl_surroundings around;
    ctl_surroundings(&around);
    bool colour = !around.no_colour && isatty(STDOUT_FILENO) == 1;
    shared_config_print(&old, OUTPUT_YAML, before);
    shared_config_print(&new, OUTPUT_YAML, after);
    diff_put(&diff, buf_text(&old), buf_text(&new), colour);
    return cli_put(&diff, err);
}

/* 0: yes; else as a run function. */
static int confirm(struct editing *e, struct err *err)
{
    const struct cli_call *call = e->call;
    bool yes = false;
    if (cli_given(call, "force")) {
        return 0;
    }
    if (is_stdin(cli_value(call, "apply")) || is_stdin(cli_value(call, "replace"))) {
        int rc = cmd_line("Use --force option to apply changes", err);
        return rc < 0 ? rc : 1;
    }
    int rc = prompt_confirm("Apply these changes?", &yes, err);
    e->is_declined = rc == 0 && !yes;
    return rc < 0 || yes ? rc : err_set(err, ERR_REFUSED, "not confirmed: nothing was changed");
}

/* ---- the command ---- */

static int apply(struct editing *e, struct ask *ask, const struct ask_version *version,
                 struct err *err)
{
    bool quiet = cli_given(e->call, "quiet");
    if (json_equal(version->value, e->wanted) == 1) {
        return quiet ? 0 : cmd_line("Not changed", err);
    }
    int rc = quiet ? 0 : show(version->value, e->wanted, err);
    rc = rc == 0 ? confirm(e, err) : rc;
    rc = rc == 0 ? shared_config_put(ask, version, e->wanted, err) : rc;
    return rc == 0 ? cmd_line("Configuration changed", err) : rc;
}

/* Nobody has taken it. A text that was emptied is no work of anybody's. */
static void keep(const struct editing *e)
{
    CLEANUP(mem_freep) char *path = NULL;
    struct err why = {0};
    const char *text = buf_text(&e->by_hand);
    const struct editor editor = editor_here();
    if (e->is_declined || text[strspn(text, " \t\r\n")] == '\0') {
        return;
    }
    if (editor_keep(&editor, &e->by_hand, &path, &why) < 0) {
        cmd_warn(e->call, "the edited text could not be kept: %s", why.msg);
    } else {
        cmd_warn(e->call,
                 "the edited text is kept in %s; edit-config --replace %s shows what it would "
                 "change by then, and asks",
                 path, path);
    }
}

int cmd_edit_config(const struct cli_call *call, struct err *err)
{
    CLEANUP(ctl_close) struct ctl ctl = {0};
    CLEANUP(ask_version_close) struct ask_version version = {.value = NULL};
    if (cli_given(call, "format")) {
        return cli_usage(call, err, "\"edit-config\" has no use for option \"--format\"");
    }
    if (is_stdin(cli_value(call, "apply")) && is_stdin(cli_value(call, "replace"))) {
        return cli_usage(call, err, "one of --apply and --replace may be standard input");
    }
    int rc = ctl_open(call, &ctl, err);
    rc = rc < 0 ? rc : shared_config_get(call, ctl.ask, &version, NULL, err);
    rc = rc < 0 ? rc : shared_config_check_version(ctl.ask, &version, err);
    if (rc < 0) {
        return rc;
    }
    CLEANUP(editing_close)
    struct editing e = {.call = call, .wanted = json_deep_copy(version.value)};
    rc = change(&e, err);
    rc = rc < 0 ? rc : apply(&e, ctl.ask, &version, err);
    if (rc < 0) {
        keep(&e);
    }
    return rc;
}
