/* base/json_bound.h - how much would be built of a text of JSON, before it is: parsers call
 * themselves for each level, and may run on a small stack. */
#ifndef BASE_JSON_BOUND_H_
#define BASE_JSON_BOUND_H_

#include <stdbool.h>
#include <stddef.h>

/* By a look at its punctuation: no more than @depth_max levels and @values_max values. Of what is
 * no JSON nothing is said. */
bool json_is_bounded(const char *text, size_t size, size_t depth_max, size_t values_max);

#endif /* BASE_JSON_BOUND_H_ */
