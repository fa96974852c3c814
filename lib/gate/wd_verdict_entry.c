/*
 * wd_verdict_entry.c - how a verdict is kept: short texts inside of a small
 * entry, what many have in common interned, all the rest in a large entry.
 */
#include "wd_verdicts_int.h"

#define WD_VERDICT_TOKEN_HEAD 16 /* iat and jti before the texts */

_Static_assert(WD_INTERN_WORDS == 2 * WD_METHOD_SET_WORDS,
               "two sets stand beside interned permissions");


static size_t
wd_verdict_room(const wd_verdict_t *v)
{
    size_t room = sizeof(((wd_verdict_small_t *) 0)->text);

    return v->kind == WD_VERDICT_TOKEN ? room - WD_VERDICT_TOKEN_HEAD : room;
}


static bool
wd_verdict_lengths_ok(const wd_verdict_t *v)
{
    return v->principal.len <= WD_VERDICT_PRINCIPAL_MAX
           && v->key.len <= WD_VERDICT_KEY_MAX
           && v->plan.len <= WD_VERDICT_PLAN_MAX
           && v->perms.len <= WD_VERDICT_PERMS_MAX
           && v->nets.len <= WD_VERDICT_NETS_MAX;
}


static bool
wd_verdict_fits_large(const wd_verdict_t *v)
{
    return v->principal.len + v->key.len + v->plan.len + v->perms.len
               + v->nets.len
           <= sizeof(((wd_verdict_large_t *) 0)->text);
}


/*
 * Lists of networks are often a key's own: interning each would fill the
 * room of what is shared, so they are interned only while there is plenty.
 */
static int
wd_verdict_sets_nets(wd_verdicts_t *t, const wd_verdict_t *v,
                     wd_verdict_sets_t *ret)
{
    int               rc;
    uint32_t          gen;
    wd_intern_extra_t none = {{0}};

    if (v->principal.len + v->key.len + v->nets.len <= wd_verdict_room(v)) {
        ret->nets = 0;
        ret->nets_inline = v->nets.len != 0;
        return WD_OK;
    }
    if (!wd_intern_roomy(&t->sets)) {
        return WD_ENOMEM;
    }

    rc = wd_intern_put(&t->sets, v->nets, &none, &ret->nets, &gen);
    return rc == WD_OK && gen != ret->gen ? WD_EAGAIN : rc;
}


static wd_intern_extra_t
wd_verdict_extra(const wd_verdict_t *v)
{
    wd_intern_extra_t extra;

    memcpy(extra.word, &v->bits, sizeof(v->bits));
    memcpy(extra.word + WD_METHOD_SET_WORDS, &v->barred, sizeof(v->barred));
    return extra;
}


/* Permissions and plan are words of an operator: few in number. */
static int
wd_verdict_sets_shared(wd_verdicts_t *t, const wd_verdict_t *v, wd_ns_t mono,
                       wd_verdict_sets_t *ret)
{
    int                     rc;
    uint32_t                gen;
    int64_t                 cleared;
    wd_intern_extra_t       none = {{0}};
    const wd_intern_extra_t sets = wd_verdict_extra(v);

    rc = wd_intern_put(&t->sets, v->perms, &sets, &ret->perms, &ret->gen);
    if (rc == WD_OK) {
        rc = wd_intern_put(&t->sets, v->plan, &none, &ret->plan, &gen);
        if (rc == WD_OK && gen != ret->gen) {
            return WD_EAGAIN;
        }
    } else {
        gen = ret->gen;
    }

    cleared = atomic_load(&t->cleared);
    if (rc == WD_ENOMEM
        && (cleared == 0 || mono - cleared >= WD_VERDICT_CLEAR_EVERY)) {
        atomic_store(&t->cleared, mono);
        wd_intern_clear(&t->sets, gen);
        return WD_EAGAIN;
    }
    return rc;
}


int
wd_verdict_sets(wd_verdicts_t *t, const wd_verdict_t *v, wd_ns_t mono,
                wd_verdict_sets_t *ret)
{
    int      rc = WD_EAGAIN;
    unsigned tries;

    if (!wd_verdict_lengths_ok(v)) {
        return WD_ETOOBIG;
    }

    memset(ret, 0, sizeof(*ret));
    if (v->principal.len + v->key.len <= wd_verdict_room(v)) {
        for (tries = 0; rc == WD_EAGAIN && tries < 3; tries++) {
            rc = wd_verdict_sets_shared(t, v, mono, ret);
            if (rc == WD_OK) {
                rc = wd_verdict_sets_nets(t, v, ret);
            }
        }
        if (rc == WD_OK) {
            return WD_OK;
        }
    }

    ret->large = true;
    ret->gen = wd_intern_gen(&t->sets);
    return wd_verdict_fits_large(v) ? WD_OK : WD_ETOOBIG;
}


static uint8_t *
wd_verdict_append(uint8_t *p, wd_str_t s)
{
    if (s.len != 0) {
        memcpy(p, s.data, s.len);
    }
    return p + s.len;
}


static void
wd_verdict_write_small(wd_verdict_small_t *e, const wd_verdict_t *v,
                       const wd_verdict_sets_t *sets)
{
    uint8_t *p = e->text;

    e->head.perms = sets->perms;
    e->head.plan = sets->plan;
    e->head.nets = sets->nets;
    e->head.nets_len = sets->nets_inline ? (uint8_t) v->nets.len : 0;
    if (sets->nets_inline) {
        e->head.flags |= WD_VERDICT_F_NETS_INLINE;
    }

    if (v->kind == WD_VERDICT_TOKEN) {
        memcpy(p, &v->iat, sizeof(v->iat));
        memcpy(p + sizeof(v->iat), &v->jti, sizeof(v->jti));
        p += WD_VERDICT_TOKEN_HEAD;
    }
    p = wd_verdict_append(p, v->principal);
    p = wd_verdict_append(p, v->key);
    if (sets->nets_inline) {
        (void) wd_verdict_append(p, v->nets);
    }
}


static void
wd_verdict_write_large(wd_verdict_large_t *e, const wd_verdict_t *v)
{
    uint8_t *p = e->text;

    e->iat = v->iat;
    e->jti = v->jti;
    e->bits = v->bits;
    e->barred = v->barred;
    e->nets_len = (uint16_t) v->nets.len;
    e->plan_len = (uint16_t) v->plan.len;
    e->perms_len = (uint16_t) v->perms.len;
    p = wd_verdict_append(p, v->principal);
    p = wd_verdict_append(p, v->key);
    p = wd_verdict_append(p, v->nets);
    p = wd_verdict_append(p, v->plan);
    (void) wd_verdict_append(p, v->perms);
}


void
wd_verdict_write(wd_verdict_head_t *e, const uint8_t *digest,
                 const wd_verdict_t *v, const wd_verdict_sets_t *sets)
{
    memcpy(e->digest, digest, sizeof(e->digest));
    e->checked = v->checked;
    e->expires = v->expires;
    e->owner = v->owner;
    e->label = v->label;
    e->flags = v->kind == WD_VERDICT_TOKEN ? WD_VERDICT_F_TOKEN : 0;
    e->principal_len = (uint8_t) v->principal.len;
    e->key_len = (uint8_t) v->key.len;

    if (sets->large) {
        wd_verdict_write_large((void *) e, v);
    } else {
        wd_verdict_write_small((void *) e, v, sets);
    }
}


/* Copies `len` bytes behind what is in *to, and shows them. */
static wd_str_t
wd_verdict_take(char **to, const void *from, size_t len)
{
    wd_str_t view = wd_str(*to, len);

    memcpy(*to, from, len);
    *to += len;
    return view;
}


static int
wd_verdict_take_set(const wd_verdicts_t *t, uint32_t gen, uint16_t id,
                    size_t max, char **to, wd_str_t *ret,
                    wd_intern_extra_t *ret_extra)
{
    wd_str_t set;

    if (wd_intern_get(&t->sets, gen, id, &set, ret_extra) != WD_OK
        || set.len > max) {
        return WD_ENOTFOUND;
    }
    *ret = wd_verdict_take(to, set.data, set.len);
    return WD_OK;
}


static int
wd_verdict_read_small(const wd_verdicts_t *t, const wd_verdict_small_t *e,
                      uint32_t gen, wd_verdict_copy_t *ret)
{
    char             *to = ret->text;
    wd_verdict_t     *v = &ret->v;
    wd_intern_extra_t extra;
    const uint8_t    *p = e->text;

    if (v->kind == WD_VERDICT_TOKEN) {
        memcpy(&v->iat, p, sizeof(v->iat));
        memcpy(&v->jti, p + sizeof(v->iat), sizeof(v->jti));
        p += WD_VERDICT_TOKEN_HEAD;
    }
    v->principal = wd_verdict_take(&to, p, e->head.principal_len);
    p += e->head.principal_len;
    v->key = wd_verdict_take(&to, p, e->head.key_len);
    p += e->head.key_len;

    if (e->head.flags & WD_VERDICT_F_NETS_INLINE) {
        v->nets = wd_verdict_take(&to, p, e->head.nets_len);
    } else if (wd_verdict_take_set(t, gen, e->head.nets, WD_VERDICT_NETS_MAX,
                                   &to, &v->nets, &extra)
               != WD_OK) {
        return WD_ENOTFOUND;
    }

    if (wd_verdict_take_set(t, gen, e->head.plan, WD_VERDICT_PLAN_MAX, &to,
                            &v->plan, &extra)
            != WD_OK
        || wd_verdict_take_set(t, gen, e->head.perms, WD_VERDICT_PERMS_MAX, &to,
                               &v->perms, &extra)
               != WD_OK) {
        return WD_ENOTFOUND;
    }

    memcpy(&v->bits, extra.word, sizeof(v->bits));
    memcpy(&v->barred, extra.word + WD_METHOD_SET_WORDS, sizeof(v->barred));

    /* The half that was read lives on until the generation after the next. */
    return wd_intern_gen(&t->sets) - gen <= 1 ? WD_OK : WD_ENOTFOUND;
}


static void
wd_verdict_read_large(const wd_verdict_large_t *e, wd_verdict_copy_t *ret)
{
    char          *to = ret->text;
    wd_verdict_t  *v = &ret->v;
    const uint8_t *p = e->text;

    v->iat = e->iat;
    v->jti = e->jti;
    v->bits = e->bits;
    v->barred = e->barred;
    v->principal = wd_verdict_take(&to, p, e->head.principal_len);
    p += v->principal.len;
    v->key = wd_verdict_take(&to, p, e->head.key_len);
    p += v->key.len;
    v->nets = wd_verdict_take(&to, p, e->nets_len);
    p += v->nets.len;
    v->plan = wd_verdict_take(&to, p, e->plan_len);
    p += v->plan.len;
    v->perms = wd_verdict_take(&to, p, e->perms_len);
}


int
wd_verdict_read(const wd_verdicts_t *t, const wd_verdict_head_t *e,
                unsigned class, uint32_t gen, wd_verdict_copy_t *ret)
{
    wd_verdict_t *v = &ret->v;

    memset(v, 0, sizeof(*v));
    v->kind = e->flags & WD_VERDICT_F_TOKEN ? WD_VERDICT_TOKEN : WD_VERDICT_KEY;
    v->checked = e->checked;
    v->expires = e->expires;
    v->owner = e->owner;
    v->label = e->label;

    if (class == WD_VERDICT_LARGE) {
        wd_verdict_read_large((const void *) e, ret);
        return WD_OK;
    }
    return wd_verdict_read_small(t, (const void *) e, gen, ret);
}
