/*
 * processing_rules_facts.c - validity of figures by name: fields, statements,
 * observations.
 */
#include "processing_check.h"

#include <stdio.h>


/* Observations are projected, but not for ever. */
#define OBSERVATION_YEARS_AHEAD 150


int
processing_rules_fields(const processing_payload_t *p, wd_records_t *r,
                        processing_rows_t *ret)
{
    int               rc;
    size_t            i;
    processing_row_t *row;

    for (i = 0; i < r->n_fields; i++) {
        row = processing_rows_add(ret, &processing_field, r->pool);
        if (row == NULL) {
            return WD_ENOMEM;
        }
        row->known_at = p->known_at;
        row->raw_id = p->raw_id;
        row->rec = &r->fields[i];
        row->cells[FIELD_SOURCE] = INT(p->source);
        row->cells[FIELD_NAME] = TEXT(r->fields[i].name);
        row->cells[FIELD_PERIOD] = TEXT(WD_STR(""));
        row->cells[FIELD_VALUE] = TEXT(r->fields[i].value);
    }

    rc = processing_rows_sort(ret, &processing_field, r->pool);
    return rc != WD_OK ? rc
                       : processing_rules_unique(&processing_field, r, ret);
}


/* The fact as a field: the statement is part of the name, as some items stand
 * in several; the day is part of the period. */
static int
fact_field(wd_pool_t *pool, const wd_fact_rec_t *f, const char *prefix,
           wd_field_rec_t *ret, wd_str_t *ret_period)
{
    char      *name, *period;
    size_t     n = strlen(prefix) + 1 + f->item.len + 1;
    size_t     m = f->period.len + sizeof(" YYYY-MM-DD") + 8;
    wd_civil_t c;

    name = wd_pool_alloc(pool, n);
    period = wd_pool_alloc(pool, m);
    if (name == NULL || period == NULL) {
        return WD_ENOMEM;
    }
    wd_time_to_civil(f->time, &c);
    ret->name = wd_str(name, (size_t) snprintf(name, n, "%s.%.*s", prefix,
                                               WD_STR_ARG(f->item)));
    *ret_period = wd_str(period,
                         (size_t) snprintf(period, m, "%.*s %04d-%02d-%02d",
                                           WD_STR_ARG(f->period), c.year,
                                           c.month, c.day));
    ret->value = f->text;
    ret->record = f->record;
    return WD_OK;
}


int
processing_rules_facts(const processing_payload_t *p, wd_records_t *r,
                       const char *prefix, processing_rows_t *ret)
{
    int               rc;
    size_t            i;
    wd_str_t          period;
    wd_field_rec_t   *f;
    processing_row_t *row;

    for (i = 0; i < r->n_facts; i++) {
        rc = processing_check_time(p, r, r->facts[i].record, r->facts[i].sample,
                                   r->facts[i].time);
        if (rc == WD_EINVAL) {
            continue;
        }
        f = wd_pool_alloc(r->pool, sizeof(*f));
        row = rc == WD_OK && f != NULL
                  ? processing_rows_add(ret, &processing_field, r->pool)
                  : NULL;
        if (row == NULL
            || fact_field(r->pool, &r->facts[i], prefix, f, &period) != WD_OK) {
            return WD_ENOMEM;
        }
        row->known_at = p->known_at;
        row->raw_id = p->raw_id;
        row->rec = f;
        row->cells[FIELD_SOURCE] = INT(p->source);
        row->cells[FIELD_NAME] = TEXT(f->name);
        row->cells[FIELD_PERIOD] = TEXT(period);
        row->cells[FIELD_VALUE] = TEXT(f->value);
    }

    rc = processing_rows_sort(ret, &processing_field, r->pool);
    return rc != WD_OK ? rc
                       : processing_rules_unique(&processing_field, r, ret);
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
        row = rc == WD_OK
                  ? processing_rows_add(ret, &processing_observation, r->pool)
                  : NULL;
        if (row == NULL) {
            return WD_ENOMEM;
        }
        row->known_at = p->known_at;
        row->raw_id = p->raw_id;
        row->rec = o;
        row->cells[OBS_TS] = INT(o->time);
        row->cells[OBS_FREQUENCY] = TEXT(wd_str(&o->frequency, 1));
        row->cells[OBS_VALUE] = NUM(o->value);
        row->cells[OBS_STATUS] = TEXT(o->status);
    }
    return WD_OK;
}
