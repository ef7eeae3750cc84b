/* ctl/cmd_switch.c - switchover and failover: the role of the primary goes to another member.
 *
 *   looked at --> asked for what was not said --> confirmed --> any node is told, and says what has
 *       come of it --> looked at again
 *
 * Questions, texts and options are patronictl's; the exit status is not: what did not happen is no
 * success. */
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/cli.h"
#include "base/clock.h"
#include "ctl/cluster_view.h"
#include "ctl/cmd.h"
#include "ctl/conditions.h"
#include "ctl/config.h"
#include "ctl/moment.h"
#include "ctl/output.h"
#include "ctl/patroni_rows.h"
#include "ctl/progress.h"
#include "ctl/prompt.h"
#include "ctl/switch_answer.h"
#include "ctl/switch_checks.h"
#include "ctl/told.h"

#define WAIT_MS 30000  /* unless --timeout says so: more than a switchover may take */
#define MARGIN_MS 2000 /* ... and the answer on its way */
#define SHOWN_MS 3000  /* until the node that is asked has heard of what was done */
#define AGAIN_MS 100

struct switching {
    const struct cli_call *call;
    struct ctl ctl;
    json_t *view;
    bool is_failover;
    bool accepts_loss;
    struct buf leader;       /* of now; "" */
    struct buf candidate;    /* "": whoever is able */
    char at[WHEN_TEXT_SIZE]; /* "": now */
};

static void switching_close(struct switching *s)
{
    json_decref(s->view);
    buf_close(&s->leader);
    buf_close(&s->candidate);
    ctl_close(&s->ctl);
}

static const char *verb(const struct switching *s)
{
    return s->is_failover ? "failover" : "switchover";
}

static const char *title(const struct switching *s)
{
    return s->is_failover ? "Failover" : "Switchover";
}

static const char *given(const struct switching *s, const char *option)
{
    const char *value = cli_value(s->call, option);
    return value != NULL ? value : "";
}

/* Of a switchover: who is to be left; NULL: nobody was named. An empty name was: a guard whose
 * variable was not set must not let whoever leads be left. */
static const char *given_leader(const struct switching *s)
{
    if (s->is_failover) {
        return NULL;
    }
    return cli_value(s->call, cli_given(s->call, "leader") ? "leader" : "primary");
}

/* The cluster's name, for the terminal: it is what a node says. The caller's. */
static struct buf scope(const struct switching *s)
{
    struct buf shown = {0};
    output_text(&shown, view_text(s->view, "scope"));
    return shown;
}

static bool may_ask(const struct switching *s)
{
    return !cli_given(s->call, "force") && output_format(s->call) == OUTPUT_PRETTY;
}

/* ---- looking ---- */

static void put_topology(struct buf *out, const struct switching *s)
{
    const struct patroni_list list = {.view = s->view, .format = OUTPUT_PRETTY};
    patroni_list_put(out, &list);
}

static int show_before(const struct switching *s, struct err *err)
{
    CLEANUP(buf_close) struct buf out = {0};
    if (output_format(s->call) != OUTPUT_PRETTY) {
        return 0;
    }
    buf_str(&out, "Current cluster topology\n");
    put_topology(&out, s);
    return cli_put(&out, err);
}

/* ---- what is wanted ---- */

static bool leads_standbys(const struct switching *s)
{
    json_t *members = told_members(s->view);
    bool leads = false;
    for (size_t i = 0; i < json_array_size(members); i++) {
        const char *role = view_text(json_array_get(members, i), "role");
        leads = leads || strcmp(role, "standby_leader") == 0;
    }
    return leads;
}

static int find_leader(struct switching *s, struct err *err)
{
    const char *leader = view_text(s->view, "leader");
    const char *named = given_leader(s);
    if (s->is_failover) {
        buf_str(&s->leader, leader);
        return 0;
    }
    if (leader[0] == '\0') {
        return err_set(err, ERR_REFUSED, "This cluster has no leader");
    }
    if (named != NULL || !may_ask(s)) {
        buf_str(&s->leader, named != NULL ? named : leader);
    } else {
        const char *role = leads_standbys(s) ? "Standby Leader" : "Primary";
        int rc = prompt_text(role, leader, &s->leader, err);
        if (rc < 0) {
            return rc;
        }
    }
    CLEANUP(buf_close) struct buf cluster = scope(s);
    return strcmp(buf_text(&s->leader), leader) == 0
               ? 0
               : err_set(err, ERR_REFUSED, "Member %s is not the leader of cluster %s",
                         cli_quoted(buf_text(&s->leader)).text, buf_text(&cluster));
}

/* "Candidate ['n2', 'n3']" */
static void put_names(struct buf *out, json_t *names)
{
    size_t i = 0;
    json_t *name = NULL;
    json_array_foreach(names, i, name)
    {
        buf_str(out, i > 0 ? ", '" : "'");
        output_text(out, json_string_value(name));
        buf_char(out, '\'');
    }
}

static bool has_name(json_t *names, const char *wanted)
{
    size_t i = 0;
    json_t *name = NULL;
    json_array_foreach(names, i, name)
    {
        if (strcmp(json_string_value(name), wanted) == 0) {
            return true;
        }
    }
    return false;
}

static int find_candidate(struct switching *s, struct err *err)
{
    CLEANUP(buf_close) struct buf question = {0};
    const char *leader = buf_text(&s->leader);
    json_auto_t *names = switch_candidates(s->view, leader);
    if (json_array_size(names) == 0) {
        return err_set(err, ERR_REFUSED, "No candidates found to %s to", verb(s));
    }
    if (cli_given(s->call, "candidate") || !may_ask(s)) {
        buf_str(&s->candidate, given(s, "candidate"));
    } else {
        buf_str(&question, "Candidate [");
        put_names(&question, names);
        buf_char(&question, ']');
        int rc = prompt_text(buf_text(&question), "", &s->candidate, err);
        if (rc < 0) {
            return rc;
        }
    }
    const char *name = buf_text(&s->candidate);
    if (s->is_failover && name[0] == '\0') {
        return err_set(err, ERR_REFUSED,
                       "Failover could be performed only to a specific candidate");
    }
    if (name[0] != '\0' && strcmp(name, leader) == 0) {
        return err_set(err, ERR_REFUSED, "%s target and source are the same", title(s));
    }
    if (switch_is_fenced(s->view, name)) {
        return err_set(err, ERR_REFUSED, "Member %s is fenced (pgraftctl unfence)",
                       cli_quoted(name).text);
    }
    CLEANUP(buf_close) struct buf cluster = scope(s);
    return name[0] == '\0' || has_name(names, name)
               ? 0
               : err_set(err, ERR_REFUSED,
                         "Member %s does not exist in cluster %s or is tagged as nofailover",
                         cli_quoted(name).text, buf_text(&cluster));
}

static int find_time(struct switching *s, struct err *err)
{
    if (s->is_failover) {
        return 0;
    }
    if (!cli_given(s->call, "scheduled") && may_ask(s)) {
        return moment_ask("switchover", s->at, err);
    }
    const char *scheduled = cli_value(s->call, "scheduled");
    return moment_take(scheduled != NULL ? scheduled : "now", s->at, err);
}

/* ---- whether it is wanted ---- */

static int confirm(const struct switching *s, const char *question, struct err *err)
{
    bool yes = false;
    int rc = prompt_confirm(question, &yes, err);
    return rc < 0 || yes ? rc : err_set(err, ERR_REFUSED, "Aborting %s", verb(s));
}

static int confirm_all(const struct switching *s, struct err *err)
{
    CLEANUP(buf_close) struct buf question = {0};
    CLEANUP(buf_close) struct buf risk = {0};
    int rc = 0;
    if (!may_ask(s)) {
        return 0;
    }
    if (s->accepts_loss) {
        buf_str(&risk, "All that was committed and is not in the data of ");
        output_text(&risk, buf_text(&s->candidate));
        buf_str(&risk, " is lost. Is that wanted?");
        rc = confirm(s, buf_text(&risk), err);
    } else if (s->is_failover && switch_is_asynchronous(s->view, buf_text(&s->candidate))) {
        buf_str(&risk, "Are you sure you want to failover to the asynchronous node ");
        output_text(&risk, buf_text(&s->candidate));
        buf_char(&risk, '?');
        rc = confirm(s, buf_text(&risk), err);
    }
    CLEANUP(buf_close) struct buf cluster = scope(s);
    bool is_later = s->at[0] != '\0';
    buf_printf(&question, "Are you sure you want to %s cluster %s%s%s",
               is_later ? "schedule switchover of" : verb(s), buf_text(&cluster),
               is_later ? " at " : "", s->at);
    if (s->leader.size > 0) {
        buf_str(&question, ", demoting current leader ");
        output_text(&question, buf_text(&s->leader));
    }
    buf_char(&question, '?');
    return rc < 0 ? rc : confirm(s, buf_text(&question), err);
}

/* ---- doing it ---- */

/* "2026-11-02 08:20:11.41523", as patronictl has it. */
static void put_now(struct buf *out)
{
    struct timeval now;
    struct tm parts = {0};
    char text[32];
    (void)gettimeofday(&now, NULL);
    (void)localtime_r(&now.tv_sec, &parts);
    (void)strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &parts);
    buf_printf(out, "%s.%05u", text, (unsigned)now.tv_usec / 10);
}

static json_t *request_of(const struct switching *s, uint64_t wait_ms)
{
    json_t *body = json_object();
    if (!s->is_failover) {
        cmd_set(body, "leader", json_string(buf_text(&s->leader)));
    }
    if (s->candidate.size > 0) {
        cmd_set(body, "candidate", json_string(buf_text(&s->candidate)));
    }
    if (s->at[0] != '\0') {
        cmd_set(body, "scheduled_at", json_string(s->at));
    }
    if (s->accepts_loss) {
        cmd_set(body, "accept_data_loss", json_true());
    }
    cmd_set(body, "timeout_ms", json_integer((json_int_t)wait_ms));
    return body;
}

/* Until the node that is asked has heard of it, or for a while. */
static int look_after(struct switching *s, int status, struct err *err)
{
    uint64_t until_ms = clock_mono_ms(clock_system()) + SHOWN_MS;
    int rc = told_again(s->ctl.ask, &s->view, err);
    while (rc == 0 && status == 200 && clock_mono_ms(clock_system()) < until_ms) {
        const char *leader = view_text(s->view, "leader");
        if (leader[0] != '\0' && strcmp(leader, buf_text(&s->leader)) != 0) {
            break;
        }
        (void)poll(NULL, 0, AGAIN_MS);
        rc = told_again(s->ctl.ask, &s->view, err);
    }
    return rc;
}

static int report(struct switching *s, int status, const char *text, struct err *err)
{
    CLEANUP(buf_close) struct buf out = {0};
    struct err why = {0};
    if (output_format(s->call) != OUTPUT_PRETTY) {
        json_auto_t *record = json_object();
        cmd_set(record, "status", json_integer(status));
        cmd_set(record, "text", json_string(text));
        output_document(&out, output_format(s->call), record);
        return cli_put(&out, err);
    }
    put_now(&out);
    buf_char(&out, ' ');
    output_text(&out, text);
    buf_char(&out, '\n');
    if (look_after(s, status, &why) == 0) {
        put_topology(&out, s);
    } else {
        cmd_warn(s->call, "it is done, and how the cluster is now can not be told: %s", why.msg);
    }
    return cli_put(&out, err);
}

static int tell(struct switching *s, struct err *err)
{
    struct ask_said said = {0};
    CLEANUP(buf_close) struct buf shown = {0};
    uint64_t wait_ms = cli_given(s->call, "timeout") ? s->ctl.timeout_ms : WAIT_MS;
    json_auto_t *body = request_of(s, wait_ms);
    CLEANUP(buf_close) struct buf after = {0};
    buf_printf(&after, "the %s %s: pgraftctl list shows %s", verb(s),
               s->at[0] != '\0' ? "may be scheduled all the same" : "goes on without this program",
               s->at[0] != '\0' ? "it" : "who leads");
    ask_restart_clock(s->ctl.ask);
    progress_begin(verb(s), buf_text(&after));
    int rc = ask_words(s->ctl.ask, s->is_failover ? "/failover" : "/switchover", body,
                       wait_ms + MARGIN_MS, &said, err);
    progress_end();
    const char *text = buf_text(&said.text);
    int code = rc == 0 ? switch_answer_code(said.status, text, told_has_quorum(s->view)) : 0;
    if (rc == 0 && code == 0) {
        rc = report(s, said.status, text, err);
    } else if (rc == 0) {
        output_text(&shown, text);
        rc = err_set(err, code, "%s %s, details: %d, %s", title(s),
                     code == ERR_TIMEOUT ? "status unknown" : "failed", said.status,
                     buf_text(&shown));
    }
    buf_close(&said.text);
    return rc;
}

/* ---- only looking ---- */

static int dry_run(struct switching *s, struct err *err)
{
    CLEANUP(buf_close) struct buf out = {0};
    const struct switch_plan plan = {.is_failover = s->is_failover,
                                     .leader = given_leader(s),
                                     .candidate = given(s, "candidate")};
    json_auto_t *checks = switch_checks(s->view, &plan);
    bool is_good = conditions_are_good(checks);
    if (output_format(s->call) == OUTPUT_PRETTY) {
        conditions_put(&out, checks);
        buf_printf(&out, "A %s %s\n", verb(s),
                   is_good ? "would be begun; nothing was done." : "is not possible now.");
    } else {
        json_auto_t *document = json_object();
        cmd_set(document, "possible", json_boolean(is_good));
        cmd_set(document, "checks", json_incref(checks));
        output_document(&out, output_format(s->call), document);
    }
    int rc = cli_put(&out, err);
    return rc < 0 || is_good ? rc : 1;
}

/* ---- the commands ---- */

static int check_words(const struct switching *s, struct err *err)
{
    bool dry = cli_given(s->call, "dry-run");
    enum output_format format = output_format(s->call);
    if (!s->is_failover && cli_given(s->call, "leader") && cli_given(s->call, "primary")) {
        return cli_usage(s->call, err, "--leader and --primary are the same: give one");
    }
    if (cli_given(s->call, "candidate") && given(s, "candidate")[0] == '\0') {
        return cli_usage(s->call, err, "--candidate names nobody%s",
                         s->is_failover ? "" : ": leave it out for whoever is able");
    }
    if (s->is_failover && !cli_given(s->call, "candidate") && (dry || !may_ask(s))) {
        return cli_usage(s->call, err, "--candidate is needed where nobody is asked");
    }
    if (dry && s->accepts_loss) {
        return cli_usage(s->call, err,
                         "--dry-run is about what is lost by nobody: leave "
                         "--accept-data-loss out");
    }
    if (dry && !s->is_failover && cli_given(s->call, "scheduled")) {
        return cli_usage(s->call, err, "--dry-run is about now: leave --scheduled out");
    }
    if (format == OUTPUT_TSV) {
        return cli_usage(s->call, err, "\"%s\" has no use for --format tsv", verb(s));
    }
    if (format != OUTPUT_PRETTY && !dry && !cli_given(s->call, "force")) {
        return cli_usage(s->call, err, "with --format nobody is asked: give --force, too");
    }
    return 0;
}

static int run(const struct cli_call *call, bool is_failover, struct err *err)
{
    CLEANUP(switching_close)
    struct switching s = {.call = call,
                          .is_failover = is_failover,
                          .accepts_loss = is_failover && cli_given(call, "accept-data-loss")};
    int rc = check_words(&s, err);
    rc = rc < 0 ? rc : ctl_open(call, &s.ctl, err);
    rc = rc < 0 ? rc : told_again(s.ctl.ask, &s.view, err);
    rc = rc < 0 ? rc : told_check_clusters(call, s.view, err);
    if (rc < 0 || cli_given(call, "dry-run")) {
        return rc < 0 ? rc : dry_run(&s, err);
    }
    rc = show_before(&s, err);
    rc = rc < 0 ? rc : find_leader(&s, err);
    rc = rc < 0 ? rc : find_candidate(&s, err);
    rc = rc < 0 ? rc : find_time(&s, err);
    rc = rc < 0 ? rc : confirm_all(&s, err);
    return rc < 0 ? rc : tell(&s, err);
}

int cmd_switchover(const struct cli_call *call, struct err *err)
{
    return run(call, false, err);
}

int cmd_failover(const struct cli_call *call, struct err *err)
{
    return run(call, true, err);
}
