/*
 * analytics_macro.c - macro.query.
 *
 * Rows by indicator, country, period. The series of one indicator and country
 * have one place in that order, whichever their sources.
 */
#include "analytics_service.h"

#include "analytics_query.h"
#include "analytics_store.h"

#include <math.h>
#include <stdio.h>

#define MACRO_BATCH_FIRST 32 /* series asked for in one statement */
#define MACRO_BATCH_MAX 1024

static const wd_col_t cols[] = {
    {"indicator", WD_COL_STR},  {"country", WD_COL_STR}, {"t", WD_COL_STR},
    {"value", WD_COL_NUM},      {"unit", WD_COL_STR},    {"status", WD_COL_STR},
    {"aggregate", WD_COL_BOOL}, {"q", WD_COL_INT},       {"source", WD_COL_STR},
    {"known_at", WD_COL_TIME}};

typedef struct {
    analytics_query_t  q;
    wd_str_t          *indicators;
    size_t             n_indicators;
    wd_str_t          *countries;
    size_t             n_countries;
    const PGresult    *series; /* of analytics_store_macro() */
    int64_t           *ids; /* the same, as arrays */
    int64_t           *places;
    size_t             n_series;
    wd_rows_t          rows;
    analytics_cursor_t next;
    bool               more;
} macro_t;


/* Countries are compared in upper case. */
static int
macro_upper(macro_t *m)
{
    size_t i;

    for (i = 0; i < m->n_countries; i++) {
        m->countries[i] = analytics_query_upper(&m->q, m->countries[i]);
        if (m->countries[i].data == NULL) {
            return WD_ENOMEM;
        }
    }
    return WD_OK;
}


static wd_str_t
macro_series_str(const macro_t *m, size_t i, int col)
{
    return wd_pg_get_str(m->series, (int) i, col);
}


/* Texts of a series compared with those of a cursor or of another series. */
static bool
macro_same_place(const macro_t *m, size_t i, size_t k)
{
    return wd_str_eq(macro_series_str(m, i, ANALYTICS_MACRO_INDICATOR),
                     macro_series_str(m, k, ANALYTICS_MACRO_INDICATOR))
           && wd_str_eq(macro_series_str(m, i, ANALYTICS_MACRO_COUNTRY),
                        macro_series_str(m, k, ANALYTICS_MACRO_COUNTRY));
}


static int
macro_places(macro_t *m)
{
    size_t i, n = m->n_series;

    m->ids = wd_pool_alloc(m->q.call->pool, (n + 1) * sizeof(*m->ids));
    m->places = wd_pool_alloc(m->q.call->pool, (n + 1) * sizeof(*m->places));
    if (m->ids == NULL || m->places == NULL) {
        return WD_ENOMEM;
    }

    for (i = 0; i < n; i++) {
        m->ids[i] = wd_pg_get_int(m->series, (int) i, ANALYTICS_MACRO_ID);
        m->places[i] = i == 0
                           ? 0
                           : m->places[i - 1] + !macro_same_place(m, i - 1, i);
    }
    return WD_OK;
}


/* "2001", "2001Q3", "2001-07" or a date, by the frequency. */
static wd_str_t
macro_period(wd_ns_t t, wd_str_t frequency, char out[WD_TIME_TEXT_MAX])
{
    wd_civil_t c;
    char       f = frequency.len == 1 ? frequency.data[0] : 'D';

    wd_time_to_civil(t, &c);
    switch (f) {
    case 'A':
        snprintf(out, WD_TIME_TEXT_MAX, "%04d", c.year);
        break;
    case 'Q':
        snprintf(out, WD_TIME_TEXT_MAX, "%04dQ%d", c.year,
                 (c.month - 1) / 3 + 1);
        break;
    case 'M':
        snprintf(out, WD_TIME_TEXT_MAX, "%04d-%02d", c.year, c.month);
        break;
    default:
        wd_date_format(t, out);
    }
    return wd_str_z(out);
}


/* Index of the series with this id, from `from` on. */
static size_t
macro_series_index(const macro_t *m, size_t from, int64_t id)
{
    while (from < m->n_series && m->ids[from] != id) {
        from++;
    }
    return from;
}


static wd_str_t
macro_text(const PGresult *r, int row, int col)
{
    return wd_pg_is_null(r, row, col) ? WD_STR_NULL
                                      : wd_pg_get_str(r, row, col);
}


static void
macro_put(macro_t *m, const PGresult *r, int row, size_t series)
{
    char       text[WD_TIME_TEXT_MAX];
    int        i = (int) series;
    wd_rows_t *out = &m->rows;

    wd_rows_row(out);
    wd_rows_str(out, macro_series_str(m, series, ANALYTICS_MACRO_INDICATOR));
    wd_rows_str(out, macro_series_str(m, series, ANALYTICS_MACRO_COUNTRY));
    wd_rows_str(out, macro_period(
                         wd_pg_get_date(r, row, ANALYTICS_OBSERVATION_TS),
                         wd_pg_get_str(r, row, ANALYTICS_OBSERVATION_FREQUENCY),
                         text));
    wd_rows_num(out, wd_pg_is_null(r, row, ANALYTICS_OBSERVATION_VALUE)
                         ? NAN
                         : wd_pg_get_num(r, row, ANALYTICS_OBSERVATION_VALUE));
    wd_rows_str(out, macro_text(m->series, i, ANALYTICS_MACRO_UNIT));
    wd_rows_str(out, macro_text(r, row, ANALYTICS_OBSERVATION_STATUS));
    wd_rows_bool(out, wd_pg_get_bool(m->series, i, ANALYTICS_MACRO_AGGREGATE));
    wd_rows_int(out, wd_pg_get_int(r, row, ANALYTICS_OBSERVATION_QUALITY));
    wd_rows_str(out, macro_series_str(m, series, ANALYTICS_MACRO_SOURCE));
    wd_rows_time(out, wd_pg_get_ts(r, row, ANALYTICS_OBSERVATION_KNOWN_AT));
}


/* The cursor's key: indicator, country, frequency, separated by blanks. */
static int
macro_mark(macro_t *m, const PGresult *r, int row, size_t series)
{
    char     key[ANALYTICS_CURSOR_KEY_MAX + 1];
    wd_str_t indicator, country, frequency;
    int      n;

    indicator = macro_series_str(m, series, ANALYTICS_MACRO_INDICATOR);
    country = macro_series_str(m, series, ANALYTICS_MACRO_COUNTRY);
    frequency = wd_pg_get_str(r, row, ANALYTICS_OBSERVATION_FREQUENCY);
    n = snprintf(key, sizeof(key), "%.*s %.*s %.*s", WD_STR_ARG(frequency),
                 WD_STR_ARG(country), WD_STR_ARG(indicator));

    m->next.t = wd_pg_get_date(r, row, ANALYTICS_OBSERVATION_TS);
    return analytics_cursor_set_key(&m->next, wd_str(key, (size_t) n));
}


/* Of the series from..to, behind `key`'s place; counts what it shows. */
static int
macro_batch(macro_t *m, analytics_observations_key_t *key, size_t from)
{
    PGresult  *r;
    wd_error_t err;
    size_t     series = 0;
    int        rc, row;

    rc = analytics_store_observations(m->q.call->pg, key, &r, &err);
    if (rc != WD_OK) {
        return analytics_query_fail(&m->q, rc, &err);
    }

    for (row = 0; row < PQntuples(r) && rc == WD_OK; row++) {
        if (m->rows.n_rows == m->q.limit) {
            m->more = true;
            break;
        }
        series = macro_series_index(
            m, from, wd_pg_get_int(r, row, ANALYTICS_OBSERVATION_SERIES));
        macro_put(m, r, row, series);
        if (m->rows.n_rows == m->q.limit) {
            rc = macro_mark(m, r, row, series);
        }
    }

    PQclear(r);
    return rc;
}


/* First series at or behind the cursor; *ret_at: it stands at it. */
static size_t
macro_resume(macro_t *m, wd_str_t *ret_frequency, bool *ret_at)
{
    wd_str_t rest = wd_str(m->q.cursor.key, m->q.cursor.key_len);
    wd_str_t country = WD_STR_NULL;
    size_t   i;
    int      d = 0;

    (void) wd_str_split(&rest, ' ', ret_frequency);
    (void) wd_str_split(&rest, ' ', &country);

    for (i = 0; i < m->n_series; i++) {
        d = analytics_query_compare(
            macro_series_str(m, i, ANALYTICS_MACRO_INDICATOR), rest);
        if (d == 0) {
            d = analytics_query_compare(
                macro_series_str(m, i, ANALYTICS_MACRO_COUNTRY), country);
        }
        if (d >= 0) {
            break;
        }
    }

    *ret_at = i < m->n_series && d == 0;
    return i;
}


/* Batches end where a place ends. */
static size_t
macro_batch_end(const macro_t *m, size_t from, size_t size)
{
    size_t end = wd_min(from + size, m->n_series);

    while (end < m->n_series && m->places[end] == m->places[end - 1]) {
        end++;
    }
    return end;
}


static int
macro_rows(macro_t *m)
{
    analytics_observations_key_t key = {.from = m->q.from,
                                        .to = m->q.to,
                                        .as_of = m->q.as_of,
                                        .desc = m->q.desc,
                                        .after_place = -1,
                                        .after_frequency = WD_STR("")};
    size_t                       from = 0, end, size = MACRO_BATCH_FIRST;
    bool                         at;
    int                          rc = WD_OK;

    if (m->q.resumed) {
        from = macro_resume(m, &key.after_frequency, &at);
        if (at) {
            key.after_place = m->places[from];
            key.after_ts = m->q.cursor.t;
        }
    }

    for (; from < m->n_series && rc == WD_OK && !m->more; from = end) {
        if (*m->q.call->canceled) {
            return wd_rpc_fail(m->q.res, WD_ECANCELED, "canceled");
        }
        end = macro_batch_end(m, from, size);
        key.series = m->ids + from;
        key.place = m->places + from;
        key.n = end - from;
        key.limit = (int64_t) (m->q.limit - m->rows.n_rows + 1);
        rc = macro_batch(m, &key, from);
        size = wd_min(2 * size, (size_t) MACRO_BATCH_MAX);
    }
    return rc;
}


static bool
macro_has(const macro_t *m, wd_str_t name, int col, int col2)
{
    size_t   i;
    wd_str_t s;

    for (i = 0; i < m->n_series; i++) {
        s = macro_series_str(m, i, col);
        if (wd_str_ieq(name, s)
            || wd_str_ieq(name, macro_series_str(m, i, col2))) {
            return true;
        }
    }
    return false;
}


/* Indicators and countries that no series is about. */
static int
macro_put_unknown(macro_t *m)
{
    wd_str_t *unknown;
    size_t    i, n = 0;

    unknown = wd_pool_alloc(m->q.call->pool, (m->n_indicators + m->n_countries)
                                                 * sizeof(*unknown));
    if (unknown == NULL) {
        return WD_ENOMEM;
    }

    for (i = 0; i < m->n_indicators; i++) {
        if (!macro_has(m, m->indicators[i], ANALYTICS_MACRO_INDICATOR,
                       ANALYTICS_MACRO_INDICATOR)) {
            unknown[n++] = m->indicators[i];
        }
    }
    for (i = 0; i < m->n_countries; i++) {
        if (!macro_has(m, m->countries[i], ANALYTICS_MACRO_COUNTRY,
                       ANALYTICS_MACRO_COUNTRY2)) {
            unknown[n++] = m->countries[i];
        }
    }

    analytics_query_put_unknown(&m->rows, unknown, n);
    return WD_OK;
}


static int
macro_answer(macro_t *m)
{
    int rc;

    if (m->n_series == 0) {
        return analytics_query_unknown(&m->q, "observations", m->indicators,
                                       m->n_indicators);
    }

    wd_rows_begin(&m->rows, &m->q.res->body, m->q.format, cols,
                  wd_array_len(cols));
    rc = macro_places(m);
    if (rc == WD_OK) {
        rc = macro_rows(m);
    }
    if (rc != WD_OK) {
        return rc;
    }

    wd_rows_end(&m->rows);
    analytics_query_members(&m->q, &m->rows, m->more ? &m->next : NULL);
    wd_doc_member_z(m->rows.doc, "order", m->q.desc ? "desc" : "asc");
    rc = macro_put_unknown(m);
    wd_rows_finish(&m->rows);
    if (rc != WD_OK) {
        return rc;
    }

    return analytics_query_done(&m->q, ANALYTICS_TTL_REFERENCE, "macro",
                                m->indicators, m->n_indicators);
}


int
analytics_macro_query(const wd_rpc_call_t *call, wd_rpc_res_t *res)
{
    macro_t    m = {.n_series = 0};
    PGresult  *r;
    wd_error_t err;
    int        rc;

    rc = analytics_query_init(&m.q, call, res, "macro.query");
    if (rc == WD_OK) {
        rc = analytics_query_list(&m.q, "indicator", true, &m.indicators,
                                  &m.n_indicators);
    }
    if (rc == WD_OK) {
        rc = analytics_query_list(&m.q, "country", false, &m.countries,
                                  &m.n_countries);
    }
    if (rc == WD_OK) {
        rc = macro_upper(&m);
    }
    if (rc != WD_OK) {
        return rc;
    }

    m.n_indicators = analytics_query_sort(m.indicators, m.n_indicators);
    m.n_countries = analytics_query_sort(m.countries, m.n_countries);
    rc = analytics_store_macro(call->pg, m.indicators, m.n_indicators,
                               m.countries, m.n_countries, m.q.as_of, &r, &err);
    if (rc != WD_OK) {
        return analytics_query_fail(&m.q, rc, &err);
    }

    m.series = r;
    m.n_series = (size_t) PQntuples(r);
    rc = macro_answer(&m);
    PQclear(r);
    return rc;
}
