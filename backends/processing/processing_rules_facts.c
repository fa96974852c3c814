/*
 * processing_rules_facts.c - validity of figures by name: fields, statements,
 * observations.
 */
#include "processing_check.h"

#include <stdio.h>


/* Observations are projected, but not for ever. */
#define OBSERVATION_YEARS_AHEAD 150


static int
add_field(const processing_payload_t *p, wd_records_t *r, int32_t record,
          wd_str_t sample, const wd_field_rec_t *f, wd_str_t period,
          int64_t who, processing_rows_t *ret)
{
    processing_row_t *row;

    row = processing_rules_row(p, &processing_field, r, record, sample, ret);
    if (row == NULL) {
        return WD_ENOMEM;
    }
    row->cells[FIELD_INSTRUMENT] = INT(who);
    row->cells[FIELD_SOURCE] = INT(p->source);
    row->cells[FIELD_NAME] = TEXT(f->name);
    row->cells[FIELD_PERIOD] = TEXT(period);
    row->cells[FIELD_VALUE] = TEXT(f->value);
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
        rc = add_field(p, r, f->record, f->name, f, WD_STR(""), 0, ret);
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


/* "annual 2025-12-31", "IQ_FY", "2012-01-03" or "". */
static int
fact_period(wd_pool_t *pool, const wd_fact_rec_t *f, wd_str_t *ret)
{
    char   day[WD_TIME_TEXT_MAX] = "";
    char  *period;
    size_t n = f->period.len + 1 + sizeof(day);

    if (f->time != WD_NS_MIN) {
        wd_date_format(f->time, day);
    }
    period = wd_pool_alloc(pool, n);
    if (period == NULL) {
        return WD_ENOMEM;
    }
    *ret = wd_str(period,
                  (size_t) snprintf(
                      period, n, "%.*s%s%s", WD_STR_ARG(f->period),
                      f->period.len != 0 && day[0] != '\0' ? " " : "", day));
    return WD_OK;
}


static int
add_fact(const processing_payload_t *p, wd_records_t *r, const wd_fact_rec_t *f,
         processing_rows_t *ret)
{
    int            rc;
    wd_str_t       period;
    wd_field_rec_t field = {.value = f->text};

    rc = f->time != WD_NS_MIN
             ? processing_check_time(p, r, f->record, f->sample, f->time)
             : WD_OK;
    if (rc != WD_OK) {
        return rc == WD_EINVAL ? WD_OK : rc;
    }
    rc = fact_name(r->pool, p->prefix, f->item, &field.name);
    if (rc == WD_OK) {
        rc = fact_period(r->pool, f, &period);
    }
    return rc != WD_OK ? rc
                       : add_field(p, r, f->record, f->sample, &field, period,
                                   processing_who(p, f->symbol).i, ret);
}


int
processing_rules_facts(const processing_payload_t *p, wd_records_t *r,
                       processing_rows_t *ret)
{
    int    rc;
    size_t i;

    for (i = 0; i < r->n_facts; i++) {
        rc = add_fact(p, r, &r->facts[i], ret);
        if (rc != WD_OK) {
            return rc;
        }
    }
    return processing_rules_finish(&processing_field, r, ret);
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
