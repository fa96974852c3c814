/*
 * wd_push_scan.h - where a pushed record ends: one answer for whoever cuts a
 * body into parts and for whoever reads a part.
 */
#ifndef WD_PUSH_SCAN_H
#define WD_PUSH_SCAN_H

#include "wd_push.h"

/*
 * Length of the CSV record that `s` begins with, its line end included. A
 * quote that is not closed within the limit, or before the end, is none: the
 * record is then its first line, and damaged.
 *
 * WD_OK. WD_EAGAIN: it goes on behind `s`; not when that is the end (`last`).
 * WD_ETOOBIG: its line has no end within WD_PUSH_RECORD_MAX bytes.
 */
wd_must_check int wd_push_csv_end(wd_str_t s, bool last, size_t *ret);

/* The same for a line of NDJSON. */
wd_must_check int wd_push_line_end(wd_str_t s, bool last, size_t *ret);

/* "", or blanks and a line end. */
bool wd_push_line_blank(wd_str_t line);

size_t wd_push_newlines(wd_str_t s);

/*
 * The end of a JSON value, whose bytes still arrive: brackets and strings
 * count, nothing else, so that a damaged record ends where a good one would.
 */
typedef struct {
    unsigned depth;
    bool     begun;
    bool     string;
    bool     escaped;
} wd_push_json_scan_t;

/*
 * WD_OK: the value ends behind the first *ret_used bytes of `s`. WD_EAGAIN:
 * all of `s` belongs to it. Begin with zeros, and at the value's first byte.
 */
wd_must_check int wd_push_json_end(wd_push_json_scan_t *st, wd_str_t s,
                                   size_t *ret_used);

/* What stands in a part of JSON in place of a record beyond the limit. */
#define WD_PUSH_OVERLONG "a record longer than the limit"

#endif /* WD_PUSH_SCAN_H */
