/*
 * wd_fleet.c - slots of workers, rows of endpoints, caps and queues.
 */
#include "wd_fleet_int.h"

#include "wd_err.h"

#include <string.h>

#define WD_FLEET_RETRY_MAX 60 /* seconds */


size_t
wd_fleet_size(void)
{
    return sizeof(wd_fleet_t) + 64;
}


wd_fleet_t *
wd_fleet_at(void *mem, size_t size)
{
    uintptr_t at = ((uintptr_t) mem + 63) & ~(uintptr_t) 63;

    return size < wd_fleet_size() ? NULL : (wd_fleet_t *) at;
}


static void
wd_fleet_empty(wd_fleet_worker_t *w)
{
    unsigned i, c;

    for (i = 0; i < WD_SVC_COUNT; i++) {
        atomic_store(&w->lanes[i], 0);
        atomic_store(&w->in_flight[i], 0);
        atomic_store(&w->waiting[i], 0);
        for (c = 0; c < WD_CLASSES; c++) {
            atomic_store(&w->heads[i][c], 0);
        }
    }
    for (i = 0; i < WD_FLEET_ROWS; i++) {
        atomic_store(&w->load[i], 0);
    }
    for (i = 0; i < wd_array_len(w->uses); i++) {
        atomic_store(&w->uses[i], 0);
    }
}


static bool
wd_fleet_take(wd_fleet_worker_t *w, uint32_t self)
{
    uint32_t pid = atomic_load(&w->pid);

    return (pid == 0 || wd_pid_gone(pid))
           && atomic_compare_exchange_strong(&w->pid, &pid, self);
}


static void
wd_fleet_count_slots(wd_fleet_t *f, uint32_t n)
{
    uint32_t old = atomic_load(&f->n_workers);

    while (old < n && !atomic_compare_exchange_weak(&f->n_workers, &old, n)) {
        /* void */
    }
}


wd_fleet_worker_t *
wd_fleet_join(wd_fleet_t *f)
{
    unsigned i;

    for (i = 0; i < WD_FLEET_WORKERS; i++) {
        if (wd_fleet_take(&f->workers[i], wd_shlock_self())) {
            wd_fleet_empty(&f->workers[i]);
            wd_fleet_count_slots(f, i + 1);
            return &f->workers[i];
        }
    }
    return NULL;
}


void
wd_fleet_leave(wd_fleet_t *f, wd_fleet_worker_t *self)
{
    unsigned         i;
    wd_fleet_group_t g = {.fleet = f, .self = self};

    for (i = 0; i < WD_SVC_COUNT; i++) {
        g.service = (wd_service_e) i;
        wd_fleet_release(&g);
    }
    wd_fleet_empty(self);
    atomic_store(&self->pid, 0);
}


unsigned
wd_fleet_sweep(wd_fleet_t *f)
{
    uint32_t           pid;
    unsigned           i, n = 0;
    wd_fleet_worker_t *w;

    for (i = 0; i < atomic_load(&f->n_workers); i++) {
        w = &f->workers[i];
        pid = atomic_load(&w->pid);
        if (pid == 0 || !wd_pid_gone(pid)
            || !atomic_compare_exchange_strong(&w->pid, &pid,
                                               wd_shlock_self())) {
            continue;
        }
        wd_fleet_empty(w);
        atomic_store(&w->pid, 0);
        n++;
    }
    return n;
}


static bool
wd_fleet_row_used(wd_fleet_t *f, unsigned row)
{
    unsigned i;

    for (i = 0; i < atomic_load(&f->n_workers); i++) {
        if (atomic_load(&f->workers[i].uses[row / 32]) >> row % 32 & 1) {
            return true;
        }
    }
    return false;
}


/* The row of that name; else one that is free, or unused for the longest. */
static wd_fleet_row_t *
wd_fleet_row(wd_fleet_t *f, wd_service_e service, wd_str_t name)
{
    unsigned        i;
    wd_fleet_row_t *r, *best = NULL;

    for (i = 0; i < WD_FLEET_ROWS; i++) {
        r = &f->rows[i];
        if (atomic_load(&r->service) == (uint32_t) service
            && wd_str_eq_z(name, r->name)) {
            return r;
        }
        if ((best == NULL || r->added < best->added)
            && (atomic_load(&r->service) == 0 || !wd_fleet_row_used(f, i))) {
            best = r;
        }
    }

    if (best != NULL) {
        memset(best, 0, sizeof(*best));
        wd_str_copy(best->name, sizeof(best->name), name);
        best->added = ++f->rows_given;
        atomic_store(&best->service, service);
    }
    return best;
}


int
wd_fleet_add(wd_fleet_group_t *g, wd_str_t name)
{
    unsigned        row;
    wd_fleet_t     *f = g->fleet;
    wd_fleet_row_t *r;

    if (g->n == WD_FLEET_ENDPOINTS || name.len > WD_FLEET_NAME_MAX) {
        return WD_ETOOBIG;
    }

    /* Half a row is one that is given again: nothing to repair. */
    (void) !wd_shlock_lock(&f->lock);
    (void) wd_fleet_sweep(f);
    r = wd_fleet_row(f, g->service, name);
    if (r != NULL) {
        row = (unsigned) (r - f->rows);
        atomic_fetch_or(&g->self->uses[row / 32], 1u << row % 32);
        g->rows[g->n++] = r;
    }
    wd_shlock_unlock(&f->lock);
    return r != NULL ? WD_OK : WD_EOVERFLOW;
}


/*
 * One more in `mine` unless the sum is at its bound. Under a lock, so that no
 * worker is turned away because of another that counts itself and steps back.
 * Nothing is there to repair: the sum is made of what is counted.
 */
static bool
wd_fleet_count(wd_fleet_group_t *g, _Atomic uint32_t               *mine,
               uint32_t (*sum)(const wd_fleet_group_t *g), unsigned bound)
{
    bool         room;
    wd_shlock_t *door = &g->fleet->services[g->service].door;

    (void) !wd_shlock_lock(door);
    room = sum(g) < bound;
    if (room) {
        atomic_fetch_add_explicit(mine, 1, memory_order_relaxed);
    }
    wd_shlock_unlock(door);
    return room;
}


bool
wd_fleet_enter(wd_fleet_group_t *g, unsigned limit)
{
    return wd_fleet_count(g, &g->self->in_flight[g->service],
                          wd_fleet_in_flight, limit);
}


void
wd_fleet_exit(wd_fleet_group_t *g)
{
    wd_fleet_worker_t *w = g->self;

    atomic_fetch_sub(&w->in_flight[g->service], 1);
    atomic_fetch_add_explicit(&w->done[g->service], 1, memory_order_relaxed);
}


uint32_t
wd_fleet_in_flight(const wd_fleet_group_t *g)
{
    uint32_t    sum = 0;
    unsigned    i, n = atomic_load(&g->fleet->n_workers);
    wd_fleet_t *f = g->fleet;

    for (i = 0; i < n; i++) {
        sum += atomic_load(&f->workers[i].in_flight[g->service]);
    }
    return sum;
}


static _Atomic uint32_t *
wd_fleet_load_of(wd_fleet_worker_t *w, const wd_fleet_group_t *g, unsigned i)
{
    return &w->load[g->rows[i] - g->fleet->rows];
}


void
wd_fleet_send(wd_fleet_group_t *g, unsigned i)
{
    atomic_fetch_add_explicit(wd_fleet_load_of(g->self, g, i), 1,
                              memory_order_relaxed);
}


void
wd_fleet_unsend(wd_fleet_group_t *g, unsigned i)
{
    atomic_fetch_sub_explicit(wd_fleet_load_of(g->self, g, i), 1,
                              memory_order_relaxed);
}


uint32_t
wd_fleet_load(const wd_fleet_group_t *g, unsigned i)
{
    uint32_t sum = 0;
    unsigned k, n = atomic_load(&g->fleet->n_workers);

    for (k = 0; k < n; k++) {
        sum += atomic_load_explicit(
            wd_fleet_load_of(&g->fleet->workers[k], g, i),
            memory_order_relaxed);
    }
    return sum;
}


bool
wd_fleet_wait(wd_fleet_group_t *g, unsigned bound)
{
    return wd_fleet_count(g, &g->self->waiting[g->service], wd_fleet_waiting,
                          bound);
}


void
wd_fleet_unwait(wd_fleet_group_t *g)
{
    atomic_fetch_sub(&g->self->waiting[g->service], 1);
}


uint32_t
wd_fleet_waiting(const wd_fleet_group_t *g)
{
    uint32_t sum = 0;
    unsigned i, n = atomic_load(&g->fleet->n_workers);

    for (i = 0; i < n; i++) {
        sum += atomic_load(&g->fleet->workers[i].waiting[g->service]);
    }
    return sum;
}


uint64_t
wd_fleet_ticket(wd_fleet_group_t *g)
{
    return atomic_fetch_add(&g->fleet->services[g->service].tickets, 1) + 1;
}


void
wd_fleet_head(wd_fleet_group_t *g, wd_class_e c, uint64_t ticket, wd_ns_t now)
{
    wd_fleet_worker_t *w = g->self;

    atomic_store(&w->heads[g->service][c], ticket);
    if (ticket != 0) {
        atomic_store(&w->seen[g->service], now);
        atomic_fetch_or(&w->lanes[g->service], 1u << c);
    } else {
        atomic_fetch_and(&w->lanes[g->service], ~(1u << c));
    }
}


bool
wd_fleet_first(const wd_fleet_group_t *g, wd_class_e c, uint64_t ticket,
               wd_ns_t now)
{
    uint32_t           lanes;
    uint64_t           head;
    unsigned           i, n = atomic_load(&g->fleet->n_workers);
    wd_fleet_worker_t *w;

    for (i = 0; i < n; i++) {
        w = &g->fleet->workers[i];
        lanes = atomic_load(&w->lanes[g->service]) & ((2u << c) - 1);

        if (w == g->self || lanes == 0
            || now - atomic_load(&w->seen[g->service]) > WD_FLEET_STALE) {
            continue;
        }
        head = atomic_load(&w->heads[g->service][c]);
        if (lanes != 1u << c || ticket == 0 || head < ticket) {
            return false;
        }
    }
    return true;
}


void
wd_fleet_waited(wd_fleet_group_t *g, wd_ns_t delay, wd_ns_t now)
{
    wd_fleet_lock(g->fleet, g->service);
    wd_shed_waited(&g->fleet->services[g->service].shed, g->shed, delay, now);
    wd_fleet_unlock(g->fleet, g->service);
}


unsigned
wd_fleet_level(const wd_fleet_group_t *g, wd_ns_t now)
{
    return wd_shed_level(&g->fleet->services[g->service].shed, g->shed, now);
}


static uint32_t
wd_fleet_done(const wd_fleet_group_t *g)
{
    uint32_t sum = 0;
    unsigned i, n = atomic_load(&g->fleet->n_workers);

    for (i = 0; i < n; i++) {
        sum += atomic_load_explicit(&g->fleet->workers[i].done[g->service],
                                    memory_order_relaxed);
    }
    return sum;
}


void
wd_fleet_measure(wd_fleet_group_t *g, wd_ns_t now)
{
    double              rate;
    uint32_t            done;
    wd_fleet_service_t *s = &g->fleet->services[g->service];

    wd_fleet_lock(g->fleet, g->service);
    if (s->measured == 0 || now - s->measured >= 200 * WD_NS_PER_MS) {
        done = wd_fleet_done(g);
        rate = s->measured == 0 ? 0
                                : (double) (uint32_t) (done - s->measured_done)
                                      * 1e12 / (double) (now - s->measured);
        if (done != s->measured_done || wd_fleet_in_flight(g) == 0) {
            atomic_store(&s->ended, now);
        }
        rate = (rate + (double) atomic_load(&s->rate_milli)) / 2;
        atomic_store(&s->rate_milli, (uint32_t) (rate < 4e9 ? rate : 4e9));
        s->measured = now;
        s->measured_done = done;
    }
    wd_fleet_unlock(g->fleet, g->service);
}


unsigned
wd_fleet_retry_after(const wd_fleet_group_t *g, wd_ns_t now)
{
    int64_t                   t;
    uint32_t                  rate;
    const wd_fleet_service_t *s = &g->fleet->services[g->service];

    rate = atomic_load(&s->rate_milli);
    if (rate >= 100) {
        t = ((int64_t) wd_fleet_waiting(g) + 1) * 1000 / rate + 1;
    } else {
        /* Nothing ends: as long again as that has been so. */
        t = atomic_load(&s->ended);
        t = t == 0 ? 1 : (now - t) / WD_NS_PER_S;
    }
    return t < 1                    ? 1
           : t > WD_FLEET_RETRY_MAX ? WD_FLEET_RETRY_MAX
                                    : (unsigned) t;
}
