/*
 * wd_push_scan.c - ends of records.
 */
#include "wd_push_scan.h"


/* No line end in `n` bytes of `s`. */
static int
wd_push_no_end(wd_str_t s, bool last, size_t *ret)
{
    if (s.len > WD_PUSH_RECORD_MAX) {
        return WD_ETOOBIG;
    }
    if (!last) {
        return WD_EAGAIN;
    }
    *ret = s.len;
    return WD_OK;
}


static const char *
wd_push_find_line_end(wd_str_t s)
{
    return memchr(s.data, '\n', wd_min(s.len, (size_t) WD_PUSH_RECORD_MAX));
}


int
wd_push_line_end(wd_str_t s, bool last, size_t *ret)
{
    const char *nl = wd_push_find_line_end(s);

    if (nl == NULL) {
        return wd_push_no_end(s, last, ret);
    }
    *ret = (size_t) (nl - s.data) + 1;
    return WD_OK;
}


/* Behind the closing quote; NULL: there is none before `end`. */
static const char *
wd_push_quoted_end(const char *p, const char *end)
{
    while ((p = memchr(p, '"', (size_t) (end - p))) != NULL) {
        p++;
        if (p == end || *p != '"') {
            return p;
        }
        p++; /* a doubled one */
    }
    return NULL;
}


/*
 * Behind the line end of a record with quotes. NULL: none before `end`;
 * *ret_open: because of a quote. As wd_csv_scan_line() reads: a quote opens at
 * the begin of a cell only, and what stands behind a closing one ends with
 * the line.
 */
static const char *
wd_push_record_end(const char *p, const char *end, bool *ret_open)
{
    const char *q;

    *ret_open = false;
    while (p < end) {
        if (*p == '"') {
            q = wd_push_quoted_end(p + 1, end);
            if (q == NULL) {
                *ret_open = true;
                return NULL;
            }
            p = q;
            if (p < end && *p != ',' && *p != '\r' && *p != '\n') {
                q = memchr(p, '\n', (size_t) (end - p));
                return q != NULL ? q + 1 : NULL;
            }
        }
        while (p < end && *p != ',' && *p != '\n') {
            p++;
        }
        if (p < end && *p++ == '\n') {
            return p;
        }
    }
    return NULL;
}


int
wd_push_csv_end(wd_str_t s, bool last, size_t *ret)
{
    bool        open;
    size_t      n = wd_min(s.len, (size_t) WD_PUSH_RECORD_MAX);
    const char *nl = wd_push_find_line_end(s), *end;

    if (nl != NULL && memchr(s.data, '"', (size_t) (nl - s.data)) == NULL) {
        *ret = (size_t) (nl - s.data) + 1;
        return WD_OK;
    }

    end = wd_push_record_end(s.data, s.data + n, &open);
    if (end == NULL && open && nl != NULL
        && (last || s.len > WD_PUSH_RECORD_MAX)) {
        end = nl + 1;
    }
    if (end == NULL) {
        return wd_push_no_end(s, last, ret);
    }
    *ret = (size_t) (end - s.data);
    return WD_OK;
}


bool
wd_push_line_blank(wd_str_t line)
{
    return wd_str_trim(line).len == 0;
}


size_t
wd_push_newlines(wd_str_t s)
{
    size_t      n = 0;
    const char *p = s.data, *end = s.data + s.len;

    while (p < end && (p = memchr(p, '\n', (size_t) (end - p))) != NULL) {
        n++;
        p++;
    }
    return n;
}


static size_t
wd_push_in_string(wd_push_json_scan_t *st, wd_str_t s, size_t i)
{
    for (; i < s.len && st->string; i++) {
        if (st->escaped) {
            st->escaped = false;
        } else if (s.data[i] == '\\') {
            st->escaped = true;
        } else if (s.data[i] == '"') {
            st->string = false;
        }
    }
    return i;
}


static bool
wd_push_ends_scalar(char c)
{
    return c == ',' || c == ']' || c == '}' || c == ' ' || c == '\n'
           || c == '\r' || c == '\t';
}


int
wd_push_json_end(wd_push_json_scan_t *st, wd_str_t s, size_t *ret_used)
{
    char   c;
    size_t i = 0;

    while (i < s.len) {
        if (st->string) {
            i = wd_push_in_string(st, s, i);
            if (!st->string && st->depth == 0) {
                *ret_used = i;
                return WD_OK;
            }
            continue;
        }
        c = s.data[i];
        if (st->depth == 0 && st->begun && wd_push_ends_scalar(c)) {
            *ret_used = i;
            return WD_OK;
        }
        st->begun = true;
        i++;
        if (c == '"') {
            st->string = true;
        } else if (c == '{' || c == '[') {
            st->depth++;
        } else if ((c == '}' || c == ']') && st->depth != 0
                   && --st->depth == 0) {
            *ret_used = i;
            return WD_OK;
        }
    }
    *ret_used = s.len;
    return WD_EAGAIN;
}
