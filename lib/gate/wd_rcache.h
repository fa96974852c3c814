/*
 * wd_rcache.h - answers in memory that worker processes share: a store with
 * tags, and the table of who is fetching what.
 *
 * The memory is cut into shards, each with its own lock, segments, index and
 * LRU list; a shard whose lock holder was killed is emptied. An entry is a
 * chain of segments of 512 bytes, so nothing fragments. Readers copy bodies
 * without a lock and learn afterwards whether the entry stayed the same.
 *
 * A purge raises the generation of a tag: all entries that carry the tag are
 * void at once, however many they are, and their memory is taken back in
 * small steps. All times are of one monotonic clock and come from the caller.
 */
#ifndef WD_RCACHE_H
#define WD_RCACHE_H

#include "wd_cachekey.h"
#include "wd_time.h"

#define WD_RCACHE_SIZE_MIN (1024 * 1024)
#define WD_RCACHE_TAGS_MAX 16 /* of one entry */
#define WD_RCACHE_TAG_MAX 96 /* bytes of a tag */
#define WD_RCACHE_TEXT_MAX 1024 /* bytes of type, etag and cursor each */
#define WD_RCACHE_METHODS 128 /* methods that are told apart */
#define WD_RCACHE_SERVICES 8
#define WD_RCACHE_WORKERS 256 /* processes at a time */
#define WD_RCACHE_COVER WD_NS_PER_S /* silence of a service that is allowed */

typedef struct wd_rcache_s wd_rcache_t;

typedef struct {
    uint64_t h[2];
} wd_rcache_tag_t;

typedef enum {
    WD_RCACHE_FRESH,
    WD_RCACHE_STALE, /* may be served while it is fetched anew */
    WD_RCACHE_OLD /* may be served when it cannot be fetched anew */
} wd_rcache_state_e;

/* What get() says of an entry. */
typedef struct {
    wd_rcache_state_e state;
    wd_ns_t           from; /* when its fill began */
    wd_ns_t           fresh; /* until when */
    wd_ns_t           stale;
    wd_ns_t           old;
    uint32_t          type_len;
    uint32_t          etag_len;
    uint32_t          next_len;
    uint32_t          body_len;
    unsigned          status;
    int               code; /* WD_OK, or the error that was answered */

    /* where it is */
    uint32_t shard;
    uint32_t head;
    uint32_t version;
    uint32_t skip;
} wd_rcache_view_t;

/* An answer to be kept. */
typedef struct {
    const uint8_t         *key; /* WD_CACHEKEY_LEN bytes */
    const wd_rcache_tag_t *tags;
    size_t                 n_tags;
    unsigned               method; /* below WD_RCACHE_METHODS */
    unsigned               service; /* below WD_RCACHE_SERVICES */
    unsigned               status;
    int                    code;
    wd_str_t               type;
    wd_str_t               etag;
    wd_str_t               next;
    wd_str_t               body;
    uint64_t               seq; /* of purges when the fill began */
    wd_ns_t                from; /* when it began */
    wd_ns_t                fresh; /* until when it is fresh, ... */
    wd_ns_t                stale; /* ... served while fetched anew, ... */
    wd_ns_t                old; /* ... served when that fails */
} wd_rcache_put_t;

typedef struct {
    uint64_t entries;
    uint64_t bytes; /* of segments in use */
    uint64_t capacity; /* bytes of all segments */
    uint64_t stored;
    uint64_t evicted;
    uint64_t expired;
    uint64_t purged;
    uint64_t purges;
    uint64_t refused; /* outdated by a purge before they were stored */
    uint64_t repaired; /* shards emptied after a killed holder */
    uint64_t filling;
    uint64_t method_entries[WD_RCACHE_METHODS];
    uint64_t method_bytes[WD_RCACHE_METHODS]; /* of bodies */
} wd_rcache_stats_t;


/* ---- life ---------------------------------------------------------------- */

/*
 * `mem` is zeroed and aligned to 64 bytes. body_max: the longest body that
 * shall fit. NULL when size is below WD_RCACHE_SIZE_MIN.
 */
wd_rcache_t *wd_rcache_init(void *mem, size_t size, size_t body_max);

/* The longest body that fits, whatever was asked for. */
size_t wd_rcache_body_max(const wd_rcache_t *c);

/* Copies what fits, oldest first, and what is known of services. */
void wd_rcache_migrate(wd_rcache_t *from, wd_rcache_t *to, wd_ns_t now);

void wd_rcache_stats(wd_rcache_t *c, wd_rcache_stats_t *ret);


/* ---- entries ------------------------------------------------------------- */

/*
 * WD_OK, or WD_ENOTFOUND. The entry may go at any time after: read() then
 * says WD_EAGAIN, and the caller asks again.
 */
wd_must_check int wd_rcache_get(wd_rcache_t  *c,
                                const uint8_t key[WD_CACHEKEY_LEN], wd_ns_t now,
                                wd_rcache_view_t *ret);

/* Type, etag, next and body, one behind the other, without a lock. */
wd_must_check int wd_rcache_read(const wd_rcache_t      *c,
                                 const wd_rcache_view_t *v, uint8_t *out);

/* The same without the body, when `body` is false. */
wd_must_check int wd_rcache_read_part(const wd_rcache_t      *c,
                                      const wd_rcache_view_t *v, bool body,
                                      uint8_t *out);

/*
 * WD_OK; WD_ETOOBIG; WD_ECANCELED when a tag was purged since p->seq;
 * WD_ENOMEM when too many others are storing.
 */
wd_must_check int wd_rcache_put(wd_rcache_t *c, const wd_rcache_put_t *p,
                                wd_ns_t now);


/* ---- purging ------------------------------------------------------------- */

void wd_rcache_tag(wd_str_t text, wd_rcache_tag_t *ret);
void wd_rcache_tag_method(unsigned method, wd_rcache_tag_t *ret);
void wd_rcache_tag_service(unsigned service, wd_rcache_tag_t *ret);
void wd_rcache_tag_all(wd_rcache_tag_t *ret);

/* How many purges there were: what a fill remembers when it begins. */
uint64_t wd_rcache_seq(const wd_rcache_t *c);

/* The number of entries that ended by it, each counted once. */
uint64_t wd_rcache_purge(wd_rcache_t *c, const wd_rcache_tag_t *tags, size_t n);

/* Takes back the memory of up to `max` void entries; how many it were. */
size_t wd_rcache_reclaim(wd_rcache_t *c, size_t max);


/* ---- services that tell of all their purges ------------------------------ */

/*
 * `instance` is the hash of the instance's name. A beat with a number above
 * what was heard means that purges were missed: what was fetched before is
 * not fresh any more.
 */
void wd_rcache_beat(wd_rcache_t *c, unsigned service, uint64_t instance,
                    uint64_t seq, wd_ns_t now);

/*
 * False: this purge was done already, for another worker. True: the caller
 * does it and then calls claim_done() with the same numbers. Meanwhile others
 * wait who claim one of this service; if the caller dies, one of them does it.
 */
wd_must_check bool wd_rcache_claim(wd_rcache_t *c, unsigned service,
                                   uint64_t instance, uint64_t seq);

/* Notes the purge, as below, and lets the next one in. */
void wd_rcache_claim_done(wd_rcache_t *c, unsigned service, uint64_t instance,
                          uint64_t seq, wd_ns_t now);

/*
 * It is done now, whoever did it too. A number that does not follow the one
 * before means that purges were missed, as above.
 */
void wd_rcache_note(wd_rcache_t *c, unsigned service, uint64_t instance,
                    uint64_t seq, wd_ns_t now);

/* Does the service tell of its purges, as far as one knows now? */
bool wd_rcache_covered(const wd_rcache_t *c, unsigned service, wd_ns_t now);


/* ---- one asks for all ---------------------------------------------------- */

typedef enum {
    WD_RCACHE_LEAD, /* fetch it, then call fill_done() */
    WD_RCACHE_WAIT, /* a notice comes to this worker's box */
    WD_RCACHE_BUSY, /* another fetches it; no notice comes */
    WD_RCACHE_PASS /* fetch it for yourself alone */
} wd_rcache_fill_e;

typedef struct {
    uint64_t id; /* of the fill */
    uint64_t seq; /* of purges when it began */
    wd_ns_t  until; /* end of the leader's lease */
} wd_rcache_lead_t;

typedef struct {
    uint8_t key[WD_CACHEKEY_LEN];
    int32_t code; /* WD_OK: look again; WD_EAGAIN: fetch it yourself */
    wd_ns_t at; /* when the leader was done */
} wd_rcache_notice_t;

typedef struct {
    uint64_t bits[WD_RCACHE_WORKERS / 64];
} wd_rcache_set_t;

/* A place for this process, or -1. Takes over those of dead processes. */
int  wd_rcache_join(wd_rcache_t *c);
void wd_rcache_leave(wd_rcache_t *c, int worker, wd_ns_t now,
                     wd_rcache_set_t *ret_wake);

/* Ends the fills of processes that died; their waiters are told. */
void wd_rcache_bury(wd_rcache_t *c, wd_ns_t now, wd_rcache_set_t *ret_wake);

/* A number that the caller keeps per place: the file descriptor to wake it. */
void wd_rcache_wake_set(wd_rcache_t *c, int worker, int fd);
int  wd_rcache_wake_get(const wd_rcache_t *c, int worker);
int  wd_rcache_places(const wd_rcache_t *c);

/*
 * worker -1: never WAIT. A leader that is dead or whose lease is over is
 * replaced. ret is filled for LEAD, and `until` for WAIT and BUSY.
 */
wd_rcache_fill_e wd_rcache_fill(wd_rcache_t  *c,
                                const uint8_t key[WD_CACHEKEY_LEN], int worker,
                                bool wait, wd_ns_t now, wd_ns_t lease,
                                wd_rcache_lead_t *ret);

/*
 * The leader is done: a notice with `code` stands in the box of each worker
 * of *ret_wake. Nothing happens when the lead was lost.
 */
void wd_rcache_fill_done(wd_rcache_t *c, const uint8_t key[WD_CACHEKEY_LEN],
                         uint64_t id, int code, wd_ns_t now,
                         wd_rcache_set_t *ret_wake);

/* Answers to this key are not kept: nobody waits for another until then. */
void wd_rcache_pass(wd_rcache_t *c, const uint8_t key[WD_CACHEKEY_LEN],
                    wd_ns_t until);

/*
 * The next notice of one's box: WD_OK; WD_EAGAIN: none; WD_EOVERFLOW: some
 * were lost (said once), look after all that one waits for.
 */
wd_must_check int wd_rcache_notice(wd_rcache_t *c, int worker,
                                   wd_rcache_notice_t *ret);

#endif /* WD_RCACHE_H */
