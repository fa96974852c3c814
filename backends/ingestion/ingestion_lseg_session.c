/*
 * ingestion_lseg_session.c - a streaming connection of LSEG as a state
 * machine: login, silence, frames.
 */
#include "ingestion_lseg_session_int.h"

#include "wd_json.h"
#include "wd_lseg_capture.h"

#include <stdlib.h>

#define LSEG_SILENCE_S 30 /* where a login does not say it */
#define LSEG_SILENCE_MIN_S 5
#define LSEG_SILENCE_MAX_S 300
#define LSEG_DEAD 2 /* times the silence, after a ping of ours */
#define LSEG_TOKEN_MAX 16384


/* ---- life ------------------------------------------------------------------------ */

static char *
lseg_text(const char *text, bool *full)
{
    char *copy = strdup(text != NULL ? text : "");

    *full &= copy != NULL;
    return copy;
}


int
ingestion_lseg_session_create(const ingestion_lseg_conf_t *conf, uint64_t seed,
                              ingestion_lseg_session_t **ret)
{
    bool                      full = true;
    ingestion_lseg_session_t *s;

    s = calloc(1, sizeof(*s));
    if (s == NULL) {
        return WD_ENOMEM;
    }
    s->conf = *conf;
    s->conf.application_id = lseg_text(conf->application_id, &full);
    s->conf.position = lseg_text(conf->position, &full);
    s->conf.service = lseg_text(conf->service, &full);
    s->conf.batch = wd_max(1u, wd_min(conf->batch, INGESTION_LSEG_BATCH_MAX));
    s->conf.window = wd_max(1u, conf->window);
    s->random = seed;
    s->object = 1;
    wd_buf_init(&s->token, LSEG_TOKEN_MAX);
    if (lseg_items_init(s) != WD_OK || !full) {
        ingestion_lseg_session_destroy(s);
        return WD_ENOMEM;
    }
    *ret = s;
    return WD_OK;
}


static void
lseg_wipe_token(ingestion_lseg_session_t *s)
{
    if (s->token.data != NULL) {
        explicit_bzero(s->token.data, s->token.cap);
    }
    wd_buf_reset(&s->token);
}


void
ingestion_lseg_session_destroy(ingestion_lseg_session_t *s)
{
    if (s == NULL) {
        return;
    }
    lseg_items_done(s);
    lseg_wipe_token(s);
    wd_buf_done(&s->token);
    free((char *) s->conf.application_id);
    free((char *) s->conf.position);
    free((char *) s->conf.service);
    free(s);
}


/* Reserved first: a buffer that grows would leave a copy behind. */
static int
lseg_keep_token(ingestion_lseg_session_t *s, wd_str_t token)
{
    lseg_wipe_token(s);
    if (token.len == 0 || token.len > LSEG_TOKEN_MAX) {
        return WD_EINVAL;
    }
    if (wd_buf_reserve(&s->token, token.len) == NULL) {
        wd_buf_reset(&s->token);
        return WD_ENOMEM;
    }
    wd_buf_str(&s->token, token);
    return WD_OK;
}


int
ingestion_lseg_session_open(ingestion_lseg_session_t *s, wd_str_t token,
                            wd_ns_t now)
{
    int rc;

    rc = lseg_keep_token(s, token);
    if (rc == WD_OK) {
        s->state = INGESTION_LSEG_LOGIN;
        s->opened = s->heard = s->pinged = now;
        s->silence = LSEG_SILENCE_S * WD_NS_PER_S;
        s->login_sent = s->login_suspect = s->ping = s->pong = false;
    }
    return rc;
}


int
ingestion_lseg_session_renew(ingestion_lseg_session_t *s, wd_str_t token)
{
    return s->state != INGESTION_LSEG_AWAY ? lseg_keep_token(s, token) : WD_OK;
}


void
ingestion_lseg_session_lost(ingestion_lseg_session_t *s)
{
    if (s->state != INGESTION_LSEG_AWAY) {
        s->state = INGESTION_LSEG_AWAY;
        lseg_wipe_token(s);
        lseg_items_lost(s);
        ingestion_lseg_session_border(s);
    }
}


void
ingestion_lseg_session_border(ingestion_lseg_session_t *s)
{
    s->object++;
    s->begun = false;
}


/* ---- what is said ---------------------------------------------------------------- */

/* A renewal wants no refresh in return. */
static void
lseg_write_login(const ingestion_lseg_session_t *s, wd_buf_t *out)
{
    wd_json_t j;

    wd_json_init(&j, out);
    wd_json_obj(&j);
    wd_json_key(&j, "ID");
    wd_json_int(&j, LSEG_LOGIN_ID);
    wd_json_key(&j, "Domain");
    wd_json_z(&j, "Login");
    wd_json_key(&j, "Key");
    wd_json_obj(&j);
    wd_json_key(&j, "NameType");
    wd_json_z(&j, "AuthnToken");
    wd_json_key(&j, "Elements");
    wd_json_obj(&j);
    wd_json_key(&j, "ApplicationId");
    wd_json_z(&j, s->conf.application_id);
    wd_json_key(&j, "Position");
    wd_json_z(&j, s->conf.position);
    wd_json_key(&j, "AuthenticationToken");
    wd_json_str(&j, wd_buf_view(&s->token));
    wd_json_end(&j);
    wd_json_end(&j);
    if (s->state == INGESTION_LSEG_UP) {
        wd_json_key(&j, "Refresh");
        wd_json_bool(&j, false);
    }
    wd_json_end(&j);
}


/* The first login, or, once that was accepted, a renewal. */
static bool
lseg_take_login(ingestion_lseg_session_t *s, wd_buf_t *out)
{
    if (s->token.len == 0
        || (s->state == INGESTION_LSEG_LOGIN && s->login_sent)) {
        return false;
    }
    if (wd_buf_reserve(out, 6 * s->token.len + 1024) == NULL) {
        return false;
    }
    lseg_write_login(s, out);
    s->login_sent = true;
    lseg_wipe_token(s);
    return true;
}


bool
ingestion_lseg_session_take(ingestion_lseg_session_t *s, wd_ns_t now,
                            wd_buf_t *out)
{
    if (s->state == INGESTION_LSEG_AWAY) {
        return false;
    }
    if (lseg_take_login(s, out)) {
        return true;
    }
    if (s->pong) {
        s->pong = false;
        wd_buf_z(out, "{\"Type\":\"Pong\"}");
        return true;
    }
    if (s->state != INGESTION_LSEG_UP) {
        return false;
    }
    if (s->ping) {
        s->ping = false;
        wd_buf_z(out, "{\"Type\":\"Ping\"}");
        return true;
    }
    return lseg_items_take(s, now, out);
}


/* ---- what is heard ---------------------------------------------------------------- */

static int
lseg_login_refused(const wd_lseg_event_t *e, wd_error_t *err)
{
    int rc = WD_EUNAVAIL;

    switch (e->class) {
    case WD_ANSWER_AUTH:
        rc = WD_EUNAUTH;
        break;
    case WD_ANSWER_PERMISSION:
        rc = WD_EFORBIDDEN;
        break;
    case WD_ANSWER_LIMIT_SHORT:
    case WD_ANSWER_LIMIT_LONG:
        rc = WD_ELIMIT;
        break;
    default:
        break;
    }
    return wd_error(err, rc, "the login is refused: %.*s %s",
                    WD_STR_ARG(e->code), e->text);
}


static int
lseg_on_login(ingestion_lseg_session_t *s, const wd_lseg_event_t *e,
              wd_error_t *err)
{
    int64_t silence = e->ping_timeout_s;

    switch (e->kind) {
    case WD_LSEG_EV_LOGIN_ACCEPTED:
        if (silence != 0) {
            silence = wd_min(silence, (int64_t) LSEG_SILENCE_MAX_S);
            silence = wd_max(silence, (int64_t) LSEG_SILENCE_MIN_S);
            s->silence = silence * WD_NS_PER_S;
        }
        s->state = INGESTION_LSEG_UP;
        s->login_suspect = e->data == WD_LSEG_DATA_SUSPECT;
        return WD_OK;
    case WD_LSEG_EV_LOGIN_REFUSED:
        return lseg_login_refused(e, err);
    default:
        if (e->data != WD_LSEG_DATA_NONE) {
            s->login_suspect = e->data == WD_LSEG_DATA_SUSPECT;
        }
        return WD_OK;
    }
}


static bool
lseg_is_login(const wd_lseg_event_t *e)
{
    return e->kind == WD_LSEG_EV_LOGIN_ACCEPTED
           || e->kind == WD_LSEG_EV_LOGIN_REFUSED
           || e->kind == WD_LSEG_EV_LOGIN_STATUS;
}


/* About an item, in the domain that it was asked for in. */
static lseg_item_t *
lseg_item_of_event(const ingestion_lseg_session_t *s, const wd_lseg_event_t *e)
{
    if ((e->kind != WD_LSEG_EV_REFRESH && e->kind != WD_LSEG_EV_UPDATE
         && e->kind != WD_LSEG_EV_STATUS)
        || !wd_str_eq_z(e->domain, "MarketPrice")) {
        return NULL;
    }
    return lseg_item_of(s, e->id);
}


/* What we said was none: about an item, a batch, or the whole connection. */
static int
lseg_on_error(ingestion_lseg_session_t *s, const wd_lseg_event_t *e,
              wd_ns_t now, wd_error_t *err)
{
    lseg_item_t *item = lseg_item_of(s, e->id);

    if (item != NULL) {
        lseg_item_refused(s, item, e, now);
        return WD_OK;
    }
    if (e->id > LSEG_LOGIN_ID && lseg_batch_refused(s, e->id, now)) {
        return WD_OK;
    }
    return wd_error(err, WD_EPROTO, "the server takes no message: %s", e->text);
}


/* A batch's own stream closes at once, whether it was taken or not. */
static void
lseg_on_stray(ingestion_lseg_session_t *s, const wd_lseg_event_t *e,
              wd_ns_t now)
{
    if (e->kind == WD_LSEG_EV_STATUS && e->class != WD_ANSWER_OK
        && lseg_batch_refused(s, e->id, now)) {
        return;
    }
    s->stray++;
}


static int
lseg_on_event(ingestion_lseg_session_t *s, const wd_lseg_event_t *e,
              wd_ns_t received, wd_ns_t now, wd_records_t *r, wd_error_t *err)
{
    int            rc;
    lseg_item_t   *item = lseg_item_of_event(s, e);
    wd_lseg_next_e next;

    if (item != NULL) {
        rc = wd_lseg_image_apply(&item->image, e, received, r, &next);
        if (rc != WD_OK) {
            return wd_error(err, rc, "no memory for a record");
        }
        lseg_item_applied(s, item, e, next, now);
        return WD_OK;
    }
    if (lseg_is_login(e)) {
        return lseg_on_login(s, e, err);
    }
    switch (e->kind) {
    case WD_LSEG_EV_PING:
        s->pong = true;
        return WD_OK;
    case WD_LSEG_EV_PONG:
        return WD_OK;
    case WD_LSEG_EV_ERROR:
        return lseg_on_error(s, e, now, err);
    default:
        lseg_on_stray(s, e, now);
        return WD_OK;
    }
}


/* ---- the archive ------------------------------------------------------------------ */

/* A login repeats secrets. One that cannot be read is told by its words. */
static bool
lseg_maybe_secret(wd_str_t text)
{
    return wd_answer_contains(text, "login")
           || wd_answer_contains(text, "authentication");
}


static bool
lseg_is_kept(const ingestion_lseg_session_t *s, const wd_lseg_event_t *e)
{
    if (e->kind == WD_LSEG_EV_STRANGE) {
        return !lseg_maybe_secret(e->raw);
    }
    return lseg_item_of_event(s, e) != NULL;
}


static void
lseg_capture_first(ingestion_lseg_session_t *s, wd_ns_t t, wd_buf_t *out)
{
    if (!s->begun) {
        s->begun = true;
        wd_lseg_capture_begin(out, t);
    }
}


/* Before any of the frame is applied: its images are those before it. */
static int
lseg_capture(ingestion_lseg_session_t *s, const wd_lseg_events_t *ev,
             wd_pool_t *pool, wd_ns_t t, wd_buf_t *out)
{
    size_t                  i, n = 0;
    lseg_item_t            *item;
    const wd_lseg_event_t **kept;

    kept = wd_pool_alloc(pool, (ev->n + 1) * sizeof(*kept));
    if (kept == NULL) {
        return WD_ENOMEM;
    }
    for (i = 0; i < ev->n; i++) {
        if (!lseg_is_kept(s, &ev->events[i])) {
            continue;
        }
        kept[n++] = &ev->events[i];
        lseg_capture_first(s, t, out);
        item = lseg_item_of_event(s, &ev->events[i]);
        if (item == NULL || item->object == s->object) {
            continue;
        }
        item->object = s->object;
        if (wd_lseg_capture_needs_image(&ev->events[i])) {
            wd_lseg_capture_image(out, t, item->id, &item->image);
        }
    }
    if (n != 0) {
        wd_lseg_capture_frame(out, t, kept, n);
    }
    return out->err;
}


static void
lseg_capture_bad(ingestion_lseg_session_t *s, wd_str_t frame, wd_ns_t t,
                 wd_buf_t *out)
{
    if (!lseg_maybe_secret(frame)) {
        lseg_capture_first(s, t, out);
        wd_lseg_capture_bad(out, t, frame);
    }
}


/* ---- frames ------------------------------------------------------------------------ */

static int
lseg_read(ingestion_lseg_session_t *s, wd_str_t frame, wd_ns_t received,
          wd_ns_t now, wd_pool_t *pool, wd_buf_t *capture, wd_records_t *r,
          wd_error_t *err)
{
    int              rc, bad;
    size_t           i;
    wd_lseg_events_t ev;

    bad = wd_lseg_stream_parse(frame, pool, &ev, err);
    rc = bad == WD_ENOMEM ? bad : lseg_capture(s, &ev, pool, received, capture);
    if (rc != WD_OK) {
        return wd_error(err, rc, "no memory for a frame");
    }
    for (i = 0; i < ev.n; i++) {
        s->messages++;
        rc = lseg_on_event(s, &ev.events[i], received, now, r, err);
        if (rc != WD_OK) {
            return rc;
        }
    }
    if (bad != WD_OK) {
        lseg_capture_bad(s, frame, received, capture);
        return WD_EPROTO; /* *err says what is wrong with it */
    }
    return WD_OK;
}


int
ingestion_lseg_session_frame(ingestion_lseg_session_t *s, wd_str_t frame,
                             wd_ns_t received, wd_ns_t now, wd_buf_t *capture,
                             wd_records_t *r, wd_error_t *err)
{
    int        rc;
    wd_pool_t *pool;

    s->heard = now;
    s->frames++;
    if (wd_str_trim(frame).len == 0) {
        return WD_OK; /* older servers ping in this way */
    }
    pool = wd_pool_create(16384);
    if (pool == NULL) {
        return wd_error(err, WD_ENOMEM, "no memory for a frame");
    }
    rc = lseg_read(s, frame, received, now, pool, capture, r, err);
    wd_pool_destroy(pool);
    return rc;
}


int
ingestion_lseg_session_tick(ingestion_lseg_session_t *s, wd_ns_t now,
                            wd_error_t *err)
{
    if (s->state == INGESTION_LSEG_AWAY) {
        return WD_OK;
    }
    if (s->state == INGESTION_LSEG_LOGIN) {
        return now - s->opened < (wd_ns_t) s->conf.answer_ms * WD_NS_PER_MS
                   ? WD_OK
                   : wd_error(err, WD_ETIMEOUT, "the login is not answered");
    }
    if (now - s->heard >= LSEG_DEAD * s->silence) {
        return wd_error(err, WD_ETIMEOUT, "nothing was heard for %lld s",
                        (long long) (LSEG_DEAD * s->silence / WD_NS_PER_S));
    }
    if (now - s->heard >= s->silence && s->pinged <= s->heard) {
        s->pinged = now;
        s->ping = true;
    }
    lseg_items_tick(s, now);
    return WD_OK;
}


/* ---- for status --------------------------------------------------------------------- */

void
ingestion_lseg_session_counts(const ingestion_lseg_session_t *s,
                              ingestion_lseg_counts_t        *ret)
{
    memset(ret, 0, sizeof(*ret));
    ret->state = s->state;
    ret->login_suspect = s->login_suspect;
    ret->items = wd_map_len(s->by_ric);
    ret->waiting = s->n[LSEG_ITEM_READY] + s->n[LSEG_ITEM_LATER];
    ret->asked = s->n[LSEG_ITEM_ASKED];
    ret->open = s->n[LSEG_ITEM_OPEN];
    ret->suspect = s->n[LSEG_ITEM_SUSPECT];
    ret->closed = s->n[LSEG_ITEM_CLOSED];
    ret->frames = s->frames;
    ret->messages = s->messages;
    ret->stray = s->stray;
}


size_t
ingestion_lseg_session_troubles(const ingestion_lseg_session_t *s,
                                ingestion_lseg_trouble_t *ret, size_t max)
{
    size_t             i, n = 0;
    const wd_list_t   *l;
    const lseg_item_t *item;

    static const lseg_item_e states[] = {LSEG_ITEM_CLOSED, LSEG_ITEM_LATER};

    for (i = 0; i < wd_array_len(states); i++) {
        for (l = s->lists[states[i]].next; l != &s->lists[states[i]] && n < max;
             l = l->next) {
            item = wd_list_entry(l, const lseg_item_t, link);
            wd_str_copy(ret[n].ric, sizeof(ret[n].ric),
                        wd_str_z(item->image.symbol));
            ret[n].class = item->class;
            wd_str_copy(ret[n].text, sizeof(ret[n].text), wd_str_z(item->text));
            n++;
        }
    }
    return n;
}
