/*
 * wd_bbg_hapi.h - documents of Bloomberg's Data License REST service (JSON-LD).
 *
 * Links are handed out as paths on the one host that was asked: an answer
 * cannot lead a token elsewhere. All texts are copies from the pool; data
 * NULL: not said.
 *
 * The readers return WD_OK, WD_ENOMEM, or what err->text explains: WD_ETRUNC
 * (cut), WD_ETOOBIG (beyond a bound), WD_EPROTO (not such a document).
 */
#ifndef WD_BBG_HAPI_H
#define WD_BBG_HAPI_H

#include "wd_answer.h"
#include "wd_bbg_link.h"

#define WD_BBG_TEXT_MAX 4096 /* bytes of a text; longer is cut */
#define WD_BBG_PAGE_ITEMS_MAX 20000
#define WD_BBG_PROBLEMS_MAX 100
#define WD_BBG_NAME_MAX 255 /* bytes of a resource's or distribution's name */

/* A resource, or an instrument of a universe, or a field of a list. */
typedef struct {
    wd_str_t path; /* data NULL, too, when it is on another host */
    wd_str_t identifier;
    wd_str_t type; /* the last of "@type": "Universe" */
    wd_str_t title;
    wd_str_t scheme; /* of an instrument: "BB_GLOBAL", "ISIN" */
    wd_str_t value; /* of an instrument; of a field its mnemonic or name */
} wd_bbg_resource_t;

typedef struct {
    wd_bbg_resource_t  self;
    wd_bbg_resource_t *items;
    size_t             n_items;
    size_t             n_bad; /* members that name nothing */
    int64_t            total; /* -1: not said */
    int64_t            pages;
    wd_str_t           next; /* path of the next page; NULL: the last one */
} wd_bbg_page_t;

/* A page of a collection, or a resource alone. Never a status. */
wd_must_check int wd_bbg_page_read(wd_str_t body, wd_str_t host,
                                   wd_pool_t *pool, wd_bbg_page_t *ret,
                                   wd_error_t *err);

typedef struct {
    wd_str_t detail;
    wd_str_t pointer; /* into the request's body: "/universe" */
} wd_bbg_problem_t;

/* What became of a request. */
typedef struct {
    int64_t           code; /* as of HTTP; 0: not said */
    wd_str_t          identifier; /* of what was made */
    wd_str_t          path;
    wd_bbg_problem_t *problems;
    size_t            n_problems;
    char              text[WD_ANSWER_TEXT_MAX]; /* for people; no secrets */
} wd_bbg_status_t;

wd_must_check int wd_bbg_status_read(wd_str_t body, wd_str_t host,
                                     wd_pool_t *pool, wd_bbg_status_t *ret,
                                     wd_error_t *err);

/* That a distribution is there to be fetched. */
typedef struct {
    wd_str_t request; /* identifier of the request or the data set */
    wd_str_t request_type; /* "DataRequest" */
    wd_str_t name; /* of the distribution: "x-20260102.csv" */
    wd_str_t path; /* its place, when it is said */
    wd_str_t algorithm; /* of the digest: "sha512", "md5" */
    wd_str_t digest; /* as it came: hexadecimal or base64 */
    wd_str_t content_type;
    int64_t  length; /* bytes; -1: not said */
} wd_bbg_notice_t;

/* The data of an event. WD_ENOTFOUND: of one that is about something else. */
wd_must_check int wd_bbg_notice_read(wd_str_t data, wd_str_t host,
                                     wd_pool_t *pool, wd_bbg_notice_t *ret,
                                     wd_error_t *err);

#endif /* WD_BBG_HAPI_H */
