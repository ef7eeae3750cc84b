/* supervisor/act_leave.c - a PostgreSQL that was taken over is let go: it runs on, as it was found
 * (safety A7). The reverse of act_adopt.c.
 *
 *   GIVE BACK (postgresql.conf, the note) --> the guard LEAVES it, and ends
 *
 * Until the guard has it holds, under its deadline. Without the note what runs is nobody's: a
 * pgraftd that is started on it leaves it alone, or takes it over once more. It may be that the
 * guard goes before its answer is read: so is_leaving stands from the request on, until it is
 * refused. */
#include "supervisor/act_parts.h"

static void left(struct act *a)
{
    a->is_leaving = a->err.code == 0 || a->err.code == ERR_CLOSED;
    act_end(a);
}

static void given_back(struct act *a)
{
    if (act_failed(a)) {
        return;
    }
    a->is_leaving = true;
    act_ask(a, GUARD_LEAVE, 0, 0, GUARD_DONE, left);
}

void act_leave(struct act *a)
{
    act_do(a, "give-back", work_give_back, given_back);
}
