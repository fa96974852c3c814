/*
 * wd_err.c - the error table of wd_err.def as data.
 */
#include "wd_err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const wd_err_info_t wd_err_rows[] = {
#define WD_ERR(name, code, http, slug, text) \
    {(code), (http), "WD_" #name, (slug), (text)},
#include "wd_err.def"
#undef WD_ERR
};


const wd_err_info_t *
wd_err_info(int code)
{
    size_t i;

    /* Codes are dense and in order, so the row is normally at -code - 1. */
    i = (size_t) (-(long) code - 1);
    if (i < wd_array_len(wd_err_rows) && wd_err_rows[i].code == code) {
        return &wd_err_rows[i];
    }

    return &wd_err_rows[-WD_EINTERNAL - 1];
}


const wd_err_info_t *
wd_err_by_http(int http)
{
    size_t i;

    for (i = 0; i < wd_array_len(wd_err_rows); i++) {
        if (wd_err_rows[i].http == http) {
            return &wd_err_rows[i];
        }
    }

    return NULL;
}


const wd_err_info_t *
wd_err_table(size_t *ret_n)
{
    *ret_n = wd_array_len(wd_err_rows);
    return wd_err_rows;
}


int
wd_error(wd_error_t *err, int code, const char *fmt, ...)
{
    va_list ap;

    if (err != NULL) {
        err->code = code;
        va_start(ap, fmt);
        vsnprintf(err->text, sizeof(err->text), fmt, ap);
        va_end(ap);
    }

    return code;
}
