/* ctl/cmd_adopt.c - adopt --from-patroni: looks at everything, then writes one file; PostgreSQL,
 * Patroni and its store are only looked at.
 *
 *   file read --> Patroni asked --> checks --> file made and checked --> told, and written if all
 * is well */
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/cli.h"
#include "base/mem.h"
#include "base/must.h"
#include "config/config.h"
#include "ctl/adopt_checks.h"
#include "ctl/adopt_here.h"
#include "ctl/cluster_view.h"
#include "ctl/cmd.h"
#include "ctl/conditions.h"
#include "ctl/config.h"
#include "ctl/endpoint.h"
#include "ctl/file_put.h"
#include "ctl/output.h"
#include "ctl/patroni_ask.h"
#include "ctl/patroni_file.h"
#include "ctl/yaml_in.h"

#define SECRET_DEFAULT "/etc/pgraft/secret"
#define MODE_OF_OTHERS 07UL /* nobody else reads passwords */

struct adopting {
    const struct cli_call *call;
    const char *file;
    const char *output;
    const char *secret_file;
    uint64_t timeout_ms;
    struct buf old;       /* Patroni's file */
    struct config config; /* what it says */
    struct form_list list;
    struct patroni_told told;
    struct err silent; /* why Patroni does not answer */
    struct buf new;    /* our file */
};

static void adopting_close(struct adopting *a)
{
    buf_wipe(&a->old);
    buf_wipe(&a->new);
    config_close(&a->config);
    patroni_told_close(&a->told);
}

/* --- What there is --- */

/* What is wrong with it for pgraft is found when the section raft is in it. */
static int read_file(struct adopting *a, struct err *err)
{
    CLEANUP(problems_close) struct problems problems = {0};
    const struct config_input input = {.path = a->file,
                                       .environment = (const char *const *)environ};
    struct stat st;
    if (stat(a->file, &st) == 0 && S_ISDIR(st.st_mode)) {
        return err_set(err, ERR_INVALID, "%s is a directory: put its files into one first",
                       a->file);
    }
    int rc = file_get(a->file, YAML_IN_SIZE_MAX, &a->old, err);
    if (rc == 0) {
        (void)config_load(&input, &a->config, &problems);
    }
    return rc;
}

/* As pgraftctl asks a node; what the section ctl does not say Patroni takes from restapi. */
static struct http_access access_of(const struct adopting *a)
{
    const struct config_ctl *ctl = &a->config.ctl;
    const struct config_restapi *restapi = &a->config.restapi;
    const char *cacert = cli_value(a->call, "cacert");
    const char *cert = cli_value(a->call, "cert");
    bool is_ours = cert == NULL && ctl->certfile == NULL;
    const char *file = is_ours ? restapi->certfile : ctl->certfile;
    const char *key = is_ours ? restapi->keyfile : ctl->keyfile;
    const struct secret *password = is_ours ? &restapi->keyfile_password : &ctl->keyfile_password;
    const char *known = ctl->cacert != NULL ? ctl->cacert : restapi->cafile;
    return (struct http_access){
        .cacert = cacert != NULL ? cacert : known,
        .cert = cert != NULL ? cert : file,
        .key = cert != NULL ? cli_value(a->call, "key") : key,
        .key_password = cert != NULL ? NULL : password,
        .insecure = cli_given(a->call, "insecure") || ctl->insecure,
    };
}

static int place_of(const struct adopting *a, struct endpoint *place, struct err *err)
{
    const struct config_restapi *restapi = &a->config.restapi;
    const char *given = cli_value(a->call, "endpoint");
    const char *address =
        restapi->connect_address != NULL ? restapi->connect_address : restapi->listen;
    if (given == NULL && address == NULL) {
        return err_set(err, ERR_INVALID, "%s: restapi.connect_address is missing", a->file);
    }
    CLEANUP(mem_freep)
    char *url = mem_printf("%s://%s", restapi->certfile != NULL ? "https" : "http",
                           address != NULL ? address : "");
    return endpoint_parse(given != NULL ? given : url, place, err);
}

static void ask_patroni(struct adopting *a)
{
    struct endpoint place = {0};
    int rc = place_of(a, &place, &a->silent);
    if (rc == 0) {
        const struct http_access access = access_of(a);
        const struct http_place where = {.socket = place.socket, .url = place.url};
        CLEANUP(http_closep) struct http *http = http_open(&where, &access);
        (void)patroni_ask(http, a->timeout_ms, &a->told, &a->silent);
    }
    endpoint_close(&place);
}

/* `patronictl show-config`, or patroni.dynamic.json of the data directory. */
static int read_dynamic(struct adopting *a, const char *path, struct err *err)
{
    CLEANUP(buf_close) struct buf text = {0};
    int rc = file_get(path, YAML_IN_SIZE_MAX, &text, err);
    return rc < 0 ? rc : yaml_in_map(path, buf_text(&text), text.size, &a->told.dynamic, err);
}

/* Given, or where Patroni's members are. A host without an address is told by a check. */
static int find_peers(struct adopting *a, struct err *err)
{
    const char *given = cli_value(a->call, "peers");
    size_t i = 0;
    json_t *member = NULL;
    if (given != NULL) {
        int rc = form_list_parse(given, &a->list, err);
        return rc < 0 ? cli_usage(a->call, err, "--peers: %s", err->msg) : 0;
    }
    json_array_foreach(json_object_get(a->told.cluster, "members"), i, member)
    {
        const char *host = view_text(member, "host");
        bool is_v6 = strchr(host, ':') != NULL;
        CLEANUP(mem_freep)
        char *address =
            mem_printf("%s%s%s:%d", is_v6 ? "[" : "", host, is_v6 ? "]" : "", CONFIG_PEERS_PORT);
        if (host[0] != '\0') {
            (void)form_list_add(&a->list, view_text(member, "name"), address, NULL);
        }
    }
    return 0;
}

/* --- What comes of it --- */

static json_t *raft_of(const struct adopting *a)
{
    const struct form_listed *self = form_list_find(&a->list, a->config.name);
    json_t *raft = json_object();
    json_t *peers = json_array();
    cmd_set(raft, "listen", json_string(self->address));
    for (size_t i = 0; i < a->list.count; i++) {
        CLEANUP(mem_freep)
        char *peer = mem_printf("%s=%s", a->list.at[i].name, a->list.at[i].address);
        int rc = json_array_append_new(peers, json_string(peer));
        MUST(rc == 0);
    }
    cmd_set(raft, "peers", peers);
    cmd_set(raft, "secret_file", json_string(a->secret_file));
    return raft;
}

/* As pgraftd will read it, with what this environment says. */
static void check_new(struct adopting *a, json_t *checks)
{
    CLEANUP(problems_close) struct problems problems = {0};
    CLEANUP(config_close) struct config config = {0};
    CLEANUP(mem_freep)
    char *text = mem_printf("PGRAFT_CONFIGURATION=%s", buf_text(&a->new));
    size_t count = 0;
    while (environ[count] != NULL) {
        count++;
    }
    CLEANUP(mem_freep) const char **environment = mem_zalloc((count + 2) * sizeof(char *));
    environment[0] = text; /* the first one counts */
    memcpy(environment + 1, environ, count * sizeof(char *));
    const struct config_input input = {.role = CONFIG_VOTER, .environment = environment};
    (void)config_load(&input, &config, &problems);
    adopt_checks_file(checks, a->output, &problems);
    explicit_bzero(text, strlen(text));
}

/* Both need what was asked for, and who this is. */
static int make(struct adopting *a, json_t *checks, struct err *err)
{
    json_t *dynamic = a->told.dynamic;
    bool is_listed = a->config.name != NULL && form_list_find(&a->list, a->config.name) != NULL;
    if (dynamic == NULL) {
        return 0;
    }
    /* Patroni's: a cluster of ours would begin with nobody as primary. */
    (void)json_object_del(dynamic, "pause");
    if (!adopt_checks_dynamic(checks, dynamic) || !is_listed) {
        return 0;
    }
    const struct patroni_file file = {
        .name = a->file, .text = buf_text(&a->old), .size = a->old.size};
    json_auto_t *raft = raft_of(a);
    int rc = patroni_file_make(&file, raft, dynamic, &a->new, err);
    if (rc == 0) {
        check_new(a, checks);
    }
    return rc;
}

/* It is read by whoever reads Patroni's, but for the rest of the world. */
static int write_new(const struct adopting *a, struct err *err)
{
    struct stat st;
    int rc = file_put(a->output, &a->new, false, err);
    if (rc == 0 && stat(a->file, &st) == 0 &&
        (chown(a->output, st.st_uid, st.st_gid) != 0 ||
         chmod(a->output, st.st_mode & 0666 & ~(mode_t)MODE_OF_OTHERS) != 0)) {
        cmd_warn(a->call, "%s belongs to this user alone: pgraftd has to be able to read it",
                 a->output);
    }
    return rc;
}

static int say(const struct adopting *a, json_t *checks, bool is_written, struct err *err)
{
    CLEANUP(buf_close) struct buf out = {0};
    bool is_good = conditions_are_good(checks);
    if (output_format(a->call) != OUTPUT_PRETTY) {
        json_auto_t *document = json_object();
        cmd_set(document, "possible", json_boolean(is_good));
        cmd_set(document, "written", is_written ? json_string(a->output) : json_null());
        cmd_set(document, "checks", json_incref(checks));
        output_document(&out, output_format(a->call), document);
        return cli_put(&out, err);
    }
    conditions_put(&out, checks);
    if (!is_good) {
        buf_str(&out, "It can not be taken over like this; nothing was done.\n");
    } else if (!is_written) {
        buf_printf(&out, "%s would be written; nothing was done.\n", a->output);
    } else {
        buf_printf(&out,
                   "%s is written. When that is so on all hosts, on one after the other, the "
                   "primary's last:\n"
                   "    end Patroni               systemctl disable --now patroni\n"
                   "    begin with pgraft         pgraftd --voter --adopt -c %s\n"
                   "The rest, and the way back: docs/from-patroni.md\n",
                   a->output, a->output);
    }
    return cli_put(&out, err);
}

static int run(struct adopting *a, struct err *err)
{
    CLEANUP(adopt_here_close) struct adopt_here here = {.is_data = false};
    const char *dynamic = cli_value(a->call, "dynamic");
    int rc = read_file(a, err);
    if (rc == 0 && dynamic != NULL) {
        rc = read_dynamic(a, dynamic, err);
    } else if (rc == 0) {
        ask_patroni(a);
    }
    rc = rc < 0 ? rc : find_peers(a, err);
    if (rc < 0) {
        return rc;
    }
    const struct adopt_places places = {.data_dir = a->config.postgresql.data_dir,
                                        .secret_file = a->secret_file,
                                        .output = a->output,
                                        .file = a->file};
    adopt_look(&places, &here);
    const struct adopt_plan plan = {.file = a->file,
                                    .output = a->output,
                                    .secret_file = a->secret_file,
                                    .old = &a->config,
                                    .list = &a->list,
                                    .told = &a->told,
                                    .silent = a->silent.code != 0 ? a->silent.msg : NULL,
                                    .is_offline = dynamic != NULL,
                                    .here = &here};
    json_auto_t *checks = adopt_checks(&plan);
    rc = make(a, checks, err);
    bool writes = rc == 0 && conditions_are_good(checks) && !cli_given(a->call, "dry-run");
    rc = writes ? write_new(a, err) : rc;
    rc = rc < 0 ? rc : say(a, checks, writes, err);
    return rc < 0 || conditions_are_good(checks) ? rc : 1;
}

int cmd_adopt(const struct cli_call *call, struct err *err)
{
    CLEANUP(adopting_close)
    struct adopting a = {.call = call, .timeout_ms = CTL_TIMEOUT_MS};
    const char *timeout = cli_value(call, "timeout");
    const char *secret_file = cli_value(call, "secret-file");
    const char *output = cli_value(call, "output");
    struct err why = {0};
    int rc = cmd_uses_only(
        call, CMD_USES("format", "timeout", "endpoint", "cacert", "cert", "key", "insecure"), err);
    if (rc < 0) {
        return rc;
    }
    a.file = cli_value(call, "from-patroni");
    a.secret_file = secret_file != NULL ? secret_file : SECRET_DEFAULT;
    a.output = output != NULL ? output : CONFIG_FILE_DEFAULT;
    if (a.file == NULL) {
        return cli_usage(call, err, "--from-patroni FILE is needed: Patroni's own configuration");
    }
    if (output_format(call) == OUTPUT_TSV) {
        return cli_usage(call, err, "\"adopt\" has no use for --format tsv");
    }
    if (timeout != NULL && cmd_duration(timeout, 1, ASK_TIMEOUT_MS_MAX, &a.timeout_ms, &why) < 0) {
        return cli_usage(call, err, "--timeout: %s", why.msg);
    }
    return run(&a, err);
}
