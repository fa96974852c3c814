/*
 * wd_expo.c - the text formats of metrics, line by line.
 */
#include "wd_expo.h"

#include "wd_num.h"

typedef struct {
    wd_str_t name;
    wd_str_t value; /* still escaped */
} wd_expo_label_t;

typedef struct {
    wd_expo_label_t labels[WD_EXPO_LABELS_MAX];
    size_t          n;
    size_t          spare; /* bytes between the labels that mean nothing */
    wd_str_t        value;
    wd_str_t        time; /* milliseconds; empty: none */
} wd_expo_sample_t;

static const char *const wd_expo_types[] = {"untyped", "counter", "gauge",
                                            "histogram", "summary"};


/* ---- words -------------------------------------------------------------- */

/* 1: begins a name, also of a label; 2: goes on in it; 4: a colon. */
static const uint8_t wd_expo_class[256] = {['a' ... 'z'] = 3,
                                           ['A' ... 'Z'] = 3,
                                           ['_'] = 3,
                                           ['0' ... '9'] = 2,
                                           [':'] = 4};


/* Takes a name from the front. */
static bool
wd_expo_name(wd_str_t *s, bool colon, wd_str_t *ret)
{
    size_t  n = 0;
    uint8_t first = colon ? 5 : 1, more = colon ? 6 : 2;

    if (s->len != 0 && (wd_expo_class[(uint8_t) s->data[0]] & first)) {
        do {
            n++;
        } while (n < s->len && (wd_expo_class[(uint8_t) s->data[n]] & more));
    }
    *ret = wd_str(s->data, n);
    *s = wd_str(s->data + n, s->len - n);
    return n != 0 && n <= WD_EXPO_NAME_MAX;
}


static bool
wd_expo_take(wd_str_t *s, char c)
{
    if (s->len == 0 || s->data[0] != c) {
        return false;
    }
    s->data++;
    s->len--;
    return true;
}


static size_t
wd_expo_blanks(wd_str_t *s)
{
    size_t n = 0;

    while (n < s->len && (s->data[n] == ' ' || s->data[n] == '\t')) {
        n++;
    }
    s->data += n;
    s->len -= n;
    return n;
}


static wd_str_t
wd_expo_word(wd_str_t *s)
{
    size_t   n = 0;
    wd_str_t word;

    while (n < s->len && s->data[n] != ' ' && s->data[n] != '\t') {
        n++;
    }
    word = wd_str(s->data, n);
    s->data += n;
    s->len -= n;
    return word;
}


static bool
wd_expo_ends(wd_str_t s, const char *end)
{
    size_t n = strlen(end);

    return s.len > n && memcmp(s.data + s.len - n, end, n) == 0;
}


/* ---- heads -------------------------------------------------------------- */

static wd_expo_kind_e
wd_expo_comment(wd_str_t line, wd_expo_line_t *ret)
{
    bool   help = wd_str_starts(line, "# HELP ");
    size_t i;

    if (!help && !wd_str_starts(line, "# TYPE ")) {
        return WD_EXPO_NOTHING;
    }

    ret->rest = wd_str(line.data + 7, line.len - 7);
    if (!wd_expo_name(&ret->rest, true, &ret->name)
        || (ret->rest.len != 0 && wd_expo_blanks(&ret->rest) == 0)) {
        return WD_EXPO_BAD;
    }
    if (help) {
        return wd_utf8_valid(ret->rest) ? WD_EXPO_HELP : WD_EXPO_BAD;
    }

    for (i = 0; i < wd_array_len(wd_expo_types); i++) {
        if (wd_str_eq_z(ret->rest, wd_expo_types[i])) {
            ret->type = (wd_expo_type_e) i;
            return WD_EXPO_TYPE;
        }
    }
    return WD_EXPO_BAD;
}


wd_expo_kind_e
wd_expo_line(wd_str_t line, wd_expo_line_t *ret)
{
    *ret = (wd_expo_line_t){.type = WD_EXPO_UNTYPED};

    if (line.len == 0) {
        return WD_EXPO_NOTHING;
    }
    if (line.len > WD_EXPO_LINE_MAX) {
        return WD_EXPO_BAD;
    }
    if (line.data[0] == '#') {
        return wd_expo_comment(line, ret);
    }

    ret->rest = line;
    return wd_expo_name(&ret->rest, true, &ret->name) ? WD_EXPO_SAMPLE
                                                      : WD_EXPO_BAD;
}


/* ---- families ----------------------------------------------------------- */

static wd_str_t
wd_expo_suffix(const wd_expo_family_t *f, wd_str_t sample)
{
    return wd_str(sample.data + f->name.len, sample.len - f->name.len);
}


bool
wd_expo_belongs(const wd_expo_family_t *f, wd_str_t sample)
{
    wd_str_t suffix;

    if (sample.len < f->name.len
        || memcmp(sample.data, f->name.data, f->name.len) != 0) {
        return false;
    }

    suffix = wd_expo_suffix(f, sample);
    switch (f->type) {
    case WD_EXPO_HISTOGRAM:
        return wd_str_eq_z(suffix, "_bucket") || wd_str_eq_z(suffix, "_sum")
               || wd_str_eq_z(suffix, "_count");
    case WD_EXPO_SUMMARY:
        return suffix.len == 0 || wd_str_eq_z(suffix, "_sum")
               || wd_str_eq_z(suffix, "_count");
    default:
        return suffix.len == 0;
    }
}


wd_str_t
wd_expo_base(const wd_expo_family_t *f)
{
    if (f->type == WD_EXPO_COUNTER && !f->clash
        && wd_expo_ends(f->name, "_total")) {
        return wd_str(f->name.data, f->name.len - strlen("_total"));
    }
    return f->name;
}


/* A counter whose base another family has cannot be called a counter. */
static const char *
wd_expo_type_word(const wd_expo_family_t *f)
{
    if (f->openmetrics && (f->type == WD_EXPO_UNTYPED || f->clash)) {
        return "unknown";
    }
    return wd_expo_types[f->type];
}


/* Escapes of 0.0.4 are \\ and \n; OpenMetrics knows \" too, and no other. */
static void
wd_expo_help(wd_buf_t *out, wd_str_t help)
{
    size_t i;
    char   c, next;

    for (i = 0; i < help.len; i++) {
        c = help.data[i];
        next = i + 1 < help.len ? help.data[i + 1] : '\0';
        if (c == '\\' && (next == '\\' || next == 'n')) {
            wd_buf_byte(out, (uint8_t) c);
            c = next;
            i++;
        } else if (c == '\\' || c == '"') {
            wd_buf_byte(out, '\\');
        }
        wd_buf_byte(out, (uint8_t) c);
    }
}


void
wd_expo_write_head(wd_buf_t *out, const wd_expo_family_t *f, wd_str_t help)
{
    wd_str_t name = f->openmetrics ? wd_expo_base(f) : f->name;

    if (help.len != 0) {
        wd_buf_z(out, "# HELP ");
        wd_buf_str(out, name);
        wd_buf_byte(out, ' ');
        if (f->openmetrics) {
            wd_expo_help(out, help);
        } else {
            wd_buf_str(out, help);
        }
        wd_buf_byte(out, '\n');
    }
    wd_buf_z(out, "# TYPE ");
    wd_buf_str(out, name);
    wd_buf_byte(out, ' ');
    wd_buf_z(out, wd_expo_type_word(f));
    wd_buf_byte(out, '\n');
}


/* ---- samples ------------------------------------------------------------ */

/* "..." with the escapes \\, \" and \n; *ret is what stands between. */
static bool
wd_expo_quoted(wd_str_t *s, wd_str_t *ret)
{
    size_t n;

    if (!wd_expo_take(s, '"')) {
        return false;
    }
    for (n = 0; n < s->len && s->data[n] != '"'; n++) {
        if (s->data[n] != '\\') {
            continue;
        }
        n++;
        if (n == s->len
            || (s->data[n] != '\\' && s->data[n] != '"' && s->data[n] != 'n')) {
            return false;
        }
    }
    if (n == s->len) {
        return false;
    }

    *ret = wd_str(s->data, n);
    s->data += n + 1;
    s->len -= n + 1;
    return wd_utf8_valid(*ret);
}


static const wd_expo_label_t *
wd_expo_label(const wd_expo_sample_t *m, wd_str_t name)
{
    size_t i;

    for (i = 0; i < m->n; i++) {
        if (wd_str_eq(m->labels[i].name, name)) {
            return &m->labels[i];
        }
    }
    return NULL;
}


/* a="b" and the comma behind it, if there is one; false: it is none. */
static bool
wd_expo_label_take(wd_str_t *s, wd_expo_sample_t *ret)
{
    wd_expo_label_t l;

    if (ret->n == WD_EXPO_LABELS_MAX || !wd_expo_name(s, false, &l.name)
        || wd_expo_label(ret, l.name) != NULL) {
        return false;
    }
    ret->spare += wd_expo_blanks(s);
    if (!wd_expo_take(s, '=')) {
        return false;
    }
    ret->spare += wd_expo_blanks(s);
    if (!wd_expo_quoted(s, &l.value)) {
        return false;
    }
    ret->labels[ret->n++] = l;

    ret->spare += wd_expo_blanks(s);
    if (wd_expo_take(s, ',')) {
        ret->spare += wd_expo_blanks(s);
        ret->spare += s->len != 0 && s->data[0] == '}';
        return true;
    }
    return s->len != 0 && s->data[0] == '}';
}


/* {a="b",c="d"}, with blanks between and a comma at the end at will. */
static bool
wd_expo_labels(wd_str_t *s, wd_expo_sample_t *ret)
{
    wd_expo_blanks(s);
    if (!wd_expo_take(s, '{')) {
        return true;
    }

    ret->spare += wd_expo_blanks(s);
    while (!wd_expo_take(s, '}')) {
        if (!wd_expo_label_take(s, ret)) {
            return false;
        }
    }
    return true;
}


/* The number as both formats take it. */
static bool
wd_expo_value(wd_str_t v, wd_str_t *ret)
{
    size_t   i, digits = 0;
    bool     minus = v.len != 0 && v.data[0] == '-';
    wd_str_t word = v;

    if (v.len != 0 && (v.data[0] == '-' || v.data[0] == '+')) {
        word = wd_str(v.data + 1, v.len - 1);
    }
    if (wd_str_ieq(word, WD_STR("inf"))
        || wd_str_ieq(word, WD_STR("infinity"))) {
        *ret = minus ? WD_STR("-Inf") : WD_STR("+Inf");
        return true;
    }
    if (wd_str_ieq(v, WD_STR("nan"))) {
        *ret = WD_STR("NaN");
        return true;
    }

    for (i = 0; i < word.len
                && ((word.data[i] >= '0' && word.data[i] <= '9')
                    || word.data[i] == '.');
         i++) {
        digits += word.data[i] != '.';
    }
    if (digits + 1 < i || digits == 0) {
        return false;
    }
    *ret = v;
    if (i == word.len) {
        return true;
    }

    /* an exponent */
    if (word.data[i] != 'e' && word.data[i] != 'E') {
        return false;
    }
    i++;
    if (i < word.len && (word.data[i] == '-' || word.data[i] == '+')) {
        i++;
    }
    digits = i;
    while (i < word.len && word.data[i] >= '0' && word.data[i] <= '9') {
        i++;
    }
    return i == word.len && i > digits;
}


static bool
wd_expo_sample(wd_str_t rest, wd_expo_sample_t *ret)
{
    int64_t  ms;
    wd_str_t value;

    ret->n = 0;
    ret->spare = 0;
    if (!wd_expo_labels(&rest, ret)) {
        return false;
    }

    wd_expo_blanks(&rest);
    value = wd_expo_word(&rest);
    wd_expo_blanks(&rest);
    ret->time = wd_expo_word(&rest);
    wd_expo_blanks(&rest);

    return rest.len == 0 && wd_expo_value(value, &ret->value)
           && (ret->time.len == 0 || wd_int_parse(ret->time, &ms) == WD_OK);
}


/* The label that a sample of this name cannot be without; NULL: none. */
static const char *
wd_expo_needs(const wd_expo_family_t *f, wd_str_t sample)
{
    if (f->type == WD_EXPO_HISTOGRAM) {
        return wd_str_eq_z(wd_expo_suffix(f, sample), "_bucket") ? "le" : NULL;
    }
    if (f->type == WD_EXPO_SUMMARY) {
        return sample.len == f->name.len ? "quantile" : NULL;
    }
    return NULL;
}


/* OpenMetrics has counters that are below 0 or no number nowhere. */
static bool
wd_expo_counts(const wd_expo_family_t *f, wd_str_t sample, wd_str_t value)
{
    if (f->type == WD_EXPO_COUNTER
        || (f->type == WD_EXPO_HISTOGRAM
            && !wd_str_eq_z(wd_expo_suffix(f, sample), "_sum"))) {
        return value.data[0] != '-' && !wd_str_eq_z(value, "NaN");
    }
    return true;
}


/* Bounds are floats in OpenMetrics: 5 is 5.0 there. */
static void
wd_expo_write_bound(wd_buf_t *out, wd_str_t bound)
{
    size_t i;

    wd_buf_str(out, bound);
    for (i = 0; i < bound.len; i++) {
        if (bound.data[i] < '0' || bound.data[i] > '9') {
            return;
        }
    }
    wd_buf_z(out, ".0");
}


static void
wd_expo_write_labels(wd_buf_t *out, const wd_expo_sample_t *m,
                     const char *bound, const char *more)
{
    size_t          i;
    const char     *before = "{";
    const wd_str_t *last;

    if (m->n == 0 && more == NULL) {
        return;
    }

    if (more != NULL) {
        wd_buf_byte(out, '{');
        wd_buf_z(out, more);
        before = ",";
    }
    if (m->n != 0 && m->spare == 0 && bound == NULL) { /* as they stand */
        last = &m->labels[m->n - 1].value;
        wd_buf_z(out, before);
        wd_buf_append(
            out, m->labels[0].name.data,
            (size_t) (last->data + last->len + 1 - m->labels[0].name.data));
        wd_buf_byte(out, '}');
        return;
    }
    for (i = 0; i < m->n; i++) {
        wd_buf_z(out, before);
        wd_buf_str(out, m->labels[i].name);
        wd_buf_z(out, "=\"");
        if (bound != NULL && wd_str_eq_z(m->labels[i].name, bound)) {
            wd_expo_write_bound(out, m->labels[i].value);
        } else {
            wd_buf_str(out, m->labels[i].value);
        }
        wd_buf_byte(out, '"');
        before = ",";
    }
    wd_buf_byte(out, '}');
}


/* Milliseconds as they are, or as seconds. */
static void
wd_expo_write_time(wd_buf_t *out, wd_str_t time, bool seconds)
{
    int64_t  ms;
    uint64_t n;

    wd_buf_byte(out, ' ');
    if (!seconds) {
        wd_buf_str(out, time);
        return;
    }
    if (wd_int_parse(time, &ms) == WD_OK) {
        n = ms < 0 ? -(uint64_t) ms : (uint64_t) ms;
        wd_buf_printf(out, "%s%llu.%03u", ms < 0 ? "-" : "",
                      (unsigned long long) (n / 1000), (unsigned) (n % 1000));
    }
}


static bool
wd_expo_more_clashes(const wd_expo_sample_t *m, const char *more)
{
    const char *end = more != NULL ? strchr(more, '=') : NULL;

    return end != NULL
           && wd_expo_label(m, wd_str(more, (size_t) (end - more))) != NULL;
}


bool
wd_expo_write(wd_buf_t *out, const wd_expo_family_t *f,
              const wd_expo_line_t *sample, const char *more)
{
    const char      *needs;
    wd_expo_sample_t m;

    if (!wd_expo_belongs(f, sample->name)
        || !wd_expo_sample(sample->rest, &m)) {
        return false;
    }
    needs = wd_expo_needs(f, sample->name);
    if ((needs != NULL && wd_expo_label(&m, wd_str_z(needs)) == NULL)
        || wd_expo_more_clashes(&m, more)) {
        return false;
    }
    if (f->openmetrics && !f->clash
        && !wd_expo_counts(f, sample->name, m.value)) {
        return false;
    }

    wd_buf_str(out, sample->name);
    if (f->openmetrics && f->type == WD_EXPO_COUNTER && !f->clash
        && !wd_expo_ends(f->name, "_total")) {
        wd_buf_z(out, "_total");
    }
    wd_expo_write_labels(out, &m, f->openmetrics ? needs : NULL, more);
    wd_buf_byte(out, ' ');
    wd_buf_str(out, m.value);
    if (m.time.len != 0) {
        wd_expo_write_time(out, m.time, f->openmetrics);
    }
    wd_buf_byte(out, '\n');
    return true;
}
