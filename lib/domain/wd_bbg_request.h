/*
 * wd_bbg_request.h - writes what Bloomberg's Data License REST service is
 * asked with: universes, field lists, triggers, requests.
 *
 * WD_OK, or *err says why nothing was written: WD_EINVAL (a name or a value
 * that the service does not take), WD_ETOOBIG, WD_ENOMEM.
 */
#ifndef WD_BBG_REQUEST_H
#define WD_BBG_REQUEST_H

#include "wd_buf.h"
#include "wd_time.h"

#define WD_BBG_IDENTIFIER_MAX 21 /* unique in its catalogue for ever */
#define WD_BBG_LIST_MAX 20000 /* instruments or fields of a list */

/* 1 to WD_BBG_IDENTIFIER_MAX letters and digits. */
bool wd_bbg_identifier_ok(wd_str_t s);

typedef struct {
    wd_str_t type; /* "BB_GLOBAL", "ISIN", "TICKER" */
    wd_str_t value;
} wd_bbg_instrument_t;

/* `title` empty: the identifier. */
wd_must_check int wd_bbg_write_universe(wd_buf_t *out, wd_str_t identifier,
                                        wd_str_t                   title,
                                        const wd_bbg_instrument_t *list,
                                        size_t n, wd_error_t *err);

/* "PX_LAST" is written as a mnemonic, "pxLast" as a clean name. */
wd_must_check int wd_bbg_write_fields(wd_buf_t *out, wd_str_t identifier,
                                      wd_str_t title, bool history,
                                      const wd_str_t *list, size_t n,
                                      wd_error_t *err);

/* At once, or each day from `start` on; start WD_NS_MIN: at once. UTC. */
wd_must_check int wd_bbg_write_trigger(wd_buf_t *out, wd_str_t identifier,
                                       wd_str_t title, wd_ns_t start,
                                       wd_error_t *err);

typedef struct {
    wd_str_t identifier;
    wd_str_t title;
    wd_str_t origin; /* "https://api.bloomberg.com" */
    wd_str_t universe; /* paths on it, as wd_bbg_path() gives them */
    wd_str_t field_list;
    wd_str_t trigger;
    bool     history;
    wd_ns_t  from; /* days, both inclusive; of a history only */
    wd_ns_t  to;
} wd_bbg_request_t;

/* The answer will be a table with bars, dates as yyyymmdd. */
wd_must_check int wd_bbg_write_request(wd_buf_t *out, const wd_bbg_request_t *q,
                                       wd_error_t *err);

#endif /* WD_BBG_REQUEST_H */
