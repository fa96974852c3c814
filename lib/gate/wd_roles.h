/*
 * wd_roles.h - roles and the permissions they give, as auth tells gateways of
 * them: the whole table at once.
 *
 * The table is the params of a notification (PROTOCOL.md, section 8), which
 * is checked whole before any of it counts: one that nobody could have meant
 * would let in whom it should not.
 */
#ifndef WD_ROLES_H
#define WD_ROLES_H

#include "wd_err.h"
#include "wd_str.h"

#define WD_ROLES_MAX 1000
#define WD_ROLE_NAME_MAX 64
#define WD_ROLE_PERMS_MAX 32

typedef struct wd_roles wd_roles_t;

/* Letters, digits, dots, dashes and underscores. */
bool wd_role_name_valid(wd_str_t name);

/*
 * `params` is one complete MessagePack value. On WD_OK the caller owns *ret.
 * WD_EPROTO: not such a table, or one in which a name stands twice;
 * WD_ENOMEM.
 */
wd_must_check int wd_roles_parse(wd_str_t params, wd_roles_t **ret);
void              wd_roles_destroy(wd_roles_t *r);

size_t wd_roles_len(const wd_roles_t *r);

/*
 * Number of the role's permissions, which are written to `perms`; views last
 * as long as the table. -1: there is no such role.
 */
int wd_roles_find(const wd_roles_t *r, wd_str_t name,
                  wd_str_t perms[WD_ROLE_PERMS_MAX]);

#endif /* WD_ROLES_H */
