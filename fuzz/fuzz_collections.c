/*
 * fuzz_collections.c - files of collections. What is accepted must survive
 * the way to JSON and back, and have items and slices that can be asked for.
 */
#include "fuzz.h"

#include "ingestion_collection_file.h"

#include <stdlib.h>

#define NOW (INT64_C(19000) * WD_NS_PER_DAY)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static void
fuzz_json(const ingestion_collection_t *c, wd_buf_t *out)
{
    wd_json_t j;

    wd_buf_init(out, 0);
    wd_json_init(&j, out);
    ingestion_collection_json(c, &j);
    fuzz_require(out->err == WD_OK);
}


static void
fuzz_back(const ingestion_collection_t *c)
{
    wd_buf_t               a, b;
    wd_error_t             err = {0};
    const char            *key;
    ingestion_collection_t back;

    fuzz_json(c, &a);
    ingestion_collection_init(&back);
    fuzz_require(ingestion_collection_parse(wd_buf_view(&a), &back, &err)
                 == WD_OK);
    fuzz_require(ingestion_collection_check(&back, &key, &err) == WD_OK);
    fuzz_json(&back, &b);
    fuzz_require(wd_str_eq(wd_buf_view(&a), wd_buf_view(&b)));
    ingestion_collection_done(&back);
    wd_buf_done(&a);
    wd_buf_done(&b);
}


static void
fuzz_items(const ingestion_collection_t *c)
{
    size_t            i = 0;
    wd_str_t          list = wd_buf_view(&c->instruments), one;
    wd_error_t        err = {0};
    const char       *param;
    ingestion_args_t  args;
    ingestion_span_t  span;
    ingestion_slice_t slice;

    ingestion_collection_span(c, &span);
    span.now = NOW;
    while (ingestion_collection_next(c, &list, &i, &one)) {
        fuzz_require(ingestion_collection_item(c, one, &args, &err) == WD_OK);
        if (c->stream) {
            continue;
        }
        slice = ingestion_slices_live(&span, 0);
        fuzz_require(ingestion_slice_args(span.kind, &slice, &args));
        fuzz_require(ingestion_args_check(c->set, &args, &param, &err)
                     == WD_OK);
        if (ingestion_slices_fill_n(&span) != 0) {
            slice = ingestion_slices_fill(&span, 0);
            fuzz_require(slice.from <= slice.to);
            fuzz_require(ingestion_slice_args(span.kind, &slice, &args));
            fuzz_require(ingestion_args_check(c->set, &args, &param, &err)
                         == WD_OK);
        }
    }
}


static void
fuzz_runs(const ingestion_collection_t *c)
{
    ingestion_schedule_t s;

    if (c->stream) {
        return;
    }
    ingestion_collection_schedule(c, NULL, &s);
    fuzz_require(ingestion_schedule_last(&s, NOW) <= NOW);
    fuzz_require(ingestion_schedule_next(&s, NOW) > NOW);
    fuzz_require(ingestion_schedule_per_day(&s) > 0);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int                     rc, line = 0;
    size_t                  i;
    wd_error_t              err = {0};
    ingestion_collections_t all;

    rc = ingestion_collection_read(wd_str((const char *) data, size), &all,
                                   &line, &err);
    if (rc != WD_OK) {
        fuzz_require(err.text[0] != '\0' && line >= 1);
    }
    for (i = 0; rc == WD_OK && i < all.n; i++) {
        fuzz_back(&all.v[i]);
        fuzz_items(&all.v[i]);
        fuzz_runs(&all.v[i]);
    }
    ingestion_collections_done(&all);
    return 0;
}
