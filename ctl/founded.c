/* ctl/founded.c - ids of clusters: drawn, and as text. */
#include "ctl/founded.h"

#include <stdio.h>

#include "ctl/random_text.h"

const char *founded_id(const uint8_t id[CLUSTER_ID_SIZE], char out[FOUNDED_ID_SIZE])
{
    for (size_t i = 0; i < CLUSTER_ID_SIZE; i++) {
        (void)snprintf(out + 2 * i, 3, "%02x", id[i]);
    }
    return out;
}

int founded_draw(uint8_t id[CLUSTER_ID_SIZE], struct err *err)
{
    int code = random_fill(id, CLUSTER_ID_SIZE, err);
    id[0] |= 1; /* all zero is no cluster */
    return code;
}

void founded_machinep(struct machine **machine)
{
    machine_destroy(*machine);
    *machine = NULL;
}
