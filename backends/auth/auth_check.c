/*
 * auth_check.c - addresses, names and references to users.
 */
#include "auth_check.h"

#include "wd_num.h"

#include <arpa/inet.h>

#define AUTH_LOCAL_MAX 64
#define AUTH_LABEL_MAX 63


bool
auth_text_valid(wd_str_t text, size_t max)
{
    size_t i;

    for (i = 0; i < text.len; i++) {
        if ((unsigned char) text.data[i] < 0x20 || text.data[i] == 0x7f) {
            return false;
        }
    }
    return text.len >= 1 && text.len <= max && wd_utf8_valid(text);
}


static bool
auth_is_alnum(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z')
           || (c >= 'A' && c <= 'Z') || (unsigned char) c >= 0x80;
}


static bool
auth_atom_valid(wd_str_t atom)
{
    size_t i;

    for (i = 0; i < atom.len; i++) {
        if (!auth_is_alnum(atom.data[i])
            && strchr("!#$%&'*+-/=?^_`{|}~", atom.data[i]) == NULL) {
            return false;
        }
    }
    return atom.len != 0;
}


static bool
auth_label_valid(wd_str_t label)
{
    size_t i;

    if (label.len == 0 || label.len > AUTH_LABEL_MAX || label.data[0] == '-'
        || label.data[label.len - 1] == '-') {
        return false;
    }

    for (i = 0; i < label.len; i++) {
        if (!auth_is_alnum(label.data[i]) && label.data[i] != '-') {
            return false;
        }
    }
    return true;
}


/* Parts between dots, none of them empty. */
static bool
auth_dotted_valid(wd_str_t s, bool (*part_valid)(wd_str_t part))
{
    wd_str_t part;

    if (s.len == 0 || s.data[s.len - 1] == '.') {
        return false;
    }

    while (wd_str_split(&s, '.', &part)) {
        if (!part_valid(part)) {
            return false;
        }
    }
    return true;
}


bool
auth_email_valid(wd_str_t email)
{
    wd_str_t local, domain = email;

    if (!auth_text_valid(email, AUTH_EMAIL_MAX)) {
        return false;
    }

    wd_str_split(&domain, '@', &local);
    return local.len <= AUTH_LOCAL_MAX
           && auth_dotted_valid(local, auth_atom_valid)
           && auth_dotted_valid(domain, auth_label_valid);
}


bool
auth_user_id(wd_str_t ref, int64_t *ret)
{
    int64_t id;

    if (wd_str_starts(ref, "user:")) {
        ref = wd_str(ref.data + 5, ref.len - 5);
    }

    if (wd_int_parse(ref, &id) != WD_OK || id < 1) {
        return false;
    }
    *ret = id;
    return true;
}


bool
auth_key_ref(wd_str_t ref, int64_t *ret)
{
    return wd_str_starts(ref, "key:")
           && wd_int_parse(wd_str(ref.data + 4, ref.len - 4), ret) == WD_OK;
}


/* No bit is set behind the first `prefix` of them. */
static bool
auth_prefix_clean(const uint8_t *addr, size_t n, int64_t prefix)
{
    size_t i;

    for (i = (size_t) prefix; i < 8 * n; i++) {
        if (addr[i / 8] & (0x80 >> i % 8)) {
            return false;
        }
    }
    return true;
}


bool
auth_network_valid(wd_str_t text)
{
    char     addr[INET6_ADDRSTRLEN];
    size_t   n;
    int64_t  prefix;
    uint8_t  bytes[16];
    wd_str_t head, rest = text;

    if (!wd_str_split(&rest, '/', &head) || head.len == 0
        || head.len >= sizeof(addr)) {
        return false;
    }
    wd_str_copy(addr, sizeof(addr), head);

    if (inet_pton(AF_INET, addr, bytes) == 1) {
        n = 4;
    } else if (inet_pton(AF_INET6, addr, bytes) == 1) {
        n = 16;
    } else {
        return false;
    }

    prefix = (int64_t) (8 * n);
    if (head.len != text.len
        && (wd_int_parse(rest, &prefix) != WD_OK || prefix < 0
            || prefix > (int64_t) (8 * n) || rest.data[0] == '+'
            || rest.data[0] == '-')) {
        return false;
    }
    return auth_prefix_clean(bytes, n, prefix);
}
