/* base/nearest.c - the edit distance between two short words (Damerau's, with swapped neighbours).
 */
#include "base/nearest.h"

#include <stdint.h>
#include <string.h>

#define WORD_MAX 64

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* The edits that make @b of @a; SIZE_MAX when one of them is over WORD_MAX. */
static size_t distance(const char *a, const char *b)
{
    size_t rows = strlen(a);
    size_t columns = strlen(b);
    if (rows > WORD_MAX || columns > WORD_MAX) {
        return SIZE_MAX;
    }
    size_t d[WORD_MAX + 1][WORD_MAX + 1];
    for (size_t i = 0; i <= rows; i++) {
        for (size_t j = 0; j <= columns; j++) {
            if (i == 0 || j == 0) {
                d[i][j] = i + j;
                continue;
            }
            size_t replace = d[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
            d[i][j] = least(replace, least(d[i - 1][j], d[i][j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                d[i][j] = least(d[i][j], d[i - 2][j - 2] + 1);
            }
        }
    }
    return d[rows][columns];
}

/* One mistake in three letters is a slip; more is another word. */
static size_t edits_allowed(const char *word)
{
    return (strlen(word) + 2) / 3;
}

const char *nearest(const char *word, const char *const *candidates, size_t count)
{
    const char *best = NULL;
    size_t best_distance = edits_allowed(word) + 1;
    size_t length = strlen(word);
    for (size_t i = 0; i < count; i++) {
        if (length >= 3 && strncmp(word, candidates[i], length) == 0) {
            return candidates[i];
        }
        size_t edits = distance(word, candidates[i]);
        if (edits < best_distance && edits < strlen(candidates[i])) {
            best = candidates[i];
            best_distance = edits;
        }
    }
    return best;
}
