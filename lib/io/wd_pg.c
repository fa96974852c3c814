/*
 * wd_pg.c - connections, the pool, statements and their binary values.
 */
#include "wd_pg.h"

#include "wd_metrics.h"

#include <endian.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define WD_PG_PARAMS_MAX 32
#define WD_PG_STATEMENTS_MAX 128
#define WD_PG_RETRY_NS (250 * WD_NS_PER_MS)
#define WD_PG_CONNECT_S "5"

/* Microseconds from 1970 to PostgreSQL's epoch, 2000-01-01. */
#define WD_PG_EPOCH_US INT64_C(946684800000000)
#define WD_PG_EPOCH_DAYS 10957

enum {
    OID_BOOL = 16,
    OID_BYTEA = 17,
    OID_INT8 = 20,
    OID_TEXT = 25,
    OID_FLOAT8 = 701,
    OID_TEXTS = 1009,
    OID_INT8S = 1016,
    OID_DATE = 1082,
    OID_TIMESTAMPTZ = 1184,
    OID_JSONB = 3802
};

struct wd_pg_conn {
    PGconn       *pg;
    wd_pg_pool_t *pool; /* NULL: outside of any */
    wd_pg_conn_t *next;
    const char   *prepared[WD_PG_STATEMENTS_MAX]; /* by address of the SQL */
    size_t        n_prepared;
};

struct wd_pg_pool {
    pthread_mutex_t lock;
    pthread_cond_t  freed;
    char           *url;
    char            app[64];
    uint32_t        size;
    uint32_t        open; /* leased and idle */
    uint32_t        statement_timeout_ms;
    wd_pg_conn_t   *idle;
    wd_ns_t         failed_at; /* last attempt that failed; 0 none */
    char            failure[WD_ERROR_TEXT_MAX];
};


wd_pg_pool_t *
wd_pg_pool_create(const char *url, const char *app_name, uint32_t size,
                  uint32_t statement_timeout_ms)
{
    wd_pg_pool_t      *pool;
    pthread_condattr_t attr;

    pool = calloc(1, sizeof(*pool));
    if (pool == NULL) {
        return NULL;
    }

    pool->url = strdup(url);
    if (pool->url == NULL) {
        free(pool);
        return NULL;
    }

    pthread_mutex_init(&pool->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&pool->freed, &attr);
    pthread_condattr_destroy(&attr);
    wd_str_copy(pool->app, sizeof(pool->app), wd_str_z(app_name));
    pool->size = size;
    pool->statement_timeout_ms = statement_timeout_ms;
    return pool;
}


void
wd_pg_pool_destroy(wd_pg_pool_t *pool)
{
    wd_pg_conn_t *c;

    if (pool == NULL) {
        return;
    }

    while ((c = pool->idle) != NULL) {
        pool->idle = c->next;
        wd_pg_disconnect(c);
    }
    pthread_cond_destroy(&pool->freed);
    pthread_mutex_destroy(&pool->lock);
    free(pool->url);
    free(pool);
}


/* libpq's messages end with a line break and may have several lines. */
static void
wd_pg_message(PGconn *pg, const char *sqlstate, wd_error_t *err, int code)
{
    size_t      n;
    const char *text = PQerrorMessage(pg);

    n = strcspn(text, "\n");
    wd_error(err, code, "%s%s%.*s", sqlstate != NULL ? sqlstate : "",
             sqlstate != NULL ? " " : "", (int) n, text);
}


static void
wd_pg_ignore_notice(void *arg, const PGresult *res)
{
    (void) arg;
    (void) res;
}


int
wd_pg_connect(const char *url, const char *app_name, wd_pg_conn_t **ret,
              wd_error_t *err)
{
    wd_pg_conn_t     *c;
    const char *const keys[] = {"dbname",
                                "application_name",
                                "connect_timeout",
                                "client_encoding",
                                "tcp_user_timeout",
                                NULL};
    const char *const values[] = {url,    app_name, WD_PG_CONNECT_S,
                                  "UTF8", "10000",  NULL};

    c = calloc(1, sizeof(*c));
    if (c == NULL) {
        return wd_error(err, WD_ENOMEM, "no memory for a connection");
    }

    /* The URL is expanded as dbname, so it may hold all that libpq knows. */
    c->pg = PQconnectdbParams(keys, values, 1);
    if (PQstatus(c->pg) != CONNECTION_OK) {
        wd_pg_message(c->pg, NULL, err, WD_EDB);
        wd_pg_disconnect(c);
        return WD_EDB;
    }

    PQsetNoticeReceiver(c->pg, wd_pg_ignore_notice, NULL);
    *ret = c;
    return WD_OK;
}


void
wd_pg_disconnect(wd_pg_conn_t *c)
{
    if (c != NULL) {
        PQfinish(c->pg);
        free(c);
    }
}


PGconn *
wd_pg_raw(wd_pg_conn_t *c)
{
    return c->pg;
}


bool
wd_pg_broken(const wd_pg_conn_t *c)
{
    return PQstatus(c->pg) != CONNECTION_OK;
}


/* Timeouts are set per session, so that no URL can forget them. */
static int
wd_pg_session(wd_pg_conn_t *c, uint32_t statement_timeout_ms, wd_error_t *err)
{
    char sql[256];

    snprintf(sql, sizeof(sql),
             "SET statement_timeout = %u; SET lock_timeout = '10s'; "
             "SET idle_in_transaction_session_timeout = '60s'; "
             "SET timezone = 'UTC'",
             statement_timeout_ms);
    return wd_pg_script(c, sql, err);
}


static int
wd_pg_open(wd_pg_pool_t *pool, wd_pg_conn_t **ret, wd_error_t *err)
{
    int           rc;
    wd_pg_conn_t *c;

    rc = wd_pg_connect(pool->url, pool->app, &c, err);
    if (rc != WD_OK) {
        return rc;
    }

    rc = wd_pg_session(c, pool->statement_timeout_ms, err);
    if (rc != WD_OK) {
        wd_pg_disconnect(c);
        return rc;
    }

    c->pool = pool;
    *ret = c;
    return WD_OK;
}


/* With the lock held; opens without it. */
static int
wd_pg_acquire_new(wd_pg_pool_t *pool, wd_pg_conn_t **ret, wd_error_t *err)
{
    int        rc;
    wd_error_t why = {0};

    if (pool->failed_at != 0
        && wd_monotonic() - pool->failed_at < WD_PG_RETRY_NS) {
        return wd_error(err, WD_EDB, "%s", pool->failure);
    }

    pool->open++;
    pthread_mutex_unlock(&pool->lock);
    rc = wd_pg_open(pool, ret, &why);
    pthread_mutex_lock(&pool->lock);

    if (rc == WD_OK) {
        pool->failed_at = 0;
        return WD_OK;
    }

    pool->open--;
    pool->failed_at = wd_monotonic();
    memcpy(pool->failure, why.text, sizeof(pool->failure));
    pthread_cond_signal(&pool->freed);
    return wd_error(err, WD_EDB, "%s", why.text);
}


static int
wd_pg_wait_free(wd_pg_pool_t *pool, wd_ns_t deadline)
{
    struct timespec ts = {deadline / WD_NS_PER_S, deadline % WD_NS_PER_S};

    if (deadline == WD_NS_MAX) {
        return pthread_cond_wait(&pool->freed, &pool->lock);
    }
    return pthread_cond_timedwait(&pool->freed, &pool->lock, &ts);
}


/*
 * An idle connection has nothing to read, unless the server has said good-bye
 * or is gone: that shows here, before a request is spent on it.
 */
static bool
wd_pg_alive(wd_pg_conn_t *c)
{
    struct pollfd p = {.fd = PQsocket(c->pg), .events = POLLIN};

    if (poll(&p, 1, 0) > 0) {
        PQconsumeInput(c->pg);
    }
    return !wd_pg_broken(c) && !(p.revents & (POLLHUP | POLLERR));
}


/* With the lock held: an idle connection that lives, or NULL. */
static wd_pg_conn_t *
wd_pg_take_idle(wd_pg_pool_t *pool)
{
    wd_pg_conn_t *c;

    while ((c = pool->idle) != NULL) {
        pool->idle = c->next;
        if (wd_pg_alive(c)) {
            return c;
        }
        pool->open--;
        wd_pg_disconnect(c);
    }
    return NULL;
}


int
wd_pg_acquire(wd_pg_pool_t *pool, wd_ns_t deadline, wd_pg_conn_t **ret,
              wd_error_t *err)
{
    int           rc = WD_OK;
    wd_pg_conn_t *idle;

    pthread_mutex_lock(&pool->lock);

    for (;;) {
        idle = wd_pg_take_idle(pool);
        if (idle != NULL) {
            *ret = idle;
            break;
        }

        if (pool->open < pool->size) {
            rc = wd_pg_acquire_new(pool, ret, err);
            break;
        }

        if (wd_pg_wait_free(pool, deadline) != 0) {
            rc = wd_error(err, WD_ETIMEOUT,
                          "no database connection became free in time");
            break;
        }
    }

    pthread_mutex_unlock(&pool->lock);
    return rc;
}


void
wd_pg_release(wd_pg_conn_t *c)
{
    bool          broken;
    wd_pg_conn_t *idle, *next = NULL;
    wd_pg_pool_t *pool = c->pool;

    if (PQtransactionStatus(c->pg) != PQTRANS_IDLE && !wd_pg_broken(c)) {
        wd_pg_rollback(c);
    }
    broken = wd_pg_broken(c)
             || PQtransactionStatus(c->pg) != PQTRANS_IDLE;

    pthread_mutex_lock(&pool->lock);
    if (broken) {
        pool->open--;
        /* The server went away: idle connections are as dead as this one. */
        next = pool->idle;
        pool->idle = NULL;
        for (idle = next; idle != NULL; idle = idle->next) {
            pool->open--;
        }
        pthread_cond_broadcast(&pool->freed);
    } else {
        c->next = pool->idle;
        pool->idle = c;
        pthread_cond_signal(&pool->freed);
    }
    pthread_mutex_unlock(&pool->lock);

    if (broken) {
        wd_pg_disconnect(c);
        while ((idle = next) != NULL) {
            next = idle->next;
            wd_pg_disconnect(idle);
        }
    }
}


int
wd_pg_ping(wd_pg_pool_t *pool, uint32_t timeout_ms, wd_error_t *err)
{
    int           rc;
    wd_pg_conn_t *c;

    rc = wd_pg_acquire(pool, wd_monotonic() + timeout_ms * WD_NS_PER_MS, &c,
                       err);
    if (rc == WD_OK) {
        rc = wd_pg_exec(c, "SELECT 1", NULL, 0, NULL, err);
        wd_pg_release(c);
    }
    return rc;
}


/* Memory for one execution's parameters. */
typedef struct {
    wd_buf_t    bytes;
    Oid         oid[WD_PG_PARAMS_MAX];
    size_t      at[WD_PG_PARAMS_MAX];
    int         len[WD_PG_PARAMS_MAX]; /* -1: null */
    const char *value[WD_PG_PARAMS_MAX];
    int         format[WD_PG_PARAMS_MAX];
} wd_pg_bind_t;


static void
wd_pg_put32(wd_buf_t *b, int32_t v)
{
    uint32_t be = htobe32((uint32_t) v);

    wd_buf_append(b, &be, 4);
}


static void
wd_pg_put64(wd_buf_t *b, int64_t v)
{
    uint64_t be = htobe64((uint64_t) v);

    wd_buf_append(b, &be, 8);
}


static void
wd_pg_put_double(wd_buf_t *b, double v)
{
    int64_t bits;

    memcpy(&bits, &v, sizeof(bits));
    wd_pg_put64(b, bits);
}


static int64_t
wd_pg_us(wd_ns_t t)
{
    int64_t us = t / WD_NS_PER_US;

    if (t == WD_NS_MIN || t == WD_NS_MAX) {
        return t; /* -infinity, infinity */
    }
    if (t % WD_NS_PER_US < 0) {
        us--;
    }
    return us - WD_PG_EPOCH_US;
}


static int32_t
wd_pg_days(wd_ns_t t)
{
    int64_t days = t / WD_NS_PER_DAY - (t % WD_NS_PER_DAY < 0);

    return (int32_t) (days - WD_PG_EPOCH_DAYS);
}


static void
wd_pg_put_array_head(wd_buf_t *b, int32_t oid, size_t n)
{
    wd_pg_put32(b, n != 0 ? 1 : 0); /* dimensions */
    wd_pg_put32(b, 0); /* no nulls */
    wd_pg_put32(b, oid);
    if (n != 0) {
        wd_pg_put32(b, (int32_t) n);
        wd_pg_put32(b, 1);
    }
}


static Oid
wd_pg_put_param(wd_buf_t *b, const wd_pg_param_t *p)
{
    size_t  i;
    uint8_t byte;

    switch (p->type) {
    case WD_PG_NULL:
        return OID_TEXT;
    case WD_PG_NULL_INT:
        return OID_INT8;
    case WD_PG_NULL_NUM:
        return OID_FLOAT8;
    case WD_PG_NULL_TS:
        return OID_TIMESTAMPTZ;
    case WD_PG_TEXT:
        wd_buf_str(b, p->v.s);
        return OID_TEXT;
    case WD_PG_BYTES:
        wd_buf_str(b, p->v.s);
        return OID_BYTEA;
    case WD_PG_JSON:
        wd_buf_byte(b, 1); /* version of jsonb's binary form */
        wd_buf_str(b, p->v.s);
        return OID_JSONB;
    case WD_PG_INT:
        wd_pg_put64(b, p->v.i);
        return OID_INT8;
    case WD_PG_NUM:
        wd_pg_put_double(b, p->v.f);
        return OID_FLOAT8;
    case WD_PG_BOOL:
        byte = p->v.b;
        wd_buf_append(b, &byte, 1);
        return OID_BOOL;
    case WD_PG_TS:
        wd_pg_put64(b, wd_pg_us(p->v.i));
        return OID_TIMESTAMPTZ;
    case WD_PG_DATE:
        wd_pg_put32(b, wd_pg_days(p->v.i));
        return OID_DATE;
    case WD_PG_TEXTS:
        wd_pg_put_array_head(b, OID_TEXT, p->v.texts.n);
        for (i = 0; i < p->v.texts.n; i++) {
            wd_pg_put32(b, (int32_t) p->v.texts.v[i].len);
            wd_buf_str(b, p->v.texts.v[i]);
        }
        return OID_TEXTS;
    case WD_PG_INTS:
        wd_pg_put_array_head(b, OID_INT8, p->v.ints.n);
        for (i = 0; i < p->v.ints.n; i++) {
            wd_pg_put32(b, 8);
            wd_pg_put64(b, p->v.ints.v[i]);
        }
        return OID_INT8S;
    }
    return OID_TEXT;
}


static bool
wd_pg_param_null(const wd_pg_param_t *p)
{
    return p->type == WD_PG_NULL || p->type == WD_PG_NULL_INT
           || p->type == WD_PG_NULL_NUM || p->type == WD_PG_NULL_TS
           || ((p->type == WD_PG_TEXT || p->type == WD_PG_JSON
                || p->type == WD_PG_BYTES)
               && p->v.s.data == NULL);
}


static int
wd_pg_bind(wd_pg_bind_t *bind, const wd_pg_param_t *params, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++) {
        bind->at[i] = bind->bytes.len;
        if (wd_pg_param_null(&params[i])) {
            wd_buf_t none = WD_BUF_INIT;
            bind->oid[i] = wd_pg_put_param(&none, &params[i]);
            wd_buf_done(&none);
            bind->len[i] = -1;
        } else {
            bind->oid[i] = wd_pg_put_param(&bind->bytes, &params[i]);
            bind->len[i] = (int) (bind->bytes.len - bind->at[i]);
        }
        bind->format[i] = 1;
    }

    /* libpq wants a pointer even for an empty value. */
    wd_buf_byte(&bind->bytes, 0);
    if (bind->bytes.err != WD_OK) {
        return bind->bytes.err;
    }

    for (i = 0; i < n; i++) {
        bind->value[i] = bind->len[i] < 0
                             ? NULL
                             : (const char *) bind->bytes.data + bind->at[i];
    }
    return WD_OK;
}


static int
wd_pg_code(wd_pg_conn_t *c, const char *sqlstate)
{
    if (wd_pg_broken(c) || sqlstate == NULL) {
        return WD_EDB;
    }
    if (strcmp(sqlstate, "57014") == 0 || strcmp(sqlstate, "55P03") == 0) {
        return WD_ETIMEOUT; /* statement or lock timeout */
    }
    if (strcmp(sqlstate, "23505") == 0) {
        return WD_EEXIST;
    }
    if (strcmp(sqlstate, "53100") == 0) {
        return WD_ESTORAGE;
    }
    if (strncmp(sqlstate, "08", 2) == 0 || strncmp(sqlstate, "53", 2) == 0
        || strncmp(sqlstate, "57", 2) == 0) {
        return WD_EDB;
    }
    return WD_EINTERNAL;
}


int
wd_pg_error(wd_pg_conn_t *c, const PGresult *res, wd_error_t *err)
{
    int         code;
    const char *sqlstate;

    sqlstate = PQresultErrorField(res, PG_DIAG_SQLSTATE);
    code = wd_pg_code(c, sqlstate);
    wd_pg_message(c->pg, sqlstate, err, code);
    return code;
}


/* Takes the result over: WD_OK gives it on or clears it. */
static int
wd_pg_result(wd_pg_conn_t *c, PGresult *res, PGresult **ret, wd_error_t *err)
{
    int            code;
    ExecStatusType st = PQresultStatus(res);

    if (st == PGRES_COMMAND_OK || st == PGRES_TUPLES_OK
        || st == PGRES_COPY_IN) {
        if (ret != NULL) {
            *ret = res;
        } else {
            PQclear(res);
        }
        return WD_OK;
    }

    code = wd_pg_error(c, res, err);
    PQclear(res);
    return code;
}


/* Name of the prepared statement for this SQL; prepares it when it is new. */
static int
wd_pg_prepare(wd_pg_conn_t *c, const char *sql, const wd_pg_bind_t *bind,
              size_t n, char name[16], wd_error_t *err)
{
    int    rc;
    size_t i;

    for (i = 0; i < c->n_prepared && c->prepared[i] != sql; i++) { /* void */
    }
    snprintf(name, 16, "s%zu", i);

    if (i < c->n_prepared) {
        return WD_OK;
    }

    rc = wd_pg_result(c, PQprepare(c->pg, name, sql, (int) n, bind->oid), NULL,
                      err);
    if (rc == WD_OK) {
        c->prepared[c->n_prepared++] = sql;
    }
    return rc;
}


static int
wd_pg_run(wd_pg_conn_t *c, const char *sql, wd_pg_bind_t *bind, size_t n,
          PGresult **ret, wd_error_t *err)
{
    int  rc;
    char name[16];

    if (c->n_prepared == WD_PG_STATEMENTS_MAX) {
        return wd_pg_result(c,
                            PQexecParams(c->pg, sql, (int) n, bind->oid,
                                         bind->value, bind->len, bind->format,
                                         1),
                            ret, err);
    }

    rc = wd_pg_prepare(c, sql, bind, n, name, err);
    if (rc != WD_OK) {
        return rc;
    }

    return wd_pg_result(c,
                        PQexecPrepared(c->pg, name, (int) n, bind->value,
                                       bind->len, bind->format, 1),
                        ret, err);
}


/* The first word of a statement, in lower case, for the metrics. */
static const char *
wd_pg_verb(const char *sql)
{
    static const char *const verbs[] = {"select", "insert", "update",
                                        "delete", "copy",   "with"};
    size_t                   i;

    sql += strspn(sql, " \n");
    for (i = 0; i < wd_array_len(verbs); i++) {
        if (strncasecmp(sql, verbs[i], strlen(verbs[i])) == 0) {
            return verbs[i];
        }
    }
    return "other";
}


/* The table behind FROM, INTO or UPDATE. */
static void
wd_pg_table(const char *sql, char out[32])
{
    static const char *const before[] = {"FROM ", "INTO ", "UPDATE ", "COPY "};
    const char              *at, *found = NULL;
    size_t                   i, n;

    for (i = 0; i < wd_array_len(before); i++) {
        at = strstr(sql, before[i]);
        if (at != NULL && (found == NULL || at < found)) {
            found = at + strlen(before[i]);
        }
    }

    n = found != NULL ? strspn(found, "abcdefghijklmnopqrstuvwxyz_") : 0;
    wd_str_copy(out, 32, wd_str(found, n));
}


int
wd_pg_exec(wd_pg_conn_t *c, const char *sql, const wd_pg_param_t *params,
           size_t n_params, PGresult **ret, wd_error_t *err)
{
    int          rc;
    char         table[32];
    wd_ns_t      from;
    wd_pg_bind_t bind;

    if (n_params > WD_PG_PARAMS_MAX) {
        return wd_error(err, WD_EINTERNAL, "too many parameters");
    }

    from = wd_monotonic();
    wd_buf_init(&bind.bytes, 0);
    rc = wd_pg_bind(&bind, params, n_params);
    if (rc == WD_OK) {
        rc = wd_pg_run(c, sql, &bind, n_params, ret, err);
    } else {
        wd_error(err, rc, "no memory for a statement's parameters");
    }
    wd_buf_done(&bind.bytes);

    wd_pg_table(sql, table);
    wd_metric(WD_MX_DB_OPERATIONS, 1, wd_pg_verb(sql), table,
              rc == WD_OK ? "ok" : "error");
    wd_metric(WD_MX_DB_SECONDS, (double) (wd_monotonic() - from) / 1e9,
              wd_pg_verb(sql), NULL, NULL);
    return rc;
}


int
wd_pg_script(wd_pg_conn_t *c, const char *sql, wd_error_t *err)
{
    return wd_pg_result(c, PQexec(c->pg, sql), NULL, err);
}


int
wd_pg_begin(wd_pg_conn_t *c, wd_error_t *err)
{
    return wd_pg_script(c, "BEGIN", err);
}


int
wd_pg_commit(wd_pg_conn_t *c, wd_error_t *err)
{
    int       rc;
    PGresult *res = NULL;

    rc = wd_pg_result(c, PQexec(c->pg, "COMMIT"), &res, err);
    if (rc != WD_OK) {
        return rc;
    }

    /* COMMIT of a failed transaction succeeds, as a rollback. */
    if (strcmp(PQcmdStatus(res), "COMMIT") != 0) {
        rc = wd_error(err, WD_EINTERNAL, "the transaction was rolled back");
    }
    PQclear(res);
    return rc;
}


void
wd_pg_rollback(wd_pg_conn_t *c)
{
    PQclear(PQexec(c->pg, "ROLLBACK"));
}


int64_t
wd_pg_get_int(const PGresult *r, int row, int col)
{
    uint16_t    v2;
    uint32_t    v4;
    uint64_t    v8;
    const char *p = PQgetvalue(r, row, col);

    switch (PQgetlength(r, row, col)) {
    case 1:
        return *(const signed char *) p;
    case 2:
        memcpy(&v2, p, 2);
        return (int16_t) be16toh(v2);
    case 4:
        memcpy(&v4, p, 4);
        return (int32_t) be32toh(v4);
    case 8:
        memcpy(&v8, p, 8);
        return (int64_t) be64toh(v8);
    }
    return 0;
}


double
wd_pg_get_num(const PGresult *r, int row, int col)
{
    double  v;
    int64_t bits;

    if (PQgetlength(r, row, col) != 8) {
        return 0;
    }
    bits = wd_pg_get_int(r, row, col);
    memcpy(&v, &bits, sizeof(v));
    return v;
}


bool
wd_pg_get_bool(const PGresult *r, int row, int col)
{
    return PQgetlength(r, row, col) == 1 && *PQgetvalue(r, row, col) != 0;
}


wd_ns_t
wd_pg_get_ts(const PGresult *r, int row, int col)
{
    int64_t us = wd_pg_get_int(r, row, col), ns;

    if (us == INT64_MIN || us == INT64_MAX) {
        return us;
    }
    if (__builtin_add_overflow(us, WD_PG_EPOCH_US, &us)
        || __builtin_mul_overflow(us, WD_NS_PER_US, &ns)) {
        return us < 0 ? WD_NS_MIN : WD_NS_MAX;
    }
    return ns;
}


wd_ns_t
wd_pg_get_date(const PGresult *r, int row, int col)
{
    int64_t ns, days = wd_pg_get_int(r, row, col) + WD_PG_EPOCH_DAYS;

    if (__builtin_mul_overflow(days, WD_NS_PER_DAY, &ns)) {
        return days < 0 ? WD_NS_MIN : WD_NS_MAX;
    }
    return ns;
}


wd_str_t
wd_pg_get_str(const PGresult *r, int row, int col)
{
    return wd_str(PQgetvalue(r, row, col), (size_t) PQgetlength(r, row, col));
}
