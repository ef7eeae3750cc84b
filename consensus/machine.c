/* consensus/machine.c - one command after the other: decode, look whether it was applied already,
 * apply it, remember the answer, extend the chain. */
#include "consensus/machine.h"

#include "base/mem.h"
#include "base/must.h"
#include "consensus/machine_impl.h"
#include "consensus/watch.h"

#define CHAIN_SEED 0x636861696eU

struct machine *machine_create(const struct machine_options *options)
{
    struct machine *machine = mem_zalloc(sizeof(*machine));
    machine->options = *options;
    machine->quota_bytes = KV_QUOTA_BYTES_DEFAULT;
    machine->feature_level = 1;
    machine->chain = hash128_start(CHAIN_SEED);
    rowbook_init(&machine->book);
    client_table_init(&machine->clients);
    return machine;
}

static void begin_destroying(struct machine *machine)
{
    machine_forget_result(machine);
    struct list *link = machine->book.dirty.next;
    while (link != &machine->book.dirty) {
        struct row *row = CONTAINER_OF(link, struct row, dirty);
        link = link->next;
        if (row->is_gone) {
            list_remove(&row->dirty);
            machine_free_row(row);
        }
    }
    client_table_close(&machine->clients);
    lease_table_close(&machine->leases);
    machine->is_dying = true;
    machine->dying =
        record_of_item(omap_seek(&machine->keys, kv_slice(NULL, 0), &machine->dying_at));
}

bool machine_destroy_some(struct machine *machine, size_t records)
{
    if (machine == NULL) {
        return true;
    }
    if (!machine->is_dying) {
        begin_destroying(machine);
    }
    for (; machine->dying != NULL; records--) {
        if (records == 0) {
            return false;
        }
        struct record *next = record_of_item(omap_next(&machine->dying_at));
        list_remove(&machine->dying->row.dirty);
        record_unref(machine->dying);
        machine->dying = next;
    }
    omap_close(&machine->keys);
    kv_decoder_close(&machine->decoder);
    arena_close(&machine->arena);
    buf_close(&machine->row_value);
    mem_free(machine->trash);
    mem_free(machine);
    return true;
}

void machine_destroy(struct machine *machine)
{
    (void)machine_destroy_some(machine, SIZE_MAX);
}

/* ---- single changes ---- */

/* @record was current until now; the result may still show it. */
static void discard(struct machine *machine, struct record *record)
{
    if (machine->trash_count == machine->trash_room) {
        machine->trash_room = machine->trash_room > 0 ? 2 * machine->trash_room : 64;
        machine->trash = mem_grow(machine->trash, machine->trash_room, sizeof(*machine->trash));
    }
    machine->trash[machine->trash_count] = record;
    machine->trash_count++;
}

void machine_forget_result(struct machine *machine)
{
    for (size_t i = 0; i < machine->trash_count; i++) {
        record_unref(machine->trash[i]);
    }
    machine->trash_count = 0;
    if (machine->trash_room > KV_TXN_OPS_MAX) { /* a large deletion was here */
        mem_free(machine->trash);
        machine->trash = NULL;
        machine->trash_room = 0;
    }
    machine->result = (struct kv_result){0};
}

static struct lease *lease_of(const struct machine *machine, const struct record *record)
{
    return record->lease == 0 ? NULL : lease_table_find(&machine->leases, record->lease);
}

/* @record takes the place of @old, which stands at @at, or is new (NULL). Its numbers are set. */
void machine_put(struct machine *machine, struct record *record, struct record *old,
                 const struct omap_at *at)
{
    struct hash128 hash = record_hash(record);
    size_t bytes = record_size(record);
    machine->used_bytes += record_charge(record);
    if (old != NULL) {
        machine->used_bytes -= record_charge(old);
        omap_replace_at(at, &record->item);
        row_replace(&machine->book, &old->row, &record->row, &hash, bytes);
        if (old->lease != 0) {
            lease_detach(lease_of(machine, old), old);
        }
        discard(machine, old);
    } else {
        omap_insert(&machine->keys, &record->item);
        row_enter(&machine->book, &record->row, ROW_KEY, &hash, bytes);
    }
    if (record->lease != 0) {
        lease_attach(lease_of(machine, record), record);
    }
    watch_hub_event(machine->options.hub, machine_next_revision(machine), record, old);
}

void machine_remove(struct machine *machine, struct record *record)
{
    machine->used_bytes -= record_charge(record);
    omap_remove(&machine->keys, &record->item);
    if (record->lease != 0) {
        lease_detach(lease_of(machine, record), record);
    }
    watch_hub_event(machine->options.hub, machine_next_revision(machine), NULL, record);
    if (!row_leave(&machine->book, &record->row)) {
        (void)record_ref(record); /* until it is gone from the disk too */
    }
    discard(machine, record);
}

void machine_end_revision(struct machine *machine)
{
    machine->revision++;
    watch_hub_end_revision(machine->options.hub, machine->revision);
}

/* ---- quota ---- */

bool machine_quota_allows(struct machine *machine, const struct kv_command *command, uint64_t more,
                          uint64_t less)
{
    if (command->system || more <= less ||
        machine->used_bytes + more - less <= machine->quota_bytes) {
        return true;
    }
    machine->quota_alarm = true;
    return false;
}

/* Raised by what is refused, it goes when a tenth of the quota is free, so that it does not flutter
 * at the edge. */
static void review_alarm(struct machine *machine)
{
    if (machine->quota_alarm && machine->used_bytes <= machine->quota_bytes / 10 * 9) {
        machine->quota_alarm = false;
    }
}

/* ---- settings ---- */

static int set_quota(struct machine *machine, uint64_t bytes)
{
    machine->quota_bytes = bytes;
    if (machine->used_bytes > bytes) {
        machine->quota_alarm = true;
    }
    return 0;
}

static int run_setting(struct machine *machine, const struct kv_setting *setting)
{
    switch (setting->kind) {
        case KV_SETTING_QUOTA_BYTES:
            return set_quota(machine, setting->value);
        case KV_SETTING_FEATURE_LEVEL:
            if (setting->value < machine->feature_level) {
                return ERR_CONFLICT;
            }
            machine->feature_level = setting->value;
            return 0;
        case KV_SETTING_EPOCH_FLOOR:
            if (setting->value < machine->epoch) {
                return ERR_CONFLICT;
            }
            machine->epoch = setting->value;
            return 0;
        case KV_SETTING_HOLD_EPOCHS:
            machine->hold_epochs = setting->value != 0;
            return 0;
    }
    UNREACHABLE("a setting has one of four kinds");
}

static int run_compact(struct machine *machine, uint64_t revision)
{
    if (revision > machine->revision) {
        return ERR_INVALID;
    }
    if (revision > machine->compacted) {
        machine->compacted = revision;
        watch_hub_compact(machine->options.hub, revision);
    }
    return 0;
}

/* ---- applying ---- */

static int run_command(struct machine *machine, const struct kv_command *command)
{
    switch (command->kind) {
        case KV_OP:
            return machine_run_op(machine, command);
        case KV_TXN:
            return machine_run_txn(machine, command);
        case KV_LEASE_END:
            return machine_end_lease(machine, &command->lease_end);
        case KV_LEASE_CHANGE:
            return machine_change_lease(machine, command);
        case KV_SETTING:
            return run_setting(machine, &command->setting);
        case KV_COMPACT:
            return run_compact(machine, command->compact_revision);
        case KV_NOOP:
            return 0;
    }
    UNREACHABLE("a command has one of seven kinds");
}

static void run_fresh(struct machine *machine, const struct kv_command *command)
{
    struct kv_result *result = &machine->result;
    result->succeeded = true;
    result->code = run_command(machine, command);
    MUST(result->code <= 0);
    if (result->code != 0) {
        result->ops = NULL;
        result->op_count = 0;
    }
    review_alarm(machine);
    result->revision = machine->revision;
    client_table_remember(&machine->clients, &machine->book, command, result);
}

/* The answer that was given to the first one of its kind. */
static void replay(struct machine *machine, const struct client_result *kept)
{
    struct kv_result *result = &machine->result;
    *result = kept->result;
    if (kept->size > 0) {
        /* The decoder's memory is free: the command is done with. */
        int rv = kv_result_decode(&machine->decoder, kept->bytes, kept->size, result, NULL);
        MUST(rv == 0); /* encoded here, and checked when it was loaded */
    } else if (kept->result.op_count == 1) {
        machine->op_result = kept->op;
        result->ops = &machine->op_result;
    }
    if (kept->is_cut) {
        result->code = ERR_EXPIRED;
    }
    result->replayed = true;
}

static void extend_chain(struct machine *machine)
{
    struct hash128 *chain = &machine->chain;
    hash128_number(chain, machine->index);
    hash128_number(chain, (uint64_t)machine->result.code);
    hash128_number(chain, machine->result.revision);
    struct hash128 hash = machine_state_hash(machine, &machine->book.sum);
    hash128_number(chain, hash.low);
    hash128_number(chain, hash.high);
}

int machine_apply(struct machine *machine, uint64_t index, const void *bytes, size_t size,
                  const struct kv_result **ret_result, struct err *err)
{
    MUST(index > machine->index);
    machine_forget_result(machine);
    arena_reset(&machine->arena, SIZE_MAX / 2); /* bounded by KV_ANSWER_BYTES_MAX and the state */
    machine->answer_bytes = 0;
    struct kv_command command;
    int rv = kv_command_decode(&machine->decoder, bytes, size, &command, err);
    if (rv == ERR_VERSION) {
        return rv;
    }
    machine->index = index;
    machine->is_meta_dirty = true;
    machine->result = (struct kv_result){.code = rv, .index = index, .revision = machine->revision};
    if (rv == 0) {
        struct client_result *kept = NULL;
        switch (client_table_look(&machine->clients, &command, &kept)) {
            case CLIENT_FRESH:
                run_fresh(machine, &command);
                break;
            case CLIENT_REPLAY:
                replay(machine, kept);
                break;
            case CLIENT_EXPIRED:
                machine->result.code = ERR_EXPIRED;
                break;
        }
    }
    extend_chain(machine);
    *ret_result = &machine->result;
    return 0;
}
