/*
 * wd_method_set.h - which methods of the catalogue, as one bit for each.
 *
 * A plain value: zeroed, it is the empty set. Members are the numbers of
 * wd_method_e, and what else a caller counts behind them.
 */
#ifndef WD_METHOD_SET_H
#define WD_METHOD_SET_H

#include "wd_base.h"

#define WD_METHOD_SET_WORDS 2
#define WD_METHOD_SET_MAX (64 * WD_METHOD_SET_WORDS) /* members */

typedef struct {
    uint64_t word[WD_METHOD_SET_WORDS];
} wd_method_set_t;


/* `i` is below WD_METHOD_SET_MAX here and in all that follow. */
static inline void
wd_method_set_add(wd_method_set_t *s, unsigned i)
{
    s->word[i / 64] |= UINT64_C(1) << i % 64;
}


static inline void
wd_method_set_remove(wd_method_set_t *s, unsigned i)
{
    s->word[i / 64] &= ~(UINT64_C(1) << i % 64);
}


static inline bool
wd_method_set_has(const wd_method_set_t *s, unsigned i)
{
    return s->word[i / 64] >> i % 64 & 1;
}


/* All that there can be. */
static inline void
wd_method_set_fill(wd_method_set_t *s)
{
    unsigned i;

    for (i = 0; i < WD_METHOD_SET_WORDS; i++) {
        s->word[i] = UINT64_MAX;
    }
}


static inline bool
wd_method_set_is_empty(const wd_method_set_t *s)
{
    uint64_t any = 0;
    unsigned i;

    for (i = 0; i < WD_METHOD_SET_WORDS; i++) {
        any |= s->word[i];
    }
    return any == 0;
}


static inline bool
wd_method_set_eq(const wd_method_set_t *a, const wd_method_set_t *b)
{
    uint64_t differ = 0;
    unsigned i;

    for (i = 0; i < WD_METHOD_SET_WORDS; i++) {
        differ |= a->word[i] ^ b->word[i];
    }
    return differ == 0;
}

#endif /* WD_METHOD_SET_H */
