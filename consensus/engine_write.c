/* consensus/engine_write.c - W3: what libraft may believe to be on disk.
 *
 * Writes are atomic and finish in the order in which they were given out. When one is done, libraft
 * hears of the part of it that is still in the log with the same terms and that it did not know of,
 * and nothing else: an entry that was truncated while it was being written was durable once and
 * proves nothing. While a snapshot is being installed nothing is reported; the writes before it are
 * superseded. A storage error never gets here: the owner aborts. */
#include "base/mem.h"
#include "base/must.h"
#include "consensus/engine_internal.h"

static struct engine_write *new_write(struct engine *e, uint64_t number)
{
    MUST(e->writes_count == 0 || number >= e->writes[e->writes_count - 1].number);
    if (e->writes_count == e->writes_room) {
        e->writes_room = e->writes_room > 0 ? e->writes_room * 2 : 16;
        e->writes = mem_grow(e->writes, e->writes_room, sizeof(*e->writes));
    }
    struct engine_write *w = &e->writes[e->writes_count];
    e->writes_count++;
    *w = (struct engine_write){.number = number};
    return w;
}

/* A write of entries from @first on makes in vain what waits to be written there, even if the same
 * entries come back with it or later: until then the disk is without them. */
static void supersede(struct engine *e, uint64_t first)
{
    for (size_t i = e->writes_count; i > 0; i--) {
        struct engine_write *w = &e->writes[i - 1];
        if (w->installs || w->first + w->count <= first) {
            return; /* those before it end earlier still */
        }
        w->count = first > w->first ? (size_t)(first - w->first) : 0;
    }
}

void engine_note_entries(struct engine *e, uint64_t number, uint64_t first, size_t count)
{
    supersede(e, first);
    struct engine_write *w = new_write(e, number);
    w->first = first;
    w->count = count;
    w->terms = mem_array(count, sizeof(*w->terms));
    for (size_t i = 0; i < count; i++) {
        w->terms[i] = tail_term(&e->tail, first + i);
    }
}

void engine_note_install(struct engine *e, uint64_t number)
{
    new_write(e, number)->installs = true;
}

/* The last entry of @w that is still in the log as it was written, or @stored if none goes beyond
 * that. */
static uint64_t still_there(const struct engine *e, const struct engine_write *w, uint64_t stored)
{
    for (size_t i = 0; i < w->count; i++) {
        uint64_t index = w->first + i;
        if (!tail_has(&e->tail, index) || tail_term(&e->tail, index) != w->terms[i]) {
            break;
        }
        /* An entry before this write is durable too: writes are carried out in order and without
         * holes. */
        stored = index > stored ? index : stored;
    }
    return stored;
}

static void install_done(struct engine *e)
{
    struct raft_event event = {.type = RAFT_PERSISTED_SNAPSHOT};
    struct raft_snapshot_metadata *meta = &event.persisted_snapshot.metadata;
    struct raft_buffer conf = {.base = e->installing_conf.bytes, .len = e->installing_conf.size};
    meta->index = e->installing.index;
    meta->term = e->installing.term;
    meta->configuration_index = e->installing.conf_index;
    int rv = raft_configuration_decode(&conf, &meta->configuration); /* libraft keeps it */
    MUST(rv == 0);                                                   /* it was checked on arrival */
    event.persisted_snapshot.last = true;
    e->newest_change = e->installing.conf_index;
    e->installing = (struct peer_snapshot){0};
    (void)engine_step(e, &event);
}

static void report_stored(struct engine *e, uint64_t index)
{
    if (index <= e->raft.last_stored) {
        return;
    }
    MUST(index <= tail_last(&e->tail));
    struct raft_event event = {.type = RAFT_PERSISTED_ENTRIES,
                               .persisted_entries = {.index = index}};
    (void)engine_step(e, &event);
}

void engine_written(struct engine *e, uint64_t now_ms, uint64_t number)
{
    engine_set_now(e, now_ms);
    size_t done = 0;
    uint64_t stored = e->raft.last_stored;
    bool installed = false;
    while (done < e->writes_count && e->writes[done].number <= number) {
        const struct engine_write *w = &e->writes[done];
        if (w->installs) {
            installed = true;
            stored = 0;
        } else if (e->installing.index == 0 || installed) {
            stored = still_there(e, w, stored);
        }
        mem_free(e->writes[done].terms);
        done++;
    }
    for (size_t i = done; i < e->writes_count; i++) {
        e->writes[i - done] = e->writes[i];
    }
    e->writes_count -= done;
    if (e->failed) {
        return;
    }
    if (installed) {
        install_done(e);
    }
    if (e->installing.index == 0) {
        report_stored(e, stored);
    }
}

void engine_writes_close(struct engine *e)
{
    for (size_t i = 0; i < e->writes_count; i++) {
        mem_free(e->writes[i].terms);
    }
    mem_free(e->writes);
}

uint64_t engine_compact(struct engine *e, uint64_t now_ms, uint64_t index, uint64_t trailing)
{
    engine_set_now(e, now_ms);
    /* W13: not while installing, and never at or before a snapshot that is there already. */
    bool useless = index <= e->raft.trail.snapshot.index || index > e->applied ||
                   index < e->tail.first + trailing;
    /* The membership must be that of @index: wait while a newer one is known to be committed. */
    bool newer_members = e->raft.configuration_committed_index > index;
    if (e->failed || e->installing.index != 0 || useless || newer_members) {
        return e->tail.first;
    }
    struct raft_event event = {.type = RAFT_SNAPSHOT};
    struct raft_snapshot_metadata *meta = &event.snapshot.metadata;
    meta->index = index;
    meta->term = tail_term(&e->tail, index);
    MUST(meta->term > 0);
    event.snapshot.trailing = (unsigned)trailing;
    struct members members;
    meta->configuration_index = engine_committed_members(e, &members);
    members_to_raft(&members, &meta->configuration); /* libraft keeps it */
    if (!engine_step(e, &event)) {
        return e->tail.first;
    }
    tail_trim(&e->tail, e->raft.trail.offset + 1); /* exactly what libraft still knows */
    return e->tail.first;
}
