/* tests/unit/test_soft.c - the table of soft state: what wins, how old it is said to be, how much
 * of it goes at once. test_soft_clocks.c has the same in lives drawn from seeds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/must.h"
#include "tests/lib/soft_post.h"

#define AGAIN_MS 300

static void read_post(struct soft_table *to, uint64_t now_ms, const struct post *post)
{
    struct members all = post_members(1, MEMBERS_MAX);
    soft_hear(to, now_ms, post->message.from, &all, &post->message.soft);
}

static void say(struct soft_table *from, struct soft_table *to, uint64_t now_ms)
{
    struct post post;
    post_write(&post, from, now_ms, to->self);
    read_post(to, now_ms, &post);
    post_burn(&post);
}

/* Often enough for everything small to arrive. */
static void talk(struct soft_table *a, struct soft_table *b, uint64_t now_ms)
{
    for (uint64_t i = 0; i < 4; i++) {
        say(a, b, now_ms + i * AGAIN_MS);
        say(b, a, now_ms + i * AGAIN_MS);
    }
}

static void publish(struct soft_table *t, uint64_t now_ms, const char *text)
{
    assert_int_equal(soft_publish(t, now_ms, text, strlen(text)), 0);
}

static const char *text_of(const struct soft_table *t, uint64_t now_ms, uint64_t member)
{
    static char text[SOFT_BYTES_MAX + 1];
    struct soft_view view;
    if (!soft_get(t, now_ms, member, &view)) {
        return "nothing";
    }
    memcpy(text, view.bytes, view.size);
    text[view.size] = '\0';
    return text;
}

static uint64_t age_of(const struct soft_table *t, uint64_t now_ms, uint64_t member)
{
    struct soft_view view;
    assert_true(soft_get(t, now_ms, member, &view));
    return view.age_ms;
}

/* Zeros: there is none. */
static struct soft_version version_of(const struct soft_table *t, uint64_t member)
{
    struct soft_view view = {.member = 0};
    (void)soft_get(t, UINT64_MAX / 2, member, &view);
    return view.version;
}

struct pair {
    struct soft_table one;
    struct soft_table two;
};

static void open_pair(struct pair *p)
{
    soft_init(&p->one, 1, 5, 50, AGAIN_MS);
    soft_init(&p->two, 2, 5, 60, AGAIN_MS);
}

static void close_pair(struct pair *p)
{
    soft_close(&p->one);
    soft_close(&p->two);
}

static void versions_are_ordered_by_life_then_token_then_counter(void **state)
{
    (void)state;
    static const struct soft_version ascending[] = {
        {0, 0, 0}, {1, 9, 9}, {2, 1, 9}, {2, 2, 1}, {2, 2, 2}, {3, 1, 1}, {3, 1, UINT64_MAX}};
    for (size_t i = 0; i < ARRAY_LEN(ascending); i++) {
        for (size_t j = 0; j < ARRAY_LEN(ascending); j++) {
            int order = soft_version_compare(&ascending[i], &ascending[j]);
            assert_int_equal(order, i < j ? -1 : i > j ? 1 : 0);
        }
    }
}

static void a_state_is_read_on_the_other_side(void **state)
{
    (void)state;
    struct pair p;
    open_pair(&p);
    publish(&p.one, 1000, "first");
    talk(&p.one, &p.two, 1000);
    assert_string_equal(text_of(&p.two, 2000, 1), "first");
    publish(&p.one, 3000, "");
    publish(&p.two, 3000, "another");
    talk(&p.one, &p.two, 3000);
    assert_string_equal(text_of(&p.two, 4000, 1), "");
    assert_string_equal(text_of(&p.one, 4000, 2), "another");
    assert_int_equal(age_of(&p.one, 9000, 1), 0);
    struct soft_view view;
    assert_true(soft_next(&p.two, 4000, 0, &view));
    assert_int_equal(view.member, 1);
    assert_true(soft_next(&p.two, 4000, 1, &view));
    assert_int_equal(view.member, 2);
    assert_false(soft_next(&p.two, 4000, 2, &view));
    assert_false(soft_next(&p.two, 4000, UINT64_MAX, &view));
    close_pair(&p);
}

static void the_same_bytes_again_are_the_same_state(void **state)
{
    (void)state;
    struct pair p;
    open_pair(&p);
    publish(&p.one, 1000, "same");
    uint64_t changes = p.one.changes;
    publish(&p.one, 2000, "same");
    assert_int_equal(p.one.changes, changes);
    publish(&p.one, 2000, "sane");
    assert_int_equal(p.one.changes, changes + 1);
    close_pair(&p);
}

static void more_than_4_kib_are_refused_and_change_nothing(void **state)
{
    (void)state;
    struct pair p;
    open_pair(&p);
    static char large[SOFT_BYTES_MAX + 1];
    publish(&p.one, 1000, "small");
    assert_int_equal(soft_publish(&p.one, 1000, large, SOFT_BYTES_MAX + 1), ERR_TOO_LARGE);
    assert_string_equal(text_of(&p.one, 1000, 1), "small");
    assert_int_equal(soft_publish(&p.one, 1000, large, SOFT_BYTES_MAX), 0);
    assert_int_equal(soft_publish(&p.two, 1000, large, SOFT_BYTES_MAX + 1), ERR_TOO_LARGE);
    assert_string_equal(text_of(&p.two, 1000, 2), "nothing");
    close_pair(&p);
}

static void what_comes_late_or_twice_brings_nothing_back(void **state)
{
    (void)state;
    struct pair p;
    open_pair(&p);
    talk(&p.two, &p.one, 1000);
    publish(&p.one, 3000, "old");
    struct post old;
    post_write(&old, &p.one, 3000, 2);
    assert_int_equal(post_bytes(&old), 3);
    publish(&p.one, 3010, "new");
    struct post new;
    post_write(&new, &p.one, 3010, 2);
    read_post(&p.two, 3020, &new);
    assert_string_equal(text_of(&p.two, 3020, 1), "new");
    uint64_t changes = p.two.changes;
    read_post(&p.two, 3030, &old);
    read_post(&p.two, 3040, &new);
    read_post(&p.two, 3050, &old);
    assert_string_equal(text_of(&p.two, 3050, 1), "new");
    assert_int_equal(p.two.changes, changes);
    post_burn(&old);
    post_burn(&new);
    close_pair(&p);
}

/* A late message does not make its receiver believe that the other lost what it has. */
static void what_is_known_to_have_arrived_is_not_sent_again(void **state)
{
    (void)state;
    struct pair p;
    open_pair(&p);
    struct post late;
    post_write(&late, &p.two, 900, 1);
    publish(&p.one, 1000, "bytes");
    talk(&p.one, &p.two, 1000);
    read_post(&p.one, 9000, &late);
    struct post post;
    post_write(&post, &p.one, 9000, 2);
    assert_int_equal(post_bytes(&post), 0);
    post_burn(&post);
    post_burn(&late);
    close_pair(&p);
}

/* One that is lost is sent again, but not while it may be on its way. */
static void bytes_are_sent_once_and_again_when_they_were_lost(void **state)
{
    (void)state;
    struct pair p;
    open_pair(&p);
    talk(&p.one, &p.two, 1000);
    publish(&p.one, 3000, "bytes");
    static const struct {
        uint64_t at_ms;
        size_t bytes;
    } sent[] = {{3000, 5}, {3100, 0}, {3000 + AGAIN_MS - 1, 0}, {3000 + AGAIN_MS, 5}};
    for (size_t i = 0; i < ARRAY_LEN(sent); i++) {
        struct post lost;
        post_write(&lost, &p.one, sent[i].at_ms, 2);
        assert_int_equal(post_bytes(&lost), sent[i].bytes);
        post_burn(&lost);
    }
    close_pair(&p);
}

/* Member 1 starts anew, with what its disk says of its life, and speaks. */
static void restart(struct pair *p, uint64_t life, uint64_t token)
{
    soft_close(&p->one);
    soft_init(&p->one, 1, life, token, AGAIN_MS);
}

static void the_words_of_a_new_life_win(void **state)
{
    (void)state;
    static const struct {
        uint64_t life;
        uint64_t token;
        bool hears_first;
    } lives[] = {
        {6, 70, false},  {6, 7, true},  /* as it should be */
        {5, 7, false},   {5, 7, true},  /* the number of its life was not written down */
        {5, 70, false},  {5, 70, true}, /* ... with the higher token */
        {1, 7, false},   {1, 70, true}, /* its disk was restored */
        {0, 700, false}, {UINT32_MAX, 7, true},
    };
    for (size_t i = 0; i < ARRAY_LEN(lives); i++) {
        struct pair p;
        open_pair(&p);
        publish(&p.one, 900, "older");
        publish(&p.one, 1000, "old");
        talk(&p.one, &p.two, 1000);
        struct post late;
        post_write(&late, &p.one, 2200, 2);
        restart(&p, lives[i].life, lives[i].token);
        if (lives[i].hears_first) {
            talk(&p.two, &p.one, 3000);
            assert_string_equal(text_of(&p.one, 4000, 1), "old");
        }
        struct soft_version heard = version_of(&p.one, 1);
        publish(&p.one, 4500, "new");
        struct soft_version own = version_of(&p.one, 1);
        assert_true(soft_version_compare(&own, &heard) > 0);
        talk(&p.two, &p.one, 5000);
        assert_string_equal(text_of(&p.one, 6000, 1), "new");
        assert_string_equal(text_of(&p.two, 6000, 1), "new");
        read_post(&p.two, 6100, &late);
        assert_string_equal(text_of(&p.two, 6100, 1), "new");
        publish(&p.one, 6200, "newer");
        talk(&p.two, &p.one, 6200);
        assert_string_equal(text_of(&p.two, 9000, 1), "newer");
        post_burn(&late);
        close_pair(&p);
    }
}

static void a_message_that_proves_no_age_brings_no_state(void **state)
{
    (void)state;
    struct pair p;
    open_pair(&p);
    talk(&p.one, &p.two, 1000);
    publish(&p.one, 3000, "bytes");
    struct post post;
    post_write(&post, &p.one, 3000, 2);
    struct peer_soft *m = &post.message.soft;
    struct peer_soft good = *m;
    m->echo_token = 0;
    read_post(&p.two, 3000, &post);
    m->echo_token = good.echo_token + 1; /* of an earlier life of 2's */
    read_post(&p.two, 3000, &post);
    *m = good;
    m->echo_ms = 3001; /* a reading that 2's clock has not had yet */
    read_post(&p.two, 3000, &post);
    *m = good;
    m->token = 0;
    read_post(&p.two, 3000, &post);
    assert_string_equal(text_of(&p.two, 3000, 1), "nothing");
    *m = good;
    read_post(&p.two, 3000, &post);
    assert_string_equal(text_of(&p.two, 3000, 1), "bytes");
    post_burn(&post);
    close_pair(&p);
}

/* Both readings of a clock were rounded down: almost a millisecond may have passed between equal
 * ones. */
static void an_age_of_less_than_a_millisecond_counts_as_one(void **state)
{
    (void)state;
    struct pair p;
    open_pair(&p);
    publish(&p.one, 1000, "bytes");
    for (unsigned i = 0; i < 3; i++) {
        say(&p.two, &p.one, 1000);
        say(&p.one, &p.two, 1000);
    }
    assert_int_equal(age_of(&p.two, 1000, 1), 1);
    close_pair(&p);
}

/* Who is silent ages in true time, and nobody's telling of it makes it younger. */
static void the_state_of_a_silent_member_ages_everywhere(void **state)
{
    (void)state;
    struct pair p;
    open_pair(&p);
    struct soft_table three;
    soft_init(&three, 3, 1, 3, AGAIN_MS);
    publish(&p.one, 1000, "last words");
    talk(&p.two, &p.one, 1000);
    for (uint64_t now_ms = 2000; now_ms < 60000; now_ms += 100) {
        say(&p.two, &three, now_ms);
        say(&three, &p.two, now_ms);
    }
    uint64_t silent_ms = 60000 - (1000 + 3 * AGAIN_MS);
    assert_in_range(age_of(&p.two, 60000, 1), silent_ms, silent_ms + 2 * AGAIN_MS);
    assert_in_range(age_of(&three, 60000, 1), silent_ms, silent_ms + 4 * AGAIN_MS);
    soft_close(&three);
    close_pair(&p);
}

static void members_that_leave_are_forgotten(void **state)
{
    (void)state;
    struct pair p;
    open_pair(&p);
    struct soft_table three;
    soft_init(&three, 3, 1, 3, AGAIN_MS);
    publish(&p.one, 1000, "one");
    talk(&p.two, &p.one, 1000);
    talk(&p.two, &three, 3000);
    publish(&three, 4500, "three");
    talk(&p.two, &three, 5000);
    assert_string_equal(text_of(&three, 7000, 1), "one");
    struct members left = post_members(2, 3);
    soft_keep(&p.two, &left);
    assert_string_equal(text_of(&p.two, 7000, 1), "nothing");
    assert_string_equal(text_of(&p.two, 7000, 3), "three");
    assert_null(soft_peer(&p.two, 1));
    struct post post; /* from 3, who has not heard yet that 1 left */
    post_write(&post, &three, 7000, 2);
    soft_hear(&p.two, 7000, 3, &left, &post.message.soft);
    post_burn(&post);
    post_write(&post, &p.one, 7000, 2);
    soft_hear(&p.two, 7000, 1, &left, &post.message.soft);
    assert_string_equal(text_of(&p.two, 7000, 1), "nothing");
    assert_null(soft_peer(&p.two, 1));
    /* A message is enough, when the membership is another than before. */
    struct members alone = post_members(2, 2);
    soft_hear(&p.two, 7000, 3, &alone, &post.message.soft);
    assert_string_equal(text_of(&p.two, 7000, 3), "nothing");
    assert_null(soft_peer(&p.two, 3));
    /* Its own words stay with a node that is no member itself. */
    struct members nobody = post_members(1, 0);
    post_burn(&post);
    soft_keep(&p.one, &nobody);
    assert_string_equal(text_of(&p.one, 7000, 1), "one");
    assert_int_equal(p.one.peers_count, 0);
    soft_close(&three);
    close_pair(&p);
}

static void strangers_and_nonsense_take_no_room(void **state)
{
    (void)state;
    struct pair p;
    open_pair(&p);
    talk(&p.one, &p.two, 1000);
    static char bytes[SOFT_BYTES_MAX + 1];
    struct peer_soft_state states[4 * MEMBERS_MAX];
    for (size_t i = 0; i < ARRAY_LEN(states); i++) {
        states[i] = (struct peer_soft_state){.member = 1000 + i,
                                             .life = 1,
                                             .token = 1,
                                             .counter = 1,
                                             .has_bytes = true,
                                             .bytes = bytes,
                                             .size = 1};
    }
    states[7].member = 7;
    states[7].size = SOFT_BYTES_MAX + 1;
    states[8].member = 8;
    states[8].age_ms = UINT64_MAX;
    struct peer_soft in = {.token = 50,
                           .sent_ms = 5000,
                           .echo_token = 60,
                           .echo_ms = 5000,
                           .count = ARRAY_LEN(states),
                           .states = states};
    struct members all = post_members(1, MEMBERS_MAX);
    soft_hear(&p.two, 5000, 1, &all, &in);
    soft_hear(&p.two, 5000, 1000, &all, &in);
    assert_int_equal(p.two.count, 0);
    assert_int_equal(p.two.peers_count, 1);
    for (uint64_t id = 1; id <= MEMBERS_MAX; id++) { /* and as many as there can be have room */
        states[id].member = id;
        states[id].size = SOFT_BYTES_MAX;
        states[id].age_ms = 0;
    }
    for (uint64_t from = 1; from <= MEMBERS_MAX; from++) {
        soft_hear(&p.two, 5000, from, &all, &in);
    }
    publish(&p.two, 5000, "own");
    struct post post;
    for (uint64_t to = 1; to <= MEMBERS_MAX; to++) {
        post_write(&post, &p.two, 5000, to);
        post_burn(&post);
    }
    assert_int_equal(p.two.count, MEMBERS_MAX);
    assert_int_equal(p.two.peers_count, MEMBERS_MAX - 1);
    close_pair(&p);
}

static void members_come_and_go_for_ever(void **state)
{
    (void)state;
    struct pair p;
    open_pair(&p);
    for (uint64_t id = 10; id < 10 + 4 * MEMBERS_MAX; id++) {
        struct members members = post_members(id, id);
        members.at[1] = (struct member){.id = 1, .role = MEMBER_VOTER, .info = ""};
        members.count = 2;
        struct peer_soft_state one = {.member = id, .life = 1, .token = 1, .counter = 1};
        struct peer_soft in = {.token = 50, .sent_ms = 1000, .count = 1, .states = &one};
        soft_hear(&p.two, 1000, 1, &members, &in);
        assert_int_equal(soft_peer(&p.two, 1)->count, 1);
    }
    close_pair(&p);
}

/* 64 KiB do not fit into one message; that some of it changes all the time starves nobody. */
static void full_states_of_all_members_arrive_piece_by_piece(void **state)
{
    (void)state;
    static struct soft_table leader;
    static struct soft_table reader;
    static char bytes[SOFT_BYTES_MAX];
    soft_init(&leader, 1, 1, 1, AGAIN_MS);
    soft_init(&reader, 2, 1, 2, AGAIN_MS);
    uint64_t now_ms = 1000;
    static struct soft_table others[MEMBERS_MAX - 2];
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        soft_init(&others[i], 3 + i, 1, 3 + i, AGAIN_MS);
    }
    for (unsigned beat = 0; beat < 24; beat++, now_ms += 100) {
        for (size_t i = 0; i < ARRAY_LEN(others); i++) {
            bytes[0] = (char)(i < 8 ? beat : 77); /* half of them say something new each time */
            assert_int_equal(soft_publish(&others[i], now_ms, bytes, sizeof(bytes)), 0);
            say(&leader, &others[i], now_ms);
            say(&others[i], &leader, now_ms);
        }
        say(&leader, &reader, now_ms);
        say(&reader, &leader, now_ms);
    }
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        struct soft_view view;
        assert_true(soft_get(&reader, now_ms, others[i].self, &view));
        assert_int_equal(view.size, SOFT_BYTES_MAX);
        assert_true(view.age_ms < 2000);
        soft_close(&others[i]);
    }
    soft_close(&leader);
    soft_close(&reader);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(versions_are_ordered_by_life_then_token_then_counter),
        cmocka_unit_test(a_state_is_read_on_the_other_side),
        cmocka_unit_test(the_same_bytes_again_are_the_same_state),
        cmocka_unit_test(more_than_4_kib_are_refused_and_change_nothing),
        cmocka_unit_test(what_comes_late_or_twice_brings_nothing_back),
        cmocka_unit_test(what_is_known_to_have_arrived_is_not_sent_again),
        cmocka_unit_test(bytes_are_sent_once_and_again_when_they_were_lost),
        cmocka_unit_test(the_words_of_a_new_life_win),
        cmocka_unit_test(a_message_that_proves_no_age_brings_no_state),
        cmocka_unit_test(an_age_of_less_than_a_millisecond_counts_as_one),
        cmocka_unit_test(the_state_of_a_silent_member_ages_everywhere),
        cmocka_unit_test(members_that_leave_are_forgotten),
        cmocka_unit_test(strangers_and_nonsense_take_no_room),
        cmocka_unit_test(members_come_and_go_for_ever),
        cmocka_unit_test(full_states_of_all_members_arrive_piece_by_piece),
    };
    return cmocka_run_group_tests_name("soft", tests, NULL, NULL);
}
