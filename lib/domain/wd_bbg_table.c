/*
 * wd_bbg_table.c - tables that Bloomberg's REST service hands out; the first
 * line names the columns.
 */
#include "wd_bbg_table.h"

#include "wd_bbg_record.h"
#include "wd_csv_scan.h"
#include "wd_num.h"

typedef enum {
    WD_TABLE_FIELD,
    WD_TABLE_SECURITY,
    WD_TABLE_CODE,
    WD_TABLE_DATE,
    WD_TABLE_OTHER /* about the request */
} wd_table_column_e;

typedef struct {
    wd_records_t     *r;
    wd_csv_scan_t     s;
    size_t            n;
    wd_str_t          names[WD_CSV_CELLS_MAX];
    wd_table_column_e columns[WD_CSV_CELLS_MAX];
    size_t            at[WD_TABLE_OTHER]; /* columns of each kind, plus 1 */
    wd_bbg_row_t      row;
} wd_bbg_table_t;


static wd_table_column_e
column_of(wd_str_t name)
{
    static const struct {
        const char       *name;
        wd_table_column_e column;
    } names[] = {
        {"IDENTIFIER", WD_TABLE_SECURITY},
        {"SECURITIES", WD_TABLE_SECURITY},
        {"RC", WD_TABLE_CODE},
        {"ERROR CODE", WD_TABLE_CODE},
        {"DATE", WD_TABLE_DATE},
        {"NUM FLDS", WD_TABLE_OTHER},
        {"", WD_TABLE_OTHER},
    };
    size_t i;

    for (i = 0; i < wd_array_len(names); i++) {
        if (wd_str_eq_z(name, names[i].name)) {
            return names[i].column;
        }
    }
    return wd_str_starts(name, "DL_") ? WD_TABLE_OTHER : WD_TABLE_FIELD;
}


static char
separator_of(wd_str_t body)
{
    size_t i;

    for (i = 0; i < body.len && body.data[i] != '\n'; i++) {
        if (body.data[i] == ',' || body.data[i] == '|') {
            return body.data[i];
        }
    }
    return ',';
}


bool
wd_bbg_is_table(wd_str_t body)
{
    char     separator = separator_of(body);
    bool     security = false, code = false;
    wd_str_t line, name;

    if (!wd_str_split(&body, '\n', &line)) {
        return false;
    }
    while (wd_str_split(&line, separator, &name)) {
        name = wd_str_trim(name);
        if (name.len >= 2 && name.data[0] == '"') {
            name = wd_str(name.data + 1, name.len - 2);
        }
        security |= column_of(name) == WD_TABLE_SECURITY;
        code |= column_of(name) == WD_TABLE_CODE;
    }
    return security && code;
}


static bool
read_head(wd_bbg_table_t *t)
{
    size_t            i;
    wd_table_column_e c;

    t->n = t->s.n;
    for (i = 0; i < t->n; i++) {
        t->names[i] = wd_str_trim(t->s.cells[i]);
        c = t->columns[i] = column_of(t->names[i]);
        if (c == WD_TABLE_FIELD) {
            if (!wd_record_code_ok(t->names[i], WD_BBG_ITEM_MAX)) {
                return false;
            }
        } else if (c != WD_TABLE_OTHER) {
            if (t->at[c] != 0) {
                return false; /* which of two? */
            }
            t->at[c] = i + 1;
        }
    }
    return t->at[WD_TABLE_SECURITY] != 0 && t->at[WD_TABLE_CODE] != 0;
}


static wd_str_t
cell(const wd_bbg_table_t *t, wd_table_column_e column)
{
    return wd_str_trim(t->s.cells[t->at[column] - 1]);
}


static int
put_fields(wd_bbg_table_t *t, int32_t record)
{
    int    rc = WD_OK;
    size_t i;

    for (i = 0; i < t->n && rc == WD_OK; i++) {
        if (t->columns[i] == WD_TABLE_FIELD) {
            rc = wd_bbg_row_put(t->r, &t->row, record, t->s.line, t->names[i],
                                t->s.cells[i]);
        }
    }
    return rc == WD_OK ? wd_bbg_row_add(t->r, &t->row) : rc;
}


static int
read_row(wd_bbg_table_t *t)
{
    int      rc;
    int32_t  record = t->r->n_records++;
    int64_t  code;
    wd_ns_t  time = WD_NS_MIN;
    wd_str_t symbol, shown;

    if (t->s.n != t->n) {
        return wd_records_reject(t->r, record, WD_REASON_SYNTAX, t->s.line,
                                 "%zu cells under a header of %zu", t->s.n,
                                 t->n);
    }
    if (wd_int_parse(cell(t, WD_TABLE_CODE), &code) != WD_OK) {
        return wd_records_reject(t->r, record, WD_REASON_SYNTAX, t->s.line,
                                 "the return code is no number");
    }
    if (code != 0) {
        return wd_bbg_return_code(t->r, record, cell(t, WD_TABLE_SECURITY),
                                  code);
    }
    rc = wd_bbg_symbol(t->r->pool, cell(t, WD_TABLE_SECURITY), &symbol);
    if (rc != WD_OK) {
        return rc;
    }
    if (symbol.data == NULL) {
        shown = wd_bbg_cut(cell(t, WD_TABLE_SECURITY), 40);
        return wd_records_reject(t->r, record, WD_REASON_BAD_SYMBOL, t->s.line,
                                 "security \"%.*s\"", WD_STR_ARG(shown));
    }
    if (t->at[WD_TABLE_DATE] != 0
        && !wd_bbg_day(cell(t, WD_TABLE_DATE), &time)) {
        shown = wd_bbg_cut(cell(t, WD_TABLE_DATE), 40);
        return wd_records_reject(t->r, record, WD_REASON_BAD_TIME, t->s.line,
                                 "date \"%.*s\"", WD_STR_ARG(shown));
    }
    wd_bbg_row_init(&t->row, symbol, time);
    return put_fields(t, record);
}


static int
read_rows(wd_bbg_table_t *t)
{
    int rc;

    while ((rc = wd_csv_scan_line(&t->s, t->r->pool)) != WD_ENOTFOUND) {
        if (rc == WD_ENOMEM) {
            return rc;
        }
        if (rc == WD_ETRUNC) {
            /* The last value may lack digits: a row is lost, not wrong. */
            return wd_records_reject(
                t->r, -1, WD_REASON_TRUNCATED, t->s.line,
                "the last line has no end; %d records before it",
                t->r->n_records);
        }
        if (t->r->n_records >= WD_RECORDS_MAX) {
            return wd_records_reject(t->r, -1, WD_REASON_TOO_MANY, WD_STR(""),
                                     "more than %d records", WD_RECORDS_MAX);
        }
        rc = rc == WD_OK
                 ? read_row(t)
                 : wd_records_reject(t->r, t->r->n_records++, WD_REASON_SYNTAX,
                                     t->s.line, "the line is no CSV");
        if (rc != WD_OK) {
            return rc;
        }
    }
    t->r->empty = t->r->n_records == 0;
    return WD_OK;
}


int
wd_bbg_table_parse(wd_str_t body, wd_records_t *ret)
{
    int            rc;
    wd_bbg_table_t t;

    memset(&t, 0, offsetof(wd_bbg_table_t, row));
    t.r = ret;
    wd_csv_scan_init(&t.s, body);
    t.s.separator = separator_of(body);

    rc = wd_csv_scan_line(&t.s, ret->pool);
    if (rc == WD_ENOMEM) {
        return rc;
    }
    if (rc == WD_ETRUNC) {
        return wd_records_refuse(ret, WD_REASON_TRUNCATED, t.s.line,
                                 "the text ends in the header");
    }
    if (rc != WD_OK || !read_head(&t)) {
        return wd_records_refuse(ret, WD_REASON_UNKNOWN_SHAPE, t.s.line,
                                 "a header that cannot be read");
    }
    rc = read_rows(&t);
    wd_bbg_one_symbol(ret);
    return rc;
}
