/* supervisor/pg_ask.c - one program, its standard output, a deadline. */
#include "supervisor/pg_ask.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/must.h"

#define TEXT_MAX 1024
#define WAIT_MS 5000 /* where nothing is said */

enum hears { ITS_ANSWER, ITS_COMPLAINTS };

static int start(char *const *words, int out, enum hears hears, pid_t *ret_child)
{
    static char language[] = "LC_ALL=C";
    char *const variables[] = {language, NULL};
    posix_spawn_file_actions_t actions;
    int rc = posix_spawn_file_actions_init(&actions);
    MUST(rc == 0);
    rc = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    MUST(rc == 0);
    int heard = hears == ITS_ANSWER ? STDOUT_FILENO : STDERR_FILENO;
    int unheard = hears == ITS_ANSWER ? STDERR_FILENO : STDOUT_FILENO;
    rc = posix_spawn_file_actions_adddup2(&actions, out, heard);
    MUST(rc == 0);
    rc = posix_spawn_file_actions_addopen(&actions, unheard, "/dev/null", O_WRONLY, 0);
    MUST(rc == 0);
    rc = posix_spawn(ret_child, words[0], &actions, NULL, words, variables);
    (void)posix_spawn_file_actions_destroy(&actions);
    return rc;
}

/* What comes out of @fd until its end; false: not within the time. */
static bool read_until(int fd, uint64_t deadline_ms, struct buf *out)
{
    size_t size = 0;
    for (;;) {
        uint64_t now_ms = clock_mono_ms(clock_system());
        int left_ms = now_ms < deadline_ms ? (int)(deadline_ms - now_ms) : 0;
        struct pollfd wait = {.fd = fd, .events = POLLIN};
        int ready = poll(&wait, 1, left_ms);
        if (ready < 0 && errno == EINTR) {
            continue;
        }
        if (ready <= 0) {
            return false;
        }
        char part[256];
        ssize_t got = read(fd, part, sizeof(part));
        if (got <= 0) {
            return got == 0;
        }
        size_t room = TEXT_MAX - size;
        size_t taken = (size_t)got < room ? (size_t)got : room; /* more than anybody reads */
        buf_append(out, part, taken);
        size += taken;
    }
}

static int ask(char *const *words, unsigned wait_ms, enum hears hears, struct buf *out,
               struct err *err)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) {
        return err_errno(err, errno, "pipe");
    }
    CLEANUP(closep) int from = ends[0];
    CLEANUP(closep) int into = ends[1];
    pid_t child = 0;
    int rc = start(words, into, hears, &child);
    closep(&into);
    if (rc != 0) {
        return err_errno(err, rc, "%s", words[0]);
    }
    uint64_t deadline_ms = clock_mono_ms(clock_system()) + (wait_ms > 0 ? wait_ms : WAIT_MS);
    bool in_time = read_until(from, deadline_ms, out);
    int status = 0;
    if (!in_time) {
        (void)kill(child, SIGKILL);
    }
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (!in_time) {
        return err_set(err, ERR_TIMEOUT, "%s %s: no answer", words[0], words[1]);
    }
    return status == 0 ? 0 : err_set(err, ERR_SYSTEM, "%s %s: it failed", words[0], words[1]);
}

int pg_ask(char *const *words, unsigned wait_ms, struct buf *out, struct err *err)
{
    return ask(words, wait_ms, ITS_ANSWER, out, err);
}

/* `postgres -C NAME` of @place. */
static int ask_server(const struct pg_ask_place *place, const char *name, enum hears hears,
                      struct buf *out, struct err *err)
{
    const char *config_dir = place->config_dir != NULL ? place->config_dir : place->data_dir;
    CLEANUP(mem_freep) char *program = mem_printf("%s/postgres", place->bin_dir);
    CLEANUP(mem_freep) char *config = mem_printf("-D%s", config_dir);
    CLEANUP(mem_freep) char *data = mem_printf("--data-directory=%s", place->data_dir);
    CLEANUP(mem_freep) char *wanted = mem_strdup(name);
    char option[] = "-C";
    char *const words[] = {program, config, data, option, wanted, NULL};
    int rc = ask(words, 0, hears, out, err);
    if (rc != 0) {
        return err_set(err, rc, "%s -C %s: %s", program, name,
                       rc == ERR_TIMEOUT ? "no answer" : "it failed");
    }
    return 0;
}

int pg_ask_setting(const struct pg_ask_place *place, const char *name, struct buf *out,
                   struct err *err)
{
    CLEANUP(buf_close) struct buf text = {0};
    int rc = ask_server(place, name, ITS_ANSWER, &text, err);
    if (rc != 0) {
        return rc;
    }
    size_t size = text.size;
    while (size > 0 && (text.bytes[size - 1] == '\n' || text.bytes[size - 1] == '\r')) {
        size--;
    }
    buf_append(out, text.bytes, size);
    return 0;
}

const char *pg_ask_complaint(char *said)
{
    static const char *const kinds[] = {"LOG:  ", "ERROR:  ", "FATAL:  ", "PANIC:  "};
    char *rest = NULL;
    const char *last = "";
    for (char *line = strtok_r(said, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
            const char *at = strstr(line, kinds[i]);
            if (at != NULL) {
                return at + strlen(kinds[i]);
            }
        }
        last = line;
    }
    return last;
}

int pg_ask_config(const struct pg_ask_place *place, struct err *err)
{
    CLEANUP(buf_close) struct buf said = {0};
    int rc = ask_server(place, "data_directory", ITS_COMPLAINTS, &said, err);
    if (rc != ERR_SYSTEM || said.size == 0) { /* it says why, if it gives up by itself */
        return rc;
    }
    CLEANUP(mem_freep) char *text = buf_take(&said);
    return err_set(err, ERR_REFUSED, "its configuration can not be read: %s",
                   pg_ask_complaint(text));
}
