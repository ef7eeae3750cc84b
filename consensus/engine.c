/* consensus/engine.c - one step of libraft and everything that must follow from it.
 *
 *   engine_start/tick/receive/written/submit  -->  engine_step  -->  libraft
 *                                                      |
 *     write_hard, write_entries, install, send  <------'   in this order, each before the next step
 *
 * Rules here: W6 (commit never goes back), W7 (the sole voter), W9 (who lost an election asks for
 * pre-votes again), W10 (the timer), W15 (errors are the end). */
#include "consensus/engine.h"

#include <pthread.h>
#include <string.h>

#include "base/mem.h"
#include "base/must.h"
#include "consensus/engine_internal.h"

/* Bytes of entries in one message; what is longer goes out as several. */
#define APPEND_BYTES_MAX ((size_t)1024 * 1024)

/* libraft's paths for a failed allocation leak or free twice: they never run (docs/decisions/0002).
 */
static void *heap_malloc(void *data, size_t size)
{
    (void)data;
    return mem_alloc(size);
}

static void heap_free(void *data, void *ptr)
{
    (void)data;
    mem_free(ptr);
}

static void *heap_calloc(void *data, size_t count, size_t size)
{
    (void)data;
    return mem_array(count, size);
}

static void *heap_realloc(void *data, void *ptr, size_t size)
{
    (void)data;
    return mem_grow(ptr, size, 1);
}

static void *heap_aligned_alloc(void *data, size_t alignment, size_t size)
{
    (void)data;
    (void)alignment;
    (void)size;
    UNREACHABLE("only libraft's own I/O aligns, and it is not used");
}

static void heap_aligned_free(void *data, size_t alignment, void *ptr)
{
    (void)data;
    (void)alignment;
    (void)ptr;
    UNREACHABLE("only libraft's own I/O aligns, and it is not used");
}

static void heap_install(void)
{
    static struct raft_heap heap = {.malloc = heap_malloc,
                                    .free = heap_free,
                                    .calloc = heap_calloc,
                                    .realloc = heap_realloc,
                                    .aligned_alloc = heap_aligned_alloc,
                                    .aligned_free = heap_aligned_free};
    raft_heap_set(&heap);
}

struct engine *engine_create(const struct engine_settings *settings, const struct engine_sink *sink)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    int rc = pthread_once(&once, heap_install);
    MUST(rc == 0);
    MUST(settings->id > 0);
    MUST(settings->heartbeat_ms > 0);
    MUST(settings->election_timeout_ms >= 2 * settings->heartbeat_ms);
    MUST(settings->inflight_entries_max > 0);
    /* Zeroed: raft_init() leaves fields of struct raft as they are. */
    struct engine *e = mem_zalloc(sizeof(*e));
    e->settings = *settings;
    e->sink = *sink;
    e->may_campaign = true;
    int rv = raft_init(&e->raft, NULL, NULL, settings->id, NO_ADDRESS);
    MUST(rv == 0);
    e->raft.tracer = NULL; /* the default one formats every message into one static buffer */
    raft_seed(&e->raft, settings->seed);
    raft_set_pre_vote(&e->raft, true);
    raft_set_election_timeout(&e->raft, settings->election_timeout_ms);
    raft_set_heartbeat_timeout(&e->raft, 1); /* W10: the beat is ours */
    /* A snapshot that was lost on the way is asked for again after this; what goes well takes no
     * time-out. */
    raft_set_install_snapshot_timeout(&e->raft,
                                      ENGINE_SNAPSHOT_PATIENCE * settings->election_timeout_ms);
    raft_set_max_inflight_entries(&e->raft, settings->inflight_entries_max);
    return e;
}

void engine_destroy(struct engine *e)
{
    if (e == NULL) {
        return;
    }
    raft_close(&e->raft, NULL);
    engine_writes_close(e);
    tail_close(&e->tail);
    buf_close(&e->installing_conf);
    mem_free(e);
}

static void fatal(struct engine *e, int code, const char *what)
{
    if (e->failed) {
        return;
    }
    e->failed = true;
    struct err err = {0};
    (void)err_set(&err, code, "raft: %s: %s", what, raft_errmsg(&e->raft));
    e->sink.fatal(e->sink.ctx, &err);
}

void engine_set_now(struct engine *e, uint64_t now_ms)
{
    /* libraft subtracts unsigned: a step back would make every peer look silent for ages. */
    e->now_ms = now_ms > e->now_ms ? now_ms : e->now_ms;
}

void *engine_batch_token(void)
{
    return raft_malloc(1);
}

/* --- what a step leaves behind --- */

static void carry_out_hard(struct engine *e)
{
    struct store_hard hard = {.term = raft_current_term(&e->raft),
                              .vote = raft_voted_for(&e->raft)};
    e->sink.write_hard(e->sink.ctx, &hard);
}

static void carry_out_entries(struct engine *e, const struct raft_update *update)
{
    uint64_t first = update->entries.index;
    size_t count = update->entries.n;
    const struct raft_entry *from = update->entries.batch;
    if (first <= tail_last(&e->tail)) {
        MUST(first > e->commit); /* a committed entry is never taken back */
        tail_truncate(&e->tail, first);
        if (e->newest_change >= first) {
            e->newest_change = e->raft.configuration_committed_index;
        }
    }
    MUST(first == tail_last(&e->tail) + 1);
    struct store_entry *entries = mem_array(count, sizeof(*entries));
    for (size_t i = 0; i < count; i++) {
        tail_append(&e->tail, from[i].term, (uint8_t)from[i].type, from[i].buf.base,
                    from[i].buf.len);
        const struct tail_entry *kept = tail_get(&e->tail, first + i);
        entries[i] = (struct store_entry){.index = first + i,
                                          .term = kept->term,
                                          .type = kept->type,
                                          .data = kept->data,
                                          .size = kept->size};
        if (kept->type == ENTRY_CHANGE) {
            e->newest_change = first + i;
        }
    }
    raft_free(from[0].batch); /* our token, or the barrier's eight bytes */
    uint64_t number = e->sink.write_entries(e->sink.ctx, first, entries, count);
    engine_note_entries(e, number, first, count);
    mem_free(entries);
}

static void carry_out_install(struct engine *e, struct raft_update *update)
{
    struct raft_snapshot_metadata *meta = &update->snapshot.metadata;
    MUST(e->installing.index == meta->index); /* engine_receive() put it there */
    raft_configuration_close(&meta->configuration);
    raft_free(update->snapshot.chunk.base);
    tail_reset(&e->tail, meta->index + 1, meta->term);
    engine_note_install(e, e->sink.install(e->sink.ctx, &e->installing));
}

static void send_append_part(struct engine *e, struct peer_message *out,
                             const struct peer_entry *entries, size_t count)
{
    out->append.entries = entries;
    out->append.count = count;
    e->sink.send(e->sink.ctx, out);
    out->append.prev_index += count;
    out->append.prev_term = count > 0 ? entries[count - 1].term : out->append.prev_term;
}

/* libraft says which entries to send; the bytes are ours, and a message has a limit. */
static void send_append(struct engine *e, const struct raft_message *m)
{
    const struct raft_append_entries *args = &m->append_entries;
    e->round++;
    struct peer_message out = {
        .kind = PEER_APPEND,
        .from = e->settings.id,
        .to = m->server_id,
        .term = args->term,
        .stamp = {.term = args->term, .round = e->round, .sent_ms = e->now_ms},
        .append = {.prev_index = args->prev_log_index,
                   .prev_term = args->prev_log_term,
                   .commit = args->leader_commit,
                   .stored = engine_stored(e)}};
    struct peer_entry *entries = mem_array(args->n_entries, sizeof(*entries));
    size_t count = 0;
    size_t bytes = 0;
    for (unsigned i = 0; i < args->n_entries; i++) {
        const struct tail_entry *kept = tail_get(&e->tail, args->prev_log_index + 1 + i);
        MUST(kept != NULL); /* libraft's trail and the tail are trimmed together */
        if (count > 0 && bytes + kept->size > APPEND_BYTES_MAX) {
            send_append_part(e, &out, entries, count);
            count = 0;
            bytes = 0;
        }
        entries[count] = (struct peer_entry){
            .term = kept->term, .type = kept->type, .data = kept->data, .size = kept->size};
        count++;
        bytes += kept->size;
    }
    send_append_part(e, &out, entries, count);
    mem_free(entries);
}

static void send_other(struct engine *e, const struct raft_message *m)
{
    struct peer_message out = {.from = e->settings.id, .to = m->server_id};
    if (m->type == RAFT_REQUEST_VOTE) {
        out.kind = PEER_VOTE;
        out.term = m->request_vote.term;
        out.vote = (struct peer_vote){.last_index = m->request_vote.last_log_index,
                                      .last_term = m->request_vote.last_log_term,
                                      .disrupt_leader = m->request_vote.disrupt_leader,
                                      .pre_vote = m->request_vote.pre_vote};
    } else {
        MUST(m->type == RAFT_TIMEOUT_NOW);
        out.kind = PEER_TIMEOUT_NOW;
        out.term = m->timeout_now.term;
        out.timeout_now = (struct peer_timeout_now){.last_index = m->timeout_now.last_log_index,
                                                    .last_term = m->timeout_now.last_log_term};
    }
    e->sink.send(e->sink.ctx, &out);
}

static void carry_out_message(struct engine *e, const struct raft_message *m)
{
    switch (m->type) {
        case RAFT_APPEND_ENTRIES:
            send_append(e, m);
            return;
        case RAFT_APPEND_ENTRIES_RESULT:
            engine_send_append_result(e, m);
            return;
        case RAFT_REQUEST_VOTE_RESULT:
            engine_send_vote_result(e, m);
            return;
        case RAFT_INSTALL_SNAPSHOT:
            /* W13: the fields are uninitialised; the owner ships the newest snapshot it has, once.
             */
            e->sink.want_snapshot(e->sink.ctx, m->server_id);
            return;
        case RAFT_REQUEST_VOTE:
        case RAFT_TIMEOUT_NOW:
            send_other(e, m);
            return;
    }
    UNREACHABLE("every kind of message has a row");
}

/* The beginning and the end of a leadership. */
static void note_leadership(struct engine *e)
{
    bool leads = raft_state(&e->raft) == RAFT_LEADER;
    if (leads == e->leading) {
        return;
    }
    e->leading = leads;
    e->transfer_to = 0;
    e->established_at = 0;
    memset(e->heard, 0, sizeof(e->heard));
    if (!leads) {
        e->heard_leader_ms = e->now_ms; /* its own, until now */
        return;
    }
    e->leading_since_ms = e->now_ms;
    e->next_beat_ms = e->now_ms + e->settings.heartbeat_ms;
    uint64_t last = tail_last(&e->tail);
    if (tail_term(&e->tail, last) == raft_current_term(&e->raft)) {
        e->established_at = last; /* libraft's own barrier: the log had uncommitted entries */
    } else {
        (void)engine_submit_barrier(e); /* which comes back here with e->leading set */
        e->established_at = tail_last(&e->tail);
    }
}

static void note_commit(struct engine *e)
{
    bool counts = !e->in_doubt || raft_state(&e->raft) != RAFT_LEADER;
    uint64_t commit = counts ? raft_commit_index(&e->raft) : 0;
    e->commit = commit > e->commit ? commit : e->commit; /* W6 */
}

bool engine_step(struct engine *e, struct raft_event *event)
{
    if (e->failed) {
        return false;
    }
    struct raft_update update = {0};
    event->time = e->now_ms;
    int rv = raft_step(&e->raft, event, &update);
    if (rv != 0 && (event->type == RAFT_SUBMIT || event->type == RAFT_TRANSFER)) {
        return false; /* refused, and nothing has changed */
    }
    if (rv != 0) {
        fatal(e, ERR_CORRUPT, raft_strerror(rv)); /* W15 */
        return false;
    }
    if ((update.flags & (RAFT_UPDATE_CURRENT_TERM)) != 0 ||
        (update.flags & (RAFT_UPDATE_VOTED_FOR)) != 0) {
        carry_out_hard(e);
    }
    if ((update.flags & (RAFT_UPDATE_ENTRIES)) != 0) {
        carry_out_entries(e, &update);
    }
    if ((update.flags & (RAFT_UPDATE_SNAPSHOT)) != 0) {
        carry_out_install(e, &update);
    }
    for (unsigned i = 0; i < update.messages.n; i++) {
        carry_out_message(e, &update.messages.batch[i]);
    }
    note_commit(e);
    note_leadership(e);
    return !e->failed;
}

/* --- start --- */

/* The newest membership on disk: the last CHANGE of the log, else the snapshot's. @out is empty for
 * a node that has none, as one that was just asked to join; false: malformed. */
static bool newest_members(const struct store_image *image, struct members *out, struct buf *keep,
                           uint64_t *ret_index)
{
    const void *bytes = image->snapshot.conf.bytes;
    size_t size = image->snapshot.conf.size;
    *ret_index = image->snapshot.conf_index;
    *out = (struct members){0};
    struct store_entry entry;
    size_t at = 0;
    while (image->content != NULL && store_batch_next_entry(image->content, &at, &entry)) {
        if (entry.type == ENTRY_CHANGE && entry.index > *ret_index) {
            bytes = entry.data;
            size = entry.size;
            *ret_index = entry.index;
        }
    }
    bool nothing = image->snapshot.index == 0 && image->log_last < image->log_first;
    return (nothing && size == 0) || members_decode(bytes, size, out, keep, NULL) == 0;
}

bool engine_hard_before_start(const struct store_image *image, uint64_t id, struct store_hard *hard)
{
    *hard = image->hard;
    struct buf keep = {0};
    struct members members;
    uint64_t index = 0;
    size_t voters = 0;
    bool voter = false;
    bool readable = newest_members(image, &members, &keep, &index);
    for (size_t i = 0; readable && i < members.count; i++) {
        bool votes = members.at[i].role == MEMBER_VOTER;
        voters += votes ? 1 : 0;
        voter = voter || (votes && members.at[i].id == id);
    }
    buf_close(&keep);
    if (!voter || voters != 1) {
        return false;
    }
    *hard = (struct store_hard){.term = image->hard.term + 1, .vote = id}; /* W7 */
    return true;
}

static bool start_entries(struct engine *e, const struct store_image *image,
                          struct raft_event *event)
{
    tail_reset(&e->tail, image->log_first > 0 ? image->log_first : 1,
               image->log_first == image->snapshot.index + 1 ? image->snapshot.term : 0);
    struct store_entry entry;
    size_t at = 0;
    while (image->content != NULL && store_batch_next_entry(image->content, &at, &entry)) {
        if (entry.type == ENTRY_CHANGE && !members_bytes_valid(entry.data, entry.size)) {
            return false; /* W15 */
        }
        tail_append(&e->tail, entry.term, entry.type, entry.data, entry.size);
    }
    /* libraft reads terms and memberships from these; the array stays ours, but on an error it is
     * freed. */
    struct raft_entry *entries =
        e->tail.count > 0 ? raft_calloc(e->tail.count, sizeof(*entries)) : NULL;
    for (size_t i = 0; i < e->tail.count; i++) {
        const struct tail_entry *kept = tail_get(&e->tail, e->tail.first + i);
        entries[i] = (struct raft_entry){.term = kept->term,
                                         .type = (enum raft_entry_type)kept->type,
                                         .buf = {.base = kept->data, .len = kept->size}};
    }
    event->start.start_index = e->tail.first;
    event->start.entries = entries;
    event->start.n_entries = (unsigned)e->tail.count;
    return true;
}

/* Every CHANGE that the state table has applied is committed: tell libraft before it hears of a
 * newer one (W2). */
static void confirm_members(struct engine *e)
{
    uint64_t index = e->raft.configuration_uncommitted_index;
    if (index != 0 && index <= e->applied) {
        engine_applied(e, e->now_ms, index);
    }
}

void engine_start(struct engine *e, uint64_t now_ms, const struct store_image *image,
                  const struct store_hard *hard)
{
    engine_set_now(e, now_ms);
    e->heard_leader_ms = e->now_ms;
    e->applied = image->applied_index;
    e->commit =
        image->applied_index; /* what is applied was committed; libraft begins at its snapshot */
    struct raft_event event = {.type = RAFT_START,
                               .start = {.term = hard->term, .voted_for = hard->vote}};
    struct raft_snapshot_metadata meta = {.index = image->snapshot.index,
                                          .term = image->snapshot.term,
                                          .configuration_index = image->snapshot.conf_index};
    struct buf keep = {0};
    struct members members;
    uint64_t newest = 0;
    bool readable = newest_members(image, &members, &keep, &newest);
    buf_close(&keep);
    if (readable && image->snapshot.index > 0) {
        readable = members_decode(image->snapshot.conf.bytes, image->snapshot.conf.size, &members,
                                  &keep, NULL) == 0;
        if (readable) {
            members_to_raft(&members, &meta.configuration); /* libraft keeps it */
            event.start.metadata = &meta;
        }
        buf_close(&keep);
    }
    if (!readable || !start_entries(e, image, &event)) {
        raft_configuration_close(&meta.configuration);
        fatal(e, ERR_CORRUPT,
              "a membership on disk is malformed; put the directory away and start again: the node "
              "joins as a new member");
        return;
    }
    e->newest_change = newest;
    bool alive = engine_step(e, &event);
    if (alive) {
        raft_free(event.start.entries);
        confirm_members(e);
    }
}

/* --- time (W10) --- */

void engine_allow_campaign(struct engine *e, bool allowed)
{
    e->may_campaign = allowed;
}

void engine_doubt(struct engine *e, bool in_doubt)
{
    e->in_doubt = in_doubt;
    note_commit(e);
}

static uint64_t due_ms(const struct engine *e)
{
    if (e->leading) {
        return e->next_beat_ms; /* libraft's own answer loops for members it does not send to */
    }
    uint64_t due = raft_timeout(&e->raft);
    if (!e->may_campaign && due <= e->now_ms) {
        return e->now_ms + e->settings.heartbeat_ms;
    }
    return due;
}

uint64_t engine_next_tick_ms(const struct engine *e, uint64_t now_ms)
{
    uint64_t due = due_ms(e);
    return due > now_ms ? due : now_ms + 1;
}

/* W9: a candidate that has lost asks first before it disturbs a term again, also if it was told to
 * disturb a leader once. libraft's would raise the term with each timeout. */
static void ask_before_next_term(struct engine *e)
{
    struct raft *r = &e->raft;
    if (raft_state(r) == RAFT_CANDIDATE && raft_timeout(r) <= e->now_ms) {
        r->candidate_state.in_pre_vote = true;
        r->candidate_state.disrupt_leader = false;
    }
}

static void timeout(struct engine *e)
{
    ask_before_next_term(e);
    struct raft_event event = {.type = RAFT_TIMEOUT};
    (void)engine_step(e, &event);
}

void engine_tick(struct engine *e, uint64_t now_ms)
{
    engine_set_now(e, now_ms);
    if (e->failed || due_ms(e) > e->now_ms) {
        return;
    }
    if (e->leading) {
        uint64_t beats = (e->now_ms - e->next_beat_ms) / e->settings.heartbeat_ms + 1;
        e->next_beat_ms += beats * e->settings.heartbeat_ms;
    }
    timeout(e);
    engine_member_tick(e);
}

/* --- proposals and what becomes of them --- */

int engine_submit(struct engine *e, uint64_t now_ms, const struct peer_entry *entries, size_t count,
                  struct err *err)
{
    engine_set_now(e, now_ms);
    MUST(count > 0);
    if (!e->leading || e->failed ||
        e->transfer_to != 0) { /* W11: nothing new while the heir catches up */
        return err_set(err, ERR_NOT_LEADER, "%s",
                       e->transfer_to != 0 ? "leadership is being handed over" : "not the leader");
    }
    struct raft_entry *proposed = mem_array(count, sizeof(*proposed));
    void *token = engine_batch_token();
    for (size_t i = 0; i < count; i++) {
        proposed[i] = (struct raft_entry){
            .term = raft_current_term(&e->raft),
            .type = (enum raft_entry_type)entries[i].type,
            .buf = {.base = (void *)(uintptr_t)entries[i].data, .len = entries[i].size},
            .batch = token};
    }
    struct raft_event event = {.type = RAFT_SUBMIT,
                               .submit = {.entries = proposed, .n = (unsigned)count}};
    bool accepted = engine_step(e, &event);
    mem_free(proposed);
    if (!accepted) {
        raft_free(token);
        return err_set(err, e->failed ? ERR_CLOSED : ERR_NOT_LEADER, "%s",
                       e->failed ? "the store has failed" : "not the leader");
    }
    return 0;
}

const struct store_entry *engine_next_committed(const struct engine *e, uint64_t applied,
                                                struct store_entry *out)
{
    uint64_t index = applied + 1;
    if (e->installing.index != 0 || index > engine_commit(e)) {
        return NULL;
    }
    const struct tail_entry *kept = tail_get(&e->tail, index);
    MUST(kept != NULL); /* what is not applied yet is not trimmed */
    *out = (struct store_entry){.index = index,
                                .term = kept->term,
                                .type = kept->type,
                                .data = kept->data,
                                .size = kept->size};
    return out;
}

void engine_applied(struct engine *e, uint64_t now_ms, uint64_t index)
{
    engine_set_now(e, now_ms);
    e->applied = index > e->applied ? index : e->applied;
    const struct tail_entry *kept = tail_get(&e->tail, index);
    if (kept == NULL || kept->type != ENTRY_CHANGE || e->failed) {
        return;
    }
    struct raft_event event = {.type = RAFT_CONFIGURATION, .configuration = {.index = index}};
    struct raft_buffer bytes = {.base = kept->data, .len = kept->size};
    int rv = raft_configuration_decode(&bytes, &event.configuration.conf); /* libraft keeps it */
    MUST(rv == 0); /* it was checked on its way in */
    (void)engine_step(e, &event);
}

/* --- questions --- */

enum engine_role engine_role(const struct engine *e)
{
    switch (e->raft.state) {
        case RAFT_LEADER:
            return ENGINE_LEADER;
        case RAFT_CANDIDATE:
            return ENGINE_CANDIDATE;
        default:
            return ENGINE_FOLLOWER;
    }
}

uint64_t engine_term(const struct engine *e)
{
    return raft_current_term(&e->raft);
}

uint64_t engine_leader(const struct engine *e)
{
    if (e->leading) {
        return e->settings.id;
    }
    bool follows = e->raft.state == RAFT_FOLLOWER;
    return follows ? e->raft.follower_state.current_leader.id : 0;
}

uint64_t engine_commit(const struct engine *e)
{
    uint64_t stored = engine_stored(e);
    return e->commit < stored ? e->commit
                              : stored; /* libraft's runs ahead of the disk on followers */
}

uint64_t engine_known_commit(const struct engine *e)
{
    return e->commit;
}

uint64_t engine_last(const struct engine *e)
{
    return tail_last(&e->tail);
}

uint64_t engine_stored(const struct engine *e)
{
    return e->raft.last_stored;
}

void engine_snapshot(const struct engine *e, uint64_t *ret_index, uint64_t *ret_term)
{
    *ret_index = e->raft.trail.snapshot.index;
    *ret_term = e->raft.trail.snapshot.term;
}

void engine_stamp(struct engine *e, uint64_t now_ms, struct peer_stamp *out)
{
    engine_set_now(e, now_ms);
    e->round++;
    *out = (struct peer_stamp){
        .term = raft_current_term(&e->raft), .round = e->round, .sent_ms = e->now_ms};
}

uint64_t engine_round(const struct engine *e)
{
    return e->round;
}

size_t engine_bytes(const struct engine *e)
{
    return e->tail.bytes;
}

uint64_t engine_first(const struct engine *e)
{
    return e->tail.first;
}

uint64_t engine_entry_term(const struct engine *e, uint64_t index)
{
    return tail_term(&e->tail, index);
}

bool engine_is_established(const struct engine *e)
{
    return e->leading && e->established_at != 0 && engine_commit(e) >= e->established_at;
}

bool engine_installing(const struct engine *e)
{
    return e->installing.index != 0;
}

uint64_t engine_led_until_ms(const struct engine *e)
{
    bool has_votes = e->votes_term == raft_current_term(&e->raft);
    uint64_t votes_ms = has_votes ? e->votes_led_until_ms : 0;
    /* The own vote, and the only one of a sole voter: what it followed or led itself. */
    return votes_ms > e->heard_leader_ms ? votes_ms : e->heard_leader_ms;
}

uint64_t engine_established_at(const struct engine *e)
{
    return e->leading ? e->established_at : 0;
}

uint64_t engine_silence_ms(const struct engine *e, uint64_t now_ms)
{
    return e->leading ? 0 : now_ms - e->heard_leader_ms;
}
