/*
 * wd_bbg_request.c - bodies of requests to the Data License REST service.
 */
#include "wd_bbg_request.h"

#include "wd_bbg_link.h"
#include "wd_json.h"

#define WD_BBG_VALUE_MAX 64 /* bytes of an instrument's or a field's name */
#define WD_BBG_TITLE_MAX 200


bool
wd_bbg_identifier_ok(wd_str_t s)
{
    size_t i;

    for (i = 0; i < s.len; i++) {
        char c = s.data[i];

        if (!((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z')
              || (c >= 'a' && c <= 'z'))) {
            return false;
        }
    }
    return s.len >= 1 && s.len <= WD_BBG_IDENTIFIER_MAX;
}


/* Printable ASCII, not blank at its ends. */
static bool
is_value(wd_str_t s)
{
    size_t i;

    for (i = 0; i < s.len; i++) {
        if (s.data[i] < ' ' || s.data[i] > '~') {
            return false;
        }
    }
    return s.len >= 1 && s.len <= WD_BBG_VALUE_MAX
           && wd_str_trim(s).len == s.len;
}


static int
check(wd_str_t identifier, wd_str_t title, wd_error_t *err)
{
    if (!wd_bbg_identifier_ok(identifier)) {
        return wd_error(err, WD_EINVAL,
                        "an identifier has 1 to %d letters and digits",
                        WD_BBG_IDENTIFIER_MAX);
    }
    if (title.len > WD_BBG_TITLE_MAX || !wd_utf8_valid(title)) {
        return wd_error(err, WD_EINVAL, "the title is no text, or too long");
    }
    return WD_OK;
}


static int
check_list(size_t n, wd_error_t *err)
{
    if (n == 0) {
        return wd_error(err, WD_EINVAL, "the list is empty");
    }
    return n <= WD_BBG_LIST_MAX
               ? WD_OK
               : wd_error(err, WD_ETOOBIG, "more than %d members",
                          WD_BBG_LIST_MAX);
}


static int
finish(const wd_buf_t *out, wd_error_t *err)
{
    return out->err == WD_OK ? WD_OK
                             : wd_error(err, out->err, "no room for the body");
}


static void
member(wd_json_t *j, const char *key, wd_str_t value)
{
    wd_json_key(j, key);
    wd_json_str(j, value);
}


/* What all resources begin with. */
static void
begin(wd_json_t *j, wd_buf_t *out, const char *type, wd_str_t identifier,
      wd_str_t title)
{
    wd_json_init(j, out);
    wd_json_obj(j);
    member(j, "@type", wd_str_z(type));
    member(j, "identifier", identifier);
    member(j, "title", title.len != 0 ? title : identifier);
    member(j, "description", title.len != 0 ? title : identifier);
}


int
wd_bbg_write_universe(wd_buf_t *out, wd_str_t identifier, wd_str_t title,
                      const wd_bbg_instrument_t *list, size_t n,
                      wd_error_t *err)
{
    int       rc = check(identifier, title, err);
    size_t    i;
    wd_json_t j;

    rc = rc == WD_OK ? check_list(n, err) : rc;
    for (i = 0; i < n && rc == WD_OK; i++) {
        if (!wd_name_valid(list[i].type, WD_BBG_VALUE_MAX)
            || !is_value(list[i].value)) {
            rc = wd_error(err, WD_EINVAL, "instrument %zu is none", i);
        }
    }
    if (rc != WD_OK) {
        return rc;
    }

    begin(&j, out, "Universe", identifier, title);
    wd_json_key(&j, "contains");
    wd_json_arr(&j);
    for (i = 0; i < n; i++) {
        wd_json_obj(&j);
        member(&j, "@type", WD_STR("Identifier"));
        member(&j, "identifierType", list[i].type);
        member(&j, "identifierValue", list[i].value);
        wd_json_end(&j);
    }
    wd_json_end(&j);
    wd_json_end(&j);
    return finish(out, err);
}


/* Mnemonics have no small letters. */
static bool
is_mnemonic(wd_str_t s)
{
    size_t i;

    for (i = 0; i < s.len; i++) {
        if (s.data[i] >= 'a' && s.data[i] <= 'z') {
            return false;
        }
    }
    return true;
}


int
wd_bbg_write_fields(wd_buf_t *out, wd_str_t identifier, wd_str_t title,
                    bool history, const wd_str_t *list, size_t n,
                    wd_error_t *err)
{
    int       rc = check(identifier, title, err);
    size_t    i;
    wd_json_t j;

    rc = rc == WD_OK ? check_list(n, err) : rc;
    for (i = 0; i < n && rc == WD_OK; i++) {
        if (!wd_name_valid(list[i], WD_BBG_VALUE_MAX)) {
            rc = wd_error(err, WD_EINVAL, "field %zu is none", i);
        }
    }
    if (rc != WD_OK) {
        return rc;
    }

    begin(&j, out, history ? "HistoryFieldList" : "DataFieldList", identifier,
          title);
    wd_json_key(&j, "contains");
    wd_json_arr(&j);
    for (i = 0; i < n; i++) {
        wd_json_obj(&j);
        member(&j, is_mnemonic(list[i]) ? "mnemonic" : "cleanName", list[i]);
        wd_json_end(&j);
    }
    wd_json_end(&j);
    wd_json_end(&j);
    return finish(out, err);
}


int
wd_bbg_write_trigger(wd_buf_t *out, wd_str_t identifier, wd_str_t title,
                     wd_ns_t start, wd_error_t *err)
{
    int       rc = check(identifier, title, err);
    char      text[WD_TIME_TEXT_MAX];
    wd_json_t j;

    if (rc != WD_OK) {
        return rc;
    }
    begin(&j, out, start == WD_NS_MIN ? "SubmitTrigger" : "ScheduledTrigger",
          identifier, title);
    if (start != WD_NS_MIN) {
        wd_time_format(start, text); /* YYYY-MM-DDThh:mm:ss... */
        member(&j, "frequency", WD_STR("daily"));
        member(&j, "startDate", wd_str(text, 10));
        member(&j, "startTime", wd_str(text + 11, 8));
    }
    wd_json_end(&j);
    return finish(out, err);
}


/* Does origin + path make a URL? Which scheme is allowed is not decided here. */
static bool
is_url(const wd_bbg_request_t *q, wd_str_t path)
{
    wd_str_t scheme, host = q->origin;

    return wd_str_split(&host, ':', &scheme)
           && (wd_str_eq_z(scheme, "https") || wd_str_eq_z(scheme, "http"))
           && wd_str_starts(host, "//") && host.len > 2
           && memchr(host.data + 2, '/', host.len - 2) == NULL && path.len > 1
           && path.data[0] == '/' && wd_bbg_link_ok(q->origin)
           && wd_bbg_link_ok(path);
}


static void
member_url(wd_json_t *j, const char *key, wd_str_t origin, wd_str_t path)
{
    char   url[2 * WD_BBG_URL_MAX];
    size_t n = origin.len + path.len;

    memcpy(url, origin.data, origin.len);
    memcpy(url + origin.len, path.data, path.len);
    member(j, key, wd_str(url, n));
}


static void
member_formatting(wd_json_t *j, bool history)
{
    wd_json_key(j, "formatting");
    wd_json_obj(j);
    member(j, "@type",
           history ? WD_STR("HistoryFormat") : WD_STR("DataFormat"));
    wd_json_key(j, "columnHeader");
    wd_json_bool(j, true);
    member(j, "dateFormat", WD_STR("yyyymmdd"));
    member(j, "delimiter", WD_STR("|"));
    member(j, "fileType", WD_STR("unixFileType"));
    if (!history) {
        member(j, "outputFormat", WD_STR("variableOutputFormat"));
    }
    wd_json_end(j);
}


static void
member_days(wd_json_t *j, wd_ns_t from, wd_ns_t to)
{
    wd_json_key(j, "runtimeOptions");
    wd_json_obj(j);
    member(j, "@type", WD_STR("HistoryRuntimeOptions"));
    wd_json_key(j, "dateRange");
    wd_json_obj(j);
    member(j, "@type", WD_STR("IntervalDateRange"));
    wd_json_key(j, "startDate");
    wd_json_date(j, from);
    wd_json_key(j, "endDate");
    wd_json_date(j, to);
    wd_json_end(j);
    wd_json_end(j);
}


int
wd_bbg_write_request(wd_buf_t *out, const wd_bbg_request_t *q, wd_error_t *err)
{
    int       rc = check(q->identifier, q->title, err);
    wd_json_t j;

    if (rc != WD_OK) {
        return rc;
    }
    if (!is_url(q, q->universe) || !is_url(q, q->field_list)
        || !is_url(q, q->trigger)) {
        return wd_error(err, WD_EINVAL, "a resource without its place");
    }
    if (q->history && (q->from == WD_NS_MIN || q->from > q->to)) {
        return wd_error(err, WD_EINVAL, "a history without its days");
    }

    begin(&j, out, q->history ? "HistoryRequest" : "DataRequest", q->identifier,
          q->title);
    member_url(&j, "universe", q->origin, q->universe);
    member_url(&j, "fieldList", q->origin, q->field_list);
    member_url(&j, "trigger", q->origin, q->trigger);
    member_formatting(&j, q->history);
    if (q->history) {
        member_days(&j, q->from, q->to);
    }
    wd_json_end(&j);
    return finish(out, err);
}
