/*
 * analytics_query.h - what the methods have in common: arguments, knowledge
 * time, cursor, the frame of an answer.
 */
#ifndef ANALYTICS_QUERY_H
#define ANALYTICS_QUERY_H

#include "analytics_conf.h"
#include "analytics_cursor.h"
#include "wd_rows.h"

typedef struct {
    const wd_rpc_call_t    *call;
    wd_rpc_res_t           *res;
    const analytics_conf_t *conf;
    unsigned                format;
    wd_ns_t                 from; /* WD_NS_MIN: not given */
    wd_ns_t                 to; /* WD_NS_MAX: not given */
    bool                    desc;
    size_t                  limit;
    wd_ns_t                 as_of; /* to read at; WD_NS_MAX: the present */
    wd_ns_t                 asked_as_of; /* the argument, or WD_NS_MAX */
    wd_ns_t                 known; /* what the answer names as its as_of */
    bool                    resumed; /* `cursor` came with the request */
    analytics_cursor_t      cursor;
} analytics_query_t;

/*
 * Reads from, to, order, limit, as_of, cursor, as far as the method has them,
 * and begins the transaction. On failure returns the error with *res filled.
 */
wd_must_check int analytics_query_init(analytics_query_t   *q,
                                       const wd_rpc_call_t *call,
                                       wd_rpc_res_t *res, const char *method);

/* An argument. *ret stays as it is when it is absent and not `needed`. */
wd_must_check int analytics_query_str(analytics_query_t *q, const char *name,
                                      bool needed, wd_str_t *ret);
wd_must_check int analytics_query_list(analytics_query_t *q, const char *name,
                                       bool needed, wd_str_t **ret,
                                       size_t *ret_n);

/* A failure of the store: the log gets *err, the user none of it. */
int analytics_query_fail(analytics_query_t *q, int code, const wd_error_t *err);

/* 404 with the names: "No bars are known of XYZ, ABC". */
int analytics_query_unknown(analytics_query_t *q, const char *what,
                            const wd_str_t *names, size_t n);

/*
 * The members after the rows: count, next, as_of. `next` (NULL: this is the
 * last page) is completed with arguments and knowledge time.
 */
void analytics_query_members(analytics_query_t *q, wd_rows_t *rows,
                             analytics_cursor_t *next);

/* "unknown": [...] when n is not 0. */
void analytics_query_put_unknown(wd_rows_t *rows, const wd_str_t *names,
                                 size_t n);

/*
 * Hints for caches: ttl, etag, and tags "<kind>:<name>", see analytics_tags.h.
 * Returns WD_OK: `return analytics_query_done(...)`.
 */
int analytics_query_done(analytics_query_t *q, analytics_ttl_e ttl,
                         const char *kind, const wd_str_t *names, size_t n);

/* By bytes, whatever the locale, each once; returns how many are left. */
size_t analytics_query_sort(wd_str_t *names, size_t n);

/* memcmp() of two texts. */
int analytics_query_compare(wd_str_t a, wd_str_t b);

/* Copy in the request's pool; data NULL stays, also without memory. */
wd_str_t analytics_query_dup(analytics_query_t *q, wd_str_t s);

/*
 * A pattern of LIKE in which the text stands for itself: at the beginning, or
 * `inside`; in upper case, or in lower case. data NULL: no memory.
 */
wd_str_t analytics_query_pattern(analytics_query_t *q, wd_str_t text,
                                 bool upper, bool inside);

/* ASCII letters in upper case, a copy. data NULL: no memory. */
wd_str_t analytics_query_upper(analytics_query_t *q, wd_str_t text);

#endif /* ANALYTICS_QUERY_H */
