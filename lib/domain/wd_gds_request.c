/*
 * wd_gds_request.c - the JSON body of a batch of GDS items.
 */
#include "wd_gds_request.h"

#include "wd_json.h"
#include "wd_records.h"

#include <stdio.h>

#define WD_GDS_DATE_MAX 16 /* MM/DD/YYYY and its zero */


static bool
wd_gds_name_ok(wd_str_t s, size_t max)
{
    size_t i;

    for (i = 0; i < s.len; i++) {
        if ((unsigned char) s.data[i] < 0x20 || s.data[i] == 0x7f) {
            return false;
        }
    }
    return wd_record_text_ok(s, max);
}


static bool
wd_gds_day_ok(wd_str_t s)
{
    bool       is_date;
    wd_civil_t c;

    return s.len == 0 || (wd_civil_parse(s, &c, &is_date) == WD_OK && is_date);
}


static bool
wd_gds_item_ok(const wd_gds_item_t *item)
{
    size_t         i;
    const wd_str_t names[] = {item->function, item->mnemonic, item->currency,
                              item->period, item->frequency};

    for (i = 0; i < wd_array_len(names); i++) {
        if (!wd_gds_name_ok(names[i], WD_GDS_NAME_MAX)) {
            return false;
        }
    }
    return item->function.len != 0 && item->mnemonic.len != 0
           && item->identifier.len != 0
           && wd_gds_name_ok(item->identifier, WD_RECORD_SYMBOL_MAX)
           && wd_gds_day_ok(item->as_of) && wd_gds_day_ok(item->start)
           && wd_gds_day_ok(item->end);
}


static void
wd_gds_text(wd_json_t *j, const char *key, wd_str_t text)
{
    if (text.len != 0) {
        wd_json_key(j, key);
        wd_json_str(j, text);
    }
}


/* The service reads days as month, day, year. */
static void
wd_gds_day(wd_json_t *j, const char *key, wd_str_t day)
{
    char       text[WD_GDS_DATE_MAX];
    wd_civil_t c;

    if (day.len != 0 && wd_civil_parse(day, &c, NULL) == WD_OK) {
        snprintf(text, sizeof(text), "%02u/%02u/%04u", (unsigned) c.month % 100,
                 (unsigned) c.day % 100, (unsigned) c.year % 10000);
        wd_json_key(j, key);
        wd_json_z(j, text);
    }
}


static void
wd_gds_properties(wd_json_t *j, const wd_gds_item_t *item)
{
    if (item->currency.len == 0 && item->period.len == 0
        && item->frequency.len == 0 && item->as_of.len == 0
        && item->start.len == 0 && item->end.len == 0) {
        return;
    }
    wd_json_key(j, "properties");
    wd_json_obj(j);
    wd_gds_text(j, "currencyId", item->currency);
    wd_gds_text(j, "periodType", item->period);
    wd_gds_text(j, "frequency", item->frequency);
    wd_gds_day(j, "asOfDate", item->as_of);
    wd_gds_day(j, "startDate", item->start);
    wd_gds_day(j, "endDate", item->end);
    wd_json_end(j);
}


int
wd_gds_request(const wd_gds_item_t *items, size_t n, wd_buf_t *out)
{
    size_t    i;
    wd_json_t j;

    if (n > WD_GDS_ITEMS_MAX) {
        return WD_ETOOBIG;
    }
    for (i = 0; i < n; i++) {
        if (!wd_gds_item_ok(&items[i])) {
            return WD_EINVAL;
        }
    }
    if (n == 0) {
        return WD_EINVAL;
    }

    wd_json_init(&j, out);
    wd_json_obj(&j);
    wd_json_key(&j, "inputRequests");
    wd_json_arr(&j);
    for (i = 0; i < n; i++) {
        wd_json_obj(&j);
        wd_gds_text(&j, "function", items[i].function);
        wd_gds_text(&j, "identifier", items[i].identifier);
        wd_gds_text(&j, "mnemonic", items[i].mnemonic);
        wd_gds_properties(&j, &items[i]);
        wd_json_end(&j);
    }
    wd_json_end(&j);
    wd_json_end(&j);
    return out->err;
}
