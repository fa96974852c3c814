/*
 * wizdatactl_auth.c - user and key commands.
 */
#include "wizdatactl.h"

#include <stdio.h>

#define CTL_PASSWORD_MAX 256


/*
 * A line of standard input without its end. false: there is none, or it is
 * longer than a password may be.
 */
static bool
ctl_read_password(char out[CTL_PASSWORD_MAX + 2])
{
    size_t n;

    if (fgets(out, CTL_PASSWORD_MAX + 2, stdin) == NULL) {
        return false;
    }

    n = strcspn(out, "\r\n");
    if (n > CTL_PASSWORD_MAX) {
        return false;
    }
    out[n] = '\0';
    return n != 0;
}


int
ctl_user_create(ctl_t *ctl)
{
    int        rc;
    char       password[CTL_PASSWORD_MAX + 2];
    ctl_args_t args;

    ctl_args_init(&args, WD_METHOD_USERS_CREATE);
    ctl_args_add(&args, "email", ctl->words[0]);
    ctl_args_add(&args, "name", ctl_option(ctl, "name"));

    if (ctl_option(ctl, "password-stdin") != NULL) {
        if (!ctl_read_password(password)) {
            explicit_bzero(password, sizeof(password));
            return ctl_misuse(ctl,
                              "standard input must hold the password: "
                              "one line of at most %d bytes",
                              CTL_PASSWORD_MAX);
        }
        ctl_args_add(&args, "password", password);
    }

    rc = ctl_call_members(ctl, &args);
    explicit_bzero(password, sizeof(password));
    return rc;
}


int
ctl_user_list(ctl_t *ctl)
{
    ctl_args_t                args;
    static const ctl_column_t columns[] = {
        {"ID", "id"},
        {"EMAIL", "email"},
        {"NAME", "name"},
        {"PASSWORD", "has_password"},
        {"DISABLED", "disabled"},
        {"CREATED", "created_at"},
    };

    ctl_args_init(&args, WD_METHOD_USERS_LIST);
    ctl_args_add(&args, "limit", ctl_option(ctl, "limit"));
    ctl_args_add(&args, "cursor", ctl_option(ctl, "cursor"));
    return ctl_call_table(ctl, &args, "users", columns, wd_array_len(columns));
}


/* A bare id is shorter than an address may be: 7 becomes user:7. */
static const char *
ctl_user_ref(const char *user, char *tmp, size_t cap)
{
    if (user == NULL || *user == '\0'
        || user[strspn(user, "0123456789")] != '\0') {
        return user;
    }
    snprintf(tmp, cap, "user:%s", user);
    return tmp;
}


int
ctl_key_create(ctl_t *ctl)
{
    int        rc;
    char       ref[64];
    ctl_args_t args;

    ctl_args_init(&args, WD_METHOD_KEYS_CREATE);
    ctl_args_add(&args, "user", ctl_user_ref(ctl->words[0], ref, sizeof(ref)));
    ctl_args_add(&args, "name", ctl_option(ctl, "name"));
    ctl_args_add(&args, "permissions", ctl_option(ctl, "permissions"));
    ctl_args_add(&args, "plan", ctl_option(ctl, "plan"));
    ctl_args_add(&args, "mode", ctl_option(ctl, "mode"));
    ctl_args_add(&args, "expires", ctl_option(ctl, "expires"));
    ctl_args_add(&args, "networks", ctl_option(ctl, "networks"));
    ctl_args_add(&args, "methods", ctl_option(ctl, "methods"));

    rc = ctl_call_members(ctl, &args);
    if (rc == CTL_OK && !ctl->json) {
        fflush(stdout);
        fprintf(stderr, "Keep the key now: it cannot be shown again.\n");
    }
    return rc;
}


int
ctl_key_list(ctl_t *ctl)
{
    char                      ref[64];
    ctl_args_t                args;
    static const ctl_column_t columns[] = {
        {"ID", "id"},
        {"PREFIX", "prefix"},
        {"LAST4", "last4"},
        {"USER", "user"},
        {"NAME", "name"},
        {"PERMISSIONS", "permissions"},
        {"PLAN", "plan"},
        {"NETWORKS", "networks"},
        {"CREATED", "created_at"},
        {"EXPIRES", "expires_at"},
        {"REVOKED", "revoked_at"},
    };

    ctl_args_init(&args, WD_METHOD_KEYS_LIST);
    ctl_args_add(&args, "user",
                 ctl_user_ref(ctl_option(ctl, "user"), ref, sizeof(ref)));
    ctl_args_add(&args, "limit", ctl_option(ctl, "limit"));
    ctl_args_add(&args, "cursor", ctl_option(ctl, "cursor"));
    return ctl_call_table(ctl, &args, "keys", columns, wd_array_len(columns));
}


int
ctl_key_revoke(ctl_t *ctl)
{
    ctl_args_t args;

    ctl_args_init(&args, WD_METHOD_KEYS_REVOKE);
    ctl_args_add(&args, "id", ctl->words[0]);
    return ctl_call_members(ctl, &args);
}
