/* tests/cluster/judge.c - reads a history from standard input and says whether it is linearizable.
 *
 * The lines are those of tests/lib/history_text.h. Exit status: 0 it is, 1 it is not or nobody can
 * tell, 2 it is no history. */
#include <stdio.h>

#include "base/cleanup.h"
#include "tests/lib/history_text.h"
#include "tests/lib/linear.h"

#define PIECE 65536

static void read_all(FILE *in, struct buf *out)
{
    static char piece[PIECE];
    for (size_t size; (size = fread(piece, 1, sizeof(piece), in)) > 0;) {
        buf_append(out, piece, size);
    }
}

int main(void)
{
    CLEANUP(buf_close) struct buf text = {0};
    CLEANUP(history_clear) struct history history = {0};
    CLEANUP(linear_report_close) struct linear_report report = {0};
    struct err err = {0};
    read_all(stdin, &text);
    if (history_text_parse(&history, buf_text(&text), &err) != 0 ||
        history_verify(&history, &err) != 0) {
        (void)fprintf(stderr, "judge: %s\n", err.msg);
        return 2;
    }
    bool legal = linear_check(&history, NULL, &report);
    (void)printf("%s: %zu operations on %zu keys, %llu steps\n",
                 linear_verdict_name(report.verdict), history.count, report.keys,
                 (unsigned long long)report.steps);
    if (!legal) {
        (void)printf("%s\n", buf_text(&report.text));
    }
    return legal ? 0 : 1;
}
