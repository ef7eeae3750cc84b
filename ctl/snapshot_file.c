/* ctl/snapshot_file.c - head, rows with their checksums, end; read once from front to back. */
#include "ctl/snapshot_file.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/cli.h"
#include "base/crc32c.h"
#include "base/must.h"

#define MAGIC "pgraft-snapshot/"
#define VERSION 1
#define LINE_MAX_SIZE 65536
#define ROW_SIZE_MAX ((uint32_t)64 * 1024 * 1024)
#define END_MARK UINT32_MAX

struct reader {
    FILE *file;
    const char *path;
    uint64_t bytes; /* read so far */
    uint32_t crc;   /* of them */
    uint64_t rows;
    struct buf row;
    struct store_batch *content; /* NULL: nobody wants the rows */
    struct err *err;
};

static int cut_off(struct reader *r)
{
    if (ferror(r->file) != 0) {
        return err_errno(r->err, errno, "%s", r->path);
    }
    return err_set(r->err, ERR_CORRUPT, "%s: cut off after %" PRIu64 " bytes", r->path, r->bytes);
}

static int wrong(struct reader *r, const char *what)
{
    return err_set(r->err, ERR_CORRUPT, "%s: %s at byte %" PRIu64, r->path, what, r->bytes);
}

static int take(struct reader *r, void *bytes, size_t size)
{
    if (fread(bytes, 1, size, r->file) < size) {
        return cut_off(r);
    }
    r->bytes += size;
    r->crc = crc32c_extend(r->crc, bytes, size);
    return 0;
}

/* Up to and without the newline. */
static int take_line(struct reader *r, struct buf *line)
{
    for (;;) {
        char c = 0;
        if (take(r, &c, 1) < 0) {
            return r->err != NULL ? r->err->code : ERR_CORRUPT;
        }
        if (c == '\n') {
            return 0;
        }
        buf_char(line, c);
        if (line->size > LINE_MAX_SIZE) {
            return wrong(r, "a line without end");
        }
    }
}

static int take_magic(struct reader *r)
{
    char magic[sizeof(MAGIC)] = "";
    CLEANUP(buf_close) struct buf version = {0};
    if (fread(magic, 1, sizeof(magic) - 1, r->file) < sizeof(magic) - 1 ||
        strcmp(magic, MAGIC) != 0) {
        return err_set(r->err, ERR_CORRUPT, "%s: no snapshot of pgraft", r->path);
    }
    r->bytes = strlen(magic);
    r->crc = crc32c(magic, strlen(magic));
    int rc = take_line(r, &version);
    if (rc == 0 && strtoul(buf_text(&version), NULL, 10) > VERSION) {
        return err_set(r->err, ERR_VERSION, "%s: of version %s, this program knows %d", r->path,
                       cli_quoted(buf_text(&version)).text, VERSION);
    }
    return rc == 0 && strcmp(buf_text(&version), "1") != 0 ? wrong(r, "a strange version") : rc;
}

static uint32_t number_at(const unsigned char *bytes)
{
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
           (uint32_t)bytes[3] << 24;
}

static int keep_row(struct reader *r, uint32_t key, uint32_t value)
{
    if (r->content == NULL) {
        return 0;
    }
    if (key == 0 || key > STORE_ROW_KEY_MAX) {
        return wrong(r, "a row with a key that is none");
    }
    struct store_row row = {
        .key = r->row.bytes, .key_size = key, .value = r->row.bytes + key, .value_size = value};
    store_batch_add_row(r->content, &row);
    return 0;
}

/* 1: a row; 0: the end; or an error. */
static int take_row(struct reader *r)
{
    unsigned char sizes[8] = {0};
    unsigned char sum[4] = {0};
    int rc = take(r, sizes, 4);
    if (rc < 0 || number_at(sizes) == END_MARK) {
        return rc;
    }
    rc = take(r, sizes + 4, 4);
    uint32_t key = number_at(sizes);
    uint32_t value = number_at(sizes + 4);
    if (rc == 0 && (key > ROW_SIZE_MAX || value > ROW_SIZE_MAX)) {
        return wrong(r, "a row of impossible size");
    }
    if (rc == 0) {
        buf_clear(&r->row);
        rc = take(r, buf_extend(&r->row, (size_t)key + value), (size_t)key + value);
    }
    if (rc == 0) {
        rc = take(r, sum, sizeof(sum));
    }
    if (rc < 0) {
        return rc;
    }
    uint32_t crc = crc32c_extend(crc32c(sizes, sizeof(sizes)), r->row.bytes, r->row.size);
    if (crc != number_at(sum)) {
        return wrong(r, "a damaged row");
    }
    r->rows++;
    return keep_row(r, key, value) == 0 ? 1 : ERR_CORRUPT;
}

static json_t *parse_line(struct reader *r, const struct buf *line)
{
    json_t *object = json_loadb(buf_text(line), line->size, JSON_REJECT_DUPLICATES, NULL);
    if (!json_is_object(object)) {
        (void)wrong(r, "a line that is no JSON object");
        json_decref(object);
        return NULL;
    }
    return object;
}

static int check_end(struct reader *r, json_t *facts)
{
    uint64_t bytes = r->bytes;
    char crc[9];
    CLEANUP(buf_close) struct buf line = {0};
    (void)snprintf(crc, sizeof(crc), "%08" PRIx32, r->crc);
    int rc = take_line(r, &line);
    if (rc < 0) {
        return rc;
    }
    json_auto_t *end = parse_line(r, &line);
    if (end == NULL) {
        return ERR_CORRUPT;
    }
    const char *sum = json_string_value(json_object_get(end, "crc32c"));
    bool same = json_integer_value(json_object_get(end, "rows")) == (json_int_t)r->rows &&
                json_integer_value(json_object_get(end, "bytes")) == (json_int_t)bytes &&
                sum != NULL && strcmp(sum, crc) == 0;
    if (!same) {
        return wrong(r, "the sums at its end are not those of the file");
    }
    if (fgetc(r->file) != EOF) {
        return wrong(r, "something behind its end");
    }
    int set = json_object_update(facts, end);
    MUST(set == 0);
    return 0;
}

static int check(struct reader *r, json_t **ret_facts)
{
    CLEANUP(buf_close) struct buf head = {0};
    int rc = take_magic(r);
    if (rc == 0) {
        rc = take_line(r, &head);
    }
    if (rc < 0) {
        return rc;
    }
    json_auto_t *facts = parse_line(r, &head);
    if (facts == NULL) {
        return ERR_CORRUPT;
    }
    do {
        rc = take_row(r);
    } while (rc > 0);
    if (rc == 0) {
        rc = check_end(r, facts);
    }
    if (rc == 0) {
        *ret_facts = json_incref(facts);
    }
    return rc;
}

int snapshot_file_check(const char *path, json_t **ret_facts, struct err *err)
{
    return snapshot_file_read(path, NULL, ret_facts, err);
}

int snapshot_file_read(const char *path, struct store_batch *content, json_t **ret_facts,
                       struct err *err)
{
    CLEANUP(fclosep) FILE *file = fopen(path, "rbe");
    if (file == NULL) {
        return err_errno(err, errno, "%s", path);
    }
    struct err own = {0};
    struct reader r = {.file = file, .path = path, .content = content, .err = &own};
    int rc = check(&r, ret_facts);
    buf_close(&r.row);
    return rc < 0 ? err_set(err, own.code, "%s", own.msg) : 0;
}
