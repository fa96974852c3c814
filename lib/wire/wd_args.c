/*
 * wd_args.c - argument checking from the catalogue.
 */
#include "wd_args.h"

#include "wd_mp.h"
#include "wd_num.h"
#include "wd_time.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>

#define WD_ARGS_NAME_SHOWN 32 /* bytes of a name in messages */


void
wd_args_init(wd_args_t *a, const wd_method_t *method)
{
    memset(a, 0, sizeof(*a));
    a->method = method;
}


/*
 * Names in messages come from the client: kept short, whole characters, and
 * printable.
 */
static int
wd_args_refuse(wd_args_t *a, wd_str_t name, wd_error_t *err, const char *rule)
{
    char   shown[WD_ARGS_NAME_SHOWN + 1];
    size_t i, n = wd_min(name.len, (size_t) WD_ARGS_NAME_SHOWN);

    while (n != 0 && !wd_utf8_valid(wd_str(name.data, n))) {
        n--;
    }
    a->bad = wd_str(name.data, n);

    wd_str_copy(shown, sizeof(shown), a->bad);
    for (i = 0; i < n; i++) {
        if ((unsigned char) shown[i] < 0x20 || shown[i] == 0x7f) {
            shown[i] = '?';
        }
    }
    return wd_error(err, WD_EPARAM, "parameter '%s' %s", shown, rule);
}


int
wd_args_add(wd_args_t *a, wd_str_t name, wd_str_t value, wd_error_t *err)
{
    size_t i;

    for (i = 0; i < a->method->n_params; i++) {
        if (!wd_str_eq_z(name, a->method->params[i].name)) {
            continue;
        }
        if (a->values[i].data != NULL) {
            return wd_args_refuse(a, name, err, "is given twice");
        }
        a->values[i] = value.data != NULL ? value : WD_STR("");
        return WD_OK;
    }

    return wd_args_refuse(a, name, err, "is not known here");
}


static int
wd_args_hex(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c = (char) (c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}


int
wd_args_unescape(wd_str_t raw, bool plus, char *out, wd_str_t *ret)
{
    int    hi, lo;
    size_t i, n = 0;

    for (i = 0; i < raw.len; i++) {
        if (raw.data[i] == '+' && plus) {
            out[n++] = ' ';
            continue;
        }
        if (raw.data[i] != '%') {
            out[n++] = raw.data[i];
            continue;
        }
        if (raw.len - i < 3) {
            return WD_EINVAL;
        }
        hi = wd_args_hex(raw.data[i + 1]);
        lo = wd_args_hex(raw.data[i + 2]);
        if (hi < 0 || lo < 0) {
            return WD_EINVAL;
        }
        out[n++] = (char) (hi << 4 | lo);
        i += 2;
    }

    *ret = wd_str(out, n);
    return WD_OK;
}


static bool
wd_args_secret(const wd_args_t *a, wd_str_t name)
{
    size_t i;

    for (i = 0; i < a->method->n_params; i++) {
        if ((a->method->params[i].flags & WD_P_SECRET)
            && wd_str_eq_z(name, a->method->params[i].name)) {
            return true;
        }
    }
    return false;
}


int
wd_args_query(wd_args_t *a, wd_str_t query, char *scratch, wd_error_t *err)
{
    int      rc;
    wd_str_t pair, name, value;

    if (query.len > WD_QUERY_MAX) {
        return wd_error(err, WD_EURITOOLONG,
                        "the query string is longer than %d bytes",
                        WD_QUERY_MAX);
    }

    while (query.len != 0 && wd_str_split(&query, '&', &pair)) {
        if (pair.len == 0) {
            continue;
        }

        wd_str_split(&pair, '=', &name);
        if (wd_args_unescape(name, true, scratch, &name) != WD_OK
            || !wd_utf8_valid(name)) {
            return wd_error(err, WD_EPARAM,
                            "a parameter's name is not percent-encoded UTF-8");
        }
        scratch += name.len;

        value = pair.data != NULL ? pair : WD_STR("");
        if (wd_args_unescape(value, true, scratch, &value) != WD_OK) {
            return wd_args_refuse(a, name, err, "is not percent-encoded");
        }
        scratch += value.len;

        /* Query strings stand in logs and histories. */
        if (wd_args_secret(a, name)) {
            return wd_args_refuse(a, name, err,
                                  "must not stand in a query string");
        }

        rc = wd_args_add(a, name, value, err);
        if (rc != WD_OK) {
            return rc;
        }
    }

    return WD_OK;
}


int
wd_args_path(wd_args_t *a, size_t i, wd_str_t raw, char *scratch,
             wd_error_t *err)
{
    wd_str_t          value;
    const wd_param_t *p;

    p = wd_method_path_param(a->method, i);
    if (p == NULL) {
        return wd_error(err, WD_EINTERNAL, "the path has no such variable");
    }

    if (wd_args_unescape(raw, false, scratch, &value) != WD_OK) {
        return wd_args_refuse(a, wd_str_z(p->name), err,
                              "is not percent-encoded");
    }
    return wd_args_add(a, wd_str_z(p->name), value, err);
}


/* Character classes named in the catalogue. */
static bool
wd_args_class_ok(const char *class, wd_str_t s)
{
    size_t      i;
    const char *more;

    if (class == NULL) { /* printable UTF-8 */
        for (i = 0; i < s.len; i++) {
            if ((unsigned char) s.data[i] < 0x20 || s.data[i] == 0x7f) {
                return false;
            }
        }
        return wd_utf8_valid(s);
    }

    if (strcmp(class, "cursor") == 0) {
        more = "-_";
    } else if (strcmp(class, "perm") == 0) {
        return wd_perm_valid(s);
    } else {
        more = "-_.:;/"; /* token */
    }

    for (i = 0; i < s.len; i++) {
        if (!isalnum((unsigned char) s.data[i])
            && strchr(more, s.data[i]) == NULL) {
            return false;
        }
        if (s.data[i] == '\0') {
            return false;
        }
    }
    return true;
}


static const char *
wd_args_class_rule(const char *class)
{
    if (class == NULL) {
        return "printable UTF-8";
    }
    if (strcmp(class, "cursor") == 0) {
        return "a cursor of an earlier answer";
    }
    if (strcmp(class, "perm") == 0) {
        return "resource:action";
    }
    return "letters, digits and - _ . : ; /";
}


static bool
wd_args_symbol_ok(wd_str_t s)
{
    size_t i;

    for (i = 0; i < s.len; i++) {
        if (!isalnum((unsigned char) s.data[i])
            && (s.data[i] == '\0' || strchr(".-/:^=_", s.data[i]) == NULL)) {
            return false;
        }
    }
    return s.len >= 1 && s.len <= 32;
}


static void
wd_args_put_upper(wd_buf_t *out, wd_str_t s)
{
    char   up[32];
    size_t i;

    for (i = 0; i < s.len && i < sizeof(up); i++) {
        up[i] = (char) toupper((unsigned char) s.data[i]);
    }
    wd_mp_put_str(out, wd_str(up, i));
}


static int wd_args_rule(wd_args_t *a, const wd_param_t *p, wd_error_t *err,
                        const char *fmt, ...) wd_printf_like(4, 5);


static int
wd_args_rule(wd_args_t *a, const wd_param_t *p, wd_error_t *err,
             const char *fmt, ...)
{
    char    rule[112];
    int     n;
    va_list ap;

    va_start(ap, fmt);
    n = vsnprintf(rule, sizeof(rule), fmt, ap);
    va_end(ap);
    if (n >= (int) sizeof(rule)) { /* a list that goes on */
        memcpy(rule + sizeof(rule) - 4, "...", 4);
    }
    return wd_args_refuse(a, wd_str_z(p->name), err, rule);
}


static int
wd_args_put_str(wd_args_t *a, const wd_param_t *p, wd_str_t v, wd_buf_t *out,
                wd_error_t *err)
{
    if ((double) v.len < p->min || (double) v.len > p->max) {
        if (p->min == p->max) {
            return wd_args_rule(a, p, err, "must have %.0f bytes", p->min);
        }
        return wd_args_rule(a, p, err, "must have %.0f to %.0f bytes", p->min,
                            p->max);
    }

    if (!wd_args_class_ok(p->extra, v)) {
        return wd_args_rule(a, p, err, "must be %s",
                            wd_args_class_rule(p->extra));
    }

    wd_mp_put_str(out, v);
    return WD_OK;
}


static int
wd_args_put_enum(wd_args_t *a, const wd_param_t *p, wd_str_t v, wd_buf_t *out,
                 wd_error_t *err)
{
    wd_str_t all = wd_str_z(p->extra), one;

    while (wd_str_split(&all, '|', &one)) {
        if (wd_str_eq(one, v)) {
            wd_mp_put_str(out, v);
            return WD_OK;
        }
    }

    return wd_args_rule(a, p, err, "must be one of %s", p->extra);
}


static int
wd_args_put_int(wd_args_t *a, const wd_param_t *p, wd_str_t v, wd_buf_t *out,
                wd_error_t *err)
{
    int64_t i;

    if (wd_int_parse(v, &i) != WD_OK || (double) i < p->min
        || (double) i > p->max) {
        return wd_args_rule(a, p, err, "must be an integer from %.0f to %.0f",
                            p->min, p->max);
    }

    wd_mp_put_int(out, i);
    return WD_OK;
}


static int
wd_args_put_num(wd_args_t *a, const wd_param_t *p, wd_str_t v, wd_buf_t *out,
                wd_error_t *err)
{
    double d;

    if (wd_num_parse(v, &d) != WD_OK || d < p->min || d > p->max) {
        return wd_args_rule(a, p, err, "must be a number from %g to %g", p->min,
                            p->max);
    }

    wd_mp_put_num(out, d);
    return WD_OK;
}


static int
wd_args_put_bool(wd_args_t *a, const wd_param_t *p, wd_str_t v, wd_buf_t *out,
                 wd_error_t *err)
{
    if (!wd_str_eq(v, WD_STR("true")) && !wd_str_eq(v, WD_STR("false"))) {
        return wd_args_rule(a, p, err, "must be true or false");
    }

    wd_mp_put_bool(out, v.len == 4);
    return WD_OK;
}


static int
wd_args_put_symbol(wd_args_t *a, const wd_param_t *p, wd_str_t v, wd_buf_t *out,
                   wd_error_t *err)
{
    if (!wd_args_symbol_ok(v)) {
        return wd_args_rule(
            a, p, err, "must be 1 to 32 letters, digits and . - / : ^ = _");
    }

    wd_args_put_upper(out, v);
    return WD_OK;
}


/* Has `item` been there before it, in any case of letters? */
static bool
wd_args_seen(wd_str_t list, wd_str_t item)
{
    wd_str_t one;

    list.len = (size_t) (item.data - list.data);
    while (wd_str_split(&list, ',', &one)) {
        if (one.len == item.len && wd_str_ieq(one, item)) {
            return true;
        }
    }
    return false;
}


static bool
wd_args_item_ok(const wd_param_t *p, wd_str_t item)
{
    if (p->type == WD_P_SYMBOLS) {
        return wd_args_symbol_ok(item);
    }
    return item.len >= 1 && item.len <= 64 && wd_args_class_ok(p->extra, item);
}


static int
wd_args_put_list(wd_args_t *a, const wd_param_t *p, wd_str_t v, wd_buf_t *out,
                 wd_error_t *err)
{
    uint32_t n = 0, given = 0;
    wd_str_t rest, one;

    rest = v;
    while (wd_str_split(&rest, ',', &one)) {
        if (!wd_args_item_ok(p, one)) {
            return wd_args_rule(
                a, p, err, "must be a list of %s, separated by commas",
                p->type == WD_P_SYMBOLS ? "symbols"
                                        : wd_args_class_rule(p->extra));
        }
        /* Doubles count here, so that looking for them stays cheap. */
        if (++given > p->max) {
            return wd_args_rule(a, p, err, "must have at most %.0f items",
                                p->max);
        }
        n += !wd_args_seen(v, one);
    }

    wd_mp_put_array(out, n);
    rest = v;
    while (wd_str_split(&rest, ',', &one)) {
        if (wd_args_seen(v, one)) {
            continue;
        }
        if (p->type == WD_P_SYMBOLS) {
            wd_args_put_upper(out, one);
        } else {
            wd_mp_put_str(out, one);
        }
    }
    return WD_OK;
}


static int
wd_args_put_time(wd_args_t *a, const wd_param_t *p, wd_str_t v, wd_buf_t *out,
                 wd_error_t *err)
{
    int     rc;
    bool    is_date;
    wd_ns_t t;

    rc = wd_time_parse(v, &t, &is_date);
    if (rc == WD_OK && is_date && p->type == WD_P_TIME_END
        && __builtin_add_overflow(t, WD_NS_PER_DAY - 1, &t)) {
        rc = WD_EOVERFLOW;
    }

    if (rc == WD_EOVERFLOW) {
        return wd_args_rule(a, p, err,
                            "must be between 1678-01-01 and 2261-12-31");
    }
    if (rc != WD_OK) {
        return wd_args_rule(a, p, err,
                            "must be a date (2024-01-31) or an RFC 3339 time "
                            "(2024-01-31T09:30:00Z)");
    }

    wd_mp_put_int(out, t);
    return WD_OK;
}


static bool
wd_args_digits(wd_str_t s, size_t from, size_t n, int *ret)
{
    size_t i;

    *ret = 0;
    for (i = from; i < from + n; i++) {
        if (i >= s.len || s.data[i] < '0' || s.data[i] > '9') {
            return false;
        }
        *ret = *ret * 10 + (s.data[i] - '0');
    }
    return true;
}


/* First month and number of months of "2001", "2001-07", "2001Q3". */
static bool
wd_args_period(wd_str_t v, wd_civil_t *c, int *ret_months)
{
    int part;

    memset(c, 0, sizeof(*c));
    c->month = c->day = 1;

    if (!wd_args_digits(v, 0, 4, &c->year)) {
        return false;
    }

    if (v.len == 4) {
        *ret_months = 12;
        return wd_civil_valid(c);
    }

    if (v.len == 6 && v.data[4] == 'Q' && wd_args_digits(v, 5, 1, &part)
        && part >= 1 && part <= 4) {
        c->month = part * 3 - 2;
        *ret_months = 3;
        return wd_civil_valid(c);
    }

    if (v.len == 7 && (v.data[4] == '-' || v.data[4] == 'M')
        && wd_args_digits(v, 5, 2, &c->month)) {
        *ret_months = 1;
        return wd_civil_valid(c);
    }

    return false;
}


static int
wd_args_put_period(wd_args_t *a, const wd_param_t *p, wd_str_t v, wd_buf_t *out,
                   wd_error_t *err)
{
    int        months = 0, rc;
    bool       is_date;
    wd_ns_t    t;
    wd_civil_t c;

    if (wd_args_period(v, &c, &months)) {
        if (p->type == WD_P_PERIOD_END) {
            c.month += months;
            c.year += (c.month - 1) / 12;
            c.month = (c.month - 1) % 12 + 1;
        }
        rc = wd_time_from_civil(&c, &t);
    } else {
        rc = wd_time_parse(v, &t, &is_date);
        if (rc == WD_OK && !is_date) {
            rc = WD_EINVAL;
        }
        if (rc == WD_OK && p->type == WD_P_PERIOD_END
            && __builtin_add_overflow(t, WD_NS_PER_DAY, &t)) {
            rc = WD_EOVERFLOW;
        }
    }

    if (rc == WD_EOVERFLOW) {
        return wd_args_rule(a, p, err, "must be between 1678 and 2261");
    }
    if (rc != WD_OK) {
        return wd_args_rule(a, p, err,
                            "must be a year, 2001-07, 2001Q3 or a date");
    }

    wd_mp_put_int(out, p->type == WD_P_PERIOD_END ? t - 1 : t);
    return WD_OK;
}


static int
wd_args_put(wd_args_t *a, const wd_param_t *p, wd_str_t v, wd_buf_t *out,
            wd_error_t *err)
{
    switch (p->type) {
    case WD_P_STR:
        return wd_args_put_str(a, p, v, out, err);
    case WD_P_ENUM:
        return wd_args_put_enum(a, p, v, out, err);
    case WD_P_INT:
        return wd_args_put_int(a, p, v, out, err);
    case WD_P_NUM:
        return wd_args_put_num(a, p, v, out, err);
    case WD_P_BOOL:
        return wd_args_put_bool(a, p, v, out, err);
    case WD_P_SYMBOL:
        return wd_args_put_symbol(a, p, v, out, err);
    case WD_P_SYMBOLS:
    case WD_P_LIST:
        return wd_args_put_list(a, p, v, out, err);
    case WD_P_TIME:
    case WD_P_TIME_END:
        return wd_args_put_time(a, p, v, out, err);
    case WD_P_PERIOD:
    case WD_P_PERIOD_END:
        return wd_args_put_period(a, p, v, out, err);
    }
    return WD_EINTERNAL;
}


static wd_str_t
wd_args_value(const wd_args_t *a, size_t i)
{
    if (a->values[i].data != NULL) {
        return a->values[i];
    }
    return wd_str_z(a->method->params[i].def);
}


int
wd_args_encode(wd_args_t *a, wd_buf_t *out, wd_error_t *err)
{
    int               rc;
    size_t            i;
    uint32_t          n = 0;
    wd_str_t          v;
    const wd_param_t *p;

    for (i = 0; i < a->method->n_params; i++) {
        p = &a->method->params[i];
        if (wd_args_value(a, i).data != NULL) {
            n++;
        } else if (p->flags & WD_P_REQUIRED) {
            return wd_args_refuse(a, wd_str_z(p->name), err, "is required");
        }
    }

    wd_mp_put_map(out, n);

    for (i = 0; i < a->method->n_params; i++) {
        v = wd_args_value(a, i);
        if (v.data == NULL) {
            continue;
        }
        p = &a->method->params[i];
        wd_mp_put_z(out, p->name);
        rc = wd_args_put(a, p, v, out, err);
        if (rc != WD_OK) {
            return rc;
        }
    }

    return out->err;
}
