/*
 * ingestion_stream_hosts.c - which host a stream connects to: those of the
 * service discovery in their order, then it is asked again.
 */
#include "ingestion_stream_int.h"

#include "wd_lseg_answer.h"

#include <stdio.h>

#define STREAM_DISCOVERY_MAX (1024u * 1024)


void
stream_hosts_stop(ingestion_stream_t *st)
{
    wd_http_multi_stop(st->http);
    st->http = NULL;
}


static void
stream_hosts_failed(ingestion_stream_t *st, int rc, const wd_error_t *err)
{
    if (rc == WD_EUNAUTH) {
        stream_token_refused(st);
    }
    stream_failed(st, rc, err, rc == WD_EFORBIDDEN || rc == WD_ELIMIT);
}


/* Its body says more than its status, but not who is let in. */
static int
stream_hosts_read(ingestion_stream_t *st, const wd_http_res_t *res,
                  wd_error_t *err)
{
    int         rc;
    wd_answer_t a;

    rc = wd_lseg_hosts(wd_buf_view(&res->body),
                       st->conf.region != NULL ? st->conf.region : "",
                       &st->hosts, &a);
    if (rc != WD_OK) {
        return wd_error(err, rc, "no memory for hosts");
    }
    if (a.class == WD_ANSWER_OK && res->status == 200) {
        return WD_OK;
    }
    st->hosts.n = 0;
    if (res->status == 401 || a.class == WD_ANSWER_AUTH) {
        rc = WD_EUNAUTH;
    } else if (res->status == 403 || a.class == WD_ANSWER_PERMISSION) {
        rc = WD_EFORBIDDEN;
    } else if (res->status == 429 || a.class == WD_ANSWER_LIMIT_SHORT
               || a.class == WD_ANSWER_LIMIT_LONG) {
        rc = WD_ELIMIT;
    } else {
        rc = WD_EPROVIDER;
    }
    return wd_error(err, rc, "no hosts, status %d: %s", res->status, a.text);
}


static void
stream_on_hosts(void *arg, int rc, wd_http_res_t *res, const wd_error_t *err)
{
    wd_error_t          why = *err;
    ingestion_stream_t *st = arg;

    if (st->http == NULL || st->stopping) {
        return; /* it is being stopped */
    }
    if (rc == WD_OK) {
        rc = stream_hosts_read(st, res, &why);
    }
    stream_hosts_stop(st);
    st->host = 0;
    if (rc != WD_OK) {
        stream_hosts_failed(st, rc, &why);
    }
    stream_next(st);
}


static int
stream_ask_hosts(ingestion_stream_t *st, wd_error_t *err)
{
    int                 rc;
    wd_buf_t            auth = WD_BUF_INIT;
    const char         *headers[2];
    wd_http_call_t     *call;
    const wd_http_req_t req = {
        .url = st->conf.discovery_url,
        .user_agent = st->conf.user_agent,
        .connect_timeout_ms = st->conf.connect_timeout_ms,
        .timeout_ms = 2 * st->conf.connect_timeout_ms,
        .max_bytes = STREAM_DISCOVERY_MAX,
        .allow_http = st->conf.allow_http,
        .allow_private = st->conf.allow_private,
        .ca_file = st->conf.ca_file,
        .headers = headers,
        .n_headers = 2,
    };

    st->http = wd_http_multi_create(st->loop, 1, 1);
    if (st->http == NULL
        || wd_buf_reserve(&auth, st->token.len + 100) == NULL) {
        wd_buf_done(&auth);
        return wd_error(err, WD_ENOMEM, "no memory for a request");
    }
    wd_buf_printf(&auth, "Authorization: Bearer %.*s",
                  WD_STR_ARG(wd_buf_view(&st->token)));
    headers[0] = wd_buf_cstr(&auth);
    headers[1] = "Accept: application/json";
    rc = wd_http_multi_start(st->http, &req, false, stream_on_hosts, st, &call,
                             err);
    explicit_bzero(auth.data, auth.cap);
    wd_buf_done(&auth);
    return rc;
}


/* "host:port" of a URL. */
static wd_str_t
stream_url_host(const char *url)
{
    const char *host = strstr(url, "://");

    host = host != NULL ? host + 3 : url;
    return wd_str(host, strcspn(host, "/?#"));
}


bool
stream_host(ingestion_stream_t *st)
{
    bool                  plain;
    wd_error_t            err = {0};
    const wd_lseg_host_t *h;

    if (st->conf.discovery_url == NULL) {
        wd_str_copy(st->url, sizeof(st->url), wd_str_z(st->conf.url));
        wd_str_copy(st->now.host, sizeof(st->now.host),
                    stream_url_host(st->conf.url));
        return true;
    }
    if (st->host < st->hosts.n) {
        h = &st->hosts.hosts[st->host++];
        plain = strncmp(st->conf.discovery_url, "http:", 5) == 0;
        snprintf(st->url, sizeof(st->url), "%s://%s:%u/WebSocket",
                 plain ? "ws" : "wss", h->name, h->port);
        snprintf(st->now.host, sizeof(st->now.host), "%.190s:%u", h->name,
                 h->port);
        return true;
    }

    stream_phase(st, INGESTION_STREAM_DISCOVERING);
    if (stream_ask_hosts(st, &err) != WD_OK) {
        stream_hosts_stop(st);
        stream_failed(st, err.code, &err, false);
    }
    return false;
}
