/* consensus/node/node.c - the consensus thread: its loop, its clock, its turns.
 *
 * Callbacks take in what has come (orders, messages, durable writes) and give it to form or core.
 * When the loop has gone round once, on_turn() does everything that follows from it: time passes
 * for the core after it has heard everything, so that a thread that was held up does not take
 * messages that wait in its sockets for silence.
 *
 * A late start of a round is a stall. It is noticed at the first callback, before anything is
 * acted upon, and told. What is built on time is not endangered by it: every call to the core
 * carries the time read at that moment (consensus/core.h). */
#include "consensus/node/node.h"

#include <errno.h>
#include <sched.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/must.h"

#if defined(__SANITIZE_THREAD__)
#define STACK_BYTES ((size_t)1024 * 1024) /* the sanitizer keeps its own state on it */
#else
#define STACK_BYTES ((size_t)256 * 1024)
#endif
/* Of the stack, touched and locked: what the deepest turn needs and some more. */
#define LOCKED_BYTES ((size_t)128 * 1024)
/* Not touched, at the end of the stack. */
#define SPARED_BYTES ((size_t)32 * 1024)
/* At the end leadership is handed over, if that goes so quickly. */
#define HAND_OVER_MS 1000

uint64_t node_now_ms(void)
{
    return clock_boot_ms(clock_system());
}

uint64_t node_random(void)
{
    uint64_t value = 0;
    ssize_t got = getrandom(&value, sizeof(value), 0);
    MUST(got == (ssize_t)sizeof(value));
    return value;
}

/* ---- telling ---- */

void node_say(struct node *n, enum pgraft_event_kind kind, enum pgraft_level level,
              const char *peer, uint64_t number, const char *fmt, ...)
{
    struct delivery *delivery = delivery_create(DELIVER_EVENT);
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(delivery->text, sizeof(delivery->text), fmt, args);
    va_end(args);
    (void)snprintf(delivery->peer, sizeof(delivery->peer), "%s", peer);
    delivery->event = (struct pgraft_event){.kind = kind,
                                            .level = level,
                                            .peer = delivery->peer,
                                            .text = delivery->text,
                                            .number = number,
                                            .term = n->term};
    mail_deliver(&n->mail, delivery);
}

void node_fatal(struct node *n, const struct err *err)
{
    static atomic_flag told = ATOMIC_FLAG_INIT;
    while (atomic_flag_test_and_set(&told)) {
        (void)pause(); /* another thread is telling, and aborts */
    }
    struct pgraft_error error = {.code = err->code};
    memcpy(error.message, err->msg, sizeof(error.message));
    if (n->settings.user.on_fatal != NULL) {
        n->settings.user.on_fatal(n->settings.user.ctx, &error);
    } else {
        (void)fprintf(stderr, "pgraft: %s\n", err->msg);
    }
    abort();
}

/* ---- time ---- */

void node_woken(struct node *n)
{
    if (n->awake) {
        return;
    }
    n->awake = true;
    uint64_t now_ms = node_now_ms();
    if (n->timer_at_ms != 0 && now_ms > n->timer_at_ms + NODE_STALL_MS) {
        uint64_t late_ms = now_ms - n->timer_at_ms;
        n->stalls++;
        n->stall_ms_max = late_ms > n->stall_ms_max ? late_ms : n->stall_ms_max;
        node_say(n, PGRAFT_EVENT_STALL, PGRAFT_LEVEL_WARN, "", late_ms,
                 "the consensus thread stood still for %llu ms", (unsigned long long)late_ms);
    }
}

static void on_timer(uv_poll_t *handle, int status, int events)
{
    struct node *n = handle->data;
    uint64_t count = 0;
    (void)status;
    (void)events;
    (void)!read(n->timer_fd, &count, sizeof(count));
    node_woken(n);
    n->timer_at_ms = 0;
    n->tick_due = true;
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static void set_timer(struct node *n, uint64_t now_ms)
{
    uint64_t next = now_ms + 1000;
    if (n->core != NULL) {
        next = core_next_tick_ms(n->core, now_ms);
    } else if (n->form != NULL) {
        next = form_next_tick_ms(n->form, now_ms);
    }
    next = earlier(next, watchers_next_ms(n));
    next = n->said.again_ms != 0 ? earlier(next, n->said.again_ms) : next;
    next = n->poke_at_ms != 0 ? earlier(next, n->poke_at_ms) : next;
    next = n->glass_is_old ? earlier(next, n->glass_ms + NODE_GLASS_MS) : next;
    next = n->poke_now || n->stopping ? now_ms + 1 : next;
    next = next > now_ms ? next : now_ms + 1;
    bool rings_before = n->timer_at_ms > now_ms && n->timer_at_ms <= next;
    if (rings_before) {
        return; /* and is set anew then: a timer that moves with each request costs a call each */
    }
    struct itimerspec at = {.it_value = {.tv_sec = (time_t)(next / MS_PER_S),
                                         .tv_nsec = (long)(next % MS_PER_S * NS_PER_MS)}};
    int rc = timerfd_settime(n->timer_fd, TFD_TIMER_ABSTIME, &at, NULL);
    MUST(rc == 0);
    n->timer_at_ms = next;
}

/* ---- what has changed ---- */

uint64_t node_commit_age_ms(const struct node *n)
{
    uint64_t since_ns = n->store != NULL ? store_commit_since_ns(n->store) : 0;
    uint64_t now_ns = clock_ns(clock_system(), CLOCK_MONO);
    return since_ns != 0 && now_ns > since_ns ? (now_ns - since_ns) / NS_PER_MS : 0;
}

/* A commit that takes so long that this node would not be elected (safety E1). */
static void notice_disk(struct node *n)
{
    uint64_t since_ns = n->store != NULL ? store_commit_since_ns(n->store) : 0;
    uint64_t age_ms = node_commit_age_ms(n);
    if (2 * age_ms <= n->settings.user.election_timeout_ms || since_ns == n->slow_commit_ns) {
        return;
    }
    n->slow_commit_ns = since_ns;
    node_say(n, PGRAFT_EVENT_STALL, PGRAFT_LEVEL_WARN, "", age_ms,
             "the disk has not finished a write for %llu ms", (unsigned long long)age_ms);
}

static const char *name_of(const struct node *n, uint64_t id, struct member_info *room)
{
    struct members members;
    engine_members(core_engine(n->core), &members);
    for (size_t i = 0; i < members.count; i++) {
        if (members.at[i].id == id && member_info_decode(members.at[i].info, room, NULL) == 0) {
            return room->name;
        }
    }
    return "";
}

static void notice_leader(struct node *n)
{
    const struct engine *engine = core_engine(n->core);
    uint64_t leader = engine_leader(engine);
    enum engine_role role = engine_role(engine);
    n->term = engine_term(engine);
    if (role != n->role && (role == ENGINE_LEADER || n->role == ENGINE_LEADER)) {
        bool leads = role == ENGINE_LEADER;
        node_say(n, PGRAFT_EVENT_ROLE, PGRAFT_LEVEL_INFO, "", leads ? 1 : 0,
                 leads ? "leads raft" : "does not lead raft any more");
        n->poke_now = true;
    }
    n->role = role;
    if (leader != n->leader) {
        struct member_info info;
        const char *name = leader != 0 ? name_of(n, leader, &info) : "";
        n->elections += leader != 0 ? 1 : 0;
        node_say(n, PGRAFT_EVENT_LEADER, leader != 0 ? PGRAFT_LEVEL_DEBUG : PGRAFT_LEVEL_WARN, name,
                 leader, leader != 0 ? "follows %s" : "there is no leader%s", name);
        n->leader = leader;
        n->poke_now = true;
    }
}

static void notice_members(struct node *n)
{
    uint64_t change = engine_newest_change(core_engine(n->core));
    if (change == n->conf_index) {
        return;
    }
    n->conf_index = change;
    struct members members;
    struct buf text = {0};
    engine_members(core_engine(n->core), &members);
    for (size_t i = 0; i < members.count; i++) {
        struct member_info info;
        static const char *const roles[] = {
            [MEMBER_STANDBY] = " (no vote)", [MEMBER_VOTER] = "", [MEMBER_SPARE] = " (spare)"};
        if (member_info_decode(members.at[i].info, &info, NULL) == 0) {
            buf_printf(&text, "%s%s%s", i > 0 ? ", " : "", info.name, roles[members.at[i].role]);
        }
    }
    node_say(n, PGRAFT_EVENT_MEMBERS, PGRAFT_LEVEL_INFO, "", members.count, "members: %s",
             buf_text(&text));
    buf_close(&text);
    phase_connect(n);
}

static void notice_place(struct node *n)
{
    struct err err = {0};
    enum core_refusal refusal = core_refused(n->core, &err);
    if (refusal == CORE_OLD_COPY) {
        node_set_phase(n, PGRAFT_REFUSED, err.msg);
    } else if (refusal == CORE_REMOVED) {
        node_set_phase(n, PGRAFT_REMOVED, err.msg);
    } else if (core_joined(n->core, &err)) {
        bool was = n->phase == PGRAFT_MEMBER;
        node_set_phase(n, PGRAFT_MEMBER, "");
        if (!was) {
            phase_connect(n);
        }
    } else if (n->phase != PGRAFT_MEMBER || err.msg[0] != '\0') {
        node_set_phase(n, PGRAFT_JOINING, err.msg);
    }
}

static void copy_soft(struct node *n, uint64_t now_ms)
{
    uint64_t after = 0;
    size_t count = 0;
    struct soft_view view;
    (void)pthread_mutex_lock(&n->glass);
    while (count < SOFT_STATES_MAX && core_soft_next(n->core, now_ms, after, &view)) {
        struct node_soft *soft = &n->soft[count];
        bool same = soft->member == view.member && count < n->soft_count &&
                    soft_version_compare(&soft->version, &view.version) == 0;
        if (!same) {
            soft->member = view.member;
            soft->version = view.version;
            soft->size = view.size;
            memcpy(soft->bytes, view.bytes, view.size);
        }
        soft->age_ms = view.age_ms;
        soft->at_ms = now_ms;
        after = view.member;
        count++;
    }
    n->soft_count = count;
    (void)pthread_mutex_unlock(&n->glass);
}

/* What callers may look at: after the turn, but not after each of many. */
static void fill_glass(struct node *n, uint64_t now_ms)
{
    n->glass_is_old = n->glass_ms != 0 && now_ms < n->glass_ms + NODE_GLASS_MS;
    if (n->glass_is_old) {
        return;
    }
    n->glass_ms = now_ms;
    if (n->core != NULL) {
        copy_soft(n, now_ms);
    }
    status_figures(n);
}

/* ---- orders ---- */

static void obey(struct node *n, struct order *order)
{
    uint64_t now_ms = node_now_ms();
    switch (order->kind) {
        case ORDER_JOB:
            jobs_add(n, order->job);
            order->job = NULL;
            return;
        case ORDER_CANCEL:
            jobs_cancel(n, order->number);
            return;
        case ORDER_WATCH:
            watchers_add(n, order->watcher);
            return;
        case ORDER_UNWATCH:
            watchers_remove(n, order->number);
            return;
        case ORDER_PULL:
            return; /* the turn looks at all of them */
        case ORDER_HOLD:
            holds_set(n, &order->hold, false);
            return;
        case ORDER_LET_GO:
            holds_let_go(n, order->number);
            return;
        case ORDER_DUMP_END:
            dumps_end(n, order->number);
            return;
        case ORDER_PUBLISH:
            keep_soft(n, order);
            return;
        case ORDER_MOVES:
            n->moves_forbidden = order->number == 0;
            if (n->core != NULL) {
                core_allow_moves(n->core, !n->moves_forbidden);
            }
            return;
        case ORDER_KEYS:
            net_keys_take(n->net, order->keys);
            order->keys = NULL;
            return;
        case ORDER_STOP:
            n->stopping = true;
            n->stop_at_ms = now_ms + HAND_OVER_MS;
            return;
    }
    UNREACHABLE("every kind has a row");
}

static void obey_all(struct node *n, struct list *orders)
{
    for (struct list *link = list_pop_front(orders); link != NULL; link = list_pop_front(orders)) {
        struct order *order = CONTAINER_OF(link, struct order, link);
        obey(n, order);
        order_free(order);
    }
}

/* ---- a turn ---- */

static void turn_core(struct node *n, uint64_t now_ms)
{
    if (n->tick_due) {
        core_tick(n->core, now_ms);
        n->tick_due = false;
    }
    drain_core(n);
    notice_leader(n);
    notice_members(n);
    notice_place(n);
    guests_turn(n, now_ms);
    quota_turn(n, now_ms);
}

static void on_handle(uv_handle_t *handle, void *arg)
{
    (void)arg;
    if (!uv_is_closing(handle)) {
        uv_close(handle, NULL);
    }
}

static void on_net_stopped(void *ctx)
{
    struct node *n = ctx;
    n->net = NULL;
    uv_walk(&n->loop, on_handle, NULL);
}

static void stop_now(struct node *n)
{
    struct list orders;
    list_init(&orders);
    mail_shut(&n->mail, &orders);
    obey_all(n, &orders); /* whoever was let in is answered */
    n->stopped = true;
    jobs_close(n);
    watchers_close(n);
    phase_close(n);
    net_stop(n->net, on_net_stopped, n);
}

static void turn_stopping(struct node *n, uint64_t now_ms)
{
    bool leads = n->core != NULL && engine_role(core_engine(n->core)) == ENGINE_LEADER;
    uint64_t heir = leads ? member_job_heir(n) : 0;
    if (heir == 0 || now_ms >= n->stop_at_ms) {
        stop_now(n);
        return;
    }
    if (!n->handed_over) {
        n->handed_over = core_transfer(n->core, now_ms, heir, NULL) == 0;
    }
}

void node_turn(struct node *n)
{
    uint64_t now_ms = node_now_ms();
    said_turn(n, now_ms);
    if (n->form != NULL) {
        form_tick(n->form, now_ms);
        phase_turn(n);
        if (n->switching) {
            return; /* goes on when the disk was read again */
        }
    }
    if (n->core != NULL) {
        turn_core(n, now_ms);
    } else if (n->poke_now || (n->poke_at_ms != 0 && now_ms >= n->poke_at_ms)) {
        jobs_poke(n, now_ms);
    }
    if (n->core != NULL && n->poke_at_ms != 0 && now_ms >= n->poke_at_ms) {
        jobs_poke(n, now_ms);
        drain_core(n);
    }
    if (n->core != NULL) {
        watchers_turn(n, now_ms);
    }
    if (n->stopping) {
        turn_stopping(n, now_ms);
    }
    if (n->stopped) {
        return;
    }
    notice_disk(n);
    holds_turn(n, node_now_ms());
    fill_glass(n, now_ms);
    net_flush(n->net);
    set_timer(n, node_now_ms());
}

static void on_turn(uv_check_t *handle)
{
    struct node *n = handle->data;
    if (!n->stopped && !n->switching) {
        node_turn(n);
    }
    mail_post(&n->mail);
    n->awake = false;
}

static void on_orders(uv_poll_t *handle, int status, int events)
{
    (void)status;
    (void)events;
    struct node *n = CONTAINER_OF(handle, struct node, mail.wake);
    struct list orders;
    list_init(&orders);
    node_woken(n);
    mail_take_orders(&n->mail, &orders);
    obey_all(n, &orders);
}

/* ---- the thread ---- */

/* How much of this thread's stack is left: its owner's thread-local data may have taken a lot. */
static size_t stack_left(void)
{
    pthread_attr_t attr;
    void *lowest = NULL;
    size_t size = 0;
    if (pthread_getattr_np(pthread_self(), &attr) != 0) {
        return 0;
    }
    (void)pthread_attr_getstack(&attr, &lowest, &size);
    (void)pthread_attr_destroy(&attr);
    uintptr_t here = (uintptr_t)__builtin_frame_address(0);
    return lowest != NULL && here > (uintptr_t)lowest ? here - (uintptr_t)lowest : 0;
}

static void lock_stack(struct node *n)
{
    size_t left = stack_left();
    if (!n->settings.user.lock_memory || left < 2 * SPARED_BYTES) {
        return;
    }
    size_t size = left - SPARED_BYTES < LOCKED_BYTES ? left - SPARED_BYTES : LOCKED_BYTES;
    unsigned char *room = __builtin_alloca(size);
    memset(room, 0, size);
    if (mlock(room, size) != 0) {
        node_say(
            n, PGRAFT_EVENT_LIMITS, PGRAFT_LEVEL_WARN, "", 0,
            "%zu KiB of the consensus thread's stack are not locked: %s: under memory pressure "
            "it may be late; raise the limit of locked memory (RLIMIT_MEMLOCK)",
            size / 1024, strerrordesc_np(errno));
    }
    __asm__ volatile("" : : "r"(room) : "memory");
}

void node_raise_thread(const struct node *n, int priority)
{
    if (!n->settings.user.lock_memory) {
        return;
    }
    struct sched_param param = {.sched_priority = priority};
    int rc = sched_setscheduler(0, SCHED_RR | SCHED_RESET_ON_FORK, &param);
    if (rc != 0) {
        param.sched_priority = NODE_PRIORITY_STORE; /* the limit may be that low */
        rc = sched_setscheduler(0, SCHED_RR | SCHED_RESET_ON_FORK, &param);
    }
    if (rc != 0) {
        (void)setpriority(PRIO_PROCESS, (id_t)gettid(), -10); /* or as it is */
    }
}

static void *run_thread(void *arg)
{
    struct node *n = arg;
    (void)pthread_setname_np(pthread_self(), "pgraft-raft");
    lock_stack(n);
    node_raise_thread(n, NODE_PRIORITY_RAFT);
    phase_begin(n);
    node_turn(n);
    mail_post(&n->mail);
    (void)uv_run(&n->loop, UV_RUN_DEFAULT);
    return NULL;
}

static int open_timer(struct node *n, struct err *err)
{
    n->timer_fd = timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC);
    if (n->timer_fd < 0) {
        return err_errno(err, errno, "timerfd");
    }
    int rv = uv_poll_init(&n->loop, &n->timer, n->timer_fd);
    rv = rv != 0 ? rv : uv_poll_start(&n->timer, UV_READABLE, on_timer);
    rv = rv != 0 ? rv : uv_check_init(&n->loop, &n->turn);
    rv = rv != 0 ? rv : uv_check_start(&n->turn, on_turn);
    n->timer.data = n;
    n->turn.data = n;
    return rv == 0 ? 0 : err_errno(err, -rv, "uv");
}

static int start_thread(struct node *n, struct err *err)
{
    pthread_attr_t attr;
    sigset_t all;
    sigset_t before;
    (void)sigfillset(&all);
    int rv = pthread_attr_init(&attr);
    rv = rv != 0 ? rv : pthread_attr_setstacksize(&attr, STACK_BYTES);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are the owner's affair */
    rv = rv != 0 ? rv : pthread_create(&n->thread, &attr, run_thread, n);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    (void)pthread_attr_destroy(&attr);
    return rv == 0 ? 0 : err_errno(err, rv, "pthread_create");
}

static void drain_loop(struct node *n)
{
    uv_walk(&n->loop, on_handle, NULL);
    (void)uv_run(&n->loop, UV_RUN_DEFAULT);
    int rv = uv_loop_close(&n->loop);
    MUST(rv == 0);
}

static void close_rest(struct node *n)
{
    holds_close(n);
    arena_close(&n->scratch);
    buf_close(&n->published);
    watch_hub_destroy(n->hub);
    if (n->timer_fd >= 0) {
        (void)close(n->timer_fd);
    }
}

int node_start(struct node *n, struct err *err)
{
    list_init(&n->jobs);
    list_init(&n->watchers);
    list_init(&n->holds);
    list_init(&n->client.commands);
    for (size_t i = 0; i < NODE_IDS; i++) {
        list_init(&n->ids[i]);
    }
    n->timer_fd = -1;
    n->hub = watch_hub_create(WATCH_HISTORY_EVENTS, WATCH_HISTORY_BYTES);
    int rv = uv_loop_init(&n->loop);
    MUST(rv == 0);
    int code = mail_open(&n->mail, &n->loop, on_orders, err);
    code = code != 0 ? code : open_timer(n, err);
    code = code != 0 ? code : phase_open(n, err);
    code = code != 0 ? code : peers_open(n, err);
    code = code != 0 ? code : start_thread(n, err);
    if (code != 0) {
        phase_close(n);
        if (n->net != NULL) {
            net_stop(n->net, on_net_stopped, n);
        }
        drain_loop(n);
        close_rest(n);
    }
    return code;
}

void node_stop(struct node *n)
{
    (void)mail_order(&n->mail, order_create(ORDER_STOP));
    (void)pthread_join(n->thread, NULL);
    int rv = uv_loop_close(&n->loop);
    MUST(rv == 0);
    close_rest(n);
}
