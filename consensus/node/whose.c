/* consensus/node/whose.c - the file "scope" of a data directory: two lines, written beside its
 * place and then moved there, so that a crash leaves the old one or the new one.
 *
 *   scope NAME
 *   namespace NAME */
#include "consensus/node/whose.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/mem.h"

#define TEXT_MAX 512 /* scope and namespace are far shorter */

static char *text_of(const struct whose *whose)
{
    return mem_printf("scope %s\nnamespace %s\n", whose->scope, whose->space);
}

/* Cuts @text into the two names. */
static bool parse(char *text, struct whose *out)
{
    char *second = strchr(text, '\n');
    if (second == NULL) {
        return false;
    }
    *second = '\0';
    second++;
    char *end = strchr(second, '\n');
    if (end == NULL || strncmp(text, "scope ", 6) != 0 || strncmp(second, "namespace ", 10) != 0) {
        return false;
    }
    *end = '\0';
    *out = (struct whose){.scope = text + 6, .space = second + 10};
    return true;
}

int whose_check(const char *directory, const struct whose *ours, struct err *err)
{
    CLEANUP(mem_freep) char *path = mem_printf("%s/scope", directory);
    CLEANUP(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return errno == ENOENT ? 0 : err_errno(err, errno, "%s", path);
    }
    char text[TEXT_MAX];
    ssize_t got = read(fd, text, sizeof(text) - 1);
    if (got < 0) {
        return err_errno(err, errno, "%s", path);
    }
    text[got] = '\0';
    struct whose theirs;
    if (!parse(text, &theirs)) {
        return err_set(err, ERR_CORRUPT,
                       "%s does not say whose directory this is; if it is this node's, remove that "
                       "file",
                       path);
    }
    if (strcmp(theirs.scope, ours->scope) == 0 && strcmp(theirs.space, ours->space) == 0) {
        return 1;
    }
    return err_set(
        err, ERR_REFUSED,
        "this data directory is of scope %s, namespace %s, and the configuration says %s, "
        "%s: correct it, or use another directory",
        theirs.scope, theirs.space, ours->scope, ours->space);
}

static bool write_synced(int fd, const char *text)
{
    size_t size = strlen(text);
    ssize_t wrote = write(fd, text, size); /* some bytes: whole or not at all */
    if (wrote >= 0 && (size_t)wrote != size) {
        errno = ENOSPC;
    }
    return wrote == (ssize_t)size && fsync(fd) == 0;
}

int whose_note(const char *directory, const struct whose *ours, struct err *err)
{
    CLEANUP(mem_freep) char *path = mem_printf("%s/scope", directory);
    CLEANUP(mem_freep) char *draft = mem_printf("%s.new", path);
    CLEANUP(mem_freep) char *text = text_of(ours);
    CLEANUP(closep) int folder = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    CLEANUP(closep) int fd = open(draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool done = folder >= 0 && fd >= 0 && write_synced(fd, text) && rename(draft, path) == 0 &&
                fsync(folder) == 0;
    if (!done) {
        int why = errno;
        (void)unlink(draft);
        return err_errno(err, why, "%s", path);
    }
    return 0;
}
