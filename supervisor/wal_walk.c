/* supervisor/wal_walk.c - record by record, each with its checksum.
 *
 * A record begins at a multiple of eight. It goes on over page after page, each of which begins
 * with a header that says how much of the record is left. The checksum is over the body first and
 * the head last, without the checksum itself. All numbers are little-endian here: so is every
 * machine that this program is built for, and PostgreSQL writes its own order. */
#include "supervisor/wal_walk.h"

#include <string.h>

#include "base/crc32c.h"
#include "base/get.h"
#include "base/must.h"
#include "supervisor/pg_rows.h"

/* A page's header, in bytes from its beginning. */
enum {
    PAGE_MAGIC = 0,
    PAGE_INFO = 2,
    PAGE_TIMELINE = 4,
    PAGE_LSN = 8,
    PAGE_LEFT = 16, /* of a record that began on an earlier page */
    PAGE_SHORT_SIZE = 24,
    PAGE_SYSTEM_ID = 24,
    PAGE_SEGMENT_SIZE = 32,
    PAGE_BLOCK_SIZE = 36,
    PAGE_LONG_SIZE = 40,
};
enum {
    INFO_GOES_ON = 0x1, /* the page begins with the rest of a record */
    INFO_LONG = 0x2,    /* the first page of a segment */
    INFO_BACKUP = 0x4,
    INFO_OVERWRITTEN = 0x8, /* the record that should go on here never will */
    INFO_ALL = 0xf,
};
/* A record's head. */
enum {
    RECORD_SIZE = 0,
    RECORD_PREVIOUS = 8,
    RECORD_INFO = 16,
    RECORD_MANAGER = 17,
    RECORD_SUM = 20,
    RECORD_HEAD = 24,
};
#define MAGIC_KIND 0xd100 /* 0xd106 in 13, 0xd118 in 18 */
#define MAGIC_MASK 0xff00
#define RECORD_MAX (UINT32_C(1020) * 1024 * 1024)
#define MANAGER_XLOG 0
#define SWITCH_INFO 0x40 /* the rest of the segment is empty */
#define ALIGNED(size) (((uint64_t)(size) + 7) & ~UINT64_C(7))

struct walk {
    const struct wal_source *source;
    uint8_t page[WAL_PAGE_SIZE];
    uint64_t page_lsn; /* of what is in @page */
    bool has_page;
    bool has_failed;   /* a page could not be read */
    uint32_t timeline; /* of the file of that page */
    uint32_t magic;    /* of the first page; 0: none was seen */
    uint64_t previous; /* where the last valid record begins; 0: not known */
    uint64_t missing;  /* the page at which the last record was cut off; 0: it was not */
};

enum record { RECORD_VALID, RECORD_NONE, RECORD_OVERWRITTEN };

static size_t header_size(const uint8_t *page)
{
    return (get16(page, PAGE_INFO) & INFO_LONG) != 0 ? PAGE_LONG_SIZE : PAGE_SHORT_SIZE;
}

static bool is_header_valid(struct walk *w, uint64_t lsn)
{
    const uint8_t *page = w->page;
    uint32_t magic = get16(page, PAGE_MAGIC);
    uint32_t info = get16(page, PAGE_INFO);
    uint32_t timeline = get32(page, PAGE_TIMELINE);
    bool is_first = lsn % w->source->segment_size == 0;
    if ((magic & MAGIC_MASK) != MAGIC_KIND || (w->magic != 0 && magic != w->magic) ||
        (info & ~(uint32_t)INFO_ALL) != 0 || get64(page, PAGE_LSN) != lsn || timeline == 0 ||
        timeline > w->timeline || ((info & INFO_LONG) != 0) != is_first) {
        return false;
    }
    if (is_first &&
        (get32(page, PAGE_SEGMENT_SIZE) != w->source->segment_size ||
         get32(page, PAGE_BLOCK_SIZE) != WAL_PAGE_SIZE ||
         (w->source->system_id != 0 && get64(page, PAGE_SYSTEM_ID) != w->source->system_id))) {
        return false;
    }
    w->magic = magic;
    return true;
}

/* The valid page that begins at @lsn is in w->page. */
static bool load(struct walk *w, uint64_t lsn)
{
    MUST(lsn % WAL_PAGE_SIZE == 0);
    if (w->has_page && w->page_lsn == lsn) {
        return true;
    }
    w->has_page = false;
    enum wal_page read = w->source->read(w->source->arg, lsn, w->page, &w->timeline);
    w->has_failed = read == WAL_PAGE_ERROR;
    w->page_lsn = lsn;
    w->has_page = read == WAL_PAGE_READ && is_header_valid(w, lsn);
    return w->has_page;
}

/* Take up to @size bytes of the record at @at of the page: into its head while that is not whole,
 * into the sum of its body afterwards. */
static void take(const uint8_t *bytes, size_t size, uint8_t head[RECORD_HEAD], size_t *taken,
                 uint32_t *sum)
{
    if (*taken < RECORD_HEAD) {
        size_t part = RECORD_HEAD - *taken < size ? RECORD_HEAD - *taken : size;
        memcpy(head + *taken, bytes, part);
        *taken += part;
        bytes += part;
        size -= part;
    }
    *sum = crc32c_extend(*sum, bytes, size);
    *taken += size;
}

static bool is_head_sound(const struct walk *w, const uint8_t *head, uint64_t lsn)
{
    uint64_t previous = get64(head, RECORD_PREVIOUS);
    return w->previous != 0 ? previous == w->previous : previous < lsn;
}

/* Read the record at @lsn; @ret_next: where the next one begins. With RECORD_OVERWRITTEN, the page
 * on which something else follows. */
static enum record read_record(struct walk *w, uint64_t lsn, uint64_t *ret_next)
{
    uint64_t page_lsn = lsn - lsn % WAL_PAGE_SIZE;
    size_t at = (size_t)(lsn - page_lsn);
    if (!load(w, page_lsn) || at < header_size(w->page)) {
        return RECORD_NONE;
    }
    uint32_t total = get32(w->page, at + RECORD_SIZE);
    if (total < RECORD_HEAD || total > RECORD_MAX) {
        return RECORD_NONE;
    }
    uint8_t head[RECORD_HEAD];
    size_t taken = 0;
    uint32_t sum = 0;
    size_t left = total;
    size_t part = WAL_PAGE_SIZE - at < left ? WAL_PAGE_SIZE - at : left;
    take(w->page + at, part, head, &taken, &sum);
    while ((left -= part) > 0) {
        page_lsn += WAL_PAGE_SIZE;
        if (!load(w, page_lsn)) {
            w->missing = taken < RECORD_HEAD || is_head_sound(w, head, lsn) ? page_lsn : 0;
            return RECORD_NONE;
        }
        uint32_t info = get16(w->page, PAGE_INFO);
        if ((info & INFO_OVERWRITTEN) != 0) {
            *ret_next = page_lsn;
            return RECORD_OVERWRITTEN;
        }
        if ((info & INFO_GOES_ON) == 0 || get32(w->page, PAGE_LEFT) != left) {
            return RECORD_NONE;
        }
        at = header_size(w->page);
        part = WAL_PAGE_SIZE - at < left ? WAL_PAGE_SIZE - at : left;
        take(w->page + at, part, head, &taken, &sum);
    }
    sum = crc32c_extend(sum, head, RECORD_SUM);
    if (sum != get32(head, RECORD_SUM) || !is_head_sound(w, head, lsn)) {
        return RECORD_NONE;
    }
    *ret_next = page_lsn + ALIGNED(at + part);
    if (head[RECORD_MANAGER] == MANAGER_XLOG && (head[RECORD_INFO] & 0xf0) == SWITCH_INFO) {
        uint64_t segment = w->source->segment_size;
        *ret_next = (*ret_next + segment - 1) / segment * segment;
    }
    return RECORD_VALID;
}

/* Where a record begins that follows right after @lsn: behind the header, if that is a page's
 * beginning. 0: none begins there. */
static uint64_t first_of_page(struct walk *w, uint64_t lsn)
{
    if (lsn % WAL_PAGE_SIZE != 0) {
        return lsn;
    }
    if (!load(w, lsn) || (get16(w->page, PAGE_INFO) & INFO_GOES_ON) != 0) {
        return 0;
    }
    return lsn + header_size(w->page);
}

bool wal_walk(const struct wal_source *source, const struct wal_lines *lines, uint64_t start,
              struct wal_end *ret_end)
{
    MUST(start > 0);
    struct walk w = {.source = source};
    /* The timeline is that of the last byte; what ends where a timeline begins is of the one
     * before. */
    struct wal_end end = {.lsn = start, .timeline = wal_lines_at(lines, start - 1, UINT32_MAX)};
    uint64_t next = start;
    for (;;) {
        uint64_t at = first_of_page(&w, next);
        if (at == 0 || !load(&w, at - at % WAL_PAGE_SIZE)) {
            break;
        }
        uint32_t timeline = wal_lines_at(lines, at, w.timeline);
        enum record record = read_record(&w, at, &next);
        if (record == RECORD_NONE) {
            break;
        }
        if (record == RECORD_VALID) {
            w.previous = at;
            end = (struct wal_end){.lsn = next, .timeline = timeline, .records = end.records + 1};
        }
    }
    end.misses = w.missing - w.missing % source->segment_size;
    *ret_end = end;
    return !w.has_failed;
}

/* ---- timelines ---- */

/* "1\t0/3000060\tno recovery target specified": parent, switch, reason. */
static bool parse_line(const char *text, size_t size, uint64_t *ret_parent, uint64_t *ret_switch)
{
    char line[64];
    size_t used = size < sizeof(line) - 1 ? size : sizeof(line) - 1;
    memcpy(line, text, used);
    line[used] = '\0';
    char *rest = NULL;
    const char *parent = strtok_r(line, " \t", &rest);
    const char *lsn = strtok_r(NULL, " \t", &rest);
    return pg_text_u64(parent, ret_parent) && pg_text_lsn(lsn, ret_switch) && *ret_parent > 0 &&
           *ret_parent < UINT32_MAX;
}

bool wal_lines_parse(const char *text, size_t size, uint32_t timeline, struct wal_lines *ret_lines)
{
    struct wal_lines lines = {.count = 0};
    uint64_t begin = 0;
    for (size_t at = 0; at < size;) {
        const char *from = text + at;
        const char *end = memchr(from, '\n', size - at);
        size_t length = end != NULL ? (size_t)(end - from) : size - at;
        at += length + 1;
        size_t blank = 0;
        while (blank < length && (from[blank] == ' ' || from[blank] == '\t')) {
            blank++;
        }
        if (blank == length || from[blank] == '#') {
            continue;
        }
        uint64_t parent;
        uint64_t next;
        if (!parse_line(from + blank, length - blank, &parent, &next) ||
            lines.count == WAL_TIMELINES_MAX - 1 || next < begin ||
            (lines.count > 0 && lines.at[lines.count - 1].timeline >= parent)) {
            return false;
        }
        lines.at[lines.count++] = (struct wal_line){.timeline = (uint32_t)parent, .begin = begin};
        begin = next;
    }
    if (lines.count > 0 && lines.at[lines.count - 1].timeline >= timeline) {
        return false;
    }
    lines.at[lines.count++] = (struct wal_line){.timeline = timeline, .begin = begin};
    *ret_lines = lines;
    return true;
}

bool wal_lines_have(const struct wal_lines *lines, uint32_t timeline)
{
    for (uint32_t i = 0; i < lines->count; i++) {
        if (lines->at[i].timeline == timeline) {
            return true;
        }
    }
    return false;
}

uint32_t wal_lines_at(const struct wal_lines *lines, uint64_t lsn, uint32_t newest)
{
    for (uint32_t i = lines->count; i-- > 0;) {
        if (lines->at[i].timeline <= newest && lines->at[i].begin <= lsn) {
            return lines->at[i].timeline;
        }
    }
    return 0;
}

uint64_t wal_lines_left(const struct wal_lines *lines, uint32_t from, uint32_t timeline)
{
    for (uint32_t i = 0; i + 1 < lines->count; i++) {
        if (lines->at[i].timeline == from) {
            bool leads_there = timeline > from && wal_lines_have(lines, timeline);
            return leads_there ? lines->at[i + 1].begin : 0;
        }
    }
    return 0;
}
