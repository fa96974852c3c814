/*
 * processing_time.h - civil times of payloads to UTC, and when a period is
 * over.
 */
#ifndef PROCESSING_TIME_H
#define PROCESSING_TIME_H

#include "wd_records.h"
#include "wd_timeframe.h"
#include "wd_tz.h"

typedef struct {
    wd_tz_t *eastern;
    wd_tz_t *utc;
} processing_zones_t;

/* A payload's zone: one of the zone files, or a fixed offset. */
typedef struct {
    const wd_tz_t *tz; /* NULL: `offset` applies */
    wd_ns_t        offset; /* east of UTC */
} processing_zone_t;

/* Loads the zone files; *err names the one that is missing. */
wd_must_check int processing_zones_load(processing_zones_t *zones,
                                        wd_error_t         *err);
void              processing_zones_done(processing_zones_t *zones);

/*
 * "US/Eastern", "Eastern Time (US & ...)", "UTC", "GMT", "GMT+8", "UTC-04";
 * empty: `otherwise`. WD_ENOTFOUND for another text.
 */
wd_must_check int processing_zone_by_name(const processing_zones_t *zones,
                                          wd_str_t                  name,
                                          const wd_tz_t            *otherwise,
                                          processing_zone_t        *ret);

/* WD_OK, or WD_EOVERFLOW. */
wd_must_check int processing_to_utc(const processing_zone_t *zone,
                                    wd_ns_t civil, wd_ns_t *ret);

/*
 * "1min" ... "60min", "daily", "weekly", "monthly", or the same as a duration
 * of ISO 8601: "PT1M", "P1D"; WD_TF_NONE for another text.
 */
wd_timeframe_e processing_interval(wd_str_t name);

/*
 * Are intraday bars labelled by their end? The provider did so in answers of
 * 2020 and 2021 and labels by the start in later ones; no field tells it, so
 * the stamps must. Its session of US equities runs from 04:00 to 20:00:
 *
 *   a stamp of 20:00 begins no bar: labelled by the end;
 *   a stamp of 04:00 ends no bar: labelled by the start;
 *   else, if every stamp lies within 09:30 and 16:00 (regular session only):
 *   16:00 without any 09:30 on a day that was over, its late session too,
 *   when the payload was fetched: labelled by the end;
 *   else by the start.
 *
 * Both 20:00 and 04:00: by the start, the rule of today.
 */
bool processing_labels_end(const wd_bar_rec_t *bars, size_t n,
                           const processing_zone_t *zone, wd_ns_t fetched_at);

/* Which end of an intraday bar its time is. */
typedef enum {
    PROCESSING_LABELS_GUESSED, /* processing_labels_end() */
    PROCESSING_LABELS_START,
    PROCESSING_LABELS_END
} processing_labels_e;

/* When one trades: crypto currencies always, others not at weekends. */
typedef enum {
    PROCESSING_EXCHANGE, /* of New York's time */
    PROCESSING_WORLD, /* any exchange, or none */
    PROCESSING_FX,
    PROCESSING_CRYPTO
} processing_market_e;

/*
 * Was the period that begins at `ts` (midnight, as if UTC) over at
 * `fetched_at`? That of New York's exchanges ends at 16:00 there on the last
 * day of trade, any other one with that day in UTC. A day, a week or a month.
 */
bool processing_period_over(const processing_zones_t *zones,
                            processing_market_e market, wd_timeframe_e tf,
                            wd_ns_t ts, wd_ns_t fetched_at);

/* The same for one day. */
bool processing_day_over(const processing_zones_t *zones,
                         processing_market_e market, wd_ns_t date,
                         wd_ns_t fetched_at);

/* The days that were asked for, both inclusive. */
typedef struct {
    bool    has_from;
    bool    has_to;
    wd_ns_t from;
    wd_ns_t to;
} processing_asked_t;

/*
 * Is a bar of a week or month made of a part of it, as only a part was asked
 * for? Not so the one that was not over at the fetch.
 */
bool processing_period_cut(const processing_zones_t *zones,
                           processing_market_e market, wd_timeframe_e tf,
                           wd_ns_t ts, const processing_asked_t *asked,
                           wd_ns_t fetched_at);

#endif /* PROCESSING_TIME_H */
