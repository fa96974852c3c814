/*
 * main.c - wizdata-processing.
 */
#include "processing.h"


int
main(int argc, char **argv)
{
    return processing_main(argc, argv);
}
