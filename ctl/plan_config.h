/* ctl/plan_config.h - the configuration of every node of a layout, as text. */
#ifndef CTL_PLAN_CONFIG_H_
#define CTL_PLAN_CONFIG_H_

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "ctl/plan.h"

#define PLAN_HOST_MAX 256

/* What the hosts of the nodes are called. */
struct plan_hosts {
    char at[PLAN_NODES_MAX][PLAN_HOST_MAX]; /* in the order of the layout's nodes */
    bool invented;                          /* at least one of them is a name that stands for one */
};

/* One host for each node of @layout: that of "NAME=HOST" in @named, else @pattern with {name},
 * {site} and {n} (1 for the first node) filled in; no pattern: an invented name. ERR_INVALID names
 * what is wrong: no address, an unknown node, two nodes on one host. */
int plan_hosts(const struct plan_layout *layout, const char *pattern, const char *const *named,
               size_t named_count, struct plan_hosts *ret_hosts, struct err *err);

/* The passwords that all nodes share. */
struct plan_passwords {
    const char *superuser;
    const char *replication;
    const char *restapi;
};

struct plan_cluster {
    const char *scope;
    const struct plan_layout *layout;
    const struct plan_hosts *hosts;
    struct plan_passwords passwords;
};

/* Append the YAML file of node @index. */
void plan_config(struct buf *out, const struct plan_cluster *cluster, size_t index);

#endif /* CTL_PLAN_CONFIG_H_ */
