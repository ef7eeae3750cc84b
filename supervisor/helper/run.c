/* supervisor/helper/run.c - becomes another program, which the kernel ends when pgraftd dies. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "supervisor/helper/jobs.h"
#include "supervisor/pg_rows.h"

int job_run(const char *parent, char **words)
{
    uint64_t pid = 0;
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (!pg_text_u64(parent, &pid) || (uint64_t)getppid() != pid) {
        return 1; /* it died before that was set */
    }
    (void)dup2(STDOUT_FILENO, STDERR_FILENO); /* all of its words go one way */
    (void)execv(words[0], words);
    (void)printf("%s: %s\n", words[0], strerrordesc_np(errno));
    return 127;
}
