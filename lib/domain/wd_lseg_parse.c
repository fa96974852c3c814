/*
 * wd_lseg_parse.c - LSEG's answers: one object, or a list of them of which one
 * is about the instrument that was asked for.
 */
#include "wd_lseg_parse.h"

#include "wd_answer.h"
#include "wd_lseg_table.h"

static const char *const wd_lseg_datasets[] = {
    [WD_LSEG_INTERDAY] = "interday",
    [WD_LSEG_INTRADAY] = "intraday",
    [WD_LSEG_EVENTS] = "events",
    [WD_LSEG_ESG_BASIC] = "esg_basic",
    [WD_LSEG_ESG_SCORES_FULL] = "esg_scores_full",
    [WD_LSEG_ESG_SCORES_STANDARD] = "esg_scores_standard",
    [WD_LSEG_ESG_MEASURES_FULL] = "esg_measures_full",
    [WD_LSEG_ESG_MEASURES_STANDARD] = "esg_measures_standard",
    [WD_LSEG_SYMBOLOGY] = "symbology",
    [WD_LSEG_SEARCH] = "search",
};

typedef struct {
    wd_lseg_dataset_e dataset;
    wd_json_scan_t    s;
    wd_records_t     *r;
    bool              used; /* an instrument's rows were read */
    bool              complained;
    bool              stopped; /* what follows cannot be read */
} wd_lseg_parse_t;


bool
wd_lseg_dataset_by_name(wd_str_t name, wd_lseg_dataset_e *ret)
{
    size_t i;

    for (i = 0; i < wd_array_len(wd_lseg_datasets); i++) {
        if (wd_str_eq_z(name, wd_lseg_datasets[i])) {
            *ret = (wd_lseg_dataset_e) i;
            return true;
        }
    }
    return false;
}


static int
wd_lseg_read(wd_lseg_dataset_e dataset, const wd_lseg_frame_t *f,
             wd_records_t *r)
{
    switch (dataset) {
    case WD_LSEG_INTERDAY:
    case WD_LSEG_INTRADAY:
    case WD_LSEG_EVENTS:
        return wd_lseg_pricing(dataset, f, r);
    case WD_LSEG_SYMBOLOGY:
        return wd_lseg_symbology(f, r);
    case WD_LSEG_SEARCH:
        return wd_lseg_search(f, r);
    default:
        return wd_lseg_esg(f, r);
    }
}


/* The object at the cursor. */
static int
wd_lseg_object(wd_lseg_parse_t *p)
{
    int             rc;
    size_t          before = p->r->n_rejected;
    wd_lseg_frame_t f;

    rc = wd_lseg_frame(&p->s, p->r->pool, &f);
    if (rc != WD_OK) {
        return rc;
    }
    p->stopped = f.rc != WD_OK;

    if (wd_lseg_frame_complains(&f) && !wd_lseg_frame_has_rows(&f)) {
        p->complained = true;
    } else if (p->used) {
        rc = wd_records_reject(p->r, -1, WD_REASON_SYMBOL_MISMATCH, f.ric,
                               "a further instrument in the answer");
    } else {
        p->used = true;
        rc = wd_lseg_read(p->dataset, &f, p->r);
        if (f.bad == NULL && p->r->n_rejected == before) {
            f.bad = p->s.p; /* nested too deep for the frame, not for a row */
        }
    }
    return rc != WD_OK ? rc : wd_lseg_frame_report(&f, p->r);
}


/* What was read before is kept. */
static int
wd_lseg_refuse_shape(wd_lseg_parse_t *p, const char *why)
{
    p->stopped = true;
    if (p->used) {
        return wd_records_reject(p->r, -1, WD_REASON_SYNTAX, WD_STR(""), "%s",
                                 why);
    }
    return wd_records_refuse(p->r, WD_REASON_UNKNOWN_SHAPE, WD_STR(""), "%s",
                             why);
}


/* A frame's end is missing, or it is damaged there. */
static int
wd_lseg_broken(wd_lseg_parse_t *p, int rc)
{
    p->stopped = true;
    return wd_records_reject(
        p->r, -1, rc == WD_ETRUNC ? WD_REASON_TRUNCATED : WD_REASON_SYNTAX,
        WD_STR(""), "the list of instruments %s",
        rc == WD_ETRUNC ? "ends too early" : "cannot be read");
}


static int
wd_lseg_objects(wd_lseg_parse_t *p)
{
    int  rc = WD_OK;
    bool first = true;

    p->s.p++;
    while (!p->stopped && rc == WD_OK) {
        rc = wd_json_scan_item(&p->s, &first);
        if (rc == WD_ENOTFOUND) {
            break;
        }
        if (rc == WD_OK && wd_json_scan_at_end(&p->s)) {
            rc = WD_ETRUNC;
        }
        if (rc != WD_OK) {
            rc = wd_lseg_broken(p, rc);
        } else if (*p->s.p == '{') {
            rc = wd_lseg_object(p);
        } else {
            rc = wd_lseg_refuse_shape(p, "a list of something else");
        }
    }
    p->r->empty |= !p->used && !p->complained && !p->stopped;
    return rc == WD_ENOTFOUND ? WD_OK : rc;
}


int
wd_lseg_parse(wd_lseg_dataset_e dataset, wd_str_t body, wd_records_t *ret)
{
    int             rc;
    wd_lseg_parse_t p;

    if (wd_str_starts(body, "\xef\xbb\xbf")) {
        body.data += 3;
        body.len -= 3;
    }

    memset(&p, 0, sizeof(p));
    p.dataset = dataset;
    p.r = ret;
    p.s = wd_answer_scan(body);

    if (wd_json_scan_at_end(&p.s)) {
        return wd_records_refuse(ret, WD_REASON_TRUNCATED, WD_STR(""),
                                 "nothing in the payload");
    }
    if (*p.s.p == '{') {
        rc = wd_lseg_object(&p);
    } else if (*p.s.p == '[') {
        rc = wd_lseg_objects(&p);
    } else {
        rc = wd_lseg_refuse_shape(&p, "neither an object nor a list");
    }

    ret->refused |= p.complained && !p.used;
    if (rc == WD_OK && !p.stopped && !wd_json_scan_at_end(&p.s)) {
        rc = wd_records_reject(ret, -1, WD_REASON_SYNTAX,
                               wd_str(p.s.p, (size_t) (p.s.end - p.s.p)),
                               "text behind the payload");
    }
    return rc;
}
