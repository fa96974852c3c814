/*
 * auth_audit.h - the audit trail: who did what to whom, and what was refused.
 *
 * Events are numbered without gaps, and each has a keyed hash of itself and
 * of the hash before it; a seal says which is the last. The key is made of
 * the pepper: who can write the database, and nothing else, cannot remove,
 * change or move an event without that being found.
 */
#ifndef AUTH_AUDIT_H
#define AUTH_AUDIT_H

#include "auth_store_audit.h"
#include "wd_json.h"
#include "wd_rpc.h"

#define AUTH_SUBJECT_MAX 80

/* What is noted beside who asks, from where, and when. */
typedef struct {
    const char *action; /* the method's name */
    int64_t     org_id; /* whose trail it is in; 0: the platform's */
    wd_str_t    actor; /* .data NULL: the principal that asks */
    wd_str_t    subject;
    const char *refused; /* why; NULL: it was done */
    bool        cheap; /* to ask for: so many a second, the rest added up */
    wd_str_t    detail; /* a JSON object; .data NULL: {} */
} auth_note_t;

/* "user:12" */
wd_str_t auth_subject(char out[AUTH_SUBJECT_MAX], const char *kind, int64_t id);

/* "role:analyst" as the subject, from the call's pool. */
void auth_note_name(const wd_rpc_call_t *call, auth_note_t *note,
                    const char *kind, wd_str_t name);

/* A JSON object as the detail; the buffer is taken over. */
void auth_note_detail(const wd_rpc_call_t *call, auth_note_t *note,
                      wd_buf_t *json);

/* Adds an event to the transaction of what it tells, and ends that. */
wd_must_check int auth_audit_commit(const wd_rpc_call_t *call,
                                    const auth_note_t *note, wd_error_t *err);

/*
 * Of something that did not happen: what the transaction did so far is undone
 * and the event is added in one of its own. A failure is logged: the refusal
 * stands whether it could be noted or not.
 */
void auth_audit_refused(const wd_rpc_call_t *call, const auth_note_t *note);

/* A whole event but for seq, hash; its texts are cut to what may be stored. */
wd_must_check int auth_audit_add(wd_pg_conn_t *c, const auth_pepper_t *pepper,
                                 auth_event_t *event, wd_error_t *err);

/*
 * On a connection without a transaction: the first event, when there is none.
 * A trail is never empty, so that an emptied one is found.
 */
wd_must_check int auth_audit_begin(wd_pg_conn_t *c, const auth_pepper_t *pepper,
                                   wd_error_t *err);

/* ---- pure --------------------------------------------------------------- */

/* These fail with WD_ENOMEM only. */
wd_must_check int auth_event_hash(const uint8_t key[AUTH_SECRET_LEN],
                                  wd_str_t before, const auth_event_t *event,
                                  uint8_t ret[AUTH_HASH_LEN]);
wd_must_check int auth_event_seal(const uint8_t key[AUTH_SECRET_LEN],
                                  int64_t seq, wd_str_t hash,
                                  uint8_t ret[AUTH_HASH_LEN]);

/* Looks at events one after the other. */
typedef struct {
    uint8_t     key[AUTH_SECRET_LEN];
    int64_t     seq; /* of the last one that is in order */
    uint8_t     hash[AUTH_HASH_LEN];
    size_t      hash_len;
    const char *wrong; /* NULL: all so far is in order */
} auth_trail_t;

wd_must_check int auth_trail_step(auth_trail_t *t, const auth_event_t *event);

/* After the last one: is it the one that the head, read before, tells of? */
wd_must_check int auth_trail_end(auth_trail_t            *t,
                                 const auth_event_head_t *head);

#endif /* AUTH_AUDIT_H */
