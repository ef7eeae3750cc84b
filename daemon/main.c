/* daemon/main.c - the start of pgraftd. */
#include "daemon/commands.h"

int main(int argc, char **argv)
{
    return cli_main(&pgraftd, argc, argv);
}
