/*
 * auth_tables.c - plans, roles and void tokens, as gateways are told of them.
 */
#include "auth_tables.h"

#include "auth_check.h"
#include "auth_store_plans.h"
#include "auth_store_roles.h"
#include "wd_map.h"
#include "wd_plan.h"

#include <stdlib.h>

#define AUTH_VOIDS_IN_ONE 400 /* entries of a notification */
#define AUTH_VOIDS_BYTES (128 * 1024)
#define AUTH_VOID_LEEWAY_NS (60 * WD_NS_PER_S) /* as gateways grant */
#define AUTH_VOID_KEY_MAX 256

/* A frame has room for the table and what stands around it. */
#define AUTH_PARAMS_MAX (WD_FRAME_MAX - 1024)

/* An array, a name and a text of a plan, each with its head. */
#define AUTH_PLAN_BYTES (1 + 2 + WD_PLAN_MAX + 3 + WD_PLAN_TEXT_MAX)

_Static_assert(AUTH_PLANS_MAX *AUTH_PLAN_BYTES + 16 <= AUTH_PARAMS_MAX,
               "gateways can be told of all plans");

struct auth_tables {
    wd_buf_t  plans; /* empty: not known */
    wd_buf_t  roles;
    wd_map_t *voids; /* kind and value -> auth_entry_t */
};

typedef struct {
    auth_void_e kind;
    int64_t     number;
    size_t      len;
    char        value[];
} auth_entry_t;


/* ---- void tokens -------------------------------------------------------- */

auth_tables_t *
auth_tables_create(void)
{
    auth_tables_t *t = calloc(1, sizeof(*t));

    if (t != NULL) {
        t->voids = wd_map_create();
        if (t->voids == NULL) {
            free(t);
            return NULL;
        }
    }
    return t;
}


void
auth_tables_destroy(auth_tables_t *t)
{
    size_t   pos = 0;
    void    *entry;
    wd_str_t key;

    if (t == NULL) {
        return;
    }
    while (wd_map_next(t->voids, &pos, &key, &entry)) {
        free(entry);
    }
    wd_map_destroy(t->voids);
    wd_buf_done(&t->plans);
    wd_buf_done(&t->roles);
    free(t);
}


size_t
auth_tables_len(const auth_tables_t *t)
{
    return wd_map_len(t->voids);
}


static wd_str_t
auth_void_key(char out[AUTH_VOID_KEY_MAX], auth_void_e kind, wd_str_t value)
{
    size_t n = wd_min(value.len, (size_t) AUTH_VOID_KEY_MAX - 1);

    out[0] = (char) ('0' + (int) kind);
    if (n != 0) {
        memcpy(out + 1, value.data, n);
    }
    return wd_str(out, n + 1);
}


static void
auth_tables_drop(auth_tables_t *t, const auth_entry_t *e)
{
    char key[AUTH_VOID_KEY_MAX];

    free(wd_map_del(t->voids,
                    auth_void_key(key, e->kind, wd_str(e->value, e->len))));
}


/* Nobody has a token that it makes void. */
static bool
auth_void_ended(const auth_entry_t *e)
{
    int64_t  id;
    wd_ns_t  end = e->number;
    wd_str_t sub = wd_str(e->value, e->len);

    if (e->kind == AUTH_VOID_SUB && wd_str_starts(sub, "user:")
        && auth_user_id(sub, &id)) {
        end += AUTH_TOKEN_TTL_MAX_S * WD_NS_PER_S;
    } else if (e->kind != AUTH_VOID_JTI) {
        return false;
    }
    return end + AUTH_VOID_LEEWAY_NS < wd_now();
}


static void
auth_tables_sweep(auth_tables_t *t)
{
    void         *found;
    size_t        pos = 0, n = 0, i;
    wd_str_t      key;
    auth_entry_t *e, **ended;

    ended = malloc(wd_map_len(t->voids) * sizeof(auth_entry_t *));
    if (ended == NULL) {
        return;
    }
    while (wd_map_next(t->voids, &pos, &key, &found)) {
        e = found;
        if (auth_void_ended(e)) {
            ended[n++] = e;
        }
    }
    for (i = 0; i < n; i++) {
        auth_tables_drop(t, ended[i]);
    }
    free(ended);
}


int
auth_tables_add(auth_tables_t *t, const auth_void_t *v)
{
    char          text[AUTH_VOID_KEY_MAX];
    wd_str_t      key = auth_void_key(text, v->kind, v->value);
    auth_entry_t *e = wd_map_get(t->voids, key);

    if (e != NULL) {
        e->number = wd_max(e->number, v->number);
        return WD_OK;
    }

    if (wd_map_len(t->voids) >= AUTH_VOIDS_MAX) {
        auth_tables_sweep(t);
    }
    if (wd_map_len(t->voids) >= AUTH_VOIDS_MAX) {
        return WD_ETOOBIG;
    }

    e = malloc(sizeof(*e) + v->value.len);
    if (e == NULL) {
        return WD_ENOMEM;
    }
    e->kind = v->kind;
    e->number = v->number;
    e->len = v->value.len;
    if (e->len != 0) {
        memcpy(e->value, v->value.data, e->len);
    }
    if (wd_map_set(t->voids, key, e, NULL) != WD_OK) {
        free(e);
        return WD_ENOMEM;
    }
    return WD_OK;
}


static const auth_entry_t *
auth_tables_find(const auth_tables_t *t, auth_void_e kind, wd_str_t value)
{
    char key[AUTH_VOID_KEY_MAX];

    return wd_map_get(t->voids, auth_void_key(key, kind, value));
}


bool
auth_tables_void(const auth_tables_t *t, wd_str_t jti, wd_str_t sub,
                 wd_ns_t issued_at)
{
    const auth_entry_t *e;

    if (jti.len != 0 && auth_tables_find(t, AUTH_VOID_JTI, jti) != NULL) {
        return true;
    }
    e = auth_tables_find(t, AUTH_VOID_SUB, sub);
    if (e != NULL && e->number > issued_at) {
        return true;
    }
    e = auth_tables_find(t, AUTH_VOID_ALL, WD_STR(""));
    return e != NULL && e->number > issued_at;
}


/* ---- as it is told ------------------------------------------------------ */

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


void
auth_tables_set_plans(auth_tables_t *t, wd_buf_t *params)
{
    wd_buf_done(&t->plans);
    t->plans = *params;
    *params = (wd_buf_t) WD_BUF_INIT;
}


void
auth_tables_set_roles(auth_tables_t *t, wd_buf_t *params)
{
    wd_buf_done(&t->roles);
    t->roles = *params;
    *params = (wd_buf_t) WD_BUF_INIT;
}


/* False, and the peer is closed: it must not hear a beat after less than all. */
static bool
auth_greet_voids(wd_buf_t *entries, uint32_t n, wd_rpc_peer_t *peer)
{
    bool     told;
    wd_buf_t params = WD_BUF_INIT;

    auth_voids_params(&params, wd_buf_view(entries), n, 0);
    told = params.err == WD_OK && entries->err == WD_OK;
    if (told) {
        wd_rpc_peer_notify(peer, WD_N_REVOKE_TOKEN, wd_buf_view(&params));
    } else {
        wd_rpc_peer_close(peer);
    }
    wd_buf_done(&params);
    wd_buf_reset(entries);
    return told;
}


void
auth_tables_greet(const auth_tables_t *t, wd_rpc_peer_t *peer)
{
    void         *found;
    size_t        pos = 0;
    uint32_t      n = 0;
    wd_buf_t      entries = WD_BUF_INIT;
    wd_str_t      key;
    auth_entry_t *e;
    auth_void_t   v;

    if (t->plans.len != 0) {
        wd_rpc_peer_notify(peer, WD_N_PLANS, wd_buf_view(&t->plans));
    }
    if (t->roles.len != 0) {
        wd_rpc_peer_notify(peer, WD_N_ROLES, wd_buf_view(&t->roles));
    }

    while (wd_map_next(t->voids, &pos, &key, &found)) {
        e = found;
        v = (auth_void_t){e->kind, wd_str(e->value, e->len), e->number};
        auth_void_put(&entries, &v);
        n++;
        if (n == AUTH_VOIDS_IN_ONE || entries.len > AUTH_VOIDS_BYTES) {
            if (!auth_greet_voids(&entries, n, peer)) {
                n = 0;
                break;
            }
            n = 0;
        }
    }
    if (n != 0) {
        (void) auth_greet_voids(&entries, n, peer);
    }
    wd_buf_done(&entries);
}


/* ---- plans and roles ---------------------------------------------------- */

/* [[row, ...]] */
static int
auth_table_params(wd_buf_t *rows, uint32_t n, wd_buf_t *out, wd_error_t *err)
{
    wd_mp_put_array(out, 1);
    wd_mp_put_array(out, n);
    wd_buf_str(out, wd_buf_view(rows));
    if (rows->err != WD_OK || out->err != WD_OK) {
        return wd_error(err, WD_ENOMEM, "no memory for what gateways know");
    }
    return out->len <= AUTH_PARAMS_MAX
               ? WD_OK
               : wd_error(err, WD_ETOOBIG,
                          "more plans or roles than gateways "
                          "can be told of");
}


typedef struct {
    wd_buf_t rows;
    uint32_t n;
} auth_plans_t;


static void
auth_tell_plan(const auth_plan_t *plan, void *arg)
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

    rc = auth_store_plans(c, auth_tell_plan, &p, err);
    if (rc == WD_OK) {
        rc = auth_table_params(&p.rows, p.n, out, err);
    }
    wd_buf_done(&p.rows);
    return rc;
}


/* Those built in and those of the platform's organisation. */
int
auth_roles_params(wd_pg_conn_t *c, wd_buf_t *out, wd_error_t *err)
{
    int          rc;
    size_t       i, k, n;
    wd_buf_t     rows = WD_BUF_INIT;
    wd_pool_t   *pool = wd_pool_create(16384);
    auth_role_t *roles;

    if (pool == NULL) {
        return wd_error(err, WD_ENOMEM, "no memory for what gateways know");
    }

    rc = auth_store_roles(c, AUTH_ORG_MAIN, pool, &roles, &n, err);
    for (i = 0; rc == WD_OK && i < n; i++) {
        wd_mp_put_array(&rows, 2);
        wd_mp_put_str(&rows, roles[i].name);
        wd_mp_put_array(&rows, (uint32_t) roles[i].n_perms);
        for (k = 0; k < roles[i].n_perms; k++) {
            wd_mp_put_str(&rows, roles[i].perms[k]);
        }
    }
    if (rc == WD_OK) {
        rc = auth_table_params(&rows, (uint32_t) n, out, err);
    }
    wd_buf_done(&rows);
    wd_pool_destroy(pool);
    return rc;
}


static int
auth_load_void(const auth_void_t *v, void *arg)
{
    return auth_tables_add(arg, v);
}


int
auth_tables_load(auth_tables_t *t, wd_pg_conn_t *c, wd_error_t *err)
{
    int      rc;
    wd_buf_t plans = WD_BUF_INIT, roles = WD_BUF_INIT;

    rc = auth_plans_params(c, &plans, err);
    if (rc == WD_OK) {
        auth_tables_set_plans(t, &plans);
        rc = auth_roles_params(c, &roles, err);
    }
    if (rc == WD_OK) {
        auth_tables_set_roles(t, &roles);
        rc = auth_store_voids(c, auth_load_void, t, err);
    }
    wd_buf_done(&plans);
    wd_buf_done(&roles);
    return rc;
}
