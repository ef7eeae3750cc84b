/* ctl/cmd.c - numbers, durations and ids off the command line; what is said at the end. */
#include "ctl/cmd.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/must.h"

int cmd_count(const char *text, uint64_t min, uint64_t max, uint64_t *ret_value, struct err *err)
{
    bool digits = text[0] != '\0' && text[strspn(text, "0123456789")] == '\0';
    errno = 0;
    unsigned long long value = digits ? strtoull(text, NULL, 10) : 0;
    if (!digits || errno != 0 || value < min || value > max) {
        return err_set(err, ERR_INVALID, "can not be %s: a number from %" PRIu64 " to %" PRIu64,
                       cli_quoted(text).text, min, max);
    }
    *ret_value = value;
    return 0;
}

int cmd_number(const struct cli_call *call, const char *option, uint64_t min, uint64_t max,
               uint64_t *ret_value, struct err *err)
{
    const char *text = cli_value(call, option);
    struct err why = {0};
    if (text != NULL && cmd_count(text, min, max, ret_value, &why) < 0) {
        return cli_usage(call, err, "option \"--%s\" %s", option, why.msg);
    }
    return 0;
}

/* "366 d", "100 ms": in the largest unit in which it is whole. */
static void put_duration(struct buf *out, uint64_t ms)
{
    static const struct {
        const char *unit;
        uint64_t ms;
    } units[] = {{"d", 86400000}, {"h", 3600000}, {"min", 60000}, {"s", 1000}, {"ms", 1}};
    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        if (ms % units[i].ms == 0) {
            buf_printf(out, "%" PRIu64 " %s", ms / units[i].ms, units[i].unit);
            return;
        }
    }
}

int cmd_duration(const char *text, uint64_t min, uint64_t max, uint64_t *ret_ms, struct err *err)
{
    static const struct {
        const char *unit;
        double ms;
    } units[] = {{"", 1e3}, {"ms", 1}, {"s", 1e3}, {"min", 6e4}, {"h", 3.6e6}, {"d", 8.64e7}};
    size_t length = strspn(text, "0123456789.");
    char *end = NULL;
    double number = length > 0 ? strtod(text, &end) : 0;
    for (size_t i = 0; length > 0 && i < ARRAY_LEN(units); i++) {
        if (end == text + length && strcmp(end, units[i].unit) == 0) {
            double ms = round(number * units[i].ms);
            if (ms >= (double)min && ms <= (double)max) {
                *ret_ms = (uint64_t)ms;
                return 0;
            }
        }
    }
    CLEANUP(buf_close) struct buf range = {0};
    buf_str(&range, "from ");
    put_duration(&range, min);
    buf_str(&range, " to ");
    put_duration(&range, max);
    return err_set(err, ERR_INVALID, "%s: seconds, or a number with ms, s, min, h or d; %s",
                   cli_quoted(text).text, buf_text(&range));
}

int cmd_id(const struct cli_call *call, const char *text, char ret_id[CMD_ID_SIZE], struct err *err)
{
    size_t length = strlen(text);
    bool digits = strspn(text, "0123456789abcdefABCDEF") == length;
    if (!digits || length == 0 || length >= CMD_ID_SIZE) {
        return cli_usage(call, err, "%s is no lease: up to 16 hexadecimal digits",
                         cli_quoted(text).text);
    }
    uint64_t id = strtoull(text, NULL, 16);
    if (id == 0) {
        return cli_usage(call, err, "a lease of zeros is none");
    }
    (void)snprintf(ret_id, CMD_ID_SIZE, "%016" PRIx64, id);
    return 0;
}

int cmd_uses_only(const struct cli_call *call, const char *const *used, struct err *err)
{
    for (const struct cli_option *o = call->program->options; o->name != NULL; o++) {
        size_t i = 0;
        while (used[i] != NULL && strcmp(used[i], o->name) != 0) {
            i++;
        }
        if (used[i] == NULL && cli_given(call, o->name)) {
            return cli_usage(call, err, "\"%s\" has no use for option \"--%s\"",
                             call->command->name, o->name);
        }
    }
    return 0;
}

void cmd_set(json_t *object, const char *key, json_t *value)
{
    int rc = json_object_set_new(object, key, value);
    MUST(rc == 0);
}

int cmd_print(const struct cli_call *call, const char *title, const struct output_column *columns,
              json_t *value, struct err *err)
{
    CLEANUP(buf_close) struct buf out = {0};
    if (json_is_array(value)) {
        output_list(&out, output_format(call), title, columns, value);
    } else {
        output_record(&out, output_format(call), title, columns, value);
    }
    return cli_put(&out, err);
}

int cmd_say(const struct cli_call *call, json_t *document, struct err *err, const char *fmt, ...)
{
    enum output_format format = output_format(call);
    CLEANUP(buf_close) struct buf out = {0};
    if (format == OUTPUT_PRETTY || format == OUTPUT_TSV) {
        char line[1024];
        va_list args;
        va_start(args, fmt);
        (void)vsnprintf(line, sizeof(line), fmt, args);
        va_end(args);
        output_text(&out, line);
        buf_char(&out, '\n');
    } else {
        output_document(&out, format, document);
    }
    return cli_put(&out, err);
}

int cmd_line(const char *line, struct err *err)
{
    CLEANUP(buf_close) struct buf out = {0};
    buf_printf(&out, "%s\n", line);
    return cli_put(&out, err);
}

void cmd_warn(const struct cli_call *call, const char *fmt, ...)
{
    char line[1024];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(line, sizeof(line), fmt, args);
    va_end(args);
    CLEANUP(buf_close) struct buf out = {0};
    output_text(&out, line);
    (void)fprintf(stderr, "%s: %s\n", call->program->name, buf_text(&out));
}
