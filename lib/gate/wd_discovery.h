/*
 * wd_discovery.h - the document in which an issuer of tokens says where its
 * keys are (OpenID Connect Discovery 1.0, section 3), read strictly.
 *
 * Of all that stands in it two members are used: `issuer`, which has to be
 * the one that was asked for, byte by byte, and `jwks_uri`. Whether its host
 * is one to go to is the caller's to say.
 */
#ifndef WD_DISCOVERY_H
#define WD_DISCOVERY_H

#include "wd_err.h"
#include "wd_str.h"

/* What is put behind an issuer without its last slash. */
#define WD_DISCOVERY_PATH "/.well-known/openid-configuration"

#define WD_DISCOVERY_BYTES_MAX (64u * 1024)
#define WD_DISCOVERY_URL_MAX 2048

/* Views into the text that was read. */
typedef struct {
    wd_str_t host; /* as written; an IPv6 address without its brackets */
    uint16_t port;
    wd_str_t path; /* with the query; "" when the URL ends before it */
} wd_discovery_url_t;

/*
 * An https URL without user and fragment, of ASCII without blanks. WD_EINVAL:
 * another text; err (may be NULL) says why.
 */
wd_must_check int wd_discovery_url(wd_str_t url, wd_discovery_url_t *ret,
                                   wd_error_t *err);

/* Do both name the same host and port? Names by any case. */
bool wd_discovery_same_host(const wd_discovery_url_t *a,
                            const wd_discovery_url_t *b);

/*
 * Writes `jwks_uri` to out[WD_DISCOVERY_URL_MAX] and its length to *ret_len;
 * wd_discovery_url() takes it. WD_EINVAL: not such a document, or one of
 * another issuer; err (may be NULL) says why. WD_ENOMEM.
 */
wd_must_check int wd_discovery_read(wd_str_t json, wd_str_t iss, char *out,
                                    size_t *ret_len, wd_error_t *err);

#endif /* WD_DISCOVERY_H */
