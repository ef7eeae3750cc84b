/* supervisor/door_trouble.h - why this program can not connect to its own PostgreSQL, for people.
 *
 * A pure book: what was seen of the door, look by look, becomes one sentence, with libpq's reason.
 * One attempt that fails says nothing: a server that starts or stops lets nobody in for a moment.
 * So a reason counts when nothing else was seen for a while, is told once, and stands until a
 * connection is there: also while PostgreSQL is down between two starts, since that may be because
 * of it. Without a connection no node becomes primary, and the rules see only that it stands still
 * (promotion-failed). */
#ifndef SUPERVISOR_DOOR_TROUBLE_H_
#define SUPERVISOR_DOOR_TROUBLE_H_

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "supervisor/facts.h"
#include "supervisor/probe.h"

#define DOOR_REFUSED_MS 2000 /* a reason that PostgreSQL itself gives */
#define DOOR_CLOSED_MS 5000  /* nothing listens, or answers: it may have just begun */
#define DOOR_DOWN_MS 60000   /* down for longer, it is no pause between two starts */

struct door_seen {
    enum pg_process process;
    uint64_t down_ms;
    enum probe_door_state state;
    const char *reason; /* libpq's, of the last attempt */
};

struct door_trouble {
    char text[ERR_MSG_MAX];      /* what is told; "": nothing */
    char candidate[ERR_MSG_MAX]; /* what was seen last ... */
    uint64_t since_ms;           /* ... since then */
};

/* True: @text is another one than before. */
bool door_trouble_look(struct door_trouble *book, const struct door_seen *seen, uint64_t now_ms);

#endif /* SUPERVISOR_DOOR_TROUBLE_H_ */
