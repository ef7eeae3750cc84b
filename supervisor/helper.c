/* supervisor/helper.c - one child, its two pipes, and the deadline of its question.
 *
 * The run outlives the helper struct when its process does not end: it belongs to the loop then,
 * with no owner, and goes away when the process does. */
#include "supervisor/helper.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/must.h"
#include "supervisor/pg_rows.h"

#define CLOSE_MS 500 /* for a killed helper to be gone */
#define QUESTION_MAX 64

struct helper_run {
    struct helper *helper; /* NULL: nobody is interested any more */
    uv_process_t process;
    uv_pipe_t in;  /* our questions */
    uv_pipe_t out; /* its answers */
    char said[HELPER_SAID_MAX];
    size_t size;
    int open_handles;
    bool is_over; /* nothing more will be said */
    bool is_gone; /* it was waited for */
};

static void run_handle_closed_cb(uv_handle_t *handle)
{
    struct helper_run *run = (struct helper_run *)handle->data;
    if (--run->open_handles == 0) {
        mem_free(run);
    }
}

static void close_handle(uv_handle_t *handle)
{
    if (!uv_is_closing(handle)) {
        uv_close(handle, run_handle_closed_cb);
    }
}

static void close_run(struct helper_run *run)
{
    run->helper = NULL;
    close_handle((uv_handle_t *)&run->in);
    close_handle((uv_handle_t *)&run->out);
    close_handle((uv_handle_t *)&run->process);
}

static void timer_closed_cb(uv_handle_t *handle)
{
    struct helper *helper = CONTAINER_OF(handle, struct helper, timer);
    if (helper->on_closed != NULL) {
        helper->on_closed(helper);
    }
}

static void close_timer(struct helper *helper)
{
    uv_close((uv_handle_t *)&helper->timer, timer_closed_cb);
}

static void tell(struct helper *helper, const char *said, const struct err *err)
{
    helper_cb on_done = TAKE(helper->on_done);
    if (on_done != NULL) {
        (void)uv_timer_stop(&helper->timer);
        on_done(helper, said, err);
    }
}

/* ---- its end ---- */

static void kill_run(struct helper_run *run)
{
    if (!run->is_gone) {
        (void)uv_process_kill(&run->process, SIGKILL); /* it is gone by itself: as well */
    }
}

/* Its handles go when it has nothing more to say and was waited for. */
static void finish(struct helper_run *run)
{
    struct helper *helper = run->helper;
    if (!run->is_over || !run->is_gone) {
        return;
    }
    close_run(run);
    if (helper != NULL) { /* it is being closed, and waited for this */
        helper->run = NULL;
        close_timer(helper);
    }
}

static void exit_cb(uv_process_t *process, int64_t exit_status, int term_signal)
{
    struct helper_run *run = CONTAINER_OF(process, struct helper_run, process);
    (void)exit_status;
    (void)term_signal;
    run->is_gone = true;
    finish(run);
}

/* The helper that asked is told, and may start another one. */
static void end_run(struct helper_run *run)
{
    struct helper *helper = run->helper;
    run->is_over = true;
    (void)uv_read_stop((uv_stream_t *)&run->out);
    kill_run(run);
    if (helper != NULL && !helper->is_closing) {
        struct err err;
        (void)err_set(&err, ERR_SYSTEM, "the helper has ended without an answer");
        run->helper = NULL;
        helper->run = NULL;
        helper->is_asked = false;
        tell(helper, NULL, &err);
    }
    finish(run);
}

/* ---- answers ---- */

static void room_cb(uv_handle_t *handle, size_t suggested, uv_buf_t *ret_buf)
{
    struct helper_run *run = (struct helper_run *)handle->data;
    (void)suggested;
    *ret_buf = uv_buf_init(run->said + run->size, (unsigned)(sizeof(run->said) - run->size));
}

static void take_answer(struct helper_run *run, char *end)
{
    struct helper *helper = run->helper;
    *end = '\0';
    run->size = 0;
    if (helper == NULL || helper->is_closing) {
        return;
    }
    helper->is_asked = false;
    if (!helper->is_kept) { /* the end of its questions ends it */
        run->helper = NULL;
        helper->run = NULL;
        close_handle((uv_handle_t *)&run->in);
    }
    tell(helper, run->said, NULL);
}

static void read_cb(uv_stream_t *stream, ssize_t size, const uv_buf_t *buf)
{
    struct helper_run *run = CONTAINER_OF(stream, struct helper_run, out);
    (void)buf;
    if (size < 0) { /* its end, or no more room: it says more than it should */
        end_run(run);
        return;
    }
    run->size += (size_t)size;
    char *end = (char *)memchr(run->said, '\n', run->size);
    if (end != NULL) {
        take_answer(run, end);
    }
}

static void deadline_cb(uv_timer_t *timer)
{
    struct helper *helper = CONTAINER_OF(timer, struct helper, timer);
    struct err err;
    (void)err_set(&err, ERR_TIMEOUT, "the disk did not answer in time");
    tell(helper, NULL, &err);
}

/* ---- questions ---- */

static int spawn(struct helper *helper, struct helper_run *run)
{
    char serve[] = "serve";
    char *program = mem_strdup(helper->place.program);
    char *data_dir = mem_strdup(helper->place.data_dir);
    char *arguments[] = {program, serve, data_dir, NULL};
    char *none[] = {NULL};
    uv_stdio_container_t stdio[] = {
        {.flags = UV_CREATE_PIPE | UV_READABLE_PIPE, .data.stream = (uv_stream_t *)&run->in},
        {.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE, .data.stream = (uv_stream_t *)&run->out},
        {.flags = UV_IGNORE}};
    uv_process_options_t options = {.file = program,
                                    .args = arguments,
                                    .env = none,
                                    .stdio = stdio,
                                    .stdio_count = (int)ARRAY_LEN(stdio),
                                    .exit_cb = exit_cb};
    int rv = uv_spawn(helper->loop, &run->process, &options);
    mem_free(program);
    mem_free(data_dir);
    return rv;
}

static int start_run(struct helper *helper, struct err *err)
{
    struct helper_run *run = (struct helper_run *)mem_zalloc(sizeof(*run));
    int r = uv_pipe_init(helper->loop, &run->in, 0);
    MUST(r == 0); /* never fails */
    r = uv_pipe_init(helper->loop, &run->out, 0);
    MUST(r == 0);
    run->open_handles = 3;
    run->in.data = run;
    run->out.data = run;
    int rv = spawn(helper, run);
    run->process.data = run;
    if (rv != 0) {
        close_run(run);
        return err_errno(err, -rv, "start the helper");
    }
    r = uv_read_start((uv_stream_t *)&run->out, room_cb, read_cb);
    MUST(r == 0); /* fails only on a pipe that is not connected */
    run->helper = helper;
    helper->run = run;
    return 0;
}

void helper_open(struct helper *helper, uv_loop_t *loop, const struct helper_place *place,
                 bool is_kept)
{
    *helper = (struct helper){.loop = loop, .place = *place, .is_kept = is_kept};
    int r = uv_timer_init(loop, &helper->timer);
    MUST(r == 0); /* never fails */
}

int helper_ask(struct helper *helper, const char *question, uint64_t deadline_ms, helper_cb on_done,
               struct err *err)
{
    char line[QUESTION_MAX];
    int size = snprintf(line, sizeof(line), "%s\n", question);
    MUST(size > 0 && size < (int)sizeof(line));
    if (helper->is_asked) {
        return err_set(err, ERR_BUSY, "the helper still waits for the disk");
    }
    int r = helper->run == NULL ? start_run(helper, err) : 0;
    if (r != 0) {
        return r;
    }
    uv_buf_t buf = uv_buf_init(line, (unsigned)size);
    int written = uv_try_write((uv_stream_t *)&helper->run->in, &buf, 1);
    if (written != size) { /* it has just died: its pipe will say so, and another one is started */
        return err_set(err, ERR_SYSTEM, "the helper takes no question");
    }
    helper->is_asked = true;
    helper->on_done = on_done;
    r = uv_timer_start(&helper->timer, deadline_cb, deadline_ms, 0);
    MUST(r == 0); /* fails only on a closing handle */
    return 0;
}

/* ---- close ---- */

/* It hangs in the kernel. It must not keep the loop alive: whoever comes after this process waits
 * for it. */
static void abandon_cb(uv_timer_t *timer)
{
    struct helper *helper = CONTAINER_OF(timer, struct helper, timer);
    close_run(TAKE(helper->run));
    close_timer(helper);
}

void helper_close(struct helper *helper, helper_closed_cb on_closed)
{
    MUST(!helper->is_closing);
    helper->is_closing = true;
    helper->on_done = NULL;
    helper->on_closed = on_closed;
    if (helper->run == NULL) {
        close_timer(helper);
        return;
    }
    kill_run(helper->run);
    int r = uv_timer_start(&helper->timer, abandon_cb, CLOSE_MS, 0);
    MUST(r == 0); /* fails only on a closing handle */
}

bool helper_said_u64(const char *said, const char *name, uint64_t *ret_value)
{
    size_t length = strlen(name);
    for (const char *at = said; (at = strstr(at, name)) != NULL; at += length) {
        if ((at != said && at[-1] != ' ') || at[length] != '=') {
            continue;
        }
        const char *from = at + length + 1;
        char digits[24];
        size_t size = strcspn(from, " \n");
        if (size >= sizeof(digits)) {
            return false;
        }
        memcpy(digits, from, size);
        digits[size] = '\0';
        return pg_text_u64(digits, ret_value);
    }
    return false;
}
