/* ctl/cmd_raft.c - raft: every member in full, and with --health each of them asked by itself. */
#include <inttypes.h>
#include <pthread.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/cli.h"
#include "base/mem.h"
#include "base/must.h"
#include "ctl/cluster_view.h"
#include "ctl/cmd.h"
#include "ctl/config.h"
#include "ctl/output.h"
#include "ctl/told.h"

#define MEMBERS_MAX 64

static const struct output_column raft_columns[] = OUTPUT_COLUMNS(
    {"id", "ID", OUTPUT_TEXT}, {"name", "Name", OUTPUT_TEXT}, {"address", "Address", OUTPUT_TEXT},
    {"site", "Site", OUTPUT_TEXT}, {"kind", NULL, OUTPUT_TEXT}, {"role", "Role", OUTPUT_TEXT},
    {"leader", "Leader", OUTPUT_BOOL}, {"term", "Term", OUTPUT_NUMBER},
    {"index", "Index", OUTPUT_NUMBER}, {"applied", "Applied", OUTPUT_NUMBER},
    {"lag", "Lag", OUTPUT_NUMBER}, {"reachable", NULL, OUTPUT_BOOL},
    {"last_contact_ms", "Last contact", OUTPUT_MS}, {"round_trip_ms", NULL, OUTPUT_MS},
    {"fsync_p99_ms", "Fsync p99", OUTPUT_MS}, {"db_bytes", "DB size", OUTPUT_BYTES},
    {"version", NULL, OUTPUT_TEXT}, {"api_url", NULL, OUTPUT_TEXT},
    {"errors", "Errors", OUTPUT_TEXT});

static const struct output_column member_columns[] = OUTPUT_COLUMNS(
    {"name", "Name", OUTPUT_TEXT}, {"id", "ID", OUTPUT_TEXT}, {"kind", "Kind", OUTPUT_TEXT},
    {"role", "Role", OUTPUT_TEXT}, {"site", "Site", OUTPUT_TEXT},
    {"address", "Address", OUTPUT_TEXT}, {"api_url", "HTTP", OUTPUT_TEXT});

static const struct output_column health_columns[] =
    OUTPUT_COLUMNS({"name", "Name", OUTPUT_TEXT}, {"api_url", "Asked at", OUTPUT_TEXT},
                   {"reachable", "Reachable", OUTPUT_BOOL}, {"healthy", "Healthy", OUTPUT_BOOL},
                   {"read_ms", "Confirmed read", OUTPUT_MS}, {"error", "Error", OUTPUT_TEXT});

static char *title_of(json_t *raft)
{
    CLEANUP(buf_close) struct buf state = {0};
    view_state(raft, &state);
    const char *id = view_text(raft, "cluster_id");
    return mem_printf("Cluster: %s (%s), %s", view_text(raft, "scope"),
                      id[0] != '\0' ? id : "none yet", buf_text(&state));
}

/* --- Health --- */

/* One member, asked by a thread of its own: a dead host must not keep the others waiting. */
struct probe {
    struct endpoint endpoint;
    struct ask_options options;
    json_t *row; /* what came of it */
};

static void *probe_run(void *context)
{
    struct probe *p = context;
    struct err err = {0};
    json_auto_t *answer = NULL;
    CLEANUP(ask_closep) struct ask *ask = ask_open(&p->options);
    CLEANUP(mem_freep)
    char *path =
        mem_printf("/pgraft/v1/health?timeout_ms=%" PRIu64, p->options.timeout_ms * 9 / 10);
    int rc = ask_get(ask, path, &answer, &err);
    const char *name = view_text(answer, "name");
    bool same = name[0] == '\0' || strcmp(name, view_text(p->row, "name")) == 0;
    bool healthy = rc == 0 && same && json_is_true(json_object_get(answer, "healthy"));
    json_t *read_ms = json_object_get(answer, "read_ms");
    cmd_set(p->row, "reachable", json_boolean(rc == 0 || ask_error(ask) != NULL));
    cmd_set(p->row, "healthy", json_boolean(healthy));
    cmd_set(p->row, "read_ms", read_ms != NULL ? json_incref(read_ms) : json_null());
    cmd_set(p->row, "error",
            healthy  ? json_null()
            : rc < 0 ? json_string(err.msg)
            : same   ? json_string("says that it is not healthy")
                     : json_sprintf("%s answers there", name));
    return NULL;
}

/* Where to ask @member: the one that told us of all is asked where it was; one that tells no HTTP
 * address may have the usual one. */
static int probe_place(struct probe *p, json_t *member, bool is_asked, const char *node)
{
    const char *url = is_asked ? node : view_text(member, "api_url");
    if (url[0] != '\0') {
        return endpoint_parse(url, &p->endpoint, NULL);
    }
    const char *address = view_text(member, "address");
    const char *colon = strrchr(address, ':');
    CLEANUP(mem_freep)
    char *host = mem_printf("%.*s", colon != NULL ? (int)(colon - address) : 0, address);
    return host[0] != '\0' ? endpoint_parse(host, &p->endpoint, NULL) : ERR_NOT_FOUND;
}

static bool probe_all(json_t *raft, const struct ctl *ctl, json_t *rows)
{
    json_t *members = json_object_get(raft, "members");
    struct probe probes[MEMBERS_MAX] = {{.row = NULL}};
    pthread_t threads[MEMBERS_MAX];
    bool runs[MEMBERS_MAX] = {false};
    bool all = true;
    size_t count = json_array_size(members) < MEMBERS_MAX ? json_array_size(members) : MEMBERS_MAX;
    for (size_t i = 0; i < count; i++) {
        json_t *member = json_array_get(members, i);
        struct probe *p = &probes[i];
        bool is_asked = strcmp(view_text(member, "name"), view_text(raft, "name")) == 0;
        p->row = json_pack("{s:s, s:n, s:b, s:s}", "name", view_text(member, "name"), "reachable",
                           "healthy", 0, "error", "it tells no HTTP address to ask it at");
        MUST(p->row != NULL);
        int rc = json_array_append_new(rows, p->row);
        MUST(rc == 0);
        if (probe_place(p, member, is_asked, ask_node(ctl->ask)) < 0) {
            continue;
        }
        const char *place = p->endpoint.url != NULL ? p->endpoint.url : p->endpoint.socket;
        cmd_set(p->row, "api_url", json_string(place));
        p->options = (struct ask_options){.endpoints = &p->endpoint,
                                          .endpoint_count = 1,
                                          .access = ctl->access,
                                          .timeout_ms = ctl->timeout_ms};
        runs[i] = pthread_create(&threads[i], NULL, probe_run, p) == 0;
    }
    for (size_t i = 0; i < count; i++) {
        if (runs[i]) {
            int rc = pthread_join(threads[i], NULL);
            MUST(rc == 0);
        }
        endpoint_close(&probes[i].endpoint);
        all = all && json_is_true(json_object_get(probes[i].row, "healthy"));
    }
    return all && count > 0;
}

static int show_health(const struct cli_call *call, const struct ctl *ctl, json_t *raft,
                       struct err *err)
{
    json_auto_t *rows = json_array();
    bool all = probe_all(raft, ctl, rows);
    CLEANUP(mem_freep) char *title = title_of(raft);
    int rc = cmd_print(call, title, health_columns, rows, err);
    return rc < 0 || all ? rc : 1;
}

/* --- The commands --- */

static int show_members(const struct cli_call *call, struct ctl *ctl, const void *wish,
                        struct err *err)
{
    const struct output_column *columns = wish;
    json_auto_t *raft = NULL;
    int rc = view_get(ctl->ask, &raft, err);
    if (rc < 0) {
        return rc;
    }
    CLEANUP(mem_freep) char *title = title_of(raft);
    rc = cmd_print(call, title, columns, json_object_get(raft, "members"), err);
    return rc < 0 || json_is_true(json_object_get(raft, "quorum")) ? rc : CMD_NO_QUORUM;
}

static int show_healths(const struct cli_call *call, struct ctl *ctl, const void *wish,
                        struct err *err)
{
    json_auto_t *raft = NULL;
    (void)wish; /* it has none */
    int rc = view_get(ctl->ask, &raft, err);
    return rc < 0 ? rc : show_health(call, ctl, raft, err);
}

int cmd_raft(const struct cli_call *call, struct err *err)
{
    bool health = cli_given(call, "health");
    return told_repeat(call, health ? show_healths : show_members, raft_columns, err);
}

int cmd_member_list(const struct cli_call *call, struct err *err)
{
    return told_repeat(call, show_members, member_columns, err);
}
