/*
 * wd_bbg_dl.c - files of Bloomberg Data License, line by line.
 */
#include "wd_bbg_dl.h"

#include "wd_bbg_points.h"
#include "wd_bbg_table.h"
#include "wd_num.h"

typedef enum {
    WD_DL_START,
    WD_DL_HEAD, /* KEY=VALUE */
    WD_DL_FIELDS,
    WD_DL_DATA,
    WD_DL_TAIL, /* behind END-OF-DATA */
    WD_DL_END
} wd_dl_part_e;

typedef struct {
    wd_records_t   *r;
    wd_dl_part_e    part;
    wd_str_t        program;
    wd_str_t        format; /* of dates; data NULL: not said */
    char            delimiter;
    bool            data_seen;
    int32_t         strangers; /* rows that are none at all */
    size_t          n_fields;
    wd_str_t        fields[WD_BBG_CELLS_MAX];
    bool            in_block;
    wd_str_t        symbol; /* of the block */
    wd_str_t        item;
    wd_bbg_points_t points;
    wd_bbg_row_t    row;
} wd_bbg_dl_t;


static void
dl_init(wd_bbg_dl_t *d, wd_records_t *r)
{
    memset(d, 0, offsetof(wd_bbg_dl_t, row));
    d->r = r;
    d->delimiter = '|';
}


/* The next line without its end. */
static bool
next_line(wd_str_t *rest, wd_str_t *ret)
{
    if (!wd_str_split(rest, '\n', ret)) {
        return false;
    }
    if (ret->len != 0 && ret->data[ret->len - 1] == '\r') {
        ret->len--;
    }
    return true;
}


static bool
is_comment(wd_str_t line)
{
    return wd_str_trim(line).len == 0 || line.data[0] == '#';
}


static bool
is_file(wd_str_t body)
{
    wd_str_t line;

    while (next_line(&body, &line)) {
        if (!is_comment(line)) {
            return wd_str_eq_z(wd_str_trim(line), "START-OF-FILE");
        }
    }
    return false;
}


static bool
is_whole(wd_str_t body)
{
    static const char mark[] = "END-OF-FILE";
    const size_t      n = sizeof(mark) - 1;

    body = wd_str_trim(body);
    return body.len > n && body.data[body.len - n - 1] == '\n'
           && memcmp(body.data + body.len - n, mark, n) == 0;
}


/* KEY=VALUE of the head; false for a delimiter that is none. */
static bool
head_line(wd_bbg_dl_t *d, wd_str_t line)
{
    wd_str_t key, value = line;

    if (!wd_str_split(&value, '=', &key) || value.data == NULL) {
        return true;
    }
    if (wd_str_eq_z(key, "PROGRAMNAME")) {
        d->program = wd_str_trim(value);
    } else if (wd_str_eq_z(key, "DATEFORMAT")) {
        d->format = wd_str_trim(value);
    } else if (wd_str_eq_z(key, "DELIMITER")) {
        d->delimiter = value.len == 1 ? value.data[0] : '\0';
    }
    return d->delimiter != '\0';
}


static int
field_line(wd_bbg_dl_t *d, wd_str_t line)
{
    line = wd_str_trim(line);
    if (d->n_fields == WD_BBG_CELLS_MAX) {
        return wd_records_refuse(d->r, WD_REASON_TOO_MANY, line,
                                 "more than %d fields", WD_BBG_CELLS_MAX);
    }
    if (!wd_record_code_ok(line, WD_BBG_ITEM_MAX)) {
        d->fields[d->n_fields++] = WD_STR_NULL; /* its place counts */
        return wd_records_reject(d->r, -1, WD_REASON_SYNTAX, line,
                                 "the name of field %zu is none", d->n_fields);
    }
    d->fields[d->n_fields++] = line;
    return WD_OK;
}


static int
bad_row(wd_bbg_dl_t *d, int32_t record, wd_str_t line)
{
    return wd_records_reject(d->r, record, WD_REASON_SYNTAX, line,
                             "the row cannot be read");
}


static int
bad_symbol(wd_bbg_dl_t *d, int32_t record, wd_str_t line, wd_str_t name)
{
    name = wd_bbg_cut(name, 40);
    return wd_records_reject(d->r, record, WD_REASON_BAD_SYMBOL, line,
                             "security \"%.*s\"", WD_STR_ARG(name));
}


/* The next part of a row, which has to end with a delimiter. */
static bool
take(wd_bbg_dl_t *d, wd_str_t *rest, wd_str_t *ret)
{
    return wd_str_split(rest, d->delimiter, ret) && rest->data != NULL;
}


static bool
take_int(wd_bbg_dl_t *d, wd_str_t *rest, int64_t *ret)
{
    wd_str_t part;

    return take(d, rest, &part)
           && wd_int_parse(wd_str_trim(part), ret) == WD_OK;
}


/* SECURITY|return code|number of fields|value|...| */
static int
getdata_line(wd_bbg_dl_t *d, wd_str_t line)
{
    int      rc;
    size_t   i;
    int32_t  record = d->r->n_records++;
    int64_t  code, n;
    wd_str_t name, text, symbol, rest = line;

    if (!take(d, &rest, &name) || !take_int(d, &rest, &code)
        || !take_int(d, &rest, &n)) {
        return bad_row(d, record, line);
    }
    if (code != 0) {
        return wd_bbg_return_code(d->r, record, name, code);
    }
    rc = wd_bbg_symbol(d->r->pool, name, &symbol);
    if (rc != WD_OK || symbol.data == NULL) {
        return rc != WD_OK ? rc : bad_symbol(d, record, line, name);
    }
    if (n != (int64_t) d->n_fields) {
        return bad_row(d, record, line);
    }

    wd_bbg_row_init(&d->row, symbol, WD_NS_MIN);
    for (i = 0; i < d->n_fields; i++) {
        if (!take(d, &rest, &text)) {
            return bad_row(d, record, line);
        }
        rc = d->fields[i].data == NULL
                 ? WD_OK
                 : wd_bbg_row_put(d->r, &d->row, record, line, d->fields[i],
                                  text);
        if (rc != WD_OK) {
            return rc;
        }
    }
    return rest.len == 0 ? wd_bbg_row_add(d->r, &d->row)
                         : bad_row(d, record, line);
}


/* START SECURITY|SECURITY|FIELD| */
static int
block_start(wd_bbg_dl_t *d, wd_str_t line, wd_str_t rest)
{
    int      rc;
    wd_str_t name, item;

    if (!take(d, &rest, &name) || !take(d, &rest, &item)
        || !wd_record_code_ok(wd_str_trim(item), WD_BBG_ITEM_MAX)) {
        d->in_block = false;
        return bad_row(d, d->r->n_records++, line);
    }
    rc = wd_bbg_symbol(d->r->pool, name, &d->symbol);
    d->item = wd_str_trim(item);
    d->in_block = rc == WD_OK && d->symbol.data != NULL;
    return rc != WD_OK || d->in_block
               ? rc
               : bad_symbol(d, d->r->n_records++, line, name);
}


/* END SECURITY|SECURITY|FIELD|return code| */
static int
block_end(wd_bbg_dl_t *d, wd_str_t line, wd_str_t rest)
{
    int64_t  code;
    wd_str_t name, item;

    d->in_block = false;
    if (!take(d, &rest, &name) || !take(d, &rest, &item)
        || !take_int(d, &rest, &code)) {
        return bad_row(d, d->r->n_records++, line);
    }
    return code == 0 ? WD_OK
                     : wd_bbg_return_code(d->r, d->r->n_records++, name, code);
}


static bool
read_day(const wd_bbg_dl_t *d, wd_str_t s, wd_ns_t *ret)
{
    s = wd_str_trim(s);
    if (d->format.data != NULL) {
        return wd_bbg_day_format_ok(d->format)
               && wd_bbg_day_as(s, d->format, ret);
    }
    return wd_bbg_day_as(s, WD_STR("mm/dd/yyyy"), ret)
           || wd_bbg_day_as(s, WD_STR("yyyymmdd"), ret);
}


/* SECURITY|date|value| */
static int
history_line(wd_bbg_dl_t *d, wd_str_t line)
{
    wd_str_t       name, day, rest = line;
    wd_bbg_point_t p = {.symbol = d->symbol, .item = d->item, .sample = line};

    p.record = d->r->n_records++;
    if (!take(d, &rest, &name) || !take(d, &rest, &day)
        || !take(d, &rest, &p.text) || rest.len != 0
        || !wd_str_ieq(wd_str_trim(name), d->symbol)) {
        return bad_row(d, p.record, line);
    }
    if (!read_day(d, day, &p.time)) {
        day = wd_bbg_cut(day, 40);
        return wd_records_reject(d->r, p.record, WD_REASON_BAD_TIME, line,
                                 "date \"%.*s\"", WD_STR_ARG(day));
    }
    return wd_bbg_points_add(&d->points, d->r->pool, &p);
}


static int
data_line(wd_bbg_dl_t *d, wd_str_t line)
{
    wd_str_t first, rest = line;

    if (d->r->n_records >= WD_RECORDS_MAX) {
        d->part = WD_DL_END;
        return wd_records_reject(d->r, -1, WD_REASON_TOO_MANY, WD_STR(""),
                                 "more than %d records", WD_RECORDS_MAX);
    }
    if (line.len > WD_BBG_DL_LINE_MAX) {
        return wd_records_reject(d->r, d->r->n_records++, WD_REASON_TOO_LONG,
                                 line, "a line of %zu bytes", line.len);
    }
    if (!take(d, &rest, &first)) {
        d->strangers++;
        return bad_row(d, d->r->n_records++, line);
    }
    if (wd_str_eq_z(first, "START SECURITY")) {
        return block_start(d, line, rest);
    }
    if (wd_str_eq_z(first, "END SECURITY")) {
        return block_end(d, line, rest);
    }
    if (wd_str_eq_z(d->program, "gethistory")) {
        return d->in_block ? history_line(d, line)
                           : bad_row(d, d->r->n_records++, line);
    }
    return getdata_line(d, line);
}


/* The lines that part a file, each only where it may stand. */
static bool
is_mark(wd_bbg_dl_t *d, wd_str_t line)
{
    static const struct {
        const char  *text;
        unsigned     in; /* bits of parts */
        wd_dl_part_e part;
    } marks[] = {
        {"START-OF-FILE", 1u << WD_DL_START, WD_DL_HEAD},
        {"START-OF-FIELDS", 1u << WD_DL_HEAD, WD_DL_FIELDS},
        {"END-OF-FIELDS", 1u << WD_DL_FIELDS, WD_DL_HEAD},
        {"START-OF-DATA", 1u << WD_DL_HEAD, WD_DL_DATA},
        {"END-OF-DATA", 1u << WD_DL_DATA, WD_DL_TAIL},
        {"END-OF-FILE", 1u << WD_DL_DATA | 1u << WD_DL_TAIL, WD_DL_END},
    };
    size_t i;

    line = wd_str_trim(line);
    for (i = 0; i < wd_array_len(marks); i++) {
        if ((marks[i].in & 1u << d->part) != 0
            && wd_str_eq_z(line, marks[i].text)) {
            d->part = marks[i].part;
            d->data_seen |= d->part == WD_DL_DATA;
            return true;
        }
    }
    return false;
}


wd_bbg_dl_kind_e
wd_bbg_dl_kind(wd_str_t body)
{
    wd_str_t    line, first;
    wd_bbg_dl_t d;

    if (wd_bbg_is_table(body)) {
        return memchr(body.data, '\n', wd_str_trim(body).len) == NULL
                   ? WD_BBG_DL_EMPTY
                   : WD_BBG_DL_ROWS;
    }
    if (!is_file(body)) {
        return WD_BBG_DL_NONE;
    }
    if (!is_whole(body)) {
        return WD_BBG_DL_CUT;
    }
    dl_init(&d, NULL);
    while (next_line(&body, &line)) {
        if (is_comment(line)) {
            continue;
        }
        if (is_mark(&d, line)) {
            if (d.part == WD_DL_TAIL && d.data_seen) {
                return WD_BBG_DL_EMPTY;
            }
        } else if (d.part == WD_DL_DATA) {
            return take(&d, &line, &first) ? WD_BBG_DL_ROWS : WD_BBG_DL_NONE;
        } else if (d.part == WD_DL_HEAD && !head_line(&d, line)) {
            return WD_BBG_DL_NONE;
        }
    }
    return WD_BBG_DL_NONE;
}


static int
read_line(wd_bbg_dl_t *d, wd_str_t line)
{
    if (is_comment(line) || is_mark(d, line)) {
        return WD_OK;
    }
    switch (d->part) {
    case WD_DL_HEAD:
        return head_line(d, line)
                   ? WD_OK
                   : wd_records_refuse(d->r, WD_REASON_UNKNOWN_SHAPE, line,
                                       "a delimiter that is no character");
    case WD_DL_FIELDS:
        return field_line(d, line);
    case WD_DL_DATA:
        return data_line(d, line);
    default:
        return WD_OK; /* TIMEFINISHED= */
    }
}


static int
conclude(wd_bbg_dl_t *d)
{
    wd_records_t *r = d->r;

    if (d->part != WD_DL_END || !d->data_seen
        || (r->n_records != 0 && d->strangers == r->n_records)) {
        r->n_rejects = r->n_rejected = 0;
        return wd_records_refuse(r, WD_REASON_UNKNOWN_SHAPE, WD_STR(""),
                                 d->data_seen ? "rows that are no answers"
                                              : "a file without data");
    }
    r->empty = r->n_bars == 0 && r->n_facts == 0 && r->n_rejected == 0;
    wd_bbg_one_symbol(r);
    return WD_OK;
}


/* Programs whose rows are known; what names none is read like getdata. */
static bool
known_program(wd_str_t program)
{
    return program.data == NULL || wd_str_eq_z(program, "getdata")
           || wd_str_eq_z(program, "gethistory");
}


static int
read_file(wd_bbg_dl_t *d, wd_str_t rest)
{
    int      rc = WD_OK;
    wd_str_t line;

    while (rc == WD_OK && !d->r->refused && d->part != WD_DL_END
           && next_line(&rest, &line)) {
        rc = read_line(d, line);
        if (rc == WD_OK && d->part == WD_DL_DATA
            && !known_program(d->program)) {
            rc = wd_records_refuse(d->r, WD_REASON_UNKNOWN_DATASET, line,
                                   "a file of another program");
        }
    }
    if (rc == WD_OK && !d->r->refused) {
        rc = wd_bbg_points_join(&d->points, &d->row, d->r);
    }
    return rc == WD_OK && !d->r->refused ? conclude(d) : rc;
}


int
wd_bbg_dl_parse(wd_str_t body, wd_records_t *ret)
{
    wd_bbg_dl_t d;

    if (wd_str_starts(body, "\xef\xbb\xbf")) {
        body = wd_str(body.data + 3, body.len - 3);
    }
    if (wd_str_trim(body).len == 0) {
        return wd_records_refuse(ret, WD_REASON_TRUNCATED, WD_STR(""),
                                 "nothing in the payload");
    }
    if (wd_bbg_is_table(body)) {
        return wd_bbg_table_parse(body, ret);
    }
    if (!is_file(body)) {
        return wd_records_refuse(ret, WD_REASON_UNKNOWN_SHAPE,
                                 wd_bbg_cut(body, WD_REJECT_SAMPLE_MAX),
                                 "neither a file nor a table of Data License");
    }
    if (!is_whole(body)) {
        return wd_records_refuse(ret, WD_REASON_TRUNCATED, WD_STR(""),
                                 "the file has no END-OF-FILE");
    }
    dl_init(&d, ret);
    return read_file(&d, body);
}
