/*
 * wd_lseg_image.c - refreshes and updates of a stream put together to quotes
 * and trades.
 */
#include "wd_lseg_image.h"

#include "wd_num.h"

#include <math.h>
#include <stdio.h>

static const char *const wd_lseg_fields[WD_LSEG_F_COUNT] = {
    [WD_LSEG_F_BID] = "BID",         [WD_LSEG_F_ASK] = "ASK",
    [WD_LSEG_F_BIDSIZE] = "BIDSIZE", [WD_LSEG_F_ASKSIZE] = "ASKSIZE",
    [WD_LSEG_F_PRICE] = "TRDPRC_1",  [WD_LSEG_F_SIZE] = "TRDVOL_1",
    [WD_LSEG_F_OPEN] = "OPEN_PRC",   [WD_LSEG_F_HIGH] = "HIGH_1",
    [WD_LSEG_F_LOW] = "LOW_1",       [WD_LSEG_F_PREVIOUS] = "HST_CLOSE",
    [WD_LSEG_F_VOLUME] = "ACVOL_1",
};

/* Times of the day in UTC, the better ones first. */
static const char *const wd_lseg_quote_times[] = {"QUOTIM_MS", "QUOTIM",
                                                  "TIMACT_MS", "TIMACT"};
static const char *const wd_lseg_trade_times[] = {
    "SALTIM_MS", "TRDTIM_MS", "SALTIM", "TRDTIM_1", "TIMACT_MS", "TIMACT"};
static const char *const wd_lseg_days[] = {"ACTIV_DATE"};

/* One message on its way into the image. */
typedef struct {
    wd_lseg_image_t       *image;
    const wd_lseg_event_t *event;
    wd_records_t          *r;
    wd_ns_t                received;
    int32_t                record;
    wd_str_t               symbol;
    bool                   changed[WD_LSEG_F_COUNT];
    const wd_lseg_field_t *bad; /* the first field that is none */
    wd_reason_e            reason;
} wd_lseg_apply_t;


const char *
wd_lseg_figure_name(wd_lseg_figure_e figure)
{
    return wd_lseg_fields[figure];
}


static void
wd_lseg_image_blank(wd_lseg_image_t *image)
{
    size_t i;

    for (i = 0; i < WD_LSEG_F_COUNT; i++) {
        image->figures[i] = NAN;
    }
    image->complete = false;
    image->part = -1;
}


bool
wd_lseg_image_init(wd_lseg_image_t *image, wd_str_t symbol)
{
    memset(image, 0, sizeof(*image));
    wd_lseg_image_blank(image);
    if (symbol.len == 0 || symbol.len > WD_RECORD_SYMBOL_MAX) {
        return false;
    }
    wd_str_copy(image->symbol, sizeof(image->symbol), symbol);
    return true;
}


static void
wd_lseg_apply_bad(wd_lseg_apply_t *a, const wd_lseg_field_t *f,
                  wd_reason_e reason)
{
    if (a->bad == NULL) {
        a->bad = f;
        a->reason = reason;
    }
}


static double
wd_lseg_apply_figure(wd_lseg_apply_t *a, const wd_lseg_field_t *f)
{
    double v = NAN;

    if (f->value.type == WD_JS_NULL) {
        return NAN; /* blank, which is said */
    }
    if ((f->value.type != WD_JS_NUMBER && f->value.type != WD_JS_STRING)
        || wd_figure_parse(f->value.text, &v) != WD_OK) {
        wd_lseg_apply_bad(a, f, WD_REASON_NOT_A_NUMBER);
        return NAN;
    }
    return v;
}


static void
wd_lseg_apply_fields(wd_lseg_apply_t *a)
{
    size_t                 i, k;
    const wd_lseg_field_t *f;

    for (i = 0; i < a->event->n_fields; i++) {
        f = &a->event->fields[i];
        for (k = 0; k < WD_LSEG_F_COUNT; k++) {
            if (wd_str_eq_z(f->name, wd_lseg_fields[k])) {
                a->image->figures[k] = wd_lseg_apply_figure(a, f);
                a->changed[k] = true;
            }
        }
    }
}


/* The first of the fields that is there and not blank. */
static const wd_lseg_field_t *
wd_lseg_apply_find(const wd_lseg_apply_t *a, const char *const *names, size_t n)
{
    size_t                 i, k;
    const wd_lseg_field_t *f;

    for (k = 0; k < n; k++) {
        for (i = 0; i < a->event->n_fields; i++) {
            f = &a->event->fields[i];
            if (wd_str_eq_z(f->name, names[k]) && f->value.type != WD_JS_NULL) {
                return f;
            }
        }
    }
    return NULL;
}


/* 50346430 (ms) or "13:54:00[.123]" since midnight. */
static bool
wd_lseg_time_of_day(const wd_lseg_field_t *f, wd_ns_t *ret)
{
    char    text[WD_TIME_TEXT_MAX];
    bool    is_date;
    int64_t ms;

    if (f->value.type == WD_JS_NUMBER) {
        if (wd_int_parse(f->value.text, &ms) != WD_OK || ms < 0
            || ms >= WD_NS_PER_DAY / WD_NS_PER_MS) {
            return false;
        }
        *ret = ms * WD_NS_PER_MS;
        return true;
    }
    if (f->value.type != WD_JS_STRING || f->value.text.len > 18) {
        return false;
    }
    snprintf(text, sizeof(text), "1970-01-01T%.*sZ", WD_STR_ARG(f->value.text));
    return wd_time_parse(wd_str_z(text), ret, &is_date) == WD_OK && !is_date
           && *ret >= 0 && *ret < WD_NS_PER_DAY;
}


/* Midnight of the day that the message says. */
static bool
wd_lseg_day_of(const wd_lseg_field_t *f, wd_ns_t *ret)
{
    bool is_date;

    return f->value.type == WD_JS_STRING
           && wd_time_parse(f->value.text, ret, &is_date) == WD_OK && is_date;
}


/* The day on which this time of the day lies nearest to the arrival. */
static wd_ns_t
wd_lseg_nearest(wd_ns_t of_day, wd_ns_t received)
{
    wd_ns_t rest = received % WD_NS_PER_DAY;
    wd_ns_t t;

    rest += rest < 0 ? WD_NS_PER_DAY : 0;
    t = received - rest + of_day;
    if (t - received > WD_NS_PER_DAY / 2) {
        t -= WD_NS_PER_DAY;
    } else if (received - t > WD_NS_PER_DAY / 2) {
        t += WD_NS_PER_DAY;
    }
    return t;
}


static wd_ns_t
wd_lseg_apply_time(wd_lseg_apply_t *a, const char *const *names, size_t n)
{
    wd_ns_t                of_day, day;
    const wd_lseg_field_t *f = wd_lseg_apply_find(a, names, n);
    const wd_lseg_field_t *date = wd_lseg_apply_find(
        a, wd_lseg_days, wd_array_len(wd_lseg_days));

    if (f == NULL) {
        return a->received;
    }
    if (!wd_lseg_time_of_day(f, &of_day)) {
        wd_lseg_apply_bad(a, f, WD_REASON_BAD_TIME);
        return a->received;
    }
    if (date == NULL) {
        return wd_lseg_nearest(of_day, a->received);
    }
    if (!wd_lseg_day_of(date, &day) || day > WD_NS_MAX - WD_NS_PER_DAY) {
        wd_lseg_apply_bad(a, date, WD_REASON_BAD_TIME);
        return a->received;
    }
    return day + of_day;
}


/* Counted for each stream by the provider, whoever listens. */
static int64_t
wd_lseg_apply_number(const wd_lseg_apply_t *a)
{
    return wd_max(a->event->sequence, (int64_t) 0);
}


static int
wd_lseg_apply_quote(wd_lseg_apply_t *a, wd_ns_t t)
{
    const double   *v = a->image->figures;
    wd_quote_rec_t *q;

    if (isnan(v[WD_LSEG_F_BID]) && isnan(v[WD_LSEG_F_ASK])
        && isnan(v[WD_LSEG_F_PRICE])) {
        return WD_OK;
    }
    q = wd_records_quote(a->r);
    if (q == NULL) {
        return WD_ENOMEM;
    }
    q->symbol = a->symbol;
    q->time = t;
    q->price = v[WD_LSEG_F_PRICE];
    q->open = v[WD_LSEG_F_OPEN];
    q->high = v[WD_LSEG_F_HIGH];
    q->low = v[WD_LSEG_F_LOW];
    q->volume = v[WD_LSEG_F_VOLUME];
    q->previous_close = v[WD_LSEG_F_PREVIOUS];
    q->bid = v[WD_LSEG_F_BID];
    q->ask = v[WD_LSEG_F_ASK];
    q->bid_size = v[WD_LSEG_F_BIDSIZE];
    q->ask_size = v[WD_LSEG_F_ASKSIZE];
    q->seq = wd_lseg_apply_number(a);
    q->record = a->record;
    return WD_OK;
}


/* The size is that of this trade alone, never one of the image. */
static int
wd_lseg_apply_trade(wd_lseg_apply_t *a, wd_ns_t t)
{
    wd_trade_rec_t *trade = wd_records_trade(a->r);

    if (trade == NULL) {
        return WD_ENOMEM;
    }
    trade->symbol = a->symbol;
    trade->time = t;
    trade->price = a->image->figures[WD_LSEG_F_PRICE];
    trade->size = a->changed[WD_LSEG_F_SIZE] ? a->image->figures[WD_LSEG_F_SIZE]
                                             : NAN;
    trade->seq = wd_lseg_apply_number(a);
    trade->record = a->record;
    return WD_OK;
}


/* Corrections and closing runs bring a price, too, but are no trades. */
static bool
wd_lseg_is_trade(const wd_lseg_apply_t *a)
{
    wd_str_t type = a->event->update_type;

    return a->event->kind == WD_LSEG_EV_UPDATE && a->changed[WD_LSEG_F_PRICE]
           && !isnan(a->image->figures[WD_LSEG_F_PRICE])
           && (type.data == NULL || wd_str_eq_z(type, "Trade")
               || wd_str_eq_z(type, "Unspecified"));
}


static bool
wd_lseg_is_quote(const wd_lseg_apply_t *a)
{
    return a->event->kind == WD_LSEG_EV_REFRESH || a->changed[WD_LSEG_F_BID]
           || a->changed[WD_LSEG_F_ASK] || a->changed[WD_LSEG_F_BIDSIZE]
           || a->changed[WD_LSEG_F_ASKSIZE];
}


static int
wd_lseg_apply_reject(wd_lseg_apply_t *a)
{
    return wd_records_reject(
        a->r, a->record, a->reason, WD_STR(""), "%.*s is \"%.*s\"",
        (int) wd_min(a->bad->name.len, (size_t) 40), a->bad->name.data,
        (int) wd_min(a->bad->value.text.len, (size_t) 40),
        a->bad->value.text.data != NULL ? a->bad->value.text.data : "");
}


/* What the image, as it is now, has to tell. */
static int
wd_lseg_apply_record(wd_lseg_apply_t *a)
{
    int     rc = WD_OK;
    bool    quote = wd_lseg_is_quote(a), trade = wd_lseg_is_trade(a);
    wd_ns_t quoted = 0, traded = 0;

    if (quote) {
        quoted = wd_lseg_apply_time(a, wd_lseg_quote_times,
                                    wd_array_len(wd_lseg_quote_times));
    }
    if (trade) {
        traded = wd_lseg_apply_time(a, wd_lseg_trade_times,
                                    wd_array_len(wd_lseg_trade_times));
    }
    if (a->bad == NULL && !quote && !trade) {
        return WD_OK;
    }

    a->record = a->r->n_records;
    a->r->n_records += a->record < WD_RECORDS_MAX;
    if (a->bad != NULL) {
        return wd_lseg_apply_reject(a);
    }
    if (a->record >= WD_RECORDS_MAX) {
        return wd_records_reject(a->r, -1, WD_REASON_TOO_MANY, WD_STR(""),
                                 "more than %d records", WD_RECORDS_MAX);
    }
    a->symbol = wd_record_symbol(a->r->pool, wd_str_z(a->image->symbol));
    if (a->symbol.data == NULL) {
        return wd_records_reject(a->r, a->record, WD_REASON_BAD_SYMBOL,
                                 wd_str_z(a->image->symbol),
                                 "the stream's name is no symbol");
    }
    if (quote) {
        rc = wd_lseg_apply_quote(a, quoted);
    }
    return rc == WD_OK && trade ? wd_lseg_apply_trade(a, traded) : rc;
}


/* Parts come in their order; the first, or a refresh in one, begins anew. */
static bool
wd_lseg_image_part(wd_lseg_image_t *image, const wd_lseg_event_t *event)
{
    int64_t part = event->part >= 0 ? event->part : 0;

    if (part == 0) {
        wd_lseg_image_blank(image);
    } else if (part != image->part + 1 || image->part < 0) {
        wd_lseg_image_blank(image);
        return false;
    }
    image->part = part;
    image->complete = false;
    return true;
}


static void
wd_lseg_image_state(wd_lseg_image_t *image, const wd_lseg_event_t *event,
                    wd_lseg_next_e *ret_next)
{
    if (event->data != WD_LSEG_DATA_NONE) {
        image->stale = event->data == WD_LSEG_DATA_SUSPECT;
    }
    switch (event->stream) {
    case WD_LSEG_STREAM_CLOSED:
    case WD_LSEG_STREAM_REDIRECTED:
        wd_lseg_image_blank(image);
        image->open = false;
        image->stale = true;
        *ret_next = WD_LSEG_GIVE_UP;
        break;
    case WD_LSEG_STREAM_CLOSED_RECOVER:
        image->open = false;
        image->stale = true;
        *ret_next = WD_LSEG_ASK_AGAIN;
        break;
    case WD_LSEG_STREAM_OPEN:
    case WD_LSEG_STREAM_NON_STREAMING:
        image->open = true;
        break;
    case WD_LSEG_STREAM_NONE:
        break;
    }
}


static int
wd_lseg_image_refresh(wd_lseg_apply_t *a, wd_lseg_next_e *ret_next)
{
    if (!wd_lseg_image_part(a->image, a->event)) {
        return WD_OK;
    }
    a->image->stale = false;
    a->image->open = true;
    wd_lseg_image_state(a->image, a->event, ret_next);
    if (*ret_next != WD_LSEG_KEEP) {
        return WD_OK;
    }
    wd_lseg_apply_fields(a);
    if (!a->event->complete) {
        return a->bad != NULL ? wd_lseg_apply_record(a) : WD_OK;
    }
    a->image->complete = true;
    a->image->part = -1;
    return a->image->stale ? WD_OK : wd_lseg_apply_record(a);
}


static int
wd_lseg_image_update(wd_lseg_apply_t *a)
{
    wd_lseg_image_t once, *kept = a->image;

    if (!a->image->complete || !a->image->open) {
        return WD_OK;
    }
    if (a->event->do_not_cache) {
        once = *a->image; /* told, but not remembered */
        a->image = &once;
    } else if (a->event->clear_cache) {
        wd_lseg_image_blank(a->image);
        a->image->complete = true;
    }
    wd_lseg_apply_fields(a);
    return kept->stale ? WD_OK : wd_lseg_apply_record(a);
}


int
wd_lseg_image_apply(wd_lseg_image_t *image, const wd_lseg_event_t *event,
                    wd_ns_t received, wd_records_t *r, wd_lseg_next_e *ret_next)
{
    wd_lseg_apply_t a;

    *ret_next = WD_LSEG_KEEP;
    if (event->name.data != NULL
        && !wd_str_ieq(event->name, wd_str_z(image->symbol))) {
        return wd_records_reject(r, -1, WD_REASON_SYMBOL_MISMATCH, event->name,
                                 "the stream is about another symbol");
    }

    memset(&a, 0, sizeof(a));
    a.image = image;
    a.event = event;
    a.r = r;
    a.received = received;
    switch (event->kind) {
    case WD_LSEG_EV_REFRESH:
        return wd_lseg_image_refresh(&a, ret_next);
    case WD_LSEG_EV_UPDATE:
        return wd_lseg_image_update(&a);
    case WD_LSEG_EV_STATUS:
        wd_lseg_image_state(image, event, ret_next);
        return WD_OK;
    default:
        return WD_OK;
    }
}
