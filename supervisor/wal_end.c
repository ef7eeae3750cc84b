/* supervisor/wal_end.c - by SQL where that is enough, by a helper where it is not. */
#include "supervisor/wal_end.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"

/* A receiver is started only after startup has come to the end of what was there before: so what a
 * receiver has flushed since, on the timeline that is still the newest, or what is replayed, is the
 * end. Without one since this start, receive is null or of another timeline, and replay may be far
 * behind what this node once acknowledged. */
struct position wal_end_by_sql(const struct wal_end_words *words)
{
    struct position end = {.is_known = false};
    if (!words->receive_known || !words->replay_known || words->streamed_timeline == 0 ||
        words->streamed_timeline < words->newest_timeline) {
        return end;
    }
    end.is_known = true;
    end.timeline = words->streamed_timeline;
    end.lsn = words->receive_lsn > words->replay_lsn ? words->receive_lsn : words->replay_lsn;
    return end;
}

/* Of a helper's answer with an error. What a disk does not give now it may give later. */
static void explain(const char *said, int error, struct wal_end_seen *seen)
{
    bool is_control = strstr(said, " where=control ") != NULL;
    bool is_checkpoint = strstr(said, " where=checkpoint ") != NULL && error == ENODATA;
    seen->is_lost = is_checkpoint || (is_control && error == EBADMSG);
    if (is_checkpoint) {
        (void)err_set(&seen->err, ERR_CORRUPT, "the WAL of its last checkpoint is damaged or gone");
    } else if (seen->is_lost) {
        (void)err_set(&seen->err, ERR_CORRUPT, "its control file is damaged");
    } else {
        (void)err_errno(&seen->err, error,
                        is_control ? "read its control file" : "read the end of its WAL");
    }
}

#define LINE_BYTES 32 /* of the largest numbers */
_Static_assert(HELPER_SAID_MAX >= 256 + WAL_TIMELINES_MAX * LINE_BYTES, "an answer has to fit");

/* "lines=1:0,2:50331648" of a helper's answer; what is not such a text is none. */
static void parse_lines(const char *said, struct wal_lines *lines)
{
    const char *at = strstr(said, " lines=");
    struct wal_lines read = {.count = 0};
    for (at = at != NULL ? at + strlen(" lines=") : NULL; at != NULL;) {
        char *end = NULL;
        unsigned long long timeline = strtoull(at, &end, 10);
        bool is_pair = at[0] >= '0' && at[0] <= '9' && timeline > 0 && timeline <= UINT32_MAX &&
                       end[0] == ':' && end[1] >= '0' && end[1] <= '9';
        if (!is_pair || read.count == WAL_TIMELINES_MAX) {
            return;
        }
        read.at[read.count++] =
            (struct wal_line){.timeline = (uint32_t)timeline, .begin = strtoull(end + 1, &end, 10)};
        at = end[0] == ',' ? end + 1 : NULL;
    }
    *lines = read;
}

void wal_end_parse(const char *said, const struct err *err, struct wal_end_seen *ret_seen)
{
    struct wal_end_seen seen = {.records = 0};
    uint64_t error;
    uint64_t lsn;
    uint64_t timeline;
    uint64_t misses;
    if (said == NULL) {
        seen.err = *err;
    } else if (!helper_said_u64(said, "error", &error) || !helper_said_u64(said, "end", &lsn) ||
               !helper_said_u64(said, "timeline", &timeline) ||
               !helper_said_u64(said, "records", &seen.records) ||
               !helper_said_u64(said, "misses", &misses) || timeline > UINT32_MAX) {
        (void)err_set(&seen.err, ERR_PROTOCOL, "the helper said something else");
    } else if (error != 0) {
        explain(said, (int)error, &seen);
    } else if (timeline == 0 || lsn == 0) {
        (void)err_set(&seen.err, ERR_CORRUPT, "the WAL is of no timeline that is known here");
    } else {
        seen.end = (struct position){.is_known = true, .timeline = (uint32_t)timeline, .lsn = lsn};
        seen.misses = misses;
        parse_lines(said, &seen.lines);
    }
    *ret_seen = seen;
}

static void done_cb(struct helper *helper, const char *said, const struct err *err)
{
    struct wal_end_read *read = CONTAINER_OF(helper, struct wal_end_read, helper);
    struct wal_end_seen seen;
    wal_end_parse(said, err, &seen);
    read->on_seen(read, &seen);
}

static void closed_cb(struct helper *helper)
{
    struct wal_end_read *read = CONTAINER_OF(helper, struct wal_end_read, helper);
    if (read->on_closed != NULL) {
        read->on_closed(read, NULL);
    }
}

void wal_end_open(struct wal_end_read *read, uv_loop_t *loop, const struct helper_place *place)
{
    *read = (struct wal_end_read){.on_seen = NULL};
    helper_open(&read->helper, loop, place, false); /* seldom needed, and slow: one for each */
}

int wal_end_start(struct wal_end_read *read, uint64_t start, uint64_t deadline_ms,
                  wal_end_cb on_seen, struct err *err)
{
    char question[48];
    (void)snprintf(question, sizeof(question), "wal %" PRIX64 "/%" PRIX64, start >> 32,
                   start & UINT32_MAX);
    int r = helper_ask(&read->helper, question, deadline_ms, done_cb, err);
    if (r == 0) {
        read->on_seen = on_seen;
    }
    return r;
}

void wal_end_close(struct wal_end_read *read, wal_end_cb on_closed)
{
    read->on_closed = on_closed;
    helper_close(&read->helper, closed_cb);
}
