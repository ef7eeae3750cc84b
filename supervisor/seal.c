/* supervisor/seal.c - note, cut, see it gone, read. */
#include "supervisor/seal.h"

enum seal_step seal_next(const struct pg_facts *pg, uint64_t epoch)
{
    if (pg->sealed_epoch < epoch) {
        return SEAL_NOTE;
    }
    if (pg->process == PG_ABSENT) {
        return pg->end.is_known && pg->end_after_seal ? SEAL_DONE : SEAL_READ_END;
    }
    if (pg->conninfo_empty == FACT_NO || pg->force == FORCE_FOREIGN) {
        /* By the file, which has the fence too (safety B2). */
        return pg->reload_refused || pg->reload_in_vain ? SEAL_STOP : SEAL_EMPTY_CONNINFO;
    }
    if (pg->conninfo_empty != FACT_YES) {
        return SEAL_LOOK_AGAIN;
    }
    if (pg->receiver == RECEIVER_LIVES) {
        return SEAL_END_RECEIVER;
    }
    if (pg->receiver == RECEIVER_UNKNOWN || !pg->receiver_gone_twice) {
        return SEAL_LOOK_AGAIN;
    }
    return pg->end.is_known && pg->end_after_seal ? SEAL_DONE : SEAL_READ_END;
}
