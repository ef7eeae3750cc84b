/* consensus/machine_txn.c - a list of ops as one change: looked at first, as a whole, then done.
 *
 * The first pass finds every reason to refuse and changes nothing but the mark on a protected lease
 * (machine.h); the second one can not fail. Ops run in their order, so a range sees what the ops
 * before it wrote. kv_check.c has made sure that no two ops of a list meet in a key. */
#include "base/must.h"
#include "consensus/machine_impl.h"

/* What the first pass found for an op, for the second. */
struct step {
    struct record *old; /* put: the key's record */
    struct omap_at at;  /* ... and where it stands */
    uint64_t changes;   /* ... as long as the map has not changed its shape since */
    size_t count;       /* delete: how many keys */
};

struct run {
    struct machine *machine;
    const struct kv_command *command;
    const struct kv_op *ops;
    size_t count;
    struct step *steps;
    struct kv_op_result *results;
    uint64_t more; /* of the quota that the list takes */
    uint64_t less; /* ... and gives back */
    uint32_t created;
    bool has_written;
};

/* ---- first pass ---- */

static bool is_holder(const struct kv_command *command, const struct lease *lease)
{
    return command->holder_lease == lease->id && command->holder_epoch == lease->epoch;
}

/* May the command overwrite (@keeps_lease: and leave it on its lease) or delete @record? */
static int check_protected(struct run *run, const struct record *record, bool keeps_lease)
{
    if (record->lease == 0) {
        return 0;
    }
    struct lease *lease = lease_table_find(&run->machine->leases, record->lease);
    if (!lease->is_protected) {
        return 0;
    }
    if (!is_holder(run->command, lease)) {
        machine_mark_lease(run->machine, lease);
        return ERR_REFUSED;
    }
    return keeps_lease ? 0 : ERR_REFUSED;
}

static bool grants(const struct run *run, size_t before, uint64_t id)
{
    for (size_t i = 0; i < before; i++) {
        if (run->ops[i].kind == KV_OP_LEASE && run->ops[i].grant.id == id) {
            return true;
        }
    }
    return false;
}

/* May op @i attach a key to the lease @id? */
static int check_attach(const struct run *run, size_t i, uint64_t id)
{
    if (id == 0 || grants(run, i, id)) {
        return 0;
    }
    const struct lease *lease = lease_table_find(&run->machine->leases, id);
    if (lease == NULL) {
        return ERR_NOT_FOUND;
    }
    return lease->is_protected && !is_holder(run->command, lease) ? ERR_REFUSED : 0;
}

static int check_put(struct run *run, size_t i)
{
    const struct kv_put *put = &run->ops[i].put;
    struct step *step = &run->steps[i];
    step->old = record_of_item(omap_find_at(&run->machine->keys, put->key, &step->at));
    step->changes = run->machine->keys.changes;
    run->more += put->key.size + put->value.size + KV_PAIR_OVERHEAD;
    if (step->old != NULL) {
        run->less += record_charge(step->old);
        int rv = check_protected(run, step->old, put->lease == step->old->lease);
        if (rv != 0) {
            return rv;
        }
    }
    return check_attach(run, i, put->lease);
}

/* Looks at all keys even after a refusal: each protected lease among them is marked. */
static int check_delete(struct run *run, size_t i)
{
    const struct kv_span *span = &run->ops[i].remove.span;
    struct omap_at at;
    int verdict = 0;
    for (struct record *record = record_of_item(omap_seek(&run->machine->keys, span->key, &at));
         record != NULL && !kv_span_is_past(span, record_key(record));
         record = record_of_item(omap_next(&at))) {
        int rv = check_protected(run, record, false);
        verdict = verdict != 0 ? verdict : rv;
        run->less += record_charge(record);
        run->steps[i].count++;
    }
    return verdict;
}

static int check_op(struct run *run, size_t i)
{
    switch (run->ops[i].kind) {
        case KV_OP_PUT:
            return check_put(run, i);
        case KV_OP_DELETE:
            return check_delete(run, i);
        case KV_OP_RANGE:
            return 0;
        case KV_OP_LEASE:
            run->more += KV_PAIR_OVERHEAD;
            return machine_check_grant(run->machine, &run->ops[i].grant);
    }
    UNREACHABLE("an op has one of four kinds");
}

/* ---- second pass ---- */

/* Show the pairs of @records as far as the answer takes them. */
static void show_previous(struct run *run, struct record *const *records, size_t count,
                          struct kv_op_result *result)
{
    struct machine *machine = run->machine;
    struct kv_pair *pairs = arena_array(&machine->arena, count, sizeof(*pairs));
    MUST(pairs != NULL);
    size_t shown = 0;
    while (shown < count &&
           machine_answer_takes(machine->answer_bytes, record_charge(records[shown]))) {
        pairs[shown] = record_pair(records[shown]);
        machine->answer_bytes += record_charge(records[shown]);
        shown++;
    }
    result->pairs = pairs;
    result->pair_count = shown;
    result->more = shown < count;
}

static void do_put(struct run *run, size_t i)
{
    const struct kv_put *put = &run->ops[i].put;
    struct step *step = &run->steps[i];
    struct machine *machine = run->machine;
    if (step->changes != machine->keys.changes) {
        (void)omap_find_at(&machine->keys, put->key, &step->at); /* the place; @old is the same */
    }
    struct record *old = step->old;
    struct record *record = record_create(put->key, put->value);
    record->mod_revision = machine_next_revision(machine);
    record->lease = put->lease;
    if (old != NULL) {
        record->create_revision = old->create_revision;
        record->ordinal = old->ordinal;
        record->version = old->version + 1;
    } else {
        record->create_revision = machine_next_revision(machine);
        record->ordinal = run->created;
        record->version = 1;
        run->created++;
    }
    machine_put(machine, record, old, &step->at);
    run->has_written = true;
    run->results[i].count = 1;
    if (old != NULL && put->want_previous) {
        show_previous(run, &old, 1, &run->results[i]);
    }
}

static void do_delete(struct run *run, size_t i)
{
    const struct kv_delete *remove = &run->ops[i].remove;
    struct machine *machine = run->machine;
    size_t most = run->steps[i].count;
    struct record **records = arena_array(&machine->arena, most, sizeof(struct record *));
    MUST(records != NULL);
    size_t count = 0;
    struct omap_at at;
    for (struct record *record = record_of_item(omap_seek(&machine->keys, remove->span.key, &at));
         record != NULL && !kv_span_is_past(&remove->span, record_key(record));
         record = record_of_item(omap_next(&at))) {
        MUST(count < most);
        records[count] = record;
        count++;
    }
    MUST(count == most);
    for (size_t at_record = 0; at_record < count; at_record++) {
        machine_remove(machine, records[at_record]);
        run->has_written = true;
    }
    run->results[i].count = count;
    if (remove->want_previous) {
        show_previous(run, records, count, &run->results[i]);
    }
}

/* An id that is in use neither in the state nor by this list: from the entry's index on. */
static uint64_t free_lease_id(const struct run *run)
{
    uint64_t id = run->machine->index;
    while (id == 0 || grants(run, run->count, id) ||
           lease_table_find(&run->machine->leases, id) != NULL) {
        id++;
    }
    return id;
}

static void do_grant(struct run *run, size_t i)
{
    const struct kv_lease_grant *grant = &run->ops[i].grant;
    uint64_t id = grant->id != 0 ? grant->id : free_lease_id(run);
    const struct lease *lease = machine_grant(run->machine, grant, id);
    machine_fill_lease_result(lease, &run->results[i]);
}

static void do_op(struct run *run, size_t i)
{
    run->results[i].kind = run->ops[i].kind;
    switch (run->ops[i].kind) {
        case KV_OP_PUT:
            do_put(run, i);
            return;
        case KV_OP_DELETE:
            do_delete(run, i);
            return;
        case KV_OP_RANGE:
            machine_collect(run->machine, &run->ops[i].range, &run->machine->arena,
                            &run->machine->answer_bytes, &run->results[i]);
            return;
        case KV_OP_LEASE:
            do_grant(run, i);
            return;
    }
    UNREACHABLE("an op has one of four kinds");
}

static int run_list(struct run *run)
{
    struct machine *machine = run->machine;
    run->steps = arena_array(&machine->arena, run->count, sizeof(*run->steps));
    run->results = arena_array(&machine->arena, run->count, sizeof(*run->results));
    MUST(run->steps != NULL);
    MUST(run->results != NULL);
    for (size_t i = 0; i < run->count; i++) {
        int rv = check_op(run, i);
        if (rv != 0) {
            machine->result.failed_op = (uint32_t)i;
            return rv;
        }
    }
    if (!machine_quota_allows(machine, run->command, run->more, run->less)) {
        return ERR_QUOTA;
    }
    for (size_t i = 0; i < run->count; i++) {
        do_op(run, i);
    }
    if (run->has_written) {
        machine_end_revision(machine);
    }
    machine->result.ops = run->results;
    machine->result.op_count = run->count;
    return 0;
}

int machine_run_op(struct machine *machine, const struct kv_command *command)
{
    struct run run = {.machine = machine, .command = command, .ops = &command->op, .count = 1};
    return run_list(&run);
}

/* ---- compares ---- */

static bool relation_holds(enum kv_relation relation, int order)
{
    switch (relation) {
        case KV_EQUAL:
            return order == 0;
        case KV_NOT_EQUAL:
            return order != 0;
        case KV_LESS:
            return order < 0;
        case KV_GREATER:
            return order > 0;
    }
    UNREACHABLE("a relation is one of four");
}

static uint64_t number_of(const struct record *record, enum kv_target target)
{
    if (record == NULL) {
        return 0;
    }
    switch (target) {
        case KV_TARGET_CREATE_REVISION:
            return record->create_revision;
        case KV_TARGET_MOD_REVISION:
            return record->mod_revision;
        case KV_TARGET_VERSION:
            return record->version;
        case KV_TARGET_LEASE:
            return record->lease;
        case KV_TARGET_EXISTS:
            return 1;
        case KV_TARGET_VALUE:
            break;
    }
    UNREACHABLE("a value is not a number");
}

static bool compare_holds(const struct machine *machine, const struct kv_compare *compare)
{
    const struct record *record = machine_find(machine, compare->key);
    if (compare->target == KV_TARGET_VALUE) {
        return record != NULL &&
               relation_holds(compare->relation,
                              kv_slice_compare(record_value(record), compare->value));
    }
    uint64_t number = number_of(record, compare->target);
    return relation_holds(compare->relation,
                          number < compare->number ? -1 : number > compare->number);
}

int machine_run_txn(struct machine *machine, const struct kv_command *command)
{
    const struct kv_txn *txn = &command->txn;
    bool succeeded = true;
    for (size_t i = 0; i < txn->compare_count && succeeded; i++) {
        succeeded = compare_holds(machine, &txn->compares[i]);
    }
    machine->result.succeeded = succeeded;
    struct run run = {.machine = machine, .command = command};
    run.ops = kv_txn_ops(txn, succeeded, &run.count);
    return run_list(&run);
}
