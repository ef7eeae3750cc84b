/* supervisor/supervisor_upkeep.c - which slots a node's house is to have, from its facts; and who
 * is told to ask PostgreSQL for less. */
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "supervisor/json.h"
#include "supervisor/supervisor_parts.h"

#define JSON_SIZE_MAX ((size_t)64 * 1024)

/* "slots": {"archive": {"type": "physical"}} */
static bool is_permanent(const char *text, const struct slot_row *row)
{
    if (text == NULL) {
        return false;
    }
    CLEANUP(json_closep)
    json_t *all = json_read(text, strlen(text), JSON_SIZE_MAX, JSON_OBJECT, NULL);
    return all == NULL || json_object_get(all, row->name) != NULL;
}

static bool fits(const json_t *entry, const char *key, const char *value)
{
    const json_t *wanted = json_object_get(entry, key);
    const char *text = json_string_value(wanted);
    return wanted == NULL || (text != NULL && strcmp(text, value) == 0);
}

/* "ignore_slots": [{"name": "b", "type": "physical"}]: all that an entry names has to fit. */
static bool is_ignored(const char *text, const struct slot_row *row)
{
    if (text == NULL) {
        return false;
    }
    CLEANUP(json_closep)
    json_t *all = json_read(text, strlen(text), JSON_SIZE_MAX, JSON_ARRAY, NULL);
    bool is_it = all == NULL; /* what can not be read is no leave to drop anything */
    for (size_t i = 0; i < json_array_size(all); i++) {
        const json_t *entry = json_array_get(all, i);
        bool is_of_logical =
            json_object_get(entry, "database") != NULL || json_object_get(entry, "plugin") != NULL;
        is_it = is_it || (!is_of_logical && fits(entry, "name", row->name) &&
                          fits(entry, "type", row->is_physical ? "physical" : "logical"));
    }
    return is_it;
}

bool supervisor_keeps_slot(void *ctx, const struct slot_row *row)
{
    const struct pg_setup *setup = ((const struct supervisor *)ctx)->setup;
    return is_permanent(setup->permanent_slots, row) || is_ignored(setup->ignored_slots, row);
}

/* What PostgreSQL takes for the name of a slot. */
static bool is_slot_name(const char *name)
{
    size_t size = strlen(name);
    return size > 0 && size < SLOTS_NAME_SIZE &&
           strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == size;
}

/* "archive: {type: physical}", "archive: {}", "archive:" */
static bool is_physical(const json_t *entry)
{
    const char *type = json_string_value(json_object_get(entry, "type"));
    return type == NULL || strcmp(type, "physical") == 0;
}

uint32_t supervisor_permanent_slots(void *ctx, char out[SLOTS_PERMANENT_MAX][SLOTS_NAME_SIZE])
{
    const struct pg_setup *setup = ((const struct supervisor *)ctx)->setup;
    const char *text = setup->permanent_slots;
    char own[PG_SLOT_SIZE];
    uint32_t count = 0;
    const char *name = NULL;
    json_t *entry = NULL;
    CLEANUP(json_closep)
    json_t *all =
        text != NULL ? json_read(text, strlen(text), JSON_SIZE_MAX, JSON_OBJECT, NULL) : NULL;
    (void)pg_slot_name(setup->name, own);
    json_object_foreach(all, name, entry)
    {
        struct slot_row row = {.is_physical = true};
        if (count == SLOTS_PERMANENT_MAX || !is_slot_name(name) || !is_physical(entry) ||
            strcmp(name, own) == 0) {
            continue;
        }
        (void)snprintf(row.name, sizeof(row.name), "%s", name);
        if (!is_ignored(setup->ignored_slots, &row)) {
            (void)snprintf(out[count++], SLOTS_NAME_SIZE, "%s", name);
        }
    }
    return count;
}

static void add_members(const struct facts *f, struct slots_input *input)
{
    for (uint32_t i = 0; i < f->member_count; i++) {
        const struct member_facts *m = &f->members[i];
        if (!m->is_database || m->nostream || name_is(&m->name, &f->self)) {
            continue;
        }
        struct slots_member *to = &input->members[input->member_count++];
        (void)pg_slot_name(m->name.text, to->name);
        to->is_here = m->is_fresh;
        to->is_fed = name_is(&m->replicatefrom, &f->self) || facts_leads_standby(f);
        to->has_data = m->has_data;
        to->end_known = m->end.is_known;
        to->end_lsn = m->end.lsn;
    }
}

/* Of whom the promise of a synchronous mode does not hold: once, and when it is others. */
static void tell_weak(struct supervisor *s)
{
    CLEANUP(buf_close) struct buf who = {0};
    weak_text(&s->upkeep.weak, false, VIEW_TEXT_SIZE, &who);
    if (strcmp(buf_text(&who), s->weaker) == 0) {
        return;
    }
    view_text_set(s->weaker, sizeof(s->weaker), buf_text(&who));
    s->has_news = true;
    if (s->weaker[0] == '\0') {
        log_info("supervisor", "nobody asks for less than the synchronous mode any more");
        return;
    }
    struct view_event event = {.wall_ms = clock_wall_ms(clock_system()), .node = s->facts.self};
    log_warn("supervisor", "some ask for less than the synchronous mode, and may lose commits",
             LOG_STR("who", s->weaker));
    view_text_set(event.kind, sizeof(event.kind), "weaker");
    view_text_set(event.text, sizeof(event.text), s->weaker);
    view_add_event(s->view, &event);
}

void supervisor_keep_house(struct supervisor *s, uint64_t now_ms)
{
    const struct facts *f = &s->facts;
    bool is_primary = f->pg.role == ROLE_PRIMARY && f->lease.epoch != 0 &&
                      f->guard.promoted_epoch == f->lease.epoch;
    bool is_lawful = is_primary || f->pg.role == ROLE_STANDBY;
    if (f->pg.process != PG_RUNNING || !is_lawful || s->is_stopping || f->member_count == 0) {
        upkeep_tick(&s->upkeep, now_ms, NULL);
        tell_weak(s);
        return;
    }
    struct slots_input input = {
        .is_wanted = s->setup->use_slots,
        .is_heir = is_primary || !s->setup->tags.nofailover,
        .is_primary = is_primary,
        .is_paused = f->store.paused != FACT_NO,
        .ttl_ms = s->setup->slots_ttl_ms,
        .segment_size = s->home.segment_size,
        .is_kept = supervisor_keeps_slot,
        .permanent = supervisor_permanent_slots,
        .ctx = s,
    };
    add_members(f, &input);
    s->upkeep.wants_weak = is_primary && s->settings.sync_mode != SYNC_OFF;
    upkeep_tick(&s->upkeep, now_ms, &input);
    tell_weak(s);
}
