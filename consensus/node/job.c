/* consensus/node/job.c - the memory of one request. */
#include "consensus/node/job.h"

#include <string.h>

#include "base/mem.h"
#include "base/must.h"
#include "proto/kv_check.h"

/* What the structs of a command may take beside its bytes. */
#define ASK_ROOM (KV_COMMAND_MAX + (size_t)3 * KV_TXN_OPS_MAX * sizeof(struct kv_op) + 65536)
/* Of all answers to the reads of one transaction. */
#define ANSWER_ROOM ((size_t)64 * 1024 * 1024)

struct job *job_create(enum job_kind kind)
{
    struct job *job = mem_zalloc(sizeof(*job));
    job->kind = kind;
    job->text = "";
    list_init(&job->link);
    list_init(&job->by_id);
    list_init(&job->in_order);
    arena_reset(&job->arena, ASK_ROOM);
    arena_reset(&job->room, ANSWER_ROOM);
    return job;
}

void job_free(struct job *job)
{
    if (job == NULL) {
        return;
    }
    MUST(list_empty(&job->link));
    MUST(list_empty(&job->by_id));
    list_remove(&job->in_order);
    buf_close(&job->encoded);
    buf_close(&job->answer);
    arena_close(&job->arena);
    arena_close(&job->room);
    mem_free(job);
}

/* ---- what is asked ---- */

static void *copy(struct arena *arena, const void *bytes, size_t size)
{
    unsigned char *place = arena_alloc(arena, size + 1);
    MUST(place != NULL); /* the sizes were checked before */
    MUST(bytes != NULL || size == 0);
    if (size > 0) {
        memcpy(place, bytes, size);
    }
    place[size] = '\0';
    return place;
}

static void own(struct arena *arena, struct kv_slice *slice)
{
    slice->bytes = copy(arena, slice->bytes, slice->size);
}

static void own_op(struct arena *arena, struct kv_op *op)
{
    switch (op->kind) {
        case KV_OP_PUT:
            own(arena, &op->put.key);
            own(arena, &op->put.value);
            return;
        case KV_OP_DELETE:
            own(arena, &op->remove.span.key);
            own(arena, &op->remove.span.end);
            return;
        case KV_OP_RANGE:
            own(arena, &op->range.span.key);
            own(arena, &op->range.span.end);
            return;
        case KV_OP_LEASE:
            return;
    }
    UNREACHABLE("the command was checked");
}

static const struct kv_op *own_ops(struct arena *arena, const struct kv_op *ops, size_t count)
{
    if (count == 0) {
        return NULL;
    }
    struct kv_op *own_list = copy(arena, ops, count * sizeof(*ops));
    for (size_t i = 0; i < count; i++) {
        own_op(arena, &own_list[i]);
    }
    return own_list;
}

int job_set_command(struct job *job, const struct kv_command *command, struct err *err)
{
    int rv = kv_command_check(command, err);
    if (rv != 0) {
        return rv;
    }
    job->command = *command;
    if (command->kind == KV_OP) {
        own_op(&job->arena, &job->command.op);
    }
    if (command->kind == KV_TXN) {
        struct kv_txn *txn = &job->command.txn;
        txn->then_ops = own_ops(&job->arena, txn->then_ops, txn->then_count);
        txn->else_ops = own_ops(&job->arena, txn->else_ops, txn->else_count);
        struct kv_compare *compares =
            copy(&job->arena, txn->compares, txn->compare_count * sizeof(*compares));
        for (size_t i = 0; i < txn->compare_count; i++) {
            own(&job->arena, &compares[i].key);
            own(&job->arena, &compares[i].value);
        }
        txn->compares = compares;
    }
    return 0;
}

const char *job_text(struct job *job, const char *text)
{
    return copy(&job->arena, text, strlen(text));
}

/* ---- the answer ---- */

void *job_room(struct job *job, size_t size)
{
    void *place = arena_alloc(&job->room, size);
    MUST(place != NULL); /* an answer of a read has a bound of its own, and there are 128 of them at
                            the most: job_room_result() looks first */
    return place;
}

const char *job_room_text(struct job *job, const char *text)
{
    return copy(&job->room, text, strlen(text));
}

struct kv_slice job_room_slice(struct job *job, struct kv_slice slice)
{
    return kv_slice(copy(&job->room, slice.bytes, slice.size), slice.size);
}

static size_t pair_cost(const struct kv_pair *pair)
{
    return sizeof(*pair) + pair->key.size + pair->value.size + 64;
}

void job_room_result(struct job *job, const struct kv_op_result *in, struct kv_op_result *out)
{
    *out = *in;
    size_t left = job->room.limit - job->room.used;
    size_t count = 0;
    for (size_t cost = 65536; count < in->pair_count; count++) {
        cost += pair_cost(&in->pairs[count]);
        if (cost > left) {
            out->more = true;
            break;
        }
    }
    struct kv_pair *pairs = job_room(job, count * sizeof(*pairs));
    for (size_t i = 0; i < count; i++) {
        pairs[i] = in->pairs[i];
        pairs[i].key = job_room_slice(job, pairs[i].key);
        pairs[i].value = job_room_slice(job, pairs[i].value);
    }
    out->pairs = pairs;
    out->pair_count = count;
}
