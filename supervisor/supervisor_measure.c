/* supervisor/supervisor_measure.c - looks every few seconds whether host, disk and network are fast
 * enough for this node's times, and says so if they are not (timing_check.h).
 *
 * At the start every second. Nothing is measured for it but how late the tick runs: the rest are
 * figures that the store has anyway. */
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "supervisor/measure.h"
#include "supervisor/supervisor_parts.h"

#define LOOK_MS 5000
#define FIRST_LOOK_MS 1000
#define FIRST_LOOKS 10
#define ANSWER_MS 1000
#define US_PER_MS 1000

/* The clock that stands still while the machine is suspended: that is no delay of anybody. */
static uint64_t ticking_ms(void)
{
    return clock_mono_ms(clock_system());
}

void supervisor_tick_due(struct supervisor *s, uint64_t after_ms)
{
    uint64_t due_ms = ticking_ms() + after_ms;
    uint64_t before_ms = s->measure.due_ms;
    s->measure.due_ms = before_ms != 0 && before_ms < due_ms ? before_ms : due_ms;
}

void supervisor_tick_ran(struct supervisor *s)
{
    struct supervisor_measure *m = &s->measure;
    uint64_t now_ms = ticking_ms();
    uint64_t late_ms = m->due_ms != 0 && now_ms > m->due_ms ? now_ms - m->due_ms : 0;
    m->late_ms = late_ms > m->late_ms ? late_ms : m->late_ms;
    m->due_ms = 0;
}

static void tell(struct supervisor *s, enum timing_cause cause)
{
    const char *why = s->measure.book.of[cause].why;
    struct view_event event = {.wall_ms = clock_wall_ms(clock_system()), .node = s->facts.self};
    log_warn("supervisor", "too slow for its times", LOG_STR("what", timing_cause_name(cause)),
             LOG_STR("why", why));
    view_text_set(event.kind, sizeof(event.kind), "too slow");
    view_text_set(event.text, sizeof(event.text), why);
    view_add_event(s->view, &event);
}

/* @status NULL: the store does not say. */
static void judge(struct supervisor *s, const struct pgraft_status *status)
{
    struct supervisor_measure *m = &s->measure;
    struct pgraft_figures figures;
    struct timing_measured measured;
    uint64_t us = 0;
    memset(&measured, 0, sizeof(measured));
    pgraft_figures(s->store, &figures);
    measured.knows[TIMING_SCHEDULING] = true;
    measured.ms[TIMING_SCHEDULING] = m->late_ms;
    if (measure_fsync(&m->figures, &figures, &us)) {
        measured.knows[TIMING_FSYNC] = true;
        measured.ms[TIMING_FSYNC] = us / US_PER_MS;
        m->figures = figures;
    } else if (figures.commits < m->figures.commits) {
        m->figures = figures; /* the store was opened anew */
    }
    if (status != NULL && measure_round_trip(status, &us)) {
        measured.knows[TIMING_ROUND_TRIP] = true;
        measured.ms[TIMING_ROUND_TRIP] = us / US_PER_MS;
    }
    m->late_ms = 0;
    bool was_amiss = timing_amiss(&m->book)[0] != '\0';
    unsigned news = timing_take(&m->book, &s->settings.times, &measured, supervisor_now_ms());
    for (unsigned i = 0; i < TIMING_CAUSES; i++) {
        if ((news & 1U << i) != 0) {
            tell(s, (enum timing_cause)i);
        }
    }
    bool is_amiss = timing_amiss(&m->book)[0] != '\0';
    if (was_amiss && !is_amiss) {
        log_info("supervisor", "fast enough again for its times");
    }
    s->has_news = s->has_news || was_amiss != is_amiss;
}

static void status_cb(void *ctx, const struct pgraft_result *result)
{
    struct supervisor *s = (struct supervisor *)ctx;
    s->measure.is_asking = false;
    if (!s->is_closing && !s->is_stopping) {
        judge(s, result->status == 0 ? result->state : NULL);
    }
}

void supervisor_measure_tick(struct supervisor *s, uint64_t now_ms)
{
    struct supervisor_measure *m = &s->measure;
    if (s->is_stopping || m->is_asking || now_ms < m->look_at_ms) {
        return;
    }
    m->look_at_ms = now_ms + (m->looks < FIRST_LOOKS ? FIRST_LOOK_MS : LOOK_MS);
    m->looks++;
    struct pgraft_call call = {.timeout_ms = ANSWER_MS, .done = status_cb, .ctx = s};
    m->is_asking = pgraft_status(s->store, false, &call, NULL, NULL) == 0;
    if (!m->is_asking) {
        judge(s, NULL);
    }
}
