/*
 * test_processing_fact.c - versions of facts: new, equal, corrected, late,
 * and that the order of processing does not matter.
 */
#include "wd_test.h"

#include "processing_fact.h"

#include <math.h>

/* Key: one number and one text; value: a price and a text. */
static const processing_fact_t fact = {
    .table = "t",
    .n_keys = 2,
    .n_columns = 4,
    .types = {PROCESSING_INT4, PROCESSING_TEXT, PROCESSING_NUM,
              PROCESSING_TEXT}};

#define VERSIONS_MAX 32

/* A table and its history, as the database would hold them. */
typedef struct {
    wd_pool_t        *pool;
    processing_rows_t current;
    processing_rows_t history;
} db_t;


static void
add(db_t *db, processing_rows_t *rows, int64_t id, const char *key,
    double value, const char *text, wd_ns_t known_at, int64_t raw_id)
{
    processing_row_t *row;

    row = processing_rows_add(rows, &fact, db->pool);
    assert_non_null(row);
    row->cells[0].i = id;
    row->cells[1].s = wd_str_z(key);
    row->cells[2].num = value;
    row->cells[3].s = wd_str_z(text);
    row->known_at = known_at;
    row->raw_id = raw_id;
}


static int
by_key_and_time(const void *a, const void *b)
{
    const processing_row_t *x = a, *y = b;
    int                     c = processing_key_cmp(&fact, x, y);

    if (c != 0) {
        return c;
    }
    return x->known_at != y->known_at ? (x->known_at > y->known_at ? 1 : -1)
                                      : (x->raw_id > y->raw_id)
                                            - (x->raw_id < y->raw_id);
}


static void
push(db_t *db, processing_rows_t *rows, const processing_row_t *row)
{
    processing_row_t *slot;

    slot = processing_rows_add(rows, &fact, db->pool);
    assert_non_null(slot);
    memcpy(slot->cells, row->cells, 4 * sizeof(*row->cells));
    slot->known_at = row->known_at;
    slot->until = row->until;
    slot->raw_id = row->raw_id;
}


/* What the store does with a change. */
static processing_change_t
apply(db_t *db, const processing_rows_t *in)
{
    size_t              i, k, n;
    processing_change_t ch;

    memset(&ch, 0, sizeof(ch));
    assert_ok(processing_merge(&fact, db->pool, in, &db->current,
                               &db->history, &ch));

    for (i = 0; i < ch.forget.n; i++) {
        for (k = n = 0; k < db->history.n; k++) {
            if (processing_key_cmp(&fact, &db->history.rows[k],
                                   &ch.forget.rows[i])
                != 0) {
                db->history.rows[n++] = db->history.rows[k];
            }
        }
        db->history.n = n;
    }
    for (i = 0; i < ch.history.n; i++) {
        push(db, &db->history, &ch.history.rows[i]);
    }
    for (i = 0; i < ch.update.n; i++) {
        for (k = 0; k < db->current.n; k++) {
            if (processing_key_cmp(&fact, &db->current.rows[k],
                                   &ch.update.rows[i])
                == 0) {
                memcpy(db->current.rows[k].cells, ch.update.rows[i].cells,
                       4 * sizeof(processing_cell_t));
                db->current.rows[k].known_at = ch.update.rows[i].known_at;
                db->current.rows[k].raw_id = ch.update.rows[i].raw_id;
            }
        }
    }
    for (i = 0; i < ch.insert.n; i++) {
        push(db, &db->current, &ch.insert.rows[i]);
    }
    if (db->current.n != 0) {
        qsort(db->current.rows, db->current.n, sizeof(processing_row_t),
              by_key_and_time);
    }
    if (db->history.n != 0) {
        qsort(db->history.rows, db->history.n, sizeof(processing_row_t),
              by_key_and_time);
    }
    return ch;
}


static processing_change_t
apply_one(db_t *db, int64_t id, double value, wd_ns_t known_at, int64_t raw_id)
{
    processing_rows_t in = {0};

    add(db, &in, id, "k", value, NULL, known_at, raw_id);
    return apply(db, &in);
}


static void
assert_change(const processing_change_t *ch, int stored, int corrected,
              int unchanged)
{
    assert_int_equal(ch->stored, stored);
    assert_int_equal(ch->corrected, corrected);
    assert_int_equal(ch->unchanged, unchanged);
}


static void
test_versions(void **state)
{
    db_t                db = {.pool = wd_pool_create(4096)};
    processing_change_t ch;

    (void) state;
    ch = apply_one(&db, 1, 10, 100, 1);
    assert_change(&ch, 1, 0, 0);

    /* The same again, from another payload: keeps the first. */
    ch = apply_one(&db, 1, 10, 200, 2);
    assert_change(&ch, 0, 0, 1);
    assert_int_equal(db.current.rows[0].raw_id, 1);

    ch = apply_one(&db, 1, 11, 300, 3);
    assert_change(&ch, 0, 1, 0);
    assert_true(db.current.rows[0].cells[2].num == 11);
    assert_int_equal(db.current.rows[0].known_at, 300);
    assert_int_equal(db.history.n, 1);
    assert_true(db.history.rows[0].cells[2].num == 10);
    assert_int_equal(db.history.rows[0].known_at, 100);
    assert_int_equal(db.history.rows[0].until, 300);

    /* All three replayed: nothing. */
    ch = apply_one(&db, 1, 10, 100, 1);
    assert_change(&ch, 0, 0, 1);
    ch = apply_one(&db, 1, 10, 200, 2);
    assert_change(&ch, 0, 0, 1);
    ch = apply_one(&db, 1, 11, 300, 3);
    assert_change(&ch, 0, 0, 1);
    assert_int_equal(db.history.n, 1);
    wd_pool_destroy(db.pool);
}


static void
test_late(void **state)
{
    db_t                db = {.pool = wd_pool_create(4096)};
    processing_change_t ch;

    (void) state;
    apply_one(&db, 1, 10, 300, 3);

    /* Older and different: history only. */
    ch = apply_one(&db, 1, 9, 100, 1);
    assert_change(&ch, 0, 1, 0);
    assert_true(db.current.rows[0].cells[2].num == 10);
    assert_int_equal(db.current.rows[0].known_at, 300);
    assert_int_equal(db.history.n, 1);
    assert_int_equal(db.history.rows[0].until, 300);

    /* In between, equal to the one after it: that was known earlier. */
    ch = apply_one(&db, 1, 10, 200, 2);
    assert_change(&ch, 0, 0, 1);
    assert_int_equal(db.current.rows[0].known_at, 200);
    assert_int_equal(db.current.rows[0].raw_id, 2);
    assert_int_equal(db.history.n, 1);
    assert_int_equal(db.history.rows[0].until, 200);

    /* In between, a third one. */
    ch = apply_one(&db, 1, 8, 150, 4);
    assert_change(&ch, 0, 1, 0);
    assert_int_equal(db.history.n, 2);
    assert_int_equal(db.history.rows[0].until, 150);
    assert_true(db.history.rows[1].cells[2].num == 8);
    assert_int_equal(db.history.rows[1].until, 200);
    wd_pool_destroy(db.pool);
}


static void
test_equality(void **state)
{
    size_t            i;
    db_t              db = {.pool = wd_pool_create(4096)};
    processing_rows_t rows = {0};

    static const struct {
        double      a, b;
        const char *s, *t;
        bool        equal;
    } cases[] = {{1, 1, NULL, NULL, true},   {NAN, NAN, NULL, NULL, true},
                 {NAN, 0, NULL, NULL, false}, {0, NAN, NULL, NULL, false},
                 {0.0, -0.0, NULL, NULL, true}, {1, 1, "", NULL, false},
                 {1, 1, "x", "x", true},      {1, 1, "x", "y", false}};

    (void) state;
    for (i = 0; i < wd_array_len(cases); i++) {
        rows.n = 0;
        add(&db, &rows, 1, "k", cases[i].a, cases[i].s, 1, 1);
        add(&db, &rows, 1, "k", cases[i].b, cases[i].t, 1, 1);
        assert_true(processing_values_equal(&fact, &rows.rows[0],
                                            &rows.rows[1])
                    == cases[i].equal);
    }
    wd_pool_destroy(db.pool);
}


static void
test_sort(void **state)
{
    size_t            i, n, round;
    db_t              db = {.pool = wd_pool_create(4096)};
    processing_rows_t rows = {0};

    (void) state;
    for (round = 0; round < 200; round++) {
        rows.n = 0;
        n = wd_test_below(40);
        for (i = 0; i < n; i++) {
            /* Rising, falling and mixed runs; the text keeps the order. */
            add(&db, &rows,
                round % 3 == 0   ? (int64_t) i
                : round % 3 == 1 ? (int64_t) (n - i)
                                 : (int64_t) wd_test_below(10),
                "k", (double) i, NULL, 1, 1);
        }
        assert_ok(processing_rows_sort(&rows, &fact, db.pool));
        for (i = 1; i < rows.n; i++) {
            int c = processing_key_cmp(&fact, &rows.rows[i - 1],
                                       &rows.rows[i]);

            assert_true(c < 0
                        || (c == 0
                            && rows.rows[i - 1].cells[2].num
                                   < rows.rows[i].cells[2].num));
        }
    }
    wd_pool_destroy(db.pool);
}


static void
assert_same_rows(const processing_rows_t *a, const processing_rows_t *b)
{
    size_t i;

    assert_int_equal(a->n, b->n);
    for (i = 0; i < a->n; i++) {
        assert_int_equal(processing_key_cmp(&fact, &a->rows[i], &b->rows[i]),
                         0);
        assert_true(processing_values_equal(&fact, &a->rows[i],
                                            &b->rows[i]));
        assert_int_equal(a->rows[i].known_at, b->rows[i].known_at);
        assert_int_equal(a->rows[i].raw_id, b->rows[i].raw_id);
        assert_int_equal(a->rows[i].until, b->rows[i].until);
    }
}


/*
 * Payloads in any order, each several times, give the same versions as in
 * their own order. A figure stands still or rises; it never comes back,
 * which is the exception that processing_fact.h names.
 */
static void
test_any_order(void **state)
{
    size_t  round, i, k, n, swap;
    int64_t values[VERSIONS_MAX];
    size_t  order[VERSIONS_MAX];

    (void) state;
    for (round = 0; round < 500; round++) {
        db_t a = {.pool = wd_pool_create(4096)};
        db_t b = {.pool = wd_pool_create(4096)};

        n = 1 + wd_test_below(10);
        for (i = 0; i < n; i++) {
            order[i] = i;
            values[i] = (i != 0 ? values[i - 1] : 0)
                        + (int64_t) wd_test_below(2);
        }
        for (i = n; i > 1; i--) {
            k = wd_test_below(i);
            swap = order[i - 1];
            order[i - 1] = order[k];
            order[k] = swap;
        }

        for (i = 0; i < n; i++) {
            apply_one(&a, 1, (double) values[i], (wd_ns_t) (i + 1) * 100,
                      (int64_t) i + 1);
        }
        for (i = 0; i < n; i++) {
            apply_one(&b, 1, (double) values[order[i]],
                      (wd_ns_t) (order[i] + 1) * 100, (int64_t) order[i] + 1);
            if (wd_test_below(2) == 0) { /* and one of them again */
                k = order[wd_test_below(i + 1)];
                apply_one(&b, 1, (double) values[k], (wd_ns_t) (k + 1) * 100,
                          (int64_t) k + 1);
            }
        }

        assert_same_rows(&a.current, &b.current);
        assert_same_rows(&a.history, &b.history);
        wd_pool_destroy(a.pool);
        wd_pool_destroy(b.pool);
    }
}


/* Many keys at once, late ones among them. */
static void
test_many_keys(void **state)
{
    size_t              i;
    db_t                db = {.pool = wd_pool_create(4096)};
    processing_rows_t   in = {0};
    processing_change_t ch;

    (void) state;
    for (i = 0; i < 100; i += 2) {
        apply_one(&db, (int64_t) i, 1, i % 4 == 0 ? 100 : 300, 1);
    }
    for (i = 0; i < 100; i++) {
        add(&db, &in, (int64_t) i, "k", i < 50 ? 1 : 2, NULL, 200, 2);
    }
    ch = apply(&db, &in);
    assert_int_equal(ch.stored, 50);
    assert_int_equal(ch.corrected, 25);
    assert_int_equal(ch.unchanged, 25);
    assert_int_equal(db.current.n, 100);
    assert_int_equal(db.history.n, 25);
    wd_pool_destroy(db.pool);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_versions),  cmocka_unit_test(test_late),
        cmocka_unit_test(test_equality),  cmocka_unit_test(test_sort),
        cmocka_unit_test(test_any_order), cmocka_unit_test(test_many_keys),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
