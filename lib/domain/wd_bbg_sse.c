/*
 * wd_bbg_sse.c - events out of a stream, byte by byte of which may be the
 * last of a chunk.
 */
#include "wd_bbg_sse.h"

#include "wd_num.h"


void
wd_bbg_sse_init(wd_bbg_sse_t *s)
{
    memset(s, 0, sizeof(*s));
    wd_buf_init(&s->line, WD_BBG_SSE_LINE_MAX);
    wd_buf_init(&s->data, WD_BBG_SSE_DATA_MAX);
    s->retry_ms = -1;
}


void
wd_bbg_sse_done(wd_bbg_sse_t *s)
{
    wd_buf_done(&s->line);
    wd_buf_done(&s->data);
}


static void
forget_event(wd_bbg_sse_t *s)
{
    wd_buf_reset(&s->data);
    s->type[0] = '\0';
    s->has_data = false;
    s->lost = false;
    s->no_memory = false;
    s->ended = false;
}


void
wd_bbg_sse_restart(wd_bbg_sse_t *s)
{
    wd_buf_reset(&s->line);
    forget_event(s);
    s->after_cr = false;
    s->started = false;
}


static void
note_loss(wd_bbg_sse_t *s, int err)
{
    s->lost |= err != WD_OK;
    s->no_memory |= err == WD_ENOMEM;
}


/* Printable, so that it may be sent back in a header. */
static bool
is_plain(wd_str_t s)
{
    size_t i;

    for (i = 0; i < s.len; i++) {
        if (s.data[i] < ' ' || s.data[i] > '~') {
            return false;
        }
    }
    return true;
}


static void
take_field(wd_bbg_sse_t *s, wd_str_t name, wd_str_t value)
{
    int64_t n;

    if (wd_str_eq_z(name, "data")) {
        if (s->has_data) {
            wd_buf_byte(&s->data, '\n');
        }
        wd_buf_str(&s->data, value);
        s->has_data = true;
        note_loss(s, s->data.err);
    } else if (wd_str_eq_z(name, "event")) {
        s->lost |= value.len >= sizeof(s->type);
        wd_str_copy(s->type, sizeof(s->type), value);
    } else if (wd_str_eq_z(name, "id")) {
        if (value.len < sizeof(s->id) && is_plain(value)) {
            wd_str_copy(s->id, sizeof(s->id), value);
        }
    } else if (wd_str_eq_z(name, "retry")) {
        if (wd_int_parse(value, &n) == WD_OK && n >= 0) {
            s->retry_ms = n;
        }
    }
}


/* "name: value"; a line that begins with a colon is a comment. */
static void
take_line(wd_bbg_sse_t *s, wd_str_t line)
{
    wd_str_t name, value = line;

    if (!s->started && wd_str_starts(line, "\xef\xbb\xbf")) {
        value = wd_str(line.data + 3, line.len - 3);
    }
    if (!wd_str_split(&value, ':', &name) || name.len == 0) {
        return;
    }
    if (wd_str_starts(value, " ")) {
        value = wd_str(value.data + 1, value.len - 1);
    }
    take_field(s, name, value);
}


/* Bytes of the chunk before the end of the line. */
static size_t
until_line_end(wd_str_t chunk)
{
    size_t i = 0;

    while (i < chunk.len && chunk.data[i] != '\n' && chunk.data[i] != '\r') {
        i++;
    }
    return i;
}


/* What an empty line ends; WD_ENOTFOUND: an event without data is none. */
static int
end_event(wd_bbg_sse_t *s, wd_bbg_event_t *ret)
{
    s->ended = true;
    if (s->lost) {
        return s->no_memory ? WD_ENOMEM : WD_ETOOBIG;
    }
    ret->type = s->type[0] != '\0' ? wd_str_z(s->type) : WD_STR("message");
    ret->data = wd_buf_view(&s->data);
    ret->id = wd_str_z(s->id);
    return s->has_data ? WD_OK : WD_ENOTFOUND;
}


/* Behind an event that was handed out, lost or none. */
static void
begin_event(wd_bbg_sse_t *s)
{
    if (s->ended) {
        forget_event(s);
    }
}


static int
end_line(wd_bbg_sse_t *s, wd_bbg_event_t *ret)
{
    int rc = WD_ENOTFOUND;

    note_loss(s, s->line.err);
    if (s->line.err == WD_OK && s->line.len == 0) {
        rc = end_event(s, ret);
    } else if (s->line.err == WD_OK) {
        take_line(s, wd_buf_view(&s->line));
    }
    s->started = true;
    wd_buf_reset(&s->line);
    return rc;
}


int
wd_bbg_sse_next(wd_bbg_sse_t *s, wd_str_t *chunk, wd_bbg_event_t *ret)
{
    int    rc;
    size_t n;

    begin_event(s);
    while (chunk->len != 0) {
        if (s->after_cr && chunk->data[0] == '\n') {
            *chunk = wd_str(chunk->data + 1, chunk->len - 1);
            s->after_cr = false;
            continue;
        }
        s->after_cr = false;
        n = until_line_end(*chunk);
        wd_buf_append(&s->line, chunk->data, n);
        if (n == chunk->len) {
            *chunk = WD_STR("");
            break;
        }
        s->after_cr = chunk->data[n] == '\r';
        *chunk = wd_str(chunk->data + n + 1, chunk->len - n - 1);

        rc = end_line(s, ret);
        if (rc != WD_ENOTFOUND) {
            return rc;
        }
        begin_event(s);
    }
    return WD_ENOTFOUND;
}
