/* supervisor/act_keep.c - WAL that a rewind or a clone would discard is put aside first.
 *
 * Its segments from the place where the primary's timeline parted from this one, or all of them
 * where nobody knows that place: they may hold commits that nobody else has. So are those that
 * still wait for archive_command. They stay until an operator removes them; where there is no room
 * for them nothing is discarded, and the node waits. */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/mem.h"
#include "supervisor/act_parts.h"
#include "supervisor/history.h"
#include "supervisor/pg_file.h"

#define BLOCK_BYTES ((size_t)256 * 1024)
#define SPARE_BYTES ((uint64_t)256 << 20) /* stays free: pgraftd's own store may be there */

struct keeping {
    const char *wal;   /* from where */
    const char *place; /* to where */
    struct keep_range range;
    bool is_counting; /* only how much it is */
    uint64_t count;
    uint64_t bytes;
};

/* ---- which ---- */

struct keep_range keep_range_of(const struct facts *f, uint32_t segment_size)
{
    struct keep_range range = {.first = 0, .last = UINT64_MAX, .per_log = 0};
    if (segment_size == 0) {
        return range;
    }
    range.per_log = (UINT64_C(1) << 32) / segment_size;
    if (f->pg.end.is_known) {
        range.first = history_shared_lsn(&f->store, &f->pg.end) / segment_size;
        range.last = f->pg.end.lsn / segment_size;
    }
    return range;
}

/* Eight digits of a WAL file's name. */
static bool number_of(const char *at, uint64_t *ret_number)
{
    char digits[9];
    char *end;
    (void)snprintf(digits, sizeof(digits), "%.8s", at);
    *ret_number = strtoull(digits, &end, 16);
    return end == digits + 8;
}

bool keep_is_wanted(const struct keep_range *range, const char *name)
{
    uint64_t high = 0;
    uint64_t low = 0;
    size_t digits = strspn(name, "0123456789ABCDEF");
    if (digits == 8 && strcmp(name + digits, ".history") == 0) {
        return true;
    }
    if (digits != 24 || (name[24] != '\0' && strcmp(name + 24, ".partial") != 0) ||
        !number_of(name + 8, &high) || !number_of(name + 16, &low)) {
        return false;
    }
    uint64_t segment = range->per_log * high + low;
    return range->per_log == 0 || (segment >= range->first && segment <= range->last);
}

/* It was not archived yet. */
static bool is_ready(const char *wal, const char *name)
{
    CLEANUP(mem_freep) char *path = mem_printf("%s/archive_status/%s.ready", wal, name);
    return access(path, F_OK) == 0;
}

/* ---- one ---- */

/* Its bytes, not another name for it: PostgreSQL writes over segments that it has used up. */
static int keep_one(const char *from, const char *to, struct err *err)
{
    CLEANUP(mem_freep) char *draft = mem_printf("%s" PG_FILE_DRAFT, to);
    CLEANUP(fclosep) FILE *in = fopen(from, "re");
    CLEANUP(fclosep) FILE *out = fopen(draft, "we");
    if (in == NULL || out == NULL) {
        return err_errno(err, errno, "%s", in == NULL ? from : draft);
    }
    CLEANUP(mem_freep) char *block = (char *)mem_array(BLOCK_BYTES, 1);
    for (size_t size = fread(block, 1, BLOCK_BYTES, in); size > 0;
         size = fread(block, 1, BLOCK_BYTES, in)) {
        if (fwrite(block, 1, size, out) != size) {
            return err_errno(err, errno, "write %s", draft);
        }
    }
    if (ferror(in) != 0) {
        return err_set(err, ERR_SYSTEM, "%s can not be read", from);
    }
    bool is_written = fflush(out) == 0 && fsync(fileno(out)) == 0;
    return is_written ? pg_file_move(draft, to, err) : err_errno(err, errno, "write %s", draft);
}

static int take(struct keeping *k, const char *name, struct err *err)
{
    CLEANUP(mem_freep) char *from = mem_printf("%s/%s", k->wal, name);
    CLEANUP(mem_freep) char *to = mem_printf("%s/%s", k->place, name);
    struct stat st;
    struct stat there;
    if (stat(from, &st) != 0) {
        return errno == ENOENT ? 0 : err_errno(err, errno, "%s", from);
    }
    bool has_it = stat(to, &there) == 0 && there.st_size == st.st_size &&
                  there.st_mtim.tv_sec >= st.st_mtim.tv_sec;
    if (!S_ISREG(st.st_mode) || has_it) { /* of an attempt before this one */
        return 0;
    }
    k->count++;
    k->bytes += (uint64_t)st.st_size;
    return k->is_counting ? 0 : keep_one(from, to, err);
}

/* ---- all ---- */

static int each(struct keeping *k, struct err *err)
{
    int code = 0;
    DIR *dir = opendir(k->wal);
    k->count = k->bytes = 0;
    if (dir == NULL) {
        return errno == ENOENT ? 0 : err_errno(err, errno, "%s", k->wal);
    }
    for (struct dirent *entry = readdir(dir); entry != NULL && code == 0; entry = readdir(dir)) {
        if (keep_is_wanted(&k->range, entry->d_name) || is_ready(k->wal, entry->d_name)) {
            code = take(k, entry->d_name, err);
        }
    }
    (void)closedir(dir);
    return code;
}

static int make(const char *path, struct err *err)
{
    return mkdir(path, 0700) == 0 || errno == EEXIST ? 0 : err_errno(err, errno, "make %s", path);
}

static int free_room(const char *path, uint64_t *ret_bytes, struct err *err)
{
    struct statvfs fs;
    if (statvfs(path, &fs) != 0) {
        return err_errno(err, errno, "%s", path);
    }
    *ret_bytes = (uint64_t)fs.f_bavail * fs.f_frsize;
    return 0;
}

static int check_room(const struct keeping *k, struct err *err)
{
    uint64_t free_bytes = 0;
    int code = free_room(k->place, &free_bytes, err);
    if (code != 0 || (free_bytes >= k->bytes && free_bytes - k->bytes >= SPARE_BYTES)) {
        return code;
    }
    return err_set(err, ERR_NO_SPACE,
                   "%" PRIu64
                   " MiB of WAL that the primary does not have are to be put aside in "
                   "%s before this node comes back, and there is no room: make some",
                   k->bytes >> 20, k->place);
}

/* A receiver that can not write does not stream, a server that can not does not start either, and
 * no rung would cure that. */
static int check_disk(const struct act_order *o, const char *wal, struct err *err)
{
    uint64_t free_bytes = 0;
    int code = free_room(wal, &free_bytes, err);
    if (code != 0 || free_bytes >= SPARE_BYTES) {
        return code;
    }
    return err_set(err, ERR_NO_SPACE, "%s: there is no room in %s",
                   o->facts.back.is_stuck ? "it follows the primary and does not stream"
                                          : "PostgreSQL does not come up",
                   wal);
}

int work_keep_wal(struct act_order *o, struct err *err)
{
    CLEANUP(mem_freep) char *all = mem_printf("%s/kept-wal", o->setup->state_dir);
    CLEANUP(mem_freep)
    char *place = mem_printf("%s/%016" PRIx64 "-%" PRIu64, all, o->home.note.copy,
                             o->facts.store.grant_epoch);
    CLEANUP(mem_freep) char *wal = mem_printf("%s/pg_wal", o->setup->files.data_dir);
    struct keeping k = {.wal = wal,
                        .place = place,
                        .range = keep_range_of(&o->facts, o->home.segment_size),
                        .is_counting = true};
    bool may_be_full = o->facts.back.is_stuck || o->facts.back.damage == DAMAGE_NO_START;
    int code = may_be_full ? check_disk(o, wal, err) : 0;
    code = code != 0 ? code : make(all, err);
    code = code != 0 ? code : make(place, err);
    code = code != 0 ? code : each(&k, err);
    code = code != 0 || k.bytes == 0 ? code : check_room(&k, err);
    k.is_counting = false;
    code = code != 0 ? code : each(&k, err);
    if (code == 0 && k.count > 0) {
        log_info("supervisor", "WAL put aside", LOG_STR("place", place), LOG_U64("files", k.count),
                 LOG_U64("bytes", k.bytes));
    }
    return code;
}
