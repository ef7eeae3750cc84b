/* daemon/switch_outcome.c - three keys, and Patroni's words for what they say together. */
#include "daemon/switch_outcome.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "base/mem.h"

#define LOOP_WAIT_S 10
#define LOOP_WAIT_S_MAX 3600

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
    bool is_elsewhere = name_is_set(&p->leader) && !name_is(&p->leader, &p->from) &&
                        name_is(&p->leader, &p->recorded);
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

uint64_t switch_wait_s(const void *config, size_t size)
{
    json_auto_t *json = config != NULL ? json_loadb(config, size, 0, NULL) : NULL;
    json_int_t loop_wait = json_integer_value(json_object_get(json, "loop_wait"));
    bool is_longer = loop_wait > LOOP_WAIT_S && loop_wait <= LOOP_WAIT_S_MAX;
    return 2 * (is_longer ? (uint64_t)loop_wait : LOOP_WAIT_S);
}
