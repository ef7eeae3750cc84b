/* ctl/clone_wait.c - looks at one member again and again. */
#include "ctl/clone_wait.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "ctl/ask.h"
#include "ctl/cluster_view.h"
#include "ctl/member_ask.h"
#include "ctl/output.h"
#include "ctl/progress.h"

#define LOOK_MS 500
#define MISSED_MAX 20 /* it is told of at once, unless the node has ended meanwhile */

enum step { GOES_ON, IS_DONE, HAS_FAILED };

/* NULL: it does not say. */
static json_t *ask_for(const struct clone_wait *w, const char *path, int *ret_code)
{
    const struct tasking *t = w->tasking;
    CLEANUP(ask_closep) struct ask *ask = NULL;
    json_t *told = NULL;
    *ret_code = member_ask_open(&t->ctl, t->view, w->member, t->ctl.timeout_ms, &ask, NULL);
    *ret_code = *ret_code < 0 ? *ret_code : ask_get(ask, path, &told, NULL);
    return *ret_code < 0 ? NULL : told;
}

/* The moment at which its PostgreSQL started, or "" if it does not run; false: it does not say. */
static bool find_start(const struct clone_wait *w, struct buf *started)
{
    int code = 0;
    json_auto_t *told = ask_for(w, "/patroni", &code);
    buf_clear(started);
    if (told != NULL && strcmp(view_text(told, "state"), "running") == 0) {
        buf_str(started, view_text(told, "postmaster_start_time"));
    }
    return told != NULL;
}

/* How far it is: the next line on the terminal says so. */
static void show(const struct clone_wait *w, json_t *view)
{
    const char *name = view_text(w->member, "name");
    CLEANUP(buf_close) struct buf line = {0};
    const char *note = view_text(json_object_get(view, "notes"), name);
    if (note[0] != '\0') {
        output_text(&line, name);
        buf_str(&line, ": ");
        output_text(&line, note);
        progress_tell(buf_text(&line));
    }
}

static enum step fail(struct buf *why, const char *text)
{
    buf_clear(why);
    output_text(why, text);
    return HAS_FAILED;
}

/* Its last words may be from before the order, but not for long. */
static enum step missed(struct clone_wait *w, struct buf *why)
{
    w->missed++;
    return w->id == 0 && w->missed < MISSED_MAX
               ? GOES_ON
               : fail(why,
                      "its pgraftd was started anew meanwhile, and does not know of it: "
                      "pgraftctl list and its log show whether it was cloned");
}

static enum step judge(struct clone_wait *w, json_t *task, struct buf *why)
{
    json_int_t id = view_number(task, "id");
    const char *state = view_text(task, "state");
    bool is_older = w->id == 0 && !w->is_sure && strcmp(state, "running") != 0;
    if (id == 0 || id == w->before || is_older) {
        return missed(w, why);
    }
    if (w->id == 0 && strcmp(view_text(task, "kind"), "reinitialize") == 0) {
        w->id = id;
    }
    if (id != w->id) {
        return fail(why, "another task took its place");
    }
    return strcmp(state, "failed") == 0 ? fail(why, view_text(task, "why"))
           : strcmp(state, "done") == 0 ? IS_DONE
                                        : GOES_ON;
}

/* By a node that tells of no tasks. */
static enum step judge_start(const struct clone_wait *w)
{
    CLEANUP(buf_close) struct buf now = {0};
    bool is_new =
        find_start(w, &now) && now.size > 0 && strcmp(buf_text(&now), buf_text(&w->started)) != 0;
    return is_new ? IS_DONE : GOES_ON;
}

static enum step look(struct clone_wait *w, struct buf *why)
{
    int code = 0;
    json_auto_t *view = ask_for(w, "/pgraft/v1/view", &code);
    json_t *task = json_object_get(json_object_get(view, "self"), "task");
    if (view == NULL && code != ERR_NOT_FOUND) {
        return GOES_ON; /* it does not answer now */
    }
    show(w, view);
    return task != NULL ? judge(w, task, why) : judge_start(w);
}

void clone_wait_begin(struct clone_wait *w, struct tasking *tasking, json_t *member)
{
    int code = 0;
    *w = (struct clone_wait){.tasking = tasking, .member = member};
    json_auto_t *view = ask_for(w, "/pgraft/v1/view", &code);
    json_t *task = json_object_get(json_object_get(view, "self"), "task");
    w->before = view_number(task, "id");
    w->is_sure = view != NULL;
    (void)find_start(w, &w->started);
}

void clone_wait_close(struct clone_wait *w)
{
    buf_close(&w->started);
}

int clone_wait_until_over(struct clone_wait *w, struct buf *why)
{
    enum step step = look(w, why);
    while (step == GOES_ON) {
        (void)poll(NULL, 0, LOOK_MS);
        step = look(w, why);
    }
    return step == IS_DONE ? 0 : 1;
}
