/*
 * processing_symbols.h - whom a payload is about: instruments as its provider
 * writes them, numbered as they come. Pure.
 */
#ifndef PROCESSING_SYMBOLS_H
#define PROCESSING_SYMBOLS_H

#include "wd_map.h"
#include "wd_records.h"

typedef struct {
    wd_str_t alias; /* as the provider writes it */
    wd_str_t symbol; /* ours: upper case, no blanks */
    wd_str_t name; /* what follows from the request; data NULL: nothing */
    wd_str_t type;
    wd_str_t currency;
    int64_t  id; /* of the instrument; 0: not looked up yet */
    bool     asked;
} processing_symbol_t;

typedef struct {
    wd_pool_t           *pool;
    wd_map_t            *map; /* alias to number, from 1 */
    wd_map_t            *wanted; /* symbols that were asked for; NULL: all */
    processing_symbol_t *v;
    size_t               n;
    size_t               cap;
} processing_symbols_t;

/* WD_OK or WD_ENOMEM; release with _done, also after a failure. */
wd_must_check int processing_symbols_init(processing_symbols_t *s,
                                          wd_pool_t            *pool);
void              processing_symbols_done(processing_symbols_t *s);

/*
 * The symbol that an instrument has here: upper case, "IBM US Equity" with
 * underscores; data NULL when it could not be asked for. From the pool.
 */
wd_str_t processing_symbol_make(wd_pool_t *pool, wd_str_t alias);

/* *ret: its number. WD_OK, WD_EINVAL: it cannot be a symbol; WD_ENOMEM. */
wd_must_check int processing_symbols_add(processing_symbols_t *s,
                                         wd_str_t alias, size_t *ret);

/*
 * The number of a name that was added; of a record without a name, and where
 * there is only one, 0.
 */
size_t processing_symbols_find(const processing_symbols_t *s, wd_str_t alias);

/*
 * From now on only the names of a list (parted by commas, perhaps with their
 * scheme before them: "TICKER:IBM US Equity") were asked for; an empty one
 * asks for all. WD_OK or WD_ENOMEM.
 */
wd_must_check int processing_symbols_want(processing_symbols_t *s,
                                          wd_str_t              list);
bool processing_symbols_wanted(const processing_symbols_t *s, wd_str_t name);

/*
 * Adds the names of all records; those without one are about `own`, the
 * payload's, if it has one. A record that is about nobody, or about somebody
 * who was not asked for, is rejected and taken out. WD_OK or WD_ENOMEM.
 */
wd_must_check int processing_symbols_gather(processing_symbols_t *s,
                                            wd_records_t *r, wd_str_t own);

#endif /* PROCESSING_SYMBOLS_H */
