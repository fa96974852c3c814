/*
 * ingestion_collection_json.c - a definition as JSON, and back.
 */
#include "ingestion_collection.h"

#include <jansson.h>
#include <stdio.h>


static void
put_z(wd_json_t *j, const char *key, const char *value)
{
    if (value[0] != '\0') {
        wd_json_key(j, key);
        wd_json_z(j, value);
    }
}


/* The largest unit that says it exactly, as it was probably written. */
static void
put_duration(wd_json_t *j, const char *key, int64_t seconds)
{
    static const struct {
        char    unit;
        int64_t seconds;
    } units[] = {{'d', 86400}, {'h', 3600}, {'m', 60}, {'s', 1}};
    char   text[32];
    size_t i;

    for (i = 0; seconds % units[i].seconds != 0; i++) { /* void */
    }
    snprintf(text, sizeof(text), "%lld%c",
             (long long) (seconds / units[i].seconds), units[i].unit);
    put_z(j, key, text);
}


static void
put_instruments(wd_json_t *j, const ingestion_collection_t *c)
{
    wd_str_t list = wd_buf_view(&c->instruments), one;

    wd_json_key(j, "instruments");
    wd_json_arr(j);
    while (wd_str_split(&list, '\n', &one)) {
        if (one.len != 0) {
            wd_json_str(j, one);
        }
    }
    wd_json_end(j);
}


static void
put_times(wd_json_t *j, const ingestion_collection_t *c)
{
    int    i;
    char   text[64];
    size_t n = 0;

    if (c->every_s != 0) {
        put_duration(j, "every", c->every_s);
    }
    if (c->at_s != 0) {
        snprintf(text, sizeof(text), "%02d:%02d", c->at_s / 3600 % 24,
                 c->at_s / 60 % 60);
        put_z(j, "at", text);
    }
    put_z(j, "tz", c->zone);
    if (c->weekdays != INGESTION_WEEK) {
        for (i = 0; i < 7; i++) {
            if (c->weekdays >> i & 1) {
                n += (size_t) snprintf(text + n, sizeof(text) - n, "%s%s",
                                       n != 0 ? "," : "", ingestion_days[i]);
            }
        }
        put_z(j, "weekdays", text);
    }
}


void
ingestion_collection_json(const ingestion_collection_t *c, wd_json_t *j)
{
    int i;

    wd_json_obj(j);
    put_z(j, "provider", c->provider);
    put_z(j, "dataset", c->dataset);
    put_instruments(j, c);
    for (i = 0; i < ARG_COUNT; i++) {
        put_z(j, ingestion_arg_name((ingestion_arg_e) i),
              ingestion_arg(&c->args, (ingestion_arg_e) i));
    }
    put_times(j, c);
    if (c->from != INGESTION_NO_DAY) {
        wd_json_key(j, "from");
        wd_json_date(j, c->from * WD_NS_PER_DAY);
    }
    if (c->overlap_ns >= 0) {
        put_duration(j, "overlap", c->overlap_ns / WD_NS_PER_S);
    }
    wd_json_key(j, "priority");
    wd_json_int(j, c->priority);
    wd_json_key(j, "paused");
    wd_json_bool(j, c->paused);
    wd_json_end(j);
}


static int
take_list(ingestion_collection_t *c, const char *key, const json_t *list,
          wd_error_t *err)
{
    int           rc = WD_OK;
    size_t        i;
    const json_t *v;

    json_array_foreach(list, i, v)
    {
        rc = json_is_string(v)
                 ? ingestion_collection_set(
                     c, wd_str_z(key),
                     wd_str(json_string_value(v), json_string_length(v)), err)
                 : wd_error(err, WD_EPROTO, "%s: must be texts", key);
        if (rc != WD_OK) {
            break;
        }
    }
    return rc;
}


static int
take_value(ingestion_collection_t *c, const char *key, const json_t *v,
           wd_error_t *err)
{
    char     number[32];
    wd_str_t text;

    switch (json_typeof(v)) {
    case JSON_ARRAY:
        return take_list(c, key, v, err);
    case JSON_STRING:
        text = wd_str(json_string_value(v), json_string_length(v));
        break;
    case JSON_INTEGER:
        snprintf(number, sizeof(number), "%lld",
                 (long long) json_integer_value(v));
        text = wd_str_z(number);
        break;
    case JSON_TRUE:
        text = WD_STR("true");
        break;
    case JSON_FALSE:
        text = WD_STR("false");
        break;
    default:
        return wd_error(err, WD_EPROTO, "%.32s: no value of a definition", key);
    }
    return ingestion_collection_set(c, wd_str_z(key), text, err);
}


int
ingestion_collection_parse(wd_str_t json, ingestion_collection_t *c,
                           wd_error_t *err)
{
    int     rc = WD_OK;
    void   *it;
    json_t *root;

    root = json.len <= INGESTION_COLLECTION_JSON_MAX
               ? json_loadb(json.data, json.len, JSON_REJECT_DUPLICATES, NULL)
               : NULL;
    if (!json_is_object(root)) {
        json_decref(root);
        return wd_error(err, WD_EPROTO, "the definition is no object");
    }
    for (it = json_object_iter(root); it != NULL && rc == WD_OK;
         it = json_object_iter_next(root, it)) {
        rc = take_value(c, json_object_iter_key(it), json_object_iter_value(it),
                        err);
    }
    json_decref(root);
    return rc;
}
