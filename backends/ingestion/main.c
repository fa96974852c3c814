/*
 * main.c - wizdata-ingestion.
 */
#include "ingestion.h"


int
main(int argc, char **argv)
{
    return ingestion_main(argc, argv);
}
