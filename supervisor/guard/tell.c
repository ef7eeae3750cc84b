/* supervisor/guard/tell.c - what the guard says, and keeps for the next pgraftd when nobody
 * listens.
 *
 * Saying never blocks: a pgraftd that is frozen leaves the events in a ring that drops the oldest,
 * and a standard error that is full, or is a file on a disk that may hang, is left out. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/must.h"
#include "supervisor/guard/guard.h"

static bool is_answer(const struct guard_event *event)
{
    return event->kind == GUARD_DONE || event->kind == GUARD_REFUSED || event->kind == GUARD_STATE;
}

static void drop_first(struct guard_state *state, uint32_t count)
{
    MUST(count <= state->event_count);
    state->event_count -= count;
    memmove(state->events, state->events + count, state->event_count * sizeof(state->events[0]));
}

/* A write of less than a pipe's atomic size to one that is ready does not block. */
static void say(const struct guard *g, const struct guard_event *event)
{
    struct pollfd ready = {.fd = STDERR_FILENO, .events = POLLOUT};
    if (!g->may_say || poll(&ready, 1, 0) != 1 || (ready.revents & POLLOUT) == 0) {
        return;
    }
    char line[512];
    int size = snprintf(line, sizeof(line),
                        "pgraft-guard: %s: reason=\"%s\" error=%d pid=%d epoch=%llu phase=%s "
                        "ended=%u stuck=%u took_us=%llu boot_ms=%llu\n",
                        guard_kind_text(event->kind), guard_reason_text(event->reason),
                        (int)event->error, (int)event->pid, (unsigned long long)event->epoch,
                        guard_phase_text(event->phase), (unsigned)event->ended_count,
                        (unsigned)event->stuck_count, (unsigned long long)(event->took_ns / 1000),
                        (unsigned long long)(event->at_ns / NS_PER_MS));
    if (size > 0 && size < (int)sizeof(line)) {
        ssize_t ignored = write(STDERR_FILENO, line, (size_t)size);
        (void)ignored;
    }
}

static struct guard_event event_of(const struct guard *g, uint16_t kind, enum guard_reason reason)
{
    const struct guard_state *s = &g->state;
    return (struct guard_event){
        .kind = kind,
        .at_ns = guard_now_ns(),
        .reason = reason,
        .pid = (uint64_t)s->postmaster,
        .epoch = s->bound_epoch,
        .armed_epoch = s->armed_epoch,
        .deadline_ns = s->bound_epoch != 0 ? s->deadline_ns : 0,
        .timeline = s->control.timeline,
        .system_id = s->control.system_id,
        .pg_state = s->control.state,
        .phase = s->phase,
        .is_primary = s->is_primary,
        .is_adopted = s->is_adopted,
        .is_hands_off = s->is_hands_off,
        .is_signal_synced = s->is_signal_known,
    };
}

static void push(struct guard *g, const struct guard_event *event)
{
    struct guard_state *s = &g->state;
    if (event->kind != GUARD_STATE) {
        say(g, event);
    }
    if (s->event_count == EVENTS_MAX) {
        drop_first(s, 1);
        s->events_lost++;
    }
    s->events[s->event_count++] = *event;
    tell_flush(g);
}

void tell(struct guard *g, uint16_t kind, enum guard_reason reason)
{
    struct guard_event event = event_of(g, kind, reason);
    if (kind == GUARD_FOREIGN) {
        event.pid = (uint64_t)g->state.foreign;
    }
    if ((kind == GUARD_STARTED || kind == GUARD_PROMOTED) && g->state.work.kind != 0) {
        event.id = g->state.work.id;
    }
    push(g, &event);
}

void tell_answer(struct guard *g, uint16_t kind, uint32_t id, enum guard_reason reason, int error)
{
    struct guard_event event = event_of(g, kind, reason);
    event.id = id;
    event.error = (uint64_t)error;
    push(g, &event);
}

void tell_error(struct guard *g, enum guard_reason reason, int error)
{
    tell_answer(g, GUARD_WARNING, 0, reason, error);
}

void tell_ended(struct guard *g, const struct guard_ending *ending, uint64_t epoch)
{
    struct guard_event event = event_of(g, GUARD_ENDED, ending->reason);
    event.epoch = epoch;
    event.ended_count = ending->ended_count;
    event.stuck_count = ending->stuck_count;
    event.took_ns = event.at_ns - ending->began_ns;
    push(g, &event);
}

void tell_died(struct guard *g, int wait_status)
{
    struct guard_event event = event_of(g, GUARD_DIED, GUARD_FINE);
    event.wait_status = (uint64_t)wait_status;
    push(g, &event);
}

static bool send_one(struct guard *g, const struct guard_event *event)
{
    uint8_t bytes[512];
    size_t size = guard_event_encode(event, bytes, sizeof(bytes));
    MUST(size > 0);
    ssize_t sent = send(g->driver_fd, bytes, size, MSG_DONTWAIT | MSG_NOSIGNAL);
    return sent == (ssize_t)size;
}

void tell_flush(struct guard *g)
{
    struct guard_state *s = &g->state;
    if (g->driver_fd < 0 || !g->has_hello) {
        return;
    }
    if (s->events_lost > 0) {
        struct guard_event lost = event_of(g, GUARD_WARNING, GUARD_EVENTS_LOST);
        lost.ended_count = s->events_lost;
        if (!send_one(g, &lost)) {
            return;
        }
        s->events_lost = 0;
    }
    uint32_t sent = 0;
    while (sent < s->event_count && send_one(g, &s->events[sent])) {
        sent++;
    }
    drop_first(s, sent);
}

/* They were for a pgraftd that is gone: the next one has other ids. */
void tell_forget_answers(struct guard *g)
{
    struct guard_state *s = &g->state;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < s->event_count; i++) {
        if (!is_answer(&s->events[i])) {
            s->events[kept] = s->events[i];
            s->events[kept].id = 0;
            kept++;
        }
    }
    s->event_count = kept;
    s->work.id = 0;
}
