/* consensus/gone.c - a bounded list of removed ids, in the order of their removal. */
#include "consensus/gone.h"

#include <string.h>

/* Where @id stands; the count if it does not. */
static size_t find(const struct gone *gone, uint64_t id)
{
    size_t at = 0;
    while (at < gone->count && gone->ids[at] != id) {
        at++;
    }
    return at;
}

static void drop(struct gone *gone, size_t at)
{
    gone->count--;
    memmove(&gone->ids[at], &gone->ids[at + 1], (gone->count - at) * sizeof(gone->ids[0]));
}

bool gone_has(const struct gone *gone, uint64_t id)
{
    return find(gone, id) < gone->count;
}

bool gone_add(struct gone *gone, uint64_t id)
{
    if (gone_has(gone, id)) {
        return false;
    }
    if (gone->count == GONE_MAX) {
        drop(gone, 0);
    }
    gone->ids[gone->count] = id;
    gone->count++;
    return true;
}

bool gone_take_back(struct gone *gone, uint64_t id)
{
    size_t at = find(gone, id);
    if (at == gone->count) {
        return false;
    }
    drop(gone, at);
    return true;
}
