/*
 * wd_csv_scan.h - CSV (RFC 4180) read line by line; LF and CRLF.
 */
#ifndef WD_CSV_SCAN_H
#define WD_CSV_SCAN_H

#include "wd_err.h"
#include "wd_pool.h"

#define WD_CSV_CELLS_MAX 512 /* a table of Bloomberg has up to 500 fields */

typedef struct {
    const char *p;
    const char *end;
    char        separator; /* a comma, unless the caller sets another */
    size_t      n;
    wd_str_t    cells[WD_CSV_CELLS_MAX];
    wd_str_t    line; /* the line as it stands, without its end */
} wd_csv_scan_t;

void wd_csv_scan_init(wd_csv_scan_t *s, wd_str_t body);

/*
 * The next line that is not empty, into n, cells and line. WD_ENOTFOUND at
 * the end. WD_ETRUNC: the last line has no line end, so that nobody knows
 * whether its last cell is whole; cells are filled. WD_EPROTO: too many cells
 * or a stray quote; the line is stepped over. WD_ENOMEM.
 */
wd_must_check int wd_csv_scan_line(wd_csv_scan_t *s, wd_pool_t *pool);

#endif /* WD_CSV_SCAN_H */
