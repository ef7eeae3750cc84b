/* consensus/soft.c - the table of everybody's soft state, and what to tell whom of it. */
#include "consensus/soft.h"

#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/must.h"

#define AGE_MAX (UINT64_MAX / 4) /* sums of ages do not run over */

static int compare(uint64_t a, uint64_t b)
{
    return a < b ? -1 : a > b ? 1 : 0;
}

int soft_version_compare(const struct soft_version *a, const struct soft_version *b)
{
    int by_life = compare(a->life, b->life);
    int by_token = compare(a->token, b->token);
    return by_life != 0 ? by_life : by_token != 0 ? by_token : compare(a->counter, b->counter);
}

void soft_init(struct soft_table *t, uint64_t self, uint64_t life, uint64_t token,
               uint64_t again_ms)
{
    MUST(self != 0);
    MUST(token != 0);
    *t = (struct soft_table){.self = self, .life = life, .token = token, .again_ms = again_ms};
}

void soft_close(struct soft_table *t)
{
    for (size_t i = 0; i < t->count; i++) {
        mem_free(t->states[i].bytes);
    }
    t->count = 0;
}

/* --- states --- */

/* Where @member is, or would be. */
static size_t place_of(const struct soft_table *t, uint64_t member)
{
    size_t at = 0;
    while (at < t->count && t->states[at].member < member) {
        at++;
    }
    return at;
}

static struct soft_state *find(struct soft_table *t, uint64_t member)
{
    size_t at = place_of(t, member);
    return at < t->count && t->states[at].member == member ? &t->states[at] : NULL;
}

static struct soft_state *find_or_add(struct soft_table *t, uint64_t member)
{
    struct soft_state *found = find(t, member);
    if (found != NULL) {
        return found;
    }
    MUST(t->count < SOFT_STATES_MAX); /* members, and the node itself */
    size_t at = place_of(t, member);
    memmove(&t->states[at + 1], &t->states[at], (t->count - at) * sizeof(t->states[0]));
    t->states[at] = (struct soft_state){.member = member};
    t->count++;
    return &t->states[at];
}

static void replace_bytes(struct soft_table *t, struct soft_state *s, const void *bytes,
                          size_t size)
{
    mem_free(s->bytes);
    s->bytes = mem_dup(bytes, size);
    s->size = size;
    t->changes++;
}

static bool is_own(const struct soft_table *t, const struct soft_state *s)
{
    return s->member == t->self && t->counter > 0;
}

static uint64_t age_of(const struct soft_table *t, uint64_t now_ms, const struct soft_state *s)
{
    if (is_own(t, s)) {
        return 0;
    }
    MUST(now_ms >= s->at_ms);
    return s->age_ms + (now_ms - s->at_ms);
}

int soft_publish(struct soft_table *t, uint64_t now_ms, const void *bytes, size_t size)
{
    if (size > SOFT_BYTES_MAX) {
        return ERR_TOO_LARGE;
    }
    struct soft_state *s = find_or_add(t, t->self);
    bool same =
        is_own(t, s) && s->size == size && (size == 0 || memcmp(s->bytes, bytes, size) == 0);
    if (same) {
        return 0;
    }
    if (!is_own(t, s) && s->version.life >= t->life && s->version.token != 0) {
        t->life = s->version.life + 1; /* one of an earlier life, which the others still had */
    }
    t->counter++;
    s->version = (struct soft_version){.life = t->life, .token = t->token, .counter = t->counter};
    s->at_ms = now_ms;
    s->age_ms = 0;
    replace_bytes(t, s, bytes, size);
    return 0;
}

static void view_of(const struct soft_table *t, uint64_t now_ms, const struct soft_state *s,
                    struct soft_view *out)
{
    *out = (struct soft_view){.member = s->member,
                              .version = s->version,
                              .age_ms = age_of(t, now_ms, s),
                              .bytes = s->bytes,
                              .size = s->size};
}

bool soft_next(const struct soft_table *t, uint64_t now_ms, uint64_t after, struct soft_view *out)
{
    if (after == UINT64_MAX) {
        return false;
    }
    size_t at = place_of(t, after + 1);
    if (at == t->count) {
        return false;
    }
    view_of(t, now_ms, &t->states[at], out);
    return true;
}

bool soft_get(const struct soft_table *t, uint64_t now_ms, uint64_t member, struct soft_view *out)
{
    size_t at = place_of(t, member);
    if (at == t->count || t->states[at].member != member) {
        return false;
    }
    view_of(t, now_ms, &t->states[at], out);
    return true;
}

/* --- who belongs --- */

static bool belongs(const struct soft_table *t, const struct members *members, uint64_t id)
{
    for (size_t i = 0; i < members->count; i++) {
        if (members->at[i].id == id) {
            return true;
        }
    }
    return id == t->self;
}

static void keep_known(const struct soft_table *t, struct soft_peer *p,
                       const struct members *members)
{
    size_t kept = 0;
    for (size_t i = 0; i < p->count; i++) {
        if (belongs(t, members, p->known[i].member)) {
            p->known[kept] = p->known[i];
            kept++;
        }
    }
    p->count = kept;
}

void soft_keep(struct soft_table *t, const struct members *members)
{
    size_t kept = 0;
    for (size_t i = 0; i < t->count; i++) {
        if (!belongs(t, members, t->states[i].member)) {
            mem_free(t->states[i].bytes);
            t->changes++;
            continue;
        }
        t->states[kept] = t->states[i];
        kept++;
    }
    t->count = kept;
    kept = 0;
    for (size_t i = 0; i < t->peers_count; i++) {
        if (belongs(t, members, t->peers[i].id)) {
            if (kept != i) {
                t->peers[kept] = t->peers[i]; /* large, and mostly where it belongs */
            }
            keep_known(t, &t->peers[kept], members);
            kept++;
        }
    }
    t->peers_count = kept;
}

/* --- peers --- */

static struct soft_peer *find_peer(struct soft_table *t, uint64_t id)
{
    for (size_t i = 0; i < t->peers_count; i++) {
        if (t->peers[i].id == id) {
            return &t->peers[i];
        }
    }
    return NULL;
}

const struct soft_peer *soft_peer(const struct soft_table *t, uint64_t peer)
{
    for (size_t i = 0; i < t->peers_count; i++) {
        if (t->peers[i].id == peer) {
            return &t->peers[i];
        }
    }
    return NULL;
}

static struct soft_known *known_of(struct soft_peer *p, uint64_t member)
{
    for (size_t i = 0; i < p->count; i++) {
        if (p->known[i].member == member) {
            return &p->known[i];
        }
    }
    MUST(p->count < SOFT_STATES_MAX);
    p->known[p->count] = (struct soft_known){.member = member};
    p->count++;
    return &p->known[p->count - 1];
}

/* --- telling --- */

/* Whether the bytes of @s go along: the receiver has said that it lacks them, and they are not on
 * their way already. */
static bool wants_bytes(const struct soft_table *t, uint64_t now_ms, struct soft_known *known,
                        const struct soft_state *s)
{
    if (soft_version_compare(&known->has, &s->version) >= 0) {
        return false;
    }
    bool on_its_way = soft_version_compare(&known->sent, &s->version) == 0 &&
                      now_ms - known->sent_ms < t->again_ms;
    return !on_its_way;
}

void soft_tell(struct soft_table *t, uint64_t now_ms, uint64_t to, struct peer_soft *out,
               struct peer_soft_state *states)
{
    struct soft_peer *p = find_peer(t, to);
    *out = (struct peer_soft){.token = t->token, .sent_ms = now_ms, .states = states};
    if (p != NULL) {
        out->echo_token = p->token;
        out->echo_ms = p->sent_ms;
    }
    size_t room = SOFT_MESSAGE_BYTES_MAX;
    size_t first = 0;
    if (p != NULL && t->count > 0) { /* so that states that change all the time starve no other */
        first = p->turn % t->count;
        p->turn++;
    }
    for (size_t i = 0; i < t->count; i++) {
        const struct soft_state *s = &t->states[(first + i) % t->count];
        struct peer_soft_state *one = &states[i];
        *one = (struct peer_soft_state){.member = s->member,
                                        .life = s->version.life,
                                        .token = s->version.token,
                                        .counter = s->version.counter,
                                        .age_ms = age_of(t, now_ms, s)};
        struct soft_known *known = p != NULL ? known_of(p, s->member) : NULL;
        if (known != NULL && s->size <= room && wants_bytes(t, now_ms, known, s)) {
            one->has_bytes = true;
            one->bytes = s->bytes;
            one->size = s->size;
            room -= s->size;
            known->sent = s->version;
            known->sent_ms = now_ms;
        }
    }
    out->count = t->count;
}

/* --- hearing --- */

static struct soft_version version_in(const struct peer_soft_state *in)
{
    return (struct soft_version){.life = in->life, .token = in->token, .counter = in->counter};
}

/* False: an older message that came late; what it says of its sender is out of date. */
static bool note_peer(struct soft_table *t, uint64_t now_ms, uint64_t from,
                      const struct peer_soft *in)
{
    struct soft_peer *p = find_peer(t, from);
    if (p == NULL) {
        MUST(t->peers_count < ARRAY_LEN(t->peers));
        p = &t->peers[t->peers_count];
        t->peers_count++;
        *p = (struct soft_peer){.id = from};
    }
    if (p->token == in->token && in->sent_ms < p->sent_ms) {
        return false;
    }
    p->token = in->token;
    p->sent_ms = in->sent_ms;
    p->heard_ms = now_ms;
    p->slow_disk = in->slow_disk;
    for (size_t i = 0; i < p->count; i++) {
        p->known[i].has = (struct soft_version){0};
    }
    return true;
}

/* Others know a state of this node's. */
static void hear_of_self(struct soft_table *t, struct soft_state *s,
                         const struct soft_version *version)
{
    if (version->token == t->token || soft_version_compare(version, &s->version) < 0) {
        return;
    }
    t->life = version->life + 1;
    s->version.life = t->life;
    t->changes++;
}

static void hear_state(struct soft_table *t, uint64_t now_ms, const struct peer_soft_state *in,
                       uint64_t age_ms)
{
    struct soft_version version = version_in(in);
    struct soft_state *s = find(t, in->member);
    if (s != NULL && is_own(t, s)) {
        hear_of_self(t, s, &version);
        return;
    }
    int newer = s == NULL ? 1 : soft_version_compare(&version, &s->version);
    if (newer > 0 && in->has_bytes) {
        s = find_or_add(t, in->member);
        s->version = version;
        s->at_ms = now_ms;
        s->age_ms = age_ms;
        replace_bytes(t, s, in->bytes, in->size);
    } else if (newer == 0 && age_ms < age_of(t, now_ms, s)) {
        s->at_ms = now_ms;
        s->age_ms = age_ms;
    }
}

void soft_hear(struct soft_table *t, uint64_t now_ms, uint64_t from, const struct members *members,
               const struct peer_soft *in)
{
    soft_keep(t, members);
    if (from == t->self || !belongs(t, members, from) || in->token == 0) {
        return;
    }
    bool newest = note_peer(t, now_ms, from, in);
    bool dated = in->echo_token == t->token && in->echo_ms <= now_ms;
    /* Clocks are read in whole milliseconds: one more, and the sum is never too little. */
    uint64_t passed_ms = dated ? now_ms - in->echo_ms + 1 : 0;
    for (size_t i = 0; i < in->count; i++) {
        const struct peer_soft_state *state = &in->states[i];
        if (!belongs(t, members, state->member) || state->size > SOFT_BYTES_MAX ||
            state->age_ms > AGE_MAX) {
            continue; /* of one who left, or nobody of this cluster says that */
        }
        if (newest) {
            known_of(find_peer(t, from), state->member)->has = version_in(state);
        }
        if (dated) {
            hear_state(t, now_ms, state, state->age_ms + passed_ms);
        }
    }
}
