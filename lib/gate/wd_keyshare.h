/*
 * wd_keyshare.h - documents (key sets) that one worker fetches for all
 * workers of a host, in memory that they share.
 *
 * A slot belongs to one source, known by the hash of its name. Who fetches
 * holds the slot's lease, which ends with the fetch, at its deadline or with
 * its holder's life. `now` is monotonic.
 */
#ifndef WD_KEYSHARE_H
#define WD_KEYSHARE_H

#include "wd_buf.h"
#include "wd_time.h"

#define WD_KEYSHARE_SLOTS 16
#define WD_KEYSHARE_BYTES (256u * 1024)
#define WD_KEYSHARE_NAME 16 /* bytes of the hash */

/* After a failure: so long, twice as long each time, at most so long. */
#define WD_KEYSHARE_RETRY (1 * WD_NS_PER_S)
#define WD_KEYSHARE_RETRY_MAX (30 * WD_NS_PER_S)

typedef struct wd_keyshare_s wd_keyshare_t;

typedef enum {
    WD_KEYSHARE_NO, /* not now */
    WD_KEYSHARE_WAIT, /* somebody fetches already */
    WD_KEYSHARE_FETCH /* the caller does: the lease is its */
} wd_keyshare_e;

typedef struct {
    uint64_t generation; /* of the document; 0: there has been none */
    uint64_t attempts; /* fetches that are over, however they ended */
    bool     failed; /* the last one did */
} wd_keyshare_state_t;

size_t wd_keyshare_size(void);

/* `mem` is zeroed, aligned to 8 and of wd_keyshare_size(). */
wd_keyshare_t *wd_keyshare_init(void *mem);

/*
 * The slot of a name, which is claimed when there is none; the one claimed
 * longest ago makes room. Before workers are forked.
 */
size_t wd_keyshare_claim(wd_keyshare_t *s,
                         const uint8_t  name[WD_KEYSHARE_NAME]);

/*
 * All others: nothing, or WD_KEYSHARE_NO, when the slot has another name by
 * now, as seen by a worker of an older configuration.
 */
void wd_keyshare_state(wd_keyshare_t *s, size_t slot,
                       const uint8_t        name[WD_KEYSHARE_NAME],
                       wd_keyshare_state_t *ret);

/* Is it time for the next fetch? The lease is for at most `lease`. */
wd_keyshare_e wd_keyshare_due(wd_keyshare_t *s, size_t slot,
                              const uint8_t name[WD_KEYSHARE_NAME], wd_ns_t now,
                              wd_ns_t lease);

/*
 * Something is missing in the document: fetched out of turn, but not more
 * often than every `interval`. For NO, *ret_wait is the time until it may be.
 */
wd_keyshare_e wd_keyshare_want(wd_keyshare_t *s, size_t slot,
                               const uint8_t name[WD_KEYSHARE_NAME],
                               wd_ns_t now, wd_ns_t lease, wd_ns_t interval,
                               wd_ns_t *ret_wait);

/* The document is another one by now; a fetch in flight may be too old. */
void wd_keyshare_outdated(wd_keyshare_t *s, size_t slot,
                          const uint8_t name[WD_KEYSHARE_NAME], wd_ns_t now);

/* The next fetch is due at `by`, if it was to be later. */
void wd_keyshare_due_by(wd_keyshare_t *s, size_t slot,
                        const uint8_t name[WD_KEYSHARE_NAME], wd_ns_t by);

/*
 * End of a fetch; `next` is when the next one is due. Only the holder of the
 * lease is heard.
 */
void wd_keyshare_store(wd_keyshare_t *s, size_t slot,
                       const uint8_t name[WD_KEYSHARE_NAME], wd_str_t bytes,
                       wd_ns_t now, wd_ns_t next);
void wd_keyshare_failed(wd_keyshare_t *s, size_t slot,
                        const uint8_t name[WD_KEYSHARE_NAME], wd_ns_t now);

/*
 * Copies the document. WD_ENOTFOUND when there is none, WD_ENOMEM.
 */
wd_must_check int wd_keyshare_load(wd_keyshare_t *s, size_t slot,
                                   const uint8_t name[WD_KEYSHARE_NAME],
                                   wd_buf_t *out, uint64_t *ret_generation);

#endif /* WD_KEYSHARE_H */
