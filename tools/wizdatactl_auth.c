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


/* Asks for members; `once` is what is shown only now. */
static int
ctl_call_secret(ctl_t *ctl, const ctl_args_t *args, const char *once)
{
    int rc = ctl_call_members(ctl, args);

    if (rc == CTL_OK && !ctl->json) {
        fflush(stdout);
        fprintf(stderr, "Keep the %s now: it cannot be shown again.\n", once);
    }
    return rc;
}


/* ---- users -------------------------------------------------------------- */

static int
ctl_user_invite(ctl_t *ctl)
{
    ctl_args_t args;

    ctl_args_init(&args, WD_METHOD_USERS_INVITE);
    ctl_args_add(&args, "email", ctl->words[0]);
    ctl_args_options(ctl, &args);
    return ctl_call_secret(ctl, &args, "token");
}


int
ctl_user_create(ctl_t *ctl)
{
    int        rc;
    char       password[CTL_PASSWORD_MAX + 2];
    ctl_args_t args;

    if (ctl_option(ctl, "invite") != NULL) {
        return ctl_option(ctl, "password-stdin") == NULL
                   ? ctl_user_invite(ctl)
                   : ctl_misuse(ctl, "who is invited chooses the password: "
                                     "give one of --invite and "
                                     "--password-stdin");
    }

    ctl_args_init(&args, WD_METHOD_USERS_CREATE);
    ctl_args_add(&args, "email", ctl->words[0]);
    ctl_args_options(ctl, &args);

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
        {"ORG", "org"},
        {"EMAIL", "email"},
        {"NAME", "name"},
        {"ROLES", "roles"},
        {"PLAN", "plan"},
        {"PASSWORD", "has_password"},
        {"FACTOR", "second_factor"},
        {"DISABLED", "disabled"},
        {"CREATED", "created_at"},
        {"LOGIN", "last_login_at"},
    };

    ctl_args_init(&args, WD_METHOD_USERS_LIST);
    ctl_args_options(ctl, &args);
    ctl_args_add(&args, "q", ctl_option(ctl, "search"));
    return ctl_call_table(ctl, &args, "users", columns, wd_array_len(columns));
}


/* A method whose only word is the id of a path. */
static int
ctl_by_id(ctl_t *ctl, wd_method_e method, const char *name, const char *value,
          const char *once)
{
    ctl_args_t args;

    ctl_args_init(&args, method);
    ctl_args_add(&args, "id", ctl->words[0]);
    ctl_args_add(&args, name, value);
    return once != NULL ? ctl_call_secret(ctl, &args, once)
                        : ctl_call_members(ctl, &args);
}


int
ctl_user_show(ctl_t *ctl)
{
    return ctl_by_id(ctl, WD_METHOD_USERS_GET, "id", NULL, NULL);
}


int
ctl_user_set(ctl_t *ctl)
{
    ctl_args_t args;

    ctl_args_init(&args, WD_METHOD_USERS_UPDATE);
    ctl_args_add(&args, "id", ctl->words[0]);
    ctl_args_options(ctl, &args);
    return ctl_call_members(ctl, &args);
}


int
ctl_user_disable(ctl_t *ctl)
{
    return ctl_by_id(ctl, WD_METHOD_USERS_UPDATE, "disabled", "true", NULL);
}


int
ctl_user_enable(ctl_t *ctl)
{
    return ctl_by_id(ctl, WD_METHOD_USERS_UPDATE, "disabled", "false", NULL);
}


int
ctl_user_delete(ctl_t *ctl)
{
    return ctl_by_id(ctl, WD_METHOD_USERS_DELETE, "id", NULL, NULL);
}


int
ctl_user_reset(ctl_t *ctl)
{
    return ctl_by_id(ctl, WD_METHOD_USERS_RESET, "id", NULL, "token");
}


int
ctl_user_verify(ctl_t *ctl)
{
    return ctl_by_id(ctl, WD_METHOD_USERS_VERIFY, "id", NULL, "token");
}


int
ctl_user_logout(ctl_t *ctl)
{
    return ctl_by_id(ctl, WD_METHOD_USERS_LOGOUT, "id", NULL, NULL);
}


int
ctl_user_totp_end(ctl_t *ctl)
{
    return ctl_by_id(ctl, WD_METHOD_USERS_TOTP_END, "id", NULL, NULL);
}


/* ---- keys --------------------------------------------------------------- */

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
    char       ref[64];
    ctl_args_t args;

    ctl_args_init(&args, WD_METHOD_KEYS_CREATE);
    ctl_args_add(&args, "user", ctl_user_ref(ctl->words[0], ref, sizeof(ref)));
    ctl_args_options(ctl, &args);
    return ctl_call_secret(ctl, &args, "key");
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
        {"USED", "last_used_at"},
    };

    ctl_args_init(&args, WD_METHOD_KEYS_LIST);
    ctl_args_add(&args, "user",
                 ctl_user_ref(ctl_option(ctl, "user"), ref, sizeof(ref)));
    ctl_args_options(ctl, &args);
    return ctl_call_table(ctl, &args, "keys", columns, wd_array_len(columns));
}


int
ctl_key_show(ctl_t *ctl)
{
    return ctl_by_id(ctl, WD_METHOD_KEYS_GET, "id", NULL, NULL);
}


int
ctl_key_rotate(ctl_t *ctl)
{
    int         rc;
    char        text[16];
    const char *overlap;

    rc = ctl_option_seconds(ctl, "overlap", text, &overlap);
    return rc == CTL_OK ? ctl_by_id(ctl, WD_METHOD_KEYS_ROTATE, "overlap",
                                    overlap, "key")
                        : rc;
}


int
ctl_key_revoke(ctl_t *ctl)
{
    return ctl_by_id(ctl, WD_METHOD_KEYS_REVOKE, "id", NULL, NULL);
}
