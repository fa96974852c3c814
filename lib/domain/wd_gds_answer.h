/*
 * wd_gds_answer.h - judges the bodies of the Capital IQ client service (GDS)
 * and of its token service.
 *
 * Status 200 says nothing: each entry of "GDSSDKResponse" has its own ErrMsg,
 * null or "" when it is good, and texts such as "Data Unavailable" may stand
 * in the place of figures. A limit is one entry with nothing but an ErrMsg,
 * whatever was asked.
 *
 * Of the texts, only "Daily Request Limit of N Exceeded" is known as the
 * service writes it; the others are told by their words, and one that says
 * nothing known is a bad request: never asked again by itself.
 */
#ifndef WD_GDS_ANSWER_H
#define WD_GDS_ANSWER_H

#include "wd_answer.h"
#include "wd_pool.h"

typedef struct {
    size_t entries;
    size_t good;
    size_t failed; /* with an error, or with no value at all */

    /*
     * The gravest class among those that failed, OK when none did. Beside
     * good entries the answer as a whole is PARTIAL, and only this tells that
     * a limit was met, or the token ran out, in the middle of the batch.
     */
    wd_answer_e worst;
} wd_gds_batch_t;

/* WD_OK with *ret filled for any bytes whatever; WD_ENOMEM. Pure. */
wd_must_check int wd_gds_classify(wd_str_t body, wd_answer_t *ret);

/* The same with what became of the entries; all zeros where there are none. */
wd_must_check int wd_gds_classify_batch(wd_str_t body, wd_answer_t *ret,
                                        wd_gds_batch_t *ret_batch);

/* What the service's text means; *ret_wait_s may be NULL. */
wd_answer_e wd_gds_error(wd_str_t text, int *ret_wait_s);

/*
 * Does the text of a cell say why there is no value ("Data Unavailable",
 * "CapabilityNeeded")? *ret: what that means.
 */
bool wd_gds_no_value(wd_str_t cell, wd_answer_e *ret);

/* A member beside or instead of "GDSSDKResponse" that holds an error text. */
bool wd_gds_is_notice(wd_str_t key);

#define WD_GDS_TOKEN_MAX 8192 /* bytes */
#define WD_GDS_TOKEN_LIFE_MAX 604800 /* seconds */

typedef struct {
    wd_str_t access; /* printable without blanks: fit for a header */
    wd_str_t refresh; /* NULL: none was given */
    int      expires_s; /* 0: not said; longer than the maximum is cut */
} wd_gds_token_t;

/*
 * Answers of the token service. OK: *ret_token is filled, from the pool;
 * else it is all zeros. The texts of *ret never hold a token.
 */
wd_must_check int wd_gds_classify_token(wd_str_t body, wd_pool_t *pool,
                                        wd_answer_t    *ret,
                                        wd_gds_token_t *ret_token);

#endif /* WD_GDS_ANSWER_H */
