/*
 * wd_lseg_capture.c - archived frames of LSEG's streaming, written and read.
 */
#include "wd_lseg_capture.h"

#include "wd_json.h"
#include "wd_map.h"
#include "wd_num.h"

#include <math.h>


/* ---- writing ---------------------------------------------------------------- */

static void
wd_lseg_capture_line(wd_buf_t *out, wd_json_t *j, wd_ns_t t)
{
    wd_json_init(j, out);
    wd_json_obj(j);
    wd_json_key(j, "t");
    wd_json_int(j, t);
}


static void
wd_lseg_capture_end(wd_buf_t *out, wd_json_t *j)
{
    wd_json_end(j);
    wd_buf_byte(out, '\n');
}


void
wd_lseg_capture_begin(wd_buf_t *out, wd_ns_t t)
{
    wd_json_t j;

    wd_lseg_capture_line(out, &j, t);
    wd_json_key(&j, "v");
    wd_json_int(&j, WD_LSEG_CAPTURE_VERSION);
    wd_lseg_capture_end(out, &j);
}


static void
wd_lseg_capture_fields(wd_json_t *j, const wd_lseg_image_t *image)
{
    size_t i;

    wd_json_key(j, "fields");
    wd_json_obj(j);
    for (i = 0; i < WD_LSEG_F_COUNT; i++) {
        if (!isnan(image->figures[i])) {
            wd_json_key(j, wd_lseg_figure_name((wd_lseg_figure_e) i));
            wd_json_num(j, image->figures[i]);
        }
    }
    wd_json_end(j);
}


void
wd_lseg_capture_image(wd_buf_t *out, wd_ns_t t, int64_t id,
                      const wd_lseg_image_t *image)
{
    wd_json_t j;

    wd_lseg_capture_line(out, &j, t);
    wd_json_key(&j, "id");
    wd_json_int(&j, id);
    wd_json_key(&j, "image");
    wd_json_obj(&j);
    wd_json_key(&j, "name");
    wd_json_z(&j, image->symbol);
    wd_json_key(&j, "open");
    wd_json_bool(&j, image->open);
    wd_json_key(&j, "complete");
    wd_json_bool(&j, image->complete);
    wd_json_key(&j, "stale");
    wd_json_bool(&j, image->stale);
    wd_json_key(&j, "part");
    wd_json_int(&j, image->part);
    wd_lseg_capture_fields(&j, image);
    wd_json_end(&j);
    wd_lseg_capture_end(out, &j);
}


/* In JSON that was read, a line break stands between values only. */
static void
wd_lseg_capture_raw(wd_buf_t *out, wd_str_t raw)
{
    size_t i, from = out->len;

    wd_buf_str(out, raw);
    for (i = from; i < out->len; i++) {
        if (out->data[i] == '\n' || out->data[i] == '\r') {
            out->data[i] = ' ';
        }
    }
}


void
wd_lseg_capture_frame(wd_buf_t *out, wd_ns_t t,
                      const wd_lseg_event_t *const *events, size_t n)
{
    size_t i;

    wd_buf_printf(out, "{\"t\":%lld,\"m\":[", (long long) t);
    for (i = 0; i < n; i++) {
        wd_buf_z(out, i != 0 ? "," : "");
        wd_lseg_capture_raw(out, events[i]->raw);
    }
    wd_buf_z(out, "]}\n");
}


void
wd_lseg_capture_bad(wd_buf_t *out, wd_ns_t t, wd_str_t frame)
{
    wd_json_t j;

    wd_lseg_capture_line(out, &j, t);
    wd_json_key(&j, "bad");
    frame.len = wd_min(frame.len, (size_t) WD_LSEG_CAPTURE_BAD_MAX);
    wd_json_str(&j, frame);
    wd_lseg_capture_end(out, &j);
}


bool
wd_lseg_capture_needs_image(const wd_lseg_event_t *event)
{
    return event->kind != WD_LSEG_EV_REFRESH || event->part > 0
           || event->name.data == NULL;
}


/* ---- reading ---------------------------------------------------------------- */

typedef struct {
    wd_records_t *r;
    wd_map_t     *images; /* by the eight bytes of an id */
    bool          begun;
    bool          stopped; /* another version, or too much */
} wd_lseg_reader_t;

/* The members of a line; views where its value begins, or NULL. */
typedef struct {
    wd_ns_t        t;
    int64_t        version;
    int64_t        id;
    bool           has_t;
    bool           has_bad;
    wd_str_t       bad;
    wd_json_scan_t image;
    wd_json_scan_t m;
} wd_lseg_line_t;


static int
wd_lseg_line_reject(wd_lseg_reader_t *rd, wd_reason_e reason, wd_str_t line,
                    const char *why)
{
    int32_t record = rd->r->n_records;

    if (record >= WD_RECORDS_MAX) {
        rd->stopped = true;
        return wd_records_reject(rd->r, -1, WD_REASON_TOO_MANY, WD_STR(""),
                                 "more than %d records", WD_RECORDS_MAX);
    }
    rd->r->n_records++;
    return wd_records_reject(rd->r, record, reason, line, "%s", why);
}


static wd_str_t
wd_lseg_key(const int64_t *id)
{
    return wd_str((const char *) id, sizeof(*id));
}


/* NULL: there is none. */
static wd_lseg_image_t *
wd_lseg_reader_image(const wd_lseg_reader_t *rd, int64_t id)
{
    return wd_map_get(rd->images, wd_lseg_key(&id));
}


/* The image of that id, begun anew. WD_ENOMEM; WD_EINVAL: no name. */
static int
wd_lseg_reader_begin(wd_lseg_reader_t *rd, int64_t id, wd_str_t name,
                     wd_lseg_image_t **ret)
{
    void            *old = NULL;
    wd_lseg_image_t *image = wd_lseg_reader_image(rd, id);

    if (image == NULL) {
        if (wd_map_len(rd->images) >= WD_LSEG_CAPTURE_ITEMS_MAX) {
            return WD_EINVAL;
        }
        image = wd_pool_calloc(rd->r->pool, sizeof(*image));
        if (image == NULL
            || wd_map_set(rd->images, wd_lseg_key(&id), image, &old) != WD_OK) {
            return WD_ENOMEM;
        }
    }
    *ret = image;
    if (!wd_lseg_image_init(image, name) || !wd_utf8_valid(name)
        || memchr(name.data, '\0', name.len) != NULL) {
        wd_lseg_image_init(image, WD_STR("?"));
        return WD_EINVAL;
    }
    return WD_OK;
}


static bool
wd_lseg_line_int(const wd_json_scan_val_t *v, int64_t *ret)
{
    return v->type == WD_JS_NUMBER && wd_int_parse(v->text, ret) == WD_OK;
}


static void
wd_lseg_line_member(wd_lseg_line_t *l, wd_str_t key,
                    const wd_json_scan_val_t *v, wd_json_scan_t at)
{
    if (wd_str_eq_z(key, "t")) {
        l->has_t = wd_lseg_line_int(v, &l->t);
    } else if (wd_str_eq_z(key, "v")) {
        if (!wd_lseg_line_int(v, &l->version)) {
            l->version = -1;
        }
    } else if (wd_str_eq_z(key, "id")) {
        if (!wd_lseg_line_int(v, &l->id)) {
            l->id = -1;
        }
    } else if (wd_str_eq_z(key, "bad") && v->type == WD_JS_STRING) {
        l->has_bad = true;
        l->bad = v->text;
    } else if (wd_str_eq_z(key, "image") && v->type == WD_JS_OBJECT) {
        l->image = at;
    } else if (wd_str_eq_z(key, "m") && v->type == WD_JS_ARRAY) {
        l->m = at;
    }
}


/* WD_OK; WD_EPROTO, WD_ETRUNC: it is no line; WD_ENOMEM. */
static int
wd_lseg_line_read(wd_str_t line, wd_pool_t *pool, wd_lseg_line_t *l)
{
    int                rc;
    bool               first = true;
    wd_str_t           key;
    wd_json_scan_t     at, s = wd_answer_scan(line);
    wd_json_scan_val_t v;

    memset(l, 0, sizeof(*l));
    l->id = -1;
    rc = wd_json_scan_open(&s, '{');
    while (rc == WD_OK
           && (rc = wd_json_scan_member(&s, pool, &first, &key)) == WD_OK) {
        rc = wd_json_scan_value(&s, pool, &v);
        at = s;
        if (rc == WD_OK && (v.type == WD_JS_OBJECT || v.type == WD_JS_ARRAY)) {
            rc = wd_json_scan_skip(&s);
            at.end = s.p;
        }
        if (rc == WD_OK) {
            wd_lseg_line_member(l, key, &v, at);
        }
    }
    if (rc == WD_ENOTFOUND) {
        rc = wd_json_scan_at_end(&s) && l->has_t ? WD_OK : WD_EPROTO;
    }
    return rc;
}


/* ---- an image ---- */

static bool
wd_lseg_image_flag(const wd_json_scan_val_t *v, bool *ret)
{
    *ret = v->type == WD_JS_TRUE;
    return *ret || v->type == WD_JS_FALSE;
}


/* WD_EINVAL: a field that is none. */
static int
wd_lseg_image_fields(wd_json_scan_t *s, wd_pool_t *pool,
                     double figures[WD_LSEG_F_COUNT])
{
    int                rc;
    bool               first = true;
    size_t             i;
    wd_str_t           key;
    wd_json_scan_val_t v;

    rc = wd_json_scan_open(s, '{');
    while (rc == WD_OK
           && (rc = wd_json_scan_member(s, pool, &first, &key)) == WD_OK) {
        rc = wd_json_scan_value(s, pool, &v);
        if (rc != WD_OK) {
            return rc;
        }
        for (i = 0;
             i < WD_LSEG_F_COUNT && !wd_str_eq_z(key, wd_lseg_figure_name(i));
             i++) {
        }
        if (i == WD_LSEG_F_COUNT || v.type != WD_JS_NUMBER
            || wd_num_parse(v.text, &figures[i]) != WD_OK) {
            return WD_EINVAL;
        }
    }
    return rc == WD_ENOTFOUND ? WD_OK : rc;
}


/* What an image line says; *name is apart, since it begins the image. */
static int
wd_lseg_image_read(wd_json_scan_t s, wd_pool_t *pool, wd_lseg_image_t *image,
                   wd_str_t *name)
{
    int                rc;
    bool               first = true, good = true;
    wd_str_t           key;
    wd_json_scan_val_t v;

    rc = wd_json_scan_open(&s, '{');
    while (rc == WD_OK && good
           && (rc = wd_json_scan_member(&s, pool, &first, &key)) == WD_OK) {
        rc = wd_json_scan_value(&s, pool, &v);
        if (rc != WD_OK) {
            break;
        }
        if (wd_str_eq_z(key, "name") && v.type == WD_JS_STRING) {
            *name = v.text;
        } else if (wd_str_eq_z(key, "open")) {
            good = wd_lseg_image_flag(&v, &image->open);
        } else if (wd_str_eq_z(key, "complete")) {
            good = wd_lseg_image_flag(&v, &image->complete);
        } else if (wd_str_eq_z(key, "stale")) {
            good = wd_lseg_image_flag(&v, &image->stale);
        } else if (wd_str_eq_z(key, "part")) {
            good = wd_lseg_line_int(&v, &image->part) && image->part >= -1;
        } else if (wd_str_eq_z(key, "fields") && v.type == WD_JS_OBJECT) {
            rc = wd_lseg_image_fields(&s, pool, image->figures);
        } else {
            good = false;
        }
    }
    if (rc == WD_ENOMEM) {
        return rc;
    }
    return rc == WD_ENOTFOUND && good && (!image->complete || image->part == -1)
               ? WD_OK
               : WD_EINVAL;
}


static int
wd_lseg_reader_restore(wd_lseg_reader_t *rd, const wd_lseg_line_t *l,
                       wd_pool_t *pool, wd_str_t line)
{
    int             rc;
    wd_str_t        name = WD_STR_NULL;
    wd_lseg_image_t said, *image = NULL;

    wd_lseg_image_init(&said, WD_STR("?"));
    rc = wd_lseg_image_read(l->image, pool, &said, &name);
    if (rc == WD_OK) {
        rc = l->id >= 0 && name.len != 0
                 ? wd_lseg_reader_begin(rd, l->id, name, &image)
                 : WD_EINVAL;
    }
    if (rc != WD_OK) {
        return rc == WD_ENOMEM ? rc
                               : wd_lseg_line_reject(rd, WD_REASON_SYNTAX, line,
                                                     "an image that is none");
    }
    memcpy(said.symbol, image->symbol, sizeof(said.symbol));
    *image = said;
    return WD_OK;
}


/* ---- a frame ---- */

static int
wd_lseg_reader_event(wd_lseg_reader_t *rd, const wd_lseg_event_t *e, wd_ns_t t)
{
    int              rc = WD_OK;
    wd_lseg_next_e   next;
    wd_lseg_image_t *image;

    if (e->kind == WD_LSEG_EV_STRANGE) {
        return wd_lseg_line_reject(rd, WD_REASON_SYNTAX, e->raw, e->text);
    }
    if ((e->kind != WD_LSEG_EV_REFRESH && e->kind != WD_LSEG_EV_UPDATE
         && e->kind != WD_LSEG_EV_STATUS)
        || !wd_str_eq_z(e->domain, "MarketPrice")) {
        return WD_OK;
    }

    image = wd_lseg_reader_image(rd, e->id);
    if (image == NULL && wd_lseg_capture_needs_image(e)) {
        return wd_lseg_line_reject(rd, WD_REASON_MISSING_FIELD, e->raw,
                                   "a message about an item without its image");
    }
    if (image == NULL) {
        rc = wd_lseg_reader_begin(rd, e->id, e->name, &image);
    }
    if (rc == WD_EINVAL) {
        return wd_lseg_line_reject(rd, WD_REASON_BAD_SYMBOL, e->raw,
                                   "an item whose name is none");
    }
    return rc == WD_OK ? wd_lseg_image_apply(image, e, t, rd->r, &next) : rc;
}


static int
wd_lseg_reader_frame(wd_lseg_reader_t *rd, const wd_lseg_line_t *l,
                     wd_pool_t *pool, wd_str_t line)
{
    int              rc, bad;
    size_t           i;
    wd_error_t       err;
    wd_lseg_events_t ev;

    bad = wd_lseg_stream_parse(wd_str(l->m.p, (size_t) (l->m.end - l->m.p)),
                               pool, &ev, &err);
    if (bad == WD_ENOMEM) {
        return bad;
    }
    for (i = 0; i < ev.n && !rd->stopped; i++) {
        rc = wd_lseg_reader_event(rd, &ev.events[i], l->t);
        if (rc != WD_OK) {
            return rc;
        }
    }
    return bad == WD_OK
               ? WD_OK
               : wd_lseg_line_reject(rd, WD_REASON_SYNTAX, line, err.text);
}


/* ---- all lines ---- */

static int
wd_lseg_reader_first(wd_lseg_reader_t *rd, const wd_lseg_line_t *l)
{
    rd->begun = true;
    if (l->version == WD_LSEG_CAPTURE_VERSION) {
        return WD_OK;
    }
    rd->stopped = true;
    return wd_records_refuse(rd->r, WD_REASON_UNKNOWN_SHAPE, WD_STR(""),
                             "no capture of version %d",
                             WD_LSEG_CAPTURE_VERSION);
}


static int
wd_lseg_reader_line(wd_lseg_reader_t *rd, wd_str_t line, wd_pool_t *pool)
{
    int            rc;
    wd_lseg_line_t l;

    rc = wd_lseg_line_read(line, pool, &l);
    if (rc == WD_ENOMEM) {
        return rc;
    }
    if (!rd->begun) {
        return wd_lseg_reader_first(rd, &l);
    }
    if (rc != WD_OK) {
        return wd_lseg_line_reject(
            rd, rc == WD_ETRUNC ? WD_REASON_TRUNCATED : WD_REASON_SYNTAX, line,
            "the line cannot be read");
    }
    if (l.m.p != NULL) {
        return wd_lseg_reader_frame(rd, &l, pool, line);
    }
    if (l.image.p != NULL) {
        return wd_lseg_reader_restore(rd, &l, pool, line);
    }
    return wd_lseg_line_reject(rd, WD_REASON_SYNTAX, l.has_bad ? l.bad : line,
                               l.has_bad ? "the frame was none"
                                         : "a line of no known kind");
}


/* A line's own memory is not kept: there may be many. */
static int
wd_lseg_reader_lines(wd_lseg_reader_t *rd, wd_str_t body)
{
    int        rc = WD_OK;
    wd_str_t   line;
    wd_pool_t *pool;

    while (rc == WD_OK && !rd->stopped && body.len != 0
           && wd_str_split(&body, '\n', &line)) {
        pool = wd_pool_create(8192);
        if (pool == NULL) {
            return WD_ENOMEM;
        }
        rc = wd_lseg_reader_line(rd, line, pool);
        wd_pool_destroy(pool);
    }
    return rc;
}


int
wd_lseg_capture_parse(wd_str_t body, wd_records_t *r)
{
    int              rc;
    wd_lseg_reader_t rd = {.r = r};

    if (body.len > WD_LSEG_CAPTURE_MAX) {
        return wd_records_refuse(r, WD_REASON_TOO_MANY, WD_STR(""),
                                 "a capture of %zu bytes", body.len);
    }
    if (body.len == 0) {
        return wd_records_refuse(r, WD_REASON_TRUNCATED, WD_STR(""),
                                 "a capture without a line");
    }
    rd.images = wd_map_create();
    if (rd.images == NULL) {
        return WD_ENOMEM;
    }
    rc = wd_lseg_reader_lines(&rd, body);
    wd_map_destroy(rd.images);
    r->empty = r->n_records == 0 && !r->refused;
    return rc;
}
