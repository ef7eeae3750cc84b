/* supervisor/helper/wal.c - reads pg_wal from a checkpoint, or from where replay stands, to its
 * end.
 *
 * Which file a page comes from is chosen as recovery does it: of a segment's files the one of the
 * newest timeline that begins no later than in that segment. The timelines are those of the newest
 * history file here that knows the control file's own. Nothing is written. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/must.h"
#include "supervisor/backup_label.h"
#include "supervisor/helper/jobs.h"
#include "supervisor/pg_control.h"
#include "supervisor/pg_rows.h"
#include "supervisor/wal_walk.h"

#define TIMELINE_DIGITS 8
#define WAL_NAME_SIZE 24
#define HISTORY_MAX 65536 /* bytes of a history file */
#define CHUNK_PAGES 16    /* that are read at once */
#define TORN_MAX 50       /* reads of the control file before a wrong checksum is believed */
#define XLOG_4GIB (UINT64_C(1) << 32)

struct files {
    int folder; /* pg_wal */
    const struct wal_lines *lines;
    uint32_t segment_size;
    int fd; /* of the segment that was read last */
    uint64_t segment;
    uint32_t timeline;
    uint8_t chunk[CHUNK_PAGES * WAL_PAGE_SIZE];
    uint64_t chunk_lsn;
    size_t chunk_size; /* 0: nothing is in it */
    int error;
};

static bool is_hex(const char *name, size_t digits)
{
    return strspn(name, "0123456789ABCDEF") == digits;
}

/* The file of @segment and a timeline no older than the one before it, as recovery chooses it. */
static enum wal_page open_segment(struct files *f, uint64_t segment)
{
    uint64_t per_4gib = XLOG_4GIB / f->segment_size;
    closep(&f->fd);
    f->chunk_size = 0;
    for (uint32_t i = f->lines->count; i-- > 0;) {
        const struct wal_line *line = &f->lines->at[i];
        if (line->begin / f->segment_size > segment) {
            continue;
        }
        char name[32];
        (void)snprintf(name, sizeof(name), "%08X%08X%08X", line->timeline,
                       (uint32_t)(segment / per_4gib), (uint32_t)(segment % per_4gib));
        f->fd = openat(f->folder, name, O_RDONLY | O_CLOEXEC);
        if (f->fd >= 0) {
            f->segment = segment;
            f->timeline = line->timeline;
            return WAL_PAGE_READ;
        }
        if (errno != ENOENT) {
            f->error = errno;
            return WAL_PAGE_ERROR;
        }
    }
    return WAL_PAGE_NONE;
}

static enum wal_page read_chunk(struct files *f, uint64_t lsn)
{
    ssize_t size = pread(f->fd, f->chunk, sizeof(f->chunk), (off_t)(lsn % f->segment_size));
    if (size < 0) {
        f->error = errno;
        return WAL_PAGE_ERROR;
    }
    f->chunk_lsn = lsn;
    f->chunk_size = (size_t)size;
    return size >= WAL_PAGE_SIZE ? WAL_PAGE_READ : WAL_PAGE_NONE;
}

static enum wal_page read_page(void *arg, uint64_t lsn, uint8_t out[WAL_PAGE_SIZE],
                               uint32_t *ret_timeline)
{
    struct files *f = (struct files *)arg;
    enum wal_page read = WAL_PAGE_READ;
    if (f->fd < 0 || lsn / f->segment_size != f->segment) {
        read = open_segment(f, lsn / f->segment_size);
    }
    bool is_in_chunk = f->chunk_size > 0 && lsn >= f->chunk_lsn &&
                       lsn + WAL_PAGE_SIZE <= f->chunk_lsn + f->chunk_size;
    if (read == WAL_PAGE_READ && !is_in_chunk) {
        read = read_chunk(f, lsn);
    }
    if (read == WAL_PAGE_READ) {
        memcpy(out, f->chunk + (lsn - f->chunk_lsn), WAL_PAGE_SIZE);
        *ret_timeline = f->timeline;
    }
    return read;
}

/* ---- what there is ---- */

/* A disk that has lost what was written gives zeros back; what is of another layout has a number.
 */
static bool is_zero(const uint8_t *bytes, size_t size)
{
    size_t at = 0;
    while (at < size && bytes[at] == 0) {
        at++;
    }
    return at == size;
}

/* 0, or an errno; EBADMSG: it is damaged, EINVAL: of a layout that is not known here. */
static int read_control(const char *data_dir, struct pg_control *control)
{
    char path[4096];
    (void)snprintf(path, sizeof(path), "%s/global/pg_control", data_dir);
    for (int i = 0; i < TORN_MAX; i++) {
        uint8_t bytes[PG_CONTROL_BYTES];
        CLEANUP(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t size = fd < 0 ? -1 : read(fd, bytes, sizeof(bytes));
        if (size < 0) {
            return errno;
        }
        enum pg_control_error parsed = pg_control_parse(bytes, (size_t)size, control);
        if (parsed == PG_CONTROL_UNKNOWN && !is_zero(bytes, (size_t)size)) {
            return EINVAL;
        }
        if (parsed != PG_CONTROL_TORN) {
            return parsed == PG_CONTROL_OK ? 0 : EBADMSG;
        }
    }
    return EBADMSG;
}

static bool read_history(int folder, uint32_t timeline, struct wal_lines *ret_lines)
{
    static char text[HISTORY_MAX];
    char name[32];
    (void)snprintf(name, sizeof(name), "%08X.history", timeline);
    CLEANUP(closep) int fd = openat(folder, name, O_RDONLY | O_CLOEXEC);
    ssize_t size = fd < 0 ? -1 : read(fd, text, sizeof(text));
    return size >= 0 && size < (ssize_t)sizeof(text) &&
           wal_lines_parse(text, (size_t)size, timeline, ret_lines);
}

/* Note what a name of pg_wal tells: the size of a segment, or a newer history of @timeline. */
static void look_at_name(int folder, const char *name, uint32_t timeline, struct wal_lines *lines,
                         uint32_t *segment_size)
{
    struct stat info;
    if (strlen(name) == WAL_NAME_SIZE && is_hex(name, WAL_NAME_SIZE) && *segment_size == 0 &&
        fstatat(folder, name, &info, 0) == 0 && info.st_size >= 1 << 20 &&
        info.st_size <= 1 << 30) {
        *segment_size = (uint32_t)info.st_size;
        return;
    }
    char digits[TIMELINE_DIGITS + 1] = {0};
    uint32_t found;
    struct wal_lines read;
    memcpy(digits, name, strnlen(name, TIMELINE_DIGITS));
    if (strcmp(name + strlen(digits), ".history") == 0 && pg_text_timeline(digits, &found) &&
        found > lines->at[lines->count - 1].timeline && read_history(folder, found, &read) &&
        wal_lines_have(&read, timeline)) {
        *lines = read;
    }
}

static int look_at_folder(int folder, uint32_t timeline, struct wal_lines *lines,
                          uint32_t *segment_size)
{
    *lines = (struct wal_lines){.count = 1, .at[0].timeline = timeline};
    (void)read_history(folder, timeline, lines); /* the first timeline has none */
    int copy = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *list = copy >= 0 ? fdopendir(copy) : NULL;
    if (list == NULL) {
        int error = errno;
        closep(&copy);
        return error;
    }
    for (const struct dirent *entry; (entry = readdir(list)) != NULL;) {
        look_at_name(folder, entry->d_name, timeline, lines, segment_size);
    }
    (void)closedir(list);
    return 0;
}

static void say_end(int error, const char *where, const struct wal_end *end)
{
    (void)printf("error=%d where=%s end=%" PRIu64 " timeline=%" PRIu32 " records=%" PRIu64
                 " misses=%" PRIu64,
                 error, where, end->lsn, end->timeline, end->records, end->misses);
}

static void say(int error, const char *where, const struct wal_end *end)
{
    say_end(error, where, end);
    (void)printf("\n");
}

/* " lines=1:0,2:50331648": each with where it left the one before (wal_end.c reads it). */
static void say_lines(const struct wal_lines *lines)
{
    for (uint32_t i = 0; i < lines->count; i++) {
        (void)printf("%s%" PRIu32 ":%" PRIu64, i == 0 ? " lines=" : ",", lines->at[i].timeline,
                     lines->at[i].begin);
    }
}

/* Restored from a backup, and never started: no segment is here yet, and all that it has of WAL is
 * the place from which it needs it. False: that is not so. */
static bool say_label(const char *data_dir)
{
    char path[4096];
    char text[4096];
    struct backup_label label;
    (void)snprintf(path, sizeof(path), "%s/" BACKUP_LABEL_FILE, data_dir);
    CLEANUP(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t size = fd >= 0 ? read(fd, text, sizeof(text) - 1) : -1;
    text[size > 0 ? size : 0] = '\0';
    if (size <= 0 || !backup_label_parse(text, &label)) {
        return false;
    }
    say(0, "label", &(struct wal_end){.lsn = label.start_lsn, .timeline = label.timeline});
    return true;
}

/* The end in the open folder, by a known control file. */
static void read_folder(struct files *files, const char *data_dir, const struct pg_control *control,
                        uint64_t start)
{
    static struct wal_lines lines;
    struct wal_end end = {0};
    int error = look_at_folder(files->folder, control->timeline, &lines, &files->segment_size);
    if (error == 0 && files->segment_size == 0 && start == 0 && say_label(data_dir)) {
        return;
    }
    if (error != 0 || files->segment_size == 0) {
        say(error != 0 ? error : ENOENT, "segments", &end);
        return;
    }
    files->lines = &lines;
    struct wal_source source = {.read = read_page,
                                .arg = files,
                                .segment_size = files->segment_size,
                                .system_id = control->system_id};
    if (!wal_walk(&source, &lines, start != 0 ? start : control->checkpoint_lsn, &end)) {
        say(files->error, "read", &end);
        return;
    }
    /* A place that was replayed is valid whatever is there now; a checkpoint must be found. */
    bool is_found = start != 0 || end.records > 0;
    say_end(is_found ? 0 : ENODATA, is_found ? "-" : "checkpoint", &end);
    say_lines(&lines);
    (void)printf("\n");
}

void job_wal(const char *data_dir, uint64_t start)
{
    static struct files files;
    const struct wal_end none = {0};
    struct pg_control control = {0};
    char path[4096];
    int error = read_control(data_dir, &control);
    if (error != 0) {
        say(error, "control", &none);
        return;
    }
    (void)snprintf(path, sizeof(path), "%s/pg_wal", data_dir);
    files = (struct files){.folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), .fd = -1};
    if (files.folder < 0) {
        say(errno, "open", &none);
        return;
    }
    read_folder(&files, data_dir, &control, start);
    closep(&files.fd);
    closep(&files.folder);
}
