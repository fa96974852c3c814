/*
 * wd_limit_key.h - who is limited, as a hash that is the same on all
 * gateways.
 */
#ifndef WD_LIMIT_KEY_H
#define WD_LIMIT_KEY_H

#include "wd_memo.h"
#include "wd_str.h"

#define WD_LIMIT_KEY 16

typedef struct {
    uint8_t b[WD_LIMIT_KEY];
} wd_limit_key_t;

/* BLAKE2b of the three texts. */
void wd_limit_key(wd_str_t principal, wd_str_t plan, wd_str_t group,
                  wd_limit_key_t *ret);

/* The same, from `memo` when it was made lately. */
void wd_limit_key_known(wd_memo_t *memo, wd_str_t principal, wd_str_t plan,
                        wd_str_t group, wd_limit_key_t *ret);

#endif /* WD_LIMIT_KEY_H */
