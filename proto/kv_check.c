/* proto/kv_check.c - the limits and contradictions of commands, each said in one place. */
#include "proto/kv_check.h"

#include "base/must.h"
#include "base/version.h"

static int check_key(struct kv_slice key, const char *where, struct err *err)
{
    if (key.size == 0) {
        return err_set(err, ERR_INVALID, "%s: a key has at least one byte", where);
    }
    if (key.size > KV_KEY_MAX) {
        return err_set(err, ERR_TOO_LARGE, "%s: %zu bytes, at most %d", where, key.size,
                       KV_KEY_MAX);
    }
    return 0;
}

static int check_value(struct kv_slice value, const char *where, struct err *err)
{
    if (value.size > KV_VALUE_MAX) {
        return err_set(err, ERR_TOO_LARGE, "%s: %zu bytes, at most %zu", where, value.size,
                       KV_VALUE_MAX);
    }
    return 0;
}

static int check_span(const struct kv_span *span, const char *where, struct err *err)
{
    if (span->kind == KV_SPAN_KEY) {
        int rv = check_key(span->key, where, err);
        if (rv != 0) {
            return rv;
        }
    }
    if (span->key.size > KV_KEY_MAX || span->end.size > KV_KEY_MAX) {
        return err_set(err, ERR_TOO_LARGE, "%s: a bound of more than %d bytes", where, KV_KEY_MAX);
    }
    if (span->kind != KV_SPAN_RANGE && span->end.size > 0) {
        return err_set(err, ERR_INVALID, "%s: only a range has an end", where);
    }
    if (span->kind == KV_SPAN_RANGE && span->end.size > 0 &&
        kv_slice_compare(span->key, span->end) >= 0) {
        return err_set(err, ERR_INVALID, "%s: the range ends before it begins", where);
    }
    return 0;
}

static int check_ttl(uint64_t ttl_ms, const char *where, struct err *err)
{
    if (ttl_ms < KV_LEASE_TTL_MS_MIN || ttl_ms > KV_LEASE_TTL_MS_MAX) {
        return err_set(err, ERR_INVALID, "%s: %llu ms, must be between %d and %llu", where,
                       (unsigned long long)ttl_ms, KV_LEASE_TTL_MS_MIN,
                       (unsigned long long)KV_LEASE_TTL_MS_MAX);
    }
    return 0;
}

static int check_grant(const struct kv_lease_grant *grant, struct err *err)
{
    if (!grant->is_protected && grant->epoch != 0) {
        return err_set(err, ERR_INVALID, "grant: only a protected lease has an epoch");
    }
    if (grant->epoch == UINT64_MAX) {
        return err_set(err, ERR_INVALID, "grant: leaves no epoch above it");
    }
    return check_ttl(grant->ttl_ms, "grant.ttl_ms", err);
}

static int check_op(const struct kv_op *op, struct err *err)
{
    int rv = 0;
    switch (op->kind) {
        case KV_OP_PUT:
            rv = check_key(op->put.key, "put.key", err);
            return rv != 0 ? rv : check_value(op->put.value, "put.value", err);
        case KV_OP_DELETE:
            return check_span(&op->remove.span, "delete", err);
        case KV_OP_RANGE:
            return check_span(&op->range.span, "range", err);
        case KV_OP_LEASE:
            return check_grant(&op->grant, err);
    }
    UNREACHABLE("an op has one of four kinds");
}

/* May @a and @b stand in one list? A key is written or deleted once, a lease granted once, and at
 * most one grant brings an epoch: so a revision has one event for a key, and no op undoes another.
 */
static const char *clash(const struct kv_op *a, const struct kv_op *b)
{
    if (a->kind == KV_OP_PUT && b->kind == KV_OP_PUT) {
        return kv_slice_equal(a->put.key, b->put.key) ? "writes a key that the list writes already"
                                                      : NULL;
    }
    if (a->kind == KV_OP_PUT && b->kind == KV_OP_DELETE) {
        return kv_span_holds(&b->remove.span, a->put.key) ? "deletes a key that the list writes"
                                                          : NULL;
    }
    if (a->kind == KV_OP_DELETE && b->kind == KV_OP_PUT) {
        return kv_span_holds(&a->remove.span, b->put.key) ? "writes a key that the list deletes"
                                                          : NULL;
    }
    if (a->kind == KV_OP_DELETE && b->kind == KV_OP_DELETE) {
        /* Two spans that meet: one of them begins within the other. */
        return kv_span_holds(&a->remove.span, b->remove.span.key) ||
                       kv_span_holds(&b->remove.span, a->remove.span.key)
                   ? "deletes keys that the list deletes already"
                   : NULL;
    }
    if (a->kind == KV_OP_LEASE && b->kind == KV_OP_LEASE) {
        if (a->grant.id != 0 && a->grant.id == b->grant.id) {
            return "grants a lease that the list grants already";
        }
        if (a->grant.is_protected && b->grant.is_protected) {
            return "grants a second protected lease";
        }
    }
    return NULL;
}

static int check_list(const struct kv_op *ops, size_t count, const char *name, struct err *err)
{
    if (count > KV_TXN_OPS_MAX) {
        return err_set(err, ERR_TOO_LARGE, "%s: %zu ops, at most %d", name, count, KV_TXN_OPS_MAX);
    }
    for (size_t i = 0; i < count; i++) {
        int rv = check_op(&ops[i], err);
        if (rv != 0) {
            err_wrap(err, "%s[%zu]", name, i);
            return rv;
        }
        for (size_t before = 0; before < i; before++) {
            const char *why = clash(&ops[before], &ops[i]);
            if (why != NULL) {
                return err_set(err, ERR_INVALID, "%s[%zu]: %s", name, i, why);
            }
        }
    }
    return 0;
}

static int check_compare(const struct kv_compare *compare, struct err *err)
{
    int rv = check_key(compare->key, "key", err);
    if (rv != 0) {
        return rv;
    }
    rv = check_value(compare->value, "value", err);
    if (rv != 0) {
        return rv;
    }
    if (compare->target == KV_TARGET_EXISTS &&
        (compare->number > 1 || compare->relation == KV_LESS || compare->relation == KV_GREATER)) {
        return err_set(err, ERR_INVALID, "existence is equal or not to 0 or 1");
    }
    if (compare->target == KV_TARGET_VALUE ? compare->number != 0 : compare->value.size != 0) {
        return err_set(err, ERR_INVALID, "takes a value or a number, not both");
    }
    return 0;
}

static int check_txn(const struct kv_txn *txn, struct err *err)
{
    if (txn->compare_count > KV_TXN_OPS_MAX) {
        return err_set(err, ERR_TOO_LARGE, "compares: %zu, at most %d", txn->compare_count,
                       KV_TXN_OPS_MAX);
    }
    for (size_t i = 0; i < txn->compare_count; i++) {
        int rv = check_compare(&txn->compares[i], err);
        if (rv != 0) {
            err_wrap(err, "compares[%zu]", i);
            return rv;
        }
    }
    int rv = check_list(txn->then_ops, txn->then_count, "then", err);
    if (rv != 0) {
        return rv;
    }
    return check_list(txn->else_ops, txn->else_count, "else", err);
}

static int check_lease_end(const struct kv_command *command, struct err *err)
{
    const struct kv_lease_end *end = &command->lease_end;
    if (end->id == 0) {
        return err_set(err, ERR_INVALID, "lease_end.id: no lease has the id 0");
    }
    if ((end->epoch != 0) != (end->kind == KV_LEASE_RELEASE)) {
        return err_set(err, ERR_INVALID, "lease_end.epoch: a release names it, and nothing else");
    }
    if (!command->system && end->kind == KV_LEASE_EXPIRE) { /* or anybody could make room early */
        return err_set(err, ERR_INVALID, "lease_end.kind: an expiry comes from the store itself");
    }
    if (end->generation == 0 && end->kind == KV_LEASE_EXPIRE) {
        return err_set(err, ERR_INVALID, "lease_end.generation: an expiry names it");
    }
    if (end->generation != 0 && end->kind == KV_LEASE_RELEASE) {
        return err_set(err, ERR_INVALID, "lease_end.generation: a release names the epoch instead");
    }
    return 0;
}

static int check_lease_change(const struct kv_lease_change *change, struct err *err)
{
    if (change->id == 0) {
        return err_set(err, ERR_INVALID, "lease_change.id: no lease has the id 0");
    }
    if (change->ttl_ms == 0 && !change->stop_renewal) {
        return err_set(err, ERR_INVALID, "lease_change: changes nothing");
    }
    return change->ttl_ms == 0 ? 0 : check_ttl(change->ttl_ms, "lease_change.ttl_ms", err);
}

int kv_level_check(uint64_t level, struct err *err)
{
    if (level > KV_FEATURE_LEVEL_MAX) {
        return err_set(err, ERR_VERSION,
                       "this cluster is at feature level %llu, and this program (" PGRAFT_VERSION
                       ") knows up to %d: start the version that the other members run "
                       "(docs/upgrade.md)",
                       (unsigned long long)level, KV_FEATURE_LEVEL_MAX);
    }
    return 0;
}

static int check_setting(const struct kv_setting *setting, struct err *err)
{
    switch (setting->kind) {
        case KV_SETTING_QUOTA_BYTES:
            if (setting->value < KV_QUOTA_BYTES_MIN || setting->value > KV_QUOTA_BYTES_MAX) {
                return err_set(
                    err, ERR_INVALID, "setting.quota_bytes: %llu, must be between %llu and %llu",
                    (unsigned long long)setting->value, (unsigned long long)KV_QUOTA_BYTES_MIN,
                    (unsigned long long)KV_QUOTA_BYTES_MAX);
            }
            return 0;
        case KV_SETTING_FEATURE_LEVEL:
            return kv_level_check(setting->value, err);
        case KV_SETTING_EPOCH_FLOOR:
            if (setting->value >= UINT64_MAX - 1) {
                return err_set(err, ERR_INVALID, "setting.epoch_floor: leaves no epoch above it");
            }
            return 0;
        case KV_SETTING_HOLD_EPOCHS:
            if (setting->value > 1) {
                return err_set(err, ERR_INVALID, "setting.hold_epochs: 0 or 1");
            }
            return 0;
    }
    UNREACHABLE("a setting has one of four kinds");
}

static int check_head(const struct kv_command *command, struct err *err)
{
    if (command->client == 0 &&
        (command->sequence != 0 || command->acked != 0 || command->since != 0)) {
        return err_set(err, ERR_INVALID, "sequence, acked and since: only with a client");
    }
    if (command->client != 0 && (command->sequence == 0 || command->sequence == UINT64_MAX)) {
        return err_set(err, ERR_INVALID, "sequence: a client counts from 1 up");
    }
    if (command->acked > command->sequence) {
        return err_set(err, ERR_INVALID, "acked: %llu, above the sequence %llu",
                       (unsigned long long)command->acked, (unsigned long long)command->sequence);
    }
    if ((command->holder_lease == 0) != (command->holder_epoch == 0)) {
        return err_set(err, ERR_INVALID, "holder: a lease and its epoch, or neither");
    }
    return 0;
}

int kv_command_check(const struct kv_command *command, struct err *err)
{
    int rv = check_head(command, err);
    if (rv != 0) {
        return rv;
    }
    switch (command->kind) {
        case KV_OP:
            return check_op(&command->op, err);
        case KV_TXN:
            return check_txn(&command->txn, err);
        case KV_LEASE_END:
            return check_lease_end(command, err);
        case KV_LEASE_CHANGE:
            return check_lease_change(&command->lease_change, err);
        case KV_SETTING:
            return check_setting(&command->setting, err);
        case KV_COMPACT:
        case KV_NOOP:
            return 0;
    }
    UNREACHABLE("a command has one of seven kinds");
}

int kv_range_check(const struct kv_range *range, struct err *err)
{
    return check_span(&range->span, "range", err);
}
