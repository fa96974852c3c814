/*
 * wd_ws_handshake.c - the opening handshake of WebSocket (RFC 6455, 4).
 */
#include "wd_ws_handshake.h"

#include "wd_num.h"

#include <ctype.h>
#include <curl/curl.h>
#include <openssl/evp.h>
#include <sodium.h>
#include <stdlib.h>

#define WD_WS_GUID "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

/* The parts of a URL that are needed; all are libcurl's. */
typedef struct {
    CURLU *url;
    char  *scheme;
    char  *host;
    char  *port;
    char  *path;
    char  *query;
    bool   tls;
} wd_ws_target_t;


static void
wd_ws_target_done(wd_ws_target_t *t)
{
    curl_free(t->scheme);
    curl_free(t->host);
    curl_free(t->port);
    curl_free(t->path);
    curl_free(t->query);
    curl_url_cleanup(t->url);
}


static char *
wd_ws_part(CURLU *url, CURLUPart what)
{
    char *part = NULL;

    curl_url_get(url, what, &part, 0);
    return part;
}


/* Visible ASCII: what may stand in a request line or a host. */
static bool
wd_ws_plain(const char *z)
{
    for (; *z != '\0'; z++) {
        if (*z <= ' ' || *z >= 0x7f) {
            return false;
        }
    }
    return true;
}


static int
wd_ws_target(wd_ws_target_t *t, const wd_ws_req_t *req, wd_error_t *err)
{
    char *user = NULL;

    t->url = curl_url();
    if (t->url == NULL) {
        return wd_error(err, WD_ENOMEM, "no memory for a URL");
    }
    if (strlen(req->url) > WD_WS_URL_MAX || !wd_ws_plain(req->url)
        || curl_url_set(t->url, CURLUPART_URL, req->url,
                        CURLU_NON_SUPPORT_SCHEME)
               != CURLUE_OK) {
        return wd_error(err, WD_EINVAL, "the address is no URL");
    }

    t->scheme = wd_ws_part(t->url, CURLUPART_SCHEME);
    t->host = wd_ws_part(t->url, CURLUPART_HOST);
    t->port = wd_ws_part(t->url, CURLUPART_PORT);
    t->path = wd_ws_part(t->url, CURLUPART_PATH);
    t->query = wd_ws_part(t->url, CURLUPART_QUERY);
    user = wd_ws_part(t->url, CURLUPART_USER);
    curl_free(user);
    if (t->scheme == NULL || t->host == NULL || t->host[0] == '\0'
        || t->path == NULL || user != NULL) {
        return wd_error(err, WD_EINVAL, "the address has no host, or a user");
    }

    t->tls = wd_str_ieq(wd_str_z(t->scheme), WD_STR("wss"));
    if (!t->tls
        && !(req->allow_http
             && wd_str_ieq(wd_str_z(t->scheme), WD_STR("ws")))) {
        return wd_error(err, WD_EFORBIDDEN, "the address is not wss");
    }
    return WD_OK;
}


/* Base64 of SHA-1 of the key and a constant: proves that it was read. */
static int
wd_ws_accept(const char *key, char accept[WD_WS_ACCEPT_MAX])
{
    int           n;
    char          text[100];
    unsigned int  len = 0;
    unsigned char hash[EVP_MAX_MD_SIZE];

    n = snprintf(text, sizeof(text), "%s" WD_WS_GUID, key);
    if (EVP_Digest(text, (size_t) n, hash, &len, EVP_sha1(), NULL) != 1) {
        return WD_EINTERNAL;
    }
    sodium_bin2base64(accept, WD_WS_ACCEPT_MAX, hash, len,
                      sodium_base64_VARIANT_ORIGINAL);
    return WD_OK;
}


static bool
wd_ws_line_ok(const char *z)
{
    return strpbrk(z, "\r\n") == NULL;
}


static int
wd_ws_headers(const wd_ws_req_t *req, wd_buf_t *out, wd_error_t *err)
{
    size_t i;

    if (req->n_headers > WD_WS_HEADERS_MAX || !wd_ws_line_ok(req->user_agent)
        || (req->subprotocol != NULL
            && (req->subprotocol[0] == '\0'
                || !wd_ws_plain(req->subprotocol)))) {
        return wd_error(err, WD_EINVAL, "a header of the request is none");
    }

    wd_buf_printf(out, "User-Agent: %s\r\n", req->user_agent);
    if (req->subprotocol != NULL) {
        wd_buf_printf(out, "Sec-WebSocket-Protocol: %s\r\n", req->subprotocol);
    }
    for (i = 0; i < req->n_headers; i++) {
        if (!wd_ws_line_ok(req->headers[i])) {
            return wd_error(err, WD_EINVAL, "a header of the request is none");
        }
        wd_buf_printf(out, "%s\r\n", req->headers[i]);
    }
    wd_buf_z(out, "\r\n");
    return WD_OK;
}


static int
wd_ws_hello_fill(wd_ws_hello_t *h, const wd_ws_target_t *t,
                 const wd_ws_req_t *req, const uint8_t *nonce, wd_error_t *err)
{
    int  rc, n;
    char key[25];

    n = snprintf(h->origin, sizeof(h->origin), "%s://%s:%s/",
                 t->tls ? "https" : "http", t->host,
                 t->port != NULL ? t->port : (t->tls ? "443" : "80"));
    if ((size_t) n >= sizeof(h->origin)) {
        return wd_error(err, WD_EINVAL, "the name of the host is too long");
    }
    sodium_bin2base64(key, sizeof(key), nonce, WD_WS_NONCE_BYTES,
                      sodium_base64_VARIANT_ORIGINAL);
    rc = wd_ws_accept(key, h->accept);
    if (rc != WD_OK) {
        return wd_error(err, rc, "there is no SHA-1");
    }

    wd_buf_printf(&h->request, "GET %s%s%s HTTP/1.1\r\nHost: %s%s%s\r\n",
                  t->path, t->query != NULL ? "?" : "",
                  t->query != NULL ? t->query : "", t->host,
                  t->port != NULL ? ":" : "", t->port != NULL ? t->port : "");
    wd_buf_printf(&h->request,
                  "Upgrade: websocket\r\nConnection: Upgrade\r\n"
                  "Sec-WebSocket-Key: %s\r\nSec-WebSocket-Version: 13\r\n",
                  key);
    rc = wd_ws_headers(req, &h->request, err);
    if (rc == WD_OK && h->request.err != WD_OK) {
        return wd_error(err, WD_ENOMEM, "no memory for a request");
    }
    return rc;
}


int
wd_ws_hello_init(wd_ws_hello_t *h, const wd_ws_req_t *req,
                 const uint8_t nonce[WD_WS_NONCE_BYTES], wd_error_t *err)
{
    int            rc;
    wd_ws_target_t t;

    memset(h, 0, sizeof(*h));
    wd_buf_init(&h->request, 0);
    memset(&t, 0, sizeof(t));
    rc = wd_ws_target(&t, req, err);
    if (rc == WD_OK) {
        rc = wd_ws_hello_fill(h, &t, req, nonce, err);
    }
    wd_ws_target_done(&t);
    return rc;
}


void
wd_ws_hello_done(wd_ws_hello_t *h)
{
    if (h->request.data != NULL) {
        explicit_bzero(h->request.data, h->request.cap);
    }
    wd_buf_done(&h->request);
}


size_t
wd_ws_head_len(wd_str_t in)
{
    const char *end;

    end = in.len != 0 ? memmem(in.data, in.len, "\r\n\r\n", 4) : NULL;
    return end != NULL ? (size_t) (end - in.data) + 4 : 0;
}


/* What the answer says about the upgrade. */
typedef struct {
    int      status;
    unsigned upgrades;
    unsigned connections;
    unsigned accepts;
    unsigned protocols;
    bool     upgrade; /* to websocket, and nothing else */
    bool     connection; /* upgrade is among them */
    bool     extension;
    wd_str_t accept;
    wd_str_t protocol;
} wd_ws_head_t;


/* The line before CRLF; false: a stray CR or LF, or no line is left. */
static bool
wd_ws_head_line(wd_str_t *rest, wd_str_t *line)
{
    if (!wd_str_split(rest, '\n', line) || line->len == 0
        || line->data[line->len - 1] != '\r') {
        return false;
    }
    line->len--;
    return line->len == 0
           || (memchr(line->data, '\r', line->len) == NULL
               && memchr(line->data, '\0', line->len) == NULL);
}


/* "HTTP/1.1 101 ..." */
static bool
wd_ws_head_status(wd_str_t line, wd_ws_head_t *h)
{
    int64_t status;

    if (!wd_str_starts(line, "HTTP/1.1 ") || line.len < 12
        || (line.len > 12 && line.data[12] != ' ')
        || !isdigit((unsigned char) line.data[9])
        || wd_int_parse(wd_str(line.data + 9, 3), &status) != WD_OK) {
        return false;
    }
    h->status = (int) status;
    return status >= 100;
}


static bool
wd_ws_list_has(wd_str_t list, const char *token)
{
    wd_str_t item;

    while (wd_str_split(&list, ',', &item)) {
        if (wd_str_ieq(wd_str_trim(item), wd_str_z(token))) {
            return true;
        }
    }
    return false;
}


/* false: it is no header. A blank before the name continues one: refused. */
static bool
wd_ws_head_header(wd_str_t line, wd_ws_head_t *h)
{
    size_t   i;
    wd_str_t name;

    if (line.len == 0 || memchr(line.data, ':', line.len) == NULL
        || !wd_str_split(&line, ':', &name) || name.len == 0) {
        return false;
    }
    for (i = 0; i < name.len; i++) {
        if (!isalnum((unsigned char) name.data[i])
            && (name.data[i] == '\0'
                || strchr("!#$%&'*+-.^_`|~", name.data[i]) == NULL)) {
            return false;
        }
    }

    line = wd_str_trim(line);
    if (wd_str_ieq(name, WD_STR("Upgrade"))) {
        h->upgrades++;
        h->upgrade = wd_str_ieq(line, WD_STR("websocket"));
    } else if (wd_str_ieq(name, WD_STR("Connection"))) {
        h->connections++;
        h->connection |= wd_ws_list_has(line, "upgrade");
    } else if (wd_str_ieq(name, WD_STR("Sec-WebSocket-Accept"))) {
        h->accepts++;
        h->accept = line;
    } else if (wd_str_ieq(name, WD_STR("Sec-WebSocket-Protocol"))) {
        h->protocols++;
        h->protocol = line;
    } else if (wd_str_ieq(name, WD_STR("Sec-WebSocket-Extensions"))) {
        h->extension |= line.len != 0;
    }
    return true;
}


static bool
wd_ws_head_parse(wd_str_t head, wd_ws_head_t *h)
{
    wd_str_t line, rest = head;

    memset(h, 0, sizeof(*h));
    if (!wd_ws_head_line(&rest, &line) || !wd_ws_head_status(line, h)) {
        return false;
    }
    while (wd_ws_head_line(&rest, &line)) {
        if (line.len == 0) {
            return true;
        }
        if (!wd_ws_head_header(line, h)) {
            return false;
        }
    }
    return false;
}


static int
wd_ws_head_refused(int status, wd_error_t *err)
{
    int rc = WD_EPROTO;

    if (status == 401 || status == 403) {
        rc = WD_EUNAUTH;
    } else if (status == 429) {
        rc = WD_ELIMIT;
    } else if (status >= 500) {
        rc = WD_EUNAVAIL;
    }
    return wd_error(err, rc, "the server answers %d, not 101", status);
}


int
wd_ws_head_check(wd_str_t head, const char *accept, const char *subprotocol,
                 wd_error_t *err)
{
    wd_ws_head_t h;

    if (!wd_ws_head_parse(head, &h)) {
        return wd_error(err, WD_EPROTO, "the server's answer is no HTTP");
    }
    if (h.status != 101) {
        return wd_ws_head_refused(h.status, err);
    }
    if (h.upgrades != 1 || !h.upgrade || h.connections == 0 || !h.connection) {
        return wd_error(err, WD_EPROTO,
                        "the server upgrades to something else");
    }
    if (h.accepts != 1 || !wd_str_eq_z(h.accept, accept)) {
        return wd_error(err, WD_EPROTO, "the server's accept key is wrong");
    }
    if (h.extension) {
        return wd_error(err, WD_EPROTO,
                        "the server uses an extension that was not offered");
    }
    if (subprotocol != NULL
            ? h.protocols != 1 || !wd_str_eq_z(h.protocol, subprotocol)
            : h.protocols != 0) {
        return wd_error(err, WD_EPROTO, "the server speaks another protocol");
    }
    return WD_OK;
}
