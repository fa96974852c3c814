/*
 * wd_av_news.c - one item of Alpha Vantage's news, and whom it is about.
 */
#include "wd_av_json.h"

#include <math.h>
#include <stdio.h>

#define WD_AV_MENTIONS_MAX 500 /* of one item */


/* "20260517T110100", seconds optional, UTC. */
static bool
wd_av_published(wd_str_t s, wd_ns_t *ret)
{
    int        n;
    char       text[20];
    wd_civil_t c;

    if ((s.len != 15 && s.len != 13) || s.data[8] != 'T') {
        return false;
    }
    n = snprintf(text, sizeof(text), "%.4s-%.2s-%.2s %.2s:%.2s:%.2s", s.data,
                 s.data + 4, s.data + 6, s.data + 9, s.data + 11,
                 s.len == 15 ? s.data + 13 : "00");
    return n == 19 && wd_civil_parse(wd_str(text, 19), &c, NULL) == WD_OK
           && wd_time_from_civil(&c, ret) == WD_OK;
}


static int
wd_av_mention(wd_av_parse_t *a)
{
    int               rc;
    bool              first = true, scalar;
    double            relevance = NAN, sentiment = NAN;
    wd_str_t          key, text, symbol = WD_STR_NULL;
    wd_av_bad_t       bad = {WD_STR_NULL, WD_STR_NULL};
    wd_mention_rec_t *m;

    rc = wd_json_scan_open(&a->s, '{');
    while (rc == WD_OK
           && (rc = wd_av_member(a, &first, &key, &text, &scalar)) == WD_OK) {
        if (wd_str_eq_z(key, "ticker")) {
            symbol = wd_record_symbol(a->r->pool, text);
        } else if (wd_str_eq_z(key, "relevance_score")) {
            wd_av_figure(&relevance, key, text, &bad);
        } else if (wd_str_eq_z(key, "ticker_sentiment_score")) {
            wd_av_figure(&sentiment, key, text, &bad);
        }
    }
    if (rc != WD_ENOTFOUND) {
        return rc;
    }
    if (symbol.data == NULL || bad.name.len != 0) {
        return wd_records_reject(a->r, a->r->n_records, WD_REASON_BAD_SYMBOL,
                                 WD_STR(""), "a mention of nobody");
    }

    m = wd_records_mention(a->r);
    if (m == NULL) {
        return WD_ENOMEM;
    }
    m->symbol = symbol;
    m->relevance = relevance;
    m->sentiment = sentiment;
    m->record = a->r->n_records;
    return WD_OK;
}


static int
wd_av_mentions(wd_av_parse_t *a)
{
    int    rc;
    bool   first = true;
    size_t from = a->r->n_mentions;

    rc = wd_json_scan_open(&a->s, '[');
    while (rc == WD_OK && (rc = wd_json_scan_item(&a->s, &first)) == WD_OK) {
        rc = a->r->n_mentions - from < WD_AV_MENTIONS_MAX
                 ? wd_av_mention(a)
                 : wd_json_scan_skip(&a->s);
    }
    return rc == WD_ENOTFOUND ? WD_OK : rc;
}


static void
wd_av_news_set(wd_news_rec_t *news, wd_str_t key, wd_str_t text,
               wd_str_t *ret_stamp, wd_av_bad_t *bad)
{
    if (wd_str_eq_z(key, "title")) {
        news->title = text;
    } else if (wd_str_eq_z(key, "url")) {
        news->url = text;
    } else if (wd_str_eq_z(key, "summary")) {
        news->summary = text;
    } else if (wd_str_eq_z(key, "source")) {
        news->publisher = text;
    } else if (wd_str_eq_z(key, "time_published")) {
        *ret_stamp = text;
    } else if (wd_str_eq_z(key, "overall_sentiment_score")) {
        wd_av_figure(&news->sentiment, key, text, bad);
    }
}


/* Its members, at its brace; mentions go to the records at once. */
static int
wd_av_news_members(wd_av_parse_t *a, wd_news_rec_t *news, wd_str_t *ret_stamp,
                   wd_av_bad_t *bad)
{
    int                rc;
    bool               first = true;
    wd_str_t           key;
    wd_json_scan_val_t v;

    rc = wd_json_scan_open(&a->s, '{');
    while (rc == WD_OK
           && (rc = wd_json_scan_member(&a->s, a->r->pool, &first, &key))
                  == WD_OK) {
        rc = wd_json_scan_value(&a->s, a->r->pool, &v);
        if (rc != WD_OK) {
            break;
        }
        if (v.type == WD_JS_ARRAY && wd_str_eq_z(key, "ticker_sentiment")) {
            rc = wd_av_mentions(a);
        } else if (v.type == WD_JS_ARRAY || v.type == WD_JS_OBJECT) {
            rc = wd_json_scan_skip(&a->s);
        } else {
            wd_av_news_set(news, key, v.text, ret_stamp, bad);
        }
    }
    return rc;
}


static int
wd_av_news_add(wd_av_parse_t *a, wd_news_rec_t *news, wd_str_t stamp,
               const wd_av_bad_t *bad, wd_str_t sample)
{
    int32_t        record = a->r->n_records;
    wd_news_rec_t *slot;

    if (!wd_av_published(stamp, &news->time)) {
        return wd_records_reject(a->r, record, WD_REASON_BAD_TIME, sample,
                                 "time_published \"%.*s\"",
                                 (int) wd_min(stamp.len, (size_t) 40),
                                 stamp.data != NULL ? stamp.data : "");
    }
    if (news->title.len == 0 || news->url.len == 0) {
        return wd_records_reject(a->r, record, WD_REASON_MISSING_FIELD, sample,
                                 "no title, or no url");
    }
    if (!wd_record_text_ok(news->title, WD_RECORD_FIELD_MAX)
        || !wd_record_text_ok(news->url, WD_RECORD_FIELD_MAX)
        || !wd_record_text_ok(news->summary, WD_RECORD_FIELD_MAX)
        || !wd_record_text_ok(news->publisher, WD_RECORD_FIELD_MAX)) {
        return wd_records_reject(a->r, record, WD_REASON_SYNTAX, sample,
                                 "a text that is no UTF-8, or too long");
    }
    if (bad->name.len != 0) {
        return wd_av_not_a_number(a->r, record, sample, bad);
    }

    slot = wd_records_news(a->r);
    if (slot == NULL) {
        return WD_ENOMEM;
    }
    *slot = *news;
    slot->record = record;
    return WD_OK;
}


int
wd_av_news_item(wd_av_parse_t *a, wd_str_t list)
{
    int           rc;
    size_t        mentions = a->r->n_mentions, news_n = a->r->n_news;
    const char   *mark = a->s.p;
    wd_str_t      stamp = WD_STR_NULL;
    wd_av_bad_t   bad = {WD_STR_NULL, WD_STR_NULL};
    wd_news_rec_t news = {.sentiment = NAN};

    (void) list;
    rc = wd_av_news_members(a, &news, &stamp, &bad);
    if (rc == WD_ENOTFOUND) {
        rc = wd_av_news_add(a, &news, stamp, &bad, wd_av_slice(mark, a->s.p));
        a->r->n_records++;
    }
    if (a->r->n_news == news_n) {
        a->r->n_mentions = mentions; /* of nothing */
    }
    return rc;
}
