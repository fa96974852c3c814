/*
 * bench_client.c - keeps N requests in flight on one connection for a while
 * and prints how many were answered in a second.
 *
 *     bench-client SOCKET METHOD IN_FLIGHT SECONDS
 */
#include "wd_ctx.h"
#include "wd_frame.h"
#include "wd_time.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

typedef struct {
    int               fd;
    wd_frame_reader_t in;
    wd_buf_t          out;
    wd_buf_t          context;
    wd_buf_t          args;
    wd_str_t          method;
    uint32_t          next_id;
    uint64_t          answered;
} bench_t;


static int
bench_connect(bench_t *b, const char *path)
{
    struct sockaddr_un sun = {.sun_family = AF_UNIX};

    wd_str_copy(sun.sun_path, sizeof(sun.sun_path), wd_str_z(path));
    b->fd = socket(AF_UNIX, SOCK_STREAM, 0);
    return connect(b->fd, (struct sockaddr *) &sun, sizeof(sun));
}


static void
bench_ask(bench_t *b)
{
    wd_frame_put_request(&b->out, ++b->next_id, b->method,
                         wd_buf_view(&b->context), wd_buf_view(&b->args));
}


static bool
bench_flush(bench_t *b)
{
    ssize_t n;
    size_t  sent = 0;

    while (sent < b->out.len) {
        n = send(b->fd, b->out.data + sent, b->out.len - sent, MSG_NOSIGNAL);
        if (n <= 0) {
            return false;
        }
        sent += (size_t) n;
    }
    wd_buf_reset(&b->out);
    return true;
}


/* Every answer makes the next question; they leave in one write. */
static bool
bench_turn(bench_t *b)
{
    size_t     len = 0;
    ssize_t    n;
    uint8_t   *p = wd_frame_reader_space(&b->in, 65536, &len);
    wd_frame_t f;

    n = recv(b->fd, p, len, 0);
    if (n <= 0) {
        return false;
    }
    wd_frame_reader_fed(&b->in, (size_t) n);

    while (wd_frame_reader_next(&b->in, &f) == WD_OK) {
        if (f.type == WD_FRAME_RESPONSE) {
            if (f.code != WD_OK) {
                fprintf(stderr, "%.*s\n", WD_STR_ARG(f.text));
                return false;
            }
            b->answered++;
            bench_ask(b);
        }
    }
    return bench_flush(b);
}


int
main(int argc, char **argv)
{
    int      i;
    wd_ns_t  from, until;
    bench_t  b = {0};
    wd_ctx_t ctx = {.id = WD_STR("bench"),
                    .principal = WD_STR("user:1"),
                    .ms = 5000,
                    .format = WD_FMT_JSON};

    if (argc != 5 || bench_connect(&b, argv[1]) != 0) {
        fprintf(stderr, "usage: bench-client SOCKET METHOD IN_FLIGHT "
                        "SECONDS\n");
        return 1;
    }

    b.method = wd_str_z(argv[2]);
    wd_frame_reader_init(&b.in);
    wd_ctx_put(&b.context, &ctx);
    wd_mp_put_map(&b.args, 0);
    wd_frame_put_hello(&b.out, "bench", "client");
    for (i = 0; i < atoi(argv[3]); i++) {
        bench_ask(&b);
    }
    if (!bench_flush(&b)) {
        return 1;
    }

    from = wd_monotonic();
    until = from + (wd_ns_t) (atof(argv[4]) * 1e9);
    while (wd_monotonic() < until) {
        if (!bench_turn(&b)) {
            return 1;
        }
    }

    printf("%.0f\n",
           (double) b.answered * 1e9 / (double) (wd_monotonic() - from));
    return 0;
}
