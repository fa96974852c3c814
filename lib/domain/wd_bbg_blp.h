/*
 * wd_bbg_blp.h - BLPAPI answers that came as JSON over HTTP. Pure.
 *
 * What is taken:
 *
 *     {"data": [MESSAGE, ...], "status": 0, "message": "OK"}
 *     [MESSAGE, ...], MESSAGE, or one MESSAGE behind the other
 *
 * A MESSAGE holds "securityData" (history, reference data) or
 * "responseError", perhaps inside of "HistoricalDataResponse" or
 * "ReferenceDataResponse", perhaps beside "eventType". A sequence of one
 * element may stand there as that element.
 *
 * Records: a row of a history, a field of a security, a row of a bulk field,
 * an error of a security or a field. A bulk row's items are called
 * "FIELD.Column".
 */
#ifndef WD_BBG_BLP_H
#define WD_BBG_BLP_H

#include "wd_records.h"

/*
 * *ret was initialised; `body` must stay as long as *ret. WD_OK, whatever the
 * body holds: what is wrong with it stands in ret->rejects and ret->refused.
 * A PARTIAL_RESPONSE that no RESPONSE follows leaves a reject TRUNCATED of
 * the payload. WD_ENOMEM.
 */
wd_must_check int wd_bbg_blp_parse(wd_str_t body, wd_records_t *ret);

#endif /* WD_BBG_BLP_H */
