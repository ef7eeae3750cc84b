/* tests/unit/test_fence_judge.c - what a fence is refused for, by the view of the node that is
 * asked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/must.h"
#include "daemon/fence_judge.h"
#include "supervisor/level.h"
#include "tests/lib/view_kit.h"

#define CHANGE(name) static void name(struct cluster_view *v)
CHANGE(older_members)
{
    v->level = LEVEL_FENCE - 1;
}
CHANGE(paused)
{
    v->is_paused = true;
}
CHANGE(held)
{
    v->is_held = true;
}
CHANGE(pg3_is_silent)
{
    view_kit_member(v, "pg3")->is_fresh = false;
}
CHANGE(pg3_never_leads)
{
    view_kit_member(v, "pg3")->never_leads = true;
}
CHANGE(pg3_refuses)
{
    view_kit_member(v, "pg3")->is_refusing = true;
}
CHANGE(pg3_is_fenced)
{
    view_kit_member(v, "pg3")->is_fenced = true;
}
CHANGE(pg3_is_down)
{
    view_kit_member(v, "pg3")->state = VIEW_STOPPED;
}
CHANGE(pg3_does_not_stream)
{
    view_kit_member(v, "pg3")->flow = VIEW_FLOW_NONE;
}
CHANGE(nobody_leads)
{
    v->leader.text[0] = '\0';
}
CHANGE(strict)
{
    v->sync_mode = SYNC_QUORUM;
    v->sync_strict = true;
}
CHANGE(pg3_is_nosync)
{
    view_kit_tag(&view_kit_member(v, "pg3")->tags, "nosync", "true", VIEW_TAG_BOOL);
}

#define NO_CANDIDATE "nobody could take over"
#define NO_SYNC "commits would have no other standby to wait for"
#define ALL true, true
#define NONE false, false

// clang-format off
static const struct {
    struct fence_request request;
    void (*changes[2])(struct cluster_view *view);
    int code;
    const char *text;
} cases[] = {
    {{"pg2", NONE}, {NULL}, 0, ""},
    {{"pg1", NONE}, {NULL}, 0, ""}, /* pg2 takes over, and pg3 is left */
    {{"pg2", NONE}, {paused}, 0, ""}, /* nobody's role changes by it */
    {{"pg2", ALL}, {older_members}, ERR_REFUSED, "the feature level in force is 1"},
    {{"pg9", ALL}, {NULL}, ERR_NOT_FOUND, "no member has the name pg9"},
    {{"w1", ALL}, {NULL}, ERR_REFUSED, "w1 is a witness"},
    {{"pg1", ALL}, {paused}, ERR_REFUSED, "nobody is made primary during a pause"},
    {{"pg1", ALL}, {held}, ERR_REFUSED, "nobody is made primary while it is held"},
    {{"pg2", NONE}, {pg3_is_silent}, ERR_REFUSED, NO_CANDIDATE},
    {{"pg2", NONE}, {pg3_never_leads}, ERR_REFUSED, NO_CANDIDATE},
    {{"pg2", NONE}, {pg3_refuses}, ERR_REFUSED, NO_CANDIDATE},
    {{"pg2", NONE}, {pg3_is_fenced}, ERR_REFUSED, NO_CANDIDATE},
    {{"pg2", NONE}, {pg3_is_down}, ERR_REFUSED, NO_CANDIDATE},
    {{"pg2", NONE}, {pg3_does_not_stream}, ERR_REFUSED, NO_CANDIDATE},
    {{"pg2", NONE}, {pg3_does_not_stream, nobody_leads}, 0, ""}, /* nobody streams then; and pg1 is there */
    {{"pg1", NONE}, {pg3_is_down}, ERR_REFUSED, NO_CANDIDATE}, /* pg2 would have nobody behind it */
    {{"pg2", true, false}, {pg3_is_down}, 0, ""},
    {{"pg2", NONE}, {strict}, 0, ""},
    {{"pg2", NONE}, {strict, pg3_is_nosync}, ERR_REFUSED, NO_SYNC},
    {{"pg1", NONE}, {strict, pg3_is_nosync}, ERR_REFUSED, NO_SYNC},
    {{"pg2", NONE}, {pg3_is_nosync}, 0, ""}, /* not strict: commits go on without */
    {{"pg2", true, false}, {strict, pg3_is_down}, ERR_REFUSED, NO_SYNC},
    {{"pg2", false, true}, {strict, pg3_is_nosync}, 0, ""},
};
// clang-format on

static void each_request_has_its_answer(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        static struct cluster_view view;
        struct err err = {0};
        view_kit_fill(&view, "pg1");
        view.level = LEVEL_FENCE;
        for (size_t c = 0; c < ARRAY_LEN(cases[i].changes) && cases[i].changes[c] != NULL; c++) {
            cases[i].changes[c](&view);
        }
        int code = fence_judge(&cases[i].request, &view, &err);
        if (code != cases[i].code || strstr(err.msg, cases[i].text) == NULL) {
            fail_msg("case %zu: %d \"%s\", not %d \"%s\"", i, code, err.msg, cases[i].code,
                     cases[i].text);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_request_has_its_answer)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
