/* ctl/cmd_edit_config.c - edit-config: the configuration that all nodes share, changed.
 *
 *   read --> --replace, --apply, --set, --pg; none of them: the editor --> shown as a diff
 *        --> confirmed --> written, if nobody else was faster
 *
 * Questions, texts and options are patronictl's. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/cli.h"
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

static int change_by_hand(json_t **document, struct err *err)
{
    CLEANUP(buf_close) struct buf before = {0};
    CLEANUP(buf_close) struct buf after = {0};
    json_auto_t *edited = NULL;
    struct ctl_surroundings around;
    ctl_surroundings(&around);
    const struct editor editor = {.command = around.editor, .dir = around.temporary_dir};
    shared_config_print(&before, OUTPUT_YAML, *document);
    int rc = editor_run(&editor, buf_text(&before), &after, err);
    if (rc < 0 || strcmp(buf_text(&before), buf_text(&after)) == 0) {
        return rc;
    }
    rc = yaml_in_map("the edited text", buf_text(&after), after.size, &edited, err);
    if (rc == 0) {
        json_decref(*document);
        *document = json_incref(edited);
    }
    return rc;
}

static int change(const struct cli_call *call, json_t **document, struct err *err)
{
    bool by_options = cli_given(call, "set") || cli_given(call, "pg") || cli_given(call, "apply") ||
                      cli_given(call, "replace");
    return by_options ? change_by_options(call, *document, err) : change_by_hand(document, err);
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
static int confirm(const struct cli_call *call, struct err *err)
{
    bool yes = false;
    if (cli_given(call, "force")) {
        return 0;
    }
    if (is_stdin(cli_value(call, "apply")) || is_stdin(cli_value(call, "replace"))) {
        int rc = cmd_line("Use --force option to apply changes", err);
        return rc < 0 ? rc : 1;
    }
    int rc = prompt_confirm("Apply these changes?", &yes, err);
    return rc < 0 || yes ? rc : err_set(err, ERR_REFUSED, "not confirmed: nothing was changed");
}

/* ---- the command ---- */

static int apply(const struct cli_call *call, struct ask *ask, const struct ask_version *version,
                 json_t *wanted, struct err *err)
{
    bool quiet = cli_given(call, "quiet");
    if (json_equal(version->value, wanted) == 1) {
        return quiet ? 0 : cmd_line("Not changed", err);
    }
    int rc = quiet ? 0 : show(version->value, wanted, err);
    rc = rc == 0 ? confirm(call, err) : rc;
    rc = rc == 0 ? shared_config_put(ask, version, wanted, err) : rc;
    return rc == 0 ? cmd_line("Configuration changed", err) : rc;
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
    json_t *wanted = json_deep_copy(version.value);
    rc = change(call, &wanted, err);
    rc = rc < 0 ? rc : apply(call, ctl.ask, &version, wanted, err);
    json_decref(wanted);
    return rc;
}
