/*
 * ngx_http_wizdata_redis_conf.c - the directive wizdata_redis.
 */
#include "ngx_http_wizdata.h"
#include "ngx_http_wizdata_redis.h"
#include "ngx_http_wizdata_slots.h"

#define NGX_HTTP_WIZDATA_REDIS_PASSWORD_MAX 512


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


void
ngx_http_wizdata_redis_show(wd_json_t *j,
    const ngx_http_wizdata_main_conf_t *wmcf)
{
    const ngx_http_wizdata_redis_conf_t *rc = wmcf->redis_conf;

    wd_json_key(j, "redis");
    if (rc == NULL) {
        wd_json_null(j);
        return;
    }

    wd_json_obj(j);
    wd_json_key(j, "address");
    wd_json_str(j, wd_str((char *) rc->name.data, rc->name.len));
    wd_json_key(j, "user");
    if (rc->user.len != 0) {
        wd_json_str(j, wd_str((char *) rc->user.data, rc->user.len));
    } else {
        wd_json_null(j);
    }
    wd_json_key(j, "password");
    wd_json_bool(j, rc->password.len != 0);
    wd_json_key(j, "db");
    wd_json_int(j, (int64_t) rc->db);
    wd_json_key(j, "prefix");
    wd_json_str(j, wd_str((char *) rc->prefix.data, rc->prefix.len));
    wd_json_key(j, "timeout_seconds");
    wd_json_num(j, (double) rc->timeout / 1000);
    wd_json_key(j, "gateways");
    wd_json_int(j, (int64_t) rc->gateways);
    wd_json_end(j);
}
