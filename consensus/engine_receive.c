/* consensus/engine_receive.c - what a peer says, made fit for libraft.
 *
 * Rules here: W1 (old terms never reach it), W2 (a membership entry starts its own message), W4 (a
 * message that begins before our snapshot), W5 (late refusals), W6 (the commit index it is told),
 * W8 (votes of a member that does not know yet that it is a voter), W9 (pre-votes), W13 (one
 * snapshot at a time), W15 (malformed memberships). */
#include "base/mem.h"
#include "base/must.h"
#include "consensus/engine_internal.h"

#define MESSAGE_VERSION 2

static bool step_message(struct engine *e, struct raft_message *m)
{
    struct raft_event event = {.type = RAFT_RECEIVE, .receive = {.message = m}};
    return engine_step(e, &event);
}

static struct raft_message message_from(const struct peer_message *in, enum raft_message_type type)
{
    return (struct raft_message){.type = type, .server_id = in->from, .server_address = NO_ADDRESS};
}

/* --- answers on their way out --- */

void engine_send_append_result(struct engine *e, const struct raft_message *m)
{
    const struct raft_append_entries_result *r = &m->append_entries_result;
    e->refused = e->refused || r->rejected > 0;
    if (m->server_id == 0) {
        return; /* W8 has made libraft forget its leader, but not that there was one */
    }
    struct peer_message out = {
        .kind = PEER_APPEND_RESULT,
        .from = e->settings.id,
        .to = m->server_id,
        .term = r->term,
        .stamp = e->echo,
        .append_result = {.rejected = r->rejected, .last_index = r->last_log_index}};
    e->sink.send(e->sink.ctx, &out);
}

/* The log of a candidate is at least as good as ours (Raft, 5.4.1). */
static bool candidate_is_current(const struct engine *e, const struct peer_vote *vote)
{
    uint64_t last = tail_last(&e->tail);
    uint64_t term = last > 0 ? tail_term(&e->tail, last) : 0;
    return vote->last_term > term || (vote->last_term == term && vote->last_index >= last);
}

/* W8: a member that is no voter by its own log may be one by the candidate's, which is what counts
 * (thesis 4.1); libraft refuses, and a cluster whose newest voter has not heard of its promotion
 * would be without a leader. */
static bool grants_as_non_voter(const struct engine *e, const struct peer_message *request)
{
    const struct peer_vote *vote = &request->vote;
    struct raft *r = (struct raft *)(uintptr_t)&e->raft; /* raft_role() only reads */
    bool has_leader = r->state != RAFT_FOLLOWER || r->follower_state.current_leader.id != 0;
    if (raft_role(r) == RAFT_VOTER || e->installing.index != 0 ||
        (has_leader && !vote->disrupt_leader)) {
        return false;
    }
    bool free_to_vote = r->voted_for == 0 || r->voted_for == request->from;
    bool in_term = vote->pre_vote ? request->term >= r->current_term
                                  : request->term == r->current_term && free_to_vote;
    return r->state == RAFT_FOLLOWER && in_term && candidate_is_current(e, vote);
}

void engine_send_vote_result(struct engine *e, const struct raft_message *m)
{
    const struct raft_request_vote_result *r = &m->request_vote_result;
    const struct peer_message *request = e->answering;
    MUST(request != NULL);
    struct peer_message out = {.kind = PEER_VOTE_RESULT,
                               .from = e->settings.id,
                               .to = m->server_id,
                               .term = r->term,
                               .vote_result = {.granted = r->vote_granted,
                                               .pre_vote = r->pre_vote,
                                               .silence_ms = engine_silence_ms(e, e->now_ms)}};
    if (!r->vote_granted && grants_as_non_voter(e, request)) {
        out.vote_result.granted = true;
        if (!request->vote.pre_vote) {
            e->raft.voted_for = request->from;
            struct store_hard hard = {.term = raft_current_term(&e->raft), .vote = request->from};
            e->sink.write_hard(e->sink.ctx, &hard);
        }
    }
    if (r->pre_vote && !out.vote_result.granted && out.term < raft_current_term(&e->raft)) {
        out.term = raft_current_term(
            &e->raft); /* W9: libraft echoes the request's, and the candidate never learns */
    }
    e->sink.send(e->sink.ctx, &out);
}

/* --- APPEND --- */

/* W1: the answer to an older term. libraft's own carries a length from uninitialised memory. */
static void refuse_old_term(struct engine *e, const struct peer_message *in)
{
    struct peer_message out = {.kind = PEER_APPEND_RESULT,
                               .from = e->settings.id,
                               .to = in->from,
                               .term = raft_current_term(&e->raft),
                               .append_result = {.rejected = 1, .last_index = 0}};
    e->sink.send(e->sink.ctx, &out);
}

/* A leader of our term or a newer one has spoken. */
static void heard_leader(struct engine *e, const struct peer_message *in)
{
    e->heard_leader_ms = e->now_ms;
    bool newer = in->stamp.term > e->echo.term ||
                 (in->stamp.term == e->echo.term && in->stamp.round > e->echo.round);
    /* A stamp speaks for the leadership that sends it: the rounds of another node in a later term
     * would prove there what nobody was asked. */
    if (newer && in->stamp.term == in->term) {
        e->echo = in->stamp;
    }
}

/* W4: what lies before our snapshot is committed and need not match a log that is gone. */
static struct peer_append from_snapshot_on(const struct engine *e, const struct peer_append *in)
{
    struct peer_append append = *in;
    uint64_t snapshot = e->raft.trail.snapshot.index;
    if (e->installing.index != 0 || append.prev_index >= snapshot ||
        append.prev_index >= e->tail.first) {
        return append;
    }
    uint64_t skip = snapshot - append.prev_index;
    skip = skip < append.count ? skip : append.count;
    append.entries = skip > 0 ? append.entries + skip : append.entries; /* NULL in a heartbeat */
    append.count -= skip;
    append.prev_index = snapshot;
    append.prev_term = e->raft.trail.snapshot.term;
    return append;
}

/* W2: libraft records a wrong index for a membership that is not the first entry of its message. */
static size_t part_size(const struct peer_append *append, size_t from)
{
    size_t size = 1;
    while (from + size < append->count && append->entries[from + size].type != ENTRY_CHANGE) {
        size++;
    }
    return size;
}

/* W2: a second membership proves the first one committed; libraft must hear of it before it sees
 * the second. */
static void confirm_before(struct engine *e, uint64_t index, uint64_t prev_term,
                           const struct peer_entry *first)
{
    uint64_t uncommitted = e->raft.configuration_uncommitted_index;
    bool is_new = first->type == ENTRY_CHANGE && tail_term(&e->tail, index) != first->term;
    bool follows_ours = tail_term(&e->tail, index - 1) == prev_term;
    if (e->installing.index != 0) {
        return; /* the log with the first one is gone, and libraft ignores the second for now */
    }
    if (!is_new || !follows_ours || uncommitted == 0 || uncommitted >= index) {
        return;
    }
    const struct tail_entry *kept = tail_get(&e->tail, uncommitted);
    MUST(kept != NULL);
    struct raft_event event = {.type = RAFT_CONFIGURATION, .configuration = {.index = uncommitted}};
    struct raft_buffer bytes = {.base = kept->data, .len = kept->size};
    int rv = raft_configuration_decode(&bytes, &event.configuration.conf);
    MUST(rv == 0);
    (void)engine_step(e, &event);
}

/* W6: libraft takes min(commit told, end of the message), even if that is behind what it knows. */
static uint64_t commit_to_tell(const struct engine *e, uint64_t told, uint64_t end)
{
    uint64_t known = raft_commit_index(&e->raft);
    return end <= known && told > known ? known : told;
}

/* One message of libraft's: entries [from, from + count) of @append. False: refused or failed, say
 * no more. */
static bool feed_part(struct engine *e, const struct peer_message *in,
                      const struct peer_append *append, size_t from, size_t count)
{
    uint64_t prev_index = append->prev_index + from;
    uint64_t prev_term = from > 0 ? append->entries[from - 1].term : append->prev_term;
    struct raft_entry *entries = count > 0 ? mem_array(count, sizeof(*entries)) : NULL;
    void *token = count > 0 ? engine_batch_token() : NULL;
    for (size_t i = 0; i < count; i++) {
        const struct peer_entry *entry = &append->entries[from + i];
        entries[i] =
            (struct raft_entry){.term = entry->term,
                                .type = (enum raft_entry_type)entry->type,
                                .buf = {.base = (void *)(uintptr_t)entry->data, .len = entry->size},
                                .batch = token};
    }
    struct raft_message m = message_from(in, RAFT_APPEND_ENTRIES);
    m.append_entries = (struct raft_append_entries){
        .version = MESSAGE_VERSION,
        .term = in->term,
        .prev_log_index = prev_index,
        .prev_log_term = prev_term,
        .leader_commit = commit_to_tell(e, append->commit, prev_index + count),
        .entries = entries,
        .n_entries = (unsigned)count};
    e->refused = false;
    bool alive = step_message(e, &m);
    mem_free(entries);
    return alive && !e->refused;
}

static bool entries_valid(const struct peer_append *append, uint64_t message_term)
{
    uint64_t term = append->prev_term;
    for (size_t i = 0; i < append->count; i++) {
        const struct peer_entry *entry = &append->entries[i];
        if (entry->term == 0 || entry->term < term || entry->term > message_term ||
            entry->type < ENTRY_COMMAND || entry->type > ENTRY_CHANGE) {
            return false;
        }
        if (entry->type == ENTRY_CHANGE && !members_bytes_valid(entry->data, entry->size)) {
            return false; /* W15 */
        }
        term = entry->term;
    }
    return (append->prev_index == 0) == (append->prev_term == 0);
}

static void receive_append(struct engine *e, const struct peer_message *in)
{
    if (in->term < raft_current_term(&e->raft)) {
        refuse_old_term(e, in);
        return;
    }
    bool same_term_leader = e->leading && in->term == raft_current_term(&e->raft);
    if (same_term_leader || in->term == 0 || !entries_valid(&in->append, in->term)) {
        return; /* nobody of this cluster sends that */
    }
    heard_leader(e, in);
    struct peer_append append = from_snapshot_on(e, &in->append);
    if (append.count > 0 && append.entries[0].term < append.prev_term) {
        return; /* nobody of this cluster: what follows our snapshot is not older than it */
    }
    if (append.count == 0) {
        (void)feed_part(e, in, &append, 0, 0);
        return;
    }
    size_t from = 0;
    bool go_on = true;
    while (go_on && from < append.count) {
        size_t count = part_size(&append, from);
        uint64_t prev_term = from > 0 ? append.entries[from - 1].term : append.prev_term;
        confirm_before(e, append.prev_index + from + 1, prev_term, &append.entries[from]);
        go_on = feed_part(e, in, &append, from, count) && e->installing.index == 0;
        from += count;
    }
}

/* --- the others --- */

static void receive_append_result(struct engine *e, const struct peer_message *in)
{
    uint64_t term = raft_current_term(&e->raft);
    if (!e->leading || (in->term == term && in->stamp.term != term)) {
        return; /* W1: an answer to a message of an older leadership */
    }
    if (in->term == term) {
        engine_heard_from(e, in->from);
    }
    struct raft_message m = message_from(in, RAFT_APPEND_ENTRIES_RESULT);
    m.append_entries_result =
        (struct raft_append_entries_result){.version = MESSAGE_VERSION,
                                            .term = in->term,
                                            .rejected = in->append_result.rejected,
                                            .last_log_index = in->append_result.last_index};
    uint64_t match = engine_match(e, in->from);
    if (in->append_result.rejected > 0 && in->append_result.rejected <= match) {
        m.append_entries_result.rejected =
            0; /* W5: late; libraft would go below what it knows to match */
        m.append_entries_result.last_log_index = 0;
    }
    (void)step_message(e, &m);
    engine_member_tick(e);
}

static void receive_vote(struct engine *e, const struct peer_message *in)
{
    struct raft *r = &e->raft;
    bool silent = e->now_ms - e->heard_leader_ms >= e->settings.election_timeout_ms;
    if (raft_role(r) != RAFT_VOTER && r->state == RAFT_FOLLOWER && silent) {
        r->follower_state.current_leader.id =
            0; /* W8: libraft forgets a leader only with a voter's own timer */
    }
    struct raft_message m = message_from(in, RAFT_REQUEST_VOTE);
    m.request_vote = (struct raft_request_vote){.version = MESSAGE_VERSION,
                                                .term = in->term,
                                                .candidate_id = in->from,
                                                .last_log_index = in->vote.last_index,
                                                .last_log_term = in->vote.last_term,
                                                .disrupt_leader = in->vote.disrupt_leader,
                                                .pre_vote = in->vote.pre_vote};
    uint64_t term = raft_current_term(r);
    e->answering = in;
    (void)step_message(e, &m);
    e->answering = NULL;
    if (raft_current_term(r) > term && r->state == RAFT_FOLLOWER) {
        /* W9: libraft remembers the leader of the old term, and would deny pre-votes for its sake
         * until its own timer fires, which each vote for a candidate that loses puts off. */
        r->follower_state.current_leader.id = 0;
    }
}

/* Safety A4: whoever a giver of our votes followed last, it was no later than this. */
static void note_vote(struct engine *e, const struct peer_message *in)
{
    const struct peer_vote_result *vote = &in->vote_result;
    if (!vote->granted || vote->pre_vote || in->term != raft_current_term(&e->raft)) {
        return;
    }
    if (e->votes_term != in->term) {
        e->votes_term = in->term;
        e->votes_led_until_ms = 0;
    }
    uint64_t silence_ms = vote->silence_ms < e->now_ms ? vote->silence_ms : e->now_ms;
    uint64_t until_ms = e->now_ms - silence_ms;
    e->votes_led_until_ms = until_ms > e->votes_led_until_ms ? until_ms : e->votes_led_until_ms;
}

static void receive_vote_result(struct engine *e, const struct peer_message *in)
{
    if (raft_state(&e->raft) != RAFT_CANDIDATE) {
        return; /* W9: libraft would read a candidate's field in another state's union */
    }
    note_vote(e, in);
    struct raft_message m = message_from(in, RAFT_REQUEST_VOTE_RESULT);
    m.request_vote_result =
        (struct raft_request_vote_result){.version = MESSAGE_VERSION,
                                          .term = in->term,
                                          .vote_granted = in->vote_result.granted,
                                          .pre_vote = in->vote_result.pre_vote};
    (void)step_message(e, &m);
}

static void receive_timeout_now(struct engine *e, const struct peer_message *in)
{
    if (!e->may_campaign) {
        return; /* safety E1: the one who hands over will find out in an election timeout */
    }
    struct raft_message m = message_from(in, RAFT_TIMEOUT_NOW);
    m.timeout_now = (struct raft_timeout_now){.version = MESSAGE_VERSION,
                                              .term = in->term,
                                              .last_log_index = in->timeout_now.last_index,
                                              .last_log_term = in->timeout_now.last_term};
    (void)step_message(e, &m);
}

/* All rows are staged; libraft decides whether the snapshot is news. */
static void receive_snapshot(struct engine *e, const struct peer_message *in)
{
    if (in->term < raft_current_term(&e->raft)) {
        refuse_old_term(e, in);
        return;
    }
    struct buf keep = {0};
    struct members members;
    bool valid =
        members_decode(in->snapshot.conf, in->snapshot.conf_size, &members, &keep, NULL) == 0;
    bool busy = e->installing.index != 0; /* W13: libraft leaks a second one */
    bool same_term_leader = e->leading && in->term == raft_current_term(&e->raft);
    if (!valid || busy || same_term_leader || in->snapshot.index == 0 || in->snapshot.term == 0) {
        buf_close(&keep);
        return;
    }
    heard_leader(e, in);
    buf_clear(&e->installing_conf);
    buf_append(&e->installing_conf, in->snapshot.conf, in->snapshot.conf_size);
    e->installing = in->snapshot;
    e->installing.conf = e->installing_conf.bytes;
    struct raft_message m = message_from(in, RAFT_INSTALL_SNAPSHOT);
    m.install_snapshot = (struct raft_install_snapshot){.version = MESSAGE_VERSION,
                                                        .term = in->term,
                                                        .last_index = in->snapshot.index,
                                                        .last_term = in->snapshot.term,
                                                        .conf_index = in->snapshot.conf_index,
                                                        .data = {.base = raft_malloc(1), .len = 1}};
    members_to_raft(&members, &m.install_snapshot.conf);
    buf_close(&keep);
    if (step_message(e, &m) && !e->raft.snapshot.installing) {
        e->installing = (struct peer_snapshot){0}; /* no news */
    }
}

void engine_receive(struct engine *e, uint64_t now_ms, const struct peer_message *in)
{
    engine_set_now(e, now_ms);
    if (e->failed || in->from == 0 || in->from == e->settings.id || in->to != e->settings.id) {
        return;
    }
    switch (in->kind) {
        case PEER_APPEND:
            receive_append(e, in);
            return;
        case PEER_APPEND_RESULT:
            receive_append_result(e, in);
            return;
        case PEER_VOTE:
            receive_vote(e, in);
            return;
        case PEER_VOTE_RESULT:
            receive_vote_result(e, in);
            return;
        case PEER_TIMEOUT_NOW:
            receive_timeout_now(e, in);
            return;
        case PEER_SNAPSHOT:
            receive_snapshot(e, in);
            return;
        case PEER_CHUNK:
        case PEER_CHUNK_RESULT:
        case PEER_READ_INDEX:
        case PEER_READ_INDEX_RESULT:
        case PEER_KEEP_ALIVE:
        case PEER_KEEP_ALIVE_RESULT:
        case PEER_SOFT:
        case PEER_SOFT_RESULT:
        case PEER_HELLO:
        case PEER_HELLO_RESULT:
        case PEER_JOIN:
        case PEER_JOIN_RESULT:
        case PEER_FORM_HELLO:
        case PEER_FORM_PROPOSAL:
        case PEER_ASK:
        case PEER_ANSWER:
            return; /* the core's own: core.c */
    }
}
