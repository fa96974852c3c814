/*
 * lake_put.c - puts standard input into a lake and prints the event that
 * announces it, for the tests of what comes behind the lake.
 *
 *     lake_put ROOT PROVIDER DATASET ARGS FETCHED_AT <body
 */
#include "wd_lake.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define READ_SIZE 65536


static int
read_all(wd_buf_t *out)
{
    uint8_t *p;
    ssize_t  n;

    do {
        p = wd_buf_reserve(out, READ_SIZE);
        n = p != NULL ? read(0, p, READ_SIZE) : -1;
        out->len += n > 0 ? (size_t) n : 0;
    } while (n > 0);
    return n < 0 ? WD_EIO : WD_OK;
}


static void
print_event(const wd_lake_row_t *row)
{
    wd_buf_t out = WD_BUF_INIT;

    wd_lake_event(row, &out);
    puts(wd_buf_cstr(&out));
    wd_buf_done(&out);
}


int
main(int argc, char **argv)
{
    int           rc;
    wd_buf_t      body = WD_BUF_INIT;
    wd_lake_t    *lake = NULL;
    wd_error_t    err = {0};
    wd_lake_row_t row = {.http_status = 200};

    if (argc != 6) {
        fputs("usage: lake_put ROOT PROVIDER DATASET ARGS FETCHED_AT <body\n",
              stderr);
        return 2;
    }

    wd_str_copy(row.provider, sizeof(row.provider), wd_str_z(argv[2]));
    wd_str_copy(row.dataset, sizeof(row.dataset), wd_str_z(argv[3]));
    wd_str_copy(row.args, sizeof(row.args), wd_str_z(argv[4]));
    wd_str_copy(row.content_type, sizeof(row.content_type),
                WD_STR("application/json"));
    rc = wd_time_parse(wd_str_z(argv[5]), &row.fetched_at, NULL);
    if (rc == WD_OK) {
        rc = read_all(&body);
    }
    if (rc == WD_OK) {
        rc = wd_lake_open(argv[1], &lake, &err);
    }
    if (rc == WD_OK) {
        rc = wd_lake_put(lake, &row, wd_buf_view(&body), &err);
    }
    if (rc == WD_OK) {
        print_event(&row);
    } else {
        fprintf(stderr, "lake_put: %d %s\n", rc, err.text);
    }

    wd_lake_close(lake);
    wd_buf_done(&body);
    return rc == WD_OK ? 0 : 1;
}
