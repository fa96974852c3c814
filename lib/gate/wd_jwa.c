/*
 * wd_jwa.c - the table of algorithms.
 */
#include "wd_jwa.h"

#define WD_JWA_PLAIN(letters, of_family, of_kty, bits)             \
    {                                                              \
        .name = letters #bits, .family = of_family, .kty = of_kty, \
        .hash = "SHA" #bits, .hash_len = bits / 8                  \
    }

static const wd_jwa_t wd_jwa_table[WD_JWA_COUNT] = {
    [WD_JWA_HS256] = WD_JWA_PLAIN("HS", WD_JWA_FAMILY_HMAC, "oct", 256),
    [WD_JWA_HS384] = WD_JWA_PLAIN("HS", WD_JWA_FAMILY_HMAC, "oct", 384),
    [WD_JWA_HS512] = WD_JWA_PLAIN("HS", WD_JWA_FAMILY_HMAC, "oct", 512),
    [WD_JWA_RS256] = WD_JWA_PLAIN("RS", WD_JWA_FAMILY_RSA, "RSA", 256),
    [WD_JWA_RS384] = WD_JWA_PLAIN("RS", WD_JWA_FAMILY_RSA, "RSA", 384),
    [WD_JWA_RS512] = WD_JWA_PLAIN("RS", WD_JWA_FAMILY_RSA, "RSA", 512),
    [WD_JWA_PS256] = WD_JWA_PLAIN("PS", WD_JWA_FAMILY_PSS, "RSA", 256),
    [WD_JWA_PS384] = WD_JWA_PLAIN("PS", WD_JWA_FAMILY_PSS, "RSA", 384),
    [WD_JWA_PS512] = WD_JWA_PLAIN("PS", WD_JWA_FAMILY_PSS, "RSA", 512),
    /* Orders of the groups: SEC 2, version 2. */
    [WD_JWA_ES256] = {"ES256",
                      WD_JWA_FAMILY_EC,
                      "EC",
                      "SHA256",
                      32,
                      "P-256",
                      "prime256v1",
                      32,
                      {0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00,
                       0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                       0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84,
                       0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51}},
    [WD_JWA_ES384] = {"ES384",
                      WD_JWA_FAMILY_EC,
                      "EC",
                      "SHA384",
                      48,
                      "P-384",
                      "secp384r1",
                      48,
                      {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                       0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                       0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                       0xc7, 0x63, 0x4d, 0x81, 0xf4, 0x37, 0x2d, 0xdf,
                       0x58, 0x1a, 0x0d, 0xb2, 0x48, 0xb0, 0xa7, 0x7a,
                       0xec, 0xec, 0x19, 0x6a, 0xcc, 0xc5, 0x29, 0x73}},
    [WD_JWA_ES512]
    = {"ES512",
       WD_JWA_FAMILY_EC,
       "EC",
       "SHA512",
       64,
       "P-521",
       "secp521r1",
       66,
       {0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        0xfa, 0x51, 0x86, 0x87, 0x83, 0xbf, 0x2f, 0x96, 0x6b, 0x7f, 0xcc,
        0x01, 0x48, 0xf7, 0x09, 0xa5, 0xd0, 0x3b, 0xb5, 0xc9, 0xb8, 0x89,
        0x9c, 0x47, 0xae, 0xbb, 0x6f, 0xb7, 0x1e, 0x91, 0x38, 0x64, 0x09}},
    [WD_JWA_EDDSA] = {.name = "EdDSA",
                      .family = WD_JWA_FAMILY_ED,
                      .kty = "OKP",
                      .crv = "Ed25519",
                      .coord = 32},
};


const wd_jwa_t *
wd_jwa(wd_jwa_e alg)
{
    return alg > WD_JWA_NONE && alg < WD_JWA_COUNT ? &wd_jwa_table[alg] : NULL;
}


wd_jwa_e
wd_jwa_find(wd_str_t name)
{
    int i;

    for (i = WD_JWA_NONE + 1; i < WD_JWA_COUNT; i++) {
        if (wd_str_eq_z(name, wd_jwa_table[i].name)) {
            return (wd_jwa_e) i;
        }
    }
    return WD_JWA_NONE;
}


wd_jwa_e
wd_jwa_of_curve(wd_str_t kty, wd_str_t crv)
{
    int             i;
    const wd_jwa_t *a;

    for (i = WD_JWA_NONE + 1; i < WD_JWA_COUNT; i++) {
        a = &wd_jwa_table[i];
        if (a->crv != NULL && wd_str_eq_z(kty, a->kty)
            && wd_str_eq_z(crv, a->crv)) {
            return (wd_jwa_e) i;
        }
    }
    return WD_JWA_NONE;
}
