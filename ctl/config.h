/* ctl/config.h - whom to ask and how, off the command line and the environment. */
#ifndef CTL_CONFIG_H_
#define CTL_CONFIG_H_

#include "base/cli.h"
#include "base/err.h"
#include "base/secret.h"
#include "config/config.h"
#include "ctl/ask.h"

#define CTL_TIMEOUT_MS 5000

#define CTL_PATRONICTL "patronictl" /* the other name of the program */

/* The rows of the command table that say it: those that have other letters in patronictl, and the
 * rest. */
#define CTL_ENDPOINT_HELP                                                                       \
    "the node to ask: http://HOST:8008, https://HOST:8008 or the path of its socket; default: " \
    "PGRAFTCTL_ENDPOINT, else the node on this host"
#define CTL_OPTIONS                                                                                \
    {.name = "endpoint", .letter = 'e', .value = "URL", .list = true, .help = CTL_ENDPOINT_HELP},  \
        {.name = "config",                                                                         \
         .letter = 'c',                                                                            \
         .value = "FILE",                                                                          \
         .help =                                                                                   \
             "the configuration of the node to ask, or to show; default: PATRONICTL_CONFIG_FILE"}, \
        {.name = "timeout",                                                                        \
         .letter = 't',                                                                            \
         .value = "SECONDS",                                                                       \
         .help = "give up after this long; default: 5"},                                           \
        CTL_ACCESS_OPTIONS,                                                                        \
    {                                                                                              \
        .name = "insecure", .letter = 'k', .help = "believe any certificate"                       \
    }
#define CTL_MORE_OPTIONS                                                                        \
    {.name = "endpoint", .value = "URL", .list = true, .help = CTL_ENDPOINT_HELP},              \
        {.name = "timeout", .value = "SECONDS", .help = "give up after this long; default: 5"}, \
        CTL_ACCESS_OPTIONS
#define CTL_ACCESS_OPTIONS                                                                   \
    {.name = "user", .value = "NAME", .help = "user of a node's restapi.authentication"},    \
        {.name = "password-file",                                                            \
         .value = "FILE",                                                                    \
         .help = "the first line is the password; default: PGRAFTCTL_PASSWORD"},             \
        {.name = "cacert", .value = "FILE", .help = "authority that vouches for the nodes"}, \
        {.name = "cert", .value = "FILE", .help = "certificate to show to a node"},          \
    {                                                                                        \
        .name = "key", .value = "FILE", .help = "key of that certificate"                    \
    }

struct ctl {
    struct ask *ask;
    struct http_access access; /* as the ask has it */
    uint64_t timeout_ms;
    struct secret password;
    struct config config; /* of -c FILE; else empty */
};

/* What the environment says of the user's terminal and programs. */
struct ctl_surroundings {
    const char *editor; /* NULL: none is named */
    const char *temporary_dir;
    bool no_colour;
};
void ctl_surroundings(struct ctl_surroundings *ret_surroundings);

/* The program was called by its other name. */
bool ctl_is_patronictl(const struct cli_call *call);

/* Find out whom @call wants to ask. ERR_USAGE, ERR_INVALID: what it says can not be. */
int ctl_open(const struct cli_call *call, struct ctl *ret_ctl, struct err *err);
/* PATRONICTL_CONFIG_FILE, which means what -c does where there is none; NULL: it is not set. */
const char *ctl_patroni_file(void);
/* DCS_URL, where Patroni's program looks for its store; NULL: it is not set. */
const char *ctl_dcs_url(void);
/* The file that pgraftd reads when it is told nothing; NULL: nobody here may read it. */
const char *ctl_node_file(void);
/* For CLEANUP(). */
void ctl_close(struct ctl *ctl);

#endif /* CTL_CONFIG_H_ */
