/* ctl/cmd_member.c - member add, remove, promote, demote, replace, transfer; raft form, raft
 * forget.
 */
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/cli.h"
#include "ctl/cluster_view.h"
#include "ctl/cmd.h"
#include "ctl/config.h"
#include "ctl/progress.h"

/* What may be repeated as it is. */
static int post_to(const struct cli_call *call, struct ask *ask, const char *path, json_t *body,
                   json_t **ret_answer, struct err *err)
{
    progress_begin(call->command->name,
                   "whether it was done is not known; to repeat it as it is does no harm");
    int rc = ask_post(ask, ASK_REPEAT, path, body, ret_answer, err);
    progress_end();
    return rc;
}

/* Ask the cluster that @call means for something that may be repeated as it is. */
static int post(const struct cli_call *call, const char *path, json_t *body, json_t **ret_answer,
                struct err *err)
{
    CLEANUP(ctl_close) struct ctl ctl = {0};
    int rc = ctl_open(call, &ctl, err);
    return rc < 0 ? rc : post_to(call, ctl.ask, path, body, ret_answer, err);
}

static int say_member(const struct cli_call *call, json_t *answer, struct err *err)
{
    json_t *member = json_object_get(answer, "member");
    return cmd_say(call, answer, err, "%s (%s) is a %s", view_text(member, "name"),
                   view_text(member, "id"), view_text(member, "role"));
}

int cmd_member_add(const struct cli_call *call, struct err *err)
{
    json_auto_t *answer = NULL;
    json_auto_t *body =
        json_pack("{s:s, s:s}", "name", cli_argument(call, 0), "address", cli_argument(call, 1));
    const char *role = cli_value(call, "role");
    if (body == NULL ||
        (role != NULL && json_object_set_new(body, "role", json_string(role)) != 0)) {
        return cli_usage(call, err, "a name, an address and a role are plain text");
    }
    int rc = post(call, "/pgraft/v1/members/add", body, &answer, err);
    return rc < 0 ? rc : say_member(call, answer, err);
}

/* "member demote" is /members/demote. */
int cmd_member_change(const struct cli_call *call, struct err *err)
{
    json_auto_t *answer = NULL;
    json_auto_t *body = json_pack("{s:s}", "member", cli_argument(call, 0));
    char path[64];
    if (body == NULL) {
        return cli_usage(call, err, "a member's name is plain text");
    }
    (void)snprintf(path, sizeof(path), "/pgraft/v1/members/%s",
                   strchr(call->command->name, ' ') + 1);
    int rc = post(call, path, body, &answer, err);
    return rc < 0 ? rc : say_member(call, answer, err);
}

/* The id of the member @name, or the word as it is: to be asked again it must not mean a newer node
 * of that name. */
static int id_of(struct ask *ask, const char *name, json_t **ret_id, struct err *err)
{
    json_auto_t *raft = NULL;
    int rc = view_get(ask, &raft, err);
    size_t at = 0;
    json_t *member = NULL;
    const char *id = name;
    json_array_foreach(json_object_get(raft, "members"), at, member)
    {
        id = strcmp(view_text(member, "name"), name) == 0 ? view_text(member, "id") : id;
    }
    *ret_id = json_string(id);
    return rc;
}

int cmd_member_remove(const struct cli_call *call, struct err *err)
{
    CLEANUP(ctl_close) struct ctl ctl = {0};
    json_auto_t *answer = NULL;
    json_auto_t *body = json_pack("{s:s}", "member", cli_argument(call, 0));
    json_t *id = NULL;
    if (body == NULL) {
        return cli_usage(call, err, "a member's name is plain text");
    }
    int rc = ctl_open(call, &ctl, err);
    rc = rc < 0 ? rc : id_of(ctl.ask, cli_argument(call, 0), &id, err);
    if (rc < 0) {
        return rc;
    }
    cmd_set(body, "member", id);
    rc = post_to(call, ctl.ask, "/pgraft/v1/members/remove", body, &answer, err);
    return rc < 0 ? rc
                  : cmd_say(call, answer, err, "%s (%s) is no member any more",
                            cli_argument(call, 0), view_text(answer, "removed"));
}

int cmd_member_transfer(const struct cli_call *call, struct err *err)
{
    json_auto_t *answer = NULL;
    json_auto_t *body = json_object();
    const char *member = cli_argument(call, 0);
    if (member != NULL && json_object_set_new(body, "member", json_string(member)) != 0) {
        return cli_usage(call, err, "a member's name is plain text");
    }
    int rc = post(call, "/pgraft/v1/transfer", body, &answer, err);
    return rc < 0 ? rc : cmd_say(call, answer, err, "%s leads", view_text(answer, "leader"));
}

int cmd_form(const struct cli_call *call, struct err *err)
{
    json_auto_t *answer = NULL;
    json_auto_t *body = json_object();
    json_t *names = json_array();
    const char *name = NULL;
    cmd_set(body, "without", names);
    for (size_t i = 0; (name = cli_value_at(call, "without", i)) != NULL; i++) {
        if (json_array_append_new(names, json_string(name)) != 0) {
            return cli_usage(call, err, "a node's name is plain text");
        }
    }
    if (json_array_size(names) == 0 && !cli_given(call, "with-all")) {
        return cli_usage(call, err,
                         "name who never comes with --without, or take it back with --with-all");
    }
    int rc = post(call, "/pgraft/v1/form", body, &answer, err);
    return rc < 0 ? rc : cmd_say(call, answer, err, "%s", view_text(answer, "note"));
}

int cmd_forget(const struct cli_call *call, struct err *err)
{
    json_auto_t *answer = NULL;
    json_auto_t *body = json_object();
    if (!cli_given(call, "proposer-is-destroyed")) {
        return cli_usage(
            call, err,
            "if the node that this one has promised itself to is not lost for good, there "
            "may be two clusters; say --proposer-is-destroyed if it is");
    }
    int rc = post(call, "/pgraft/v1/forget", body, &answer, err);
    return rc < 0 ? rc : cmd_say(call, answer, err, "%s", view_text(answer, "note"));
}
