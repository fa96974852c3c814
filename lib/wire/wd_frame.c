/*
 * wd_frame.c - encoding, decoding and cutting of RPC frames.
 */
#include "wd_frame.h"

#define WD_READ_MIN 4096


void
wd_frame_reader_init(wd_frame_reader_t *r)
{
    /* A whole frame and the beginning of the next always fit. */
    wd_buf_init(&r->buf, 2 * WD_FRAME_MAX);
    r->start = 0;
    wd_mp_scan_init(&r->scan);
}


void
wd_frame_reader_done(wd_frame_reader_t *r)
{
    wd_buf_done(&r->buf);
    wd_frame_reader_init(r);
}


uint8_t *
wd_frame_reader_space(wd_frame_reader_t *r, size_t min, size_t *ret_len)
{
    uint8_t *p;

    if (r->start != 0) {
        wd_buf_consume(&r->buf, r->start);
        r->start = 0;
    }

    min = wd_max(min, (size_t) WD_READ_MIN);
    p = wd_buf_reserve(&r->buf, min);
    if (p != NULL) {
        *ret_len = r->buf.cap - r->buf.len;
        if (*ret_len > r->buf.max - r->buf.len) {
            *ret_len = r->buf.max - r->buf.len;
        }
    }
    return p;
}


void
wd_frame_reader_fed(wd_frame_reader_t *r, size_t n)
{
    r->buf.len += n;
}


/* What every frame begins with; the cursor moves behind it. */
static int
wd_frame_read_type(wd_mp_t *c, wd_frame_type_e *ret)
{
    int         rc;
    uint32_t    n;
    wd_mp_val_t v;

    rc = wd_mp_next_head(c, &v);
    if (rc != WD_OK) {
        return rc;
    }
    n = v.type == WD_MP_ARRAY ? v.v.count : 0;
    if (n != 3 && n != 4) {
        return WD_EPROTO;
    }

    rc = wd_mp_next_head(c, &v);
    if (rc != WD_OK) {
        return rc;
    }
    if (v.type != WD_MP_INT || v.v.i < 0 || v.v.i > WD_FRAME_NOTIFY
        || n != (v.v.i == WD_FRAME_NOTIFY ? 3 : 4)) {
        return WD_EPROTO;
    }
    *ret = (wd_frame_type_e) v.v.i;
    return WD_OK;
}


/*
 * Can these bytes become a frame? Rubbish may declare to be long, and would
 * swallow what follows until as much has come: it is refused at its head.
 */
static bool
wd_frame_begins(const uint8_t *p, size_t len)
{
    int             rc;
    wd_mp_t         c = wd_mp(p, len);
    wd_frame_type_e type;

    rc = wd_frame_read_type(&c, &type);
    return rc == WD_OK || rc == WD_ETRUNC;
}


int
wd_frame_reader_next(wd_frame_reader_t *r, wd_frame_t *ret)
{
    int      rc;
    size_t   len = r->buf.len - r->start;
    uint8_t *p;

    if (len == 0) {
        r->buf.len = r->start = 0;
        return WD_EAGAIN;
    }

    p = r->buf.data + r->start;
    rc = wd_mp_scan(&r->scan, p, len, WD_FRAME_MAX);
    if (rc != WD_OK) {
        return wd_frame_begins(p, len) ? rc : WD_EPROTO;
    }

    len = r->scan.pos;
    r->start += len;
    wd_mp_scan_init(&r->scan);
    return wd_frame_parse(wd_str((const char *) p, len), ret);
}


bool
wd_frame_reader_within(const wd_frame_reader_t *r)
{
    return r->buf.len != r->start;
}


/* The bytes of the value at the cursor, which moves behind it. */
static int
wd_frame_slice(wd_mp_t *c, wd_str_t *ret)
{
    int            rc;
    const uint8_t *from = c->p;

    rc = wd_mp_skip(c);
    if (rc == WD_OK) {
        *ret = wd_str((const char *) from, (size_t) (c->p - from));
    }
    return rc;
}


static int
wd_frame_slice_map(wd_mp_t *c, wd_str_t *ret)
{
    uint32_t n;
    wd_mp_t  at = *c;

    if (wd_mp_read_map(&at, &n) != WD_OK) {
        return WD_EPROTO;
    }
    return wd_frame_slice(c, ret);
}


static int
wd_frame_read_msgid(wd_mp_t *c, uint32_t *ret)
{
    int64_t v;

    if (wd_mp_read_int(c, &v) != WD_OK || v < 0 || v > UINT32_MAX) {
        return WD_EPROTO;
    }
    *ret = (uint32_t) v;
    return WD_OK;
}


static int
wd_frame_read_method(wd_mp_t *c, wd_str_t *ret)
{
    if (wd_mp_read_str(c, ret) != WD_OK || ret->len == 0
        || ret->len > WD_METHOD_MAX) {
        return WD_EPROTO;
    }
    return WD_OK;
}


static int
wd_frame_parse_request(wd_mp_t *c, wd_frame_t *f)
{
    uint32_t n;

    if (wd_frame_read_msgid(c, &f->msgid) != WD_OK
        || wd_frame_read_method(c, &f->method) != WD_OK
        || wd_mp_read_array(c, &n) != WD_OK || n != 2
        || wd_frame_slice_map(c, &f->context) != WD_OK
        || wd_frame_slice_map(c, &f->args) != WD_OK) {
        return WD_EPROTO;
    }
    return WD_OK;
}


/* [code, text] or [code, text, detail] */
static int
wd_frame_parse_error(wd_mp_t *c, wd_frame_t *f)
{
    int64_t  code;
    uint32_t n;

    if (wd_mp_read_array(c, &n) != WD_OK || n < 2 || n > 3
        || wd_mp_read_int(c, &code) != WD_OK || code >= 0 || code < -9999
        || wd_mp_read_str(c, &f->text) != WD_OK
        || f->text.len > WD_DETAIL_MAX) {
        return WD_EPROTO;
    }

    f->code = (int) code;
    if (n == 3 && !wd_mp_read_nil(c)) {
        return wd_frame_slice_map(c, &f->detail);
    }
    return WD_OK;
}


static int
wd_frame_parse_result(wd_mp_t *c, wd_frame_t *f)
{
    int64_t  status;
    uint32_t n;
    wd_mp_t  more;

    if (wd_mp_read_array(c, &n) != WD_OK || n != 3
        || wd_mp_read_int(c, &status) != WD_OK || status < 200 || status > 299
        || wd_frame_slice_map(c, &f->meta) != WD_OK
        || f->meta.len > WD_META_MAX) {
        return WD_EPROTO;
    }

    f->status = (int) status;

    if (!wd_mp_read_nil(c) && wd_mp_read_bytes(c, &f->body) != WD_OK) {
        return WD_EPROTO;
    }

    if (f->body.len > WD_CHUNK_MAX) {
        return WD_EPROTO;
    }

    if (wd_mp_map_find(wd_mp(f->meta.data, f->meta.len), "more", &more)
        == WD_OK) {
        return wd_mp_read_bool(&more, &f->more);
    }
    return WD_OK;
}


static int
wd_frame_parse_response(wd_mp_t *c, wd_frame_t *f)
{
    if (wd_frame_read_msgid(c, &f->msgid) != WD_OK) {
        return WD_EPROTO;
    }

    if (wd_mp_read_nil(c)) {
        return wd_frame_parse_result(c, f);
    }

    if (wd_frame_parse_error(c, f) != WD_OK || !wd_mp_read_nil(c)) {
        return WD_EPROTO;
    }
    return WD_OK;
}


static int
wd_frame_parse_notify(wd_mp_t *c, wd_frame_t *f)
{
    uint32_t n;
    wd_mp_t  at;

    if (wd_frame_read_method(c, &f->method) != WD_OK) {
        return WD_EPROTO;
    }

    at = *c;
    if (wd_mp_read_array(&at, &n) != WD_OK
        || wd_frame_slice(c, &f->params) != WD_OK) {
        return WD_EPROTO;
    }
    return WD_OK;
}


int
wd_frame_parse(wd_str_t bytes, wd_frame_t *f)
{
    int     rc;
    wd_mp_t c = wd_mp(bytes.data, bytes.len);

    memset(f, 0, sizeof(*f));

    if (wd_frame_read_type(&c, &f->type) != WD_OK) {
        return WD_EPROTO;
    }

    switch (f->type) {
    case WD_FRAME_REQUEST:
        rc = wd_frame_parse_request(&c, f);
        break;
    case WD_FRAME_RESPONSE:
        rc = wd_frame_parse_response(&c, f);
        break;
    default:
        rc = wd_frame_parse_notify(&c, f);
    }

    if (rc != WD_OK || c.p != c.end) {
        return WD_EPROTO;
    }
    return WD_OK;
}


void
wd_frame_put_request(wd_buf_t *out, uint32_t msgid, wd_str_t method,
                     wd_str_t context, wd_str_t args)
{
    wd_mp_put_array(out, 4);
    wd_mp_put_int(out, WD_FRAME_REQUEST);
    wd_mp_put_uint(out, msgid);
    wd_mp_put_str(out, method);
    wd_mp_put_array(out, 2);
    wd_buf_str(out, context);
    wd_buf_str(out, args);
}


/* The pairs of `meta` behind a map head that counts `extra` more. */
static void
wd_frame_put_meta(wd_buf_t *out, wd_str_t meta, uint32_t extra)
{
    uint32_t n = 0;
    wd_mp_t  c = wd_mp(meta.data, meta.len);

    if (meta.len != 0 && wd_mp_read_map(&c, &n) != WD_OK) {
        out->err = WD_EINVAL;
        return;
    }

    wd_mp_put_map(out, n + extra);
    wd_buf_append(out, c.p, (size_t) (c.end - c.p));
}


void
wd_frame_put_result(wd_buf_t *out, uint32_t msgid, int status, wd_str_t meta,
                    wd_str_t body, bool more)
{
    wd_mp_put_array(out, 4);
    wd_mp_put_int(out, WD_FRAME_RESPONSE);
    wd_mp_put_uint(out, msgid);
    wd_mp_put_nil(out);
    wd_mp_put_array(out, 3);
    wd_mp_put_int(out, status);
    wd_frame_put_meta(out, meta, more ? 1 : 0);
    if (more) {
        wd_mp_put_z(out, "more");
        wd_mp_put_bool(out, true);
    }
    wd_mp_put_bin(out, body.data, body.len);
}


void
wd_frame_put_error(wd_buf_t *out, uint32_t msgid, int code, wd_str_t text,
                   wd_str_t detail)
{
    text.len = wd_min(text.len, (size_t) WD_DETAIL_MAX);

    wd_mp_put_array(out, 4);
    wd_mp_put_int(out, WD_FRAME_RESPONSE);
    wd_mp_put_uint(out, msgid);
    wd_mp_put_array(out, detail.len != 0 ? 3 : 2);
    wd_mp_put_int(out, code);
    wd_mp_put_str(out, text);
    wd_buf_str(out, detail);
    wd_mp_put_nil(out);
}


static void
wd_frame_put_notify_head(wd_buf_t *out, const char *method, uint32_t n_params)
{
    wd_mp_put_array(out, 3);
    wd_mp_put_int(out, WD_FRAME_NOTIFY);
    wd_mp_put_z(out, method);
    wd_mp_put_array(out, n_params);
}


void
wd_frame_put_chunk(wd_buf_t *out, uint32_t msgid, wd_str_t bytes, bool last)
{
    wd_frame_put_notify_head(out, WD_N_CHUNK, 3);
    wd_mp_put_uint(out, msgid);
    wd_mp_put_bin(out, bytes.data, bytes.len);
    wd_mp_put_bool(out, last);
}


void
wd_frame_put_abort(wd_buf_t *out, uint32_t msgid, int code, wd_str_t text)
{
    text.len = wd_min(text.len, (size_t) WD_DETAIL_MAX);

    wd_frame_put_notify_head(out, WD_N_ABORT, 2);
    wd_mp_put_uint(out, msgid);
    wd_mp_put_array(out, 2);
    wd_mp_put_int(out, code);
    wd_mp_put_str(out, text);
}


void
wd_frame_put_cancel(wd_buf_t *out, uint32_t msgid)
{
    wd_frame_put_notify_head(out, WD_N_CANCEL, 1);
    wd_mp_put_uint(out, msgid);
}


void
wd_frame_put_credit(wd_buf_t *out, uint32_t msgid, uint32_t bytes)
{
    wd_frame_put_notify_head(out, WD_N_CREDIT, 2);
    wd_mp_put_uint(out, msgid);
    wd_mp_put_uint(out, bytes);
}


void
wd_frame_put_hello(wd_buf_t *out, const char *service, const char *instance)
{
    wd_frame_put_notify_head(out, WD_N_HELLO, 1);
    wd_mp_put_map(out, 3);
    wd_mp_put_z(out, "v");
    wd_mp_put_int(out, WD_PROTO_VERSION);
    wd_mp_put_z(out, "service");
    wd_mp_put_z(out, service);
    wd_mp_put_z(out, "instance");
    wd_mp_put_z(out, instance);
}


void
wd_frame_put_notify(wd_buf_t *out, const char *method, wd_str_t params)
{
    wd_mp_put_array(out, 3);
    wd_mp_put_int(out, WD_FRAME_NOTIFY);
    wd_mp_put_z(out, method);
    wd_buf_str(out, params);
}


/* The head of a notification's params: an array of n that opens with msgid. */
static int
wd_frame_get_head(wd_mp_t *c, wd_str_t params, uint32_t n, uint32_t *ret_msgid)
{
    uint32_t count;

    *c = wd_mp(params.data, params.len);
    if (wd_mp_read_array(c, &count) != WD_OK || count != n) {
        return WD_EPROTO;
    }
    return wd_frame_read_msgid(c, ret_msgid);
}


int
wd_frame_get_chunk(wd_str_t params, uint32_t *ret_msgid, wd_str_t *ret_bytes,
                   bool *ret_last)
{
    wd_mp_t c;

    if (wd_frame_get_head(&c, params, 3, ret_msgid) != WD_OK
        || wd_mp_read_bytes(&c, ret_bytes) != WD_OK
        || ret_bytes->len > WD_CHUNK_MAX
        || wd_mp_read_bool(&c, ret_last) != WD_OK) {
        return WD_EPROTO;
    }
    return WD_OK;
}


int
wd_frame_get_abort(wd_str_t params, uint32_t *ret_msgid, int *ret_code,
                   wd_str_t *ret_text)
{
    int64_t  code;
    uint32_t n;
    wd_mp_t  c;

    if (wd_frame_get_head(&c, params, 2, ret_msgid) != WD_OK
        || wd_mp_read_array(&c, &n) != WD_OK || n != 2
        || wd_mp_read_int(&c, &code) != WD_OK || code >= 0 || code < -9999
        || wd_mp_read_str(&c, ret_text) != WD_OK
        || ret_text->len > WD_DETAIL_MAX) {
        return WD_EPROTO;
    }

    *ret_code = (int) code;
    return WD_OK;
}


int
wd_frame_get_cancel(wd_str_t params, uint32_t *ret_msgid)
{
    wd_mp_t c;

    return wd_frame_get_head(&c, params, 1, ret_msgid);
}


int
wd_frame_get_credit(wd_str_t params, uint32_t *ret_msgid, uint32_t *ret_bytes)
{
    int64_t v;
    wd_mp_t c;

    if (wd_frame_get_head(&c, params, 2, ret_msgid) != WD_OK
        || wd_mp_read_int(&c, &v) != WD_OK || v < 0 || v > UINT32_MAX) {
        return WD_EPROTO;
    }

    *ret_bytes = (uint32_t) v;
    return WD_OK;
}


static int
wd_frame_hello_str(wd_mp_t map, const char *key, wd_str_t *ret)
{
    wd_mp_t at;

    if (wd_mp_map_find(map, key, &at) != WD_OK
        || wd_mp_read_str(&at, ret) != WD_OK || ret->len > WD_METHOD_MAX) {
        return WD_EPROTO;
    }
    return WD_OK;
}


int
wd_frame_get_hello(wd_str_t params, int64_t *ret_version, wd_str_t *ret_service,
                   wd_str_t *ret_instance)
{
    uint32_t n;
    wd_mp_t  c = wd_mp(params.data, params.len), at;

    if (wd_mp_read_array(&c, &n) != WD_OK || n != 1
        || wd_mp_map_find(c, "v", &at) != WD_OK
        || wd_mp_read_int(&at, ret_version) != WD_OK
        || wd_frame_hello_str(c, "service", ret_service) != WD_OK
        || wd_frame_hello_str(c, "instance", ret_instance) != WD_OK) {
        return WD_EPROTO;
    }
    return WD_OK;
}
