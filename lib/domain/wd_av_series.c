/*
 * wd_av_series.c - Alpha Vantage's series of bars.
 */
#include "wd_av_json.h"


static wd_av_field_e
wd_av_cached_field(wd_av_parse_t *a, size_t i, wd_str_t key)
{
    if (i >= WD_AV_KEYS_MAX) {
        return wd_av_field(key);
    }
    if (!wd_str_eq(a->keys[i], key)) {
        a->keys[i] = key;
        a->fields[i] = wd_av_field(key);
    }
    return a->fields[i];
}


/* The fields of one bar, at its brace. */
static int
wd_av_bar(wd_av_parse_t *a, wd_str_t stamp, const char *mark)
{
    int          rc;
    bool         first = true, scalar;
    size_t       i = 0;
    wd_str_t     key, text;
    wd_av_bad_t  bad = {WD_STR_NULL, WD_STR_NULL};
    wd_bar_rec_t bar;

    rc = wd_json_scan_open(&a->s, '{');
    if (rc != WD_OK) {
        return rc;
    }

    wd_av_bar_init(&bar);
    while ((rc = wd_av_member(a, &first, &key, &text, &scalar)) == WD_OK) {
        wd_av_bar_set(&bar, wd_av_cached_field(a, i++, key), key, text, &bad);
    }
    if (rc != WD_ENOTFOUND) {
        return rc;
    }
    return wd_av_bar_add(a->r, &bar, stamp, &bad, wd_av_slice(mark, a->s.p));
}


/* To the next `"dddd-dd-dd`, not before `from`; false: none. */
static bool
wd_av_find_stamp(wd_av_parse_t *a, const char *from)
{
    int         i;
    const char *p = from;

    static const char shape[] = "\"dddd-dd-dd";

    while (p < a->s.end
           && (p = memchr(p, '"', (size_t) (a->s.end - p))) != NULL) {
        for (i = 0; shape[i] != '\0' && p + i < a->s.end; i++) {
            if (shape[i] == 'd' ? p[i] < '0' || p[i] > '9' : p[i] != shape[i]) {
                break;
            }
        }
        if (shape[i] == '\0') {
            a->s.p = p;
            return true;
        }
        p++;
    }
    return false;
}


/*
 * Rows until the series ends, its brace having been passed. WD_OK also when
 * the text ended early; *ret_end tells that nothing is left to read.
 */
static int
wd_av_series_rows(wd_av_parse_t *a, bool *ret_end)
{
    int         rc;
    bool        first = true, keyed, again;
    wd_str_t    stamp;
    const char *mark, *from = NULL;

    *ret_end = false;
    for (;;) {
        keyed = false;
        again = first;
        wd_json_scan_at_end(&a->s);
        mark = a->s.p;
        if (mark < a->s.end && *mark == ',') {
            mark++;
        }

        rc = wd_json_scan_member(&a->s, a->r->pool, &first, &stamp);
        if (rc == WD_ENOTFOUND) {
            return WD_OK;
        }
        if (rc == WD_OK) {
            keyed = true;
            from = a->s.p;
            if (a->r->n_records >= WD_RECORDS_MAX) {
                *ret_end = true;
                return wd_records_reject(a->r, -1, WD_REASON_TOO_MANY,
                                         WD_STR(""), "more than %d records",
                                         WD_RECORDS_MAX);
            }
            rc = wd_av_bar(a, stamp, mark);
        }
        if (rc == WD_OK) {
            continue;
        }
        if (rc == WD_ENOMEM) {
            return rc;
        }
        if (rc == WD_ETRUNC) {
            *ret_end = true;
            return wd_av_truncated(a, mark);
        }

        /* Behind this row's own stamp, or the same row would come again. */
        if (!keyed) {
            from = again ? mark + 1 : mark;
        }
        *ret_end = !wd_av_find_stamp(a, wd_min(from, a->s.end));
        rc = wd_records_reject(
            a->r, a->r->n_records, WD_REASON_SYNTAX,
            wd_av_slice(mark, *ret_end ? a->s.end : a->s.p),
            *ret_end ? "the rest of the series cannot be read"
                     : "the row, or what stands before it, cannot be read");
        a->r->n_records += keyed;
        if (rc != WD_OK || *ret_end) {
            return rc;
        }
        first = true;
    }
}


int
wd_av_series(wd_av_parse_t *a, bool *ret_end)
{
    int rc;

    a->data_seen = true;
    rc = wd_json_scan_open(&a->s, '{');
    return rc != WD_OK ? rc : wd_av_series_rows(a, ret_end);
}


static const struct {
    const char *key;
    const char *tail;
} wd_av_series_keys[] = {
#define WD_AV(id, name, shape, key, tail) {key, tail},
    WD_AV_DATASET_TABLE(WD_AV)
#undef WD_AV
};


bool
wd_av_is_series(const wd_av_parse_t *a)
{
    return wd_av_shape(a->dataset) == WD_AV_SHAPE_SERIES;
}


/*
 * "Time Series (Daily)", "Time Series (5min)", "Time Series FX (Daily)". The
 * same rows under another name would be other data in this place.
 */
bool
wd_av_is_series_key(const wd_av_parse_t *a, wd_str_t key)
{
    const char *tail = wd_av_series_keys[a->dataset].tail;
    size_t      n = strlen(tail);

    key = wd_str_trim(key);
    return wd_str_starts(key, wd_av_series_keys[a->dataset].key) && key.len >= n
           && memcmp(key.data + key.len - n, tail, n) == 0;
}


/* To the first row of the series, wherever its key stands. */
static bool
wd_av_find_series(wd_av_parse_t *a)
{
    wd_str_t       key;
    const char    *p = a->s.p;
    wd_json_scan_t at;

    while ((p = memchr(p, '"', (size_t) (a->s.end - p))) != NULL) {
        bool first = true;

        if (!wd_str_starts(wd_av_slice(p + 1, a->s.end),
                           wd_av_series_keys[a->dataset].key)) {
            p++;
            continue;
        }
        at = wd_json_scan_from(&a->s, p);
        if (wd_json_scan_member(&at, a->r->pool, &first, &key) == WD_OK
            && wd_av_is_series_key(a, key)) {
            return wd_av_find_stamp(a, at.p);
        }
        p++;
    }
    return false;
}


int
wd_av_series_anywhere(wd_av_parse_t *a)
{
    bool end;

    if (!wd_av_find_series(a)) {
        return WD_OK;
    }
    a->data_seen = true;
    return wd_av_series_rows(a, &end);
}
