/*
 * wd_method.h - the catalogue of wd_methods.def as data, and its routing.
 */
#ifndef WD_METHOD_H
#define WD_METHOD_H

#include "wd_err.h"
#include "wd_str.h"

typedef enum {
    WD_SVC_ANY, /* any backend answers it */
    WD_SVC_AUTH,
    WD_SVC_INGESTION,
    WD_SVC_PROCESSING,
    WD_SVC_ANALYTICS,
    WD_SVC_COUNT
} wd_service_e;

typedef enum { WD_HTTP_GET, WD_HTTP_POST, WD_HTTP_DELETE } wd_verb_e;

/* Flags of a method. */
#define WD_M_IDEMPOTENT 1u /* may be sent once more when a connection dies */
#define WD_M_BODY 2u /* arguments come as a JSON object in the body */
#define WD_M_PUBLIC 4u /* no key is asked for */
#define WD_M_UPLOAD \
    8u /* its body is data, passed on as it comes: wd_upload.h */

/*
 * Answers that say how long they live are kept by the gateway: one for all
 * who have the method's permission, or one for each principal.
 */
#define WD_M_CACHE 0x100u
#define WD_M_PRIVATE 0x200u

/* Classes of what is kept, as operators name them. */
#define WD_M_CLASS(c) ((unsigned) (c) << 12)
#define WD_M_MARKET WD_M_CLASS(WD_DATA_MARKET)
#define WD_M_NEWS WD_M_CLASS(WD_DATA_NEWS)
#define WD_M_ANALYTICS WD_M_CLASS(WD_DATA_ANALYTICS)
#define WD_M_ESG WD_M_CLASS(WD_DATA_ESG)
#define WD_M_STATIC WD_M_CLASS(WD_DATA_STATIC)

typedef enum {
    WD_DATA_API, /* what is in no other */
    WD_DATA_MARKET,
    WD_DATA_NEWS,
    WD_DATA_ANALYTICS,
    WD_DATA_ESG,
    WD_DATA_STATIC,
    WD_DATA_COUNT
} wd_data_class_e;

/* Answer formats. */
#define WD_FMT_JSON 1u
#define WD_FMT_CSV 2u
#define WD_FMT_MSGPACK 4u

typedef enum {
    WD_P_STR,
    WD_P_ENUM,
    WD_P_INT,
    WD_P_NUM,
    WD_P_BOOL,
    WD_P_SYMBOL, /* one symbol; sent in upper case */
    WD_P_SYMBOLS, /* list of symbols; sent as array, upper case, no doubles */
    WD_P_LIST, /* list of texts; sent as array */
    WD_P_TIME, /* sent as wd_ns_t; a date is its first instant */
    WD_P_TIME_END, /* sent as wd_ns_t; a date is its last nanosecond */
    WD_P_PERIOD, /* year, month, quarter or date; its first instant */
    WD_P_PERIOD_END /* the same; its last nanosecond */
} wd_param_type_e;

/* Flags of a parameter. */
#define WD_P_REQUIRED 1u
#define WD_P_PATH 2u /* stands in the path template */
#define WD_P_SECRET 4u /* never logged, never in a query string */

typedef struct {
    const char     *name;
    wd_param_type_e type;
    unsigned        flags;
    double          min;
    double          max;
    const char     *def;
    const char     *extra;
    const char     *help;
} wd_param_t;

#define WD_PARAMS_MAX 32 /* parameters of one method */
#define WD_PATH_VARS_MAX 2

typedef enum {
#define WD_METHOD(id, ...) WD_METHOD_##id,
#define WD_PARAM(...)
#include "wd_methods.def"
#undef WD_METHOD
#undef WD_PARAM
    WD_METHOD_COUNT
} wd_method_e;

typedef struct {
    wd_method_e       id;
    const char       *name;
    wd_verb_e         verb;
    const char       *path; /* NULL: internal */
    wd_service_e      service;
    const char       *permission;
    unsigned          cost;
    unsigned          timeout_ms;
    unsigned          flags;
    unsigned          formats;
    const char       *summary;
    const wd_param_t *params;
    size_t            n_params;
} wd_method_t;

/* A path that matched, with the raw (still percent-encoded) variables. */
typedef struct {
    const wd_method_t *method;
    wd_str_t           vars[WD_PATH_VARS_MAX]; /* in the order of the path */
    size_t             n_vars;
} wd_route_t;

/* All methods; index with wd_method_e. Never fails. */
const wd_method_t *wd_methods(void);

/* By RPC name, or NULL. */
const wd_method_t *wd_method_by_name(wd_str_t name);

/*
 * WD_OK; WD_ENOTFOUND when no template matches the path; WD_EMETHOD when one
 * does but for another verb. A path belongs to the template that is literal
 * for longest ("/v1/x/all" before "/v1/x/{name}"), with all its verbs. ret_allow (may be NULL) is the set of verbs that
 * the path takes, bit 1 << wd_verb_e.
 */
wd_must_check int wd_route(wd_verb_e verb, wd_str_t path, wd_route_t *ret,
                           unsigned *ret_allow);

/* The parameter that stands for the i-th variable of the path. */
const wd_param_t *wd_method_path_param(const wd_method_t *m, size_t i);

const char     *wd_service_name(wd_service_e service);
bool            wd_service_by_name(wd_str_t name, wd_service_e *ret);
wd_data_class_e wd_method_data_class(const wd_method_t *m);
const char     *wd_data_class_name(wd_data_class_e c); /* "market_data", ... */
bool            wd_data_class_by_name(wd_str_t name, wd_data_class_e *ret);
const char     *wd_verb_name(wd_verb_e verb);
const char     *wd_format_name(unsigned format); /* "json", "csv", "msgpack" */
const char     *wd_format_mime(unsigned format);
unsigned        wd_format_by_name(wd_str_t name); /* 0: unknown */

/* Best of `offered` for an Accept header ("" or absent: JSON); 0: none. */
unsigned wd_accept_choose(wd_str_t accept, unsigned offered);

/*
 * Does `granted` ("bars:read", "bars:*", "*:read", "*") cover `needed`?
 * A wildcard stands for a whole part.
 */
bool wd_perm_covers(wd_str_t granted, wd_str_t needed);
bool wd_perm_valid(wd_str_t perm);

#endif /* WD_METHOD_H */
