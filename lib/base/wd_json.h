/*
 * wd_json.h - writes JSON (RFC 8259) into a buffer; commas are its business.
 *
 *     wd_json_t j;
 *     wd_json_init(&j, buf);
 *     wd_json_obj(&j);
 *     wd_json_key(&j, "close");
 *     wd_json_num(&j, 61.2);
 *     wd_json_end(&j);
 *
 * Nesting is limited to WD_JSON_DEPTH_MAX; failures stay in buf->err.
 */
#ifndef WD_JSON_H
#define WD_JSON_H

#include "wd_buf.h"
#include "wd_num.h"
#include "wd_time.h"

#define WD_JSON_DEPTH_MAX 32

typedef struct {
    wd_buf_t *out;
    int       depth;
    bool      comma; /* the next value is not the first of its level */
    bool      after_key;
    char      close[WD_JSON_DEPTH_MAX];
} wd_json_t;

void wd_json_init(wd_json_t *j, wd_buf_t *out);

void wd_json_obj(wd_json_t *j);
void wd_json_arr(wd_json_t *j);
void wd_json_end(wd_json_t *j); /* of the innermost object or array */

void wd_json_key(wd_json_t *j, const char *key); /* written as it is */
void wd_json_key_str(wd_json_t *j, wd_str_t key); /* escaped */

/* Bytes that are not UTF-8 are written as U+FFFD. */
void wd_json_str(wd_json_t *j, wd_str_t s);
void wd_json_z(wd_json_t *j, const char *z); /* NULL becomes null */
void wd_json_num(wd_json_t *j, double v); /* not finite becomes null */
void wd_json_int(wd_json_t *j, int64_t v);
void wd_json_bool(wd_json_t *j, bool v);
void wd_json_null(wd_json_t *j);
void wd_json_time(wd_json_t *j, wd_ns_t t);
void wd_json_date(wd_json_t *j, wd_ns_t t);
void wd_json_raw(wd_json_t *j, wd_str_t json); /* one whole value */

/* A string with its quotes, outside of any wd_json_t. */
void wd_json_escape(wd_buf_t *out, wd_str_t s);

/* One CSV cell (RFC 4180), quoted only when needed. */
void wd_csv_cell(wd_buf_t *out, wd_str_t s);

#endif /* WD_JSON_H */
