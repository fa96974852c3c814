/*
 * wizdatactl_out.c - complaints, JSON documents and tables.
 */
#include "wizdatactl.h"

#include "wd_num.h"

#include <stdarg.h>
#include <stdio.h>

#define CTL_DEPTH_MAX 8 /* of nested members that are shown one by one */

static void ctl_put_value(wd_buf_t *out, const json_t *v);


/* ---- text --------------------------------------------------------------- */

/* Text from elsewhere: what could drive a terminal is shown as dots. */
static void
ctl_put_text(wd_buf_t *out, const char *text)
{
    size_t      i;
    const char *from = text;

    for (i = 0; text[i] != '\0'; i++) {
        if ((unsigned char) text[i] < 0x20 || text[i] == 0x7f
            || ((unsigned char) text[i] == 0xc2
                && (unsigned char) text[i + 1] >= 0x80
                && (unsigned char) text[i + 1] < 0xa0)) {
            wd_buf_append(out, from, (size_t) (text + i - from));
            wd_buf_byte(out, '.');
            i += (unsigned char) text[i] == 0xc2;
            from = text + i + 1;
        }
    }
    wd_buf_append(out, from, (size_t) (text + i - from));
}


void
ctl_print_text(const char *text)
{
    wd_buf_t line = WD_BUF_INIT;

    ctl_put_text(&line, text);
    puts(wd_buf_cstr(&line));
    wd_buf_done(&line);
}


static void
ctl_put_list(wd_buf_t *out, const json_t *list)
{
    size_t        i;
    const json_t *v;

    json_array_foreach(list, i, v)
    {
        if (i != 0) {
            wd_buf_z(out, ",");
        }
        ctl_put_value(out, v);
    }
    if (json_array_size(list) == 0) {
        wd_buf_z(out, "-");
    }
}


static void
ctl_put_dump(wd_buf_t *out, const json_t *v)
{
    char *text = json_dumps(v, JSON_COMPACT | JSON_REAL_PRECISION(15));

    if (text != NULL) {
        ctl_put_text(out, text);
        free(text);
    }
}


static void
ctl_put_value(wd_buf_t *out, const json_t *v)
{
    char text[WD_NUM_TEXT_MAX];

    switch (v != NULL ? json_typeof(v) : JSON_NULL) {
    case JSON_STRING:
        ctl_put_text(out, json_string_value(v));
        return;
    case JSON_INTEGER:
        wd_buf_append(out, text, wd_int_format(json_integer_value(v), text));
        return;
    case JSON_REAL:
        wd_buf_append(out, text, wd_num_format(json_real_value(v), text));
        return;
    case JSON_TRUE:
        wd_buf_z(out, "yes");
        return;
    case JSON_FALSE:
        wd_buf_z(out, "no");
        return;
    case JSON_ARRAY:
        ctl_put_list(out, v);
        return;
    case JSON_OBJECT:
        ctl_put_dump(out, v);
        return;
    case JSON_NULL:
        break;
    }
    wd_buf_z(out, "-");
}


/* ---- complaints --------------------------------------------------------- */

json_t *
ctl_error_json(const ctl_error_t *err)
{
    return json_pack("{s:i, s:s, s:s}", "code", err->code, "type",
                     wd_err_info(err->code)->slug, "message", err->text);
}


static int
ctl_complain(const ctl_t *ctl, const ctl_error_t *err, int status)
{
    wd_buf_t line = WD_BUF_INIT;

    if (ctl->json) {
        ctl_print_json(json_pack("{s:o}", "error", ctl_error_json(err)));
        return status;
    }

    ctl_put_text(&line, err->text);
    fflush(stdout);
    fprintf(stderr, "wizdatactl: %s\n", wd_buf_cstr(&line));
    wd_buf_done(&line);
    return status;
}


/* Bytes that are not UTF-8 would make the whole document fail. */
static void
ctl_error_format(ctl_error_t *err, int code, const char *fmt, va_list ap)
{
    size_t i;

    err->code = code;
    vsnprintf(err->text, sizeof(err->text), fmt, ap);
    if (!wd_utf8_valid(wd_str_z(err->text))) {
        for (i = 0; err->text[i] != '\0'; i++) {
            if ((unsigned char) err->text[i] >= 0x80) {
                err->text[i] = '?';
            }
        }
    }
}


int
ctl_fail(const ctl_t *ctl, int code, const char *fmt, ...)
{
    va_list     ap;
    ctl_error_t err;

    va_start(ap, fmt);
    ctl_error_format(&err, code, fmt, ap);
    va_end(ap);
    return ctl_complain(ctl, &err, CTL_FAILED);
}


int
ctl_fail_error(const ctl_t *ctl, const ctl_error_t *err)
{
    return ctl_fail(ctl, err->code, "%s", err->text);
}


int
ctl_misuse(const ctl_t *ctl, const char *fmt, ...)
{
    va_list     ap;
    ctl_error_t err;

    va_start(ap, fmt);
    ctl_error_format(&err, WD_EINVAL, fmt, ap);
    va_end(ap);
    return ctl_complain(ctl, &err, CTL_USAGE);
}


int
ctl_print_json(json_t *doc)
{
    /* NULL: no memory, or a name that is not UTF-8. Still one document. */
    if (doc == NULL
        || json_dumpf(doc, stdout, JSON_COMPACT | JSON_REAL_PRECISION(15))) {
        fputs("{\"error\":{\"code\":-12,\"type\":\"internal\",\"message\":"
              "\"the answer cannot be written as JSON\"}}",
              stdout);
    }
    putchar('\n');
    json_decref(doc);
    return CTL_OK;
}


/* ---- tables ------------------------------------------------------------- */

/* The value at "a.b.c", or NULL. */
static const json_t *
ctl_member(const json_t *row, const char *path)
{
    char     name[64];
    wd_str_t rest = wd_str_z(path), part;

    while (row != NULL && wd_str_split(&rest, '.', &part)) {
        wd_str_copy(name, sizeof(name), part);
        row = json_object_get(row, name);
    }
    return row;
}


/* Columns that UTF-8 text takes, if every character takes one. */
static size_t
ctl_width(const char *text)
{
    size_t n = 0;

    while (*text != '\0') {
        n += ((unsigned char) *text++ & 0xc0) != 0x80;
    }
    return n;
}


static void
ctl_print_cell(const char *text, size_t width, bool last)
{
    size_t n = ctl_width(text);

    fputs(text, stdout);
    if (last) {
        putchar('\n');
        return;
    }
    while (n++ < width + 2) {
        putchar(' ');
    }
}


/* Cell text of a row; row NULL: of the head. Ends with the next call. */
static const char *
ctl_cell(const json_t *row, const ctl_column_t *column, wd_buf_t *tmp)
{
    if (row == NULL) {
        return column->title;
    }
    wd_buf_reset(tmp);
    ctl_put_value(tmp, ctl_member(row, column->member));
    return wd_buf_cstr(tmp);
}


static size_t
ctl_column_width(const json_t *rows, const ctl_column_t *column, wd_buf_t *tmp)
{
    size_t i, width = ctl_width(column->title);

    for (i = 0; i < json_array_size(rows); i++) {
        width = wd_max(
            width, ctl_width(ctl_cell(json_array_get(rows, i), column, tmp)));
    }
    return width;
}


void
ctl_print_table(const json_t *rows, const ctl_column_t *columns, size_t n)
{
    size_t   c, r, widths[16];
    wd_buf_t tmp = WD_BUF_INIT;

    n = wd_min(n, wd_array_len(widths));
    for (c = 0; c < n; c++) {
        widths[c] = ctl_column_width(rows, &columns[c], &tmp);
        ctl_print_cell(columns[c].title, widths[c], c + 1 == n);
    }

    for (r = 0; r < json_array_size(rows); r++) {
        for (c = 0; c < n; c++) {
            ctl_print_cell(ctl_cell(json_array_get(rows, r), &columns[c], &tmp),
                           widths[c], c + 1 == n);
        }
    }
    wd_buf_done(&tmp);
}


static void
ctl_print_prefixed(const json_t *object, const char *prefix, int depth)
{
    char        name[128];
    wd_buf_t    text = WD_BUF_INIT;
    const char *key;
    json_t     *v;

    json_object_foreach((json_t *) object, key, v)
    {
        snprintf(name, sizeof(name), "%s%s", prefix, key);
        if (json_is_object(v) && depth < CTL_DEPTH_MAX) {
            snprintf(name, sizeof(name), "%s%s.", prefix, key);
            ctl_print_prefixed(v, name, depth + 1);
            continue;
        }
        wd_buf_reset(&text);
        ctl_put_value(&text, v);
        printf("%-20s  %s\n", name, wd_buf_cstr(&text));
    }
    wd_buf_done(&text);
}


void
ctl_print_members(const json_t *object)
{
    ctl_print_prefixed(object, "", 0);
}
