/* ctl/output.c - rows cut to their columns, then handed to the format that was asked for. */
#include "ctl/output.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/must.h"
#include "ctl/output_text.h"

enum output_format output_format(const struct cli_call *call)
{
    static const char *const names[] = {"pretty", "json", "yaml", "tsv", "yml"};
    const char *word = cli_value(call, "format");
    for (size_t i = 0; word != NULL && i < ARRAY_LEN(names); i++) {
        if (strcmp(word, names[i]) == 0) {
            return i == ARRAY_LEN(names) - 1 ? OUTPUT_YAML : (enum output_format)i;
        }
    }
    MUST(word == NULL); /* the table knows the same choices */
    return OUTPUT_PRETTY;
}

/* The members that @columns name, in their order, all of them there. */
static json_t *chosen(const struct output_column *columns, json_t *row)
{
    json_t *record = json_object();
    MUST(record != NULL);
    for (const struct output_column *c = columns; c->key != NULL; c++) {
        json_t *value = json_object_get(row, c->key);
        int rc =
            json_object_set_new(record, c->key, value != NULL ? json_incref(value) : json_null());
        MUST(rc == 0);
    }
    return record;
}

static void put_json(struct buf *out, json_t *value, size_t flags)
{
    output_ascii(out, value, flags | JSON_REAL_PRECISION(OUTPUT_REAL_DIGITS));
    buf_char(out, '\n');
}

void output_document(struct buf *out, enum output_format format, json_t *value)
{
    MUST(format == OUTPUT_JSON || format == OUTPUT_YAML);
    if (format == OUTPUT_JSON) {
        put_json(out, value, JSON_INDENT(2));
    } else {
        output_yaml(out, value);
    }
}

static void put_keys(struct buf *out, const struct output_column *columns)
{
    for (const struct output_column *c = columns; c->key != NULL; c++) {
        buf_printf(out, "%s%s", c != columns ? "\t" : "", c->key);
    }
    buf_char(out, '\n');
}

static void put_fields(struct buf *out, const struct output_column *columns, json_t *row)
{
    for (const struct output_column *c = columns; c->key != NULL; c++) {
        buf_str(out, c != columns ? "\t" : "");
        output_field(out, json_object_get(row, c->key));
    }
    buf_char(out, '\n');
}

void output_list(struct buf *out, enum output_format format, const char *title,
                 const struct output_column *columns, json_t *rows)
{
    MUST(json_is_array(rows));
    if (format == OUTPUT_PRETTY) {
        output_table(out, title, columns, rows);
        return;
    }
    if (format == OUTPUT_TSV) {
        put_keys(out, columns);
        for (size_t i = 0; i < json_array_size(rows); i++) {
            put_fields(out, columns, json_array_get(rows, i));
        }
        return;
    }
    json_auto_t *list = json_array();
    for (size_t i = 0; i < json_array_size(rows); i++) {
        int rc = json_array_append_new(list, chosen(columns, json_array_get(rows, i)));
        MUST(rc == 0);
    }
    output_document(out, format, list);
}

/* "label:  value", the values below each other. */
static void put_lines(struct buf *out, const char *title, const struct output_column *columns,
                      json_t *record)
{
    size_t width = 0;
    for (const struct output_column *c = columns; c->key != NULL; c++) {
        size_t wide = c->title != NULL ? output_width(c->title) : 0;
        width = wide > width ? wide : width;
    }
    if (title != NULL) {
        output_text(out, title);
        buf_char(out, '\n');
    }
    for (const struct output_column *c = columns; c->key != NULL; c++) {
        if (c->title == NULL) {
            continue;
        }
        CLEANUP(buf_close) struct buf cell = {0};
        output_cell(&cell, json_object_get(record, c->key), c->kind);
        int pad = cell.size > 0 ? (int)(width - output_width(c->title)) + 2 : 0;
        buf_printf(out, "%s:%*s%s\n", c->title, pad, "", buf_text(&cell));
    }
}

void output_record(struct buf *out, enum output_format format, const char *title,
                   const struct output_column *columns, json_t *record)
{
    MUST(json_is_object(record));
    if (format == OUTPUT_PRETTY) {
        put_lines(out, title, columns, record);
    } else if (format == OUTPUT_TSV) {
        put_keys(out, columns);
        put_fields(out, columns, record);
    } else {
        json_auto_t *shown = chosen(columns, record);
        output_document(out, format, shown);
    }
}

void output_stream_head(struct buf *out, enum output_format format,
                        const struct output_column *columns)
{
    if (format == OUTPUT_TSV) {
        put_keys(out, columns);
    }
}

void output_stream_row(struct buf *out, enum output_format format,
                       const struct output_column *columns, json_t *row)
{
    MUST(format != OUTPUT_PRETTY);
    if (format == OUTPUT_TSV) {
        put_fields(out, columns, row);
        return;
    }
    json_auto_t *shown = chosen(columns, row);
    if (format == OUTPUT_JSON) {
        put_json(out, shown, JSON_COMPACT);
    } else {
        buf_str(out, "---\n");
        output_yaml(out, shown);
    }
}
