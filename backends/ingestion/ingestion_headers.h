/*
 * ingestion_headers.h - which headers of an answer are kept beside its body.
 */
#ifndef INGESTION_HEADERS_H
#define INGESTION_HEADERS_H

#include "ingestion_account.h"

#include "wd_http.h"

#define INGESTION_HEADERS_JSON_MAX 2000

/*
 * A JSON object of those that say when, by whom and how long an answer is
 * good: {"date": ..., "etag": ...}, names in lower case, the first of each.
 * All others may carry sessions, tokens, or the URL with the key; so may a
 * value that holds a secret of the account, and what is no text of at
 * most 256 bytes. WD_OK or WD_ENOMEM.
 */
wd_must_check int ingestion_headers_json(const wd_http_res_t       *res,
                                         const ingestion_account_t *account,
                                         wd_buf_t                  *out);

#endif /* INGESTION_HEADERS_H */
