/*
 * wd_kf_answer.h - judges the bodies of S&P Global's LLM-ready API (kfinance).
 *
 * Answers about many are keyed by the company, with the errors beside them:
 * {"results": {...}, "errors": {"ID": "text"}}, or in the place of one:
 * {"NAME": {"error": "text"}}. Texts are judged as those of GDS.
 */
#ifndef WD_KF_ANSWER_H
#define WD_KF_ANSWER_H

#include "wd_answer.h"

/* WD_OK with *ret filled for any bytes whatever; WD_ENOMEM. Pure. */
wd_must_check int wd_kf_classify(wd_str_t body, wd_answer_t *ret);

/* A member that holds an error text instead of data. */
bool wd_kf_is_notice(wd_str_t key);

#endif /* WD_KF_ANSWER_H */
