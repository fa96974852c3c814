/*
 * wd_intern.h - distinct byte strings in shared memory, each kept once and
 * known by a small number.
 *
 * Strings are only added. When there is no room, wd_intern_clear() begins a
 * new generation in the other half of the memory; numbers of the generation
 * before stay readable until the next clearing, so a reader that is late by
 * one generation still reads what it means.
 */
#ifndef WD_INTERN_H
#define WD_INTERN_H

#include "wd_err.h"
#include "wd_shlock.h"
#include "wd_str.h"

#define WD_INTERN_LEN_MAX 2048
#define WD_INTERN_KEY 16

typedef struct wd_intern_half_s wd_intern_half_t;

typedef struct {
    wd_shlock_t       lock;
    _Atomic uint32_t  gen;
    _Atomic uint64_t  clears;
    uint32_t          records; /* at most, per half */
    uint32_t          bytes; /* per half */
    uint8_t           key[WD_INTERN_KEY]; /* of the hash */
    wd_intern_half_t *half[2];
} wd_intern_t;

/* Bytes of memory with which wd_intern_init() can work. */
#define WD_INTERN_SIZE_MIN 16384

/* `mem` is zeroed and aligned to 8. */
void wd_intern_init(wd_intern_t *in, void *mem, size_t size,
                    const uint8_t key[WD_INTERN_KEY]);

uint32_t wd_intern_gen(const wd_intern_t *in);

#define WD_INTERN_WORDS 4

/* What goes with the bytes and tells them apart, too. */
typedef struct {
    uint64_t word[WD_INTERN_WORDS];
} wd_intern_extra_t;

/*
 * The number of these bytes with that beside them; 0 stands for no bytes and
 * zero words. *ret_gen is the generation that it belongs to. WD_ENOMEM: no
 * room; WD_ETOOBIG.
 */
wd_must_check int wd_intern_put(wd_intern_t *in, wd_str_t bytes,
                                const wd_intern_extra_t *extra,
                                uint16_t *ret_id, uint32_t *ret_gen);

/*
 * The view is good until the generation after the next begins: who copies
 * from it compares wd_intern_gen() afterwards.
 */
wd_must_check int wd_intern_get(const wd_intern_t *in, uint32_t gen,
                                uint16_t id, wd_str_t *ret,
                                wd_intern_extra_t *ret_extra);

/* Begins the generation after `gen`, unless somebody else did. */
void wd_intern_clear(wd_intern_t *in, uint32_t gen);

/* Strings of this generation. */
uint32_t wd_intern_count(const wd_intern_t *in);

/* True when less than half of the room of this generation is taken. */
bool wd_intern_roomy(const wd_intern_t *in);

#endif /* WD_INTERN_H */
