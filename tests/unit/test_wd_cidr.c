/*
 * Networks: what is one, what is in one, and a model that looks at bits.
 */
#include "wd_test.h"

#include "wd_cidr.h"

#include <stdlib.h>

static void
test_text(void **state)
{
    size_t    i;
    char      out[WD_CIDR_TEXT_MAX];
    wd_cidr_t net;
    static const struct {
        const char *in;
        const char *out; /* NULL: refused */
    } rows[] = {
        {"192.0.2.0/24", "192.0.2.0/24"},
        {"192.0.2.77/24", "192.0.2.0/24"},
        {"192.0.2.77", "192.0.2.77/32"},
        {"0.0.0.0/0", "0.0.0.0/0"},
        {"10.128.255.255/9", "10.128.0.0/9"},
        {"2001:db8::/32", "2001:db8::/32"},
        {"2001:DB8::1", "2001:db8::1/128"},
        {"::/0", "::/0"},
        {"2001:db8:ffff::/33", "2001:db8:8000::/33"},
        {"::ffff:192.0.2.1", "192.0.2.1/32"},
        {"::ffff:192.0.2.0/120", "192.0.2.0/24"},
        {"::ffff:0:0/96", "0.0.0.0/0"},
        {"::ffff:0:0/95", "::fffe:0:0/95"},
        {"", NULL},
        {"/", NULL},
        {"/24", NULL},
        {"192.0.2.0/", NULL},
        {"192.0.2.0/33", NULL},
        {"192.0.2.0/024", NULL},
        {"192.0.2.0/+4", NULL},
        {"192.0.2.0/2 ", NULL},
        {"192.0.2.0/24/24", NULL},
        {"192.0.2.0/255.255.255.0", NULL},
        {"192.0.2", NULL},
        {"192.0.2.256", NULL},
        {"192.0.02.1", NULL},
        {" 192.0.2.1", NULL},
        {"2001:db8::/129", NULL},
        {"2001:db8::/4294967328", NULL},
        {"2001:db8:::/32", NULL},
        {"fe80::1%eth0", NULL},
        {"[::1]", NULL},
        {"localhost", NULL},
        {"1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb/1", NULL},
    };

    (void) state;
    for (i = 0; i < wd_array_len(rows); i++) {
        if (rows[i].out == NULL) {
            assert_int_equal(wd_cidr_parse(wd_str_z(rows[i].in), &net),
                             WD_EINVAL);
            continue;
        }
        assert_int_equal(wd_cidr_parse(wd_str_z(rows[i].in), &net), WD_OK);
        wd_cidr_format(&net, out);
        assert_string_equal(out, rows[i].out);
    }
    assert_int_equal(wd_cidr_parse(wd_str("1.2.3.4\0", 8), &net), WD_EINVAL);
    assert_int_equal(wd_cidr_parse(WD_STR_NULL, &net), WD_EINVAL);
}


static bool
contains(const char *net, const char *addr)
{
    wd_cidr_t n, a;

    assert_int_equal(wd_cidr_parse(wd_str_z(net), &n), WD_OK);
    assert_int_equal(wd_cidr_parse(wd_str_z(addr), &a), WD_OK);
    return wd_cidr_contains(&n, &a);
}


static void
test_contains(void **state)
{
    (void) state;
    assert_true(contains("192.0.2.0/24", "192.0.2.255"));
    assert_false(contains("192.0.2.0/24", "192.0.3.0"));
    assert_true(contains("192.0.2.0/24", "::ffff:192.0.2.9"));
    assert_true(contains("::ffff:192.0.2.0/120", "192.0.2.9"));
    assert_true(contains("0.0.0.0/0", "255.255.255.255"));
    assert_false(contains("0.0.0.0/0", "::1"));
    assert_false(contains("::/0", "192.0.2.1"));
    assert_true(contains("::/0", "2001:db8::1"));
    assert_true(contains("2001:db8::/33", "2001:db8:7fff::1"));
    assert_false(contains("2001:db8::/33", "2001:db8:8000::1"));
    assert_true(contains("2001:db8::1", "2001:db8::1"));
    assert_false(contains("2001:db8::1", "2001:db8::2"));
    assert_false(contains("10.0.0.1/32", "10.0.0.0/8")); /* a wider one */
}


/* Bit by bit, as one would explain it. */
static bool
model_contains(const wd_cidr_t *net, const wd_cidr_t *addr)
{
    unsigned i;

    if (net->v6 != addr->v6) {
        return false;
    }
    for (i = 0; i < net->bits; i++) {
        if ((net->addr[i / 8] ^ addr->addr[i / 8]) >> (7 - i % 8) & 1) {
            return false;
        }
    }
    return true;
}


static wd_cidr_t
any_net(void)
{
    size_t    i;
    char      text[WD_CIDR_TEXT_MAX];
    uint8_t   raw[16];
    wd_cidr_t addr, net;

    /* Few different bits, so that networks contain each other. */
    for (i = 0; i < sizeof(raw); i++) {
        raw[i] = rand() % 4 == 0 ? 1 << rand() % 8 : 0;
    }
    addr = wd_cidr_of(raw, rand() % 2 != 0);
    addr.bits = (uint8_t) (rand() % ((addr.v6 ? 128 : 32) + 1));
    wd_cidr_format(&addr, text);
    assert_int_equal(wd_cidr_parse(wd_str_z(text), &net), WD_OK);
    return net;
}


static void
test_lists(void **state)
{
    bool      expected;
    size_t    i, j, n, len;
    uint8_t   raw[16], packed[WD_CIDR_LIST_MAX * WD_CIDR_PACKED_MAX];
    wd_str_t  list;
    wd_cidr_t nets[WD_CIDR_LIST_MAX], back, addr;

    (void) state;
    srand(7);
    for (i = 0; i < 20000; i++) {
        n = (size_t) rand() % WD_CIDR_LIST_MAX;
        for (j = 0; j < sizeof(raw); j++) {
            raw[j] = rand() % 4 == 0 ? 1 << rand() % 8 : 0;
        }
        addr = wd_cidr_of(raw, rand() % 2 != 0);
        expected = false;
        for (j = 0, len = 0; j < n; j++) {
            nets[j] = any_net();
            len += wd_cidr_pack(&nets[j], packed + len);
            expected |= model_contains(&nets[j], &addr);
        }

        list = wd_str((char *) packed, len);
        assert_int_equal(wd_cidr_list_contains(list, &addr), expected);
        for (j = 0; j < n; j++) {
            assert_int_equal(wd_cidr_unpack(&list, &back), WD_OK);
            assert_memory_equal(&back, &nets[j], sizeof(back));
        }
        assert_int_equal(wd_cidr_unpack(&list, &back), WD_ENOTFOUND);
    }
}


static void
test_broken_list(void **state)
{
    uint8_t   any[4] = {192, 0, 2, 1};
    wd_cidr_t addr = wd_cidr_of(any, false), net;
    wd_str_t  list;

    (void) state;
    list = wd_str("\x18\xc0\x00", 3); /* /24 needs three bytes */
    assert_int_equal(wd_cidr_unpack(&list, &net), WD_EPROTO);
    assert_false(wd_cidr_list_contains(list, &addr));
    list = wd_str("\x21\xc0\x00\x02\x01\x00", 6); /* /33 */
    assert_int_equal(wd_cidr_unpack(&list, &net), WD_EPROTO);
    assert_false(wd_cidr_list_contains(WD_STR(""), &addr));
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_contains),
        cmocka_unit_test(test_lists),
        cmocka_unit_test(test_broken_list),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
