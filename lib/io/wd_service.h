/*
 * wd_service.h - a backend: the daemon's life, an RPC server, a database
 * pool, and the methods sys.health, sys.metrics, sys.config.
 */
#ifndef WD_SERVICE_H
#define WD_SERVICE_H

#include "wd_rpc.h"
#include "wd_spans.h"

/* Every backend's configuration begins with this. */
typedef struct {
    wd_daemon_conf_t daemon;
    struct {
        char    *url;
        uint32_t pool_size;
        uint32_t statement_timeout_ms;
    } db;
    struct {
        char *url;
    } redis;
    wd_spans_conf_t trace;
} wd_service_conf_t;

#define WD_SERVICE_CONF_ROWS(type, member, service)                          \
    WD_DAEMON_CONF_ROWS(type, member.daemon,                                 \
                        "unix:/run/wizdata/" service ".sock"),               \
        {"database",                                                         \
         "url",                                                              \
         wd_conf_str,                                                        \
         offsetof(type, member.db.url),                                      \
         "postgresql:///wizdata",                                            \
         0,                                                                  \
         0,                                                                  \
         WD_CONF_SECRET,                                                     \
         "PostgreSQL, as libpq connection URI"},                             \
        {"database",                                                         \
         "pool_size",                                                        \
         wd_conf_u32,                                                        \
         offsetof(type, member.db.pool_size),                                \
         "4",                                                                \
         1,                                                                  \
         256,                                                                \
         0,                                                                  \
         "PostgreSQL connections kept open"},                                \
        {"database",                                                         \
         "statement_timeout",                                                \
         wd_conf_ms,                                                         \
         offsetof(type, member.db.statement_timeout_ms),                     \
         "30s",                                                              \
         100,                                                                \
         3600000,                                                            \
         0,                                                                  \
         "Longest run of a statement"},                                      \
        WD_SPANS_CONF_ROWS(type, member.trace),                              \
    {                                                                        \
        "redis", "url", wd_conf_str, offsetof(type, member.redis.url), NULL, \
            0, 0, WD_CONF_SECRET,                                            \
            "Redis: unix:/path or host:port; empty: not configured"          \
    }

typedef struct wd_service wd_service_t;

/* What sys.health adds: members of the open object `j`; deps by wd_dep(). */
typedef struct {
    wd_json_t    *j;
    wd_rpc_res_t *res; /* to add meta pairs */
    bool          degraded; /* set by the service */
} wd_health_t;

typedef struct {
    const char            *name;
    const char            *summary;
    const wd_conf_row_t   *rows;
    size_t                 n_rows;
    void                  *conf; /* begins with wd_service_conf_t */
    const wd_rpc_method_t *methods;
    size_t                 n_methods;
    void                  *svc; /* handed to all calls */

    /* Loop thread; before the sockets are opened. May be NULL. */
    int (*start)(wd_service_t *s, void *svc, wd_error_t *err);
    void (*reload)(wd_service_t *s, void *svc);
    /* Stop own threads' new work; then, when nothing is in flight, stop. */
    void (*drain)(wd_service_t *s, void *svc);
    void (*stop)(wd_service_t *s, void *svc);
    /* Worker thread. */
    void (*health)(wd_service_t *s, void *svc, wd_health_t *h);
} wd_service_spec_t;

/* main() of a backend is: return wd_service_main(&spec, argc, argv); */
int wd_service_main(const wd_service_spec_t *spec, int argc, char **argv);

wd_daemon_t     *wd_service_daemon(wd_service_t *s);
wd_log_t        *wd_service_log(wd_service_t *s);
uv_loop_t       *wd_service_loop(wd_service_t *s);
wd_pg_pool_t    *wd_service_pg(wd_service_t *s);
wd_rpc_server_t *wd_service_rpc(wd_service_t *s);

/* Runs fn(arg) on the loop thread, from any thread; false while stopping. */
bool wd_service_post(wd_service_t *s, void (*fn)(void *arg), void *arg);

#endif /* WD_SERVICE_H */
