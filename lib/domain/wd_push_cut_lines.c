/*
 * wd_push_cut_lines.c - bodies of lines: CSV and NDJSON.
 */
#include "wd_push_split_int.h"


static int
wd_push_lines_record_end(const wd_push_split_t *s, wd_str_t in, bool last,
                         size_t *ret)
{
    return s->format == WD_PUSH_CSV ? wd_push_csv_end(in, last, ret)
                                    : wd_push_line_end(in, last, ret);
}


static int
wd_push_lines_check_header(const wd_push_split_t *s, wd_str_t line,
                           wd_pool_t *pool, wd_error_t *err)
{
    int              rc;
    char             where[32];
    wd_push_row_t    row;
    wd_push_header_t h;

    snprintf(where, sizeof(where), "line %lld", (long long) s->at);
    rc = wd_push_row_header(s->d, line, pool, &row, &h);
    switch (rc) {
    case WD_OK:
        return wd_push_row_names(s->d, &row, where, err);
    case WD_ENOMEM:
        return wd_error(err, rc, "no memory for the header");
    default:
        return wd_error(err, WD_EINVAL, "%s: no header of CSV", where);
    }
}


static int
wd_push_lines_take_header(wd_push_split_t *s, wd_str_t line, wd_error_t *err)
{
    int        rc;
    wd_pool_t *pool = wd_pool_create(1024);

    rc = pool != NULL ? wd_push_lines_check_header(s, line, pool, err)
                      : wd_error(err, WD_ENOMEM, "no memory for the header");
    wd_pool_destroy(pool);
    if (rc != WD_OK) {
        return rc;
    }

    wd_buf_str(&s->header, line);
    if (line.data[line.len - 1] != '\n') {
        wd_buf_byte(&s->header, '\n');
    }
    return s->header.err == WD_OK
               ? WD_OK
               : wd_error(err, s->header.err, "no memory for the header");
}


/* The first line that is not blank: the header, or the first record. */
static int
wd_push_lines_start(wd_push_split_t *s, wd_str_t *in, bool last,
                    wd_error_t *err)
{
    int    rc;
    size_t n;

    rc = wd_push_line_end(*in, last, &n);
    if (rc == WD_ETOOBIG) {
        return wd_error(err, WD_EINVAL, "line %lld is longer than %u bytes",
                        (long long) s->at, WD_PUSH_RECORD_MAX);
    }
    if (rc != WD_OK || n == 0) {
        return WD_EAGAIN;
    }
    if (wd_push_line_blank(wd_str(in->data, n))) {
        wd_push_step(in, n);
        s->at++;
        return WD_OK;
    }
    if (s->format == WD_PUSH_CSV) {
        rc = wd_push_lines_take_header(s, wd_str(in->data, n), err);
        wd_push_step(in, n);
        s->at++;
    } else {
        rc = wd_push_split_first(s, wd_str_trim(wd_str(in->data, n)), err);
    }
    s->state = WD_PUSH_CUT_RECORDS;
    return rc;
}


/* Blank lines keep the numbers of the lines behind them. */
static int
wd_push_lines_take(wd_push_split_t *s, wd_str_t record, wd_error_t *err)
{
    int  rc = WD_OK;
    bool blank = wd_push_line_blank(record);

    if (!blank) {
        wd_push_split_open(s);
    }
    if (s->in_part != 0) {
        wd_buf_str(&s->part, record);
    }
    s->at += (int64_t) wd_push_newlines(record);
    if (!blank || s->in_part != 0) {
        rc = wd_push_split_close(s, err);
    }
    return rc;
}


/* The begin of a line beyond the limit: so much is kept of it. */
static int
wd_push_lines_take_long(wd_push_split_t *s, wd_str_t *in, wd_error_t *err)
{
    wd_push_split_open(s);
    wd_buf_append(&s->part, in->data, WD_PUSH_RECORD_MAX);
    wd_buf_byte(&s->part, '\n');
    wd_push_step(in, WD_PUSH_RECORD_MAX);
    s->at++;
    s->state = WD_PUSH_CUT_LONG;
    return wd_push_split_close(s, err);
}


static int
wd_push_lines_drop(wd_push_split_t *s, wd_str_t *in)
{
    const char *nl = in->len != 0 ? memchr(in->data, '\n', in->len) : NULL;

    if (nl == NULL) {
        wd_push_step(in, in->len);
        return WD_EAGAIN;
    }
    wd_push_step(in, (size_t) (nl - in->data) + 1);
    s->state = WD_PUSH_CUT_RECORDS;
    return WD_OK;
}


static int
wd_push_lines_next(wd_push_split_t *s, wd_str_t *in, bool last, wd_error_t *err)
{
    int    rc;
    size_t n;

    if (s->state == WD_PUSH_CUT_START) {
        return wd_push_lines_start(s, in, last, err);
    }
    if (s->state == WD_PUSH_CUT_LONG) {
        return wd_push_lines_drop(s, in);
    }
    rc = wd_push_lines_record_end(s, *in, last, &n);
    if (rc == WD_ETOOBIG) {
        return wd_push_lines_take_long(s, in, err);
    }
    if (rc == WD_OK) {
        rc = wd_push_lines_take(s, wd_str(in->data, n), err);
        wd_push_step(in, n);
    }
    return rc;
}


int
wd_push_cut_lines(wd_push_split_t *s, wd_str_t *in, bool last, wd_error_t *err)
{
    int rc = WD_OK;

    while (in->len != 0 && rc == WD_OK) {
        rc = wd_push_lines_next(s, in, last, err);
    }
    if (last && s->state == WD_PUSH_CUT_LONG) {
        s->state = WD_PUSH_CUT_RECORDS; /* its line ends with the body */
    }
    return rc == WD_EAGAIN ? WD_OK : rc;
}
