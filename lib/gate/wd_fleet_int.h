/*
 * wd_fleet_int.h - the shared memory of wd_fleet, for its own files.
 */
#ifndef WD_FLEET_INT_H
#define WD_FLEET_INT_H

#include "wd_fleet.h"

/* Written by its worker alone; others read, and empty it when it is dead. */
struct wd_fleet_worker_s {
    _Atomic uint32_t pid; /* 0: free */
    _Atomic uint32_t in_flight[WD_SVC_COUNT];
    _Atomic uint32_t waiting[WD_SVC_COUNT];
    _Atomic uint32_t lanes[WD_SVC_COUNT]; /* classes that have a head, bits */
    _Atomic uint32_t done[WD_SVC_COUNT]; /* calls ended, ever */
    _Atomic int64_t  seen[WD_SVC_COUNT]; /* when a head was told last */
    _Atomic uint64_t heads[WD_SVC_COUNT][WD_CLASSES];
    _Atomic uint32_t load[WD_FLEET_ROWS];
    _Atomic uint32_t uses[WD_FLEET_ROWS / 32]; /* rows, bits */
} __attribute__((aligned(64)));

/* Text and probe results: under the lock of the service. */
struct wd_fleet_row_s {
    _Atomic uint32_t service; /* 0: free */
    char             name[WD_FLEET_NAME_MAX + 1];
    _Atomic uint32_t health;
    _Atomic int64_t  up_at;
    _Atomic int64_t  down_at; /* a connect failed; 0: not since up_at */
    _Atomic uint32_t missed; /* probes in a row */
    uint32_t         latency_us;
    wd_ns_t          last_ok;
    wd_ns_t          added; /* order of joining, to give the oldest away */
    char             last_error[WD_FLEET_ERROR_MAX + 1];
    wd_breaker_t     breaker;
};

typedef struct {
    wd_shlock_t      door; /* who comes in: sums that must not move */
    wd_shlock_t      lock; /* breakers, health, shed, lease, drain */
    wd_shed_t        shed;
    _Atomic uint64_t tickets;
    _Atomic int64_t  knocked;
    _Atomic int64_t  probed; /* when the last round began */
    _Atomic uint32_t holder; /* of the lease: slot + 1 */
    uint32_t         holder_pid;
    wd_ns_t          lease_end;

    /* how fast calls end */
    wd_ns_t          measured;
    uint32_t         measured_done;
    _Atomic uint32_t rate_milli; /* calls per 1000 s, smoothed */
    _Atomic int64_t  ended; /* when a call ended last, as measured */
} __attribute__((aligned(64))) wd_fleet_service_t;

struct wd_fleet_s {
    wd_shlock_t        lock; /* giving of rows */
    _Atomic uint32_t   n_workers; /* slots ever taken */
    wd_ns_t            rows_given;
    wd_fleet_service_t services[WD_SVC_COUNT];
    wd_fleet_row_t     rows[WD_FLEET_ROWS];
    wd_fleet_worker_t  workers[WD_FLEET_WORKERS];
};


void wd_fleet_lock(wd_fleet_t *f, wd_service_e service);
void wd_fleet_unlock(wd_fleet_t *f, wd_service_e service);

#endif /* WD_FLEET_INT_H */
