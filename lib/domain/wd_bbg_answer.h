/*
 * wd_bbg_answer.h - judges the bodies of Bloomberg: BLPAPI answers as JSON,
 * documents of the Data License REST service, Data License files, tables.
 */
#ifndef WD_BBG_ANSWER_H
#define WD_BBG_ANSWER_H

#include "wd_answer.h"

/*
 * WD_OK with *ret filled for any bytes whatever; WD_ENOMEM. Pure.
 *
 * One bad security or field beside good ones is OK: asking again brings
 * nothing else. A limit of the account decides even beside rows.
 */
wd_must_check int wd_bbg_classify(wd_str_t body, wd_answer_t *ret);

/* The same for JSON that is parsed already. */
void wd_bbg_classify_json(const json_t *root, wd_answer_t *ret);

/*
 * What BLPAPI's category and subcategory of an error mean. Messages are not
 * looked at: they hold the number of a node, which changes.
 */
wd_answer_e wd_bbg_error_class(wd_str_t category, wd_str_t subcategory);

/* What a status of HTTP in a document's own words means; 2xx: OK. */
wd_answer_e wd_bbg_status_class(int64_t status);

/* An error of BLPAPI: {source, code, category, message, subcategory}. */
typedef struct {
    wd_str_t category;
    wd_str_t subcategory;
    wd_str_t code;
    wd_str_t message;
} wd_bbg_error_t;

/* "BAD_SEC INVALID_SECURITY 43: Unknown", cut; not redacted. */
wd_str_t wd_bbg_error_text(const wd_bbg_error_t *e,
                           char                  out[WD_ANSWER_TEXT_MAX]);

#endif /* WD_BBG_ANSWER_H */
