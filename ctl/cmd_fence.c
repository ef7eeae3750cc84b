/* ctl/cmd_fence.c - fence and unfence: a node holds no role of PostgreSQL until that is taken back.
 *
 *   may it be? (the node that is asked says so) --> confirmed --> of the primary: a switchover
 *       first --> fenced
 *
 * What was accepted for the whole is not asked again between the two: right after a switchover the
 * others do not stream yet. */
#include <poll.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/cli.h"
#include "base/utf8.h"
#include "ctl/cluster_view.h"
#include "ctl/cmd.h"
#include "ctl/config.h"
#include "ctl/output.h"
#include "ctl/progress.h"
#include "ctl/prompt.h"
#include "ctl/switch_answer.h"
#include "ctl/told.h"

#define SWITCH_MS 30000 /* unless --timeout says so: more than a switchover may take */
#define MARGIN_MS 2000  /* ... and the answer on its way */
#define WHO_SIZE 64     /* with its end: more is not taken */
#define TRIES 5         /* against a change of the primary in the same moment */
#define AGAIN_MS 200

struct fencing {
    const struct cli_call *call;
    struct ctl ctl;
    json_t *view;
    const char *name;
};

static void fencing_close(struct fencing *f)
{
    json_decref(f->view);
    ctl_close(&f->ctl);
}

static bool is_text(const char *text)
{
    return text == NULL || utf8_is_text(text, strlen(text));
}

/* "root@pg1", as far as it is known and fits: it is only shown. */
static void put_who(char *out, size_t size)
{
    char host[64] = "";
    const struct passwd *user = getpwuid(geteuid());
    (void)gethostname(host, sizeof(host) - 1);
    int n = snprintf(out, size, "%s%s%s", user != NULL ? user->pw_name : "",
                     host[0] != '\0' ? "@" : "", host);
    if (n < 0 || (size_t)n >= size || !is_text(out)) {
        out[0] = '\0';
    }
}

static json_t *request_of(const struct fencing *f, bool is_check, bool is_accepted)
{
    char who[WHO_SIZE];
    const char *reason = cli_value(f->call, "reason");
    bool no_candidate = is_accepted || cli_given(f->call, "accept-no-candidate");
    bool write_stop = is_accepted || cli_given(f->call, "accept-write-stop");
    json_t *body = json_object();
    put_who(who, sizeof(who));
    cmd_set(body, "member", json_string(f->name));
    cmd_set(body, "why", json_string(reason != NULL ? reason : ""));
    cmd_set(body, "by", json_string(who));
    cmd_set(body, "check", json_boolean(is_check));
    cmd_set(body, "accept_no_candidate", json_boolean(no_candidate));
    cmd_set(body, "accept_write_stop", json_boolean(write_stop));
    return body;
}

static bool leads(const struct fencing *f)
{
    return strcmp(view_text(f->view, "leader"), f->name) == 0;
}

static int confirm(const struct fencing *f, struct err *err)
{
    CLEANUP(buf_close) struct buf question = {0};
    bool yes = false;
    if (cli_given(f->call, "force")) {
        return 0;
    }
    buf_str(&question, "Are you sure you want to fence ");
    output_text(&question, f->name);
    buf_str(&question, leads(f) ? ", demoting it first: it is the primary?"
                                : "? It will not be made primary until it is unfenced");
    int rc = prompt_confirm(buf_text(&question), &yes, err);
    return rc < 0 || yes ? rc : err_set(err, ERR_REFUSED, "Aborting fence");
}

/* Away from it, to whoever is able. */
static int switch_over(struct fencing *f, struct err *err)
{
    struct ask_said said = {0};
    CLEANUP(buf_close) struct buf shown = {0};
    uint64_t wait_ms = cli_given(f->call, "timeout") ? f->ctl.timeout_ms : SWITCH_MS;
    json_auto_t *body = json_object();
    cmd_set(body, "leader", json_string(f->name));
    cmd_set(body, "timeout_ms", json_integer((json_int_t)wait_ms));
    ask_restart_clock(f->ctl.ask);
    progress_begin("switchover",
                   "the switchover goes on without this terminal; nothing is fenced after it");
    int rc = ask_words(f->ctl.ask, "/switchover", body, wait_ms + MARGIN_MS, &said, err);
    progress_end();
    const char *text = buf_text(&said.text);
    int code = rc == 0 ? switch_answer_code(said.status, text, told_has_quorum(f->view)) : 0;
    if (rc == 0 && code != 0) {
        output_text(&shown, text);
        rc = err_set(err, code,
                     "nothing is fenced, for the switchover before it has not succeeded: %d, %s",
                     said.status, buf_text(&shown));
    }
    buf_close(&said.text);
    return rc;
}

static int post(struct fencing *f, bool is_check, bool is_accepted, json_t **ret_answer,
                struct err *err)
{
    json_auto_t *body = request_of(f, is_check, is_accepted);
    ask_restart_clock(f->ctl.ask);
    return ask_post(f->ctl.ask, is_check ? ASK_READ : ASK_REPEAT, "/pgraft/v1/fence", body,
                    ret_answer, err);
}

static int fence(struct fencing *f, struct err *err)
{
    json_auto_t *answer = NULL;
    bool was_leader = leads(f);
    int rc = was_leader ? switch_over(f, err) : 0;
    if (rc < 0) {
        return rc;
    }
    rc = ERR_CONFLICT;
    progress_begin("fence", "whether it is fenced is not known; to ask again does no harm");
    for (int i = 0; rc == ERR_CONFLICT && i < TRIES; i++) {
        (void)poll(NULL, 0, i > 0 ? AGAIN_MS : 0);
        rc = post(f, false, was_leader, &answer, err);
    }
    progress_end();
    return rc < 0
               ? rc
               : cmd_say(f->call, answer, err, "%s is %s; pgraftctl unfence %s takes it back",
                         f->name,
                         json_is_true(json_object_get(answer, "was")) ? "fenced already" : "fenced",
                         f->name);
}

int cmd_fence(const struct cli_call *call, struct err *err)
{
    CLEANUP(fencing_close)
    struct fencing f = {.call = call, .name = cli_argument(call, 0)};
    json_auto_t *check = NULL;
    if (output_format(call) != OUTPUT_PRETTY && !cli_given(call, "force")) {
        return cli_usage(call, err, "with --format nobody is asked: give --force, too");
    }
    if (!is_text(f.name) || !is_text(cli_value(call, "reason"))) {
        return cli_usage(call, err, "NODE and --reason are text in UTF-8");
    }
    int rc = ctl_open(call, &f.ctl, err);
    rc = rc < 0 ? rc : post(&f, true, false, &check, err);
    rc = rc < 0 ? rc : told_get(f.ctl.ask, &f.view, err);
    bool was = json_is_true(json_object_get(check, "was"));
    rc = rc < 0 || was ? rc : confirm(&f, err);
    return rc < 0 ? rc : fence(&f, err);
}

int cmd_unfence(const struct cli_call *call, struct err *err)
{
    CLEANUP(ctl_close) struct ctl ctl = {0};
    json_auto_t *body = json_object();
    json_auto_t *answer = NULL;
    const char *name = cli_argument(call, 0);
    if (!is_text(name)) {
        return cli_usage(call, err, "NODE is text in UTF-8");
    }
    cmd_set(body, "member", json_string(name));
    int rc = ctl_open(call, &ctl, err);
    progress_begin("unfence", "whether it is fenced still is not known; to ask again does no harm");
    rc = rc < 0 ? rc : ask_post(ctl.ask, ASK_REPEAT, "/pgraft/v1/unfence", body, &answer, err);
    progress_end();
    bool was = json_is_true(json_object_get(answer, "was"));
    return rc < 0 ? rc
                  : cmd_say(call, answer, err,
                            was ? "%s was not fenced" : "%s is not fenced any more", name);
}
