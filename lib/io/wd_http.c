/*
 * wd_http.c - HTTP GET and POST with libcurl's easy interface.
 */
#include "wd_http_int.h"

#include "wd_num.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>


struct wd_http {
    CURL *curl;
};


int
wd_http_init(void)
{
    return curl_global_init(CURL_GLOBAL_DEFAULT) == 0 ? WD_OK : WD_EINTERNAL;
}


void
wd_http_done(void)
{
    curl_global_cleanup();
}


wd_http_t *
wd_http_create(void)
{
    wd_http_t *h;

    h = calloc(1, sizeof(*h));
    if (h == NULL) {
        return NULL;
    }
    h->curl = curl_easy_init();
    if (h->curl == NULL) {
        free(h);
        return NULL;
    }
    return h;
}


void
wd_http_destroy(wd_http_t *h)
{
    if (h != NULL) {
        curl_easy_cleanup(h->curl);
        free(h);
    }
}


void
wd_http_res_init(wd_http_res_t *res)
{
    memset(res, 0, sizeof(*res));
    res->retry_after_s = -1;
    wd_buf_init(&res->headers, WD_HTTP_HEADERS_MAX);
    wd_buf_init(&res->body, 0);
}


void
wd_http_res_done(wd_http_res_t *res)
{
    wd_buf_done(&res->headers);
    wd_buf_done(&res->body);
}


wd_str_t
wd_http_res_header(const wd_http_res_t *res, const char *name)
{
    wd_str_t line, key, rest = wd_buf_view(&res->headers);

    while (rest.len != 0 && wd_str_split(&rest, '\n', &line)) {
        if (wd_str_split(&line, ':', &key) && line.data != NULL
            && wd_str_ieq(key, wd_str_z(name))) {
            return wd_str_trim(line);
        }
    }
    return WD_STR_NULL;
}


static size_t
wd_http_on_body(char *data, size_t size, size_t n, void *arg)
{
    n *= size;
    return wd_http_body_take(arg, wd_str(data, n)) == WD_OK ? n : 0;
}


/* Those of the last answer: a 100 Continue, say, is not it. */
static void
wd_http_keep_header(wd_http_res_t *res, wd_str_t line)
{
    size_t n = res->headers.len;

    if (wd_str_starts(line, "HTTP/")) {
        wd_buf_reset(&res->headers);
        return;
    }
    line = wd_str_trim(line);
    if (line.len == 0 || line.len + 1 > WD_HTTP_HEADERS_MAX - n) {
        return;
    }
    wd_buf_str(&res->headers, line);
    wd_buf_byte(&res->headers, '\n');
}


static size_t
wd_http_on_header(char *data, size_t size, size_t n, void *arg)
{
    wd_http_xfer_t *x = arg;

    wd_http_keep_header(x->res, wd_str(data, size * n));
    wd_http_body_header(&x->body, wd_str(data, size * n));
    return size * n;
}


int64_t
wd_http_date(wd_str_t text)
{
    char date[64];

    if (text.len == 0 || text.len >= sizeof(date)) {
        return -1;
    }
    wd_str_copy(date, sizeof(date), text);
    return (int64_t) curl_getdate(date, NULL);
}


/* Seconds, or a date: by the clock of the one who wrote it, if it says. */
static int64_t
wd_http_retry_after(const wd_http_res_t *res)
{
    int64_t  s, now;
    wd_str_t text = wd_http_res_header(res, "retry-after");

    if (wd_int_parse(text, &s) == WD_OK) {
        return s >= 0 ? s : -1;
    }
    s = wd_http_date(text);
    if (s < 0) {
        return -1;
    }
    now = wd_http_date(wd_http_res_header(res, "date"));
    if (now < 0) {
        now = wd_now() / WD_NS_PER_S;
    }
    return wd_max(s - now, (int64_t) 0);
}


static int
wd_http_on_progress(void *arg, curl_off_t dt, curl_off_t dn, curl_off_t ut,
                    curl_off_t un)
{
    wd_http_xfer_t *x = arg;

    (void) dt;
    (void) dn;
    (void) ut;
    (void) un;
    return x->req->stop != NULL
           && __atomic_load_n(x->req->stop, __ATOMIC_RELAXED);
}


static bool
wd_http_private4(uint32_t a)
{
    return a >> 24 == 127 || a >> 24 == 10 || a >> 24 == 0
           || a >> 20 == (172 << 4 | 1) || a >> 16 == (192 << 8 | 168)
           || a >> 16 == (169 << 8 | 254) || a >> 22 == (100 << 2 | 1)
           || a >> 8 == (192 << 16) || a >> 17 == (198 << 7 | 9)
           || a >> 28 >= 14;
}


static uint32_t
wd_http_be32(const uint8_t *b)
{
    return (uint32_t) b[0] << 24 | (uint32_t) b[1] << 16 | (uint32_t) b[2] << 8
           | b[3];
}


/* Prefixes that lead to the IPv4 address behind them. */
static bool
wd_http_private_embedded(const uint8_t *b)
{
    size_t i;
    static const struct {
        uint8_t prefix[12];
        size_t  len;
    } rows[] = {
        {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}, 12}, /* mapped */
        {{0}, 12}, /* compatible; ::, ::1 */
        {{0, 0x64, 0xff, 0x9b}, 12}, /* NAT64 */
        {{0x20, 0x02}, 2}, /* 6to4 */
    };

    for (i = 0; i < wd_array_len(rows); i++) {
        if (memcmp(b, rows[i].prefix, rows[i].len) == 0) {
            return wd_http_private4(wd_http_be32(b + rows[i].len));
        }
    }
    return false;
}


static bool
wd_http_private(const struct sockaddr *sa)
{
    const uint8_t             *b;
    const struct sockaddr_in  *in4 = (const void *) sa;
    const struct sockaddr_in6 *in6 = (const void *) sa;

    if (sa->sa_family == AF_INET) {
        return wd_http_private4(ntohl(in4->sin_addr.s_addr));
    }
    if (sa->sa_family != AF_INET6) {
        return true;
    }

    b = in6->sin6_addr.s6_addr;
    return IN6_IS_ADDR_LINKLOCAL(&in6->sin6_addr)
           || IN6_IS_ADDR_SITELOCAL(&in6->sin6_addr) || (b[0] & 0xfe) == 0xfc
           || b[0] == 0xff || wd_http_private_embedded(b);
}


/* Looks at the address after resolution: a name cannot be rebound past it. */
static curl_socket_t
wd_http_on_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *addr)
{
    wd_http_xfer_t *x = arg;
    curl_socket_t   fd;

    (void) purpose;
    if (!x->req->allow_private && wd_http_private(&addr->addr)) {
        x->refused = true;
        return CURL_SOCKET_BAD;
    }
    fd = socket(addr->family, addr->socktype | SOCK_CLOEXEC, addr->protocol);
    x->starved = fd < 0 && (errno == EMFILE || errno == ENFILE);
    return fd;
}


/* The same for a connection that was opened for another request. */
static int
wd_http_on_request(void *arg, char *ip, char *local_ip, int port,
                   int local_port)
{
    wd_http_xfer_t     *x = arg;
    struct sockaddr_in  in4 = {.sin_family = AF_INET};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
    bool private = true;

    (void) local_ip;
    (void) port;
    (void) local_port;
    if (inet_pton(AF_INET, ip, &in4.sin_addr) == 1) {
        private = wd_http_private((struct sockaddr *) &in4);
    } else if (inet_pton(AF_INET6, ip, &in6.sin6_addr) == 1) {
        private = wd_http_private((struct sockaddr *) &in6);
    }

    x->asked = true;
    x->refused = private && !x->req->allow_private;
    if (x->req->sent != NULL) {
        __atomic_store_n(x->req->sent, true, __ATOMIC_RELAXED);
    }
    return x->refused ? CURL_PREREQFUNC_ABORT : CURL_PREREQFUNC_OK;
}


static void
wd_http_setup_all(CURL *curl, wd_http_xfer_t *x)
{
    const wd_http_req_t *req = x->req;
    const char          *protocols = req->allow_http ? "http,https" : "https";

    curl_easy_setopt(curl, CURLOPT_URL, req->url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, protocols);
    curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, "https");
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L);
    if (req->ca_file != NULL && req->ca_file[0] != '\0') {
        curl_easy_setopt(curl, CURLOPT_CAINFO, req->ca_file);
    }
    if (req->cert_file != NULL && req->cert_file[0] != '\0') {
        curl_easy_setopt(curl, CURLOPT_SSLCERT, req->cert_file);
        curl_easy_setopt(curl, CURLOPT_SSLKEY, req->cert_key_file);
    }
    /* The file is all that is trusted; read once, not for each connection. */
    curl_easy_setopt(curl, CURLOPT_CAPATH, NULL);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, req->user_agent);
    curl_easy_setopt(curl, CURLOPT_ACCEPT_ENCODING, "gzip");
    curl_easy_setopt(curl, CURLOPT_HTTP_CONTENT_DECODING, 0L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS,
                     (long) req->connect_timeout_ms);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long) req->timeout_ms);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, wd_http_on_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, x);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, wd_http_on_header);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, x);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, wd_http_on_progress);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, x);
    curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, wd_http_on_socket);
    curl_easy_setopt(curl, CURLOPT_OPENSOCKETDATA, x);
    curl_easy_setopt(curl, CURLOPT_PREREQFUNCTION, wd_http_on_request);
    curl_easy_setopt(curl, CURLOPT_PREREQDATA, x);
}


static int
wd_http_judge(CURLcode cc, wd_http_xfer_t *x, wd_error_t *err)
{
    if (x->body.why.code != WD_OK
        || (cc == CURLE_OK && wd_http_body_end(x) != WD_OK)) {
        *err = x->body.why;
        return err->code;
    }
    if (x->refused) {
        return wd_error(err, WD_EFORBIDDEN,
                        "the host has a private address, which is not allowed");
    }

    if (cc != CURLE_OK && x->starved) {
        return wd_error(err, WD_EAGAIN, "no descriptor is left");
    }

    switch (cc) {
    case CURLE_OK:
        return WD_OK;
    case CURLE_OPERATION_TIMEDOUT:
        return wd_error(err, WD_ETIMEOUT, "no complete answer in time");
    case CURLE_ABORTED_BY_CALLBACK:
        return wd_error(err, WD_ECANCELED, "canceled");
    case CURLE_PARTIAL_FILE:
    case CURLE_RECV_ERROR:
    case CURLE_GOT_NOTHING:
    case CURLE_WRITE_ERROR:
        return wd_error(err, WD_ETRUNC, "the answer ended early: %s",
                        curl_easy_strerror(cc));
    case CURLE_UNSUPPORTED_PROTOCOL:
        if (x->asked) { /* of the answer, not of the URL */
            return wd_error(err, WD_EUNAVAIL, "the answer is not HTTP");
        }
        /* fall through */
    case CURLE_URL_MALFORMAT:
        return wd_error(err, WD_EFORBIDDEN, "the URL is not allowed: %s",
                        curl_easy_strerror(cc));
    default:
        /* strerror() and not the error buffer, which may quote the URL. */
        return wd_error(err, WD_EUNAVAIL, "%s", curl_easy_strerror(cc));
    }
}


/* WD_OK, or WD_ENOMEM; *ret is to be freed in any case. */
static int
wd_http_headers(const wd_http_req_t *req, struct curl_slist **ret)
{
    size_t             i;
    struct curl_slist *more;

    *ret = NULL;
    for (i = 0; i < req->n_headers; i++) {
        more = curl_slist_append(*ret, req->headers[i]);
        if (more == NULL) {
            return WD_ENOMEM;
        }
        *ret = more;
    }
    return WD_OK;
}


static void
wd_http_setup_post(CURL *curl, const wd_http_req_t *req)
{
    curl_easy_setopt(curl, CURLOPT_POST, 1L);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE,
                     (curl_off_t) req->body.len);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, req->body.data);
}


int
wd_http_setup(CURL *curl, wd_http_xfer_t *x, bool post)
{
    wd_buf_reset(&x->res->body);
    wd_buf_reset(&x->res->headers);
    x->res->retry_after_s = -1;
    memset(&x->body, 0, sizeof(x->body));
    wd_http_setup_all(curl, x);
    if (post) {
        wd_http_setup_post(curl, x->req);
    }
    if (wd_http_headers(x->req, &x->headers) != WD_OK) {
        return WD_ENOMEM;
    }
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, x->headers);
    return WD_OK;
}


void
wd_http_xfer_done(CURL *curl, wd_http_xfer_t *x)
{
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, NULL);
    curl_slist_free_all(x->headers);
    x->headers = NULL;
    wd_http_body_done(&x->body);
}


int
wd_http_outcome(CURL *curl, CURLcode cc, wd_http_xfer_t *x, wd_error_t *err)
{
    long  status = 0;
    char *type = NULL;

    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(curl, CURLINFO_CONTENT_TYPE, &type);
    x->res->status = (int) status;
    x->res->retry_after_s = wd_http_retry_after(x->res);
    wd_str_copy(x->res->content_type, sizeof(x->res->content_type),
                wd_str_z(type));
    return wd_http_judge(cc, x, err);
}


static int
wd_http_perform(wd_http_t *h, const wd_http_req_t *req, wd_http_res_t *res,
                bool post, wd_error_t *err)
{
    int            rc;
    wd_http_xfer_t x = {.req = req, .res = res};

    curl_easy_reset(h->curl); /* keeps connections and TLS sessions */
    rc = wd_http_setup(h->curl, &x, post);
    rc = rc == WD_OK
             ? wd_http_outcome(h->curl, curl_easy_perform(h->curl), &x, err)
             : wd_error(err, WD_ENOMEM, "no memory for headers");
    wd_http_xfer_done(h->curl, &x);
    return rc;
}


int
wd_http_get(wd_http_t *h, const wd_http_req_t *req, wd_http_res_t *res,
            wd_error_t *err)
{
    return wd_http_perform(h, req, res, false, err);
}


int
wd_http_post(wd_http_t *h, const wd_http_req_t *req, wd_http_res_t *res,
             wd_error_t *err)
{
    return wd_http_perform(h, req, res, true, err);
}
