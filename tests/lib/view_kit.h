/* tests/lib/view_kit.h - a cluster of three databases and a witness, as a view would tell it.
 *
 * pg1 holds the lease, pg2 and pg3 stream, w1 votes. The time is VIEW_KIT_NOW_MS, the lease ends 4
 * s later. Whoever wants another story changes it from there. */
#ifndef TESTS_LIB_VIEW_KIT_H_
#define TESTS_LIB_VIEW_KIT_H_

#include "supervisor/cluster_view.h"

#define VIEW_KIT_NOW_MS UINT64_C(1000000)
#define VIEW_KIT_LSN UINT64_C(0x5000148)

/* As the node @name sees it. */
void view_kit_fill(struct cluster_view *view, const char *name);
struct view_member *view_kit_member(struct cluster_view *view, const char *name);
void view_kit_tag(struct view_tags *tags, const char *key, const char *value,
                  enum view_tag_kind kind);
/* @names, separated by commas, are in /sync. */
void view_kit_sync(struct cluster_view *view, enum sync_mode mode, const char *names);

#endif /* TESTS_LIB_VIEW_KIT_H_ */
