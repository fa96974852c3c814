/*
 * bench_answers.h - answers of a provider, made up: a price that walks. Their
 * shape (members, digits, blanks) is that of recorded ones.
 */
#ifndef BENCH_ANSWERS_H
#define BENCH_ANSWERS_H

#include "wd_buf.h"
#include "wd_time.h"

/* Below n; the same numbers in every run. */
uint32_t bench_any(uint32_t n);

typedef struct {
    uint32_t open, high, low, close; /* of 1/10000 */
    uint32_t volume;
} bench_day_t;

bench_day_t bench_first_day(void);
void        bench_next_day(bench_day_t *d);

/* The n-th weekday, or step of five minutes, before the end of March 2021. */
void bench_stamp(wd_buf_t *b, int n, bool minutes);

/* A price between two texts. */
void bench_price(wd_buf_t *b, const char *before, uint32_t v,
                 const char *after);

/* Alpha Vantage's JSON of n days or steps of five minutes, newest first. */
void bench_av(wd_buf_t *b, const char *symbol, int n, bool minutes);

#endif /* BENCH_ANSWERS_H */
