/* supervisor/supervisor_resolve.c - the address behind a member's name, looked up in a thread of
 * the loop: nothing else here ever waits for a name server. */
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/must.h"
#include "supervisor/supervisor_parts.h"

#define KEEPS_MS 30000

struct supervisor_resolve {
    uv_getaddrinfo_t request;
    struct supervisor *s; /* NULL: closed meanwhile */
};

static void found_cb(uv_getaddrinfo_t *request, int status, struct addrinfo *all)
{
    struct supervisor_resolve *r = CONTAINER_OF(request, struct supervisor_resolve, request);
    struct supervisor *s = r->s;
    char text[ACT_ADDRESS_SIZE] = "";
    if (status == 0 && all != NULL) {
        int rv = all->ai_family == AF_INET6
                     ? uv_ip6_name((const struct sockaddr_in6 *)(const void *)all->ai_addr, text,
                                   sizeof(text))
                     : uv_ip4_name((const struct sockaddr_in *)(const void *)all->ai_addr, text,
                                   sizeof(text));
        text[0] = rv == 0 ? text[0] : '\0';
    }
    uv_freeaddrinfo(all);
    mem_free(r);
    if (s == NULL) {
        return;
    }
    s->resolve = NULL;
    memcpy(s->resolved_address, text, sizeof(text));
    s->resolved_ms = supervisor_now_ms();
    supervisor_soon(s);
}

static void look_up(struct supervisor *s, const char *host)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct supervisor_resolve *r = (struct supervisor_resolve *)mem_zalloc(sizeof(*r));
    r->s = s;
    (void)snprintf(s->resolved_name, sizeof(s->resolved_name), "%s", host);
    s->resolved_address[0] = '\0';
    if (uv_getaddrinfo(s->loop, &r->request, found_cb, host, NULL, &hints) != 0) {
        mem_free(r);
        return;
    }
    s->resolve = r;
}

bool supervisor_address_of(struct supervisor *s, const char *host, char out[ACT_ADDRESS_SIZE])
{
    if (pg_host_is_place(host)) {
        (void)snprintf(out, ACT_ADDRESS_SIZE, "%s", host);
        return true;
    }
    bool is_it = strcmp(s->resolved_name, host) == 0 && s->resolved_address[0] != '\0';
    bool is_young = supervisor_now_ms() - s->resolved_ms < KEEPS_MS;
    if (s->resolve == NULL && !(is_it && is_young)) {
        look_up(s, host);
    }
    if (is_it) {
        memcpy(out, s->resolved_address, ACT_ADDRESS_SIZE);
    }
    return is_it && s->resolved_address[0] != '\0';
}

void supervisor_resolve_close(struct supervisor *s)
{
    if (s->resolve != NULL) {
        s->resolve->s = NULL;
        (void)uv_cancel((uv_req_t *)&s->resolve->request); /* under way: it ends by itself */
        s->resolve = NULL;
    }
}
