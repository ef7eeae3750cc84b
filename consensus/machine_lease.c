/* consensus/machine_lease.c - granting, changing and ending leases.
 *
 * How a protected lease is read stands in machine.h. */
#include <stdlib.h>

#include "base/mem.h"
#include "base/must.h"
#include "consensus/machine_impl.h"

void machine_lease_facts(const struct lease *lease, struct machine_lease *ret_lease)
{
    *ret_lease = (struct machine_lease){.id = lease->id,
                                        .ttl_ms = lease->ttl_ms,
                                        .generation = lease->generation,
                                        .granted_index = lease->granted_index,
                                        .holder = lease->holder,
                                        .epoch = lease->epoch,
                                        .key_count = lease->key_count,
                                        .marked_index = lease->marked_index,
                                        .is_protected = lease->is_protected};
}

void machine_fill_lease_result(const struct lease *lease, struct kv_op_result *ret_result)
{
    *ret_result = (struct kv_op_result){.kind = KV_OP_LEASE,
                                        .lease = lease->id,
                                        .lease_ttl_ms = lease->ttl_ms,
                                        .lease_generation = lease->generation,
                                        .lease_epoch = lease->epoch};
}

static void tell(const struct machine *machine, enum machine_lease_event event,
                 const struct lease *lease)
{
    if (machine->options.lease_cb != NULL) {
        struct machine_lease facts;
        machine_lease_facts(lease, &facts);
        machine->options.lease_cb(machine->options.context, event, &facts);
    }
}

static void answer(struct machine *machine, const struct lease *lease, uint64_t count)
{
    machine_fill_lease_result(lease, &machine->op_result);
    machine->op_result.count = count;
    machine->result.ops = &machine->op_result;
    machine->result.op_count = 1;
}

/* ---- granting ---- */

int machine_check_grant(const struct machine *machine, const struct kv_lease_grant *grant)
{
    if (grant->id != 0 && lease_table_find(&machine->leases, grant->id) != NULL) {
        return ERR_EXISTS;
    }
    if (!grant->is_protected) {
        return 0;
    }
    if (machine->hold_epochs) {
        return ERR_REFUSED;
    }
    uint64_t epoch = grant->epoch != 0 ? grant->epoch : machine->epoch + 1;
    return epoch > machine->epoch && epoch < UINT64_MAX ? 0 : ERR_CONFLICT;
}

struct lease *machine_grant(struct machine *machine, const struct kv_lease_grant *grant,
                            uint64_t id)
{
    struct lease *lease = lease_table_add(&machine->leases, id);
    lease->ttl_ms = grant->ttl_ms;
    lease->generation = machine->index;
    lease->granted_index = machine->index;
    lease->holder = grant->holder;
    lease->is_protected = grant->is_protected;
    if (grant->is_protected) {
        lease->epoch = grant->epoch != 0 ? grant->epoch : machine->epoch + 1;
        MUST(lease->epoch > machine->epoch);
        machine->epoch = lease->epoch;
    }
    machine->used_bytes += KV_PAIR_OVERHEAD;
    struct hash128 hash = lease_hash(lease);
    row_enter(&machine->book, &lease->row, ROW_LEASE, &hash, sizeof(*lease));
    tell(machine, MACHINE_LEASE_GRANTED, lease);
    return lease;
}

/* ---- changing ---- */

static void changed(struct machine *machine, struct lease *lease, enum machine_lease_event event)
{
    struct hash128 hash = lease_hash(lease);
    row_change(&machine->book, &lease->row, &hash);
    tell(machine, event, lease);
}

void machine_mark_lease(struct machine *machine, struct lease *lease)
{
    if (machine->result.marked_lease == 0) {
        machine->result.marked_lease = lease->id;
    }
    if (lease->marked_index == 0) {
        lease->marked_index = machine->index;
        changed(machine, lease, MACHINE_LEASE_MARKED);
    }
}

/* A holder counts with the time it was told. To give it less, it must have given up the rest before
 * (docs/leases.md): only it can say so, and an ordinary lease has nobody who can. */
static bool shortens_unasked(const struct kv_command *command, const struct lease *lease)
{
    bool holder = lease->is_protected && command->holder_lease == lease->id &&
                  command->holder_epoch == lease->epoch;
    return command->lease_change.ttl_ms < lease->ttl_ms && !holder;
}

int machine_change_lease(struct machine *machine, const struct kv_command *command)
{
    const struct kv_lease_change *change = &command->lease_change;
    struct lease *lease = lease_table_find(&machine->leases, change->id);
    if (lease == NULL) {
        return ERR_NOT_FOUND;
    }
    if (change->epoch != lease->epoch) {
        return ERR_CONFLICT;
    }
    if (change->ttl_ms != 0) {
        if (lease->marked_index != 0 || shortens_unasked(command, lease)) {
            return ERR_REFUSED; /* it shall run out, in the time that its holder knows */
        }
        /* Another generation: an expiry that counted the old time is void. */
        lease->ttl_ms = change->ttl_ms;
        lease->generation = machine->index;
        changed(machine, lease, MACHINE_LEASE_CHANGED);
    }
    if (change->stop_renewal && lease->marked_index == 0) {
        lease->marked_index = machine->index;
        changed(machine, lease, MACHINE_LEASE_MARKED);
    }
    answer(machine, lease, 0);
    return 0;
}

/* ---- ending ---- */

static int by_key(const void *a, const void *b)
{
    struct record *const *left = a;
    struct record *const *right = b;
    return kv_slice_compare(record_key(*left), record_key(*right));
}

/* Delete the keys of @lease in their order, whatever order they were attached in. */
static void remove_keys(struct machine *machine, struct lease *lease)
{
    size_t count = lease->key_count;
    struct record **records = mem_array(count, sizeof(struct record *));
    size_t found = 0;
    LIST_FOR_EACH (struct record, record, &lease->keys, lease_link) {
        MUST(found < count);
        records[found] = record;
        found++;
    }
    MUST(found == count);
    qsort(records, count, sizeof(struct record *), by_key);
    for (size_t i = 0; i < count; i++) {
        machine_remove(machine, records[i]);
    }
    mem_free(records);
    if (count > 0) {
        machine_end_revision(machine);
    }
}

static void remove_lease(struct machine *machine, struct lease *lease)
{
    uint64_t count = lease->key_count;
    remove_keys(machine, lease);
    answer(machine, lease, count);
    tell(machine, MACHINE_LEASE_REMOVED, lease);
    machine->used_bytes -= KV_PAIR_OVERHEAD;
    lease_table_remove(&machine->leases, lease);
    if (row_leave(&machine->book, &lease->row)) {
        lease_free(lease);
    }
}

/* Why @lease does not end by @end; 0 if it does. */
static int check_end(struct machine *machine, struct lease *lease, const struct kv_lease_end *end)
{
    switch (end->kind) {
        case KV_LEASE_REVOKE:
            if (end->generation != 0 && end->generation != lease->granted_index) {
                return ERR_CONFLICT;
            }
            if (lease->is_protected) {
                machine_mark_lease(machine, lease);
                return ERR_REFUSED;
            }
            return 0;
        case KV_LEASE_RELEASE:
            /* An old holder that comes late names an old epoch: nothing happens to the new one. */
            return lease->is_protected && end->epoch == lease->epoch ? 0 : ERR_CONFLICT;
        case KV_LEASE_EXPIRE:
            return end->generation == lease->generation ? 0 : ERR_CONFLICT;
    }
    UNREACHABLE("a lease ends in one of three ways");
}

int machine_end_lease(struct machine *machine, const struct kv_lease_end *end)
{
    struct lease *lease = lease_table_find(&machine->leases, end->id);
    if (lease == NULL) {
        return ERR_NOT_FOUND;
    }
    int rv = check_end(machine, lease, end);
    if (rv != 0) {
        return rv;
    }
    remove_lease(machine, lease);
    return 0;
}
