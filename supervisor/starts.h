/* supervisor/starts.h - the starts of this PostgreSQL, one after the other: when the next one may
 * be, and whether they lead anywhere.
 *
 * A pure book: a program that was executed has not started yet, for it may read a configuration
 * that is broken, or data, and end. It has when it was seen to take connections, or has lived for
 * some seconds. What was up and ends is started again at once; what ends sooner waits, for twice as
 * long each time. Whoever ended it on purpose (this program, its guard) is the caller's to know.
 *
 * Of those in vain only the ones that came as far as the data say anything of these
 * (start_watch.h): a library, a port or a line of pg_hba.conf ends a postmaster before. */
#ifndef SUPERVISOR_STARTS_H_
#define SUPERVISOR_STARTS_H_

#include <stdbool.h>
#include <stdint.h>

#include "supervisor/facts.h"

#define STARTS_ALIVE_MS 5000
#define STARTS_PAUSE_MS 100
#define STARTS_PAUSE_MAX_MS 5000
#define STARTS_QUIET_MS 5000

struct starts_book {
    uint64_t copy;     /* of the data; 0: not known yet */
    uint64_t begun_ms; /* of the one that runs; 0: none that this life has seen begin */
    bool is_open;      /* it was seen to take connections */
    uint32_t brief;    /* in a row that ended within STARTS_ALIVE_MS */
    uint32_t in_vain;  /* in a row that were never open, and that nobody ended */
    uint32_t at_data;  /* of these, since one that had not: those that had begun to read the data */
    uint64_t at_data_since_ms;
    uint64_t not_before_ms;
};

enum starts_end {
    STARTS_ON_PURPOSE, /* of this program or its guard */
    STARTS_BY_OTHERS,  /* somebody's signal, or in order: it says nothing of the data */
    STARTS_BY_ITSELF,
};

void starts_began(struct starts_book *book, uint64_t now_ms);
/* A look at it; @copy 0: not known. */
void starts_look(struct starts_book *book, uint64_t copy, bool is_open);
/* @has_read: it had begun to read its data; one that nobody watched counts neither way. True: it
 * was never open. */
bool starts_ended(struct starts_book *book, enum starts_end how, enum fact has_read,
                  uint64_t now_ms);
/* A start is due after others in vain. It had better be watched, and waits until this program opens
 * nothing in pg_wal; not for ever, for a file that hangs may keep it there. */
bool starts_wants_quiet(const struct starts_book *book, uint64_t now_ms);
/* Those in vain are forgotten: something else than the data keeps it. */
void starts_forgive(struct starts_book *book);
/* How it ended by what waitpid() says of the postmaster. */
enum starts_end starts_end_of(int wait_status);

#endif /* SUPERVISOR_STARTS_H_ */
