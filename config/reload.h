/* config/reload.h - a reload that could not be carried out in every part. */
#ifndef CONFIG_RELOAD_H_
#define CONFIG_RELOAD_H_

#include "config/config.h"

/* The settings of these paths are again what they were. @former is what config_take_over() has left
 * in @fresh. */
void config_give_back(struct config *running, struct config *former, const char *const *paths,
                      size_t count);

#endif /* CONFIG_RELOAD_H_ */
