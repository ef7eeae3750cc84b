/* daemon/node_log.c - the log as the configuration wants it, and events of the library as lines of
 * it. */
#include "daemon/node_log.h"

#include "base/log.h"
#include "base/must.h"
#include "config/settings.h"

int node_log_levels(const struct config *config, struct err *err)
{
    enum log_level level = LOG_LEVEL_INFO;
    int rc = config->log.level != NULL ? log_level_parse(config->log.level, &level, err) : 0;
    if (rc != 0) {
        return rc;
    }
    log_set_level(level);
    log_clear_module_levels();
    for (size_t i = 0; rc == 0 && i < config->log.loggers.count; i++) {
        const struct config_pair *logger = &config->log.loggers.at[i];
        rc = log_level_parse(logger->value, &level, err);
        rc = rc != 0 ? rc : log_set_module_level(logger->key, level, err);
    }
    return rc;
}

int node_log_open(const struct config *config, struct err *err)
{
    const struct config_log *log = &config->log;
    struct log_config wanted = {.json = log->type == CONFIG_LOG_JSON,
                                .file = {.dir = log->dir,
                                         .mode = (mode_t)log->mode,
                                         .size_max = log->file_size_bytes,
                                         .older_max = (unsigned int)log->file_num}};
    int rc = log_open(&wanted, err);
    return rc != 0 ? rc : node_log_levels(config, err);
}

bool node_log_moves(const struct config *running, const struct config *fresh)
{
    static const char *const paths[] = {"log.type", "log.dir", "log.mode", "log.file_size",
                                        "log.file_num"};
    bool moves = false;
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        const struct setting *setting = &settings[setting_index(paths[i])];
        moves = moves || !setting_equal(setting, running, fresh);
    }
    return moves;
}

static const char *event_name(const struct pgraft_event *event)
{
    switch (event->kind) {
        case PGRAFT_EVENT_PHASE:
            return "membership";
        case PGRAFT_EVENT_ROLE:
            return "role";
        case PGRAFT_EVENT_LEADER:
            return "leader";
        case PGRAFT_EVENT_MEMBERS:
            return "members changed";
        case PGRAFT_EVENT_CONNECTED:
            return "peer connected";
        case PGRAFT_EVENT_LOST:
            /* It may never have been there. */
            return event->level == PGRAFT_LEVEL_INFO ? "peer unreachable" : "peer lost";
        case PGRAFT_EVENT_REFUSED:
            return "peer refused";
        case PGRAFT_EVENT_STALL:
            return "stall";
        case PGRAFT_EVENT_SPACE:
            return "disk space";
        case PGRAFT_EVENT_SECRET:
            return "keys of peers";
        case PGRAFT_EVENT_NAME_TAKEN:
            return "name taken";
        case PGRAFT_EVENT_SHIP:
            return "snapshot";
        case PGRAFT_EVENT_LIMITS:
            return "limits";
        case PGRAFT_EVENT_LEASE:
            return "lease not confirmed";
    }
    return "event";
}

static enum log_level level_of(enum pgraft_level level)
{
    switch (level) {
        case PGRAFT_LEVEL_ERROR:
            return LOG_LEVEL_ERROR;
        case PGRAFT_LEVEL_WARN:
            return LOG_LEVEL_WARN;
        case PGRAFT_LEVEL_INFO:
            return LOG_LEVEL_INFO;
        case PGRAFT_LEVEL_DEBUG:
            break;
    }
    return LOG_LEVEL_DEBUG;
}

void node_log_event(const struct pgraft_event *event)
{
    const char *name = event_name(event);
    enum log_level level = level_of(event->level);
    if (!log_is_on(level, "raft")) {
        return;
    }
    const struct log_field with_peer[] = {LOG_STR("peer", event->peer),
                                          LOG_STR("text", event->text),
                                          LOG_U64("term", event->term), LOG_END};
    const struct log_field alone[] = {LOG_STR("text", event->text), LOG_U64("term", event->term),
                                      LOG_END};
    log_event(level, "raft", name, event->peer[0] != '\0' ? with_peer : alone);
}
