/* consensus/node/member_jobs.c - requests that the leader has to see to step by step: changes of
 * the membership, handing leadership over, how long a lease goes on; and a keep-alive or a check of
 * health, which are this node's own. */
#include <string.h>

#include "base/must.h"
#include "consensus/node/node.h"

static bool leads(const struct node *n)
{
    return engine_role(core_engine(n->core)) == ENGINE_LEADER;
}

/* To the leader, wherever it is; false: it is here. */
static bool goes_away(struct node *n, struct job *job)
{
    if (leads(n)) {
        return false;
    }
    if (job->from != 0) {
        jobs_finish(n, job, ERR_NOT_LEADER, NULL);
        return true;
    }
    uint64_t leader = engine_leader(core_engine(n->core));
    if (leader == 0 || !asks_send(n, job, leader)) {
        jobs_wait(n, job, node_now_ms() + NODE_POKE_MS);
    }
    return true;
}

/* ---- membership ---- */

static const struct member *find_by_name(const struct members *members, const char *name,
                                         struct member_info *ret_info)
{
    for (size_t i = 0; i < members->count; i++) {
        if (member_info_decode(members->at[i].info, ret_info, NULL) == 0 &&
            strcmp(ret_info->name, name) == 0) {
            return &members->at[i];
        }
    }
    return NULL;
}

void member_job_note_wish(struct node *n, const struct peer_join *join)
{
    struct member_info info;
    if (join->wish != JOIN_IN || member_info_decode(join->text, &info, NULL) != 0) {
        return;
    }
    struct node_wish *slot = &n->wishes[0];
    for (size_t i = 0; i < ARRAY_LEN(n->wishes); i++) {
        struct node_wish *wish = &n->wishes[i];
        if (strcmp(wish->info.name, info.name) == 0) {
            slot = wish;
            break;
        }
        slot = wish->at_ms < slot->at_ms ? wish : slot;
    }
    *slot =
        (struct node_wish){.info = info, .subject = join->subject, .wants_vote = join->wants_vote};
    slot->at_ms = node_now_ms();
}

static const struct node_wish *wish_for(const struct node *n, const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(n->wishes); i++) {
        const struct node_wish *wish = &n->wishes[i];
        bool fresh = wish->at_ms != 0 && node_now_ms() - wish->at_ms < 30000;
        if (fresh && strcmp(wish->info.name, name) == 0) {
            return wish;
        }
    }
    return NULL;
}

static void use_wish(const struct node_wish *wish, struct peer_join *out,
                     char text[MEMBER_TEXT_SIZE])
{
    out->subject = wish->subject;
    out->wish = JOIN_IN;
    out->wants_vote = wish->wants_vote;
    (void)member_info_encode(&wish->info, text);
}

static bool is_replacing(struct node *n, struct job *job, const struct member *member,
                         struct peer_join *out, char text[MEMBER_TEXT_SIZE])
{
    const struct node_wish *wish = wish_for(n, job->text);
    bool waits = wish != NULL && (member == NULL || wish->subject != member->id);
    if (!waits && !job->was_sent) {
        jobs_finish(n, job, ERR_NOT_FOUND, "no other node waits for the name %s", job->text);
        return false;
    }
    if (!waits) {
        jobs_finish(n, job, 0, NULL); /* it has its place by now */
        return false;
    }
    use_wish(wish, out, text);
    return true;
}

/* The wish that @job is; false: there is none, and it was finished. */
static bool make_wish(struct node *n, struct job *job, struct peer_join *out,
                      char text[MEMBER_TEXT_SIZE])
{
    struct members members;
    struct member_info info = {0};
    engine_members(core_engine(n->core), &members);
    const struct member *member = find_by_name(&members, job->text, &info);
    *out = (struct peer_join){.wisher = n->node_id, .text = text, .at_once = true};
    text[0] = '\0';
    if (job->flags == PGRAFT_MEMBER_REMOVE && job->subject == 0) {
        jobs_finish(n, job, ERR_INVALID, "who is removed has an id");
        return false;
    }
    if (job->flags == PGRAFT_MEMBER_REMOVE) {
        out->subject = job->subject;
        out->wish = JOIN_OUT;
        return true;
    }
    if (job->flags == PGRAFT_MEMBER_REPLACE) {
        return is_replacing(n, job, member, out, text);
    }
    if (member == NULL) {
        jobs_finish(n, job, ERR_NOT_FOUND, "no member is called %s", job->text);
        return false;
    }
    out->subject = member->id;
    out->wish = job->flags == PGRAFT_MEMBER_DEMOTE ? JOIN_DEMOTE : JOIN_IN;
    out->wants_vote = true;
    (void)member_info_encode(&info, text);
    return true;
}

/* "pg4=10.0.0.6:7400": the address in it, and the name. */
static const char *split(const char *text, char ret_name[MEMBER_NAME_MAX + 1])
{
    size_t size = strcspn(text, "=");
    (void)snprintf(ret_name, MEMBER_NAME_MAX + 1, "%.*s", (int)size, text);
    return text + size + (text[size] == '=' ? 1 : 0);
}

/* Nothing has been heard of the node that @job is to add; enough of its time is left to say so. */
static void not_heard(struct node *n, struct job *job, const struct node_guest *guest)
{
    uint64_t waited_ms = node_now_ms() - job->began_ms;
    const char *why = guest->why[0] != '\0' ? guest->why : "nobody answers";
    size_t size = strlen(guest->address);
    bool repeats = strncmp(why, guest->address, size) == 0 && strncmp(why + size, ": ", 2) == 0;
    why += repeats ? size + 2 : 0;
    if (3 * waited_ms < 2 * (job->deadline_ms - job->began_ms)) {
        (void)snprintf(job->message, sizeof(job->message), "%s", why);
        jobs_wait(n, job, node_now_ms() + NODE_POKE_MS);
        return;
    }
    jobs_finish(n, job, ERR_REFUSED,
                "%s was not added: no node of that name is to be had at %s: %s; start it there, "
                "blank and with this cluster's secret, and say this again unless its raft.peers "
                "names a member",
                guest->name, guest->address, why);
}

/* Is @info of the kind that @job asks for? False: it was finished. */
static bool is_kind(struct node *n, struct job *job, const struct member_info *info)
{
    uint64_t kind = job->flags >> JOB_KIND_SHIFT;
    if (kind == 0 || kind == (uint64_t)info->kind) {
        return true;
    }
    jobs_finish(n, job, ERR_REFUSED,
                "%s runs as a %s, and what a node is it says itself: start it as what it shall be",
                info->name, member_kind_name(info->kind));
    return false;
}

/* The wish that a node be let in; false: there is none yet, or @job was finished. */
static bool make_addition(struct node *n, struct job *job, struct peer_join *out,
                          char text[MEMBER_TEXT_SIZE])
{
    char name[MEMBER_NAME_MAX + 1];
    const char *address = split(job->text, name);
    struct members members;
    struct member_info info = {0};
    engine_members(core_engine(n->core), &members);
    const struct member *member = find_by_name(&members, name, &info);
    const struct node_wish *wish = wish_for(n, name);
    *out = (struct peer_join){.wisher = n->node_id, .text = text};
    if (member != NULL &&
        (strcmp(info.address, address) != 0 || (wish != NULL && wish->subject != member->id))) {
        jobs_finish(n, job, ERR_EXISTS,
                    "name %s is in use by %s: \"member replace\" gives it to a node that waits for "
                    "it, \"member remove\" makes it free, and an address that has changed is taken "
                    "over when the node starts",
                    name, info.address);
        return false;
    }
    if (wish != NULL) { /* it has found the cluster, and asks by itself */
        use_wish(wish, out, text);
        return is_kind(n, job, &wish->info);
    }
    if (member != NULL && member->role != MEMBER_SPARE) {
        if (is_kind(n, job, &info)) {
            jobs_finish(n, job, 0, NULL);
        }
        return false;
    }
    const struct node_guest *guest = guests_invite(n, name, address, job->deadline_ms);
    if (member != NULL) { /* it is told so */
        jobs_wait(n, job, node_now_ms() + NODE_POKE_MS);
        return false;
    }
    if (guest->info.id == 0) {
        not_heard(n, job, guest);
        return false;
    }
    out->subject = guest->info.id;
    out->wish = JOIN_IN;
    (void)member_info_encode(&guest->info, text);
    return is_kind(n, job, &guest->info);
}

/* Whom @job removes is an id, looked up once: when it is asked again, of another leader, and is
 * gone by then, it is done, and a newer node of that name is left alone. False: it was finished, or
 * waits. */
static bool knows_whom_to_remove(struct node *n, struct job *job)
{
    bool asked_by_another = job->from != 0;
    if (job->flags != PGRAFT_MEMBER_REMOVE || asked_by_another || job->is_resolved) {
        return true;
    }
    struct members members;
    struct member_info info = {0};
    engine_members(core_engine(n->core), &members);
    const struct member *member = job->subject != 0 ? members_find(&members, job->subject)
                                                    : find_by_name(&members, job->text, &info);
    if (member != NULL) {
        job->subject = member->id;
        job->is_resolved = true;
        return true;
    }
    if (job->subject != 0 && core_hello_is_gone(n->core, job->subject)) {
        jobs_finish(n, job, 0, NULL);
    } else if (!job->is_confirmed) {
        jobs_read(n, job); /* this copy may be behind */
    } else if (job->subject != 0) {
        jobs_finish(n, job, ERR_NOT_FOUND, "no member has the id %016llx",
                    (unsigned long long)job->subject);
    } else {
        jobs_finish(n, job, ERR_NOT_FOUND, "no member is called %s", job->text);
    }
    return false;
}

static void try_member(struct node *n, struct job *job)
{
    struct peer_join wish;
    char text[MEMBER_TEXT_SIZE];
    if (!knows_whom_to_remove(n, job) || goes_away(n, job)) {
        return;
    }
    bool is_adding = (job->flags & JOB_CHANGE_MASK) == PGRAFT_MEMBER_ADD;
    if (is_adding ? !make_addition(n, job, &wish, text) : !make_wish(n, job, &wish, text)) {
        return;
    }
    struct err err = {0};
    int code = core_admit(n->core, node_now_ms(), &wish, &err);
    job->was_sent = true;
    if (code == 1) {
        jobs_finish(n, job, 0, NULL);
        return;
    }
    bool later = code == 0 || code == ERR_BUSY || code == ERR_NOT_LEADER;
    if (later) {
        (void)snprintf(job->message, sizeof(job->message), "%s", err.msg);
        jobs_wait(n, job, node_now_ms() + NODE_POKE_MS);
        return;
    }
    jobs_finish(n, job, code, "%s", err.msg);
}

/* ---- leadership ---- */

/* Who has most of the log; 0: nobody but this node votes. */
uint64_t member_job_heir(const struct node *n)
{
    struct members members;
    const struct engine *engine = core_engine(n->core);
    engine_members(engine, &members);
    uint64_t best = 0;
    for (size_t i = 0; i < members.count; i++) {
        const struct member *m = &members.at[i];
        bool fit = m->role == MEMBER_VOTER && m->id != n->node_id &&
                   engine_member_silence_ms(engine, node_now_ms(), m->id) < 1000;
        if (fit && (best == 0 || engine_match(engine, m->id) > engine_match(engine, best))) {
            best = m->id;
        }
    }
    return best;
}

static void try_transfer(struct node *n, struct job *job)
{
    uint64_t leader = engine_leader(core_engine(n->core));
    bool done = job->was_sent && leader != 0 && leader != job->asked_to &&
                (job->subject == 0 || leader == job->subject);
    if (done || (job->subject != 0 && leader == job->subject)) {
        jobs_finish(n, job, 0, NULL);
        return;
    }
    if (leads(n) && !job->was_sent) {
        struct err err = {0};
        uint64_t heir = job->subject != 0 ? job->subject : member_job_heir(n);
        if (heir == 0 && node_now_ms() - job->began_ms < 1000) {
            jobs_wait(n, job, node_now_ms() + NODE_POKE_MS); /* a new leader has heard nobody yet */
            return;
        }
        int code = heir == 0 ? err_set(&err, ERR_REFUSED, "no other voter is in contact")
                             : core_transfer(n->core, node_now_ms(), heir, &err);
        if (code != 0 && code != ERR_BUSY) {
            jobs_finish(n, job, code, "%s", err.msg);
            return;
        }
        job->was_sent = code == 0;
        job->asked_to = n->node_id;
        jobs_wait(n, job, node_now_ms() + NODE_POKE_MS / 5);
        return;
    }
    if (job->was_sent) { /* it was begun here: wait for what comes of it */
        bool failed = leads(n) && node_now_ms() - job->began_ms > 3000;
        if (failed) {
            jobs_finish(n, job, ERR_REFUSED, "the other voter did not take over in time");
            return;
        }
        jobs_wait(n, job, node_now_ms() + NODE_POKE_MS / 5);
        return;
    }
    bool gone = job->from != 0; /* finished by goes_away() */
    (void)goes_away(n, job);
    if (gone) {
        return;
    }
    /* Once it was asked, another leader is the answer, whether or not the one asked still says so;
     * and nobody is asked twice. */
    job->was_sent = job->state == JOB_ASKED;
}

/* ---- leases ---- */

static void try_show(struct node *n, struct job *job)
{
    if (goes_away(n, job)) {
        return;
    }
    uint64_t left_ms = 0;
    int code = core_lease_left(n->core, node_now_ms(), job->subject, &left_ms);
    if (code == ERR_NOT_LEADER) { /* does not count yet */
        jobs_wait(n, job, node_now_ms() + NODE_POKE_MS);
        return;
    }
    if (code != 0) {
        jobs_finish(n, job, code, "there is no lease %llx", (unsigned long long)job->subject);
        return;
    }
    job->flags = left_ms;
    job->answer_revision = left_ms;
    if (job->from != 0) {
        jobs_finish(n, job, 0, NULL);
        return;
    }
    jobs_read(n, job);
}

static void try_keep(struct node *n, struct job *job)
{
    struct machine_lease lease;
    struct core_held held = {0};
    uint64_t now_ms = node_now_ms();
    if (!machine_lease(core_machine(n->core), job->subject, &lease)) {
        if (!job->is_confirmed) {
            jobs_read(n, job); /* this copy may be behind */
            return;
        }
        jobs_finish(n, job, ERR_NOT_FOUND, "there is no lease %llx",
                    (unsigned long long)job->subject);
        return;
    }
    if (lease.is_protected) { /* else whoever asks could keep it for an owner that hangs (A1, A3) */
        jobs_finish(n, job, ERR_DENIED, "lease %llx is protected: only its holder keeps it alive",
                    (unsigned long long)job->subject);
        return;
    }
    struct core_hold wish = {.lease = lease.id,
                             .grant = lease.granted_index,
                             .epoch = lease.epoch,
                             .renew_until_ms = job->deadline_ms};
    holds_set(n, &wish, true);
    bool known = core_held(n->core, lease.id, &held);
    if (known && held.status != 0) {
        jobs_finish(n, job, held.status, NULL);
    } else if (known && held.confirmed_ms >= job->began_ms) {
        job->leases = job_room(job, sizeof(*job->leases));
        *job->leases = (struct pgraft_lease_info){
            .id = lease.id, .ttl_ms = held.ttl_ms, .left_ms = held.ttl_ms};
        job->lease_count = 1;
        holds_kept(n, lease.id);
        jobs_finish(n, job, 0, NULL);
    } else {
        jobs_wait(n, job, now_ms + NODE_POKE_MS / 5);
    }
}

/* ---- all ---- */

static void try_health(struct node *n, struct job *job)
{
    if (job->from == 0 && job->subject != 0 && job->subject != n->node_id) {
        struct members members;
        engine_members(core_engine(n->core), &members);
        if (members_find(&members, job->subject) == NULL) {
            jobs_finish(n, job, ERR_NOT_FOUND, "no member has the id %016llx",
                        (unsigned long long)job->subject);
        } else if (!asks_send(n, job, job->subject)) {
            jobs_wait(n, job, node_now_ms() + NODE_POKE_MS);
        }
        return;
    }
    jobs_read(n, job);
}

void member_job_try(struct node *n, struct job *job)
{
    switch ((int)job->kind) {
        case JOB_MEMBER:
            try_member(n, job);
            return;
        case JOB_TRANSFER:
            try_transfer(n, job);
            return;
        case JOB_LEASE_SHOW:
            try_show(n, job);
            return;
        case JOB_LEASE_KEEP:
            try_keep(n, job);
            return;
        default:
            MUST(job->kind == JOB_HEALTH);
            try_health(n, job);
            return;
    }
}
