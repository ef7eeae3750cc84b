/* consensus/survivor.c - the state at the end of a log, and who it belonged to. */
#include "consensus/survivor.h"

#include <inttypes.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "consensus/core_row.h"

/* --- the state --- */

static int load_rows(const struct store_image *image, struct machine *machine, struct err *err)
{
    struct store_row row;
    size_t at = 0;
    int code = 0;
    while (code == 0 && image->content != NULL && store_batch_next_row(image->content, &at, &row)) {
        if (machine_owns_row(row.key, row.key_size)) {
            code = machine_load_row(machine, &row, err);
        }
    }
    return code == 0 ? machine_load_done(machine, err) : code;
}

static int apply_rest(const struct store_image *image, struct machine *machine, struct err *err)
{
    struct store_entry entry;
    size_t at = 0;
    int code = 0;
    while (code == 0 && image->content != NULL &&
           store_batch_next_entry(image->content, &at, &entry)) {
        const struct kv_result *result = NULL;
        if (entry.index > image->applied_index && entry.type == ENTRY_COMMAND) {
            code = machine_apply(machine, entry.index, entry.data, entry.size, &result, err);
            machine_forget_result(machine);
        }
    }
    return code;
}

int survivor_machine(const struct store_image *image, struct machine **ret, struct err *err)
{
    const struct machine_options options = {.hub = NULL};
    struct machine *machine = machine_create(&options);
    int code = load_rows(image, machine, err);
    if (code == 0) {
        code = apply_rest(image, machine, err);
    }
    if (code != 0) {
        machine_destroy(machine);
        return code;
    }
    *ret = machine;
    return 0;
}

/* --- whose it is --- */

/* What was known when the table was written; the log may know better. */
static struct core_row row_of_core(const struct store_image *image)
{
    struct core_row found = {.conf = image->snapshot.conf.bytes,
                             .conf_size = image->snapshot.conf.size,
                             .conf_index = image->snapshot.conf_index};
    struct store_row row;
    struct core_row ours;
    size_t at = 0;
    while (image->content != NULL && store_batch_next_row(image->content, &at, &row)) {
        if (core_row_read(&row, &ours) && ours.conf_index >= found.conf_index) {
            found = ours;
        }
    }
    return found;
}

static void find_end(const struct store_image *image, struct core_row *newest, struct survivor *out)
{
    struct store_entry entry;
    size_t at = 0;
    out->last_term = image->snapshot.term;
    out->last_index = image->snapshot.index;
    if (image->applied_index == image->log_last && newest->term > out->last_term) {
        out->last_term = newest->term; /* the log was cut behind it */
    }
    out->last_index = image->log_last > out->last_index ? image->log_last : out->last_index;
    while (image->content != NULL && store_batch_next_entry(image->content, &at, &entry)) {
        out->last_term = entry.term;
        out->last_index = entry.index;
        if (entry.type == ENTRY_CHANGE && entry.index >= newest->conf_index) {
            newest->conf = entry.data;
            newest->conf_size = entry.size;
            newest->conf_index = entry.index;
        }
    }
}

static int find_members(const struct store_image *image, const struct core_row *newest,
                        struct survivor *out, struct err *err)
{
    struct members members;
    CLEANUP(buf_close) struct buf keep = {0};
    bool found = false;
    int code = members_decode(newest->conf, newest->conf_size, &members, &keep, err);
    for (size_t i = 0; code == 0 && i < members.count; i++) {
        bool is_me = members.at[i].id == image->identity.node_id;
        struct member_info *info = is_me ? &out->me : &out->others[out->other_count];
        code = member_info_decode(members.at[i].info, info, err);
        out->other_count += is_me ? 0 : 1;
        found = found || is_me;
    }
    if (code == 0 && !found) {
        return err_set(err, ERR_REFUSED,
                       "this node is no member of the cluster that its own disk knows: it was "
                       "removed, or had no place yet");
    }
    return code;
}

static bool has_cluster(const struct store_image *image)
{
    static const uint8_t none[CLUSTER_ID_SIZE];
    return memcmp(image->identity.cluster_id, none, sizeof(none)) != 0;
}

static const char *doubt_of(const struct store_image *image)
{
    static const char refused[] = "\0refused"; /* core_start.c */
    struct store_row row;
    size_t at = 0;
    while (image->content != NULL && store_batch_next_row(image->content, &at, &row)) {
        if (row.key_size == sizeof(refused) - 1 && memcmp(row.key, refused, row.key_size) == 0) {
            return "its members refused it as an old copy";
        }
    }
    return image->moved ? "a copy, or moved or restored" : NULL;
}

int survivor_read(const struct store_image *image, struct survivor *out, struct err *err)
{
    struct survivor s = {.hard_term = image->hard.term, .applied_index = image->applied_index};
    if (!has_cluster(image)) {
        return err_set(err, ERR_NOT_FOUND, "this node belongs to no cluster: nothing to recover");
    }
    struct core_row newest = row_of_core(image);
    find_end(image, &newest, &s);
    int code = find_members(image, &newest, &s, err);
    if (code == 0) {
        code = survivor_machine(image, &s.machine, err);
    }
    if (code != 0) {
        return code;
    }
    memcpy(s.cluster_id, image->identity.cluster_id, sizeof(s.cluster_id));
    s.doubt = doubt_of(image);
    machine_status(s.machine, &s.state);
    *out = s;
    return 0;
}

void survivor_close(struct survivor *s)
{
    machine_destroy(s->machine);
    *s = (struct survivor){.machine = NULL};
}

int survivor_compare(const struct survivor *a, const struct survivor *b)
{
    if (a->last_term != b->last_term) {
        return a->last_term > b->last_term ? 1 : -1;
    }
    return a->last_index == b->last_index ? 0 : a->last_index > b->last_index ? 1 : -1;
}
