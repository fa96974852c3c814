/*
 * wd_redis.c - PING.
 */
#include "wd_redis.h"

#include "wd_num.h"

#include <hiredis/hiredis.h>
#include <stdlib.h>


static redisContext *
wd_redis_open(const char *url, struct timeval tv)
{
    char        host[128];
    int64_t     port;
    const char *colon;

    if (strncmp(url, "unix:", 5) == 0) {
        return redisConnectUnixWithTimeout(url + 5, tv);
    }

    colon = strrchr(url, ':');
    if (colon == NULL || wd_int_parse(wd_str_z(colon + 1), &port) != WD_OK
        || port < 1 || port > 65535) {
        return NULL;
    }
    wd_str_copy(host, sizeof(host), wd_str(url, (size_t) (colon - url)));
    return redisConnectWithTimeout(host, (int) port, tv);
}


int
wd_redis_ping(const char *url, uint32_t timeout_ms, wd_error_t *err)
{
    int            rc = WD_OK;
    redisReply    *reply;
    redisContext  *rd;
    struct timeval tv = {timeout_ms / 1000, timeout_ms % 1000 * 1000};

    rd = wd_redis_open(url, tv);
    if (rd == NULL) {
        return wd_error(err, WD_ECONFIG, "not an endpoint");
    }

    if (rd->err == 0) {
        redisSetTimeout(rd, tv);
    }
    reply = rd->err == 0 ? redisCommand(rd, "PING") : NULL;
    if (reply == NULL || reply->type != REDIS_REPLY_STATUS) {
        rc = wd_error(err, WD_EUNAVAIL, "%s",
                      rd->err != 0 ? rd->errstr : "unexpected answer");
    }

    if (reply != NULL) {
        freeReplyObject(reply);
    }
    redisFree(rd);
    return rc;
}
