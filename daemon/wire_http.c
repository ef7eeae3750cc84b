/* daemon/wire_http.c - the HTTP side of a node, as its configuration wants it. */
#include "daemon/wire_http.h"

#include "base/mem.h"
#include "base/must.h"
#include "base/version.h"
#include "config/ciphers.h"

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

static const char *text_or_null(const struct buf *b)
{
    return b->size > 0 ? buf_text(b) : NULL;
}

void wire_http_fill(struct wire_http *wire, const struct config *config)
{
    const struct config_restapi *api = &config->restapi;
    const struct config_pairs *extra =
        api->certfile != NULL ? &api->https_extra_headers : &api->http_extra_headers;
    wire_http_close(wire);
    config_sockets(config, &wire->sockets[0], &wire->sockets[1]);
    if (api->ciphers != NULL) {
        int code = ciphers_translate(api->ciphers, &wire->priorities, NULL);
        MUST(code == 0); /* else the configuration was refused */
    }
    wire->headers = mem_array(extra->count + 1, sizeof(*wire->headers));
    for (size_t i = 0; i < extra->count; i++) {
        wire->headers[i] = (struct http_header){extra->at[i].key, extra->at[i].value};
    }
    wire->settings = (struct http_settings){
        .listen = api->listen,
        .sockets = {text_or_null(&wire->sockets[0]), text_or_null(&wire->sockets[1])},
        .certfile = api->certfile,
        .keyfile = api->keyfile,
        .key_password = secret_is_set(&api->keyfile_password) ? &api->keyfile_password : NULL,
        .cafile = api->cafile,
        .priorities = text_or_null(&wire->priorities),
        .verify = verify_of(api->verify_client),
        .user = api->authentication.username,
        .password = &api->authentication.password,
        .allowlist = (const char *const *)api->allowlist.at,
        .allowlist_count = api->allowlist.count,
        .allow_members = api->allowlist_include_members,
        .server = server_of(api->server_tokens),
        .headers = wire->headers,
        .header_count = extra->count,
        .scope = config->scope,
        .space = config->namespace_path,
        .name = config->name,
        .is_witness = config->role == CONFIG_WITNESS,
        .voters_max = (uint32_t)config->raft.max_voters};
}

void wire_http_close(struct wire_http *wire)
{
    buf_close(&wire->sockets[0]);
    buf_close(&wire->sockets[1]);
    buf_close(&wire->priorities);
    mem_free(wire->headers);
    *wire = (struct wire_http){0};
}
