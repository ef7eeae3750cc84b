/* tests/lib/kv_model.c - the plain state machine. */
#include "tests/lib/kv_model.h"

#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/must.h"
#include "consensus/client_table.h"
#include "proto/kv_codec.h"

void model_init(struct model *model)
{
    memset(model, 0, sizeof(*model));
    model->now.quota_bytes = KV_QUOTA_BYTES_DEFAULT;
    model->now.feature_level = 1;
    arena_reset(&model->pool, SIZE_MAX / 2);
}

static void client_close(struct model_client *client)
{
    for (size_t i = 0; i < client->result_count; i++) {
        buf_close(&client->results[i].bytes);
    }
    mem_free(client->results);
}

void model_close(struct model *model)
{
    for (size_t i = 0; i < model->client_count; i++) {
        client_close(&model->clients[i]);
    }
    buf_close(&model->result);
    arena_close(&model->arena);
    arena_close(&model->pool);
}

/* ---- keys ---- */

static struct kv_slice keep(struct model *model, struct kv_slice slice)
{
    void *bytes = arena_alloc(&model->pool, slice.size);
    MUST(bytes != NULL);
    if (slice.size > 0) {
        memcpy(bytes, slice.bytes, slice.size);
    }
    return kv_slice(bytes, slice.size);
}

const struct kv_pair *model_find_key(const struct model *model, struct kv_slice key)
{
    for (size_t i = 0; i < model->now.key_count; i++) {
        if (kv_slice_equal(model->now.keys[i].key, key)) {
            return &model->now.keys[i];
        }
    }
    return NULL;
}

struct model_lease *model_find_lease(struct model *model, uint64_t id)
{
    for (size_t i = 0; i < model->now.lease_count; i++) {
        if (model->now.leases[i].id == id) {
            return &model->now.leases[i];
        }
    }
    return NULL;
}

static uint64_t cost_of(const struct kv_pair *pair)
{
    return pair->key.size + pair->value.size + KV_PAIR_OVERHEAD;
}

uint64_t model_used_bytes(const struct model *model)
{
    uint64_t bytes = model->now.lease_count * KV_PAIR_OVERHEAD;
    for (size_t i = 0; i < model->now.key_count; i++) {
        bytes += cost_of(&model->now.keys[i]);
    }
    return bytes;
}

static void happen(struct model *model, bool is_delete, const struct kv_pair *pair)
{
    MUST(model->event_count < MODEL_EVENTS_MAX);
    model->events[model->event_count] = (struct model_event){
        .revision = model->now.revision + 1, .is_delete = is_delete, .pair = *pair};
    model->event_count++;
}

static void delete_at(struct model *model, size_t slot)
{
    struct model_state *now = &model->now;
    happen(model, true, &now->keys[slot]);
    memmove(&now->keys[slot], &now->keys[slot + 1],
            (now->key_count - slot - 1) * sizeof(now->keys[0]));
    now->key_count--;
}

/* ---- ops ---- */

static bool may_show(const struct model *model, uint64_t cost)
{
    return model->answer_bytes == 0 || model->answer_bytes + cost <= KV_ANSWER_BYTES_MAX;
}

/* Show @count pairs as far as the answer takes them. */
static void show(struct model *model, const struct kv_pair *pairs, size_t count, bool keys_only,
                 struct kv_op_result *result)
{
    struct kv_pair *shown = arena_array(&model->arena, count, sizeof(*shown));
    MUST(shown != NULL);
    result->pairs = shown;
    for (size_t i = 0; i < count; i++) {
        struct kv_pair pair = pairs[i];
        if (keys_only) {
            pair.value = kv_slice(NULL, 0);
        }
        if (!may_show(model, cost_of(&pair))) {
            result->more = true;
            return;
        }
        model->answer_bytes += cost_of(&pair);
        shown[i] = pair;
        result->pair_count++;
    }
}

static bool holds(const struct kv_command *command, const struct model_lease *lease)
{
    return command->holder_lease == lease->id && command->holder_epoch == lease->epoch;
}

static uint64_t marked; /* the first lease that the running command marked */

static void mark(struct model *model, uint64_t id)
{
    struct model_lease *lease = model_find_lease(model, id);
    marked = marked != 0 ? marked : id;
    if (lease->marked_index == 0) {
        lease->marked_index = model->index;
    }
}

/* Marks outlive the transaction that is put back. */
static uint64_t to_mark[MODEL_LEASES_MAX];
static size_t to_mark_count;

static int guard(struct model *model, const struct kv_command *command, const struct kv_pair *pair,
                 bool keeps_lease)
{
    const struct model_lease *lease = pair->lease ? model_find_lease(model, pair->lease) : NULL;
    if (lease == NULL || !lease->is_protected) {
        return 0;
    }
    if (!holds(command, lease)) {
        MUST(to_mark_count < MODEL_LEASES_MAX);
        to_mark[to_mark_count] = lease->id;
        to_mark_count += to_mark_count < MODEL_LEASES_MAX - 1;
        return ERR_REFUSED;
    }
    return keeps_lease ? 0 : ERR_REFUSED;
}

/* Granted by the transaction itself, so that its own keys may go on it. */
static uint64_t granted_here[KV_TXN_OPS_MAX];
static size_t granted_here_count;

static int do_put(struct model *model, const struct kv_command *command, const struct kv_put *put,
                  struct kv_op_result *result)
{
    struct model_state *now = &model->now;
    size_t slot = 0;
    while (slot < now->key_count && kv_slice_compare(now->keys[slot].key, put->key) < 0) {
        slot++;
    }
    bool is_there = slot < now->key_count && kv_slice_equal(now->keys[slot].key, put->key);
    if (is_there) {
        int rv = guard(model, command, &now->keys[slot], put->lease == now->keys[slot].lease);
        if (rv != 0) {
            return rv;
        }
    }
    if (put->lease != 0) {
        const struct model_lease *lease = model_find_lease(model, put->lease);
        bool ours = false;
        for (size_t i = 0; i < granted_here_count; i++) {
            ours |= granted_here[i] == put->lease;
        }
        if (lease == NULL) {
            return ERR_NOT_FOUND;
        }
        if (lease->is_protected && !ours && !holds(command, lease)) {
            return ERR_REFUSED;
        }
    }
    if (is_there && put->want_previous) {
        show(model, &now->keys[slot], 1, false, result);
    }
    struct kv_pair pair = {.key = keep(model, put->key),
                           .value = keep(model, put->value),
                           .create_revision = now->revision + 1,
                           .mod_revision = now->revision + 1,
                           .version = 1,
                           .lease = put->lease};
    if (is_there) {
        pair.create_revision = now->keys[slot].create_revision;
        pair.version = now->keys[slot].version + 1;
    } else {
        MUST(now->key_count < MODEL_KEYS_MAX);
        memmove(&now->keys[slot + 1], &now->keys[slot],
                (now->key_count - slot) * sizeof(now->keys[0]));
        now->key_count++;
    }
    now->keys[slot] = pair;
    happen(model, false, &pair);
    result->count = 1;
    return 0;
}

static int do_delete(struct model *model, const struct kv_command *command,
                     const struct kv_delete *remove, struct kv_op_result *result)
{
    struct model_state *now = &model->now;
    int verdict = 0;
    for (size_t i = 0; i < now->key_count; i++) {
        if (kv_span_holds(&remove->span, now->keys[i].key)) {
            int rv = guard(model, command, &now->keys[i], false);
            verdict = verdict != 0 ? verdict : rv;
        }
    }
    if (verdict != 0) {
        return verdict;
    }
    struct kv_pair *gone = arena_array(&model->arena, now->key_count, sizeof(*gone));
    MUST(gone != NULL);
    size_t slot = 0;
    while (slot < now->key_count) {
        if (kv_span_holds(&remove->span, now->keys[slot].key)) {
            gone[result->count] = now->keys[slot];
            result->count++;
            delete_at(model, slot);
        } else {
            slot++;
        }
    }
    if (remove->want_previous) {
        show(model, gone, result->count, false, result);
    }
    return 0;
}

static void do_range(struct model *model, const struct kv_range *range, struct kv_op_result *result)
{
    struct model_state *now = &model->now;
    struct kv_pair *found = arena_array(&model->arena, now->key_count, sizeof(*found));
    MUST(found != NULL);
    for (size_t i = 0; i < now->key_count; i++) {
        if (kv_span_holds(&range->span, now->keys[i].key)) {
            found[result->count] = now->keys[i];
            result->count++;
        }
    }
    if (range->count_only) {
        return;
    }
    size_t wanted = result->count;
    if (range->limit != 0 && range->limit < wanted) {
        wanted = range->limit;
    }
    show(model, found, wanted, range->keys_only, result);
    result->more = result->pair_count < result->count;
}

static bool is_granted_by(const struct kv_op *ops, size_t count, uint64_t id)
{
    for (size_t i = 0; i < count; i++) {
        if (ops[i].kind == KV_OP_LEASE && ops[i].grant.id == id) {
            return true;
        }
    }
    return false;
}

static void tell_lease(const struct model_lease *lease, struct kv_op_result *result)
{
    result->kind = KV_OP_LEASE;
    result->lease = lease->id;
    result->lease_ttl_ms = lease->ttl_ms;
    result->lease_generation = lease->generation;
    result->lease_epoch = lease->epoch;
}

static int do_grant(struct model *model, const struct kv_lease_grant *grant,
                    const struct kv_op *ops, size_t count, struct kv_op_result *result)
{
    struct model_state *now = &model->now;
    uint64_t id = grant->id;
    if (id != 0 && model_find_lease(model, id) != NULL) {
        return ERR_EXISTS;
    }
    if (id == 0) {
        id = model->index;
        while (model_find_lease(model, id) != NULL || is_granted_by(ops, count, id)) {
            id++;
        }
    }
    struct model_lease lease = {.id = id,
                                .ttl_ms = grant->ttl_ms,
                                .generation = model->index,
                                .granted_index = model->index,
                                .holder = grant->holder,
                                .is_protected = grant->is_protected};
    if (grant->is_protected) {
        if (now->hold_epochs) {
            return ERR_REFUSED;
        }
        lease.epoch = grant->epoch != 0 ? grant->epoch : now->epoch + 1;
        if (lease.epoch <= now->epoch || lease.epoch == UINT64_MAX) {
            return ERR_CONFLICT;
        }
        now->epoch = lease.epoch;
    }
    MUST(now->lease_count < MODEL_LEASES_MAX);
    now->leases[now->lease_count] = lease;
    now->lease_count++;
    granted_here[granted_here_count] = id;
    granted_here_count++;
    tell_lease(&lease, result);
    return 0;
}

static int do_op(struct model *model, const struct kv_command *command, const struct kv_op *ops,
                 size_t count, size_t i)
{
    struct kv_op_result *result = &model->ops[i];
    *result = (struct kv_op_result){.kind = ops[i].kind};
    switch (ops[i].kind) {
        case KV_OP_PUT:
            return do_put(model, command, &ops[i].put, result);
        case KV_OP_DELETE:
            return do_delete(model, command, &ops[i].remove, result);
        case KV_OP_RANGE:
            do_range(model, &ops[i].range, result);
            return 0;
        case KV_OP_LEASE:
            return do_grant(model, &ops[i].grant, ops, count, result);
    }
    UNREACHABLE("four kinds");
}

/* Without the unused ends of its arrays. */
static void copy_state(struct model_state *to, const struct model_state *from)
{
    memcpy(to, from, offsetof(struct model_state, keys));
    memcpy(to->keys, from->keys, from->key_count * sizeof(from->keys[0]));
    memcpy(to->leases, from->leases, from->lease_count * sizeof(from->leases[0]));
}

static int run_list(struct model *model, const struct kv_command *command, const struct kv_op *ops,
                    size_t count, struct kv_result *result)
{
    struct model_state *now = &model->now;
    uint64_t before = model_used_bytes(model);
    copy_state(&model->saved, now);
    granted_here_count = 0;
    int rv = 0;
    for (size_t i = 0; i < count && rv == 0; i++) {
        rv = do_op(model, command, ops, count, i);
        result->failed_op = rv != 0 ? (uint32_t)i : 0;
    }
    uint64_t after = model_used_bytes(model);
    bool over = rv == 0 && !command->system && after > before && after > now->quota_bytes;
    if (rv != 0 || over) {
        copy_state(now, &model->saved);
        model->event_count = 0;
        now->quota_alarm = now->quota_alarm || over;
        return over ? ERR_QUOTA : rv;
    }
    now->revision += model->event_count > 0;
    result->ops = model->ops;
    result->op_count = count;
    return 0;
}

/* ---- compares ---- */

static bool compare(enum kv_relation relation, int order)
{
    return relation == KV_EQUAL       ? order == 0
           : relation == KV_NOT_EQUAL ? order != 0
           : relation == KV_LESS      ? order < 0
                                      : order > 0;
}

static bool compare_holds(const struct model *model, const struct kv_compare *asked)
{
    const struct kv_pair *pair = model_find_key(model, asked->key);
    const struct kv_pair absent = {0};
    const struct kv_pair *seen = pair != NULL ? pair : &absent;
    if (asked->target == KV_TARGET_VALUE) {
        return pair != NULL &&
               compare(asked->relation, kv_slice_compare(pair->value, asked->value));
    }
    uint64_t number = asked->target == KV_TARGET_CREATE_REVISION ? seen->create_revision
                      : asked->target == KV_TARGET_MOD_REVISION  ? seen->mod_revision
                      : asked->target == KV_TARGET_VERSION       ? seen->version
                      : asked->target == KV_TARGET_LEASE         ? seen->lease
                                                                 : (uint64_t)(pair != NULL);
    return compare(asked->relation, number < asked->number ? -1 : number > asked->number);
}

static int run_txn(struct model *model, const struct kv_command *command, struct kv_result *result)
{
    const struct kv_txn *txn = &command->txn;
    for (size_t i = 0; i < txn->compare_count; i++) {
        if (!compare_holds(model, &txn->compares[i])) {
            result->succeeded = false;
        }
    }
    return result->succeeded ? run_list(model, command, txn->then_ops, txn->then_count, result)
                             : run_list(model, command, txn->else_ops, txn->else_count, result);
}

/* ---- leases, settings ---- */

static int run_lease_end(struct model *model, const struct kv_lease_end *end,
                         struct kv_result *result)
{
    struct model_state *now = &model->now;
    struct model_lease *lease = model_find_lease(model, end->id);
    if (lease == NULL) {
        return ERR_NOT_FOUND;
    }
    if (end->kind == KV_LEASE_REVOKE && end->generation != 0 &&
        end->generation != lease->granted_index) {
        return ERR_CONFLICT;
    }
    if (end->kind == KV_LEASE_REVOKE && lease->is_protected) {
        mark(model, lease->id);
        return ERR_REFUSED;
    }
    if ((end->kind == KV_LEASE_RELEASE && (!lease->is_protected || lease->epoch != end->epoch)) ||
        (end->kind == KV_LEASE_EXPIRE && lease->generation != end->generation)) {
        return ERR_CONFLICT;
    }
    model->ops[0] = (struct kv_op_result){0};
    tell_lease(lease, &model->ops[0]);
    size_t slot = 0;
    while (slot < now->key_count) {
        if (now->keys[slot].lease == end->id) {
            delete_at(model, slot);
        } else {
            slot++;
        }
    }
    model->ops[0].count = model->event_count;
    now->revision += model->event_count > 0;
    *lease = now->leases[now->lease_count - 1];
    now->lease_count--;
    result->ops = model->ops;
    result->op_count = 1;
    return 0;
}

static int run_lease_change(struct model *model, const struct kv_command *command,
                            struct kv_result *result)
{
    const struct kv_lease_change *change = &command->lease_change;
    struct model_lease *lease = model_find_lease(model, change->id);
    if (lease == NULL) {
        return ERR_NOT_FOUND;
    }
    if (lease->epoch != change->epoch) {
        return ERR_CONFLICT;
    }
    bool holder = lease->is_protected && holds(command, lease);
    bool shorter = change->ttl_ms < lease->ttl_ms && !holder;
    if (change->ttl_ms != 0 && (lease->marked_index != 0 || shorter)) {
        return ERR_REFUSED;
    }
    if (change->ttl_ms != 0) {
        lease->ttl_ms = change->ttl_ms;
        lease->generation = model->index;
    }
    if (change->stop_renewal && lease->marked_index == 0) {
        lease->marked_index = model->index;
    }
    model->ops[0] = (struct kv_op_result){0};
    tell_lease(lease, &model->ops[0]);
    result->ops = model->ops;
    result->op_count = 1;
    return 0;
}

static int run_setting(struct model *model, const struct kv_setting *setting)
{
    struct model_state *now = &model->now;
    switch (setting->kind) {
        case KV_SETTING_QUOTA_BYTES:
            now->quota_bytes = setting->value;
            now->quota_alarm = now->quota_alarm || model_used_bytes(model) > setting->value;
            return 0;
        case KV_SETTING_FEATURE_LEVEL:
            return setting->value < now->feature_level ? ERR_CONFLICT : 0;
        case KV_SETTING_EPOCH_FLOOR:
            if (setting->value < now->epoch) {
                return ERR_CONFLICT;
            }
            now->epoch = setting->value;
            return 0;
        case KV_SETTING_HOLD_EPOCHS:
            now->hold_epochs = setting->value == 1;
            return 0;
    }
    UNREACHABLE("four settings");
}

static int run(struct model *model, const struct kv_command *command, struct kv_result *result)
{
    switch (command->kind) {
        case KV_OP:
            return run_list(model, command, &command->op, 1, result);
        case KV_TXN:
            return run_txn(model, command, result);
        case KV_LEASE_END:
            return run_lease_end(model, &command->lease_end, result);
        case KV_LEASE_CHANGE:
            return run_lease_change(model, command, result);
        case KV_SETTING:
            return run_setting(model, &command->setting);
        case KV_COMPACT:
            if (command->compact_revision > model->now.revision) {
                return ERR_INVALID;
            }
            if (command->compact_revision > model->now.compacted) {
                model->now.compacted = command->compact_revision;
            }
            return 0;
        case KV_NOOP:
            return 0;
    }
    UNREACHABLE("seven kinds");
}

/* ---- clients ---- */

static struct model_client *find_client(struct model *model, uint64_t id)
{
    for (size_t i = 0; i < model->client_count; i++) {
        if (model->clients[i].id == id) {
            return &model->clients[i];
        }
    }
    return NULL;
}

/* Forget the results of @client below @floor. */
static void raise_floor(struct model *model, struct model_client *client, uint64_t floor)
{
    client->floor = floor > client->floor ? floor : client->floor;
    size_t kept = 0;
    for (size_t i = 0; i < client->result_count; i++) {
        if (client->results[i].sequence >= client->floor) {
            client->results[kept] = client->results[i];
            kept++;
        } else {
            model->result_bytes -= client->results[i].cost;
            buf_close(&client->results[i].bytes);
        }
    }
    client->result_count = kept;
}

static void drop_oldest_result(struct model *model)
{
    struct model_client *of = NULL;
    const struct model_result *oldest = NULL;
    for (size_t i = 0; i < model->client_count; i++) {
        for (size_t at = 0; at < model->clients[i].result_count; at++) {
            const struct model_result *result = &model->clients[i].results[at];
            if (oldest == NULL || result->index < oldest->index) {
                oldest = result;
                of = &model->clients[i];
            }
        }
    }
    MUST(of != NULL);
    MUST(oldest != NULL);
    raise_floor(model, of, oldest->sequence + 1);
}

static void drop_quietest_client(struct model *model)
{
    size_t quietest = 0;
    for (size_t i = 1; i < model->client_count; i++) {
        if (model->clients[i].last_index < model->clients[quietest].last_index) {
            quietest = i;
        }
    }
    struct model_client *client = &model->clients[quietest];
    model->horizon = client->last_index;
    raise_floor(model, client, UINT64_MAX);
    mem_free(client->results);
    *client = model->clients[model->client_count - 1];
    model->client_count--;
}

static uint64_t lowest_sequence(const struct model_client *client)
{
    uint64_t lowest = UINT64_MAX;
    for (size_t i = 0; i < client->result_count; i++) {
        lowest = client->results[i].sequence < lowest ? client->results[i].sequence : lowest;
    }
    return lowest;
}

static void remember(struct model *model, const struct kv_command *command,
                     const struct kv_result *result)
{
    struct model_client *client = find_client(model, command->client);
    if (client == NULL) {
        MUST(model->client_count < MODEL_CLIENTS_ROOM);
        client = &model->clients[model->client_count];
        model->client_count++;
        *client = (struct model_client){.id = command->client};
    }
    client->last_index = model->index;
    raise_floor(model, client, command->acked);
    struct model_result kept = {.sequence = command->sequence, .index = model->index};
    kv_result_encode(result, &kept.bytes);
    /* What the machine keeps in its own way counts as nothing, the rest as its encoded size. */
    bool is_plain =
        result->op_count == 0 || (result->op_count == 1 && result->ops[0].pair_count == 0);
    kept.is_cut = !is_plain && kept.bytes.size > CLIENT_RESULT_BYTES_MAX;
    kept.cost = sizeof(struct client_result) + (is_plain || kept.is_cut ? 0 : kept.bytes.size);
    client->results = mem_grow(client->results, client->result_count + 1, sizeof(*client->results));
    client->results[client->result_count] = kept;
    client->result_count++;
    model->result_bytes += kept.cost;
    while (client->result_count > CLIENT_RESULTS_MAX) {
        raise_floor(model, client, lowest_sequence(client) + 1);
    }
    while (model->result_bytes > CLIENT_BYTES_MAX) {
        drop_oldest_result(model);
    }
    while (model->client_count > CLIENTS_MAX) {
        drop_quietest_client(model);
    }
}

/* The answer to a request that is not to be applied; false: it is. */
static bool answer_from_memory(struct model *model, const struct kv_command *command,
                               struct kv_result *result, struct kv_decoder *decoder)
{
    if (command->client == 0) {
        return false;
    }
    const struct model_client *client = find_client(model, command->client);
    if (client == NULL ? command->since < model->horizon : command->sequence < client->floor) {
        *result = (struct kv_result){
            .code = ERR_EXPIRED, .index = model->index, .revision = model->now.revision};
        return true;
    }
    for (size_t i = 0; client != NULL && i < client->result_count; i++) {
        const struct model_result *kept = &client->results[i];
        if (kept->sequence == command->sequence) {
            int rv = kv_result_decode(decoder, kept->bytes.bytes, kept->bytes.size, result, NULL);
            MUST(rv == 0);
            result->replayed = true;
            if (kept->is_cut) {
                result->code = ERR_EXPIRED;
                result->op_count = 0;
            }
            return true;
        }
    }
    return false;
}

void model_apply(struct model *model, uint64_t index, const struct kv_command *command)
{
    model->index = index;
    model->event_count = 0;
    model->answer_bytes = 0;
    marked = 0;
    to_mark_count = 0;
    arena_reset(&model->arena, SIZE_MAX / 2);
    buf_clear(&model->result);
    struct kv_decoder decoder = {0};
    struct kv_result result = {.succeeded = true, .index = index};
    if (!answer_from_memory(model, command, &result, &decoder)) {
        result.code = run(model, command, &result);
        for (size_t i = 0; i < to_mark_count; i++) {
            mark(model, to_mark[i]);
        }
        result.marked_lease = marked;
        result.op_count = result.code != 0 ? 0 : result.op_count;
        result.revision = model->now.revision;
        if (model->now.quota_alarm && model_used_bytes(model) <= model->now.quota_bytes / 10 * 9) {
            model->now.quota_alarm = false;
        }
        if (command->client != 0) {
            remember(model, command, &result);
        }
    }
    kv_result_encode(&result, &model->result);
    kv_decoder_close(&decoder);
}
