/*
 * wd_lseg_hosts.h - where LSEG's streaming is: the answer of its service
 * discovery, GET /streaming/pricing/v1/. Pure.
 *
 *     {"services":[{"endpoint":"..","port":443,"transport":"websocket",
 *       "dataFormat":["tr_json2"],"location":["us-east-1a","us-east-1b"]}]}
 */
#ifndef WD_LSEG_HOSTS_H
#define WD_LSEG_HOSTS_H

#include "wd_answer.h"

#define WD_LSEG_HOSTS_MAX 32 /* more are not looked at */
#define WD_LSEG_HOST_MAX 253
#define WD_LSEG_LOCATION_MAX 31

typedef struct {
    char     name[WD_LSEG_HOST_MAX + 1];
    uint16_t port;
    char     location[WD_LSEG_LOCATION_MAX + 1]; /* the first of them; or "" */
    size_t   locations; /* it stands in so many */
} wd_lseg_host_t;

typedef struct {
    wd_lseg_host_t hosts[WD_LSEG_HOSTS_MAX];
    size_t         n;
} wd_lseg_hosts_t;

/*
 * Those that speak tr_json2 over WebSocket: first those whose location begins
 * with `region` ("": all do), of these first those in several locations.
 * WD_OK with class OK and at least one; WD_OK with another class: what the
 * answer is instead, MALFORMED when it has no such host. WD_ENOMEM.
 */
wd_must_check int wd_lseg_hosts(wd_str_t body, const char *region,
                                wd_lseg_hosts_t *ret, wd_answer_t *ret_answer);

#endif /* WD_LSEG_HOSTS_H */
