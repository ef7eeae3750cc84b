/* tests/unit/test_wal_walk.c - from record to record over WAL that is made here byte by byte:
 * pages, segments, timelines, and every way in which it can end. tests/observe compares the end
 * with what pg_waldump finds in WAL of a real PostgreSQL. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <string.h>

#include "base/crc32c.h"
#include "base/must.h"
#include "supervisor/wal_walk.h"
#include "tests/lib/random.h"

#define SEGMENT (UINT64_C(4) * WAL_PAGE_SIZE) /* small: PostgreSQL's least is 1 MiB */
#define SEGMENTS 6
#define SIZE (SEGMENTS * SEGMENT)
#define BASE UINT64_C(0x100000000) /* of the first segment here */
#define MAGIC 0xd110
#define FIRST (BASE + 40) /* where the first record begins */

struct wal {
    uint8_t bytes[SIZE];
    uint32_t timeline[SEGMENTS]; /* of the file; 0: there is none */
    uint64_t at;                 /* where the next record goes */
    uint64_t previous;
    uint64_t broken; /* the page that can not be read, 0: none */
};

static struct wal wal;

static uint8_t *place(uint64_t lsn)
{
    MUST(lsn >= BASE && lsn < BASE + SIZE);
    return wal.bytes + (lsn - BASE);
}

static void put(uint64_t lsn, const void *value, size_t size)
{
    memcpy(place(lsn), value, size);
}

static void put16(uint64_t lsn, uint16_t value)
{
    put(lsn, &value, sizeof(value));
}

static void put32(uint64_t lsn, uint32_t value)
{
    put(lsn, &value, sizeof(value));
}

static void put64(uint64_t lsn, uint64_t value)
{
    put(lsn, &value, sizeof(value));
}

static size_t header_at(uint64_t page, uint16_t info, uint32_t left, uint32_t timeline)
{
    bool is_first = page % SEGMENT == 0;
    put16(page, MAGIC);
    put16(page + 2, (uint16_t)(info | (is_first ? 2 : 0)));
    put32(page + 4, timeline);
    put64(page + 8, page);
    put32(page + 16, left);
    if (is_first) {
        put64(page + 24, 4711);
        put32(page + 32, SEGMENT);
        put32(page + 36, WAL_PAGE_SIZE);
    }
    return is_first ? 40 : 24;
}

static void wal_begin(void)
{
    memset(&wal, 0, sizeof(wal));
    for (int i = 0; i < SEGMENTS; i++) {
        wal.timeline[i] = 1;
    }
    wal.at = BASE + header_at(BASE, 0, 0, 1);
}

/* Add a record of @body bytes; returns where it begins. */
static uint64_t add_kind(uint32_t body, uint8_t manager, uint8_t info)
{
    static uint8_t record[6 * WAL_PAGE_SIZE];
    uint32_t total = 24 + body;
    MUST(total <= sizeof(record));
    if (wal.at % WAL_PAGE_SIZE == 0) {
        wal.at += header_at(wal.at, 0, 0, 1);
    }
    memset(record, (int)(body & 0x7f), total);
    memcpy(record, &total, sizeof(total));
    memcpy(record + 8, &wal.previous, sizeof(wal.previous));
    record[16] = info;
    record[17] = manager;
    uint32_t sum = crc32c_extend(crc32c(record + 24, body), record, 20);
    memcpy(record + 20, &sum, sizeof(sum));
    uint64_t begin = wal.at;
    for (uint32_t done = 0; done < total;) {
        if (wal.at % WAL_PAGE_SIZE == 0) {
            wal.at += header_at(wal.at, 1, total - done, 1);
        }
        uint32_t room = (uint32_t)(WAL_PAGE_SIZE - wal.at % WAL_PAGE_SIZE);
        uint32_t part = room < total - done ? room : total - done;
        put(wal.at, record + done, part);
        done += part;
        wal.at += part;
    }
    wal.at = (wal.at + 7) & ~UINT64_C(7);
    wal.previous = begin;
    return begin;
}

static uint64_t add(uint32_t body)
{
    return add_kind(body, 10, 0);
}

static enum wal_page read_page(void *arg, uint64_t lsn, uint8_t out[WAL_PAGE_SIZE],
                               uint32_t *ret_timeline)
{
    (void)arg;
    if (wal.broken != 0 && lsn == wal.broken) {
        return WAL_PAGE_ERROR;
    }
    if (lsn < BASE || lsn >= BASE + SIZE || wal.timeline[(lsn - BASE) / SEGMENT] == 0) {
        return WAL_PAGE_NONE;
    }
    memcpy(out, place(lsn), WAL_PAGE_SIZE);
    *ret_timeline = wal.timeline[(lsn - BASE) / SEGMENT];
    return WAL_PAGE_READ;
}

static const struct wal_lines one = {.count = 1, .at[0] = {.timeline = 1}};

static struct wal_end walk_lines(uint64_t start, const struct wal_lines *lines)
{
    struct wal_source source = {.read = read_page, .segment_size = SEGMENT, .system_id = 4711};
    struct wal_end end;
    assert_true(wal_walk(&source, lines, start, &end));
    return end;
}

static struct wal_end walk(uint64_t start)
{
    return walk_lines(start, &one);
}

static void whole_records_of_every_length(void **state)
{
    (void)state;
    struct test_random seeded = {.state = 7};
    for (int round = 0; round < 50; round++) {
        wal_begin();
        uint64_t count = 0;
        while (wal.at < BASE + SIZE - UINT64_C(2) * WAL_PAGE_SIZE) {
            add((uint32_t)random_below(&seeded, round % 2 == 0 ? 300 : WAL_PAGE_SIZE));
            count++;
        }
        struct wal_end end = walk(FIRST);
        assert_int_equal(end.lsn, wal.at);
        assert_int_equal(end.records, count);
        assert_int_equal(end.timeline, 1);
    }
}

static void start_may_be_any_record_or_the_end(void **state)
{
    (void)state;
    wal_begin();
    add(100);
    uint64_t second = add(9000); /* over a page */
    uint64_t third = add(50);
    assert_int_equal(walk(second).records, 2);
    assert_int_equal(walk(third).lsn, wal.at);
    struct wal_end end = walk(wal.at);
    assert_true(end.lsn == wal.at && end.records == 0 && end.timeline == 1);
    assert_int_equal(walk(BASE).lsn, wal.at); /* a page's beginning: behind its header */
}

/* Each damage ends it at the record that it hits, or at the one before which it stands. */
static void damage_ends_it(void **state)
{
    (void)state;
    for (int kind = 0; kind < 9; kind++) {
        wal_begin();
        add(100);
        uint64_t hit = add(12000); /* three pages, two segments from here on */
        uint64_t next = add(100);
        add(100);
        uint64_t page = BASE + WAL_PAGE_SIZE;
        uint64_t expected = hit;
        switch (kind) {
            case 0: /* its body, in the last page */
                *place(next - 8) ^= 1;
                break;
            case 1: /* its head */
                *place(hit + 4) ^= 1;
                break;
            case 2: /* a length that is none */
                put32(hit, 23);
                break;
            case 3: /* a page of before */
                put64(page + 8, page - SEGMENT);
                break;
            case 4: /* another PostgreSQL's page */
                put16(page, MAGIC + 3);
                break;
            case 5: /* the rest is of another record */
                put32(page + 16, 5);
                break;
            case 6: /* no rest follows */
                put16(page + 2, 0);
                break;
            case 7: /* a timeline that this file can not have */
                put32(page + 4, 2);
                break;
            case 8: /* whole, but not after this one */
                wal.at = next;
                wal.previous = hit - 8;
                add(100);
                expected = next;
                break;
            default:
                break;
        }
        assert_int_equal(walk(FIRST).lsn, expected);
    }
}

/* What a receiver would be asked for: the segment of the page that a record goes on in. */
static void a_record_that_is_cut_off_says_what_it_misses(void **state)
{
    (void)state;
    wal_begin();
    while (wal.at < BASE + SEGMENT - 1000) {
        add(300);
    }
    uint64_t cut = add(SEGMENT + 4000); /* over all of the second segment, into the third */
    assert_true(cut < BASE + SEGMENT && wal.at > BASE + 2 * SEGMENT);
    assert_int_equal(walk(FIRST).misses, 0);
    wal.timeline[2] = 0;
    assert_int_equal(walk(FIRST).lsn, cut);
    assert_int_equal(walk(FIRST).misses, BASE + 2 * SEGMENT);
    wal.timeline[2] = 1;
    put64(BASE + SEGMENT + WAL_PAGE_SIZE + 8, 0); /* its file is there, and that page is empty */
    assert_int_equal(walk(FIRST).misses, BASE + SEGMENT);
    wal.timeline[1] = 0;
    assert_int_equal(walk(cut).misses, BASE + SEGMENT);
    put64(cut + 8, cut + 8); /* nothing that was begun here */
    assert_int_equal(walk(FIRST).misses, 0);
}

static void other_clusters_segment_ends_it(void **state)
{
    (void)state;
    wal_begin();
    while (wal.at < BASE + SEGMENT) {
        add(1000);
    }
    put64(BASE + SEGMENT + 24, 4712);
    struct wal_end end = walk(FIRST);
    assert_true(end.lsn < BASE + SEGMENT);
    put64(BASE + SEGMENT + 24, 4711);
    assert_int_equal(walk(FIRST).lsn, wal.at);
    put32(BASE + SEGMENT + 32, SEGMENT * 2);
    assert_int_equal(walk(FIRST).lsn, end.lsn);
}

static void missing_file_ends_it_and_unreadable_one_is_not_known(void **state)
{
    (void)state;
    wal_begin();
    while (wal.at < BASE + SEGMENT) {
        add(1000);
    }
    uint64_t whole = wal.at;
    wal.timeline[1] = 0;
    assert_true(walk(FIRST).lsn < BASE + SEGMENT);
    wal.timeline[1] = 1;
    assert_int_equal(walk(FIRST).lsn, whole);
    wal.broken = BASE + WAL_PAGE_SIZE;
    struct wal_source source = {.read = read_page, .segment_size = SEGMENT};
    struct wal_end end;
    assert_false(wal_walk(&source, &one, FIRST, &end));
}

static void switched_segment_goes_on_in_the_next(void **state)
{
    (void)state;
    wal_begin();
    add(100);
    add_kind(0, 0, 0x40);
    wal.at = BASE + SEGMENT;
    add(100);
    assert_int_equal(walk(FIRST).lsn, wal.at);
    assert_int_equal(walk(FIRST).records, 3);
    wal.timeline[1] = 0; /* the next segment was never begun */
    assert_int_equal(walk(FIRST).lsn, BASE + SEGMENT);
}

/* A primary that crashed in the middle of a record goes on behind it, and says so. */
static void overwritten_rest_is_passed_over(void **state)
{
    (void)state;
    wal_begin();
    uint64_t last = add(100);
    wal.at = BASE + WAL_PAGE_SIZE - 200;
    wal.previous = last;
    memset(place(last + 128), 0, (size_t)(BASE + WAL_PAGE_SIZE - last - 128));
    wal.at = last + 128;
    uint64_t lost = wal.at;
    put32(lost, WAL_PAGE_SIZE * 2); /* the head of what never came */
    put64(lost + 8, last);
    uint64_t page = BASE + WAL_PAGE_SIZE;
    memset(place(page), 0, WAL_PAGE_SIZE);
    wal.at = page + header_at(page, 8, 0, 1);
    wal.previous = last;
    add(100);
    struct wal_end end = walk(FIRST);
    assert_int_equal(end.records, 2);
    assert_int_equal(end.lsn, wal.at);
    put16(page + 2, 0); /* not said: then it ends before */
    assert_int_equal(walk(FIRST).lsn, lost);
}

static void timeline_is_that_of_the_last_record(void **state)
{
    (void)state;
    wal_begin();
    add(100);
    add(100);
    struct wal_lines lines = {.count = 2};
    lines.at[0] = (struct wal_line){.timeline = 1};
    lines.at[1] = (struct wal_line){.timeline = 3, .begin = wal.at};
    assert_int_equal(walk_lines(FIRST, &lines).timeline, 1);
    wal.timeline[0] = 3;
    assert_int_equal(walk_lines(FIRST, &lines).timeline, 1); /* nothing of the new one is there */
    assert_int_equal(walk_lines(wal.at, &lines).timeline, 1);
    add(100);
    assert_int_equal(walk_lines(FIRST, &lines).timeline, 3);
    wal.timeline[0] = 1; /* the file of the old one: this node went on there */
    assert_int_equal(walk_lines(FIRST, &lines).timeline, 1);
}

static void histories_are_read(void **state)
{
    (void)state;
    static const char text[] =
        "1\t0/3000060\tno recovery target specified\n\n# a remark\n"
        "4\t1/0\tbefore 2000-01-01\n";
    struct wal_lines lines;
    assert_true(wal_lines_parse(text, sizeof(text) - 1, 6, &lines));
    assert_int_equal(lines.count, 3);
    assert_true(wal_lines_have(&lines, 1) && wal_lines_have(&lines, 4) &&
                wal_lines_have(&lines, 6));
    assert_false(wal_lines_have(&lines, 2));
    assert_int_equal(wal_lines_at(&lines, 0x3000060, UINT32_MAX), 4);
    assert_int_equal(wal_lines_at(&lines, 0x300005f, UINT32_MAX), 1);
    assert_int_equal(wal_lines_at(&lines, UINT64_C(0x200000000), 4), 4);
    assert_int_equal(wal_lines_at(&lines, UINT64_C(0x200000000), 6), 6);
    assert_int_equal(wal_lines_left(&lines, 1, 6), 0x3000060);
    assert_int_equal(wal_lines_left(&lines, 1, 4), 0x3000060);
    assert_int_equal(wal_lines_left(&lines, 4, 6), UINT64_C(0x100000000));
    assert_int_equal(wal_lines_left(&lines, 4, 4), 0);
    assert_int_equal(wal_lines_left(&lines, 6, 4), 0);
    assert_int_equal(wal_lines_left(&lines, 2, 6), 0);
    assert_int_equal(wal_lines_left(&lines, 4, 5), 0);
    assert_true(wal_lines_parse("", 0, 1, &lines) && lines.count == 1);
    static const char *const bad[] = {
        "x\t0/1\t",           "1\t0x1", "1", "6\t0/1\tit is itself", "2\t0/5\t\n1\t0/6\t",
        "1\t0/6\t\n2\t0/5\t", "0\t0/1"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_false(wal_lines_parse(bad[i], strlen(bad[i]), 6, &lines));
    }
}

static void a_history_is_as_long_as_it_became(void **state)
{
    (void)state;
    static char text[64 * WAL_TIMELINES_MAX];
    struct wal_lines lines;
    size_t size = 0;
    for (unsigned i = 1; i < WAL_TIMELINES_MAX; i++) {
        size +=
            (size_t)snprintf(text + size, sizeof(text) - size, "%u\t0/%X\tpromoted\n", i, i * 16);
    }
    assert_true(wal_lines_parse(text, size, WAL_TIMELINES_MAX, &lines));
    assert_int_equal(lines.count, WAL_TIMELINES_MAX);
    assert_int_equal(wal_lines_left(&lines, 1, WAL_TIMELINES_MAX), 16);
    size += (size_t)snprintf(text + size, sizeof(text) - size, "%u\t1/0\tpromoted\n",
                             WAL_TIMELINES_MAX);
    assert_false(wal_lines_parse(text, size, WAL_TIMELINES_MAX + 1, &lines));
}

/* Wild bytes: it ends somewhere, and never behind what is whole. */
static void wild_bytes_are_no_records(void **state)
{
    (void)state;
    struct test_random seeded = {.state = 7};
    for (int round = 0; round < 300; round++) {
        wal_begin();
        for (int i = 0; i < 20; i++) {
            add((uint32_t)random_below(&seeded, 4000));
        }
        uint64_t at = FIRST + random_below(&seeded, wal.at - FIRST);
        for (int i = 0; i < 8 && at + (uint64_t)i < BASE + SIZE; i++) {
            *place(at + (uint64_t)i) = (uint8_t)random_below(&seeded, 256);
        }
        assert_true(walk(FIRST).lsn <= wal.at);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_records_of_every_length),
        cmocka_unit_test(start_may_be_any_record_or_the_end),
        cmocka_unit_test(damage_ends_it),
        cmocka_unit_test(a_record_that_is_cut_off_says_what_it_misses),
        cmocka_unit_test(other_clusters_segment_ends_it),
        cmocka_unit_test(missing_file_ends_it_and_unreadable_one_is_not_known),
        cmocka_unit_test(switched_segment_goes_on_in_the_next),
        cmocka_unit_test(overwritten_rest_is_passed_over),
        cmocka_unit_test(timeline_is_that_of_the_last_record),
        cmocka_unit_test(histories_are_read),
        cmocka_unit_test(a_history_is_as_long_as_it_became),
        cmocka_unit_test(wild_bytes_are_no_records),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
