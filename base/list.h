/* base/list.h - a doubly linked list whose links live in its members.
 *
 *     struct job { struct list link; ... };
 *     struct list jobs;  list_init(&jobs);  list_push_back(&jobs, &job->link);
 *     LIST_FOR_EACH(struct job, job, &jobs, link) { ... }
 *
 * The list owns nothing. A link that is on no list points to itself (list_init), so list_remove()
 * twice is harmless; being pushed while on a list is a mistake and ends the process. */
#ifndef BASE_LIST_H_
#define BASE_LIST_H_

#include <stdbool.h>
#include <stddef.h>

#include "base/must.h"

struct list {
    struct list *prev;
    struct list *next;
};

static inline void list_init(struct list *list)
{
    list->prev = list;
    list->next = list;
}

static inline bool list_empty(const struct list *list)
{
    return list->next == list;
}

static inline void list_insert_between(struct list *link, struct list *prev, struct list *next)
{
    MUST(list_empty(link));
    link->prev = prev;
    link->next = next;
    prev->next = link;
    next->prev = link;
}

static inline void list_push_back(struct list *list, struct list *link)
{
    list_insert_between(link, list->prev, list);
}

static inline void list_push_front(struct list *list, struct list *link)
{
    list_insert_between(link, list, list->next);
}

static inline void list_remove(struct list *link)
{
    link->prev->next = link->next;
    link->next->prev = link->prev;
    list_init(link);
}

/* The first link, taken off; NULL when the list is empty. */
static inline struct list *list_pop_front(struct list *list)
{
    if (list_empty(list)) {
        return NULL;
    }
    struct list *link = list->next;
    list_remove(link);
    return link;
}

/* Move everything of @from to the end of @to, another list; @from is empty afterwards. */
static inline void list_splice_back(struct list *to, struct list *from)
{
    MUST(to != from);
    if (list_empty(from)) {
        return;
    }
    from->next->prev = to->prev;
    to->prev->next = from->next;
    from->prev->next = to;
    to->prev = from->prev;
    list_init(from);
}

/* Counts by walking: for tests and bounds of short lists. */
static inline size_t list_count(const struct list *list)
{
    size_t count = 0;
    for (const struct list *at = list->next; at != list; at = at->next) {
        count++;
    }
    return count;
}

/* The member that the link @at is in; NULL when @at is the head. The head is in no member, and even
 * to compute where one would begin is undefined: sanitizers and -Warray-bounds notice. */
#define LIST_MEMBER_OR_NULL_(at, list, type, member) \
    ((at) == (list) ? NULL : CONTAINER_OF(at, type, member))

#define LIST_NEXT_OR_NULL_(var, list, type, member) \
    ((var) == NULL ? NULL : LIST_MEMBER_OR_NULL_((var)->member.next, list, type, member))

/* A type and a name that is declared cannot stand in parentheses. */
/* NOLINTBEGIN(bugprone-macro-parentheses) */
#define LIST_FOR_EACH(type, var, list, member)                                              \
    for (type *var = LIST_MEMBER_OR_NULL_((list)->next, list, type, member); (var) != NULL; \
         (var) = LIST_MEMBER_OR_NULL_((var)->member.next, list, type, member))

/* As above, and the body may remove or free @var. */
#define LIST_FOR_EACH_SAFE(type, var, list, member)                          \
    for (type *var = LIST_MEMBER_OR_NULL_((list)->next, list, type, member), \
              *var##_next = LIST_NEXT_OR_NULL_(var, list, type, member);     \
         (var) != NULL;                                                      \
         (var) = var##_next, var##_next = LIST_NEXT_OR_NULL_(var, list, type, member))
/* NOLINTEND(bugprone-macro-parentheses) */

#endif /* BASE_LIST_H_ */
