/*
 * wd_json_scan.c - a cursor over JSON text that survives damage.
 */
#include "wd_json_scan.h"

#include "wd_num.h"


static inline void
wd_scan_blanks(wd_json_scan_t *s)
{
    while (
        s->p < s->end
        && (*s->p == ' ' || *s->p == '\n' || *s->p == '\r' || *s->p == '\t')) {
        s->p++;
    }
}


bool
wd_json_scan_at_end(wd_json_scan_t *s)
{
    wd_scan_blanks(s);
    return s->p == s->end;
}


static int
wd_scan_char(wd_json_scan_t *s, char c)
{
    wd_scan_blanks(s);
    if (s->p == s->end) {
        return WD_ETRUNC;
    }
    if (*s->p != c) {
        return WD_EPROTO;
    }
    s->p++;
    return WD_OK;
}


static int
wd_scan_hex4(const char *p, const char *end, unsigned *ret)
{
    int      i;
    char     c;
    unsigned v = 0;

    for (i = 0; i < 4; i++) {
        if (p + i == end) {
            return WD_ETRUNC;
        }
        c = p[i];
        if (c >= '0' && c <= '9') {
            v = v * 16 + (unsigned) (c - '0');
        } else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f') {
            v = v * 16 + (unsigned) ((c | 0x20) - 'a' + 10);
        } else {
            return WD_EPROTO;
        }
    }

    *ret = v;
    return WD_OK;
}


/* At the u of \uXXXX; a lone surrogate and \u0000 become U+FFFD. */
static int
wd_scan_escape_u(const char **p, const char *end, char *out, size_t *len)
{
    int      rc;
    unsigned v, low;

    rc = wd_scan_hex4(*p + 1, end, &v);
    if (rc != WD_OK) {
        return rc;
    }
    *p += 5;

    if (v >= 0xd800 && v < 0xdc00 && end - *p >= 6 && (*p)[0] == '\\'
        && (*p)[1] == 'u' && wd_scan_hex4(*p + 2, end, &low) == WD_OK
        && low >= 0xdc00 && low < 0xe000) {
        v = 0x10000 + ((v - 0xd800) << 10) + (low - 0xdc00);
        *p += 6;
    } else if (v == 0 || (v >= 0xd800 && v < 0xe000)) {
        v = 0xfffd;
    }

    *len += wd_utf8_encode(v, out + *len);
    return WD_OK;
}


/* From the first escape on; out has room for as many bytes as are read. */
static int
wd_scan_escaped(wd_json_scan_t *s, char *out, size_t *len)
{
    int         rc;
    const char *p = s->p;
    const char *at;

    static const char from[] = "\"\\/bfnrt";
    static const char to[] = "\"\\/\b\f\n\r\t";

    while (p < s->end && *p != '"') {
        if ((uint8_t) *p < 0x20) {
            return WD_EPROTO;
        }
        if (*p != '\\') {
            out[(*len)++] = *p++;
            continue;
        }
        if (++p == s->end) {
            return WD_ETRUNC;
        }
        if (*p == 'u') {
            rc = wd_scan_escape_u(&p, s->end, out, len);
            if (rc != WD_OK) {
                return rc;
            }
            continue;
        }
        at = memchr(from, *p, sizeof(from) - 1);
        if (at == NULL) {
            return WD_EPROTO;
        }
        out[(*len)++] = to[at - from];
        p++;
    }

    if (p == s->end) {
        return WD_ETRUNC;
    }
    s->p = p + 1;
    return WD_OK;
}


/* Behind the opening quote; pool NULL: the text is not wanted. */
static int
wd_scan_string(wd_json_scan_t *s, wd_pool_t *pool, wd_str_t *ret)
{
    int         rc;
    char       *out;
    size_t      len, left;
    const char *p = s->p;
    const char *q;

    while (p < s->end && *p != '"' && *p != '\\' && (uint8_t) *p >= 0x20) {
        p++;
    }

    if (p == s->end) {
        return WD_ETRUNC;
    }
    if (*p == '"') {
        *ret = wd_str(s->p, (size_t) (p - s->p));
        s->p = p + 1;
        return WD_OK;
    }
    if (*p != '\\') {
        return WD_EPROTO;
    }

    /* The end first, so that memory is taken for this string only. */
    for (q = p; q < s->end && *q != '"'; q++) {
        q += *q == '\\' && q + 1 < s->end;
    }
    if (q >= s->end) {
        return WD_ETRUNC;
    }
    if (pool == NULL) {
        *ret = WD_STR("");
        s->p = q + 1;
        return WD_OK;
    }

    left = (size_t) (q - s->p);
    out = wd_pool_alloc(pool, left + 4);
    if (out == NULL) {
        return WD_ENOMEM;
    }
    len = (size_t) (p - s->p);
    memcpy(out, s->p, len);
    s->p = p;
    rc = wd_scan_escaped(s, out, &len);
    *ret = wd_str(out, len);
    return rc;
}


static const char *
wd_scan_digits(const char *p, const char *end)
{
    while (p < end && *p >= '0' && *p <= '9') {
        p++;
    }
    return p;
}


/* -?(0|[1-9][0-9]*)(.[0-9]+)?([eE][+-]?[0-9]+)? */
static int
wd_scan_number(wd_json_scan_t *s, wd_str_t *ret)
{
    const char *p = s->p;
    const char *from;

    p += *p == '-';
    from = p;
    p = wd_scan_digits(p, s->end);
    if (p == s->end) {
        return WD_ETRUNC; /* more digits may have followed */
    }
    if (p == from || (*from == '0' && p - from > 1)) {
        return WD_EPROTO;
    }

    if (*p == '.') {
        from = ++p;
        p = wd_scan_digits(p, s->end);
        if (p == s->end) {
            return WD_ETRUNC;
        }
        if (p == from) {
            return WD_EPROTO;
        }
    }

    if (*p == 'e' || *p == 'E') {
        p++;
        if (p < s->end && (*p == '+' || *p == '-')) {
            p++;
        }
        from = p;
        p = wd_scan_digits(p, s->end);
        if (p == s->end) {
            return WD_ETRUNC;
        }
        if (p == from) {
            return WD_EPROTO;
        }
    }

    *ret = wd_str(s->p, (size_t) (p - s->p));
    s->p = p;
    return WD_OK;
}


static int
wd_scan_literal(wd_json_scan_t *s, const char *word)
{
    size_t n = strlen(word);
    size_t left = (size_t) (s->end - s->p);

    if (memcmp(s->p, word, wd_min(n, left)) != 0) {
        return WD_EPROTO;
    }
    if (left < n) {
        return WD_ETRUNC;
    }
    s->p += n;
    return WD_OK;
}


static bool
wd_scan_may_become(wd_str_t part, wd_str_t word)
{
    return part.len != 0 && part.len <= word.len
           && wd_str_ieq(part, wd_str(word.data, part.len));
}


/* WD_ENOTFOUND: something else stands there. */
static int
wd_scan_word(wd_json_scan_t *s, wd_str_t *ret)
{
    const char *p = s->p;
    const char *from;

    if (memchr("+-NnIi", *p, 6) == NULL) {
        return WD_ENOTFOUND;
    }
    p += *p == '-' || *p == '+';
    from = p;
    while (p < s->end && (*p | 0x20) >= 'a' && (*p | 0x20) <= 'z') {
        p++;
    }
    *ret = wd_str(from, (size_t) (p - from));
    if (p == s->end) {
        return wd_scan_may_become(*ret, WD_STR("nan"))
                       || wd_scan_may_become(*ret, WD_STR("infinity"))
                   ? WD_ETRUNC
                   : WD_ENOTFOUND;
    }
    *ret = wd_str(s->p, (size_t) (p - s->p));
    if (!wd_num_not_finite(*ret)) {
        return WD_ENOTFOUND;
    }
    s->p = p;
    return WD_OK;
}


int
wd_json_scan_value(wd_json_scan_t *s, wd_pool_t *pool, wd_json_scan_val_t *ret)
{
    int rc;

    wd_scan_blanks(s);
    if (s->p == s->end) {
        return WD_ETRUNC;
    }
    if (s->words) {
        rc = wd_scan_word(s, &ret->text);
        if (rc != WD_ENOTFOUND) {
            ret->type = WD_JS_NUMBER;
            return rc;
        }
    }

    ret->text = WD_STR_NULL;
    switch (*s->p) {
    case '"':
        s->p++;
        ret->type = WD_JS_STRING;
        return wd_scan_string(s, pool, &ret->text);
    case '{':
        ret->type = WD_JS_OBJECT;
        return WD_OK;
    case '[':
        ret->type = WD_JS_ARRAY;
        return WD_OK;
    case 't':
        ret->type = WD_JS_TRUE;
        return wd_scan_literal(s, "true");
    case 'f':
        ret->type = WD_JS_FALSE;
        return wd_scan_literal(s, "false");
    case 'n':
        ret->type = WD_JS_NULL;
        return wd_scan_literal(s, "null");
    default:
        ret->type = WD_JS_NUMBER;
        return wd_scan_number(s, &ret->text);
    }
}


/* What may come next: VALUE, or behind one a comma or the close. */
int
wd_json_scan_skip(wd_json_scan_t *s)
{
    int                rc, depth = 0;
    bool               first[WD_JSON_SCAN_DEPTH_MAX];
    char               kind[WD_JSON_SCAN_DEPTH_MAX];
    wd_str_t           key;
    wd_json_scan_val_t v;

    for (;;) {
        rc = wd_json_scan_value(s, NULL, &v);
        if (rc != WD_OK) {
            return rc;
        }
        if (v.type == WD_JS_OBJECT || v.type == WD_JS_ARRAY) {
            if (depth == WD_JSON_SCAN_DEPTH_MAX) {
                return WD_EPROTO;
            }
            first[depth] = true;
            kind[depth++] = *s->p++;
        }

        do {
            if (depth == 0) {
                return WD_OK;
            }
            rc = kind[depth - 1] == '{'
                     ? wd_json_scan_member(s, NULL, &first[depth - 1], &key)
                     : wd_json_scan_item(s, &first[depth - 1]);
            if (rc == WD_ENOTFOUND) {
                depth--;
            } else if (rc != WD_OK) {
                return rc;
            }
        } while (rc == WD_ENOTFOUND);
    }
}


int
wd_json_scan_open(wd_json_scan_t *s, char open)
{
    return wd_scan_char(s, open);
}


static int
wd_scan_next(wd_json_scan_t *s, bool *first, char close)
{
    wd_scan_blanks(s);
    if (s->p == s->end) {
        return WD_ETRUNC;
    }
    if (*s->p == close) {
        s->p++;
        return WD_ENOTFOUND;
    }
    if (*first) {
        *first = false;
        return WD_OK;
    }
    return wd_scan_char(s, ',');
}


int
wd_json_scan_member(wd_json_scan_t *s, wd_pool_t *pool, bool *first,
                    wd_str_t *ret_key)
{
    int rc;

    rc = wd_scan_next(s, first, '}');
    if (rc != WD_OK) {
        return rc;
    }

    rc = wd_scan_char(s, '"');
    if (rc != WD_OK) {
        return rc;
    }
    rc = wd_scan_string(s, pool, ret_key);
    if (rc != WD_OK) {
        return rc;
    }
    return wd_scan_char(s, ':');
}


int
wd_json_scan_item(wd_json_scan_t *s, bool *first)
{
    return wd_scan_next(s, first, ']');
}
