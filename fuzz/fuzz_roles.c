/*
 * fuzz_roles.c - tables of roles: whatever is taken has names and permissions
 * of the right form, each name once.
 */
#include "wd_method.h"
#include "wd_mp.h"
#include "wd_roles.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static void
must(bool ok)
{
    if (!ok) {
        abort();
    }
}


/* Every role that stands in the input is found, with what stands there. */
static void
check(wd_str_t params, const wd_roles_t *r)
{
    int      i, n;
    wd_mp_t  c = wd_mp(params.data, params.len);
    uint32_t rows = 0, two, m;
    wd_str_t name, perm, perms[WD_ROLE_PERMS_MAX];

    must(wd_mp_read_array(&c, &two) == WD_OK
         && wd_mp_read_array(&c, &rows) == WD_OK && rows == wd_roles_len(r)
         && rows <= WD_ROLES_MAX);
    while (rows-- != 0) {
        must(wd_mp_read_array(&c, &two) == WD_OK && two == 2
             && wd_mp_read_str(&c, &name) == WD_OK && wd_role_name_valid(name)
             && wd_mp_read_array(&c, &m) == WD_OK);
        n = wd_roles_find(r, name, perms);
        must(n >= 0 && n <= WD_ROLE_PERMS_MAX && (uint32_t) n == m);
        for (i = 0; i < n; i++) {
            must(wd_mp_read_str(&c, &perm) == WD_OK && wd_perm_valid(perm)
                 && wd_str_eq(perm, perms[i]));
        }
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    wd_str_t    params = wd_str((const char *) data, size);
    wd_str_t    perms[WD_ROLE_PERMS_MAX];
    wd_roles_t *r;

    if (wd_roles_parse(params, &r) == WD_OK) {
        check(params, r);
        (void) wd_roles_find(r, params, perms);
        wd_roles_destroy(r);
    }
    return 0;
}
