/*
 * wd_http_multi.c - libcurl's multi interface on a libuv loop.
 */
#include "wd_http_multi.h"

#include "wd_http_int.h"
#include "wd_list.h"

#include <stdlib.h>

/* A small answer needs no more, and thousands may be on their way. */
#define WD_HTTP_MULTI_BUFFER 8192L

struct wd_http_multi {
    CURLM     *curl;
    uv_loop_t *loop;
    uv_timer_t timer;
    wd_list_t  calls;
    uint32_t   n;
    uint32_t   max;
    uint32_t   handles; /* of libuv, that are not closed yet */
    bool       stopped;
    bool       busy; /* further up on the stack it is being used */
};

struct wd_http_call {
    wd_list_t        link;
    wd_http_multi_t *m;
    CURL            *curl;
    wd_http_req_t    req;
    wd_http_res_t    res;
    wd_http_xfer_t   x;
    wd_http_call_pt  fn;
    void            *arg;
    char            *texts; /* url, user agent, files, headers, body: secret */
    size_t           n_texts;
    const char     **headers;
};

/* A socket of libcurl, while it is watched. */
typedef struct {
    uv_poll_t        poll;
    wd_http_multi_t *m;
    curl_socket_t    fd;
} wd_http_watch_t;


/* ---- the end ------------------------------------------------------------ */

static void
wd_http_multi_free(wd_http_multi_t *m)
{
    if (!m->stopped || m->busy || m->handles != 0) {
        return;
    }
    free(m);
}


static void
wd_http_call_free(wd_http_call_t *c)
{
    if (c->curl != NULL) {
        wd_http_xfer_done(c->curl, &c->x);
        curl_easy_cleanup(c->curl);
    }
    wd_http_res_done(&c->res);
    free(c->headers);
    if (c->texts != NULL) {
        explicit_bzero(c->texts, c->n_texts);
    }
    free(c->texts);
    free(c);
}


/* It is nobody's any more before its end is told. */
static void
wd_http_call_end(wd_http_call_t *c, int rc, const wd_error_t *err)
{
    wd_list_remove(&c->link);
    c->m->n--;
    c->fn(c->arg, rc, &c->res, err);
    wd_http_call_free(c);
}


void
wd_http_call_cancel(wd_http_call_t *c)
{
    wd_error_t err = {0};

    curl_multi_remove_handle(c->m->curl, c->curl);
    wd_http_call_end(c, wd_error(&err, WD_ECANCELED, "canceled"), &err);
}


/* ---- libcurl's side ------------------------------------------------------ */

static void
wd_http_multi_ended(wd_http_multi_t *m)
{
    int             left, rc;
    CURL           *curl;
    CURLMsg        *msg;
    CURLcode        cc;
    wd_error_t      err;
    wd_http_call_t *c;

    while (!m->stopped
           && (msg = curl_multi_info_read(m->curl, &left)) != NULL) {
        if (msg->msg != CURLMSG_DONE) {
            continue;
        }
        curl = msg->easy_handle; /* msg is gone with the handle */
        cc = msg->data.result;
        c = NULL;
        curl_easy_getinfo(curl, CURLINFO_PRIVATE, (char **) &c);
        memset(&err, 0, sizeof(err));
        rc = wd_http_outcome(curl, cc, &c->x, &err);
        curl_multi_remove_handle(m->curl, curl);
        wd_http_call_end(c, rc, &err);
    }
}


static void
wd_http_multi_act(wd_http_multi_t *m, curl_socket_t fd, int what)
{
    int running;

    if (m->stopped) {
        return;
    }
    m->busy = true;
    curl_multi_socket_action(m->curl, fd, what, &running);
    wd_http_multi_ended(m);
    m->busy = false;
    wd_http_multi_free(m);
}


static void
wd_http_on_timer(uv_timer_t *timer)
{
    wd_http_multi_act(timer->data, CURL_SOCKET_TIMEOUT, 0);
}


static void
wd_http_on_poll(uv_poll_t *poll, int status, int events)
{
    wd_http_watch_t *w = poll->data;

    wd_http_multi_act(w->m, w->fd,
                      (status < 0 ? CURL_CSELECT_ERR : 0)
                          | (events & UV_READABLE ? CURL_CSELECT_IN : 0)
                          | (events & UV_WRITABLE ? CURL_CSELECT_OUT : 0));
}


/* libcurl must not be called from here. */
static int
wd_http_set_timer(CURLM *curl, long ms, void *arg)
{
    wd_http_multi_t *m = arg;

    (void) curl;
    if (ms < 0 || m->stopped) {
        uv_timer_stop(&m->timer);
    } else {
        uv_timer_start(&m->timer, wd_http_on_timer, (uint64_t) ms, 0);
    }
    return 0;
}


static void
wd_http_on_watch_closed(uv_handle_t *handle)
{
    wd_http_watch_t *w = handle->data;
    wd_http_multi_t *m = w->m;

    free(w);
    m->handles--;
    wd_http_multi_free(m);
}


static wd_http_watch_t *
wd_http_watch(wd_http_multi_t *m, curl_socket_t fd)
{
    wd_http_watch_t *w;

    w = calloc(1, sizeof(*w));
    if (w == NULL || uv_poll_init_socket(m->loop, &w->poll, fd) != 0) {
        free(w);
        return NULL;
    }
    w->poll.data = w;
    w->m = m;
    w->fd = fd;
    m->handles++;
    curl_multi_assign(m->curl, fd, w);
    return w;
}


static int
wd_http_set_socket(CURL *easy, curl_socket_t fd, int what, void *arg,
                   void *watch)
{
    wd_http_multi_t *m = arg;
    wd_http_watch_t *w = watch;

    (void) easy;
    if (what == CURL_POLL_REMOVE) {
        if (w != NULL) {
            curl_multi_assign(m->curl, fd, NULL);
            uv_poll_stop(&w->poll);
            uv_close((uv_handle_t *) &w->poll, wd_http_on_watch_closed);
        }
        return 0;
    }

    if (w == NULL) {
        w = wd_http_watch(m, fd);
    }
    if (w == NULL) {
        return -1;
    }
    return uv_poll_start(&w->poll,
                         (what & CURL_POLL_IN ? UV_READABLE : 0)
                             | (what & CURL_POLL_OUT ? UV_WRITABLE : 0),
                         wd_http_on_poll)
                   == 0
               ? 0
               : -1;
}


/* ---- our side ------------------------------------------------------------ */

wd_http_multi_t *
wd_http_multi_create(uv_loop_t *loop, uint32_t max, uint32_t max_host)
{
    wd_http_multi_t *m;

    m = calloc(1, sizeof(*m));
    if (m == NULL || (m->curl = curl_multi_init()) == NULL) {
        free(m);
        return NULL;
    }
    m->loop = loop;
    m->max = max;
    wd_list_init(&m->calls);
    uv_timer_init(loop, &m->timer);
    m->timer.data = m;
    m->handles = 1;
    curl_multi_setopt(m->curl, CURLMOPT_SOCKETFUNCTION, wd_http_set_socket);
    curl_multi_setopt(m->curl, CURLMOPT_SOCKETDATA, m);
    curl_multi_setopt(m->curl, CURLMOPT_TIMERFUNCTION, wd_http_set_timer);
    curl_multi_setopt(m->curl, CURLMOPT_TIMERDATA, m);
    curl_multi_setopt(m->curl, CURLMOPT_MAX_HOST_CONNECTIONS, (long) max_host);
    curl_multi_setopt(m->curl, CURLMOPT_PIPELINING, (long) CURLPIPE_MULTIPLEX);
    return m;
}


static void
wd_http_on_timer_closed(uv_handle_t *handle)
{
    wd_http_multi_t *m = handle->data;

    m->handles--;
    wd_http_multi_free(m);
}


void
wd_http_multi_stop(wd_http_multi_t *m)
{
    if (m == NULL) {
        return;
    }
    m->stopped = true; /* none begins from here on */
    while (!wd_list_empty(&m->calls)) {
        wd_http_call_cancel(wd_list_entry(m->calls.next, wd_http_call_t, link));
    }
    curl_multi_cleanup(m->curl); /* watches of kept connections end, too */
    m->curl = NULL;
    uv_timer_stop(&m->timer);
    uv_close((uv_handle_t *) &m->timer, wd_http_on_timer_closed);
}


static char *
wd_http_keep(char **at, const char *text)
{
    char *kept = *at;

    if (text == NULL) {
        return NULL;
    }
    *at = stpcpy(kept, text) + 1;
    return kept;
}


static size_t
wd_http_size(const char *text)
{
    return text != NULL ? strlen(text) + 1 : 0;
}


/* The request with texts of its own. */
static int
wd_http_copy(wd_http_call_t *c, const wd_http_req_t *req)
{
    char  *at;
    size_t i, n;

    n = wd_http_size(req->url) + wd_http_size(req->user_agent)
        + wd_http_size(req->ca_file) + wd_http_size(req->cert_file)
        + wd_http_size(req->cert_key_file) + req->body.len;
    for (i = 0; i < req->n_headers; i++) {
        n += wd_http_size(req->headers[i]);
    }
    c->n_texts = n;
    c->texts = at = malloc(n + 1);
    c->headers = calloc(req->n_headers + 1, sizeof(*c->headers));
    if (c->texts == NULL || c->headers == NULL) {
        return WD_ENOMEM;
    }

    c->req = *req;
    c->req.stop = NULL;
    c->req.url = wd_http_keep(&at, req->url);
    c->req.user_agent = wd_http_keep(&at, req->user_agent);
    c->req.ca_file = wd_http_keep(&at, req->ca_file);
    c->req.cert_file = wd_http_keep(&at, req->cert_file);
    c->req.cert_key_file = wd_http_keep(&at, req->cert_key_file);
    for (i = 0; i < req->n_headers; i++) {
        c->headers[i] = wd_http_keep(&at, req->headers[i]);
    }
    c->req.headers = c->headers;
    if (req->body.len != 0) {
        memcpy(at, req->body.data, req->body.len);
    }
    c->req.body = wd_str(at, req->body.len);
    return WD_OK;
}


static int
wd_http_begin(wd_http_call_t *c, const wd_http_req_t *req, bool post)
{
    if (wd_http_copy(c, req) != WD_OK) {
        return WD_ENOMEM;
    }
    c->curl = curl_easy_init();
    if (c->curl == NULL) {
        return WD_ENOMEM;
    }
    c->x.req = &c->req;
    c->x.res = &c->res;
    if (wd_http_setup(c->curl, &c->x, post) != WD_OK) {
        return WD_ENOMEM;
    }
    curl_easy_setopt(c->curl, CURLOPT_PRIVATE, c);
    curl_easy_setopt(c->curl, CURLOPT_BUFFERSIZE, WD_HTTP_MULTI_BUFFER);
    return curl_multi_add_handle(c->m->curl, c->curl) == CURLM_OK ? WD_OK
                                                                  : WD_ENOMEM;
}


int
wd_http_multi_start(wd_http_multi_t *m, const wd_http_req_t *req, bool post,
                    wd_http_call_pt fn, void *arg, wd_http_call_t **ret,
                    wd_error_t *err)
{
    wd_http_call_t *c;

    if (m->n >= m->max || m->stopped) {
        return wd_error(err, WD_EAGAIN, "%u requests are under way", m->n);
    }
    c = calloc(1, sizeof(*c));
    if (c == NULL) {
        return wd_error(err, WD_ENOMEM, "no memory for a request");
    }
    wd_http_res_init(&c->res);
    c->m = m;
    c->fn = fn;
    c->arg = arg;
    if (wd_http_begin(c, req, post) != WD_OK) {
        wd_http_call_free(c);
        return wd_error(err, WD_ENOMEM, "no memory for a request");
    }
    wd_list_push_back(&m->calls, &c->link);
    m->n++;
    *ret = c;
    return WD_OK;
}


uint32_t
wd_http_multi_inflight(const wd_http_multi_t *m)
{
    return m->n;
}
