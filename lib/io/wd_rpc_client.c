/*
 * wd_rpc_client.c - blocking caller over one connection.
 */
#include "wd_rpc_client.h"

#include "wd_num.h"
#include "wd_time.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define WD_RPC_BODY_MAX (512u * 1024 * 1024)
#define WD_RPC_CANCEL_MS 100

struct wd_rpc_client {
    int               fd;
    uint32_t          next_id;
    bool              greeted;
    wd_frame_reader_t in;
    wd_buf_t          out;
    char              endpoint[160];
};

/* A request that is not answered yet. */
typedef struct {
    uint32_t         msgid;
    wd_rpc_answer_t *ret;
    size_t           outstanding; /* bytes of its body that are not credited */
} wd_rpc_asked_t;


static int
wd_rpc_client_unix(const char *path)
{
    int                fd;
    struct sockaddr_un sun = {.sun_family = AF_UNIX};

    if (strlen(path) >= sizeof(sun.sun_path)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    strcpy(sun.sun_path, path);

    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *) &sun, sizeof(sun)) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}


static int
wd_rpc_client_tcp(const char *text)
{
    int                fd;
    char               host[64];
    int64_t            port;
    const char        *colon = strrchr(text, ':');
    struct sockaddr_in in4 = {.sin_family = AF_INET};

    errno = EINVAL;
    if (colon == NULL || wd_int_parse(wd_str_z(colon + 1), &port) != WD_OK
        || port < 1 || port > 65535) {
        return -1;
    }
    wd_str_copy(host, sizeof(host), wd_str(text, (size_t) (colon - text)));
    in4.sin_port = htons((uint16_t) port);
    if (inet_pton(AF_INET, host, &in4.sin_addr) != 1) {
        errno = EINVAL;
        return -1;
    }

    fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *) &in4, sizeof(in4)) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}


/* Waits for the socket; WD_OK, WD_ETIMEOUT. */
static int
wd_rpc_client_wait(wd_rpc_client_t *c, short events, wd_ns_t deadline)
{
    int           n;
    wd_ns_t       left;
    struct pollfd p = {.fd = c->fd, .events = events};

    do {
        left = deadline - wd_monotonic();
        if (left <= 0) {
            return WD_ETIMEOUT;
        }
        n = poll(&p, 1, (int) (left / WD_NS_PER_MS) + 1);
    } while (n < 0 && errno == EINTR);

    return n > 0 ? WD_OK : WD_ETIMEOUT;
}


static int
wd_rpc_client_flush(wd_rpc_client_t *c, wd_ns_t deadline, wd_error_t *err)
{
    ssize_t n;
    size_t  sent = 0;

    if (c->out.err != WD_OK) {
        return wd_error(err, c->out.err, "the request is too long");
    }

    while (sent < c->out.len) {
        if (wd_rpc_client_wait(c, POLLOUT, deadline) != WD_OK) {
            return wd_error(err, WD_ETIMEOUT, "%s does not read", c->endpoint);
        }
        n = send(c->fd, c->out.data + sent, c->out.len - sent,
                 MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno != EAGAIN && errno != EINTR) {
            return wd_error(err, WD_EUNAVAIL, "%s: %s", c->endpoint,
                            strerror(errno));
        }
        sent += n > 0 ? (size_t) n : 0;
    }

    wd_buf_reset(&c->out);
    return WD_OK;
}


int
wd_rpc_client_connect(const char *endpoint, const char *self,
                      uint32_t timeout_ms, wd_rpc_client_t **ret,
                      wd_error_t *err)
{
    int              rc;
    char             instance[32];
    wd_rpc_client_t *c;

    c = calloc(1, sizeof(*c));
    if (c == NULL) {
        return wd_error(err, WD_ENOMEM, "no memory");
    }
    wd_str_copy(c->endpoint, sizeof(c->endpoint), wd_str_z(endpoint));
    wd_frame_reader_init(&c->in);
    wd_buf_init(&c->out, WD_FRAME_MAX + 1024);

    c->fd = strncmp(endpoint, "unix:", 5) == 0
                ? wd_rpc_client_unix(endpoint + 5)
                : wd_rpc_client_tcp(endpoint);
    if (c->fd < 0) {
        rc = wd_error(err, WD_EUNAVAIL, "cannot connect to %s: %s", endpoint,
                      strerror(errno));
        wd_rpc_client_close(c);
        return rc;
    }

    snprintf(instance, sizeof(instance), "pid:%d", (int) getpid());
    wd_frame_put_hello(&c->out, self, instance);
    rc = wd_rpc_client_flush(c, wd_monotonic() + timeout_ms * WD_NS_PER_MS,
                             err);
    if (rc != WD_OK) {
        wd_rpc_client_close(c);
        return rc;
    }

    *ret = c;
    return WD_OK;
}


void
wd_rpc_client_close(wd_rpc_client_t *c)
{
    if (c == NULL) {
        return;
    }
    if (c->fd >= 0) {
        close(c->fd);
    }
    wd_frame_reader_done(&c->in);
    wd_buf_done(&c->out);
    free(c);
}


void
wd_rpc_answer_done(wd_rpc_answer_t *a)
{
    wd_buf_done(&a->meta);
    wd_buf_done(&a->body);
}


static int
wd_rpc_client_greet(wd_rpc_client_t *c, const wd_frame_t *f, wd_error_t *err)
{
    int64_t  version;
    wd_str_t service, instance;

    if (f->type != WD_FRAME_NOTIFY || !wd_str_eq(f->method, WD_STR(WD_N_HELLO))
        || wd_frame_get_hello(f->params, &version, &service, &instance) != WD_OK
        || version != WD_PROTO_VERSION) {
        return wd_error(err, WD_EPROTO, "%s speaks another protocol",
                        c->endpoint);
    }
    c->greeted = true;
    return WD_OK;
}


/* WD_EAGAIN: the answer goes on. */
static int
wd_rpc_client_take(wd_rpc_client_t *c, const wd_frame_t *f, wd_rpc_asked_t *q,
                   wd_error_t *err)
{
    int              code;
    bool             last;
    uint32_t         id, n;
    wd_str_t         bytes, text;
    wd_rpc_answer_t *ret = q->ret;

    if (f->type == WD_FRAME_RESPONSE && f->msgid == q->msgid) {
        if (f->code != WD_OK) {
            return wd_error(err, f->code, "%.*s", WD_STR_ARG(f->text));
        }
        ret->status = f->status;
        wd_buf_str(&ret->meta, f->meta);
        wd_buf_str(&ret->body, f->body);
        return f->more ? WD_EAGAIN : WD_OK;
    }

    if (f->type != WD_FRAME_NOTIFY) {
        return WD_EAGAIN;
    }

    if (wd_str_eq(f->method, WD_STR(WD_N_CHUNK))
        && wd_frame_get_chunk(f->params, &id, &bytes, &last) == WD_OK
        && id == q->msgid) {
        wd_buf_str(&ret->body, bytes);
        wd_frame_put_credit(&c->out, q->msgid, (uint32_t) bytes.len);
        return last ? WD_OK : WD_EAGAIN;
    }

    if (wd_str_eq(f->method, WD_STR(WD_N_ABORT))
        && wd_frame_get_abort(f->params, &id, &code, &text) == WD_OK
        && id == q->msgid) {
        return wd_error(err, code, "%.*s", WD_STR_ARG(text));
    }

    if (wd_str_eq(f->method, WD_STR(WD_N_CREDIT))
        && wd_frame_get_credit(f->params, &id, &n) == WD_OK && id == q->msgid) {
        q->outstanding -= wd_min(q->outstanding, (size_t) n);
    }
    return WD_EAGAIN;
}


/* All frames that are here. WD_EAGAIN: the answer goes on. */
static int
wd_rpc_client_frames(wd_rpc_client_t *c, wd_rpc_asked_t *q, wd_error_t *err)
{
    int        rc;
    wd_frame_t f;

    for (;;) {
        rc = wd_frame_reader_next(&c->in, &f);
        if (rc == WD_EAGAIN) {
            return rc;
        }
        if (rc != WD_OK) {
            return wd_error(err, WD_EPROTO, "%s sent a malformed frame",
                            c->endpoint);
        }
        if (c->greeted) {
            rc = wd_rpc_client_take(c, &f, q, err);
        } else {
            rc = wd_rpc_client_greet(c, &f, err);
            rc = rc == WD_OK ? WD_EAGAIN : rc;
        }
        if (rc != WD_EAGAIN) {
            return rc;
        }
    }
}


/* What the socket has now. */
static int
wd_rpc_client_receive(wd_rpc_client_t *c, wd_error_t *err)
{
    size_t   len = 0;
    ssize_t  n;
    uint8_t *p;

    p = wd_frame_reader_space(&c->in, 65536, &len);
    if (p == NULL) {
        return wd_error(err, WD_ENOMEM, "no memory");
    }
    n = recv(c->fd, p, len, MSG_DONTWAIT);
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
        return wd_error(err, WD_EUNAVAIL, "%s closed the connection",
                        c->endpoint);
    }
    wd_frame_reader_fed(&c->in, n > 0 ? (size_t) n : 0);
    return WD_OK;
}


static int
wd_rpc_client_await(wd_rpc_client_t *c, wd_rpc_asked_t *q, wd_ns_t deadline,
                    wd_error_t *err)
{
    int rc;

    for (;;) {
        rc = wd_rpc_client_frames(c, q, err);
        if (rc != WD_EAGAIN) {
            wd_buf_reset(&c->out); /* credit for a body that has ended */
            return rc;
        }
        rc = wd_rpc_client_flush(c, deadline, err);
        if (rc == WD_OK && wd_rpc_client_wait(c, POLLIN, deadline) != WD_OK) {
            rc = wd_error(err, WD_ETIMEOUT, "%s did not answer in time",
                          c->endpoint);
        }
        if (rc == WD_OK) {
            rc = wd_rpc_client_receive(c, err);
        }
        if (rc != WD_OK) {
            return rc;
        }
    }
}


/* We have given up: so may the service. */
static void
wd_rpc_client_cancel(wd_rpc_client_t *c, uint32_t msgid)
{
    wd_ns_t soon = wd_monotonic() + WD_RPC_CANCEL_MS * WD_NS_PER_MS;

    wd_buf_reset(&c->out);
    wd_frame_put_cancel(&c->out, msgid);
    if (wd_rpc_client_flush(c, soon, NULL) != WD_OK) { /* void */
    }
    wd_buf_reset(&c->out);
}


/* ---- bodies --------------------------------------------------------------- */

/* A piece of the body, as long as the window allows. *ret_end: it was its end. */
static int
wd_rpc_client_piece(wd_rpc_client_t *c, wd_rpc_asked_t *q, int fd,
                    bool *ret_end, wd_error_t *err)
{
    ssize_t n;
    uint8_t piece[WD_CHUNK_MAX];

    n = read(fd, piece,
             wd_min(sizeof(piece), (size_t) WD_WINDOW - q->outstanding));
    if (n < 0) {
        return errno == EINTR || errno == EAGAIN
                   ? WD_OK
                   : wd_error(err, WD_EIO, "the body cannot be read: %s",
                              strerror(errno));
    }
    *ret_end = n == 0;
    q->outstanding += (size_t) n;
    wd_frame_put_chunk(&c->out, q->msgid, wd_str((char *) piece, (size_t) n),
                       *ret_end);
    return WD_OK;
}


/* Until the service or the body has something. WD_ETIMEOUT: the service. */
static int
wd_rpc_client_wait_both(wd_rpc_client_t *c, int body_fd, bool has_room,
                        uint32_t timeout_ms, bool *ret_body, wd_error_t *err)
{
    int           n;
    struct pollfd p[] = {{.fd = c->fd, .events = POLLIN},
                         {.fd = has_room ? body_fd : -1, .events = POLLIN}};

    do {
        n = poll(p, wd_array_len(p), has_room ? -1 : (int) timeout_ms);
    } while (n < 0 && errno == EINTR);

    *ret_body = p[1].revents != 0;
    if (n == 0) {
        return wd_error(err, WD_ETIMEOUT, "%s takes no more of the body",
                        c->endpoint);
    }
    return p[0].revents != 0 ? wd_rpc_client_receive(c, err) : WD_OK;
}


/* WD_EAGAIN: all of it was sent, the answer is to come. */
static int
wd_rpc_client_send_body(wd_rpc_client_t *c, wd_rpc_asked_t *q, int fd,
                        uint32_t timeout_ms, wd_error_t *err)
{
    int  rc;
    bool end = false, readable = false;

    while (!end) {
        rc = wd_rpc_client_wait_both(c, fd, q->outstanding < WD_WINDOW,
                                     timeout_ms, &readable, err);
        if (rc == WD_OK) {
            rc = wd_rpc_client_frames(c, q, err);
            if (rc != WD_EAGAIN) {
                return rc;
            }
            rc = readable ? wd_rpc_client_piece(c, q, fd, &end, err) : WD_OK;
        }
        if (rc == WD_OK) {
            rc = wd_rpc_client_flush(
                c, wd_monotonic() + timeout_ms * WD_NS_PER_MS, err);
        }
        if (rc != WD_OK) {
            return rc;
        }
    }
    return WD_EAGAIN;
}


/* ---- calls ---------------------------------------------------------------- */

/* body_fd -1: there is none. With one the time begins anew behind it. */
static int
wd_rpc_client_ask(wd_rpc_client_t *c, wd_rpc_asked_t *q, int body_fd,
                  uint32_t timeout_ms, wd_error_t *err)
{
    int     rc;
    wd_ns_t deadline = wd_monotonic() + timeout_ms * WD_NS_PER_MS;

    rc = wd_rpc_client_flush(c, deadline, err);
    if (rc == WD_OK && body_fd >= 0) {
        rc = wd_rpc_client_send_body(c, q, body_fd, timeout_ms, err);
        if (rc != WD_EAGAIN) {
            return rc;
        }
        deadline = wd_monotonic() + timeout_ms * WD_NS_PER_MS;
        rc = WD_OK;
    }
    return rc == WD_OK ? wd_rpc_client_await(c, q, deadline, err) : rc;
}


int
wd_rpc_client_upload(wd_rpc_client_t *c, const char *method,
                     const wd_ctx_t *ctx, wd_str_t args, int body_fd,
                     uint32_t timeout_ms, wd_rpc_answer_t *ret, wd_error_t *err)
{
    int            rc;
    wd_buf_t       context = WD_BUF_INIT;
    wd_rpc_asked_t q = {.msgid = ++c->next_id, .ret = ret};

    memset(ret, 0, sizeof(*ret));
    wd_buf_init(&ret->meta, 0);
    wd_buf_init(&ret->body, WD_RPC_BODY_MAX);

    wd_ctx_put(&context, ctx);
    wd_frame_put_request(&c->out, q.msgid, wd_str_z(method),
                         wd_buf_view(&context), args);
    wd_buf_done(&context);

    rc = wd_rpc_client_ask(c, &q, body_fd, timeout_ms, err);
    if (rc == WD_OK && (ret->body.err != WD_OK || ret->meta.err != WD_OK)) {
        rc = wd_error(err, WD_ENOMEM, "the answer does not fit into memory");
    }
    if (rc == WD_ETIMEOUT || rc == WD_EIO) {
        wd_rpc_client_cancel(c, q.msgid);
    }
    if (rc != WD_OK) {
        wd_rpc_answer_done(ret);
    }
    return rc;
}


int
wd_rpc_client_call(wd_rpc_client_t *c, const char *method, const wd_ctx_t *ctx,
                   wd_str_t args, uint32_t timeout_ms, wd_rpc_answer_t *ret,
                   wd_error_t *err)
{
    return wd_rpc_client_upload(c, method, ctx, args, -1, timeout_ms, ret, err);
}
