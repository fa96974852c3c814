/*
 * wd_lseg_table.c - lists of records and tables of LSEG answers, read so that
 * damage costs only the record that it hit.
 */
#include "wd_lseg_table.h"

#include "wd_num.h"

#include <math.h>


void
wd_lseg_list_init(wd_lseg_list_t *l, wd_records_t *r, wd_json_scan_t at,
                  char open)
{
    memset(l, 0, sizeof(*l));
    l->s = at;
    l->r = r;
    l->open = open;
    l->first = true;
    l->ended = wd_json_scan_open(&l->s, '[') != WD_OK;
}


wd_str_t
wd_lseg_list_sample(const wd_lseg_list_t *l)
{
    return wd_str(l->mark, (size_t) (l->s.p - l->mark));
}


/*
 * To the next bracket that may begin a record, from `from` on: it stands
 * there, or behind a comma, which no bracket within a flat record does. Rows
 * hold no braces, so the first one ends their search: what looks like a row
 * behind it belongs to something else.
 */
static bool
wd_lseg_list_find(wd_lseg_list_t *l, const char *from)
{
    char        before = ',';
    const char *p;

    for (p = from; p < l->s.end; p++) {
        if (*p == l->open && before == ',') {
            l->s.p = p;
            return true;
        }
        if (l->open == '[' && (*p == '{' || *p == '}')) {
            return false;
        }
        if (*p != ' ' && *p != '\n' && *p != '\r' && *p != '\t') {
            before = *p;
        }
    }
    return false;
}


/* Behind damage; record -1: it lies between records. */
static int
wd_lseg_list_damage(wd_lseg_list_t *l, int32_t record, const char *from)
{
    l->damaged = true;
    l->first = true;
    l->ended = !wd_lseg_list_find(l, wd_min(from, l->s.end));
    return wd_records_reject(
        l->r, record, WD_REASON_SYNTAX,
        wd_str(l->mark, (size_t) ((l->ended ? l->s.end : l->s.p) - l->mark)),
        l->ended ? "the rest of the list cannot be read"
                 : "the record, or what stands before it, cannot be read");
}


int
wd_lseg_list_done(wd_lseg_list_t *l, int rc)
{
    if (rc == WD_ETRUNC) {
        l->ended = l->damaged = true;
        return wd_records_reject(
            l->r, -1, WD_REASON_TRUNCATED,
            wd_str(l->mark, (size_t) (l->s.end - l->mark)),
            "the text ends inside of a value after %d records", l->record);
    }
    if (rc == WD_EPROTO) {
        return wd_lseg_list_damage(l, l->record, l->mark + 1);
    }
    return rc;
}


/* Something else than a record. */
static int
wd_lseg_list_stranger(wd_lseg_list_t *l)
{
    int rc = wd_json_scan_skip(&l->s);

    if (rc != WD_OK) {
        return wd_lseg_list_done(l, rc);
    }
    return wd_records_reject(l->r, l->record, WD_REASON_SYNTAX,
                             wd_lseg_list_sample(l), "the record is no %s",
                             l->open == '[' ? "array" : "object");
}


int
wd_lseg_list_next(wd_lseg_list_t *l)
{
    int rc;

    while (!l->ended) {
        rc = wd_json_scan_item(&l->s, &l->first);
        if (rc == WD_ENOTFOUND) {
            l->ended = true;
            break;
        }
        wd_json_scan_at_end(&l->s);
        l->mark = l->s.p;
        l->record = l->r->n_records;

        if (rc == WD_EPROTO) {
            rc = wd_lseg_list_damage(l, -1,
                                     l->mark + (*l->mark != l->open ? 1 : 0));
        } else if (rc == WD_ETRUNC || l->mark == l->s.end) {
            rc = wd_lseg_list_done(l, WD_ETRUNC);
        } else if (l->record >= WD_RECORDS_MAX) {
            l->ended = true;
            rc = wd_records_reject(l->r, -1, WD_REASON_TOO_MANY, WD_STR(""),
                                   "more than %d records", WD_RECORDS_MAX);
        } else {
            l->r->n_records++;
            if (*l->mark == l->open) {
                return WD_OK;
            }
            rc = wd_lseg_list_stranger(l);
        }
        if (rc != WD_OK) {
            return rc;
        }
    }
    return WD_ENOTFOUND;
}


/* Another column; WD_EINVAL: its name is none. */
static int
wd_lseg_header(wd_lseg_table_t *t, wd_json_scan_t *s, wd_pool_t *pool)
{
    int              rc;
    wd_str_t         type = WD_STR_NULL, title = WD_STR_NULL;
    wd_lseg_column_t c;

    const wd_lseg_want_t want[] = {
        {"name", &c.name}, {"title", &title}, {"type", &type}};

    memset(&c, 0, sizeof(c));
    rc = wd_lseg_texts(s, pool, want, wd_array_len(want));
    if (rc != WD_OK) {
        return rc;
    }
    if (c.name.len == 0) {
        c.name = title;
    }
    if (c.name.len == 0 || t->n == WD_LSEG_COLUMNS_MAX
        || !wd_record_text_ok(c.name, WD_LSEG_NAME_MAX)) {
        return WD_EINVAL;
    }
    c.number = wd_str_eq_z(type, "number");
    t->columns[t->n++] = c;
    return WD_OK;
}


static int
wd_lseg_headers(wd_lseg_table_t *t, wd_json_scan_t s, wd_pool_t *pool)
{
    int  rc;
    bool first = true;

    t->columns = wd_pool_alloc(pool, WD_LSEG_COLUMNS_MAX * sizeof(*t->columns));
    if (t->columns == NULL) {
        return WD_ENOMEM;
    }

    rc = wd_json_scan_open(&s, '[');
    while (rc == WD_OK && (rc = wd_json_scan_item(&s, &first)) == WD_OK) {
        rc = wd_lseg_header(t, &s, pool);
    }
    return rc == WD_ENOTFOUND ? WD_OK : rc;
}


int
wd_lseg_table_init(wd_lseg_table_t *t, wd_records_t *r,
                   const wd_lseg_frame_t *f)
{
    int rc;

    memset(t, 0, sizeof(*t));
    if (f->headers.p != NULL) {
        rc = wd_lseg_headers(t, f->headers, r->pool);
        if (rc == WD_ENOMEM) {
            return rc;
        }
        t->n = rc == WD_OK ? t->n : 0;
    }

    if (t->n == 0 || f->data.p == NULL || f->data.p == f->data.end
        || *f->data.p != '[') {
        rc = wd_records_refuse(
            r,
            f->rc == WD_ETRUNC ? WD_REASON_TRUNCATED : WD_REASON_UNKNOWN_SHAPE,
            WD_STR(""), "%s",
            t->n == 0 ? "no headers that say what the rows are"
                      : "no rows in the table");
        return rc != WD_OK ? rc : WD_ENOTFOUND;
    }

    t->cells = wd_pool_calloc(r->pool, t->n * sizeof(*t->cells));
    if (t->cells == NULL) {
        return WD_ENOMEM;
    }
    wd_lseg_list_init(&t->list, r, f->data, '[');
    return WD_OK;
}


/* The cells of one row; *ret_n may be more than there are columns. */
static int
wd_lseg_cells(wd_lseg_table_t *t, size_t *ret_n)
{
    int                rc;
    bool               first = true;
    wd_json_scan_t    *s = &t->list.s;
    wd_json_scan_val_t v;

    *ret_n = 0;
    rc = wd_json_scan_open(s, '[');
    while (rc == WD_OK && (rc = wd_json_scan_item(s, &first)) == WD_OK) {
        rc = wd_json_scan_value(s, t->list.r->pool, &v);
        if (rc == WD_OK && (v.type == WD_JS_OBJECT || v.type == WD_JS_ARRAY)) {
            rc = wd_json_scan_skip(s);
        }
        if (rc == WD_OK && (*ret_n)++ < t->n) {
            t->cells[*ret_n - 1] = v;
        }
    }
    return rc == WD_ENOTFOUND ? WD_OK : rc;
}


int
wd_lseg_table_next(wd_lseg_table_t *t)
{
    int    rc;
    size_t n;

    while ((rc = wd_lseg_list_next(&t->list)) == WD_OK) {
        rc = wd_lseg_cells(t, &n);
        if (rc == WD_OK && n == t->n) {
            return WD_OK;
        }
        rc = rc != WD_OK
                 ? wd_lseg_list_done(&t->list, rc)
                 : wd_records_reject(t->list.r, t->list.record,
                                     WD_REASON_SYNTAX,
                                     wd_lseg_list_sample(&t->list),
                                     "%zu cells for %zu columns", n, t->n);
        if (rc != WD_OK) {
            return rc;
        }
    }
    return rc;
}


int
wd_lseg_column(const wd_lseg_table_t *t, const char *name)
{
    size_t i;

    for (i = 0; i < t->n; i++) {
        if (wd_str_ieq(t->columns[i].name, wd_str_z(name))) {
            return (int) i;
        }
    }
    return -1;
}


int
wd_lseg_figure(const wd_json_scan_val_t *v, double *ret)
{
    *ret = NAN;
    if (v->type == WD_JS_NULL) {
        return WD_OK;
    }
    if (v->type == WD_JS_NUMBER || v->type == WD_JS_STRING) {
        return wd_figure_parse(v->text, ret);
    }
    return WD_EINVAL;
}


wd_str_t
wd_lseg_cell_text(const wd_json_scan_val_t *v)
{
    switch (v->type) {
    case WD_JS_TRUE:
        return WD_STR("true");
    case WD_JS_FALSE:
        return WD_STR("false");
    case WD_JS_OBJECT:
        return WD_STR("{...}");
    case WD_JS_ARRAY:
        return WD_STR("[...]");
    default:
        return v->text;
    }
}
