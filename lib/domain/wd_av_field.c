/*
 * wd_av_field.c - field names, numbered or not, to what they mean.
 */
#include "wd_av_field.h"

#define WD_AV_FIELD_MAX 24

static const struct {
    const char   *name;
    wd_av_field_e field;
} wd_av_fields[] = {
    {"open", WD_AVF_OPEN},
    {"high", WD_AVF_HIGH},
    {"low", WD_AVF_LOW},
    {"close", WD_AVF_CLOSE},
    {"volume", WD_AVF_VOLUME},
    {"adjustedclose", WD_AVF_ADJUSTED},
    {"dividendamount", WD_AVF_DIVIDEND},
    {"splitcoefficient", WD_AVF_SPLIT},
    {"timestamp", WD_AVF_TIME},
    {"time", WD_AVF_TIME},
    {"symbol", WD_AVF_SYMBOL},
    {"price", WD_AVF_PRICE},
    {"latesttradingday", WD_AVF_DAY},
    {"latestday", WD_AVF_DAY},
    {"previousclose", WD_AVF_PREVIOUS},
    {"name", WD_AVF_NAME},
    {"type", WD_AVF_TYPE},
    {"region", WD_AVF_REGION},
    {"timezone", WD_AVF_ZONE},
    {"currency", WD_AVF_CURRENCY},
    {"fromsymbol", WD_AVF_FROM},
    {"tosymbol", WD_AVF_TO},
    {"digitalcurrencycode", WD_AVF_FROM},
    {"marketcode", WD_AVF_TO},
    {"fromcurrencycode", WD_AVF_FROM},
    {"tocurrencycode", WD_AVF_TO},
    {"lastrefreshed", WD_AVF_REFRESHED},
    {"interval", WD_AVF_INTERVAL},
    {"exchangerate", WD_AVF_RATE},
    {"bidprice", WD_AVF_BID},
    {"askprice", WD_AVF_ASK},
    {"exdividenddate", WD_AVF_EFFECTIVE},
    {"effectivedate", WD_AVF_EFFECTIVE},
    {"declarationdate", WD_AVF_DECLARED},
    {"recorddate", WD_AVF_RECORDED},
    {"paymentdate", WD_AVF_PAID},
    {"amount", WD_AVF_AMOUNT},
    {"splitfactor", WD_AVF_FACTOR},
    {"date", WD_AVF_TIME},
    {"value", WD_AVF_VALUE},
    {"unit", WD_AVF_UNIT},
    {"exchange", WD_AVF_EXCHANGE},
    {"assettype", WD_AVF_TYPE},
    {"ipodate", WD_AVF_LISTED},
    {"delistingdate", WD_AVF_DELISTED},
    {"status", WD_AVF_STATUS},
};


/* "5. volume", "01. symbol", "1a. open", "6: Interval" without the number. */
static wd_str_t
wd_av_unnumbered(wd_str_t s)
{
    size_t i = 0;

    while (i < s.len && s.data[i] >= '0' && s.data[i] <= '9') {
        i++;
    }
    if (i == 0) {
        return s;
    }
    if (i < s.len && s.data[i] >= 'a' && s.data[i] <= 'z') {
        i++;
    }
    if (i == s.len || (s.data[i] != '.' && s.data[i] != ':')) {
        return s;
    }
    i++;
    return wd_str(s.data + i, s.len - i);
}


/* "open (CNY)" without the currency. */
static wd_str_t
wd_av_uncurrencied(wd_str_t s)
{
    if (s.len > 6 && s.data[s.len - 1] == ')' && s.data[s.len - 5] == '('
        && s.data[s.len - 6] == ' ') {
        s.len -= 6;
    }
    return s;
}


static bool
wd_av_is_second(wd_str_t name, wd_str_t text)
{
    return name.len != text.len && text.data - name.data >= 3
           && text.data[-2] == 'b';
}


wd_av_field_e
wd_av_field(wd_str_t name)
{
    char     key[WD_AV_FIELD_MAX];
    char     c;
    size_t   i, n = 0;
    wd_str_t text;

    text = wd_av_unnumbered(name);
    if (wd_av_is_second(name, text)) {
        return WD_AVF_NONE;
    }
    text = wd_av_uncurrencied(text);
    for (i = 0; i < text.len; i++) {
        c = text.data[i];
        if (c == ' ' || c == '_') {
            continue;
        }
        if (n == sizeof(key)) {
            return WD_AVF_NONE;
        }
        key[n++] = c >= 'A' && c <= 'Z' ? (char) (c | 0x20) : c;
    }

    for (i = 0; i < wd_array_len(wd_av_fields); i++) {
        if (wd_str_eq_z(wd_str(key, n), wd_av_fields[i].name)) {
            return wd_av_fields[i].field;
        }
    }
    return WD_AVF_NONE;
}
