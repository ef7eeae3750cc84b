/* consensus/node/said.c - where the node stands, as events: one for each thing that has changed.
 *
 * Formation goes through several states within milliseconds, and a text that tells for how long
 * somebody was silent changes all the time. So a new phase is told at once, but a new text of the
 * same phase only when it has stood for a moment, and is not the last one with another time in it.
 * Whoever asks is told what is true now (n->phase_text). */
#include <string.h>

#include "consensus/node/node.h"

#define SETTLE_MS 300

static const char *const phase_names[] = {
    [PGRAFT_FORMING] = "forming", [PGRAFT_JOINING] = "joining", [PGRAFT_MEMBER] = "member",
    [PGRAFT_REMOVED] = "removed", [PGRAFT_REFUSED] = "refused",
};

/* Behind "12.3 s" if that stands at @at. */
static const char *skip_seconds(const char *at)
{
    const char *end = at + strspn(at, "0123456789");
    if (end == at || *end != '.') {
        return at;
    }
    end += 1 + strspn(end + 1, "0123456789");
    return strncmp(end, " s", 2) == 0 ? end + 2 : at;
}

static bool is_same_but_for_times(const char *a, const char *b)
{
    while (*a != '\0' && *b != '\0') {
        const char *after_a = skip_seconds(a);
        const char *after_b = skip_seconds(b);
        bool times = after_a != a && after_b != b;
        if (!times && *a != *b) {
            return false;
        }
        a = times ? after_a : a + 1;
        b = times ? after_b : b + 1;
    }
    return *a == *b;
}

static void tell(struct node *n)
{
    const char *text = n->phase_text;
    bool is_bad = n->phase == PGRAFT_REMOVED || n->phase == PGRAFT_REFUSED;
    /* A member that has started is one again in a moment, or has a text. */
    bool is_nothing = n->phase == PGRAFT_JOINING && text[0] == '\0';
    enum pgraft_level level = is_bad       ? PGRAFT_LEVEL_ERROR
                              : is_nothing ? PGRAFT_LEVEL_DEBUG
                                           : PGRAFT_LEVEL_INFO;
    n->said = (struct said){.anything = true, .phase = n->phase};
    memcpy(n->said.text, text, sizeof(n->said.text));
    node_say(n, PGRAFT_EVENT_PHASE, level, "", n->phase, "%s%s%s", phase_names[n->phase],
             text[0] != '\0' ? ": " : "", text);
}

void node_set_phase(struct node *n, enum pgraft_phase phase, const char *text)
{
    n->phase = phase;
    (void)snprintf(n->phase_text, sizeof(n->phase_text), "%s", text);
    bool is_new = n->said.anything ? phase != n->said.phase : phase != PGRAFT_FORMING;
    if (is_new) {
        tell(n);
    } else if (n->said.anything && is_same_but_for_times(n->said.text, n->phase_text)) {
        n->said.again_ms = 0;
    } else if (n->said.again_ms == 0) {
        n->said.again_ms = node_now_ms() + SETTLE_MS;
    }
}

void said_turn(struct node *n, uint64_t now_ms)
{
    if (n->said.again_ms != 0 && now_ms >= n->said.again_ms) {
        tell(n);
    }
}
