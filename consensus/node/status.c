/* consensus/node/status.c - what this node knows of itself and of the others, and what they say
 * when they are asked. */
#include "consensus/node/node.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/must.h"
#include "consensus/node/asks.h"

/* A member that was heard so recently is there. */
#define CONTACT_MS 2000
/* Others have this part of the call's time to say how they are. */
#define ANSWER_PART 2

/* ---- figures ---- */

static uint64_t fsync_p99_us(const struct store_stats *stats)
{
    uint64_t all = 0;
    for (size_t i = 0; i < STORE_COMMIT_BUCKETS; i++) {
        all += stats->commit_bucket[i];
    }
    uint64_t seen = 0;
    for (size_t i = 0; i < STORE_COMMIT_BUCKETS; i++) {
        seen += stats->commit_bucket[i];
        if (seen * 100 >= all * 99) {
            return all > 0 ? UINT64_C(100) << i : 0;
        }
    }
    return 0;
}

static struct store_stats stats_of(const struct node *n)
{
    struct store_stats stats = {0};
    if (n->store != NULL) { /* between form and core there is none */
        store_stats(n->store, &stats);
    }
    return stats;
}

/* A new leader that nobody has answered yet goes by the votes. */
static uint64_t stamp_age_ms(const struct node *n)
{
    uint64_t now_ms = node_now_ms();
    const struct engine *engine = core_engine(n->core);
    uint64_t sent_ms = core_followed_ms(n->core, now_ms);
    uint64_t until_ms = sent_ms != 0 ? sent_ms : engine_led_until_ms(engine);
    bool leads = engine_role(engine) == ENGINE_LEADER;
    return leads && now_ms > until_ms && until_ms != 0 ? now_ms - until_ms : 0;
}

uint64_t status_age_ms(const struct node *n)
{
    const struct engine *engine = core_engine(n->core);
    return engine_role(engine) == ENGINE_LEADER ? stamp_age_ms(n)
                                                : engine_silence_ms(engine, node_now_ms());
}

_Static_assert(PGRAFT_FSYNC_BUCKETS == STORE_COMMIT_BUCKETS, "one histogram");

void status_figures(struct node *n)
{
    struct pgraft_figures f = {.proposals = n->proposals,
                               .proposals_failed = n->proposals_failed,
                               .forwarded = n->forwarded,
                               .reads = n->reads,
                               .elections = n->elections,
                               .stalls = n->stalls,
                               .stall_ms_max = n->stall_ms_max,
                               .watches = list_count(&n->watchers),
                               .waiting = n->job_count};
    struct store_stats stats = stats_of(n);
    f.commits = stats.commits;
    f.store_bytes = stats.used_bytes;
    memcpy(f.fsync_bucket, stats.commit_bucket, sizeof(f.fsync_bucket));
    f.fsync_sum_us = stats.commit_ns_sum / 1000;
    f.peers_connected = net_peers_up(n->net);
    if (n->core != NULL) {
        struct machine_status machine;
        const struct engine *engine = core_engine(n->core);
        machine_status(core_machine(n->core), &machine);
        f.term = engine_term(engine);
        f.leader = engine_leader(engine);
        f.is_leader = engine_role(engine) == ENGINE_LEADER;
        f.commit_index = engine_commit(engine);
        f.applied_index = core_applied(n->core);
        f.revision = machine.revision;
        f.leases = machine.lease_count;
        f.keys = machine.key_count;
        f.used_bytes = machine.used_bytes;
        f.quota_bytes = machine.quota_bytes;
        f.stamp_age_ms = stamp_age_ms(n);
    }
    (void)pthread_mutex_lock(&n->glass);
    n->figures = f;
    (void)pthread_mutex_unlock(&n->glass);
}

/* ---- members ---- */

/* A connection that was reset tells at once, one that is cut only in time. */
static void note_contact(const struct node *n, struct pgraft_member *m)
{
    struct net_peer_stats peer;
    m->is_there = m->is_self;
    m->contact_age_ms = m->is_self ? 0 : UINT64_MAX;
    for (size_t i = 0; !m->is_self && net_peer_stats(n->net, i, &peer); i++) {
        if (peer.id == m->id) {
            m->contact_age_ms = peer.heard_ms;
            m->ping_us = peer.up ? peer.round_trip_us : 0;
            m->is_there = peer.up && peer.heard_ms < CONTACT_MS;
            return;
        }
    }
}

bool status_missing(const struct node *n, char *out, size_t size)
{
    struct members members = {0};
    if (n->core != NULL) {
        engine_members(core_engine(n->core), &members);
    }
    CLEANUP(buf_close) struct buf names = {0};
    size_t voters = 0;
    size_t there = 0;
    for (size_t i = 0; i < members.count; i++) {
        const struct member *m = &members.at[i];
        struct pgraft_member seen = {.id = m->id, .is_self = m->id == n->settings.me.id};
        struct member_info info;
        if (m->role != MEMBER_VOTER || member_info_decode(m->info, &info, NULL) != 0) {
            continue;
        }
        note_contact(n, &seen);
        voters++;
        there += seen.is_there ? 1 : 0;
        if (!seen.is_there) {
            buf_printf(&names, "%s%s", names.size > 0 ? ", " : "", info.name);
        }
    }
    (void)snprintf(out, size, "%zu of %zu voters answer, missing: %s", there, voters,
                   buf_text(&names));
    return voters > 0 && 2 * there <= voters;
}

static enum pgraft_role public_role(enum member_role role)
{
    return role == MEMBER_VOTER     ? PGRAFT_VOTER
           : role == MEMBER_STANDBY ? PGRAFT_NON_VOTER
                                    : PGRAFT_SPARE;
}

static void describe(struct node *n, struct job *job, const struct member *in,
                     struct pgraft_member *out)
{
    struct member_info info = {.kind = MEMBER_DATABASE};
    *out = (struct pgraft_member){
        .id = in->id, .role = public_role(in->role), .version = "", .api_url = "", .error = ""};
    (void)member_info_decode(in->info, &info, NULL);
    out->name = job_room_text(job, info.name);
    out->address = job_room_text(job, info.address);
    out->site = job_room_text(job, info.site);
    out->kind = info.kind == MEMBER_WITNESS ? PGRAFT_WITNESS : PGRAFT_DATABASE;
    out->is_leader = engine_leader(core_engine(n->core)) == in->id;
    out->is_self = in->id == n->node_id;
    note_contact(n, out);
    if (out->is_self) {
        struct peer_answer own = {0};
        status_own_numbers(n, &own);
        status_note(n, job, in->id, &own);
    }
}

static int can_lose(const struct pgraft_status *s)
{
    size_t voters = 0;
    size_t there = 0;
    for (size_t i = 0; i < s->member_count; i++) {
        const struct pgraft_member *m = &s->members[i];
        voters += m->role == PGRAFT_VOTER ? 1 : 0;
        there += m->role == PGRAFT_VOTER && m->is_there ? 1 : 0;
    }
    return (int)there - (int)(voters / 2 + 1);
}

static void fill_core(struct node *n, struct job *job, struct pgraft_status *s)
{
    struct machine_status machine;
    const struct engine *engine = core_engine(n->core);
    machine_status(core_machine(n->core), &machine);
    s->term = engine_term(engine);
    s->leader = engine_leader(engine);
    s->revision = machine.revision;
    s->compacted = machine.compacted;
    s->key_count = machine.key_count;
    s->used_bytes = machine.used_bytes;
    s->quota_bytes = machine.quota_bytes;
    s->quota_alarm = machine.quota_alarm;
    s->lease_count = machine.lease_count;
    s->feature_level = machine.feature_level;
    s->stamp_age_ms = stamp_age_ms(n);
    s->quorum_age_ms = status_age_ms(n);
    struct members members;
    engine_members(engine, &members);
    struct pgraft_member *list = job_room(job, (members.count + 1) * sizeof(*list));
    memset(list, 0, (members.count + 1) * sizeof(*list));
    s->members = list;
    s->member_count = members.count;
    for (size_t i = 0; i < members.count; i++) {
        list[i].id = members.at[i].id;
    }
    for (size_t i = 0; i < members.count; i++) {
        describe(n, job, &members.at[i], &list[i]);
        if (list[i].is_leader) {
            s->leader_name = list[i].name;
        }
    }
    uint64_t patience_ms = (uint64_t)4 * n->settings.user.election_timeout_ms;
    bool leads = engine_role(engine) == ENGINE_LEADER;
    bool takes_writes = engine_is_established(engine); /* a sole voter does not at its start */
    s->has_quorum = leads
                        ? takes_writes && s->stamp_age_ms < patience_ms
                        : s->leader != 0 && engine_silence_ms(engine, node_now_ms()) < patience_ms;
    int spare = can_lose(s);
    s->can_lose = !s->has_quorum ? -1 : spare > 0 ? spare : 0;
}

/* ---- before there are members ---- */

#define LISTED_MAX (2 * (size_t)FORM_LIST_MAX) /* and noted */

static const struct pgraft_member nobody = {.role = PGRAFT_STRANGER,
                                            .site = "",
                                            .contact_age_ms = UINT64_MAX,
                                            .version = "",
                                            .api_url = "",
                                            .error = ""};

static void describe_self(struct node *n, struct job *job, struct pgraft_member *out)
{
    const struct member_info *me = &n->settings.me;
    *out = nobody;
    out->id = n->node_id;
    out->name = job_room_text(job, me->name);
    out->address = job_room_text(job, me->address);
    out->site = job_room_text(job, me->site);
    out->kind = me->kind == MEMBER_WITNESS ? PGRAFT_WITNESS : PGRAFT_DATABASE;
    out->is_self = true;
    out->is_there = true;
    out->contact_age_ms = 0;
}

static void describe_listed(struct job *job, const struct form_seen *seen, const char *trouble,
                            struct pgraft_member *out)
{
    *out = nobody;
    out->id = seen->id;
    out->name = job_room_text(job, seen->name);
    out->address = job_room_text(job, seen->address);
    out->contact_age_ms = seen->heard_ms;
    out->is_there = seen->heard_ms < CONTACT_MS;
    out->error = job_room_text(job, trouble);
    if (seen->id != 0) {
        out->site = job_room_text(job, seen->info->site);
        out->kind = seen->info->kind == MEMBER_WITNESS ? PGRAFT_WITNESS : PGRAFT_DATABASE;
    }
}

/* It has no place yet, and so no list of members: whom it was told to ask. */
static void fill_listed(struct node *n, struct job *job, struct pgraft_status *s)
{
    const struct form_list *listed = &n->settings.list;
    struct pgraft_member *list = job_room(job, (LISTED_MAX + 1) * sizeof(*list));
    struct net_peer_stats peer;
    describe_self(n, job, &list[0]);
    s->members = list;
    s->member_count = 1;
    for (size_t i = 0; i < listed->count; i++) {
        struct form_seen seen = {
            .name = listed->at[i].name, .address = listed->at[i].address, .heard_ms = UINT64_MAX};
        if (strcmp(seen.name, n->settings.me.name) == 0) {
            continue;
        }
        for (size_t at = 0; net_peer_stats(n->net, at, &peer); at++) {
            seen.heard_ms = strcmp(peer.name, seen.name) == 0 ? peer.heard_ms : seen.heard_ms;
        }
        describe_listed(job, &seen, "", &list[s->member_count]);
        s->member_count++;
    }
}

/* Who is listed to become a member with this node, and what is wrong with whom. */
static void fill_form(struct node *n, struct job *job, struct pgraft_status *s)
{
    struct buf trouble = {0};
    struct form_seen seen;
    struct pgraft_member *list = job_room(job, (LISTED_MAX + 1) * sizeof(*list));
    const char *names[FORM_LIST_MAX];
    describe_self(n, job, &list[0]);
    s->members = list;
    s->member_count = 1;
    for (size_t i = 0; i < LISTED_MAX && form_peer_at(n->form, i, &seen, &trouble); i++) {
        describe_listed(job, &seen, buf_text(&trouble), &list[s->member_count]);
        s->member_count++;
        buf_clear(&trouble);
    }
    buf_close(&trouble);
    s->waits_for_count = form_waits_for(n->form, names);
    for (size_t i = 0; i < s->waits_for_count; i++) {
        s->waits_for[i] = job_room_text(job, names[i]);
    }
}

/* ---- all of it ---- */

_Static_assert(MEMBERS_MAX <= 32, "a bit for each member");

static void ask_all(struct node *n, struct job *job)
{
    job->state = JOB_ASKED;
    for (size_t i = 0; i < job->state_of_all->member_count; i++) {
        const struct pgraft_member *m = &job->state_of_all->members[i];
        if (!m->is_self && asks_send(n, job, m->id)) {
            job->unanswered |= UINT32_C(1) << i;
        }
    }
    uint64_t now_ms = node_now_ms();
    uint64_t left_ms = job->deadline_ms > now_ms ? job->deadline_ms - now_ms : 0;
    job->deadline_ms = now_ms + left_ms / ANSWER_PART;
}

static const char *hex_id(struct job *job, const uint8_t *id)
{
    char text[2 * CLUSTER_ID_SIZE + 1];
    for (size_t i = 0; i < CLUSTER_ID_SIZE; i++) {
        (void)snprintf(text + 2 * i, 3, "%02x", id[i]);
    }
    return job_room_text(job, text);
}

void status_fill(struct node *n, struct job *job)
{
    if (job->from != 0) {
        jobs_finish(n, job, 0, NULL); /* asks_answer() adds the numbers */
        return;
    }
    struct pgraft_status *s = job_room(job, sizeof(*s));
    struct store_stats stats = stats_of(n);
    *s = (struct pgraft_status){.phase = n->phase,
                                .text = job_room_text(job, n->phase_text),
                                .cluster_id = n->has_cluster ? hex_id(job, n->cluster_id) : "",
                                .id = n->node_id,
                                .leader_name = "",
                                .can_lose = -1,
                                .quorum_age_ms = UINT64_MAX,
                                .store_bytes = stats.used_bytes,
                                .store_limit_bytes = stats.limit_bytes};
    job->state_of_all = s;
    if (n->form != NULL) {
        fill_form(n, job, s);
    }
    if (n->core != NULL) {
        fill_core(n, job, s);
        if (s->member_count == 0) {
            fill_listed(n, job, s);
        } else if (job->flags != 0) {
            ask_all(n, job);
        }
    }
    if (job->unanswered == 0) {
        jobs_finish(n, job, 0, NULL);
    }
}

/* What is wrong with this node now, as errors of docs/http.md; "" if nothing is. */
static const char *trouble(struct node *n)
{
    uint64_t commit_ms = node_commit_age_ms(n);
    n->trouble[0] = '\0';
    if (n->no_space[0] != '\0') {
        return n->no_space;
    }
    if (2 * commit_ms > n->settings.user.election_timeout_ms) {
        (void)snprintf(n->trouble, sizeof(n->trouble),
                       "the disk has not finished a write for %llu ms",
                       (unsigned long long)commit_ms);
    }
    return n->trouble;
}

void status_own_numbers(struct node *n, struct peer_answer *answer)
{
    struct store_stats stats = stats_of(n);
    const struct engine *engine = core_engine(n->core);
    answer->number_count = STATUS_NUMBERS;
    answer->numbers[STATUS_TERM] = engine_term(engine);
    answer->numbers[STATUS_LAST] = engine_last(engine);
    answer->numbers[STATUS_COMMIT] = engine_commit(engine);
    answer->numbers[STATUS_APPLIED] = core_applied(n->core);
    answer->numbers[STATUS_FSYNC_P99_US] = fsync_p99_us(&stats);
    answer->numbers[STATUS_STORE_BYTES] = stats.used_bytes;
    answer->reason = trouble(n);
    answer->bytes = n->settings.about;
    answer->size = strlen(n->settings.about);
}

/* What it says of itself beside the numbers: version, a newline, api_url; a later version may say
 * more behind another one. */
static void note_about(struct job *job, struct pgraft_member *m, const struct peer_answer *answer)
{
    char about[512];
    (void)snprintf(about, sizeof(about), "%.*s", (int)answer->size, (const char *)answer->bytes);
    char *url = strchr(about, '\n');
    if (url == NULL) {
        return;
    }
    *url = '\0';
    url++;
    url[strcspn(url, "\n")] = '\0';
    m->version = job_room_text(job, about);
    m->api_url = job_room_text(job, url);
}

static void no_longer_waits_for(struct node *n, struct job *job, size_t place)
{
    uint32_t bit = UINT32_C(1) << place;
    if ((job->unanswered & bit) == 0) {
        return;
    }
    job->unanswered &= ~bit;
    if (job->unanswered == 0) {
        jobs_finish(n, job, 0, NULL);
    }
}

void status_lost(struct node *n, struct job *job, uint64_t member)
{
    const struct pgraft_status *s = job->state_of_all;
    for (size_t i = 0; s != NULL && i < s->member_count; i++) {
        if (s->members[i].id == member) {
            no_longer_waits_for(n, job, i);
            return;
        }
    }
}

void status_note(struct node *n, struct job *job, uint64_t from, const struct peer_answer *answer)
{
    struct pgraft_status *s = job->state_of_all;
    for (size_t i = 0; s != NULL && i < s->member_count; i++) {
        struct pgraft_member *m = (struct pgraft_member *)(uintptr_t)&s->members[i];
        if (m->id != from || m->answered) {
            continue;
        }
        m->answered = answer->status == 0 && answer->number_count >= STATUS_NUMBERS;
        m->term = answer->numbers[STATUS_TERM];
        m->last_index = answer->numbers[STATUS_LAST];
        m->commit_index = answer->numbers[STATUS_COMMIT];
        m->applied_index = answer->numbers[STATUS_APPLIED];
        m->fsync_p99_us = answer->numbers[STATUS_FSYNC_P99_US];
        m->store_bytes = answer->numbers[STATUS_STORE_BYTES];
        m->round_trip_us = (node_now_ms() - job->began_ms) * 1000;
        m->error = job_room_text(job, answer->reason);
        note_about(job, m, answer);
        no_longer_waits_for(n, job, i);
        return;
    }
}
