/*
 * analytics_tags.c - tags of answers and of events.
 */
#include "analytics_tags.h"

#include "wd_json_scan.h"
#include "wd_mp.h"

#include <stdio.h>

/* What one kind of event outdates. */
typedef struct {
    const char *kind;
    const char *each[3]; /* of each name */
    const char *all[3]; /* besides */
} analytics_outdates_t;

static const analytics_outdates_t analytics_outdates[] = {
    {"bars", {"bars", "quotes", "instrument"}, {"bars", "quotes"}},
    {"actions", {"bars"}, {"bars"}},
    {"quotes", {"quotes"}, {"quotes"}},
    {"trades", {"trades"}, {"trades"}},
    {"news", {"news"}, {"news"}},
    {"identifiers", {"instrument"}, {"instruments"}},
    {"instruments",
     {"instrument", "bars", "news"},
     {"instruments", "bars", "news"}},
    {"fundamentals", {"instrument"}, {NULL}},
    {"observations", {"macro"}, {"macro"}},
    {"lists", {NULL}, {"lists"}},
};

typedef struct {
    const analytics_outdates_t *kind;
    bool                        named; /* names came */
    wd_str_t                    names; /* the JSON array */
} analytics_news_t;


/* false: it would be too long to be a tag. Symbols are in upper case. */
static bool
analytics_tag(char out[ANALYTICS_TAG_MAX + 1], const char *kind, wd_str_t name)
{
    size_t i, n = strlen(kind) + 1;

    if (n + name.len > ANALYTICS_TAG_MAX) {
        return false;
    }

    snprintf(out, ANALYTICS_TAG_MAX + 1, "%s:%.*s", kind, WD_STR_ARG(name));
    for (i = n; strcmp(kind, "macro") != 0 && out[i] != '\0'; i++) {
        if (out[i] >= 'a' && out[i] <= 'z') {
            out[i] = (char) (out[i] - 'a' + 'A');
        }
    }
    return true;
}


static bool
analytics_tags_fit(const char *kind, const wd_str_t *names, size_t n)
{
    char   tag[ANALYTICS_TAG_MAX + 1];
    size_t i;

    for (i = 0; i < n; i++) {
        if (!analytics_tag(tag, kind, names[i])) {
            return false;
        }
    }
    return n != 0 && n <= ANALYTICS_TAGS_MAX;
}


void
analytics_tags_put(wd_buf_t *out, const char *kind, const wd_str_t *names,
                   size_t n)
{
    char   tag[ANALYTICS_TAG_MAX + 1];
    size_t i;

    if (!analytics_tags_fit(kind, names, n)) {
        wd_mp_put_array(out, 1);
        wd_mp_put_z(out, kind);
        return;
    }

    wd_mp_put_array(out, (uint32_t) n);
    for (i = 0; i < n; i++) {
        if (analytics_tag(tag, kind, names[i])) {
            wd_mp_put_z(out, tag);
        }
    }
}


static const analytics_outdates_t *
analytics_outdates_by(wd_str_t kind)
{
    size_t i;

    for (i = 0; i < wd_array_len(analytics_outdates); i++) {
        if (wd_str_eq_z(kind, analytics_outdates[i].kind)) {
            return &analytics_outdates[i];
        }
    }
    return NULL;
}


/* The member `key` of an event, where the cursor stands. */
static int
analytics_event_member(wd_json_scan_t *s, wd_pool_t *pool, wd_str_t key,
                       analytics_news_t *n)
{
    int                rc;
    const char        *from = s->p;
    wd_json_scan_val_t v;

    if (wd_str_eq_z(key, "kind")) {
        rc = wd_json_scan_value(s, pool, &v);
        if (rc == WD_OK && v.type == WD_JS_STRING) {
            n->kind = analytics_outdates_by(v.text);
        }
        return rc;
    }

    rc = wd_json_scan_skip(s);
    if (rc == WD_OK
        && (wd_str_eq_z(key, "symbols") || wd_str_eq_z(key, "series")
            || wd_str_eq_z(key, "lists"))) {
        n->named = true;
        n->names = wd_str(from, (size_t) (s->p - from));
    }
    return rc;
}


static int
analytics_event_read(wd_str_t json, wd_pool_t *pool, analytics_news_t *ret)
{
    int            rc;
    bool           first = true;
    wd_str_t       key;
    wd_json_scan_t s = wd_json_scan(json);

    rc = wd_json_scan_open(&s, '{');
    while (rc == WD_OK) {
        rc = wd_json_scan_member(&s, pool, &first, &key);
        if (rc == WD_OK) {
            rc = analytics_event_member(&s, pool, key, ret);
        }
    }
    if (rc != WD_ENOTFOUND) {
        return rc == WD_ENOMEM ? WD_ENOMEM : WD_EPROTO;
    }
    return ret->kind != NULL && ret->named ? WD_OK : WD_EPROTO;
}


static void
analytics_outdate(const analytics_outdates_t *kind, wd_str_t name,
                  wd_buf_t *out, uint32_t *ret_n)
{
    char   tag[ANALYTICS_TAG_MAX + 1];
    size_t i;

    /* Nobody asks for names whose tags do not fit but by the kind's tag. */
    for (i = 0; i < wd_array_len(kind->each) && kind->each[i] != NULL; i++) {
        if (analytics_tag(tag, kind->each[i], name)) {
            wd_mp_put_z(out, tag);
            ++*ret_n;
        }
    }
}


/* "CODE/COUNTRY" is of the indicator CODE. */
static wd_str_t
analytics_series_code(wd_str_t name)
{
    size_t n = name.len;

    while (n != 0 && name.data[n - 1] != '/') {
        n--;
    }
    return n != 0 ? wd_str(name.data, n - 1) : name;
}


static int
analytics_outdate_names(const analytics_news_t *news, wd_pool_t *pool,
                        wd_buf_t *out, uint32_t *ret_n)
{
    int                rc;
    bool               first = true;
    bool               series = strcmp(news->kind->kind, "observations") == 0;
    wd_str_t           name, last = WD_STR_NULL;
    wd_json_scan_t     s = wd_json_scan(news->names);
    wd_json_scan_val_t v;

    rc = wd_json_scan_open(&s, '[');
    while (rc == WD_OK) {
        rc = wd_json_scan_item(&s, &first);
        if (rc == WD_OK) {
            rc = wd_json_scan_value(&s, pool, &v);
        }
        if (rc != WD_OK) {
            break;
        }
        if (v.type != WD_JS_STRING) {
            return WD_EPROTO;
        }
        name = series ? analytics_series_code(v.text) : v.text;
        if (!series || !wd_str_eq(name, last)) {
            analytics_outdate(news->kind, name, out, ret_n);
        }
        last = name;
    }
    return rc == WD_ENOTFOUND ? WD_OK : rc == WD_ENOMEM ? rc : WD_EPROTO;
}


int
analytics_tags_of_event(wd_str_t json, wd_str_t more, wd_pool_t *pool,
                        wd_buf_t *out, uint32_t *ret_n)
{
    int              rc;
    size_t           i;
    wd_str_t         name;
    analytics_news_t news = {NULL, false, WD_STR_NULL};

    rc = analytics_event_read(json, pool, &news);
    if (rc == WD_OK) {
        rc = analytics_outdate_names(&news, pool, out, ret_n);
    }
    if (rc != WD_OK) {
        return rc;
    }

    while (wd_str_split(&more, ' ', &name)) {
        if (name.len != 0) {
            analytics_outdate(news.kind, name, out, ret_n);
        }
    }
    for (i = 0; i < wd_array_len(news.kind->all) && news.kind->all[i] != NULL;
         i++) {
        wd_mp_put_z(out, news.kind->all[i]);
        ++*ret_n;
    }
    return out->err;
}
