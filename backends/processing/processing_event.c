/*
 * processing_event.c - reading raw.object, writing valid.records and
 * rejected.records.
 */
#include "processing_event.h"

#include "wd_json.h"


/* Copies a text member that must fit; false when it is not there. */
static bool
take_text(const json_t *root, const char *key, char *out, size_t cap)
{
    const json_t *v = json_object_get(root, key);

    if (!json_is_string(v) || json_string_length(v) == 0
        || json_string_length(v) >= cap) {
        return false;
    }
    memcpy(out, json_string_value(v), json_string_length(v) + 1);
    return true;
}


static int
take_time(const json_t *root, wd_ns_t *ret)
{
    const json_t *v = json_object_get(root, "fetched_at");

    if (!json_is_string(v)
        || wd_time_parse(wd_str(json_string_value(v), json_string_length(v)),
                         ret, NULL)
               != WD_OK) {
        return WD_EPROTO;
    }
    *ret -= *ret % WD_NS_PER_US;
    return WD_OK;
}


int
processing_event_parse(wd_str_t json, processing_event_t *ret, wd_error_t *err)
{
    int           rc = WD_OK;
    json_t       *root;
    json_error_t  why;
    const char   *bad = NULL;
    const json_t *v;

    memset(ret, 0, sizeof(*ret));
    root = json_loadb(json.data, json.len, 0, &why);
    if (root == NULL) {
        return wd_error(err,
                        json_error_code(&why) == json_error_out_of_memory
                            ? WD_ENOMEM
                            : WD_EPROTO,
                        "the event is no JSON: %.100s", why.text);
    }

    v = json_object_get(root, "seq");
    ret->seq = json_is_integer(v) ? json_integer_value(v) : 0;
    v = json_object_get(root, "size");
    ret->size = json_is_integer(v) ? json_integer_value(v) : 0;

    if (!take_text(root, "content_type", ret->content_type,
                   sizeof(ret->content_type))) {
        ret->content_type[0] = '\0';
    }

    if (ret->seq < 1) {
        bad = "seq";
    } else if (!take_text(root, "key", ret->key, sizeof(ret->key))) {
        bad = "key";
    } else if (!take_text(root, "sha256", ret->sha256, sizeof(ret->sha256))) {
        bad = "sha256";
    } else if (!take_text(root, "provider", ret->provider,
                          sizeof(ret->provider))) {
        bad = "provider";
    } else if (!take_text(root, "dataset", ret->dataset,
                          sizeof(ret->dataset))) {
        bad = "dataset";
    } else if (take_time(root, &ret->fetched_at) != WD_OK) {
        bad = "fetched_at";
    }

    if (bad != NULL) {
        rc = wd_error(err, WD_EPROTO, "the event has no valid %s", bad);
    } else {
        ret->args = json_object_get(root, "args");
        ret->args = json_is_object(ret->args) ? json_incref(ret->args)
                                              : json_object();
        rc = ret->args != NULL ? WD_OK : WD_ENOMEM;
    }
    json_decref(root);
    return rc;
}


void
processing_event_done(processing_event_t *ev)
{
    json_decref(ev->args);
    ev->args = NULL;
}


wd_str_t
processing_event_arg(const processing_event_t *ev, const char *name)
{
    const json_t *v = json_object_get(ev->args, name);

    return json_is_string(v)
               ? wd_str(json_string_value(v), json_string_length(v))
               : WD_STR("");
}


static void
put_origin(wd_json_t *j, const processing_event_t *ev)
{
    wd_json_key(j, "provider");
    wd_json_z(j, ev->provider);
    wd_json_key(j, "dataset");
    wd_json_z(j, ev->dataset);
    wd_json_key(j, "raw_seq");
    wd_json_int(j, ev->seq);
}


void
processing_event_valid(wd_buf_t *out, const processing_event_t *ev,
                       const processing_notice_t *notice, size_t first,
                       size_t n)
{
    size_t    i;
    wd_json_t j;

    wd_json_init(&j, out);
    wd_json_obj(&j);
    wd_json_key(&j, "kind");
    wd_json_z(&j, notice->kind);
    put_origin(&j, ev);

    wd_json_key(&j, notice->names_key);
    wd_json_arr(&j);
    for (i = first; i < first + n; i++) {
        wd_json_str(&j, notice->names[i]);
    }
    wd_json_end(&j);

    if (notice->timeframe != NULL) {
        wd_json_key(&j, "timeframe");
        wd_json_z(&j, notice->timeframe);
    }
    if (notice->to != WD_NS_MIN) {
        wd_json_key(&j, "from");
        wd_json_time(&j, notice->from);
        wd_json_key(&j, "to");
        wd_json_time(&j, notice->to);
    }
    wd_json_key(&j, "stored");
    wd_json_int(&j, notice->stored);
    wd_json_key(&j, "corrected");
    wd_json_int(&j, notice->corrected);
    if (notice->earlier != 0) {
        wd_json_key(&j, "earlier");
        wd_json_int(&j, notice->earlier);
    }
    wd_json_end(&j);
}


void
processing_event_rejected(wd_buf_t *out, const processing_event_t *ev,
                          const wd_records_t *r)
{
    size_t    i;
    int64_t   counts[WD_REASON_COUNT] = {0};
    wd_json_t j;

    for (i = 0; i < r->n_rejects; i++) {
        counts[r->rejects[i].reason]++;
    }

    wd_json_init(&j, out);
    wd_json_obj(&j);
    put_origin(&j, ev);
    wd_json_key(&j, "count");
    wd_json_int(&j, (int64_t) r->n_rejected);
    wd_json_key(&j, "reasons");
    wd_json_obj(&j);
    for (i = 0; i < WD_REASON_COUNT; i++) {
        if (counts[i] != 0) {
            wd_json_key(&j, wd_reason_name((wd_reason_e) i));
            wd_json_int(&j, counts[i]);
        }
    }
    wd_json_end(&j);
    wd_json_end(&j);
}
