/*
 * wd_push_cut_json.c - an array of objects, or one object.
 */
#include "wd_push_split_int.h"


static void
wd_push_array_skip_blanks(wd_str_t *in)
{
    while (in->len != 0 && memchr(" \n\r\t", *in->data, 4) != NULL) {
        wd_push_step(in, 1);
    }
}


static int
wd_push_array_start(wd_push_split_t *s, wd_str_t *in, wd_error_t *err)
{
    if (*in->data != '[' && *in->data != '{') {
        return wd_push_split_damaged(s, *in, "neither an array nor an object",
                                     err);
    }
    s->single = *in->data == '{';
    if (!s->single) {
        wd_push_step(in, 1);
    }
    s->state = WD_PUSH_CUT_RECORDS;
    return WD_OK;
}


static void
wd_push_array_behind(wd_push_split_t *s)
{
    s->state = s->single ? WD_PUSH_CUT_DONE : WD_PUSH_CUT_BEHIND;
    s->scanned = 0;
    s->scan = (wd_push_json_scan_t){0};
}


/* `whole`: its end was seen. */
static int
wd_push_array_take_long(wd_push_split_t *s, wd_str_t *in, bool whole,
                        wd_error_t *err)
{
    int rc;

    if (s->records == 0) {
        return wd_push_split_damaged(s, *in, "the first record is too long",
                                     err);
    }
    rc = wd_push_split_take(s, WD_STR("\"" WD_PUSH_OVERLONG "\""), err);
    wd_push_step(in, s->scanned);
    s->scanned = 0;
    s->state = WD_PUSH_CUT_LONG;
    if (whole) {
        wd_push_array_behind(s);
    }
    return rc;
}


static int
wd_push_array_value(wd_push_split_t *s, wd_str_t *in, wd_error_t *err)
{
    int      rc;
    size_t   used = 0;
    wd_str_t rest = wd_str(in->data + s->scanned, in->len - s->scanned);

    rc = wd_push_json_end(&s->scan, rest, &used);
    s->scanned += used;
    if (s->scanned > WD_PUSH_RECORD_MAX) {
        return wd_push_array_take_long(s, in, rc == WD_OK, err);
    }
    if (rc == WD_OK) {
        rc = wd_push_split_take(s, wd_str(in->data, s->scanned), err);
        wd_push_step(in, s->scanned);
        wd_push_array_behind(s);
    }
    return rc;
}


/* Inside a record that was replaced. */
static int
wd_push_array_drop(wd_push_split_t *s, wd_str_t *in)
{
    int    rc;
    size_t used = 0;

    rc = wd_push_json_end(&s->scan, *in, &used);
    wd_push_step(in, used);
    if (rc == WD_OK) {
        wd_push_array_behind(s);
    }
    return rc;
}


static int
wd_push_array_next(wd_push_split_t *s, wd_str_t *in, wd_error_t *err)
{
    char c = *in->data;

    switch (s->state) {
    case WD_PUSH_CUT_START:
        return wd_push_array_start(s, in, err);
    case WD_PUSH_CUT_LONG:
        return wd_push_array_drop(s, in);
    case WD_PUSH_CUT_BEHIND:
        if (c != ',' && c != ']') {
            return wd_push_split_damaged(s, *in, "no comma", err);
        }
        wd_push_step(in, 1);
        s->state = c == ',' ? WD_PUSH_CUT_NEXT : WD_PUSH_CUT_DONE;
        return WD_OK;
    case WD_PUSH_CUT_DONE:
        return wd_push_split_damaged(s, *in, "something behind the end", err);
    case WD_PUSH_CUT_RECORDS:
        if (c == ']' && s->records == 0 && s->scanned == 0) {
            wd_push_step(in, 1);
            s->state = WD_PUSH_CUT_DONE;
            return WD_OK;
        }
        break;
    case WD_PUSH_CUT_NEXT:
        break;
    }
    if (s->scanned == 0 && (c == ',' || c == ']' || c == '}')) {
        return wd_push_split_damaged(s, *in, "no record", err);
    }
    return wd_push_array_value(s, in, err);
}


int
wd_push_cut_json(wd_push_split_t *s, wd_str_t *in, wd_error_t *err)
{
    int rc = WD_OK;

    while (rc == WD_OK) {
        if (s->scanned == 0 && s->state != WD_PUSH_CUT_LONG) {
            wd_push_array_skip_blanks(in);
        }
        if (in->len == 0) {
            return WD_OK;
        }
        rc = wd_push_array_next(s, in, err);
    }
    return rc == WD_EAGAIN ? WD_OK : rc;
}
