/* consensus/node/asks.c - a member asks another one: jobs that leave as questions, questions that
 * come in as jobs.
 *
 * Only members of the same cluster get here (net/), and what they may ask for is what their own
 * callers may: a question gives no right that a caller of theirs does not have. A question is never
 * passed on. */
#include "consensus/node/asks.h"

#include <string.h>

#include "base/must.h"
#include "consensus/node/node.h"

#define SERVED_MAX 16384 /* at a time; beyond it ERR_BUSY */

static bool send_message(struct node *n, struct peer_message *m)
{
    m->from = n->node_id;
    m->life = 1; /* lives matter to the core alone */
    m->term = engine_term(core_engine(n->core));
    return net_send(n->net, m) == 0;
}

static uint32_t what_of(const struct job *job)
{
    switch (job->kind) {
        case JOB_COMMAND:
            return ASK_COMMAND;
        case JOB_LEASE_SHOW:
            return ASK_LEASE_LEFT;
        case JOB_STATUS:
            return ASK_STATUS;
        case JOB_HEALTH:
            return ASK_HEALTH;
        case JOB_TRANSFER:
            return ASK_TRANSFER;
        case JOB_MEMBER:
            return ASK_MEMBER;
        case JOB_READ:
        case JOB_GET_AT:
        case JOB_LEASE_KEEP:
        case JOB_LEASE_LIST:
        case JOB_FORM_WITHOUT:
        case JOB_FORM_FORGET:
        case JOB_DUMP:
            break;
    }
    UNREACHABLE("these are answered here");
}

bool asks_send(struct node *n, struct job *job, uint64_t to)
{
    uint64_t now_ms = node_now_ms();
    uint64_t left_ms = job->deadline_ms > now_ms ? job->deadline_ms - now_ms : 1;
    struct peer_message m = {.kind = PEER_ASK, .to = to};
    m.ask = (struct peer_ask){.question = job->id,
                              .what = what_of(job),
                              .wait_ms = left_ms < UINT32_MAX ? (uint32_t)left_ms : UINT32_MAX,
                              .number_count = 1};
    if (job->kind == JOB_COMMAND) {
        m.ask.bytes = job->encoded.bytes;
        m.ask.size = job->encoded.size;
    } else if (job->kind == JOB_MEMBER) {
        m.ask.number_count = 2;
        m.ask.numbers[0] = job->flags;
        m.ask.numbers[1] = job->subject;
        m.ask.bytes = job->text;
        m.ask.size = strlen(job->text);
    } else {
        m.ask.numbers[0] = job->subject;
    }
    if (!send_message(n, &m)) {
        return false;
    }
    job->state = JOB_ASKED;
    job->asked_to = to;
    return true;
}

/* ---- the other side ---- */

void asks_answer(struct node *n, struct job *job)
{
    if (n->core == NULL || n->net == NULL) {
        return;
    }
    struct peer_message m = {.kind = PEER_ANSWER, .to = job->from};
    m.answer = (struct peer_answer){.question = job->question,
                                    .status = job->status,
                                    .reason = job->message,
                                    .number_count = 1,
                                    .numbers = {job->answer_revision},
                                    .bytes = job->answer.bytes,
                                    .size = job->answer.size};
    if (job->kind == JOB_STATUS) {
        status_own_numbers(n, &m.answer);
    }
    (void)send_message(n, &m);
}

static void refuse(struct node *n, const struct peer_message *in, int status)
{
    struct peer_message m = {.kind = PEER_ANSWER, .to = in->from};
    m.answer = (struct peer_answer){
        .question = in->ask.question, .status = status, .reason = err_text(status)};
    (void)send_message(n, &m);
}

static bool job_of(const struct peer_ask *ask, enum job_kind *ret_kind)
{
    static const enum job_kind kinds[] = {
        [ASK_COMMAND] = JOB_COMMAND, [ASK_LEASE_LEFT] = JOB_LEASE_SHOW, [ASK_STATUS] = JOB_STATUS,
        [ASK_HEALTH] = JOB_HEALTH,   [ASK_TRANSFER] = JOB_TRANSFER,     [ASK_MEMBER] = JOB_MEMBER,
    };
    if (ask->what == 0 || ask->what >= ARRAY_LEN(kinds)) {
        return false;
    }
    *ret_kind = kinds[ask->what];
    return true;
}

static void receive_ask(struct node *n, const struct peer_message *in)
{
    enum job_kind kind = JOB_STATUS;
    if (!job_of(&in->ask, &kind)) {
        refuse(n, in, ERR_VERSION);
        return;
    }
    if (n->job_count >= SERVED_MAX) {
        refuse(n, in, ERR_BUSY);
        return;
    }
    struct job *job = job_create(kind);
    job->id = atomic_fetch_add(&n->next_id, 1);
    job->from = in->from;
    job->question = in->ask.question;
    job->deadline_ms = node_now_ms() + in->ask.wait_ms;
    if (kind == JOB_COMMAND) {
        buf_append(&job->encoded, in->ask.bytes, in->ask.size);
    } else if (kind == JOB_MEMBER) {
        char text[MEMBER_TEXT_SIZE];
        (void)snprintf(text, sizeof(text), "%.*s", (int)in->ask.size, (const char *)in->ask.bytes);
        job->flags = in->ask.numbers[0];
        job->subject = in->ask.number_count > 1 ? in->ask.numbers[1] : 0;
        job->text = job_text(job, text);
    } else if (kind != JOB_HEALTH) {
        job->subject = in->ask.numbers[0];
    }
    jobs_add(n, job);
}

static void receive_command_answer(struct node *n, struct job *job, const struct peer_message *in)
{
    const struct peer_answer *answer = &in->answer;
    if (answer->status == 0 && job->state == JOB_IN_CORE) {
        return; /* this node leads by now, and the same command goes through its own log */
    }
    if (job->state == JOB_ASKED && (answer->status == 0 || in->from == job->asked_to)) {
        job->state = JOB_WAITING;
    }
    if (answer->status != 0) {
        jobs_command_failed(n, job, answer->status, answer->reason);
        return;
    }
    struct buf result = {0};
    buf_append(&result, answer->bytes, answer->size);
    jobs_command_done(n, job, &result, answer->numbers[0]);
}

static void receive_answer(struct node *n, const struct peer_message *in)
{
    const struct peer_answer *answer = &in->answer;
    struct job *job = jobs_find(n, answer->question);
    if (job == NULL || job->from != 0) {
        return;
    }
    if (job->kind == JOB_COMMAND) {
        receive_command_answer(n, job, in);
        return;
    }
    if (job->state != JOB_ASKED) {
        return;
    }
    if (job->kind == JOB_STATUS) {
        status_note(n, job, in->from, answer);
        return;
    }
    bool again = answer->status == ERR_NOT_LEADER || answer->status == ERR_LOST_LEADER;
    if (again && job->kind != JOB_HEALTH) {
        bool begun = job->kind != JOB_TRANSFER || answer->status == ERR_LOST_LEADER;
        job->was_sent = job->was_sent && begun;
        jobs_wait(n, job, node_now_ms() + NODE_POKE_MS / 5);
        return;
    }
    job->answer_revision = answer->numbers[0];
    if (job->kind == JOB_LEASE_SHOW && answer->status == 0) {
        job->flags = answer->numbers[0];
        jobs_read(n, job);
        return;
    }
    jobs_finish(n, job, answer->status, "%s", answer->reason);
}

void asks_receive(struct node *n, const struct peer_message *message)
{
    if (n->core == NULL) {
        return;
    }
    if (message->kind == PEER_ASK) {
        receive_ask(n, message);
    } else {
        receive_answer(n, message);
    }
}
