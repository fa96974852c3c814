/*
 * ngx_http_wizdata_cache_redis.c - the second level of the response cache:
 * answers in Redis, shared by gateways.
 *
 * Redis counts purges. A value carries the count from when its call began,
 * each tag the count of its last purge; a script gives a value out, or takes
 * one, only if none of its tags was purged since. Each worker tells the
 * purges that it hears over the connection that its look-ups use, so they
 * come first. What was purged while a worker had no connection it does not
 * know: it trusts only values of calls that began after it connected. A
 * flushed Redis has another epoch, and what it is told is then refused; it
 * counts from 1 again, so a count is good for the meeting it was had at.
 */
#include "ngx_http_wizdata.h"
#include "ngx_http_wizdata_redis.h"

#define NGX_HTTP_WIZDATA_SECOND_WAIT 20 /* ms until the backend is asked */
#define NGX_HTTP_WIZDATA_SECOND_PAUSE 1000 /* ms after that */
#define NGX_HTTP_WIZDATA_SECOND_POLL 250 /* ms between looks at operators */
#define NGX_HTTP_WIZDATA_SECOND_MEMORY 8 /* of these, one asks for memory */
#define NGX_HTTP_WIZDATA_SECOND_LIFE (WD_NS_PER_DAY) /* of a value */
#define NGX_HTTP_WIZDATA_SECOND_ARGS 96 /* of a script */
#define NGX_HTTP_WIZDATA_SECOND_HEX 32 /* digits of a tag */
#define NGX_HTTP_WIZDATA_SECOND_OWN 3 /* tags that every entry has */
#define NGX_HTTP_WIZDATA_SECOND_TAG_LIFE "172800000" /* ms: outlives values */


struct ngx_http_wizdata_second_s {
    ngx_http_wizdata_worker_t *worker;
    ngx_http_wizdata_redis_t  *redis;
    ngx_event_t                poll;
    char                       epoch[NGX_HTTP_WIZDATA_SECOND_HEX];
    int64_t                    floor; /* calls that began before: unknown */
    uint64_t                   meeting; /* how many there were */
    ngx_uint_t                 hellos; /* that Redis has yet to answer */
    int64_t                    last; /* purge of an operator, seen last */
    ngx_msec_t                 pause; /* until then it is not asked */
    ngx_uint_t                 polls;
    ngx_http_wizdata_second_memory_t memory;
    unsigned                   ready:1;
    unsigned                   polling:1;
    unsigned                   missed:1; /* a purge, while not ready */
};


/* A request that waits for Redis; outlives it until Redis answers. */
struct ngx_http_wizdata_look_s {
    ngx_http_wizdata_ctx_t *ctx; /* NULL: it left, or waits no more */
    ngx_event_t             timer;
};


/* ---- scripts: ARGV is prefix, epoch, and what each says ----------------- */

static const char ngx_http_wizdata_second_hello[] =
    "local p=ARGV[1]..'cache:' "
    "redis.call('SET',p..'epoch',ARGV[2],'NX') "
    "return {redis.call('GET',p..'epoch'),redis.call('INCR',p..'seq')}";

/* key, floor */
static const char ngx_http_wizdata_second_look_up[] =
    "local p=ARGV[1]..'cache:' "
    "if redis.call('GET',p..'epoch')~=ARGV[2] then return -1 end "
    "local n=tonumber(redis.call('GET',p..'seq') or '0') "
    "local k=p..'v:'..ARGV[3] "
    "local v=redis.call('HMGET',k,'s','t','m','b') "
    "if not v[4] then return {n} end "
    "local s=tonumber(v[1]) "
    "if s<tonumber(ARGV[4]) then return {n} end "
    "for i=1,#v[2],32 do "
    "local g=redis.call('GET',p..'t:'..string.sub(v[2],i,i+31)) "
    "if g and tonumber(g)>s then redis.call('DEL',k) return {n} end end "
    "return {n,v[3],v[4],v[2]}";

/* key, count when the call began, tags, ms to live, meta, body */
static const char ngx_http_wizdata_second_put[] =
    "local p=ARGV[1]..'cache:' "
    "if redis.call('GET',p..'epoch')~=ARGV[2] then return -1 end "
    "local s=tonumber(ARGV[4]) "
    "for i=1,#ARGV[5],32 do "
    "local g=redis.call('GET',p..'t:'..string.sub(ARGV[5],i,i+31)) "
    "if g and tonumber(g)>s then return 0 end end "
    "local k=p..'v:'..ARGV[3] "
    "redis.call('HSET',k,'s',ARGV[4],'t',ARGV[5],'m',ARGV[7],'b',ARGV[8]) "
    "redis.call('PEXPIRE',k,ARGV[6]) return 1";

/* life of tags, 1: by an operator, tag ... */
static const char ngx_http_wizdata_second_purge_tags[] =
    "local p=ARGV[1]..'cache:' "
    "if redis.call('GET',p..'epoch')~=ARGV[2] then return -1 end "
    "local n=redis.call('INCR',p..'seq') "
    "for i=5,#ARGV do "
    "redis.call('SET',p..'t:'..ARGV[i],n,'PX',ARGV[3]) "
    "if ARGV[4]=='1' then redis.call('RPUSH',p..'ops',n..':'..ARGV[i]) end end "
    "if ARGV[4]=='1' then redis.call('LTRIM',p..'ops',-256,-1) end "
    "return n";

static const char ngx_http_wizdata_second_operators[] =
    "local p=ARGV[1]..'cache:' "
    "if redis.call('GET',p..'epoch')~=ARGV[2] then return -1 end "
    "return redis.call('LRANGE',p..'ops',0,-1)";


/* `more` are the arguments behind the epoch. */
static ngx_int_t
ngx_http_wizdata_second_call(ngx_http_wizdata_second_t *s, const char *script,
    const wd_str_t *more, size_t n, ngx_http_wizdata_redis_pt done, void *data)
{
    size_t     i;
    wd_str_t   argv[NGX_HTTP_WIZDATA_SECOND_ARGS];
    ngx_str_t *prefix;

    ngx_http_wizdata_redis_conf_t *rc = s->worker->conf->redis_conf;

    prefix = &rc->prefix;

    argv[0] = WD_STR("EVAL");
    argv[1] = wd_str_z(script);
    argv[2] = WD_STR("0");
    argv[3] = wd_str((char *) prefix->data, prefix->len);
    argv[4] = wd_str(s->epoch, sizeof(s->epoch));
    for (i = 0; i < n; i++) {
        argv[5 + i] = more[i];
    }
    return ngx_http_wizdata_redis_call(s->redis, 5 + n, argv, done, data);
}


static void
ngx_http_wizdata_second_failed(ngx_http_wizdata_second_t *s)
{
    ngx_http_wizdata_count(s->worker, CACHE_SECOND_ERRORS, 1);
}


static void ngx_http_wizdata_second_meet(ngx_http_wizdata_second_t *s);


static void
ngx_http_wizdata_second_hex(const wd_rcache_tag_t *tag,
    char out[NGX_HTTP_WIZDATA_SECOND_HEX + 1])
{
    wd_hex_encode((const u_char *) tag, sizeof(*tag), out);
}


/* ---- meeting Redis ------------------------------------------------------ */

static void
ngx_http_wizdata_second_met(void *data, const wd_resp_value_t *v, size_t n)
{
    ngx_http_wizdata_second_t *s = data;

    /* `missed` is of the last one. */
    if (--s->hellos != 0) {
        return;
    }

    if (n != 3 || v[0].type != WD_RESP_ARRAY || v[1].type != WD_RESP_BULK
        || v[1].text.len != sizeof(s->epoch) || v[2].type != WD_RESP_INT)
    {
        ngx_http_wizdata_second_failed(s);
        return; /* again with the next connection, or the next poll */
    }

    if (s->missed) { /* a purge that nobody told Redis: begin after it */
        ngx_http_wizdata_second_meet(s);
        return;
    }

    ngx_memcpy(s->epoch, v[1].text.data, sizeof(s->epoch));
    s->floor = s->last = v[2].n;
    s->meeting++;
    s->ready = 1;
}


static void
ngx_http_wizdata_second_meet(ngx_http_wizdata_second_t *s)
{
    u_char random[NGX_HTTP_WIZDATA_SECOND_HEX / 2];
    char   hex[NGX_HTTP_WIZDATA_SECOND_HEX + 1];

    s->ready = s->missed = 0;
    ngx_http_wizdata_random(s->worker, random, sizeof(random));
    wd_hex_encode(random, sizeof(random), hex);
    ngx_memcpy(s->epoch, hex, sizeof(s->epoch));
    if (ngx_http_wizdata_second_call(s, ngx_http_wizdata_second_hello, NULL, 0,
                                     ngx_http_wizdata_second_met, s) != NGX_OK)
    {
        ngx_http_wizdata_second_failed(s);
        return;
    }
    s->hellos++;
}


/* Redis was flushed: nothing that was told it is there any more. */
static void
ngx_http_wizdata_second_flushed(ngx_http_wizdata_second_t *s)
{
    if (s->ready) {
        ngx_http_wizdata_second_meet(s);
    }
}


static void
ngx_http_wizdata_second_state(void *data, ngx_uint_t up)
{
    ngx_http_wizdata_second_t *s = data;

    if (up) {
        ngx_http_wizdata_second_meet(s);
    } else {
        s->ready = 0;
    }
}


static void
ngx_http_wizdata_second_told(void *data, const wd_resp_value_t *v, size_t n)
{
    ngx_http_wizdata_second_t *s = data;

    if (n == 0 || v[0].type != WD_RESP_INT) {
        ngx_http_wizdata_second_failed(s);
    } else if (v[0].n == -1) {
        ngx_http_wizdata_second_flushed(s);
    }
}


/* ---- purging ------------------------------------------------------------ */

/* A purge on its way to Redis. */
typedef struct {
    ngx_http_wizdata_second_t *second;
    size_t                     n;
    wd_rcache_tag_t            tags[];
} ngx_http_wizdata_told_t;


/*
 * Until now a look-up may have brought the old answer back: once more here.
 * What Redis did not take down makes all that is there unknown.
 */
static void
ngx_http_wizdata_second_purged(void *data, const wd_resp_value_t *v, size_t n)
{
    ngx_http_wizdata_told_t   *told = data;
    ngx_http_wizdata_second_t *s = told->second;

    (void) wd_rcache_purge(s->worker->cache->store, told->tags, told->n);
    ngx_free(told);

    if (n != 1 || v[0].type != WD_RESP_INT || v[0].n == -1) {
        ngx_http_wizdata_second_failed(s);
        ngx_http_wizdata_second_meet(s);
    }
}


static ngx_int_t
ngx_http_wizdata_second_tell(ngx_http_wizdata_second_t *s,
    const wd_rcache_tag_t *tags, size_t n, ngx_uint_t operator)
{
    size_t                   i;
    char                     hex[NGX_HTTP_WIZDATA_SECOND_ARGS]
                                [NGX_HTTP_WIZDATA_SECOND_HEX + 1];
    wd_str_t                 more[NGX_HTTP_WIZDATA_SECOND_ARGS];
    ngx_http_wizdata_told_t *told;

    if (n > NGX_HTTP_WIZDATA_SECOND_ARGS - 7) {
        return NGX_ERROR;
    }
    told = ngx_alloc(sizeof(*told) + n * sizeof(*tags), s->worker->cycle->log);
    if (told == NULL) {
        return NGX_ERROR;
    }

    told->second = s;
    told->n = n;
    ngx_memcpy(told->tags, tags, n * sizeof(*tags));

    more[0] = WD_STR(NGX_HTTP_WIZDATA_SECOND_TAG_LIFE);
    more[1] = operator ? WD_STR("1") : WD_STR("0");
    for (i = 0; i < n; i++) {
        ngx_http_wizdata_second_hex(&tags[i], hex[i]);
        more[2 + i] = wd_str(hex[i], NGX_HTTP_WIZDATA_SECOND_HEX);
    }

    if (ngx_http_wizdata_second_call(s, ngx_http_wizdata_second_purge_tags,
                                     more, 2 + n,
                                     ngx_http_wizdata_second_purged, told)
        != NGX_OK)
    {
        ngx_free(told);
        return NGX_ERROR;
    }
    return NGX_OK;
}


void
ngx_http_wizdata_second_purge(ngx_http_wizdata_worker_t *w,
    const wd_rcache_tag_t *tags, size_t n, ngx_uint_t operator)
{
    ngx_http_wizdata_second_t *s = w->cache->second;

    if (s == NULL) {
        return;
    }
    if (!s->ready) {
        s->missed = 1; /* what is there was perhaps stored before it */
        return;
    }
    if (ngx_http_wizdata_second_tell(s, tags, n, operator) != NGX_OK) {
        ngx_http_wizdata_second_failed(s);
        ngx_http_wizdata_second_meet(s);
    }
}


/* "count:tag" of what an operator purged on any gateway. */
static void
ngx_http_wizdata_second_operator(ngx_http_wizdata_second_t *s, wd_str_t text,
    int64_t *last)
{
    int64_t          n;
    wd_str_t         count;
    wd_rcache_tag_t  tag;

    if (!wd_str_split(&text, ':', &count)
        || (n = ngx_atoi((u_char *) count.data, count.len)) == NGX_ERROR
        || !wd_hex_decode(text, (u_char *) &tag, sizeof(tag)))
    {
        return;
    }
    if (n > s->last) {
        (void) wd_rcache_purge(s->worker->cache->store, &tag, 1);
        *last = ngx_max(*last, n);
    }
}


static void
ngx_http_wizdata_second_polled(void *data, const wd_resp_value_t *v, size_t n)
{
    size_t                     i;
    int64_t                    last;
    ngx_http_wizdata_second_t *s = data;

    s->polling = 0;
    if (n != 0 && v[0].type == WD_RESP_INT && v[0].n == -1) {
        ngx_http_wizdata_second_flushed(s);
        return;
    }
    if (n == 0 || v[0].type != WD_RESP_ARRAY) {
        return;
    }

    last = s->last;
    for (i = 1; i < n; i++) {
        ngx_http_wizdata_second_operator(s, v[i].text, &last);
    }
    s->last = last;
}


/* The line `name:text` of INFO; longer ones than fit are left out. */
static void
ngx_http_wizdata_second_info(wd_str_t info, const char *name, char *out,
    size_t size)
{
    wd_str_t line, key;

    out[0] = '\0';
    while (wd_str_split(&info, '\n', &line)) {
        line = wd_str_trim(line);
        if (wd_str_split(&line, ':', &key) && wd_str_eq_z(key, name)
            && line.len < size)
        {
            wd_str_copy(out, size, line);
        }
    }
}


static void
ngx_http_wizdata_second_informed(void *data, const wd_resp_value_t *v,
    size_t n)
{
    ngx_http_wizdata_second_t        *s = data;
    ngx_http_wizdata_second_memory_t *m = &s->memory;

    ngx_memzero(m, sizeof(*m)); /* what is not known is not shown */
    if (n == 1 && v[0].type == WD_RESP_BULK) {
        ngx_http_wizdata_second_info(v[0].text, "used_memory_human", m->used,
                                     sizeof(m->used));
        ngx_http_wizdata_second_info(v[0].text, "used_memory_peak_human",
                                     m->peak, sizeof(m->peak));
    }
}


const ngx_http_wizdata_second_memory_t *
ngx_http_wizdata_second_memory(const ngx_http_wizdata_worker_t *w)
{
    const ngx_http_wizdata_second_t *s = w->cache->second;

    return s != NULL && s->ready && s->memory.used[0] != '\0' ? &s->memory
                                                              : NULL;
}


static void
ngx_http_wizdata_second_ask_memory(ngx_http_wizdata_second_t *s)
{
    wd_str_t argv[] = {WD_STR("INFO"), WD_STR("memory")};

    if (s->polls++ % NGX_HTTP_WIZDATA_SECOND_MEMORY == 0) {
        (void) ngx_http_wizdata_redis_call(s->redis, 2, argv,
                                           ngx_http_wizdata_second_informed,
                                           s);
    }
}


static void
ngx_http_wizdata_second_poll(ngx_event_t *ev)
{
    ngx_http_wizdata_second_t *s = ev->data;

    if (s->ready && !s->polling
        && ngx_http_wizdata_second_call(
               s, ngx_http_wizdata_second_operators, NULL, 0,
               ngx_http_wizdata_second_polled, s) == NGX_OK)
    {
        s->polling = 1;
        ngx_http_wizdata_second_ask_memory(s);

    } else if (!s->ready && s->hellos == 0
               && ngx_http_wizdata_redis_up(s->redis))
    {
        ngx_http_wizdata_second_meet(s);
    }
    ngx_add_timer(ev, NGX_HTTP_WIZDATA_SECOND_POLL);
}


/* ---- looking up --------------------------------------------------------- */

static void
ngx_http_wizdata_look_detach(ngx_http_wizdata_look_t *look)
{
    if (look->timer.timer_set) {
        ngx_del_timer(&look->timer);
    }
    look->ctx->cache->look = NULL;
    look->ctx = NULL;
}


void
ngx_http_wizdata_second_leave(ngx_http_wizdata_ctx_t *ctx)
{
    if (ctx->cache->look != NULL) {
        ngx_http_wizdata_look_detach(ctx->cache->look);
    }
}


/* [fresh until, from, type, etag, next], times in ns since 1970. */
static int
ngx_http_wizdata_second_read(wd_str_t text, wd_rcache_put_t *p)
{
    int64_t  fresh, from, shift;
    uint32_t n;
    wd_mp_t  c = wd_mp(text.data, text.len);

    if (wd_mp_read_array(&c, &n) != WD_OK || n != 5
        || wd_mp_read_int(&c, &fresh) != WD_OK
        || wd_mp_read_int(&c, &from) != WD_OK
        || wd_mp_read_bytes(&c, &p->type) != WD_OK
        || wd_mp_read_bytes(&c, &p->etag) != WD_OK
        || wd_mp_read_bytes(&c, &p->next) != WD_OK
        || fresh < from || from < 0
        || fresh - from > NGX_HTTP_WIZDATA_SECOND_LIFE * 31)
    {
        return WD_EPROTO;
    }

    /* Clocks of gateways differ a little: never from the future. */
    shift = (int64_t) ngx_http_wizdata_clock() - wd_now();
    p->from = from + ngx_min(shift, (int64_t) ngx_http_wizdata_clock() - from);
    p->fresh = p->from + (fresh - from);
    return WD_OK;
}


/* Behind those that every entry has. */
static int
ngx_http_wizdata_second_read_tags(wd_str_t hex, wd_rcache_tag_t *tags,
    size_t *ret_n)
{
    size_t   i, n = hex.len / NGX_HTTP_WIZDATA_SECOND_HEX;
    wd_str_t one;

    if (hex.len % NGX_HTTP_WIZDATA_SECOND_HEX != 0
        || n < NGX_HTTP_WIZDATA_SECOND_OWN
        || n - NGX_HTTP_WIZDATA_SECOND_OWN > WD_RCACHE_TAGS_MAX)
    {
        return WD_EPROTO;
    }

    *ret_n = n - NGX_HTTP_WIZDATA_SECOND_OWN;
    for (i = 0; i < *ret_n; i++) {
        one = wd_str(hex.data + (i + NGX_HTTP_WIZDATA_SECOND_OWN)
                                * NGX_HTTP_WIZDATA_SECOND_HEX,
                     NGX_HTTP_WIZDATA_SECOND_HEX);
        if (!wd_hex_decode(one, (uint8_t *) &tags[i], sizeof(tags[i]))) {
            return WD_EPROTO;
        }
    }
    return WD_OK;
}


static ngx_uint_t
ngx_http_wizdata_second_take(ngx_http_wizdata_ctx_t *ctx,
    const wd_resp_value_t *v)
{
    wd_rcache_put_t           p;
    wd_rcache_tag_t           tags[WD_RCACHE_TAGS_MAX];
    ngx_http_wizdata_meta_t   meta;
    ngx_http_wizdata_fill_t  *fill = ctx->cache->fill;

    ngx_memzero(&p, sizeof(p));
    p.tags = tags;
    if (v[2].type != WD_RESP_BULK || v[3].type != WD_RESP_BULK
        || v[4].type != WD_RESP_BULK
        || ngx_http_wizdata_second_read(v[2].text, &p) != WD_OK
        || ngx_http_wizdata_second_read_tags(v[4].text, tags, &p.n_tags)
           != WD_OK)
    {
        return 0;
    }
    ngx_memzero(&meta, sizeof(meta));
    meta.type = p.type;
    meta.etag = p.etag;
    meta.next = p.next;
    if (!ngx_http_wizdata_meta_safe(&meta)) {
        return 0;
    }
    return ngx_http_wizdata_fill_second(fill, &p, v[3].text);
}


static void
ngx_http_wizdata_second_found(void *data, const wd_resp_value_t *v, size_t n)
{
    ngx_connection_t          *c;
    ngx_http_wizdata_ctx_t    *ctx;
    ngx_http_wizdata_look_t   *look = data;
    ngx_http_wizdata_second_t *s;

    ctx = look->ctx;
    if (ctx == NULL) {
        ngx_free(look);
        return;
    }

    ngx_http_wizdata_look_detach(look);
    ngx_free(look);
    s = ctx->worker->cache->second;
    c = ctx->request->connection;
    ngx_http_set_log_request(c->log, ctx->request);

    if (n >= 2 && v[0].type == WD_RESP_ARRAY && v[1].type == WD_RESP_INT) {
        ctx->cache->fill->second = v[1].n;
        ctx->cache->fill->meeting = s->meeting;
        if (n == 5 && ngx_http_wizdata_second_take(ctx, v)) {
            ngx_http_wizdata_cache_second(ctx);
            ngx_http_run_posted_requests(c);
            return;
        }
    } else if (n != 0 && v[0].type == WD_RESP_INT) {
        ngx_http_wizdata_second_flushed(s);
    } else {
        ngx_http_wizdata_second_failed(s);
    }

    ngx_http_wizdata_reply_start(ctx);
    ngx_http_run_posted_requests(c);
}


/* Redis is late: the backend is asked, and Redis left alone for a while. */
static void
ngx_http_wizdata_second_late(ngx_event_t *ev)
{
    ngx_http_wizdata_look_t   *look = ev->data;
    ngx_http_wizdata_ctx_t    *ctx = look->ctx;
    ngx_connection_t          *c = ctx->request->connection;
    ngx_http_wizdata_second_t *s = ctx->worker->cache->second;

    ngx_http_set_log_request(c->log, ctx->request);
    s->pause = ngx_current_msec + NGX_HTTP_WIZDATA_SECOND_PAUSE;
    ngx_http_wizdata_second_failed(s);
    ngx_http_wizdata_look_detach(look);
    ngx_http_wizdata_reply_start(ctx);
    ngx_http_run_posted_requests(c);
}


ngx_int_t
ngx_http_wizdata_second_look(ngx_http_wizdata_ctx_t *ctx)
{
    char                       key[2 * WD_CACHEKEY_LEN + 1], floor[32];
    wd_str_t                   more[2];
    ngx_http_wizdata_look_t   *look;
    ngx_http_wizdata_second_t *s = ctx->worker->cache->second;

    if (s == NULL || !s->ready || ctx->cache->fill == NULL
        || (ngx_msec_int_t) (s->pause - ngx_current_msec) > 0)
    {
        return NGX_DECLINED;
    }

    look = ngx_calloc(sizeof(*look), ctx->worker->cycle->log);
    if (look == NULL) {
        return NGX_DECLINED;
    }

    wd_hex_encode(ctx->cache->key, WD_CACHEKEY_LEN, key);
    more[0] = wd_str(key, sizeof(key) - 1);
    more[1] = wd_str(floor, ngx_sprintf((u_char *) floor, "%L", s->floor)
                            - (u_char *) floor);
    if (ngx_http_wizdata_second_call(s, ngx_http_wizdata_second_look_up, more,
                                     2, ngx_http_wizdata_second_found, look)
        != NGX_OK)
    {
        ngx_free(look);
        return NGX_DECLINED;
    }

    look->ctx = ctx;
    look->timer.data = look;
    look->timer.handler = ngx_http_wizdata_second_late;
    look->timer.log = ctx->worker->cycle->log;
    ngx_add_timer(&look->timer, NGX_HTTP_WIZDATA_SECOND_WAIT);
    ctx->cache->look = look;
    ngx_http_wizdata_watch_client(ctx->request);
    return NGX_AGAIN;
}


/* ---- storing ------------------------------------------------------------ */

static wd_str_t
ngx_http_wizdata_second_write(wd_buf_t *out, const wd_rcache_put_t *p)
{
    int64_t shift = wd_now() - (int64_t) ngx_http_wizdata_clock();

    wd_buf_reset(out);
    wd_mp_put_array(out, 5);
    wd_mp_put_int(out, p->fresh + shift);
    wd_mp_put_int(out, p->from + shift);
    wd_mp_put_bin(out, p->type.data, p->type.len);
    wd_mp_put_bin(out, p->etag.data, p->etag.len);
    wd_mp_put_bin(out, p->next.data, p->next.len);
    return wd_buf_view(out);
}


/* All tags, those that every entry has included. */
static size_t
ngx_http_wizdata_second_tags(const wd_rcache_put_t *p, char *out)
{
    size_t          i;
    wd_rcache_tag_t own[NGX_HTTP_WIZDATA_SECOND_OWN];

    wd_rcache_tag_all(&own[0]);
    wd_rcache_tag_method(p->method, &own[1]);
    wd_rcache_tag_service(p->service, &own[2]);
    for (i = 0; i < NGX_HTTP_WIZDATA_SECOND_OWN;
         i++, out += NGX_HTTP_WIZDATA_SECOND_HEX) {
        ngx_http_wizdata_second_hex(&own[i], out);
    }
    for (i = 0; i < p->n_tags; i++, out += NGX_HTTP_WIZDATA_SECOND_HEX) {
        ngx_http_wizdata_second_hex(&p->tags[i], out);
    }
    return (NGX_HTTP_WIZDATA_SECOND_OWN + p->n_tags)
           * NGX_HTTP_WIZDATA_SECOND_HEX;
}


/*
 * Not a call that began before the last meeting: Redis may have forgotten
 * purges since, or count them anew, so that no later one seems to be later.
 */
void
ngx_http_wizdata_second_store(const ngx_http_wizdata_fill_t *fill,
    const wd_rcache_put_t *p)
{
    int64_t  life;
    char     key[2 * WD_CACHEKEY_LEN + 1], seq[32], ms[32];
    char     tags[(NGX_HTTP_WIZDATA_SECOND_OWN + WD_RCACHE_TAGS_MAX)
                  * NGX_HTTP_WIZDATA_SECOND_HEX + 1];
    wd_str_t more[6];

    ngx_http_wizdata_worker_t *w = fill->worker;
    ngx_http_wizdata_second_t *s = w->cache->second;

    if (s == NULL || !s->ready || fill->second < 0
        || fill->meeting != s->meeting)
    {
        return;
    }
    life = p->fresh - (int64_t) ngx_http_wizdata_clock();
    life = ngx_min(life, NGX_HTTP_WIZDATA_SECOND_LIFE) / WD_NS_PER_MS;
    if (life <= 0) {
        return;
    }

    wd_hex_encode(p->key, WD_CACHEKEY_LEN, key);
    more[0] = wd_str(key, sizeof(key) - 1);
    more[1] = wd_str(seq, ngx_sprintf((u_char *) seq, "%L", fill->second)
                          - (u_char *) seq);
    more[2] = wd_str(tags, ngx_http_wizdata_second_tags(p, tags));
    more[3] = wd_str(ms, ngx_sprintf((u_char *) ms, "%L", life)
                         - (u_char *) ms);
    more[4] = ngx_http_wizdata_second_write(&w->cache->scratch, p);
    more[5] = p->body;
    if (w->cache->scratch.err != WD_OK
        || ngx_http_wizdata_second_call(s, ngx_http_wizdata_second_put, more,
                                        6, ngx_http_wizdata_second_told, s)
           != NGX_OK)
    {
        ngx_http_wizdata_second_failed(s);
    }
}


/* ---- life --------------------------------------------------------------- */

ngx_int_t
ngx_http_wizdata_second_init(ngx_http_wizdata_worker_t *w)
{
    ngx_http_wizdata_second_t *s;

    if (w->conf->cache.second != 1 || w->redis == NULL) {
        return NGX_OK;
    }

    s = ngx_pcalloc(w->cycle->pool, sizeof(*s));
    if (s == NULL) {
        return NGX_ERROR;
    }
    s->worker = w;
    s->redis = w->redis;
    s->poll.data = s;
    s->poll.handler = ngx_http_wizdata_second_poll;
    s->poll.log = w->cycle->log;
    s->poll.cancelable = 1;
    w->cache->second = s;
    ngx_add_timer(&s->poll, NGX_HTTP_WIZDATA_SECOND_POLL);
    return ngx_http_wizdata_redis_watch(s->redis,
                                        ngx_http_wizdata_second_state, s);
}
