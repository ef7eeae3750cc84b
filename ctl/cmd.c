/* ctl/cmd.c - options that are numbers. */
#include "ctl/cmd.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

int cmd_number(const struct cli_call *call, const char *option, uint64_t min, uint64_t max,
               uint64_t *ret_value, struct err *err)
{
    const char *text = cli_value(call, option);
    if (text == NULL) {
        return 0;
    }
    bool digits = text[0] != '\0' && text[strspn(text, "0123456789")] == '\0';
    errno = 0;
    unsigned long long value = digits ? strtoull(text, NULL, 10) : 0;
    if (!digits || errno != 0 || value < min || value > max) {
        return cli_usage(call, err,
                         "option \"--%s\" can not be %s: a number from %" PRIu64 " to %" PRIu64,
                         option, cli_quoted(text).text, min, max);
    }
    *ret_value = value;
    return 0;
}
