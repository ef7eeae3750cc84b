/* supervisor/starts.c - from one end to the next start. */
#include "supervisor/starts.h"

#include <signal.h>
#include <sys/wait.h>

#include "supervisor/backoff.h"

void starts_began(struct starts_book *book, uint64_t now_ms)
{
    book->begun_ms = now_ms;
    book->is_open = false;
}

void starts_look(struct starts_book *book, uint64_t copy, bool is_open)
{
    if (copy != 0 && copy != book->copy) { /* what another one did says nothing of this */
        book->copy = copy;
        book->brief = book->in_vain = book->at_data = 0;
        book->not_before_ms = 0;
    }
    if (is_open) {
        book->is_open = true;
        book->in_vain = book->at_data = 0;
    }
}

static void note_in_vain(struct starts_book *book, enum fact has_read, uint64_t now_ms)
{
    book->in_vain++;
    if (has_read == FACT_YES) {
        book->at_data_since_ms = book->at_data > 0 ? book->at_data_since_ms : now_ms;
        book->at_data++;
    } else if (has_read == FACT_NO) {
        book->at_data = 0;
    }
}

bool starts_ended(struct starts_book *book, enum starts_end how, enum fact has_read,
                  uint64_t now_ms)
{
    bool is_known = book->begun_ms != 0 && how != STARTS_ON_PURPOSE;
    bool is_brief = is_known && now_ms - book->begun_ms < STARTS_ALIVE_MS;
    bool is_in_vain = is_known && !book->is_open;
    book->brief = is_brief ? book->brief + 1 : 0;
    /* The first end of one that was up costs no time; the second, some moments later, does. */
    uint32_t pauses = book->is_open && book->brief > 0 ? book->brief - 1 : book->brief;
    book->not_before_ms =
        pauses > 0 ? now_ms + backoff_ms(STARTS_PAUSE_MS, pauses - 1, STARTS_PAUSE_MAX_MS) : 0;
    if (is_in_vain && how == STARTS_BY_ITSELF) {
        note_in_vain(book, has_read, now_ms);
    }
    book->begun_ms = 0;
    book->is_open = false;
    return is_in_vain;
}

bool starts_wants_quiet(const struct starts_book *book, uint64_t now_ms)
{
    bool is_due = now_ms >= book->not_before_ms;
    return book->in_vain > 0 && is_due && now_ms - book->not_before_ms < STARTS_QUIET_MS;
}

void starts_forgive(struct starts_book *book)
{
    book->in_vain = book->at_data = 0;
}

enum starts_end starts_end_of(int wait_status)
{
    if (WIFEXITED(wait_status)) {
        return WEXITSTATUS(wait_status) != 0 ? STARTS_BY_ITSELF : STARTS_BY_OTHERS;
    }
    int number = WIFSIGNALED(wait_status) ? WTERMSIG(wait_status) : 0;
    bool is_own = number == SIGSEGV || number == SIGBUS || number == SIGABRT || number == SIGILL ||
                  number == SIGFPE;
    return is_own ? STARTS_BY_ITSELF : STARTS_BY_OTHERS;
}
