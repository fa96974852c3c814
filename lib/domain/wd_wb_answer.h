/*
 * wd_wb_answer.h - judges the bodies of the World Bank's Indicators API, JSON
 * or XML, data or lists.
 */
#ifndef WD_WB_ANSWER_H
#define WD_WB_ANSWER_H

#include "wd_answer.h"

/* The page object, and how many rows came with it. */
typedef struct {
    int64_t page;
    int64_t pages;
    int64_t total;
    int64_t rows;
} wd_wb_page_t;

/* WD_OK with *ret filled for any bytes whatever; WD_ENOMEM. Pure. */
wd_must_check int wd_wb_classify(wd_str_t body, wd_answer_t *ret);

/* The same with the page; all zeros unless class is OK or EMPTY. */
wd_must_check int wd_wb_classify_page(wd_str_t body, wd_answer_t *ret,
                                      wd_wb_page_t *ret_page);

/* The same for a body that is parsed already; ret_page may be NULL. */
void wd_wb_classify_json(const json_t *root, wd_answer_t *ret,
                         wd_wb_page_t *ret_page);

/* The judgement of an error, and of a page with rows; for all readers. */
void wd_wb_classify_message(wd_str_t id, wd_str_t value, wd_answer_t *ret);
void wd_wb_classify_counts(const wd_wb_page_t *page, wd_answer_t *ret);

#endif /* WD_WB_ANSWER_H */
