/*
 * bench_client.c - keeps N requests in flight on one connection for a while
 * and prints how many were answered in a second.
 *
 *     bench-client SOCKET METHOD IN_FLIGHT SECONDS [NAME=VALUE|NAME=@FILE ...]
 *
 * Of a file each line is the value of one request after the other. With
 * BENCH_LATENCY set and one request in flight it prints the median and the
 * 99th percentile of the answer's time, in microseconds, instead. With
 * BENCH_ONCE set each request is made once, and what is refused counts, too.
 */
#include "wd_ctx.h"
#include "wd_frame.h"
#include "wd_time.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define BENCH_ARGS 8
#define BENCH_LINES 65536
#define BENCH_TIMES 1000000

typedef struct {
    wd_str_t  name;
    wd_str_t *values;
    size_t    n;
} bench_arg_t;

typedef struct {
    int               fd;
    wd_frame_reader_t in;
    wd_buf_t          out;
    wd_buf_t          context;
    wd_buf_t          args;
    wd_str_t          method;
    bench_arg_t       given[BENCH_ARGS];
    size_t            n_given;
    uint32_t          next_id;
    uint64_t          answered;
    bool              once; /* each request once; what is refused counts */
    wd_ns_t           asked;
    wd_ns_t          *times; /* of each answer; NULL: not wanted */
    size_t            n_times;
} bench_t;


static int
bench_connect(bench_t *b, const char *path)
{
    struct sockaddr_un sun = {.sun_family = AF_UNIX};

    wd_str_copy(sun.sun_path, sizeof(sun.sun_path), wd_str_z(path));
    b->fd = socket(AF_UNIX, SOCK_STREAM, 0);
    return connect(b->fd, (struct sockaddr *) &sun, sizeof(sun));
}


/* NAME=VALUE, or NAME=@FILE. */
static bool
bench_arg(bench_t *b, const char *text)
{
    char         line[1024];
    FILE        *f;
    wd_str_t     rest = wd_str_z(text);
    bench_arg_t *arg = &b->given[b->n_given];

    if (b->n_given == BENCH_ARGS || !wd_str_split(&rest, '=', &arg->name)
        || rest.data == NULL) {
        return false;
    }

    b->n_given++;
    arg->values = calloc(BENCH_LINES, sizeof(wd_str_t));
    if (rest.data[0] != '@') {
        arg->values[arg->n++] = rest;
        return true;
    }

    f = fopen(rest.data + 1, "r");
    while (f != NULL && arg->n < BENCH_LINES
           && fgets(line, sizeof(line), f) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        arg->values[arg->n++] = wd_str_z(strdup(line));
    }
    return f != NULL && fclose(f) == 0 && arg->n != 0;
}


static void
bench_ask(bench_t *b)
{
    size_t       i;
    bench_arg_t *arg;

    b->asked = wd_monotonic();
    wd_buf_reset(&b->args);
    wd_mp_put_map(&b->args, (uint32_t) b->n_given);
    for (i = 0; i < b->n_given; i++) {
        arg = &b->given[i];
        wd_mp_put_str(&b->args, arg->name);
        wd_mp_put_str(&b->args, arg->values[b->next_id % arg->n]);
    }
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
            if (b->times != NULL && b->n_times < BENCH_TIMES) {
                b->times[b->n_times++] = wd_monotonic() - b->asked;
            }
            if (f.code != WD_OK && !b->once) {
                fprintf(stderr, "%.*s\n", WD_STR_ARG(f.text));
                return false;
            }
            b->answered++;
            if (!b->once) {
                bench_ask(b);
            }
        }
    }
    return bench_flush(b);
}


static int
bench_cmp(const void *a, const void *b)
{
    wd_ns_t x = *(const wd_ns_t *) a, y = *(const wd_ns_t *) b;

    return (x > y) - (x < y);
}


static void
bench_report(bench_t *b, wd_ns_t took)
{
    if (b->times == NULL) {
        printf("%.0f\n", (double) b->answered * 1e9 / (double) took);
        return;
    }
    if (b->n_times != 0) {
        qsort(b->times, b->n_times, sizeof(*b->times), bench_cmp);
        printf("%.1f %.1f\n", (double) b->times[b->n_times / 2] / 1e3,
               (double) b->times[b->n_times * 99 / 100] / 1e3);
    }
}


int
main(int argc, char **argv)
{
    int      i;
    wd_ns_t  from, until;
    bench_t  b = {0};
    wd_ctx_t ctx = {.id = WD_STR("bench"),
                    .principal = WD_STR("user:1"),
                    .perms = WD_STR("\x91\xa1*"),
                    .ms = 5000,
                    .format = WD_FMT_JSON};

    if (argc < 5 || bench_connect(&b, argv[1]) != 0) {
        fprintf(stderr, "usage: bench-client SOCKET METHOD IN_FLIGHT "
                        "SECONDS [NAME=VALUE|NAME=@FILE ...]\n");
        return 1;
    }
    for (i = 5; i < argc; i++) {
        if (!bench_arg(&b, argv[i])) {
            fprintf(stderr, "%s: neither NAME=VALUE nor NAME=@FILE\n", argv[i]);
            return 1;
        }
    }

    b.once = getenv("BENCH_ONCE") != NULL;
    if (getenv("BENCH_LATENCY") != NULL) {
        b.times = calloc(BENCH_TIMES, sizeof(*b.times));
    }
    b.method = wd_str_z(argv[2]);
    wd_frame_reader_init(&b.in);
    wd_ctx_put(&b.context, &ctx);
    wd_frame_put_hello(&b.out, "bench", "client");
    for (i = 0; i < atoi(argv[3]); i++) {
        bench_ask(&b);
    }
    if (!bench_flush(&b)) {
        return 1;
    }

    from = wd_monotonic();
    until = from + (wd_ns_t) (atof(argv[4]) * 1e9);
    while (wd_monotonic() < until
           && !(b.once && b.answered == (uint64_t) atoi(argv[3]))) {
        if (!bench_turn(&b)) {
            return 1;
        }
    }

    bench_report(&b, wd_monotonic() - from);
    return 0;
}
