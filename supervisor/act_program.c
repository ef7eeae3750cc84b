/* supervisor/act_program.c - a child with a session of its own, its input and its words. */
#include "supervisor/act_program.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/must.h"

#define LINE_MAX_BYTES 1024
#define WORDS_MAX 64
#define INPUT_MAX 8192
#define PROGRESS_EVERY_MS 10000

struct act_program {
    uv_process_t process;
    uv_pipe_t in;
    uv_pipe_t out;
    uv_write_t write;
    char input[INPUT_MAX];
    char line[LINE_MAX_BYTES];
    char last[LINE_MAX_BYTES];
    char name[64];
    size_t size;
    uint64_t progress_ms;  /* when the last of its progress was logged */
    act_program_cb on_end; /* NULL: abandoned */
    void *owner;
    int64_t status;
    int signal;
    bool is_gone;
    bool is_silent; /* its output has ended */
    bool is_filler;
    int open_handles;
};

static void closed_cb(uv_handle_t *handle)
{
    struct act_program *p = (struct act_program *)handle->data;
    if (--p->open_handles == 0) {
        mem_free(p);
    }
}

static void close_handle(uv_handle_t *handle)
{
    if (!uv_is_closing(handle)) {
        uv_close(handle, closed_cb);
    }
}

static void close_all(struct act_program *p)
{
    close_handle((uv_handle_t *)&p->in);
    close_handle((uv_handle_t *)&p->out);
    close_handle((uv_handle_t *)&p->process);
}

static void finish(struct act_program *p)
{
    if (!p->is_gone || !p->is_silent || p->on_end == NULL) {
        return;
    }
    struct err err = {.code = 0};
    if (p->signal != 0) {
        (void)err_set(&err, ERR_SYSTEM, "%s: ended by signal %d", p->name, p->signal);
    } else if (p->status != 0) {
        (void)err_set(&err, ERR_SYSTEM, "%s: exit status %d: %.150s", p->name, (int)p->status,
                      p->last);
    }
    act_program_cb on_end = TAKE(p->on_end);
    on_end(p, p->owner, p->last, &err);
    close_all(p);
}

static void exit_cb(uv_process_t *process, int64_t status, int number)
{
    struct act_program *p = CONTAINER_OF(process, struct act_program, process);
    p->is_gone = true;
    p->status = status;
    p->signal = number;
    finish(p);
}

/* ---- what it says ---- */

const char *act_program_last(const struct act_program *p)
{
    return p->last;
}

/* "12345/67890 kB (18%), 0/1 tablespace": a line each second, for hours. */
static bool is_progress(const char *line)
{
    return strstr(line, " kB (") != NULL && strstr(line, "%)") != NULL;
}

static void take_line(struct act_program *p)
{
    p->line[p->size] = '\0';
    if (p->size > 0) {
        memcpy(p->last, p->line, p->size + 1);
        uint64_t now_ms = uv_now(p->out.loop);
        bool is_said = is_progress(p->line);
        if (is_said && p->progress_ms != 0 && now_ms - p->progress_ms < PROGRESS_EVERY_MS) {
            p->size = 0;
            return;
        }
        p->progress_ms = is_said ? now_ms : p->progress_ms;
        log_info("postgresql", "program", LOG_STR("name", p->name), LOG_STR("text", p->line));
    }
    p->size = 0;
}

static void room_cb(uv_handle_t *handle, size_t suggested, uv_buf_t *ret_buf)
{
    struct act_program *p = (struct act_program *)handle->data;
    (void)suggested;
    if (p->size == sizeof(p->line) - 1) {
        take_line(p); /* longer than any line of sense */
    }
    *ret_buf = uv_buf_init(p->line + p->size, (unsigned)(sizeof(p->line) - 1 - p->size));
}

/* Progress comes with carriage returns. */
static void read_cb(uv_stream_t *stream, ssize_t size, const uv_buf_t *buf)
{
    struct act_program *p = CONTAINER_OF(stream, struct act_program, out);
    char said[LINE_MAX_BYTES];
    if (size < 0) {
        take_line(p);
        p->is_silent = true;
        (void)uv_read_stop(stream);
        finish(p);
        return;
    }
    memcpy(said, buf->base, (size_t)size);
    for (size_t i = 0; i < (size_t)size; i++) {
        if (said[i] == '\n' || said[i] == '\r') {
            take_line(p);
        } else {
            p->line[p->size++] = said[i];
        }
    }
}

/* ---- its beginning ---- */

static void written_cb(uv_write_t *write, int status)
{
    struct act_program *p = CONTAINER_OF(write, struct act_program, write);
    (void)status; /* it has ended already, and says why */
    explicit_bzero(p->input, sizeof(p->input));
    close_handle((uv_handle_t *)&p->in);
}

static void give_input(struct act_program *p, const struct buf *input)
{
    size_t size = input != NULL ? input->size : 0;
    if (size > 0) {
        memcpy(p->input, input->bytes, size);
        uv_buf_t buf = uv_buf_init(p->input, (unsigned)size);
        if (uv_write(&p->write, (uv_stream_t *)&p->in, &buf, 1, written_cb) == 0) {
            return;
        }
    }
    close_handle((uv_handle_t *)&p->in);
}

static int spawn(struct act_program *p, uv_loop_t *loop, const struct act_program_order *order)
{
    char *all[WORDS_MAX + 4];
    char run[] = "run";
    char script[] = "script";
    char room[] = "room";
    char self[24];
    size_t count = 0;
    CLEANUP(mem_freep) char *program = mem_strdup(order->helper);
    all[count++] = program;
    all[count++] = order->is_room ? room : order->is_script ? script : run;
    (void)snprintf(self, sizeof(self), "%d", (int)getpid());
    all[count++] = self;
    for (size_t i = 0; order->words[i] != NULL; i++) {
        MUST(count < WORDS_MAX + 3);
        all[count++] = order->words[i];
    }
    all[count] = NULL;
    uv_stdio_container_t stdio[] = {
        {.flags = UV_CREATE_PIPE | UV_READABLE_PIPE, .data.stream = (uv_stream_t *)&p->in},
        {.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE, .data.stream = (uv_stream_t *)&p->out},
        {.flags = UV_INHERIT_FD, .data.fd = 2}};
    uv_process_options_t options = {.file = program,
                                    .args = all,
                                    .env = order->environment,
                                    .cwd = "/",
                                    .flags = UV_PROCESS_DETACHED,
                                    .stdio = stdio,
                                    .stdio_count = (int)ARRAY_LEN(stdio),
                                    .exit_cb = exit_cb};
    return uv_spawn(loop, &p->process, &options);
}

int act_program_start(uv_loop_t *loop, const struct act_program_order *order, act_program_cb on_end,
                      void *owner, struct act_program **ret_program, struct err *err)
{
    char *const *words = order->words;
    const struct buf *input = order->input;
    if (input != NULL && input->size > INPUT_MAX) {
        return err_set(err, ERR_TOO_LARGE, "%s: too much to say to it", words[0]);
    }
    struct act_program *p = (struct act_program *)mem_zalloc(sizeof(*p));
    const char *slash = strrchr(words[0], '/');
    const char *file = slash != NULL ? slash + 1 : words[0];
    (void)snprintf(p->name, sizeof(p->name), "%s", order->name != NULL ? order->name : file);
    int r = uv_pipe_init(loop, &p->in, 0);
    MUST(r == 0); /* never fails */
    r = uv_pipe_init(loop, &p->out, 0);
    MUST(r == 0);
    p->open_handles = 3;
    p->in.data = p->out.data = p;
    int rv = spawn(p, loop, order);
    p->process.data = p;
    if (rv != 0) {
        close_all(p);
        return err_errno(err, -rv, "start %s", order->helper);
    }
    p->on_end = on_end;
    p->owner = owner;
    p->is_filler = order->is_filler;
    give_input(p, input);
    r = uv_read_start((uv_stream_t *)&p->out, room_cb, read_cb);
    MUST(r == 0); /* fails only on a pipe that is not connected */
    *ret_program = p;
    return 0;
}

/* It has a session of its own, and its children are in it. */
void act_program_kill(struct act_program *p)
{
    if (!p->is_gone) {
        (void)kill(-p->process.pid, SIGKILL);
        (void)uv_process_kill(&p->process, SIGKILL); /* it is gone by itself: as well */
    }
    p->is_silent = p->is_silent || !p->is_filler; /* a child of its own may hold the pipe */
    finish(p);
}

void act_program_abandon(struct act_program *p)
{
    p->on_end = NULL;
    act_program_kill(p);
    close_all(p);
}
