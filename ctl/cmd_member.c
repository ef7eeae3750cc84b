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

/* Ask the cluster that @call means for something that may be repeated as it is. */
static int post(const struct cli_call *call, const char *path, json_t *body, json_t **ret_answer,
                struct err *err)
{
    CLEANUP(ctl_close) struct ctl ctl = {0};
    int rc = ctl_open(call, &ctl, err);
    return rc < 0 ? rc : ask_post(ctl.ask, ASK_REPEAT, path, body, ret_answer, err);
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
    json_auto_t *body = json_pack("{s:s}", "address", cli_argument(call, 0));
    const char *name = cli_value(call, "name");
    if (body == NULL ||
        (name != NULL && json_object_set_new(body, "name", json_string(name)) != 0)) {
        return cli_usage(call, err, "an address and a name are plain text");
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

int cmd_member_remove(const struct cli_call *call, struct err *err)
{
    json_auto_t *answer = NULL;
    json_auto_t *body = json_pack("{s:s}", "member", cli_argument(call, 0));
    if (body == NULL) {
        return cli_usage(call, err, "a member's name is plain text");
    }
    int rc = post(call, "/pgraft/v1/members/remove", body, &answer, err);
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
