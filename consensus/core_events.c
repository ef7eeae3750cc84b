/* consensus/core_events.c - what people want to know of, as a short queue for the owner.
 *
 * The core writes no log: it leaves events, and whoever runs it says them. The queue is bounded and
 * the newest are kept. What a peer repeats every half second is said once a minute. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/must.h"
#include "consensus/core_internal.h"

#define REPEAT_MS UINT64_C(60000)

/* Was this said lately? If not, it is now. */
static bool was_said(struct core *c, enum core_event_kind kind, uint64_t member, int detail)
{
    struct core_events *q = &c->events;
    struct core_said *oldest = &q->said[0];
    for (size_t i = 0; i < ARRAY_LEN(q->said); i++) {
        struct core_said *s = &q->said[i];
        bool same = s->kind == kind && s->member == member && s->detail == detail;
        if (same && c->now_ms - s->at_ms < REPEAT_MS) {
            return true;
        }
        if (same) {
            oldest = s;
            break;
        }
        oldest = s->at_ms < oldest->at_ms ? s : oldest;
    }
    *oldest =
        (struct core_said){.kind = kind, .member = member, .detail = detail, .at_ms = c->now_ms};
    return false;
}

static void __attribute__((format(printf, 4, 5)))
say(struct core *c, enum core_event_kind kind, uint64_t member, const char *fmt, ...)
{
    struct core_events *q = &c->events;
    if (q->count == CORE_EVENTS_MAX) {
        q->first = (q->first + 1) % CORE_EVENTS_MAX;
        q->count--;
        q->missed++;
    }
    struct core_event *e = &q->at[(q->first + q->count) % CORE_EVENTS_MAX];
    *e = (struct core_event){.kind = kind, .member = member, .term = engine_term(c->engine)};
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(e->text, sizeof(e->text), fmt, args);
    va_end(args);
    q->count++;
}

bool core_next_event(struct core *c, struct core_event *out)
{
    struct core_events *q = &c->events;
    if (q->count == 0) {
        return false;
    }
    *out = q->at[q->first];
    out->missed = q->missed;
    q->missed = 0;
    q->first = (q->first + 1) % CORE_EVENTS_MAX;
    q->count--;
    return true;
}

/* --- who is meant --- */

static const char *describe(uint64_t id, const char *info, char out[CORE_WHO_SIZE])
{
    struct member_info known;
    if (info != NULL && member_info_decode(info, &known, NULL) == 0) {
        (void)snprintf(out, CORE_WHO_SIZE, "%s (%s)", known.name, known.address);
    } else {
        (void)snprintf(out, CORE_WHO_SIZE, "node %016" PRIx64, id);
    }
    return out;
}

static const char *who(const struct core *c, uint64_t id, char out[CORE_WHO_SIZE])
{
    struct members members;
    engine_members(c->engine, &members);
    const struct member *m = members_find(&members, id);
    return describe(id, m != NULL ? m->info : NULL, out);
}

/* --- what happened --- */

void core_event_refused(struct core *c, uint64_t peer, enum hello_verdict verdict)
{
    char text[CORE_WHO_SIZE];
    if (!was_said(c, CORE_EVENT_REFUSED, peer, (int)verdict)) {
        say(c, CORE_EVENT_REFUSED, peer, "%s is refused: %s", who(c, peer, text),
            peer_verdict_text(verdict));
    }
}

void core_event_name_taken(struct core *c, uint64_t asker, const char *address, const char *reason)
{
    if (was_said(c, CORE_EVENT_NAME_TAKEN, asker, 0)) {
        return;
    }
    if (asker == c->settings.id) {
        say(c, CORE_EVENT_NAME_TAKEN, asker, "%s", reason);
    } else {
        say(c, CORE_EVENT_NAME_TAKEN, asker, "%s, and %s asks for it", reason, address);
    }
}

void core_event_ship(struct core *c, uint64_t peer, const char *what, const char *why)
{
    char text[CORE_WHO_SIZE];
    if (!was_said(c, CORE_EVENT_SHIP, peer, 0)) {
        say(c, CORE_EVENT_SHIP, peer, "%s %s does not get on, and begins again: %s", what,
            who(c, peer, text), why);
    }
}

void core_event_members(struct core *c, const struct member *m, bool is_in)
{
    char text[CORE_WHO_SIZE];
    say(c, CORE_EVENT_MEMBERS, m->id, "%s %s", describe(m->id, m->info, text),
        is_in ? "is a member now" : "was removed from the cluster");
}

/* Told at the end of a turn: what came and went within one is not news. */
void core_events_turn(struct core *c)
{
    struct core_events *q = &c->events;
    char text[CORE_WHO_SIZE];
    bool leads = core_leads(c);
    uint64_t term = engine_term(c->engine);
    uint64_t leader = engine_leader(c->engine);
    if (leads && (!q->led || q->term != term)) {
        say(c, CORE_EVENT_ROLE, c->settings.id, "this node leads the cluster in term %" PRIu64,
            term);
    }
    if (!leads && q->led) {
        say(c, CORE_EVENT_ROLE, c->settings.id,
            "this node does not lead the cluster any more; the term is %" PRIu64, term);
    }
    bool other = leader != 0 && (leader != q->leader || term != q->term);
    if (!leads && other) {
        say(c, CORE_EVENT_LEADER, leader, "%s leads the cluster in term %" PRIu64,
            who(c, leader, text), term);
    }
    if (leader == 0 && q->leader != 0 && !q->led) {
        say(c, CORE_EVENT_LEADER, 0, "no leader is heard of; the term is %" PRIu64, term);
    }
    q->led = leads;
    q->leader = leader;
    q->term = term;
}
