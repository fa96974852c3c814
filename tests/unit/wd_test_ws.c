/*
 * wd_test_ws.c - a WebSocket server that plays scripts.
 */
#include "wd_test_ws.h"

#include <arpa/inet.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#define GUID "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
#define FRAME_MAX (8u * 1024 * 1024)

struct wd_test_ws {
    int           fd;
    int           port;
    int           quit[2];
    pthread_t     thread;
    bool          running;
    wd_test_ws_pt script;
    void         *arg;
    SSL_CTX      *tls;
    const char   *ca;
    wd_buf_t      noted;
};

struct wd_test_ws_conn {
    wd_test_ws_t *server;
    int           fd;
    SSL          *ssl;
    char          request[8192];
    char          key[64];
};


/* ---- bytes ------------------------------------------------------------------ */

/* Waits for the socket, the server's end, or too long a time. What the client
 * sent before the server's end is still read. */
static bool
await(wd_test_ws_conn_t *c, short events)
{
    struct pollfd p[2] = {{c->fd, events, 0}, {c->server->quit[0], POLLIN, 0}};

    return poll(p, 2, WD_TEST_WAIT_MS) > 0 && p[0].revents != 0;
}


static ssize_t
read_some(wd_test_ws_conn_t *c, void *data, size_t n)
{
    if (c->ssl == NULL) {
        return await(c, POLLIN) ? recv(c->fd, data, n, 0) : -1;
    }
    if (SSL_pending(c->ssl) == 0 && !await(c, POLLIN)) {
        return -1;
    }
    return SSL_read(c->ssl, data, (int) n);
}


static bool
read_all(wd_test_ws_conn_t *c, void *data, size_t n)
{
    ssize_t k;

    for (; n != 0; n -= (size_t) k, data = (char *) data + k) {
        k = read_some(c, data, n);
        if (k <= 0) {
            return false;
        }
    }
    return true;
}


bool
wd_test_ws_write(wd_test_ws_conn_t *c, const void *data, size_t n)
{
    ssize_t k;

    for (; n != 0; n -= (size_t) k, data = (const char *) data + k) {
        if (!await(c, POLLOUT)) {
            return false;
        }
        k = c->ssl != NULL ? SSL_write(c->ssl, data, (int) n)
                           : send(c->fd, data, n, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (k <= 0) {
            return false;
        }
    }
    return true;
}


void
wd_test_ws_drain(wd_test_ws_conn_t *c)
{
    char bytes[4096];

    while (read_some(c, bytes, sizeof(bytes)) > 0) {
    }
}


void
wd_test_ws_reset(wd_test_ws_conn_t *c)
{
    struct linger now = {1, 0};

    setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
}


/* ---- handshake --------------------------------------------------------------- */

static void
make_key(wd_test_ws_conn_t *c)
{
    int           n;
    char          text[128];
    unsigned int  len = 0;
    const char   *at = strstr(c->request, "Sec-WebSocket-Key: ");
    unsigned char hash[EVP_MAX_MD_SIZE];

    if (at != NULL) {
        n = snprintf(text, sizeof(text), "%.24s" GUID, at + 19);
        EVP_Digest(text, (size_t) n, hash, &len, EVP_sha1(), NULL);
        EVP_EncodeBlock((unsigned char *) c->key, hash, (int) len);
    }
}


const char *
wd_test_ws_request(wd_test_ws_conn_t *c)
{
    size_t n = 0;

    while (n < sizeof(c->request) - 1 && read_all(c, c->request + n, 1)) {
        c->request[++n] = '\0';
        if (n >= 4 && strcmp(c->request + n - 4, "\r\n\r\n") == 0) {
            make_key(c);
            return c->request;
        }
    }
    return "";
}


const char *
wd_test_ws_key(const wd_test_ws_conn_t *c)
{
    return c->key;
}


bool
wd_test_ws_accept(wd_test_ws_conn_t *c, const char *subprotocol)
{
    int  n;
    char text[512];

    n = snprintf(text, sizeof(text),
                 "HTTP/1.1 101 Switching Protocols\r\nupgrade: WebSocket\r\n"
                 "CONNECTION: keep-alive, Upgrade\r\n"
                 "Sec-WebSocket-Accept: %s\r\n%s%s%s\r\n",
                 c->key, subprotocol != NULL ? "Sec-WebSocket-Protocol: " : "",
                 subprotocol != NULL ? subprotocol : "",
                 subprotocol != NULL ? "\r\n" : "");
    return wd_test_ws_write(c, text, (size_t) n);
}


/* ---- frames ------------------------------------------------------------------- */

bool
wd_test_ws_frame(wd_test_ws_conn_t *c, uint8_t first, const void *data,
                 size_t n)
{
    int     i;
    size_t  len = 2;
    uint8_t head[10] = {first};

    if (n < 126) {
        head[1] = (uint8_t) n;
    } else if (n < 65536) {
        head[1] = 126;
        head[2] = (uint8_t) (n >> 8);
        head[3] = (uint8_t) n;
        len = 4;
    } else {
        head[1] = 127;
        for (i = 0; i < 8; i++) {
            head[2 + i] = (uint8_t) ((uint64_t) n >> (56 - 8 * i));
        }
        len = 10;
    }
    return wd_test_ws_write(c, head, len) && wd_test_ws_write(c, data, n);
}


bool
wd_test_ws_text(wd_test_ws_conn_t *c, const char *text)
{
    return wd_test_ws_frame(c, WD_TEST_WS_FIN | WD_TEST_WS_TEXT, text,
                            strlen(text));
}


bool
wd_test_ws_end(wd_test_ws_conn_t *c, int code, const char *reason)
{
    int  n;
    char text[126];

    n = snprintf(text, sizeof(text), "%c%c%s", code >> 8, code & 0xff, reason);
    return wd_test_ws_frame(c, WD_TEST_WS_FIN | WD_TEST_WS_CLOSE, text,
                            (size_t) n);
}


int
wd_test_ws_read(wd_test_ws_conn_t *c, wd_buf_t *out)
{
    size_t   i, n, more;
    uint8_t  head[14], *mask, *data;
    uint64_t len;

    wd_buf_reset(out);
    if (!read_all(c, head, 2)) {
        return -1;
    }
    n = head[1] & 0x7f;
    more = n == 126 ? 2 : (n == 127 ? 8 : 0);
    if (!(head[1] & 0x80) || (head[0] & 0x70)
        || !read_all(c, head + 2, more + 4)) {
        return -1; /* a client's frames are masked, without extensions */
    }
    for (i = 0, len = more != 0 ? 0 : n; i < more; i++) {
        len = len << 8 | head[2 + i];
    }
    data = len <= FRAME_MAX ? wd_buf_reserve(out, (size_t) len + 1) : NULL;
    if (data == NULL || !read_all(c, data, (size_t) len)) {
        return -1;
    }
    mask = head + 2 + more;
    for (i = 0; i < len; i++) {
        data[i] ^= mask[i % 4];
    }
    out->len = (size_t) len;
    return head[0] & 0xf;
}


void
wd_test_ws_note(wd_test_ws_conn_t *c, const char *fmt, ...)
{
    char    text[8300];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    wd_buf_z(&c->server->noted, text);
}


static void
note_frame(wd_test_ws_conn_t *c, int opcode, wd_buf_t *b)
{
    switch (opcode) {
    case WD_TEST_WS_TEXT:
        wd_test_ws_note(c, "text %s\n", wd_buf_cstr(b));
        break;
    case WD_TEST_WS_PING:
        wd_test_ws_note(c, "ping\n");
        break;
    case WD_TEST_WS_PONG:
        wd_test_ws_note(c, "pong %s\n", wd_buf_cstr(b));
        break;
    case WD_TEST_WS_CLOSE:
        wd_test_ws_note(c, "close %d\n",
                        b->len >= 2 ? b->data[0] << 8 | b->data[1] : 0);
        break;
    default:
        wd_test_ws_note(c, "frame %d\n", opcode);
    }
}


void
wd_test_ws_note_all(wd_test_ws_conn_t *c)
{
    int      opcode;
    wd_buf_t b = WD_BUF_INIT;

    while ((opcode = wd_test_ws_read(c, &b)) >= 0) {
        note_frame(c, opcode, &b);
    }
    wd_buf_done(&b);
}


void
wd_test_ws_converse(wd_test_ws_conn_t *c)
{
    int      opcode;
    wd_buf_t b = WD_BUF_INIT;

    while ((opcode = wd_test_ws_read(c, &b)) >= 0) {
        note_frame(c, opcode, &b);
        if (opcode == WD_TEST_WS_CLOSE) {
            wd_test_ws_end(c, 1000, "");
            break;
        }
    }
    wd_buf_done(&b);
}


/* ---- the server ----------------------------------------------------------------- */

/* A certificate that signs itself, for `host`, and a file with it. */
static void
make_tls(wd_test_ws_t *s, const char *host)
{
    FILE           *f;
    char            san[100];
    X509           *x = X509_new();
    EVP_PKEY       *key = EVP_EC_gen("P-256");
    X509_NAME      *name;
    X509V3_CTX      ctx;
    X509_EXTENSION *ext;

    assert_non_null(x);
    assert_non_null(key);
    X509_set_version(x, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
    X509_gmtime_adj(X509_getm_notBefore(x), -3600);
    X509_gmtime_adj(X509_getm_notAfter(x), 86400);
    X509_set_pubkey(x, key);
    name = X509_get_subject_name(x);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                               (const unsigned char *) "test", -1, -1, 0);
    X509_set_issuer_name(x, name);
    X509V3_set_ctx_nodb(&ctx);
    X509V3_set_ctx(&ctx, x, x, NULL, NULL, 0);
    snprintf(san, sizeof(san), "DNS:%s", host);
    ext = X509V3_EXT_conf_nid(NULL, &ctx, NID_subject_alt_name, san);
    X509_add_ext(x, ext, -1);
    X509_EXTENSION_free(ext);
    assert_true(X509_sign(x, key, EVP_sha256()) > 0);

    s->tls = SSL_CTX_new(TLS_server_method());
    assert_non_null(s->tls);
    assert_int_equal(SSL_CTX_use_certificate(s->tls, x), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(s->tls, key), 1);
    s->ca = wd_test_path("ws-ca.pem");
    f = fopen(s->ca, "w");
    assert_non_null(f);
    assert_int_equal(PEM_write_X509(f, x), 1);
    fclose(f);
    X509_free(x);
    EVP_PKEY_free(key);
}


static void
play(wd_test_ws_t *s, int fd, int n)
{
    wd_test_ws_conn_t *c = calloc(1, sizeof(*c));

    c->server = s;
    c->fd = fd;
    if (s->tls != NULL) {
        c->ssl = SSL_new(s->tls);
        SSL_set_fd(c->ssl, fd);
        if (SSL_accept(c->ssl) != 1) {
            wd_test_ws_note(c, "no tls\n");
            SSL_free(c->ssl);
            close(fd);
            free(c);
            return;
        }
    }
    s->script(c, n, s->arg);
    SSL_free(c->ssl);
    close(fd);
    free(c);
}


static void *
serve(void *arg)
{
    int           fd, n = 0;
    wd_test_ws_t *s = arg;
    struct pollfd p[2] = {{s->fd, POLLIN, 0}, {s->quit[0], POLLIN, 0}};

    while (poll(p, 2, -1) > 0 && p[1].revents == 0) {
        fd = accept(s->fd, NULL, NULL);
        if (fd >= 0) {
            play(s, fd, n++);
        }
    }
    return NULL;
}


wd_test_ws_t *
wd_test_ws_start(wd_test_ws_pt script, void *arg, const char *host)
{
    wd_test_ws_t      *s = calloc(1, sizeof(*s));
    socklen_t          len = sizeof(struct sockaddr_in);
    struct sockaddr_in a = {.sin_family = AF_INET};

    assert_non_null(s);
    s->script = script;
    s->arg = arg;
    if (host != NULL) {
        make_tls(s, host);
    }
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(s->fd, (struct sockaddr *) &a, sizeof(a)), 0);
    assert_int_equal(listen(s->fd, 16), 0);
    assert_int_equal(getsockname(s->fd, (struct sockaddr *) &a, &len), 0);
    s->port = ntohs(a.sin_port);
    assert_int_equal(pipe(s->quit), 0);
    assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
    s->running = true;
    return s;
}


int
wd_test_ws_port(const wd_test_ws_t *s)
{
    return s->port;
}


const char *
wd_test_ws_ca(const wd_test_ws_t *s)
{
    return s->ca;
}


void
wd_test_ws_stop(wd_test_ws_t *s)
{
    if (!s->running) {
        return;
    }
    assert_int_equal(write(s->quit[1], "q", 1), 1);
    pthread_join(s->thread, NULL);
    s->running = false;
    close(s->fd);
    close(s->quit[0]);
    close(s->quit[1]);
    SSL_CTX_free(s->tls);
}


const char *
wd_test_ws_noted(wd_test_ws_t *s)
{
    return wd_buf_cstr(&s->noted);
}


void
wd_test_ws_free(wd_test_ws_t *s)
{
    wd_test_ws_stop(s);
    wd_buf_done(&s->noted);
    free(s);
}
