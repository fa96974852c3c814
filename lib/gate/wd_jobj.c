/*
 * wd_jobj.c - a strict reader on top of the lenient cursor.
 *
 * Names of the objects that are open lie on one stack; when an object ends,
 * its slice is looked through for a name that stands twice and is dropped.
 */
#include "wd_jobj.h"

#include <stdlib.h>

#define WD_JOBJ_GROW 16
#define WD_JOBJ_PAIRS 12 /* up to here comparing all pairs beats sorting */

typedef struct {
    wd_json_scan_t s;
    wd_pool_t     *pool;
    wd_str_t       json;
    wd_str_t      *names;
    size_t         n_names;
    size_t         cap;
    wd_jobj_t     *out;
    size_t         out_cap;
} wd_jobj_reader_t;

static int wd_jobj_value(wd_jobj_reader_t *r, int depth,
                         wd_json_scan_val_t *ret);


/* A bigger array in the pool; the old one is left behind. */
static void *
wd_jobj_grow(wd_pool_t *pool, const void *old, size_t n, size_t *cap,
             size_t size)
{
    size_t more = *cap != 0 ? *cap * 2 : WD_JOBJ_GROW;
    void  *p = wd_pool_alloc(pool, more * size);

    if (p != NULL) {
        if (n != 0) {
            memcpy(p, old, n * size);
        }
        *cap = more;
    }
    return p;
}


/*
 * The cursor reads \u0000 and a lone surrogate as U+FFFD. In a text with
 * escapes that character is refused, so that no two texts become one.
 */
static bool
wd_jobj_text_clean(const wd_jobj_reader_t *r, wd_str_t s)
{
    bool escaped = s.len != 0
                   && (s.data < r->json.data
                       || s.data >= r->json.data + r->json.len);

    return !escaped || memmem(s.data, s.len, "\xef\xbf\xbd", 3) == NULL;
}


static int
wd_jobj_name_push(wd_jobj_reader_t *r, wd_str_t name)
{
    if (!wd_jobj_text_clean(r, name)) {
        return WD_EPROTO;
    }

    if (r->n_names == r->cap) {
        r->names = wd_jobj_grow(r->pool, r->names, r->n_names, &r->cap,
                                sizeof(wd_str_t));
        if (r->names == NULL) {
            return WD_ENOMEM;
        }
    }
    r->names[r->n_names++] = name;
    return WD_OK;
}


static int
wd_jobj_name_cmp(const void *a, const void *b)
{
    const wd_str_t *x = a, *y = b;

    if (x->len != y->len) {
        return x->len < y->len ? -1 : 1;
    }
    return x->len != 0 ? memcmp(x->data, y->data, x->len) : 0;
}


static bool
wd_jobj_unique(wd_str_t *names, size_t n)
{
    size_t i, k;

    if (n <= WD_JOBJ_PAIRS) {
        for (i = 1; i < n; i++) {
            for (k = 0; k < i; k++) {
                if (wd_str_eq(names[i], names[k])) {
                    return false;
                }
            }
        }
        return true;
    }

    qsort(names, n, sizeof(wd_str_t), wd_jobj_name_cmp);
    for (i = 1; i < n; i++) {
        if (wd_str_eq(names[i - 1], names[i])) {
            return false;
        }
    }
    return true;
}


static int
wd_jobj_keep(wd_jobj_reader_t *r, wd_str_t name, const wd_json_scan_val_t *v)
{
    wd_jobj_t *o = r->out;

    if (o->n == r->out_cap) {
        o->members = wd_jobj_grow(r->pool, o->members, o->n, &r->out_cap,
                                  sizeof(wd_jobj_member_t));
        if (o->members == NULL) {
            return WD_ENOMEM;
        }
    }
    o->members[o->n++] = (wd_jobj_member_t){name, v->type, v->text};
    return WD_OK;
}


static int
wd_jobj_object(wd_jobj_reader_t *r, int depth)
{
    int                rc;
    bool               first = true;
    size_t             from = r->n_names;
    wd_str_t           name;
    wd_json_scan_val_t v;

    rc = wd_json_scan_open(&r->s, '{');

    while (rc == WD_OK) {
        rc = wd_json_scan_member(&r->s, r->pool, &first, &name);
        if (rc == WD_OK) {
            rc = wd_jobj_name_push(r, name);
        }
        if (rc == WD_OK) {
            rc = wd_jobj_value(r, depth, &v);
        }
        if (rc == WD_OK && depth == 1) {
            rc = wd_jobj_keep(r, name, &v);
        }
    }

    if (rc != WD_ENOTFOUND) {
        return rc;
    }
    if (r->n_names != from
        && !wd_jobj_unique(r->names + from, r->n_names - from)) {
        return WD_EEXIST;
    }
    r->n_names = from;
    return WD_OK;
}


static int
wd_jobj_array(wd_jobj_reader_t *r, int depth)
{
    int                rc;
    bool               first = true;
    wd_json_scan_val_t v;

    rc = wd_json_scan_open(&r->s, '[');

    while (rc == WD_OK) {
        rc = wd_json_scan_item(&r->s, &first);
        if (rc == WD_OK) {
            rc = wd_jobj_value(r, depth, &v);
        }
    }
    return rc == WD_ENOTFOUND ? WD_OK : rc;
}


/* `depth` of what the value stands in. */
static int
wd_jobj_value(wd_jobj_reader_t *r, int depth, wd_json_scan_val_t *ret)
{
    int         rc;
    const char *from;

    rc = wd_json_scan_value(&r->s, r->pool, ret);
    if (rc != WD_OK) {
        return rc;
    }

    if (ret->type == WD_JS_STRING) {
        return wd_jobj_text_clean(r, ret->text) ? WD_OK : WD_EPROTO;
    }
    if (ret->type != WD_JS_OBJECT && ret->type != WD_JS_ARRAY) {
        return WD_OK;
    }
    if (depth == WD_JOBJ_DEPTH_MAX) {
        return WD_ETOOBIG;
    }

    from = r->s.p;
    rc = ret->type == WD_JS_OBJECT ? wd_jobj_object(r, depth + 1)
                                   : wd_jobj_array(r, depth + 1);
    ret->text = wd_str(from, (size_t) (r->s.p - from));
    return rc;
}


int
wd_jobj_read(wd_jobj_t *ret, wd_pool_t *pool, wd_str_t json)
{
    int              rc;
    wd_jobj_reader_t r = {
        .s = wd_json_scan(json), .pool = pool, .json = json, .out = ret};

    *ret = (wd_jobj_t){NULL, 0};
    if (json.len == 0 || !wd_utf8_valid(json)) {
        return WD_EPROTO;
    }

    rc = wd_jobj_object(&r, 1);
    if (rc == WD_OK && !wd_json_scan_at_end(&r.s)) {
        rc = WD_EPROTO;
    }
    return rc == WD_ETRUNC ? WD_EPROTO : rc;
}


const wd_jobj_member_t *
wd_jobj_get(const wd_jobj_t *o, const char *name)
{
    size_t i;

    for (i = 0; i < o->n; i++) {
        if (wd_str_eq_z(o->members[i].name, name)) {
            return &o->members[i];
        }
    }
    return NULL;
}


/*
 * The text before *at is known to be well-formed, so that the comma or the
 * bracket before a value is all that has to be stepped over.
 */
int
wd_jobj_next_text(wd_str_t *at, wd_pool_t *pool, wd_str_t *ret)
{
    int                rc;
    bool               first;
    wd_json_scan_t     s = wd_json_scan(*at);
    wd_json_scan_val_t v;

    first = at->len != 0 && *at->data == '[';
    s.p += first;
    rc = wd_json_scan_item(&s, &first);
    if (rc == WD_OK) {
        rc = wd_json_scan_value(&s, pool, &v);
    }
    if (rc == WD_OK && v.type != WD_JS_STRING) {
        rc = WD_EPROTO;
    }
    if (rc != WD_OK) {
        return rc;
    }

    *at = wd_str(s.p, (size_t) (s.end - s.p));
    *ret = v.text;
    return WD_OK;
}


/* C0, DEL, C1 (C2 80 to C2 9F), U+2028 and U+2029. */
bool
wd_jobj_printable(wd_str_t s, size_t max)
{
    size_t         i;
    const uint8_t *p = (const uint8_t *) s.data;

    if (s.len == 0 || s.len > max) {
        return false;
    }

    for (i = 0; i < s.len; i++) {
        if (p[i] < 0x20 || p[i] == 0x7f
            || (p[i] == 0xc2 && i + 1 < s.len && p[i + 1] < 0xa0)
            || (p[i] == 0xe2 && i + 2 < s.len && p[i + 1] == 0x80
                && (p[i + 2] == 0xa8 || p[i + 2] == 0xa9))) {
            return false;
        }
    }
    return true;
}
