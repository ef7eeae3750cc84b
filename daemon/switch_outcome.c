/* daemon/switch_outcome.c - three keys, and Patroni's words for what they say together. */
#include "daemon/switch_outcome.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "config/merge.h"
#include "config/scalar.h"

#define LOOP_WAIT_MS 10000
#define LOOP_WAIT_MS_MAX 86400000 /* of the setting */
#define WAIT_S_MAX 600            /* nobody may wait for longer (docs/http.md) */

enum {
    DONE = 200,
    NOT_DONE = 503,
};

void switch_leader_changed(struct switch_progress *p, const void *bytes, size_t size)
{
    memset(&p->leader, 0, sizeof(p->leader));
    if (bytes != NULL && size < sizeof(p->leader.text)) {
        memcpy(p->leader.text, bytes, size);
    }
}

void switch_history_changed(struct switch_progress *p, const void *bytes, size_t size)
{
    struct row_history *history = mem_zalloc(sizeof(*history));
    bool is_good = bytes != NULL && row_history_decode(bytes, size, history, NULL) == 0;
    if (is_good && history->count > 0) {
        p->recorded = history->at[history->count - 1].node;
    }
    mem_free(history);
}

void switch_wish_changed(struct switch_progress *p, const void *bytes)
{
    p->is_gone = bytes == NULL; /* one in its place is wanted as well as it was */
}

static const char *verb(const struct switch_progress *p)
{
    return p->is_failover ? "Failover" : "Switchover";
}

void switch_judge_progress(const struct switch_progress *p, struct switch_outcome *ret_outcome)
{
    struct switch_outcome o = {.status = 0};
    bool has_it = p->is_standby ? p->is_gone : name_is(&p->leader, &p->recorded);
    bool is_elsewhere = name_is_set(&p->leader) && !name_is(&p->leader, &p->from) && has_it;
    bool is_wanted = !name_is_set(&p->candidate) || name_is(&p->candidate, &p->leader);
    if (is_elsewhere && is_wanted) {
        o.status = DONE;
        (void)snprintf(o.text, sizeof(o.text), "Successfully %s over to \"%s\"",
                       p->is_failover ? "failed" : "switched", p->leader.text);
    } else if (is_elsewhere) {
        o.status = DONE;
        (void)snprintf(o.text, sizeof(o.text), "%s over to \"%s\" instead of \"%s\"",
                       p->is_failover ? "Failed" : "Switched", p->leader.text, p->candidate.text);
    } else if (p->is_gone && name_is(&p->leader, &p->from)) {
        o.status = NOT_DONE;
        (void)snprintf(o.text, sizeof(o.text), "%s failed", verb(p));
    }
    *ret_outcome = o;
}

void switch_judge_late(const struct switch_progress *p, uint64_t waited_s,
                       struct switch_outcome *ret_outcome)
{
    ret_outcome->status = NOT_DONE;
    (void)snprintf(ret_outcome->text, sizeof(ret_outcome->text),
                   "%s status unknown after %" PRIu64
                   " seconds; operation may still be in progress",
                   verb(p), waited_s);
}

/* A number is the same as its text, and may have a unit. */
static uint64_t loop_wait_ms(json_t *config)
{
    uint64_t ms = 0;
    json_t *value = json_object_get(config, "loop_wait");
    if (!json_is_string(value) && !json_is_number(value)) {
        return LOOP_WAIT_MS;
    }
    CLEANUP(mem_freep) char *text = config_scalar_text(value);
    bool is_good = scalar_duration_ms(text, &ms, NULL) == 0 && ms <= LOOP_WAIT_MS_MAX;
    return is_good && ms > LOOP_WAIT_MS ? ms : LOOP_WAIT_MS;
}

uint64_t switch_wait_s(const void *config, size_t size)
{
    json_auto_t *json = config != NULL ? json_loadb(config, size, 0, NULL) : NULL;
    uint64_t wait_s = 2 * loop_wait_ms(json) / 1000;
    return wait_s < WAIT_S_MAX ? wait_s : WAIT_S_MAX;
}
