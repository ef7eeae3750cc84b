/* base/log.h - one line for every event, from any thread, and never at the cost of the caller.
 *
 *     log_info("supervisor", "decide", LOG_STR("rule", d.rule), LOG_U64("term", term));
 *     2026-11-20T22:17:03.412Z info  supervisor decide: rule=lease-held term=7
 *
 * Levels: error = we gave up on something the operator asked for; warn = failed and carried on (the
 * event says how); info = a role, a rule or a membership changed; debug = everything else.
 *
 * A field has a type and a literal key and no format string, so that no value, whoever sent it, can
 * break a line or add one (base/log_format.h). A level that is off costs one atomic load and does
 * not evaluate its fields.
 *
 * Lines go to stderr or to a directory (base/log_file.h). Without log_start_writer() the caller
 * writes them itself, which may block: right for tools, tests and the first steps of a daemon. With
 * it the caller only puts them into a bounded queue (base/log_queue.h), so that neither a hung disk
 * nor a full pipe can hold it up (I7); what does not fit is counted and the count is logged.
 *
 * Threads: events, levels, log_set_clock() and log_reopen() from any thread; log_reopen() from a
 * signal handler too; log_open(), log_start_writer(), log_stop() and log_close() from one thread.
 *
 * fork(): a child that has other threads behind it, the writer for one, must not log before it
 * execs: a lock may be held for ever and nobody empties the queue. The files are close-on-exec. */
#ifndef BASE_LOG_H_
#define BASE_LOG_H_

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/log_file.h"

struct clock;
struct err;
struct secret;

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

enum log_kind {
    LOG_KIND_END,
    LOG_KIND_STR,
    LOG_KIND_BYTES,
    LOG_KIND_I64,
    LOG_KIND_U64,
    LOG_KIND_BOOL,
    LOG_KIND_HEX64,
    LOG_KIND_ERR,
    LOG_KIND_SECRET,
};

/* Made by the macros below. The value is read while the event is logged and not kept. */
struct log_field {
    const char *key;
    enum log_kind kind;
    size_t size; /* of bytes */
    union {
        const char *str;
        int64_t i64;
        uint64_t u64;
        bool flag;
        const struct err *err;
        const struct secret *secret; /* never followed */
    } as;
};

/* Keys are literals of a-z, 0-9 and _, different within an event, and none of time, level, module,
 * event and cause: anything else ends the process. Durations and sizes carry their unit. */
#define LOG_FIELD_(key_, kind_, member_, value_)                \
    {                                                           \
        .key = "" key_, .kind = (kind_), .as.member_ = (value_) \
    }
/* A NULL is shown as - (JSON: null). */
#define LOG_STR(key, text) LOG_FIELD_(key, LOG_KIND_STR, str, text)
#define LOG_I64(key, value) LOG_FIELD_(key, LOG_KIND_I64, i64, value)
#define LOG_U64(key, value) LOG_FIELD_(key, LOG_KIND_U64, u64, value)
#define LOG_BOOL(key, value) LOG_FIELD_(key, LOG_KIND_BOOL, flag, value)
/* An identity: always 16 digits. */
#define LOG_HEX64(key, value) LOG_FIELD_(key, LOG_KIND_HEX64, u64, value)
/* Two fields of a struct err: err=no_space cause="commit: map full". */
#define LOG_ERR(error) LOG_FIELD_("err", LOG_KIND_ERR, err, error)
/* password=***, whatever is in it. */
#define LOG_SECRET(key, hidden) LOG_FIELD_(key, LOG_KIND_SECRET, secret, hidden)
/* Text without a NUL at its end: what came from a peer or a file. */
#define LOG_BYTES(key_, bytes_, size_)                                              \
    {                                                                               \
        .key = "" key_, .kind = LOG_KIND_BYTES, .size = (size_), .as.str = (bytes_) \
    }
#define LOG_END                           \
    {                                     \
        .key = NULL, .kind = LOG_KIND_END \
    }

/* log_info(module, event, fields...): @event is short static text in lower case. */
#define log_error(module, ...) LOG_AT_(LOG_LEVEL_ERROR, module, __VA_ARGS__, LOG_END)
#define log_warn(module, ...) LOG_AT_(LOG_LEVEL_WARN, module, __VA_ARGS__, LOG_END)
#define log_info(module, ...) LOG_AT_(LOG_LEVEL_INFO, module, __VA_ARGS__, LOG_END)
#define log_debug(module, ...) LOG_AT_(LOG_LEVEL_DEBUG, module, __VA_ARGS__, LOG_END)

#define LOG_AT_(level, module, event, ...)                                                  \
    do {                                                                                    \
        if (log_is_on((level), (module))) {                                                 \
            log_event((level), (module), (event), (const struct log_field[]){__VA_ARGS__}); \
        }                                                                                   \
    } while (0)

/* Log one event whatever the levels say; @fields ends with LOG_END. Keeps errno. */
void log_event(enum log_level level, const char *module, const char *event,
               const struct log_field *fields);

/* Low byte: the most talkative level that any module is set to; next byte: the level that every
 * module shows. Written by log_level.c, read by log_is_on(). */
extern atomic_uint log_gate;

/* The slow answer, for the levels between the two. */
bool log_module_is_on(enum log_level level, const char *module);

static inline bool log_is_on(enum log_level level, const char *module)
{
    unsigned gate = atomic_load_explicit(&log_gate, memory_order_relaxed);
    if ((unsigned)level > (gate & 0xff)) {
        return false;
    }
    return (unsigned)level <= gate >> 8 || log_module_is_on(level, module);
}

#define LOG_MODULE_SIZE 32   /* of a module's name, with its NUL */
#define LOG_OVERRIDES_MAX 32 /* modules that have a level of their own */

/* What is set: for a status command. Overrides are sorted by module. */
struct log_levels {
    enum log_level level; /* of all other modules */
    size_t count;
    struct log_override {
        char module[LOG_MODULE_SIZE];
        enum log_level level;
    } overrides[LOG_OVERRIDES_MAX];
};

/* All take effect at once and in every thread. The level at start is info. */
void log_set_level(enum log_level level);
/* ERR_INVALID for what cannot be a module's name, ERR_TOO_LARGE when the table is full. */
int log_set_module_level(const char *module, enum log_level level, struct err *err);
/* False when the module had no level of its own. */
bool log_clear_module_level(const char *module);
void log_clear_module_levels(void);
void log_get_levels(struct log_levels *ret_levels);

const char *log_level_name(enum log_level level);
/* "error" ... "debug" in any case, and Patroni's CRITICAL and WARNING. */
int log_level_parse(const char *text, enum log_level *ret_level, struct err *err);

struct log_config {
    bool json;
    struct log_file_config file; /* file.dir NULL: stderr */
};

/* Where lines go from now on, and how they look; without it: plain text to stderr. When stderr is
 * the journal, each line starts with its priority, <3> to <7>. A failure changes nothing. Opens
 * files in the calling thread. May be called again while lines are logged; those that wait in the
 * queue go to the new place. */
int log_open(const struct log_config *config, struct err *err);
/* Close the file and be as at the start of the program: stderr, plain, info, the system's clock.
 * After log_stop(); leaves a writer that is stuck alone. */
void log_close(void);

/* Open the file again by its name, after somebody moved it: for SIGHUP. The writer does it at once,
 * without a writer the next event does. */
void log_reopen(void);

/* Lines are written by a thread of their own from now on; at most @bytes_max of them wait. */
int log_start_writer(size_t bytes_max, struct err *err);
/* Write what waits, for at most @wait_ms_max, and end the thread; nothing to do without one. On
 * ERR_TIMEOUT the thread hangs in a write and is left to itself: events are still queued or dropped
 * and never block. */
int log_stop(uint64_t wait_ms_max, struct err *err);

/* NULL: the system's. @clock outlives all logging. */
void log_set_clock(const struct clock *clock);

#endif /* BASE_LOG_H_ */
