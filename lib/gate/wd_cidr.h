/*
 * wd_cidr.h - IPv4 and IPv6 networks: parsing, a packed form, matching.
 *
 * An IPv4 address inside IPv6 (::ffff:a.b.c.d) is that IPv4 address, in
 * networks as in addresses.
 */
#ifndef WD_CIDR_H
#define WD_CIDR_H

#include "wd_err.h"
#include "wd_str.h"

#define WD_CIDR_TEXT_MAX 64 /* longest text with its zero */
#define WD_CIDR_PACKED_MAX 17 /* bytes of one packed network */
#define WD_CIDR_LIST_MAX 32 /* networks of one list */

typedef struct {
    uint8_t bits; /* of the network; 0 to 32 or 0 to 128 */
    bool    v6;
    uint8_t addr[16]; /* what is behind the network is 0 */
} wd_cidr_t;

/*
 * "192.0.2.0/24", "2001:db8::/32", or an address. What is set behind the
 * network is cleared. WD_EINVAL for any other text.
 */
wd_must_check int wd_cidr_parse(wd_str_t text, wd_cidr_t *ret);

/* "network/bits", zero-terminated; returns the length. */
size_t wd_cidr_format(const wd_cidr_t *net, char out[WD_CIDR_TEXT_MAX]);

/* Four or sixteen bytes in network order as a network of one address. */
wd_cidr_t wd_cidr_of(const uint8_t *addr, bool v6);

bool wd_cidr_contains(const wd_cidr_t *net, const wd_cidr_t *address);

/* Appends the packed form: length and as many bytes as it needs. */
size_t wd_cidr_pack(const wd_cidr_t *net, uint8_t out[WD_CIDR_PACKED_MAX]);

/* Takes one network off a packed list. WD_ENOTFOUND at its end, WD_EPROTO. */
wd_must_check int wd_cidr_unpack(wd_str_t *list, wd_cidr_t *ret);

/* Is the address in one of them? A list that is broken contains nothing. */
bool wd_cidr_list_contains(wd_str_t list, const wd_cidr_t *address);

#endif /* WD_CIDR_H */
