/* daemon/main.c - the start of pgraftd. */
#include <stdlib.h>

#include "daemon/commands.h"
#include "daemon/notify.h"

int main(int argc, char **argv)
{
    notify_to(getenv("NOTIFY_SOCKET"));
    pgraftd_prepare();
    return cli_main(&pgraftd, argc, argv);
}
