/* supervisor/supervisor_refused.c - a node that wants to stream and does not asks whom it follows
 * why, by a replication connection of its own: what a walreceiver was told stands in a log that
 * nobody reads. */
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/mem.h"
#include "supervisor/supervisor_parts.h"

#define PATIENCE_MS 3000 /* as long as a start may take that is well */
#define AGAIN_MS 5000
#define ANSWER_MS 3000

static void closed_cb(struct refused_look *look)
{
    mem_free(look);
}

static bool wants_copy(const struct facts *f)
{
    return f->pg.data == DATA_EMPTY || f->pg.data == DATA_BROKEN;
}

/* Who is asked. */
static const struct facts_name *asked(const struct facts *f)
{
    return wants_copy(f) && !facts_leads_standby(f) ? &f->store.holder : source_of(f);
}

static void take(struct supervisor *s, const struct pg_failure *failure)
{
    const struct refused_who who = {.primary = facts_leads_standby(&s->facts)
                                                   ? "the primary of the other cluster"
                                                   : asked(&s->facts)->text,
                                    .login = &s->setup->replication,
                                    .own_host = s->setup->host};
    CLEANUP(buf_close) struct buf text = {0};
    refused_text(failure, &who, &text);
    bool is_new = strncmp(s->refused, buf_text(&text), sizeof(s->refused) - 1) != 0;
    (void)snprintf(s->refused, sizeof(s->refused), "%s", buf_text(&text));
    if (is_new && s->refused[0] != '\0') {
        log_warn("supervisor", "does not replicate", LOG_STR("why", s->refused));
    }
}

static void seen_cb(struct refused_look *look, const struct pg_failure *failure)
{
    struct supervisor *s = (struct supervisor *)look->owner;
    if (s->refused_look == look) {
        s->refused_look = NULL;
        s->is_let_in = failure != NULL ? FACT_NO : FACT_YES;
        if (failure != NULL) {
            take(s, failure);
        } else {
            s->refused[0] = '\0';
        }
        supervisor_soon(s);
    }
    refused_look_close(look, closed_cb);
}

static void start_look(struct supervisor *s)
{
    struct act_upstream place;
    memset(&place, 0, sizeof(place));
    char address[ACT_ADDRESS_SIZE];
    bool is_placed = supervisor_place_of(s, asked(&s->facts), &place);
    supervisor_one_host(s, place.host);
    if (!is_placed || !supervisor_address_of(s, place.host, address)) {
        return;
    }
    const struct pg_login *login = &s->setup->replication;
    const struct pg_place at = {.host = address,
                                .port = (uint16_t)place.port,
                                .user = login->username,
                                .database = "replication",
                                .passfile = s->setup->passfile,
                                .application_name = "pgraft_look", /* a member's name would count */
                                .tls = login,
                                .connect_ms = ANSWER_MS,
                                .statement_ms = ANSWER_MS,
                                .pause_min_ms = ANSWER_MS,
                                .pause_max_ms = ANSWER_MS,
                                .is_replication = true};
    struct refused_look *look = (struct refused_look *)mem_zalloc(sizeof(*look));
    look->owner = s;
    if (refused_look_start(look, s->loop, &at, seen_cb, NULL) != 0) {
        mem_free(look); /* the log of PostgreSQL has it */
        return;
    }
    s->refused_look = look;
}

/* It has data and should stream, or has none and could not be cloned. */
static bool wants_to_stream(const struct supervisor *s)
{
    const struct facts *f = &s->facts;
    const struct facts_name *from = source_of(f);
    bool follows = f->pg.process == PG_RUNNING && f->pg.role == ROLE_STANDBY && name_is_set(from) &&
                   name_is(&f->pg.upstream, from);
    return (return_has_primary(f) || facts_leads_standby(f)) &&
           (follows || (wants_copy(f) && s->failures > 0));
}

void supervisor_look_refused(struct supervisor *s, uint64_t now_ms)
{
    bool streams = s->facts.pg.follows_epoch != 0;
    if (streams || !wants_to_stream(s)) {
        s->follows_ms = now_ms;
        s->refused[0] = '\0';
        s->is_let_in = FACT_UNKNOWN;
        return;
    }
    bool is_late = now_ms - s->follows_ms >= PATIENCE_MS;
    if (s->refused_look == NULL && is_late && now_ms >= s->refused_again_ms) {
        s->refused_again_ms = now_ms + AGAIN_MS;
        start_look(s);
    }
}
