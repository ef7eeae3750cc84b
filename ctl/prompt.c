/* ctl/prompt.c - a line out, a line in. */
#include "ctl/prompt.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/cli.h"

#define ANSWER_SIZE 256

/* False: there is none. */
static bool read_line(char out[ANSWER_SIZE])
{
    if (fgets(out, ANSWER_SIZE, stdin) == NULL) {
        out[0] = '\0';
        return false;
    }
    out[strcspn(out, "\r\n")] = '\0';
    return true;
}

static int put(const char *question, const char *preset, struct err *err)
{
    CLEANUP(buf_close) struct buf out = {0};
    buf_printf(&out, "%s [%s]: ", question, preset);
    return cli_put(&out, err);
}

static void end_line(void)
{
    CLEANUP(buf_close) struct buf out = {0};
    buf_char(&out, '\n');
    (void)cli_put(&out, NULL);
}

int prompt_text(const char *question, const char *preset, struct buf *ret_answer, struct err *err)
{
    char answer[ANSWER_SIZE];
    int rc = put(question, preset, err);
    if (rc < 0) {
        return rc;
    }
    if (!read_line(answer)) {
        end_line();
        return err_set(err, ERR_REFUSED, "Aborted: nothing was answered");
    }
    buf_str(ret_answer, answer[0] != '\0' ? answer : preset);
    return 0;
}

int prompt_confirm(const char *question, bool *ret_yes, struct err *err)
{
    char answer[ANSWER_SIZE];
    int rc = put(question, "y/N", err);
    if (rc == 0 && !read_line(answer)) {
        end_line();
    }
    *ret_yes = rc == 0 && (strcasecmp(answer, "y") == 0 || strcasecmp(answer, "yes") == 0);
    return rc;
}
