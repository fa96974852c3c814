/*
 * wd_limit_key.h - who is limited, as a hash that is the same on all
 * gateways.
 */
#ifndef WD_LIMIT_KEY_H
#define WD_LIMIT_KEY_H

#include "wd_str.h"

#include <stdint.h>

#define WD_LIMIT_KEY 16

typedef struct {
    uint8_t b[WD_LIMIT_KEY];
} wd_limit_key_t;

#define WD_LIMIT_KEYS_KNOWN 512 /* a power of two */
#define WD_LIMIT_KNOWN_BYTES 92

typedef struct {
    uint32_t       n; /* 0: nothing is here */
    uint8_t        bytes[WD_LIMIT_KNOWN_BYTES];
    wd_limit_key_t key;
} wd_limit_known_t;

/* Hashes made lately, of one thread; zeroed memory is an empty one. */
typedef struct {
    wd_limit_known_t known[WD_LIMIT_KEYS_KNOWN];
} wd_limit_keys_t;

/* BLAKE2b of the three texts. */
void wd_limit_key(wd_str_t principal, wd_str_t plan, wd_str_t group,
                  wd_limit_key_t *ret);

/* The same, from `keys` when it was made lately. */
void wd_limit_key_known(wd_limit_keys_t *keys, wd_str_t principal,
                        wd_str_t plan, wd_str_t group, wd_limit_key_t *ret);

#endif /* WD_LIMIT_KEY_H */
