/* consensus/node/watchers.c - watches of callers: changes are copied out of the history and handed
 * over, a few batches ahead of who reads them.
 *
 * A caller that does not keep up is not waited for: its watch stands still, and if the history
 * forgets what it has not seen it is told so and the watch ends. */
#include <string.h>

#include "base/mem.h"
#include "base/must.h"
#include "consensus/node/node.h"

#define BATCH_BYTES ((size_t)256 * 1024)
#define WATCHERS_PER_TURN 256

/* Nothing more comes of it: whoever delivers this frees it. */
static void end(struct node *n, struct watcher *w)
{
    watch_close(w->watch);
    w->watch = NULL;
    list_remove(&w->link);
    struct delivery *delivery = delivery_create(DELIVER_WATCH_END);
    delivery->watcher = w;
    mail_stage(&n->mail, delivery);
}

static void open_watch(struct node *n, struct watcher *w)
{
    struct watch_options options = {
        .span = {.kind = (enum kv_span_kind)w->wish.span.kind,
                 .key = kv_slice(w->wish.span.key.bytes, w->wish.span.key.size),
                 .end = kv_slice(w->wish.span.end.bytes, w->wish.span.end.size)},
        .from_revision = w->wish.from_revision,
        .no_puts = w->wish.no_puts,
        .no_deletes = w->wish.no_deletes,
        .want_previous = w->wish.want_previous,
        .owner = w};
    w->watch = watch_open(n->hub, &options);
    w->told_ms = node_now_ms();
}

void watchers_add(struct node *n, struct watcher *watcher)
{
    list_push_back(&n->watchers, &watcher->link);
    if (n->core != NULL) {
        open_watch(n, watcher);
    }
}

void watchers_open(struct node *n)
{
    LIST_FOR_EACH (struct watcher, w, &n->watchers, link) {
        open_watch(n, w);
    }
}

void watchers_remove(struct node *n, uint64_t id)
{
    LIST_FOR_EACH_SAFE (struct watcher, w, &n->watchers, link) {
        if (w->id == id) {
            end(n, w);
        }
    }
}

static struct pgraft_slice copy_slice(struct arena *room, struct kv_slice in)
{
    unsigned char *bytes = arena_alloc(room, in.size + 1);
    MUST(bytes != NULL);
    memcpy(bytes, in.size > 0 ? in.bytes : "", in.size);
    return (struct pgraft_slice){bytes, in.size};
}

static void copy_pair(struct arena *room, const struct kv_pair *in, struct pgraft_pair *out)
{
    *out = (struct pgraft_pair){.key = copy_slice(room, in->key),
                                .value = copy_slice(room, in->value),
                                .create_revision = in->create_revision,
                                .mod_revision = in->mod_revision,
                                .version = in->version,
                                .lease = in->lease};
}

static struct delivery *batch_delivery(struct watcher *w, const struct watch_batch *batch)
{
    struct delivery *delivery = delivery_create(DELIVER_CHANGES);
    arena_reset(&delivery->room, SIZE_MAX / 4);
    struct pgraft_change *changes =
        arena_array(&delivery->room, batch->count > 0 ? batch->count : 1, sizeof(*changes));
    for (size_t i = 0; i < batch->count; i++) {
        const struct watch_event *event = &batch->events[i];
        changes[i].revision = event->revision;
        changes[i].is_delete = event->is_delete;
        changes[i].has_previous = event->has_previous;
        copy_pair(&delivery->room, &event->pair, &changes[i].pair);
        if (event->has_previous) {
            copy_pair(&delivery->room, &event->previous, &changes[i].previous);
        }
    }
    delivery->watcher = w;
    delivery->changes = (struct pgraft_changes){.changes = changes,
                                                .count = batch->count,
                                                .revision = batch->revision,
                                                .oldest_revision = batch->oldest_revision};
    return delivery;
}

static void hand_over(struct node *n, struct watcher *w, struct delivery *delivery)
{
    w->told_revision = delivery->changes.revision;
    w->told_ms = node_now_ms();
    (void)atomic_fetch_add(&w->undelivered, 1);
    mail_stage(&n->mail, delivery);
}

static bool is_behind(struct watcher *w)
{
    return atomic_load(&w->undelivered) >= WATCH_UNDELIVERED_MAX;
}

/* What there is for @w, as far as it keeps up. False: there is more, for another turn. */
static bool pull(struct node *n, struct watcher *w, size_t *left)
{
    struct watch_batch batch;
    while (!is_behind(w)) {
        if (*left == 0) {
            return false;
        }
        (*left)--;
        enum watch_outcome outcome = watch_pull(w->watch, BATCH_BYTES, &batch);
        if (outcome == WATCH_IDLE) {
            w->told_revision = batch.revision;
            if (batch.revision >= watch_hub_revision(n->hub)) {
                return true;
            }
            continue;
        }
        struct delivery *delivery = batch_delivery(w, &batch);
        if (outcome == WATCH_COMPACTED) {
            delivery->changes.status = ERR_COMPACTED;
            hand_over(n, w, delivery);
            end(n, w);
            return true;
        }
        hand_over(n, w, delivery);
    }
    return true; /* its caller rings when it has room again */
}

static void say_progress(struct node *n, struct watcher *w)
{
    struct watch_batch none = {.revision = w->told_revision};
    hand_over(n, w, batch_delivery(w, &none));
}

static bool wants_progress(const struct watcher *w, uint64_t now_ms)
{
    return w->wish.progress_ms != 0 && now_ms - w->told_ms >= w->wish.progress_ms;
}

void watchers_turn(struct node *n, uint64_t now_ms)
{
    size_t left = WATCHERS_PER_TURN;
    if (n->phase == PGRAFT_REMOVED || n->phase == PGRAFT_REFUSED) {
        watchers_close(
            n); /* nothing comes any more: whoever watches does better with another node */
        return;
    }
    LIST_FOR_EACH_SAFE (struct watcher, w, &n->watchers, link) {
        if (w->watch == NULL || is_behind(w)) {
            continue;
        }
        if (watch_hub_revision(n->hub) > w->told_revision) {
            bool all = pull(n, w, &left);
            n->poke_now = n->poke_now || !all;
        } else if (wants_progress(w, now_ms)) {
            say_progress(n, w);
        }
    }
}

uint64_t watchers_next_ms(const struct node *n)
{
    uint64_t next = UINT64_MAX;
    LIST_FOR_EACH (struct watcher, w, &n->watchers, link) {
        if (w->watch != NULL && w->wish.progress_ms != 0 && !is_behind(w)) {
            uint64_t at = w->told_ms + w->wish.progress_ms;
            next = at < next ? at : next;
        }
    }
    return next;
}

void watchers_close(struct node *n)
{
    LIST_FOR_EACH_SAFE (struct watcher, w, &n->watchers, link) {
        struct watch_batch none = {.revision = w->told_revision};
        struct delivery *delivery = batch_delivery(w, &none);
        delivery->changes.status = ERR_CLOSED;
        hand_over(n, w, delivery);
        end(n, w);
    }
}

void watcher_free(struct watcher *watcher)
{
    buf_close(&watcher->bytes);
    mem_free(watcher);
}
