/*
 * auth_tables.c - plans and void tokens, as gateways are told of them.
 */
#include "auth_tables.h"

#include <stdlib.h>

#define AUTH_VOIDS_IN_ONE 1000 /* entries of a notification: 270 KB at most */
#define AUTH_VOIDS_BYTES (128 * 1024)

/* An entry in `bytes`. */
typedef struct {
    size_t  at;
    int64_t end; /* when it has no effect any more */
} auth_entry_t;

struct auth_tables {
    wd_buf_t      plans; /* empty: not known */
    wd_buf_t      bytes;
    auth_entry_t *entries;
    size_t        n;
    size_t        cap;
};


auth_tables_t *
auth_tables_create(void)
{
    return calloc(1, sizeof(auth_tables_t));
}


void
auth_tables_destroy(auth_tables_t *t)
{
    if (t != NULL) {
        wd_buf_done(&t->plans);
        wd_buf_done(&t->bytes);
        free(t->entries);
        free(t);
    }
}


void
auth_void_put(wd_buf_t *out, const auth_void_t *v)
{
    wd_mp_put_array(out, 3);
    wd_mp_put_z(out, auth_void_name(v->kind));
    wd_mp_put_str(out, v->value);
    wd_mp_put_int(out, v->number);
}


void
auth_voids_params(wd_buf_t *out, wd_str_t entries, uint32_t n, wd_ns_t at)
{
    wd_mp_put_array(out, 2);
    wd_mp_put_array(out, n);
    wd_buf_str(out, entries);
    wd_mp_put_int(out, at);
}


static size_t
auth_entry_end(const auth_tables_t *t, size_t i)
{
    return i + 1 < t->n ? t->entries[i + 1].at : t->bytes.len;
}


static wd_str_t
auth_entry_bytes(const auth_tables_t *t, size_t i)
{
    size_t at = t->entries[i].at;

    return wd_str((const char *) t->bytes.data + at, auth_entry_end(t, i) - at);
}


/* Moves those together whose tokens have not ended. */
static void
auth_tables_prune(auth_tables_t *t)
{
    size_t   i, n = 0, len = 0;
    wd_ns_t  now = wd_now();
    wd_str_t bytes;

    for (i = 0; i < t->n; i++) {
        if (t->entries[i].end <= now) {
            continue;
        }
        bytes = auth_entry_bytes(t, i);
        memmove(t->bytes.data + len, bytes.data, bytes.len);
        t->entries[n++] = (auth_entry_t){len, t->entries[i].end};
        len += bytes.len;
    }
    t->n = n;
    t->bytes.len = len;
}


static int
auth_tables_grow(auth_tables_t *t)
{
    size_t cap = t->cap != 0 ? 2 * t->cap : 64;
    void  *p;

    if (t->n < t->cap) {
        return WD_OK;
    }
    p = realloc(t->entries, cap * sizeof(*t->entries));
    if (p == NULL) {
        return WD_ENOMEM;
    }
    t->entries = p;
    t->cap = cap;
    return WD_OK;
}


int
auth_tables_add(auth_tables_t *t, const auth_void_t *v)
{
    size_t at;

    if (t->n == AUTH_VOIDS_MAX) {
        auth_tables_prune(t);
    }
    if (t->n == AUTH_VOIDS_MAX) {
        return WD_ETOOBIG;
    }
    if (auth_tables_grow(t) != WD_OK) {
        return WD_ENOMEM;
    }

    at = t->bytes.len;
    auth_void_put(&t->bytes, v);
    if (t->bytes.err != WD_OK) {
        t->bytes.len = at;
        t->bytes.err = WD_OK;
        return WD_ENOMEM;
    }
    t->entries[t->n++] = (auth_entry_t){
        at, v->kind == AUTH_VOID_JTI ? v->number : WD_NS_MAX};
    return WD_OK;
}


void
auth_tables_set_plans(auth_tables_t *t, wd_buf_t *params)
{
    wd_buf_done(&t->plans);
    t->plans = *params;
    *params = (wd_buf_t) WD_BUF_INIT;
}


/* Entries from..to-1. Without memory the peer is told nothing, see below. */
static int
auth_greet_voids(const auth_tables_t *t, size_t from, size_t to,
                 wd_rpc_peer_t *peer)
{
    int      rc;
    size_t   at = t->entries[from].at;
    wd_buf_t params = WD_BUF_INIT;

    auth_voids_params(&params,
                      wd_str((const char *) t->bytes.data + at,
                             auth_entry_end(t, to - 1) - at),
                      (uint32_t) (to - from), 0);
    rc = params.err;
    if (rc == WD_OK) {
        wd_rpc_peer_notify(peer, WD_N_REVOKE_TOKEN, wd_buf_view(&params));
    }
    wd_buf_done(&params);
    return rc;
}


void
auth_tables_greet(const auth_tables_t *t, wd_rpc_peer_t *peer)
{
    size_t from, to;

    if (t->plans.len != 0) {
        wd_rpc_peer_notify(peer, WD_N_PLANS, wd_buf_view(&t->plans));
    }

    for (from = 0; from < t->n; from = to) {
        to = from + 1;
        while (to < t->n && to - from < AUTH_VOIDS_IN_ONE
               && auth_entry_end(t, to) - t->entries[from].at
                      <= AUTH_VOIDS_BYTES) {
            to++;
        }
        if (auth_greet_voids(t, from, to, peer) != WD_OK) {
            /* It must not hear a beat after less than all. */
            wd_rpc_peer_close(peer);
            return;
        }
    }
}


/* ---- plans -------------------------------------------------------------- */

typedef struct {
    wd_buf_t rows;
    uint32_t n;
} auth_plans_t;


static void
auth_put_plan(const auth_plan_t *plan, void *arg)
{
    auth_plans_t *p = arg;

    wd_mp_put_array(&p->rows, 2);
    wd_mp_put_str(&p->rows, plan->name);
    wd_mp_put_str(&p->rows, plan->limits);
    p->n++;
}


int
auth_plans_params(wd_pg_conn_t *c, wd_buf_t *out, wd_error_t *err)
{
    int          rc;
    auth_plans_t p = {WD_BUF_INIT, 0};

    rc = auth_store_plans(c, auth_put_plan, &p, err);
    if (rc == WD_OK) {
        wd_mp_put_array(out, 1);
        wd_mp_put_array(out, p.n);
        wd_buf_str(out, wd_buf_view(&p.rows));
        rc = p.rows.err != WD_OK ? p.rows.err : out->err;
        if (rc != WD_OK) {
            wd_error(err, rc, "no memory for plans");
        }
    }
    wd_buf_done(&p.rows);
    return rc;
}
