/* tests/unit/decide_standby.h - the situations of a standby cluster, for test_decide.c, whose
 * changes they are made of. */
#ifndef TESTS_UNIT_DECIDE_STANDBY_H_
#define TESTS_UNIT_DECIDE_STANDBY_H_

// clang-format off
#define DECIDE_STANDBY_ROWS \
    {"a cluster that is to follow another one: its primary is shut down", kit_primary, {is_to_follow_another_cluster}, ACTION_STOP, "demote-cluster"}, \
    {"A7: ... not in a pause", kit_primary, {is_to_follow_another_cluster, paused}, ACTION_WAIT, "serving"}, \
    {"A7: ... nor while the primary is held", kit_primary, {is_to_follow_another_cluster, held_by_hand}, ACTION_WAIT, "serving"}, \
    {"A8: ... nor before every member knows how: nobody would be granted the lead", kit_primary, {is_to_follow_another_cluster, level_of_before}, ACTION_WAIT, "serving"}, \
    {"A8: ... and what crashes then goes on in place", kit_primary, {is_to_follow_another_cluster, level_of_before, crashed, alone}, ACTION_START_PRIMARY, "restart-in-place"}, \
    {"D2: ... nor is anything begun here as a primary", kit_primary, {nothing_begun, is_to_follow_another_cluster}, ACTION_RELEASE, "data-lost"}, \
    {"A7: ... which a pause that begins while it is down leaves where it was", kit_primary, {is_to_follow_another_cluster, crashed, pgraft_has_ended_it, paused}, ACTION_START_PRIMARY, "restart-in-place"}, \
    {"... and gives the role back, for good", kit_primary, {is_to_follow_another_cluster, crashed}, ACTION_RELEASE, "kind-changed-down"}, \
    {"B1: who was chosen before is not promoted any more", kit_chosen, {is_to_follow_another_cluster}, ACTION_WAIT, "kind-changed"}, \
    {"B1: who leads a standby cluster is never promoted, whatever its timeline is", kit_leader, {nothing}, ACTION_WAIT, "leading"}, \
    {"... also where it is the one of its grant, and it was down", kit_leader, {down}, ACTION_START_STANDBY, "start-to-lead"}, \
    {"... it follows the other cluster", kit_leader, {follows_nobody}, ACTION_FOLLOW, "follow-remote"}, \
    {"... where that is now", kit_leader, {of_another_place}, ACTION_FOLLOW, "follow-remote"}, \
    {"... or its archive alone", kit_leader, {from_an_archive_alone}, ACTION_FOLLOW, "follow-remote"}, \
    {"... which is well too", kit_leader, {from_an_archive_alone, receives_nothing}, ACTION_WAIT, "leading"}, \
    {"... with any copy", kit_leader, {another_copy}, ACTION_WAIT, "leading"}, \
    {"D2: it says whose data these are", kit_leader, {never_recorded}, ACTION_RECORD, "record-remote"}, \
    {"D2: ... not before they stream: they may be anybody's", kit_leader, {never_recorded, follows_nobody}, ACTION_FOLLOW, "follow-remote"}, \
    {"... since an earlier grant will do", kit_leader, {never_recorded, streams_since_before}, ACTION_RECORD, "record-remote"}, \
    {"D2: ... from there", kit_leader, {never_recorded, streams_not_yet}, ACTION_WAIT, "leading"}, \
    {"... by an archive alone nobody can say more", kit_leader, {never_recorded, from_an_archive_alone, receives_nothing}, ACTION_RECORD, "record-remote"}, \
    {"D2: it has none: it copies them, and begins nothing of its own", kit_leader, {never_recorded, without_data}, ACTION_RETURN, "copy-remote"}, \
    {"B6: ... beside a guard", kit_leader, {never_recorded, without_data, guard_not_there_yet}, ACTION_START_GUARD, "guard-wanted"}, \
    {"... until it has them whole", kit_leader, {never_recorded, half_copied}, ACTION_RETURN, "copy-remote"}, \
    {"... where others have them, it is one of them that leads", kit_leader, {without_data}, ACTION_RELEASE, "data-lost"}, \
    {"... what the other cluster does not have is rewound", kit_leader, {never_streams}, ACTION_RETURN, "copy-remote"}, \
    {"... for which it stays down until its end is read", kit_leader, {never_streams, down, end_unread}, ACTION_WAIT, "granted"}, \
    {"... also where what it lacks is gone there", kit_leader, {lacks_what_is_gone_there, down, end_unread}, ACTION_WAIT, "granted"}, \
    {"... or it never comes up", kit_leader, {never_comes_up, down, end_unread}, ACTION_WAIT, "granted"}, \
    {"... while one that was only down starts at once", kit_leader, {down, end_unread}, ACTION_START_STANDBY, "start-to-lead"}, \
    {"B2: one that was promoted by hand is ended", kit_leader, {promoted_by_hand}, ACTION_KILL, "other-epoch"}, \
    {"B2: ... even by the guard", kit_leader, {promoted_by_hand, with_the_guards_word}, ACTION_KILL, "other-epoch"}, \
    {"an operator restarts it", kit_leader, {to_be_restarted}, ACTION_STOP, "restart-leader"}, \
    {"... or wants another one to lead", kit_leader, {role_is_wanted_elsewhere}, ACTION_RELEASE, "hand-lead-over"}, \
    {"A7: ... not in a pause", kit_leader, {role_is_wanted_elsewhere, paused}, ACTION_WAIT, "leading"}, \
    {"... not to who does not follow it", kit_leader, {role_is_wanted_elsewhere, nobody_streams}, ACTION_WAIT, "leading"}, \
    {"one that does not come up leaves the lead", kit_leader, {down, for_long}, ACTION_RELEASE, "lead-given-up"}, \
    {"... to somebody", kit_leader, {down, for_long, alone}, ACTION_START_STANDBY, "start-to-lead"}, \
    {"... and one that starts for ever lets it run out", kit_leader, {starts, for_long}, ACTION_WAIT, "lead-hangs"}, \
    {"A7: ... not in a pause, in which nobody else would be granted it", kit_leader, {starts, for_long, paused}, ACTION_WAIT, "granted"}, \
    {"a cluster that is to have a primary: the lead is given back", kit_leader, {is_to_have_a_primary}, ACTION_RELEASE, "promote-cluster"}, \
    {"A7: ... not in a pause", kit_leader, {is_to_have_a_primary, paused}, ACTION_WAIT, "leading"}, \
    {"A3: ... as it runs only if the guard does not hold it for a primary", kit_leader, {is_to_have_a_primary, guard_is_silent}, ACTION_KILL, "guard-silent"}, \
    {"... or with nothing running", kit_leader, {is_to_have_a_primary, down}, ACTION_RELEASE, "kind-changed-down"}, \
    {"the others follow the leader", kit_follower, {nothing}, ACTION_WAIT, "steady"}, \
    {"... whatever timelines there were here before", kit_follower, {on_a_timeline_of_its_own, follows_nobody}, ACTION_FOLLOW, "follow"}, \
    {"... copied from it", kit_follower, {without_data}, ACTION_RETURN, "come-back"}, \
    {"... or rewound with what it follows", kit_follower, {never_streams}, ACTION_RETURN, "come-back"},
// clang-format on

#endif /* TESTS_UNIT_DECIDE_STANDBY_H_ */
