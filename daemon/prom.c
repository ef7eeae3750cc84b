/* daemon/prom.c - heads, labels and numbers, a line each. */
#include "daemon/prom.h"

#include <inttypes.h>

#include "base/cleanup.h"

#define US_PER_S 1000000

void prom_label(struct buf *labels, const char *name, const char *value)
{
    buf_printf(labels, "%s%s=\"", labels->size > 0 ? "," : "", name);
    for (const char *at = value; at != NULL && *at != '\0'; at++) {
        if (*at == '\n') {
            buf_str(labels, "\\n");
            continue;
        }
        if (*at == '"' || *at == '\\') {
            buf_char(labels, '\\');
        }
        buf_char(labels, *at);
    }
    buf_char(labels, '"');
}

void prom_put_head(const struct prom *p, const struct prom_head *head)
{
    buf_printf(p->out, "# HELP %s %s\n", head->name, head->help);
    if (head->values != NULL) {
        buf_printf(p->out, "# Values: %s\n", head->values);
    }
    buf_printf(p->out, "# TYPE %s %s\n", head->name, head->type);
}

void prom_put_sample(const struct prom *p, const char *name, int64_t value)
{
    buf_printf(p->out, "%s{%s} %" PRId64 "\n", name, p->labels, value);
}

void prom_put_unsigned(const struct prom *p, const char *name, uint64_t value)
{
    buf_printf(p->out, "%s{%s} %" PRIu64 "\n", name, p->labels, value);
}

void prom_put_us(const struct prom *p, const char *name, uint64_t us)
{
    buf_printf(p->out, "%s{%s} %" PRIu64 ".%06u\n", name, p->labels, us / US_PER_S,
               (unsigned)(us % US_PER_S));
}

static const char *labels_of(const struct prom *p, const char *label, const char *of,
                             struct buf *room)
{
    buf_str(room, p->labels);
    prom_label(room, label, of);
    return buf_text(room);
}

void prom_put_sample_of(const struct prom *p, const char *name, const char *label, const char *of,
                        int64_t value)
{
    CLEANUP(buf_close) struct buf room = {0};
    struct prom one = {.out = p->out, .labels = labels_of(p, label, of, &room)};
    prom_put_sample(&one, name, value);
}

void prom_put_us_of(const struct prom *p, const char *name, const char *label, const char *of,
                    uint64_t us)
{
    CLEANUP(buf_close) struct buf room = {0};
    struct prom one = {.out = p->out, .labels = labels_of(p, label, of, &room)};
    prom_put_us(&one, name, us);
}
