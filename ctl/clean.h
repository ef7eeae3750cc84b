/* ctl/clean.h - what a bundle for support may hold: text and JSON without secrets.
 *
 * By their names and looks (base/redact.h), and by their values: those that are known here, of the
 * configuration, the environment and the options, go wherever they stand. */
#ifndef CTL_CLEAN_H_
#define CTL_CLEAN_H_

#include <stddef.h>

#include <jansson.h>

#include "base/buf.h"
#include "config/config.h"

/* Shorter ones are in half of all words: those go only where something is called so. */
#define CLEAN_SECRET_MIN 4

/* A zeroed struct knows none. */
struct clean {
    struct clean_secret {
        char *text;
        size_t size;
    } * at;
    size_t count;
};

/* From now on @secret is looked for, as it is and as JSON, SQL and a log write it. */
void clean_learn(struct clean *clean, const char *secret);
/* All there are in a configuration; those of the files that it names, too. */
void clean_learn_config(struct clean *clean, const struct config *config);
/* Of variables that are called so. */
void clean_learn_environment(struct clean *clean, const char *const *environment);
/* Wipes them. */
void clean_close(struct clean *clean);

void clean_text(const struct clean *clean, const char *text, struct buf *out);
/* A copy of any value; the caller's. */
json_t *clean_json(const struct clean *clean, json_t *value);

#endif /* CTL_CLEAN_H_ */
