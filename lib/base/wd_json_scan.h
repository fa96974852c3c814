/*
 * wd_json_scan.h - JSON read value by value, so that what stands before a
 * damage is not lost with it.
 *
 * A document parser such as jansson answers all or nothing. Payloads of
 * providers arrive cut, or with one bad row among thousands; this cursor
 * hands out each value as it is reached and lets the caller go on behind a
 * bad one. It is strict about the grammar (RFC 8259) unless told otherwise,
 * bounded in depth, and allocates only for strings with escapes.
 */
#ifndef WD_JSON_SCAN_H
#define WD_JSON_SCAN_H

#include "wd_err.h"
#include "wd_pool.h"

#define WD_JSON_SCAN_DEPTH_MAX 64

typedef struct {
    const char *p;
    const char *end;

    /* NaN, Infinity and the like (wd_num_not_finite()) are numbers: no JSON,
     * but many programs write them. */
    bool words;
} wd_json_scan_t;

/* A cursor at the beginning of a text, strict. */
static inline wd_json_scan_t
wd_json_scan(wd_str_t text)
{
    return (wd_json_scan_t){text.data, text.data + text.len, false};
}


/* Another one in the same text, by the same rules. */
static inline wd_json_scan_t
wd_json_scan_from(const wd_json_scan_t *s, const char *p)
{
    return (wd_json_scan_t){p, s->end, s->words};
}

typedef enum {
    WD_JS_STRING,
    WD_JS_NUMBER, /* text is the number as it stands there */
    WD_JS_TRUE,
    WD_JS_FALSE,
    WD_JS_NULL,
    WD_JS_OBJECT, /* the cursor stands before its brace */
    WD_JS_ARRAY
} wd_json_scan_e;

typedef struct {
    wd_json_scan_e type;
    wd_str_t       text;
} wd_json_scan_val_t;

/*
 * All return WD_OK, WD_ETRUNC (the input ends here), WD_EPROTO (not JSON) or,
 * when a string has escapes, WD_ENOMEM.
 */

/* A scalar is consumed; an object or array is only announced. */
wd_must_check int wd_json_scan_value(wd_json_scan_t *s, wd_pool_t *pool,
                                     wd_json_scan_val_t *ret);

/* Steps over one value of any kind. */
wd_must_check int wd_json_scan_skip(wd_json_scan_t *s);

/* Steps over `open`, one of { and [. */
wd_must_check int wd_json_scan_open(wd_json_scan_t *s, char open);

/*
 * To the next member: steps over a comma unless *first, which it clears.
 * WD_ENOTFOUND at the end, which is stepped over. For objects the key and
 * its colon are consumed too.
 */
wd_must_check int wd_json_scan_member(wd_json_scan_t *s, wd_pool_t *pool,
                                      bool *first, wd_str_t *ret_key);
wd_must_check int wd_json_scan_item(wd_json_scan_t *s, bool *first);

/* Over blanks; true at the end of the input. */
bool wd_json_scan_at_end(wd_json_scan_t *s);

#endif /* WD_JSON_SCAN_H */
