/* base/log.c - where a line of the log goes, and what happens when it cannot go there.
 *
 *   log_event() -> one rendered line -> queue -> writer thread --.
 *                                   `-> (no writer: the caller) --> file, else stderr
 *
 * A rendered line starts with the journal's priority "<6>", which is left out wherever nobody reads
 * it. The sink belongs to whoever holds sink_lock; with a writer that is the writer alone, so a
 * write that hangs holds up nobody. log_open() hands it a new file through an atomic pointer.
 *
 * A file that fails is never a reason to stop: lines go to stderr, one line says why, each line
 * tries the file again, and when it works one line says how many went elsewhere or nowhere. */
#include "base/log.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log_format.h"
#include "base/log_queue.h"
#include "base/mem.h"
#include "base/must.h"

#define PRIORITY_SIZE 3 /* "<6>" */

/* How long a line waits for a stderr that somebody made non-blocking. */
#define STDERR_WAIT_MS 1000

struct sink {
    struct log_file file; /* closed: stderr */
    bool is_failing;      /* the file is, so lines go to stderr */
    bool is_torn;         /* stderr ends in part of a line */
    bool is_journal;      /* stderr is; known once is_journal_known */
    bool is_journal_known;
    uint64_t on_stderr; /* lines that the file was meant to get */
    uint64_t lost;      /* lines that went nowhere */
};

static struct {
    _Atomic(const struct clock *) clock; /* NULL: the system's */
    atomic_bool json;
    atomic_bool reopen_wanted;
    _Atomic(struct log_file *) next_file; /* of log_open(), for whoever has the sink */

    pthread_mutex_t sink_lock;
    struct sink sink;

    struct log_queue queue;
} state = {
    .sink_lock = PTHREAD_MUTEX_INITIALIZER,
};

static void lock(pthread_mutex_t *mutex)
{
    int rc = pthread_mutex_lock(mutex);
    MUST(rc == 0);
}

static void unlock(pthread_mutex_t *mutex)
{
    int rc = pthread_mutex_unlock(mutex);
    MUST(rc == 0);
}

/* ---- lines ---- */

static void render(struct buf *out, enum log_level level, const char *module, const char *event,
                   const struct log_field *fields)
{
    static const char priorities[] = {
        [LOG_LEVEL_ERROR] = '3',
        [LOG_LEVEL_WARN] = '4',
        [LOG_LEVEL_INFO] = '6',
        [LOG_LEVEL_DEBUG] = '7',
    };
    MUST((size_t)level < ARRAY_LEN(priorities));
    const struct clock *clock = atomic_load(&state.clock);
    struct log_record record = {
        .wall_ns = clock_ns(clock != NULL ? clock : clock_system(), CLOCK_WALL),
        .level = level,
        .module = module,
        .event = event,
        .fields = fields,
    };
    const char priority[PRIORITY_SIZE] = {'<', priorities[level], '>'};
    buf_append(out, priority, PRIORITY_SIZE);
    if (atomic_load(&state.json)) {
        log_format_json(out, &record);
    } else {
        log_format_plain(out, &record);
    }
}

/* ---- stderr ---- */

/* What systemd says of the stream that it made for us is true only if stderr still is that stream.
 */
static bool stderr_is_journal(void)
{
    const char *stream = getenv("JOURNAL_STREAM");
    char own[64];
    struct stat st;
    if (stream == NULL || fstat(STDERR_FILENO, &st) != 0) {
        return false;
    }
    (void)snprintf(own, sizeof(own), "%llu:%llu", (unsigned long long)st.st_dev,
                   (unsigned long long)st.st_ino);
    return strcmp(stream, own) == 0;
}

/* write(2) that does not end the process when the reader of a pipe has gone. */
static ssize_t write_quietly(int fd, const char *bytes, size_t size)
{
    sigset_t pipe_only;
    sigset_t before;
    (void)sigemptyset(&pipe_only);
    (void)sigaddset(&pipe_only, SIGPIPE);
    int rc = pthread_sigmask(SIG_BLOCK, &pipe_only, &before);
    MUST(rc == 0);
    ssize_t n = write(fd, bytes, size);
    int why = errno;
    if (n < 0 && why == EPIPE && sigismember(&before, SIGPIPE) == 0) {
        const struct timespec now = {0};
        while (sigtimedwait(&pipe_only, NULL, &now) < 0 && errno == EINTR) {
        }
    }
    rc = pthread_sigmask(SIG_SETMASK, &before, NULL);
    MUST(rc == 0);
    errno = why;
    return n;
}

/* False when not all of it could be written. */
static bool stderr_write_all(const char *bytes, size_t size, size_t *ret_written)
{
    size_t written = 0;
    while (written < size) {
        ssize_t n = write_quietly(STDERR_FILENO, bytes + written, size - written);
        if (n > 0) {
            written += (size_t)n;
        } else if (n < 0 && errno == EAGAIN) {
            struct pollfd wait = {.fd = STDERR_FILENO, .events = POLLOUT};
            if (poll(&wait, 1, STDERR_WAIT_MS) <= 0) {
                break;
            }
        } else if (n == 0 || errno != EINTR) {
            break;
        }
    }
    *ret_written = written;
    return written == size;
}

static bool stderr_line(struct sink *sink, const char *line, size_t size)
{
    size_t written = 0;
    if (!sink->is_journal_known) {
        sink->is_journal = stderr_is_journal();
        sink->is_journal_known = true;
    }
    if (sink->is_torn) {
        if (!stderr_write_all("\n", 1, &written)) {
            return false;
        }
    }
    size_t skip = sink->is_journal ? 0 : PRIORITY_SIZE;
    bool is_done = stderr_write_all(line + skip, size - skip, &written);
    sink->is_torn = !is_done && written > 0;
    return is_done;
}

/* ---- the sink: all under sink_lock ---- */

static int file_line(struct sink *sink, const char *line, size_t size, struct err *err)
{
    return log_file_write(&sink->file, line + PRIORITY_SIZE, size - PRIORITY_SIZE, err);
}

/* Lines of the log about itself: straight to their place, past the queue. */
static bool note_on_stderr(struct sink *sink, enum log_level level, const char *event,
                           const struct log_field *fields)
{
    CLEANUP(buf_close) struct buf line = {0};
    render(&line, level, "log", event, fields);
    return stderr_line(sink, line.bytes, line.size);
}

static int note_in_file(struct sink *sink, enum log_level level, const char *event,
                        const struct log_field *fields, struct err *err)
{
    CLEANUP(buf_close) struct buf line = {0};
    render(&line, level, "log", event, fields);
    return file_line(sink, line.bytes, line.size, err);
}

/* The file again, if it works, with the account of what it missed. */
static bool file_recover(struct sink *sink)
{
    /* A descriptor of a disk that went and came back fails for ever; keep it if there is no other.
     */
    (void)log_file_reopen(&sink->file, NULL);
    int rc = note_in_file(sink, LOG_LEVEL_WARN, "file works again",
                          (const struct log_field[]){LOG_U64("lines_on_stderr", sink->on_stderr),
                                                     LOG_U64("lines_lost", sink->lost), LOG_END},
                          NULL);
    if (rc != 0) {
        return false;
    }
    sink->is_failing = false;
    sink->on_stderr = 0;
    sink->lost = 0;
    return true;
}

static void file_turn_over(struct sink *sink)
{
    struct err err = {0};
    if (log_file_rotate(&sink->file, &err) != 0) {
        /* If this fails too, so does the line that follows, which says so. */
        (void)note_in_file(sink, LOG_LEVEL_WARN, "file not turned over, it grows on",
                           (const struct log_field[]){LOG_ERR(&err), LOG_END}, NULL);
    }
}

/* True when the file has the line. */
static bool sink_file(struct sink *sink, const char *line, size_t size)
{
    if (sink->is_failing && !file_recover(sink)) {
        return false;
    }
    if (log_file_is_full(&sink->file, size - PRIORITY_SIZE)) {
        file_turn_over(sink);
    }
    struct err err = {0};
    if (file_line(sink, line, size, &err) == 0) {
        return true;
    }
    sink->is_failing = true;
    (void)note_on_stderr(sink, LOG_LEVEL_ERROR, "file failed, using stderr",
                         (const struct log_field[]){LOG_ERR(&err), LOG_END});
    return false;
}

static bool sink_stderr(struct sink *sink, const char *line, size_t size)
{
    bool is_meant = !log_file_is_open(&sink->file); /* else the file's own account has the count */
    if (is_meant && sink->lost > 0) {
        if (!note_on_stderr(sink, LOG_LEVEL_WARN, "lines lost, stderr works again",
                            (const struct log_field[]){LOG_U64("lines", sink->lost), LOG_END})) {
            return false;
        }
        sink->lost = 0;
    }
    return stderr_line(sink, line, size);
}

/* Take the file that log_open() has left, in place of the one in use. */
static void sink_adopt(struct sink *sink)
{
    struct log_file *next = atomic_exchange(&state.next_file, NULL);
    if (next == NULL) {
        return;
    }
    must_copy_to(log_file_fd(next)); /* before the old descriptor's number is free */
    log_file_close(&sink->file);
    bool is_account_open = sink->on_stderr > 0 || sink->lost > 0;
    *sink = (struct sink){
        .file = *next,
        .is_failing = log_file_is_open(next) && is_account_open, /* its first line settles it */
        .is_torn = sink->is_torn,
        .on_stderr = sink->on_stderr,
        .lost = sink->lost,
    };
    mem_free(next);
}

/* Whatever has been asked for since the last time. */
static void sink_turn(struct sink *sink)
{
    sink_adopt(sink);
    if (!atomic_exchange(&state.reopen_wanted, false) || !log_file_is_open(&sink->file)) {
        return;
    }
    struct err err = {0};
    if (log_file_reopen(&sink->file, &err) != 0) {
        (void)note_in_file(sink, LOG_LEVEL_ERROR, "file not reopened, the old one goes on",
                           (const struct log_field[]){LOG_ERR(&err), LOG_END}, NULL);
        (void)note_on_stderr(sink, LOG_LEVEL_ERROR, "file not reopened, the old one goes on",
                             (const struct log_field[]){LOG_ERR(&err), LOG_END});
    }
}

static void sink_line(struct sink *sink, const char *line, size_t size)
{
    sink_turn(sink);
    if (log_file_is_open(&sink->file)) {
        if (sink_file(sink, line, size)) {
            return;
        }
        if (sink_stderr(sink, line, size)) {
            sink->on_stderr++;
            return;
        }
    } else if (sink_stderr(sink, line, size)) {
        return;
    }
    sink->lost++;
}

/* ---- the way of a line ---- */

static void write_line(void *arg, const char *line, size_t size)
{
    (void)arg; /* the state is the only one */
    lock(&state.sink_lock);
    sink_line(&state.sink, line, size);
    unlock(&state.sink_lock);
}

static void writer_turn(void *arg)
{
    (void)arg; /* the state is the only one */
    lock(&state.sink_lock);
    sink_turn(&state.sink);
    unlock(&state.sink_lock);
}

static void writer_dropped(void *arg, uint64_t lines)
{
    CLEANUP(buf_close) struct buf line = {0};
    render(&line, LOG_LEVEL_WARN, "log", "dropped",
           (const struct log_field[]){LOG_U64("lines", lines), LOG_STR("reason", "queue-full"),
                                      LOG_END});
    write_line(arg, line.bytes, line.size);
}

void log_event(enum log_level level, const char *module, const char *event,
               const struct log_field *fields)
{
    int keep = errno; /* log_warn() may stand between a call and the look at its errno */
    CLEANUP(buf_close) struct buf line = {0};
    render(&line, level, module, event, fields);
    if (log_queue_push(&state.queue, &line) == LOG_QUEUE_CLOSED) {
        write_line(NULL, line.bytes, line.size);
    }
    errno = keep;
}

/* Have the holder of the sink look at what was asked for. */
static void sink_wake(void)
{
    if (log_queue_is_open(&state.queue)) {
        log_queue_wake(&state.queue);
    } else {
        writer_turn(NULL);
    }
}

static void next_file_put(struct log_file *next)
{
    struct log_file *unseen = atomic_exchange(&state.next_file, next);
    if (unseen != NULL) {
        log_file_close(unseen);
        mem_free(unseen);
    }
    sink_wake();
}

int log_open(const struct log_config *config, struct err *err)
{
    struct log_file file = {0};
    if (config->file.dir != NULL) {
        int rc = log_file_open(&file, &config->file, err);
        if (rc != 0) {
            return rc;
        }
    }
    atomic_store(&state.json, config->json);
    next_file_put(mem_dup(&file, sizeof(file)));
    return 0;
}

void log_close(void)
{
    if (log_queue_is_open(&state.queue)) {
        return; /* the writer hangs and has the sink */
    }
    const struct log_config start = {0};
    int rc = log_open(&start, NULL);
    MUST(rc == 0); /* opens nothing */
    log_set_clock(NULL);
    log_clear_module_levels();
    log_set_level(LOG_LEVEL_INFO);
}

void log_reopen(void)
{
    atomic_store(&state.reopen_wanted, true);
    log_queue_wake(&state.queue);
}

int log_start_writer(size_t bytes_max, struct err *err)
{
    static const struct log_queue_owner owner = {writer_turn, write_line, writer_dropped};
    return log_queue_start(&state.queue, bytes_max, &owner, NULL, err);
}

int log_stop(uint64_t wait_ms_max, struct err *err)
{
    return log_queue_stop(&state.queue, wait_ms_max, err);
}

void log_set_clock(const struct clock *clock)
{
    atomic_store(&state.clock, clock);
}
