/* supervisor/wal_walk.h - from a place in the WAL to the end of what is valid there.
 *
 * A pure reader of WAL pages, for PostgreSQL 13 to 18, that goes from record to record as recovery
 * does and stops where recovery would: at a page that is not of this place, a record whose checksum
 * is wrong, a rest that is missing. Nothing behind such a place counts, whole as it may be: no
 * PostgreSQL would replay it. Where the pages come from is the caller's business. */
#ifndef SUPERVISOR_WAL_WALK_H_
#define SUPERVISOR_WAL_WALK_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WAL_PAGE_SIZE 8192
#define WAL_TIMELINES_MAX 512 /* one for each promotion, also one that came to nothing */

/* A timeline and its ancestors, oldest first. */
struct wal_line {
    uint32_t timeline;
    uint64_t begin; /* the parent's WAL is common up to here; 0: it has no parent */
};

struct wal_lines {
    uint32_t count;
    struct wal_line at[WAL_TIMELINES_MAX];
};

enum wal_page {
    WAL_PAGE_READ,
    WAL_PAGE_NONE,  /* there is no file, or it is too short */
    WAL_PAGE_ERROR, /* it can not be read: nothing is known of the end */
};

struct wal_source {
    /* The page that begins at @lsn, and the timeline that the name of its file tells. */
    enum wal_page (*read)(void *arg, uint64_t lsn, uint8_t out[WAL_PAGE_SIZE],
                          uint32_t *ret_timeline);
    void *arg;
    uint32_t segment_size;
    uint64_t system_id; /* 0: of any */
};

struct wal_end {
    uint64_t lsn;      /* where the next record would begin */
    uint32_t timeline; /* of the last record */
    uint64_t records;  /* that were read */
    uint64_t misses;   /* the record there goes on up to a page that is missing, or is another's:
                          where its segment begins; 0: no such record */
};

/* Go from @start, which is the beginning of a record, or the end of the one before. False: a page
 * could not be read. */
bool wal_walk(const struct wal_source *source, const struct wal_lines *lines, uint64_t start,
              struct wal_end *ret_end);

/* The ancestors that the text of TIMELINE.history tells, and @timeline itself. False: it is not
 * such a text, or has too many lines. */
bool wal_lines_parse(const char *text, size_t size, uint32_t timeline, struct wal_lines *ret_lines);
bool wal_lines_have(const struct wal_lines *lines, uint32_t timeline);
/* The timeline at @lsn, no later than @newest. 0: none of them. */
uint32_t wal_lines_at(const struct wal_lines *lines, uint64_t lsn, uint32_t newest);
/* Where the line that leads to @timeline left its ancestor @from. 0: that is none of them. */
uint64_t wal_lines_left(const struct wal_lines *lines, uint32_t from, uint32_t timeline);

#endif /* SUPERVISOR_WAL_WALK_H_ */
