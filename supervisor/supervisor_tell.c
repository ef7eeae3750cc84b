/* supervisor/supervisor_tell.c - what this node says of itself: words to the others, a view for
 * people. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/version.h"
#include "supervisor/act_program.h"
#include "supervisor/card.h"
#include "supervisor/supervisor_parts.h"
#include "supervisor/view_facts.h"
#include "supervisor/view_store.h"
#include "supervisor/view_watch.h"

#define PUBLISH_MS 200
#define US_PER_S 1000000
#define TROUBLE_AGAIN_MS 600000

/* What facts do not say of a PostgreSQL under work. */
static enum view_state state_of(const struct supervisor *s, enum view_state seen)
{
    const struct decision *d = &s->act.order.decision;
    if (seen == VIEW_STOPPED && s->died) {
        seen = s->was_up ? VIEW_CRASHED : VIEW_START_FAILED;
    }
    if (!s->act.is_running || s->is_looking_home || !act_is_work_inside(d)) {
        return seen;
    }
    bool restores = s->setup->bootstrap.command != NULL;
    return d->action != ACTION_INITDB ? VIEW_CREATING_REPLICA
           : restores                 ? VIEW_BOOTSTRAP
                                      : VIEW_INITDB;
}

/* As Patroni writes it: "2026-11-02 08:15:03.120000+00:00". */
static void stamp_of(uint64_t wall_us, char out[VIEW_STAMP_SIZE])
{
    time_t seconds = (time_t)(wall_us / US_PER_S);
    struct tm utc;
    out[0] = '\0';
    if (wall_us != 0 && gmtime_r(&seconds, &utc) != NULL) {
        size_t size = strftime(out, VIEW_STAMP_SIZE, "%Y-%m-%d %H:%M:%S", &utc);
        (void)snprintf(out + size, VIEW_STAMP_SIZE - size, ".%06u+00:00",
                       (unsigned)(wall_us % US_PER_S));
    }
}

/* How the node itself is: what an operator wants to be woken for. */
static void fill_node(struct supervisor *s, uint64_t now_ms)
{
    struct view_self *self = &s->view->self;
    const struct pg_setup *setup = supervisor_newest(s);
    self->lease_ms = s->settings.times.lease_ms;
    self->lease_low_ms = lease_low_of(&s->lease_low);
    self->guard = s->facts.guard.state;
    self->failover_priority = setup->tags.nofailover ? 0 : setup->tags.failover_priority;
    s->view->failsafe_is_wanted = setup->failsafe_mode;
    for (unsigned i = 0; i < TIMING_CAUSES; i++) {
        self->timing[i] =
            (struct view_timing){.ms = timing_value(&s->measure.book, (enum timing_cause)i, now_ms),
                                 .is_amiss = s->measure.book.of[i].why[0] != '\0'};
    }
}

/* A disk that does not answer says nothing of its room. */
static void fill_room(struct supervisor *s)
{
    const struct pg_seen *seen = &s->observe.seen;
    bool is_known = s->supervises && seen->has_data && seen->data.answers == FACT_YES;
    s->view->self.room = (struct view_room){.is_known = is_known,
                                            .is_full = is_known && seen->data.is_full,
                                            .free_kib = is_known ? seen->data.free_kib : 0};
}

static void fill_self(struct supervisor *s)
{
    struct cluster_view *view = s->view;
    view->self.state = state_of(s, view->self.state);
    fill_room(s);
    if (s->supervises && s->observe.seen.has_watch) {
        const struct probe_watch *w = &s->observe.seen.watch;
        stamp_of(w->started_us, view->self.postmaster_start);
        stamp_of(w->replayed_us, view->self.replayed_timestamp);
        view_take_watch(&view->self, w);
    }
    view->self.tags = supervisor_newest(s)->shown_tags;
    supervisor_find_pending(s);
    view->self.restart = s->restart;
    supervisor_show_later(s, &view->self.restart);
    supervisor_show_task(s, &view->self.task);
    view_text_set(view->config_trouble, sizeof(view->config_trouble), supervisor_config_amiss(s));
    view_text_set(view->reload_trouble, sizeof(view->reload_trouble), s->reload_trouble);
    view_text_set(view->door_trouble, sizeof(view->door_trouble), s->door.text);
}

/* Of a primary, and of one that was and is not down as it has to be. */
static bool is_signal_missing(const struct supervisor *s)
{
    bool is_owed = s->facts.pg.process == PG_ABSENT || s->facts.pg.signal_ms > 0;
    return s->signal_error != NULL && is_owed;
}

/* What failed may be tried no more, for a cause that is told by now. */
static bool is_trouble_of_now(const struct supervisor *s)
{
    bool is_tried = s->trouble_of == ACTION_WAIT || s->trouble_of == s->decision.action;
    return s->trouble[0] != '\0' && is_tried;
}

void supervisor_note(const struct supervisor *s, char out[VIEW_TEXT_SIZE])
{
    bool is_making = s->act.is_running && !s->is_looking_home &&
                     act_is_work_inside(&s->act.order.decision) && s->act.program != NULL;
    bool is_starved = s->supervises && s->facts.source.nostream &&
                      s->facts.pg.role == ROLE_STANDBY && !supervisor_has_archive(s);
    char home[ERR_MSG_MAX];
    supervisor_home_amiss(s, home);
    out[0] = '\0';
    if (is_making) {
        (void)snprintf(out, VIEW_TEXT_SIZE, "%s: %s", s->act.step,
                       act_program_last(s->act.program));
    } else if (s->refused[0] != '\0') {
        (void)snprintf(out, VIEW_TEXT_SIZE, "%s", s->refused);
    } else if (is_signal_missing(s)) {
        (void)snprintf(out, VIEW_TEXT_SIZE, "standby.signal can not be written: %s; %s",
                       s->signal_error,
                       s->facts.pg.process == PG_ABSENT ? "PostgreSQL stays down"
                                                        : "nothing is acknowledged before");
    } else if (s->door.text[0] != '\0') {
        (void)snprintf(out, VIEW_TEXT_SIZE, "%s", s->door.text);
    } else if (is_trouble_of_now(s)) {
        (void)snprintf(out, VIEW_TEXT_SIZE, "%s", s->trouble);
    } else if (home[0] != '\0') {
        (void)snprintf(out, VIEW_TEXT_SIZE, "%s", home);
    } else if (s->unread_trouble[0] != '\0') {
        (void)snprintf(out, VIEW_TEXT_SIZE, "the end of its WAL can not be read: %.200s",
                       s->unread_trouble);
    } else if (s->start_trouble[0] != '\0') {
        const char *wait = damage_wait_text(s->facts.back.damage_wait);
        (void)snprintf(out, VIEW_TEXT_SIZE, "%.160s%s%s", s->start_trouble,
                       wait[0] != '\0' ? "; " : "", wait);
    } else if (s->load_trouble[0] != '\0') {
        (void)snprintf(out, VIEW_TEXT_SIZE, "%s", s->load_trouble);
    } else if (supervisor_config_amiss(s)[0] != '\0') {
        (void)snprintf(out, VIEW_TEXT_SIZE, "%s", supervisor_config_amiss(s));
    } else if (s->reload_trouble[0] != '\0') {
        (void)snprintf(out, VIEW_TEXT_SIZE, "%s", s->reload_trouble);
    } else if (is_starved) {
        (void)snprintf(out, VIEW_TEXT_SIZE,
                       "tagged nostream, and restore_command is not set: no WAL reaches it");
    } else {
        bool is_past = s->trouble[0] != '\0';
        (void)snprintf(out, VIEW_TEXT_SIZE, "%s",
                       is_past ? s->trouble : timing_amiss(&s->measure.book));
    }
}

static void make_weaker(const struct supervisor *s, char out[VIEW_TEXT_SIZE])
{
    CLEANUP(buf_close) struct buf text = {0};
    weak_text(&s->upkeep.weak, true, VIEW_TEXT_SIZE, &text);
    view_text_set(out, VIEW_TEXT_SIZE, buf_text(&text));
}

/* This node's own card. */
static void make_card(struct supervisor *s)
{
    const struct pg_setup *setup = s->setup;
    struct view_member own;
    memset(&own, 0, sizeof(own));
    own.state = s->view->self.state;
    own.flow = s->view->self.flow;
    own.received = s->view->self.received;
    own.replayed = s->view->self.replayed;
    own.tags = s->view->self.tags;
    own.restart = s->view->self.restart;
    own.port = (uint16_t)setup->host_port;
    view_text_set(own.site, sizeof(own.site), setup->site);
    view_text_set(own.api_url, sizeof(own.api_url), setup->api_url);
    view_text_set(own.host, sizeof(own.host), setup->host != NULL ? setup->host : "");
    if (s->view->decision_count > 0) {
        own.decision = s->view->decisions[s->view->decision_count - 1];
    }
    supervisor_note(s, own.note);
    make_weaker(s, own.weaker);
    card_encode(&own, s->card);
}

/* This node itself as this life has seen it. Where that is nothing yet the others are told nothing,
 * and what comes back from them are the words of its last life. */
static void show_own(struct supervisor *s)
{
    for (uint32_t i = 0; i < s->view->member_count; i++) {
        struct view_member *m = &s->view->members[i];
        if (name_is(&m->name, &s->facts.self)) {
            (void)card_decode(s->card, m);
            m->decision.node = m->name;
        }
    }
}

/* The newest one of its kind; NULL: none. */
static const struct view_event *newest_of(const struct cluster_view *view, const char *kind)
{
    for (uint32_t i = view->event_count; i > 0; i--) {
        if (strcmp(view->events[i - 1].kind, kind) == 0) {
            return &view->events[i - 1];
        }
    }
    return NULL;
}

/* What goes on, or comes back soon, is one event. */
static void add_trouble(struct supervisor *s, uint64_t wall_ms, const char *kind, const char *text)
{
    struct view_event event = {.wall_ms = wall_ms, .node = s->facts.self};
    const struct view_event *last = newest_of(s->view, kind);
    view_text_set(event.kind, sizeof(event.kind), kind);
    view_text_set(event.text, sizeof(event.text), text);
    bool is_told = last != NULL && strcmp(last->text, event.text) == 0 &&
                   wall_ms < last->wall_ms + TROUBLE_AGAIN_MS;
    if (text[0] != '\0' && !is_told) {
        view_add_event(s->view, &event);
    }
}

/* Once, by the new primary. */
static void tell_loss(const struct supervisor *s)
{
    const struct cluster_view *view = s->view;
    bool is_new = s->past.is_set && view->epoch != s->past.epoch;
    if (is_new && view->loss[0] != '\0' && name_is(&view->leader, &view->name)) {
        log_warn("supervisor", "loss", LOG_U64("epoch", view->epoch), LOG_STR("text", view->loss));
    }
}

static void publish(struct supervisor *s, uint64_t now_ms)
{
    uint64_t wall_ms = clock_wall_ms(clock_system());
    struct cluster_view *view = s->view;
    view_text_set(view->scope.text, sizeof(view->scope.text), s->setup->scope);
    view_text_set(view->version, sizeof(view->version), PGRAFT_VERSION);
    view_take_facts(view, &s->facts, now_ms);
    view->self.supervises = s->supervises;
    fill_self(s);
    fill_node(s, now_ms);
    if (s->supervises) {
        view_take_decision(view, &s->facts, &s->decision, wall_ms);
    }
    add_trouble(s, wall_ms, "failed", s->trouble);
    add_trouble(s, wall_ms, "no connection", s->door.text);
    add_trouble(s, wall_ms, "does not start", s->start_trouble);
    add_trouble(s, wall_ms, "configuration", s->load_trouble);
    add_trouble(s, wall_ms, "reload", s->reload_trouble);
    add_trouble(s, wall_ms, "end of WAL", s->unread_trouble);
    add_trouble(s, wall_ms, "does not replicate", s->refused);
    make_card(s);
    view_take_store(view, &s->side, now_ms, wall_ms);
    show_own(s);
    view_take_fences(view, &s->side.view.fences);
    view_forget_silent(view);
    tell_loss(s);
    view_add_changes(view, &s->past, wall_ms);
    view_board_publish(s->board, view, now_ms);
    s->published_ms = now_ms;
    s->has_news = false;
}

void supervisor_tell(struct supervisor *s, uint64_t now_ms, bool is_new)
{
    const struct lease_facts *lease = &s->facts.lease;
    lease_low_note(&s->lease_low, now_ms, lease->epoch, lease->remaining_ms);
    if (is_new || s->has_news || now_ms - s->published_ms >= PUBLISH_MS) {
        publish(s, now_ms);
    }
    const struct own_tags tags = supervisor_own_tags(s, now_ms);
    store_side_say(&s->side, now_ms, &s->facts, &tags, s->card);
}
