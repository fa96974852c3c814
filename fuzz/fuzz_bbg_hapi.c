/*
 * fuzz_bbg_hapi.c - documents and events of Bloomberg's REST service. The
 * first byte says how long the chunks of the stream are.
 */
#include "fuzz.h"

#include "wd_bbg_hapi.h"
#include "wd_bbg_sse.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static void
check_path(wd_str_t path)
{
    size_t i;

    fuzz_require(path.data == NULL || (path.len != 0 && path.data[0] == '/'));
    fuzz_require(path.len < 2 || path.data[1] != '/');
    for (i = 0; i < path.len; i++) {
        fuzz_require(path.data[i] > ' ' && path.data[i] <= '~');
    }
}


static void
check_documents(wd_str_t body)
{
    size_t          i;
    wd_pool_t      *pool = wd_pool_create(4096);
    wd_error_t      err;
    const wd_str_t  host = WD_STR("api.bloomberg.com");
    wd_bbg_page_t   page;
    wd_bbg_status_t status;
    wd_bbg_notice_t notice;

    if (pool == NULL) {
        return;
    }
    if (wd_bbg_page_read(body, host, pool, &page, &err) == WD_OK) {
        fuzz_require(page.total >= -1 && page.pages >= -1);
        check_path(page.next);
        check_path(page.self.path);
        for (i = 0; i < page.n_items; i++) {
            check_path(page.items[i].path);
            fuzz_require(wd_utf8_valid(page.items[i].title));
        }
    }
    if (wd_bbg_status_read(body, host, pool, &status, &err) == WD_OK) {
        check_path(status.path);
        fuzz_require(wd_utf8_valid(wd_str_z(status.text)));
    }
    if (wd_bbg_notice_read(body, host, pool, &notice, &err) == WD_OK) {
        check_path(notice.path);
        fuzz_require(wd_name_valid(notice.name, WD_BBG_NAME_MAX));
        fuzz_require(notice.length >= -1);
    }
    wd_pool_destroy(pool);
}


/* All events as one text. */
static void
read_stream(wd_str_t stream, size_t step, wd_buf_t *out)
{
    int            rc;
    wd_str_t       chunk;
    wd_bbg_sse_t   s;
    wd_bbg_event_t e;

    wd_bbg_sse_init(&s);
    while (stream.len != 0) {
        chunk = wd_str(stream.data, wd_min(step, stream.len));
        stream = wd_str(stream.data + chunk.len, stream.len - chunk.len);
        while ((rc = wd_bbg_sse_next(&s, &chunk, &e)) != WD_ENOTFOUND) {
            wd_buf_printf(out, "%d ", rc);
            if (rc == WD_OK) {
                wd_buf_str(out, e.type);
                wd_buf_byte(out, '\n');
                wd_buf_str(out, e.data);
                wd_buf_byte(out, '\n');
                wd_buf_str(out, e.id);
                check_documents(e.data);
            }
        }
    }
    wd_bbg_sse_done(&s);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    wd_str_t body;
    wd_buf_t whole = WD_BUF_INIT, parts = WD_BUF_INIT;

    if (size == 0) {
        return 0;
    }
    body = wd_str((const char *) data + 1, size - 1);
    check_documents(body);
    read_stream(body, SIZE_MAX, &whole);
    read_stream(body, (size_t) data[0] + 1, &parts);
    fuzz_require(wd_str_eq(wd_buf_view(&whole), wd_buf_view(&parts)));
    wd_buf_done(&whole);
    wd_buf_done(&parts);
    return 0;
}
