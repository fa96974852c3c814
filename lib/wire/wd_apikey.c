/*
 * wd_apikey.c - form and checksum of API keys.
 */
#include "wd_apikey.h"

#define WD_APIKEY_BODY (WD_APIKEY_PREFIX + WD_APIKEY_RANDOM)


char
wd_base62(unsigned v)
{
    static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                 "abcdefghijklmnopqrstuvwxyz";

    return digits[v % 62];
}


static bool
wd_is_base62(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z')
           || (c >= 'a' && c <= 'z');
}


/* CRC-32 (IEEE 802.3), bitwise: 40 bytes do not need a table. */
static uint32_t
wd_apikey_crc(const char *p, size_t n)
{
    int      k;
    uint32_t crc = 0xffffffffu;

    while (n-- != 0) {
        crc ^= (unsigned char) *p++;
        for (k = 0; k < 8; k++) {
            crc = crc >> 1 ^ (0xedb88320u & -(crc & 1u));
        }
    }
    return ~crc;
}


static void
wd_apikey_check(const char *key, char out[WD_APIKEY_CHECK])
{
    int      i;
    uint32_t crc = wd_apikey_crc(key, WD_APIKEY_BODY);

    for (i = WD_APIKEY_CHECK - 1; i >= 0; i--) {
        out[i] = wd_base62(crc % 62);
        crc /= 62;
    }
}


bool
wd_apikey_wellformed(wd_str_t key)
{
    char   check[WD_APIKEY_CHECK];
    size_t i;

    if (key.len != WD_APIKEY_LEN
        || (!wd_str_starts(key, "wd_live_")
            && !wd_str_starts(key, "wd_test_"))) {
        return false;
    }

    for (i = WD_APIKEY_PREFIX; i < WD_APIKEY_LEN; i++) {
        if (!wd_is_base62(key.data[i])) {
            return false;
        }
    }

    wd_apikey_check(key.data, check);
    return memcmp(key.data + WD_APIKEY_BODY, check, WD_APIKEY_CHECK) == 0;
}


void
wd_apikey_seal(char key[WD_APIKEY_LEN + 1])
{
    wd_apikey_check(key, key + WD_APIKEY_BODY);
    key[WD_APIKEY_LEN] = '\0';
}
