/*
 * wizdatactl_tokens.c - plan, token and jwks commands.
 */
#include "wizdatactl.h"

#include "wd_conf.h"

#include <stdio.h>


int
ctl_option_seconds(const ctl_t *ctl, const char *name, char out[16],
                   const char **ret)
{
    uint32_t      ms;
    wd_error_t    err;
    const char   *text = ctl_option(ctl, name);
    wd_conf_row_t row = {
        .section = "option",
        .name = name,
        .parse = wd_conf_ms,
        .min = 0,
        .max = UINT32_MAX,
    };

    *ret = NULL;
    if (text == NULL) {
        return CTL_OK;
    }
    if (wd_conf_ms(&row, wd_str_z(text), &ms, &err) != WD_OK
        || ms % 1000 != 0) {
        return ctl_misuse(ctl,
                          "--%s must be seconds, minutes or hours, as 90s,"
                          " 5m or 24h (49 days at most)",
                          name);
    }

    snprintf(out, 16, "%u", ms / 1000);
    *ret = out;
    return CTL_OK;
}


int
ctl_plan_list(ctl_t *ctl)
{
    ctl_args_t                args;
    static const ctl_column_t columns[] = {
        {"NAME", "name"},
        {"LIMITS", "limits"},
        {"DESCRIPTION", "description"},
        {"CHANGED", "updated_at"},
    };

    ctl_args_init(&args, WD_METHOD_PLANS_LIST);
    return ctl_call_table(ctl, &args, "plans", columns, wd_array_len(columns));
}


int
ctl_plan_delete(ctl_t *ctl)
{
    ctl_args_t args;

    ctl_args_init(&args, WD_METHOD_PLANS_DELETE);
    ctl_args_add(&args, "name", ctl->words[0]);
    return ctl_call_members(ctl, &args);
}


/* The words behind the name are the limits, with or without quotes. */
int
ctl_plan_set(ctl_t *ctl)
{
    int        i, rc;
    wd_buf_t   limits = WD_BUF_INIT;
    ctl_args_t args;

    for (i = 1; i < ctl->n_words; i++) {
        wd_buf_z(&limits, i == 1 ? "" : " ");
        wd_buf_z(&limits, ctl->words[i]);
    }

    ctl_args_init(&args, WD_METHOD_PLANS_SET);
    ctl_args_add(&args, "name", ctl->words[0]);
    ctl_args_add(&args, "limits", wd_buf_cstr(&limits));
    ctl_args_add(&args, "description", ctl_option(ctl, "description"));
    rc = ctl_call_members(ctl, &args);
    wd_buf_done(&limits);
    return rc;
}


int
ctl_token_issue(ctl_t *ctl)
{
    int         rc;
    char        seconds[16];
    const char *ttl;
    ctl_args_t  args;

    if (ctl_option(ctl, "sub") == NULL) {
        return ctl_misuse(ctl, "--sub is needed: whom the token is for");
    }
    rc = ctl_option_seconds(ctl, "ttl", seconds, &ttl);
    if (rc != CTL_OK) {
        return rc;
    }

    ctl_args_init(&args, WD_METHOD_TOKENS_ISSUE);
    ctl_args_add(&args, "sub", ctl_option(ctl, "sub"));
    ctl_args_add(&args, "permissions", ctl_option(ctl, "permissions"));
    ctl_args_add(&args, "plan", ctl_option(ctl, "plan"));
    ctl_args_add(&args, "ttl", ttl);
    return ctl_call_members(ctl, &args);
}


int
ctl_token_revoke(ctl_t *ctl)
{
    ctl_args_t args;

    ctl_args_init(&args, WD_METHOD_TOKENS_REVOKE);
    ctl_args_add(&args, "jti", ctl_option(ctl, "jti"));
    ctl_args_add(&args, "exp", ctl_option(ctl, "exp"));
    ctl_args_add(&args, "sub", ctl_option(ctl, "sub"));
    ctl_args_add(&args, "all", ctl_option(ctl, "all") != NULL ? "true" : NULL);
    ctl_args_add(&args, "issued_before", ctl_option(ctl, "issued-before"));
    return ctl_call_members(ctl, &args);
}


int
ctl_jwks_rotate(ctl_t *ctl)
{
    int         rc;
    char        seconds[16];
    const char *keep;
    ctl_args_t  args;

    rc = ctl_option_seconds(ctl, "keep", seconds, &keep);
    if (rc != CTL_OK) {
        return rc;
    }

    ctl_args_init(&args, WD_METHOD_JWKS_ROTATE);
    ctl_args_add(&args, "keep", keep);
    return ctl_call_members(ctl, &args);
}
