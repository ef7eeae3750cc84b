/* tests/unit/elect_standby.h - the situations of a standby cluster, for test_elect.c, whose changes
 * they are made of. */
#ifndef TESTS_UNIT_ELECT_STANDBY_H_
#define TESTS_UNIT_ELECT_STANDBY_H_

/* pg1 led a standby cluster; commits of earlier had waited for pg3. */
CHANGE(in_a_standby_cluster)
{
    f->store.grant_is_standby = f->settings.is_standby_cluster = true;
    f->store.history_count = 1; /* it has recorded nothing */
}
CHANGE(is_to_follow_another_cluster)
{
    f->settings.is_standby_cluster = true;
}
CHANGE(is_to_follow_another_cluster_and_pg4_is_older)
{
    f->settings.is_standby_cluster = true;
    f->store.level = LEVEL_STANDBY - 1;
    f->members[3].level = LEVEL_STANDBY - 1;
}
CHANGE(begins_as_a_copy)
{
    begins(f);
    f->settings.is_standby_cluster = true;
}
CHANGE(begins_as_a_copy_and_nobody_has_told_the_level)
{
    begins_as_a_copy(f);
    f->store.level = 0;
}
CHANGE(standby_cluster_of_an_older_level)
{
    in_a_standby_cluster(f);
    f->store.level = LEVEL_STANDBY - 1;
}
CHANGE(is_to_follow_another_cluster_and_pg3_is_silent)
{
    pg3_is_silent_too_long(f);
    f->settings.is_standby_cluster = true;
}
CHANGE(standby_cluster_without_pg3)
{
    in_a_standby_cluster(f);
    pg3_is_silent_too_long(f);
}
CHANGE(standby_cluster_and_pg3_is_on_a_timeline_of_before)
{
    in_a_standby_cluster(f);
    f->members[1].end = kit_at(2, KIT_LSN);
    f->members[2].end = kit_at(3, 100);
}
CHANGE(standby_cluster_and_pg1_has_most)
{
    in_a_standby_cluster(f);
    f->members[0].is_fresh = true;
    f->members[0].sealed_epoch = ORDER;
    f->members[0].end.lsn += 1;
}
CHANGE(standby_cluster_and_pg2_is_wanted)
{
    standby_cluster_and_pg1_has_most(f);
    f->wanted = kit_name(2);
}
CHANGE(standby_cluster_and_pg1_is_not_wanted)
{
    standby_cluster_and_pg1_has_most(f);
    f->unwanted = kit_name(1);
}
CHANGE(standby_cluster_is_promoted)
{
    standby_cluster_and_pg2_is_wanted(f);
    f->settings.is_standby_cluster = false;
}

// clang-format off
#define ELECT_STANDBY_ROWS \
    {"a cluster that is to follow another one is led by who has all", is_to_follow_another_cluster, ELECT_GRANT, "standby-leader", 1, LOSS_NONE}, \
    {"A8: ... by nobody, before every member knows how", is_to_follow_another_cluster_and_pg4_is_older, ELECT_WAIT, "standby-unknown", NOBODY, LOSS_NONE}, \
    {"A8: ... whatever there was before", standby_cluster_of_an_older_level, ELECT_WAIT, "standby-unknown", NOBODY, LOSS_NONE}, \
    {"D2: one that begins so begins with a copy", begins_as_a_copy, ELECT_GRANT, "first-primary", 1, LOSS_NONE}, \
    {"A8: ... and not as a primary, where that is not known", begins_as_a_copy_and_nobody_has_told_the_level, ELECT_WAIT, "standby-unknown", NOBODY, LOSS_NONE}, \
    {"C4: ... what was acknowledged before is proved once more", is_to_follow_another_cluster_and_pg3_is_silent, ELECT_WAIT, "unproven", NOBODY, LOSS_NONE}, \
    {"... and then never again, for nothing was acknowledged here", standby_cluster_without_pg3, ELECT_GRANT, "standby-leader", 1, LOSS_NONE}, \
    {"its lead goes to who has most, by the timelines of the other cluster", standby_cluster_and_pg3_is_on_a_timeline_of_before, ELECT_GRANT, "standby-leader", 2, LOSS_NONE}, \
    {"... also if it led before, and recorded nothing", standby_cluster_and_pg1_has_most, ELECT_GRANT, "standby-leader", 0, LOSS_NONE}, \
    {"... or where an operator wants it", standby_cluster_and_pg2_is_wanted, ELECT_GRANT, "standby-leader", 1, LOSS_NONE}, \
    {"... or does not", standby_cluster_and_pg1_is_not_wanted, ELECT_GRANT, "standby-leader", 1, LOSS_NONE}, \
    {"who has most becomes its primary, wanted or not", standby_cluster_is_promoted, ELECT_GRANT, "chosen", 0, LOSS_NONE},
// clang-format on

#endif /* TESTS_UNIT_ELECT_STANDBY_H_ */
