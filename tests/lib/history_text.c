/* tests/lib/history_text.c - operations from lines and back, by one table of words. */
#include "tests/lib/history_text.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"

#define WORDS_MAX 16
#define WORD_SIZE 48

static const struct {
    const char *word;
    bool expects; /* ... a value or revision before the value to write */
    bool writes;
} kinds[] = {
    [HISTORY_READ] = {"read", false, false},   [HISTORY_STALE_READ] = {"stale", false, false},
    [HISTORY_PUT] = {"put", false, true},      [HISTORY_DELETE] = {"delete", false, false},
    [HISTORY_CAS_VALUE] = {"cas", true, true}, [HISTORY_CAS_REVISION] = {"casrev", true, true},
};

/* One line, cut into words. */
struct line {
    char words[WORDS_MAX][WORD_SIZE];
    size_t count;
    size_t at; /* the next word to look at */
};

/* Cut up what is before the line's end and return that end; NULL if a bound is exceeded. */
static const char *cut(struct line *line, const char *text)
{
    *line = (struct line){0};
    while (*text != '\0' && *text != '\n' && *text != ';' && *text != '#') {
        size_t size = strcspn(text, " \t\n;#");
        if (size == 0) {
            text++;
            continue;
        }
        if (size >= WORD_SIZE || line->count == WORDS_MAX) {
            return NULL;
        }
        memcpy(line->words[line->count++], text, size);
        text += size;
    }
    return *text == '#' ? text + strcspn(text, "\n") : text;
}

static const char *take(struct line *line)
{
    return line->at < line->count ? line->words[line->at++] : "";
}

/* A whole number, or the word for the greatest one. */
static bool number(const char *text, const char *greatest, uint64_t *ret_number)
{
    if (greatest != NULL && strcmp(text, greatest) == 0) {
        *ret_number = UINT64_MAX;
        return true;
    }
    char *end = NULL;
    errno = 0;
    unsigned long long parsed = strtoull(text, &end, 10);
    if (!isdigit((unsigned char)text[0]) || *end != '\0' || errno != 0) {
        return false;
    }
    *ret_number = parsed;
    return true;
}

static bool parse_times(const char *text, struct history_op *op)
{
    char first[WORD_SIZE];
    const char *dots = strstr(text, "..");
    if (dots == NULL) {
        return false;
    }
    size_t size = (size_t)(dots - text);
    memcpy(first, text, size);
    first[size] = '\0';
    return number(first, NULL, &op->invoked) && number(dots + 2, "never", &op->returned);
}

static bool parse_kind(struct line *line, struct history_op *op)
{
    const char *word = take(line);
    size_t kind = 0;
    while (kind < ARRAY_LEN(kinds) && strcmp(word, kinds[kind].word) != 0) {
        kind++;
    }
    if (kind == ARRAY_LEN(kinds)) {
        return false;
    }
    op->kind = (enum history_kind)kind;
    const char *key = take(line);
    if (key[0] != 'k' || !number(key + 1, NULL, &op->key)) {
        return false;
    }
    const char *none = op->kind == HISTORY_CAS_VALUE ? "none" : NULL;
    return (!kinds[kind].expects || number(take(line), none, &op->expected)) &&
           (!kinds[kind].writes || number(take(line), NULL, &op->argument));
}

static bool parse_status(const char *word, struct history_op *op)
{
    bool compares = kinds[op->kind].expects || op->kind == HISTORY_DELETE;
    op->changed = compares && strcmp(word, "ok") == 0;
    if (strcmp(word, "ok") == 0 || (compares && strcmp(word, "missed") == 0)) {
        op->status = HISTORY_OK;
    } else if (strcmp(word, "failed") == 0) {
        op->status = HISTORY_FAILED;
    } else if (strcmp(word, "unknown") == 0) {
        op->status = HISTORY_UNKNOWN;
    } else {
        return false;
    }
    return true;
}

static bool parse_answer(const char *word, struct history_op *op)
{
    switch (word[0]) {
        case '=':
            return number(word + 1, "none", &op->found);
        case 'm':
            return number(word + 1, NULL, &op->found_revision);
        case 'r':
            return number(word + 1, NULL, &op->revision);
        case 't':
            return number(word + 1, NULL, &op->txn);
        default:
            return false;
    }
}

static bool parse_line(struct line *line, struct history_op *op)
{
    *op = (struct history_op){0};
    if (!number(take(line), NULL, &op->client) || !parse_times(take(line), op) ||
        !parse_kind(line, op) || !parse_status(take(line), op)) {
        return false;
    }
    while (line->at < line->count) {
        if (!parse_answer(take(line), op)) {
            return false;
        }
    }
    return true;
}

int history_text_parse(struct history *h, const char *text, struct err *err)
{
    for (size_t at = 1;; at++, text++) {
        struct line line;
        struct history_op op;
        text = cut(&line, text);
        if (text == NULL) {
            return err_set(err, ERR_INVALID, "line %zu of the history: too long", at);
        }
        if (line.count > 0) {
            if (!parse_line(&line, &op)) {
                return err_set(err, ERR_INVALID,
                               "line %zu of the history: \"%s\" is not understood", at,
                               line.words[line.at > 0 ? line.at - 1 : 0]);
            }
            history_note(h, &op);
        }
        if (*text == '\0') {
            return 0;
        }
    }
}

static void print_value(struct buf *out, const char *before, uint64_t value)
{
    if (value == HISTORY_ABSENT) {
        buf_printf(out, "%snone", before);
    } else {
        buf_printf(out, "%s%" PRIu64, before, value);
    }
}

static const char *status_word(const struct history_op *op)
{
    switch (op->status) {
        case HISTORY_FAILED:
            return "failed";
        case HISTORY_UNKNOWN:
            return "unknown";
        case HISTORY_OK:
            break;
    }
    bool compares = kinds[op->kind].expects || op->kind == HISTORY_DELETE;
    return compares && !op->changed ? "missed" : "ok";
}

void history_text_print(struct buf *out, const struct history_op *op)
{
    buf_printf(out, "%" PRIu64 " %" PRIu64 "..", op->client, op->invoked);
    if (op->returned == HISTORY_NEVER) {
        buf_str(out, "never");
    } else {
        buf_printf(out, "%" PRIu64, op->returned);
    }
    buf_printf(out, " %s k%" PRIu64, kinds[op->kind].word, op->key);
    if (kinds[op->kind].expects) {
        print_value(out, " ", op->expected);
    }
    if (kinds[op->kind].writes) {
        print_value(out, " ", op->argument);
    }
    buf_printf(out, " %s", status_word(op));
    if (op->found != HISTORY_NOT_TOLD) {
        print_value(out, " =", op->found);
    }
    if (op->found_revision != HISTORY_NOT_TOLD) {
        buf_printf(out, " m%" PRIu64, op->found_revision);
    }
    if (op->revision != HISTORY_NOT_TOLD) {
        buf_printf(out, " r%" PRIu64, op->revision);
    }
    if (op->txn != 0) {
        buf_printf(out, " t%" PRIu64, op->txn);
    }
}
