/* daemon/options.c - a command line of pgraftd becomes a configuration. */
#include "daemon/options.h"

#include <unistd.h>

#include "base/must.h"
#include "config/settings.h"

static const struct cli_option own[OPTIONS_OWN] = {
    {.name = "voter", .help = "a host with a database: a vote and one supervised PostgreSQL"},
    {.name = "witness", .help = "a vote and a copy of the store, no PostgreSQL"},
    {.name = "adopt",
     .help = "take over the data directory that is there, and a PostgreSQL that runs on it; needed "
             "once"},
    {.name = "config",
     .letter = 'c',
     .value = "FILE",
     .help = "the configuration, or a directory of *.yml; default: " CONFIG_FILE_DEFAULT
             " if it is there"},
    {.name = "validate-config",
     .value = "FILE",
     .value_optional = true,
     .help = "check the configuration, here of FILE, and run nothing; status 1 and a line for each "
             "error and warning"},
    {.name = "check-start",
     .help = "say whether this program can run with these words and this configuration, and run "
             "nothing; an upgrade asks the new program so"},
};

void options_fill(struct cli_option out[OPTIONS_MAX])
{
    size_t count = 0;
    for (size_t i = 0; i < OPTIONS_OWN; i++) {
        out[count++] = own[i];
    }
    for (size_t i = 0; i < settings_count; i++) {
        if (settings[i].flag != NULL) {
            out[count++] = (struct cli_option){
                .name = settings[i].flag, .value = settings[i].word, .help = settings[i].help};
        }
    }
    MUST(count < OPTIONS_MAX);
    out[count] = (struct cli_option){.name = NULL};
}

/* The role may stay unknown where nothing is run. */
static int role_of(const struct cli_call *call, enum config_role *ret_role, struct err *err)
{
    bool voter = cli_given(call, "voter");
    bool witness = cli_given(call, "witness");
    if (voter && witness) {
        return cli_usage(call, err, "a node is either --voter or --witness");
    }
    if (!voter && !witness && !cli_given(call, "validate-config")) {
        return cli_usage(call, err,
                         "what is this node? --voter, with a PostgreSQL, or --witness, without");
    }
    *ret_role = voter ? CONFIG_VOTER : witness ? CONFIG_WITNESS : CONFIG_ROLE_UNKNOWN;
    return 0;
}

/* The file may be named by either option. */
static int path_of(const struct cli_call *call, const char **ret_path, struct err *err)
{
    const char *path = cli_value(call, "config");
    const char *checked = cli_value(call, "validate-config");
    bool named = checked != NULL && checked[0] != '\0';
    if (path != NULL && named) {
        return cli_usage(call, err, "--config and --validate-config both name a file");
    }
    *ret_path = named ? checked : path;
    return 0;
}

int options_load(const struct cli_call *call, struct config *out, struct problems *problems,
                 struct err *err)
{
    struct config_flag flags[CONFIG_ROWS_MAX];
    struct config_input input = {
        .environment = (const char *const *)environ, .flags = flags, .guess_role = true};
    int rc = role_of(call, &input.role, err);
    if (rc == 0) {
        rc = path_of(call, &input.path, err);
    }
    if (rc != 0) {
        return rc;
    }
    for (size_t i = 0; i < settings_count; i++) {
        const char *flag = settings[i].flag;
        const char *value = flag != NULL ? cli_value(call, flag) : NULL;
        if (value != NULL) {
            flags[input.flag_count++] = (struct config_flag){.name = flag, .value = value};
        }
    }
    if (config_load(&input, out, problems) == 0) {
        config_check_files(out, problems);
    }
    return 0;
}
