/*
 * wd_identifier.c - check digits of identifiers.
 */
#include "wd_identifier.h"

#define WD_SEDOL_LEN 7

typedef bool (*wd_identifier_sum_pt)(wd_str_t s);

static bool wd_isin_sum(wd_str_t s);
static bool wd_cusip_sum(wd_str_t s);
static bool wd_sedol_sum(wd_str_t s);
static bool wd_lei_sum(wd_str_t s);

/*
 * Of a pattern each character stands for a class: 9 digit, A letter, C letter
 * but a vowel, N digit or letter, M digit or C, * what a CUSIP may have, any
 * other one for itself.
 */
static const struct {
    const char          *scheme;
    const char          *pattern;
    wd_identifier_sum_pt sum;
} wd_schemes[] = {
    {"ISIN", "AANNNNNNNNN9", wd_isin_sum},
    {"CUSIP", "********9", wd_cusip_sum},
    {"SEDOL", "MMMMMM9", wd_sedol_sum},
    {"LEI", "NNNNNNNNNNNNNNNNNN99", wd_lei_sum},
    {"FIGI", "CCGMMMMMMMM9", wd_cusip_sum},
    {"COMPOSITE_FIGI", "CCGMMMMMMMM9", wd_cusip_sum}, /* of a country */
    {"SHARE_CLASS_FIGI", "CCGMMMMMMMM9", wd_cusip_sum}, /* of the world */
};


static bool
wd_is_digit(char c)
{
    return c >= '0' && c <= '9';
}


static bool
wd_is_letter(char c)
{
    return c >= 'A' && c <= 'Z';
}


static bool
wd_class_has(char class, char c)
{
    bool consonant = wd_is_letter(c) && strchr("AEIOU", c) == NULL;

    switch (class) {
    case '9':
        return wd_is_digit(c);
    case 'A':
        return wd_is_letter(c);
    case 'C':
        return consonant;
    case 'N':
        return wd_is_digit(c) || wd_is_letter(c);
    case 'M':
        return wd_is_digit(c) || consonant;
    case '*':
        return wd_is_digit(c) || wd_is_letter(c)
               || (c != '\0' && strchr("*@#", c) != NULL);
    default:
        return c == class;
    }
}


/* 0 to 9, 10 to 35 of letters, then * @ #. */
static int
wd_char_value(char c)
{
    if (wd_is_digit(c)) {
        return c - '0';
    }
    if (wd_is_letter(c)) {
        return c - 'A' + 10;
    }
    return c == '*' ? 36 : c == '@' ? 37 : 38;
}


/* The digits of all values; from the right every second one doubled (Luhn). */
static bool
wd_isin_sum(wd_str_t s)
{
    int    v, sum = 0, n = 0;
    size_t i = s.len;

    while (i-- > 0) {
        for (v = wd_char_value(s.data[i]); v >= 0; v = v > 9 ? v / 10 : -1) {
            int digit = (v % 10) << (n++ % 2);

            sum += digit / 10 + digit % 10;
        }
    }
    return sum % 10 == 0;
}


/* From the left every second value doubled; the sum of their digits. */
static bool
wd_cusip_sum(wd_str_t s)
{
    int    v, sum = 0;
    size_t i;

    for (i = 0; i + 1 < s.len; i++) {
        v = wd_char_value(s.data[i]) << (i % 2);
        sum += v / 10 + v % 10;
    }
    return (10 - sum % 10) % 10 == wd_char_value(s.data[s.len - 1]);
}


static bool
wd_sedol_sum(wd_str_t s)
{
    int    sum = 0;
    size_t i;

    static const int weights[WD_SEDOL_LEN] = {1, 3, 1, 7, 3, 9, 1};

    for (i = 0; i < s.len; i++) {
        sum += weights[i] * wd_char_value(s.data[i]);
    }
    return sum % 10 == 0;
}


/* ISO 7064, MOD 97-10: the values as one number. */
static bool
wd_lei_sum(wd_str_t s)
{
    int    v, rest = 0;
    size_t i;

    for (i = 0; i < s.len; i++) {
        v = wd_char_value(s.data[i]);
        rest = (rest * (v > 9 ? 100 : 10) + v) % 97;
    }
    return rest == 1;
}


wd_identifier_e
wd_identifier_check(wd_str_t scheme, wd_str_t value)
{
    size_t i, k;

    for (i = 0; i < wd_array_len(wd_schemes); i++) {
        if (wd_str_eq_z(scheme, wd_schemes[i].scheme)) {
            break;
        }
    }
    if (i == wd_array_len(wd_schemes)) {
        return WD_IDENTIFIER_UNCHECKED;
    }
    if (value.len != strlen(wd_schemes[i].pattern)) {
        return WD_IDENTIFIER_LENGTH;
    }
    for (k = 0; k < value.len; k++) {
        if (!wd_class_has(wd_schemes[i].pattern[k], value.data[k])) {
            return WD_IDENTIFIER_CHARACTER;
        }
    }
    return wd_schemes[i].sum(value) ? WD_IDENTIFIER_OK
                                    : WD_IDENTIFIER_CHECK_DIGIT;
}


const char *
wd_identifier_fault(wd_identifier_e fault)
{
    switch (fault) {
    case WD_IDENTIFIER_LENGTH:
        return "it has another length";
    case WD_IDENTIFIER_CHARACTER:
        return "it has a character that none has there";
    case WD_IDENTIFIER_CHECK_DIGIT:
        return "its check digit does not fit";
    default:
        return "";
    }
}
