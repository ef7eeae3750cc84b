/* supervisor/act_record.c - where the timeline of a new primary came from, by its own history
 * file, which PostgreSQL has synced before it left recovery. The write itself is the owner's. Of a
 * standby cluster, whose timelines are another one's, only whose data these are. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "supervisor/act_parts.h"
#include "supervisor/first_data.h"
#include "supervisor/pg_file.h"
#include "supervisor/pg_rows.h"

/* "PARENT\tX/X\treason"; nothing is written of another one. */
static bool parse_line(const char *line, size_t size, struct history_row *row)
{
    char words[64];
    uint64_t parent = 0;
    (void)snprintf(words, sizeof(words), "%.*s", (int)size, line);
    char *place = words + strspn(words, "0123456789");
    char *first = place + strspn(place, " \t");
    if (first == place) {
        return false;
    }
    *place = '\0';
    first[strcspn(first, " \t")] = '\0';
    if (!pg_text_u64(words, &parent) || parent > UINT32_MAX ||
        !pg_text_lsn(first, &row->switch_lsn)) {
        return false;
    }
    row->parent = (uint32_t)parent;
    return true;
}

/* The last line that is none of a comment. */
static bool parse_history(const char *text, struct history_row *row)
{
    bool found = false;
    for (const char *line = text; *line != '\0';) {
        size_t size = strcspn(line, "\n");
        found = parse_line(line, size, row) || found;
        line += size;
        line += *line == '\n' ? 1 : 0;
    }
    return found;
}

/* What is known of the data directory holds: since it was looked at, PostgreSQL has run here. */
static int look_if_unknown(struct act_order *o, struct err *err)
{
    const struct home *home = &o->home;
    bool is_known = home->data == DATA_USABLE && home->is_noted == FACT_YES &&
                    home->note.copy != 0 && home->note.system_id != 0;
    return is_known ? 0 : work_look(o, err);
}

/* Before the store is asked. */
static int note_record(struct act_order *o, struct err *err)
{
    int code = look_if_unknown(o, err);
    return code != 0
               ? code
               : first_data_record(o->setup->state_dir, o->home.note.copy, o->decision.epoch, err);
}

static int work_history(struct act_order *o, struct err *err)
{
    uint32_t timeline = o->facts.pg.end.timeline;
    CLEANUP(buf_close) struct buf text = {0};
    CLEANUP(mem_freep)
    char *path = mem_printf("%s/pg_wal/%08X.history", o->setup->files.data_dir, timeline);
    o->row = (struct history_row){.epoch = o->decision.epoch, .timeline = timeline};
    int code = pg_file_read(path, &text, err);
    if (code == ERR_NOT_FOUND && timeline == 1) {
        err->code = 0; /* it came from nowhere: a server that was there before, and was adopted */
        return note_record(o, err);
    }
    if (code != 0) {
        return code;
    }
    return parse_history(buf_text(&text), &o->row)
               ? note_record(o, err)
               : err_set(err, ERR_CORRUPT, "%s: no timeline is in it", path);
}

static void ended(struct act *a)
{
    act_end(a);
}

static int work_whose(struct act_order *o, struct err *err)
{
    return look_if_unknown(o, err);
}

static void look_up(struct act *a)
{
    act_do(a, "history", work_history, ended);
}

void act_record(struct act *a)
{
    if (facts_leads_standby(&a->order.facts)) {
        act_do(a, "whose data", work_whose, ended); /* it has begun no timeline */
        return;
    }
    if (!a->order.facts.pg.end.is_known) {
        (void)err_set(&a->err, ERR_BUSY, "the timeline is not known yet");
        act_end(a);
        return;
    }
    bool is_first = a->order.facts.store.initialized == FACT_NO;
    if (is_first && a->order.setup->post_bootstrap != NULL) {
        act_post_bootstrap(a, look_up);
        return;
    }
    look_up(a);
}
