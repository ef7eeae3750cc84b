/* ctl/main.c - the start of pgraftctl, also when it is called as patronictl. */
#include "ctl/commands.h"

int main(int argc, char **argv)
{
    return cli_main(ctl_program(argc > 0 ? argv[0] : NULL), argc, argv);
}
