/* base/mem.h - memory that is there or the process is not.
 *
 * A process that manages the only copy of somebody's data does not limp on without memory: an
 * allocation that fails prints one line and aborts (docs/decisions/0002). libraft gets the same
 * rule, since its own paths for a failed allocation leak. What comes from outside is bounded before
 * it is allocated, never after. */
#ifndef BASE_MEM_H_
#define BASE_MEM_H_

#include <stddef.h>

/* Never NULL, also for a size of 0. */
void *mem_alloc(size_t size) __attribute__((malloc, warn_unused_result));
void *mem_zalloc(size_t size) __attribute__((malloc, warn_unused_result));
/* @count * @size bytes with the overflow checked: zeroed; or @ptr (NULL is fine) made that large,
 * its end as it comes. */
void *mem_array(size_t count, size_t size) __attribute__((malloc, warn_unused_result));
void *mem_grow(void *ptr, size_t count, size_t size) __attribute__((warn_unused_result));
void *mem_dup(const void *bytes, size_t size) __attribute__((malloc, warn_unused_result));
char *mem_strdup(const char *text) __attribute__((malloc, warn_unused_result));
char *mem_printf(const char *fmt, ...)
    __attribute__((format(printf, 1, 2), malloc, warn_unused_result));

/* NULL is fine. */
void mem_free(void *ptr);
/* For CLEANUP(): frees what the variable points to and leaves NULL. */
void mem_freep(void *address_of_pointer);

#endif /* BASE_MEM_H_ */
