/*
 * jwt_judge.c - makes tokens, most of them with something odd, and judges
 * them as the gateway does.
 *
 *     jwt-judge SET COUNT SEED
 *
 * writes the key set to the file SET and to stdout a line per token: its
 * bytes in hex, a blank, and "OK" or the reason of the refusal.
 */
#include "jwt_maker.h"
#include "wd_jwks.h"
#include "wd_jwt.h"

#include <stdio.h>
#include <stdlib.h>

#define NOW 1700000000

static uint64_t seed;

static const char *const headers[] = {
    "",
    "",
    "",
    "",
    "",
    "",
    "",
    "",
    "",
    "",
    "",
    "",
    "",
    "",
    "",
    "",
    ",\"typ\":\"JWT\"",
    ",\"typ\":\"at+jwt\"",
    ",\"typ\":\"JOSE\"",
    ",\"typ\":1",
    ",\"cty\":\"JWT\"",
    ",\"crit\":[\"exp\"],\"exp\":1",
    ",\"crit\":[]",
    ",\"crit\":[\"b64\"],\"b64\":false",
    ",\"b64\":false",
    ",\"b64\":true",
    ",\"zip\":\"DEF\"",
    ",\"jku\":\"https://a/\"",
    ",\"jwk\":{\"kty\":\"oct\"}",
    ",\"x5t\":\"a\"",
    ",\"kid\":\"HS256\"",
    ",\"x\":{\"a\":1,\"a\":2}",
    ",\"x\":[1,2.5e3,null,\"\\n\"]",
    ",",
    ",\"x\"",
};

static const char *const isses[] = {
    "\"i\"", "\"i\"",       "\"i\"", "\"i\"", "\"i\"", "\"i\"",   "\"i\"",
    "\"i\"", "\"\\u0069\"", "\"I\"", "1",     "null",  "[\"i\"]", "\"\"",
};

static const char *const auds[] = {
    "\"a\"",   "\"a\"",         "\"a\"",     "\"a\"", "\"other\"",
    "[\"a\"]", "[\"x\",\"a\"]", "[\"x\"]",   "[]",    "\"x\"",
    "1",       "null",          "[1,\"a\"]",
};

static const char *const exps[] = {
    "1700000100",
    "1700000100",
    "1700000100",
    "1700000100",
    "17000001e2",
    "1700000000",
    "1699999999",
    "1700000000.5",
    "1700000001",
    "\"1700000100\"",
    "null",
    "true",
    "1e300",
    "-1",
    "18446744073709551616",
    "01700000100",
    "+1700000100",
    "1700000100.",
    "[1700000100]",
    "0",
};

static const char *const subs[] = {
    "\"s\"",           "\"s\"", "\"s\"",         "\"s\"",
    "\"caf\xc3\xa9\"", "\"\"",  "\"a\\u0000b\"", "\"a\\nb\"",
    "\"\xff\"",        "1",     "null",          "\"\\ud800\"",
};

static const char *const extras[] = {
    "",
    "",
    "",
    "",
    "",
    "",
    "",
    "",
    "",
    ",\"nbf\":1699999999",
    ",\"nbf\":1700000000",
    ",\"nbf\":1700000001",
    ",\"nbf\":\"1\"",
    ",\"nbf\":1e300",
    ",\"iat\":1699999999",
    ",\"iat\":1700000001",
    ",\"iat\":\"1\"",
    ",\"iat\":null",
    ",\"jti\":\"j\"",
    ",\"jti\":1",
    ",\"exp\":1800000000",
    ",\"\\u0065xp\":1800000000",
    ",\"x\":\"\x01\"",
    ",\"x\":{\"y\":[{\"z\":{}}]}",
    ",\"x\":nul",
    ",",
    "}",
    ",\"d\":[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]",
};


/* splitmix64 */
static uint64_t
below(uint64_t n)
{
    uint64_t z = seed += 0x9e3779b97f4a7c15;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return (z ^ z >> 31) % n;
}


/* The first, which is good, nine times of ten. */
#define one_of(array) \
    array[below(10) != 0 ? 0 : below(sizeof(array) / sizeof(array[0]))]


static const char *
name_of(wd_jwa_e alg)
{
    return wd_jwa(alg)->name;
}


static wd_jwa_e
any_alg(void)
{
    return (wd_jwa_e) (1 + below(WD_JWA_COUNT - 1));
}


/* Now and then the header says another algorithm or key than signs. */
static void
make_header(wd_jwa_e alg, wd_buf_t *out)
{
    const char *said = below(16) != 0 ? name_of(alg) : name_of(any_alg());
    const char *kid = below(16) != 0 ? name_of(alg) : name_of(any_alg());

    said = below(40) != 0 ? said : "none";
    wd_buf_reset(out);
    if (below(40) == 0) {
        wd_buf_z(out, "\xef\xbb\xbf");
    }
    wd_buf_printf(out, "{\"alg\":\"%s\"", said);
    if (below(40) != 0) {
        wd_buf_printf(out, ",\"kid\":\"%s\"", kid);
    }
    wd_buf_z(out, one_of(headers));
    wd_buf_z(out, "}");
    wd_buf_z(out, below(60) != 0 ? "" : below(2) ? " " : "x");
}


static void
make_claims(wd_buf_t *out)
{
    wd_buf_reset(out);
    wd_buf_z(out, "{\"z\":0");
    if (below(30) != 0) {
        wd_buf_printf(out, ",\"iss\":%s", one_of(isses));
    }
    if (below(30) != 0) {
        wd_buf_printf(out, ",\"aud\":%s", one_of(auds));
    }
    if (below(30) != 0) {
        wd_buf_printf(out, ",\"sub\":%s", one_of(subs));
    }
    if (below(30) != 0) {
        wd_buf_printf(out, ",\"exp\":%s", one_of(exps));
    }
    wd_buf_z(out, one_of(extras));
    wd_buf_z(out, below(60) != 0 ? "}" : "");
}


/* One change to the finished token. */
static void
damage(wd_buf_t *t)
{
    size_t      at = below(t->len);
    static char chars[] = "AQgw_-+/=. \n.~";

    switch (below(24)) {
    case 0:
        t->data[at] = (uint8_t) chars[below(sizeof(chars) - 1)];
        break;
    case 1:
        t->data[t->len - 1] = (uint8_t) chars[below(5)]; /* stray bits */
        break;
    case 2:
        t->len = at;
        break;
    case 3:
        wd_buf_byte(t, (uint8_t) chars[below(sizeof(chars) - 1)]);
        break;
    case 4:
        t->data[at] ^= (uint8_t) (1 << below(8));
        break;
    default:
        break;
    }
}


static wd_jwt_why_e
judge(wd_str_t token, const wd_jwks_t *set)
{
    int             rc;
    wd_jwt_t        t;
    wd_jwk_t       *key;
    wd_str_t        audiences[] = {WD_STR("a"), WD_STR("other")};
    wd_pool_t      *pool = wd_pool_create(4096);
    wd_jwt_policy_t p = {
        .iss = WD_STR("i"), .audiences = audiences, .n_audiences = 2};

    rc = wd_jwt_parse(&t, pool, token);
    if (rc == WD_OK) {
        key = wd_jwks_find(set, t.kid);
        if (key == NULL) {
            t.why = WD_JWT_WHY_KEY;
        } else if (wd_jwt_verify(&t, key) == WD_OK) {
            (void) !wd_jwt_check(&t, &p, NOW * WD_NS_PER_S);
        }
    }
    wd_pool_destroy(pool);
    return t.why;
}


int
main(int argc, char **argv)
{
    int                     i, n;
    FILE                   *f;
    wd_buf_t                json = WD_BUF_INIT, header = WD_BUF_INIT;
    wd_buf_t                claims = WD_BUF_INIT, token = WD_BUF_INIT;
    wd_jwa_e                alg;
    size_t                  k;
    wd_jwks_t              *set;
    const wd_jwks_options_t o = {WD_JWA_NONE, false};

    if (argc != 4) {
        fprintf(stderr, "usage: jwt-judge SET COUNT SEED\n");
        return 2;
    }
    n = atoi(argv[2]);
    seed = strtoull(argv[3], NULL, 10);

    jwt_maker_init();
    jwt_maker_jwks(&json);
    f = fopen(argv[1], "w");
    if (f == NULL || fwrite(json.data, 1, json.len, f) != json.len
        || fclose(f) != 0
        || wd_jwks_parse(wd_buf_view(&json), &o, &set, NULL) != WD_OK) {
        return 1;
    }

    for (i = 0; i < n; i++) {
        alg = any_alg();
        make_header(alg, &header);
        make_claims(&claims);
        jwt_maker_token(alg, wd_buf_view(&header), wd_buf_view(&claims),
                        &token);
        damage(&token);
        for (k = 0; k < token.len; k++) {
            printf("%02x", token.data[k]);
        }
        printf(" %s\n", wd_jwt_why_name(judge(wd_buf_view(&token), set)));
    }
    wd_jwks_destroy(set);
    wd_buf_done(&json);
    wd_buf_done(&header);
    wd_buf_done(&claims);
    wd_buf_done(&token);
    return 0;
}
