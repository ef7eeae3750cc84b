/* supervisor/guard/spawn.h - makes the postmaster a child of the guard that can not outlive it. */
#ifndef SUPERVISOR_GUARD_SPAWN_H_
#define SUPERVISOR_GUARD_SPAWN_H_

#include <sys/types.h>

struct spawn {
    char *const *arguments; /* the first is the program's path; ends in NULL */
    char *const *variables;
    int log_fd;    /* becomes standard output and error; -1: the guard's own */
    int cgroup_fd; /* folder of the control group that it enters; -1: none */
};

/* Returns the child's id, or -1 (errno). @ret_fd becomes readable when the program was executed
 * (end of file) or could not be (an int, the errno). */
pid_t spawn_postmaster(const struct spawn *spawn, int *ret_fd);

#endif /* SUPERVISOR_GUARD_SPAWN_H_ */
