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
 * signal that ends us ends the editor, and is raised again when the file is gone. One that is too
 * large to be read stays, and @err names it. */
int editor_run(const struct editor *editor, const char *text, struct buf *out, struct err *err);

/* Write what has come of it, and what nobody has taken, to a file there that stays; its path, the
 * caller's. */
int editor_keep(const struct editor *editor, const struct buf *text, char **ret_path,
                struct err *err);

#endif /* CTL_EDITOR_H_ */
