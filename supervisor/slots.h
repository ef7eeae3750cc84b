/* supervisor/slots.h - which replication slots a node keeps for the other members.
 *
 * Pure. Each node that may become primary has one physical slot for every other database, named as
 * Patroni names it (pg_slot_name()), so that whoever is promoted still has the WAL that the others
 * need. What is not streamed from is moved on by hand, to where its member says that it is. The
 * slot of a member that is away stays for member_slots_ttl, and no longer: it must not fill the
 * disk. After that it is the member's archive, or a clone, that brings it back. A node that never
 * becomes primary has slots for those alone that are tagged to follow it, and who is tagged
 * `nostream` has one nowhere.
 *
 * A slot is for a member that is heard of and has data. One that is heard of and has none (it is
 * being cloned, or its disk is gone) needs no WAL of before: its slot is made anew when its time is
 * over. Physical slots that are nobody's are dropped after the same time, unless the configuration
 * names them; logical ones and those in use never are.
 *
 * The physical slots that the configuration names (`slots`) are the primary's: made there when they
 * are missing, and never dropped. How far their reader is, no standby knows; so one that was left
 * on a standby holds WAL for nobody, and goes after the same time. */
#ifndef SUPERVISOR_SLOTS_H_
#define SUPERVISOR_SLOTS_H_

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "supervisor/facts.h"
#include "supervisor/pg_rows.h"

#define SLOTS_MAX 48
#define SLOTS_NAME_SIZE 64
#define SLOTS_PERMANENT_MAX 16

/* One of pg_replication_slots. */
struct slot_row {
    char name[SLOTS_NAME_SIZE];
    bool is_physical;
    bool is_active;
    bool is_temporary;
    bool has_xmin;
    bool is_lost;    /* its WAL is gone already */
    bool is_holding; /* from @lsn on */
    uint64_t lsn;
};

/* An answer to slots_sql(). */
struct slots_seen {
    bool in_recovery;
    uint64_t replay_lsn;   /* 0: nothing was replayed */
    bool wants_checkpoint; /* a primary that has written none on its own timeline */
    bool has_more;         /* than fit here: nothing is dropped then */
    uint32_t count;
    struct slot_row at[SLOTS_MAX];
};

struct slots_member {
    char name[SLOTS_NAME_SIZE]; /* of its slot */
    bool is_here;               /* it is heard of */
    bool is_fed;                /* it is tagged to stream from this node */
    bool has_data;
    bool end_known;
    uint64_t end_lsn; /* of its WAL */
};

struct slots_input {
    bool is_wanted;  /* use_slots */
    bool is_heir;    /* this node may become primary, or is it: slots for all, not for @is_fed alone
                      */
    bool is_primary; /* it holds the lease */
    bool is_paused;  /* what is nobody's stays */
    uint64_t ttl_ms;
    uint32_t segment_size; /* 0: not known */
    uint32_t member_count; /* other databases */
    struct slots_member members[FACTS_MEMBERS_MAX];
    bool (*is_kept)(void *ctx, const struct slot_row *row); /* by the configuration; NULL: none */
    /* The physical slots that it names, how many; NULL: none. */
    uint32_t (*permanent)(void *ctx, char out[SLOTS_PERMANENT_MAX][SLOTS_NAME_SIZE]);
    void *ctx;
};

/* When each was last of use. */
struct slots_book {
    uint32_t count;
    struct {
        char name[SLOTS_NAME_SIZE];
        uint64_t at_ms;
    } at[SLOTS_MAX];
};

enum slots_step { SLOTS_CREATE, SLOTS_ADVANCE, SLOTS_DROP };

struct slots_plan {
    enum slots_step step;
    char name[SLOTS_NAME_SIZE];
    uint64_t lsn; /* of SLOTS_ADVANCE */
    const char *why;
};

const char *slots_sql(void);
int slots_parse(const struct pg_rows *rows, struct slots_seen *ret_seen, struct err *err);

/* What is to be done now, at most @max; a slot is dropped at one time and made again at the next.
 */
uint32_t slots_plan(struct slots_book *book, const struct slots_input *input,
                    const struct slots_seen *seen, uint64_t now_ms, struct slots_plan *out,
                    uint32_t max);
/* The statement for it. */
#define SLOTS_SQL_SIZE 256
const char *slots_plan_sql(const struct slots_plan *plan, char out[SLOTS_SQL_SIZE]);

#endif /* SUPERVISOR_SLOTS_H_ */
