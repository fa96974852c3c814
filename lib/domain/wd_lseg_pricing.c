/*
 * wd_lseg_pricing.c - LSEG's historical pricing: summaries as bars or quotes,
 * events as trades and quotes.
 */
#include "wd_lseg_table.h"

#include "wd_num.h"

#include <math.h>

/* Columns that are read; which of them are there differs between venues. */
typedef enum {
    LC_DATE,
    LC_DATE_TIME,
    LC_EVENT_TYPE,
    LC_PRICE,
    LC_OFF_CLOSE,
    LC_OPEN,
    LC_HIGH,
    LC_LOW,
    LC_MKT_OPEN,
    LC_MKT_HIGH,
    LC_MKT_LOW,
    LC_VOLUME,
    LC_BID,
    LC_ASK,
    LC_BIDSIZE,
    LC_ASKSIZE,
    LC_SIZE,
    LC_SEQNUM,
    LC_COUNT
} wd_lseg_col_e;

static const char *const wd_lseg_cols[LC_COUNT] = {
    [LC_DATE] = "DATE",
    [LC_DATE_TIME] = "DATE_TIME",
    [LC_EVENT_TYPE] = "EVENT_TYPE",
    [LC_PRICE] = "TRDPRC_1",
    [LC_OFF_CLOSE] = "OFF_CLOSE",
    [LC_OPEN] = "OPEN_PRC",
    [LC_HIGH] = "HIGH_1",
    [LC_LOW] = "LOW_1",
    [LC_MKT_OPEN] = "MKT_OPEN",
    [LC_MKT_HIGH] = "MKT_HIGH",
    [LC_MKT_LOW] = "MKT_LOW",
    [LC_VOLUME] = "ACVOL_UNS",
    [LC_BID] = "BID",
    [LC_ASK] = "ASK",
    [LC_BIDSIZE] = "BIDSIZE",
    [LC_ASKSIZE] = "ASKSIZE",
    [LC_SIZE] = "TRDVOL_1",
    [LC_SEQNUM] = "SEQNUM",
};

typedef struct {
    wd_lseg_table_t t;
    wd_records_t   *r;
    int             at[LC_COUNT]; /* number of the column, -1: none */
    wd_lseg_col_e   open; /* the set of prices that makes bars */
    wd_lseg_col_e   high;
    wd_lseg_col_e   low;
    wd_lseg_col_e   close;
    bool            bars;

    /* The row at hand. */
    wd_ns_t  time;
    bool     is_date;
    wd_str_t bad_name; /* the first figure that is none */
    wd_str_t bad_text;
} wd_lseg_pricing_t;


static bool
wd_lseg_has(const wd_lseg_pricing_t *p, wd_lseg_col_e col)
{
    return p->at[col] >= 0;
}


static int
wd_lseg_pricing_refuse(wd_lseg_pricing_t *p, wd_reason_e reason,
                       const char *why)
{
    int rc = wd_records_refuse(p->r, reason, WD_STR(""), "%s", why);

    return rc != WD_OK ? rc : WD_ENOTFOUND;
}


/*
 * The set of prices. In London TRDPRC_1 is also a trade beside the order book,
 * outside of HIGH_1 and LOW_1; OFF_CLOSE is the book's, and said to be the
 * default there.
 */
static void
wd_lseg_pricing_set(wd_lseg_pricing_t *p, wd_str_t default_field)
{
    bool own = wd_lseg_has(p, LC_OPEN) && wd_lseg_has(p, LC_HIGH)
               && wd_lseg_has(p, LC_LOW);
    bool market = wd_lseg_has(p, LC_MKT_OPEN) && wd_lseg_has(p, LC_MKT_HIGH)
                  && wd_lseg_has(p, LC_MKT_LOW);

    p->open = own ? LC_OPEN : LC_MKT_OPEN;
    p->high = own ? LC_HIGH : LC_MKT_HIGH;
    p->low = own ? LC_LOW : LC_MKT_LOW;
    p->close = wd_str_eq_z(default_field, wd_lseg_cols[LC_OFF_CLOSE])
                       && wd_lseg_has(p, LC_OFF_CLOSE)
                   ? LC_OFF_CLOSE
                   : LC_PRICE;
    p->bars = (own || market) && wd_lseg_has(p, p->close);
}


/* WD_ENOTFOUND: refused. */
static int
wd_lseg_pricing_columns(wd_lseg_pricing_t *p)
{
    int    i;
    size_t k, n;

    for (i = 0; i < LC_COUNT; i++) {
        p->at[i] = wd_lseg_column(&p->t, wd_lseg_cols[i]);
        for (n = k = 0; k < p->t.n; k++) {
            n += wd_str_ieq(p->t.columns[k].name, wd_str_z(wd_lseg_cols[i]));
        }
        if (n > 1) {
            return wd_lseg_pricing_refuse(p, WD_REASON_UNKNOWN_SHAPE,
                                          "a column stands there twice");
        }
    }
    return WD_OK;
}


/* Are these the rows of the data set? WD_ENOTFOUND: refused. */
static int
wd_lseg_pricing_check(wd_lseg_pricing_t *p, wd_lseg_dataset_e dataset)
{
    bool events = dataset == WD_LSEG_EVENTS;
    bool days = dataset == WD_LSEG_INTERDAY;

    if (wd_lseg_has(p, LC_EVENT_TYPE) != events
        || !wd_lseg_has(p, days ? LC_DATE : LC_DATE_TIME)
        || wd_lseg_has(p, days ? LC_DATE_TIME : LC_DATE)) {
        return wd_lseg_pricing_refuse(p, WD_REASON_UNKNOWN_SHAPE,
                                      "the columns of another data set");
    }
    if (!p->bars && !wd_lseg_has(p, LC_PRICE) && !wd_lseg_has(p, LC_BID)
        && !wd_lseg_has(p, LC_ASK)) {
        return wd_lseg_pricing_refuse(p, WD_REASON_UNKNOWN_SHAPE,
                                      "no column of prices");
    }
    return WD_OK;
}


static wd_str_t
wd_lseg_text_or_null(wd_str_t s)
{
    return s.len != 0 && wd_record_text_ok(s, WD_LSEG_NAME_MAX) ? s
                                                                : WD_STR_NULL;
}


/* Were prices changed for what came later? Corrections of errors are none. */
static bool
wd_lseg_pricing_adjusted(wd_json_scan_t s, wd_pool_t *pool)
{
    bool               first = true;
    size_t             i;
    wd_json_scan_val_t v;

    static const char *const harmless[] = {"unadjusted", "exchangeCorrection",
                                           "manualCorrection"};

    if (s.p == NULL || wd_json_scan_open(&s, '[') != WD_OK) {
        return false;
    }
    while (wd_json_scan_item(&s, &first) == WD_OK
           && wd_json_scan_value(&s, pool, &v) == WD_OK) {
        for (i = 0; i < wd_array_len(harmless); i++) {
            if (v.type == WD_JS_STRING && wd_str_eq_z(v.text, harmless[i])) {
                break;
            }
        }
        if (i == wd_array_len(harmless)) {
            return true;
        }
    }
    return false;
}


/* What the frame says about the rows. WD_ENOTFOUND: refused. */
static int
wd_lseg_pricing_meta(wd_lseg_pricing_t *p, const wd_lseg_frame_t *f)
{
    wd_str_t        timeliness = wd_lseg_text_or_null(f->timeliness);
    wd_field_rec_t *field;

    p->r->symbol = wd_record_symbol(p->r->pool, f->ric);
    if (p->r->symbol.data == NULL) {
        return wd_lseg_pricing_refuse(p, WD_REASON_BAD_SYMBOL,
                                      "universe.ric is missing or no symbol");
    }
    p->r->interval = wd_lseg_text_or_null(f->interval);
    p->r->label = wd_lseg_text_or_null(f->label);
    p->r->adjusted = wd_lseg_pricing_adjusted(f->adjustments, p->r->pool);
    if (wd_lseg_has(p, LC_DATE_TIME)) {
        p->r->zone = WD_STR("UTC");
    }
    if (timeliness.data != NULL) {
        field = wd_records_field(p->r);
        if (field == NULL) {
            return WD_ENOMEM;
        }
        field->name = WD_STR("qos.timeliness");
        field->value = timeliness;
        field->record = -1;
    }
    return WD_OK;
}


/* The row's figure of a column, NAN where there is none. */
static double
wd_lseg_price(wd_lseg_pricing_t *p, wd_lseg_col_e col)
{
    double                    v;
    const wd_json_scan_val_t *cell;

    if (!wd_lseg_has(p, col)) {
        return NAN;
    }
    cell = &p->t.cells[p->at[col]];
    if (wd_lseg_figure(cell, &v) != WD_OK) {
        if (p->bad_name.len == 0) {
            p->bad_name = wd_str_z(wd_lseg_cols[col]);
            p->bad_text = wd_lseg_cell_text(cell);
        }
        return NAN;
    }
    return v;
}


/* The venue's number of an event, a text of digits; 0: there is none. */
static int64_t
wd_lseg_seq(const wd_lseg_pricing_t *p)
{
    int64_t  n;
    wd_str_t text;

    if (!wd_lseg_has(p, LC_SEQNUM)) {
        return 0;
    }
    text = wd_lseg_cell_text(&p->t.cells[p->at[LC_SEQNUM]]);
    return wd_int_parse(wd_str_trim(text), &n) == WD_OK && n > 0 ? n : 0;
}


static int
wd_lseg_row_reject(wd_lseg_pricing_t *p, wd_reason_e reason, const char *what,
                   wd_str_t text)
{
    return wd_records_reject(p->r, p->t.list.record, reason,
                             wd_lseg_list_sample(&p->t.list), "%s \"%.*s\"",
                             what, (int) wd_min(text.len, (size_t) 40),
                             text.data != NULL ? text.data : "");
}


/* WD_EINVAL: the row was rejected for its time. */
static int
wd_lseg_row_time(wd_lseg_pricing_t *p)
{
    int           rc;
    wd_lseg_col_e col = wd_lseg_has(p, LC_DATE) ? LC_DATE : LC_DATE_TIME;
    const wd_json_scan_val_t *cell = &p->t.cells[p->at[col]];

    p->bad_name = p->bad_text = WD_STR_NULL;
    if (cell->type == WD_JS_STRING
        && wd_time_parse(cell->text, &p->time, &p->is_date) == WD_OK
        && p->is_date == (col == LC_DATE)) {
        return WD_OK;
    }
    rc = wd_lseg_row_reject(p, WD_REASON_BAD_TIME, "time stamp",
                            wd_lseg_cell_text(cell));
    return rc != WD_OK ? rc : WD_EINVAL;
}


/* A figure that is none spoils the row. */
static int
wd_lseg_row_bad_figure(wd_lseg_pricing_t *p)
{
    char name[32];

    wd_str_copy(name, sizeof(name), p->bad_name);
    return wd_lseg_row_reject(p, WD_REASON_NOT_A_NUMBER, name, p->bad_text);
}


static int
wd_lseg_bar(wd_lseg_pricing_t *p)
{
    wd_bar_rec_t bar, *slot;
    const char  *missing;

    memset(&bar, 0, sizeof(bar));
    bar.open = wd_lseg_price(p, p->open);
    bar.high = wd_lseg_price(p, p->high);
    bar.low = wd_lseg_price(p, p->low);
    bar.close = wd_lseg_price(p, p->close);
    bar.volume = wd_lseg_price(p, LC_VOLUME);
    bar.adjusted_close = bar.dividend = bar.split = NAN;
    if (p->bad_name.len != 0) {
        return wd_lseg_row_bad_figure(p);
    }

    /* A minute with trades beside the order book only has a volume alone. */
    missing = isnan(bar.open)    ? wd_lseg_cols[p->open]
              : isnan(bar.high)  ? wd_lseg_cols[p->high]
              : isnan(bar.low)   ? wd_lseg_cols[p->low]
              : isnan(bar.close) ? wd_lseg_cols[p->close]
                                 : NULL;
    if (missing != NULL) {
        return wd_lseg_row_reject(p, WD_REASON_MISSING_PRICE, "no figure of",
                                  wd_str_z(missing));
    }

    slot = wd_records_bar(p->r);
    if (slot == NULL) {
        return WD_ENOMEM;
    }
    *slot = bar;
    slot->sample = wd_lseg_list_sample(&p->t.list);
    slot->time = p->time;
    slot->is_date = p->is_date;
    slot->record = p->t.list.record;
    return WD_OK;
}


/* Also a row of a summary without a full set of prices. */
static int
wd_lseg_quote(wd_lseg_pricing_t *p, bool event)
{
    wd_quote_rec_t q, *slot;

    memset(&q, 0, sizeof(q));
    q.bid = wd_lseg_price(p, LC_BID);
    q.ask = wd_lseg_price(p, LC_ASK);
    q.bid_size = wd_lseg_price(p, LC_BIDSIZE);
    q.ask_size = wd_lseg_price(p, LC_ASKSIZE);
    q.price = event ? NAN : wd_lseg_price(p, LC_PRICE);
    q.open = event ? NAN : wd_lseg_price(p, LC_OPEN);
    q.high = event ? NAN : wd_lseg_price(p, LC_HIGH);
    q.low = event ? NAN : wd_lseg_price(p, LC_LOW);
    q.volume = event ? NAN : wd_lseg_price(p, LC_VOLUME);
    q.previous_close = NAN;
    if (p->bad_name.len != 0) {
        return wd_lseg_row_bad_figure(p);
    }
    if (isnan(q.price) && isnan(q.bid) && isnan(q.ask)) {
        return wd_lseg_row_reject(p, WD_REASON_MISSING_PRICE, "no figure of",
                                  WD_STR("price, bid and ask"));
    }

    slot = wd_records_quote(p->r);
    if (slot == NULL) {
        return WD_ENOMEM;
    }
    *slot = q;
    slot->seq = event ? wd_lseg_seq(p) : 0;
    slot->sample = wd_lseg_list_sample(&p->t.list);
    slot->symbol = p->r->symbol;
    slot->time = p->time;
    slot->is_date = p->is_date;
    slot->record = p->t.list.record;
    return WD_OK;
}


static int
wd_lseg_trade(wd_lseg_pricing_t *p)
{
    double          price = wd_lseg_price(p, LC_PRICE);
    double          size = wd_lseg_price(p, LC_SIZE);
    wd_trade_rec_t *slot;

    if (p->bad_name.len != 0) {
        return wd_lseg_row_bad_figure(p);
    }
    if (isnan(price)) {
        return wd_lseg_row_reject(p, WD_REASON_MISSING_PRICE, "no figure of",
                                  wd_str_z(wd_lseg_cols[LC_PRICE]));
    }

    slot = wd_records_trade(p->r);
    if (slot == NULL) {
        return WD_ENOMEM;
    }
    slot->sample = wd_lseg_list_sample(&p->t.list);
    slot->symbol = p->r->symbol;
    slot->time = p->time;
    slot->price = price;
    slot->size = size;
    slot->seq = wd_lseg_seq(p);
    slot->record = p->t.list.record;
    return WD_OK;
}


static int
wd_lseg_event(wd_lseg_pricing_t *p)
{
    wd_str_t kind = wd_lseg_cell_text(&p->t.cells[p->at[LC_EVENT_TYPE]]);

    if (wd_str_eq_z(kind, "quote")) {
        return wd_lseg_quote(p, true);
    }
    if (wd_str_eq_z(kind, "trade")) {
        return wd_lseg_trade(p);
    }
    return wd_lseg_row_reject(p, WD_REASON_MISSING_FIELD,
                              "neither a trade nor a quote:", kind);
}


int
wd_lseg_pricing(wd_lseg_dataset_e dataset, const wd_lseg_frame_t *f,
                wd_records_t *r)
{
    int               rc;
    wd_lseg_pricing_t p;

    memset(&p, 0, sizeof(p));
    p.r = r;
    rc = wd_lseg_table_init(&p.t, r, f);
    if (rc == WD_OK) {
        rc = wd_lseg_pricing_columns(&p);
    }
    if (rc == WD_OK) {
        wd_lseg_pricing_set(&p, f->default_field);
        rc = wd_lseg_pricing_check(&p, dataset);
    }
    if (rc == WD_OK) {
        rc = wd_lseg_pricing_meta(&p, f);
    }
    if (rc != WD_OK) {
        return rc == WD_ENOTFOUND ? WD_OK : rc;
    }

    while ((rc = wd_lseg_table_next(&p.t)) == WD_OK) {
        rc = wd_lseg_row_time(&p);
        if (rc == WD_OK) {
            rc = dataset == WD_LSEG_EVENTS ? wd_lseg_event(&p)
                 : p.bars                  ? wd_lseg_bar(&p)
                                           : wd_lseg_quote(&p, false);
        }
        if (rc == WD_ENOMEM) {
            return rc;
        }
    }
    r->empty = rc == WD_ENOTFOUND && r->n_records == 0 && !p.t.list.damaged;
    return rc == WD_ENOTFOUND ? WD_OK : rc;
}
