/* config/problems.c - the list of what is wrong, and its order on the screen. */
#include "config/problems.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/must.h"

#define TEXT_MAX 512
/* Beyond it problems are counted and not kept: nobody reads them. */
#define KEPT_MAX 1000

struct problem {
    enum problem_level level;
    char *source; /* NULL: nowhere */
    unsigned line;
    unsigned column;
    size_t source_rank; /* sources in the order in which they came up */
    size_t number;
    char *text;
};

static size_t source_rank(const struct problems *p, const char *source)
{
    size_t next = 0;
    for (size_t i = 0; i < p->count && i < KEPT_MAX; i++) {
        if (source == NULL || p->at[i].source == NULL) {
            continue;
        }
        if (strcmp(p->at[i].source, source) == 0) {
            return p->at[i].source_rank;
        }
        next = p->at[i].source_rank > next ? p->at[i].source_rank : next;
    }
    return source == NULL ? 0 : next + 1;
}

/* No byte of a line may move a terminal's cursor. */
static void make_harmless(char *text)
{
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text < 0x20 || *text == 0x7f) {
            *text = '?';
        }
    }
}

void problems_add(struct problems *p, enum problem_level level, const struct tree_place *place,
                  const char *fmt, ...)
{
    char text[TEXT_MAX];
    va_list args;
    va_start(args, fmt);
    int length = vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    MUST(length > 0);
    if (p->count >= KEPT_MAX) {
        p->count++;
        return;
    }
    const struct tree_place nowhere = {.source = NULL};
    place = place == NULL ? &nowhere : place;
    struct problem problem = {
        .level = level,
        .line = place->line,
        .column = place->column,
        .source_rank = source_rank(p, place->source),
        .number = p->count,
        .text = mem_strdup(text),
        .source = place->source != NULL ? mem_strdup(place->source) : NULL,
    };
    make_harmless(problem.text);
    if (problem.source != NULL) {
        make_harmless(problem.source);
    }
    p->at = mem_grow(p->at, p->count + 1, sizeof(*p->at));
    p->at[p->count++] = problem;
}

static size_t kept(const struct problems *p)
{
    return p->count < KEPT_MAX ? p->count : KEPT_MAX;
}

size_t problems_count(const struct problems *p, enum problem_level level)
{
    size_t count = level == PROBLEM_ERROR ? p->count - kept(p) : 0;
    for (size_t i = 0; i < kept(p); i++) {
        count += p->at[i].level == level ? 1 : 0;
    }
    return count;
}

/* -1, 0 or 1. */
static int compare_numbers(size_t a, size_t b)
{
    return a < b ? -1 : a > b ? 1 : 0;
}

static int compare(const void *a, const void *b)
{
    const struct problem *x = *(const struct problem *const *)a;
    const struct problem *y = *(const struct problem *const *)b;
    int order = compare_numbers(x->level, y->level);
    order = order != 0 ? order : compare_numbers(x->source_rank, y->source_rank);
    order = order != 0 ? order : compare_numbers(x->line, y->line);
    order = order != 0 ? order : compare_numbers(x->column, y->column);
    return order != 0 ? order : compare_numbers(x->number, y->number);
}

static void print_one(const struct problem *problem, struct buf *out)
{
    static const char *const prefixes[] = {
        [PROBLEM_ERROR] = "", [PROBLEM_WARNING] = "warning: ", [PROBLEM_NOTE] = "note: "};
    if (problem->source != NULL) {
        buf_str(out, problem->source);
        if (problem->line > 0) {
            buf_printf(out, ":%u:%u", problem->line, problem->column);
        }
        buf_str(out, ": ");
    }
    buf_printf(out, "%s%s\n", prefixes[problem->level], problem->text);
}

/* Those from the level @first to @last, @total with what was not kept. */
static void print_levels(const struct problems *p, enum problem_level first,
                         enum problem_level last, size_t total, struct buf *out)
{
    size_t count = 0;
    CLEANUP(mem_freep) const struct problem **order = mem_array(kept(p), sizeof(*order));
    for (size_t i = 0; i < kept(p); i++) {
        if (p->at[i].level >= first && p->at[i].level <= last) {
            order[count++] = &p->at[i];
        }
    }
    qsort(order, count, sizeof(*order), compare);
    size_t shown = count < PROBLEMS_SHOWN_MAX ? count : PROBLEMS_SHOWN_MAX;
    for (size_t i = 0; i < shown; i++) {
        print_one(order[i], out);
    }
    if (shown < total) {
        buf_printf(out, "and %zu more\n", total - shown);
    }
}

void problems_print(const struct problems *p, struct buf *out)
{
    print_levels(p, PROBLEM_ERROR, PROBLEM_NOTE, p->count, out);
}

void problems_print_level(const struct problems *p, enum problem_level level, struct buf *out)
{
    print_levels(p, level, level, problems_count(p, level), out);
}

int problems_err(const struct problems *p, struct err *err)
{
    CLEANUP(buf_close) struct buf lines = {0};
    problems_print_level(p, PROBLEM_ERROR, &lines);
    const char *text = buf_text(&lines);
    return err_set(err, ERR_INVALID, "%.*s", (int)strcspn(text, "\n"), text);
}

void problems_close(struct problems *p)
{
    for (size_t i = 0; i < kept(p); i++) {
        mem_free(p->at[i].source);
        mem_free(p->at[i].text);
    }
    mem_free(p->at);
    *p = (struct problems){0};
}

struct cli_quoted problems_word(const char *word)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.";
    struct cli_quoted out = {.text = ""};
    size_t size = strlen(word);
    if (size > 0 && size < sizeof(out.text) && strspn(word, plain) == size) {
        memcpy(out.text, word, size + 1);
        return out;
    }
    return cli_quoted(word);
}
