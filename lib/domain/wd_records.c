/*
 * wd_records.c - growing arrays of parsed records, and the words for missing.
 */
#include "wd_records.h"

#include "wd_num.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>


const char *
wd_reason_name(wd_reason_e reason)
{
    static const char *const names[] = {
#define WD_REASON(id, name, help) name,
#include "wd_reject.def"
#undef WD_REASON
    };

    return names[reason];
}


const char *
wd_reason_help(wd_reason_e reason)
{
    static const char *const helps[] = {
#define WD_REASON(id, name, help) help,
#include "wd_reject.def"
#undef WD_REASON
    };

    return helps[reason];
}


void
wd_records_init(wd_records_t *r, wd_pool_t *pool)
{
    memset(r, 0, sizeof(*r));
    r->pool = pool;
    r->total = -1;
}


/* The arena frees nothing, so growing leaves at most as much behind. */
static void *
wd_records_slot(wd_pool_t *pool, void **array, size_t *n, size_t *cap,
                size_t size)
{
    char  *grown;
    size_t want;

    if (*n == *cap) {
        want = *cap != 0 ? *cap * 2 : 16;
        grown = wd_pool_alloc(pool, want * size);
        if (grown == NULL) {
            return NULL;
        }
        if (*n != 0) {
            memcpy(grown, *array, *n * size);
        }
        *array = grown;
        *cap = want;
    }

    grown = (char *) *array + *n * size;
    memset(grown, 0, size);
    (*n)++;
    return grown;
}

#define wd_slot(r, of)                                           \
    wd_records_slot((r)->pool, (void **) &(r)->of, &(r)->n_##of, \
                    &(r)->cap_##of, sizeof(*(r)->of))


wd_bar_rec_t *
wd_records_bar(wd_records_t *r)
{
    return wd_slot(r, bars);
}


wd_quote_rec_t *
wd_records_quote(wd_records_t *r)
{
    return wd_slot(r, quotes);
}


wd_instrument_rec_t *
wd_records_instrument(wd_records_t *r)
{
    return wd_slot(r, instruments);
}


wd_field_rec_t *
wd_records_field(wd_records_t *r)
{
    return wd_slot(r, fields);
}


wd_observation_rec_t *
wd_records_observation(wd_records_t *r)
{
    return wd_slot(r, observations);
}


wd_trade_rec_t *
wd_records_trade(wd_records_t *r)
{
    return wd_slot(r, trades);
}


wd_action_rec_t *
wd_records_action(wd_records_t *r)
{
    return wd_slot(r, actions);
}


wd_fact_rec_t *
wd_records_fact(wd_records_t *r)
{
    return wd_slot(r, facts);
}


wd_identifier_rec_t *
wd_records_identifier(wd_records_t *r)
{
    return wd_slot(r, identifiers);
}


wd_news_rec_t *
wd_records_news(wd_records_t *r)
{
    return wd_slot(r, news);
}


wd_mention_rec_t *
wd_records_mention(wd_records_t *r)
{
    return wd_slot(r, mentions);
}


/*
 * A copy that the database takes as text: valid UTF-8 without zero bytes,
 * runs of blanks as one, cut between characters.
 */
static int
wd_records_text(wd_records_t *r, wd_str_t s, size_t max, wd_str_t *ret)
{
    char    *p;
    size_t   i, n, len = 0;
    uint8_t  c;
    wd_str_t one;

    p = wd_pool_alloc(r->pool, max + 4);
    if (p == NULL) {
        return WD_ENOMEM;
    }

    for (i = 0; i < s.len && len < max; i += n) {
        c = (uint8_t) s.data[i];
        n = c < 0x80 ? 1 : c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;
        one = wd_str(s.data + i, wd_min(n, s.len - i));
        if (c <= ' ' || c == 0x7f) {
            if (len != 0 && p[len - 1] != ' ') {
                p[len++] = ' ';
            }
        } else if (!wd_utf8_valid(one)) {
            p[len++] = '?';
            n = 1;
        } else if (len + n > max) {
            break;
        } else {
            memcpy(p + len, one.data, n);
            len += n;
        }
    }

    *ret = wd_str(p, len);
    return WD_OK;
}


static int
wd_records_rejectv(wd_records_t *r, int32_t record, wd_reason_e reason,
                   wd_str_t sample, const char *fmt, va_list args)
{
    char             detail[WD_REJECT_DETAIL_MAX + 1];
    wd_reject_rec_t *rej;

    r->n_rejected++;
    if (r->n_rejects >= WD_REJECTS_MAX) {
        return WD_OK;
    }

    rej = wd_slot(r, rejects);
    if (rej == NULL) {
        return WD_ENOMEM;
    }

    vsnprintf(detail, sizeof(detail), fmt, args);
    rej->record = record;
    rej->reason = reason;
    if (wd_records_text(r, wd_str_z(detail), WD_REJECT_DETAIL_MAX, &rej->detail)
            != WD_OK
        || wd_records_text(r, sample, WD_REJECT_SAMPLE_MAX, &rej->sample)
               != WD_OK) {
        r->n_rejects--;
        return WD_ENOMEM;
    }
    return WD_OK;
}


int
wd_records_reject(wd_records_t *r, int32_t record, wd_reason_e reason,
                  wd_str_t sample, const char *detail, ...)
{
    int     rc;
    va_list args;

    va_start(args, detail);
    rc = wd_records_rejectv(r, record, reason, sample, detail, args);
    va_end(args);
    return rc;
}


int
wd_records_refuse(wd_records_t *r, wd_reason_e reason, wd_str_t sample,
                  const char *detail, ...)
{
    int     rc;
    va_list args;

    r->refused = true;
    va_start(args, detail);
    rc = wd_records_rejectv(r, -1, reason, sample, detail, args);
    va_end(args);
    return rc;
}


bool
wd_record_text_ok(wd_str_t s, size_t max)
{
    return s.len <= max && wd_utf8_valid(s)
           && (s.len == 0 || memchr(s.data, '\0', s.len) == NULL);
}


bool
wd_record_code_ok(wd_str_t s, size_t max)
{
    char   c;
    size_t i;

    for (i = 0; i < s.len; i++) {
        c = s.data[i];
        if (!((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z')
              || (c >= 'a' && c <= 'z') || c == '.' || c == '_' || c == '-'
              || c == ':')) {
            return false;
        }
    }
    return s.len >= 1 && s.len <= max;
}


wd_str_t
wd_record_symbol(wd_pool_t *pool, wd_str_t text)
{
    char  *p;
    size_t i;

    text = wd_str_trim(text);
    if (text.len == 0 || text.len > WD_RECORD_SYMBOL_MAX) {
        return WD_STR_NULL;
    }
    p = wd_pool_strdup(pool, text);
    if (p == NULL) {
        return WD_STR_NULL;
    }

    for (i = 0; i < text.len; i++) {
        if (p[i] >= 'a' && p[i] <= 'z') {
            p[i] = (char) (p[i] & ~0x20);
        }
        if ((p[i] < 'A' || p[i] > 'Z') && (p[i] < '0' || p[i] > '9')
            && memchr(".-/:^=_", p[i], 7) == NULL) {
            return WD_STR_NULL; /* what a request may ask for, no more */
        }
    }
    return wd_str(p, text.len);
}


bool
wd_missing(wd_str_t s)
{
    s = wd_str_trim(s);
    if (s.len > 4) {
        return false;
    }

    return s.len == 0 || wd_str_eq_z(s, ".") || wd_str_eq_z(s, "-")
           || wd_str_ieq(s, WD_STR("none")) || wd_str_ieq(s, WD_STR("null"))
           || wd_str_ieq(s, WD_STR("n/a"));
}


int
wd_figure_parse(wd_str_t s, double *ret)
{
    s = wd_str_trim(s);

    /* The usual case first: a digit begins a number, never a marker. */
    if ((s.len == 0 || s.data[0] < '0' || s.data[0] > '9') && wd_missing(s)) {
        *ret = NAN;
        return WD_OK;
    }
    return wd_num_parse(s, ret);
}
