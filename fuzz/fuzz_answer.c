/*
 * fuzz_answer.c - the judgement of provider answers: any bytes get a class,
 * a text that is UTF-8 without control characters, and sane page numbers.
 * What is JSON to the one who judges is JSON to those who read records.
 */
#include "wd_av_answer.h"
#include "wd_wb_answer.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static void
check(const wd_answer_t *a)
{
    size_t i, n = strnlen(a->text, sizeof(a->text));

    if (a->class >= WD_ANSWER_COUNT || n == sizeof(a->text) || a->wait_s < 0
        || !wd_utf8_valid(wd_str(a->text, n))
        || (a->class == WD_ANSWER_OK && n != 0)) {
        abort();
    }
    for (i = 0; i < n; i++) {
        if ((unsigned char) a->text[i] < 0x20 || a->text[i] == 0x7f) {
            abort();
        }
    }
}


static void
check_both_read(wd_str_t body)
{
    size_t         i, brackets = 0;
    json_t        *root;
    wd_error_t     err;
    wd_json_scan_t s = wd_answer_scan(wd_answer_body(body));

    for (i = 0; i < body.len; i++) {
        brackets += body.data[i] == '[' || body.data[i] == '{';
    }
    if (brackets > WD_JSON_SCAN_DEPTH_MAX
        || wd_answer_json(body, &root, &err) != WD_OK) {
        return;
    }
    json_decref(root);
    if (wd_json_scan_skip(&s) != WD_OK || !wd_json_scan_at_end(&s)) {
        abort();
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char         text[64];
    wd_str_t     body = wd_str((const char *) data, size);
    wd_answer_t  a;
    wd_wb_page_t p;

    if (wd_av_classify(body, &a) == WD_OK) {
        check(&a);
    }
    if (wd_wb_classify_page(body, &a, &p) == WD_OK) {
        check(&a);
        if (p.page < 0 || p.pages < 0 || p.total < 0 || p.rows < 0) {
            abort();
        }
    }

    check_both_read(body);
    wd_answer_redact(body, text, sizeof(text));
    if (!wd_utf8_valid(wd_str_z(text))) {
        abort();
    }
    return 0;
}
