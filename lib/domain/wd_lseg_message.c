/*
 * wd_lseg_message.c - the members of a message of LSEG's streaming service.
 */
#include "wd_lseg_message.h"

#include "wd_num.h"


void
wd_lseg_strange(wd_lseg_msg_t *m, const char *why)
{
    if (m->strange == NULL) {
        m->strange = why;
    }
}


/* The next member with its value; nested ones stay before their brace. */
static int
wd_lseg_msg_member(wd_lseg_msg_t *m, bool *first, wd_str_t *key,
                   wd_json_scan_val_t *v)
{
    int rc;

    rc = wd_json_scan_member(&m->s, m->pool, first, key);
    return rc != WD_OK ? rc : wd_json_scan_value(&m->s, m->pool, v);
}


static bool
wd_lseg_nested(const wd_json_scan_val_t *v)
{
    return v->type == WD_JS_OBJECT || v->type == WD_JS_ARRAY;
}


/* Steps over a nested value that nobody reads. */
static int
wd_lseg_msg_skip(wd_lseg_msg_t *m, const wd_json_scan_val_t *v)
{
    return wd_lseg_nested(v) ? wd_json_scan_skip(&m->s) : WD_OK;
}


/* A whole number that is not negative. */
static void
wd_lseg_msg_number(wd_lseg_msg_t *m, const wd_json_scan_val_t *v, int64_t *ret)
{
    int64_t n;

    if (v->type == WD_JS_NUMBER && wd_int_parse(v->text, &n) == WD_OK
        && n >= 0) {
        *ret = n;
    } else {
        wd_lseg_strange(m, "a number of the message is none");
    }
}


static void
wd_lseg_msg_text(wd_lseg_msg_t *m, const wd_json_scan_val_t *v, wd_str_t *ret)
{
    if (v->type != WD_JS_STRING) {
        wd_lseg_strange(m, "a text of the message is none");
    } else if (!wd_utf8_valid(v->text)
               || (v->text.len != 0
                   && memchr(v->text.data, '\0', v->text.len) != NULL)) {
        wd_lseg_strange(m, "a text of the message is no UTF-8");
    } else {
        *ret = v->text;
    }
}


static void
wd_lseg_msg_flag(wd_lseg_msg_t *m, const wd_json_scan_val_t *v, bool *ret)
{
    if (v->type == WD_JS_TRUE || v->type == WD_JS_FALSE) {
        *ret = v->type == WD_JS_TRUE;
    } else {
        wd_lseg_strange(m, "a flag of the message is none");
    }
}


static wd_lseg_stream_e
wd_lseg_stream_of(wd_lseg_msg_t *m, wd_str_t s)
{
    size_t i;

    static const char *const names[] = {
        "", "Open", "NonStreaming", "ClosedRecover", "Closed", "Redirected"};

    for (i = 0; i < wd_array_len(names); i++) {
        if (wd_str_eq_z(s, names[i])) {
            return (wd_lseg_stream_e) i;
        }
    }
    wd_lseg_strange(m, "a state of the stream that nobody documents");
    return WD_LSEG_STREAM_NONE;
}


static wd_lseg_data_e
wd_lseg_data_of(wd_lseg_msg_t *m, wd_str_t s)
{
    if (wd_str_eq_z(s, "Ok")) {
        return WD_LSEG_DATA_OK;
    }
    if (wd_str_eq_z(s, "Suspect")) {
        return WD_LSEG_DATA_SUSPECT;
    }
    if (s.len != 0 && !wd_str_eq_z(s, "NoChange")) {
        wd_lseg_strange(m, "a state of the data that nobody documents");
    }
    return WD_LSEG_DATA_NONE;
}


/* {"Stream":"Open","Data":"Ok","Code":"..","Text":".."} */
static int
wd_lseg_msg_state(wd_lseg_msg_t *m)
{
    int                rc;
    bool               first = true;
    wd_str_t           key, stream = WD_STR_NULL, data = WD_STR_NULL;
    wd_json_scan_val_t v;

    rc = wd_json_scan_open(&m->s, '{');
    while (rc == WD_OK
           && (rc = wd_lseg_msg_member(m, &first, &key, &v)) == WD_OK) {
        if (wd_str_eq_z(key, "Stream")) {
            wd_lseg_msg_text(m, &v, &stream);
        } else if (wd_str_eq_z(key, "Data")) {
            wd_lseg_msg_text(m, &v, &data);
        } else if (wd_str_eq_z(key, "Code")) {
            wd_lseg_msg_text(m, &v, &m->e.code);
        } else if (wd_str_eq_z(key, "Text")) {
            wd_lseg_msg_text(m, &v, &m->text);
        }
        rc = wd_lseg_msg_skip(m, &v);
    }
    m->e.stream = wd_lseg_stream_of(m, stream);
    m->e.data = wd_lseg_data_of(m, data);
    return rc == WD_ENOTFOUND ? WD_OK : rc;
}


/* {"Service":"IDN","Name":"EUR="}; a post's service may be a number. */
static int
wd_lseg_msg_key(wd_lseg_msg_t *m)
{
    int                rc;
    bool               first = true;
    wd_str_t           key;
    wd_json_scan_val_t v;

    rc = wd_json_scan_open(&m->s, '{');
    while (rc == WD_OK
           && (rc = wd_lseg_msg_member(m, &first, &key, &v)) == WD_OK) {
        if (wd_str_eq_z(key, "Name")) {
            wd_lseg_msg_text(m, &v, &m->e.name);
        } else if (wd_str_eq_z(key, "Service") && v.type == WD_JS_STRING) {
            wd_lseg_msg_text(m, &v, &m->e.service);
        }
        rc = wd_lseg_msg_skip(m, &v);
    }
    return rc == WD_ENOTFOUND ? WD_OK : rc;
}


/* Of a login: how long silence may last, how large a frame may be. */
static int
wd_lseg_msg_elements(wd_lseg_msg_t *m)
{
    int                rc;
    bool               first = true;
    wd_str_t           key;
    wd_json_scan_val_t v;

    rc = wd_json_scan_open(&m->s, '{');
    while (rc == WD_OK
           && (rc = wd_lseg_msg_member(m, &first, &key, &v)) == WD_OK) {
        if (wd_str_eq_z(key, "PingTimeout")) {
            wd_lseg_msg_number(m, &v, &m->e.ping_timeout_s);
        } else if (wd_str_eq_z(key, "MaxMsgSize")) {
            wd_lseg_msg_number(m, &v, &m->e.max_message);
        }
        rc = wd_lseg_msg_skip(m, &v);
    }
    return rc == WD_ENOTFOUND ? WD_OK : rc;
}


/* Room for one more, or NULL. The arena frees nothing. */
static wd_lseg_field_t *
wd_lseg_msg_field(wd_lseg_msg_t *m)
{
    size_t           cap;
    wd_lseg_field_t *grown;

    if (m->e.n_fields == m->cap_fields) {
        cap = m->cap_fields != 0 ? m->cap_fields * 2 : 16;
        grown = wd_pool_alloc(m->pool, cap * sizeof(*grown));
        if (grown == NULL) {
            return NULL;
        }
        if (m->e.n_fields != 0) {
            memcpy(grown, m->e.fields, m->e.n_fields * sizeof(*grown));
        }
        m->e.fields = grown;
        m->cap_fields = cap;
    }
    return &m->e.fields[m->e.n_fields++];
}


static int
wd_lseg_msg_fields(wd_lseg_msg_t *m)
{
    int                rc;
    bool               first = true;
    wd_str_t           key;
    wd_lseg_field_t   *f;
    wd_json_scan_val_t v;

    rc = wd_json_scan_open(&m->s, '{');
    while (rc == WD_OK
           && (rc = wd_lseg_msg_member(m, &first, &key, &v)) == WD_OK) {
        if (wd_lseg_nested(&v)) {
            v.text = wd_str(m->s.p, 1);
        }
        rc = wd_lseg_msg_skip(m, &v);
        if (rc != WD_OK) {
            break;
        }
        if (m->e.n_fields == WD_LSEG_FIELDS_MAX) {
            wd_lseg_strange(m, "more fields than a message may have");
            continue;
        }
        f = wd_lseg_msg_field(m);
        if (f == NULL) {
            return WD_ENOMEM;
        }
        f->name = key;
        f->value = v;
    }
    return rc == WD_ENOTFOUND ? WD_OK : rc;
}


/* Members that are objects. */
static int
wd_lseg_msg_object(wd_lseg_msg_t *m, wd_str_t key)
{
    if (wd_str_eq_z(key, "State")) {
        return wd_lseg_msg_state(m);
    }
    if (wd_str_eq_z(key, "Key")) {
        return wd_lseg_msg_key(m);
    }
    if (wd_str_eq_z(key, "Fields")) {
        return wd_lseg_msg_fields(m);
    }
    if (wd_str_eq_z(key, "Elements")) {
        return wd_lseg_msg_elements(m);
    }
    m->e.has_map |= wd_str_eq_z(key, "Map");
    return wd_json_scan_skip(&m->s);
}


static void
wd_lseg_msg_scalar(wd_lseg_msg_t *m, wd_str_t key, const wd_json_scan_val_t *v)
{
    size_t i;

    const struct {
        const char *key;
        wd_str_t   *text;
        int64_t    *number;
        bool       *flag;
    } members[] = {
        {"Type", &m->type, NULL, NULL},
        {"Domain", &m->e.domain, NULL, NULL},
        {"UpdateType", &m->e.update_type, NULL, NULL},
        {"NakCode", &m->e.code, NULL, NULL},
        {"Text", &m->text, NULL, NULL},
        {"ID", NULL, &m->e.id, NULL},
        {"PartNumber", NULL, &m->e.part, NULL},
        {"SeqNumber", NULL, &m->e.sequence, NULL},
        {"AckID", NULL, &m->e.ack_id, NULL},
        {"Complete", NULL, NULL, &m->e.complete},
        {"Solicited", NULL, NULL, &m->e.solicited},
        {"ClearCache", NULL, NULL, &m->e.clear_cache},
        {"DoNotCache", NULL, NULL, &m->e.do_not_cache},
    };

    for (i = 0; i < wd_array_len(members); i++) {
        if (!wd_str_eq_z(key, members[i].key)) {
            continue;
        }
        if (members[i].text != NULL) {
            wd_lseg_msg_text(m, v, members[i].text);
        } else if (members[i].number != NULL) {
            wd_lseg_msg_number(m, v, members[i].number);
        } else {
            wd_lseg_msg_flag(m, v, members[i].flag);
        }
    }
}


int
wd_lseg_msg_read(wd_lseg_msg_t *m)
{
    int                rc;
    bool               first = true;
    wd_str_t           key;
    wd_json_scan_val_t v;

    rc = wd_json_scan_open(&m->s, '{');
    while (rc == WD_OK
           && (rc = wd_lseg_msg_member(m, &first, &key, &v)) == WD_OK) {
        if (v.type == WD_JS_OBJECT) {
            rc = wd_lseg_msg_object(m, key);
        } else if (v.type == WD_JS_ARRAY) {
            rc = wd_json_scan_skip(&m->s);
        }
        if (rc == WD_OK) {
            wd_lseg_msg_scalar(m, key, &v);
        }
    }
    return rc == WD_ENOTFOUND ? WD_OK : rc;
}
