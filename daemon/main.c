/* daemon/main.c - the start of pgraftd. */
#include "daemon/commands.h"

int main(int argc, char **argv)
{
    pgraftd_prepare();
    return cli_main(&pgraftd, argc, argv);
}
