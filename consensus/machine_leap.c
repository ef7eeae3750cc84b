/* consensus/machine_leap.c - the state of one cluster as the beginning of another. */
#include "base/must.h"
#include "consensus/machine_impl.h"
#include "consensus/watch.h"

void machine_leap(struct machine *machine, uint64_t index, uint64_t by)
{
    MUST(index > machine->index);
    MUST(machine->revision <= UINT64_MAX / 2 && machine->epoch <= UINT64_MAX / 2);
    MUST(by <= UINT64_MAX / 2);
    machine_forget_result(machine);
    machine->index = index;
    machine->revision += by;
    machine->compacted = machine->revision; /* what lies between was never here */
    machine->epoch += by;
    watch_hub_reset(machine->options.hub, machine->revision);
    struct lease *lease = lease_table_next(&machine->leases, 0);
    for (; lease != NULL; lease = lease_table_next(&machine->leases, lease->id)) {
        lease->marked_index = lease->marked_index != 0 ? lease->marked_index : index;
        struct hash128 hash = lease_hash(lease);
        row_change(&machine->book, &lease->row, &hash);
    }
    machine->is_meta_dirty = true;
    hash128_number(&machine->chain, index);
    struct hash128 hash = machine_state_hash(machine, &machine->book.sum);
    hash128_number(&machine->chain, hash.low);
    hash128_number(&machine->chain, hash.high);
}
