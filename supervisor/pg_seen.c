/* supervisor/pg_seen.c - answers that belong together, and what follows from them. */
#include "supervisor/pg_seen.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/must.h"
#include "supervisor/backoff.h"
#include "supervisor/proof.h"

#define READ_AGAIN_MS 500
#define READ_AGAIN_MAX_MS 16000
#define GONE_LOOKS 2 /* safety C1: gone, and gone still in one more look */
/* Less than either is what a startup process does that only waits, and looks every few seconds
 * whether what it waits for is there. */
#define MOVES_IO_KIB 1024
#define MOVES_CPU_MS 50

void pg_seen_begin(struct pg_seen *seen, uint64_t fresh_ms, uint64_t now_ms)
{
    *seen = (struct pg_seen){.fresh_ms = fresh_ms, .synced_at_ms = now_ms, .moved_at_ms = now_ms};
    sync_force_begin(&seen->force);
}

void pg_seen_restarted(struct pg_seen *seen, uint64_t now_ms)
{
    seen->has_watch = false;
    seen->watch_answers = FACT_UNKNOWN;
    seen->has_door = false;
    seen->door_state = DOOR_UNKNOWN;
    seen->door_state_at_ms = now_ms;
    seen->was_open = false;
    seen->streamed_timeline = 0;
    seen->gone_looks = 0;
    seen->flush_stands = false;
    seen->recovered = (struct position){.is_known = false};
    seen->has_copies_lsn = false;
    seen->synced_at_ms = now_ms;
    seen->moved_at_ms = now_ms;
    seen->startup_cpu_ms = seen->startup_io_kib = 0;
    reload_restarted(&seen->reload);
}

/* ---- answers ---- */

static bool is_wanted(const struct pg_seen *seen, const char *name)
{
    for (uint32_t i = 0; i < seen->wanted_count; i++) {
        if (strcasecmp(seen->wanted[i].name.text, name) == 0) {
            return true;
        }
    }
    return false;
}

static uint32_t count_streaming(const struct pg_seen *seen, const struct probe_watch *watch)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < watch->sender_count; i++) {
        const struct probe_sender *s = &watch->senders[i];
        bool streams = strcmp(s->state, "streaming") == 0 && s->flush_known;
        count += streams && is_wanted(seen, s->name) ? 1 : 0;
    }
    return count;
}

static bool is_cut(const struct pg_seen *seen, const struct probe_watch *watch)
{
    return watch->in_recovery && watch->receiver_count == 0 && watch->receiver_status[0] == '\0' &&
           !watch->upstream.is_set && seen->has_door && !seen->door.upstream.is_set &&
           seen->door.started_us == watch->started_us;
}

static void note_receiver(struct pg_seen *seen, const struct probe_watch *watch,
                          uint64_t asked_doors)
{
    if (watch->in_recovery && watch->receiver_timeline != 0 &&
        strcmp(watch->receiver_status, "streaming") == 0) {
        seen->streamed_timeline = watch->receiver_timeline;
    }
    /* The door must have answered before the watch was asked: then every process had its signal. A
     * look that another door has crossed counts for nothing, neither way. */
    if (!is_cut(seen, watch)) {
        seen->gone_looks = 0;
    } else if (seen->doors == asked_doors && seen->gone_looks <= GONE_LOOKS) {
        seen->gone_looks++;
    }
}

void pg_seen_watch(struct pg_seen *seen, const struct probe_watch *watch, uint64_t asked_doors,
                   uint64_t asked_ms, uint64_t now_ms)
{
    if (seen->has_watch && seen->watch.started_us != watch->started_us) {
        pg_seen_restarted(seen, now_ms); /* nobody told, but it is another one */
    }
    seen->flush_stands =
        seen->has_watch && !watch->in_recovery && watch->end.lsn == seen->watch.end.lsn &&
        watch->insert_lsn > watch->end.lsn && seen->watch.insert_lsn > seen->watch.end.lsn;
    note_receiver(seen, watch, asked_doors);
    if (!seen->has_watch || watch->replay_lsn != seen->watch.replay_lsn) {
        seen->moved_at_ms = now_ms;
    }
    if (!watch->in_recovery && !seen->recovered.is_known) {
        /* Behind the fence nothing was acknowledged since, and a later place asks for more. */
        seen->recovered = (struct position){
            .is_known = true, .timeline = watch->end.timeline, .lsn = watch->insert_lsn};
    }
    if (seen->has_door && seen->doors == asked_doors) {
        sync_force_watch(&seen->force, watch);
    }
    if (!watch->in_recovery && !seen->has_copies_lsn && asked_ms > seen->copies_at_ms) {
        seen->has_copies_lsn = true;
        seen->copies_lsn = watch->insert_lsn;
    }
    uint32_t needed = seen->wanted_needed > 0 ? seen->wanted_needed : 1;
    if (watch->in_recovery || count_streaming(seen, watch) >= needed) {
        seen->synced_at_ms = now_ms;
    }
    seen->has_watch = true;
    seen->watch = *watch;
    seen->watch_at_ms = asked_ms;
    seen->watch_answers = FACT_YES;
    seen->was_open = true;
}

bool pg_seen_wants_watch(const struct pg_seen *seen)
{
    return seen->gone_looks == GONE_LOOKS;
}

void pg_seen_watch_failed(struct pg_seen *seen, const struct pg_failure *failure)
{
    seen->watch_answers = failure->err.code == ERR_TIMEOUT ? FACT_NO : FACT_UNKNOWN;
}

void pg_seen_door(struct pg_seen *seen, const struct probe_door *door, uint64_t now_ms)
{
    if (seen->has_door && seen->door.started_us != door->started_us) {
        pg_seen_restarted(seen, now_ms);
    }
    seen->has_door = true;
    seen->door = *door;
    seen->doors++;
    seen->door_at_ms = now_ms;
    seen->door_state = DOOR_OPEN;
    seen->door_state_at_ms = now_ms;
    seen->was_open = true;
    sync_force_door(&seen->force, door);
    reload_seen(&seen->reload, door->loaded_us);
}

void pg_seen_bell(struct pg_seen *seen, uint64_t now_ms)
{
    seen->door_state = DOOR_OPEN;
    seen->door_state_at_ms = now_ms;
}

void pg_seen_door_failed(struct pg_seen *seen, enum probe_door_state state, uint64_t now_ms)
{
    MUST(state != DOOR_OPEN);
    if (state != DOOR_UNKNOWN) {
        seen->door_state = state;
        seen->door_state_at_ms = now_ms;
    }
}

static uint64_t copy_heard(const struct pg_seen *seen, const struct facts_name *name)
{
    for (uint32_t i = 0; i < seen->wanted_count; i++) {
        if (name_is(&seen->wanted[i].name, name)) {
            return seen->wanted[i].copy;
        }
    }
    return 0;
}

/* The text in force does not change when a copy does, so nothing is proved anew; but who is behind
 * it is another one, and what the one before acknowledged ends somewhere before now. */
void pg_seen_wanted(struct pg_seen *seen, const struct sync_copy *copies, uint32_t count,
                    uint32_t needed, uint64_t now_ms)
{
    struct sync_copy wanted[PG_SEEN_NAMES_MAX];
    MUST(count <= PG_SEEN_NAMES_MAX);
    for (uint32_t i = 0; i < count; i++) {
        uint64_t before = copy_heard(seen, &copies[i].name);
        wanted[i] = copies[i];
        if (copies[i].copy == 0) {
            wanted[i].copy = before;
        } else if (copies[i].copy != before) {
            seen->copies_at_ms = now_ms;
            seen->has_copies_lsn = false;
        }
    }
    memcpy(seen->wanted, wanted, count * sizeof(wanted[0]));
    seen->wanted_count = count;
    seen->wanted_needed = needed;
}

/* One record may take long, and before it is consistent PostgreSQL says nothing: then what the
 * process does that recovers has to do. */
static void note_startup(struct pg_seen *seen, const struct data_seen *data, uint64_t now_ms)
{
    if (data->has_startup && (data->startup_io_kib >= seen->startup_io_kib + MOVES_IO_KIB ||
                              data->startup_cpu_ms >= seen->startup_cpu_ms + MOVES_CPU_MS)) {
        seen->moved_at_ms = now_ms;
        seen->startup_io_kib = data->startup_io_kib;
        seen->startup_cpu_ms = data->startup_cpu_ms;
    }
}

void pg_seen_data(struct pg_seen *seen, const struct data_seen *data, uint64_t now_ms)
{
    seen->has_data = true;
    seen->data = *data;
    seen->data_at_ms = now_ms;
    note_startup(seen, data, now_ms);
}

/* ---- the end of the WAL ---- */

static bool is_fresh(const struct pg_seen *seen, uint64_t now_ms)
{
    return seen->has_watch && seen->watch_answers == FACT_YES &&
           now_ms - seen->watch_at_ms <= seen->fresh_ms;
}

static struct position end_by_sql(const struct pg_seen *seen)
{
    const struct probe_watch *w = &seen->watch;
    if (!seen->has_watch) {
        return (struct position){.is_known = false};
    }
    if (!w->in_recovery) {
        return w->end;
    }
    struct wal_end_words words = {
        .receive_known = w->receive_known,
        .receive_lsn = w->receive_lsn,
        .replay_known = w->replay_known,
        .replay_lsn = w->replay_lsn,
        .streamed_timeline = seen->streamed_timeline,
        .newest_timeline = w->control_timeline,
    };
    return wal_end_by_sql(&words);
}

/* What was read belongs to what is there now. */
static bool is_read_valid(const struct pg_seen *seen, const struct guard_seen *guard)
{
    uint64_t server_us = seen->has_watch ? seen->watch.started_us : 0;
    return seen->has_read && seen->read_starts == guard->starts &&
           seen->read_server_us == server_us;
}

bool pg_seen_wants_read(const struct pg_seen *seen, const struct guard_seen *guard,
                        uint64_t *ret_start)
{
    bool is_valid = is_read_valid(seen, guard);
    *ret_start = 0;
    if (guard->process == PG_ABSENT) {
        return !is_valid;
    }
    if (!seen->has_watch || !seen->watch.in_recovery || !seen->watch.replay_known ||
        end_by_sql(seen).is_known) {
        return false;
    }
    *ret_start = seen->watch.replay_lsn;
    bool is_older_than_seal = seen->gone_looks >= GONE_LOOKS && seen->read_gone_looks < GONE_LOOKS;
    return !is_valid || seen->read_replay_lsn != seen->watch.replay_lsn || is_older_than_seal;
}

void pg_seen_read_began(struct pg_seen *seen, const struct guard_seen *guard)
{
    seen->has_read = false;
    seen->read_failures = seen->read_starts == guard->starts ? seen->read_failures : 0;
    seen->read_lost = seen->read_failures > 0 && seen->read_lost;
    seen->read_starts = guard->starts;
    seen->read_server_us = seen->has_watch ? seen->watch.started_us : 0;
    seen->read_replay_lsn = seen->watch.replay_lsn;
    seen->read_gone_looks = seen->gone_looks;
}

void pg_seen_read(struct pg_seen *seen, const struct wal_end_seen *end,
                  const struct guard_seen *guard)
{
    if (seen->read_starts != guard->starts) {
        return;
    }
    seen->has_read = end->end.is_known;
    seen->read_end = end->end;
    seen->read_misses = end->misses;
    seen->read_lines = end->lines;
    seen->read_lost = end->is_lost;
    if (seen->has_read) {
        seen->read_failures = 0;
    } else {
        pg_seen_read_failed(seen, &end->err);
    }
}

uint64_t pg_seen_read_pause_ms(const struct pg_seen *seen)
{
    return backoff_ms(READ_AGAIN_MS, seen->read_failures, READ_AGAIN_MAX_MS);
}

void pg_seen_read_failed(struct pg_seen *seen, const struct err *err)
{
    seen->read_failures++;
    seen->read_err = *err;
}

/* ---- facts ---- */

/* The guard does not tell of a shutdown that it was not asked to hurry: whoever had sessions lets
 * nobody in any more, and the watch's has gone. A smart shutdown leaves that one, and serves on;
 * one that does not answer hangs. */
static bool shuts_down(const struct pg_seen *seen)
{
    return seen->was_open && seen->door_state == DOOR_NOT_YET &&
           seen->watch_answers == FACT_UNKNOWN && seen->door_state_at_ms > seen->watch_at_ms;
}

static enum pg_process process_of(const struct pg_seen *seen, const struct guard_seen *guard)
{
    bool is_up = guard->process == PG_STARTING || guard->process == PG_RUNNING;
    if (is_up) {
        return !seen->was_open ? PG_STARTING : shuts_down(seen) ? PG_STOPPING : PG_RUNNING;
    }
    if (guard->process == PG_UNKNOWN) { /* no guard tells: whoever answers is there */
        bool is_there = seen->door_state != DOOR_UNKNOWN && seen->door_state != DOOR_SHUT;
        return is_there ? PG_RUNNING : PG_UNKNOWN;
    }
    return guard->process;
}

/* Both must: the watch's session goes on when the postmaster hangs, and new ones need it. */
static enum fact answers_of(const struct pg_seen *seen, uint64_t now_ms)
{
    if (seen->watch_answers == FACT_NO || seen->door_state == DOOR_SILENT) {
        return FACT_NO;
    }
    return is_fresh(seen, now_ms) ? FACT_YES : FACT_UNKNOWN;
}

static void fill_receiver(const struct pg_seen *seen, bool fresh, struct pg_facts *out)
{
    const struct probe_watch *w = &seen->watch;
    out->conninfo_empty = FACT_UNKNOWN;
    out->receiver = RECEIVER_UNKNOWN;
    out->upstream = (struct facts_name){.text = ""};
    out->follows_epoch = 0;
    out->receiver_gone_twice = fresh && seen->gone_looks >= GONE_LOOKS;
    if (!fresh) {
        return;
    }
    bool is_there = w->receiver_count > 0 || w->receiver_status[0] != '\0';
    out->receiver = is_there ? RECEIVER_LIVES : RECEIVER_GONE;
    out->upstream = w->upstream.name;
    bool streams = w->in_recovery && strcmp(w->receiver_status, "streaming") == 0;
    out->follows_epoch = streams && w->upstream.is_ours ? w->upstream.epoch : 0;
    bool has_door = seen->has_door && seen->door.started_us == w->started_us;
    if (has_door && seen->door.upstream.is_set == w->upstream.is_set) {
        out->conninfo_empty = w->upstream.is_set ? FACT_NO : FACT_YES;
    }
}

static void fill_end(const struct pg_seen *seen, const struct guard_seen *guard, bool fresh,
                     struct pg_facts *out)
{
    bool is_read = is_read_valid(seen, guard);
    out->end = (struct position){.is_known = false};
    out->end_after_seal = false;
    out->misses_lsn = 0;
    out->end_lost = false;
    if (guard->process == PG_ABSENT) {
        out->end_lost = !is_read && seen->read_lost && seen->read_starts == guard->starts;
        if (is_read) {
            out->end = seen->read_end;
            out->misses_lsn = seen->read_misses;
            out->end_after_seal = seen->read_end.is_known;
        }
        return;
    }
    struct position by_sql = end_by_sql(seen);
    if (!fresh) {
        return;
    }
    if (by_sql.is_known) {
        /* Gone in the look before this one twice already: this one's position was read after. */
        out->end = by_sql;
        out->end_after_seal = seen->watch.in_recovery && seen->gone_looks > GONE_LOOKS;
    } else if (is_read && seen->read_replay_lsn == seen->watch.replay_lsn) {
        out->end = seen->read_end;
        out->misses_lsn = seen->read_misses;
        out->end_after_seal = seen->read_end.is_known && seen->read_gone_looks >= GONE_LOOKS &&
                              seen->gone_looks >= GONE_LOOKS;
    }
}

static uint64_t to_replay(const struct pg_seen *seen, bool fresh, const struct position *end)
{
    const struct probe_watch *w = &seen->watch;
    if (!fresh || (w->in_recovery && (!w->replay_known || !end->is_known))) {
        return TO_REPLAY_UNKNOWN;
    }
    return w->in_recovery && end->lsn > w->replay_lsn ? end->lsn - w->replay_lsn : 0;
}

struct position pg_seen_left(const struct pg_seen *seen, const struct position *end,
                             uint32_t timeline)
{
    bool is_its = seen->has_read && end->is_known && position_compare(end, &seen->read_end) == 0;
    uint64_t lsn = is_its ? wal_lines_left(&seen->read_lines, timeline, end->timeline) : 0;
    return (struct position){.is_known = lsn != 0, .timeline = timeline, .lsn = lsn};
}

/* What a standby would go by once it is promoted: the fence, or somebody else's value. */
static enum sync_force force_of_standby(const struct pg_seen *seen)
{
    if (!seen->has_door || seen->door.started_us != seen->watch.started_us) {
        return FORCE_UNKNOWN;
    }
    struct sync_text text = sync_text_parse(seen->door.sync_names);
    return sync_text_is_only(&text, SYNC_FENCE_NAME) ? FORCE_FENCE : FORCE_FOREIGN;
}

/* Where both was seen: the value in every process, and which copies there are. */
static uint64_t in_force_lsn(const struct pg_seen *seen)
{
    if (!seen->has_copies_lsn) {
        return IN_FORCE_UNSEEN;
    }
    return seen->copies_lsn > seen->force.lsn ? seen->copies_lsn : seen->force.lsn;
}

static void fill_sync(const struct pg_seen *seen, const struct sync_value *published, bool fresh,
                      uint64_t now_ms, struct pg_facts *out)
{
    out->force = FORCE_UNKNOWN;
    out->is_fence_lifted = fresh && !seen->watch.in_recovery && seen->force.is_lifted;
    out->set_in_force = (struct sync_set){.needed = 0};
    out->in_force_lsn = IN_FORCE_UNSEEN;
    out->unsynced_ms = now_ms - seen->synced_at_ms;
    if (fresh && seen->watch.in_recovery) {
        out->force = force_of_standby(seen);
    } else if (fresh) {
        out->force = sync_force_of(&seen->force, published, &out->set_in_force);
        out->in_force_lsn = in_force_lsn(seen);
    }
}

void pg_seen_fill(const struct pg_seen *seen, const struct guard_seen *guard,
                  const struct sync_value *published, uint64_t now_ms, struct pg_facts *out)
{
    bool fresh = is_fresh(seen, now_ms);
    out->process = process_of(seen, guard);
    bool runs = out->process != PG_ABSENT && out->process != PG_LEFT;
    fresh = fresh && runs;
    out->role = !fresh ? ROLE_UNKNOWN : seen->watch.in_recovery ? ROLE_STANDBY : ROLE_PRIMARY;
    out->answers = runs ? answers_of(seen, now_ms) : FACT_UNKNOWN;
    out->data_answers = seen->has_data ? seen->data.answers : FACT_UNKNOWN;
    out->still_ms = now_ms - seen->moved_at_ms;
    out->recovered = seen->recovered;
    out->signal_synced = guard->signal_synced;
    out->reload_refused = runs && seen->reload.is_refused;
    out->reload_in_vain = runs && seen->reload.is_in_vain;
    (void)snprintf(out->config_wrong, sizeof(out->config_wrong), "%s",
                   runs ? reload_wrong(&seen->reload) : "");
    fill_receiver(seen, fresh, out);
    fill_end(seen, guard, fresh, out);
    out->to_replay = to_replay(seen, fresh, &out->end);
    fill_sync(seen, published, fresh, now_ms, out);
}

static bool is_same_receiver(const struct pg_facts *a, const struct pg_facts *b)
{
    return a->receiver == b->receiver && a->end_after_seal == b->end_after_seal &&
           a->receiver_gone_twice == b->receiver_gone_twice &&
           a->conninfo_empty == b->conninfo_empty && name_is(&a->upstream, &b->upstream) &&
           a->follows_epoch == b->follows_epoch;
}

static bool is_same_end(const struct position *a, const struct position *b)
{
    return a->is_known == b->is_known && a->timeline == b->timeline;
}

bool pg_seen_is_same(const struct pg_facts *a, const struct pg_facts *b)
{
    return a->process == b->process && a->role == b->role && a->answers == b->answers &&
           a->data_answers == b->data_answers && is_same_end(&a->end, &b->end) &&
           a->end_lost == b->end_lost && is_same_end(&a->recovered, &b->recovered) &&
           a->recovered.lsn == b->recovered.lsn && is_same_receiver(a, b) &&
           a->signal_synced == b->signal_synced && a->force == b->force &&
           a->reload_refused == b->reload_refused && a->reload_in_vain == b->reload_in_vain &&
           strcmp(a->config_wrong, b->config_wrong) == 0 &&
           a->is_fence_lifted == b->is_fence_lifted &&
           (a->in_force_lsn == IN_FORCE_UNSEEN) == (b->in_force_lsn == IN_FORCE_UNSEEN) &&
           sync_set_equal(&a->set_in_force, &b->set_in_force);
}
