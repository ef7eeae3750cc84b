/* supervisor/fence.h - nodes that an operator has fenced: they hold no role until he takes it back.
 *
 * One key for each, pgraft/fence/NAME (docs/fence.md, docs/decisions/0015). That it is there says
 * everything; what stands in it is for people, and one that can not be read fences as well. By name
 * and not by id: a node that was wiped and joins again is still fenced.
 *
 * What keeps the promise are two transactions. A fence is put only while the lease is somebody
 * else's or nobody's, and a grant is committed only while who is chosen has none (advisor.h); so
 * whichever comes first voids the other. Beside that a fenced node counts, for everybody who looks
 * at the members, as one that is tagged nofailover and nosync, and is no source of clones: it is
 * asked in elections and its copy proves what it has, it is only never chosen. Pure. */
#ifndef SUPERVISOR_FENCE_H_
#define SUPERVISOR_FENCE_H_

#include "base/buf.h"
#include "supervisor/facts.h"

#define FENCE_BY_SIZE 64
#define FENCE_AT_SIZE 40
#define FENCE_WHY_SIZE 128
#define FENCE_BYTES_MAX 4096

struct fence {
    struct facts_name name;
    char by[FENCE_BY_SIZE];   /* "root@pg1"; "": not told */
    char at[FENCE_AT_SIZE];   /* ISO 8601; "" */
    char why[FENCE_WHY_SIZE]; /* "" */
};

/* What lies in the key: all but the name. */
void fence_encode(const struct fence *fence, struct buf *out);

/* For people, and for what is only wanted. Elections look at the key itself. */
#define FENCES_MAX 64

struct fence_book {
    uint32_t count;
    struct fence at[FENCES_MAX]; /* in the order they were heard of */
};

/* The key of @name is there with this in it, or (NULL) is not. */
void fence_take(struct fence_book *book, const struct facts_name *name, const void *bytes,
                size_t size);
/* NULL: none. */
const struct fence *fence_of(const struct fence_book *book, const struct facts_name *name);

/* This member is fenced: whoever reads its facts takes it for nothing that it must not be. */
static inline void fence_mark(struct member_facts *member)
{
    member->is_fenced = true;
    member->nofailover = true; /* asked for what it has, and not chosen */
    member->nosync = true;
    member->clonefrom = false;
}
/* All that are in @book. */
void fence_mark_all(const struct fence_book *book, struct member_facts *members, uint32_t count);

#endif /* SUPERVISOR_FENCE_H_ */
