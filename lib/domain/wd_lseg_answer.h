/*
 * wd_lseg_answer.h - judges the bodies of the LSEG (Refinitiv) Data Platform,
 * and reads the answers of its token service.
 *
 * Errors come in five shapes, some of them with status 200:
 *
 *     {"error":"invalid_client","error_description":".."}     token service
 *     {"error":{"code":"401","message":".."}}                 data services
 *     [{"universe":{},"status":{"code":"TS.a.b.1",..}}]       pricing
 *     {"error":{"code":412,"description":".."}, ..}           ESG
 *     {"state":{"code":400,"message":".."},"data":[]}         custom instruments
 */
#ifndef WD_LSEG_ANSWER_H
#define WD_LSEG_ANSWER_H

#include "wd_answer.h"

/* WD_OK with *ret filled for any bytes whatever; WD_ENOMEM. Pure. */
wd_must_check int wd_lseg_classify(wd_str_t body, wd_answer_t *ret);

/* The same for a body that is parsed already. */
void wd_lseg_classify_json(const json_t *root, wd_answer_t *ret);

/*
 * A status of the pricing services, "TS.Interday.UserRequestError.70005": its
 * middle part decides, the number only where that part says too little. OK: a
 * mere warning. MALFORMED: a kind that nobody documents.
 */
wd_answer_e wd_lseg_status_class(wd_str_t code, wd_str_t message);

/*
 * An error's class by its code ("404", "invalid_client") and its text; either
 * may be "".
 */
wd_answer_e wd_lseg_error_class(wd_str_t code, wd_str_t text);

/*
 * "70005: The universe is not found.", for people, without secrets: of a
 * dotted code the last part alone, since long words in it look like keys.
 */
void wd_lseg_error_text(wd_str_t code, wd_str_t message,
                        char out[WD_ANSWER_TEXT_MAX]);

#define WD_LSEG_TOKEN_MAX 8192 /* bytes of one token */
#define WD_LSEG_EXPIRES_MAX_S (7 * 86400)

/* Secret: the caller wipes it with explicit_bzero(). Zero-terminated. */
typedef struct {
    char    access[WD_LSEG_TOKEN_MAX + 1];
    char    refresh[WD_LSEG_TOKEN_MAX + 1]; /* "": none, as in version 2 */
    int64_t expires_s; /* life from the answer on, 1 to the limit */
} wd_lseg_token_t;

/*
 * A token answer. WD_OK with class OK and *ret_token filled. WD_OK with any
 * other class: *ret_token is wiped; a body that is neither a token nor an
 * error is MALFORMED. No copy of a token is left behind. WD_ENOMEM.
 */
wd_must_check int wd_lseg_token(wd_str_t body, wd_lseg_token_t *ret_token,
                                wd_answer_t *ret);

#endif /* WD_LSEG_ANSWER_H */
