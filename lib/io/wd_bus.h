/*
 * wd_bus.h - topics with offsets and consumer groups. PostgreSQL driver.
 *
 * Offsets of a topic are 1, 2, 3, ... without gaps, in commit order. A
 * publisher publishes inside its own transaction; a consumer's handler runs
 * inside a transaction that also moves the group's offset, so effects
 * happen exactly once.
 */
#ifndef WD_BUS_H
#define WD_BUS_H

#include "wd_log.h"
#include "wd_pg.h"
#include "wd_topic.h"

#define WD_BUS_EVENT_MAX (64 * 1024) /* bytes of an event */

typedef struct {
    int64_t  offset;
    wd_ns_t  at; /* when it was published */
    wd_str_t json; /* zero-terminated behind its length */
    wd_str_t next; /* of the event that follows, where it is known; or "" */
} wd_bus_event_t;

/*
 * Inside the caller's transaction. Publishers of one topic wait for each
 * other until commit: publish last.
 */
wd_must_check int wd_bus_publish(wd_pg_conn_t *c, wd_topic_e topic,
                                 wd_str_t json, int64_t *ret_offset,
                                 wd_error_t *err);

/* Events of a topic that are removed at a time. */
#define WD_BUS_TRIM_MAX 500

/*
 * Removes events of all topics that were published more than `keep_s` ago and
 * that every group of their topic has consumed. *ret: the most of one topic;
 * as many as above: there may be more.
 */
wd_must_check int wd_bus_trim(wd_pg_conn_t *c, int64_t keep_s, int64_t *ret,
                              wd_error_t *err);

/*
 * One event; runs on the consumer's thread inside a transaction, which may be
 * that of some events before it. WD_OK: the transaction will be committed with
 * the new offset. Anything else: rolled back and tried again with back-off
 * (1 s doubling to 30 s), so a handler that can never succeed must record that
 * and return WD_OK. What was rolled back comes again, also what had succeeded.
 */
typedef int (*wd_bus_handler_pt)(wd_pg_conn_t *c, const wd_bus_event_t *ev,
                                 void *arg, wd_error_t *err);

typedef struct wd_bus_consumer wd_bus_consumer_t;

/* Starts a thread with a connection of its own. Several processes may share
 * a group: one of them consumes at a time. NULL without memory. */
wd_bus_consumer_t *wd_bus_consume(const char *url, const char *app_name,
                                  wd_topic_e topic, const char *group,
                                  wd_bus_handler_pt handler, void *arg,
                                  wd_log_t *log);

/* Asks the thread to end after the event at hand, and waits for it. */
void wd_bus_consumer_stop(wd_bus_consumer_t *c); /* NULL is accepted */

/* For health: events not yet consumed (-1 unknown) and the last failure. */
int64_t wd_bus_consumer_lag(const wd_bus_consumer_t *c);
bool    wd_bus_consumer_healthy(const wd_bus_consumer_t *c);

#endif /* WD_BUS_H */
