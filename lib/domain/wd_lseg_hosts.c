/*
 * wd_lseg_hosts.c - LSEG's service discovery.
 */
#include "wd_lseg_hosts.h"

#include "wd_lseg_answer.h"

#include <ctype.h>


/* A name of DNS: labels of letters, digits and hyphens. */
static bool
wd_lseg_host_ok(wd_str_t name)
{
    size_t i;

    if (name.len == 0 || name.len > WD_LSEG_HOST_MAX
        || !isalnum((unsigned char) name.data[0])) {
        return false;
    }
    for (i = 0; i < name.len; i++) {
        if (!isalnum((unsigned char) name.data[i]) && name.data[i] != '-'
            && (name.data[i] != '.' || name.data[i - 1] == '.')) {
            return false;
        }
    }
    return true;
}


static bool
wd_lseg_list_has(const json_t *list, const char *text)
{
    size_t  i;
    json_t *v;

    json_array_foreach(list, i, v)
    {
        if (json_is_string(v) && strcmp(json_string_value(v), text) == 0) {
            return true;
        }
    }
    return false;
}


static bool
wd_lseg_host_read(const json_t *service, wd_lseg_host_t *h)
{
    json_int_t    port = json_integer_value(json_object_get(service, "port"));
    wd_str_t      name = wd_answer_member(service, "endpoint");
    const json_t *at = json_object_get(service, "location");
    const json_t *first = json_array_get(at, 0);

    if (!wd_str_eq_z(wd_answer_member(service, "transport"), "websocket")
        || !wd_lseg_list_has(json_object_get(service, "dataFormat"), "tr_json2")
        || !wd_lseg_host_ok(name) || port < 1 || port > UINT16_MAX) {
        return false;
    }
    memset(h, 0, sizeof(*h));
    wd_str_copy(h->name, sizeof(h->name), name);
    h->port = (uint16_t) port;
    h->locations = json_array_size(at);
    if (json_is_string(first)) {
        wd_str_copy(
            h->location, sizeof(h->location),
            wd_str(json_string_value(first), json_string_length(first)));
    }
    return true;
}


static bool
wd_lseg_host_near(const wd_lseg_host_t *h, const char *region)
{
    return strncmp(h->location, region, strlen(region)) == 0;
}


static bool
wd_lseg_host_before(const wd_lseg_host_t *a, const wd_lseg_host_t *b,
                    const char *region)
{
    bool near = wd_lseg_host_near(a, region);

    return near != wd_lseg_host_near(b, region) ? near
                                                : a->locations > b->locations;
}


/* Equal ones stay in the answer's order. */
static void
wd_lseg_hosts_insert(wd_lseg_hosts_t *list, const wd_lseg_host_t *h,
                     const char *region)
{
    size_t i = list->n;

    while (i > 0 && wd_lseg_host_before(h, &list->hosts[i - 1], region)) {
        list->hosts[i] = list->hosts[i - 1];
        i--;
    }
    list->hosts[i] = *h;
    list->n++;
}


int
wd_lseg_hosts(wd_str_t body, const char *region, wd_lseg_hosts_t *ret,
              wd_answer_t *ret_answer)
{
    int            rc;
    json_t        *root, *services, *service;
    size_t         i;
    wd_error_t     err;
    wd_lseg_host_t h;

    ret->n = 0;
    rc = wd_answer_json(wd_answer_body(body), &root, &err);
    if (rc != WD_OK) {
        return wd_answer_refused(rc, body, &err, ret_answer);
    }
    services = json_object_get(root, "services");
    json_array_foreach(services, i, service)
    {
        if (ret->n < WD_LSEG_HOSTS_MAX && wd_lseg_host_read(service, &h)) {
            wd_lseg_hosts_insert(ret, &h, region);
        }
    }

    if (ret->n != 0) {
        wd_answer_set(ret_answer, WD_ANSWER_OK, NULL);
    } else if (services != NULL) {
        wd_answer_set(ret_answer, WD_ANSWER_MALFORMED,
                      "No host speaks tr_json2 over WebSocket");
    } else {
        wd_lseg_classify_json(root, ret_answer);
        if (ret_answer->class == WD_ANSWER_OK
            || ret_answer->class == WD_ANSWER_EMPTY
            || ret_answer->class == WD_ANSWER_PARTIAL) {
            wd_answer_set(ret_answer, WD_ANSWER_MALFORMED,
                          "The answer is no list of services");
        }
    }
    json_decref(root);
    return WD_OK;
}
