/*
 * wd_args.h - checks the arguments of a request against the catalogue and
 * writes them as the MessagePack map that a backend receives.
 *
 * A backend therefore sees every argument in its type, within its range,
 * with defaults filled in, and nothing that the catalogue does not name.
 */
#ifndef WD_ARGS_H
#define WD_ARGS_H

#include "wd_buf.h"
#include "wd_method.h"

#define WD_QUERY_MAX (8 * 1024) /* bytes of a query string */
#define WD_BODY_MAX (64 * 1024) /* bytes of a JSON body */

typedef struct {
    const wd_method_t *method;
    wd_str_t           values[WD_PARAMS_MAX]; /* .data NULL: not given */
    wd_str_t           bad; /* name of the parameter that was refused */
} wd_args_t;

void wd_args_init(wd_args_t *a, const wd_method_t *method);

/*
 * One decoded value, which must stay until wd_args_encode(). WD_EPARAM with
 * *err and a->bad filled when it is unknown or given twice.
 */
wd_must_check int wd_args_add(wd_args_t *a, wd_str_t name, wd_str_t value,
                              wd_error_t *err);

/*
 * "a=1&b=2", percent-encoded. `scratch` holds query.len bytes and must stay
 * until wd_args_encode(). WD_EPARAM as above, also for bad encoding.
 */
wd_must_check int wd_args_query(wd_args_t *a, wd_str_t query, char *scratch,
                                wd_error_t *err);

/* One raw path variable; `scratch` holds raw.len bytes. */
wd_must_check int wd_args_path(wd_args_t *a, size_t i, wd_str_t raw,
                               char *scratch, wd_error_t *err);

/*
 * A JSON object whose values are strings, numbers, booleans or arrays of
 * them; null stands for absent. `scratch` holds body.len bytes.
 */
wd_must_check int wd_args_json(wd_args_t *a, wd_str_t body, char *scratch,
                               wd_error_t *err);

/* The whole map. WD_OK, WD_EPARAM (err, a->bad), WD_ENOMEM. */
wd_must_check int wd_args_encode(wd_args_t *a, wd_buf_t *out, wd_error_t *err);

/* Percent-decoding into out (raw.len bytes); `plus`: + is a blank. */
wd_must_check int wd_args_unescape(wd_str_t raw, bool plus, char *out,
                                   wd_str_t *ret);

#endif /* WD_ARGS_H */
