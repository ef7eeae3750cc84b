/* consensus/net/listen.c - where peers find this node. */
#include <netdb.h>
#include <stdio.h>
#include <string.h>

#include "base/must.h"
#include "consensus/net/net_internal.h"

#define BACKLOG 128

static void connection_cb(uv_stream_t *server, int status)
{
    struct listener *listener = server->data;
    if (status == 0 && !listener->net->stopping) {
        link_accept(listener->net, server);
    }
}

static void closed_cb(uv_handle_t *handle)
{
    struct listener *listener = handle->data;
    net_release(listener->net);
}

static int find_address(const char *address, struct sockaddr_storage *ret, struct err *err)
{
    struct address_parts parts;
    int rv = address_split(address, &parts, err);
    if (rv != 0 || address_numeric(&parts, ret)) {
        return rv;
    }
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
    struct addrinfo *found = NULL;
    int rc = getaddrinfo(parts.host, parts.port, &hints, &found);
    if (rc != 0) {
        return err_set(err, ERR_INVALID, "\"%s\": %s", address, gai_strerror(rc));
    }
    MUST(found->ai_addrlen <= sizeof(*ret));
    memset(ret, 0, sizeof(*ret));
    memcpy(ret, found->ai_addr, found->ai_addrlen);
    freeaddrinfo(found);
    return 0;
}

static int err_uv(struct err *err, int status, const char *address)
{
    return err_errno(err, -status, "listen on %s%s", address, err_bind_hint(-status));
}

static int note_address(struct listener *listener, const char *address, struct err *err)
{
    struct sockaddr_storage name = {0};
    int size = sizeof(name);
    int rc = uv_tcp_getsockname(&listener->tcp, (struct sockaddr *)&name, &size);
    if (rc != 0) {
        return err_uv(err, rc, address);
    }
    (void)address_text((const struct sockaddr *)&name, listener->address);
    return 0;
}

int listen_start(struct net *net, struct listener *listener, const char *address, bool alone,
                 struct err *err)
{
    struct sockaddr_storage at;
    int rv = find_address(address, &at, err);
    if (rv != 0) {
        err_wrap(err, "raft.listen");
        return rv;
    }
    if (net->keys->kind == NET_PLAIN && !net->keys->insecure &&
        !address_is_loopback((const struct sockaddr *)&at)) {
        return err_set(err, ERR_INVALID,
                       "raft.listen: %s can be reached from other hosts, and there is no secret: "
                       "set raft.secret_file, or raft.insecure: true",
                       address);
    }
    listener->net = net;
    int rc = uv_tcp_init(net->loop, &listener->tcp);
    MUST(rc == 0);
    listener->tcp.data = listener;
    listener->open = true;
    net->pending++;
    /* With another address beside it, "::" must not take IPv4, too. */
    bool six_only = !alone && at.ss_family == AF_INET6;
    rc = uv_tcp_bind(&listener->tcp, (const struct sockaddr *)&at, six_only ? UV_TCP_IPV6ONLY : 0);
    if (rc == 0) {
        rc = uv_listen((uv_stream_t *)&listener->tcp, BACKLOG, connection_cb);
    }
    return rc != 0 ? err_uv(err, rc, address) : note_address(listener, address, err);
}

void listen_stop(struct listener *listener)
{
    if (listener->open) {
        listener->open = false;
        uv_close((uv_handle_t *)&listener->tcp, closed_cb);
    }
}
