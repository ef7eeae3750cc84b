/* consensus/pgraft_requests.c - the public face of libpgraft: everything that can be asked for. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/must.h"
#include "consensus/node/convert.h"
#include "consensus/node/face.h"
#include "proto/kv_check.h"

#define TIMEOUT_MS_DEFAULT 5000

int face_submit(struct pgraft *store, struct job *job, const struct pgraft_call *call,
                uint64_t *ret_request, struct pgraft_error *error)
{
    struct node *n = &store->node;
    uint32_t wait_ms = call->timeout_ms != 0 ? call->timeout_ms : TIMEOUT_MS_DEFAULT;
    MUST(call->done != NULL);
    job->done = call->done;
    job->ctx = call->ctx;
    job->local = call->local;
    job->deadline_ms = node_now_ms() + wait_ms;
    if (atomic_fetch_add(&n->callers_jobs, 1) >= NODE_JOBS_MAX) {
        (void)atomic_fetch_sub(&n->callers_jobs, 1);
        job_free(job);
        return face_error(NULL, ERR_BUSY, error);
    }
    uint64_t id = atomic_fetch_add(&n->next_id, 1);
    job->id = id;
    if (ret_request != NULL) {
        *ret_request = id; /* before another thread may deliver the answer */
    }
    struct order *order = order_create(ORDER_JOB);
    order->job = job;
    int code = mail_order(&n->mail, order);
    if (code != 0) {
        (void)pthread_mutex_lock(&n->mail.lock);
        n->callers_jobs--;
        (void)pthread_mutex_unlock(&n->mail.lock);
    }
    return face_error(NULL, code, error);
}

/* NOLINTNEXTLINE(readability-function-size): what every request takes */
static int submit_command(struct pgraft *store, enum job_kind kind,
                          const struct kv_command *command, uint64_t revision,
                          const struct pgraft_call *call, uint64_t *ret_request,
                          struct pgraft_error *error)
{
    struct err err = {0};
    struct job *job = job_create(kind);
    struct kv_command signed_one = *command;
    job->revision = revision;
    int code = 0;
    if (call->session != NULL && kind == JOB_COMMAND) {
        job->has_session = true;
        signed_one.client = call->session->client;
        signed_one.sequence = call->session->sequence;
        signed_one.since = call->session->since;
        signed_one.acked = call->session->acked;
        code =
            signed_one.client == 0 ? err_set(&err, ERR_INVALID, "session: a client is not 0") : 0;
    }
    code = code != 0 ? code : job_set_command(job, &signed_one, &err);
    if (code != 0) {
        job_free(job);
        return face_error(&err, code, error);
    }
    return face_submit(store, job, call, ret_request, error);
}

/* ---- keys and values ---- */

int pgraft_txn(struct pgraft *store, const struct pgraft_txn *txn, const struct pgraft_call *call,
               uint64_t *ret_request, struct pgraft_error *error)
{
    struct arena arena = {0};
    struct kv_command command = {.client = 0};
    struct err err = {0};
    int code = convert_txn(txn, &arena, &command, &err);
    code = code != 0 ? face_error(&err, code, error)
                     : submit_command(store, convert_is_read(txn) ? JOB_READ : JOB_COMMAND,
                                      &command, 0, call, ret_request, error);
    arena_close(&arena);
    return code;
}

static int one_op(struct pgraft *store, const struct pgraft_op *op, const struct pgraft_call *call,
                  uint64_t *ret_request, struct pgraft_error *error)
{
    struct pgraft_txn txn = {.then_ops = op, .then_count = 1};
    return pgraft_txn(store, &txn, call, ret_request, error);
}

/* NOLINTNEXTLINE(readability-function-size): what every request takes */
int pgraft_put(struct pgraft *store, struct pgraft_slice key, struct pgraft_slice value,
               uint64_t lease, const struct pgraft_call *call, uint64_t *ret_request,
               struct pgraft_error *error)
{
    struct pgraft_op op = {
        .kind = PGRAFT_OP_PUT, .span = {.key = key}, .value = value, .lease = lease};
    return one_op(store, &op, call, ret_request, error);
}

int pgraft_get(struct pgraft *store, struct pgraft_slice key, const struct pgraft_call *call,
               uint64_t *ret_request, struct pgraft_error *error)
{
    struct pgraft_op op = {.kind = PGRAFT_OP_GET, .span = {.key = key}};
    return one_op(store, &op, call, ret_request, error);
}

int pgraft_delete(struct pgraft *store, const struct pgraft_span *span,
                  const struct pgraft_call *call, uint64_t *ret_request, struct pgraft_error *error)
{
    struct pgraft_op op = {.kind = PGRAFT_OP_DELETE, .span = *span};
    return one_op(store, &op, call, ret_request, error);
}

int pgraft_range(struct pgraft *store, const struct pgraft_span *span, uint64_t limit,
                 const struct pgraft_call *call, uint64_t *ret_request, struct pgraft_error *error)
{
    struct pgraft_op op = {.kind = PGRAFT_OP_GET, .span = *span, .limit = limit};
    return one_op(store, &op, call, ret_request, error);
}

int pgraft_get_at(struct pgraft *store, struct pgraft_slice key, uint64_t revision,
                  const struct pgraft_call *call, uint64_t *ret_request, struct pgraft_error *error)
{
    struct kv_op op = {.kind = KV_OP_RANGE,
                       .range = {.span = {.kind = KV_SPAN_KEY, .key = convert_slice(key)}}};
    struct kv_command command = {.kind = KV_TXN, .txn = {.then_ops = &op, .then_count = 1}};
    return submit_command(store, JOB_GET_AT, &command, revision, call, ret_request, error);
}

int pgraft_compact(struct pgraft *store, uint64_t revision, const struct pgraft_call *call,
                   uint64_t *ret_request, struct pgraft_error *error)
{
    struct kv_command command = {.kind = KV_COMPACT, .compact_revision = revision};
    return submit_command(store, JOB_COMMAND, &command, 0, call, ret_request, error);
}

void pgraft_cancel(struct pgraft *store, uint64_t request)
{
    struct order *order = order_create(ORDER_CANCEL);
    order->number = request;
    (void)mail_order(&store->node.mail, order);
}

/* ---- watches ---- */

int pgraft_watch(struct pgraft *store, const struct pgraft_watch *watch, uint64_t *ret_watch,
                 struct pgraft_error *error)
{
    struct node *n = &store->node;
    struct err err = {0};
    struct kv_range range = {.span = convert_span(&watch->span)};
    int code = convert_span_check(&watch->span, &err);
    code = code != 0 ? code : kv_range_check(&range, &err);
    if (code != 0) {
        return face_error(&err, code, error);
    }
    MUST(watch->changed != NULL);
    struct watcher *w = mem_zalloc(sizeof(*w));
    list_init(&w->link);
    list_init(&w->by_caller);
    w->wish = *watch;
    size_t key = watch->span.key.size;
    buf_append(&w->bytes, watch->span.key.bytes, key);
    buf_append(&w->bytes, watch->span.end.bytes, watch->span.end.size);
    w->wish.span.key.bytes = w->bytes.bytes;
    w->wish.span.end.bytes = w->bytes.bytes + key;
    w->id = atomic_fetch_add(&n->next_id, 1);
    (void)pthread_mutex_lock(&n->mail.lock);
    list_push_back(&n->callers_watchers, &w->by_caller);
    (void)pthread_mutex_unlock(&n->mail.lock);
    if (ret_watch != NULL) {
        *ret_watch = w->id;
    }
    struct order *order = order_create(ORDER_WATCH);
    order->watcher = w;
    code = mail_order(&n->mail, order);
    if (code != 0) {
        (void)pthread_mutex_lock(&n->mail.lock);
        list_remove(&w->by_caller);
        (void)pthread_mutex_unlock(&n->mail.lock);
        watcher_free(w);
    }
    return face_error(NULL, code, error);
}

void pgraft_unwatch(struct pgraft *store, uint64_t watch)
{
    struct node *n = &store->node;
    bool found = false;
    (void)pthread_mutex_lock(&n->mail.lock);
    LIST_FOR_EACH (struct watcher, w, &n->callers_watchers, by_caller) {
        if (w->id == watch) {
            atomic_store(&w->closed, true); /* it is there as long as it is on the list */
            found = true;
            break;
        }
    }
    (void)pthread_mutex_unlock(&n->mail.lock);
    if (found) {
        struct order *order = order_create(ORDER_UNWATCH);
        order->number = watch;
        (void)mail_order(&n->mail, order);
    }
}

/* ---- leases ---- */

int pgraft_lease_hold(struct pgraft *store, const struct pgraft_hold *hold,
                      struct pgraft_error *error)
{
    if (hold->lease == 0 || hold->renew_for_ms == 0) {
        return face_error(NULL, ERR_INVALID, error);
    }
    struct order *order = order_create(ORDER_HOLD);
    order->hold = (struct core_hold){.lease = hold->lease,
                                     .grant = hold->grant,
                                     .epoch = hold->epoch,
                                     .renew_until_ms = node_now_ms() + hold->renew_for_ms,
                                     .limit_ms = hold->limit_ms};
    return face_error(NULL, mail_order(&store->node.mail, order), error);
}

void pgraft_lease_let_go(struct pgraft *store, uint64_t lease)
{
    struct order *order = order_create(ORDER_LET_GO);
    order->number = lease;
    (void)mail_order(&store->node.mail, order);
}

int pgraft_lease_page_fd(const struct pgraft *store)
{
    return store->node.page_fd;
}

void pgraft_lease_page(const struct pgraft *store, struct pgraft_lease_page *ret_page)
{
    const struct pgraft_lease_page *page = store->node.page;
    uint64_t before = 0;
    do { /* each load is before the next: the sequence is read first and last */
        before = __atomic_load_n(&page->sequence, __ATOMIC_ACQUIRE);
        ret_page->lease = __atomic_load_n(&page->lease, __ATOMIC_ACQUIRE);
        ret_page->epoch = __atomic_load_n(&page->epoch, __ATOMIC_ACQUIRE);
        ret_page->deadline_ms = __atomic_load_n(&page->deadline_ms, __ATOMIC_ACQUIRE);
        ret_page->confirmed_ms = __atomic_load_n(&page->confirmed_ms, __ATOMIC_ACQUIRE);
        ret_page->status = __atomic_load_n(&page->status, __ATOMIC_ACQUIRE);
        ret_page->beat_ms = __atomic_load_n(&page->beat_ms, __ATOMIC_ACQUIRE);
        ret_page->sequence = __atomic_load_n(&page->sequence, __ATOMIC_ACQUIRE);
    } while (before % 2 != 0 || ret_page->sequence != before);
}

/* NOLINTNEXTLINE(readability-function-size): what every request takes */
static int about(struct pgraft *store, enum job_kind kind, uint64_t subject, uint64_t flags,
                 const struct pgraft_call *call, uint64_t *ret_request, struct pgraft_error *error)
{
    struct job *job = job_create(kind);
    job->subject = subject;
    job->flags = flags;
    return face_submit(store, job, call, ret_request, error);
}

int pgraft_lease_keep(struct pgraft *store, uint64_t lease, const struct pgraft_call *call,
                      uint64_t *ret_request, struct pgraft_error *error)
{
    return about(store, JOB_LEASE_KEEP, lease, 0, call, ret_request, error);
}

int pgraft_lease_revoke(struct pgraft *store, uint64_t lease, const struct pgraft_call *call,
                        uint64_t *ret_request, struct pgraft_error *error)
{
    return pgraft_lease_revoke_grant(store, lease, 0, call, ret_request, error);
}

int pgraft_lease_revoke_grant(struct pgraft *store, uint64_t lease, uint64_t grant,
                              const struct pgraft_call *call, uint64_t *ret_request,
                              struct pgraft_error *error)
{
    struct kv_command command = {
        .kind = KV_LEASE_END,
        .lease_end = {.kind = KV_LEASE_REVOKE, .id = lease, .generation = grant}};
    return submit_command(store, JOB_COMMAND, &command, 0, call, ret_request, error);
}

int pgraft_lease_release(struct pgraft *store, uint64_t lease, uint64_t epoch,
                         const struct pgraft_call *call, uint64_t *ret_request,
                         struct pgraft_error *error)
{
    struct kv_command command = {
        .kind = KV_LEASE_END, .lease_end = {.kind = KV_LEASE_RELEASE, .id = lease, .epoch = epoch}};
    return submit_command(store, JOB_COMMAND, &command, 0, call, ret_request, error);
}

/* NOLINTNEXTLINE(readability-function-size): what every request takes */
int pgraft_lease_change(struct pgraft *store, uint64_t lease, uint64_t epoch, uint64_t ttl_ms,
                        const struct pgraft_call *call, uint64_t *ret_request,
                        struct pgraft_error *error)
{
    struct kv_command command = {.kind = KV_LEASE_CHANGE,
                                 .holder_lease = lease,
                                 .holder_epoch = epoch,
                                 .lease_change = {.id = lease, .epoch = epoch, .ttl_ms = ttl_ms}};
    return submit_command(store, JOB_COMMAND, &command, 0, call, ret_request, error);
}

int pgraft_lease_show(struct pgraft *store, uint64_t lease, const struct pgraft_call *call,
                      uint64_t *ret_request, struct pgraft_error *error)
{
    return about(store, JOB_LEASE_SHOW, lease, 0, call, ret_request, error);
}

int pgraft_lease_list(struct pgraft *store, const struct pgraft_call *call, uint64_t *ret_request,
                      struct pgraft_error *error)
{
    return about(store, JOB_LEASE_LIST, 0, 0, call, ret_request, error);
}

/* ---- snapshots ---- */

int pgraft_dump_next(struct pgraft *store, uint64_t id, const struct pgraft_call *call,
                     uint64_t *ret_request, struct pgraft_error *error)
{
    return about(store, JOB_DUMP, id, 0, call, ret_request, error);
}

void pgraft_dump_end(struct pgraft *store, uint64_t id)
{
    struct order *order = order_create(ORDER_DUMP_END);
    order->number = id;
    mail_order(&store->node.mail, order);
}

/* ---- members ---- */

int pgraft_status(struct pgraft *store, bool ask_all, const struct pgraft_call *call,
                  uint64_t *ret_request, struct pgraft_error *error)
{
    return about(store, JOB_STATUS, 0, ask_all ? 1 : 0, call, ret_request, error);
}

int pgraft_health(struct pgraft *store, uint64_t id, const struct pgraft_call *call,
                  uint64_t *ret_request, struct pgraft_error *error)
{
    return about(store, JOB_HEALTH, id, 0, call, ret_request, error);
}

int pgraft_transfer(struct pgraft *store, uint64_t id, const struct pgraft_call *call,
                    uint64_t *ret_request, struct pgraft_error *error)
{
    return about(store, JOB_TRANSFER, id, 0, call, ret_request, error);
}

/* NOLINTNEXTLINE(readability-function-size): what every request takes */
static int named(struct pgraft *store, struct job *job, const char *text, size_t size_max,
                 const struct pgraft_call *call, uint64_t *ret_request, struct pgraft_error *error)
{
    if (strlen(text) > size_max) {
        job_free(job);
        return face_error(NULL, ERR_TOO_LARGE, error);
    }
    job->text = job_text(job, text);
    return face_submit(store, job, call, ret_request, error);
}

int pgraft_member_change(struct pgraft *store, enum pgraft_change_kind change, const char *name,
                         const struct pgraft_call *call, uint64_t *ret_request,
                         struct pgraft_error *error)
{
    struct err err = {0};
    int code = member_name_check(name, &err);
    if (code == 0 && change == PGRAFT_MEMBER_ADD) {
        code = err_set(&err, ERR_INVALID, "who is added has an address: pgraft_member_add()");
    }
    if (code != 0) {
        return face_error(&err, code, error);
    }
    struct job *job = job_create(JOB_MEMBER);
    job->flags = change;
    return named(store, job, name, MEMBER_NAME_MAX, call, ret_request, error);
}

int pgraft_member_remove(struct pgraft *store, uint64_t id, const struct pgraft_call *call,
                         uint64_t *ret_request, struct pgraft_error *error)
{
    struct err err = {0};
    if (id == 0) {
        (void)err_set(&err, ERR_INVALID, "0 is nobody's id");
        return face_error(&err, ERR_INVALID, error);
    }
    struct job *job = job_create(JOB_MEMBER);
    job->flags = PGRAFT_MEMBER_REMOVE;
    job->subject = id;
    return named(store, job, "", 0, call, ret_request, error);
}

int pgraft_member_add(struct pgraft *store, const struct pgraft_newcomer *newcomer,
                      const struct pgraft_call *call, uint64_t *ret_request,
                      struct pgraft_error *error)
{
    struct err err = {0};
    char text[MEMBER_TEXT_SIZE];
    int code = member_name_check(newcomer->name, &err);
    code = code != 0 ? code : member_address_check(newcomer->address, &err);
    if (code != 0) {
        return face_error(&err, code, error);
    }
    (void)snprintf(text, sizeof(text), "%s=%s", newcomer->name, newcomer->address);
    struct job *job = job_create(JOB_MEMBER);
    job->flags = PGRAFT_MEMBER_ADD | (uint64_t)newcomer->kind << JOB_KIND_SHIFT;
    return named(store, job, text, sizeof(text), call, ret_request, error);
}

int pgraft_form_without(struct pgraft *store, const char *names, const struct pgraft_call *call,
                        uint64_t *ret_request, struct pgraft_error *error)
{
    return named(store, job_create(JOB_FORM_WITHOUT), names, (size_t)FORM_LIST_MAX * 64, call,
                 ret_request, error);
}

int pgraft_form_forget(struct pgraft *store, const struct pgraft_call *call, uint64_t *ret_request,
                       struct pgraft_error *error)
{
    return about(store, JOB_FORM_FORGET, 0, 0, call, ret_request, error);
}

/* ---- soft state ---- */

int pgraft_publish(struct pgraft *store, struct pgraft_slice bytes, struct pgraft_error *error)
{
    if (bytes.size > PGRAFT_SOFT_MAX) {
        return face_error(NULL, ERR_TOO_LARGE, error);
    }
    struct order *order = order_create(ORDER_PUBLISH);
    buf_append(&order->bytes, bytes.bytes, bytes.size);
    return face_error(NULL, mail_order(&store->node.mail, order), error);
}

bool pgraft_soft_next(struct pgraft *store, uint64_t after, void *room, size_t size,
                      struct pgraft_soft *ret_soft)
{
    struct node *n = &store->node;
    const struct node_soft *best = NULL;
    (void)pthread_mutex_lock(&n->glass);
    for (size_t i = 0; i < n->soft_count; i++) {
        const struct node_soft *soft = &n->soft[i];
        if (soft->member > after && (best == NULL || soft->member < best->member)) {
            best = soft;
        }
    }
    if (best != NULL) {
        size_t count = best->size < size ? best->size : size;
        uint64_t now_ms = node_now_ms();
        memcpy(room, best->bytes, count);
        *ret_soft = (struct pgraft_soft){
            .member = best->member,
            .age_ms = best->age_ms + (now_ms > best->at_ms ? now_ms - best->at_ms : 0),
            .bytes = {room, count}};
    }
    (void)pthread_mutex_unlock(&n->glass);
    return best != NULL;
}

void pgraft_allow_moves(struct pgraft *store, bool allowed)
{
    struct order *order = order_create(ORDER_MOVES);
    order->number = allowed ? 1 : 0;
    (void)mail_order(&store->node.mail, order);
}

void pgraft_figures(struct pgraft *store, struct pgraft_figures *ret_figures)
{
    (void)pthread_mutex_lock(&store->node.glass);
    *ret_figures = store->node.figures;
    (void)pthread_mutex_unlock(&store->node.glass);
}
