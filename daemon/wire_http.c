/* daemon/wire_http.c - the HTTP side of a node, as its configuration wants it. */
#include "daemon/wire_http.h"

#include <strings.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/must.h"
#include "base/version.h"
#include "config/ciphers.h"

struct wire_http {
    struct http_settings settings;
    char **texts; /* copies, of @text_count */
    size_t text_count;
    const char **allowlist;
    struct http_header *headers;
    struct http_header *tls_headers;
    struct secret password;
    struct secret key_password;
    struct buf sockets[2];
    struct buf priorities; /* restapi.ciphers, for GnuTLS */
};

static enum http_verify verify_of(int verify)
{
    switch ((enum config_verify)verify) {
        case CONFIG_VERIFY_NONE:
            return HTTP_VERIFY_NONE;
        case CONFIG_VERIFY_OPTIONAL:
            return HTTP_VERIFY_OPTIONAL;
        case CONFIG_VERIFY_REQUIRED:
            break;
    }
    return HTTP_VERIFY_REQUIRED; /* the strictest for what is not known */
}

static const char *server_of(int tokens)
{
    switch ((enum config_tokens)tokens) {
        case CONFIG_TOKENS_ORIGINAL:
        case CONFIG_TOKENS_MINIMAL:
            return "pgraft/" PGRAFT_VERSION;
        case CONFIG_TOKENS_PRODUCTONLY:
            break;
    }
    return "pgraft"; /* the least, for what is not known */
}

/* A copy that lives as long as @wire; NULL of NULL. */
static const char *keep(struct wire_http *wire, const char *text)
{
    if (text == NULL) {
        return NULL;
    }
    char *copy = mem_strdup(text);
    wire->texts = mem_grow(wire->texts, wire->text_count + 1, sizeof(*wire->texts));
    wire->texts[wire->text_count] = copy;
    wire->text_count++;
    return copy;
}

static const char *text_or_null(const struct buf *b)
{
    return b->size > 0 ? buf_text(b) : NULL;
}

static void keep_secret(struct secret *to, const struct secret *from)
{
    secret_set(to, secret_reveal(from), secret_size(from));
}

/* ---- headers: over TLS both, where those of TLS win ---- */

static bool has_header(const struct config_pairs *pairs, const char *name)
{
    for (size_t i = 0; i < pairs->count; i++) {
        if (strcasecmp(pairs->at[i].key, name) == 0) {
            return true;
        }
    }
    return false;
}

static void add_headers(struct wire_http *wire, const struct config_pairs *pairs,
                        const struct config_pairs *but, struct http_header *out, size_t *count)
{
    for (size_t i = 0; i < pairs->count; i++) {
        if (but == NULL || !has_header(but, pairs->at[i].key)) {
            out[*count] = (struct http_header){.name = keep(wire, pairs->at[i].key),
                                               .value = keep(wire, pairs->at[i].value)};
            (*count)++;
        }
    }
}

static void fill_headers(struct wire_http *wire, const struct config_restapi *api)
{
    const struct config_pairs *all = &api->http_extra_headers;
    const struct config_pairs *tls = &api->https_extra_headers;
    struct http_settings *s = &wire->settings;
    wire->headers = mem_array(all->count + 1, sizeof(*wire->headers));
    wire->tls_headers = mem_array(all->count + tls->count + 1, sizeof(*wire->tls_headers));
    add_headers(wire, all, NULL, wire->headers, &s->header_count);
    add_headers(wire, all, tls, wire->tls_headers, &s->tls_header_count);
    add_headers(wire, tls, NULL, wire->tls_headers, &s->tls_header_count);
    s->headers = wire->headers;
    s->tls_headers = wire->tls_headers;
}

/* ---- the rest ---- */

static void fill_tls(struct wire_http *wire, const struct config_restapi *api)
{
    struct http_settings *s = &wire->settings;
    if (api->ciphers != NULL) {
        int code = ciphers_translate(api->ciphers, &wire->priorities, NULL);
        MUST(code == 0); /* else the configuration was refused */
    }
    keep_secret(&wire->key_password, &api->keyfile_password);
    s->certfile = keep(wire, api->certfile);
    s->keyfile = keep(wire, api->keyfile);
    s->key_password = secret_is_set(&wire->key_password) ? &wire->key_password : NULL;
    s->cafile = keep(wire, api->cafile);
    s->priorities = text_or_null(&wire->priorities);
    s->verify = verify_of(api->verify_client);
}

static void fill_who_may(struct wire_http *wire, const struct config_restapi *api)
{
    struct http_settings *s = &wire->settings;
    keep_secret(&wire->password, &api->authentication.password);
    s->user = keep(wire, api->authentication.username);
    s->password = &wire->password;
    wire->allowlist = mem_array(api->allowlist.count + 1, sizeof(*wire->allowlist));
    for (size_t i = 0; i < api->allowlist.count; i++) {
        wire->allowlist[i] = keep(wire, api->allowlist.at[i]);
    }
    s->allowlist = wire->allowlist;
    s->allowlist_count = api->allowlist.count;
    s->allow_members = api->allowlist_include_members;
}

struct wire_http *wire_http_create(const struct config *config, const struct config_restapi *api)
{
    struct wire_http *wire = mem_zalloc(sizeof(*wire));
    config_sockets(config, &wire->sockets[0], &wire->sockets[1]);
    wire->settings = (struct http_settings){
        .listen = keep(wire, config->restapi.listen),
        .sockets = {text_or_null(&wire->sockets[0]), text_or_null(&wire->sockets[1])},
        .server = server_of(api->server_tokens),
        .scope = keep(wire, config->scope),
        .space = keep(wire, config->namespace_path),
        .name = keep(wire, config->name),
        .is_witness = config->role == CONFIG_WITNESS,
        .voters_max = (uint32_t)config->raft.max_voters};
    fill_tls(wire, api);
    fill_who_may(wire, api);
    fill_headers(wire, api);
    return wire;
}

struct http_settings *wire_http_settings(struct wire_http *wire)
{
    return &wire->settings;
}

void wire_http_destroy(struct wire_http *wire)
{
    if (wire == NULL) {
        return;
    }
    for (size_t i = 0; i < wire->text_count; i++) {
        mem_free(wire->texts[i]);
    }
    mem_free(wire->texts);
    mem_free(wire->allowlist);
    mem_free(wire->headers);
    mem_free(wire->tls_headers);
    secret_close(&wire->password);
    secret_close(&wire->key_password);
    buf_close(&wire->sockets[0]);
    buf_close(&wire->sockets[1]);
    buf_close(&wire->priorities);
    mem_free(wire);
}
