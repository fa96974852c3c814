/*
 * wd_method.c - the catalogue as tables; routing, formats, permissions.
 */
#include "wd_method.h"

#include "wd_num.h"

#include <assert.h>
#include <string.h>

typedef struct {
    wd_method_e method;
    wd_param_t  param;
} wd_param_row_t;

static const wd_param_row_t wd_param_rows[] = {
#define WD_METHOD(...)
#define WD_PARAM(id, name, type, flags, min, max, def, extra, help) \
    {WD_METHOD_##id, {name, WD_P_##type, flags, min, max, def, extra, help}},
#include "wd_methods.def"
#undef WD_METHOD
#undef WD_PARAM
};

/* The parameters alone, so that a method's are one array. */
static wd_param_t wd_param_table[wd_array_len(wd_param_rows)];

static wd_method_t wd_method_table[] = {
#define WD_METHOD(id, name, verb, path, service, perm, cost, timeout, flags, \
                  formats, summary)                                          \
    {WD_METHOD_##id,                                                         \
     name,                                                                   \
     WD_HTTP_##verb,                                                         \
     path,                                                                   \
     WD_SVC_##service,                                                       \
     perm,                                                                   \
     cost,                                                                   \
     timeout,                                                                \
     flags,                                                                  \
     formats,                                                                \
     summary,                                                                \
     NULL,                                                                   \
     0},
#define WD_PARAM(...)
#include "wd_methods.def"
#undef WD_METHOD
#undef WD_PARAM
};

static const char *const wd_service_names[WD_SVC_COUNT] = {
    "any", "auth", "ingestion", "processing", "analytics"};


/*
 * Most paths begin with "/v1/": the byte behind tells them apart. A list for
 * each value of it, -1 ends it. A template that is literal for longer stands
 * before others, so that a name is found before the variable in its place.
 */
#define WD_ROUTE_BYTE 4
#define WD_ROUTE_LISTS 128

static int16_t wd_route_first[WD_ROUTE_LISTS];
static int16_t wd_route_next[WD_METHOD_COUNT];

/* Bytes of a template before its first variable. */
static size_t wd_route_literal[WD_METHOD_COUNT];


static void
wd_route_link(void)
{
    size_t   i;
    int16_t *at;
    uint8_t  list;

    memset(wd_route_first, -1, sizeof(wd_route_first));
    for (i = WD_METHOD_COUNT; i-- != 0;) {
        if (wd_method_table[i].path == NULL) {
            continue;
        }

        /* Templates are literal up to there. */
        assert(memchr(wd_method_table[i].path, '{', WD_ROUTE_BYTE + 1) == NULL
               && strlen(wd_method_table[i].path) > WD_ROUTE_BYTE);
        wd_route_literal[i] = strcspn(wd_method_table[i].path, "{");
        list = (uint8_t) wd_method_table[i].path[WD_ROUTE_BYTE];
        at = &wd_route_first[list % WD_ROUTE_LISTS];
        while (*at >= 0 && wd_route_literal[*at] > wd_route_literal[i]) {
            at = &wd_route_next[*at];
        }
        wd_route_next[i] = *at;
        *at = (int16_t) i;
    }
}


/* Runs before main(), so that the tables are constant afterwards. */
__attribute__((constructor)) static void
wd_method_link(void)
{
    size_t       i;
    wd_method_t *m;

    wd_route_link();

    for (i = 0; i < wd_array_len(wd_param_rows); i++) {
        wd_param_table[i] = wd_param_rows[i].param;
        m = &wd_method_table[wd_param_rows[i].method];
        if (m->params == NULL) {
            m->params = &wd_param_table[i];
        }
        m->n_params++;
    }
}


const wd_method_t *
wd_methods(void)
{
    return wd_method_table;
}


const wd_method_t *
wd_method_by_name(wd_str_t name)
{
    size_t i;

    for (i = 0; i < WD_METHOD_COUNT; i++) {
        if (wd_str_eq_z(name, wd_method_table[i].name)) {
            return &wd_method_table[i];
        }
    }
    return NULL;
}


/* Matches segment by segment; a variable takes one segment, never empty. */
static bool
wd_route_match(const char *tmpl, size_t literal, wd_str_t path, wd_route_t *r)
{
    size_t n;

    if (path.len < literal || memcmp(path.data, tmpl, literal) != 0) {
        return false;
    }

    r->n_vars = 0;
    tmpl += literal;
    path = wd_str(path.data + literal, path.len - literal);

    while (*tmpl != '\0') {
        if (*tmpl != '{') {
            if (path.len == 0 || path.data[0] != *tmpl) {
                return false;
            }
            tmpl++;
            path.data++;
            path.len--;
            continue;
        }

        for (n = 0; n < path.len && path.data[n] != '/'; n++) { /* void */
        }
        if (n == 0) {
            return false;
        }
        r->vars[r->n_vars++] = wd_str(path.data, n);
        path.data += n;
        path.len -= n;
        tmpl = strchr(tmpl, '}') + 1;
    }

    return path.len == 0;
}


int
wd_route(wd_verb_e verb, wd_str_t path, wd_route_t *ret, unsigned *ret_allow)
{
    int16_t    i = -1;
    size_t     literal = 0;
    unsigned   allow = 0;
    wd_route_t r;

    if (path.len > WD_ROUTE_BYTE) {
        i = wd_route_first[(uint8_t) path.data[WD_ROUTE_BYTE] % WD_ROUTE_LISTS];
    }

    for (; i >= 0; i = wd_route_next[i]) {
        if (wd_route_literal[i] < literal) {
            break; /* the path is that of a template before */
        }
        r.method = &wd_method_table[i];
        if (!wd_route_match(r.method->path, wd_route_literal[i], path, &r)) {
            continue;
        }

        if (r.method->verb == verb && !(allow & 1u << verb)) {
            *ret = r;
        }
        allow |= 1u << r.method->verb;
        literal = wd_route_literal[i];
    }

    if (ret_allow != NULL) {
        *ret_allow = allow;
    }

    if (allow == 0) {
        return WD_ENOTFOUND;
    }
    return (allow & 1u << verb) ? WD_OK : WD_EMETHOD;
}


const wd_param_t *
wd_method_path_param(const wd_method_t *m, size_t i)
{
    size_t k;

    for (k = 0; k < m->n_params; k++) {
        if ((m->params[k].flags & WD_P_PATH) && i-- == 0) {
            return &m->params[k];
        }
    }
    return NULL;
}


const char *
wd_service_name(wd_service_e service)
{
    return wd_service_names[service];
}


bool
wd_service_by_name(wd_str_t name, wd_service_e *ret)
{
    size_t i;

    for (i = WD_SVC_ANY + 1; i < WD_SVC_COUNT; i++) {
        if (wd_str_eq_z(name, wd_service_names[i])) {
            *ret = (wd_service_e) i;
            return true;
        }
    }
    return false;
}


static const char *const wd_data_classes[WD_DATA_COUNT] = {
    "api_responses", "market_data", "news",
    "analytics",     "esg_data",    "static_data"};


wd_data_class_e
wd_method_data_class(const wd_method_t *m)
{
    return (wd_data_class_e) (m->flags >> 12 & 0xf);
}


const char *
wd_data_class_name(wd_data_class_e c)
{
    return wd_data_classes[c];
}


bool
wd_data_class_by_name(wd_str_t name, wd_data_class_e *ret)
{
    size_t i;

    for (i = 0; i < WD_DATA_COUNT; i++) {
        if (wd_str_eq_z(name, wd_data_classes[i])) {
            *ret = (wd_data_class_e) i;
            return true;
        }
    }
    return false;
}


const char *
wd_verb_name(wd_verb_e verb)
{
    static const char *const names[] = {"GET", "POST", "DELETE"};

    return names[verb];
}


static const struct {
    unsigned    format;
    const char *name;
    const char *mime;
} wd_formats[] = {
    {WD_FMT_JSON, "json", "application/json"},
    {WD_FMT_CSV, "csv", "text/csv; charset=utf-8"},
    {WD_FMT_MSGPACK, "msgpack", "application/vnd.msgpack"},
};


const char *
wd_format_name(unsigned format)
{
    size_t i;

    for (i = 0; i < wd_array_len(wd_formats); i++) {
        if (wd_formats[i].format == format) {
            return wd_formats[i].name;
        }
    }
    return "json";
}


const char *
wd_format_mime(unsigned format)
{
    size_t i;

    for (i = 0; i < wd_array_len(wd_formats); i++) {
        if (wd_formats[i].format == format) {
            return wd_formats[i].mime;
        }
    }
    return "application/json";
}


unsigned
wd_format_by_name(wd_str_t name)
{
    size_t i;

    for (i = 0; i < wd_array_len(wd_formats); i++) {
        if (wd_str_eq_z(name, wd_formats[i].name)) {
            return wd_formats[i].format;
        }
    }
    return 0;
}


/* How well a media range fits a format: 0 not, 1 any, 2 type, 3 exactly. */
static int
wd_accept_fit(wd_str_t range, unsigned format)
{
    static const struct {
        const char *mime;
        unsigned    format;
        int         fit;
    } rows[] = {
        {"*/*", WD_FMT_JSON | WD_FMT_CSV | WD_FMT_MSGPACK, 1},
        {"application/*", WD_FMT_JSON | WD_FMT_MSGPACK, 2},
        {"text/*", WD_FMT_CSV, 2},
        {"application/json", WD_FMT_JSON, 3},
        {"text/csv", WD_FMT_CSV, 3},
        {"application/vnd.msgpack", WD_FMT_MSGPACK, 3},
        {"application/msgpack", WD_FMT_MSGPACK, 3},
        {"application/x-msgpack", WD_FMT_MSGPACK, 3},
    };
    size_t i;

    for (i = 0; i < wd_array_len(rows); i++) {
        if ((rows[i].format & format)
            && wd_str_ieq(range, wd_str_z(rows[i].mime))) {
            return rows[i].fit;
        }
    }
    return 0;
}


/* The weight in the parameters of a media range; 1 when there is none. */
static double
wd_accept_q(wd_str_t params)
{
    double   q;
    wd_str_t one;

    while (wd_str_split(&params, ';', &one)) {
        one = wd_str_trim(one);
        if (one.len > 2 && (one.data[0] | 0x20) == 'q' && one.data[1] == '=') {
            one = wd_str(one.data + 2, one.len - 2);
            return wd_num_parse(one, &q) == WD_OK ? q : 0;
        }
    }
    return 1;
}


/* RFC 9110 12.5.1: the most specific range that fits gives the weight. */
static double
wd_accept_weight(wd_str_t accept, unsigned format)
{
    int      fit, best = 0;
    double   q = 0;
    wd_str_t one, range;

    while (wd_str_split(&accept, ',', &one)) {
        if (!wd_str_split(&one, ';', &range)) {
            continue;
        }
        fit = wd_accept_fit(wd_str_trim(range), format);
        if (fit > best) {
            best = fit;
            q = wd_accept_q(one);
        }
    }
    return q;
}


unsigned
wd_accept_choose(wd_str_t accept, unsigned offered)
{
    double   q, best = 0;
    size_t   i;
    unsigned chosen = 0;

    accept = wd_str_trim(accept);
    if (accept.len == 0 || wd_str_eq(accept, WD_STR("*/*"))) {
        return offered & WD_FMT_JSON ? WD_FMT_JSON : offered & -offered;
    }

    for (i = 0; i < wd_array_len(wd_formats); i++) {
        if (offered & wd_formats[i].format) {
            q = wd_accept_weight(accept, wd_formats[i].format);
            if (q > best) {
                best = q;
                chosen = wd_formats[i].format;
            }
        }
    }
    return chosen;
}


static bool
wd_perm_part_valid(wd_str_t part)
{
    size_t i;

    if (wd_str_eq(part, WD_STR("*"))) {
        return true;
    }

    for (i = 0; i < part.len; i++) {
        if (!((part.data[i] >= 'a' && part.data[i] <= 'z')
              || part.data[i] == '-' || part.data[i] == '_')) {
            return false;
        }
    }
    return part.len >= 1 && part.len <= 24;
}


bool
wd_perm_valid(wd_str_t perm)
{
    wd_str_t resource;

    if (wd_str_eq(perm, WD_STR("*"))) {
        return true;
    }

    return wd_str_split(&perm, ':', &resource) && perm.data != NULL
           && wd_perm_part_valid(resource) && wd_perm_part_valid(perm);
}


static bool
wd_perm_part_covers(wd_str_t granted, wd_str_t needed)
{
    return wd_str_eq(granted, WD_STR("*")) || wd_str_eq(granted, needed);
}


bool
wd_perm_covers(wd_str_t granted, wd_str_t needed)
{
    wd_str_t g, n;

    if (wd_str_eq(granted, WD_STR("*"))) {
        return true;
    }

    if (!wd_str_split(&granted, ':', &g) || !wd_str_split(&needed, ':', &n)
        || granted.data == NULL || needed.data == NULL) {
        return false;
    }

    return wd_perm_part_covers(g, n) && wd_perm_part_covers(granted, needed);
}
