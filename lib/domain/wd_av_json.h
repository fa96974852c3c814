/*
 * wd_av_json.h - what the readers of Alpha Vantage's JSON answers share; for
 * them alone.
 *
 * Damage costs only the record that it hit: when a row cannot be read, the
 * reader looks for the next thing that begins a row and goes on there; when
 * the text ends early, what stood before is kept. Both leave a reject behind.
 */
#ifndef WD_AV_JSON_H
#define WD_AV_JSON_H

#include "wd_av_parse.h"
#include "wd_av_record.h"
#include "wd_json_scan.h"

#define WD_AV_KEYS_MAX 12 /* fields of a row whose names are remembered */

typedef struct {
    wd_av_dataset_e dataset;
    wd_json_scan_t  s;
    wd_records_t   *r;
    bool            meta_seen;
    bool            data_seen;
    bool            notice_seen;

    /* Rows repeat their keys in the same order: the n-th is compared first. */
    wd_str_t      keys[WD_AV_KEYS_MAX];
    wd_av_field_e fields[WD_AV_KEYS_MAX];
} wd_av_parse_t;

/* The text between two places. */
static inline wd_str_t
wd_av_slice(const char *from, const char *to)
{
    return wd_str(from, (size_t) (to - from));
}

/* A reject of the payload: it ends inside of what began at `from`. */
wd_must_check int wd_av_truncated(wd_av_parse_t *a, const char *from);

/*
 * The next member of a flat object, with its value as text; null and false
 * become empty, hence missing. *ret_scalar: false for an object or array,
 * which is stepped over. WD_ENOTFOUND behind the last one.
 */
wd_must_check int wd_av_member(wd_av_parse_t *a, bool *first, wd_str_t *key,
                               wd_str_t *text, bool *ret_scalar);

/* A key under which the provider says why there is no data. */
bool wd_av_is_notice(wd_str_t key);

/*
 * Series of bars: wd_av_series.c. *ret_end tells that nothing is left to
 * read, also with WD_OK.
 */
bool              wd_av_is_series(const wd_av_parse_t *a);
bool              wd_av_is_series_key(const wd_av_parse_t *a, wd_str_t key);
wd_must_check int wd_av_series(wd_av_parse_t *a, bool *ret_end);

/* The rows of the series wherever its key stands; none: WD_OK. */
wd_must_check int wd_av_series_anywhere(wd_av_parse_t *a);

/* A list of objects, each a record or more of them: wd_av_list.c. */
bool              wd_av_is_list_key(const wd_av_parse_t *a, wd_str_t key);
wd_must_check int wd_av_list(wd_av_parse_t *a, wd_str_t key, bool *ret_end);

/*
 * One object of such a list: an instrument that was found; a row of a table;
 * the figures of a period, `key` being the list's; a news item. Each has a
 * file of its name. As the functions of the scanner.
 */
wd_must_check int wd_av_match(wd_av_parse_t *a, wd_str_t key);
wd_must_check int wd_av_table_row(wd_av_parse_t *a, wd_str_t key);
wd_must_check int wd_av_report(wd_av_parse_t *a, wd_str_t key);
wd_must_check int wd_av_news_item(wd_av_parse_t *a, wd_str_t key);

/* The whole answer, which is one flat object: wd_av_overview.c. */
wd_must_check int wd_av_overview(wd_av_parse_t *a);

#endif /* WD_AV_JSON_H */
