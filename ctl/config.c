/* ctl/config.c - options first, then the environment, then what runs on this host. */
#include "ctl/config.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/must.h"
#include "ctl/cmd.h"
#include "ctl/endpoint.h"
#include "ctl/file_put.h"

#define PASSWORD_SIZE_MAX 4096

/* An option, else the variable of the environment, else what the file says. */
static const char *first_of(const char *option, const char *environment, const char *file)
{
    return option != NULL ? option : environment != NULL ? environment : file;
}

/* NULL when it is not set, or empty. */
static const char *variable(const char *name)
{
    const char *value = getenv(name);
    return value != NULL && value[0] != '\0' ? value : NULL;
}

void ctl_surroundings(struct ctl_surroundings *ret_surroundings)
{
    *ret_surroundings = (struct ctl_surroundings){
        .editor = variable("EDITOR"),
        .temporary_dir = first_of(NULL, variable("TMPDIR"), "/tmp"),
        .no_colour = variable("NO_COLOR") != NULL,
    };
}

bool ctl_is_patronictl(const struct cli_call *call)
{
    return strcmp(call->program->name, CTL_PATRONICTL) == 0;
}

struct endpoints {
    struct endpoint *at;
    size_t count;
};

static void endpoints_close(struct endpoints *e)
{
    for (size_t i = 0; i < e->count; i++) {
        endpoint_close(&e->at[i]);
    }
    mem_free(e->at);
}

static int add(struct endpoints *e, const char *text, struct err *err)
{
    struct endpoint endpoint = {0};
    int rc = endpoint_parse(text, &endpoint, err);
    if (rc == 0) {
        e->at = mem_grow(e->at, e->count + 1, sizeof(*e->at));
        e->at[e->count++] = endpoint;
    }
    return rc;
}

/* "URL,URL" */
static int add_all(struct endpoints *e, const char *list, struct err *err)
{
    CLEANUP(mem_freep) char *words = mem_strdup(list);
    char *rest = NULL;
    int rc = 0;
    for (char *word = strtok_r(words, ",", &rest); rc == 0 && word != NULL;
         word = strtok_r(NULL, ",", &rest)) {
        rc = add(e, word, err);
    }
    return rc;
}

/* A socket of the node of -c FILE; it need not be alive, but it has to be there. */
static bool add_socket(struct endpoints *e, const struct config *config)
{
    CLEANUP(buf_close) struct buf first = {0};
    CLEANUP(buf_close) struct buf second = {0};
    config_sockets(config, &first, &second);
    const struct buf *paths[] = {&first, &second};
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        if (paths[i]->size > 0 && access(buf_text(paths[i]), F_OK) == 0) {
            return add(e, buf_text(paths[i]), NULL) == 0;
        }
    }
    return false;
}

/* The socket of the only node of this host. */
static int add_found(struct endpoints *e, struct err *err)
{
    struct endpoint endpoint = {0};
    const char *run_dir = first_of(NULL, getenv("PGRAFTCTL_RUN_DIR"), CONFIG_RUN_DIR);
    int rc = endpoint_find(run_dir, &endpoint, err);
    if (rc == 0) {
        e->at = mem_grow(e->at, e->count + 1, sizeof(*e->at));
        e->at[e->count++] = endpoint;
    }
    return rc;
}

/* The node of -c FILE: by its socket, else by its HTTP address. What is wrong with the rest of the
 * file is the node's affair. A file for patronictl alone names no node: then it is the one of this
 * host, which has to be of that cluster, as all that patronictl does asks first (told_get()). */
static int add_configured(struct endpoints *e, const struct cli_call *call, const char *path,
                          struct config *config, struct err *err)
{
    CLEANUP(problems_close) struct problems problems = {0};
    const struct config_input input = {.path = path, .environment = (const char *const *)environ};
    int loaded = config_load(&input, config, &problems);
    if (add_socket(e, config)) {
        return 0;
    }
    const char *address = config->restapi.connect_address;
    if (address != NULL) {
        CLEANUP(mem_freep)
        char *url =
            mem_printf("%s://%s", config->restapi.certfile != NULL ? "https" : "http", address);
        return add(e, url, err);
    }
    if (ctl_is_patronictl(call) && config->scope != NULL && config->name == NULL) {
        int rc = add_found(e, err);
        if (rc != ERR_NOT_FOUND) {
            return rc;
        }
    }
    if (loaded < 0) {
        CLEANUP(buf_close) struct buf wrong = {0};
        problems_print(&problems, &wrong);
        return err_set(err, ERR_INVALID, "%.*s", (int)strcspn(buf_text(&wrong), "\n"),
                       buf_text(&wrong));
    }
    return err_set(err, ERR_NOT_FOUND,
                   "the node of %s has no socket here and no restapi: is pgraftd running?", path);
}

/* Nothing is said: the node on this host, by its socket where sockets are, else by the file that
 * pgraftd reads when it is told nothing. */
static int find_here(struct endpoints *e, const struct cli_call *call, struct config *config,
                     struct err *err)
{
    const char *file = first_of(NULL, getenv("PGRAFTCTL_CONFIG"), CONFIG_FILE_DEFAULT);
    int rc = add_found(e, err);
    return rc == ERR_NOT_FOUND && access(file, R_OK) == 0
               ? add_configured(e, call, file, config, err)
               : rc;
}

const char *ctl_patroni_file(void)
{
    return variable("PATRONICTL_CONFIG_FILE");
}

const char *ctl_dcs_url(void)
{
    return variable("DCS_URL");
}

/* The file that patronictl reads when it is told of none; NULL: it is not there, or we are not
 * called so. The caller's. */
static char *file_of_patronictl(const struct cli_call *call)
{
    const char *base = variable("XDG_CONFIG_HOME");
    const char *home = variable("HOME");
    if (!ctl_is_patronictl(call) || (base == NULL && home == NULL)) {
        return NULL;
    }
    char *path = base != NULL ? mem_printf("%s/patroni/patronictl.yaml", base)
                              : mem_printf("%s/.config/patroni/patronictl.yaml", home);
    if (access(path, R_OK) != 0) {
        mem_free(path);
        return NULL;
    }
    return path;
}

const char *ctl_node_file(void)
{
    const char *file = first_of(NULL, getenv("PGRAFTCTL_CONFIG"), CONFIG_FILE_DEFAULT);
    return access(file, R_OK) == 0 ? file : NULL;
}

static int find_endpoints(const struct cli_call *call, struct endpoints *e, struct config *config,
                          struct err *err)
{
    int rc = 0;
    const char *value = NULL;
    for (size_t i = 0; rc == 0 && (value = cli_value_at(call, "endpoint", i)) != NULL; i++) {
        size_t before = e->count;
        rc = add_all(e, value, err);
        if (rc == 0 && e->count == before) { /* a script's variable that was not set */
            rc = cli_usage(call, err, "option \"--endpoint\" names no node");
        }
    }
    const char *path = cli_value(call, "config");
    if (rc == 0 && e->count == 0 && path != NULL) {
        return add_configured(e, call, path, config, err);
    }
    const char *environment = getenv("PGRAFTCTL_ENDPOINT");
    if (rc == 0 && e->count == 0 && environment != NULL) {
        rc = add_all(e, environment, err);
    }
    CLEANUP(mem_freep) char *preset = file_of_patronictl(call);
    const char *patronis = first_of(NULL, ctl_patroni_file(), preset);
    if (rc == 0 && e->count == 0 && patronis != NULL) {
        return add_configured(e, call, patronis, config, err);
    }
    if (rc < 0 || e->count > 0) {
        return rc;
    }
    return find_here(e, call, config, err);
}

static int find_timeout(const struct cli_call *call, uint64_t *ret_ms, struct err *err)
{
    const char *text = cli_value(call, "timeout");
    if (text == NULL) {
        *ret_ms = CTL_TIMEOUT_MS;
        return 0;
    }
    struct err why = {0};
    if (cmd_duration(text, 1, ASK_TIMEOUT_MS_MAX, ret_ms, &why) < 0) {
        return cli_usage(call, err, "--timeout: %s", why.msg);
    }
    return 0;
}

static int find_password(const struct cli_call *call, struct secret *password, struct err *err)
{
    const char *path = cli_value(call, "password-file");
    const char *environment = getenv("PGRAFTCTL_PASSWORD");
    if (path == NULL && environment != NULL) {
        secret_set(password, environment, strlen(environment));
    }
    if (path == NULL) {
        return 0;
    }
    CLEANUP(buf_wipe) struct buf text = {0};
    int rc = file_get(path, PASSWORD_SIZE_MAX, &text, err);
    if (rc < 0) {
        err_wrap(err, "--password-file");
        return rc;
    }
    secret_set(password, buf_text(&text), strcspn(buf_text(&text), "\r\n"));
    return 0;
}

/* Who we say we are: what is not said on the command line is as in the file's section ctl. */
static struct http_access access_for(const struct cli_call *call, const struct ctl *ctl)
{
    const struct config_ctl *file = &ctl->config.ctl;
    bool own = secret_is_set(&ctl->password);
    bool own_cert = cli_given(call, "cert");
    return (struct http_access){
        .user = first_of(cli_value(call, "user"), getenv("PGRAFTCTL_USER"),
                         file->authentication.username),
        .password = own ? &ctl->password : &file->authentication.password,
        .cacert = first_of(cli_value(call, "cacert"), NULL, file->cacert),
        .cert = first_of(cli_value(call, "cert"), NULL, file->certfile),
        .key = own_cert ? cli_value(call, "key")
                        : first_of(cli_value(call, "key"), NULL, file->keyfile),
        .key_password = own_cert ? NULL : &file->keyfile_password,
        .insecure = cli_given(call, "insecure") || file->insecure,
    };
}

int ctl_open(const struct cli_call *call, struct ctl *ret_ctl, struct err *err)
{
    CLEANUP(endpoints_close) struct endpoints endpoints = {0};
    struct ask_options options = {0};
    int rc = find_timeout(call, &options.timeout_ms, err);
    if (rc == 0) {
        rc = find_endpoints(call, &endpoints, &ret_ctl->config, err);
    }
    if (rc == 0) {
        rc = find_password(call, &ret_ctl->password, err);
    }
    if (rc < 0) {
        return rc;
    }
    options.endpoints = endpoints.at;
    options.endpoint_count = endpoints.count;
    options.access = access_for(call, ret_ctl);
    options.scope = ret_ctl->config.name == NULL ? ret_ctl->config.scope : NULL;
    ret_ctl->access = options.access;
    ret_ctl->timeout_ms = options.timeout_ms;
    ret_ctl->ask = ask_open(&options);
    return 0;
}

void ctl_close(struct ctl *ctl)
{
    ask_closep(&ctl->ask);
    secret_close(&ctl->password);
    config_close(&ctl->config);
}
