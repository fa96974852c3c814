/*
 * wd_push_parse.c - a part to the reader of its format, and what the readers
 * share.
 */
#include "wd_push_parse.h"

#include "wd_push_read.h"
#include "wd_push_scan.h"


int
wd_push_read_room(wd_records_t *r)
{
    int rc;

    if (r->n_records < WD_RECORDS_MAX) {
        return WD_OK;
    }
    rc = wd_records_reject(r, -1, WD_REASON_TOO_MANY, WD_STR(""),
                           "more than %d records", WD_RECORDS_MAX);
    return rc != WD_OK ? rc : WD_ETOOBIG;
}


int
wd_push_read_too_long(int32_t number, wd_str_t sample, wd_records_t *r)
{
    r->n_records++;
    return wd_records_reject(r, number, WD_REASON_TOO_LONG, sample,
                             "a record of more than %u bytes",
                             WD_PUSH_RECORD_MAX);
}


int
wd_push_read_overlong(wd_str_t *left, int32_t *number, wd_records_t *r)
{
    wd_str_t    line = *left;
    const char *nl;

    nl = memchr(line.data, '\n', line.len);
    if (nl != NULL) {
        line.len = (size_t) (nl - line.data) + 1;
    }
    left->data += line.len;
    left->len -= line.len;
    return wd_push_read_too_long((*number)++, line, r);
}


int
wd_push_read_add(const wd_push_dataset_t *d, int rc, const wd_push_row_t *row,
                 bool none, int32_t number, wd_str_t sample, wd_records_t *r)
{
    if (rc == WD_OK) {
        return wd_push_row_add(d, row, number, sample, r);
    }
    if (rc == WD_ENOMEM) {
        return rc;
    }
    r->n_records++;
    return wd_records_reject(r, number, WD_REASON_SYNTAX, sample, "%s",
                             none ? "a record must be an object"
                                  : "the record cannot be read");
}


int
wd_push_read_cut(wd_records_t *r)
{
    return wd_records_reject(r, -1, WD_REASON_TRUNCATED, WD_STR(""),
                             "the part ends in the middle");
}


int
wd_push_parse(const wd_push_dataset_t *d, wd_push_format_e format,
              wd_str_t part, wd_records_t *ret)
{
    switch (format) {
    case WD_PUSH_CSV:
        return wd_push_read_csv(d, part, ret);
    case WD_PUSH_JSON:
        return wd_push_read_json(d, part, ret);
    case WD_PUSH_NDJSON:
        return wd_push_read_ndjson(d, part, ret);
    case WD_PUSH_MSGPACK:
        return wd_push_read_msgpack(d, part, ret);
    }
    return WD_EINTERNAL;
}
