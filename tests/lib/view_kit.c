/* tests/lib/view_kit.c - the members of a small cluster, one after the other. */
#include "tests/lib/view_kit.h"

#include <stdio.h>
#include <string.h>

#include "base/must.h"
#include "supervisor/level.h"

#define SET(field, text) view_text_set(field, sizeof(field), text)

struct view_member *view_kit_member(struct cluster_view *view, const char *name)
{
    for (uint32_t i = 0; i < view->member_count; i++) {
        if (strcmp(view->members[i].name.text, name) == 0) {
            return &view->members[i];
        }
    }
    UNREACHABLE("a test names a member that is not there");
}

void view_kit_tag(struct view_tags *tags, const char *key, const char *value,
                  enum view_tag_kind kind)
{
    MUST(tags->count < VIEW_TAGS_MAX);
    struct view_tag *tag = &tags->at[tags->count];
    tags->count++;
    tag->kind = kind;
    SET(tag->key, key);
    SET(tag->value, value);
}

void view_kit_sync(struct cluster_view *view, enum sync_mode mode, const char *names)
{
    view->sync_mode = mode;
    view->sync_count = 0;
    view->sync_is_provable = names[0] != '\0';
    for (const char *at = names; *at != '\0';) {
        size_t size = strcspn(at, ",");
        MUST(view->sync_count < SYNC_NAMES_MAX && size < FACTS_NAME_SIZE);
        memset(view->sync_names[view->sync_count].text, 0, FACTS_NAME_SIZE);
        memcpy(view->sync_names[view->sync_count].text, at, size);
        view->sync_count++;
        at += size + (at[size] == ',' ? 1 : 0);
    }
}

static void add_member(struct cluster_view *view, const char *name)
{
    uint32_t number = view->member_count + 1;
    struct view_member *m = &view->members[view->member_count];
    bool is_witness = name[0] == 'w';
    view->member_count = number;
    SET(m->name.text, name);
    m->is_witness = is_witness;
    m->is_fresh = m->is_recent = true;
    (void)snprintf(m->api_url, sizeof(m->api_url), "http://10.0.0.%u:8008/patroni", number);
    if (is_witness) {
        SET(m->site, "fra");
        return;
    }
    (void)snprintf(m->host, sizeof(m->host), "10.0.0.%u", number);
    m->port = 5432;
    m->state = VIEW_RUNNING;
    m->timeline = 5;
    if (number > 1) {
        m->flow = VIEW_STREAMING;
        m->received = (struct view_lsn){true, VIEW_KIT_LSN};
        m->replayed = (struct view_lsn){true, VIEW_KIT_LSN};
    }
}

static void fill_self(struct view_self *self, const char *name)
{
    bool is_primary = strcmp(name, "pg1") == 0;
    self->supervises = name[0] != 'w';
    self->lease_ms = 5000;
    self->lease_low_ms = is_primary ? 3900 : UINT64_MAX;
    if (!self->supervises) {
        return;
    }
    self->guard = GUARD_WELL;
    self->failover_priority = 1;
    self->sql_answers = true;
    self->state = VIEW_RUNNING;
    self->role = is_primary ? VIEW_PRIMARY : VIEW_REPLICA;
    self->serves_writes = is_primary;
    self->lease_until_boot_ms = is_primary ? VIEW_KIT_NOW_MS + 4000 : 0;
    SET(self->postmaster_start, "2026-11-02 08:15:03.120000+00:00");
    self->server_version = 150020;
    self->timeline = 5;
    if (is_primary) {
        self->location = (struct view_lsn){true, VIEW_KIT_LSN};
        self->sender_count = 1;
        struct view_sender *s = &self->senders[0];
        SET(s->user, "replicator");
        SET(s->application, "pg2");
        SET(s->address, "10.0.0.2");
        SET(s->state, "streaming");
        SET(s->sync_state, "async");
        return;
    }
    self->flow = VIEW_STREAMING;
    self->received = (struct view_lsn){true, VIEW_KIT_LSN};
    self->replayed = (struct view_lsn){true, VIEW_KIT_LSN};
    SET(self->replayed_timestamp, "2026-11-02 08:16:40.5+00:00");
}

static void fill_story(struct cluster_view *view)
{
    struct view_event event = {.wall_ms = UINT64_C(1793607403412)};
    struct view_decision decision = {.wall_ms = UINT64_C(1793607403980)};
    SET(event.node.text, "pg1");
    SET(event.kind, "grant");
    SET(event.text, "pg1 is primary, epoch 3");
    view_add_event(view, &event);
    event.wall_ms += 568;
    SET(event.kind, "promoted");
    SET(event.text, "pg1 has left recovery on timeline 5");
    view_add_event(view, &event);
    decision.node = event.node;
    SET(decision.rule, "lease-held");
    SET(decision.action, "promote");
    SET(decision.text, "It holds the lease for epoch 3 and is still a standby.");
    view_add_decision(view, &decision);
    struct view_decision *heard = &view_kit_member(view, "pg2")->decision;
    *heard = decision;
    SET(heard->node.text, "pg2");
    SET(heard->rule, "steady");
    SET(heard->action, "wait");
    SET(heard->text, "It streams from pg1.");
    view->election.wall_ms = decision.wall_ms;
    SET(view->election.rule, "furthest");
    SET(view->election.action, "grant");
    SET(view->election.text, "pg1 was chosen: its WAL ends last of 3 sealed answers.");
    view->history_count = 2;
    view->history[0] = (struct view_history_row){.timeline = 3, .lsn = 50331808};
    SET(view->history[0].reason, "no recovery target specified");
    SET(view->history[0].timestamp, "2026-11-02T08:10:00.000000+00:00");
    view->history[1] = view->history[0];
    view->history[1].timeline = 4;
    view->history[1].lsn = 67109024;
    SET(view->history[1].leader.text, "pg1");
}

void view_kit_fill(struct cluster_view *view, const char *name)
{
    memset(view, 0, sizeof(*view));
    view->published_boot_ms = VIEW_KIT_NOW_MS;
    SET(view->name.text, name);
    SET(view->scope.text, "demo");
    SET(view->version, "0.1.0");
    view->has_quorum = true;
    view->quorum_age_ms = 40;
    view->dcs_last_seen = 1793607404;
    view->system_identifier = UINT64_C(7450012345678901234);
    SET(view->leader.text, "pg1");
    view->leader_lsn = VIEW_KIT_LSN;
    view->epoch = 3;
    view->level = LEVEL_FENCE;
    view->lag_bytes_max = 1048576;
    add_member(view, "pg1");
    add_member(view, "pg2");
    add_member(view, "pg3");
    add_member(view, "w1");
    fill_self(&view->self, name);
    fill_story(view);
}
