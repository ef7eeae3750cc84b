/* supervisor/supervisor_keep.c - the last good value of the key `config` is kept in a file, written
 * in a thread of the loop, for a disk may hang; and read once, at the start. */
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/must.h"
#include "supervisor/supervisor_parts.h"

#define AGAIN_MS 10000

/* Outlives the supervisor, if the disk holds it. */
struct keep_job {
    uv_work_t work;
    struct supervisor *s; /* NULL: closed meanwhile */
    char *state_dir;
    struct config_note note;
    int code;
    struct err err;
};

static void free_job(struct keep_job *job)
{
    config_note_close(&job->note);
    mem_free(job->state_dir);
    mem_free(job);
}

static void write_cb(uv_work_t *work)
{
    struct keep_job *job = CONTAINER_OF(work, struct keep_job, work);
    job->code = config_note_write(job->state_dir, &job->note, &job->err);
}

static void written_cb(uv_work_t *work, int status)
{
    struct keep_job *job = CONTAINER_OF(work, struct keep_job, work);
    struct supervisor *s = job->s;
    if (s != NULL) {
        s->keep_job = NULL;
        if (status != 0 || job->code != 0) {
            s->is_note_due = true;
            s->note_again_ms = supervisor_now_ms() + AGAIN_MS;
            log_warn("config", "the last good value is not kept on disk", LOG_ERR(&job->err));
        }
    }
    free_job(job);
}

void supervisor_keep_open(struct supervisor *s)
{
    struct err err = {.code = 0};
    if (config_note_read(s->setup->state_dir, &s->kept, &err) != 0) {
        log_warn("config", "the last good value that was kept can not be read", LOG_ERR(&err));
    }
}

void supervisor_keep_good(struct supervisor *s, const char *text, uint64_t revision)
{
    bool is_known = s->kept.revision == revision && s->kept.seen == revision &&
                    strcmp(buf_text(&s->kept.text), text) == 0;
    if (is_known) {
        return;
    }
    buf_clear(&s->kept.text);
    buf_str(&s->kept.text, text);
    s->kept.revision = s->kept.seen = revision;
    s->is_note_due = true;
}

void supervisor_keep_bad(struct supervisor *s, uint64_t revision)
{
    if (s->kept.revision != 0 && s->kept.seen != revision) {
        s->kept.seen = revision;
        s->is_note_due = true;
    }
}

void supervisor_keep_tick(struct supervisor *s, uint64_t now_ms)
{
    if (!s->is_note_due || s->keep_job != NULL || now_ms < s->note_again_ms || s->is_closing) {
        return;
    }
    struct keep_job *job = (struct keep_job *)mem_zalloc(sizeof(*job));
    job->s = s;
    job->state_dir = mem_strdup(s->setup->state_dir);
    job->note.revision = s->kept.revision;
    job->note.seen = s->kept.seen;
    buf_append(&job->note.text, buf_text(&s->kept.text), s->kept.text.size);
    s->is_note_due = false;
    s->keep_job = job;
    int r = uv_queue_work(s->loop, &job->work, write_cb, written_cb);
    MUST(r == 0); /* fails only without a function */
}

void supervisor_keep_close(struct supervisor *s)
{
    if (s->keep_job != NULL) {
        s->keep_job->s = NULL;
        (void)uv_cancel((uv_req_t *)&s->keep_job->work); /* under way: it ends by itself */
        s->keep_job = NULL;
    }
    config_note_close(&s->kept);
}
