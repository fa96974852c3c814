/*
 * processing_rules_facts.c - validity of figures by name: fields, statements,
 * observations.
 */
#include "processing_check.h"

#include <math.h>
#include <stdio.h>


/* Observations are projected, but not for ever. */
#define OBSERVATION_YEARS_AHEAD 150


static int
add_field(const processing_payload_t *p, wd_records_t *r,
          const wd_fact_rec_t *f, wd_str_t name, wd_str_t period,
          processing_rows_t *ret)
{
    wd_str_t          unit = f->unit;
    processing_row_t *row;

    row = processing_rules_row(p, &processing_field, r, f->record, f->sample,
                               ret);
    if (row == NULL) {
        return WD_ENOMEM;
    }
    if (unit.len == 0) {
        unit = !isnan(f->value) && p->unit.len != 0 ? p->unit : WD_STR("");
    }
    row->cells[FIELD_INSTRUMENT] = processing_who(p, f->symbol);
    row->cells[FIELD_SOURCE] = INT(p->source);
    row->cells[FIELD_NAME] = TEXT(name);
    row->cells[FIELD_PERIOD] = TEXT(period);
    row->cells[FIELD_UNIT] = TEXT(unit);
    row->cells[FIELD_VALUE] = TEXT(f->text);
    return WD_OK;
}


int
processing_rules_fields(const processing_payload_t *p, wd_records_t *r,
                        processing_rows_t *ret)
{
    int                   rc;
    size_t                i;
    const wd_field_rec_t *f;

    for (i = 0; i < r->n_fields; i++) {
        f = &r->fields[i];
        rc = add_field(p, r,
                       &(wd_fact_rec_t){.sample = f->name,
                                        .text = f->value,
                                        .value = NAN,
                                        .record = f->record},
                       f->name, WD_STR(""), ret);
        if (rc != WD_OK) {
            return rc;
        }
    }
    return processing_rules_finish(&processing_field, r, ret);
}


/* The statement is part of the name, as some items stand in several. */
static int
fact_name(wd_pool_t *pool, const char *prefix, wd_str_t item, wd_str_t *ret)
{
    char  *name;
    size_t n;

    *ret = item;
    if (prefix == NULL) {
        return WD_OK;
    }
    n = strlen(prefix) + 1 + item.len + 1;
    name = wd_pool_alloc(pool, n);
    if (name == NULL) {
        return WD_ENOMEM;
    }
    *ret = wd_str(
        name, (size_t) snprintf(name, n, "%s.%.*s", prefix, WD_STR_ARG(item)));
    return WD_OK;
}


/*
 * "annual 2025-12-31", "IQ_FY", "2012-01-03" or "". The figure of a week is
 * not that of its last day: "weekly 2012-01-06".
 */
static int
fact_period(wd_pool_t *pool, wd_str_t every, const wd_fact_rec_t *f,
            wd_str_t *ret)
{
    char     day[WD_TIME_TEXT_MAX] = "";
    char    *period;
    wd_str_t kind = f->period.len == 0 && f->time != WD_NS_MIN ? every
                                                               : f->period;
    size_t   n = kind.len + 1 + sizeof(day);

    if (f->time != WD_NS_MIN) {
        wd_date_format(f->time, day);
    }
    period = wd_pool_alloc(pool, n);
    if (period == NULL) {
        return WD_ENOMEM;
    }
    *ret = wd_str(period, (size_t) snprintf(
                              period, n, "%.*s%s%s", WD_STR_ARG(kind),
                              kind.len != 0 && day[0] != '\0' ? " " : "", day));
    return WD_OK;
}


/* Which row of which table a fact stands in. */
typedef struct {
    wd_str_t symbol;
    wd_str_t table;
    int32_t  record;
    int      row;
} place_t;


/*
 * A cell of a table is called "TABLE.Column" and its row is a record; its
 * period is then its place. *ret stays as it is for what is none.
 */
static int
fact_row(wd_pool_t *pool, const wd_fact_rec_t *f, place_t *at, wd_str_t *ret)
{
    char        text[24], *copy;
    wd_str_t    table;
    const char *point = memchr(f->item.data, '.', f->item.len);

    if (point == NULL) {
        return WD_OK;
    }
    table = wd_str(f->item.data, (size_t) (point - f->item.data));
    if (!wd_str_eq(table, at->table) || !wd_str_eq(f->symbol, at->symbol)) {
        *at = (place_t){f->symbol, table, f->record, 1};
    } else if (f->record != at->record) {
        at->record = f->record;
        at->row++;
    }
    snprintf(text, sizeof(text), "row %d", at->row);
    copy = wd_pool_strdup(pool, wd_str_z(text));
    *ret = wd_str_z(copy);
    return copy != NULL ? WD_OK : WD_ENOMEM;
}


static int
add_fact(const processing_payload_t *p, wd_records_t *r, const wd_fact_rec_t *f,
         place_t *at, processing_rows_t *ret)
{
    int      rc;
    wd_str_t name, period;

    rc = f->time != WD_NS_MIN
             ? processing_check_time(p, r, f->record, f->sample, f->time)
             : WD_OK;
    if (rc != WD_OK) {
        return rc == WD_EINVAL ? WD_OK : rc;
    }
    rc = fact_name(r->pool, p->prefix, f->item, &name);
    if (rc == WD_OK) {
        rc = fact_period(r->pool, p->every, f, &period);
    }
    if (rc == WD_OK && p->numbered) {
        rc = fact_row(r->pool, f, at, &period);
    }
    return rc == WD_OK ? add_field(p, r, f, name, period, ret) : rc;
}


static int
reject_ambiguous(wd_records_t *r, const processing_row_t *row)
{
    wd_str_t name = row->cells[FIELD_NAME].s;
    wd_str_t period = row->cells[FIELD_PERIOD].s;

    return wd_records_reject(
        r, row->record, WD_REASON_AMBIGUOUS, row->sample,
        "one of several of %.*s%s%.*s", (int) wd_min(name.len, (size_t) 64),
        name.data, period.len != 0 ? ", " : "",
        (int) wd_min(period.len, (size_t) 64), period.data);
}


/* Figures from..to have one name and period: are they one figure? */
static bool
is_one(const processing_rows_t *rows, size_t from, size_t to)
{
    size_t i;

    for (i = from + 1; i < to; i++) {
        if (!processing_values_equal(&processing_field, &rows->rows[from],
                                     &rows->rows[i])) {
            return false;
        }
    }
    return true;
}


/* Which of several figures is the one of its period cannot be known. */
static int
drop_ambiguous(wd_records_t *r, processing_rows_t *rows)
{
    int    rc = WD_OK;
    size_t i, from, to, n = 0;

    for (from = 0; from < rows->n; from = to) {
        to = from + 1;
        while (to < rows->n
               && processing_key_cmp(&processing_field, &rows->rows[from],
                                     &rows->rows[to])
                      == 0) {
            to++;
        }
        if (is_one(rows, from, to)) {
            rows->repeated += to - from - 1;
            rows->rows[n++] = rows->rows[from];
            continue;
        }
        for (i = from; i < to && rc == WD_OK; i++) {
            rc = reject_ambiguous(r, &rows->rows[i]);
        }
        if (rc != WD_OK) {
            return rc;
        }
    }
    rows->n = n;
    return WD_OK;
}


int
processing_rules_facts(const processing_payload_t *p, wd_records_t *r,
                       processing_rows_t *ret)
{
    int     rc;
    size_t  i;
    place_t at = {.record = -1};

    for (i = 0; i < r->n_facts; i++) {
        rc = add_fact(p, r, &r->facts[i], &at, ret);
        if (rc != WD_OK) {
            return rc;
        }
    }
    rc = processing_rows_sort(ret, &processing_field, r->pool);
    return rc == WD_OK ? drop_ambiguous(r, ret) : rc;
}


/* WD_EINVAL: rejected. */
static int
check_observation(const processing_payload_t *p, wd_records_t *r,
                  const wd_observation_rec_t *o)
{
    int        rc = WD_OK;
    wd_civil_t now, then;

    wd_time_to_civil(p->known_at, &now);
    wd_time_to_civil(o->time, &then);
    if (then.year > now.year + OBSERVATION_YEARS_AHEAD) {
        rc = processing_reject_time(r, o->record, WD_REASON_FUTURE_TIME,
                                    o->sample, "%s is beyond any projection",
                                    o->time);
    } else if (then.year < 1700) {
        rc = processing_reject_time(r, o->record, WD_REASON_ANCIENT_TIME,
                                    o->sample, "%s is before any statistics",
                                    o->time);
    } else {
        return WD_OK;
    }
    return rc != WD_OK ? rc : WD_EINVAL;
}


int
processing_rules_observations(const processing_payload_t *p, wd_records_t *r,
                              processing_rows_t *ret)
{
    int                         rc;
    size_t                      i;
    processing_row_t           *row;
    const wd_observation_rec_t *o;

    for (i = 0; i < r->n_observations; i++) {
        o = &r->observations[i];
        rc = check_observation(p, r, o);
        if (rc == WD_EINVAL) {
            continue;
        }
        row = rc == WD_OK ? processing_rules_row(p, &processing_observation, r,
                                                 o->record, o->sample, ret)
                          : NULL;
        if (row == NULL) {
            return WD_ENOMEM;
        }
        row->rec = o;
        row->cells[OBS_TS] = INT(o->time);
        row->cells[OBS_FREQUENCY] = TEXT(wd_str(&o->frequency, 1));
        row->cells[OBS_VALUE] = NUM(o->value);
        row->cells[OBS_STATUS] = TEXT(o->status);
    }
    return WD_OK;
}
