/* base/nearest.h - "did you mean ...?" */
#ifndef BASE_NEAREST_H_
#define BASE_NEAREST_H_

#include <stddef.h>

/* The candidate closest to @word by edits (insert, delete, replace, swap of neighbours), or the one
 * that @word is a prefix of; NULL when none is close enough to be worth saying. Ties go to the
 * first. */
const char *nearest(const char *word, const char *const *candidates, size_t count);

#endif /* BASE_NEAREST_H_ */
