/*
 * fuzz_ws_head.c - a server's answer to the opening of a WebSocket: the first
 * line of the input is the sub-protocol that was asked for.
 */
#include "fuzz.h"

#include "wd_ws_handshake.h"

#include <stdlib.h>

#define ACCEPT "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static bool
has(wd_str_t text, const char *part)
{
    return text.data != NULL && text.len != 0
           && memmem(text.data, text.len, part, strlen(part)) != NULL;
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int        rc;
    char       asked[64];
    size_t     n;
    wd_str_t   line, rest = wd_str((const char *) data, size);
    wd_error_t err = {0};

    if (!wd_str_split(&rest, '\n', &line) || rest.data == NULL) {
        return 0;
    }
    wd_str_copy(asked, sizeof(asked), line);
    n = wd_ws_head_len(rest);
    fuzz_require(n <= rest.len && (n == 0 || n >= 4));
    rc = wd_ws_head_check(wd_str(rest.data, n), ACCEPT,
                          asked[0] != '\0' ? asked : NULL, &err);
    if (rc == WD_OK) {
        fuzz_require(has(wd_str(rest.data, n), ACCEPT));
        fuzz_require(has(wd_str(rest.data, n), asked));
    } else {
        fuzz_require(err.text[0] != '\0');
    }
    return 0;
}
