/*
 * wd_shlock.h - a lock in memory that processes share, which outlives a
 * holder that is killed.
 *
 * The lock word is the thread id of its holder. Who waits looks now and then
 * whether the holder still lives; if not, the lock passes to the waiter, who
 * is told that what it guards may be half written. Held for microseconds,
 * but for the emptying of a whole shard, and never across a system call that
 * may wait.
 */
#ifndef WD_SHLOCK_H
#define WD_SHLOCK_H

#include "wd_base.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* Zeroed memory is a free lock. */
typedef struct {
    _Atomic uint32_t holder; /* thread id; 0: free */
} wd_shlock_t;

/*
 * Waits until the lock is held. True: its last holder died holding it, and
 * the caller must repair or discard what it guards.
 */
wd_must_check bool wd_shlock_lock(wd_shlock_t *l);
void               wd_shlock_unlock(wd_shlock_t *l);

/* Has the process, or thread, ended? A zombie has not. 0 is nobody: false. */
bool wd_pid_gone(uint32_t pid);

/* The token of this thread; cheap after the first call, right after fork. */
uint32_t wd_shlock_self(void);

#endif /* WD_SHLOCK_H */
