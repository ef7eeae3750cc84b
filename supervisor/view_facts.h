/* supervisor/view_facts.h - what decide() looks at, as the part of a view that it makes up. Pure.
 */
#ifndef SUPERVISOR_VIEW_FACTS_H_
#define SUPERVISOR_VIEW_FACTS_H_

#include "supervisor/cluster_view.h"
#include "supervisor/decide.h"

/* The members of @view become those of @f, by name; of one that was there already all stays that
 * facts do not know: where it listens, its tags and site, what it has replayed. What this node's
 * SQL knows beyond the facts is left alone, too. @boot_ms: when the facts were true. */
void view_take_facts(struct cluster_view *view, const struct facts *f, uint64_t boot_ms);

/* Remember @d unless it is the last one that is remembered; @d was made from @f. */
void view_take_decision(struct cluster_view *view, const struct facts *f, const struct decision *d,
                        uint64_t wall_ms);

/* Of whom nothing was heard for a while nobody knows how it is: not what it said last is told, but
 * that it is unknown. Afterwards, for a card says it all again. */
void view_forget_silent(struct cluster_view *view);

#endif /* SUPERVISOR_VIEW_FACTS_H_ */
