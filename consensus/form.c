/* consensus/form.c - the events of formation, and the one batch that may be on its way.
 *
 *   event --> form_hello.c notes it --> form_decide.c says what to do --> a batch --> durable -->
 *   hellos
 *
 * This file carries out and decides nothing. */
#include "consensus/form.h"

#include <string.h>

#include "base/mem.h"
#include "base/must.h"
#include "consensus/form_internal.h"

struct form_settings form_settings_default(void)
{
    struct form_settings s;
    memset(&s, 0, sizeof(s));
    s.kind = MEMBER_DATABASE;
    s.hello_ms = 500;
    s.absent_ms = 3000;
    return s;
}

static void set_now(struct form *f, uint64_t now_ms)
{
    f->now_ms = now_ms > f->now_ms ? now_ms : f->now_ms;
}

/* --- acts --- */

static void act(struct form *f, enum form_act what)
{
    f->sequence++;
    f->pending = f->sequence;
    f->batch = store_batch_create(f->sequence);
    switch (what) {
        case FORM_ACT_IDENTIFY:
            f->identity.node_id = f->settings.node_id;
            f->me.id = f->identity.node_id;
            f->batch->has_identity = true;
            f->batch->identity = f->identity;
            return;
        case FORM_ACT_FORM:
            MUST(f->record.promised);
            f->forming = true;
            form_record_found(&f->record.promise, &f->identity, f->batch);
            return;
        case FORM_ACT_DROP:
            MUST(f->record.promised);
            if (form_own_proposal(f)) {
                f->record.floor = f->record.promise.number + 1;
            }
            f->record.promised = false;
            memset(&f->record.promise, 0, sizeof(f->record.promise));
            break;
        case FORM_ACT_PROPOSE: {
            struct form_proposal p;
            form_propose(f, &p);
            MUST(p.number > f->record.floor);
            f->record = (struct form_record){.floor = p.number, .promised = true, .promise = p};
            break;
        }
        case FORM_ACT_PROMISE:
            f->record.promised = true;
            f->record.promise = f->offer;
            break;
        case FORM_ACT_NONE:
            UNREACHABLE("nothing is not carried out");
    }
    form_record_write(&f->record, f->batch);
}

/* What follows from what is known now. An offer that is not taken at once is made again. */
static void turn(struct form *f)
{
    if (f->pending == 0 && !f->formed) {
        enum form_act what = form_decide(f);
        if (what != FORM_ACT_NONE) {
            act(f, what);
        }
    }
    f->has_offer = false;
}

/* --- life --- */

static void add_peers(struct form *f, const struct form_list *list, bool listed)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct form_listed *is = &list->at[i];
        bool known = strcmp(is->name, f->settings.name) == 0;
        for (size_t k = 0; k < f->peers_count; k++) {
            known = known || strcmp(f->peers[k].is.name, is->name) == 0;
        }
        if (!known) {
            f->peers[f->peers_count].is = *is;
            f->peers[f->peers_count].listed = listed;
            f->peers_count++;
        }
    }
}

static int check_image(const struct store_image *image, struct err *err)
{
    if (image->moved) {
        return err_set(err, ERR_REFUSED,
                       "this store was copied or restored (%s) and has no cluster: remove its "
                       "directory, the node starts as a new one",
                       image->moved_text);
    }
    if (image->applied_index != 0 || image->snapshot.index != 0 ||
        image->log_last >= image->log_first) {
        return err_set(err, ERR_REFUSED,
                       "this store has a log and belongs to no cluster: remove "
                       "its directory, the node starts as a new one");
    }
    return 0;
}

static int check_settings(const struct form_settings *s, struct err *err)
{
    int code = member_name_check(s->name, err);
    if (code != 0) {
        return code;
    }
    if (s->list.count == 0) {
        return err_set(err, ERR_INVALID,
                       "the list of peers is empty: it names every node, this "
                       "one too");
    }
    if (form_list_find(&s->list, s->name) == NULL) {
        return err_set(err, ERR_INVALID,
                       "%s is not in its own list of peers: every node is started with the same "
                       "list, which names itself too",
                       s->name);
    }
    return s->node_id != 0 ? 0 : err_set(err, ERR_INVALID, "node id: 0 is nobody");
}

static int load(struct form *f, const struct store_image *image, struct err *err)
{
    int code = form_record_load(image, &f->record, err);
    f->told = f->record;
    f->identity = image->identity;
    f->identified = image->identity.node_id != 0;
    if (code == 0 && f->record.promised && form_own_proposal(f)) {
        struct form_list list;
        form_proposal_list(&f->record.promise, &list);
        if (form_list_equal(&list, &f->settings.list)) {
            f->without = f->record.promise.without;
        }
    }
    return code;
}

static bool has_cluster(const struct store_image *image)
{
    static const uint8_t none[CLUSTER_ID_SIZE];
    return memcmp(image->identity.cluster_id, none, CLUSTER_ID_SIZE) != 0;
}

int form_create(const struct form_settings *settings, uint64_t now_ms,
                const struct store_image *image, struct form **ret, struct err *err)
{
    int code = check_settings(settings, err);
    bool formed = has_cluster(image);
    code = code != 0 || formed ? code : check_image(image, err);
    if (code != 0) {
        return code;
    }
    struct form *f = mem_zalloc(sizeof(*f));
    f->settings = *settings;
    f->formed = formed;
    list_init(&f->out);
    set_now(f, now_ms);
    code = load(f, image, err);
    const struct form_listed *is = form_list_find(&settings->list, settings->name);
    memcpy(f->me.name, is->name, sizeof(f->me.name));
    memcpy(f->me.address, is->address, sizeof(f->me.address));
    memcpy(f->me.site, settings->site, sizeof(f->me.site));
    f->me.kind = settings->kind;
    f->me.id = f->identified ? f->identity.node_id : settings->node_id;
    code = code != 0 ? code : member_info_check(&f->me, err);
    if (code != 0) {
        form_destroy(f);
        return code;
    }
    add_peers(f, &settings->list, true);
    add_peers(f, &settings->asks, false);
    f->hello_at_ms = f->now_ms;
    turn(f);
    *ret = f;
    return 0;
}

void form_destroy(struct form *f)
{
    if (f == NULL) {
        return;
    }
    struct list *link = NULL;
    while ((link = list_pop_front(&f->out)) != NULL) {
        form_letter_free(CONTAINER_OF(link, struct form_letter, link));
    }
    form_letter_free(f->lent);
    store_batch_destroy(f->batch);
    mem_free(f);
}

/* --- events --- */

uint64_t form_next_tick_ms(const struct form *f, uint64_t now_ms)
{
    return f->hello_at_ms > now_ms ? f->hello_at_ms : now_ms + 1;
}

void form_tick(struct form *f, uint64_t now_ms)
{
    set_now(f, now_ms);
    if (f->now_ms >= f->hello_at_ms) {
        form_hello_all(f);
        form_send_proposal(f);
        f->hello_at_ms = f->now_ms + f->settings.hello_ms;
    }
    turn(f);
}

void form_receive(struct form *f, uint64_t now_ms, const struct peer_message *message)
{
    set_now(f, now_ms);
    bool for_us = message->to == 0 || message->to == f->identity.node_id;
    if (!for_us || message->from == 0) {
        return;
    }
    if (message->kind == PEER_FORM_HELLO) {
        form_hello_receive(f, message);
    }
    if (message->kind == PEER_FORM_PROPOSAL) {
        const struct peer_form_proposal *p = &message->form_proposal;
        f->has_offer = form_proposal_decode(p->bytes, p->size, &f->offer, NULL) == 0;
        f->offered_by = message->from;
    }
    turn(f);
}

void form_durable(struct form *f, uint64_t now_ms, uint64_t sequence)
{
    set_now(f, now_ms);
    MUST(sequence <= f->sequence);
    if (f->pending == 0 || sequence < f->pending) {
        return;
    }
    f->pending = 0;
    f->identified = true;
    f->told = f->record;
    if (f->forming) {
        f->formed = true;
        memcpy(f->identity.cluster_id, f->record.promise.cluster_id, CLUSTER_ID_SIZE);
    }
    form_hello_all(f);
    form_send_proposal(f);
    turn(f);
}

/* --- the operator --- */

static int check_without(const struct form *f, const struct form_list *without, struct err *err)
{
    if ((f->settings.list.count - without->count) * 2 <= f->settings.list.count) {
        return err_set(err, ERR_REFUSED,
                       "%zu of %zu would be left, not more than half: two halves could form two "
                       "clusters; take who never comes out of the list of every node instead",
                       f->settings.list.count - without->count, f->settings.list.count);
    }
    for (size_t i = 0; i < f->settings.list.count; i++) {
        const char *name = f->settings.list.at[i].name;
        if (form_list_find(without, name) != NULL) {
            continue;
        }
        if (strcmp(name, f->settings.name) != 0) {
            return err_set(err, ERR_REFUSED, "%s is the first of who is left: say it there", name);
        }
        break;
    }
    if (f->record.promised && !form_own_proposal(f)) {
        return err_set(err, ERR_REFUSED,
                       "this node is promised to a proposal of %s, which can cancel it; if that "
                       "node is lost for good: pgraftctl raft forget",
                       f->record.promise.at[0].name);
    }
    return 0;
}

static bool is_fine(const struct form *f, const char *name)
{
    for (size_t i = 0; i < f->peers_count; i++) {
        if (strcmp(f->peers[i].is.name, name) == 0) {
            return form_trouble(f, &f->peers[i]) == TROUBLE_NONE;
        }
    }
    return false;
}

int form_without(struct form *f, uint64_t now_ms, const char *const *names, size_t count,
                 struct err *err)
{
    set_now(f, now_ms);
    if (f->formed || f->forming) {
        return err_set(err, ERR_EXISTS, "the cluster is formed");
    }
    struct form_list without;
    memset(&without, 0, sizeof(without));
    for (size_t i = 0; i < count; i++) {
        const struct form_listed *is = form_list_find(&f->settings.list, names[i]);
        if (is == NULL || strcmp(names[i], f->settings.name) == 0) {
            return err_set(err, ERR_NOT_FOUND, "%s is not one of the other nodes in the list",
                           names[i]);
        }
        int code = form_list_add(&without, is->name, is->address, err);
        if (code != 0) {
            return code;
        }
        if (is_fine(f, names[i])) {
            return err_set(err, ERR_REFUSED, "%s is there and agrees: nothing stands in its way",
                           names[i]);
        }
    }
    int code = check_without(f, &without, err);
    if (code == 0) {
        f->without = without;
        turn(f);
    }
    return code;
}

int form_forget(struct form *f, uint64_t now_ms, struct err *err)
{
    set_now(f, now_ms);
    if (!f->record.promised || f->formed) {
        return err_set(err, ERR_NOT_FOUND, "this node is promised to no proposal");
    }
    if (f->pending != 0) {
        return err_set(err, ERR_BUSY, "a write is on its way; try again");
    }
    const struct member_info *proposer = &f->record.promise.at[0];
    for (size_t i = 0; i < f->peers_count; i++) {
        if (form_present(f, &f->peers[i]) && f->peers[i].info.id == proposer->id) {
            return err_set(err, ERR_REFUSED,
                           "%s, which proposed, is there: it is not lost, and its word counts",
                           proposer->name);
        }
    }
    act(f, FORM_ACT_DROP);
    return 0;
}

/* --- what must be done --- */

struct store_batch *form_next_batch(struct form *f)
{
    struct store_batch *batch = f->batch;
    f->batch = NULL;
    return batch;
}

bool form_next_message(struct form *f, struct form_message *out)
{
    form_letter_free(f->lent);
    f->lent = NULL;
    struct list *link = list_pop_front(&f->out);
    if (link == NULL) {
        return false;
    }
    f->lent = CONTAINER_OF(link, struct form_letter, link);
    *out = (struct form_message){
        .name = f->lent->to.name, .address = f->lent->to.address, .message = f->lent->message};
    return true;
}

uint64_t form_node_id(const struct form *f)
{
    return f->me.id;
}
