/*
 * ingestion_headers.c - headers of an answer for the archive.
 */
#include "ingestion_headers.h"

#include "wd_json.h"

#define VALUE_MAX 256

static const char *const kept[] = {
    "age",
    "cache-control",
    "content-encoding",
    "content-language",
    "date",
    "etag",
    "expires",
    "last-modified",
    "ratelimit",
    "ratelimit-limit",
    "ratelimit-policy",
    "ratelimit-remaining",
    "ratelimit-reset",
    "retry-after",
    "server",
    "vary",
    "via",
    "x-correlation-id",
    "x-ratelimit-limit",
    "x-ratelimit-remaining",
    "x-ratelimit-reset",
    "x-request-id",
};


static bool
may_keep(wd_str_t value, const ingestion_account_t *account)
{
    size_t i;

    for (i = 0; i < value.len; i++) {
        if ((unsigned char) value.data[i] < 0x20 || value.data[i] == 0x7f) {
            return false;
        }
    }
    return value.len >= 1 && value.len <= VALUE_MAX && wd_utf8_valid(value)
           && !ingestion_secrets_in(&account->secrets, value);
}


int
ingestion_headers_json(const wd_http_res_t       *res,
                       const ingestion_account_t *account, wd_buf_t *out)
{
    size_t    i;
    wd_str_t  value;
    wd_json_t j;

    wd_json_init(&j, out);
    wd_json_obj(&j);
    for (i = 0; i < wd_array_len(kept); i++) {
        value = wd_http_res_header(res, kept[i]);
        if (may_keep(value, account)
            && out->len + 2 * VALUE_MAX < INGESTION_HEADERS_JSON_MAX) {
            wd_json_key(&j, kept[i]);
            wd_json_str(&j, value);
        }
    }
    wd_json_end(&j);
    return out->err;
}
