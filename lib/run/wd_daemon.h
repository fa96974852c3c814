/*
 * wd_daemon.h - the life that all backends share.
 *
 * Configuration from the environment, structured logs, socket activation
 * (LISTEN_FDS) or own listening sockets, sd_notify (READY, RELOADING,
 * STOPPING, WATCHDOG), SIGHUP reload, SIGTERM/SIGINT drain: stop accepting,
 * finish what is in flight up to `server.drain`, then stop.
 */
#ifndef WD_DAEMON_H
#define WD_DAEMON_H

#include "wd_conf.h"
#include "wd_log.h"

#include <uv.h>

/* Every service's configuration begins with this. */
typedef struct {
    char    *listen; /* comma-separated: unix:/path or host:port */
    char    *instance;
    char    *log_level;
    char    *log_format;
    uint32_t max_inflight;
    uint32_t drain_ms;
    uint32_t threads;
} wd_daemon_conf_t;

/* The rows of wd_daemon_conf_t, to stand first in a service's table. */
#define WD_DAEMON_CONF_ROWS(type, member, listen_default)                   \
    {"server",                                                              \
     "listen",                                                              \
     wd_conf_str,                                                           \
     offsetof(type, member.listen),                                         \
     listen_default,                                                        \
     0,                                                                     \
     0,                                                                     \
     0,                                                                     \
     "Endpoints, comma-separated: unix:/path or host:port; not used under " \
     "socket activation"},                                                  \
        {"server",                                                          \
         "instance",                                                        \
         wd_conf_str,                                                       \
         offsetof(type, member.instance),                                   \
         NULL,                                                              \
         0,                                                                 \
         0,                                                                 \
         0,                                                                 \
         "Name of this instance; default host:pid"},                        \
        {"server",                                                          \
         "max_inflight",                                                    \
         wd_conf_u32,                                                       \
         offsetof(type, member.max_inflight),                               \
         "1024",                                                            \
         1,                                                                 \
         65536,                                                             \
         WD_CONF_RELOAD,                                                    \
         "Requests worked on at a time; more are answered with busy"},      \
        {"server",                                                          \
         "drain",                                                           \
         wd_conf_ms,                                                        \
         offsetof(type, member.drain_ms),                                   \
         "10s",                                                             \
         0,                                                                 \
         600000,                                                            \
         WD_CONF_RELOAD,                                                    \
         "Longest wait for requests in flight at stop"},                    \
        {"server",                                                          \
         "threads",                                                         \
         wd_conf_u32,                                                       \
         offsetof(type, member.threads),                                    \
         "4",                                                               \
         1,                                                                 \
         256,                                                               \
         0,                                                                 \
         "Worker threads for blocking work"},                               \
        {"log",                                                             \
         "level",                                                           \
         wd_conf_str,                                                       \
         offsetof(type, member.log_level),                                  \
         "info",                                                            \
         0,                                                                 \
         0,                                                                 \
         WD_CONF_RELOAD,                                                    \
         "debug, info, warn or error"},                                     \
    {                                                                       \
        "log", "format", wd_conf_str, offsetof(type, member.log_format),    \
            "auto", 0, 0, 0, "json, text, or auto: text on a terminal"      \
    }

typedef struct wd_daemon wd_daemon_t;

typedef struct {
    const char          *service;
    const char          *summary; /* for --help */
    const wd_conf_row_t *rows;
    size_t               n_rows;
    void                *conf; /* begins with wd_daemon_conf_t */

    /*
     * Called on the loop thread with `arg`. start: everything that the
     * service needs, then READY is told; *err on failure. reload: after the
     * configuration was taken over. drain: stop taking new work. busy: what
     * is still in flight; polled while draining. stop: free all.
     */
    void *arg;
    int (*start)(wd_daemon_t *d, void *arg, wd_error_t *err);
    void (*reload)(wd_daemon_t *d, void *arg);
    void (*drain)(wd_daemon_t *d, void *arg);
    size_t (*busy)(wd_daemon_t *d, void *arg);
    void (*stop)(wd_daemon_t *d, void *arg);
} wd_daemon_spec_t;

/* The whole life, from argv to the exit status that main() returns. */
int wd_daemon_run(const wd_daemon_spec_t *spec, int argc, char **argv);

uv_loop_t  *wd_daemon_loop(wd_daemon_t *d);
wd_log_t   *wd_daemon_log(wd_daemon_t *d);
const char *wd_daemon_instance(const wd_daemon_t *d);
const char *wd_daemon_service(const wd_daemon_t *d);
bool        wd_daemon_draining(const wd_daemon_t *d);
double      wd_daemon_uptime_s(const wd_daemon_t *d);

/* A failure while running that the service cannot survive: drains, exit 1. */
void wd_daemon_fail(wd_daemon_t *d, const char *why);

/* Listening sockets: those of socket activation, else those of `listen`. */
wd_must_check int wd_daemon_listen(wd_daemon_t *d, int *fds, size_t cap,
                                   size_t *ret_n, wd_error_t *err);

/* The text of systemd's STATUS=. */
void wd_daemon_status(wd_daemon_t *d, const char *fmt, ...)
    wd_printf_like(2, 3);

#endif /* WD_DAEMON_H */
