/* daemon/upgrade.c - one step after the other, until this program may give way to the new one. */
#include "daemon/upgrade.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/must.h"
#include "base/version.h"
#include "daemon/json_put.h"

#define CHECK_MS 30000
#define TRANSFER_MS 3000
#define SAID_MAX 2000
#define CHECK_WORD "--check-start"

/* The new program, run to say whether it can start. */
struct upgrade_check {
    struct upgrade *u; /* NULL: nobody waits any more */
    uv_process_t process;
    uv_pipe_t said;
    uv_timer_t deadline;
    int handles;
    int64_t status; /* -1: it did not end by itself */
    bool has_ended;
    char room[512];
};

static const char *const names[] = {[UPGRADE_IDLE] = "idle",
                                    [UPGRADE_CHECKS] = "the new program is checked",
                                    [UPGRADE_HANDS_OVER] = "raft leadership is handed over",
                                    [UPGRADE_RENEWS] = "time for it is being had",
                                    [UPGRADE_IS_READY] = "the new program begins"};

void upgrade_open(struct upgrade *u, uv_loop_t *loop)
{
    memset(u, 0, sizeof(*u));
    u->loop = loop;
    u->began_ms = clock_boot_ms(clock_system());
}

static void refuse(struct upgrade *u, int code, const char *why)
{
    u->state = UPGRADE_IDLE;
    (void)err_set(&u->err, code, "%s", why);
    log_error("daemon", "upgrade refused, nothing has changed", LOG_ERR(&u->err));
}

/* ---- time for it ---- */

static void on_ready(void *owner, const struct err *err, uint64_t left_ms)
{
    struct upgrade *u = owner;
    if (err != NULL) {
        refuse(u, err->code, err->msg);
        return;
    }
    u->state = UPGRADE_IS_READY;
    u->left_ms = left_ms;
    log_info("daemon", "gives way to the new program",
             LOG_STR("program", buf_text(&u->relaunch->path)), LOG_STR("from", PGRAFT_VERSION),
             LOG_STR("to", buf_text(&u->said)), LOG_U64("lease_left_ms", left_ms));
    u->ready(u->owner);
}

static void renew(struct upgrade *u)
{
    u->state = UPGRADE_RENEWS;
    supervisor_upgrade(u->supervisor, on_ready, u);
}

/* ---- leadership ---- */

/* Who can not hand it over does without: the store does it again when it is closed. */
static void on_transferred(void *ctx, const struct pgraft_result *result)
{
    struct upgrade *u = ctx;
    (void)result;
    if (u->state == UPGRADE_HANDS_OVER) {
        renew(u);
    }
}

static void on_status(void *ctx, const struct pgraft_result *result)
{
    struct upgrade *u = ctx;
    struct pgraft_call call = {.timeout_ms = TRANSFER_MS, .done = on_transferred, .ctx = u};
    const struct pgraft_status *s = result->status == 0 ? result->state : NULL;
    if (u->state != UPGRADE_HANDS_OVER) {
        return;
    }
    bool leads = s != NULL && s->phase == PGRAFT_MEMBER && s->leader == s->id;
    if (!leads || pgraft_transfer(u->store, 0, &call, NULL, NULL) != 0) {
        renew(u);
    }
}

static void hand_over(struct upgrade *u)
{
    struct pgraft_call call = {.timeout_ms = TRANSFER_MS, .done = on_status, .ctx = u};
    u->state = UPGRADE_HANDS_OVER;
    if (pgraft_status(u->store, false, &call, NULL, NULL) != 0) {
        renew(u);
    }
}

/* ---- the new program ---- */

static void checked(struct upgrade *u, int64_t status)
{
    if (u->state != UPGRADE_CHECKS) {
        return;
    }
    while (u->said.size > 0 && u->said.bytes[u->said.size - 1] == '\n') {
        u->said.bytes[--u->said.size] = '\0';
    }
    if (status == 0) {
        hand_over(u);
        return;
    }
    struct err err = {.code = 0};
    (void)err_set(&err, ERR_REFUSED, "%s " CHECK_WORD ": %s", buf_text(&u->relaunch->path),
                  status < 0         ? "it did not end by itself"
                  : u->said.size > 0 ? buf_text(&u->said)
                                     : "it has failed, and does not say why");
    refuse(u, err.code, err.msg);
}

static void closed_cb(uv_handle_t *handle)
{
    struct upgrade_check *c = handle->data;
    if (--c->handles > 0) {
        return;
    }
    struct upgrade *u = c->u;
    int64_t status = c->status;
    mem_free(c);
    if (u != NULL) {
        u->check = NULL;
        checked(u, status);
    }
}

static void close_one(uv_handle_t *handle)
{
    if (handle->data != NULL && !uv_is_closing(handle)) {
        uv_close(handle, closed_cb);
    }
}

static void close_all(struct upgrade_check *c)
{
    close_one((uv_handle_t *)&c->process);
    close_one((uv_handle_t *)&c->said);
    close_one((uv_handle_t *)&c->deadline);
}

static void room_cb(uv_handle_t *handle, size_t wanted, uv_buf_t *out)
{
    struct upgrade_check *c = handle->data;
    (void)wanted;
    *out = uv_buf_init(c->room, sizeof(c->room));
}

/* Its words end when it has: whoever else might hold the pipe is not waited for. */
static void said_cb(uv_stream_t *stream, ssize_t size, const uv_buf_t *bytes)
{
    struct upgrade_check *c = stream->data;
    if (size > 0 && c->u != NULL && c->u->said.size < SAID_MAX) {
        buf_append(&c->u->said, bytes->base, (size_t)size);
    } else if (size < 0 && c->has_ended) {
        close_all(c);
    } else if (size < 0) {
        (void)uv_read_stop(stream);
    }
}

static void exit_cb(uv_process_t *process, int64_t status, int signal_number)
{
    struct upgrade_check *c = process->data;
    c->status = signal_number != 0 ? -1 : status;
    c->has_ended = true;
    if (!uv_is_active((uv_handle_t *)&c->said)) {
        close_all(c); /* it has said everything */
    }
}

static void late_cb(uv_timer_t *timer)
{
    struct upgrade_check *c = timer->data;
    (void)uv_process_kill(&c->process, SIGKILL);
    close_all(c);
}

/* Both of its outputs go into one pipe. */
static int spawn(struct upgrade *u, struct upgrade_check *c)
{
    struct relaunch *l = u->relaunch;
    int ends[2];
    int rv = uv_pipe(ends, UV_NONBLOCK_PIPE, 0);
    if (rv != 0) {
        return rv;
    }
    rv = uv_pipe_open(&c->said, ends[0]);
    MUST(rv == 0); /* it is a pipe */
    char word[] = CHECK_WORD;
    char **words = mem_array(l->count + 2, sizeof(*words));
    memcpy(words, l->words, l->count * sizeof(*words));
    words[l->count] = word;
    uv_stdio_container_t files[] = {{.flags = UV_IGNORE},
                                    {.flags = UV_INHERIT_FD, .data.fd = ends[1]},
                                    {.flags = UV_INHERIT_FD, .data.fd = ends[1]}};
    const uv_process_options_t options = {.exit_cb = exit_cb,
                                          .file = buf_text(&l->path),
                                          .args = words,
                                          .stdio_count = ARRAY_LEN(files),
                                          .stdio = files};
    rv = uv_spawn(u->loop, &c->process, &options);
    (void)close(ends[1]);
    mem_free(words);
    return rv;
}

static int check(struct upgrade *u, struct err *err)
{
    struct upgrade_check *c = mem_zalloc(sizeof(*c));
    int r = uv_pipe_init(u->loop, &c->said, 0);
    MUST(r == 0);
    r = uv_timer_init(u->loop, &c->deadline);
    MUST(r == 0);
    c->status = -1;
    c->process.data = c->said.data = c->deadline.data = c;
    c->handles = 3;
    int rv = spawn(u, c);
    if (rv != 0) {
        c->process.data = c->process.type == UV_PROCESS ? c : NULL; /* else it was never opened */
        c->handles -= c->process.data == NULL ? 1 : 0;
        close_all(c);
        return err_errno(err, -rv, "%s", buf_text(&u->relaunch->path));
    }
    c->u = u;
    u->check = c;
    rv = uv_read_start((uv_stream_t *)&c->said, room_cb, said_cb);
    MUST(rv == 0);
    rv = uv_timer_start(&c->deadline, late_cb, CHECK_MS, 0);
    MUST(rv == 0);
    return 0;
}

int upgrade_begin(struct upgrade *u, struct err *err)
{
    if (u->state != UPGRADE_IDLE || u->check != NULL) {
        return err_set(err, ERR_BUSY, "an upgrade is under way: %s", names[u->state]);
    }
    if (u->relaunch->path.size == 0) {
        return err_set(err, ERR_REFUSED, "how this program was called is not known: %s",
                       u->relaunch->failed.msg);
    }
    u->err.code = 0;
    buf_clear(&u->said);
    u->relaunch->failed.code = 0;
    int code = check(u, err);
    if (code == 0) {
        u->state = UPGRADE_CHECKS;
        log_info("daemon", "upgrade begins", LOG_STR("program", buf_text(&u->relaunch->path)));
    }
    return code;
}

void upgrade_close(struct upgrade *u)
{
    if (u->state == UPGRADE_RENEWS) {
        supervisor_upgrade_end(u->supervisor);
    }
    u->state = UPGRADE_IDLE;
    if (u->check != NULL) {
        u->check->u = NULL;
        (void)uv_process_kill(&u->check->process, SIGKILL);
        close_all(u->check);
        u->check = NULL;
    }
    buf_close(&u->said);
}

/* ---- for HTTP ---- */

static int door_begin(void *ctx, struct err *err)
{
    return upgrade_begin(ctx, err);
}

static void door_tell(void *ctx, struct buf *out)
{
    const struct upgrade *u = ctx;
    const struct err *failed = u->err.code != 0 ? &u->err : &u->relaunch->failed;
    json_put_text(out, "version", PGRAFT_VERSION);
    json_put_number(out, "began_ms", u->began_ms);
    json_put_bool(out, "busy", u->state != UPGRADE_IDLE);
    json_put_text(out, "state", names[u->state]);
    json_put_text(out, "error", failed->code != 0 ? failed->msg : NULL);
}

struct http_upgrade upgrade_door(struct upgrade *u)
{
    return (struct http_upgrade){.begin = door_begin, .tell = door_tell, .ctx = u};
}
