/*
 * ingestion_bloomberg.h - the two halves of Bloomberg, for each other; the
 * functions are those of provider.h.
 *
 * The Data License REST service answers in steps: universe, field list,
 * trigger and request are made, and a while later the catalogue has a file
 * that holds the data.
 */
#ifndef INGESTION_BLOOMBERG_H
#define INGESTION_BLOOMBERG_H

#include "provider.h"

int bloomberg_license_question(const ingestion_ask_t *ask,
                               ingestion_question_t *ret, wd_error_t *err);
int bloomberg_license_classify(const ingestion_ask_t *ask,
                               const wd_http_res_t   *res,
                               ingestion_verdict_t   *ret);
int bloomberg_license_next(const ingestion_ask_t *ask, const wd_http_res_t *res,
                           const ingestion_verdict_t *v, ingestion_next_t *ret);
int bloomberg_license_sign(const ingestion_sign_t *in, wd_buf_t *out);

#endif /* INGESTION_BLOOMBERG_H */
