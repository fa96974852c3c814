/*
 * wizdatactl_status.c - the state of all services.
 */
#include "wizdatactl.h"

#include <stdio.h>


/* What a service says of itself, or why it cannot. A new reference. */
static json_t *
ctl_status_of(ctl_t *ctl, wd_service_e service)
{
    json_t     *health;
    ctl_args_t  args;
    ctl_error_t err;

    ctl_args_init(&args, WD_METHOD_SYS_HEALTH);
    args.service = service;

    if (ctl_ask_json(ctl, &args, &health, &err) == WD_OK) {
        return health;
    }
    return json_pack("{s:s, s:s, s:o}", "service", wd_service_name(service),
                     "status", "unreachable", "error", ctl_error_json(&err));
}


static bool
ctl_is_healthy(const json_t *health)
{
    const char *status = json_string_value(json_object_get(health, "status"));

    return status != NULL && strcmp(status, "healthy") == 0;
}


/* Below the table: why a service is not healthy. */
static void
ctl_status_explain(const json_t *services)
{
    size_t        i;
    const char   *text;
    const json_t *one;

    json_array_foreach(services, i, one)
    {
        text = json_string_value(
            json_object_get(json_object_get(one, "error"), "message"));
        if (text != NULL) {
            fprintf(stderr, "wizdatactl: %s\n", text);
        }
    }
}


int
ctl_status(ctl_t *ctl)
{
    int                       service;
    bool                      healthy = true;
    json_t                   *one, *services = json_array();
    static const ctl_column_t columns[] = {
        {"SERVICE", "service"},           {"STATUS", "status"},
        {"VERSION", "version"},           {"UPTIME S", "uptime_seconds"},
        {"DEPENDENCIES", "dependencies"},
    };

    for (service = WD_SVC_ANY + 1; service < WD_SVC_COUNT; service++) {
        one = ctl_status_of(ctl, service);
        healthy = healthy && ctl_is_healthy(one);
        json_array_append_new(services, one);
    }

    if (ctl->json) {
        ctl_print_json(
            json_pack("{s:b, s:o}", "healthy", healthy, "services", services));
    } else {
        ctl_print_table(services, columns, wd_array_len(columns));
        fflush(stdout);
        ctl_status_explain(services);
        json_decref(services);
    }
    return healthy ? CTL_OK : CTL_FAILED;
}
