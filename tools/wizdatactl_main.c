/*
 * wizdatactl_main.c - wizdatactl: what an operator does on the host.
 */
#include "wizdatactl.h"


int
main(int argc, char **argv)
{
    return ctl_main(argc, argv);
}
