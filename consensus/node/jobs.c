/* consensus/node/jobs.c - requests on the consensus thread: where each one goes, again and again
 * until it has an answer or its time is over.
 *
 * A command is encoded once, with this node's client and the next sequence, so that however often
 * it is sent, to whichever leader, it is applied once. On the leader it goes to the core, elsewhere
 * to the leader (asks.h); without a leader it waits. What serves another member is never passed on:
 * whoever asked looks for the leader itself. */
#include <stdarg.h>
#include <string.h>

#include "base/mem.h"
#include "base/must.h"
#include "consensus/node/node.h"
#include "proto/kv_codec.h"

/* An error that came back alone is no longer than this. */
#define SMALL_RESULT 128
/* Deadlines that are seen to in one turn, when thousands pass together: the core walks past all its
 * readings to forget one. */
#define ENDED_AT_ONCE_MAX 512

static struct list *bucket(struct node *n, uint64_t id)
{
    return &n->ids[id % NODE_IDS];
}

struct job *jobs_find(struct node *n, uint64_t id)
{
    LIST_FOR_EACH (struct job, job, bucket(n, id), by_id) {
        if (job->id == id) {
            return job;
        }
    }
    return NULL;
}

static bool is_served(const struct job *job)
{
    return job->from != 0;
}

static bool leads(const struct node *n)
{
    return n->core != NULL && engine_role(core_engine(n->core)) == ENGINE_LEADER;
}

/* ---- the end of a job ---- */

static void leave_order(struct node *n, struct job *job)
{
    list_remove(&job->in_order);
    n->client.under_way--;
    n->poke_now = n->poke_now || n->client.is_full; /* another one may go */
    n->client.is_full = false;
}

void jobs_finish(struct node *n, struct job *job, int status, const char *fmt, ...)
{
    job->status = status;
    if (fmt != NULL) {
        char text[sizeof(job->message)]; /* an argument may be the message so far */
        va_list args;
        va_start(args, fmt);
        (void)vsnprintf(text, sizeof(text), fmt, args);
        va_end(args);
        (void)snprintf(job->message, sizeof(job->message), "%s", text);
    }
    if (status != 0 && (fmt == NULL || job->message[0] == '\0')) {
        (void)snprintf(job->message, sizeof(job->message), "%s", err_text(status));
    }
    /* A command that nobody waits for ends by itself. To look for it costs a walk past all others,
     * and thousands may time out at once. */
    if (job->state == JOB_IN_CORE && job->kind != JOB_COMMAND && !n->stopped) {
        core_forget(n->core, job->id);
    }
    if (job->kind == JOB_DUMP && status != 0) {
        dumps_drop(n, job);
    }
    list_remove(&job->link);
    list_remove(&job->by_id);
    if (!list_empty(&job->in_order)) {
        leave_order(n, job);
    }
    n->job_count--;
    n->proposals_failed += job->kind == JOB_COMMAND && status != 0 ? 1 : 0;
    if (is_served(job)) {
        asks_answer(n, job);
        job_free(job);
        return;
    }
    struct delivery *delivery = delivery_create(DELIVER_JOB);
    delivery->job = job;
    mail_stage(&n->mail, delivery);
}

void jobs_wait(struct node *n, struct job *job, uint64_t again_ms)
{
    job->state = JOB_WAITING;
    job->again_ms = again_ms;
    if (n->poke_at_ms == 0 || again_ms < n->poke_at_ms) {
        n->poke_at_ms = again_ms;
    }
}

/* ---- commands ---- */

static void name_holder(struct node *n, struct kv_command *command)
{
    if (command->kind == KV_OP && command->op.kind == KV_OP_LEASE &&
        command->op.grant.holder == 0) {
        command->op.grant.holder = n->node_id;
    }
    for (int list = 0; command->kind == KV_TXN && list < 2; list++) {
        size_t count = 0;
        struct kv_op *ops = (struct kv_op *)(uintptr_t)kv_txn_ops(&command->txn, list == 0, &count);
        for (size_t i = 0; i < count; i++) {
            if (ops[i].kind == KV_OP_LEASE && ops[i].grant.holder == 0) {
                ops[i].grant.holder = n->node_id;
            }
        }
    }
}

/* Everything below it was answered. */
static uint64_t oldest_sequence(const struct node_client *client)
{
    LIST_FOR_EACH (struct job, job, &client->commands, in_order) {
        if (job->command.client == client->id) {
            return job->command.sequence;
        }
    }
    return client->sequence;
}

/* The store remembers the answers to so many sequences of one client: neither more commands than
 * that may be under way, nor may one be left behind so far. */
static bool is_full(const struct node_client *client)
{
    return client->under_way >= NODE_COMMANDS_MAX ||
           client->sequence + 1 - oldest_sequence(client) >= NODE_COMMANDS_MAX;
}

static bool encode(struct node *n, struct job *job)
{
    struct err err = {0};
    name_holder(n, &job->command);
    buf_clear(&job->encoded);
    int code = kv_command_encode(&job->command, &job->encoded, &err);
    if (code != 0) {
        jobs_finish(n, job, code, "%s", err.msg);
    }
    return code == 0;
}

/* False: not now, too many are under way; or it was finished. */
static bool has_sequence(struct node *n, struct job *job)
{
    struct node_client *client = &n->client;
    if (job->has_session) {
        return job->encoded.size > 0 || encode(n, job);
    }
    if (!list_empty(&job->in_order)) {
        return true;
    }
    if (is_full(client)) {
        client->is_full = true;
        return false;
    }
    if (client->id == 0) {
        client->id = node_random() | 1;
        client->since = core_applied(n->core);
        client->sequence = 0;
    }
    list_push_back(&client->commands, &job->in_order);
    client->under_way++;
    client->sequence++;
    struct kv_command *command = &job->command;
    command->client = client->id;
    command->since = client->since;
    command->sequence = client->sequence;
    command->acked = oldest_sequence(client);
    return encode(n, job);
}

static void try_command(struct node *n, struct job *job, uint64_t now_ms)
{
    uint64_t leader = engine_leader(core_engine(n->core));
    bool here = leads(n);
    if (is_served(job)) {
        if (!here) {
            jobs_finish(n, job, ERR_NOT_LEADER, NULL);
            return;
        }
    } else if (leader == 0 || core_applied(n->core) == 0) {
        jobs_wait(n, job, now_ms + NODE_POKE_MS);
        return;
    } else if (!has_sequence(n, job)) {
        return; /* finished, or looked at again when another one has ended */
    }
    if (here) {
        n->proposals++;
        job->unsettled++;
        job->state = JOB_IN_CORE;
        core_propose(n->core, now_ms, job->id, job->encoded.bytes, job->encoded.size);
        return;
    }
    if (!asks_send(n, job, leader)) {
        jobs_wait(n, job, now_ms + NODE_POKE_MS);
        return;
    }
    job->unsettled++;
    n->forwarded++;
}

/* The store has forgotten this client, which was silent for long, or this sequence of its. If this
 * is the answer to the only time that the command was sent, it was not applied and will not be: it
 * goes again, as one of a new client. If it was sent before, it may have been applied then. */
static bool was_forgotten(struct node *n, struct job *job)
{
    bool is_ours = !is_served(job) && !job->has_session;
    bool once = job->unsettled == 1 && !job->is_anew;
    if (!is_ours || !once || job->answer.size > SMALL_RESULT) {
        return false;
    }
    struct kv_decoder decoder = {0};
    struct kv_result result;
    bool expired =
        kv_result_decode(&decoder, job->answer.bytes, job->answer.size, &result, NULL) == 0 &&
        result.code == ERR_EXPIRED;
    kv_decoder_close(&decoder);
    if (!expired) {
        return false;
    }
    if (job->command.client == n->client.id) {
        n->client.id = 0; /* those under way keep theirs */
    }
    job->is_anew = true;
    job->unsettled = 0;
    buf_clear(&job->answer);
    leave_order(n, job);
    return true;
}

void jobs_command_done(struct node *n, struct job *job, struct buf *result, uint64_t revision)
{
    buf_close(&job->answer);
    job->answer = *result;
    *result = (struct buf){0};
    job->answer_revision = revision;
    if (was_forgotten(n, job)) {
        jobs_wait(n, job, node_now_ms());
        return;
    }
    jobs_finish(n, job, 0, NULL);
}

void jobs_command_failed(struct node *n, struct job *job, int status, const char *reason)
{
    bool nobody_leads = status == ERR_NOT_LEADER || status == ERR_LOST_LEADER;
    bool is_certain = !err_may_be_applied(status);
    job->unsettled -= is_certain && job->unsettled > 0 ? 1 : 0;
    if (is_served(job)) {
        jobs_finish(n, job, status, "%s", reason);
        return;
    }
    if (job->state != JOB_WAITING) {
        return; /* it was sent again meanwhile, and that is what counts */
    }
    /* A refusal says nothing of the times before: only the answer to one that got through does. */
    if (nobody_leads || (is_certain && job->unsettled > 0)) {
        (void)snprintf(job->message, sizeof(job->message), "%s", nobody_leads ? "" : reason);
        jobs_wait(n, job, node_now_ms() + NODE_POKE_MS / 5);
        return;
    }
    jobs_finish(n, job, status, "%s", reason);
}

/* ---- everything ---- */

void jobs_read(struct node *n, struct job *job)
{
    n->reads++;
    job->state = JOB_IN_CORE;
    core_read(n->core, node_now_ms(), job->id);
}

static void try_read(struct node *n, struct job *job)
{
    if (job->local) {
        reads_answer(n, job);
        return;
    }
    jobs_read(n, job);
}

static void try_form(struct node *n, struct job *job, uint64_t now_ms)
{
    if (n->form == NULL) {
        jobs_finish(n, job, ERR_REFUSED, "this node is not waiting to form a cluster");
        return;
    }
    struct err err = {0};
    int code = 0;
    if (job->kind == JOB_FORM_FORGET) {
        code = form_forget(n->form, now_ms, &err);
    } else {
        char names[FORM_LIST_MAX][MEMBER_NAME_MAX + 1];
        const char *list[FORM_LIST_MAX];
        size_t count = 0;
        for (const char *at = job->text; *at != '\0' && count < FORM_LIST_MAX;) {
            size_t size = strcspn(at, ",");
            (void)snprintf(names[count], sizeof(names[count]), "%.*s", (int)size, at);
            list[count] = names[count];
            count++;
            at += size + (at[size] == ',' ? 1 : 0);
        }
        code = form_without(n->form, now_ms, list, count, &err);
    }
    jobs_finish(n, job, code, "%s", err.msg);
}

static void try_job(struct node *n, struct job *job, uint64_t now_ms)
{
    if (job->kind == JOB_STATUS) {
        status_fill(n, job);
        return;
    }
    if (job->kind == JOB_FORM_WITHOUT || job->kind == JOB_FORM_FORGET) {
        try_form(n, job, now_ms);
        return;
    }
    if (n->core == NULL) {
        jobs_wait(n, job, now_ms + NODE_POKE_MS);
        return;
    }
    switch (job->kind) {
        case JOB_COMMAND:
            try_command(n, job, now_ms);
            return;
        case JOB_READ:
        case JOB_GET_AT:
        case JOB_LEASE_LIST:
            try_read(n, job);
            return;
        case JOB_LEASE_SHOW:
        case JOB_LEASE_KEEP:
        case JOB_HEALTH:
        case JOB_TRANSFER:
        case JOB_MEMBER:
            member_job_try(n, job);
            return;
        case JOB_DUMP:
            dumps_try(n, job);
            return;
        case JOB_STATUS:
        case JOB_FORM_WITHOUT:
        case JOB_FORM_FORGET:
            break;
    }
    UNREACHABLE("every kind has a row");
}

/* It is for the leader, whoever that is. */
static bool is_led(const struct job *job)
{
    return job->kind != JOB_STATUS && job->kind != JOB_HEALTH;
}

void jobs_add(struct node *n, struct job *job)
{
    list_push_back(&n->jobs, &job->link);
    list_push_back(bucket(n, job->id), &job->by_id);
    n->job_count++;
    job->began_ms = node_now_ms();
    if (n->stopping) {
        jobs_finish(n, job, is_led(job) && is_served(job) ? ERR_NOT_LEADER : ERR_CLOSED, NULL);
        return;
    }
    if (n->poke_at_ms == 0) {
        n->poke_at_ms = job->began_ms + NODE_POKE_MS; /* its deadline is looked at from there on */
    }
    try_job(n, job, job->began_ms);
}

void jobs_core_done(struct node *n, struct core_done *done)
{
    struct job *job = jobs_find(n, done->ticket);
    if (job == NULL || job->state != JOB_IN_CORE) {
        return;
    }
    uint64_t now_ms = node_now_ms();
    job->state = JOB_WAITING;
    if (done->request == CORE_PROPOSE && done->status == 0) {
        jobs_command_done(n, job, &done->result, done->revision);
        return;
    }
    if (done->request == CORE_PROPOSE) {
        jobs_command_failed(n, job, done->status, err_text(done->status));
        return;
    }
    if (done->status == 0) {
        job->is_confirmed = true;
        reads_answer(n, job);
        return;
    }
    if (err_may_retry(done->status) && done->status != ERR_BUSY) {
        jobs_wait(n, job, now_ms + NODE_POKE_MS / 5);
        return;
    }
    jobs_finish(n, job, done->status, NULL);
}

void jobs_cancel(struct node *n, uint64_t id)
{
    struct job *job = jobs_find(n, id);
    if (job != NULL && !is_served(job)) {
        jobs_finish(n, job, ERR_CANCELED, NULL);
    }
}

void jobs_lost_peer(struct node *n, uint64_t member)
{
    uint64_t now_ms = node_now_ms();
    LIST_FOR_EACH_SAFE (struct job, job, &n->jobs, link) {
        if (job->kind == JOB_STATUS && !is_served(job)) {
            status_lost(n, job, member);
        } else if (job->state == JOB_ASKED && job->asked_to == member) {
            jobs_wait(n, job, now_ms + NODE_POKE_MS / 5);
        }
    }
}

static bool is_read(const struct job *job)
{
    return job->kind == JOB_READ || job->kind == JOB_GET_AT || job->kind == JOB_LEASE_LIST ||
           job->kind == JOB_LEASE_SHOW;
}

/* Nobody knows, or can not know yet, that nothing came of it and nothing will. */
static bool may_be_applied(const struct job *job)
{
    bool led = job->kind == JOB_MEMBER || job->kind == JOB_TRANSFER;
    return job->kind == JOB_COMMAND ? job->unsettled > 0
                                    : led && (job->was_sent || job->asked_to != 0);
}

/* With who is not heard, for whoever waited in vain. */
static void end_by_time(struct node *n, struct job *job, int code)
{
    char who[ERR_MSG_MAX / 2];
    if (status_missing(n, who, sizeof(who))) {
        jobs_finish(n, job, code, "%s: of the voters %s", err_text(code), who);
    } else {
        jobs_finish(n, job, code, NULL);
    }
}

static void time_is_over(struct node *n, struct job *job)
{
    if (job->kind == JOB_STATUS) {
        jobs_finish(n, job, 0, NULL); /* with those who have answered */
        return;
    }
    const struct engine *engine = n->core != NULL ? core_engine(n->core) : NULL;
    bool no_leader = engine == NULL || engine_leader(engine) == 0;
    bool just_leads =
        engine != NULL && engine_role(engine) == ENGINE_LEADER && !engine_is_established(engine);
    bool is_open = may_be_applied(job);
    if (is_open && job->message[0] != '\0') {
        char last[ERR_MSG_MAX];
        (void)snprintf(last, sizeof(last), "%s", job->message);
        jobs_finish(n, job, ERR_TIMEOUT, "%s; the last that was heard: %s", err_text(ERR_TIMEOUT),
                    last);
    } else if (is_open) {
        end_by_time(n, job, ERR_TIMEOUT);
    } else if (just_leads) {
        jobs_finish(n, job, ERR_NO_QUORUM,
                    "this node was just elected and has committed nothing yet");
    } else if (no_leader && n->phase_text[0] != '\0') {
        jobs_finish(n, job, ERR_NO_QUORUM, "%s: %s", err_text(ERR_NO_QUORUM), n->phase_text);
    } else {
        bool unheard = no_leader || is_read(job) || job->kind == JOB_COMMAND;
        end_by_time(n, job, unheard ? ERR_NO_QUORUM : ERR_TIMEOUT);
    }
}

static void poke(struct node *n, struct job *job, uint64_t now_ms)
{
    uint64_t leader = n->core != NULL ? engine_leader(core_engine(n->core)) : 0;
    bool moved = job->state == JOB_ASKED && is_led(job) && leader != 0 && leader != job->asked_to;
    if (moved) {
        job->state = JOB_WAITING; /* its answer may still come, and is as good */
    }
    if (job->state == JOB_WAITING && now_ms >= job->again_ms) {
        try_job(n, job, now_ms);
        return;
    }
    uint64_t at_ms = job->state == JOB_WAITING && job->again_ms < job->deadline_ms
                         ? job->again_ms
                         : job->deadline_ms;
    n->poke_at_ms = n->poke_at_ms == 0 || at_ms < n->poke_at_ms ? at_ms : n->poke_at_ms;
}

void jobs_poke(struct node *n, uint64_t now_ms)
{
    size_t left = ENDED_AT_ONCE_MAX;
    n->poke_now = false;
    n->poke_at_ms = 0;
    LIST_FOR_EACH_SAFE (struct job, job, &n->jobs, link) {
        if (now_ms < job->deadline_ms) {
            poke(n, job, now_ms);
        } else if (left > 0) {
            left--;
            time_is_over(n, job);
        }
    }
    if (list_empty(&n->jobs)) {
        return;
    }
    uint64_t next_ms = now_ms + (left > 0 ? NODE_POKE_MS : 1);
    n->poke_at_ms = n->poke_at_ms == 0 || next_ms < n->poke_at_ms ? next_ms : n->poke_at_ms;
}

/* What another member asked for is asked again by it, of the next leader. */
static int closing_status(const struct job *job)
{
    bool is_open = may_be_applied(job);
    if (is_served(job) && is_led(job)) {
        return is_open ? ERR_LOST_LEADER : ERR_NOT_LEADER;
    }
    return is_open ? ERR_CANCELED : ERR_CLOSED;
}

void jobs_close(struct node *n)
{
    LIST_FOR_EACH_SAFE (struct job, job, &n->jobs, link) {
        job->message[0] = '\0';
        jobs_finish(n, job, closing_status(job), NULL);
    }
}
