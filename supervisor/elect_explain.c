/* supervisor/elect_explain.c - an election in words: rule, outcome, and what it went by. */
#include <inttypes.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/must.h"
#include "supervisor/elect.h"

static bool is_among(uint32_t mask, uint32_t member)
{
    return (mask >> member & 1) != 0;
}

static void add_names(struct buf *out, const struct elect_facts *f, uint32_t mask,
                      const char *before)
{
    for (uint32_t i = 0; i < f->member_count; i++) {
        if (is_among(mask, i)) {
            buf_printf(out, "%s%s", before, f->members[i].name.text);
            before = ", ";
        }
    }
}

static void add_position(struct buf *out, const struct position *at)
{
    buf_printf(out, "%" PRIX32 "/%" PRIX32 " on timeline %" PRIu32, (uint32_t)(at->lsn >> 32),
               (uint32_t)at->lsn, at->timeline);
}

static void add_loss(struct buf *out, const struct election *e)
{
    if (e->loss == LOSS_UNKNOWN) {
        buf_printf(out, "; what is lost is unknown");
    } else if (e->loss == LOSS_BOUNDED) {
        buf_printf(out,
                   "; lost: %" PRIu64
                   " bytes of WAL and what the primary wrote in its last %" PRIu64 " ms",
                   e->loss_bytes, e->loss_age_ms);
    }
}

/* Who answered and with what, and what that was held against. Nobody is asked when a cluster
 * begins.
 */
static void add_inputs(struct buf *out, const struct elect_facts *f, const struct election *e)
{
    const char *before = "; of ";
    for (uint32_t i = 0; i < f->member_count && e->answers != 0; i++) {
        const struct member_facts *m = &f->members[i];
        if (m->is_database) {
            buf_printf(out, "%s%s: ", before, m->name.text);
            if (is_among(e->answers, i)) {
                add_position(out, &m->end);
            } else {
                buf_printf(out, "no answer");
            }
            before = ", ";
        }
    }
    if (e->floor.is_known) {
        buf_printf(out, "; %s ",
                   e->loss == LOSS_NONE ? "enough was" : "the last primary was seen at");
        add_position(out, &e->floor);
    }
}

/* Nobody is unfenced by an election: who might have been chosen otherwise is named. */
static void add_fenced(struct buf *out, const struct elect_facts *f)
{
    uint32_t fenced = 0;
    for (uint32_t i = 0; i < f->member_count; i++) {
        fenced |= f->members[i].is_fenced ? UINT32_C(1) << i : 0;
    }
    add_names(out, f, fenced, "; fenced by an operator: ");
}

void elect_explain(const struct elect_facts *f, const struct election *e, char *out, size_t size)
{
    MUST(size > 0);
    CLEANUP(buf_close) struct buf text = {0};
    buf_printf(&text, "%s: %s", e->rule, e->why);
    if (e->action == ELECT_GRANT) {
        buf_printf(&text, "; %s becomes primary with epoch %" PRIu64,
                   f->members[e->chosen].name.text, e->epoch);
        add_loss(&text, e);
        add_inputs(&text, f, e);
    } else if (e->action == ELECT_WAIT) {
        add_names(&text, f, e->waits_for, "; waits for ");
        add_fenced(&text, f);
    }
    (void)snprintf(out, size, "%s", buf_text(&text));
}
