/* ctl/switch_answer.c - by Patroni's words, and by the status where somebody else has answered. */
#include "ctl/switch_answer.h"

#include <string.h>

#include "base/err.h"

static bool begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

static bool ends(const char *text, const char *with)
{
    size_t size = strlen(text);
    size_t tail = strlen(with);
    return size >= tail && strcmp(text + size - tail, with) == 0;
}

int switch_answer_code(int status, const char *text, bool had_quorum)
{
    if (status == 200 || status == 202) {
        return 0;
    }
    bool is_unwritten =
        begins(text, "failed to write") && strstr(text, "may still be applied") == NULL;
    if (is_unwritten && (!had_quorum || strstr(text, err_text(ERR_NO_QUORUM)) != NULL)) {
        return ERR_NO_QUORUM;
    }
    /* Who stands between a node and us knows nothing of it. */
    return status < 500 || is_unwritten || ends(text, " failed") ? ERR_REFUSED : ERR_TIMEOUT;
}
