/*
 * wd_wb_json.c - rows of a World Bank answer, one by one, so that damage
 * costs only the row that it hit.
 */
#include "wd_wb_json.h"

#include "wd_wb_page.h"


int
wd_wb_json_member(wd_wb_json_t *w, bool *first, wd_str_t *ret_key,
                  wd_json_scan_val_t *ret)
{
    int rc;

    rc = wd_json_scan_member(&w->s, w->r->pool, first, ret_key);
    return rc != WD_OK ? rc : wd_json_scan_value(&w->s, w->r->pool, ret);
}


bool
wd_wb_json_nested(const wd_json_scan_val_t *v)
{
    return v->type == WD_JS_OBJECT || v->type == WD_JS_ARRAY;
}


int
wd_wb_json_truncated(wd_wb_json_t *w, const char *from)
{
    return wd_records_reject(
        w->r, -1, WD_REASON_TRUNCATED, wd_wb_slice(from, w->s.end),
        "the text ends inside of a value after %d records", w->r->n_records);
}


/* To the next brace that begins a row, from `from` on. */
static bool
wd_wb_find_row(wd_wb_json_t *w, const wd_wb_rows_t *rows, const char *from)
{
    const char *p = from;

    while (p < w->s.end
           && (p = memchr(p, '{', (size_t) (w->s.end - p))) != NULL) {
        if (rows->begins(w, wd_json_scan_from(&w->s, p))) {
            w->s.p = p;
            return true;
        }
        p++;
    }
    return false;
}


static int
wd_wb_damage(wd_wb_json_t *w, const wd_wb_rows_t *rows, const char *mark,
             bool *ret_found)
{
    *ret_found = wd_wb_find_row(w, rows, wd_min(mark + 1, w->s.end));
    return wd_records_reject(w->r, w->r->n_records++, WD_REASON_SYNTAX,
                             wd_wb_slice(mark, *ret_found ? w->s.p : w->s.end),
                             *ret_found
                                 ? "the row cannot be read"
                                 : "the rest of the page cannot be read");
}


static int
wd_wb_read_rows(wd_wb_json_t *w, const wd_wb_rows_t *rows)
{
    int         rc;
    bool        first = true, found;
    const char *mark;

    for (;;) {
        rc = wd_json_scan_item(&w->s, &first);
        if (rc == WD_ENOTFOUND) {
            w->whole = true;
            return WD_OK;
        }
        wd_json_scan_at_end(&w->s);
        mark = w->s.p;

        if (rc == WD_OK && w->r->n_records >= WD_RECORDS_MAX) {
            return wd_records_reject(w->r, -1, WD_REASON_TOO_MANY, WD_STR(""),
                                     "more than %d records", WD_RECORDS_MAX);
        }
        if (rc == WD_OK) {
            rc = rows->row(w);
        }
        if (rc == WD_OK) {
            continue;
        }
        if (rc == WD_ENOMEM) {
            return rc;
        }
        if (rc == WD_ETRUNC) {
            return wd_wb_json_truncated(w, mark);
        }
        rc = wd_wb_damage(w, rows, mark, &found);
        if (rc != WD_OK || !found) {
            return rc;
        }
        first = true;
    }
}


int
wd_wb_json_rows(wd_wb_json_t *w, const wd_wb_rows_t *rows)
{
    int rc;

    w->rows_seen = true;
    rc = wd_wb_read_rows(w, rows);
    if (rc != WD_OK || !w->whole) {
        return rc;
    }

    if (w->r->n_records != 0 && w->strangers == w->r->n_records) {
        w->whole = false;
        return wd_wb_page_strangers(w->r, rows->strangers);
    }
    w->r->empty = w->r->n_records == 0;
    return WD_OK;
}
