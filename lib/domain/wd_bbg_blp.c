/*
 * wd_bbg_blp.c - BLPAPI answers: the messages, and what surrounds them.
 */
#include "wd_bbg_blp.h"

#include "wd_bbg_json.h"

#define WD_BBG_NESTING_MAX 4 /* messages inside of envelopes */

static int message(wd_bbg_blp_t *b, wd_str_t unused);

static const wd_bbg_marks_t messages = {
    .starts = {"\"securityData\"", "\"eventType\"",
               "\"HistoricalDataResponse\"", "\"ReferenceDataResponse\""}};
static const wd_bbg_marks_t securities = {
    .starts = {"\"security\""},
    .ends = {"\"securityData\"", "\"eventType\"", "\"HistoricalDataResponse\"",
             "\"ReferenceDataResponse\""}};


static int
response_error(wd_bbg_blp_t *b, wd_str_t symbol)
{
    int            rc;
    char           text[WD_ANSWER_TEXT_MAX];
    wd_str_t       field;
    wd_bbg_error_t e = {0};

    (void) symbol;
    rc = wd_bbg_read_error(b, &e, &field);
    if (rc == WD_OK && !b->refused) {
        b->refused = true;
        wd_answer_redact(wd_bbg_error_text(&e, text), b->error,
                         sizeof(b->error));
    }
    return rc;
}


/* What the bridge says of itself, and where in the stream a message stood. */
static int
message_scalar(wd_bbg_blp_t *b, wd_str_t key)
{
    int      rc;
    bool     plain;
    wd_str_t text;

    rc = wd_bbg_scalar(b, &text, &plain);
    if (rc != WD_OK || !plain) {
        return rc;
    }
    if (wd_str_eq_z(key, "eventType")) {
        b->event = true;
        b->partial = wd_str_eq_z(text, "PARTIAL_RESPONSE")
                     || (b->partial && !wd_str_eq_z(text, "RESPONSE"));
    } else if (wd_str_eq_z(key, "status")) {
        b->failed = !wd_str_eq_z(text, "0");
    } else if (wd_str_eq_z(key, "message") && b->error[0] == '\0') {
        wd_answer_redact(text, b->error, sizeof(b->error));
    }
    return WD_OK;
}


/* Does the value begin with one of these? */
static bool
ahead(wd_bbg_blp_t *b, const char *chars)
{
    return !wd_json_scan_at_end(&b->s)
           && memchr(chars, *b->s.p, strlen(chars)) != NULL;
}


static int
message_member(wd_bbg_blp_t *b, wd_str_t key)
{
    static const char *const envelopes[] = {
        "data", "messages", "HistoricalDataResponse", "ReferenceDataResponse"};
    int    rc;
    size_t i;

    if (wd_str_eq_z(key, "securityData") && ahead(b, "{[")) {
        b->known++;
        return wd_bbg_each(b, WD_STR_NULL, &securities, wd_bbg_security);
    }
    if ((wd_str_eq_z(key, "responseError") || wd_str_eq_z(key, "reason"))
        && ahead(b, "{")) {
        b->known++;
        return wd_bbg_each(b, WD_STR_NULL, NULL, response_error);
    }
    for (i = 0; i < wd_array_len(envelopes); i++) {
        if (wd_str_eq_z(key, envelopes[i]) && b->nesting < WD_BBG_NESTING_MAX) {
            b->envelopes++;
            b->nesting++;
            rc = wd_bbg_each(b, WD_STR_NULL, &messages, message);
            b->nesting--;
            return rc;
        }
    }
    return message_scalar(b, key);
}


static int
message(wd_bbg_blp_t *b, wd_str_t unused)
{
    int         rc;
    bool        first = true;
    int32_t     known = b->known, envelopes = b->envelopes;
    wd_str_t    key;
    const char *mark = b->s.p;

    (void) unused;
    b->event = false;
    rc = wd_json_scan_open(&b->s, '{');
    while (rc == WD_OK) {
        rc = wd_json_scan_member(&b->s, b->r->pool, &first, &key);
        if (rc == WD_OK) {
            rc = message_member(b, key);
        }
    }
    if (rc != WD_ENOTFOUND || b->known != known || b->event
        || b->envelopes != envelopes) {
        return rc == WD_ENOTFOUND ? WD_OK : rc;
    }
    return wd_records_reject(b->r, b->r->n_records++, WD_REASON_UNKNOWN_SHAPE,
                             wd_bbg_slice(mark, b->s.p),
                             "a message without data");
}


/* What stands there beyond the records: WD_ENOMEM, or why reading ended. */
static int
ended(wd_bbg_blp_t *b, int rc, const char *mark)
{
    wd_records_t *r = b->r;

    switch (rc) {
    case WD_OK:
    case WD_ENOMEM:
        return rc;
    case WD_ETRUNC:
        b->cut = true;
        return wd_records_reject(
            r, -1, WD_REASON_TRUNCATED, wd_bbg_slice(mark, b->s.end),
            "the text ends inside of a value after %d records", r->n_records);
    case WD_ETOOBIG:
        return wd_records_reject(r, -1, WD_REASON_TOO_MANY, WD_STR(""),
                                 "more than %d records", WD_RECORDS_MAX);
    default:
        return wd_records_reject(r, -1, WD_REASON_SYNTAX,
                                 wd_bbg_slice(b->s.p, b->s.end),
                                 "the rest of the payload cannot be read");
    }
}


/* The payload as a whole, after all that could be read. */
static int
conclude(wd_bbg_blp_t *b)
{
    wd_records_t *r = b->r;
    bool          nothing = r->n_bars == 0 && r->n_facts == 0;

    wd_bbg_one_symbol(r);
    if (b->refused || (b->failed && b->known == 0)) {
        return nothing ? wd_records_refuse(r, WD_REASON_PROVIDER_ERROR,
                                           WD_STR(""), "%s", b->error)
                       : wd_records_reject(r, -1, WD_REASON_PROVIDER_ERROR,
                                           WD_STR(""), "%s", b->error);
    }
    if (b->known == 0 && b->cut) {
        r->refused = true;
        return WD_OK;
    }
    if (b->known == 0 && !(b->envelopes != 0 && r->n_rejected == 0)) {
        r->n_rejects = r->n_rejected = 0;
        return wd_records_refuse(r, WD_REASON_UNKNOWN_SHAPE, WD_STR(""),
                                 "no answer of BLPAPI");
    }
    if (b->partial) {
        return wd_records_reject(r, -1, WD_REASON_TRUNCATED, WD_STR(""),
                                 "PARTIAL_RESPONSE without a RESPONSE");
    }
    r->empty = r->n_records == 0 && r->n_rejected == 0;
    return WD_OK;
}


int
wd_bbg_blp_parse(wd_str_t body, wd_records_t *ret)
{
    int          rc = WD_OK;
    const char  *mark;
    wd_bbg_blp_t b;

    body = wd_answer_body(body);
    if (body.len == 0) {
        return wd_records_refuse(ret, WD_REASON_TRUNCATED, WD_STR(""),
                                 "nothing in the payload");
    }

    memset(&b, 0, offsetof(wd_bbg_blp_t, row));
    b.r = ret;
    b.s = wd_answer_scan(body);
    for (mark = b.s.p; rc == WD_OK && !wd_json_scan_at_end(&b.s);) {
        mark = b.s.p;
        rc = wd_bbg_each(&b, WD_STR_NULL, &messages, message);
    }
    rc = ended(&b, rc, mark);
    return rc == WD_OK ? conclude(&b) : rc;
}
