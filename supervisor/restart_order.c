/* supervisor/restart_order.c - conditions of a restart, and the moment for one. */
#include "supervisor/restart_order.h"

#include <stdlib.h>
#include <string.h>

#include "base/must.h"

#define PARTS_MAX 3
#define PART_MAX 99
#define OLD_STYLE 10 /* before it, three numbers make a version */

uint32_t restart_version(const char *text)
{
    uint32_t parts[PARTS_MAX] = {0};
    size_t count = 0;
    if (strlen(text) >= RESTART_WORD_SIZE) {
        return 0;
    }
    for (const char *at = text; count < PARTS_MAX && *at >= '0' && *at <= '9';) {
        char *end = NULL;
        unsigned long number = strtoul(at, &end, 10);
        if (number > PART_MAX || (*end != '.' && *end != '\0')) {
            return 0;
        }
        parts[count++] = (uint32_t)number;
        if (*end == '\0') {
            bool is_good = count == PARTS_MAX || (count == 2 && parts[0] >= OLD_STYLE);
            uint32_t minor = count == 2 ? parts[1] : parts[1] * 100 + parts[2];
            return is_good ? parts[0] * 10000 + minor : 0;
        }
        at = end + 1;
    }
    return 0;
}

enum view_role restart_role(const char *text)
{
    static const enum view_role roles[] = {VIEW_PRIMARY, VIEW_STANDBY_LEADER, VIEW_REPLICA};
    for (size_t i = 0; i < ARRAY_LEN(roles); i++) {
        if (strcmp(text, view_role_name(roles[i])) == 0) {
            return roles[i];
        }
    }
    return VIEW_ROLE_UNKNOWN;
}

const char *restart_unmet(const struct restart_order *order, const struct restart_seen *seen)
{
    if (order->role[0] != '\0' && restart_role(order->role) != seen->role) {
        return "this node has another role";
    }
    if (order->version[0] != '\0' && seen->version >= restart_version(order->version)) {
        return "PostgreSQL is not older than the version that was named";
    }
    return order->only_pending && seen->pending != FACT_YES ? "no restart is pending" : NULL;
}

static struct restart_plan drop(const char *why)
{
    return (struct restart_plan){.step = RESTART_DROP, .why = why};
}

/* A program that has just been started has to look first. */
static bool is_known(const struct restart_order *order, const struct restart_seen *node)
{
    return node->is_running && node->role != VIEW_ROLE_UNKNOWN && node->version != 0 &&
           (!order->only_pending || node->pending != FACT_UNKNOWN);
}

struct restart_plan restart_plan(const struct restart_later *later,
                                 const struct restart_moment *now)
{
    const struct restart_seen *node = &now->node;
    struct when when;
    if (later->started_us != 0 && node->started_us != 0 && later->started_us != node->started_us) {
        return drop("PostgreSQL was started anew meanwhile");
    }
    if (when_parse(later->order.at, &when, NULL) != 0 || !when.has_zone) {
        return drop("its time can not be read, or has no zone");
    }
    if (now->wall_ms > when.wall_ms + RESTART_LATE_MS) {
        return drop(now->refused != NULL ? now->refused
                    : now->is_paused     ? "its time came during a pause"
                                         : "its time was missed");
    }
    if (now->wall_ms < when.wall_ms || now->is_paused || !is_known(&later->order, node)) {
        return (struct restart_plan){.step = RESTART_WAIT};
    }
    const char *unmet = restart_unmet(&later->order, node);
    return unmet != NULL ? drop(unmet) : (struct restart_plan){.step = RESTART_BEGIN};
}
