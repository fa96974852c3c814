/*
 * fuzz_xml_scan.c - the XML cursor: it moves on with each event, stays inside
 * of the text, closes what it opened, and makes no text longer than it was.
 */
#include "fuzz.h"

#include "wd_pool.h"
#include "wd_xml_scan.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static void
check(const wd_xml_scan_t *s, int depth)
{
    size_t i, bytes = (size_t) (s->p - s->at);

    fuzz_require(s->depth >= 0 && s->depth <= WD_XML_SCAN_DEPTH_MAX);
    switch (s->event) {
    case WD_XML_OPEN:
        fuzz_require(s->depth == depth + 1 && s->name.len != 0);
        fuzz_require(wd_str_eq(s->name, s->open[depth]));
        fuzz_require(s->n_attrs <= WD_XML_SCAN_ATTRS_MAX);
        for (i = 0; i < s->n_attrs; i++) {
            fuzz_require(s->attrs[i].name.len + s->attrs[i].value.len < bytes);
        }
        break;
    case WD_XML_CLOSE:
        fuzz_require(s->depth == depth - 1);
        fuzz_require(wd_str_eq(s->name, s->open[s->depth]));
        break;
    default:
        fuzz_require(s->depth == depth && depth != 0 && s->text.len <= bytes);
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int           rc, depth;
    bool          due;
    wd_pool_t    *pool;
    const char   *before;
    wd_xml_scan_t s;

    pool = wd_pool_create(4096);
    if (pool == NULL) {
        return 0;
    }

    wd_xml_scan_init(&s, wd_str((const char *) data, size));
    do {
        before = s.p;
        depth = s.depth;
        due = s.close_due;
        rc = wd_xml_scan_next(&s, pool);
        fuzz_require(s.p >= before && s.p <= s.end && s.at >= s.start);
        fuzz_require(rc != WD_OK || s.p > before || due);
        if (rc == WD_OK) {
            check(&s, depth);
        }
        fuzz_require(rc != WD_ENOTFOUND || (s.p == s.end && s.depth == 0));
        if (rc == WD_EPROTO && s.open[0].data != NULL
            && wd_xml_scan_resume(&s, s.open[0], s.at + 1)) {
            rc = WD_OK;
        }
    } while (rc == WD_OK);
    wd_pool_destroy(pool);
    return 0;
}
