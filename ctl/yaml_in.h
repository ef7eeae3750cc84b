/* ctl/yaml_in.h - YAML of the user as a JSON value, with what YAML 1.1 takes for yes, no and
 * numbers as Patroni's tools read it. */
#ifndef CTL_YAML_IN_H_
#define CTL_YAML_IN_H_

#include <stddef.h>

#include <jansson.h>

#include "base/err.h"

#define YAML_IN_SIZE_MAX ((size_t)1024 * 1024)

/* Nothing at all is null. ERR_INVALID: the first thing that is wrong, with its line of @source. */
int yaml_in_parse(const char *source, const char *text, size_t size, json_t **ret_value,
                  struct err *err);
/* The same of what has to be a map with something in it. */
int yaml_in_map(const char *source, const char *text, size_t size, json_t **ret_value,
                struct err *err);

#endif /* CTL_YAML_IN_H_ */
