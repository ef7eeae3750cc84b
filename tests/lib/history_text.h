/* tests/lib/history_text.h - a history as text, one operation a line, to read and to write by hand.
 *
 *     CLIENT INVOKED..RETURNED KIND kKEY [ARGUMENTS] STATUS [=FOUND] [mREVISION] [rREVISION] [tTXN]
 *
 *     1 0..10 put k1 5 ok r7              wrote 5, which became revision 7
 *     2 3..never put k1 6 unknown         may have, or still may; what it may return at is ignored
 *     3 11..15 read k1 ok =5 m7 r8        found 5, written at revision 7, the store being at 8
 *     3 16..17 read k2 ok =none           "none" stands for absence
 *     4 16..20 cas k1 5 6 ok r9           compare-and-swap: found 5 and wrote 6
 *     4 21..22 cas k1 5 6 missed =6 r9    the compare did not hold
 *     4 23..24 casrev k1 9 7 ok t3        the same on the revision; a part of transaction 3
 *     5 25..26 delete k1 missed           there was nothing to delete
 *     5 27..28 stale k1 ok =5 r8          a read that may lag behind
 *     5 29..30 put k1 8 failed            surely without effect
 *
 * Lines end with a newline or ';'. Empty ones and what follows '#' are skipped. */
#ifndef TESTS_LIB_HISTORY_TEXT_H_
#define TESTS_LIB_HISTORY_TEXT_H_

#include "base/buf.h"
#include "base/err.h"
#include "tests/lib/history.h"

/* Add the operations in @text. ERR_INVALID names the line; those before it are added. */
int history_text_parse(struct history *h, const char *text, struct err *err);
/* Append @op as a line without its end. */
void history_text_print(struct buf *out, const struct history_op *op);

#endif /* TESTS_LIB_HISTORY_TEXT_H_ */
