/* ctl/remains.c - reading, showing and comparing what is left. */
#include "ctl/remains.h"

#include <inttypes.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/mem.h"
#include "ctl/cmd.h"
#include "ctl/data_dir.h"
#include "ctl/founded.h"

/* --- reading --- */

void remains_open(struct remains *out, const char *dir)
{
    *out = (struct remains){.dir = dir, .store = data_dir_store(dir)};
    struct err *err = &out->failure;
    int code = data_dir_check_owner(out->store, err);
    if (code == 0) {
        code = offline_open(out->store, &out->held, &out->image, &out->written_ns, err);
    }
    if (code == 0) {
        code = survivor_read(&out->image, &out->survivor, err);
    }
    if (code != 0 && strstr(err->msg, out->store) == NULL) {
        err_wrap(err, "%s", out->store);
    }
}

void remains_close(struct remains *remains)
{
    survivor_close(&remains->survivor);
    store_image_close(&remains->image);
    offline_close(remains->held);
    mem_free(remains->store);
    *remains = (struct remains){.dir = NULL};
}

/* --- showing --- */

static json_t *number(uint64_t value)
{
    return json_integer((json_int_t)value);
}

json_t *remains_row(const struct remains *remains)
{
    const struct survivor *s = &remains->survivor;
    char id[FOUNDED_ID_SIZE];
    char when[CLOCK_STAMP_SIZE];
    json_t *row = json_object();
    cmd_set(row, "directory", json_string(remains->dir));
    if (remains->failure.code != 0) {
        cmd_set(row, "trouble", json_string(remains->failure.msg));
        return row;
    }
    cmd_set(row, "node", json_string(s->me.name));
    cmd_set(row, "address", json_string(s->me.address));
    cmd_set(row, "cluster_id", json_string(founded_id(s->cluster_id, id)));
    cmd_set(row, "term", number(s->last_term));
    cmd_set(row, "index", number(s->last_index));
    cmd_set(row, "applied", number(s->applied_index));
    cmd_set(row, "revision", number(s->state.revision));
    cmd_set(row, "epoch", number(s->state.epoch));
    cmd_set(row, "members", number(s->other_count + 1));
    cmd_set(row, "written", json_string(clock_stamp(remains->written_ns, when)));
    cmd_set(row, "trouble", s->doubt != NULL ? json_string(s->doubt) : json_null());
    return row;
}

/* --- deciding --- */

static int check_other(const struct remains *chosen, const struct remains *other, struct err *err)
{
    if (other->failure.code != 0) {
        return err_set(err, ERR_REFUSED,
                       "%s can not be read and may hold more than %s; without it writes may be "
                       "lost: --accept-loss",
                       other->dir, chosen->dir);
    }
    if (survivor_compare(&other->survivor, &chosen->survivor) > 0) {
        return err_set(err, ERR_REFUSED,
                       "%s holds more (term %" PRIu64 ", index %" PRIu64
                       "): recover that one, or lose what it has: --accept-loss",
                       other->dir, other->survivor.last_term, other->survivor.last_index);
    }
    return 0;
}

static bool is_fenced(const struct remains_word *word, const char *name)
{
    for (size_t i = 0; i < word->fenced_count; i++) {
        if (strcmp(word->fenced[i], name) == 0) {
            return true;
        }
    }
    return false;
}

/* Any of them may be primary, by a grant that this disk never saw, and does not learn of the new
 * cluster (safety D6). */
static int check_fenced(const struct survivor *s, const struct remains_word *word, struct err *err)
{
    CLEANUP(buf_close) struct buf names = {0};
    for (size_t i = 0; i < s->other_count; i++) {
        const struct member_info *other = &s->others[i];
        if (other->kind == MEMBER_DATABASE && !is_fenced(word, other->name)) {
            buf_printf(&names, "%s%s", names.size > 0 ? ", " : "", other->name);
        }
    }
    return names.size == 0
               ? 0
               : err_set(err, ERR_REFUSED,
                         "a PostgreSQL may be primary and not know that it is over: see that it is "
                         "down and stays down, and say --i-have-fenced for each of %s",
                         buf_text(&names));
}

int remains_check(const struct remains *chosen, const struct remains *others, size_t count,
                  const struct remains_word *word, struct err *err)
{
    const struct survivor *s = &chosen->survivor;
    if (chosen->failure.code != 0) {
        *err = chosen->failure;
        return err->code;
    }
    for (size_t i = 0; i < count; i++) {
        if (others[i].failure.code == 0 &&
            memcmp(others[i].survivor.cluster_id, s->cluster_id, CLUSTER_ID_SIZE) != 0) {
            return err_set(err, ERR_REFUSED, "%s and %s are of different clusters", chosen->dir,
                           others[i].dir);
        }
    }
    for (size_t i = 0; !word->accept_loss && i < count; i++) {
        int code = check_other(chosen, &others[i], err);
        if (code != 0) {
            return code;
        }
    }
    if (s->doubt != NULL && !word->accept_loss) {
        return err_set(err, ERR_REFUSED,
                       "%s is doubtful (%s): it may be older than what it comes from; "
                       "--accept-loss takes it all the same",
                       chosen->dir, s->doubt);
    }
    return check_fenced(s, word, err);
}
