/*
 * wd_err.h - error codes: WD_OK or a negative code from wd_err.def.
 */
#ifndef WD_ERR_H
#define WD_ERR_H

#include "wd_base.h"

#define WD_OK 0

typedef enum {
#define WD_ERR(name, code, http, slug, text) WD_##name = (code),
#include "wd_err.def"
#undef WD_ERR
    WD_ERR_LAST = -9999
} wd_err_e;

#define WD_ERROR_TEXT_MAX 160

/* For places where a human must learn why: passed last, filled on failure. */
typedef struct {
    int  code;
    char text[WD_ERROR_TEXT_MAX];
} wd_error_t;

typedef struct {
    int         code;
    int         http;
    const char *name;
    const char *slug;
    const char *text;
} wd_err_info_t;

/* Never NULL: unknown codes are described as WD_EINTERNAL. */
const wd_err_info_t *wd_err_info(int code);

/* The first row whose HTTP status is `http`, or NULL. */
const wd_err_info_t *wd_err_by_http(int http);

/* All rows in the order of wd_err.def. */
const wd_err_info_t *wd_err_table(size_t *ret_n);

/* Fills *err (may be NULL), returns code: `return wd_error(err, ...)`. */
int wd_error(wd_error_t *err, int code, const char *fmt, ...)
    wd_printf_like(3, 4);

#endif /* WD_ERR_H */
