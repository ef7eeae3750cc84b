/* daemon/reap.c - the duty of process 1: to wait for orphans, so that none stays a zombie.
 *
 * This program has children of its own too, and somebody in it waits for each of them: the loop,
 * that calls back with how it ended, or a thread. Which they are nobody knows here, but they are
 * waited for at once. So what has ended is an orphan if it is there still at the next look. */
#include "daemon/reap.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/must.h"

#define LOOK_MS 500

/* A child of this program that has ended. */
static bool is_zombie(const char *name)
{
    char path[64];
    char text[256] = "";
    (void)snprintf(path, sizeof(path), "/proc/%.20s/stat", name);
    CLEANUP(fclosep) FILE *file = fopen(path, "re");
    size_t size = file != NULL ? fread(text, 1, sizeof(text) - 1, file) : 0;
    const char *at = size > 0 ? strrchr(text, ')') : NULL; /* "PID (NAME) STATE PARENT ..." */
    bool has_ended = at != NULL && strncmp(at, ") Z ", 4) == 0;
    return has_ended && strtol(at + 4, NULL, 10) == (long)getpid();
}

static bool was_seen(const struct reap *reap, pid_t pid)
{
    bool was = false;
    for (size_t i = 0; i < reap->seen_count; i++) {
        was = was || reap->seen[i] == pid;
    }
    return was;
}

static void look_again(struct reap *reap);

static void look_cb(uv_timer_t *timer)
{
    struct reap *reap = CONTAINER_OF(timer, struct reap, look);
    pid_t now[REAP_SEEN_MAX];
    size_t count = 0;
    DIR *list = opendir("/proc");
    for (const struct dirent *entry; list != NULL && (entry = readdir(list)) != NULL;) {
        pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10); /* 0: it is no process */
        if (pid <= 0 || !is_zombie(entry->d_name)) {
            continue;
        }
        if (was_seen(reap, pid)) {
            (void)waitpid(pid, NULL, WNOHANG);
        } else if (count < REAP_SEEN_MAX) {
            now[count++] = pid;
        }
    }
    if (list != NULL) {
        (void)closedir(list);
    }
    memcpy(reap->seen, now, count * sizeof(now[0]));
    reap->seen_count = count;
    if (count > 0) {
        look_again(reap);
    }
}

static void look_again(struct reap *reap)
{
    if (!uv_is_active((uv_handle_t *)&reap->look)) {
        int r = uv_timer_start(&reap->look, look_cb, LOOK_MS, 0);
        MUST(r == 0); /* fails only on a closing handle */
    }
}

static void on_child(uv_signal_t *handle, int number)
{
    (void)number;
    look_again(CONTAINER_OF(handle, struct reap, on_child));
}

int reap_open(struct reap *reap, uv_loop_t *loop, struct err *err)
{
    if (getpid() != 1) {
        return 0;
    }
    int rv = uv_signal_init(loop, &reap->on_child);
    reap->is_open = rv == 0;
    int r = reap->is_open ? uv_timer_init(loop, &reap->look) : 0;
    MUST(r == 0); /* never fails */
    rv = rv != 0 ? rv : uv_signal_start(&reap->on_child, on_child, SIGCHLD);
    if (rv != 0) {
        return err_errno(err, -rv, "uv_signal");
    }
    look_again(reap); /* who ended before this */
    return 0;
}

void reap_close(struct reap *reap)
{
    if (reap->is_open) {
        uv_close((uv_handle_t *)&reap->on_child, NULL);
        uv_close((uv_handle_t *)&reap->look, NULL);
        reap->is_open = false;
    }
}
