/* consensus/core_admit.c - asking for a place in the cluster, and giving it (safety D4).
 *
 *   wisher  JOIN --> a member --> the leader: one step of admit.h
 *           JOIN_RESULT <-- the same way, with what is still missing
 *
 * A node asks once an election timeout until its place is what its settings say, then it looks at
 * the membership from time to time. A leader keeps no list of wishes: each time it is asked it
 * takes the step that is next, so whatever a leader left half done the next one goes on with. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/must.h"
#include "consensus/admit.h"
#include "consensus/core_internal.h"

/* Who was silent for so many election timeouts is not in contact. */
#define ALIVE_TIMEOUTS 2
/* A node that has all it can have looks again after so many. */
#define LOOK_TIMEOUTS 20

/* --- the leader's side ------------------------------------------------------------------------ */

static uint64_t longest_lease_ms(const struct core *c)
{
    uint64_t longest = c->settings.lease_ms;
    struct machine_lease lease = {0};
    while (machine_lease_next(c->machine, lease.id, &lease)) {
        longest = lease.is_protected && lease.ttl_ms > longest ? lease.ttl_ms : longest;
    }
    return longest;
}

static void note_leader(struct core *c)
{
    struct core_admit *a = &c->admit;
    if (core_leads(c) && a->leading_term != engine_term(c->engine)) {
        a->leading_term = engine_term(c->engine);
        a->leading_ms = c->now_ms;
    }
}

/* A leader counts from its election: before that it may have missed whatever was said. */
static uint64_t silence_ms(struct core *c, uint64_t id)
{
    const struct core_peer *p = core_peer_find(c, id);
    uint64_t heard_ms = p != NULL ? p->heard_ms : 0;
    uint64_t since_ms = heard_ms > c->admit.leading_ms ? heard_ms : c->admit.leading_ms;
    return id == c->settings.id ? 0 : c->now_ms - since_ms;
}

static void look_at_world(struct core *c, struct admit_world *w)
{
    struct members members;
    engine_members(c->engine, &members);
    struct core_holders holders;
    core_lease_holders(c, false, &holders);
    *w = (struct admit_world){
        .leader = c->settings.id,
        .alive_ms = (uint64_t)ALIVE_TIMEOUTS * c->settings.election_timeout_ms,
        .replace_ms = admit_replace_ms(longest_lease_ms(c), c->settings.replace_after_ms),
        .voters_max = c->settings.voters_max,
        .count = members.count};
    for (size_t i = 0; i < members.count; i++) {
        struct admit_member *m = &w->at[i];
        m->id = members.at[i].id;
        m->role = members.at[i].role;
        m->silence_ms = silence_ms(c, m->id);
        m->holds_lease = core_lease_holds(&holders, m->id);
        if (member_info_decode(members.at[i].info, &m->info, NULL) != 0) {
            m->info = (struct member_info){.kind = MEMBER_DATABASE, .id = m->id}; /* of no name */
        }
    }
}

static int read_wish(const struct peer_join *join, struct admit_wish *wish, struct err *err)
{
    *wish = (struct admit_wish){.wish = (enum join_wish)join->wish,
                                .subject = join->subject,
                                .wants_vote = join->wants_vote,
                                .at_once = join->at_once};
    if (join->wish != JOIN_IN) {
        return 0;
    }
    int code = member_info_decode(join->text, &wish->info, err);
    if (code == 0 && wish->info.id != join->subject) {
        code = err_set(err, ERR_INVALID, "the text is another node's than the wish");
    }
    return code;
}

static int promote(struct core *c, uint64_t id, struct err *err)
{
    int code = engine_catch_up(c->engine, c->now_ms, id, err);
    return code == 1 ? engine_change(c->engine, c->now_ms, CHANGE_TO_VOTER, id, NULL, err) : code;
}

static int take_step(struct core *c, const struct admit_step *step, const char *text,
                     struct err *err)
{
    struct engine *e = c->engine;
    switch (step->action) {
        case ADMIT_NOTHING:
        case ADMIT_REFUSE:
            break;
        case ADMIT_ADD:
            return engine_change(e, c->now_ms, CHANGE_ADD, step->id, text, err);
        case ADMIT_DESCRIBE:
            return engine_change(e, c->now_ms, CHANGE_INFO, step->id, text, err);
        case ADMIT_TO_STANDBY:
            return engine_change(e, c->now_ms, CHANGE_TO_STANDBY, step->id, NULL, err);
        case ADMIT_PROMOTE:
            return promote(c, step->id, err);
        case ADMIT_REMOVE:
            return engine_change(e, c->now_ms, CHANGE_REMOVE, step->id, NULL, err);
        case ADMIT_HAND_OVER:
            return engine_transfer(e, c->now_ms, step->id, err);
    }
    UNREACHABLE("every action has a row");
}

int core_admit(struct core *c, uint64_t now_ms, const struct peer_join *join, struct err *err)
{
    c->now_ms = now_ms > c->now_ms ? now_ms : c->now_ms;
    if (!core_leads(c) || c->hello.refusal != CORE_WELCOME) {
        return err_set(err, ERR_NOT_LEADER, "only the leader changes the membership");
    }
    note_leader(c);
    struct admit_wish wish;
    int code = read_wish(join, &wish, err);
    if (code != 0) {
        return code;
    }
    if (wish.wish == JOIN_IN && core_hello_is_gone(c, wish.subject)) {
        return err_set(err, ERR_REFUSED,
                       "the id of %s was removed from the cluster and can not come back: discard "
                       "the node's directory and let it join as a new member",
                       wish.info.name);
    }
    struct admit_world *world = mem_zalloc(sizeof(*world));
    look_at_world(c, world);
    struct err why = {0};
    struct admit_step step = admit_next(world, &wish, &why);
    mem_free(world);
    if (why.msg[0] != '\0') {
        (void)err_set(err, why.code, "%s", why.msg);
    }
    if (step.action == ADMIT_REFUSE) {
        if (why.code == ERR_EXISTS) {
            core_event_name_taken(c, wish.subject, wish.info.address, why.msg);
        }
        return why.code;
    }
    if (step.action == ADMIT_NOTHING) {
        struct members members;
        uint64_t committed = engine_committed_members(c->engine, &members);
        return committed >= engine_newest_change(c->engine) ? 1 : 0;
    }
    char text[MEMBER_TEXT_SIZE] = "";
    return take_step(c, &step, wish.wish == JOIN_IN ? member_info_encode(&wish.info, text) : NULL,
                     err);
}

/* --- messages --------------------------------------------------------------------------------- */

static void answer(struct core *c, uint64_t to, const struct peer_join *join)
{
    struct err err = {0};
    int code = core_admit(c, c->now_ms, join, &err);
    struct peer_message m = {.kind = PEER_JOIN_RESULT,
                             .from = c->settings.id,
                             .to = to,
                             .term = engine_term(c->engine),
                             .join_result = {.subject = join->subject,
                                             .wisher = join->wisher,
                                             .wish = join->wish,
                                             .done = code == 1,
                                             .status = code < 0 ? code : 0,
                                             .reason = err.msg}};
    memcpy(m.join_result.cluster_id, c->hello.identity.cluster_id, CLUSTER_ID_SIZE);
    core_send(c, &m);
}

static void hear_wish(struct core *c, const struct peer_message *m)
{
    uint64_t leader = engine_leader(c->engine);
    if (core_leads(c)) {
        answer(c, m->from, &m->join);
        return;
    }
    if (m->join.passed_on || leader == 0 || leader == c->settings.id || leader == m->from) {
        return;
    }
    struct peer_message on = *m;
    on.from = c->settings.id;
    on.to = leader;
    on.join.passed_on = true;
    core_send(c, &on);
}

static void hear_result(struct core *c, const struct peer_message *m)
{
    const struct peer_join_result *result = &m->join_result;
    if (result->wisher != c->settings.id) {
        struct peer_message on = *m;
        on.from = c->settings.id;
        on.to = result->wisher;
        core_send(c, &on);
        return;
    }
    if (result->subject != c->settings.id || result->wish != JOIN_IN) {
        return;
    }
    if (result->status == 0) {
        core_hello_adopt(c, result->cluster_id);
    }
    struct core_admit *a = &c->admit;
    a->done = result->done;
    a->answer.code = result->status < 0 ? result->status : ERR_BUSY;
    (void)snprintf(a->answer.msg, sizeof(a->answer.msg), "%s", result->reason);
    if (result->status == ERR_EXISTS) {
        core_event_name_taken(c, c->settings.id, "", a->answer.msg);
    }
}

void core_admit_receive(struct core *c, const struct peer_message *m)
{
    if (m->kind == PEER_JOIN) {
        hear_wish(c, m);
    } else {
        hear_result(c, m);
    }
}

/* --- asking ----------------------------------------------------------------------------------- */

/* The leader, or the members and contacts in turn; 0: nobody is known. */
static uint64_t whom_to_ask(struct core *c)
{
    uint64_t leader = engine_leader(c->engine);
    struct core_admit *a = &c->admit;
    a->turns++;
    /* It may be one of long ago. */
    if (leader != 0 && leader != c->settings.id && a->turns % 4 != 0) {
        return leader;
    }
    a->others++;
    for (size_t i = 0; i < c->hello.count; i++) {
        const struct core_peer *p = &c->hello.peers[(a->others + i) % c->hello.count];
        if (p->memory.id != c->settings.id && (p->told || p->is_contact)) {
            return p->memory.id;
        }
    }
    return 0;
}

/* A node that loses its vote while it runs was demoted, and does not ask for it again. */
static bool wants_vote(const struct core *c)
{
    return c->settings.wants_vote && !c->admit.had_vote;
}

void core_admit_start(struct core *c)
{
    c->admit.since = engine_committed_change(c->engine);
    c->admit.seen = c->admit.since;
}

/* A membership may be committed and never applied: a snapshot with a later one takes its place. */
static void note_vote(struct core *c)
{
    struct members members;
    if (engine_committed_change(c->engine) == c->admit.seen) {
        return;
    }
    c->admit.seen = engine_committed_members(c->engine, &members);
    const struct member *me = members_find(&members, c->settings.id);
    bool votes = me != NULL && me->role == MEMBER_VOTER;
    c->admit.had_vote = c->admit.had_vote || (votes && c->admit.seen > c->admit.since);
}

/* Each time: a vote may be given and taken away between two looks at our place. But what the log
 * brings back of earlier lives is no vote of this one. */
void core_admit_membership(struct core *c, const void *conf, size_t size)
{
    if (c->applied.index < c->admit.since) {
        return;
    }
    struct members members;
    struct buf keep = {0};
    int code = members_decode(conf, size, &members, &keep, NULL);
    MUST(code == 0); /* W15: the engine let it pass */
    for (size_t i = 0; i < members.count; i++) {
        const struct member *m = &members.at[i];
        bool votes = m->id == c->settings.id && m->role == MEMBER_VOTER;
        c->admit.had_vote = c->admit.had_vote || votes;
    }
    buf_close(&keep);
}

static bool has_our_name(const struct core *c, const struct member *m)
{
    struct member_info info;
    return member_info_decode(m->info, &info, NULL) == 0 &&
           strcmp(info.name, c->settings.me.name) == 0;
}

/* Is this node what its settings say, and nobody else under its name? Only what is committed
 * counts: a vote that was in the log and was taken back with its leader was never lost. */
static bool has_place(struct core *c, const char *text)
{
    struct members members;
    (void)engine_committed_members(c->engine, &members);
    bool has = false;
    for (size_t i = 0; i < members.count; i++) {
        const struct member *m = &members.at[i];
        if (m->id == c->settings.id) {
            bool votes = m->role == MEMBER_VOTER;
            c->admit.had_vote = c->admit.had_vote || votes;
            bool as_wished = votes || (m->role == MEMBER_STANDBY && !wants_vote(c));
            has = as_wished && strcmp(m->info, text) == 0;
        } else if (has_our_name(c, m)) {
            return false;
        }
    }
    return has;
}

static void ask(struct core *c, const char *text)
{
    struct peer_join join = {.subject = c->settings.id,
                             .wisher = c->settings.id,
                             .wish = JOIN_IN,
                             .wants_vote = wants_vote(c),
                             .text = text};
    if (core_leads(c)) {
        (void)core_admit(c, c->now_ms, &join, NULL); /* its own address has changed */
        return;
    }
    struct peer_message m = {.kind = PEER_JOIN,
                             .from = c->settings.id,
                             .to = whom_to_ask(c),
                             .term = engine_term(c->engine),
                             .join = join};
    if (m.to != 0) {
        core_send(c, &m);
    }
}

void core_admit_turn(struct core *c)
{
    struct core_admit *a = &c->admit;
    note_vote(c);
    note_leader(c);
    if (c->settings.me.id == 0 || c->now_ms < a->next_ms) {
        return;
    }
    char text[MEMBER_TEXT_SIZE];
    (void)member_info_encode(&c->settings.me, text);
    bool content = has_place(c, text);
    if (!content) {
        ask(c, text);
    } else {
        a->done = true;
        a->answer = (struct err){0};
    }
    bool waits = content || a->done;
    a->next_ms =
        c->now_ms + (uint64_t)(waits ? LOOK_TIMEOUTS : 1) * c->settings.election_timeout_ms;
}

uint64_t core_admit_next_ms(const struct core *c)
{
    return c->settings.me.id == 0 ? UINT64_MAX : c->admit.next_ms;
}

bool core_joined(const struct core *c, struct err *err)
{
    const struct err *answer = &c->admit.answer;
    if (answer->msg[0] != '\0') {
        (void)err_set(err, answer->code, "%s", answer->msg);
    }
    return c->admit.done;
}
