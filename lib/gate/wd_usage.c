/*
 * wd_usage.c - shards of rows with hash chains; a batch is the rows whose
 * `sent` counts are set.
 */
#include "wd_usage.h"

#include "wd_shlock.h"

#include <sodium.h>

#define WD_USAGE_MAGIC UINT64_C(0x7764757361676531)
#define WD_USAGE_SHARDS 16
#define WD_USAGE_SENDER_NS (3 * WD_NS_PER_S)

typedef struct {
    uint64_t requests;
    uint64_t cost;
    uint64_t refused;
} wd_usage_counts_t;

typedef struct {
    wd_usage_counts_t counts;
    wd_usage_counts_t sent; /* of counts, in the batch */
    uint32_t          day;
    uint32_t          chain;
    uint16_t          len[4]; /* principal, key, plan, method */
    uint32_t          used;
    char              text[WD_USAGE_TEXT_MAX];
} wd_usage_slot_t;

typedef struct {
    wd_shlock_t      lock;
    uint32_t         max; /* the last two are for "other" */
    uint32_t         n;
    uint32_t         free;
    uint32_t        *heads; /* [max] */
    wd_usage_slot_t *slots; /* [max + 1], from 1 */
} wd_usage_shard_t;

struct wd_usage_s {
    uint64_t         magic;
    size_t           size;
    uint8_t          seed[16];
    char             gateway[WD_USAGE_GATEWAY + 1];
    _Atomic uint64_t seq; /* of the batch, or of the next one */
    _Atomic uint64_t other;
    _Atomic uint32_t sender;
    _Atomic int64_t  sender_at;
    wd_usage_shard_t shards[WD_USAGE_SHARDS];
};


static void
wd_usage_lay(wd_usage_shard_t *s, uint8_t *p, uint32_t max)
{
    uint32_t i;

    s->max = max;
    s->slots = (wd_usage_slot_t *) p;
    s->heads = (uint32_t *) (p + (size_t) (max + 1) * sizeof(wd_usage_slot_t));
    for (i = max - 2; i >= 1; i--) {
        s->slots[i].chain = s->free;
        s->free = i;
    }
}


int
wd_usage_init(void *mem, size_t size, const uint8_t seed[32], wd_usage_t **ret)
{
    size_t      i, share;
    uint8_t    *p;
    uint32_t    max;
    wd_usage_t *u = mem;

    if (size < WD_USAGE_SIZE_MIN) {
        return WD_ETOOBIG;
    }
    *ret = u;
    if (u->magic == WD_USAGE_MAGIC && u->size == size) {
        return WD_OK;
    }

    u->size = size;
    memcpy(u->seed, seed, 16);
    wd_hex_encode(seed + 16, 16, u->gateway);
    atomic_store(&u->seq, 1);

    p = (uint8_t *) mem + (sizeof(wd_usage_t) + 63) / 64 * 64;
    share = (size - (size_t) (p - (uint8_t *) mem)) / WD_USAGE_SHARDS / 64 * 64;
    max = (uint32_t) (share / (sizeof(wd_usage_slot_t) + sizeof(uint32_t))) - 1;
    for (i = 0; i < WD_USAGE_SHARDS; i++) {
        wd_usage_lay(&u->shards[i], p + i * share, max);
    }
    u->magic = WD_USAGE_MAGIC;
    return WD_OK;
}


/* Chains from the rows themselves. */
static void
wd_usage_repair(wd_usage_t *u, wd_usage_shard_t *s)
{
    uint32_t         i;
    uint64_t         h;
    wd_usage_slot_t *r;

    s->free = s->n = 0;
    memset(s->heads, 0, s->max * sizeof(uint32_t));
    for (i = s->max - 2; i >= 1; i--) {
        r = &s->slots[i];
        if (r->used) {
            crypto_shorthash((uint8_t *) &h, (const uint8_t *) r->text,
                             (size_t) r->len[0] + r->len[1] + r->len[2]
                                 + r->len[3],
                             u->seed);
            r->chain = s->heads[(h >> 8) % s->max];
            s->heads[(h >> 8) % s->max] = i;
            s->n++;
        } else {
            r->chain = s->free;
            s->free = i;
        }
    }
}


static void
wd_usage_lock(wd_usage_t *u, wd_usage_shard_t *s)
{
    if (wd_shlock_lock(&s->lock)) {
        wd_usage_repair(u, s);
    }
}


/* Sets everything but the counts and the chain. */
static bool
wd_usage_name(wd_usage_slot_t *r, const wd_usage_row_t *row)
{
    size_t   i, at = 0;
    wd_str_t parts[] = {row->principal, row->key, row->plan, row->method};

    for (i = 0; i < wd_array_len(parts); i++) {
        if (parts[i].len > sizeof(r->text) - at) {
            return false;
        }
        if (parts[i].len != 0) {
            memcpy(r->text + at, parts[i].data, parts[i].len);
        }
        r->len[i] = (uint16_t) parts[i].len;
        at += parts[i].len;
    }
    r->day = row->day;
    return true;
}


static size_t
wd_usage_text_len(const wd_usage_slot_t *r)
{
    return (size_t) r->len[0] + r->len[1] + r->len[2] + r->len[3];
}


static bool
wd_usage_same(const wd_usage_slot_t *a, const wd_usage_slot_t *b)
{
    return a->day == b->day && memcmp(a->len, b->len, sizeof(a->len)) == 0
           && memcmp(a->text, b->text, wd_usage_text_len(a)) == 0;
}


static wd_usage_slot_t *
wd_usage_slot(wd_usage_shard_t *s, uint32_t head, const wd_usage_slot_t *name)
{
    uint32_t         i;
    wd_usage_slot_t *r;

    for (i = s->heads[head]; i != 0; i = s->slots[i].chain) {
        if (wd_usage_same(&s->slots[i], name)) {
            return &s->slots[i];
        }
    }

    i = s->free;
    if (i == 0) {
        return NULL;
    }
    r = &s->slots[i];
    s->free = r->chain;

    *r = *name;
    r->chain = s->heads[head];
    atomic_signal_fence(memory_order_seq_cst);
    r->used = 1;
    s->heads[head] = i;
    s->n++;
    return r;
}


/* By day; when both are taken by older days the newer one is used. */
static wd_usage_slot_t *
wd_usage_other(wd_usage_t *u, wd_usage_shard_t *s, const wd_usage_row_t *row)
{
    wd_usage_slot_t     *r = &s->slots[s->max - row->day % 2];
    const wd_usage_row_t other = {.day = row->day,
                                  .principal = WD_STR("other")};

    atomic_fetch_add_explicit(&u->other, row->requests, memory_order_relaxed);
    if (!r->used) {
        (void) wd_usage_name(r, &other);
        r->used = 1;
    }
    return r;
}


void
wd_usage_add(wd_usage_t *u, const wd_usage_row_t *row)
{
    bool              fits;
    uint64_t          h = 0;
    wd_usage_slot_t   name, *r = NULL;
    wd_usage_shard_t *s;

    memset(&name, 0, offsetof(wd_usage_slot_t, text));
    fits = wd_usage_name(&name, row);
    if (fits) {
        crypto_shorthash((uint8_t *) &h, (const uint8_t *) name.text,
                         wd_usage_text_len(&name), u->seed);
    }
    s = &u->shards[h % WD_USAGE_SHARDS];

    wd_usage_lock(u, s);
    if (fits) {
        r = wd_usage_slot(s, (uint32_t) ((h >> 8) % s->max), &name);
    }
    if (r == NULL) {
        r = wd_usage_other(u, s, row);
    }
    r->counts.requests += row->requests;
    r->counts.cost += row->cost;
    r->counts.refused += row->refused;
    wd_shlock_unlock(&s->lock);
}


const char *
wd_usage_gateway(const wd_usage_t *u)
{
    return u->gateway;
}


bool
wd_usage_sender(wd_usage_t *u, uint32_t pid, wd_ns_t now)
{
    uint32_t was = atomic_load(&u->sender);

    if (was != pid
        && (now - atomic_load(&u->sender_at) < WD_USAGE_SENDER_NS
            || !atomic_compare_exchange_strong(&u->sender, &was, pid))) {
        return false;
    }
    atomic_store(&u->sender_at, now);
    return true;
}


static wd_str_t
wd_usage_part(const wd_usage_slot_t *r, unsigned k)
{
    size_t   at = 0;
    unsigned i;

    for (i = 0; i < k; i++) {
        at += r->len[i];
    }
    return wd_str(r->text + at, r->len[k]);
}


static bool
wd_usage_any(const wd_usage_counts_t *c)
{
    return c->requests != 0 || c->cost != 0 || c->refused != 0;
}


static void
wd_usage_each(const wd_usage_slot_t *r, wd_usage_row_pt each, void *data)
{
    wd_usage_row_t row = {
        .day = r->day,
        .principal = wd_usage_part(r, 0),
        .key = wd_usage_part(r, 1),
        .plan = wd_usage_part(r, 2),
        .method = wd_usage_part(r, 3),
        .requests = r->sent.requests,
        .cost = r->sent.cost,
        .refused = r->sent.refused,
    };

    each(data, &row);
}


/* `fresh`: rows that are not in the batch yet are put there. */
static size_t
wd_usage_walk(wd_usage_t *u, bool fresh, wd_usage_row_pt each, void *data)
{
    size_t            k, n = 0;
    uint32_t          i;
    wd_usage_slot_t  *r;
    wd_usage_shard_t *s;

    for (k = 0; k < WD_USAGE_SHARDS; k++) {
        s = &u->shards[k];
        wd_usage_lock(u, s);
        for (i = 1; i <= s->max && n < WD_USAGE_BATCH_MAX; i++) {
            r = &s->slots[i];
            if (fresh && r->used) {
                r->sent = r->counts;
            }
            if (r->used && wd_usage_any(&r->sent)) {
                wd_usage_each(r, each, data);
                n++;
            }
        }
        wd_shlock_unlock(&s->lock);
    }
    return n;
}


size_t
wd_usage_batch(wd_usage_t *u, wd_usage_row_pt each, void *data,
               uint64_t *ret_seq)
{
    size_t n;

    *ret_seq = atomic_load(&u->seq);
    n = wd_usage_walk(u, false, each, data);
    return n != 0 ? n : wd_usage_walk(u, true, each, data);
}


/* A row without counts is free again; the two of "other" have no chain. */
static void
wd_usage_drop(wd_usage_t *u, wd_usage_shard_t *s, uint32_t i)
{
    uint64_t         h;
    uint32_t        *link;
    wd_usage_slot_t *r = &s->slots[i];

    if (i <= s->max - 2) {
        crypto_shorthash((uint8_t *) &h, (const uint8_t *) r->text,
                         wd_usage_text_len(r), u->seed);
        link = &s->heads[(h >> 8) % s->max];
        while (*link != i) {
            link = &s->slots[*link].chain;
        }
        *link = r->chain;
        r->chain = s->free;
        s->free = i;
        s->n--;
    }
    r->used = 0;
}


static void
wd_usage_settle(wd_usage_t *u, wd_usage_shard_t *s, uint32_t i)
{
    wd_usage_slot_t *r = &s->slots[i];

    if (!r->used || !wd_usage_any(&r->sent)) {
        return;
    }

    r->counts.requests -= r->sent.requests;
    r->counts.cost -= r->sent.cost;
    r->counts.refused -= r->sent.refused;
    memset(&r->sent, 0, sizeof(r->sent));
    if (!wd_usage_any(&r->counts)) {
        wd_usage_drop(u, s, i);
    }
}


void
wd_usage_ack(wd_usage_t *u, uint64_t seq)
{
    size_t            k;
    uint32_t          i;
    wd_usage_shard_t *s;

    if (atomic_load(&u->seq) != seq) {
        return;
    }

    for (k = 0; k < WD_USAGE_SHARDS; k++) {
        s = &u->shards[k];
        wd_usage_lock(u, s);
        for (i = 1; i <= s->max; i++) {
            wd_usage_settle(u, s, i);
        }
        wd_shlock_unlock(&s->lock);
    }
    atomic_store(&u->seq, seq + 1);
}


void
wd_usage_stats(wd_usage_t *u, wd_usage_stats_t *ret)
{
    size_t k;

    *ret = (wd_usage_stats_t){0, 0, atomic_load(&u->other)};
    for (k = 0; k < WD_USAGE_SHARDS; k++) {
        ret->rows += u->shards[k].n;
        ret->max += u->shards[k].max - 2;
    }
}
