/*
 * wd_listen.h - hears PostgreSQL's notifications, and knows that it does.
 *
 * A thread with a connection of its own. The server is asked for a sign of
 * life now and then; what was announced before it answered has been heard,
 * so each answer makes a beat: nothing is missing until now. A connection
 * that is lost, or that does not answer within a second, is made anew, and
 * nobody knows what was announced in between.
 */
#ifndef WD_LISTEN_H
#define WD_LISTEN_H

#include "wd_log.h"
#include "wd_pg.h"

typedef struct wd_listen wd_listen_t;

/*
 * All functions run on the thread. A code other than WD_OK drops the
 * connection; the next one begins with open() again.
 */
typedef struct {
    const char *what; /* is heard, for the log; must stay */
    const char *app_name;
    uint32_t    beat_ms;
    wd_log_t   *log;
    void       *arg;

    /*
     * LISTENs, and then reads what it needs to know: from now on everything
     * is heard, of what was before nothing is known.
     */
    int (*open)(wd_pg_conn_t *c, void *arg, wd_error_t *err);

    /* One notification; may set *ret_work. */
    int (*heard)(wd_str_t payload, void *arg, bool *ret_work);

    /* After notifications that asked for it, before the next beat. */
    int (*work)(wd_pg_conn_t *c, void *arg, wd_error_t *err); /* or NULL */

    int (*beat)(void *arg);
} wd_listen_spec_t;

/* Starts the thread; `spec` is copied. WD_ENOMEM, WD_EINTERNAL. */
wd_must_check int wd_listen_start(const wd_listen_spec_t *spec, const char *url,
                                  wd_listen_t **ret, wd_error_t *err);

/*
 * Between open() and the loss of the connection: true. Any thread; still
 * answers after wd_listen_stop().
 */
bool wd_listen_hears(const wd_listen_t *l);

/* Ends the thread and waits for it. NULL is accepted. */
void wd_listen_stop(wd_listen_t *l);
void wd_listen_destroy(wd_listen_t *l); /* stopped, or NULL */

#endif /* WD_LISTEN_H */
