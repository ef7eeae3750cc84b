/* ctl/editor.c - a file, a child, and the signals that come meanwhile.
 *
 *   signals held back --> file made --> child --> wait for signals: the child's --> file read
 *                                         ^-----'  Ctrl-C and Ctrl-\ are the editor's affair;
 *                                                  others that would end us end the editor
 *                     file removed --> signals let in: one that ends us does it now
 *
 * Nothing but SIGKILL ends this process between the second step and the last one. */
#include "ctl/editor.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/must.h"
#include "ctl/file_put.h"
#include "ctl/yaml_in.h"

#define SUFFIX ".yaml"

/* ---- signals ---- */

static void held_back(sigset_t *out)
{
    static const int signals[] = {SIGCHLD, SIGINT, SIGQUIT, SIGTERM, SIGHUP};
    (void)sigemptyset(out);
    for (size_t i = 0; i < ARRAY_LEN(signals); i++) {
        (void)sigaddset(out, signals[i]);
    }
}

/* A child whose end is not told could not be waited for. */
static void hear_of_children(void)
{
    struct sigaction usual = {.sa_handler = SIG_DFL};
    int rc = sigaction(SIGCHLD, &usual, NULL);
    MUST(rc == 0);
}

/* Until @child has ended; its status. *@ret_signal: what should have ended us meanwhile, or 0. */
static int wait_for(pid_t child, const sigset_t *signals, int *ret_signal)
{
    int status = 0;
    *ret_signal = 0;
    while (waitpid(child, &status, WNOHANG) == 0) {
        int ended_by = sigwaitinfo(signals, NULL);
        if (ended_by == SIGTERM || ended_by == SIGHUP) {
            *ret_signal = ended_by;
            (void)kill(child, ended_by);
        }
    }
    return status;
}

/* ---- the child ---- */

/* 0, or an error number. */
static int spawn(char *const *words, const sigset_t *mask, pid_t *ret_child)
{
    posix_spawnattr_t how;
    int error = posix_spawnattr_init(&how);
    if (error != 0) {
        return error;
    }
    (void)posix_spawnattr_setsigmask(&how, mask);
    (void)posix_spawnattr_setflags(&how, POSIX_SPAWN_SETSIGMASK);
    error = posix_spawnp(ret_child, words[0], NULL, &how, words, environ);
    (void)posix_spawnattr_destroy(&how);
    return error;
}

/* A command may have options, so a shell reads it, and becomes it: a signal for the child is one
 * for the editor. */
static int start(const struct editor *editor, char *path, const sigset_t *mask, pid_t *ret_child)
{
    if (editor->command != NULL) {
        CLEANUP(mem_freep) char *line = mem_printf("exec %s \"$1\"", editor->command);
        char *words[] = {(char[]){"sh"}, (char[]){"-c"}, line, (char[]){"sh"}, path, NULL};
        return spawn(words, mask, ret_child);
    }
    char *first[] = {(char[]){"editor"}, path, NULL};
    char *second[] = {(char[]){"vi"}, path, NULL};
    int error = spawn(first, mask, ret_child);
    return error == ENOENT ? spawn(second, mask, ret_child) : error;
}

static int say_how_it_ended(int status, struct err *err)
{
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
        return 0;
    }
    return WIFEXITED(status)
               ? err_set(err, ERR_REFUSED, "Editor exited with return code %d: nothing was changed",
                         WEXITSTATUS(status))
               : err_set(err, ERR_REFUSED, "Editor ended by signal %d: nothing was changed",
                         WTERMSIG(status));
}

/* ---- the file ---- */

static char *new_path(const struct editor *editor)
{
    return mem_printf("%s/pgraft-config-XXXXXX" SUFFIX, editor->dir);
}

static int write_file(char *path, const struct buf *text, struct err *err)
{
    CLEANUP(closep) int fd = mkstemps(path, (int)strlen(SUFFIX)); /* 0600 */
    if (fd < 0) {
        return err_errno(err, errno, "%s", path);
    }
    if (file_write_all(fd, text) < 0) {
        int code = err_errno(err, errno, "%s", path);
        (void)unlink(path);
        return code;
    }
    return 0;
}

static int edit(const struct editor *editor, char *path, const sigset_t *signals,
                const sigset_t *mask, struct buf *out, struct err *err)
{
    pid_t child = 0;
    int ended_by = 0;
    int error = start(editor, path, mask, &child);
    if (error == ENOENT && editor->command == NULL) {
        return err_set(err, ERR_NOT_FOUND,
                       "EDITOR environment variable is not set. editor or vi are not available");
    }
    if (error != 0) {
        return err_errno(err, error, "the editor can not be started");
    }
    int status = wait_for(child, signals, &ended_by);
    int code = say_how_it_ended(status, err);
    code = code == 0 ? file_get(path, YAML_IN_SIZE_MAX, out, err) : code;
    if (ended_by != 0) {
        (void)raise(ended_by); /* it waits until signals are let in */
    }
    return code;
}

int editor_run(const struct editor *editor, const char *text, struct buf *out, struct err *err)
{
    sigset_t signals;
    sigset_t mask;
    CLEANUP(mem_freep) char *path = new_path(editor);
    CLEANUP(buf_close) struct buf bytes = {0};
    buf_str(&bytes, text);
    hear_of_children();
    held_back(&signals);
    int rc = sigprocmask(SIG_BLOCK, &signals, &mask);
    MUST(rc == 0);
    int code = write_file(path, &bytes, err);
    if (code == 0) {
        code = edit(editor, path, &signals, &mask, out, err);
        if (code != ERR_TOO_LARGE) { /* else it is the only one */
            (void)unlink(path);
        }
    }
    rc = sigprocmask(SIG_SETMASK, &mask, NULL);
    MUST(rc == 0);
    return code;
}

int editor_keep(const struct editor *editor, const struct buf *text, char **ret_path,
                struct err *err)
{
    CLEANUP(mem_freep) char *path = new_path(editor);
    int code = write_file(path, text, err);
    if (code == 0) {
        *ret_path = mem_strdup(path);
    }
    return code;
}
