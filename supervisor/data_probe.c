/* supervisor/data_probe.c - what a helper's answer means for the data directory. */
#include "supervisor/data_probe.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/must.h"

/* What says something of the disk; other errors say that nobody could ask. */
static bool is_of_the_disk(int error)
{
    switch (error) {
        case EIO:
        case EROFS:
        case ENXIO:
        case ENODEV:
        case ENOTCONN:
        case ESTALE:
        case ETIMEDOUT:
        case EUCLEAN:
        case ESHUTDOWN:
        case ENOTDIR:
            return true;
        default:
            return false;
    }
}

/* It is not asked for in each question. */
static void parse_startup(const char *said, struct data_seen *seen)
{
    uint64_t is_there = 0;
    seen->has_startup = helper_said_u64(said, "startup", &is_there) && is_there != 0 &&
                        helper_said_u64(said, "startup_cpu_ms", &seen->startup_cpu_ms) &&
                        helper_said_u64(said, "startup_io_kib", &seen->startup_io_kib);
}

void data_seen_parse(const char *said, const struct err *err, struct data_seen *ret_seen)
{
    struct data_seen seen = {.answers = FACT_UNKNOWN};
    uint64_t error;
    uint64_t read_only;
    uint64_t wrote;
    if (said == NULL) {
        seen.err = *err;
        seen.answers = err->code == ERR_TIMEOUT ? FACT_NO : FACT_UNKNOWN;
    } else if (!helper_said_u64(said, "error", &error) ||
               !helper_said_u64(said, "read_us", &seen.read_us) ||
               !helper_said_u64(said, "write_us", &seen.write_us) ||
               !helper_said_u64(said, "free_kib", &seen.free_kib) ||
               !helper_said_u64(said, "read_only", &read_only) ||
               !helper_said_u64(said, "wrote", &wrote)) {
        (void)err_set(&seen.err, ERR_PROTOCOL, "the helper said something else");
    } else {
        parse_startup(said, &seen);
        seen.error = (int)error;
        seen.wrote = wrote != 0;
        seen.is_read_only = read_only != 0 || seen.error == EROFS;
        seen.is_full = seen.error == ENOSPC || seen.error == EDQUOT;
        if (seen.is_read_only) {
            seen.answers = FACT_NO;
            (void)err_set(&seen.err, ERR_IO, "the data directory is read-only");
        } else if (seen.error != 0 && !seen.is_full) {
            seen.answers = is_of_the_disk(seen.error) ? FACT_NO : FACT_UNKNOWN;
            (void)err_errno(&seen.err, seen.error, "the data directory was tried");
        } else {
            seen.answers = FACT_YES;
            (void)(seen.is_full ? err_errno(&seen.err, seen.error, "the data directory was tried")
                                : 0);
        }
    }
    *ret_seen = seen;
}

bool data_probe_writes(const struct data_probe_past *past)
{
    if (past->is_asked || past->flush_stands) {
        return true;
    }
    bool has_moved = past->lsn != 0 && past->lsn != past->wrote_lsn;
    bool is_time =
        past->wrote_at_ms == 0 || past->now_ms - past->wrote_at_ms >= past->write_every_ms;
    return has_moved && is_time;
}

static void done_cb(struct helper *helper, const char *said, const struct err *err)
{
    struct data_probe *probe = CONTAINER_OF(helper, struct data_probe, helper);
    struct data_seen seen;
    data_seen_parse(said, err, &seen);
    probe->on_seen(probe, &seen);
}

static void closed_cb(struct helper *helper)
{
    struct data_probe *probe = CONTAINER_OF(helper, struct data_probe, helper);
    if (probe->on_closed != NULL) {
        probe->on_closed(probe, NULL);
    }
}

void data_probe_open(struct data_probe *probe, uv_loop_t *loop, const struct helper_place *place)
{
    *probe = (struct data_probe){.on_seen = NULL};
    helper_open(&probe->helper, loop, place, true);
}

int data_probe_start(struct data_probe *probe, const struct data_question *question,
                     uint64_t deadline_ms, data_probe_cb on_seen, struct err *err)
{
    char words[32];
    (void)snprintf(words, sizeof(words), "%s%s%s", question->writes ? "write" : "read",
                   question->startup ? " startup" : "", question->spares_wal ? " nowal" : "");
    int r = helper_ask(&probe->helper, words, deadline_ms, done_cb, err);
    if (r == 0) {
        probe->on_seen = on_seen;
        probe->spares_wal = question->spares_wal;
    }
    return r;
}

void data_probe_close(struct data_probe *probe, data_probe_cb on_closed)
{
    probe->on_closed = on_closed;
    helper_close(&probe->helper, closed_cb);
}
