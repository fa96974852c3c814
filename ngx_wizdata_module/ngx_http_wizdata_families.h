/*
 * ngx_http_wizdata_families.h - the gateway's own metrics as text.
 *
 * The text is made of units: the samples of one series, or of one histogram.
 * A scrape writes as many of them at a time as its slice allows. Each unit is
 * read when it is written, so a histogram agrees with itself, while two series
 * of one answer may be of different moments.
 */
#ifndef NGX_HTTP_WIZDATA_FAMILIES_H
#define NGX_HTTP_WIZDATA_FAMILIES_H

#include "ngx_http_wizdata.h"

#include "wd_expo.h"

extern const uint64_t ngx_http_wizdata_bounds[NGX_HTTP_WIZDATA_BOUNDS]; /* ns */

typedef struct ngx_http_wizdata_part_s ngx_http_wizdata_part_t;

struct ngx_http_wizdata_samples_s {
    ngx_http_wizdata_ctx_t           *ctx; /* of the scrape */
    ngx_http_wizdata_counters_zone_t *zone;
    wd_buf_t                         *out;
    const ngx_http_wizdata_part_t    *part; /* being written */
    unsigned                          openmetrics:1;
};

/* Names of the values of labels. */
const char *ngx_http_wizdata_endpoint_name(ngx_uint_t ep);
const char *ngx_http_wizdata_verb_name(ngx_uint_t verb);
const char *ngx_http_wizdata_status_name(ngx_uint_t row, char out[8]);
ngx_uint_t ngx_http_wizdata_status_row(ngx_uint_t status);
ngx_uint_t ngx_http_wizdata_verb_row(ngx_http_request_t *r);
const char *ngx_http_wizdata_plan_name(
    const ngx_http_wizdata_counters_zone_t *z, ngx_uint_t row);
const char *ngx_http_wizdata_class_name(ngx_uint_t class);

/* The service that answers the endpoint, or gateway. */
const char *ngx_http_wizdata_owner_name(ngx_uint_t ep);

/* Parts, in the order in which they are written; those of a family adjoin. */
ngx_uint_t ngx_http_wizdata_parts(void);
const char *ngx_http_wizdata_part_name(ngx_uint_t part);
wd_expo_type_e ngx_http_wizdata_part_type(ngx_uint_t part);
const char *ngx_http_wizdata_part_help(ngx_uint_t part);
ngx_uint_t ngx_http_wizdata_part_units(const ngx_http_wizdata_samples_t *s,
    ngx_uint_t part);

/* Of all that says what a cell means. */
typedef uint64_t (*ngx_http_wizdata_hash_pt)(uint64_t h, const void *data,
    size_t n);

uint64_t ngx_http_wizdata_parts_hash(uint64_t h,
    ngx_http_wizdata_hash_pt more);

/* Writes nothing for a series that was never counted and may be many. */
void ngx_http_wizdata_part_write(ngx_http_wizdata_samples_t *s,
    ngx_uint_t part, ngx_uint_t unit);

#endif /* NGX_HTTP_WIZDATA_FAMILIES_H */
