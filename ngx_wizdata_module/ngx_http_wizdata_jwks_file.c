/*
 * ngx_http_wizdata_jwks_file.c - key sets in files: read whole, and again when
 * they are other ones.
 */
#include "ngx_http_wizdata_jwt.h"

#include <fcntl.h>
#include <unistd.h>


static ngx_uint_t
ngx_http_wizdata_jwks_same_file(const struct stat *a, const struct stat *b)
{
    return a->st_ino == b->st_ino && a->st_dev == b->st_dev
           && a->st_size == b->st_size
           && a->st_mtim.tv_sec == b->st_mtim.tv_sec
           && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}


/* One read() of a byte more than may be: a file is short, or it is refused. */
static ngx_int_t
ngx_http_wizdata_jwks_read_fd(int fd, wd_buf_t *out, const char **why)
{
    ssize_t  n;
    uint8_t *p;

    wd_buf_reset(out);
    for (;;) {
        p = wd_buf_reserve(out, 16384);
        if (p == NULL) {
            *why = "out of memory";
            return NGX_ERROR;
        }
        n = read(fd, p, 16384);
        if (n == -1 && ngx_errno == NGX_EINTR) {
            continue;
        }
        if (n == -1) {
            *why = "it cannot be read";
            return NGX_ERROR;
        }
        if (n == 0) {
            return NGX_OK;
        }
        out->len += (size_t) n;
        if (out->len > WD_JWKS_BYTES_MAX) {
            *why = "it is longer than 256k";
            return NGX_ERROR;
        }
    }
}


ngx_int_t
ngx_http_wizdata_jwks_read(const u_char *path, struct stat *seen,
    wd_buf_t *out, const char **why)
{
    int         fd;
    ngx_int_t   rc;
    struct stat st;

    /* A pipe is opened at once, and refused below. */
    fd = open((const char *) path, O_RDONLY|O_NONBLOCK|O_CLOEXEC);
    if (fd == -1) {
        *why = ngx_errno == NGX_ENOENT ? "there is no such file"
                                       : "it cannot be opened";
        return NGX_ERROR;
    }

    if (fstat(fd, &st) == -1 || !S_ISREG(st.st_mode)) {
        *why = "it is no regular file";
        rc = NGX_ERROR;
    } else if (seen != NULL && ngx_http_wizdata_jwks_same_file(&st, seen)) {
        rc = NGX_DECLINED;
    } else {
        rc = ngx_http_wizdata_jwks_read_fd(fd, out, why);
        if (seen != NULL) {
            *seen = st;
        }
    }
    (void) close(fd);
    return rc;
}


/* Reads the file again when it is another one than last time. */
void
ngx_http_wizdata_jwks_poll(ngx_http_wizdata_jwks_t *s)
{
    wd_buf_t   *buf = &s->worker->jwt->scratch;
    ngx_int_t   rc;
    wd_jwks_t  *set;
    wd_error_t  err = {.text = "out of memory"};
    const char *why;

    rc = ngx_http_wizdata_jwks_read(s->conf->path.data, &s->seen, buf, &why);
    if (rc == NGX_DECLINED) {
        return;
    }
    if (rc != NGX_OK) {
        ngx_http_wizdata_jwks_complain(s, why);
        return;
    }

    if (ngx_http_wizdata_jwks_parse(s->conf, wd_buf_view(buf), &set, &err)
        != WD_OK)
    {
        ngx_http_wizdata_jwks_complain(s, err.text);
    } else {
        ngx_http_wizdata_jwks_replace(s, set);
        ngx_http_wizdata_jwks_works(s);
    }
    wd_buf_done(buf); /* the file may hold secrets, and be large */
}


/* The file as the master read it: a worker may not be allowed to. */
void
ngx_http_wizdata_jwks_first(ngx_http_wizdata_jwks_t *s)
{
    wd_error_t    err = {.text = "out of memory"};
    ngx_str_t    *text = &s->conf->initial;

    if (ngx_http_wizdata_jwks_parse(
            s->conf, wd_str((char *) text->data, text->len), &s->set, &err)
        != WD_OK)
    {
        s->set = NULL;
        ngx_http_wizdata_jwks_complain(s, err.text);
    }
}
