/* consensus/pgraft.c - the public face of libpgraft. */
#include "consensus/pgraft.h"

#include "base/version.h"

const char *pgraft_version(void)
{
    return PGRAFT_VERSION;
}
