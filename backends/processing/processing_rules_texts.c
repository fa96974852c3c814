/*
 * processing_rules_texts.c - validity of identifiers, of news, and of whom
 * news is about.
 */
#include "processing_check.h"

#include "wd_identifier.h"
#include "wd_num.h"

#include <math.h>


static wd_str_t
shown(wd_str_t s)
{
    return wd_str(s.data, wd_min(s.len, (size_t) 64));
}


/* A value that claims to be of a scheme and is not is worse than none. */
static int
add_identifier(const processing_payload_t *p, wd_records_t *r,
               const wd_identifier_rec_t *id, processing_rows_t *ret)
{
    wd_str_t          cut = shown(id->value), scheme = shown(id->scheme);
    processing_row_t *row;
    wd_identifier_e   fault = wd_identifier_check(id->scheme, id->value);

    if (id->scheme.len == 0 || id->value.len == 0
        || id->scheme.len > PROCESSING_IDENTIFIER_MAX
        || id->value.len > PROCESSING_IDENTIFIER_MAX) {
        fault = WD_IDENTIFIER_LENGTH;
    }
    if (fault > WD_IDENTIFIER_UNCHECKED) {
        return wd_records_reject(r, id->record, WD_REASON_BAD_IDENTIFIER,
                                 id->value, "%.*s \"%.*s\": %s",
                                 WD_STR_ARG(scheme), WD_STR_ARG(cut),
                                 wd_identifier_fault(fault));
    }

    row = processing_rules_row(p, &processing_identifier, r, id->record,
                               id->value, ret);
    if (row == NULL) {
        return WD_ENOMEM;
    }
    row->cells[IDENTIFIER_INSTRUMENT] = processing_who(p, id->symbol);
    row->cells[IDENTIFIER_SOURCE] = INT(p->source);
    row->cells[IDENTIFIER_SCHEME] = TEXT(id->scheme);
    row->cells[IDENTIFIER_VALUE] = TEXT(id->value);
    return WD_OK;
}


int
processing_rules_identifiers(const processing_payload_t *p, wd_records_t *r,
                             processing_rows_t *ret)
{
    int    rc;
    size_t i;

    for (i = 0; i < r->n_identifiers; i++) {
        rc = add_identifier(p, r, &r->identifiers[i], ret);
        if (rc != WD_OK) {
            return rc;
        }
    }
    return processing_rules_finish(&processing_identifier, r, ret);
}


/* Whoever follows it must not be led elsewhere than the web. */
static bool
is_url(wd_str_t s)
{
    size_t i, n;

    n = wd_str_starts(s, "https://") ? 8 : wd_str_starts(s, "http://") ? 7 : 0;
    if (n == 0 || s.len == n || s.data[n] == '/'
        || s.len > PROCESSING_URL_MAX) {
        return false;
    }
    for (i = 0; i < s.len; i++) {
        if ((unsigned char) s.data[i] <= ' ' || s.data[i] == 0x7f
            || memchr("\"<>\\^`{|}", s.data[i], 9) != NULL) {
            return false;
        }
    }
    return true;
}


/* WD_EINVAL: rejected. */
static int
check_scale(wd_records_t *r, int32_t record, wd_str_t sample, const char *name,
            double v, double low)
{
    int  rc;
    char text[WD_NUM_TEXT_MAX];

    if (isnan(v) || (v >= low && v <= 1)) {
        return WD_OK;
    }
    wd_num_format(v, text);
    rc = wd_records_reject(r, record, WD_REASON_OUT_OF_SCALE, sample,
                           "%s is %s", name, text);
    return rc != WD_OK ? rc : WD_EINVAL;
}


/* WD_EINVAL: rejected. */
static int
check_news(const processing_payload_t *p, wd_records_t *r,
           const wd_news_rec_t *n)
{
    int      rc;
    wd_str_t url = shown(n->url);

    if (!is_url(n->url)) {
        rc = wd_records_reject(r, n->record, WD_REASON_BAD_URL, n->title,
                               "\"%.*s\"", WD_STR_ARG(url));
        return rc != WD_OK ? rc : WD_EINVAL;
    }
    if (wd_str_trim(n->title).len == 0) {
        rc = wd_records_reject(r, n->record, WD_REASON_MISSING_FIELD, n->url,
                               "no title");
        return rc != WD_OK ? rc : WD_EINVAL;
    }
    if (n->title.len > PROCESSING_TITLE_MAX) {
        rc = wd_records_reject(r, n->record, WD_REASON_TOO_LONG, n->title,
                               "a title of %zu bytes, the limit is %d",
                               n->title.len, PROCESSING_TITLE_MAX);
        return rc != WD_OK ? rc : WD_EINVAL;
    }
    rc = check_scale(r, n->record, n->title, "sentiment", n->sentiment, -1);
    return rc == WD_OK ? processing_check_moment(
               p, r, n->record, n->title, n->time, PROCESSING_NEWS_AHEAD_NS)
                       : rc;
}


static wd_str_t
null_if_empty(wd_str_t s)
{
    return wd_str_trim(s).len != 0 ? s : WD_STR_NULL;
}


static int
add_news(const processing_payload_t *p, wd_records_t *r, const wd_news_rec_t *n,
         processing_rows_t *ret)
{
    int                rc;
    processing_row_t  *row;
    processing_cell_t *c;

    rc = check_news(p, r, n);
    if (rc != WD_OK) {
        return rc == WD_EINVAL ? WD_OK : rc;
    }
    row = processing_rules_row(p, &processing_news, r, n->record, n->title,
                               ret);
    if (row == NULL) {
        return WD_ENOMEM;
    }
    c = row->cells;
    c[NEWS_SOURCE] = INT(p->source);
    c[NEWS_URL] = TEXT(n->url);
    c[NEWS_TS] = processing_moment(n->time);
    c[NEWS_TITLE] = TEXT(n->title);
    c[NEWS_SUMMARY] = TEXT(null_if_empty(n->summary));
    c[NEWS_PUBLISHER] = TEXT(null_if_empty(n->publisher));
    c[NEWS_SENTIMENT] = NUM(n->sentiment);
    return WD_OK;
}


int
processing_rules_news(const processing_payload_t *p, wd_records_t *r,
                      processing_rows_t *ret)
{
    int    rc = WD_OK;
    size_t i;

    for (i = 0; i < r->n_news && rc == WD_OK; i++) {
        rc = add_news(p, r, &r->news[i], ret);
    }
    return rc;
}


static int
add_mention(const processing_payload_t *p, wd_records_t *r,
            const wd_mention_rec_t *m, processing_rows_t *ret)
{
    int               rc;
    processing_row_t *row;

    rc = check_scale(r, m->record, m->symbol, "relevance", m->relevance, 0);
    if (rc == WD_OK) {
        rc = check_scale(r, m->record, m->symbol, "sentiment", m->sentiment,
                         -1);
    }
    if (rc != WD_OK) {
        return rc == WD_EINVAL ? WD_OK : rc;
    }
    row = processing_rules_row(p, &processing_mention, r, m->record, m->symbol,
                               ret);
    if (row == NULL) {
        return WD_ENOMEM;
    }
    row->cells[MENTION_NEWS] = INT(m->record);
    row->cells[MENTION_SYMBOL] = TEXT(m->symbol);
    row->cells[MENTION_RELEVANCE] = NUM(m->relevance);
    row->cells[MENTION_SENTIMENT] = NUM(m->sentiment);
    return WD_OK;
}


int
processing_rules_mentions(const processing_payload_t *p, wd_records_t *r,
                          processing_rows_t *ret)
{
    int    rc = WD_OK;
    size_t i;

    for (i = 0; i < r->n_mentions && rc == WD_OK; i++) {
        rc = add_mention(p, r, &r->mentions[i], ret);
    }
    return rc;
}
