/*
 * wd_wb_xml.h - the World Bank's XML answers: <wb:data> with rows <wb:data>,
 * or <wb:error>; the prefix may be missing. XML is what the provider sends
 * when no format is asked for, and some of its errors are XML whatever was.
 * For wd_wb_parse.c and wd_wb_answer.c.
 */
#ifndef WD_WB_XML_H
#define WD_WB_XML_H

#include "wd_wb_answer.h"
#include "wd_wb_parse.h"

/*
 * As wd_wb_parse_dataset(), for a body that begins with '<'. A page gives the
 * same records as in JSON, only that their samples are XML. Lists are known
 * in JSON only.
 */
wd_must_check int wd_wb_xml_parse(wd_wb_dataset_e dataset, wd_str_t body,
                                  wd_records_t *ret);

/* As wd_wb_classify_page(), for a body that begins with '<'. */
wd_must_check int wd_wb_xml_classify(wd_str_t body, wd_answer_t *ret,
                                     wd_wb_page_t *ret_page);

#endif /* WD_WB_XML_H */
