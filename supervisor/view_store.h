/* supervisor/view_store.h - what the store and the others' cards say, as the part of a view that
 * they make up. Beside view_facts.h, and after it. */
#ifndef SUPERVISOR_VIEW_STORE_H_
#define SUPERVISOR_VIEW_STORE_H_

#include "supervisor/cluster_view.h"
#include "supervisor/store_side.h"

/* The majority, the system identifier, the history, a wish for another primary, what the advisor
 * said last (if this node leads), and of each member in @view what its card says. @wall_ms and
 * @boot_ms are the same moment. */
void view_take_store(struct cluster_view *view, struct store_side *side, uint64_t boot_ms,
                     uint64_t wall_ms);

/* Who is fenced, with a tag "fenced" that says so; the tags are the nodes' own before. To be called
 * after all else that fills in members. */
void view_take_fences(struct cluster_view *view, const struct fence_book *fences);

#endif /* SUPERVISOR_VIEW_STORE_H_ */
