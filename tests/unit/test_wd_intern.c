/*
 * Interned strings: the same number for the same bytes and words, another one
 * when any of them differs, running full, generations.
 */
#include "wd_test.h"

#include "wd_intern.h"

#include <stdio.h>
#include <stdlib.h>

static const uint8_t key[WD_INTERN_KEY] = {7};


static void *
init(wd_intern_t *in, size_t size)
{
    void *mem = aligned_alloc(64, size);

    assert_non_null(mem);
    memset(mem, 0, size);
    memset(in, 0, sizeof(*in));
    wd_intern_init(in, mem, size, key);
    return mem;
}


static uint16_t
put(wd_intern_t *in, const char *text, const wd_intern_extra_t *extra)
{
    uint16_t id;
    uint32_t gen;

    assert_int_equal(wd_intern_put(in, wd_str_z(text), extra, &id, &gen),
                     WD_OK);
    assert_int_equal(gen, wd_intern_gen(in));
    return id;
}


static void
assert_kept(wd_intern_t *in, uint32_t gen, uint16_t id, const char *text,
            const wd_intern_extra_t *extra)
{
    wd_str_t          got;
    wd_intern_extra_t words;

    assert_int_equal(wd_intern_get(in, gen, id, &got, &words), WD_OK);
    assert_true(wd_str_eq_z(got, text));
    assert_memory_equal(words.word, extra->word, sizeof(words.word));
}


/* Every bit of every word tells two strings apart. */
static void
test_words(void **state)
{
    size_t            i, bit, n = 0;
    uint16_t          ids[WD_INTERN_WORDS * 64 + 1];
    wd_intern_t       in;
    wd_intern_extra_t none = {{0}}, extra;
    void             *mem = init(&in, 256 * 1024);

    (void) state;
    ids[n++] = put(&in, "bars", &none);
    for (i = 0; i < WD_INTERN_WORDS; i++) {
        for (bit = 0; bit < 64; bit++) {
            extra = none;
            extra.word[i] = UINT64_C(1) << bit;
            ids[n] = put(&in, "bars", &extra);
            assert_int_equal(ids[n], n + 1);
            assert_kept(&in, 0, ids[n], "bars", &extra);
            assert_int_equal(put(&in, "bars", &extra), ids[n]);
            n++;
        }
    }
    assert_int_equal(wd_intern_count(&in), n);
    assert_kept(&in, 0, ids[0], "bars", &none);

    /* The same words in another order are others. */
    extra = (wd_intern_extra_t){{1, 2, 3, 4}};
    ids[0] = put(&in, "bars", &extra);
    extra = (wd_intern_extra_t){{4, 3, 2, 1}};
    assert_int_not_equal(put(&in, "bars", &extra), ids[0]);
    free(mem);
}


static void
test_nothing(void **state)
{
    size_t            i;
    wd_intern_t       in;
    wd_intern_extra_t none = {{0}}, extra;
    void             *mem = init(&in, WD_INTERN_SIZE_MIN);

    (void) state;
    assert_int_equal(put(&in, "", &none), 0);
    assert_kept(&in, 0, 0, "", &none);
    for (i = 0; i < WD_INTERN_WORDS; i++) {
        extra = none;
        extra.word[i] = 1;
        assert_int_equal(put(&in, "", &extra), i + 1);
        assert_kept(&in, 0, (uint16_t) (i + 1), "", &extra);
    }
    free(mem);
}


/* A cleared generation is read until the next one begins. */
static void
test_full(void **state)
{
    int               rc = WD_OK;
    char              text[32];
    size_t            n;
    uint16_t          id;
    uint32_t          gen;
    wd_str_t          got;
    wd_intern_t       in;
    wd_intern_extra_t extra = {{1, 2, 3, 4}};
    void             *mem = init(&in, WD_INTERN_SIZE_MIN);

    (void) state;
    for (n = 0; rc == WD_OK; n++) {
        snprintf(text, sizeof(text), "string-%zu", n);
        rc = wd_intern_put(&in, wd_str_z(text), &extra, &id, &gen);
    }
    assert_int_equal(rc, WD_ENOMEM);
    assert_true(n > 32);
    assert_false(wd_intern_roomy(&in));
    assert_kept(&in, 0, 1, "string-0", &extra);

    wd_intern_clear(&in, 0);
    wd_intern_clear(&in, 0); /* by somebody who is late */
    assert_int_equal(wd_intern_gen(&in), 1);
    assert_int_equal(wd_intern_count(&in), 0);
    assert_int_equal(put(&in, "new", &extra), 1);
    assert_kept(&in, 1, 1, "new", &extra);
    assert_kept(&in, 0, 1, "string-0", &extra);

    assert_int_equal(wd_intern_get(&in, 1, UINT16_MAX, &got, &extra),
                     WD_ENOTFOUND);
    free(mem);
}


static void
test_too_big(void **state)
{
    char              text[WD_INTERN_LEN_MAX + 1] = {0};
    uint16_t          id;
    uint32_t          gen;
    wd_intern_t       in;
    wd_intern_extra_t none = {{0}};
    void             *mem = init(&in, WD_INTERN_SIZE_MIN);

    (void) state;
    assert_int_equal(
        wd_intern_put(&in, wd_str(text, WD_INTERN_LEN_MAX), &none, &id, &gen),
        WD_OK);
    assert_int_equal(
        wd_intern_put(&in, wd_str(text, sizeof(text)), &none, &id, &gen),
        WD_ETOOBIG);
    free(mem);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_nothing),
        cmocka_unit_test(test_full),
        cmocka_unit_test(test_too_big),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
