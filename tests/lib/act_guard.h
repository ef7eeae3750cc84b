/* tests/lib/act_guard.h - an executor of actions (act_kit.h) whose guard the test is. */
#ifndef TESTS_LIB_ACT_GUARD_H_
#define TESTS_LIB_ACT_GUARD_H_

#include <sys/socket.h>
#include <unistd.h>

#include "tests/lib/act_kit.h"

struct act_guard {
    struct guard_client client;
    struct guard_seen seen;
    int fd; /* the guard's end */
};

static inline void act_guard_open(struct act_guard *g, struct act *a)
{
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
    act_kit_open(a);
    *g = (struct act_guard){
        .client = {.fd = ends[0], .page_fd = -1}, .seen = {.state = GUARD_WELL}, .fd = ends[1]};
    a->guard = &g->client;
    a->guard_seen = &g->seen;
}

static inline void act_guard_close(struct act_guard *g, struct act *a)
{
    act_kit_close(a);
    act_kit_close_loop();
    (void)close(g->client.fd);
    (void)close(g->fd);
}

#endif /* TESTS_LIB_ACT_GUARD_H_ */
