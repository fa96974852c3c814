/*
 * wd_expo.h - lines of the Prometheus text format 0.0.4: checked, and written
 * again, as they were or as OpenMetrics 1.0.
 *
 * What a backend says about itself goes into one answer with all others', and
 * one bad line would make a scraper refuse all of it. So a line is written
 * only when it keeps to the grammar.
 */
#ifndef WD_EXPO_H
#define WD_EXPO_H

#include "wd_buf.h"
#include "wd_str.h"

#define WD_EXPO_LINE_MAX 8192 /* bytes; a longer line is no metric */
#define WD_EXPO_NAME_MAX 256
#define WD_EXPO_LABELS_MAX 24 /* labels of one sample */

typedef enum {
    WD_EXPO_UNTYPED,
    WD_EXPO_COUNTER,
    WD_EXPO_GAUGE,
    WD_EXPO_HISTOGRAM,
    WD_EXPO_SUMMARY
} wd_expo_type_e;

typedef enum {
    WD_EXPO_BAD, /* to be left out */
    WD_EXPO_NOTHING, /* empty, or a comment without meaning */
    WD_EXPO_HELP,
    WD_EXPO_TYPE,
    WD_EXPO_SAMPLE /* looks like one; wd_expo_write() sees */
} wd_expo_kind_e;

/* Views into the line. */
typedef struct {
    wd_str_t       name; /* of the family, or of the sample */
    wd_str_t       rest; /* help, or what stands behind a sample's name */
    wd_expo_type_e type; /* of WD_EXPO_TYPE */
} wd_expo_line_t;

/* A family as it is written. */
typedef struct {
    wd_str_t       name; /* in 0.0.4 */
    wd_expo_type_e type;
    bool           openmetrics;
    bool           clash; /* OpenMetrics: the base of its name is taken */
} wd_expo_family_t;

/* What kind of line it is; the line has no line end. */
wd_expo_kind_e wd_expo_line(wd_str_t line, wd_expo_line_t *ret);

/* Whether a sample of this name belongs to the family. */
bool wd_expo_belongs(const wd_expo_family_t *f, wd_str_t sample);

/* The name without the `_total` that OpenMetrics has in samples only. */
wd_str_t wd_expo_base(const wd_expo_family_t *f);

/* HELP and TYPE lines. */
void wd_expo_write_head(wd_buf_t *out, const wd_expo_family_t *f,
                        wd_str_t help);

/*
 * Writes the sample with a label more (`more`: a="b", may be NULL). False:
 * it breaks the grammar, or has no form in this format; nothing is written.
 */
bool wd_expo_write(wd_buf_t *out, const wd_expo_family_t *f,
                   const wd_expo_line_t *sample, const char *more);

/*
 * Whether OpenMetrics is wanted rather than plain text, by an Accept header
 * (RFC 9110 12.5.1); plain text also when neither is.
 */
bool wd_expo_accept(wd_str_t accept);

#endif /* WD_EXPO_H */
