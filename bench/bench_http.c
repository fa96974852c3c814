/*
 * bench_http.c - the smallest HTTP/1.1 keep-alive server on a Unix socket:
 * what proxy_pass is measured against. It answers every request with the
 * same bytes that bench-backend answers.
 *
 *     bench-http SOCKET BODY_BYTES
 */
#include "wd_buf.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <uv.h>

typedef struct {
    uv_pipe_t  pipe;
    uv_write_t write;
    size_t     matched; /* of "\r\n\r\n" */
    char       in[65536];
} bench_conn_t;

static wd_buf_t bench_answer;


static void
bench_on_close(uv_handle_t *h)
{
    free(h->data);
}


static void
bench_alloc(uv_handle_t *h, size_t n, uv_buf_t *buf)
{
    bench_conn_t *c = h->data;

    (void) n;
    *buf = uv_buf_init(c->in, sizeof(c->in));
}


static void
bench_on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *buf)
{
    ssize_t       i;
    bench_conn_t *c = s->data;
    uv_buf_t      out = uv_buf_init((char *) bench_answer.data,
                                    (unsigned) bench_answer.len);

    (void) buf;
    if (n < 0) {
        uv_close((uv_handle_t *) s, bench_on_close);
        return;
    }

    for (i = 0; i < n; i++) {
        c->matched = c->in[i] == "\r\n\r\n"[c->matched] ? c->matched + 1
                     : c->in[i] == '\r'                 ? 1
                                                        : 0;
        if (c->matched == 4) {
            c->matched = 0;
            uv_try_write(s, &out, 1);
        }
    }
}


static void
bench_on_connection(uv_stream_t *server, int status)
{
    bench_conn_t *c;

    if (status < 0 || (c = calloc(1, sizeof(*c))) == NULL) {
        return;
    }
    uv_pipe_init(server->loop, &c->pipe, 0);
    c->pipe.data = c;
    uv_accept(server, (uv_stream_t *) &c->pipe);
    uv_read_start((uv_stream_t *) &c->pipe, bench_alloc, bench_on_read);
}


int
main(int argc, char **argv)
{
    int       i, bytes;
    uv_loop_t loop;
    uv_pipe_t server;

    if (argc != 3) {
        return 1;
    }

    signal(SIGPIPE, SIG_IGN);
    bytes = atoi(argv[2]);
    wd_buf_printf(&bench_answer,
                  "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                  "Content-Length: %d\r\n\r\n{\"data\":\"",
                  bytes);
    for (i = 11; i < bytes; i++) {
        wd_buf_byte(&bench_answer, 'x');
    }
    wd_buf_z(&bench_answer, "\"}");

    uv_loop_init(&loop);
    uv_pipe_init(&loop, &server, 0);
    unlink(argv[1]);
    if (uv_pipe_bind(&server, argv[1]) != 0
        || uv_listen((uv_stream_t *) &server, 4096, bench_on_connection) != 0) {
        return 1;
    }
    return uv_run(&loop, UV_RUN_DEFAULT);
}
