/*
 * ngx_http_wizdata_redis.c - connection, pipeline, deadlines, back-off.
 *
 * Answers come in the order of the calls, so the calls in flight are a ring
 * and its first has the nearest deadline. A call that misses it closes the
 * connection: what comes later could not be told from the answer to another.
 */
#include "ngx_http_wizdata.h"
#include "ngx_http_wizdata_redis.h"
#include "ngx_http_wizdata_slots.h"

#include <sodium.h>

#define NGX_HTTP_WIZDATA_REDIS_READ (16 * 1024)
#define NGX_HTTP_WIZDATA_REDIS_READS 16 /* in a row */
#define NGX_HTTP_WIZDATA_REDIS_KEEP (256 * 1024)
#define NGX_HTTP_WIZDATA_REDIS_PASSWORD_MAX 512

/* So that all is as before within a second of Redis' return. */
#define NGX_HTTP_WIZDATA_REDIS_DELAY_MIN 20
#define NGX_HTTP_WIZDATA_REDIS_DELAY_MAX 200
#define NGX_HTTP_WIZDATA_REDIS_CONNECT 250

#define NGX_HTTP_WIZDATA_REDIS_WATCHERS 4
#define NGX_HTTP_WIZDATA_REDIS_BULK_MAX (8 * 1024 * 1024)


typedef struct {
    ngx_http_wizdata_redis_pt done;
    void                     *data;
    ngx_msec_t                deadline;
} ngx_http_wizdata_redis_slot_t;


typedef struct {
    ngx_http_wizdata_redis_state_pt state;
    void                           *data;
} ngx_http_wizdata_redis_watcher_t;


struct ngx_http_wizdata_redis_s {
    ngx_http_wizdata_redis_conf_t   *conf;
    ngx_http_wizdata_worker_t       *worker;
    ngx_log_t                       *log;
    ngx_connection_t                *connection; /* NULL: down */
    wd_resp_reader_t                 reader;
    wd_buf_t                         out;
    size_t                           out_pos;
    size_t                           mark; /* of `out`, before a command */

    ngx_http_wizdata_redis_slot_t   *calls; /* ring */
    ngx_uint_t                       first;
    ngx_uint_t                       n;

    ngx_event_t                      flush;
    ngx_event_t                      deadline;
    ngx_event_t                      retry;
    ngx_msec_t                       delay;
    const char                      *error;

    ngx_http_wizdata_redis_watcher_t watchers[NGX_HTTP_WIZDATA_REDIS_WATCHERS];
    ngx_uint_t                       n_watchers;

    unsigned                         connected:1;
    unsigned                         up:1; /* has answered a PING */
    unsigned                         logged:1; /* that it is down */
    unsigned                         closing:1;
};


static void ngx_http_wizdata_redis_connect(ngx_http_wizdata_redis_t *redis);
static void ngx_http_wizdata_redis_read(ngx_event_t *rev);
static void ngx_http_wizdata_redis_write(ngx_event_t *wev);
static void ngx_http_wizdata_redis_flush(ngx_event_t *ev);
static void ngx_http_wizdata_redis_deadline(ngx_event_t *ev);


static void
ngx_http_wizdata_redis_retry(ngx_event_t *ev)
{
    ngx_http_wizdata_redis_connect(ev->data);
}


static void
ngx_http_wizdata_redis_event(ngx_http_wizdata_redis_t *redis, ngx_event_t *ev,
    ngx_event_handler_pt handler)
{
    ev->data = redis;
    ev->handler = handler;
    ev->log = redis->log;
    ev->cancelable = 1; /* nothing here keeps a worker from exiting */
}


ngx_http_wizdata_redis_t *
ngx_http_wizdata_redis_create(ngx_cycle_t *cycle,
    ngx_http_wizdata_redis_conf_t *conf, void *who)
{
    ngx_http_wizdata_redis_t *redis;

    redis = ngx_pcalloc(cycle->pool, sizeof(ngx_http_wizdata_redis_t));
    if (redis == NULL) {
        return NULL;
    }

    redis->calls = ngx_pcalloc(cycle->pool,
                               NGX_HTTP_WIZDATA_REDIS_CALLS
                               * sizeof(ngx_http_wizdata_redis_slot_t));
    if (redis->calls == NULL) {
        return NULL;
    }

    redis->conf = conf;
    redis->worker = who;
    redis->log = cycle->log;
    redis->delay = NGX_HTTP_WIZDATA_REDIS_DELAY_MIN;
    wd_buf_init(&redis->out, NGX_HTTP_WIZDATA_REDIS_OUT_MAX);
    wd_resp_reader_init(&redis->reader, NGX_HTTP_WIZDATA_REDIS_BULK_MAX);
    ngx_http_wizdata_redis_event(redis, &redis->flush,
                                 ngx_http_wizdata_redis_flush);
    ngx_http_wizdata_redis_event(redis, &redis->deadline,
                                 ngx_http_wizdata_redis_deadline);
    ngx_http_wizdata_redis_event(redis, &redis->retry,
                                 ngx_http_wizdata_redis_retry);
    return redis;
}


ngx_int_t
ngx_http_wizdata_redis_watch(ngx_http_wizdata_redis_t *redis,
    ngx_http_wizdata_redis_state_pt state, void *data)
{
    if (redis->n_watchers == NGX_HTTP_WIZDATA_REDIS_WATCHERS) {
        return NGX_ERROR;
    }
    redis->watchers[redis->n_watchers].state = state;
    redis->watchers[redis->n_watchers++].data = data;
    return NGX_OK;
}


void
ngx_http_wizdata_redis_start(ngx_http_wizdata_redis_t *redis)
{
    ngx_http_wizdata_redis_connect(redis);
}


static void
ngx_http_wizdata_redis_tell(ngx_http_wizdata_redis_t *redis, ngx_uint_t up)
{
    ngx_uint_t i;

    redis->up = up;
    for (i = 0; i < redis->n_watchers; i++) {
        redis->watchers[i].state(redis->watchers[i].data, up);
    }
}


/* Answers all calls in flight with nothing. */
static void
ngx_http_wizdata_redis_drop_calls(ngx_http_wizdata_redis_t *redis)
{
    ngx_http_wizdata_redis_slot_t slot;

    while (redis->n != 0) {
        slot = redis->calls[redis->first];
        redis->first = (redis->first + 1) % NGX_HTTP_WIZDATA_REDIS_CALLS;
        redis->n--;
        ngx_http_wizdata_count(redis->worker, REDIS_ERRORS, 1);
        slot.done(slot.data, NULL, 0);
    }
}


static void
ngx_http_wizdata_redis_hang_up(ngx_http_wizdata_redis_t *redis)
{
    if (redis->connection != NULL) {
        ngx_close_connection(redis->connection);
        redis->connection = NULL;
    }
    if (redis->flush.posted) {
        ngx_delete_posted_event(&redis->flush);
    }
    if (redis->deadline.timer_set) {
        ngx_del_timer(&redis->deadline);
    }
    redis->connected = 0;
    redis->out_pos = 0;
    wd_buf_done(&redis->out);
    wd_resp_reader_done(&redis->reader);
    wd_resp_reader_init(&redis->reader, NGX_HTTP_WIZDATA_REDIS_BULK_MAX);
}


static void
ngx_http_wizdata_redis_again(ngx_http_wizdata_redis_t *redis)
{
    ngx_msec_t ms;

    ms = redis->delay * (75 + ngx_random() % 51) / 100;
    redis->delay = ngx_min(redis->delay * 2, NGX_HTTP_WIZDATA_REDIS_DELAY_MAX);
    if (!redis->retry.timer_set && !ngx_terminate) {
        ngx_add_timer(&redis->retry, ms);
    }
}


/* Logged once until it was up again. */
static void
ngx_http_wizdata_redis_fail(ngx_http_wizdata_redis_t *redis, const char *why)
{
    ngx_uint_t was = redis->up;

    if (redis->closing) {
        return; /* a callback of a call that is being dropped */
    }
    redis->closing = 1;
    redis->error = why;

    if (!redis->logged) {
        redis->logged = 1;
        ngx_log_error(NGX_LOG_ERR, redis->log, 0,
                      "wizdata: redis at %V is down: %s", &redis->conf->name,
                      why);
    }

    ngx_http_wizdata_redis_hang_up(redis);
    if (was) {
        ngx_http_wizdata_count(redis->worker, REDIS_RECONNECTS, 1);
        ngx_http_wizdata_redis_tell(redis, 0);
    }
    ngx_http_wizdata_redis_drop_calls(redis);
    redis->closing = 0;
    ngx_http_wizdata_redis_again(redis);
}


void
ngx_http_wizdata_redis_distrust(ngx_http_wizdata_redis_t *redis,
    const char *why)
{
    if (redis->connection != NULL) {
        ngx_http_wizdata_redis_fail(redis, why);
    }
}


void
ngx_http_wizdata_redis_destroy(ngx_http_wizdata_redis_t *redis)
{
    redis->closing = 1;
    ngx_http_wizdata_redis_hang_up(redis);
    ngx_http_wizdata_redis_drop_calls(redis);
    wd_resp_reader_done(&redis->reader);
}


ngx_uint_t
ngx_http_wizdata_redis_up(const ngx_http_wizdata_redis_t *redis)
{
    return redis->up;
}


const char *
ngx_http_wizdata_redis_error(const ngx_http_wizdata_redis_t *redis)
{
    return redis->up ? NULL : redis->error;
}


/* ---- calls -------------------------------------------------------------- */

static wd_buf_t *
ngx_http_wizdata_redis_room(ngx_http_wizdata_redis_t *redis)
{
    if (redis->connection == NULL || redis->closing
        || redis->n == NGX_HTTP_WIZDATA_REDIS_CALLS)
    {
        return NULL;
    }
    redis->mark = redis->out.len;
    return &redis->out;
}


wd_buf_t *
ngx_http_wizdata_redis_begin(ngx_http_wizdata_redis_t *redis)
{
    return redis->up ? ngx_http_wizdata_redis_room(redis) : NULL;
}


ngx_int_t
ngx_http_wizdata_redis_end(ngx_http_wizdata_redis_t *redis,
    ngx_http_wizdata_redis_pt done, void *data)
{
    ngx_uint_t                     i;
    ngx_http_wizdata_redis_slot_t *slot;

    if (redis->out.err != WD_OK) { /* a command is sent whole or not at all */
        redis->out.len = redis->mark;
        redis->out.err = WD_OK;
        return NGX_ERROR;
    }

    i = (redis->first + redis->n) % NGX_HTTP_WIZDATA_REDIS_CALLS;
    slot = &redis->calls[i];
    slot->done = done;
    slot->data = data;
    slot->deadline = ngx_current_msec + redis->conf->timeout;
    redis->n++;
    ngx_http_wizdata_count(redis->worker, REDIS_CALLS, 1);

    if (!redis->deadline.timer_set) {
        ngx_add_timer(&redis->deadline, redis->conf->timeout);
    }
    if (!redis->flush.posted) {
        ngx_post_event(&redis->flush, &ngx_posted_events);
    }
    return NGX_OK;
}


static ngx_int_t
ngx_http_wizdata_redis_command(ngx_http_wizdata_redis_t *redis, wd_buf_t *out,
    size_t argc, const wd_str_t *argv, ngx_http_wizdata_redis_pt done,
    void *data)
{
    size_t i;

    if (out == NULL) {
        return NGX_ERROR;
    }

    wd_resp_put_command(out, argc);
    for (i = 0; i < argc; i++) {
        wd_resp_put_arg(out, argv[i]);
    }
    return ngx_http_wizdata_redis_end(redis, done, data);
}


ngx_int_t
ngx_http_wizdata_redis_call(ngx_http_wizdata_redis_t *redis, size_t argc,
    const wd_str_t *argv, ngx_http_wizdata_redis_pt done, void *data)
{
    return ngx_http_wizdata_redis_command(
        redis, ngx_http_wizdata_redis_begin(redis), argc, argv, done, data);
}


/* The first call's answer is late, or the timer was for one answered. */
static void
ngx_http_wizdata_redis_deadline(ngx_event_t *ev)
{
    ngx_msec_int_t            left;
    ngx_http_wizdata_redis_t *redis = ev->data;

    if (redis->n == 0) {
        return;
    }

    left = (ngx_msec_int_t) (redis->calls[redis->first].deadline
                             - ngx_current_msec);
    if (left > 0) {
        ngx_add_timer(ev, (ngx_msec_t) left);
        return;
    }

    ngx_http_wizdata_count(redis->worker, REDIS_TIMEOUTS, 1);
    ngx_http_wizdata_redis_fail(redis, "no answer in time");
}


/* ---- the connection ----------------------------------------------------- */

static ngx_connection_t *
ngx_http_wizdata_redis_socket(ngx_http_wizdata_redis_t *redis)
{
    ngx_socket_t      fd;
    ngx_connection_t *c;

    fd = ngx_socket(redis->conf->sockaddr->sa_family, SOCK_STREAM, 0);
    if (fd == (ngx_socket_t) -1) {
        return NULL;
    }

    c = ngx_get_connection(fd, redis->log);
    if (c == NULL) {
        ngx_close_socket(fd);
        return NULL;
    }

    c->type = SOCK_STREAM;
    c->recv = ngx_recv;
    c->send = ngx_send;
    c->log_error = NGX_ERROR_INFO;
    c->log = redis->log;
    c->read->log = redis->log;
    c->write->log = redis->log;
    c->number = ngx_atomic_fetch_add(ngx_connection_counter, 1);
    c->start_time = ngx_current_msec;

    if (ngx_nonblocking(fd) == -1
        || (redis->conf->sockaddr->sa_family != AF_UNIX
            && ngx_tcp_nodelay(c) != NGX_OK)
        || (ngx_add_conn && ngx_add_conn(c) == NGX_ERROR))
    {
        ngx_close_connection(c);
        return NULL;
    }
    return c;
}


static void
ngx_http_wizdata_redis_said(void *data, const wd_resp_value_t *v, size_t n)
{
    ngx_http_wizdata_redis_t *redis = data;

    (void) n;
    if (v != NULL && v->type == WD_RESP_ERROR) {
        ngx_http_wizdata_redis_fail(redis, "AUTH or SELECT was refused");
    }
}


static void
ngx_http_wizdata_redis_pong(void *data, const wd_resp_value_t *v, size_t n)
{
    ngx_http_wizdata_redis_t *redis = data;

    if (v == NULL) {
        return;
    }
    if (n != 1 || v->type != WD_RESP_STATUS || !wd_str_eq_z(v->text, "PONG")) {
        ngx_http_wizdata_redis_fail(redis, "PING was not answered by PONG");
        return;
    }

    if (redis->logged) {
        redis->logged = 0;
        ngx_log_error(NGX_LOG_NOTICE, redis->log, 0,
                      "wizdata: redis at %V is up again", &redis->conf->name);
    }
    redis->delay = NGX_HTTP_WIZDATA_REDIS_DELAY_MIN;
    ngx_http_wizdata_redis_tell(redis, 1);
}


static wd_str_t
ngx_http_wizdata_redis_view(const ngx_str_t *s)
{
    return wd_str((char *) s->data, s->len);
}


/* Who we are, which database, and whether somebody is there. */
static void
ngx_http_wizdata_redis_greet(ngx_http_wizdata_redis_t *redis)
{
    char                           db[NGX_INT_T_LEN + 1];
    size_t                         n = 0;
    wd_str_t                       argv[3];
    ngx_http_wizdata_redis_conf_t *conf = redis->conf;

    if (conf->password.len != 0) {
        argv[n++] = WD_STR("AUTH");
        if (conf->user.len != 0) {
            argv[n++] = ngx_http_wizdata_redis_view(&conf->user);
        }
        argv[n++] = ngx_http_wizdata_redis_view(&conf->password);
        (void) ngx_http_wizdata_redis_command(
            redis, ngx_http_wizdata_redis_room(redis), n, argv,
            ngx_http_wizdata_redis_said, redis);
    }

    if (conf->db != 0) {
        argv[0] = WD_STR("SELECT");
        argv[1] = wd_str(db, (size_t) snprintf(db, sizeof(db), "%u",
                                               (unsigned) conf->db));
        (void) ngx_http_wizdata_redis_command(
            redis, ngx_http_wizdata_redis_room(redis), 2, argv,
            ngx_http_wizdata_redis_said, redis);
    }

    argv[0] = WD_STR("PING");
    (void) ngx_http_wizdata_redis_command(
        redis, ngx_http_wizdata_redis_room(redis), 1, argv,
        ngx_http_wizdata_redis_pong, redis);
}


static void
ngx_http_wizdata_redis_established(ngx_http_wizdata_redis_t *redis)
{
    ngx_connection_t *c = redis->connection;

    if (c->write->timer_set) {
        ngx_del_timer(c->write);
    }
    redis->connected = 1;
    ngx_http_wizdata_redis_greet(redis);

    if (ngx_add_conn == NULL && ngx_handle_read_event(c->read, 0) != NGX_OK) {
        ngx_http_wizdata_redis_fail(redis, "event failed");
    }
}


static void
ngx_http_wizdata_redis_connect(ngx_http_wizdata_redis_t *redis)
{
    int               rc;
    ngx_connection_t *c;

    c = ngx_http_wizdata_redis_socket(redis);
    if (c == NULL) {
        ngx_http_wizdata_redis_fail(redis, "no socket available");
        return;
    }

    redis->connection = c;
    c->data = redis;
    c->read->handler = ngx_http_wizdata_redis_read;
    c->write->handler = ngx_http_wizdata_redis_write;
    c->read->cancelable = 1;
    c->write->cancelable = 1;

    rc = connect(c->fd, redis->conf->sockaddr, redis->conf->socklen);
    if (rc == -1 && ngx_socket_errno != NGX_EINPROGRESS) {
        ngx_http_wizdata_redis_fail(redis, "connection refused");
        return;
    }

    if (rc == 0) {
        ngx_http_wizdata_redis_established(redis);
        return;
    }

    ngx_add_timer(c->write, NGX_HTTP_WIZDATA_REDIS_CONNECT);
    if (ngx_add_conn == NULL && ngx_handle_write_event(c->write, 0) != NGX_OK)
    {
        ngx_http_wizdata_redis_fail(redis, "event failed");
    }
}


static void
ngx_http_wizdata_redis_connected(ngx_http_wizdata_redis_t *redis)
{
    int       err = 0;
    socklen_t len = sizeof(int);

    if (getsockopt(redis->connection->fd, SOL_SOCKET, SO_ERROR, (void *) &err,
                   &len) == -1)
    {
        err = ngx_socket_errno;
    }
    if (err != 0) {
        ngx_http_wizdata_redis_fail(redis, "connection refused");
        return;
    }
    ngx_http_wizdata_redis_established(redis);
}


static void
ngx_http_wizdata_redis_write(ngx_event_t *wev)
{
    ngx_connection_t         *c = wev->data;
    ngx_http_wizdata_redis_t *redis = c->data;

    if (wev->timedout) {
        ngx_http_wizdata_redis_fail(redis, "connect timed out");
        return;
    }
    if (!redis->connected) {
        ngx_http_wizdata_redis_connected(redis);
        return;
    }
    if (redis->out_pos < redis->out.len) {
        ngx_http_wizdata_redis_flush(&redis->flush);
    }
}


static void
ngx_http_wizdata_redis_trim(ngx_http_wizdata_redis_t *redis)
{
    if (redis->out_pos == redis->out.len) {
        redis->out_pos = 0;
        wd_buf_reset(&redis->out);
        if (redis->out.cap > NGX_HTTP_WIZDATA_REDIS_KEEP) {
            wd_buf_done(&redis->out);
        }
    } else if (redis->out_pos > redis->out.len / 2) {
        wd_buf_consume(&redis->out, redis->out_pos);
        redis->out_pos = 0;
    }
}


static void
ngx_http_wizdata_redis_flush(ngx_event_t *ev)
{
    ssize_t                   n;
    ngx_connection_t         *c;
    ngx_http_wizdata_redis_t *redis = ev->data;

    c = redis->connection;
    while (redis->connected && redis->out_pos < redis->out.len
           && c->write->ready)
    {
        n = c->send(c, redis->out.data + redis->out_pos,
                    redis->out.len - redis->out_pos);
        if (n == NGX_AGAIN) {
            break;
        }
        if (n < 0) {
            ngx_http_wizdata_redis_fail(redis, "connection lost");
            return;
        }
        redis->out_pos += n;
    }

    ngx_http_wizdata_redis_trim(redis);
    if (c != NULL && ngx_handle_write_event(c->write, 0) != NGX_OK) {
        ngx_http_wizdata_redis_fail(redis, "event failed");
    }
}


/* NGX_DONE: the connection is closed, perhaps by who was answered. */
static ngx_int_t
ngx_http_wizdata_redis_answers(ngx_http_wizdata_redis_t *redis)
{
    int                           rc;
    size_t                        n;
    ngx_connection_t             *c = redis->connection;
    const wd_resp_value_t        *v;
    ngx_http_wizdata_redis_slot_t slot;

    for ( ;; ) {
        rc = wd_resp_reader_next(&redis->reader, &v, &n);
        if (rc == WD_EAGAIN) {
            return NGX_OK;
        }
        if (rc != WD_OK || redis->n == 0) {
            ngx_http_wizdata_redis_fail(redis, "it does not speak RESP");
            return NGX_DONE;
        }

        slot = redis->calls[redis->first];
        redis->first = (redis->first + 1) % NGX_HTTP_WIZDATA_REDIS_CALLS;
        redis->n--;
        if (v->type == WD_RESP_ERROR) {
            ngx_http_wizdata_count(redis->worker, REDIS_ERRORS, 1);
        }
        slot.done(slot.data, v, n);
        if (redis->connection != c) {
            return NGX_DONE;
        }
    }
}


static ngx_int_t
ngx_http_wizdata_redis_receive(ngx_http_wizdata_redis_t *redis)
{
    ssize_t           n;
    u_char           *p;
    ngx_connection_t *c = redis->connection;

    p = wd_resp_reader_space(&redis->reader, NGX_HTTP_WIZDATA_REDIS_READ);
    if (p == NULL) {
        ngx_http_wizdata_redis_fail(redis, "out of memory");
        return NGX_DONE;
    }

    n = c->recv(c, p, NGX_HTTP_WIZDATA_REDIS_READ);
    if (n == NGX_AGAIN) {
        return NGX_AGAIN;
    }
    if (n <= 0) {
        ngx_http_wizdata_redis_fail(redis, "connection lost");
        return NGX_DONE;
    }

    wd_resp_reader_fed(&redis->reader, (size_t) n);
    return ngx_http_wizdata_redis_answers(redis);
}


static void
ngx_http_wizdata_redis_read(ngx_event_t *rev)
{
    ngx_int_t                 rc;
    ngx_uint_t                i;
    ngx_connection_t         *c = rev->data;
    ngx_http_wizdata_redis_t *redis = c->data;

    if (!redis->connected) {
        return; /* the write handler looks at the outcome of connect() */
    }

    for (i = 0; i < NGX_HTTP_WIZDATA_REDIS_READS && rev->ready; i++) {
        rc = ngx_http_wizdata_redis_receive(redis);
        if (rc == NGX_DONE) {
            return;
        }
        if (rc == NGX_AGAIN) {
            break;
        }
    }

    if (rev->ready) {
        ngx_post_event(rev, &ngx_posted_next_events);
    } else if (ngx_handle_read_event(rev, 0) != NGX_OK) {
        ngx_http_wizdata_redis_fail(redis, "event failed");
    }
}


/* ---- the directive ------------------------------------------------------ */

static const ngx_http_wizdata_range_t ngx_http_wizdata_redis_db = {
    0, 1000, "a number of a database from 0 to 1000, such as db=1"};
static const ngx_http_wizdata_range_t ngx_http_wizdata_redis_timeout = {
    1, 10000, "a time from 1ms to 10s, such as timeout=50ms"};
static const ngx_http_wizdata_range_t ngx_http_wizdata_redis_gateways = {
    1, 1000, "a number from 1 to 1000, such as gateways=2"};


/* The file's first line, so that no secret stands in nginx.conf. */
static ngx_int_t
ngx_http_wizdata_redis_password(ngx_conf_t *cf, const ngx_str_t *word,
    ngx_str_t *ret)
{
    u_char     *p;
    ssize_t     n;
    ngx_fd_t    fd;
    ngx_str_t   name = *word;

    if (name.len == 0 || ngx_conf_full_name(cf->cycle, &name, 1) != NGX_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "write the path of a file "
                           "with the password, such as "
                           "password_file=/etc/wizdata/redis.password");
        return NGX_ERROR;
    }

    fd = ngx_open_file(name.data, NGX_FILE_RDONLY, NGX_FILE_OPEN, 0);
    if (fd == NGX_INVALID_FILE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           "cannot open the password file \"%V\"; write the "
                           "path of a file that nginx's master can read",
                           &name);
        return NGX_ERROR;
    }

    p = ngx_pcalloc(cf->pool, NGX_HTTP_WIZDATA_REDIS_PASSWORD_MAX + 1);
    n = p != NULL ? ngx_read_fd(fd, p, NGX_HTTP_WIZDATA_REDIS_PASSWORD_MAX)
                  : -1;
    (void) ngx_close_file(fd);

    ret->data = p;
    ret->len = 0;
    while (n > 0 && ret->len < (size_t) n && p[ret->len] != '\n'
           && p[ret->len] != '\r')
    {
        ret->len++;
    }
    if (ret->len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "the password file \"%V\" "
                           "has no password in its first line", &name);
        return NGX_ERROR;
    }
    return NGX_OK;
}


static ngx_int_t
ngx_http_wizdata_redis_prefix(ngx_conf_t *cf, const ngx_str_t *word,
    ngx_str_t *ret)
{
    size_t i;

    for (i = 0; i < word->len; i++) {
        if (word->data[i] <= 0x20 || word->data[i] > 0x7e) {
            break;
        }
    }
    if (word->len == 0 || word->len > 64 || i != word->len) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "write a prefix of 1 to 64 "
                           "printable characters, such as prefix=wd:limit:");
        return NGX_ERROR;
    }
    *ret = *word; /* words of the configuration end with a zero */
    return NGX_OK;
}


static ngx_int_t
ngx_http_wizdata_redis_option(ngx_conf_t *cf,
    ngx_http_wizdata_redis_conf_t *rc, ngx_str_t *word)
{
    size_t    n;
    u_char   *eq;
    ngx_str_t v;

    eq = ngx_strlchr(word->data, word->data + word->len, '=');
    n = eq != NULL ? (size_t) (eq - word->data) + 1 : 0;
    v.data = word->data + n;
    v.len = word->len - n;

#define IS(name) (n == sizeof(name) - 1 && ngx_memcmp(word->data, name, n) == 0)
    if (IS("password_file=")) {
        return ngx_http_wizdata_redis_password(cf, &v, &rc->password);
    }
    if (IS("user=") && v.len != 0) {
        rc->user = v;
        return NGX_OK;
    }
    if (IS("db=")) {
        return ngx_http_wizdata_word_num(cf, &v, &ngx_http_wizdata_redis_db,
                                         &rc->db);
    }
    if (IS("timeout=")) {
        return ngx_http_wizdata_word_msec(
            cf, &v, &ngx_http_wizdata_redis_timeout, &rc->timeout);
    }
    if (IS("gateways=")) {
        return ngx_http_wizdata_word_num(
            cf, &v, &ngx_http_wizdata_redis_gateways, &rc->gateways);
    }
    if (IS("prefix=")) {
        return ngx_http_wizdata_redis_prefix(cf, &v, &rc->prefix);
    }
#undef IS

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "unknown word \"%V\": write "
                       "password_file=, user=, db=, timeout=, prefix= or "
                       "gateways=", word);
    return NGX_ERROR;
}


static ngx_int_t
ngx_http_wizdata_redis_address(ngx_conf_t *cf,
    ngx_http_wizdata_redis_conf_t *rc, ngx_str_t *word)
{
    ngx_url_t u;

    ngx_memzero(&u, sizeof(u));
    u.url = *word;
    u.default_port = 6379;
    u.no_resolve = 1;

    if (ngx_parse_url(cf->pool, &u) != NGX_OK || u.naddrs == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid address \"%V\" of Redis: write "
                           "unix:/path or an IP address with a port, such as "
                           "127.0.0.1:6379; names are not looked up", word);
        return NGX_ERROR;
    }

    rc->name = *word;
    rc->sockaddr = u.addrs[0].sockaddr;
    rc->socklen = u.addrs[0].socklen;
    return NGX_OK;
}


char *
ngx_http_wizdata_conf_redis(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_str_t                     *value = cf->args->elts;
    ngx_uint_t                     i;
    ngx_http_wizdata_main_conf_t  *wmcf = conf;
    ngx_http_wizdata_redis_conf_t *rc;

    if (wmcf->redis_conf != NULL) {
        return "is duplicate";
    }

    rc = ngx_pcalloc(cf->pool, sizeof(ngx_http_wizdata_redis_conf_t));
    if (rc == NULL) {
        return NGX_CONF_ERROR;
    }
    rc->timeout = 50;
    ngx_str_set(&rc->prefix, "wizdata:limit:");

    if (ngx_http_wizdata_redis_address(cf, rc, &value[1]) != NGX_OK) {
        return NGX_CONF_ERROR;
    }
    for (i = 2; i < cf->args->nelts; i++) {
        if (ngx_http_wizdata_redis_option(cf, rc, &value[i]) != NGX_OK) {
            return NGX_CONF_ERROR;
        }
    }
    if (rc->user.len != 0 && rc->password.len == 0) {
        return "has a user= without a password_file=; write both or none";
    }

    wmcf->redis_conf = rc;
    return NGX_CONF_OK;
}
