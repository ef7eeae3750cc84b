/* ctl/editor.h - the user's editor, on a file that nobody else may read and that is gone after. */
#ifndef CTL_EDITOR_H_
#define CTL_EDITOR_H_

#include "base/buf.h"
#include "base/err.h"

struct editor {
    const char *command; /* for a shell; NULL: `editor`, else `vi` */
    const char *dir;     /* where the file is made */
};

/* What the user makes of @text. ERR_NOT_FOUND: there is no editor; ERR_REFUSED: it has failed. A
 * signal that ends us ends the editor, and is raised again when the file is gone. */
int editor_run(const struct editor *editor, const char *text, struct buf *out, struct err *err);

#endif /* CTL_EDITOR_H_ */
