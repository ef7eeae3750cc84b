/* supervisor/supervisor_back.c - what a node that wants to come back has to know: of its own way so
 * far, and by a question to the primary. */
#include <string.h>
#include <strings.h>

#include "base/log.h"
#include "base/mem.h"
#include "supervisor/supervisor_parts.h"

#define AGAIN_MS 1000
#define AGAIN_CALM_MS 10000 /* of a node that never streams */
#define ANSWER_MS 3000
#define STATEMENT_MS 6000
#define ARCHIVE_MS 60000 /* without a step forward: the archive does not have it either */
#define STILL_MS 5000    /* of a node that follows and does not stream: then the primary is asked */
#define ALONE_MS 10000   /* crash recovery of what is consistent by itself takes less, mostly */

bool supervisor_has_archive(const struct supervisor *s)
{
    const struct pg_setup_role *role =
        facts_leads_standby(&s->facts) ? &s->setup->leader : &s->setup->standby;
    for (size_t layer = 0; layer < PG_LAYER_COUNT; layer++) {
        const struct pg_pairs *pairs = &role->layers[layer];
        for (size_t i = 0; i < pairs->count; i++) {
            if (strcasecmp(pairs->at[i].name, "restore_command") == 0 &&
                pairs->at[i].value[0] != '\0') {
                return true;
            }
        }
    }
    return false;
}

/* As long as it brings something. */
static enum fact archive_of(struct supervisor *s, uint64_t now_ms)
{
    const struct position *end = &s->facts.pg.end;
    bool stands = s->facts.pg.process == PG_RUNNING && end->is_known && s->waits_at.is_known &&
                  position_compare(end, &s->waits_at) == 0;
    if (!supervisor_has_archive(s)) {
        return FACT_NO;
    }
    if (!stands || s->back.has_upstream_wal != FACT_NO) {
        s->waits_at = *end;
        s->waits_since_ms = now_ms;
    }
    return now_ms - s->waits_since_ms < ARCHIVE_MS ? FACT_YES : FACT_NO;
}

static bool starts_alone(struct supervisor *s, uint64_t now_ms)
{
    const struct facts *f = &s->facts;
    const struct act_upstream *up = &s->config.upstream;
    if (f->pg.process != PG_STARTING) {
        s->starting_ms = 0;
        return false;
    }
    s->starting_ms = s->starting_ms != 0 ? s->starting_ms : now_ms;
    const struct facts_name *from = source_of(f);
    bool names_it = name_is(&up->name, from) && up->epoch == f->store.grant_epoch;
    return !names_it && name_is_set(from) && now_ms - s->starting_ms > ALONE_MS;
}

/* PostgreSQL has nothing to do but to wait for the primary: no query, delay or pause keeps it. */
static enum fact waits_for_wal(const struct supervisor *s)
{
    const struct pg_facts *pg = &s->facts.pg;
    const struct probe_watch *watch = &s->observe.seen.watch;
    if (pg->process != PG_RUNNING || pg->role != ROLE_STANDBY || !pg->end.is_known ||
        !watch->replay_known) {
        return FACT_UNKNOWN;
    }
    return !watch->is_paused && watch->replay_lsn == pg->end.lsn ? FACT_YES : FACT_NO;
}

static void gather_stuck(struct supervisor *s, uint64_t now_ms)
{
    struct facts *f = &s->facts;
    bool was_stuck = s->stuck.is_stuck;
    f->back.is_let_in = s->is_let_in;
    f->back.waits_for_wal = waits_for_wal(s);
    stuck_settle(&s->stuck, f, now_ms, &f->back);
    if (f->back.is_stuck && !was_stuck) {
        bool runs = f->pg.process != PG_ABSENT;
        log_warn("supervisor", runs ? "follows and does not stream" : "does not come up to follow",
                 LOG_STR("primary", f->store.holder.text), LOG_U64("ms", f->back.still_ms),
                 LOG_U64("falls", f->back.falls));
    }
}

static void tell_damage_wait(struct supervisor *s)
{
    enum damage_wait wait = s->facts.back.damage_wait;
    if (wait != DAMAGE_WAITS_NOT && wait != s->damage_wait_told) {
        log_warn("supervisor", "its data are kept", LOG_STR("why", damage_wait_text(wait)),
                 LOG_STR("trouble", s->start_trouble));
        s->damage_wait_told = wait;
    }
}

static void gather_damage(struct supervisor *s, uint64_t now_ms)
{
    struct facts *f = &s->facts;
    damage_settle(&s->damage, f, now_ms, &f->back);
    tell_damage_wait(s);
    if (f->back.damage != DAMAGE_NONE && s->damage_told != f->pg.copy) {
        s->damage_told = f->pg.copy;
        log_warn(
            "supervisor", "its data are of no use",
            LOG_STR("why", f->back.damage == DAMAGE_NO_END ? s->unread_trouble : s->start_trouble),
            LOG_U64("starts", f->back.starts_in_vain));
    }
}

void supervisor_gather_back(struct supervisor *s, uint64_t now_ms)
{
    struct facts *f = &s->facts;
    if (f->pg.follows_epoch != 0) {
        s->back.rewind_failures = 0;
        s->method_next = 0;
        s->back.has_upstream_wal = FACT_UNKNOWN;
        s->damage_wait_told = DAMAGE_WAITS_NOT;
    }
    s->back.has_archive = archive_of(s, now_ms);
    f->back = s->back;
    f->back.clones_alone = s->supervises && pg_methods_need_nobody(&s->setup->replica_methods);
    f->back.wal_kept = s->kept_copy != 0 && s->kept_copy == s->home.note.copy &&
                       s->kept_epoch == f->store.grant_epoch;
    f->pg.starts_alone = starts_alone(s, now_ms);
    f->settings.may_rewind =
        f->settings.may_rewind && (!s->has_home || f->pg.data != DATA_USABLE || s->home.may_rewind);
    f->back.starts_in_vain = s->starts.at_data;
    f->back.in_vain_ms = s->starts.at_data > 0 ? now_ms - s->starts.at_data_since_ms : 0;
    f->back.config_reads = s->config_reads;
    gather_stuck(s, now_ms);
    gather_damage(s, now_ms);
}

/* ---- the question ---- */

static void closed_cb(struct upstream_look *look)
{
    mem_free(look);
}

static void seen_cb(struct upstream_look *look, const struct upstream_seen *seen,
                    const struct pg_failure *failure)
{
    struct supervisor *s = (struct supervisor *)look->owner;
    if (s->look == look) {
        s->look = NULL;
        if (seen != NULL) {
            upstream_fill(seen, &s->facts.pg.end, &s->back);
            s->remote_at += seen->is_primary ? 0 : 1;
        } else if (failure != NULL) {
            s->remote_at++; /* of several hosts another one may be the primary */
            log_debug("supervisor", "the primary does not tell", LOG_ERR(&failure->err));
        }
        supervisor_soon(s);
    }
    upstream_look_close(look, closed_cb);
}

void supervisor_one_host(const struct supervisor *s, char *hosts)
{
    uint32_t count = 1;
    for (const char *at = hosts; *at != '\0'; at++) {
        count += *at == ',' ? 1 : 0;
    }
    char *one = hosts;
    for (uint32_t left = s->remote_at % count; left > 0; left--) {
        one += strcspn(one, ",") + 1;
    }
    size_t size = strcspn(one, ",");
    memmove(hosts, one, size);
    hosts[size] = '\0';
}

static void start_look(struct supervisor *s, uint64_t now_ms)
{
    struct act_upstream place;
    char slot[PG_SLOT_SIZE];
    memset(&place, 0, sizeof(place));
    s->look_again_ms = now_ms + (s->facts.source.nostream ? AGAIN_CALM_MS : AGAIN_MS);
    bool is_remote = s->facts.store.grant_is_standby; /* a standby can not tell what is asked */
    const struct facts_name *from = is_remote ? &s->facts.settings.remote : &s->facts.store.holder;
    bool is_placed = supervisor_place_of(s, from, &place);
    supervisor_one_host(s, place.host);
    if (!is_placed || !supervisor_address_of(s, place.host, s->upstream_host)) {
        return;
    }
    const struct pg_login *login =
        s->setup->rewind.username != NULL ? &s->setup->rewind : &s->setup->superuser;
    const struct pg_place at = {.host = s->upstream_host,
                                .port = (uint16_t)place.port,
                                .user = login->username,
                                .database = s->setup->database,
                                .passfile = s->setup->passfile,
                                .application_name = "pgraft",
                                .tls = login,
                                .connect_ms = ANSWER_MS,
                                .statement_ms = STATEMENT_MS,
                                .pause_min_ms = ANSWER_MS,
                                .pause_max_ms = ANSWER_MS};
    struct upstream_look *look = (struct upstream_look *)mem_zalloc(sizeof(*look));
    look->owner = s;
    const char *asks = is_remote ? (facts_leads_standby(&s->facts) ? s->setup->remote.slot : NULL)
                       : s->setup->use_slots ? pg_slot_name(s->setup->name, slot)
                                             : NULL;
    if (upstream_look_start(look, s->loop, &at, asks, seen_cb, NULL) != 0) {
        mem_free(look); /* nothing is known, then */
        return;
    }
    s->look = look;
}

void supervisor_look_upstream(struct supervisor *s, uint64_t now_ms)
{
    const struct facts *f = &s->facts;
    if (s->back_epoch != f->store.grant_epoch) {
        s->back_epoch = f->store.grant_epoch;
        s->back = (struct return_facts){.wal_kept = false};
        s->is_let_in = FACT_UNKNOWN;
    }
    bool is_late = f->back.still_ms >= STILL_MS; /* a receiver may be there and wait */
    bool follows =
        !is_late && f->pg.receiver == RECEIVER_LIVES && name_is(&f->pg.upstream, source_of(f));
    bool has_upstream = return_has_primary(f) || facts_leads_standby(f);
    if (s->look == NULL && now_ms >= s->look_again_ms && !follows && has_upstream &&
        f->pg.data == DATA_USABLE && f->pg.end.is_known) {
        start_look(s, now_ms);
    }
}
