/* consensus/net/net_settings.c - sensible limits, and settings that make sense. */
#include <stdio.h>

#include "consensus/net/net_internal.h"
#include "proto/timing.h"

struct net_limits net_limits_default(void)
{
    return (struct net_limits){
        .preface_bytes_max = PREFACE_BODY_MAX,
        .body_bytes_max = PEER_MESSAGE_BYTES_MAX,
        .send_bytes_max = (size_t)16 * 1024 * 1024,
        .strangers_max = 64,
        .strangers_of_host_max = 16,
        .connect_ms = 2000,
        .handshake_ms = 5000,
        .preface_ms = 5000,
        .body_ms = 30000,
        .ping_ms = 1000,
        .silence_ms = 5000,
        .probe_ms = 1000,
        .redial_min_ms = 50,
        .redial_max_ms = TIMING_REDIAL_MS_MAX,
        .redial_refused_ms = 5000,
        .event_repeat_ms = 600000,
    };
}

static int check_limits(const struct net_limits *l, struct err *err)
{
    const struct {
        const char *what;
        bool fine;
    } rules[] = {
        {"preface_bytes_max holds no preface", l->preface_bytes_max >= PREFACE_BODY_MAX},
        {"body_bytes_max is less than a message may have",
         l->body_bytes_max >= l->preface_bytes_max},
        {"send_bytes_max is 0", l->send_bytes_max > 0},
        {"strangers_max or strangers_of_host_max is 0",
         l->strangers_max > 0 && l->strangers_of_host_max > 0},
        {"a time is 0", l->connect_ms > 0 && l->handshake_ms > 0 && l->preface_ms > 0 &&
                            l->body_ms > 1 && l->ping_ms > 0 && l->probe_ms > 0},
        {"silence_ms leaves no time for two pings", l->silence_ms >= 2 * l->ping_ms},
        {"redial_min_ms is 0 or above redial_max_ms",
         l->redial_min_ms > 0 && l->redial_min_ms <= l->redial_max_ms},
        {"redial_refused_ms is 0", l->redial_refused_ms > 0},
    };
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        if (!rules[i].fine) {
            return err_set(err, ERR_INVALID, "peers: %s", rules[i].what);
        }
    }
    return 0;
}

static int check_files(const struct net_security *s, struct err *err)
{
    if (s->kind == NET_SECRET && s->secret_file == NULL) {
        return err_set(err, ERR_INVALID,
                       "raft.secret_file is missing: make one with \"pgraftctl secret generate\", "
                       "the same for all nodes");
    }
    bool all = s->ca != NULL && s->cert != NULL && s->key != NULL;
    if (s->kind == NET_CERTIFICATES && !all) {
        return err_set(err, ERR_INVALID,
                       "certificates for peers: %s is missing: ca, cert and key "
                       "belong together",
                       s->ca == NULL     ? "ca"
                       : s->cert == NULL ? "cert"
                                         : "key");
    }
    return 0;
}

static int check_listen(const char *address, const struct net_security *security, struct err *err)
{
    struct address_parts parts;
    int rv = address_split(address, &parts, err);
    if (rv != 0) {
        err_wrap(err, "raft.listen");
        return rv;
    }
    if (security->kind == NET_PLAIN && !security->insecure && !address_parts_are_loopback(&parts)) {
        return err_set(err, ERR_INVALID,
                       "raft.listen: %s can be reached from other hosts, and there is no secret: "
                       "set raft.secret_file, or raft.insecure: true",
                       address);
    }
    return 0;
}

int net_settings_check(const struct net_settings *settings, const struct net_security *security,
                       struct err *err)
{
    if (settings->listen[0] == NULL) {
        return err_set(err, ERR_INVALID, "raft.listen: no address");
    }
    int rv = check_files(security, err);
    for (size_t i = 0; rv == 0 && i < NET_LISTEN_MAX && settings->listen[i] != NULL; i++) {
        rv = check_listen(settings->listen[i], security, err);
    }
    struct preface self = settings->self;
    self.protocol = self.protocol != 0 ? self.protocol : PREFACE_PROTOCOL;
    self.oldest = self.oldest != 0 ? self.oldest : PREFACE_PROTOCOL_OLDEST;
    rv = rv != 0 ? rv : preface_check(&self, err);
    return rv != 0 ? rv : check_limits(&settings->limits, err);
}
