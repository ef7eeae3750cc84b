/* ctl/member_ask.c - by its api_url, as patronictl does. */
#include "ctl/member_ask.h"

#include <stdbool.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/cli.h"
#include "base/mem.h"
#include "ctl/cluster_view.h"
#include "ctl/endpoint.h"

/* "http://10.0.0.1:8008/patroni" without what follows the port. */
static char *place_of(const char *api_url)
{
    const char *host = strstr(api_url, "://");
    host = host != NULL ? host + 3 : api_url;
    return mem_printf("%.*s", (int)((size_t)(host - api_url) + strcspn(host, "/")), api_url);
}

/* NULL: it is another node, or was not asked by its socket. */
static const char *socket_of(const struct ctl *ctl, json_t *view, const char *name)
{
    const char *node = ask_node(ctl->ask);
    bool is_it = strcmp(view_text(view, "name"), name) == 0;
    return is_it && node[0] == '/' ? node : NULL;
}

int member_ask_open(const struct ctl *ctl, json_t *view, json_t *member, uint64_t timeout_ms,
                    struct ask **ret_ask, struct err *err)
{
    const char *api_url = view_text(member, "api_url");
    const char *name = view_text(member, "name");
    const char *socket = socket_of(ctl, view, name);
    CLEANUP(endpoint_close) struct endpoint place = {.url = NULL};
    if (socket == NULL && api_url[0] == '\0') {
        return err_set(err, ERR_NOT_FOUND, "%s has not said where its HTTP listens",
                       cli_quoted(name).text);
    }
    CLEANUP(mem_freep) char *text = socket != NULL ? mem_strdup(socket) : place_of(api_url);
    int rc = endpoint_parse(text, &place, err);
    if (rc == 0) {
        const struct ask_options options = {.endpoints = &place,
                                            .endpoint_count = 1,
                                            .access = ctl->access,
                                            .timeout_ms = timeout_ms > 0 ? timeout_ms : 1};
        *ret_ask = ask_open(&options);
    }
    return rc;
}
