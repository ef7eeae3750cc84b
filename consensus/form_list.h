/* consensus/form_list.h - the list of peers with which a node is started, as a set.
 *
 * What the operator wrote on every node: names and addresses. Two lists are the same if they hold
 * the same names with the same addresses, in whatever order. Plain values: copyable, comparable. */
#ifndef CONSENSUS_FORM_LIST_H_
#define CONSENSUS_FORM_LIST_H_

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "proto/member.h"

#define FORM_LIST_MAX 9 /* a cluster has no more voters */

struct form_listed {
    char name[MEMBER_NAME_MAX + 1];
    char address[MEMBER_ADDRESS_MAX + 1];
};

struct form_list {
    size_t count;
    struct form_listed at[FORM_LIST_MAX]; /* by name */
};

/* "pg1=10.0.0.1:7400,pg2=10.0.0.2:7400"; "" is the empty list. Refused with ERR_INVALID: a name or
 * an address that cannot be one, one that is there twice, too many. */
int form_list_parse(const char *text, struct form_list *out, struct err *err);
/* Appends that text, by name. */
void form_list_text(const struct form_list *list, struct buf *out);
/* The place that keeps the order is the list's; fails as above. */
int form_list_add(struct form_list *list, const char *name, const char *address, struct err *err);

/* NULL: not in it. */
const struct form_listed *form_list_find(const struct form_list *list, const char *name);
bool form_list_equal(const struct form_list *a, const struct form_list *b);
/* Appends what differs: "pg4 is in ours and not in pg1's; pg2 is h:1 in ours and h:2 in pg1's". */
void form_list_difference(const struct form_list *ours, const struct form_list *theirs,
                          const char *who, struct buf *out);

#endif /* CONSENSUS_FORM_LIST_H_ */
