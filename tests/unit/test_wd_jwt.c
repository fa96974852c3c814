/*
 * Tokens: each rule of form, header and claims, with a token that keeps it
 * and tokens that break it. All are signed with the right key, so that it is
 * the rule that refuses them.
 */
#include "wd_test.h"

#include "jwt_maker.h"
#include "wd_base64url.h"
#include "wd_jwks.h"
#include "wd_jwt.h"
#include "wd_mp.h"

#include <sodium.h>

#define NOW (1700000000 * WD_NS_PER_S)
#define HEAD "{\"alg\":\"HS256\",\"kid\":\"HS256\"}"
#define REST "\"iss\":\"i\",\"aud\":\"a\",\"sub\":\"s\""
#define CLAIMS "{" REST ",\"exp\":1700000100}"

static wd_jwks_t *keys;
static wd_str_t   audiences[] = {{"a", 1}, {"other", 5}};

static wd_jwt_policy_t policy = {
    .iss = {"i", 1},
    .audiences = audiences,
    .n_audiences = 2,
    .leeway = 0,
};


/* What auth has told of roles; NULL: nothing. */
static wd_roles_t *roles;


/* What the gateway does with a token; the reason, OK when it is taken. */
static wd_jwt_why_e
judge_with(wd_str_t token, const wd_jwt_policy_t *p, wd_ns_t now, wd_buf_t *mp)
{
    int        rc;
    wd_jwt_t   t;
    wd_jwk_t  *key;
    wd_pool_t *pool = wd_pool_create(4096);

    rc = wd_jwt_parse(&t, pool, token);
    if (rc == WD_OK) {
        key = wd_jwks_find(keys, t.kid);
        t.why = WD_JWT_WHY_KEY;
        rc = WD_EUNAUTH;
        if (key != NULL) {
            t.why = WD_JWT_WHY_OK;
            rc = wd_jwt_verify(&t, key);
        }
    }
    if (rc == WD_OK) {
        rc = wd_jwt_check(&t, p, now);
    }
    if (rc == WD_OK && mp != NULL) {
        wd_buf_reset(mp);
        rc = wd_jwt_permissions(&t, p, roles, mp);
    }
    wd_pool_destroy(pool);
    assert_int_equal(rc == WD_OK, t.why == WD_JWT_WHY_OK);
    return t.why;
}


static wd_jwt_why_e
judge(wd_str_t header, wd_str_t claims)
{
    wd_buf_t     token = WD_BUF_INIT;
    wd_jwt_why_e why;

    jwt_maker_token(WD_JWA_HS256, header, claims, &token);
    why = judge_with(wd_buf_view(&token), &policy, NOW, NULL);
    wd_buf_done(&token);
    return why;
}


#define assert_why(got, want)                             \
    do {                                                  \
        wd_jwt_why_e got_ = (got);                        \
        if (got_ != WD_JWT_WHY_##want) {                  \
            fail_msg("line %d: %s, not " #want, __LINE__, \
                     wd_jwt_why_name(got_));              \
        }                                                 \
    } while (0)
#define assert_header(json, want) \
    assert_why(judge(WD_STR(json), WD_STR(CLAIMS)), want)
#define assert_claims(json, want) \
    assert_why(judge(WD_STR(HEAD), WD_STR(json)), want)


static void
test_taken(void **state)
{
    int      alg;
    char     header[64];
    wd_buf_t token = WD_BUF_INIT;

    (void) state;
    assert_header(HEAD, OK);

    for (alg = WD_JWA_NONE + 1; alg < WD_JWA_COUNT; alg++) {
        snprintf(header, sizeof(header), "{\"alg\":\"%s\",\"kid\":\"%s\"}",
                 wd_jwa((wd_jwa_e) alg)->name, wd_jwa((wd_jwa_e) alg)->name);
        jwt_maker_token((wd_jwa_e) alg, wd_str_z(header), WD_STR(CLAIMS),
                        &token);
        assert_why(judge_with(wd_buf_view(&token), &policy, NOW, NULL), OK);
    }
    wd_buf_done(&token);
}


static void
test_read(void **state)
{
    wd_jwt_t   t;
    wd_buf_t   token = WD_BUF_INIT;
    wd_pool_t *pool = wd_pool_create(256);

    (void) state;
    jwt_maker_token(WD_JWA_HS384,
                    WD_STR("{ \"kid\" : \"k\\u0031\", \"alg\":\"HS384\" }"),
                    WD_STR("{\"iss\":\"https://i/\",\"sub\":\"caf\xc3\xa9\","
                           "\"aud\":[\"x\",\"y\"],\"exp\":17e8,\"nbf\":-1.5,"
                           "\"iat\":1.25,\"jti\":\"j\"}"),
                    &token);
    assert_ok(wd_jwt_parse(&t, pool, wd_buf_view(&token)));
    assert_int_equal(t.alg, WD_JWA_HS384);
    assert_view(t.kid, "k1");
    assert_view(t.iss, "https://i/");
    assert_view(t.sub, "caf\xc3\xa9");
    assert_view(t.jti, "j");
    assert_int_equal(t.exp, 1700000000 * WD_NS_PER_S);
    assert_int_equal(t.nbf, -1500000000);
    assert_int_equal(t.iat, 1250000000);

    jwt_maker_token(WD_JWA_HS256, WD_STR(HEAD), WD_STR(CLAIMS), &token);
    assert_ok(wd_jwt_parse(&t, pool, wd_buf_view(&token)));
    assert_view(t.jti, "");
    assert_int_equal(t.nbf, WD_NS_MIN);
    assert_int_equal(t.iat, WD_NS_MIN);
    wd_pool_destroy(pool);
    wd_buf_done(&token);
}


/* Parts, dots, lengths. */
static void
test_form(void **state)
{
    size_t       i, dot;
    wd_buf_t     token = WD_BUF_INIT, bad = WD_BUF_INIT;
    wd_str_t     v;
    wd_jwt_why_e why;

    static const char *const rows[] = {
        "",     ".",       "..",        "...",  "a",
        "a.b",  "a.b.c.d", "a.b.c.d.e", ".b.c", "a..c",
        "a.b.", "a.b.c.",  ".a.b.c",    "....", "e30.e30",
    };

    (void) state;
    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_why(judge_with(wd_str_z(rows[i]), &policy, NOW, NULL), FORM);
    }

    jwt_maker_token(WD_JWA_HS256, WD_STR(HEAD), WD_STR(CLAIMS), &token);
    v = wd_buf_view(&token);
    assert_why(judge_with(v, &policy, NOW, NULL), OK);

    /* "none" in its usual form: no signature. */
    dot = (size_t) ((const char *) memrchr(v.data, '.', v.len) - v.data);
    assert_why(judge_with(wd_str(v.data, dot + 1), &policy, NOW, NULL), FORM);
    assert_why(judge_with(wd_str(v.data, dot), &policy, NOW, NULL), FORM);

    /* Every other byte of the token cut, changed or doubled. */
    for (i = 0; i < v.len; i++) {
        assert_true(judge_with(wd_str(v.data, i), &policy, NOW, NULL)
                    != WD_JWT_WHY_OK);

        wd_buf_reset(&bad);
        wd_buf_str(&bad, v);
        bad.data[i] = bad.data[i] == 'A' ? 'B' : 'A';
        assert_true(judge_with(wd_buf_view(&bad), &policy, NOW, NULL)
                    != WD_JWT_WHY_OK);

        bad.data[i] = " =+/\n\t%~\x80"[i % 9];
        why = judge_with(wd_buf_view(&bad), &policy, NOW, NULL);
        assert_true(why == WD_JWT_WHY_ENCODING || why == WD_JWT_WHY_FORM);
    }

    for (i = 0; i < 3; i++) {
        wd_buf_reset(&bad);
        wd_buf_z(&bad, i == 1 ? " " : "");
        wd_buf_str(&bad, v);
        wd_buf_z(&bad, i == 0 ? "=" : i == 2 ? "\n" : "");
        assert_why(judge_with(wd_buf_view(&bad), &policy, NOW, NULL), ENCODING);
    }
    wd_buf_done(&token);
    wd_buf_done(&bad);
}


/* 8192 bytes are read, 8193 are not looked at. */
static void
test_length(void **state)
{
    size_t   pad;
    wd_buf_t token = WD_BUF_INIT, claims = WD_BUF_INIT;

    (void) state;
    for (pad = 5900; pad < 6100; pad++) {
        wd_buf_reset(&claims);
        wd_buf_z(&claims, "{" REST ",\"exp\":1700000100,\"p\":\"");
        while (claims.len < pad) {
            wd_buf_byte(&claims, 'x');
        }
        wd_buf_z(&claims, "\"}");
        jwt_maker_token(WD_JWA_HS256, WD_STR(HEAD), wd_buf_view(&claims),
                        &token);
        if (token.len <= WD_JWT_MAX) {
            assert_why(judge_with(wd_buf_view(&token), &policy, NOW, NULL), OK);
        } else {
            assert_why(judge_with(wd_buf_view(&token), &policy, NOW, NULL),
                       LENGTH);
        }
    }
    assert_true(token.len > WD_JWT_MAX);
    wd_buf_done(&token);
    wd_buf_done(&claims);
}


static void
nested(wd_buf_t *out, int depth, bool arrays)
{
    int i;

    wd_buf_reset(out);
    wd_buf_z(out, "{" REST ",\"exp\":1700000100,\"n\":");
    for (i = 1; i < depth; i++) {
        wd_buf_z(out, arrays ? "[" : "{\"a\":");
    }
    wd_buf_z(out, "1");
    for (i = 1; i < depth; i++) {
        wd_buf_z(out, arrays ? "]" : "}");
    }
    wd_buf_z(out, "}");
}


static void
test_depth(void **state)
{
    int      i;
    wd_buf_t claims = WD_BUF_INIT;

    (void) state;
    for (i = 0; i < 2; i++) {
        nested(&claims, 16, i);
        assert_why(judge(WD_STR(HEAD), wd_buf_view(&claims)), OK);
        nested(&claims, 17, i);
        assert_why(judge(WD_STR(HEAD), wd_buf_view(&claims)), DEPTH);
        nested(&claims, 500, i);
        assert_why(judge(WD_STR(HEAD), wd_buf_view(&claims)), DEPTH);
    }
    wd_buf_done(&claims);
}


static void
test_json(void **state)
{
    (void) state;
    assert_header("", FORM);
    assert_header("1", JSON);
    assert_header("null", JSON);
    assert_header("\"a\"", JSON);
    assert_header("[" HEAD "]", JSON);
    assert_header("{\"alg\":\"HS256\",\"kid\":\"HS256\"", JSON);
    assert_header("{\"alg\":\"HS256\",\"kid\":\"HS256\",}", JSON);
    assert_header("{\"alg\":\"HS256\" \"kid\":\"HS256\"}", JSON);
    assert_header("{'alg':'HS256','kid':'HS256'}", JSON);
    assert_header(HEAD "x", JSON);
    assert_header(HEAD HEAD, JSON);
    assert_header(HEAD "\0", JSON);
    assert_header("\xef\xbb\xbf" HEAD, JSON);
    assert_header("\xff\xfe" HEAD, JSON);
    assert_header("\v" HEAD, JSON);
    assert_header(" \r\n\t" HEAD " ", OK);
    assert_header("{\"alg\":\"HS256\",\"kid\":\"HS256\",\"x\":\"\xff\"}", JSON);
    assert_header("{\"alg\":\"HS256\",\"kid\":\"HS256\",\"x\":\"\xc0\xaf\"}",
                  JSON);
    assert_header("{\"alg\":\"HS256\",\"kid\":\"HS256\",\"x\":\"\xed\xa0\x80"
                  "\"}",
                  JSON);
    assert_header("{\"alg\":\"HS256\",\"kid\":\"HS256\",\"x\":\"\n\"}", JSON);
    assert_header("{\"alg\":\"HS256\",\"kid\":\"HS256\",\"x\":\"\\x41\"}",
                  JSON);
    assert_header("{\"alg\":\"HS256\",\"kid\":\"HS256\",\"x\":01}", JSON);
    assert_header("{\"alg\":\"HS256\",\"kid\":\"HS256\",\"x\":NaN}", JSON);
    assert_header("{\"alg\":\"HS256\",\"kid\":\"HS256\"/**/}", JSON);

    assert_claims(CLAIMS "x", JSON);
    assert_claims(CLAIMS "\0", JSON);
    assert_claims("\xef\xbb\xbf" CLAIMS, JSON);
    assert_claims("[" CLAIMS "]", JSON);
    assert_claims("\"" REST "\"", JSON);
    assert_claims("{" REST ",\"exp\":1700000100,\"x\":\"\x01\"}", JSON);
    assert_claims("{" REST ",\"exp\":1700000100,\"x\":\"\x7f\\n\"}", OK);
    assert_claims("{" REST ",\"exp\":1700000100,\"x\":\"\xf5\x80\x80\x80\"}",
                  JSON);
    /* Escapes that would be read in more than one way. */
    assert_claims("{" REST ",\"exp\":1700000100,\"x\":\"\\u0000\"}", JSON);
    assert_claims("{" REST ",\"exp\":1700000100,\"x\":\"\\ud800\"}", JSON);
    assert_claims("{" REST ",\"exp\":1700000100,\"\\udc00\":1}", JSON);
    assert_claims("{" REST ",\"exp\":1700000100,\"x\":\"\\ud83d\\ude00\"}", OK);
}


static void
test_twice(void **state)
{
    int      i;
    wd_buf_t claims = WD_BUF_INIT;

    (void) state;
    assert_header("{\"alg\":\"HS256\",\"kid\":\"HS256\",\"alg\":\"HS256\"}",
                  TWICE);
    assert_header("{\"alg\":\"HS256\",\"kid\":\"HS256\",\"k\\u0069d\":\"x\"}",
                  TWICE);
    assert_header("{\"alg\":\"HS256\",\"kid\":\"HS256\",\"x\":{\"a\":1,"
                  "\"a\":1}}",
                  TWICE);
    assert_claims("{" REST ",\"exp\":1700000100,\"exp\":1700000100}", TWICE);
    assert_claims("{" REST ",\"exp\":1700000100,\"\\u0073ub\":\"t\"}", TWICE);
    assert_claims("{" REST ",\"exp\":1700000100,\"x\":[[{\"\":1,\"\":2}]]}",
                  TWICE);
    assert_claims("{" REST ",\"exp\":1700000100,\"x\":[{\"a\":{\"b\":1},\"b\":"
                  "{\"a\":1}},{\"a\":1}],\"a\":1}",
                  OK);
    assert_claims("{" REST ",\"exp\":1700000100,\"Exp\":1,\"EXP\":1}", OK);

    /* Many names, the first again as the last: found by sorting. */
    for (i = 0; i < 2; i++) {
        int k;

        wd_buf_reset(&claims);
        wd_buf_z(&claims, "{" REST ",\"exp\":1700000100,\"m\":{\"0\":0");
        for (k = 1; k < 500; k++) {
            wd_buf_printf(&claims, ",\"%d\":0", k);
        }
        wd_buf_z(&claims, i ? ",\"0\":0}}" : "}}");
        assert_int_equal(judge(WD_STR(HEAD), wd_buf_view(&claims)),
                         i ? WD_JWT_WHY_TWICE : WD_JWT_WHY_OK);
    }
    wd_buf_done(&claims);
}


#define H "{\"alg\":\"HS256\",\"kid\":\"HS256\","

static void
test_header(void **state)
{
    (void) state;
    /* alg */
    assert_header("{\"kid\":\"HS256\"}", ALG);
    assert_header("{}", ALG);
    assert_header("{\"alg\":null,\"kid\":\"HS256\"}", ALG);
    assert_header("{\"alg\":1,\"kid\":\"HS256\"}", ALG);
    assert_header("{\"alg\":true,\"kid\":\"HS256\"}", ALG);
    assert_header("{\"alg\":[\"HS256\"],\"kid\":\"HS256\"}", ALG);
    assert_header("{\"alg\":{},\"kid\":\"HS256\"}", ALG);
    assert_header("{\"alg\":\"\",\"kid\":\"HS256\"}", ALG);
    assert_header("{\"alg\":\"none\",\"kid\":\"HS256\"}", ALG);
    assert_header("{\"alg\":\"None\",\"kid\":\"HS256\"}", ALG);
    assert_header("{\"alg\":\"NONE\",\"kid\":\"HS256\"}", ALG);
    assert_header("{\"alg\":\"nOnE\",\"kid\":\"HS256\"}", ALG);
    assert_header("{\"alg\":\"none \",\"kid\":\"HS256\"}", ALG);
    assert_header("{\"alg\":\"hs256\",\"kid\":\"HS256\"}", ALG);
    assert_header("{\"alg\":\"HS256\\u0000\",\"kid\":\"HS256\"}", JSON);
    assert_header("{\"alg\":\"ES256K\",\"kid\":\"HS256\"}", ALG);
    assert_header("{\"ALG\":\"HS256\",\"kid\":\"HS256\"}", ALG);
    /* Known, but not the key's. */
    assert_header("{\"alg\":\"HS384\",\"kid\":\"HS256\"}", ALG);
    assert_header("{\"alg\":\"RS256\",\"kid\":\"HS256\"}", ALG);
    assert_header("{\"alg\":\"HS256\",\"kid\":\"RS256\"}", ALG);
    assert_header("{\"alg\":\"HS256\",\"kid\":\"EdDSA\"}", ALG);

    /* kid */
    assert_header("{\"alg\":\"HS256\"}", KID);
    assert_header("{\"alg\":\"HS256\",\"kid\":null}", KID);
    assert_header("{\"alg\":\"HS256\",\"kid\":1}", KID);
    assert_header("{\"alg\":\"HS256\",\"kid\":false}", KID);
    assert_header("{\"alg\":\"HS256\",\"kid\":[\"HS256\"]}", KID);
    assert_header("{\"alg\":\"HS256\",\"kid\":{}}", KID);
    assert_header("{\"alg\":\"HS256\",\"kid\":\"\"}", KID);
    assert_header("{\"alg\":\"HS256\",\"kid\":\"HS256\\n\"}", KID);
    assert_header("{\"alg\":\"HS256\",\"kid\":\"hs256\"}", KEY);
    assert_header("{\"alg\":\"HS256\",\"kid\":\"HS256 \"}", KEY);
    assert_header("{\"alg\":\"HS256\",\"kid\":\"../../etc/passwd\"}", KEY);

    /* typ and cty */
    assert_header(H "\"typ\":\"JWT\"}", OK);
    assert_header(H "\"typ\":\"jwt\"}", OK);
    assert_header(H "\"typ\":\"at+jwt\"}", OK);
    assert_header(H "\"typ\":\"AT+JWT\"}", OK);
    assert_header(H "\"typ\":\"application/at+jwt\"}", OK);
    assert_header(H "\"typ\":\"Application/JWT\"}", OK);
    assert_header(H "\"typ\":\"application/\"}", TYP);
    assert_header(H "\"typ\":\"text/JWT\"}", TYP);
    assert_header(H "\"typ\":\"\"}", TYP);
    assert_header(H "\"typ\":\"JOSE\"}", TYP);
    assert_header(H "\"typ\":\"dpop+jwt\"}", TYP);
    assert_header(H "\"typ\":\"logout+jwt\"}", TYP);
    assert_header(H "\"typ\":\"JWT \"}", TYP);
    assert_header(H "\"typ\":null}", TYP);
    assert_header(H "\"typ\":1}", TYP);
    assert_header(H "\"typ\":[\"JWT\"]}", TYP);
    assert_header(H "\"cty\":\"JWT\"}", NESTED);
    assert_header(H "\"cty\":\"jwt\"}", NESTED);
    assert_header(H "\"cty\":\"application/jwt\"}", NESTED);
    assert_header(H "\"cty\":null}", NESTED);
    assert_header(H "\"cty\":\"vendor;v=1\"}", OK);

    /* crit in any form */
    assert_header(H "\"crit\":[\"exp\"],\"exp\":1}", CRIT);
    assert_header(H "\"crit\":[]}", CRIT);
    assert_header(H "\"crit\":[\"b64\"],\"b64\":false}", CRIT);
    assert_header(H "\"crit\":null}", CRIT);
    assert_header(H "\"crit\":\"\"}", CRIT);
    assert_header(H "\"crit\":{}}", CRIT);
    assert_header(H "\"cr\\u0069t\":false}", CRIT);

    /* What is never used. */
    assert_header(H "\"b64\":false}", HEADER);
    assert_header(H "\"b64\":true}", HEADER);
    assert_header(H "\"b64\":null}", HEADER);
    assert_header(H "\"zip\":\"DEF\"}", HEADER);
    assert_header(H "\"zip\":null}", HEADER);
    assert_header(H "\"enc\":\"A128GCM\"}", HEADER);
    assert_header(H "\"jku\":\"https://a/\"}", HEADER);
    assert_header(H "\"x5u\":\"https://a/\"}", HEADER);
    assert_header(H "\"x5c\":[\"AA\"]}", HEADER);
    assert_header(H "\"jwk\":{\"kty\":\"oct\",\"k\":\"AAAA\"}}", HEADER);
    assert_header(H "\"jwk\":null}", HEADER);
    assert_header(H "\"x5t\":\"abc\",\"x5t#S256\":\"abc\",\"nonce\":1}", OK);
}


static void
test_kid_length(void **state)
{
    size_t   n;
    wd_buf_t h = WD_BUF_INIT;

    (void) state;
    for (n = 254; n <= 257; n++) {
        wd_buf_reset(&h);
        wd_buf_z(&h, "{\"alg\":\"HS256\",\"kid\":\"");
        while (h.len < n + 22) {
            wd_buf_byte(&h, 'k');
        }
        wd_buf_z(&h, "\"}");
        assert_int_equal(judge(wd_buf_view(&h), WD_STR(CLAIMS)),
                         n <= 255 ? WD_JWT_WHY_KEY : WD_JWT_WHY_KID);
    }
    wd_buf_done(&h);
}


/* Every claim: absent, and each type of JSON that it must not have. */
static void
test_claim_types(void **state)
{
    size_t       i, k, m;
    wd_buf_t     b = WD_BUF_INIT;
    wd_jwt_why_e why;

    static const struct {
        const char *name;
        const char *good;
        bool        required;
        const char *types; /* that may be: t text, n number, a array of text */
    } claims[] = {
        {"iss", "\"i\"", true, "t"},       {"sub", "\"s\"", true, "t"},
        {"aud", "\"a\"", true, "ta"},      {"exp", "1700000100", true, "n"},
        {"nbf", "1600000000", false, "n"}, {"iat", "1600000000", false, "n"},
        {"jti", "\"j\"", false, "t"},
    };
    static const struct {
        const char *json;
        char        type;
    } values[] = {
        {"null", '0'},        {"true", 'b'},           {"false", 'b'},
        {"{}", 'o'},          {"{\"a\":1}", 'o'},      {"[]", 'e'},
        {"[1]", 'e'},         {"[null]", 'e'},         {"[\"a\",1]", 'e'},
        {"[[\"a\"]]", 'e'},   {"\"\"", '-'},           {"1", 'n'},
        {"1700000100", 'n'},  {"\"1700000100\"", 't'}, {"[\"a\"]", 'a'},
        {"\"a\\tb\"", '-'},   {"\"a\\u007f\"", '-'},   {"\"\\u0085\"", '-'},
        {"\"\\u2028\"", '-'},
    };

    (void) state;
    for (i = 0; i < sizeof(claims) / sizeof(claims[0]); i++) {
        for (k = 0; k <= sizeof(values) / sizeof(values[0]); k++) {
            bool absent = k == sizeof(values) / sizeof(values[0]);

            wd_buf_reset(&b);
            wd_buf_z(&b, "{\"x\":0");
            for (m = 0; m < sizeof(claims) / sizeof(claims[0]); m++) {
                if (m != i) {
                    wd_buf_printf(&b, ",\"%s\":%s", claims[m].name,
                                  claims[m].good);
                } else if (!absent) {
                    wd_buf_printf(&b, ",\"%s\":%s", claims[m].name,
                                  values[k].json);
                }
            }
            wd_buf_z(&b, "}");
            why = judge(WD_STR(HEAD), wd_buf_view(&b));

            if (absent) {
                assert_int_equal(why, claims[i].required ? WD_JWT_WHY_CLAIM
                                                         : WD_JWT_WHY_OK);
            } else if (strcmp(claims[i].name, "aud") == 0
                       && values[k].type == '-') {
                assert_int_equal(why, WD_JWT_WHY_AUD);
            } else if (strcmp(claims[i].name, "aud") == 0
                       && strcmp(values[k].json, "[]") == 0) {
                assert_int_equal(why, WD_JWT_WHY_AUD);
            } else if (strchr(claims[i].types, values[k].type) == NULL) {
                if (why != WD_JWT_WHY_CLAIM && why != WD_JWT_WHY_SUB) {
                    fail_msg("%.*s: %s", WD_STR_ARG(wd_buf_view(&b)),
                             wd_jwt_why_name(why));
                }
            } else {
                assert_true(why != WD_JWT_WHY_CLAIM);
            }
        }
    }
    wd_buf_done(&b);
}


static void
test_sub_length(void **state)
{
    size_t   n;
    wd_buf_t b = WD_BUF_INIT;

    (void) state;
    for (n = 1; n <= 300; n += n < 250 ? 50 : 1) {
        wd_buf_reset(&b);
        wd_buf_z(&b, "{\"iss\":\"i\",\"aud\":\"a\",\"exp\":1700000100,\"sub\":"
                     "\"");
        memset(wd_buf_reserve(&b, n), 's', n);
        b.len += n;
        wd_buf_z(&b, "\"}");
        assert_int_equal(judge(WD_STR(HEAD), wd_buf_view(&b)),
                         n <= 255 ? WD_JWT_WHY_OK : WD_JWT_WHY_SUB);
    }
    wd_buf_done(&b);
}


#define T(fields) "{" REST "," fields "}"

static void
test_time(void **state)
{
    wd_jwt_policy_t saved = policy;

    (void) state;
    assert_claims(T("\"exp\":1700000001"), OK);
    assert_claims(T("\"exp\":1700000000"), EXPIRED);
    assert_claims(T("\"exp\":1700000000.001"), OK);
    assert_claims(T("\"exp\":1699999999"), EXPIRED);
    assert_claims(T("\"exp\":0"), EXPIRED);
    assert_claims(T("\"exp\":-1"), EXPIRED);
    assert_claims(T("\"exp\":1.7000001e9"), OK);
    assert_claims(T("\"exp\":1700000100,\"nbf\":1700000000"), OK);
    assert_claims(T("\"exp\":1700000100,\"nbf\":1700000001"), EARLY);
    assert_claims(T("\"exp\":1700000100,\"iat\":1700000000"), OK);
    assert_claims(T("\"exp\":1700000100,\"iat\":1700000001"), EARLY);

    /* Huge ones stop at the end of the range. */
    assert_claims(T("\"exp\":9223372036854775807"), OK);
    assert_claims(T("\"exp\":9223372036854775808"), OK);
    assert_claims(T("\"exp\":18446744073709551617"), OK);
    assert_claims(T("\"exp\":18446744075"), OK);
    assert_claims(T("\"exp\":1e308"), OK);
    assert_claims(T("\"exp\":1e400"), OK);
    assert_claims(T("\"exp\":-1e400"), EXPIRED);
    assert_claims(T("\"exp\":-9223372036854775809"), EXPIRED);
    assert_claims(T("\"exp\":-18446744073709551615"), EXPIRED);
    assert_claims(T("\"exp\":1700000100,\"nbf\":1e400"), EARLY);
    assert_claims(T("\"exp\":1700000100,\"nbf\":18446744073709551616"), EARLY);
    assert_claims(T("\"exp\":1700000100,\"nbf\":-1e400"), OK);
    assert_claims(T("\"exp\":1700000100,\"iat\":1e400"), EARLY);
    assert_claims(T("\"exp\":1700000100,\"iat\":18446744073709551616"), EARLY);

    policy.leeway = WD_JWT_LEEWAY_MAX;
    assert_claims(T("\"exp\":1699999941"), OK);
    assert_claims(T("\"exp\":1699999940"), EXPIRED);
    assert_claims(T("\"exp\":1700000100,\"nbf\":1700000060"), OK);
    assert_claims(T("\"exp\":1700000100,\"nbf\":1700000061"), EARLY);
    assert_claims(T("\"exp\":1700000100,\"iat\":1700000060"), OK);
    assert_claims(T("\"exp\":1700000100,\"iat\":1700000061"), EARLY);
    assert_claims(T("\"exp\":1e400"), OK);
    assert_claims(T("\"exp\":-1e400"), EXPIRED);
    policy = saved;
}


static void
test_until(void **state)
{
    wd_jwt_t        t = {.exp = 5};
    wd_jwt_policy_t p = {.leeway = 10};

    (void) state;
    assert_int_equal(wd_jwt_until(&t, &p), 15);
    t.exp = WD_NS_MAX - 3;
    assert_int_equal(wd_jwt_until(&t, &p), WD_NS_MAX);
}


static void
test_issuer_audience(void **state)
{
    (void) state;
#define IA(iss, aud) \
    "{\"sub\":\"s\",\"exp\":1700000100,\"iss\":" iss ",\"aud\":" aud "}"
    assert_claims(IA("\"i\"", "\"other\""), OK);
    assert_claims(IA("\"\\u0069\"", "\"a\""), OK);
    assert_claims(IA("\"I\"", "\"a\""), ISS);
    assert_claims(IA("\"i/\"", "\"a\""), ISS);
    assert_claims(IA("\"i \"", "\"a\""), ISS);
    assert_claims(IA("\"i\"", "\"A\""), AUD);
    assert_claims(IA("\"i\"", "\"aa\""), AUD);
    assert_claims(IA("\"i\"", "\"a b\""), AUD);
    assert_claims(IA("\"i\"", "[\"x\",\"a\"]"), OK);
    assert_claims(IA("\"i\"", "[\"x\",\"y\"]"), AUD);
    assert_claims(IA("\"i\"", "[ \"other\" , \"y\" ]"), OK);
}


/* The public key as a secret: what made "alg confusion" famous. */
static void
test_confusion(void **state)
{
    int      alg;
    char     header[64];
    size_t   n, at;
    uint8_t  sig[JWT_MAKER_SIG_MAX];
    wd_buf_t token = WD_BUF_INIT, secret = WD_BUF_INIT;
    unsigned i;

    (void) state;
    for (alg = WD_JWA_RS256; alg < WD_JWA_COUNT; alg++) {
        for (i = 0; i < 4; i++) {
            snprintf(header, sizeof(header), "{\"alg\":\"%s\",\"kid\":\"%s\"}",
                     i < 2 ? "HS256" : "HS512", wd_jwa((wd_jwa_e) alg)->name);
            wd_buf_reset(&secret);
            if (i % 2) {
                jwt_maker_pem((wd_jwa_e) alg, &secret);
            } else {
                wd_buf_z(&secret, jwt_maker_jwk((wd_jwa_e) alg));
            }

            wd_buf_reset(&token);
            jwt_maker_base64url(header, strlen(header), &token);
            wd_buf_byte(&token, '.');
            jwt_maker_base64url(CLAIMS, strlen(CLAIMS), &token);
            n = jwt_maker_mac(i < 2 ? WD_JWA_HS256 : WD_JWA_HS512,
                              wd_buf_view(&secret), wd_buf_view(&token), sig);
            wd_buf_byte(&token, '.');
            jwt_maker_base64url(sig, n, &token);
            assert_why(judge_with(wd_buf_view(&token), &policy, NOW, NULL),
                       ALG);
        }
    }

    /* Another key of the same family, and another curve. */
    jwt_maker_token(WD_JWA_RS256,
                    WD_STR("{\"alg\":\"PS256\",\"kid\":\"PS256\"}"),
                    WD_STR(CLAIMS), &token);
    assert_why(judge_with(wd_buf_view(&token), &policy, NOW, NULL), SIGNATURE);
    jwt_maker_token(WD_JWA_ES256,
                    WD_STR("{\"alg\":\"ES384\",\"kid\":\"ES384\"}"),
                    WD_STR(CLAIMS), &token);
    assert_why(judge_with(wd_buf_view(&token), &policy, NOW, NULL), SIGNATURE);
    jwt_maker_token(WD_JWA_ES256,
                    WD_STR("{\"alg\":\"ES256\",\"kid\":\"ES384\"}"),
                    WD_STR(CLAIMS), &token);
    assert_why(judge_with(wd_buf_view(&token), &policy, NOW, NULL), ALG);

    /* DER instead of r || s. */
    jwt_maker_token(WD_JWA_ES256,
                    WD_STR("{\"alg\":\"ES256\",\"kid\":\"ES256\"}"),
                    WD_STR(CLAIMS), &token);
    at = (size_t) ((uint8_t *) memrchr(token.data, '.', token.len)
                   - token.data);
    assert_ok(wd_base64url_decode(
        wd_str((char *) token.data + at + 1, token.len - at - 1), sig + 100,
        256, &n));
    token.len = at + 1;
    sig[0] = 0x30;
    sig[1] = 68;
    sig[2] = sig[36] = 2;
    sig[3] = sig[37] = 32;
    memcpy(sig + 4, sig + 100, 32);
    memcpy(sig + 38, sig + 132, 32);
    jwt_maker_base64url(sig, 70, &token);
    assert_why(judge_with(wd_buf_view(&token), &policy, NOW, NULL), SIGNATURE);
    wd_buf_done(&token);
    wd_buf_done(&secret);
}


/* The permissions of a token as "a,b", or the reason why it has none. */
static void
assert_perms(const char *claims, const wd_jwt_policy_t *p, const char *want)
{
    uint32_t     i, n;
    wd_mp_t      at;
    wd_buf_t     token = WD_BUF_INIT, mp = WD_BUF_INIT, out = WD_BUF_INIT;
    wd_str_t     perm;
    wd_jwt_why_e why;

    wd_buf_printf(&out, "{" REST ",\"exp\":1700000100,%s}", claims);
    jwt_maker_token(WD_JWA_HS256, WD_STR(HEAD), wd_buf_view(&out), &token);
    why = judge_with(wd_buf_view(&token), p, NOW, &mp);

    wd_buf_reset(&out);
    if (why != WD_JWT_WHY_OK) {
        wd_buf_z(&out, wd_jwt_why_name(why));
    } else {
        at = wd_mp(mp.data, mp.len);
        assert_ok(wd_mp_read_array(&at, &n));
        for (i = 0; i < n; i++) {
            assert_ok(wd_mp_read_str(&at, &perm));
            wd_buf_z(&out, i != 0 ? "," : "");
            wd_buf_str(&out, perm);
        }
    }
    if (strcmp(wd_buf_cstr(&out), want) != 0) {
        fail_msg("%s: \"%s\", not \"%s\"", claims, wd_buf_cstr(&out), want);
    }
    wd_buf_done(&token);
    wd_buf_done(&mp);
    wd_buf_done(&out);
}


static void
test_permissions(void **state)
{
    wd_str_t       read[] = {{"bars:read", 9}, {"quotes:read", 11}};
    wd_str_t       all[] = {{"*", 1}};
    wd_jwt_grant_t grants[] = {{{"reader", 6}, read, 2}, {{"root", 4}, all, 1}};
    wd_jwt_policy_t p = policy;

    (void) state;
    assert_perms("\"x\":1", &p, "");
    assert_perms("\"permissions\":[]", &p, "");
    assert_perms("\"permissions\":[\"bars:read\",\"keys:*\"]", &p,
                 "bars:read,keys:*");
    assert_perms("\"permissions\":[\"bars:read\",\"bars:read\"]", &p,
                 "bars:read");
    assert_perms("\"scope\":\"openid bars:read  profile a:b \"", &p,
                 "bars:read,a:b");
    assert_perms("\"scp\":[\"bars:read\",\"offline_access\"]", &p, "bars:read");
    assert_perms("\"scp\":\"bars:read\"", &p, "bars:read");
    assert_perms("\"permissions\":[\"a:b\"],\"scope\":\"c:d\",\"scp\":[\"e:f\""
                 "]",
                 &p, "a:b,c:d,e:f");
    assert_perms("\"scope\":\"\"", &p, "");
    assert_perms("\"scope\":\"bars:read\\nkeys:write\"", &p, "");
    assert_perms("\"scope\":\"a:b:c A:B \xc3\xa9:x\"", &p, "");
    assert_perms("\"permissions\":null", &p, "PERMS");
    assert_perms("\"permissions\":1", &p, "PERMS");
    assert_perms("\"permissions\":true", &p, "PERMS");
    assert_perms("\"permissions\":{}", &p, "PERMS");
    assert_perms("\"permissions\":[1]", &p, "PERMS");
    assert_perms("\"permissions\":[[\"a:b\"]]", &p, "PERMS");
    assert_perms("\"scope\":null", &p, "PERMS");
    assert_perms("\"scp\":[null]", &p, "PERMS");
    /* 33 of them */
    assert_perms("\"scope\":\"a:a a:b a:c a:d a:e a:f a:g a:h a:i a:j a:k a:l "
                 "a:m a:n a:o a:p a:q a:r a:s a:t a:u a:v a:w a:x a:y a:z b:a "
                 "b:b b:c b:d b:e b:f b:g\"",
                 &p, "PERMS");

    /* A claim of the issuer's own. */
    p.permissions = WD_STR("https://a.b/roles");
    assert_perms("\"permissions\":[\"a:b\"]", &p, "");
    assert_perms("\"https://a.b/roles\":[\"a:b\"]", &p, "a:b");
    p.permissions = WD_STR("/realm_access/roles");
    assert_perms("\"realm_access\":{\"roles\":[\"a:b\",\"x\"]}", &p, "a:b");
    assert_perms("\"realm_access\":{\"roles\":\"a:b c:d\"}", &p, "a:b,c:d");
    assert_perms("\"realm_access\":{}", &p, "");
    assert_perms("\"realm_access\":1", &p, "");
    assert_perms("\"realm_access\":{\"roles\":1}", &p, "PERMS");
    assert_perms("\"/realm_access/roles\":[\"a:b\"]", &p, "");

    /* With dots: a claim of that very name goes before. */
    p.permissions = WD_STR("realm_access.roles");
    assert_perms("\"realm_access\":{\"roles\":[\"a:b\",\"x\"]}", &p, "a:b");
    assert_perms("\"realm_access.roles\":\"a:b\"", &p, "a:b");
    assert_perms("\"realm_access.roles\":\"a:b\","
                 "\"realm_access\":{\"roles\":\"c:d\"}",
                 &p, "a:b");
    assert_perms("\"realm_access\":{\"roles\":{}}", &p, "PERMS");
    assert_perms("\"realm_access\":[]", &p, "");
    assert_perms("\"realm_access/roles\":\"a:b\"", &p, "");
    p.permissions = WD_STR("a..b.");
    assert_perms("\"a\":{\"\":{\"b\":{\"\":\"c:d\"}}}", &p, "c:d");
    p.permissions = WD_STR("/realm_access/roles");

    /* Names that stand for permissions give those and no others. */
    p.grants = grants;
    p.n_grants = 2;
    assert_perms("\"realm_access\":{\"roles\":[\"reader\",\"a:b\",\"x\"]}", &p,
                 "bars:read,quotes:read");
    assert_perms("\"realm_access\":{\"roles\":[\"root\",\"reader\"]}", &p,
                 "*,bars:read,quotes:read");
    assert_perms("\"realm_access\":{\"roles\":[\"*\",\"Root\"]}", &p, "");
}


static wd_roles_t *
make_roles(void)
{
    int         i;
    char        perm[] = "r:a";
    wd_buf_t    b = WD_BUF_INIT;
    wd_roles_t *r;

    wd_mp_put_array(&b, 1);
    wd_mp_put_array(&b, 4);
    wd_mp_put_array(&b, 2);
    wd_mp_put_str(&b, WD_STR("reader"));
    wd_mp_put_array(&b, 2);
    wd_mp_put_str(&b, WD_STR("bars:read"));
    wd_mp_put_str(&b, WD_STR("quotes:read"));
    wd_mp_put_array(&b, 2);
    wd_mp_put_str(&b, WD_STR("writer"));
    wd_mp_put_array(&b, 2);
    wd_mp_put_str(&b, WD_STR("bars:write"));
    wd_mp_put_str(&b, WD_STR("bars:read"));
    wd_mp_put_array(&b, 2);
    wd_mp_put_str(&b, WD_STR("idle"));
    wd_mp_put_array(&b, 0);
    wd_mp_put_array(&b, 2);
    wd_mp_put_str(&b, WD_STR("most"));
    wd_mp_put_array(&b, WD_ROLE_PERMS_MAX - 1);
    for (i = 0; i < WD_ROLE_PERMS_MAX - 1; i++) {
        perm[0] = i < 26 ? 'r' : 's';
        perm[2] = (char) ('a' + i % 26);
        wd_mp_put_str(&b, wd_str_z(perm));
    }
    assert_ok(wd_roles_parse(wd_buf_view(&b), &r));
    wd_buf_done(&b);
    return r;
}


static void
test_roles(void **state)
{
    wd_str_t both[] = {{"reader", 6}, {"writer", 6}}, none[] = {{"x", 1}},
             one[] = {{"reader", 6}}, read[] = {{"a:b", 3}};
    wd_jwt_role_t   role_of[] = {{{"Data Team", 9}, both, 2},
                                 {{"ghost", 5}, none, 1},
                                 {{"a=b", 3}, one, 1}};
    wd_jwt_grant_t  grants[] = {{{"base", 4}, read, 1}};
    wd_jwt_policy_t p = policy;

    (void) state;
    roles = make_roles();

    /* Without roles in the policy nothing of it counts. */
    assert_perms("\"roles\":[\"reader\"]", &p, "");
    assert_perms("\"roles\":1", &p, "");

    p.roles_direct = true;
    assert_perms("\"roles\":[\"reader\",\"x\",\"Reader\",\"a/b\",\"\"]", &p,
                 "bars:read,quotes:read");
    assert_perms("\"roles\":\"idle writer  reader\"", &p,
                 "bars:write,bars:read,quotes:read");
    assert_perms("\"roles\":[\"writer reader\"]", &p, "");
    assert_perms("\"roles\":[]", &p, "");
    assert_perms("\"x\":1", &p, "");
    assert_perms("\"permissions\":[\"bars:read\",\"a:b\"],\"roles\":\"writer\"",
                 &p, "bars:read,a:b,bars:write");
    assert_perms("\"roles\":null", &p, "PERMS");
    assert_perms("\"roles\":7", &p, "PERMS");
    assert_perms("\"roles\":true", &p, "PERMS");
    assert_perms("\"roles\":{\"reader\":1}", &p, "PERMS");
    assert_perms("\"roles\":[\"reader\",1]", &p, "PERMS");
    assert_perms("\"roles\":[[\"reader\"]]", &p, "PERMS");
    assert_perms("\"roles\":[null]", &p, "PERMS");

    /* 31 and one more, and two. */
    assert_perms("\"permissions\":\"a:b a:c\",\"roles\":\"most\"", &p, "PERMS");
    assert_perms("\"roles\":\"most reader\"", &p, "PERMS");

    /* Values that stand for roles; only those, when they are not direct. */
    p.roles_direct = false;
    p.role_of = role_of;
    p.n_role_of = 3;
    p.roles = WD_STR("realm_access.roles");
    assert_perms("\"roles\":[\"Data Team\"]", &p, "");
    assert_perms("\"realm_access\":{\"roles\":[\"Data Team\",\"writer\"]}", &p,
                 "bars:read,quotes:read,bars:write");
    assert_perms("\"realm_access\":{\"roles\":[\"reader\",\"ghost\"]}", &p, "");
    assert_perms("\"realm_access\":{\"roles\":\"a=b\"}", &p,
                 "bars:read,quotes:read");

    /* Beside grants of another claim. */
    p.grants = grants;
    p.n_grants = 1;
    p.permissions = WD_STR("groups");
    assert_perms("\"groups\":[\"base\"],\"realm_access\":{\"roles\":[\"a=b\"]}",
                 &p, "a:b,bars:read,quotes:read");

    wd_roles_destroy(roles);
    roles = NULL;
}


static int
permissions_unheard(const char *claims, const wd_jwt_policy_t *p)
{
    int        rc;
    wd_jwt_t   t;
    wd_buf_t   token = WD_BUF_INIT, b = WD_BUF_INIT, out = WD_BUF_INIT;
    wd_pool_t *pool = wd_pool_create(512);

    wd_buf_printf(&b, "{" REST ",\"exp\":1700000100,%s}", claims);
    jwt_maker_token(WD_JWA_HS256, WD_STR(HEAD), wd_buf_view(&b), &token);
    assert_ok(wd_jwt_parse(&t, pool, wd_buf_view(&token)));
    rc = wd_jwt_permissions(&t, p, NULL, &out);
    assert_true(rc == WD_OK || out.len == 0);
    wd_pool_destroy(pool);
    wd_buf_done(&token);
    wd_buf_done(&b);
    wd_buf_done(&out);
    return rc;
}


/* Nobody has told of roles: who has some can neither be let in nor refused. */
static void
test_roles_unheard(void **state)
{
    wd_str_t        one[] = {{"reader", 6}};
    wd_jwt_role_t   role_of[] = {{{"team", 4}, one, 1}};
    wd_jwt_policy_t p = policy;

    (void) state;
    assert_ok(permissions_unheard("\"roles\":[\"reader\"]", &p));

    p.roles_direct = true;
    assert_int_equal(permissions_unheard("\"roles\":[\"reader\"]", &p),
                     WD_EAGAIN);
    assert_int_equal(
        permissions_unheard("\"permissions\":[\"*\"],\"roles\":\"nobody\"", &p),
        WD_EAGAIN);
    assert_ok(permissions_unheard("\"permissions\":[\"*\"]", &p));
    assert_ok(permissions_unheard("\"roles\":[]", &p));
    assert_ok(permissions_unheard("\"roles\":[\"no/role\",\"\"]", &p));
    assert_int_equal(permissions_unheard("\"roles\":3", &p), WD_EUNAUTH);

    p.roles_direct = false;
    p.role_of = role_of;
    p.n_role_of = 1;
    assert_int_equal(permissions_unheard("\"roles\":\"team\"", &p), WD_EAGAIN);
    assert_ok(permissions_unheard("\"roles\":\"reader\"", &p));
}


static void
assert_plan(const char *claims, wd_str_t claim, const char *want)
{
    int             rc;
    wd_jwt_t        t;
    wd_buf_t        token = WD_BUF_INIT, b = WD_BUF_INIT;
    wd_str_t        plan = WD_STR_NULL;
    wd_pool_t      *pool = wd_pool_create(512);
    wd_jwt_policy_t p = policy;

    p.plan = claim;
    wd_buf_printf(&b, "{" REST ",\"exp\":1700000100,%s}", claims);
    jwt_maker_token(WD_JWA_HS256, WD_STR(HEAD), wd_buf_view(&b), &token);
    assert_ok(wd_jwt_parse(&t, pool, wd_buf_view(&token)));
    rc = wd_jwt_plan(&t, &p, &plan);
    if (want == NULL) {
        assert_int_equal(rc, WD_EUNAUTH);
        assert_why(t.why, CLAIM);
    } else {
        assert_ok(rc);
        assert_view(plan, want);
    }
    wd_pool_destroy(pool);
    wd_buf_done(&token);
    wd_buf_done(&b);
}


static void
test_plan(void **state)
{
    (void) state;
    assert_plan("\"x\":1", WD_STR(""), "");
    assert_plan("\"plan\":\"pro\"", WD_STR(""), "pro");
    assert_plan("\"plan\":\"pro\",\"tier\":\"t\"", WD_STR("tier"), "t");
    assert_plan("\"a\":{\"b\":{\"c\":\"deep\"}}", WD_STR("/a/b/c"), "deep");
    assert_plan("\"plan\":1", WD_STR(""), NULL);
    assert_plan("\"plan\":null", WD_STR(""), NULL);
    assert_plan("\"plan\":\"\"", WD_STR(""), NULL);
    assert_plan("\"plan\":\"a\\nb\"", WD_STR(""), NULL);
    assert_plan("\"plan\":\"123456789012345678901234567890123\"", WD_STR(""),
                NULL);
}


static void
test_texts(void **state)
{
    int i;

    (void) state;
    assert_string_equal(wd_jwt_why_name(WD_JWT_WHY_EXPIRED), "EXPIRED");
    for (i = WD_JWT_WHY_OK + 1; i < WD_JWT_WHY_COUNT; i++) {
        assert_true(strlen(wd_jwt_why_text((wd_jwt_why_e) i)) > 10);
    }
}


int
main(void)
{
    int                     rc;
    wd_buf_t                json = WD_BUF_INIT;
    const wd_jwks_options_t o = {WD_JWA_NONE, false};
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_taken),
        cmocka_unit_test(test_read),
        cmocka_unit_test(test_form),
        cmocka_unit_test(test_length),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_twice),
        cmocka_unit_test(test_header),
        cmocka_unit_test(test_kid_length),
        cmocka_unit_test(test_claim_types),
        cmocka_unit_test(test_sub_length),
        cmocka_unit_test(test_time),
        cmocka_unit_test(test_until),
        cmocka_unit_test(test_issuer_audience),
        cmocka_unit_test(test_confusion),
        cmocka_unit_test(test_permissions),
        cmocka_unit_test(test_roles),
        cmocka_unit_test(test_roles_unheard),
        cmocka_unit_test(test_plan),
        cmocka_unit_test(test_texts),
    };

    jwt_maker_init();
    jwt_maker_jwks(&json);
    if (wd_jwks_parse(wd_buf_view(&json), &o, &keys, NULL) != WD_OK) {
        return 1;
    }
    rc = cmocka_run_group_tests(tests, NULL, NULL);
    wd_jwks_destroy(keys);
    wd_buf_done(&json);
    return rc;
}
