/*
 * wizdatactl_access.c - roles, organisations, why somebody may do something,
 * and the audit trail.
 */
#include "wizdatactl.h"

#include <stdio.h>

#define CTL_VERIFY_PART "20000" /* events in one question */


int
ctl_role_list(ctl_t *ctl)
{
    ctl_args_t                args;
    static const ctl_column_t columns[] = {
        {"NAME", "name"},
        {"BUILT-IN", "built_in"},
        {"PERMISSIONS", "permissions"},
        {"USERS", "users"},
        {"DESCRIPTION", "description"},
    };

    ctl_args_init(&args, WD_METHOD_ROLES_LIST);
    ctl_args_options(ctl, &args);
    return ctl_call_table(ctl, &args, "roles", columns, wd_array_len(columns));
}


int
ctl_role_set(ctl_t *ctl)
{
    ctl_args_t args;

    ctl_args_init(&args, WD_METHOD_ROLES_SET);
    ctl_args_add(&args, "name", ctl->words[0]);
    ctl_args_add(&args, "permissions", ctl->words[1]);
    ctl_args_options(ctl, &args);
    return ctl_call_members(ctl, &args);
}


int
ctl_role_delete(ctl_t *ctl)
{
    ctl_args_t args;

    ctl_args_init(&args, WD_METHOD_ROLES_DELETE);
    ctl_args_add(&args, "name", ctl->words[0]);
    ctl_args_options(ctl, &args);
    return ctl_call_members(ctl, &args);
}


int
ctl_org_list(ctl_t *ctl)
{
    ctl_args_t                args;
    static const ctl_column_t columns[] = {
        {"ID", "id"},
        {"NAME", "name"},
        {"TITLE", "title"},
        {"AT MOST", "permissions"},
        {"USERS", "users"},
        {"DISABLED", "disabled"},
        {"CREATED", "created_at"},
    };

    ctl_args_init(&args, WD_METHOD_ORGS_LIST);
    ctl_args_options(ctl, &args);
    return ctl_call_table(ctl, &args, "orgs", columns, wd_array_len(columns));
}


int
ctl_org_set(ctl_t *ctl)
{
    bool       disable = ctl_option(ctl, "disable") != NULL;
    bool       enable = ctl_option(ctl, "enable") != NULL;
    ctl_args_t args;

    if (disable && enable) {
        return ctl_misuse(ctl, "give one of --disable and --enable");
    }

    ctl_args_init(&args, WD_METHOD_ORGS_SET);
    ctl_args_add(&args, "name", ctl->words[0]);
    ctl_args_add(&args, "disabled", disable ? "true" : enable ? "false" : NULL);
    ctl_args_options(ctl, &args);
    return ctl_call_members(ctl, &args);
}


/* The rules as a table, then what they come to. */
int
ctl_explain(ctl_t *ctl)
{
    bool                      allowed;
    json_t                   *answer;
    ctl_args_t                args;
    ctl_error_t               err;
    static const ctl_column_t columns[] = {
        {"RULE", "rule"},
        {"PASSED", "passed"},
        {"DETAIL", "detail"},
    };

    ctl_args_init(&args, WD_METHOD_PERMISSIONS_EXPLAIN);
    ctl_args_add(&args, "subject", ctl->words[0]);
    ctl_args_add(&args, "action", ctl->words[1]);
    ctl_args_options(ctl, &args);
    if (ctl->json) {
        return ctl_call_raw(ctl, &args);
    }

    if (ctl_ask_json(ctl, &args, &answer, &err) != WD_OK) {
        return ctl_fail_error(ctl, &err);
    }
    ctl_print_table(json_object_get(answer, "rules"), columns,
                    wd_array_len(columns));
    allowed = json_is_true(json_object_get(answer, "allowed"));
    printf("%s %s %s\n", ctl->words[0], allowed ? "may" : "may not",
           ctl->words[1]);
    json_decref(answer);
    return CTL_OK;
}


/* ---- audit -------------------------------------------------------------- */

int
ctl_audit_list(ctl_t *ctl)
{
    ctl_args_t                args;
    static const ctl_column_t columns[] = {
        {"SEQ", "seq"},         {"TIME", "at"},       {"ACTOR", "actor"},
        {"VIA", "via"},         {"ACTION", "action"}, {"SUBJECT", "subject"},
        {"OUTCOME", "outcome"}, {"REASON", "reason"}, {"ADDRESS", "address"},
    };

    ctl_args_init(&args, WD_METHOD_AUDIT_LIST);
    ctl_args_options(ctl, &args);
    return ctl_call_table(ctl, &args, "events", columns, wd_array_len(columns));
}


/* What the last part said, with the sum of all parts. Not good is all else. */
static int
ctl_audit_report(const ctl_t *ctl, json_t *part, json_int_t events)
{
    bool good = json_is_true(json_object_get(part, "ok"))
                && json_is_true(json_object_get(part, "complete"));
    const char *wrong = json_string_value(json_object_get(part, "wrong"));
    json_int_t  last = json_integer_value(json_object_get(part, "last"));

    json_object_set_new(part, "events", json_integer(events));
    if (ctl->json) {
        ctl_print_json(part);
        return good ? CTL_OK : CTL_FAILED;
    }

    if (good) {
        printf("%lld events, none removed, changed or moved; the last is %lld, "
               "%s\n",
               (long long) events, (long long) last,
               json_string_value(json_object_get(part, "hash")));
        json_decref(part);
        return CTL_OK;
    }
    ctl_fail(ctl, WD_EINTERNAL, "behind event %lld: %s", (long long) last,
             wrong != NULL ? wrong : "the check did not get to the end");
    json_decref(part);
    return CTL_FAILED;
}


/* In parts, so that a long trail is no long question. */
int
ctl_audit_verify(ctl_t *ctl)
{
    char        after[32] = "0";
    json_t     *part;
    json_int_t  events = 0, last = 0, before;
    ctl_args_t  args;
    ctl_error_t err;

    for (;;) {
        ctl_args_init(&args, WD_METHOD_AUDIT_VERIFY);
        ctl_args_add(&args, "after", after);
        ctl_args_add(&args, "limit", CTL_VERIFY_PART);
        if (ctl_ask_json(ctl, &args, &part, &err) != WD_OK) {
            return ctl_fail_error(ctl, &err);
        }

        events += json_integer_value(json_object_get(part, "events"));
        before = last;
        last = json_integer_value(json_object_get(part, "last"));
        if (!json_is_true(json_object_get(part, "ok"))
            || json_is_true(json_object_get(part, "complete"))
            || last <= before) {
            return ctl_audit_report(ctl, part, events);
        }
        snprintf(after, sizeof(after), "%lld", (long long) last);
        json_decref(part);
    }
}
