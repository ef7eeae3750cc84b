/* ctl/cluster_view.c - the few words that an operator looks for first. */
#include "ctl/cluster_view.h"

#include <inttypes.h>
#include <string.h>

#include "base/cleanup.h"
#include "ctl/output_text.h"

const char *view_text(json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL ? text : "";
}

json_int_t view_number(json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

bool view_is_out(json_t *raft)
{
    const char *state = view_text(raft, "state");
    return strcmp(state, "removed") == 0 || strcmp(state, "refused") == 0;
}

static bool is_of_cluster(json_t *raft)
{
    return !view_is_out(raft);
}

int view_get(struct ask *ask, json_t **ret_raft, struct err *err)
{
    json_auto_t *raft = NULL;
    int rc = ask_get_best(ask, "/raft", is_of_cluster, &raft, err);
    if (rc < 0) {
        return rc;
    }
    json_t *members = json_object_get(raft, "members");
    bool good = json_is_array(members);
    for (size_t i = 0; good && i < json_array_size(members); i++) {
        good = json_is_object(json_array_get(members, i));
    }
    if (!good) {
        return err_set(err, ERR_PROTOCOL, "%s: its answer has no members", ask_node(ask));
    }
    *ret_raft = json_incref(raft);
    return 0;
}

static void put_names(json_t *list, struct buf *out)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *name = json_string_value(json_array_get(list, i));
        buf_printf(out, "%s%s", i > 0 ? ", " : "", name != NULL ? name : "?");
    }
}

void view_level(json_t *raft, json_t *levels, struct buf *out)
{
    json_int_t level = view_number(raft, "feature_level");
    json_int_t known = view_number(raft, "feature_level_known");
    json_t *members = json_object_get(raft, "members");
    if (level == 0) {
        return;
    }
    buf_printf(out, "%" JSON_INTEGER_FORMAT, level);
    const char *lead = " until it is known by ";
    for (size_t i = 0; level < known && levels != NULL && i < json_array_size(members); i++) {
        const char *name = view_text(json_array_get(members, i), "name");
        if (view_number(levels, name) < known) {
            buf_str(out, lead);
            output_text(out, name);
            lead = ", ";
        }
    }
}

void view_member(json_t *member, struct buf *out)
{
    put_names(json_object_get(member, "errors"), out);
    if (json_is_false(json_object_get(member, "reachable"))) {
        buf_str(out, out->size > 0 ? ", " : "");
        json_t *contact = json_object_get(member, "last_contact_ms");
        if (json_is_number(contact)) {
            buf_str(out, "last contact ");
            output_cell(out, contact, OUTPUT_MS);
            buf_str(out, " ago");
        } else {
            buf_str(out, "never heard");
        }
    }
}

static bool is_cluster(json_t *raft)
{
    return json_is_string(json_object_get(raft, "cluster_id"));
}

static size_t members_with_errors(json_t *raft, struct buf *out)
{
    json_t *members = json_object_get(raft, "members");
    size_t count = 0;
    for (size_t i = 0; i < json_array_size(members); i++) {
        json_t *member = json_array_get(members, i);
        json_t *errors = json_object_get(member, "errors");
        if (json_array_size(errors) > 0 && out != NULL) {
            buf_printf(out, "%s%s: ", count > 0 ? "; " : "", view_text(member, "name"));
            put_names(errors, out);
        }
        count += json_array_size(errors) > 0 ? 1 : 0;
    }
    return count;
}

bool view_is_healthy(json_t *raft)
{
    return is_cluster(raft) && strcmp(view_text(raft, "state"), "member") == 0 &&
           json_is_true(json_object_get(raft, "quorum")) &&
           json_array_size(json_object_get(raft, "missing")) == 0 &&
           members_with_errors(raft, NULL) == 0;
}

void view_state(json_t *raft, struct buf *out)
{
    const char *state = view_text(raft, "state");
    const char *note = view_text(raft, "note");
    json_t *missing = json_object_get(raft, "missing");
    if (!is_cluster(raft) || strcmp(state, "member") != 0) {
        buf_printf(out, "%s%s%s", state, note[0] != '\0' ? ": " : "", note);
        return;
    }
    if (!json_is_true(json_object_get(raft, "quorum"))) {
        buf_printf(
            out, "no quorum: %" JSON_INTEGER_FORMAT " of %" JSON_INTEGER_FORMAT " votes are needed",
            view_number(raft, "majority"), view_number(raft, "voters"));
        if (json_array_size(missing) > 0) {
            buf_str(out, "; missing: ");
            put_names(missing, out);
        }
        buf_str(out, "; what is shown may be old");
        return;
    }
    if (view_is_healthy(raft)) {
        buf_str(out, "healthy");
        return;
    }
    buf_str(out, "degraded: ");
    if (json_array_size(missing) > 0) {
        put_names(missing, out);
        buf_str(out, json_array_size(missing) == 1 ? " is missing" : " are missing");
    }
    CLEANUP(buf_close) struct buf errors = {0};
    if (members_with_errors(raft, &errors) > 0) {
        buf_printf(out, "%s%s", json_array_size(missing) > 0 ? "; " : "", buf_text(&errors));
    }
}
