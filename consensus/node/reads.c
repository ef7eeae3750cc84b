/* consensus/node/reads.c - answers from this node's own state, copied out of it.
 *
 * When it comes to this the state is new enough: the core has confirmed the read, or the caller
 * asked for whatever is there. */
#include <string.h>

#include "base/must.h"
#include "consensus/node/node.h"

#define LEASES_LISTED_MAX 10000

static void finish_with_revision(struct node *n, struct job *job)
{
    struct machine_status status;
    machine_status(core_machine(n->core), &status);
    job->answer_revision = status.revision;
    job->result.revision = status.revision;
    job->result.index = status.index;
    job->age_ms = job->local ? status_age_ms(n) : 0;
    jobs_finish(n, job, job->result.code, "%s", job->message);
}

static void answer_ranges(struct node *n, struct job *job)
{
    const struct kv_txn *txn = &job->command.txn;
    struct kv_op_result *ops = job_room(job, txn->then_count * sizeof(*ops));
    for (size_t i = 0; i < txn->then_count; i++) {
        arena_reset(&n->scratch, MACHINE_RANGE_ARENA);
        struct kv_op_result found = {.kind = KV_OP_RANGE};
        machine_range(core_machine(n->core), &txn->then_ops[i].range, &n->scratch, &found);
        job_room_result(job, &found, &ops[i]);
    }
    job->has_result = true;
    job->result = (struct kv_result){.succeeded = true, .ops = ops, .op_count = txn->then_count};
    finish_with_revision(n, job);
}

static void answer_get_at(struct node *n, struct job *job)
{
    struct kv_pair pair;
    struct kv_op_result *op = job_room(job, sizeof(*op));
    *op = (struct kv_op_result){.kind = KV_OP_RANGE};
    struct kv_slice key = job->command.txn.then_ops[0].range.span.key;
    int code = machine_get_at(core_machine(n->core), key, job->revision, &pair);
    if (code == 0) {
        struct kv_op_result found = {
            .kind = KV_OP_RANGE, .count = 1, .pairs = &pair, .pair_count = 1};
        job_room_result(job, &found, op);
    }
    if (code == ERR_COMPACTED) {
        job->oldest_revision = watch_hub_oldest(n->hub) - 1;
        (void)snprintf(job->message, sizeof(job->message),
                       "revision %llu is no longer kept: the oldest is %llu",
                       (unsigned long long)job->revision, (unsigned long long)job->oldest_revision);
    } else if (code == ERR_INVALID) {
        (void)snprintf(job->message, sizeof(job->message), "revision %llu is still to come",
                       (unsigned long long)job->revision);
    }
    job->has_result = true;
    job->result = (struct kv_result){
        .code = code == ERR_NOT_FOUND ? 0 : code, .succeeded = true, .ops = op, .op_count = 1};
    finish_with_revision(n, job);
}

/* ---- leases ---- */

static void copy_lease(const struct machine_lease *in, struct pgraft_lease_info *out)
{
    *out = (struct pgraft_lease_info){.id = in->id,
                                      .ttl_ms = in->ttl_ms,
                                      .grant = in->granted_index,
                                      .epoch = in->epoch,
                                      .holder = in->holder,
                                      .key_count = in->key_count,
                                      .is_protected = in->is_protected,
                                      .is_ending = in->marked_index != 0};
}

static void answer_list(struct node *n, struct job *job)
{
    const struct machine *machine = core_machine(n->core);
    struct machine_lease lease = {.id = 0};
    size_t count = 0;
    while (count < LEASES_LISTED_MAX && machine_lease_next(machine, lease.id, &lease)) {
        count++;
    }
    job->leases = job_room(job, count * sizeof(*job->leases));
    lease.id = 0;
    for (size_t i = 0; i < count && machine_lease_next(machine, lease.id, &lease); i++) {
        struct pgraft_lease_info *info = &job->leases[i];
        copy_lease(&lease, info);
        info->left_known = core_lease_left(n->core, node_now_ms(), lease.id, &info->left_ms) == 0;
        job->lease_count = i + 1;
    }
    finish_with_revision(n, job);
}

static void copy_keys(struct node *n, struct job *job, struct pgraft_lease_info *info)
{
    const struct kv_slice *keys = NULL;
    arena_reset(&n->scratch, MACHINE_RANGE_ARENA);
    if (info->key_count > MACHINE_RANGE_ARENA / 32) {
        return; /* the count says it */
    }
    size_t count = machine_lease_keys(core_machine(n->core), info->id, &n->scratch, &keys);
    struct pgraft_slice *list = job_room(job, count * sizeof(*list));
    for (size_t i = 0; i < count && i < 1000; i++) {
        struct kv_slice key = job_room_slice(job, keys[i]);
        list[i] = (struct pgraft_slice){key.bytes, key.size};
        info->keys_listed = i + 1;
    }
    info->keys = list;
}

/* @job->flags: what is left of it. */
static void answer_show(struct node *n, struct job *job)
{
    struct machine_lease lease;
    if (!machine_lease(core_machine(n->core), job->subject, &lease)) {
        jobs_finish(n, job, ERR_NOT_FOUND, "there is no lease %llx",
                    (unsigned long long)job->subject);
        return;
    }
    job->leases = job_room(job, sizeof(*job->leases));
    job->lease_count = 1;
    copy_lease(&lease, job->leases);
    job->leases->left_ms = job->flags;
    job->leases->left_known = true;
    copy_keys(n, job, job->leases);
    finish_with_revision(n, job);
}

void reads_answer(struct node *n, struct job *job)
{
    switch ((int)job->kind) {
        case JOB_READ:
            answer_ranges(n, job);
            return;
        case JOB_GET_AT:
            answer_get_at(n, job);
            return;
        case JOB_LEASE_LIST:
            answer_list(n, job);
            return;
        case JOB_LEASE_SHOW:
            answer_show(n, job);
            return;
        case JOB_LEASE_KEEP:
        case JOB_MEMBER:
            member_job_try(n, job); /* again, now that this copy is new enough */
            return;
        default:
            MUST(job->kind == JOB_HEALTH);
            finish_with_revision(n, job);
            return;
    }
}
