/*
 * wd_args_json.c - reads a JSON body that is one flat object of arguments.
 *
 * It is no general JSON parser: nothing nests deeper than an array of
 * scalars, so it needs neither memory nor recursion, and the module can use
 * it without another library. Values are unescaped into the caller's scratch
 * memory, which they can never outgrow.
 */
#include "wd_args.h"
#include "wd_num.h"

typedef struct {
    const char *p;
    const char *end;
    char       *out; /* next free byte of the scratch memory */
} wd_jr_t;


static int
wd_jr_fail(wd_error_t *err, const char *what)
{
    return wd_error(err, WD_EINVAL, "the body is not valid: %s", what);
}


static void
wd_jr_blank(wd_jr_t *r)
{
    while (
        r->p < r->end
        && (*r->p == ' ' || *r->p == '\t' || *r->p == '\n' || *r->p == '\r')) {
        r->p++;
    }
}


static bool
wd_jr_take(wd_jr_t *r, char c)
{
    wd_jr_blank(r);
    if (r->p < r->end && *r->p == c) {
        r->p++;
        return true;
    }
    return false;
}


static bool
wd_jr_hex4(wd_jr_t *r, uint32_t *ret)
{
    uint8_t b[2];

    if (r->end - r->p < 4 || !wd_hex_decode(wd_str(r->p, 4), b, 2)) {
        return false;
    }
    r->p += 4;
    *ret = (uint32_t) b[0] << 8 | b[1];
    return true;
}


static void
wd_jr_put_utf8(wd_jr_t *r, uint32_t c)
{
    if (c < 0x80) {
        *r->out++ = (char) c;
    } else if (c < 0x800) {
        *r->out++ = (char) (0xc0 | c >> 6);
        *r->out++ = (char) (0x80 | (c & 0x3f));
    } else if (c < 0x10000) {
        *r->out++ = (char) (0xe0 | c >> 12);
        *r->out++ = (char) (0x80 | (c >> 6 & 0x3f));
        *r->out++ = (char) (0x80 | (c & 0x3f));
    } else {
        *r->out++ = (char) (0xf0 | c >> 18);
        *r->out++ = (char) (0x80 | (c >> 12 & 0x3f));
        *r->out++ = (char) (0x80 | (c >> 6 & 0x3f));
        *r->out++ = (char) (0x80 | (c & 0x3f));
    }
}


static bool
wd_jr_escape_u(wd_jr_t *r)
{
    uint32_t c, low;

    if (!wd_jr_hex4(r, &c) || (c >= 0xdc00 && c <= 0xdfff)) {
        return false;
    }

    if (c >= 0xd800 && c <= 0xdbff) {
        if (r->end - r->p < 6 || r->p[0] != '\\' || r->p[1] != 'u') {
            return false;
        }
        r->p += 2;
        if (!wd_jr_hex4(r, &low) || low < 0xdc00 || low > 0xdfff) {
            return false;
        }
        c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
    }

    wd_jr_put_utf8(r, c);
    return true;
}


static bool
wd_jr_escape(wd_jr_t *r)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    const char       *at;

    if (r->p == r->end) {
        return false;
    }

    if (*r->p == 'u') {
        r->p++;
        return wd_jr_escape_u(r);
    }

    at = *r->p != '\0' ? strchr(from, *r->p) : NULL;
    if (at == NULL) {
        return false;
    }

    *r->out++ = to[at - from];
    r->p++;
    return true;
}


/* Behind the opening quote. */
static bool
wd_jr_string(wd_jr_t *r, wd_str_t *ret)
{
    char *from = r->out;

    while (r->p < r->end) {
        if (*r->p == '"') {
            r->p++;
            *ret = wd_str(from, (size_t) (r->out - from));
            return wd_utf8_valid(*ret);
        }
        if ((unsigned char) *r->p < 0x20) {
            return false;
        }
        if (*r->p == '\\') {
            r->p++;
            if (!wd_jr_escape(r)) {
                return false;
            }
            continue;
        }
        *r->out++ = *r->p++;
    }

    return false;
}


/* JSON's numbers are fewer than ours: no plus, no bare point, no 01. */
static bool
wd_jr_number(wd_str_t s)
{
    size_t      i;
    double      number;
    const char *point;

    if (wd_num_parse(s, &number) == WD_EINVAL) {
        return false;
    }

    i = s.data[0] == '-';
    if (s.data[i] < '0' || s.data[i] > '9') {
        return false;
    }
    if (s.data[i] == '0' && i + 1 < s.len && s.data[i + 1] >= '0'
        && s.data[i + 1] <= '9') {
        return false;
    }

    point = memchr(s.data, '.', s.len);
    return point == NULL
           || (point + 1 < s.data + s.len && point[1] >= '0'
               && point[1] <= '9');
}


/* A number, true, false or null, as its text. */
static bool
wd_jr_word(wd_jr_t *r, wd_str_t *ret)
{
    char *from = r->out;

    while (r->p < r->end && *r->p != '\0'
           && strchr("+-.0123456789eEtrufalsn", *r->p) != NULL) {
        *r->out++ = *r->p++;
    }

    *ret = wd_str(from, (size_t) (r->out - from));
    return wd_jr_number(*ret) || wd_str_eq(*ret, WD_STR("true"))
           || wd_str_eq(*ret, WD_STR("false"))
           || wd_str_eq(*ret, WD_STR("null"));
}


static bool
wd_jr_scalar(wd_jr_t *r, wd_str_t *ret)
{
    if (wd_jr_take(r, '"')) {
        return wd_jr_string(r, ret);
    }
    return wd_jr_word(r, ret);
}


/* Behind the bracket: the items, joined by commas. */
static bool
wd_jr_array(wd_jr_t *r, wd_str_t *ret)
{
    bool     quoted;
    char    *from = r->out;
    wd_str_t item;

    if (wd_jr_take(r, ']')) {
        *ret = wd_str(from, 0);
        return true;
    }

    for (;;) {
        wd_jr_blank(r);
        quoted = r->p < r->end && *r->p == '"';
        if (!wd_jr_scalar(r, &item) || memchr(item.data, ',', item.len) != NULL
            || (!quoted && wd_str_eq(item, WD_STR("null")))) {
            return false;
        }
        if (wd_jr_take(r, ']')) {
            *ret = wd_str(from, (size_t) (r->out - from));
            return true;
        }
        if (!wd_jr_take(r, ',')) {
            return false;
        }
        *r->out++ = ',';
    }
}


/* NULL: the method has none of that name. */
static const wd_param_t *
wd_jr_param(const wd_args_t *a, wd_str_t name)
{
    size_t i;

    for (i = 0; i < a->method->n_params; i++) {
        if (wd_str_eq_z(name, a->method->params[i].name)) {
            return &a->method->params[i];
        }
    }
    return NULL;
}


static int
wd_jr_add(wd_args_t *a, wd_str_t name, wd_str_t value, bool list, bool null,
          wd_error_t *err)
{
    const wd_param_t *p = wd_jr_param(a, name);

    if (p != NULL && null) {
        return WD_OK;
    }

    if (p != NULL && list && p->type != WD_P_LIST && p->type != WD_P_SYMBOLS) {
        a->bad = wd_str_z(p->name);
        return wd_error(err, WD_EPARAM, "parameter '%s' must not be a list",
                        p->name);
    }

    return wd_args_add(a, name, value, err);
}


static int
wd_jr_member(wd_jr_t *r, wd_args_t *a, wd_error_t *err)
{
    bool     quoted, list, ok;
    wd_str_t name, value;

    if (!wd_jr_take(r, '"') || !wd_jr_string(r, &name) || !wd_jr_take(r, ':')) {
        return wd_jr_fail(err, "a member needs a name in quotes and a colon");
    }

    wd_jr_blank(r);
    quoted = r->p < r->end && *r->p == '"';
    list = wd_jr_take(r, '[');
    ok = list ? wd_jr_array(r, &value) : wd_jr_scalar(r, &value);
    if (!ok) {
        return wd_jr_fail(err, "a value must be a string, a number, true, "
                               "false, null or a list of them");
    }

    return wd_jr_add(a, name, value, list,
                     !quoted && !list && wd_str_eq(value, WD_STR("null")), err);
}


int
wd_args_json(wd_args_t *a, wd_str_t body, char *scratch, wd_error_t *err)
{
    int     rc;
    wd_jr_t r = {body.data, body.data + body.len, scratch};

    if (body.len > WD_BODY_MAX) {
        return wd_error(err, WD_ETOOBIG, "the body is longer than %d bytes",
                        WD_BODY_MAX);
    }

    if (body.data == NULL || !wd_jr_take(&r, '{')) {
        return wd_jr_fail(err, "it must be a JSON object");
    }

    if (!wd_jr_take(&r, '}')) {
        do {
            rc = wd_jr_member(&r, a, err);
            if (rc != WD_OK) {
                return rc;
            }
        } while (wd_jr_take(&r, ','));

        if (!wd_jr_take(&r, '}')) {
            return wd_jr_fail(err, "a comma or a closing brace is missing");
        }
    }

    wd_jr_blank(&r);
    if (r.p != r.end) {
        return wd_jr_fail(err, "something follows the object");
    }
    return WD_OK;
}
