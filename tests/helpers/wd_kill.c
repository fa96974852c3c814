/*
 * wd_kill.c - to be loaded into a process by LD_PRELOAD: kills it (SIGKILL) at
 * the n-th of the steps by which it changes something outside of itself.
 *
 * Steps of the lake are the calls that make, write, sync, rename or remove a
 * file or folder below a path; steps of the database are what is sent to a
 * PostgreSQL server over its Unix socket. Each kind has a count of its own,
 * over all threads.
 *
 *     WD_KILL_OF      lake or db: the steps that are counted
 *     WD_KILL_PATH    the folder of the lake
 *     WD_KILL_AT      n: 1 is the first step, 0 never
 *     WD_KILL_WHEN    before the step, after it, or torn: only writes and
 *                     sends are counted, and half of the n-th is done
 *     WD_KILL_ARM     nothing is counted before this file exists; optional
 *     WD_KILL_LOG     gets a line for each step that was counted; optional
 */
/* The C library's own names, without what its headers make of them. */
#undef _FILE_OFFSET_BITS
#undef _FORTIFY_SOURCE

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

typedef enum { STEP_OTHER, STEP_LAKE, STEP_DB } step_e;

typedef enum { WHEN_BEFORE, WHEN_AFTER, WHEN_TORN } when_e;

static struct {
    step_e      of;
    when_e      when;
    long        at;
    const char *path;
    size_t      path_len;
    const char *arm;
    const char *log;
    bool        armed; /* atomic, like the count */
    long        count;
} kill_at;

/* The function that the program would have called without us. */
#define REAL(name) ((__typeof__(&name)) real(#name))


static void *
real(const char *name)
{
    void *fn = dlsym(RTLD_NEXT, name);

    if (fn == NULL) {
        abort(); /* the C library has them all */
    }
    return fn;
}


static const char *
setting(const char *name)
{
    const char *v = getenv(name);

    return v != NULL ? v : "";
}


__attribute__((constructor)) static void
kill_init(void)
{
    const char *of = setting("WD_KILL_OF");
    const char *when = setting("WD_KILL_WHEN");

    kill_at.of = strcmp(of, "lake") == 0 ? STEP_LAKE
                 : strcmp(of, "db") == 0 ? STEP_DB
                                         : STEP_OTHER;
    kill_at.when = strcmp(when, "after") == 0  ? WHEN_AFTER
                   : strcmp(when, "torn") == 0 ? WHEN_TORN
                                               : WHEN_BEFORE;
    kill_at.at = atol(setting("WD_KILL_AT"));
    kill_at.path = setting("WD_KILL_PATH");
    kill_at.path_len = strlen(kill_at.path);
    kill_at.arm = setting("WD_KILL_ARM");
    kill_at.log = setting("WD_KILL_LOG");
}


static bool
armed(void)
{
    if (!__atomic_load_n(&kill_at.armed, __ATOMIC_RELAXED)
        && (kill_at.arm[0] == '\0' || access(kill_at.arm, F_OK) == 0)) {
        __atomic_store_n(&kill_at.armed, true, __ATOMIC_RELAXED);
    }
    return __atomic_load_n(&kill_at.armed, __ATOMIC_RELAXED);
}


/* By system calls alone: what they would count is not called. */
static void
note(long n, const char *call, const char *what)
{
    int  fd, len;
    char line[600];

    if (kill_at.log[0] == '\0') {
        return;
    }
    fd = (int) syscall(SYS_openat, AT_FDCWD, kill_at.log,
                       O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    len = snprintf(line, sizeof(line), "%ld %s %s\n", n, call, what);
    if (fd >= 0) {
        syscall(SYS_write, fd, line, (size_t) len);
        syscall(SYS_close, fd);
    }
}


static void
die(void)
{
    for (;;) {
        kill(getpid(), SIGKILL);
        pause();
    }
}


/* true: this is the n-th. */
static bool
counted(step_e step, bool tearable, const char *call, const char *what)
{
    long n;

    if (step == STEP_OTHER || step != kill_at.of
        || (kill_at.when == WHEN_TORN && !tearable) || !armed()) {
        return false;
    }
    n = __atomic_add_fetch(&kill_at.count, 1, __ATOMIC_SEQ_CST);
    note(n, call, what);
    if (n == kill_at.at && kill_at.when == WHEN_BEFORE) {
        die();
    }
    return n == kill_at.at;
}


static step_e
is_below(const char *path)
{
    return kill_at.path_len != 0
                   && strncmp(path, kill_at.path, kill_at.path_len) == 0
                   && (path[kill_at.path_len] == '/'
                       || path[kill_at.path_len] == '\0')
               ? STEP_LAKE
               : STEP_OTHER;
}


/* The name that the kernel has for an open file. */
static void
name_of_fd(int fd, char *out, size_t cap)
{
    char    link[64];
    ssize_t n;

    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    n = readlink(link, out, cap - 1);
    out[n > 0 ? n : 0] = '\0';
}


static step_e
of_path(int dir, const char *path, char *out, size_t cap)
{
    char at[400] = "";

    if (path[0] != '/' && dir != AT_FDCWD) {
        name_of_fd(dir, at, sizeof(at) - 1);
        strcat(at, "/");
    }
    snprintf(out, cap, "%s%s", at, path);
    return is_below(out);
}


static bool
is_postgres(int fd)
{
    struct sockaddr_un peer;
    socklen_t          len = sizeof(peer);

    memset(&peer, 0, sizeof(peer));
    return getpeername(fd, (struct sockaddr *) &peer, &len) == 0
           && peer.sun_family == AF_UNIX
           && strstr(peer.sun_path, "/.s.PGSQL.") != NULL;
}


/* The statement in it, more or less; NULL: in parts, not looked at. */
static void
printable(const void *bytes, size_t n, char *out, size_t cap)
{
    size_t      i;
    const char *p = bytes;

    for (i = 0; p != NULL && i < n && i < cap - 1; i++) {
        out[i] = p[i] > ' ' && p[i] <= '~' ? p[i] : ' ';
    }
    out[i] = '\0';
}


static step_e
of_fd(int fd, const void *bytes, size_t n, char *out, size_t cap)
{
    struct stat st;

    if (fstat(fd, &st) != 0) {
        return STEP_OTHER;
    }
    if (S_ISSOCK(st.st_mode)) {
        printable(bytes, n, out, cap);
        return is_postgres(fd) ? STEP_DB : STEP_OTHER;
    }
    name_of_fd(fd, out, cap);
    return is_below(out);
}


static void
die_after(void)
{
    if (kill_at.when == WHEN_AFTER) {
        die();
    }
}


/* ---- steps on names ------------------------------------------------------ */

#define WHAT_MAX 512

#define PATH_STEP(type, name, dir, path, params, args)                    \
    type name params                                                      \
    {                                                                     \
        type rc;                                                          \
        char what[WHAT_MAX];                                              \
        int  saved = errno;                                               \
        bool now = counted(of_path(dir, path, what, sizeof(what)), false, \
                           #name, what);                                  \
                                                                          \
        errno = saved;                                                    \
        rc = REAL(name) args;                                             \
        if (now) {                                                        \
            die_after();                                                  \
        }                                                                 \
        return rc;                                                        \
    }

PATH_STEP(int, mkdir, AT_FDCWD, path, (const char *path, mode_t mode),
          (path, mode))
PATH_STEP(int, mkdirat, dir, path, (int dir, const char *path, mode_t mode),
          (dir, path, mode))
PATH_STEP(int, unlink, AT_FDCWD, path, (const char *path), (path))
PATH_STEP(int, unlinkat, dir, path, (int dir, const char *path, int flags),
          (dir, path, flags))
PATH_STEP(int, rmdir, AT_FDCWD, path, (const char *path), (path))
PATH_STEP(int, rename, AT_FDCWD, to, (const char *from, const char *to),
          (from, to))
PATH_STEP(int, renameat, to_dir, to,
          (int from_dir, const char *from, int to_dir, const char *to),
          (from_dir, from, to_dir, to))
PATH_STEP(int, renameat2, to_dir, to,
          (int from_dir, const char *from, int to_dir, const char *to,
           unsigned int flags),
          (from_dir, from, to_dir, to, flags))
PATH_STEP(int, link, AT_FDCWD, to, (const char *from, const char *to),
          (from, to))
PATH_STEP(int, linkat, to_dir, to,
          (int from_dir, const char *from, int to_dir, const char *to,
           int flags),
          (from_dir, from, to_dir, to, flags))
PATH_STEP(int, truncate, AT_FDCWD, path, (const char *path, off_t len),
          (path, len))


/* Only what makes or empties a file changes anything. */
#define OPEN_STEP(name, dir, params, args)                               \
    int name params                                                      \
    {                                                                    \
        int     rc, saved = errno;                                       \
        char    what[WHAT_MAX];                                          \
        bool    now = false;                                             \
        mode_t  mode = 0;                                                \
        va_list list;                                                    \
                                                                         \
        if ((flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE) {     \
            va_start(list, flags);                                       \
            mode = va_arg(list, mode_t);                                 \
            va_end(list);                                                \
        }                                                                \
        if (flags & (O_CREAT | O_TRUNC)) {                               \
            now = counted(of_path(dir, path, what, sizeof(what)), false, \
                          #name, what);                                  \
        }                                                                \
        errno = saved;                                                   \
        rc = REAL(name) args;                                            \
        if (now) {                                                       \
            die_after();                                                 \
        }                                                                \
        return rc;                                                       \
    }

OPEN_STEP(open, AT_FDCWD, (const char *path, int flags, ...),
          (path, flags, mode))
OPEN_STEP(open64, AT_FDCWD, (const char *path, int flags, ...),
          (path, flags, mode))
OPEN_STEP(openat, dir, (int dir, const char *path, int flags, ...),
          (dir, path, flags, mode))
OPEN_STEP(openat64, dir, (int dir, const char *path, int flags, ...),
          (dir, path, flags, mode))


/* ---- steps on open files ------------------------------------------------- */

/* torn: the call with half of the n bytes, which begin at p. */
#define FD_STEP(type, name, params, args, p, n, torn)                        \
    type name params                                                         \
    {                                                                        \
        type   rc;                                                           \
        char   what[WHAT_MAX];                                               \
        int    saved = errno;                                                \
        size_t len = (n);                                                    \
        bool   now = counted(of_fd(fd, p, len, what, sizeof(what)), len > 1, \
                             #name, what);                                   \
                                                                             \
        errno = saved;                                                       \
        if (now && kill_at.when == WHEN_TORN) {                              \
            torn;                                                            \
            die();                                                           \
        }                                                                    \
        rc = REAL(name) args;                                                \
        if (now) {                                                           \
            die_after();                                                     \
        }                                                                    \
        return rc;                                                           \
    }


static size_t
length_of(const struct iovec *v, int n)
{
    size_t len = 0;

    while (n-- > 0) {
        len += v[n].iov_len;
    }
    return len;
}


static void
write_half(int fd, const struct iovec *v, int n)
{
    size_t part, left = length_of(v, n) / 2;

    for (; n > 0 && left > 0; v++, n--) {
        part = v->iov_len < left ? v->iov_len : left;
        if (REAL(write)(fd, v->iov_base, part) < 0) {
            return;
        }
        left -= part;
    }
}


FD_STEP(int, fsync, (int fd), (fd), NULL, 0, (void) 0)
FD_STEP(int, fdatasync, (int fd), (fd), NULL, 0, (void) 0)
FD_STEP(int, ftruncate, (int fd, off_t size), (fd, size), NULL, 0, (void) 0)
FD_STEP(int, ftruncate64, (int fd, off64_t size), (fd, size), NULL, 0, (void) 0)
FD_STEP(ssize_t, write, (int fd, const void *p, size_t size), (fd, p, size), p,
        size, REAL(write)(fd, p, size / 2))
FD_STEP(ssize_t, pwrite, (int fd, const void *p, size_t size, off_t at),
        (fd, p, size, at), p, size, REAL(pwrite)(fd, p, size / 2, at))
FD_STEP(ssize_t, pwrite64, (int fd, const void *p, size_t size, off64_t at),
        (fd, p, size, at), p, size, REAL(pwrite64)(fd, p, size / 2, at))
FD_STEP(ssize_t, writev, (int fd, const struct iovec *v, int n), (fd, v, n),
        NULL, length_of(v, n), write_half(fd, v, n))
FD_STEP(ssize_t, send, (int fd, const void *p, size_t size, int flags),
        (fd, p, size, flags), p, size, REAL(send)(fd, p, size / 2, flags))
FD_STEP(ssize_t, sendto,
        (int fd, const void *p, size_t size, int flags,
         const struct sockaddr *to, socklen_t to_len),
        (fd, p, size, flags, to, to_len), p, size,
        REAL(send)(fd, p, size / 2, flags))
FD_STEP(ssize_t, sendmsg, (int fd, const struct msghdr *m, int flags),
        (fd, m, flags), NULL, length_of(m->msg_iov, (int) m->msg_iovlen),
        write_half(fd, m->msg_iov, (int) m->msg_iovlen))
