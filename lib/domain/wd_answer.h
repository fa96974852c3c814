/*
 * wd_answer.h - what a provider's answer is, judged from its body alone.
 *
 * Providers send errors with status 200, so the body decides first and the
 * HTTP status only where the body says nothing. The collector (retry, park,
 * stop) and the processing (parse or reject) share this judgement.
 */
#ifndef WD_ANSWER_H
#define WD_ANSWER_H

#include "wd_err.h"
#include "wd_json_scan.h"

#include <jansson.h>

/*
 *     WD_ANSWER(id, name, raw)
 *
 * raw  1: the body is data, or should have been: it is kept in the archive;
 *      0: a notice about the caller's account, which may repeat the key
 */
#define WD_ANSWER_TABLE(WD_ANSWER)                                             \
    WD_ANSWER(OK, "ok", 1) /* rows in the shape that was asked for */          \
    WD_ANSWER(EMPTY, "empty", 1) /* well-formed, no rows: not yet, or never */ \
    WD_ANSWER(AUTH, "auth", 0) /* the key is missing or wrong */               \
    WD_ANSWER(PERMISSION, "permission", 0) /* not in the caller's plan */      \
    WD_ANSWER(ARTIFICIAL, "artificial", 1) /* the same, with made-up rows */   \
    WD_ANSWER(NOT_FOUND, "not_found", 1) /* no such symbol, series, country */ \
    WD_ANSWER(ARCHIVED, "archived", 1) /* the provider withdrew the series */  \
    WD_ANSWER(BAD_REQUEST, "bad_request", 0) /* asked in a wrong way */        \
    WD_ANSWER(LIMIT_SHORT, "limit_short", 0) /* ask again in seconds */        \
    WD_ANSWER(LIMIT_LONG, "limit_long", 0) /* ask again tomorrow */            \
    WD_ANSWER(UPSTREAM, "upstream", 0) /* the provider is out of order */      \
    WD_ANSWER(MALFORMED, "malformed", 1) /* not what the provider documents */ \
    WD_ANSWER(PARTIAL, "partial", 1) /* some of the rows promised */

typedef enum {
#define WD_ANSWER(id, name, raw) WD_ANSWER_##id,
    WD_ANSWER_TABLE(WD_ANSWER)
#undef WD_ANSWER
        WD_ANSWER_COUNT
} wd_answer_e;

#define WD_ANSWER_TEXT_MAX 200

typedef struct {
    wd_answer_e class;
    int  wait_s; /* of a limit: seconds that the provider wants; 0: unknown */
    char text[WD_ANSWER_TEXT_MAX]; /* for people; no secrets; "" when ok */
} wd_answer_t;

const char *wd_answer_name(wd_answer_e class);
bool        wd_answer_is_raw(wd_answer_e class);

/* Fills *ret; `text` may be NULL. */
void wd_answer_set(wd_answer_t *ret, wd_answer_e class, const char *text);

/* The same with text of the provider's, through wd_answer_redact(). */
void wd_answer_set_redacted(wd_answer_t *ret, wd_answer_e class, wd_str_t text);

/*
 * Copies text for people: everything that looks like a key is replaced, also
 * the value of any "apikey="; control characters become blanks, bytes that
 * are not UTF-8 '?'; cut at `cap`. Zero-terminated.
 */
void wd_answer_redact(wd_str_t text, char *out, size_t cap);

/* Without a byte order mark and leading and trailing blanks. */
wd_str_t wd_answer_body(wd_str_t body);

/* Bounds of a document that is parsed into memory. */
#define WD_ANSWER_JSON_MAX (64u * 1024 * 1024) /* bytes */
#define WD_ANSWER_CONTAINERS_MAX 500000u /* objects and arrays */
#define WD_ANSWER_VALUES_MAX 8000000u

/*
 * A cursor over a provider's JSON. As wd_answer_json() it takes figures that
 * are none (NaN, 1e999): what they stand in is rejected by its own reader, and
 * all else is read.
 */
wd_json_scan_t wd_answer_scan(wd_str_t body);

/*
 * Parses one JSON document of a provider. WD_OK: *ret is the caller's, with 0
 * for each figure that a number cannot hold: it is to be judged by its shape,
 * not for its figures. WD_ENOMEM; WD_ETRUNC: it ends too early; WD_ETOOBIG: beyond the bounds
 * above; WD_EPROTO: no JSON. err->text says where.
 */
wd_must_check int wd_answer_json(wd_str_t body, json_t **ret, wd_error_t *err);

/* MALFORMED for what wd_answer_json() refused; WD_ENOMEM is handed on. */
wd_must_check int wd_answer_refused(int rc, wd_str_t body,
                                    const wd_error_t *err, wd_answer_t *ret);

/* `lower` stands in the text, whatever its case. */
bool wd_answer_contains(wd_str_t text, const char *lower);

/* The member `key` of an object when it is text; "" otherwise. */
wd_str_t wd_answer_member(const json_t *object, const char *key);

#endif /* WD_ANSWER_H */
