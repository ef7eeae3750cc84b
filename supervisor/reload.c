/* supervisor/reload.c - told, read or refused, told again. */
#include "supervisor/reload.h"

#include <stdio.h>
#include <string.h>

#include "supervisor/backoff.h"

#define AGAIN_MS 500
#define AGAIN_MAX_MS 8000
#define VAIN_TELLS 3

static void forgive(struct reload_book *book)
{
    book->is_refused = false;
    book->refusals = 0;
    book->again_ms = 0;
}

static void note_read(struct reload_book *book)
{
    /* Another time, not a later one: the clock may have been set back meanwhile. */
    bool is_other = book->seen_us != 0 && book->seen_us != book->loaded_us;
    if ((book->is_told || book->is_refused) && is_other) {
        book->is_told = false;
        book->is_in_vain = false;
        forgive(book);
    }
}

void reload_told(struct reload_book *book, uint64_t now_ms, uint64_t loaded_us)
{
    if (!book->is_told || book->is_judged) {
        book->since_ms = now_ms;
        book->tells = 0;
    }
    book->tells++;
    book->is_told = true;
    book->is_judged = false;
    book->told_ms = now_ms;
    book->loaded_us = loaded_us != 0 ? loaded_us : book->seen_us;
    note_read(book);
}

void reload_seen(struct reload_book *book, uint64_t loaded_us)
{
    if (loaded_us != book->seen_us) {
        memcpy(book->borne, book->wrong, sizeof(book->borne));
    }
    book->seen_us = loaded_us;
    note_read(book);
}

void reload_not_seen(struct reload_book *book, uint64_t began_ms, uint64_t patience_ms)
{
    if (book->is_told && book->tells >= VAIN_TELLS &&
        began_ms >= book->since_ms + VAIN_TELLS * patience_ms) {
        book->is_in_vain = true;
    }
}

/* Somebody has changed the files: the pause is over, whatever they are like now. */
static void note_wrong(struct reload_book *book, const char *wrong)
{
    char text[PG_CONFIG_WRONG_SIZE];
    (void)snprintf(text, sizeof(text), "%s", wrong);
    bool is_other = strcmp(text, book->wrong) != 0;
    if (book->was_asked && is_other) {
        book->tells = 0;
        book->is_in_vain = false;
    }
    if (book->was_asked && is_other && book->is_refused) {
        book->refusals = 0;
        book->again_ms = 0;
    }
    if (strcmp(text, book->borne) != 0) {
        book->borne[0] = '\0';
    }
    book->was_asked = true;
    memcpy(book->wrong, text, sizeof(text));
}

bool reload_wants_proof(const struct reload_book *book, uint64_t began_ms, uint64_t patience_ms)
{
    return book->is_told && !book->is_judged && began_ms >= book->since_ms + patience_ms;
}

void reload_asked(struct reload_book *book, const char *wrong, uint64_t began_ms,
                  uint64_t patience_ms, uint64_t now_ms)
{
    note_wrong(book, wrong);
    if (reload_wrong(book)[0] == '\0') {
        if (book->is_refused) {
            book->told_ms = 0; /* it need not be waited for */
        }
        forgive(book);
        return;
    }
    if (reload_wants_proof(book, began_ms, patience_ms)) {
        book->is_judged = true;
        book->is_refused = true;
        book->again_ms = now_ms + backoff_ms(AGAIN_MS, book->refusals, AGAIN_MAX_MS);
        book->refusals++;
    }
}

void reload_changed(struct reload_book *book)
{
    book->refusals = 0;
    book->again_ms = 0;
}

void reload_restarted(struct reload_book *book)
{
    *book = (struct reload_book){.is_told = false};
}

bool reload_may_tell(const struct reload_book *book, uint64_t now_ms, uint64_t patience_ms)
{
    bool is_waited_for = book->is_told && !book->is_judged && now_ms < book->told_ms + patience_ms;
    bool is_paused = book->is_refused && now_ms < book->again_ms;
    return !is_waited_for && !is_paused;
}

bool reload_is_owed(const struct reload_book *book)
{
    return book->is_told;
}

const char *reload_wrong(const struct reload_book *book)
{
    return strcmp(book->wrong, book->borne) == 0 ? "" : book->wrong;
}
