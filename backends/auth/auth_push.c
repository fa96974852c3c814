/*
 * auth_push.c - the LISTEN thread, and what it makes the loop send.
 */
#include "auth_push.h"

#include "auth_store.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define AUTH_PROBE_MAX_NS WD_NS_PER_S /* without answer: connection is dead */
#define AUTH_RETRY_MIN_MS 50
#define AUTH_RETRY_MAX_MS 1000
#define AUTH_BATCH_MAX 1000 /* digests in one notification */

/*
 * Digests to be sent. A verdict that was read before a revocation may leave
 * after it, so each is sent again with the second beat to come.
 */
typedef struct {
    bool     all;
    wd_buf_t digests; /* AUTH_DIGEST_LEN bytes each */
} auth_batch_t;

struct auth_push {
    wd_service_t        *service;
    wd_log_t            *log;
    char                *url;
    auth_digests_t      *digests;
    pthread_t            thread;
    int                  wake; /* eventfd: stop */
    atomic_bool          stopping;
    atomic_bool          listening;
    atomic_uint_fast64_t epoch;

    /* loop thread */
    int64_t      seq;
    auth_batch_t fresh; /* pushed since the last beat */
    auth_batch_t due; /* to be sent again with the next beat */

    /* push thread */
    bool    failing; /* it was logged that LISTEN is lost */
    bool    probing;
    wd_ns_t probe_at; /* when the next one starts, or this one started */
};

typedef struct {
    auth_push_t *push;
    bool         all;
    uint8_t      digest[AUTH_DIGEST_LEN];
} auth_revocation_t;


/* ---- loop thread -------------------------------------------------------- */

static void
auth_put_digest(wd_buf_t *out, const uint8_t *digest)
{
    char hex[2 * AUTH_DIGEST_LEN + 1];

    wd_hex_encode(digest, AUTH_DIGEST_LEN, hex);
    wd_mp_put_z(out, hex);
}


static void
auth_send_revoke(auth_push_t *p, bool all, wd_str_t digests)
{
    size_t   i, n = all ? 0 : digests.len / AUTH_DIGEST_LEN;
    wd_buf_t params = WD_BUF_INIT;

    wd_mp_put_array(&params, 1);
    wd_mp_put_array(&params, (uint32_t) n);
    for (i = 0; i < n; i++) {
        auth_put_digest(&params,
                        (const uint8_t *) digests.data + i * AUTH_DIGEST_LEN);
    }

    if (params.err == WD_OK) {
        wd_rpc_server_notify(wd_service_rpc(p->service), WD_N_REVOKE,
                             wd_buf_view(&params));
    }
    wd_buf_done(&params);
}


static void
auth_batch_add(auth_batch_t *b, const auth_revocation_t *r)
{
    if (!r->all && b->digests.len < AUTH_BATCH_MAX * AUTH_DIGEST_LEN) {
        wd_buf_append(&b->digests, r->digest, AUTH_DIGEST_LEN);
    } else {
        b->all = true;
    }
    b->all |= b->digests.err != WD_OK;
}


static void
auth_on_revocation(void *arg)
{
    auth_revocation_t *r = arg;

    auth_send_revoke(r->push, r->all,
                     wd_str((const char *) r->digest, AUTH_DIGEST_LEN));
    auth_batch_add(&r->push->fresh, r);
    free(r);
}


/* Sends what is due and makes the fresh ones due. */
static void
auth_repeat(auth_push_t *p)
{
    auth_batch_t sent = p->due;

    if (sent.all || sent.digests.len != 0) {
        auth_send_revoke(p, sent.all, wd_buf_view(&sent.digests));
    }

    wd_buf_reset(&sent.digests);
    sent.all = false;
    p->due = p->fresh;
    p->fresh = sent;
}


static void
auth_on_beat(void *arg)
{
    wd_buf_t     params = WD_BUF_INIT;
    auth_push_t *p = arg;

    auth_repeat(p);

    wd_mp_put_array(&params, 1);
    wd_mp_put_int(&params, ++p->seq);
    if (params.err == WD_OK) {
        wd_rpc_server_notify(wd_service_rpc(p->service), WD_N_BEAT,
                             wd_buf_view(&params));
    }
    wd_buf_done(&params);
}


/* ---- any thread --------------------------------------------------------- */

/*
 * Without memory the revocation cannot be named: false, and the caller lets
 * the beats stop, so that gateways ask again.
 */
static bool
auth_push_post(auth_push_t *p, const uint8_t *digest)
{
    auth_revocation_t *r;

    r = calloc(1, sizeof(*r));
    if (r == NULL) {
        return false;
    }

    r->push = p;
    r->all = digest == NULL;
    if (digest != NULL) {
        memcpy(r->digest, digest, AUTH_DIGEST_LEN);
    }

    atomic_fetch_add(&p->epoch, 1);
    if (!wd_service_post(p->service, auth_on_revocation, r)) {
        free(r);
        return false;
    }
    return true;
}


static bool
auth_push_one(auth_push_t *p, int64_t key_id)
{
    uint8_t digest[AUTH_DIGEST_LEN];

    return auth_push_post(
        p, auth_digests_get(p->digests, key_id, digest) ? digest : NULL);
}


void
auth_push_key(auth_push_t *p, int64_t key_id)
{
    if (!auth_push_one(p, key_id)) {
        wd_log_warn(p->log, "revocation left to those who listen for it", "key",
                    key_id);
    }
}


uint64_t
auth_push_epoch(const auth_push_t *p)
{
    return atomic_load(&p->epoch);
}


bool
auth_push_listening(const auth_push_t *p)
{
    return atomic_load(&p->listening);
}


/* ---- push thread -------------------------------------------------------- */

/* Returns at `until` or when the socket (-1: none) or a stop needs care. */
static void
auth_wait(auth_push_t *p, int sock, wd_ns_t until)
{
    wd_ns_t       left = wd_max(until - wd_monotonic(), (wd_ns_t) 0);
    struct pollfd fds[] = {{p->wake, POLLIN, 0}, {sock, POLLIN, 0}};

    /* Rounded up: waking early would only spin. */
    poll(fds, wd_array_len(fds),
         (int) ((left + WD_NS_PER_MS - 1) / WD_NS_PER_MS));
}


static int
auth_probe_start(auth_push_t *p, PGconn *pg)
{
    wd_ns_t now = wd_monotonic();

    if (p->probing) {
        return now - p->probe_at < AUTH_PROBE_MAX_NS ? WD_OK : WD_ETIMEOUT;
    }
    if (now < p->probe_at) {
        return WD_OK;
    }

    p->probing = true;
    p->probe_at = now;
    return PQsendQuery(pg, "SELECT 1") ? WD_OK : WD_EDB;
}


/* *ret_done: the answer of the probe is complete. */
static int
auth_probe_read(auth_push_t *p, PGconn *pg, bool *ret_done)
{
    bool      ok = true;
    PGresult *r;

    *ret_done = false;
    if (!PQconsumeInput(pg)) {
        return WD_EDB;
    }

    while (p->probing && !PQisBusy(pg)) {
        r = PQgetResult(pg);
        if (r == NULL) {
            p->probing = false;
            p->probe_at += AUTH_BEAT_MS * WD_NS_PER_MS;
            *ret_done = true;
            break;
        }
        ok = ok && PQresultStatus(r) == PGRES_TUPLES_OK;
        PQclear(r);
    }
    return ok ? WD_OK : WD_EDB;
}


/* Pushes what was announced; an unreadable id means all. */
static int
auth_push_announced(auth_push_t *p, PGconn *pg)
{
    bool      ok = true;
    int64_t   id;
    PGnotify *n;

    while (ok && (n = PQnotifies(pg)) != NULL) {
        ok = wd_int_parse(wd_str_z(n->extra), &id) == WD_OK
                 ? auth_push_one(p, id)
                 : auth_push_post(p, NULL);
        PQfreemem(n);
    }
    return ok ? WD_OK : WD_ENOMEM;
}


/* The server sends what was announced before it answers the probe. */
static int
auth_push_step(auth_push_t *p, PGconn *pg)
{
    int  rc;
    bool probed;

    rc = auth_probe_start(p, pg);
    if (rc != WD_OK) {
        return rc;
    }

    auth_wait(p, PQsocket(pg),
              p->probing ? p->probe_at + AUTH_PROBE_MAX_NS : p->probe_at);

    rc = auth_probe_read(p, pg, &probed);
    if (rc != WD_OK) {
        return rc;
    }

    rc = auth_push_announced(p, pg);
    if (rc == WD_OK && probed) {
        wd_service_post(p->service, auth_on_beat, p);
    }
    return rc;
}


/* Until the connection fails or the service stops. */
static void
auth_push_serve(auth_push_t *p, wd_pg_conn_t *c)
{
    int rc;

    p->probing = false;
    p->probe_at = wd_monotonic();
    p->failing = false;

    /* What was revoked while nobody listened is not known. */
    rc = auth_push_post(p, NULL) ? WD_OK : WD_ENOMEM;
    atomic_store(&p->listening, rc == WD_OK);

    while (rc == WD_OK && !atomic_load(&p->stopping)) {
        rc = auth_push_step(p, wd_pg_raw(c));
    }

    atomic_store(&p->listening, false);
    if (rc != WD_OK) {
        p->failing = true;
        wd_log_warn(p->log, "revocations are not heard, gateways ask again",
                    "reason", wd_err_info(rc)->text);
    }
}


static int
auth_push_connect(auth_push_t *p, wd_pg_conn_t **ret, wd_error_t *err)
{
    int           rc;
    wd_pg_conn_t *c;

    rc = wd_pg_connect(p->url, "wizdata-auth-push", &c, err);
    if (rc != WD_OK) {
        return rc;
    }

    rc = auth_store_listen(c, err);
    if (rc != WD_OK) {
        wd_pg_disconnect(c);
        return rc;
    }

    *ret = c;
    return WD_OK;
}


static void *
auth_push_main(void *arg)
{
    wd_error_t    err;
    wd_pg_conn_t *c;
    auth_push_t  *p = arg;
    int64_t       delay_ms = AUTH_RETRY_MIN_MS;

    while (!atomic_load(&p->stopping)) {
        if (auth_push_connect(p, &c, &err) == WD_OK) {
            wd_log_msg(p->log, WD_LOG_INFO, "listening for revocations");
            auth_push_serve(p, c);
            wd_pg_disconnect(c);
            delay_ms = AUTH_RETRY_MIN_MS;
        } else if (!p->failing) {
            p->failing = true;
            wd_log_warn(p->log, "cannot listen for revocations, trying again",
                        "reason", err.text);
        }

        auth_wait(p, -1, wd_monotonic() + delay_ms * WD_NS_PER_MS);
        delay_ms = wd_min(2 * delay_ms, (int64_t) AUTH_RETRY_MAX_MS);
    }
    return NULL;
}


/* ---- life --------------------------------------------------------------- */

void
auth_push_destroy(auth_push_t *p)
{
    if (p == NULL) {
        return;
    }

    if (p->wake >= 0) {
        close(p->wake);
    }
    wd_buf_done(&p->fresh.digests);
    wd_buf_done(&p->due.digests);
    if (p->url != NULL) {
        explicit_bzero(p->url, strlen(p->url));
    }
    free(p->url);
    free(p);
}


int
auth_push_start(wd_service_t *service, const char *url, auth_digests_t *digests,
                auth_push_t **ret, wd_error_t *err)
{
    auth_push_t *p;

    p = calloc(1, sizeof(*p));
    if (p == NULL) {
        return wd_error(err, WD_ENOMEM, "no memory");
    }

    p->service = service;
    p->log = wd_service_log(service);
    p->digests = digests;
    p->url = strdup(url);
    p->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

    if (p->url == NULL || p->wake < 0
        || pthread_create(&p->thread, NULL, auth_push_main, p) != 0) {
        auth_push_destroy(p);
        return wd_error(err, WD_EINTERNAL, "cannot start the push thread");
    }

    *ret = p;
    return WD_OK;
}


void
auth_push_stop(auth_push_t *p)
{
    const uint64_t one = 1;

    if (p == NULL) {
        return;
    }

    atomic_store(&p->stopping, true);
    if (write(p->wake, &one, sizeof(one)) < 0) {
        wd_log_warn(p->log, "the push thread ends with its next beat", "errno",
                    errno);
    }
    pthread_join(p->thread, NULL);
}
