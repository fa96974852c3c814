/*
 * wd_kf_scan.h - what the readers of kfinance answers share; for them alone.
 */
#ifndef WD_KF_SCAN_H
#define WD_KF_SCAN_H

#include "wd_json_scan.h"
#include "wd_kf_parse.h"

#define WD_KF_NAME_MAX 256 /* bytes of a line item, a period, a currency */

typedef struct {
    wd_json_scan_t       s;
    wd_records_t        *r;
    const wd_kf_asked_t *asked;
    wd_kf_dataset_e      dataset;
    wd_str_t             symbol; /* whom the answer is about just now */
    wd_str_t             currency;
    wd_str_t             period;
    wd_str_t             segment;
    wd_str_t             name; /* of the line that is being read */
    wd_json_scan_val_t   value;
    wd_str_t             day; /* of the row or the period; NULL: not yet */
    wd_str_t             effective;
    wd_str_t             error;
    wd_bar_rec_t         bar;
    wd_str_t             bad; /* the first figure of the bar that is none */
    int32_t              record; /* of the company */
    bool                 many; /* companies by their ids */
    bool                 data_seen;
    bool                 notice_seen;
} wd_kf_t;

/*
 * Called with a member whose value it must step over, or with an element, its
 * key being NULL. WD_OK, WD_ENOMEM, or what the scanner says.
 */
typedef int (*wd_kf_member_pt)(wd_kf_t *k, wd_str_t key);

/*
 * Members of the object, elements of the list at the cursor. Anything else is
 * stepped over, and rejected unless it is null.
 */
wd_must_check int wd_kf_members(wd_kf_t *k, wd_kf_member_pt member);
wd_must_check int wd_kf_items(wd_kf_t *k, wd_kf_member_pt item);

/* As wd_kf_items(), for flat objects: what cannot be read costs itself. */
wd_must_check int wd_kf_rows(wd_kf_t *k, wd_kf_member_pt row);

/* The next byte that is no blank. */
bool wd_kf_at(wd_kf_t *k, char c);

/* Any value; lists and objects are stepped over. */
wd_must_check int wd_kf_scalar(wd_kf_t *k, wd_json_scan_val_t *ret);

/* A text; *ret is NULL when it is none, or none that can be stored. */
wd_must_check int wd_kf_text(wd_kf_t *k, wd_str_t *ret);

/*
 * A text that should be a day, as it stands there: null is NULL, what is no
 * text becomes one that is no day. And whether it is one: YYYY-MM-DD.
 */
wd_must_check int wd_kf_day(wd_kf_t *k, wd_str_t *ret);
bool              wd_kf_date(wd_str_t day, wd_ns_t *ret);

/* An error, whatever its type, into k->error; null and "" are none. */
wd_must_check int wd_kf_error_text(wd_kf_t *k);

/* A fact of the current symbol and period, without a day and a unit yet. */
wd_must_check int wd_kf_fact(wd_kf_t *k, wd_str_t item,
                             const wd_json_scan_val_t *v);

/*
 * Gives the facts from `from` on their day, k->day. They are dropped when it
 * cannot be read, or is missing and `needed`. WD_OK or WD_ENOMEM.
 */
wd_must_check int wd_kf_date_facts(wd_kf_t *k, size_t from, bool needed);

/* "prices", "market_caps": wd_kf_rows.c. */
wd_must_check int wd_kf_prices(wd_kf_t *k);
wd_must_check int wd_kf_market_caps(wd_kf_t *k);

/* A name under `scheme`, a text or a whole number; null is none. */
wd_must_check int wd_kf_identifier(wd_kf_t *k, const char *scheme,
                                   const wd_json_scan_val_t *v);

/* 1 to WD_RECORD_SYMBOL_MAX bytes of text. */
bool wd_kf_symbol_ok(wd_str_t s);

/* The list of companies with ESG scores: wd_kf_rows.c. */
wd_must_check int wd_kf_esg_companies(wd_kf_t *k);

/* A member of one company's statements, line items, ...: wd_kf_figures.c. */
wd_must_check int wd_kf_figures(wd_kf_t *k, wd_str_t key);

#endif /* WD_KF_SCAN_H */
