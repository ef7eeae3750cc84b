/* ctl/prompt.c - a line out, a line in. */
#include "ctl/prompt.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/cli.h"

#define ANSWER_SIZE 256
#define BLANKS " \t"

/* False: there is none. */
static bool read_line(char out[ANSWER_SIZE])
{
    if (fgets(out, ANSWER_SIZE, stdin) == NULL) {
        out[0] = '\0';
        return false;
    }
    bool is_whole = strchr(out, '\n') != NULL;
    while (!is_whole) { /* the rest is no answer to the next question */
        int c = getc(stdin);
        is_whole = c == '\n' || c == EOF;
    }
    out[strcspn(out, "\r\n")] = '\0';
    return true;
}

static bool is_yes(const char *answer)
{
    const char *word = answer + strspn(answer, BLANKS);
    size_t size = strcspn(word, BLANKS);
    bool is_alone = word[size + strspn(word + size, BLANKS)] == '\0';
    return is_alone && ((size == 1 && strncasecmp(word, "y", size) == 0) ||
                        (size == 3 && strncasecmp(word, "yes", size) == 0));
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
    *ret_yes = rc == 0 && is_yes(answer);
    return rc;
}
