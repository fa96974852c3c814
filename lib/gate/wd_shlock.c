/*
 * wd_shlock.c - spin, yield, and look after the holder.
 */
#include "wd_shlock.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define WD_SHLOCK_SPINS 256 /* before the processor is given away */
#define WD_SHLOCK_YIELDS 64 /* between looks after the holder */

static _Thread_local uint32_t wd_shlock_token;


static void
wd_shlock_forget(void)
{
    wd_shlock_token = 0;
}


static void
wd_shlock_watch_fork(void)
{
    (void) pthread_atfork(NULL, NULL, wd_shlock_forget);
}


uint32_t
wd_shlock_self(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    if (wd_shlock_token == 0) {
        pthread_once(&once, wd_shlock_watch_fork);
        wd_shlock_token = (uint32_t) syscall(SYS_gettid);
    }
    return wd_shlock_token;
}


static bool
wd_shlock_take(wd_shlock_t *l, uint32_t from, uint32_t self)
{
    return atomic_compare_exchange_strong_explicit(
        &l->holder, &from, self, memory_order_acquire, memory_order_relaxed);
}


static void
wd_shlock_pause(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#endif
}


/*
 * A killed process can be signalled until its parent has asked for it. The
 * parent may be the one who waits here: nginx's master asks for nobody while
 * it reads a configuration.
 */
static bool
wd_shlock_zombie(uint32_t holder)
{
    int     fd;
    char    text[64], *state; /* "1 (name) Z ...", the name is short */
    ssize_t n;

    (void) snprintf(text, sizeof(text), "/proc/%u/stat", holder);
    fd = open(text, O_RDONLY | O_CLOEXEC);
    if (fd == -1) {
        return false;
    }
    n = read(fd, text, sizeof(text) - 1);
    (void) close(fd);

    text[wd_max(n, (ssize_t) 0)] = '\0';
    state = strrchr(text, ')');
    return state != NULL && state[1] == ' '
           && (state[2] == 'Z' || state[2] == 'X');
}


bool
wd_pid_gone(uint32_t pid)
{
    return pid != 0 && kill((pid_t) pid, 0) == -1 && errno == ESRCH;
}


static bool
wd_shlock_dead(uint32_t holder)
{
    return wd_pid_gone(holder) || wd_shlock_zombie(holder);
}


bool
wd_shlock_lock(wd_shlock_t *l)
{
    unsigned i;
    uint32_t holder, self = wd_shlock_self();

    for (i = 0;; i++) {
        holder = atomic_load_explicit(&l->holder, memory_order_relaxed);

        if (holder == 0) {
            if (wd_shlock_take(l, 0, self)) {
                return false;
            }
            continue;
        }

        if (i < WD_SHLOCK_SPINS) {
            wd_shlock_pause();
            continue;
        }

        sched_yield();
        if (i % WD_SHLOCK_YIELDS == 0 && wd_shlock_dead(holder)
            && wd_shlock_take(l, holder, self)) {
            return true;
        }
    }
}


void
wd_shlock_unlock(wd_shlock_t *l)
{
    atomic_store_explicit(&l->holder, 0, memory_order_release);
}
