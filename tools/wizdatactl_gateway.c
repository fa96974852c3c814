/*
 * wizdatactl_gateway.c - gateway drain, undrain and status: signals to nginx.
 *
 * The gateway's module handles two real-time signals in nginx's master. A
 * process that does not would die of them, so it is looked at first.
 */
#include "wizdatactl.h"

#include "wd_num.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define CTL_NGINX_PID_FILE "/run/nginx.pid"
#define CTL_DRAIN_SIGNAL (SIGRTMIN + 1)
#define CTL_UNDRAIN_SIGNAL (SIGRTMIN + 2)

/* What is known of the process that the pid file names. */
typedef struct {
    const char *pid_file;
    int64_t     pid; /* 0: none runs */
    bool        gateway; /* it handles both signals */
} ctl_gateway_t;


/* The beginning of a file; false when it cannot be read. */
static bool
ctl_read_file(const char *path, char *out, size_t cap)
{
    int     fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n;

    if (fd < 0) {
        return false;
    }
    n = read(fd, out, cap - 1);
    close(fd);
    out[n > 0 ? n : 0] = '\0';
    return n >= 0;
}


/* Is it nginx? A pid file may be older than the process of its number. */
static bool
ctl_is_nginx(int64_t pid)
{
    char path[64], comm[32];

    snprintf(path, sizeof(path), "/proc/%lld/comm", (long long) pid);
    return ctl_read_file(path, comm, sizeof(comm))
           && strncmp(comm, "nginx", 5) == 0;
}


/* Both signals are in its mask of caught ones. */
static bool
ctl_handles_signals(int64_t pid)
{
    char        path[64], status[4096];
    uint64_t    caught;
    const char *at;

    snprintf(path, sizeof(path), "/proc/%lld/status", (long long) pid);
    if (!ctl_read_file(path, status, sizeof(status))
        || (at = strstr(status, "\nSigCgt:")) == NULL) {
        return false;
    }

    caught = strtoull(at + 8, NULL, 16);
    return (caught >> (CTL_DRAIN_SIGNAL - 1) & 1)
           && (caught >> (CTL_UNDRAIN_SIGNAL - 1) & 1);
}


static void
ctl_gateway_find(const ctl_t *ctl, ctl_gateway_t *ret)
{
    char    text[32];
    int64_t pid;

    ret->pid_file = ctl_option(ctl, "pid-file");
    if (ret->pid_file == NULL) {
        ret->pid_file = CTL_NGINX_PID_FILE;
    }
    ret->pid = 0;
    ret->gateway = false;

    if (ctl_read_file(ret->pid_file, text, sizeof(text))
        && wd_int_parse(wd_str_trim(wd_str_z(text)), &pid) == WD_OK && pid > 1
        && ctl_is_nginx(pid)) {
        ret->pid = pid;
        ret->gateway = ctl_handles_signals(pid);
    }
}


static int
ctl_gateway_print(const ctl_t *ctl, const ctl_gateway_t *g, const char *done)
{
    if (ctl->json) {
        return ctl_print_json(json_pack(
            "{s:I, s:b, s:b, s:s?}", "pid", (json_int_t) g->pid, "running",
            g->pid != 0, "gateway", g->gateway, "done", done));
    }
    printf("nginx (pid %lld): %s\n", (long long) g->pid,
           done != NULL ? done : "the gateway runs");
    return CTL_OK;
}


/* CTL_OK, or the exit status after the complaint was printed. */
static int
ctl_gateway_check(const ctl_t *ctl, const ctl_gateway_t *g)
{
    if (g->pid == 0) {
        return ctl_fail(ctl, WD_EUNAVAIL,
                        "no nginx runs with the pid in %s; name its pid file "
                        "with --pid-file",
                        g->pid_file);
    }
    if (!g->gateway) {
        return ctl_fail(ctl, WD_EUNAVAIL,
                        "nginx (pid %lld) does not run the gateway's module, "
                        "or one that cannot drain",
                        (long long) g->pid);
    }
    return CTL_OK;
}


static int
ctl_gateway_signal(ctl_t *ctl, int signal, const char *done)
{
    int           rc;
    ctl_gateway_t g;

    ctl_gateway_find(ctl, &g);
    rc = ctl_gateway_check(ctl, &g);
    if (rc != CTL_OK) {
        return rc;
    }

    if (kill((pid_t) g.pid, signal) != 0) {
        return ctl_fail(ctl, errno == EPERM ? WD_EFORBIDDEN : WD_EUNAVAIL,
                        "cannot signal nginx (pid %lld): %s", (long long) g.pid,
                        strerror(errno));
    }
    return ctl_gateway_print(ctl, &g, done);
}


int
ctl_gateway_drain(ctl_t *ctl)
{
    return ctl_gateway_signal(ctl, CTL_DRAIN_SIGNAL, "told to drain");
}


int
ctl_gateway_undrain(ctl_t *ctl)
{
    return ctl_gateway_signal(ctl, CTL_UNDRAIN_SIGNAL, "told to serve again");
}


/* Whether it drains is what its own /health says. */
int
ctl_gateway_status(ctl_t *ctl)
{
    int           rc;
    ctl_gateway_t g;

    ctl_gateway_find(ctl, &g);
    rc = ctl_gateway_check(ctl, &g);
    return rc == CTL_OK ? ctl_gateway_print(ctl, &g, NULL) : rc;
}
