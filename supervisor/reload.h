/* supervisor/reload.h - a PostgreSQL that is told to read its configuration again: whether it has,
 * has refused, or just takes its time; and when it may be told again.
 *
 * A pure book. One bad line in any of its files, and PostgreSQL applies nothing and goes on by what
 * it had; the signal succeeds all the same. So it is asked, in a session that began well after it
 * was told: when it read its files last, and what it finds wrong with them now. It has *refused* if
 * both say so. If nothing is wrong with the files it is only slow, and is waited for. Where nobody
 * can say what is wrong with them, it was told *in vain* after some times: no more than that. */
#ifndef SUPERVISOR_RELOAD_H_
#define SUPERVISOR_RELOAD_H_

#include <stdbool.h>
#include <stdint.h>

#include "supervisor/facts.h"

struct reload_book {
    bool is_told;       /* and not seen to have read its files since */
    bool is_judged;     /* ... and a session has shown why: what it was told is done with */
    uint64_t since_ms;  /* the first time that it has neither done nor refused */
    uint64_t told_ms;   /* the last */
    uint64_t loaded_us; /* when it had read its files, before that */
    uint64_t seen_us;   /* the same by the newest session, 0: none has told */
    uint32_t tells;     /* since since_ms, and since its files were seen to change */
    bool is_in_vain;
    bool is_refused;
    uint32_t refusals; /* in a row */
    uint64_t again_ms; /* is_refused: it is not told again before */

    bool was_asked;                   /* what is wrong with its files */
    char wrong[PG_CONFIG_WRONG_SIZE]; /* "": nothing */
    char borne[PG_CONFIG_WRONG_SIZE]; /* it has read its files with this: it is nothing to it */
};

/* It was told, some time before now; @loaded_us: seen_us before that. A session may have shown
 * meanwhile that it has read them. */
void reload_told(struct reload_book *book, uint64_t now_ms, uint64_t loaded_us);
/* A session says when PostgreSQL has read its files. */
void reload_seen(struct reload_book *book, uint64_t loaded_us);
/* It began at @began_ms, and did not show that it has read them: told often enough, it was in vain.
 * Whoever takes new connections and does not do what it was told so long before does not want to.
 */
void reload_not_seen(struct reload_book *book, uint64_t began_ms, uint64_t patience_ms);
/* ... and what is wrong with them now, "": nothing. It began at @began_ms; one that began less than
 * @patience_ms after PostgreSQL was told proves no refusal. */
void reload_asked(struct reload_book *book, const char *wrong, uint64_t began_ms,
                  uint64_t patience_ms, uint64_t now_ms);
/* A session that began then would show whether it has refused. */
bool reload_wants_proof(const struct reload_book *book, uint64_t began_ms, uint64_t patience_ms);
/* Its configuration is another one: what was refused may not be any more. */
void reload_changed(struct reload_book *book);
/* Another server, which has read its files when it started. */
void reload_restarted(struct reload_book *book);

/* It may be told now. Whoever was told and has not read yet is not told more often than that; who
 * has refused after a pause that doubles, and as soon as something else is wrong, or nothing. */
bool reload_may_tell(const struct reload_book *book, uint64_t now_ms, uint64_t patience_ms);
/* It was told, and goes on by an older configuration: it is to be told again. */
bool reload_is_owed(const struct reload_book *book);
/* What is wrong with its files: told before it is told to read them, and when it has refused. */
const char *reload_wrong(const struct reload_book *book);

#endif /* SUPERVISOR_RELOAD_H_ */
