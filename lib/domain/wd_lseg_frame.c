/*
 * wd_lseg_frame.c - one object of an LSEG answer: where its members stand.
 */
#include "wd_lseg_answer.h"
#include "wd_lseg_table.h"


int
wd_lseg_texts(wd_json_scan_t *s, wd_pool_t *pool, const wd_lseg_want_t *want,
              size_t n)
{
    int                rc;
    bool               first = true;
    size_t             i;
    wd_str_t           key;
    wd_json_scan_val_t v;

    rc = wd_json_scan_value(s, pool, &v);
    if (rc != WD_OK || v.type == WD_JS_ARRAY) {
        return rc != WD_OK ? rc : wd_json_scan_skip(s);
    }
    if (v.type != WD_JS_OBJECT) {
        return WD_OK;
    }

    rc = wd_json_scan_open(s, '{');
    while (rc == WD_OK
           && (rc = wd_json_scan_member(s, pool, &first, &key)) == WD_OK) {
        rc = wd_json_scan_value(s, pool, &v);
        if (rc == WD_OK && (v.type == WD_JS_OBJECT || v.type == WD_JS_ARRAY)) {
            rc = wd_json_scan_skip(s);
        } else if (rc == WD_OK
                   && (v.type == WD_JS_STRING || v.type == WD_JS_NUMBER)) {
            for (i = 0; i < n; i++) {
                if (wd_str_eq_z(key, want[i].key)) {
                    *want[i].ret = v.text;
                }
            }
        }
    }
    return rc == WD_ENOTFOUND ? WD_OK : rc;
}


/* A status, a state or an error: code and message under any of its names. */
static int
wd_lseg_frame_verdict(wd_json_scan_t *s, wd_pool_t *pool, wd_str_t key,
                      wd_lseg_frame_t *f)
{
    int                rc;
    wd_str_t           code = WD_STR_NULL, text = WD_STR_NULL;
    wd_json_scan_t     at = *s;
    wd_json_scan_val_t v;

    const wd_lseg_want_t want[] = {
        {"code", &code}, {"message", &text}, {"description", &text}};

    rc = wd_json_scan_value(&at, pool, &v);
    if (rc != WD_OK) {
        return rc;
    }
    rc = wd_lseg_texts(s, pool, want, wd_array_len(want));
    if (v.type == WD_JS_NULL) {
        return rc;
    }
    if (v.type == WD_JS_STRING) {
        code = v.text; /* "error":"invalid_client" */
    }

    if (wd_str_eq_z(key, "status")) {
        f->status = true;
    } else if (wd_str_eq_z(key, "error") || !wd_str_starts(code, "2")) {
        f->error = true;
    } else {
        return rc; /* a state of success */
    }
    f->code = code;
    f->message = text.data != NULL ? text : f->message;
    return rc;
}


/* Members that are remembered by their place, for a reader of their kind. */
static wd_json_scan_t *
wd_lseg_frame_place(wd_lseg_frame_t *f, wd_str_t key)
{
    size_t i;

    const struct {
        const char     *key;
        wd_json_scan_t *at;
    } places[] = {
        {"headers", &f->headers},       {"data", &f->data},
        {"attributes", &f->attributes}, {"adjustments", &f->adjustments},
        {"universe", &f->universe},     {"Hits", &f->hits},
        {"Matches", &f->matches}};

    for (i = 0; i < wd_array_len(places); i++) {
        if (wd_str_eq_z(key, places[i].key)) {
            return places[i].at;
        }
    }
    return NULL;
}


static wd_str_t *
wd_lseg_frame_text(wd_lseg_frame_t *f, wd_str_t key)
{
    size_t i;

    const struct {
        const char *key;
        wd_str_t   *at;
    } texts[] = {{"interval", &f->interval},
                 {"summaryTimestampLabel", &f->label},
                 {"defaultPricingField", &f->default_field},
                 {"error_description", &f->message},
                 {"Total", &f->total}};

    for (i = 0; i < wd_array_len(texts); i++) {
        if (wd_str_eq_z(key, texts[i].key)) {
            return texts[i].at;
        }
    }
    return NULL;
}


/* The value of one member. A member that comes twice: the first counts. */
static int
wd_lseg_frame_member(wd_json_scan_t *s, wd_pool_t *pool, wd_str_t key,
                     wd_lseg_frame_t *f)
{
    int                  rc;
    wd_str_t            *text = wd_lseg_frame_text(f, key);
    wd_json_scan_t      *place = wd_lseg_frame_place(f, key);
    wd_json_scan_val_t   v;
    const wd_lseg_want_t ric = {"ric", &f->ric};
    const wd_lseg_want_t timeliness = {"timeliness", &f->timeliness};

    if (wd_str_eq_z(key, "status") || wd_str_eq_z(key, "state")
        || wd_str_eq_z(key, "error")) {
        return wd_lseg_frame_verdict(s, pool, key, f);
    }
    if (wd_str_eq_z(key, "qos")) {
        return wd_lseg_texts(s, pool, &timeliness, 1);
    }

    wd_json_scan_at_end(s);
    if (place != NULL && place->p == NULL) {
        *place = *s;
    }
    if (wd_str_eq_z(key, "universe")) {
        return wd_lseg_texts(s, pool, &ric, 1);
    }
    if (text == NULL) {
        return wd_json_scan_skip(s);
    }

    rc = wd_json_scan_value(s, pool, &v);
    if (rc == WD_OK && (v.type == WD_JS_OBJECT || v.type == WD_JS_ARRAY)) {
        return wd_json_scan_skip(s);
    }
    if (rc == WD_OK && (v.type == WD_JS_STRING || v.type == WD_JS_NUMBER)
        && text->data == NULL) {
        *text = v.text;
    }
    return rc;
}


/*
 * Behind rows that are damaged. The headers of a table whose rows come first
 * must be found, or nothing of it can be read; those of a blending entry
 * would be other ones.
 */
static bool
wd_lseg_frame_resume(wd_json_scan_t *s, const wd_lseg_frame_t *f)
{
    size_t      left = (size_t) (s->end - f->data.p);
    const char *headers, *entry;

    headers = memmem(f->data.p, left, "\"headers\"", 9);
    entry = memmem(f->data.p, left, "\"blendingEntry\"", 15);
    if (f->headers.p != NULL || headers == NULL
        || (entry != NULL && entry < headers)) {
        return false;
    }
    s->p = headers;
    return true;
}


int
wd_lseg_frame(wd_json_scan_t *s, wd_pool_t *pool, wd_lseg_frame_t *ret)
{
    int      rc;
    bool     first = true, rows = false;
    wd_str_t key;

    memset(ret, 0, sizeof(*ret));
    rc = wd_json_scan_open(s, '{');
    while (rc == WD_OK) {
        rows = false;
        ret->bad = s->p;
        rc = wd_json_scan_member(s, pool, &first, &key);
        if (rc == WD_OK) {
            rows = wd_str_eq_z(key, "data") || wd_str_eq_z(key, "Hits");
            rc = wd_lseg_frame_member(s, pool, key, ret);
        }
        if (rc == WD_EPROTO && rows && ret->data.p != NULL
            && wd_lseg_frame_resume(s, ret)) {
            first = true;
            rc = WD_OK;
        }
    }
    if (rc == WD_ENOMEM) {
        return rc;
    }

    /* Damage of rows is found, and reported, by their reader. */
    ret->rc = rc == WD_ENOTFOUND ? WD_OK : rc;
    if (rows && ret->rc != WD_OK) {
        ret->bad = NULL;
    }
    return WD_OK;
}


bool
wd_lseg_frame_complains(const wd_lseg_frame_t *f)
{
    return f->error
           || (f->status
               && wd_lseg_status_class(f->code, f->message) != WD_ANSWER_OK);
}


bool
wd_lseg_frame_has_rows(const wd_lseg_frame_t *f)
{
    bool           first = true;
    wd_json_scan_t s = f->data;

    return s.p != NULL && wd_json_scan_open(&s, '[') == WD_OK
           && wd_json_scan_item(&s, &first) == WD_OK;
}


int
wd_lseg_frame_report(const wd_lseg_frame_t *f, wd_records_t *r)
{
    int  rc = WD_OK;
    char text[WD_ANSWER_TEXT_MAX];

    if (wd_lseg_frame_complains(f)) {
        wd_lseg_error_text(f->code, f->message, text);
        rc = wd_records_reject(r, -1, WD_REASON_PROVIDER_ERROR, WD_STR(""),
                               "%s", text);
    }
    if (rc == WD_OK && f->rc != WD_OK && f->bad != NULL && !r->refused) {
        rc = wd_records_reject(
            r, -1, f->rc == WD_ETRUNC ? WD_REASON_TRUNCATED : WD_REASON_SYNTAX,
            WD_STR(""), "the payload's frame %s",
            f->rc == WD_ETRUNC ? "ends too early" : "cannot be read");
    }
    return rc;
}
