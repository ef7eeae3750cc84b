/* supervisor/pg_origin.c - pg_settings beside the lines of the files. */
#include "supervisor/pg_origin.h"

#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "supervisor/pg_sql.h"

enum column {
    C_NAME,
    C_RUNNING,
    C_BUILT_IN,
    C_CONTEXT,
    C_SOURCE,
    C_WAITS,
    C_VERSION,
    C_RECOVERY,
    C_FILE,
    C_LINE,
    C_VALUE,
    C_ERROR,
    COLUMNS,
};

/* ---- the questions ---- */

/* Of a setting that sessions of ours have by themselves nothing is said here: the server's is
 * another one. What is built in comes in units of its own, as "16384" of 8kB each. */
#define SETTINGS                                                                         \
    "SELECT s.name,"                                                                     \
    " CASE WHEN s.source IN ('default', 'environment variable', 'configuration file',"   \
    " 'command line', 'override') THEN coalesce(current_setting(s.name, true), '') END," \
    " CASE WHEN s.unit IS NULL OR s.boot_val IS NULL OR s.boot_val IN ('0', '-1') THEN"  \
    " s.boot_val WHEN s.unit ~ '^[0-9]+[kM]B$' THEN (s.boot_val::numeric *"              \
    " substring(s.unit FROM '^[0-9]+')::numeric) || substring(s.unit FROM '[kM]B$')"     \
    " ELSE s.boot_val || s.unit END, s.context, s.source, s.pending_restart,"            \
    " current_setting('server_version_num'), pg_is_in_recovery()"

void pg_origin_sql(const char *name, bool with_lines, struct buf *out)
{
    buf_str(out, SETTINGS);
    buf_str(out, with_lines ? ", f.sourcefile, f.sourceline, f.setting, f.error"
                              " FROM pg_settings AS s LEFT JOIN pg_show_all_file_settings() AS f"
                              " ON lower(f.name) = lower(s.name) WHERE "
                            : " FROM pg_settings AS s WHERE ");
    if (name != NULL) {
        buf_str(out, "lower(s.name) = lower(");
        pg_sql_literal(out, name);
        buf_char(out, ')');
    } else {
        buf_str(out, with_lines ? "(s.source <> 'default' OR f.name IS NOT NULL)"
                                : "s.source <> 'default'");
    }
    buf_str(out, with_lines ? " ORDER BY lower(s.name), f.seqno" : " ORDER BY lower(s.name)");
}

const char *pg_origin_names_sql(void)
{
    return "SELECT name FROM pg_settings ORDER BY lower(name)";
}

/* ---- the answer ---- */

static char *copy(const struct pg_rows *rows, uint32_t row, enum column column)
{
    const char *text = pg_rows_text(rows, row, (uint32_t)column);
    return text != NULL ? mem_strdup(text) : NULL;
}

static void take_line(const struct pg_rows *rows, uint32_t row, struct pg_origin *out)
{
    uint64_t line = 0;
    if (pg_rows_text(rows, row, C_FILE) == NULL) {
        return; /* it stands in none */
    }
    (void)pg_text_u64(pg_rows_text(rows, row, C_LINE), &line);
    char *value = copy(rows, row, C_VALUE);
    out->lines = mem_grow(out->lines, out->line_count + 1, sizeof(*out->lines));
    out->lines[out->line_count++] =
        (struct pg_origin_line){.file = copy(rows, row, C_FILE),
                                .line = (unsigned)line,
                                .value = value != NULL ? value : mem_strdup(""),
                                .error = copy(rows, row, C_ERROR)};
}

static int take_row(const struct pg_rows *rows, uint32_t row, struct pg_origins *out,
                    struct err *err)
{
    const char *name = pg_rows_text(rows, row, C_NAME);
    uint64_t version = 0;
    bool waits = false;
    bool good = name != NULL && pg_rows_text(rows, row, C_CONTEXT) != NULL &&
                pg_rows_text(rows, row, C_SOURCE) != NULL &&
                pg_text_u64(pg_rows_text(rows, row, C_VERSION), &version) &&
                pg_text_bool(pg_rows_text(rows, row, C_RECOVERY), &out->in_recovery) &&
                pg_text_bool(pg_rows_text(rows, row, C_WAITS), &waits);
    if (!good) {
        return err_set(err, ERR_PROTOCOL, "PostgreSQL has not said where its parameters are from");
    }
    out->version = (unsigned)version;
    if (out->count == 0 || strcmp(out->at[out->count - 1].name, name) != 0) {
        out->at = mem_grow(out->at, out->count + 1, sizeof(*out->at));
        out->at[out->count++] = (struct pg_origin){.name = mem_strdup(name),
                                                   .running = copy(rows, row, C_RUNNING),
                                                   .built_in = copy(rows, row, C_BUILT_IN),
                                                   .context = copy(rows, row, C_CONTEXT),
                                                   .source = copy(rows, row, C_SOURCE),
                                                   .waits = waits};
    }
    if (out->has_lines) {
        take_line(rows, row, &out->at[out->count - 1]);
    }
    return 0;
}

int pg_origin_parse(const struct pg_rows *rows, bool with_lines, struct pg_origins *out,
                    struct err *err)
{
    int code = rows->columns == (with_lines ? COLUMNS : C_FILE)
                   ? 0
                   : err_set(err, ERR_PROTOCOL, "PostgreSQL has answered another question");
    out->has_lines = with_lines;
    for (uint32_t row = 0; code == 0 && row < rows->count; row++) {
        code = take_row(rows, row, out, err);
    }
    return code;
}

const struct pg_origin *pg_origin_of(const struct pg_origins *origins, const char *name)
{
    for (size_t i = 0; i < origins->count; i++) {
        if (strcasecmp(origins->at[i].name, name) == 0) {
            return &origins->at[i];
        }
    }
    return NULL;
}

static void close_one(struct pg_origin *origin)
{
    for (size_t i = 0; i < origin->line_count; i++) {
        mem_free(origin->lines[i].file);
        mem_free(origin->lines[i].value);
        mem_free(origin->lines[i].error);
    }
    mem_free(origin->lines);
    mem_free(origin->name);
    mem_free(origin->running);
    mem_free(origin->built_in);
    mem_free(origin->context);
    mem_free(origin->source);
}

void pg_origins_close(struct pg_origins *origins)
{
    for (size_t i = 0; i < origins->count; i++) {
        close_one(&origins->at[i]);
    }
    mem_free(origins->at);
    *origins = (struct pg_origins){0};
}
