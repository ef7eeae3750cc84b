/* consensus/form_hello.c - what nodes without a cluster say to each other.
 *
 * A hello says who one is and how one stands, and only what is durable; it is repeated, so a lost
 * one costs time and nothing else, and a late one is corrected by the next. */
#include <string.h>

#include "base/mem.h"
#include "base/must.h"
#include "consensus/form_internal.h"

#define LETTERS_MAX 64 /* what does not fit is said again with the next hellos */

/* --- out --- */

void form_letter_free(struct form_letter *letter)
{
    if (letter != NULL) {
        buf_close(&letter->bytes);
        mem_free(letter);
    }
}

static void post(struct form *f, const struct form_peer *to, struct peer_message *m)
{
    if (list_count(&f->out) >= LETTERS_MAX) {
        return;
    }
    struct form_letter *letter = mem_zalloc(sizeof(*letter));
    list_init(&letter->link);
    letter->to = to->is;
    m->from = f->identity.node_id;
    m->to = to->heard ? to->info.id : 0;
    peer_message_copy(&letter->message, m, &letter->bytes);
    list_push_back(&f->out, &letter->link);
}

static void hello(struct form *f, const struct form_peer *to, bool answer)
{
    char info[MEMBER_TEXT_SIZE];
    struct buf list = {0};
    form_list_text(&f->settings.list, &list);
    struct peer_message m = {.kind = PEER_FORM_HELLO,
                             .form_hello = {.info = member_info_encode(&f->me, info),
                                            .list = buf_text(&list),
                                            .standing = FORM_BLANK,
                                            .answer = answer,
                                            .may_form = form_barred(f) == NULL,
                                            .floor = f->told.floor}};
    struct peer_form_hello *h = &m.form_hello;
    if (f->formed) {
        h->standing = FORM_MEMBER;
        h->lists_you = to->heard && form_proposal_find(&f->told.promise, to->is.name) != NULL &&
                       form_proposal_find(&f->told.promise, to->is.name)->id == to->info.id;
        memcpy(h->cluster_id, f->identity.cluster_id, sizeof(h->cluster_id));
    } else if (f->told.promised) {
        struct form_key key;
        form_proposal_key(&f->told.promise, &key);
        h->standing = FORM_PROMISED;
        memcpy(h->cluster_id, key.cluster_id, sizeof(h->cluster_id));
        h->proposer = key.proposer;
        h->number = key.number;
        h->hash_low = key.hash.low;
        h->hash_high = key.hash.high;
    }
    post(f, to, &m);
    buf_close(&list);
}

void form_hello_all(struct form *f)
{
    for (size_t i = 0; f->identified && i < f->peers_count; i++) {
        hello(f, &f->peers[i], false);
    }
}

void form_send_proposal(struct form *f)
{
    if (f->pending != 0 || f->formed || !form_own_proposal(f)) {
        return;
    }
    struct buf bytes = {0};
    form_proposal_encode(&f->told.promise, &bytes);
    for (size_t i = 0; i < f->peers_count; i++) {
        const struct form_peer *p = &f->peers[i];
        bool in_it = form_proposal_find(&f->told.promise, p->is.name) != NULL;
        if (in_it && form_present(f, p) && !form_has_promised(f, p)) {
            struct peer_message m = {.kind = PEER_FORM_PROPOSAL,
                                     .form_proposal = {.bytes = bytes.bytes, .size = bytes.size}};
            post(f, p, &m);
        }
    }
    buf_close(&bytes);
}

/* --- in --- */

/* A place for who knows us and is not in our list: its own, or that of the one not heard longest.
 */
static struct form_peer *stranger(struct form *f, const struct member_info *info)
{
    struct form_peer *oldest = &f->strangers[0];
    for (size_t i = 0; i < FORM_STRANGERS_MAX; i++) {
        struct form_peer *p = &f->strangers[i];
        if (p->heard && strcmp(p->is.name, info->name) == 0) {
            return p;
        }
        if (!p->heard || (oldest->heard && p->heard_ms < oldest->heard_ms)) {
            oldest = oldest->heard ? p : oldest;
        }
    }
    memset(oldest, 0, sizeof(*oldest));
    memcpy(oldest->is.name, info->name, sizeof(oldest->is.name));
    memcpy(oldest->is.address, info->address, sizeof(oldest->is.address));
    return oldest;
}

static struct form_peer *find_peer(struct form *f, const char *name)
{
    for (size_t i = 0; i < f->peers_count; i++) {
        if (strcmp(f->peers[i].is.name, name) == 0) {
            return &f->peers[i];
        }
    }
    return NULL;
}

static void note(struct form *f, struct form_peer *p, const struct member_info *info,
                 const struct peer_form_hello *h, const struct form_list *list)
{
    if (p->heard && p->info.id != info->id) {
        p->other_id = p->info.id;
        p->other_ms = p->heard_ms;
    }
    p->heard = true;
    p->heard_ms = f->now_ms;
    p->info = *info;
    p->list = *list;
    p->standing = h->standing;
    p->may_form = h->may_form;
    p->lists_us = h->lists_you;
    p->floor = h->floor;
    p->key = (struct form_key){.proposer = h->proposer,
                               .number = h->number,
                               .hash = {.low = h->hash_low, .high = h->hash_high}};
    memcpy(p->key.cluster_id, h->cluster_id, sizeof(p->key.cluster_id));
}

void form_hello_receive(struct form *f, const struct peer_message *m)
{
    const struct peer_form_hello *h = &m->form_hello;
    struct member_info info;
    struct form_list list;
    if (member_info_decode(h->info, &info, NULL) != 0 || info.id != m->from ||
        form_list_parse(h->list, &list, NULL) != 0 || h->standing < FORM_BLANK ||
        h->standing > FORM_MEMBER) {
        return;
    }
    if (strcmp(info.name, f->settings.name) == 0) {
        if (info.id != f->me.id) { /* else it is our own voice */
            f->namesake_id = info.id;
            f->namesake_ms = f->now_ms;
        }
        return;
    }
    struct form_peer *p = find_peer(f, info.name);
    bool is_stranger = p == NULL;
    p = is_stranger ? stranger(f, &info) : p;
    bool is_new = !form_present(f, p) || p->info.id != info.id;
    note(f, p, &info, h, &list);
    if (f->identified && !h->answer && (is_new || is_stranger)) {
        hello(f, p, true);
    }
}

/* --- of members --- */

static void member_hello(const struct form_member *me, uint64_t to, bool answer,
                         struct peer_message *out, struct buf *keep)
{
    char info[MEMBER_TEXT_SIZE];
    struct peer_message m = {.kind = PEER_FORM_HELLO,
                             .from = me->info.id,
                             .to = to,
                             .form_hello = {.info = member_info_encode(&me->info, info),
                                            .list = "",
                                            .standing = FORM_MEMBER,
                                            .answer = answer}};
    memcpy(m.form_hello.cluster_id, me->cluster_id, sizeof(me->cluster_id));
    for (size_t i = 0; to != 0 && i < me->members->count; i++) {
        m.form_hello.lists_you = m.form_hello.lists_you || me->members->at[i].id == to;
    }
    peer_message_copy(out, &m, keep);
}

bool form_answer(const struct form_member *me, const struct peer_message *in,
                 struct peer_message *out, struct buf *keep)
{
    bool asks =
        in->kind == PEER_FORM_PROPOSAL || (in->kind == PEER_FORM_HELLO && !in->form_hello.answer &&
                                           in->form_hello.standing != FORM_MEMBER);
    if (!asks || in->from == 0 || in->from == me->info.id) {
        return false;
    }
    member_hello(me, in->from, true, out, keep);
    return true;
}

void form_call(const struct form_member *me, uint64_t to, struct peer_message *out,
               struct buf *keep)
{
    member_hello(me, to, false, out, keep);
}

_Static_assert(sizeof(((struct peer_form_hello *)0)->cluster_id) == CLUSTER_ID_SIZE,
               "the wire carries whole cluster ids");
