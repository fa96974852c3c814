/*
 * wd_bbg_json.h - what the readers of BLPAPI's JSON share; for them alone.
 *
 * Damage costs only the item that it hit: when one cannot be read, the reader
 * goes on at the next thing that begins such an item, unless something larger
 * begins or ends before it. All return WD_OK, WD_ENOMEM, WD_ETRUNC (the text
 * ends here), WD_EPROTO (no JSON, or not where it should be) or WD_ETOOBIG
 * (more records than one payload may have).
 */
#ifndef WD_BBG_JSON_H
#define WD_BBG_JSON_H

#include "wd_bbg_answer.h"
#include "wd_bbg_record.h"
#include "wd_json_scan.h"

typedef struct {
    wd_json_scan_t s;
    wd_records_t  *r;
    int            nesting;
    int32_t        known; /* parts of messages that say something */
    int32_t        envelopes;
    bool           event; /* the message has a type */
    bool           partial; /* the last answer was a PARTIAL_RESPONSE */
    bool           failed; /* the bridge says so */
    bool           refused; /* a responseError */
    bool           cut; /* the text ends too early */
    char           error[WD_ANSWER_TEXT_MAX];
    wd_str_t       bulk; /* the field whose value is read */
    wd_bbg_row_t   row;
} wd_bbg_blp_t;

typedef int (*wd_bbg_item_pt)(wd_bbg_blp_t *b, wd_str_t symbol);

#define WD_BBG_MARKS_MAX 5

/* First keys of an item, and of what does not belong to the sequence. */
typedef struct {
    const char *starts[WD_BBG_MARKS_MAX];
    const char *ends[WD_BBG_MARKS_MAX];
    bool        flat; /* a bracket ends the sequence */
} wd_bbg_marks_t;

/* The text between two places. */
static inline wd_str_t
wd_bbg_slice(const char *from, const char *to)
{
    return wd_str(from, (size_t) (to - from));
}

/*
 * A sequence: an array, or its one element itself, or null for none. `item`
 * is called before the brace of each object. `marks` NULL: what is behind a
 * damage is not looked for.
 */
wd_must_check int wd_bbg_each(wd_bbg_blp_t *b, wd_str_t symbol,
                              const wd_bbg_marks_t *marks, wd_bbg_item_pt item);

/* A scalar as text, null as missing; *ret_plain: no object or array. */
wd_must_check int wd_bbg_scalar(wd_bbg_blp_t *b, wd_str_t *ret,
                                bool *ret_plain);

/* The value ahead as it stands there, when it is sound. Consumes nothing. */
wd_must_check int wd_bbg_whole(const wd_bbg_blp_t *b, wd_str_t *ret);

/* The value of a key of the object ahead; data NULL: it has none. */
wd_must_check int wd_bbg_look_for(const wd_bbg_blp_t *b, const char *key,
                                  wd_str_t *ret);

/* {category, code, message} or {"fieldId": "X", "errorInfo": {...}} */
wd_must_check int wd_bbg_read_error(wd_bbg_blp_t *b, wd_bbg_error_t *e,
                                    wd_str_t *ret_field);

/* An element of "securityData": wd_bbg_security.c. */
wd_must_check int wd_bbg_security(wd_bbg_blp_t *b, wd_str_t unused);

#endif /* WD_BBG_JSON_H */
