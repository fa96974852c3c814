/*
 * wd_conf.h - configuration from the environment, one table row per key.
 *
 * A row's variable is WIZDATA_<SECTION>_<NAME> in capitals. With _FILE behind
 * it, the value is read from that file (secrets). An empty value counts as
 * not set. Rows are also what --help, docs/CONFIG.md and sys.config show.
 */
#ifndef WD_CONF_H
#define WD_CONF_H

#include "wd_json.h"

typedef struct wd_conf_row wd_conf_row_t;

/* Writes the parsed value at `field`. WD_OK or WD_ECONFIG with *err. */
typedef int (*wd_conf_parse_pt)(const wd_conf_row_t *row, wd_str_t text,
                                void *field, wd_error_t *err);

#define WD_CONF_RELOAD 1u /* SIGHUP takes a new value over */
#define WD_CONF_SECRET 2u /* shown as set or not set */
#define WD_CONF_REQUIRED 4u

struct wd_conf_row {
    const char      *section;
    const char      *name;
    wd_conf_parse_pt parse;
    size_t           offset;
    const char      *def; /* NULL: none */
    double           min;
    double           max;
    unsigned         flags;
    const char      *help;
};

/* Parsers; the type of the field is named first. */
int wd_conf_str(const wd_conf_row_t *, wd_str_t, void *, wd_error_t *);
/* char *, malloc()ed, NULL when not set */
int wd_conf_u32(const wd_conf_row_t *, wd_str_t, void *, wd_error_t *);
/* uint32_t within min..max */
int wd_conf_num(const wd_conf_row_t *, wd_str_t, void *, wd_error_t *);
/* double within min..max */
int wd_conf_bool(const wd_conf_row_t *, wd_str_t, void *, wd_error_t *);
/* bool: true|false|on|off|1|0 */
int wd_conf_ms(const wd_conf_row_t *, wd_str_t, void *, wd_error_t *);
/* uint32_t milliseconds: "250ms", "5s", "2m"; min..max in ms */
int wd_conf_bytes(const wd_conf_row_t *, wd_str_t, void *, wd_error_t *);
/* uint64_t: "64k", "16m", "1g" */

/*
 * Fills *conf from the environment. On failure *err names the variable and
 * the rule; conf must then be passed to wd_conf_done() all the same.
 */
wd_must_check int wd_conf_load(const wd_conf_row_t *rows, size_t n, void *conf,
                               wd_error_t *err);

/* Only rows with WD_CONF_RELOAD; on failure *conf is as before. */
wd_must_check int wd_conf_reload(const wd_conf_row_t *rows, size_t n,
                                 void *conf, wd_error_t *err);

void wd_conf_done(const wd_conf_row_t *rows, size_t n, void *conf);

/*
 * The next variable that is set, has the name of a section of the table, and
 * is in none of its rows: misspelt, most likely. *at begins with 0. "NAME" in
 * out; false: there is no other.
 */
bool wd_conf_stranger(const wd_conf_row_t *rows, size_t n, size_t *at,
                      char *out, size_t cap);

/* The effective values as members of an open JSON object, secrets masked. */
void wd_conf_show(const wd_conf_row_t *rows, size_t n, const void *conf,
                  wd_json_t *j);

/* "WIZDATA_DATABASE_URL" */
void wd_conf_env_name(const wd_conf_row_t *row, char *out, size_t cap);

/* One row as text for --help, and as a Markdown table row for docs. */
void wd_conf_help(const wd_conf_row_t *rows, size_t n, wd_buf_t *out);
void wd_conf_markdown(const wd_conf_row_t *rows, size_t n, wd_buf_t *out);

#endif /* WD_CONF_H */
