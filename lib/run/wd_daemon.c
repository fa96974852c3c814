/*
 * wd_daemon.c - start, reload, drain and stop of a backend.
 */
#include "wd_daemon.h"

#include "wd_metrics.h"
#include "wd_time.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#define WD_BACKLOG 4096
#define WD_DRAIN_POLL_MS 20

struct wd_daemon {
    const wd_daemon_spec_t *spec;
    wd_daemon_conf_t       *conf;
    wd_log_t               *log;
    uv_loop_t               loop;
    uv_signal_t             term;
    uv_signal_t             intr;
    uv_signal_t             hup;
    uv_timer_t              watchdog;
    uv_timer_t              drain;
    wd_ns_t                 started;
    wd_ns_t                 drain_until;
    char                    instance[64];
    bool                    draining;
    bool                    failed;
};


uv_loop_t *
wd_daemon_loop(wd_daemon_t *d)
{
    return &d->loop;
}


wd_log_t *
wd_daemon_log(wd_daemon_t *d)
{
    return d->log;
}


const char *
wd_daemon_instance(const wd_daemon_t *d)
{
    return d->instance;
}


const char *
wd_daemon_service(const wd_daemon_t *d)
{
    return d->spec->service;
}


bool
wd_daemon_draining(const wd_daemon_t *d)
{
    return d->draining;
}


double
wd_daemon_uptime_s(const wd_daemon_t *d)
{
    return (double) (wd_monotonic() - d->started) / 1e9;
}


void
wd_daemon_status(wd_daemon_t *d, const char *fmt, ...)
{
    char    text[256];
    va_list ap;

    (void) d;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    sd_notifyf(0, "STATUS=%s", text);
}


static void
wd_daemon_close_handles(wd_daemon_t *d)
{
    uv_close((uv_handle_t *) &d->term, NULL);
    uv_close((uv_handle_t *) &d->intr, NULL);
    uv_close((uv_handle_t *) &d->hup, NULL);
    uv_close((uv_handle_t *) &d->watchdog, NULL);
    uv_close((uv_handle_t *) &d->drain, NULL);

    /* The end has begun: a second signal must not cut it short. */
    signal(SIGTERM, SIG_IGN);
    signal(SIGINT, SIG_IGN);
}


static void
wd_daemon_on_drain(uv_timer_t *t)
{
    wd_daemon_t *d = t->data;
    size_t       busy;

    busy = d->spec->busy != NULL ? d->spec->busy(d, d->spec->arg) : 0;
    if (busy != 0 && wd_monotonic() < d->drain_until) {
        return;
    }

    if (busy != 0) {
        wd_log_warn(d->log, "stopping with requests in flight", "in_flight",
                    busy);
    }
    wd_daemon_close_handles(d);
    if (d->spec->stop != NULL) {
        d->spec->stop(d, d->spec->arg);
    }
}


static void
wd_daemon_drain(wd_daemon_t *d)
{
    if (d->draining) {
        return;
    }

    d->draining = true;
    d->drain_until = wd_monotonic() + d->conf->drain_ms * WD_NS_PER_MS;
    sd_notify(0, "STOPPING=1\nSTATUS=draining");
    wd_log_info(d->log, "draining", "limit_ms", d->conf->drain_ms);

    if (d->spec->drain != NULL) {
        d->spec->drain(d, d->spec->arg);
    }
    uv_timer_start(&d->drain, wd_daemon_on_drain, 0, WD_DRAIN_POLL_MS);
}


void
wd_daemon_fail(wd_daemon_t *d, const char *why)
{
    wd_log_error(d->log, "giving up", "reason", why);
    d->failed = true;
    wd_daemon_drain(d);
}


static void
wd_daemon_on_stop(uv_signal_t *s, int signum)
{
    wd_daemon_t *d = s->data;

    wd_log_info(d->log, "signal", "signal", strsignal(signum));
    wd_daemon_drain(d);
}


static void
wd_daemon_apply(wd_daemon_t *d)
{
    wd_log_e level = WD_LOG_INFO;

    if (!wd_log_level_by_name(wd_str_z(d->conf->log_level), &level)) {
        wd_log_warn(d->log, "unknown log level, using info", "level",
                    d->conf->log_level);
    }
    wd_log_set_level(d->log, level);
}


/* Names only: what is misspelt may be a secret. */
static void
wd_daemon_warn_strangers(const wd_daemon_t *d)
{
    char   name[128];
    size_t at = 0;

    while (wd_conf_stranger(d->spec->rows, d->spec->n_rows, &at, name,
                            sizeof(name))) {
        wd_log_warn(d->log, "no such setting, it is ignored", "variable", name);
    }
}


static void
wd_daemon_on_hup(uv_signal_t *s, int signum)
{
    int          rc;
    wd_error_t   err = {0};
    wd_daemon_t *d = s->data;

    (void) signum;
    sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%lld",
               (long long) (wd_monotonic() / WD_NS_PER_US));

    rc = wd_conf_reload(d->spec->rows, d->spec->n_rows, d->spec->conf, &err);
    if (rc != WD_OK) {
        wd_log_warn(d->log, "configuration not reloaded, the old one stays",
                    "reason", err.text);
    } else {
        wd_daemon_apply(d);
        if (d->spec->reload != NULL) {
            d->spec->reload(d, d->spec->arg);
        }
        wd_log_msg(d->log, WD_LOG_INFO, "reloaded");
    }
    sd_notify(0, "READY=1");
}


static void
wd_daemon_on_watchdog(uv_timer_t *t)
{
    (void) t;
    sd_notify(0, "WATCHDOG=1");
}


/* Answers the watchdog from the loop: a stuck loop is a stuck service. */
static void
wd_daemon_start_watchdog(wd_daemon_t *d)
{
    uint64_t usec;

    if (sd_watchdog_enabled(0, &usec) > 0) {
        uv_timer_start(&d->watchdog, wd_daemon_on_watchdog, 0,
                       wd_max(usec / 1000 / 3, (uint64_t) 1));
        uv_unref((uv_handle_t *) &d->watchdog);
    }
}


static int
wd_daemon_unix(const char *path, wd_error_t *err)
{
    int                fd, probe;
    struct sockaddr_un sun = {.sun_family = AF_UNIX};

    if (strlen(path) >= sizeof(sun.sun_path)) {
        return wd_error(err, WD_ECONFIG, "socket path is too long: %s", path);
    }
    strcpy(sun.sun_path, path);

    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || probe < 0) {
        return wd_error(err, WD_EIO, "socket: %s", strerror(errno));
    }

    /* A socket that nobody listens on is left over: take its place. */
    if (connect(probe, (struct sockaddr *) &sun, sizeof(sun)) == 0
        || errno == EAGAIN) {
        close(probe);
        close(fd);
        return wd_error(err, WD_EEXIST, "somebody listens on %s", path);
    }
    if (errno == ECONNREFUSED) {
        unlink(path);
    }
    close(probe);

    if (bind(fd, (struct sockaddr *) &sun, sizeof(sun)) != 0
        || chmod(path, 0660) != 0 || listen(fd, WD_BACKLOG) != 0) {
        wd_error(err, WD_EIO, "%s: %s", path, strerror(errno));
        close(fd);
        return WD_EIO;
    }
    return fd;
}


/* host:port with a numeric host; brackets around IPv6. */
static int
wd_daemon_tcp(const char *text, wd_error_t *err)
{
    int                     fd, one = 1;
    char                    host[64];
    int64_t                 port;
    socklen_t               len;
    const char             *colon = strrchr(text, ':');
    struct sockaddr_storage ss = {0};
    struct sockaddr_in     *in4 = (struct sockaddr_in *) (void *) &ss;
    struct sockaddr_in6    *in6 = (struct sockaddr_in6 *) (void *) &ss;

    if (colon == NULL || wd_int_parse(wd_str_z(colon + 1), &port) != WD_OK
        || port < 1 || port > 65535
        || (size_t) (colon - text) >= sizeof(host)) {
        return wd_error(err, WD_ECONFIG, "not an endpoint: %s", text);
    }

    wd_str_copy(host, sizeof(host), wd_str(text, (size_t) (colon - text)));
    if (host[0] == '[' && colon[-1] == ']') {
        host[strlen(host) - 1] = '\0';
        memmove(host, host + 1, strlen(host));
    }

    if (inet_pton(AF_INET, host, &in4->sin_addr) == 1) {
        in4->sin_family = AF_INET;
        in4->sin_port = htons((uint16_t) port);
        len = sizeof(*in4);
    } else if (inet_pton(AF_INET6, host, &in6->sin6_addr) == 1) {
        in6->sin6_family = AF_INET6;
        in6->sin6_port = htons((uint16_t) port);
        len = sizeof(*in6);
    } else {
        return wd_error(err, WD_ECONFIG, "not a numeric address: %s", text);
    }

    fd = socket(ss.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one))
        || bind(fd, (struct sockaddr *) &ss, len) != 0
        || listen(fd, WD_BACKLOG) != 0) {
        wd_error(err, WD_EIO, "%s: %s", text, strerror(errno));
        if (fd >= 0) {
            close(fd);
        }
        return WD_EIO;
    }
    return fd;
}


int
wd_daemon_listen(wd_daemon_t *d, int *fds, size_t cap, size_t *ret_n,
                 wd_error_t *err)
{
    int      n, fd, i;
    char     one[256];
    wd_str_t all, part;

    *ret_n = 0;

    n = sd_listen_fds(1);
    if (n > 0) {
        for (i = 0; i < n && *ret_n < cap; i++) {
            fd = SD_LISTEN_FDS_START + i;
            fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
            fds[(*ret_n)++] = fd;
        }
        return WD_OK;
    }

    all = wd_str_z(d->conf->listen);
    while (*ret_n < cap && wd_str_split(&all, ',', &part)) {
        wd_str_copy(one, sizeof(one), wd_str_trim(part));
        fd = strncmp(one, "unix:", 5) == 0 ? wd_daemon_unix(one + 5, err)
                                           : wd_daemon_tcp(one, err);
        if (fd < 0) {
            return fd;
        }
        fds[(*ret_n)++] = fd;
    }
    return WD_OK;
}


static void
wd_daemon_help(const wd_daemon_spec_t *spec)
{
    wd_buf_t out = WD_BUF_INIT;

    wd_buf_printf(&out,
                  "wizdata-%s: %s\n\n"
                  "Usage: wizdata-%s [--help | --version | --config-markdown]"
                  "\n\nConfigured by environment variables; any of them may "
                  "be given as a\nfile's path in the variable with _FILE "
                  "behind its name.\n\n",
                  spec->service, spec->summary, spec->service);
    wd_conf_help(spec->rows, spec->n_rows, &out);
    fwrite(out.data, 1, out.len, stdout);
    wd_buf_done(&out);
}


/* true: argv was answered, *ret is the exit status. */
static bool
wd_daemon_args(const wd_daemon_spec_t *spec, int argc, char **argv, int *ret)
{
    wd_buf_t out = WD_BUF_INIT;

    *ret = 0;
    if (argc == 1) {
        return false;
    }

    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        wd_daemon_help(spec);
    } else if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        printf("wizdata-%s %s\n", spec->service, WD_VERSION);
    } else if (argc == 2 && strcmp(argv[1], "--config-markdown") == 0) {
        wd_conf_markdown(spec->rows, spec->n_rows, &out);
        fwrite(out.data, 1, out.len, stdout);
        wd_buf_done(&out);
    } else {
        fprintf(stderr, "wizdata-%s: unknown argument; try --help\n",
                spec->service);
        *ret = 2;
    }
    return true;
}


static void
wd_daemon_name(wd_daemon_t *d)
{
    char host[40] = "localhost";

    if (d->conf->instance != NULL && d->conf->instance[0] != '\0') {
        wd_str_copy(d->instance, sizeof(d->instance),
                    wd_str_z(d->conf->instance));
        return;
    }
    gethostname(host, sizeof(host) - 1);
    snprintf(d->instance, sizeof(d->instance), "%s:%d", host, (int) getpid());
}


static wd_log_format_e
wd_daemon_log_format(const wd_daemon_conf_t *conf)
{
    if (strcmp(conf->log_format, "json") == 0) {
        return WD_LOG_JSON;
    }
    return strcmp(conf->log_format, "text") == 0 ? WD_LOG_TEXT : WD_LOG_AUTO;
}


/* The soft limit of descriptors is 1024 by tradition; we use no select(). */
static void
wd_daemon_raise_nofile(void)
{
    struct rlimit rl;

    if (getrlimit(RLIMIT_NOFILE, &rl) == 0 && rl.rlim_cur < rl.rlim_max) {
        rl.rlim_cur = rl.rlim_max;
        setrlimit(RLIMIT_NOFILE, &rl);
    }
}


static void
wd_daemon_init_loop(wd_daemon_t *d)
{
    char threads[16];

    /* libuv reads this when the first work is queued. */
    snprintf(threads, sizeof(threads), "%u", d->conf->threads);
    setenv("UV_THREADPOOL_SIZE", threads, 1);

    uv_loop_init(&d->loop);
    uv_signal_init(&d->loop, &d->term);
    uv_signal_init(&d->loop, &d->intr);
    uv_signal_init(&d->loop, &d->hup);
    uv_timer_init(&d->loop, &d->watchdog);
    uv_timer_init(&d->loop, &d->drain);
    d->term.data = d->intr.data = d->hup.data = d;
    d->watchdog.data = d->drain.data = d;
    uv_signal_start(&d->term, wd_daemon_on_stop, SIGTERM);
    uv_signal_start(&d->intr, wd_daemon_on_stop, SIGINT);
    uv_signal_start(&d->hup, wd_daemon_on_hup, SIGHUP);
    signal(SIGPIPE, SIG_IGN);
}


static int
wd_daemon_live(wd_daemon_t *d)
{
    int        rc;
    wd_error_t err = {0};

    rc = d->spec->start(d, d->spec->arg, &err);
    if (rc != WD_OK) {
        wd_log_error(d->log, "cannot start", "reason", err.text);
        wd_daemon_close_handles(d);
        if (d->spec->stop != NULL) {
            d->spec->stop(d, d->spec->arg);
        }
        uv_run(&d->loop, UV_RUN_DEFAULT);
        return 1;
    }

    wd_daemon_start_watchdog(d);
    sd_notify(0, "READY=1\nSTATUS=serving");
    wd_log_info(d->log, "ready", "version", WD_VERSION, "instance",
                d->instance);

    uv_run(&d->loop, UV_RUN_DEFAULT);
    wd_log_msg(d->log, WD_LOG_INFO, "stopped");
    return d->failed ? 1 : 0;
}


int
wd_daemon_run(const wd_daemon_spec_t *spec, int argc, char **argv)
{
    int         rc;
    wd_error_t  err = {0};
    wd_daemon_t d = {.spec = spec, .conf = spec->conf};

    if (wd_daemon_args(spec, argc, argv, &rc)) {
        return rc;
    }

    rc = wd_conf_load(spec->rows, spec->n_rows, spec->conf, &err);
    if (rc != WD_OK) {
        fprintf(stderr, "wizdata-%s: %s\n", spec->service, err.text);
        wd_conf_done(spec->rows, spec->n_rows, spec->conf);
        return 2;
    }

    d.started = wd_monotonic();
    wd_daemon_name(&d);
    wd_metrics_init(spec->service);
    d.log = wd_log_create(spec->service, WD_LOG_INFO,
                          wd_daemon_log_format(d.conf));
    wd_daemon_apply(&d);
    wd_daemon_warn_strangers(&d);
    wd_daemon_raise_nofile();
    wd_daemon_init_loop(&d);

    rc = wd_daemon_live(&d);

    if (uv_loop_close(&d.loop) != 0) {
        wd_log_msg(d.log, WD_LOG_WARN, "the loop still had handles at exit");
    }
    uv_library_shutdown();
    wd_log_destroy(d.log);
    wd_conf_done(spec->rows, spec->n_rows, spec->conf);
    wd_metrics_done();
    return rc;
}
