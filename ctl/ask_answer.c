/* ctl/ask_answer.c - what a node has answered: an object, an error of ours, or nothing of a node.
 */
#include <string.h>

#include "base/cleanup.h"
#include "base/must.h"
#include "ctl/ask.h"
#include "ctl/output.h"

#define CODES_MAX 64

/* The code of that name; of one that a newer node has, one with the same consequences. */
static int code_of(json_t *error)
{
    const char *name = json_string_value(json_object_get(error, "code"));
    for (int code = -1; name != NULL && code > -CODES_MAX; code--) {
        if (strcmp(err_name(code), name) == 0) {
            return code;
        }
    }
    return json_is_true(json_object_get(error, "may_have_applied")) ? ERR_EXPIRED : ERR_REFUSED;
}

static int not_a_node(const struct http_answer *answer, const char *node, struct err *err)
{
    if (answer->status == 401 || answer->status == 403) {
        return err_set(err, ERR_DENIED, "%s answers %d: user or password are wrong or missing",
                       node, answer->status);
    }
    return err_set(err, ERR_PROTOCOL, "%s answers %d, and not as a node of pgraft does", node,
                   answer->status);
}

int ask_read_answer(const struct http_answer *answer, const char *node, json_t **ret_answer,
                    json_t **ret_error, struct err *err)
{
    json_auto_t *value =
        json_loadb(buf_text(&answer->body), answer->body.size, JSON_REJECT_DUPLICATES, NULL);
    if (answer->status == 200 && json_is_object(value)) {
        *ret_answer = json_incref(value);
        return 0;
    }
    json_t *error = json_object_get(value, "error");
    if (answer->status == 200 || !json_is_object(error)) {
        return not_a_node(answer, node, err);
    }
    const char *message = json_string_value(json_object_get(error, "message"));
    CLEANUP(buf_close) struct buf shown = {0};
    output_text(&shown, message != NULL ? message : err_text(code_of(error)));
    *ret_error = json_incref(error);
    return err_set(err, code_of(error), "%s", buf_text(&shown));
}
