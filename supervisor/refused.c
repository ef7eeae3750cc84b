/* supervisor/refused.c - one replication connection, and a sentence. */
#include "supervisor/refused.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "base/must.h"

#define ADDRESS_SIZE 64

/* The first address between quotes behind the server's code, as in: connection to server at
 * "10.0.0.1" failed: FATAL:  28000: no pg_hba.conf entry for replication connection from host
 * "10.0.0.2", user "replicator". In whatever language the server speaks. */
static bool find_address(const char *message, const char *sqlstate, char out[ADDRESS_SIZE])
{
    const char *text = strstr(message, sqlstate);
    if (text == NULL) {
        return false;
    }
    for (const char *at = strchr(text, '"'); at != NULL; at = strchr(at + 1, '"')) {
        size_t size = strcspn(at + 1, "\"");
        unsigned char bytes[sizeof(struct in6_addr)];
        if (size == 0 || size >= ADDRESS_SIZE) {
            continue;
        }
        memcpy(out, at + 1, size);
        out[size] = '\0';
        if (inet_pton(AF_INET, out, bytes) == 1 || inet_pton(AF_INET6, out, bytes) == 1) {
            return true;
        }
    }
    return false;
}

static bool wants_ssl(const struct pg_login *login)
{
    return login->sslmode != NULL &&
           (strcmp(login->sslmode, "require") == 0 || strncmp(login->sslmode, "verify", 6) == 0);
}

void refused_text(const struct pg_failure *failure, const struct refused_who *who, struct buf *out)
{
    char address[ADDRESS_SIZE];
    const char *user = who->login->username;
    if (strcmp(failure->sqlstate, "28P01") == 0) {
        buf_printf(out, "%s does not take the password of the replication user %s", who->primary,
                   user);
    } else if (strcmp(failure->sqlstate, "28000") == 0) {
        bool found = find_address(failure->err.msg, failure->sqlstate, address);
        buf_printf(out, "%s refuses replication from here; add to its pg_hba: ", who->primary);
        pg_hba_line(user, found ? address : who->own_host, wants_ssl(who->login), out);
    } else if (strcmp(failure->sqlstate, "53300") == 0) {
        buf_printf(out, "%s has no place for one more replication connection: see max_wal_senders",
                   who->primary);
    } else if (failure->err.code != 0) {
        buf_printf(out, "%s can not be reached for replication: %.120s", who->primary,
                   failure->err.msg);
    }
}

/* ---- the look ---- */

static void change_cb(struct pg_link *link)
{
    struct refused_look *look = (struct refused_look *)link->owner;
    struct pg_failure failure = link->failure;
    refused_cb on_seen = look->on_seen;
    if (on_seen == NULL) {
        return; /* it has answered */
    }
    look->on_seen = NULL;
    bool is_in = link->state == PG_LINK_READY;
    pg_link_drop(link);
    on_seen(look, is_in ? NULL : &failure);
}

int refused_look_start(struct refused_look *look, uv_loop_t *loop, const struct pg_place *place,
                       refused_cb on_seen, struct err *err)
{
    MUST(place->is_replication);
    *look = (struct refused_look){.owner = look->owner, .on_seen = on_seen};
    int r = pg_link_open(&look->link, loop, place, err);
    if (r == 0) {
        look->link.owner = look;
        look->link.on_change = change_cb;
        pg_link_connect(&look->link);
    }
    return r;
}

static void closed_cb(struct pg_link *link)
{
    struct refused_look *look = (struct refused_look *)link->owner;
    look->on_closed(look);
}

void refused_look_close(struct refused_look *look, void (*on_closed)(struct refused_look *look))
{
    look->on_seen = NULL;
    look->on_closed = on_closed;
    pg_link_close(&look->link, closed_cb);
}
