/* ctl/sql_print.c - what came from libpq, turned into lines, frames and documents. */
#include "ctl/sql_print.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/must.h"
#include "ctl/cmd.h"
#include "ctl/output_text.h"
#include "ctl/patroni_table.h"

/* Of pg_type: they are the same in every server. */
enum type {
    TYPE_BOOL = 16,
    TYPE_INT8 = 20,
    TYPE_INT2 = 21,
    TYPE_INT4 = 23,
    TYPE_OID = 26,
    TYPE_JSON = 114,
    TYPE_FLOAT4 = 700,
    TYPE_FLOAT8 = 701,
    TYPE_NUMERIC = 1700,
    TYPE_JSONB = 3802,
};

#define DIGITS_IN_DOUBLE 15 /* that many a decimal number keeps on its way through one */
#define REAL_DIGITS JSON_REAL_PRECISION(17) /* ... and so many it takes to keep a double */

static bool is_number_type(Oid type)
{
    return type == TYPE_INT8 || type == TYPE_INT2 || type == TYPE_INT4 || type == TYPE_OID ||
           type == TYPE_FLOAT4 || type == TYPE_FLOAT8 || type == TYPE_NUMERIC;
}

/* ---- cells for the eye ---- */

static const char *cell(const PGresult *result, int row, int column)
{
    if (PQgetisnull(result, row, column) == 1) {
        return "None";
    }
    const char *text = PQgetvalue(result, row, column);
    return PQftype(result, column) != TYPE_BOOL ? text : text[0] == 't' ? "True" : "False";
}

static json_t *text_json(const char *text)
{
    json_t *value = json_string(text);
    if (value == NULL) { /* no UTF-8, as a database in SQL_ASCII may have it */
        CLEANUP(buf_close) struct buf escaped = {0};
        output_text(&escaped, text);
        value = json_string(buf_text(&escaped));
    }
    MUST(value != NULL);
    return value;
}

static void put_tsv(struct buf *out, const char *delimiter, const PGresult *result)
{
    for (int row = -1; row < PQntuples(result); row++) {
        for (int i = 0; i < PQnfields(result); i++) {
            buf_str(out, i > 0 ? delimiter : "");
            output_text(out, row < 0 ? PQfname(result, i) : cell(result, row, i));
        }
        buf_char(out, '\n');
    }
}

static void put_pretty(struct buf *out, const PGresult *result)
{
    struct patroni_table *table = mem_zalloc(sizeof(*table));
    json_auto_t *rows = json_array();
    char(*keys)[12] = mem_array(PATRONI_COLUMNS_MAX, sizeof(*keys));
    table->count = (size_t)PQnfields(result);
    table->rows = rows;
    for (int i = 0; i < PQnfields(result); i++) {
        (void)snprintf(keys[i], sizeof(*keys), "%d", i); /* names may repeat */
        table->keys[i] = keys[i];
        table->titles[i] = PQfname(result, i);
    }
    for (int row = 0; row < PQntuples(result); row++) {
        json_t *object = json_object();
        for (int i = 0; i < PQnfields(result); i++) {
            cmd_set(object, keys[i], text_json(cell(result, row, i)));
        }
        int rc = json_array_append_new(rows, object);
        MUST(rc == 0);
    }
    patroni_table_put(out, OUTPUT_PRETTY, table);
    mem_free(keys);
    mem_free(table);
}

/* ---- values for programs ---- */

/* "NaN" and "Infinity" are none. */
static bool is_json_number(const char *text)
{
    const char *at = text + (*text == '-' ? 1 : 0);
    return isdigit((unsigned char)*at) != 0 && strspn(at, "0123456789.eE+-") == strlen(at);
}

/* What a document names apart, though the query did not: "count", "count_2". */
struct names {
    char **at;
    size_t count;
};

static void names_close(struct names *names)
{
    for (size_t i = 0; i < names->count; i++) {
        mem_free(names->at[i]);
    }
    mem_free(names->at);
}

static bool is_taken(const struct names *names, const char *name)
{
    for (size_t i = 0; i < names->count; i++) {
        if (strcmp(names->at[i], name) == 0) {
            return true;
        }
    }
    return false;
}

static void find_names(const PGresult *result, struct names *names)
{
    int count = PQnfields(result);
    names->at = mem_array((size_t)count + 1, sizeof(*names->at));
    for (int i = 0; i < count; i++) {
        json_auto_t *text = text_json(PQfname(result, i));
        char *name = mem_strdup(json_string_value(text));
        for (unsigned n = 2; is_taken(names, name); n++) {
            mem_free(name);
            name = mem_printf("%s_%u", json_string_value(text), n);
        }
        names->at[names->count++] = name;
    }
}

/* A value that is no number. */
static json_t *value_json(const PGresult *result, int row, int column)
{
    const char *text = PQgetvalue(result, row, column);
    Oid type = PQftype(result, column);
    json_t *document = NULL;
    if (PQgetisnull(result, row, column) == 1) {
        return json_null();
    }
    if (type == TYPE_BOOL) {
        return json_boolean(text[0] == 't');
    }
    if (type == TYPE_JSON || type == TYPE_JSONB) {
        document = json_loads(text, JSON_DECODE_ANY, NULL);
    }
    return document != NULL ? document : text_json(text);
}

static bool is_number(const PGresult *result, int row, int column)
{
    return PQgetisnull(result, row, column) == 0 && is_number_type(PQftype(result, column)) &&
           is_json_number(PQgetvalue(result, row, column));
}

/* One line, as patronictl writes it; numbers as they came. */
static void put_json(struct buf *out, const PGresult *result, const struct names *names)
{
    buf_char(out, '[');
    for (int row = 0; row < PQntuples(result); row++) {
        buf_str(out, row > 0 ? ", {" : "{");
        for (int i = 0; i < PQnfields(result); i++) {
            json_auto_t *name = json_string(names->at[i]);
            buf_str(out, i > 0 ? ", " : "");
            output_ascii(out, name, REAL_DIGITS);
            buf_str(out, ": ");
            if (is_number(result, row, i)) {
                buf_str(out, PQgetvalue(result, row, i));
            } else {
                json_auto_t *value = value_json(result, row, i);
                output_ascii(out, value, REAL_DIGITS);
            }
        }
        buf_char(out, '}');
    }
    buf_str(out, "]\n");
}

/* What would lose digits stays a text. */
static json_t *number_json(const char *text)
{
    char *end = NULL;
    errno = 0;
    long long whole = strtoll(text, &end, 10);
    if (errno == 0 && *end == '\0') {
        return json_integer(whole);
    }
    size_t digits = 0;
    for (const char *at = text; *at != '\0' && *at != 'e'; at++) {
        digits += isdigit((unsigned char)*at) != 0 ? 1 : 0;
    }
    json_t *real = digits <= DIGITS_IN_DOUBLE ? json_real(strtod(text, NULL)) : NULL;
    return real != NULL ? real : json_string(text);
}

static void put_yaml(struct buf *out, const PGresult *result, const struct names *names)
{
    json_auto_t *rows = json_array();
    for (int row = 0; row < PQntuples(result); row++) {
        json_t *object = json_object();
        for (int i = 0; i < PQnfields(result); i++) {
            cmd_set(object, names->at[i],
                    is_number(result, row, i) ? number_json(PQgetvalue(result, row, i))
                                              : value_json(result, row, i));
        }
        int rc = json_array_append_new(rows, object);
        MUST(rc == 0);
    }
    output_document(out, OUTPUT_YAML, rows);
}

void sql_print(struct buf *out, enum output_format format, const char *delimiter,
               const PGresult *result)
{
    CLEANUP(names_close) struct names names = {.count = 0};
    MUST(PQnfields(result) <= PATRONI_COLUMNS_MAX);
    if (format == OUTPUT_TSV) {
        put_tsv(out, delimiter, result);
    } else if (format == OUTPUT_PRETTY) {
        put_pretty(out, result);
    } else {
        find_names(result, &names);
        (format == OUTPUT_JSON ? put_json : put_yaml)(out, result, &names);
    }
}
