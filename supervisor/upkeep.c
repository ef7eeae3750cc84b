/* supervisor/upkeep.c - one statement after the other, and what became of each. */
#include "supervisor/upkeep.h"

#include <string.h>

#include "base/log.h"
#include "base/must.h"

#define EVERY_MS 10000
#define AGAIN_MS 1000 /* least between two looks */
#define ANSWER_MS 5000

static void go_on(struct upkeep *u);

/* ---- when ---- */

static uint64_t mix(uint64_t print, const void *bytes, size_t size)
{
    const unsigned char *at = (const unsigned char *)bytes;
    for (size_t i = 0; i < size; i++) {
        print = (print ^ at[i]) * UINT64_C(1099511628211);
    }
    return print;
}

/* Of what a look depends on, but for positions, which move all the time. */
static uint64_t print_of(const struct slots_input *input, bool wants_weak)
{
    uint64_t print = UINT64_C(14695981039346656037);
    unsigned char bits = (unsigned char)(input->is_wanted | input->is_primary << 1 |
                                         input->is_heir << 2 | wants_weak << 3);
    print = mix(print, &bits, 1);
    for (uint32_t i = 0; i < input->member_count; i++) {
        const struct slots_member *m = &input->members[i];
        unsigned char here = (unsigned char)(m->is_here | m->is_fed << 1);
        print = mix(print, m->name, strlen(m->name) + 1);
        print = mix(print, &here, 1);
    }
    return print;
}

/* ---- the statements ---- */

static void rest(struct upkeep *u)
{
    u->is_working = false;
    u->plan_count = u->plan_at = 0;
}

static void tell(const char *what, const struct pg_failure *failure)
{
    if (failure->err.code != ERR_CANCELED) {
        log_warn("postgresql", what, LOG_ERR(&failure->err));
    }
}

static void checkpoint_cb(struct pg_link *link, const struct pg_rows *rows,
                          const struct pg_failure *failure)
{
    struct upkeep *u = (struct upkeep *)link->owner;
    if (rows != NULL) {
        log_info("postgresql", "first checkpoint of this timeline is written");
    } else {
        tell("no checkpoint", failure);
    }
    rest(u);
}

static void plan_cb(struct pg_link *link, const struct pg_rows *rows,
                    const struct pg_failure *failure)
{
    static const char *const steps[] = {[SLOTS_CREATE] = "slot made",
                                        [SLOTS_ADVANCE] = "slot moved on",
                                        [SLOTS_DROP] = "slot dropped"};
    struct upkeep *u = (struct upkeep *)link->owner;
    const struct slots_plan *plan = &u->plans[u->plan_at];
    u->plan_at++;
    if (rows == NULL) {
        tell("slot", failure);
    } else if (plan->step != SLOTS_ADVANCE) {
        log_info("postgresql", steps[plan->step], LOG_STR("slot", plan->name),
                 LOG_STR("why", plan->why));
        u->look_at_ms = u->now_ms + AGAIN_MS; /* what was dropped may be made again */
    }
    go_on(u);
}

static void ask(struct upkeep *u, const char *sql, uint64_t deadline_ms, pg_link_rows_cb on_rows)
{
    if (u->is_closing || pg_link_ask(&u->link, sql, deadline_ms, on_rows, NULL) != 0) {
        rest(u);
    }
}

static void weak_cb(struct pg_link *link, const struct pg_rows *rows,
                    const struct pg_failure *failure)
{
    struct upkeep *u = (struct upkeep *)link->owner;
    struct pg_failure strange = {.err.code = 0};
    bool is_read = rows != NULL && weak_parse(rows, &u->weak, &strange.err) == 0;
    if (!is_read && !u->was_weak_refused) {
        tell("roles and databases can not be read", rows == NULL ? failure : &strange);
    }
    u->was_weak_refused = !is_read;
    go_on(u);
}

static void go_on(struct upkeep *u)
{
    char sql[SLOTS_SQL_SIZE];
    if (u->plan_at < u->plan_count) {
        ask(u, slots_plan_sql(&u->plans[u->plan_at], sql), ANSWER_MS, plan_cb);
    } else if (u->is_weak_due) {
        u->is_weak_due = false;
        ask(u, weak_sql(), ANSWER_MS, weak_cb);
    } else if (u->seen.wants_checkpoint && u->input.is_primary) {
        u->seen.wants_checkpoint = false;
        ask(u, "CHECKPOINT", UPKEEP_CHECKPOINT_MS, checkpoint_cb);
    } else {
        rest(u);
    }
}

static void look_cb(struct pg_link *link, const struct pg_rows *rows,
                    const struct pg_failure *failure)
{
    struct upkeep *u = (struct upkeep *)link->owner;
    struct pg_failure strange = {.err.code = 0};
    if (rows == NULL || slots_parse(rows, &u->seen, &strange.err) != 0) {
        tell("slots can not be read", rows == NULL ? failure : &strange);
        rest(u);
        return;
    }
    u->plan_at = 0;
    u->is_weak_due = u->wants_weak;
    u->plan_count = slots_plan(&u->book, &u->input, &u->seen, u->now_ms, u->plans, SLOTS_MAX);
    go_on(u);
}

/* ---- the tick ---- */

void upkeep_tick(struct upkeep *u, uint64_t now_ms, const struct slots_input *input)
{
    u->now_ms = now_ms;
    if (u->is_closing) {
        return;
    }
    if (input == NULL || !u->wants_weak) {
        u->weak = (struct weak_seen){.count = 0};
    }
    if (input == NULL) {
        if (u->link.state != PG_LINK_IDLE) {
            pg_link_drop(&u->link);
        }
        rest(u);
        return;
    }
    uint64_t print = print_of(input, u->wants_weak);
    if (u->link.state == PG_LINK_IDLE) {
        pg_link_connect(&u->link);
    }
    bool is_due = now_ms >= u->look_at_ms || print != u->print;
    if (u->is_working || !is_due || u->link.state != PG_LINK_READY) {
        return;
    }
    u->input = *input;
    u->print = print;
    u->look_at_ms = now_ms + EVERY_MS;
    u->is_working = true;
    ask(u, slots_sql(), ANSWER_MS, look_cb);
}

/* A broken connection answers what was asked first: there is nothing to do here. */
static void change_cb(struct pg_link *link)
{
    (void)link;
}

int upkeep_open(struct upkeep *u, uv_loop_t *loop, const struct pg_place *place, struct err *err)
{
    memset(u, 0, sizeof(*u));
    MUST(place->statement_ms > UPKEEP_CHECKPOINT_MS);
    int code = pg_link_open(&u->link, loop, place, err);
    u->link.owner = u;
    u->link.on_change = change_cb;
    return code;
}

static void closed_cb(struct pg_link *link)
{
    struct upkeep *u = (struct upkeep *)link->owner;
    u->on_closed(u);
}

void upkeep_close(struct upkeep *u, upkeep_cb on_closed)
{
    u->is_closing = true;
    u->on_closed = on_closed;
    pg_link_close(&u->link, closed_cb);
}
