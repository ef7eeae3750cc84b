/* ctl/config.h - the commands of pgraftctl that are about a configuration; no node is asked. */
#ifndef CTL_CONFIG_H_
#define CTL_CONFIG_H_

#include "base/cli.h"

#define CTL_CONFIG_OPTION                                                       \
    {                                                                           \
        .name = "config", .letter = 'c', .value = "FILE",                       \
        .help =                                                                 \
            "the configuration of the node, or a directory of *.yml; default: " \
            "/etc/pgraft/pgraft.yml",                                           \
    }

int ctl_config_generate(const struct cli_call *call, struct err *err);
int ctl_config_show(const struct cli_call *call, struct err *err);

#endif /* CTL_CONFIG_H_ */
