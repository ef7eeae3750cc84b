/* ctl/diff.c - the longest common lines, then what is around them.
 *
 *   split --> what both begin and end with --> a table for the middle --> edits --> hunks
 *
 * The table has a cell for each pair of lines; of a middle that is too large for it all lines are
 * taken for other ones, which is a worse diff and still a right one. */
#include "ctl/diff.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/must.h"

#define CONTEXT ((size_t)3) /* lines around a change */
#define CELLS_MAX ((size_t)4 * 1024 * 1024)

/* ---- lines ---- */

struct line {
    const char *text;
    size_t size; /* without the newline */
};

struct lines {
    struct line *at;
    size_t count;
};

static void lines_close(struct lines *lines)
{
    mem_free(lines->at);
}

static struct lines split(const char *text)
{
    struct lines lines = {.at = NULL};
    while (*text != '\0') {
        size_t size = strcspn(text, "\n");
        lines.at = mem_grow(lines.at, lines.count + 1, sizeof(*lines.at));
        lines.at[lines.count++] = (struct line){.text = text, .size = size};
        text += size + (text[size] == '\n' ? 1 : 0);
    }
    return lines;
}

static bool same(const struct line *a, const struct line *b)
{
    return a->size == b->size && memcmp(a->text, b->text, a->size) == 0;
}

/* ---- edits ---- */

struct edit {
    char kind; /* ' ', '-' or '+' */
    const struct line *line;
};

struct edits {
    struct edit *at;
    size_t count;
};

static void edits_close(struct edits *edits)
{
    mem_free(edits->at);
}

static void add(struct edits *edits, char kind, const struct line *line)
{
    edits->at[edits->count++] = (struct edit){.kind = kind, .line = line};
}

/* Of each pair of ends the length of the longest common sequence of what follows. */
static uint32_t *measure(const struct line *a, size_t a_count, const struct line *b, size_t b_count)
{
    size_t width = b_count + 1;
    uint32_t *table = mem_array((a_count + 1) * width, sizeof(*table));
    for (size_t i = a_count; i > 0; i--) {
        for (size_t j = b_count; j > 0; j--) {
            size_t at = (i - 1) * width + j - 1;
            uint32_t down = table[at + width];
            uint32_t right = table[at + 1];
            uint32_t longer = down > right ? down : right;
            table[at] = same(&a[i - 1], &b[j - 1]) ? table[at + width + 1] + 1 : longer;
        }
    }
    return table;
}

/* What is taken away comes before what takes its place. */
static void compare(struct edits *edits, const struct line *a, size_t a_count, const struct line *b,
                    size_t b_count)
{
    size_t width = b_count + 1;
    bool fits = a_count + 1 <= CELLS_MAX / width;
    CLEANUP(mem_freep) uint32_t *table = fits ? measure(a, a_count, b, b_count) : NULL;
    size_t i = 0;
    size_t j = 0;
    while (i < a_count || j < b_count) {
        bool both = fits && i < a_count && j < b_count;
        if (both && same(&a[i], &b[j])) {
            add(edits, ' ', &a[i++]);
            j++;
        } else if (i < a_count &&
                   (!both || table[(i + 1) * width + j] >= table[i * width + j + 1])) {
            add(edits, '-', &a[i++]);
        } else {
            add(edits, '+', &b[j++]);
        }
    }
}

static struct edits find_edits(const struct lines *a, const struct lines *b)
{
    struct edits edits = {.at = mem_array(a->count + b->count, sizeof(*edits.at))};
    size_t least = a->count < b->count ? a->count : b->count;
    size_t head = 0;
    size_t tail = 0;
    while (head < least && same(&a->at[head], &b->at[head])) {
        head++;
    }
    while (tail < least - head && same(&a->at[a->count - 1 - tail], &b->at[b->count - 1 - tail])) {
        tail++;
    }
    for (size_t i = 0; i < head; i++) {
        add(&edits, ' ', &a->at[i]);
    }
    compare(&edits, a->at + head, a->count - head - tail, b->at + head, b->count - head - tail);
    for (size_t i = a->count - tail; i < a->count; i++) {
        add(&edits, ' ', &a->at[i]);
    }
    return edits;
}

/* ---- hunks ---- */

static void put_line(struct buf *out, const char *colour, const char *text)
{
    buf_printf(out, "%s%s%s\n", colour, text, colour[0] != '\0' ? "\033[0m" : "");
}

/* "3,7", "4" of one line; of none the line before it. */
static void put_range(struct buf *out, size_t first, size_t count)
{
    buf_printf(out, "%zu", count == 0 ? first : first + 1);
    if (count != 1) {
        buf_printf(out, ",%zu", count);
    }
}

struct hunk {
    size_t first;     /* edit */
    size_t end;       /* behind its last one */
    size_t old_lines; /* that come before it in either text */
    size_t new_lines;
};

/* How many lines the edits from @first to @end have in one of the texts, which @other does not. */
static size_t count_lines(const struct edits *edits, size_t first, size_t end, char other)
{
    size_t count = 0;
    for (size_t i = first; i < end; i++) {
        count += edits->at[i].kind != other ? 1 : 0;
    }
    return count;
}

static void put_hunk(struct buf *out, const struct edits *edits, const struct hunk *h, bool colour)
{
    CLEANUP(buf_close) struct buf head = {0};
    buf_str(&head, "@@ -");
    put_range(&head, h->old_lines, count_lines(edits, h->first, h->end, '+'));
    buf_str(&head, " +");
    put_range(&head, h->new_lines, count_lines(edits, h->first, h->end, '-'));
    buf_str(&head, " @@");
    put_line(out, colour ? "\033[36m" : "", buf_text(&head));
    for (size_t i = h->first; i < h->end; i++) {
        const struct edit *e = &edits->at[i];
        const char *paint = e->kind == '-' ? "\033[31m" : e->kind == '+' ? "\033[32m" : "";
        CLEANUP(mem_freep)
        char *text = mem_printf("%c%.*s", e->kind, (int)e->line->size, e->line->text);
        put_line(out, colour ? paint : "", text);
    }
}

/* The first change from @at on; the count of edits when there is none. */
static size_t next_change(const struct edits *edits, size_t at)
{
    while (at < edits->count && edits->at[at].kind == ' ') {
        at++;
    }
    return at;
}

/* Behind the last change of the hunk that begins with the change @at: those that are closer than
 * the lines around both belong together. */
static size_t end_of_changes(const struct edits *edits, size_t at)
{
    size_t end = at;
    while (at < edits->count && at <= end + 2 * CONTEXT) {
        while (at < edits->count && edits->at[at].kind != ' ') {
            at++;
        }
        end = at;
        at = next_change(edits, at);
    }
    return end;
}

void diff_put(struct buf *out, const char *before, const char *after, bool colour)
{
    CLEANUP(lines_close) struct lines a = split(before);
    CLEANUP(lines_close) struct lines b = split(after);
    CLEANUP(edits_close) struct edits edits = find_edits(&a, &b);
    struct hunk h = {.first = 0};
    for (size_t at = next_change(&edits, 0); at < edits.count;) {
        size_t first = at > h.end + CONTEXT ? at - CONTEXT : h.end;
        size_t changed = end_of_changes(&edits, at);
        if (h.end == 0) {
            put_line(out, colour ? "\033[1m" : "", "---");
            put_line(out, colour ? "\033[1m" : "", "+++");
        }
        h.old_lines += count_lines(&edits, h.first, first, '+');
        h.new_lines += count_lines(&edits, h.first, first, '-');
        h.first = first;
        h.end = changed + CONTEXT < edits.count ? changed + CONTEXT : edits.count;
        put_hunk(out, &edits, &h, colour);
        at = next_change(&edits, h.end);
    }
}
