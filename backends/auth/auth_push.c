/*
 * auth_push.c - what the LISTEN thread hears, and what it makes the loop send.
 */
#include "auth_push.h"

#include "auth_audit.h"
#include "auth_jwks.h"
#include "auth_tables.h"
#include "wd_listen.h"

#include <stdatomic.h>
#include <stdlib.h>

#define AUTH_BATCH_MAX 1000 /* digests, or void tokens, in one notification */
#define AUTH_BATCH_BYTES (128 * 1024)

/*
 * What is to be sent again. A verdict that was read before a revocation may
 * leave after it, so each is sent again with the second beat to come.
 */
typedef struct {
    bool     all;
    wd_buf_t digests; /* AUTH_DIGEST_LEN bytes each */
    wd_buf_t voids; /* entries of auth_void_put() */
    uint32_t n_voids;
} auth_batch_t;

struct auth_push {
    wd_service_t        *service;
    wd_log_t            *log;
    auth_digests_t      *digests;
    const auth_pepper_t *pepper;
    wd_listen_t         *listen;
    wd_ns_t              rotate_ns; /* of signing keys; 0: never */
    atomic_bool          blind; /* something could not be told: no beats */

    /* listen thread */
    bool plans_due; /* to be read again */
    bool roles_due;

    /* loop thread */
    int64_t        seq;
    auth_tables_t *tables; /* NULL: nothing was read yet */
    auth_batch_t   fresh; /* pushed since the last beat */
    auth_batch_t   due; /* to be sent again with the next beat */
};

/* ---- news: from any thread to the loop ---------------------------------- */

typedef enum {
    AUTH_NEWS_KEYS, /* digests, or all */
    AUTH_NEWS_VOID,
    AUTH_NEWS_TABLES, /* all was read anew */
    AUTH_NEWS_PLANS,
    AUTH_NEWS_ROLES,
    AUTH_NEWS_JWKS
} auth_news_e;

typedef struct {
    auth_news_e    kind;
    auth_push_t   *push;
    wd_ns_t        at; /* 0: not known */
    bool           all;
    wd_buf_t       bytes; /* digests, a void token's value, plans, roles */
    auth_void_t    v;
    auth_tables_t *tables;
} auth_news_t;


static auth_news_t *
auth_news_create(auth_push_t *p, auth_news_e kind, wd_ns_t at)
{
    auth_news_t *n;

    n = calloc(1, sizeof(*n));
    if (n != NULL) {
        n->kind = kind;
        n->push = p;
        n->at = at;
    }
    return n;
}


static void
auth_news_destroy(auth_news_t *n)
{
    wd_buf_done(&n->bytes);
    auth_tables_destroy(n->tables);
    free(n);
}


/* ---- loop thread -------------------------------------------------------- */

static void
auth_notify(auth_push_t *p, const char *method, wd_buf_t *params)
{
    if (params->err == WD_OK) {
        wd_rpc_server_notify(wd_service_rpc(p->service), method,
                             wd_buf_view(params));
    } else {
        p->blind = true; /* somebody was not told */
    }
    wd_buf_done(params);
}


/* Params of auth.revoke. */
static void
auth_keys_params(wd_buf_t *out, bool all, wd_str_t digests, wd_ns_t at)
{
    char   hex[2 * AUTH_DIGEST_LEN + 1];
    size_t i, n = all ? 0 : digests.len / AUTH_DIGEST_LEN;

    wd_mp_put_array(out, 2);
    wd_mp_put_array(out, (uint32_t) n);
    for (i = 0; i < n; i++) {
        wd_hex_encode((const uint8_t *) digests.data + i * AUTH_DIGEST_LEN,
                      AUTH_DIGEST_LEN, hex);
        wd_mp_put_z(out, hex);
    }
    wd_mp_put_int(out, at);
}


static void
auth_send_keys(auth_push_t *p, bool all, wd_str_t digests, wd_ns_t at)
{
    wd_buf_t params = WD_BUF_INIT;

    auth_keys_params(&params, all, digests, at);
    auth_notify(p, WD_N_REVOKE, &params);
}


static void
auth_send_voids(auth_push_t *p, wd_str_t entries, uint32_t n, wd_ns_t at)
{
    wd_buf_t params = WD_BUF_INIT;

    auth_voids_params(&params, entries, n, at);
    auth_notify(p, WD_N_REVOKE_TOKEN, &params);
}


static void
auth_on_keys(auth_push_t *p, const auth_news_t *n)
{
    auth_batch_t *b = &p->fresh;

    auth_send_keys(p, n->all, wd_buf_view(&n->bytes), n->at);

    if (!n->all
        && b->digests.len + n->bytes.len <= AUTH_BATCH_MAX * AUTH_DIGEST_LEN) {
        wd_buf_str(&b->digests, wd_buf_view(&n->bytes));
    } else {
        b->all = true;
    }
    b->all |= b->digests.err != WD_OK;
}


/* A full batch leaves early: a token's revocation stays with the gateways. */
static void
auth_batch_void(auth_push_t *p, wd_str_t entry)
{
    auth_batch_t *b = &p->fresh;

    if (b->n_voids == AUTH_BATCH_MAX
        || b->voids.len + entry.len > AUTH_BATCH_BYTES) {
        auth_send_voids(p, wd_buf_view(&b->voids), b->n_voids, 0);
        wd_buf_reset(&b->voids);
        b->n_voids = 0;
    }
    wd_buf_str(&b->voids, entry);
    b->n_voids++;
    if (b->voids.err != WD_OK) {
        p->blind = true;
    }
}


static void
auth_on_void(auth_push_t *p, const auth_news_t *n)
{
    wd_buf_t    entry = WD_BUF_INIT;
    auth_void_t v = n->v;

    v.value = wd_buf_view(&n->bytes);
    auth_void_put(&entry, &v);
    if (entry.err != WD_OK) {
        wd_buf_done(&entry);
        p->blind = true;
        return;
    }

    auth_send_voids(p, wd_buf_view(&entry), 1, n->at);
    auth_batch_void(p, wd_buf_view(&entry));
    wd_buf_done(&entry);

    /* Before the first reading it is in what will be read. */
    if (p->tables != NULL && auth_tables_add(p->tables, &v) != WD_OK) {
        p->blind = true;
        wd_log_warn(p->log, "too many tokens are void, gateways ask for each",
                    "max", AUTH_VOIDS_MAX);
    }
}


static void
auth_on_tables(auth_push_t *p, auth_news_t *n)
{
    auth_tables_destroy(p->tables);
    p->tables = n->tables;
    n->tables = NULL;
    p->blind = false;
    wd_rpc_server_greet(wd_service_rpc(p->service));
}


static void
auth_on_plans(auth_push_t *p, auth_news_t *n)
{
    wd_rpc_server_notify(wd_service_rpc(p->service), WD_N_PLANS,
                         wd_buf_view(&n->bytes));
    auth_tables_set_plans(p->tables, &n->bytes);
}


static void
auth_on_roles(auth_push_t *p, auth_news_t *n)
{
    wd_rpc_server_notify(wd_service_rpc(p->service), WD_N_ROLES,
                         wd_buf_view(&n->bytes));
    auth_tables_set_roles(p->tables, &n->bytes);
}


static void
auth_on_news(void *arg)
{
    auth_news_t *n = arg;
    auth_push_t *p = n->push;

    switch (n->kind) {
    case AUTH_NEWS_KEYS:
        auth_on_keys(p, n);
        break;
    case AUTH_NEWS_VOID:
        auth_on_void(p, n);
        break;
    case AUTH_NEWS_TABLES:
        auth_on_tables(p, n);
        break;
    case AUTH_NEWS_PLANS:
        auth_on_plans(p, n);
        break;
    case AUTH_NEWS_ROLES:
        auth_on_roles(p, n);
        break;
    case AUTH_NEWS_JWKS:
        wd_rpc_server_notify(wd_service_rpc(p->service), WD_N_JWKS_CHANGED,
                             WD_STR("\x90"));
        break;
    }
    auth_news_destroy(n);
}


/* Sends what is due and makes the fresh ones due. */
static void
auth_repeat(auth_push_t *p)
{
    auth_batch_t sent = p->due;

    if (sent.all || sent.digests.len != 0) {
        auth_send_keys(p, sent.all, wd_buf_view(&sent.digests), 0);
    }
    if (sent.n_voids != 0) {
        auth_send_voids(p, wd_buf_view(&sent.voids), sent.n_voids, 0);
    }

    wd_buf_reset(&sent.digests);
    wd_buf_reset(&sent.voids);
    sent.n_voids = 0;
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
    if (p->blind) {
        return;
    }

    wd_mp_put_array(&params, 1);
    wd_mp_put_int(&params, ++p->seq);
    auth_notify(p, WD_N_BEAT, &params);
}


/*
 * A gateway whose workers are replaced hears nothing for a moment. What was
 * revoked in it is not left to the beat that repeats it.
 */
static void
auth_greet_keys(const auth_batch_t *b, wd_rpc_peer_t *peer)
{
    wd_buf_t params = WD_BUF_INIT;

    if (!b->all && b->digests.len == 0) {
        return;
    }

    auth_keys_params(&params, b->all, wd_buf_view(&b->digests), 0);
    if (params.err == WD_OK) {
        wd_rpc_peer_notify(peer, WD_N_REVOKE, wd_buf_view(&params));
    } else {
        wd_rpc_peer_close(peer); /* it must not hear a beat after less */
    }
    wd_buf_done(&params);
}


static void
auth_on_connect(wd_rpc_peer_t *peer, void *arg)
{
    auth_push_t *p = arg;

    if (p->tables != NULL) {
        auth_tables_greet(p->tables, peer);
        auth_greet_keys(&p->due, peer);
        auth_greet_keys(&p->fresh, peer);
    }
}


/* ---- any thread --------------------------------------------------------- */

/*
 * Takes the news over. Without memory it cannot be told: WD_ENOMEM, and the
 * thread begins anew, so that gateways ask again.
 */
static int
auth_post(auth_push_t *p, auth_news_t *n)
{
    if (n == NULL) {
        return WD_ENOMEM;
    }
    if (n->bytes.err != WD_OK
        || !wd_service_post(p->service, auth_on_news, n)) {
        auth_news_destroy(n);
        return WD_ENOMEM;
    }
    return WD_OK;
}


/* News without bytes. */
static int
auth_post_kind(auth_push_t *p, auth_news_e kind, wd_ns_t at)
{
    auth_news_t *n = auth_news_create(p, kind, at);

    if (n != NULL && kind == AUTH_NEWS_KEYS) {
        n->all = true;
    }
    if (kind == AUTH_NEWS_KEYS) {
        auth_digests_void(p->digests, 0);
    }
    return auth_post(p, n);
}


/* Ids parted by commas; one whose digest is not known stands for all. */
static int
auth_post_keys(auth_push_t *p, wd_str_t ids, wd_ns_t at)
{
    int64_t      id;
    uint8_t      digest[AUTH_DIGEST_LEN];
    wd_str_t     one;
    auth_news_t *n = auth_news_create(p, AUTH_NEWS_KEYS, at);

    /* First: who verifies now looks once more, and finds what is new. */
    while (wd_str_split(&ids, ',', &one)) {
        if (wd_int_parse(one, &id) != WD_OK || id < 1) {
            id = 0;
        }
        auth_digests_void(p->digests, id);
        if (n == NULL || n->all) {
            continue;
        }
        if (id != 0 && auth_digests_get(p->digests, id, digest)) {
            wd_buf_append(&n->bytes, digest, sizeof(digest));
        } else {
            n->all = true;
        }
    }
    return auth_post(p, n);
}


static int
auth_post_void(auth_push_t *p, const auth_void_t *v, wd_ns_t at)
{
    auth_news_t *n = auth_news_create(p, AUTH_NEWS_VOID, at);

    if (n != NULL) {
        n->v = *v;
        wd_buf_str(&n->bytes, v->value);
    }
    return auth_post(p, n);
}


void
auth_push_key(auth_push_t *p, int64_t key_id, wd_ns_t at)
{
    char   id[WD_NUM_TEXT_MAX];
    size_t len = wd_int_format(key_id, id);

    if (auth_post_keys(p, wd_str(id, len), at) != WD_OK) {
        wd_log_warn(p->log, "revocation left to those who listen for it", "key",
                    key_id);
    }
}


void
auth_push_void(auth_push_t *p, const auth_void_t *v, wd_ns_t at)
{
    if (auth_post_void(p, v, at) != WD_OK) {
        wd_log_warn(p->log, "revocation left to those who listen for it",
                    "kind", auth_void_name(v->kind));
    }
}


bool
auth_push_listening(const auth_push_t *p)
{
    return wd_listen_hears(p->listen);
}


bool
auth_push_complete(const auth_push_t *p)
{
    return wd_listen_hears(p->listen) && !atomic_load(&p->blind);
}


bool
auth_push_token(const auth_push_t *p, wd_str_t jti, wd_str_t sub,
                wd_ns_t issued_at, bool *ret_void)
{
    if (p->tables == NULL || !auth_push_complete(p)) {
        return false;
    }
    *ret_void = auth_tables_void(p->tables, jti, sub, issued_at);
    return true;
}


/* ---- listen thread ------------------------------------------------------ */

static int
auth_load_tables(auth_push_t *p, wd_pg_conn_t *c, wd_error_t *err)
{
    int          rc;
    auth_news_t *n = auth_news_create(p, AUTH_NEWS_TABLES, 0);

    if (n == NULL || (n->tables = auth_tables_create()) == NULL) {
        free(n);
        return wd_error(err, WD_ENOMEM, "no memory for what gateways know");
    }

    rc = auth_tables_load(n->tables, c, err);
    if (rc != WD_OK) {
        auth_news_destroy(n);
        return rc;
    }
    rc = auth_post(p, n);
    return rc == WD_OK ? WD_OK : wd_error(err, rc, "no memory");
}


/* Too many void tokens to tell of would be the end of every answer. */
static int
auth_load_merged(auth_push_t *p, wd_pg_conn_t *c, wd_error_t *err)
{
    int rc = auth_load_tables(p, c, err);

    if (rc != WD_ETOOBIG) {
        return rc;
    }
    wd_log_warn(p->log, "too many void tokens: all that were issued are void",
                "most", AUTH_VOIDS_MAX);
    rc = auth_store_voids_merge(c, err);
    return rc == WD_OK ? auth_load_tables(p, c, err) : rc;
}


/* What was revoked while nobody listened is not known: all keys. */
static int
auth_push_open(wd_pg_conn_t *c, void *arg, wd_error_t *err)
{
    int          rc;
    auth_push_t *p = arg;

    rc = auth_store_listen(c, err);
    if (rc == WD_OK) {
        rc = auth_jwks_ensure(c, p->pepper, p->rotate_ns, p->log, err);
    }
    if (rc == WD_OK) {
        rc = auth_audit_begin(c, p->pepper, err);
        if (rc != WD_OK && !wd_pg_broken(c)) {
            wd_log_warn(p->log, "the audit trail does not begin", "reason",
                        (const char *) err->text);
            wd_pg_rollback(c);
            rc = WD_OK;
        }
    }
    if (rc == WD_OK) {
        rc = auth_load_merged(p, c, err);
    }
    if (rc != WD_OK) {
        return rc;
    }

    rc = auth_post_kind(p, AUTH_NEWS_KEYS, 0);
    if (rc == WD_OK) {
        rc = auth_post_kind(p, AUTH_NEWS_JWKS, 0);
    }
    return rc == WD_OK ? WD_OK : wd_error(err, rc, "no memory");
}


/* "KIND NUMBER VALUE" */
static int
auth_heard_void(auth_push_t *p, wd_str_t text, wd_ns_t at)
{
    wd_str_t    kind, number;
    auth_void_t v;

    if (!wd_str_split(&text, ' ', &kind) || !auth_void_by_name(kind, &v.kind)
        || !wd_str_split(&text, ' ', &number)
        || wd_int_parse(number, &v.number) != WD_OK) {
        return WD_EPROTO;
    }
    v.value = text;
    return auth_post_void(p, &v, at);
}


/* An announcement that is not understood makes all be read anew. */
static int
auth_push_heard(wd_str_t payload, void *arg, bool *ret_work)
{
    int64_t      at_us;
    wd_str_t     kind, at, rest = payload;
    auth_push_t *p = arg;

    if (!wd_str_split(&rest, ' ', &kind) || !wd_str_split(&rest, ' ', &at)
        || wd_int_parse(at, &at_us) != WD_OK || at_us < 0
        || at_us > WD_NS_MAX / WD_NS_PER_US) {
        return WD_EPROTO;
    }

    if (wd_str_eq_z(kind, "keys")) {
        return auth_post_keys(p, rest, at_us * WD_NS_PER_US);
    }
    if (wd_str_eq_z(kind, "all")) {
        return auth_post_kind(p, AUTH_NEWS_KEYS, at_us * WD_NS_PER_US);
    }
    if (wd_str_eq_z(kind, "token")) {
        return auth_heard_void(p, rest, at_us * WD_NS_PER_US);
    }
    if (wd_str_eq_z(kind, "jwks")) {
        return auth_post_kind(p, AUTH_NEWS_JWKS, at_us * WD_NS_PER_US);
    }

    p->plans_due |= wd_str_eq_z(kind, "plans");
    p->roles_due |= wd_str_eq_z(kind, "roles");
    *ret_work = p->plans_due || p->roles_due;
    return *ret_work ? WD_OK : WD_EPROTO;
}


/* A table that changed is read and told. */
static int
auth_push_table(auth_push_t *p, wd_pg_conn_t *c, auth_news_e kind,
                int (*read)(wd_pg_conn_t *c, wd_buf_t *out, wd_error_t *err),
                wd_error_t *err)
{
    int          rc;
    auth_news_t *n = auth_news_create(p, kind, 0);

    if (n == NULL) {
        return wd_error(err, WD_ENOMEM, "no memory");
    }

    rc = read(c, &n->bytes, err);
    if (rc != WD_OK) {
        auth_news_destroy(n);
        return rc;
    }
    rc = auth_post(p, n);
    return rc == WD_OK ? WD_OK : wd_error(err, rc, "no memory");
}


/* Of those before the connection was lost all was read anew. */
static int
auth_push_work(wd_pg_conn_t *c, void *arg, wd_error_t *err)
{
    int          rc = WD_OK;
    auth_push_t *p = arg;

    if (p->plans_due) {
        rc = auth_push_table(p, c, AUTH_NEWS_PLANS, auth_plans_params, err);
    }
    if (rc == WD_OK && p->roles_due) {
        rc = auth_push_table(p, c, AUTH_NEWS_ROLES, auth_roles_params, err);
    }
    p->plans_due = p->roles_due = false;
    return rc;
}


/*
 * Without memory there is no beat, which is always right. When something
 * could not be told, all is read and told anew.
 */
static int
auth_push_beat(void *arg)
{
    auth_push_t *p = arg;

    if (atomic_load(&p->blind)) {
        return WD_ENOMEM;
    }
    wd_service_post(p->service, auth_on_beat, p);
    return WD_OK;
}


/* ---- life --------------------------------------------------------------- */

static void
auth_batch_done(auth_batch_t *b)
{
    wd_buf_done(&b->digests);
    wd_buf_done(&b->voids);
}


void
auth_push_destroy(auth_push_t *p)
{
    if (p == NULL) {
        return;
    }

    wd_listen_destroy(p->listen);
    auth_tables_destroy(p->tables);
    auth_batch_done(&p->fresh);
    auth_batch_done(&p->due);
    free(p);
}


int
auth_push_start(wd_service_t *service, const char *url, auth_digests_t *digests,
                const auth_pepper_t *pepper, wd_ns_t rotate_ns,
                auth_push_t **ret, wd_error_t *err)
{
    int              rc;
    auth_push_t     *p;
    wd_listen_spec_t spec = {
        .what = "revocations",
        .app_name = "wizdata-auth-push",
        .beat_ms = AUTH_BEAT_MS,
        .log = wd_service_log(service),
        .open = auth_push_open,
        .heard = auth_push_heard,
        .work = auth_push_work,
        .beat = auth_push_beat,
    };

    p = calloc(1, sizeof(*p));
    if (p == NULL) {
        return wd_error(err, WD_ENOMEM, "no memory");
    }

    p->service = service;
    p->log = spec.log;
    p->digests = digests;
    p->pepper = pepper;
    p->rotate_ns = rotate_ns;
    spec.arg = p;
    wd_rpc_server_on_connect(wd_service_rpc(service), auth_on_connect, p);

    rc = wd_listen_start(&spec, url, &p->listen, err);
    if (rc != WD_OK) {
        auth_push_destroy(p);
        return rc;
    }
    *ret = p;
    return WD_OK;
}


void
auth_push_stop(auth_push_t *p)
{
    if (p != NULL) {
        wd_listen_stop(p->listen);
    }
}
