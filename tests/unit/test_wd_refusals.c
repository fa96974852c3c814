/*
 * Refusals by themselves: what is equal is one row, each member tells rows
 * apart, the bound, the longest frame, and a model.
 */
#include "wd_test.h"

#include "wd_frame.h"
#include "wd_refusals.h"

#include <stdio.h>
#include <stdlib.h>

static const char *const methods[] = {"bars.query", "quotes.query", ""};
static const char *const reasons[] = {"bad-key", "permission"};

/* A row as it is read from what was put. */
typedef struct {
    int64_t  at;
    wd_str_t ip;
    wd_str_t principal;
    wd_str_t key;
    wd_str_t method;
    int64_t  code;
    wd_str_t reason;
    int64_t  n;
} row_t;


static void
read_row(wd_mp_t *c, row_t *ret)
{
    uint32_t n;

    assert_ok(wd_mp_read_array(c, &n));
    assert_int_equal(n, 8);
    assert_ok(wd_mp_read_int(c, &ret->at));
    assert_ok(wd_mp_read_str(c, &ret->ip));
    assert_ok(wd_mp_read_str(c, &ret->principal));
    assert_ok(wd_mp_read_str(c, &ret->key));
    assert_ok(wd_mp_read_str(c, &ret->method));
    assert_ok(wd_mp_read_int(c, &ret->code));
    assert_ok(wd_mp_read_str(c, &ret->reason));
    assert_ok(wd_mp_read_int(c, &ret->n));
}


/* Rows read into `rows`, which live as long as `out`. */
static size_t
read_all(const wd_refusals_t *t, wd_buf_t *out, row_t rows[WD_REFUSALS_MAX],
         int64_t *ret_lost)
{
    size_t   i;
    uint32_t n;
    wd_mp_t  c;
    wd_str_t instance;

    wd_buf_reset(out);
    wd_refusals_put(t, "host:1", out);
    assert_int_equal(out->err, WD_OK);

    c = wd_mp(out->data, out->len);
    assert_ok(wd_mp_read_array(&c, &n));
    assert_int_equal(n, 3);
    assert_ok(wd_mp_read_array(&c, &n));
    assert_true(n <= WD_REFUSALS_MAX);
    for (i = 0; i < n; i++) {
        read_row(&c, &rows[i]);
    }
    assert_ok(wd_mp_read_int(&c, ret_lost));
    assert_ok(wd_mp_read_str(&c, &instance));
    assert_true(wd_str_eq_z(instance, "host:1"));
    assert_true(c.p == c.end);
    return n;
}


static wd_refusal_t
some(void)
{
    return (wd_refusal_t){
        .at = 1000,
        .ip = WD_STR("192.0.2.1"),
        .principal = WD_STR("user:1"),
        .key = WD_STR("17"),
        .method = methods[0],
        .reason = reasons[0],
        .code = WD_EUNAUTH,
    };
}


static void
test_equal(void **state)
{
    int64_t        lost;
    row_t          rows[WD_REFUSALS_MAX];
    wd_buf_t       out = WD_BUF_INIT;
    wd_refusal_t   one = some();
    wd_refusals_t *t = wd_refusals_create();

    (void) state;
    assert_non_null(t);
    assert_int_equal(read_all(t, &out, rows, &lost), 0);
    assert_int_equal(wd_refusals_total(t), 0);

    assert_true(wd_refusals_add(t, &one));
    one.at = 2000;
    assert_true(wd_refusals_add(t, &one));
    one.at = 500; /* a clock that was set back */
    assert_true(wd_refusals_add(t, &one));

    assert_int_equal(read_all(t, &out, rows, &lost), 1);
    assert_int_equal(rows[0].at, 1000);
    assert_true(wd_str_eq_z(rows[0].ip, "192.0.2.1"));
    assert_true(wd_str_eq_z(rows[0].principal, "user:1"));
    assert_true(wd_str_eq_z(rows[0].key, "17"));
    assert_true(wd_str_eq_z(rows[0].method, "bars.query"));
    assert_true(wd_str_eq_z(rows[0].reason, "bad-key"));
    assert_int_equal(rows[0].code, -3);
    assert_int_equal(rows[0].n, 3);
    assert_int_equal(lost, 0);
    assert_int_equal(wd_refusals_total(t), 3);

    wd_refusals_reset(t);
    assert_int_equal(read_all(t, &out, rows, &lost), 0);
    assert_true(wd_refusals_add(t, &one));
    assert_int_equal(read_all(t, &out, rows, &lost), 1);
    assert_int_equal(rows[0].at, 500);
    assert_int_equal(rows[0].n, 1);
    wd_refusals_destroy(t);
    wd_buf_done(&out);
}


static void
test_members(void **state)
{
    size_t         i;
    int64_t        lost;
    row_t          rows[WD_REFUSALS_MAX];
    wd_buf_t       out = WD_BUF_INIT;
    wd_refusal_t   one;
    wd_refusals_t *t = wd_refusals_create();

    (void) state;
    assert_non_null(t);
    for (i = 0; i < 9; i++) {
        one = some();
        switch (i) {
        case 1:
            one.ip = WD_STR("192.0.2.2");
            break;
        case 2:
            one.ip = WD_STR("");
            break;
        case 3:
            one.principal = WD_STR_NULL;
            break;
        case 4:
            one.key = WD_STR("1");
            break;
        case 5:
            one.key = WD_STR_NULL;
            break;
        case 6:
            one.method = methods[2];
            break;
        case 7:
            one.reason = reasons[1];
            break;
        case 8:
            one.code = WD_EFORBIDDEN;
            break;
        }
        assert_true(wd_refusals_add(t, &one));
        assert_true(wd_refusals_add(t, &one));
    }

    assert_int_equal(read_all(t, &out, rows, &lost), 9);
    for (i = 0; i < 9; i++) {
        assert_int_equal(rows[i].n, 2);
    }
    assert_int_equal(rows[3].principal.len, 0);
    assert_int_equal(rows[6].method.len, 0);
    assert_int_equal(rows[8].code, -4);
    wd_refusals_destroy(t);
    wd_buf_done(&out);
}


/* Full of the longest there are; who is known is still counted. */
static void
test_full(void **state)
{
    size_t         i;
    char           ip[WD_IP_MAX + 1], text[WD_VERDICT_PRINCIPAL_MAX + 1];
    char           name[WD_METHOD_MAX + 2];
    int64_t        lost;
    row_t          rows[WD_REFUSALS_MAX];
    wd_buf_t       out = WD_BUF_INIT;
    wd_refusal_t   one = some();
    wd_refusals_t *t = wd_refusals_create();

    (void) state;
    assert_non_null(t);
    memset(text, 'x', sizeof(text));
    memset(name, 'm', sizeof(name));
    name[WD_METHOD_MAX] = '\0';
    one.at = INT64_MAX;
    one.principal = wd_str(text, WD_VERDICT_PRINCIPAL_MAX);
    one.key = wd_str(text, WD_VERDICT_KEY_MAX);
    one.method = one.reason = name;

    for (i = 0; i < WD_REFUSALS_MAX + 5; i++) {
        snprintf(ip, sizeof(ip), "%045zu", i);
        one.ip = wd_str(ip, WD_IP_MAX);
        assert_int_equal(wd_refusals_add(t, &one), i < WD_REFUSALS_MAX);
    }
    snprintf(ip, sizeof(ip), "%045d", 7);
    assert_true(wd_refusals_add(t, &one));

    assert_int_equal(read_all(t, &out, rows, &lost), WD_REFUSALS_MAX);
    assert_true(out.len < WD_FRAME_MAX);
    assert_int_equal(lost, 5);
    assert_int_equal(rows[7].n, 2);
    assert_int_equal(wd_refusals_lost(t), 5);
    assert_int_equal(wd_refusals_total(t), WD_REFUSALS_MAX + 6);

    /* The other way round: texts that no row has room for. */
    wd_refusals_reset(t);
    one = some();
    one.principal = wd_str(text, WD_VERDICT_PRINCIPAL_MAX + 1);
    assert_false(wd_refusals_add(t, &one));
    one = some();
    one.ip = wd_str(text, WD_IP_MAX + 1);
    assert_false(wd_refusals_add(t, &one));
    one = some();
    one.key = wd_str(text, WD_VERDICT_KEY_MAX + 1);
    assert_false(wd_refusals_add(t, &one));
    one = some();
    name[WD_METHOD_MAX] = 'm';
    name[WD_METHOD_MAX + 1] = '\0';
    one.method = name;
    assert_false(wd_refusals_add(t, &one));
    assert_int_equal(read_all(t, &out, rows, &lost), 0);
    assert_int_equal(lost, 4);
    wd_refusals_destroy(t);
    wd_buf_done(&out);
}


#define MODEL 600

typedef struct {
    int64_t at;
    int64_t n;
} model_t;


static wd_refusal_t
model_refusal(size_t i, char ip[16])
{
    wd_refusal_t one = some();

    snprintf(ip, 16, "10.0.0.%zu", i / 12);
    one.ip = wd_str_z(ip);
    one.method = methods[i % 3];
    one.reason = reasons[i / 3 % 2];
    one.code = i / 6 % 2 ? WD_EUNAUTH : WD_EFORBIDDEN;
    return one;
}


static size_t
model_index(const row_t *row)
{
    size_t i, m, r;

    assert_true(sscanf(row->ip.data, "10.0.0.%zu", &i) == 1);
    for (m = 0; !wd_str_eq_z(row->method, methods[m]); m++) { /* void */
    }
    for (r = 0; !wd_str_eq_z(row->reason, reasons[r]); r++) { /* void */
    }
    return i * 12 + (row->code == WD_EUNAUTH ? 6 : 0) + 3 * r + m;
}


static void
model_check(const wd_refusals_t *t, const model_t model[MODEL], int64_t lost)
{
    size_t   i, k, n, n_model = 0;
    int64_t  got_lost;
    row_t    rows[WD_REFUSALS_MAX];
    wd_buf_t out = WD_BUF_INIT;

    n = read_all(t, &out, rows, &got_lost);
    assert_int_equal(got_lost, lost);
    for (k = 0; k < n; k++) {
        i = model_index(&rows[k]);
        assert_int_equal(rows[k].n, model[i].n);
        assert_int_equal(rows[k].at, model[i].at);
    }
    for (i = 0; i < MODEL; i++) {
        n_model += model[i].n != 0;
    }
    assert_int_equal(n, n_model);
    wd_buf_done(&out);
}


static void
test_model(void **state)
{
    char           ip[16];
    size_t         i, steps, n = 0;
    int64_t        lost = 0;
    model_t        model[MODEL] = {{0}};
    wd_refusal_t   one;
    wd_refusals_t *t = wd_refusals_create();

    (void) state;
    assert_non_null(t);
    srand(17);
    for (steps = 0; steps < 20000; steps++) {
        i = (size_t) rand() % (rand() % 4 ? 200 : MODEL);
        one = model_refusal(i, ip);
        one.at = (wd_ns_t) steps;

        if (model[i].n != 0) {
            assert_true(wd_refusals_add(t, &one));
            model[i].n++;
        } else if (n < WD_REFUSALS_MAX) {
            assert_true(wd_refusals_add(t, &one));
            model[i] = (model_t){(int64_t) steps, 1};
            n++;
        } else {
            assert_false(wd_refusals_add(t, &one));
            lost++;
        }

        if (rand() % 1500 == 0) {
            model_check(t, model, lost);
            wd_refusals_reset(t);
            memset(model, 0, sizeof(model));
            n = 0;
            lost = 0;
        }
    }
    model_check(t, model, lost);
    wd_refusals_destroy(t);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_equal),
        cmocka_unit_test(test_members),
        cmocka_unit_test(test_full),
        cmocka_unit_test(test_model),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
