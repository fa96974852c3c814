/*
 * wd_pg.c - a connection and its statements.
 */
#include "wd_metrics.h"
#include "wd_pg_int.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#define WD_PG_CONNECT_S "5"


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
    const char *const keys[] = {"dbname",           "application_name",
                                "connect_timeout",  "client_encoding",
                                "tcp_user_timeout", NULL};
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


void
wd_pg_patience(wd_pg_conn_t *c, uint32_t ms)
{
    c->patience_ms = ms;
}


static bool
wd_pg_readable(wd_pg_conn_t *c, wd_ns_t deadline)
{
    int           n;
    wd_ns_t       left;
    struct pollfd p = {.fd = PQsocket(c->pg), .events = POLLIN};

    do {
        left = deadline - wd_monotonic();
        if (left <= 0) {
            return false;
        }
        n = poll(&p, 1, (int) (left / WD_NS_PER_MS) + 1);
    } while (n < 0 && errno == EINTR);
    return n > 0;
}


/* Of several statements the first that failed, or else the last. */
PGresult *
wd_pg_await(wd_pg_conn_t *c, wd_ns_t deadline)
{
    PGresult *res, *ret = NULL;

    for (;;) {
        while (PQisBusy(c->pg)) {
            if (!wd_pg_readable(c, deadline)) {
                PQclear(ret);
                /* Does not even tell its own timeout: wait no longer. */
                shutdown(PQsocket(c->pg), SHUT_RDWR);
                PQconsumeInput(c->pg); /* sees that it is broken */
                return NULL;
            }
            if (!PQconsumeInput(c->pg)) {
                break; /* the next result says so */
            }
        }

        res = PQgetResult(c->pg);
        if (res == NULL) {
            return ret;
        }
        if (ret != NULL && PQresultStatus(ret) == PGRES_FATAL_ERROR) {
            PQclear(res);
        } else {
            PQclear(ret);
            ret = res;
        }
    }
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
    if (strncmp(sqlstate, "40", 2) == 0) {
        return WD_EAGAIN; /* a deadlock, or a conflict: rolled back */
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


/* A query that was sent, within the connection's patience. */
static int
wd_pg_finish(wd_pg_conn_t *c, bool sent, PGresult **ret, wd_error_t *err)
{
    PGresult *res;

    if (!sent) {
        return wd_pg_error(c, NULL, err);
    }

    res = wd_pg_await(c, wd_monotonic() + c->patience_ms * WD_NS_PER_MS);
    return res != NULL ? wd_pg_result(c, res, ret, err)
                       : wd_error(err, WD_ETIMEOUT,
                                  "the server did not answer in time");
}


static int
wd_pg_run(wd_pg_conn_t *c, const char *sql, wd_pg_bind_t *bind, size_t n,
          PGresult **ret, wd_error_t *err)
{
    int  rc;
    char name[16];

    if (c->patience_ms != 0) {
        return wd_pg_finish(c,
                            PQsendQueryParams(c->pg, sql, (int) n, bind->oid,
                                              bind->value, bind->len,
                                              bind->format, 1),
                            ret, err);
    }

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
    if (c->patience_ms != 0) {
        return wd_pg_finish(c, PQsendQuery(c->pg, sql), NULL, err);
    }
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

    rc = c->patience_ms != 0
             ? wd_pg_finish(c, PQsendQuery(c->pg, "COMMIT"), &res, err)
             : wd_pg_result(c, PQexec(c->pg, "COMMIT"), &res, err);
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
    int        rc;
    wd_error_t err;

    rc = wd_pg_script(c, "ROLLBACK", &err);
    (void) rc; /* who cannot roll back has lost the connection */
}
