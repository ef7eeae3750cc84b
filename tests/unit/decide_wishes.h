/* tests/unit/decide_wishes.h - the situations of a wish for another primary, and of a backup that
 * somebody has restored, for test_decide.c, whose changes they are made of. */
#ifndef TESTS_UNIT_DECIDE_WISHES_H_
#define TESTS_UNIT_DECIDE_WISHES_H_

CHANGE(anybody_will_do)
{
    f->wish.switchover = true;
}
CHANGE(until_a_moment_ago)
{
    f->wish.is_over = true;
}
/* Somebody has restored a backup, and nothing runs on it. */
CHANGE(a_backup_was_restored)
{
    f->pg.process = PG_ABSENT;
    f->pg.role = ROLE_UNKNOWN;
    f->pg.data = DATA_FOREIGN;
    f->pg.restored = RESTORED_FIT;
    f->pg.copy = f->pg.sealed_epoch = 0;
}
CHANGE(it_is_not_ready)
{
    f->pg.restored = RESTORED_UNFIT;
}
CHANGE(it_is_wanted_whatever_is_lost)
{
    f->wish.accepts_loss = true;
    f->wish.candidate = f->self;
}
CHANGE(another_one_is_wanted_whatever_is_lost)
{
    f->wish.accepts_loss = true;
    f->wish.candidate = kit_name(3);
}
CHANGE(the_role_is_free)
{
    f->store.lease_stands = false;
    f->store.order_epoch = KIT_EPOCH + 1;
}
CHANGE(something_runs_on_it)
{
    f->pg.process = PG_RUNNING;
}
CHANGE(role_is_wanted_for_a_backup_on_pg3)
{
    f->wish.switchover = true;
    another_one_is_wanted_whatever_is_lost(f);
    f->members[2].has_data = false;
    f->members[2].copy = 0;
    f->members[2].process = PG_ABSENT;
    f->members[2].follows_epoch = 0;
    f->members[2].is_restored = true;
    loss_is_borne(f);
}
CHANGE(nobody_has_accepted_that)
{
    f->wish.accepts_loss = false;
}
CHANGE(it_was_taken_away_again)
{
    f->members[2].is_restored = false;
}

#endif /* TESTS_UNIT_DECIDE_WISHES_H_ */
