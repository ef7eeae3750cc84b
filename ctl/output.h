/* ctl/output.h - what pgraftctl has found out, printed for a person or for a program.
 *
 * The data are JSON values (jansson). A list of columns says which members of a row are shown, in
 * which order and as what; every format shows the same members in the same order, a missing one as
 * null. A value that is not of its column's kind is shown as what it is: it came from a node, which
 * may be newer than we are.
 *
 *   pretty  a table with its title in the frame, as patronictl prints it
 *   json    one document; everything but ASCII is escaped
 *   yaml    the same document, as block YAML; a text that could be taken for something else is
 *           quoted
 *   tsv     a line of keys, then a line for each row, as PostgreSQL's COPY reads it: \t, \n, \\,
 * \xff for bytes that would hurt, \N for null
 *
 * No format lets a value of the cluster write a control character or an invisible one to the
 * terminal. Pure: appends to a buffer. */
#ifndef CTL_OUTPUT_H_
#define CTL_OUTPUT_H_

#include <jansson.h>

#include "base/buf.h"
#include "base/cli.h"

enum output_format { OUTPUT_PRETTY, OUTPUT_JSON, OUTPUT_YAML, OUTPUT_TSV };

enum output_kind {
    OUTPUT_TEXT,
    OUTPUT_NUMBER,
    OUTPUT_BOOL,   /* yes, no */
    OUTPUT_MS,     /* milliseconds; pretty: 0.4 ms, 12 ms, 1.5 s, 3 min 20 s */
    OUTPUT_BYTES,  /* pretty: 512 B, 1.5 MiB */
    OUTPUT_NESTED, /* an object or a list; outside of JSON and YAML as one line of JSON */
};

struct output_column {
    const char *key;   /* of the member, and its name in json, yaml and tsv */
    const char *title; /* pretty; NULL: not shown there */
    enum output_kind kind;
};

#define OUTPUT_COLUMNS(...) \
    {                       \
        __VA_ARGS__,        \
        {                   \
            .key = NULL     \
        }                   \
    }

/* A row of the command table: the option --format, and what it was given as. */
#define OUTPUT_OPTION                                                   \
    {                                                                   \
        .name = "format", .letter = 'f', .value = "FORMAT",             \
        .choices = CLI_CHOICES("pretty", "json", "yaml", "yml", "tsv"), \
        .help = "how to print what there is"                            \
    }
enum output_format output_format(const struct cli_call *call);

/* @rows: an array of objects. @title may be NULL. */
void output_list(struct buf *out, enum output_format format, const char *title,
                 const struct output_column *columns, json_t *rows);
/* One object; pretty: a line for each column. */
void output_record(struct buf *out, enum output_format format, const char *title,
                   const struct output_column *columns, json_t *record);
/* Any value; format json or yaml. */
void output_document(struct buf *out, enum output_format format, json_t *value);
/* An object as part of a stream, each on its own: a line of JSON, a document of YAML, a line of
 * TSV. Not pretty: what a person reads of a stream is the command's affair. */
void output_stream_row(struct buf *out, enum output_format format,
                       const struct output_column *columns, json_t *row);
/* What comes before the first of them: the line of keys. */
void output_stream_head(struct buf *out, enum output_format format,
                        const struct output_column *columns);

/* A text in the middle of one that we write, fit for a terminal: what could hurt is escaped. */
void output_text(struct buf *out, const char *text);

#endif /* CTL_OUTPUT_H_ */
