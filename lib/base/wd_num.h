/*
 * wd_num.h - numbers to and from text, exactly and whatever the locale.
 */
#ifndef WD_NUM_H
#define WD_NUM_H

#include "wd_err.h"
#include "wd_str.h"

/* Longest output of the formatters with its zero. */
#define WD_NUM_TEXT_MAX 32

/*
 * The shortest decimal that reads back as the same double, in JSON's
 * grammar. The value must be finite. Returns the length.
 */
size_t wd_num_format(double v, char out[WD_NUM_TEXT_MAX]);

size_t wd_int_format(int64_t v, char out[WD_NUM_TEXT_MAX]);

/*
 * What programs print for a figure that is none: "NaN", "inf", "Infinity",
 * whatever their case, perhaps behind a sign.
 */
bool wd_num_not_finite(wd_str_t s);

/*
 * A decimal number that fills `s`: sign, digits, fraction, exponent; correctly
 * rounded. Refuses hexadecimal, infinity, NaN, blanks: WD_EINVAL. A finite
 * text whose value is beyond double: WD_EOVERFLOW.
 */
wd_must_check int wd_num_parse(wd_str_t s, double *ret);

/* WD_EINVAL unless all of `s` is an integer, WD_EOVERFLOW beyond 64 bits. */
wd_must_check int wd_int_parse(wd_str_t s, int64_t *ret);

#endif /* WD_NUM_H */
