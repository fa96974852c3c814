/*
 * wd_csv_scan.c - CSV lines into cells; cells point into the body unless
 * they hold doubled quotes.
 */
#include "wd_csv_scan.h"


void
wd_csv_scan_init(wd_csv_scan_t *s, wd_str_t body)
{
    s->p = body.data;
    s->end = body.data + body.len;
    s->separator = ',';
    s->n = 0;
    s->line = WD_STR_NULL;
}


/* Behind the opening quote; *p moves behind the closing one. */
static int
wd_csv_quoted(const char **p, const char *end, wd_pool_t *pool, wd_str_t *ret)
{
    char       *out;
    size_t      n = 0, doubled = 0;
    const char *q, *from = *p;

    for (q = from; q < end; q++) {
        if (*q == '"') {
            if (q + 1 == end || q[1] != '"') {
                break;
            }
            doubled++;
            q++;
        }
    }
    if (q >= end) {
        return WD_ETRUNC;
    }

    *p = q + 1;
    *ret = wd_str(from, (size_t) (q - from));
    if (doubled == 0) {
        return WD_OK;
    }

    out = wd_pool_alloc(pool, ret->len);
    if (out == NULL) {
        return WD_ENOMEM;
    }
    for (q = from; q < from + ret->len; q++) {
        out[n++] = *q;
        q += *q == '"';
    }
    *ret = wd_str(out, n);
    return WD_OK;
}


static void
wd_csv_step_over(wd_csv_scan_t *s, const char *from)
{
    const char *nl;

    nl = memchr(from, '\n', (size_t) (s->end - from));
    s->line = wd_str(s->p, (size_t) ((nl != NULL ? nl : s->end) - s->p));
    s->p = nl != NULL ? nl + 1 : s->end;
}


/* One cell at *p; *p moves to what follows it: comma, line end, end. */
static int
wd_csv_cell_at(wd_csv_scan_t *s, const char **p, wd_pool_t *pool, wd_str_t *ret)
{
    int         rc;
    const char *from = *p;

    if (from < s->end && *from == '"') {
        (*p)++;
        rc = wd_csv_quoted(p, s->end, pool, ret);
        if (rc != WD_OK) {
            return rc;
        }
        if (*p < s->end && **p != s->separator && **p != '\r' && **p != '\n') {
            return WD_EPROTO;
        }
        return WD_OK;
    }

    while (*p < s->end && **p != s->separator && **p != '\n') {
        (*p)++;
    }
    *ret = wd_str(from, (size_t) (*p - from));
    if (ret->len != 0 && (*p == s->end || **p == '\n')
        && ret->data[ret->len - 1] == '\r') {
        ret->len--;
    }
    return WD_OK;
}


int
wd_csv_scan_line(wd_csv_scan_t *s, wd_pool_t *pool)
{
    int         rc;
    const char *p;

    while (s->p < s->end && (*s->p == '\n' || *s->p == '\r')) {
        s->p++;
    }
    if (s->p == s->end) {
        return WD_ENOTFOUND;
    }

    p = s->p;
    for (s->n = 0;; s->n++) {
        if (s->n == WD_CSV_CELLS_MAX) {
            wd_csv_step_over(s, p);
            return WD_EPROTO;
        }
        rc = wd_csv_cell_at(s, &p, pool, &s->cells[s->n]);
        if (rc == WD_EPROTO) {
            wd_csv_step_over(s, p);
        }
        if (rc == WD_ETRUNC) {
            s->line = wd_str(s->p, (size_t) (s->end - s->p));
            s->p = s->end;
        }
        if (rc != WD_OK) {
            return rc;
        }
        if (p == s->end || *p != s->separator) {
            break;
        }
        p++;
    }

    s->n++;
    s->line = wd_str(s->p, (size_t) (p - s->p));
    if (p < s->end && *p == '\r') { /* behind a quoted cell */
        p++;
    }
    rc = p < s->end && *p == '\n' ? WD_OK : WD_ETRUNC;
    s->p = p < s->end ? p + 1 : s->end;
    return rc;
}
