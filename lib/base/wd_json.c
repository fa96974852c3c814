/*
 * wd_json.c - JSON writer.
 */
#include "wd_json.h"

#include <math.h>


void
wd_json_init(wd_json_t *j, wd_buf_t *out)
{
    memset(j, 0, sizeof(*j));
    j->out = out;
}


static void
wd_json_before_value(wd_json_t *j)
{
    if (j->after_key) {
        j->after_key = false;
    } else if (j->comma) {
        wd_buf_byte(j->out, ',');
    }
    j->comma = true;
}


static void
wd_json_open(wd_json_t *j, char open, char close)
{
    wd_json_before_value(j);

    if (j->depth == WD_JSON_DEPTH_MAX) {
        j->out->err = WD_ETOOBIG;
        return;
    }

    wd_buf_byte(j->out, (uint8_t) open);
    j->close[j->depth++] = close;
    j->comma = false;
}


void
wd_json_obj(wd_json_t *j)
{
    wd_json_open(j, '{', '}');
}


void
wd_json_arr(wd_json_t *j)
{
    wd_json_open(j, '[', ']');
}


void
wd_json_end(wd_json_t *j)
{
    if (j->depth != 0) {
        wd_buf_byte(j->out, (uint8_t) j->close[--j->depth]);
        j->comma = true;
    }
}


void
wd_json_key(wd_json_t *j, const char *key)
{
    wd_json_before_value(j);
    wd_buf_byte(j->out, '"');
    wd_buf_z(j->out, key);
    wd_buf_append(j->out, "\":", 2);
    j->after_key = true;
}


void
wd_json_key_str(wd_json_t *j, wd_str_t key)
{
    wd_json_before_value(j);
    wd_json_escape(j->out, key);
    wd_buf_byte(j->out, ':');
    j->after_key = true;
}


/* Length of the well-formed UTF-8 sequence at s, 0 if it is none. */
static size_t
wd_json_utf8(wd_str_t s)
{
    size_t n;

    for (n = 2; n <= 4 && n <= s.len; n++) {
        if (wd_utf8_valid(wd_str(s.data, n))) {
            return n;
        }
    }
    return 0;
}


static void
wd_json_escape_one(wd_buf_t *out, unsigned char c)
{
    switch (c) {
    case '"':
        wd_buf_append(out, "\\\"", 2);
        break;
    case '\\':
        wd_buf_append(out, "\\\\", 2);
        break;
    case '\n':
        wd_buf_append(out, "\\n", 2);
        break;
    case '\r':
        wd_buf_append(out, "\\r", 2);
        break;
    case '\t':
        wd_buf_append(out, "\\t", 2);
        break;
    default:
        wd_buf_printf(out, "\\u%04x", c);
    }
}


void
wd_json_escape(wd_buf_t *out, wd_str_t s)
{
    size_t        i = 0, from = 0, n;
    unsigned char c;

    wd_buf_byte(out, '"');

    while (i < s.len) {
        c = (unsigned char) s.data[i];

        if (c >= 0x20 && c != '"' && c != '\\' && c < 0x7f) {
            i++;
            continue;
        }

        if (c >= 0x80) {
            n = wd_json_utf8(wd_str(s.data + i, s.len - i));
            if (n != 0) {
                i += n;
                continue;
            }
        }

        wd_buf_append(out, s.data + from, i - from);
        if (c >= 0x80) {
            wd_buf_append(out, "\xef\xbf\xbd", 3); /* U+FFFD */
        } else {
            wd_json_escape_one(out, c);
        }
        from = ++i;
    }

    if (i > from) {
        wd_buf_append(out, s.data + from, i - from);
    }
    wd_buf_byte(out, '"');
}


void
wd_json_str(wd_json_t *j, wd_str_t s)
{
    wd_json_before_value(j);
    wd_json_escape(j->out, s);
}


void
wd_json_z(wd_json_t *j, const char *z)
{
    if (z == NULL) {
        wd_json_null(j);
        return;
    }
    wd_json_str(j, wd_str_z(z));
}


void
wd_json_num(wd_json_t *j, double v)
{
    char text[WD_NUM_TEXT_MAX];

    if (!isfinite(v)) {
        wd_json_null(j);
        return;
    }

    wd_json_before_value(j);
    wd_buf_append(j->out, text, wd_num_format(v, text));
}


void
wd_json_int(wd_json_t *j, int64_t v)
{
    char text[WD_NUM_TEXT_MAX];

    wd_json_before_value(j);
    wd_buf_append(j->out, text, wd_int_format(v, text));
}


void
wd_json_bool(wd_json_t *j, bool v)
{
    wd_json_raw(j, v ? WD_STR("true") : WD_STR("false"));
}


void
wd_json_null(wd_json_t *j)
{
    wd_json_raw(j, WD_STR("null"));
}


void
wd_json_time(wd_json_t *j, wd_ns_t t)
{
    char text[WD_TIME_TEXT_MAX];

    wd_json_str(j, wd_str(text, wd_time_format(t, text)));
}


void
wd_json_date(wd_json_t *j, wd_ns_t t)
{
    char text[WD_TIME_TEXT_MAX];

    wd_json_str(j, wd_str(text, wd_date_format(t, text)));
}


void
wd_json_raw(wd_json_t *j, wd_str_t json)
{
    wd_json_before_value(j);
    wd_buf_str(j->out, json);
}


void
wd_csv_cell(wd_buf_t *out, wd_str_t s)
{
    size_t i;
    bool   quote = false;

    for (i = 0; i < s.len && !quote; i++) {
        quote = s.data[i] == '"' || s.data[i] == ',' || s.data[i] == '\n'
                || s.data[i] == '\r';
    }

    if (!quote) {
        wd_buf_str(out, s);
        return;
    }

    wd_buf_byte(out, '"');
    for (i = 0; i < s.len; i++) {
        if (s.data[i] == '"') {
            wd_buf_byte(out, '"');
        }
        wd_buf_byte(out, (uint8_t) s.data[i]);
    }
    wd_buf_byte(out, '"');
}
