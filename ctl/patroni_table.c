/* ctl/patroni_table.c - frames, cells of several lines, and the other formats. */
#include "ctl/patroni_table.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/must.h"
#include "ctl/output_text.h"

/* ---- cells ---- */

/* A text keeps its line ends, which are made of cells; the rest is escaped. */
static void put_lines(struct buf *out, const char *text)
{
    CLEANUP(mem_freep) char *copy = mem_strdup(text);
    for (char *line = copy; line != NULL;) {
        char *end = strchr(line, '\n');
        if (end != NULL) {
            *end = '\0';
        }
        output_text(out, line);
        if (end != NULL) {
            buf_char(out, '\n');
        }
        line = end != NULL ? end + 1 : NULL;
    }
}

static void put_value(struct buf *out, json_t *row, const char *key)
{
    json_t *value = json_object_get(row, key);
    if (json_is_string(value)) {
        put_lines(out, json_string_value(value));
    } else {
        output_cell(out, value, OUTPUT_TEXT);
    }
}

/* The @index-th line of @text; false: it has fewer. */
static bool line_of(const char *text, size_t index, struct buf *out)
{
    while (index > 0) {
        const char *end = strchr(text, '\n');
        if (end == NULL) {
            return false;
        }
        text = end + 1;
        index--;
    }
    buf_append(out, text, strcspn(text, "\n"));
    return true;
}

static size_t width_of(const char *text)
{
    size_t width = 0;
    for (size_t i = 0;; i++) {
        CLEANUP(buf_close) struct buf line = {0};
        if (!line_of(text, i, &line)) {
            return width;
        }
        size_t wide = output_width(buf_text(&line));
        width = wide > width ? wide : width;
    }
}

/* ---- the frame ---- */

struct frame {
    const struct patroni_table *table;
    size_t shown[PATRONI_COLUMNS_MAX]; /* columns of the table */
    size_t widths[PATRONI_COLUMNS_MAX];
    size_t count;
    bool tall; /* some cell has several lines: every row gets its edge */
};

static void repeat(struct buf *out, size_t count, char c)
{
    for (size_t i = 0; i < count; i++) {
        buf_char(out, c);
    }
}

static void put_edge(struct buf *out, const struct frame *f)
{
    for (size_t i = 0; i < f->count; i++) {
        buf_char(out, '+');
        repeat(out, f->widths[i] + 2, '-');
    }
    buf_str(out, "+\n");
}

/* The title stands in the edge, and is cut where that ends. */
static void put_top(struct buf *out, const struct frame *f)
{
    CLEANUP(buf_close) struct buf edge = {0};
    CLEANUP(buf_close) struct buf title = {0};
    put_edge(&edge, f);
    if (f->table->title != NULL) {
        buf_char(&title, ' ');
        output_text(&title, f->table->title);
        buf_char(&title, ' ');
    }
    size_t room = edge.size - 3; /* without the corners and the line's end */
    size_t wide = output_width(buf_text(&title));
    size_t bytes = wide == title.size && wide > room ? room : title.size;
    size_t taken = wide > room ? room : wide;
    buf_char(out, '+');
    buf_append(out, buf_text(&title), bytes);
    buf_str(out, buf_text(&edge) + 1 + taken);
}

static void put_cell(struct buf *out, const struct frame *f, size_t column, const char *text)
{
    size_t pad = f->widths[column] - output_width(text);
    bool right = f->table->right[f->shown[column]];
    buf_str(out, "| ");
    repeat(out, right ? pad : 0, ' ');
    buf_str(out, text);
    repeat(out, right ? 0 : pad, ' ');
    buf_char(out, ' ');
}

static void put_row(struct buf *out, const struct frame *f, json_t *row)
{
    bool more = true;
    for (size_t line = 0; more; line++) {
        CLEANUP(buf_close) struct buf text = {0};
        more = false;
        for (size_t i = 0; i < f->count; i++) {
            CLEANUP(buf_close) struct buf value = {0};
            CLEANUP(buf_close) struct buf cell = {0};
            put_value(&value, row, f->table->keys[f->shown[i]]);
            more = line_of(buf_text(&value), line, &cell) || more;
            put_cell(&text, f, i, buf_text(&cell));
        }
        if (more) {
            buf_printf(out, "%s|\n", buf_text(&text));
        }
    }
}

static void measure(struct frame *f)
{
    const struct patroni_table *t = f->table;
    for (size_t i = 0; i < t->count; i++) {
        if (t->titles[i] == NULL) {
            continue;
        }
        size_t width = output_width(t->titles[i]);
        for (size_t r = 0; r < json_array_size(t->rows); r++) {
            CLEANUP(buf_close) struct buf value = {0};
            put_value(&value, json_array_get(t->rows, r), t->keys[i]);
            size_t wide = width_of(buf_text(&value));
            width = wide > width ? wide : width;
            f->tall = f->tall || strchr(buf_text(&value), '\n') != NULL;
        }
        f->shown[f->count] = i;
        f->widths[f->count] = width;
        f->count++;
    }
}

static void put_pretty(struct buf *out, const struct patroni_table *t)
{
    struct frame f = {.table = t};
    measure(&f);
    put_top(out, &f);
    for (size_t i = 0; i < f.count; i++) {
        put_cell(out, &f, i, t->titles[f.shown[i]]);
    }
    buf_str(out, "|\n");
    put_edge(out, &f);
    for (size_t r = 0; r < json_array_size(t->rows); r++) {
        put_row(out, &f, json_array_get(t->rows, r));
        if (f.tall) {
            put_edge(out, &f);
        }
    }
    if (!f.tall) {
        put_edge(out, &f);
    }
}

/* ---- the others ---- */

static void put_tsv(struct buf *out, const struct patroni_table *t)
{
    for (size_t i = 0; i < t->count; i++) {
        buf_printf(out, "%s%s", i > 0 ? "\t" : "", t->keys[i]);
    }
    buf_char(out, '\n');
    for (size_t r = 0; r < json_array_size(t->rows); r++) {
        for (size_t i = 0; i < t->count; i++) {
            buf_str(out, i > 0 ? "\t" : "");
            output_cell(out, json_object_get(json_array_get(t->rows, r), t->keys[i]), OUTPUT_TEXT);
        }
        buf_char(out, '\n');
    }
}

static bool is_empty(json_t *value)
{
    return value == NULL || json_is_null(value) ||
           (json_is_string(value) && json_string_length(value) == 0);
}

static json_t *elements(const struct patroni_table *t)
{
    json_t *list = json_array();
    for (size_t r = 0; r < json_array_size(t->rows); r++) {
        json_t *element = json_object();
        for (size_t i = 0; i < t->count; i++) {
            json_t *value = json_object_get(json_array_get(t->rows, r), t->keys[i]);
            if (!is_empty(value)) {
                json_object_set(element, t->keys[i], value);
            } else if (!t->omits_empty) {
                json_object_set_new(element, t->keys[i], json_string(""));
            }
        }
        json_array_append_new(list, element);
    }
    return list;
}

void patroni_table_put(struct buf *out, enum output_format format, const struct patroni_table *t)
{
    MUST(t->count <= PATRONI_COLUMNS_MAX);
    MUST(json_is_array(t->rows));
    if (format == OUTPUT_PRETTY) {
        put_pretty(out, t);
    } else if (format == OUTPUT_TSV) {
        put_tsv(out, t);
    } else {
        json_auto_t *list = elements(t);
        if (format == OUTPUT_JSON) {
            output_ascii(out, list, JSON_REAL_PRECISION(6));
            buf_char(out, '\n');
        } else {
            output_document(out, format, list);
        }
    }
}
