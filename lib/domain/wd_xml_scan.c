/*
 * wd_xml_scan.c - a cursor over XML text that survives damage.
 */
#include "wd_xml_scan.h"

#define WD_XML_REFERENCE_MAX 10 /* bytes between & and ; */


void
wd_xml_scan_init(wd_xml_scan_t *s, wd_str_t body)
{
    memset(s, 0, sizeof(*s));
    s->start = s->p = s->at = body.data;
    s->end = body.data + body.len;
}


static bool
wd_xml_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}


static void
wd_xml_blanks(wd_xml_scan_t *s)
{
    while (s->p < s->end && wd_xml_blank(*s->p)) {
        s->p++;
    }
}


static bool
wd_xml_name_char(char c, bool first)
{
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_') {
        return true;
    }
    return !first
           && ((c >= '0' && c <= '9') || c == '-' || c == '.' || c == ':');
}


/* A name and what ends it, which stays. */
static int
wd_xml_name(wd_xml_scan_t *s, wd_str_t *ret)
{
    const char *p = s->p;

    while (p < s->end && wd_xml_name_char(*p, p == s->p)) {
        p++;
    }
    if (p - s->p > WD_XML_SCAN_NAME_MAX) {
        return WD_EPROTO;
    }
    if (p == s->end) {
        return WD_ETRUNC;
    }
    if (p == s->p) {
        return WD_EPROTO;
    }
    *ret = wd_str(s->p, (size_t) (p - s->p));
    s->p = p;
    return WD_OK;
}


/* Behind "&#", the digits only. */
static bool
wd_xml_number(wd_str_t s, uint32_t *ret)
{
    char     c;
    size_t   i = 0;
    uint32_t base = 10, digit, v = 0;

    if (s.len != 0 && s.data[0] == 'x') {
        base = 16;
        i = 1;
    }
    if (i == s.len) {
        return false;
    }
    for (; i < s.len; i++) {
        c = s.data[i];
        if (c >= '0' && c <= '9') {
            digit = (uint32_t) (c - '0');
        } else if (base == 16 && (c | 0x20) >= 'a' && (c | 0x20) <= 'f') {
            digit = (uint32_t) ((c | 0x20) - 'a' + 10);
        } else {
            return false;
        }
        v = v * base + digit;
        if (v > 0x10ffff) {
            return false;
        }
    }

    *ret = v;
    return (v >= 0x20 || v == '\t' || v == '\n' || v == '\r')
           && !(v >= 0xd800 && v < 0xe000) && v != 0xfffe && v != 0xffff;
}


/* The name of a reference; never longer than the reference was. */
static bool
wd_xml_reference(wd_str_t name, char *out, size_t *len)
{
    size_t   i;
    uint32_t v;

    static const struct {
        const char *name;
        char        c;
    } known[] = {
        {"amp", '&'}, {"lt", '<'}, {"gt", '>'}, {"quot", '"'}, {"apos", '\''}};

    if (name.len != 0 && name.data[0] == '#') {
        if (!wd_xml_number(wd_str(name.data + 1, name.len - 1), &v)) {
            return false;
        }
        *len += wd_utf8_encode(v, out + *len);
        return true;
    }
    for (i = 0; i < wd_array_len(known); i++) {
        if (wd_str_eq_z(name, known[i].name)) {
            out[(*len)++] = known[i].c;
            return true;
        }
    }
    return false;
}


/* A text without markup, its references replaced. */
static int
wd_xml_decode(wd_str_t raw, wd_pool_t *pool, wd_str_t *ret)
{
    char       *out;
    size_t      i, len = 0;
    const char *semicolon;

    for (i = 0; i < raw.len; i++) {
        if ((uint8_t) raw.data[i] < 0x20 && !wd_xml_blank(raw.data[i])) {
            return WD_EPROTO;
        }
    }
    if (raw.len == 0 || memchr(raw.data, '&', raw.len) == NULL) {
        *ret = raw;
        return WD_OK;
    }

    out = wd_pool_alloc(pool, raw.len);
    if (out == NULL) {
        return WD_ENOMEM;
    }
    for (i = 0; i < raw.len; i++) {
        if (raw.data[i] != '&') {
            out[len++] = raw.data[i];
            continue;
        }
        i++;
        semicolon = memchr(
            raw.data + i, ';',
            wd_min(raw.len - i, (size_t) WD_XML_REFERENCE_MAX + 1));
        if (semicolon == NULL
            || !wd_xml_reference(
                wd_str(raw.data + i, (size_t) (semicolon - raw.data) - i), out,
                &len)) {
            return WD_EPROTO;
        }
        i = (size_t) (semicolon - raw.data);
    }
    *ret = wd_str(out, len);
    return WD_OK;
}


/* At the name: name="value" */
static int
wd_xml_attr(wd_xml_scan_t *s, wd_pool_t *pool)
{
    int                 rc;
    char                quote;
    const char         *p;
    wd_xml_scan_attr_t *a;

    if (s->n_attrs == WD_XML_SCAN_ATTRS_MAX) {
        return WD_EPROTO;
    }
    a = &s->attrs[s->n_attrs];
    rc = wd_xml_name(s, &a->name);
    if (rc != WD_OK) {
        return rc;
    }
    for (p = s->p; p < s->end && wd_xml_blank(*p); p++) {
    }
    if (p == s->end) {
        return WD_ETRUNC;
    }
    if (*p++ != '=') {
        return WD_EPROTO;
    }
    for (; p < s->end && wd_xml_blank(*p); p++) {
    }
    if (p == s->end) {
        return WD_ETRUNC;
    }
    quote = *p++;
    if (quote != '"' && quote != '\'') {
        return WD_EPROTO;
    }

    s->p = p;
    while (p < s->end && *p != quote && *p != '<') {
        p++;
    }
    if (p == s->end) {
        return WD_ETRUNC;
    }
    if (*p == '<') {
        return WD_EPROTO;
    }
    rc = wd_xml_decode(wd_str(s->p, (size_t) (p - s->p)), pool, &a->value);
    if (rc != WD_OK) {
        return rc;
    }
    s->p = p + 1;
    s->n_attrs++;
    return WD_OK;
}


/* Behind the name of an opening tag: attributes, then > or /> */
static int
wd_xml_attrs(wd_xml_scan_t *s, wd_pool_t *pool)
{
    int         rc;
    size_t      i;
    const char *mark;

    s->n_attrs = 0;
    for (;;) {
        mark = s->p;
        wd_xml_blanks(s);
        if (s->p == s->end) {
            return WD_ETRUNC;
        }
        if (*s->p == '>') {
            s->p++;
            return WD_OK;
        }
        if (*s->p == '/') {
            if (s->p + 1 == s->end) {
                return WD_ETRUNC;
            }
            s->close_due = s->p[1] == '>';
            s->p += 2;
            return s->close_due ? WD_OK : WD_EPROTO;
        }
        if (s->p == mark) {
            return WD_EPROTO; /* no blank before the name */
        }

        rc = wd_xml_attr(s, pool);
        if (rc != WD_OK) {
            return rc;
        }
        for (i = 0; i + 1 < s->n_attrs; i++) {
            if (wd_str_eq(s->attrs[i].name, s->attrs[s->n_attrs - 1].name)) {
                return WD_EPROTO;
            }
        }
    }
}


static int
wd_xml_open(wd_xml_scan_t *s, wd_pool_t *pool)
{
    int rc;

    if (s->depth == WD_XML_SCAN_DEPTH_MAX || (s->depth == 0 && s->root_seen)) {
        return WD_EPROTO;
    }
    s->p++;
    rc = wd_xml_name(s, &s->name);
    if (rc == WD_OK) {
        rc = wd_xml_attrs(s, pool);
    }
    if (rc != WD_OK) {
        return rc;
    }
    s->root_seen = true;
    s->open[s->depth++] = s->name;
    s->event = WD_XML_OPEN;
    return WD_OK;
}


static int
wd_xml_close(wd_xml_scan_t *s)
{
    int rc;

    s->p += 2;
    rc = wd_xml_name(s, &s->name);
    if (rc != WD_OK) {
        return rc;
    }
    wd_xml_blanks(s);
    if (s->p == s->end) {
        return WD_ETRUNC;
    }
    if (*s->p != '>' || s->depth == 0
        || !wd_str_eq(s->name, s->open[s->depth - 1])) {
        return WD_EPROTO;
    }
    s->p++;
    s->depth--;
    s->event = WD_XML_CLOSE;
    return WD_OK;
}


/* To the next tag; outside of the root there are blanks only. */
static int
wd_xml_text(wd_xml_scan_t *s, wd_pool_t *pool)
{
    int         rc;
    const char *p = memchr(s->p, '<', (size_t) (s->end - s->p));
    wd_str_t    raw;

    if (s->depth == 0) {
        wd_xml_blanks(s);
        return s->p == (p != NULL ? p : s->end) ? WD_OK : WD_EPROTO;
    }
    if (p == NULL) {
        return WD_ETRUNC;
    }
    raw = wd_str(s->p, (size_t) (p - s->p));
    rc = wd_xml_decode(raw, pool, &s->text);
    if (rc == WD_OK) {
        s->p = p;
        s->event = WD_XML_TEXT;
    }
    return rc;
}


/*
 * <!-- ... -->, in which "--" may not stand: that also keeps a damaged text
 * from being searched to its end again and again.
 */
static int
wd_xml_comment(wd_xml_scan_t *s)
{
    const char *p = memmem(s->p + 4, (size_t) (s->end - s->p) - 4, "--", 2);

    if (p == NULL || p + 2 == s->end) {
        return WD_ETRUNC;
    }
    if (p[2] != '>') {
        return WD_EPROTO;
    }
    s->p = p + 3;
    return WD_OK;
}


/* <?xml version="1.0" encoding="utf-8"?>, at the very start only */
static int
wd_xml_declaration(wd_xml_scan_t *s)
{
    const char *p;
    wd_str_t    text, encoding;

    if (s->p != s->start) {
        return WD_EPROTO;
    }
    p = memchr(s->p, '>', (size_t) (s->end - s->p));
    if (p == NULL) {
        return WD_ETRUNC;
    }
    text = wd_str(s->p, (size_t) (p - s->p) + 1);
    if (text.len < 8 || !wd_str_starts(text, "<?xml")
        || !wd_xml_blank(text.data[5]) || p[-1] != '?') {
        return WD_EPROTO;
    }

    s->p = p + 1;
    p = memmem(text.data, text.len, "encoding=", 9);
    if (p == NULL) {
        return WD_OK;
    }
    encoding = wd_str(p + 9, (size_t) (s->p - p) - 9);
    encoding.len = wd_min(encoding.len, (size_t) 7);
    return wd_str_ieq(encoding, WD_STR("\"utf-8\""))
                   || wd_str_ieq(encoding, WD_STR("'utf-8'"))
               ? WD_OK
               : WD_EPROTO;
}


/* At a <: comments and the declaration are no events. */
static int
wd_xml_markup(wd_xml_scan_t *s, wd_pool_t *pool, bool *ret_event)
{
    size_t left = (size_t) (s->end - s->p);

    *ret_event = true;
    if (left < 2) {
        return WD_ETRUNC;
    }
    switch (s->p[1]) {
    case '/':
        return wd_xml_close(s);
    case '?':
        *ret_event = false;
        return wd_xml_declaration(s);
    case '!':
        *ret_event = false;
        if (memcmp(s->p, "<!--", wd_min(left, (size_t) 4)) != 0) {
            return WD_EPROTO;
        }
        return left < 4 ? WD_ETRUNC : wd_xml_comment(s);
    default:
        return wd_xml_open(s, pool);
    }
}


int
wd_xml_scan_next(wd_xml_scan_t *s, wd_pool_t *pool)
{
    int  rc;
    bool event = false;

    if (s->close_due) {
        s->close_due = false;
        s->name = s->open[--s->depth];
        s->event = WD_XML_CLOSE;
        return WD_OK;
    }

    do {
        s->at = s->p;
        if (s->p == s->end) {
            return s->depth == 0 && s->root_seen ? WD_ENOTFOUND : WD_ETRUNC;
        }
        if (*s->p == '<') {
            rc = wd_xml_markup(s, pool, &event);
        } else {
            rc = wd_xml_text(s, pool);
            event = s->depth != 0;
        }
    } while (rc == WD_OK && !event);
    return rc;
}


wd_str_t
wd_xml_scan_attr(const wd_xml_scan_t *s, const char *name)
{
    size_t i;

    for (i = 0; i < s->n_attrs; i++) {
        if (wd_str_eq_z(s->attrs[i].name, name)) {
            return s->attrs[i].value;
        }
    }
    return WD_STR_NULL;
}


bool
wd_xml_scan_resume(wd_xml_scan_t *s, wd_str_t name, const char *from)
{
    const char *p = from;

    while (p < s->end && (p = memchr(p, '<', (size_t) (s->end - p))) != NULL) {
        p++;
        if ((size_t) (s->end - p) > name.len
            && memcmp(p, name.data, name.len) == 0
            && !wd_xml_name_char(p[name.len], false)) {
            s->p = p - 1;
            s->depth = 1;
            s->close_due = false;
            return true;
        }
    }
    return false;
}
