/* supervisor/store_side.c - the parts of the store's side, put together. */
#include "supervisor/store_side.h"

#include <stdio.h>

bool store_side_init(struct store_side *s, const char *space, const char *scope, const char *name)
{
    memset(s, 0, sizeof(*s));
    if (!keys_init(&s->keys, space, scope) || strlen(name) >= sizeof(s->self.text)) {
        return false;
    }
    (void)snprintf(s->self.text, sizeof(s->self.text), "%s", name);
    advisor_open(&s->advisor, &s->keys);
    return true;
}

void store_side_open(struct store_side *s, struct pgraft *store,
                     const struct store_view_owner *owner)
{
    store_view_open(&s->view, store, &s->keys, owner);
    holder_open(&s->holder, store, &s->keys, owner->changed, owner->ctx);
    lease_hold_open(&s->hold, store, &s->holder);
    speak_open(&s->speak, store);
    answering_open(&s->answering, store, &s->keys);
    s->table.with_cards = true;
}

void store_side_close(struct store_side *s)
{
    store_view_close(&s->view);
    holder_close(&s->holder);
    advisor_close(&s->advisor);
}

uint64_t store_side_advise(struct store_side *s, const struct pgraft_view *view,
                           struct pgraft_transaction *transaction)
{
    return advisor_advise(&s->advisor, view, transaction);
}

static void hear(struct store_side *s, uint64_t now_ms)
{
    unsigned char room[PGRAFT_SOFT_MAX];
    struct pgraft_soft soft = {.member = 0};
    if (s->view.roster.count > 0) {
        words_table_keep(&s->table, &s->view.roster);
    }
    while (pgraft_soft_next(s->view.store, soft.member, room, sizeof(room), &soft)) {
        words_table_hear(&s->table, now_ms, &soft);
    }
}

void store_side_tick(struct store_side *s, uint64_t now_ms,
                     const struct supervisor_settings *settings)
{
    store_view_tick(&s->view, now_ms);
    lease_hold_tick(&s->hold, &s->view, now_ms);
    hear(s, now_ms);
    if (s->view.roster.count > 0) {
        s->input.settings = *settings;
        s->input.roster = s->view.roster;
        advisor_set(&s->advisor, &s->input);
    }
}

void store_side_facts(const struct store_side *s, uint64_t now_ms,
                      const struct supervisor_settings *settings, struct facts *f)
{
    uint64_t fresh_ms = settings->times.fresh_ms;
    f->self = s->self;
    f->settings = *settings;
    store_view_facts(&s->view, now_ms, fresh_ms, &f->store);
    f->store.sync_pending =
        !s->view.is_read || holder_is_pending(&s->holder) || lease_hold_is_unsure(&s->hold);
    lease_hold_facts(&s->hold, now_ms, &f->lease);
    words_table_members(&s->table, now_ms, &s->view.roster, fresh_ms, f->members, &f->member_count);
    words_mark_own(f->members, f->member_count, &s->self);
    fence_mark_all(&s->view.fences, f->members, f->member_count);
    f->wish.switchover = store_rows_wants_switchover(&s->view.rows, &s->self);
    f->wish.candidate = store_rows_wanted(&s->view.rows);
    f->wish.accepts_loss = store_rows_accepts_loss(&s->view.rows);
}

void store_side_say(struct store_side *s, uint64_t now_ms, const struct facts *f,
                    const struct own_tags *tags, const char *card)
{
    struct member_facts own;
    uint64_t age_ms = now_ms - s->table.seen_at_ms;
    if (!own_words_fill(f, tags, &s->table.seen, age_ms, &own)) {
        return;
    }
    own.level = PGRAFT_FEATURE_LEVEL;
    if (own.primary_epoch != 0) {
        words_table_see(&s->table, now_ms, &own.end);
    }
    (void)speak_say(&s->speak, now_ms, &own, card); /* busy: with the next look */
    answering_say(&s->answering, now_ms, &f->store, f->settings.sync_mode != SYNC_OFF, &own);
}
