/*
 * wd_test_records.h - what tests of parsers share: a payload in memory of its
 * own, the records of it, questions about those.
 */
#ifndef WD_TEST_RECORDS_H
#define WD_TEST_RECORDS_H

#include "wd_test.h"

#include "wd_pool.h"
#include "wd_records.h"

typedef struct {
    wd_pool_t   *pool;
    wd_records_t r;
    char        *body;
} wd_test_parsed_t;

/*
 * Begins anew with no records. Returns a copy of the text in memory of exactly
 * its length, so that a step too far is seen; it stays until _done.
 */
wd_str_t wd_test_copy(wd_test_parsed_t *p, const char *text, size_t n);
wd_str_t wd_test_copy_z(wd_test_parsed_t *p, const char *text);
void     wd_test_parsed_done(wd_test_parsed_t *p);

#define assert_rejected(p, i, reason, record) \
    wd_test_assert_rejected(&(p)->r, i, reason, record)

/* Reject `i` is of that reason and record. */
void wd_test_assert_rejected(const wd_records_t *r, size_t i,
                             wd_reason_e reason, int32_t record);

/* Fact `i` says this of this symbol; text NULL: it has a number. */
void wd_test_assert_fact(const wd_test_parsed_t *p, size_t i,
                         const char *symbol, const char *item,
                         const char *text);

/* Records of all kinds, without rejects. */
size_t wd_test_records_count(const wd_records_t *r);

/* "2026-05-08", also with a time of day: civil time, read as UTC. */
wd_ns_t wd_test_day(const char *text);

/* What wd_time_parse() reads. */
wd_ns_t wd_test_time(const char *text);

#endif /* WD_TEST_RECORDS_H */
