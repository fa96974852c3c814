/*
 * wd_cidr.c - networks as a number of bits and the bytes that hold them.
 */
#include "wd_cidr.h"

#include <arpa/inet.h>
#include <stdio.h>

#define WD_CIDR_V6 64 /* added to the length of an IPv6 network when packed */
#define WD_CIDR_MAPPED 96 /* bits before the IPv4 address in IPv6 */

static const uint8_t wd_cidr_mapped[12] = {0, 0, 0, 0, 0,    0,
                                           0, 0, 0, 0, 0xff, 0xff};


static size_t
wd_cidr_bytes(unsigned bits)
{
    return (bits + 7) / 8;
}


/* Clears what is behind the network. */
static void
wd_cidr_mask(wd_cidr_t *net)
{
    size_t n = wd_cidr_bytes(net->bits);

    memset(net->addr + n, 0, sizeof(net->addr) - n);
    if (net->bits % 8 != 0) {
        net->addr[n - 1] &= (uint8_t) (0xff << (8 - net->bits % 8));
    }
}


static void
wd_cidr_unmap(wd_cidr_t *net)
{
    if (!net->v6 || net->bits < WD_CIDR_MAPPED
        || memcmp(net->addr, wd_cidr_mapped, sizeof(wd_cidr_mapped)) != 0) {
        return;
    }

    net->v6 = false;
    net->bits = (uint8_t) (net->bits - WD_CIDR_MAPPED);
    memmove(net->addr, net->addr + sizeof(wd_cidr_mapped), 4);
    memset(net->addr + 4, 0, sizeof(net->addr) - 4);
}


/* One to three digits without a leading zero; at most `max`. */
static int
wd_cidr_length(wd_str_t s, unsigned max, uint8_t *ret)
{
    size_t   i;
    unsigned v = 0;

    if (s.len < 1 || s.len > 3 || (s.len > 1 && s.data[0] == '0')) {
        return WD_EINVAL;
    }
    for (i = 0; i < s.len; i++) {
        if (s.data[i] < '0' || s.data[i] > '9') {
            return WD_EINVAL;
        }
        v = v * 10 + (unsigned) (s.data[i] - '0');
    }
    if (v > max) {
        return WD_EINVAL;
    }
    *ret = (uint8_t) v;
    return WD_OK;
}


int
wd_cidr_parse(wd_str_t text, wd_cidr_t *ret)
{
    char      z[INET6_ADDRSTRLEN];
    wd_str_t  addr, rest = text;
    wd_cidr_t net;

    memset(&net, 0, sizeof(net));
    if (text.data == NULL || !wd_str_split(&rest, '/', &addr) || addr.len == 0
        || addr.len >= sizeof(z) || memchr(addr.data, '\0', addr.len) != NULL) {
        return WD_EINVAL;
    }

    wd_str_copy(z, sizeof(z), addr);
    net.v6 = memchr(z, ':', addr.len) != NULL;
    if (inet_pton(net.v6 ? AF_INET6 : AF_INET, z, net.addr) != 1) {
        return WD_EINVAL;
    }

    net.bits = net.v6 ? 128 : 32;
    if (addr.len != text.len
        && wd_cidr_length(rest, net.bits, &net.bits) != WD_OK) {
        return WD_EINVAL;
    }

    wd_cidr_unmap(&net);
    wd_cidr_mask(&net);
    *ret = net;
    return WD_OK;
}


size_t
wd_cidr_format(const wd_cidr_t *net, char out[WD_CIDR_TEXT_MAX])
{
    char addr[INET6_ADDRSTRLEN] = "";

    (void) inet_ntop(net->v6 ? AF_INET6 : AF_INET, net->addr, addr,
                     sizeof(addr));
    return (size_t) snprintf(out, WD_CIDR_TEXT_MAX, "%s/%u", addr, net->bits);
}


wd_cidr_t
wd_cidr_of(const uint8_t *addr, bool v6)
{
    wd_cidr_t net;

    memset(&net, 0, sizeof(net));
    net.v6 = v6;
    net.bits = v6 ? 128 : 32;
    memcpy(net.addr, addr, v6 ? 16 : 4);
    wd_cidr_unmap(&net);
    return net;
}


bool
wd_cidr_contains(const wd_cidr_t *net, const wd_cidr_t *address)
{
    size_t  n = net->bits / 8;
    uint8_t differs;

    if (net->v6 != address->v6 || net->bits > address->bits
        || memcmp(net->addr, address->addr, n) != 0) {
        return false;
    }
    if (net->bits % 8 == 0) {
        return true;
    }
    differs = net->addr[n] ^ address->addr[n];
    return differs >> (8 - net->bits % 8) == 0;
}


size_t
wd_cidr_pack(const wd_cidr_t *net, uint8_t out[WD_CIDR_PACKED_MAX])
{
    size_t n = wd_cidr_bytes(net->bits);

    out[0] = (uint8_t) (net->bits + (net->v6 ? WD_CIDR_V6 : 0));
    memcpy(out + 1, net->addr, n);
    return 1 + n;
}


int
wd_cidr_unpack(wd_str_t *list, wd_cidr_t *ret)
{
    size_t    n;
    uint8_t   head;
    wd_cidr_t net;

    if (list->len == 0) {
        return WD_ENOTFOUND;
    }

    memset(&net, 0, sizeof(net));
    head = (uint8_t) list->data[0];
    net.v6 = head >= WD_CIDR_V6;
    net.bits = (uint8_t) (net.v6 ? head - WD_CIDR_V6 : head);
    n = wd_cidr_bytes(net.bits);
    if (net.bits > (net.v6 ? 128 : 32) || list->len < 1 + n) {
        return WD_EPROTO;
    }

    memcpy(net.addr, list->data + 1, n);
    list->data += 1 + n;
    list->len -= 1 + n;
    *ret = net;
    return WD_OK;
}


bool
wd_cidr_list_contains(wd_str_t list, const wd_cidr_t *address)
{
    wd_cidr_t net;

    while (wd_cidr_unpack(&list, &net) == WD_OK) {
        if (wd_cidr_contains(&net, address)) {
            return true;
        }
    }
    return false;
}
