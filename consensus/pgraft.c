/* consensus/pgraft.c - the public face of libpgraft: opening, closing, dispatching. */
#include "consensus/pgraft.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/must.h"
#include "base/version.h"
#include "consensus/core.h"
#include "consensus/node/convert.h"
#include "consensus/node/face.h"
#include "proto/kv_codec.h"
#include "proto/timing.h"

#define DISPATCH_NS (10 * NS_PER_MS)

const char *pgraft_version(void)
{
    return PGRAFT_VERSION;
}

const char *pgraft_error_name(int code)
{
    return err_name(code);
}

const char *pgraft_error_text(int code)
{
    return err_text(code);
}

bool pgraft_may_retry(int code)
{
    return err_may_retry(code);
}

bool pgraft_may_be_applied(int code)
{
    return err_may_be_applied(code);
}

int face_error(const struct err *err, int code, struct pgraft_error *error)
{
    if (code != 0 && error != NULL) {
        error->code = code;
        (void)snprintf(error->message, sizeof(error->message), "%s",
                       err != NULL && err->msg[0] != '\0' ? err->msg : err_text(code));
    }
    return code;
}

/* ---- settings ---- */

void pgraft_settings_init(struct pgraft_settings *settings)
{
    *settings = (struct pgraft_settings){.size = sizeof(*settings),
                                         .space = "/service/",
                                         .scope = "",
                                         .name = "",
                                         .kind = PGRAFT_DATABASE,
                                         .site = "",
                                         .api_url = "",
                                         .listen = "",
                                         .directory = "",
                                         .peers = "",
                                         .heartbeat_ms = 100,
                                         .election_timeout_ms = 500,
                                         .lease_ms = 5000,
                                         .replace_after_ms = 30000,
                                         .voters_max = 7,
                                         .wants_vote = true,
                                         .lock_memory = true};
}

static char *copy_text(const char *text)
{
    return text != NULL && text[0] != '\0' ? mem_strdup(text) : NULL;
}

static int check_numbers(const struct pgraft_settings *in, struct err *err)
{
    struct timing known = timing_of(TIMING_BALANCED);
    known.reconnect_ms = timing_reconnect_ms(in->election_timeout_ms);
    struct core_settings core = core_settings_default(1, 1);
    core.heartbeat_ms = in->heartbeat_ms;
    core.election_timeout_ms = in->election_timeout_ms;
    core.lease_ms = in->lease_ms;
    int code = core_settings_check(&core, &known, err);
    if (code != 0) {
        return code;
    }
    if (in->voters_max < 1 || in->voters_max > FORM_LIST_MAX) {
        return err_set(err, ERR_INVALID, "voters_max: %u, must be 1 to %d", in->voters_max,
                       FORM_LIST_MAX);
    }
    int keys = (in->secret_file != NULL ? 1 : 0) + (in->ca_file != NULL ? 1 : 0);
    if (keys == 2) {
        return err_set(err, ERR_INVALID, "a secret and certificates: peers use one of them");
    }
    bool half = (in->ca_file != NULL) != (in->cert_file != NULL) ||
                (in->ca_file != NULL) != (in->key_file != NULL);
    if (half) {
        return err_set(err, ERR_INVALID, "certificates: ca_file, cert_file and key_file together");
    }
    return 0;
}

static const char *or_empty(const char *text)
{
    return text != NULL ? text : "";
}

static int check_texts(const struct pgraft_settings *in, struct err *err)
{
    const struct {
        const char *what;
        const char *text;
        size_t min;
        size_t max;
    } rules[] = {
        {"space", in->space, 1, sizeof((struct node_settings *)NULL)->space - 1},
        {"scope", in->scope, 1, sizeof((struct node_settings *)NULL)->scope - 1},
        {"site", in->site, 0, MEMBER_SITE_MAX},
        {"directory", in->directory, 1, 4000},
    };
    for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
        size_t size = strlen(or_empty(rules[i].text));
        if (size < rules[i].min || size > rules[i].max) {
            return err_set(err, ERR_INVALID, "%s: %s", rules[i].what,
                           size < rules[i].min ? "is missing" : "is too long");
        }
    }
    if (in->kind != PGRAFT_DATABASE && in->kind != PGRAFT_WITNESS) {
        return err_set(err, ERR_INVALID, "kind: %d is neither database nor witness", (int)in->kind);
    }
    if (in->data != PGRAFT_DATA_NONE && in->data != PGRAFT_DATA_FOREIGN &&
        in->data != PGRAFT_DATA_NOTED) {
        return err_set(err, ERR_INVALID, "data: %d is no such thing", (int)in->data);
    }
    return 0;
}

static int take_names(struct node_settings *s, const struct pgraft_settings *in, struct err *err)
{
    const char *listen = or_empty(in->listen);
    const char *advertise = in->advertise != NULL ? in->advertise : listen;
    if (in->size != sizeof(*in)) {
        return err_set(err, ERR_VERSION, "settings were not made by pgraft_settings_init()");
    }
    int code = check_texts(in, err);
    code = code != 0 ? code : member_name_check(or_empty(in->name), err);
    code = code != 0 ? code : member_address_check(listen, err);
    code = code != 0 ? code : member_address_check(advertise, err);
    if (code != 0) {
        return code;
    }
    const char *api_url = in->api_url != NULL ? in->api_url : "";
    if (strlen(api_url) > 255 || strchr(api_url, '\n') != NULL) {
        return err_set(err, ERR_INVALID, "api_url: at most 255 bytes, of one line");
    }
    (void)snprintf(s->about, sizeof(s->about), "%s\n%s", PGRAFT_VERSION, api_url);
    (void)snprintf(s->space, sizeof(s->space), "%s", in->space);
    (void)snprintf(s->scope, sizeof(s->scope), "%s", in->scope);
    (void)snprintf(s->listen, sizeof(s->listen), "%s", listen);
    s->me.kind = in->kind == PGRAFT_WITNESS ? MEMBER_WITNESS : MEMBER_DATABASE;
    (void)snprintf(s->me.name, sizeof(s->me.name), "%s", in->name);
    (void)snprintf(s->me.address, sizeof(s->me.address), "%s", advertise);
    (void)snprintf(s->me.site, sizeof(s->me.site), "%s", or_empty(in->site));
    return 0;
}

static int take_settings(struct node_settings *s, const struct pgraft_settings *in, struct err *err)
{
    int code = take_names(s, in, err);
    code = code != 0 ? code : check_numbers(in, err);
    if (code == 0 && or_empty(in->peers)[0] == '\0') {
        code = form_list_add(&s->list, s->me.name, s->me.address, err);
    } else if (code == 0) {
        code = form_list_parse(in->peers, &s->list, err);
    }
    if (code == 0 && in->data_peers != NULL) {
        code = form_list_parse(in->data_peers, &s->data_peers, err);
    }
    if (code != 0) {
        return code;
    }
    s->user = *in;
    s->directory = mem_strdup(in->directory);
    s->secret_file = copy_text(in->secret_file);
    s->ca_file = copy_text(in->ca_file);
    s->cert_file = copy_text(in->cert_file);
    s->key_file = copy_text(in->key_file);
    return 0;
}

static void free_settings(struct node_settings *s)
{
    mem_free(s->directory);
    mem_free(s->secret_file);
    mem_free(s->ca_file);
    mem_free(s->cert_file);
    mem_free(s->key_file);
}

/* ---- opening and closing ---- */

static int open_page(struct node *n, struct err *err)
{
    n->page_fd = memfd_create("pgraft-lease", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (n->page_fd < 0 || ftruncate(n->page_fd, sizeof(*n->page)) != 0) {
        return err_errno(err, errno, "memfd");
    }
    void *page = mmap(NULL, sizeof(*n->page), PROT_READ | PROT_WRITE, MAP_SHARED, n->page_fd, 0);
    if (page == MAP_FAILED) {
        return err_errno(err, errno, "mmap");
    }
    n->page = page;
    /* Whoever is given the descriptor may read. A kernel that knows no such seal does without. */
    (void)fcntl(n->page_fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW);
    (void)fcntl(n->page_fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE);
    return 0;
}

static void free_store(struct pgraft *store)
{
    struct node *n = &store->node;
    if (n->page != NULL) {
        (void)munmap(n->page, sizeof(*n->page));
    }
    if (n->page_fd >= 0) {
        (void)close(n->page_fd);
    }
    (void)pthread_mutex_destroy(&n->glass);
    (void)pthread_mutex_destroy(&n->dispatching);
    free_settings(&n->settings);
    mem_free(store);
}

/* Of a kind that notices a callback that dispatches. */
static void open_dispatching(struct node *n)
{
    pthread_mutexattr_t attr;
    int rv = pthread_mutexattr_init(&attr);
    MUST(rv == 0);
    (void)pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_ERRORCHECK);
    rv = pthread_mutex_init(&n->dispatching, &attr);
    MUST(rv == 0);
    (void)pthread_mutexattr_destroy(&attr);
}

int pgraft_open(const struct pgraft_settings *settings, struct pgraft **ret_store,
                struct pgraft_error *error)
{
    struct pgraft *store = mem_zalloc(sizeof(*store));
    struct node *n = &store->node;
    struct err err = {0};
    n->page_fd = -1;
    n->mail.fd = -1;
    list_init(&n->callers_watchers);
    int rv = pthread_mutex_init(&n->glass, NULL);
    MUST(rv == 0);
    open_dispatching(n);
    /* Of each life another beginning: an answer to a question of an earlier one fits nothing. */
    atomic_init(&n->callers_jobs, 0);
    atomic_init(&n->next_id, (node_random() & UINT64_C(0xffffffff)) << 31 | 1);
    int code = take_settings(&n->settings, settings, &err);
    code = code != 0 ? code : open_page(n, &err);
    code = code != 0 ? code : node_start(n, &err);
    if (code != 0) {
        if (n->mail.fd >= 0) {
            mail_close(&n->mail);
        }
        free_store(store);
        return face_error(&err, code, error);
    }
    *ret_store = store;
    return 0;
}

static void deliver(struct pgraft *store, struct delivery *delivery);

void pgraft_close(struct pgraft *store)
{
    if (store == NULL) {
        return;
    }
    struct node *n = &store->node;
    int rv = pthread_mutex_lock(&n->dispatching);
    MUST(rv == 0); /* EDEADLK: a callback must not close */
    node_stop(n);
    for (struct delivery *d = mail_next(&n->mail); d != NULL; d = mail_next(&n->mail)) {
        deliver(store, d);
    }
    (void)pthread_mutex_unlock(&n->dispatching);
    mail_close(&n->mail);
    free_store(store);
}

int pgraft_fd(const struct pgraft *store)
{
    return store->node.mail.fd;
}

int pgraft_reload_keys(struct pgraft *store, struct pgraft_error *error)
{
    struct err err = {0};
    struct net_keys *keys = NULL;
    int code = peers_load_keys(&store->node, &keys, &err);
    if (code == 0) {
        struct order *order = order_create(ORDER_KEYS);
        order->keys = keys;
        code = mail_order(&store->node.mail, order);
    }
    return face_error(&err, code, error);
}

/* ---- dispatching ---- */

static void deliver_job(struct pgraft *store, struct job *job)
{
    struct node *n = &store->node;
    struct pgraft_result result = {.status = job->status,
                                   .message = job->message,
                                   .revision = job->answer_revision,
                                   .succeeded = job->status == 0,
                                   .oldest_revision = job->oldest_revision,
                                   .age_ms = job->age_ms,
                                   .leases = job->leases,
                                   .lease_count = job->lease_count,
                                   .state = job->state_of_all,
                                   .dump = job->dump};
    struct kv_decoder decoder = {0};
    struct arena arena = {0};
    struct err err = {0};
    if (job->status == 0 && job->answer.size > 0) {
        int code =
            kv_result_decode(&decoder, job->answer.bytes, job->answer.size, &job->result, &err);
        job->has_result = code == 0;
        result.status = code;
        result.message = code == 0 ? "" : err.msg;
    }
    if (job->has_result) {
        convert_result(&job->result, &arena, &result);
        result.decided = job->kind == JOB_COMMAND;
        if (result.status != 0 && result.message[0] == '\0') {
            result.message = err_text(result.status);
        }
    }
    (void)atomic_fetch_sub(&n->callers_jobs, 1);
    job->done(job->ctx, &result);
    kv_decoder_close(&decoder);
    arena_close(&arena);
}

static void deliver_changes(struct pgraft *store, struct delivery *delivery)
{
    struct watcher *w = delivery->watcher;
    if (!atomic_load(&w->closed)) {
        if (delivery->changes.status != 0) {
            atomic_store(&w->closed, true); /* it is the last call */
        }
        w->wish.changed(w->wish.ctx, &delivery->changes);
    }
    unsigned int before = atomic_fetch_sub(&w->undelivered, 1);
    if (before >= WATCH_UNDELIVERED_MAX) { /* it may have stood still for this */
        (void)mail_order(&store->node.mail, order_create(ORDER_PULL));
    }
}

static void deliver(struct pgraft *store, struct delivery *delivery)
{
    struct node *n = &store->node;
    switch (delivery->kind) {
        case DELIVER_JOB:
            deliver_job(store, delivery->job);
            break;
        case DELIVER_CHANGES:
            deliver_changes(store, delivery);
            break;
        case DELIVER_WATCH_END:
            (void)pthread_mutex_lock(&n->mail.lock);
            list_remove(&delivery->watcher->by_caller);
            (void)pthread_mutex_unlock(&n->mail.lock);
            watcher_free(delivery->watcher);
            break;
        case DELIVER_EVENT:
            if (n->settings.user.on_event != NULL) {
                n->settings.user.on_event(n->settings.user.ctx, &delivery->event);
            }
            break;
    }
    delivery_free(delivery);
}

size_t pgraft_dispatch(struct pgraft *store)
{
    int rv = pthread_mutex_lock(&store->node.dispatching);
    MUST(rv == 0); /* EDEADLK: a callback must not dispatch */
    uint64_t until_ns = clock_ns(clock_system(), CLOCK_MONO) + DISPATCH_NS;
    size_t count = 0;
    struct delivery *delivery = NULL;
    mail_hold(&store->node.mail);
    while (clock_ns(clock_system(), CLOCK_MONO) < until_ns &&
           (delivery = mail_next(&store->node.mail)) != NULL) {
        deliver(store, delivery);
        count++;
    }
    mail_release(&store->node.mail);
    (void)pthread_mutex_unlock(&store->node.dispatching);
    return count;
}
