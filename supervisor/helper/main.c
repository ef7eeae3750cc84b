/* supervisor/helper/main.c - pgraft-helper: asks a disk what pgraftd must not wait for.
 *
 * Started by pgraftd, which writes it one question a line; of no use by hand, except to look at
 * what pgraftd sees. It ends with its input, and with whoever started it. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>

#include "supervisor/helper/jobs.h"
#include "supervisor/pg_rows.h"

static int usage(void)
{
    (void)fprintf(stderr,
                  "usage: pgraft-helper disk DATA_DIR \"read|write [startup] [nowal]\"\n"
                  "       pgraft-helper wal DATA_DIR [LSN]\n"
                  "       pgraft-helper serve DATA_DIR\n"
                  "       pgraft-helper run|script|room PARENT PROGRAM [WORD...]\n");
    return 2;
}

static bool takes(const char **rest, const char *words)
{
    size_t size = strlen(words);
    bool is_there = strncmp(*rest, words, size) == 0;
    *rest += is_there ? size : 0;
    return is_there;
}

/* "read", "write", each with " startup" or without, and then with " nowal" or without. */
static bool is_of_disk(const char *words, struct disk_question *ret_question)
{
    struct disk_question question = {.writes = takes(&words, "write")};
    if (!question.writes && !takes(&words, "read")) {
        return false;
    }
    question.startup = takes(&words, " startup");
    question.spares_wal = takes(&words, " nowal");
    *ret_question = question;
    return words[0] == '\0';
}

/* ... or "wal LSN". False: none of these. */
static bool answer(const char *data_dir, const char *question)
{
    uint64_t start;
    struct disk_question of_disk;
    if (is_of_disk(question, &of_disk)) {
        job_disk(data_dir, &of_disk);
    } else if (strncmp(question, "wal ", 4) == 0 && pg_text_lsn(question + 4, &start)) {
        job_wal(data_dir, start);
    } else {
        return false;
    }
    return fflush(stdout) == 0;
}

static int serve(const char *data_dir)
{
    char line[64];
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    while (fgets(line, sizeof(line), stdin) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        if (!answer(data_dir, line)) {
            return 1;
        }
    }
    return 0;
}

int main(int count, char **words)
{
    if (count == 3 && strcmp(words[1], "serve") == 0) {
        return serve(words[2]);
    }
    if (count >= 4 && strcmp(words[1], "run") == 0) {
        return job_run(words[2], words + 3);
    }
    if (count >= 4 && strcmp(words[1], "script") == 0) {
        return job_script(words[2], words + 3);
    }
    if (count >= 4 && strcmp(words[1], "room") == 0) {
        return job_room(words[2], words + 3);
    }
    if (count == 4 && strcmp(words[1], "disk") == 0) {
        return answer(words[2], words[3]) ? 0 : usage();
    }
    uint64_t start = 0;
    if ((count == 3 || count == 4) && strcmp(words[1], "wal") == 0) {
        if (count == 4 && !pg_text_lsn(words[3], &start)) {
            return usage();
        }
        job_wal(words[2], start);
        return 0;
    }
    return usage();
}
