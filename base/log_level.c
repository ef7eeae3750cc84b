/* base/log_level.c - what is logged: the level of all modules, and of those that have their own.
 */
#include <pthread.h>
#include <string.h>
#include <strings.h>

#include "base/err.h"
#include "base/log.h"
#include "base/must.h"

#define GATE(all, any) ((unsigned)(all) << 8 | (unsigned)(any))

static pthread_mutex_t set_lock = PTHREAD_MUTEX_INITIALIZER;
static struct log_levels set = {.level = LOG_LEVEL_INFO};

atomic_uint log_gate = GATE(LOG_LEVEL_INFO, LOG_LEVEL_INFO);

static void lock(void)
{
    int rc = pthread_mutex_lock(&set_lock);
    MUST(rc == 0);
}

static void unlock(void)
{
    int rc = pthread_mutex_unlock(&set_lock);
    MUST(rc == 0);
}

static const char *const level_names[] = {
    [LOG_LEVEL_ERROR] = "error",
    [LOG_LEVEL_WARN] = "warn",
    [LOG_LEVEL_INFO] = "info",
    [LOG_LEVEL_DEBUG] = "debug",
};

const char *log_level_name(enum log_level level)
{
    MUST((size_t)level < ARRAY_LEN(level_names));
    return level_names[level];
}

int log_level_parse(const char *text, enum log_level *ret_level, struct err *err)
{
    static const struct {
        const char *name;
        enum log_level level;
    } names[] = {
        {"error", LOG_LEVEL_ERROR},  {"critical", LOG_LEVEL_ERROR}, {"warn", LOG_LEVEL_WARN},
        {"warning", LOG_LEVEL_WARN}, {"info", LOG_LEVEL_INFO},      {"debug", LOG_LEVEL_DEBUG},
    };
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (strcasecmp(text, names[i].name) == 0) {
            *ret_level = names[i].level;
            return 0;
        }
    }
    return err_set(err, ERR_INVALID,
                   "\"%.40s\" is no log level: choose error, warn, info or debug "
                   "(critical and warning are understood)",
                   text);
}

/* Under set_lock, after every change. */
static void gate_set(void)
{
    enum log_level all = set.level;
    enum log_level any = set.level;
    for (size_t i = 0; i < set.count; i++) {
        enum log_level level = set.overrides[i].level;
        all = level < all ? level : all;
        any = level > any ? level : any;
    }
    atomic_store(&log_gate, GATE(all, any));
}

/* Under set_lock: the place of @module, or where it belongs. */
static size_t override_place(const char *module, bool *ret_is_there)
{
    size_t i = 0;
    int order = 1;
    while (i < set.count) {
        order = strcmp(set.overrides[i].module, module);
        if (order >= 0) {
            break;
        }
        i++;
    }
    *ret_is_there = i < set.count && order == 0;
    return i;
}

bool log_module_is_on(enum log_level level, const char *module)
{
    lock();
    bool is_there = false;
    size_t i = override_place(module, &is_there);
    enum log_level limit = is_there ? set.overrides[i].level : set.level;
    unlock();
    return level <= limit;
}

void log_set_level(enum log_level level)
{
    MUST((size_t)level < ARRAY_LEN(level_names));
    lock();
    set.level = level;
    gate_set();
    unlock();
}

static int check_module(const char *module, struct err *err)
{
    size_t size = strspn(module, "abcdefghijklmnopqrstuvwxyz0123456789_-.");
    if (size == 0 || size >= LOG_MODULE_SIZE || module[size] != '\0') {
        return err_set(err, ERR_INVALID,
                       "\"%.40s\" is no module of the log: a name has 1 to %d characters "
                       "of a-z 0-9 _ - .",
                       module, LOG_MODULE_SIZE - 1);
    }
    return 0;
}

/* Under set_lock. */
static int override_insert(size_t at, const char *module, struct err *err)
{
    if (set.count == LOG_OVERRIDES_MAX) {
        return err_set(err, ERR_TOO_LARGE, "at most %d modules have a log level of their own",
                       LOG_OVERRIDES_MAX);
    }
    struct log_override *place = &set.overrides[at];
    memmove(place + 1, place, (set.count - at) * sizeof(*place));
    memset(place, 0, sizeof(*place));
    memcpy(place->module, module, strlen(module) + 1); /* check_module() saw to the size */
    set.count++;
    return 0;
}

int log_set_module_level(const char *module, enum log_level level, struct err *err)
{
    MUST((size_t)level < ARRAY_LEN(level_names));
    int rc = check_module(module, err);
    if (rc != 0) {
        return rc;
    }
    lock();
    bool is_there = false;
    size_t i = override_place(module, &is_there);
    if (!is_there) {
        rc = override_insert(i, module, err);
    }
    if (rc == 0) {
        set.overrides[i].level = level;
        gate_set();
    }
    unlock();
    return rc;
}

bool log_clear_module_level(const char *module)
{
    lock();
    bool is_there = false;
    size_t i = override_place(module, &is_there);
    if (is_there) {
        struct log_override *place = &set.overrides[i];
        set.count--;
        memmove(place, place + 1, (set.count - i) * sizeof(*place));
        gate_set();
    }
    unlock();
    return is_there;
}

void log_clear_module_levels(void)
{
    lock();
    set.count = 0;
    gate_set();
    unlock();
}

void log_get_levels(struct log_levels *ret_levels)
{
    lock();
    *ret_levels = set;
    unlock();
}
