/*
 * bench_latency.c - sends GET requests at a steady rate, whatever the answers
 * take, and prints percentiles of the time from when each was due to when its
 * answer was there: a pause of the server counts for all that it delays.
 *
 *     bench-latency PORT PATH HEADER RATE SECONDS
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CONNS 64
#define ANSWER_MAX 65536
#define SAMPLES_MAX 10000000

typedef struct {
    int     fd;
    int64_t due; /* of the request that is out; 0: idle */
    size_t  len;
    char    in[ANSWER_MAX];
} conn_t;

static conn_t    conns[CONNS];
static conn_t   *idle[CONNS];
static int       n_idle;
static char      request[2048];
static size_t    request_len;
static uint32_t *samples; /* hundredths of a microsecond */
static size_t    n_samples;
static int       poller;


static int64_t
now_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t) ts.tv_sec * 1000000000 + ts.tv_nsec;
}


static void
die(const char *what)
{
    perror(what);
    exit(1);
}


static void
conn_open(conn_t *c, int port)
{
    int                on = 1;
    struct epoll_event ev = {.events = EPOLLIN, .data.ptr = c};
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_port = htons((uint16_t) port),
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

    c->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (c->fd == -1
        || connect(c->fd, (const struct sockaddr *) &a, sizeof(a)) != 0) {
        die("connect");
    }
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    fcntl(c->fd, F_SETFL, O_NONBLOCK);
    epoll_ctl(poller, EPOLL_CTL_ADD, c->fd, &ev);
    idle[n_idle++] = c;
}


static void
conn_ask(conn_t *c, int64_t due)
{
    if (write(c->fd, request, request_len) != (ssize_t) request_len) {
        die("write");
    }
    c->due = due;
    c->len = 0;
}


/* Whether the answer is whole: a head with Content-Length, and the body. */
static int
conn_whole(const conn_t *c)
{
    const char *end = memmem(c->in, c->len, "\r\n\r\n", 4);
    const char *len = memmem(c->in, c->len, "Content-Length: ", 16);

    if (end == NULL) {
        return 0;
    }
    if (strncmp(c->in, "HTTP/1.1 200", 12) != 0 || len == NULL) {
        fprintf(stderr, "%.*s\n", (int) (end - c->in), c->in);
        exit(1);
    }
    return c->len >= (size_t) (end + 4 - c->in) + strtoul(len + 16, NULL, 10);
}


static void
conn_read(conn_t *c)
{
    ssize_t n = read(c->fd, c->in + c->len, sizeof(c->in) - c->len);

    if (n < 0 && errno == EAGAIN) {
        return;
    }
    if (n <= 0 || c->due == 0) {
        die("read");
    }
    c->len += (size_t) n;
    if (conn_whole(c)) {
        if (n_samples < SAMPLES_MAX) {
            samples[n_samples++] = (uint32_t) ((now_ns() - c->due) / 10);
        }
        c->due = 0;
        idle[n_idle++] = c;
    }
}


static void
wait_until(int64_t t)
{
    int                i, n;
    int64_t            left = t - now_ns();
    struct timespec    ts = {0, left > 0 ? left : 0};
    struct epoll_event ev[CONNS];

    n = epoll_pwait2(poller, ev, CONNS, &ts, NULL);
    for (i = 0; i < n; i++) {
        conn_read(ev[i].data.ptr);
    }
}


static int
by_value(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *) a, y = *(const uint32_t *) b;

    return x < y ? -1 : x > y;
}


static double
percentile(double p)
{
    size_t i = (size_t) ((double) n_samples * p / 100);

    return samples[i < n_samples ? i : n_samples - 1] / 100.0;
}


int
main(int argc, char **argv)
{
    int     i;
    int64_t due, step, end;

    if (argc != 6) {
        fprintf(stderr, "bench-latency PORT PATH HEADER RATE SECONDS\n");
        return 2;
    }
    request_len = (size_t) snprintf(request, sizeof(request),
                                    "GET %s HTTP/1.1\r\nHost: localhost\r\n"
                                    "%s\r\n\r\n",
                                    argv[2], argv[3]);
    samples = malloc(SAMPLES_MAX * sizeof(*samples));
    poller = epoll_create1(0);
    if (samples == NULL || poller == -1 || request_len >= sizeof(request)) {
        die("start");
    }
    for (i = 0; i < CONNS; i++) {
        conn_open(&conns[i], atoi(argv[1]));
    }

    step = 1000000000 / atoi(argv[4]);
    due = now_ns();
    end = due + (int64_t) (atof(argv[5]) * 1e9);
    while (due < end) {
        while (due <= now_ns() && n_idle != 0) {
            conn_ask(idle[--n_idle], due);
            due += step;
        }
        wait_until(n_idle != 0 ? due : due + step);
    }

    qsort(samples, n_samples, sizeof(*samples), by_value);
    printf("%zu %.1f %.1f %.1f %.1f\n", n_samples, percentile(50),
           percentile(99), percentile(99.9), percentile(100));
    return 0;
}
