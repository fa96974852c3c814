/*
 * wd_av_answer.h - judges the bodies of Alpha Vantage, JSON or CSV.
 */
#ifndef WD_AV_ANSWER_H
#define WD_AV_ANSWER_H

#include "wd_answer.h"

/* WD_OK with *ret filled for any bytes whatever; WD_ENOMEM. Pure. */
wd_must_check int wd_av_classify(wd_str_t body, wd_answer_t *ret);

/* The same for a body that is parsed already. */
void wd_av_classify_json(const json_t *root, wd_answer_t *ret);

#endif /* WD_AV_ANSWER_H */
