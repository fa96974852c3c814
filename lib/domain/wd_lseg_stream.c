/*
 * wd_lseg_stream.c - frames of LSEG's streaming service, message by message.
 */
#include "wd_lseg_stream.h"

#include "wd_lseg_message.h"

/* Meaning of the codes of a state and of a refused post. */
static const struct {
    const char *code;
    wd_answer_e class;
} wd_lseg_states[] = {
    {"", WD_ANSWER_OK},
    {"None", WD_ANSWER_OK},
    {"NotFound", WD_ANSWER_NOT_FOUND},
    {"SourceUnknown", WD_ANSWER_NOT_FOUND},
    {"NotEntitled", WD_ANSWER_PERMISSION},
    {"UserAccessToAppDenied", WD_ANSWER_PERMISSION},
    {"AccessDenied", WD_ANSWER_PERMISSION},
    {"DeniedBySrc", WD_ANSWER_PERMISSION},
    {"UserUnknownToPermSys", WD_ANSWER_AUTH},
    {"AppAuthorizationFailed", WD_ANSWER_AUTH},
    {"TooManyItems", WD_ANSWER_LIMIT_SHORT},
    {"DacsMaxLoginsReached", WD_ANSWER_LIMIT_SHORT},
    {"MaxLoginsReached", WD_ANSWER_LIMIT_SHORT},
    {"ExceededMaxMountsPerUser", WD_ANSWER_LIMIT_SHORT},
    {"InvalidArgument", WD_ANSWER_BAD_REQUEST},
    {"InvalidView", WD_ANSWER_BAD_REQUEST},
    {"UsageError", WD_ANSWER_BAD_REQUEST},
    {"SymbolUnknown", WD_ANSWER_NOT_FOUND},
};


wd_answer_e
wd_lseg_state_class(wd_str_t code)
{
    size_t i;

    for (i = 0; i < wd_array_len(wd_lseg_states); i++) {
        if (wd_str_eq_z(code, wd_lseg_states[i].code)) {
            return wd_lseg_states[i].class;
        }
    }
    return WD_ANSWER_UPSTREAM; /* time-outs, failovers, gaps, no resources */
}


/* A login is refused by the end of its stream, in whichever message. */
static wd_lseg_event_e
wd_lseg_msg_login(const wd_lseg_msg_t *m, wd_lseg_event_e kind)
{
    if (m->e.stream == WD_LSEG_STREAM_CLOSED
        || m->e.stream == WD_LSEG_STREAM_CLOSED_RECOVER) {
        return WD_LSEG_EV_LOGIN_REFUSED;
    }
    return kind == WD_LSEG_EV_REFRESH ? WD_LSEG_EV_LOGIN_ACCEPTED
                                      : WD_LSEG_EV_LOGIN_STATUS;
}


static wd_lseg_event_e
wd_lseg_msg_kind(wd_lseg_msg_t *m)
{
    size_t i;

    static const struct {
        const char     *type;
        wd_lseg_event_e kind;
        bool            stream; /* belongs to a stream */
    } kinds[] = {
        {"Refresh", WD_LSEG_EV_REFRESH, true},
        {"Update", WD_LSEG_EV_UPDATE, true},
        {"Status", WD_LSEG_EV_STATUS, true},
        {"Ack", WD_LSEG_EV_ACK, true},
        {"Ping", WD_LSEG_EV_PING, false},
        {"Pong", WD_LSEG_EV_PONG, false},
        {"Error", WD_LSEG_EV_ERROR, false},
    };

    for (i = 0; i < wd_array_len(kinds); i++) {
        if (!wd_str_eq_z(m->type, kinds[i].type)) {
            continue;
        }
        if (kinds[i].stream && m->e.id < 0) {
            wd_lseg_strange(m, "a message without the number of its stream");
        }
        if (wd_str_eq_z(m->e.domain, "Login")
            && (kinds[i].kind == WD_LSEG_EV_REFRESH
                || kinds[i].kind == WD_LSEG_EV_STATUS)) {
            return wd_lseg_msg_login(m, kinds[i].kind);
        }
        return kinds[i].kind;
    }
    wd_lseg_strange(m, "a type of message that nobody documents");
    return WD_LSEG_EV_STRANGE;
}


/* What the members mean together. */
static int
wd_lseg_msg_finish(wd_lseg_msg_t *m)
{
    char text[WD_ANSWER_TEXT_MAX];

    m->e.kind = wd_lseg_msg_kind(m);
    if (m->strange != NULL) {
        m->e.kind = WD_LSEG_EV_STRANGE;
        m->e.n_fields = 0;
        m->e.text = m->strange;
        return WD_OK;
    }
    if (m->e.domain.data == NULL) {
        m->e.domain = WD_STR("MarketPrice");
    }
    m->e.class = wd_lseg_state_class(m->e.code);

    wd_answer_redact(m->text, text, sizeof(text));
    m->e.text = wd_pool_strdup(m->pool, wd_str_z(text));
    return m->e.text != NULL ? WD_OK : WD_ENOMEM;
}


/* The message at the cursor, or something else in its place. */
static int
wd_lseg_msg(wd_json_scan_t *s, wd_pool_t *pool, wd_lseg_event_t *ret)
{
    int           rc;
    const char   *from;
    wd_lseg_msg_t m;

    memset(&m, 0, sizeof(m));
    m.s = *s;
    m.pool = pool;
    m.e.id = m.e.part = m.e.sequence = m.e.ack_id = -1;
    m.e.complete = m.e.solicited = true;
    m.e.text = "";
    if (wd_json_scan_at_end(&m.s)) {
        return WD_ETRUNC;
    }

    from = m.s.p;
    if (*m.s.p == '{') {
        rc = wd_lseg_msg_read(&m);
    } else {
        wd_lseg_strange(&m, "a message that is no object");
        rc = wd_json_scan_skip(&m.s);
    }
    if (rc == WD_OK) {
        rc = wd_lseg_msg_finish(&m);
    }
    m.e.raw = wd_str(from, (size_t) (m.s.p - from));
    *s = m.s;
    *ret = m.e;
    return rc;
}


static wd_lseg_event_t *
wd_lseg_event(wd_lseg_events_t *list, size_t *cap, wd_pool_t *pool)
{
    size_t           want;
    wd_lseg_event_t *grown;

    if (list->n == *cap) {
        want = *cap != 0 ? *cap * 2 : 4;
        grown = wd_pool_alloc(pool, want * sizeof(*grown));
        if (grown == NULL) {
            return NULL;
        }
        if (list->n != 0) {
            memcpy(grown, list->events, list->n * sizeof(*grown));
        }
        list->events = grown;
        *cap = want;
    }
    return &list->events[list->n];
}


static int
wd_lseg_messages(wd_json_scan_t *s, wd_pool_t *pool, wd_lseg_events_t *ret)
{
    int              rc;
    bool             first = true;
    size_t           cap = 0;
    wd_lseg_event_t *e;

    rc = wd_json_scan_open(s, '[');
    while (rc == WD_OK && (rc = wd_json_scan_item(s, &first)) == WD_OK) {
        if (ret->n == WD_LSEG_MESSAGES_MAX) {
            return WD_ETOOBIG;
        }
        e = wd_lseg_event(ret, &cap, pool);
        if (e == NULL) {
            return WD_ENOMEM;
        }
        rc = wd_lseg_msg(s, pool, e);
        ret->n += rc == WD_OK;
    }
    if (rc == WD_ENOTFOUND) {
        rc = wd_json_scan_at_end(s) ? WD_OK : WD_EPROTO;
    }
    return rc;
}


int
wd_lseg_stream_parse(wd_str_t frame, wd_pool_t *pool, wd_lseg_events_t *ret,
                     wd_error_t *err)
{
    int            rc;
    wd_json_scan_t s = wd_answer_scan(frame);

    memset(ret, 0, sizeof(*ret));
    if (frame.len > WD_LSEG_FRAME_MAX) {
        return wd_error(err, WD_ETOOBIG, "a frame of %zu bytes", frame.len);
    }
    rc = frame.len != 0 ? wd_lseg_messages(&s, pool, ret) : WD_ETRUNC;
    switch (rc) {
    case WD_OK:
        return WD_OK;
    case WD_ENOMEM:
        return wd_error(err, rc, "no memory");
    case WD_ETOOBIG:
        return wd_error(err, rc, "more than %d messages in a frame",
                        WD_LSEG_MESSAGES_MAX);
    case WD_ETRUNC:
        return wd_error(err, rc, "the frame ends after %zu messages", ret->n);
    default:
        return wd_error(err, rc, "no JSON behind %zu messages", ret->n);
    }
}
