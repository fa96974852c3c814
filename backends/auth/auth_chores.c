/*
 * auth_chores.c - a timer, and a worker thread for what it begins.
 *
 * Every instance does them; the database sees to it that each is done once.
 */
#include "auth_chores.h"

#include "auth_jwks.h"
#include "auth_store_audit.h"
#include "auth_store_sessions.h"

#include <stdlib.h>

#define AUTH_CHORES_EVERY_MS 60000
#define AUTH_CHORES_PATIENCE (10 * WD_NS_PER_S)
#define AUTH_CHORES_HEAD_EVERY WD_NS_PER_HOUR

struct auth_chores {
    uv_timer_t           timer;
    uv_work_t            work;
    wd_service_t        *service;
    const auth_pepper_t *pepper;
    auth_refusals_t     *refusals;
    wd_ns_t              rotate_ns;
    wd_ns_t              told; /* monotonic: of the trail; 0: not yet */
    bool                 busy;
    bool                 closed; /* the timer */
};


/*
 * The last event of the audit trail, in the log: kept somewhere else than the
 * trail, it tells when that was taken back as a whole.
 */
static int
auth_chores_head(auth_chores_t *ch, wd_pg_conn_t *c, wd_error_t *err)
{
    int               rc;
    char              hex[2 * AUTH_HASH_LEN + 1];
    wd_ns_t           now = wd_monotonic();
    auth_event_head_t head;

    if (ch->told != 0 && now - ch->told < AUTH_CHORES_HEAD_EVERY) {
        return WD_OK;
    }
    rc = auth_store_event_head(c, false, &head, err);
    if (rc == WD_OK) {
        wd_hex_encode(head.hash, sizeof(head.hash), hex);
        wd_log_info(wd_service_log(ch->service), "audit trail", "event",
                    head.seq, "hash", (const char *) hex);
        ch->told = now;
    }
    return rc;
}


static void
auth_chores_work(uv_work_t *work)
{
    int            rc;
    wd_error_t     err;
    wd_pg_conn_t  *c;
    auth_chores_t *ch = work->data;

    rc = wd_pg_acquire(wd_service_pg(ch->service),
                       wd_monotonic() + AUTH_CHORES_PATIENCE, &c, &err);
    if (rc != WD_OK) {
        return; /* whoever needs the database says so */
    }

    rc = auth_jwks_ensure(c, ch->pepper, ch->rotate_ns,
                          wd_service_log(ch->service), &err);
    if (rc == WD_OK) {
        rc = auth_store_sweep(c, &err);
    }
    if (rc == WD_OK) {
        rc = auth_refusals_settle(ch->refusals, c, &err);
    }
    if (rc == WD_OK) {
        rc = auth_chores_head(ch, c, &err);
    }
    if (rc != WD_OK) {
        wd_log_warn(wd_service_log(ch->service), "chores left for later",
                    "reason", (const char *) err.text);
    }
    wd_pg_release(c);
}


static void
auth_chores_free(auth_chores_t *ch)
{
    if (ch->closed && !ch->busy) {
        free(ch);
    }
}


static void
auth_chores_done(uv_work_t *work, int status)
{
    auth_chores_t *ch = work->data;

    (void) status;
    ch->busy = false;
    auth_chores_free(ch);
}


static void
auth_chores_on_timer(uv_timer_t *timer)
{
    auth_chores_t *ch = timer->data;

    if (!ch->busy) {
        ch->busy = true;
        uv_queue_work(wd_service_loop(ch->service), &ch->work, auth_chores_work,
                      auth_chores_done);
    }
}


auth_chores_t *
auth_chores_start(wd_service_t *service, const auth_pepper_t *pepper,
                  auth_refusals_t *refusals, wd_ns_t rotate_ns)
{
    auth_chores_t *ch = calloc(1, sizeof(*ch));

    if (ch == NULL) {
        return NULL;
    }
    ch->service = service;
    ch->pepper = pepper;
    ch->refusals = refusals;
    ch->rotate_ns = rotate_ns;
    ch->timer.data = ch->work.data = ch;
    uv_timer_init(wd_service_loop(service), &ch->timer);
    uv_timer_start(&ch->timer, auth_chores_on_timer, AUTH_CHORES_EVERY_MS,
                   AUTH_CHORES_EVERY_MS);
    return ch;
}


static void
auth_chores_on_closed(uv_handle_t *h)
{
    auth_chores_t *ch = h->data;

    ch->closed = true;
    auth_chores_free(ch);
}


void
auth_chores_stop(auth_chores_t *ch)
{
    if (ch != NULL) {
        uv_close((uv_handle_t *) &ch->timer, auth_chores_on_closed);
    }
}
