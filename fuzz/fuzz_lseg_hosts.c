/*
 * fuzz_lseg_hosts.c - LSEG's service discovery: the first line is a region.
 */
#include "fuzz.h"

#include "wd_lseg_hosts.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char            region[16];
    size_t          i;
    wd_str_t        line, body = wd_str((const char *) data, size);
    wd_answer_t     a;
    wd_lseg_hosts_t h;

    if (!wd_str_split(&body, '\n', &line)) {
        return 0;
    }
    wd_str_copy(region, sizeof(region), line);
    fuzz_require(wd_lseg_hosts(body, region, &h, &a) == WD_OK);
    fuzz_require((a.class == WD_ANSWER_OK) == (h.n != 0));
    fuzz_require(h.n <= WD_LSEG_HOSTS_MAX);
    for (i = 0; i < h.n; i++) {
        fuzz_require(h.hosts[i].port != 0 && h.hosts[i].name[0] != '\0');
        fuzz_require(strpbrk(h.hosts[i].name, " /@:?#\r\n") == NULL);
    }
    return 0;
}
