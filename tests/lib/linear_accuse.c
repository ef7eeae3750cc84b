/* tests/lib/linear_accuse.c - the worst verdict stands, with its own text. */
#include "tests/lib/linear_accuse.h"

#include <stdarg.h>
#include <stdio.h>

#include "tests/lib/history_text.h"

#define LINE_MAX_SIZE 512

bool linear_accuse(struct linear_report *report, enum linear_verdict verdict,
                   const struct history_op *a, const struct history_op *b, const char *fmt, ...)
{
    if (verdict <= report->verdict) {
        return false;
    }
    char line[LINE_MAX_SIZE];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(line, sizeof(line), fmt, args); /* cut, if somebody writes that much */
    va_end(args);
    report->verdict = verdict;
    buf_clear(&report->text);
    buf_printf(&report->text, "%s\n", line);
    if (a != NULL && b != NULL && b->invoked < a->invoked) {
        const struct history_op *later = a;
        a = b;
        b = later;
    }
    const struct history_op *ops[] = {a, b == a ? NULL : b};
    for (size_t i = 0; i < 2; i++) {
        if (ops[i] != NULL) {
            history_text_print(&report->text, ops[i]);
            buf_char(&report->text, '\n');
        }
    }
    return false;
}

bool linear_accuse_recorder(struct linear_report *report, const struct history *h)
{
    struct err err = {0};
    if (history_verify(h, &err) == 0) {
        return true;
    }
    return linear_accuse(report, LINEAR_MALFORMED, NULL, NULL, "%s", err.msg);
}

const char *linear_verdict_name(enum linear_verdict verdict)
{
    switch (verdict) {
        case LINEAR_LEGAL:
            return "legal";
        case LINEAR_UNKNOWN:
            return "unknown";
        case LINEAR_VIOLATION:
            return "violation";
        case LINEAR_MALFORMED:
            return "malformed";
    }
    return "?";
}

void linear_report_close(struct linear_report *report)
{
    buf_close(&report->text);
    *report = (struct linear_report){0};
}
