/* supervisor/pg_note.c - the note inside a data directory: lines of "key value" with a checksum.
 *
 *   pgraft note 1
 *   cluster 0123456789abcdef0123456789abcdef
 *   ...
 *   sum 1a2b3c4d        CRC-32C of all lines before it
 *
 * A later version may add keys; one that this version must not skip comes with another number in
 * the first line. */
#include "supervisor/pg_note.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/crc32c.h"
#include "base/mem.h"
#include "base/must.h"
#include "storage/origin.h"
#include "supervisor/pg_file.h"

#define NOTE_VERSION 1
#define NOTE_MODE 0600

#define CONTROL_FILE "global/pg_control"

/* PostgreSQL writes its control file in place for as long as the data live, and whoever restores a
 * backup into the same directory makes another one. */
struct note_text {
    struct pg_note note;
    struct origin origin;  /* of the directory */
    struct origin control; /* of the control file; inode 0: none was there, or an older note */
};

/* --- One line --- */

static bool is_line(const char *text)
{
    return text[strcspn(text, "\n")] == '\0';
}

static bool read_number(const char *text, int base, uint64_t *ret_value)
{
    char *end = NULL;
    errno = 0;
    unsigned long long value = strtoull(text, &end, base);
    *ret_value = (uint64_t)value;
    return errno == 0 && end != text && *end == '\0' && text[0] != '-' && text[0] != ' ';
}

static bool read_text(const char *text, char *out, size_t size)
{
    int length = snprintf(out, size, "%s", text);
    return length >= 0 && (size_t)length < size;
}

/* True: taken, or of a later version. */
static bool read_line(const char *key, const char *value, struct note_text *out)
{
    struct pg_note *note = &out->note;
    const struct {
        const char *key;
        uint64_t *number;
    } numbers[] = {
        {"system", &note->system_id},        {"sealed_epoch", &note->sealed_epoch},
        {"seen_epoch", &note->seen_epoch},   {"inode", &out->origin.inode},
        {"birth_ns", &out->origin.birth_ns}, {"filesystem", &out->origin.filesystem_id},
        {"control", &out->control.inode},    {"control_birth_ns", &out->control.birth_ns},
    };
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        if (strcmp(key, numbers[i].key) == 0) {
            return read_number(value, 10, numbers[i].number);
        }
    }
    if (strcmp(key, "copy") == 0) {
        return read_number(value, 16, &note->copy);
    }
    if (strcmp(key, "cluster") == 0) {
        return read_text(value, note->cluster, sizeof(note->cluster));
    }
    if (strcmp(key, "scope") == 0) {
        return read_text(value, note->scope, sizeof(note->scope));
    }
    if (strcmp(key, "peers") == 0) {
        return read_text(value, note->peers, sizeof(note->peers));
    }
    return true;
}

/* --- All lines --- */

static void print(const struct note_text *text, struct buf *out)
{
    const struct pg_note *note = &text->note;
    buf_printf(out, "pgraft note %d\n", NOTE_VERSION);
    buf_printf(out, "cluster %s\nscope %s\n", note->cluster, note->scope);
    buf_printf(out, "system %" PRIu64 "\ncopy %016" PRIx64 "\n", note->system_id, note->copy);
    buf_printf(out, "sealed_epoch %" PRIu64 "\nseen_epoch %" PRIu64 "\n", note->sealed_epoch,
               note->seen_epoch);
    buf_printf(out, "inode %" PRIu64 "\nbirth_ns %" PRIu64 "\nfilesystem %" PRIu64 "\n",
               text->origin.inode, text->origin.birth_ns, text->origin.filesystem_id);
    buf_printf(out, "control %" PRIu64 "\ncontrol_birth_ns %" PRIu64 "\n", text->control.inode,
               text->control.birth_ns);
    buf_printf(out, "peers %s\n", note->peers);
    buf_printf(out, "sum %08x\n", crc32c(out->bytes, out->size));
}

/* Where the line of the checksum begins; NULL: there is none, or it is wrong. */
static char *find_sum(const struct buf *text)
{
    char *at = NULL;
    for (char *next = text->bytes; next != NULL; next = strstr(next + 1, "\nsum ")) {
        at = next;
    }
    uint64_t sum = 0;
    if (at == NULL || at == text->bytes || at[strlen(at) - 1] != '\n') {
        return NULL;
    }
    at++;
    CLEANUP(mem_freep) char *digits = mem_printf("%.*s", (int)strcspn(at + 4, "\n"), at + 4);
    bool right = at + 4 + strlen(digits) + 1 == text->bytes + text->size &&
                 read_number(digits, 16, &sum) &&
                 sum == crc32c(text->bytes, (size_t)(at - text->bytes));
    return right ? at : NULL;
}

static bool parse_lines(char *text, struct note_text *out)
{
    char *rest = NULL;
    for (char *line = strtok_r(text, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        char *value = strchr(line, ' ');
        if (value == NULL) {
            return false;
        }
        *value = '\0';
        if (!read_line(line, value + 1, out)) {
            return false;
        }
    }
    return out->note.copy != 0;
}

static int parse(struct buf *text, struct note_text *out, const char *path, struct err *err)
{
    static const char head[] = "pgraft note ";
    char *sum = text->size > 0 ? find_sum(text) : NULL;
    if (sum == NULL || strncmp(text->bytes, head, sizeof(head) - 1) != 0) {
        return err_set(err, ERR_CORRUPT, "%s: damaged: its checksum is wrong", path);
    }
    *sum = '\0';
    char *line = text->bytes + sizeof(head) - 1;
    char *end = strchr(line, '\n');
    uint64_t version = 0;
    if (end != NULL) {
        *end = '\0';
    }
    if (end == NULL || !read_number(line, 10, &version) || version != NOTE_VERSION) {
        return err_set(err, ERR_VERSION, "%s: written by another version of pgraft", path);
    }
    *out = (struct note_text){0};
    if (!parse_lines(end + 1, out)) {
        return err_set(err, ERR_CORRUPT, "%s: what it says is no note", path);
    }
    return 0;
}

/* --- Places --- */

static int origin_of(const char *path, struct origin *ret_origin, struct err *err)
{
    CLEANUP(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return err_errno(err, errno, "%s", path);
    }
    int rc = origin_read(ret_origin, fd, "/dev/null", err); /* a disk may move to another host */
    ret_origin->machine[0] = '\0';
    return rc;
}

static int read_places(const char *data_dir, struct note_text *out, struct err *err)
{
    CLEANUP(mem_freep) char *control = mem_printf("%s/" CONTROL_FILE, data_dir);
    int rc = origin_of(data_dir, &out->origin, err);
    if (rc == 0 && origin_of(control, &out->control, NULL) != 0) {
        out->control = (struct origin){.inode = 0};
    }
    out->control.filesystem_id = 0; /* that of the directory */
    return rc;
}

static bool is_elsewhere(const struct note_text *then, const struct note_text *now)
{
    bool both = then->control.inode != 0 && now->control.inode != 0;
    return origin_differs(&then->origin, &now->origin, NULL, 0) ||
           (both && origin_differs(&then->control, &now->control, NULL, 0));
}

/* ---- whole notes ---- */

int pg_note_read(const char *data_dir, struct pg_note *ret_note, bool *ret_is_copy, struct err *err)
{
    CLEANUP(mem_freep) char *path = mem_printf("%s/" PG_NOTE_FILE, data_dir);
    CLEANUP(buf_close) struct buf bytes = {0};
    struct note_text text = {0};
    struct note_text now = {0};
    int rc = pg_file_read(path, &bytes, err);
    if (rc == ERR_TOO_LARGE || rc == ERR_REFUSED) {
        return err_set(err, ERR_CORRUPT, "%s: this is no note", path);
    }
    rc = rc != 0 ? rc : parse(&bytes, &text, path, err);
    rc = rc != 0 ? rc : read_places(data_dir, &now, err);
    if (rc == 0) {
        *ret_note = text.note;
        *ret_is_copy = is_elsewhere(&text, &now);
    }
    return rc;
}

static int check(const struct pg_note *note, struct err *err)
{
    if (note->copy == 0 || !is_line(note->cluster) || !is_line(note->scope) ||
        !is_line(note->peers)) {
        return err_set(err, ERR_INVALID, "a note without a copy id, or with more than one line");
    }
    if (note->sealed_epoch > note->seen_epoch) {
        return err_set(err, ERR_REFUSED, "a seal of epoch %" PRIu64 " above all that were seen",
                       note->sealed_epoch);
    }
    return 0;
}

int pg_note_write(const char *data_dir, const struct pg_note *note, struct err *err)
{
    CLEANUP(mem_freep) char *path = mem_printf("%s/" PG_NOTE_FILE, data_dir);
    CLEANUP(buf_close) struct buf bytes = {0};
    struct note_text text = {.note = *note};
    struct pg_note old = {0};
    bool is_copy = false;
    int rc = check(note, err);
    rc = rc != 0 ? rc : read_places(data_dir, &text, err);
    if (rc != 0) {
        return rc;
    }
    bool has_old = pg_note_read(data_dir, &old, &is_copy, NULL) == 0;
    bool same_copy = has_old && !is_copy && old.copy == note->copy;
    if (has_old && note->seen_epoch < old.seen_epoch) {
        return err_set(err, ERR_REFUSED,
                       "%s: epoch %" PRIu64 " was seen, and can not become %" PRIu64, path,
                       old.seen_epoch, note->seen_epoch);
    }
    if (same_copy && note->sealed_epoch < old.sealed_epoch) {
        return err_set(err, ERR_REFUSED,
                       "%s: epoch %" PRIu64 " was promised, and can not become %" PRIu64, path,
                       old.sealed_epoch, note->sealed_epoch);
    }
    print(&text, &bytes);
    return pg_file_put_synced(path, NOTE_MODE, &bytes, err);
}

int pg_note_seal(const char *data_dir, uint64_t epoch, struct err *err)
{
    struct pg_note note = {0};
    bool is_copy = false;
    int rc = pg_note_read(data_dir, &note, &is_copy, err);
    if (rc != 0) {
        return rc;
    }
    if (is_copy) {
        return err_set(err, ERR_REFUSED, "%s/" PG_NOTE_FILE ": of another copy", data_dir);
    }
    note.sealed_epoch = epoch;
    note.seen_epoch = note.seen_epoch > epoch ? note.seen_epoch : epoch;
    return pg_note_write(data_dir, &note, err);
}

int pg_note_check_copy(const char *data_dir, uint64_t copy, struct err *err)
{
    struct pg_note note = {0};
    bool is_copy = false;
    int rc = pg_note_read(data_dir, &note, &is_copy, err);
    bool is_it = rc == 0 && !is_copy && note.copy == copy;
    return is_it || (rc != 0 && rc != ERR_NOT_FOUND)
               ? rc
               : err_set(err, ERR_REFUSED,
                         "%s is another data directory than it was a moment ago: somebody has "
                         "replaced it; it is not started, but looked at again",
                         data_dir);
}

int pg_note_new_copy(uint64_t *ret_copy, struct err *err)
{
    do {
        ssize_t got = getrandom(ret_copy, sizeof(*ret_copy), 0);
        if (got != (ssize_t)sizeof(*ret_copy)) {
            return err_errno(err, errno, "random number");
        }
    } while (*ret_copy == 0);
    return 0;
}
