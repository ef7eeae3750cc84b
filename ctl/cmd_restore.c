/* ctl/cmd_restore.c - snapshot restore: from a saved file to a node that is a cluster of its own,
 * which others join (docs/recovery.md). */
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/cli.h"
#include "base/mem.h"
#include "config/config.h"
#include "consensus/survivor.h"
#include "ctl/cmd.h"
#include "ctl/data_dir.h"
#include "ctl/founded.h"
#include "ctl/random_text.h"
#include "ctl/snapshot_file.h"

/* Far from where counting on would come round. */
#define NUMBER_MAX ((uint64_t)INT64_MAX / 2)

static const struct output_column columns[] = OUTPUT_COLUMNS(
    {"directory", "Directory", OUTPUT_TEXT}, {"node", "Node", OUTPUT_TEXT},
    {"address", "Address", OUTPUT_TEXT}, {"kind", "Kind", OUTPUT_TEXT},
    {"cluster_id", "New cluster id", OUTPUT_TEXT},
    {"old_cluster_id", "Old cluster id", OUTPUT_TEXT}, {"created", "Taken at", OUTPUT_TEXT},
    {"revision", "Revision", OUTPUT_NUMBER}, {"old_revision", "... in the file", OUTPUT_NUMBER},
    {"keys", "Keys", OUTPUT_NUMBER}, {"leases", "Leases", OUTPUT_NUMBER});

/* --- whose it becomes --- */

static int copy_text(const struct cli_call *call, char *out, size_t size, const char *text,
                     const char *option, struct err *err)
{
    if (text == NULL || text[0] == '\0') {
        return cli_usage(call, err, "say %s, or name the node's configuration with --config",
                         option);
    }
    if (strlen(text) >= size) {
        return cli_usage(call, err, "%s: too long", option);
    }
    memcpy(out, text, strlen(text) + 1);
    return 0;
}

/* What pgraftd makes of the same file, with these options in place of its own. */
static int load_config(const struct cli_call *call, enum config_role role, struct config *config,
                       struct err *err)
{
    static const char *const names[][2] = {
        {"data-dir", "data-dir"}, {"name", "name"}, {"address", "advertise"}, {"site", "site"}};
    struct config_flag flags[ARRAY_LEN(names)];
    struct config_input input = {.role = role,
                                 .guess_role = true,
                                 .path = cli_value(call, "config"),
                                 .environment = (const char *const *)environ,
                                 .flags = flags};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        const char *value = cli_value(call, names[i][0]);
        if (value != NULL) {
            flags[input.flag_count++] = (struct config_flag){.name = names[i][1], .value = value};
        }
    }
    CLEANUP(problems_close) struct problems problems = {0};
    if (config_load(&input, config, &problems) == 0) {
        return 0;
    }
    CLEANUP(buf_close) struct buf wrong = {0};
    problems_print(&problems, &wrong);
    return err_set(err, ERR_INVALID, "%.*s", (int)strcspn(buf_text(&wrong), "\n"),
                   buf_text(&wrong));
}

static int find_role(const struct cli_call *call, enum config_role *ret_role, struct err *err)
{
    bool voter = cli_given(call, "voter");
    bool witness = cli_given(call, "witness");
    if (voter && witness) {
        return cli_usage(call, err, "a node is either --voter or --witness");
    }
    if (!voter && !witness && !cli_given(call, "config")) {
        return cli_usage(
            call, err, "what will this node be? --voter, with a PostgreSQL, or --witness, without");
    }
    *ret_role = voter ? CONFIG_VOTER : witness ? CONFIG_WITNESS : CONFIG_ROLE_UNKNOWN;
    return 0;
}

static int find_node(const struct cli_call *call, char **ret_dir, struct member_info *me,
                     struct err *err)
{
    CLEANUP(config_close) struct config config = {0};
    enum config_role role = CONFIG_ROLE_UNKNOWN;
    int code = find_role(call, &role, err);
    if (code == 0 && cli_given(call, "config")) {
        code = load_config(call, role, &config, err);
        role = config.role;
    }
    if (code != 0) {
        return code;
    }
    bool has_file = cli_given(call, "config");
    const char *dir = has_file ? config.raft.data_dir : cli_value(call, "data-dir");
    const char *name = has_file ? config.name : cli_value(call, "name");
    const char *address = has_file ? config.raft.advertise : cli_value(call, "address");
    const char *site = has_file ? config.raft.site : cli_value(call, "site");
    if (dir == NULL || dir[0] == '\0') {
        return cli_usage(call, err,
                         "say --data-dir, or name the node's configuration with --config");
    }
    *me = (struct member_info){.kind = role == CONFIG_WITNESS ? MEMBER_WITNESS : MEMBER_DATABASE};
    code = copy_text(call, me->name, sizeof(me->name), name, "--name", err);
    if (code == 0) {
        code = copy_text(call, me->address, sizeof(me->address), address, "--address", err);
    }
    if (code == 0 && site != NULL) {
        code = copy_text(call, me->site, sizeof(me->site), site, "--site", err);
    }
    if (code == 0) {
        code = random_fill(&me->id, sizeof(me->id), err);
        me->id |= 1; /* 0 is nobody */
    }
    if (code == 0) {
        code = member_info_check(me, err);
    }
    if (code == 0) {
        *ret_dir = mem_strdup(dir);
    }
    return code;
}

/* --- the file --- */

static uint64_t number_of(const json_t *facts, const char *key)
{
    json_int_t number = json_integer_value(json_object_get(facts, key));
    return number > 0 ? (uint64_t)number : 0;
}

/* The hash of the rows, as the row says that speaks for all of them; "" when there is none. */
static void hash_of(const struct store_image *image, char out[HASH128_TEXT_SIZE])
{
    struct store_row row;
    struct machine_facts facts;
    size_t at = 0;
    out[0] = '\0';
    while (store_batch_next_row(image->content, &at, &row)) {
        if (machine_facts_of_row(&row, &facts)) {
            struct hash128 hash = {.low = facts.hash_low, .high = facts.hash_high};
            (void)hash128_text(&hash, out);
        }
    }
}

/* What is written down in the head has to fit what the rows come to. */
static int check_head(const char *path, const json_t *facts, const struct store_image *image,
                      const struct machine *machine, struct err *err)
{
    char hash[HASH128_TEXT_SIZE];
    struct machine_status status;
    const char *told = json_string_value(json_object_get(facts, "state_hash"));
    machine_status(machine, &status);
    hash_of(image, hash);
    bool fits = number_of(facts, "revision") == status.revision &&
                number_of(facts, "epoch") == status.epoch &&
                strcmp(told != NULL ? told : "", hash) == 0;
    bool can_be = number_of(facts, "index") >= status.index;
    static const char *const numbers[] = {"index", "term", "revision", "epoch"};
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        can_be = can_be && number_of(facts, numbers[i]) <= NUMBER_MAX;
    }
    return fits && can_be ? 0
                          : err_set(err, ERR_CORRUPT,
                                    "%s: its head and its rows are of different states", path);
}

static int read_file(const char *path, struct store_image *image, struct machine **ret,
                     json_t **ret_facts, struct err *err)
{
    image->content = store_batch_create(0);
    int code = snapshot_file_read(path, image->content, ret_facts, err);
    if (code == 0) {
        code = survivor_machine(image, ret, err);
        if (code != 0) {
            err_wrap(err, "%s", path);
        }
    }
    return code == 0 ? check_head(path, *ret_facts, image, *ret, err) : code;
}

/* --- the command --- */

static json_t *report(const char *dir, const struct founding *f, const json_t *facts,
                      const struct machine_status *state)
{
    char id[FOUNDED_ID_SIZE];
    json_t *row = json_object();
    cmd_set(row, "directory", json_string(dir));
    cmd_set(row, "node", json_string(f->me.name));
    cmd_set(row, "address", json_string(f->me.address));
    cmd_set(row, "kind", json_string(member_kind_name(f->me.kind)));
    cmd_set(row, "cluster_id", json_string(founded_id(f->cluster_id, id)));
    cmd_set(row, "old_cluster_id", json_incref(json_object_get(facts, "cluster_id")));
    cmd_set(row, "created", json_incref(json_object_get(facts, "created")));
    uint64_t revision = state->revision + FOUNDING_LEAP;
    cmd_set(row, "revision", json_integer((json_int_t)revision));
    cmd_set(row, "old_revision", json_integer((json_int_t)state->revision));
    cmd_set(row, "keys", json_integer((json_int_t)state->key_count));
    cmd_set(row, "leases", json_integer((json_int_t)state->lease_count));
    return row;
}

static int check_place(const char *dir, struct err *err)
{
    int code = data_dir_check_owner(dir, err);
    return code == 0 ? data_dir_check_empty(dir, err) : code;
}

int cmd_snapshot_restore(const struct cli_call *call, struct err *err)
{
    CLEANUP(mem_freep) char *dir = NULL;
    CLEANUP(store_image_close) struct store_image image = {0};
    CLEANUP(founded_machinep) struct machine *machine = NULL;
    json_auto_t *facts = NULL;
    struct founding f = {.term = 0};
    int code = find_node(call, &dir, &f.me, err);
    if (code == 0) {
        code = check_place(dir, err);
    }
    if (code == 0) {
        code = read_file(cli_argument(call, 0), &image, &machine, &facts, err);
    }
    if (code == 0) {
        code = founded_draw(f.cluster_id, err);
    }
    if (code != 0) {
        return code;
    }
    struct machine_status state;
    machine_status(machine, &state);
    f.term = number_of(facts, "term");
    f.index = number_of(facts, "index");
    const struct founding_state whole = {.image = &image, .machine = machine};
    code = data_dir_found(dir, &f, &whole, NULL, NULL, err);
    if (code != 0) {
        return code;
    }
    json_auto_t *row = report(dir, &f, facts, &state);
    return cmd_print(call, NULL, columns, row, err);
}
