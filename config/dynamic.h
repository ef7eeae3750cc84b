/* config/dynamic.h - the configuration that all nodes share, and what it makes of a node's own.
 *
 * It is the JSON (or YAML) of the key `config`, which begins as bootstrap.dcs: the settings of
 * dynamic_settings[], and a section `postgresql` with what a node's file may have there too. What a
 * node says itself wins; parameters are laid on each other (supervisor/pg_settings.h). */
#ifndef CONFIG_DYNAMIC_H_
#define CONFIG_DYNAMIC_H_

#include "config/config.h"
#include "config/yaml_tree.h"
#include "supervisor/pg_conninfo.h"
#include "supervisor/pg_settings.h"
#include "supervisor/timing_profile.h"

/* Fill @out, which is zeroed or closed and is to be closed with config_close(): `dynamic` and the
 * postgresql settings that were given. What is wrong has its default, and stands in @problems with
 * its line of @source; ERR_INVALID: an error is among them, and nobody should store this. @text
 * NULL or "": all defaults. */
int config_dynamic_load(const char *source, const char *text, struct config *out,
                        struct problems *problems);
/* May @text be stored in the place of @before, which is NULL where nothing is? By what
 * config_dynamic_load() says, which every node goes by; and there is no key in it that nobody knows
 * but those that stand in @before. ERR_INVALID: the errors in @problems say why not, with the paths
 * of the keys and no lines. */
int config_dynamic_check(const char *text, const char *before, struct problems *problems);
/* The same of a part of a file, for bootstrap.dcs. */
int config_dynamic_read(struct tree *tree, const struct tree_node *root, struct config *out,
                        struct problems *problems);

/* What a node goes by: its own settings, those of @dynamic where it has none, the defaults. The
 * values are borrowed from both: @ret_view is not closed, and lives as long as they do. The
 * parameters in it are this node's alone. */
void config_effective(const struct config *local, const struct config *dynamic,
                      struct config *ret_view);

/* --- For the supervisor, in its words; all of it borrowed --- */

/* A zeroed struct has none. */
struct config_layers {
    struct pg_pairs layers[PG_LAYER_COUNT];
    struct pg_pair *all;
};

/* The parameters of both configurations for a role, CONFIG_FOR_PRIMARY or _REPLICA. */
void config_layers_make(const struct config *local, const struct config *dynamic,
                        enum config_for role, struct config_layers *out);
void config_layers_close(struct config_layers *layers);
/* The lines for a role: those of the role, else those for all. Of @view. */
const struct config_list *config_hba(const struct config *view, enum config_for role);
const struct config_list *config_ident(const struct config *view, enum config_for role);

/* What both say of the policy: all of @ret_settings but its times and crashes_max. may_rewind means
 * that it is asked for; whether it can be is another question. */
void config_policy(const struct config *view, struct supervisor_settings *ret_settings);
/* What timing_from() makes the times of. */
void config_timing(const struct config *view, struct timing_wish *ret_wish);

/* postgresql.listen as PostgreSQL has it: append "10.0.0.1,127.0.0.1". Returns the port. */
unsigned config_listen(const struct config *config, struct buf *out);
void config_login(const struct config_user *user, struct pg_login *ret_login);
/* Who pg_rewind connects as: its own user, or the superuser. */
const struct config_user *config_rewind_user(const struct config *config);

#endif /* CONFIG_DYNAMIC_H_ */
