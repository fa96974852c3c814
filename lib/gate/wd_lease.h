/*
 * wd_lease.h - what gateways tell each other through Redis: one script that
 * takes what a gateway owes for many buckets, lends it units, and says how
 * each bucket stands.
 *
 * No I/O here: commands are written into a buffer, replies come parsed.
 */
#ifndef WD_LEASE_H
#define WD_LEASE_H

#include "wd_limit.h"
#include "wd_resp.h"

#define WD_LEASE_BUCKETS_MAX 64 /* of one call */
#define WD_LEASE_SHA 41

/* A store is not relied on for so long after it lost its data. */
#define WD_LEASE_WARM_MS 500

/* Members are forgotten when they are silent for so long. */
#define WD_LEASE_MEMBER_MS 3000

typedef struct {
    const char *prefix; /* of the keys */
    char        sha[WD_LEASE_SHA]; /* of the script */
    char        member[33];
} wd_lease_t;

typedef struct {
    uint64_t epoch; /* changes when the store has lost its data */
    wd_ns_t  warm; /* it is not to be relied on for so long */
    uint32_t gateways; /* 0: was not asked */
} wd_lease_head_t;

void wd_lease_init(wd_lease_t *le, const char *prefix,
                   const uint8_t member[16]);

/*
 * Appends the command. By EVALSHA, or by EVAL when the store does not know
 * the script. `beat`: also says that this gateway lives, and counts all.
 */
void wd_lease_put(const wd_lease_t *le, wd_buf_t *out, bool eval, bool beat,
                  const wd_limit_sync_t *syncs, size_t n);

/* True: the script has to be sent whole. */
bool wd_lease_unknown(const wd_resp_value_t *reply);

/* WD_EPROTO unless the reply is what the script answers for `syncs`. */
wd_must_check int wd_lease_get(const wd_resp_value_t *reply, size_t n_values,
                               const wd_limit_sync_t *syncs, size_t n,
                               wd_lease_head_t   *ret_head,
                               wd_limit_synced_t *ret);

#endif /* WD_LEASE_H */
