/* tests/unit/test_mail.c - orders ring once and in time, answers come together, nothing is lost in
 * between. Real threads, a loop that is turned by hand. */
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <uv.h>

#include <cmocka.h>

#include "consensus/node/mail.h"

static struct {
    uv_loop_t loop;
    struct mail mail;
    struct list taken;
    unsigned int wakes;
} box;

static void on_wake(uv_poll_t *handle, int status, int events)
{
    (void)handle;
    (void)status;
    (void)events;
    box.wakes++;
    mail_take_orders(&box.mail, &box.taken);
}

static size_t take_all(void)
{
    size_t count = 0;
    for (struct list *link = list_pop_front(&box.taken); link != NULL;
         link = list_pop_front(&box.taken)) {
        order_free(CONTAINER_OF(link, struct order, link));
        count++;
    }
    return count;
}

/* How many orders one round of the loop has brought. */
static size_t turn(void)
{
    (void)uv_run(&box.loop, UV_RUN_NOWAIT);
    return take_all();
}

static int open_box(void **state)
{
    (void)state;
    memset(&box, 0, sizeof(box));
    list_init(&box.taken);
    assert_int_equal(uv_loop_init(&box.loop), 0);
    assert_int_equal(mail_open(&box.mail, &box.loop, on_wake, NULL), 0);
    return 0;
}

static int close_box(void **state)
{
    (void)state;
    uv_close((uv_handle_t *)&box.mail.wake, NULL);
    (void)uv_run(&box.loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&box.loop), 0);
    mail_shut(&box.mail, &box.taken);
    (void)take_all();
    mail_close(&box.mail);
    return 0;
}

static void give(void)
{
    assert_int_equal(mail_order(&box.mail, order_create(ORDER_PULL)), 0);
}

static void *give_elsewhere(void *arg)
{
    give();
    return arg;
}

static bool is_readable(void)
{
    struct pollfd fd = {.fd = box.mail.fd, .events = POLLIN};
    return poll(&fd, 1, 0) == 1;
}

static void each_order_arrives_once(void **state)
{
    (void)state;
    assert_int_equal(turn(), 0);
    give();
    give();
    assert_int_equal(turn(), 2);
    assert_int_equal(turn(), 0);
    give();
    assert_int_equal(turn(), 1);
    assert_int_equal(box.wakes, 2);
}

static void orders_of_who_dispatches_go_together(void **state)
{
    (void)state;
    mail_hold(&box.mail);
    give();
    assert_int_equal(turn(), 0);
    give();
    mail_release(&box.mail);
    assert_int_equal(turn(), 2);
    assert_int_equal(box.wakes, 1);
    give();
    assert_int_equal(turn(), 1);
}

static void an_order_of_another_thread_does_not_wait(void **state)
{
    (void)state;
    pthread_t thread;
    mail_hold(&box.mail);
    give();
    assert_int_equal(pthread_create(&thread, NULL, give_elsewhere, NULL), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(turn(), 2);
    give();
    assert_int_equal(turn(), 0);
    mail_release(&box.mail);
    assert_int_equal(turn(), 1);
}

static void answers_of_a_turn_come_together(void **state)
{
    (void)state;
    mail_stage(&box.mail, delivery_create(DELIVER_CHANGES));
    mail_stage(&box.mail, delivery_create(DELIVER_CHANGES));
    assert_false(is_readable());
    assert_null(mail_next(&box.mail));
    mail_post(&box.mail);
    assert_true(is_readable());
    for (int i = 0; i < 2; i++) {
        struct delivery *delivery = mail_next(&box.mail);
        assert_non_null(delivery);
        delivery_free(delivery);
    }
    assert_false(is_readable());
    mail_post(&box.mail);
    assert_false(is_readable());
}

static void what_was_not_dispatched_yet_keeps_ringing(void **state)
{
    (void)state;
    mail_deliver(&box.mail, delivery_create(DELIVER_EVENT));
    mail_stage(&box.mail, delivery_create(DELIVER_CHANGES));
    mail_post(&box.mail);
    delivery_free(mail_next(&box.mail));
    assert_true(is_readable());
    delivery_free(mail_next(&box.mail));
    assert_false(is_readable());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_order_arrives_once, open_box, close_box),
        cmocka_unit_test_setup_teardown(orders_of_who_dispatches_go_together, open_box, close_box),
        cmocka_unit_test_setup_teardown(an_order_of_another_thread_does_not_wait, open_box,
                                        close_box),
        cmocka_unit_test_setup_teardown(answers_of_a_turn_come_together, open_box, close_box),
        cmocka_unit_test_setup_teardown(what_was_not_dispatched_yet_keeps_ringing, open_box,
                                        close_box),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
