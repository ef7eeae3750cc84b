/* daemon/wire_tags.h - the tags of a node as they are shown: /patroni, /cluster, pgraftctl list. */
#ifndef DAEMON_WIRE_TAGS_H_
#define DAEMON_WIRE_TAGS_H_

#include "config/config.h"
#include "supervisor/cluster_view.h"

/* As Patroni shows them (config_tags_json()); of more than fit, the first. */
void wire_tags(const struct config *config, struct view_tags *ret_tags);

#endif /* DAEMON_WIRE_TAGS_H_ */
