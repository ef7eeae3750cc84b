/* ctl/output_table.c - rows in a frame, its title in the upper edge. */
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/must.h"
#include "ctl/output_text.h"

#define COLUMNS_MAX 32

struct table {
    const struct output_column *shown[COLUMNS_MAX];
    size_t widths[COLUMNS_MAX];
    size_t count;
};

static void spaces(struct buf *out, size_t count, char c)
{
    for (size_t i = 0; i < count; i++) {
        buf_char(out, c);
    }
}

static bool is_right_aligned(enum output_kind kind)
{
    return kind == OUTPUT_NUMBER || kind == OUTPUT_MS || kind == OUTPUT_BYTES;
}

static void put_cell(struct buf *out, const struct table *t, size_t column, const char *text)
{
    size_t pad = t->widths[column] - output_width(text);
    bool right = is_right_aligned(t->shown[column]->kind);
    buf_str(out, "| ");
    spaces(out, right ? pad : 0, ' ');
    buf_str(out, text);
    spaces(out, right ? 0 : pad, ' ');
    buf_char(out, ' ');
}

static void put_edge(struct buf *out, const struct table *t)
{
    for (size_t i = 0; i < t->count; i++) {
        buf_char(out, '+');
        spaces(out, t->widths[i] + 2, '-');
    }
    buf_str(out, "+\n");
}

/* The title takes the place of the edge's beginning; what is longer than the edge goes on a line of
 * its own. */
static void put_top(struct buf *out, const struct table *t, const char *title)
{
    CLEANUP(buf_close) struct buf edge = {0};
    put_edge(&edge, t);
    size_t taken = title != NULL ? output_width(title) + 2 : 0; /* with a space on both sides */
    if (taken == 0 || taken + 2 > edge.size - 1) {
        if (title != NULL) {
            buf_printf(out, "%s\n", title);
        }
        buf_str(out, buf_text(&edge));
        return;
    }
    buf_printf(out, "+ %s ", title);
    buf_str(out, buf_text(&edge) + 1 + taken);
}

static void measure(struct table *t, const struct output_column *columns, json_t *rows)
{
    for (const struct output_column *c = columns; c->key != NULL; c++) {
        if (c->title == NULL) {
            continue;
        }
        MUST(t->count < COLUMNS_MAX);
        size_t width = output_width(c->title);
        for (size_t i = 0; i < json_array_size(rows); i++) {
            CLEANUP(buf_close) struct buf cell = {0};
            output_cell(&cell, json_object_get(json_array_get(rows, i), c->key), c->kind);
            size_t wide = output_width(buf_text(&cell));
            width = wide > width ? wide : width;
        }
        t->shown[t->count] = c;
        t->widths[t->count++] = width;
    }
}

void output_table(struct buf *out, const char *title, const struct output_column *columns,
                  json_t *rows)
{
    struct table t = {.count = 0};
    measure(&t, columns, rows);
    CLEANUP(buf_close) struct buf shown = {0};
    if (title != NULL) {
        output_text(&shown, title);
    }
    put_top(out, &t, title != NULL ? buf_text(&shown) : NULL);
    for (size_t i = 0; i < t.count; i++) {
        put_cell(out, &t, i, t.shown[i]->title);
    }
    buf_str(out, "|\n");
    put_edge(out, &t);
    for (size_t row = 0; row < json_array_size(rows); row++) {
        for (size_t i = 0; i < t.count; i++) {
            CLEANUP(buf_close) struct buf cell = {0};
            json_t *value = json_object_get(json_array_get(rows, row), t.shown[i]->key);
            output_cell(&cell, value, t.shown[i]->kind);
            put_cell(out, &t, i, buf_text(&cell));
        }
        buf_str(out, "|\n");
    }
    if (json_array_size(rows) > 0) {
        put_edge(out, &t);
    }
}
