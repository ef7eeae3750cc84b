/* ctl/chosen.c - members by name and role; then a question. */
#include "ctl/chosen.h"

#include <string.h>

#include "base/cleanup.h"
#include "ctl/cluster_view.h"
#include "ctl/cmd.h"
#include "ctl/patroni_rows.h"
#include "ctl/prompt.h"
#include "ctl/told.h"

bool chosen_has_role(json_t *member, const char *role)
{
    bool leads = patroni_is_leader(member);
    bool is_standby_leader = strcmp(view_text(member, "role"), "standby_leader") == 0;
    if (strcmp(role, "leader") == 0) {
        return leads;
    }
    if (strcmp(role, "primary") == 0) {
        return leads && !is_standby_leader;
    }
    if (strcmp(role, "standby-leader") == 0) {
        return is_standby_leader;
    }
    return strcmp(role, "any") == 0 || !leads;
}

static bool is_named(json_t *member, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(view_text(member, "name"), names[i]) == 0) {
            return true;
        }
    }
    return count == 0;
}

static int check_names(const struct choice *c, const char *const *names, size_t count,
                       struct err *err)
{
    for (size_t i = 0; i < count; i++) {
        if (told_member(c->view, names[i]) == NULL) {
            return err_set(err, ERR_REFUSED, "%s is not a member of cluster",
                           cli_quoted(names[i]).text);
        }
    }
    return 0;
}

/* Standbys first: the primary's restart is what clients see, and may not be needed any more. */
static json_t *members_by(const struct choice *c, const char *const *names, size_t count,
                          const char *role)
{
    json_t *members = told_members(c->view);
    json_t *found = json_array();
    for (int leads = 0; leads < 2; leads++) {
        for (size_t i = 0; i < json_array_size(members); i++) {
            json_t *member = json_array_get(members, i);
            if (!patroni_is_witness(member) && patroni_is_leader(member) == (leads == 1) &&
                is_named(member, names, count) && chosen_has_role(member, role)) {
                json_array_append(found, member);
            }
        }
    }
    return found;
}

static void put_names(struct buf *out, json_t *members)
{
    for (size_t i = 0; i < json_array_size(members); i++) {
        json_t *member = json_array_get(members, i);
        buf_str(out, i > 0 ? ", " : "");
        output_text(out, view_text(member, "name"));
    }
}

static int show(const struct choice *c, struct err *err)
{
    CLEANUP(buf_close) struct buf out = {0};
    const struct patroni_list list = {.view = c->view, .format = OUTPUT_PRETTY};
    patroni_list_put(&out, &list);
    return cli_put(&out, err);
}

static int ask_which(const struct choice *c, struct buf *ret_name, struct err *err)
{
    CLEANUP(buf_close) struct buf question = {0};
    json_auto_t *all = members_by(c, NULL, 0, "any");
    buf_printf(&question, "Which member do you want to %s [", c->action);
    put_names(&question, all);
    buf_str(&question, "]?");
    return prompt_text(buf_text(&question), "", ret_name, err);
}

int chosen_confirm(const struct choice *c, json_t *members, const char *at, struct err *err)
{
    CLEANUP(buf_close) struct buf question = {0};
    bool yes = false;
    if (!c->asks) {
        return 0;
    }
    bool is_later = at[0] != '\0';
    buf_printf(&question, "Are you sure you want to %s%s%s members ", is_later ? "schedule " : "",
               c->action, is_later ? " of" : "");
    put_names(&question, members);
    buf_printf(&question, "%s%s?", is_later ? " at " : "", at);
    int rc = prompt_confirm(buf_text(&question), &yes, err);
    return rc < 0 || yes ? rc : err_set(err, ERR_REFUSED, "Aborted %s", c->action);
}

int chosen_members(const struct choice *c, json_t **ret_members, struct err *err)
{
    CLEANUP(buf_close) struct buf answer = {0};
    const char *role = c->role != NULL ? c->role : "any";
    const char *const *names = c->call->arguments;
    size_t count = c->argument_count;
    bool is_cluster = count > 0 && strcmp(names[0], view_text(c->view, "scope")) == 0;
    if (count > 0 && !is_cluster && told_member(c->view, names[0]) == NULL) {
        return err_set(err, ERR_NOT_FOUND,
                       "the node that was asked is one of cluster %s, and it has no member %s",
                       cli_quoted(view_text(c->view, "scope")).text, cli_quoted(names[0]).text);
    }
    names += is_cluster ? 1 : 0;
    count -= is_cluster ? 1 : 0;
    int rc = c->asks ? show(c, err) : 0;
    if (rc == 0 && count == 0 && c->names_needed) {
        rc = c->asks ? ask_which(c, &answer, err)
                     : err_set(err, ERR_REFUSED, "name the members to %s", c->action);
    }
    const char *one[] = {buf_text(&answer)};
    if (rc == 0 && c->names_needed && count == 0) {
        names = one;
        count = 1;
        rc = answer.size > 0 ? 0 : err_set(err, ERR_REFUSED, "Aborted %s", c->action);
    }
    rc = rc < 0 ? rc : check_names(c, names, count, err);
    if (rc < 0) {
        return rc;
    }
    json_auto_t *members = members_by(c, names, count, role);
    if (json_array_size(members) == 0) {
        return err_set(err, ERR_REFUSED, "No %s among provided members", role);
    }
    *ret_members = json_incref(members);
    return 0;
}
