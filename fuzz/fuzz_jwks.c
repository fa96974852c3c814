/*
 * fuzz_jwks.c - key sets: whatever stands in one, the keys that come out are
 * bound to an algorithm, found by their kid, and survive being used.
 */
#include "wd_jwks.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static void
use(wd_jwks_t *set, wd_str_t kid)
{
    uint8_t   sig[WD_JWK_SIG_MAX] = {1};
    wd_jwk_t *key = wd_jwks_find(set, kid);
    size_t    i;

    static const size_t lengths[] = {0, 32, 48, 64, 96, 132, 256, 1024};

    if (key == NULL) {
        return;
    }
    if (wd_jwa(wd_jwk_alg(key)) == NULL) {
        abort();
    }
    for (i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        if (wd_jwk_verify(key, WD_STR("text"), sig, lengths[i])) {
            abort();
        }
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int               i;
    wd_str_t          text = wd_str((const char *) data, size);
    wd_jwks_t        *set;
    wd_error_t        err = {0};
    wd_jwks_options_t o = {WD_JWA_NONE, false};

    for (i = 0; i < 2; i++) {
        if (wd_jwks_parse(text, &o, &set, &err) == WD_OK) {
            if (wd_jwks_len(set) + wd_jwks_left_out(set) > WD_JWKS_KEYS_MAX) {
                abort();
            }
            use(set, WD_STR("k"));
            use(set, WD_STR("a"));
            wd_jwks_destroy(set);
        } else if (err.text[0] == '\0') {
            abort(); /* who refuses says why */
        }
        o = (wd_jwks_options_t){WD_JWA_RS256, true};
    }

    if (wd_jwks_from_pem(WD_STR("k"), (wd_jwa_e) (size % WD_JWA_COUNT), text,
                         &set, NULL)
        == WD_OK) {
        use(set, WD_STR("k"));
        wd_jwks_destroy(set);
    }
    return 0;
}
