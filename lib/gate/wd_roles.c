/*
 * wd_roles.c - a table of roles, sorted by name.
 */
#include "wd_roles.h"

#include "wd_method.h"
#include "wd_mp.h"

#include <stdlib.h>

typedef struct {
    wd_str_t name;
    wd_mp_t  perms; /* at the array's head */
} wd_role_t;

/* The bytes of the params lie behind the rows. */
struct wd_roles {
    size_t    n;
    wd_role_t rows[];
};


bool
wd_role_name_valid(wd_str_t name)
{
    return wd_name_valid(name, WD_ROLE_NAME_MAX);
}


static int
wd_roles_perms(wd_mp_t *c)
{
    uint32_t n;
    wd_str_t perm;

    if (wd_mp_read_array(c, &n) != WD_OK || n > WD_ROLE_PERMS_MAX) {
        return WD_EPROTO;
    }
    while (n-- != 0) {
        if (wd_mp_read_str(c, &perm) != WD_OK || !wd_perm_valid(perm)) {
            return WD_EPROTO;
        }
    }
    return WD_OK;
}


static int
wd_roles_row(wd_mp_t *c, wd_role_t *ret)
{
    uint32_t two;

    if (wd_mp_read_array(c, &two) != WD_OK || two != 2
        || wd_mp_read_str(c, &ret->name) != WD_OK
        || !wd_role_name_valid(ret->name)) {
        return WD_EPROTO;
    }
    ret->perms = *c;
    return wd_roles_perms(c);
}


static int
wd_role_cmp(const void *a, const void *b)
{
    const wd_role_t *x = a, *y = b;

    if (x->name.len != y->name.len) {
        return x->name.len < y->name.len ? -1 : 1;
    }
    return memcmp(x->name.data, y->name.data, x->name.len);
}


static int
wd_roles_fill(wd_roles_t *r, wd_mp_t *c, size_t n)
{
    int    rc;
    size_t i;

    for (i = 0; i < n; i++) {
        rc = wd_roles_row(c, &r->rows[i]);
        if (rc != WD_OK) {
            return rc;
        }
    }

    qsort(r->rows, n, sizeof(wd_role_t), wd_role_cmp);
    for (i = 1; i < n; i++) {
        if (wd_role_cmp(&r->rows[i - 1], &r->rows[i]) == 0) {
            return WD_EPROTO;
        }
    }
    r->n = n;
    return WD_OK;
}


/* The head: an array, of which the first member is the table. */
static int
wd_roles_head(wd_mp_t *c, uint32_t *ret_n)
{
    uint32_t n;

    if (wd_mp_read_array(c, &n) != WD_OK || n < 1
        || wd_mp_read_array(c, ret_n) != WD_OK || *ret_n > WD_ROLES_MAX) {
        return WD_EPROTO;
    }
    return WD_OK;
}


int
wd_roles_parse(wd_str_t params, wd_roles_t **ret)
{
    int         rc;
    char       *bytes;
    wd_mp_t     c = wd_mp(params.data, params.len);
    uint32_t    n;
    wd_roles_t *r;

    rc = wd_roles_head(&c, &n);
    if (rc != WD_OK) {
        return rc;
    }

    r = malloc(sizeof(*r) + n * sizeof(wd_role_t) + params.len);
    if (r == NULL) {
        return WD_ENOMEM;
    }
    bytes = (char *) &r->rows[n];
    memcpy(bytes, params.data, params.len);
    c = wd_mp(bytes, params.len);

    rc = wd_roles_head(&c, &n);
    if (rc == WD_OK) {
        rc = wd_roles_fill(r, &c, n);
    }
    if (rc != WD_OK) {
        free(r);
        return rc;
    }
    *ret = r;
    return WD_OK;
}


void
wd_roles_destroy(wd_roles_t *r)
{
    free(r);
}


size_t
wd_roles_len(const wd_roles_t *r)
{
    return r->n;
}


int
wd_roles_find(const wd_roles_t *r, wd_str_t name,
              wd_str_t perms[WD_ROLE_PERMS_MAX])
{
    wd_mp_t          c;
    uint32_t         i, n = 0;
    wd_role_t        key = {.name = name};
    const wd_role_t *row;

    if (name.len == 0) {
        return -1;
    }
    row = bsearch(&key, r->rows, r->n, sizeof(wd_role_t), wd_role_cmp);
    if (row == NULL) {
        return -1;
    }

    /* It was read before; whatever else it were, it gives nothing. */
    c = row->perms;
    if (wd_mp_read_array(&c, &n) != WD_OK) {
        return 0;
    }
    for (i = 0; i < n; i++) {
        if (wd_mp_read_str(&c, &perms[i]) != WD_OK) {
            return (int) i;
        }
    }
    return (int) n;
}
