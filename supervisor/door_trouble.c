/* supervisor/door_trouble.c - one look after the other. */
#include "supervisor/door_trouble.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/redact.h"

/* How long it has to be so; 0: it is none. */
static uint64_t patience_ms(enum probe_door_state state)
{
    switch (state) {
        case DOOR_REFUSED:
        case DOOR_FULL:
            return DOOR_REFUSED_MS;
        case DOOR_SHUT: /* TLS that can not be agreed on is one of these */
        case DOOR_SILENT:
            return DOOR_CLOSED_MS;
        case DOOR_UNKNOWN:
        case DOOR_OPEN:
        case DOOR_NOT_YET:
            break;
    }
    return 0;
}

/* libpq says no password; what it repeats of a configuration may hold one. */
static void describe(const struct door_seen *seen, char out[ERR_MSG_MAX])
{
    CLEANUP(buf_close) struct buf reason = {0};
    redact_text(seen->reason, &reason);
    (void)snprintf(out, ERR_MSG_MAX, "pgraftd can not connect to PostgreSQL: %.210s",
                   buf_text(&reason));
}

static bool forget(struct door_trouble *book)
{
    bool was_told = book->text[0] != '\0';
    *book = (struct door_trouble){.since_ms = 0};
    return was_told;
}

bool door_trouble_look(struct door_trouble *book, const struct door_seen *seen, uint64_t now_ms)
{
    bool is_up = seen->process == PG_STARTING || seen->process == PG_RUNNING;
    uint64_t after_ms = patience_ms(seen->state);
    char text[ERR_MSG_MAX];
    if (seen->state == DOOR_OPEN || seen->down_ms > DOOR_DOWN_MS) {
        return forget(book);
    }
    if (!is_up || after_ms == 0) {
        book->candidate[0] = '\0';
        return false;
    }
    describe(seen, text);
    if (strcmp(text, book->candidate) != 0) {
        memcpy(book->candidate, text, sizeof(text));
        book->since_ms = now_ms;
    }
    if (now_ms - book->since_ms < after_ms || strcmp(text, book->text) == 0) {
        return false;
    }
    memcpy(book->text, text, sizeof(text));
    return true;
}
