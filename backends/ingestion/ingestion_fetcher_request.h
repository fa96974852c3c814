/*
 * ingestion_fetcher_request.h - requests of the fetcher's files; for them
 * alone.
 */
#ifndef INGESTION_FETCHER_REQUEST_H
#define INGESTION_FETCHER_REQUEST_H

#include "ingestion_fetcher_int.h"

#define INGESTION_TOKEN_MAX 8192

/*
 * Fills call->req, whose texts are in *q, in `headers` (of which n_headers
 * are there, with room for INGESTION_HEADERS_MAX + 1 more) and *ret_secret
 * (heap, to be wiped and freed). WD_OK; WD_ENOMEM; WD_EFORBIDDEN: the host is
 * not on the account's list; WD_ECONFIG: nothing can be signed with it.
 */
wd_must_check int
ingestion_request_make(ingestion_fetcher_t *f, ingestion_account_t *account,
                       ingestion_question_t *q, const char *token,
                       const char **headers, size_t n_headers,
                       char **ret_secret, ingestion_call_t *call);

#endif /* INGESTION_FETCHER_REQUEST_H */
