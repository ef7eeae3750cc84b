/* supervisor/act_method.c - an operator's command that fills the data directory.
 *
 * It has a group of its own, is ended with all that it has started when its sequence is, and until
 * the last of them is gone nothing else begins: what is still writing must not meet what comes
 * after it. */
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/mem.h"
#include "supervisor/act_parts.h"

void act_run_method(struct act *a, const char *name, const char *text, act_next next)
{
    char *words[] = {mem_strdup("/usr/bin/env"),
                     mem_printf("PGPASSFILE=%s", a->order.setup->passfile),
                     mem_printf("PGRAFT_NAME=%s", a->order.setup->name),
                     mem_strdup("/bin/sh"),
                     mem_strdup("-c"),
                     mem_strdup(text),
                     mem_strdup(name),
                     NULL};
    a->program_name = name;
    act_run_filler(a, name, words, next);
    for (size_t i = 0; words[i] != NULL; i++) {
        mem_free(words[i]);
    }
}
