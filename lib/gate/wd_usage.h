/*
 * wd_usage.h - what was admitted, counted in shared memory until auth has
 * acknowledged it.
 *
 * Rows are (day in UTC, principal, key, plan, method). A batch has a number
 * and does not change until it is acknowledged, whoever sends it how often,
 * so the receiver counts each batch once. When the table is full further rows
 * are counted under the principal "other": nothing is lost, memory is bounded.
 *
 * Any thread and process.
 */
#ifndef WD_USAGE_H
#define WD_USAGE_H

#include "wd_err.h"
#include "wd_time.h"

#define WD_USAGE_SIZE_MIN (64 * 1024)
#define WD_USAGE_TEXT_MAX 384 /* principal, key, plan and method together */
#define WD_USAGE_BATCH_MAX 256 /* rows */
#define WD_USAGE_GATEWAY 32 /* hexadecimal digits */

typedef struct wd_usage_s wd_usage_t;

typedef struct {
    uint32_t day; /* days since 1970 */
    wd_str_t principal;
    wd_str_t key;
    wd_str_t plan;
    wd_str_t method;
    uint64_t requests; /* admitted */
    uint64_t cost; /* of them */
    uint64_t refused;
} wd_usage_row_t;

typedef struct {
    uint64_t rows;
    uint64_t max;
    uint64_t other; /* requests counted under "other" since the start */
} wd_usage_stats_t;

typedef void (*wd_usage_row_pt)(void *data, const wd_usage_row_t *row);

/* As wd_limit_init(). */
wd_must_check int wd_usage_init(void *mem, size_t size, const uint8_t seed[32],
                                wd_usage_t **ret);

/* Adds the counts of `row` to its row. */
void wd_usage_add(wd_usage_t *u, const wd_usage_row_t *row);

/* Name of this table towards auth. */
const char *wd_usage_gateway(const wd_usage_t *u);

/*
 * One caller at a time sends: true when `pid` is it. A sender that was not
 * heard of for three seconds is followed by the next who asks.
 */
bool wd_usage_sender(wd_usage_t *u, uint32_t pid, wd_ns_t now);

/*
 * Calls `each` for the rows of the batch that is not acknowledged yet, or of
 * a new one; returns their number, 0: nothing to send.
 */
size_t wd_usage_batch(wd_usage_t *u, wd_usage_row_pt each, void *data,
                      uint64_t *ret_seq);

/* Forgets the batch, if it is that one. */
void wd_usage_ack(wd_usage_t *u, uint64_t seq);

void wd_usage_stats(wd_usage_t *u, wd_usage_stats_t *ret);

#endif /* WD_USAGE_H */
