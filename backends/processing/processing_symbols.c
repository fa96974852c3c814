/*
 * processing_symbols.c - the names in a payload, and which of them were asked
 * for.
 */
#include "processing_symbols.h"

#include <stddef.h>

#define NO_SAMPLE SIZE_MAX

/* Where the records of a kind have what is needed of them here. */
typedef struct {
    size_t array;
    size_t n;
    size_t size;
    size_t symbol;
    size_t record;
    size_t sample;
} layout_t;

#define LAYOUT(kind, type, sample)                                        \
    {                                                                     \
        offsetof(wd_records_t, kind), offsetof(wd_records_t, n_##kind),   \
            sizeof(type), offsetof(type, symbol), offsetof(type, record), \
            sample                                                        \
    }

static const layout_t layouts[] = {
    LAYOUT(instruments, wd_instrument_rec_t, NO_SAMPLE),
    LAYOUT(identifiers, wd_identifier_rec_t,
           offsetof(wd_identifier_rec_t, value)),
    LAYOUT(bars, wd_bar_rec_t, offsetof(wd_bar_rec_t, sample)),
    LAYOUT(quotes, wd_quote_rec_t, offsetof(wd_quote_rec_t, sample)),
    LAYOUT(trades, wd_trade_rec_t, offsetof(wd_trade_rec_t, sample)),
    LAYOUT(actions, wd_action_rec_t, offsetof(wd_action_rec_t, sample)),
    LAYOUT(facts, wd_fact_rec_t, offsetof(wd_fact_rec_t, sample)),
};


int
processing_symbols_init(processing_symbols_t *s, wd_pool_t *pool)
{
    memset(s, 0, sizeof(*s));
    s->pool = pool;
    s->map = wd_map_create();
    return s->map != NULL ? WD_OK : WD_ENOMEM;
}


void
processing_symbols_done(processing_symbols_t *s)
{
    wd_map_destroy(s->map);
    wd_map_destroy(s->wanted);
    s->map = s->wanted = NULL;
}


wd_str_t
processing_symbol_make(wd_pool_t *pool, wd_str_t alias)
{
    char   text[WD_RECORD_SYMBOL_MAX + 1];
    size_t i, n = 0;

    alias = wd_str_trim(alias);
    for (i = 0; i < alias.len; i++) {
        if (alias.data[i] == ' ' && alias.data[i - 1] == ' ') {
            continue;
        }
        if (n == WD_RECORD_SYMBOL_MAX) {
            return WD_STR_NULL;
        }
        text[n++] = alias.data[i] == ' ' ? '_' : alias.data[i];
    }
    return wd_record_symbol(pool, wd_str(text, n));
}


/* One more, without looking whether it is there. */
static int
symbols_append(processing_symbols_t *s, wd_str_t alias, wd_str_t symbol)
{
    size_t               cap;
    processing_symbol_t *grown;

    if (s->n == s->cap) {
        cap = s->cap != 0 ? s->cap * 2 : 16;
        grown = wd_pool_alloc(s->pool, cap * sizeof(*grown));
        if (grown == NULL) {
            return WD_ENOMEM;
        }
        if (s->n != 0) {
            memcpy(grown, s->v, s->n * sizeof(*grown));
        }
        s->v = grown;
        s->cap = cap;
    }
    s->v[s->n] = (processing_symbol_t){.alias = alias, .symbol = symbol};
    s->n++;
    return wd_map_set(s->map, alias, (void *) (uintptr_t) s->n, NULL);
}


int
processing_symbols_add(processing_symbols_t *s, wd_str_t alias, size_t *ret)
{
    int      rc;
    char    *copy;
    void    *found;
    wd_str_t symbol;

    alias = wd_str_trim(alias);
    found = wd_map_get(s->map, alias);
    if (found != NULL) {
        *ret = (size_t) (uintptr_t) found - 1;
        return WD_OK;
    }

    symbol = processing_symbol_make(s->pool, alias);
    copy = wd_pool_strdup(s->pool, alias);
    if (copy == NULL) {
        return WD_ENOMEM;
    }
    if (symbol.data == NULL) {
        return WD_EINVAL;
    }
    rc = symbols_append(s, wd_str(copy, alias.len), symbol);
    *ret = s->n - 1;
    return rc;
}


size_t
processing_symbols_find(const processing_symbols_t *s, wd_str_t alias)
{
    void *found;

    if (s == NULL || s->n <= 1 || alias.len == 0) {
        return 0;
    }
    found = wd_map_get(s->map, wd_str_trim(alias));
    return found != NULL ? (size_t) (uintptr_t) found - 1 : 0;
}


static int
want(processing_symbols_t *s, wd_str_t name)
{
    wd_str_t symbol = processing_symbol_make(s->pool, name);

    return symbol.data != NULL ? wd_map_set(s->wanted, symbol, s, NULL) : WD_OK;
}


int
processing_symbols_want(processing_symbols_t *s, wd_str_t list)
{
    int      rc = WD_OK;
    size_t   i;
    wd_str_t item;

    if (wd_str_trim(list).len == 0) {
        return WD_OK;
    }
    s->wanted = wd_map_create();
    if (s->wanted == NULL) {
        return WD_ENOMEM;
    }
    while (rc == WD_OK && wd_str_split(&list, ',', &item)) {
        rc = want(s, item);
        for (i = 0; i < item.len && rc == WD_OK; i++) {
            if (strchr(":|/=", item.data[i]) != NULL) {
                rc = want(s, wd_str(item.data + i + 1, item.len - i - 1));
            }
        }
    }
    return rc;
}


bool
processing_symbols_wanted(const processing_symbols_t *s, wd_str_t name)
{
    wd_str_t symbol = processing_symbol_make(s->pool, name);

    return s->wanted == NULL
           || (symbol.data != NULL && wd_map_get(s->wanted, symbol) != NULL);
}


/* The number of a name, new ones being looked up in what was asked for. */
static int
gather_name(processing_symbols_t *s, wd_str_t name, size_t *ret)
{
    int    rc;
    size_t before = s->n;

    rc = name.len != 0 ? processing_symbols_add(s, name, ret) : WD_EINVAL;
    if (rc == WD_OK && s->n != before) {
        s->v[*ret].asked = processing_symbols_wanted(s, name);
    }
    return rc;
}


/* WD_OK: it stays; WD_EINVAL: it was rejected. */
static int
gather_record(processing_symbols_t *s, wd_records_t *r, const layout_t *l,
              const char *rec, wd_str_t own)
{
    int      rc;
    size_t   i = 0;
    int32_t  record;
    wd_str_t name, sample = WD_STR("");

    memcpy(&name, rec + l->symbol, sizeof(name));
    memcpy(&record, rec + l->record, sizeof(record));
    if (l->sample != NO_SAMPLE) {
        memcpy(&sample, rec + l->sample, sizeof(sample));
    }
    if (name.len == 0) {
        name = own;
    }

    rc = gather_name(s, name, &i);
    if (rc == WD_OK && s->v[i].asked) {
        return WD_OK;
    }
    if (rc == WD_OK) {
        rc = wd_records_reject(r, record, WD_REASON_SYMBOL_MISMATCH, sample,
                               "%.*s was not asked for", WD_STR_ARG(name));
    } else if (rc == WD_EINVAL) {
        rc = wd_records_reject(r, record, WD_REASON_BAD_SYMBOL, sample,
                               "\"%.*s\" is no symbol",
                               (int) wd_min(name.len, (size_t) 40),
                               name.data != NULL ? name.data : "");
    }
    return rc != WD_OK ? rc : WD_EINVAL;
}


static int
gather_kind(processing_symbols_t *s, wd_records_t *r, const layout_t *l,
            wd_str_t own)
{
    int     rc;
    char   *array;
    size_t *n, i, kept = 0;

    memcpy(&array, (char *) r + l->array, sizeof(array));
    n = (size_t *) (void *) ((char *) r + l->n);
    for (i = 0; i < *n; i++) {
        rc = gather_record(s, r, l, array + i * l->size, own);
        if (rc == WD_ENOMEM) {
            return rc;
        }
        if (rc == WD_OK) {
            if (kept != i) {
                memcpy(array + kept * l->size, array + i * l->size, l->size);
            }
            kept++;
        }
    }
    *n = kept;
    return WD_OK;
}


int
processing_symbols_gather(processing_symbols_t *s, wd_records_t *r,
                          wd_str_t own)
{
    int    rc = WD_OK;
    size_t i;

    if (own.len != 0) {
        rc = gather_name(s, own, &i);
        rc = rc == WD_EINVAL ? WD_OK : rc; /* its records will say so */
    }
    for (i = 0; i < wd_array_len(layouts) && rc == WD_OK; i++) {
        rc = gather_kind(s, r, &layouts[i], own);
    }
    return rc;
}
