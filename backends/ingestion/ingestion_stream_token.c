/*
 * ingestion_stream_token.c - a stream's token: asked for, renewed before it
 * ends, wiped.
 */
#include "ingestion_stream_int.h"

#define STREAM_TOKEN_WAIT_NS (30 * WD_NS_PER_S) /* for an answer */
#define STREAM_TOKEN_EARLY_NS (30 * WD_NS_PER_S) /* before its end */


void
stream_wipe_token(ingestion_stream_t *st)
{
    if (st->token.data != NULL) {
        explicit_bzero(st->token.data, st->token.cap);
    }
    wd_buf_reset(&st->token);
}


void
stream_token_refused(ingestion_stream_t *st)
{
    st->token_refused = true;
    stream_wipe_token(st);
}


/* Asked not too often, whatever the answers are. */
void
stream_ask_token(ingestion_stream_t *st, wd_ns_t now)
{
    wd_ns_t wait = st->token_waits ? STREAM_TOKEN_WAIT_NS
                                   : (wd_ns_t) st->conf.retry_ms * WD_NS_PER_MS;

    if (st->token_asked != 0 && now - st->token_asked < wait) {
        return;
    }
    st->token_asked = now;
    st->token_waits = true;
    st->conf.token(st->conf.arg, st, st->token_refused);
}


bool
stream_token_good(const ingestion_stream_t *st, wd_ns_t now)
{
    return st->token.len != 0 && now < st->token_until;
}


/* Before it ends, with time for the answer and for another attempt. */
void
stream_renew_token(ingestion_stream_t *st, wd_ns_t now)
{
    wd_ns_t early = wd_max(st->token_life / 5,
                           wd_min(STREAM_TOKEN_EARLY_NS, st->token_life / 2));

    if (st->ws != NULL && now >= st->token_until - early) {
        stream_ask_token(st, now);
    }
}


void
ingestion_stream_token(ingestion_stream_t *st, wd_str_t token, wd_ns_t life)
{
    wd_error_t err = {0};

    st->token_waits = false;
    if (st->stopping) {
        return;
    }
    if (token.len == 0 || token.len > INGESTION_STREAM_TOKEN_MAX) {
        (void) wd_error(&err, WD_EINVAL, "the token is none");
        ingestion_stream_no_token(st, &err);
        return;
    }
    stream_wipe_token(st); /* emptied: it never moves, so no copy is left */
    if (wd_buf_reserve(&st->token, INGESTION_STREAM_TOKEN_MAX) == NULL) {
        (void) wd_error(&err, WD_ENOMEM, "no memory for a token");
        ingestion_stream_no_token(st, &err);
        return;
    }
    wd_buf_str(&st->token, token);
    st->token_refused = false;
    st->token_life = life;
    st->token_until = wd_monotonic() + life;
    if (ingestion_lseg_session_renew(st->session, token) == WD_OK) {
        stream_pump(st);
    }
    stream_next(st);
}


void
ingestion_stream_no_token(ingestion_stream_t *st, const wd_error_t *why)
{
    st->token_waits = false;
    if (!st->stopping && st->ws == NULL) {
        stream_failed(st, why->code, why, false);
        stream_next(st);
    }
}
