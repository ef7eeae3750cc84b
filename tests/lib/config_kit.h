/* tests/lib/config_kit.h - a configuration out of a text, and what is said of it. */
#ifndef TESTS_LIB_CONFIG_KIT_H_
#define TESTS_LIB_CONFIG_KIT_H_

#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/mem.h"
#include "config/config.h"

#define CONFIG_KIT_VARIABLES_MAX 16

/* What to load; the text is a file named in messages as "PGRAFT_CONFIGURATION". */
struct config_kit {
    const char *text; /* NULL: no file */
    enum config_role role;
    const char *variables[CONFIG_KIT_VARIABLES_MAX + 1]; /* "PGRAFT_SCOPE=demo" */
    struct config_flag flags[4];
    int result;
    struct config config;
    struct problems problems;
    struct buf said; /* all that is wrong, a line for each */
};

static inline struct config_kit *config_kit_load(struct config_kit *k)
{
    CLEANUP(mem_freep)
    char *document = mem_printf("PGRAFT_CONFIGURATION=%s", k->text != NULL ? k->text : "");
    const char *environment[CONFIG_KIT_VARIABLES_MAX + 2] = {document};
    for (size_t i = 0; k->variables[i] != NULL; i++) {
        environment[i + 1] = k->variables[i];
    }
    size_t flag_count = 0;
    while (flag_count < sizeof(k->flags) / sizeof(k->flags[0]) &&
           k->flags[flag_count].name != NULL) {
        flag_count++;
    }
    const struct config_input input = {
        .role = k->role, .environment = environment, .flags = k->flags, .flag_count = flag_count};
    k->result = config_load(&input, &k->config, &k->problems);
    problems_print(&k->problems, &k->said);
    return k;
}

static inline void config_kit_close(struct config_kit *k)
{
    config_close(&k->config);
    problems_close(&k->problems);
    buf_close(&k->said);
}

/* A whole configuration without a fault. */
#define CONFIG_KIT_GOOD         \
    "scope: demo\n"             \
    "name: w1\n"                \
    "raft:\n"                   \
    "  listen: 10.0.0.1:7400\n" \
    "  peers:\n"                \
    "    - pg1=10.0.0.2:7400\n" \
    "    - w1=10.0.0.1:7400\n"  \
    "  secret_file: /etc/pgraft/key\n"

#endif /* TESTS_LIB_CONFIG_KIT_H_ */
