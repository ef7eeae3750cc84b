/* ctl/main.c - the start of pgraftctl. */
#include "ctl/commands.h"

int main(int argc, char **argv)
{
    return cli_main(&pgraftctl, argc, argv);
}
