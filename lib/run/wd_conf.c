/*
 * wd_conf.c - configuration tables: parsing, showing, documenting.
 */
#include "wd_conf.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define WD_CONF_ENV_MAX 96
#define WD_CONF_VALUE_MAX 16384


void
wd_conf_env_name(const wd_conf_row_t *row, char *out, size_t cap)
{
    size_t i;

    snprintf(out, cap, "WIZDATA_%s_%s", row->section, row->name);
    for (i = 0; out[i] != '\0'; i++) {
        out[i] = (char) toupper((unsigned char) out[i]);
    }
}


static int
wd_conf_bad(const wd_conf_row_t *row, wd_error_t *err, const char *rule)
{
    char env[WD_CONF_ENV_MAX];

    wd_conf_env_name(row, env, sizeof(env));
    return wd_error(err, WD_ECONFIG, "%s %s", env, rule);
}


int
wd_conf_str(const wd_conf_row_t *row, wd_str_t text, void *field,
            wd_error_t *err)
{
    char *copy, **at = field;

    copy = strndup(text.data, text.len);
    if (copy == NULL) {
        return wd_conf_bad(row, err, "does not fit into memory");
    }

    free(*at);
    *at = copy;
    return WD_OK;
}


static int
wd_conf_range(const wd_conf_row_t *row, double v, wd_error_t *err,
              const char *what)
{
    char rule[96];

    if (v >= row->min && v <= row->max) {
        return WD_OK;
    }

    snprintf(rule, sizeof(rule), "must be %s from %.15g to %.15g", what,
             row->min, row->max);
    return wd_conf_bad(row, err, rule);
}


int
wd_conf_u32(const wd_conf_row_t *row, wd_str_t text, void *field,
            wd_error_t *err)
{
    int     rc;
    int64_t v;

    if (wd_int_parse(text, &v) != WD_OK) {
        return wd_conf_bad(row, err, "must be an integer");
    }

    rc = wd_conf_range(row, (double) v, err, "an integer");
    if (rc == WD_OK) {
        *(uint32_t *) field = (uint32_t) v;
    }
    return rc;
}


int
wd_conf_num(const wd_conf_row_t *row, wd_str_t text, void *field,
            wd_error_t *err)
{
    int    rc;
    double v;

    if (wd_num_parse(text, &v) != WD_OK) {
        return wd_conf_bad(row, err, "must be a number");
    }

    rc = wd_conf_range(row, v, err, "a number");
    if (rc == WD_OK) {
        *(double *) field = v;
    }
    return rc;
}


int
wd_conf_bool(const wd_conf_row_t *row, wd_str_t text, void *field,
             wd_error_t *err)
{
    size_t                   i;
    static const char *const words[] = {"false", "true", "off", "on",
                                        "0",     "1",    "no",  "yes"};

    for (i = 0; i < wd_array_len(words); i++) {
        if (wd_str_ieq(text, wd_str_z(words[i]))) {
            *(bool *) field = i & 1;
            return WD_OK;
        }
    }
    return wd_conf_bad(row, err, "must be true or false");
}


/* A number and a unit of `units`; the result in the smallest unit. */
static int
wd_conf_unit(wd_str_t text, const char *const *units, const double *factors,
             double *ret)
{
    size_t   i, n = 0;
    wd_str_t unit;

    while (n < text.len
           && (isdigit((unsigned char) text.data[n]) || text.data[n] == '.')) {
        n++;
    }

    if (wd_num_parse(wd_str(text.data, n), ret) != WD_OK) {
        return WD_EINVAL;
    }

    unit = wd_str(text.data + n, text.len - n);
    for (i = 0; units[i] != NULL; i++) {
        if (wd_str_ieq(unit, wd_str_z(units[i]))) {
            *ret *= factors[i];
            return WD_OK;
        }
    }
    return WD_EINVAL;
}


int
wd_conf_ms(const wd_conf_row_t *row, wd_str_t text, void *field,
           wd_error_t *err)
{
    static const char *const units[] = {"ms", "s", "m", "h", "d", NULL};
    static const double      factors[] = {1, 1e3, 6e4, 36e5, 864e5};
    int                      rc;
    double                   v;

    if (wd_conf_unit(text, units, factors, &v) != WD_OK) {
        return wd_conf_bad(row, err,
                           "must be a duration such as 250ms, 5s, 2m or 7d");
    }

    rc = wd_conf_range(row, v, err, "a duration in milliseconds");
    if (rc == WD_OK) {
        *(uint32_t *) field = (uint32_t) v;
    }
    return rc;
}


int
wd_conf_bytes(const wd_conf_row_t *row, wd_str_t text, void *field,
              wd_error_t *err)
{
    static const char *const units[] = {"", "k", "m", "g", NULL};
    static const double      factors[] = {1, 1024, 1048576, 1073741824};
    int                      rc;
    double                   v;

    if (wd_conf_unit(text, units, factors, &v) != WD_OK) {
        return wd_conf_bad(row, err, "must be a size such as 64k or 16m");
    }

    rc = wd_conf_range(row, v, err, "a size in bytes");
    if (rc == WD_OK) {
        *(uint64_t *) field = (uint64_t) v;
    }
    return rc;
}


/* The content of a secret's file, without the line end. */
static int
wd_conf_read_file(const wd_conf_row_t *row, const char *path, wd_buf_t *out,
                  wd_error_t *err)
{
    int     fd;
    ssize_t n;
    char    chunk[1024];

    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return wd_conf_bad(row, err, "has a _FILE that cannot be opened");
    }

    do { /* a device may never end */
        n = read(fd, chunk, sizeof(chunk));
        wd_buf_append(out, chunk, n > 0 ? (size_t) n : 0);
    } while (n > 0 && out->err == WD_OK);
    close(fd);

    if (n < 0 || out->err != WD_OK) {
        return wd_conf_bad(row, err, "has a _FILE that cannot be read");
    }
    return WD_OK;
}


/* The row's text: environment, file or default. *ret.data NULL: none. */
static int
wd_conf_text(const wd_conf_row_t *row, wd_buf_t *tmp, wd_str_t *ret,
             wd_error_t *err)
{
    int         rc;
    char        env[WD_CONF_ENV_MAX], file[WD_CONF_ENV_MAX + 8];
    const char *value, *path;

    wd_conf_env_name(row, env, sizeof(env));
    snprintf(file, sizeof(file), "%s_FILE", env);

    value = getenv(env);
    path = getenv(file);

    if (value != NULL && *value != '\0') {
        *ret = wd_str_z(value);
    } else if (path != NULL && *path != '\0') {
        rc = wd_conf_read_file(row, path, tmp, err);
        if (rc != WD_OK) {
            return rc;
        }
        *ret = wd_str_trim(wd_buf_view(tmp));
    }

    if (ret->len == 0) {
        *ret = wd_str_z(row->def);
    }

    if (ret->len > WD_CONF_VALUE_MAX) {
        return wd_conf_bad(row, err, "is too long");
    }
    return WD_OK;
}


static int
wd_conf_one(const wd_conf_row_t *row, void *conf, wd_error_t *err)
{
    int      rc;
    wd_buf_t tmp;
    wd_str_t text = WD_STR_NULL;

    wd_buf_init(&tmp, WD_CONF_VALUE_MAX);

    rc = wd_conf_text(row, &tmp, &text, err);
    if (rc == WD_OK && text.data != NULL) {
        rc = row->parse(row, text, (char *) conf + row->offset, err);
    } else if (rc == WD_OK && (row->flags & WD_CONF_REQUIRED)) {
        rc = wd_conf_bad(row, err, "is required");
    }

    if (row->flags & WD_CONF_SECRET && tmp.data != NULL) {
        explicit_bzero(tmp.data, tmp.cap);
    }
    wd_buf_done(&tmp);
    return rc;
}


int
wd_conf_load(const wd_conf_row_t *rows, size_t n, void *conf, wd_error_t *err)
{
    int    rc;
    size_t i;

    for (i = 0; i < n; i++) {
        rc = wd_conf_one(&rows[i], conf, err);
        if (rc != WD_OK) {
            return rc;
        }
    }
    return WD_OK;
}


/* How large the row's field is. */
static size_t
wd_conf_field_size(const wd_conf_row_t *row)
{
    if (row->parse == wd_conf_bool) {
        return sizeof(bool);
    }
    if (row->parse == wd_conf_u32 || row->parse == wd_conf_ms) {
        return sizeof(uint32_t);
    }
    return sizeof(uint64_t); /* pointer, double, uint64_t */
}


int
wd_conf_reload(const wd_conf_row_t *rows, size_t n, void *conf, wd_error_t *err)
{
    int    rc = WD_OK;
    char  *was, *now;
    size_t i;
    union {
        char    *s;
        uint64_t any;
    } value;

    /* All rows are checked before the first is taken over. */
    for (i = 0; i < n && rc == WD_OK; i++) {
        if (rows[i].flags & WD_CONF_RELOAD) {
            value.any = 0;
            rc = wd_conf_one(&rows[i], (char *) &value - rows[i].offset, err);
            if (rows[i].parse == wd_conf_str) {
                free(value.s);
            }
        }
    }

    for (i = 0; i < n && rc == WD_OK; i++) {
        if (!(rows[i].flags & WD_CONF_RELOAD)) {
            continue;
        }
        value.any = 0;
        rc = wd_conf_one(&rows[i], (char *) &value - rows[i].offset, err);
        if (rc != WD_OK) {
            break;
        }
        now = (char *) conf + rows[i].offset;
        if (rows[i].parse == wd_conf_str) {
            was = *(char **) (void *) now;
            free(was);
        }
        memcpy(now, &value, wd_conf_field_size(&rows[i]));
    }

    return rc;
}


void
wd_conf_done(const wd_conf_row_t *rows, size_t n, void *conf)
{
    char **at;
    size_t i;

    for (i = 0; i < n; i++) {
        if (rows[i].parse != wd_conf_str) {
            continue;
        }
        at = (char **) (void *) ((char *) conf + rows[i].offset);
        if (*at != NULL && (rows[i].flags & WD_CONF_SECRET)) {
            explicit_bzero(*at, strlen(*at));
        }
        free(*at);
        *at = NULL;
    }
}


/* WIZDATA_<SERVICE>_ENDPOINT tells wizdatactl where a service is. */
static bool
wd_conf_is_endpoint(wd_str_t name)
{
    static const char end[] = "_ENDPOINT";
    const size_t      n = sizeof(end) - 1;

    return name.len > n
           && wd_str_eq_z(wd_str(name.data + name.len - n, n), end);
}


/* "NAME" or "NAME_FILE" of a row. */
static bool
wd_conf_is_row(const wd_conf_row_t *row, wd_str_t name)
{
    char   env[WD_CONF_ENV_MAX];
    size_t n;

    wd_conf_env_name(row, env, sizeof(env));
    n = strlen(env);
    return wd_str_starts(name, env)
           && (name.len == n
               || wd_str_eq_z(wd_str(name.data + n, name.len - n), "_FILE"));
}


static bool
wd_conf_is_stranger(const wd_conf_row_t *rows, size_t n, wd_str_t name)
{
    char          prefix[WD_CONF_ENV_MAX];
    bool          ours = false;
    size_t        i;
    wd_conf_row_t section = {.name = ""};

    for (i = 0; i < n; i++) {
        section.section = rows[i].section;
        wd_conf_env_name(&section, prefix, sizeof(prefix));
        ours |= wd_str_starts(name, prefix);
        if (wd_conf_is_row(&rows[i], name)) {
            return false;
        }
    }
    return ours;
}


bool
wd_conf_stranger(const wd_conf_row_t *rows, size_t n, size_t *at, char *out,
                 size_t cap)
{
    wd_str_t name;

    for (; environ != NULL && environ[*at] != NULL; (*at)++) {
        name = wd_str(environ[*at], strcspn(environ[*at], "="));
        if (!wd_conf_is_endpoint(name) && wd_conf_is_stranger(rows, n, name)) {
            wd_str_copy(out, cap, name);
            (*at)++;
            return true;
        }
    }
    return false;
}


static void
wd_conf_show_value(const wd_conf_row_t *row, const void *field, wd_json_t *j)
{
    if (row->flags & WD_CONF_SECRET) {
        wd_json_bool(j, *(char *const *) field != NULL);
    } else if (row->parse == wd_conf_str) {
        wd_json_z(j, *(char *const *) field);
    } else if (row->parse == wd_conf_bool) {
        wd_json_bool(j, *(const bool *) field);
    } else if (row->parse == wd_conf_num) {
        wd_json_num(j, *(const double *) field);
    } else if (row->parse == wd_conf_bytes) {
        wd_json_int(j, (int64_t) * (const uint64_t *) field);
    } else {
        wd_json_int(j, *(const uint32_t *) field);
    }
}


void
wd_conf_show(const wd_conf_row_t *rows, size_t n, const void *conf,
             wd_json_t *j)
{
    char   name[WD_CONF_ENV_MAX];
    size_t i;

    for (i = 0; i < n; i++) {
        snprintf(name, sizeof(name), "%s.%s%s", rows[i].section, rows[i].name,
                 rows[i].parse == wd_conf_ms ? "_ms" : "");
        wd_json_key(j, name);
        wd_conf_show_value(&rows[i], (const char *) conf + rows[i].offset, j);
    }
}


void
wd_conf_help(const wd_conf_row_t *rows, size_t n, wd_buf_t *out)
{
    char   env[WD_CONF_ENV_MAX];
    size_t i;

    for (i = 0; i < n; i++) {
        wd_conf_env_name(&rows[i], env, sizeof(env));
        wd_buf_printf(out, "  %s\n      %s", env, rows[i].help);
        if (rows[i].def != NULL) {
            wd_buf_printf(out, " [%s]", rows[i].def);
        }
        if (rows[i].flags & WD_CONF_SECRET) {
            wd_buf_printf(out, " (or %s_FILE)", env);
        }
        wd_buf_byte(out, '\n');
    }
}


static const char *
wd_conf_type_name(const wd_conf_row_t *row)
{
    if (row->parse == wd_conf_u32) {
        return "integer";
    }
    if (row->parse == wd_conf_num) {
        return "number";
    }
    if (row->parse == wd_conf_bool) {
        return "boolean";
    }
    if (row->parse == wd_conf_ms) {
        return "duration";
    }
    if (row->parse == wd_conf_bytes) {
        return "size";
    }
    return "text";
}


void
wd_conf_markdown(const wd_conf_row_t *rows, size_t n, wd_buf_t *out)
{
    char   env[WD_CONF_ENV_MAX];
    size_t i;

    wd_buf_z(out, "| variable | type | default | range | reload | meaning |\n"
                  "|---|---|---|---|---|---|\n");

    for (i = 0; i < n; i++) {
        wd_conf_env_name(&rows[i], env, sizeof(env));
        wd_buf_printf(out, "| `%s` | %s%s | ", env, wd_conf_type_name(&rows[i]),
                      rows[i].flags & WD_CONF_SECRET ? ", secret" : "");
        if (rows[i].def != NULL && rows[i].def[0] != '\0') {
            wd_buf_printf(out, "`%s`", rows[i].def);
        } else if (rows[i].flags & WD_CONF_REQUIRED) {
            wd_buf_z(out, "required");
        }
        wd_buf_z(out, " | ");
        if (rows[i].max > rows[i].min) {
            wd_buf_printf(out, "%.15g to %.15g", rows[i].min, rows[i].max);
        }
        wd_buf_printf(out, " | %s | %s |\n",
                      rows[i].flags & WD_CONF_RELOAD ? "yes" : "",
                      rows[i].help);
    }
}
