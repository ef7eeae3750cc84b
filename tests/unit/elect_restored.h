/* tests/unit/elect_restored.h - the situations in which an operator accepts a loss, for
 * test_elect.c, whose kit they are made of. */
#ifndef TESTS_UNIT_ELECT_RESTORED_H_
#define TESTS_UNIT_ELECT_RESTORED_H_

/* A backup was restored at pg3, and an operator wants that. */
CHANGE(a_backup_on_pg3_is_wanted)
{
    f->wanted = kit_name(3);
    f->accepts_loss = true;
    f->members[2].sealed_epoch = 0;
    f->members[2].has_data = false;
    f->members[2].copy = 0;
    f->members[2].is_restored = true;
    f->members[2].process = PG_ABSENT;
    f->order_age_ms = 60000;
}
CHANGE(a_backup_on_pg3_is_wanted_which_is_not_there)
{
    a_backup_on_pg3_is_wanted(f);
    f->members[2].is_restored = false;
    f->store.sync.sets[0] = (struct sync_set){.needed = 1, .count = 1, .at = {kit_copy(2)}};
}
CHANGE(a_backup_on_pg3_is_wanted_which_is_not_heard)
{
    a_backup_on_pg3_is_wanted(f);
    f->members[2].is_fresh = false;
    f->store.sync.sets[0] = (struct sync_set){.needed = 1, .count = 1, .at = {kit_copy(2)}};
}
CHANGE(a_backup_on_pg3_is_taken)
{
    a_backup_on_pg3_is_wanted(f);
    f->members[2].is_restored = false;
    f->members[2].has_data = true;
    f->members[2].copy = 777;
    f->members[2].sealed_epoch = ORDER;
    f->members[2].end = kit_at(KIT_TIMELINE + 3, 4100);
}
CHANGE(a_backup_on_pg3_is_taken_in_a_pause)
{
    a_backup_on_pg3_is_taken(f);
    f->store.paused = FACT_YES;
}
CHANGE(a_backup_on_pg3_is_taken_and_refuses)
{
    a_backup_on_pg3_is_taken(f);
    f->members[2].config_reads = FACT_NO;
}
CHANGE(a_backup_on_pg3_is_taken_and_nobody_said_so)
{
    a_backup_on_pg3_is_taken(f);
    f->accepts_loss = false;
    f->members[1].sealed_epoch = 0;
}
CHANGE(pg3_is_behind_and_wanted_whatever_is_lost)
{
    f->wanted = kit_name(3);
    f->accepts_loss = true;
    f->members[1].sealed_epoch = 0;
    f->members[1].is_fresh = false;
    f->members[2].end = kit_at(4, 3000);
}
CHANGE(pg3_has_all_and_is_wanted_whatever_is_lost)
{
    f->wanted = kit_name(3);
    f->accepts_loss = true;
}

#endif /* TESTS_UNIT_ELECT_RESTORED_H_ */
