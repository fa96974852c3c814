/*
 * wd_memo.h - digests made lately, of one thread: a hash that resists
 * collisions costs more than to compare the bytes with those seen before.
 */
#ifndef WD_MEMO_H
#define WD_MEMO_H

#include "wd_base.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WD_MEMO_DIGEST 32

typedef struct wd_memo_s wd_memo_t;

/*
 * `slots` is a power of two; texts of more than `bytes` are not remembered.
 * Texts may be secrets: the memory is in no core file and wiped at the end.
 * NULL without memory. destroy() takes NULL.
 */
wd_memo_t *wd_memo_create(size_t slots, size_t bytes);
void       wd_memo_destroy(wd_memo_t *m);

/*
 * Where the digest of the text stands; *ret_known false: the caller has to
 * put it there. NULL: the text is too long, or empty.
 */
uint8_t *wd_memo(wd_memo_t *m, const uint8_t *text, size_t n, bool *ret_known);

#endif /* WD_MEMO_H */
