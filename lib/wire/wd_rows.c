/*
 * wd_rows.c - documents and tables in the formats of the API.
 */
#include "wd_rows.h"

#include <assert.h>
#include <math.h>

#define WD_MP_ARRAY32 0xdd
#define WD_MP_MAP32 0xdf


void
wd_doc_init(wd_doc_t *d, wd_buf_t *out, unsigned format)
{
    memset(d, 0, sizeof(*d));
    d->format = format;
    d->out = out;
    wd_json_init(&d->json, out);
}


/* One more item in the array that is open; the items of maps are keys. */
static void
wd_doc_count(wd_doc_t *d)
{
    if (d->depth != 0 && !d->open[d->depth - 1].map) {
        d->open[d->depth - 1].n++;
    }
}


/* MessagePack wants the count first: leave room, fill it in at the end. */
static void
wd_doc_open_mp(wd_doc_t *d, bool map)
{
    uint8_t head[5] = {map ? WD_MP_MAP32 : WD_MP_ARRAY32, 0, 0, 0, 0};

    wd_doc_count(d);

    if (d->depth == WD_DOC_DEPTH_MAX) {
        d->out->err = WD_ETOOBIG;
        return;
    }

    d->open[d->depth].head = d->out->len + 1;
    d->open[d->depth].n = 0;
    d->open[d->depth].map = map;
    d->depth++;
    wd_buf_append(d->out, head, sizeof(head));
}


void
wd_doc_obj(wd_doc_t *d)
{
    if (d->format == WD_FMT_JSON) {
        wd_json_obj(&d->json);
    } else if (d->format == WD_FMT_MSGPACK) {
        wd_doc_open_mp(d, true);
    }
}


void
wd_doc_arr(wd_doc_t *d)
{
    if (d->format == WD_FMT_JSON) {
        wd_json_arr(&d->json);
    } else if (d->format == WD_FMT_MSGPACK) {
        wd_doc_open_mp(d, false);
    }
}


static void
wd_doc_end_mp(wd_doc_t *d)
{
    uint8_t *p;
    uint32_t n;

    if (d->depth == 0) {
        return;
    }

    d->depth--;
    if (d->out->err != WD_OK) {
        return;
    }

    n = d->open[d->depth].n;
    p = d->out->data + d->open[d->depth].head;
    p[0] = (uint8_t) (n >> 24);
    p[1] = (uint8_t) (n >> 16);
    p[2] = (uint8_t) (n >> 8);
    p[3] = (uint8_t) n;
}


void
wd_doc_end(wd_doc_t *d)
{
    if (d->format == WD_FMT_JSON) {
        wd_json_end(&d->json);
    } else if (d->format == WD_FMT_MSGPACK) {
        wd_doc_end_mp(d);
    }
}


void
wd_doc_key(wd_doc_t *d, const char *key)
{
    if (d->format == WD_FMT_JSON) {
        wd_json_key(&d->json, key);
    } else if (d->format == WD_FMT_MSGPACK && d->depth != 0) {
        d->open[d->depth - 1].n++;
        wd_mp_put_z(d->out, key);
    }
}


void
wd_doc_str(wd_doc_t *d, wd_str_t s)
{
    if (s.data == NULL) {
        wd_doc_null(d);
    } else if (d->format == WD_FMT_JSON) {
        wd_json_str(&d->json, s);
    } else if (d->format == WD_FMT_MSGPACK) {
        wd_doc_count(d);
        wd_mp_put_str(d->out, s);
    }
}


void
wd_doc_z(wd_doc_t *d, const char *z)
{
    wd_doc_str(d, wd_str_z(z));
}


void
wd_doc_num(wd_doc_t *d, double v)
{
    if (!isfinite(v)) {
        wd_doc_null(d);
    } else if (d->format == WD_FMT_JSON) {
        wd_json_num(&d->json, v);
    } else if (d->format == WD_FMT_MSGPACK) {
        wd_doc_count(d);
        wd_mp_put_num(d->out, v);
    }
}


void
wd_doc_int(wd_doc_t *d, int64_t v)
{
    if (d->format == WD_FMT_JSON) {
        wd_json_int(&d->json, v);
    } else if (d->format == WD_FMT_MSGPACK) {
        wd_doc_count(d);
        wd_mp_put_int(d->out, v);
    }
}


void
wd_doc_bool(wd_doc_t *d, bool v)
{
    if (d->format == WD_FMT_JSON) {
        wd_json_bool(&d->json, v);
    } else if (d->format == WD_FMT_MSGPACK) {
        wd_doc_count(d);
        wd_mp_put_bool(d->out, v);
    }
}


void
wd_doc_null(wd_doc_t *d)
{
    if (d->format == WD_FMT_JSON) {
        wd_json_null(&d->json);
    } else if (d->format == WD_FMT_MSGPACK) {
        wd_doc_count(d);
        wd_mp_put_nil(d->out);
    }
}


void
wd_doc_time(wd_doc_t *d, wd_ns_t t)
{
    char text[WD_TIME_TEXT_MAX];

    wd_doc_str(d, wd_str(text, wd_time_format(t, text)));
}


void
wd_doc_date(wd_doc_t *d, wd_ns_t t)
{
    char text[WD_TIME_TEXT_MAX];

    wd_doc_str(d, wd_str(text, wd_date_format(t, text)));
}


void
wd_doc_member_z(wd_doc_t *d, const char *key, const char *z)
{
    wd_doc_key(d, key);
    wd_doc_z(d, z);
}


void
wd_doc_member_str(wd_doc_t *d, const char *key, wd_str_t s)
{
    wd_doc_key(d, key);
    wd_doc_str(d, s);
}


void
wd_doc_member_int(wd_doc_t *d, const char *key, int64_t v)
{
    wd_doc_key(d, key);
    wd_doc_int(d, v);
}


void
wd_doc_member_num(wd_doc_t *d, const char *key, double v)
{
    wd_doc_key(d, key);
    wd_doc_num(d, v);
}


void
wd_doc_member_time(wd_doc_t *d, const char *key, wd_ns_t t)
{
    wd_doc_key(d, key);
    wd_doc_time(d, t);
}


void
wd_rows_single(wd_rows_t *r, wd_buf_t *out, unsigned format,
               const wd_col_t *cols, size_t n_cols)
{
    memset(r, 0, sizeof(*r));
    wd_doc_init(&r->own, out, format);
    r->doc = &r->own;
    r->cols = cols;
    r->n_cols = n_cols;
}


void
wd_rows_begin(wd_rows_t *r, wd_buf_t *out, unsigned format,
              const wd_col_t *cols, size_t n_cols)
{
    wd_rows_begin_as(r, out, format, "data", cols, n_cols);
}


void
wd_rows_begin_as(wd_rows_t *r, wd_buf_t *out, unsigned format, const char *name,
                 const wd_col_t *cols, size_t n_cols)
{
    size_t i;

    wd_rows_single(r, out, format, cols, n_cols);
    if (format != WD_FMT_CSV) {
        wd_doc_obj(r->doc);
        wd_doc_key(r->doc, name);
        wd_doc_arr(r->doc);
        return;
    }

    for (i = 0; i < n_cols; i++) {
        if (i != 0) {
            wd_buf_byte(out, ',');
        }
        wd_csv_cell(out, wd_str_z(cols[i].name));
    }
    wd_buf_append(out, "\r\n", 2);
}


void
wd_rows_inside(wd_rows_t *r, wd_doc_t *d, const wd_col_t *cols, size_t n_cols)
{
    memset(r, 0, sizeof(*r));
    r->doc = d;
    r->cols = cols;
    r->n_cols = n_cols;
    wd_doc_arr(r->doc);
}


void
wd_rows_row(wd_rows_t *r)
{
    assert(r->n_rows == 0 || r->col == r->n_cols);

    r->col = 0;
    r->n_rows++;

    if (r->doc->format == WD_FMT_JSON) {
        wd_json_obj(&r->doc->json);
    } else if (r->doc->format == WD_FMT_MSGPACK) {
        wd_doc_count(r->doc);
        wd_mp_put_map(r->doc->out, (uint32_t) r->n_cols);
    }
}


/* Before a cell: its name, or the comma. */
static void
wd_rows_cell(wd_rows_t *r)
{
    const wd_col_t *c = &r->cols[r->col];

    assert(r->col < r->n_cols);

    if (r->doc->format == WD_FMT_JSON) {
        wd_json_key(&r->doc->json, c->name);
    } else if (r->doc->format == WD_FMT_MSGPACK) {
        wd_mp_put_z(r->doc->out, c->name);
    } else if (r->col != 0) {
        wd_buf_byte(r->doc->out, ',');
    }
}


/* After a cell: the row ends with its last one. */
static void
wd_rows_cell_done(wd_rows_t *r)
{
    if (++r->col < r->n_cols) {
        return;
    }

    if (r->doc->format == WD_FMT_JSON) {
        wd_json_end(&r->doc->json);
    } else if (r->doc->format == WD_FMT_CSV) {
        wd_buf_append(r->doc->out, "\r\n", 2);
    }
}


void
wd_rows_null(wd_rows_t *r)
{
    wd_rows_cell(r);
    if (r->doc->format == WD_FMT_JSON) {
        wd_json_null(&r->doc->json);
    } else if (r->doc->format == WD_FMT_MSGPACK) {
        wd_mp_put_nil(r->doc->out);
    }
    wd_rows_cell_done(r);
}


void
wd_rows_str(wd_rows_t *r, wd_str_t s)
{
    if (s.data == NULL) {
        wd_rows_null(r);
        return;
    }

    wd_rows_cell(r);
    if (r->doc->format == WD_FMT_JSON) {
        wd_json_str(&r->doc->json, s);
    } else if (r->doc->format == WD_FMT_MSGPACK) {
        wd_mp_put_str(r->doc->out, s);
    } else {
        wd_csv_cell(r->doc->out, s);
    }
    wd_rows_cell_done(r);
}


static void
wd_rows_list_csv(wd_rows_t *r, const wd_str_t *v, size_t n)
{
    size_t   i;
    wd_buf_t text = WD_BUF_INIT;

    for (i = 0; i < n; i++) {
        if (i != 0) {
            wd_buf_byte(&text, ' ');
        }
        wd_buf_str(&text, v[i]);
    }
    wd_csv_cell(r->doc->out, wd_buf_view(&text));
    if (text.err != WD_OK) {
        r->doc->out->err = text.err;
    }
    wd_buf_done(&text);
}


void
wd_rows_list(wd_rows_t *r, const wd_str_t *v, size_t n)
{
    size_t i;

    if (v == NULL) {
        wd_rows_null(r);
        return;
    }

    wd_rows_cell(r);
    if (r->doc->format == WD_FMT_JSON) {
        wd_json_arr(&r->doc->json);
        for (i = 0; i < n; i++) {
            wd_json_str(&r->doc->json, v[i]);
        }
        wd_json_end(&r->doc->json);
    } else if (r->doc->format == WD_FMT_MSGPACK) {
        wd_mp_put_array(r->doc->out, (uint32_t) n);
        for (i = 0; i < n; i++) {
            wd_mp_put_str(r->doc->out, v[i]);
        }
    } else {
        wd_rows_list_csv(r, v, n);
    }
    wd_rows_cell_done(r);
}


void
wd_rows_json(wd_rows_t *r, wd_str_t json)
{
    if (r->doc->format != WD_FMT_JSON) {
        wd_rows_str(r, json);
        return;
    }
    wd_rows_cell(r);
    wd_json_raw(&r->doc->json, json);
    wd_rows_cell_done(r);
}


void
wd_rows_z(wd_rows_t *r, const char *z)
{
    wd_rows_str(r, wd_str_z(z));
}


void
wd_rows_num(wd_rows_t *r, double v)
{
    char text[WD_NUM_TEXT_MAX];

    if (!isfinite(v)) {
        wd_rows_null(r);
        return;
    }

    wd_rows_cell(r);
    if (r->doc->format == WD_FMT_JSON) {
        wd_json_num(&r->doc->json, v);
    } else if (r->doc->format == WD_FMT_MSGPACK) {
        wd_mp_put_num(r->doc->out, v);
    } else {
        wd_buf_append(r->doc->out, text, wd_num_format(v, text));
    }
    wd_rows_cell_done(r);
}


void
wd_rows_int(wd_rows_t *r, int64_t v)
{
    char text[WD_NUM_TEXT_MAX];

    wd_rows_cell(r);
    if (r->doc->format == WD_FMT_JSON) {
        wd_json_int(&r->doc->json, v);
    } else if (r->doc->format == WD_FMT_MSGPACK) {
        wd_mp_put_int(r->doc->out, v);
    } else {
        wd_buf_append(r->doc->out, text, wd_int_format(v, text));
    }
    wd_rows_cell_done(r);
}


void
wd_rows_bool(wd_rows_t *r, bool v)
{
    wd_rows_cell(r);
    if (r->doc->format == WD_FMT_JSON) {
        wd_json_bool(&r->doc->json, v);
    } else if (r->doc->format == WD_FMT_MSGPACK) {
        wd_mp_put_bool(r->doc->out, v);
    } else {
        wd_buf_z(r->doc->out, v ? "true" : "false");
    }
    wd_rows_cell_done(r);
}


void
wd_rows_time(wd_rows_t *r, wd_ns_t t)
{
    char   text[WD_TIME_TEXT_MAX];
    size_t n;

    n = r->cols[r->col].type == WD_COL_DATE ? wd_date_format(t, text)
                                            : wd_time_format(t, text);
    wd_rows_str(r, wd_str(text, n));
}


void
wd_rows_end(wd_rows_t *r)
{
    assert(r->n_rows == 0 || r->col == r->n_cols);
    wd_doc_end(r->doc);
}


void
wd_rows_finish(wd_rows_t *r)
{
    wd_doc_end(r->doc);
}
