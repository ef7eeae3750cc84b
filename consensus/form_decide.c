/* consensus/form_decide.c - what does this node do next about a cluster?
 *
 * Pure: reads what is known, changes nothing. The rules stand in one ordered table; the first that
 * applies wins, so those that end a promise safely stand before those that make one. */
#include <string.h>

#include "base/must.h"
#include "consensus/form_internal.h"

/* --- the peers --- */

/* Peers, then strangers; NULL after the last. */
static const struct form_peer *known(const struct form *f, size_t i)
{
    if (i < f->peers_count) {
        return &f->peers[i];
    }
    i -= f->peers_count;
    return i < FORM_STRANGERS_MAX ? &f->strangers[i] : NULL;
}

bool form_has_namesake(const struct form *f)
{
    return f->namesake_id != 0 && f->now_ms - f->namesake_ms <= f->settings.absent_ms;
}

bool form_present(const struct form *f, const struct form_peer *p)
{
    return p->heard && f->now_ms - p->heard_ms <= f->settings.absent_ms;
}

static bool two_nodes(const struct form *f, const struct form_peer *p)
{
    return p->other_id != 0 && f->now_ms - p->other_ms <= f->settings.absent_ms;
}

static bool same_id(const struct form *f, const struct form_peer *p)
{
    if (p->info.id == f->identity.node_id) {
        return true;
    }
    for (size_t i = 0; i < f->peers_count; i++) {
        const struct form_peer *other = &f->peers[i];
        if (other != p && form_present(f, other) && other->info.id == p->info.id) {
            return true;
        }
    }
    return false;
}

enum form_trouble form_trouble(const struct form *f, const struct form_peer *p)
{
    if (!p->heard) {
        return TROUBLE_NEVER_HEARD;
    }
    if (!form_present(f, p)) {
        return TROUBLE_SILENT;
    }
    if (two_nodes(f, p)) {
        return TROUBLE_TWO_NODES;
    }
    if (same_id(f, p)) {
        return TROUBLE_SAME_ID;
    }
    if (p->standing == FORM_MEMBER) {
        return TROUBLE_MEMBER;
    }
    if (!form_list_equal(&p->list, &f->settings.list) ||
        strcmp(p->info.address, p->is.address) != 0) {
        return TROUBLE_OTHER_LIST;
    }
    if (!p->may_form) {
        return TROUBLE_NEVER_FORMS;
    }
    if (p->standing == FORM_PROMISED && p->key.proposer != f->identity.node_id) {
        return TROUBLE_PROMISED;
    }
    if (p->standing == FORM_PROMISED && p->key.number > f->record.floor) {
        return TROUBLE_WE_ARE_OLD; /* safety D5, where only a peer can tell */
    }
    return TROUBLE_NONE;
}

bool form_is_wanted(const struct form *f, const char *name)
{
    return form_list_find(&f->settings.list, name) != NULL &&
           form_list_find(&f->without, name) == NULL;
}

bool form_is_proposer(const struct form *f)
{
    for (size_t i = 0; i < f->settings.list.count; i++) {
        const char *name = f->settings.list.at[i].name;
        if (form_is_wanted(f, name)) {
            return strcmp(name, f->settings.name) == 0;
        }
    }
    return false;
}

const struct form_peer *form_joinable(const struct form *f, bool *ret_two)
{
    const struct form_peer *found = NULL;
    bool two = false;
    const struct form_peer *p = NULL;
    for (size_t i = 0; (p = known(f, i)) != NULL; i++) {
        bool asked_for = i < f->peers_count || p->lists_us; /* else it is none of our business */
        if (!asked_for || !form_present(f, p) || p->standing != FORM_MEMBER) {
            continue;
        }
        bool bound = f->record.promised && !p->lists_us;
        two = two || (found != NULL &&
                      memcmp(found->key.cluster_id, p->key.cluster_id, CLUSTER_ID_SIZE) != 0);
        found = found == NULL && !bound ? p : found;
    }
    if (ret_two != NULL) {
        *ret_two = two;
    }
    return two ? NULL : found;
}

/* --- this node --- */

bool form_own_proposal(const struct form *f)
{
    return f->record.promised && f->record.promise.at[0].id == f->identity.node_id;
}

const char *form_barred(const struct form *f)
{
    if (f->settings.pgdata == FORM_PGDATA_NOTED) {
        return "PGDATA belongs to a cluster, and no other is formed around it: start its other "
               "members, or see \"pgraftctl recover\"";
    }
    if (f->settings.pgdata == FORM_PGDATA_FOREIGN && !f->settings.adopt) {
        return "there is a PGDATA that no cluster of pgraft has noted: only an operator's word to "
               "adopt it forms one around it";
    }
    return NULL;
}

static bool info_equal(const struct member_info *a, const struct member_info *b)
{
    return a->id == b->id && a->kind == b->kind && strcmp(a->name, b->name) == 0 &&
           strcmp(a->address, b->address) == 0 && strcmp(a->site, b->site) == 0;
}

/* Somebody present belongs to another cluster than the one we are promised to. */
static bool another_cluster(const struct form *f)
{
    for (size_t i = 0; i < f->peers_count; i++) {
        const struct form_peer *p = &f->peers[i];
        bool other = memcmp(p->key.cluster_id, f->record.promise.cluster_id, CLUSTER_ID_SIZE) != 0;
        if (form_present(f, p) && p->standing == FORM_MEMBER && (!f->record.promised || other)) {
            return true;
        }
    }
    return false;
}

/* Our proposal is not what we would propose today. */
static bool is_outdated(const struct form *f)
{
    const struct form_proposal *p = &f->record.promise;
    struct form_list list;
    form_proposal_list(p, &list);
    if (!form_list_equal(&list, &f->settings.list) || !form_list_equal(&p->without, &f->without) ||
        !info_equal(&p->at[0], &f->me)) {
        return true;
    }
    for (size_t i = 0; i < f->peers_count; i++) {
        const struct form_peer *peer = &f->peers[i];
        const struct member_info *listed = form_proposal_find(p, peer->is.name);
        if (listed != NULL && form_present(f, peer) && !info_equal(listed, &peer->info)) {
            return true;
        }
    }
    return false;
}

bool form_has_promised(const struct form *f, const struct form_peer *p)
{
    struct form_key key;
    form_proposal_key(&f->record.promise, &key);
    const struct member_info *listed = form_proposal_find(&f->record.promise, p->is.name);
    return form_trouble(f, p) == TROUBLE_NONE && p->standing == FORM_PROMISED &&
           form_key_equal(&p->key, &key) && listed != NULL && info_equal(listed, &p->info);
}

/* --- the rules --- */

static bool has_no_id(const struct form *f)
{
    return f->identity.node_id == 0 || !f->identified;
}

/* Whoever formed it had the promises of all, ours among them. */
static bool promise_was_kept(const struct form *f)
{
    const struct form_peer *p = NULL;
    for (size_t i = 0; f->record.promised && (p = known(f, i)) != NULL; i++) {
        if (p->heard && p->standing == FORM_MEMBER &&
            memcmp(p->key.cluster_id, f->record.promise.cluster_id, CLUSTER_ID_SIZE) == 0) {
            return true;
        }
    }
    return false;
}

/* The proposer itself says that it can not form this any more: its floor is higher, or it is of
 * another cluster. */
static bool promise_was_cancelled(const struct form *f)
{
    const struct form_peer *p = NULL;
    for (size_t i = 0; f->record.promised && (p = known(f, i)) != NULL; i++) {
        if (p->heard && p->info.id == f->record.promise.at[0].id &&
            (p->floor > f->record.promise.number || p->standing == FORM_MEMBER)) {
            return true;
        }
    }
    return false;
}

/* A proposal of our own that we will not go on with, and have no other for. */
static bool own_is_pointless(const struct form *f)
{
    return form_own_proposal(f) &&
           (!form_is_proposer(f) || form_barred(f) != NULL || another_cluster(f));
}

static bool all_have_promised(const struct form *f)
{
    if (!form_own_proposal(f) || is_outdated(f)) {
        return false;
    }
    for (size_t i = 0; i < f->peers_count; i++) {
        const struct form_peer *p = &f->peers[i];
        if (p->listed && form_is_wanted(f, p->is.name) && !form_has_promised(f, p)) {
            return false;
        }
    }
    return true;
}

static bool may_propose(const struct form *f)
{
    bool own = form_own_proposal(f);
    if (!form_is_proposer(f) || form_barred(f) != NULL || (f->record.promised && !own) ||
        (own && !is_outdated(f)) || another_cluster(f) || form_has_namesake(f)) {
        return false;
    }
    for (size_t i = 0; i < f->peers_count; i++) {
        const struct form_peer *p = &f->peers[i];
        if (p->listed && form_is_wanted(f, p->is.name) && form_trouble(f, p) != TROUBLE_NONE) {
            return false;
        }
    }
    return true;
}

static bool may_promise(const struct form *f)
{
    if (!f->has_offer || form_barred(f) != NULL || form_has_namesake(f)) {
        return false;
    }
    const struct form_proposal *p = &f->offer;
    const struct member_info *us = form_proposal_find(p, f->settings.name);
    struct form_list list;
    form_proposal_list(p, &list);
    bool ours = us != NULL && info_equal(us, &f->me) && p->at[0].id == f->offered_by &&
                f->offered_by != f->identity.node_id && form_list_equal(&list, &f->settings.list) &&
                p->count * 2 > list.count;
    bool newer = !f->record.promised || (f->record.promise.at[0].id == p->at[0].id &&
                                         f->record.promise.number < p->number);
    return ours && newer && !another_cluster(f);
}

// clang-format off
static const struct {
    bool (*when)(const struct form *f);
    enum form_act then;
} rules[] = {
    {has_no_id,             FORM_ACT_IDENTIFY},
    {promise_was_kept,      FORM_ACT_FORM},
    {promise_was_cancelled, FORM_ACT_DROP},
    {own_is_pointless,      FORM_ACT_DROP},
    {all_have_promised,     FORM_ACT_FORM},
    {may_propose,           FORM_ACT_PROPOSE},
    {may_promise,           FORM_ACT_PROMISE},
};
// clang-format on

enum form_act form_decide(const struct form *f)
{
    MUST(f->pending == 0);
    for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
        if (rules[i].when(f)) {
            return rules[i].then;
        }
    }
    return FORM_ACT_NONE;
}

void form_propose(const struct form *f, struct form_proposal *out)
{
    memset(out, 0, sizeof(*out));
    out->number = f->record.floor + 1;
    out->without = f->without;
    for (size_t i = 0; i < f->settings.list.count; i++) {
        const char *name = f->settings.list.at[i].name;
        if (!form_is_wanted(f, name)) {
            continue;
        }
        const struct member_info *info = strcmp(name, f->settings.name) == 0 ? &f->me : NULL;
        for (size_t k = 0; k < f->peers_count && info == NULL; k++) {
            info = strcmp(f->peers[k].is.name, name) == 0 ? &f->peers[k].info : NULL;
        }
        MUST(info != NULL);
        out->at[out->count] = *info;
        out->count++;
    }
    form_proposal_name(out, f->settings.seed);
}
