/*
 * wd_trace.c - reading and writing of trace context. No memory is taken.
 */
#include "wd_trace.h"

#define WD_TRACE_RANDOM_DIGITS 14 /* 56 bits */


static int
wd_trace_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}


/* Lower-case hexadecimal digits; *zero tells that all of them are 0. */
static bool
wd_trace_hex(const char *p, size_t n, bool *zero)
{
    *zero = true;
    while (n-- != 0) {
        if (wd_trace_digit(*p) < 0) {
            return false;
        }
        if (*p++ != '0') {
            *zero = false;
        }
    }
    return true;
}


static bool
wd_traceparent_frame(wd_str_t s)
{
    bool        zero;
    const char *p = s.data;

    if (s.len < WD_TRACEPARENT_LEN || p[2] != '-' || p[WD_SPAN_ID_AT - 1] != '-'
        || p[WD_TRACE_FLAGS_AT - 1] != '-' || !wd_trace_hex(p, 2, &zero)
        || (p[0] == 'f' && p[1] == 'f')) {
        return false;
    }
    return s.len == WD_TRACEPARENT_LEN
           || (!zero && p[WD_TRACEPARENT_LEN] == '-');
}


bool
wd_traceparent_parse(wd_str_t s, wd_traceparent_t *ret)
{
    bool        zero;
    const char *p = s.data;

    if (!wd_traceparent_frame(s)
        || !wd_trace_hex(p + WD_TRACE_ID_AT, WD_TRACE_ID_LEN, &zero) || zero
        || !wd_trace_hex(p + WD_SPAN_ID_AT, WD_SPAN_ID_LEN, &zero) || zero
        || !wd_trace_hex(p + WD_TRACE_FLAGS_AT, 2, &zero)) {
        return false;
    }

    ret->trace = wd_str(p + WD_TRACE_ID_AT, WD_TRACE_ID_LEN);
    ret->span = wd_str(p + WD_SPAN_ID_AT, WD_SPAN_ID_LEN);
    ret->flags = (unsigned) (wd_trace_digit(p[WD_TRACE_FLAGS_AT]) << 4
                             | wd_trace_digit(p[WD_TRACE_FLAGS_AT + 1]));
    return true;
}


bool
wd_traceparent_sampled(wd_str_t s)
{
    wd_traceparent_t tp;

    return wd_traceparent_parse(s, &tp) && (tp.flags & WD_TRACE_SAMPLED);
}


uint64_t
wd_trace_threshold(double ratio)
{
    const double whole = (double) (UINT64_C(1) << 56);

    if (!(ratio > 0)) {
        return UINT64_C(1) << 56;
    }
    return ratio >= 1 ? 0 : (uint64_t) (whole - ratio * whole);
}


bool
wd_trace_chosen(wd_str_t trace, uint64_t threshold)
{
    size_t   i = WD_TRACE_ID_LEN - WD_TRACE_RANDOM_DIGITS;
    unsigned left = 4 * WD_TRACE_RANDOM_DIGITS;
    uint64_t r = 0;

    for (; i < trace.len; i++) {
        /* Mostly the first digit tells that the others cannot reach it. */
        if (((r + 1) << left) <= threshold) {
            return false;
        }
        left -= 4;
        r = r << 4 | (uint64_t) wd_max(wd_trace_digit(trace.data[i]), 0);
    }
    return r >= threshold;
}


static wd_str_t
wd_tracestate_key(wd_str_t member)
{
    const char *eq = memchr(member.data, '=', member.len);

    return wd_str(member.data,
                  eq != NULL ? (size_t) (eq - member.data) : member.len);
}


static bool
wd_tracestate_key_ok(wd_str_t key)
{
    size_t i;
    char   c;

    for (i = 0; i < key.len; i++) {
        c = key.data[i];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')
              || (i != 0 && memchr("_-*/@", c, 5) != NULL))) {
            return false;
        }
    }
    return key.len >= 1 && key.len <= 256;
}


/* Printable ASCII without comma and equals; blanks around were taken off. */
static bool
wd_tracestate_value_ok(wd_str_t value)
{
    size_t i;
    char   c;

    for (i = 0; i < value.len; i++) {
        c = value.data[i];
        if (c < 0x20 || c > 0x7e || c == ',' || c == '=') {
            return false;
        }
    }
    return value.len >= 1 && value.len <= 256;
}


static bool
wd_tracestate_member_ok(wd_str_t member)
{
    wd_str_t key = wd_tracestate_key(member);

    return key.len < member.len && wd_tracestate_key_ok(key)
           && wd_tracestate_value_ok(
               wd_str(member.data + key.len + 1, member.len - key.len - 1));
}


static bool
wd_tracestate_has(const wd_str_t *members, size_t n, wd_str_t key)
{
    while (n-- != 0) {
        if (wd_str_eq(wd_tracestate_key(members[n]), key)) {
            return true;
        }
    }
    return false;
}


/* Optional white space only: a line break has no place here. */
static wd_str_t
wd_tracestate_trim(wd_str_t s)
{
    while (s.len != 0 && (s.data[0] == ' ' || s.data[0] == '\t')) {
        s = wd_str(s.data + 1, s.len - 1);
    }
    while (s.len != 0
           && (s.data[s.len - 1] == ' ' || s.data[s.len - 1] == '\t')) {
        s.len--;
    }
    return s;
}


bool
wd_tracestate_parse(wd_str_t s, wd_str_t members[WD_TRACESTATE_MEMBERS],
                    size_t *ret_n)
{
    size_t   n = 0;
    wd_str_t part;

    if (s.len > WD_TRACESTATE_IN_MAX) {
        return false;
    }

    while (wd_str_split(&s, ',', &part)) {
        part = wd_tracestate_trim(part);
        if (part.len == 0) {
            continue;
        }
        if (n == WD_TRACESTATE_MEMBERS || !wd_tracestate_member_ok(part)
            || wd_tracestate_has(members, n, wd_tracestate_key(part))) {
            return false;
        }
        members[n++] = part;
    }

    *ret_n = n;
    return true;
}


/* Bytes of all members that are kept, a comma before each. */
static size_t
wd_tracestate_size(const wd_str_t *members, size_t n)
{
    size_t i, size = 0;

    for (i = 0; i < n; i++) {
        size += members[i].len != 0 ? members[i].len + 1 : 0;
    }
    return size;
}


/* Empties members, long ones first, until the others fit. */
static void
wd_tracestate_fit(wd_str_t *members, size_t n, size_t room)
{
    size_t i;

    for (i = n; i-- != 0 && wd_tracestate_size(members, n) > room;) {
        if (members[i].len > WD_TRACESTATE_LONG) {
            members[i].len = 0;
        }
    }
    for (i = n; i-- != 0 && wd_tracestate_size(members, n) > room;) {
        members[i].len = 0;
    }
}


size_t
wd_tracestate_put(wd_str_t in, wd_str_t span, char out[WD_TRACESTATE_MAX])
{
    char    *p = out;
    size_t   i, kept = 1, n = 0;
    wd_str_t members[WD_TRACESTATE_MEMBERS];

    if (!wd_tracestate_parse(in, members, &n)) {
        n = 0;
    }
    for (i = 0; i < n; i++) {
        if (wd_str_eq(wd_tracestate_key(members[i]),
                      WD_STR(WD_TRACESTATE_KEY))) {
            members[i].len = 0;
        }
    }

    memcpy(p, WD_TRACESTATE_KEY "=", sizeof(WD_TRACESTATE_KEY));
    p += sizeof(WD_TRACESTATE_KEY);
    memcpy(p, span.data, span.len);
    p += span.len;
    wd_tracestate_fit(members, n, WD_TRACESTATE_MAX - (size_t) (p - out));

    for (i = 0; i < n && kept < WD_TRACESTATE_MEMBERS; i++) {
        if (members[i].len != 0) {
            *p++ = ',';
            memcpy(p, members[i].data, members[i].len);
            p += members[i].len;
            kept++;
        }
    }
    return (size_t) (p - out);
}
