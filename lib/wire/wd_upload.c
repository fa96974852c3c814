/*
 * wd_upload.c - media types and codings of bodies that are data.
 */
#include "wd_upload.h"

#include "wd_base.h"

static const char *const wd_upload_names[] = {"text/csv", "application/json",
                                              "application/x-ndjson",
                                              "application/msgpack", NULL};

/* Other names of the same, all that senders use. */
static const struct {
    const char *alias;
    const char *type;
} wd_upload_aliases[] = {
    {"application/vnd.msgpack", "application/msgpack"},
};


const char *const *
wd_upload_types(void)
{
    return wd_upload_names;
}


static const char *
wd_upload_name(wd_str_t type)
{
    size_t i;

    for (i = 0; wd_upload_names[i] != NULL; i++) {
        if (wd_str_ieq(type, wd_str_z(wd_upload_names[i]))) {
            return wd_upload_names[i];
        }
    }
    for (i = 0; i < wd_array_len(wd_upload_aliases); i++) {
        if (wd_str_ieq(type, wd_str_z(wd_upload_aliases[i].alias))) {
            return wd_upload_aliases[i].type;
        }
    }
    return NULL;
}


static wd_str_t
wd_upload_unquoted(wd_str_t value)
{
    if (value.len >= 2 && value.data[0] == '"'
        && value.data[value.len - 1] == '"') {
        return wd_str(value.data + 1, value.len - 2);
    }
    return value;
}


/* ASCII is UTF-8, too. */
static bool
wd_upload_is_utf8(wd_str_t charset)
{
    charset = wd_upload_unquoted(charset);
    return wd_str_ieq(charset, WD_STR("utf-8"))
           || wd_str_ieq(charset, WD_STR("utf8"))
           || wd_str_ieq(charset, WD_STR("us-ascii"));
}


const char *
wd_upload_type(wd_str_t content_type)
{
    wd_str_t    type, value, name;
    const char *known;

    if (!wd_str_split(&content_type, ';', &type)) {
        return NULL;
    }
    known = wd_upload_name(wd_str_trim(type));

    while (known != NULL && wd_str_split(&content_type, ';', &value)) {
        if (wd_str_split(&value, '=', &name)
            && wd_str_ieq(wd_str_trim(name), WD_STR("charset"))
            && !wd_upload_is_utf8(wd_str_trim(value))) {
            return NULL;
        }
    }
    return known;
}


const char *
wd_upload_coding(wd_str_t content_encoding)
{
    size_t i;
    static const struct {
        const char *name;
        const char *coding;
    } rows[] = {
        {"", ""},         {"identity", ""},
        {"gzip", "gzip"}, {"x-gzip", "gzip"}, /* RFC 9110 8.4.1.3 */
        {"zstd", "zstd"},
    };

    content_encoding = wd_str_trim(content_encoding);
    for (i = 0; i < wd_array_len(rows); i++) {
        if (wd_str_ieq(content_encoding, wd_str_z(rows[i].name))) {
            return rows[i].coding;
        }
    }
    return NULL;
}
