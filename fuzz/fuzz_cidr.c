/*
 * fuzz_cidr.c - networks as text and packed: what is read prints as what reads
 * the same, contains its own address, and survives packing.
 */
#include "wd_cidr.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static void
check(const wd_cidr_t *net)
{
    char      text[WD_CIDR_TEXT_MAX];
    uint8_t   packed[WD_CIDR_PACKED_MAX];
    size_t    n;
    wd_str_t  list;
    wd_cidr_t back, addr = *net;

    n = wd_cidr_format(net, text);
    if (wd_cidr_parse(wd_str(text, n), &back) != WD_OK
        || memcmp(&back, net, sizeof(back)) != 0) {
        abort();
    }

    addr.bits = net->v6 ? 128 : 32;
    list = wd_str((char *) packed, wd_cidr_pack(net, packed));
    if (!wd_cidr_contains(net, &addr) || !wd_cidr_list_contains(list, &addr)
        || wd_cidr_unpack(&list, &back) != WD_OK || list.len != 0
        || memcmp(&back, net, sizeof(back)) != 0) {
        abort();
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    wd_str_t  in = wd_str((const char *) data, size);
    wd_cidr_t net, addr;

    if (wd_cidr_parse(in, &net) == WD_OK) {
        check(&net);
    }

    memset(&addr, 0, sizeof(addr));
    addr.bits = 32;
    (void) wd_cidr_list_contains(in, &addr);
    while (wd_cidr_unpack(&in, &net) == WD_OK) {
        /* to its end */
    }
    return 0;
}
