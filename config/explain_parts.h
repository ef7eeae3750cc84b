/* config/explain_parts.h - what the files of config/explain.h share. */
#ifndef CONFIG_EXPLAIN_PARTS_H_
#define CONFIG_EXPLAIN_PARTS_H_

#include "config/explain.h"
#include "supervisor/pg_settings.h"

#define EXPLAIN_COUNTS "counts"
#define EXPLAIN_HIDDEN "hidden"
#define EXPLAIN_IGNORED "ignored"

/* On top of those that are there. @where is taken over; @value and @why are copied; all three may
 * be NULL. With @why it does not count, whatever is above. */
void explain_add(struct explained *out, const char *layer, char *where, const char *value,
                 const char *why);
/* The highest that may count does: its value is the setting's. NULL: nobody says anything. */
const struct explain_layer *explain_settle(struct explained *out);
/* Of what the shared configuration says. The caller's. */
char *explain_shared_where(const struct explain_input *input);
/* "/etc/pgraft/pgraft.yml:12". The caller's. */
char *explain_place(const char *source, unsigned line);
/* What a new cluster would begin with, and this one does not go by: a layer, if there is any. */
void explain_add_first(const struct explain_input *input, const char *path, struct explained *out);

/* One of PostgreSQL's parameters, whose name is in @out. ERR_NOT_FOUND: it is none. */
int explain_parameter(const struct explain_input *input, struct explained *out);
/* The parameters of all layers of both configurations, in the order of the layers. */
typedef void (*explain_pair_cb)(void *ctx, enum pg_layer layer, enum config_for role,
                                const struct config_pair *pair);
void explain_each_pair(const struct explain_input *input, explain_pair_cb each, void *ctx);

#endif /* CONFIG_EXPLAIN_PARTS_H_ */
