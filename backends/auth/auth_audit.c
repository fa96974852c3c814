/*
 * auth_audit.c - events with hashes, and the methods audit.list and
 * audit.verify.
 */
#include "auth_audit.h"

#include "auth_answer.h"
#include "auth_service.h"
#include "auth_store_users.h"

#include <sodium.h>
#include <stdio.h>

#define AUTH_AUDIT_LABEL "wizdata audit trail, 1"
#define AUTH_AUDIT_TEXT_MAX 255
#define AUTH_AUDIT_DETAIL_MAX 4096
#define AUTH_VERIFY_LIMIT 20000
#define AUTH_VERIFY_LIMIT_MAX 100000
#define AUTH_VERIFY_PART 1000 /* events in memory at a time */


wd_str_t
auth_subject(char out[AUTH_SUBJECT_MAX], const char *kind, int64_t id)
{
    int n = snprintf(out, AUTH_SUBJECT_MAX, "%s:%lld", kind, (long long) id);

    return wd_str(out, (size_t) wd_min(n, AUTH_SUBJECT_MAX - 1));
}


/* Without memory there is less to read, and the event all the same. */
static void
auth_note_keep(const wd_rpc_call_t *call, wd_buf_t *text, wd_str_t *ret)
{
    const char *copy = text->err == WD_OK
                           ? wd_pool_strdup(call->pool, wd_buf_view(text))
                           : NULL;

    *ret = copy != NULL ? wd_str(copy, text->len) : WD_STR_NULL;
    wd_buf_done(text);
}


void
auth_note_name(const wd_rpc_call_t *call, auth_note_t *note, const char *kind,
               wd_str_t name)
{
    wd_buf_t text = WD_BUF_INIT;

    wd_buf_z(&text, kind);
    wd_buf_byte(&text, ':');
    wd_buf_str(&text, name);
    auth_note_keep(call, &text, &note->subject);
}


void
auth_note_detail(const wd_rpc_call_t *call, auth_note_t *note, wd_buf_t *json)
{
    auth_note_keep(call, json, &note->detail);
}


/* ---- hashes ------------------------------------------------------------- */

static int
auth_hash_buf(const uint8_t key[AUTH_SECRET_LEN], wd_buf_t *b,
              uint8_t ret[AUTH_HASH_LEN])
{
    int rc = b->err;

    if (rc == WD_OK) {
        crypto_generichash(ret, AUTH_HASH_LEN, b->data, b->len, key,
                           AUTH_SECRET_LEN);
    }
    wd_buf_done(b);
    return rc;
}


int
auth_event_hash(const uint8_t key[AUTH_SECRET_LEN], wd_str_t before,
                const auth_event_t *e, uint8_t ret[AUTH_HASH_LEN])
{
    size_t         i;
    wd_buf_t       b = WD_BUF_INIT;
    const wd_str_t texts[] = {e->actor,   e->via,     e->action,
                              e->subject, e->outcome, e->reason,
                              e->request, e->address, e->detail};

    wd_mp_put_array(&b, 5 + wd_array_len(texts));
    wd_mp_put_z(&b, "event");
    wd_mp_put_bin(&b, before.data, before.len);
    wd_mp_put_int(&b, e->seq);
    wd_mp_put_int(&b, e->at_us);
    wd_mp_put_int(&b, e->org_id);
    for (i = 0; i < wd_array_len(texts); i++) {
        wd_mp_put_str(&b, texts[i]);
    }

    return auth_hash_buf(key, &b, ret);
}


int
auth_event_seal(const uint8_t key[AUTH_SECRET_LEN], int64_t seq, wd_str_t hash,
                uint8_t ret[AUTH_HASH_LEN])
{
    wd_buf_t b = WD_BUF_INIT;

    wd_mp_put_array(&b, 3);
    wd_mp_put_z(&b, "seal");
    wd_mp_put_int(&b, seq);
    wd_mp_put_bin(&b, hash.data, hash.len);

    return auth_hash_buf(key, &b, ret);
}


static wd_str_t
auth_bytes(const uint8_t *bytes, size_t n)
{
    return wd_str((const char *) bytes, n);
}


int
auth_trail_step(auth_trail_t *t, const auth_event_t *e)
{
    int     rc;
    uint8_t hash[AUTH_HASH_LEN];

    if (t->wrong != NULL) {
        return WD_OK;
    }
    if (e->seq != t->seq + 1) {
        t->wrong = "an event is missing";
        return WD_OK;
    }

    rc = auth_event_hash(t->key, auth_bytes(t->hash, t->hash_len), e, hash);
    if (rc != WD_OK) {
        return rc;
    }
    if (e->hash.len != sizeof(hash)
        || sodium_memcmp(e->hash.data, hash, sizeof(hash)) != 0) {
        t->wrong = "an event is not what it was, or stood elsewhere";
        return WD_OK;
    }

    t->seq = e->seq;
    memcpy(t->hash, hash, sizeof(hash));
    t->hash_len = sizeof(hash);
    return WD_OK;
}


int
auth_trail_end(auth_trail_t *t, const auth_event_head_t *head)
{
    int     rc;
    uint8_t seal[AUTH_HASH_LEN];

    if (t->wrong != NULL) {
        return WD_OK;
    }
    if (head->seq == 0 && t->seq == 0) {
        t->wrong = "there are no events, not even the first";
        return WD_OK;
    }

    rc = auth_event_seal(t->key, head->seq,
                         auth_bytes(head->hash, head->hash_len), seal);
    if (rc != WD_OK) {
        return rc;
    }
    if (head->hash_len != sizeof(head->hash)
        || head->seal_len != sizeof(head->seal)
        || sodium_memcmp(head->seal, seal, sizeof(seal)) != 0) {
        t->wrong = "the seal of the last event is broken";
    } else if (t->seq < head->seq) {
        t->wrong = "the last events are missing";
    } else if (t->seq == head->seq
               && sodium_memcmp(head->hash, t->hash, sizeof(t->hash)) != 0) {
        t->wrong = "the seal is of another last event";
    }
    return WD_OK;
}


/* ---- adding ------------------------------------------------------------- */

/* PostgreSQL's text has no zero byte and is UTF-8, whatever a client sent. */
static wd_str_t
auth_audit_text(wd_str_t s, size_t max)
{
    size_t i;

    s.len = wd_min(s.len, max);
    for (i = 0; i < s.len; i++) {
        if ((unsigned char) s.data[i] < 0x20) {
            s.len = i;
        }
    }
    while (!wd_utf8_valid(s)) {
        s.len--;
    }
    return s.data != NULL ? s : WD_STR("");
}


int
auth_audit_add(wd_pg_conn_t *c, const auth_pepper_t *pepper, auth_event_t *e,
               wd_error_t *err)
{
    int               rc;
    size_t            i;
    uint8_t           key[AUTH_SECRET_LEN];
    auth_event_head_t head;

    wd_str_t *texts[] = {&e->actor,   &e->via,    &e->action,  &e->subject,
                         &e->outcome, &e->reason, &e->request, &e->address};

    for (i = 0; i < wd_array_len(texts); i++) {
        *texts[i] = auth_audit_text(*texts[i], AUTH_AUDIT_TEXT_MAX);
    }
    if (e->detail.data == NULL || e->detail.len > AUTH_AUDIT_DETAIL_MAX) {
        e->detail = WD_STR("{}");
    }

    rc = auth_store_event_head(c, true, &head, err);
    if (rc != WD_OK) {
        return rc;
    }

    e->seq = ++head.seq;
    auth_pepper_derive(pepper, AUTH_AUDIT_LABEL, key);
    rc = auth_event_hash(key, auth_bytes(head.hash, head.hash_len), e,
                         head.hash);
    if (rc == WD_OK) {
        rc = auth_event_seal(
            key, head.seq, auth_bytes(head.hash, sizeof(head.hash)), head.seal);
    }
    sodium_memzero(key, sizeof(key));
    return rc == WD_OK ? auth_store_event_add(c, e, &head, err)
                       : wd_error(err, rc, "no memory for an event");
}


int
auth_audit_commit(const wd_rpc_call_t *call, const auth_note_t *note,
                  wd_error_t *err)
{
    int          rc;
    auth_t      *a = call->svc;
    auth_event_t e = {
        .at_us = wd_now() / WD_NS_PER_US,
        .org_id = note->org_id,
        .actor = note->actor.data != NULL ? note->actor : call->ctx.principal,
        .via = call->ctx.key,
        .action = wd_str_z(note->action),
        .subject = note->subject,
        .outcome = note->refused != NULL ? WD_STR("refused") : WD_STR("done"),
        .reason = wd_str_z(note->refused),
        .request = call->ctx.id,
        .address = call->ctx.ip,
        .detail = note->detail,
    };

    if (e.actor.len == 0) {
        e.actor = WD_STR("anonymous");
    }
    rc = auth_audit_add(call->pg, a->pepper, &e, err);
    return rc == WD_OK ? wd_pg_commit(call->pg, err) : rc;
}


void
auth_audit_refused(const wd_rpc_call_t *call, const auth_note_t *note)
{
    int        rc;
    auth_t    *a = call->svc;
    wd_error_t err;

    wd_pg_rollback(call->pg);
    if (note->cheap && !auth_refusals_room(a->refusals)) {
        return;
    }
    rc = wd_pg_begin(call->pg, &err);
    if (rc == WD_OK) {
        rc = auth_audit_commit(call, note, &err);
    }
    if (rc != WD_OK) {
        wd_log_error(call->log, "refusal not in the audit trail", "request",
                     call->ctx.id, "action", note->action, "refused",
                     note->refused, "reason", (const char *) err.text);
        if (!wd_pg_broken(call->pg)) {
            wd_pg_rollback(call->pg);
        }
    }
}


int
auth_audit_begin(wd_pg_conn_t *c, const auth_pepper_t *pepper, wd_error_t *err)
{
    int               rc;
    auth_event_t      e = {.at_us = wd_now() / WD_NS_PER_US,
                           .org_id = AUTH_ORG_MAIN,
                           .actor = WD_STR("auth"),
                           .action = WD_STR("audit.begin"),
                           .outcome = WD_STR("done")};
    auth_event_head_t head;

    rc = auth_store_event_head(c, false, &head, err);
    if (rc != WD_OK || head.seq != 0) {
        return rc;
    }

    rc = wd_pg_begin(c, err);
    if (rc == WD_OK) {
        rc = auth_store_event_head(c, true, &head, err);
    }
    if (rc == WD_OK && head.seq == 0) {
        rc = auth_audit_add(c, pepper, &e, err);
    }
    return rc == WD_OK ? wd_pg_commit(c, err) : rc;
}


/* ---- audit.list --------------------------------------------------------- */

static const wd_col_t auth_event_cols[] = {
    {"seq", WD_COL_INT},     {"at", WD_COL_TIME},     {"actor", WD_COL_STR},
    {"via", WD_COL_STR},     {"action", WD_COL_STR},  {"subject", WD_COL_STR},
    {"outcome", WD_COL_STR}, {"reason", WD_COL_STR},  {"request", WD_COL_STR},
    {"address", WD_COL_STR}, {"detail", WD_COL_JSON},
};


static wd_str_t
auth_or_null(wd_str_t s)
{
    return s.len != 0 ? s : WD_STR_NULL;
}


static void
auth_put_event(wd_rows_t *rows, const auth_event_t *e)
{
    wd_rows_row(rows);
    wd_rows_int(rows, e->seq);
    wd_rows_time(rows, e->at_us * WD_NS_PER_US);
    wd_rows_str(rows, e->actor);
    wd_rows_str(rows, auth_or_null(e->via));
    wd_rows_str(rows, e->action);
    wd_rows_str(rows, auth_or_null(e->subject));
    wd_rows_str(rows, e->outcome);
    wd_rows_str(rows, auth_or_null(e->reason));
    wd_rows_str(rows, auth_or_null(e->request));
    wd_rows_str(rows, auth_or_null(e->address));
    wd_rows_json(rows, e->detail);
}


static int
auth_audit_args(const wd_rpc_call_t *call, wd_rpc_res_t *res,
                auth_event_filter_t *f)
{
    int rc;

    rc = auth_arg_text(call, res, "actor", AUTH_AUDIT_TEXT_MAX, &f->actor);
    if (rc == WD_OK) {
        rc = auth_arg_text(call, res, "subject", AUTH_AUDIT_TEXT_MAX,
                           &f->subject);
    }
    if (rc == WD_OK) {
        rc = auth_arg_text(call, res, "action", WD_METHOD_MAX, &f->action);
    }
    if (rc == WD_OK) {
        rc = auth_arg_text(call, res, "outcome", 16, &f->outcome);
    }
    if (rc == WD_OK) {
        rc = auth_arg_time(call, res, "from", &f->from);
    }
    return rc == WD_OK ? auth_arg_time(call, res, "to", &f->to) : rc;
}


int
auth_audit_list(const wd_rpc_call_t *call, wd_rpc_res_t *res)
{
    int                 rc;
    size_t              i, n;
    wd_error_t          err;
    auth_page_t         page;
    auth_event_t       *events;
    auth_event_filter_t f = {.from = WD_NS_MIN, .to = WD_NS_MAX};

    rc = auth_actor_scope(call, res, "orgs:read", &f.org_id);
    if (rc == WD_OK) {
        rc = auth_audit_args(call, res, &f);
    }
    if (rc == WD_OK) {
        rc = auth_page_begin(&page, call, res, "events", auth_event_cols,
                             wd_array_len(auth_event_cols));
    }
    if (rc != WD_OK) {
        return rc;
    }

    f.before = page.after != 0 ? page.after : INT64_MAX;
    f.limit = page.limit + 1;
    rc = auth_store_events(call->pg, &f, call->pool, &events, &n, &err);
    if (rc != WD_OK) {
        return auth_fail_store(call, res, rc, &err);
    }

    for (i = 0; i < n; i++) {
        if (auth_page_row(&page, events[i].seq)) {
            auth_put_event(&page.rows, &events[i]);
        }
    }
    auth_page_end(&page, res);
    return WD_OK;
}


/* ---- audit.verify ------------------------------------------------------- */

/* The hash with which the part to be looked at goes on. */
static int
auth_trail_begin(const wd_rpc_call_t *call, int64_t after, auth_trail_t *t,
                 wd_error_t *err)
{
    int           rc;
    size_t        n;
    auth_event_t *e;

    t->seq = after;
    if (after == 0) {
        return WD_OK;
    }

    rc = auth_store_events_after(call->pg, after - 1, 1, call->pool, &e, &n,
                                 err);
    if (rc != WD_OK) {
        return rc;
    }
    if (n == 0 || e->seq != after || e->hash.len != AUTH_HASH_LEN) {
        t->wrong = "an event is missing";
        return WD_OK;
    }
    memcpy(t->hash, e->hash.data, e->hash.len);
    t->hash_len = e->hash.len;
    return WD_OK;
}


/* *ret_end: there are no more. */
static int
auth_trail_part(wd_pg_conn_t *c, int64_t limit, auth_trail_t *t, bool *ret_end,
                wd_error_t *err)
{
    int           rc;
    size_t        i, n;
    wd_pool_t    *pool = wd_pool_create(65536);
    auth_event_t *events;

    if (pool == NULL) {
        return wd_error(err, WD_ENOMEM, "no memory");
    }

    rc = auth_store_events_after(c, t->seq, limit, pool, &events, &n, err);
    for (i = 0; rc == WD_OK && i < n; i++) {
        rc = auth_trail_step(t, &events[i]);
        if (rc != WD_OK) {
            rc = wd_error(err, rc, "no memory to look at an event");
        }
    }
    *ret_end = rc == WD_OK && n < (size_t) limit;
    wd_pool_destroy(pool);
    return rc;
}


static int
auth_trail_walk(const wd_rpc_call_t *call, int64_t limit, auth_trail_t *t,
                bool *ret_end, wd_error_t *err)
{
    int               rc;
    int64_t           from = t->seq, left;
    auth_event_head_t head;

    /* Before the events: those that come meanwhile are behind it. */
    rc = auth_store_event_head(call->pg, false, &head, err);
    *ret_end = false;
    while (rc == WD_OK && !*ret_end && t->wrong == NULL
           && (left = limit - (t->seq - from)) > 0) {
        rc = auth_trail_part(call->pg, wd_min(left, (int64_t) AUTH_VERIFY_PART),
                             t, ret_end, err);
    }
    if (rc != WD_OK || !*ret_end) {
        return rc;
    }
    rc = auth_trail_end(t, &head);
    if (rc != WD_OK) {
        return wd_error(err, rc, "no memory to look at the seal");
    }

    /* An event comes with its head: now it is at least that of the last one
     * seen, or somebody has put an older one in its place. */
    rc = auth_store_event_head(call->pg, false, &head, err);
    if (rc == WD_OK && t->wrong == NULL && head.seq < t->seq) {
        t->wrong = "the seal is of an older event than the last";
    }
    return rc;
}


int
auth_audit_verify(const wd_rpc_call_t *call, wd_rpc_res_t *res)
{
    int          rc;
    bool         end;
    char         hex[2 * AUTH_HASH_LEN + 1] = "";
    auth_t      *a = call->svc;
    int64_t      after = 0, limit = AUTH_VERIFY_LIMIT;
    wd_json_t    j;
    wd_error_t   err;
    auth_trail_t t = {0};

    rc = auth_arg_int(call, res, "after", 0, INT64_MAX - 1, &after);
    if (rc == WD_OK) {
        rc = auth_arg_int(call, res, "limit", 1, AUTH_VERIFY_LIMIT_MAX, &limit);
    }
    if (rc != WD_OK) {
        return rc;
    }

    auth_pepper_derive(a->pepper, AUTH_AUDIT_LABEL, t.key);
    rc = auth_trail_begin(call, after, &t, &err);
    if (rc == WD_OK) {
        rc = auth_trail_walk(call, limit, &t, &end, &err);
    }
    sodium_memzero(t.key, sizeof(t.key));
    if (rc != WD_OK) {
        return auth_fail_store(call, res, rc, &err);
    }

    wd_hex_encode(t.hash, t.hash_len, hex);
    wd_json_init(&j, &res->body);
    wd_json_obj(&j);
    wd_json_key(&j, "ok");
    wd_json_bool(&j, t.wrong == NULL);
    wd_json_key(&j, "events");
    wd_json_int(&j, t.seq - after);
    wd_json_key(&j, "last");
    wd_json_int(&j, t.seq);
    wd_json_key(&j, "hash");
    wd_json_z(&j, hex);
    wd_json_key(&j, "complete");
    wd_json_bool(&j, end);
    wd_json_key(&j, "wrong");
    wd_json_z(&j, t.wrong);
    wd_json_key(&j, "wrong_after");
    if (t.wrong != NULL) {
        wd_json_int(&j, t.seq);
    } else {
        wd_json_null(&j);
    }
    wd_json_end(&j);
    return WD_OK;
}
