/*
 * main.c - wizdata-auth: users, API keys, verdicts.
 */
#include "auth_service.h"


int
main(int argc, char **argv)
{
    return auth_main(argc, argv);
}
