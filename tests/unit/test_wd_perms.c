/*
 * Sets of permissions: union and intersection mean what they say about every
 * permission there is, however the sets are written.
 */
#include "wd_perms.h"
#include "wd_test.h"

#include <stdio.h>
#include <stdlib.h>

#define PARTS 4
#define ROUNDS 20000
#define TEXTS ((PARTS + 1) * (PARTS + 1))

static const char *const parts[PARTS] = {"a", "b", "bb", "c"};

static wd_pool_t *pool;
static char       texts[TEXTS][8];


/* All permissions over the parts and the wildcard: "*:*" is one, too. */
static int
setup(void **state)
{
    int i, k;

    (void) state;
    pool = wd_pool_create(65536);
    for (i = 0; i <= PARTS; i++) {
        for (k = 0; k <= PARTS; k++) {
            snprintf(texts[i * (PARTS + 1) + k], sizeof(texts[0]), "%s:%s",
                     i < PARTS ? parts[i] : "*", k < PARTS ? parts[k] : "*");
        }
    }
    return pool != NULL ? 0 : -1;
}


static int
teardown(void **state)
{
    (void) state;
    wd_pool_destroy(pool);
    return 0;
}


static wd_perms_t
random_set(wd_str_t *v, size_t *n)
{
    size_t     i;
    wd_perms_t set;

    *n = (size_t) rand() % 6;
    for (i = 0; i < *n; i++) {
        v[i] = rand() % 20 == 0 ? WD_STR("*") : wd_str_z(texts[rand() % TEXTS]);
    }
    assert_ok(wd_perms_init(&set, pool, 64));
    assert_ok(wd_perms_add_all(&set, v, *n));
    return set;
}


static bool
any_covers(const wd_str_t *v, size_t n, wd_str_t perm)
{
    size_t i;

    for (i = 0; i < n; i++) {
        if (wd_perm_covers(v[i], perm)) {
            return true;
        }
    }
    return false;
}


static void
assert_normal(const wd_perms_t *set)
{
    size_t i, k;

    for (i = 0; i < set->n; i++) {
        assert_true(wd_perm_valid(set->v[i]));
        for (k = 0; k < set->n; k++) {
            assert_true(i == k || !wd_perm_covers(set->v[i], set->v[k]));
        }
    }
    for (i = 1; i < set->n; i++) {
        k = wd_min(set->v[i - 1].len, set->v[i].len);
        assert_true(memcmp(set->v[i - 1].data, set->v[i].data, k) < 0
                    || (memcmp(set->v[i - 1].data, set->v[i].data, k) == 0
                        && set->v[i - 1].len < set->v[i].len));
    }
}


static void
assert_same(const wd_perms_t *a, const wd_perms_t *b)
{
    size_t i;

    assert_int_equal(a->n, b->n);
    for (i = 0; i < a->n; i++) {
        assert_true(wd_str_eq(a->v[i], b->v[i]));
    }
}


static wd_perms_t
meet(const wd_perms_t *a, const wd_perms_t *b)
{
    wd_perms_t set;

    assert_ok(wd_perms_init(&set, pool, 64));
    assert_ok(wd_perms_add_meet(&set, a, b));
    assert_normal(&set);
    return set;
}


static wd_perms_t
join(const wd_perms_t *a, const wd_perms_t *b)
{
    wd_perms_t set;

    assert_ok(wd_perms_init(&set, pool, 64));
    assert_ok(wd_perms_add_all(&set, a->v, a->n));
    assert_ok(wd_perms_add_all(&set, b->v, b->n));
    assert_normal(&set);
    return set;
}


/*
 * Of concrete permissions, and of patterns: what is covered by both sides is
 * covered by the intersection, and nothing else is.
 */
static void
the_algebra_holds(void **state)
{
    int        round, i;
    size_t     n_a, n_b, n_c;
    wd_str_t   va[8], vb[8], vc[8], perm;
    wd_perms_t a, b, c, both, either, left, right;

    (void) state;
    srand(20260102);
    for (round = 0; round < ROUNDS; round++) {
        a = random_set(va, &n_a);
        b = random_set(vb, &n_b);
        c = random_set(vc, &n_c);
        assert_normal(&a);
        both = meet(&a, &b);
        either = join(&a, &b);

        for (i = 0; i < TEXTS; i++) {
            perm = wd_str_z(texts[i]);
            assert_int_equal(wd_perms_cover(&a, perm),
                             any_covers(va, n_a, perm));
            assert_int_equal(wd_perms_cover(&both, perm),
                             wd_perms_cover(&a, perm)
                                 && wd_perms_cover(&b, perm));
            assert_int_equal(wd_perms_cover(&either, perm),
                             wd_perms_cover(&a, perm)
                                 || wd_perms_cover(&b, perm));
        }

        assert_true(wd_perms_cover_all(&a, &both));
        assert_true(wd_perms_cover_all(&b, &both));
        assert_true(wd_perms_cover_all(&either, &a));

        left = meet(&b, &a);
        assert_same(&both, &left);
        left = meet(&a, &a);
        assert_same(&a, &left);
        left = meet(&both, &c);
        right = meet(&b, &c);
        right = meet(&a, &right);
        assert_same(&left, &right);
        left = meet(&either, &c);
        right = meet(&a, &c);
        both = meet(&b, &c);
        right = join(&right, &both);
        assert_same(&left, &right);

        if (round % 200 == 0) {
            wd_pool_destroy(pool);
            pool = wd_pool_create(65536);
        }
    }
}


static void
limits_are_kept(void **state)
{
    wd_perms_t set, all, many;

    (void) state;
    assert_ok(wd_perms_init(&set, pool, 2));
    assert_ok(wd_perms_add(&set, WD_STR("a:read")));
    assert_ok(wd_perms_add(&set, WD_STR("a:read")));
    assert_ok(wd_perms_add(&set, WD_STR("b:read")));
    assert_int_equal(wd_perms_add(&set, WD_STR("c:read")), WD_ETOOBIG);
    assert_int_equal(set.n, 2);
    assert_ok(wd_perms_add(&set, WD_STR("*:read"))); /* makes room */
    assert_int_equal(set.n, 1);
    assert_ok(wd_perms_add(&set, WD_STR("c:read")));
    assert_int_equal(set.n, 1);
    assert_ok(wd_perms_add(&set, WD_STR("*:*")));
    assert_true(wd_str_eq_z(set.v[0], "*"));

    assert_int_equal(wd_perms_add(&set, WD_STR("")), WD_EINVAL);
    assert_int_equal(wd_perms_add(&set, WD_STR("a")), WD_EINVAL);
    assert_int_equal(wd_perms_add(&set, WD_STR("a:b:c")), WD_EINVAL);
    assert_int_equal(wd_perms_add(&set, WD_STR("a*:read")), WD_EINVAL);

    assert_ok(wd_perms_init(&all, pool, 4));
    assert_ok(wd_perms_add(&all, WD_STR("a:*")));
    assert_ok(wd_perms_add(&all, WD_STR("b:*")));
    assert_ok(wd_perms_add(&all, WD_STR("c:*")));
    assert_ok(wd_perms_init(&many, pool, 1));
    assert_ok(wd_perms_add(&many, WD_STR("*:read")));
    assert_ok(wd_perms_init(&set, pool, 2));
    assert_int_equal(wd_perms_add_meet(&set, &all, &many), WD_ETOOBIG);

    assert_ok(wd_perms_init(&set, pool, 0));
    assert_false(wd_perms_cover(&set, WD_STR("a:read")));
    assert_null(wd_perms_covering(&set, WD_STR("*")).data);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_algebra_holds),
        cmocka_unit_test(limits_are_kept),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
