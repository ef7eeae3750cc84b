/* daemon/patroni_status.c - the status document of /patroni and of the health paths. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "daemon/json_put.h"
#include "daemon/patroni.h"

void patroni_put_tags(struct buf *out, const struct view_tags *tags)
{
    if (tags->count == 0) {
        return;
    }
    json_put_open(out, "tags", '{');
    for (uint32_t i = 0; i < tags->count; i++) {
        const struct view_tag *tag = &tags->at[i];
        if (tag->kind == VIEW_TAG_BOOL) {
            json_put_bool(out, tag->key, strcmp(tag->value, "true") == 0);
        } else if (tag->kind == VIEW_TAG_NUMBER) {
            json_put_raw(out, tag->key, tag->value);
        } else {
            json_put_text(out, tag->key, tag->value);
        }
    }
    json_put_close(out, '}');
}

void patroni_put_pending(struct buf *out, const struct view_restart *restart)
{
    if (!restart->is_pending) {
        return;
    }
    json_put_bool(out, "pending_restart", true);
    json_put_open(out, "pending_restart_reason", '{');
    for (uint32_t i = 0; i < restart->reason_count; i++) {
        const struct view_reason *reason = &restart->reasons[i];
        json_put_open(out, reason->parameter, '{');
        json_put_text(out, "old_value", reason->old_value);
        json_put_text(out, "new_value", reason->new_value);
        json_put_close(out, '}');
    }
    json_put_close(out, '}');
}

void patroni_put_schedule(struct buf *out, const struct view_restart *restart)
{
    if (restart->schedule[0] == '\0') {
        return;
    }
    json_put_open(out, "scheduled_restart", '{');
    json_put_text(out, "schedule", restart->schedule);
    if (restart->only_pending) {
        json_put_bool(out, "restart_pending", true);
    }
    if (restart->version[0] != '\0') {
        json_put_text(out, "postgres_version", restart->version);
    }
    if (restart->role[0] != '\0') {
        json_put_text(out, "role", restart->role);
    }
    if (restart->timeout_ms > 0) {
        json_put_number(out, "timeout", (restart->timeout_ms + MS_PER_S - 1) / MS_PER_S);
    }
    json_put_close(out, '}');
}

static void put_lsn(struct buf *out, const char *name, const struct view_lsn *lsn)
{
    if (lsn->is_known) {
        json_put_number(out, name, lsn->lsn);
    } else {
        json_put_null(out, name);
    }
}

static void put_optional(struct buf *out, const char *name, const char *text)
{
    json_put_text(out, name, text[0] != '\0' ? text : NULL);
}

static void put_xlog(struct buf *out, const struct view_self *self)
{
    json_put_open(out, "xlog", '{');
    if (self->role == VIEW_PRIMARY || self->role == VIEW_PROMOTED) {
        put_lsn(out, "location", &self->location);
    } else {
        put_lsn(out, "received_location", &self->received);
        put_lsn(out, "replayed_location", &self->replayed);
        put_optional(out, "replayed_timestamp", self->replayed_timestamp);
        json_put_bool(out, "paused", self->replay_paused);
    }
    json_put_close(out, '}');
}

static void put_senders(struct buf *out, const struct view_self *self)
{
    if (self->sender_count == 0) {
        return;
    }
    json_put_open(out, "replication", '[');
    for (uint32_t i = 0; i < self->sender_count; i++) {
        const struct view_sender *s = &self->senders[i];
        json_put_open(out, NULL, '{');
        json_put_text(out, "usename", s->user);
        json_put_text(out, "application_name", s->application);
        put_optional(out, "client_addr", s->address);
        json_put_text(out, "state", s->state);
        json_put_text(out, "sync_state", s->sync_state);
        json_put_signed(out, "sync_priority", s->sync_priority);
        json_put_close(out, '}');
    }
    json_put_close(out, ']');
}

/* What only SQL knows, while it is fresh. */
static void put_sql(struct buf *out, const struct cluster_view *view)
{
    const struct view_self *self = &view->self;
    if (self->server_version != 0) {
        json_put_number(out, "server_version", self->server_version);
    }
    put_xlog(out, self);
    if (view_is_sync(view, &view->name) && !name_is(&view->name, &view->leader)) {
        json_put_bool(out, view->sync_mode == SYNC_QUORUM ? "quorum_standby" : "sync_standby",
                      true);
    }
    if (self->timeline != 0) {
        json_put_number(out, "timeline", self->timeline);
    }
    if (self->flow != VIEW_FLOW_NONE) {
        json_put_text(out, "replication_state", view_flow_name(self->flow));
    }
    put_senders(out, self);
}

/* What the agent knows without SQL. */
static void put_agent(struct buf *out, const struct cluster_view *view)
{
    const struct view_self *self = &view->self;
    if (view->is_paused) {
        json_put_bool(out, "pause", true);
    }
    if (!name_is_set(&view->leader)) {
        json_put_bool(out, "cluster_unlocked", true);
    }
    if (view->failsafe_is_active) {
        json_put_bool(out, "failsafe_mode_is_active", true);
    }
    json_put_number(out, "dcs_last_seen", view->dcs_last_seen);
    patroni_put_tags(out, &self->tags);
    if (view->system_identifier != 0) {
        char text[24];
        (void)snprintf(text, sizeof(text), "%" PRIu64, view->system_identifier);
        json_put_text(out, "database_system_identifier", text);
    }
    patroni_put_pending(out, &self->restart);
    if (view->config_trouble[0] != '\0') { /* not Patroni's: there it is a line in a log */
        json_put_text(out, "config_trouble", view->config_trouble);
    }
    if (view->reload_trouble[0] != '\0') { /* the same */
        json_put_text(out, "reload_trouble", view->reload_trouble);
    }
    if (view->door_trouble[0] != '\0') { /* the same */
        json_put_text(out, "connection_trouble", view->door_trouble);
    }
    json_put_open(out, "patroni", '{');
    json_put_text(out, "version", view->version);
    json_put_text(out, "scope", view->scope.text);
    json_put_text(out, "name", view->name.text);
    json_put_close(out, '}');
    patroni_put_schedule(out, &self->restart);
    if (self->watchdog_failed) {
        json_put_bool(out, "watchdog_failed", true);
    }
    if (self->log_queue_size > 0) {
        json_put_number(out, "logger_queue_size", self->log_queue_size);
    }
    if (self->log_records_lost > 0) {
        json_put_number(out, "logger_records_lost", self->log_records_lost);
    }
}

void patroni_put_status(struct buf *out, const struct cluster_view *view, uint64_t boot_ms)
{
    const struct view_self *self = &view->self;
    bool is_witness = !self->supervises;
    enum view_state state = view_state_now(view, boot_ms);
    bool has_sql = !is_witness && self->sql_answers && state != VIEW_STATE_UNKNOWN;
    json_put_open(out, NULL, '{');
    json_put_text(out, "state", is_witness ? "running" : view_state_name(state));
    if (has_sql) {
        put_optional(out, "postmaster_start_time", self->postmaster_start);
    }
    json_put_text(out, "role", is_witness ? "witness" : view_role_name(self->role));
    if (has_sql) {
        put_sql(out, view);
    }
    put_agent(out, view);
    json_put_close(out, '}');
}
