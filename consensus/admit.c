/* consensus/admit.c - wishes about the membership, one step at a time. */
#include "consensus/admit.h"

#include <string.h>

#define REPLACE_LEASES 3
#define REPLACE_MS_MIN UINT64_C(10000)

uint64_t admit_replace_ms(uint64_t lease_ms, uint64_t replace_after_ms)
{
    uint64_t wait_ms = REPLACE_LEASES * lease_ms;
    wait_ms = wait_ms > REPLACE_MS_MIN ? wait_ms : REPLACE_MS_MIN;
    return wait_ms > replace_after_ms ? wait_ms : replace_after_ms;
}

/* --- the members ------------------------------------------------------------------------------ */

static const struct admit_member *find(const struct admit_world *w, uint64_t id)
{
    for (size_t i = 0; i < w->count; i++) {
        if (w->at[i].id == id) {
            return &w->at[i];
        }
    }
    return NULL;
}

/* Another id under this name. */
static const struct admit_member *namesake(const struct admit_world *w,
                                           const struct admit_wish *wish)
{
    for (size_t i = 0; i < w->count; i++) {
        bool same = strcmp(w->at[i].info.name, wish->info.name) == 0;
        if (same && w->at[i].id != wish->subject) {
            return &w->at[i];
        }
    }
    return NULL;
}

static bool votes(const struct admit_member *m)
{
    return m != NULL && m->role == MEMBER_VOTER;
}

static size_t voters(const struct admit_world *w)
{
    size_t count = 0;
    for (size_t i = 0; i < w->count; i++) {
        count += votes(&w->at[i]) ? 1 : 0;
    }
    return count;
}

static size_t voters_alive_without(const struct admit_world *w, uint64_t id)
{
    size_t count = 0;
    for (size_t i = 0; i < w->count; i++) {
        bool alive = w->at[i].silence_ms <= w->alive_ms;
        count += votes(&w->at[i]) && alive && w->at[i].id != id ? 1 : 0;
    }
    return count;
}

static size_t majority(size_t of)
{
    return of / 2 + 1;
}

/* The heir is the voter that was heard last, the first among equals. */
static struct admit_step hand_over(const struct admit_world *w, struct err *err)
{
    const struct admit_member *heir = NULL;
    for (size_t i = 0; i < w->count; i++) {
        const struct admit_member *m = &w->at[i];
        bool may = votes(m) && m->id != w->leader && m->silence_ms <= w->alive_ms;
        if (may && (heir == NULL || m->silence_ms < heir->silence_ms)) {
            heir = m;
        }
    }
    if (heir == NULL) {
        (void)err_set(err, ERR_REFUSED, "no other voter is there to lead the cluster");
        return (struct admit_step){.action = ADMIT_REFUSE};
    }
    return (struct admit_step){.action = ADMIT_HAND_OVER, .id = heir->id};
}

static struct admit_step refuse(void)
{
    return (struct admit_step){.action = ADMIT_REFUSE};
}

/* --- taking a vote away ----------------------------------------------------------------------- */

/* May the voter @m stop being one? */
static int may_lose(const struct admit_world *w, const struct admit_member *m, struct err *err)
{
    size_t left = voters(w) - 1;
    if (left < 2) {
        return err_set(err, ERR_REFUSED,
                       "this would leave one voter, which could not be trusted to be the only one; "
                       "see \"pgraftctl recover\" for the offline way");
    }
    size_t alive = voters_alive_without(w, m->id);
    if (alive < majority(left)) {
        return err_set(err, ERR_REFUSED,
                       "of the %zu voters that would be left only %zu are in contact: no majority",
                       left, alive);
    }
    return 0;
}

static struct admit_step step_out(const struct admit_world *w, const struct admit_wish *wish,
                                  struct err *err)
{
    const struct admit_member *m = find(w, wish->subject);
    bool demote = wish->wish == JOIN_DEMOTE;
    if (m == NULL || (demote && !votes(m))) {
        return (struct admit_step){.action = ADMIT_NOTHING};
    }
    if (demote && m->info.kind == MEMBER_WITNESS) {
        (void)err_set(err, ERR_REFUSED,
                      "%s is a witness: without a vote it would be of no use; remove it instead",
                      m->info.name);
        return refuse();
    }
    if (!demote && m->holds_lease) {
        (void)err_set(err, ERR_REFUSED, "%s holds a lease: switch over first", m->info.name);
        return refuse();
    }
    if (votes(m) && may_lose(w, m, err) != 0) {
        return refuse();
    }
    if (votes(m) && m->id == w->leader) {
        return hand_over(w, err);
    }
    return (struct admit_step){.action = demote ? ADMIT_TO_STANDBY : ADMIT_REMOVE, .id = m->id};
}

/* --- replacing -------------------------------------------------------------------------------- */

/* May @old, whose name somebody else wants, be given up? */
static int may_replace(const struct admit_world *w, const struct admit_wish *wish,
                       const struct admit_member *old, struct err *err)
{
    double seconds = (double)old->silence_ms / 1000;
    if (old->id == w->leader || old->silence_ms <= w->alive_ms) {
        return err_set(err, ERR_EXISTS, "name %s is in use by %s (last contact %.1f s ago)",
                       old->info.name, old->info.address, seconds);
    }
    if (!wish->at_once && old->silence_ms < w->replace_ms) {
        return err_set(err, ERR_EXISTS,
                       "name %s is in use by %s (last contact %.1f s ago); it is replaced after "
                       "%.1f s without contact",
                       old->info.name, old->info.address, seconds, (double)w->replace_ms / 1000);
    }
    if (old->holds_lease) {
        return err_set(err, ERR_EXISTS,
                       "name %s is in use by %s (last contact %.1f s ago), which still holds a "
                       "lease",
                       old->info.name, old->info.address, seconds);
    }
    size_t all = voters(w);
    size_t alive = voters_alive_without(w, old->id);
    if (votes(old) && all == 2) {
        return err_set(err, ERR_REFUSED,
                       "%s can not be replaced: of two voters both are needed for any change; see "
                       "\"pgraftctl recover\" for the offline way",
                       old->info.name);
    }
    if (votes(old) && alive < majority(all)) {
        return err_set(err, ERR_REFUSED,
                       "%s can not be replaced now: without it only %zu of %zu voters are in "
                       "contact, no majority",
                       old->info.name, alive, all);
    }
    return 0;
}

/* --- joining ---------------------------------------------------------------------------------- */

/* May the member @m be described as the wish says? */
static int may_describe(const struct admit_wish *wish, const struct admit_member *m,
                        const struct admit_member *old, struct err *err)
{
    if (m->info.kind != wish->info.kind) {
        return err_set(
            err, ERR_REFUSED, "%s is a %s: it can not become a %s; remove it and let it join again",
            m->info.name, member_kind_name(m->info.kind), member_kind_name(wish->info.kind));
    }
    /* Only a newcomer replaces anybody: a member that is renamed by mistake removes nobody. */
    if (old != NULL && strcmp(m->info.name, wish->info.name) != 0) {
        return err_set(err, ERR_EXISTS, "%s can not be renamed: name %s is in use by %s",
                       m->info.name, wish->info.name, old->info.address);
    }
    return 0;
}

static bool same_text(const struct member_info *a, const struct member_info *b)
{
    return strcmp(a->name, b->name) == 0 && strcmp(a->address, b->address) == 0 &&
           strcmp(a->site, b->site) == 0;
}

/* Is there room for one more vote, when @old is gone? */
static bool has_room(const struct admit_world *w, const struct admit_member *old)
{
    return voters(w) - (votes(old) ? 1 : 0) < w->voters_max;
}

/* The subject @m is what it shall be. */
static struct admit_step finish(const struct admit_world *w, const struct admit_wish *wish,
                                const struct admit_member *m, const struct admit_member *old,
                                struct err *err)
{
    if (old != NULL) {
        bool may = !votes(old) || may_lose(w, old, err) == 0;
        return may ? (struct admit_step){.action = ADMIT_REMOVE, .id = old->id} : refuse();
    }
    if (wish->wants_vote && !votes(m)) {
        (void)err_set(err, ERR_BUSY, "there are %u voters already: it waits for a vote",
                      w->voters_max);
    }
    return (struct admit_step){.action = ADMIT_NOTHING};
}

static struct admit_step step_in(const struct admit_world *w, const struct admit_wish *wish,
                                 struct err *err)
{
    const struct admit_member *m = find(w, wish->subject);
    const struct admit_member *old = namesake(w, wish);
    bool witness = wish->info.kind == MEMBER_WITNESS;
    bool room = has_room(w, old);
    struct admit_step step = {.id = wish->subject};
    if (m != NULL && may_describe(wish, m, old, err) != 0) {
        return refuse();
    }
    if (old != NULL && may_replace(w, wish, old, err) != 0) {
        return refuse();
    }
    if (m != NULL && !same_text(&m->info, &wish->info)) {
        step.action = ADMIT_DESCRIBE;
        return step;
    }
    if (!votes(m) && witness && !room) {
        (void)err_set(err, ERR_REFUSED,
                      "there are %u voters already, and a witness without a vote is of no use",
                      w->voters_max);
        return refuse();
    }
    if (m == NULL) {
        step.action = ADMIT_ADD;
    } else if (m->role == MEMBER_SPARE) {
        step.action = ADMIT_TO_STANDBY;
    } else if (!votes(m) && (wish->wants_vote || witness) && room) {
        step.action = ADMIT_PROMOTE;
    } else {
        return finish(w, wish, m, old, err);
    }
    return step;
}

struct admit_step admit_next(const struct admit_world *world, const struct admit_wish *wish,
                             struct err *err)
{
    switch (wish->wish) {
        case JOIN_IN:
            return step_in(world, wish, err);
        case JOIN_OUT:
        case JOIN_DEMOTE:
            return step_out(world, wish, err);
    }
    (void)err_set(err, ERR_INVALID, "this version does not know such a wish");
    return refuse();
}
