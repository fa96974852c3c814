/*
 * main.c - wizdata-analytics: queries over the stored data, indicators.
 */
#include "analytics_service.h"


int
main(int argc, char **argv)
{
    return analytics_service_run(argc, argv);
}
