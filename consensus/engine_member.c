/* consensus/engine_member.c - who belongs to the cluster, and who leads it.
 *
 * A membership changes by one member at a time, and each change asks first for everything that Raft
 * and libraft need for it to be safe (W12): the own term has committed something, the change before
 * it is committed and has reached every voter that is alive, the newcomer has caught up. The rules
 * look at the leader's own view and have no memory, so a change is simply asked for again until it
 * is granted.
 *
 * Rules here: W7 (never down to one voter), W11 (hand over only to a member that has everything),
 * W12. */
#include <inttypes.h>
#include <string.h>

#include "base/mem.h"
#include "base/must.h"
#include "consensus/engine_internal.h"
#include "proto/member.h"

/* --- who has been heard --- */

void engine_heard_from(struct engine *e, uint64_t member)
{
    struct engine_heard *oldest = &e->heard[0];
    for (size_t i = 0; i < ARRAY_LEN(e->heard); i++) {
        if (e->heard[i].member == member) {
            e->heard[i].at_ms = e->now_ms;
            return;
        }
        if (e->heard[i].member == 0 || e->heard[i].at_ms < oldest->at_ms) {
            oldest = &e->heard[i];
            if (oldest->member == 0) {
                break;
            }
        }
    }
    *oldest = (struct engine_heard){.member = member, .at_ms = e->now_ms};
}

/* A new leader takes everybody for alive until the time to answer has passed. */
static bool heard_lately(const struct engine *e, uint64_t member)
{
    uint64_t at_ms = e->leading_since_ms;
    for (size_t i = 0; i < ARRAY_LEN(e->heard); i++) {
        if (e->heard[i].member == member) {
            at_ms = e->heard[i].at_ms;
        }
    }
    return e->now_ms - at_ms <= UINT64_C(2) * e->settings.election_timeout_ms;
}

/* --- questions --- */

uint64_t engine_member_silence_ms(const struct engine *e, uint64_t now_ms, uint64_t member)
{
    for (size_t i = 0; e->leading && i < ARRAY_LEN(e->heard); i++) {
        if (e->heard[i].member == member && member != 0) {
            return now_ms > e->heard[i].at_ms ? now_ms - e->heard[i].at_ms : 0;
        }
    }
    return UINT64_MAX;
}

bool engine_is_changing(const struct engine *e)
{
    return e->leading && (e->transfer_to != 0 || e->raft.configuration_uncommitted_index != 0 ||
                          e->raft.leader_state.promotee_id != 0);
}

void engine_members(const struct engine *e, struct members *out)
{
    members_from_raft(&e->raft.configuration, out);
}

uint64_t engine_newest_change(const struct engine *e)
{
    return e->newest_change;
}

uint64_t engine_committed_change(const struct engine *e)
{
    return e->raft.configuration_committed_index;
}

uint64_t engine_committed_members(const struct engine *e, struct members *out)
{
    members_from_raft(&e->raft.configuration_committed, out);
    return e->raft.configuration_committed_index;
}

uint64_t engine_match(const struct engine *e, uint64_t member)
{
    raft_index match = 0;
    return e->leading && raft_match_index(&e->raft, member, &match) == 0 ? match : 0;
}

static unsigned count_voters(const struct raft_configuration *conf)
{
    unsigned voters = 0;
    for (unsigned i = 0; i < conf->n; i++) {
        voters += conf->servers[i].role == RAFT_VOTER ? 1 : 0;
    }
    return voters;
}

/* --- changes (W12) --- */

bool engine_submit_barrier(struct engine *e)
{
    static const unsigned char nothing[8];
    struct peer_entry barrier = {.type = ENTRY_BARRIER, .data = nothing, .size = sizeof(nothing)};
    return engine_submit(e, e->now_ms, &barrier, 1, NULL) == 0;
}

/* The change before this one has reached everybody it must; a member that never answers must not
 * stop the cluster for ever (safety D4), and the one that is to go need not have it. */
static bool settled(const struct engine *e, uint64_t leaving, uint64_t *ret_missing)
{
    const struct raft_configuration *conf = &e->raft.configuration;
    for (unsigned i = 0; i < conf->n; i++) {
        uint64_t id = conf->servers[i].id;
        bool counts = conf->servers[i].role == RAFT_VOTER && id != e->settings.id && id != leaving;
        if (counts && heard_lately(e, id) && engine_match(e, id) < e->newest_change) {
            *ret_missing = id;
            return false;
        }
    }
    return true;
}

static int is_catching_up(const struct engine *e, uint64_t id, struct err *err)
{
    struct members members;
    struct member_info info;
    engine_members(e, &members);
    const struct member *m = members_find(&members, id);
    bool named = m != NULL && member_info_decode(m->info, &info, NULL) == 0;
    return err_set(err, ERR_BUSY, "another member, %s (%016" PRIx64 "), is catching up",
                   named ? info.name : "of no readable name", id);
}

static int may_change(const struct engine *e, enum member_change change, uint64_t id,
                      struct err *err)
{
    if (!e->leading || e->failed || e->transfer_to != 0) {
        return err_set(err, ERR_NOT_LEADER, "not the leader, or handing leadership over");
    }
    if (!engine_is_established(e)) {
        return err_set(err, ERR_BUSY, "the new leader has not committed anything yet");
    }
    if (e->raft.configuration_uncommitted_index != 0) {
        return err_set(err, ERR_BUSY, "another change of membership is under way");
    }
    uint64_t promotee = e->raft.leader_state.promotee_id;
    if (promotee != 0) {
        return is_catching_up(e, promotee, err);
    }
    uint64_t missing = 0;
    if (!settled(e, change == CHANGE_REMOVE ? id : 0, &missing)) {
        return err_set(err, ERR_BUSY, "member %016llx has not stored the last change yet",
                       (unsigned long long)missing);
    }
    return 0;
}

/* libraft notices only when an answer brings something new, which on an idle cluster none does; and
 * it does not notice when the member goes silent afterwards. */
static bool has_caught_up(const struct engine *e, uint64_t id)
{
    int status = RAFT_CATCH_UP_NONE;
    bool finished = raft_catch_up(&e->raft, id, &status) == 0 && status == RAFT_CATCH_UP_FINISHED;
    bool has_all = engine_match(e, id) == tail_last(&e->tail);
    return (finished || has_all) && heard_lately(e, id);
}

/* W7: a single voter elects itself without a new term, so two could lead in one. */
static int loses_voter(const struct engine *e, const struct member *m, struct err *err)
{
    if (m->role != MEMBER_VOTER) {
        return 0;
    }
    if (count_voters(&e->raft.configuration) <= 2) {
        return err_set(err, ERR_REFUSED,
                       "this would leave one voter; see \"pgraftctl recover\" for the offline way");
    }
    if (m->id == e->settings.id) {
        return err_set(err, ERR_REFUSED, "the leader must hand leadership over first");
    }
    return 0;
}

static int add(struct members *members, uint64_t id, const char *info, struct err *err)
{
    if (id == 0 || members_clash(members, id, info)) {
        return err_set(err, ERR_EXISTS, "member %016llx or its text is there already",
                       (unsigned long long)id);
    }
    if (members->count == MEMBERS_MAX) {
        return err_set(err, ERR_TOO_LARGE, "a cluster has at most %d members", MEMBERS_MAX);
    }
    members->at[members->count] = (struct member){.id = id, .role = MEMBER_SPARE, .info = info};
    members->count++;
    return 0;
}

static int alter(const struct engine *e, struct members *members, enum member_change change,
                 struct member *m, const char *info, struct err *err)
{
    switch (change) {
        case CHANGE_ADD:
            break;
        case CHANGE_TO_STANDBY:
            if (loses_voter(e, m, err) != 0) {
                return ERR_REFUSED;
            }
            m->role = MEMBER_STANDBY;
            return 0;
        case CHANGE_TO_VOTER:
            if (m->role != MEMBER_STANDBY || !has_caught_up(e, m->id)) {
                return err_set(err, ERR_REFUSED,
                               "only a standby that has caught up can get a vote");
            }
            m->role = MEMBER_VOTER;
            return 0;
        case CHANGE_REMOVE:
            if (loses_voter(e, m, err) != 0) {
                return ERR_REFUSED;
            }
            memmove(m, m + 1, (size_t)(&members->at[members->count] - (m + 1)) * sizeof(*m));
            members->count--;
            return 0;
        case CHANGE_INFO:
            if (members_clash(members, 0, info)) {
                return err_set(err, ERR_EXISTS, "another member has this text");
            }
            m->info = info;
            return 0;
    }
    UNREACHABLE("every change has a row");
}

int engine_change(struct engine *e, uint64_t now_ms, enum member_change change, uint64_t id,
                  const char *info, struct err *err)
{
    engine_set_now(e, now_ms);
    int code = may_change(e, change, id, err);
    if (code != 0) {
        return code;
    }
    struct members members;
    engine_members(e, &members);
    const struct member *known = members_find(&members, id);
    if (change == CHANGE_ADD) {
        code = add(&members, id, info, err);
    } else if (known == NULL) {
        code = err_set(err, ERR_NOT_FOUND, "there is no member %016llx", (unsigned long long)id);
    } else {
        code = alter(e, &members, change, &members.at[known - members.at], info, err);
    }
    if (code != 0) {
        return code;
    }
    struct buf bytes = {0};
    members_encode(&members, &bytes);
    struct peer_entry entry = {.type = ENTRY_CHANGE, .data = bytes.bytes, .size = bytes.size};
    code = engine_submit(e, e->now_ms, &entry, 1,
                         err); /* alone: a refused one in a batch leaves phantoms */
    buf_close(&bytes);
    return code;
}

int engine_catch_up(struct engine *e, uint64_t now_ms, uint64_t id, struct err *err)
{
    engine_set_now(e, now_ms);
    if (!e->leading || e->failed) {
        return err_set(err, ERR_NOT_LEADER, "not the leader");
    }
    struct members members;
    engine_members(e, &members);
    const struct member *m = members_find(&members, id);
    if (m == NULL ||
        m->role != MEMBER_STANDBY) { /* libraft checks nothing and would corrupt its state */
        return err_set(err, ERR_REFUSED, "only a standby catches up");
    }
    if (has_caught_up(e, id)) {
        return 1;
    }
    uint64_t promotee = e->raft.leader_state.promotee_id;
    if (promotee == id) {
        return 0;
    }
    if (promotee != 0) {
        return is_catching_up(e, promotee, err);
    }
    struct raft_event event = {.type = RAFT_CATCH_UP, .catch_up = {.server_id = id}};
    (void)engine_step(e, &event);
    return has_caught_up(e, id) ? 1 : 0;
}

/* --- handing over (W11) --- */

int engine_transfer(struct engine *e, uint64_t now_ms, uint64_t id, struct err *err)
{
    engine_set_now(e, now_ms);
    if (!e->leading || e->failed) {
        return err_set(err, ERR_NOT_LEADER, "not the leader");
    }
    struct members members;
    engine_members(e, &members);
    const struct member *m = members_find(&members, id);
    if (m == NULL || m->role != MEMBER_VOTER || id == e->settings.id) {
        return err_set(err, ERR_INVALID, "leadership can go to another voter only");
    }
    if (e->transfer_to != 0) {
        return err_set(err, ERR_BUSY, "leadership is being handed over already");
    }
    e->transfer_to = id;
    e->transfer_started = false;
    e->transfer_until_ms = e->now_ms + e->settings.election_timeout_ms;
    engine_member_tick(e);
    return 0;
}

void engine_member_tick(struct engine *e)
{
    if (e->transfer_to == 0 || !e->leading || e->failed) {
        return;
    }
    if (e->now_ms >= e->transfer_until_ms) {
        e->transfer_to = 0; /* libraft's own ends with the next beat */
        return;
    }
    if (e->transfer_started || engine_match(e, e->transfer_to) != tail_last(&e->tail)) {
        return; /* libraft tells the heir once, at its first answer, however far behind it is */
    }
    e->transfer_started = true;
    /* libraft counts from here, and refuses proposals until then. */
    e->transfer_until_ms = e->now_ms + e->settings.election_timeout_ms;
    struct raft_event event = {.type = RAFT_TRANSFER, .transfer = {.server_id = e->transfer_to}};
    if (!engine_step(e, &event)) {
        e->transfer_to = 0;
    }
}
