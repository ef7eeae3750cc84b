/* daemon/wire_config.c - one generation after the other. */
#include "daemon/wire_config.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/must.h"

/* What the node's configuration had once. */
struct wire_former {
    struct wire_former *before;
    struct config values;
};

struct wire_generation {
    struct wire_generation *before;
    struct wire_pg pg;
    struct wire_former *former; /* this one points to it, and those before it */
    bool is_released;
};

static void free_generation(struct wire_generation *g)
{
    wire_pg_close(&g->pg);
    while (g->former != NULL) {
        struct wire_former *former = g->former;
        g->former = former->before;
        config_close(&former->values);
        mem_free(former);
    }
    mem_free(g);
}

static struct wire_generation **oldest_of(struct wire_config *w)
{
    struct wire_generation **at = &w->newest;
    while (*at != NULL && (*at)->before != NULL) {
        at = &(*at)->before;
    }
    return at;
}

/* From the oldest on, for what one has kept those before it may point to. */
static void trim(struct wire_config *w)
{
    struct wire_generation **oldest = oldest_of(w);
    while (*oldest != NULL && (*oldest)->is_released) {
        free_generation(TAKE(*oldest));
        oldest = oldest_of(w);
    }
}

/* ---- making one ---- */

static struct wire_shared shared_of(const struct wire_config *w)
{
    if (w->is_known) {
        return (struct wire_shared){
            .name = "the key config", .text = buf_text(&w->text), .revision = w->revision};
    }
    return (struct wire_shared){.name = "bootstrap.dcs",
                                .text = w->config->bootstrap.dcs,
                                .revision = w->revision,
                                .is_guess = true};
}

static int make(struct wire_config *w, const struct wire_shared *shared, struct problems *problems,
                struct err *err)
{
    struct wire_generation *g = mem_zalloc(sizeof(*g));
    int code = wire_pg_fill(&g->pg, w->config, shared, problems, err);
    if (code != 0) {
        free_generation(g);
        return code;
    }
    g->before = w->newest;
    w->newest = g;
    return 0;
}

int wire_config_open(struct wire_config *w, const struct config *config, struct err *err)
{
    CLEANUP(problems_close) struct problems problems = {0};
    memset(w, 0, sizeof(*w));
    w->config = config;
    struct wire_shared shared = shared_of(w);
    return make(w, &shared, &problems, err);
}

const struct pg_setup *wire_config_setup(const struct wire_config *w)
{
    MUST(w->newest != NULL);
    return &w->newest->pg.setup;
}

const struct config *wire_config_dynamic(const struct wire_config *w)
{
    return &w->newest->pg.dynamic;
}

const char *wire_config_text(const struct wire_config *w)
{
    return shared_of(w).text;
}

void wire_config_note(struct wire_config *w, struct pgraft_settings *settings)
{
    wire_pg_note(&w->newest->pg, settings);
}

/* ---- the key ---- */

/* All of them; @first gets the first error, for the status. */
static void log_problems(const struct problems *problems, struct buf *first)
{
    static const enum log_level levels[] = {[PROBLEM_ERROR] = LOG_LEVEL_ERROR,
                                            [PROBLEM_WARNING] = LOG_LEVEL_WARN,
                                            [PROBLEM_NOTE] = LOG_LEVEL_INFO};
    for (size_t i = 0; i < ARRAY_LEN(levels); i++) {
        CLEANUP(buf_close) struct buf text = {0};
        problems_print_level(problems, (enum problem_level)i, &text);
        for (const char *line = buf_text(&text); *line != '\0';) {
            size_t size = strcspn(line, "\n");
            const struct log_field fields[] = {LOG_BYTES("text", line, size), LOG_END};
            if (i == PROBLEM_ERROR && first->size == 0) {
                buf_append(first, line, size); /* said with what follows from it */
            } else if (log_is_on(levels[i], "config")) {
                log_event(levels[i], "config", "the key config", fields);
            }
            line += size + (line[size] == '\n' ? 1 : 0);
        }
    }
}

static void on_changed(void *ctx, const char *text, uint64_t revision)
{
    struct wire_config *w = ctx;
    CLEANUP(problems_close) struct problems problems = {0};
    CLEANUP(buf_close) struct buf first = {0};
    struct err err = {.code = 0};
    const struct wire_shared shared = {
        .name = "the key config", .text = text, .revision = revision};
    w->revision = revision;
    int code = make(w, &shared, &problems, &err);
    log_problems(&problems, &first);
    if (code != 0) {
        supervisor_refuse_config(w->supervisor, revision,
                                 first.size > 0 ? buf_text(&first) : err.msg);
        return;
    }
    buf_clear(&w->text);
    buf_str(&w->text, text);
    w->is_known = true;
    supervisor_configure(w->supervisor, wire_config_setup(w));
}

static void on_released(void *ctx, const struct pg_setup *setup)
{
    struct wire_config *w = ctx;
    for (struct wire_generation *g = w->newest; g != NULL; g = g->before) {
        if (&g->pg.setup == setup) {
            MUST(g != w->newest);
            g->is_released = true;
            trim(w);
            return;
        }
    }
    UNREACHABLE("every setup that the supervisor was given is one of a generation");
}

void wire_config_serve(struct wire_config *w, struct supervisor *supervisor)
{
    const struct supervisor_config_owner owner = {
        .changed = on_changed, .released = on_released, .ctx = w};
    w->supervisor = supervisor;
    supervisor_follow(supervisor, &owner);
}

/* ---- this node's file ---- */

void wire_config_reload(struct wire_config *w, struct config *old)
{
    CLEANUP(problems_close) struct problems problems = {0};
    struct err err = {.code = 0};
    struct wire_former *former = mem_zalloc(sizeof(*former));
    former->values = *old;
    memset(old, 0, sizeof(*old));
    former->before = w->newest->former;
    w->newest->former = former;
    struct wire_shared shared = shared_of(w);
    if (make(w, &shared, &problems, &err) != 0) {
        log_error("config", "PostgreSQL's settings stay as they are", LOG_ERR(&err));
        return;
    }
    supervisor_configure(w->supervisor, wire_config_setup(w));
}

void wire_config_close(struct wire_config *w)
{
    while (w->newest != NULL) {
        struct wire_generation *g = w->newest;
        w->newest = g->before;
        free_generation(g);
    }
    buf_close(&w->text);
    memset(w, 0, sizeof(*w));
}
