/*
 * wd_service.c - what all backends do alike.
 */
#include "wd_service.h"

#include "wd_metrics.h"
#include "wd_redis.h"
#include "wd_rpc_int.h"

#include <pthread.h>
#include <stdlib.h>

#define WD_SERVICE_LISTENERS_MAX 16
#define WD_SERVICE_PING_MS 1000

typedef struct wd_post {
    struct wd_post *next;
    void (*fn)(void *arg);
    void *arg;
} wd_post_t;

#define WD_SERVICE_DEPS 2 /* database, redis */

/* What earlier probes of a dependency found. */
typedef struct {
    wd_ns_t     last_success; /* 0: none yet */
    wd_ns_t     last_error_at;
    const char *last_error; /* class; NULL: none yet */
} wd_dep_past_t;

struct wd_service {
    const wd_service_spec_t *spec;
    wd_service_conf_t       *conf;
    wd_daemon_t             *d;
    wd_pg_pool_t            *pg;
    wd_rpc_server_t         *rpc;
    wd_spans_t              *spans;
    wd_rpc_method_t         *methods; /* the service's and ours */

    pthread_mutex_t post_lock;
    wd_post_t      *posts; /* newest first */
    uv_async_t      post_async;
    bool            post_open;

    pthread_mutex_t dep_lock; /* health is asked on several threads */
    wd_dep_past_t   past[WD_SERVICE_DEPS];
};

/* Methods get the service's own pointer; ours find the service here. */
static wd_service_t *wd_the_service;


wd_daemon_t *
wd_service_daemon(wd_service_t *s)
{
    return s->d;
}


wd_log_t *
wd_service_log(wd_service_t *s)
{
    return wd_daemon_log(s->d);
}


uv_loop_t *
wd_service_loop(wd_service_t *s)
{
    return wd_daemon_loop(s->d);
}


wd_pg_pool_t *
wd_service_pg(wd_service_t *s)
{
    return s->pg;
}


wd_rpc_server_t *
wd_service_rpc(wd_service_t *s)
{
    return s->rpc;
}


static void
wd_service_run_posts(void *arg)
{
    wd_post_t    *p, *next, *in_order = NULL;
    wd_service_t *s = arg;

    pthread_mutex_lock(&s->post_lock);
    p = s->posts;
    s->posts = NULL;
    pthread_mutex_unlock(&s->post_lock);

    for (; p != NULL; p = next) {
        next = p->next;
        p->next = in_order;
        in_order = p;
    }

    for (p = in_order; p != NULL; p = next) {
        next = p->next;
        p->fn(p->arg);
        free(p);
    }
}


static void
wd_service_on_post(uv_async_t *a)
{
    wd_service_run_posts(a->data);
}


bool
wd_service_post(wd_service_t *s, void (*fn)(void *arg), void *arg)
{
    bool       open;
    wd_post_t *p;

    p = malloc(sizeof(*p));
    if (p == NULL) {
        return false;
    }
    p->fn = fn;
    p->arg = arg;

    pthread_mutex_lock(&s->post_lock);
    open = s->post_open;
    if (open) {
        p->next = s->posts;
        s->posts = p;
        uv_async_send(&s->post_async);
    }
    pthread_mutex_unlock(&s->post_lock);

    if (!open) {
        free(p);
    }
    return open;
}


/* One dependency, in the body and in the meta's map. */
typedef struct {
    const char   *name;
    const char   *type;
    const char   *state; /* healthy, unhealthy, not_configured */
    double        latency_ms;
    wd_dep_past_t past;
} wd_dep_t;


/* `rc` is what the probe that began at `from` gave. */
static void
wd_service_probed(wd_service_t *s, wd_dep_t *dep, wd_dep_past_t *past, int rc,
                  wd_ns_t from)
{
    dep->state = rc == WD_OK ? "healthy" : "unhealthy";
    dep->latency_ms = (double) (wd_monotonic() - from) / 1e6;

    pthread_mutex_lock(&s->dep_lock);
    if (rc == WD_OK) {
        past->last_success = wd_now();
    } else {
        past->last_error_at = wd_now();
        past->last_error = wd_err_info(rc)->slug;
    }
    dep->past = *past;
    pthread_mutex_unlock(&s->dep_lock);
}


static void
wd_service_probe(wd_service_t *s, wd_dep_t deps[WD_SERVICE_DEPS])
{
    int        rc;
    wd_ns_t    from = wd_monotonic();
    wd_error_t err = {0};

    deps[0] = (wd_dep_t){.name = "database", .type = "postgresql"};
    rc = wd_pg_ping(s->pg, WD_SERVICE_PING_MS, &err);
    wd_service_probed(s, &deps[0], &s->past[0], rc, from);

    deps[1] = (wd_dep_t){
        .name = "redis", .type = "redis", .state = "not_configured"};
    if (s->conf->redis.url != NULL) {
        from = wd_monotonic();
        rc = wd_redis_ping(s->conf->redis.url, WD_SERVICE_PING_MS, &err);
        wd_service_probed(s, &deps[1], &s->past[1], rc, from);
    }
}


static void
wd_service_put_time(wd_json_t *j, const char *key, wd_ns_t t)
{
    wd_json_key(j, key);
    t == 0 ? wd_json_null(j) : wd_json_time(j, t);
}


static void
wd_service_put_dep(const wd_dep_t *dep, wd_json_t *j)
{
    wd_json_key(j, dep->name);
    wd_json_obj(j);
    wd_json_key(j, "status");
    wd_json_z(j, dep->state);
    wd_json_key(j, "type");
    wd_json_z(j, dep->type);
    wd_json_key(j, "latency_ms");
    wd_json_num(j, dep->latency_ms);
    wd_service_put_time(j, "last_success", dep->past.last_success);
    wd_service_put_time(j, "last_error_at", dep->past.last_error_at);
    wd_json_key(j, "last_error");
    wd_json_z(j, dep->past.last_error);
    wd_json_end(j);
}


static void
wd_service_put_deps(const wd_dep_t deps[WD_SERVICE_DEPS], wd_json_t *j,
                    wd_rpc_res_t *res)
{
    int i;

    wd_json_key(j, "dependencies");
    wd_json_obj(j);
    wd_mp_put_z(&res->meta, "deps");
    wd_mp_put_map(&res->meta, WD_SERVICE_DEPS);
    res->n_meta++;

    for (i = 0; i < WD_SERVICE_DEPS; i++) {
        wd_service_put_dep(&deps[i], j);
        wd_mp_put_z(&res->meta, deps[i].name);
        wd_mp_put_z(&res->meta, deps[i].state);
    }
    wd_json_end(j);
}


static int
wd_service_health(const wd_rpc_call_t *call, wd_rpc_res_t *res)
{
    wd_dep_t      deps[WD_SERVICE_DEPS];
    wd_json_t     j;
    wd_health_t   h = {.j = &j, .res = res};
    const char   *status = "healthy";
    wd_service_t *s = wd_the_service;

    wd_service_probe(s, deps);

    wd_json_init(&j, &res->body);
    wd_json_obj(&j);
    wd_json_key(&j, "service");
    wd_json_z(&j, s->spec->name);
    wd_json_key(&j, "version");
    wd_json_z(&j, WD_VERSION);
    wd_json_key(&j, "instance");
    wd_json_z(&j, wd_daemon_instance(s->d));
    wd_json_key(&j, "uptime_seconds");
    wd_json_num(&j, (double) (int64_t) wd_daemon_uptime_s(s->d));
    wd_service_put_deps(deps, &j, res);
    if (s->spec->health != NULL) {
        s->spec->health(s, call->svc, &h);
    }

    if (strcmp(deps[0].state, "healthy") != 0) {
        status = "unhealthy";
    } else if (h.degraded || strcmp(deps[1].state, "unhealthy") == 0) {
        status = "degraded";
    }
    if (wd_daemon_draining(s->d)) {
        status = "draining";
    }
    wd_json_key(&j, "status");
    wd_json_z(&j, status);
    wd_json_end(&j);

    wd_rpc_meta_str(res, "status", wd_str_z(status));
    return WD_OK;
}


static int
wd_service_metrics(const wd_rpc_call_t *call, wd_rpc_res_t *res)
{
    (void) call;
    wd_rpc_tell_counts(wd_the_service->rpc);
    wd_metrics_render(&res->body);
    wd_rpc_meta_str(res, "type", WD_STR("text/plain; version=0.0.4"));
    return WD_OK;
}


static int
wd_service_config(const wd_rpc_call_t *call, wd_rpc_res_t *res)
{
    wd_json_t                j;
    const wd_service_spec_t *spec = wd_the_service->spec;

    (void) call;
    wd_json_init(&j, &res->body);
    wd_json_obj(&j);
    wd_conf_show(spec->rows, spec->n_rows, spec->conf, &j);
    wd_json_end(&j);
    return WD_OK;
}


static const wd_rpc_method_t wd_service_methods[] = {
    {"sys.health", wd_service_health, WD_RPC_WORK},
    {"sys.metrics", wd_service_metrics, WD_RPC_INLINE},
    {"sys.config", wd_service_config, WD_RPC_INLINE},
};


/* Spans of gateways and our own: before somebody can send the first one. */
static int
wd_service_open_spans(wd_service_t *s, wd_error_t *err)
{
    s->spans = wd_spans_create(&s->conf->trace, s->spec->name,
                               wd_daemon_instance(s->d), wd_daemon_log(s->d),
                               err);
    if (s->spans == NULL) {
        return err->code;
    }

    wd_rpc_server_on_notify(s->rpc, WD_N_SPANS, wd_spans_take, s->spans);
    wd_rpc_server_trace(s->rpc, s->spans);
    return WD_OK;
}


static int
wd_service_open_rpc(wd_service_t *s, wd_error_t *err)
{
    int    rc, fds[WD_SERVICE_LISTENERS_MAX];
    size_t n, ours = wd_array_len(wd_service_methods);

    n = s->spec->n_methods + ours;
    s->methods = calloc(n, sizeof(*s->methods));
    if (s->methods == NULL) {
        return wd_error(err, WD_ENOMEM, "no memory for the method table");
    }
    memcpy(s->methods, s->spec->methods,
           s->spec->n_methods * sizeof(*s->methods));
    memcpy(s->methods + s->spec->n_methods, wd_service_methods,
           sizeof(wd_service_methods));

    s->rpc = wd_rpc_server_create(s->d, s->methods, n, s->pg, s->spec->svc,
                                  s->conf->daemon.max_inflight);
    if (s->rpc == NULL) {
        return wd_error(err, WD_ENOMEM, "no memory for the RPC server");
    }

    rc = wd_service_open_spans(s, err);
    if (rc != WD_OK) {
        return rc;
    }
    /* What a method posted is done before its answer is sent. */
    s->rpc->before_answer = wd_service_run_posts;
    s->rpc->before_arg = s;

    if (s->spec->start != NULL) {
        rc = s->spec->start(s, s->spec->svc, err);
        if (rc != WD_OK) {
            return rc;
        }
    }

    rc = wd_daemon_listen(s->d, fds, wd_array_len(fds), &n, err);
    if (rc != WD_OK) {
        return rc;
    }
    return wd_rpc_server_listen(s->rpc, fds, n, err);
}


static int
wd_service_on_start(wd_daemon_t *d, void *arg, wd_error_t *err)
{
    char          app[64];
    wd_service_t *s = arg;

    s->d = d;
    pthread_mutex_init(&s->post_lock, NULL);
    pthread_mutex_init(&s->dep_lock, NULL);
    uv_async_init(wd_daemon_loop(d), &s->post_async, wd_service_on_post);
    s->post_async.data = s;
    uv_unref((uv_handle_t *) &s->post_async);
    s->post_open = true;

    snprintf(app, sizeof(app), "wizdata-%s", s->spec->name);
    s->pg = wd_pg_pool_create(s->conf->db.url, app, s->conf->db.pool_size,
                              s->conf->db.statement_timeout_ms);
    if (s->pg == NULL) {
        return wd_error(err, WD_ENOMEM, "no memory for the database pool");
    }
    return wd_service_open_rpc(s, err);
}


static void
wd_service_on_reload(wd_daemon_t *d, void *arg)
{
    wd_service_t *s = arg;

    (void) d;
    if (s->spec->reload != NULL) {
        s->spec->reload(s, s->spec->svc);
    }
}


static void
wd_service_on_drain(wd_daemon_t *d, void *arg)
{
    wd_service_t *s = arg;

    (void) d;
    if (s->rpc != NULL) {
        wd_rpc_server_drain(s->rpc);
    }
    if (s->spec->drain != NULL) {
        s->spec->drain(s, s->spec->svc);
    }
}


static size_t
wd_service_busy(wd_daemon_t *d, void *arg)
{
    wd_service_t *s = arg;

    (void) d;
    return s->rpc != NULL ? wd_rpc_server_inflight(s->rpc) : 0;
}


static void
wd_service_on_stop(wd_daemon_t *d, void *arg)
{
    wd_service_t *s = arg;

    (void) d;
    if (s->spec->stop != NULL) {
        s->spec->stop(s, s->spec->svc);
    }

    pthread_mutex_lock(&s->post_lock);
    s->post_open = false;
    pthread_mutex_unlock(&s->post_lock);
    wd_service_on_post(&s->post_async);
    uv_close((uv_handle_t *) &s->post_async, NULL);

    /* Work that still comes back is not traced any more. */
    if (s->rpc != NULL) {
        wd_rpc_server_trace(s->rpc, NULL);
    }
    wd_rpc_server_stop(s->rpc);
    s->rpc = NULL;
    wd_spans_destroy(s->spans);
    s->spans = NULL;
}


int
wd_service_main(const wd_service_spec_t *spec, int argc, char **argv)
{
    int              rc;
    wd_service_t     s = {.spec = spec, .conf = spec->conf};
    wd_daemon_spec_t life = {
        .service = spec->name,
        .summary = spec->summary,
        .rows = spec->rows,
        .n_rows = spec->n_rows,
        .conf = spec->conf,
        .arg = &s,
        .start = wd_service_on_start,
        .reload = wd_service_on_reload,
        .drain = wd_service_on_drain,
        .busy = wd_service_busy,
        .stop = wd_service_on_stop,
    };

    wd_the_service = &s;
    rc = wd_daemon_run(&life, argc, argv);

    /* All work has ended with the loop: nothing holds a connection now. */
    wd_pg_pool_destroy(s.pg);
    free(s.methods);
    return rc;
}
